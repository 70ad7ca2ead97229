//! Groups and sources come, are refreshed, and go.
//!
//! The filter mode and "is it forwarded" are not stored: they are questions asked of deadlines at the expired-through
//! moment, so they cannot disagree with a timer. Nothing here sends or reports: it edits deadlines and marks groups.

use core::net::Ipv6Addr;

use super::engine::Core;
use crate::addr::GroupAddr;
use crate::event::Limit;
use crate::store::{
    GroupFlags, GroupId, GroupSlot, Key, NOWHERE, SourceFlags, SourceId, SourceList, SourceSlot, TimerId,
    View,
};

/// The fate of the specific Queries that are pending for something deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pending {
    /// They are dropped (R-REC-9, R-QRY-17).
    Dropped,
    /// They are still sent: an immediate leave.
    Kept,
}

impl Core {
    /// A group that has no listeners yet, in include mode without sources; `None` if the limit refuses it.
    /// R-RST-7, R-CMP-19: whatever was known of an earlier group of this address is forgotten.
    pub(super) fn create(&mut self, view: &mut View<'_>, group: GroupAddr, record: u16) -> Option<GroupId> {
        let address = group.get();
        self.make_room(view, |core| core.usage.groups >= core.config.groups_max);
        if self.usage.groups >= self.config.groups_max {
            return self.refuse_group(address, record);
        }
        let known = self.index.find_group(view.shared(), address);
        let id = match known {
            Some(id) => {
                if view.group(id).generation != self.generation {
                    self.drop_queries(view, id);
                }
                id
            }
            None => {
                let Some(id) = self.take_group_slot(view) else {
                    return self.refuse_group(address, record);
                };
                *view.group(id) = GroupSlot { address, ..GroupSlot::EMPTY };
                self.index.insert(view.index, Key::Group(address), id.into());
                id
            }
        };
        self.usage.groups += 1;
        let slot = view.group(id);
        slot.flags.remove(GroupFlags::GONE | GroupFlags::TIMED_OUT);
        slot.generation = self.generation;
        slot.created = self.clock.now();
        Some(id)
    }

    /// While a limit is reached, removes expired entries that were not processed yet: they do not count.
    fn make_room(&mut self, view: &mut View<'_>, full: impl Fn(&Self) -> bool) {
        while full(self) && self.end_some(view) {}
    }

    /// Removes some expired entries that were not processed yet; `false` if there is nothing, or if the present packet
    /// has had its share of such work.
    fn end_some(&mut self, view: &mut View<'_>) -> bool {
        if self.room_batches == 0 || (self.sweep.is_none() && !self.clock.has_backlog()) {
            return false;
        }
        self.room_batches -= 1;
        self.sweep_some(view);
        self.end_due(view);
        true
    }

    fn refuse_group(&mut self, address: Ipv6Addr, record: u16) -> Option<GroupId> {
        let hash = self.index.hash(Key::Group(address));
        self.limits.refuse(&mut self.stats, hash, Limit::Groups, record);
        None
    }

    fn take_group_slot(&mut self, view: &mut View<'_>) -> Option<GroupId> {
        let len = view.groups.len();
        loop {
            let groups = &*view.groups;
            let taken = self.group_pool.take(len, |at| groups[at].event_next.some().map(GroupId::at));
            if taken.is_some() || !self.end_some(view) {
                return taken.map(GroupId::new);
            }
        }
    }

    /// Ends a group without listeners. Its slot stays until its pending outputs have been polled.
    pub(super) fn end_group(&mut self, view: &mut View<'_>, id: GroupId, pending: Pending) {
        self.clock.remove(view, id.into());
        self.usage.groups -= 1;
        if !self.limits.is_empty() && self.usage.groups < self.config.groups_max {
            self.limits.relieve(Limit::Groups);
        }
        let slot = view.group(id);
        slot.flags.insert(GroupFlags::GONE);
        slot.flags.remove(GroupFlags::LOWERED | GroupFlags::ASKED);
        slot.filter_deadline = 0;
        slot.version_1_until = 0;
        slot.query_at = 0;
        slot.reporter = Ipv6Addr::UNSPECIFIED;
        if slot.flags.contains(GroupFlags::REPORTED_MEMBERS) {
            self.mark_changed(view, id);
        }
        if pending == Pending::Dropped {
            self.drop_queries(view, id);
        }
        self.free_if_idle(view, id);
    }

    /// Ends a group with all its sources: a stop, or a new configuration.
    pub(super) fn forget(&mut self, view: &mut View<'_>, id: GroupId) {
        let mut walk = SourceList::walk(view, id);
        while let Some(source) = walk.next(view) {
            if !view.source(source).flags.contains(SourceFlags::TOMBSTONE) {
                self.delete_source(view, source, Pending::Dropped);
            }
        }
        self.end_group(view, id, Pending::Dropped);
    }

