//! Checks that the structures of a listener agree: for tests, fuzzers and simulators.

#[cfg(test)]
mod tests;

use super::engine::{Core, Sweep, SweepKind};
use super::tables::{
    FILTER_BIT, FilterId, FilterSlot, GroupFlags, GroupSlot, Owner, SOURCE_BIT, Shared, SourceFlags,
    SourceSlot,
};
use crate::addr::{GroupAddr, is_usable_link_local};
use crate::store::{
    GroupId, InRing, Links, NOWHERE, RingFaults, SourceId, TimerOf, check_index, check_linked, check_queue,
    ensure, spread,
};
use crate::wire::Version;

impl Core {
    /// See [`Inspect::check`](crate::inspect::Inspect::check).
    pub(crate) fn check_whole(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        self.check_pools(tables)?;
        // Slots beyond the reach were never used and hold anything.
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
        for sweep_kind in [SweepKind::Answer, SweepKind::Announce, SweepKind::Older] {
            check_sweep(used, self.listening, sweep_kind, &self.sweeps[sweep_kind as usize])?;
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

    /// State that exists once: the address, the compatibility mode, the answer to General Queries.
    fn check_interface(&self) -> Result<(), &'static str> {
        ensure(
            self.link_local.is_none_or(|own| is_usable_link_local(&own)),
            "interface: an address that Reports are not sent from",
        )?;
        // R-CMP-30: the mode began as it is configured and has changed to and fro since.
        ensure(
            (self.older_until != 0) == is_older(self.epoch),
            "mode: an MLDv1 querier is waited for in the wrong epoch",
        )?;
        ensure(
            self.older_until == 0 || self.older_until > self.clock.expired_through(),
            "mode: an MLDv1 querier counts as present past its interval",
        )?;
        ensure(
            self.older_until == 0 || self.config.version == Version::V2,
            "mode: an MLDv1 host changed it",
        )?;
        ensure(
            self.general_at == 0 || self.general_at <= self.general_until,
            "answer: begins at or after its end",
        )?;
        ensure(self.round_at == 0 || self.round_at <= self.round_until, "answer: continues past its end")?;
        ensure(self.round_at == 0 || !self.round_due, "answer: its next Report is due twice")?;
        let answers = self.round_at != 0 || self.round_due;
        let [answer, announce, older] = self.sweeps.map(|sweep| sweep.running);
        ensure(answers == answer, "answer: its next Report and its sweep do not agree")?;
        ensure(
            !self.is_version_1() || self.general_at == 0 && !answers,
            "answer: one of version 2 in version 1 mode",
        )?;
        ensure(self.is_version_1() || !older, "answer: one of version 1 in version 2 mode")?;
        let idle = self.older_until == 0 && self.general_at == 0 && !answers && !announce && !older;
        ensure(
            self.running || idle && !self.mode_pending && self.ssm_asked.is_none(),
            "interface: stopped, with work pending",
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
        ensure(in_rings == sources(tables).count(), "sources: source missing from the list of its owner")?;
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
            "group: neither wanted nor pending",
        )?;
        ensure(slot.address.is_multicast(), "group: its address is not multicast")?;
        // R-LSN-8, R-LSN-9
        let reported = GroupAddr::new(slot.address).is_ok();
        let listens = slot.excluding > 0 || slot.listed > 0;
        let listening = slot.flags.contains(GroupFlags::LISTENING);
        ensure(listening == (reported && listens), "group: its flag for reporting is wrong")?;
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
            return ensure(silent && !leaves, "group: a message is pending for a group that is not reported");
        }
        self.check_pending(id, slot)
    }

