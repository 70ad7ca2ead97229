//! Packets, frames and captures, octet by octet and without the code under test.

use core::net::Ipv6Addr;

pub(crate) const HOST: &str = "fe80::a";
pub(crate) const IS_IN: u8 = 1;
pub(crate) const IS_EX: u8 = 2;
pub(crate) const TO_IN: u8 = 3;
pub(crate) const TO_EX: u8 = 4;
pub(crate) const ALLOW: u8 = 5;
pub(crate) const BLOCK: u8 = 6;

pub(crate) fn address(text: &str) -> [u8; 16] {
    text.parse::<Ipv6Addr>().expect(text).octets()
}

/// An IPv6 packet with hop limit 1 and a Router Alert; the checksum of the message is filled in.
pub(crate) fn mld(source: &str, destination: &str, message: &[u8]) -> Vec<u8> {
    let hop_by_hop = [58, 0, 5, 2, 0, 0, 1, 0];
    ipv6(source, destination, 0, &[&hop_by_hop, &*with_checksum(source, destination, message)].concat())
}

/// The same without a hop-by-hop header.
pub(crate) fn mld_without_alert(source: &str, destination: &str, message: &[u8]) -> Vec<u8> {
    ipv6(source, destination, 58, &with_checksum(source, destination, message))
}

pub(crate) fn ipv6(source: &str, destination: &str, next_header: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([next_header, 1]);
    packet.extend(address(source));
    packet.extend(address(destination));
    packet.extend(payload);
    packet
}

fn with_checksum(source: &str, destination: &str, message: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    let mut summed = [address(source), address(destination)].concat();
    summed.extend((message.len() as u32).to_be_bytes());
    summed.extend([0, 0, 0, 58]);
    summed.extend(&message);
    if summed.len() % 2 == 1 {
        summed.push(0);
    }
    let mut sum: u32 = summed.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    message[2..4].copy_from_slice(&(!sum as u16).to_be_bytes());
    message
}

/// One record of a version 2 report.
pub(crate) fn record(kind: u8, group: &str, sources: &[&str]) -> Vec<u8> {
    let mut record = vec![kind, 0];
    record.extend((sources.len() as u16).to_be_bytes());
    record.extend(address(group));
    sources.iter().for_each(|source| record.extend(address(source)));
    record
}

/// A version 2 report of these records.
pub(crate) fn report(source: &str, records: &[Vec<u8>]) -> Vec<u8> {
    let mut message = vec![143, 0, 0, 0, 0, 0];
    message.extend((records.len() as u16).to_be_bytes());
    message.extend(records.concat());
    mld(source, "ff02::16", &message)
}

/// A version 2 report of one record.
pub(crate) fn report_one(kind: u8, group: &str, sources: &[&str]) -> Vec<u8> {
    report(HOST, &[record(kind, group, sources)])
}

pub(crate) fn report_v1(source: &str, group: &str) -> Vec<u8> {
    mld(source, group, &[&[131, 0, 0, 0, 0, 0, 0, 0][..], &address(group)].concat())
}

pub(crate) fn done_v1(source: &str, group: &str) -> Vec<u8> {
    mld(source, "ff02::2", &[&[132, 0, 0, 0, 0, 0, 0, 0][..], &address(group)].concat())
}

pub(crate) fn query_v1(source: &str, group: &str, delay_ms: u16) -> Vec<u8> {
    let [high, low] = delay_ms.to_be_bytes();
    let destination = if group == "::" { "ff02::1" } else { group };
    mld(source, destination, &[&[130, 0, 0, 0, high, low, 0, 0][..], &address(group)].concat())
}

/// A version 2 query without sources.
pub(crate) fn query_v2(source: &str, destination: &str, group: &str) -> Vec<u8> {
    mld(source, destination, &query_message(10_000, group, 2, 125, &[]))
}

pub(crate) fn query_message(code: u16, group: &str, flags: u8, interval: u8, sources: &[&str]) -> Vec<u8> {
    let [high, low] = code.to_be_bytes();
    let mut message = [&[130, 0, 0, 0, high, low, 0, 0][..], &address(group)].concat();
    message.extend([flags, interval]);
    message.extend((sources.len() as u16).to_be_bytes());
    sources.iter().for_each(|source| message.extend(address(source)));
    message
}

/// An Ethernet frame without tags.
pub(crate) fn ethernet(packet: &[u8]) -> Vec<u8> {
    tagged(&[], packet)
}

/// An Ethernet frame with tags: the EtherType and the id of each.
pub(crate) fn tagged(tags: &[(u16, u16)], packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x33, 0x33, 0, 0, 0, 0x16, 2, 0, 0, 0, 0, 9];
    for (kind, id) in tags {
        frame.extend(kind.to_be_bytes());
        frame.extend(id.to_be_bytes());
    }
    frame.extend([0x86, 0xdd]);
    frame.extend(packet);
    frame
}

