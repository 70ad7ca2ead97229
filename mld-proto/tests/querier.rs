//! The querier: who it is, when it sends Queries, and with which values.
//!
//! R-ELE-1 to 12, R-TIM-4 to 13, R-QRY-1 to 3 (RFC 9777 sections 5.1.8, 5.1.9, 7.6.2, 9); passive mode.

mod support;

use core::net::Ipv6Addr;

use mld_proto::router::QuerierMode;
use mld_proto::{Config, Discard, Querier, Version};
use support::*;

const NOTHING: [&str; 0] = [];

fn passive() -> Bench {
    Bench::started(config(|c| c.querier(QuerierMode::Never)))
}

// R-ELE-1, R-QRY-2, R-QRY-3
#[test]
fn router_starts_as_querier_with_a_general_query() {
    let mut bench = Bench::started(Config::DEFAULT);
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
    assert_eq!(bench.events(), ["0 querier fe80::10"]);
    let [query] = bench.sent().try_into().expect("one Query");
    assert_eq!((query.at, query.version, query.len), (0, Version::V2, 28));
    assert!(query.is_general() && !query.suppress);
    assert_eq!((query.source, query.response_delay_ms), (ROUTER, 10_000));
    assert_eq!((query.robustness, query.interval_code), (2, 125));
}

// R-QRY-2, A-2
#[test]
fn startup_series_follows_its_own_count_and_interval() {
    let mut bench = Bench::started(config(|c| {
        c.startup_query_count(3).startup_query_interval(secs(2)).robustness_variable(4)
    }));
    bench.advance_to(300_000);
    assert_eq!(bench.generals(), [0, 2000, 4000, 129_000, 254_000]);
    let mut bench = Bench::started(config(|c| c.startup_query_count(1)));
    bench.advance_to(300_000);
    assert_eq!(bench.generals(), [0, 125_000, 250_000]);
}

// R-WIRE-44, R-QRY-13
#[test]
fn robustness_above_seven_is_announced_as_zero() {
    let mut bench = Bench::started(config(|c| c.robustness_variable(8)));
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.report(1000, HOST_A, [to_in(G, [])]);
    assert_eq!(bench.sent().iter().map(|query| query.robustness).collect::<Vec<_>>(), [0, 0]);
    assert_eq!(bench.state(G), "exclude@9");
}

// R-WIRE-43, A-25
#[test]
fn querier_keeps_to_an_interval_that_its_code_cannot_carry() {
    let mut bench = Bench::started(config(|c| c.query_interval(secs(164))));
    bench.advance_to(400_000);
    let sent = bench.sent();
    assert_eq!(sent.iter().map(|query| query.at).collect::<Vec<_>>(), [0, 41_000, 205_000, 369_000]);
    assert!(sent.iter().all(|query| query.interval_code == 0x84));
}

// R-QRY-1
#[test]
fn non_querier_is_silent() {
    let mut bench = Bench::non_querier();
    bench.report(1000, HOST_A, [to_ex(G, []), is_in(G2, [S1])]);
    bench.report(2000, HOST_A, [to_in(G, []), block(G2, [S1])]);
    bench.advance_to(254_999);
    assert_eq!(bench.sent(), []);
}

// R-ELE-2
#[test]
fn querier_yields_to_a_lower_address() {
    let mut bench = Bench::querier();
    bench.query(10_000, Ask::general(LOWER));
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    assert_eq!(bench.events(), ["10 non-querier fe80::5"]);
    bench.advance_to(264_999);
    assert_eq!(bench.sent(), []);
    bench.advance_to(265_000);
    assert_eq!(bench.generals(), [265_000]);
    assert_eq!(bench.events(), ["265 querier fe80::10"]);
}

// R-ELE-2
#[test]
fn querier_ignores_a_higher_address() {
    let mut bench = Bench::querier();
    bench.query(10_000, Ask::general(HIGHER));
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
    assert_eq!(bench.events(), NOTHING);
    bench.advance_to(31_250);
    assert_eq!(bench.generals(), [31_250]);
}

