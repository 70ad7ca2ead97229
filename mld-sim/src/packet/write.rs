//! MLD packets built octet by octet, right ones and wrong ones.
//!
//! Nothing here is shared with the engine's own reader and writer of packets, so that a fault in those cannot hide
//! behind itself. Layouts: RFC 2710 section 3, RFC 9777 sections 5.1 and 5.2, RFC 2711 section 2.1.

use core::net::Ipv6Addr;

/// ff02::1, where General Queries go.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// ff02::2, where Done goes.
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// ff02::16, where MLDv2 Reports go.
pub const ALL_MLDV2_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);

/// ICMPv6 type of a Query of either version.
pub const QUERY: u8 = 130;
/// ICMPv6 type of an MLDv1 Report.
pub const REPORT_V1: u8 = 131;
/// ICMPv6 type of an MLDv1 Done.
pub const DONE: u8 = 132;
/// ICMPv6 type of an MLDv2 Report.
pub const REPORT_V2: u8 = 143;

/// Record type MODE_IS_INCLUDE.
pub const IS_IN: u8 = 1;
/// Record type MODE_IS_EXCLUDE.
pub const IS_EX: u8 = 2;
/// Record type CHANGE_TO_INCLUDE_MODE.
pub const TO_IN: u8 = 3;
/// Record type CHANGE_TO_EXCLUDE_MODE.
pub const TO_EX: u8 = 4;
/// Record type ALLOW_NEW_SOURCES.
pub const ALLOW: u8 = 5;
/// Record type BLOCK_OLD_SOURCES.
pub const BLOCK: u8 = 6;

/// Next Header of a hop-by-hop options header.
pub const HOP_BY_HOP: u8 = 0;
/// Next Header of ICMPv6.
pub const ICMPV6: u8 = 58;
/// A hop-by-hop header with Router Alert of value 0 and a PadN, as hosts send it.
pub const ROUTER_ALERT: [u8; 8] = [ICMPV6, 0, 5, 2, 0, 0, 1, 0];

/// The fixed IPv6 header.
const IPV6_LEN: usize = 40;
/// From where on a record is the group's sources.
const RECORD_LEN: usize = 20;

/// An IPv6 packet around one message.
///
/// What [`new`](Self::new) makes is right; each field can then be made wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The first octet: version and half of the traffic class.
    pub first_octet: u8,
    /// Nothing: the true length of all that follows the IPv6 header.
    pub payload_length: Option<u16>,
    /// What the IPv6 header says comes next.
    pub next_header: u8,
    /// Hop limit.
    pub hop_limit: u8,
    /// Source address.
    pub source: Ipv6Addr,
    /// Destination address.
    pub destination: Ipv6Addr,
    /// The headers between the IPv6 header and the message.
    pub extensions: Vec<u8>,
    /// The ICMPv6 message. What stands in its checksum field counts for nothing.
    pub message: Vec<u8>,
    /// Is combined with the true checksum by exclusive or: 0 leaves it true.
    pub checksum_error: u16,
    /// Octets behind the end of the packet, as padding of a short Ethernet frame.
    pub trailer: Vec<u8>,
}

impl Packet {
    /// A right packet: hop limit 1, Router Alert, true checksum and length (R-WIRE-1 to 3, R-WIRE-8).
    pub fn new(source: Ipv6Addr, destination: Ipv6Addr, message: Vec<u8>) -> Self {
        Self {
            first_octet: 0x60,
            payload_length: None,
            next_header: HOP_BY_HOP,
            hop_limit: 1,
            source,
            destination,
            extensions: ROUTER_ALERT.to_vec(),
            message,
            checksum_error: 0,
            trailer: Vec::new(),
        }
    }

    /// A right packet that goes where a message of its type goes (R-WIRE-27, R-WIRE-50, R-WIRE-61): a General Query to
    /// ff02::1, other Queries and MLDv1 Reports to their group, Done to ff02::2, MLDv2 Reports to ff02::16.
    pub fn usual(source: Ipv6Addr, message: Vec<u8>) -> Self {
        let group = group_of(&message);
        let destination = match message.first() {
            Some(&QUERY) if group.is_some_and(|group| group.is_unspecified()) => ALL_NODES,
            Some(&(QUERY | REPORT_V1)) => group.unwrap_or(ALL_NODES),
            Some(&DONE) => ALL_ROUTERS,
            _ => ALL_MLDV2_ROUTERS,
        };
        Self::new(source, destination, message)
    }

