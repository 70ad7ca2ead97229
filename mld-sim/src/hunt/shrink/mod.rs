//! Cuts a story that breaks a rule down to one that a person can read.
//!
//! One thing after the other is left out, made simpler or brought forward, and stays so if the same rule is still
//! broken. Draws of one entity depend on no other, so that leaving a host out changes nothing else of the story.

mod moments;
mod search;
mod simplify;
mod spell_out;
mod whole;

use std::collections::BTreeSet;

use self::search::Search;
use super::run::judge;
use crate::scenario::Story;
use crate::world::Violation;

/// The shortest story found that breaks the same rule as `story`, and how it breaks it. `tries` bounds how many
/// stories are run.
///
/// What a story expects is left out: only rules count. Panics are the same if they are of one place.
pub fn shrink(story: &Story, violation: &Violation, tries: u32) -> (Story, Violation) {
    shrink_with(story, violation, tries, |story| judge(story).violation)
}

/// Shrinks as [`shrink`] does a story that breaks a rule of one's own: `judge` runs a story and says which it breaks.
///
/// The same judge and the same story give the same result.
pub fn shrink_with(
    story: &Story,
    violation: &Violation,
    tries: u32,
    judge: impl FnMut(&Story) -> Option<Violation>,
) -> (Story, Violation) {
    let best = Story { expectations: Vec::new(), ..story.clone() };
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
            search.drop_what_hastens(story.duration_ms);
        }
        if search.best == before || search.tries == 0 {
            break;
        }
    }
    search.cut_short();
    search.best.title = format!("{}, shrunk: {}", story.title, search.violation.rule);
    search.best.about = search.violation.to_string();
    (search.best, search.violation)
}
