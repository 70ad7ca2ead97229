//! The listener part of MLD for one interface: on a host, or on a router beside its [`Router`](crate::Router).

mod check;
mod config;
mod engine;
mod input;
mod listen;
mod mldv1;
mod query;
mod random;
mod read;
mod stats;
mod tables;
mod timeout;
mod transmit;

use core::fmt;
use core::net::Ipv6Addr;

use self::engine::Core;
use crate::addr::{GroupAddr, OTHER_ADDRESSES};
use crate::checks::Received;
use crate::discard::Discard;
use crate::event::FilterMode;
use crate::io::{BufferTooSmall, MessageMeta, Transmit};
use crate::time::Instant;
use crate::wire::{MessageKind, Version};

pub use config::{
    Config, ConfigBuilder, DEFAULT_UNSOLICITED_REPORT_INTERVAL, DEFAULT_UNSOLICITED_REPORT_INTERVAL_V1,
};
pub use read::Group;
pub use stats::Stats;
pub use tables::{FilterSlot, GroupSlot, SourceSlot, Storage, Tables};

/// A socket, or whatever else of a node wants multicast traffic, by a number of the caller's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Socket(pub u32);

/// The listener of one interface (RFC 9777 section 6, RFC 2710 section 5). Run one for each (R-LSN-7).
///
/// Sockets say what they want with [`listen`](Self::listen); the listener merges that, reports changes to the routers
/// of the link, repeats these reports, and answers Queries after random delays. Beside an MLDv1 querier it speaks
/// MLDv1 until the Older Version Querier Present timer ends.
///
/// The calls, and what they promise, are those of [`Router`](crate::Router): outputs are worked out from the present
/// state when they are polled, so after something happened poll transmissions and events until there are none, then
/// wait for a packet or for [`poll_timeout`](Self::poll_timeout). A deadline at a moment is alive while a packet of
/// that moment is handled; [`handle_timeout`](Self::handle_timeout) ends it. An earlier `now` counts as the latest one
/// seen. No call panics, whatever the packet.
///
/// A packet costs time in proportion to its length, a General Query always the same; in version 1 mode, where each
/// group has a timer, a General Query costs 256 groups at a time, and `poll_timeout` asks to come back for the others.
///
/// ```
/// use core::net::Ipv6Addr;
/// use mld_proto::listener::{self, Socket};
/// use mld_proto::{FilterMode, Instant, Listener, inline_listener_tables};
///
/// let tables = inline_listener_tables!(groups: 4, sources: 8);
/// let mut listener = Listener::new(listener::Config::DEFAULT, tables, 0x5eed);
/// let (now, mut buffer) = (Instant::ZERO, [0; 1500]);
/// listener.start(now, Some("fe80::a".parse()?));
/// let group: Ipv6Addr = "ff0e::1:1".parse()?;
/// listener.listen(now, Socket(1), group, FilterMode::Exclude, &[])?;
/// // The Report goes out now, and again within a second.
/// let report = listener.poll_transmit(now, &mut buffer)?.expect("a Report");
/// assert_eq!(report.destination, mld_proto::ALL_MLDV2_ROUTERS);
/// assert_eq!(listener.poll_transmit(now, &mut buffer)?, None);
/// let again = listener.poll_timeout().expect("a timer");
/// listener.handle_timeout(again);
/// assert!(listener.poll_transmit(again, &mut buffer)?.is_some());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Listener<T> {
    core: Core,
    tables: T,
}

/// Something that happened to a listener, for a program to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// The Host Compatibility Mode changed: see [`Listener::compatibility_mode`].
    CompatibilityMode,
    /// An MLDv1 Query asked for a group of source-specific multicast, which the link then does not support (R-CMP-38).
    OlderQuery(GroupAddr),
}

