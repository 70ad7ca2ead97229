//! Rules that a router must keep whatever happens on its link.
//!
//! The rules use the packets that reached the router and the interest of the hosts, not the model's state; only the
//! intervals in force are the model's. MALI is the listening interval, LLQT the last-listener time.
//!
//! **Listeners are not cut off** (`cut-off`). A host listens, and its Report was accepted at `t`. Until `t + MALI` the
//! router forwards what the Report asked for, unless the host withdrew it in a later Report. A Query with S clear, sent
//! or accepted at `u`, brings the end forward to `u + LLQT` (of a received Query: its response delay × the last-listener
//! count). So does any Report that sets a timer to a listening interval that has become shorter: for the whole group if
//! it names no source, otherwise for the sources that it names. Each further Report begins again. Nothing in the record
//! tables may end it sooner:
//! - IS_EX of another in INCLUDE deletes a source, or blocks one that was not requested; a deleted source is forwarded
//!   as long as the filter timer runs, which was set to MALI later than `t`.
//! - A source that another excludes in EXCLUDE enters the Requested List with MALI or the filter timer, which is no
//!   shorter than what any listener in EXCLUDE mode was given.
//!
//! A router with immediate leave cuts off on purpose; a Report that was refused for a limit does not count.
//!
//! **State expires** (`stale-state`). A group is gone after `t + MALI`, where `t` is the time of the last accepted record
//! for it: no timer is ever set further than MALI ahead. A source is not forwarded after `w + MALI`, where `w` is the
//! time of the last record that wanted it (named it in IS_IN, TO_IN or ALLOW, or excluded others in its place); or, if
//! `d`, the first record after `w` that excludes it, found the group still in EXCLUDE, after `d + MALI`: such a record puts
//! an unlisted source into the Requested List with MALI at most. A listener that excludes it answers each General Query,
//! so that without loss `d` is at most one Query Interval and the response delays later than `w`.
//!
//! **Specific Queries end** (`specific-queries`). Since the last Report that calls for some (TO_IN, TO_EX, BLOCK, Done)
//! was accepted by the querier, each source of a group, and the group itself, is asked for at most as often as the
//! last-listener count says.

use core::net::Ipv6Addr;
use std::collections::{BTreeMap, BTreeSet};

use mld_proto::Querier;
use mld_proto::router::Item;
use mld_proto::wire::{MessageKind, RecordType};

use super::agreement::ModelAgreement;
use super::forwarding::Forwarding;
use crate::judge::reading::Query;
use crate::packet::write::{ALLOW, BLOCK, IS_EX, IS_IN, TO_EX, TO_IN};
use crate::packet::{Sent, SentRecord, strict};
use crate::world::{Engine, Input, NodeId, Scene, Turn, Violation};

/// A source that no Report names stands for all of them.
const UNLISTED: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 0xffff);

/// The history of one router's inputs.
#[derive(Debug, Default)]
pub(in crate::judge) struct ForwardingSafety {
    /// The interest that hosts reported, by group and host.
    promises: BTreeMap<(Ipv6Addr, NodeId), Promise>,
    groups: BTreeMap<Ipv6Addr, GroupHistory>,
    /// State was refused: which sources a list keeps is open.
    was_refused: bool,
    is_running: bool,
    /// Until when timers were ended.
    ended: u64,
}

/// The time until which a host must receive packets.
#[derive(Debug, Default)]
struct Promise {
    /// Everything but `excluded`.
    all_until: u64,
    excluded: BTreeSet<Ipv6Addr>,
    /// Specific Queries for sources bring their end forward.
    capped: BTreeMap<Ipv6Addr, u64>,
    /// These sources.
    sources_until: BTreeMap<Ipv6Addr, u64>,
}

