//! Parts of a scenario file: links, routers, hosts and nodes that misbehave.

use core::net::Ipv6Addr;

use mld_proto::FilterMode;
use mld_proto::settings::Settings;
use serde::{Deserialize, Serialize};

use super::expectation::Expectation;
use super::step::Step;
use super::units::{self, is_default};
use super::{forms, settings};
use crate::nodes::forger::{Forgery, Name};
use crate::world::{Behaviour, Clock, Faults, HostVersion, Medium};

/// What a scenario file says. Durations are whole milliseconds, decimal seconds in the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// What it is called, in one line.
    #[serde(default, skip_serializing_if = "is_default")]
    pub title: String,
    /// What it shows, for a person.
    #[serde(default, skip_serializing_if = "is_default")]
    pub about: String,
    /// Fixes everything random.
    #[serde(default, with = "units::seed", skip_serializing_if = "is_default")]
    pub seed: u64,
    /// How long it lasts.
    #[serde(rename = "duration", with = "units::seconds")]
    pub duration_ms: u64,
    /// When all faults end. The scenario then goes on behind its end until the routers must know what the hosts want.
    #[serde(
        rename = "faults-off",
        alias = "calm",
        default,
        with = "units::maybe_seconds",
        skip_serializing_if = "is_default"
    )]
    pub faults_off_ms: Option<u64>,
    /// The links; without any there is one Ethernet called `lan`.
    #[serde(rename = "link", default, skip_serializing_if = "is_default")]
    pub links: Vec<LinkPart>,
    /// The routers.
    #[serde(rename = "router", default, skip_serializing_if = "is_default")]
    pub routers: Vec<RouterPart>,
    /// The hosts.
    #[serde(rename = "host", default, skip_serializing_if = "is_default")]
    pub hosts: Vec<HostPart>,
    /// The nodes that misbehave.
    #[serde(alias = "mischief", default, skip_serializing_if = "is_default")]
    pub misbehaviour: Vec<MisbehaviourPart>,
    /// What is done, in order.
    #[serde(rename = "step", default, skip_serializing_if = "is_default")]
    pub steps: Vec<Step>,
    /// What should come of it.
    #[serde(rename = "expect", default, skip_serializing_if = "is_default")]
    pub expectations: Vec<Expectation>,
}

/// A link of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LinkPart {
    /// What it is called.
    pub name: String,
    /// How it carries frames: `ethernet` or `point-to-point`.
    #[serde(
        default = "forms::ethernet",
        with = "forms::MediumForm",
        skip_serializing_if = "forms::is_ethernet"
    )]
    pub medium: Medium,
    /// Its switch snoops: Reports and Done go to routers only.
    #[serde(default, skip_serializing_if = "is_default")]
    pub snooping: bool,
    /// What it does to frames.
    #[serde(
        default = "forms::no_faults",
        with = "forms::FaultsForm",
        skip_serializing_if = "forms::is_faultless"
    )]
    pub faults: Faults,
}

/// A router of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RouterPart {
    /// What it is called.
    pub name: String,
    /// The link that it is on; may be empty where there is only one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub link: String,
    /// Its link-local address; without one it listens and does not query.
    #[serde(default, skip_serializing_if = "is_default")]
    pub address: Option<Ipv6Addr>,
    /// When it starts, if not at once.
    #[serde(rename = "start", default, with = "units::maybe_seconds", skip_serializing_if = "is_default")]
    pub start_ms: Option<u64>,
    /// It does not start by itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub off: bool,
    /// How its clock goes.
    #[serde(
        default = "forms::exact_clock",
        with = "forms::ClockForm",
        skip_serializing_if = "forms::is_exact"
    )]
    pub clock: Clock,
    /// How it is configured: the keys of the configuration file.
    #[serde(rename = "config", default, with = "settings", skip_serializing_if = "is_default")]
    pub settings: Settings,
}

/// A host of a scenario, or many alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HostPart {
    /// What it is called. Of several the first is called so with `-1` behind it; the name alone means all of them.
    pub name: String,
    /// The link that it is on; may be empty where there is only one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub link: String,
    /// Its link-local address; of several that of the first, the others follow.
    pub address: Ipv6Addr,
    /// How many such hosts there are.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub count: u32,
    /// Which protocol stack it has.
    #[serde(alias = "station", default, skip_serializing_if = "is_default")]
    pub stack: StackKind,
    /// What it speaks.
    #[serde(default, skip_serializing_if = "is_default")]
    pub version: HostVersion,
    /// How often it says each change, until a Query says otherwise; usually twice.
    #[serde(default, skip_serializing_if = "is_default")]
    pub robustness: Option<u8>,
    /// Unsolicited Report Interval; usually that of the version.
    #[serde(
        rename = "unsolicited-report-interval",
        default,
        with = "units::maybe_seconds",
        skip_serializing_if = "is_default"
    )]
    pub unsolicited_report_interval_ms: Option<u64>,
    /// Octets of its largest packet; usually 1500.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mtu: Option<u16>,
    /// It says Done also when another host answered last.
    #[serde(default, skip_serializing_if = "is_default")]
    pub always_done: bool,
    /// How long its address is tentative after it came up.
    #[serde(rename = "tentative", default, with = "units::seconds", skip_serializing_if = "is_default")]
    pub tentative_ms: u64,
    /// When it comes up, if not at once.
    #[serde(rename = "start", default, with = "units::maybe_seconds", skip_serializing_if = "is_default")]
    pub start_ms: Option<u64>,
    /// What its sockets listen to as soon as it comes up.
    #[serde(default, skip_serializing_if = "is_default")]
    pub listens: Vec<ListenPart>,
    /// What its applications do by themselves.
    #[serde(default, with = "forms::behaviours", skip_serializing_if = "is_default")]
    pub behaviours: Vec<Behaviour>,
}

