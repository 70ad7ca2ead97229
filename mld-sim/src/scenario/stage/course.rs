//! Whether what a story says can be, one thing after the other.
//!
//! What a step may do depends on what was done before: who is up, who has which address, and whether the faults have
//! ended. Here a story is followed from its first moment to its last one, without its packets.

use core::net::Ipv6Addr;
use std::collections::BTreeMap;

use super::checks::is_link_local;
use super::names::{Names, NodeKind};
use crate::scenario::data::{Deed, HostPart, Place, Story, StoryError};
use crate::time::short;
use crate::world::{Behaviour, LinkId, NodeId, Scene};

/// A story as far as it has come.
struct Course<'s> {
    story: &'s Story,
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
    Step(usize, &'s Deed),
}

/// Follows a story whose nodes and steps are there.
///
/// # Errors
///
/// The first thing that cannot be.
pub(in crate::scenario) fn follow(story: &Story, names: &Names, scene: Scene<'_>) -> Result<(), StoryError> {
    let (owners, held, power) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let parts = story.hosts.iter().flat_map(|part| names.known(&part.name).iter().map(move |id| (*id, part)));
    let mut course = Course { story, names, scene, owners, held, parts: parts.collect(), power };
    course.addresses()?;
    course.calm()?;
    let starts = story.hosts.iter().enumerate();
    let starts = starts.map(|(at, host)| (host.start_ms.unwrap_or_default(), Event::Start(at)));
    let steps = story.steps.iter().enumerate();
    let steps = steps.map(|(at, step)| (step.at_ms, Event::Step(at, &step.deed)));
    let mut events: Vec<_> = starts.chain(steps).collect();
    // What is done at one moment is done in this order.
    events.sort_by_key(|(at_ms, _)| *at_ms);
    events.into_iter().try_for_each(|(at_ms, event)| match event {
        Event::Start(at) => {
            course.turn_on(names.known(&story.hosts[at].name));
            Ok(())
        }
        Event::Step(at, deed) => course.step(at, at_ms, deed),
    })
}

impl<'s> Course<'s> {
    /// All that has nodes: the table, which of it, and the name.
    fn tables(&self) -> impl Iterator<Item = (&'static str, usize, &'s str)> + use<'s> {
        let story = self.story;
        let routers = story.routers.iter().enumerate().map(|(at, part)| ("router", at, &*part.name));
        let hosts = story.hosts.iter().enumerate().map(|(at, part)| ("host", at, &*part.name));
        let mischief = story.mischief.iter().enumerate().map(|(at, part)| ("mischief", at, &*part.name));
        routers.chain(hosts).chain(mischief)
    }

    fn addresses(&mut self) -> Result<(), StoryError> {
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
    fn calm(&self) -> Result<(), StoryError> {
        let Some(calm_ms) = self.story.calm_ms else { return Ok(()) };
        let late = |table, at, key, what| {
            let text = format!("{what} after the calm at {}", short(calm_ms));
            Err(Place::new(table, at, key).error(text))
        };
        for (at, part) in self.story.hosts.iter().enumerate() {
            if part.start_ms > Some(calm_ms) && !part.behaviours.is_empty() {
                return late("host", at, "behaviours", "begin");
            }
        }
        for (at, part) in self.story.mischief.iter().enumerate() {
            if part.start_ms > calm_ms {
                return late("mischief", at, "start", "is");
            }
        }
        for (at, step) in self.story.steps.iter().enumerate().filter(|(_, step)| step.at_ms > calm_ms) {
            let is_mischief = |name: &str| self.is_mischief(name);
            let key = match &step.deed {
                Deed::Clock(_) => "clock",
                Deed::Jump(_) => "jump",
                Deed::Partition(_) => "partition",
                Deed::Faults(_) => "faults",
                Deed::Address(deed) if is_mischief(&deed.node) => "address.node",
                Deed::Crash(deed) if is_mischief(&deed.node) => "crash.node",
                _ => continue,
            };
            return late("step", at, key, "comes");
        }
        Ok(())
    }

    fn step(&mut self, at: usize, at_ms: u64, deed: &Deed) -> Result<(), StoryError> {
        let place = |key| Place::new("step", at, key);
        match deed {
            Deed::Listen(deed) => self.is_up(place("listen.host"), at_ms, &deed.host),
            Deed::Leave(deed) => self.is_up(place("leave.host"), at_ms, &deed.host),
            Deed::Up(deed) => {
                let hosts = self.names.known(&deed.host);
                self.turn_on(hosts);
                match (hosts, deed.address) {
                    ([host], Some(address)) => self.take(place("up.address"), *host, address),
                    _ => Ok(()),
                }
            }
            Deed::Crash(deed) => {
                for id in self.names.known(&deed.node) {
                    let comes_back =
                        self.behaves(*id, |behaviour| matches!(behaviour, Behaviour::Reboot { .. }));
                    if let Some(power) = self.power.get_mut(id) {
                        *power = if comes_back { Power::Unknown } else { Power::Down };
                    }
                }
                Ok(())
            }
            Deed::Address(deed) => {
                let Some(id) = self.names.known(&deed.node).first() else { return Ok(()) };
                if self.names.kind(*id) == NodeKind::Host {
                    self.is_up(place("address.node"), at_ms, &deed.node)?;
                }
                deed.address.map_or(Ok(()), |address| self.take(place("address.address"), *id, address))
            }
            _ => Ok(()),
        }
    }

    /// The address is this node's from now on, and its last one is free.
    fn take(&mut self, place: Place, node: NodeId, address: Ipv6Addr) -> Result<(), StoryError> {
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
    fn is_up(&self, place: Place, at_ms: u64, name: &str) -> Result<(), StoryError> {
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

    fn is_mischief(&self, name: &str) -> bool {
        self.names.known(name).iter().any(|id| self.names.kind(*id) == NodeKind::Mischief)
    }
}
