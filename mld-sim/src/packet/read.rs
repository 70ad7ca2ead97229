//! Reading of received packets: what is accepted, and the first check that fails (matrix 1.6).

use core::net::Ipv6Addr;

use super::codes::{ALL_NODES, address_at, decode_interval, decode_response, folded_sum, is_link_local};
use super::codes::{is_reportable, number_at};

/// Settings of a router that decide which packets it accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// 1: RFC 2710 alone; 2: RFC 9777 (R-CMP-2).
    pub(crate) version: u8,
    /// Packets without Router Alert are ignored (R-SEC-2).
    pub(crate) require_router_alert: bool,
    /// Queries to unusual destinations do nothing.
    pub(crate) strict_query_destination: bool,
    /// A version 1 router reads MLDv2 Reports as MLDv1 messages.
    pub(crate) version_1_reads_version_2_reports: bool,
    /// MLDv1 messages are ignored (R-CMP-8).
    pub(crate) version_2_only: bool,
}

impl Rules {
    /// Those of RFC 9777.
    pub(crate) const DEFAULT: Self = Self {
        version: 2,
        require_router_alert: true,
        strict_query_destination: false,
        version_1_reads_version_2_reports: false,
        version_2_only: false,
    };
}

/// Why a packet was ignored: the first check that failed, in this order after `NotMld` and `BeforeStart`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Shorter than its headers promise.
    Truncated,
    /// The first fragment of a packet that needs reassembly (R-WIRE-78).
    Fragment,
    /// The hop limit is not 1 (R-WIRE-53, R-WIRE-65).
    HopLimit,
    /// No Router Alert of value 0 in a hop-by-hop header in front of everything else.
    NoRouterAlert,
    /// From `::` (R-WIRE-66, R-ELE-9).
    SourceUnspecified,
    /// The source is not of fe80::/10 (R-WIRE-52, R-WIRE-67).
    SourceNotLinkLocal,
    /// The source is the router's own address (R-SEC-13).
    OwnAddress,
    /// The checksum does not hold (R-WIRE-9).
    BadChecksum,
    /// No length of its kind, or contents past the end (R-WIRE-31, R-WIRE-56, R-WIRE-26, R-WIRE-72).
    BadLength,
    /// The group is none of its kind (R-WIRE-54, R-WIRE-55, R-SEC-14).
    GroupAddress,
    /// To somebody else's unicast address (R-WIRE-51, R-WIRE-70, R-WIRE-71), or an unusual one under
    /// `strict-query-destination`.
    Destination,
    /// A version that the configuration excludes (matrix 1.6, row 8).
    WrongVersion,
    /// The router was not started.
    BeforeStart,
    /// No ICMPv6 message of type 130, 131, 132 or 143 (R-WIRE-68).
    NotMld,
}

/// A packet that passed every check.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) source: Ipv6Addr,
    pub(crate) message: Message,
}

/// A message as the configured version reads it.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    Query(Query),
    ReportV1 { group: Ipv6Addr },
    Done { group: Ipv6Addr },
    ReportV2 { records: Vec<Record> },
}

/// A Query; `announced` is absent when it was read as MLDv1.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// Maximum Response Delay.
    pub(crate) delay_ms: u64,
    /// `::` in a General Query.
    pub(crate) group: Ipv6Addr,
    pub(crate) suppress: bool,
    pub(crate) announced: Option<Announced>,
    /// As they stand in the message.
    pub(crate) sources: Vec<Ipv6Addr>,
}

/// QRV and QQI; 0 says nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Announced {
    pub(crate) robustness: u8,
    pub(crate) interval_s: u64,
}

/// A record of a Report, its sources without those that nobody can send from, in wire order; the tables read the list as
/// a set, so that one that stands twice counts once (R-WIRE-74).
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) kind: u8,
    pub(crate) group: Ipv6Addr,
    pub(crate) sources: Vec<Ipv6Addr>,
}

const QUERY: u8 = 130;
const REPORT_V1: u8 = 131;
const DONE: u8 = 132;
const REPORT_V2: u8 = 143;

/// Reads one received packet, from the version octet on. `own` is the router's address.
pub(crate) fn read(ipv6: &[u8], rules: Rules, own: Option<Ipv6Addr>) -> Result<Packet, Reason> {
    read_from(ipv6, rules, own, |source| own != Some(source))
}

