//! Packets that are broken in every way: no panic, the reason that an independent reading of the standards gives,
//! and a router that is as it was.

mod craft;

use core::net::Ipv6Addr;

use craft::vectors::{Vector, all, packet};
use craft::*;
use mld_proto::router::Accepted;
use mld_proto::wire::MessageKind;
use mld_proto::{Config, Discard, Router};
use proptest::prelude::*;

/// The verdict on an IPv6 packet of a version 2 router with default settings and the address [`ME`]: the checks one
/// after the other, written down without the library.
fn verdict(packet: &[u8]) -> Result<MessageKind, Discard> {
    let first = packet.first().ok_or(Discard::Truncated)?;
    if first >> 4 != 6 {
        return Err(Discard::NotMld);
    }
    if packet.len() < 40 {
        return Err(Discard::Truncated);
    }
    let payload_len = usize::from(packet[4]) << 8 | usize::from(packet[5]);
    let present = payload_len.min(packet.len() - 40);
    let mut rest = &packet[40..40 + present];
    let mut next = packet[6];
    let (mut alert, mut fragment) = (false, false);
    let mut is_first = true;
    while next != 58 {
        let len = match next {
            0 if !is_first => return Err(Discard::NotMld),
            0 | 43 | 60 => 8 * (1 + usize::from(*rest.get(1).ok_or(Discard::Truncated)?)),
            51 => 4 * (2 + usize::from(*rest.get(1).ok_or(Discard::Truncated)?)),
            44 => 8,
            _ => return Err(Discard::NotMld),
        };
        if rest.len() < len {
            return Err(Discard::Truncated);
        }
        let (header, behind) = rest.split_at(len);
        if next == 0 {
            alert |= alerts(&header[2..]);
        }
        if next == 44 {
            fragment = true;
            if header[2] != 0 || header[3] & 0xf8 != 0 {
                return Err(match header[0] {
                    58 if present < payload_len => Discard::Truncated,
                    58 => Discard::Fragment,
                    _ => Discard::NotMld,
                });
            }
        }
        (next, rest, is_first) = (header[0], behind, false);
    }
    let kind = match rest.first().ok_or(Discard::Truncated)? {
        130 => MessageKind::Query,
        131 => MessageKind::ReportV1,
        132 => MessageKind::Done,
        143 => MessageKind::ReportV2,
        _ => return Err(Discard::NotMld),
    };
    let (source, destination) = (address(packet, 8), address(packet, 24));
    for (flawed, reason) in [
        (present < payload_len, Discard::Truncated),
        (fragment, Discard::Fragment),
        (packet[7] != 1, Discard::HopLimit),
        (!alert, Discard::NoRouterAlert),
        (source.is_unspecified(), Discard::SourceUnspecified),
        (source.octets()[0] != 0xfe || source.octets()[1] & 0xc0 != 0x80, Discard::SourceNotLinkLocal),
        (source == ME, Discard::OwnAddress),
        (checksum(source, destination, rest) != 0, Discard::BadChecksum),
    ] {
        if flawed {
            return Err(reason);
        }
    }
    content(kind, rest)?;
    if destination.octets()[0] != 0xff && destination != ME {
        return Err(Discard::Destination);
    }
    Ok(kind)
}

fn content(kind: MessageKind, message: &[u8]) -> Result<(), Discard> {
    let number = |at: usize| usize::from(message[at]) << 8 | usize::from(message[at + 1]);
    if message.len() < 8 {
        return Err(Discard::BadLength);
    }
    if kind == MessageKind::ReportV2 {
        let mut at = 8;
        for _ in 0..number(6) {
            if message.len() < at + 20 {
                return Err(Discard::BadLength);
            }
            at += 20 + 16 * number(at + 2) + 4 * usize::from(message[at + 1]);
        }
        return if at > message.len() { Err(Discard::BadLength) } else { Ok(()) };
    }
    if message.len() < 24 {
        return Err(Discard::BadLength);
    }
    let group = address(message, 8).octets();
    let all_nodes = group == ALL_NODES.octets();
    let good = if kind == MessageKind::Query {
        let sources = match message.len() {
            24 => 0,
            25..28 => return Err(Discard::BadLength),
            len if len < 28 + 16 * number(26) => return Err(Discard::BadLength),
            _ => number(26),
        };
        if group == [0; 16] { sources == 0 } else { group[0] == 0xff && !all_nodes }
    } else {
        group[0] == 0xff && group[1] & 0x0f > 1 && !all_nodes
    };
    if good { Ok(()) } else { Err(Discard::GroupAddress) }
}

