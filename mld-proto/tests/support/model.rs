//! A model of the router's knowledge of one group, as sets and deadlines: slow, small, and written from the tables of
//! RFC 9777 sections 7.2 to 7.6 and 8.3.2 alone.

use core::net::Ipv6Addr;
use std::collections::{BTreeMap, BTreeSet};

use mld_proto::Version;
use mld_proto::wire::RecordType;

use super::{name, seconds};

type Set = BTreeSet<Ipv6Addr>;

/// The values that the model computes with, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    pub(crate) listening_interval: u64,
    pub(crate) older_host_interval: u64,
    pub(crate) last_listener_interval: u64,
    pub(crate) last_listener_count: u64,
    pub(crate) other_querier_interval: u64,
}

impl Timing {
    /// RFC 9777 section 9 with nothing configured.
    pub(crate) const DEFAULT: Self = Self {
        listening_interval: 270_000,
        older_host_interval: 260_000,
        last_listener_interval: 1000,
        last_listener_count: 2,
        other_querier_interval: 255_000,
    };

    const fn last_listener_time(&self) -> u64 {
        self.last_listener_interval * self.last_listener_count
    }
}

/// One group at one router.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    timing: Timing,
    querier: bool,
    /// Until when another querier is present.
    other_until: Option<u64>,
    record: Option<Group>,
    now: u64,
    /// Deadlines of this moment are over too.
    settled: Option<u64>,
    /// When, whether for the whole group, whether suppressed, the text.
    asked: Vec<(u64, bool, bool, String)>,
}

#[derive(Clone, Debug, Default)]
struct Group {
    /// The filter timer: `Some` is EXCLUDE mode.
    filter: Option<u64>,
    /// Source timers; `None` is timer zero, in the exclude list.
    sources: BTreeMap<Ipv6Addr, Option<u64>>,
    /// Until when the group is in version 1 mode.
    older_host: Option<u64>,
    /// Queries for the whole group still to be sent, and for each source.
    group_left: u64,
    source_left: BTreeMap<Ipv6Addr, u64>,
    next_query: u64,
}

impl Model {
    pub(crate) fn new(timing: Timing, querier: bool) -> Self {
        Self { timing, querier, other_until: None, record: None, now: 0, settled: None, asked: Vec::new() }
    }

    /// Ends every deadline up to and with `at`, in order.
    pub(crate) fn advance_to(&mut self, at: u64) {
        while let Some(next) = self.next().filter(|next| *next <= at) {
            self.instant(next);
        }
        self.now = at;
        self.settled = Some(at);
    }

    fn advance_before(&mut self, at: u64) {
        while let Some(next) = self.next().filter(|next| *next < at) {
            self.instant(next);
        }
        self.now = at;
    }

    fn next(&self) -> Option<u64> {
        let group = self.record.as_ref()?;
        let query = group.query_pending().then_some(group.next_query);
        group.sources.values().copied().chain([group.filter, query]).flatten().min()
    }

    /// Source timers, then the filter timer, then transmissions (R-TIM-13).
    fn instant(&mut self, at: u64) {
        let Some(group) = &mut self.record else { return };
        for (source, timer) in &mut group.sources {
            if timer.is_some_and(|deadline| deadline <= at) {
                *timer = None;
                group.source_left.remove(source);
            }
        }
        if group.filter.is_some_and(|deadline| deadline <= at) {
            group.filter = None;
            group.group_left = 0;
        }
        if group.filter.is_none() {
            group.sources.retain(|_, timer| timer.is_some());
            if group.sources.is_empty() {
                self.record = None;
                return;
            }
        }
        if group.query_pending() && group.next_query <= at {
            self.transmit(at);
        }
    }

