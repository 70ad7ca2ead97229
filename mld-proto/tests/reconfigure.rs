//! Settings that change while the router runs: R-TIM-9, R-SSM-9, and what a reload may and may not disturb.

mod support;

use mld_proto::router::QuerierMode;
use mld_proto::{Config, Instant, Querier, SsmRange, Version};
use support::packets;
use support::*;

const NOTHING: [&str; 0] = [];

// R-TIM-9
#[test]
fn running_timers_keep_their_deadlines() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, []), is_in(G2, [S1])]);
    bench.v1_report(0, HOST_A, G3);
    bench.reconfigure(10_000, config(|c| c.robustness_variable(3).query_interval(secs(60))));
    assert_eq!(bench.state(G), "exclude@270");
    assert_eq!(bench.state(G2), "include S1@270");
    assert_eq!(bench.state(G3), "exclude@270 v1");
    bench.report(20_000, HOST_A, [is_ex(G, []), is_in(G2, [S1])]);
    bench.v1_report(20_000, HOST_A, G3);
    assert_eq!(bench.state(G), "exclude@220");
    assert_eq!(bench.state(G2), "include S1@220");
    bench.advance_to(210_000);
    assert_eq!(bench.state(G3), "exclude@220");
}

// R-TIM-9
#[test]
fn next_general_query_keeps_its_time_and_bears_the_new_values() {
    let mut bench = Bench::querier();
    bench.advance_to(100_000);
    bench.forget();
    bench.reconfigure(
        100_000,
        config(|c| c.robustness_variable(3).query_interval(secs(60)).query_response_interval(secs(5))),
    );
    bench.advance_to(300_000);
    let sent = bench.sent();
    assert_eq!(sent.iter().map(|query| query.at).collect::<Vec<_>>(), [156_250, 216_250, 276_250]);
    for query in sent {
        assert_eq!((query.robustness, query.interval_code, query.response_delay_ms), (3, 60, 5000));
    }
}

#[test]
fn new_last_listener_values_apply_to_the_next_leave() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.reconfigure(
        1000,
        config(|c| c.last_listener_query_interval(millis(200)).last_listener_query_count(3)),
    );
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    assert_eq!(bench.state(G), "exclude@10.6");
    bench.advance_to(20_000);
    assert_eq!(bench.asked(), ["10 G", "10.2 G", "10.4 G"]);
}

#[test]
fn same_settings_change_nothing() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    bench.forget();
    bench.reconfigure(10_500, Config::DEFAULT);
    assert_eq!(bench.events(), NOTHING);
    bench.advance_to(11_500);
    assert_eq!(bench.asked(), ["11 G"]);
    bench.advance_to(31_250);
    assert_eq!(bench.generals(), [31_250]);
}

// R-TIM-4, R-TIM-10
#[test]
fn non_querier_keeps_the_adopted_values_until_it_queries_itself() {
    let mut bench = Bench::non_querier();
    bench.query(0, Ask::general(LOWER).qrv(3));
    bench.reconfigure(1000, config(|c| c.robustness_variable(5).query_interval(secs(60))));
    assert_eq!((bench.router.robustness_variable(), bench.router.query_interval()), (3, secs(125)));
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    bench.advance_to(380_000);
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
    assert_eq!((bench.router.robustness_variable(), bench.router.query_interval()), (5, secs(60)));
}

#[test]
fn changed_version_starts_anew_without_a_word_of_stopping() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, []), is_in(G2, [S1])]);
    bench.report(9_500, HOST_A, [to_in(G, [])]);
    bench.forget();
    bench.reconfigure(10_000, version_1());
    assert!(bench.router.is_running());
    let told: Vec<_> = bench.changes().into_iter().filter(|event| event.contains("membership")).collect();
    assert_eq!(told, ["10 membership G none", "10 membership G2 none"]);
    bench.advance_to(100_000);
    let sent = bench.sent();
    assert_eq!(
        sent.iter().map(|query| (query.at, query.version)).collect::<Vec<_>>(),
        [(10_000, Version::V1), (41_250, Version::V1)]
    );
    bench.v1_report(100_000, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@360 v1");
}

#[test]
fn changed_version_tells_neither_timeout_nor_stop() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.forget();
    bench.reconfigure(10_000, version_1());
    let told = bench.changes();
    assert!(told.iter().all(|event| !event.contains("timeout") && !event.contains("stopped")), "{told:?}");
}

