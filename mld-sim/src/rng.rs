//! Randomness that comes from seeds alone.
//!
//! Each entity of a world has a generator of its own, made of the world's seed and the entity's name: one more host
//! changes no draw of the others. What happens to one packet on its way to one receiver is drawn from a generator made
//! for that packet and receiver, so that it does not depend on what else is on the link.
//!
//! The same seed gives the same draws on every machine, with and without optimisation: all arithmetic is on numbers of
//! fixed size.

use core::ops::RangeInclusive;

use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;
use siphasher::sip::SipHasher13;

/// What [`Rng::chance`] counts in: one of these is certainty divided by a million.
pub const MILLION: u32 = 1_000_000;

/// The two ways to make a generator must not meet: a name never gives the draws of a key.
const NAMED: u64 = 0x6e61_6d65;
const KEYED: u64 = 0x6b65_7973;

/// A generator for one entity, or for one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng(Xoshiro256PlusPlus);

impl Rng {
    /// The generator of the entity `name` in the world of `seed`.
    pub fn named(seed: u64, name: &str) -> Self {
        Self::hashed(seed, NAMED, name.as_bytes())
    }

    /// The generator for the question `key`, for example sender, receiver and the packet's number.
    pub fn keyed(seed: u64, key: &[u64]) -> Self {
        let octets: Vec<u8> = key.iter().flat_map(|part| part.to_le_bytes()).collect();
        Self::hashed(seed, KEYED, &octets)
    }

    /// A number below `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.0.random_range(0..end) }
    }

    /// A number of the range, both ends included; its start when it holds nothing.
    pub fn between(&mut self, range: RangeInclusive<u64>) -> u64 {
        if range.is_empty() { *range.start() } else { self.0.random_range(range) }
    }

    /// Whether something happens that does so `parts_per_million` times in a million; always from [`MILLION`] on.
    pub fn chance(&mut self, parts_per_million: u32) -> bool {
        self.0.random_range(0..MILLION) < parts_per_million
    }

    /// An item of the list, each as likely as any other.
    ///
    /// # Panics
    ///
    /// If the list is empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }

    /// A place in a list of `len` items; 0 when there are none.
    pub fn index(&mut self, len: usize) -> usize {
        // Less than `len`, so it fits.
        self.below(len as u64) as usize
    }

    /// Puts the list into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.index(end + 1));
        }
    }

    /// Up to `max` different items of the list, in a random order.
    pub fn sample<T: Clone>(&mut self, items: &[T], max: usize) -> Vec<T> {
        let mut left = items.to_vec();
        self.shuffle(&mut left);
        left.truncate(max);
        left
    }

    /// 64 random bits, for example the seed of something else.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A random octet.
    pub fn octet(&mut self) -> u8 {
        self.next_u64().to_be_bytes()[0]
    }

    fn hashed(seed: u64, domain: u64, octets: &[u8]) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(SipHasher13::new_with_keys(seed, domain).hash(octets)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(mut rng: Rng) -> Vec<u64> {
        (0..16).map(|_| rng.next_u64()).collect()
    }

    /// The first draws agree with SipHash-1-3, SplitMix64 and xoshiro256++ written down from their papers in another
    /// language.
    #[test]
    fn draws_are_the_same_for_ever() {
        let mut rng = Rng::named(7, "h1");
        assert_eq!(
            [rng.next_u64(), rng.below(1000), rng.between(5..=9), u64::from(rng.octet())],
            [12_426_202_375_793_683_235, 219, 9, 202]
        );
        let mut rng = Rng::keyed(7, &[1, 2, 3]);
        assert_eq!(
            [rng.next_u64(), rng.below(1 << 40), u64::from(rng.chance(500_000))],
            [16_382_394_749_610_014_046, 535_254_685_815, 1]
        );
    }

    #[test]
    fn every_part_of_seed_name_and_key_matters() {
        let generators = [
            Rng::named(7, "h1"),
            Rng::named(8, "h1"),
            Rng::named(7, "h2"),
            Rng::named(7, "h12"),
            Rng::named(7, ""),
            Rng::keyed(7, &[]),
            Rng::keyed(7, &[1, 2]),
            Rng::keyed(7, &[2, 1]),
            Rng::keyed(8, &[1, 2]),
            Rng::keyed(7, &[1, 2, 0]),
            Rng::keyed(7, &[u64::from_le_bytes(*b"hostname")]),
            Rng::named(7, "hostname"),
        ];
        for (at, one) in generators.iter().enumerate() {
            for other in &generators[at + 1..] {
                assert_ne!(draws(one.clone()), draws(other.clone()));
            }
        }
        assert_eq!(draws(Rng::keyed(7, &[1, 2])), draws(Rng::keyed(7, &[1, 2])));
    }

    #[test]
    fn ranges_are_reached_to_both_ends_and_no_further() {
        let mut rng = Rng::named(1, "ranges");
        let mut below = [0_u32; 4];
        let mut between = [0_u32; 3];
        for _ in 0..4000 {
            below[rng.below(4) as usize] += 1;
            between[(rng.between(10..=12) - 10) as usize] += 1;
        }
        assert!(below.iter().all(|count| (800..1200).contains(count)), "{below:?}");
        assert!(between.iter().all(|count| (1100..1600).contains(count)), "{between:?}");
        assert_eq!((rng.below(0), rng.below(1), rng.between(5..=5)), (0, 0, 5));
        #[expect(clippy::reversed_empty_ranges, reason = "that is the case in question")]
        let empty = 9..=3;
        assert_eq!(rng.between(empty), 9);
        let _ = rng.between(0..=u64::MAX);
    }

    #[test]
    fn chances_are_parts_of_a_million() {
        let mut rng = Rng::named(1, "chances");
        let mut count = |parts| (0..20_000).filter(|_| rng.chance(parts)).count();
        assert_eq!((count(0), count(MILLION), count(u32::MAX)), (0, 20_000, 20_000));
        let quarter = count(250_000);
        assert!((4600..5400).contains(&quarter), "{quarter}");
    }

    #[test]
    fn shuffled_lists_keep_their_items() {
        let mut rng = Rng::named(1, "lists");
        let items: Vec<u32> = (0..50).collect();
        let mut shuffled = items.clone();
        rng.shuffle(&mut shuffled);
        assert_ne!(shuffled, items);
        shuffled.sort_unstable();
        assert_eq!(shuffled, items);

        let mut sample = rng.sample(&items, 7);
        sample.sort_unstable();
        sample.dedup();
        assert_eq!(sample.len(), 7);
        assert_eq!(rng.sample(&items[..3], 7).len(), 3);
        assert!(rng.sample::<u32>(&[], 7).is_empty());
        assert_eq!(*rng.pick(&[5]), 5);
    }
}
