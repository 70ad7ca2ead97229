//! Immediate leave: at the querier a leave ends at once what its Query would have put on the last listener time.
//! R-SEC-15.

mod support;

use mld_proto::Version;
use support::*;

const NOTHING: [&str; 0] = [];

fn querier() -> Bench {
    Bench::querier_with(config(|c| c.immediate_leave(true)))
}

#[test]
fn leave_ends_the_group_and_asks_once() {
    let mut bench = querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.forget();
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    assert_eq!(bench.state(G), "none");
    // No timer ended it, so there is no timeout.
    assert_eq!(bench.changes(), ["10 membership G none"]);
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G"]);
}

#[test]
fn answer_to_the_query_brings_the_group_back() {
    let mut bench = querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.report(10_000, HOST_A, [to_in(G, [])]);
    bench.report(10_300, HOST_B, [is_ex(G, [])]);
    assert_eq!(bench.state(G), "exclude@280.3");
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G"]);
}

#[test]
fn done_ends_a_group_in_version_1_mode() {
    let mut bench = querier();
    bench.v1_report(0, HOST_A, G);
    bench.forget();
    bench.done(10_000, HOST_A, G);
    assert_eq!(bench.state(G), "none");
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G"]);
}

#[test]
fn done_does_not_end_a_group_in_version_2_mode() {
    let mut bench = querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.done(10_000, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@270");
    assert_eq!(bench.asked(), NOTHING);
}

#[test]
fn done_ends_a_group_of_a_version_1_interface() {
    let mut bench = Bench::querier_with(config(|c| c.version(Version::V1).immediate_leave(true)));
    bench.v1_report(0, HOST_A, G);
    bench.forget();
    bench.done(10_000, HOST_A, G);
    assert_eq!(bench.state(G), "none");
    assert_eq!(bench.changes(), ["10 membership G none"]);
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G"]);
}

#[test]
fn blocked_source_of_an_include_group_is_deleted() {
    let mut bench = querier();
    bench.report(0, HOST_A, [is_in(G, [S1, S2])]);
    bench.forget();
    bench.report(10_000, HOST_A, [block(G, [S1])]);
    assert_eq!(bench.state(G), "include S2@270");
    assert_eq!(bench.changes(), ["10 membership G include S2"]);
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G{S1}"]);
}

#[test]
fn last_blocked_source_ends_the_group() {
    let mut bench = querier();
    bench.report(0, HOST_A, [is_in(G, [S1])]);
    bench.forget();
    bench.report(10_000, HOST_A, [block(G, [S1])]);
    assert_eq!(bench.state(G), "none");
    assert_eq!(bench.changes(), ["10 membership G none"]);
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G{S1}"]);
}

#[test]
fn blocked_source_of_an_exclude_group_is_excluded() {
    let mut bench = querier();
    bench.report(0, HOST_A, [is_ex(G, [])]);
    bench.forget();
    bench.report(10_000, HOST_A, [block(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@270 -S1");
    assert_eq!(bench.changes(), ["10 membership G exclude -S1"]);
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G{S1}"]);
}

#[test]
fn leave_for_a_shorter_list_deletes_the_sources_left_out() {
    let mut bench = querier();
    bench.report(0, HOST_A, [is_in(G, [S1, S2])]);
    bench.report(10_000, HOST_A, [to_in(G, [S2, S3])]);
    assert_eq!(bench.state(G), "include S2@280 S3@280");
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G{S1}"]);
}

#[test]
fn leave_of_exclude_mode_switches_to_the_wanted_sources() {
    let mut bench = querier();
    bench.report(0, HOST_A, [is_ex(G, [S2])]);
    bench.report(1000, HOST_B, [is_in(G, [S1])]);
    bench.report(10_000, HOST_A, [to_in(G, [S3])]);
    assert_eq!(bench.state(G), "include S3@280");
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G", "10 G{S1}"]);
}

// TO_EX wants traffic; its Queries wait as ever.
#[test]
fn change_to_exclude_waits_for_answers() {
    let mut bench = querier();
    bench.report(0, HOST_A, [is_in(G, [S1])]);
    bench.report(10_000, HOST_A, [to_ex(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@280 S1@12");
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G{S1}", "11 G{S1}"]);
    assert_eq!(bench.state(G), "exclude@280 -S1");
}

#[test]
fn non_querier_waits_for_the_queries_of_the_querier() {
    let mut bench = Bench::non_querier_with(config(|c| c.immediate_leave(true)));
    bench.report(0, HOST_A, [to_ex(G, []), is_in(G2, [S1])]);
    bench.report(10_000, HOST_A, [to_in(G, []), block(G2, [S1])]);
    assert_eq!(bench.state(G), "exclude@270");
    assert_eq!(bench.state(G2), "include S1@270");
    bench.query(10_001, Ask::group(LOWER, G));
    assert_eq!(bench.state(G), "exclude@12.001");
    assert_eq!(bench.asked(), NOTHING);
}

#[test]
fn records_that_would_ask_nothing_end_nothing() {
    let mut bench = querier();
    bench.report(0, HOST_A, [is_in(G, [S1]), is_ex(G2, [S1])]);
    bench.report(10_000, HOST_A, [block(G, [S2]), to_in(G, [S1]), block(G2, [S1])]);
    assert_eq!(bench.state(G), "include S1@280");
    assert_eq!(bench.state(G2), "exclude@270 -S1");
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), NOTHING);
}

// A join and a leave in one Report leave no trace, and no event names the group.
#[test]
fn group_that_came_and_went_between_two_polls_is_no_event() {
    let mut bench = querier();
    bench.report(0, HOST_A, [to_ex(G, []), to_in(G, [])]);
    assert_eq!(bench.state(G), "none");
    assert_eq!(bench.changes(), NOTHING);
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["0 G"]);
}
