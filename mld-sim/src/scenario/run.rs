//! From a world to what came of it.

use core::cell::RefCell;
use core::time::Duration;
use std::rc::Rc;

use mld_proto::Instant;

use super::data::{Claim, Expectation, Place, Scenario, ScenarioError};
use super::expect::{Evidence, Log};
use super::stage::{self, Names};
use crate::judge;
use crate::world::{LinkId, NodeId, Violation, World};

/// The rule that is broken where the stack of a host refuses a call, see [`World::act`].
const REFUSED: &str = "refused";

/// A scenario whose world is ready to run. Observers may be added to the world before it does.
pub struct Staged {
    /// The world, at moment 0.
    pub world: World,
    duration_ms: u64,
    /// All faults end at some moment.
    has_faults_off: bool,
    names: Names,
    /// In order of their moments.
    expectations: Vec<Expectation>,
    log: Rc<RefCell<Log>>,
    verdicts: Vec<Verdict>,
}

/// What became of an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// When it was to be met.
    pub at_ms: u64,
    /// What was expected, in words.
    pub expected: String,
    /// If it was not met, what was the case instead.
    pub unmet: Option<String>,
}

impl Scenario {
    /// Builds the world of this scenario, with everything in it that will happen.
    ///
    /// # Errors
    ///
    /// The first thing that cannot be: a name that nobody bears, settings that do not go together, a step after the end.
    pub fn stage(&self) -> Result<Staged, ScenarioError> {
        let (world, names) = stage::build(self)?;
        for (at, expectation) in self.expectations.iter().enumerate() {
            stage::is_in_time(self, Place::new("expect", at, "at"), expectation.at_ms)?;
            expectation.claim.check(at, expectation.at_ms, &names)?;
        }
        stage::follow(self, &names, world.scene())?;
        Ok(Staged::new(self, world, names))
    }
}

impl Staged {
    fn new(scenario: &Scenario, mut world: World, names: Names) -> Self {
        let mut expectations = scenario.expectations.clone();
        expectations.sort_by_key(|expectation| expectation.at_ms);
        let watched = expectations.iter().filter_map(|expectation| expectation.claim.watched(&names));
        let log = Rc::new(RefCell::new(Log { watched: watched.collect(), ..Log::default() }));
        // A world that nobody watches runs faster.
        if !expectations.is_empty() {
            world.observe(Rc::clone(&log));
        }
        let (duration_ms, has_faults_off) = (scenario.duration_ms, scenario.faults_off_ms.is_some());
        Self { world, duration_ms, has_faults_off, names, expectations, log, verdicts: Vec::new() }
    }

    /// The nodes of this name; none if nobody bears it.
    pub fn nodes(&self, name: &str) -> &[NodeId] {
        self.names.known(name)
    }

    /// The link of this name.
    pub fn link(&self, name: &str) -> Option<LinkId> {
        self.names.link_id(name)
    }

    /// Runs the world to the end of the scenario and checks the expectations at their moments.
    ///
    /// If all faults ended during the scenario, it then goes on until everything must be settled.
    ///
    /// # Errors
    ///
    /// An observer saw a rule broken, or not everything is settled in the end. What was expected until then has its
    /// [verdict](Self::verdicts).
    pub fn run(&mut self) -> Result<(), Violation> {
        for at in 0..self.expectations.len() {
            let at_ms = self.expectations[at].at_ms;
            self.go_on(at_ms)?;
            let verdict = self.judge(&self.expectations[at]);
            self.verdicts.push(verdict);
        }
        self.go_on(self.duration_ms)?;
        if self.has_faults_off { judge::settle(&mut self.world) } else { Ok(()) }
    }

    /// What became of the expectations so far, in order of their moments.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// How long the world has run.
    pub fn elapsed(&self) -> Duration {
        self.world.now().saturating_since(Instant::ZERO)
    }

    /// Lets time pass until this moment. Refused calls that are expected do not end it.
    fn go_on(&mut self, until_ms: u64) -> Result<(), Violation> {
        loop {
            match self.world.run_until(Instant::from_millis(until_ms)) {
                Err(violation) if self.may_be(&violation) => {}
                result => return result,
            }
        }
    }

    fn may_be(&self, violation: &Violation) -> bool {
        if violation.rule != REFUSED {
            return false;
        }
        let log = self.log.borrow();
        let Some(call) = log.refused_calls.last() else { return false };
        self.expectations.iter().any(|expectation| match &expectation.claim {
            Claim::RefusedCalls(claim) => {
                (claim.since_ms..=expectation.at_ms).contains(&call.at_ms) && claim.means(&self.names, call)
            }
            _ => false,
        })
    }

    fn judge(&self, expectation: &Expectation) -> Verdict {
        let log = self.log.borrow();
        let at = Instant::from_millis(expectation.at_ms);
        let evidence = Evidence { scene: self.world.scene(), names: &self.names, log: &log, at };
        let unmet = expectation.claim.hold(&evidence).err();
        Verdict { at_ms: expectation.at_ms, expected: expectation.claim.to_string(), unmet }
    }
}
