//! The settings of a router.

mod builder;
mod error;
#[cfg(test)]
mod tests;

use core::time::Duration;

use crate::ssm::SsmRange;
use crate::wire::Version;

pub use builder::ConfigBuilder;
pub use error::{ConfigError, ConfigWarning};

pub(crate) use builder::{millis, out_of_range, setters};

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

/// Participation in the election of the querier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum QuerierMode {
    /// The router takes part (RFC 9777 section 7.6.2).
    #[default]
    Auto,
    /// The router receives and never sends.
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

    /// Participation in the election of the querier.
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

    /// Last Listener Query Interval, of every specific Query.
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

    /// Returns true if the querier drops state without waiting for an answer (R-SEC-15).
    pub const fn immediate_leave(&self) -> bool {
        self.immediate_leave
    }

    /// Returns true if a received message must have a Router Alert option (R-SEC-2).
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

    /// Settings that are valid but inadvisable, for a program to log.
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
