//! Simpler stories: fewer parts, fewer addresses, defaults where nothing else is needed.

use core::net::Ipv6Addr;
use std::collections::BTreeSet;

use mld_proto::settings::Settings;

use super::search::Search;
use crate::nodes::flood::Babbler;
use crate::nodes::forger::{Forger, Forgery, Name};
use crate::nodes::malformed::Malformed;
use crate::nodes::switch::Switch;
use crate::scenario::{Deed, ForgeryPart, MischiefKind, RouterPart, Story};
use crate::world::{Behaviour, Clock, Faults, Medium, Violation};

/// Addresses that a story talks about, each of which it names in several places.
#[derive(Clone, Copy)]
enum Topic {
    Groups,
    Sources,
}

impl<J: FnMut(&Story) -> Option<Violation>> Search<J> {
    /// Leaves out who and what there is.
    pub(super) fn drop_parts(&mut self) {
        self.drop_from(|story| Some(&mut story.mischief));
        self.drop_from(|story| Some(&mut story.hosts));
        self.drop_from(|story| Some(&mut story.routers));
        self.drop_from(|story| Some(&mut story.links));
        self.drop_from(|story| Some(&mut story.steps));
    }

    /// Leaves out groups and sources, each wherever it is named.
    pub(super) fn drop_topics(&mut self) {
        for topic in [Topic::Groups, Topic::Sources] {
            let mut size = named(&mut self.best, topic).len();
            while size > 0 {
                let addresses: Vec<Ipv6Addr> = named(&mut self.best, topic).into_iter().collect();
                for chunk in addresses.chunks(size) {
                    self.with(|story| forget(story, topic, chunk));
                }
                size /= 2;
            }
        }
    }

    /// Makes everything that is left simpler.
    pub(super) fn simplify(&mut self) {
        (0..self.best.mischief.len()).for_each(|at| self.mischief(at));
        (0..self.best.hosts.len()).for_each(|at| self.host(at));
        // Routers of one link often need the same settings, if any.
        self.settings(|_| true);
        (0..self.best.routers.len()).for_each(|at| self.router(at));
        (0..self.best.links.len()).for_each(|at| self.link(at));
        self.with(unname_link);
        (0..self.best.steps.len()).for_each(|at| self.step(at));
    }

    fn mischief(&mut self, at: usize) {
        self.drop_from(|story| Some(&mut story.mischief[at].groups));
        self.drop_from(|story| Some(&mut story.mischief[at].sources));
        if self.best.mischief[at].kind == MischiefKind::Forger {
            self.forgeries(at);
        }
        let usual = match self.best.mischief[at].kind {
            MischiefKind::Babbler => Babbler::PACE,
            MischiefKind::Malformed => Malformed::PACE,
            MischiefKind::Forger => Forger::PACE,
            MischiefKind::Switch => Switch::PACE,
        };
        let turns = self.best.mischief[at].turns.unwrap_or(usual.turns_max);
        self.lower(1, turns, 1, |story, turns| story.mischief[at].turns = Some(turns));
        self.with(|story| story.mischief[at].until_ms = None);
        self.with(|story| story.mischief[at].start_ms = 0);
        self.with(|story| story.mischief[at].every_ms = None);
        self.with(|story| story.mischief[at].version = Default::default());
    }

    /// All forgeries are written down, so that some can be left out.
    fn forgeries(&mut self, at: usize) {
        let written = |story: &Story| {
            let names = |message| Name::ALL.map(|name| ForgeryPart { message, name });
            let all = || Forgery::ALL.into_iter().flat_map(names).collect::<Vec<_>>();
            let some = &story.mischief[at].forgeries;
            if some.is_empty() { all() } else { some.clone() }
        };
        let mut size = written(&self.best).len() / 2;
        while size > 0 {
            let mut from = 0;
            while from < written(&self.best).len() {
                let mut forgeries = written(&self.best);
                forgeries.drain(from..(from + size).min(forgeries.len()));
                // None would stand for all.
                if forgeries.is_empty() || !self.with(|story| story.mischief[at].forgeries = forgeries) {
                    from += size;
                }
            }
            size /= 2;
        }
    }

    fn host(&mut self, at: usize) {
        self.drop_from(|story| Some(&mut story.hosts[at].listens));
        self.drop_from(|story| Some(&mut story.hosts[at].behaviours));
        for listen in 0..self.best.hosts[at].listens.len() {
            self.drop_from(|story| Some(&mut story.hosts[at].listens[listen].sources));
        }
        for behaviour in 0..self.best.hosts[at].behaviours.len() {
            for list in 0..2 {
                self.drop_from(|story| {
                    lists(&mut story.hosts[at].behaviours[behaviour]).into_iter().flatten().nth(list)
                });
            }
        }
        self.lower(1, self.best.hosts[at].count.into(), 1, |story, count| {
            story.hosts[at].count = count as u32;
        });
        self.with(|story| story.hosts[at].tentative_ms = 0);
        self.with(|story| story.hosts[at].start_ms = None);
        self.with(|story| story.hosts[at].version = Default::default());
        self.with(|story| story.hosts[at].station = Default::default());
        self.with(|story| story.hosts[at].robustness = None);
        self.with(|story| story.hosts[at].unsolicited_report_interval_ms = None);
        self.with(|story| story.hosts[at].mtu = None);
        self.with(|story| story.hosts[at].always_done = false);
    }

