//! Links, routers and hosts in virtual time.
//!
//! A [`World`] is made from a seed. It has one ordered queue of events, no thread and no clock; every entity has its own
//! random generator, so that the same calls give the same run to the bit.
//!
//! ```
//! use core::time::Duration;
//! use mld_proto::FilterMode;
//! use mld_sim::nodes::listener::ListenerHost;
//! use mld_sim::{Faults, Host, Link, Router, World};
//!
//! let mut world = World::new(7);
//! let lan = world.link(Link::ethernet().faults(Faults { delay_ms: (1, 20), loss_ppm: 10_000, ..Faults::NONE }));
//! let router = world.router(lan, Router::new("r1", "fe80::1".parse()?));
//! let host = world.host(lan, Host::new("h1", "fe80::a".parse()?, ListenerHost::new()));
//! world.listen(host, 0, "ff05::1".parse()?, FilterMode::Exclude, &[])?;
//! world.run_for(Duration::from_secs(30))?;
//! assert!(world.scene().engine(router).unwrap().forwards("ff05::1".parse()?, "2001:db8::1".parse()?));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod actions;
mod behaviour;
mod clock;
mod driver;
mod host;
mod link;
mod node;
mod observer;
mod queue;
mod router;
mod run;
mod scene;
mod verbs;
mod violation;
mod wire;

use core::net::Ipv6Addr;
use core::time::Duration;
use std::collections::BTreeSet;

use mld_proto::{Config, Instant};

pub use behaviour::Behaviour;
pub use clock::Clock;
pub use host::{Host, Wants};
pub use link::{ETHERNET_MTU, Faults, Link, Medium};
pub use node::{HostSettings, HostVersion, Node, Outbox};
pub use observer::{
    Call, Change, Frame, Happening, Input, LinkId, Loss, NodeId, Observer, Refusal, Told, Turn,
};
pub use router::{Engine, Router};
pub use scene::Scene;
pub use violation::Violation;

use self::host::HostNode;
use self::link::LinkState;
use self::queue::{Due, Queue};
use self::router::RouterNode;
use crate::rng::Rng;

/// Links with routers and hosts, in virtual time.
pub struct World {
    seed: u64,
    now: Instant,
    queue: Queue,
    links: Vec<LinkState>,
    nodes: Vec<NodeState>,
    /// The names of the nodes.
    names: BTreeSet<String>,
    observers: Vec<Box<dyn Observer>>,
    /// The first rule that was broken since the last call.
    broken: Option<Violation>,
    counts: Counts,
}

/// Counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames put on links.
    pub frames: u64,
    /// Frames that arrived, each counted once for each receiver.
    pub deliveries: u64,
    /// Frames that did not arrive.
    pub losses: u64,
}

/// An action on a world.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A call on a host.
    Host(NodeId, Call),
    /// A command to a router.
    Router(NodeId, Command),
    /// A change of the world around the nodes.
    Change(Change),
}

/// A command to a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Start with the last address.
    Start,
    /// MLD on the interface goes down in an orderly way (R-ELE-12).
    Stop,
    /// Lose the power and all state.
    Crash,
    /// Stop in an orderly way and start at once.
    Restart,
    /// Change, gain or lose the link-local address.
    Address(Option<Ipv6Addr>),
    /// Take another configuration while running; limits count up to the first ones.
    ///
    /// The judges do not know which state a router should keep with other settings. They ignore it until
    /// it starts again.
    Reconfigure(Box<Config>),
    /// Run the clock like this from now on.
    Clock(Clock),
}

/// A node of a world.
struct NodeState {
    name: String,
    mac: [u8; 6],
    /// Seeds the link's draws for this node. It depends on the name alone, so that other nodes may be added or removed.
    key: u64,
    /// How many frames it sent.
    sent: u64,
    kind: Kind,
}

enum Kind {
    Router(Box<RouterNode>),
    Host(Box<HostNode>),
}

