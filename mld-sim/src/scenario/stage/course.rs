//! Whether what a scenario says can be, one thing after the other.
//!
//! What a step may do depends on what was done before: who is up, who has which address, and whether the faults have
//! ended. Here a scenario is followed from its first moment to its last one, without its packets.

use core::net::Ipv6Addr;
use std::collections::BTreeMap;

use super::checks::is_link_local;
use super::names::{Names, NodeKind};
use crate::scenario::data::{HostPart, Place, Scenario, ScenarioError, StepAction};
use crate::time::short;
use crate::world::{Behaviour, LinkId, NodeId, Scene};

/// A scenario as far as it has come.
struct Course<'s> {
    scenario: &'s Scenario,
    names: &'s Names,
    scene: Scene<'s>,
    owners: BTreeMap<(LinkId, Ipv6Addr), NodeId>,
    held: BTreeMap<NodeId, Ipv6Addr>,
    /// The parts of hosts.
    parts: BTreeMap<NodeId, &'s HostPart>,
    /// The hosts that have come up at least once.
    power: BTreeMap<NodeId, Power>,
}

/// Whether a host is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    Up,
    Down,
    /// It goes down by itself, or comes back by itself.
    Unknown,
}

/// What changes who is up.
enum Event<'s> {
    /// The hosts of a part come up.
    Start(usize),
    Step(usize, &'s StepAction),
}

/// Follows a scenario whose nodes and steps are there.
///
/// # Errors
///
/// The first thing that cannot be.
pub(in crate::scenario) fn follow(
    scenario: &Scenario,
    names: &Names,
    scene: Scene<'_>,
) -> Result<(), ScenarioError> {
    let (owners, held, power) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let parts =
        scenario.hosts.iter().flat_map(|part| names.known(&part.name).iter().map(move |id| (*id, part)));
    let mut course = Course { scenario, names, scene, owners, held, parts: parts.collect(), power };
    course.addresses()?;
    course.faults_off()?;
    let starts = scenario.hosts.iter().enumerate();
    let starts = starts.map(|(at, host)| (host.start_ms.unwrap_or_default(), Event::Start(at)));
    let steps = scenario.steps.iter().enumerate();
    let steps = steps.map(|(at, step)| (step.at_ms, Event::Step(at, &step.action)));
    let mut events: Vec<_> = starts.chain(steps).collect();
    // What is done at one moment is done in this order.
    events.sort_by_key(|(at_ms, _)| *at_ms);
    events.into_iter().try_for_each(|(at_ms, event)| match event {
        Event::Start(at) => {
            course.turn_on(names.known(&scenario.hosts[at].name));
            Ok(())
        }
        Event::Step(at, action) => course.step(at, at_ms, action),
    })
}

