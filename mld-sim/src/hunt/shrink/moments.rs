//! Shorter scenarios: an earlier end, less waiting, steps that come sooner.

use std::collections::BTreeSet;

use super::search::Search;
use super::whole::end;
use crate::scenario::Scenario;
use crate::world::Violation;

/// How long a scenario goes on after the moment at which its rule was broken, in milliseconds.
const AFTER_MS: u64 = 1;
/// How exactly the shortest time is searched for, in milliseconds.
const EXACTNESS_MS: u64 = 500;

impl<J: FnMut(&Scenario) -> Option<Violation>> Search<J> {
    /// The scenario ends when the rule is broken; if that is only seen because its faults have ended, they end as early as
    /// they can.
    pub(super) fn cut_short(&mut self) {
        let end_ms = self.violation.at.as_millis() + AFTER_MS;
        if end_ms <= self.best.duration_ms {
            self.with(|scenario| end(scenario, end_ms));
            return;
        }
        let before = (self.best.clone(), self.violation.clone());
        if self.with(|scenario| end(scenario, end_ms)) && self.violation.at.as_millis() < end_ms {
            return;
        }
        (self.best, self.violation) = before;
        self.lower(0, self.best.duration_ms, EXACTNESS_MS, end);
    }

    /// Leaves out what only makes the rule break sooner: a scenario with less in it may last as long as the first one did.
    pub(super) fn drop_what_hastens(&mut self, longest_ms: u64) {
        self.longest_ms = Some(longest_ms);
        self.drop_parts();
        self.longest_ms = None;
    }

    /// Everything comes sooner: first what happens from a moment on, then single steps, past others.
    pub(super) fn bring_forward(&mut self) {
        let mut at = 0;
        loop {
            let before = moments(&self.best);
            let Some(&moment) = before.get(at) else { break };
            let least = if at == 0 { 0 } else { before[at - 1] };
            self.lower(least, moment, EXACTNESS_MS, |scenario, sooner| {
                pull(scenario, moment, moment - sooner)
            });
            // If it now comes together with the moment before, the next one is in its place.
            if moments(&self.best).len() == before.len() {
                at += 1;
            }
        }
        for at in 0..self.best.steps.len() {
            let moment = self.best.steps[at].at_ms;
            let before = self.best.steps[..at].iter().map(|step| step.at_ms);
            let sooner = [Some(0), before.rev().find(|before_ms| *before_ms < moment)];
            for at_ms in sooner.into_iter().flatten().filter(|at_ms| *at_ms < moment) {
                if self.with(|scenario| {
                    scenario.steps[at].at_ms = at_ms;
                    scenario.steps.sort_by_key(|step| step.at_ms);
                }) {
                    break;
                }
            }
        }
    }
}

/// When something happens, beside what happens by itself; ascending.
fn moments(scenario: &Scenario) -> Vec<u64> {
    let steps = scenario.steps.iter().map(|step| step.at_ms);
    let routers = scenario.routers.iter().filter_map(|part| part.start_ms);
    let hosts = scenario.hosts.iter().filter_map(|part| part.start_ms);
    let misbehaviour =
        scenario.misbehaviour.iter().flat_map(|part| [Some(part.start_ms), part.until_ms]).flatten();
    let faults_off = scenario.faults_off_ms.filter(|at_ms| *at_ms < scenario.duration_ms);
    let all: BTreeSet<u64> =
        steps.chain(routers).chain(hosts).chain(misbehaviour).chain(faults_off).collect();
    all.into_iter().filter(|moment| *moment > 0).collect()
}

/// Everything from a moment on comes sooner by so much.
fn pull(scenario: &mut Scenario, from_ms: u64, by_ms: u64) {
    let sooner = |moment: &mut u64| {
        if *moment >= from_ms {
            *moment -= by_ms;
        }
    };
    scenario.steps.iter_mut().for_each(|step| sooner(&mut step.at_ms));
    scenario.routers.iter_mut().filter_map(|part| part.start_ms.as_mut()).for_each(sooner);
    scenario.hosts.iter_mut().filter_map(|part| part.start_ms.as_mut()).for_each(sooner);
    for part in &mut scenario.misbehaviour {
        sooner(&mut part.start_ms);
        part.until_ms.as_mut().into_iter().for_each(sooner);
    }
    sooner(&mut scenario.duration_ms);
    scenario.faults_off_ms.as_mut().into_iter().for_each(sooner);
}
