use core::ops::Add;
use core::time::Duration;

/// The end of the clock: late enough for everybody, early enough for sums of intervals.
pub(crate) const LATEST: u64 = 1 << 62;

/// A moment in whole milliseconds on a clock of the caller's choice.
///
/// The engine never reads a clock: each call is given the time. The clock should not go back; an
/// earlier moment than the latest one seen counts as the latest one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The first moment of the clock.
    pub const ZERO: Self = Self(0);

    /// The moment `millis` milliseconds after [`Instant::ZERO`].
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since [`Instant::ZERO`].
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was; zero if it is not earlier.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Adds whole milliseconds; saturates at the end of the clock.
impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }
}
