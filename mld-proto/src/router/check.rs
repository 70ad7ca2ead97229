//! Checks that the structures of a router agree: for tests, fuzzers and simulators.

#[cfg(test)]
mod tests;

use super::engine::Core;
use super::membership::TOMBSTONE_LISTED;
use crate::store::{
    GroupFlags, GroupId, GroupSlot, Key, Links, NOWHERE, Shared, SourceFlags, SourceId, SourceSlot, TimerId,
    TimerOf, check_queue, check_ring, ensure,
};

impl Core {
    /// See [`Inspect::check`](crate::inspect::Inspect::check).
    pub(crate) fn check_whole(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        self.check_pools(tables)?;
        // Slots beyond the reach were never used and hold anything.
        let used = Shared {
            groups: &tables.groups[..self.group_pool.reach()],
            sources: &tables.sources[..self.source_pool.reach()],
            index: tables.index,
        };
        self.clock.check()?;
        self.election.check(&self.env())?;
        self.check_groups(used)?;
        self.check_wheel(used)?;
        self.check_queues(used)?;
        self.check_tombstones(used)?;
        let groups = groups(used).map(|(id, slot)| (Key::Group(slot.address), id.into()));
        let sources = sources(used).map(|(id, slot)| (Key::Source(slot.group, slot.address), id.into()));
        self.index.check(used, groups.chain(sources))
    }

    fn check_pools(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        self.group_pool.check(
            tables.groups.len(),
            |at| is_free_group(&tables.groups[at]),
            |at| tables.groups[at].event_next.some().map(GroupId::at),
        )?;
        self.source_pool.check(
            tables.sources.len(),
            |at| is_free_source(&tables.sources[at]),
            |at| tables.sources[at].next.some().map(SourceId::at),
        )
    }

    fn check_groups(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        let (mut live_groups, mut live_sources, mut in_rings) = (0, 0, 0);
        for (id, slot) in groups(tables) {
            in_rings += check_ring(tables, id)?;
            let mut live = 0;
            let mut queries_left = slot.queries_left > 0;
            for source in sources_of(tables, slot) {
                self.check_source(slot, source)?;
                live += u32::from(!source.flags.contains(SourceFlags::TOMBSTONE));
                queries_left |= source.queries_left > 0;
            }
            ensure(live == slot.source_count, "group: another number of sources than it counts")?;
            let asks = slot.flags.contains(GroupFlags::IN_TRANSMITS) || slot.query_at != 0;
            ensure(asks || !queries_left, "group: Queries are left, but none is scheduled")?;
            self.check_group(slot)?;
            live_groups += u32::from(!slot.flags.contains(GroupFlags::GONE));
            live_sources += live;
        }
        ensure(in_rings == sources(tables).count(), "sources: source missing from the list of its group")?;
        let free_is_bare =
            tables.groups.iter().filter(|slot| is_free_group(slot)).all(|slot| {
                slot.flags.is_empty() && slot.timer_at == NOWHERE && slot.sources == SourceId::NIL
            });
        ensure(free_is_bare, "group: a free slot holds something")?;
        ensure(self.usage.groups == live_groups, "usage: another number of groups than there are")?;
        ensure(self.usage.sources == live_sources, "usage: another number of sources than there are")
    }

