//! The small world and everything that can happen in it, step by step.

use core::hash::{Hash, Hasher};
use std::sync::Arc;

use stateright::{Model, Property};

use super::frame::{Frame, HOSTS, Message, Node, ROUTERS, read_query};
use super::host::{Host, Wants};
use super::router::{ROBUSTNESS, RouterNode};

/// What the world is like.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) begin: Begin,
    /// Packets of a host's questions and answers that may be lost until it has been heard by all routers again; `None`
    /// for no bound on losses at all.
    pub(crate) losses_max: Option<u8>,
    /// Queries that a router may miss of the other, one after another; `None` for no bound.
    pub(crate) missed_max: Option<u8>,
    /// How long a packet may be under way at most, in milliseconds.
    pub(crate) delay: u64,
    /// Everybody receives in the order in which was sent, and a router what has come before it fires (R-TIM-13).
    /// Otherwise in any order.
    pub(crate) in_order: bool,
    /// Something may happen at each multiple of this, in milliseconds, as well as at deadlines; 0 for deadlines alone.
    pub(crate) tick: u64,
    /// Routers stop and start again.
    pub(crate) restarts: bool,
    /// What the hosts listen to.
    pub(crate) hosts: [Wants; HOSTS],
    /// How often hosts begin or end to listen, all in all.
    pub(crate) changes_max: u8,
    /// How often a host says that it begins or ends to listen.
    pub(crate) says: u8,
    /// Nobody but those who receive does something while so many packets are under way.
    pub(crate) frames_max: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// Nobody is up.
    Down,
    /// Both routers know who queries, and each host is heard or does not listen.
    Settled { listening: [bool; HOSTS] },
}

#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) now: u64,
    pub(crate) routers: [RouterNode; ROUTERS],
    pub(crate) hosts: [Host; HOSTS],
    /// How often hosts may still begin or end to listen.
    changes_left: u8,
    /// Queries that each router missed of the other since it heard one.
    missed: [u8; ROUTERS],
    /// What is under way, as sent, or in an order of its own where that makes no difference.
    pub(crate) frames: Vec<Frame>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Deliver {
        frame: usize,
        to: Node,
    },
    Lose {
        frame: usize,
        to: Node,
    },
    /// A router's deadline ends.
    Fire(Node),
    /// A host answers.
    Answer(usize),
    /// A host says again what changed.
    Repeat(usize),
    /// A host begins or ends to listen.
    Change(usize),
    Start(Node),
    Stop(Node),
    /// Nothing happens until the next deadline of anybody.
    Pass,
}

impl State {
    fn new(world: &World) -> Self {
        Self {
            now: 1_000,
            routers: [RouterNode::new(), RouterNode::new()],
            hosts: world.hosts.map(Host::new),
            changes_left: world.changes_max,
            missed: [0; ROUTERS],
            frames: Vec::new(),
        }
    }

    /// Routers send.
    fn send_queries(&mut self, world: &World, from: Node, packets: Vec<Vec<u8>>) {
        for packet in packets {
            self.send(world, from, read_query(&packet), packet.into());
        }
    }

    fn send(&mut self, world: &World, from: Node, message: Message, packet: Arc<[u8]>) {
        let routers = (0..ROUTERS).filter(|node| self.routers[*node].is_up());
        let is_query = matches!(message, Message::General | Message::Specific { .. });
        // A host that does not listen has nothing to say to a Query.
        let hosts =
            (0..HOSTS).filter(|host| is_query && self.hosts[*host].listens).map(|host| ROUTERS + host);
        let to = routers.chain(hosts).filter(|node| *node != from).fold(0, |to, node| to | 1 << node);
        if to != 0 {
            let losses_before = from.checked_sub(ROUTERS).map_or(0, |host| self.hosts[host].losses);
            let by = self.now + world.delay;
            self.frames.push(Frame { from, message, packet, to, lost: false, losses_before, by });
            self.sort(world);
        }
    }

    /// Where order says nothing, two links with the same packets on them are the same.
    fn sort(&mut self, world: &World) {
        if !world.in_order {
            self.frames.sort();
        }
    }

    /// Takes one receiver off a packet.
    fn take(&mut self, world: &World, frame: usize, to: Node, lost: bool) -> Frame {
        let frame_at = &mut self.frames[frame];
        frame_at.to &= !(1 << to);
        frame_at.lost |= lost;
        let taken = frame_at.clone();
        if taken.to == 0 {
            self.frames.remove(frame);
        }
        self.sort(world);
        taken
    }

