//! Loads for the benchmarks: a router under load, and the floor beside it.
//!
//! The figure is what the engine needs for a packet. The floor is what no router can avoid: the checksum of the same
//! packet and, for each key looked up, two dependent reads at random places, of an entry of the index and of the slot
//! that the entry names, in tables of the engine's sizes. Their ratio says how much of the time is the engine's own.

mod floor;
mod load;
mod packets;

pub use floor::Floor;
pub use load::{BoxedRouter, Load};
pub use packets::{Kind, Packets, ROUTER, SOURCES_PER_GROUP, control_packets};

/// The sizes at which everything is measured.
pub const SIZES: [usize; 4] = [8, 1_000, 65_536, 1_000_000];

/// A small generator (SplitMix64), so that every run sees the same addresses in the same order.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Begins with `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not zero.
    pub const fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// The numbers below `count` in random order.
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for place in (1..count).rev() {
            order.swap(place, self.below(place + 1));
        }
        order
    }
}

/// Compiles the examples in the README of the workspace: this package is not published, and may look outside its folder.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
