//! The hunt for a world that breaks a rule.
//!
//! Each seed is a [scenario](scenario()); it runs with all [judges](crate::judge), then the faults end, and once the timers
//! allow it everything must be settled. A scenario that breaks a rule is [shrunk](shrink()) to one that a person can read.

mod draw;
mod panics;
mod run;
mod shrink;

pub use draw::{fault_kinds, scenario};
pub use run::{Tally, Verdict, judge, judge_with};
pub use shrink::{shrink, shrink_with};

pub(crate) use panics::{caught, hush};
pub(crate) use run::{run, stage};
