use std::time::Duration;

use mld_proto::Instant;

/// Octets of the fuzzer, read from the front. Past the end everything is zero, and [`is_empty`](Self::is_empty) says
/// so.
#[derive(Debug)]
pub(crate) struct Input<'d>(pub(crate) &'d [u8]);

impl<'d> Input<'d> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn octet(&mut self) -> u8 {
        self.octets(1).first().copied().unwrap_or(0)
    }

    pub(crate) fn number(&mut self) -> u16 {
        u16::from(self.octet()) << 8 | u16::from(self.octet())
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.octet() & 1 != 0
    }

    /// Up to `len` octets.
    pub(crate) fn octets(&mut self, len: usize) -> &'d [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// One of `choices`.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.octet()) % choices.len()]
    }

    /// A step of time: mostly one that the protocol knows, else any up to a minute.
    pub(crate) fn step(&mut self) -> Duration {
        const STEPS_MS: [u64; 14] = [
            0,
            1,
            999,
            1_000,
            1_001,
            2_000,
            10_000,
            31_250,
            125_000,
            255_000,
            260_000,
            270_000,
            604_800_000,
            1 << 34,
        ];
        let choice = self.octet();
        let millis = match STEPS_MS.get(usize::from(choice)) {
            Some(step) => *step,
            None => u64::from(self.number()),
        };
        Duration::from_millis(millis)
    }
}

/// The moment at which the clock of a run begins: near 0, after a year of uptime, or far in Unix time.
pub(crate) fn beginning(choice: u8) -> Instant {
    const BEGINNINGS_MS: [u64; 3] = [1_000, 365 * 24 * 3_600_000, 1 << 41];
    Instant::from_millis(BEGINNINGS_MS[usize::from(choice) % BEGINNINGS_MS.len()])
}
