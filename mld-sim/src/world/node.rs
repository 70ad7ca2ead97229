//! The protocol stack of a host.

use core::cell::RefCell;
use core::net::Ipv6Addr;
use std::rc::Rc;

use mld_proto::{FilterMode, Instant};

use crate::rng::Rng;

/// The versions that a host speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostVersion {
    /// MLDv1 and nothing else (RFC 2710).
    One,
    /// MLDv2, and MLDv1 while there is an MLDv1 querier (R-CMP-30).
    #[default]
    Two,
    /// MLDv2 and nothing else: MLDv1 Queries are ignored (R-CMP-39).
    TwoOnly,
}

/// The settings of a host that its judges need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostSettings {
    /// The versions that it speaks.
    pub version: HostVersion,
    /// How often a change is sent until a Query says otherwise (RFC 9777 section 9.1, R-LSN-50), not 0.
    pub robustness: u8,
    /// Unsolicited Report Interval in milliseconds (RFC 9777 section 9.11; RFC 2710 section 7.10), not 0.
    pub unsolicited_report_interval_ms: u64,
    /// Octets of the longest packet it sends, from 1280 on.
    pub mtu: u16,
}

impl HostSettings {
    /// MLDv2 with the defaults of RFC 9777.
    pub const DEFAULT: Self =
        Self { version: HostVersion::Two, robustness: 2, unsolicited_report_interval_ms: 1000, mtu: 1500 };
}

/// A host's protocol stack, driven in virtual time.
///
/// A call may put packets into its [`Outbox`]; they leave at that moment. After [`timeout`](Self::timeout) at a moment
/// [`next_timeout`](Self::next_timeout) must be later than it, or nothing.
pub trait Node {
    /// The generator for all its random choices, drawn from the world's seed and the host's name. Called once, when
    /// it is added to a world.
    fn draw_from(&mut self, rng: Rng) {
        let _ = rng;
    }

    /// The interface comes up with `link_local` (nothing: it is still tentative and sends from `::`), or its address
    /// changes.
    fn start(&mut self, now: Instant, link_local: Option<Ipv6Addr>, out: &mut Outbox);

    /// Power is cut: it forgets everything and sends nothing, until it is started again.
    fn crash(&mut self);

    /// IPv6MulticastListen of one socket (RFC 9777 section 3): replaces what the socket wanted of the group. INCLUDE
    /// without sources ends it.
    ///
    /// # Errors
    ///
    /// Why it is refused, for a person.
    fn listen(
        &mut self,
        now: Instant,
        socket: u32,
        group: Ipv6Addr,
        mode: FilterMode,
        sources: &[Ipv6Addr],
        out: &mut Outbox,
    ) -> Result<(), String>;

    /// An IPv6 packet came through the link-layer filter.
    fn packet(&mut self, now: Instant, packet: &[u8], out: &mut Outbox);

    /// Ends the deadlines up to `now`.
    fn timeout(&mut self, now: Instant, out: &mut Outbox);

    /// When [`timeout`](Self::timeout) is to be called.
    fn next_timeout(&self) -> Option<Instant>;

    /// Checks that its structures are consistent, for the rule `self-check`.
    ///
    /// # Errors
    ///
    /// The fault, for a person.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// Its settings.
    fn settings(&self) -> HostSettings {
        HostSettings::DEFAULT
    }

    /// True if it listens as an honest host does, so that routers should know what its sockets asked for.
    fn is_honest(&self) -> bool {
        true
    }

    /// True if it is a fault of the world, which [`Change::FaultsOff`](crate::world::Change::FaultsOff) ends.
    ///
    /// A router of another stack is neither an honest host nor a node that misbehaves.
    fn is_misbehaving(&self) -> bool {
        !self.is_honest()
    }

    /// True if it speaks MLDv1 at present, which has no sources.
    fn speaks_version_1(&self) -> bool {
        false
    }
}

/// A stack that a test shares with a world, to look into it.
///
/// The world borrows it for the time of a call, and panics if it is borrowed already.
impl<S: Node> Node for Rc<RefCell<S>> {
    fn draw_from(&mut self, rng: Rng) {
        self.borrow_mut().draw_from(rng);
    }

    fn start(&mut self, now: Instant, link_local: Option<Ipv6Addr>, out: &mut Outbox) {
        self.borrow_mut().start(now, link_local, out);
    }

    fn crash(&mut self) {
        self.borrow_mut().crash();
    }

    fn listen(
        &mut self,
        now: Instant,
        socket: u32,
        group: Ipv6Addr,
        mode: FilterMode,
        sources: &[Ipv6Addr],
        out: &mut Outbox,
    ) -> Result<(), String> {
        self.borrow_mut().listen(now, socket, group, mode, sources, out)
    }

    fn packet(&mut self, now: Instant, packet: &[u8], out: &mut Outbox) {
        self.borrow_mut().packet(now, packet, out);
    }

    fn timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.borrow_mut().timeout(now, out);
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.borrow().next_timeout()
    }

    fn check(&self) -> Result<(), String> {
        self.borrow().check()
    }

    fn settings(&self) -> HostSettings {
        self.borrow().settings()
    }

    fn is_honest(&self) -> bool {
        self.borrow().is_honest()
    }

    fn is_misbehaving(&self) -> bool {
        self.borrow().is_misbehaving()
    }

    fn speaks_version_1(&self) -> bool {
        self.borrow().speaks_version_1()
    }
}

/// The packets that a stack sends.
#[derive(Debug, Default)]
pub struct Outbox {
    packets: Vec<Outgoing>,
}

/// A packet on its way to the link.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// `None`: follows from the packet's destination address.
    pub(crate) link_layer: Option<[u8; 6]>,
    pub(crate) packet: Box<[u8]>,
}

impl Outbox {
    /// Sends an IPv6 packet; its link-layer destination follows from its destination address (RFC 2464 section 7).
    pub fn send(&mut self, packet: &[u8]) {
        self.packets.push(Outgoing { link_layer: None, packet: packet.into() });
    }

    /// Sends any octets as an IPv6 packet to this link-layer address.
    pub fn send_to(&mut self, link_layer: [u8; 6], packet: &[u8]) {
        self.packets.push(Outgoing { link_layer: Some(link_layer), packet: packet.into() });
    }

    /// The packets sent so far, each with its link-layer destination where one was named; for tests of stacks.
    pub fn packets(&self) -> impl Iterator<Item = (Option<[u8; 6]>, &[u8])> {
        self.packets.iter().map(|outgoing| (outgoing.link_layer, &*outgoing.packet))
    }

    /// Forgets what was sent.
    pub fn clear(&mut self) {
        self.packets.clear();
    }

    pub(crate) fn take(&mut self) -> Vec<Outgoing> {
        core::mem::take(&mut self.packets)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }
}
