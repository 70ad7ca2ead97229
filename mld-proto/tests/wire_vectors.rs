//! Packets octet for octet: what they say, what the library writes, and what a router makes of them.

mod craft;

use core::net::Ipv6Addr;
use core::time::Duration;
use std::collections::BTreeSet;

use craft::vectors::{all, packet};
use craft::*;
use mld_proto::router::{GroupState, Item, Storage};
use mld_proto::wire::{
    Message, Packet, QueryFields, QueryFlags, RecordType, Writer, decode_interval_code, decode_response_code,
    encode_interval_code, encode_response_code,
};
use mld_proto::{BufferTooSmall, Config, Discard, Event, FilterMode, Querier, Router, Transmit, Version};

const GROUP: &str = "ff0e::1:1";
const SSM: &str = "ff3e::8000:1";

/// A message in plain values.
#[derive(Clone, Debug, PartialEq)]
enum Said {
    QueryV1 {
        group: Ipv6Addr,
        delay: u16,
    },
    QueryV2 {
        group: Ipv6Addr,
        delay: u32,
        suppress: bool,
        robustness: u8,
        interval: u32,
        sources: Vec<Ipv6Addr>,
    },
    ReportV1(Ipv6Addr),
    Done(Ipv6Addr),
    ReportV2(Vec<(Option<RecordType>, Ipv6Addr, Vec<Ipv6Addr>)>),
}

fn addresses(sources: &[mld_proto::wire::WireAddr]) -> Vec<Ipv6Addr> {
    sources.iter().map(|source| Ipv6Addr::from(*source)).collect()
}

fn said(message: &Message<'_>) -> Said {
    match message {
        Message::Query(query) if query.version == Version::V1 => {
            assert_eq!((query.flags, query.robustness, query.interval_code), (QueryFlags::empty(), 0, 0));
            assert!(query.sources.is_empty());
            Said::QueryV1 { group: query.group, delay: query.response_delay_ms.try_into().unwrap() }
        }
        Message::Query(query) => Said::QueryV2 {
            group: query.group,
            delay: query.response_delay_ms,
            suppress: query.flags.contains(QueryFlags::SUPPRESS),
            robustness: query.robustness,
            interval: decode_interval_code(query.interval_code),
            sources: addresses(query.sources),
        },
        Message::ReportV1(group) => Said::ReportV1(group.get()),
        Message::Done(group) => Said::Done(group.get()),
        Message::ReportV2(report) => Said::ReportV2(
            report.records().map(|record| (record.record, record.group, addresses(record.sources))).collect(),
        ),
    }
}

fn write(said: &Said, source: Ipv6Addr, buffer: &mut [u8]) -> Result<Transmit, BufferTooSmall> {
    let writer = match said {
        Said::QueryV1 { group, delay } => Writer::query_v1(buffer, *group, *delay)?,
        Said::QueryV2 { group, delay, suppress, robustness, interval, sources } => {
            let fields = QueryFields {
                group: *group,
                response_code: encode_response_code((*delay).into()),
                flags: if *suppress { QueryFlags::SUPPRESS } else { QueryFlags::empty() },
                robustness: *robustness,
                interval_code: encode_interval_code((*interval).into()),
            };
            let mut writer = Writer::query_v2(buffer, fields)?;
            for source in sources {
                writer.source(*source)?;
            }
            writer
        }
        Said::ReportV1(group) => Writer::report_v1(buffer, (*group).try_into().unwrap())?,
        Said::Done(group) => Writer::done(buffer, (*group).try_into().unwrap())?,
        Said::ReportV2(records) => {
            let mut writer = Writer::report_v2(buffer)?;
            for (record, group, sources) in records {
                writer.record(record.expect("a known type"), *group)?;
                for source in sources {
                    writer.source(*source)?;
                }
            }
            writer
        }
    };
    Ok(writer.finish(source))
}

/// The contents of a packet, checked to be written to the same octets again.
fn assert_round_trip(name: &str, source: &str, destination: &str, expected: &Said) {
    let octets = packet(name);
    let read = Packet::parse(&octets).unwrap();
    assert_eq!((read.source, read.destination), (ip(source), ip(destination)), "{name}");
    assert!(read.hop_limit == 1 && read.router_alert && !read.fragment, "{name}");
    assert_eq!(read.message, &octets[48..], "{name}");
    assert_eq!(&said(&Message::parse(read.message, Version::V2).unwrap()), expected, "{name}");

    let mut buffer = [0xa5; 160];
    let sent = write(expected, ip(source), &mut buffer).unwrap();
    assert_eq!(sent.destination, ip(destination), "{name}");
    assert_eq!(buffer[..sent.len], octets, "{name}");
    assert_eq!(buffer[sent.message()], octets[48..], "{name}");
    assert!(buffer[sent.len..].iter().all(|octet| *octet == 0xa5), "{name}: nothing behind the packet");

    for len in 0..octets.len() {
        let mut short = vec![0; len];
        let error = write(expected, ip(source), &mut short).unwrap_err();
        assert!(error.needed > len && error.needed <= octets.len(), "{name}: {error:?} for {len} octets");
    }
}

fn query_v2(group: &str, delay: u32, suppress: bool, sources: &[Ipv6Addr]) -> Said {
    let sources = sources.to_vec();
    Said::QueryV2 { group: ip(group), delay, suppress, robustness: 2, interval: 125, sources }
}

fn records(list: &[(RecordType, &str, &[Ipv6Addr])]) -> Said {
    Said::ReportV2(
        list.iter().map(|(record, group, sources)| (Some(*record), ip(group), sources.to_vec())).collect(),
    )
}

