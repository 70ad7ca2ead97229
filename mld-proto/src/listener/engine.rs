//! The state of a listener and its commands: start, stop, a new address, a change of the compatibility mode.

use core::net::Ipv6Addr;

use super::random::Random;
use super::stats::Stats;
use super::tables::{FILTER_BIT, FilterId, GroupFlags, GroupSlot, Owner, Shared, View};
use super::{Config, OTHER_ADDRESSES};
use crate::addr::{GroupAddr, is_usable_link_local};
use crate::clock::Clock;
use crate::store::{GroupId, GroupQueue, Index, IndexSlot, Pool, Removal, Ring, SourceId};
use crate::wire::Version;

/// Groups that one call processes at most before it leaves the rest to the next.
pub(super) const BATCH: usize = 256;

/// A walk over all groups to be reported, of which each call does a part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sweep {
    /// Counts the sweeps; groups remember the last one that reached them.
    pub(super) number: u32,
    pub(super) at: GroupId,
    pub(super) running: bool,
}

impl Sweep {
    pub(super) const NEW: Self = Self { number: 0, at: GroupId::NIL, running: false };
}

/// The purposes of sweeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SweepKind {
    /// The answer to a General Query.
    Answer,
    /// Reports of all groups: the interface or its address is new.
    Announce,
    /// An MLDv1 General Query starts a timer for each group.
    Older,
}

/// Everything but the tables, which the methods take as a [`View`]: one copy of each whatever the tables are made of.
#[derive(Clone, Debug)]
pub(crate) struct Core {
    pub(super) config: Config,
    pub(super) stats: Stats,
    pub(super) index: Index,
    pub(super) group_pool: Pool,
    pub(super) filter_pool: Pool,
    pub(super) source_pool: Pool,
    pub(super) clock: Clock,
    /// Groups with something to send.
    pub(super) due: GroupQueue<GroupSlot>,
    /// First of the ring of groups to be reported, how many there are, and how many sources they list.
    pub(super) listening: GroupId,
    pub(super) listening_count: u32,
    pub(super) listed: u64,
    pub(super) sweeps: [Sweep; 3],
    pub(super) random: Random,
    pub(super) running: bool,
    pub(super) link_local: Option<Ipv6Addr>,
    /// Unicast addresses of the interface beside its link-local one.
    pub(super) own: heapless::Vec<Ipv6Addr, OTHER_ADDRESSES>,
    /// Changes with the compatibility mode: what is pending of another epoch is cancelled (R-CMP-36).
    pub(super) epoch: u32,
    /// Older-Version-Querier-Present Timer; 0 in version 2 mode.
    pub(super) older_until: u64,
    /// When the last MLDv1 General Query came, and its delay.
    pub(super) older_query: (u64, u64),
    /// Values that the last MLDv2 Query announced.
    pub(super) robustness: Option<u8>,
    pub(super) query_interval_ms: Option<u64>,
    /// Interface Timer: when the answer to a General Query begins, and until when it has to be over.
    pub(super) general_at: u64,
    pub(super) general_until: u64,
    /// When the answer that has begun goes on, until when it has to be over, and how many more Reports it may take.
    pub(super) round_at: u64,
    pub(super) round_until: u64,
    pub(super) round_reports: u64,
    /// The next Report of the answer may be sent.
    pub(super) round_due: bool,
    pub(super) mode_pending: bool,
    pub(super) ssm_asked: Option<GroupAddr>,
}

impl Core {
    pub(super) const fn new(config: Config, seed: u64) -> Self {
        Self {
            config,
            stats: Stats::NEW,
            index: Index::new(seed),
            group_pool: Pool::NEW,
            filter_pool: Pool::NEW,
            source_pool: Pool::NEW,
            clock: Clock::NEW,
            due: GroupQueue::new(|slot: &mut GroupSlot| &mut slot.due_next),
            listening: GroupId::NIL,
            listening_count: 0,
            listed: 0,
            sweeps: [Sweep::NEW; 3],
            random: Random::new(seed),
            running: false,
            link_local: None,
            own: heapless::Vec::new(),
            epoch: 0,
            older_until: 0,
            older_query: (0, 0),
            robustness: None,
            query_interval_ms: None,
            general_at: 0,
            general_until: 0,
            round_at: 0,
            round_until: 0,
            round_reports: 0,
            round_due: false,
            mode_pending: false,
            ssm_asked: None,
        }
    }

