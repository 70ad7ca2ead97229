//! Multicast Listener Discovery in virtual time: whole links with the engines of [`mld_proto`], and judges.
//!
//! - [`world`]: links with faults, routers, hosts. A seed fixes a run to the bit; no clock of this machine is read, and
//!   there is no thread.
//! - [`station`]: what a host is made of; the engine's own listener, an independent one, mischief, or a host or router of
//!   yours.
//! - [`judge`]: rules that end a run where they are broken, among them agreement with the [`model`], a slow and literal
//!   transcription of the standards that shares no code with the engine.
//! - [`story`]: scenarios in files, with expectations. [`hunt`]: random ones, until a rule is broken.
//! - [`record`]: traces, captures and pictures of what happened.
//! - [`replay`]: one router over a [`capture`], whose own clock is the time.
//!
//! The program `mld-sim` is [`cli`] and nothing else.

pub mod capture;
pub mod cli;
pub mod configuration;
mod error;
pub mod hunt;
pub mod judge;
pub mod link;
pub mod model;
pub mod record;
pub mod replay;
pub mod rng;
pub mod seconds;
pub mod station;
pub mod story;
pub mod transmit;
pub mod world;

pub use error::{Error, Status};
pub use world::{Faults, Host, Link, Router, World};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