fn accepted<T: Storage>(router: &mut Router<T>, now: u64, name: &str) -> Vec<Item> {
    router.handle_packet(at(now), &packet(name)).unwrap_or_else(|reason| panic!("{name}: {reason}")).collect()
}

fn joined() -> BoxRouter {
    let mut router = router(Config::DEFAULT);
    accepted(&mut router, 0, "E-11");
    router
}

fn expires(router: &BoxRouter, address: &str) -> u64 {
    router.group(group(address)).unwrap().expires().as_millis()
}

fn source_expires(router: &BoxRouter, address: &str, source: Ipv6Addr) -> Option<u64> {
    let group = router.group(group(address)).unwrap();
    let found = group.sources().find(|found| found.address() == source).expect("a listed source");
    found.expires().map(|moment| moment.as_millis())
}

// E-01, E-02, R-WIRE-1 to 4, R-WIRE-20, R-WIRE-49, R-WIRE-50
#[test]
fn general_queries_of_version_2_round_trip() {
    assert_round_trip("E-01", "fe80::1", "ff02::1", &query_v2("::", 10_000, false, &[]));
    assert_round_trip("E-02", "fe80::2", "ff02::1", &query_v2("::", 10_000, false, &[]));
}

// E-03, E-04, R-WIRE-50
#[test]
fn group_specific_queries_round_trip_with_and_without_the_flag() {
    assert_round_trip("E-03", "fe80::1", GROUP, &query_v2(GROUP, 1000, false, &[]));
    assert_round_trip("E-04", "fe80::1", GROUP, &query_v2(GROUP, 1000, true, &[]));
}

// E-05, E-06, R-WIRE-46
#[test]
fn source_specific_queries_round_trip() {
    assert_round_trip("E-05", "fe80::1", GROUP, &query_v2(GROUP, 1000, false, &[source(1), source(2)]));
    assert_round_trip("E-06", "fe80::1", GROUP, &query_v2(GROUP, 1000, true, &[source(1)]));
}

// E-07, E-08, R-WIRE-22, R-WIRE-24, R-WIRE-25, R-WIRE-27
#[test]
fn queries_of_version_1_round_trip() {
    assert_round_trip("E-07", "fe80::1", "ff02::1", &Said::QueryV1 { group: NOBODY, delay: 10_000 });
    assert_round_trip("E-08", "fe80::1", GROUP, &Said::QueryV1 { group: ip(GROUP), delay: 1000 });
}

// E-09, E-10, E-36, R-WIRE-24, R-WIRE-25, R-WIRE-27
#[test]
fn reports_and_done_of_version_1_round_trip() {
    assert_round_trip("E-09", "fe80::a", GROUP, &Said::ReportV1(ip(GROUP)));
    assert_round_trip("E-10", "fe80::a", "ff02::2", &Said::Done(ip(GROUP)));
    assert_round_trip("E-36", "fe80::a", SSM, &Said::ReportV1(ip(SSM)));
}

// E-11 to E-14, E-17, E-35, R-WIRE-61
#[test]
fn reports_of_one_record_round_trip() {
    let to_routers = "ff02::16";
    for (name, from, record, group, sources) in [
        ("E-11", "fe80::a", RecordType::ToEx, GROUP, &[][..]),
        ("E-12", "fe80::a", RecordType::ToIn, GROUP, &[]),
        ("E-13", "fe80::a", RecordType::Allow, SSM, &[source(1), source(2)]),
        ("E-14", "fe80::a", RecordType::Block, SSM, &[source(1)]),
        ("E-17", "::", RecordType::ToEx, "ff02::1:ff00:a", &[]),
        ("E-35", "fe80::a", RecordType::IsEx, SSM, &[]),
    ] {
        assert_round_trip(name, from, to_routers, &records(&[(record, group, sources)]));
    }
}

// E-15, E-16
#[test]
fn reports_of_several_records_round_trip() {
    let current: [(RecordType, &str, &[Ipv6Addr]); 3] = [
        (RecordType::IsEx, GROUP, &[]),
        (RecordType::IsIn, SSM, &[source(1)]),
        (RecordType::IsEx, "ff02::1:ff00:a", &[]),
    ];
    assert_round_trip("E-15", "fe80::a", "ff02::16", &records(&current));
    let change: [(RecordType, &str, &[Ipv6Addr]); 2] =
        [(RecordType::Allow, SSM, &[source(3)]), (RecordType::Block, SSM, &[source(1)])];
    assert_round_trip("E-16", "fe80::a", "ff02::16", &records(&change));
}

// E-22, R-WIRE-44: written with Robustness Variable 8, read as 0; the interval of 260 s is not one that a code has.
#[test]
fn robustness_8_and_interval_260_are_announced_as_0_and_256() {
    let octets = packet("E-22");
    let mut buffer = [0; 76];
    let written = Said::QueryV2 {
        group: NOBODY,
        delay: 60_000,
        suppress: false,
        robustness: 8,
        interval: 260,
        sources: vec![],
    };
    assert_eq!(write(&written, LOWER, &mut buffer).unwrap().len, 76);
    assert_eq!(buffer[..], octets);
    let read = Said::QueryV2 {
        group: NOBODY,
        delay: 60_000,
        suppress: false,
        robustness: 0,
        interval: 256,
        sources: vec![],
    };
    assert_round_trip("E-22", "fe80::1", "ff02::1", &read);
}

