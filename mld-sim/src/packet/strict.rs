//! The strict parser: what a node of ours may put on the wire, octet for octet.

use core::net::Ipv6Addr;
use std::collections::BTreeSet;

use super::codes::{
    ALL_MLDV2_ROUTERS, ALL_NODES, ALL_ROUTERS, RecordKind, address_at, decode_interval, decode_response,
};
use super::codes::{
    encode_interval, encode_response, folded_sum, is_reportable, is_usable_source, number_at,
};

/// A packet that may be sent, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// A Query of either version.
    Query {
        /// IPv6 source.
        source: Ipv6Addr,
        /// The message; `at` is 0 and `optional` false, since a packet does not tell.
        query: SentQuery,
    },
    /// An MLDv2 Report.
    ReportV2 {
        /// IPv6 source, perhaps `::`.
        source: Ipv6Addr,
        /// The records in wire order.
        records: Vec<SentRecord>,
    },
    /// An MLDv1 Report.
    ReportV1 {
        /// IPv6 source, perhaps `::`.
        source: Ipv6Addr,
        /// The group that is listened to.
        group: Ipv6Addr,
    },
    /// An MLDv1 Done.
    Done {
        /// IPv6 source, perhaps `::`.
        source: Ipv6Addr,
        /// The group that is left.
        group: Ipv6Addr,
    },
}

/// A Query that is due, or one that was found on the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentQuery {
    /// The moment of the call that caused it.
    pub at: u64,
    /// 1: 24 octets; 2: MLDv2.
    pub version: u8,
    /// `::` in a General Query.
    pub group: Ipv6Addr,
    /// Ascending.
    pub sources: Vec<Ipv6Addr>,
    /// The S flag (R-QRY-5, R-QRY-8).
    pub suppress: bool,
    /// Maximum Response Code; in version 1 the linear delay.
    pub response_code: u16,
    /// QRV; 0 in version 1.
    pub qrv: u8,
    /// QQIC; 0 in version 1.
    pub qqic: u8,
    /// IPv6 destination.
    pub destination: Ipv6Addr,
    /// The engine may leave it out (L-3, L-4).
    pub optional: bool,
}

/// A record of an MLDv2 Report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentRecord {
    /// Type, 1 to 6.
    pub kind: u8,
    /// Multicast Address.
    pub group: Ipv6Addr,
    /// In wire order.
    pub sources: Vec<Ipv6Addr>,
}

/// Takes apart a packet that a node of ours sent: `ipv6` from the version octet on, `mtu` of the link.
///
/// # Errors
/// What is wrong with it, for people.
pub fn strict(ipv6: &[u8], mtu: u16) -> Result<Sent, String> {
    let message = message_of(ipv6, mtu)?;
    let source = address_at(ipv6, 8);
    let destination = address_at(ipv6, 24);
    check_checksum(source, destination, message)?;
    match message[0] {
        130 => {
            // R-WIRE-5, R-ELE-9.
            check(is_usable_source(source), || format!("a Query from {source}"))?;
            let query = query(message, destination)?;
            Ok(Sent::Query { source, query })
        }
        143 => {
            check_listener(source)?;
            check(destination == ALL_MLDV2_ROUTERS, || format!("a Report to {destination} (R-WIRE-61)"))?;
            Ok(Sent::ReportV2 { source, records: records(message)? })
        }
        131 => {
            check_listener(source)?;
            let group = version_1_group(message)?;
            check(destination == group, || {
                format!("an MLDv1 Report for {group} to {destination} (R-WIRE-27)")
            })?;
            Ok(Sent::ReportV1 { source, group })
        }
        132 => {
            check_listener(source)?;
            let group = version_1_group(message)?;
            check(destination == ALL_ROUTERS, || format!("a Done to {destination} (R-WIRE-27)"))?;
            Ok(Sent::Done { source, group })
        }
        kind => Err(format!("ICMPv6 type {kind} is no MLD")),
    }
}

fn check(holds: bool, text: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(text()) }
}

/// The headers in front of the message (R-WIRE-1 to R-WIRE-4).
fn message_of(ipv6: &[u8], mtu: u16) -> Result<&[u8], String> {
    check(ipv6.len() <= usize::from(mtu), || format!("{} octets on a link of MTU {mtu}", ipv6.len()))?;
    check(ipv6.len() >= 40 + 8 + 8, || format!("{} octets are no MLD packet", ipv6.len()))?;
    check(ipv6[..4] == [0x60, 0, 0, 0], || {
        format!("version, class and flow are {:02x?}, not 60 00 00 00", &ipv6[..4])
    })?;
    let payload = usize::from(number_at(ipv6, 4));
    check(payload == ipv6.len() - 40, || format!("payload length {payload} of {} octets", ipv6.len() - 40))?;
    check(ipv6[6] == 0, || format!("next header {}, not hop-by-hop options", ipv6[6]))?;
    check(ipv6[7] == 1, || format!("hop limit {} (R-WIRE-2)", ipv6[7]))?;
    let options = &ipv6[40..48];
    check(options[..2] == [58, 0], || format!("hop-by-hop header starts {:02x?}", &options[..2]))?;
    check(options[2..6] == [5, 2, 0, 0], || format!("{:02x?} is no Router Alert of MLD", &options[2..6]))?;
    check(options[6..] == [1, 0] || options[6..] == [0, 0], || format!("padding {:02x?}", &options[6..]))?;
    Ok(&ipv6[48..])
}

