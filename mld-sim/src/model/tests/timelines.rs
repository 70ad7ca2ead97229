//! One group of a version 2 router, from the first Report to the end.

use super::{ModelSettings, script};

fn defaults() -> ModelSettings {
    ModelSettings::default()
}

#[test]
fn a_join_that_is_never_repeated_ends_with_the_listening_interval() {
    script(defaults(), "> 0 TO_EX()\n 0 EXCLUDE(;) FT@270\n 270 none");
}

#[test]
fn legacy_interval_is_one_response_interval_shorter() {
    let settings = ModelSettings { legacy_mali: true, ..defaults() };
    script(settings, "> 0 TO_EX()\n 0 EXCLUDE(;) FT@260\n 260 none");
}

#[test]
fn a_leave_ends_the_group_after_two_queries() {
    script(
        defaults(),
        "> 0 TO_EX()
         0 EXCLUDE(;) FT@270
         > 10 TO_IN()
         10 EXCLUDE(;) FT@12
         10 Q() S=0
         11 Q() S=0
         12 none",
    );
}

#[test]
fn an_answer_between_the_queries_sets_s_in_the_second() {
    script(
        defaults(),
        "> 0 TO_EX()
         0 EXCLUDE(;) FT@270
         > 10 TO_IN()
         10 EXCLUDE(;) FT@12
         10 Q() S=0
         > 10.4 IS_EX()
         10.4 EXCLUDE(;) FT@280.4
         11 Q() S=1
         280.4 none",
    );
}

#[test]
fn a_done_in_version_1_mode_is_a_leave() {
    script(
        defaults(),
        "> 0 REPORT
         0 EXCLUDE(;) FT@270 v1
         > 10 DONE
         10 EXCLUDE(;) FT@12 v1
         10 Q() S=0
         11 Q() S=0
         12 none",
    );
}

#[test]
fn blocking_one_of_two_sources_leaves_the_other() {
    script(
        defaults(),
        "> 0 ALLOW(S1,S2)
         0 INCLUDE(S1,S2) S1@270 S2@270
         > 20 BLOCK(S1)
         20 INCLUDE(S1,S2) S1@22 S2@270
         20 Q(S1) S=0
         21 Q(S1) S=0
         22 INCLUDE(S2) S2@270
         270 none",
    );
}

#[test]
fn a_refreshed_source_goes_to_the_message_with_s_set() {
    script(
        defaults(),
        "> 0 ALLOW(S1,S2)
         0 INCLUDE(S1,S2) S1@270 S2@270
         > 20 BLOCK(S1)
         20 INCLUDE(S1,S2) S1@22 S2@270
         20 Q(S1) S=0
         > 20.7 IS_IN(S1)
         20.7 INCLUDE(S1,S2) S1@290.7 S2@270
         21 Q(S1) S=1
         270 INCLUDE(S1) S1@290.7
         290.7 none",
    );
}

#[test]
fn version_1_mode_ignores_block_and_the_list_of_to_ex() {
    script(
        defaults(),
        "> 0 REPORT
         0 EXCLUDE(;) FT@270 v1
         > 5 IS_IN(S1)
         5 EXCLUDE(S1;) FT@270 S1@275 v1
         > 10 BLOCK(S1)
         10 EXCLUDE(S1;) FT@270 S1@275 v1
         > 11 TO_EX(S1)
         11 EXCLUDE(;) FT@281 v1
         > 259.999 ALLOW()
         259.999 EXCLUDE(;) FT@281 v1
         > 260.001 ALLOW()
         260.001 EXCLUDE(;) FT@281
         281 none",
    );
}

#[test]
fn a_blocked_source_of_an_exclude_group_is_asked_for_and_then_excluded() {
    script(
        defaults(),
        "> 0 TO_EX()
         0 EXCLUDE(;) FT@270
         > 5 BLOCK(S1)
         5 EXCLUDE(S1;) FT@270 S1@7
         5 Q(S1) S=0
         6 Q(S1) S=0
         7 EXCLUDE(;S1) FT@270
         > 12 ALLOW(S1)
         12 EXCLUDE(S1;) FT@270 S1@282",
    );
}

