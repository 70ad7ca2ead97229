//! Specific Queries: triggers, the transmission clock of each group, and what time does to the groups (matrix 4.6, 4.7).

use core::net::Ipv6Addr;
use std::collections::BTreeSet;

use super::group::ModelGroup;
use super::tables::Outcome;
use super::{Model, ModelEvent};
use crate::packet::codes::{ALL_NODES, encode_interval, encode_response};
use crate::packet::{Query, SentQuery};

/// Octets of a packet with a Query for no source (R-WIRE-47).
const QUERY_WITHOUT_SOURCES: usize = 40 + 8 + 28;

/// What an immediate leave ended: asked for once, with S clear (R-SEC-15).
#[derive(Clone, Debug, Default)]
pub(super) struct Parting {
    pub(super) group: bool,
    pub(super) sources: BTreeSet<Ipv6Addr>,
}

impl Model {
    /// The querier's part of a record (R-QRY-4, R-QRY-6).
    pub(super) fn trigger(&self, now: u64, record: &mut ModelGroup, outcome: &Outcome) {
        let last_listener = now + self.last_listener_time_ms();
        let count = self.last_listener_count();
        // R-QRY-7: only sources that are lowered are queued, and only what is queued is sent.
        for &source in &outcome.query_sources {
            if record.lower_source_timer(source, last_listener) {
                record.source_queries_left.insert(source, count);
                record.triggered = true;
            }
        }
        // R-QRY-14: counter and transmission start anew each time; the deadline only comes nearer.
        if outcome.query_group {
            record.lower_filter_timer(last_listener);
            record.group_queries_left = count;
            record.triggered = true;
        }
    }

    /// The querier's part of a TO_IN or BLOCK with `immediate-leave`: what the Queries would lower ends now.
    // reading: sources whose timer is not above the Last Listener Query Time would not be lowered and so do not end; the
    // Filter Timer has no such condition (R-QRY-4) and ends in any case.
    pub(super) fn leave_at_once(
        &mut self,
        now: u64,
        group: Ipv6Addr,
        record: &mut ModelGroup,
        outcome: &Outcome,
    ) {
        let last_listener = now + self.last_listener_time_ms();
        let parting = self.partings.entry(group).or_default();
        for &source in &outcome.query_sources {
            if record.sources.get(&source).is_some_and(|&deadline| deadline > last_listener) {
                parting.sources.insert(source);
                if record.exclude { record.exclude_source(source) } else { record.delete(source) }
            }
        }
        if outcome.query_group {
            parting.group = true;
            record.end_filter_timer();
        }
        if parting.group || !parting.sources.is_empty() {
            record.triggered = true;
        }
    }

    /// A specific Query lowers timers (4.7, R-RXQ-1, R-RXQ-5): whoever sent it, wherever it was sent to (R-RXQ-6).
    pub(super) fn lower_timers(&mut self, now: u64, query: &Query) {
        if query.group.is_unspecified() || query.suppress {
            return;
        }
        // R-RXQ-3: the delay of this Query, times the Last Listener Query Count in force.
        let delay =
            if query.delay_ms == 0 { self.settings.last_listener_interval_ms } else { query.delay_ms };
        let deadline = now + delay * u64::from(self.last_listener_count());
        let Some(mut record) = self.groups.remove(&query.group) else { return };
        if self.settings.version == 1 {
            self.specific_query_in_version_1(&mut record, deadline);
        } else if !query.sources.is_empty() {
            for &source in &query.sources {
                record.lower_source_timer(source, deadline);
            }
        } else if record.exclude {
            record.lower_filter_timer(deadline);
        }
        self.put_back(query.group, record);
    }

    /// The transmission that triggers of the packet at hand caused for the group, if any (R-QRY-12).
    pub(super) fn send_triggered(&mut self, now: u64, group: Ipv6Addr) {
        let parting = self.partings.remove(&group).unwrap_or_default();
        let Some(mut record) = self.groups.remove(&group) else {
            // An immediate leave ended the whole group.
            self.send_parting(now, group, &parting, Vec::new());
            return;
        };
        if core::mem::take(&mut record.triggered) {
            self.transmit(now, group, &mut record, &parting);
        } else {
            self.send_parting(now, group, &parting, Vec::new());
        }
        self.put_back(group, record);
    }

