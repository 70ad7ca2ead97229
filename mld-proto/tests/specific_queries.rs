//! Queries for a group or for sources of it: when they are sent, what they carry, and how other routers handle
//! them.
//!
//! RFC 9777 sections 7.6.1 and 7.6.3; R-QRY-4 to 17, R-RXQ-1 to 6, and the state names of both versions.

mod support;

use core::net::Ipv6Addr;

use mld_proto::router::GroupState;
use mld_proto::wire::RecordType;
use mld_proto::{Config, Querier};
use support::*;

const NOTHING: [&str; 0] = [];

/// G in exclude mode until 270 s, S1 requested until 271 s, S2 excluded.
fn exclude(mut bench: Bench) -> Bench {
    bench.report(0, HOST_A, [is_ex(G, [S2])]);
    bench.report(1000, HOST_B, [is_in(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@270 S1@271 -S2");
    bench.forget();
    bench
}

/// G in include mode with S1 and S2 until 270 s.
fn include(mut bench: Bench) -> Bench {
    bench.report(0, HOST_A, [is_in(G, [S1, S2])]);
    bench.forget();
    bench
}

// R-QRY-4
#[test]
fn group_query_lowers_the_filter_timer_and_repeats() {
    let mut bench = Bench::querier_with(config(|c| c.last_listener_query_count(3)));
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    assert_eq!(bench.state(G), "exclude@13");
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G", "11 G", "12 G"]);
}

// R-QRY-5
#[test]
fn group_query_is_suppressed_only_while_more_than_the_last_listener_time_is_left() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    bench.report(10_500, HOST_B, [is_ex(G, [])]);
    // A Query of another router leaves exactly the last listener time at the repetition.
    bench.query(10_999, Ask::group(HIGHER, G).code(1001));
    assert_eq!(bench.state(G), "exclude@13.001");
    bench.advance_to(12_000);
    assert_eq!(bench.asked(), ["10 G", "11 G suppressed"]);

    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    bench.report(10_500, HOST_B, [is_ex(G, [])]);
    bench.query(11_000, Ask::group(HIGHER, G));
    assert_eq!(bench.state(G), "exclude@13");
    bench.advance_to(12_000);
    assert_eq!(bench.asked(), ["10 G", "11 G"]);
}

// R-QRY-6
#[test]
fn source_query_lowers_the_source_timers_and_repeats() {
    let mut bench = include(Bench::querier_with(config(|c| c.last_listener_query_count(3))));
    bench.report(10_000, HOST_A, [block(G, [S1])]);
    assert_eq!(bench.state(G), "include S1@13 S2@270");
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G{S1}", "11 G{S1}", "12 G{S1}"]);
}

// R-QRY-7
#[test]
fn source_with_no_more_than_the_last_listener_time_left_is_not_queued() {
    for (at, state, asked) in [
        (267_999, "include S1@269.999 S2@269.999", vec!["267.999 G{S1,S2}", "268.999 G{S1,S2}"]),
        (268_000, "include S1@270 S2@270", vec![]),
        (268_001, "include S1@270 S2@270", vec![]),
    ] {
        let mut bench = include(Bench::querier());
        bench.report(at, HOST_A, [block(G, [S1, S2])]);
        assert_eq!(bench.state(G), state);
        bench.advance_to(300_000);
        assert_eq!(bench.asked(), asked);
    }
}

// R-QRY-7
#[test]
fn blocking_a_queued_source_again_queues_nothing() {
    let mut bench = include(Bench::querier());
    bench.report(10_000, HOST_A, [block(G, [S1])]);
    bench.report(10_800, HOST_A, [block(G, [S1])]);
    assert_eq!(bench.state(G), "include S1@12 S2@270");
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G{S1}", "11 G{S1}"]);
}

// R-QRY-8
#[test]
fn refreshed_and_silent_sources_go_into_two_messages() {
    let mut bench = include(Bench::querier());
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    bench.report(10_500, HOST_B, [is_in(G, [S2])]);
    bench.advance_to(20_000);
    assert_eq!(bench.asked(), ["10 G{S1,S2}", "11 G{S1}", "11 G{S2} suppressed"]);
    assert_eq!(bench.state(G), "include S2@280.5");
}

// R-QRY-9
#[test]
fn each_source_is_asked_for_as_often_as_the_count_says() {
    let mut bench = Bench::querier_with(config(|c| c.last_listener_query_count(4)));
    bench.report(0, HOST_A, [is_in(G, [S1, S2])]);
    bench.report(10_000, HOST_A, [block(G, [S1])]);
    bench.report(10_000, HOST_B, [is_in(G, [S1])]);
    bench.advance_to(30_000);
    let suppressed = "G{S1} suppressed";
    assert_eq!(
        bench.asked(),
        [
            "10 G{S1}".to_owned(),
            format!("11 {suppressed}"),
            format!("12 {suppressed}"),
            format!("13 {suppressed}")
        ]
    );
}

// R-QRY-10: the message with S clear may not be left out.
#[test]
fn silent_sources_are_asked_for_beside_the_group() {
    let mut bench = exclude(Bench::querier());
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    bench.report(10_500, HOST_B, [is_ex(G, [S1, S2])]);
    bench.advance_to(20_000);
    assert_eq!(bench.asked(), ["10 G", "10 G{S1}", "11 G suppressed", "11 G{S1}"]);
}

// R-QRY-11, R-QRY-12
#[test]
fn trigger_sends_all_that_is_pending_and_restarts_the_clock() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [])]);
    bench.report(10_000, HOST_A, [block(G, [S1])]);
    bench.report(10_900, HOST_A, [block(G, [S2])]);
    assert_eq!(bench.state(G), "exclude@270 S1@12 S2@12.9");
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G{S1}", "10.9 G{S1,S2}", "11.9 G{S2}"]);
}

