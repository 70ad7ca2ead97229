//! A node whose packets are broken.

use core::net::Ipv6Addr;

use super::flood;
use super::misbehaviour::{Pace, Targets, Trick};
use crate::packet::write::{self, ALL_NODES, DONE, ICMPV6, Packet, QUERY, Query, REPORT_V1, REPORT_V2};
use crate::rng::Rng;
use crate::world::Outbox;

/// Sends messages of all kinds with one or two [`Defect`]s each, and now and then random octets. One packet a turn.
///
/// Not every defect makes a receiver refuse the packet, and what is accepted counts: of its Queries too.
#[derive(Clone, Debug)]
pub struct Malformed {
    targets: Targets,
}

impl Malformed {
    /// About 40 packets in a second, 12,000 in all: five minutes.
    pub const PACE: Pace = Pace { every_ms: 1..=49, turns_max: 12_000 };

    /// A node that breaks messages about these groups and sources, sent from its own address.
    pub const fn new(targets: Targets) -> Self {
        Self { targets }
    }
}

impl Trick for Malformed {
    fn play(&mut self, own: Option<Ipv6Addr>, rng: &mut Rng, out: &mut Outbox) {
        if rng.chance(50_000) {
            let len = rng.between(0..=200) as usize;
            let noise: Vec<u8> = (0..len).map(|_| rng.octet()).collect();
            out.send_to(ALL_NODES_MAC, &noise);
            return;
        }
        let source = own.unwrap_or(Ipv6Addr::UNSPECIFIED);
        let mut packet = Packet::usual(source, message(&self.targets, rng));
        for _ in 0..rng.between(1..=2) {
            let defects: Vec<Defect> =
                Defect::ALL.into_iter().filter(|defect| defect.fits(&packet.message)).collect();
            rng.pick(&defects).apply(&mut packet, &self.targets, rng);
        }
        out.send(&packet.octets());
    }
}

/// Something wrong with a packet. Unless it says otherwise the checksum is true, whatever else is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// A hop limit other than 1.
    HopLimit,
    /// No hop-by-hop header.
    NoHopByHop,
    /// A hop-by-hop header without Router Alert.
    NoRouterAlert,
    /// A Router Alert for another protocol.
    RouterAlertValue,
    /// A Router Alert that is too long for its header.
    RouterAlertLength,
    /// An unknown option that forbids to go on.
    ForbiddenOption,
    /// A hop-by-hop header that is longer than the packet.
    HopByHopLength,
    /// A fragment header in front of the message.
    Fragment,
    /// Another upper-layer protocol.
    Protocol,
    /// IPv4, or a version that does not exist.
    IpVersion,
    /// A payload length beyond the end of the packet.
    PayloadTooLong,
    /// A payload length that cuts the message.
    PayloadTooShort,
    /// A source of global scope.
    GlobalSource,
    /// The source `::`.
    NoSource,
    /// A multicast source.
    MulticastSource,
    /// The address of another node as destination.
    ForeignDestination,
    /// A wrong checksum.
    Checksum,
    /// A message that ends too early for what it says.
    Cut,
    /// A type that is not MLD's.
    Type,
    /// More sources or records than there are.
    CountTooLarge,
    /// Fewer sources or records than there are.
    CountTooSmall,
    /// Auxiliary data beyond the end.
    AuxiliaryTooLong,
    /// Auxiliary data, which everybody skips.
    Auxiliary,
    /// A record type that does not exist.
    RecordType,
    /// A group that is not multicast.
    UnicastGroup,
    /// The group ff02::1.
    AllNodesGroup,
    /// A group of scope 0 or 1.
    NarrowGroup,
    /// A General Query with sources.
    GeneralWithSources,
    /// A source that is none: `::`, loopback, multicast, or a router.
    Source,
    /// The same source twice.
    SourceTwice,
    /// Octets behind the message, in the checksum.
    Surplus,
    /// Random octets in fields that receivers must ignore.
    Reserved,
    /// A bit of the message flipped.
    Bit,
    /// Random octets instead of all that follows the checksum.
    Noise,
}

