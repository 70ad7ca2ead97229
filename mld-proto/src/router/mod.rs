//! One link's router: the querier, the state of its groups, the answers for forwarding.

mod check;
mod election;
mod engine;
mod events;
mod fingerprint;
mod input;
mod intervals;
mod limits;
mod membership;
mod read;
mod records;
mod specific;
mod timeout;
mod transmit;

use core::net::Ipv6Addr;
use core::time::Duration;

use self::engine::Core;
use crate::addr::{GroupAddr, OTHER_ADDRESSES};
use crate::discard::Discard;
use crate::io::{BufferTooSmall, MessageMeta, Transmit};
use crate::store::{GroupFlags, GroupId, Shared, SourceFlags};
use crate::time::Instant;

pub use crate::config::{
    Config, ConfigBuilder, ConfigWarning, DEFAULT_LAST_LISTENER_QUERY_INTERVAL, DEFAULT_MTU,
    DEFAULT_QUERY_INTERVAL, DEFAULT_QUERY_RESPONSE_INTERVAL, DEFAULT_ROBUSTNESS_VARIABLE, Interpretations,
    QuerierMode,
};
pub use crate::event::{Event, GroupState, Item, Limit, Querier};
pub use crate::stats::{SentCounts, Stats};
pub use crate::store::{GroupSlot, SPARE_SLOTS, SourceSlot, Storage, Tables};
pub use input::Accepted;
pub use read::{GroupRef, SourceRef};

/// The router of one link. Run one for each interface.
///
/// Calls may come in any order and any number: packets and events are computed from the present state when
/// it is polled. See the crate's documentation for the loop that drives it.
///
/// It takes the time from its callers and never goes back: an earlier `now` counts as the latest one seen. A
/// deadline at a moment is alive while a packet of that moment is handled; [`handle_timeout`](Self::handle_timeout)
/// ends it (R-TIM-13). The clock ends at 2^62 ms: a later `now` counts as that.
///
/// One call touches at most 256 slots beyond those that its packet names, and finishes the group it was at.
#[derive(Clone, Debug)]
pub struct Router<T> {
    core: Core,
    tables: T,
}

/// How much of the tables counts against the limits.
///
/// Includes expired entries that [`Router::handle_timeout`] has not processed yet; they are reclaimed when a limit is
/// reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Groups with listeners.
    pub groups: u32,
    /// Their sources.
    pub sources: u32,
}

impl<T: Storage> Router<T> {
    /// A router that is stopped. `tables` must be empty. `hash_seed` should be unpredictable to listeners; it has no
    /// influence on what the router does.
    pub const fn new(config: Config, tables: T, hash_seed: u64) -> Self {
        Self { core: Core::new(config, hash_seed), tables }
    }

    /// Starts with the startup series of General Queries. `link_local` is the address of the interface that takes part
    /// in the election; with `None`, or an address outside fe80::/64, the router builds state and sends nothing until
    /// [`set_address`](Self::set_address) names one. Of a running router it only sets the address.
    ///
    /// R-ELE-1, R-ELE-10, R-ELE-12, R-QRY-2.
    pub fn start(&mut self, now: Instant, link_local: Option<Ipv6Addr>) {
        self.core.start(now.as_millis(), link_local);
    }

    /// The interface's link-local address changed, appeared or went away: R-ELE-8, R-ELE-10. State is kept.
    pub fn set_address(&mut self, now: Instant, link_local: Option<Ipv6Addr>) {
        self.core.set_address(now.as_millis(), link_local);
    }

    /// Names the interface's other unicast addresses: packets to them are for us (R-WIRE-51, R-WIRE-71), and they are
    /// neither reporters nor sources (R-SEC-13, R-WIRE-74). Replaces those named before; keeps the first
    /// [`OTHER_ADDRESSES`] and returns how many that were.
    pub fn set_other_addresses(&mut self, addresses: impl IntoIterator<Item = Ipv6Addr>) -> usize {
        self.core.own.clear();
        self.core.own.extend(addresses.into_iter().take(OTHER_ADDRESSES));
        self.core.own.len()
    }

    /// Forgets every group and ends every timer. [`poll_event`](Self::poll_event) reports each group's end, then
    /// [`Event::Stopped`]. R-ELE-12.
    pub fn stop(&mut self, now: Instant) {
        self.core.stop(&mut self.tables.view(), now.as_millis());
    }

    /// Takes new settings. They count at once; timers that run keep their deadlines (R-TIM-9). A new version starts
    /// the router anew: every group is forgotten. Groups that the settings no longer admit are forgotten (R-SSM-9).
    pub fn reconfigure(&mut self, now: Instant, config: Config) {
        self.core.reconfigure(&mut self.tables.view(), now.as_millis(), config);
    }

    /// Takes one IPv6 packet that came in, beginning with the octet that bears the version.
    ///
    /// # Errors
    ///
    /// Why the packet was ignored. Nothing but a counter has changed then.
    pub fn handle_packet<'a>(&'a mut self, now: Instant, packet: &'a [u8]) -> Result<Accepted<'a>, Discard> {
        self.core.handle_packet(self.tables.view(), now.as_millis(), packet, false)
    }