/// The same, from those senders only.
fn read_from(
    ipv6: &[u8],
    rules: Rules,
    own: Option<Ipv6Addr>,
    is_another: impl Fn(Ipv6Addr) -> bool,
) -> Result<Packet, Reason> {
    let Found { message, alert } = locate(ipv6)?;
    let source = address_at(ipv6, 8);
    let destination = address_at(ipv6, 24);
    if ipv6[7] != 1 {
        return Err(Reason::HopLimit);
    }
    if rules.require_router_alert && !alert {
        return Err(Reason::NoRouterAlert);
    }
    if source.is_unspecified() {
        return Err(Reason::SourceUnspecified);
    }
    if !is_link_local(source) {
        return Err(Reason::SourceNotLinkLocal);
    }
    if !is_another(source) {
        return Err(Reason::OwnAddress);
    }
    // R-WIRE-10: over everything, the received checksum included; R-WIRE-48: extra octets too.
    if folded_sum(source, destination, message) != 0xffff {
        return Err(Reason::BadChecksum);
    }
    // R-WIRE-51, R-WIRE-70, R-WIRE-71.
    // reading: any multicast destination is one of the interface, because a router receives every group (R-WIRE-12).
    let ours = destination.is_multicast() || own == Some(destination);

    let message = match message[0] {
        QUERY => Message::Query(read_query(message, rules, destination, ours)?),
        REPORT_V2 => {
            let records = read_records(message, own)?;
            if !ours {
                return Err(Reason::Destination);
            }
            if rules.version == 1 && !rules.version_1_reads_version_2_reports {
                return Err(Reason::WrongVersion);
            }
            Message::ReportV2 { records }
        }
        kind => {
            // R-WIRE-26: at least 24 octets.
            if message.len() < 24 {
                return Err(Reason::BadLength);
            }
            let group = address_at(message, 8);
            if !is_reportable(group) {
                return Err(Reason::GroupAddress);
            }
            if !ours {
                return Err(Reason::Destination);
            }
            if is_version_2_only(rules) {
                return Err(Reason::WrongVersion);
            }
            if kind == REPORT_V1 { Message::ReportV1 { group } } else { Message::Done { group } }
        }
    };
    Ok(Packet { source, message })
}

/// What a host could accept, although no node of ours would send it so (R-LSN-40, R-LSN-75).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeardByHost {
    Query,
    ReportV1(Ipv6Addr),
}

/// Reads a packet as a host that is not strict may. `own`: the host's address.
pub(crate) fn heard_by_host(
    ipv6: &[u8],
    knows_only_version_1: bool,
    own: Option<Ipv6Addr>,
) -> Option<HeardByHost> {
    let version = if knows_only_version_1 { 1 } else { 2 };
    let rules = Rules { version, require_router_alert: false, ..Rules::DEFAULT };
    // That nobody else can have the own address is for routers to know (R-SEC-13).
    match read_from(ipv6, rules, own, |_| true) {
        Ok(Packet { message: Message::Query(_), .. }) => Some(HeardByHost::Query),
        Ok(Packet { message: Message::ReportV1 { group }, .. }) => Some(HeardByHost::ReportV1(group)),
        _ => None,
    }
}

/// R-CMP-8. reading: the switch says how a version 2 router treats MLDv1; on an interface of version 1 it is void.
fn is_version_2_only(rules: Rules) -> bool {
    rules.version == 2 && rules.version_2_only
}

/// The ICMPv6 message of a packet, and whether a Router Alert of value 0 leads it.
struct Found<'a> {
    message: &'a [u8],
    alert: bool,
}

/// Walks the extension headers (R-WIRE-1) to a message of the four types.
// reading: hop-by-hop (first header only), routing, destination options, authentication and fragment headers are walked;
// every other header in front is no MLD. A later fragment has no type that could be read: no MLD.
fn locate(ipv6: &[u8]) -> Result<Found<'_>, Reason> {
    match ipv6.first() {
        None => return Err(Reason::Truncated),
        Some(octet) if octet >> 4 != 6 => return Err(Reason::NotMld),
        _ if ipv6.len() < 40 => return Err(Reason::Truncated),
        _ => {}
    }
    let promised = usize::from(number_at(ipv6, 4));
    let complete = ipv6.len() - 40 >= promised;
    // R-WIRE-11: octets past the Payload Length do not exist.
    let mut rest = &ipv6[40..ipv6.len().min(40 + promised)];
    let mut next = ipv6[6];
    let (mut first, mut alert, mut fragment) = (true, false, false);
    loop {
        match next {
            58 => break,
            0 if !first => return Err(Reason::NotMld),
            0 | 43 | 51 | 60 => {
                // The length of an authentication header is counted in four octets (RFC 4302 section 2.2).
                let unit = if next == 51 { 4 } else { 8 };
                if rest.len() < 2 || rest.len() < 8 + unit * usize::from(rest[1]) {
                    return Err(unreadable(complete, fragment));
                }
                let (header, behind) = rest.split_at(8 + unit * usize::from(rest[1]));
                alert |= next == 0 && has_router_alert(&header[2..]);
                (next, rest) = (header[0], behind);
            }
            44 => {
                if rest.len() < 8 {
                    return Err(unreadable(complete, fragment));
                }
                if number_at(rest, 2) >> 3 != 0 {
                    return Err(Reason::NotMld);
                }
                fragment = true;
                (next, rest) = (rest[0], &rest[8..]);
            }
            _ => return Err(Reason::NotMld),
        }
        first = false;
    }
    match rest.first() {
        None => Err(unreadable(complete, fragment)),
        Some(&(QUERY | REPORT_V1 | DONE | REPORT_V2)) if !complete => Err(Reason::Truncated),
        Some(&(QUERY | REPORT_V1 | DONE | REPORT_V2)) if fragment => Err(Reason::Fragment),
        Some(&(QUERY | REPORT_V1 | DONE | REPORT_V2)) => Ok(Found { message: rest, alert }),
        Some(_) => Err(Reason::NotMld),
    }
}