fn alerts(mut options: &[u8]) -> bool {
    while let Some((kind, rest)) = options.split_first() {
        if *kind == 0 {
            options = rest;
            continue;
        }
        let Some((len, rest)) = rest.split_first() else { return false };
        let Some(value) = rest.get(..usize::from(*len)) else { return false };
        if *kind == 5 && value == [0, 0] {
            return true;
        }
        options = &rest[value.len()..];
    }
    false
}

fn address(octets: &[u8], at: usize) -> Ipv6Addr {
    Ipv6Addr::from(<[u8; 16]>::try_from(&octets[at..at + 16]).unwrap())
}

/// A querier with a group in each mode and of each version.
fn populated() -> BoxRouter {
    let mut router = sized_router(Config::DEFAULT, 16, 64);
    for craft in [
        Craft::report_v2(H1)
            .record(TO_EX, "ff0e::1:1", &[source(3)])
            .record(ALLOW, "ff0e::1:1", &[source(1)])
            .record(ALLOW, "ff3e::8000:1", &[source(1), source(2)]),
        Craft::report_v1(H1, ip("ff0e::1:3")),
    ] {
        accept(&mut router, 0, &craft);
    }
    drain(&mut router, at(0));
    router
}

const NOW: u64 = 1000;

/// Shows the octets to a populated router: the result is that of [`verdict`], and a refused packet moves one counter.
fn show(octets: &[u8]) -> Result<MessageKind, Discard> {
    let mut router = populated();
    let (picture, before) = (Picture::of(&router), *router.stats());
    let result = router.handle_packet(at(NOW), octets).map(Accepted::count);
    let after = *router.stats();
    let expected = verdict(octets);
    match (result, expected) {
        (Ok(_), Ok(kind)) => {
            let mut counts = before.received;
            match kind {
                MessageKind::Query => counts.query += 1,
                MessageKind::ReportV1 => counts.report_v1 += 1,
                MessageKind::ReportV2 => counts.report_v2 += 1,
                MessageKind::Done => counts.done += 1,
            }
            assert_eq!((after.received, after.dropped), (counts, before.dropped), "{octets:02x?}");
            let discarded =
                |stats: &mld_proto::router::Stats| Discard::ALL.map(|reason| stats.discarded(reason));
            assert_eq!(discarded(&after), discarded(&before), "{octets:02x?}");
        }
        (Err(reason), Err(named)) => {
            assert_eq!(reason, named, "{octets:02x?}");
            let with_kind = kind_of(octets).map(|kind| counted(before, reason, Some(kind)));
            let uncertain = matches!(reason, Discard::Truncated | Discard::Fragment | Discard::NotMld);
            assert!(
                with_kind == Some(after) || uncertain && after == counted(before, reason, None),
                "{octets:02x?}: {after:?}"
            );
            assert_eq!(Picture::of(&router), picture, "{octets:02x?}");
            assert_eq!(drain(&mut router, at(NOW)), (vec![], vec![]), "{octets:02x?}");
            assert_eq!(Picture::of(&router), picture, "{octets:02x?}");
        }
        (result, expected) => panic!("{result:?} and not {expected:?}: {octets:02x?}"),
    }
    expected
}

/// The kind of a message right behind the headers of a sent packet, or behind any others that are whole.
fn kind_of(octets: &[u8]) -> Option<MessageKind> {
    let mut next = *octets.get(6)?;
    let mut at = 40;
    while next != 58 {
        let len = usize::from(*octets.get(at + 1)?);
        let len = match next {
            0 | 43 | 60 => 8 * (len + 1),
            51 => 4 * (len + 2),
            44 => 8,
            _ => return None,
        };
        (next, at) = (octets[at], at + len);
    }
    match octets.get(at)? {
        130 => Some(MessageKind::Query),
        131 => Some(MessageKind::ReportV1),
        132 => Some(MessageKind::Done),
        143 => Some(MessageKind::ReportV2),
        _ => None,
    }
}

