//! What an honest host must do.
//!
//! - **True Reports** (`host-truth`): what a record says is what the sockets want at the moment of sending
//!   (RFC 9777 sections 6.1, 6.3; R-LSN-20 to 26, R-LSN-46 to 48).
//! - **Answers** (`host-answer`): who listens to what a Query asks for reports it within the response delay (R-LSN-41,
//!   R-LSN-42). In MLDv1 the Report of another may stand for its own (R-LSN-73).
//! - **Never at once** (`host-implosion`): no answer to a General Query leaves in the instant in which it came (R-LSN-45).
//! - **State changes** (`host-change`): a change is reported in the same instant (R-LSN-20), and again, robustness
//!   variable times in all, within an Unsolicited Report Interval each (R-LSN-22).
//!
//! After an MLDv1 Query a host may be in MLDv1 mode for a while (R-CMP-31); until it comes up again it is only held to
//! what both versions demand. A host with a tentative address, or whose interface went down, owes nothing.

use core::net::Ipv6Addr;
use std::collections::BTreeMap;

use mld_proto::Instant;

use super::Violation;
use super::reading::Query;
use crate::model::{Sent, SentRecord, strict};
use crate::world::{Call, Frame, Wants};

const IS_IN: u8 = 1;
const IS_EX: u8 = 2;
const TO_IN: u8 = 3;
const TO_EX: u8 = 4;
const ALLOW: u8 = 5;
/// The longest list that fits a link of 1280 octets (R-LSN-61); longer ones are divided or cut.
const WHOLE_LIST: usize = 75;
/// A delay of nothing is answered soon.
const SOON_MS: u64 = 1000;
/// Between two Reports of a change (RFC 9777 section 9.11), plus the rounding of each of up to seven.
const UNSOLICITED_MS: u64 = 1000;

/// What one host owes.
#[derive(Debug, Default)]
pub(super) struct Duties {
    /// Until when each listened group is to be reported because of a Query, with the sources asked for.
    answers: BTreeMap<Ipv6Addr, Vec<Answer>>,
    /// Changes that are to be reported again.
    changes: BTreeMap<Ipv6Addr, Change>,
    /// An MLDv1 Query came since it is up, or it sent an MLDv1 message: it is or was in MLDv1 mode.
    met_version_1: bool,
    /// The lowest robustness variable that it was told, 0 if none.
    robustness: u8,
    /// A Query came that nobody should send; what it made the host do is its business.
    met_odd: bool,
    /// Until when Queries that came before the last General Query may be answered.
    asked_before: Instant,
    /// The same of every Query.
    asked_until: Instant,
    /// When a General Query came last.
    general_at: Option<Instant>,
}

#[derive(Debug)]
struct Answer {
    sources: Vec<Ipv6Addr>,
    due: Instant,
}

#[derive(Debug)]
struct Change {
    at: Instant,
    reports: u32,
    wanted_before: Wants,
}

impl Duties {
    /// The host's application called.
    pub(super) fn called(
        &mut self,
        at: Instant,
        call: &Call,
        before: &BTreeMap<Ipv6Addr, Wants>,
        now: &BTreeMap<Ipv6Addr, Wants>,
        is_heard: bool,
    ) {
        match call {
            Call::Crash => *self = Self::default(),
            // What the host learnt of the link it still knows.
            Call::Up { .. } => {
                self.answers.clear();
                self.changes.clear();
            }
            Call::Listen { .. } if !is_heard => {}
            Call::Listen { group, .. } => {
                let nothing = Wants::default();
                let (before, now) =
                    (before.get(group).unwrap_or(&nothing), now.get(group).unwrap_or(&nothing));
                if before != now && is_reported(*group) {
                    self.changes.insert(*group, Change { at, reports: 0, wanted_before: before.clone() });
                }
                if now.is_nothing() {
                    self.answers.remove(group);
                }
            }
        }
    }

    /// A frame reached the host.
    pub(super) fn heard(
        &mut self,
        at: Instant,
        packet: &[u8],
        wants: &BTreeMap<Ipv6Addr, Wants>,
        own: Option<Ipv6Addr>,
        is_heard: bool,
    ) {
        let source =
            packet.get(8..24).and_then(|octets| <[u8; 16]>::try_from(octets).ok()).map(Ipv6Addr::from);
        let Some(sent) = strict(packet, u16::MAX).ok().filter(|_| source != own) else {
            // An odd packet, or one that claims to come from the host itself, is not held against it; but it may have
            // changed its mode.
            let is_query = Query::read(packet).is_some();
            (self.met_version_1, self.met_odd) = (self.met_version_1 | is_query, self.met_odd | is_query);
            return;
        };
        match sent {
            Sent::Query { .. } => {}
            Sent::ReportV1 { group, .. } => {
                self.answers.remove(&group);
                return;
            }
            _ => return,
        }
        let Some(query) = Query::read(packet) else { return };
        self.met_version_1 |= query.version == 1;
        if query.robustness > 0 {
            self.robustness =
                if self.robustness == 0 { query.robustness } else { self.robustness.min(query.robustness) };
        }
        if query.is_general() {
            self.general_at = Some(at);
            self.asked_before = self.asked_until;
        }
        let delay_ms = query.delay_ms().max(u64::from(query.code)).max(SOON_MS);
        let due = at + core::time::Duration::from_millis(delay_ms);
        self.asked_until = self.asked_until.max(due);
        for (group, wants) in wants.iter().filter(|(group, _)| is_reported(**group)) {
            let asks = query.is_general() || query.group == *group;
            let has_answer =
                query.sources.is_empty() || query.sources.iter().any(|source| wants.wants(*source));
            if asks && has_answer && is_heard {
                self.answers.entry(*group).or_default().push(Answer { sources: query.sources.clone(), due });
            }
        }
    }

