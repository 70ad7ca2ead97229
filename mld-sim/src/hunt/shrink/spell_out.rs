//! What hosts do by themselves, written down as steps, of which most can be left out.

use core::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use mld_proto::Instant;

use super::search::Search;
use super::whole::about;
use crate::hunt::panics::caught;
use crate::hunt::run::stage;
use crate::scenario::{CrashAction, HostPart, ListenAction, Scenario, Step, StepAction, UpAction};
use crate::world::{Call, Happening, NodeId, Observer, Scene, Violation, World};

impl<J: FnMut(&Scenario) -> Option<Violation>> Search<J> {
    /// Of all hosts, or of those of which it can be done.
    pub(super) fn spell_out(&mut self) {
        if self.tries == 0 || self.best.hosts.iter().all(|part| part.behaviours.is_empty()) {
            return;
        }
        let steps = steps(&self.best, |_| {});
        if !self.with(|scenario| steps.iter().for_each(|(name, steps)| replace(scenario, name, steps))) {
            for (name, steps) in &steps {
                self.with(|scenario| replace(scenario, name, steps));
            }
        }
    }
}

/// The steps of each host that does something by itself. `watch` adds observers to the world.
fn steps(scenario: &Scenario, watch: fn(&mut World)) -> BTreeMap<String, Vec<Step>> {
    let behaves = |part: &&HostPart| part.count == 1 && !part.behaviours.is_empty();
    let mut steps: BTreeMap<_, _> =
        scenario.hosts.iter().filter(behaves).map(|part| (part.name.clone(), Vec::new())).collect();
    let Ok(mut staged) = stage(scenario) else { return steps };
    let calls = Rc::new(RefCell::new(Vec::new()));
    staged.world.observe(Calls(Rc::clone(&calls)));
    watch(&mut staged.world);
    // Where the run ends before its time, with a broken rule or a panic, nothing more was called.
    let end = Instant::from_millis(scenario.duration_ms);
    let _ = caught(|| staged.world.run_until(end));
    let scene = staged.world.scene();
    let mut is_up: BTreeMap<NodeId, bool> = BTreeMap::new();
    for (at, node, call) in calls.borrow().iter() {
        let is_up = is_up.entry(*node).or_default();
        let name = scene.name(*node);
        let (Some(steps), Some(part)) =
            (steps.get_mut(name), scenario.hosts.iter().find(|part| part.name == name))
        else {
            continue;
        };
        let (at_ms, host) = (at.as_millis(), name.to_owned());
        let action = match call {
            Call::Listen { socket, group, mode, sources } if *is_up => {
                Some(StepAction::Listen(ListenAction {
                    host,
                    socket: *socket,
                    group: *group,
                    mode: *mode,
                    sources: sources.clone(),
                }))
            }
            Call::Listen { .. } => None,
            Call::Crash => {
                *is_up = false;
                Some(StepAction::Crash(CrashAction { node: host }))
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
                (!is_by_itself).then_some(StepAction::Up(UpAction { host, address, tentative }))
            }
        };
        steps.extend(action.map(|action| Step { at_ms, action }));
    }
    steps
}

/// Puts steps in place of all that is done with a host and that it does by itself.
fn replace(scenario: &mut Scenario, name: &str, steps: &[Step]) {
    for host in scenario.hosts.iter_mut().filter(|host| host.name == name) {
        host.behaviours.clear();
        host.listens.clear();
    }
    scenario.steps.retain(|step| about(&step.action).0 != Some(name));
    scenario.steps.extend_from_slice(steps);
    scenario.steps.sort_by_key(|step| step.at_ms);
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
    fn zapping() -> Scenario {
        let mut scenario = Scenario { duration_ms: 20_000, ..Scenario::default() };
        let ip = |text: &str| text.parse().expect("an address");
        let mut host = HostPart::new("h1", ip("fe80::a"));
        let channels = vec![ip("ff05::1"), ip("ff05::2")];
        host.behaviours.push(Behaviour::Zapping { channels, every_ms: (1000, 1000) });
        scenario.hosts = vec![host, HostPart::new("h2", ip("fe80::b"))];
        scenario
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
        let mut scenario = zapping();
        for (name, steps) in steps(&scenario, |_| {}) {
            replace(&mut scenario, &name, &steps);
        }
        assert!(scenario.hosts.iter().all(|part| part.behaviours.is_empty()));
        let calls = |scenario: &Scenario| {
            let mut staged = stage(scenario).expect("it can be staged");
            let calls = Rc::new(RefCell::new(Vec::new()));
            staged.world.observe(Calls(Rc::clone(&calls)));
            staged.run().expect("no rule is broken");
            calls.take()
        };
        assert_eq!(calls(&scenario), calls(&zapping()));
    }
}
