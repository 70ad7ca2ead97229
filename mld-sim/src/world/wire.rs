//! How frames travel.

use core::time::Duration;
use std::rc::Rc;

use super::link::{Fate, Medium, damage};
use super::observer::{Frame, Happening, Loss, NodeId};
use super::queue::Due;
use super::{Kind, World};

/// Where the destination address of an IPv6 packet ends.
const DESTINATION_END: usize = 40;
const TYPE_OFFSET: usize = 48;
const REPORT_TYPES: [u8; 3] = [131, 132, 143];

impl World {
    /// Makes a frame of a packet that `from` sends.
    pub(super) fn frame(
        &mut self,
        from: NodeId,
        destination: Option<[u8; 6]>,
        packet: Box<[u8]>,
    ) -> Rc<Frame> {
        let node = &self.nodes[from.0 as usize];
        let link = match &node.kind {
            Kind::Router(router) => router.link,
            Kind::Host(host) => host.link,
        };
        let number = self.counts.frames;
        self.counts.frames += 1;
        let destination_mac = destination.unwrap_or_else(|| self.link_layer(from, &packet));
        Rc::new(Frame { number, link, from, source_mac: node.mac, destination_mac, packet })
    }

    /// The Ethernet address that a packet goes to (RFC 2464 section 7); broadcast if no node has the address.
    fn link_layer(&self, from: NodeId, packet: &[u8]) -> [u8; 6] {
        const BROADCAST: [u8; 6] = [0xff; 6];
        match packet.get(DESTINATION_END - 16..DESTINATION_END) {
            Some([0xff, .., a, b, c, d]) => [0x33, 0x33, *a, *b, *c, *d],
            Some(address) => {
                let scene = self.scene();
                let link = scene.link_of(from);
                let owner = scene.nodes().find(|id| {
                    scene.link_of(*id) == link
                        && scene.link_local(*id).is_some_and(|own| own.octets() == *address)
                });
                owner.map_or(BROADCAST, |id| self.nodes[id.0 as usize].mac)
            }
            None => BROADCAST,
        }
    }

    /// Puts a frame on its link: decides for each receiver whether and when it arrives.
    pub(super) fn transmit(&mut self, frame: &Rc<Frame>) {
        let is_watched = !self.observers.is_empty();
        if is_watched {
            self.tell(&Happening::Sent { frame });
        }
        let receivers = self.receivers(frame);
        let sender = &mut self.nodes[frame.from.0 as usize];
        sender.sent += 1;
        let (key, count) = (sender.key, sender.sent);
        let link = &self.links[frame.link.0 as usize];
        if link.is_steady() {
            let at = self.now + Duration::from_millis(link.faults.delay_ms.0);
            if is_watched {
                for &to in &receivers {
                    self.tell(&Happening::UnderWay { frame, to });
                }
            }
            if !receivers.is_empty() {
                self.queue.push(at, Due::Arrive { frame: Rc::clone(frame), to: receivers.into() });
            }
            return;
        }
        for to in receivers {
            let link = &self.links[frame.link.0 as usize];
            let why = if link.are_apart(frame.from, to) {
                Loss::Partition
            } else {
                match link.fate(key, count, self.nodes[to.0 as usize].key) {
                    Fate::Lost => Loss::Chance,
                    Fate::Arrives { delay_ms, damage: damaged, again_ms } => {
                        let damaged = damaged.map(|rng| damage(&frame.packet, rng));
                        for delay_ms in [Some(delay_ms), again_ms].into_iter().flatten() {
                            if is_watched {
                                self.tell(&Happening::UnderWay { frame, to });
                            }
                            let at = self.now + Duration::from_millis(delay_ms);
                            let (frame, damaged) = (Rc::clone(frame), damaged.clone());
                            self.queue.push(at, Due::ArriveAt { frame, to, damaged });
                        }
                        continue;
                    }
                }
            };
            self.counts.losses += 1;
            if is_watched {
                self.tell(&Happening::Lost { frame, to, why });
            }
        }
    }

    /// The nodes whose link-layer filter takes the frame.
    fn receivers(&self, frame: &Frame) -> Vec<NodeId> {
        let link = &self.links[frame.link.0 as usize];
        let others = |nodes: &[NodeId]| -> Vec<NodeId> {
            nodes.iter().copied().filter(|id| *id != frame.from).collect()
        };
        match (link.medium, frame.destination_mac) {
            (Medium::Ethernet, [0x33, 0x33, low @ ..]) => {
                let is_report = frame.packet.get(TYPE_OFFSET).is_some_and(|kind| REPORT_TYPES.contains(kind));
                let listeners = link.listeners(u32::from_be_bytes(low));
                let hosts: &[NodeId] = if link.snooping && is_report { &[] } else { listeners };
                let more = link.all_multicast.iter().filter(|id| hosts.binary_search(id).is_err());
                let mut receivers = others(&link.routers);
                receivers.extend(hosts.iter().chain(more).filter(|id| **id != frame.from));
                receivers
            }
            (Medium::Ethernet, mac) if mac != [0xff; 6] => {
                let nodes = link.routers.iter().chain(&link.hosts).copied();
                nodes.filter(|id| *id != frame.from && self.nodes[id.0 as usize].mac == mac).collect()
            }
            _ => {
                let mut receivers = others(&link.routers);
                receivers.extend(others(&link.hosts));
                receivers
            }
        }
    }
}
