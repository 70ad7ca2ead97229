//! Expectations of a scenario: the checks that they can be met or not, and the evidence.

mod check;
mod claims;
mod log;
mod words;

pub(super) use check::Evidence;
pub(super) use log::Log;
