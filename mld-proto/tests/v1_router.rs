//! An interface of version 1: every cell of the state diagrams of RFC 2710 section 6, and R-V1R-1 to 14.

mod support;

use mld_proto::router::Interpretations;
use mld_proto::wire::RecordType;
use mld_proto::{Discard, Querier, Version};
use support::*;

const NOTHING: [&str; 0] = [];

fn querier() -> Bench {
    Bench::querier_with(version_1())
}

fn non_querier() -> Bench {
    Bench::non_querier_with(version_1())
}

/// G until 260 s.
fn listeners_present(mut bench: Bench) -> Bench {
    bench.v1_report(0, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@260 v1");
    assert!(!bench.checking(G));
    bench.forget();
    bench
}

/// The querier after a Done at 10 s: G until 12 s, the Query of 10 s sent.
fn querier_checking() -> Bench {
    let mut bench = listeners_present(querier());
    bench.done(10_000, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@12 v1");
    assert!(bench.checking(G));
    assert_eq!(bench.asked(), ["10 G"]);
    bench
}

/// A non-querier after a specific Query at 10 s: G until 12 s.
fn non_querier_checking() -> Bench {
    let mut bench = listeners_present(non_querier());
    bench.query(10_000, Ask::group(LOWER, G).v1());
    assert_eq!(bench.state(G), "exclude@12 v1");
    assert!(bench.checking(G));
    bench
}

// The election, RFC 2710 section 6, first diagram. R-V1R-1 to 4.

// R-V1R-1, R-V1R-5
#[test]
fn start_sends_a_general_query_at_once() {
    let mut bench = Bench::started(version_1());
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
    let [query] = bench.sent().try_into().expect("one Query");
    assert_eq!((query.at, query.version, query.len), (0, Version::V1, 24));
    assert!(query.is_general());
    assert_eq!(query.response_delay_ms, 10_000);
}

// R-V1R-2
#[test]
fn querier_repeats_its_query_after_startup_and_query_interval() {
    let mut bench = Bench::started(version_1());
    bench.advance_to(300_000);
    assert_eq!(bench.generals(), [0, 31_250, 156_250, 281_250]);
}

// R-V1R-3
#[test]
fn querier_yields_to_a_lower_address_and_stops_querying() {
    let mut bench = querier();
    bench.query(10_000, Ask::general(LOWER).v1());
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    assert_eq!(bench.events(), ["10 non-querier fe80::5"]);
    bench.advance_to(264_999);
    assert_eq!(bench.sent(), []);
}

#[test]
fn querier_ignores_a_higher_address() {
    let mut bench = querier();
    bench.query(10_000, Ask::general(HIGHER).v1());
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
    bench.advance_to(31_250);
    assert_eq!(bench.generals(), [31_250]);
    assert_eq!(bench.events(), NOTHING);
}

#[test]
fn non_querier_waits_anew_after_each_query_of_a_lower_address() {
    let mut bench = non_querier();
    bench.query(100_000, Ask::general(LOWER).v1());
    bench.advance_to(354_999);
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    assert_eq!(bench.sent(), []);
    bench.advance_to(355_000);
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
}

#[test]
fn non_querier_does_not_wait_for_a_higher_address() {
    let mut bench = non_querier();
    bench.query(100_000, Ask::general(HIGHER).v1());
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    bench.advance_to(255_000);
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
}

// R-V1R-4
#[test]
fn non_querier_takes_over_with_a_general_query_and_no_startup_series() {
    let mut bench = non_querier();
    bench.advance_to(254_999);
    assert_eq!(bench.sent(), []);
    bench.advance_to(400_000);
    assert_eq!(bench.events(), ["255 querier fe80::10"]);
    assert_eq!(bench.generals(), [255_000, 380_000]);
}

// A group at the querier, second diagram.

// R-V1R-13
#[test]
fn querier_without_listeners_report_adds_the_group() {
    let mut bench = querier();
    bench.v1_report(0, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@260 v1");
    assert!(!bench.checking(G));
    assert_eq!(bench.changes(), ["0 membership G exclude"]);
}

#[test]
fn querier_without_listeners_ignores_done() {
    let mut bench = querier();
    bench.done(10_000, HOST_A, G);
    assert_eq!(bench.state(G), "none");
    bench.advance_to(20_000);
    assert_eq!(bench.sent(), []);
}

#[test]
fn querier_without_listeners_ignores_a_specific_query() {
    let mut bench = querier();
    bench.query(10_000, Ask::group(HIGHER, G).v1());
    assert_eq!(bench.state(G), "none");
}

#[test]
fn querier_with_listeners_report_restarts_the_timer() {
    let mut bench = listeners_present(querier());
    bench.v1_report(10_000, HOST_B, G);
    assert_eq!(bench.state(G), "exclude@270 v1");
    assert_eq!(bench.changes(), NOTHING);
}

// R-V1R-6
#[test]
fn querier_with_listeners_done_asks_and_checks() {
    let mut bench = listeners_present(querier());
    bench.done(10_000, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@12 v1");
    assert!(bench.checking(G));
    let [query] = bench.sent().try_into().expect("one Query");
    assert_eq!((query.at, query.version, query.len), (10_000, Version::V1, 24));
    assert_eq!((query.group, query.destination), (G.get(), G.get()));
    assert_eq!(query.response_delay_ms, 1000);
}

// R-TIM-12
#[test]
fn querier_with_listeners_done_never_extends_the_timer() {
    let mut bench = listeners_present(querier());
    bench.done(258_500, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@260 v1");
    bench.advance_to(300_000);
    assert_eq!(bench.asked(), ["258.5 G", "259.5 G"]);
}

// R-V1R-13
#[test]
fn querier_with_listeners_timer_ends_the_group() {
    let mut bench = listeners_present(querier());
    bench.advance_to(259_999);
    assert_eq!(bench.state(G), "exclude@260 v1");
    bench.advance_to(260_000);
    assert_eq!(bench.state(G), "none");
    assert_eq!(bench.changes(), ["260 timeout G", "260 membership G none"]);
}

#[test]
fn querier_with_listeners_ignores_a_specific_query() {
    let mut bench = listeners_present(querier());
    bench.query(10_000, Ask::group(HIGHER, G).v1());
    assert_eq!(bench.state(G), "exclude@260 v1");
    assert!(!bench.checking(G));
    bench.advance_to(20_000);
    assert_eq!(bench.sent(), []);
}

#[test]
fn querier_checking_report_stops_the_queries() {
    let mut bench = querier_checking();
    bench.v1_report(10_400, HOST_B, G);
    assert_eq!(bench.state(G), "exclude@270.4 v1");
    assert!(!bench.checking(G));
    bench.advance_to(30_000);
    assert_eq!(bench.sent(), []);
}

// R-V1R-11
#[test]
fn querier_checking_done_does_not_restart_the_series() {
    let mut bench = querier_checking();
    bench.done(10_500, HOST_B, G);
    assert_eq!(bench.state(G), "exclude@12 v1");
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["11 G"]);
}

#[test]
fn querier_checking_timer_ends_the_group() {
    let mut bench = querier_checking();
    bench.advance_to(11_999);
    assert!(bench.checking(G));
    bench.advance_to(12_000);
    assert_eq!(bench.state(G), "none");
    assert_eq!(bench.changes(), ["12 timeout G", "12 membership G none"]);
}

// R-V1R-12
#[test]
fn querier_checking_asks_again_as_often_as_the_count_says() {
    let mut bench = querier_checking();
    bench.advance_to(100_000);
    assert_eq!(bench.asked(), ["11 G"]);

    let config = config(|c| c.version(Version::V1).last_listener_query_count(4));
    let mut bench = listeners_present(Bench::querier_with(config));
    bench.done(10_000, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@14 v1");
    bench.advance_to(100_000);
    assert_eq!(bench.asked(), ["10 G", "11 G", "12 G", "13 G"]);
}

#[test]
fn querier_checking_ignores_a_specific_query() {
    let mut bench = querier_checking();
    bench.query(10_100, Ask::group(HIGHER, G).v1().code(100));
    assert_eq!(bench.state(G), "exclude@12 v1");
    assert!(bench.checking(G));
}

// A group at a non-querier, third diagram.

#[test]
fn non_querier_without_listeners_report_adds_the_group() {
    let mut bench = non_querier();
    bench.v1_report(0, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@260 v1");
    assert_eq!(bench.changes(), ["0 membership G exclude"]);
}

#[test]
fn non_querier_without_listeners_ignores_done() {
    let mut bench = non_querier();
    bench.done(10_000, HOST_A, G);
    assert_eq!(bench.state(G), "none");
}

#[test]
fn non_querier_without_listeners_ignores_a_specific_query() {
    let mut bench = non_querier();
    bench.query(10_000, Ask::group(LOWER, G).v1());
    assert_eq!(bench.state(G), "none");
}

#[test]
fn non_querier_with_listeners_report_restarts_the_timer() {
    let mut bench = listeners_present(non_querier());
    bench.v1_report(10_000, HOST_B, G);
    assert_eq!(bench.state(G), "exclude@270 v1");
}

// R-V1R-7
#[test]
fn non_querier_with_listeners_ignores_done() {
    let mut bench = listeners_present(non_querier());
    bench.done(10_000, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@260 v1");
    assert!(!bench.checking(G));
    bench.advance_to(20_000);
    assert_eq!(bench.sent(), []);
}

#[test]
fn non_querier_with_listeners_timer_ends_the_group() {
    let mut bench = listeners_present(non_querier());
    bench.query(200_000, Ask::general(LOWER).v1());
    bench.advance_to(260_000);
    assert_eq!(bench.changes(), ["260 timeout G", "260 membership G none"]);
}

// R-V1R-8
#[test]
fn non_querier_with_listeners_specific_query_lowers_the_timer() {
    let mut bench = listeners_present(non_querier());
    bench.query(10_000, Ask::group(LOWER, G).v1().code(3000));
    assert_eq!(bench.state(G), "exclude@16 v1");
    assert!(bench.checking(G));
}

// R-V1R-8, R-TIM-12
#[test]
fn non_querier_with_listeners_specific_query_never_extends_the_timer() {
    let mut bench = listeners_present(non_querier());
    bench.query(200_000, Ask::general(LOWER).v1());
    bench.query(259_000, Ask::group(LOWER, G).v1());
    assert_eq!(bench.state(G), "exclude@260 v1");
}

#[test]
fn non_querier_checking_report_restarts_the_timer() {
    let mut bench = non_querier_checking();
    bench.v1_report(10_500, HOST_B, G);
    assert_eq!(bench.state(G), "exclude@270.5 v1");
    assert!(!bench.checking(G));
}

#[test]
fn non_querier_checking_ignores_done() {
    let mut bench = non_querier_checking();
    bench.done(10_500, HOST_B, G);
    assert_eq!(bench.state(G), "exclude@12 v1");
    assert!(bench.checking(G));
}

#[test]
fn non_querier_checking_timer_ends_the_group() {
    let mut bench = non_querier_checking();
    bench.advance_to(12_000);
    assert_eq!(bench.changes(), ["12 timeout G", "12 membership G none"]);
    assert_eq!(bench.sent(), []);
}

#[test]
fn non_querier_checking_specific_query_lowers_again_and_never_extends() {
    let mut bench = non_querier_checking();
    bench.query(11_000, Ask::group(LOWER, G).v1());
    assert_eq!(bench.state(G), "exclude@12 v1");
    bench.query(11_100, Ask::group(LOWER, G).v1().code(100));
    assert_eq!(bench.state(G), "exclude@11.3 v1");
    assert!(bench.checking(G));
}

// Changes of role, R-V1R-10.

#[test]
fn ex_querier_goes_on_asking_for_a_group_that_it_checks() {
    let mut bench = querier_checking();
    bench.query(10_200, Ask::general(LOWER).v1());
    bench.advance_to(100_000);
    assert_eq!(bench.asked(), ["11 G"]);
    assert_eq!(bench.state(G), "none");
}

#[test]
fn ex_querier_stops_asking_after_a_report() {
    let mut bench = querier_checking();
    bench.query(10_200, Ask::general(LOWER).v1());
    bench.v1_report(10_400, HOST_B, G);
    bench.advance_to(100_000);
    assert_eq!(bench.asked(), NOTHING);
}

#[test]
fn ex_querier_ignores_done_for_other_groups() {
    let mut bench = querier_checking();
    bench.v1_report(10_100, HOST_A, G2);
    bench.query(10_200, Ask::general(LOWER).v1());
    bench.done(10_300, HOST_A, G2);
    bench.advance_to(100_000);
    assert_eq!(bench.asked(), ["11 G"]);
    assert_eq!(bench.state(G2), "exclude@270.1 v1");
}

#[test]
fn new_querier_lets_a_checked_group_end_without_queries_of_its_own() {
    let mut bench = listeners_present(non_querier());
    bench.v1_report(254_000, HOST_A, G);
    bench.query(254_500, Ask::group(HIGHER, G).v1());
    assert_eq!(bench.state(G), "exclude@256.5 v1");
    bench.advance_to(300_000);
    assert_eq!(bench.state(G), "none");
    assert_eq!(
        bench.sent().iter().map(|query| (query.at, query.is_general())).collect::<Vec<_>>(),
        [(255_000, true)]
    );
}

#[test]
fn new_querier_answers_done_with_queries() {
    let mut bench = listeners_present(non_querier());
    bench.v1_report(254_000, HOST_A, G);
    bench.done(256_000, HOST_A, G);
    bench.advance_to(300_000);
    assert_eq!(bench.asked(), ["256 G", "257 G"]);
}

// MLDv2 messages, R-V1R-14.

#[test]
fn version_2_report_is_ignored() {
    let mut bench = querier();
    let report = support::packets::report(HOST_A, &[to_ex(G, [])]);
    assert_eq!(bench.receive(0, &report), Err(Discard::WrongVersion));
    assert_eq!(bench.state(G), "none");
    assert_eq!(bench.events(), NOTHING);
    assert_eq!(bench.router.stats().discarded(Discard::WrongVersion), 1);
}

// R-CMP-6, R-WIRE-32
#[test]
fn version_2_query_is_read_as_one_of_version_1_and_counted() {
    let mut bench = querier();
    bench.query(10_000, Ask::general(LOWER).qrv(7).qqic(60));
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    assert_eq!(bench.router.stats().version_2_queries, 1);
    assert_eq!(bench.router.other_querier_present_interval(), secs(255));
    bench.query(11_000, Ask::general(LOWER).v1());
    assert_eq!(bench.router.stats().version_2_queries, 1);
}

// R-WIRE-32: neither the S flag nor a list of sources stands in the first 24 octets.
#[test]
fn version_2_specific_query_lowers_the_timer_whatever_stands_behind_the_group() {
    let mut bench = listeners_present(non_querier());
    bench.query(10_000, Ask::sources(LOWER, G, [S1]).suppressed());
    assert_eq!(bench.state(G), "exclude@12 v1");
}

// R-WIRE-22: the delay is linear.
#[test]
fn version_2_query_delay_is_read_as_milliseconds() {
    let mut bench = listeners_present(non_querier());
    bench.query(10_000, Ask::group(LOWER, G).code(0x9000));
    assert_eq!(bench.state(G), "exclude@83.728 v1");
}

// R-CMP-3, R-CMP-4, R-CMP-5
#[test]
fn queries_have_24_octets_and_a_linear_delay() {
    let config = config(|c| {
        c.version(Version::V1).query_response_interval(secs(60)).last_listener_query_interval(secs(40))
    });
    let mut bench = Bench::started(config);
    bench.v1_report(0, HOST_A, G);
    bench.done(1000, HOST_A, G);
    let delays: Vec<_> = bench.sent().iter().map(|query| (query.len, query.response_delay_ms)).collect();
    assert_eq!(delays, [(24, 60_000), (24, 40_000)]);
}

//
#[test]
fn listening_interval_has_one_response_interval() {
    assert_eq!(querier().router.listening_interval(), secs(260));
}

//
#[test]
fn with_the_reading_version_2_records_count_as_report_and_done() {
    let interpretations = {
        let mut interpretations = Interpretations::default();
        interpretations.version_1_reads_version_2_reports = true;
        interpretations
    };
    let config = config(|c| c.version(Version::V1).interpretations(interpretations));
    for record in [is_in(G, [S1]), is_ex(G, []), is_ex(G, [S1]), to_in(G, [S1]), to_ex(G, []), allow(G, [S1])]
    {
        let mut bench = Bench::querier_with(config);
        bench.report(0, HOST_A, [record.clone()]);
        assert_eq!(bench.state(G), "exclude@260 v1", "{record:?}");
        assert_eq!(bench.asked(), NOTHING, "{record:?}");
    }
    for record in [block(G, [S1]), allow(G, []), is_in(G, [])] {
        let mut bench = Bench::querier_with(config);
        bench.report(0, HOST_A, [record.clone()]);
        assert_eq!(bench.state(G), "none", "{record:?}");
        bench.v1_report(0, HOST_A, G);
        bench.report(1000, HOST_A, [record.clone()]);
        assert_eq!(bench.state(G), "exclude@260 v1", "{record:?}");
        assert_eq!(bench.asked(), NOTHING, "{record:?}");
    }
    let mut bench = Bench::querier_with(config);
    bench.v1_report(0, HOST_A, G);
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    assert_eq!(bench.state(G), "exclude@12 v1");
    bench.advance_to(20_000);
    assert_eq!(bench.asked(), ["10 G", "11 G"]);
}

// R-V1R-13: messages of an MLDv1 host are reported as such.
#[test]
fn reports_and_dones_are_told() {
    let mut bench = querier();
    bench.v1_report(0, HOST_A, G);
    bench.done(1000, HOST_B, G);
    assert_eq!(
        bench.events(),
        ["0 report G from fe80::a", "0 membership G exclude", "1 done G from fe80::b"]
    );
    assert_eq!(RecordType::Report.name(), "report");
}
