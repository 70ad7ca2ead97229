//! The host of MLDv1 for one group (RFC 2710 section 5; R-LSN-70 to 75).

use core::time::Duration;

use mld_proto::Instant;

use super::count::Count;

/// The flag of RFC 2710: this host reported the group last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Flag {
    Set,
    Clear,
    #[default]
    Unknown,
}

/// The timer of a group.
#[derive(Debug, Default)]
pub(super) struct Timer {
    /// Until when a Report has to leave; none if the host need not be in Delaying Listener.
    must: Option<Instant>,
    /// Until when a Report may leave; none in Idle Listener.
    may: Option<Instant>,
    /// Reports that are sent unasked.
    unasked: Count,
    flag: Flag,
    left: Option<Left>,
}

/// The host stopped listening.
#[derive(Clone, Copy, Debug)]
struct Left {
    at: Instant,
    owes_done: bool,
}

impl Timer {
    /// Starts listening: `reports` in all (R-LSN-72).
    pub(super) fn joined(&mut self, at: Instant, reports: Count) {
        *self = Self { must: Some(at), may: Some(at), unasked: reports, flag: Flag::Set, left: None };
    }

    /// Stops listening (R-LSN-71).
    pub(super) fn left(&mut self, at: Instant) {
        let left = Some(Left { at, owes_done: self.flag == Flag::Set });
        *self = Self { left, ..Self::default() };
    }

    /// A Query that every host accepts, answered within this delay.
    pub(super) fn asked(&mut self, at: Instant, delay: Duration) {
        let due = at + delay;
        // In Delaying Listener only a shorter delay than what is left starts the timer anew.
        let earlier = |known: Option<Instant>| known.map_or(due, |known| known.min(due));
        self.may = Some(if self.must.is_some() { earlier(self.may) } else { due });
        self.must = Some(earlier(self.must));
    }

    /// A Query that some hosts accept.
    pub(super) fn perhaps_asked(&mut self, at: Instant, delay: Duration) {
        self.may = self.may.max(Some(at + delay));
    }

    /// The Report of another host (R-LSN-73).
    pub(super) fn overheard(&mut self) {
        if self.must.is_some() {
            *self = Self { flag: Flag::Clear, ..Self::default() };
        } else {
            self.perhaps_overheard();
        }
    }

    /// The Report of another host that some hosts accept.
    pub(super) fn perhaps_overheard(&mut self) {
        self.must = None;
        if self.may.is_some() {
            (self.unasked.low, self.flag) = (0, Flag::Unknown);
        }
    }

    /// A Report was sent.
    ///
    /// # Errors
    ///
    /// Nothing called for it.
    pub(super) fn reported(&mut self, at: Instant, interval: Duration) -> Result<(), String> {
        let is_late = self.may.is_none_or(|may| may < at);
        self.unasked = self.unasked.done();
        self.flag = Flag::Set;
        self.must = (self.unasked.low > 0).then(|| at + interval);
        self.may = (self.unasked.high > 0).then(|| at + interval);
        if is_late { Err(String::from("sends a Report that is not due")) } else { Ok(()) }
    }

    /// A Done was sent.
    ///
    /// # Errors
    ///
    /// The host did not stop listening just now.
    pub(super) fn said_done(&mut self, at: Instant) -> Result<(), String> {
        match self.left.take() {
            Some(left) if left.at == at => Ok(()),
            _ => Err(String::from("sends Done though it did not just stop listening")),
        }
    }

    /// Nothing is owed, and nothing has to be remembered.
    pub(super) fn is_over(&self) -> bool {
        self.may.is_none() && self.left.is_none() && self.flag == Flag::Unknown
    }

    /// Checks that the messages due before `at` were sent.
    ///
    /// # Errors
    ///
    /// The missing message.
    pub(super) fn check(&self, at: Instant) -> Result<(), String> {
        if let Some(must) = self.must.filter(|must| *must < at) {
            return Err(format!("sent no MLDv1 Report until {} ms", must.as_millis()));
        }
        match self.left {
            Some(left) if left.owes_done && left.at < at => Err(String::from("sent no Done")),
            _ => Ok(()),
        }
    }
}
