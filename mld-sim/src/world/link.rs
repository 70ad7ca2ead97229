//! Links and their faults.

use core::net::Ipv6Addr;
use std::collections::{BTreeMap, BTreeSet};

use super::observer::{LinkId, NodeId};
use crate::rng::Rng;

/// Octets of the largest packet on Ethernet (RFC 2464 section 2).
pub const ETHERNET_MTU: u32 = 1500;

/// A link, to be added to a world.
#[derive(Clone, Debug)]
pub struct Link {
    pub(super) name: String,
    pub(super) medium: Medium,
    pub(super) faults: Faults,
    pub(super) snooping: bool,
}

/// How a link carries frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// A frame goes to those whose link-layer filter takes it (RFC 2464 section 7): routers take every multicast frame
    /// (R-WIRE-12), hosts those of the groups they listen to and of all nodes.
    Ethernet,
    /// The only receiver is the other end, which takes everything.
    PointToPoint,
}

/// The faults of a link, drawn for each receiver separately. Probabilities are in parts per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// Shortest and longest time that a frame is under way, in milliseconds.
    pub delay_ms: (u64, u64),
    /// A frame does not arrive.
    pub loss_ppm: u32,
    /// A frame arrives twice.
    pub duplicate_ppm: u32,
    /// A frame is held back, so that others overtake it, by up to `reorder_ms`.
    pub reorder_ppm: u32,
    /// How long such a frame is held back at most, in milliseconds.
    pub reorder_ms: u64,
    /// One to three bits of a frame are flipped.
    pub corrupt_ppm: u32,
}

impl Link {
    /// A link on which hosts filter frames by Ethernet address.
    pub fn ethernet() -> Self {
        Self::new(Medium::Ethernet)
    }

    /// A link with two ends.
    pub fn point_to_point() -> Self {
        Self::new(Medium::PointToPoint)
    }

    fn new(medium: Medium) -> Self {
        Self { name: String::new(), medium, faults: Faults::NONE, snooping: false }
    }

    /// Names it; without a name it is called by its number.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets its faults.
    #[must_use]
    pub const fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Its switch snoops: Reports and Done go to routers only (RFC 4541 section 3; R-SNP-3).
    #[must_use]
    pub const fn snooping(mut self) -> Self {
        self.snooping = true;
        self
    }
}

impl Faults {
    /// Everything arrives at once.
    pub const NONE: Self = Self {
        delay_ms: (0, 0),
        loss_ppm: 0,
        duplicate_ppm: 0,
        reorder_ppm: 0,
        reorder_ms: 0,
        corrupt_ppm: 0,
    };

    /// The number of kinds of fault in it; a delay without jitter is none.
    pub const fn kinds(&self) -> u32 {
        (self.delay_ms.0 != self.delay_ms.1) as u32
            + (self.loss_ppm > 0) as u32
            + (self.duplicate_ppm > 0) as u32
            + (self.reorder_ppm > 0) as u32
            + (self.corrupt_ppm > 0) as u32
    }

    /// The longest time that a frame may be under way, in milliseconds.
    pub const fn longest_ms(&self) -> u64 {
        self.delay_ms.1 + if self.reorder_ppm > 0 { self.reorder_ms } else { 0 }
    }

    /// Every frame takes the same time and arrives as it is.
    const fn is_steady(&self) -> bool {
        self.kinds() == 0
    }
}

/// A link of a world.
#[derive(Debug)]
pub(super) struct LinkState {
    pub(super) name: String,
    pub(super) medium: Medium,
    pub(super) faults: Faults,
    pub(super) snooping: bool,
    seed: u64,
    pub(super) routers: Vec<NodeId>,
    pub(super) hosts: Vec<NodeId>,
    /// Hosts that take every multicast frame.
    pub(super) all_multicast: Vec<NodeId>,
    /// The hosts that take frames of a group, by the last 32 bits of its address.
    filters: BTreeMap<u32, Vec<NodeId>>,
    apart: BTreeSet<NodeId>,
}

/// The fate of a frame on its way to one receiver.
pub(super) enum Fate {
    Lost,
    Arrives { delay_ms: u64, damage: Option<Rng>, again_ms: Option<u64> },
}

