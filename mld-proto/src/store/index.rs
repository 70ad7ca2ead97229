use core::net::Ipv6Addr;

use super::slot::{TimerId, TimerOf};
use super::{GroupId, IndexSlot, Shared, SourceId};

/// A key of the index: a group by its address, or a source by its group and its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Group(Ipv6Addr),
    Source(GroupId, Ipv6Addr),
}

/// An open-addressing hash table with linear probing, without tombstones.
///
/// Listeners choose the addresses of groups, so the hash is keyed: without the key they cannot make them collide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Index {
    keys: [u64; 2],
}

impl Index {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { keys: [spread(seed), spread(seed.wrapping_add(0x9e37_79b9_7f4a_7c15))] }
    }

    #[inline]
    pub(crate) fn find_group(&self, tables: Shared<'_>, address: Ipv6Addr) -> Option<GroupId> {
        let place = self.find(tables, Key::Group(address))?;
        Some(GroupId(tables.index[place].id - 1))
    }

    #[inline]
    pub(crate) fn find_source(
        &self,
        tables: Shared<'_>,
        group: GroupId,
        address: Ipv6Addr,
    ) -> Option<SourceId> {
        let place = self.find(tables, Key::Source(group, address))?;
        match TimerId(tables.index[place].id - 1).of() {
            TimerOf::Source(source) => Some(source),
            TimerOf::Group(_) => None,
        }
    }

    /// Adds a slot under a key that is not there yet.
    pub(crate) fn insert(&self, index: &mut [IndexSlot], key: Key, id: TimerId) {
        Self::put(index, self.hash(key), id.0);
    }

    /// Adds the slot `id` of a key with this hash that is not there yet.
    pub(crate) fn put(index: &mut [IndexSlot], tag: u32, id: u32) {
        let mask = index.len() - 1;
        let mut place = tag as usize & mask;
        while index[place].id != 0 {
            place = (place + 1) & mask;
        }
        index[place] = IndexSlot { tag, id: id + 1 };
    }

    /// Takes a key out and closes the gap: what stands behind it moves up if it belongs further up.
    pub(crate) fn remove(&self, tables: Shared<'_>, key: Key) -> Option<Removal> {
        self.find(tables, key).map(Removal::of)
    }

    #[inline]
    fn find(&self, tables: Shared<'_>, key: Key) -> Option<usize> {
        Self::locate(tables.index, self.hash(key), |id| is(tables, TimerId(id), key))
    }

    /// Where the key of this hash stands that the slot says `is` it.
    #[inline]
    pub(crate) fn locate(index: &[IndexSlot], tag: u32, is: impl Fn(u32) -> bool) -> Option<usize> {
        let mask = index.len().wrapping_sub(1);
        let mut place = tag as usize & mask;
        loop {
            let slot = index.get(place)?;
            if slot.id == 0 {
                return None;
            }
            if slot.tag == tag && is(slot.id - 1) {
                return Some(place);
            }
            place = (place + 1) & mask;
        }
    }

    /// The hash of a key: where its search begins.
    #[inline]
    pub(crate) fn hash(&self, key: Key) -> u32 {
        let (address, group) = match key {
            Key::Group(address) => (address, 0),
            Key::Source(group, address) => (address, u64::from(group.0) + 1),
        };
        self.hash_of(address, group)
    }

    /// The hash of an address that belongs to an `owner`, 0 without an owner.
    #[inline]
    pub(crate) fn hash_of(&self, address: Ipv6Addr, owner: u64) -> u32 {
        let bits = address.to_bits();
        let first = fold((bits >> 64) as u64 ^ self.keys[0], bits as u64 ^ self.keys[1]);
        fold(first ^ owner ^ self.keys[1], self.keys[0] | 1) as u32
    }
}

/// A place of the index about to be freed.
#[derive(Debug)]
#[must_use]
pub(crate) struct Removal {
    gap: usize,
}

impl Removal {
    /// Frees this place.
    pub(crate) const fn of(gap: usize) -> Self {
        Self { gap }
    }

    pub(crate) fn carry_out(self, index: &mut [IndexSlot]) {
        let mask = index.len() - 1;
        let (mut gap, mut place) = (self.gap, self.gap);
        loop {
            place = (place + 1) & mask;
            let IndexSlot { tag, id } = index[place];
            if id == 0 {
                break;
            }
            let home = tag as usize & mask;
            // It may move to the gap unless its home lies behind the gap.
            if (place.wrapping_sub(home) & mask) >= (place.wrapping_sub(gap) & mask) {
                index[gap] = index[place];
                gap = place;
            }
        }
        index[gap] = IndexSlot::EMPTY;
    }
}

fn is(tables: Shared<'_>, id: TimerId, key: Key) -> bool {
    match (id.of(), key) {
        (TimerOf::Group(id), Key::Group(address)) => tables.groups[id.at()].address == address,
        (TimerOf::Source(id), Key::Source(group, address)) => {
            let slot = &tables.sources[id.at()];
            slot.group == group && slot.address == address
        }
        _ => false,
    }
}

/// Multiplies to 128 bits and adds both halves without carry.
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    product as u64 ^ (product >> 64) as u64
}

/// Spreads a seed over 64 bits (the finish of SplitMix64).
pub(crate) const fn spread(seed: u64) -> u64 {
    let mut bits = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::vec;

    use proptest::prelude::*;

    use super::*;
    use crate::store::{GroupSlot, SourceSlot};

    proptest! {
        // A few addresses and a small table, so that runs of the table meet, wrap and close.
        #[test]
        fn index_agrees_with_a_map(
            seed: u64,
            steps in prop::collection::vec((any::<bool>(), 0u16..40, any::<bool>()), 1..200),
        ) {
            let index = Index::new(seed);
            let mut places = vec![IndexSlot::EMPTY; IndexSlot::count_for(40, 40)];
            let mut groups = vec![GroupSlot::EMPTY; 40];
            let mut sources = vec![SourceSlot::EMPTY; 40];
            let mut map = BTreeMap::new();
            for (add, number, is_group) in steps {
                let at = usize::from(number);
                let address = Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, number % 7, number);
                let key = if is_group { Key::Group(address) } else { Key::Source(GroupId(3), address) };
                let id: TimerId = if is_group {
                    groups[at].address = address;
                    GroupId::new(at).into()
                } else {
                    sources[at].address = address;
                    sources[at].group = GroupId(3);
                    SourceId::new(at).into()
                };
                let known = map.contains_key(&(is_group, number));
                if add && !known {
                    index.insert(&mut places, key, id);
                    map.insert((is_group, number), (key, id));
                } else if !add {
                    let tables = Shared { groups: &groups, sources: &sources, index: &places };
                    let removal = index.remove(tables, key);
                    prop_assert_eq!(removal.is_some(), known);
                    if let Some(removal) = removal {
                        removal.carry_out(&mut places);
                    }
                    map.remove(&(is_group, number));
                }
                let tables = Shared { groups: &groups, sources: &sources, index: &places };
                prop_assert_eq!(places.iter().filter(|place| place.id != 0).count(), map.len());
                for (key, id) in map.values() {
                    let place = index.find(tables, *key);
                    prop_assert_eq!(place.map(|place| places[place].id - 1), Some(id.0));
                }
            }
        }
    }

    #[test]
    fn an_index_without_places_finds_nothing() {
        let tables = Shared { groups: &[], sources: &[], index: &[] };
        assert_eq!(Index::new(0).find_group(tables, Ipv6Addr::LOCALHOST), None);
    }
}