    fn transmit(&mut self, at: u64) {
        let limit = at + self.timing.last_listener_time();
        let Some(group) = &mut self.record else { return };
        if group.group_left > 0 {
            let suppress = group.filter.is_some_and(|deadline| deadline > limit);
            self.asked.push((at, true, suppress, "G".to_owned()));
            group.group_left -= 1;
        }
        for suppress in [false, true] {
            let listed = group.source_left.keys();
            let sources: Vec<_> =
                listed.filter(|source| (group.sources[*source] > Some(limit)) == suppress).collect();
            if !sources.is_empty() {
                let names: Vec<_> = sources.into_iter().map(|source| name(*source)).collect();
                self.asked.push((at, false, suppress, format!("G{{{}}}", names.join(","))));
            }
        }
        group.source_left.retain(|_, left| {
            *left -= 1;
            *left > 0
        });
        group.next_query = at + self.timing.last_listener_interval;
    }

    /// A record of an MLDv2 Report, or an MLDv1 Report.
    pub(crate) fn record(&mut self, at: u64, record: RecordType, listed: &[Ipv6Addr]) {
        self.advance_before(at);
        let mut listed: Set = listed.iter().copied().collect();
        match (record, self.version(at)) {
            (RecordType::Report, _) => {
                self.apply(at, RecordType::IsEx, &Set::new());
                let until = at + self.timing.older_host_interval;
                self.record.as_mut().expect("just reported").older_host = Some(until);
                return;
            }
            (RecordType::Block, Version::V1) => return,
            (RecordType::ToEx, Version::V1) => listed.clear(),
            _ => {}
        }
        self.apply(at, record, &listed);
    }

    /// An MLDv1 Done.
    pub(crate) fn done(&mut self, at: u64) {
        self.advance_before(at);
        if self.version(at) == Version::V1 {
            self.apply(at, RecordType::ToIn, &Set::new());
        }
    }

    /// Any Query of a router that wins the election, before what else it does.
    pub(crate) fn yield_to_querier(&mut self, at: u64) {
        self.advance_before(at);
        self.other_until = Some(at + self.timing.other_querier_interval);
    }

    /// A specific Query of another router (RFC 9777 section 7.6.1).
    pub(crate) fn query(&mut self, at: u64, sources: &[Ipv6Addr], suppress: bool, delay: u64) {
        self.advance_before(at);
        let Some(group) = &mut self.record else { return };
        let limit = at + delay * self.timing.last_listener_count;
        if suppress {
            return;
        }
        if sources.is_empty() {
            group.filter = group.filter.map(|deadline| deadline.min(limit));
        }
        for source in sources {
            if let Some(Some(deadline)) = group.sources.get_mut(source) {
                *deadline = limit.min(*deadline);
            }
        }
    }

    /// The rows of RFC 9777 sections 7.4.1 and 7.4.2. `b` is the list of the record; `a` or `x` and `y` are those of
    /// the router.
    fn apply(&mut self, at: u64, record: RecordType, b: &Set) {
        let listening = Some(at + self.timing.listening_interval);
        let group = self.record.get_or_insert_default();
        let (mut x, mut y) = (Set::new(), Set::new());
        for (source, timer) in &group.sources {
            if timer.is_some() {
                x.insert(*source)
            } else {
                y.insert(*source)
            };
        }
        let set = |group: &mut Group, sources: &Set, timer: Option<u64>| {
            for source in sources {
                group.sources.insert(*source, timer);
            }
        };
        let drop = |group: &mut Group, sources: &Set| {
            for source in sources {
                group.sources.remove(source);
                group.source_left.remove(source);
            }
        };
        let mut ask_group = false;
        let mut ask = Set::new();
        match (group.filter, record) {
            (None, RecordType::IsIn | RecordType::Allow) => set(group, b, listening),
            (None, RecordType::ToIn) => {
                set(group, b, listening);
                ask = &x - b;
            }
            (None, RecordType::Block) => ask = &x & b,
            (None, RecordType::IsEx | RecordType::ToEx | RecordType::Report) => {
                drop(group, &(&x - b));
                set(group, &(b - &x), None);
                group.filter = listening;
                if record == RecordType::ToEx {
                    ask = &x & b;
                }
            }
            (Some(_), RecordType::IsIn | RecordType::Allow) => set(group, b, listening),
            (Some(_), RecordType::ToIn) => {
                set(group, b, listening);
                ask = &x - b;
                ask_group = true;
            }
            (Some(filter), RecordType::Block) => {
                set(group, &(&(b - &x) - &y), Some(filter));
                ask = b - &y;
            }
            (Some(filter), RecordType::IsEx | RecordType::ToEx | RecordType::Report) => {
                let new = if record == RecordType::ToEx { Some(filter) } else { listening };
                set(group, &(&(b - &x) - &y), new);
                drop(group, &(&x - b));
                drop(group, &(&y - b));
                group.filter = listening;
                if record == RecordType::ToEx {
                    ask = b - &y;
                }
            }
        }
        if group.filter.is_none() && group.sources.is_empty() {
            self.record = None;
        } else if self.queries(at) {
            self.ask(at, ask_group, &ask);
        }
    }

