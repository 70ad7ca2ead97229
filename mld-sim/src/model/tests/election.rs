//! Start, election, adopted values.

use core::net::Ipv6Addr;

use super::*;
use crate::model::ModelQuerier;

const ANY: Ipv6Addr = Ipv6Addr::UNSPECIFIED;

/// A General Query with those values.
fn general(from: Ipv6Addr, qrv: u8, qqic: u8, code: u16) -> Vec<u8> {
    packet(from, ALL_NODES, long(code, ANY, false, qrv, qqic, &[]))
}

fn usual(from: Ipv6Addr) -> Vec<u8> {
    general(from, 2, 125, 10_000)
}

/// Runs to `end` inclusive and returns when General Queries were sent.
fn general_queries(model: &mut Model, end: u64) -> Vec<u64> {
    run_until(model, end + 1);
    model.take_sent().iter().filter(|query| query.group == ANY).map(|query| query.at).collect()
}

fn new(settings: ModelSettings) -> Model {
    let mut model = Model::new(settings);
    model.start(0, Some(ME));
    model
}

#[test]
fn a_lone_querier_starts_with_the_startup_series() {
    let at = |settings| general_queries(&mut new(settings), 410_000);
    assert_eq!(at(ModelSettings::default()), [0, 31_250, 156_250, 281_250, 406_250]);
    let robust = ModelSettings { robustness: 3, ..ModelSettings::default() };
    assert_eq!(at(robust), [0, 31_250, 62_500, 187_500, 312_500]);
    let quick = ModelSettings { query_interval_ms: 60_000, ..ModelSettings::default() };
    assert_eq!(at(quick)[..4], [0, 15_000, 75_000, 135_000]);
    let own = ModelSettings {
        startup_count: Some(4),
        startup_interval_ms: Some(1_000),
        ..ModelSettings::default()
    };
    assert_eq!(at(own)[..5], [0, 1_000, 2_000, 3_000, 128_000]);
}

#[test]
fn the_lowest_address_is_the_querier() {
    let mut model = new(ModelSettings::default());
    assert_eq!((model.querier(), model.take_told()), (ModelQuerier::Me(ME), vec![ModelEvent::Querier]));
    model.take_sent();
    model.packet(0, &usual(HIGHER)).unwrap();
    assert_eq!((model.querier(), model.take_told()), (ModelQuerier::Me(ME), vec![]));
    model.packet(0, &usual(LOWER)).unwrap();
    assert_eq!((model.querier(), model.take_told()), (ModelQuerier::Other(LOWER), vec![ModelEvent::Querier]));
    assert_eq!(model.deadline(), Some(255_000));
    model.packet(31_250, &usual(LOWER)).unwrap();
    model.packet(156_250, &usual(LOWER)).unwrap();
    assert_eq!(model.take_told(), []);
    // The other one dies.
    assert_eq!(general_queries(&mut model, 540_000), [411_250, 536_250]);
    assert_eq!((model.querier(), model.take_told()), (ModelQuerier::Me(ME), vec![ModelEvent::Querier]));
    model.packet(550_000, &usual(LOWER)).unwrap();
    assert_eq!(model.deadline(), Some(805_000));
}

#[test]
fn a_query_at_the_last_moment_keeps_the_other_querier() {
    let mut model = new(ModelSettings::default());
    model.packet(0, &usual(LOWER)).unwrap();
    model.packet(255_000, &usual(LOWER)).unwrap();
    model.timeout(255_000);
    assert_eq!(model.querier(), ModelQuerier::Other(LOWER));
}

#[test]
fn specific_queries_elect_too() {
    for message in [long(1000, G, true, 2, 125, &[s(1)]), short(130, 1000, G), short(130, 10_000, ANY)] {
        let mut model = new(ModelSettings::default());
        model.packet(0, &packet(LOWER, ALL_NODES, message)).unwrap();
        assert_eq!((model.querier(), model.deadline()), (ModelQuerier::Other(LOWER), Some(255_000)));
    }
}