// R-ELE-5
#[test]
fn each_query_of_the_querier_restarts_the_wait() {
    let mut bench = Bench::non_querier();
    bench.query(200_000, Ask::general(LOWER));
    bench.advance_to(454_999);
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    bench.advance_to(455_000);
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
}

// R-ELE-5: also a router that lost against the elected one keeps this one silent.
#[test]
fn query_of_any_lower_address_restarts_the_wait() {
    let mut bench = Bench::querier();
    bench.query(0, Ask::general(LOWEST));
    bench.query(100_000, Ask::general(LOWER));
    assert_eq!(bench.router.querier(), Querier::Other(LOWEST));
    bench.advance_to(354_999);
    assert_ne!(bench.router.querier(), Querier::Own(ROUTER));
    assert_eq!(bench.sent(), []);
    bench.advance_to(355_000);
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
    assert_eq!(bench.generals(), [355_000]);
}

// R-ELE-4, A-27
#[test]
fn new_querier_asks_at_once_and_then_every_interval() {
    let mut bench = Bench::non_querier();
    bench.advance_to(550_000);
    assert_eq!(bench.generals(), [255_000, 380_000, 505_000]);
}

// R-ELE-6, A-4
#[test]
fn every_kind_of_query_elects() {
    for query in [
        Ask::general(LOWER),
        Ask::general(LOWER).suppressed(),
        Ask::general(LOWER).v1(),
        Ask::group(LOWER, G),
        Ask::group(LOWER, G).suppressed(),
        Ask::group(LOWER, G).v1(),
        Ask::sources(LOWER, G, [S1]),
        Ask::sources(LOWER, G, [S1]).suppressed(),
    ] {
        let mut bench = Bench::querier();
        bench.query(10_000, query.clone());
        assert_eq!(bench.router.querier(), Querier::Other(LOWER), "{query:?}");
        bench.advance_to(264_999);
        assert_eq!(bench.sent(), [], "{query:?}");
        bench.advance_to(265_000);
        assert_eq!(bench.router.querier(), Querier::Own(ROUTER), "{query:?}");
    }
}

// R-ELE-7
#[test]
fn still_lower_address_replaces_the_querier_at_once() {
    let mut bench = Bench::non_querier();
    bench.query(10_000, Ask::general(LOWEST));
    assert_eq!(bench.router.querier(), Querier::Other(LOWEST));
    assert_eq!(bench.events(), ["10 non-querier fe80::1"]);
    bench.query(20_000, Ask::general(LOWER));
    assert_eq!(bench.router.querier(), Querier::Other(LOWEST));
    assert_eq!(bench.events(), NOTHING);
}

// R-ELE-7, R-TIM-6
#[test]
fn next_sender_replaces_a_querier_past_its_deadline_with_its_values() {
    let mut bench = Bench::querier();
    bench.query(0, Ask::general(LOWEST));
    for at in [100_000, 200_000] {
        bench.query(at, Ask::general(LOWER).qrv(3).qqic(60));
        assert_eq!(bench.router.robustness_variable(), 2);
        assert_eq!(bench.router.query_interval(), secs(125));
        assert_eq!(bench.router.querier(), Querier::Other(LOWEST));
    }
    bench.query(260_000, Ask::general(LOWER).qrv(3).qqic(60));
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    assert_eq!(bench.router.robustness_variable(), 3);
    assert_eq!(bench.router.query_interval(), secs(60));
    // 3 times 60 s and half of 10 s.
    bench.advance_to(444_999);
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    bench.advance_to(445_000);
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
}

// R-ELE-9, R-WIRE-52
#[test]
fn query_from_the_unspecified_address_elects_nobody() {
    let mut bench = Bench::querier();
    let query = Ask::general(Ipv6Addr::UNSPECIFIED).qrv(7).packet();
    assert_eq!(bench.receive(10_000, &query), Err(Discard::SourceUnspecified));
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
    assert_eq!(bench.router.robustness_variable(), 2);
}

