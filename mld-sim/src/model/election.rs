//! Who sends General Queries, and with which values (matrix 4.8, 3.1; R-TIM-4 to R-TIM-10).

use core::net::Ipv6Addr;
use std::collections::BTreeMap;

use super::{Model, ModelQuerier};
use crate::packet::Query;

/// Routers that somebody who takes no part in the election remembers.
// reading: the contract names the lowest of all that were heard within their intervals. A forger may use any number of
// addresses; four real routers beside a passive one are many.
const BYSTANDER_REMEMBERS: usize = 4;

/// Querier or not.
#[derive(Clone, Debug)]
pub(super) enum Role {
    Querier {
        /// When the next General Query is due.
        next_general: u64,
        /// Queries of the startup series that are left.
        startup_left: u8,
    },
    NonQuerier(OtherQuerier),
    /// Takes no part: never sends, or has no address to send from. Everybody who was heard within the interval that
    /// follows from what they announced; the lowest of them counts as querier.
    Aside(BTreeMap<Ipv6Addr, Heard>),
}

/// What a router that takes no part knows of another.
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

/// The querier that a non-querier knows (R-ELE-7).
#[derive(Clone, Copy, Debug)]
pub(super) struct OtherQuerier {
    address: Ipv6Addr,
    /// Its own last Query and the Other Querier Present Interval.
    until: u64,
    /// The Other-Querier-Present Timer, which a Query of any lower router restarts (R-ELE-5).
    timer: u64,
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
            (Self::NonQuerier(other), _) => ModelQuerier::Other(other.address),
            (Self::Aside(heard), _) => {
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
            Self::NonQuerier(other) => Some(other.timer),
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
        // Whoever bears our address is no other (R-ELE-7).
        if let Role::Aside(heard) = &mut self.role {
            address.map(|own| heard.remove(&own));
        }
        if !self.takes_part() {
            // R-ELE-10. reading: another router that is known stays known.
            let known = match self.role {
                Role::NonQuerier(other) if !self.is_over(other.until, now) => {
                    Some((other.address, Heard { until: other.until, values: self.values() }))
                }
                Role::Aside(_) => return self.follow_lowest(),
                _ => None,
            };
            self.role = Role::Aside(known.into_iter().collect());
            return self.follow_lowest();
        }
        let Some(own) = self.usable_address() else { return };
        let lower = match &self.role {
            Role::Querier { .. } => None,
            Role::NonQuerier(other) => {
                (other.address < own && !self.is_over(other.until, now)).then_some(*other)
            }
            Role::Aside(heard) => {
                let lowest = heard
                    .first_key_value()
                    .filter(|(address, heard)| **address < own && !self.is_over(heard.until, now));
                lowest.map(|(address, heard)| OtherQuerier {
                    address: *address,
                    until: heard.until,
                    timer: heard.until,
                })
            }
        };
        match (lower, &self.role) {
            (Some(other), _) => self.role = Role::NonQuerier(other),
            // An address appears: the start of 7.6.2 with the whole startup series.
            (None, Role::Aside(_)) => self.restart_as_querier(now),
            // R-ELE-8. reading: "a General Query" is one, as in R-ELE-4; hosts know this link already.
            (None, _) => {
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

    /// The values in force of a router that takes no part are those of the lowest that it remembers, or its own.
    fn follow_lowest(&mut self) {
        let Role::Aside(heard) = &self.role else { return };
        match heard.values().next().map(|heard| heard.values) {
            None => self.use_configured_values(),
            Some(values) => {
                (self.robustness, self.query_interval) = (values.robustness, values.query_interval);
                self.response_interval = values.response_interval;
            }
        }
    }

    /// A router that takes no part heard a Query (contract, `querier`).
    fn remember(&mut self, now: u64, from: Ipv6Addr, query: &Query) {
        let ended = now.max(self.ended);
        let Role::Aside(heard) = &mut self.role else { return };
        heard.retain(|_, heard| heard.until >= ended);
        // What a Query does not say stays as this router announced it, or as it is in force (R-TIM-7).
        let mut known = core::mem::take(heard);
        if let Some(before) = known.get(&from) {
            (self.robustness, self.query_interval) = (before.values.robustness, before.values.query_interval);
            self.response_interval = before.values.response_interval;
        } else {
            self.role = Role::Aside(known.clone());
            self.follow_lowest();
        }
        self.adopt(query);
        let until = now + self.other_querier_present_interval_ms();
        known.insert(from, Heard { until, values: self.values() });
        while known.len() > BYSTANDER_REMEMBERS {
            known.pop_last();
        }
        self.role = Role::Aside(known);
        self.follow_lowest();
    }

    /// Election and adoption (R-ELE-2 to R-ELE-7).
    pub(super) fn hear_query(&mut self, now: u64, from: Ipv6Addr, query: &Query) {
        // reading: the switch says how a version 2 router treats MLDv1 routers; version 1 knows no others.
        if self.settings.ignore_v1_querier && self.settings.version == 2 && query.announced.is_none() {
            return;
        }
        if !self.takes_part() {
            return self.remember(now, from, query);
        }
        // R-ELE-3: all 128 bits.
        if self.usable_address().is_some_and(|own| from >= own) {
            return;
        }
        let known = match self.role {
            Role::NonQuerier(known) => Some(known),
            _ => None,
        };
        // R-ELE-7. reading: past its deadline the known querier still is the one that is told, until another sends.
        let elected = known.is_none_or(|known| from <= known.address || self.is_over(known.until, now));
        if elected {
            self.adopt(query);
        }
        // adopted first, then the interval is computed.
        let timer = now + self.other_querier_present_interval_ms();
        let other = match known {
            Some(known) if !elected => OtherQuerier { timer, ..known },
            _ => OtherQuerier { address: from, until: timer, timer },
        };
        self.role = Role::NonQuerier(other);
    }

    /// R-TIM-4, R-TIM-5, R-TIM-6, R-TIM-8.
    fn adopt(&mut self, query: &Query) {
        // R-TIM-7: an MLDv1 Query carries neither.
        if let Some(announced) = query.announced {
            //
            self.robustness =
                if announced.robustness == 0 { self.settings.robustness } else { announced.robustness };
            self.query_interval =
                if announced.interval_s == 0 { 125_000 } else { announced.interval_s * 1_000 };
        }
        // R-TIM-8. reading: a General Query of either version.
        if query.group.is_unspecified() {
            self.response_interval =
                if query.delay_ms == 0 { self.settings.response_interval_ms } else { query.delay_ms };
        }
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
