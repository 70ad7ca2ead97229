use core::net::Ipv6Addr;

use mld_proto::GroupAddr;
use mld_proto::wire::{QueryFields, QueryFlags, RecordType, Writer};

use crate::Random;

/// The router's own address.
pub const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
/// The host that reports.
const HOST: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xa);
/// Sources of each group where a load has sources.
pub const SOURCES_PER_GROUP: usize = 2;

/// The Reports of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// MLDv1 Reports.
    V1,
    /// MLDv2 Reports of groups wanted from every source.
    V2,
    /// MLDv2 Reports of groups wanted from [`SOURCES_PER_GROUP`] sources.
    V2Sources,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::V1, Self::V2, Self::V2Sources];

    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "MLDv1",
            Self::V2 => "MLDv2",
            Self::V2Sources => "MLDv2 with sources",
        }
    }

    /// Sources of each group.
    pub const fn sources(self) -> usize {
        match self {
            Self::V1 | Self::V2 => 0,
            Self::V2Sources => SOURCES_PER_GROUP,
        }
    }

    /// Keys that a packet makes the router look up.
    pub const fn keys(self) -> usize {
        1 + self.sources()
    }
}

/// One report packet for each of many groups, in random order of the groups.
#[derive(Clone, Debug)]
pub struct Packets {
    octets: Vec<u8>,
    packet_len: usize,
}

impl Packets {
    /// Reports of `kind` for `groups` groups, the same groups whatever the `order_seed`.
    pub fn new(kind: Kind, groups: usize, order_seed: u64) -> Self {
        let mut octets = Vec::new();
        let mut packet_len = 0;
        let mut buffer = [0; 256];
        for number in Random::new(order_seed).permutation(groups) {
            packet_len = report(kind, number, &mut buffer);
            octets.extend_from_slice(&buffer[..packet_len]);
        }
        Self { octets, packet_len }
    }

    /// The packets.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.octets.chunks_exact(self.packet_len)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.octets.len() / self.packet_len
    }

    /// Returns true if there are none.
    pub const fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }
}

/// One packet of each form that a router reads, with its name.
pub fn control_packets() -> Vec<(&'static str, Vec<u8>)> {
    let mut buffer = [0; 1500];
    let mut packets = Vec::new();
    for (name, kind) in [
        ("MLDv1 Report", Kind::V1),
        ("MLDv2 Report", Kind::V2),
        ("MLDv2 Report with 2 sources", Kind::V2Sources),
    ] {
        let len = report(kind, 0, &mut buffer);
        packets.push((name, buffer[..len].to_vec()));
    }

    let mut writer = Writer::report_v2(&mut buffer).expect("the buffer is large");
    let mut records = 0;
    while writer.record(RecordType::IsEx, group(records)).is_ok() {
        records += 1;
    }
    assert_eq!(records, 72, "an Ethernet frame of records");
    let len = writer.finish(HOST).len;
    packets.push(("MLDv2 Report with 72 records", buffer[..len].to_vec()));

    let fields = QueryFields {
        group: Ipv6Addr::UNSPECIFIED,
        response_code: 10_000,
        flags: QueryFlags::empty(),
        robustness: 2,
        interval_code: 125,
    };
    let len = Writer::query_v2(&mut buffer, fields).expect("the buffer is large").finish(HOST).len;
    packets.push(("General Query", buffer[..len].to_vec()));
    packets
}

fn report(kind: Kind, number: usize, buffer: &mut [u8]) -> usize {
    let group = group(number);
    let writer = match kind {
        Kind::V1 => Writer::report_v1(buffer, GroupAddr::new(group).expect("a managed group")),
        Kind::V2 => Writer::report_v2(buffer).and_then(|mut writer| {
            writer.record(RecordType::IsEx, group)?;
            Ok(writer)
        }),
        Kind::V2Sources => Writer::report_v2(buffer).and_then(|mut writer| {
            writer.record(RecordType::IsIn, group)?;
            for source in 0..SOURCES_PER_GROUP {
                writer.source(self::source(number, source))?;
            }
            Ok(writer)
        }),
    };
    writer.expect("the buffer is large").finish(HOST).len
}

/// Neighbouring numbers have unrelated addresses, as groups of different hosts do.
fn group(number: usize) -> Ipv6Addr {
    let noise = Random::new(number as u64).next();
    Ipv6Addr::from_bits(0xff0e << 112 | u128::from(noise >> 32) << 32 | number as u128)
}

fn source(group: usize, number: usize) -> Ipv6Addr {
    let noise = Random::new((group * SOURCES_PER_GROUP + number) as u64 ^ 0x5eed).next();
    Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(noise))
}
