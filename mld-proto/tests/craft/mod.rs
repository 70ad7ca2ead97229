//! Packets built octet by octet, without the library's own writer, and a picture of all that a router shows.

#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod vectors;

use core::net::Ipv6Addr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use mld_proto::router::{Accepted, GroupSlot, GroupState, Item, SourceSlot, Stats, Storage, Tables};
use mld_proto::wire::MessageKind;
use mld_proto::{
    Config, Discard, Event, FilterMode, GroupAddr, IndexSlot, Instant, MessageMeta, Querier, Router, Version,
};

/// The router under test.
pub(crate) const ME: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 5);
/// A router that wins the election against [`ME`].
pub(crate) const LOWER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
/// Two hosts.
pub(crate) const H1: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xa);
pub(crate) const H2: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xb);
pub(crate) const NOBODY: Ipv6Addr = Ipv6Addr::UNSPECIFIED;

pub(crate) const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
pub(crate) const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
pub(crate) const ALL_MLDV2_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);

/// Record types.
pub(crate) const IS_IN: u8 = 1;
pub(crate) const IS_EX: u8 = 2;
pub(crate) const TO_IN: u8 = 3;
pub(crate) const TO_EX: u8 = 4;
pub(crate) const ALLOW: u8 = 5;
pub(crate) const BLOCK: u8 = 6;

/// Router Alert for MLD, then an empty PadN.
pub(crate) const ROUTER_ALERT: [u8; 6] = [5, 2, 0, 0, 1, 0];

pub(crate) fn ip(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

pub(crate) fn group(text: &str) -> GroupAddr {
    text.parse().unwrap()
}

/// The source 2001:db8:1::`number`.
pub(crate) fn source(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, number)
}

pub(crate) fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// Contents of the checksum field of a [`Craft`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Checksum {
    Right,
    Wrong,
    AsWritten,
}

/// A packet to be.
#[derive(Clone, Debug)]
pub(crate) struct Craft {
    pub(crate) source: Ipv6Addr,
    pub(crate) destination: Ipv6Addr,
    pub(crate) hop_limit: u8,
    /// The options of the hop-by-hop header, 6 octets or 8 more each time; `None` leaves the header out.
    pub(crate) hop_by_hop: Option<Vec<u8>>,
    /// The offset of a fragment header in units of 8 octets, and whether more fragments follow.
    pub(crate) fragment: Option<(u16, bool)>,
    pub(crate) message: Vec<u8>,
    pub(crate) checksum: Checksum,
    /// Octets that the payload length promises and the packet does not have.
    pub(crate) lost: usize,
    /// Octets behind the IPv6 payload.
    pub(crate) padding: Vec<u8>,
}

impl Craft {
    pub(crate) fn new(source: Ipv6Addr, destination: Ipv6Addr, message: Vec<u8>) -> Self {
        Self {
            source,
            destination,
            hop_limit: 1,
            hop_by_hop: Some(ROUTER_ALERT.to_vec()),
            fragment: None,
            message,
            checksum: Checksum::Right,
            lost: 0,
            padding: Vec::new(),
        }
    }

    /// A Query of 24 octets.
    pub(crate) fn query_v1(source: Ipv6Addr, asked: Ipv6Addr, delay: u16) -> Self {
        let destination = if asked.is_unspecified() { ALL_NODES } else { asked };
        let mut message = vec![130, 0, 0, 0];
        message.extend(delay.to_be_bytes());
        message.extend([0, 0]);
        message.extend(asked.octets());
        Self::new(source, destination, message)
    }

    /// A Query of 28 octets and its sources, Robustness Variable 2, Query Interval 125 s.
    pub(crate) fn query_v2(source: Ipv6Addr, asked: Ipv6Addr, code: u16, sources: &[Ipv6Addr]) -> Self {
        let mut query = Self::query_v1(source, asked, code);
        query.message.extend([2, 125]);
        query.message.extend((sources.len() as u16).to_be_bytes());
        query.message.extend(sources.iter().flat_map(|source| source.octets()));
        query
    }

    pub(crate) fn report_v1(source: Ipv6Addr, group: Ipv6Addr) -> Self {
        let mut message = vec![131, 0, 0, 0, 0, 0, 0, 0];
        message.extend(group.octets());
        Self::new(source, group, message)
    }