// R-WIRE-51, A-3
#[test]
fn query_to_an_address_of_the_interface_elects() {
    for destination in [ROUTER, mld_proto::ALL_ROUTERS, mld_proto::ALL_MLDV2_ROUTERS, mld_proto::ALL_NODES] {
        let mut bench = Bench::querier();
        bench.query(10_000, Ask::general(LOWER).to(destination));
        assert_eq!(bench.router.querier(), Querier::Other(LOWER), "{destination}");
    }
}

//
#[test]
fn strict_destination_lets_only_the_usual_one_count() {
    let strict = reading(|r| r.strict_query_destination = true);
    for (query, elects) in [
        (Ask::general(LOWER), true),
        (Ask::group(LOWER, G), true),
        (Ask::general(LOWER).to(ROUTER), false),
        (Ask::general(LOWER).to(mld_proto::ALL_ROUTERS), false),
        (Ask::group(LOWER, G).to(mld_proto::ALL_NODES), false),
        (Ask::group(LOWER, G).to(ROUTER), false),
    ] {
        let mut bench = Bench::querier_with(strict);
        bench.report(0, HOST_A, [to_ex(G, [])]);
        let _ = bench.receive(10_000, &query.packet());
        assert_eq!(bench.router.querier() == Querier::Other(LOWER), elects, "{query:?}");
        if !elects {
            assert_eq!(bench.state(G), "exclude@270", "{query:?}");
        }
    }
}

// R-TIM-4, R-TIM-5
#[test]
fn non_querier_adopts_robustness_and_interval_of_the_last_query() {
    let mut bench = Bench::non_querier();
    bench.query(1000, Ask::general(LOWER).qrv(3).qqic(60));
    assert_eq!((bench.router.robustness_variable(), bench.router.query_interval()), (3, secs(60)));
    bench.query(2000, Ask::group(LOWER, G).qrv(4).qqic(30));
    assert_eq!((bench.router.robustness_variable(), bench.router.query_interval()), (4, secs(30)));
}

// R-TIM-4, A-16
#[test]
fn unannounced_robustness_is_the_configured_one() {
    let mut bench = Bench::non_querier_with(config(|c| c.robustness_variable(5)));
    bench.query(1000, Ask::general(LOWER).qrv(0));
    assert_eq!(bench.router.robustness_variable(), 5);
}

// R-TIM-5, A-17
#[test]
fn unannounced_interval_is_the_default_one() {
    let mut bench = Bench::non_querier_with(config(|c| c.query_interval(secs(60))));
    bench.query(1000, Ask::general(LOWER).qqic(0));
    assert_eq!(bench.router.query_interval(), secs(125));
}

// R-TIM-6, A-15
#[test]
fn querier_adopts_nothing_from_a_higher_address() {
    let mut bench = Bench::querier();
    bench.query(1000, Ask::general(HIGHER).qrv(7).qqic(60).code(20_000));
    assert_eq!((bench.router.robustness_variable(), bench.router.query_interval()), (2, secs(125)));
    assert_eq!(bench.router.listening_interval(), secs(270));
}

// R-TIM-6
#[test]
fn non_querier_adopts_nothing_from_a_router_above_the_querier() {
    for other in [LOWER, HIGHER] {
        let mut bench = Bench::querier();
        bench.query(0, Ask::general(LOWEST));
        bench.query(1000, Ask::general(other).qrv(7).qqic(60).code(20_000));
        assert_eq!((bench.router.robustness_variable(), bench.router.query_interval()), (2, secs(125)));
        assert_eq!(bench.router.listening_interval(), secs(270), "{other}");
    }
}

// R-TIM-7
#[test]
fn mldv1_query_of_the_querier_keeps_the_adopted_values() {
    let mut bench = Bench::non_querier();
    bench.query(1000, Ask::general(LOWER).qrv(3).qqic(60));
    bench.query(2000, Ask::general(LOWER).v1());
    assert_eq!((bench.router.robustness_variable(), bench.router.query_interval()), (3, secs(60)));
}

