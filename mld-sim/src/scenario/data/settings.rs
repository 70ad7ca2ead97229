//! How the keys of a configuration are written.

use core::time::Duration;

use mld_proto::SsmRange;
use mld_proto::router::QuerierMode;
use mld_proto::settings::Settings;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serializer};

use super::units::Seconds;

/// Writes the keys that are set, with the names of the configuration file.
pub(in crate::scenario) fn serialize<S: Serializer>(
    settings: &Settings,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    macro_rules! write {
        ($($key:literal: $value:expr;)*) => {
            $(if let Some(value) = $value {
                map.serialize_entry($key, &value)?;
            })*
        };
    }
    write! {
        "version": settings.version.map(|version| version.number());
        "querier": settings.querier.map(querier);
        "robustness-variable": settings.robustness_variable;
        "query-interval": settings.query_interval.map(seconds);
        "query-max-response-time": settings.query_max_response_time.map(seconds);
        "last-member-query-interval": settings.last_member_query_interval.map(seconds);
        "last-member-query-count": settings.last_member_query_count;
        "startup-query-interval": settings.startup_query_interval.map(seconds);
        "startup-query-count": settings.startup_query_count;
        "immediate-leave": settings.immediate_leave;
        "require-router-alert": settings.require_router_alert;
        "max-groups": settings.max_groups;
        "max-group-sources": settings.max_group_sources;
        "max-sources": settings.max_sources;
        "mtu": settings.mtu;
        "ssm-range": settings.ssm_range.as_ref().map(prefixes);
        "legacy-mali": settings.legacy_mali;
        "strict-query-destination": settings.strict_query_destination;
        "ignore-v1-querier": settings.ignore_v1_querier;
        "version-1-reads-version-2-reports": settings.version_1_reads_version_2_reports;
        "version-2-only": settings.version_2_only;
        "ignore-link-local-groups": settings.ignore_link_local_groups;
    }
    map.end()
}

/// Reads the keys of a configuration file.
pub(in crate::scenario) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Settings, D::Error> {
    Settings::deserialize(deserializer)
}

const fn querier(mode: QuerierMode) -> &'static str {
    match mode {
        QuerierMode::Auto => "auto",
        QuerierMode::Never => "never",
    }
}

const fn seconds(duration: Duration) -> Seconds {
    Seconds(duration.as_millis() as u64)
}

fn prefixes(range: &SsmRange) -> Vec<String> {
    range.prefixes().iter().map(ToString::to_string).collect()
}