    fn deliver(&mut self, world: &World, frame: usize, to: Node) {
        let Frame { from, message, packet, to: others, lost, losses_before, .. } =
            self.take(world, frame, to, false);
        if to >= ROUTERS {
            self.hosts[to - ROUTERS].hear(self.now, message);
            return;
        }
        if from < ROUTERS {
            self.missed[to] = 0;
        }
        let sent = self.routers[to].receive(self.now, from, to, message, &packet);
        if let (Message::Wants { source }, Some(host)) = (message, from.checked_sub(ROUTERS)) {
            let host = &mut self.hosts[host];
            if host.listens {
                host.heard |= 1 << to;
            }
            // What a host that listens to the group says of the source leaves open what becomes of the group.
            let says_all = source == (host.wants == Wants::Source);
            if others == 0 && !lost && says_all {
                host.losses -= losses_before;
                for frame in self.frames.iter_mut().filter(|frame| frame.from == from) {
                    // What was lost before is made up for once.
                    frame.losses_before = frame.losses_before.saturating_sub(losses_before);
                }
            }
        }
        self.send_queries(world, to, sent);
    }

    /// Between which host and the routers this loss happens; `None` if it is between routers.
    fn host_of(&self, frame: usize, to: Node) -> Option<usize> {
        to.checked_sub(ROUTERS).or_else(|| self.frames[frame].from.checked_sub(ROUTERS))
    }

    /// What somebody waits for, besides the routers.
    fn deadlines(&self) -> impl Iterator<Item = u64> {
        self.frames.iter().map(|frame| frame.by).chain(self.hosts.iter().flat_map(Host::deadlines))
    }

    /// Whether everything that must happen at this moment has.
    fn is_done(&self) -> bool {
        self.deadlines().all(|deadline| deadline > self.now)
            && self.routers.iter().all(|router| !router.is_due(self.now))
    }

    /// The next moment at which somebody has something to do.
    fn pass(&mut self, tick: u64) -> bool {
        debug_assert!(self.is_done());
        let tick = (self.now + 1).checked_next_multiple_of(tick);
        loop {
            let routers = self.routers.iter().filter_map(RouterNode::deadline);
            let Some(next) = self.deadlines().chain(routers).chain(tick).min() else { return false };
            self.now = next;
            for router in &mut self.routers {
                router.arrive(next);
            }
            if Some(next) == tick
                || !self.is_done()
                || self.routers.iter().any(|router| router.fault.is_some())
            {
                return true;
            }
        }
    }

    fn words(&self) -> impl Iterator<Item = u64> {
        self.hosts
            .iter()
            .flat_map(|host| host.words(self.now))
            .chain([self.changes_left].into_iter().chain(self.missed).map(u64::from))
    }

    /// Who sent what to whom, for people.
    pub(crate) fn under_way(&self) -> Vec<String> {
        let text = |frame: &Frame| {
            let to: Vec<_> = frame.receivers().collect();
            format!("{} {:?} {to:?}", frame.from, frame.message)
        };
        self.frames.iter().map(text).collect()
    }

    /// What is where, for people.
    pub(crate) fn text(&self) -> String {
        let routers = self.routers.each_ref().map(RouterNode::text);
        format!("{routers:?} {:?}", self.hosts)
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        for router in &self.routers {
            router.hash(self.now, hasher);
        }
        self.words().for_each(|word| hasher.write_u64(word));
        for frame in &self.frames {
            (frame.from, frame.message, &frame.packet, frame.to, frame.lost).hash(hasher);
            (frame.losses_before, frame.by - self.now).hash(hasher);
        }
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        let later = |frame: &Frame, now: u64| Frame { by: frame.by - now, ..frame.clone() };
        self.words().eq(other.words())
            && self.frames.len() == other.frames.len()
            && self.frames.iter().zip(&other.frames).all(|(a, b)| later(a, self.now) == later(b, other.now))
            && self.routers.iter().zip(&other.routers).all(|(a, b)| a.is_like(self.now, b, other.now))
    }
}

impl World {
    /// Lets everything take its course, with every packet delivered at once and every answer given at the last moment.
    fn settle(&self, state: &mut State, until: u64) {
        while state.now < until {
            if let Some(frame) = state.frames.first() {
                let to = frame.receivers().next().expect("a packet under way to somebody");
                state.deliver(self, 0, to);
            } else if let Some(node) = (0..ROUTERS).find(|node| state.routers[*node].is_due(state.now)) {
                self.step(state, Action::Fire(node));
            } else if let Some(host) = (0..HOSTS).find(|host| state.hosts[*host].answer_by == state.now) {
                self.step(state, Action::Answer(host));
            } else if let Some(host) = (0..HOSTS).find(|host| state.hosts[*host].repeat_by == state.now) {
                self.step(state, Action::Repeat(host));
            } else {
                assert!(state.pass(0), "somebody waits for something");
            }
        }
    }

