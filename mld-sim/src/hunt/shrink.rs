//! Cuts a story that breaks a rule down to one that a person can read.
//!
//! One thing after the other is left out, made simpler or brought forward, and stays so if the same rule is still
//! broken. Draws of one entity depend on no other, so that leaving a host out changes nothing else of the story.

use core::cell::RefCell;
use std::rc::Rc;

use mld_proto::Instant;
use mld_proto::settings::Settings;

use super::judge;
use crate::judge::Violation;
use crate::story::{CrashDeed, Deed, ListenDeed, Step, Story, UpDeed};
use crate::world::{Call, Clock, Faults, Happening, NodeId, Observer, Scene};

/// How long a story goes on after the moment at which its rule was broken, in milliseconds.
const AFTER_MS: u64 = 1;

/// The shortest story found that breaks the same rule as `story`, and how it breaks it. `tries` bounds how many
/// stories are run.
pub fn shrink(story: &Story, violation: &Violation, tries: u32) -> (Story, Violation) {
    let mut search = Search { best: story.clone(), violation: violation.clone(), tries };
    search.cut_short();
    search.spell_out();
    loop {
        let before = search.best.clone();
        search.drop_from(|story| &mut story.mischief);
        search.drop_from(|story| &mut story.hosts);
        search.drop_from(|story| &mut story.routers);
        search.drop_from(|story| &mut story.links);
        search.drop_from(|story| &mut story.steps);
        search.each_host();
        search.each_router();
        search.each_link();
        search.cut_short();
        if search.best == before || search.tries == 0 {
            break;
        }
    }
    search.best.title = format!("{}, shrunk: {}", story.title, search.violation.rule);
    search.best.about = search.violation.to_string();
    (search.best, search.violation)
}

struct Search {
    best: Story,
    violation: Violation,
    tries: u32,
}

