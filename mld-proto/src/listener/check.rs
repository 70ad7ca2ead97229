//! Whether the structures of a listener are whole: for tests, fuzzers and simulators.

use super::core::{Core, Errand, Tour};
use super::tables::{
    FILTER_BIT, FilterId, FilterSlot, GroupFlags, GroupSlot, Owner, SOURCE_BIT, Shared, SourceFlags,
    SourceSlot,
};
use crate::addr::GroupAddr;
use crate::addr::is_usable_link_local;
use crate::store::{
    GroupId, InRing, Links, NOWHERE, RingFaults, SourceId, TimerOf, check_index, check_linked, check_queue,
    ensure, spread,
};
use crate::wire::Version;

impl Core {
    /// See [`Listener::check`](super::Listener::check).
    pub(super) fn check_whole(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        self.check_pools(tables)?;
        // What was never used holds anything.
        let used = Shared {
            groups: &tables.groups[..self.group_pool.reach()],
            filters: &tables.filters[..self.filter_pool.reach()],
            sources: &tables.sources[..self.source_pool.reach()],
            index: tables.index,
        };
        self.clock.check()?;
        self.check_interface()?;
        self.check_rings(used)?;
        self.check_listening(used)?;
        for errand in [Errand::Answer, Errand::Announce, Errand::Older] {
            check_tour(used, self.listening, errand, &self.tours[errand as usize])?;
        }
        check_filters(used)?;
        for (id, _) in groups(used) {
            self.check_group(used, id)?;
        }
        let free_is_bare =
            used.groups.iter().filter(|slot| is_free_group(slot)).all(|slot| {
                slot.flags.is_empty() && slot.timer_at == NOWHERE && slot.sources == SourceId::NIL
            });
        ensure(free_is_bare, "group: a free slot holds something")?;
        self.check_wheel(used)?;
        check_queue(
            &self.due,
            used.groups,
            |slot| slot.due_next,
            |slot| slot.flags.contains(GroupFlags::DUE),
        )?;
        self.check_index(used)
    }

    fn check_pools(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        self.group_pool.check(
            tables.groups.len(),
            |at| is_free_group(&tables.groups[at]),
            |at| tables.groups[at].next.some().map(GroupId::at),
        )?;
        self.filter_pool.check(
            tables.filters.len(),
            |at| is_free_filter(&tables.filters[at]),
            |at| tables.filters[at].sources.some().map(SourceId::at),
        )?;
        self.source_pool.check(
            tables.sources.len(),
            |at| is_free_source(&tables.sources[at]),
            |at| tables.sources[at].next.some().map(SourceId::at),
        )
    }

