//! The effect of each record of a Report on a group, in each filter mode and for each shape of source list.
//!
//! RFC 9777 sections 7.4.1 and 7.4.2; R-REC-1 to 10, R-RST-1 to 7, R-CMP-12.

mod support;

use core::net::Ipv6Addr;

use mld_proto::wire::RecordType;
use proptest::prelude::*;
use support::model::{Model, Timing};
use support::*;

/// Names a test for one cell: what the group was, which record came at 10 s, what it is then, and which Queries
/// leave until nothing is left to be asked.
macro_rules! rows {
    ($setup:ident: $($name:ident: $record:expr => $state:expr, $asked:expr;)*) => {
        $(#[test]
        fn $name() {
            let mut bench = $setup();
            bench.report(10_000, HOST_B, [$record]);
            assert_eq!(bench.state(G), $state);
            bench.advance_to(11_999);
            assert_eq!(bench.asked(), $asked);
        })*
    };
}

const NOTHING: [&str; 0] = [];

/// INCLUDE (A), A being S1 and S2 until 270.
fn include_at_querier() -> Bench {
    include(Bench::querier())
}

/// EXCLUDE (X, Y) until 270, X being S1 and S2 until 271, Y being S3 and S4.
fn exclude_at_querier() -> Bench {
    exclude(Bench::querier())
}

fn include_at_non_querier() -> Bench {
    include(Bench::non_querier())
}

fn exclude_at_non_querier() -> Bench {
    exclude(Bench::non_querier())
}

fn include(mut bench: Bench) -> Bench {
    bench.report(0, HOST_A, [is_in(G, [S1, S2])]);
    assert_eq!(bench.state(G), "include S1@270 S2@270");
    bench
}

fn exclude(mut bench: Bench) -> Bench {
    bench.report(0, HOST_A, [is_ex(G, [S3, S4])]);
    bench.report(1000, HOST_B, [is_in(G, [S1, S2])]);
    assert_eq!(bench.state(G), "exclude@270 S1@271 S2@271 -S3 -S4");
    bench
}

// R-REC-1, first row: INCLUDE (A), IS_IN (B).
rows! { include_at_querier:
    include_is_in_adds_new_sources: is_in(G, [S3]) => "include S1@270 S2@270 S3@280", NOTHING;
    include_is_in_refreshes_known_sources: is_in(G, [S2, S3]) => "include S1@270 S2@280 S3@280", NOTHING;
    include_is_in_of_all_refreshes_all: is_in(G, [S1, S2]) => "include S1@280 S2@280", NOTHING;
    include_is_in_of_nothing_changes_nothing: is_in(G, []) => "include S1@270 S2@270", NOTHING;
}

// R-REC-1, second row: INCLUDE (A), IS_EX (B).
rows! { include_at_querier:
    include_is_ex_of_strangers_drops_the_list: is_ex(G, [S3]) => "exclude@280 -S3", NOTHING;
    include_is_ex_keeps_the_timers_of_known_sources: is_ex(G, [S2, S3]) => "exclude@280 S2@270 -S3", NOTHING;
    include_is_ex_of_all_keeps_all_as_requested: is_ex(G, [S1, S2]) => "exclude@280 S1@270 S2@270", NOTHING;
    include_is_ex_of_nothing_wants_every_source: is_ex(G, []) => "exclude@280", NOTHING;
}

// R-REC-1, third row: EXCLUDE (X, Y), IS_IN (A).
rows! { exclude_at_querier:
    exclude_is_in_requests_strangers: is_in(G, [S5]) => "exclude@270 S1@271 S2@271 S5@280 -S3 -S4", NOTHING;
    exclude_is_in_frees_excluded_sources: is_in(G, [S2, S3, S5])
        => "exclude@270 S1@271 S2@280 S3@280 S5@280 -S4", NOTHING;
    exclude_is_in_of_nothing_changes_nothing: is_in(G, [])
        => "exclude@270 S1@271 S2@271 -S3 -S4", NOTHING;
}

