/// Random delays from a seed: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
///
/// Delays keep hosts from answering all at once; they need not be unpredictable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Random {
    state: u64,
}

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A delay of 1 to `max` milliseconds; 1 for less. No delay of 0: what is asked is not answered at once
    /// (R-LSN-45, A-34).
    pub(super) fn delay(&mut self, max: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        // The high half of the product is uniform below `max`, as good as.
        1 + ((u128::from(bits) * u128::from(max)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //
    #[test]
    fn delays_are_between_one_and_the_longest_and_reach_both() {
        let mut random = Random::new(1);
        let mut seen = [0_u32; 11];
        for _ in 0..10_000 {
            seen[random.delay(10) as usize] += 1;
        }
        assert_eq!(seen[0], 0);
        assert!(seen[1..].iter().all(|count| (800..1200).contains(count)), "{seen:?}");
        assert_eq!((random.delay(0), random.delay(1)), (1, 1));
        assert!(random.delay(u64::MAX) > 1 << 32);
    }
}