    /// What is kept once: the address, the compatibility mode, the answer to General Queries.
    fn check_interface(&self) -> Result<(), &'static str> {
        ensure(
            self.link_local.is_none_or(|own| is_usable_link_local(&own)),
            "interface: an address that Reports are not sent from",
        )?;
        // R-CMP-30: the mode began as it is configured and has changed to and fro since.
        ensure(
            (self.older_until != 0) == is_older(self.era),
            "mode: an MLDv1 querier is waited for in the wrong era",
        )?;
        ensure(
            self.older_until == 0 || self.older_until > self.clock.expired_through(),
            "mode: an MLDv1 querier is waited for past its interval",
        )?;
        ensure(
            self.older_until == 0 || self.config.version == Version::V2,
            "mode: an MLDv1 host changed it",
        )?;
        ensure(
            self.general_at == 0 || self.general_at <= self.general_until,
            "answer: it begins when it has to be over",
        )?;
        ensure(
            self.round_at == 0 || self.round_at <= self.round_until,
            "answer: it goes on when it has to be over",
        )?;
        ensure(self.round_at == 0 || !self.round_due, "answer: its next Report is due twice")?;
        let answers = self.round_at != 0 || self.round_due;
        let [answer, announce, older] = self.tours.map(|tour| tour.running);
        ensure(answers == answer, "answer: its next Report and its tour do not agree")?;
        ensure(
            !self.is_version_1() || self.general_at == 0 && !answers,
            "answer: one of version 2 in version 1 mode",
        )?;
        ensure(self.is_version_1() || !older, "answer: one of version 1 in version 2 mode")?;
        let idle = self.older_until == 0 && self.general_at == 0 && !answers && !announce && !older;
        ensure(
            self.running || idle && !self.mode_untold && self.ssm_asked.is_none(),
            "interface: it is stopped and has something to do",
        )
    }

    /// Every source stands in the ring of its owner, every group to be reported in that of the interface.
    fn check_rings(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        let mut in_rings = 0;
        for (id, slot) in groups(tables) {
            in_rings += check_sources(tables, id.into(), slot.sources)?;
        }
        for (id, slot) in filters(tables) {
            in_rings += check_sources(tables, id.into(), slot.sources)?;
        }
        ensure(in_rings == sources(tables).count(), "sources: a source that its owner does not know of")?;
        let group = |id: GroupId| {
            let slot = tables.groups.get(id.at())?;
            let belongs = slot.flags.contains(GroupFlags::LISTENING) && !is_free_group(slot);
            Some(InRing { belongs, prev: slot.prev, next: slot.next })
        };
        let in_ring = check_linked(
            self.listening,
            group,
            RingFaults {
                missing: "listening: a group that does not exist",
                foreign: "listening: a group that is not to be reported",
                unlinked: "listening: a ring that is not linked back",
            },
        )?;
        let listening = groups(tables).filter(|(_, slot)| slot.flags.contains(GroupFlags::LISTENING)).count();
        ensure(in_ring == listening, "listening: a group is missing")
    }

    fn check_listening(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        let (mut count, mut listed) = (0, 0);
        for (_, slot) in groups(tables).filter(|(_, slot)| slot.flags.contains(GroupFlags::LISTENING)) {
            count += 1;
            listed += u64::from(slot.listed);
        }
        ensure(self.listening_count == count, "listening: another number of groups than it counts")?;
        ensure(self.listed == listed, "listening: another number of sources than it counts")
    }

    fn check_group(&self, tables: Shared<'_>, id: GroupId) -> Result<(), &'static str> {
        let slot = &tables.groups[id.at()];
        let (mut listed, mut changing, mut queried) = (0, 0, 0);
        for source in ring(tables, slot.sources) {
            check_group_source(slot, source)?;
            listed += u32::from(source.flags.contains(SourceFlags::LISTED));
            changing += u32::from(source.left > 0);
            queried += u32::from(source.flags.contains(SourceFlags::QUERIED));
        }
        ensure(listed == slot.listed, "group: another number of sources than it lists")?;
        ensure(changing == slot.changing, "group: another number of sources than change")?;
        ensure(queried == slot.queried, "group: another number of sources than Queries asked for")?;
        let leaves = slot.mode_left > 0 || slot.changing > 0;
        ensure(
            slot.filters > 0 || leaves || slot.flags.contains(GroupFlags::DUE),
            "group: it is kept for nothing",
        )?;
        ensure(slot.address.is_multicast(), "group: its address is not multicast")?;
        // R-LSN-8, R-LSN-9
        let reported = GroupAddr::new(slot.address).is_ok();
        let listens = slot.excluding > 0 || slot.listed > 0;
        let listening = slot.flags.contains(GroupFlags::LISTENING);
        ensure(listening == (reported && listens), "group: whether it is to be reported is not so")?;
        ensure(
            slot.excluding == 0 || !self.config.ssm_range.contains(slot.address),
            "group: one of source-specific multicast in exclude mode",
        )?;
        self.check_deadlines(slot)?;
        if !self.running || !reported {
            let silent = slot.flags.difference(GroupFlags::LISTENING).is_empty()
                && slot.change_at == 0
                && slot.answer_at == 0
                && slot.queried == 0;
            return ensure(silent && !leaves, "group: something is pending of what is not reported");
        }
        self.check_pending(id, slot)
    }

    /// What is pending has it sent, and belongs to the compatibility mode in which it began (R-CMP-36).
    fn check_pending(&self, id: GroupId, slot: &GroupSlot) -> Result<(), &'static str> {
        let (flags, has) = (slot.flags, |flags| slot.flags.intersects(flags));
        let leaves = slot.mode_left > 0 || slot.changing > 0;
        ensure(
            has(GroupFlags::DUE) || !has(GroupFlags::CHANGE | GroupFlags::ANSWER | GroupFlags::DONE),
            "group: a message is due and the group is not on the queue",
        )?;
        ensure(
            has(GroupFlags::LISTENING) || slot.answer_at == 0 && !has(GroupFlags::ANSWER),
            "group: an answer about what nobody wants",
        )?;
        if self.config.version == Version::V1 || is_older(slot.era) {
            let older = GroupFlags::DUE
                | GroupFlags::CHANGE
                | GroupFlags::DONE
                | GroupFlags::OVERHEARD
                | GroupFlags::LISTENING;
            ensure(
                older.contains(flags) && slot.change_at == 0 && slot.changing == 0 && slot.queried == 0,
                "group: something of version 2 is pending in version 1 mode",
            )?;
            ensure(
                !flags.contains(GroupFlags::LISTENING | GroupFlags::DONE),
                "group: a Done while it is wanted",
            )?;
            ensure(
                slot.answer_at == 0 || !has(GroupFlags::CHANGE),
                "group: its Report is due and waited for",
            )?;
            ensure(
                slot.mode_left == 0 || !has(GroupFlags::OVERHEARD),
                "group: it repeats what another listener reported",
            )?;
            return ensure(
                slot.mode_left == 0 || has(GroupFlags::CHANGE) || slot.answer_at != 0,
                "group: Reports are left and nothing has them sent",
            );
        }
        ensure(
            !has(GroupFlags::DONE | GroupFlags::OVERHEARD),
            "group: something of version 1 is pending in version 2 mode",
        )?;
        // R-LSN-22, R-LSN-24
        ensure(
            !leaves || has(GroupFlags::CHANGE) || slot.change_at != 0,
            "group: Reports are left and nothing has them sent",
        )?;
        ensure(leaves || slot.change_at == 0, "group: a Report is repeated and none is left")?;
        ensure(
            has(GroupFlags::CHANGE) || !has(GroupFlags::CHANGE_FRESH | GroupFlags::CHANGE_BARE),
            "group: a mark of a Report that is over",
        )?;
        ensure(
            slot.queried == 0 || has(GroupFlags::ANSWER) || slot.answer_at != 0,
            "group: Queries asked for sources and nothing answers",
        )?;
        ensure(
            has(GroupFlags::CHANGE | GroupFlags::ANSWER | GroupFlags::ROUND_SPLIT) || !has(GroupFlags::SPLIT),
            "group: a mark of a record that is over",
        )?;
        let tour = &self.tours[Errand::Answer as usize];
        let is_next = tour.running && tour.at == id;
        ensure(
            slot.era != self.era || is_next || !has(GroupFlags::ROUND_SPLIT),
            "group: a mark of an answer that is over",
        )
    }

    /// The timer of a group runs as long as there is a deadline, and ends with the first at the latest.
    fn check_deadlines(&self, slot: &GroupSlot) -> Result<(), &'static str> {
        match [slot.change_at, slot.answer_at].into_iter().filter(|at| *at != 0).min() {
            Some(first) => {
                ensure(self.clock.wheel().serves(slot.timer_at, first), "timer: a deadline is missed")
            }
            None => ensure(slot.timer_at == NOWHERE, "timer: it runs for nothing"),
        }
    }

    fn check_wheel(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        let on_wheel = self.clock.wheel().check(|id| match id.of() {
            TimerOf::Group(id) => tables.groups.get(id.at()).map(links),
            TimerOf::Source(_) => None,
        })?;
        let armed = tables.groups.iter().filter(|slot| slot.timer_at != NOWHERE).count();
        ensure(on_wheel == armed, "wheel: a timer is armed and on no list")
    }

    fn check_index(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        let exists = |id: u32| {
            if id & SOURCE_BIT != 0 {
                ((id & !SOURCE_BIT) as usize) < tables.sources.len()
            } else if id & FILTER_BIT != 0 {
                ((id & !FILTER_BIT) as usize) < tables.filters.len()
            } else {
                (id as usize) < tables.groups.len()
            }
        };
        let groups = groups(tables).map(|(id, slot)| {
            let found = self.find_group(tables, slot.address);
            (id.at() as u32, found.map(|found| found.at() as u32))
        });
        let filters = filters(tables).map(|(id, slot)| {
            let found = self.find_filter(tables, slot.group, slot.socket);
            (id.0, found.map(|found| found.0))
        });
        let sources = sources(tables).map(|(id, slot)| {
            let found = self.find_source(tables, slot.owner, slot.address);
            (id.at() as u32, found.map(|found| found.at() as u32))
        });
        check_index(tables.index, exists, groups.chain(filters).chain(sources))
    }
}