    /// [`handle_packet`](Self::handle_packet) for a packet whose ICMPv6 checksum was already verified,
    /// a network card or the kernel it came from.
    ///
    /// # Errors
    ///
    /// As for [`handle_packet`](Self::handle_packet).
    pub fn handle_verified_packet<'a>(
        &'a mut self,
        now: Instant,
        packet: &'a [u8],
    ) -> Result<Accepted<'a>, Discard> {
        self.core.handle_packet(self.tables.view(), now.as_millis(), packet, true)
    }

    /// [`handle_packet`](Self::handle_packet) for a caller that has only the ICMPv6 message, beginning with its type,
    /// and knows what the headers said.
    ///
    /// # Errors
    ///
    /// As for [`handle_packet`](Self::handle_packet).
    pub fn handle_message<'a>(
        &'a mut self,
        now: Instant,
        meta: &MessageMeta,
        message: &'a [u8],
    ) -> Result<Accepted<'a>, Discard> {
        self.core.handle_message(self.tables.view(), now.as_millis(), meta, message)
    }

    /// Ends the deadlines up to `now`. Early, late and repeated calls do no harm. One call does bounded work; while
    /// some is left, [`poll_timeout`](Self::poll_timeout) says `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.core.handle_timeout(&mut self.tables.view(), now.as_millis());
    }

    /// Writes the next packet that is due into `buffer`, complete from the IPv6 header on; `None` once nothing is
    /// due. Packets are no longer than the buffer and the MTU: a list of sources is split to fit.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`] if `buffer` cannot hold a Query at all, with one source if it asks for sources.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        self.core.poll_transmit(&mut self.tables.view(), now.as_millis(), buffer)
    }

    /// Names state that differs from the last report; `None` if everything is reported, or if so much had to be looked
    /// at that [`poll_timeout`](Self::poll_timeout) asks to come back.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.core.poll_event(&mut self.tables.view())
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

    /// The latest moment given.
    pub const fn now(&self) -> Instant {
        Instant::from_millis(self.core.clock.now())
    }

    /// The address that takes part in the election.
    pub const fn link_local(&self) -> Option<Ipv6Addr> {
        self.core.election.link_local()
    }

    /// The elected querier. A router that takes no part: the lowest address whose Query was received within its
    /// other-querier-present interval. R-ELE-7, R-YNG-3.
    pub fn querier(&self) -> Querier {
        self.core.election.querier(&self.core.env())
    }

    /// Returns true if traffic from `source` to `group` should be sent out on this link (RFC 9777 section 7.3;
    /// R-FWD-1). Never for groups of link-local scope (R-FWD-4). It is advice: routing protocols may know better
    /// (R-FWD-2). O(1).
    pub fn forwards(&self, group: GroupAddr, source: Ipv6Addr) -> bool {
        if group.is_link_local() {
            return false;
        }
        let tables = self.tables.shared();
        let Some(id) = self.core.index.find_group(tables, group.get()) else { return false };
        let slot = &tables.groups[id.at()];
        if slot.flags.contains(GroupFlags::GONE) || self.core.is_stale(slot) {
            return false;
        }
        match self.core.index.find_source(tables, id, source).map(|source| &tables.sources[source.at()]) {
            // A deleted source is as good as not there.
            Some(source) if !source.flags.contains(SourceFlags::TOMBSTONE) => {
                source.deadline > self.core.clock.expired_through()
            }
            _ => self.core.is_exclude(slot),
        }
    }

    /// The state of a group in the terms of RFC 2710.
    pub fn state(&self, group: GroupAddr) -> GroupState {
        self.group(group).map_or(GroupState::NoListeners, |group| group.state())
    }

    /// Every group with listeners, in no particular order.
    pub fn groups(&self) -> impl Iterator<Item = GroupRef<'_>> {
        let tables = self.tables.shared();
        (0..self.core.group_pool.reach())
            .filter_map(move |at| GroupRef::new(&self.core, tables, GroupId::new(at)))
    }

    /// How much of the tables counts against the limits.
    pub const fn usage(&self) -> Usage {
        self.core.usage
    }

    /// Counters of received, sent and discarded messages.
    pub const fn stats(&self) -> &Stats {
        &self.core.stats
    }

    /// The counters, for a driver that ignores frames before the engine sees them.
    pub const fn stats_mut(&mut self) -> &mut Stats {
        &mut self.core.stats
    }

    /// The settings.
    pub const fn config(&self) -> &Config {
        &self.core.config
    }

    /// Robustness Variable in force: the elected querier's, or the own (R-TIM-4).
    pub fn robustness_variable(&self) -> u8 {
        self.core.intervals().robustness
    }

    /// Query Interval in force (R-TIM-5).
    pub fn query_interval(&self) -> Duration {
        Duration::from_millis(self.core.intervals().query_interval_ms)
    }

    /// Multicast Address Listening Interval in force (RFC 9777 section 9.4).
    pub fn listening_interval(&self) -> Duration {
        Duration::from_millis(self.core.intervals().listening_interval_ms())
    }

    /// Other Querier Present Interval in force (RFC 9777 section 9.5).
    pub fn other_querier_present_interval(&self) -> Duration {
        Duration::from_millis(self.core.intervals().other_querier_present_interval_ms())
    }

    /// The engine and its tables, for [`inspect`](crate::inspect).
    pub(crate) fn parts(&self) -> (&Core, Shared<'_>) {
        (&self.core, self.tables.shared())
    }

    /// A group; `None` if it has no listeners.
    pub fn group(&self, group: GroupAddr) -> Option<GroupRef<'_>> {
        let tables = self.tables.shared();
        let id = self.core.index.find_group(tables, group.get())?;
        GroupRef::new(&self.core, tables, id)
    }
}
