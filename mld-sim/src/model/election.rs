//! Who sends General Queries, and with which values (matrix 4.8, 3.1; R-TIM-4 to R-TIM-10).

use core::net::Ipv6Addr;

use super::wire::Query;
use super::{Model, ModelQuerier};

/// Querier or not.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role {
    Querier {
        /// When the next General Query is due.
        next_general: u64,
        /// Queries of the startup series that are left.
        startup_left: u8,
    },
    NonQuerier(Option<OtherQuerier>),
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
        Self::NonQuerier(None)
    }

    pub(super) fn is_querier(&self) -> bool {
        matches!(self, Self::Querier { .. })
    }

    pub(super) fn told(&self, own: Option<Ipv6Addr>) -> ModelQuerier {
        match (self, own) {
            (Self::Querier { .. }, Some(own)) => ModelQuerier::Me(own),
            (Self::NonQuerier(Some(other)), _) => ModelQuerier::Other(other.address),
            _ => ModelQuerier::Unknown,
        }
    }

    /// The next moment at which the role changes or a General Query is due.
    pub(super) fn deadline(&self) -> Option<u64> {
        match self {
            Self::Querier { next_general, .. } => Some(*next_general),
            Self::NonQuerier(other) => other.map(|other| other.timer),
        }
    }

    /// When the Other-Querier-Present Timer ends.
    pub(super) fn other_querier_timer(&self) -> Option<u64> {
        match self {
            Self::NonQuerier(Some(other)) => Some(other.timer),
            _ => None,
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

    /// R-ELE-8, R-ELE-10.
    pub(super) fn change_address(&mut self, now: u64, address: Option<Ipv6Addr>) {
        self.address = address;
        match self.usable_address() {
            // R-ELE-10. reading: an address that cannot be sent from is none. Another router that is known stays known.
            None => {
                if self.role.is_querier() {
                    self.role = Role::unknown();
                }
            }
            // R-ELE-8.
            Some(own) => {
                let lower = match self.role {
                    Role::NonQuerier(Some(other)) => other.address < own,
                    _ => false,
                };
                if !lower {
                    self.restart_as_querier(now);
                }
            }
        }
    }

    /// Election and adoption (R-ELE-2 to R-ELE-7).
    pub(super) fn hear_query(&mut self, now: u64, from: Ipv6Addr, query: &Query) {
        // reading: the switch says how a version 2 router treats MLDv1 routers; version 1 knows no others.
        if self.settings.ignore_v1_querier && self.settings.version == 2 && query.announced.is_none() {
            return;
        }
        // R-ELE-3: all 128 bits.
        // reading: whoever never sends, or has no address to send from, has no address that another could be above.
        let own = if self.settings.querier_never { None } else { self.usable_address() };
        if own.is_some_and(|own| from >= own) {
            return;
        }
        let known = match self.role {
            Role::NonQuerier(known) => known,
            Role::Querier { .. } => None,
        };
        // R-ELE-7. reading: past its deadline the known querier still is the one that is told, until another sends.
        let elected = known.is_none_or(|known| from <= known.address || now > known.until);
        if elected {
            self.adopt(query);
        }
        // adopted first, then the interval is computed.
        let timer = now + self.other_querier_present_interval_ms();
        let other = match known {
            Some(known) if !elected => OtherQuerier { timer, ..known },
            _ => OtherQuerier { address: from, until: timer, timer },
        };
        self.role = Role::NonQuerier(Some(other));
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
    /// General Query is due at once.
    // reading: who cannot or must not send keeps the values in force, since R-TIM-10 speaks of the return to Querier.
    pub(super) fn end_other_querier(&mut self, at: u64) {
        if self.settings.querier_never || self.usable_address().is_none() {
            self.role = Role::unknown();
            return;
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
