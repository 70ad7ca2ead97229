//! Requirements that no other test program is about.

mod support;

use core::net::Ipv6Addr;

use mld_proto::router::Item;
use mld_proto::wire::{HEADERS_LEN, Message, RecordType};
use mld_proto::{ALL_ROUTERS, Config, Discard, FilterMode, Instant, Prefix, Querier, SsmRange, Version};
use support::*;

const NOTHING: [&str; 0] = [];

// R-WIRE-7
#[test]
fn every_query_leaves_from_the_address_of_the_election() {
    let mut bench = Bench::started(Config::DEFAULT);
    bench.report(1000, HOST_A, [is_ex(G, []), is_in(G2, [S1])]);
    bench.report(2000, HOST_A, [to_in(G, []), block(G2, [S1])]);
    bench.advance_to(2500);
    let sent = bench.sent();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|query| query.source == ROUTER));
    // A series that is under way goes on from the new address.
    bench.set_address(2500, Some(HIGHER));
    bench.advance_to(200_000);
    let sent = bench.sent();
    assert!(sent.iter().any(|query| query.at == 3000 && query.group == G.get()));
    assert!(sent.iter().all(|query| query.source == HIGHER));
}

// R-WIRE-14
#[test]
fn messages_for_groups_that_the_router_never_joined_are_used() {
    let report = support::packets::report_v1(HOST_A, G);
    let done = support::packets::done(HOST_A, G);
    assert_eq!(destination(&report), G.get());
    assert_eq!(destination(&done), ALL_ROUTERS);
    let mut bench = Bench::querier();
    bench.accept(0, &report);
    assert_eq!(bench.state(G), "exclude@270 v1");
    bench.accept(10_000, &done);
    assert_eq!(bench.state(G), "exclude@12 v1");
}

fn destination(packet: &[u8]) -> Ipv6Addr {
    Ipv6Addr::from(*packet[24..].first_chunk::<16>().expect("an IPv6 header"))
}

// R-CMP-2
#[test]
fn version_is_a_setting_of_the_interface() {
    assert_eq!(Config::DEFAULT.version(), Version::V2);
    let mut newer = Bench::started(Config::DEFAULT);
    let mut older = Bench::started(version_1());
    for bench in [&mut newer, &mut older] {
        bench.v1_report(1000, HOST_A, G);
        bench.done(2000, HOST_A, G);
        bench.advance_to(40_000);
    }
    assert!(newer.sent().iter().all(|query| query.version == Version::V2));
    let sent = older.sent();
    assert_eq!(sent.len(), 4);
    assert!(sent.iter().all(|query| query.version == Version::V1));
}

// R-CMP-20
#[test]
fn mldv1_hosts_read_a_long_delay_as_a_shorter_one() {
    for (code, newer, older) in
        [(0x7fff, 32_767, 32_767), (0x8d4c, 60_000, 36_172), (0xffff, 8_387_584, 65_535)]
    {
        let packet = Ask::general(LOWER).code(code).packet();
        let message = &packet[HEADERS_LEN..];
        assert_eq!(delay(message, Version::V2), newer);
        assert_eq!(delay(message, Version::V1), older);
    }
}

fn delay(message: &[u8], version: Version) -> u32 {
    match Message::parse(message, version) {
        Ok(Message::Query(query)) => query.response_delay_ms,
        other => panic!("{other:?}"),
    }
}

// R-SSM-9
#[test]
fn new_range_ends_the_exclude_groups_that_it_covers_and_no_others() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [S1]), is_in(G2, [S1]), is_ex(LOCAL, [])]);
    bench.report(1000, HOST_A, [is_in(SSM, [S1])]);
    bench.forget();
    let prefix: Prefix = "ff0e::/32".parse().expect("a prefix");
    let range = SsmRange::EMPTY.with(prefix).expect("room");
    bench.reconfigure(10_000, config(|c| c.ssm_range(range)));
    bench.advance_to(10_000);
    assert_eq!(bench.state(G), "none");
    assert_eq!(bench.state(G2), "include S1@270");
    assert_eq!(bench.state(LOCAL), "exclude@270");
    assert_eq!(bench.state(SSM), "include S1@271");
    assert_eq!(bench.changes(), ["10 membership G none"]);
    bench.report(11_000, HOST_A, [is_ex(G, []), is_in(G, [S2]), is_ex(SSM, [])]);
    assert_eq!(bench.state(G), "include S2@281");
    assert_eq!(bench.state(SSM), "exclude@281");
}

