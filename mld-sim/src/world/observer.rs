//! Observers of a world and the happenings that they are shown.

use core::cell::RefCell;
use core::fmt;
use core::net::Ipv6Addr;
use std::rc::Rc;

use mld_proto::router::Item;
use mld_proto::wire::MessageKind;
use mld_proto::{Discard, FilterMode, GroupAddr, Instant, Querier};

use super::violation::Violation;
use super::{Faults, Scene};

/// A node of a world: a router's interface or a host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// A link of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u32);

/// A frame on a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The number of the frame in its world, from 0.
    pub number: u64,
    /// The link.
    pub link: LinkId,
    /// The sender.
    pub from: NodeId,
    /// Ethernet address of the sender.
    pub source_mac: [u8; 6],
    /// Ethernet address of the receiver or group.
    pub destination_mac: [u8; 6],
    /// The IPv6 packet, from the version octet on.
    pub packet: Box<[u8]>,
}

/// The reason why a frame did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The link lost it.
    Chance,
    /// Sender and receiver are in different partitions.
    Partition,
    /// The receiver is down.
    Down,
}

impl Loss {
    /// The name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chance => "chance",
            Self::Partition => "partition",
            Self::Down => "down",
        }
    }
}

/// Something that happened in a world.
#[derive(Clone, Copy, Debug)]
pub enum Happening<'a> {
    /// A frame was put on the link.
    Sent {
        /// The frame.
        frame: &'a Frame,
    },
    /// A frame will not reach `to`. Reported when it is decided: a loss on the link when the frame is sent, a receiver
    /// that is down when the frame would have arrived.
    Lost {
        /// The frame.
        frame: &'a Frame,
        /// The node that it does not reach.
        to: NodeId,
        /// The reason.
        why: Loss,
    },
    /// A frame is on its way to `to` and will be [`Delivered`](Self::Delivered) or [`Lost`](Self::Lost).
    /// A duplicate is under way twice.
    UnderWay {
        /// The frame.
        frame: &'a Frame,
        /// The receiver.
        to: NodeId,
    },
    /// A frame reached `to`.
    Delivered {
        /// The frame as it was sent.
        frame: &'a Frame,
        /// The receiver.
        to: NodeId,
        /// The packet as it arrived: the link may have damaged it.
        packet: &'a [u8],
        /// The result of a router's engine; `None` for a host.
        verdict: Option<Result<MessageKind, Discard>>,
    },
    /// One call of a router's engine with all its effects.
    Turn(&'a Turn<'a>),
    /// A host's application called, or the host came up, got an address, or lost its power.
    Host {
        /// The host.
        node: NodeId,
        /// The call.
        call: &'a Call,
    },
    /// A call of an application was refused.
    Refused {
        /// The host.
        node: NodeId,
        /// The call.
        call: &'a Call,
        /// The reason.
        why: Refusal<'a>,
    },
    /// The world around the nodes changed.
    Change {
        /// The change.
        what: &'a Change,
    },
}

/// The reason why a call of an application was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal<'a> {
    /// The host is down.
    Down,
    /// Its protocol stack grants no such call, for this reason (R-LSN-5, R-LSN-49).
    Stack(&'a str),
}

impl Refusal<'_> {
    /// The name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Stack(_) => "stack",
        }
    }
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "it is down",
            Self::Stack(why) => why,
        })
    }
}

/// One call of a router's engine, with all that it sent and reported.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// The router.
    pub node: NodeId,
    /// Its link.
    pub link: LinkId,
    /// The time on the router's own clock.
    pub local: Instant,
    /// The call.
    pub input: Input<'a>,
    /// The frames that it sent, in order.
    pub sent: &'a [Rc<Frame>],
    /// The events that it reported, in order.
    pub told: &'a [Told],
}

/// A call of a router's engine.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// It was started with this link-local address.
    Start(Option<Ipv6Addr>),
    /// Its address changed.
    Address(Option<Ipv6Addr>),
    /// It was stopped.
    Stop,
    /// It took another configuration.
    Reconfigure,
    /// It lost its power and all state, without an event.
    Crash,
    /// A packet came in.
    Packet {
        /// The packet.
        packet: &'a [u8],
        /// The result.
        result: Result<MessageKind, Discard>,
        /// The facts in it.
        items: &'a [Item],
        /// How often state was refused because of a limit.
        refused: u64,
    },
    /// Time passed.
    Timeout,
}

