//! From a story to a world.

use core::net::Ipv6Addr;
use std::collections::BTreeMap;

use mld_proto::{FilterMode, Instant};

use super::course::{self, is_link_local};
use super::error::Place;
use super::run::Staged;
use super::{Deed, HostPart, LinkPart, MischiefPart, RouterPart, Story, StoryError, stations};
use crate::replay::DEVICE_MTU;
use crate::world::{
    Action, Behaviour, Call, Change, Clock, Command, Link, LinkId, Medium, NodeId, Router, World,
};

/// Groups that a router of a story holds if it is not configured.
const USUAL_GROUPS: u32 = 1024;
/// How many hosts one part may stand for.
const COUNT_MAX: u32 = 100_000;

/// The nodes and links of a story by their names.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    nodes: BTreeMap<String, Vec<NodeId>>,
    links: BTreeMap<String, LinkId>,
    kinds: Vec<NodeKind>,
}

/// What a name may stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeKind {
    Router,
    Host,
    Mischief,
}

impl Story {
    /// Builds the world of this story, with everything in it that will happen.
    ///
    /// # Errors
    ///
    /// The first thing that cannot be: a name that nobody bears, settings that do not go together, a step after the end.
    pub fn stage(&self) -> Result<Staged, StoryError> {
        let mut world = World::new(self.seed);
        let mut names = Names::default();
        if self.links.is_empty() {
            names.link(Place::top("link"), &LinkPart::new("lan"), &mut world)?;
        }
        for (at, part) in self.links.iter().enumerate() {
            names.link(Place::new("link", at, "name"), part, &mut world)?;
        }
        for (at, part) in self.routers.iter().enumerate() {
            self.router(at, part, &mut names, &mut world)?;
        }
        for (at, part) in self.hosts.iter().enumerate() {
            self.hosts(at, part, &mut names, &mut world)?;
        }
        for (at, part) in self.mischief.iter().enumerate() {
            self.mischief(at, part, &mut names, &mut world)?;
        }
        for (at, step) in self.steps.iter().enumerate() {
            self.is_in_time(Place::new("step", at, "at"), step.at_ms)?;
            for action in actions(at, &step.deed, &names, &world)? {
                world.at(Instant::from_millis(step.at_ms), action);
            }
        }
        if let Some(calm_ms) = self.calm_ms {
            self.is_in_time(Place::top("calm"), calm_ms)?;
            world.at(Instant::from_millis(calm_ms), Action::Change(Change::Calm));
        }
        for (at, expectation) in self.expectations.iter().enumerate() {
            self.is_in_time(Place::new("expect", at, "at"), expectation.at_ms)?;
            expectation.claim.check(at, expectation.at_ms, &names)?;
        }
        course::follow(self, &names, world.scene())?;
        Ok(Staged::new(self, world, names))
    }

