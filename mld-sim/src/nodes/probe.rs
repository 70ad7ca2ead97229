//! A node that sends only what a test injects, and records all that it receives.

use core::net::Ipv6Addr;

use mld_proto::{FilterMode, Instant};

use crate::world::{Node, Outbox};

/// A stack that records packets. [`World::inject`](crate::World::inject) sends from it.
///
/// It is neither an honest host nor misbehaving: no judge applies to it. On a host with
/// [`all_multicast`](crate::Host::all_multicast) it receives every multicast packet of its link. Share it
/// with the world as an `Rc` of a `RefCell` to read what it recorded.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    heard: Vec<(Instant, Box<[u8]>)>,
}

impl Probe {
    /// A probe without packets.
    pub const fn new() -> Self {
        Self { heard: Vec::new() }
    }

    /// The IPv6 packets that came through the link-layer filter, each with its moment, in order.
    pub fn heard(&self) -> &[(Instant, Box<[u8]>)] {
        &self.heard
    }
}

impl Node for Probe {
    fn start(&mut self, _now: Instant, _link_local: Option<Ipv6Addr>, _out: &mut Outbox) {}

    fn crash(&mut self) {}

    fn listen(
        &mut self,
        _now: Instant,
        _socket: u32,
        _group: Ipv6Addr,
        _mode: FilterMode,
        _sources: &[Ipv6Addr],
        _out: &mut Outbox,
    ) -> Result<(), String> {
        Ok(())
    }

    fn packet(&mut self, now: Instant, packet: &[u8], _out: &mut Outbox) {
        self.heard.push((now, packet.into()));
    }

    fn timeout(&mut self, _now: Instant, _out: &mut Outbox) {}

    fn next_timeout(&self) -> Option<Instant> {
        None
    }

    fn is_honest(&self) -> bool {
        false
    }

    fn is_misbehaving(&self) -> bool {
        false
    }
}