/// Whether a tour comes to every group that is left: from where it is they stand side by side.
fn check_tour(
    tables: Shared<'_>,
    listening: GroupId,
    errand: Errand,
    tour: &Tour,
) -> Result<(), &'static str> {
    let is_left = |id: GroupId| tables.groups[id.at()].toured[errand as usize] != tour.number;
    let Some(at) = tour.at.some() else {
        let left = tour.running && around(tables, listening).any(is_left);
        return ensure(!left, "tour: it is nowhere and has groups left");
    };
    let stands = tables.groups.get(at.at()).is_some_and(|slot| slot.flags.contains(GroupFlags::LISTENING));
    ensure(stands, "tour: it is at a group that is not to be reported")?;
    let left_behind = around(tables, at).skip_while(|id| is_left(*id)).any(is_left);
    ensure(!tour.running || !left_behind, "tour: it does not come to a group that is left")
}

/// What filters add up to, each number with a weight that its group or its source of a group gives: as good as random,
/// so that different numbers have different sums.
///
/// A group does not know its filters, nor a source who lists it; this way one walk over each table does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    filters: u64,
    excluding: u64,
    included: u64,
    excluded: u64,
}

impl Sums {
    /// As the filters say. Says what is wrong with them otherwise.
    fn of_filters(tables: Shared<'_>) -> Result<Self, &'static str> {
        let mut sums = Self::default();
        for (_, slot) in filters(tables) {
            let group = tables.groups.get(slot.group.at()).filter(|group| !is_free_group(group));
            ensure(group.is_some(), "filter: its group does not exist")?;
            ensure(slot.exclude || slot.sources != SourceId::NIL, "filter: it wants nothing")?;
            add(&mut sums.filters, slot.group.at(), 1);
            add(&mut sums.excluding, slot.group.at(), slot.exclude.into());
            for source in ring(tables, slot.sources) {
                ensure(source.flags.is_empty(), "filter: a mark of a call that is over")?;
                ensure(source.included == 0 && source.left == 0, "filter: a source that counts")?;
                let at = source.excluded as usize;
                let is_of_group = tables.sources.get(at).is_some_and(|of_group| {
                    of_group.owner == slot.group.into() && of_group.address == source.address
                });
                ensure(is_of_group, "filter: a source that is another one of the group")?;
                add(if slot.exclude { &mut sums.excluded } else { &mut sums.included }, at, 1);
            }
        }
        Ok(sums)
    }

    /// As groups and their sources count them.
    fn of_groups(tables: Shared<'_>) -> Self {
        let mut sums = Self::default();
        for (id, slot) in groups(tables) {
            add(&mut sums.filters, id.at(), slot.filters);
            add(&mut sums.excluding, id.at(), slot.excluding);
        }
        for (id, slot) in sources(tables).filter(|(_, slot)| slot.owner.0 & FILTER_BIT == 0) {
            add(&mut sums.included, id.at(), slot.included);
            add(&mut sums.excluded, id.at(), slot.excluded);
        }
        sums
    }
}

const fn add(sum: &mut u64, at: usize, count: u32) {
    *sum = sum.wrapping_add(spread(at as u64 + 1).wrapping_mul(count as u64));
}

/// Whether the filters of sockets are what groups and their sources count.
fn check_filters(tables: Shared<'_>) -> Result<(), &'static str> {
    let (said, counted) = (Sums::of_filters(tables)?, Sums::of_groups(tables));
    ensure(said.filters == counted.filters, "filter: a group counts another number of them")?;
    ensure(said.excluding == counted.excluding, "filter: a group counts another number in exclude mode")?;
    ensure(
        said.included == counted.included && said.excluded == counted.excluded,
        "filter: a source counts another number that list it",
    )
}

fn check_group_source(group: &GroupSlot, slot: &SourceSlot) -> Result<(), &'static str> {
    let flags = slot.flags;
    ensure(
        !flags.intersects(SourceFlags::NAMED | SourceFlags::NEW),
        "source: a mark of a call that is over",
    )?;
    // R-LSN-2 to 4
    let wanted = match group.excluding {
        0 => slot.included > 0,
        filters => slot.excluded == filters && slot.included == 0,
    };
    ensure(
        flags.contains(SourceFlags::LISTED) == wanted,
        "source: the list is not the merge of the filters",
    )?;
    let used = slot.included > 0 || slot.excluded > 0 || slot.left > 0;
    ensure(used || flags.contains(SourceFlags::QUERIED), "source: it is kept for nothing")
}

/// How many sources a group or a filter has, if their ring is whole.
fn check_sources(tables: Shared<'_>, owner: Owner, first: SourceId) -> Result<usize, &'static str> {
    let source = |id: SourceId| {
        let slot = tables.sources.get(id.at())?;
        Some(InRing { belongs: slot.owner == owner, prev: slot.prev, next: slot.next })
    };
    check_linked(
        first,
        source,
        RingFaults {
            missing: "sources: a source that does not exist",
            foreign: "sources: a source of another owner",
            unlinked: "sources: a ring that is not linked back",
        },
    )
}

/// Whether MLDv1 was spoken in that era by a listener that began with MLDv2.
const fn is_older(era: u32) -> bool {
    era % 2 == 1
}

const fn is_free_group(slot: &GroupSlot) -> bool {
    slot.address.is_unspecified()
}

fn is_free_filter(slot: &FilterSlot) -> bool {
    slot.group == GroupId::NIL
}

fn is_free_source(slot: &SourceSlot) -> bool {
    slot.owner == SourceSlot::EMPTY.owner
}

fn groups(tables: Shared<'_>) -> impl Iterator<Item = (GroupId, &GroupSlot)> {
    let slots = tables.groups.iter().enumerate().filter(|(_, slot)| !is_free_group(slot));
    slots.map(|(at, slot)| (GroupId::new(at), slot))
}

fn filters(tables: Shared<'_>) -> impl Iterator<Item = (FilterId, &FilterSlot)> {
    let slots = tables.filters.iter().enumerate().filter(|(_, slot)| !is_free_filter(slot));
    slots.map(|(at, slot)| (FilterId(at as u32), slot))
}

fn sources(tables: Shared<'_>) -> impl Iterator<Item = (SourceId, &SourceSlot)> {
    let slots = tables.sources.iter().enumerate().filter(|(_, slot)| !is_free_source(slot));
    slots.map(|(at, slot)| (SourceId::new(at), slot))
}

/// The sources in a ring that is whole.
fn ring(tables: Shared<'_>, first: SourceId) -> impl Iterator<Item = &SourceSlot> {
    let next = move |id: &SourceId| tables.sources[id.at()].next.some().filter(|next| *next != first);
    core::iter::successors(first.some(), next).map(move |id| &tables.sources[id.at()])
}

/// The groups to be reported, once around from `first`; their ring is whole.
fn around(tables: Shared<'_>, first: GroupId) -> impl Iterator<Item = GroupId> {
    let next = move |id: &GroupId| tables.groups[id.at()].next.some().filter(|next| *next != first);
    core::iter::successors(first.some(), next)
}

const fn links(slot: &GroupSlot) -> Links {
    Links { prev: slot.timer_prev, next: slot.timer_next, at: slot.timer_at }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv6Addr;
    use std::vec::Vec;

    use super::*;
    use crate::event::FilterMode;
    use crate::listener::tables::{Storage, View};
    use crate::listener::{Config, Listener, Socket, Tables};
    use crate::store::IndexSlot;
    use crate::store::{Index, Ring};
    use crate::time::Instant;
    use crate::time::LATEST;
    use crate::wire::MessageKind;
    use crate::wire::{QueryFields, QueryFlags, Writer};

    type Small = Listener<Tables<[GroupSlot; 8], [FilterSlot; 9], [SourceSlot; 32], [IndexSlot; 64]>>;

    const A: Ipv6Addr = group(1);
    const B: Ipv6Addr = group(2);
    const C: Ipv6Addr = group(3);
    const D: Ipv6Addr = group(4);
    const E: Ipv6Addr = group(5);
    const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

    const fn group(number: u16) -> Ipv6Addr {
        Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 0, number)
    }

    fn source(number: u16) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number)
    }

    fn link_local(number: u16) -> Ipv6Addr {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, number)
    }

    fn listen(listener: &mut Small, socket: u32, group: Ipv6Addr, mode: FilterMode, numbers: &[u16]) {
        let sources: Vec<Ipv6Addr> = numbers.iter().copied().map(source).collect();
        let now = Instant::from_millis(listener.core.clock.now());
        assert_eq!(listener.listen(now, Socket(socket), group, mode, &sources), Ok(()));
        assert_eq!(listener.check(), Ok(()));
    }

    fn query(listener: &mut Small, group: Ipv6Addr, millis: u16, numbers: &[u16]) {
        let fields = QueryFields {
            group,
            response_code: millis,
            flags: QueryFlags::empty(),
            robustness: 2,
            interval_code: 125,
        };
        let mut buffer = [0; 200];
        let mut writer = Writer::query_v2(&mut buffer, fields).unwrap();
        for number in numbers {
            writer.source(source(*number)).unwrap();
        }
        let len = writer.finish(link_local(1)).len;
        hear(listener, &buffer[..len]);
    }

    fn query_v1(listener: &mut Small, millis: u16) {
        let mut buffer = [0; 200];
        let writer = Writer::query_v1(&mut buffer, Ipv6Addr::UNSPECIFIED, millis).unwrap();
        let len = writer.finish(link_local(1)).len;
        hear(listener, &buffer[..len]);
    }

    fn hear(listener: &mut Small, packet: &[u8]) {
        let now = Instant::from_millis(listener.core.clock.now());
        assert_eq!(listener.handle_packet(now, packet), Ok(MessageKind::Query));
        assert_eq!(listener.check(), Ok(()));
    }

    fn drain(listener: &mut Small) {
        let now = Instant::from_millis(listener.core.clock.now());
        while listener.poll_transmit(now, &mut [0; 1500]).unwrap().is_some() {
            assert_eq!(listener.check(), Ok(()));
        }
        while listener.poll_event().is_some() {}
        assert_eq!(listener.check(), Ok(()));
    }

    fn run_to(listener: &mut Small, millis: u64) {
        while let Some(next) = listener.poll_timeout().filter(|next| next.as_millis() <= millis) {
            listener.handle_timeout(next);
            assert_eq!(listener.check(), Ok(()));
            drain(listener);
        }
        listener.handle_timeout(Instant::from_millis(millis));
        assert_eq!(listener.check(), Ok(()));
    }

    /// A listener with something in each structure: free slots, timers, a queue, sources of all kinds.
    fn busy() -> Small {
        let mut l = Listener::new(Config::DEFAULT, Tables::EMPTY, 7);
        l.start(Instant::ZERO, Some(link_local(0xa)));
        for round in [&[9, 10][..], &[]] {
            for number in 0x10..0x18 {
                listen(&mut l, 1, group(number), FilterMode::Include, round);
            }
        }
        drain(&mut l);
        run_to(&mut l, 10_000);
        assert!(shared(&l.tables).groups.iter().all(is_free_group));
        listen(&mut l, 1, A, FilterMode::Exclude, &[5, 6]);
        listen(&mut l, 2, A, FilterMode::Exclude, &[5]);
        listen(&mut l, 3, A, FilterMode::Include, &[7]);
        listen(&mut l, 1, B, FilterMode::Include, &[1, 2, 3]);
        listen(&mut l, 1, D, FilterMode::Include, &[4]);
        listen(&mut l, 1, ALL_NODES, FilterMode::Include, &[1]);
        drain(&mut l);
        listen(&mut l, 1, D, FilterMode::Include, &[]);
        drain(&mut l);
        query(&mut l, B, 5000, &[1, 9]);
        query(&mut l, Ipv6Addr::UNSPECIFIED, 10_000, &[]);
        listen(&mut l, 1, C, FilterMode::Exclude, &[]);
        listen(&mut l, 1, E, FilterMode::Include, &[8]);
        l
    }

    /// The same beside an MLDv1 querier, with a Report to repeat, one that is due, and a Done.
    fn busy_beside_version_1() -> Small {
        let mut l = busy();
        query_v1(&mut l, 9000);
        drain(&mut l);
        for group in [group(6), group(7)] {
            listen(&mut l, 1, group, FilterMode::Exclude, &[]);
            drain(&mut l);
        }
        listen(&mut l, 1, C, FilterMode::Include, &[]);
        listen(&mut l, 1, group(6), FilterMode::Include, &[]);
        listen(&mut l, 1, group(6), FilterMode::Exclude, &[]);
        l
    }

    fn view<T: Storage>(tables: &mut T) -> View<'_> {
        tables.view()
    }

    fn shared<T: Storage>(tables: &T) -> Shared<'_> {
        tables.shared()
    }

    fn id(l: &Small, group: Ipv6Addr) -> GroupId {
        l.core.find_group(shared(&l.tables), group).unwrap()
    }

    fn slot(l: &mut Small, group: Ipv6Addr) -> &mut GroupSlot {
        let id = id(l, group);
        &mut view(&mut l.tables).groups[id.at()]
    }

    fn filter(l: &mut Small, group: Ipv6Addr, socket: u32) -> &mut FilterSlot {
        let id = l.core.find_filter(shared(&l.tables), id(l, group), socket).unwrap();
        &mut view(&mut l.tables).filters[id.at()]
    }

    fn source_slot(l: &mut Small, group: Ipv6Addr, number: u16) -> &mut SourceSlot {
        let id = l.core.find_source(shared(&l.tables), id(l, group), source(number)).unwrap();
        &mut view(&mut l.tables).sources[id.at()]
    }

    fn filter_source(l: &mut Small, group: Ipv6Addr, socket: u32, number: u16) -> &mut SourceSlot {
        let filter = l.core.find_filter(shared(&l.tables), id(l, group), socket).unwrap();
        let id = l.core.find_source(shared(&l.tables), filter, source(number)).unwrap();
        &mut view(&mut l.tables).sources[id.at()]
    }

    fn disarm(l: &mut Small, group: Ipv6Addr) {
        let id = id(l, group);
        l.core.clock.remove(&mut view(&mut l.tables), id.into());
    }

    fn place(l: &mut Small, taken: bool) -> &mut IndexSlot {
        let mut places = view(&mut l.tables).index.iter_mut();
        places.find(|place| place.get().is_some() == taken).unwrap()
    }

    #[test]
    fn a_listener_at_work_is_whole() {
        for mut listener in [busy(), busy_beside_version_1()] {
            let groups = shared(&listener.tables).groups;
            assert!(groups.iter().filter(|slot| slot.timer_at != NOWHERE).count() > 1);
            assert!(groups.iter().filter(|slot| slot.flags.contains(GroupFlags::DUE)).count() > 1);
            drain(&mut listener);
            run_to(&mut listener, 1_000_000);
            assert_eq!(listener.poll_timeout(), None);
            listener.stop(Instant::from_millis(1_000_001));
            assert_eq!(listener.check(), Ok(()));
        }
    }

    /// What is wrong, and how it comes about.
    type Fault = (&'static str, fn(&mut Small));

    const FAULTS: &[Fault] = &[
        ("pool: a slot that is in use is free to be taken", |l| {
            let at = id(l, A).at();
            let next = l.core.group_pool.give(at).map_or(GroupId::NIL, GroupId::new);
            assert!(next != GroupId::NIL);
        }),
        ("pool: a free slot is lost", |l| {
            let free = view(&mut l.tables).sources.iter_mut().filter(|slot| is_free_source(slot));
            free.for_each(|slot| slot.next = SourceId::NIL);
        }),
        ("pool: the free slots do not end", |l| {
            let sources = view(&mut l.tables).sources;
            for (at, slot) in sources.iter_mut().enumerate().filter(|(_, slot)| is_free_source(slot)) {
                slot.next = SourceId::new(at);
            }
        }),
        ("interface: an address that Reports are not sent from", |l| {
            l.core.link_local = Some(Ipv6Addr::LOCALHOST);
        }),
        ("interface: it is stopped and has something to do", |l| l.core.running = false),
        ("mode: an MLDv1 querier is waited for in the wrong era", |l| l.core.era += 1),
        ("mode: an MLDv1 querier is waited for past its interval", |l| {
            (l.core.era, l.core.older_until) = (1, l.core.clock.expired_through());
        }),
        ("mode: an MLDv1 host changed it", |l| {
            (l.core.era, l.core.older_until) = (1, LATEST);
            l.core.config.version = Version::V1;
        }),
        ("answer: it begins when it has to be over", |l| l.core.general_until = l.core.general_at - 1),
        ("answer: it goes on when it has to be over", |l| l.core.round_at = 10_001),
        ("answer: its next Report is due twice", |l| {
            (l.core.round_at, l.core.round_until, l.core.round_due) = (10_001, 10_001, true);
        }),
        ("answer: its next Report and its tour do not agree", |l| l.core.round_due = true),
        ("answer: one of version 2 in version 1 mode", |l| {
            (l.core.era, l.core.older_until) = (1, LATEST);
        }),
        ("answer: one of version 1 in version 2 mode", |l| l.core.begin_tour(Errand::Older)),
        ("sources: a source that does not exist", |l| source_slot(l, B, 1).next = SourceId::new(99)),
        ("sources: a source of another owner", |l| source_slot(l, B, 1).owner = id(l, A).into()),
        ("sources: a ring that is not linked back", |l| source_slot(l, B, 1).prev = SourceId::NIL),
        ("sources: a source that its owner does not know of", |l| slot(l, B).sources = SourceId::NIL),
        ("listening: a group that does not exist", |l| slot(l, B).next = GroupId::new(99)),
        ("listening: a group that is not to be reported", |l| {
            slot(l, B).flags.remove(GroupFlags::LISTENING);
        }),
        ("listening: a ring that is not linked back", |l| slot(l, B).prev = GroupId::NIL),
        ("listening: a group is missing", |l| l.core.listening = GroupId::NIL),
        ("listening: another number of groups than it counts", |l| l.core.listening_count += 1),
        ("listening: another number of sources than it counts", |l| l.core.listed += 1),
        ("tour: it is nowhere and has groups left", |l| {
            l.core.begin_tour(Errand::Announce);
            l.core.tours[Errand::Announce as usize].at = GroupId::NIL;
        }),
        ("tour: it is at a group that is not to be reported", |l| {
            l.core.tours[Errand::Announce as usize].at = id(l, D);
        }),
        ("tour: it does not come to a group that is left", |l| {
            l.core.begin_tour(Errand::Announce);
            let number = l.core.tours[Errand::Announce as usize].number;
            slot(l, B).toured[Errand::Announce as usize] = number;
        }),
        ("filter: its group does not exist", |l| {
            let free = shared(&l.tables).groups.iter().position(is_free_group).unwrap();
            filter(l, C, 1).group = GroupId::new(free);
        }),
        ("filter: it wants nothing", |l| filter(l, C, 1).exclude = false),
        ("filter: a mark of a call that is over", |l| {
            filter_source(l, A, 1, 6).flags.insert(SourceFlags::NAMED);
        }),
        ("filter: a source that counts", |l| filter_source(l, A, 1, 6).left = 1),
        ("filter: a source that is another one of the group", |l| {
            let other = filter_source(l, A, 1, 5).excluded;
            filter_source(l, A, 1, 6).excluded = other;
        }),
        ("filter: a group counts another number of them", |l| slot(l, A).filters -= 1),
        ("filter: a group counts another number of them", |l| {
            slot(l, A).filters -= 1;
            slot(l, B).filters += 1;
        }),
        ("filter: a group counts another number in exclude mode", |l| slot(l, A).excluding = 3),
        ("filter: a source counts another number that list it", |l| source_slot(l, A, 7).included += 1),
        ("filter: a source counts another number that list it", |l| {
            source_slot(l, A, 5).excluded -= 1;
            source_slot(l, A, 6).excluded += 1;
        }),
        ("source: a mark of a call that is over", |l| source_slot(l, B, 1).flags.insert(SourceFlags::NEW)),
        ("source: the list is not the merge of the filters", |l| {
            source_slot(l, A, 6).flags.insert(SourceFlags::LISTED);
        }),
        ("source: the list is not the merge of the filters", |l| {
            source_slot(l, B, 1).flags.remove(SourceFlags::LISTED);
        }),
        ("source: it is kept for nothing", |l| source_slot(l, D, 4).left = 0),
        ("group: another number of sources than it lists", |l| {
            slot(l, ALL_NODES).listed += 1;
        }),
        ("group: another number of sources than change", |l| slot(l, B).changing += 1),
        ("group: another number of sources than Queries asked for", |l| slot(l, B).queried -= 1),
        ("group: it is kept for nothing", |l| {
            source_slot(l, D, 4).flags.insert(SourceFlags::QUERIED);
            source_slot(l, D, 4).left = 0;
            (slot(l, D).changing, slot(l, D).queried) = (0, 1);
        }),
        ("group: its address is not multicast", |l| slot(l, A).address = Ipv6Addr::LOCALHOST),
        ("group: whether it is to be reported is not so", |l| {
            let id = id(l, B);
            Ring::remove(view(&mut l.tables).groups, &mut l.core.listening, id);
            slot(l, B).flags.remove(GroupFlags::LISTENING);
            l.core.listening_count -= 1;
            l.core.listed -= 3;
            l.core.tours = [Tour::NEW; 3];
        }),
        ("group: one of source-specific multicast in exclude mode", |l| {
            slot(l, A).address = Ipv6Addr::new(0xff3e, 0, 0, 0, 0, 0, 0x8000, 1);
        }),
        ("group: something is pending of what is not reported", |l| {
            slot(l, ALL_NODES).flags.insert(GroupFlags::CHANGE | GroupFlags::DUE);
        }),
        ("group: a message is due and the group is not on the queue", |l| {
            slot(l, B).flags.insert(GroupFlags::CHANGE);
        }),
        ("group: an answer about what nobody wants", |l| {
            slot(l, D).flags.insert(GroupFlags::ANSWER | GroupFlags::DUE);
        }),
        ("group: something of version 1 is pending in version 2 mode", |l| {
            slot(l, B).flags.insert(GroupFlags::OVERHEARD);
        }),
        ("group: Reports are left and nothing has them sent", |l| slot(l, C).flags = LISTENING_DUE),
        ("group: a Report is repeated and none is left", |l| {
            for number in [5, 6, 7] {
                source_slot(l, A, number).left = 0;
            }
            (slot(l, A).changing, slot(l, A).mode_left) = (0, 0);
        }),
        ("group: a mark of a Report that is over", |l| slot(l, A).flags.insert(GroupFlags::CHANGE_BARE)),
        ("group: Queries asked for sources and nothing answers", |l| {
            slot(l, B).answer_at = 0;
        }),
        ("group: a mark of a record that is over", |l| slot(l, A).flags.insert(GroupFlags::SPLIT)),
        ("group: a mark of an answer that is over", |l| slot(l, A).flags.insert(GroupFlags::ROUND_SPLIT)),
        ("group: a free slot holds something", |l| {
            let mut groups = view(&mut l.tables).groups.iter_mut();
            groups.find(|slot| is_free_group(slot)).unwrap().flags = GroupFlags::SPLIT;
        }),
        ("timer: it runs for nothing", |l| {
            slot(l, A).change_at = 0;
        }),
        ("timer: a deadline is missed", |l| disarm(l, B)),
        ("timer: a deadline is missed", |l| {
            disarm(l, A);
            let id = id(l, A);
            l.core.clock.insert(&mut view(&mut l.tables), id.into(), 500_000);
        }),
        ("wheel: a timer in a slot that it does not know of", |l| slot(l, D).timer_at -= 1),
        ("wheel: a timer is armed and on no list", |l| {
            let at = slot(l, D).timer_at;
            disarm(l, D);
            slot(l, D).timer_at = at;
        }),
        ("wheel: a list that is not linked back", |l| slot(l, D).timer_prev = id(l, D).into()),
        ("queue: a group is missing", |l| {
            l.core.due.pop(view(&mut l.tables).groups);
        }),
        ("queue: a group that does not know of it", |l| {
            slot(l, C).flags = GroupFlags::LISTENING;
            slot(l, C).mode_left = 0;
        }),
        ("queue: it does not end", |l| slot(l, C).due_next = id(l, C)),
        ("queue: another group counts as the last", |l| {
            let first = l.core.due.first().unwrap();
            let mut view = view(&mut l.tables);
            let second = core::mem::replace(&mut view.group(first).due_next, GroupId::NIL);
            let slot = view.group(second);
            slot.flags = GroupFlags::LISTENING;
            for source in view.sources.iter_mut().filter(|slot| slot.owner == second.into()) {
                source.left = 0;
            }
            view.group(second).changing = 0;
        }),
        ("index: a key is not found", |l| *place(l, true) = IndexSlot::EMPTY),
        ("index: a key is not found", |l| slot(l, A).address = group(0x99)),
        ("index: a key is found with another slot", |l| slot(l, A).address = B),
        ("index: a place is left over", |l| {
            let taken = *place(l, true);
            *place(l, false) = taken;
        }),
        ("index: no place is free, so that a search does not end", |l| {
            let taken = *place(l, true);
            view(&mut l.tables).index.fill(taken);
        }),
        ("index: a place stands for a slot that does not exist", |l| {
            Index::put(view(&mut l.tables).index, 0, SOURCE_BIT | 99);
        }),
    ];

    const LISTENING_DUE: GroupFlags = GroupFlags::LISTENING.union(GroupFlags::DUE);

    const FAULTS_BESIDE_VERSION_1: &[Fault] = &[
        ("group: something of version 2 is pending in version 1 mode", |l| {
            slot(l, A).flags.insert(GroupFlags::CHANGE_FRESH);
        }),
        ("group: a Done while it is wanted", |l| slot(l, group(6)).flags.insert(GroupFlags::DONE)),
        ("group: its Report is due and waited for", |l| {
            slot(l, group(7)).flags.insert(GroupFlags::CHANGE | GroupFlags::DUE);
        }),
        ("group: it repeats what another listener reported", |l| {
            slot(l, group(7)).flags.insert(GroupFlags::OVERHEARD);
        }),
        ("group: Reports are left and nothing has them sent", |l| {
            slot(l, group(6)).flags.remove(GroupFlags::CHANGE);
        }),
    ];

    #[test]
    fn every_fault_is_noticed() {
        for (faults, whole) in [(FAULTS, busy()), (FAULTS_BESIDE_VERSION_1, busy_beside_version_1())] {
            for (what, fault) in faults {
                let mut listener = whole.clone();
                fault(&mut listener);
                assert_eq!(listener.check(), Err(*what));
            }
        }
    }
}