#[derive(Debug, Default)]
struct GroupHistory {
    /// By when the group is gone.
    gone_by: u64,
    /// By when a source is no longer forwarded; those that are not in it follow `UNLISTED`.
    sources: BTreeMap<Ipv6Addr, SourceHistory>,
    version_1_until: u64,
    /// How many Reports called for specific Queries, and how many Queries the last one called for.
    calls: u64,
    most: u32,
    /// How often the group and each source were asked for since which call.
    asked: BTreeMap<Option<Ipv6Addr>, (u64, u32)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct SourceHistory {
    wanted_by: u64,
    /// A record excluded it since it was last wanted.
    is_excluded: bool,
}

/// A record of an accepted Report.
struct Said {
    group: Ipv6Addr,
    kind: u8,
    sources: BTreeSet<Ipv6Addr>,
}

impl ForwardingSafety {
    /// Checks one call of the router, after the model has made it.
    pub(in crate::judge) fn turn(
        &mut self,
        turn: &Turn<'_>,
        reporter: Option<NodeId>,
        scene: &Scene<'_>,
        engine: &Engine,
        agreement: &ModelAgreement,
    ) -> Result<(), Violation> {
        let now = turn.local.as_millis();
        match turn.input {
            Input::Start(_) if !self.is_running => *self = Self { is_running: true, ..Self::default() },
            Input::Stop | Input::Crash => *self = Self::default(),
            Input::Packet { packet, result: Ok(kind), items, refused } => {
                self.was_refused |= refused > 0;
                let reporter = reporter.filter(|_| refused == 0);
                self.accepted(turn, (packet, kind, items), reporter, engine, agreement);
            }
            _ => {}
        }
        for frame in turn.sent {
            if let Some(query) = Query::read(&frame.packet) {
                // A Report that calls for a Query lowers timers even if what it says next lengthens them again, so that
                // the S flag is set.
                let is_called = matches!(turn.input, Input::Packet { .. });
                let lowering = Query { suppress: query.suppress && !is_called, ..query.clone() };
                self.lower(&lowering, now + agreement.model.last_listener_time_ms());
                self.asked(&query)?;
            }
        }
        if let Input::Packet { items, .. } = turn.input {
            let now = now.max(self.ended);
            let touched = items.iter().filter_map(reported);
            let touched: BTreeSet<_> = touched.chain(asked_for(turn)).collect();
            touched.into_iter().try_for_each(|group| self.check(group, now, scene, engine, agreement))
        } else {
            self.ended = now + 1;
            self.groups.keys().try_for_each(|group| self.check(*group, now + 1, scene, engine, agreement))
        }
    }

    fn accepted(
        &mut self,
        turn: &Turn<'_>,
        (packet, kind, items): (&[u8], MessageKind, &[Item]),
        reporter: Option<NodeId>,
        engine: &Engine,
        agreement: &ModelAgreement,
    ) {
        let now = turn.local.as_millis();
        if kind == MessageKind::Query {
            let Some(mut query) = Query::read(packet) else { return };
            if agreement.settings().version == 1 {
                // Read as the first 24 octets (R-WIRE-32).
                query.suppress = false;
                query.sources.clear();
            }
            let count = u64::from(agreement.model.last_listener_count());
            let delay_ms =
                if agreement.settings().version == 1 { u64::from(query.code) } else { query.delay_ms() };
            let own = agreement.settings().last_listener_interval_ms;
            let delay_ms = if delay_ms == 0 { own } else { delay_ms };
            self.lower(&query, now + delay_ms * count);
            return;
        }
        let until = now + agreement.model.listening_interval_ms();
        let version_1 = agreement.settings().version == 1;
        let most = u32::from(agreement.model.last_listener_count());
        for item in items {
            match *item {
                Item::Report { group, record, .. } => {
                    let history = self.groups.entry(group.get()).or_default();
                    history.gone_by = history.gone_by.max(until);
                    if record == RecordType::Report {
                        history.version_1_until = until;
                    }
                    if matches!(record, RecordType::ToIn | RecordType::ToEx | RecordType::Block) {
                        history.call(engine, most);
                    }
                }
                Item::Done { group, .. } => self.groups.entry(group.get()).or_default().call(engine, most),
                _ => {}
            }
        }
        let told: BTreeSet<Ipv6Addr> = items.iter().filter_map(reported).collect();
        let Some(mut records) = records(packet) else {
            // Built in an odd way, so that its lists are not read: it may have wanted anything.
            for group in told {
                self.groups.entry(group).or_default().want_all(until);
                let range = (group, NodeId(0))..=(group, NodeId(u32::MAX));
                self.promises.range_mut(range).for_each(|(_, promise)| promise.end_by(until));
            }
            return;
        };
        let is_kept =
            |group: Ipv6Addr| !agreement.settings().ignore_link_local_groups || group.octets()[1] & 0xf > 2;
        // Its own address is no source, nor is the loopback address (R-WIRE-74).
        for said in &mut records {
            said.sources.retain(|source| Some(*source) != engine.link_local() && !source.is_loopback());
        }
        for said in records.iter().filter(|said| told.contains(&said.group) && is_kept(said.group)) {
            let history = self.groups.entry(said.group).or_default();
            history.record(now, until, said, version_1);
            self.set_anew(said, until);
            if let Some(host) = reporter {
                self.promises.entry((said.group, host)).or_default().record(until, said, version_1);
            }
        }
    }

