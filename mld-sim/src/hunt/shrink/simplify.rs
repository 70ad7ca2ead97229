//! Simpler scenarios: fewer parts, fewer addresses, defaults where nothing else is needed.

use core::net::Ipv6Addr;
use std::collections::BTreeSet;

use mld_proto::settings::Settings;

use super::search::Search;
use crate::nodes::flood::Flood;
use crate::nodes::forger::{Forger, Forgery, Name};
use crate::nodes::malformed::Malformed;
use crate::nodes::switch::Switch;
use crate::scenario::{ForgeryPart, MisbehaviourKind, RouterPart, Scenario, StepAction};
use crate::world::{Behaviour, Clock, Faults, Medium, Violation};

/// Addresses that a scenario talks about, each of which it names in several places.
#[derive(Clone, Copy)]
enum Topic {
    Groups,
    Sources,
}

impl<J: FnMut(&Scenario) -> Option<Violation>> Search<J> {
    /// Leaves out who and what there is.
    pub(super) fn drop_parts(&mut self) {
        self.drop_from(|scenario| Some(&mut scenario.misbehaviour));
        self.drop_from(|scenario| Some(&mut scenario.hosts));
        self.drop_from(|scenario| Some(&mut scenario.routers));
        self.drop_from(|scenario| Some(&mut scenario.links));
        self.drop_from(|scenario| Some(&mut scenario.steps));
    }

    /// Leaves out groups and sources, each wherever it is named.
    pub(super) fn drop_topics(&mut self) {
        for topic in [Topic::Groups, Topic::Sources] {
            let mut size = named(&mut self.best, topic).len();
            while size > 0 {
                let addresses: Vec<Ipv6Addr> = named(&mut self.best, topic).into_iter().collect();
                for chunk in addresses.chunks(size) {
                    self.with(|scenario| forget(scenario, topic, chunk));
                }
                size /= 2;
            }
        }
    }

    /// Makes everything that is left simpler.
    pub(super) fn simplify(&mut self) {
        (0..self.best.misbehaviour.len()).for_each(|at| self.misbehaviour(at));
        (0..self.best.hosts.len()).for_each(|at| self.host(at));
        // Routers of one link often need the same settings, if any.
        self.settings(|_| true);
        (0..self.best.routers.len()).for_each(|at| self.router(at));
        (0..self.best.links.len()).for_each(|at| self.link(at));
        self.with(unname_link);
        (0..self.best.steps.len()).for_each(|at| self.step(at));
    }

    fn misbehaviour(&mut self, at: usize) {
        self.drop_from(|scenario| Some(&mut scenario.misbehaviour[at].groups));
        self.drop_from(|scenario| Some(&mut scenario.misbehaviour[at].sources));
        if self.best.misbehaviour[at].kind == MisbehaviourKind::Forger {
            self.forgeries(at);
        }
        let usual = match self.best.misbehaviour[at].kind {
            MisbehaviourKind::Flood => Flood::PACE,
            MisbehaviourKind::Malformed => Malformed::PACE,
            MisbehaviourKind::Forger => Forger::PACE,
            MisbehaviourKind::Switch => Switch::PACE,
        };
        let turns = self.best.misbehaviour[at].turns.unwrap_or(usual.turns_max);
        self.lower(1, turns, 1, |scenario, turns| scenario.misbehaviour[at].turns = Some(turns));
        self.with(|scenario| scenario.misbehaviour[at].until_ms = None);
        self.with(|scenario| scenario.misbehaviour[at].start_ms = 0);
        self.with(|scenario| scenario.misbehaviour[at].every_ms = None);
        self.with(|scenario| scenario.misbehaviour[at].version = Default::default());
    }

    /// All forgeries are written down, so that some can be left out.
    fn forgeries(&mut self, at: usize) {
        let written = |scenario: &Scenario| {
            let names = |message| Name::ALL.map(|name| ForgeryPart { message, name });
            let all = || Forgery::ALL.into_iter().flat_map(names).collect::<Vec<_>>();
            let some = &scenario.misbehaviour[at].forgeries;
            if some.is_empty() { all() } else { some.clone() }
        };
        let mut size = written(&self.best).len() / 2;
        while size > 0 {
            let mut from = 0;
            while from < written(&self.best).len() {
                let mut forgeries = written(&self.best);
                forgeries.drain(from..(from + size).min(forgeries.len()));
                // None would stand for all.
                if forgeries.is_empty()
                    || !self.with(|scenario| scenario.misbehaviour[at].forgeries = forgeries)
                {
                    from += size;
                }
            }
            size /= 2;
        }
    }

