//! Collecting and checking settings. Setters and helpers are those of the listener's settings, too.

use core::time::Duration;

use super::{Config, ConfigError, Interpretations, QuerierMode};
use crate::ssm::SsmRange;
use crate::wire::Version;

/// A method of a builder for each setting: its documentation, name, argument, and the value of the field of that name.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident($field:ident: $type:ty) = $value:expr;)*) => {
        $($(#[$doc])* pub const fn $name(mut self, $field: $type) -> Self {
            self.config.$field = $value;
            self
        })*
    };
}
pub(crate) use setters;

/// Collects settings; [`build`](Self::build) checks them. Durations are cut to whole milliseconds.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct ConfigBuilder {
    pub(super) config: Config,
}

impl ConfigBuilder {
    setters! {
        /// The version of the interface.
        version(version: Version) = version;
        /// Participation in the election of the querier.
        querier(querier: QuerierMode) = querier;
        /// Robustness Variable, 1 to 255; above 7 it is announced as 0.
        robustness_variable(robustness: u8) = robustness;
        /// Query Interval, 1 to 31744 s.
        query_interval(query_interval_ms: Duration) = millis(query_interval_ms);
        /// Query Response Interval, 0.001 to 8387.584 s and below the Query Interval; version 1: to 65.535 s.
        /// MLDv1 hosts misread a longer one than 32.767 s (R-CMP-20).
        query_response_interval(query_response_interval_ms: Duration) = millis(query_response_interval_ms);
        /// Last Listener Query Interval, 0.001 to 8387.584 s; version 1: to 65.535 s. Of every specific Query.
        last_listener_query_interval(last_listener_query_interval_ms: Duration)
            = millis(last_listener_query_interval_ms);
        /// Last Listener Query Count, 1 to 255; follows the Robustness Variable if not set.
        last_listener_query_count(last_listener_query_count: u8) = Some(last_listener_query_count);
        /// Startup Query Interval, 0.001 to 31744 s; a quarter of the Query Interval if not set.
        startup_query_interval(startup_query_interval_ms: Duration) = Some(millis(startup_query_interval_ms));
        /// Startup Query Count, 1 to 255; follows the Robustness Variable if not set.
        startup_query_count(startup_query_count: u8) = Some(startup_query_count);
        /// Groups held at the same time, at least 1; the length of the table limits them too.
        max_groups(groups_max: u32) = groups_max;
        /// Sources of one group, at least 1.
        max_group_sources(group_sources_max: u32) = group_sources_max;
        /// Sources of all groups together, at least 1; the length of the table limits them too.
        max_sources(sources_max: u32) = sources_max;
        /// Octets of the largest packet sent, 1280 to 65535.
        mtu(mtu: u16) = mtu;
        /// Drop state without waiting for an answer.
        immediate_leave(immediate_leave: bool) = immediate_leave;
        /// Refuse messages without a Router Alert option.
        require_router_alert(require_router_alert: bool) = require_router_alert;
        /// The groups of source-specific multicast.
        ssm_range(ssm_range: SsmRange) = ssm_range;
        /// Interpretations of the standards.
        interpretations(interpretations: Interpretations) = interpretations;
    }

    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// The first rule that is broken (RFC 9777 section 9; R-TIM-1, R-TIM-3, R-CMP-4).
    pub const fn build(self) -> Result<Config, ConfigError> {
        let c = &self.config;
        let v1 = matches!(c.version, Version::V1);
        let (response_max, response_allowed) =
            if v1 { (65_535, ALLOWED_RESPONSE_V1) } else { (8_387_584, ALLOWED_RESPONSE) };
        let startup = match c.startup_query_interval_ms {
            Some(startup) => startup,
            None => 1,
        };
        if c.robustness == 0 {
            return out_of_range("robustness-variable", ALLOWED_COUNT);
        }
        if c.query_interval_ms < 1000 || c.query_interval_ms > 31_744_000 {
            return out_of_range("query-interval", "1 to 31744 seconds");
        }
        if c.query_response_interval_ms == 0 || c.query_response_interval_ms > response_max {
            return out_of_range("query-max-response-time", response_allowed);
        }
        if c.query_response_interval_ms >= c.query_interval_ms {
            return Err(ConfigError::ResponseNotBelowInterval);
        }
        if c.last_listener_query_interval_ms == 0 || c.last_listener_query_interval_ms > response_max {
            return out_of_range("last-member-query-interval", response_allowed);
        }
        if matches!(c.last_listener_query_count, Some(0)) {
            return out_of_range("last-member-query-count", ALLOWED_COUNT);
        }
        if startup == 0 || startup > 31_744_000 {
            return out_of_range("startup-query-interval", "0.001 to 31744 seconds");
        }
        if matches!(c.startup_query_count, Some(0)) {
            return out_of_range("startup-query-count", ALLOWED_COUNT);
        }
        if c.groups_max == 0 {
            return out_of_range("max-groups", ALLOWED_LIMIT);
        }
        if c.group_sources_max == 0 {
            return out_of_range("max-group-sources", ALLOWED_LIMIT);
        }
        if c.sources_max == 0 {
            return out_of_range("max-sources", ALLOWED_LIMIT);
        }
        if c.mtu < 1280 {
            return out_of_range("mtu", "1280 to 65535");
        }
        Ok(self.config)
    }
}

const ALLOWED_COUNT: &str = "1 to 255";
const ALLOWED_LIMIT: &str = "1 to 4294967295";
const ALLOWED_RESPONSE: &str = "0.001 to 8387.584 seconds";
const ALLOWED_RESPONSE_V1: &str = "0.001 to 65.535 seconds with version 1";

pub(crate) const fn out_of_range<T>(key: &'static str, allowed: &'static str) -> Result<T, ConfigError> {
    Err(ConfigError::OutOfRange { key, allowed })
}

/// Whole milliseconds; longer than any setting may be if they do not fit.
pub(crate) const fn millis(duration: Duration) -> u64 {
    let millis = duration.as_millis();
    if millis > u64::MAX as u128 { u64::MAX } else { millis as u64 }
}