// R-QRY-12
#[test]
fn trigger_for_a_source_sends_the_pending_group_query_too() {
    let mut bench = exclude(Bench::querier());
    bench.report(10_000, HOST_A, [to_in(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@12 S1@280 -S2");
    bench.report(10_500, HOST_A, [block(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@12 S1@12.5 -S2");
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G", "10.5 G", "10.5 G{S1}", "11.5 G{S1}"]);
}

// R-QRY-13
#[test]
fn specific_queries_carry_delay_robustness_and_interval() {
    let config = config(|c| {
        c.last_listener_query_interval(millis(40_007))
            .last_listener_query_count(1)
            .robustness_variable(3)
            .query_interval(secs(60))
    });
    let mut bench = include(Bench::querier_with(config));
    bench.report(1000, HOST_A, [to_ex(G2, [])]);
    bench.report(2000, HOST_A, [to_in(G2, []), block(G, [S1])]);
    let sent = bench.sent();
    assert_eq!(sent.len(), 2);
    for query in sent {
        // 40.007 s has no code of its own; the next lower one is sent, and the router keeps to its setting.
        assert_eq!((query.response_delay_ms, query.robustness, query.interval_code), (40_000, 3, 60));
        assert_eq!(query.destination, query.group);
    }
    assert_eq!(bench.state(G), "include S1@42.007 S2@200");
    assert_eq!(bench.state(G2), "exclude@42.007");
}

// R-QRY-14, A-13
#[test]
fn each_new_leave_gives_a_full_series_until_the_group_ends() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    for at in [10_000, 10_400, 10_800, 11_200, 11_600] {
        bench.report(at, HOST_A, [to_in(G, [])]);
    }
    assert_eq!(bench.state(G), "exclude@12");
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G", "10.4 G", "10.8 G", "11.2 G", "11.6 G"]);
}

// R-QRY-15, R-WIRE-47
#[test]
fn sources_beyond_one_message_go_into_further_ones() {
    for (mtu, first) in [(1500, 89), (1280, 75)] {
        let sources: Vec<Ipv6Addr> = (1..=100).map(source).collect();
        let mut bench = Bench::querier_with(config(|c| c.mtu(mtu)));
        bench.report(0, HOST_A, [Rec::new(RecordType::Allow, G, sources.clone())]);
        bench.report(10_000, HOST_A, [Rec::new(RecordType::Block, G, sources.clone())]);
        let sent = bench.sent();
        let mut sizes: Vec<_> = sent.iter().map(|query| query.sources.len()).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [100 - first, first]);
        let mut all: Vec<_> = sent.iter().flat_map(|query| query.sources.clone()).collect();
        all.sort();
        assert_eq!(all, sources);
        assert!(sent.iter().all(|query| !query.suppress));
        bench.advance_to(11_500);
        assert_eq!(bench.sent().iter().map(|query| query.sources.len()).sum::<usize>(), 100);
        bench.advance_to(12_000);
        assert_eq!(bench.state(G), "none");
    }
}

// R-QRY-16, A-26
#[test]
fn ex_querier_finishes_its_series() {
    let mut bench = exclude(Bench::querier());
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    bench.query(10_300, Ask::general(LOWER));
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    bench.advance_to(100_000);
    assert_eq!(bench.asked(), ["10 G", "10 G{S1}", "11 G", "11 G{S1}"]);
    assert_eq!(bench.state(G), "none");
}

// R-QRY-16
#[test]
fn series_of_an_ex_querier_is_suppressed_after_an_answer() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    bench.query(10_300, Ask::general(LOWER));
    bench.report(10_400, HOST_B, [is_ex(G, [])]);
    bench.advance_to(100_000);
    assert_eq!(bench.asked(), ["10 G", "11 G suppressed"]);
}

// R-QRY-16, R-QRY-1
#[test]
fn ex_querier_begins_no_new_series() {
    let mut bench = exclude(Bench::querier());
    bench.query(9000, Ask::general(LOWER));
    bench.report(10_000, HOST_A, [to_in(G, []), block(G, [S1, S3])]);
    bench.advance_to(100_000);
    assert_eq!(bench.asked(), NOTHING);
}

// R-QRY-17
#[test]
fn group_that_ended_is_not_asked_for() {
    let mut bench = Bench::querier_with(config(|c| c.last_listener_query_count(5)));
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.report(1000, HOST_A, [is_in(G2, [S1])]);
    bench.report(10_000, HOST_A, [to_in(G, []), block(G2, [S1])]);
    bench.query(10_100, Ask::group(HIGHER, G).code(100));
    bench.query(10_100, Ask::sources(HIGHER, G2, [S1]).code(100));
    bench.advance_to(100_000);
    assert_eq!((bench.state(G).as_str(), bench.state(G2).as_str()), ("none", "none"));
    assert_eq!(bench.asked(), ["10 G", "10 G2{S1}"]);
}

// R-QRY-17
#[test]
fn end_of_the_filter_timer_ends_the_group_queries() {
    let mut bench = exclude(Bench::querier_with(config(|c| c.last_listener_query_count(5))));
    bench.report(10_000, HOST_A, [to_in(G, [S1])]);
    bench.query(10_100, Ask::group(HIGHER, G).code(100));
    assert_eq!(bench.state(G), "exclude@10.6 S1@280 -S2");
    bench.advance_to(100_000);
    assert_eq!(bench.state(G), "include S1@280");
    assert_eq!(bench.asked(), ["10 G"]);
}

// R-QRY-17: a group that comes back has no old Queries.
#[test]
fn group_that_comes_back_starts_without_old_queries() {
    let mut bench = Bench::querier_with(config(|c| c.last_listener_query_count(5)));
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    bench.query(10_100, Ask::group(HIGHER, G).code(20));
    bench.advance_to(10_200);
    assert_eq!(bench.state(G), "none");
    bench.report(10_300, HOST_B, [to_ex(G, [])]);
    bench.advance_to(100_000);
    assert_eq!(bench.asked(), ["10 G"]);
}

// RFC 9777 section 7.6.1; R-RXQ-1: reception.

#[test]
fn general_query_moves_no_timer() {
    for query in [Ask::general(LOWER), Ask::general(LOWER).suppressed(), Ask::general(LOWER).v1()] {
        let mut bench = exclude(Bench::non_querier());
        bench.query(10_000, query);
        assert_eq!(bench.state(G), "exclude@270 S1@271 -S2");
        assert!(!bench.checking(G));
    }
}

#[test]
fn group_query_lowers_the_filter_timer_alone() {
    let mut bench = exclude(Bench::non_querier());
    bench.query(10_000, Ask::group(LOWER, G));
    assert_eq!(bench.state(G), "exclude@12 S1@271 -S2");
}

#[test]
fn suppressed_group_query_moves_no_timer() {
    let mut bench = exclude(Bench::non_querier());
    bench.query(10_000, Ask::group(LOWER, G).suppressed());
    assert_eq!(bench.state(G), "exclude@270 S1@271 -S2");
}

#[test]
fn group_query_leaves_an_include_group_alone() {
    for query in [Ask::group(LOWER, G), Ask::group(LOWER, G).suppressed()] {
        let mut bench = include(Bench::non_querier());
        bench.query(10_000, query);
        assert_eq!(bench.state(G), "include S1@270 S2@270");
        assert!(!bench.checking(G));
    }
}

#[test]
fn specific_query_for_an_unknown_group_creates_nothing() {
    for query in [Ask::group(LOWER, G), Ask::sources(LOWER, G, [S1]), Ask::group(LOWER, G).suppressed()] {
        let mut bench = Bench::non_querier();
        bench.query(10_000, query);
        assert_eq!(bench.state(G), "none");
    }
}

#[test]
fn source_query_lowers_included_sources() {
    let mut bench = include(Bench::non_querier());
    bench.query(10_000, Ask::sources(LOWER, G, [S1, S3]));
    assert_eq!(bench.state(G), "include S1@12 S2@270");
}

#[test]
fn source_query_lowers_requested_sources_and_leaves_excluded_ones() {
    let mut bench = exclude(Bench::non_querier());
    bench.query(10_000, Ask::sources(LOWER, G, [S1, S2, S3]));
    assert_eq!(bench.state(G), "exclude@270 S1@12 -S2");
    bench.advance_to(12_000);
    assert_eq!(bench.state(G), "exclude@270 -S1 -S2");
}

#[test]
fn suppressed_source_query_moves_no_timer() {
    let mut bench = exclude(Bench::non_querier());
    bench.query(10_000, Ask::sources(LOWER, G, [S1, S2, S3]).suppressed());
    assert_eq!(bench.state(G), "exclude@270 S1@271 -S2");
    let mut bench = include(Bench::non_querier());
    bench.query(10_000, Ask::sources(LOWER, G, [S1]).suppressed());
    assert_eq!(bench.state(G), "include S1@270 S2@270");
}

// R-RXQ-1: a timer that is lower already stays.
#[test]
fn heard_query_never_extends_a_timer() {
    let mut bench = exclude(Bench::non_querier());
    bench.query(200_000, Ask::general(LOWER));
    bench.query(269_500, Ask::group(LOWER, G));
    bench.query(269_500, Ask::sources(LOWER, G, [S1]));
    assert_eq!(bench.state(G), "exclude@270 S1@271 -S2");
}

// R-RXQ-2
#[test]
fn suppressed_query_takes_part_in_election_and_adoption() {
    let mut bench = exclude(Bench::querier());
    bench.query(10_000, Ask::group(LOWER, G).suppressed().qrv(3).qqic(60));
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    assert_eq!((bench.router.robustness_variable(), bench.router.query_interval()), (3, secs(60)));
    assert_eq!(bench.state(G), "exclude@270 S1@271 -S2");
}

// R-RXQ-3, A-7
#[test]
fn heard_query_lowers_to_its_own_delay_times_the_count() {
    let mut bench = exclude(Bench::non_querier());
    bench.query(10_000, Ask::group(LOWER, G).code(2000));
    bench.query(20_000, Ask::sources(LOWER, G, [S1]).code(500));
    assert_eq!(bench.state(G), "include S1@21");
}

// R-RXQ-3
#[test]
fn heard_query_without_delay_counts_as_one_with_the_own_interval() {
    let mut bench = exclude(Bench::non_querier_with(config(|c| c.last_listener_query_interval(secs(3)))));
    bench.query(10_000, Ask::group(LOWER, G).code(0));
    bench.query(10_000, Ask::sources(LOWER, G, [S1]).code(0));
    assert_eq!(bench.state(G), "exclude@16 S1@16 -S2");
}

// R-RXQ-4, A-6
#[test]
fn non_querier_lowers_nothing_on_records() {
    let mut bench = exclude(Bench::non_querier());
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    assert_eq!(bench.state(G), "exclude@270 S1@271 -S2");
    bench.report(10_000, HOST_A, [block(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@270 S1@271 -S2");
    bench.report(10_000, HOST_A, [to_ex(G, [S1, S2])]);
    assert_eq!(bench.state(G), "exclude@280 S1@271 -S2");
}

// R-RXQ-5
#[test]
fn querier_follows_a_query_from_a_higher_address_and_asks_nothing_itself() {
    let mut bench = exclude(Bench::querier());
    bench.query(10_000, Ask::group(HIGHER, G));
    bench.query(10_000, Ask::sources(HIGHER, G, [S1]));
    assert_eq!(bench.state(G), "exclude@12 S1@12 -S2");
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
    bench.advance_to(20_000);
    assert_eq!(bench.asked(), NOTHING);
    assert_eq!(bench.state(G), "none");
}

// R-RXQ-6
#[test]
fn heard_query_counts_at_whatever_address_of_the_interface() {
    for destination in [mld_proto::ALL_NODES, mld_proto::ALL_ROUTERS, mld_proto::ALL_MLDV2_ROUTERS, ROUTER] {
        let mut bench = exclude(Bench::non_querier());
        bench.query(10_000, Ask::group(LOWER, G).to(destination));
        assert_eq!(bench.state(G), "exclude@12 S1@271 -S2", "{destination}");
    }
}

// State names of RFC 2710 in both versions and roles.

#[test]
fn unknown_group_has_no_listeners() {
    assert_eq!(Bench::querier().router.state(G), GroupState::NoListeners);
}

#[test]
fn leave_of_a_group_without_requested_sources_is_checked_until_somebody_answers() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    assert!(!bench.checking(G));
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    assert!(bench.checking(G));
    bench.report(10_500, HOST_A, [to_in(G, []), block(G, [S1])]);
    assert!(bench.checking(G), "neither is an answer");
    bench.report(11_000, HOST_B, [is_ex(G, [])]);
    assert!(!bench.checking(G));
}

#[test]
fn last_source_is_checked_until_somebody_answers() {
    let mut bench = include(Bench::querier());
    bench.report(10_000, HOST_A, [block(G, [S1])]);
    assert!(!bench.checking(G), "the other source stays");
    bench.report(11_000, HOST_A, [block(G, [S2])]);
    assert!(bench.checking(G));
    bench.report(11_500, HOST_B, [is_in(G, [S1])]);
    assert!(!bench.checking(G));
}

#[test]
fn blocked_source_of_an_exclude_group_is_no_check_of_the_group() {
    let mut bench = exclude(Bench::querier());
    bench.report(10_000, HOST_A, [block(G, [S1])]);
    assert!(!bench.checking(G));
}

#[test]
fn leave_of_a_group_with_a_wanted_source_is_no_check() {
    let mut bench = exclude(Bench::querier());
    bench.report(10_000, HOST_A, [to_in(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@12 S1@280 -S2");
    assert!(!bench.checking(G));
}

#[test]
fn leave_of_a_group_with_its_requested_source_is_checked() {
    let mut bench = exclude(Bench::querier());
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    assert!(bench.checking(G));
    bench.report(10_500, HOST_B, [is_in(G, [S1])]);
    assert!(!bench.checking(G), "the group goes on with this source");
}

#[test]
fn heard_query_checks_a_group_at_a_non_querier() {
    let mut bench = Bench::non_querier();
    bench.report(0, HOST_A, [to_ex(G, []), is_in(G2, [S1, S2])]);
    bench.query(10_000, Ask::group(LOWER, G).suppressed());
    bench.query(10_000, Ask::sources(LOWER, G2, [S1]));
    assert!(!bench.checking(G) && !bench.checking(G2));
    bench.query(11_000, Ask::group(LOWER, G));
    bench.query(11_000, Ask::sources(LOWER, G2, [S2]));
    assert!(bench.checking(G) && bench.checking(G2));
    bench.report(11_500, HOST_B, [is_ex(G, []), is_in(G2, [S2])]);
    assert!(!bench.checking(G) && !bench.checking(G2));
}

#[test]
fn mldv1_leave_is_checked_in_version_2_too() {
    let mut bench = Bench::querier();
    bench.v1_report(0, HOST_A, G);
    bench.done(10_000, HOST_A, G);
    assert!(bench.checking(G));
    bench.v1_report(10_100, HOST_B, G);
    assert!(!bench.checking(G));
}

// A check that ends with the group leaves nothing behind in a later one.
#[test]
fn group_that_comes_back_is_not_checked() {
    let mut bench = Bench::querier_with(Config::DEFAULT);
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    bench.advance_to(12_000);
    bench.report(12_500, HOST_A, [to_ex(G, [])]);
    assert!(!bench.checking(G));
}
