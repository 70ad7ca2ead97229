//! Expiry: which state ends when, and what is forwarded until then.
//!
//! RFC 9777 sections 7.2.2, 7.2.3, 7.3 and 7.5; R-EXP-1 to 3, R-FWD-1 to 4, R-RST-3 to 6.

mod support;

use mld_proto::{Discard, FilterMode};
use support::*;

// Source timers.

#[test]
fn ended_source_of_an_include_group_is_deleted() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S1])]);
    bench.report(10_000, HOST_A, [is_in(G, [S2])]);
    bench.advance_to(269_999);
    assert!(bench.forwards(G, S1));
    bench.advance_to(270_000);
    assert_eq!(bench.state(G), "include S2@280");
    assert!(!bench.forwards(G, S1) && bench.forwards(G, S2));
    assert_eq!(bench.changes().last().expect("told"), "270 membership G include S2");
}

// R-RST-6
#[test]
fn include_group_ends_with_its_last_source() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S1, S2])]);
    bench.forget();
    bench.advance_to(270_000);
    assert_eq!(bench.state(G), "none");
    assert!(!bench.forwards(G, S1));
    assert_eq!(bench.changes(), ["270 timeout G", "270 membership G none"]);
}

#[test]
fn ended_source_of_an_exclude_group_is_excluded_and_kept() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S1])]);
    bench.report(10_000, HOST_B, [is_ex(G, [S1])]);
    bench.forget();
    bench.advance_to(269_999);
    assert!(bench.forwards(G, S1));
    bench.advance_to(270_000);
    assert_eq!(bench.state(G), "exclude@280 -S1");
    assert!(!bench.forwards(G, S1) && bench.forwards(G, S2));
    assert_eq!(bench.changes(), ["270 membership G exclude -S1"]);
}

// The filter timer.

#[test]
fn exclude_group_without_requested_sources_ends_with_its_filter_timer() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [S1])]);
    bench.forget();
    bench.advance_to(269_999);
    assert!(bench.forwards(G, S2));
    bench.advance_to(270_000);
    assert_eq!(bench.state(G), "none");
    assert!(!bench.forwards(G, S1) && !bench.forwards(G, S2));
    assert_eq!(bench.router.usage().sources, 0);
    assert_eq!(bench.changes(), ["270 timeout G", "270 membership G none"]);
}

// R-RST-4, R-EXP-3
#[test]
fn exclude_group_with_requested_sources_becomes_an_include_group() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [S1, S2])]);
    bench.report(10_000, HOST_B, [is_in(G, [S2, S3])]);
    bench.forget();
    bench.advance_to(269_999);
    assert_eq!(bench.state(G), "exclude@270 S2@280 S3@280 -S1");
    assert!(bench.forwards(G, S2) && bench.forwards(G, S4));
    bench.advance_to(270_000);
    assert_eq!(bench.state(G), "include S2@280 S3@280");
    assert!(
        bench.forwards(G, S2) && bench.forwards(G, S3) && !bench.forwards(G, S4) && !bench.forwards(G, S1)
    );
    assert_eq!(bench.router.usage().sources, 2);
    assert_eq!(bench.changes(), ["270 membership G include S2 S3"]);
}

#[test]
fn include_group_has_no_filter_timer() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [])]);
    bench.report(10_000, HOST_B, [is_in(G, [S1])]);
    bench.advance_to(270_000);
    assert_eq!(bench.router.group(G).expect("known").filter_mode(), FilterMode::Include);
    bench.report(271_000, HOST_B, [is_in(G, [S1])]);
    bench.advance_to(540_999);
    assert_eq!(bench.state(G), "include S1@541");
}

#[test]
fn source_and_filter_timer_of_one_instant_end_the_group() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, []), is_in(G, [S1])]);
    assert_eq!(bench.state(G), "exclude@270 S1@270");
    bench.forget();
    bench.advance_to(270_000);
    assert_eq!(bench.state(G), "none");
    assert_eq!(bench.changes(), ["270 timeout G", "270 membership G none"]);
}

// R-EXP-2
#[test]
fn excluded_source_stays_for_the_whole_filter_timer() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [S1])]);
    for round in 1..20 {
        let at = round * 125_000;
        bench.report(at, HOST_A, [is_ex(G, [S1])]);
        bench.advance_to(at + 124_000);
        assert_eq!(bench.state(G), format!("exclude@{} -S1", at / 1000 + 270));
    }
}

