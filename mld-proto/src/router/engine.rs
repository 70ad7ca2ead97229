//! The state of a router and its commands: start, stop, new settings, a new address.

use core::net::Ipv6Addr;

use super::Usage;
use super::election::{Election, Env};
use super::intervals::Intervals;
use super::limits::Limits;
use crate::addr::{GroupAddr, OTHER_ADDRESSES};
use crate::clock::Clock;
use crate::config::Config;
use crate::stats::Stats;
use crate::store::{
    GroupFlags, GroupId, GroupQueue, GroupSlot, Index, Node, Nodes, Pool, SourceId, TimerId, TimerOf, View,
};
use crate::wire::Version;

/// Slots that one call touches at most before it leaves the rest to the next; what was begun is finished.
pub(super) const BATCH: usize = 256;

/// How many more times [`BATCH`] slots one packet may touch to make room for what it brings.
const ROOM_BATCHES: u8 = 4;

/// Everything but the tables. Its methods take the tables as a [`View`], so that there is one copy of each whatever
/// the tables are made of.
#[derive(Clone, Debug)]
pub(crate) struct Core {
    pub(super) config: Config,
    pub(super) stats: Stats,
    pub(super) index: Index,
    pub(super) group_pool: Pool,
    pub(super) source_pool: Pool,
    pub(super) clock: Clock,
    /// Groups whose membership may differ from the one last reported.
    pub(super) events: GroupQueue,
    /// Groups with specific Queries to send.
    pub(super) transmits: GroupQueue,
    /// Deleted sources whose slots may be reused on demand, linked through their timer links.
    pub(super) tombstones: SourceId,
    pub(super) limits: Limits,
    pub(super) usage: Usage,
    pub(super) running: bool,
    /// Stopped, and that has not been reported.
    pub(super) stop_pending: bool,
    /// Changes with each stop: groups of another generation are as good as gone.
    pub(super) generation: u8,
    /// Lives ended since all groups were last looked at.
    generations_unswept: u8,
    /// How many batches the present packet may still spend on making room.
    pub(super) room_batches: u8,
    /// The slot from which groups are still to be looked at that may no longer exist.
    pub(super) sweep: Option<usize>,
    /// The expired-through moment when the settings changed: the mode that a group had then decides whether it is
    /// admitted.
    settings_expired_through: u64,
    pub(super) election: Election,
    /// Unicast addresses of the interface beside its link-local one.
    pub(super) own: heapless::Vec<Ipv6Addr, OTHER_ADDRESSES>,
}

impl Core {
    pub(super) const fn new(config: Config, hash_seed: u64) -> Self {
        Self {
            config,
            stats: Stats::NEW,
            index: Index::new(hash_seed),
            group_pool: Pool::NEW,
            source_pool: Pool::NEW,
            clock: Clock::NEW,
            events: GroupQueue::new(|slot| &mut slot.event_next),
            transmits: GroupQueue::new(|slot| &mut slot.transmit_next),
            tombstones: SourceId::NIL,
            limits: Limits::NEW,
            usage: Usage { groups: 0, sources: 0 },
            running: false,
            stop_pending: false,
            generation: 0,
            generations_unswept: 0,
            room_batches: 0,
            sweep: None,
            settings_expired_through: 0,
            election: Election::NEW,
            own: heapless::Vec::new(),
        }
    }

    pub(super) fn start(&mut self, now: u64, link_local: Option<Ipv6Addr>) {
        self.arrive(now);
        if self.running {
            return self.set_address(now, link_local);
        }
        self.running = true;
        self.stop_pending = false;
        let (election, env) = self.election_and_env();
        election.start(&env, link_local);
    }

    pub(super) fn stop(&mut self, view: &mut View<'_>, now: u64) {
        self.arrive(now);
        if !self.running {
            return;
        }
        self.running = false;
        self.stop_pending = true;
        self.election = Election::NEW;
        self.end_generation(view);
    }

    pub(super) fn reconfigure(&mut self, view: &mut View<'_>, now: u64, config: Config) {
        self.arrive(now);
        let admission = |config: &Config| (config.ssm_range, config.interpretations.ignore_link_local_groups);
        let admits_others = admission(&self.config) != admission(&config);
        while admits_others && self.sweep.is_some() {
            // Groups that the previous settings refused must not reappear under the new ones.
            self.sweep_some(view);
        }
        let before = core::mem::replace(&mut self.config, config);
        if !self.running {
            return;
        }
        if before.version != config.version {
            self.end_generation(view);
            let (election, env) = self.election_and_env();
            return election.restart(&env);
        }
        if before.querier != config.querier {
            let (election, env) = self.election_and_env();
            election.begin(&env);
        }
        if admits_others {
            self.settings_expired_through = self.clock.expired_through();
            self.sweep = Some(0);
        }
    }

    /// Advances the clock for a packet or command; deadlines strictly before `now` have expired.
    pub(super) fn arrive(&mut self, now: u64) {
        self.room_batches = ROOM_BATCHES;
        self.clock.arrive(now);
        self.advance_election();
    }

    /// Makes every group stale. The sweep frees their slots in batches.
    fn end_generation(&mut self, view: &mut View<'_>) {
        // The counter wraps: finish the sweep first, so that no group of the previous use of this number is left.
        while self.generations_unswept == u8::MAX {
            self.sweep_some(view);
        }
        self.generations_unswept += 1;
        self.generation = self.generation.wrapping_add(1);
        self.sweep = Some(0);
    }