    fn check_group(&self, slot: &GroupSlot) -> Result<(), &'static str> {
        let flags = slot.flags;
        ensure(
            !flags.intersects(GroupFlags::FRESH | GroupFlags::MENTIONED),
            "group: a mark of a packet that is over",
        )?;
        ensure(
            flags.contains(GroupFlags::IN_TRANSMITS)
                || !flags.intersects(GroupFlags::ROUND | GroupFlags::QUERY_DUE),
            "group: a Query is due and the group is not on its queue",
        )?;
        ensure(
            slot.queries_left > 0 || !flags.contains(GroupFlags::QUERY_DUE),
            "group: a Query is due and none is left",
        )?;
        ensure(
            flags.contains(GroupFlags::LOWERED) || !flags.contains(GroupFlags::ASKED),
            "group: asked, and the filter timer was not lowered",
        )?;
        if flags.contains(GroupFlags::GONE) {
            ensure(
                slot.source_count == 0 && slot.filter_deadline == 0 && slot.query_at == 0,
                "group: deleted, with state",
            )?;
            ensure(slot.timer_at == NOWHERE, "group: deleted, with a timer")?;
            return ensure(
                flags.intersects(GroupFlags::IN_EVENTS | GroupFlags::IN_TRANSMITS),
                "group: deleted, and on no queue that frees it",
            );
        }
        ensure(!flags.contains(GroupFlags::TIMED_OUT), "group: marked as timed out, but present")?;
        ensure(slot.source_count > 0 || slot.filter_deadline != 0, "group: empty and in include mode")?;
        ensure(
            self.sweep.is_some() || slot.generation == self.generation,
            "group: it is of a former generation",
        )?;
        self.check_deadline(slot.filter_deadline, slot.timer_at)?;
        // A round that has begun is not waited for.
        let waits = slot.query_at != 0 && !flags.contains(GroupFlags::IN_TRANSMITS);
        ensure(
            !waits || self.clock.wheel().serves(slot.timer_at, slot.query_at),
            "timer: armed later than the next round of Queries",
        )
    }

    fn check_source(&self, group: &GroupSlot, slot: &SourceSlot) -> Result<(), &'static str> {
        let flags = slot.flags;
        ensure(!flags.contains(SourceFlags::SEEN), "source: a mark of a record that is over")?;
        ensure(
            !flags.contains(SourceFlags::DUE)
                || slot.queries_left > 0 && group.flags.contains(GroupFlags::IN_TRANSMITS),
            "source: a Query is due, but its group is not scheduled",
        )?;
        if flags.contains(SourceFlags::TOMBSTONE) {
            ensure(slot.deadline == 0, "source: deleted, with a deadline")?;
            return ensure(
                slot.timer_at == TOMBSTONE_LISTED || slot.timer_at == NOWHERE && slot.queries_left > 0,
                "source: deleted, and on no list that frees it",
            );
        }
        ensure(slot.timer_at != TOMBSTONE_LISTED, "source: on the list of deleted sources, but present")?;
        if slot.deadline == 0 {
            ensure(slot.timer_at == NOWHERE, "source: blocked, with a timer")?;
            return ensure(group.filter_deadline != 0, "source: blocked in include mode");
        }
        self.check_deadline(slot.deadline, slot.timer_at)
    }

    /// A deadline, or 0, and where the timer stands that looks after it.
    fn check_deadline(&self, deadline: u64, timer_at: u16) -> Result<(), &'static str> {
        ensure(
            deadline == 0 || self.clock.wheel().serves(timer_at, deadline),
            "timer: armed later than the deadline",
        )?;
        ensure(
            deadline == 0 || deadline > self.clock.expired_through() || self.clock.has_backlog(),
            "timer: expired but `backlog` is unset",
        )
    }

    fn check_wheel(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        let on_wheel = self.clock.wheel().check(|id| links(tables, id))?;
        let armed = |at: u16| at != NOWHERE && at != TOMBSTONE_LISTED;
        let groups = tables.groups.iter().filter(|slot| armed(slot.timer_at)).count();
        let sources = tables.sources.iter().filter(|slot| armed(slot.timer_at)).count();
        ensure(on_wheel == groups + sources, "wheel: a timer is armed and on no list")
    }

    fn check_queues(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        let says = |flag: GroupFlags| move |slot: &GroupSlot| slot.flags.contains(flag);
        check_queue(&self.events, tables.groups, |slot| slot.event_next, says(GroupFlags::IN_EVENTS))?;
        check_queue(&self.transmits, tables.groups, |slot| slot.transmit_next, says(GroupFlags::IN_TRANSMITS))
    }

    fn check_tombstones(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        let listed = tables.sources.iter().filter(|slot| slot.timer_at == TOMBSTONE_LISTED).count();
        let (mut next, mut prev, mut count) = (self.tombstones.some(), None, 0);
        while let Some(id) = next {
            let slot = tables.sources.get(id.at()).ok_or("deleted sources: one that does not exist")?;
            ensure(
                slot.flags.contains(SourceFlags::TOMBSTONE) && slot.timer_at == TOMBSTONE_LISTED,
                "deleted sources: one that is not deleted",
            )?;
            // This also finds lists without end.
            ensure(slot.timer_prev.source() == prev, "deleted sources: a list that is not linked back")?;
            count += 1;
            (prev, next) = (Some(id), slot.timer_next.source());
        }
        ensure(count == listed, "deleted sources: one is missing")
    }
}

const fn is_free_group(slot: &GroupSlot) -> bool {
    slot.address.is_unspecified()
}

fn is_free_source(slot: &SourceSlot) -> bool {
    slot.group == GroupId::NIL
}

fn groups(tables: Shared<'_>) -> impl Iterator<Item = (GroupId, &GroupSlot)> {
    let slots = tables.groups.iter().enumerate().filter(|(_, slot)| !is_free_group(slot));
    slots.map(|(at, slot)| (GroupId::new(at), slot))
}

fn sources(tables: Shared<'_>) -> impl Iterator<Item = (SourceId, &SourceSlot)> {
    let slots = tables.sources.iter().enumerate().filter(|(_, slot)| !is_free_source(slot));
    slots.map(|(at, slot)| (SourceId::new(at), slot))
}

/// The sources of a group whose ring is whole, deleted ones included.
pub(super) fn sources_of<'t>(
    tables: Shared<'t>,
    group: &GroupSlot,
) -> impl Iterator<Item = &'t SourceSlot> + use<'t> {
    let first = group.sources;
    core::iter::successors(first.some(), move |id| {
        tables.sources[id.at()].next.some().filter(|next| *next != first)
    })
    .map(move |id| &tables.sources[id.at()])
}

fn links(tables: Shared<'_>, id: TimerId) -> Option<Links> {
    match id.of() {
        TimerOf::Group(id) => tables.groups.get(id.at()).map(|slot| Links {
            prev: slot.timer_prev,
            next: slot.timer_next,
            at: slot.timer_at,
        }),
        TimerOf::Source(id) => tables.sources.get(id.at()).map(|slot| Links {
            prev: slot.timer_prev,
            next: slot.timer_next,
            at: slot.timer_at,
        }),
    }
}