#[test]
fn every_packet_said_to_round_trip_is_in_a_test_of_it() {
    let names: Vec<_> =
        all().into_iter().filter(|vector| vector.round_trip).map(|vector| vector.name).collect();
    let numbers = (1..=17).chain([22, 35, 36]);
    assert_eq!(names, numbers.map(|number| format!("E-{number:02}")).collect::<Vec<_>>());
}

// R-WIRE-8, R-WIRE-9: the checksums of the packets are right by an independent sum, except the one that is wrong.
#[test]
fn checksums_agree_with_an_independent_sum() {
    for vector in all() {
        let read = Packet::parse(&vector.octets).unwrap();
        let sum = checksum(read.source, read.destination, read.message);
        let right = mld_proto::wire::checksum::verify(read.source, read.destination, read.message);
        assert_eq!(right, sum == 0, "{}", vector.name);
        assert_eq!(right, vector.name != "E-23", "{}", vector.name);
    }
}

// R-WIRE-9, R-WIRE-31, R-WIRE-52, R-WIRE-53, R-WIRE-55, R-WIRE-56, R-WIRE-66, R-WIRE-72
#[test]
fn every_packet_has_its_verdict_and_its_counter() {
    for vector in all() {
        let mut router = router(Config::DEFAULT);
        let (before, picture) = (*router.stats(), Picture::of(&router));
        let result = router.handle_packet(at(1000), &vector.octets).map(|items| items.count());
        match vector.refused {
            None => {
                assert!(result.is_ok(), "{}: {result:?}", vector.name);
                let received = router.stats().received;
                assert_eq!(
                    received.query + received.report_v1 + received.report_v2 + received.done,
                    1,
                    "{}",
                    vector.name
                );
                assert_eq!(router.stats().dropped, before.dropped, "{}", vector.name);
            }
            Some(reason) => {
                assert_eq!(result, Err(reason), "{}", vector.name);
                let kind = Craft::new(NOBODY, NOBODY, message_of(&vector.octets)).kind();
                assert_eq!(*router.stats(), counted(before, reason, kind), "{}", vector.name);
                assert_eq!(Picture::of(&router), picture, "{}", vector.name);
                assert_eq!(drain(&mut router, at(1000)), (vec![], vec![]), "{}", vector.name);
            }
        }
    }
}

fn message_of(octets: &[u8]) -> Vec<u8> {
    octets[if octets[6] == 0 { 48 } else { 40 }..].to_vec()
}

// E-01, E-24, E-25, E-20, E-32, R-WIRE-48, R-WIRE-77
#[test]
fn general_query_of_a_lower_address_wins_however_it_is_padded() {
    for name in ["E-01", "E-20", "E-24", "E-25", "E-32"] {
        let mut router = router(Config::DEFAULT);
        assert!(accepted(&mut router, 1000, name).is_empty(), "{name}");
        assert_eq!(router.querier(), Querier::Other(LOWER), "{name}");
        assert_eq!(drain(&mut router, at(1000)), (vec![], vec![Event::Querier]), "{name}");
        let stats = router.stats();
        assert_eq!((stats.received.query, stats.version_1_queries), (1, 0), "{name}: of version 2");
        assert_eq!(router.robustness_variable(), 2, "{name}");
        assert_eq!(router.query_interval(), Duration::from_secs(125), "{name}");
        assert_eq!(router.other_querier_present_interval(), Duration::from_secs(255), "{name}");
    }
}

// E-02, R-ELE-2
#[test]
fn general_query_of_the_higher_address_loses() {
    let mut router = Router::new(Config::DEFAULT, tables(4, 4), 1);
    router.start(at(0), Some(LOWER));
    drain(&mut router, at(0));
    let before = Picture::of(&router);
    accepted(&mut router, 0, "E-02");
    assert_eq!(Picture::of(&router), before);
    assert_eq!(router.querier(), Querier::Own(LOWER));
    assert_eq!(router.stats().received.query, 1);
}

// E-22, A-16, R-TIM-8: a robustness of 0 leaves the configured one.
#[test]
fn announced_interval_and_delay_are_adopted() {
    let mut router = router(Config::DEFAULT);
    accepted(&mut router, 1000, "E-22");
    assert_eq!(router.robustness_variable(), 2);
    assert_eq!(router.query_interval(), Duration::from_secs(256));
    assert_eq!(router.other_querier_present_interval(), Duration::from_secs(2 * 256 + 30));
    assert_eq!(router.listening_interval(), Duration::from_secs(2 * 256 + 2 * 60));
}

// E-03, E-04, R-RXQ-1, R-RXQ-2
#[test]
fn group_specific_query_lowers_the_filter_timer_unless_the_flag_is_set() {
    for (name, deadline) in [("E-03", 3000), ("E-04", 270_000)] {
        let mut router = joined();
        accepted(&mut router, 1000, name);
        assert_eq!(expires(&router, GROUP), deadline, "{name}");
        assert_eq!(router.querier(), Querier::Other(LOWER), "{name}: elected all the same");
    }
}

// E-05, E-06, R-RXQ-1
#[test]
fn source_specific_query_lowers_source_timers_unless_the_flag_is_set() {
    for (name, deadline) in [("E-05", 3000), ("E-06", 270_000)] {
        let mut router = router(Config::DEFAULT);
        let three = [source(1), source(2), source(3)];
        accept(&mut router, 0, &Craft::report_v2(H1).record(ALLOW, GROUP, &three));
        accepted(&mut router, 1000, name);
        assert_eq!(source_expires(&router, GROUP, source(1)), Some(deadline), "{name}");
        assert_eq!(source_expires(&router, GROUP, source(2)), Some(deadline), "{name}");
        assert_eq!(source_expires(&router, GROUP, source(3)), Some(270_000), "{name}: not asked for");
    }
}