    /// A record sets timers anew: for less, if the listening interval has become shorter since the last time, because
    /// another querier announces other values.
    fn set_anew(&mut self, said: &Said, until: u64) {
        let range = (said.group, NodeId(0))..=(said.group, NodeId(u32::MAX));
        for (_, promise) in self.promises.range_mut(range) {
            // A source that it names has a timer of its own from now on, if it had none.
            for source in &said.sources {
                let cap = promise.capped.entry(*source).or_insert(until);
                *cap = (*cap).min(until);
            }
            let sets_filter_timer = matches!(said.kind, IS_EX | TO_EX);
            if sets_filter_timer {
                promise.all_until = promise.all_until.min(until);
            }
            for (source, end) in &mut promise.sources_until {
                // IS_EX and TO_EX delete the others, which end with the filter timer then; those that were deleted
                // before begin anew.
                if sets_filter_timer || said.sources.contains(source) {
                    *end = (*end).min(until);
                }
            }
        }
    }

    /// A Query brings forward what was promised.
    fn lower(&mut self, query: &Query, until: u64) {
        if query.suppress || query.is_general() {
            return;
        }
        let range = (query.group, NodeId(0))..=(query.group, NodeId(u32::MAX));
        for (_, promise) in self.promises.range_mut(range) {
            if query.sources.is_empty() {
                promise.end_by(until);
            }
            for source in &query.sources {
                let cap = promise.capped.entry(*source).or_insert(until);
                *cap = (*cap).min(until);
                if let Some(end) = promise.sources_until.get_mut(source) {
                    *end = (*end).min(until);
                }
            }
        }
    }

    fn asked(&mut self, query: &Query) -> Result<(), Violation> {
        if query.is_general() {
            return Ok(());
        }
        let history = self.groups.entry(query.group).or_default();
        let most = history.most;
        let things: Vec<_> = if query.sources.is_empty() {
            vec![None]
        } else {
            query.sources.iter().copied().map(Some).collect()
        };
        for thing in things {
            let (call, asked) = history.asked.entry(thing).or_insert((0, most));
            if *call != history.calls {
                (*call, *asked) = (history.calls, 0);
            }
            *asked += 1;
            if *asked > most {
                return Err(Violation::new(
                    "specific-queries",
                    format!("{} {thing:?} was queried more than {most} times", query.group),
                ));
            }
        }
        Ok(())
    }

    /// Checks a group; all that ends before `ended` has ended.
    fn check(
        &self,
        group: Ipv6Addr,
        ended: u64,
        scene: &Scene<'_>,
        engine: &Engine,
        agreement: &ModelAgreement,
    ) -> Result<(), Violation> {
        let forwarding = Forwarding::of(engine, group);
        let promises = self.promises.range((group, NodeId(0))..=(group, NodeId(u32::MAX)));
        for ((_, host), promise) in promises.filter(|_| !agreement.settings().immediate_leave) {
            let Some(wants) = scene.wants(*host).and_then(|wants| wants.get(&group)) else { continue };
            let sources = promise.sources_until.keys().chain(&promise.excluded).chain([&UNLISTED]);
            for source in sources.filter(|source| wants.wants(**source)) {
                let until = promise.until(*source);
                // Nothing is ever promised until 0.
                if until >= ended.max(1) && !forwarding.passes(*source) {
                    let name = scene.name(*host);
                    return Err(Violation::new(
                        "cut-off",
                        format!(
                            "{name} wants {group} from {source}, must receive it until {until} ms and is cut off"
                        ),
                    ));
                }
            }
        }
        let Some(history) = self.groups.get(&group) else { return Ok(()) };
        if forwarding.is_known && history.gone_by < ended {
            return Err(Violation::new(
                "stale-state",
                format!("{group} should be gone by {} ms", history.gone_by),
            ));
        }
        if !forwarding.is_known || self.was_refused || agreement.settings().version == 1 {
            return Ok(());
        }
        for (source, sources) in &history.sources {
            if sources.wanted_by < ended && forwarding.passes(*source) {
                return Err(Violation::new(
                    "stale-state",
                    format!("{group} from {source} should have ended by {} ms", sources.wanted_by),
                ));
            }
        }
        Ok(())
    }
}

impl Promise {
    fn until(&self, source: Ipv6Addr) -> u64 {
        let all = if self.excluded.contains(&source) { 0 } else { self.all_until };
        let all = self.capped.get(&source).map_or(all, |cap| all.min(*cap));
        all.max(self.sources_until.get(&source).copied().unwrap_or(0))
    }

