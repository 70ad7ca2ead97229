//! An independent host, written from the standards without the engine.
//!
//! It is slow and simple: what an interface wants of a group is worked out from the list of all calls each time it is
//! needed, packets come from [`packet::write`](crate::packet::write), and it has its own reader of Queries. A mistake that
//! the engine makes in reading the standards is thus not repeated here.

mod answers;
mod changes;
mod heard;
mod version_1;

use core::net::Ipv6Addr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use mld_proto::{FilterMode, Instant};

use crate::packet::write::{self, Packet, Record};
use crate::rng::Rng;
use crate::world::{HostSettings, HostVersion, Node, Outbox};

/// For tests of nodes that misbehave.
#[cfg(test)]
pub(in crate::nodes) use self::heard::{Heard, envelope, message};

/// How a [`RawHost`] is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawSettings {
    /// The versions that it speaks.
    pub version: HostVersion,
    /// How often a change is sent, until a Query says otherwise; not 0 (RFC 9777 section 9.1).
    pub robustness: u8,
    /// Unsolicited Report Interval in milliseconds (RFC 9777 section 9.11; RFC 2710 section 7.10), not 0.
    pub unsolicited_report_interval_ms: u64,
    /// Octets that an IPv6 packet may have on the link, from 1280 on.
    pub mtu: u16,
    /// True if it refuses to join groups of the SSM range ff3x::/32 without naming sources (R-LSN-49).
    pub ssm_aware: bool,
    /// True if it sends Done also when another host answered last (R-LSN-71).
    pub always_done: bool,
    /// How many sources one call may name (R-LSN-5).
    pub sources_max: usize,
    /// How many queried sources of a group it remembers before it answers for the whole group (R-SEC-5).
    pub remembered_max: usize,
}

impl RawSettings {
    /// A host of MLDv2 with the defaults of RFC 9777.
    pub const DEFAULT: Self = Self {
        version: HostVersion::Two,
        robustness: 2,
        unsolicited_report_interval_ms: 1000,
        mtu: 1500,
        ssm_aware: true,
        always_done: false,
        sources_max: 1000,
        remembered_max: 200,
    };

    /// A host that knows MLDv1 only, with the defaults of RFC 2710.
    pub const VERSION_1: Self = Self {
        version: HostVersion::One,
        unsolicited_report_interval_ms: 10_000,
        ssm_aware: false,
        ..Self::DEFAULT
    };
}

/// An independent host of MLDv2 or MLDv1.
///
/// The solicited-node group of its address is a group like any other: whoever configures the address listens to it.
#[derive(Clone, Debug)]
pub struct RawHost {
    settings: RawSettings,
    rng: Rng,
    /// The seed was chosen, so that no world gives it another.
    has_seed: bool,
    /// The interest of each socket in each group.
    calls: BTreeMap<(Ipv6Addr, u32), Filter>,
    is_up: bool,
    /// Nothing: sends from `::`.
    address: Option<Ipv6Addr>,
    has_sent: bool,
    /// Of the last MLDv2 Query that said it.
    robustness: u8,
    query_interval_s: u32,
    /// Until when an MLDv1 querier is assumed.
    version_1_until: Option<Instant>,
    general: Option<answers::General>,
    /// Pending messages for a group. Groups that are left stay here until that has been reported often enough.
    pending: BTreeMap<Ipv6Addr, Pending>,
}

impl RawHost {
    /// A host whose interface is down. Its delays follow from the world's seed and its name.
    pub fn new(settings: RawSettings) -> Self {
        let robustness = settings.robustness.max(1);
        Self {
            settings: RawSettings { robustness, ..settings },
            rng: Rng::named(0, "station"),
            has_seed: false,
            calls: BTreeMap::new(),
            is_up: false,
            address: None,
            has_sent: false,
            robustness,
            query_interval_s: DEFAULT_QUERY_INTERVAL_S,
            version_1_until: None,
            general: None,
            pending: BTreeMap::new(),
        }
    }