impl Search {
    /// Takes the candidate if it breaks the same rule.
    fn accept(&mut self, candidate: Story) -> bool {
        if self.tries == 0 || candidate == self.best {
            return false;
        }
        self.tries -= 1;
        let candidate = without_dangling(candidate);
        match judge(&candidate).violation {
            Some(violation) if violation.rule == self.violation.rule => {
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

    /// The story ends when the rule is broken, if that was before its faults ended.
    fn cut_short(&mut self) {
        let end_ms = self.violation.at.as_millis() + AFTER_MS;
        if end_ms < self.best.duration_ms {
            self.with(|story| {
                (story.duration_ms, story.calm_ms) = (end_ms, Some(end_ms));
                story.steps.retain(|step| step.at_ms <= end_ms);
            });
        }
        for part in [2, 4] {
            self.with(|story| {
                story.duration_ms -= story.duration_ms / part;
                story.calm_ms = Some(story.duration_ms);
            });
        }
    }

    /// What hosts do by themselves becomes steps, of which most can be left out.
    fn spell_out(&mut self) {
        let Ok(staged) = self.best.stage() else { return };
        let mut world = staged.world;
        let calls = Rc::new(RefCell::new(Vec::new()));
        world.observe(Calls(Rc::clone(&calls)));
        if world.run_until(Instant::from_millis(self.best.duration_ms)).is_err() {
            return;
        }
        let scene = world.scene();
        let mut steps = Vec::new();
        for (at, node, call) in calls.borrow().iter() {
            let host = scene.name(*node).to_owned();
            let behaves = |part: &&crate::story::HostPart| part.name == host && !part.behaviours.is_empty();
            let Some(part) = self.best.hosts.iter().find(behaves) else { continue };
            if matches!(call, Call::Up { .. }) && at.as_millis() == part.start_ms.unwrap_or(0) {
                continue;
            }
            let deed = match call {
                Call::Listen { socket, group, mode, sources } => Deed::Listen(ListenDeed {
                    host,
                    socket: *socket,
                    group: *group,
                    mode: *mode,
                    sources: sources.clone(),
                }),
                Call::Crash => Deed::Crash(CrashDeed { node: host }),
                Call::Up { link_local } => {
                    Deed::Up(UpDeed { host, address: None, tentative: link_local.is_none() })
                }
            };
            steps.push(Step { at_ms: at.as_millis(), deed });
        }
        self.with(|story| {
            for host in story.hosts.iter_mut().filter(|host| !host.behaviours.is_empty()) {
                host.behaviours.clear();
                host.listens.clear();
            }
            story.steps.extend(steps);
            story.steps.sort_by_key(|step| step.at_ms);
        });
    }

    /// Leaves out parts of a list, large ones first.
    fn drop_from<T: Clone>(&mut self, list: impl Fn(&mut Story) -> &mut Vec<T>) {
        let mut size = list(&mut self.best).len();
        while size > 0 {
            let mut at = 0;
            while at < list(&mut self.best).len() {
                let dropped = self.with(|story| {
                    let list = list(story);
                    let end = (at + size).min(list.len());
                    list.drain(at..end);
                });
                if !dropped {
                    at += size;
                }
            }
            size /= 2;
        }
    }

    fn each_host(&mut self) {
        for at in 0..self.best.hosts.len() {
            self.with(|story| story.hosts[at].listens.clear());
            for listen in (0..self.best.hosts[at].listens.len()).rev() {
                self.with(|story| drop(story.hosts[at].listens.remove(listen)));
            }
            self.with(|story| story.hosts[at].behaviours.clear());
            self.with(|story| story.hosts[at].tentative_ms = 0);
            self.with(|story| story.hosts[at].start_ms = None);
            self.with(|story| story.hosts[at].version = Default::default());
            self.with(|story| story.hosts[at].station = Default::default());
        }
    }

    fn each_router(&mut self) {
        for at in 0..self.best.routers.len() {
            self.with(|story| story.routers[at].settings = Settings::default());
            macro_rules! unset {
                ($($key:ident)*) => { $(self.with(|story| story.routers[at].settings.$key = None);)* };
            }
            unset! {
                version querier robustness_variable query_interval query_max_response_time
                last_member_query_interval last_member_query_count startup_query_interval startup_query_count
                immediate_leave require_router_alert max_groups max_group_sources max_sources mtu ssm_range
                legacy_mali strict_query_destination ignore_v1_querier version_1_reads_version_2_reports
                version_2_only ignore_link_local_groups
            }
            self.with(|story| story.routers[at].clock = Clock::EXACT);
            self.with(|story| story.routers[at].start_ms = None);
        }
    }

    fn each_link(&mut self) {
        for at in 0..self.best.links.len() {
            self.with(|story| story.links[at].faults = Faults::NONE);
            self.with(|story| story.links[at].faults.loss_ppm = 0);
            self.with(|story| story.links[at].faults.duplicate_ppm = 0);
            self.with(|story| {
                (story.links[at].faults.reorder_ppm, story.links[at].faults.reorder_ms) = (0, 0)
            });
            self.with(|story| story.links[at].faults.corrupt_ppm = 0);
            self.with(|story| story.links[at].faults.delay_ms.1 = story.links[at].faults.delay_ms.0);
            self.with(|story| story.links[at].faults.delay_ms = (0, 0));
            self.with(|story| story.links[at].snooping = false);
        }
    }
}

/// Leaves out what is on links, or is done with nodes, that are no longer there.
fn without_dangling(mut story: Story) -> Story {
    let links: Vec<String> = story.links.iter().map(|link| link.name.clone()).collect();
    // The only link may go unnamed.
    let has_link = |link: &String| link.is_empty() || links.contains(link);
    story.routers.retain(|part| has_link(&part.link));
    story.hosts.retain(|part| has_link(&part.link));
    story.mischief.retain(|part| has_link(&part.link));
    let routers = story.routers.iter().map(|part| part.name.clone());
    let nodes: Vec<String> = routers.chain(story.hosts.iter().map(|part| part.name.clone())).collect();
    let duration_ms = story.duration_ms;
    story.steps.retain_mut(|step| {
        if let Deed::Partition(deed) = &mut step.deed {
            deed.apart.retain(|name| nodes.contains(name));
        }
        let (node, link) = about(&step.deed);
        step.at_ms <= duration_ms
            && node.is_none_or(|name| nodes.iter().any(|node| node == name))
            && link.is_none_or(|name| name.is_empty() || links.iter().any(|link| link == name))
    });
    for part in &mut story.mischief {
        part.until_ms = part.until_ms.map(|until_ms| until_ms.min(duration_ms));
    }
    story.mischief.retain(|part| part.start_ms <= duration_ms);
    let starts = |start_ms: Option<u64>| start_ms.is_none_or(|start_ms| start_ms <= duration_ms);
    story.routers.retain(|part| starts(part.start_ms));
    story.hosts.retain(|part| starts(part.start_ms));
    story
}

/// The node and the link that a deed names.
fn about(deed: &Deed) -> (Option<&str>, Option<&str>) {
    match deed {
        Deed::Listen(deed) => (Some(&deed.host), None),
        Deed::Leave(deed) => (Some(&deed.host), None),
        Deed::Up(deed) => (Some(&deed.host), None),
        Deed::Crash(deed) => (Some(&deed.node), None),
        Deed::Start(deed) | Deed::Stop(deed) | Deed::Restart(deed) => (Some(&deed.router), None),
        Deed::Address(deed) => (Some(&deed.node), None),
        Deed::Clock(deed) => (Some(&deed.router), None),
        Deed::Jump(deed) => (Some(&deed.router), None),
        Deed::Partition(deed) => (None, Some(&deed.link)),
        Deed::Heal(deed) => (None, Some(&deed.link)),
        Deed::Faults(deed) => (None, Some(&deed.link)),
        Deed::Calm(_) => (None, None),
    }
}

/// Writes down what is called on hosts.
struct Calls(Rc<RefCell<Vec<(Instant, NodeId, Call)>>>);

impl Observer for Calls {
    fn observe(
        &mut self,
        _scene: &Scene<'_>,
        at: Instant,
        happening: &Happening<'_>,
    ) -> Result<(), Violation> {
        if let Happening::Host { node, call } = *happening {
            self.0.borrow_mut().push((at, node, call.clone()));
        }
        Ok(())
    }
}
