//! What the strict parser lets pass, and each octet that it does not.

use super::packets::vector;
use super::*;
use crate::packet::{Sent, SentRecord, strict};

fn refused(ipv6: &[u8], mtu: u16, about: &str) {
    let text = strict(ipv6, mtu).expect_err(about);
    assert!(text.contains(about), "{text}");
}

/// A packet around a message, refused for what `about` says.
fn refused_message(from: Ipv6Addr, to: Ipv6Addr, message: Vec<u8>, about: &str) {
    refused(&packet(from, to, message), 1500, about);
}

#[test]
fn packets_of_the_standards_pass() {
    for name in
        ["general-query", "group-query", "group-query-s", "source-query", "source-query-s", "two-pad1"]
    {
        assert!(matches!(strict(&vector(name), 1500), Ok(Sent::Query { source: LOWER, .. })), "{name}");
    }
    for name in ["general-query-v1", "group-query-v1", "query-of-robust-8"] {
        assert!(matches!(strict(&vector(name), 1500), Ok(Sent::Query { .. })), "{name}");
    }
    let group = SSM;
    assert_eq!(strict(&vector("report-v1"), 1500), Ok(Sent::ReportV1 { source: HOST, group: G }));
    assert_eq!(strict(&vector("done"), 1500), Ok(Sent::Done { source: HOST, group: G }));
    let records = vec![
        SentRecord { kind: 5, group, sources: vec![s(3)] },
        SentRecord { kind: 6, group, sources: vec![s(1)] },
    ];
    assert_eq!(strict(&vector("allow-and-block"), 1500), Ok(Sent::ReportV2 { source: HOST, records }));
    for name in ["to-ex", "to-in", "three-records", "report-of-nobody"] {
        assert!(matches!(strict(&vector(name), 1500), Ok(Sent::ReportV2 { .. })), "{name}");
    }
}

#[test]
fn malformed_packets_of_the_standards_do_not_pass() {
    for name in [
        "auxiliary-data",
        "unknown-record",
        "query-with-more",
        "query-of-26",
        "bad-checksum",
        "alert-behind-padding",
        "no-hop-by-hop",
        "hop-limit-255",
        "global-source",
        "query-of-nobody",
        "sources-without-group",
        "source-missing",
        "extension-flag",
        "record-missing",
        "report-v1-of-28",
    ] {
        assert!(strict(&vector(name), 1500).is_err(), "{name}");
    }
}

#[test]
fn every_octet_of_every_packet_matters() {
    // A single bit that differs is refused, or it is another message of which every field is told.
    for name in ["general-query", "source-query", "report-v1", "done", "three-records"] {
        let whole = vector(name);
        let meaning = strict(&whole, 1500).unwrap();
        for bit in 0..whole.len() * 8 {
            // PadN of length 0 and two Pad1 differ by this bit; both are right.
            if bit == 46 * 8 {
                continue;
            }
            let mut other = whole.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(strict(&other, 1500).ok(), Some(meaning.clone()), "{name} bit {bit}");
            // With a checksum that holds again: the headers, reserved fields and lengths still must not change.
            if bit / 8 >= 48 && bit / 8 != 50 && bit / 8 != 51 {
                let (from, to) = (other[8..24].try_into().unwrap(), other[24..40].try_into().unwrap());
                let (from, to): ([u8; 16], [u8; 16]) = (from, to);
                other[50..52].fill(0);
                let again = packet(from.into(), to.into(), other[48..].to_vec());
                assert_ne!(strict(&again, 1500).ok(), Some(meaning.clone()), "{name} bit {bit}");
            }
        }
        for length in 0..whole.len() {
            assert!(strict(&whole[..length], 1500).is_err());
        }
    }
}

#[test]
fn headers_are_exact() {
    let whole = vector("to-ex");
    for (at, octet, about) in [
        (0, 0x61, "version"),
        (1, 0x10, "version"),
        (3, 1, "version"),
        (5, 0x23, "payload length"),
        (6, 58, "next header"),
        (7, 2, "hop limit"),
        (40, 17, "hop-by-hop"),
        (41, 1, "hop-by-hop"),
        (42, 6, "Router Alert"),
        (45, 1, "Router Alert"),
        (46, 2, "padding"),
        (48, 128, "checksum"),
    ] {
        let mut other = whole.clone();
        other[at] = octet;
        refused(&other, 1500, about);
    }
    refused(&whole, 75, "MTU");
    assert!(strict(&whole, 76).is_ok());
    let mut longer = whole.clone();
    longer.push(0);
    refused(&longer, 1500, "payload length");
    refused_message(HOST, V2_ROUTERS, short(200, 0, G), "no MLD");
}