    pub(super) fn start(&mut self, now: u64, link_local: Option<Ipv6Addr>) {
        self.arrive(now);
        if self.running {
            return self.set_address(now, link_local);
        }
        self.running = true;
        self.link_local = link_local.filter(is_usable_link_local);
        self.begin_sweep(SweepKind::Announce);
    }

    pub(super) fn set_address(&mut self, now: u64, link_local: Option<Ipv6Addr>) {
        self.arrive(now);
        let link_local = link_local.filter(is_usable_link_local);
        if link_local == self.link_local {
            return;
        }
        self.link_local = link_local;
        // R-LSN-28: routers used nothing of what came from `::` (R-WIRE-66).
        if self.running && link_local.is_some() {
            self.begin_sweep(SweepKind::Announce);
        }
    }

    pub(super) fn stop(&mut self, view: &mut View<'_>, now: u64) {
        self.arrive(now);
        view.index.fill(IndexSlot::EMPTY);
        let fresh = Self::new(self.config, 0);
        *self = Self {
            stats: self.stats,
            index: self.index,
            random: self.random,
            clock: self.clock.without_timers(),
            own: core::mem::take(&mut self.own),
            ..fresh
        };
    }

    /// Advances the clock for a packet or command; deadlines strictly before `now` have expired.
    pub(super) fn arrive(&mut self, now: u64) {
        self.clock.arrive(now);
        self.advance_mode();
    }

    /// R-CMP-31: back to version 2 once the Older Version Querier Present timer has ended.
    pub(super) fn advance_mode(&mut self) {
        if self.older_until != 0 && self.older_until <= self.clock.expired_through() {
            self.older_until = 0;
            self.change_mode();
        }
    }

    /// R-CMP-36: responses and retransmissions that are pending are cancelled, those of groups when they are next
    /// processed.
    pub(super) fn change_mode(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.general_at = 0;
        self.round_at = 0;
        self.round_due = false;
        for sweep in &mut self.sweeps {
            sweep.running = false;
        }
        self.mode_pending = true;
    }

    /// Host Compatibility Mode (R-CMP-30).
    pub(super) const fn is_version_1(&self) -> bool {
        matches!(self.config.version, Version::V1) || self.older_until != 0
    }

    /// R-LSN-50
    pub(super) fn robustness(&self) -> u8 {
        self.robustness.unwrap_or(self.config.robustness)
    }

    pub(super) fn is_own(&self, address: Ipv6Addr) -> bool {
        self.link_local == Some(address) || self.own.contains(&address)
    }

    /// When to call again; see [`Listener::poll_timeout`](super::Listener::poll_timeout).
    pub(super) fn poll_timeout(&self) -> Option<u64> {
        if !self.running {
            return None;
        }
        let waiting = self.due.first().is_some()
            || self.sweeps[SweepKind::Announce as usize].running
            || self.sweeps[SweepKind::Older as usize].running
            || self.round_due
            || self.mode_pending
            || self.ssm_asked.is_some();
        if waiting {
            return Some(self.clock.now());
        }
        let timers = [self.older_until, self.general_at, self.round_at].into_iter().filter(|at| *at != 0);
        self.clock.next(timers)
    }

    /// Cancels what is pending at a group since the compatibility mode was another.
    pub(super) fn cancel_stale(&mut self, view: &mut View<'_>, id: GroupId) {
        if view.group(id).epoch == self.epoch {
            return;
        }
        self.cancel(view, id);
        view.group(id).epoch = self.epoch;
    }