    /// Frees the slot of a group that is gone once nothing about it is pending.
    pub(super) fn free_if_idle(&mut self, view: &mut View<'_>, id: GroupId) {
        let slot = view.group(id);
        let busy = GroupFlags::IN_EVENTS | GroupFlags::IN_TRANSMITS;
        if !slot.flags.contains(GroupFlags::GONE) || slot.flags.intersects(busy) {
            return;
        }
        let key = Key::Group(slot.address);
        let mut walk = SourceList::walk(view, id);
        while let Some(source) = walk.next(view) {
            self.free_tombstone(view, source);
        }
        if let Some(removal) = self.index.remove(view.shared(), key) {
            removal.carry_out(view.index);
        }
        let next = self.group_pool.give(id.at()).map_or(GroupId::NIL, GroupId::new);
        *view.group(id) = GroupSlot { event_next: next, ..GroupSlot::EMPTY };
    }

    /// The membership of the group may have to be reported.
    pub(super) fn mark_changed(&mut self, view: &mut View<'_>, id: GroupId) {
        let slot = view.group(id);
        if !slot.flags.contains(GroupFlags::IN_EVENTS) {
            slot.flags.insert(GroupFlags::IN_EVENTS);
            self.events.push(view.groups, id);
        }
    }

    /// The filter mode: a running filter timer is exclude mode (R-RST-3).
    pub(super) fn is_exclude(&self, slot: &GroupSlot) -> bool {
        slot.filter_deadline > self.clock.expired_through()
    }

    /// The compatibility mode of a group (RFC 9777 section 8.3.2); without compatibility there is none (R-CMP-8).
    pub(super) fn is_in_version_1(&self, slot: &GroupSlot) -> bool {
        let compatible = self.is_version_1() || !self.config.interpretations.version_2_only;
        compatible && slot.version_1_until > self.clock.expired_through()
    }

    /// Refreshes the filter timer, or starts it: the group is in exclude mode from now on.
    pub(super) fn set_filter(&mut self, view: &mut View<'_>, id: GroupId, deadline: u64) {
        let slot = view.group(id);
        let before = core::mem::replace(&mut slot.filter_deadline, deadline);
        slot.flags.remove(GroupFlags::LOWERED | GroupFlags::ASKED);
        // A filter timer that runs is on the wheel, and may come off it early: there is nothing to do.
        if before <= self.clock.expired_through() {
            self.arm_group(view, id);
            self.mark_changed(view, id);
        } else if deadline < before {
            self.arm_group(view, id);
        }
    }

    /// Lowers the filter timer; it never rises (R-TIM-12).
    pub(super) fn lower_filter(&mut self, view: &mut View<'_>, id: GroupId, deadline: u64) {
        let slot = view.group(id);
        slot.flags.insert(GroupFlags::LOWERED);
        if deadline < slot.filter_deadline {
            slot.filter_deadline = deadline;
            self.arm_group(view, id);
        }
    }

    /// Puts the group's timer on the wheel where its filter timer or its next round of Queries ends first.
    pub(super) fn arm_group(&mut self, view: &mut View<'_>, id: GroupId) {
        self.clock.remove(view, id.into());
        if let Some(deadline) = group_deadline(view.group(id)) {
            self.clock.insert(view, id.into(), deadline);
        }
    }

    /// The filter timer ended: include mode with the sources whose timers run (RFC 9777 section 7.5; R-EXP-1,
    /// R-EXP-3, A-33). Says
    /// whether any are left; the caller ends the group otherwise.
    #[must_use]
    pub(super) fn leave_exclude(&mut self, view: &mut View<'_>, id: GroupId, pending: Pending) -> bool {
        let slot = view.group(id);
        slot.filter_deadline = 0;
        slot.flags.remove(GroupFlags::LOWERED | GroupFlags::ASKED);
        if pending == Pending::Dropped {
            slot.queries_left = 0;
            slot.flags.remove(GroupFlags::QUERY_DUE);
        }
        self.mark_changed(view, id);
        self.drop_ended_sources(view, id, pending)
    }

    /// Deletes the sources whose timers do not run; says whether any are left.
    fn drop_ended_sources(&mut self, view: &mut View<'_>, id: GroupId, pending: Pending) -> bool {
        let mut walk = SourceList::walk(view, id);
        while let Some(source) = walk.next(view) {
            let slot = view.source(source);
            if slot.deadline <= self.clock.expired_through() && !slot.flags.contains(SourceFlags::TOMBSTONE) {
                self.delete_source(view, source, pending);
            }
        }
        view.group(id).source_count > 0
    }