#[test]
fn requested_sources_outlive_the_exclude_mode() {
    script(
        defaults(),
        "> 0 TO_EX(S1,S2)
         0 EXCLUDE(;S1,S2) FT@270
         > 1 ALLOW(S2,S3)
         1 EXCLUDE(S2,S3;S1) FT@270 S2@271 S3@271
         270 INCLUDE(S2,S3) S2@271 S3@271
         271 none",
    );
}

#[test]
fn a_refresh_of_requested_sources_leaves_the_filter_timer_alone() {
    script(
        defaults(),
        "> 0 TO_EX(S1,S2)
         0 EXCLUDE(;S1,S2) FT@270
         > 1 ALLOW(S2,S3)
         1 EXCLUDE(S2,S3;S1) FT@270 S2@271 S3@271
         > 130 IS_IN(S2,S3)
         130 EXCLUDE(S2,S3;S1) FT@270 S2@400 S3@400
         270 INCLUDE(S2,S3) S2@400 S3@400
         400 none",
    );
}

#[test]
fn to_ex_asks_for_what_both_lists_name() {
    script(
        defaults(),
        "> 0 IS_IN(S1,S2)
         0 INCLUDE(S1,S2) S1@270 S2@270
         > 10 TO_EX(S2,S3)
         10 EXCLUDE(S2;S3) FT@280 S2@12
         10 Q(S2) S=0
         11 Q(S2) S=0
         12 EXCLUDE(;S2,S3) FT@280",
    );
}

#[test]
fn to_in_of_an_exclude_group_asks_for_the_group_and_the_other_sources() {
    script(
        defaults(),
        "> 0 IS_EX(S1)
         0 EXCLUDE(;S1) FT@270
         > 10 IS_IN(S2)
         10 EXCLUDE(S2;S1) FT@270 S2@280
         > 20 TO_IN(S3)
         20 EXCLUDE(S2,S3;S1) FT@22 S2@22 S3@290
         20 Q() S=0
         20 Q(S2) S=0
         21 Q() S=0
         21 Q(S2) S=0
         22 INCLUDE(S3) S3@290",
    );
}

#[test]
fn a_new_trigger_takes_pending_sources_along() {
    script(
        defaults(),
        "> 0 IS_EX()
         0 EXCLUDE(;) FT@270
         > 10 BLOCK(S1,S2)
         10 EXCLUDE(S1,S2;) FT@270 S1@12 S2@12
         10 Q(S1,S2) S=0
         > 10.5 BLOCK(S1,S3)
         10.5 EXCLUDE(S1,S2,S3;) FT@270 S1@12 S2@12 S3@12.5
         10.5 Q(S1,S2,S3) S=0
         11.5 Q(S3) S=0
         12 EXCLUDE(S3;S1,S2) FT@270 S3@12.5
         12.5 EXCLUDE(;S1,S2,S3) FT@270",
    );
}

#[test]
fn with_robustness_3_a_late_answer_sets_s_in_the_third_query() {
    script(
        ModelSettings { robustness: 3, ..defaults() },
        "> 0 TO_EX()
         0 EXCLUDE(;) FT@395
         > 10 TO_IN()
         10 EXCLUDE(;) FT@13
         10 Q() S=0
         11 Q() S=0
         > 11.5 IS_EX()
         11.5 EXCLUDE(;) FT@406.5
         12 Q() S=1",
    );
}

#[test]
fn a_non_querier_goes_by_the_queries_it_hears() {
    script(
        defaults(),
        "> 0 GENERAL
         0 none
         > 0 TO_EX()
         0 EXCLUDE(;) FT@270
         > 10 TO_IN()
         10 EXCLUDE(;) FT@270
         > 10.001 QUERY()
         10.001 EXCLUDE(;) FT@12.001
         > 10.6 IS_EX()
         10.6 EXCLUDE(;) FT@280.6
         > 11.001 QUERY_S()
         11.001 EXCLUDE(;) FT@280.6",
    );
}

