//! Reading of packets that reach a host.

use core::net::Ipv6Addr;

use crate::packet::write;

/// A message that concerns a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::nodes) enum Heard {
    /// A Query of either version.
    Query(Query),
    /// The MLDv1 Report of another host.
    Report { from: Ipv6Addr, group: Ipv6Addr },
}

/// A Query of either version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::nodes) struct Query {
    /// `::` in a General Query.
    pub(in crate::nodes) group: Ipv6Addr,
    /// The two octets that version 1 reads as milliseconds and version 2 as a code.
    pub(in crate::nodes) delay: u16,
    /// The fields of version 2 only.
    pub(in crate::nodes) version_2: Option<Version2>,
}

/// The fields of an MLDv2 Query that an MLDv1 Query has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::nodes) struct Version2 {
    pub(in crate::nodes) robustness: u8,
    pub(in crate::nodes) interval_code: u8,
    pub(in crate::nodes) sources: Vec<Ipv6Addr>,
}

/// An MLD message whose packet passed the checks that are the same for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::nodes) struct Envelope<'a> {
    pub(in crate::nodes) source: Ipv6Addr,
    pub(in crate::nodes) destination: Ipv6Addr,
    pub(in crate::nodes) message: &'a [u8],
}

/// Reads a message for hosts; nothing if it is none, or is broken (R-LSN-40).
///
/// `only_version_1`: a node that knows no MLDv2 reads longer Queries as MLDv1 (R-WIRE-32).
pub(in crate::nodes) fn message(envelope: &Envelope<'_>, only_version_1: bool) -> Option<Heard> {
    let message = envelope.message;
    let group = write::group_of(message)?;
    match message[0] {
        write::QUERY => {
            let version_2 = match message.len() {
                _ if only_version_1 => None,
                24 => None,
                28.. => Some(version_2(message)?),
                _ => return None,
            };
            // R-WIRE-54, R-WIRE-55.
            let sound = if group.is_unspecified() {
                version_2.as_ref().is_none_or(|more| more.sources.is_empty())
            } else {
                group.is_multicast() && group != write::ALL_NODES
            };
            let delay = u16::from_be_bytes([message[4], message[5]]);
            sound.then_some(Heard::Query(Query { group, delay, version_2 }))
        }
        write::REPORT_V1 => group.is_multicast().then_some(Heard::Report { from: envelope.source, group }),
        _ => None,
    }
}

/// Opens the packet: IPv6, hop limit 1, Router Alert, link-local source, true checksum (R-WIRE-52, R-WIRE-53, R-WIRE-9).
pub(in crate::nodes) fn envelope(packet: &[u8]) -> Option<Envelope<'_>> {
    let (header, rest) = packet.split_first_chunk::<40>()?;
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    // R-WIRE-11: what the link added behind it is not the packet's.
    let payload = rest.get(..length)?;
    if header[0] >> 4 != 6 || header[6] != write::HOP_BY_HOP || header[7] != 1 {
        return None;
    }
    let extension_len = 8 * (1 + usize::from(*payload.get(1)?));
    let (extension, message) = payload.split_at_checked(extension_len)?;
    if extension[0] != write::ICMPV6 || !has_router_alert(&extension[2..])? {
        return None;
    }
    let source = Ipv6Addr::from(*header[8..].first_chunk::<16>()?);
    let destination = Ipv6Addr::from(*header[24..].first_chunk::<16>()?);
    // A sum over everything with the checksum in it is all ones, which its complement shows as 0 (R-WIRE-10).
    let sound = is_link_local(source) && write::checksum(source, destination, message) == 0;
    sound.then_some(Envelope { source, destination, message })
}

/// fe80::/10.
const fn is_link_local(address: Ipv6Addr) -> bool {
    address.segments()[0] & 0xffc0 == 0xfe80
}

/// True if a Router Alert of value 0 is among the options; `None` if they are broken or forbid to go on.
fn has_router_alert(mut options: &[u8]) -> Option<bool> {
    let mut found = false;
    while let Some((&kind, rest)) = options.split_first() {
        if kind == 0 {
            options = rest;
            continue;
        }
        let (&len, rest) = rest.split_first()?;
        let (data, rest) = rest.split_at_checked(usize::from(len))?;
        match kind {
            1 => {}
            5 => found |= data == [0, 0],
            // The two upper bits say what a node does that does not know the option (RFC 8200 section 4.2).
            _ if kind >> 6 == 0 => {}
            _ => return None,
        }
        options = rest;
    }
    Some(found)
}

/// Reads on where MLDv1 ends; nothing when there are fewer sources than promised (R-WIRE-56).
fn version_2(message: &[u8]) -> Option<Version2> {
    let count = usize::from(u16::from_be_bytes([message[26], message[27]]));
    let sources = message[28..].get(..16 * count)?;
    Some(Version2 {
        robustness: message[24] & 7,
        interval_code: message[25],
        sources: sources.as_chunks::<16>().0.iter().map(|octets| Ipv6Addr::from(*octets)).collect(),
    })
}