// R-REC-1, fourth row: EXCLUDE (X, Y), IS_EX (A). R-REC-3: new sources get the listening interval.
rows! { exclude_at_querier:
    exclude_is_ex_of_strangers_requests_them_alone: is_ex(G, [S5]) => "exclude@280 S5@280", NOTHING;
    exclude_is_ex_keeps_requested_timers_and_exclusions: is_ex(G, [S2, S3, S5])
        => "exclude@280 S2@271 S5@280 -S3", NOTHING;
    exclude_is_ex_of_nothing_drops_both_lists: is_ex(G, []) => "exclude@280", NOTHING;
    exclude_is_ex_of_both_lists_refreshes_the_filter_alone: is_ex(G, [S1, S2, S3, S4])
        => "exclude@280 S1@271 S2@271 -S3 -S4", NOTHING;
}

// R-REC-2: INCLUDE (A), ALLOW (B).
rows! { include_at_querier:
    include_allow_adds_new_sources: allow(G, [S3]) => "include S1@270 S2@270 S3@280", NOTHING;
    include_allow_refreshes_known_sources: allow(G, [S2, S3]) => "include S1@270 S2@280 S3@280", NOTHING;
    include_allow_of_nothing_changes_nothing: allow(G, []) => "include S1@270 S2@270", NOTHING;
}

// R-REC-2, R-REC-5: INCLUDE (A), BLOCK (B).
rows! { include_at_querier:
    include_block_of_strangers_asks_nothing: block(G, [S3]) => "include S1@270 S2@270", NOTHING;
    include_block_asks_for_known_sources: block(G, [S2, S3])
        => "include S1@270 S2@12", ["10 G{S2}", "11 G{S2}"];
    include_block_of_all_asks_for_all: block(G, [S1, S2])
        => "include S1@12 S2@12", ["10 G{S1,S2}", "11 G{S1,S2}"];
    include_block_of_nothing_changes_nothing: block(G, []) => "include S1@270 S2@270", NOTHING;
}

// R-REC-2: INCLUDE (A), TO_EX (B).
rows! { include_at_querier:
    include_to_ex_of_strangers_asks_nothing: to_ex(G, [S3]) => "exclude@280 -S3", NOTHING;
    include_to_ex_asks_for_known_sources: to_ex(G, [S2, S3])
        => "exclude@280 S2@12 -S3", ["10 G{S2}", "11 G{S2}"];
    include_to_ex_of_all_asks_for_all: to_ex(G, [S1, S2])
        => "exclude@280 S1@12 S2@12", ["10 G{S1,S2}", "11 G{S1,S2}"];
    include_to_ex_of_nothing_wants_every_source: to_ex(G, []) => "exclude@280", NOTHING;
}

// R-REC-2: INCLUDE (A), TO_IN (B).
rows! { include_at_querier:
    include_to_in_of_strangers_asks_for_the_old_list: to_in(G, [S3])
        => "include S1@12 S2@12 S3@280", ["10 G{S1,S2}", "11 G{S1,S2}"];
    include_to_in_asks_for_the_sources_left_out: to_in(G, [S2, S3])
        => "include S1@12 S2@280 S3@280", ["10 G{S1}", "11 G{S1}"];
    include_to_in_of_all_asks_nothing: to_in(G, [S1, S2]) => "include S1@280 S2@280", NOTHING;
    include_to_in_of_nothing_asks_for_all: to_in(G, [])
        => "include S1@12 S2@12", ["10 G{S1,S2}", "11 G{S1,S2}"];
}

// R-REC-2: EXCLUDE (X, Y), ALLOW (A).
rows! { exclude_at_querier:
    exclude_allow_requests_strangers: allow(G, [S5]) => "exclude@270 S1@271 S2@271 S5@280 -S3 -S4", NOTHING;
    exclude_allow_frees_excluded_sources: allow(G, [S2, S3, S5])
        => "exclude@270 S1@271 S2@280 S3@280 S5@280 -S4", NOTHING;
    exclude_allow_of_nothing_changes_nothing: allow(G, [])
        => "exclude@270 S1@271 S2@271 -S3 -S4", NOTHING;
}

// R-REC-2, R-REC-10: EXCLUDE (X, Y), BLOCK (A).
rows! { exclude_at_querier:
    exclude_block_of_strangers_asks_for_them: block(G, [S5])
        => "exclude@270 S1@271 S2@271 S5@12 -S3 -S4", ["10 G{S5}", "11 G{S5}"];
    exclude_block_asks_for_all_but_excluded_sources: block(G, [S2, S3, S5])
        => "exclude@270 S1@271 S2@12 S5@12 -S3 -S4", ["10 G{S2,S5}", "11 G{S2,S5}"];
    exclude_block_of_excluded_sources_asks_nothing: block(G, [S3])
        => "exclude@270 S1@271 S2@271 -S3 -S4", NOTHING;
    exclude_block_of_nothing_changes_nothing: block(G, [])
        => "exclude@270 S1@271 S2@271 -S3 -S4", NOTHING;
}

