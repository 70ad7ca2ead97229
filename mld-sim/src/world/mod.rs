//! Links, routers and hosts in virtual time.
//!
//! A [`World`] is made from a seed. It has one ordered queue of what is to happen, no thread and no clock; every entity
//! draws from a generator of its own, so that the same calls give the same run to the bit.
//!
//! ```
//! use core::time::Duration;
//! use mld_proto::FilterMode;
//! use mld_sim::station::listener::ListenerHost;
//! use mld_sim::{Faults, Host, Link, Router, World};
//!
//! let mut world = World::new(7);
//! let lan = world.link(Link::ethernet().faults(Faults { delay_ms: (1, 20), loss_ppm: 10_000, ..Faults::NONE }));
//! let router = world.router(lan, Router::new("r1", "fe80::1".parse()?));
//! let host = world.host(lan, Host::new("h1", "fe80::a".parse()?, ListenerHost::new(7)));
//! world.listen(host, 0, "ff05::1".parse()?, FilterMode::Exclude, &[])?;
//! world.run_for(Duration::from_secs(30))?;
//! assert!(world.scene().engine(router).unwrap().forwards("ff05::1".parse()?, "2001:db8::1".parse()?));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod behaviour;
mod clock;
mod deeds;
mod happening;
mod host;
mod link;
mod queue;
mod router;
mod run;
mod scene;
mod wire;

use core::net::Ipv6Addr;
use core::time::Duration;

use mld_proto::{FilterMode, Instant};

pub use behaviour::Behaviour;
pub use clock::Clock;
pub use happening::{
    Call, Change, Frame, Happening, Input, LinkId, Loss, NodeId, Observer, Refusal, Told, Turn,
};
pub use host::{Host, Wants};
pub use link::{Faults, Link, Medium};
pub use router::{Engine, Router};
pub use scene::Scene;

use self::host::HostNode;
use self::link::LinkState;
use self::queue::{Due, Queue};
use self::router::RouterNode;
use crate::judge::Violation;
use crate::rng::Rng;

/// Links with routers and hosts, in virtual time.
pub struct World {
    seed: u64,
    now: Instant,
    queue: Queue,
    links: Vec<LinkState>,
    nodes: Vec<Node>,
    observers: Vec<Box<dyn Observer>>,
    counts: Counts,
}

/// What happened in a world so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames put on links.
    pub frames: u64,
    /// Frames that reached somebody, each counted for each receiver.
    pub deliveries: u64,
    /// Frames that did not.
    pub losses: u64,
}

/// Something that is done with a world.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Something is done with a host.
    Host(NodeId, Call),
    /// Something is done with a router.
    Router(NodeId, Command),
    /// The world around the nodes changes.
    Change(Change),
}

/// What is done with a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// It starts, with the address that it had last.
    Start,
    /// MLD on the interface goes down in an orderly way (R-ELE-12).
    Stop,
    /// It loses its power and all that it knew.
    Crash,
    /// It goes down in an orderly way and starts at once.
    Restart,
    /// Its link-local address changes, appears or goes away.
    Address(Option<Ipv6Addr>),
    /// Its clock goes like this from now on.
    Clock(Clock),
}

/// A node of a world.
struct Node {
    name: String,
    mac: [u8; 6],
    /// What the link's draws for this node depend on: its name, so that other nodes may come and go.
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
            observers: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Adds a link.
    pub fn link(&mut self, link: Link) -> LinkId {
        let id = LinkId(self.links.len() as u32);
        self.links.push(LinkState::new(id, link, self.seed));
        id
    }

    /// Adds a router to a link. It starts now unless it is off.
    pub fn router(&mut self, link: LinkId, router: Router) -> NodeId {
        let key = Rng::named(self.seed, &router.name).next_u64();
        let is_off = router.is_off;
        let node = RouterNode::new(link, &router, key);
        let id = self.add(router.name, key, Kind::Router(Box::new(node)));
        self.links[link.0 as usize].routers.push(id);
        if !is_off {
            self.at(self.now, Action::Router(id, Command::Start));
        }
        id
    }

    /// Adds a host to a link. It comes up now unless it is off.
    pub fn host(&mut self, link: LinkId, host: Host) -> NodeId {
        let key = Rng::named(self.seed, &host.name).next_u64();
        let (name, is_off, address, tentative_ms) =
            (host.name.clone(), host.is_off, host.link_local, host.tentative_ms);
        let node = HostNode::new(link, host, key, self.now);
        let behaves: Vec<_> = node.lives.iter().filter_map(|life| life.next()).collect();
        let id = self.add(name, key, Kind::Host(Box::new(node)));
        self.links[link.0 as usize].hosts.push(id);
        if !is_off {
            let link_local = (tentative_ms == 0).then_some(address);
            self.at(self.now, Action::Host(id, Call::Up { link_local }));
        }
        for at in behaves {
            self.queue.push(at, Due::Behave(id));
        }
        id
    }

    fn add(&mut self, name: String, key: u64, kind: Kind) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        let [a, b, c, d] = (id.0 + 1).to_be_bytes();
        self.nodes.push(Node { name, mac: [0x02, 0, a, b, c, d], key, sent: 0, kind });
        id
    }

    /// Somebody watches from now on: a judge, a trace, a test.
    pub fn observe(&mut self, observer: impl Observer + 'static) {
        self.observers.push(Box::new(observer));
    }

    /// Does something at a moment to come; what lies in the past is done at once when the world runs.
    pub fn at(&mut self, at: Instant, action: Action) {
        self.queue.push(at.max(self.now), Due::Act(Box::new(action)));
    }

    /// Does something now.
    ///
    /// # Errors
    ///
    /// An observer saw a rule broken.
    pub fn act(&mut self, action: &Action) -> Result<(), Violation> {
        let done = match action {
            Action::Host(host, call) => self.call(*host, call),
            Action::Router(router, command) => self.command(*router, *command),
            Action::Change(what) => self.change(what),
        };
        done.map_err(|violation| Violation { at: self.now, ..violation })
    }

    /// What a socket of a host wants of a group from now on (RFC 9777 section 3).
    ///
    /// # Errors
    ///
    /// As for [`act`](Self::act).
    pub fn listen(
        &mut self,
        host: NodeId,
        socket: u32,
        group: Ipv6Addr,
        mode: FilterMode,
        sources: &[Ipv6Addr],
    ) -> Result<(), Violation> {
        self.run_for(Duration::ZERO)?;
        self.act(&Action::Host(host, Call::Listen { socket, group, mode, sources: sources.into() }))
    }

    /// Lets time pass.
    ///
    /// # Errors
    ///
    /// As for [`act`](Self::act).
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
            self.happen(due).map_err(|violation| Violation { at, ..violation })?;
        }
        self.now = self.now.max(end);
        Ok(())
    }

    /// The present moment.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// What happened so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// How everything is now.
    pub fn scene(&self) -> Scene<'_> {
        Scene { nodes: &self.nodes, links: &self.links }
    }

    fn tell(&mut self, happening: &Happening<'_>) -> Result<(), Violation> {
        let mut observers = core::mem::take(&mut self.observers);
        let scene = Scene { nodes: &self.nodes, links: &self.links };
        let told =
            observers.iter_mut().try_for_each(|observer| observer.observe(&scene, self.now, happening));
        self.observers = observers;
        told
    }
}
