//! Self-checks and fingerprints, for those who test, fuzz or simulate the engine.
//!
//! Always compiled, and outside semantic versioning: what is checked and hashed, and the messages, change with the
//! structures behind them.

use core::hash::Hasher;

use crate::listener::{self, Listener};
use crate::router::{self, Router};

/// Checks the structures of a router or listener.
pub trait Inspect {
    /// Checks that slots, lists, index, timers and counts agree; of a listener also that the filters of the interface
    /// are the merge of those of the sockets (R-LSN-2 to 4). Walks through every slot and list, some of them a few
    /// times.
    ///
    /// # Errors
    ///
    /// Names the first contradiction. It is a defect of this crate, whatever was received and in whatever order the
    /// calls came.
    fn check(&self) -> Result<(), &'static str>;
}

impl<T: router::Storage> Inspect for Router<T> {
    fn check(&self) -> Result<(), &'static str> {
        let (core, tables) = self.parts();
        core.check_whole(tables)
    }
}

impl<T: listener::Storage> Inspect for Listener<T> {
    fn check(&self) -> Result<(), &'static str> {
        let (core, tables) = self.parts();
        core.check_whole(tables)
    }
}

/// Hashes everything that determines the future behaviour of a router, relative to now: for model checkers.
///
/// Two routers with the same past hash alike, at whatever time it began, whatever their hash seeds and the places of
/// their state in the tables. Deadlines count by their remaining time. Statistics do not count, nor do
/// [`created`](router::GroupRef::created) and [`last_reporter`](router::GroupRef::last_reporter), which are only shown.
///
/// The order of things of equal rank is left out: sources within a Query, groups of [`Router::groups`], the share of
/// one call when there is too much for one. Of reported refusals for groups without state only the number counts. Takes
/// the square of the number of groups, and of a group's sources.
pub fn hash_situation<T: router::Storage>(router: &Router<T>, hasher: &mut impl Hasher) {
    let (core, tables) = router.parts();
    core.hash_situation(tables, hasher);
}

/// Returns true if everything that [`hash_situation`] hashes is equal for both routers.
pub fn same_situation<T: router::Storage, U: router::Storage>(one: &Router<T>, other: &Router<U>) -> bool {
    let ((core, tables), (other_core, other_tables)) = (one.parts(), other.parts());
    core.is_in_situation_of(tables, other_core, other_tables)
}
