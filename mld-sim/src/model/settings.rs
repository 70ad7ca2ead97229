//! What the modelled router is told before it starts.

use core::net::Ipv6Addr;

use crate::packet::Rules;

/// The configuration of the modelled router (RFC 9777 section 9; the readings of the standards that a user may choose).
///
/// Durations are milliseconds. `None` stands for "derived" (R-TIM-9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelSettings {
    /// 1: RFC 2710 alone; 2: RFC 9777 (R-CMP-2).
    pub version: u8,
    /// Listens and never sends.
    pub querier_never: bool,
    /// Robustness Variable (R-TIM-1).
    pub robustness: u8,
    /// Query Interval.
    pub query_interval_ms: u64,
    /// Query Response Interval.
    pub response_interval_ms: u64,
    /// Last Listener Query Interval.
    pub last_listener_interval_ms: u64,
    /// Last Listener Query Count; `None`: the Robustness Variable in force.
    pub last_listener_count: Option<u8>,
    /// Startup Query Interval; `None`: a quarter of the Query Interval.
    pub startup_interval_ms: Option<u64>,
    /// Startup Query Count; `None`: the Robustness Variable.
    pub startup_count: Option<u8>,
    /// Ends at once what a Done, TO_IN or BLOCK takes back (R-SEC-15).
    pub immediate_leave: bool,
    /// Packets without Router Alert are ignored (R-SEC-2).
    pub require_router_alert: bool,
    /// Groups of the interface (R-SEC-7).
    pub max_groups: u32,
    /// Sources of one group (R-SEC-7).
    pub max_group_sources: u32,
    /// Sources of all groups together (R-SEC-7).
    pub max_sources: u32,
    /// Largest packet of the link in octets (R-WIRE-47).
    pub mtu: u16,
    /// Source-specific range: prefixes and their lengths (R-SSM-2).
    pub ssm_ranges: Vec<(Ipv6Addr, u8)>,
    /// Listening interval of RFC 3810 (matrix A-1).
    pub legacy_mali: bool,
    /// Queries to unusual destinations do nothing.
    pub strict_query_destination: bool,
    /// MLDv1 Queries do not elect.
    pub ignore_v1_querier: bool,
    /// A version 1 router reads MLDv2 Reports as MLDv1 messages.
    pub version_1_reads_version_2_reports: bool,
    /// MLDv1 messages are ignored (R-CMP-8).
    pub version_2_only: bool,
    /// No state for groups of link-local scope.
    pub ignore_link_local_groups: bool,
}

impl Default for ModelSettings {
    /// The defaults of RFC 9777 section 9, of RFC 4607 for the source-specific range, and of the configuration file.
    fn default() -> Self {
        Self {
            version: 2,
            querier_never: false,
            robustness: 2,
            query_interval_ms: 125_000,
            response_interval_ms: 10_000,
            last_listener_interval_ms: 1_000,
            last_listener_count: None,
            startup_interval_ms: None,
            startup_count: None,
            immediate_leave: false,
            require_router_alert: true,
            max_groups: 65_536,
            max_group_sources: 1_024,
            max_sources: 262_144,
            mtu: 1_500,
            ssm_ranges: (0..16)
                .map(|scope| (Ipv6Addr::new(0xff30 | scope, 0, 0, 0, 0, 0, 0, 0), 32))
                .collect(),
            legacy_mali: false,
            strict_query_destination: false,
            ignore_v1_querier: false,
            version_1_reads_version_2_reports: false,
            version_2_only: false,
            ignore_link_local_groups: false,
        }
    }
}

impl ModelSettings {
    /// The settings that decide which packets are accepted.
    pub(super) fn reading(&self) -> Rules {
        Rules {
            version: self.version,
            require_router_alert: self.require_router_alert,
            strict_query_destination: self.strict_query_destination,
            version_1_reads_version_2_reports: self.version_1_reads_version_2_reports,
            version_2_only: self.version_2_only,
        }
    }

    /// Whether the group is in the source-specific range (R-SSM-1, R-SSM-2).
    pub(super) fn is_ssm(&self, group: Ipv6Addr) -> bool {
        self.ssm_ranges.iter().any(|&(prefix, length)| {
            let differing = group.to_bits() ^ prefix.to_bits();
            length == 0 || differing >> (128 - u32::from(length)) == 0
        })
    }
}
