//! Calls of a router's engine.

use core::net::Ipv6Addr;

use mld_proto::router::{Item, Limit, SourceRef};
use mld_proto::wire::MessageKind;
use mld_proto::{BufferTooSmall, Event, FilterMode, GroupAddr, Instant};

use super::observer::Told;
use super::router::{Engine, RouterNode};
use super::violation::Violation;

/// So many calls may follow each other before a router must wait for something.
const CALLS_MAX: usize = 100_000;

impl RouterNode {
    /// Ends the deadlines until `local`, then takes the packets and events of the engine.
    ///
    /// # Errors
    ///
    /// The engine asks to be called again at once without end.
    pub(super) fn advance(
        &mut self,
        local: Instant,
        sent: &mut Vec<Box<[u8]>>,
        told: &mut Vec<Told>,
    ) -> Result<(), Violation> {
        for _ in 0..CALLS_MAX {
            self.engine.handle_timeout(local);
            self.drain(local, sent, told)?;
            if self.engine.poll_timeout().is_none_or(|deadline| deadline > local) {
                return Ok(());
            }
        }
        Err(Violation::new(
            "progress",
            format!("the router never stops asking to be called again at {local:?}"),
        ))
    }

    /// Takes the packets and events of the engine.
    ///
    /// # Errors
    ///
    /// A packet that does not fit the MTU.
    pub(super) fn drain(
        &mut self,
        local: Instant,
        sent: &mut Vec<Box<[u8]>>,
        told: &mut Vec<Told>,
    ) -> Result<(), Violation> {
        let mtu = usize::from(self.engine.config().mtu());
        let mut done = Ok(());
        loop {
            let octets = match self.engine.poll_transmit(local, &mut self.buffer) {
                Ok(None) => break,
                Ok(Some(transmit)) => transmit.len,
                Err(BufferTooSmall { needed }) => needed,
            };
            if octets > mtu {
                let text = format!("a packet of {octets} octets does not fit the link");
                done = Err(Violation::new("mtu", text));
            }
            let Some(packet) = self.buffer.get(..octets) else { break };
            sent.push(packet.into());
        }
        while let Some(event) = self.engine.poll_event() {
            match event {
                Event::Querier => told.push(Told::Querier(self.engine.querier())),
                Event::Timeout(group) => told.push(Told::Timeout(group)),
                Event::Membership(group) => {
                    told.push(Told::Membership { group, members: members(&self.engine, group) });
                }
                Event::Stopped => told.push(Told::Stopped),
                _ => {}
            }
        }
        done
    }

    /// Takes a packet; the facts in it go to `items`.
    pub(super) fn packet(
        &mut self,
        local: Instant,
        packet: &[u8],
        items: &mut Vec<Item>,
    ) -> (Result<MessageKind, mld_proto::Discard>, u64) {
        let before = refused(&self.engine);
        let result = self.engine.handle_packet(local, packet).map(|accepted| {
            let kind = accepted.kind();
            items.extend(accepted);
            kind
        });
        (result, refused(&self.engine) - before)
    }
}

/// Filter mode and sources of a group, as a membership event reports them.
fn members(engine: &Engine, group: GroupAddr) -> Option<(FilterMode, Vec<Ipv6Addr>)> {
    let group = engine.group(group)?;
    let mode = group.filter_mode();
    let named = |source: &SourceRef<'_>| source.is_forwarding() == (mode == FilterMode::Include);
    let mut sources: Vec<_> = group.sources().filter(named).map(|source| source.address()).collect();
    sources.sort_unstable();
    Some((mode, sources))
}

fn refused(engine: &Engine) -> u64 {
    Limit::ALL.into_iter().map(|limit| engine.stats().refused(limit)).sum()
}