// E-07, R-CMP-1, R-CMP-7, R-ELE-11
#[test]
fn version_1_general_query_wins_and_is_counted_as_such() {
    let mut router = router(Config::DEFAULT);
    accepted(&mut router, 1000, "E-07");
    assert_eq!(router.querier(), Querier::Other(LOWER));
    let stats = router.stats();
    assert_eq!((stats.received.query, stats.version_1_queries, stats.lost_to_version_1), (1, 1, 1));
    assert_eq!(router.config().version(), Version::V2, "no fallback");
}

// E-08, R-V1R-8
#[test]
fn version_1_specific_query_lowers_the_group_timer_of_a_non_querier() {
    for version in [Version::V1, Version::V2] {
        let mut router = router(Config::builder().version(version).build().unwrap());
        accepted(&mut router, 0, "E-09");
        accepted(&mut router, 1000, "E-07");
        accepted(&mut router, 2000, "E-08");
        assert_eq!(expires(&router, GROUP), 4000, "{version:?}");
        assert_eq!(router.state(group(GROUP)), GroupState::CheckingListeners, "{version:?}");
    }
}

// E-09, R-CMP-11, R-CMP-12
#[test]
fn version_1_report_excludes_nothing_and_sets_the_mode_of_the_group() {
    let mut router = router(Config::DEFAULT);
    let items = accepted(&mut router, 1000, "E-09");
    assert_eq!(items, [Item::Report { group: group(GROUP), reporter: H1, record: RecordType::Report }]);
    assert_eq!(lists(&router, GROUP), exclude(&[], &[]));
    assert_eq!(router.group(group(GROUP)).unwrap().compatibility_mode(), Version::V1);
    assert_eq!(expires(&router, GROUP), 271_000);
}

// E-34, R-WIRE-26
#[test]
fn version_1_report_with_octets_behind_it_is_used() {
    let mut router = router(Config::DEFAULT);
    accepted(&mut router, 1000, "E-34");
    assert_eq!(router.group(group(GROUP)).unwrap().compatibility_mode(), Version::V1);
}

// E-10, R-CMP-13, R-CMP-14
#[test]
fn done_asks_for_a_group_in_version_1_mode_and_for_no_other() {
    let mut router = router(Config::DEFAULT);
    accepted(&mut router, 0, "E-09");
    drain(&mut router, at(0));
    let items = accepted(&mut router, 1000, "E-10");
    assert_eq!(items, [Item::Done { group: group(GROUP), reporter: H1 }]);
    assert_eq!(expires(&router, GROUP), 3000);
    assert_eq!(drain(&mut router, at(1000)).0.len(), 1);

    let mut router = joined();
    drain(&mut router, at(0));
    accepted(&mut router, 1000, "E-10");
    assert_eq!(expires(&router, GROUP), 270_000);
    assert_eq!(drain(&mut router, at(1000)), (vec![], vec![]));
}

// E-11, E-12, R-QRY-4
#[test]
fn join_excludes_nothing_and_leave_asks() {
    let mut router = joined();
    assert_eq!(lists(&router, GROUP), exclude(&[], &[]));
    assert_eq!(drain(&mut router, at(0)), (vec![], vec![Event::Membership(group(GROUP))]));
    let items = accepted(&mut router, 1000, "E-12");
    assert_eq!(items, [Item::Report { group: group(GROUP), reporter: H1, record: RecordType::ToIn }]);
    assert_eq!(expires(&router, GROUP), 3000);
}

// E-13, E-14, E-16
#[test]
fn sources_of_an_ssm_group_come_and_go() {
    let mut router = router(Config::DEFAULT);
    accepted(&mut router, 0, "E-13");
    assert_eq!(lists(&router, SSM), include(&[source(1), source(2)]));
    accepted(&mut router, 1000, "E-14");
    assert_eq!(source_expires(&router, SSM, source(1)), Some(3000));
    assert_eq!(source_expires(&router, SSM, source(2)), Some(270_000));

    let mut router = self::router(Config::DEFAULT);
    accepted(&mut router, 0, "E-13");
    let items = accepted(&mut router, 1000, "E-16");
    let told = |record| Item::Report { group: group(SSM), reporter: H1, record };
    assert_eq!(items, [told(RecordType::Allow), told(RecordType::Block)], "in wire order");
    assert_eq!(source_expires(&router, SSM, source(1)), Some(3000));
    assert_eq!(source_expires(&router, SSM, source(2)), Some(270_000));
    assert_eq!(source_expires(&router, SSM, source(3)), Some(271_000));
}

// E-15
#[test]
fn answer_to_a_general_query_makes_three_groups() {
    let mut router = router(Config::DEFAULT);
    let items = accepted(&mut router, 0, "E-15");
    assert_eq!(items.len(), 3);
    assert_eq!(lists(&router, GROUP), exclude(&[], &[]));
    assert_eq!(lists(&router, SSM), include(&[source(1)]));
    assert_eq!(lists(&router, "ff02::1:ff00:a"), exclude(&[], &[]));
    assert_eq!(router.groups().count(), 3);
}

