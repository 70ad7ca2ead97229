//! Rules for honest hosts.
//!
//! - **True Reports** (`host-truth`): a record carries the interest of the sockets at the moment of sending
//!   (RFC 9777 sections 6.1, 6.3; R-LSN-20 to 26, R-LSN-46 to 48, R-LSN-61, R-LSN-62).
//! - **One version** (`host-version`): a host speaks MLDv1 alone while an MLDv1 querier is present, and MLDv2 alone
//!   otherwise (R-CMP-30 to 33).
//! - **Answers** (`host-answer`): a listener reports what a Query asks for within the response delay (R-LSN-41,
//!   R-LSN-42, R-CMP-34, R-LSN-70), and does not answer without a Query. In MLDv1 the Report of another host replaces
//!   the own one while that is pending (R-LSN-73).
//! - **Delayed answers** (`host-implosion`): no answer to a General Query leaves in the instant in which it came
//!   (R-LSN-45).
//! - **State changes** (`host-change`): a change is reported in the same instant (R-LSN-20), and again, robustness
//!   variable times in all and no more, within an Unsolicited Report Interval each (R-LSN-22 to 25); so are all groups
//!   when the address becomes usable (R-LSN-28). In MLDv1 a Report is repeated (R-LSN-72), and leaving says Done unless
//!   another host reported last (R-LSN-71).
//!
//! Where these rules leave a choice:
//!
//! - After a QRV of 0 the last value or the host's own holds (R-LSN-50).
//! - Sources that a TO_IN or TO_EX does not name may count as reported by it or not (R-LSN-27).
//! - An answer that takes several Reports may also answer a Query that comes meanwhile, and need not contain changes
//!   since it began (R-LSN-44).
//! - In MLDv1 mode the Report of another may replace the own one for a group of source-specific multicast, or not
//!   (R-CMP-37).
//! - A Query that only some hosts would accept may have been accepted or not.
//! - A host whose address is tentative, or whose mode is open, need not report; its Reports have to be true. It may
//!   repeat them for robustness variable Unsolicited Report Intervals.

mod answers;
mod changes;
mod count;
mod learnt;
mod version_1;

use core::net::Ipv6Addr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use mld_proto::Instant;

use self::answers::Answers;
use self::changes::Changes;
use self::count::Count;
use self::learnt::{Learnt, Mode};
use self::version_1::Timer;
use crate::judge::reading::{ALL_NODES, Heard, Query};
use crate::packet::write::{ALLOW, IS_EX, IS_IN, TO_EX, TO_IN};
use crate::packet::{Sent, SentRecord, strict};
use crate::world::{Call, Frame, HostSettings, HostVersion, Violation, Wants};

/// How soon a delay of nothing is answered.
const SOON_MS: u64 = 1000;
const NOTHING: &Wants = &Wants { exclude: false, sources: BTreeSet::new() };

/// The messages that one host has to send.
#[derive(Debug)]
pub(super) struct HostReports {
    learnt: Learnt,
    mode: Mode,
    /// Its address, unless that is tentative.
    address: Option<Ipv6Addr>,
    /// The interest of its sockets.
    wants: BTreeMap<Ipv6Addr, Wants>,
    groups: BTreeMap<Ipv6Addr, Group>,
    /// Until when an answer to a General Query may leave.
    general_until: Option<Instant>,
    /// When a General Query came last, and until when Queries that came before it may be answered.
    general_at: Option<Instant>,
    asked_before: Option<Instant>,
    asked_until: Option<Instant>,
    /// Until when it may report changes that were not tracked.
    strays_until: Option<Instant>,
}

/// The messages that are pending for one group.
#[derive(Debug, Default)]
struct Group {
    changes: Changes,
    answers: Answers,
    timer: Timer,
}

impl Group {
    /// Nothing is owed, and nothing has to be remembered.
    fn is_over(&self, at: Instant) -> bool {
        self.changes.is_over() && self.answers.is_over(at) && self.timer.is_over()
    }
}

impl HostReports {
    pub(super) const fn new(settings: HostSettings) -> Self {
        let learnt = Learnt::new(settings);
        Self {
            mode: match settings.version {
                HostVersion::One => Mode::One,
                HostVersion::Two | HostVersion::TwoOnly => Mode::Two,
            },
            learnt,
            address: None,
            wants: BTreeMap::new(),
            groups: BTreeMap::new(),
            general_until: None,
            general_at: None,
            asked_before: None,
            asked_until: None,
            strays_until: None,
        }
    }

