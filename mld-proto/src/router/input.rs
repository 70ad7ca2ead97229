//! Packets come in: checked in the order of [`Discard`], then applied (RFC 9777 sections 6.2, 7.4, 7.6).

use core::net::Ipv6Addr;

use super::core::Core;
use super::events::order_events;
use super::limits::Refusal;
use super::records::Incoming;
use crate::addr::{ALL_NODES, is_link_local};
use crate::store::View;
use crate::wire::{self, Message, Packet, Query, RecordRef, Records, checksum};
use crate::{Config, Discard, GroupAddr, Item, Limit, MessageKind, MessageMeta, Record, Version};

impl Core {
    pub(super) fn handle_packet<'a>(
        &'a mut self,
        mut view: View<'_>,
        now: u64,
        packet: &'a [u8],
        checksum_verified: bool,
    ) -> Result<Accepted<'a>, Discard> {
        let result = match Packet::parse(packet) {
            Ok(packet) => {
                let meta = MessageMeta {
                    source: packet.source,
                    destination: packet.destination,
                    hop_limit: packet.hop_limit,
                    router_alert: packet.router_alert,
                    checksum_verified,
                    own_host: false,
                };
                let flaw = if packet.truncated {
                    Some(Discard::Truncated)
                } else {
                    packet.fragment.then_some(Discard::Fragment)
                };
                self.take(&mut view, now, &meta, flaw, packet.message)
            }
            Err(reason) => Err(self.discard(reason, None)),
        };
        result.map(|facts| Accepted::new(self, facts))
    }

    pub(super) fn handle_message<'a>(
        &'a mut self,
        mut view: View<'_>,
        now: u64,
        meta: &MessageMeta,
        message: &'a [u8],
    ) -> Result<Accepted<'a>, Discard> {
        if message.first().is_none_or(|octet| wire::kind(*octet).is_none()) {
            let reason = if message.is_empty() { Discard::Truncated } else { Discard::NotMld };
            return Err(self.discard(reason, None));
        }
        let facts = self.take(&mut view, now, meta, None, message)?;
        Ok(Accepted::new(self, facts))
    }

    fn discard(&mut self, reason: Discard, kind: Option<MessageKind>) -> Discard {
        self.stats.count_discard(reason);
        if let Some(kind) = kind {
            self.stats.dropped.count(kind);
        }
        reason
    }

    /// Checks a message of a known kind, applies it, and says what it was. `flaw` is what was wrong with the packet.
    fn take<'p>(
        &mut self,
        view: &mut View<'_>,
        now: u64,
        meta: &MessageMeta,
        flaw: Option<Discard>,
        message: &'p [u8],
    ) -> Result<Facts<'p>, Discard> {
        let checked = self.check(meta, flaw, message);
        let kind = message.first().and_then(|octet| wire::kind(*octet));
        let message = checked.map_err(|reason| self.discard(reason, kind))?;
        if let Some(kind) = kind {
            self.stats.received.count(kind);
        }
        self.arrive(now);
        self.limits.begin_packet();
        let reporter = meta.source;
        match message {
            Message::Query(query) => self.take_query(view, reporter, &query),
            // R-SSM-5, here and for Done.
            Message::ReportV1(group) if self.config.ssm_range.contains(group.get()) => {}
            Message::ReportV1(group) => {
                let incoming = Incoming { record: Record::Report, group, sources: &[], reporter, at: 0 };
                if self.is_version_1() {
                    self.version_1_report(view, incoming);
                } else {
                    self.apply(view, incoming);
                }
            }
            Message::Done(group) if self.config.ssm_range.contains(group.get()) => {}
            Message::Done(group) if self.is_version_1() => self.version_1_done(view, group),
            Message::Done(group) => self.done(view, group, reporter),
            Message::ReportV2(report) => {
                let told = self.events.last();
                // R-WIRE-75: in wire order.
                for (at, record) in report.records().enumerate() {
                    let Some((kind, group)) = usable(&self.config, &record) else { continue };
                    let at = at as u16;
                    let incoming = Incoming { record: kind, group, sources: record.sources, reporter, at };
                    if self.is_version_1() {
                        self.take_record_as_version_1(view, incoming);
                    } else {
                        self.apply(view, incoming);
                    }
                }
                let mentioned = report
                    .records()
                    .filter_map(|record| Some(usable(&self.config, &record)?.1))
                    .map(GroupAddr::get);
                order_events(&mut self.events, &self.index, view, told, mentioned);
            }
        }
        Ok(Facts { reporter, message })
    }

    /// The receive checks, in order (R-SEC-1, R-WIRE-53, R-WIRE-65, R-V1R-9). Changes nothing.
    fn check<'p>(
        &self,
        meta: &MessageMeta,
        flaw: Option<Discard>,
        message: &'p [u8],
    ) -> Result<Message<'p>, Discard> {
        if !self.running {
            return Err(Discard::BeforeStart);
        }
        if let Some(flaw) = flaw {
            return Err(flaw);
        }
        if meta.hop_limit != 1 {
            return Err(Discard::HopLimit);
        }
        if self.config.require_router_alert && !meta.router_alert {
            return Err(Discard::NoRouterAlert);
        }
        if meta.source.is_unspecified() {
            return Err(Discard::SourceUnspecified);
        }
        if !is_link_local(meta.source) {
            return Err(Discard::SourceNotLinkLocal);
        }
        let is_query = message.first().and_then(|octet| wire::kind(*octet)) == Some(MessageKind::Query);
        if self.is_own(meta.source) && (is_query || !meta.own_host) {
            return Err(Discard::OwnAddress);
        }
        if !meta.checksum_verified && !checksum::verify(meta.source, meta.destination, message) {
            return Err(Discard::BadChecksum);
        }
        let message = Message::parse(message, self.config.version)?;
        // R-WIRE-14, R-WIRE-51, R-WIRE-70, R-WIRE-71, A-20: whatever the interface receives.
        if !meta.destination.is_multicast() && !self.is_own(meta.destination) {
            return Err(Discard::Destination);
        }
        let readings = &self.config.readings;
        match &message {
            Message::Query(query) => {
                let usual = if query.is_general() { ALL_NODES } else { query.group };
                if readings.strict_query_destination && meta.destination != usual {
                    return Err(Discard::Destination);
                }
                if readings.version_2_only && query.sent_as == Version::V1 && !self.is_version_1() {
                    return Err(Discard::WrongVersion);
                }
            }
            Message::ReportV1(_) | Message::Done(_) => {
                if readings.version_2_only && !self.is_version_1() {
                    return Err(Discard::WrongVersion);
                }
            }
            Message::ReportV2(_) => {
                if self.is_version_1() && !readings.version_1_reads_version_2_reports {
                    return Err(Discard::WrongVersion);
                }
            }
        }
        Ok(message)
    }

    fn take_query(&mut self, view: &mut View<'_>, source: Ipv6Addr, query: &Query<'_>) {
        // R-CMP-1: counted, for somebody to configure; the version stays.
        match (self.config.version, query.sent_as) {
            (Version::V2, Version::V1) => self.stats.version_1_queries += 1,
            (Version::V1, Version::V2) => self.stats.version_2_queries += 1,
            _ => {}
        }
        self.hear(source, query);
        self.heed(view, query);
    }

    /// what wants traffic is a Report, leaving for good is a Done.
    fn take_record_as_version_1(&mut self, view: &mut View<'_>, incoming: Incoming<'_>) {
        match incoming.record {
            Record::IsEx | Record::ToEx | Record::Report => self.version_1_report(view, incoming),
            Record::IsIn | Record::Allow | Record::ToIn if self.usable(incoming.sources).next().is_some() => {
                self.version_1_report(view, incoming);
            }
            Record::ToIn => self.version_1_done(view, incoming.group),
            Record::IsIn | Record::Allow | Record::Block => {}
        }
    }
}