// E-18, R-WIRE-62: the unit of auxiliary data is four octets.
#[test]
fn record_behind_auxiliary_data_is_found() {
    let mut router = router(Config::DEFAULT);
    assert_eq!(accepted(&mut router, 0, "E-18").len(), 2);
    assert_eq!(lists(&router, GROUP), exclude(&[], &[]));
    assert_eq!(lists(&router, "ff0e::1:2"), exclude(&[], &[]));
}

// E-19, R-WIRE-63
#[test]
fn record_behind_one_of_unknown_type_is_used() {
    let mut router = router(Config::DEFAULT);
    let items = accepted(&mut router, 0, "E-19");
    assert_eq!(items, [Item::Report { group: group("ff0e::1:2"), reporter: H1, record: RecordType::ToEx }]);
    assert_eq!(lists(&router, GROUP), None);
    assert_eq!(lists(&router, "ff0e::1:2"), exclude(&[], &[]));
}

// E-35, E-36, R-SSM-3, R-SSM-5
#[test]
fn reports_without_sources_for_an_ssm_group_leave_no_trace() {
    for name in ["E-35", "E-36"] {
        let mut router = router(Config::DEFAULT);
        accepted(&mut router, 0, "E-13");
        drain(&mut router, at(0));
        let before = Picture::of(&router);
        assert!(accepted(&mut router, 0, name).is_empty(), "{name}");
        assert_eq!(Picture::of(&router), before, "{name}");
        assert_eq!(drain(&mut router, at(0)), (vec![], vec![]), "{name}");
    }
}

/// A querier with the address of the packets in the file.
fn querier(config: Config) -> (BoxRouter, Vec<Vec<u8>>) {
    let mut router = Router::new(config, tables(8, 1024), 1);
    router.start(at(0), Some(LOWER));
    let (sent, _) = drain(&mut router, at(0));
    (router, sent)
}

// E-01, E-07, R-QRY-2, R-V1R-1, R-V1R-5, R-CMP-3
#[test]
fn first_packet_sent_is_the_general_query_of_its_version() {
    assert_eq!(querier(Config::DEFAULT).1, [packet("E-01")]);
    let version_1 = Config::builder().version(Version::V1).build().unwrap();
    assert_eq!(querier(version_1).1, [packet("E-07")]);
}

// E-22, R-WIRE-41, R-WIRE-43, R-WIRE-44
#[test]
fn values_without_a_code_are_sent_as_the_next_lower_ones() {
    let config = Config::builder()
        .robustness_variable(8)
        .query_interval(Duration::from_secs(260))
        .query_response_interval(Duration::from_millis(60_007));
    let (router, sent) = querier(config.build().unwrap());
    assert_eq!(sent, [packet("E-22")]);
    assert_eq!(router.query_interval(), Duration::from_secs(260), "kept as configured");
}

// R-CMP-4: in version 1 the delay is linear, whatever its size.
#[test]
fn version_1_general_query_bears_a_linear_delay() {
    let config = Config::builder().version(Version::V1).query_response_interval(Duration::from_secs(60));
    let (_, sent) = querier(config.build().unwrap());
    assert_eq!(sent, [Craft::query_v1(LOWER, NOBODY, 0xea60).bytes()]);
}

// E-03, E-04, R-QRY-5, R-QRY-13
#[test]
fn sent_group_specific_query_has_the_flag_after_a_refresh() {
    let (mut router, _) = querier(Config::DEFAULT);
    accepted(&mut router, 0, "E-11");
    drain(&mut router, at(0));
    accepted(&mut router, 1000, "E-12");
    assert_eq!(drain(&mut router, at(1000)).0, [packet("E-03")]);
    accepted(&mut router, 1500, "E-11");
    drain(&mut router, at(1500));
    assert_eq!(run_to(&mut router, 20_000), [(2000, packet("E-04"))]);
}

// E-05, E-06, R-QRY-8, R-QRY-13: sources may stand in any order.
#[test]
fn sent_source_specific_query_has_the_flag_for_refreshed_sources() {
    let (mut router, _) = querier(Config::DEFAULT);
    let both = [source(1), source(2)];
    accept(&mut router, 0, &Craft::report_v2(H1).record(ALLOW, GROUP, &both));
    drain(&mut router, at(0));
    accept(&mut router, 1000, &Craft::report_v2(H1).record(BLOCK, GROUP, &both));
    let (sent, _) = drain(&mut router, at(1000));
    let expected = packet("E-05");
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0][..76], expected[..76]);
    assert_eq!(asked(&sent[0]), BTreeSet::from(both));
    assert_eq!(sent[0].len(), expected.len());

    let (mut router, _) = querier(Config::DEFAULT);
    accept(&mut router, 0, &Craft::report_v2(H1).record(ALLOW, GROUP, &both));
    accept(&mut router, 1000, &Craft::report_v2(H1).record(BLOCK, GROUP, &both[..1]));
    drain(&mut router, at(1000));
    accept(&mut router, 1500, &Craft::report_v2(H2).record(IS_IN, GROUP, &both[..1]));
    drain(&mut router, at(1500));
    assert_eq!(run_to(&mut router, 20_000), [(2000, packet("E-06"))]);
}

// E-08, R-V1R-6, R-CMP-5
#[test]
fn sent_specific_query_of_version_1_has_24_octets() {
    let (mut router, _) = querier(Config::builder().version(Version::V1).build().unwrap());
    accepted(&mut router, 0, "E-09");
    drain(&mut router, at(0));
    accepted(&mut router, 1000, "E-10");
    assert_eq!(drain(&mut router, at(1000)).0, [packet("E-08")]);
    assert_eq!(run_to(&mut router, 20_000), [(2000, packet("E-08"))]);
}

