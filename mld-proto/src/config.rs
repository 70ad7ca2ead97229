#[cfg(test)]
mod tests;

use core::fmt;
use core::time::Duration;

use crate::ssm::SsmRange;
use crate::wire::Version;

/// Robustness Variable (RFC 9777 section 9.1).
pub const DEFAULT_ROBUSTNESS_VARIABLE: u8 = 2;
/// Query Interval (RFC 9777 section 9.2).
pub const DEFAULT_QUERY_INTERVAL: Duration = Duration::from_secs(125);
/// Query Response Interval (RFC 9777 section 9.3).
pub const DEFAULT_QUERY_RESPONSE_INTERVAL: Duration = Duration::from_secs(10);
/// Last Listener Query Interval (RFC 9777 section 9.8).
pub const DEFAULT_LAST_LISTENER_QUERY_INTERVAL: Duration = Duration::from_secs(1);
/// Octets of an Ethernet link.
pub const DEFAULT_MTU: u16 = 1500;

/// Whether the router takes part in the election of the querier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum QuerierMode {
    /// It does (RFC 9777 section 7.6.2).
    #[default]
    Auto,
    /// It listens and never sends.
    Never,
}

/// The settings of one interface, checked. Durations are whole milliseconds.
///
/// Values are kept as configured; only the packet carries the next lower value that its code can express
/// (R-WIRE-41, R-WIRE-43, A-25). [`Config::DEFAULT`] is RFC 9777 section 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    pub(crate) version: Version,
    pub(crate) querier: QuerierMode,
    pub(crate) robustness: u8,
    pub(crate) query_interval_ms: u64,
    pub(crate) query_response_interval_ms: u64,
    pub(crate) last_listener_query_interval_ms: u64,
    pub(crate) last_listener_query_count: Option<u8>,
    pub(crate) startup_query_interval_ms: Option<u64>,
    pub(crate) startup_query_count: Option<u8>,
    pub(crate) groups_max: u32,
    pub(crate) group_sources_max: u32,
    pub(crate) sources_max: u32,
    pub(crate) mtu: u16,
    pub(crate) immediate_leave: bool,
    pub(crate) require_router_alert: bool,
    pub(crate) ssm_range: SsmRange,
    pub(crate) interpretations: Interpretations,
}

/// Interpretations of the standards that differ between implementations. All are off by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Interpretations {
    /// The listening interval has one Query Response Interval, as in RFC 3810, instead of two.
    pub legacy_mali: bool,
    /// General Queries count only if sent to `ff02::1`, specific ones only if sent to their group.
    pub strict_query_destination: bool,
    /// An MLDv1 Query takes no part in the election.
    pub ignore_v1_querier: bool,
    /// A version 1 interface reads MLDv2 Reports as MLDv1 Reports and Done messages.
    pub version_1_reads_version_2_reports: bool,
    /// MLDv1 messages are ignored (R-CMP-8, R-SEC-6).
    pub version_2_only: bool,
    /// Groups of link-local scope are not stored (A-31, R-SEC-14).
    pub ignore_link_local_groups: bool,
}

impl Config {
    /// The defaults of RFC 9777 section 9, with limits that only the tables set.
    pub const DEFAULT: Self = match Self::builder().build() {
        Ok(config) => config,
        Err(_) => panic!("the defaults are valid"),
    };

    /// Starts from the defaults.
    pub const fn builder() -> ConfigBuilder {
        ConfigBuilder {
            config: Self {
                version: Version::V2,
                querier: QuerierMode::Auto,
                robustness: DEFAULT_ROBUSTNESS_VARIABLE,
                query_interval_ms: millis(DEFAULT_QUERY_INTERVAL),
                query_response_interval_ms: millis(DEFAULT_QUERY_RESPONSE_INTERVAL),
                last_listener_query_interval_ms: millis(DEFAULT_LAST_LISTENER_QUERY_INTERVAL),
                last_listener_query_count: None,
                startup_query_interval_ms: None,
                startup_query_count: None,
                groups_max: u32::MAX,
                group_sources_max: u32::MAX,
                sources_max: u32::MAX,
                mtu: DEFAULT_MTU,
                immediate_leave: false,
                require_router_alert: true,
                ssm_range: SsmRange::RFC_4607,
                interpretations: Interpretations {
                    legacy_mali: false,
                    strict_query_destination: false,
                    ignore_v1_querier: false,
                    version_1_reads_version_2_reports: false,
                    version_2_only: false,
                    ignore_link_local_groups: false,
                },
            },
        }
    }

    /// The same settings, to be changed.
    pub const fn to_builder(self) -> ConfigBuilder {
        ConfigBuilder { config: self }
    }

    /// The version of the interface.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Whether the router takes part in the election.
    pub const fn querier(&self) -> QuerierMode {
        self.querier
    }

    /// Robustness Variable.
    pub const fn robustness_variable(&self) -> u8 {
        self.robustness
    }

    /// Query Interval.
    pub const fn query_interval(&self) -> Duration {
        Duration::from_millis(self.query_interval_ms)
    }

    /// Query Response Interval.
    pub const fn query_response_interval(&self) -> Duration {
        Duration::from_millis(self.query_response_interval_ms)
    }

    /// Last Listener Query Interval.
    pub const fn last_listener_query_interval(&self) -> Duration {
        Duration::from_millis(self.last_listener_query_interval_ms)
    }

    /// Last Listener Query Count: as configured, else the Robustness Variable (RFC 9777 section 9.9).
    pub const fn last_listener_query_count(&self) -> u8 {
        match self.last_listener_query_count {
            Some(count) => count,
            None => self.robustness,
        }
    }