// R-TIM-8
#[test]
fn non_querier_uses_the_delay_of_the_last_general_query() {
    let mut bench = Bench::non_querier();
    bench.query(1000, Ask::general(LOWER).code(20_000));
    assert_eq!(bench.router.other_querier_present_interval(), secs(260));
    assert_eq!(bench.router.listening_interval(), secs(290));
    bench.query(2000, Ask::group(LOWER, G).code(1000));
    assert_eq!(bench.router.other_querier_present_interval(), secs(260));
    bench.query(3000, Ask::general(LOWER).code(0));
    assert_eq!(bench.router.other_querier_present_interval(), secs(255));
    assert_eq!(bench.router.listening_interval(), secs(270));
}

// R-TIM-8: the OVHPI of a group has it as well.
#[test]
fn older_host_interval_at_a_non_querier_follows_the_announced_values() {
    let mut bench = Bench::non_querier();
    bench.query(1000, Ask::general(LOWER).qrv(3).qqic(60).code(5000));
    bench.v1_report(2000, HOST_A, G);
    bench.advance_to(186_999);
    assert_eq!(bench.state(G), "exclude@192 v1");
    bench.advance_to(187_000);
    assert_eq!(bench.state(G), "exclude@192");
}

// R-TIM-9, R-RXQ-3
#[test]
fn last_listener_count_follows_the_adopted_robustness_unless_configured() {
    let mut bench = Bench::non_querier();
    bench.query(1000, Ask::general(LOWER).qrv(3));
    bench.report(2000, HOST_A, [to_ex(G, [])]);
    bench.query(10_000, Ask::group(LOWER, G).qrv(3));
    assert_eq!(bench.state(G), "exclude@13");

    let mut bench = Bench::non_querier_with(config(|c| c.last_listener_query_count(2)));
    bench.query(1000, Ask::general(LOWER).qrv(3));
    bench.report(2000, HOST_A, [to_ex(G, [])]);
    bench.query(10_000, Ask::group(LOWER, G).qrv(3));
    assert_eq!(bench.state(G), "exclude@12");
}

// R-TIM-9
#[test]
fn adopted_values_do_not_rescale_running_timers() {
    let mut bench = Bench::non_querier();
    bench.report(0, HOST_A, [to_ex(G, []), is_in(G2, [S1])]);
    bench.query(1000, Ask::general(LOWER).qrv(7));
    assert_eq!(bench.state(G), "exclude@270");
    assert_eq!(bench.state(G2), "include S1@270");
}

// R-TIM-10
#[test]
fn configured_values_come_back_with_the_querier_role() {
    let mut bench = Bench::non_querier();
    bench.query(0, Ask::general(LOWER).qrv(3).qqic(60).code(5000));
    bench.advance_to(182_500);
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
    assert_eq!((bench.router.robustness_variable(), bench.router.query_interval()), (2, secs(125)));
    assert_eq!(bench.router.listening_interval(), secs(270));
    let [query] = bench.sent().try_into().expect("one Query");
    assert_eq!((query.at, query.robustness, query.interval_code), (182_500, 2, 125));
    assert_eq!(query.response_delay_ms, 10_000);
}

// R-TIM-12
#[test]
fn lowering_never_extends_a_timer() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.report(268_500, HOST_A, [to_in(G, [])]);
    assert_eq!(bench.state(G), "exclude@270");
    bench.advance_to(270_000);
    assert_eq!(bench.state(G), "none");
}

// R-TIM-13
#[test]
fn report_at_the_last_moment_keeps_the_group() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.forget();
    bench.report(270_000, HOST_A, [is_ex(G, [])]);
    bench.advance_to(270_000);
    assert_eq!(bench.state(G), "exclude@540");
    assert_eq!(bench.changes(), NOTHING);
}

