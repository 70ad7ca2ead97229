//! An interface of version 2 beside MLDv1 hosts and routers.
//!
//! RFC 9777 section 8.3, every cell of its table of group modes; R-CMP-1 to 20, R-SSM-5.

mod support;

use mld_proto::{Discard, Querier, Version};
use support::*;

const NOTHING: [&str; 0] = [];

/// G in version 1 mode until 260 s, itself until 270 s.
fn version_1_mode() -> Bench {
    let mut bench = Bench::querier();
    bench.v1_report(0, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@270 v1");
    bench.forget();
    bench
}

/// The same with S1 requested and S2 excluded.
fn version_1_mode_with_sources() -> Bench {
    let mut bench = Bench::querier();
    bench.v1_report(0, HOST_A, G);
    bench.report(0, HOST_B, [is_ex(G, [S1, S2])]);
    bench.query(0, Ask::sources(HIGHER, G, [S2]).code(1));
    bench.advance_to(2);
    assert_eq!(bench.state(G), "exclude@270 S1@270 -S2 v1");
    bench.forget();
    bench
}

// Row one: version 2 mode, or no record.

// R-CMP-11, R-CMP-12
#[test]
fn v1_report_for_an_unknown_group_begins_version_1_mode() {
    let mut bench = Bench::querier();
    bench.v1_report(0, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@270 v1");
}

// R-CMP-12
#[test]
fn v1_report_turns_an_include_group_into_one_without_lists() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S1, S2])]);
    bench.v1_report(10_000, HOST_B, G);
    assert_eq!(bench.state(G), "exclude@280 v1");
    bench.advance_to(20_000);
    assert_eq!(bench.asked(), NOTHING);
}

// R-CMP-12
#[test]
fn v1_report_clears_both_lists_of_an_exclude_group() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [S1])]);
    bench.report(0, HOST_B, [is_in(G, [S2])]);
    bench.v1_report(10_000, HOST_B, G);
    assert_eq!(bench.state(G), "exclude@280 v1");
}

// R-CMP-14
#[test]
fn v1_done_in_version_2_mode_is_ignored() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.done(10_000, HOST_A, G);
    bench.done(10_000, HOST_A, G2);
    assert_eq!(bench.state(G), "exclude@270");
    assert_eq!(bench.state(G2), "none");
    bench.advance_to(20_000);
    assert_eq!(bench.asked(), NOTHING);
}

/// The remaining cells of this row are the tables of v2_records.rs; here is one of each kind.
#[test]
fn version_2_records_do_not_begin_version_1_mode() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [S1]), allow(G, [S2]), block(G, [S3]), to_ex(G, [S4]), to_in(G, [S5])]);
    assert_eq!(bench.router.group(G).expect("known").compatibility_mode(), Version::V2);
}

// Row two: version 1 mode.

// R-CMP-11
#[test]
fn v1_report_in_version_1_mode_restarts_mode_and_filter_timer() {
    let mut bench = version_1_mode();
    bench.v1_report(10_000, HOST_B, G);
    bench.advance_to(269_999);
    assert_eq!(bench.state(G), "exclude@280 v1");
    bench.advance_to(270_000);
    assert_eq!(bench.state(G), "exclude@280");
}

// R-CMP-12
#[test]
fn v1_report_in_version_1_mode_clears_lists() {
    let mut bench = version_1_mode_with_sources();
    bench.v1_report(10_000, HOST_B, G);
    assert_eq!(bench.state(G), "exclude@280 v1");
}