/// Where the ICMPv6 message begins.
fn message_at(octets: &[u8]) -> usize {
    if octets[6] == 0 { 48 } else { 40 }
}

/// Makes payload length and checksum right for what is there.
fn repaired(mut octets: Vec<u8>) -> Vec<u8> {
    if octets.len() >= 40 {
        let payload_len = (octets.len() - 40) as u16;
        octets[4..6].copy_from_slice(&payload_len.to_be_bytes());
    }
    with_checksum(octets)
}

fn with_checksum(mut octets: Vec<u8>) -> Vec<u8> {
    if octets.len() < 40 {
        return octets;
    }
    let start = message_at(&octets);
    let end = octets.len().min(40 + usize::from(u16::from_be_bytes([octets[4], octets[5]])));
    if end >= start + 4 {
        octets[start + 2..start + 4].copy_from_slice(&[0, 0]);
        let sum = checksum(address(&octets, 8), address(&octets, 24), &octets[start..end]);
        octets[start + 2..start + 4].copy_from_slice(&sum.to_be_bytes());
    }
    octets
}

#[test]
fn the_independent_reading_agrees_with_the_known_packets() {
    for Vector { name, refused, octets, .. } in all() {
        assert_eq!(verdict(&octets).err(), refused, "{name}");
        assert_eq!(show(&octets).err(), refused, "{name}");
        if !["E-23", "E-26"].contains(&name) {
            assert_eq!(repaired(octets.clone()), octets, "{name}");
        }
    }
}

// R-SEC-12
#[test]
fn packet_cut_anywhere_is_truncated() {
    for Vector { name, octets, .. } in all() {
        for len in 0..octets.len() {
            assert_eq!(show(&octets[..len]), Err(Discard::Truncated), "{name} after {len} octets");
        }
    }
}

// R-SEC-12, R-WIRE-31, R-WIRE-56, R-WIRE-72: cut, with lengths and checksum made to fit.
#[test]
fn message_cut_anywhere_is_too_short_for_what_it_says() {
    for Vector { name, octets, .. } in all().into_iter().filter(|vector| vector.refused.is_none()) {
        let (start, kind) = (message_at(&octets), verdict(&octets).unwrap());
        for len in 0..octets.len() {
            let result = show(&repaired(octets[..len].to_vec()));
            let left = len.saturating_sub(start);
            let expected = match kind {
                _ if len <= start => Err(Discard::Truncated),
                // No room for the field itself.
                _ if left < 4 => Err(Discard::BadChecksum),
                // The rest of a longer Query is an MLDv1 Query, or one with fewer trailing octets.
                MessageKind::Query if left == 24 && octets[32..40] == octets[start + 16..start + 24] => {
                    Ok(kind)
                }
                MessageKind::Query if left == 24 && octets[start + 8..start + 24] == [0; 16] => Ok(kind),
                MessageKind::Query if left >= 28 && ["E-20", "E-32"].contains(&name) => Ok(kind),
                MessageKind::ReportV1 if left >= 24 => Ok(kind),
                _ => Err(Discard::BadLength),
            };
            assert_eq!(result, expected, "{name} with {left} octets of its message");
        }
    }
}

/// Octets to be written at an offset, and what comes of it.
type Fault = (&'static str, usize, &'static [u8], Result<MessageKind, Discard>);

fn assert_faults(name: &str, repair: fn(Vec<u8>) -> Vec<u8>, faults: &[Fault]) {
    for (field, offset, octets, expected) in faults {
        let mut faulty = packet(name);
        let place = &mut faulty[*offset..offset + octets.len()];
        assert_ne!(place, *octets, "{name}: {field} is changed");
        place.copy_from_slice(octets);
        assert_eq!(show(&repair(faulty)), *expected, "{name}: {field} {octets:02x?}");
    }
}

