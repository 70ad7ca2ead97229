//! The search for a shorter scenario.

use std::collections::BTreeSet;

use super::whole::{end, without_dangling};
use crate::hunt::panics::is_same_fault;
use crate::scenario::Scenario;
use crate::world::Violation;

/// A scenario that breaks a rule, on its way to be the shortest.
pub(super) struct Search<J> {
    pub(super) best: Scenario,
    /// How the best scenario breaks the rule.
    pub(super) violation: Violation,
    /// How many scenarios may still be run.
    pub(super) tries: u32,
    pub(super) judge: J,
    /// How long candidates last, if not as long as the best scenario.
    pub(super) longest_ms: Option<u64>,
    /// The scenarios that were run, as text: none is run twice.
    pub(super) tried: BTreeSet<String>,
}

impl<J: FnMut(&Scenario) -> Option<Violation>> Search<J> {
    /// Takes the candidate if it breaks the same rule.
    fn accept(&mut self, mut candidate: Scenario) -> bool {
        if let Some(longest_ms) = self.longest_ms {
            end(&mut candidate, longest_ms);
        }
        let candidate = without_dangling(candidate);
        if self.tries == 0 || candidate == self.best || !self.tried.insert(candidate.to_toml()) {
            return false;
        }
        self.tries -= 1;
        match (self.judge)(&candidate) {
            Some(violation) if is_same_fault(&violation, &self.violation) => {
                (self.best, self.violation) = (candidate, violation);
                true
            }
            _ => false,
        }
    }

    pub(super) fn with(&mut self, change: impl FnOnce(&mut Scenario)) -> bool {
        let mut candidate = self.best.clone();
        change(&mut candidate);
        self.accept(candidate)
    }

    /// Leaves out parts of a list, large ones first. `list` finds it in a scenario.
    pub(super) fn drop_from<T>(&mut self, list: impl Fn(&mut Scenario) -> Option<&mut Vec<T>>) {
        let length = |scenario: &mut Scenario| list(scenario).map_or(0, |list| list.len());
        let mut size = length(&mut self.best);
        while size > 0 {
            let mut at = 0;
            while at < length(&mut self.best) {
                let dropped = self.with(|scenario| {
                    if let Some(list) = list(scenario) {
                        list.drain(at..(at + size).min(list.len()));
                    }
                });
                if !dropped {
                    at += size;
                }
            }
            size /= 2;
        }
    }

    /// Makes a number of the scenario smaller, not below `least` and to `exactness` at best. `set` says what the scenario is
    /// with another number.
    pub(super) fn lower(
        &mut self,
        least: u64,
        number: u64,
        exactness: u64,
        set: impl Fn(&mut Scenario, u64),
    ) {
        let base = self.best.clone();
        let mut is_broken_with = |number| {
            let mut candidate = base.clone();
            set(&mut candidate, number);
            self.accept(candidate)
        };
        if least >= number || is_broken_with(least) {
            return;
        }
        let (mut too_low, mut lowest) = (least, number);
        while lowest - too_low > exactness {
            let middle = too_low.midpoint(lowest);
            if is_broken_with(middle) {
                lowest = middle;
            } else {
                too_low = middle;
            }
        }
        if exactness > 1 {
            // A round number is easier to read.
            let round = [1000, 100, 10].map(|unit| lowest - lowest % unit);
            round.into_iter().find(|round| *round > least && *round < lowest && is_broken_with(*round));
        }
    }
}