#[test]
fn a_non_querier_that_hears_no_query_keeps_the_group() {
    script(
        defaults(),
        "> 0 GENERAL
         0 none
         > 0 TO_EX()
         0 EXCLUDE(;) FT@270
         > 10 TO_IN()
         10 EXCLUDE(;) FT@270
         270 none",
    );
}

#[test]
fn a_source_near_its_end_is_not_asked_for() {
    script(
        defaults(),
        "> 0 IS_IN(S1)
         0 INCLUDE(S1) S1@270
         > 268.5 BLOCK(S1)
         268.5 INCLUDE(S1) S1@270
         270 none",
    );
}

#[test]
fn a_version_1_report_forgets_the_excluded_sources() {
    script(
        defaults(),
        "> 0 IS_EX(S1)
         0 EXCLUDE(;S1) FT@270
         > 1 REPORT
         1 EXCLUDE(;) FT@271 v1",
    );
}

#[test]
fn version_1_mode_keeps_the_list_of_is_ex() {
    script(
        defaults(),
        "> 0 REPORT
         0 EXCLUDE(;) FT@270 v1
         > 1 IS_EX(S1)
         1 EXCLUDE(S1;) FT@271 S1@271 v1
         271 none",
    );
}

#[test]
fn a_done_in_version_2_mode_is_ignored() {
    script(
        defaults(),
        "> 0 IS_IN(S1)
         0 INCLUDE(S1) S1@270
         > 5 DONE
         5 INCLUDE(S1) S1@270
         > 6 IS_EX()
         6 EXCLUDE(;) FT@276
         > 7 DONE
         7 EXCLUDE(;) FT@276",
    );
}

#[test]
fn a_repeated_leave_repeats_the_queries_and_not_the_time() {
    script(
        defaults(),
        "> 0 TO_EX()
         0 EXCLUDE(;) FT@270
         > 10 TO_IN()
         10 EXCLUDE(;) FT@12
         10 Q() S=0
         11 Q() S=0
         > 11.2 TO_IN()
         11.2 EXCLUDE(;) FT@12
         11.2 Q() S=0
         12 none",
    );
    script(
        defaults(),
        "> 0 TO_EX()
         0 EXCLUDE(;) FT@270
         > 10 TO_IN()
         10 EXCLUDE(;) FT@12
         10 Q() S=0
         > 10.8 TO_IN()
         10.8 EXCLUDE(;) FT@12
         10.8 Q() S=0
         11.8 Q() S=0
         12 none",
    );
}

#[test]
fn a_leave_with_a_requested_source_asks_for_both() {
    script(
        defaults(),
        "> 0 IS_EX()
         0 EXCLUDE(;) FT@270
         > 1 IS_IN(S1)
         1 EXCLUDE(S1;) FT@270 S1@271
         > 10 TO_IN()
         10 EXCLUDE(S1;) FT@12 S1@12
         10 Q() S=0
         10 Q(S1) S=0
         11 Q() S=0
         11 Q(S1) S=0
         12 none",
    );
}

#[test]
fn the_source_message_with_s_set_beside_the_group_is_optional() {
    script(
        defaults(),
        "> 0 IS_EX()
         0 EXCLUDE(;) FT@270
         > 1 IS_IN(S1)
         1 EXCLUDE(S1;) FT@270 S1@271
         > 10 TO_IN()
         10 EXCLUDE(S1;) FT@12 S1@12
         10 Q() S=0
         10 Q(S1) S=0
         > 10.5 IS_IN(S1)
         10.5 EXCLUDE(S1;) FT@12 S1@280.5
         11 Q() S=0
         11 Q(S1) S=1 optional
         12 INCLUDE(S1) S1@280.5",
    );
}

#[test]
fn blocking_works_again_when_the_version_1_host_is_gone() {
    script(
        defaults(),
        "> 0 REPORT
         0 EXCLUDE(;) FT@270 v1
         > 261 BLOCK(S1)
         261 EXCLUDE(S1;) FT@270 S1@263
         261 Q(S1) S=0
         262 Q(S1) S=0
         263 EXCLUDE(;S1) FT@270
         270 none",
    );
}

