//! The clocks of routers.

use mld_proto::Instant;

use crate::rng::Rng;

/// How a router's clock and scheduler differ from perfect ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The clock advances in steps of this many milliseconds, not 0.
    pub tick_ms: u64,
    /// A wake-up comes up to this many milliseconds late.
    pub late_ms: u64,
}

impl Clock {
    /// Advances every millisecond, and wakes on time.
    pub const EXACT: Self = Self { tick_ms: 1, late_ms: 0 };

    /// True if the clock advances.
    pub(super) const fn ticks(self) -> bool {
        self.tick_ms > 0
    }
}

/// The state of a router's clock.
#[derive(Debug)]
pub(super) struct LocalClock {
    pub(super) clock: Clock,
    offset_ms: u64,
    seed: u64,
    wakes: u64,
}

impl LocalClock {
    pub(super) const fn new(clock: Clock, seed: u64) -> Self {
        Self { clock, offset_ms: 0, seed, wakes: 0 }
    }

    /// The router's own time.
    pub(super) const fn local(&self, world: Instant) -> Instant {
        let millis = world.as_millis() + self.offset_ms;
        Instant::from_millis(millis - millis % self.clock.tick_ms)
    }

    pub(super) const fn jump(&mut self, by_ms: u64) {
        self.offset_ms += by_ms;
    }

    /// When to wake for a deadline of the router's own time, not before `now`.
    pub(super) fn wake_at(&mut self, now: Instant, deadline: Instant) -> Instant {
        let ticked = deadline.as_millis().next_multiple_of(self.clock.tick_ms);
        let on_time = ticked.saturating_sub(self.offset_ms).max(now.as_millis());
        let late_ms = if self.clock.late_ms == 0 {
            0
        } else {
            self.wakes += 1;
            Rng::keyed(self.seed, &[self.wakes]).between(0..=self.clock.late_ms)
        };
        Instant::from_millis(on_time + late_ms)
    }
}