// R-REC-2, R-REC-10: EXCLUDE (X, Y), TO_EX (A).
rows! { exclude_at_querier:
    exclude_to_ex_of_strangers_asks_for_them: to_ex(G, [S5])
        => "exclude@280 S5@12", ["10 G{S5}", "11 G{S5}"];
    exclude_to_ex_asks_for_all_but_excluded_sources: to_ex(G, [S2, S3, S5])
        => "exclude@280 S2@12 S5@12 -S3", ["10 G{S2,S5}", "11 G{S2,S5}"];
    exclude_to_ex_of_excluded_sources_asks_nothing: to_ex(G, [S3]) => "exclude@280 -S3", NOTHING;
    exclude_to_ex_of_nothing_drops_both_lists: to_ex(G, []) => "exclude@280", NOTHING;
}

// R-REC-2: EXCLUDE (X, Y), TO_IN (A).
rows! { exclude_at_querier:
    exclude_to_in_of_strangers_asks_for_group_and_requested: to_in(G, [S5])
        => "exclude@12 S1@12 S2@12 S5@280 -S3 -S4", ["10 G", "10 G{S1,S2}", "11 G", "11 G{S1,S2}"];
    exclude_to_in_asks_for_group_and_sources_left_out: to_in(G, [S2, S3, S5])
        => "exclude@12 S1@12 S2@280 S3@280 S5@280 -S4", ["10 G", "10 G{S1}", "11 G", "11 G{S1}"];
    exclude_to_in_of_all_requested_asks_for_the_group_alone: to_in(G, [S1, S2])
        => "exclude@12 S1@280 S2@280 -S3 -S4", ["10 G", "11 G"];
    exclude_to_in_of_nothing_asks_for_group_and_all_requested: to_in(G, [])
        => "exclude@12 S1@12 S2@12 -S3 -S4", ["10 G", "10 G{S1,S2}", "11 G", "11 G{S1,S2}"];
}

// R-RXQ-4, R-QRY-1: the same rows at a non-querier: no timer is lowered, no Query is sent.
rows! { include_at_non_querier:
    non_querier_include_is_in: is_in(G, [S2, S3]) => "include S1@270 S2@280 S3@280", NOTHING;
    non_querier_include_is_ex: is_ex(G, [S2, S3]) => "exclude@280 S2@270 -S3", NOTHING;
    non_querier_include_allow: allow(G, [S2, S3]) => "include S1@270 S2@280 S3@280", NOTHING;
    non_querier_include_block: block(G, [S2, S3]) => "include S1@270 S2@270", NOTHING;
    non_querier_include_to_ex: to_ex(G, [S2, S3]) => "exclude@280 S2@270 -S3", NOTHING;
    non_querier_include_to_in: to_in(G, [S2, S3]) => "include S1@270 S2@280 S3@280", NOTHING;
    non_querier_include_to_in_of_nothing: to_in(G, []) => "include S1@270 S2@270", NOTHING;
}

// R-REC-3, R-REC-4: the timer of a newly named source is the old filter timer.
rows! { exclude_at_non_querier:
    non_querier_exclude_is_in: is_in(G, [S2, S3, S5]) => "exclude@270 S1@271 S2@280 S3@280 S5@280 -S4", NOTHING;
    non_querier_exclude_is_ex: is_ex(G, [S2, S3, S5]) => "exclude@280 S2@271 S5@280 -S3", NOTHING;
    non_querier_exclude_allow: allow(G, [S2, S3, S5]) => "exclude@270 S1@271 S2@280 S3@280 S5@280 -S4", NOTHING;
    non_querier_exclude_block: block(G, [S2, S3, S5]) => "exclude@270 S1@271 S2@271 S5@270 -S3 -S4", NOTHING;
    non_querier_exclude_to_ex: to_ex(G, [S2, S3, S5]) => "exclude@280 S2@271 S5@270 -S3", NOTHING;
    non_querier_exclude_to_in: to_in(G, [S2, S3, S5]) => "exclude@270 S1@271 S2@280 S3@280 S5@280 -S4", NOTHING;
    non_querier_exclude_to_in_of_nothing: to_in(G, []) => "exclude@270 S1@271 S2@271 -S3 -S4", NOTHING;
}