// R-TIM-13: a deadline before the packet has expired even if no call processed it.
#[test]
fn report_after_the_last_moment_finds_no_group() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [S1])]);
    bench.report(270_001, HOST_A, [block(G, [S2])]);
    assert_eq!(bench.state(G), "none");
}

// R-TIM-13: messages come before transmissions of the same instant.
#[test]
fn report_at_the_moment_of_a_repetition_suppresses_it() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    bench.report(11_000, HOST_B, [is_ex(G, [])]);
    bench.advance_to(20_000);
    assert_eq!(bench.asked(), ["10 G", "11 G suppressed"]);
}

// R-TIM-13
#[test]
fn query_at_the_last_moment_of_the_wait_keeps_the_querier() {
    let mut bench = Bench::non_querier();
    bench.query(255_000, Ask::general(LOWER));
    bench.advance_to(300_000);
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    assert_eq!(bench.sent(), []);
}

// R-ELE-8
#[test]
fn querier_with_a_new_address_asks_from_it_at_once() {
    let mut bench = Bench::querier();
    bench.report(1000, HOST_A, [to_ex(G, [])]);
    bench.forget();
    bench.set_address(20_000, Some(HIGHER));
    assert_eq!(bench.router.querier(), Querier::Own(HIGHER));
    assert_eq!(bench.events(), ["20 querier fe80::20"]);
    let [query] = bench.sent().try_into().expect("one Query");
    assert_eq!((query.at, query.source), (20_000, HIGHER));
    assert!(query.is_general());
    assert_eq!(bench.state(G), "exclude@271");
}

// R-ELE-8
#[test]
fn non_querier_with_a_new_address_above_the_querier_stays_silent() {
    let mut bench = Bench::non_querier();
    bench.set_address(40_000, Some(HIGHER));
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    bench.advance_to(254_999);
    assert_eq!(bench.sent(), []);
    assert_eq!(bench.events(), NOTHING);
}

// R-ELE-8
#[test]
fn non_querier_with_a_new_address_below_the_querier_takes_over() {
    let mut bench = Bench::non_querier();
    bench.query(1000, Ask::general(LOWER).qrv(3));
    bench.set_address(40_000, Some(LOWEST));
    assert_eq!(bench.router.querier(), Querier::Own(LOWEST));
    assert_eq!(bench.events(), ["40 querier fe80::1"]);
    let sent = bench.sent();
    assert_eq!((sent[0].at, sent[0].source, sent[0].robustness), (40_000, LOWEST, 2));
}

/// A router at fe80::10 that received General Queries of fe80::5 at 1 s (present until 256 s) and of fe80::7 at 200 s
/// (present until 455 s).
fn beside_two_lower_routers() -> Bench {
    let mut bench = Bench::querier();
    bench.query(1000, Ask::general(address("fe80::5")));
    bench.query(200_000, Ask::general(address("fe80::7")));
    bench.forget();
    bench
}

fn address(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}

// R-ELE-7, R-ELE-8: the other router is no longer lower, so it does not keep this one silent.
#[test]
fn new_address_between_two_routers_waits_for_the_lower_one_alone() {
    let mut bench = beside_two_lower_routers();
    bench.set_address(201_000, Some(address("fe80::6")));
    assert_eq!(bench.router.querier(), Querier::Other(address("fe80::5")));
    bench.advance_to(500_000);
    assert_eq!(bench.events(), ["256 querier fe80::6"]);
    assert_eq!(bench.generals(), [256_000, 381_000]);
}

// R-ELE-7, R-ELE-8: the elected querier has lapsed; the other lower router is still present.
#[test]
fn new_address_above_a_router_that_is_present_stays_silent() {
    let mut bench = beside_two_lower_routers();
    bench.set_address(300_000, Some(address("fe80::9")));
    bench.advance_to(454_999);
    assert_eq!(bench.events(), ["300 non-querier fe80::7"]);
    assert_eq!(bench.sent(), []);
    bench.advance_to(455_000);
    assert_eq!(bench.events(), ["455 querier fe80::9"]);
    assert_eq!(bench.generals(), [455_000]);
}