#[test]
fn queries_are_exact() {
    let any = Ipv6Addr::UNSPECIFIED;
    let general = || long(10_000, any, false, 2, 125, &[]);
    let specific = |sources: &[Ipv6Addr]| long(1_000, G, false, 2, 125, sources);
    let with = |mut message: Vec<u8>, at: usize, octet: u8| {
        message[at] = octet;
        message
    };
    refused_message(any, ALL_NODES, general(), "a Query from ::");
    refused_message("fe80:0:0:1::1".parse().unwrap(), ALL_NODES, general(), "a Query from");
    refused_message(ME, ALL_ROUTERS, general(), "to ff02::2");
    refused_message(ME, ALL_NODES, specific(&[]), "to ff02::1");
    refused_message(ME, ALL_NODES, long(1_000, ALL_NODES, false, 2, 125, &[]), "a Query for");
    refused_message(ME, ALL_NODES, with(general(), 1, 1), "code 1");
    refused_message(ME, ALL_NODES, with(general(), 7, 1), "reserved");
    refused_message(ME, ALL_NODES, with(general(), 24, 0x12), "flags");
    refused_message(ME, ALL_NODES, with(general(), 24, 0x0a), "S in a General");
    refused_message(ME, ALL_NODES, with(general(), 25, 0), "QQIC");
    refused_message(ME, ALL_NODES, with(with(general(), 4, 0), 5, 0), "Response Code 0");
    refused_message(ME, ALL_NODES, long(10_000, any, false, 2, 125, &[s(1)]), "sources in a General");
    refused_message(ME, G, with(specific(&[s(1)]), 27, 0), "0 sources");
    refused_message(ME, G, specific(&[s(1), s(1)]), "twice");
    refused_message(ME, G, specific(&[G]), "as a source");
    refused_message(ME, G, specific(&[any]), "as a source");
    let many: Vec<Ipv6Addr> = (1..=90).map(s).collect();
    refused_message(ME, G, specific(&many), "MTU");
    assert!(strict(&packet(ME, G, specific(&many[..89])), 1500).is_ok());
}

#[test]
fn listeners_messages_are_exact() {
    let any = Ipv6Addr::UNSPECIFIED;
    let with = |mut message: Vec<u8>, at: usize, octet: u8| {
        message[at] = octet;
        message
    };
    let join = || report(&[(4, G, &[])]);
    assert!(strict(&packet(any, V2_ROUTERS, join()), 1500).is_ok());
    assert!(strict(&packet(any, G, short(131, 0, G)), 1500).is_ok());
    refused_message(s(1), V2_ROUTERS, join(), "a listener's message from");
    refused_message(HOST, ALL_ROUTERS, join(), "to ff02::2");
    refused_message(HOST, V2_ROUTERS, report(&[]), "without records");
    refused_message(HOST, V2_ROUTERS, with(join(), 1, 1), "reserved");
    refused_message(HOST, V2_ROUTERS, with(join(), 4, 0x80), "reserved");
    refused_message(HOST, V2_ROUTERS, with(join(), 9, 1), "auxiliary");
    refused_message(HOST, V2_ROUTERS, with(join(), 11, 1), "past the end");
    refused_message(HOST, V2_ROUTERS, with(join(), 7, 2), "do not fit");
    refused_message(HOST, V2_ROUTERS, report(&[(7, G, &[])]), "record type 7");
    refused_message(HOST, V2_ROUTERS, report(&[(4, ALL_NODES, &[])]), "a record for");
    let mut trailing = join();
    trailing.extend([0; 4]);
    refused_message(HOST, V2_ROUTERS, trailing, "behind the last record");
    for (kind, name) in [(1, "is-in"), (5, "allow"), (6, "block")] {
        refused_message(HOST, V2_ROUTERS, report(&[(kind, G, &[])]), name);
    }
    refused_message(HOST, V2_ROUTERS, report(&[(5, G, &[s(1), s(1)])]), "twice");
    refused_message(HOST, ALL_ROUTERS, short(131, 0, G), "to ff02::2");
    refused_message(HOST, G, short(132, 0, G), "a Done to");
    refused_message(HOST, G, short(131, 1, G), "not 0");
    refused_message(HOST, ALL_NODES, short(131, 0, ALL_NODES), "a message for");
}
