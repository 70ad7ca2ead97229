//! Scenarios: what is on the links, what happens there, and what should come of it.
//!
//! A [`Scenario`] is the data of a scenario file in TOML, and as well what random runs are made of. Read from a file,
//! written to one and read again it is the same. [`Scenario::stage`] builds the [`World`](crate::World) of it.
//!
//! ```
//! use mld_sim::scenario::Scenario;
//!
//! let scenario = Scenario::parse(
//!     r#"
//!     title = "A host joins"
//!     duration = 100
//!
//!     [[router]]
//!     name = "r1"
//!     address = "fe80::1"
//!     config = { query-interval = 60 }
//!
//!     [[host]]
//!     name = "h1"
//!     address = "fe80::a"
//!
//!     [[step]]
//!     at = 10
//!     listen = { host = "h1", group = "ff05::1", mode = "exclude", sources = ["2001:db8::1"] }
//!
//!     [[expect]]
//!     at = 10
//!     knows = { router = "r1", group = "ff05::1", filter-mode = "exclude", sources = ["2001:db8::1"] }
//!
//!     [[expect]]
//!     at = 100
//!     queries = { from = "r1", times = [0, 15, 75] }
//!     "#,
//! )?;
//! let mut staged = scenario.stage()?;
//! staged.run()?;
//! assert!(staged.verdicts().iter().all(|verdict| verdict.unmet.is_none()));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! Times are seconds, probabilities numbers from 0 to 1. `[[link]]`, `[[router]]`, `[[host]]` and `[[misbehaviour]]` say
//! what there is, `[[step]]` what is done (one [`StepAction`] each), `[[expect]]` what should be so (one [`Claim`] each).

mod data;
mod expect;
mod file;
mod run;
mod stage;

pub use data::{
    AddressAction, Claim, ClockAction, CrashAction, Discards, Events, Expectation, FaultsAction,
    FaultsOffAction, ForgeryPart, Forwards, HostPart, JumpAction, Knows, KnowsNot, LeaveAction, LinkAction,
    LinkPart, ListenAction, ListenPart, Losses, MisbehaviourKind, MisbehaviourPart, PartitionAction, Queries,
    QueryKind, Quiet, Refusals, RefusedCalls, Reports, Role, RoleName, RouterAction, RouterPart, Scenario,
    ScenarioError, StackKind, StateName, Step, StepAction, Told, UpAction,
};
pub use run::{Staged, Verdict};