// R-RST-2, R-RST-7: a group without listeners so far.
rows! { unknown_at_querier:
    unknown_is_in_creates_an_include_group: is_in(G, [S1]) => "include S1@280", NOTHING;
    unknown_is_in_of_nothing_creates_nothing: is_in(G, []) => "none", NOTHING;
    unknown_allow_creates_an_include_group: allow(G, [S1]) => "include S1@280", NOTHING;
    unknown_allow_of_nothing_creates_nothing: allow(G, []) => "none", NOTHING;
    unknown_to_in_creates_an_include_group: to_in(G, [S1]) => "include S1@280", NOTHING;
    unknown_to_in_of_nothing_creates_and_asks_nothing: to_in(G, []) => "none", NOTHING;
    unknown_block_creates_nothing: block(G, [S1]) => "none", NOTHING;
    unknown_block_of_nothing_creates_nothing: block(G, []) => "none", NOTHING;
    unknown_is_ex_excludes_the_list: is_ex(G, [S1]) => "exclude@280 -S1", NOTHING;
    unknown_is_ex_of_nothing_wants_every_source: is_ex(G, []) => "exclude@280", NOTHING;
    unknown_to_ex_excludes_the_list: to_ex(G, [S1]) => "exclude@280 -S1", NOTHING;
    unknown_to_ex_of_nothing_wants_every_source: to_ex(G, []) => "exclude@280", NOTHING;
}

fn unknown_at_querier() -> Bench {
    Bench::querier()
}

// R-RST-3
#[test]
fn leaving_exclude_mode_takes_the_filter_timer() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.report(10_000, HOST_A, [to_in(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@12 S1@280");
    bench.advance_to(11_999);
    assert_eq!(bench.state(G), "exclude@12 S1@280");
    bench.advance_to(12_000);
    assert_eq!(bench.state(G), "include S1@280");
}

// R-REC-3: what is blocked outlives nothing that the group itself would not outlive.
#[test]
fn blocked_source_at_a_non_querier_ends_with_the_group() {
    let mut bench = Bench::non_querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.report(220_000, HOST_A, [block(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@270 S1@270");
}

// R-REC-4
#[test]
fn to_ex_reads_the_filter_timer_before_it_resets_it() {
    let mut bench = Bench::non_querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.report(220_000, HOST_A, [to_ex(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@490 S1@270");
}

// a blocked source whose group has little time left gets that time and no Query.
#[test]
fn blocked_source_of_an_ending_group_is_not_asked_for() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.forget();
    bench.report(269_000, HOST_A, [block(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@270 S1@270");
    bench.advance_to(300_000);
    assert_eq!(bench.asked(), NOTHING);
}

// R-REC-6, R-REC-7
#[test]
fn traffic_of_an_asked_source_flows_until_nobody_answered() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S1, S2])]);
    bench.report(20_000, HOST_A, [block(G, [S1])]);
    bench.advance_to(21_999);
    assert!(bench.forwards(G, S1));
    bench.advance_to(22_000);
    assert!(!bench.forwards(G, S1) && bench.forwards(G, S2));
}

// R-REC-8
#[test]
fn shorter_current_state_record_asks_nothing() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S1, S2])]);
    bench.report(10_000, HOST_A, [is_in(G, [S2])]);
    assert_eq!(bench.state(G), "include S1@270 S2@280");
    bench.advance_to(20_000);
    assert_eq!(bench.asked(), NOTHING);
}

// R-REC-9
#[test]
fn deleted_source_is_no_longer_asked_for() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [])]);
    bench.report(10_000, HOST_A, [block(G, [S1])]);
    bench.report(10_500, HOST_B, [is_ex(G, [])]);
    assert_eq!(bench.state(G), "exclude@280.5");
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G{S1}"]);
}

