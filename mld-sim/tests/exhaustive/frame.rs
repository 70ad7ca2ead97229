//! What is under way on the link.

use core::net::Ipv6Addr;
use std::sync::Arc;

use mld_proto::wire::{RecordType, Writer};

/// Routers are nodes 0 and 1, hosts 2 and 3.
pub(crate) type Node = usize;
pub(crate) const ROUTERS: usize = 2;
pub(crate) const HOSTS: usize = 2;

/// The group that everything is about.
pub(crate) const GROUP: Ipv6Addr = Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 1, 1);
/// The source that the second host asks for.
pub(crate) const SOURCE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
/// A source that nobody asks for by name.
pub(crate) const STRANGER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xffff);

/// The link-local address of a node. Of the routers, the first has the lower.
pub(crate) const fn address(node: Node) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, node as u16 + 1)
}

/// A packet that is under way to some nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Frame {
    pub(crate) from: Node,
    pub(crate) message: Message,
    pub(crate) packet: Arc<[u8]>,
    /// Nodes that have neither received nor lost it, a bit for each.
    pub(crate) to: u8,
    /// Somebody lost it.
    pub(crate) lost: bool,
    /// What was lost before between the host that sent it and the routers; see [`Host::losses`](super::host::Host).
    pub(crate) losses_before: u8,
    /// By when everybody has received or lost it, in milliseconds.
    pub(crate) by: u64,
}

impl Frame {
    pub(crate) const fn is_for(&self, node: Node) -> bool {
        self.to >> node & 1 == 1
    }

    pub(crate) fn receivers(&self) -> impl Iterator<Item = Node> + '_ {
        (0..ROUTERS + HOSTS).filter(|node| self.is_for(*node))
    }
}

/// What those who watch need to know of a packet; the routers read its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Message {
    General,
    /// A Query for [`GROUP`], or for [`SOURCE`] of it.
    Specific {
        source: bool,
        suppress: bool,
        delay_ms: u64,
    },
    /// Wants [`GROUP`], all of it or [`SOURCE`].
    Wants {
        source: bool,
    },
    /// Wants it no longer.
    Leaves {
        source: bool,
    },
}

/// What a router sent, read by hand.
pub(crate) fn read_query(packet: &[u8]) -> Message {
    assert_eq!((packet[6], packet[40], packet[48]), (0, 58, 130), "a Query behind a hop-by-hop header");
    let octets = |at: usize| -> [u8; 16] { packet[at..at + 16].try_into().expect("sixteen octets") };
    let code = u16::from_be_bytes([packet[52], packet[53]]);
    assert!(code < 0x8000, "short delays are written as they are");
    let group = Ipv6Addr::from(octets(56));
    if group.is_unspecified() {
        return Message::General;
    }
    assert_eq!(group, GROUP);
    let source = match u16::from_be_bytes([packet[74], packet[75]]) {
        0 => false,
        1 => {
            assert_eq!(Ipv6Addr::from(octets(76)), SOURCE);
            true
        }
        count => panic!("{count} sources, and there is one"),
    };
    Message::Specific { source, suppress: packet[72] & 8 != 0, delay_ms: code.into() }
}

/// A Report with one record.
pub(crate) fn report(host: Node, record: RecordType, source: bool) -> Arc<[u8]> {
    let mut buffer = [0; 128];
    let mut writer = Writer::report_v2(&mut buffer).expect("the buffer is large enough");
    writer.record(record, GROUP).expect("the buffer is large enough");
    if source {
        writer.source(SOURCE).expect("the buffer is large enough");
    }
    let len = writer.finish(address(host)).len;
    buffer[..len].into()
}