impl Defect {
    /// All of them.
    pub const ALL: [Self; 34] = [
        Self::HopLimit,
        Self::NoHopByHop,
        Self::NoRouterAlert,
        Self::RouterAlertValue,
        Self::RouterAlertLength,
        Self::ForbiddenOption,
        Self::HopByHopLength,
        Self::Fragment,
        Self::Protocol,
        Self::IpVersion,
        Self::PayloadTooLong,
        Self::PayloadTooShort,
        Self::GlobalSource,
        Self::NoSource,
        Self::MulticastSource,
        Self::ForeignDestination,
        Self::Checksum,
        Self::Cut,
        Self::Type,
        Self::CountTooLarge,
        Self::CountTooSmall,
        Self::AuxiliaryTooLong,
        Self::Auxiliary,
        Self::RecordType,
        Self::UnicastGroup,
        Self::AllNodesGroup,
        Self::NarrowGroup,
        Self::GeneralWithSources,
        Self::Source,
        Self::SourceTwice,
        Self::Surplus,
        Self::Reserved,
        Self::Bit,
        Self::Noise,
    ];

    /// True if a message can have it.
    pub fn fits(self, message: &[u8]) -> bool {
        let Some(shape) = Shape::of(message) else {
            // Broken already: what is wrong around it still fits.
            return self.is_of_envelope();
        };
        match self {
            Self::CountTooLarge => shape.count_at.is_some(),
            Self::CountTooSmall => {
                shape.count_at.is_some_and(|at| message[at..at + 2].iter().any(|octet| *octet != 0))
            }
            Self::AuxiliaryTooLong | Self::Auxiliary | Self::RecordType => message[0] == REPORT_V2,
            Self::GeneralWithSources => message[0] == QUERY && !shape.sources.is_empty(),
            Self::Source => message[0] == REPORT_V2 && !shape.sources.is_empty(),
            Self::SourceTwice => shape.sources.len() > 1,
            _ => true,
        }
    }

    /// True if every receiver must ignore a whole packet that has this defect and no other: the message does not count,
    /// or (of a Report of MLDv2) is refused with all its records.
    pub const fn spoils(self, message_type: u8) -> bool {
        match self {
            // The message may be whole by chance, or is, but for something that is not read or is skipped.
            Self::PayloadTooShort
            | Self::CountTooSmall
            | Self::Auxiliary
            | Self::RecordType
            | Self::NarrowGroup
            | Self::Source
            | Self::SourceTwice
            | Self::Surplus
            | Self::Reserved
            | Self::Bit
            | Self::Noise => false,
            Self::UnicastGroup | Self::AllNodesGroup => message_type != REPORT_V2,
            _ => true,
        }
    }

    /// Breaks the packet, which [`fits`](Self::fits).
    pub fn apply(self, packet: &mut Packet, targets: &Targets, rng: &mut Rng) {
        if self.is_of_envelope() {
            self.apply_to_envelope(packet, targets, rng);
        } else if let Some(shape) = Shape::of(&packet.message) {
            self.apply_to_message(&mut packet.message, &shape, targets, rng);
        }
    }

    /// True if the message itself stays intact: the list begins with those.
    const fn is_of_envelope(self) -> bool {
        (self as u8) <= Self::Checksum as u8
    }