    /// The host's application called, or its interface came up.
    ///
    /// # Errors
    ///
    /// An earlier message was not the one that was due.
    pub(super) fn called(
        &mut self,
        at: Instant,
        call: &Call,
        wants: &BTreeMap<Ipv6Addr, Wants>,
    ) -> Result<(), Violation> {
        self.conclude(|_| true)?;
        match call {
            Call::Crash => *self = Self::new(self.learnt.settings),
            Call::Up { link_local } if *link_local == self.address => {}
            Call::Up { link_local } => {
                self.address = *link_local;
                self.forget_groups(at);
                for (group, wants) in wants {
                    self.changed(at, *group, NOTHING, wants);
                }
            }
            Call::Listen { group, .. } => {
                let (before, now) = (of(&self.wants, *group).clone(), of(wants, *group));
                if before != *now {
                    self.changed(at, *group, &before, now);
                    self.wants.insert(*group, now.clone());
                    self.wants.retain(|_, wants| !wants.is_nothing());
                }
            }
        }
        Ok(())
    }

    /// The interface's interest in a group changed, or has to be reported again.
    fn changed(&mut self, at: Instant, group: Ipv6Addr, before: &Wants, now: &Wants) {
        if !is_reported(group) {
            return;
        }
        if self.address.is_none() || self.mode == Mode::Either {
            return self.allow_strays(at);
        }
        let reports = self.reports();
        let is_divided = is_long(&self.wants, self.learnt.settings.mtu);
        let pending = self.groups.entry(group).or_default();
        if self.mode == Mode::Two {
            pending.changes.changed(at, before, now, reports);
            pending.answers.changed(before, now, is_divided);
        } else if before.is_nothing() {
            pending.timer.joined(at, reports);
        } else if now.is_nothing() {
            pending.timer.left(at);
        }
    }

    /// The number of reports of a change.
    fn reports(&self) -> Count {
        match self.learnt.settings.version {
            // Repeated once or twice (R-LSN-72).
            HostVersion::One => Count { low: 2, high: 3 },
            _ => self.learnt.robustness,
        }
    }

    fn allow_strays(&mut self, at: Instant) {
        let until = at + self.interval() * u32::from(self.reports().high);
        self.strays_until = self.strays_until.max(Some(until));
    }

    /// Unsolicited Report Interval.
    const fn interval(&self) -> Duration {
        Duration::from_millis(self.learnt.settings.unsolicited_report_interval_ms)
    }

    /// A frame reached the host.
    pub(super) fn heard(&mut self, at: Instant, packet: &[u8]) {
        let settings = self.learnt.settings;
        let knows_only_version_1 = settings.version == HostVersion::One;
        let heard =
            Heard::read(packet, knows_only_version_1, self.address, |group| self.wants.contains_key(&group));
        match heard {
            Some((Heard::Query(query), _))
                if query.version == 1 && settings.version == HostVersion::TwoOnly => {}
            Some((Heard::Query(query), is_sound)) => {
                self.learnt.heard(at, &query, is_sound);
                self.advance(at);
                self.asked(at, &query, is_sound);
            }
            Some((Heard::ReportV1(group), is_sound)) if self.mode == Mode::One => {
                let timer = self.groups.get_mut(&group).map(|pending| &mut pending.timer);
                match timer {
                    // R-CMP-37
                    Some(timer) if is_sound && !is_ssm(group) => timer.overheard(),
                    Some(timer) => timer.perhaps_overheard(),
                    None => {}
                }
            }
            _ => {}
        }
    }

