//! The settings of a listener.

use core::time::Duration;

use crate::config::{
    ConfigError, DEFAULT_MTU, DEFAULT_QUERY_INTERVAL, DEFAULT_QUERY_RESPONSE_INTERVAL,
    DEFAULT_ROBUSTNESS_VARIABLE, millis, out_of_range, setters,
};
use crate::ssm::SsmRange;
use crate::wire::Version;

/// Unsolicited Report Interval of an MLDv2 listener (RFC 9777 section 9.11).
pub const DEFAULT_UNSOLICITED_REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Unsolicited Report Interval of an MLDv1 listener (RFC 2710 section 7.10).
pub const DEFAULT_UNSOLICITED_REPORT_INTERVAL_V1: Duration = Duration::from_secs(10);

/// The settings of a [`Listener`](crate::Listener), checked. Durations are whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    pub(super) version: Version,
    pub(super) robustness: u8,
    unsolicited_report_interval_ms: Option<u64>,
    pub(super) query_interval_ms: u64,
    pub(super) query_response_interval_ms: u64,
    pub(super) mtu: u16,
    pub(super) version_2_only: bool,
    pub(super) always_done: bool,
    pub(super) require_router_alert: bool,
    pub(super) ssm_range: SsmRange,
}

impl Config {
    /// The defaults of RFC 9777 section 9.
    pub const DEFAULT: Self = match Self::builder().build() {
        Ok(config) => config,
        Err(_) => panic!("the defaults are valid"),
    };

    /// Starts from the defaults.
    pub const fn builder() -> ConfigBuilder {
        ConfigBuilder {
            config: Self {
                version: Version::V2,
                robustness: DEFAULT_ROBUSTNESS_VARIABLE,
                unsolicited_report_interval_ms: None,
                query_interval_ms: millis(DEFAULT_QUERY_INTERVAL),
                query_response_interval_ms: millis(DEFAULT_QUERY_RESPONSE_INTERVAL),
                mtu: DEFAULT_MTU,
                version_2_only: false,
                always_done: false,
                require_router_alert: true,
                ssm_range: SsmRange::RFC_4607,
            },
        }
    }

    /// The same settings, to be changed.
    pub const fn to_builder(self) -> ConfigBuilder {
        ConfigBuilder { config: self }
    }

    /// The version of the listener.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Robustness Variable, while no Query announces one (R-LSN-50).
    pub const fn robustness_variable(&self) -> u8 {
        self.robustness
    }

    /// Unsolicited Report Interval: as configured, else 1 s, of an MLDv1 listener 10 s.
    pub const fn unsolicited_report_interval(&self) -> Duration {
        Duration::from_millis(self.unsolicited_report_interval_ms())
    }

    /// Query Interval, while no Query announces one.
    pub const fn query_interval(&self) -> Duration {
        Duration::from_millis(self.query_interval_ms)
    }

    /// Query Response Interval, for a Query that names no delay.
    pub const fn query_response_interval(&self) -> Duration {
        Duration::from_millis(self.query_response_interval_ms)
    }

    /// Octets of the largest packet sent, IPv6 header included.
    pub const fn mtu(&self) -> u16 {
        self.mtu
    }

    /// Returns true if MLDv1 Queries are ignored (R-CMP-39, R-SEC-4).
    pub const fn version_2_only(&self) -> bool {
        self.version_2_only
    }

    /// Returns true if a Done is sent even if another listener reported last (R-LSN-71).
    pub const fn always_done(&self) -> bool {
        self.always_done
    }

    /// Returns true if a received message must have a Router Alert option.
    pub const fn require_router_alert(&self) -> bool {
        self.require_router_alert
    }

    /// The groups of source-specific multicast.
    pub const fn ssm_range(&self) -> &SsmRange {
        &self.ssm_range
    }

    pub(super) const fn unsolicited_report_interval_ms(&self) -> u64 {
        match (self.unsolicited_report_interval_ms, self.version) {
            (Some(interval), _) => interval,
            (None, Version::V2) => millis(DEFAULT_UNSOLICITED_REPORT_INTERVAL),
            (None, Version::V1) => millis(DEFAULT_UNSOLICITED_REPORT_INTERVAL_V1),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Collects settings; [`build`](Self::build) checks them. Durations are cut to whole milliseconds.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct ConfigBuilder {
    config: Config,
}

impl ConfigBuilder {
    setters! {
        /// The version of the listener. In version 2 it falls back to version 1 beside an MLDv1 querier.
        version(version: Version) = version;
        /// Robustness Variable, 1 to 255: how often a change is reported.
        robustness_variable(robustness: u8) = robustness;
        /// Unsolicited Report Interval, 0.001 to 31744 s: the longest time between these reports.
        unsolicited_report_interval(unsolicited_report_interval_ms: Duration)
            = Some(millis(unsolicited_report_interval_ms));
        /// Query Interval, 1 to 31744 s, for how long an MLDv1 querier counts as present after its Query (R-CMP-32).
        query_interval(query_interval_ms: Duration) = millis(query_interval_ms);
        /// Query Response Interval, 0.001 to 8387.584 s and below the Query Interval, for the same.
        query_response_interval(query_response_interval_ms: Duration) = millis(query_response_interval_ms);
        /// Octets of the largest packet sent, 1280 to 65535.
        mtu(mtu: u16) = mtu;
        /// Ignore MLDv1 Queries.
        version_2_only(version_2_only: bool) = version_2_only;
        /// Send a Done even if another listener reported last.
        always_done(always_done: bool) = always_done;
        /// Refuse messages without a Router Alert option.
        require_router_alert(require_router_alert: bool) = require_router_alert;
        /// The groups of source-specific multicast.
        ssm_range(ssm_range: SsmRange) = ssm_range;
    }

    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// The first rule that is broken (RFC 9777 section 9; R-TIM-1, R-TIM-3).
    pub const fn build(self) -> Result<Config, ConfigError> {
        let c = &self.config;
        if c.robustness == 0 {
            return out_of_range("robustness-variable", "1 to 255");
        }
        if c.unsolicited_report_interval_ms() == 0 || c.unsolicited_report_interval_ms() > 31_744_000 {
            return out_of_range("unsolicited-report-interval", "0.001 to 31744 seconds");
        }
        if c.query_interval_ms < 1000 || c.query_interval_ms > 31_744_000 {
            return out_of_range("query-interval", "1 to 31744 seconds");
        }
        if c.query_response_interval_ms == 0 || c.query_response_interval_ms > 8_387_584 {
            return out_of_range("query-max-response-time", "0.001 to 8387.584 seconds");
        }
        if c.query_response_interval_ms >= c.query_interval_ms {
            return Err(ConfigError::ResponseNotBelowInterval);
        }
        if c.mtu < 1280 {
            return out_of_range("mtu", "1280 to 65535");
        }
        Ok(self.config)
    }
}