#[test]
fn with_robustness_1_one_query_ends_the_group() {
    script(
        ModelSettings { robustness: 1, last_listener_interval_ms: 500, ..defaults() },
        "> 0 TO_EX()
         0 EXCLUDE(;) FT@145
         > 10 TO_IN()
         10 EXCLUDE(;) FT@10.5
         10 Q() S=0
         10.5 none",
    );
}

#[test]
fn blocking_the_only_source_ends_the_group() {
    script(
        defaults(),
        "> 0 ALLOW(S1)
         0 INCLUDE(S1) S1@270
         > 40 BLOCK(S1)
         40 INCLUDE(S1) S1@42
         40 Q(S1) S=0
         41 Q(S1) S=0
         42 none",
    );
}

#[test]
fn the_listening_interval_follows_robustness_and_query_interval() {
    let settings = ModelSettings { robustness: 3, query_interval_ms: 60_000, ..defaults() };
    script(settings, "> 0 TO_EX()\n 0 EXCLUDE(;) FT@200\n 200 none");
}

#[test]
fn is_ex_gives_new_sources_the_listening_interval() {
    script(
        defaults(),
        "> 0 IS_EX(S1,S2)
         0 EXCLUDE(;S1,S2) FT@270
         > 5 IS_EX(S2,S3)
         5 EXCLUDE(S3;S2) FT@275 S3@275",
    );
}

#[test]
fn is_ex_leaves_the_timer_of_a_wanted_source() {
    script(
        defaults(),
        "> 0 IS_IN(S1)
         0 INCLUDE(S1) S1@270
         > 5 IS_EX(S1,S2)
         5 EXCLUDE(S1;S2) FT@275 S1@270
         270 EXCLUDE(;S1,S2) FT@275
         275 none",
    );
}

#[test]
fn to_in_of_an_include_group_asks_for_what_it_leaves_out() {
    script(
        defaults(),
        "> 0 IS_IN(S1,S2)
         0 INCLUDE(S1,S2) S1@270 S2@270
         > 5 TO_IN(S2,S3)
         5 INCLUDE(S1,S2,S3) S1@7 S2@275 S3@275
         5 Q(S1) S=0
         6 Q(S1) S=0
         7 INCLUDE(S2,S3) S2@275 S3@275",
    );
}

#[test]
fn at_a_non_querier_to_ex_gives_new_sources_the_old_filter_timer() {
    script(
        defaults(),
        "> 0 GENERAL
         0 none
         > 0 IS_EX()
         0 EXCLUDE(;) FT@270
         > 220 TO_EX(S1)
         220 EXCLUDE(S1;) FT@490 S1@270",
    );
}

#[test]
fn at_a_non_querier_block_gives_new_sources_the_filter_timer() {
    script(
        defaults(),
        "> 0 GENERAL
         0 none
         > 0 IS_EX()
         0 EXCLUDE(;) FT@270
         > 220 BLOCK(S1)
         220 EXCLUDE(S1;) FT@270 S1@270
         270 none",
    );
}

#[test]
fn an_answer_of_a_second_host_saves_the_source() {
    script(
        defaults(),
        "> 0 ALLOW(S1)
         0 INCLUDE(S1) S1@270
         > 40 BLOCK(S1)
         40 INCLUDE(S1) S1@42
         40 Q(S1) S=0
         > 40.6 IS_IN(S1)
         40.6 INCLUDE(S1) S1@310.6
         41 Q(S1) S=1
         310.6 none",
    );
}

#[test]
fn a_lower_querier_does_not_stop_a_series() {
    script(
        defaults(),
        "> 0 TO_EX()
         0 EXCLUDE(;) FT@270
         > 10 TO_IN()
         10 EXCLUDE(;) FT@12
         10 Q() S=0
         > 10.3 GENERAL
         10.3 EXCLUDE(;) FT@12
         11 Q() S=0
         12 none",
    );
}

