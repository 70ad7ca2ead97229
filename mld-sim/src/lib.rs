//! The router engine of [`mld_proto`] in virtual time.
//!
//! [`replay`] runs one router over a [`capture`]: time is the capture's own clock, no clock of this machine is read,
//! and the same input gives the same output to the octet. The program `mld-sim` is [`cli`] and nothing else.

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
