//! Stories: what is on the links, what happens there, and what should come of it.
//!
//! A [`Story`] is the data of a scenario file in TOML, and as well what random runs are made of. Read from a file,
//! written to one and read again it is the same. [`Story::stage`] builds the [`World`](crate::World) of it.
//!
//! ```
//! use mld_sim::scenario::Story;
//!
//! let story = Story::parse(
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
//! let mut staged = story.stage()?;
//! staged.run()?;
//! assert!(staged.verdicts().iter().all(|verdict| verdict.unmet.is_none()));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! Times are seconds, probabilities numbers from 0 to 1. `[[link]]`, `[[router]]`, `[[host]]` and `[[mischief]]` say
//! what there is, `[[step]]` what is done (one [`Deed`] each), `[[expect]]` what should be so (one [`Claim`] each).

mod data;
mod expect;
mod file;
mod run;
mod stage;

pub use data::{
    AddressDeed, CalmDeed, Claim, ClockDeed, CrashDeed, Deed, Discards, Events, Expectation, FaultsDeed,
    ForgeryPart, Forwards, HostPart, JumpDeed, Knows, KnowsNot, LeaveDeed, LinkDeed, LinkPart, ListenDeed,
    ListenPart, Losses, MischiefKind, MischiefPart, PartitionDeed, Queries, QueryKind, Quiet, Refusals,
    RefusedCalls, Reports, Role, RoleName, RouterDeed, RouterPart, StateName, StationKind, Step, Story,
    StoryError, Told, UpDeed,
};
pub use run::{Staged, Verdict};
