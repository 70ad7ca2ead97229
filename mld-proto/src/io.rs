//! Descriptions of received packets and of packets to be sent.

use core::net::Ipv6Addr;
use core::ops::Range;

/// Octets in front of the MLD message of a packet that the engine builds: IPv6 header and hop-by-hop header.
pub const HEADERS_LEN: usize = 48;

/// The headers around an ICMPv6 message, for sockets that yield the message alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageMeta {
    /// Source address.
    pub source: Ipv6Addr,
    /// Destination address.
    pub destination: Ipv6Addr,
    /// Hop limit.
    pub hop_limit: u8,
    /// A hop-by-hop header held a Router Alert option of value 0.
    pub router_alert: bool,
    /// The kernel or the network card has verified the ICMPv6 checksum.
    pub checksum_verified: bool,
    /// This node's own host part sent the message. Only then is a Report or Done from the router's own address
    /// accepted (R-RST-9, R-SEC-13).
    pub own_host: bool,
}

/// A packet that [`poll_transmit`](crate::Router::poll_transmit) wrote into the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Transmit {
    /// Octets of the packet, from the IPv6 header on.
    pub len: usize,
    /// Destination address.
    pub destination: Ipv6Addr,
}

impl Transmit {
    /// The range of the ICMPv6 message in the buffer, for sockets that write the headers themselves.
    pub const fn message(&self) -> Range<usize> {
        HEADERS_LEN..self.len
    }
}

/// The buffer cannot hold the packet that is due. Nothing was consumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferTooSmall {
    /// Octets that suffice.
    pub needed: usize,
}

impl core::fmt::Display for BufferTooSmall {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the buffer must hold at least {} octets", self.needed)
    }
}

impl core::error::Error for BufferTooSmall {}