/// Which protocol stack a host has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StackKind {
    /// [`mld_proto::Listener`].
    #[default]
    Listener,
    /// The independent host whose packets are built by hand.
    Raw,
}

/// What a socket of a host listens to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ListenPart {
    /// The socket.
    #[serde(default, skip_serializing_if = "is_default")]
    pub socket: u32,
    /// The group.
    pub group: Ipv6Addr,
    /// All but the sources, or only them.
    #[serde(default = "forms::exclude", with = "forms::FilterModeForm")]
    pub mode: FilterMode,
    /// The sources.
    #[serde(default, with = "units::addresses", skip_serializing_if = "is_default")]
    pub sources: Vec<Ipv6Addr>,
}

/// A node that misbehaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MisbehaviourPart {
    /// What it is called.
    pub name: String,
    /// The link that it is on; may be empty where there is only one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub link: String,
    /// Its link-local address.
    pub address: Ipv6Addr,
    /// What it does.
    pub kind: MisbehaviourKind,
    /// The groups that it talks about. The hosts and routers that it names are those of its link.
    #[serde(default, with = "units::addresses", skip_serializing_if = "is_default")]
    pub groups: Vec<Ipv6Addr>,
    /// The sources that it talks about.
    #[serde(default, with = "units::addresses", skip_serializing_if = "is_default")]
    pub sources: Vec<Ipv6Addr>,
    /// Shortest and longest pause between two of its turns; usually that of the kind.
    #[serde(rename = "every", default, with = "units::maybe_span", skip_serializing_if = "is_default")]
    pub every_ms: Option<(u64, u64)>,
    /// How many turns it takes in all; usually as many as the kind.
    #[serde(default, skip_serializing_if = "is_default")]
    pub turns: Option<u64>,
    /// A forger's forgeries; usually all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub forgeries: Vec<ForgeryPart>,
    /// What a switch speaks.
    #[serde(default, skip_serializing_if = "is_default")]
    pub version: HostVersion,
    /// When it begins.
    #[serde(rename = "start", default, with = "units::seconds", skip_serializing_if = "is_default")]
    pub start_ms: u64,
    /// When it ends, if before the scenario.
    #[serde(rename = "until", default, with = "units::maybe_seconds", skip_serializing_if = "is_default")]
    pub until_ms: Option<u64>,
}

/// A kind of misbehaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MisbehaviourKind {
    /// Sends Reports about anything without end.
    #[serde(rename = "babbler")]
    Flood,
    /// Sends packets that are wrong in one way each.
    Malformed,
    /// Sends Queries and Reports in the name of others.
    Forger,
    /// A snooping switch that queries from `::` (RFC 4541).
    Switch,
}

/// What a forger forges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ForgeryPart {
    /// Which message.
    #[serde(with = "forms::ForgeryForm")]
    pub message: Forgery,
    /// In whose name.
    #[serde(with = "forms::NameForm")]
    pub name: Name,
}

impl LinkPart {
    /// An Ethernet that delivers everything at once.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), medium: Medium::Ethernet, snooping: false, faults: Faults::NONE }
    }
}

impl RouterPart {
    /// A router with all defaults on the only link.
    pub fn new(name: impl Into<String>, address: Ipv6Addr) -> Self {
        Self {
            name: name.into(),
            link: String::new(),
            address: Some(address),
            start_ms: None,
            off: false,
            clock: Clock::EXACT,
            settings: Settings::default(),
        }
    }
}

impl HostPart {
    /// A host with all defaults on the only link.
    pub fn new(name: impl Into<String>, address: Ipv6Addr) -> Self {
        Self {
            name: name.into(),
            link: String::new(),
            address,
            count: 1,
            stack: StackKind::default(),
            version: HostVersion::default(),
            robustness: None,
            unsolicited_report_interval_ms: None,
            mtu: None,
            always_done: false,
            tentative_ms: 0,
            start_ms: None,
            listens: Vec::new(),
            behaviours: Vec::new(),
        }
    }
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_one(count: &u32) -> bool {
    *count == 1
}