const QUERY: Result<MessageKind, Discard> = Ok(MessageKind::Query);
const EVERYBODY: [u8; 16] = ALL_NODES.octets();
const REPORT: Result<MessageKind, Discard> = Ok(MessageKind::ReportV2);

// Each field of the headers, wrong by itself; the checksum fits the addresses.
#[test]
fn each_field_of_the_headers_wrong_in_turn() {
    assert_faults(
        "E-01",
        with_checksum,
        &[
            ("version", 0, &[0x40], Err(Discard::NotMld)),
            ("version", 0, &[0x00], Err(Discard::NotMld)),
            ("traffic class", 0, &[0x6f, 0xf0], QUERY),
            ("flow label", 1, &[0x0f, 0xff, 0xff], QUERY),
            ("payload length, one more", 4, &[0, 0x25], Err(Discard::Truncated)),
            ("payload length, all", 4, &[0xff, 0xff], Err(Discard::Truncated)),
            ("payload length, one less", 4, &[0, 0x23], Err(Discard::BadLength)),
            ("payload length, of version 1", 4, &[0, 0x20], QUERY),
            ("payload length, headers alone", 4, &[0, 8], Err(Discard::Truncated)),
            ("payload length, half a header", 4, &[0, 4], Err(Discard::Truncated)),
            ("payload length, zero", 4, &[0, 0], Err(Discard::Truncated)),
            ("next header, UDP", 6, &[17], Err(Discard::NotMld)),
            ("next header, none", 6, &[59], Err(Discard::NotMld)),
            ("next header, destination options", 6, &[60], Err(Discard::NoRouterAlert)),
            ("hop limit", 7, &[0], Err(Discard::HopLimit)),
            ("hop limit", 7, &[255], Err(Discard::HopLimit)),
            ("source, global", 8, &[0x20, 0x01], Err(Discard::SourceNotLinkLocal)),
            ("source, multicast", 8, &[0xff, 0x02], Err(Discard::SourceNotLinkLocal)),
            ("source, site-local", 8, &[0xfe, 0xc0], Err(Discard::SourceNotLinkLocal)),
            ("source, the router's own", 23, &[5], Err(Discard::OwnAddress)),
            ("destination, a neighbour", 24, &[0xfe, 0x80], Err(Discard::Destination)),
            ("next header behind the options", 40, &[17], Err(Discard::NotMld)),
            ("length of the options, past the packet", 41, &[5], Err(Discard::Truncated)),
            ("option type", 42, &[4], Err(Discard::NoRouterAlert)),
            ("option length, past the header", 43, &[200], Err(Discard::NoRouterAlert)),
            ("option length, too short", 43, &[1], Err(Discard::NoRouterAlert)),
            ("option length, too long", 43, &[3], Err(Discard::NoRouterAlert)),
            ("option value", 44, &[0, 1], Err(Discard::NoRouterAlert)),
            ("option value", 44, &[1, 0], Err(Discard::NoRouterAlert)),
            ("padding, past the header", 47, &[255], QUERY),
        ],
    );
}

#[test]
fn each_field_of_a_query_wrong_in_turn() {
    assert_faults(
        "E-05",
        with_checksum,
        &[
            ("type, of nobody", 48, &[200], Err(Discard::NotMld)),
            ("type, version 1 Report", 48, &[131], Ok(MessageKind::ReportV1)),
            ("type, Done", 48, &[132], Ok(MessageKind::Done)),
            ("type, version 2 Report without records", 48, &[143], REPORT),
            ("code", 49, &[1], QUERY),
            ("response code", 52, &[0xff, 0xff], QUERY),
            ("response code, zero", 52, &[0, 0], QUERY),
            ("reserved", 54, &[0xff, 0xff], QUERY),
            ("group, unicast", 56, &[0x20, 0x01], Err(Discard::GroupAddress)),
            ("group, none", 56, &[0; 16], Err(Discard::GroupAddress)),
            ("group, all nodes", 56, &EVERYBODY, Err(Discard::GroupAddress)),
            ("group, interface-local", 57, &[0x01], QUERY),
            ("flags", 72, &[0xff], QUERY),
            ("interval code", 73, &[0xff], QUERY),
            ("interval code, zero", 73, &[0], QUERY),
            ("number of sources, one more", 75, &[3], Err(Discard::BadLength)),
            ("number of sources, all", 74, &[0xff, 0xff], Err(Discard::BadLength)),
            ("number of sources, one less", 75, &[1], QUERY),
            ("number of sources, zero", 75, &[0], QUERY),
            ("source, multicast", 76, &[0xff, 0x0e], QUERY),
        ],
    );
    let plain: fn(Vec<u8>) -> Vec<u8> = |octets| octets;
    assert_faults("E-05", plain, &[("checksum", 50, &[0, 0], Err(Discard::BadChecksum))]);
    assert_faults("E-05", plain, &[("checksum", 50, &[0xff, 0xff], Err(Discard::BadChecksum))]);
}