/// The sources of a sent Query, each once.
fn asked(packet: &[u8]) -> BTreeSet<Ipv6Addr> {
    let count = usize::from(u16::from_be_bytes([packet[74], packet[75]]));
    assert_eq!(packet.len(), 76 + 16 * count, "R-WIRE-49: nothing behind the sources");
    assert_eq!(checksum(ip_at(packet, 8), ip_at(packet, 24), &packet[48..]), 0);
    let sources: BTreeSet<_> = (0..count).map(|index| ip_at(packet, 76 + 16 * index)).collect();
    assert_eq!(sources.len(), count, "no source twice");
    sources
}

fn ip_at(packet: &[u8], offset: usize) -> Ipv6Addr {
    Ipv6Addr::from(<[u8; 16]>::try_from(&packet[offset..offset + 16]).unwrap())
}

fn many(count: u16) -> Vec<Ipv6Addr> {
    (1..=count).map(source).collect()
}

/// A querier that is due to ask for `count` sources of one group.
fn asking(config: Config, count: u16) -> BoxRouter {
    let (mut router, _) = querier(config);
    accept(&mut router, 0, &Craft::report_v2(H1).record(ALLOW, GROUP, &many(count)));
    drain(&mut router, at(0));
    accept(&mut router, 1000, &Craft::report_v2(H1).record(BLOCK, GROUP, &many(count)));
    router
}

// E-50, R-WIRE-47
#[test]
fn query_holds_as_many_sources_as_the_link_carries() {
    for (mtu, capacity) in [(1280, 75), (1500, 89), (9000, 557)] {
        let mut router = asking(Config::builder().mtu(mtu).build().unwrap(), 601);
        let (sent, _) = drain(&mut router, at(1000));
        let sizes: Vec<_> = sent.iter().map(|packet| asked(packet).len()).collect();
        let full = 601 / capacity;
        let mut expected = vec![capacity; full];
        expected.push(601 - full * capacity);
        assert_eq!(sizes, expected, "MTU {mtu}");
        assert!(sent.iter().all(|packet| packet.len() <= usize::from(mtu)), "MTU {mtu}");
    }
}

// E-54, R-QRY-15
#[test]
fn hundred_sources_are_asked_for_in_two_queries_each_sent_twice() {
    let mut router = asking(Config::DEFAULT, 100);
    let mut times = vec![(1000, drain(&mut router, at(1000)).0)];
    let later = run_to(&mut router, 2999);
    times.push((2000, later.iter().map(|(_, packet)| packet.clone()).collect()));
    assert!(later.iter().all(|(time, _)| *time == 2000), "one Last Listener Query Interval later");
    for (time, sent) in times {
        let lens: Vec<_> = sent.iter().map(Vec::len).collect();
        assert_eq!(lens, [1500, 252], "at {time}");
        assert!(sent.iter().all(|packet| packet[72] == 2), "at {time}: same flag, clear");
        let (first, second) = (asked(&sent[0]), asked(&sent[1]));
        assert!(first.is_disjoint(&second), "at {time}");
        assert_eq!(&first | &second, many(100).into_iter().collect(), "at {time}");
    }
    assert_eq!(router.stats().sent.group_and_source, 4);
    assert_eq!(run_to(&mut router, 20_000), [], "all sources are gone at 3000 and nothing is asked again");
}

/// Takes what is due through a buffer of `len` octets.
fn drain_through(router: &mut BoxRouter, now: u64, len: usize) -> Vec<Vec<u8>> {
    let mut buffer = vec![0; len];
    let mut packets = Vec::new();
    while let Some(sent) = router.poll_transmit(at(now), &mut buffer).unwrap() {
        packets.push(buffer[..sent.len].to_vec());
        assert!(packets.len() < 10_000, "there is an end to what is due");
    }
    packets
}

// R-QRY-15
#[test]
fn buffer_smaller_than_the_link_splits_like_a_smaller_link() {
    for (len, first) in [(1280, 75), (92, 1), (93, 1), (107, 1), (108, 2), (1499, 88)] {
        let mut router = asking(Config::DEFAULT, 100);
        for time in [1000, 2000] {
            router.handle_timeout(at(time));
            let sent = drain_through(&mut router, time, len);
            assert!(sent.iter().all(|packet| packet.len() <= len));
            assert_eq!(asked(&sent[0]).len(), first, "buffer of {len} at {time}");
            let all: Vec<_> = sent.iter().flat_map(|packet| asked(packet)).collect();
            assert_eq!(all.len(), 100, "each source once, buffer of {len} at {time}");
            assert_eq!(BTreeSet::from_iter(all), many(100).into_iter().collect());
        }
        assert_eq!(run_to(&mut router, 3000), [], "asked for as often as through a large buffer");
        assert_eq!(router.groups().count(), 0);
    }
}

