//! An interface of version 1.

use super::*;

fn version_1() -> ModelSettings {
    ModelSettings { version: 1, ..ModelSettings::default() }
}

#[test]
fn a_done_sends_the_last_listener_queries() {
    script(
        version_1(),
        "> 0 REPORT
         0 EXCLUDE(;) FT@260
         > 10 DONE
         10 EXCLUDE(;) FT@12
         10 Q() S=0
         > 10.5 DONE
         10.5 EXCLUDE(;) FT@12
         11 Q() S=0
         12 none
         > 20 DONE
         20 none",
    );
}

#[test]
fn a_report_stops_the_retransmissions() {
    script(
        version_1(),
        "> 0 REPORT
         0 EXCLUDE(;) FT@260
         > 10 DONE
         10 EXCLUDE(;) FT@12
         10 Q() S=0
         > 10.4 REPORT
         10.4 EXCLUDE(;) FT@270.4
         > 15 DONE
         15 EXCLUDE(;) FT@17
         15 Q() S=0
         16 Q() S=0
         17 none",
    );
}

#[test]
fn a_querier_pays_no_attention_to_specific_queries() {
    script(
        version_1(),
        "> 0 REPORT
         0 EXCLUDE(;) FT@260
         > 10 QUERY_V1_OF_HIGHER
         10 EXCLUDE(;) FT@260
         > 11 DONE
         11 EXCLUDE(;) FT@13
         11 Q() S=0
         > 11.1 QUERY_V1_500MS
         11.1 EXCLUDE(;) FT@13
         12 Q() S=0
         13 none",
    );
}

#[test]
fn a_non_querier_ignores_done_and_lowers_by_the_delay_of_the_query() {
    script(
        version_1(),
        "> 0 GENERAL_V1
         0 none
         > 0 REPORT
         0 EXCLUDE(;) FT@260
         > 10 DONE
         10 EXCLUDE(;) FT@260
         > 10 QUERY_V1
         10 EXCLUDE(;) FT@12
         > 11 QUERY_V1
         11 EXCLUDE(;) FT@12
         12 none",
    );
    script(
        version_1(),
        "> 0 GENERAL_V1
         0 none
         > 0 REPORT
         0 EXCLUDE(;) FT@260
         > 10 QUERY_V1_500MS
         10 EXCLUDE(;) FT@11
         11 none",
    );
}

#[test]
fn who_checks_finishes_in_the_table_it_is_in() {
    // A querier that loses the role sends on.
    script(
        version_1(),
        "> 0 REPORT
         0 EXCLUDE(;) FT@260
         > 10 DONE
         10 EXCLUDE(;) FT@12
         10 Q() S=0
         > 10.3 GENERAL_V1
         10.3 EXCLUDE(;) FT@12
         11 Q() S=0
         12 none",
    );
    // A non-querier that gains it goes on ignoring Done until a Report.
    script(
        ModelSettings { robustness: 1, last_listener_count: Some(131), ..version_1() },
        "> 0 GENERAL_V1
         0 none
         > 100 REPORT
         100 EXCLUDE(;) FT@235
         > 101 QUERY_V1
         101 EXCLUDE(;) FT@232
         > 231.5 DONE
         231.5 EXCLUDE(;) FT@232
         > 231.6 QUERY_V1_1MS_OF_HIGHER
         231.6 EXCLUDE(;) FT@231.731
         231.731 none",
    );
}

#[test]
fn queries_have_24_octets_and_a_linear_delay() {
    let mut model = Model::new(ModelSettings { response_interval_ms: 60_000, ..version_1() });
    model.start(0, Some(ME));
    model.packet(0, &packet(HOST, G, short(131, 0, G))).unwrap();
    model.packet(0, &packet(HOST, ALL_ROUTERS, short(132, 0, G))).unwrap();
    let sent = model.take_sent();
    let facts: Vec<_> = sent.iter().map(|query| (query.version, query.group, query.response_code)).collect();
    assert_eq!(facts, [(1, Ipv6Addr::UNSPECIFIED, 60_000), (1, G, 1_000)]);
    assert!(sent.iter().all(|query| (query.qrv, query.qqic, query.suppress) == (0, 0, false)));
}

#[test]
fn version_2_reports_are_ignored() {
    let mut model = started(version_1());
    let report = packet(HOST, V2_ROUTERS, report(&[(4, G, &[])]));
    assert_eq!(model.packet(0, &report), Err(Reason::WrongVersion));
    assert!(model.groups().is_empty() && model.take_told().is_empty());
}

#[test]
fn version_2_queries_are_read_as_version_1() {
    let mut model = started(version_1());
    // A code above 0x8000 is linear here; robustness and interval are not read, nor is the list.
    let query = long(0x9000, Ipv6Addr::UNSPECIFIED, false, 7, 60, &[]);
    assert_eq!(model.packet(0, &packet(LOWER, ALL_NODES, query)), Ok(Heard::Query));
    assert_eq!((model.robustness(), model.query_interval_ms()), (2, 125_000));
    assert_eq!(model.listening_interval_ms(), 250_000 + 0x9000);
    model.packet(0, &packet(HOST, G, short(131, 0, G))).unwrap();
    let mut query = long(1_000, G, true, 2, 125, &[]);
    query[27] = 9;
    assert_eq!(model.packet(0, &packet(LOWER, G, query)), Ok(Heard::Query));
    assert_eq!(state(model.groups().get(&G)), "EXCLUDE(;) FT@2");
}

#[test]
fn version_2_records_can_be_read_as_version_1() {
    let settings = ModelSettings { version_1_reads_version_2_reports: true, ..version_1() };
    script(
        settings.clone(),
        "> 0 IS_IN()
         0 none
         > 1 ALLOW(S1)
         1 EXCLUDE(;) FT@261
         > 2 BLOCK(S1)
         2 EXCLUDE(;) FT@261
         > 3 IS_EX(S1)
         3 EXCLUDE(;) FT@263
         > 4 TO_IN(S1)
         4 EXCLUDE(;) FT@264
         > 5 TO_IN()
         5 EXCLUDE(;) FT@7
         5 Q() S=0
         6 Q() S=0
         7 none",
    );
    let mut model = started(settings);
    hear(&mut model, 0, &[(5, SSM, &[s(1)]), (4, SSM, &[]), (2, OTHER, &[])]);
    assert_eq!(model.groups().len(), 1);
    assert_eq!(
        model.take_told(),
        [ModelEvent::Report { group: OTHER, reporter: HOST, record: "is-ex" }, ModelEvent::Membership(OTHER),]
    );
}

#[test]
fn immediate_leave_sends_one_query() {
    script(
        ModelSettings { immediate_leave: true, ..version_1() },
        "> 0 REPORT
         0 EXCLUDE(;) FT@260
         > 10 DONE
         10 none
         10 Q() S=0
         > 15 DONE
         15 none",
    );
}
