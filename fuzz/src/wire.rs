//! Packets that are mostly right, because random octets seldom have a right checksum.

use std::net::Ipv6Addr;

use mld_proto::wire::{HEADERS_LEN, QueryFields, QueryFlags, RecordType, Writer, checksum};
use mld_proto::{BufferTooSmall, GroupAddr};

use crate::input::Input;

const fn address(bits: u128) -> Ipv6Addr {
    Ipv6Addr::from_bits(bits)
}

/// Link-local addresses, among them the router's own, and some that are not.
pub(crate) const LINK_LOCALS: [Ipv6Addr; 6] = [
    address(0xfe80 << 112 | 0xa),
    address(0xfe80 << 112 | 0xb),
    address(0xfe80 << 112 | 0x1),
    address(0xfe80 << 112 | 0x2),
    address(0xfe80 << 112 | 0x10),
    address(0xfe80 << 112 | 0xffff),
];

const NOT_LINK_LOCAL: [Ipv6Addr; 2] = [Ipv6Addr::UNSPECIFIED, address(0x2001_0db8 << 96 | 1)];

const GROUPS: [Ipv6Addr; 12] = [
    address(0xff0e << 112 | 0x1_0001),
    address(0xff0e << 112 | 0x1_0002),
    address(0xff0e << 112 | 0x1_0003),
    address(0xff0e << 112 | 0x1_0004),
    address(0xff0e << 112 | 0x1_0005),
    address(0xff05 << 112 | 0x1_0003),
    address(0xff3e << 112 | 0x8000_0001),
    address(0xff3e << 112 | 0x8000_0002),
    address(0xff02 << 112 | 0x1_ff00_000a),
    address(0xff02 << 112 | 0x1),
    address(0xff01 << 112 | 0x101),
    address(0x2001_0db8 << 96 | 0x2),
];

/// Writes a packet and returns its length.
pub(crate) fn build(input: &mut Input<'_>, buffer: &mut [u8; 1500]) -> usize {
    let sender = input.octet();
    let source = match NOT_LINK_LOCAL.get(usize::from(sender.wrapping_sub(250))) {
        Some(other) => *other,
        None => LINK_LOCALS[usize::from(sender) % LINK_LOCALS.len()],
    };
    let writer = match input.octet() % 8 {
        0 => report_v1(input, buffer),
        1 => done(input, buffer),
        2 => Writer::query_v1(buffer, queried(input), input.number()),
        3 => query_v2(input, buffer),
        _ => report_v2(input, buffer),
    };
    writer.expect("the buffer is large").finish(source).len
}

/// Octets as they come, headers included; with a right checksum if the first of them asks for it.
pub(crate) fn raw(input: &mut Input<'_>, buffer: &mut [u8; 1500]) -> usize {
    let mend = input.flag();
    let len = usize::from(input.octet());
    let octets = input.octets(len);
    buffer[..octets.len()].copy_from_slice(octets);
    if mend {
        mend_checksum(&mut buffer[..octets.len()]);
    }
    octets.len()
}

/// Changes a few octets of a packet; rights the checksum unless the input says otherwise.
pub(crate) fn damage(input: &mut Input<'_>, packet: &mut [u8]) -> usize {
    for _ in 0..input.octet() % 4 {
        let at = usize::from(input.octet()) % packet.len();
        packet[at] = input.octet();
    }
    let cut = usize::from(input.octet() % 32);
    let mut len = packet.len();
    if input.flag() {
        len -= cut.min(len);
        if let Some(payload_len) = len.checked_sub(40) {
            packet[4..6].copy_from_slice(&(payload_len as u16).to_be_bytes());
        }
    }
    if !input.flag() {
        mend_checksum(&mut packet[..len]);
    }
    len
}

fn mend_checksum(packet: &mut [u8]) {
    if packet.len() < HEADERS_LEN + 4 {
        return;
    }
    let (headers, message) = packet.split_at_mut(HEADERS_LEN);
    let at = |from: usize| {
        let mut octets = [0; 16];
        octets.copy_from_slice(&headers[from..from + 16]);
        Ipv6Addr::from(octets)
    };
    message[2..4].fill(0);
    let sum = checksum::compute(at(8), at(24), message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
}

fn report_v1<'b>(input: &mut Input<'_>, buffer: &'b mut [u8]) -> Result<Writer<'b>, BufferTooSmall> {
    Writer::report_v1(buffer, managed(input))
}

fn done<'b>(input: &mut Input<'_>, buffer: &'b mut [u8]) -> Result<Writer<'b>, BufferTooSmall> {
    Writer::done(buffer, managed(input))
}

fn query_v2<'b>(input: &mut Input<'_>, buffer: &'b mut [u8]) -> Result<Writer<'b>, BufferTooSmall> {
    let group = queried(input);
    let fields = QueryFields {
        group,
        response_code: input.pick(&[10_000, 0, 1, 1_000, 0x8000, 0xffff]),
        flags: QueryFlags::from_bits_truncate(input.octet()),
        robustness: input.octet() % 9,
        interval_code: input.octet(),
    };
    let sources = if group.is_unspecified() { 0 } else { input.octet() % 5 };
    let mut writer = Writer::query_v2(buffer, fields)?;
    for _ in 0..sources {
        writer.source(source(input))?;
    }
    Ok(writer)
}

fn report_v2<'b>(input: &mut Input<'_>, buffer: &'b mut [u8]) -> Result<Writer<'b>, BufferTooSmall> {
    let mut writer = Writer::report_v2(buffer)?;
    for _ in 0..=input.octet() % 6 {
        let record = input.pick(&[
            RecordType::IsIn,
            RecordType::IsEx,
            RecordType::ToIn,
            RecordType::ToEx,
            RecordType::Allow,
            RecordType::Block,
        ]);
        writer.record(record, input.pick(&GROUPS))?;
        for _ in 0..input.octet() % 5 {
            writer.source(source(input))?;
        }
    }
    Ok(writer)
}

fn queried(input: &mut Input<'_>) -> Ipv6Addr {
    if input.flag() { Ipv6Addr::UNSPECIFIED } else { input.pick(&GROUPS) }
}

fn managed(input: &mut Input<'_>) -> GroupAddr {
    GroupAddr::new(input.pick(&GROUPS[..9])).expect("the first nine are managed")
}

/// One of the groups, some of which must not be reported.
pub(crate) fn group(input: &mut Input<'_>) -> Ipv6Addr {
    input.pick(&GROUPS)
}

/// One of nine sources, the last of which cannot send.
pub(crate) fn source(input: &mut Input<'_>) -> Ipv6Addr {
    match input.octet() % 9 {
        8 => Ipv6Addr::UNSPECIFIED,
        number => address(0x2001_0db8 << 96 | 0x1_0000_0000 | u128::from(number)),
    }
}