    /// Last Listener Query Time: interval times count (RFC 9777 section 9.10).
    pub const fn last_listener_query_time(&self) -> Duration {
        Duration::from_millis(self.last_listener_query_interval_ms * self.last_listener_query_count() as u64)
    }

    /// Startup Query Interval: as configured, else a quarter of the Query Interval (RFC 9777 section 9.6).
    pub const fn startup_query_interval(&self) -> Duration {
        Duration::from_millis(match self.startup_query_interval_ms {
            Some(interval) => interval,
            None => self.query_interval_ms / 4,
        })
    }

    /// Startup Query Count: as configured, else the Robustness Variable (RFC 9777 section 9.7).
    pub const fn startup_query_count(&self) -> u8 {
        match self.startup_query_count {
            Some(count) => count,
            None => self.robustness,
        }
    }

    /// Multicast Address Listening Interval with the configured values (RFC 9777 section 9.4), or the
    /// Multicast Listener Interval of version 1 (RFC 2710 section 7.4; A-1).
    pub const fn listening_interval(&self) -> Duration {
        Duration::from_millis(self.listening_interval_ms(
            self.robustness as u64,
            self.query_interval_ms,
            self.query_response_interval_ms,
        ))
    }

    pub(crate) const fn listening_interval_ms(
        &self,
        robustness: u64,
        query_ms: u64,
        response_ms: u64,
    ) -> u64 {
        let responses = match self.version {
            Version::V2 if !self.interpretations.legacy_mali => 2,
            _ => 1,
        };
        robustness * query_ms + responses * response_ms
    }

    /// Groups held at the same time, beside the limit of the table.
    pub const fn max_groups(&self) -> u32 {
        self.groups_max
    }

    /// Sources of one group.
    pub const fn max_group_sources(&self) -> u32 {
        self.group_sources_max
    }

    /// Sources of all groups together, beside the limit of the table.
    pub const fn max_sources(&self) -> u32 {
        self.sources_max
    }

    /// Octets of the largest packet sent, IPv6 header included.
    pub const fn mtu(&self) -> u16 {
        self.mtu
    }

    /// Whether the querier drops state without waiting for an answer (R-SEC-15).
    pub const fn immediate_leave(&self) -> bool {
        self.immediate_leave
    }

    /// Whether a received message must bear a Router Alert option (R-SEC-2).
    pub const fn require_router_alert(&self) -> bool {
        self.require_router_alert
    }

    /// The groups of source-specific multicast.
    pub const fn ssm_range(&self) -> &SsmRange {
        &self.ssm_range
    }

    /// The chosen interpretations of the standards.
    pub const fn interpretations(&self) -> &Interpretations {
        &self.interpretations
    }
}

impl Config {
    /// What is allowed and should not be: for a program to log.
    pub fn warnings(&self) -> impl Iterator<Item = ConfigWarning> {
        let linear = self.version == Version::V1 || self.interpretations.version_2_only;
        let fragile = (self.robustness == 1).then_some(ConfigWarning::NoRobustness);
        let misread = (!linear && self.query_response_interval_ms > 32_767)
            .then_some(ConfigWarning::MisreadResponseInterval);
        [fragile, misread].into_iter().flatten()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::DEFAULT
    }
}

const fn millis(duration: Duration) -> u64 {
    let millis = duration.as_millis();
    if millis > u64::MAX as u128 { u64::MAX } else { millis as u64 }
}

/// Collects settings; [`build`](Self::build) checks them. Durations are cut to whole milliseconds.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct ConfigBuilder {
    config: Config,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident($field:ident: $type:ty) = $value:expr;)*) => {
        $($(#[$doc])* pub const fn $name(mut self, $field: $type) -> Self {
            self.config.$field = $value;
            self
        })*
    };
}

impl ConfigBuilder {
    setters! {
        /// Which standard the interface follows.
        version(version: Version) = version;
        /// Whether the router takes part in the election.
        querier(querier: QuerierMode) = querier;
        /// Robustness Variable, 1 to 255; above 7 it is announced as 0.
        robustness_variable(robustness: u8) = robustness;
        /// Query Interval, 1 to 31744 s.
        query_interval(query_interval_ms: Duration) = millis(query_interval_ms);
        /// Query Response Interval, 0.001 to 8387.584 s and below the Query Interval; version 1: to 65.535 s.
        /// MLDv1 hosts misread what is above 32.767 s (R-CMP-20).
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

    /// Checks everything.
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

const fn out_of_range(key: &'static str, allowed: &'static str) -> Result<Config, ConfigError> {
    Err(ConfigError::OutOfRange { key, allowed })
}

/// What is allowed in settings and should not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigWarning {
    /// The Robustness Variable is 1: one lost packet ends a membership (R-TIM-1, RFC 9777 section 9.1).
    NoRobustness,
    /// MLDv1 hosts misread a Query Response Interval above 32.767 s (R-CMP-20).
    MisreadResponseInterval,
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRobustness => "robustness-variable is 1: one lost packet ends a membership",
            Self::MisreadResponseInterval => {
                "query-max-response-time is above 32.767 seconds: MLDv1 hosts answer at other times"
            }
        })
    }
}

/// Why settings cannot be used. Keys are those of the configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value is not allowed.
    OutOfRange {
        /// The key.
        key: &'static str,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The Query Response Interval is not below the Query Interval (RFC 9777 section 9.3).
    ResponseNotBelowInterval,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { key, allowed } => write!(f, "{key} must be {allowed}"),
            Self::ResponseNotBelowInterval => {
                f.write_str("query-max-response-time must be below query-interval")
            }
        }
    }
}

impl core::error::Error for ConfigError {}
