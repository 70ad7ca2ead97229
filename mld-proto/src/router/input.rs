//! Packets come in: checked in the order of [`Discard`], then applied (RFC 9777 sections 6.2, 7.4, 7.6).

use core::net::Ipv6Addr;

use super::election::Outcome;
use super::engine::Core;
use super::events::order_events;
use super::limits::Refusal;
use super::records::Incoming;
use crate::addr::{ALL_NODES, GroupAddr};
use crate::checks::Received;
use crate::config::Config;
use crate::discard::Discard;
use crate::event::Item;
use crate::io::MessageMeta;
use crate::store::View;
use crate::wire::{self, MessageKind, Query, RecordRef, RecordType, Records, Report, Version};

impl Core {
    #[inline]
    pub(super) fn handle_packet<'a>(
        &'a mut self,
        mut view: View<'_>,
        now: u64,
        packet: &'a [u8],
        checksum_verified: bool,
    ) -> Result<Accepted<'a>, Discard> {
        let received = match Received::read(packet, checksum_verified) {
            Ok(received) => received,
            Err(reason) => return Err(self.discard(reason, None)),
        };
        let (kind, said) = self.take(&mut view, now, &received)?;
        Ok(Accepted::new(self, received.meta.source, kind, said))
    }

    pub(super) fn handle_message<'a>(
        &'a mut self,
        mut view: View<'_>,
        now: u64,
        meta: &MessageMeta,
        message: &'a [u8],
    ) -> Result<Accepted<'a>, Discard> {
        let (kind, said) = self.take(&mut view, now, &Received { meta: *meta, flaw: None, message })?;
        Ok(Accepted::new(self, meta.source, kind, said))
    }

    fn discard(&mut self, reason: Discard, kind: Option<MessageKind>) -> Discard {
        self.stats.count_discard(reason);
        if let Some(kind) = kind {
            self.stats.dropped.count(kind);
        }
        reason
    }

    /// Checks a message, applies it, and says what it said.
    fn take<'p>(
        &mut self,
        view: &mut View<'_>,
        now: u64,
        received: &Received<'p>,
    ) -> Result<(MessageKind, Said<'p>), Discard> {
        let kind = match received.kind() {
            Ok(kind) => kind,
            Err(reason) => return Err(self.discard(reason, None)),
        };
        let (meta, message) = (&received.meta, received.message);
        let taken = self.check(received, kind).and_then(|()| match kind {
            MessageKind::Query => self.take_query(view, now, meta, message),
            MessageKind::ReportV1 | MessageKind::Done => self.take_version_1(view, now, meta, kind, message),
            MessageKind::ReportV2 => self.take_report(view, now, meta, message),
        });
        match taken {
            Ok(said) => {
                self.stats.received.count(kind);
                Ok((kind, said))
            }
            Err(reason) => Err(self.discard(reason, Some(kind))),
        }
    }

    /// The receive checks that need no more than the headers and the checksum, in order (R-SEC-1, R-WIRE-53,
    /// R-WIRE-65, R-V1R-9). Changes nothing.
    #[inline]
    fn check(&self, received: &Received<'_>, kind: MessageKind) -> Result<(), Discard> {
        if !self.running {
            return Err(Discard::BeforeStart);
        }
        // R-SEC-13, A-32
        let refuses =
            |meta: &MessageMeta| self.is_own(meta.source) && (kind == MessageKind::Query || !meta.own_host);
        received.check(self.config.require_router_alert, refuses)
    }

    /// R-WIRE-14, R-WIRE-51, R-WIRE-70, R-WIRE-71, A-20: whatever the interface receives.
    fn check_destination(&self, meta: &MessageMeta) -> Result<(), Discard> {
        if meta.destination.is_multicast() || self.is_own(meta.destination) {
            Ok(())
        } else {
            Err(Discard::Destination)
        }
    }

    /// The message passed every check: from now on it may change something.
    fn accept(&mut self, now: u64) {
        self.arrive(now);
        self.limits.begin_packet();
    }

    // Kept apart so that the way of a report is short.
    #[inline(never)]
    fn take_query<'p>(
        &mut self,
        view: &mut View<'_>,
        now: u64,
        meta: &MessageMeta,
        message: &'p [u8],
    ) -> Result<Said<'p>, Discard> {
        let query = Query::parse(message, self.config.version)?;
        self.check_destination(meta)?;
        let usual = if query.is_general() { ALL_NODES } else { query.group };
        let interpretations = &self.config.interpretations;
        if interpretations.strict_query_destination && meta.destination != usual {
            return Err(Discard::Destination);
        }
        if interpretations.version_2_only && query.sent_as == Version::V1 && !self.is_version_1() {
            return Err(Discard::WrongVersion);
        }
        self.accept(now);
        // R-CMP-1: counted for the operator; the version stays.
        match (self.config.version, query.sent_as) {
            (Version::V2, Version::V1) => self.stats.version_1_queries += 1,
            (Version::V1, Version::V2) => self.stats.version_2_queries += 1,
            _ => {}
        }
        let (election, env) = self.election_and_env();
        let outcome = election.handle_query(&env, meta.source, &query);
        if outcome == Outcome::Lost(Version::V1) && !self.is_version_1() {
            self.stats.lost_to_version_1 += 1;
        }
        self.apply_query(view, &query);
        Ok(Said::Nothing)
    }

    fn take_version_1<'p>(
        &mut self,
        view: &mut View<'_>,
        now: u64,
        meta: &MessageMeta,
        kind: MessageKind,
        message: &'p [u8],
    ) -> Result<Said<'p>, Discard> {
        let group = wire::version_1_group(message)?;
        self.check_destination(meta)?;
        if self.config.interpretations.version_2_only && !self.is_version_1() {
            return Err(Discard::WrongVersion);
        }
        self.accept(now);
        let reporter = meta.source;
        // R-SSM-5
        if self.config.ssm_range.contains(group.get()) {
            return Ok(Said::Nothing);
        }
        if kind == MessageKind::Done {
            if self.is_version_1() {
                self.version_1_done(view, group);
            } else {
                self.done(view, group, reporter);
            }
            return Ok(Said::One(Item::Done { group, reporter }, group));
        }
        let incoming = Incoming { record: RecordType::Report, group, sources: &[], reporter, at: 0 };
        if self.is_version_1() {
            self.version_1_report(view, incoming);
        } else {
            self.apply(view, incoming);
        }
        Ok(Said::One(Item::Report { group, reporter, record: RecordType::Report }, group))
    }

    fn take_report<'p>(
        &mut self,
        view: &mut View<'_>,
        now: u64,
        meta: &MessageMeta,
        message: &'p [u8],
    ) -> Result<Said<'p>, Discard> {
        let report = Report::parse(message)?;
        self.check_destination(meta)?;
        if self.is_version_1() && !self.config.interpretations.version_1_reads_version_2_reports {
            return Err(Discard::WrongVersion);
        }
        self.accept(now);
        let told = self.events.last();
        // R-WIRE-75: in wire order.
        for (at, record) in report.records().enumerate() {
            let Some((kind, group)) = usable(&self.config, &record) else { continue };
            let (at, reporter) = (at as u16, meta.source);
            let incoming = Incoming { record: kind, group, sources: record.sources, reporter, at };
            if self.is_version_1() {
                self.take_record_as_version_1(view, incoming);
            } else {
                self.apply(view, incoming);
            }
        }
        if report.len() > 1 {
            let mentioned =
                report.records().filter_map(|record| Some(usable(&self.config, &record)?.1.get()));
            order_events(&mut self.events, &self.index, view, told, mentioned);
        }
        Ok(Said::Records(report.records()))
    }

    /// what wants traffic is a Report, leaving for good is a Done.
    fn take_record_as_version_1(&mut self, view: &mut View<'_>, incoming: Incoming<'_>) {
        match incoming.record {
            RecordType::IsEx | RecordType::ToEx | RecordType::Report => self.version_1_report(view, incoming),
            RecordType::IsIn | RecordType::Allow | RecordType::ToIn
                if self.usable(incoming.sources).next().is_some() =>
            {
                self.version_1_report(view, incoming);
            }
            RecordType::ToIn => self.version_1_done(view, incoming.group),
            RecordType::IsIn | RecordType::Allow | RecordType::Block => {}
        }
    }
}

