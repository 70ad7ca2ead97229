//! An interface of version 1: the state tables of RFC 2710 section 6 (matrix 3.2 and 3.3).

use core::net::Ipv6Addr;

use super::Model;
use super::group::{Checking, ModelGroup};

impl Model {
    /// Report received: Listeners Present from every state, with the timer at the Multicast Listener Interval.
    pub(super) fn report_in_version_1(&mut self, now: u64, from: Ipv6Addr, group: Ipv6Addr) {
        let mut record = match self.groups.remove(&group) {
            Some(record) => record,
            None => match self.make_group(now, group) {
                Some(record) => record,
                None => return,
            },
        };
        record.exclude = true;
        record.filter_timer = now + self.listening_interval_ms();
        record.last_reporter = Some(from);
        // Checking Listeners: the retransmit timer stops.
        record.checking = Checking::No;
        record.group_queries_left = 0;
        record.triggered = false;
        self.put_back(group, record);
    }

    /// Done received. 3.2: significant at a querier in Listeners Present only (R-V1R-11); 3.3: never (R-V1R-7).
    pub(super) fn done_in_version_1(&mut self, now: u64, group: Ipv6Addr) {
        if !self.role.is_querier() {
            return;
        }
        let Some(mut record) = self.groups.remove(&group) else { return };
        if record.checking == Checking::No {
            if self.settings.immediate_leave {
                // R-SEC-15: ends now, one Query.
                record.end_filter_timer();
                self.partings.entry(group).or_default().group = true;
            } else {
                // R-V1R-6, R-V1R-12: LLQC Queries, one in each LLQI.
                record.lower_filter_timer(now + self.last_listener_time_ms());
                record.group_queries_left = self.last_listener_count();
                record.triggered = true;
                record.checking = Checking::AsQuerier;
            }
        }
        self.put_back(group, record);
    }

    /// Specific Query received, `deadline` after its delay times the Last Listener Query Count.
    pub(super) fn specific_query_in_version_1(&self, record: &mut ModelGroup, deadline: u64) {
        // R-V1R-10: who checks goes on in the table it is in; the others use that of the role as it is now.
        let by_table_of_querier = match record.checking {
            Checking::No => self.role.is_querier(),
            Checking::AsQuerier => true,
            Checking::AsNonQuerier => false,
        };
        // 3.2: not significant. 3.3, R-V1R-8: lowered, and lowered again by each further one.
        if !by_table_of_querier {
            record.lower_filter_timer(deadline);
            record.checking = Checking::AsNonQuerier;
        }
    }
}