#[test]
fn each_field_of_a_version_1_message_wrong_in_turn() {
    for (name, kind) in [("E-09", MessageKind::ReportV1), ("E-10", MessageKind::Done)] {
        assert_faults(
            name,
            with_checksum,
            &[
                ("type, Query of version 1", 48, &[130], QUERY),
                ("type, version 2 Report without records", 48, &[143], REPORT),
                ("type, of nobody", 48, &[133], Err(Discard::NotMld)),
                ("code", 49, &[0xff], Ok(kind)),
                ("delay", 52, &[0xff, 0xff], Ok(kind)),
                ("reserved", 54, &[0xff, 0xff], Ok(kind)),
                ("group, unicast", 56, &[0xfe, 0x80], Err(Discard::GroupAddress)),
                ("group, none", 56, &[0; 16], Err(Discard::GroupAddress)),
                ("group, all nodes", 56, &EVERYBODY, Err(Discard::GroupAddress)),
                ("group, reserved scope", 57, &[0x00], Err(Discard::GroupAddress)),
                ("group, interface-local", 57, &[0x11], Err(Discard::GroupAddress)),
                ("group, link-local", 57, &[0x02], Ok(kind)),
                ("group, reserved wide scope", 57, &[0x0f], Ok(kind)),
            ],
        );
    }
}

#[test]
fn each_field_of_a_version_2_report_wrong_in_turn() {
    assert_faults(
        "E-16",
        with_checksum,
        &[
            ("type, Query of 80 octets, its count in an address", 48, &[130], Err(Discard::GroupAddress)),
            ("type, of nobody", 48, &[144], Err(Discard::NotMld)),
            ("reserved", 49, &[0xff], REPORT),
            ("flags", 52, &[0xff, 0xff], REPORT),
            ("number of records, one more", 55, &[3], Err(Discard::BadLength)),
            ("number of records, all", 54, &[0xff, 0xff], Err(Discard::BadLength)),
            ("number of records, one less", 55, &[1], REPORT),
            ("number of records, zero", 55, &[0], REPORT),
            ("record type, zero", 56, &[0], REPORT),
            ("record type, of nobody", 56, &[255], REPORT),
            ("auxiliary data that eats the second record", 57, &[4], Err(Discard::BadLength)),
            ("auxiliary data, past the end", 57, &[255], Err(Discard::BadLength)),
            ("number of sources, past the end", 58, &[0xff, 0xff], Err(Discard::BadLength)),
            ("number of sources, one less", 59, &[0], Err(Discard::BadLength)),
            ("group, unicast", 60, &[0x20, 0x01], REPORT),
            ("source, multicast", 76, &[0xff, 0x0e], REPORT),
            ("second record type", 92, &[9], REPORT),
            ("second record, auxiliary data", 93, &[1], Err(Discard::BadLength)),
            ("second record, number of sources", 95, &[2], Err(Discard::BadLength)),
            ("second record, number of sources", 94, &[0xff], Err(Discard::BadLength)),
            ("second record, fewer sources", 95, &[0], REPORT),
        ],
    );
}

/// Packets of every kind, with one source, with several records and with auxiliary data.
const KINDS: [&str; 10] = ["E-01", "E-03", "E-06", "E-07", "E-09", "E-10", "E-11", "E-14", "E-16", "E-18"];