    /// Processes expired timers of a group that the wheel has not reached yet.
    pub(super) fn expire_overdue(&mut self, view: &mut View<'_>, id: GroupId) {
        if self.is_exclude(view.group(id)) {
            return;
        }
        let left = if view.group(id).filter_deadline != 0 {
            self.leave_exclude(view, id, Pending::Dropped)
        } else {
            self.drop_ended_sources(view, id, Pending::Dropped)
        };
        if !left {
            self.time_out(view, id);
        }
    }

    /// Ends a group whose last timer ended.
    pub(super) fn time_out(&mut self, view: &mut View<'_>, id: GroupId) {
        view.group(id).flags.insert(GroupFlags::TIMED_OUT);
        self.end_group(view, id, Pending::Dropped);
    }

    /// A source of the group that is not deleted.
    pub(super) fn find_source(&self, view: &View<'_>, group: GroupId, address: Ipv6Addr) -> Option<SourceId> {
        let id = self.index.find_source(view.shared(), group, address)?;
        (!view.sources[id.at()].flags.contains(SourceFlags::TOMBSTONE)).then_some(id)
    }

    /// Adds a source that is not there, without a timer; `None` if a limit refuses it (R-SEC-8).
    pub(super) fn add_source(
        &mut self,
        view: &mut View<'_>,
        group: GroupId,
        address: Ipv6Addr,
        record: u16,
    ) -> Option<SourceId> {
        self.make_room(view, |core| core.usage.sources >= core.config.sources_max);
        let refused = if view.group(group).source_count >= self.config.group_sources_max {
            Some(Limit::GroupSources)
        } else if self.usage.sources >= self.config.sources_max {
            Some(Limit::Sources)
        } else {
            None
        };
        let id = match refused {
            Some(_) => None,
            None => self.revive_or_take(view, group, address),
        };
        let Some(id) = id else {
            let hash = self.index.hash(Key::Group(view.group(group).address));
            self.limits.refuse(&mut self.stats, hash, refused.unwrap_or(Limit::Sources), record);
            return None;
        };
        self.usage.sources += 1;
        view.group(group).source_count += 1;
        view.source(id).created = self.clock.now();
        self.mark_changed(view, group);
        Some(id)
    }

    fn revive_or_take(&mut self, view: &mut View<'_>, group: GroupId, address: Ipv6Addr) -> Option<SourceId> {
        if let Some(tombstone) = self.index.find_source(view.shared(), group, address) {
            self.unlink_tombstone(view, tombstone);
            view.source(tombstone).flags.remove(SourceFlags::TOMBSTONE);
            return Some(tombstone);
        }
        let id = self.take_source_slot(view)?;
        *view.source(id) = SourceSlot { address, group, ..SourceSlot::EMPTY };
        self.index.insert(view.index, Key::Source(group, address), id.into());
        SourceList::push(view, group, id);
        Some(id)
    }

    /// A slot never used, given back, of an expired source, or if need be of one that is deleted and not reported yet.
    fn take_source_slot(&mut self, view: &mut View<'_>) -> Option<SourceId> {
        let len = view.sources.len();
        loop {
            let sources = &*view.sources;
            let taken = self.source_pool.take(len, |at| sources[at].next.some().map(SourceId::at));
            if let Some(at) = taken {
                return Some(SourceId::new(at));
            }
            if self.end_some(view) {
                continue;
            }
            let tombstone = self.tombstones.some()?;
            let group = view.source(tombstone).group;
            view.group(group).flags.insert(GroupFlags::REPORTED_STALE);
            self.mark_changed(view, group);
            self.free_tombstone(view, tombstone);
        }
    }

    /// Sets a source timer that is refreshed or begins.
    pub(super) fn set_source(&mut self, view: &mut View<'_>, id: SourceId, deadline: u64) {
        let expired_through = self.clock.expired_through();
        let slot = view.source(id);
        let before = core::mem::replace(&mut slot.deadline, deadline);
        slot.flags.remove(SourceFlags::LOWERED);
        let (group, armed) = (slot.group, slot.timer_at != NOWHERE);
        if !armed || deadline < before {
            self.clock.remove(view, id.into());
            self.clock.insert(view, id.into(), deadline);
        }
        if before <= expired_through {
            self.mark_changed(view, group);
        }
    }

