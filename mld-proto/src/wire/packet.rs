use core::net::Ipv6Addr;

use zerocopy::network_endian::U16;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::{NEXT_HEADER_HOP_BY_HOP, NEXT_HEADER_ICMPV6, WireAddr};
use crate::discard::Discard;
use crate::wire::MessageKind;

const NEXT_HEADER_ROUTING: u8 = 43;
const NEXT_HEADER_FRAGMENT: u8 = 44;
const NEXT_HEADER_AUTHENTICATION: u8 = 51;
const NEXT_HEADER_DESTINATION: u8 = 60;
/// Option type, length and value of a Router Alert for MLD (R-WIRE-3, RFC 2711 section 2.1).
const ROUTER_ALERT: [u8; 4] = [5, 2, 0, 0];
const OPTION_PAD1: u8 = 0;

/// An IPv6 packet that carries an MLD message.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'p> {
    /// Source address.
    pub source: Ipv6Addr,
    /// Destination address.
    pub destination: Ipv6Addr,
    /// Hop limit.
    pub hop_limit: u8,
    /// A hop-by-hop header holds a Router Alert option of value 0.
    pub router_alert: bool,
    /// There is a fragment header.
    pub fragment: bool,
    /// The packet is shorter than its IPv6 payload length.
    pub truncated: bool,
    /// The ICMPv6 message, without octets behind the IPv6 payload (R-WIRE-11).
    pub message: &'p [u8],
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Ipv6Header {
    version: u8,
    class_and_flow: [u8; 3],
    payload_len: U16,
    next_header: u8,
    hop_limit: u8,
    source: WireAddr,
    destination: WireAddr,
}

impl<'p> Packet<'p> {
    /// Walks the headers of an IPv6 packet, whose first octet holds the version, to the MLD message.
    ///
    /// # Errors
    ///
    /// [`Discard::NotMld`] as soon as it is certain that the packet carries no MLD, [`Discard::Truncated`] if it
    /// ends before that is certain, [`Discard::Fragment`] for a later fragment of an ICMPv6 message. A message whose
    /// kind can be read but not all of it comes back with [`truncated`](Self::truncated) or
    /// [`fragment`](Self::fragment) set.
    #[inline]
    pub fn parse(packet: &'p [u8]) -> Result<Self, Discard> {
        if packet.first().is_some_and(|octet| octet >> 4 != 6) {
            return Err(Discard::NotMld);
        }
        let Ok((header, rest)) = Ipv6Header::ref_from_prefix(packet) else {
            return Err(Discard::Truncated);
        };
        let payload_len = usize::from(header.payload_len.get());
        let truncated = payload_len > rest.len();
        let mut rest = &rest[..payload_len.min(rest.len())];
        let mut next_header = header.next_header;
        let mut is_first = true;
        let mut found = Self {
            source: header.source.into(),
            destination: header.destination.into(),
            hop_limit: header.hop_limit,
            router_alert: false,
            fragment: false,
            truncated,
            message: &[],
        };
        loop {
            match next_header {
                NEXT_HEADER_ICMPV6 => break,
                // It stands right behind the IPv6 header or nowhere (RFC 8200 section 4.3).
                NEXT_HEADER_HOP_BY_HOP if !is_first => return Err(Discard::NotMld),
                NEXT_HEADER_HOP_BY_HOP | NEXT_HEADER_ROUTING | NEXT_HEADER_DESTINATION => {
                    let (extension, behind) = split_extension(rest, 8)?;
                    if next_header == NEXT_HEADER_HOP_BY_HOP {
                        found.router_alert |= has_router_alert(&extension[2..]);
                    }
                    (next_header, rest) = (extension[0], behind);
                }
                NEXT_HEADER_AUTHENTICATION => {
                    let (extension, behind) = split_extension(rest, 4)?;
                    (next_header, rest) = (extension[0], behind);
                }
                NEXT_HEADER_FRAGMENT => {
                    let Some((extension, behind)) = rest.split_first_chunk::<8>() else {
                        return Err(Discard::Truncated);
                    };
                    let offset = u16::from_be_bytes([extension[2], extension[3]]) >> 3;
                    if offset != 0 {
                        return Err(match extension[0] {
                            NEXT_HEADER_ICMPV6 if truncated => Discard::Truncated,
                            NEXT_HEADER_ICMPV6 => Discard::Fragment,
                            _ => Discard::NotMld,
                        });
                    }
                    found.fragment = true;
                    (next_header, rest) = (extension[0], behind);
                }
                _ => return Err(Discard::NotMld),
            }
            is_first = false;
        }
        match rest.first() {
            None => Err(Discard::Truncated),
            Some(&kind_octet) if kind(kind_octet).is_none() => Err(Discard::NotMld),
            Some(_) => Ok(Self { message: rest, ..found }),
        }
    }
}

/// The kind of an MLD message by its type octet (R-WIRE-20); other types are not for us (R-WIRE-68).
pub(crate) const fn kind(octet: u8) -> Option<MessageKind> {
    match octet {
        130 => Some(MessageKind::Query),
        131 => Some(MessageKind::ReportV1),
        132 => Some(MessageKind::Done),
        143 => Some(MessageKind::ReportV2),
        _ => None,
    }
}

/// Splits an extension header off whose second octet counts units beyond the first eight octets.
fn split_extension(octets: &[u8], unit: usize) -> Result<(&[u8], &[u8]), Discard> {
    let &[_, units, ..] = octets else { return Err(Discard::Truncated) };
    octets.split_at_checked(8 + usize::from(units) * unit).ok_or(Discard::Truncated)
}

/// Returns true if a list of options holds a Router Alert for MLD, at any place. Of a list that overruns its header the
/// complete options count.
fn has_router_alert(mut options: &[u8]) -> bool {
    while !options.starts_with(&ROUTER_ALERT) {
        options = match *options {
            [OPTION_PAD1, ref rest @ ..] => rest,
            [_, len, ref rest @ ..] => match rest.get(usize::from(len)..) {
                Some(rest) => rest,
                None => return false,
            },
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn router_alert_is_found_behind_padding_and_not_inside_another_option() {
        assert!(has_router_alert(&[1, 0, 5, 2, 0, 0]));
        assert!(has_router_alert(&[0, 0, 5, 2, 0, 0]));
        assert!(!has_router_alert(&[30, 4, 5, 2, 0, 0]));
        assert!(!has_router_alert(&[5, 2, 0, 1, 1, 0]), "another value is another protocol's");
        assert!(!has_router_alert(&[1, 9, 5, 2, 0, 0]), "padding that overruns the header");
    }
}
