//! What hosts do by themselves, written down as steps, of which most can be left out.

use core::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use mld_proto::Instant;

use super::search::Search;
use super::whole::about;
use crate::hunt::panics::caught;
use crate::hunt::run::stage;
use crate::scenario::{CrashDeed, Deed, HostPart, ListenDeed, Step, Story, UpDeed};
use crate::world::{Call, Happening, NodeId, Observer, Scene, Violation, World};

impl<J: FnMut(&Story) -> Option<Violation>> Search<J> {
    /// Of all hosts, or of those of which it can be done.
    pub(super) fn spell_out(&mut self) {
        if self.tries == 0 || self.best.hosts.iter().all(|part| part.behaviours.is_empty()) {
            return;
        }
        let steps = steps(&self.best, |_| {});
        if !self.with(|story| steps.iter().for_each(|(name, steps)| replace(story, name, steps))) {
            for (name, steps) in &steps {
                self.with(|story| replace(story, name, steps));
            }
        }
    }
}

/// The steps of each host that does something by itself. `watch` adds observers to the world.
fn steps(story: &Story, watch: fn(&mut World)) -> BTreeMap<String, Vec<Step>> {
    let behaves = |part: &&HostPart| part.count == 1 && !part.behaviours.is_empty();
    let mut steps: BTreeMap<_, _> =
        story.hosts.iter().filter(behaves).map(|part| (part.name.clone(), Vec::new())).collect();
    let Ok(mut staged) = stage(story) else { return steps };
    let calls = Rc::new(RefCell::new(Vec::new()));
    staged.world.observe(Calls(Rc::clone(&calls)));
    watch(&mut staged.world);
    // Where the run ends before its time, with a broken rule or a panic, nothing more was called.
    let end = Instant::from_millis(story.duration_ms);
    let _ = caught(|| staged.world.run_until(end));
    let scene = staged.world.scene();
    let mut is_up: BTreeMap<NodeId, bool> = BTreeMap::new();
    for (at, node, call) in calls.borrow().iter() {
        let is_up = is_up.entry(*node).or_default();
        let name = scene.name(*node);
        let (Some(steps), Some(part)) =
            (steps.get_mut(name), story.hosts.iter().find(|part| part.name == name))
        else {
            continue;
        };
        let (at_ms, host) = (at.as_millis(), name.to_owned());
        let deed = match call {
            Call::Listen { socket, group, mode, sources } if *is_up => Some(Deed::Listen(ListenDeed {
                host,
                socket: *socket,
                group: *group,
                mode: *mode,
                sources: sources.clone(),
            })),
            Call::Listen { .. } => None,
            Call::Crash => {
                *is_up = false;
                Some(Deed::Crash(CrashDeed { node: host }))
            }
            Call::Up { link_local } => {
                let was_up = core::mem::replace(is_up, true);
                // It comes up by itself at first, and its tentative address is its own by itself.
                let is_by_itself = if was_up {
                    part.tentative_ms > 0 && *link_local == Some(part.address)
                } else {
                    at_ms == part.start_ms.unwrap_or(0)
                };
                let address = link_local.filter(|address| *address != part.address);
                let tentative = link_local.is_none();
                (!is_by_itself).then_some(Deed::Up(UpDeed { host, address, tentative }))
            }
        };
        steps.extend(deed.map(|deed| Step { at_ms, deed }));
    }
    steps
}

/// Puts steps in place of all that is done with a host and that it does by itself.
fn replace(story: &mut Story, name: &str, steps: &[Step]) {
    for host in story.hosts.iter_mut().filter(|host| host.name == name) {
        host.behaviours.clear();
        host.listens.clear();
    }
    story.steps.retain(|step| about(&step.deed).0 != Some(name));
    story.steps.extend_from_slice(steps);
    story.steps.sort_by_key(|step| step.at_ms);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Behaviour;

    /// A host that zaps every second, and another.
    fn zapping() -> Story {
        let mut story = Story { duration_ms: 20_000, ..Story::default() };
        let ip = |text: &str| text.parse().expect("an address");
        let mut host = HostPart::new("h1", ip("fe80::a"));
        let channels = vec![ip("ff05::1"), ip("ff05::2")];
        host.behaviours.push(Behaviour::Zapping { channels, every_ms: (1000, 1000) });
        story.hosts = vec![host, HostPart::new("h2", ip("fe80::b"))];
        story
    }

    /// Panics after ten seconds.
    struct Panics;

    impl Observer for Panics {
        fn observe(&mut self, _: &Scene<'_>, at: Instant, _: &Happening<'_>) -> Result<(), Violation> {
            assert!(at < Instant::from_millis(10_000), "it is late");
            Ok(())
        }
    }

    #[test]
    fn what_was_called_before_a_panic_is_spelled_out() {
        let all = steps(&zapping(), |_| {}).remove("h1").expect("it zaps");
        let some = steps(&zapping(), |world| world.observe(Panics)).remove("h1").expect("it zaps");
        let before: Vec<Step> = all.iter().filter(|step| step.at_ms < 10_000).cloned().collect();
        assert!(before.len() > 5 && all.len() > 2 * before.len() - 10, "{} of {}", before.len(), all.len());
        // The call at which it panics may be among them.
        assert_eq!(some[..before.len()], before);
        assert!(some.len() <= before.len() + 1);
    }

    #[test]
    fn steps_take_the_place_of_what_a_host_does_by_itself() {
        let mut story = zapping();
        for (name, steps) in steps(&story, |_| {}) {
            replace(&mut story, &name, &steps);
        }
        assert!(story.hosts.iter().all(|part| part.behaviours.is_empty()));
        let calls = |story: &Story| {
            let mut staged = stage(story).expect("it can be staged");
            let calls = Rc::new(RefCell::new(Vec::new()));
            staged.world.observe(Calls(Rc::clone(&calls)));
            staged.run().expect("no rule is broken");
            calls.take()
        };
        assert_eq!(calls(&story), calls(&zapping()));
    }
}