    fn apply_to_envelope(self, packet: &mut Packet, targets: &Targets, rng: &mut Rng) {
        let options = |options: [u8; 6]| [&[ICMPV6, 0][..], &options].concat();
        match self {
            Self::HopLimit => packet.hop_limit = *rng.pick(&[0, 2, 64, 255]),
            Self::NoHopByHop => {
                packet.extensions.clear();
                packet.next_header = ICMPV6;
            }
            Self::NoRouterAlert => packet.extensions = options([1, 4, 0, 0, 0, 0]),
            Self::RouterAlertValue => {
                packet.extensions = options([5, 2, 0, rng.between(1..=255) as u8, 1, 0])
            }
            Self::RouterAlertLength => packet.extensions = options([1, 0, 5, 3, 0, 0]),
            Self::ForbiddenOption => {
                packet.extensions = options([5, 2, 0, 0, *rng.pick(&[0x45, 0x85, 0xc5]), 0]);
            }
            Self::HopByHopLength => {
                packet.extensions = write::ROUTER_ALERT.to_vec();
                packet.extensions[1] = 255;
            }
            Self::Fragment => {
                packet.extensions = write::ROUTER_ALERT.to_vec();
                packet.extensions[0] = FRAGMENT;
                packet.extensions.extend([ICMPV6, 0, 0, 0, 0, 0, 0, rng.octet()]);
            }
            Self::Protocol => match packet.extensions.first_mut() {
                Some(next_header) => *next_header = *rng.pick(&[0, 6, 17, 59, 103]),
                None => packet.next_header = *rng.pick(&[6, 17, 59, 103]),
            },
            Self::IpVersion => packet.first_octet = *rng.pick(&[0x00, 0x45, 0x50, 0x70, 0xf0]),
            Self::PayloadTooLong => {
                let more = rng.between(1..=1000) as usize;
                packet.payload_length = Some((payload(packet) + more) as u16);
            }
            Self::PayloadTooShort => {
                packet.payload_length = Some(rng.below(payload(packet) as u64) as u16);
            }
            Self::GlobalSource => packet.source = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
            Self::NoSource => packet.source = Ipv6Addr::UNSPECIFIED,
            Self::MulticastSource => packet.source = targets.group(rng),
            Self::ForeignDestination => packet.destination = NOBODY,
            // One bit, as a sum that is off by all ones is true again when it was 0.
            _ => packet.checksum_error = 1 << rng.below(16),
        }
    }

    fn apply_to_message(self, message: &mut Vec<u8>, shape: &Shape, targets: &Targets, rng: &mut Rng) {
        match self {
            Self::Cut => {
                let len = rng.below(shape.len as u64) as usize;
                // A Query of 24 octets would be whole, of the other version.
                message.truncate(if len == 24 && message[0] == QUERY { 23 } else { len });
            }
            Self::Type => message[0] = *rng.pick(&[0, 1, 128, 129, 133, 142, 144, 151, 200, 255]),
            Self::CountTooLarge | Self::CountTooSmall => {
                let Some(at) = shape.count_at else { return };
                let count = u64::from(u16::from_be_bytes([message[at], message[at + 1]]));
                let wrong = if self == Self::CountTooLarge {
                    // Behind the last record there is nothing, and a Query ends with its sources.
                    *rng.pick(&[count + 1, count + 2, count + 300, 0xffff])
                } else {
                    rng.below(count)
                };
                message[at..at + 2].copy_from_slice(&(wrong as u16).to_be_bytes());
            }
            Self::AuxiliaryTooLong => message[shape.last_record_at + 1] = u8::MAX,
            Self::Auxiliary => {
                // Of the first record, so that others have to be found behind it (R-WIRE-62).
                let words = rng.between(1..=8) as u8;
                message[shape.group_at - 3] = words;
                let behind = shape.group_at + 16 * (1 + shape.sources.len());
                message.splice(behind..behind, (0..4 * words).map(|_| rng.octet()));
            }
            Self::RecordType => message[8] = *rng.pick(&[0, 7, 8, 128, 255]),
            Self::UnicastGroup => put(message, shape.group_at, targets.host(rng)),
            Self::AllNodesGroup => put(message, shape.group_at, ALL_NODES),
            Self::NarrowGroup => {
                let scope = *rng.pick(&[0xff00, 0xff01, 0xff10, 0xff11]);
                put(message, shape.group_at, Ipv6Addr::new(scope, 0, 0, 0, 0, 0, 1, 1));
            }
            Self::GeneralWithSources => put(message, shape.group_at, Ipv6Addr::UNSPECIFIED),
            Self::Source => {
                let at = *rng.pick(&shape.sources);
                let none = [Ipv6Addr::UNSPECIFIED, Ipv6Addr::LOCALHOST, ALL_NODES, targets.router(rng)];
                put(message, at, *rng.pick(&none));
            }
            Self::SourceTwice => {
                let (first, last) = (shape.sources[0], shape.sources[shape.sources.len() - 1]);
                message.copy_within(last..last + 16, first);
            }
            Self::Surplus => {
                let more = rng.between(1..=40);
                message.extend((0..more).map(|_| rng.octet()));
            }
            Self::Reserved => {
                let reserved: &[usize] = match (message[0], message.len()) {
                    (QUERY, 24) => &[1, 6, 7],
                    (QUERY, _) => {
                        message[24] ^= rng.octet() & 0xf0;
                        &[1, 6, 7]
                    }
                    (REPORT_V2, _) => &[1, 4, 5],
                    _ => &[1, 4, 5, 6, 7],
                };
                for at in reserved {
                    message[*at] = rng.octet();
                }
            }
            Self::Bit => {
                let at = rng.index(message.len());
                message[at] ^= 1 << rng.below(8);
            }
            _ => message[4..].fill_with(|| rng.octet()),
        }
    }
}

