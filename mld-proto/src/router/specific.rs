//! Specific Queries: why they are sent, what they do to the timers of those who hear them, and when they are repeated
//! (RFC 9777 section 7.6; R-QRY-4 to 17, R-RXQ-1 to 6).
//!
//! Each group has one clock for its Queries. A trigger begins a round at once: all that is pending for the group is
//! asked for, and the next round is due one Last Listener Query Interval later, while anything is left (R-QRY-12).

use core::net::Ipv6Addr;

use super::engine::Core;
use super::membership::Pending;
use crate::addr::GroupAddr;
use crate::store::{GroupFlags, GroupId, SourceFlags, SourceId, View};
use crate::wire::{Query, QueryFlags, Version};

impl Core {
    /// "Send Q(MA)": lowers the filter timer and has the group asked for (R-QRY-4, R-QRY-14, A-13), at the querier only
    /// (R-QRY-1, R-RXQ-4, A-6). Until the timer ends nothing else changes (R-REC-6, R-REC-7). `at_once` ends it instead
    /// (R-SEC-15).
    pub(super) fn ask_group(&mut self, view: &mut View<'_>, id: GroupId, at_once: bool) {
        if !self.is_querier() {
            return;
        }
        view.group(id).queries_left = if at_once { 1 } else { self.intervals().last_listener_query_count() };
        self.begin_round(view, id);
        if at_once {
            if !self.leave_exclude(view, id, Pending::Kept) {
                self.end_group(view, id, Pending::Kept);
            }
        } else {
            self.lower_filter(view, id, self.clock.now() + self.intervals().last_listener_query_time_ms());
            view.group(id).flags.insert(GroupFlags::ASKED);
        }
    }

    /// One source of "Send Q(MA,X)": lowers its timer and has it asked for; says whether it did (R-QRY-6, R-QRY-7).
    /// `at_once` ends the timer instead. The caller begins the round, if there is anything to ask for (R-REC-5).
    pub(super) fn ask_source(&mut self, view: &mut View<'_>, id: SourceId, at_once: bool) -> bool {
        let until = self.clock.now() + self.intervals().last_listener_query_time_ms();
        if !self.is_querier() || view.source(id).deadline <= until {
            return false;
        }
        view.source(id).queries_left = if at_once { 1 } else { self.intervals().last_listener_query_count() };
        if !at_once {
            return self.lower_source(view, id, until);
        }
        let group = view.source(id).group;
        if self.is_exclude(view.group(group)) {
            self.exclude_source(view, id, Pending::Kept);
        } else {
            self.delete_source(view, id, Pending::Kept);
        }
        true
    }

    /// Has everything pending for the group sent now: once, however many triggers come before it is (R-QRY-11, R-SEC-9,
    ///
    pub(super) fn begin_round(&mut self, view: &mut View<'_>, id: GroupId) {
        let now = self.clock.now();
        let slot = view.group(id);
        slot.query_at = now;
        slot.flags.insert(GroupFlags::ROUND);
        if !slot.flags.contains(GroupFlags::IN_TRANSMITS) {
            slot.flags.insert(GroupFlags::IN_TRANSMITS);
            self.transmits.push(view.groups, id);
        }
    }

    /// The wait for the next round ended.
    pub(super) fn continue_rounds(&mut self, view: &mut View<'_>, id: GroupId) {
        let due = view.group(id).query_at;
        if due != 0
            && due <= self.clock.expired_through()
            && !view.group(id).flags.contains(GroupFlags::ROUND)
        {
            self.begin_round(view, id);
            // The next round counts from when this one was due, however late it is sent.
            view.group(id).query_at = due;
        }
    }

    /// Ends a round, with all of it sent: decides when the next is due, if any Queries are left (R-V1R-12).
    pub(super) fn end_round(&mut self, view: &mut View<'_>, id: GroupId, sources_left: bool) {
        let interval = self.config.last_listener_query_interval_ms;
        let now = self.clock.now();
        let slot = view.group(id);
        let left = slot.queries_left > 0 || sources_left;
        if left && !slot.flags.contains(GroupFlags::GONE) {
            let next = slot.query_at + interval;
            slot.query_at = if next <= now { now + interval } else { next };
        } else {
            slot.queries_left = 0;
            slot.query_at = 0;
        }
        if !slot.flags.contains(GroupFlags::GONE) {
            self.arm_group(view, id);
        }
    }

    /// Applies a valid specific Query: lowers the timers that it names (R-RXQ-1, R-RXQ-2 to 6, R-V1R-8, R-V1R-10, A-7).
    pub(super) fn apply_query(&mut self, view: &mut View<'_>, query: &Query<'_>) {
        let Ok(group) = GroupAddr::new(query.group) else { return };
        if query.is_general() || query.flags.contains(QueryFlags::SUPPRESS) {
            return;
        }
        let Some(id) = self.find(view, group) else { return };
        let delay = match query.response_delay_ms {
            0 => self.config.last_listener_query_interval_ms,
            delay => delay.into(),
        };
        let until = self.clock.now() + delay * u64::from(self.intervals().last_listener_query_count());
        if self.config.version == Version::V1 {
            let own_series = view.group(id).flags.contains(GroupFlags::ASKED);
            if !self.is_querier() && !own_series {
                self.lower_filter(view, id, until);
            }
        } else if query.sources.is_empty() {
            if self.is_exclude(view.group(id)) {
                self.lower_filter(view, id, until);
            }
        } else {
            for address in query.sources {
                if let Some(source) = self.find_source(view, id, Ipv6Addr::from(*address)) {
                    self.lower_source(view, source, until);
                }
            }
        }
    }

    /// Drops the Queries pending for a group whose router may no longer send.
    pub(super) fn drop_queries(&mut self, view: &mut View<'_>, id: GroupId) {
        let mut walk = crate::store::SourceList::walk(view, id);
        while let Some(source) = walk.next(view) {
            let slot = view.source(source);
            slot.queries_left = 0;
            slot.flags.remove(SourceFlags::DUE);
            if slot.flags.contains(SourceFlags::TOMBSTONE) {
                self.file_tombstone(view, source);
            }
        }
        let slot = view.group(id);
        slot.queries_left = 0;
        slot.query_at = 0;
        slot.flags.remove(GroupFlags::ROUND | GroupFlags::QUERY_DUE);
    }
}
