//! A stack that says what it is told to say, and an observer that writes everything down.

use core::cell::RefCell;
use core::net::Ipv6Addr;
use core::time::Duration;
use std::collections::VecDeque;
use std::rc::Rc;

use mld_proto::wire::MessageKind;
use mld_proto::{Discard, FilterMode, Instant};
use mld_sim::World;
use mld_sim::packet::write::{self, Packet, Record};
use mld_sim::world::{
    Call, Change, Happening, Input, Loss, Node, NodeId, Observer, Outbox, Scene, Told, Violation,
};

/// The group that most tests talk about; its Ethernet address is not that of all nodes.
pub(crate) const GROUP: &str = "ff05::1:1";

pub(crate) fn ip(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}

pub(crate) const fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

pub(crate) fn run_to(world: &mut World, millis: u64) {
    world.run_until(ms(millis)).expect("no rule is judged");
}

pub(crate) fn join(world: &mut World, host: NodeId, group: &str) {
    world.listen(host, 0, ip(group), FilterMode::Exclude, &[]).expect("the group can be joined");
}

pub(crate) fn leave(world: &mut World, host: NodeId, group: &str) {
    world.listen(host, 0, ip(group), FilterMode::Include, &[]).expect("every group can be left");
}

pub(crate) fn report(source: &str, kind: u8, group: &str) -> Vec<u8> {
    Packet::usual(ip(source), write::report(&[Record::new(kind, ip(group), Vec::new())])).octets()
}

pub(crate) fn version_1(source: &str, kind: u8, group: &str) -> Vec<u8> {
    Packet::usual(ip(source), write::version_1(kind, 0, ip(group))).octets()
}

/// A packet to all nodes that no router understands, with room for a mark.
pub(crate) fn marked(mark: u16) -> Vec<u8> {
    let mut message = vec![200; 24];
    message[4..6].copy_from_slice(&mark.to_be_bytes());
    Packet::new(ip("fe80::a"), write::ALL_NODES, message).octets()
}

/// Where a message begins behind the IPv6 header and the Router Alert.
const MESSAGE: usize = 48;

pub(crate) fn mark_of(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[MESSAGE + 4], packet[MESSAGE + 5]])
}

pub(crate) fn type_of(packet: &[u8]) -> u8 {
    packet[MESSAGE]
}

pub(crate) fn source_of(packet: &[u8]) -> Ipv6Addr {
    Ipv6Addr::from(*packet[8..].first_chunk::<16>().expect("an address"))
}

/// What was called on a [`Speaker`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Called {
    Start(Option<Ipv6Addr>),
    Crash,
    Listen(Ipv6Addr),
    Packet(Vec<u8>),
}

pub(crate) type Calls = Rc<RefCell<Vec<(u64, Called)>>>;

/// Says what it was given at the moments that it was given, and takes note of what is called.
pub(crate) struct Speaker {
    plan: VecDeque<(u64, Option<[u8; 6]>, Vec<u8>)>,
    calls: Calls,
    is_up: bool,
    now_ms: u64,
}

impl Speaker {
    pub(crate) fn silent() -> Self {
        Self::new([])
    }

    pub(crate) fn new(plan: impl IntoIterator<Item = (u64, Vec<u8>)>) -> Self {
        let plan = plan.into_iter().map(|(at_ms, packet)| (at_ms, None, packet)).collect();
        Self { plan, calls: Calls::default(), is_up: false, now_ms: 0 }
    }

    /// One packet to a link-layer address.
    pub(crate) fn to(link_layer: [u8; 6], at_ms: u64, packet: Vec<u8>) -> Self {
        Self { plan: [(at_ms, Some(link_layer), packet)].into(), ..Self::silent() }
    }

    /// So many marked packets to all nodes, one each millisecond from 1 on, marked with its moment.
    pub(crate) fn counting(count: u16) -> Self {
        Self::new((1..=count).map(|at| (at.into(), marked(at))))
    }

    pub(crate) fn calls(&self) -> Calls {
        Rc::clone(&self.calls)
    }

    fn called(&mut self, now: Instant, called: Called) {
        self.now_ms = now.as_millis();
        self.calls.borrow_mut().push((self.now_ms, called));
    }
}

impl Node for Speaker {
    fn start(&mut self, now: Instant, link_local: Option<Ipv6Addr>, _out: &mut Outbox) {
        self.is_up = true;
        self.called(now, Called::Start(link_local));
    }

    fn crash(&mut self) {
        self.is_up = false;
        self.calls.borrow_mut().push((self.now_ms, Called::Crash));
    }

    fn listen(
        &mut self,
        now: Instant,
        _socket: u32,
        group: Ipv6Addr,
        _mode: FilterMode,
        _sources: &[Ipv6Addr],
        _out: &mut Outbox,
    ) -> Result<(), String> {
        if group == ip("ff05::dead") {
            return Err("not this one".into());
        }
        self.called(now, Called::Listen(group));
        Ok(())
    }

    fn packet(&mut self, now: Instant, packet: &[u8], _out: &mut Outbox) {
        self.called(now, Called::Packet(packet.into()));
    }

