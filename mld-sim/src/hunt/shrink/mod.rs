//! Cuts a scenario that breaks a rule down to one that a person can read.
//!
//! One thing after the other is left out, made simpler or brought forward, and stays so if the same rule is still
//! broken. Draws of one entity depend on no other, so that leaving a host out changes nothing else of the scenario.

mod moments;
mod search;
mod simplify;
mod spell_out;
mod whole;

use std::collections::BTreeSet;

use self::search::Search;
use super::run::judge;
use crate::scenario::Scenario;
use crate::world::Violation;

/// The shortest scenario found that breaks the same rule as `scenario`, and how it breaks it. `tries` bounds how many
/// scenarios are run.
///
/// What a scenario expects is left out: only rules count. Panics are the same if they are of one place.
pub fn shrink(scenario: &Scenario, violation: &Violation, tries: u32) -> (Scenario, Violation) {
    shrink_with(scenario, violation, tries, |scenario| judge(scenario).violation)
}

/// Shrinks as [`shrink`] does a scenario that breaks a rule of one's own: `judge` runs a scenario and says which it breaks.
///
/// The same judge and the same scenario give the same result.
pub fn shrink_with(
    scenario: &Scenario,
    violation: &Violation,
    tries: u32,
    judge: impl FnMut(&Scenario) -> Option<Violation>,
) -> (Scenario, Violation) {
    let best = Scenario { expectations: Vec::new(), ..scenario.clone() };
    let (violation, tried) = (violation.clone(), BTreeSet::new());
    let mut search = Search { best, violation, tries, judge, longest_ms: None, tried };
    search.cut_short();
    search.spell_out();
    loop {
        let before = search.best.clone();
        search.drop_parts();
        search.drop_topics();
        search.simplify();
        search.bring_forward();
        search.cut_short();
        if search.best == before {
            search.drop_what_hastens(scenario.duration_ms);
        }
        if search.best == before || search.tries == 0 {
            break;
        }
    }
    search.cut_short();
    search.best.title = format!("{}, shrunk: {}", scenario.title, search.violation.rule);
    search.best.about = search.violation.to_string();
    (search.best, search.violation)
}