    pub(crate) fn done(source: Ipv6Addr, group: Ipv6Addr) -> Self {
        let mut message = vec![132, 0, 0, 0, 0, 0, 0, 0];
        message.extend(group.octets());
        Self::new(source, ALL_ROUTERS, message)
    }

    /// A Report of MLDv2 without records.
    pub(crate) fn report_v2(source: Ipv6Addr) -> Self {
        Self::new(source, ALL_MLDV2_ROUTERS, vec![143, 0, 0, 0, 0, 0, 0, 0])
    }

    /// One more record.
    pub(crate) fn record(self, kind: u8, group: &str, sources: &[Ipv6Addr]) -> Self {
        self.record_of(kind, ip(group), sources)
    }

    pub(crate) fn record_of(mut self, kind: u8, group: Ipv6Addr, sources: &[Ipv6Addr]) -> Self {
        let count = u16::from_be_bytes([self.message[6], self.message[7]]) + 1;
        self.message[6..8].copy_from_slice(&count.to_be_bytes());
        self.message.extend([kind, 0]);
        self.message.extend((sources.len() as u16).to_be_bytes());
        self.message.extend(group.octets());
        self.message.extend(sources.iter().flat_map(|source| source.octets()));
        self
    }

    pub(crate) fn to(mut self, destination: Ipv6Addr) -> Self {
        self.destination = destination;
        self
    }

    /// Writes `octets` into the message.
    pub(crate) fn with(mut self, offset: usize, octets: &[u8]) -> Self {
        self.message[offset..offset + octets.len()].copy_from_slice(octets);
        self
    }

    /// Adds `octets` behind the message, inside of the checksum.
    pub(crate) fn and(mut self, octets: &[u8]) -> Self {
        self.message.extend(octets);
        self
    }

    pub(crate) fn cut_to(mut self, len: usize) -> Self {
        self.message.truncate(len);
        self
    }

    pub(crate) fn kind(&self) -> Option<MessageKind> {
        match self.message.first()? {
            130 => Some(MessageKind::Query),
            131 => Some(MessageKind::ReportV1),
            132 => Some(MessageKind::Done),
            143 => Some(MessageKind::ReportV2),
            _ => None,
        }
    }