#[test]
fn same_address_again_changes_nothing() {
    let mut bench = Bench::querier();
    bench.set_address(10_000, Some(ROUTER));
    assert_eq!(bench.events(), NOTHING);
    bench.advance_to(31_250);
    assert_eq!(bench.generals(), [31_250]);
}

// R-ELE-10, R-YNG-3
#[test]
fn router_without_an_address_builds_state_and_sends_nothing() {
    let mut bench = Bench::stopped(Config::DEFAULT, 16, 16);
    bench.start(0, None);
    assert_eq!(bench.events(), ["0 non-querier ::"]);
    bench.report(1000, HOST_A, [to_ex(G, []), is_in(G2, [S1])]);
    bench.report(2000, HOST_A, [to_in(G, []), block(G2, [S1])]);
    assert_eq!(bench.state(G), "exclude@271");
    assert_eq!(bench.state(G2), "include S1@271");
    bench.advance_to(1_000_000);
    assert_eq!(bench.sent(), []);
    assert_eq!(bench.router.querier(), Querier::Unknown);
}

// R-ELE-10, R-ELE-8
#[test]
fn router_that_gets_its_address_begins_to_ask() {
    let mut bench = Bench::stopped(Config::DEFAULT, 16, 16);
    bench.start(0, None);
    bench.report(1000, HOST_A, [to_ex(G, [])]);
    bench.forget();
    bench.set_address(2000, Some(ROUTER));
    assert_eq!(bench.events(), ["2 querier fe80::10"]);
    assert_eq!(bench.generals(), [2000]);
    assert_eq!(bench.state(G), "exclude@271");
}

// R-ELE-10, R-WIRE-5
#[test]
fn router_that_loses_its_address_stops_asking_and_keeps_its_groups() {
    let mut bench = Bench::querier();
    bench.report(1000, HOST_A, [to_ex(G, [])]);
    bench.forget();
    bench.set_address(2000, None);
    assert_eq!(bench.events(), ["2 non-querier ::"]);
    assert_eq!(bench.state(G), "exclude@271");
    bench.report(3000, HOST_A, [to_in(G, [])]);
    assert_eq!(bench.state(G), "exclude@271");
    bench.advance_to(200_000);
    assert_eq!(bench.sent(), []);
    bench.set_address(200_000, Some(ROUTER));
    assert_eq!(bench.generals(), [200_000]);
}

// R-ELE-12
#[test]
fn stopped_router_forgets_and_says_so() {
    let mut bench = Bench::querier();
    bench.report(1000, HOST_A, [to_ex(G2, []), is_in(G, [S1])]);
    bench.forget();
    bench.stop(10_000);
    assert_eq!(bench.events(), ["10 membership G none", "10 membership G2 none", "10 stopped"]);
    assert!(!bench.router.is_running());
    assert_eq!(bench.router.usage().groups, 0);
    assert_eq!(bench.deadline(), None);
    let report = support::packets::report(HOST_A, &[to_ex(G, [])]);
    assert_eq!(bench.receive(11_000, &report), Err(Discard::BeforeStart));
    bench.advance_to(1_000_000);
    assert_eq!(bench.sent(), []);
    assert_eq!(bench.events(), NOTHING);
}

// R-ELE-12
#[test]
fn restarted_router_begins_as_querier_with_the_startup_series() {
    let mut bench = Bench::non_querier();
    bench.query(0, Ask::general(LOWER).qrv(3));
    bench.stop(10_000);
    bench.forget();
    bench.start(20_000, Some(ROUTER));
    assert_eq!(bench.events(), ["20 querier fe80::10"]);
    assert_eq!(bench.router.robustness_variable(), 2);
    bench.advance_to(200_000);
    assert_eq!(bench.generals(), [20_000, 51_250, 176_250]);
}