    /// True if the router is querier.
    fn queries(&self, at: u64) -> bool {
        let other = self.other_until.is_some_and(|until| until >= at && Some(until) > self.settled);
        self.querier && !other
    }

    /// RFC 9777 section 7.6.3: R-QRY-4, 6, 7, 12, 14.
    fn ask(&mut self, at: u64, ask_group: bool, ask: &Set) {
        let limit = at + self.timing.last_listener_time();
        let Some(group) = &mut self.record else { return };
        let mut queued = false;
        if ask_group {
            group.filter = group.filter.map(|deadline| deadline.min(limit));
            group.group_left = self.timing.last_listener_count;
            queued = true;
        }
        for source in ask {
            if let Some(Some(deadline)) = group.sources.get_mut(source)
                && *deadline > limit
            {
                *deadline = limit;
                group.source_left.insert(*source, self.timing.last_listener_count);
                queued = true;
            }
        }
        if queued {
            self.transmit(at);
        }
    }

    fn version(&self, at: u64) -> Version {
        let until = self.record.as_ref().and_then(|group| group.older_host);
        let running = until.is_some_and(|until| until >= at && Some(until) > self.settled);
        if running { Version::V1 } else { Version::V2 }
    }

    /// The record in the notation of `Bench::state`.
    pub(crate) fn state(&self) -> String {
        let Some(group) = &self.record else { return "none".to_owned() };
        let mut text =
            group.filter.map_or_else(|| "include".to_owned(), |at| format!("exclude@{}", seconds(at)));
        for (source, timer) in &group.sources {
            if let Some(deadline) = timer {
                text.push_str(&format!(" {}@{}", name(*source), seconds(*deadline)));
            }
        }
        for (source, _) in group.sources.iter().filter(|(_, timer)| timer.is_none()) {
            text.push_str(&format!(" -{}", name(*source)));
        }
        if self.version(self.now) == Version::V1 {
            text.push_str(" v1");
        }
        text
    }

    /// Specific Queries since the last question, in the notation of `Bench::asked` and without the optional ones.
    pub(crate) fn take_asked(&mut self) -> Vec<String> {
        let mut asked = core::mem::take(&mut self.asked);
        let whole: BTreeSet<u64> = asked.iter().filter(|(_, whole, ..)| *whole).map(|(at, ..)| *at).collect();
        asked.retain(|(at, is_whole, suppress, _)| *is_whole || !suppress || !whole.contains(at));
        asked.sort_by_key(|(at, _, suppress, text)| (*at, text.clone(), *suppress));
        let flag = |suppress| if suppress { " suppressed" } else { "" };
        asked
            .into_iter()
            .map(|(at, _, suppress, text)| format!("{} {text}{}", seconds(at), flag(suppress)))
            .collect()
    }
}

impl Group {
    fn query_pending(&self) -> bool {
        self.group_left > 0 || !self.source_left.is_empty()
    }
}