    fn asked(&mut self, at: Instant, query: &Query, is_sound: bool) {
        let delay = match query.delay_ms() {
            0 => Duration::from_millis(SOON_MS),
            delay_ms => Duration::from_millis(delay_ms),
        };
        let due = at + delay;
        if query.is_general() {
            (self.general_at, self.asked_before) = (Some(at), self.asked_until);
        }
        self.asked_until = self.asked_until.max(Some(due));
        if query.is_general() || self.mode == Mode::Either {
            self.general_until = self.general_until.max(Some(due));
        }
        // A long answer to a General Query is spread over its delay, and stands for what is asked meanwhile (R-LSN-44).
        let due = match self.general_until {
            Some(until) if is_long(&self.wants, self.learnt.settings.mtu) => due.max(until),
            _ => due,
        };
        let is_asked =
            |group: &Ipv6Addr| is_reported(*group) && (query.is_general() || query.group == *group);
        for (group, wants) in self.wants.iter().filter(|(group, _)| is_asked(group)) {
            let Group { answers, timer, .. } = self.groups.entry(*group).or_default();
            // R-CMP-34, R-CMP-35: a plain number of milliseconds.
            let plain = Duration::from_millis(query.code.into());
            match self.mode {
                Mode::One if is_sound && self.address.is_some() => timer.asked(at, plain),
                Mode::One => timer.perhaps_asked(at, plain),
                Mode::Two => {
                    answers.until = answers.until.max(Some(due));
                    if is_sound && self.address.is_some() {
                        answers.asked(&query.sources, due, wants);
                    }
                }
                Mode::Either => {}
            }
        }
    }

    /// The host sent a frame.
    ///
    /// # Errors
    ///
    /// It should not have.
    pub(super) fn sent(&mut self, at: Instant, frame: &Frame) -> Result<(), Violation> {
        let sent = strict(&frame.packet, self.learnt.settings.mtu).map_err(|text| {
            Violation::new("strict", format!("a host sent a packet that is wrong: {text}"))
        })?;
        match sent {
            Sent::ReportV2 { records, .. } => {
                if self.mode == Mode::One {
                    return Err(Violation::new("host-version", "sends an MLDv2 Report in MLDv1 mode"));
                }
                let is_answer = records.iter().all(|record| matches!(record.kind, IS_IN | IS_EX));
                if is_answer && self.owes_only_this(at) {
                    return Err(Violation::new("host-implosion", "a General Query was answered at once"));
                }
                records.iter().try_for_each(|record| self.said(at, record))
            }
            Sent::ReportV1 { group, .. } => {
                check(self.wants.contains_key(&group), "host-truth", || {
                    format!("reports {group}, which no socket wants")
                })?;
                self.spoke_version_1(at, group, |timer, interval| timer.reported(at, interval), "host-answer")
            }
            Sent::Done { group, .. } => {
                let is_done = !self.wants.contains_key(&group);
                check(is_done, "host-truth", || format!("sends Done for {group}, which a socket wants"))?;
                self.spoke_version_1(at, group, |timer, _| timer.said_done(at), "host-change")
            }
            Sent::Query { .. } => Err(Violation::new("strict", "a host sent a Query")),
        }
    }

    /// A record of an MLDv2 Report.
    fn said(&mut self, at: Instant, record: &SentRecord) -> Result<(), Violation> {
        let group = record.group;
        let wants = of(&self.wants, group);
        check(is_true(record, wants, self.learnt.settings.mtu), "host-truth", || {
            format!("sends {record:?} but wants {wants:?}")
        })?;
        if self.address.is_none() || self.mode == Mode::Either {
            return Ok(());
        }
        let Group { answers, changes, .. } = self.groups.entry(group).or_default();
        if !matches!(record.kind, IS_IN | IS_EX) {
            changes.said(at, record);
            return Ok(());
        }
        answers.said(record, wants);
        let until = answers.until.max(self.general_until);
        check(until >= Some(at), "host-answer", || format!("answers for {group} without a Query"))
    }

    /// An MLDv1 message for a group.
    fn spoke_version_1(
        &mut self,
        at: Instant,
        group: Ipv6Addr,
        tell: impl FnOnce(&mut Timer, Duration) -> Result<(), String>,
        rule: &'static str,
    ) -> Result<(), Violation> {
        if self.mode == Mode::Two {
            return Err(Violation::new("host-version", "sends an MLDv1 message in MLDv2 mode"));
        }
        if self.address.is_none() || self.mode == Mode::Either {
            return Ok(());
        }
        let interval = self.interval();
        let told = tell(&mut self.groups.entry(group).or_default().timer, interval);
        let is_stray = self.strays_until >= Some(at);
        told.or_else(
            |text| if is_stray { Ok(()) } else { Err(Violation::new(rule, format!("{group}: {text}"))) },
        )
    }