/// A frame of this link type.
pub(crate) fn frame(link: u16, packet: &[u8]) -> Vec<u8> {
    let head: &[u8] = match link {
        1 => return ethernet(packet),
        113 => &[0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 0x86, 0xdd],
        276 => &[0x86, 0xdd, 0, 0, 0, 0, 0, 7, 0, 1, 2, 6, 2, 0, 0, 0, 0, 9, 0, 0],
        101 | 229 => &[],
        _ => panic!("no frames of link type {link}"),
    };
    [head, packet].concat()
}

/// Numbers in one byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endian {
    Little,
    Big,
}

pub(crate) const ENDIANS: [Endian; 2] = [Endian::Little, Endian::Big];

impl Endian {
    pub(crate) fn u16(self, number: u16) -> [u8; 2] {
        if self == Self::Big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    pub(crate) fn u32(self, number: u32) -> [u8; 4] {
        if self == Self::Big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn i64(self, number: i64) -> [u8; 8] {
        if self == Self::Big { number.to_be_bytes() } else { number.to_le_bytes() }
    }
}

/// A pcap header.
pub(crate) fn pcap_header(endian: Endian, nanoseconds: bool, link: u32) -> Vec<u8> {
    let magic = if nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
    let mut header = endian.u32(magic).to_vec();
    header.extend(endian.u16(2));
    header.extend(endian.u16(4));
    for number in [0, 0, 262_144, link] {
        header.extend(endian.u32(number));
    }
    header
}

/// A record of a pcap.
pub(crate) fn pcap_record(
    endian: Endian,
    seconds: u32,
    fraction: u32,
    frame: &[u8],
    original_len: usize,
) -> Vec<u8> {
    let mut record = Vec::new();
    for number in [seconds, fraction, frame.len() as u32, original_len as u32] {
        record.extend(endian.u32(number));
    }
    record.extend(frame);
    record
}

/// A pcap of Ethernet frames around IPv6 packets, at these milliseconds.
pub(crate) fn pcap(packets: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let frames: Vec<_> = packets.iter().map(|(time_ms, packet)| (*time_ms, ethernet(packet))).collect();
    pcap_of_frames(&frames)
}

/// A pcap of Ethernet frames, at these milliseconds.
pub(crate) fn pcap_of_frames(frames: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut capture = pcap_header(Endian::Little, false, 1);
    for (time_ms, frame) in frames {
        let (seconds, micros) = ((time_ms / 1000) as u32, (time_ms % 1000 * 1000) as u32);
        capture.extend(pcap_record(Endian::Little, seconds, micros, frame, frame.len()));
    }
    capture
}

/// A block of pcapng.
pub(crate) fn block(endian: Endian, kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = body.len().next_multiple_of(4) - body.len();
    let len = endian.u32((12 + body.len() + padding) as u32);
    [&endian.u32(kind)[..], &len, body, &[0; 4][..padding], &len].concat()
}

pub(crate) fn section_header(endian: Endian) -> Vec<u8> {
    let body = [&endian.u32(0x1a2b_3c4d)[..], &endian.u16(1), &endian.u16(0), &endian.i64(-1)].concat();
    block(endian, 0x0a0d_0d0a, &body)
}

/// An interface with its options for time: resolution and offset.
pub(crate) fn interface(
    endian: Endian,
    link: u16,
    snaplen: u32,
    resolution: Option<u8>,
    offset: Option<i64>,
) -> Vec<u8> {
    let mut body = [&endian.u16(link)[..], &endian.u16(0), &endian.u32(snaplen)].concat();
    // A name in front, so that options have to be looked for.
    body.extend([&endian.u16(2)[..], &endian.u16(5), b"eth0x\0\0\0"].concat());
    if let Some(resolution) = resolution {
        body.extend([&endian.u16(9)[..], &endian.u16(1), &[resolution, 0, 0, 0]].concat());
    }
    if let Some(offset) = offset {
        body.extend([&endian.u16(14)[..], &endian.u16(8), &endian.i64(offset)].concat());
    }
    body.extend([0; 4]);
    block(endian, 1, &body)
}

/// An enhanced packet block, with a comment behind the packet.
pub(crate) fn packet_block(
    endian: Endian,
    interface: u32,
    units: u64,
    frame: &[u8],
    original_len: usize,
) -> Vec<u8> {
    let mut body = Vec::new();
    for number in [interface, (units >> 32) as u32, units as u32, frame.len() as u32, original_len as u32] {
        body.extend(endian.u32(number));
    }
    body.extend(frame);
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend([&endian.u16(1)[..], &endian.u16(2), b"hi\0\0", &[0; 4]].concat());
    block(endian, 6, &body)
}