/// Why a socket's wish was refused (R-LSN-5). Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListenError {
    /// The group is no multicast address.
    NotMulticast,
    /// The address cannot be a source: it is `::`, multicast or loopback.
    NotSource(Ipv6Addr),
    /// A group of source-specific multicast is joined without naming sources (R-LSN-49).
    SourceSpecific,
    /// No room for another group.
    TooManyGroups,
    /// No room for another socket of a group.
    TooManyFilters,
    /// No room for these sources. While a list is replaced there has to be room for both.
    TooManySources,
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMulticast => f.write_str("the group is no multicast address"),
            Self::NotSource(address) => write!(f, "{address} cannot be a source"),
            Self::SourceSpecific => f.write_str("a group of source-specific multicast needs sources"),
            Self::TooManyGroups => f.write_str("there is no room for another group"),
            Self::TooManyFilters => f.write_str("there is no room for another socket of a group"),
            Self::TooManySources => f.write_str("there is no room for these sources"),
        }
    }
}

impl core::error::Error for ListenError {}

impl<T: Storage> Listener<T> {
    /// A listener that is stopped. `tables` must be empty. Listeners of different nodes need different seeds, or they
    /// answer at the same moment; it also keys the tables, so listeners should not be able to guess it.
    pub const fn new(config: Config, tables: T, seed: u64) -> Self {
        Self { core: Core::new(config, seed), tables }
    }

    /// The interface is up. What sockets want already is reported. `link_local` is the address that Reports are sent
    /// from; with `None`, or an address outside fe80::/64, while duplicate address detection is under way, they are
    /// sent from `::` (R-WIRE-6). Of a running listener it only sets the address.
    ///
    /// A Report leaves as soon as it is polled: who joins the solicited-node group of a tentative address first of
    /// all should wait for a random time of up to a second before (R-LSN-29).
    pub fn start(&mut self, now: Instant, link_local: Option<Ipv6Addr>) {
        self.core.start(now.as_millis(), link_local);
    }

    /// The interface's link-local address changed, appeared or went away. All groups are reported from a new address
    /// (R-LSN-28).
    pub fn set_address(&mut self, now: Instant, link_local: Option<Ipv6Addr>) {
        self.core.set_address(now.as_millis(), link_local);
    }

    /// Names the interface's other unicast addresses: Queries to them are for us (R-WIRE-51). Replaces those named
    /// before; keeps the first [`OTHER_ADDRESSES`] and returns how many that were.
    pub fn set_other_addresses(&mut self, addresses: impl IntoIterator<Item = Ipv6Addr>) -> usize {
        self.core.own.clear();
        self.core.own.extend(addresses.into_iter().take(OTHER_ADDRESSES));
        self.core.own.len()
    }

    /// Forgets everything, what sockets want included, and says nothing. Takes time in proportion to the index.
    pub fn stop(&mut self, now: Instant) {
        self.core.stop(&mut self.tables.view(), now.as_millis());
    }

    /// IPv6MulticastListen (RFC 9777 section 3): from now on `socket` wants of `group` the traffic of `sources`, or in
    /// exclude mode of all others. Replaces what it wanted of that group; include mode without sources ends it.
    /// R-LSN-1 to 5.
    ///
    /// # Errors
    ///
    /// [`ListenError`]; nothing has changed then.
    pub fn listen(
        &mut self,
        now: Instant,
        socket: Socket,
        group: Ipv6Addr,
        mode: FilterMode,
        sources: &[Ipv6Addr],
    ) -> Result<(), ListenError> {
        self.core.listen(&mut self.tables.view(), now.as_millis(), socket, group, mode, sources)
    }

    /// Takes one IPv6 packet that came in, beginning with the octet that bears the version.
    ///
    /// # Errors
    ///
    /// Why the packet was ignored. Nothing but a counter has changed then.
    pub fn handle_packet(&mut self, now: Instant, packet: &[u8]) -> Result<MessageKind, Discard> {
        self.core.handle_packet(&mut self.tables.view(), now.as_millis(), packet, false)
    }

    /// [`handle_packet`](Self::handle_packet) for a packet whose ICMPv6 checksum was already verified,
    /// a network card or the kernel it came from.
    ///
    /// # Errors
    ///
    /// As for [`handle_packet`](Self::handle_packet).
    pub fn handle_verified_packet(&mut self, now: Instant, packet: &[u8]) -> Result<MessageKind, Discard> {
        self.core.handle_packet(&mut self.tables.view(), now.as_millis(), packet, true)
    }

