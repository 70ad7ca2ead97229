//! Runs of single scenarios with all judges.

use core::ops::AddAssign;

use super::draw::fault_kinds;
use super::panics::caught;
use crate::judge::Judges;
use crate::scenario::{Scenario, Staged};
use crate::world::{Violation, World};

/// What came of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The rule that was broken, if one was.
    pub violation: Option<Violation>,
    /// What happened.
    pub tally: Tally,
}

/// What happened in some worlds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Worlds.
    pub worlds: u64,
    /// Routers in them.
    pub routers: u64,
    /// Honest hosts in them.
    pub hosts: u64,
    /// Frames that reached somebody.
    pub deliveries: u64,
    /// Kinds of fault, counted for each world.
    pub fault_kinds: u64,
    /// How much time passed in them, in milliseconds.
    pub simulated_ms: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.worlds += other.worlds;
        self.routers += other.routers;
        self.hosts += other.hosts;
        self.deliveries += other.deliveries;
        self.fault_kinds += other.fault_kinds;
        self.simulated_ms += other.simulated_ms;
    }
}

/// Runs a scenario with all judges, until everything must be settled.
///
/// A panic of the engine, of a stack or of a judge counts as a broken rule, `panic`.
pub fn judge(scenario: &Scenario) -> Verdict {
    judge_with(scenario, |_| {})
}

/// Runs a scenario as [`judge`] does, with rules of one's own: `watch` adds observers to the world before it runs.
pub fn judge_with(scenario: &Scenario, watch: impl FnOnce(&mut World)) -> Verdict {
    let mut tally = Tally {
        worlds: 1,
        routers: scenario.routers.len() as u64,
        hosts: scenario.hosts.iter().map(|host| u64::from(host.count)).sum(),
        fault_kinds: fault_kinds(scenario).into(),
        ..Tally::default()
    };
    let mut staged = match stage(scenario) {
        Ok(staged) => staged,
        Err(violation) => return Verdict { violation: Some(violation), tally },
    };
    watch(&mut staged.world);
    let judges = Judges::watch(&mut staged.world);
    let ran = run(&mut staged, Some(&judges));
    tally.deliveries = staged.world.counts().deliveries;
    tally.simulated_ms = staged.world.now().as_millis();
    Verdict { violation: ran.err(), tally }
}

/// Builds the world of a scenario.
///
/// # Errors
///
/// The scenario cannot be staged: the rule `scenario`, or `panic`.
pub(crate) fn stage(scenario: &Scenario) -> Result<Staged, Violation> {
    let staged = caught(|| scenario.stage())?;
    staged.map_err(|error| Violation::new("scenario", error.to_string()))
}

/// Runs a scenario to its end, and lets the judges say what is left to be said then.
///
/// # Errors
///
/// A rule was broken; a panic breaks the rule `panic`.
pub(crate) fn run(staged: &mut Staged, judges: Option<&Judges>) -> Result<(), Violation> {
    let ran = caught(|| {
        staged.run()?;
        judges.map_or(Ok(()), |judges| judges.finish(&staged.world))
    });
    ran.unwrap_or_else(|panic| Err(Violation { at: staged.world.now(), ..panic }))
}