// Every octet of the packet, each set to several values: once as it is, once with the checksum made right.
#[test]
fn every_octet_wrong_in_turn() {
    let (mut accepted, mut refused) = (0, 0);
    for name in KINDS {
        let octets = packet(name);
        for position in 0..octets.len() {
            let value = octets[position];
            for other in [0, 1, 2, 3, 5, 44, 51, 58, 60, 0x7f, 0x80, 0xfe, 0xff, value ^ 1, value ^ 0x80] {
                if other == value {
                    continue;
                }
                let mut faulty = octets.clone();
                faulty[position] = other;
                let plain = show(&faulty);
                if position >= 48 || (8..40).contains(&position) {
                    assert!(plain.is_err(), "{name}: the checksum covers octet {position}");
                }
                match show(&with_checksum(faulty)) {
                    Ok(_) => accepted += 1,
                    Err(_) => refused += 1,
                }
            }
        }
    }
    assert!(accepted > 3000 && refused > 3000, "{accepted} and {refused}: both happen often");
}

// R-SEC-12: counts that promise up to a megabyte.
#[test]
fn counts_that_lie_are_found_out() {
    for name in ["E-05", "E-11", "E-13", "E-15", "E-16", "E-18"] {
        let octets = packet(name);
        // The count of a Query, or the count of records and that of the first record's sources.
        let places = if octets[48] == 130 { vec![74] } else { vec![54, 58] };
        for at in places {
            let right = u16::from_be_bytes([octets[at], octets[at + 1]]);
            for count in (0..300).chain((300..=u16::MAX).step_by(977)).chain([u16::MAX]) {
                let mut lying = octets.clone();
                lying[at..at + 2].copy_from_slice(&count.to_be_bytes());
                let result = show(&with_checksum(lying));
                if count > right && at != 58 {
                    assert_eq!(result, Err(Discard::BadLength), "{name}: {count} for {right}");
                }
            }
        }
        for words in 1..=255 {
            if octets[48] == 143 {
                let mut lying = octets.clone();
                lying[57] = words;
                let _ = show(&with_checksum(lying));
            }
        }
    }
}

