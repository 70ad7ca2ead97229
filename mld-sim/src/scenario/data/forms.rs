//! How the world's own types are written.

use core::net::Ipv6Addr;

use mld_proto::FilterMode;
use serde::{Deserialize, Serialize};

use super::units::{self, is_default};
use crate::nodes::forger::{Forgery, Name};
use crate::world::{Behaviour, Clock, Faults, Medium};

/// How a link's medium is written.
#[derive(Deserialize, Serialize)]
#[serde(remote = "Medium", rename_all = "kebab-case")]
pub(in crate::scenario) enum MediumForm {
    Ethernet,
    PointToPoint,
}

/// How a filter mode is written.
#[derive(Deserialize, Serialize)]
#[serde(remote = "FilterMode", rename_all = "kebab-case")]
pub(in crate::scenario) enum FilterModeForm {
    Include,
    Exclude,
}

/// How a forgery is written.
#[derive(Deserialize, Serialize)]
#[serde(remote = "Forgery", rename_all = "kebab-case")]
pub(in crate::scenario) enum ForgeryForm {
    General,
    Specific,
    GeneralV1,
    SpecificV1,
    Report,
    ReportV1,
    Done,
}

/// How it is written in whose name something is forged.
#[derive(Deserialize, Serialize)]
#[serde(remote = "Name", rename_all = "kebab-case")]
pub(in crate::scenario) enum NameForm {
    Below,
    Above,
    Router,
    Host,
    Own,
}

/// How a clock is written.
#[derive(Deserialize, Serialize)]
#[serde(remote = "Clock", rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::scenario) struct ClockForm {
    #[serde(rename = "tick", default = "one", with = "units::seconds", skip_serializing_if = "is_one")]
    tick_ms: u64,
    #[serde(rename = "late", default, with = "units::seconds", skip_serializing_if = "is_default")]
    late_ms: u64,
}

/// How faults are written.
#[derive(Deserialize, Serialize)]
#[serde(remote = "Faults", rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::scenario) struct FaultsForm {
    #[serde(rename = "delay", default, with = "units::span", skip_serializing_if = "is_default")]
    delay_ms: (u64, u64),
    #[serde(rename = "loss", default, with = "units::probability", skip_serializing_if = "is_default")]
    loss_ppm: u32,
    #[serde(rename = "duplicate", default, with = "units::probability", skip_serializing_if = "is_default")]
    duplicate_ppm: u32,
    #[serde(rename = "reorder", default, with = "units::probability", skip_serializing_if = "is_default")]
    reorder_ppm: u32,
    #[serde(rename = "reorder-delay", default, with = "units::seconds", skip_serializing_if = "is_default")]
    reorder_ms: u64,
    #[serde(rename = "corrupt", default, with = "units::probability", skip_serializing_if = "is_default")]
    corrupt_ppm: u32,
}

/// How a behaviour is written.
#[derive(Deserialize, Serialize)]
#[serde(remote = "Behaviour", rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::scenario) enum BehaviourForm {
    Churn {
        #[serde(with = "units::addresses")]
        groups: Vec<Ipv6Addr>,
        #[serde(default, with = "units::addresses", skip_serializing_if = "is_default")]
        sources: Vec<Ipv6Addr>,
        #[serde(rename = "every", with = "units::span")]
        every_ms: (u64, u64),
    },
    Zapping {
        #[serde(with = "units::addresses")]
        channels: Vec<Ipv6Addr>,
        #[serde(rename = "every", with = "units::span")]
        every_ms: (u64, u64),
    },
    SilentLeave {
        #[serde(rename = "after", with = "units::seconds")]
        after_ms: u64,
    },
    Reboot {
        #[serde(with = "units::addresses")]
        groups: Vec<Ipv6Addr>,
        #[serde(rename = "up", with = "units::span")]
        up_ms: (u64, u64),
        #[serde(rename = "down", with = "units::span")]
        down_ms: (u64, u64),
    },
}

/// A list of behaviours.
pub(in crate::scenario) mod behaviours {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::BehaviourForm;
    use crate::world::Behaviour;

    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Owned(#[serde(with = "BehaviourForm")] Behaviour);

    #[derive(Serialize)]
    #[serde(transparent)]
    struct Borrowed<'b>(#[serde(serialize_with = "borrowed")] &'b Behaviour);

    fn borrowed<S: Serializer>(behaviour: &&Behaviour, serializer: S) -> Result<S::Ok, S::Error> {
        BehaviourForm::serialize(behaviour, serializer)
    }

    pub(in crate::scenario) fn serialize<S: Serializer>(
        behaviours: &[Behaviour],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        behaviours.iter().map(Borrowed).collect::<Vec<_>>().serialize(serializer)
    }

    pub(in crate::scenario) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Behaviour>, D::Error> {
        let list = Vec::<Owned>::deserialize(deserializer)?;
        Ok(list.into_iter().map(|Owned(behaviour)| behaviour).collect())
    }
}

/// Perhaps a filter mode.
pub(in crate::scenario) mod maybe_mode {
    use mld_proto::FilterMode;
    use serde::{Deserializer, Serializer};

    use super::FilterModeForm;

    pub(in crate::scenario) fn serialize<S: Serializer>(
        mode: &Option<FilterMode>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match mode {
            Some(mode) => FilterModeForm::serialize(mode, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::scenario) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<FilterMode>, D::Error> {
        FilterModeForm::deserialize(deserializer).map(Some)
    }
}

pub(in crate::scenario) const fn exact_clock() -> Clock {
    Clock::EXACT
}

pub(in crate::scenario) fn is_exact(clock: &Clock) -> bool {
    *clock == Clock::EXACT
}

pub(in crate::scenario) const fn no_faults() -> Faults {
    Faults::NONE
}

pub(in crate::scenario) fn is_faultless(faults: &Faults) -> bool {
    *faults == Faults::NONE
}

pub(in crate::scenario) const fn ethernet() -> Medium {
    Medium::Ethernet
}

pub(in crate::scenario) fn is_ethernet(medium: &Medium) -> bool {
    *medium == Medium::Ethernet
}

pub(in crate::scenario) const fn exclude() -> FilterMode {
    FilterMode::Exclude
}

const fn one() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_one(tick_ms: &u64) -> bool {
    *tick_ms == 1
}