// A stop in the middle of a series leaves nothing to send (R-QRY-17).
#[test]
fn stop_drops_pending_queries() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    bench.stop(10_500);
    bench.start(10_600, Some(ROUTER));
    bench.advance_to(20_000);
    assert_eq!(bench.asked(), ["10 G"]);
}

#[test]
fn packet_before_the_start_is_refused() {
    let mut bench = Bench::stopped(Config::DEFAULT, 16, 16);
    let report = support::packets::report(HOST_A, &[to_ex(G, [])]);
    assert_eq!(bench.receive(0, &report), Err(Discard::BeforeStart));
    assert_eq!(bench.router.stats().discarded(Discard::BeforeStart), 1);
    assert_eq!(bench.deadline(), None);
}

// Passive mode.

#[test]
fn passive_router_never_sends() {
    let mut bench = passive();
    assert_eq!(bench.events(), ["0 non-querier ::"]);
    bench.report(1000, HOST_A, [to_ex(G, []), is_in(G2, [S1])]);
    bench.report(2000, HOST_A, [to_in(G, []), block(G2, [S1])]);
    assert_eq!(bench.state(G), "exclude@271");
    assert_eq!(bench.state(G2), "include S1@271");
    bench.query(3000, Ask::general(HIGHER));
    bench.advance_to(1_000_000);
    assert_eq!(bench.sent(), []);
}

#[test]
fn passive_router_knows_the_lowest_querier_even_above_itself() {
    let mut bench = passive();
    bench.forget();
    bench.query(1000, Ask::general(HIGHER));
    bench.query(2000, Ask::general(LOWER));
    bench.query(3000, Ask::general(HIGHER));
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    assert_eq!(bench.events(), ["1 non-querier fe80::20", "2 non-querier fe80::5"]);
}

#[test]
fn passive_router_forgets_a_silent_querier() {
    let mut bench = passive();
    bench.forget();
    bench.query(1000, Ask::general(HIGHER));
    bench.advance_to(255_999);
    assert_eq!(bench.router.querier(), Querier::Other(HIGHER));
    bench.advance_to(256_000);
    assert_eq!(bench.router.querier(), Querier::Unknown);
    assert_eq!(bench.events(), ["1 non-querier fe80::20", "256 non-querier ::"]);
}

#[test]
fn passive_router_turns_to_the_next_querier_when_the_lowest_is_silent() {
    let mut bench = passive();
    bench.query(0, Ask::general(LOWER));
    bench.query(100_000, Ask::general(HIGHER));
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    bench.query(260_000, Ask::general(HIGHER));
    assert_eq!(bench.router.querier(), Querier::Other(HIGHER));
}

// The querier is the lowest address received within its interval, whoever sends next.
#[test]
fn passive_router_falls_back_to_an_address_that_is_still_present() {
    let mut bench = passive();
    bench.query(0, Ask::general(LOWER));
    bench.query(100_000, Ask::general(HIGHER));
    bench.forget();
    bench.advance_to(254_999);
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    bench.advance_to(354_999);
    assert_eq!(bench.router.querier(), Querier::Other(HIGHER));
    bench.advance_to(355_000);
    assert_eq!(bench.router.querier(), Querier::Unknown);
    assert_eq!(bench.events(), ["255 non-querier fe80::20", "355 non-querier ::"]);
}

// R-RXQ-1
#[test]
fn passive_router_follows_queries_and_adopts_their_values() {
    let mut bench = passive();
    bench.query(0, Ask::general(HIGHER).qrv(3).qqic(60));
    assert_eq!(bench.router.robustness_variable(), 3);
    bench.report(1000, HOST_A, [to_ex(G, [])]);
    assert_eq!(bench.state(G), "exclude@201");
    bench.query(10_000, Ask::group(HIGHER, G).qrv(3));
    assert_eq!(bench.state(G), "exclude@13");
}

// R-CMP-11
#[test]
fn passive_router_knows_mldv1_groups() {
    let mut bench = passive();
    bench.v1_report(0, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@270 v1");
    bench.done(1000, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@270 v1");
}