    /// Each pending output keeps its group queued, and belongs to the compatibility mode in which it began (R-CMP-36).
    fn check_pending(&self, id: GroupId, slot: &GroupSlot) -> Result<(), &'static str> {
        let (flags, has) = (slot.flags, |flags| slot.flags.intersects(flags));
        let leaves = slot.mode_left > 0 || slot.changing > 0;
        ensure(
            has(GroupFlags::DUE) || !has(GroupFlags::CHANGE | GroupFlags::ANSWER | GroupFlags::DONE),
            "group: a message is due and the group is not on the queue",
        )?;
        ensure(
            has(GroupFlags::LISTENING) || slot.answer_at == 0 && !has(GroupFlags::ANSWER),
            "group: an answer is pending for an unwanted group",
        )?;
        if self.config.version == Version::V1 || is_older(slot.epoch) {
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
                "group: its Report is due, and its timer runs",
            )?;
            ensure(
                slot.mode_left == 0 || !has(GroupFlags::OVERHEARD),
                "group: repeats a Report that another listener sent",
            )?;
            return ensure(
                slot.mode_left == 0 || has(GroupFlags::CHANGE) || slot.answer_at != 0,
                "group: Reports are left, but none is scheduled",
            );
        }
        ensure(
            !has(GroupFlags::DONE | GroupFlags::OVERHEARD),
            "group: something of version 1 is pending in version 2 mode",
        )?;
        // R-LSN-22, R-LSN-24
        ensure(
            !leaves || has(GroupFlags::CHANGE) || slot.change_at != 0,
            "group: Reports are left, but none is scheduled",
        )?;
        ensure(leaves || slot.change_at == 0, "group: a Report is repeated and none is left")?;
        ensure(
            has(GroupFlags::CHANGE) || !has(GroupFlags::CHANGE_FRESH | GroupFlags::CHANGE_BARE),
            "group: a mark of a Report that is over",
        )?;
        ensure(
            slot.queried == 0 || has(GroupFlags::ANSWER) || slot.answer_at != 0,
            "group: sources were queried, but no answer is scheduled",
        )?;
        ensure(
            has(GroupFlags::CHANGE | GroupFlags::ANSWER | GroupFlags::ROUND_SPLIT) || !has(GroupFlags::SPLIT),
            "group: a mark of a record that is over",
        )?;
        let sweep = &self.sweeps[SweepKind::Answer as usize];
        let is_next = sweep.running && sweep.at == id;
        ensure(
            slot.epoch != self.epoch || is_next || !has(GroupFlags::ROUND_SPLIT),
            "group: a mark of an answer that is over",
        )
    }

    /// The timer of a group runs as long as there is a deadline, and ends with the first at the latest.
    fn check_deadlines(&self, slot: &GroupSlot) -> Result<(), &'static str> {
        match [slot.change_at, slot.answer_at].into_iter().filter(|at| *at != 0).min() {
            Some(first) => ensure(
                self.clock.wheel().serves(slot.timer_at, first),
                "timer: armed later than the deadline",
            ),
            None => ensure(slot.timer_at == NOWHERE, "timer: armed without a deadline"),
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

/// Checks that a sweep reaches every group that is left: from its position on they stand side by side.
fn check_sweep(
    tables: Shared<'_>,
    listening: GroupId,
    sweep_kind: SweepKind,
    sweep: &Sweep,
) -> Result<(), &'static str> {
    let is_left = |id: GroupId| tables.groups[id.at()].swept[sweep_kind as usize] != sweep.number;
    let Some(at) = sweep.at.some() else {
        let left = sweep.running && around(tables, listening).any(is_left);
        return ensure(!left, "sweep: it is nowhere and has groups left");
    };
    let stands = tables.groups.get(at.at()).is_some_and(|slot| slot.flags.contains(GroupFlags::LISTENING));
    ensure(stands, "sweep: it is at a group that is not to be reported")?;
    let left_behind = around(tables, at).skip_while(|id| is_left(*id)).any(is_left);
    ensure(!sweep.running || !left_behind, "sweep: it does not come to a group that is left")
}

/// The sums of the filters, each number with a weight that its group or its source of a group gives: as good as random,
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
            ensure(slot.exclude || slot.sources != SourceId::NIL, "filter: empty and in include mode")?;
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

/// Checks that the filters of sockets match the counts of groups and sources.
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
    ensure(used || flags.contains(SourceFlags::QUERIED), "source: neither wanted nor pending")
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

/// True if a listener that began with MLDv2 spoke MLDv1 in that epoch.
const fn is_older(epoch: u32) -> bool {
    epoch % 2 == 1
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