// R-SSM-9
#[test]
fn wider_ssm_range_deletes_exclude_groups_and_keeps_include_groups() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, []), is_in(G2, [S1])]);
    bench.forget();
    let range = SsmRange::EMPTY.with("ff0e::/16".parse().unwrap()).expect("one prefix fits");
    bench.reconfigure(10_000, config(|c| c.ssm_range(range)));
    assert_eq!((bench.state(G).as_str(), bench.state(G2).as_str()), ("none", "include S1@270"));
    assert_eq!(bench.changes(), ["10 membership G none"]);
    bench.report(11_000, HOST_A, [to_ex(G, []), is_in(G2, [S2])]);
    assert_eq!((bench.state(G).as_str(), bench.state(G2).as_str()), ("none", "include S1@270 S2@281"));
}

// R-SSM-2
#[test]
fn narrower_ssm_range_admits_exclude_records() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(SSM, [S1])]);
    bench.reconfigure(1000, config(|c| c.ssm_range(SsmRange::EMPTY)));
    assert_eq!(bench.state(SSM), "include S1@270");
    bench.report(2000, HOST_A, [to_ex(SSM, [])]);
    assert_eq!(bench.state(SSM), "exclude@272");
}

#[test]
fn router_that_turns_passive_stops_sending_and_keeps_its_groups() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.forget();
    bench.reconfigure(10_000, config(|c| c.querier(QuerierMode::Never)));
    assert_eq!(bench.router.querier(), Querier::Unknown);
    assert_eq!(bench.changes(), ["10 non-querier ::"]);
    assert_eq!(bench.state(G), "exclude@270");
    bench.report(20_000, HOST_A, [to_in(G, [])]);
    assert_eq!(bench.state(G), "exclude@270");
    bench.advance_to(200_000);
    assert_eq!(bench.sent(), []);
}

#[test]
fn passive_router_that_joins_the_election_queries_at_once() {
    let mut bench = Bench::started(config(|c| c.querier(QuerierMode::Never)));
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.forget();
    bench.reconfigure(10_000, Config::DEFAULT);
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
    assert_eq!(bench.changes(), ["10 querier fe80::10"]);
    assert_eq!(bench.generals(), [10_000]);
    assert_eq!(bench.state(G), "exclude@270");
}

#[test]
fn passive_router_that_joins_the_election_below_a_querier_stays_silent() {
    let mut bench = Bench::started(config(|c| c.querier(QuerierMode::Never)));
    bench.query(0, Ask::general(LOWER));
    bench.forget();
    bench.reconfigure(10_000, Config::DEFAULT);
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    bench.advance_to(254_999);
    assert_eq!(bench.sent(), []);
    bench.advance_to(255_000);
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
}

#[test]
fn immediate_leave_can_be_switched_on() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.reconfigure(1000, config(|c| c.immediate_leave(true)));
    bench.report(2000, HOST_A, [to_in(G, [])]);
    assert_eq!(bench.state(G), "none");
}

// Before the start there is nothing to disturb; the settings are those of the start.
#[test]
fn settings_changed_before_the_start_count() {
    let mut bench = Bench::stopped(Config::DEFAULT, 16, 16);
    bench.reconfigure(0, version_1());
    bench.start(1000, Some(ROUTER));
    assert_eq!(
        bench.sent().iter().map(|query| (query.at, query.version)).collect::<Vec<_>>(),
        [(1000, Version::V1)]
    );
}

// R-SSM-9: the settings count at once, also for a packet that comes before the next handle_timeout.
#[test]
fn packet_right_after_a_wider_ssm_range_finds_no_exclude_group() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    let range = SsmRange::EMPTY.with("ff0e::/16".parse().unwrap()).expect("one prefix fits");
    bench.router.reconfigure(Instant::from_millis(1000), config(|c| c.ssm_range(range)));
    drop(bench.router.handle_packet(Instant::from_millis(1000), &packets::report(HOST_A, &[is_in(G, [S1])])));
    bench.advance_to(1000);
    assert!(!bench.forwards(G, S2) && bench.forwards(G, S1));
    assert_eq!(bench.state(G), "include S1@271");
}

// R-SSM-5, R-SSM-9: an MLDv1 message for such a group is ignored even if the group's mode says otherwise.
#[test]
fn done_for_a_group_that_became_source_specific_is_ignored() {
    let mut bench = Bench::querier();
    bench.v1_report(0, HOST_A, G);
    bench.report(1000, HOST_B, [is_in(G, [S1])]);
    bench.query(2000, Ask::group(HIGHER, G));
    bench.advance_to(4000);
    assert_eq!(bench.state(G), "include S1@271 v1");
    let range = SsmRange::EMPTY.with("ff0e::/16".parse().unwrap()).expect("one prefix fits");
    bench.reconfigure(5000, config(|c| c.ssm_range(range)));
    bench.done(6000, HOST_A, G);
    assert_eq!(bench.state(G), "include S1@271 v1");
    assert_eq!(bench.asked(), NOTHING);
}
