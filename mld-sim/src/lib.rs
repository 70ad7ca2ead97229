//! Multicast Listener Discovery in virtual time: whole links with the engines of [`mld_proto`], and judges.
//!
//! - [`world`]: links with faults, routers, hosts. A seed fixes a run to the bit; no clock of this machine is read, and
//!   there is no thread.
//! - [`nodes`]: protocol stacks for hosts: the engine's own listener, an independent one, and nodes that misbehave.
//! - [`judge`]: rules that end a run where they are broken, among them agreement with the [`model`], a slow and literal
//!   transcription of the standards that shares no code with the engine.
//! - [`packet`]: MLD packets, read and written without the engine.
//! - [`scenario`]: scenarios in files, with expectations. [`hunt`]: random ones, until a rule is broken.
//! - [`record`]: traces, captures and pictures of what happened.
//! - [`replay`]: one router over a [`capture`], whose own clock is the time.
//!
//! The program `mld-sim` is [`program`].

pub mod capture;
mod error;
pub mod hunt;
pub mod judge;
pub mod model;
pub mod nodes;
pub mod packet;
pub mod program;
pub mod record;
pub mod replay;
pub mod rng;
pub mod scenario;
pub mod time;
pub mod world;

pub use error::{Error, Status};
pub use world::{Faults, Host, Link, Router, World};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