    fn timeout(&mut self, now: Instant, out: &mut Outbox) {
        while self.plan.front().is_some_and(|next| next.0 <= now.as_millis()) {
            let Some((_, link_layer, packet)) = self.plan.pop_front() else { break };
            match link_layer {
                Some(address) => out.send_to(address, &packet),
                None => out.send(&packet),
            }
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.plan.front().filter(|_| self.is_up).map(|next| ms(next.0))
    }
}

/// A happening, kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    Sent { number: u64, from: NodeId, packet: Vec<u8> },
    UnderWay { number: u64, to: NodeId },
    Lost { number: u64, to: NodeId, why: Loss },
    Delivered { number: u64, from: NodeId, to: NodeId, whole: Vec<u8>, packet: Vec<u8>, verdict: Verdict },
    Turn { node: NodeId, local_ms: u64, input: String, sent: Vec<Vec<u8>>, told: Vec<Told> },
    Host { node: NodeId, call: Call },
    Refused { node: NodeId, call: Call, why: String },
    Change(Change),
}

type Verdict = Option<Result<MessageKind, Discard>>;

/// Everything that happened, each with its moment in milliseconds.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<(u64, Seen)>>>);

impl Log {
    pub(crate) fn of(world: &mut World) -> Self {
        let log = Self::default();
        world.observe(log.clone());
        log
    }

    pub(crate) fn all(&self) -> Vec<(u64, Seen)> {
        self.0.borrow().clone()
    }

    /// What `pick` makes of the happenings that it is about.
    pub(crate) fn pick<T>(&self, pick: impl FnMut(&(u64, Seen)) -> Option<T>) -> Vec<T> {
        self.0.borrow().iter().filter_map(pick).collect()
    }

    /// When, from whom and to whom frames were delivered whose octets `wanted` takes.
    pub(crate) fn deliveries(&self, wanted: impl Fn(&[u8]) -> bool) -> Vec<(u64, NodeId, NodeId)> {
        self.pick(|(at_ms, seen)| match seen {
            Seen::Delivered { from, to, whole, .. } if wanted(whole) => Some((*at_ms, *from, *to)),
            _ => None,
        })
    }

    /// Whom a frame of this type from `from` reached, ascending.
    pub(crate) fn reached(&self, from: NodeId, kind: u8) -> Vec<NodeId> {
        let deliveries = self.deliveries(|packet| type_of(packet) == kind);
        let mut reached: Vec<_> =
            deliveries.iter().filter(|(_, sender, _)| *sender == from).map(|(_, _, to)| *to).collect();
        reached.sort_unstable();
        reached
    }

    /// When a node sent, and what.
    pub(crate) fn sent_by(&self, node: NodeId) -> Vec<(u64, Vec<u8>)> {
        self.pick(|(at_ms, seen)| match seen {
            Seen::Sent { from, packet, .. } if *from == node => Some((*at_ms, packet.clone())),
            _ => None,
        })
    }

    /// When and why nodes were not reached.
    pub(crate) fn losses(&self) -> Vec<(u64, NodeId, Loss)> {
        self.pick(|(at_ms, seen)| match seen {
            Seen::Lost { to, why, .. } => Some((*at_ms, *to, *why)),
            _ => None,
        })
    }

    /// The turns of a router: when, by its own clock, because of what, with how many packets, and what was told.
    pub(crate) fn turns(&self, router: NodeId) -> Vec<(u64, u64, String, usize, Vec<Told>)> {
        self.pick(|(at_ms, seen)| match seen {
            Seen::Turn { node, local_ms, input, sent, told } if *node == router => {
                Some((*at_ms, *local_ms, input.clone(), sent.len(), told.clone()))
            }
            _ => None,
        })
    }

    pub(crate) fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

impl Observer for Log {
    fn observe(
        &mut self,
        _scene: &Scene<'_>,
        at: Instant,
        happening: &Happening<'_>,
    ) -> Result<(), Violation> {
        let seen = match *happening {
            Happening::Sent { frame } => {
                Seen::Sent { number: frame.number, from: frame.from, packet: frame.packet.to_vec() }
            }
            Happening::UnderWay { frame, to } => Seen::UnderWay { number: frame.number, to },
            Happening::Lost { frame, to, why } => Seen::Lost { number: frame.number, to, why },
            Happening::Delivered { frame, to, packet, verdict } => Seen::Delivered {
                number: frame.number,
                from: frame.from,
                to,
                whole: frame.packet.to_vec(),
                packet: packet.to_vec(),
                verdict,
            },
            Happening::Turn(turn) => Seen::Turn {
                node: turn.node,
                local_ms: turn.local.as_millis(),
                input: match turn.input {
                    Input::Packet { .. } => "packet".into(),
                    other => format!("{other:?}").to_lowercase(),
                },
                sent: turn.sent.iter().map(|frame| frame.packet.to_vec()).collect(),
                told: turn.told.to_vec(),
            },
            Happening::Host { node, call } => Seen::Host { node, call: call.clone() },
            Happening::Refused { node, call, why } => {
                Seen::Refused { node, call: call.clone(), why: why.to_string() }
            }
            Happening::Change { what } => Seen::Change(what.clone()),
        };
        self.0.borrow_mut().push((at.as_millis(), seen));
        Ok(())
    }
}

/// How long a router with all defaults remembers a listener.
pub(crate) const LISTENING: Duration = Duration::from_secs(270);
/// When a router with all defaults that starts at 0 queries for the second time.
pub(crate) const SECOND_QUERY_MS: u64 = 31_250;