// R-SEC-12
#[test]
fn longest_packets_are_bounded_by_what_is_there() {
    for fill in [0, 1, 0xff] {
        let mut octets = packet("E-11");
        octets.resize(65_575, fill);
        octets[54..56].copy_from_slice(&[0xff, 0xff]);
        assert_eq!(show(&repaired(octets)), Err(Discard::BadLength));
    }
    let mut records = packet("E-11");
    records.truncate(56);
    for number in 0..3270_u16 {
        records.extend([ALLOW, 0, 0, 0, 0xff, 0x0e, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        records.extend(number.to_be_bytes());
    }
    records[54..56].copy_from_slice(&3270_u16.to_be_bytes());
    assert_eq!(show(&repaired(records.clone())), REPORT);
    records[54..56].copy_from_slice(&3271_u16.to_be_bytes());
    assert_eq!(show(&repaired(records)), Err(Discard::BadLength));
}

// The same flaws where the message comes without its packet.
#[test]
fn message_alone_is_checked_like_a_packet() {
    for name in KINDS {
        let octets = packet(name);
        let (source, destination) = (address(&octets, 8), address(&octets, 24));
        for len in 0..=octets.len() - 48 {
            for position in 0..=len {
                let mut message = octets[48..48 + len].to_vec();
                if let Some(octet) = message.get_mut(position) {
                    *octet ^= 0x81;
                }
                let mut craft = Craft::new(source, destination, message);
                if position == 2 || position == 3 {
                    craft.checksum = Checksum::AsWritten;
                }
                let expected = verdict(&craft.bytes());
                let mut router = populated();
                let picture = Picture::of(&router);
                let result = Entrance::Message.deliver(&mut router, at(NOW), &craft);
                assert_eq!(result.clone().err(), expected.err(), "{craft:?}");
                assert!(result.is_ok() || Picture::of(&router) == picture, "{craft:?}");
            }
        }
    }
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A mutation of a valid packet.
#[derive(Clone, Debug)]
enum Mutation {
    Set(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Insert(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Append(Vec<u8>),
    /// Copies what stands at one place to another, as records and sources are.
    Copy {
        from: prop::sample::Index,
        to: prop::sample::Index,
        words: usize,
    },
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let place = any::<prop::sample::Index>;
    let telling =
        prop_oneof![any::<u8>(), prop::sample::select(vec![0, 1, 2, 0x80, 0xff, 130, 131, 132, 143])];
    let one = prop_oneof![
        6 => (place(), telling.clone()).prop_map(|(at, value)| Mutation::Set(at, value)),
        1 => place().prop_map(Mutation::Remove),
        1 => (place(), telling).prop_map(|(at, value)| Mutation::Insert(at, value)),
        1 => place().prop_map(Mutation::Cut),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Mutation::Append),
        2 => (place(), place(), 1..12_usize).prop_map(|(from, to, words)| Mutation::Copy { from, to, words }),
    ];
    prop::collection::vec(one, 1..6)
}

fn mutated(mut octets: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for mutation in mutations {
        if octets.is_empty() {
            break;
        }
        match mutation {
            Mutation::Set(at, value) => *at.get_mut(&mut octets) = *value,
            Mutation::Remove(at) => drop(octets.remove(at.index(octets.len()))),
            Mutation::Insert(at, value) => octets.insert(at.index(octets.len()), *value),
            Mutation::Cut(at) => octets.truncate(at.index(octets.len())),
            Mutation::Append(more) => octets.extend(more),
            Mutation::Copy { from, to, words } => {
                let from = from.index(octets.len());
                let copied = octets[from..octets.len().min(from + 4 * words)].to_vec();
                let to = to.index(octets.len());
                octets.splice(to..to, copied);
            }
        }
    }
    octets
}

fn valid_packet() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(all().into_iter().map(|vector| vector.octets).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(config(1500))]

    #[test]
    fn random_octets_are_refused_or_right(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = show(&octets);
    }

    // Headers that pass, so that the message is read.
    #[test]
    fn random_messages_are_refused_or_right(
        kind in prop::sample::select(vec![130, 131, 132, 143]),
        body in prop::collection::vec(prop_oneof![Just(0), 0..4_u8, any::<u8>()], 0..160),
    ) {
        let mut message = vec![kind];
        message.extend(body);
        let _ = show(&Craft::new(LOWER, ALL_NODES, message).bytes());
    }

    #[test]
    fn mutated_packets_are_refused_or_right(
        octets in valid_packet(),
        mutations in mutations(),
        repair in 0..3,
    ) {
        let octets = mutated(octets, &mutations);
        let _ = show(&match repair {
            0 => octets,
            1 => with_checksum(octets),
            _ => repaired(octets),
        });
    }
}

proptest! {
    #![proptest_config(config(200))]

    // One router sees them all, with time passing and with polls now and then.
    #[test]
    fn refused_packets_leave_a_running_router_alone(
        packets in prop::collection::vec((valid_packet(), mutations(), any::<bool>(), 0..3000_u64), 1..60),
    ) {
        let mut router = Router::new(Config::DEFAULT, tables(4, 8), 3);
        router.start(at(0), Some(ME));
        let mut now = 0;
        for (octets, mutations, spoil, pause) in packets {
            now += pause;
            if pause % 3 == 0 {
                run_to(&mut router, now);
            }
            router.handle_timeout(at(now));
            let octets = if spoil { repaired(mutated(octets, &mutations)) } else { octets };
            let (picture, before) = (Picture::of(&router), *router.stats());
            let result = router.handle_packet(at(now), &octets).map(Accepted::count);
            prop_assert_eq!(result.err(), verdict(&octets).err());
            if result.is_err() {
                prop_assert_eq!(Picture::of(&router), picture);
                let moved = Discard::ALL.map(|reason| router.stats().discarded(reason) - before.discarded(reason));
                prop_assert_eq!(moved.iter().sum::<u64>(), 1);
                prop_assert_eq!(router.stats().received, before.received);
            }
            let usage = router.usage();
            prop_assert!(usage.groups <= 4 && usage.sources <= 8);
        }
    }
}