    fn host(&mut self, at: usize) {
        self.drop_from(|scenario| Some(&mut scenario.hosts[at].listens));
        self.drop_from(|scenario| Some(&mut scenario.hosts[at].behaviours));
        for listen in 0..self.best.hosts[at].listens.len() {
            self.drop_from(|scenario| Some(&mut scenario.hosts[at].listens[listen].sources));
        }
        for behaviour in 0..self.best.hosts[at].behaviours.len() {
            for list in 0..2 {
                self.drop_from(|scenario| {
                    lists(&mut scenario.hosts[at].behaviours[behaviour]).into_iter().flatten().nth(list)
                });
            }
        }
        self.lower(1, self.best.hosts[at].count.into(), 1, |scenario, count| {
            scenario.hosts[at].count = count as u32;
        });
        self.with(|scenario| scenario.hosts[at].tentative_ms = 0);
        self.with(|scenario| scenario.hosts[at].start_ms = None);
        self.with(|scenario| scenario.hosts[at].version = Default::default());
        self.with(|scenario| scenario.hosts[at].stack = Default::default());
        self.with(|scenario| scenario.hosts[at].robustness = None);
        self.with(|scenario| scenario.hosts[at].unsolicited_report_interval_ms = None);
        self.with(|scenario| scenario.hosts[at].mtu = None);
        self.with(|scenario| scenario.hosts[at].always_done = false);
    }

    fn router(&mut self, at: usize) {
        let name = self.best.routers[at].name.clone();
        self.settings(|part| part.name == name);
        self.with(|scenario| scenario.routers[at].clock = Clock::EXACT);
        self.with(|scenario| scenario.routers[at].clock.tick_ms = Clock::EXACT.tick_ms);
        self.with(|scenario| scenario.routers[at].clock.late_ms = Clock::EXACT.late_ms);
        self.with(|scenario| scenario.routers[at].start_ms = None);
    }

    /// Settings of some routers are the default again, together.
    fn settings(&mut self, are_meant: impl Fn(&RouterPart) -> bool) {
        let mut reset = |key: fn(&mut Settings)| {
            self.with(|scenario| {
                let meant = scenario.routers.iter_mut().filter(|part| are_meant(part));
                meant.for_each(|part| key(&mut part.settings));
            });
        };
        reset(|settings| *settings = Settings::default());
        macro_rules! unset {
            ($($key:ident)*) => { $(reset(|settings| settings.$key = None);)* };
        }
        unset! {
            version querier robustness_variable query_interval query_max_response_time
            last_member_query_interval last_member_query_count startup_query_interval startup_query_count
            immediate_leave require_router_alert max_groups max_group_sources max_sources mtu ssm_range
            legacy_mali strict_query_destination ignore_v1_querier version_1_reads_version_2_reports
            version_2_only ignore_link_local_groups
        }
    }

    fn link(&mut self, at: usize) {
        self.faults(|scenario| Some(&mut scenario.links[at].faults));
        self.with(|scenario| scenario.links[at].snooping = false);
        self.with(|scenario| scenario.links[at].medium = Medium::Ethernet);
    }

    fn faults(&mut self, faults: impl Fn(&mut Scenario) -> Option<&mut Faults>) {
        let mut change = |change: fn(&mut Faults)| {
            self.with(|scenario| faults(scenario).map_or((), change));
        };
        change(|faults| *faults = Faults::NONE);
        change(|faults| faults.loss_ppm = 0);
        change(|faults| faults.duplicate_ppm = 0);
        change(|faults| (faults.reorder_ppm, faults.reorder_ms) = (0, 0));
        change(|faults| faults.corrupt_ppm = 0);
        change(|faults| faults.delay_ms.1 = faults.delay_ms.0);
        change(|faults| faults.delay_ms = (0, 0));
    }

