//! What is done in a scenario.

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
    pub action: StepAction,
}

/// What can be done. Nodes and links go by their names; the name of several hosts means each of them.
#[derive(Clone, Debug, PartialEq)]
pub enum StepAction {
    /// A socket of a host listens to a group in this way from now on.
    Listen(ListenAction),
    /// A socket of a host no longer listens to a group.
    Leave(LeaveAction),
    /// A host comes up.
    Up(UpAction),
    /// A host or a router loses its power and all that it knew.
    Crash(CrashAction),
    /// A router starts.
    Start(RouterAction),
    /// MLD on a router's interface goes down in an orderly way.
    Stop(RouterAction),
    /// It goes down in an orderly way and starts at once.
    Restart(RouterAction),
    /// The link-local address of a router or host changes, appears or goes away.
    Address(AddressAction),
    /// A router's clock goes like this from now on.
    Clock(ClockAction),
    /// A router's clock jumps forward.
    Jump(JumpAction),
    /// Some nodes of a link no longer hear the others, nor are they heard.
    Partition(PartitionAction),
    /// The partition of a link ends.
    Heal(LinkAction),
    /// A link does this to frames from now on.
    Faults(FaultsAction),
    /// Every fault ends, as at the moment `faults-off` of the scenario.
    FaultsOff(FaultsOffAction),
}

choice! {
    Step { at_ms, action: StepAction } as StepForm, "a step":
    listen => Listen(ListenAction),
    leave => Leave(LeaveAction),
    up => Up(UpAction),
    crash => Crash(CrashAction),
    start => Start(RouterAction),
    stop => Stop(RouterAction),
    restart => Restart(RouterAction),
    address => Address(AddressAction),
    clock => Clock(ClockAction),
    jump => Jump(JumpAction),
    partition => Partition(PartitionAction),
    heal => Heal(LinkAction),
    faults => Faults(FaultsAction),
    #[serde(alias = "calm")]
    faults_off => FaultsOff(FaultsOffAction),
}

/// Of whom a socket listens to what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ListenAction {
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
pub struct LeaveAction {
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
pub struct UpAction {
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
pub struct CrashAction {
    /// The router or host.
    pub node: String,
}

/// A router.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RouterAction {
    /// The router.
    pub router: String,
}

/// Whose address changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AddressAction {
    /// The router or host.
    pub node: String,
    /// The address; without one a router has none, and that of a host is tentative.
    #[serde(default, skip_serializing_if = "is_default")]
    pub address: Option<Ipv6Addr>,
}

/// Whose clock goes how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClockAction {
    /// The router.
    pub router: String,
    /// How its clock goes.
    #[serde(with = "forms::ClockForm")]
    pub clock: Clock,
}

/// Whose clock jumps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct JumpAction {
    /// The router.
    pub router: String,
    /// How far.
    #[serde(rename = "by", with = "units::seconds")]
    pub by_ms: u64,
}

/// Who is kept apart from the others of a link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PartitionAction {
    /// The link; may be empty where there is only one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub link: String,
    /// The nodes on one side.
    pub apart: Vec<String>,
}

/// A link.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LinkAction {
    /// The link; may be empty where there is only one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub link: String,
}

/// Which link does what to frames.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FaultsAction {
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
pub struct FaultsOffAction {}
