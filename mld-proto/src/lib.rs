//! Multicast Listener Discovery as a pure engine, the router's side and the host's: MLDv1 (RFC 2710) and MLDv2
//! (RFC 9777).
//!
//! With MLD an IPv6 router learns which multicast groups have listeners on a link. This crate holds the protocol and
//! nothing else: it has no socket, no clock, no thread, no allocator, no logger and no `unsafe` code. It runs on a
//! microcontroller with 8 groups and on a server with a million.
//!
//! # The model
//!
//! A [`Router`] serves one link. It keeps a record for each multicast address with listeners: a filter timer, which
//! runs in exclude mode, the sources with a timer each, and the Queries still to be sent. Filter mode and forwarding
//! follow from those deadlines and are not stored beside them. The memory is the caller's: [`Tables`](router::Tables)
//! of arrays, slices or boxed slices, whose lengths are the limits.
//!
//! # The calls
//!
//! - Inputs: [`handle_packet`](Router::handle_packet) and its siblings,
//!   [`handle_timeout`](Router::handle_timeout), [`start`](Router::start), [`stop`](Router::stop),
//!   [`set_address`](Router::set_address), [`reconfigure`](Router::reconfigure). Each takes the present time.
//! - Outputs: [`poll_transmit`](Router::poll_transmit) writes the next packet into the caller's buffer,
//!   [`poll_event`](Router::poll_event) returns the next change, [`poll_timeout`](Router::poll_timeout) the time of the
//!   next call.
//! - State: [`group`](Router::group), [`groups`](Router::groups), [`forwards`](Router::forwards),
//!   [`querier`](Router::querier), [`stats`](Router::stats).
//!
//! After each input, poll transmissions and events until there are none, then wait for a packet or for
//! `poll_timeout`. Breaking this contract does little harm: outputs are level-triggered, that is, derived from the
//! present state when they are polled. A skipped poll delays outputs and loses none, ten changes between two polls
//! are one event, and no queue can overflow. A call with too much work to do leaves the rest to the next one, and
//! `poll_timeout` is due at once. No call panics, whatever the packet.
//!
//! `handle_packet` returns the facts about one packet: the reports in it, and the state that was refused to it.
//!
//! # The loop
//!
//! ```
//! # use mld_proto::{Config, Event, Instant, Router};
//! # struct Link { left: u32 }
//! # impl Link {
//! #     fn send(&mut self, _packet: &[u8]) {}
//! #     fn address(&self) -> core::net::Ipv6Addr { "fe80::1".parse().unwrap() }
//! #     fn now(&self) -> Instant { Instant::from_millis(u64::from(100 - self.left) * 1000) }
//! #     fn receive_until(&mut self, _deadline: Option<Instant>) -> Option<Vec<u8>> { self.left -= 1; None }
//! #     fn is_open(&self) -> bool { self.left > 0 }
//! # }
//! # let mut link = Link { left: 100 };
//! let mut router = Router::new(Config::DEFAULT, mld_proto::inline_tables!(groups: 8, sources: 32), 0x5eed);
//! let mut buffer = [0; 1500];
//! router.start(link.now(), Some(link.address()));
//! while link.is_open() {
//!     while let Some(transmit) = router.poll_transmit(link.now(), &mut buffer)? {
//!         link.send(&buffer[..transmit.len]);
//!     }
//!     while let Some(event) = router.poll_event() {
//!         if let Event::Membership(group) = event {
//!             match router.group(group) {
//!                 Some(group) => println!("{} {:?}", group.address(), group.filter_mode()),
//!                 None => println!("{group} has no listeners"),
//!             }
//!         }
//!     }
//!     match link.receive_until(router.poll_timeout()) {
//!         // An error is a packet that was ignored and counted, not a failure.
//!         Some(packet) => drop(router.handle_packet(link.now(), &packet)),
//!         None => router.handle_timeout(link.now()),
//!     }
//! }
//! assert_eq!(router.stats().sent.general, 2);
//! # Ok::<(), mld_proto::BufferTooSmall>(())
//! ```
//!
//! On a link that is never quiet call `handle_timeout` every few packets too; it is cheap when nothing is due. To have
//! each event at the exact moment of its deadline, step from deadline to deadline:
//! `while let Some(due) = router.poll_timeout().filter(|due| *due <= now) { router.handle_timeout(due); … }`.
//!
//! # The host's side
//!
//! A [`Listener`] is the host's part: it merges the filters of the sockets, reports changes and answers Queries. It
//! has the same calls and tables of its own, and needs no router beside it; a node that is both runs both.
//!
//! ```
//! use core::net::Ipv6Addr;
//! use mld_proto::listener::{self, Socket};
//! use mld_proto::{FilterMode, Instant, Listener, inline_listener_tables};
//!
//! let tables = inline_listener_tables!(groups: 8, sources: 32);
//! let mut listener = Listener::new(listener::Config::DEFAULT, tables, 0x5eed);
//! let (mut now, mut buffer, mut reports) = (Instant::ZERO, [0; 1500], 0);
//! let (group, source): (Ipv6Addr, Ipv6Addr) = ("ff3e::8000:1".parse()?, "2001:db8::1".parse()?);
//! listener.start(now, Some("fe80::a".parse()?));
//! listener.listen(now, Socket(1), group, FilterMode::Include, &[source])?;
//! loop {
//!     while let Some(_transmit) = listener.poll_transmit(now, &mut buffer)? {
//!         reports += 1;
//!     }
//!     // Until there is nothing to wait for but packets.
//!     let Some(next) = listener.poll_timeout() else { break };
//!     now = next;
//!     listener.handle_timeout(now);
//! }
//! assert_eq!(reports, 2);
//! assert!(listener.delivers(Socket(1), group, source));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Requirements
//!
//! Identifiers such as R-REC-2 beside code and tests name rows of `COMPLIANCE.md`, which lists for each requirement of
//! the standards the code and the test.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod addr;
mod checks;
mod clock;
mod config;
mod discard;
mod event;
pub mod inspect;
mod io;
pub mod listener;
pub mod router;
mod ssm;
mod stats;
mod store;
mod time;
pub mod wire;

#[cfg(feature = "serde")]
pub mod document;
#[cfg(feature = "serde")]
pub mod settings;

pub use addr::{ALL_MLDV2_ROUTERS, ALL_NODES, ALL_ROUTERS, GroupAddr, NotManaged, OTHER_ADDRESSES};
pub use config::{Config, ConfigError};
pub use discard::Discard;
pub use event::{Event, FilterMode, Querier};
pub use io::{BufferTooSmall, MessageMeta, Transmit};
pub use listener::Listener;
pub use router::Router;
pub use ssm::{Prefix, PrefixError, SSM_PREFIXES_MAX, SsmRange};
pub use stats::MessageCounts;
pub use store::{IndexSlot, TablesError};
pub use time::Instant;
pub use wire::Version;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
