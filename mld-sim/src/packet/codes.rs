//! Numbers on the wire: the floating-point codes, the checksum, kinds of addresses.

use core::net::Ipv6Addr;

/// ff02::1, which every node listens to and nobody reports.
pub(crate) const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// ff02::2, where a Done goes (R-WIRE-27).
pub(crate) const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// ff02::16, where MLDv2 Reports go (R-WIRE-61).
pub(crate) const ALL_MLDV2_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);

/// Milliseconds of a Maximum Response Code (R-WIRE-40).
pub(crate) fn decode_response(code: u16) -> u64 {
    if code < 0x8000 {
        return u64::from(code);
    }
    let (exponent, mantissa) = ((code >> 12) & 7, code & 0x0fff);
    (u64::from(mantissa) | 0x1000) << (exponent + 3)
}

/// The code of the largest delay that is not above `ms` (R-WIRE-41).
pub(crate) fn encode_response(ms: u64) -> u16 {
    if ms < 0x8000 {
        return ms as u16;
    }
    for exponent in 0..8_u16 {
        let mantissa = ms >> (exponent + 3);
        if mantissa < 0x2000 {
            return 0x8000 | exponent << 12 | (mantissa as u16 & 0x0fff);
        }
    }
    0xffff
}

/// Seconds of a Querier's Query Interval Code (R-WIRE-42).
pub(crate) fn decode_interval(code: u8) -> u64 {
    if code < 0x80 {
        return u64::from(code);
    }
    let (exponent, mantissa) = ((code >> 4) & 7, code & 0x0f);
    (u64::from(mantissa) | 0x10) << (exponent + 3)
}

/// The code of the longest interval that is not above `seconds` (R-WIRE-43).
pub(crate) fn encode_interval(seconds: u64) -> u8 {
    if seconds < 0x80 {
        return seconds as u8;
    }
    for exponent in 0..8_u8 {
        let mantissa = seconds >> (exponent + 3);
        if mantissa < 0x20 {
            return 0x80 | exponent << 4 | (mantissa as u8 & 0x0f);
        }
    }
    0xff
}

/// The one's complement sum of pseudo header and message, folded to 16 bits (R-WIRE-8): 0xffff for an intact message.
pub(crate) fn folded_sum(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> u16 {
    let words = |octets: &[u8]| -> u64 {
        octets.chunks(2).map(|pair| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0))).sum()
    };
    let mut sum = words(&source.octets()) + words(&destination.octets()) + words(message);
    sum += message.len() as u64 + 58;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// 16 octets as an address.
pub(crate) fn address_at(octets: &[u8], offset: usize) -> Ipv6Addr {
    let mut address = [0; 16];
    address.copy_from_slice(&octets[offset..offset + 16]);
    Ipv6Addr::from(address)
}

/// Two octets as a number, big endian.
pub(crate) fn number_at(octets: &[u8], offset: usize) -> u16 {
    u16::from(octets[offset]) << 8 | u16::from(octets[offset + 1])
}

/// The scope of a multicast address: the low four bits of its second octet.
pub(crate) fn scope(group: Ipv6Addr) -> u8 {
    group.octets()[1] & 0x0f
}

/// Whether a listener may report the group: multicast, scope of at least 2, not ff02::1 (R-WIRE-73, R-LSN-9).
pub(crate) fn is_reportable(group: Ipv6Addr) -> bool {
    group.is_multicast() && scope(group) >= 2 && group != ALL_NODES
}

/// fe80::/10, accepted as a source (matrix A-22).
pub(crate) fn is_link_local(address: Ipv6Addr) -> bool {
    address.segments()[0] & 0xffc0 == 0xfe80
}

/// fe80::/64, the only sources that are sent from (R-WIRE-5).
pub(crate) fn is_usable_source(address: Ipv6Addr) -> bool {
    address.segments()[..4] == [0xfe80, 0, 0, 0]
}

/// Type of a Multicast Address Record (matrix 1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordKind {
    IsIn,
    IsEx,
    ToIn,
    ToEx,
    Allow,
    Block,
}

impl RecordKind {
    /// The type octet; `None` for types that nobody knows (R-WIRE-63).
    pub(crate) fn of(octet: u8) -> Option<Self> {
        Some(match octet {
            1 => Self::IsIn,
            2 => Self::IsEx,
            3 => Self::ToIn,
            4 => Self::ToEx,
            5 => Self::Allow,
            6 => Self::Block,
            _ => return None,
        })
    }

    /// The name that events use.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::IsIn => "is-in",
            Self::IsEx => "is-ex",
            Self::ToIn => "to-in",
            Self::ToEx => "to-ex",
            Self::Allow => "allow",
            Self::Block => "block",
        }
    }

    /// Whether the record asks for traffic, and so would make a record for an unknown group (R-RST-7).
    pub(crate) fn wants_traffic(self, list: &[Ipv6Addr]) -> bool {
        match self {
            Self::IsEx | Self::ToEx => true,
            Self::IsIn | Self::Allow | Self::ToIn => !list.is_empty(),
            Self::Block => false,
        }
    }
}
