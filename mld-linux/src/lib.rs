//! An MLD router on the interfaces of a Linux machine: sockets, clock and kernel events around the engine of
//! [`mld_proto`].
//!
//! It hears every MLD message that arrives on an interface, also MLDv1 Reports for groups that nobody here joined and
//! for groups of the link itself, and needs CAP_NET_RAW for that and nothing else. It waits for a link-local address,
//! follows the interface up and down, and tells when it is gone.
//!
//! # On a thread of its own
//!
//! [`Interface`] manages one interface and calls whoever subscribed. This is the example `membership`:
//!
//! ```no_run
#![doc = include_str!("../examples/membership.rs")]
//! ```
//!
//! # In somebody else's loop
//!
//! [`Driver`] is the same without the thread. Any number of them fit into one loop; [`Driver::run`] is the loop for
//! one.
//!
//! ```no_run
//! use mld_linux::{Driver, Options, What};
//! use rustix::event::{PollFd, PollFlags, Timespec, poll};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut drivers = [Driver::open("eth0", &Options::default())?, Driver::open("eth1", &Options::default())?];
//! loop {
//!     for driver in &mut drivers {
//!         driver.ready(&mut |told| println!("{} {}: {:?}", told.unix_ms, told.interface, told.what))?;
//!     }
//!     let timeout = drivers.iter().filter_map(Driver::timeout).min();
//!     let timeout = timeout.map(Timespec::try_from).transpose()?;
//!     let mut ready: Vec<_> = drivers.iter().map(|driver| PollFd::new(driver, PollFlags::IN)).collect();
//!     poll(&mut ready, timeout.as_ref())?;
//! }
//! # }
//! ```
//!
//! # What it does not see
//!
//! The kernel hands a packet socket nothing of what this machine itself sends to the link: groups that its own
//! programs joined are not listed. Frames with a VLAN id belong to the VLAN's own interface.
#![deny(unsafe_code)]

mod clock;
mod driver;
mod error;
#[cfg(feature = "lab")]
#[doc(hidden)]
pub mod lab;
mod netlink;
mod notice;
mod receiver;
mod sender;
mod service;
mod stop;
#[expect(unsafe_code, reason = "system calls that no library wraps; each block says why it is sound")]
mod sys;
mod tables;

pub use mld_proto;

pub use clock::Clock;
pub use driver::{Counters, Driver, Options, Status};
pub use error::Error;
pub use notice::{Notice, Told, What};
pub use receiver::Receive;
pub use service::{Handle, Interface, InterfaceEvent, Removed, SubscriptionId};
pub use stop::Stop;
pub use tables::{BoxedTables, DEFAULT_MAX_GROUP_SOURCES, DEFAULT_MAX_GROUPS, InterfaceRouter};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
