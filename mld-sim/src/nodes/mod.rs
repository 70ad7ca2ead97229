//! Protocol stacks of hosts.
//!
//! A [`Node`](crate::world::Node) answers on a host's interface: the project's own listener, an independent host whose
//! packets are built by hand, a [probe](probe::Probe), or a node that misbehaves. A test of another protocol stack
//! implements the trait for it.
//!
//! A router of another stack, tried with the hosts of this project:
//!
//! ```
//! use core::cell::RefCell;
//! use core::net::Ipv6Addr;
//! use core::time::Duration;
//! use std::rc::Rc;
//!
//! use mld_proto::{FilterMode, Instant};
//! use mld_sim::nodes::listener::ListenerHost;
//! use mld_sim::packet::write;
//! use mld_sim::world::{Outbox, Node};
//! use mld_sim::{Host, Link, World};
//!
//! /// Sends a Query when it starts, and records the senders of Reports.
//! #[derive(Default)]
//! struct OtherRouter {
//!     reporters: Vec<Ipv6Addr>,
//! }
//!
//! impl Node for OtherRouter {
//!     fn start(&mut self, _: Instant, link_local: Option<Ipv6Addr>, out: &mut Outbox) {
//!         let query = write::Query::new(Ipv6Addr::UNSPECIFIED).octets();
//!         out.send(&write::Packet::usual(link_local.expect("it has an address"), query).octets());
//!     }
//!     fn packet(&mut self, _: Instant, packet: &[u8], _: &mut Outbox) {
//!         // The message stands behind the IPv6 header and the Router Alert.
//!         if let (Some(&write::REPORT_V2), Some(source)) = (packet.get(48), packet[8..].first_chunk::<16>()) {
//!             self.reporters.push((*source).into());
//!         }
//!     }
//!     // No judge of hosts checks it, and it continues when the faults of the world end.
//!     fn is_honest(&self) -> bool {
//!         false
//!     }
//!     fn is_misbehaving(&self) -> bool {
//!         false
//!     }
//!     # fn crash(&mut self) {}
//!     # fn listen(
//!     #     &mut self, _: Instant, _: u32, _: Ipv6Addr, _: FilterMode, _: &[Ipv6Addr], _: &mut Outbox,
//!     # ) -> Result<(), String> {
//!     #     Ok(())
//!     # }
//!     # fn timeout(&mut self, _: Instant, _: &mut Outbox) {}
//!     # fn next_timeout(&self) -> Option<Instant> {
//!     #     None
//!     # }
//!     // ... and crash, listen, timeout, next_timeout
//! }
//!
//! let mut world = World::new(7);
//! let lan = world.link(Link::ethernet());
//! let router = Rc::new(RefCell::new(OtherRouter::default()));
//! let node = Host::new("other", "fe80::1".parse()?, Rc::clone(&router)).all_multicast().off();
//! let node = world.host(lan, node);
//! let tv = world.host(lan, Host::new("tv", "fe80::a".parse()?, ListenerHost::new()));
//! world.listen(tv, 0, "ff05::1".parse()?, FilterMode::Exclude, &[])?;
//! world.run_for(Duration::from_secs(10))?;
//!
//! router.borrow_mut().reporters.clear();
//! world.start(node)?;
//! world.run_for(Duration::from_secs(10))?;
//! assert_eq!(router.borrow().reporters, ["fe80::a".parse::<Ipv6Addr>()?]);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

pub mod flood;
pub mod forger;
pub mod listener;
pub mod malformed;
pub mod misbehaviour;
pub mod probe;
pub mod raw;
pub mod switch;
