//! How a world is at a moment.

use core::net::Ipv6Addr;
use mld_proto::inspect::Inspect;
use std::collections::BTreeMap;

use super::link::LinkState;
use super::node::HostSettings;
use super::observer::{LinkId, NodeId};
use super::{Clock, Engine, Faults, Kind, Medium, NodeState, Wants};

/// Read access to everything in a world.
///
/// A method that is given the number of a node or link that the world does not have panics.
#[derive(Clone, Copy)]
pub struct Scene<'w> {
    pub(super) nodes: &'w [NodeState],
    pub(super) links: &'w [LinkState],
}

impl<'w> Scene<'w> {
    /// Every node, in order of addition.
    pub fn nodes(self) -> impl Iterator<Item = NodeId> + use<'w> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// Every router of the world.
    pub fn routers(self) -> impl Iterator<Item = NodeId> + use<'w> {
        self.nodes().filter(move |id| self.is_router(*id))
    }

    /// Every host of the world.
    pub fn hosts(self) -> impl Iterator<Item = NodeId> + use<'w> {
        self.nodes().filter(move |id| !self.is_router(*id))
    }

    /// Every link of the world.
    pub fn links(self) -> impl Iterator<Item = LinkId> + use<'w> {
        (0..self.links.len() as u32).map(LinkId)
    }

    /// The name of a node.
    pub fn name(self, node: NodeId) -> &'w str {
        &self.nodes[node.0 as usize].name
    }

    /// The name of a link.
    pub fn link_name(self, link: LinkId) -> &'w str {
        &self.links[link.0 as usize].name
    }

    /// How a link carries frames.
    pub fn medium(self, link: LinkId) -> Medium {
        self.links[link.0 as usize].medium
    }

    /// The present faults of a link.
    pub fn faults(self, link: LinkId) -> Faults {
        self.links[link.0 as usize].faults
    }

    /// The link that a node is on.
    pub fn link_of(self, node: NodeId) -> LinkId {
        match &self.nodes[node.0 as usize].kind {
            Kind::Router(router) => router.link,
            Kind::Host(host) => host.link,
        }
    }

    /// True if a node is a router.
    pub fn is_router(self, node: NodeId) -> bool {
        matches!(self.nodes[node.0 as usize].kind, Kind::Router(_))
    }

    /// True if a router has power, or a host is up.
    pub fn is_up(self, node: NodeId) -> bool {
        match &self.nodes[node.0 as usize].kind {
            Kind::Router(router) => router.has_power,
            Kind::Host(host) => host.is_up,
        }
    }

    /// The link-local address of a node's interface.
    pub fn link_local(self, node: NodeId) -> Option<Ipv6Addr> {
        match &self.nodes[node.0 as usize].kind {
            Kind::Router(router) => router.link_local,
            Kind::Host(host) => Some(host.link_local),
        }
    }

    /// The engine of a router; nothing of a host.
    pub fn engine(self, node: NodeId) -> Option<&'w Engine> {
        match &self.nodes[node.0 as usize].kind {
            Kind::Router(router) => Some(&router.engine),
            Kind::Host(_) => None,
        }
    }

    /// How a router's clock goes; nothing of a host.
    pub fn clock(self, node: NodeId) -> Option<Clock> {
        match &self.nodes[node.0 as usize].kind {
            Kind::Router(router) => Some(router.clock.clock),
            Kind::Host(_) => None,
        }
    }

    /// True for an honest host that is up with an address that is no longer tentative.
    pub fn is_heard(self, node: NodeId) -> bool {
        match &self.nodes[node.0 as usize].kind {
            Kind::Router(_) => false,
            Kind::Host(host) => host.is_up && host.has_address && host.stack.is_honest(),
        }
    }

    /// True if a host speaks MLDv1 at present.
    pub fn speaks_version_1(self, node: NodeId) -> bool {
        matches!(&self.nodes[node.0 as usize].kind, Kind::Host(host) if host.stack.speaks_version_1())
    }

    /// Checks that the structures of a node are consistent.
    ///
    /// # Errors
    ///
    /// The fault, for a person.
    pub fn check(self, node: NodeId) -> Result<(), String> {
        match &self.nodes[node.0 as usize].kind {
            Kind::Router(router) => router.engine.check().map_err(String::from),
            Kind::Host(host) => host.stack.check(),
        }
    }

    /// The settings of a host; `None` for a router.
    pub fn settings(self, node: NodeId) -> Option<HostSettings> {
        match &self.nodes[node.0 as usize].kind {
            Kind::Router(_) => None,
            Kind::Host(host) => Some(host.stack.settings()),
        }
    }

    /// True if a node is an honest host.
    pub fn is_honest_host(self, node: NodeId) -> bool {
        matches!(&self.nodes[node.0 as usize].kind, Kind::Host(host) if host.stack.is_honest())
    }

    /// The interest of an honest host's sockets, by group; `None` for a router, empty for a node that misbehaves.
    pub fn wants(self, node: NodeId) -> Option<&'w BTreeMap<Ipv6Addr, Wants>> {
        match &self.nodes[node.0 as usize].kind {
            Kind::Router(_) => None,
            Kind::Host(host) if host.stack.is_honest() => Some(host.wants()),
            Kind::Host(_) => Some(const { &BTreeMap::new() }),
        }
    }

    /// The requests of an honest host's sockets, by group and socket.
    pub fn sockets(self, node: NodeId) -> Option<&'w BTreeMap<(Ipv6Addr, u32), Wants>> {
        match &self.nodes[node.0 as usize].kind {
            Kind::Router(_) => None,
            Kind::Host(host) if host.stack.is_honest() => Some(host.sockets()),
            Kind::Host(_) => Some(const { &BTreeMap::new() }),
        }
    }
}