// R-REC-9
#[test]
fn deleted_and_renamed_source_starts_without_old_queries() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [])]);
    bench.report(10_000, HOST_A, [block(G, [S1])]);
    bench.report(10_500, HOST_B, [is_ex(G, []), is_in(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@280.5 S1@280.5");
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G{S1}"]);
}

// R-REC-9
#[test]
fn source_that_ends_up_excluded_has_nothing_pending() {
    let mut bench = Bench::querier_with(config(|c| c.last_listener_query_count(3)));
    bench.report(0, HOST_A, [is_ex(G, [])]);
    bench.report(10_000, HOST_A, [block(G, [S1])]);
    // A Query of another router shortens the wait, so that one of the three Queries is still to come at its end.
    bench.query(10_000, Ask::sources(HIGHER, G, [S1]).code(500));
    assert_eq!(bench.state(G), "exclude@270 S1@11.5");
    bench.advance_to(11_500);
    assert_eq!(bench.state(G), "exclude@270 -S1");
    bench.report(11_600, HOST_B, [is_in(G, [S1])]);
    bench.advance_to(30_000);
    assert_eq!(bench.asked(), ["10 G{S1}", "11 G{S1}"]);
}

// R-WIRE-75
#[test]
fn records_of_one_report_apply_in_wire_order() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S1])]);
    bench.report(10_000, HOST_A, [allow(G, [S3]), block(G, [S1])]);
    assert_eq!(bench.state(G), "include S1@12 S3@280");
    bench.report(20_000, HOST_A, [block(G2, [S1]), allow(G2, [S1])]);
    assert_eq!(bench.state(G2), "include S1@290");
    bench.report(20_000, HOST_A, [to_ex(G3, []), to_in(G3, [])]);
    assert_eq!(bench.state(G3), "exclude@22");
}

// R-WIRE-74
#[test]
fn source_named_twice_counts_once() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S1, S1, S2, S1])]);
    assert_eq!(bench.state(G), "include S1@270 S2@270");
    bench.report(1000, HOST_A, [is_ex(G2, [S1, S1])]);
    assert_eq!(bench.state(G2), "exclude@271 -S1");
    bench.report(2000, HOST_A, [block(G, [S1, S1])]);
    bench.advance_to(3999);
    assert_eq!(bench.asked(), ["2 G{S1}", "3 G{S1}"]);
}

// R-RST-1
#[test]
fn groups_do_not_touch_each_other() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S1]), is_ex(G2, [S1]), to_ex(G3, [])]);
    bench.report(10_000, HOST_A, [block(G, [S1])]);
    assert_eq!(bench.state(G), "include S1@12");
    assert_eq!(bench.state(G2), "exclude@270 -S1");
    assert_eq!(bench.state(G3), "exclude@270");
}

// R-SSM-3, R-SSM-4, R-SSM-6, R-SSM-7
#[test]
fn exclude_records_of_source_specific_groups_are_skipped() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(SSM, [S1]), to_ex(SSM, []), is_in(SSM, [S2]), is_ex(G, [])]);
    assert_eq!(bench.state(SSM), "include S2@270");
    assert_eq!(bench.state(G), "exclude@270");
    bench.report(10_000, HOST_A, [to_in(SSM, [])]);
    assert_eq!(bench.state(SSM), "include S2@12");
    bench.advance_to(12_000);
    assert_eq!(bench.state(SSM), "none");
    assert_eq!(bench.asked(), ["10 SSM{S2}", "11 SSM{S2}"]);
}

/// One step of a random run; times are milliseconds since the step before.
#[derive(Clone, Debug)]
enum Step {
    Report { after: u64, record: RecordType, sources: Vec<Ipv6Addr> },
    Done { after: u64 },
    Query { after: u64, sources: Vec<Ipv6Addr>, suppress: bool, delay: u16, lower: bool },
    Wait { after: u64 },
}

/// Mostly short times, so that queries and their answers meet; sometimes long ones, so that timers end.
fn after() -> impl Strategy<Value = u64> {
    prop_oneof![
        2 => Just(0_u64),
        4 => (0_u64..25).prop_map(|n| n * 100),
        2 => 0_u64..2500,
        1 => (0_u64..30).prop_map(|n| n * 10_000),
    ]
}

fn sources() -> impl Strategy<Value = Vec<Ipv6Addr>> {
    proptest::collection::vec((1_u16..=5).prop_map(source), 0..4)
}

fn step() -> impl Strategy<Value = Step> {
    let record = prop_oneof![
        8 => proptest::sample::select(RECORDS.to_vec()),
        1 => Just(RecordType::Report)
    ];
    prop_oneof![
        12 => (after(), record, sources()).prop_map(|(after, record, sources)| Step::Report { after, record, sources }),
        1 => after().prop_map(|after| Step::Done { after }),
        2 => (after(), sources(), any::<bool>(), 1_u16..3000, any::<bool>()).prop_map(
            |(after, mut sources, suppress, delay, lower)| {
                sources.sort();
                sources.dedup();
                Step::Query { after, sources, suppress, delay, lower }
            }
        ),
        2 => after().prop_map(|after| Step::Wait { after }),
    ]
}