    /// Lowers a source timer that runs longer; says whether it did (R-TIM-12).
    pub(super) fn lower_source(&mut self, view: &mut View<'_>, id: SourceId, deadline: u64) -> bool {
        let slot = view.source(id);
        if slot.deadline <= deadline {
            return false;
        }
        slot.deadline = deadline;
        slot.flags.insert(SourceFlags::LOWERED);
        self.clock.remove(view, id.into());
        self.clock.insert(view, id.into(), deadline);
        true
    }

    /// Ends a source timer without deleting the source: in exclude mode it is blocked from now on.
    pub(super) fn exclude_source(&mut self, view: &mut View<'_>, id: SourceId, pending: Pending) {
        self.clock.remove(view, id.into());
        let slot = view.source(id);
        slot.deadline = 0;
        slot.flags.remove(SourceFlags::LOWERED);
        if pending == Pending::Dropped {
            slot.queries_left = 0;
            slot.flags.remove(SourceFlags::DUE);
        }
        let group = slot.group;
        self.mark_changed(view, group);
    }

    /// Deletes a source. Its slot stays while its end is unreported or a Query for it is pending.
    pub(super) fn delete_source(&mut self, view: &mut View<'_>, id: SourceId, pending: Pending) {
        self.exclude_source(view, id, pending);
        let group = view.source(id).group;
        self.usage.sources -= 1;
        view.group(group).source_count -= 1;
        if !self.limits.is_empty() {
            if self.usage.sources < self.config.sources_max {
                self.limits.relieve(Limit::Sources);
            }
            if view.group(group).source_count < self.config.group_sources_max {
                let hash = self.index.hash(Key::Group(view.group(group).address));
                self.limits.relieve_group(hash);
            }
        }
        let slot = view.source(id);
        slot.flags.remove(SourceFlags::SEEN);
        slot.flags.insert(SourceFlags::TOMBSTONE);
        self.file_tombstone(view, id);
    }

    /// Decides the fate of a deleted source: it waits for its Query, waits to be reported, or is freed.
    pub(super) fn file_tombstone(&mut self, view: &mut View<'_>, id: SourceId) {
        let slot = view.source(id);
        if slot.queries_left > 0 {
            return;
        }
        if !slot.flags.contains(SourceFlags::REPORTED) {
            return self.free_tombstone(view, id);
        }
        let head = self.tombstones;
        let slot = view.source(id);
        if slot.timer_at == TOMBSTONE_LISTED {
            return;
        }
        slot.timer_at = TOMBSTONE_LISTED;
        slot.timer_prev = TimerId::NIL;
        slot.timer_next = head.some().map_or(TimerId::NIL, TimerId::from);
        if let Some(head) = head.some() {
            view.source(head).timer_prev = id.into();
        }
        self.tombstones = id;
    }

    fn unlink_tombstone(&mut self, view: &mut View<'_>, id: SourceId) {
        let slot = view.source(id);
        if slot.timer_at != TOMBSTONE_LISTED {
            return;
        }
        slot.timer_at = NOWHERE;
        let (prev, next) = (slot.timer_prev.source(), slot.timer_next.source());
        match prev {
            Some(prev) => view.source(prev).timer_next = next.map_or(TimerId::NIL, TimerId::from),
            None => self.tombstones = next.unwrap_or(SourceId::NIL),
        }
        if let Some(next) = next {
            view.source(next).timer_prev = prev.map_or(TimerId::NIL, TimerId::from);
        }
    }

    /// Gives the slot of a deleted source back.
    pub(super) fn free_tombstone(&mut self, view: &mut View<'_>, id: SourceId) {
        debug_assert!(view.source(id).flags.contains(SourceFlags::TOMBSTONE));
        self.unlink_tombstone(view, id);
        debug_assert_eq!(view.source(id).timer_at, NOWHERE);
        let (group, address) = (view.source(id).group, view.source(id).address);
        SourceList::remove(view, group, id);
        if let Some(removal) = self.index.remove(view.shared(), Key::Source(group, address)) {
            removal.carry_out(view.index);
        }
        let next = self.source_pool.give(id.at()).map_or(SourceId::NIL, SourceId::new);
        *view.source(id) = SourceSlot { next, ..SourceSlot::EMPTY };
    }
}

/// On the list of deleted sources rather than on the wheel.
pub(super) const TOMBSTONE_LISTED: u16 = NOWHERE - 1;

/// When the timer of a group must be looked at: at the end of its filter timer, or of the wait for the next round of
/// Queries unless that has begun.
pub(super) fn group_deadline(slot: &GroupSlot) -> Option<u64> {
    let filter = (slot.filter_deadline != 0).then_some(slot.filter_deadline);
    let waits = slot.query_at != 0 && !slot.flags.contains(GroupFlags::ROUND);
    [filter, waits.then_some(slot.query_at)].into_iter().flatten().min()
}
