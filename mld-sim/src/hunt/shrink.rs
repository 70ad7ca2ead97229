//! Cuts a story that breaks a rule down to one that a person can read.
//!
//! One thing after the other is left out, made simpler or brought forward, and stays so if the same rule is still
//! broken. Draws of one entity depend on no other, so that leaving a host out changes nothing else of the story.

mod moments;
mod simplify;
mod spell_out;
mod whole;

use std::collections::BTreeSet;

use self::whole::without_dangling;
use super::judge;
use super::panics::is_same_fault;
use crate::judge::Violation;
use crate::story::Story;

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

struct Search<J> {
    best: Story,
    /// How the best story breaks the rule.
    violation: Violation,
    /// How many stories may still be run.
    tries: u32,
    judge: J,
    /// How long candidates last, if not as long as the best story.
    longest_ms: Option<u64>,
    /// The stories that were run, as text: none is run twice.
    tried: BTreeSet<String>,
}

impl<J: FnMut(&Story) -> Option<Violation>> Search<J> {
    /// Takes the candidate if it breaks the same rule.
    fn accept(&mut self, mut candidate: Story) -> bool {
        if let Some(longest_ms) = self.longest_ms {
            moments::end(&mut candidate, longest_ms);
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

    fn with(&mut self, change: impl FnOnce(&mut Story)) -> bool {
        let mut candidate = self.best.clone();
        change(&mut candidate);
        self.accept(candidate)
    }

    /// Leaves out parts of a list, large ones first. `list` finds it in a story.
    fn drop_from<T>(&mut self, list: impl Fn(&mut Story) -> Option<&mut Vec<T>>) {
        let length = |story: &mut Story| list(story).map_or(0, |list| list.len());
        let mut size = length(&mut self.best);
        while size > 0 {
            let mut at = 0;
            while at < length(&mut self.best) {
                let dropped = self.with(|story| {
                    if let Some(list) = list(story) {
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

    /// Makes a number of the story smaller, not below `least` and to `exactness` at best. `set` says what the story is
    /// with another number.
    fn lower(&mut self, least: u64, number: u64, exactness: u64, set: impl Fn(&mut Story, u64)) {
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