/// Where things are in a message that is whole.
struct Shape {
    /// Octets that it needs.
    len: usize,
    /// The number of sources of a Query of MLDv2, or of records that is not 0.
    count_at: Option<usize>,
    /// The group, of a Report of MLDv2 that of the first record.
    group_at: usize,
    /// The sources, of a Report of MLDv2 those of the first record.
    sources: Vec<usize>,
    /// The last record of a Report of MLDv2.
    last_record_at: usize,
}

impl Shape {
    fn of(message: &[u8]) -> Option<Self> {
        let count = |at: usize| usize::from(u16::from_be_bytes([message[at], message[at + 1]]));
        let sources = |from: usize, count: usize| (0..count).map(|index| from + 16 * index).collect();
        match (message.first()?, message.len()) {
            (&QUERY, 28..) => {
                let count = count(26);
                let whole = Self {
                    len: 28 + 16 * count,
                    count_at: Some(26),
                    group_at: 8,
                    sources: sources(28, count),
                    last_record_at: 0,
                };
                (whole.len <= message.len()).then_some(whole)
            }
            (&(QUERY | REPORT_V1 | DONE), 24..) => {
                Some(Self { len: 24, count_at: None, group_at: 8, sources: Vec::new(), last_record_at: 0 })
            }
            (&REPORT_V2, 28..) if count(6) > 0 => {
                let (mut len, mut last_record_at) = (8, 8);
                for _ in 0..count(6) {
                    let header = message.get(len..len + 20)?;
                    let sources = usize::from(u16::from_be_bytes([header[2], header[3]]));
                    last_record_at = len;
                    len += 20 + 16 * sources + 4 * usize::from(header[1]);
                }
                let sources = sources(28, count(10));
                let whole = Self { len, count_at: Some(6), group_at: 12, sources, last_record_at };
                (len <= message.len()).then_some(whole)
            }
            _ => None,
        }
    }
}

/// ff02::1 on Ethernet.
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
/// A link-local address that no node has.
const NOBODY: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0xdead, 0, 0, 0xdead);
/// Next Header of a fragment header.
const FRAGMENT: u8 = 44;

/// A message that is right: a Query, Report or Done of either version.
fn message(targets: &Targets, rng: &mut Rng) -> Vec<u8> {
    let group = targets.group(rng);
    let asked = if rng.chance(300_000) { Ipv6Addr::UNSPECIFIED } else { group };
    match rng.below(8) {
        0 => write::version_1(QUERY, 1000, asked),
        1 => write::version_1(REPORT_V1, 0, group),
        2 => write::version_1(DONE, 0, group),
        3 => Query::new(asked).octets(),
        4 => Query { sources: targets.some_sources(4, rng), ..Query::new(group) }.octets(),
        _ => {
            let count = rng.between(1..=4);
            write::report(&(0..count).map(|_| flood::record(targets, rng)).collect::<Vec<_>>())
        }
    }
}

fn payload(packet: &Packet) -> usize {
    packet.extensions.len() + packet.message.len()
}

fn put(message: &mut [u8], at: usize, address: Ipv6Addr) {
    message[at..at + 16].copy_from_slice(&address.octets());
}

#[cfg(test)]
mod tests;