    fn step(&mut self, at: usize) {
        match &self.best.steps[at].action {
            StepAction::Listen(_) => self.drop_from(|scenario| match &mut scenario.steps[at].action {
                StepAction::Listen(action) => Some(&mut action.sources),
                _ => None,
            }),
            StepAction::Partition(_) => self.drop_from(|scenario| match &mut scenario.steps[at].action {
                StepAction::Partition(action) => Some(&mut action.apart),
                _ => None,
            }),
            StepAction::Faults(_) => self.faults(|scenario| match &mut scenario.steps[at].action {
                StepAction::Faults(action) => Some(&mut action.now),
                _ => None,
            }),
            StepAction::Jump(action) => self.lower(1, action.by_ms, 500, |scenario, by_ms| {
                if let StepAction::Jump(action) = &mut scenario.steps[at].action {
                    action.by_ms = by_ms;
                }
            }),
            _ => {}
        }
    }
}

/// The only link need not be named.
fn unname_link(scenario: &mut Scenario) {
    if scenario.links.len() > 1 {
        return;
    }
    scenario.routers.iter_mut().for_each(|part| part.link.clear());
    scenario.hosts.iter_mut().for_each(|part| part.link.clear());
    scenario.misbehaviour.iter_mut().for_each(|part| part.link.clear());
    for step in &mut scenario.steps {
        match &mut step.action {
            StepAction::Partition(action) => action.link.clear(),
            StepAction::Heal(action) => action.link.clear(),
            StepAction::Faults(action) => action.link.clear(),
            _ => {}
        }
    }
}

/// The groups of a behaviour, and its sources.
fn lists(behaviour: &mut Behaviour) -> [Option<&mut Vec<Ipv6Addr>>; 2] {
    match behaviour {
        Behaviour::Churn { groups, sources, .. } => [Some(groups), Some(sources)],
        Behaviour::Zapping { channels: groups, .. } | Behaviour::Reboot { groups, .. } => {
            [Some(groups), None]
        }
        Behaviour::SilentLeave { .. } => [None, None],
    }
}

/// Every list of such addresses.
fn each_list(scenario: &mut Scenario, topic: Topic, mut each: impl FnMut(&mut Vec<Ipv6Addr>)) {
    for host in &mut scenario.hosts {
        if let Topic::Sources = topic {
            host.listens.iter_mut().for_each(|listen| each(&mut listen.sources));
        }
        for behaviour in &mut host.behaviours {
            let [groups, sources] = lists(behaviour);
            let list = match topic {
                Topic::Groups => groups,
                Topic::Sources => sources,
            };
            list.into_iter().for_each(&mut each);
        }
    }
    for part in &mut scenario.misbehaviour {
        each(match topic {
            Topic::Groups => &mut part.groups,
            Topic::Sources => &mut part.sources,
        });
    }
    if let Topic::Sources = topic {
        for step in &mut scenario.steps {
            if let StepAction::Listen(action) = &mut step.action {
                each(&mut action.sources);
            }
        }
    }
}

/// The group that a step is about.
const fn group(action: &StepAction) -> Option<Ipv6Addr> {
    match action {
        StepAction::Listen(action) => Some(action.group),
        StepAction::Leave(action) => Some(action.group),
        _ => None,
    }
}

/// The groups or sources that a scenario names.
fn named(scenario: &mut Scenario, topic: Topic) -> BTreeSet<Ipv6Addr> {
    let mut found = BTreeSet::new();
    each_list(scenario, topic, |list| found.extend(list.iter().copied()));
    if let Topic::Groups = topic {
        found.extend(scenario.hosts.iter().flat_map(|host| &host.listens).map(|listen| listen.group));
        found.extend(scenario.steps.iter().filter_map(|step| group(&step.action)));
    }
    found
}

/// Leaves these groups or sources out, wherever they are named.
fn forget(scenario: &mut Scenario, topic: Topic, gone: &[Ipv6Addr]) {
    each_list(scenario, topic, |list| list.retain(|address| !gone.contains(address)));
    if let Topic::Groups = topic {
        for host in &mut scenario.hosts {
            host.listens.retain(|listen| !gone.contains(&listen.group));
        }
        scenario.steps.retain(|step| group(&step.action).is_none_or(|group| !gone.contains(&group)));
    }
}