impl World {
    /// An empty world at moment 0. The same seed and the same calls give the same run.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            now: Instant::ZERO,
            queue: Queue::default(),
            links: Vec::new(),
            nodes: Vec::new(),
            names: BTreeSet::new(),
            observers: Vec::new(),
            broken: None,
            counts: Counts::default(),
        }
    }

    /// Adds a link.
    ///
    /// # Panics
    ///
    /// If another link has its name: what a link does to frames is drawn from that.
    pub fn link(&mut self, link: Link) -> LinkId {
        let id = LinkId(self.links.len() as u32);
        let link = LinkState::new(id, link, self.seed);
        assert!(self.links.iter().all(|other| other.name != link.name), "two links are called {}", link.name);
        self.links.push(link);
        id
    }

    /// Adds a router to a link. It starts now unless it is off.
    ///
    /// # Panics
    ///
    /// If the world has no such link, there is no room on it (point-to-point), another node has the router's name, or its
    /// clock stands still.
    pub fn router(&mut self, link: LinkId, router: Router) -> NodeId {
        assert!(router.clock.ticks(), "the clock of {} stands still: tick_ms is 0", router.name);
        let key = Rng::named(self.seed, &router.name).next_u64();
        let is_off = router.is_off;
        let node = RouterNode::new(link, &router, key);
        let id = self.add(link, router.name, key, Kind::Router(Box::new(node)));
        self.links[link.0 as usize].routers.push(id);
        if !is_off {
            self.at(self.now, Action::Router(id, Command::Start));
        }
        id
    }

    /// Adds a host to a link. It comes up now unless it is off. Its stack draws from a generator of the world's seed and
    /// its name.
    ///
    /// # Panics
    ///
    /// If the world has no such link, there is no room on it (point-to-point), another node has the host's name, or a
    /// behaviour has no group to go to.
    pub fn host(&mut self, link: LinkId, mut host: Host) -> NodeId {
        let is_possible = host.behaviours.iter().all(Behaviour::is_possible);
        assert!(is_possible, "a behaviour of {} has no group to go to", host.name);
        let key = Rng::named(self.seed, &host.name).next_u64();
        // Another text would change every run.
        host.stack.draw_from(Rng::named(self.seed, &format!("station {}", host.name)));
        let (name, is_off, all_multicast) = (host.name.clone(), host.is_off, host.all_multicast);
        let node = HostNode::new(link, host, key);
        let link_local = node.own_address();
        let id = self.add(link, name, key, Kind::Host(Box::new(node)));
        let link = &mut self.links[link.0 as usize];
        link.hosts.push(id);
        if all_multicast {
            link.all_multicast.push(id);
        }
        if !is_off {
            self.at(self.now, Action::Host(id, Call::Up { link_local }));
        }
        id
    }

    fn add(&mut self, link: LinkId, name: String, key: u64, kind: Kind) -> NodeId {
        match self.links.get(link.0 as usize) {
            None => panic!("there is no link {} for {name}", link.0),
            Some(link) => {
                assert!(link.has_room(), "there is no room for {name} on {}, which has two ends", link.name)
            }
        }
        assert!(self.names.insert(name.clone()), "two nodes are called {name}");
        let id = NodeId(self.nodes.len() as u32);
        let [a, b, c, d] = (id.0 + 1).to_be_bytes();
        self.nodes.push(NodeState { name, mac: [0x02, 0, a, b, c, d], key, sent: 0, kind });
        id
    }

    /// Adds an observer: a judge, a trace, a test.
    pub fn observe(&mut self, observer: impl Observer + 'static) {
        self.observers.push(Box::new(observer));
    }

    /// Plans an action; one that lies in the past is performed at once when the world runs.
    ///
    /// A [`Call::Listen`] on a host that is down then is reported ([`Happening::Refused`]) and ends no run: a plan
    /// need not know which hosts will be up.
    pub fn at(&mut self, at: Instant, action: Action) {
        self.queue.push(at.max(self.now), Due::Act(Box::new(action)));
    }

    /// Performs an action now, after all that is due now.
    ///
    /// # Errors
    ///
    /// An observer saw a rule broken. Or the action is impossible: the node or link does not exist, or is of the other
    /// kind (rule `scenario`); the host is down, or its stack refuses the call (rule `refused`).
    pub fn act(&mut self, action: Action) -> Result<(), Violation> {
        self.run_for(Duration::ZERO)?;
        self.perform(&action);
        self.verdict()
    }

    /// Lets time pass.
    ///
    /// # Errors
    ///
    /// As for [`act`](Self::act). The event that broke a rule is completed and shown to every observer;
    /// the world may be run on.
    pub fn run_for(&mut self, duration: Duration) -> Result<(), Violation> {
        self.run_until(self.now + duration)
    }

    /// Lets time pass until `end`; what is due at that moment still happens.
    ///
    /// # Errors
    ///
    /// As for [`act`](Self::act).
    pub fn run_until(&mut self, end: Instant) -> Result<(), Violation> {
        while let Some((at, due)) = self.queue.pop_until(end) {
            self.now = at;
            self.happen(due);
            self.verdict()?;
        }
        self.now = self.now.max(end);
        Ok(())
    }

    /// The present time.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// The counts so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The present state of everything.
    pub fn scene(&self) -> Scene<'_> {
        Scene { nodes: &self.nodes, links: &self.links }
    }

    fn verdict(&mut self) -> Result<(), Violation> {
        self.broken.take().map_or(Ok(()), Err)
    }
}
