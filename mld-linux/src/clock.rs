use core::time::Duration;

use mld_proto::Instant;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// The time that a [`Driver`](crate::Driver) gives to its engine: milliseconds since the machine started, sleep
/// included, so that timers end when hosts expect it. Unix time is kept beside it for whoever reads events.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Real time less boot time, now, for the kernel's stamps on frames.
    offset_ns: i128,
    /// The same as told to others: it follows real time in steps, so that what passes between two events is exact.
    told_offset_ms: i128,
}

impl Clock {
    /// Reads both clocks.
    pub fn new() -> Self {
        let offset_ns = read_offset_ns();
        Self { offset_ns, told_offset_ms: offset_ns.div_euclid(NS_PER_MS) }
    }

    /// The present moment, rounded down to the millisecond.
    pub fn now(&self) -> Instant {
        instant(boot_ns())
    }

    /// How long it is until `deadline`; zero if it has passed.
    pub fn until(&self, deadline: Instant) -> Duration {
        let wait_ns = i128::from(deadline.as_millis()) * NS_PER_MS - boot_ns();
        Duration::from_nanos(u64::try_from(wait_ns.max(0)).unwrap_or(u64::MAX))
    }

    /// The moment `at` in milliseconds of Unix time.
    pub fn unix_ms(&self, at: Instant) -> u64 {
        u64::try_from(i128::from(at.as_millis()) + self.told_offset_ms).unwrap_or_default()
    }

    /// Compares the clocks again. Steps of real time of 10 ms and more show in [`Clock::unix_ms`] from here on.
    pub fn refresh(&mut self) {
        self.offset_ns = read_offset_ns();
        let offset_ms = self.offset_ns.div_euclid(NS_PER_MS);
        if (offset_ms - self.told_offset_ms).abs() >= STEP_MS {
            self.told_offset_ms = offset_ms;
        }
    }

    /// The moment of a stamp of the real-time clock.
    pub(crate) fn instant_of_unix_ns(&self, unix_ns: i128) -> Instant {
        instant(unix_ns - self.offset_ns)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

const NS_PER_MS: i128 = 1_000_000;
const STEP_MS: i128 = 10;

fn read_offset_ns() -> i128 {
    nanoseconds(clock_gettime(ClockId::Realtime)) - boot_ns()
}

fn boot_ns() -> i128 {
    nanoseconds(clock_gettime(ClockId::Boottime))
}

fn nanoseconds(time: Timespec) -> i128 {
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

fn instant(boot_ns: i128) -> Instant {
    Instant::from_millis(u64::try_from(boot_ns.div_euclid(NS_PER_MS)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_of_real_time_is_the_moment_it_was_taken() {
        let clock = Clock::new();
        let before = clock.now();
        let stamp = nanoseconds(clock_gettime(ClockId::Realtime));
        let after = clock.now();

        let at = clock.instant_of_unix_ns(stamp).as_millis();

        // The clocks are read one after the other: a millisecond of either side is theirs.
        assert!((before.as_millis()..=after.as_millis()).any(|now| now.abs_diff(at) <= 1), "{at} {before:?}");
    }

    #[test]
    fn time_left_ends_at_the_deadline_and_not_before() {
        let clock = Clock::new();
        let deadline = clock.now() + Duration::from_millis(5);

        std::thread::sleep(clock.until(deadline));

        assert!(clock.now() >= deadline);
        assert_eq!(clock.until(deadline), Duration::ZERO);
    }
}