    /// Cancels what is pending at a group. It stays on the queue of groups with something to send.
    fn cancel(&mut self, view: &mut View<'_>, id: GroupId) {
        let slot = view.group(id);
        slot.flags &= GroupFlags::DUE | GroupFlags::LISTENING;
        slot.change_at = 0;
        slot.answer_at = 0;
        slot.mode_left = 0;
        self.clock.remove(view, id.into());
        self.forget_queried(view, id);
        self.forget_changes(view, id);
    }

    /// Puts a group on the queue of groups with something to send.
    pub(super) fn push_due(&mut self, view: &mut View<'_>, id: GroupId, what: GroupFlags) {
        let slot = view.group(id);
        let queued = slot.flags.contains(GroupFlags::DUE);
        slot.flags.insert(what | GroupFlags::DUE);
        if !queued {
            self.due.push(view.groups, id);
        }
    }

    /// Takes the first group off that queue, which has nothing more to send at present.
    pub(super) fn pop_due(&mut self, view: &mut View<'_>) {
        if let Some(id) = self.due.pop(view.groups) {
            view.group(id).flags.remove(GroupFlags::DUE);
            self.free_if_idle(view, id);
        }
    }

    /// Puts the timer of a group where its deadlines want it.
    pub(super) fn reschedule(&mut self, view: &mut View<'_>, id: GroupId) {
        self.clock.remove(view, id.into());
        let slot = view.group(id);
        if let Some(at) = [slot.change_at, slot.answer_at].into_iter().filter(|at| *at != 0).min() {
            self.clock.insert(view, id.into(), at);
        }
    }

    pub(super) fn begin_sweep(&mut self, sweep_kind: SweepKind) {
        let sweep = &mut self.sweeps[sweep_kind as usize];
        sweep.number = sweep.number.wrapping_add(1);
        sweep.running = self.listening != GroupId::NIL;
        if sweep.at == GroupId::NIL {
            sweep.at = self.listening;
        }
    }

    /// The group that the sweep is at; `None` once it has reached all.
    pub(super) fn swept(&mut self, view: &mut View<'_>, sweep_kind: SweepKind) -> Option<GroupId> {
        let sweep = &mut self.sweeps[sweep_kind as usize];
        let left = |id: &GroupId| view.groups[id.at()].swept[sweep_kind as usize] != sweep.number;
        let next = sweep.at.some().filter(|id| sweep.running && left(id));
        sweep.running = next.is_some();
        next
    }

    /// On to the next group.
    pub(super) fn sweep_on(&mut self, view: &mut View<'_>, sweep_kind: SweepKind) {
        let sweep = &mut self.sweeps[sweep_kind as usize];
        if let Some(id) = sweep.at.some() {
            let slot = view.group(id);
            slot.swept[sweep_kind as usize] = sweep.number;
            sweep.at = slot.next;
        }
    }

    /// Moves on to the next group; the sweep returns to this one at the end.
    pub(super) fn sweep_past(&mut self, view: &mut View<'_>, sweep_kind: SweepKind) {
        let sweep = &mut self.sweeps[sweep_kind as usize];
        if let Some(id) = sweep.at.some() {
            sweep.at = view.group(id).next;
        }
    }

    /// Adds a group to those that are reported. A sweep under way skips it, as it has reports of its own,
    /// unless others stand behind it that the sweep has yet to reach.
    pub(super) fn enlist(&mut self, view: &mut View<'_>, id: GroupId) {
        let first = self.listening;
        let mut swept = self.sweeps.map(|sweep| sweep.number);
        if first != GroupId::NIL {
            let of_first = view.group(first).swept;
            for ((mark, sweep), of_first) in swept.iter_mut().zip(&self.sweeps).zip(of_first) {
                // It stands before the first.
                if sweep.running && sweep.at != first && sweep.number != of_first {
                    *mark = of_first;
                }
            }
        }
        let slot = view.group(id);
        slot.flags.insert(GroupFlags::LISTENING);
        slot.swept = swept;
        Ring::push(view.groups, &mut self.listening, id);
        self.listening_count += 1;
    }

