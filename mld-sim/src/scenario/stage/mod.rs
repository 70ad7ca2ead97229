//! From a scenario to a world.

mod checks;
mod course;
mod names;
mod nodes;

use core::net::Ipv6Addr;

use mld_proto::{FilterMode, Instant};

use self::checks::{is_behaviour, is_clock, is_link_local};
use super::data::{
    HostPart, LinkPart, MisbehaviourPart, Place, RouterPart, Scenario, ScenarioError, StepAction,
};
use crate::world::{Action, Call, Change, Command, ETHERNET_MTU, NodeId, Router, World};

pub(super) use self::checks::is_group;
pub(super) use self::course::follow;
pub(super) use self::names::{Names, NodeKind};

/// Groups that a router of a scenario holds if it is not configured.
const USUAL_GROUPS: u32 = 1024;
/// How many hosts one part may stand for.
const COUNT_MAX: u32 = 100_000;

/// Builds the world of a scenario, with everything in it that will happen.
///
/// # Errors
///
/// The first thing that cannot be.
pub(super) fn build(scenario: &Scenario) -> Result<(World, Names), ScenarioError> {
    let mut world = World::new(scenario.seed);
    let mut names = Names::default();
    if scenario.links.is_empty() {
        names.link(Place::top("link"), &LinkPart::new("lan"), &mut world)?;
    }
    for (at, part) in scenario.links.iter().enumerate() {
        names.link(Place::new("link", at, "name"), part, &mut world)?;
    }
    for (at, part) in scenario.routers.iter().enumerate() {
        scenario.router(at, part, &mut names, &mut world)?;
    }
    for (at, part) in scenario.hosts.iter().enumerate() {
        scenario.hosts(at, part, &mut names, &mut world)?;
    }
    for (at, part) in scenario.misbehaviour.iter().enumerate() {
        scenario.misbehaviour(at, part, &mut names, &mut world)?;
    }
    for (at, step) in scenario.steps.iter().enumerate() {
        is_in_time(scenario, Place::new("step", at, "at"), step.at_ms)?;
        for action in actions(at, &step.action, &names, &world)? {
            world.at(Instant::from_millis(step.at_ms), action);
        }
    }
    if let Some(faults_off_ms) = scenario.faults_off_ms {
        is_in_time(scenario, Place::top("faults-off"), faults_off_ms)?;
        world.at(Instant::from_millis(faults_off_ms), Action::Change(Change::FaultsOff));
    }
    Ok((world, names))
}

/// Errors unless a moment is within the scenario.
pub(super) fn is_in_time(scenario: &Scenario, place: Place, at_ms: u64) -> Result<(), ScenarioError> {
    if at_ms <= scenario.duration_ms { Ok(()) } else { Err(place.error("is after the end of the scenario")) }
}

impl Scenario {
    fn router(
        &self,
        at: usize,
        part: &RouterPart,
        names: &mut Names,
        world: &mut World,
    ) -> Result<(), ScenarioError> {
        let place = |key| Place::new("router", at, key);
        let link = names.find_link(place("link"), &part.link)?;
        is_clock(place("clock.tick"), part.clock)?;
        let mut settings = part.settings;
        settings.max_groups.get_or_insert(USUAL_GROUPS);
        let config = settings.config(ETHERNET_MTU).map_err(|error| place("config").error(error))?;
        let address = part.address.unwrap_or(Ipv6Addr::UNSPECIFIED);
        let mut router = Router::new(&part.name, address).config(config).clock(part.clock);
        if part.address.is_none() {
            router = router.without_address();
        }
        if part.off || part.start_ms.is_some() {
            router = router.off();
        }
        names.has_place(place, &part.name, link, world)?;
        let id = world.router(link, router);
        if let Some(start_ms) = part.start_ms {
            is_in_time(self, place("start"), start_ms)?;
            if part.off {
                return Err(place("start").error("does not go together with `off`"));
            }
            world.at(Instant::from_millis(start_ms), Action::Router(id, Command::Start));
        }
        names.node(place("name"), &part.name, &[id], NodeKind::Router)
    }

    fn hosts(
        &self,
        at: usize,
        part: &HostPart,
        names: &mut Names,
        world: &mut World,
    ) -> Result<(), ScenarioError> {
        let place = |key| Place::new("host", at, key);
        let link = names.find_link(place("link"), &part.link)?;
        if !(1..=COUNT_MAX).contains(&part.count) {
            return Err(place("count").error(format_args!("must be 1 to {COUNT_MAX}")));
        }
        // Those that follow it are in the same prefix, or are refused later.
        is_link_local(place("address"), part.address)?;
        part.behaviours.iter().try_for_each(|behaviour| is_behaviour(place("behaviours"), behaviour))?;
        let size = nodes::size(part, self);
        let mut ids = Vec::new();
        for number in 0..part.count {
            let address = Ipv6Addr::from_bits(part.address.to_bits() + u128::from(number));
            let name =
                if part.count == 1 { part.name.clone() } else { format!("{}-{}", part.name, number + 1) };
            let mut host = nodes::host(at, part, name.clone(), address, size)?;
            host = host.tentative_for_ms(part.tentative_ms);
            for behaviour in &part.behaviours {
                host = host.behaves(behaviour.clone());
            }
            if part.start_ms.is_some() {
                host = host.off();
            }
            names.has_place(place, &name, link, world)?;
            let id = world.host(link, host);
            let start = Instant::from_millis(part.start_ms.unwrap_or_default());
            if let Some(start_ms) = part.start_ms {
                is_in_time(self, place("start"), start_ms)?;
                let link_local = (part.tentative_ms == 0).then_some(address);
                world.at(start, Action::Host(id, Call::Up { link_local }));
            }
            for listen in &part.listens {
                is_group(place("listens"), listen.group)?;
                let (socket, group, mode) = (listen.socket, listen.group, listen.mode);
                let sources = listen.sources.clone();
                world.at(start, Action::Host(id, Call::Listen { socket, group, mode, sources }));
            }
            if part.count > 1 {
                names.node(place("name"), &name, &[id], NodeKind::Host)?;
            }
            ids.push(id);
        }
        names.node(place("name"), &part.name, &ids, NodeKind::Host)
    }