    /// [`handle_packet`](Self::handle_packet) for a caller that has only the ICMPv6 message, beginning with its type,
    /// and knows what the headers said. This way a listener also takes the Queries of a router on the same node, with
    /// [`own_host`](MessageMeta::own_host) set (R-WIRE-13).
    ///
    /// # Errors
    ///
    /// As for [`handle_packet`](Self::handle_packet).
    pub fn handle_message(
        &mut self,
        now: Instant,
        meta: &MessageMeta,
        message: &[u8],
    ) -> Result<MessageKind, Discard> {
        let received = Received { meta: *meta, flaw: None, message };
        self.core.take(&mut self.tables.view(), now.as_millis(), &received)
    }

    /// Ends the deadlines up to `now`. Early, late and repeated calls do no harm. One call does bounded work; while
    /// some is left, [`poll_timeout`](Self::poll_timeout) says `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.core.handle_timeout(&mut self.tables.view(), now.as_millis());
    }

    /// Writes the next packet that is due into `buffer`, complete from the IPv6 header on; `None` once nothing is
    /// due. Packets are no longer than the buffer and the MTU (R-LSN-60 to 62).
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`] if `buffer` cannot hold a Report of one record with one source.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        self.core.poll_transmit(&mut self.tables.view(), now.as_millis(), buffer)
    }

    /// Names something that changed since it was last reported; `None` if nothing did.
    pub const fn poll_event(&mut self) -> Option<Event> {
        if self.core.mode_pending {
            self.core.mode_pending = false;
            return Some(Event::CompatibilityMode);
        }
        match self.core.ssm_asked.take() {
            Some(group) => Some(Event::OlderQuery(group)),
            None => None,
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) and to poll again. It is the latest `now` while work or
    /// output waits; otherwise a moment to come, sometimes earlier than need be and never later. `None` if there is
    /// nothing to wait for.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.core.poll_timeout().map(Instant::from_millis)
    }

    /// Returns true if it was started and not stopped since.
    pub const fn is_running(&self) -> bool {
        self.core.running
    }

    /// The address that Reports are sent from; `None` stands for `::`.
    pub const fn link_local(&self) -> Option<Ipv6Addr> {
        self.core.link_local
    }

    /// Host Compatibility Mode: the version that is spoken at present (R-CMP-30).
    pub const fn compatibility_mode(&self) -> Version {
        if self.core.is_version_1() { Version::V1 } else { Version::V2 }
    }

    /// Robustness Variable in force: what the last MLDv2 Query announced, or the configured one (R-LSN-50).
    pub fn robustness_variable(&self) -> u8 {
        self.core.robustness()
    }

    /// Returns true if a packet from `source` to `group` is for `socket` (R-LSN-6). O(1).
    pub fn delivers(&self, socket: Socket, group: Ipv6Addr, source: Ipv6Addr) -> bool {
        let tables = self.tables.shared();
        let Some(group) = self.core.find_group(tables, group) else { return false };
        let Some(filter) = self.core.find_filter(tables, group, socket.0) else { return false };
        let listed = self.core.find_source(tables, filter, source).is_some();
        listed != tables.filters[filter.at()].exclude
    }

    /// The interface's filter for a group; `None` without one.
    pub fn group(&self, group: Ipv6Addr) -> Option<Group<'_>> {
        let tables = self.tables.shared();
        let id = self.core.find_group(tables, group)?;
        Group::new(tables, &tables.groups[id.at()])
    }

    /// The interface's filter for each group, in no particular order.
    pub fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        let tables = self.tables.shared();
        tables.groups[..self.core.group_pool.reach()].iter().filter_map(move |slot| Group::new(tables, slot))
    }

    /// The engine and its tables, for [`inspect`](crate::inspect).
    pub(crate) fn parts(&self) -> (&Core, tables::Shared<'_>) {
        (&self.core, self.tables.shared())
    }

    /// Counters of received, sent and discarded messages.
    pub const fn stats(&self) -> &Stats {
        &self.core.stats
    }

    /// The settings.
    pub const fn config(&self) -> &Config {
        &self.core.config
    }
}