/// The other querier in a random run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    /// Routers that lose the election.
    Higher,
    /// The querier, which never falls silent.
    Querier,
    /// Routers that win it and such that lose it.
    Both,
}

/// Runs the steps on a router and on the model side by side.
fn compare(mut bench: Bench, timing: Timing, others: Others, steps: &[Step]) {
    let mut model = Model::new(timing, others != Others::Querier);
    let mut now = 0;
    let mut keep_alive = 0;
    for step in steps {
        let (Step::Report { after, .. }
        | Step::Done { after }
        | Step::Query { after, .. }
        | Step::Wait { after }) = step;
        now += after;
        while others == Others::Querier && keep_alive + 100_000 <= now {
            keep_alive += 100_000;
            bench.query(keep_alive, Ask::general(LOWER));
        }
        match step {
            Step::Report { record: RecordType::Report, .. } => {
                bench.v1_report(now, HOST_A, G);
                model.record(now, RecordType::Report, &[]);
            }
            Step::Report { record, sources, .. } => {
                bench.report(now, HOST_A, [Rec::new(*record, G, sources.clone())]);
                model.record(now, *record, sources);
            }
            Step::Done { .. } => {
                bench.done(now, HOST_A, G);
                model.done(now);
            }
            Step::Query { sources, suppress, delay, lower, .. } => {
                let lower = others == Others::Querier || others == Others::Both && *lower;
                let router = if lower { LOWER } else { HIGHER };
                let ask = Ask::sources(router, G, sources.clone()).code(*delay);
                let ask = ask.qrv(bench.router.config().robustness_variable());
                bench.query(now, if *suppress { ask.suppressed() } else { ask });
                if lower {
                    model.yield_to_querier(now);
                }
                model.query(now, sources, *suppress, u64::from(*delay));
            }
            Step::Wait { .. } => {
                bench.advance_to(now);
                model.advance_to(now);
                assert_eq!(bench.state(G), model.state(), "at {now} ms, settled");
                continue;
            }
        }
        assert_eq!(bench.state(G), model.state(), "at {now} ms, after {step:?}");
    }
    bench.advance_to(now + 400);
    model.advance_to(now + 400);
    assert_eq!(bench.state(G), model.state());
    assert_eq!(bench.asked(), model.take_asked());
}

proptest! {
    // R-REC-1, R-REC-2, R-EXP-1, R-QRY-4 to 12, R-RXQ-1 to 5, R-CMP-11 to 16
    #[test]
    fn querier_agrees_with_the_tables(steps in proptest::collection::vec(step(), 1..40)) {
        compare(Bench::querier(), Timing::DEFAULT, Others::Higher, &steps);
    }

    // R-RST-1, R-RXQ-4
    #[test]
    fn non_querier_agrees_with_the_tables(steps in proptest::collection::vec(step(), 1..40)) {
        compare(Bench::non_querier(), Timing::DEFAULT, Others::Querier, &steps);
    }

    // R-TIM-9: three Queries in each series, and intervals that follow.
    #[test]
    fn querier_of_robustness_three_agrees_with_the_tables(steps in proptest::collection::vec(step(), 1..40)) {
        let timing = Timing {
            listening_interval: 3 * 60_000 + 2 * 5000,
            older_host_interval: 3 * 60_000 + 5000,
            last_listener_interval: 700,
            last_listener_count: 3,
            ..Timing::DEFAULT
        };
        let config = config(|c| {
            c.robustness_variable(3)
                .query_interval(secs(60))
                .query_response_interval(secs(5))
                .last_listener_query_interval(millis(700))
        });
        compare(Bench::querier_with(config), timing, Others::Higher, &steps);
    }

    // R-QRY-16, R-ELE-2, R-ELE-4
    #[test]
    fn router_whose_role_changes_agrees_with_the_tables(steps in proptest::collection::vec(step(), 1..40)) {
        // The other querier announces the same values, so that intervals stay.
        compare(Bench::querier(), Timing::DEFAULT, Others::Both, &steps);
    }
}