#[test]
fn the_presence_of_another_querier_follows_its_announcements() {
    for (qrv, qqic, code, robustness, interval, present) in [
        (2, 125, 10_000, 2, 125, 255_000),
        (2, 125, 5_000, 2, 125, 252_500),
        (2, 125, 20_000, 2, 125, 260_000),
        (2, 125, 0, 2, 125, 255_000),
        (0, 125, 10_000, 2, 125, 255_000),
        (2, 0, 10_000, 2, 125, 255_000),
        (7, 60, 10_000, 7, 60, 425_000),
        (2, 127, 10_000, 2, 127, 259_000),
        (2, 0x80, 10_000, 2, 128, 261_000),
        (2, 0x84, 10_000, 2, 160, 325_000),
    ] {
        let mut model = new(ModelSettings::default());
        model.packet(0, &general(LOWER, qrv, qqic, code)).unwrap();
        assert_eq!(model.robustness(), robustness);
        assert_eq!(model.query_interval_ms(), interval * 1_000);
        assert_eq!(model.deadline(), Some(present), "{qrv} {qqic} {code}");
    }
}

#[test]
fn later_refreshes_use_the_adopted_values() {
    let mut model = new(ModelSettings::default());
    model.packet(0, &usual(LOWER)).unwrap();
    hear(&mut model, 0, &[(4, G, &[])]);
    model.packet(1_000, &general(LOWER, 3, 60, 5_000)).unwrap();
    assert_eq!(state(model.groups().get(&G)), "EXCLUDE(;) FT@270");
    hear(&mut model, 2_000, &[(4, G, &[])]);
    assert_eq!(state(model.groups().get(&G)), "EXCLUDE(;) FT@192");
    assert_eq!((model.last_listener_count(), model.last_listener_time_ms()), (3, 3_000));
    // The count that came with the query itself lowers the timers.
    let specific = packet(LOWER, G, long(1_000, G, false, 4, 60, &[]));
    model.packet(3_000, &specific).unwrap();
    assert_eq!(state(model.groups().get(&G)), "EXCLUDE(;) FT@7");
    // A specific Query says nothing about the answers to General ones.
    assert_eq!(model.listening_interval_ms(), 4 * 60_000 + 2 * 5_000);
}

#[test]
fn a_returning_querier_announces_what_was_configured() {
    let mut model = new(ModelSettings::default());
    model.packet(0, &general(LOWER, 3, 60, 5_000)).unwrap();
    model.take_sent();
    let end = model.deadline().unwrap();
    assert_eq!(end, 182_500);
    model.timeout(end);
    let sent = model.take_sent();
    assert_eq!((sent[0].qrv, sent[0].qqic, sent[0].response_code), (2, 125, 10_000));
    assert_eq!(model.deadline(), Some(end + 125_000));
}

#[test]
fn values_are_adopted_from_the_elected_querier_alone() {
    let mut model = new(ModelSettings::default());
    model.packet(0, &general(HIGHER, 7, 60, 1_000)).unwrap();
    assert_eq!((model.robustness(), model.query_interval_ms()), (2, 125_000));
    model.packet(0, &general(local(2), 3, 60, 10_000)).unwrap();
    model.packet(0, &general(local(3), 5, 30, 20_000)).unwrap();
    assert_eq!((model.robustness(), model.query_interval_ms()), (3, 60_000));
    model.packet(0, &general(local(1), 4, 50, 10_000)).unwrap();
    assert_eq!((model.robustness(), model.query_interval_ms()), (4, 50_000));
    // MLDv1 carries neither.
    model.packet(0, &packet(local(1), ALL_NODES, short(130, 8_000, ANY))).unwrap();
    assert_eq!((model.robustness(), model.query_interval_ms()), (4, 50_000));
    assert_eq!(model.listening_interval_ms(), 4 * 50_000 + 2 * 8_000);
}

