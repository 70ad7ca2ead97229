//! Events, computed when they are polled (R-V1R-13, R-FWD-3).

use core::net::Ipv6Addr;

use super::engine::{BATCH, Core};
use crate::addr::GroupAddr;
use crate::event::{Event, FilterMode};
use crate::store::{GroupFlags, GroupId, GroupQueue, Index, SourceFlags, SourceId, SourceList, View};

impl Core {
    /// The next difference between the reported and the present state.
    pub(super) fn poll_event(&mut self, view: &mut View<'_>) -> Option<Event> {
        let (election, env) = self.election_and_env();
        if election.report_querier(&env) {
            return Some(Event::Querier);
        }
        let mut left = BATCH;
        while left > 0 {
            let Some(id) = self.events.first() else { break };
            left = left.saturating_sub(1 + view.group(id).source_count as usize);
            if view.group(id).flags.contains(GroupFlags::GONE) {
                // Nothing is left to end.
            } else if self.is_stale(view.group(id)) {
                self.forget(view, id);
            } else if self.clock.has_backlog() {
                self.expire_overdue(view, id);
            }
            let slot = view.group(id);
            // Only managed addresses get into the table.
            let group = GroupAddr::new(slot.address).ok()?;
            let ended = slot.flags.contains(GroupFlags::GONE | GroupFlags::TIMED_OUT);
            slot.flags.remove(GroupFlags::TIMED_OUT);
            if ended && slot.flags.contains(GroupFlags::REPORTED_MEMBERS) {
                // A timeout is always followed by the membership that holds after it, whatever happens in between.
                slot.flags.insert(GroupFlags::REPORTED_STALE);
                return Some(Event::Timeout(group));
            }
            let changed = self.report_membership(view, id);
            self.events.pop(view.groups);
            view.group(id).flags.remove(GroupFlags::IN_EVENTS);
            self.free_if_idle(view, id);
            if changed {
                return Some(Event::Membership(group));
            }
        }
        if !self.stop_pending || self.events.first().is_some() {
            return None;
        }
        self.sweep_some(view);
        if self.events.first().is_some() {
            return self.poll_event(view);
        }
        self.stop_pending = self.sweep.is_some();
        (!self.stop_pending).then_some(Event::Stopped)
    }

    /// Marks the current membership as reported and returns true if it differs from the previous report (R-FWD-3,
    /// R-V1R-13).
    fn report_membership(&mut self, view: &mut View<'_>, id: GroupId) -> bool {
        let slot = view.group(id);
        let mode = if self.is_exclude(slot) { FilterMode::Exclude } else { FilterMode::Include };
        let members = !slot.flags.contains(GroupFlags::GONE);
        let reported_members = slot.flags.contains(GroupFlags::REPORTED_MEMBERS);
        let reported_exclude = slot.flags.contains(GroupFlags::REPORTED_EXCLUDE);
        let mut changed = slot.flags.contains(GroupFlags::REPORTED_STALE)
            || members != reported_members
            || (members && (mode == FilterMode::Exclude) != reported_exclude);
        slot.flags.remove(GroupFlags::REPORTED_STALE);
        slot.flags.set(GroupFlags::REPORTED_MEMBERS, members);
        slot.flags.set(GroupFlags::REPORTED_EXCLUDE, members && mode == FilterMode::Exclude);
        let mut walk = SourceList::walk(view, id);
        while let Some(source) = walk.next(view) {
            let expired_through = self.clock.expired_through();
            let slot = view.source(source);
            let exists = !slot.flags.contains(SourceFlags::TOMBSTONE);
            let listed = exists && (slot.deadline > expired_through) == (mode == FilterMode::Include);
            changed |= slot.flags.contains(SourceFlags::REPORTED) != listed;
            slot.flags.set(SourceFlags::REPORTED, listed);
            if !exists {
                self.unfile_reported(view, source);
            }
        }
        changed
    }

    /// A deleted source has been reported: it stays only while a Query for it is pending.
    fn unfile_reported(&mut self, view: &mut View<'_>, id: SourceId) {
        if view.source(id).queries_left == 0 {
            self.free_tombstone(view, id);
        }
    }
}

/// Puts the groups that a packet changed in the order in which it first mentions them: those pushed after `told` had
/// been the last. Others that it touched by the way, to make room, come before.
pub(super) fn order_events(
    events: &mut GroupQueue,
    index: &Index,
    view: &mut View<'_>,
    told: Option<GroupId>,
    mentioned: impl Iterator<Item = Ipv6Addr> + Clone,
) {
    let one_or_none =
        told.map_or_else(|| events.first(), |told| events.after(view.groups, told)) == events.last();
    if one_or_none {
        return;
    }
    let mut next = events.cut_after(view.groups, told);
    let first = next;
    while let Some(id) = next {
        view.group(id).flags.insert(GroupFlags::FRESH);
        next = events.after(view.groups, id);
    }
    for address in mentioned.clone() {
        if let Some(id) = index.find_group(view.shared(), address) {
            replace(&mut view.group(id).flags, GroupFlags::FRESH, GroupFlags::MENTIONED);
        }
    }
    next = first;
    while let Some(id) = next {
        next = events.after(view.groups, id);
        if replace(&mut view.group(id).flags, GroupFlags::FRESH, GroupFlags::empty()) {
            events.push(view.groups, id);
        }
    }
    for address in mentioned {
        if let Some(id) = index.find_group(view.shared(), address)
            && replace(&mut view.group(id).flags, GroupFlags::MENTIONED, GroupFlags::empty())
        {
            events.push(view.groups, id);
        }
    }
}

/// Replaces a flag that is set; says whether it was.
fn replace(flags: &mut GroupFlags, old: GroupFlags, new: GroupFlags) -> bool {
    let set = flags.contains(old);
    if set {
        flags.remove(old);
        flags.insert(new);
    }
    set
}