    fn misbehaviour(
        &self,
        at: usize,
        part: &MisbehaviourPart,
        names: &mut Names,
        world: &mut World,
    ) -> Result<(), ScenarioError> {
        let place = |key| Place::new("misbehaviour", at, key);
        let link = names.find_link(place("link"), &part.link)?;
        is_in_time(self, place("start"), part.start_ms)?;
        part.groups.iter().try_for_each(|group| is_group(place("groups"), *group))?;
        names.has_place(place, &part.name, link, world)?;
        let here = |name: &str| names.find_link(place("link"), name) == Ok(link);
        let id = world.host(link, nodes::misbehaviour(part, self, here).off());
        let start = Call::Up { link_local: Some(part.address) };
        world.at(Instant::from_millis(part.start_ms), Action::Host(id, start));
        if let Some(until_ms) = part.until_ms {
            is_in_time(self, place("until"), until_ms)?;
            world.at(Instant::from_millis(until_ms), Action::Host(id, Call::Crash));
        }
        names.node(place("name"), &part.name, &[id], NodeKind::Misbehaviour)
    }
}

/// What a step does with the world.
fn actions(
    at: usize,
    action: &StepAction,
    names: &Names,
    world: &World,
) -> Result<Vec<Action>, ScenarioError> {
    let place = |key| Place::new("step", at, key);
    let each = |ids: &[NodeId], call: &dyn Fn(NodeId) -> Call| -> Vec<Action> {
        ids.iter().map(|id| Action::Host(*id, call(*id))).collect()
    };
    let command = |key, name: &str, command| -> Result<Vec<Action>, ScenarioError> {
        Ok(vec![Action::Router(names.find_router(place(key), name)?, command)])
    };
    let own = |id: NodeId| world.scene().link_local(id);
    Ok(match action {
        StepAction::Listen(action) => {
            let (socket, group, mode) = (action.socket, action.group, action.mode);
            is_group(place("listen.group"), group)?;
            let hosts = names.find_hosts(place("listen.host"), &action.host)?;
            each(hosts, &|_| Call::Listen { socket, group, mode, sources: action.sources.clone() })
        }
        StepAction::Leave(action) => {
            let (socket, group) = (action.socket, action.group);
            is_group(place("leave.group"), group)?;
            let hosts = names.find_hosts(place("leave.host"), &action.host)?;
            let (mode, sources) = (FilterMode::Include, Vec::new());
            each(hosts, &|_| Call::Listen { socket, group, mode, sources: sources.clone() })
        }
        StepAction::Up(action) => {
            let hosts = names.find_hosts(place("up.host"), &action.host)?;
            if action.address.is_some() && hosts.len() > 1 {
                return Err(place("up.address").error("is for one host"));
            }
            each(hosts, &|id| Call::Up {
                link_local: if action.tentative { None } else { action.address.or_else(|| own(id)) },
            })
        }
        StepAction::Crash(action) => {
            let nodes = names.find(place("crash.node"), &action.node)?;
            let crash = |id: &NodeId| match names.kind(*id) {
                NodeKind::Router => Action::Router(*id, Command::Crash),
                NodeKind::Host | NodeKind::Misbehaviour => Action::Host(*id, Call::Crash),
            };
            nodes.iter().map(crash).collect()
        }
        StepAction::Start(action) => command("start.router", &action.router, Command::Start)?,
        StepAction::Stop(action) => command("stop.router", &action.router, Command::Stop)?,
        StepAction::Restart(action) => command("restart.router", &action.router, Command::Restart)?,
        StepAction::Address(action) => match names.find(place("address.node"), &action.node)? {
            [id] => match names.kind(*id) {
                NodeKind::Router => vec![Action::Router(*id, Command::Address(action.address))],
                NodeKind::Host | NodeKind::Misbehaviour => {
                    vec![Action::Host(*id, Call::Up { link_local: action.address })]
                }
            },
            _ => return Err(place("address.node").error("must be one node")),
        },
        StepAction::Clock(action) => {
            is_clock(place("clock.clock"), action.clock)?;
            command("clock.router", &action.router, Command::Clock(action.clock))?
        }
        StepAction::Jump(action) => {
            let node = names.find_router(place("jump.router"), &action.router)?;
            vec![Action::Change(Change::Jump { node, by_ms: action.by_ms })]
        }
        StepAction::Partition(action) => {
            let link = names.find_link(place("partition.link"), &action.link)?;
            let mut apart = Vec::new();
            for name in &action.apart {
                let nodes = names.find(place("partition.apart"), name)?;
                if nodes.iter().any(|id| world.scene().link_of(*id) != link) {
                    let link = world.scene().link_name(link);
                    return Err(place("partition.apart").error(format_args!("{name} is not on {link}")));
                }
                apart.extend(nodes);
            }
            vec![Action::Change(Change::Partition { link, apart })]
        }
        StepAction::Heal(action) => {
            let link = names.find_link(place("heal.link"), &action.link)?;
            vec![Action::Change(Change::Heal { link })]
        }
        StepAction::Faults(action) => {
            let link = names.find_link(place("faults.link"), &action.link)?;
            vec![Action::Change(Change::Faults { link, faults: action.now })]
        }
        StepAction::FaultsOff(_) => vec![Action::Change(Change::FaultsOff)],
    })
}
