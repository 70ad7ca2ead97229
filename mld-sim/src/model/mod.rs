//! An independent judge of the router engine: a slow, literal transcription of the tables of RFC 9777 and RFC 2710 for
//! one router on one link, with its own reading of packets.
//!
//! Nothing here is shared with `mld_proto`. What the engine says and sends is compared with what the model says and
//! sends; both are driven by the same calls at the same moments. All times are milliseconds of the router's own clock.
//!
//! The model ends deadlines in [`Model::timeout`] only (R-TIM-13): a deadline that has passed still stands while a packet
//! is read, whenever that is. After a late call expiries come first, in order of their time; what is to be sent is sent
//! once, as of the moment of the call, and its clock starts anew then.
//!
//! # What the model leaves open
//!
//! | id | accepted | why it hides nothing |
//! | --- | --- | --- |
//! | L-1 | the messages of one instant in any order | R-TIM-13 demands none; what each says is compared |
//! | L-2 | a list of sources that needs several messages may be divided in any way (R-QRY-15) | the union, without loss or repetition, and the number of messages are compared; [`strict()`](crate::packet::strict()) holds each to the MTU |
//! | L-3 | the message with S set for sources beside a Q(MA) of the same group and instant may be left out (R-QRY-10): [`SentQuery::optional`] | that with S clear is demanded, and so are the later transmissions of the sources |
//! | L-4 | after an immediate leave of a whole group the Query for its sources may be left out beside Q(MA) | Q(MA) asks for every source; all that is queried is gone already |
//! | L-5 | where a `querier` event stands among the events of timers of one instant | nothing fixes it; that it is told once is compared |
//!
//! L-1 to L-4 are what [`agree`] accepts. L-5 is the business of who compares events; the model tells it first.

mod agree;
mod apply;
mod election;
mod group;
mod query;
mod settings;
mod tables;
mod version1;

#[cfg(test)]
mod tests;

use core::net::Ipv6Addr;
use std::collections::{BTreeMap, BTreeSet};

pub use agree::agree;
pub use group::ModelGroup;
pub use settings::ModelSettings;

use election::Role;
use query::Parting;

use crate::packet::codes::{is_usable_source, scope};
use crate::packet::{self, Message, Reason, SentQuery};

/// One router on one link.
#[derive(Clone, Debug)]
pub struct Model {
    settings: ModelSettings,
    running: bool,
    /// What ends before this moment is over (R-TIM-13): deadlines of the latest `timeout` are, those of a packet are not.
    ended: u64,
    /// As it was given, usable for Queries or not.
    address: Option<Ipv6Addr>,
    groups: BTreeMap<Ipv6Addr, ModelGroup>,
    /// The next deadline of each group.
    index: BTreeSet<(u64, Ipv6Addr)>,
    /// Sources of all groups together.
    total_sources: usize,
    /// Values in force (R-TIM-4, R-TIM-5, R-TIM-8).
    robustness: u8,
    query_interval: u64,
    response_interval: u64,
    role: Role,
    /// Groups that the packet at hand mentioned, in order of first mention.
    mentioned: Vec<Ipv6Addr>,
    /// What an immediate leave took away during the packet at hand and still has to be asked for.
    partings: BTreeMap<Ipv6Addr, Parting>,
    /// What was last told.
    told_groups: BTreeMap<Ipv6Addr, (bool, Vec<Ipv6Addr>)>,
    told_querier: Option<ModelQuerier>,
    told_limits: BTreeSet<(&'static str, Ipv6Addr)>,
    sent: Vec<SentQuery>,
    told: Vec<ModelEvent>,
}

/// Who the querier of the link is, as the `querier` event and the state tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelQuerier {
    /// This router, with its address.
    Me(Ipv6Addr),
    /// Another router.
    Other(Ipv6Addr),
    /// Nobody that is known of (R-YNG-3).
    Unknown,
}