    /// The ICMPv6 message.
    pub(crate) fn icmpv6(&self) -> Vec<u8> {
        let mut message = self.message.clone();
        if self.checksum != Checksum::AsWritten && message.len() >= 4 {
            message[2..4].copy_from_slice(&[0, 0]);
            let mut sum = checksum(self.source, self.destination, &message);
            if self.checksum == Checksum::Wrong {
                sum ^= 0x0100;
            }
            message[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        message
    }

    /// The IPv6 packet.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        let mut first = 58;
        if let Some((offset, more)) = self.fragment {
            let field = offset << 3 | u16::from(more);
            payload.extend([58, 0]);
            payload.extend(field.to_be_bytes());
            payload.extend([0, 0, 0, 9]);
            first = 44;
        }
        if let Some(options) = &self.hop_by_hop {
            assert!(options.len() % 8 == 6, "options fill their header");
            let mut header = vec![first, (options.len() / 8) as u8];
            header.extend(options);
            header.append(&mut payload);
            payload = header;
            first = 0;
        }
        payload.extend(self.icmpv6());
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend((payload.len() as u16).to_be_bytes());
        packet.extend([first, self.hop_limit]);
        packet.extend(self.source.octets());
        packet.extend(self.destination.octets());
        packet.extend(payload);
        packet.truncate(packet.len() - self.lost);
        packet.extend(&self.padding);
        packet
    }

    /// The result of a socket that yields the ICMPv6 message alone.
    pub(crate) fn meta(&self) -> MessageMeta {
        MessageMeta {
            source: self.source,
            destination: self.destination,
            hop_limit: self.hop_limit,
            router_alert: self.hop_by_hop.as_ref().is_some_and(|options| options.starts_with(&[5, 2, 0, 0])),
            checksum_verified: false,
            own_host: false,
        }
    }
}

/// The one's complement of the one's complement sum over pseudo header and message, word by word.
pub(crate) fn checksum(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> u16 {
    let mut octets = Vec::new();
    octets.extend(source.octets());
    octets.extend(destination.octets());
    octets.extend((message.len() as u32).to_be_bytes());
    octets.extend([0, 0, 0, 58]);
    octets.extend(message);
    if octets.len() % 2 == 1 {
        octets.push(0);
    }
    let mut sum = 0_u32;
    for word in octets.chunks(2) {
        sum += u32::from(word[0]) << 8 | u32::from(word[1]);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The call that hands a packet to the router.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Entrance {
    Packet,
    Verified,
    Message,
    VerifiedMessage,
}

impl Entrance {
    pub(crate) const ALL: [Self; 4] = [Self::Packet, Self::Verified, Self::Message, Self::VerifiedMessage];

    /// Returns true if a packet discarded for `reason` can be passed to this call and is discarded for that reason.
    pub(crate) fn sees(self, reason: Discard) -> bool {
        match reason {
            Discard::Truncated | Discard::Fragment => matches!(self, Self::Packet | Self::Verified),
            Discard::BadChecksum => matches!(self, Self::Packet | Self::Message),
            _ => true,
        }
    }

    pub(crate) fn deliver<T: Storage>(
        self,
        router: &mut Router<T>,
        now: Instant,
        craft: &Craft,
    ) -> Result<Vec<Item>, Discard> {
        match self {
            Self::Packet => router.handle_packet(now, &craft.bytes()).map(Accepted::collect),
            Self::Verified => router.handle_verified_packet(now, &craft.bytes()).map(Accepted::collect),
            Self::Message => {
                router.handle_message(now, &craft.meta(), &craft.icmpv6()).map(Accepted::collect)
            }
            Self::VerifiedMessage => {
                let meta = MessageMeta { checksum_verified: true, ..craft.meta() };
                router.handle_message(now, &meta, &craft.icmpv6()).map(Accepted::collect)
            }
        }
    }
}

pub(crate) type BoxTables = Tables<Box<[GroupSlot]>, Box<[SourceSlot]>, Box<[IndexSlot]>>;
pub(crate) type BoxRouter = Router<BoxTables>;

pub(crate) fn tables(groups: usize, sources: usize) -> BoxTables {
    let index = IndexSlot::count_for(groups, sources);
    Tables::new(
        vec![GroupSlot::EMPTY; groups].into(),
        vec![SourceSlot::EMPTY; sources].into(),
        vec![IndexSlot::EMPTY; index].into(),
    )
    .unwrap()
}

/// A router that has been up since time 0 as [`ME`] and has nothing left to say.
pub(crate) fn router(config: Config) -> BoxRouter {
    sized_router(config, 64, 1024)
}

pub(crate) fn sized_router(config: Config, groups: usize, sources: usize) -> BoxRouter {
    let mut router = Router::new(config, tables(groups, sources), 0x5eed);
    router.start(Instant::ZERO, Some(ME));
    drain(&mut router, Instant::ZERO);
    router
}

/// Delivers a packet that must be accepted and returns its items.
pub(crate) fn accept<T: Storage>(router: &mut Router<T>, now: u64, craft: &Craft) -> Vec<Item> {
    router.handle_packet(at(now), &craft.bytes()).expect("accepted").collect()
}

/// Takes every packet and event that waits.
pub(crate) fn drain<T: Storage>(router: &mut Router<T>, now: Instant) -> (Vec<Vec<u8>>, Vec<Event>) {
    let (mut packets, mut events) = (Vec::new(), Vec::new());
    let mut buffer = vec![0; 65_535];
    loop {
        let before = (packets.len(), events.len());
        while let Some(sent) = router.poll_transmit(now, &mut buffer).unwrap() {
            packets.push(buffer[..sent.len].to_vec());
            assert!(packets.len() < 10_000, "there is an end to what is due");
        }
        while let Some(event) = router.poll_event() {
            events.push(event);
            assert!(events.len() < 100_000, "there is an end to what is told");
        }
        if before == (packets.len(), events.len()) {
            return (packets, events);
        }
    }
}

/// Runs every timer up to `until` and returns the packets with their times.
pub(crate) fn run_to<T: Storage>(router: &mut Router<T>, until: u64) -> Vec<(u64, Vec<u8>)> {
    let mut packets = Vec::new();
    while let Some(next) = router.poll_timeout().filter(|next| *next <= at(until)) {
        router.handle_timeout(next);
        let time = next.as_millis();
        packets.extend(drain(router, next).0.into_iter().map(|packet| (time, packet)));
    }
    router.handle_timeout(at(until));
    packets.extend(drain(router, at(until)).0.into_iter().map(|packet| (until, packet)));
    packets
}

/// Everything that can be read from a router beside its counters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Picture {
    pub(crate) running: bool,
    pub(crate) link_local: Option<Ipv6Addr>,
    pub(crate) querier: Querier,
    pub(crate) next: Option<Instant>,
    pub(crate) usage: (u32, u32),
    pub(crate) intervals: [Duration; 3],
    pub(crate) robustness: u8,
    pub(crate) groups: BTreeMap<GroupAddr, GroupPicture>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GroupPicture {
    pub(crate) mode: FilterMode,
    pub(crate) compatibility: Version,
    pub(crate) state: GroupState,
    pub(crate) expires: Instant,
    pub(crate) created: Instant,
    pub(crate) last_reporter: Option<Ipv6Addr>,
    pub(crate) sources: BTreeMap<Ipv6Addr, (Option<Instant>, bool, Instant)>,
}

impl Picture {
    pub(crate) fn of<T: Storage>(router: &Router<T>) -> Self {
        let groups = router.groups().map(|group| {
            let sources = group
                .sources()
                .map(|source| {
                    (source.address(), (source.expires(), source.is_forwarding(), source.created()))
                })
                .collect::<BTreeMap<_, _>>();
            assert_eq!(sources.len(), group.source_count(), "no source is listed twice");
            let picture = GroupPicture {
                mode: group.filter_mode(),
                compatibility: group.compatibility_mode(),
                state: group.state(),
                expires: group.expires(),
                created: group.created(),
                last_reporter: group.last_reporter(),
                sources,
            };
            (group.address(), picture)
        });
        let usage = router.usage();
        let picture = Self {
            running: router.is_running(),
            link_local: router.link_local(),
            querier: router.querier(),
            next: router.poll_timeout(),
            usage: (usage.groups, usage.sources),
            intervals: [
                router.listening_interval(),
                router.other_querier_present_interval(),
                router.query_interval(),
            ],
            robustness: router.robustness_variable(),
            groups: groups.collect(),
        };
        assert_eq!(picture.usage.0 as usize, router.groups().count(), "no group is listed twice");
        picture
    }
}

/// The mode of a group with its requested (or included) and its excluded sources.
pub(crate) type Lists = (FilterMode, BTreeSet<Ipv6Addr>, BTreeSet<Ipv6Addr>);

pub(crate) fn lists<T: Storage>(router: &Router<T>, address: &str) -> Option<Lists> {
    let group = router.group(group(address))?;
    let running = group.sources().filter(|source| source.expires().is_some());
    let zero = group.sources().filter(|source| source.expires().is_none());
    Some((
        group.filter_mode(),
        running.map(|source| source.address()).collect(),
        zero.map(|source| source.address()).collect(),
    ))
}

pub(crate) fn include(sources: &[Ipv6Addr]) -> Option<Lists> {
    Some((FilterMode::Include, sources.iter().copied().collect(), BTreeSet::new()))
}

pub(crate) fn exclude(requested: &[Ipv6Addr], excluded: &[Ipv6Addr]) -> Option<Lists> {
    let set = |list: &[Ipv6Addr]| list.iter().copied().collect();
    Some((FilterMode::Exclude, set(requested), set(excluded)))
}

/// `stats` after a packet of `kind` was ignored for `reason`.
pub(crate) fn counted(mut stats: Stats, reason: Discard, kind: Option<MessageKind>) -> Stats {
    stats.count_discard(reason);
    match kind {
        Some(MessageKind::Query) => stats.dropped.query += 1,
        Some(MessageKind::ReportV1) => stats.dropped.report_v1 += 1,
        Some(MessageKind::ReportV2) => stats.dropped.report_v2 += 1,
        Some(MessageKind::Done) => stats.dropped.done += 1,
        None => {}
    }
    stats
}
