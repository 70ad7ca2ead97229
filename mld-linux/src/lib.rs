//! An MLD router on the interfaces of a Linux machine.
#![deny(unsafe_code)]

mod clock;
mod driver;
mod error;
pub mod lab;
mod netlink;
mod notice;
mod receiver;
mod sender;
mod stop;
#[allow(unsafe_code)]
mod sys;
mod tables;

pub use clock::Clock;
pub use driver::{Counters, Driver, Options, Status};
pub use error::Error;
pub use notice::{Notice, Told, What};
pub use receiver::Receive;
pub use stop::Stop;
pub use tables::{BoxedTables, DEFAULT_MAX_GROUP_SOURCES, DEFAULT_MAX_GROUPS, InterfaceRouter};
