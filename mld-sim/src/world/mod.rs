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
mod happening;
mod host;
mod link;
mod queue;
mod router;
mod scene;
mod wire;

use core::net::Ipv6Addr;
use core::time::Duration;
use std::rc::Rc;

use mld_proto::{FilterMode, Instant, Item};

pub use behaviour::Behaviour;
pub use clock::Clock;
pub use happening::{Call, Change, Frame, Happening, Input, LinkId, Loss, NodeId, Observer, Told, Turn};
pub use host::{Host, Wants};
pub use link::{Faults, Link, Medium};
pub use router::{Engine, Router};
pub use scene::Scene;

use self::host::HostNode;
use self::link::LinkState;
use self::queue::{Due, Queue};
use self::router::{RouterNode, Wake};
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

    fn happen(&mut self, due: Due) -> Result<(), Violation> {
        match due {
            Due::Act(action) => self.act(&action),
            Due::Arrive { frame, to } => {
                for &to in to.iter() {
                    self.deliver(&frame, to, &frame.packet)?;
                }
                Ok(())
            }
            Due::ArriveAt { frame, to, damaged } => {
                self.deliver(&frame, to, damaged.as_deref().unwrap_or(&frame.packet))
            }
            Due::Wake(node) => self.wake(node),
            Due::Behave(node) => self.behave(node),
        }
    }

    fn deliver(&mut self, frame: &Rc<Frame>, to: NodeId, packet: &[u8]) -> Result<(), Violation> {
        let now = self.now;
        let is_watched = !self.observers.is_empty();
        match &mut self.nodes[to.0 as usize].kind {
            Kind::Host(host) if host.is_up => {
                host.station.packet(now, packet, &mut host.outbox);
                self.counts.deliveries += 1;
                if is_watched {
                    self.tell(&Happening::Delivered { frame, to, packet, verdict: None })?;
                }
                self.flush_host(to)
            }
            Kind::Router(router) if router.has_power => {
                let local = router.clock.local(now);
                let mut items: Vec<Item> = Vec::new();
                let (mut sent, mut told) = (Vec::new(), Vec::new());
                let (result, refused) = router.packet(local, packet, &mut items);
                router.drain(local, &mut sent, &mut told)?;
                self.counts.deliveries += 1;
                if is_watched {
                    self.tell(&Happening::Delivered { frame, to, packet, verdict: Some(result) })?;
                }
                self.finish_turn(
                    to,
                    local,
                    &Input::Packet { packet, result, items: &items, refused },
                    sent,
                    &told,
                )
            }
            _ => {
                self.counts.losses += 1;
                self.tell(&Happening::Lost { frame, to, why: Loss::Down })
            }
        }
    }

    fn wake(&mut self, node: NodeId) -> Result<(), Violation> {
        let now = self.now;
        match &mut self.nodes[node.0 as usize].kind {
            Kind::Router(router) => {
                if router.wake.is_none_or(|wake| wake.at != now) || !router.has_power {
                    return Ok(());
                }
                router.wake = None;
                let local = router.clock.local(now);
                if router.engine.poll_timeout().is_none_or(|deadline| deadline > local) {
                    self.schedule(node);
                    return Ok(());
                }
                let (mut sent, mut told) = (Vec::new(), Vec::new());
                router.advance(local, &mut sent, &mut told)?;
                self.finish_turn(node, local, &Input::Timeout, sent, &told)
            }
            Kind::Host(host) => {
                if host.wake_at != Some(now) || !host.is_up {
                    return Ok(());
                }
                host.wake_at = None;
                if host.station.next_timeout().is_some_and(|at| at <= now) {
                    host.station.timeout(now, &mut host.outbox);
                    if host.station.next_timeout().is_some_and(|at| at <= now) {
                        let name = &self.nodes[node.0 as usize].name;
                        return Err(Violation::new(
                            "progress",
                            format!("{name} wants to be called again at once after its timeout"),
                        ));
                    }
                }
                self.flush_host(node)
            }
        }
    }

    fn behave(&mut self, node: NodeId) -> Result<(), Violation> {
        let now = self.now;
        let Kind::Host(host) = &mut self.nodes[node.0 as usize].kind else { return Ok(()) };
        let mut calls = Vec::new();
        for life in &mut host.lives {
            if life.next() == Some(now) {
                calls.extend(life.act(now, host.link_local));
                if let Some(next) = life.next() {
                    self.queue.push(next, Due::Behave(node));
                }
            }
        }
        for call in &calls {
            self.call(node, call)?;
        }
        Ok(())
    }

    fn call(&mut self, node: NodeId, call: &Call) -> Result<(), Violation> {
        let now = self.now;
        let name = self.nodes[node.0 as usize].name.clone();
        let Kind::Host(host) = &mut self.nodes[node.0 as usize].kind else {
            return Err(Violation::new("story", format!("{name} is no host")));
        };
        let link = &mut self.links[host.link.0 as usize];
        if *call == Call::Crash {
            for group in host.wants().keys() {
                link.set_filter(node, *group, false);
            }
        }
        if matches!(call, Call::Listen { .. }) && !host.is_up {
            return Ok(());
        }
        let group = match host.call(now, call) {
            Ok(group) => group,
            Err(refusal) => {
                return Err(Violation::new("refused", format!("{name} refuses {call:?}: {refusal}")));
            }
        };
        if let Some(group) = group {
            link.set_filter(node, group, host.wants().contains_key(&group));
        }
        if let Call::Up { link_local: None } = call {
            let (at, link_local) = (now + Duration::from_millis(host.tentative_ms), Some(host.link_local));
            if host.tentative_ms > 0 {
                self.at(at, Action::Host(node, Call::Up { link_local }));
            }
        }
        self.tell(&Happening::Host { node, call })?;
        self.flush_host(node)
    }

    fn command(&mut self, node: NodeId, command: Command) -> Result<(), Violation> {
        let now = self.now;
        let name = &self.nodes[node.0 as usize].name;
        let not_a_router = || Violation::new("story", format!("{name} is no router"));
        let error = not_a_router();
        let Kind::Router(router) = &mut self.nodes[node.0 as usize].kind else { return Err(error) };
        let local = router.clock.local(now);
        let (mut sent, mut told) = (Vec::new(), Vec::new());
        let input = match command {
            Command::Start => {
                router.has_power = true;
                let instant = local;
                router.engine.start(instant, router.link_local);
                Input::Start(router.link_local)
            }
            Command::Stop | Command::Restart => {
                router.engine.stop(local);
                Input::Stop
            }
            Command::Crash => {
                router.crash();
                Input::Crash
            }
            Command::Address(link_local) => {
                router.link_local = link_local;
                if !router.engine.is_running() {
                    return Ok(());
                }
                router.engine.set_address(local, link_local);
                Input::Address(link_local)
            }
            Command::Clock(clock) => {
                router.clock.clock = clock;
                router.wake = None;
                self.schedule(node);
                return Ok(());
            }
        };
        if command == Command::Crash {
            self.finish_turn(node, local, &input, sent, &told)
        } else {
            router.advance(local, &mut sent, &mut told)?;
            self.finish_turn(node, local, &input, sent, &told)?;
            if command == Command::Restart { self.command(node, Command::Start) } else { Ok(()) }
        }
    }

    fn change(&mut self, what: &Change) -> Result<(), Violation> {
        match what {
            Change::Partition { link, apart } => self.links[link.0 as usize].part(apart),
            Change::Heal { link } => self.links[link.0 as usize].heal(),
            Change::Faults { link, faults } => self.links[link.0 as usize].faults = *faults,
            Change::Jump { node, by_ms } => {
                if let Kind::Router(router) = &mut self.nodes[node.0 as usize].kind {
                    router.clock.jump(*by_ms);
                    router.wake = None;
                    self.schedule(*node);
                }
            }
            Change::Calm => self.calm(),
        }
        self.tell(&Happening::Change { what })
    }

    fn calm(&mut self) {
        for link in &mut self.links {
            link.heal();
            let shortest = link.faults.delay_ms.0;
            link.faults = Faults { delay_ms: (shortest, shortest), ..Faults::NONE };
        }
        for at in 0..self.nodes.len() {
            match &mut self.nodes[at].kind {
                Kind::Router(router) => {
                    router.clock.clock = Clock::EXACT;
                    router.wake = None;
                    self.schedule(NodeId(at as u32));
                }
                Kind::Host(host) => {
                    for life in &mut host.lives {
                        life.end();
                    }
                    if !host.station.is_honest() {
                        host.is_up = false;
                        host.wake_at = None;
                        host.station.crash();
                    }
                }
            }
        }
    }

    /// Tells a router's turn, sends what it sent, and sees to its next wake-up.
    fn finish_turn(
        &mut self,
        node: NodeId,
        local: Instant,
        input: &Input<'_>,
        sent: Vec<Box<[u8]>>,
        told: &[Told],
    ) -> Result<(), Violation> {
        let link = self.scene().link_of(node);
        let frames: Vec<_> = sent.into_iter().map(|packet| self.frame(node, None, packet)).collect();
        if !self.observers.is_empty() {
            self.tell(&Happening::Turn(&Turn { node, link, local, input: *input, sent: &frames, told }))?;
        }
        self.schedule(node);
        frames.iter().try_for_each(|frame| self.transmit(frame))
    }

    /// Sends what a host has put out, and sees to its next wake-up.
    fn flush_host(&mut self, node: NodeId) -> Result<(), Violation> {
        let Kind::Host(host) = &mut self.nodes[node.0 as usize].kind else { return Ok(()) };
        let outgoing = if host.outbox.is_empty() { Vec::new() } else { host.outbox.take() };
        self.schedule(node);
        for outgoing in outgoing {
            let frame = self.frame(node, outgoing.link_layer, outgoing.packet);
            self.transmit(&frame)?;
        }
        Ok(())
    }

    /// Wakes the node when it next asks for it.
    fn schedule(&mut self, node: NodeId) {
        let now = self.now;
        match &mut self.nodes[node.0 as usize].kind {
            Kind::Router(router) if router.has_power => {
                let Some(deadline) = router.engine.poll_timeout() else { return };
                if router.wake.is_some_and(|wake| wake.deadline <= deadline) {
                    return;
                }
                let at = router.clock.wake_at(now, deadline);
                match &mut router.wake {
                    // A late wake-up for this deadline would come after that for a later one.
                    Some(wake) if wake.at <= at => wake.deadline = deadline,
                    wake => {
                        *wake = Some(Wake { deadline, at });
                        self.queue.push(at, Due::Wake(node));
                    }
                }
            }
            Kind::Host(host) if host.is_up => {
                let Some(next) = host.station.next_timeout() else { return };
                let next = next.max(now);
                if host.wake_at.is_none_or(|wake_at| next < wake_at) {
                    host.wake_at = Some(next);
                    self.queue.push(next, Due::Wake(node));
                }
            }
            _ => {}
        }
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