#[test]
fn the_known_querier_has_a_deadline_of_its_own() {
    let mut model = new(ModelSettings::default());
    model.take_told();
    model.packet(0, &usual(local(2))).unwrap();
    model.packet(100_000, &general(local(3), 3, 60, 10_000)).unwrap();
    // The timer runs for the higher one; who is told, and followed, is still the lower one.
    assert_eq!((model.querier(), model.deadline()), (ModelQuerier::Other(local(2)), Some(355_000)));
    model.packet(255_000, &general(local(3), 3, 60, 10_000)).unwrap();
    assert_eq!((model.querier(), model.robustness()), (ModelQuerier::Other(local(2)), 2));
    model.packet(255_001, &general(local(3), 3, 60, 10_000)).unwrap();
    assert_eq!((model.querier(), model.robustness()), (ModelQuerier::Other(local(3)), 3));
    assert_eq!(model.take_told(), [ModelEvent::Querier, ModelEvent::Querier]);
    model.packet(256_000, &usual(local(2))).unwrap();
    assert_eq!(model.querier(), ModelQuerier::Other(local(2)));
}

#[test]
fn addresses_compare_as_unsigned_numbers() {
    for (low, high) in [
        ("fe80::1", "fe80::2"),
        ("fe80::7fff:ffff:ffff:ffff", "fe80::8000:0:0:0"),
        ("fe80::ff", "fe80::100"),
        ("fe80::200:ff:fe00:1", "fe80::fefc:fcff:fefc:fcfc"),
    ] {
        let (low, high): (Ipv6Addr, Ipv6Addr) = (low.parse().unwrap(), high.parse().unwrap());
        for (own, other) in [(low, high), (high, low)] {
            let mut model = Model::new(ModelSettings::default());
            model.start(0, Some(own));
            model.packet(0, &usual(other)).unwrap();
            let expected = if own == low { ModelQuerier::Me(low) } else { ModelQuerier::Other(low) };
            assert_eq!(model.querier(), expected);
        }
    }
}

#[test]
fn without_an_address_state_is_built_and_nothing_sent() {
    for address in [None, Some("fe80:0:0:1::1".parse().unwrap())] {
        let mut model = Model::new(ModelSettings::default());
        model.start(0, address);
        assert_eq!((model.querier(), model.take_told()), (ModelQuerier::Unknown, vec![ModelEvent::Querier]));
        hear(&mut model, 0, &[(4, G, &[])]);
        hear(&mut model, 1_000, &[(3, G, &[])]);
        assert_eq!(state(model.groups().get(&G)), "EXCLUDE(;) FT@270");
        assert_eq!((model.take_sent(), model.deadline()), (vec![], Some(270_000)));
        model.set_address(10_000, Some(ME));
        assert_eq!(general_queries(&mut model, 170_000), [10_000, 41_250, 166_250]);
        assert_eq!(model.querier(), ModelQuerier::Me(ME));
        model.set_address(200_000, None);
        assert_eq!(model.querier(), ModelQuerier::Unknown);
        assert!(general_queries(&mut model, 1_000_000).is_empty());
    }
}

#[test]
fn a_new_address_queries_at_once_unless_a_lower_querier_is_there() {
    let mut model = new(ModelSettings::default());
    model.take_sent();
    model.take_told();
    model.set_address(10_000, Some(HIGHER));
    assert_eq!(model.take_told(), [ModelEvent::Querier]);
    // One General Query, no startup series (R-ELE-8).
    assert_eq!(general_queries(&mut model, 50_000), [10_000]);
    model.set_address(60_000, Some(HIGHER));
    assert_eq!((model.take_told(), model.take_sent()), (vec![], vec![]));
    model.packet(70_000, &usual(ME)).unwrap();
    model.take_told();
    model.set_address(80_000, Some(local(0x98)));
    assert_eq!((model.take_told(), general_queries(&mut model, 300_000)), (vec![], vec![]));
    model.set_address(310_000, Some(LOWER));
    assert_eq!(model.take_told(), [ModelEvent::Querier]);
    assert_eq!(general_queries(&mut model, 311_000), [310_000]);
}

