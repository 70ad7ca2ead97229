//! The judges can fail: each rule is seen to be broken by a stack or a router that breaks it, or by happenings that
//! were falsified on their way to the judges. The engine is as it is.
//!
//! One rule cannot be broken from outside. `stale-state` follows from the same calls as the model's state, which `agreement`
//! compares with the engine's first: it would have to be a mistake that engine and model share.

mod falsified;
mod host_reports;
mod hosts;
mod settling;
mod support;