impl<'s> Course<'s> {
    /// All that has nodes: the table, which of it, and the name.
    fn tables(&self) -> impl Iterator<Item = (&'static str, usize, &'s str)> + use<'s> {
        let scenario = self.scenario;
        let routers = scenario.routers.iter().enumerate().map(|(at, part)| ("router", at, &*part.name));
        let hosts = scenario.hosts.iter().enumerate().map(|(at, part)| ("host", at, &*part.name));
        let misbehaviour =
            scenario.misbehaviour.iter().enumerate().map(|(at, part)| ("misbehaviour", at, &*part.name));
        routers.chain(hosts).chain(misbehaviour)
    }

    fn addresses(&mut self) -> Result<(), ScenarioError> {
        for (table, at, name) in self.tables() {
            for id in self.names.known(name) {
                if let Some(address) = self.scene.link_local(*id) {
                    self.take(Place::new(table, at, "address"), *id, address)?;
                }
            }
        }
        Ok(())
    }

    /// Nothing that is a fault may begin when the faults have ended.
    fn faults_off(&self) -> Result<(), ScenarioError> {
        let Some(faults_off_ms) = self.scenario.faults_off_ms else { return Ok(()) };
        let late = |table, at, key, what| {
            let text = format!("{what} after the faults ended at {}", short(faults_off_ms));
            Err(Place::new(table, at, key).error(text))
        };
        for (at, part) in self.scenario.hosts.iter().enumerate() {
            if part.start_ms > Some(faults_off_ms) && !part.behaviours.is_empty() {
                return late("host", at, "behaviours", "begin");
            }
        }
        for (at, part) in self.scenario.misbehaviour.iter().enumerate() {
            if part.start_ms > faults_off_ms {
                return late("misbehaviour", at, "start", "is");
            }
        }
        for (at, step) in
            self.scenario.steps.iter().enumerate().filter(|(_, step)| step.at_ms > faults_off_ms)
        {
            let is_misbehaving = |name: &str| self.is_misbehaving(name);
            let key = match &step.action {
                StepAction::Clock(_) => "clock",
                StepAction::Jump(_) => "jump",
                StepAction::Partition(_) => "partition",
                StepAction::Faults(_) => "faults",
                StepAction::Address(action) if is_misbehaving(&action.node) => "address.node",
                StepAction::Crash(action) if is_misbehaving(&action.node) => "crash.node",
                _ => continue,
            };
            return late("step", at, key, "comes");
        }
        Ok(())
    }

    fn step(&mut self, at: usize, at_ms: u64, action: &StepAction) -> Result<(), ScenarioError> {
        let place = |key| Place::new("step", at, key);
        match action {
            StepAction::Listen(action) => self.is_up(place("listen.host"), at_ms, &action.host),
            StepAction::Leave(action) => self.is_up(place("leave.host"), at_ms, &action.host),
            StepAction::Up(action) => {
                let hosts = self.names.known(&action.host);
                self.turn_on(hosts);
                match (hosts, action.address) {
                    ([host], Some(address)) => self.take(place("up.address"), *host, address),
                    _ => Ok(()),
                }
            }
            StepAction::Crash(action) => {
                for id in self.names.known(&action.node) {
                    let comes_back =
                        self.behaves(*id, |behaviour| matches!(behaviour, Behaviour::Reboot { .. }));
                    if let Some(power) = self.power.get_mut(id) {
                        *power = if comes_back { Power::Unknown } else { Power::Down };
                    }
                }
                Ok(())
            }
            StepAction::Address(action) => {
                let Some(id) = self.names.known(&action.node).first() else { return Ok(()) };
                if self.names.kind(*id) == NodeKind::Host {
                    self.is_up(place("address.node"), at_ms, &action.node)?;
                }
                action.address.map_or(Ok(()), |address| self.take(place("address.address"), *id, address))
            }
            _ => Ok(()),
        }
    }

    /// The address is this node's from now on, and its last one is free.
    fn take(&mut self, place: Place, node: NodeId, address: Ipv6Addr) -> Result<(), ScenarioError> {
        is_link_local(place, address)?;
        let link = self.scene.link_of(node);
        if let Some(owner) = self.owners.get(&(link, address)).filter(|owner| **owner != node) {
            let owner = self.scene.name(*owner);
            return Err(place.error(format_args!("{address} is the address of {owner}")));
        }
        if let Some(last) = self.held.insert(node, address) {
            self.owners.remove(&(link, last));
        }
        self.owners.insert((link, address), node);
        Ok(())
    }

    fn turn_on(&mut self, hosts: &[NodeId]) {
        for id in hosts {
            let by_itself = self.behaves(*id, |behaviour| {
                matches!(behaviour, Behaviour::SilentLeave { .. } | Behaviour::Reboot { .. })
            });
            self.power.insert(*id, if by_itself { Power::Unknown } else { Power::Up });
        }
    }

    /// Whether the hosts may be up.
    fn is_up(&self, place: Place, at_ms: u64, name: &str) -> Result<(), ScenarioError> {
        let down =
            self.names.known(name).iter().find(|id| matches!(self.power.get(id), None | Some(Power::Down)));
        down.map_or(Ok(()), |id| {
            let name = self.scene.name(*id);
            Err(place.error(format_args!("{name} is down at {}", short(at_ms))))
        })
    }

    fn behaves(&self, host: NodeId, so: fn(&Behaviour) -> bool) -> bool {
        self.parts.get(&host).is_some_and(|part| part.behaviours.iter().any(so))
    }

    fn is_misbehaving(&self, name: &str) -> bool {
        self.names.known(name).iter().any(|id| self.names.kind(*id) == NodeKind::Misbehaviour)
    }
}