    /// The packet's octets, from the version octet on.
    pub fn octets(&self) -> Vec<u8> {
        let mut message = self.message.clone();
        if message.len() >= 4 {
            message[2..4].fill(0);
            let checksum = checksum(self.source, self.destination, &message) ^ self.checksum_error;
            message[2..4].copy_from_slice(&checksum.to_be_bytes());
        }
        let payload = self.extensions.len() + message.len();
        let payload_length =
            self.payload_length.unwrap_or_else(|| u16::try_from(payload).unwrap_or(u16::MAX));

        let mut octets = Vec::with_capacity(IPV6_LEN + payload + self.trailer.len());
        octets.extend([self.first_octet, 0, 0, 0]);
        octets.extend(payload_length.to_be_bytes());
        octets.extend([self.next_header, self.hop_limit]);
        octets.extend(self.source.octets());
        octets.extend(self.destination.octets());
        octets.extend(&self.extensions);
        octets.extend(message);
        octets.extend(&self.trailer);
        octets
    }
}

/// An MLDv2 Query before it is octets. Whatever its fields say is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Maximum Response Code, see [`response_code`].
    pub code: u16,
    /// The group; `::` in a General Query.
    pub group: Ipv6Addr,
    /// The four flag bits above S, in the lower half.
    pub flags: u8,
    /// S: routers that hear it leave their timers alone.
    pub suppress: bool,
    /// QRV, three bits.
    pub robustness: u8,
    /// QQIC, see [`interval_code`].
    pub interval_code: u8,
    /// The sources that are asked for.
    pub sources: Vec<Ipv6Addr>,
    /// How many sources the Query says it has. Nothing: the true number.
    pub count: Option<u16>,
}

impl Query {
    /// A Query with all defaults of RFC 9777 section 9: General for `::`, with the delay of a specific one otherwise.
    pub const fn new(group: Ipv6Addr) -> Self {
        let code = if group.is_unspecified() { 10_000 } else { 1000 };
        let sources = Vec::new();
        Self {
            code,
            group,
            flags: 0,
            suppress: false,
            robustness: 2,
            interval_code: 125,
            sources,
            count: None,
        }
    }

    /// The message, without checksum.
    pub fn octets(&self) -> Vec<u8> {
        let mut octets = version_1(QUERY, self.code, self.group);
        octets.push(self.flags << 4 | u8::from(self.suppress) << 3 | self.robustness & 7);
        octets.push(self.interval_code);
        octets.extend(self.count.unwrap_or_else(|| count(self.sources.len())).to_be_bytes());
        octets.extend(self.sources.iter().flat_map(Ipv6Addr::octets));
        octets
    }
}

/// A record of an MLDv2 Report before it is octets. Whatever its fields say is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Record type: [`IS_IN`] to [`BLOCK`].
    pub kind: u8,
    /// The group.
    pub group: Ipv6Addr,
    /// The sources.
    pub sources: Vec<Ipv6Addr>,
    /// How many sources the record says it has. Nothing: the true number.
    pub count: Option<u16>,
    /// Auxiliary data in units of 32 bits, which nobody should send (R-WIRE-62).
    pub auxiliary: Vec<[u8; 4]>,
    /// How much auxiliary data the record says it has. Nothing: the true amount.
    pub auxiliary_count: Option<u8>,
}

impl Record {
    /// A right record.
    pub const fn new(kind: u8, group: Ipv6Addr, sources: Vec<Ipv6Addr>) -> Self {
        Self { kind, group, sources, count: None, auxiliary: Vec::new(), auxiliary_count: None }
    }

    /// Octets that it takes.
    pub const fn size(&self) -> usize {
        RECORD_LEN + 16 * self.sources.len() + 4 * self.auxiliary.len()
    }