#[test]
fn buffer_too_small_consumes_nothing() {
    type Due = fn() -> BoxRouter;
    let general: Due = || {
        let mut router = Router::new(Config::DEFAULT, tables(4, 4), 1);
        router.start(at(0), Some(LOWER));
        router
    };
    let group_specific: Due = || {
        let (mut router, _) = querier(Config::DEFAULT);
        accepted(&mut router, 0, "E-11");
        drain(&mut router, at(0));
        accepted(&mut router, 1000, "E-12");
        router
    };
    let version_1: Due = || {
        let mut router =
            Router::new(Config::builder().version(Version::V1).build().unwrap(), tables(4, 4), 1);
        router.start(at(0), Some(LOWER));
        router
    };
    for (case, due, smallest) in [
        ("general", general, 76),
        ("group-specific", group_specific, 76),
        ("source-specific", || asking(Config::DEFAULT, 100), 92),
        ("version 1", version_1, 72),
    ] {
        let mut straight = due();
        let now = straight.now();
        let expected = drain(&mut straight, now);
        let mut router = due();
        for len in [0, 1, 39, 40, 47, 48, 71, smallest - 1] {
            let (picture, stats) = (Picture::of(&router), *router.stats());
            let error = router.poll_transmit(now, &mut vec![0; len]).unwrap_err();
            assert!(error.needed > len && error.needed <= smallest, "{case}: {error:?} for {len}");
            assert_eq!((Picture::of(&router), *router.stats()), (picture, stats), "{case}");
        }
        assert_eq!(drain(&mut router, now), expected, "{case}: nothing lost");
        assert_eq!(Picture::of(&router), Picture::of(&straight), "{case}");
        assert_eq!(router.stats(), straight.stats(), "{case}");

        let mut router = due();
        let needed = router.poll_transmit(now, &mut []).unwrap_err().needed;
        let first = drain_first(&mut router, now.as_millis(), needed);
        assert!(first.is_some(), "{case}: what is said to be needed does");
    }
}

/// One packet, asking again with what is said to be needed until it fits.
fn drain_first(router: &mut BoxRouter, now: u64, mut len: usize) -> Option<usize> {
    loop {
        match router.poll_transmit(at(now), &mut vec![0; len]) {
            Ok(sent) => return sent.map(|sent| sent.len),
            Err(error) => {
                assert!(error.needed > len);
                len = error.needed;
            }
        }
    }
}

// E-40, R-WIRE-41
#[test]
fn response_codes_are_exact_or_the_next_lower() {
    for (millis, code, decoded) in [
        (0, 0x0000, 0),
        (1, 0x0001, 1),
        (1000, 0x03e8, 1000),
        (10_000, 0x2710, 10_000),
        (32_767, 0x7fff, 32_767),
        (32_768, 0x8000, 32_768),
        (32_775, 0x8000, 32_768),
        (32_776, 0x8001, 32_776),
        (40_000, 0x8388, 40_000),
        (40_007, 0x8388, 40_000),
        (40_008, 0x8389, 40_008),
        (60_000, 0x8d4c, 60_000),
        (65_528, 0x8fff, 65_528),
        (65_535, 0x8fff, 65_528),
        (65_536, 0x9000, 65_536),
        (65_551, 0x9000, 65_536),
        (65_552, 0x9001, 65_552),
        (100_000, 0x986a, 100_000),
        (128_000, 0x9f40, 128_000),
        (131_056, 0x9fff, 131_056),
        (131_072, 0xa000, 131_072),
        (262_144, 0xb000, 262_144),
        (3_600_000, 0xeb77, 3_599_872),
        (8_387_583, 0xfffe, 8_386_560),
        (8_387_584, 0xffff, 8_387_584),
        (10_000_000, 0xffff, 8_387_584),
        (u64::MAX, 0xffff, 8_387_584),
    ] {
        assert_eq!(encode_response_code(millis), code, "{millis} ms");
        assert_eq!(decode_response_code(code), decoded, "{code:#06x}");
    }
}

// E-41, R-WIRE-22, R-WIRE-40: beside it the reading of version 1, which is the number itself.
#[test]
fn response_codes_decode_and_are_linear_in_version_1() {
    for (code, millis) in [
        (0x7fff, 32_767),
        (0x8000, 32_768),
        (0x8001, 32_776),
        (0x8388, 40_000),
        (0x8d4c, 60_000),
        (0x8fff, 65_528),
        (0x9000, 65_536),
        (0x9001, 65_552),
        (0x9f40, 128_000),
        (0xa000, 131_072),
        (0xabcd, 227_744),
        (0xb000, 262_144),
        (0xf000, 4_194_304),
        (0xfffe, 8_386_560),
        (0xffff, 8_387_584),
    ] {
        assert_eq!(decode_response_code(code), millis, "{code:#06x}");
        let long = Craft::query_v2(LOWER, NOBODY, code, &[]).icmpv6();
        for (message, version, delay) in [
            (&long[..], Version::V2, millis),
            (&long[..], Version::V1, u32::from(code)),
            (&long[..24], Version::V2, u32::from(code)),
            (&long[..24], Version::V1, u32::from(code)),
        ] {
            let Ok(Message::Query(query)) = Message::parse(message, version) else { panic!("a Query") };
            assert_eq!(query.response_delay_ms, delay, "{code:#06x}, {} octets, {version:?}", message.len());
        }
    }
}

// E-42, R-WIRE-42, R-WIRE-43
#[test]
fn interval_codes_are_exact_or_the_next_lower() {
    for (seconds, code, decoded) in [
        (0, 0x00, 0),
        (1, 0x01, 1),
        (60, 0x3c, 60),
        (90, 0x5a, 90),
        (125, 0x7d, 125),
        (127, 0x7f, 127),
        (128, 0x80, 128),
        (135, 0x80, 128),
        (136, 0x81, 136),
        (150, 0x82, 144),
        (160, 0x84, 160),
        (164, 0x84, 160),
        (168, 0x85, 168),
        (247, 0x8e, 240),
        (248, 0x8f, 248),
        (255, 0x8f, 248),
        (256, 0x90, 256),
        (270, 0x90, 256),
        (272, 0x91, 272),
        (300, 0x92, 288),
        (496, 0x9f, 496),
        (512, 0xa0, 512),
        (600, 0xa2, 576),
        (1024, 0xb0, 1024),
        (3600, 0xcc, 3584),
        (7936, 0xdf, 7936),
        (16_384, 0xf0, 16_384),
        (31_743, 0xfe, 30_720),
        (31_744, 0xff, 31_744),
        (40_000, 0xff, 31_744),
        (u64::MAX, 0xff, 31_744),
    ] {
        assert_eq!(encode_interval_code(seconds), code, "{seconds} s");
        assert_eq!(decode_interval_code(code), decoded, "{code:#04x}");
    }
}