    pub(super) fn delist(&mut self, view: &mut View<'_>, id: GroupId) {
        let slot = view.group(id);
        slot.flags.remove(GroupFlags::LISTENING);
        let next = if slot.next == id { GroupId::NIL } else { slot.next };
        for sweep in &mut self.sweeps {
            if sweep.at == id {
                sweep.at = next;
            }
        }
        Ring::remove(view.groups, &mut self.listening, id);
        self.listening_count -= 1;
    }

    pub(super) fn find_group(&self, tables: Shared<'_>, address: Ipv6Addr) -> Option<GroupId> {
        let place = self.place_of_group(tables, address)?;
        tables.index[place].get().map(|id| GroupId::new(id as usize))
    }

    pub(super) fn find_filter(&self, tables: Shared<'_>, group: GroupId, socket: u32) -> Option<FilterId> {
        let place = self.place_of_filter(tables, group, socket)?;
        tables.index[place].get().map(|id| FilterId(id & !FILTER_BIT))
    }

    pub(super) fn find_source(
        &self,
        tables: Shared<'_>,
        owner: impl Into<Owner>,
        address: Ipv6Addr,
    ) -> Option<SourceId> {
        let place = self.place_of_source(tables, owner.into(), address)?;
        tables.index[place].get().map(|id| SourceId::new((id & !super::tables::SOURCE_BIT) as usize))
    }

    fn place_of_group(&self, tables: Shared<'_>, address: Ipv6Addr) -> Option<usize> {
        Index::locate(tables.index, self.index.hash_of(address, 0), |id| {
            // Groups stand below the bits of the other tables.
            tables.groups.get(id as usize).is_some_and(|slot| id < FILTER_BIT && slot.address == address)
        })
    }

    fn place_of_filter(&self, tables: Shared<'_>, group: GroupId, socket: u32) -> Option<usize> {
        Index::locate(tables.index, self.hash_of_filter(group, socket), |id| {
            let slot = tables.filters.get((id & !FILTER_BIT) as usize);
            let is_filter = id & (FILTER_BIT | super::tables::SOURCE_BIT) == FILTER_BIT;
            is_filter && slot.is_some_and(|slot| slot.group == group && slot.socket == socket)
        })
    }

    fn place_of_source(&self, tables: Shared<'_>, owner: Owner, address: Ipv6Addr) -> Option<usize> {
        Index::locate(tables.index, self.hash_of_source(owner, address), |id| {
            let slot = tables.sources.get((id & !super::tables::SOURCE_BIT) as usize);
            let is_source = id & super::tables::SOURCE_BIT != 0;
            is_source && slot.is_some_and(|slot| slot.owner == owner && slot.address == address)
        })
    }

    pub(super) fn hash_of_filter(&self, group: GroupId, socket: u32) -> u32 {
        let bits = (group.at() as u128) << 32 | u128::from(socket);
        self.index.hash_of(Ipv6Addr::from_bits(bits), u64::MAX)
    }

    pub(super) fn hash_of_source(&self, owner: Owner, address: Ipv6Addr) -> u32 {
        self.index.hash_of(address, u64::from(owner.0) + 1)
    }

    pub(super) fn unindex_group(&self, view: &mut View<'_>, address: Ipv6Addr) {
        if let Some(place) = self.place_of_group(view.shared(), address) {
            Removal::of(place).carry_out(view.index);
        }
    }

    pub(super) fn unindex_filter(&self, view: &mut View<'_>, group: GroupId, socket: u32) {
        if let Some(place) = self.place_of_filter(view.shared(), group, socket) {
            Removal::of(place).carry_out(view.index);
        }
    }

    pub(super) fn unindex_source(&self, view: &mut View<'_>, owner: Owner, address: Ipv6Addr) {
        if let Some(place) = self.place_of_source(view.shared(), owner, address) {
            Removal::of(place).carry_out(view.index);
        }
    }
}