    fn router(
        &self,
        at: usize,
        part: &RouterPart,
        names: &mut Names,
        world: &mut World,
    ) -> Result<(), StoryError> {
        let place = |key| Place::new("router", at, key);
        let link = names.find_link(place("link"), &part.link)?;
        is_clock(place("clock.tick"), part.clock)?;
        let mut settings = part.settings;
        settings.max_groups.get_or_insert(USUAL_GROUPS);
        let config = settings.config(DEVICE_MTU).map_err(|error| place("config").error(error))?;
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
            self.is_in_time(place("start"), start_ms)?;
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
    ) -> Result<(), StoryError> {
        let place = |key| Place::new("host", at, key);
        let link = names.find_link(place("link"), &part.link)?;
        if !(1..=COUNT_MAX).contains(&part.count) {
            return Err(place("count").error(format_args!("must be 1 to {COUNT_MAX}")));
        }
        // Those that follow it are in the same prefix, or are refused later.
        is_link_local(place("address"), part.address)?;
        part.behaviours.iter().try_for_each(|behaviour| is_behaviour(place("behaviours"), behaviour))?;
        let size = stations::size(part, self);
        let mut ids = Vec::new();
        for number in 0..part.count {
            let address = Ipv6Addr::from_bits(part.address.to_bits() + u128::from(number));
            let name =
                if part.count == 1 { part.name.clone() } else { format!("{}-{}", part.name, number + 1) };
            let mut host = stations::host(at, part, name.clone(), address, size)?;
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
                self.is_in_time(place("start"), start_ms)?;
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

    fn mischief(
        &self,
        at: usize,
        part: &MischiefPart,
        names: &mut Names,
        world: &mut World,
    ) -> Result<(), StoryError> {
        let place = |key| Place::new("mischief", at, key);
        let link = names.find_link(place("link"), &part.link)?;
        self.is_in_time(place("start"), part.start_ms)?;
        part.groups.iter().try_for_each(|group| is_group(place("groups"), *group))?;
        names.has_place(place, &part.name, link, world)?;
        let here = |name: &str| names.find_link(place("link"), name) == Ok(link);
        let id = world.host(link, stations::mischief(part, self, here).off());
        let start = Call::Up { link_local: Some(part.address) };
        world.at(Instant::from_millis(part.start_ms), Action::Host(id, start));
        if let Some(until_ms) = part.until_ms {
            self.is_in_time(place("until"), until_ms)?;
            world.at(Instant::from_millis(until_ms), Action::Host(id, Call::Crash));
        }
        names.node(place("name"), &part.name, &[id], NodeKind::Mischief)
    }

    fn is_in_time(&self, place: Place, at_ms: u64) -> Result<(), StoryError> {
        if at_ms <= self.duration_ms { Ok(()) } else { Err(place.error("is after the end of the story")) }
    }
}

impl Names {
    fn link(&mut self, place: Place, part: &LinkPart, world: &mut World) -> Result<(), StoryError> {
        let mut link = match part.medium {
            Medium::Ethernet => Link::ethernet(),
            Medium::PointToPoint => Link::point_to_point(),
        };
        link = link.name(&part.name).faults(part.faults);
        if part.snooping {
            link = link.snooping();
        }
        is_name(place, &part.name)?;
        if self.links.contains_key(&part.name) {
            return Err(place.error(format_args!("{} is the name of another link", part.name)));
        }
        self.links.insert(part.name.clone(), world.link(link));
        Ok(())
    }

    /// Whether a node may be added to the link under this name.
    fn has_place(
        &self,
        place: impl Fn(&'static str) -> Place,
        name: &str,
        link: LinkId,
        world: &World,
    ) -> Result<(), StoryError> {
        self.is_free(place("name"), name)?;
        let scene = world.scene();
        let is_there = |node: &NodeId| scene.link_of(*node) == link;
        if scene.medium(link) == Medium::PointToPoint && scene.nodes().filter(is_there).count() > 1 {
            let link = scene.link_name(link);
            return Err(place("link").error(format_args!("{link} is a point-to-point link and has two ends")));
        }
        Ok(())
    }

    fn is_free(&self, place: Place, name: &str) -> Result<(), StoryError> {
        is_name(place, name)?;
        if self.nodes.contains_key(name) {
            return Err(place.error(format_args!("{name} is the name of another node")));
        }
        Ok(())
    }

    fn node(&mut self, place: Place, name: &str, ids: &[NodeId], kind: NodeKind) -> Result<(), StoryError> {
        self.is_free(place, name)?;
        self.nodes.insert(name.into(), ids.into());
        for id in ids {
            let at = id.0 as usize;
            self.kinds.resize(self.kinds.len().max(at + 1), kind);
        }
        Ok(())
    }

    /// The link of this name; without one the only link.
    pub(super) fn find_link(&self, place: Place, name: &str) -> Result<LinkId, StoryError> {
        if name.is_empty() {
            let mut links = self.links.values();
            return match (links.next(), links.next()) {
                (Some(link), None) => Ok(*link),
                _ => Err(place.error("must be named, there are several")),
            };
        }
        let known = || self.links.keys().cloned().collect::<Vec<_>>().join(", ");
        let found = self.links.get(name).copied();
        found.ok_or_else(|| place.error(format_args!("no link is called {name:?}; there are {}", known())))
    }

    /// The nodes of this name.
    pub(super) fn find(&self, place: Place, name: &str) -> Result<&[NodeId], StoryError> {
        let found = self.nodes.get(name).map(Vec::as_slice);
        found.ok_or_else(|| place.error(format_args!("no node is called {name:?}")))
    }

    /// The router of this name.
    pub(super) fn find_router(&self, place: Place, name: &str) -> Result<NodeId, StoryError> {
        match self.find(place, name)? {
            [id] if self.kind(*id) == NodeKind::Router => Ok(*id),
            _ => Err(place.error(format_args!("{name} is no router"))),
        }
    }

    /// The hosts of this name.
    pub(super) fn find_hosts(&self, place: Place, name: &str) -> Result<&[NodeId], StoryError> {
        let found = self.find(place, name)?;
        if found.iter().any(|id| self.kind(*id) != NodeKind::Host) {
            return Err(place.error(format_args!("{name} is no host")));
        }
        Ok(found)
    }

    /// The nodes of a name that is known to be there.
    pub(super) fn known(&self, name: &str) -> &[NodeId] {
        self.nodes.get(name).map_or(&[], Vec::as_slice)
    }

    pub(super) fn kind(&self, id: NodeId) -> NodeKind {
        self.kinds[id.0 as usize]
    }

    /// The link of this name, if there is one.
    pub(super) fn link_id(&self, name: &str) -> Option<LinkId> {
        self.links.get(name).copied()
    }
}

/// What a step does with the world.
fn actions(at: usize, deed: &Deed, names: &Names, world: &World) -> Result<Vec<Action>, StoryError> {
    let place = |key| Place::new("step", at, key);
    let each = |ids: &[NodeId], call: &dyn Fn(NodeId) -> Call| -> Vec<Action> {
        ids.iter().map(|id| Action::Host(*id, call(*id))).collect()
    };
    let command = |key, name: &str, command| -> Result<Vec<Action>, StoryError> {
        Ok(vec![Action::Router(names.find_router(place(key), name)?, command)])
    };
    let own = |id: NodeId| world.scene().link_local(id);
    Ok(match deed {
        Deed::Listen(deed) => {
            let (socket, group, mode) = (deed.socket, deed.group, deed.mode);
            is_group(place("listen.group"), group)?;
            let hosts = names.find_hosts(place("listen.host"), &deed.host)?;
            each(hosts, &|_| Call::Listen { socket, group, mode, sources: deed.sources.clone() })
        }
        Deed::Leave(deed) => {
            let (socket, group) = (deed.socket, deed.group);
            is_group(place("leave.group"), group)?;
            let hosts = names.find_hosts(place("leave.host"), &deed.host)?;
            let (mode, sources) = (FilterMode::Include, Vec::new());
            each(hosts, &|_| Call::Listen { socket, group, mode, sources: sources.clone() })
        }
        Deed::Up(deed) => {
            let hosts = names.find_hosts(place("up.host"), &deed.host)?;
            if deed.address.is_some() && hosts.len() > 1 {
                return Err(place("up.address").error("is for one host"));
            }
            each(hosts, &|id| Call::Up {
                link_local: if deed.tentative { None } else { deed.address.or_else(|| own(id)) },
            })
        }
        Deed::Crash(deed) => {
            let nodes = names.find(place("crash.node"), &deed.node)?;
            let crash = |id: &NodeId| match names.kind(*id) {
                NodeKind::Router => Action::Router(*id, Command::Crash),
                NodeKind::Host | NodeKind::Mischief => Action::Host(*id, Call::Crash),
            };
            nodes.iter().map(crash).collect()
        }
        Deed::Start(deed) => command("start.router", &deed.router, Command::Start)?,
        Deed::Stop(deed) => command("stop.router", &deed.router, Command::Stop)?,
        Deed::Restart(deed) => command("restart.router", &deed.router, Command::Restart)?,
        Deed::Address(deed) => match names.find(place("address.node"), &deed.node)? {
            [id] => match names.kind(*id) {
                NodeKind::Router => vec![Action::Router(*id, Command::Address(deed.address))],
                NodeKind::Host | NodeKind::Mischief => {
                    vec![Action::Host(*id, Call::Up { link_local: deed.address })]
                }
            },
            _ => return Err(place("address.node").error("must be one node")),
        },
        Deed::Clock(deed) => {
            is_clock(place("clock.clock"), deed.clock)?;
            command("clock.router", &deed.router, Command::Clock(deed.clock))?
        }
        Deed::Jump(deed) => {
            let node = names.find_router(place("jump.router"), &deed.router)?;
            vec![Action::Change(Change::Jump { node, by_ms: deed.by_ms })]
        }
        Deed::Partition(deed) => {
            let link = names.find_link(place("partition.link"), &deed.link)?;
            let mut apart = Vec::new();
            for name in &deed.apart {
                let nodes = names.find(place("partition.apart"), name)?;
                if nodes.iter().any(|id| world.scene().link_of(*id) != link) {
                    let link = world.scene().link_name(link);
                    return Err(place("partition.apart").error(format_args!("{name} is not on {link}")));
                }
                apart.extend(nodes);
            }
            vec![Action::Change(Change::Partition { link, apart })]
        }
        Deed::Heal(deed) => {
            let link = names.find_link(place("heal.link"), &deed.link)?;
            vec![Action::Change(Change::Heal { link })]
        }
        Deed::Faults(deed) => {
            let link = names.find_link(place("faults.link"), &deed.link)?;
            vec![Action::Change(Change::Faults { link, faults: deed.now })]
        }
        Deed::Calm(_) => vec![Action::Change(Change::Calm)],
    })
}

fn is_name(place: Place, name: &str) -> Result<(), StoryError> {
    if name.is_empty() { Err(place.error("must not be empty")) } else { Ok(()) }
}

pub(super) fn is_group(place: Place, group: Ipv6Addr) -> Result<(), StoryError> {
    if group.is_multicast() {
        Ok(())
    } else {
        Err(place.error(format_args!("{group} is no multicast address")))
    }
}

fn is_clock(place: Place, clock: Clock) -> Result<(), StoryError> {
    if clock.tick_ms > 0 { Ok(()) } else { Err(place.error("must be at least 0.001 seconds")) }
}

fn is_behaviour(place: Place, behaviour: &Behaviour) -> Result<(), StoryError> {
    let groups = match behaviour {
        Behaviour::Churn { groups, .. } | Behaviour::Zapping { channels: groups, .. } => groups,
        Behaviour::Reboot { groups, .. } => {
            return groups.iter().try_for_each(|group| is_group(place, *group));
        }
        Behaviour::SilentLeave { .. } => return Ok(()),
    };
    if groups.is_empty() {
        return Err(place.error("must have a group to go to"));
    }
    groups.iter().try_for_each(|group| is_group(place, *group))
}