    fn router(&mut self, at: usize) {
        let name = self.best.routers[at].name.clone();
        self.settings(|part| part.name == name);
        self.with(|story| story.routers[at].clock = Clock::EXACT);
        self.with(|story| story.routers[at].clock.tick_ms = Clock::EXACT.tick_ms);
        self.with(|story| story.routers[at].clock.late_ms = Clock::EXACT.late_ms);
        self.with(|story| story.routers[at].start_ms = None);
    }

    /// Settings of some routers are the default again, together.
    fn settings(&mut self, are_meant: impl Fn(&RouterPart) -> bool) {
        let mut reset = |key: fn(&mut Settings)| {
            self.with(|story| {
                let meant = story.routers.iter_mut().filter(|part| are_meant(part));
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
        self.faults(|story| Some(&mut story.links[at].faults));
        self.with(|story| story.links[at].snooping = false);
        self.with(|story| story.links[at].medium = Medium::Ethernet);
    }

    fn faults(&mut self, faults: impl Fn(&mut Story) -> Option<&mut Faults>) {
        let mut change = |change: fn(&mut Faults)| {
            self.with(|story| faults(story).map_or((), change));
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
        match &self.best.steps[at].deed {
            Deed::Listen(_) => self.drop_from(|story| match &mut story.steps[at].deed {
                Deed::Listen(deed) => Some(&mut deed.sources),
                _ => None,
            }),
            Deed::Partition(_) => self.drop_from(|story| match &mut story.steps[at].deed {
                Deed::Partition(deed) => Some(&mut deed.apart),
                _ => None,
            }),
            Deed::Faults(_) => self.faults(|story| match &mut story.steps[at].deed {
                Deed::Faults(deed) => Some(&mut deed.now),
                _ => None,
            }),
            Deed::Jump(deed) => self.lower(1, deed.by_ms, 500, |story, by_ms| {
                if let Deed::Jump(deed) = &mut story.steps[at].deed {
                    deed.by_ms = by_ms;
                }
            }),
            _ => {}
        }
    }
}

/// The only link need not be named.
fn unname_link(story: &mut Story) {
    if story.links.len() > 1 {
        return;
    }
    story.routers.iter_mut().for_each(|part| part.link.clear());
    story.hosts.iter_mut().for_each(|part| part.link.clear());
    story.mischief.iter_mut().for_each(|part| part.link.clear());
    for step in &mut story.steps {
        match &mut step.deed {
            Deed::Partition(deed) => deed.link.clear(),
            Deed::Heal(deed) => deed.link.clear(),
            Deed::Faults(deed) => deed.link.clear(),
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
fn each_list(story: &mut Story, topic: Topic, mut each: impl FnMut(&mut Vec<Ipv6Addr>)) {
    for host in &mut story.hosts {
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
    for part in &mut story.mischief {
        each(match topic {
            Topic::Groups => &mut part.groups,
            Topic::Sources => &mut part.sources,
        });
    }
    if let Topic::Sources = topic {
        for step in &mut story.steps {
            if let Deed::Listen(deed) = &mut step.deed {
                each(&mut deed.sources);
            }
        }
    }
}

/// The group that a step is about.
const fn group(deed: &Deed) -> Option<Ipv6Addr> {
    match deed {
        Deed::Listen(deed) => Some(deed.group),
        Deed::Leave(deed) => Some(deed.group),
        _ => None,
    }
}

/// The groups or sources that a story names.
fn named(story: &mut Story, topic: Topic) -> BTreeSet<Ipv6Addr> {
    let mut found = BTreeSet::new();
    each_list(story, topic, |list| found.extend(list.iter().copied()));
    if let Topic::Groups = topic {
        found.extend(story.hosts.iter().flat_map(|host| &host.listens).map(|listen| listen.group));
        found.extend(story.steps.iter().filter_map(|step| group(&step.deed)));
    }
    found
}

/// Leaves these groups or sources out, wherever they are named.
fn forget(story: &mut Story, topic: Topic, gone: &[Ipv6Addr]) {
    each_list(story, topic, |list| list.retain(|address| !gone.contains(address)));
    if let Topic::Groups = topic {
        for host in &mut story.hosts {
            host.listens.retain(|listen| !gone.contains(&listen.group));
        }
        story.steps.retain(|step| group(&step.deed).is_none_or(|group| !gone.contains(&group)));
    }
}
