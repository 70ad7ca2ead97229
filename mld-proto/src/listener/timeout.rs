//! Timers that end (RFC 9777 section 6.3).

use super::engine::{BATCH, Core, SweepKind};
use super::tables::{GroupFlags, View};
use crate::store::{GroupId, TimerOf};

impl Core {
    /// Advances the clock to `now` and processes a bounded part of what has expired.
    pub(super) fn handle_timeout(&mut self, view: &mut View<'_>, now: u64) {
        self.clock.advance(now);
        if !self.running {
            return;
        }
        self.advance_mode();
        self.sweep_older(view);
        if self.general_at != 0 && self.general_at <= self.clock.expired_through() {
            // R-LSN-43: an answer under way starts again with the groups that it has not reached.
            let is_answering = self.round_due || self.round_at != 0;
            self.round_until =
                if is_answering { self.round_until.min(self.general_until) } else { self.general_until };
            if is_answering && let Some(id) = self.swept(view, SweepKind::Answer) {
                let slot = view.group(id);
                if slot.flags.contains(GroupFlags::ROUND_SPLIT) {
                    slot.flags.insert(GroupFlags::ROUND_AGAIN);
                }
            }
            self.general_at = 0;
            self.round_at = 0;
            self.round_reports = 0;
            self.begin_sweep(SweepKind::Answer);
            self.round_due = self.sweeps[SweepKind::Answer as usize].running;
        } else if self.round_at != 0 && self.round_at <= self.clock.expired_through() {
            self.round_at = 0;
            self.round_due = true;
        }
        for _ in 0..BATCH {
            match self.clock.pop(view).map(|timer| timer.of()) {
                Some(TimerOf::Group(id)) => self.end_timer(view, id),
                Some(TimerOf::Source(_)) | None => break,
            }
        }
    }

    /// The timer of a group came off the wheel.
    fn end_timer(&mut self, view: &mut View<'_>, id: GroupId) {
        self.cancel_stale(view, id);
        let (expired_through, version_1) = (self.clock.expired_through(), self.is_version_1());
        let is_over = |at: &mut u64| {
            let over = *at != 0 && *at <= expired_through;
            if over {
                *at = 0;
            }
            over
        };
        let slot = view.group(id);
        let mut due = GroupFlags::empty();
        if is_over(&mut slot.change_at) {
            due |= GroupFlags::CHANGE | GroupFlags::CHANGE_FRESH;
        }
        if is_over(&mut slot.answer_at) {
            due |= if version_1 { GroupFlags::CHANGE } else { GroupFlags::ANSWER };
        }
        if !due.is_empty() {
            self.push_due(view, id, due);
        }
        self.reschedule(view, id);
        // It may have been kept for something that the other mode had to say.
        self.free_if_idle(view, id);
    }
}
