//! Single actions on a world as methods.

use core::net::Ipv6Addr;
use core::time::Duration;

use mld_proto::{Config, FilterMode};

use super::actions::scenario;
use super::observer::{Call, Change, LinkId, NodeId};
use super::violation::Violation;
use super::{Action, Command, Kind, World};

/// Each is one [`act`](World::act), and errs as that does.
impl World {
    /// A socket of a host wants these sources of a group from now on (RFC 9777 section 3).
    ///
    /// # Errors
    ///
    /// As for [`act`](Self::act); the host is down, or refuses.
    pub fn listen(
        &mut self,
        host: NodeId,
        socket: u32,
        group: Ipv6Addr,
        mode: FilterMode,
        sources: &[Ipv6Addr],
    ) -> Result<(), Violation> {
        self.act(Action::Host(host, Call::Listen { socket, group, mode, sources: sources.into() }))
    }

    /// A socket of a host no longer wants a group.
    ///
    /// # Errors
    ///
    /// As for [`act`](Self::act); the host is down.
    pub fn leave(&mut self, host: NodeId, socket: u32, group: Ipv6Addr) -> Result<(), Violation> {
        self.listen(host, socket, group, FilterMode::Include, &[])
    }

    /// A router or host loses its power and all state.
    ///
    /// # Errors
    ///
    /// As for [`act`](Self::act).
    pub fn crash(&mut self, node: NodeId) -> Result<(), Violation> {
        self.act(match self.host_address(node) {
            Some(_) => Action::Host(node, Call::Crash),
            None => Action::Router(node, Command::Crash),
        })
    }

    /// A router starts, or a host comes up, with the address that it had last; that of a host is tentative at first if it
    /// was added so.
    ///
    /// # Errors
    ///
    /// As for [`act`](Self::act).
    pub fn start(&mut self, node: NodeId) -> Result<(), Violation> {
        self.act(match self.host_address(node) {
            Some(link_local) => Action::Host(node, Call::Up { link_local }),
            None => Action::Router(node, Command::Start),
        })
    }

    /// MLD on a router's interface goes down in an orderly way (R-ELE-12).
    ///
    /// # Errors
    ///
    /// As for [`act`](Self::act).
    pub fn stop(&mut self, router: NodeId) -> Result<(), Violation> {
        self.act(Action::Router(router, Command::Stop))
    }

    /// A router stops and starts at once.
    ///
    /// # Errors
    ///
    /// As for [`act`](Self::act).
    pub fn restart(&mut self, router: NodeId) -> Result<(), Violation> {
        self.act(Action::Router(router, Command::Restart))
    }

    /// A router gets another configuration while it runs; see [`Command::Reconfigure`].
    ///
    /// # Errors
    ///
    /// As for [`act`](Self::act).
    pub fn reconfigure(&mut self, router: NodeId, config: Config) -> Result<(), Violation> {
        self.act(Action::Router(router, Command::Reconfigure(Box::new(config))))
    }

    /// These nodes and the others of the link no longer receive each other's frames. Replaces an earlier partition.
    ///
    /// # Errors
    ///
    /// As for [`act`](Self::act); one of them is not on the link.
    pub fn partition(&mut self, link: LinkId, apart: &[NodeId]) -> Result<(), Violation> {
        self.act(Action::Change(Change::Partition { link, apart: apart.into() }))
    }

    /// The partition of the link ends.
    ///
    /// # Errors
    ///
    /// As for [`act`](Self::act).
    pub fn heal(&mut self, link: LinkId) -> Result<(), Violation> {
        self.act(Action::Change(Change::Heal { link }))
    }

    /// Ends all faults: links deliver, clocks are exact, misbehaviour stops, and hosts no longer act by themselves.
    ///
    /// # Errors
    ///
    /// As for [`act`](Self::act).
    pub fn faults_off(&mut self) -> Result<(), Violation> {
        self.act(Action::Change(Change::FaultsOff))
    }

    /// Puts a packet on the link as if this node, which must be up, had sent it. Its link-layer destination follows from
    /// its destination address (RFC 2464 section 7).
    ///
    /// The judges attribute it to the node. A [probe](crate::nodes::probe) is not judged.
    ///
    /// # Errors
    ///
    /// As for [`act`](Self::act); there is no such node, or it is down.
    pub fn inject(&mut self, from: NodeId, packet: &[u8]) -> Result<(), Violation> {
        self.run_for(Duration::ZERO)?;
        let sent = self.node(from).and_then(|node| {
            if self.scene().is_up(from) {
                Ok(())
            } else {
                scenario(format!("{} is down and sends nothing", node.name))
            }
        });
        match sent {
            Ok(()) => {
                let frame = self.frame(from, None, packet.into());
                self.transmit(&frame);
            }
            Err(violation) => self.fail(violation),
        }
        self.verdict()
    }

    /// The address that a host comes up with; `None` for a router, and if there is no such node.
    fn host_address(&self, node: NodeId) -> Option<Option<Ipv6Addr>> {
        match &self.node(node).ok()?.kind {
            Kind::Router(_) => None,
            Kind::Host(host) => Some(host.own_address()),
        }
    }
}
