//! The hunt for a world that breaks a rule.
//!
//! Each seed is a [story](story()); it runs with all [judges](crate::judge), then the faults end, and once the timers
//! allow it everything must be settled. A story that breaks a rule is [shrunk](shrink()) to one that a person can read.

mod generate;
mod large;
mod shrink;

use core::ops::AddAssign;
use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

pub use generate::{fault_kinds, story};
pub use shrink::shrink;

use crate::judge::{Judges, Violation};
use crate::story::Story;
use crate::world::Counts;

/// What came of one story.
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

/// Runs a story with all judges, until everything must be settled.
///
/// A panic of the engine counts as a broken rule, `panic`.
pub fn judge(story: &Story) -> Verdict {
    let mut tally = Tally {
        worlds: 1,
        routers: story.routers.len() as u64,
        hosts: story.hosts.iter().map(|host| u64::from(host.count)).sum(),
        fault_kinds: fault_kinds(story).into(),
        ..Tally::default()
    };
    let mut reached = (Counts::default(), 0);
    let ran = catch_unwind(AssertUnwindSafe(|| run(story, &mut reached)));
    let violation = ran.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word");
        Err(Violation { at: mld_proto::Instant::from_millis(reached.1), ..Violation::new("panic", text) })
    });
    tally.deliveries = reached.0.deliveries;
    tally.simulated_ms = reached.1;
    Verdict { violation: violation.err(), tally }
}

fn run(story: &Story, reached: &mut (Counts, u64)) -> Result<(), Violation> {
    let mut staged = story.stage().map_err(|error| Violation::new("story", error.to_string()))?;
    let bench = Judges::watch(&mut staged.world);
    let ran = staged.run();
    *reached = (staged.world.counts(), staged.world.now().as_millis());
    ran?;
    bench.finish(&staged.world)
}