// E-43, R-WIRE-44, R-WIRE-45, R-TIM-4, A-16
#[test]
fn octet_of_flags_and_robustness_reads_and_writes() {
    for (suppress, robustness, octet) in
        [(false, 2, 0x02), (true, 2, 0x0a), (false, 7, 0x07), (false, 8, 0x00), (true, 9, 0x08)]
    {
        let mut buffer = [0; 76];
        let query = Said::QueryV2 {
            group: ip(GROUP),
            delay: 1000,
            suppress,
            robustness,
            interval: 125,
            sources: vec![],
        };
        let _ = write(&query, LOWER, &mut buffer).unwrap();
        assert_eq!(buffer[72], octet);
    }
    for (octet, suppress, adopted) in [
        (0x02, false, 2),
        (0x0a, true, 2),
        (0x07, false, 7),
        (0x00, false, 3),
        (0x08, true, 3),
        (0x82, false, 2),
        (0xf6, false, 6),
    ] {
        let query = Craft::query_v2(LOWER, ip(GROUP), 1000, &[]).with(24, &[octet]);
        let message = query.icmpv6();
        let Ok(Message::Query(read)) = Message::parse(&message, Version::V2) else { panic!("a Query") };
        assert_eq!(read.flags.contains(QueryFlags::SUPPRESS), suppress, "{octet:#04x}");
        assert_eq!(read.flags.contains(QueryFlags::EXTENSION), octet & 0x80 != 0, "{octet:#04x}");
        assert_eq!(read.robustness, octet & 7, "{octet:#04x}");

        let mut router = router(Config::builder().robustness_variable(3).build().unwrap());
        accept(&mut router, 0, &Craft::report_v2(H1).record(TO_EX, GROUP, &[]));
        let before = expires(&router, GROUP);
        accept(&mut router, 1000, &query);
        assert_eq!(router.robustness_variable(), adopted, "{octet:#04x}: of 0 the configured value stays");
        assert_eq!(
            expires(&router, GROUP) == before,
            suppress,
            "{octet:#04x}: timers lowered unless suppressed"
        );
    }
}

// E-44, R-WIRE-30, R-WIRE-31, R-WIRE-56, R-WIRE-57
#[test]
fn length_of_a_query_decides_its_version() {
    let with_source = Craft::query_v2(LOWER, ip(GROUP), 1000, &[source(1)]).icmpv6();
    let read = |len: usize, count: u8| {
        let mut message = with_source.clone();
        message.resize(44.max(len), 0);
        message[27] = count;
        Message::parse(&message[..len], Version::V2).map(|message| said(&message))
    };
    let v1 = Said::QueryV1 { group: ip(GROUP), delay: 1000 };
    for len in 1..28 {
        let expected = if len == 24 { Ok(v1.clone()) } else { Err(Discard::BadLength) };
        assert_eq!(read(len, 0), expected, "{len} octets");
    }
    for len in 28..44 {
        assert_eq!(read(len, 0), Ok(query_v2(GROUP, 1000, false, &[])), "{len} octets");
        assert_eq!(read(len, 1), Err(Discard::BadLength), "{len} octets");
    }
    assert_eq!(read(44, 0), Ok(query_v2(GROUP, 1000, false, &[])), "the source is additional data");
    assert_eq!(read(44, 1), Ok(query_v2(GROUP, 1000, false, &[source(1)])));
    assert_eq!(read(44, 2), Err(Discard::BadLength));
    assert_eq!(read(45, 1), Ok(query_v2(GROUP, 1000, false, &[source(1)])));

    for (len, refused) in
        [(20, true), (24, false), (25, true), (26, true), (27, true), (28, false), (32, false)]
    {
        let query = Craft::query_v2(LOWER, NOBODY, 1000, &[]).and(&[0; 4]).cut_to(len);
        let mut router = router(Config::DEFAULT);
        let result = router.handle_packet(at(0), &query.bytes()).map(|items| items.count());
        assert_eq!(result, if refused { Err(Discard::BadLength) } else { Ok(0) }, "{len} octets");
        assert_eq!(router.stats().version_1_queries, u64::from(len == 24), "{len} octets");
    }
}

// R-WIRE-5, R-ELE-10
#[test]
fn router_without_an_address_sends_nothing_and_learns() {
    let mut router = Router::new(Config::DEFAULT, tables(4, 4), 1);
    router.start(at(0), None);
    assert_eq!(drain(&mut router, at(0)).0, Vec::<Vec<u8>>::new());
    assert_eq!(router.querier(), Querier::Unknown);
    accepted(&mut router, 0, "E-11");
    accepted(&mut router, 1000, "E-12");
    assert_eq!(router.group(group(GROUP)).unwrap().filter_mode(), FilterMode::Exclude);
    assert_eq!(run_to(&mut router, 600_000), []);
}
