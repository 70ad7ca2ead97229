//! Who sends General Queries, and with which values (matrix 4.8, 3.1; R-TIM-4 to R-TIM-10).

use core::cmp::Reverse;
use core::net::Ipv6Addr;
use std::collections::BTreeMap;

use super::{Model, ModelQuerier};
use crate::packet::Query;

/// Other routers remembered at the same time.
// reading: the contract names the lowest of all that were heard within their intervals. A forger may use any number of
// addresses; four real routers beside this one are many. A router that takes part keeps the querier and those with the
// latest deadlines, a passive one the lowest addresses.
const REMEMBERED_MAX: usize = 4;

/// Querier or not.
#[derive(Clone, Debug)]
pub(super) enum Role {
    Querier {
        /// When the next General Query is due.
        next_general: u64,
        /// Queries of the startup series that are left.
        startup_left: u8,
    },
    /// Lower routers, not empty. The lowest is the querier, also past its deadline until another sends (R-ELE-7). The
    /// Other-Querier-Present Timer ends with the latest of their deadlines (R-ELE-5).
    NonQuerier(BTreeMap<Ipv6Addr, Heard>),
    /// Takes no part: never sends, or has no address to send from. The routers whose Query was received within the
    /// interval that follows from what they announced; the lowest of them counts as querier.
    Aside(BTreeMap<Ipv6Addr, Heard>),
}

/// Another router.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    /// Its last Query and the Other Querier Present Interval.
    until: u64,
    values: Values,
}

/// Robustness Variable, Query Interval and Query Response Interval, as they are announced.
#[derive(Clone, Copy, Debug)]
struct Values {
    robustness: u8,
    query_interval: u64,
    response_interval: u64,
}

impl Role {
    /// A non-querier that knows nobody (R-ELE-10).
    pub(super) fn unknown() -> Self {
        Self::Aside(BTreeMap::new())
    }

    pub(super) fn is_querier(&self) -> bool {
        matches!(self, Self::Querier { .. })
    }

    pub(super) fn told(&self, own: Option<Ipv6Addr>) -> ModelQuerier {
        match (self, own) {
            (Self::Querier { .. }, Some(own)) => ModelQuerier::Me(own),
            (Self::NonQuerier(heard) | Self::Aside(heard), _) => {
                heard.keys().next().map_or(ModelQuerier::Unknown, |lowest| ModelQuerier::Other(*lowest))
            }
            _ => ModelQuerier::Unknown,
        }
    }

    /// The next moment at which the role changes or a General Query is due.
    pub(super) fn deadline(&self) -> Option<u64> {
        match self {
            Self::Querier { next_general, .. } => Some(*next_general),
            Self::NonQuerier(_) | Self::Aside(_) => self.other_querier_timer(),
        }
    }

    /// When the Other-Querier-Present Timer ends, or another router is no longer remembered.
    pub(super) fn other_querier_timer(&self) -> Option<u64> {
        match self {
            Self::Querier { .. } => None,
            Self::NonQuerier(heard) => heard.values().map(|heard| heard.until).max(),
            Self::Aside(heard) => heard.values().map(|heard| heard.until).min(),
        }
    }
}

impl Model {
    /// R-TIM-10: what was adopted is forgotten.
    pub(super) fn use_configured_values(&mut self) {
        self.robustness = self.settings.robustness;
        self.query_interval = self.settings.query_interval_ms;
        self.response_interval = self.settings.response_interval_ms;
    }

    /// Querier with the startup series, its first Query at once (R-ELE-1, R-ELE-8, R-QRY-2). Without a usable address, or
    /// when the router never sends, nothing happens.
    // reading: "restart as Querier" of R-ELE-8 is the start of 7.6.2 again, with the whole startup series.
    pub(super) fn restart_as_querier(&mut self, now: u64) {
        if self.settings.querier_never || self.usable_address().is_none() {
            return;
        }
        self.use_configured_values();
        let count = self.settings.startup_count.unwrap_or(self.settings.robustness);
        self.role = Role::Querier { next_general: now, startup_left: count };
        self.send_general(now);
    }

    fn is_over(&self, until: u64, now: u64) -> bool {
        until < now.max(self.ended)
    }

    fn takes_part(&self) -> bool {
        !self.settings.querier_never && self.usable_address().is_some()
    }

    /// R-ELE-8, R-ELE-10.
    pub(super) fn change_address(&mut self, now: u64, address: Option<Ipv6Addr>) {
        self.address = address;
        let appears = matches!(self.role, Role::Aside(_));
        let mut present = match &self.role {
            Role::Querier { .. } => BTreeMap::new(),
            Role::NonQuerier(heard) | Role::Aside(heard) => heard.clone(),
        };
        // A router with our own address is no other router (R-ELE-7).
        present.retain(|other, heard| Some(*other) != address && !self.is_over(heard.until, now));
        if !self.takes_part() {
            // R-ELE-10. reading: another router that is known stays known.
            self.role = Role::Aside(present);
            return self.follow_lowest();
        }
        let Some(own) = self.usable_address() else { return };
        present.retain(|other, _| *other < own);
        match (present.is_empty(), appears) {
            (false, _) => {
                self.role = Role::NonQuerier(present);
                self.follow_lowest();
            }
            // An address appears: the start of 7.6.2 with the whole startup series.
            (true, true) => self.restart_as_querier(now),
            // R-ELE-8. reading: "a General Query" is one, as in R-ELE-4; hosts know this link already.
            (true, false) => {
                self.use_configured_values();
                self.role = Role::Querier { next_general: now, startup_left: 0 };
                self.send_general(now);
            }
        }
    }