/// What the model tells, in the order of the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelEvent {
    /// The role or the elected querier changed, or the router started; see [`Model::querier`].
    Querier,
    /// A timer ended the last state of the group.
    Timeout(Ipv6Addr),
    /// What was last told of the group is no longer so; see [`Model::membership`].
    Membership(Ipv6Addr),
    /// A record of a Report, or an MLDv1 Report, passed the checks.
    Report {
        /// The group of the record.
        group: Ipv6Addr,
        /// Source of the packet.
        reporter: Ipv6Addr,
        /// `is-in` and so on; `report` for MLDv1.
        record: &'static str,
    },
    /// A Done passed the checks.
    Done {
        /// The group that is left.
        group: Ipv6Addr,
        /// Source of the packet.
        reporter: Ipv6Addr,
    },
    /// State was refused (R-SEC-8).
    Limit {
        /// The group whose state was refused.
        group: Ipv6Addr,
        /// `max-groups`, `max-group-sources` or `max-sources`.
        limit: &'static str,
    },
    /// The router was stopped.
    Stopped,
}

/// Kind of an accepted message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A Query of either version.
    Query,
    /// An MLDv1 Report.
    ReportV1,
    /// An MLDv1 Done.
    Done,
    /// An MLDv2 Report.
    ReportV2,
}

impl Model {
    /// A router that was not started.
    pub fn new(settings: ModelSettings) -> Self {
        Self {
            running: false,
            ended: 0,
            address: None,
            groups: BTreeMap::new(),
            index: BTreeSet::new(),
            total_sources: 0,
            robustness: settings.robustness,
            query_interval: settings.query_interval_ms,
            response_interval: settings.response_interval_ms,
            role: Role::unknown(),
            mentioned: Vec::new(),
            partings: BTreeMap::new(),
            told_groups: BTreeMap::new(),
            told_querier: None,
            told_limits: BTreeSet::new(),
            sent: Vec::new(),
            told: Vec::new(),
            settings,
        }
    }

    /// The interface comes up. Without an address in fe80::/64 state is built and nothing is sent (R-ELE-10). A running
    /// router is stopped first.
    pub fn start(&mut self, now: u64, link_local: Option<Ipv6Addr>) {
        if self.running {
            self.stop(now);
        }
        self.running = true;
        self.address = link_local;
        self.role = Role::unknown();
        self.use_configured_values();
        // R-ELE-1, R-V1R-1.
        self.restart_as_querier(now);
        self.tell_querier();
    }

    /// The interface's address changes, appears or goes (R-ELE-8, R-ELE-10). Does nothing to a router that is not
    /// running.
    pub fn set_address(&mut self, now: u64, link_local: Option<Ipv6Addr>) {
        if self.running && link_local != self.address {
            self.change_address(now, link_local);
            self.tell_querier();
        }
    }

    /// The interface goes down (R-ELE-12): groups end, ascending, without `Timeout`.
    pub fn stop(&mut self, _now: u64) {
        if !self.running {
            return;
        }
        let settings = self.settings.clone();
        for group in core::mem::take(&mut self.groups).into_keys() {
            self.told.push(ModelEvent::Membership(group));
        }
        self.told.push(ModelEvent::Stopped);
        let (sent, told) = (core::mem::take(&mut self.sent), core::mem::take(&mut self.told));
        *self = Self { sent, told, ..Self::new(settings) };
    }

    /// One IPv6 packet as it was received, from the version octet on.
    ///
    /// # Errors
    /// The first check that failed; the packet changed nothing (R-WIRE-72).
    // reading: before the start nothing is looked at, so that `BeforeStart` comes before every other reason.
    pub fn packet(&mut self, now: u64, ipv6: &[u8]) -> Result<Heard, Reason> {
        if !self.running {
            return Err(Reason::BeforeStart);
        }
        let packet = packet::read(ipv6, self.settings.reading(), self.address)?;
        let from = packet.source;
        let heard = match packet.message {
            Message::Query(query) => {
                // Election and adoption first: the timers are lowered by the Last Listener Query Count that is adopted
                // with the Query (R-RXQ-3).
                self.hear_query(now, from, &query);
                self.lower_timers(now, &query);
                Heard::Query
            }
            Message::ReportV1 { group } => {
                self.hear_report_v1(now, from, group);
                Heard::ReportV1
            }
            Message::Done { group } => {
                self.hear_done(now, from, group);
                Heard::Done
            }
            Message::ReportV2 { records } => {
                for record in &records {
                    self.hear_record(now, from, record);
                }
                Heard::ReportV2
            }
        };
        // R-TIM-13: what a message triggers is sent before the next message.
        // reading: what the records of one message trigger for a group is one trigger (R-QRY-11), sent behind the last.
        let mentioned = core::mem::take(&mut self.mentioned);
        for &group in &mentioned {
            self.send_triggered(now, group);
        }
        self.tell_querier();
        for &group in &mentioned {
            self.tell_membership(group);
        }
        Ok(heard)
    }

