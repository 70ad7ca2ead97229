//! MLD on the wire: IPv6 packets in and out, octet for octet.
//!
//! Nothing here keeps state or knows a configuration. Reading has two steps: [`Packet::parse`] walks the IPv6
//! headers, [`Message::parse`] reads the ICMPv6 message behind them. Both bound every read by the octets that are
//! there. [`Writer`] builds complete packets in a caller's buffer.

pub mod checksum;
mod code;
mod message;
mod packet;
mod vocabulary;
mod writer;

use core::net::Ipv6Addr;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub use code::{decode_interval_code, decode_response_code, encode_interval_code, encode_response_code};
pub use message::{Message, Query, QueryFlags, RecordRef, Records, Report};
pub use packet::Packet;
pub use vocabulary::{MessageKind, RecordType, Version};
pub use writer::{QueryFields, Writer};

pub use crate::io::HEADERS_LEN;

pub(crate) use message::version_1_group;
pub(crate) use packet::kind;

pub(crate) const NEXT_HEADER_HOP_BY_HOP: u8 = 0;
pub(crate) const NEXT_HEADER_ICMPV6: u8 = 58;
/// Octets of an MLDv2 Query without sources.
pub(crate) const QUERY_LEN: usize = 28;
/// Octets of an MLDv1 message.
pub(crate) const QUERY_V1_LEN: usize = 24;
/// Octets of a source in a list.
pub(crate) const SOURCE_LEN: usize = 16;

/// An IPv6 address as it stands in a packet.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
    Unaligned,
)]
#[repr(transparent)]
pub struct WireAddr([u8; 16]);

impl From<WireAddr> for Ipv6Addr {
    fn from(address: WireAddr) -> Self {
        Self::from(address.0)
    }
}

impl From<Ipv6Addr> for WireAddr {
    fn from(address: Ipv6Addr) -> Self {
        Self(address.octets())
    }
}