    /// Sweeps a batch of slots for groups of an earlier generation and groups that the configuration no longer admits.
    pub(super) fn sweep_some(&mut self, view: &mut View<'_>) {
        let Some(begin) = self.sweep else { return };
        let reach = self.group_pool.reach();
        let (mut at, mut left) = (begin, BATCH);
        while at < reach && left > 0 {
            let id = GroupId::new(at);
            at += 1;
            left -= 1;
            let slot = view.group(id);
            if slot.address.is_unspecified() {
                continue;
            }
            if slot.flags.contains(GroupFlags::GONE) {
                if slot.generation != self.generation {
                    // Queries pending from an earlier generation are not sent in this one.
                    self.drop_queries(view, id);
                }
                continue;
            }
            if self.is_stale(slot) {
                left = left.saturating_sub(slot.source_count as usize);
                self.forget(view, id);
            }
        }
        self.sweep = (at < reach).then_some(at);
        if self.sweep.is_none() {
            self.generations_unswept = 0;
        }
    }

    /// Returns true if the group is stale: made in an earlier generation, or no longer admitted by the configuration,
    /// and not swept yet.
    pub(super) fn is_stale(&self, slot: &GroupSlot) -> bool {
        // Without a sweep under way every group has been looked at.
        let excluded = slot.filter_deadline > self.settings_expired_through;
        self.sweep.is_some() && (slot.generation != self.generation || !self.admits(slot.address, excluded))
    }

    /// Returns true if the configuration admits the group: R-SSM-9, R-SEC-14.
    fn admits(&self, address: Ipv6Addr, excluded: bool) -> bool {
        let ignored = self.config.interpretations.ignore_link_local_groups
            && GroupAddr::new(address).is_ok_and(GroupAddr::is_link_local);
        !(ignored || excluded && self.config.ssm_range.contains(address))
    }

    /// The group, brought up to date: a stale group is removed, and expired state is processed.
    pub(super) fn find(&mut self, view: &mut View<'_>, group: GroupAddr) -> Option<GroupId> {
        let id = self.index.find_group(view.shared(), group.get())?;
        if view.group(id).flags.contains(GroupFlags::GONE) {
            return None;
        }
        if self.is_stale(view.group(id)) {
            self.forget(view, id);
            return None;
        }
        if self.clock.has_backlog() {
            self.expire_overdue(view, id);
            // It may have ended, and its slot may have been freed.
            return self.index.find_group(view.shared(), group.get()).filter(|id| {
                let slot = &view.groups[id.at()];
                !slot.flags.contains(GroupFlags::GONE)
            });
        }
        Some(id)
    }

    pub(super) fn is_own(&self, address: Ipv6Addr) -> bool {
        self.election.link_local() == Some(address) || self.own.contains(&address)
    }

    /// The link-local address changed (R-ELE-8, R-ELE-10).
    pub(super) fn set_address(&mut self, now: u64, link_local: Option<Ipv6Addr>) {
        self.arrive(now);
        let (election, env) = self.election_and_env();
        election.set_address(&env, link_local);
    }

    pub(super) fn advance_election(&mut self) {
        let (election, env) = self.election_and_env();
        election.advance(&env);
    }

    pub(super) fn election_and_env(&mut self) -> (&mut Election, Env<'_>) {
        let Self { ref clock, running, ref config, .. } = *self;
        let (now, expired_through) = (clock.now(), clock.expired_through());
        (&mut self.election, Env { now, expired_through, running, config })
    }

    /// The moment and the settings, for the election.
    pub(super) const fn env(&self) -> Env<'_> {
        let (now, expired_through) = (self.clock.now(), self.clock.expired_through());
        Env { now, expired_through, running: self.running, config: &self.config }
    }

    pub(super) fn is_querier(&self) -> bool {
        self.election.is_querier(&self.env())
    }

    /// The timer values in force.
    pub(super) fn intervals(&self) -> Intervals<'_> {
        self.election.intervals(&self.config)
    }

    /// The one source of everything sent; `None` if nothing may be sent (R-WIRE-5, R-WIRE-7).
    pub(super) const fn can_send(&self) -> Option<Ipv6Addr> {
        self.election.contender(&self.env())
    }

    /// When to call again; see [`Router::poll_timeout`](super::Router::poll_timeout).
    pub(super) fn poll_timeout(&self) -> Option<u64> {
        let waiting = self.sweep.is_some()
            || self.stop_pending
            || self.events.first().is_some()
            || self.transmits.first().is_some()
            || self.election.is_report_pending(&self.env())
            || self.election.is_general_due();
        if waiting {
            return Some(self.clock.now());
        }
        self.clock.next(self.election.deadline(&self.env()))
    }

    pub(super) const fn is_version_1(&self) -> bool {
        matches!(self.config.version, Version::V1)
    }
}

impl Nodes for View<'_> {
    fn node(&mut self, id: TimerId) -> Node<'_> {
        match id.of() {
            TimerOf::Group(id) => {
                let slot = self.group(id);
                Node { prev: &mut slot.timer_prev, next: &mut slot.timer_next, at: &mut slot.timer_at }
            }
            TimerOf::Source(id) => {
                let slot = self.source(id);
                Node { prev: &mut slot.timer_prev, next: &mut slot.timer_next, at: &mut slot.timer_at }
            }
        }
    }
}