/// A record of a known type for a group that can be reported, within the rules for source-specific multicast
/// (R-WIRE-63, R-WIRE-73, R-SSM-3, R-SSM-4, R-SSM-6). Without exclude mode there is nothing to ask a group-specific
/// Query for (R-SSM-7).
fn usable(config: &Config, record: &RecordRef<'_>) -> Option<(RecordType, GroupAddr)> {
    let kind = record.record?;
    let group = GroupAddr::new(record.group).ok()?;
    // Read as MLDv1, every record is one without sources (R-SSM-5, A-23).
    let without_source = matches!(kind, RecordType::IsEx | RecordType::ToEx) || config.version == Version::V1;
    (!without_source || !config.ssm_range.contains(group.get())).then_some((kind, group))
}

/// The contents that an accepted packet reports through [`Accepted`].
#[derive(Clone, Debug)]
enum Said<'p> {
    Nothing,
    One(Item, GroupAddr),
    Records(Records<'p>),
}

/// The contents of one accepted packet: each Report, record and Done, and each limit that refused state, in wire order.
///
/// The packet has been applied already; this may be dropped unread.
#[derive(Clone, Debug)]
pub struct Accepted<'a> {
    config: &'a Config,
    refusals: &'a [Refusal],
    reporter: Ipv6Addr,
    kind: MessageKind,
    said: Said<'a>,
    /// The group named last, and how many records have been read.
    group: Option<GroupAddr>,
    at: u16,
}

impl<'a> Accepted<'a> {
    #[inline]
    fn new(core: &'a Core, reporter: Ipv6Addr, kind: MessageKind, said: Said<'a>) -> Self {
        Self { config: &core.config, refusals: core.limits.told(), reporter, kind, said, group: None, at: 0 }
    }

    /// The kind of the message.
    pub const fn kind(&self) -> MessageKind {
        self.kind
    }

    fn next_refusal(&mut self) -> Option<Item> {
        let group = self.group?;
        let (first, rest) = self.refusals.split_first()?;
        // `at` counts the records read: the present one is one less. A single message is record 0.
        if first.record != self.at.saturating_sub(1) {
            return None;
        }
        self.refusals = rest;
        Some(Item::Limit { group, limit: first.limit })
    }
}

impl Iterator for Accepted<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        if let Said::One(item, group) = self.said {
            self.said = Said::Nothing;
            self.group = Some(group);
            return Some(item);
        }
        if let Some(item) = self.next_refusal() {
            return Some(item);
        }
        let Said::Records(records) = &mut self.said else { return None };
        loop {
            let record = records.next()?;
            self.at += 1;
            if let Some((record, group)) = usable(self.config, &record) {
                self.group = Some(group);
                return Some(Item::Report { group, reporter: self.reporter, record });
            }
        }
    }
}