impl LinkState {
    pub(super) fn new(id: LinkId, link: Link, world_seed: u64) -> Self {
        let name = if link.name.is_empty() { format!("link{}", id.0) } else { link.name };
        let seed = Rng::named(world_seed, &format!("link {name}")).next_u64();
        Self {
            name,
            medium: link.medium,
            faults: link.faults,
            snooping: link.snooping,
            seed,
            routers: Vec::new(),
            hosts: Vec::new(),
            all_multicast: Vec::new(),
            filters: BTreeMap::new(),
            apart: BTreeSet::new(),
        }
    }

    /// The hosts whose filter takes frames to this multicast Ethernet address.
    pub(super) fn listeners(&self, low: u32) -> &[NodeId] {
        const ALL_NODES: u32 = 1;
        if low == ALL_NODES { &self.hosts } else { self.filters.get(&low).map_or(&[], Vec::as_slice) }
    }

    /// The host's filter takes frames of the group, or no longer.
    pub(super) fn set_filter(&mut self, host: NodeId, group: Ipv6Addr, takes: bool) {
        let filter = self.filters.entry(group.to_bits() as u32).or_default();
        match (filter.binary_search(&host), takes) {
            (Err(at), true) => filter.insert(at, host),
            (Ok(at), false) => drop(filter.remove(at)),
            _ => {}
        }
    }

    /// True if one more node can be on it: a point-to-point link has two ends.
    pub(super) fn has_room(&self) -> bool {
        self.medium == Medium::Ethernet || self.routers.len() + self.hosts.len() < 2
    }

    pub(super) fn part(&mut self, apart: &[NodeId]) {
        self.apart = apart.iter().copied().collect();
    }

    pub(super) fn heal(&mut self) {
        self.apart.clear();
    }

    pub(super) fn are_apart(&self, one: NodeId, other: NodeId) -> bool {
        !self.apart.is_empty() && self.apart.contains(&one) != self.apart.contains(&other)
    }

    /// True if every receiver gets every frame, after the same time.
    pub(super) fn is_steady(&self) -> bool {
        self.apart.is_empty() && self.faults.is_steady()
    }

    /// The fate of the sender's `count`th frame on its way to one receiver. It depends on nothing else, so that
    /// a world with one node less is otherwise the same.
    pub(super) fn fate(&self, sender: u64, count: u64, receiver: u64) -> Fate {
        let faults = &self.faults;
        let (shortest, longest) = faults.delay_ms;
        if faults.is_steady() {
            return Fate::Arrives { delay_ms: shortest, damage: None, again_ms: None };
        }
        let mut rng = Rng::keyed(self.seed, &[sender, count, receiver]);
        // Every draw is made whatever the faults are: switching one off changes no other.
        let (lost, held, twice, damaged) = (
            rng.chance(faults.loss_ppm),
            rng.chance(faults.reorder_ppm),
            rng.chance(faults.duplicate_ppm),
            rng.chance(faults.corrupt_ppm),
        );
        let mut delay_ms = rng.between(shortest..=longest);
        let again_ms = rng.between(shortest..=longest.max(shortest + 3));
        let hold_ms = rng.between(0..=faults.reorder_ms);
        if lost {
            return Fate::Lost;
        }
        if held {
            delay_ms += hold_ms;
        }
        Fate::Arrives { delay_ms, damage: damaged.then_some(rng), again_ms: twice.then_some(again_ms) }
    }
}

/// Flips one to three bits, each once.
pub(super) fn damage(packet: &[u8], mut rng: Rng) -> Box<[u8]> {
    let mut packet: Box<[u8]> = packet.into();
    let bits = 8 * <[u8]>::len(&packet);
    let mut flipped = Vec::new();
    for _ in 0..rng.between(1..=3).min(bits as u64) {
        let mut bit = rng.index(bits);
        while flipped.contains(&bit) {
            bit = (bit + 1) % bits;
        }
        flipped.push(bit);
        packet[bit / 8] ^= 1 << (bit % 8);
    }
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_flips_one_to_three_bits_and_never_the_same_one_twice() {
        for (octets, wanted) in [(0, 0..=0), (1, 1..=3), (2, 1..=3), (100, 1..=3)] {
            let mut met = BTreeSet::new();
            for seed in 0..2000 {
                let packet = vec![0x5a; octets];
                let damaged = damage(&packet, Rng::named(seed, "damage"));
                assert_eq!(damaged.len(), octets);
                met.insert(
                    packet.iter().zip(&damaged).map(|(one, other)| (one ^ other).count_ones()).sum::<u32>(),
                );
            }
            assert_eq!(met, wanted.collect(), "of {octets} octets");
        }
    }
}
