//! The timer values in force and those derived from them (RFC 9777 section 9).

use crate::config::Config;

/// Robustness Variable, Query Interval and Query Response Interval in force, with the settings that are never adopted.
#[derive(Clone, Copy)]
pub(super) struct Intervals<'c> {
    pub(super) config: &'c Config,
    pub(super) robustness: u8,
    pub(super) query_interval_ms: u64,
    pub(super) response_interval_ms: u64,
}

impl<'c> Intervals<'c> {
    /// The values of a router that has adopted none (R-TIM-10).
    pub(super) const fn configured(config: &'c Config) -> Self {
        Self {
            config,
            robustness: config.robustness,
            query_interval_ms: config.query_interval_ms,
            response_interval_ms: config.query_response_interval_ms,
        }
    }

    /// RFC 9777 section 9.4, or RFC 2710 section 7.4.
    pub(super) fn listening_interval_ms(&self) -> u64 {
        let (interval, response) = (self.query_interval_ms, self.response_interval_ms);
        self.config.listening_interval_ms(self.robustness.into(), interval, response)
    }

    /// RFC 9777 section 9.5.
    pub(super) fn other_querier_present_interval_ms(&self) -> u64 {
        u64::from(self.robustness) * self.query_interval_ms + self.response_interval_ms / 2
    }

    /// RFC 9777 section 9.13: shorter than the listening interval.
    pub(super) fn older_version_host_present_interval_ms(&self) -> u64 {
        u64::from(self.robustness) * self.query_interval_ms + self.response_interval_ms
    }

    /// RFC 9777 section 9.9 (R-TIM-9).
    pub(super) fn last_listener_query_count(&self) -> u8 {
        self.config.last_listener_query_count.unwrap_or(self.robustness)
    }

    /// RFC 9777 section 9.10.
    pub(super) fn last_listener_query_time_ms(&self) -> u64 {
        self.config.last_listener_query_interval_ms * u64::from(self.last_listener_query_count())
    }
}
