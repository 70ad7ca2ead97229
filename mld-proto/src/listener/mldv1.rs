//! The listener of MLDv1 (RFC 2710 section 5), and of MLDv2 beside an MLDv1 querier (RFC 9777 section 8.2.1).
//!
//! The states of RFC 2710 (R-LSN-70): a group whose timer runs is in Delaying Listener, others are in Idle Listener.

use super::engine::{BATCH, Core, SweepKind};
use super::tables::{GroupFlags, View};
use crate::addr::GroupAddr;
use crate::config::DEFAULT_QUERY_INTERVAL;
use crate::store::GroupId;
use crate::wire::{Query, Version};

impl Core {
    /// Takes the querier's version and values from a Query, before anything is answered.
    pub(super) fn adopt(&mut self, query: &Query<'_>) {
        if query.version == Version::V2 {
            // R-LSN-50, A-16, A-17
            self.robustness = (query.robustness != 0).then_some(query.robustness);
            let interval = crate::wire::decode_interval_code(query.interval_code);
            let announced = u64::from(interval) * 1000;
            let default = DEFAULT_QUERY_INTERVAL.as_millis() as u64;
            self.query_interval_ms = Some(if announced == 0 { default } else { announced });
            return;
        }
        if self.config.version == Version::V1 || query.sent_as == Version::V2 {
            return;
        }
        self.stats.version_1_queries += 1;
        if !query.is_general() {
            // only General Queries switch. R-CMP-38
            if self.config.ssm_range.contains(query.group) {
                self.ssm_asked = GroupAddr::new(query.group).ok();
            }
            return;
        }
        // R-CMP-31
        let began = self.older_until == 0;
        self.older_until =
            self.clock.now() + self.older_version_querier_present_interval_ms(query.response_delay_ms);
        if began {
            self.change_mode();
        }
    }

    /// R-CMP-32
    fn older_version_querier_present_interval_ms(&self, response_delay_ms: u32) -> u64 {
        let response = match u64::from(response_delay_ms) {
            0 => self.config.query_response_interval_ms,
            delay => delay,
        };
        let interval = self.query_interval_ms.unwrap_or(self.config.query_interval_ms);
        u64::from(self.robustness()) * interval + response
    }

    /// A Query in version 1 mode, read as MLDv1 (R-CMP-34, R-CMP-35, A-24).
    pub(super) fn heed_as_version_1(&mut self, view: &mut View<'_>, query: &Query<'_>) {
        let delay = u64::from(query.response_delay_ms);
        if query.is_general() {
            self.older_query = (self.clock.now(), delay);
            self.begin_sweep(SweepKind::Older);
            self.sweep_older(view);
        } else if let Some(group) = self.listening_group(view, query.group) {
            self.start_timer(view, group, self.clock.now(), delay);
        }
    }

    /// Starts the timers of some groups that the last General Query asked for.
    pub(super) fn sweep_older(&mut self, view: &mut View<'_>) {
        let (asked_at, delay) = self.older_query;
        for _ in 0..BATCH {
            let Some(group) = self.swept(view, SweepKind::Older) else { return };
            self.cancel_stale(view, group);
            self.start_timer(view, group, asked_at, delay);
            self.sweep_on(view, SweepKind::Older);
        }
        // Are any left?
        self.swept(view, SweepKind::Older);
    }

    /// The row "Query received" of RFC 2710 section 5.
    fn start_timer(&mut self, view: &mut View<'_>, group: GroupId, asked_at: u64, delay: u64) {
        let slot = view.group(group);
        if slot.flags.contains(GroupFlags::CHANGE) {
            // About to be reported.
            return;
        }
        if delay == 0 {
            // R-LSN-74
            slot.answer_at = 0;
            self.reschedule(view, group);
            return self.push_due(view, group, GroupFlags::CHANGE);
        }
        let remaining = slot.answer_at.saturating_sub(asked_at);
        if slot.answer_at == 0 || delay < remaining {
            slot.answer_at = asked_at + self.random.delay(delay);
            self.reschedule(view, group);
        }
    }

    /// Start listening: a Report at once, and again (R-LSN-72, A-36).
    pub(super) fn version_1_join(&mut self, view: &mut View<'_>, group: GroupId) {
        let robustness = self.robustness();
        let reports = match self.config.version {
            // Repeated once or twice.
            Version::V1 => robustness.clamp(2, 3),
            Version::V2 => robustness,
        };
        let slot = view.group(group);
        slot.flags.remove(GroupFlags::DONE | GroupFlags::OVERHEARD);
        slot.mode_left = reports;
        slot.answer_at = 0;
        self.reschedule(view, group);
        self.push_due(view, group, GroupFlags::CHANGE);
    }

    /// Stop listening: a Done, unless another listener reported last (R-LSN-71).
    pub(super) fn version_1_leave(&mut self, view: &mut View<'_>, group: GroupId) {
        let slot = view.group(group);
        let overheard = slot.flags.contains(GroupFlags::OVERHEARD);
        slot.flags.remove(GroupFlags::CHANGE | GroupFlags::OVERHEARD);
        slot.mode_left = 0;
        if !overheard || self.config.always_done {
            self.push_due(view, group, GroupFlags::DONE);
        }
    }

    /// Another listener's Report: it speaks for this one (R-LSN-73). Not in version 2 mode, and not for groups of
    /// source-specific multicast (R-CMP-37).
    pub(super) fn overhear(&mut self, view: &mut View<'_>, group: GroupAddr) {
        if !self.is_version_1() || self.config.ssm_range.contains(group.get()) {
            return;
        }
        let Some(id) = self.listening_group(view, group.get()) else { return };
        let slot = view.group(id);
        // In Idle Listener it means nothing.
        if slot.answer_at != 0 {
            slot.answer_at = 0;
            slot.mode_left = 0;
            slot.flags.insert(GroupFlags::OVERHEARD);
            self.reschedule(view, id);
        }
    }
}
