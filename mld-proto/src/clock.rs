//! The time that an engine was given, and its timers; shared by router and listener.

use crate::store::{Nodes, TimerId, Wheel, ensure};
use crate::time::LATEST;

/// The latest moment given, the deadlines that have expired by it, and the wheel of the timers.
///
/// A deadline has expired once it lies strictly before the moment of a packet or command (R-TIM-13), and once it lies
/// at or before the moment of a timeout. Processing the expired timers is bounded work for each call, so some may be
/// left.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    now: u64,
    expired_through: u64,
    has_backlog: bool,
    wheel: Wheel,
}

impl Clock {
    pub(crate) const NEW: Self = Self { now: 0, expired_through: 0, has_backlog: false, wheel: Wheel::NEW };

    /// The latest moment given, in milliseconds.
    pub(crate) const fn now(&self) -> u64 {
        self.now
    }

    /// Deadlines up to this one have expired, processed or not.
    pub(crate) const fn expired_through(&self) -> u64 {
        self.expired_through
    }

    /// True if timers have expired that were not processed: groups are brought up to date before they are used.
    pub(crate) const fn has_backlog(&self) -> bool {
        self.has_backlog
    }

    /// A packet or command arrives at `now`: deadlines strictly before it have expired.
    pub(crate) fn arrive(&mut self, now: u64) {
        self.now = self.now.max(now.min(LATEST));
        self.expired_through = self.expired_through.max(self.now.saturating_sub(1));
        self.update_backlog();
    }

    /// Time reaches `now`: deadlines up to and at it have expired.
    pub(crate) fn advance(&mut self, now: u64) {
        self.now = self.now.max(now.min(LATEST));
        self.expired_through = self.expired_through.max(self.now);
    }

    /// Takes an expired timer off the wheel. Its deadline may have been moved to a later moment since.
    pub(crate) fn pop(&mut self, nodes: &mut impl Nodes) -> Option<TimerId> {
        self.wheel.pop(nodes, self.expired_through)
    }

    /// Notes if expired timers are left. The wheel follows the time: a timer that is put in then stands where it
    /// belongs, however long ago one was taken out.
    pub(crate) fn update_backlog(&mut self) {
        self.has_backlog = self.wheel.advance(self.expired_through);
    }

    /// The same moment, with an empty wheel.
    pub(crate) const fn without_timers(&self) -> Self {
        Self { now: self.now, expired_through: self.expired_through, ..Self::NEW }
    }

    pub(crate) fn insert(&mut self, nodes: &mut impl Nodes, id: TimerId, deadline: u64) {
        self.wheel.insert(nodes, id, deadline);
    }

    pub(crate) fn remove(&mut self, nodes: &mut impl Nodes, id: TimerId) {
        self.wheel.remove(nodes, id);
    }

    /// The next moment at which a timer of the wheel, or one of the `other` deadlines, expires; now if one has.
    pub(crate) fn next(&self, other: impl IntoIterator<Item = u64>) -> Option<u64> {
        let next = other.into_iter().chain(self.wheel.next()).min()?;
        Some(if next <= self.expired_through { self.now } else { next })
    }

    /// The wheel, for self-checks.
    pub(crate) const fn wheel(&self) -> &Wheel {
        &self.wheel
    }

    /// Checks that the parts of the clock fit each other.
    ///
    /// # Errors
    ///
    /// Names what is wrong.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        ensure(self.now <= LATEST, "clock: now is later than the last moment")?;
        let behind = self.now.saturating_sub(1);
        ensure(
            self.expired_through == self.now || self.expired_through == behind,
            "clock: expired-through is not at the present moment",
        )?;
        ensure(self.wheel.present() <= self.expired_through, "clock: wheel ahead of expired-through")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moment_of_a_packet_has_not_expired_and_that_of_a_timeout_has() {
        let mut clock = Clock::NEW;
        clock.arrive(1000);
        assert_eq!((clock.now(), clock.expired_through()), (1000, 999));
        clock.advance(1000);
        assert_eq!((clock.now(), clock.expired_through()), (1000, 1000));
        clock.arrive(1000);
        assert_eq!(clock.expired_through(), 1000, "what has expired stays so");
        clock.arrive(10);
        assert_eq!(clock.now(), 1000, "time does not go back");
        clock.arrive(u64::MAX);
        assert_eq!(clock.now(), LATEST);
    }

    #[test]
    fn wheel_follows_a_clock_that_nothing_waits_on() {
        let mut clock = Clock::NEW;
        clock.arrive(1 << 41);
        assert_eq!(clock.wheel.present(), (1 << 41) - 1);
        assert!(!clock.has_backlog());
        assert_eq!(
            (clock.next([]), clock.next([1 << 42]), clock.next([3])),
            (None, Some(1 << 42), Some(1 << 41))
        );
    }

    #[test]
    fn check_names_each_thing_that_is_wrong() {
        type Damage = fn(&mut Clock);
        let broken: [(&str, Damage); 3] = [
            ("clock: now is later than the last moment", |clock| clock.now = u64::MAX),
            ("clock: expired-through is not at the present moment", |clock| clock.now += 5),
            ("clock: wheel ahead of expired-through", |clock| assert!(!clock.wheel.advance(2000))),
        ];
        for (complaint, damage) in broken {
            let mut clock = Clock::NEW;
            clock.arrive(1000);
            assert_eq!(clock.check(), Ok(()));
            damage(&mut clock);
            assert_eq!(clock.check(), Err(complaint));
        }
    }
}