    /// Ends the deadlines up to `now`, then sends what is due.
    pub fn timeout(&mut self, now: u64) {
        while let Some(at) = self.next_expiry(now) {
            self.expire(at);
        }
        self.send_due(now);
        self.ended = self.ended.max(now + 1);
    }

    /// The next moment at which something ends or is to be sent.
    pub fn deadline(&self) -> Option<u64> {
        let group = self.index.first().map(|&(at, _)| at);
        [group, self.role.deadline()].into_iter().flatten().min()
    }

    /// Queries that became due since the last call.
    pub fn take_sent(&mut self) -> Vec<SentQuery> {
        core::mem::take(&mut self.sent)
    }

    /// Events since the last call, in order.
    pub fn take_told(&mut self) -> Vec<ModelEvent> {
        core::mem::take(&mut self.told)
    }

    /// The groups with listeners.
    pub fn groups(&self) -> &BTreeMap<Ipv6Addr, ModelGroup> {
        &self.groups
    }

    /// What a `membership` event of the group says now: whether EXCLUDE, and the sources, ascending. `None`: no members.
    pub fn membership(&self, group: Ipv6Addr) -> Option<(bool, Vec<Ipv6Addr>)> {
        self.groups.get(&group).map(ModelGroup::told)
    }

    /// Role and elected querier.
    pub fn querier(&self) -> ModelQuerier {
        self.role.told(self.usable_address())
    }

    /// The forwarding suggestion (matrix 4.5, R-FWD-1).
    pub fn forwards(&self, group: Ipv6Addr, source: Ipv6Addr) -> bool {
        // R-FWD-4.
        if scope(group) <= 2 {
            return false;
        }
        let Some(record) = self.groups.get(&group) else { return false };
        match (record.exclude, record.sources.get(&source)) {
            (false, Some(_)) => true,
            (false, None) => false,
            (true, Some(&deadline)) => deadline != 0,
            (true, None) => true,
        }
    }

    /// Robustness Variable in force.
    pub fn robustness(&self) -> u8 {
        self.robustness
    }

    /// Query Interval in force, in milliseconds.
    pub fn query_interval_ms(&self) -> u64 {
        self.query_interval
    }

    /// Multicast Address Listening Interval in force, in milliseconds (matrix 2.1, A-1); of an interface of version 1 the
    /// Multicast Listener Interval.
    pub fn listening_interval_ms(&self) -> u64 {
        let responses = if self.settings.version == 1 || self.settings.legacy_mali { 1 } else { 2 };
        u64::from(self.robustness) * self.query_interval + responses * self.response_interval
    }

    /// Other Querier Present Interval in force, in milliseconds.
    // reading: half a millisecond is dropped.
    pub fn other_querier_present_interval_ms(&self) -> u64 {
        u64::from(self.robustness) * self.query_interval + self.response_interval / 2
    }

    /// Last Listener Query Count in force (R-TIM-9).
    pub fn last_listener_count(&self) -> u8 {
        self.settings.last_listener_count.unwrap_or(self.robustness)
    }

    /// Last Listener Query Time in force, in milliseconds.
    pub fn last_listener_time_ms(&self) -> u64 {
        self.settings.last_listener_interval_ms * u64::from(self.last_listener_count())
    }

    /// Older Version Host Present Interval in force (matrix 2.1; A-28).
    fn older_version_host_present_interval(&self) -> u64 {
        u64::from(self.robustness) * self.query_interval + self.response_interval
    }

    /// The address that Queries come from (R-WIRE-5).
    fn usable_address(&self) -> Option<Ipv6Addr> {
        self.address.filter(|&address| is_usable_source(address))
    }

    fn tell_querier(&mut self) {
        let querier = self.querier();
        if self.told_querier != Some(querier) {
            self.told_querier = Some(querier);
            self.told.push(ModelEvent::Querier);
        }
    }

    /// Tells the group when what was last told of it is no longer so.
    fn tell_membership(&mut self, group: Ipv6Addr) {
        let now = self.membership(group);
        if self.told_groups.get(&group) != now.as_ref() {
            match now {
                Some(now) => self.told_groups.insert(group, now),
                None => self.told_groups.remove(&group),
            };
            self.told.push(ModelEvent::Membership(group));
        }
    }
}