/// A record of a known type for a group that can be reported, within the rules for source-specific multicast
/// (R-WIRE-63, R-WIRE-73, R-SSM-3, R-SSM-4, R-SSM-6). Without exclude mode there is nothing to ask a group-specific
/// Query for (R-SSM-7).
fn usable(config: &Config, record: &RecordRef<'_>) -> Option<(Record, GroupAddr)> {
    let kind = record.record?;
    let group = GroupAddr::new(record.group).ok()?;
    let without_source = matches!(kind, Record::IsEx | Record::ToEx);
    (!without_source || !config.ssm_range.contains(group.get())).then_some((kind, group))
}

/// What a packet was.
#[derive(Debug)]
struct Facts<'p> {
    reporter: Ipv6Addr,
    message: Message<'p>,
}

/// What one accepted packet said: each Report, record and Done, and each limit that refused state, in wire order.
///
/// The packet has been applied already; this may be dropped unread.
#[derive(Clone, Debug)]
pub struct Accepted<'a> {
    config: &'a Config,
    reporter: Ipv6Addr,
    single: Option<Item>,
    records: Option<Records<'a>>,
    at: u16,
    group: Option<GroupAddr>,
    refusals: &'a [Refusal],
}

impl<'a> Accepted<'a> {
    fn new(core: &'a Core, facts: Facts<'a>) -> Self {
        let Facts { reporter, message } = facts;
        let heard = |group: &GroupAddr| !core.config.ssm_range.contains(group.get());
        let (single, records, group) = match message {
            Message::Query(_) => (None, None, None),
            Message::ReportV1(group) => {
                let item = Item::Report { group, reporter, record: Record::Report };
                (heard(&group).then_some(item), None, Some(group))
            }
            Message::Done(group) => {
                (heard(&group).then_some(Item::Done { group, reporter }), None, Some(group))
            }
            Message::ReportV2(report) => (None, Some(report.records()), None),
        };
        Self { config: &core.config, reporter, single, records, at: 0, group, refusals: core.limits.told() }
    }

    fn next_refusal(&mut self) -> Option<Item> {
        let (first, rest) = self.refusals.split_first()?;
        let group = self.group?;
        // `at` counts the records read: the present one is one less. A single message is record 0.
        if first.record != self.at.saturating_sub(1) {
            return None;
        }
        self.refusals = rest;
        let limit: Limit = first.limit;
        Some(Item::Limit { group, limit })
    }
}

impl Iterator for Accepted<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        if let Some(item) = self.single.take() {
            return Some(item);
        }
        if let Some(item) = self.next_refusal() {
            return Some(item);
        }
        loop {
            let record = self.records.as_mut()?.next()?;
            self.at += 1;
            if let Some((record, group)) = usable(self.config, &record) {
                self.group = Some(group);
                return Some(Item::Report { group, reporter: self.reporter, record });
            }
        }
    }
}