// R-EXP-2
#[test]
fn excluded_source_goes_when_a_record_leaves_it_out() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [S1, S2])]);
    bench.report(1000, HOST_A, [is_ex(G, [S2])]);
    assert_eq!(bench.state(G), "exclude@271 -S2");
    assert!(bench.forwards(G, S1));
}

// R-RST-3: no record leads out of exclude mode.
#[test]
fn include_records_do_not_end_exclude_mode() {
    for record in [is_in(G, [S1]), to_in(G, [S1]), allow(G, [S1]), to_in(G, []), block(G, [S1])] {
        let mut bench = Bench::querier();
        bench.report(0, HOST_A, [is_ex(G, [])]);
        bench.report(1000, HOST_A, [record.clone()]);
        assert_eq!(bench.router.group(G).expect("known").filter_mode(), FilterMode::Exclude, "{record:?}");
    }
}

// The forwarding table, R-FWD-1: Table 6 row by row.

#[test]
fn unknown_group_is_not_forwarded() {
    assert!(!Bench::querier().forwards(G, S1));
}

#[test]
fn include_group_forwards_a_source_with_a_running_timer() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S1])]);
    assert!(bench.forwards(G, S1));
}

#[test]
fn include_group_does_not_forward_a_source_whose_timer_ended() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S1])]);
    bench.report(5000, HOST_A, [is_in(G, [S2])]);
    bench.advance_to(270_000);
    assert!(!bench.forwards(G, S1));
}

#[test]
fn include_group_does_not_forward_an_unknown_source() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S1])]);
    assert!(!bench.forwards(G, S2));
}

#[test]
fn exclude_group_forwards_a_requested_source() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, []), is_in(G, [S1])]);
    assert!(bench.forwards(G, S1));
}

#[test]
fn exclude_group_does_not_forward_an_excluded_source() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [S1])]);
    assert!(!bench.forwards(G, S1));
}

#[test]
fn exclude_group_forwards_an_unknown_source() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [S1])]);
    assert!(bench.forwards(G, S2));
}

// R-FWD-4, A-31
#[test]
fn link_local_group_is_known_and_never_forwarded() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(LOCAL, [])]);
    assert_eq!(bench.state(LOCAL), "exclude@270");
    assert_eq!(bench.changes(), ["0 membership LOCAL exclude"]);
    assert!(!bench.forwards(LOCAL, S1));
    bench.report(10_000, HOST_A, [to_in(LOCAL, [])]);
    bench.advance_to(12_000);
    assert_eq!(bench.state(LOCAL), "none");
    assert_eq!(bench.asked(), ["10 LOCAL", "11 LOCAL"]);
}

// A-31, R-SEC-14
#[test]
fn link_local_groups_can_be_left_out() {
    let mut bench = Bench::querier_with(reading(|r| r.ignore_link_local_groups = true));
    bench.report(0, HOST_A, [to_ex(LOCAL, []), to_ex(G, [])]);
    let verdict = bench.receive(0, &support::packets::report_v1(HOST_A, LOCAL));
    assert!(matches!(verdict, Ok(()) | Err(Discard::GroupAddress)), "{verdict:?}");
    assert_eq!(bench.state(LOCAL), "none");
    assert_eq!(bench.state(G), "exclude@270");
}

// R-FWD-3: each change of the answer for a source is reported.
#[test]
fn every_change_of_forwarding_is_told() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [S1])]);
    bench.report(1000, HOST_B, [allow(G, [S1, S2])]);
    bench.report(2000, HOST_B, [block(G, [S2])]);
    bench.advance_to(269_999);
    bench.report(269_999, HOST_B, [is_in(G, [S3])]);
    bench.advance_to(300_000);
    assert_eq!(
        bench.changes(),
        [
            "0 membership G exclude -S1",
            "1 membership G exclude",
            "4 membership G exclude -S2",
            "270 membership G include S1 S3",
            "271 membership G include S3",
        ]
    );
}

// R-TIM-11: no timer runs below zero, however late one looks.
#[test]
fn many_deadlines_of_a_long_silence_end_at_their_own_times() {
    let mut bench = Bench::querier();
    for n in 1..=100 {
        bench.report(
            u64::from(n) * 777,
            HOST_A,
            [Rec::new(mld_proto::wire::RecordType::IsIn, G, [source(n)])],
        );
    }
    bench.forget();
    bench.advance_to(10_000_000);
    let told = bench.told();
    let times: Vec<u64> =
        told.iter().filter(|(_, told)| matches!(told, Told::Membership(..))).map(|(at, _)| *at).collect();
    assert_eq!(times, (1..=100).map(|n| n * 777 + 270_000).collect::<Vec<u64>>());
}