    /// Draws its delays from this seed, whatever the world's is.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { rng: Rng::named(seed, "station"), has_seed: true, ..self }
    }

    /// True if it speaks MLDv1 at present.
    pub const fn is_version_1(&self) -> bool {
        matches!(self.settings.version, HostVersion::One) || self.version_1_until.is_some()
    }

    /// The interest of the interface in the group (R-LSN-2, R-LSN-3); INCLUDE without sources: none.
    pub fn wanted(&self, group: Ipv6Addr) -> (FilterMode, BTreeSet<Ipv6Addr>) {
        let Filter { mode, sources } = self.filter(group);
        (mode, sources)
    }

    fn filter(&self, group: Ipv6Addr) -> Filter {
        let calls = || self.calls.range((group, 0)..=(group, u32::MAX)).map(|(_, filter)| filter);
        let included: BTreeSet<Ipv6Addr> = calls()
            .filter(|filter| filter.mode == FilterMode::Include)
            .flat_map(|filter| &filter.sources)
            .copied()
            .collect();
        let excluded = calls()
            .filter(|filter| filter.mode == FilterMode::Exclude)
            .map(|filter| filter.sources.clone())
            .reduce(|common, next| &common & &next);
        match excluded {
            Some(excluded) => Filter { mode: FilterMode::Exclude, sources: &excluded - &included },
            None => Filter { mode: FilterMode::Include, sources: included },
        }
    }

    /// The groups that there is something to say about.
    fn groups(&self) -> Vec<Ipv6Addr> {
        let groups: BTreeSet<Ipv6Addr> = self.calls.keys().map(|(group, _)| *group).collect();
        groups.into_iter().filter(|group| is_reported(*group)).collect()
    }

    fn check(&self, group: Ipv6Addr, mode: FilterMode, sources: &[Ipv6Addr]) -> Result<(), String> {
        if !group.is_multicast() {
            return Err(format!("{group} is no multicast address"));
        }
        if sources.len() > self.settings.sources_max {
            return Err(format!("more than {} sources", self.settings.sources_max));
        }
        if let Some(source) = sources.iter().find(|source| source.is_multicast() || source.is_unspecified()) {
            return Err(format!("{source} is no source"));
        }
        if self.settings.ssm_aware && mode == FilterMode::Exclude && is_ssm(group) {
            return Err(format!("{group} can only be joined from sources that are named"));
        }
        Ok(())
    }

    /// Plans the report for a group whose interest was `old` until now.
    fn changed(&mut self, now: Instant, group: Ipv6Addr, old: &Filter, out: &mut Outbox) {
        let new = self.filter(group);
        if !self.is_up || !is_reported(group) || new == *old {
            return;
        }
        if self.is_version_1() {
            self.changed_version_1(now, group, old, &new, out);
        } else {
            self.note_change(now, group, old, &new);
            self.send_changes(now, out);
        }
    }

    /// Enters or leaves MLDv1: pending messages are dropped (R-CMP-36).
    fn forget_pending(&mut self) {
        self.general = None;
        self.pending.clear();
    }

    fn heard_query(&mut self, now: Instant, query: &heard::Query, out: &mut Outbox) {
        if let Some(version_2) = &query.version_2 {
            // R-LSN-50; a code of 0 says that the querier has no value to offer.
            if version_2.robustness != 0 {
                self.robustness = version_2.robustness;
            }
            self.query_interval_s = match version_2.interval_code {
                0 => DEFAULT_QUERY_INTERVAL_S,
                code => write::interval(code),
            };
        } else if self.settings.version == HostVersion::TwoOnly {
            return;
        } else if self.settings.version == HostVersion::Two && query.group.is_unspecified() {
            if self.version_1_until.is_none() {
                self.forget_pending();
            }
            // R-CMP-31, R-CMP-32: the Query Response Interval is that of this Query.
            let interval_ms = u64::from(self.robustness) * u64::from(self.query_interval_s) * 1000;
            self.version_1_until = Some(now + Duration::from_millis(interval_ms + u64::from(query.delay)));
        }
        if self.is_version_1() {
            self.asked_version_1(now, query.group, query.delay, out);
        } else {
            // R-CMP-35: the delay of an MLDv1 Query is never a code.
            let sources = query.version_2.as_ref().map(|version_2| &*version_2.sources);
            let delay_ms = match sources {
                Some(_) => write::response_delay(query.delay),
                None => u32::from(query.delay),
            };
            self.asked(now, query.group, sources.unwrap_or(&[]), u64::from(delay_ms));
        }
    }

    /// Sends MLDv2 records in as few Reports as they fit into.
    fn send_records(&mut self, records: Vec<Record>, out: &mut Outbox) {
        for records in changes::pack(records, self.settings.mtu) {
            self.send(write::report(&records), out);
        }
    }

    fn send(&mut self, message: Vec<u8>, out: &mut Outbox) {
        self.has_sent = true;
        // R-WIRE-6.
        let source = self.address.unwrap_or(Ipv6Addr::UNSPECIFIED);
        out.send(&Packet::usual(source, message).octets());
    }

    /// A random moment from the next millisecond on.
    fn soon(&mut self, now: Instant, delay_max_ms: u64) -> Instant {
        now + Duration::from_millis(self.rng.between(1..=delay_max_ms.max(1)))
    }
}

impl Node for RawHost {
    fn draw_from(&mut self, rng: Rng) {
        if !self.has_seed {
            self.rng = rng;
        }
    }