    /// Nothing was asked before the General Query of this instant that could be answered in it.
    fn owes_only_this(&self, at: Instant) -> bool {
        self.general_at == Some(at) && self.asked_before < Some(at) && self.mode == Mode::Two
    }

    /// Checks that everything due until `at`, exclusive, was done.
    ///
    /// # Errors
    ///
    /// The missing or forbidden message.
    pub(super) fn check(&mut self, at: Instant) -> Result<(), Violation> {
        self.conclude(|said| said < at)?;
        // Messages that are pending when the mode ends are not sent (R-CMP-36).
        let until = self.learnt.mode_until().map_or(at, |end| end.min(at));
        for (group, pending) in &self.groups {
            let violation = |rule| move |text| Violation::new(rule, format!("{group}: {text}"));
            pending.answers.check(until).map_err(violation("host-answer"))?;
            pending.changes.check(until).map_err(violation("host-change"))?;
            pending.timer.check(until).map_err(violation("host-answer"))?;
        }
        self.groups.retain(|_, pending| !pending.is_over(at));
        self.advance(at);
        Ok(())
    }

    /// Judges the changes that were said in instants that are over.
    fn conclude(&mut self, is_over: impl Fn(Instant) -> bool) -> Result<(), Violation> {
        let interval = self.interval();
        for (group, Group { changes, .. }) in &mut self.groups {
            let Some(said) = changes.said_at().filter(|said| is_over(*said)) else { continue };
            let has_strays = self.strays_until >= Some(said);
            changes
                .conclude(of(&self.wants, *group), interval, has_strays)
                .map_err(|text| Violation::new("host-change", format!("{group}: {text}")))?;
        }
        Ok(())
    }

    /// The mode may be another by now: what is pending in the old one is cancelled (R-CMP-36).
    fn advance(&mut self, at: Instant) {
        let mode = self.learnt.mode(at);
        if mode == self.mode {
            return;
        }
        self.mode = mode;
        if mode == Mode::Either {
            return self.forget_groups(at);
        }
        self.groups.clear();
    }

    /// From here on it may do what it had to do, and need not.
    fn forget_groups(&mut self, at: Instant) {
        self.groups.clear();
        self.general_until = self.general_until.max(self.asked_until);
        self.allow_strays(at);
    }
}

/// The interest in a group.
fn of(wants: &BTreeMap<Ipv6Addr, Wants>, group: Ipv6Addr) -> &Wants {
    wants.get(&group).unwrap_or(NOTHING)
}

fn check(holds: bool, rule: &'static str, text: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation::new(rule, text())) }
}

/// Groups that are reported at all (R-LSN-8, R-LSN-9).
fn is_reported(group: Ipv6Addr) -> bool {
    group.octets()[1] & 0xf >= 2 && group != ALL_NODES
}

/// ff3x::/32 (RFC 4607 section 1).
const fn is_ssm(group: Ipv6Addr) -> bool {
    matches!(group.segments(), [0xff30..=0xff3f, 0, ..])
}

/// Sources that one record can list (R-LSN-61).
fn sources_max(mtu: u16) -> usize {
    (usize::from(mtu) - 76) / 16
}

/// The answer to a General Query takes more than one Report (R-LSN-60).
fn is_long(wants: &BTreeMap<Ipv6Addr, Wants>, mtu: u16) -> bool {
    let records = wants.iter().filter(|(group, _)| is_reported(**group));
    let octets: usize = records.map(|(_, wants)| 20 + 16 * wants.sources.len()).sum();
    octets > usize::from(mtu) - 56
}

fn is_true(record: &SentRecord, wants: &Wants, mtu: u16) -> bool {
    let max = sources_max(mtu);
    let all = |is_wanted: bool| record.sources.iter().all(|source| wants.wants(*source) == is_wanted);
    let is_whole = |count: usize| {
        record.sources.len() == count && record.sources.iter().all(|source| wants.sources.contains(source))
    };
    let listed = wants.sources.len();
    match record.kind {
        IS_IN | ALLOW => all(true) && !wants.is_nothing(),
        // As many as fit.
        IS_EX | TO_EX => wants.exclude && is_whole(listed.min(max)),
        // Split, where it does not fit.
        TO_IN => !wants.exclude && (is_whole(listed) || listed > max && all(true)),
        _ => all(false),
    }
}