    /// The host sent a frame.
    pub(super) fn sent(
        &mut self,
        at: Instant,
        frame: &Frame,
        wants: &BTreeMap<Ipv6Addr, Wants>,
    ) -> Result<(), Violation> {
        let sent = strict(&frame.packet, u16::MAX).map_err(|text| {
            Violation::new("strict", format!("a host sent a packet that is wrong: {text}"))
        })?;
        match sent {
            Sent::ReportV2 { records, .. } => {
                let is_answer = records.iter().all(|record| matches!(record.kind, IS_IN | IS_EX));
                if is_answer && self.owes_only_this(at) {
                    return Err(Violation::new("host-implosion", "a General Query was answered at once"));
                }
                for record in &records {
                    check_truth(record, wants)?;
                    self.reported(record.group);
                }
            }
            Sent::ReportV1 { group, .. } => {
                self.met_version_1 = true;
                if !wants.contains_key(&group) {
                    return Err(untrue(format!("reports {group}, which nobody wants")));
                }
                self.reported(group);
            }
            Sent::Done { group, .. } => {
                self.met_version_1 = true;
                if wants.contains_key(&group) {
                    return Err(untrue(format!("is done with {group}, which somebody wants")));
                }
                self.reported(group);
            }
            Sent::Query { .. } => return Err(Violation::new("strict", "a host sent a Query")),
        }
        Ok(())
    }

    /// Nothing was asked before the General Query of this instant that could be answered in it.
    fn owes_only_this(&self, at: Instant) -> bool {
        self.general_at == Some(at) && self.asked_before < at && !self.met_version_1 && !self.met_odd
    }

    fn reported(&mut self, group: Ipv6Addr) {
        self.answers.remove(&group);
        if let Some(change) = self.changes.get_mut(&group) {
            change.reports += 1;
        }
    }

    /// Whether everything that was due until `at`, exclusive, was done.
    pub(super) fn check(
        &mut self,
        at: Instant,
        name: &str,
        wants: &BTreeMap<Ipv6Addr, Wants>,
    ) -> Result<(), Violation> {
        for (group, answers) in &self.answers {
            let Some(late) = answers.iter().find(|answer| answer.due < at) else { continue };
            let wants = wants.get(group);
            let still = late.sources.is_empty()
                || late.sources.iter().any(|source| wants.is_some_and(|wants| wants.wants(*source)));
            // In MLDv1 the answer may have been given by another in front of this one's Query.
            if still && !self.met_version_1 {
                return Err(Violation::new(
                    "host-answer",
                    format!("{name} did not answer for {group} until {} ms", late.due.as_millis()),
                ));
            }
        }
        self.answers.values_mut().for_each(|answers| answers.retain(|answer| answer.due >= at));
        self.answers.retain(|_, answers| !answers.is_empty());
        let robustness = if self.robustness == 0 { 2 } else { self.robustness.min(2) };
        let mut done = Vec::new();
        for (group, change) in &self.changes {
            let passed = at.saturating_since(change.at).as_millis() as u64;
            if passed > 0 && change.reports == 0 && !self.met_version_1 {
                return Err(Violation::new(
                    "host-change",
                    format!(
                        "{name} did not report its change from {:?} for {group} at once",
                        change.wanted_before
                    ),
                ));
            }
            if passed > UNSOLICITED_MS * u64::from(robustness) {
                if change.reports < u32::from(robustness) && !self.met_version_1 {
                    return Err(Violation::new(
                        "host-change",
                        format!("{name} reported its change for {group} {} times only", change.reports),
                    ));
                }
                done.push(*group);
            }
        }
        for group in done {
            self.changes.remove(&group);
        }
        Ok(())
    }
}

/// Groups that are reported at all (R-LSN-8, R-LSN-9).
fn is_reported(group: Ipv6Addr) -> bool {
    const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    group.octets()[1] & 0xf >= 2 && group != ALL_NODES
}

fn check_truth(record: &SentRecord, wants: &BTreeMap<Ipv6Addr, Wants>) -> Result<(), Violation> {
    let group = record.group;
    let nothing = Wants::default();
    let wants = wants.get(&group).unwrap_or(&nothing);
    let all = |is_wanted: bool| record.sources.iter().all(|source| wants.wants(*source) == is_wanted);
    let is_whole = |exclude: bool| {
        let listed = wants.sources.len();
        wants.exclude == exclude
            && record.sources.iter().all(|source| wants.sources.contains(source))
            && (record.sources.len() == listed || listed > WHOLE_LIST)
    };
    let is_true = match record.kind {
        IS_IN | ALLOW => all(true) && !wants.is_nothing(),
        IS_EX | TO_EX => is_whole(true),
        TO_IN => is_whole(false),
        _ => all(false),
    };
    if is_true { Ok(()) } else { Err(untrue(format!("sends {record:?} but wants {wants:?}"))) }
}

fn untrue(text: String) -> Violation {
    Violation::new("host-truth", text)
}
