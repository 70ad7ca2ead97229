//! What is done in a story.

use core::net::Ipv6Addr;

use mld_proto::FilterMode;
use serde::{Deserialize, Serialize};

use super::choice::choice;
use super::forms;
use super::units::{self, is_default};
use crate::world::{Clock, Faults};

/// Something that is done at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StepForm", into = "StepForm")]
pub struct Step {
    /// When.
    pub at_ms: u64,
    /// What.
    pub deed: Deed,
}

/// What can be done. Nodes and links go by their names; the name of several hosts means each of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// A socket of a host listens to a group in this way from now on.
    Listen(ListenDeed),
    /// A socket of a host no longer listens to a group.
    Leave(LeaveDeed),
    /// A host comes up.
    Up(UpDeed),
    /// A host or a router loses its power and all that it knew.
    Crash(CrashDeed),
    /// A router starts.
    Start(RouterDeed),
    /// MLD on a router's interface goes down in an orderly way.
    Stop(RouterDeed),
    /// It goes down in an orderly way and starts at once.
    Restart(RouterDeed),
    /// The link-local address of a router or host changes, appears or goes away.
    Address(AddressDeed),
    /// A router's clock goes like this from now on.
    Clock(ClockDeed),
    /// A router's clock jumps forward.
    Jump(JumpDeed),
    /// Some nodes of a link no longer hear the others, nor are they heard.
    Partition(PartitionDeed),
    /// The partition of a link ends.
    Heal(LinkDeed),
    /// A link does this to frames from now on.
    Faults(FaultsDeed),
    /// Every fault ends, as at the moment `calm` of the story.
    Calm(CalmDeed),
}

choice! {
    Step { at_ms, deed: Deed } as StepForm, "a step":
    listen => Listen(ListenDeed),
    leave => Leave(LeaveDeed),
    up => Up(UpDeed),
    crash => Crash(CrashDeed),
    start => Start(RouterDeed),
    stop => Stop(RouterDeed),
    restart => Restart(RouterDeed),
    address => Address(AddressDeed),
    clock => Clock(ClockDeed),
    jump => Jump(JumpDeed),
    partition => Partition(PartitionDeed),
    heal => Heal(LinkDeed),
    faults => Faults(FaultsDeed),
    calm => Calm(CalmDeed),
}

/// Of whom a socket listens to what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ListenDeed {
    /// The host.
    pub host: String,
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

/// Whose socket no longer listens to what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LeaveDeed {
    /// The host.
    pub host: String,
    /// The socket.
    #[serde(default, skip_serializing_if = "is_default")]
    pub socket: u32,
    /// The group.
    pub group: Ipv6Addr,
}

/// Which host comes up, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UpDeed {
    /// The host.
    pub host: String,
    /// Its address, if it is another one than before.
    #[serde(default, skip_serializing_if = "is_default")]
    pub address: Option<Ipv6Addr>,
    /// It has no address yet that it may send from, as long as its addresses are tentative.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tentative: bool,
}

/// Whose power fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CrashDeed {
    /// The router or host.
    pub node: String,
}

/// A router.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RouterDeed {
    /// The router.
    pub router: String,
}

/// Whose address changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AddressDeed {
    /// The router or host.
    pub node: String,
    /// The address; without one a router has none, and that of a host is tentative.
    #[serde(default, skip_serializing_if = "is_default")]
    pub address: Option<Ipv6Addr>,
}

/// Whose clock goes how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClockDeed {
    /// The router.
    pub router: String,
    /// How its clock goes.
    #[serde(with = "forms::ClockForm")]
    pub clock: Clock,
}

/// Whose clock jumps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct JumpDeed {
    /// The router.
    pub router: String,
    /// How far.
    #[serde(rename = "by", with = "units::seconds")]
    pub by_ms: u64,
}

/// Who is kept apart from the others of a link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PartitionDeed {
    /// The link; may be empty where there is only one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub link: String,
    /// The nodes on one side.
    pub apart: Vec<String>,
}

/// A link.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LinkDeed {
    /// The link; may be empty where there is only one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub link: String,
}

/// Which link does what to frames.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FaultsDeed {
    /// The link; may be empty where there is only one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub link: String,
    /// What it does to frames.
    #[serde(with = "forms::FaultsForm")]
    pub now: Faults,
}

/// The whole world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalmDeed {}