// R-SEC-3
#[test]
fn forged_query_silences_the_router_for_one_interval_and_is_told() {
    let mut bench = Bench::querier();
    bench.report(5000, HOST_A, [is_ex(G, [])]);
    bench.forget();
    bench.query(10_000, Ask::general(LOWEST));
    assert_eq!(bench.events(), ["10 non-querier fe80::1"]);
    bench.advance_to(264_999);
    assert_eq!((bench.sent(), bench.events()), (Vec::new(), Vec::new()));
    bench.advance_to(265_000);
    assert_eq!(bench.events(), ["265 querier fe80::10"]);
    assert_eq!(bench.generals(), [265_000]);
    // The router was not called for a while, and the group can still be refreshed.
    bench.report(266_000, HOST_A, [is_ex(G, [])]);
    assert_eq!(bench.changes(), NOTHING);
}

// R-SEC-9
#[test]
fn leaves_in_one_report_cause_one_query() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, []), is_in(G2, [S1, S2])]);
    let flood: Vec<Rec> = (0..500).flat_map(|_| [to_in(G, []), block(G2, [S1]), to_in(G2, [])]).collect();
    bench.report(10_000, HOST_A, flood);
    bench.advance_to(20_000);
    assert_eq!(bench.asked(), ["10 G", "10 G2{S1,S2}", "11 G", "11 G2{S1,S2}"]);
}

// R-SEC-9
#[test]
fn blocks_in_numbers_cause_no_more_queries_than_one() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S1, S2])]);
    for at in 10_000..11_000 {
        bench.report(at, HOST_A, [block(G, [S1])]);
    }
    bench.advance_to(20_000);
    assert_eq!(bench.asked(), ["10 G{S1}", "11 G{S1}"]);
}

// R-YNG-1
#[test]
fn messages_are_counted_by_kind() {
    let mut bench = Bench::started(Config::DEFAULT);
    let packets = [
        Ask::general(HIGHER).packet(),
        Ask::general(HIGHER).v1().packet(),
        support::packets::report_v1(HOST_A, G),
        support::packets::report(HOST_A, &[is_in(G2, [S1]), is_ex(G3, [])]),
        support::packets::done(HOST_A, G),
    ];
    for packet in &packets {
        bench.accept(1000, packet);
    }
    for packet in &packets {
        let mut routed = packet.clone();
        routed[7] = 2;
        assert_eq!(bench.receive(1000, &routed), Err(Discard::HopLimit));
    }
    bench.report(2000, HOST_A, [block(G2, [S1])]);
    bench.advance_to(40_000);
    let stats = bench.router.stats();
    let counts =
        |counts: &mld_proto::MessageCounts| (counts.query, counts.report_v1, counts.report_v2, counts.done);
    assert_eq!(counts(&stats.received), (2, 1, 2, 1));
    assert_eq!(counts(&stats.dropped), (2, 1, 1, 1));
    assert_eq!(stats.discarded(Discard::HopLimit), 5);
    assert_eq!((stats.sent.general, stats.sent.group, stats.sent.group_and_source), (2, 2, 2));
    assert_eq!(stats.sent.total(), 6);
}

// R-YNG-2
#[test]
fn expiry_of_a_group_is_that_of_what_keeps_it() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [S2]), is_in(G2, [S1])]);
    bench.report(10_000, HOST_B, [is_in(G, [S1]), is_in(G2, [S2])]);
    let exclude = bench.router.group(G).expect("known");
    assert_eq!(exclude.filter_mode(), FilterMode::Exclude);
    assert_eq!(exclude.expires(), Instant::from_millis(270_000));
    let timers: Vec<_> = exclude.sources().map(|source| (source.address(), source.expires())).collect();
    assert!(timers.contains(&(S1, Some(Instant::from_millis(280_000)))));
    assert!(timers.contains(&(S2, None)));
    let include = bench.router.group(G2).expect("known");
    assert_eq!(include.filter_mode(), FilterMode::Include);
    assert_eq!(include.expires(), Instant::from_millis(280_000));
}