    fn start(&mut self, now: Instant, link_local: Option<Ipv6Addr>, out: &mut Outbox) {
        // R-LSN-28: routers have ignored what came from `::`.
        let is_news = !self.is_up || link_local.is_some_and(|address| self.address != Some(address));
        self.is_up = true;
        self.address = link_local;
        if !is_news {
            return;
        }
        for group in self.groups() {
            let filter = self.filter(group);
            if self.is_version_1() {
                self.changed_version_1(now, group, &Filter::NOTHING, &filter, out);
            } else {
                self.note_change(now, group, &Filter::NOTHING, &filter);
            }
        }
        self.send_changes(now, out);
    }

    fn crash(&mut self) {
        self.calls.clear();
        self.forget_pending();
        self.is_up = false;
        self.address = None;
        self.has_sent = false;
        self.robustness = self.settings.robustness;
        self.query_interval_s = DEFAULT_QUERY_INTERVAL_S;
        self.version_1_until = None;
    }

    fn listen(
        &mut self,
        now: Instant,
        socket: u32,
        group: Ipv6Addr,
        mode: FilterMode,
        sources: &[Ipv6Addr],
        out: &mut Outbox,
    ) -> Result<(), String> {
        self.check(group, mode, sources)?;
        let old = self.filter(group);
        let filter = Filter { mode, sources: sources.iter().copied().collect() };
        if filter == Filter::NOTHING {
            self.calls.remove(&(group, socket));
        } else {
            self.calls.insert((group, socket), filter);
        }
        self.changed(now, group, &old, out);
        Ok(())
    }

    fn packet(&mut self, now: Instant, packet: &[u8], out: &mut Outbox) {
        let Some(envelope) = heard::envelope(packet).filter(|_| self.is_up) else { return };
        // R-WIRE-51: any address of the interface will do.
        let destination = envelope.destination;
        let is_ours = destination == write::ALL_NODES
            || self.address == Some(destination)
            || self.filter(destination) != Filter::NOTHING;
        if !is_ours {
            return;
        }
        match heard::message(&envelope, self.settings.version == HostVersion::One) {
            Some(heard::Heard::Query(query)) => self.heard_query(now, &query, out),
            Some(heard::Heard::Report { from, group })
                if self.is_version_1() && Some(from) != self.address =>
            {
                self.overheard(group);
            }
            _ => {}
        }
    }

    fn timeout(&mut self, now: Instant, out: &mut Outbox) {
        if self.version_1_until.is_some_and(|until| until <= now) {
            self.version_1_until = None;
            self.forget_pending();
        }
        self.send_version_1(now, out);
        self.send_changes(now, out);
        self.send_answers(now, out);
    }

    fn settings(&self) -> HostSettings {
        let RawSettings { version, robustness, unsolicited_report_interval_ms, mtu, .. } = self.settings;
        HostSettings { version, robustness, unsolicited_report_interval_ms, mtu }
    }

    fn speaks_version_1(&self) -> bool {
        self.is_version_1()
    }

    fn next_timeout(&self) -> Option<Instant> {
        let pending = self.pending.values().flat_map(|pending| {
            [pending.change_due, pending.asked.as_ref().map(|asked| asked.due), pending.version_1_due]
        });
        let general = self.general.as_ref().map(|general| general.due);
        pending.chain([general, self.version_1_until]).flatten().min()
    }
}

/// The interest in a group's sources.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Filter {
    mode: FilterMode,
    sources: BTreeSet<Ipv6Addr>,
}

impl Filter {
    const NOTHING: Self = Self { mode: FilterMode::Include, sources: BTreeSet::new() };

    fn wants(&self, source: &Ipv6Addr) -> bool {
        self.sources.contains(source) == (self.mode == FilterMode::Include)
    }
}

/// Pending messages for a group.
#[derive(Clone, Debug, Default)]
struct Pending {
    /// Reports that still carry the filter mode: Filter Mode Retransmission Counter.
    mode_left: u8,
    /// Reports that still carry the source, each with its Source Retransmission Counter.
    sources_left: BTreeMap<Ipv6Addr, u8>,
    change_due: Option<Instant>,
    asked: Option<answers::Asked>,
    /// Of MLDv1: Reports that are still sent unasked.
    repeats_left: u8,
    version_1_due: Option<Instant>,
    /// Of MLDv1: the last Report for the group was another host's.
    is_spoken_for: bool,
}

/// RFC 9777 section 9.2.
const DEFAULT_QUERY_INTERVAL_S: u32 = 125;

/// True if hosts report the group: all but ff02::1 and scopes 0 and 1 (R-LSN-8, R-LSN-9).
fn is_reported(group: Ipv6Addr) -> bool {
    group.is_multicast() && group != write::ALL_NODES && group.octets()[1] & 0x0f > 1
}

/// ff3x::/32 (RFC 4607 section 1).
const fn is_ssm(group: Ipv6Addr) -> bool {
    group.segments()[0] & 0xfff0 == 0xff30 && group.segments()[1] == 0
}

#[cfg(test)]
mod tests;