    fn values(&self) -> Values {
        let (robustness, query_interval) = (self.robustness, self.query_interval);
        Values { robustness, query_interval, response_interval: self.response_interval }
    }

    /// The values in force are those of the lowest router that is remembered, or the configured ones.
    fn follow_lowest(&mut self) {
        let lowest = match &self.role {
            Role::Querier { .. } => None,
            Role::NonQuerier(heard) | Role::Aside(heard) => heard.values().next().map(|heard| heard.values),
        };
        match lowest {
            None => self.use_configured_values(),
            Some(values) => {
                (self.robustness, self.query_interval) = (values.robustness, values.query_interval);
                self.response_interval = values.response_interval;
            }
        }
    }

    /// Election and adoption (R-ELE-2 to R-ELE-7; contract, `querier`).
    pub(super) fn hear_query(&mut self, now: u64, from: Ipv6Addr, query: &Query) {
        // reading: the switch says how a version 2 router treats MLDv1 routers; version 1 knows no others.
        if self.settings.ignore_v1_querier && self.settings.version == 2 && query.announced.is_none() {
            return;
        }
        let takes_part = self.takes_part();
        // R-ELE-3: all 128 bits.
        if takes_part && self.usable_address().is_some_and(|own| from >= own) {
            return;
        }
        let mut known = match &self.role {
            Role::Querier { .. } => BTreeMap::new(),
            Role::NonQuerier(heard) | Role::Aside(heard) => heard.clone(),
        };
        // A value that the Query does not carry stays as this router announced it, or as it is in force (R-TIM-7).
        let before = known.get(&from).map_or_else(|| self.values(), |heard| heard.values);
        let announced = self.adopted(before, query);
        // R-ELE-7. reading: past its deadline the known querier keeps its role until another sends.
        known.retain(|_, heard| !self.is_over(heard.until, now));
        known.insert(from, Heard { until: now, values: announced });
        // adopted first, then the interval is computed. A router that takes part computes it from the values in
        // force, another from those that the sender announced.
        let in_force = known.values().next().map_or(announced, |lowest| lowest.values);
        let counted = if takes_part { in_force } else { announced };
        let until =
            now + u64::from(counted.robustness) * counted.query_interval + counted.response_interval / 2;
        known.insert(from, Heard { until, values: announced });
        if takes_part {
            // R-ELE-5: one timer, which starts again. No router counts longer than it runs.
            known.values_mut().for_each(|heard| heard.until = heard.until.min(until));
        }
        if known.len() > REMEMBERED_MAX {
            let first_to_end =
                known.iter().skip(1).min_by_key(|(other, heard)| (heard.until, Reverse(**other)));
            let forgotten = first_to_end.map(|(other, _)| *other).filter(|_| takes_part);
            match forgotten {
                Some(other) => known.remove(&other),
                None => known.pop_last().map(|(_, heard)| heard),
            };
        }
        self.role = if takes_part { Role::NonQuerier(known) } else { Role::Aside(known) };
        self.follow_lowest();
    }

    /// R-TIM-4, R-TIM-5, R-TIM-6, R-TIM-8: the values after a Query.
    fn adopted(&self, mut values: Values, query: &Query) -> Values {
        // R-TIM-7: an MLDv1 Query carries neither.
        if let Some(announced) = query.announced {
            //
            values.robustness =
                if announced.robustness == 0 { self.settings.robustness } else { announced.robustness };
            values.query_interval =
                if announced.interval_s == 0 { 125_000 } else { announced.interval_s * 1_000 };
        }
        // R-TIM-8. reading: a General Query of either version.
        if query.group.is_unspecified() {
            values.response_interval =
                if query.delay_ms == 0 { self.settings.response_interval_ms } else { query.delay_ms };
        }
        values
    }

    /// The Other-Querier-Present Timer ended (R-ELE-4, R-V1R-4): querier again, without a startup series. The
    /// General Query is due at once. Who takes no part forgets whoever was not heard.
    pub(super) fn end_other_querier(&mut self, at: u64) {
        if let Role::Aside(heard) = &mut self.role {
            heard.retain(|_, heard| heard.until > at);
            return self.follow_lowest();
        }
        self.use_configured_values();
        self.role = Role::Querier { next_general: at, startup_left: 0 };
    }

    /// Sends the General Query that is due and starts the timer of the next (R-QRY-2, R-QRY-3, 3.1).
    pub(super) fn send_general(&mut self, now: u64) {
        let Role::Querier { next_general, startup_left } = self.role else { return };
        if next_general > now {
            return;
        }
        self.push_query(now, Ipv6Addr::UNSPECIFIED, Vec::new(), false, false);
        // SQC Queries in all, the first included: SQI while further ones are left, then QI.
        let startup_left = startup_left.saturating_sub(1);
        let pause = if startup_left > 0 { self.startup_interval() } else { self.query_interval };
        self.role = Role::Querier { next_general: now + pause, startup_left };
    }

    fn startup_interval(&self) -> u64 {
        self.settings.startup_interval_ms.unwrap_or(self.settings.query_interval_ms / 4)
    }
}