#[test]
fn a_new_address_brings_back_what_was_configured() {
    let mut model = new(ModelSettings::default());
    model.packet(0, &general(local(2), 3, 60, 5_000)).unwrap();
    model.take_sent();
    model.set_address(1_000, Some(LOWER));
    let sent = model.take_sent();
    assert_eq!((sent[0].qrv, sent[0].qqic, sent[0].response_code), (2, 125, 10_000));
}

#[test]
fn another_querier_stays_known_to_who_loses_its_address() {
    let mut model = new(ModelSettings::default());
    model.packet(0, &usual(LOWER)).unwrap();
    model.take_told();
    model.set_address(1_000, None);
    assert_eq!((model.querier(), model.take_told()), (ModelQuerier::Other(LOWER), vec![]));
    model.set_address(2_000, Some(ME));
    assert_eq!((model.querier(), model.take_told()), (ModelQuerier::Other(LOWER), vec![]));
}

#[test]
fn who_never_queries_follows_the_lowest_that_does() {
    let mut model = new(ModelSettings { querier_never: true, ..ModelSettings::default() });
    assert_eq!((model.querier(), model.take_told()), (ModelQuerier::Unknown, vec![ModelEvent::Querier]));
    model.packet(0, &general(HIGHER, 3, 60, 10_000)).unwrap();
    assert_eq!((model.querier(), model.robustness()), (ModelQuerier::Other(HIGHER), 3));
    hear(&mut model, 0, &[(4, G, &[]), (3, G, &[])]);
    run_until(&mut model, 1_000_000);
    assert_eq!((model.querier(), model.take_sent()), (ModelQuerier::Unknown, vec![]));
    model.set_address(1_000_000, Some(LOWER));
    assert_eq!((model.deadline(), model.take_sent()), (None, vec![]));
}

#[test]
fn an_ignored_version_1_querier_does_not_elect() {
    let mut model = new(ModelSettings { ignore_v1_querier: true, ..ModelSettings::default() });
    hear(&mut model, 0, &[(4, G, &[])]);
    model.packet(0, &packet(LOWER, ALL_NODES, short(130, 10_000, ANY))).unwrap();
    assert_eq!(model.querier(), ModelQuerier::Me(ME));
    model.packet(0, &packet(LOWER, G, short(130, 1_000, G))).unwrap();
    assert_eq!(state(model.groups().get(&G)), "EXCLUDE(;) FT@2");
    // On an interface of version 1 there are no others.
    let mut model = new(ModelSettings { version: 1, ignore_v1_querier: true, ..ModelSettings::default() });
    model.packet(0, &packet(LOWER, ALL_NODES, short(130, 10_000, ANY))).unwrap();
    assert_eq!(model.querier(), ModelQuerier::Other(LOWER));
}

#[test]
fn a_stopped_router_tells_its_groups_and_starts_afresh() {
    let mut model = new(ModelSettings::default());
    hear(&mut model, 0, &[(4, OTHER, &[]), (4, G, &[])]);
    model.packet(0, &general(LOWER, 3, 60, 10_000)).unwrap();
    model.take_told();
    model.take_sent();
    model.stop(1_000);
    assert_eq!(
        model.take_told(),
        [ModelEvent::Membership(G), ModelEvent::Membership(OTHER), ModelEvent::Stopped]
    );
    assert_eq!((model.deadline(), model.querier()), (None, ModelQuerier::Unknown));
    assert_eq!(model.packet(1_000, &usual(LOWER)), Err(Reason::BeforeStart));
    model.start(2_000, Some(ME));
    assert_eq!((model.robustness(), model.querier()), (2, ModelQuerier::Me(ME)));
    assert_eq!(general_queries(&mut model, 40_000), [2_000, 33_250]);
}