#[test]
fn a_query_of_a_higher_router_lowers_timers_and_starts_no_series() {
    script(
        defaults(),
        "> 0 IS_EX()
         0 EXCLUDE(;) FT@270
         > 1 IS_IN(S1)
         1 EXCLUDE(S1;) FT@270 S1@271
         > 10 QUERY_OF_HIGHER()
         10 EXCLUDE(S1;) FT@12 S1@271
         > 10.1 QUERY_OF_HIGHER(S1,S2)
         10.1 EXCLUDE(S1;) FT@12 S1@12.1
         12 INCLUDE(S1) S1@12.1
         12.1 none",
    );
}

#[test]
fn a_query_for_an_include_group_lowers_nothing() {
    script(
        defaults(),
        "> 0 IS_IN(S1,S2)
         0 INCLUDE(S1,S2) S1@270 S2@270
         > 10 QUERY()
         10 INCLUDE(S1,S2) S1@270 S2@270
         > 11 QUERY(S2)
         11 INCLUDE(S1,S2) S1@270 S2@13
         > 12 QUERY(S2)
         12 INCLUDE(S1,S2) S1@270 S2@13
         13 INCLUDE(S1) S1@270",
    );
}

#[test]
fn a_version_1_query_lowers_the_filter_timer_by_its_own_delay() {
    script(
        defaults(),
        "> 0 IS_EX()
         0 EXCLUDE(;) FT@270
         > 10 QUERY_V1_500MS
         10 EXCLUDE(;) FT@11
         11 none",
    );
}

#[test]
fn a_query_without_delay_counts_with_the_own_interval() {
    script(
        defaults(),
        "> 0 IS_EX()
         0 EXCLUDE(;) FT@270
         > 10 QUERY_V1_0MS
         10 EXCLUDE(;) FT@12
         12 none",
    );
}

#[test]
fn immediate_leave_spares_what_would_not_be_asked_for() {
    script(
        ModelSettings { immediate_leave: true, ..defaults() },
        "> 0 IS_IN(S1,S2)
         0 INCLUDE(S1,S2) S1@270 S2@270
         > 100 IS_IN(S2)
         100 INCLUDE(S1,S2) S1@270 S2@370
         > 268.5 BLOCK(S1,S2)
         268.5 INCLUDE(S1) S1@270
         268.5 Q(S2) S=0
         270 none",
    );
}

#[test]
fn immediate_leave_ends_the_group_with_one_query() {
    let settings = ModelSettings { immediate_leave: true, ..defaults() };
    script(
        settings.clone(),
        "> 0 TO_EX()
         0 EXCLUDE(;) FT@270
         > 10 TO_IN()
         10 none
         10 Q() S=0
         > 20 REPORT
         20 EXCLUDE(;) FT@290 v1
         > 21 DONE
         21 none
         21 Q() S=0
         > 30 ALLOW(S1,S2)
         30 INCLUDE(S1,S2) S1@300 S2@300
         > 31 BLOCK(S1)
         31 INCLUDE(S2) S2@300
         31 Q(S1) S=0
         > 32 TO_IN()
         32 none
         32 Q(S2) S=0
         > 40 ALLOW()
         40 none",
    );
    script(
        settings,
        "> 0 TO_EX()
         0 EXCLUDE(;) FT@270
         > 1 ALLOW(S1,S2)
         1 EXCLUDE(S1,S2;) FT@270 S1@271 S2@271
         > 2 BLOCK(S3)
         2 EXCLUDE(S1,S2;S3) FT@270 S1@271 S2@271
         2 Q(S3) S=0
         > 10 TO_IN(S1)
         10 INCLUDE(S1) S1@280
         10 Q() S=0
         10 Q(S2) S=0 optional
         > 15 ALLOW()
         15 INCLUDE(S1) S1@280",
    );
}

#[test]
fn a_non_querier_leaves_nobody_at_once() {
    script(
        ModelSettings { immediate_leave: true, ..defaults() },
        "> 0 GENERAL
         0 none
         > 1 TO_EX()
         1 EXCLUDE(;) FT@271
         > 10 TO_IN()
         10 EXCLUDE(;) FT@271",
    );
}