// R-CMP-13
#[test]
fn v1_done_in_version_1_mode_counts_as_leave() {
    let mut bench = version_1_mode_with_sources();
    bench.done(10_000, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@12 S1@12 -S2 v1");
    bench.advance_to(20_000);
    assert_eq!(bench.asked(), ["10 G", "10 G{S1}", "11 G", "11 G{S1}"]);
}

// R-CMP-13, R-QRY-14: as a repeated TO_IN.
#[test]
fn second_v1_done_in_version_1_mode_asks_again() {
    let mut bench = version_1_mode();
    bench.done(10_000, HOST_A, G);
    bench.done(10_500, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@12 v1");
    bench.advance_to(20_000);
    assert_eq!(bench.asked(), ["10 G", "10.5 G", "11.5 G"]);
}

// R-CMP-13, R-RXQ-4
#[test]
fn v1_done_at_a_non_querier_lowers_nothing() {
    let mut bench = Bench::non_querier();
    bench.v1_report(0, HOST_A, G);
    bench.done(10_000, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@270 v1");
    bench.advance_to(20_000);
    assert_eq!(bench.sent(), []);
}

#[test]
fn is_in_in_version_1_mode_follows_the_table() {
    let mut bench = version_1_mode_with_sources();
    bench.report(10_000, HOST_B, [is_in(G, [S2, S3])]);
    assert_eq!(bench.state(G), "exclude@270 S1@270 S2@280 S3@280 v1");
}

#[test]
fn allow_in_version_1_mode_follows_the_table() {
    let mut bench = version_1_mode_with_sources();
    bench.report(10_000, HOST_B, [allow(G, [S2, S3])]);
    assert_eq!(bench.state(G), "exclude@270 S1@270 S2@280 S3@280 v1");
}

#[test]
fn to_in_in_version_1_mode_follows_the_table() {
    let mut bench = version_1_mode_with_sources();
    bench.report(10_000, HOST_B, [to_in(G, [S2, S3])]);
    assert_eq!(bench.state(G), "exclude@12 S1@12 S2@280 S3@280 v1");
    bench.advance_to(11_500);
    assert_eq!(bench.asked(), ["10 G", "10 G{S1}", "11 G", "11 G{S1}"]);
}

// R-CMP-16
#[test]
fn is_ex_in_version_1_mode_keeps_its_list() {
    let mut bench = version_1_mode_with_sources();
    bench.report(10_000, HOST_B, [is_ex(G, [S2, S3])]);
    assert_eq!(bench.state(G), "exclude@280 S3@280 -S2 v1");
}

// R-CMP-15
#[test]
fn to_ex_in_version_1_mode_loses_its_list() {
    let mut bench = version_1_mode_with_sources();
    bench.report(10_000, HOST_B, [to_ex(G, [S2, S3])]);
    assert_eq!(bench.state(G), "exclude@280 v1");
    bench.advance_to(20_000);
    assert_eq!(bench.asked(), NOTHING);
}

// R-CMP-15
#[test]
fn block_in_version_1_mode_is_ignored() {
    let mut bench = version_1_mode_with_sources();
    bench.report(10_000, HOST_B, [block(G, [S1, S2, S3])]);
    assert_eq!(bench.state(G), "exclude@270 S1@270 -S2 v1");
    bench.advance_to(20_000);
    assert_eq!(bench.asked(), NOTHING);
}

// RFC 9777 section 8.3.2; R-CMP-18, A-28
#[test]
fn end_of_version_1_mode_changes_nothing_else() {
    let mut bench = version_1_mode_with_sources();
    bench.advance_to(259_999);
    assert_eq!(bench.state(G), "exclude@270 S1@270 -S2 v1");
    bench.advance_to(260_000);
    assert_eq!(bench.state(G), "exclude@270 S1@270 -S2");
    assert_eq!(bench.changes(), NOTHING);
    bench.report(261_000, HOST_B, [block(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@270 S1@263 -S2");
}

// R-TIM-13: the mode is alive while a message of its last moment is handled.
#[test]
fn block_at_the_last_moment_of_version_1_mode_is_ignored() {
    let mut bench = version_1_mode();
    bench.report(260_000, HOST_B, [block(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@270 v1");
}

// R-CMP-11: the interval is RV times QI plus one QRI.
#[test]
fn older_host_interval_follows_its_formula() {
    let config =
        config(|c| c.robustness_variable(3).query_interval(secs(60)).query_response_interval(secs(5)));
    let mut bench = Bench::querier_with(config);
    bench.v1_report(0, HOST_A, G);
    bench.advance_to(184_999);
    assert_eq!(bench.state(G), "exclude@190 v1");
    bench.advance_to(185_000);
    assert_eq!(bench.state(G), "exclude@190");
}

// R-CMP-10
#[test]
fn mode_belongs_to_one_group() {
    let mut bench = version_1_mode();
    bench.report(1000, HOST_B, [to_ex(G2, [])]);
    bench.report(2000, HOST_B, [block(G, [S1]), block(G2, [S1])]);
    assert_eq!(bench.state(G), "exclude@270 v1");
    assert_eq!(bench.state(G2), "exclude@271 S1@4");
}

// R-CMP-19
#[test]
fn mode_ends_with_the_group() {
    let mut bench = version_1_mode();
    bench.done(10_000, HOST_A, G);
    bench.advance_to(12_000);
    assert_eq!(bench.state(G), "none");
    bench.report(20_000, HOST_B, [to_ex(G, [])]);
    bench.report(21_000, HOST_B, [block(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@290 S1@23");
}

// R-CMP-17
#[test]
fn queries_stay_those_of_version_2_for_a_group_in_version_1_mode() {
    let mut bench = version_1_mode();
    bench.done(10_000, HOST_A, G);
    let [query] = bench.sent().try_into().expect("one Query");
    assert_eq!((query.version, query.len), (Version::V2, 28));
}

// MLDv1 routers.

// R-CMP-1, R-CMP-7, R-ELE-11, A-5
#[test]
fn mldv1_querier_with_a_lower_address_is_elected_and_counted() {
    let mut bench = Bench::querier();
    bench.query(10_000, Ask::general(LOWER).v1());
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    assert_eq!(bench.router.stats().version_1_queries, 1);
    assert_eq!(bench.router.stats().lost_to_version_1, 1);
    bench.query(20_000, Ask::general(LOWER).v1());
    assert_eq!(bench.router.stats().version_1_queries, 2);
    assert_eq!(bench.router.stats().lost_to_version_1, 1);
}

// R-CMP-1
#[test]
fn router_stays_in_version_2_beside_an_mldv1_querier() {
    let mut bench = Bench::querier();
    bench.query(10_000, Ask::general(LOWER).v1());
    bench.report(20_000, HOST_A, [is_in(G, [S1])]);
    assert_eq!(bench.state(G), "include S1@290");
    bench.advance_to(265_000);
    let [query] = bench.sent().try_into().expect("one Query");
    assert_eq!((query.at, query.version), (265_000, Version::V2));
}

#[test]
fn mldv1_querier_with_a_higher_address_is_counted_and_not_elected() {
    let mut bench = Bench::querier();
    bench.query(10_000, Ask::general(HIGHER).v1());
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
    assert_eq!(bench.router.stats().version_1_queries, 1);
    assert_eq!(bench.router.stats().lost_to_version_1, 0);
}

//
#[test]
fn ignored_mldv1_querier_is_not_elected() {
    let mut bench = Bench::querier_with(reading(|r| r.ignore_v1_querier = true));
    bench.query(10_000, Ask::general(LOWER).v1());
    bench.query(11_000, Ask::group(LOWER, G).v1());
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
    assert_eq!(bench.events(), NOTHING);
    bench.advance_to(31_250);
    assert_eq!(bench.generals(), [31_250]);
    bench.query(40_000, Ask::general(LOWER));
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
}

// R-RXQ-1: a specific Query of MLDv1 has no S flag, so it lowers timers.
#[test]
fn mldv1_specific_query_lowers_the_filter_timer() {
    let mut bench = Bench::non_querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.query(10_000, Ask::group(LOWER, G).v1());
    assert_eq!(bench.state(G), "exclude@12");
}

// R-CMP-8
#[test]
fn version_2_only_ignores_mldv1_messages() {
    let mut bench = Bench::querier_with(reading(|r| r.version_2_only = true));
    assert_eq!(bench.receive(0, &support::packets::report_v1(HOST_A, G)), Err(Discard::WrongVersion));
    assert_eq!(bench.state(G), "none");
    bench.report(1000, HOST_A, [to_ex(G, [])]);
    assert_eq!(bench.receive(2000, &support::packets::report_v1(HOST_A, G)), Err(Discard::WrongVersion));
    assert_eq!(bench.receive(3000, &support::packets::done(HOST_A, G)), Err(Discard::WrongVersion));
    assert_eq!(bench.receive(4000, &Ask::general(LOWER).v1().packet()), Err(Discard::WrongVersion));
    assert_eq!(bench.state(G), "exclude@271");
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
    // R-SEC-6: a forged Report cannot switch source filters off.
    bench.report(5000, HOST_A, [block(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@271 S1@7");
}

// R-SSM-5
#[test]
fn mldv1_messages_for_source_specific_groups_change_nothing() {
    let mut bench = Bench::querier();
    bench.v1_report(0, HOST_A, SSM);
    assert_eq!(bench.state(SSM), "none");
    bench.report(1000, HOST_A, [is_in(SSM, [S1])]);
    bench.v1_report(2000, HOST_A, SSM);
    bench.done(3000, HOST_A, SSM);
    assert_eq!(bench.state(SSM), "include S1@271");
    assert_eq!(bench.changes(), ["1 membership SSM include S1"]);
    bench.advance_to(20_000);
    assert_eq!(bench.asked(), NOTHING);
}