/// An event of a router, with the values of that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The role or the elected querier changed.
    Querier(Querier),
    /// A timer ended the last state of a group.
    Timeout(GroupAddr),
    /// A group's listeners changed.
    Membership {
        /// The group.
        group: GroupAddr,
        /// Filter mode and sources, ascending: included ones with a running timer, or blocked ones. `None`:
        /// there are no listeners.
        members: Option<(FilterMode, Vec<Ipv6Addr>)>,
    },
    /// The router has been stopped.
    Stopped,
}

/// A call on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Its interface comes up, or its link-local address changes; without one it is still tentative.
    Up {
        /// The address.
        link_local: Option<Ipv6Addr>,
    },
    /// Its power is cut: it loses all state and sends nothing.
    Crash,
    /// IPv6MulticastListen (RFC 9777 section 3): replaces what the socket wanted of the group. INCLUDE without sources
    /// ends it.
    Listen {
        /// The socket.
        socket: u32,
        /// The group.
        group: Ipv6Addr,
        /// The filter mode.
        mode: FilterMode,
        /// The sources.
        sources: Vec<Ipv6Addr>,
    },
}

/// How many sources of a list are shown.
const SOURCES_TOLD: usize = 4;

/// As a request: `listen to ff05::1, only from 2001:db8::1`.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (socket, group, mode, sources) = match self {
            Self::Up { link_local: Some(address) } => return write!(f, "come up as {address}"),
            Self::Up { link_local: None } => return f.write_str("come up without an address"),
            Self::Crash => return f.write_str("crash"),
            Self::Listen { socket, group, mode, sources } => (socket, group, mode, sources),
        };
        match (mode, sources.is_empty()) {
            (FilterMode::Include, true) => write!(f, "leave {group}")?,
            (FilterMode::Include, false) => write!(f, "listen to {group}, only from ")?,
            (FilterMode::Exclude, true) => write!(f, "listen to {group}, from any source")?,
            (FilterMode::Exclude, false) => write!(f, "listen to {group}, but not from ")?,
        }
        for (number, source) in sources.iter().take(SOURCES_TOLD).enumerate() {
            write!(f, "{}{source}", if number == 0 { "" } else { ", " })?;
        }
        if sources.len() > SOURCES_TOLD {
            write!(f, " and {} more", sources.len() - SOURCES_TOLD)?;
        }
        if *socket > 0 { write!(f, " (socket {socket})") } else { Ok(()) }
    }
}

/// A change of the world around the nodes.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// These nodes and the others of the link no longer receive each other's frames.
    Partition {
        /// The link.
        link: LinkId,
        /// The nodes on one side.
        apart: Vec<NodeId>,
    },
    /// The partition of the link ends.
    Heal {
        /// The link.
        link: LinkId,
    },
    /// The link has these faults from now on.
    Faults {
        /// The link.
        link: LinkId,
        /// The faults.
        faults: Faults,
    },
    /// A router's clock jumps forward.
    Jump {
        /// The router.
        node: NodeId,
        /// Milliseconds.
        by_ms: u64,
    },
    /// All faults end: links deliver, clocks are exact, misbehaviour stops.
    FaultsOff,
}

/// Watches a world.
pub trait Observer {
    /// Is called with each happening, in order.
    ///
    /// # Errors
    ///
    /// A rule was broken; the run ends.
    fn observe(&mut self, scene: &Scene<'_>, at: Instant, happening: &Happening<'_>)
    -> Result<(), Violation>;
}

/// A closure that is called with what happens.
impl<F> Observer for F
where
    F: FnMut(&Scene<'_>, Instant, &Happening<'_>) -> Result<(), Violation>,
{
    fn observe(
        &mut self,
        scene: &Scene<'_>,
        at: Instant,
        happening: &Happening<'_>,
    ) -> Result<(), Violation> {
        self(scene, at, happening)
    }
}

/// An observer that its owner shares with a world.
impl<O: Observer> Observer for Rc<RefCell<O>> {
    fn observe(
        &mut self,
        scene: &Scene<'_>,
        at: Instant,
        happening: &Happening<'_>,
    ) -> Result<(), Violation> {
        self.borrow_mut().observe(scene, at, happening)
    }
}