//
#[test]
fn source_new_in_to_ex_lives_as_long_as_the_filter_timer_had_left() {
    let mut bench = Bench::non_querier();
    bench.report(0, HOST_A, [is_ex(G, [])]);
    bench.query(200_000, Ask::general(LOWER));
    bench.report(220_000, HOST_A, [to_ex(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@490 S1@270");
    // A current-state record knows no such bound.
    bench.report(221_000, HOST_A, [is_ex(G, [S1, S2])]);
    assert_eq!(bench.state(G), "exclude@491 S1@270 S2@491");
}

//
#[test]
fn sources_of_is_ex_in_version_1_mode_go_with_the_next_mldv1_report() {
    let mut bench = Bench::querier();
    bench.v1_report(0, HOST_A, G);
    bench.report(1000, HOST_B, [is_ex(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@271 S1@271 v1");
    bench.v1_report(100_000, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@370 v1");
}

//
#[test]
fn done_is_ignored_once_version_1_mode_is_over() {
    let mut bench = Bench::querier();
    bench.v1_report(0, HOST_A, G);
    bench.report(100_000, HOST_B, [is_ex(G, [])]);
    bench.done(260_001, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@370");
    bench.advance_to(280_000);
    assert_eq!(bench.asked(), NOTHING);
}

//
#[test]
fn pending_sources_leave_with_the_next_leave_of_the_group() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, []), is_in(G, [S1])]);
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    bench.report(10_300, HOST_A, [to_in(G, [])]);
    assert_eq!(bench.state(G), "exclude@12 S1@12");
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G", "10 G{S1}", "10.3 G", "10.3 G{S1}", "11.3 G"]);
}

//
#[test]
fn record_that_overruns_the_report_spoils_those_before_it() {
    let mut packet = support::packets::report(HOST_A, &[is_ex(G, []), is_in(G2, [S1])]);
    // One source more than there is, in the second record.
    packet[HEADERS_LEN + 8 + 20 + 3] = 2;
    assert_eq!(items(&packet), Err(Discard::BadLength));
    packet[HEADERS_LEN + 8 + 20 + 3] = 1;
    assert_eq!(items(&packet).map(|items| items.len()), Ok(2));
}

//
#[test]
fn auxiliary_data_is_counted_in_words() {
    let mut packet = support::packets::report(HOST_A, &[is_in(G, [S1]), is_ex(G2, [])]);
    let behind_first = HEADERS_LEN + 8 + 20 + 16;
    packet.splice(behind_first..behind_first, [0xee; 8]);
    packet[5] += 8;
    packet[HEADERS_LEN + 8 + 1] = 2;
    let told = |group, record| Item::Report { group, reporter: HOST_A, record };
    assert_eq!(items(&packet), Ok(vec![told(G, RecordType::IsIn), told(G2, RecordType::IsEx)]));
}

/// The result of a router without groups for a packet whose checksum it does not check.
fn items(packet: &[u8]) -> Result<Vec<Item>, Discard> {
    let mut bench = Bench::querier();
    let now = Instant::from_millis(1000);
    let verdict = bench.router.handle_verified_packet(now, packet).map(Iterator::collect);
    assert_eq!(verdict.is_err(), bench.router.groups().next().is_none());
    verdict
}

//
#[test]
fn last_listener_interval_serves_queries_for_groups_and_for_sources() {
    let config = config(|c| c.last_listener_query_interval(secs(3)));
    let mut bench = Bench::querier_with(config);
    bench.report(0, HOST_A, [is_ex(G, []), is_in(G2, [S1])]);
    bench.report(10_000, HOST_A, [to_in(G, []), block(G2, [S1])]);
    assert_eq!((bench.state(G).as_str(), bench.state(G2).as_str()), ("exclude@16", "include S1@16"));
    bench.advance_to(20_000);
    let sent = bench.sent();
    assert!(sent.iter().all(|query| query.response_delay_ms == 3000));
    let mut times: Vec<_> = sent.iter().map(|query| (query.group, query.at)).collect();
    times.sort();
    assert_eq!(times, [(G.get(), 10_000), (G.get(), 13_000), (G2.get(), 10_000), (G2.get(), 13_000)]);
}

// A-33, R-EXP-3: also between the end of the filter timer and the next call.
#[test]
fn requested_source_flows_through_the_change_to_include_mode() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [S2])]);
    bench.report(10_000, HOST_B, [is_in(G, [S1])]);
    bench.advance_to(269_999);
    assert!(bench.forwards(G, S1) && bench.forwards(G, S3) && !bench.forwards(G, S2));
    let unrelated = support::packets::report(HOST_A, &[is_in(G2, [S1])]);
    let taken = bench.router.handle_packet(Instant::from_millis(270_001), &unrelated);
    assert_eq!(taken.map(Iterator::count), Ok(1));
    assert!(bench.forwards(G, S1) && !bench.forwards(G, S3) && !bench.forwards(G, S2));
    bench.router.handle_timeout(Instant::from_millis(270_001));
    assert!(bench.forwards(G, S1) && !bench.forwards(G, S3) && !bench.forwards(G, S2));
}

//
#[test]
fn source_named_by_an_answer_in_exclude_mode_is_requested_until_the_next_exclude_record() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [])]);
    bench.report(10_000, HOST_A, [is_in(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@270 S1@280");
    bench.report(20_000, HOST_A, [is_ex(G, [])]);
    assert_eq!(bench.state(G), "exclude@290");
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), NOTHING);
}