    fn octets(&self) -> Vec<u8> {
        let auxiliary = u8::try_from(self.auxiliary.len()).unwrap_or(u8::MAX);
        let mut octets = vec![self.kind, self.auxiliary_count.unwrap_or(auxiliary)];
        octets.extend(self.count.unwrap_or_else(|| count(self.sources.len())).to_be_bytes());
        octets.extend(self.group.octets());
        octets.extend(self.sources.iter().flat_map(Ipv6Addr::octets));
        octets.extend(self.auxiliary.iter().flatten());
        octets
    }
}

/// An MLDv1 message of 24 octets, without checksum: `delay` is that of a Query in milliseconds, 0 in others.
pub fn version_1(kind: u8, delay: u16, group: Ipv6Addr) -> Vec<u8> {
    let mut octets = vec![kind, 0, 0, 0];
    octets.extend(delay.to_be_bytes());
    octets.extend([0, 0]);
    octets.extend(group.octets());
    octets
}

/// An MLDv2 Report, without checksum.
pub fn report(records: &[Record]) -> Vec<u8> {
    report_that_claims(count(records.len()), records)
}

/// An MLDv2 Report that says it has `claimed` records.
pub fn report_that_claims(claimed: u16, records: &[Record]) -> Vec<u8> {
    let mut octets = vec![REPORT_V2, 0, 0, 0, 0, 0];
    octets.extend(claimed.to_be_bytes());
    octets.extend(records.iter().flat_map(Record::octets));
    octets
}

/// The address field of a Query or an MLDv1 message, if it reaches that far.
pub fn group_of(message: &[u8]) -> Option<Ipv6Addr> {
    Some(Ipv6Addr::from(*message.get(8..)?.first_chunk::<16>()?))
}

/// The ICMPv6 checksum of a message whose checksum field is 0 (R-WIRE-8; RFC 8200 section 8.1).
pub fn checksum(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> u16 {
    // As long as an IPv6 packet can be; the upper half of the length field stays 0.
    let length = count(message.len());
    let mut pseudo = Vec::with_capacity(IPV6_LEN + message.len());
    pseudo.extend(source.octets());
    pseudo.extend(destination.octets());
    pseudo.extend([0, 0]);
    pseudo.extend(length.to_be_bytes());
    pseudo.extend([0, 0, 0, ICMPV6]);
    pseudo.extend(message);
    !ones_complement_sum(&pseudo)
}

/// The Maximum Response Code for a delay: exact, or the next lower one that has a code (R-WIRE-41).
pub fn response_code(delay_ms: u32) -> u16 {
    if delay_ms < 0x8000 {
        return delay_ms as u16;
    }
    for exponent in 0..8_u32 {
        let mantissa = delay_ms >> (exponent + 3);
        if mantissa < 0x2000 {
            return 0x8000 | (exponent as u16) << 12 | (mantissa as u16 & 0x0fff);
        }
    }
    u16::MAX
}

/// The delay in milliseconds that a Maximum Response Code stands for (R-WIRE-40).
pub fn response_delay(code: u16) -> u32 {
    if code < 0x8000 {
        return u32::from(code);
    }
    let exponent = u32::from(code >> 12 & 7);
    u32::from(code & 0x0fff | 0x1000) << (exponent + 3)
}

/// The Querier's Query Interval Code for an interval: exact, or the next lower one that has a code (R-WIRE-43).
pub fn interval_code(seconds: u32) -> u8 {
    if seconds < 0x80 {
        return seconds as u8;
    }
    for exponent in 0..8_u32 {
        let mantissa = seconds >> (exponent + 3);
        if mantissa < 0x20 {
            return 0x80 | (exponent as u8) << 4 | (mantissa as u8 & 0x0f);
        }
    }
    u8::MAX
}

/// The interval in seconds that a Querier's Query Interval Code stands for (R-WIRE-42).
pub fn interval(code: u8) -> u32 {
    if code < 0x80 {
        return u32::from(code);
    }
    let exponent = u32::from(code >> 4 & 7);
    u32::from(code & 0x0f | 0x10) << (exponent + 3)
}

/// The one's complement sum of the octets as 16-bit numbers, an odd one filled up with 0.
fn ones_complement_sum(octets: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in octets.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// A number for a field of 16 bits; what does not fit is as much as fits.
fn count(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