    fn end_by(&mut self, until: u64) {
        self.all_until = self.all_until.min(until);
        self.sources_until.values_mut().for_each(|end| *end = (*end).min(until));
    }

    fn record(&mut self, until: u64, said: &Said, version_1: bool) {
        let interest = said.kind != BLOCK && (said.kind != TO_IN || !said.sources.is_empty());
        if version_1 && interest {
            // Such a router reads every interest as one in the whole group.
            *self = Self { all_until: until, ..Self::default() };
            return;
        }
        match said.kind {
            IS_EX | TO_EX => {
                self.all_until = until;
                self.excluded.clone_from(&said.sources);
                self.capped.retain(|source, _| self.excluded.contains(source));
                self.sources_until.retain(|source, _| !self.excluded.contains(source));
            }
            IS_IN | TO_IN | ALLOW => {
                if said.kind == TO_IN {
                    (self.all_until, self.sources_until) = (0, BTreeMap::new());
                }
                self.sources_until.extend(said.sources.iter().map(|source| (*source, until)));
            }
            _ => {
                for source in &said.sources {
                    self.sources_until.remove(source);
                    self.excluded.insert(*source);
                }
            }
        }
    }
}

impl GroupHistory {
    /// A Report calls for specific Queries, if the router is the querier.
    fn call(&mut self, engine: &Engine, most: u32) {
        if matches!(engine.querier(), Querier::Own(_)) {
            self.calls += 1;
            self.most = most;
        }
    }

    fn want_all(&mut self, until: u64) {
        self.sources.entry(UNLISTED).or_default();
        for history in self.sources.values_mut() {
            *history = SourceHistory { wanted_by: history.wanted_by.max(until), is_excluded: false };
        }
    }

    fn record(&mut self, now: u64, until: u64, said: &Said, version_1: bool) {
        let in_version_1 = version_1 || self.version_1_until >= now;
        for source in said.sources.iter().chain([&UNLISTED]) {
            let like = self.sources.get(&UNLISTED).copied().unwrap_or_default();
            self.sources.entry(*source).or_insert(like);
        }
        for (source, history) in &mut self.sources {
            let is_named = said.sources.contains(source);
            let is_wanted = match said.kind {
                IS_EX => !is_named,
                // A group in version 1 mode takes TO_EX without its list (R-CMP-15).
                TO_EX => !is_named || in_version_1,
                IS_IN | TO_IN | ALLOW => is_named,
                _ => false,
            };
            let is_excluded = !is_wanted && is_named;
            if is_wanted {
                *history = SourceHistory { wanted_by: history.wanted_by.max(until), is_excluded: false };
            } else if is_excluded && !history.is_excluded {
                // Ignored as long as the group is in version 1 mode, which may have ended already (R-CMP-15).
                history.is_excluded = !(said.kind == BLOCK && in_version_1);
                if history.wanted_by >= now {
                    history.wanted_by = history.wanted_by.max(until);
                }
            }
        }
    }
}

/// The groups that the router asked for.
fn asked_for(turn: &Turn<'_>) -> impl Iterator<Item = Ipv6Addr> {
    turn.sent.iter().filter_map(|frame| Query::read(&frame.packet)).map(|query| query.group)
}

fn reported(item: &Item) -> Option<Ipv6Addr> {
    match item {
        Item::Report { group, .. } | Item::Done { group, .. } => Some(group.get()),
        _ => None,
    }
}

/// The records of a Report that was built as it should be, MLDv1 as what it stands for.
fn records(packet: &[u8]) -> Option<Vec<Said>> {
    let one = |group, kind| Some(vec![Said { group, kind, sources: BTreeSet::new() }]);
    match strict(packet, u16::MAX).ok()? {
        Sent::ReportV2 { records, .. } => Some(
            records
                .into_iter()
                .map(|SentRecord { kind, group, sources }| Said {
                    group,
                    kind,
                    sources: sources.into_iter().collect(),
                })
                .collect(),
        ),
        Sent::ReportV1 { group, .. } => one(group, IS_EX),
        Sent::Done { group, .. } => one(group, TO_IN),
        Sent::Query { .. } => None,
    }
}
