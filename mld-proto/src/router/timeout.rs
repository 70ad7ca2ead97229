//! Timers that end (RFC 9777 sections 7.2.2, 7.2.3, 7.5; R-TIM-11, R-EXP-1 to 3).

use super::core::{BATCH, Core};
use super::state::{Pending, group_deadline};
use crate::Event;
use crate::store::{GroupFlags, GroupId, SourceFlags, SourceId, SourceList, TimerOf, View};
use crate::{FilterMode, GroupAddr};

impl Core {
    /// Moves the horizon to `now` and does a bounded part of what that ends.
    pub(super) fn handle_timeout(&mut self, view: &mut View<'_>, now: u64) {
        self.now = self.now.max(now);
        self.horizon = self.horizon.max(self.now);
        self.advance_election();
        self.sweep_some(view);
        self.end_due(view);
    }

    /// Ends deadlines up to the horizon, at most [`BATCH`] of them.
    pub(super) fn end_due(&mut self, view: &mut View<'_>) {
        for _ in 0..BATCH {
            match self.wheel.pop(view, self.horizon).map(|timer| timer.of()) {
                Some(TimerOf::Group(id)) => self.end_group_timer(view, id),
                Some(TimerOf::Source(id)) => self.end_source_timer(view, id),
                None => break,
            }
        }
        self.backlog = self.wheel.next().is_some_and(|next| next <= self.horizon);
    }

    /// The timer of a group came off the wheel.
    fn end_group_timer(&mut self, view: &mut View<'_>, id: GroupId) {
        if self.is_former(view.group(id).flags) {
            return self.forget(view, id);
        }
        let slot = view.group(id);
        if slot.filter_deadline != 0
            && slot.filter_deadline <= self.horizon
            && !self.leave_exclude(view, id, Pending::Dropped)
        {
            return self.time_out(view, id);
        }
        self.continue_rounds(view, id);
        if let Some(deadline) = group_deadline(view.group(id)) {
            self.wheel.insert(view, id.into(), deadline);
        }
    }

    /// The timer of a source came off the wheel.
    fn end_source_timer(&mut self, view: &mut View<'_>, id: SourceId) {
        let slot = view.source(id);
        let (deadline, group) = (slot.deadline, slot.group);
        if self.is_former(view.group(group).flags) {
            return self.forget(view, group);
        }
        if deadline > self.horizon {
            return self.wheel.insert(view, id.into(), deadline);
        }
        if self.is_exclude(view.group(group)) {
            return self.exclude_source(view, id, Pending::Dropped);
        }
        // In include mode, or about to be.
        self.settle(view, group);
    }

    /// What is no longer as it was told.
    pub(super) fn poll_event(&mut self, view: &mut View<'_>) -> Option<Event> {
        if self.tell_querier() {
            return Some(Event::Querier);
        }
        for _ in 0..BATCH {
            let Some(id) = self.events.first() else { break };
            if self.is_former(view.group(id).flags) && !view.group(id).flags.contains(GroupFlags::GONE) {
                self.forget(view, id);
            } else if self.backlog && !view.group(id).flags.contains(GroupFlags::GONE) {
                self.settle(view, id);
            }
            let slot = view.group(id);
            // Only managed addresses get into the table.
            let group = GroupAddr::new(slot.address).ok()?;
            let ended = slot.flags.contains(GroupFlags::GONE | GroupFlags::TIMED_OUT);
            slot.flags.remove(GroupFlags::TIMED_OUT);
            if ended && slot.flags.contains(GroupFlags::TOLD_MEMBERS) {
                return Some(Event::Timeout(group));
            }
            let changed = self.tell_membership(view, id);
            self.events.pop(view.groups);
            view.group(id).flags.remove(GroupFlags::IN_EVENTS);
            self.free_if_idle(view, id);
            if changed {
                return Some(Event::Membership(group));
            }
        }
        if !self.stop_untold || self.events.first().is_some() {
            return None;
        }
        self.sweep_some(view);
        if self.events.first().is_some() {
            return self.poll_event(view);
        }
        self.stop_untold = self.sweep.is_some();
        (!self.stop_untold).then_some(Event::Stopped)
    }

    /// Notes the membership as told; says whether it differs from what was (R-FWD-3, R-V1R-13).
    fn tell_membership(&mut self, view: &mut View<'_>, id: GroupId) -> bool {
        let slot = view.group(id);
        let mode = if self.is_exclude(slot) { FilterMode::Exclude } else { FilterMode::Include };
        let members = !slot.flags.contains(GroupFlags::GONE);
        let told_members = slot.flags.contains(GroupFlags::TOLD_MEMBERS);
        let told_exclude = slot.flags.contains(GroupFlags::TOLD_EXCLUDE);
        let mut changed = slot.flags.contains(GroupFlags::TOLD_STALE)
            || members != told_members
            || (members && (mode == FilterMode::Exclude) != told_exclude);
        slot.flags.remove(GroupFlags::TOLD_STALE);
        slot.flags.set(GroupFlags::TOLD_MEMBERS, members);
        slot.flags.set(GroupFlags::TOLD_EXCLUDE, members && mode == FilterMode::Exclude);
        let mut walk = SourceList::walk(view, id);
        while let Some(source) = walk.next(view) {
            let horizon = self.horizon;
            let slot = view.source(source);
            let exists = !slot.flags.contains(SourceFlags::GHOST);
            let listed = exists && (slot.deadline > horizon) == (mode == FilterMode::Include);
            changed |= slot.flags.contains(SourceFlags::TOLD) != listed;
            slot.flags.set(SourceFlags::TOLD, listed);
            if !exists {
                self.unfile_told(view, source);
            }
        }
        changed
    }

    /// A deleted source has been told: it stays only if it is still to be asked for.
    fn unfile_told(&mut self, view: &mut View<'_>, id: SourceId) {
        if view.source(id).queries_left == 0 {
            self.free_ghost(view, id);
        }
    }
}