/// A packet that ends before its ICMPv6 type. A first fragment that is there as a whole is refused as what it is.
fn unreadable(complete: bool, fragment: bool) -> Reason {
    if complete && fragment { Reason::Fragment } else { Reason::Truncated }
}

/// Looks for option 5 of length 2 and value 0, wherever it stands (E-24). What follows a broken option is not read.
// reading: several Router Alerts count as one when one of them has value 0.
fn has_router_alert(mut options: &[u8]) -> bool {
    while let [kind, behind @ ..] = options {
        if *kind == 0 {
            options = behind;
            continue;
        }
        let [length, behind @ ..] = behind else { return false };
        let length = usize::from(*length);
        if behind.len() < length {
            return false;
        }
        if *kind == 5 && behind[..length] == [0, 0] {
            return true;
        }
        options = &behind[length..];
    }
    false
}

/// The columns "Query" of matrix 1.6, from the length on.
fn read_query(message: &[u8], rules: Rules, destination: Ipv6Addr, ours: bool) -> Result<Query, Reason> {
    // R-WIRE-32: a version 1 router reads the first 24 octets of whatever is longer.
    let as_version_1 = rules.version == 1 || message.len() == 24;
    if message.len() < 24 || !as_version_1 && message.len() < 28 {
        return Err(Reason::BadLength);
    }
    let code = number_at(message, 4);
    let group = address_at(message, 8);
    let query = if as_version_1 {
        // R-WIRE-22: a linear delay.
        Query { delay_ms: u64::from(code), group, suppress: false, announced: None, sources: Vec::new() }
    } else {
        let count = usize::from(number_at(message, 26));
        // R-WIRE-56, R-WIRE-57: what is longer than the list is additional data.
        if message.len() < 28 + 16 * count {
            return Err(Reason::BadLength);
        }
        Query {
            delay_ms: decode_response(code),
            group,
            suppress: message[24] & 0x08 != 0,
            announced: Some(Announced {
                robustness: message[24] & 0x07,
                interval_s: decode_interval(message[25]),
            }),
            sources: (0..count).map(|index| address_at(message, 28 + 16 * index)).collect(),
        }
    };
    // R-WIRE-54, R-WIRE-55.
    let general = group.is_unspecified();
    if general && !query.sources.is_empty() || !general && (!group.is_multicast() || group == ALL_NODES) {
        return Err(Reason::GroupAddress);
    }
    // reading: under `strict-query-destination` a General Query to anything but ff02::1 and a specific one to
    // anything but its group is refused as a whole.
    let usual = if general { ALL_NODES } else { group };
    if !ours || rules.strict_query_destination && destination != usual {
        return Err(Reason::Destination);
    }
    if as_version_1 && is_version_2_only(rules) {
        return Err(Reason::WrongVersion);
    }
    Ok(query)
}

/// All records of an MLDv2 Report, or none (R-WIRE-72).
fn read_records(message: &[u8], own: Option<Ipv6Addr>) -> Result<Vec<Record>, Reason> {
    if message.len() < 8 {
        return Err(Reason::BadLength);
    }
    let mut rest = &message[8..];
    let mut records = Vec::new();
    // R-WIRE-76: M counts; what is behind is additional data (R-WIRE-64).
    for _ in 0..number_at(message, 6) {
        if rest.len() < 20 {
            return Err(Reason::BadLength);
        }
        let count = usize::from(number_at(rest, 2));
        // R-WIRE-62: auxiliary data in units of four octets.
        let length = 20 + 16 * count + 4 * usize::from(rest[1]);
        if rest.len() < length {
            return Err(Reason::BadLength);
        }
        let mut sources = Vec::new();
        for index in 0..count {
            let source = address_at(rest, 20 + 16 * index);
            // R-WIRE-74.
            let nobody = source.is_unspecified() || source.is_multicast() || source.is_loopback();
            if !nobody && own != Some(source) {
                sources.push(source);
            }
        }
        records.push(Record { kind: rest[0], group: address_at(rest, 4), sources });
        rest = &rest[length..];
    }
    Ok(records)
}
