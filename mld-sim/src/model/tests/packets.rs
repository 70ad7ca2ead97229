//! Whole packets: which are accepted, and why the others are not.

use core::net::Ipv6Addr;

use super::*;
use crate::packet::codes::{decode_interval, decode_response, encode_interval, encode_response};
use crate::packet::{Sent, strict};

/// The octets of the packet with that name.
pub(super) fn vector(name: &str) -> Vec<u8> {
    let line = include_str!("vectors.txt")
        .lines()
        .find(|line| line.split(' ').next() == Some(name))
        .unwrap_or_else(|| panic!("{name}"));
    let digits: String = line.split(' ').skip(1).collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn heard(model: &mut Model, name: &str) -> Result<Heard, Reason> {
    model.packet(5_000, &vector(name))
}

/// What a fresh router says to a packet.
fn verdict(ipv6: &[u8]) -> Result<Heard, Reason> {
    started(ModelSettings::default()).packet(5_000, ipv6)
}

#[test]
fn packets_of_the_standards_are_taken_or_refused_as_they_should() {
    for (name, expected) in [
        ("general-query", Ok(Heard::Query)),
        ("general-query-of-2", Ok(Heard::Query)),
        ("group-query", Ok(Heard::Query)),
        ("group-query-s", Ok(Heard::Query)),
        ("source-query", Ok(Heard::Query)),
        ("source-query-s", Ok(Heard::Query)),
        ("general-query-v1", Ok(Heard::Query)),
        ("group-query-v1", Ok(Heard::Query)),
        ("report-v1", Ok(Heard::ReportV1)),
        ("done", Ok(Heard::Done)),
        ("to-ex", Ok(Heard::ReportV2)),
        ("to-in", Ok(Heard::ReportV2)),
        ("allow", Ok(Heard::ReportV2)),
        ("block", Ok(Heard::ReportV2)),
        ("three-records", Ok(Heard::ReportV2)),
        ("allow-and-block", Ok(Heard::ReportV2)),
        ("report-of-nobody", Err(Reason::SourceUnspecified)),
        ("auxiliary-data", Ok(Heard::ReportV2)),
        ("unknown-record", Ok(Heard::ReportV2)),
        ("query-with-more", Ok(Heard::Query)),
        ("query-of-26", Err(Reason::BadLength)),
        ("query-of-robust-8", Ok(Heard::Query)),
        ("bad-checksum", Err(Reason::BadChecksum)),
        ("alert-behind-padding", Ok(Heard::Query)),
        ("two-pad1", Ok(Heard::Query)),
        ("no-hop-by-hop", Err(Reason::NoRouterAlert)),
        ("hop-limit-255", Err(Reason::HopLimit)),
        ("global-source", Err(Reason::SourceNotLinkLocal)),
        ("query-of-nobody", Err(Reason::SourceUnspecified)),
        ("sources-without-group", Err(Reason::GroupAddress)),
        ("source-missing", Err(Reason::BadLength)),
        ("extension-flag", Ok(Heard::Query)),
        ("record-missing", Err(Reason::BadLength)),
        ("report-v1-of-28", Ok(Heard::ReportV1)),
        ("ssm-is-ex", Ok(Heard::ReportV2)),
        ("ssm-report-v1", Ok(Heard::ReportV1)),
    ] {
        assert_eq!(verdict(&vector(name)), expected, "{name}");
    }
}

#[test]
fn a_refused_packet_changes_nothing() {
    let mut model = started(ModelSettings::default());
    hear(&mut model, 0, &[(2, G, &[s(1)])]);
    model.take_told();
    let (groups, querier) = (model.groups().clone(), model.querier());
    for name in ["record-missing", "bad-checksum", "query-of-26", "source-missing", "global-source"] {
        assert!(heard(&mut model, name).is_err());
    }
    assert_eq!((model.groups(), model.querier()), (&groups, querier));
    assert_eq!((model.take_told(), model.take_sent()), (vec![], vec![]));
}

#[test]
fn records_of_one_packet_act_one_after_another() {
    let mut model = started(ModelSettings::default());
    heard(&mut model, "allow").unwrap();
    heard(&mut model, "allow-and-block").unwrap();
    assert_eq!(state(model.groups().get(&SSM)), "INCLUDE(S1,S2,S3) S1@7 S2@275 S3@275");
}

#[test]
fn auxiliary_data_and_unknown_records_are_stepped_over() {
    let mut model = started(ModelSettings::default());
    heard(&mut model, "auxiliary-data").unwrap();
    assert_eq!(model.groups().keys().copied().collect::<Vec<_>>(), [G, OTHER]);
    let mut model = started(ModelSettings::default());
    heard(&mut model, "unknown-record").unwrap();
    assert_eq!(model.groups().keys().copied().collect::<Vec<_>>(), [OTHER]);
}

#[test]
fn nothing_is_excluded_from_a_source_specific_group() {
    let mut model = started(ModelSettings::default());
    heard(&mut model, "ssm-is-ex").unwrap();
    heard(&mut model, "ssm-report-v1").unwrap();
    assert!(model.groups().is_empty() && model.take_told().is_empty());
    hear(&mut model, 5_000, &[(4, SSM, &[s(1)]), (5, SSM, &[s(2)]), (3, SSM, &[s(2)])]);
    assert_eq!(state(model.groups().get(&SSM)), "INCLUDE(S2) S2@275");
    assert_eq!(model.packet(6_000, &packet(HOST, ALL_ROUTERS, short(132, 0, SSM))), Ok(Heard::Done));
    assert!(model.take_sent().is_empty());
    // The range can be another.
    let mut model = started(ModelSettings { ssm_ranges: vec![], ..ModelSettings::default() });
    heard(&mut model, "ssm-is-ex").unwrap();
    assert_eq!(state(model.groups().get(&SSM)), "EXCLUDE(;) FT@275");
    assert!(!ModelSettings::default().is_ssm("ff3e:20:2001:db8::1".parse().unwrap()));
    assert!(ModelSettings::default().is_ssm("ff32::1".parse().unwrap()));
}

#[test]
fn addresses_that_nobody_reports_are_skipped() {
    let mut model = started(ModelSettings::default());
    let nowhere: Ipv6Addr = "ff01::101".parse().unwrap();
    let unicast = s(7);
    hear(&mut model, 0, &[(4, ALL_NODES, &[]), (4, nowhere, &[]), (4, unicast, &[]), (4, OTHER, &[])]);
    assert_eq!(model.groups().keys().copied().collect::<Vec<_>>(), [OTHER]);
    assert_eq!(model.take_told().len(), 2);
    for group in [ALL_NODES, nowhere, unicast, Ipv6Addr::UNSPECIFIED] {
        assert_eq!(verdict(&packet(HOST, G, short(131, 0, group))), Err(Reason::GroupAddress));
    }
}

#[test]
fn sources_that_nobody_sends_from_are_skipped() {
    let mut model = started(ModelSettings::default());
    let list = [Ipv6Addr::UNSPECIFIED, OTHER, s(2), Ipv6Addr::LOCALHOST, ME, s(2), s(1)];
    hear(&mut model, 0, &[(1, G, &list)]);
    assert_eq!(state(model.groups().get(&G)), "INCLUDE(S1,S2) S1@270 S2@270");
}

#[test]
fn the_first_check_that_fails_is_the_reason() {
    let whole = packet(HOST, V2_ROUTERS, report(&[(4, G, &[])]));
    assert_eq!(verdict(&[]), Err(Reason::Truncated));
    assert_eq!(verdict(&whole[..39]), Err(Reason::Truncated));
    assert_eq!(verdict(&whole[..whole.len() - 1]), Err(Reason::Truncated));
    let with = |at: usize, octet: u8| {
        let mut ipv6 = whole.clone();
        ipv6[at] = octet;
        ipv6
    };
    assert_eq!(verdict(&with(0, 0x40)), Err(Reason::NotMld));
    assert_eq!(verdict(&with(6, 17)), Err(Reason::NotMld));
    assert_eq!(verdict(&with(48, 200)), Err(Reason::NotMld));
    // Truncated before the hop limit, the hop limit before the Router Alert.
    let mut wrong = with(7, 2);
    wrong[42] = 1;
    assert_eq!(verdict(&wrong[..50]), Err(Reason::Truncated));
    assert_eq!(verdict(&wrong), Err(Reason::HopLimit));
    wrong[7] = 1;
    wrong[8..24].fill(0);
    assert_eq!(verdict(&wrong), Err(Reason::NoRouterAlert));
    wrong[42] = 5;
    assert_eq!(verdict(&wrong), Err(Reason::SourceUnspecified));
    // Octets past the payload do not exist.
    let mut longer = whole.clone();
    longer.extend([1, 2, 3]);
    assert_eq!(verdict(&longer), Ok(Heard::ReportV2));
    assert_eq!(verdict(&packet(ME, V2_ROUTERS, report(&[]))), Err(Reason::OwnAddress));
    assert_eq!(Model::new(ModelSettings::default()).packet(0, &whole), Err(Reason::BeforeStart));
}

#[test]
fn another_kind_of_router_alert_is_none() {
    let mut ipv6 = packet(HOST, V2_ROUTERS, report(&[(4, G, &[])]));
    ipv6[45] = 1;
    assert_eq!(verdict(&ipv6), Err(Reason::NoRouterAlert));
    let mut model = started(ModelSettings { require_router_alert: false, ..ModelSettings::default() });
    assert_eq!(model.packet(0, &ipv6), Ok(Heard::ReportV2));
}

#[test]
fn the_alert_stands_in_the_first_header_alone() {
    let plain = packet(HOST, V2_ROUTERS, report(&[(4, G, &[])]));
    // The same options in a destination options header.
    let mut ipv6 = plain.clone();
    ipv6[6] = 60;
    assert_eq!(verdict(&ipv6), Err(Reason::NoRouterAlert));
    // Behind a hop-by-hop header with the alert they do no harm; a second hop-by-hop header is not walked.
    let mut ipv6 = plain.clone();
    ipv6[5] += 8;
    ipv6[40] = 60;
    ipv6.splice(48..48, [58, 0, 1, 4, 0, 0, 0, 0]);
    assert_eq!(verdict(&ipv6), Ok(Heard::ReportV2));
    ipv6[40] = 0;
    assert_eq!(verdict(&ipv6), Err(Reason::NotMld));
}

#[test]
fn an_authentication_header_is_walked_by_its_own_measure() {
    let mut ipv6 = packet(HOST, V2_ROUTERS, report(&[(4, G, &[])]));
    ipv6[40] = 51;
    ipv6[5] += 12;
    // One unit of four octets beyond the first eight.
    ipv6.splice(48..48, [58, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
    assert_eq!(verdict(&ipv6), Ok(Heard::ReportV2));
    ipv6[49] = 200;
    assert_eq!(verdict(&ipv6), Err(Reason::Truncated));
}

#[test]
fn fragments_are_refused() {
    let plain = packet(HOST, V2_ROUTERS, report(&[(4, G, &[])]));
    let fragmented = |place: [u8; 2], next: u8| {
        let mut ipv6 = plain.clone();
        ipv6[40] = 44;
        ipv6[5] += 8;
        ipv6.splice(48..48, [next, 0, place[0], place[1], 0, 0, 0, 1]);
        ipv6
    };
    assert_eq!(verdict(&fragmented([0, 1], 58)), Err(Reason::Fragment));
    assert_eq!(verdict(&fragmented([0, 0], 58)), Err(Reason::Fragment));
    assert_eq!(verdict(&fragmented([0, 0], 17)), Err(Reason::NotMld));
    assert_eq!(verdict(&fragmented([0, 8], 58)), Err(Reason::NotMld));
}

#[test]
fn lengths_decide_what_a_query_is() {
    let query = long(10_000, Ipv6Addr::UNSPECIFIED, false, 2, 125, &[]);
    let of = |length: usize| {
        let mut message = query.clone();
        message.resize(length, 0);
        verdict(&packet(LOWER, ALL_NODES, message))
    };
    for length in [8, 20, 23, 25, 26, 27] {
        assert_eq!(of(length), Err(Reason::BadLength), "{length}");
    }
    for length in [24, 28, 29, 44] {
        assert_eq!(of(length), Ok(Heard::Query), "{length}");
    }
    // The count wins over the length: without it the query is for the whole group.
    let mut model = started(ModelSettings::default());
    hear(&mut model, 0, &[(2, G, &[])]);
    let mut message = long(1000, G, false, 2, 125, &[s(1)]);
    message[27] = 0;
    model.packet(10_000, &packet(LOWER, G, message)).unwrap();
    assert_eq!(state(model.groups().get(&G)), "EXCLUDE(;) FT@12");
}

#[test]
fn destinations_are_any_multicast_and_the_own_address() {
    for to in [ALL_NODES, ALL_ROUTERS, V2_ROUTERS, G, ME] {
        for message in [
            report(&[(4, G, &[])]),
            short(131, 0, G),
            short(132, 0, G),
            long(1000, G, false, 2, 125, &[]),
            short(130, 1000, Ipv6Addr::UNSPECIFIED),
        ] {
            assert!(verdict(&packet(LOWER, to, message.clone())).is_ok());
            let elsewhere = verdict(&packet(LOWER, local(0x77), message));
            assert_eq!(elsewhere, Err(Reason::Destination));
        }
    }
    let settings = ModelSettings { strict_query_destination: true, ..ModelSettings::default() };
    let general = long(10_000, Ipv6Addr::UNSPECIFIED, false, 2, 125, &[]);
    let mut model = started(settings);
    for to in [ALL_ROUTERS, ME, G] {
        let verdict = model.packet(0, &packet(LOWER, to, general.clone()));
        assert_eq!(verdict, Err(Reason::Destination));
    }
    let specific = packet(LOWER, ALL_NODES, long(1000, G, false, 2, 125, &[]));
    assert_eq!(model.packet(0, &specific), Err(Reason::Destination));
    assert_eq!(model.packet(0, &packet(LOWER, ALL_NODES, general)), Ok(Heard::Query));
}

#[test]
fn queries_are_for_groups() {
    for group in [ALL_NODES, s(1), LOWER] {
        let ipv6 = packet(LOWER, ALL_NODES, long(1000, group, false, 2, 125, &[]));
        assert_eq!(verdict(&ipv6), Err(Reason::GroupAddress));
    }
}

#[test]
fn either_zero_of_the_checksum_is_taken() {
    // Two octets of the group are chosen so that the computed checksum is zero.
    let mut message = short(131, 0, G);
    let sum = folded_sum(HOST, G, &message);
    let reserved = 0xffff - sum;
    message[6..8].copy_from_slice(&reserved.to_be_bytes());
    assert_eq!(folded_sum(HOST, G, &message), 0xffff);
    let mut ipv6 = packet(HOST, G, message);
    assert_eq!(ipv6[50..52], [0, 0]);
    assert_eq!(verdict(&ipv6), Ok(Heard::ReportV1));
    ipv6[50..52].fill(0xff);
    assert_eq!(verdict(&ipv6), Ok(Heard::ReportV1));
    ipv6[50] = 0xfe;
    assert_eq!(verdict(&ipv6), Err(Reason::BadChecksum));
}

#[test]
fn codes_carry_the_next_lower_value() {
    for (ms, code, decoded) in [
        (0, 0, 0),
        (10_000, 0x2710, 10_000),
        (32_767, 0x7fff, 32_767),
        (32_768, 0x8000, 32_768),
        (32_775, 0x8000, 32_768),
        (32_776, 0x8001, 32_776),
        (40_007, 0x8388, 40_000),
        (60_000, 0x8d4c, 60_000),
        (65_535, 0x8fff, 65_528),
        (65_551, 0x9000, 65_536),
        (128_000, 0x9f40, 128_000),
        (131_072, 0xa000, 131_072),
        (3_600_000, 0xeb77, 3_599_872),
        (8_387_583, 0xfffe, 8_386_560),
        (8_387_584, 0xffff, 8_387_584),
        (10_000_000, 0xffff, 8_387_584),
    ] {
        assert_eq!((encode_response(ms), decode_response(code)), (code, decoded), "{ms}");
    }
    for (seconds, code, decoded) in [
        (0, 0, 0),
        (125, 0x7d, 125),
        (127, 0x7f, 127),
        (135, 0x80, 128),
        (136, 0x81, 136),
        (150, 0x82, 144),
        (255, 0x8f, 248),
        (256, 0x90, 256),
        (512, 0xa0, 512),
        (3_600, 0xcc, 3_584),
        (31_743, 0xfe, 30_720),
        (31_744, 0xff, 31_744),
        (40_000, 0xff, 31_744),
    ] {
        assert_eq!((encode_interval(seconds), decode_interval(code)), (code, decoded), "{seconds}");
    }
    for code in 0..=u16::MAX {
        assert_eq!(encode_response(decode_response(code)), code);
    }
    for code in 0..=u8::MAX {
        assert_eq!(encode_interval(decode_interval(code)), code);
    }
}

#[test]
fn sent_queries_have_the_octets_of_the_standard() {
    // Each Query that the model wants, written down, is the packet of the vector.
    for name in ["general-query", "group-query", "group-query-s", "source-query", "source-query-s"] {
        let strict = strict(&vector(name), 1500).unwrap();
        let Sent::Query { source, query } = strict else { panic!("{name}") };
        assert_eq!((source, query.version, query.qrv, query.qqic), (LOWER, 2, 2, 0x7d), "{name}");
    }
    let mut model = Model::new(ModelSettings::default());
    model.start(0, Some(ME));
    hear(&mut model, 0, &[(4, G, &[])]);
    hear(&mut model, 0, &[(3, G, &[])]);
    let sent = model.take_sent();
    let facts: Vec<_> = sent.iter().map(|query| (query.response_code, query.qrv, query.qqic)).collect();
    assert_eq!(facts, [(0x2710, 2, 0x7d), (0x03e8, 2, 0x7d)]);
    assert_eq!((sent[0].destination, sent[1].destination), (ALL_NODES, G));
    let settings = ModelSettings {
        robustness: 8,
        query_interval_ms: 260_000,
        response_interval_ms: 60_000,
        ..ModelSettings::default()
    };
    let mut model = Model::new(settings);
    model.start(0, Some(ME));
    let sent = model.take_sent();
    assert_eq!((sent[0].response_code, sent[0].qrv, sent[0].qqic), (0x8d4c, 0, 0x90));
}
