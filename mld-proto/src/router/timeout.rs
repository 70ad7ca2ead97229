//! Timers that end (RFC 9777 sections 7.2.2, 7.2.3, 7.5; R-TIM-11, R-EXP-1 to 3).

use super::engine::{BATCH, Core};
use super::membership::{Pending, group_deadline};
use crate::store::{GroupId, SourceId, TimerOf, View};

impl Core {
    /// Advances the clock to `now` and processes a bounded part of what has expired.
    pub(super) fn handle_timeout(&mut self, view: &mut View<'_>, now: u64) {
        self.clock.advance(now);
        self.advance_election();
        self.sweep_some(view);
        self.end_due(view);
    }

    /// Processes expired timers until it has touched [`BATCH`] slots; the last group is finished.
    pub(super) fn end_due(&mut self, view: &mut View<'_>) {
        let mut left = BATCH;
        while left > 0 {
            let touched = match self.clock.pop(view).map(|timer| timer.of()) {
                Some(TimerOf::Group(id)) => self.end_group_timer(view, id),
                Some(TimerOf::Source(id)) => self.end_source_timer(view, id),
                None => break,
            };
            left = left.saturating_sub(touched);
        }
        self.clock.update_backlog();
    }

    /// The timer of a group came off the wheel. Returns how many slots that touched.
    fn end_group_timer(&mut self, view: &mut View<'_>, id: GroupId) -> usize {
        let whole = 1 + view.group(id).source_count as usize;
        if self.is_stale(view.group(id)) {
            self.forget(view, id);
            return whole;
        }
        let slot = view.group(id);
        let ended = slot.filter_deadline != 0 && slot.filter_deadline <= self.clock.expired_through();
        if ended && !self.leave_exclude(view, id, Pending::Dropped) {
            self.time_out(view, id);
            return whole;
        }
        self.continue_rounds(view, id);
        if let Some(deadline) = group_deadline(view.group(id)) {
            self.clock.insert(view, id.into(), deadline);
        }
        if ended { whole } else { 1 }
    }

    /// The timer of a source came off the wheel. Returns how many slots that touched.
    fn end_source_timer(&mut self, view: &mut View<'_>, id: SourceId) -> usize {
        let slot = view.source(id);
        let (deadline, group) = (slot.deadline, slot.group);
        let whole = 1 + view.group(group).source_count as usize;
        if self.is_stale(view.group(group)) {
            self.forget(view, group);
            return whole;
        }
        if deadline > self.clock.expired_through() {
            self.clock.insert(view, id.into(), deadline);
        } else if self.is_exclude(view.group(group)) {
            self.exclude_source(view, id, Pending::Dropped);
        } else if view.group(group).filter_deadline != 0 {
            // About to be in include mode: the filter timer has expired and was not processed yet.
            self.expire_overdue(view, group);
            return whole;
        } else {
            self.delete_source(view, id, Pending::Dropped);
            if view.group(group).source_count == 0 {
                self.time_out(view, group);
            }
        }
        1
    }
}
