//! A driver follows its interface: up and down, addresses, MTU, masters, the end.

use mld_proto::Instant;
use mld_proto::router::QuerierMode;

use super::{Driver, Sink, in_force, master_name};
use crate::netlink::{Link, link_local};
use crate::receiver::Receiver;
use crate::sender::RouterGroups;
use crate::{Error, Notice, What};

impl Driver {
    /// Looks at the interface if something changed, and at the beginning.
    pub(super) fn follow(&mut self, now: Instant, sink: &mut Sink<'_>) -> Result<(), Error> {
        let Some(sockets) = &mut self.sockets else { return Ok(()) };
        let changes = sockets.watch.changes(self.link.index);
        let first = !core::mem::replace(&mut self.begun, true);
        if !changes.any && !first {
            return Ok(());
        }
        let link = match changes.gone {
            true => None,
            false => sockets
                .requests
                .link_by_index(self.link.index)
                .map_err(|source| Error::system(&self.interface, "ask for the interface", source))?,
        };
        let Some(link) = link else {
            self.notice(now, Notice::Vanished, sink);
            self.remove(sink);
            return Ok(());
        };
        if first && !sockets.receiver.has_ring() && self.options.receive == super::Receive::Ring {
            self.notice(now, Notice::NoRing, sink);
        }
        // What was due before comes before what changed.
        self.settle(now, sink);
        self.follow_master(now, &link, sink);
        self.follow_mtu(now, &link, sink)?;
        self.follow_state(now, &link, changes.down, first, sink)?;
        self.link = link;
        self.settle(now, sink);
        Ok(())
    }

    fn follow_state(
        &mut self,
        now: Instant,
        link: &Link,
        was_down: bool,
        first: bool,
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        let was_up = self.link.up;
        if was_up && (was_down || !link.up) {
            // R-ELE-12
            self.notice(now, Notice::Down, sink);
            self.forget(now, sink);
            self.link.up = false;
        } else if first && !link.up {
            self.notice(now, Notice::Down, sink);
        }
        if !link.up {
            return Ok(());
        }
        let Some(sockets) = &mut self.sockets else { return Ok(()) };
        let active = self.config.querier() == QuerierMode::Auto;
        let current = self.router.link_local();
        let addresses = sockets
            .requests
            .addresses(link.index)
            .map_err(|source| Error::system(&self.interface, "ask for addresses", source))?;
        let address = link_local(&addresses, current);
        self.other_addresses =
            addresses.iter().map(|one| one.address).filter(|one| Some(*one) != address).collect();
        // Listeners speak from link-local addresses: should there be more than fit, these matter most.
        self.other_addresses.sort_unstable_by_key(|one| (!one.is_unicast_link_local(), *one));
        self.router.set_other_addresses(self.other_addresses.iter().copied());
        if active && sockets.groups.is_none() {
            // Refused as long as IPv6 is off on the interface; an address is the sign that it is on.
            sockets.groups = RouterGroups::join(link.index).ok();
        }
        let starts = !self.link.up;
        if starts && !first {
            self.notice(now, Notice::Up, sink);
        }
        if active && (address != current || starts) {
            self.notice(now, address.map_or(Notice::NoAddress, Notice::Address), sink);
        }
        if starts {
            self.router.start(now, address);
        } else if address != current {
            // What waits to be sent was written for the old one.
            self.drop_unsent();
            self.router.set_address(now, address);
        }
        Ok(())
    }

    fn follow_mtu(&mut self, now: Instant, link: &Link, sink: &mut Sink<'_>) -> Result<(), Error> {
        let Some(sockets) = &mut self.sockets else { return Ok(()) };
        if sockets.receiver.frame_max() < link.mtu as usize {
            let refused = |source| Error::system(&self.interface, "open a packet socket", source);
            let receiver = Receiver::open(link.index, link.mtu, self.options.receive).map_err(refused)?;
            super::watch_receiver(&self.epoll, &receiver).map_err(refused)?;
            sockets.receiver.replace(receiver);
        }
        let config = in_force(&self.options, link.mtu);
        if config != self.config {
            self.config = config;
            self.router.reconfigure(now, config);
            self.notice(now, Notice::Mtu(config.mtu()), sink);
        }
        Ok(())
    }

    fn follow_master(&mut self, now: Instant, link: &Link, sink: &mut Sink<'_>) {
        let Some(sockets) = &mut self.sockets else { return };
        match (self.link.master, link.master) {
            (old, Some(master)) if old != Some(master) => {
                let master = master_name(&mut sockets.requests, master);
                self.notice(now, Notice::Enslaved { master }, sink);
            }
            (Some(_), None) => self.notice(now, Notice::Released, sink),
            _ => {}
        }
    }

    fn notice(&self, now: Instant, notice: Notice, sink: &mut Sink<'_>) {
        self.tell(now, What::Notice(&notice), sink);
    }
}