    /// One transmission: everything that is pending for the group, and the clock starts anew (R-QRY-8, R-QRY-12).
    fn transmit(&mut self, now: u64, group: Ipv6Addr, record: &mut ModelGroup, parting: &Parting) {
        let last_listener = now + self.last_listener_time_ms();
        let with_group = record.group_queries_left > 0;
        if with_group {
            record.group_queries_left -= 1;
            // R-QRY-5: S is decided now. MLDv1 has no S flag.
            let suppress = self.settings.version == 2 && record.filter_timer > last_listener;
            self.push_query(now, group, Vec::new(), suppress, false);
        }
        let (mut clear, mut suppressed) = (Vec::new(), Vec::new());
        for source in record.source_queries_left.keys() {
            let refreshed = record.sources.get(source).is_some_and(|&deadline| deadline > last_listener);
            if refreshed { suppressed.push(*source) } else { clear.push(*source) }
        }
        // R-QRY-9: each source that is included has one transmission less.
        record.source_queries_left.retain(|_, left| {
            *left -= 1;
            *left > 0
        });
        self.push_source_queries(now, group, suppressed, true, with_group || parting.group);
        self.send_parting(now, group, parting, clear);
        let left = record.group_queries_left > 0 || !record.source_queries_left.is_empty();
        record.next_transmission = left.then(|| now + self.settings.last_listener_interval_ms);
    }

    /// The messages with S clear: sources that are pending, and what an immediate leave took away.
    fn send_parting(&mut self, now: u64, group: Ipv6Addr, parting: &Parting, pending: Vec<Ipv6Addr>) {
        if parting.group {
            self.push_query(now, group, Vec::new(), false, false);
        }
        // L-4: all of these are gone, and Q(MA) asks for them too.
        let optional = parting.group && pending.is_empty();
        let mut sources = parting.sources.clone();
        sources.extend(pending);
        self.push_source_queries(now, group, sources.into_iter().collect(), false, optional);
    }

    /// Q(MA, sources), in as many messages as the MTU asks for (R-QRY-15, R-WIRE-47); none for an empty list (R-REC-5).
    fn push_source_queries(
        &mut self,
        now: u64,
        group: Ipv6Addr,
        sources: Vec<Ipv6Addr>,
        suppress: bool,
        optional: bool,
    ) {
        let capacity = usize::from(self.settings.mtu).saturating_sub(QUERY_WITHOUT_SOURCES) / 16;
        for part in sources.chunks(capacity.max(1)) {
            self.push_query(now, group, part.to_vec(), suppress, optional);
        }
    }

    /// Sends one Query with the values in force (R-QRY-13, R-WIRE-41 to R-WIRE-44, R-WIRE-50). Without an address nothing
    /// can be sent (R-ELE-10).
    // reading: a series that falls due while there is no address runs on unheard.
    pub(super) fn push_query(
        &mut self,
        now: u64,
        group: Ipv6Addr,
        sources: Vec<Ipv6Addr>,
        suppress: bool,
        optional: bool,
    ) {
        if self.usable_address().is_none() {
            return;
        }
        let general = group.is_unspecified();
        let delay = if general { self.response_interval } else { self.settings.last_listener_interval_ms };
        let version = self.settings.version;
        let (response_code, qrv, qqic) = if version == 1 {
            // R-CMP-4: linear.
            (u16::try_from(delay).unwrap_or(u16::MAX), 0, 0)
        } else {
            let qrv = if self.robustness > 7 { 0 } else { self.robustness };
            (encode_response(delay), qrv, encode_interval(self.query_interval / 1_000))
        };
        let destination = if general { ALL_NODES } else { group };
        self.sent.push(SentQuery {
            at: now,
            version,
            group,
            sources,
            suppress,
            response_code,
            qrv,
            qqic,
            destination,
            optional,
        });
    }

    /// Sends every Query whose time has come, behind everything that ended (R-TIM-13).
    pub(super) fn send_due(&mut self, now: u64) {
        self.send_general(now);
        let due: Vec<Ipv6Addr> =
            self.index.range(..=(now, Ipv6Addr::from_bits(u128::MAX))).map(|&(_, group)| group).collect();
        for group in due {
            let Some(mut record) = self.groups.remove(&group) else { continue };
            self.transmit(now, group, &mut record, &Parting::default());
            self.put_back(group, record);
        }
    }

    /// The earliest timer that ends at `now` or before, of the groups or of another querier.
    pub(super) fn next_expiry(&self, now: u64) -> Option<u64> {
        let groups = self
            .index
            .range(..=(now, Ipv6Addr::from_bits(u128::MAX)))
            .filter_map(|&(_, group)| self.groups.get(&group).and_then(ModelGroup::next_expiry));
        groups.chain(self.role.other_querier_timer()).min().filter(|&at| at <= now)
    }

    /// Ends all timers of one instant (matrix 4.4) and tells the groups, ascending.
    pub(super) fn expire(&mut self, at: u64) {
        if self.role.other_querier_timer().is_some_and(|timer| timer <= at) {
            self.end_other_querier(at);
        }
        self.tell_querier();
        let due: BTreeSet<Ipv6Addr> =
            self.index.range(..=(at, Ipv6Addr::from_bits(u128::MAX))).map(|&(_, group)| group).collect();
        for group in due {
            let Some(mut record) = self.groups.remove(&group) else { continue };
            record.expire(at);
            if record.is_without_listeners() {
                self.told.push(ModelEvent::Timeout(group));
            }
            self.put_back(group, record);
            self.tell_membership(group);
        }
    }
}