/// R-WIRE-8: exactly the value that is computed; a computed zero is sent as zero.
fn check_checksum(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> Result<(), String> {
    let mut bare = message.to_vec();
    bare[2..4].fill(0);
    let (computed, sent) = (!folded_sum(source, destination, &bare), number_at(message, 2));
    check(computed == sent, || format!("checksum {sent:#06x}, computed {computed:#06x}"))
}

/// R-WIRE-6: a link-local address, or `::` while there is none.
fn check_listener(source: Ipv6Addr) -> Result<(), String> {
    check(source.is_unspecified() || is_usable_source(source), || {
        format!("a listener's message from {source}")
    })
}

/// A Query of either version (matrix 1.2, 1.4).
fn query(message: &[u8], destination: Ipv6Addr) -> Result<SentQuery, String> {
    let length = message.len();
    check(length == 24 || length >= 28, || format!("a Query of {length} octets (R-WIRE-30)"))?;
    check(message[1] == 0, || format!("code {} (R-WIRE-21)", message[1]))?;
    check(message[6..8] == [0, 0], || format!("reserved {:02x?} (R-WIRE-45)", &message[6..8]))?;
    let code = number_at(message, 4);
    // No configuration asks for answers within nothing.
    check(code != 0, || String::from("Maximum Response Code 0"))?;
    let group = address_at(message, 8);
    let general = group.is_unspecified();
    check(general || is_reportable(group), || format!("a Query for {group}"))?;
    let usual = if general { ALL_NODES } else { group };
    check(destination == usual, || format!("a Query for {group} to {destination} (R-WIRE-50)"))?;
    let mut query = SentQuery {
        at: 0,
        version: 1,
        group,
        sources: Vec::new(),
        suppress: false,
        response_code: code,
        qrv: 0,
        qqic: 0,
        destination,
        optional: false,
    };
    if length == 24 {
        return Ok(query);
    }
    let count = usize::from(number_at(message, 26));
    check(length == 28 + 16 * count, || format!("{length} octets with {count} sources (R-WIRE-49)"))?;
    check(message[24] & 0xf0 == 0, || format!("flags {:#04x} (R-WIRE-45)", message[24]))?;
    query.version = 2;
    query.suppress = message[24] & 0x08 != 0;
    query.qrv = message[24] & 0x07;
    query.qqic = message[25];
    check(!general || !query.suppress, || String::from("S in a General Query (R-QRY-3)"))?;
    check(!general || count == 0, || String::from("sources in a General Query (R-WIRE-46)"))?;
    check(encode_response(decode_response(code)) == code, || format!("no encoder gives {code:#06x}"))?;
    // The shortest interval that can be configured is a second.
    check(query.qqic != 0 && encode_interval(decode_interval(query.qqic)) == query.qqic, || {
        format!("no encoder gives QQIC {:#04x}", query.qqic)
    })?;
    query.sources = sources(message, 28, count)?;
    query.sources.sort_unstable();
    Ok(query)
}

/// `count` addresses from `offset` on: unicast, none twice.
fn sources(octets: &[u8], offset: usize, count: usize) -> Result<Vec<Ipv6Addr>, String> {
    let mut seen = BTreeSet::new();
    let mut list = Vec::new();
    for index in 0..count {
        let source = address_at(octets, offset + 16 * index);
        check(!source.is_unspecified() && !source.is_multicast(), || format!("{source} as a source"))?;
        check(seen.insert(source), || format!("source {source} twice in one list"))?;
        list.push(source);
    }
    Ok(list)
}

/// The records of an MLDv2 Report, which fill it exactly (R-WIRE-60 to R-WIRE-64).
fn records(message: &[u8]) -> Result<Vec<SentRecord>, String> {
    check(message[1] == 0 && message[4..6] == [0, 0], || String::from("reserved or flags (R-WIRE-60)"))?;
    let count = number_at(message, 6);
    check(count != 0, || String::from("a Report without records (R-LSN-21)"))?;
    let mut rest = &message[8..];
    let mut list = Vec::new();
    for _ in 0..count {
        check(rest.len() >= 20, || format!("{count} records do not fit the Report"))?;
        let length = 20 + 16 * usize::from(number_at(rest, 2));
        check(rest[1] == 0, || String::from("auxiliary data (R-WIRE-62)"))?;
        check(rest.len() >= length, || String::from("a list of sources past the end of the Report"))?;
        let kind = RecordKind::of(rest[0]).ok_or_else(|| format!("record type {}", rest[0]))?;
        let group = address_at(rest, 4);
        check(is_reportable(group), || format!("a record for {group} (R-LSN-9)"))?;
        let sources = sources(rest, 20, usize::from(number_at(rest, 2)))?;
        let never_empty = matches!(kind, RecordKind::IsIn | RecordKind::Allow | RecordKind::Block);
        check(!never_empty || !sources.is_empty(), || format!("{} without sources", kind.name()))?;
        list.push(SentRecord { kind: rest[0], group, sources });
        rest = &rest[length..];
    }
    check(rest.is_empty(), || format!("{} octets behind the last record (R-WIRE-64)", rest.len()))?;
    Ok(list)
}

/// The group of an MLDv1 Report or Done (R-WIRE-21 to R-WIRE-25).
fn version_1_group(message: &[u8]) -> Result<Ipv6Addr, String> {
    check(message.len() == 24, || format!("{} octets, not 24 (R-WIRE-25)", message.len()))?;
    check(message[1] == 0 && message[4..8] == [0; 4], || String::from("code, delay or reserved is not 0"))?;
    let group = address_at(message, 8);
    check(is_reportable(group), || format!("a message for {group} (R-LSN-9)"))?;
    Ok(group)
}
