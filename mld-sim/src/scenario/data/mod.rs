//! The data of a scenario file and its form in TOML.

mod choice;
mod error;
mod expectation;
mod forms;
mod host_version;
mod parts;
mod settings;
mod step;
mod units;

pub use error::ScenarioError;
pub use expectation::{
    Claim, Discards, Events, Expectation, Forwards, Knows, KnowsNot, Losses, Queries, QueryKind, Quiet,
    Refusals, RefusedCalls, Reports, Role, RoleName, StateName, Told,
};
pub use parts::{
    ForgeryPart, HostPart, LinkPart, ListenPart, MisbehaviourKind, MisbehaviourPart, RouterPart, Scenario,
    StackKind,
};
pub use step::{
    AddressAction, ClockAction, CrashAction, FaultsAction, FaultsOffAction, JumpAction, LeaveAction,
    LinkAction, ListenAction, PartitionAction, RouterAction, Step, StepAction, UpAction,
};

pub(super) use error::Place;
pub(super) use expectation::{Counted, Demand, WHY_DOWN, WHY_STACK};