    fn step(&self, state: &mut State, action: Action) -> bool {
        let now = state.now;
        match action {
            Action::Deliver { frame, to } => state.deliver(self, frame, to),
            Action::Lose { frame, to } => {
                match state.host_of(frame, to) {
                    Some(host) => state.hosts[host].losses += u8::from(self.losses_max.is_some()),
                    None => state.missed[to] += u8::from(self.missed_max.is_some()),
                }
                state.take(self, frame, to, true);
            }
            Action::Fire(node) => {
                let sent = state.routers[node].fire(now);
                state.send_queries(self, node, sent);
            }
            Action::Answer(host) => {
                let (message, packet) = state.hosts[host].answer(ROUTERS + host);
                state.send(self, ROUTERS + host, message, packet);
            }
            Action::Repeat(host) => {
                let (message, packet) = state.hosts[host].say_change(now, ROUTERS + host);
                state.send(self, ROUTERS + host, message, packet);
            }
            Action::Change(host) => {
                state.changes_left = state.changes_left.saturating_sub(1);
                let (message, packet) = state.hosts[host].change(now, ROUTERS + host, self.says);
                state.send(self, ROUTERS + host, message, packet);
            }
            Action::Start(node) => {
                let sent = state.routers[node].start(now, node);
                state.send_queries(self, node, sent);
            }
            Action::Stop(node) => {
                state.routers[node].stop(now);
                for frame in &mut state.frames {
                    frame.to &= !(1 << node);
                }
                state.frames.retain(|frame| frame.to != 0);
                for host in &mut state.hosts {
                    host.heard &= !(1 << node);
                }
            }
            Action::Pass => return state.pass(self.tick),
        }
        true
    }

    fn may_lose(&self, state: &State, frame: usize, to: Node) -> bool {
        match state.host_of(frame, to) {
            Some(host) => self.losses_max.is_none_or(|max| state.hosts[host].losses < max),
            None => self.missed_max.is_none_or(|max| state.missed[to] < max),
        }
    }
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut state = State::new(self);
        if let Begin::Settled { listening } = self.begin {
            for node in 0..ROUTERS {
                self.step(&mut state, Action::Start(node));
            }
            for (host, listens) in listening.into_iter().enumerate() {
                if listens {
                    self.step(&mut state, Action::Change(host));
                }
            }
            // The first Queries, what was asked then, and some quiet behind it.
            self.settle(&mut state, 8_000);
            state.changes_left = self.changes_max;
        }
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.routers.iter().any(|router| router.fault.is_some()) {
            return;
        }
        for (at, frame) in state.frames.iter().enumerate() {
            // Copies of a packet are alike.
            if !self.in_order && at > 0 && state.frames[at - 1] == *frame {
                continue;
            }
            for to in frame.receivers() {
                if self.in_order && state.frames[..at].iter().any(|earlier| earlier.is_for(to)) {
                    continue;
                }
                actions.push(Action::Deliver { frame: at, to });
                if self.may_lose(state, at, to) {
                    actions.push(Action::Lose { frame: at, to });
                }
            }
        }
        if state.is_done() {
            actions.push(Action::Pass);
        }
        if state.frames.len() >= self.frames_max {
            return;
        }
        for (node, router) in state.routers.iter().enumerate() {
            let has_to_read = self.in_order && state.frames.iter().any(|frame| frame.is_for(node));
            if router.is_due(state.now) && !has_to_read {
                actions.push(Action::Fire(node));
            }
            match router.is_up() {
                false if self.begin == Begin::Down => actions.push(Action::Start(node)),
                true if self.restarts => actions.push(Action::Stop(node)),
                _ => {}
            }
        }
        for (at, host) in state.hosts.iter().enumerate() {
            if host.answer_by != 0 {
                actions.push(Action::Answer(at));
            }
            if host.repeat_by != 0 {
                actions.push(Action::Repeat(at));
            }
            if state.changes_left > 0 {
                actions.push(Action::Change(at));
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        self.step(&mut next, action).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        super::property::properties(self.losses_max == Some(ROBUSTNESS - 1), self.hosts[0] == self.hosts[1])
    }
}
