//! Numbers that the standards leave open.

/// How often something is still to be done: at least and at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) low: u8,
    pub(super) high: u8,
}

impl Count {
    pub(super) const fn exactly(count: u8) -> Self {
        Self { low: count, high: count }
    }

    /// The range of both.
    pub(super) fn or(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Once more done.
    pub(super) const fn done(self) -> Self {
        Self { low: self.low.saturating_sub(1), high: self.high.saturating_sub(1) }
    }

    /// Once more done, as some see it.
    pub(super) const fn perhaps_done(self) -> Self {
        Self { low: self.low.saturating_sub(1), high: self.high }
    }
}
