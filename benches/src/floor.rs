use core::hint::black_box;

use mld_proto::IndexSlot;
use mld_proto::router::{GroupSlot, SourceSlot};
use mld_proto::wire::{HEADERS_LEN, checksum};

use crate::{Kind, Packets, Random};

/// Tables of the sizes that a router has for the same load, and keys to look up in them in random order.
#[derive(Debug)]
pub struct Floor {
    /// In each entry the number of a slot.
    index: Vec<IndexEntry>,
    groups: Vec<Group>,
    sources: Vec<Source>,
    /// For each packet, one place of the index for each key.
    places: Vec<u32>,
    keys: usize,
}

#[derive(Clone, Debug)]
#[repr(align(8))]
struct IndexEntry([u8; size_of::<IndexSlot>()]);

#[derive(Clone, Debug)]
#[repr(align(32))]
struct Group([u8; size_of::<GroupSlot>()]);

#[derive(Clone, Debug)]
#[repr(align(8))]
struct Source([u8; size_of::<SourceSlot>()]);

const _: () = assert!(
    size_of::<IndexEntry>() == size_of::<IndexSlot>()
        && size_of::<Group>() == size_of::<GroupSlot>()
        && size_of::<Source>() == size_of::<SourceSlot>()
);

impl Floor {
    /// The floor of a load of `kind` with `groups` groups.
    pub fn new(kind: Kind, groups: usize) -> Self {
        let sources = groups * kind.sources();
        let keys = kind.keys();
        let mut random = Random::new(0xf100);
        let mut index = vec![IndexEntry([0; size_of::<IndexSlot>()]); IndexSlot::count_for(groups, sources)];
        // Distinct places of the index for the distinct keys, as hashing spreads them.
        let mut places = random.permutation(index.len());
        places.truncate(groups + sources);
        for (slot, place) in places.iter().enumerate() {
            let slot = if slot < groups { slot } else { slot - groups };
            index[*place].0[..4].copy_from_slice(&(slot as u32).to_ne_bytes());
        }
        let (group_places, source_places) = places.split_at(groups);
        let places = random
            .permutation(groups)
            .into_iter()
            .flat_map(|group| {
                let of_group = &source_places[group * kind.sources()..(group + 1) * kind.sources()];
                [group_places[group]].into_iter().chain(of_group.iter().copied())
            })
            .map(|place| place as u32)
            .collect();
        Self {
            index,
            groups: vec![Group([1; size_of::<GroupSlot>()]); groups],
            sources: vec![Source([1; size_of::<SourceSlot>()]); sources],
            places,
            keys,
        }
    }

    /// The floor of a refresh: checksums of all packets, each with the reads of its keys.
    pub fn with_checksums(&self, packets: &Packets) {
        for (packet, places) in packets.iter().zip(self.places.chunks_exact(self.keys)) {
            black_box(verify(packet));
            black_box(self.read(places));
        }
    }

    /// The reads alone: the floor of what takes no packet.
    pub fn reads(&self) {
        for places in self.places.chunks_exact(self.keys) {
            black_box(self.read(places));
        }
    }

    /// How many packets or groups one pass is.
    pub const fn len(&self) -> usize {
        self.places.len() / self.keys
    }

    /// Returns true if a pass is nothing.
    pub const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn read(&self, places: &[u32]) -> u32 {
        let mut sum = 0;
        for (key, place) in places.iter().enumerate() {
            let entry = &self.index[*place as usize].0;
            let slot = u32::from_ne_bytes([entry[0], entry[1], entry[2], entry[3]]) as usize;
            sum += u32::from(if key == 0 { self.groups[slot].0[0] } else { self.sources[slot].0[0] });
        }
        sum
    }
}

fn verify(packet: &[u8]) -> bool {
    let address = |at: usize| {
        let mut octets = [0; 16];
        octets.copy_from_slice(&packet[at..at + 16]);
        octets.into()
    };
    checksum::verify(address(8), address(24), &packet[HEADERS_LEN..])
}
