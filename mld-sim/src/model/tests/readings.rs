//! Events, forwarding, switches, late calls.

use super::*;

#[test]
fn events_of_a_packet_come_in_the_order_of_the_records() {
    let mut model = Model::new(ModelSettings { max_groups: 2, ..ModelSettings::default() });
    model.start(0, Some(ME));
    assert_eq!(model.take_told(), [ModelEvent::Querier]);
    hear(&mut model, 0, &[(4, OTHER, &[]), (6, SSM, &[s(1)]), (4, G, &[]), (5, SSM, &[s(1)])]);
    let report = |group, record| ModelEvent::Report { group, reporter: HOST, record };
    assert_eq!(
        model.take_told(),
        [
            report(OTHER, "to-ex"),
            report(SSM, "block"),
            report(G, "to-ex"),
            report(SSM, "allow"),
            ModelEvent::Limit { group: SSM, limit: "max-groups" },
            ModelEvent::Membership(OTHER),
            ModelEvent::Membership(G),
        ]
    );
}

#[test]
fn membership_is_told_when_what_was_told_is_no_longer_so() {
    let mut model = started(ModelSettings::default());
    let told = |model: &mut Model, at: u64, kind: u8, sources: &[Ipv6Addr]| {
        hear(model, at, &[(kind, G, sources)]);
        model.take_told().contains(&ModelEvent::Membership(G))
    };
    assert!(told(&mut model, 0, 1, &[s(1)]));
    assert!(!told(&mut model, 1_000, 1, &[s(1)]));
    assert!(told(&mut model, 2_000, 2, &[s(1), s(2)]));
    assert_eq!(model.membership(G), Some((true, vec![s(2)])));
    // A requested source is neither listed nor an event.
    assert!(!told(&mut model, 3_000, 5, &[s(3)]));
    assert!(told(&mut model, 4_000, 5, &[s(2)]));
    assert!(!told(&mut model, 5_000, 3, &[]));
    // Three sources fall to the exclude list and the group ends at the same instant: only the result is told.
    run_until(&mut model, 7_001);
    assert_eq!(model.take_told(), [ModelEvent::Timeout(G), ModelEvent::Membership(G)]);
    assert_eq!(model.membership(G), None);
}

#[test]
fn what_comes_and_goes_within_a_packet_is_not_told() {
    let mut model = started(ModelSettings { immediate_leave: true, ..ModelSettings::default() });
    hear(&mut model, 0, &[(4, G, &[]), (3, G, &[])]);
    assert_eq!(model.take_told().len(), 2);
    assert_eq!(model.take_sent().len(), 1);
    hear(&mut model, 0, &[(4, G, &[])]);
    model.take_told();
    hear(&mut model, 1, &[(3, G, &[])]);
    let record = ModelEvent::Report { group: G, reporter: HOST, record: "to-in" };
    assert_eq!(model.take_told(), [record, ModelEvent::Membership(G)]);
}

#[test]
fn a_timer_that_leaves_something_is_no_timeout() {
    let mut model = started(ModelSettings::default());
    hear(&mut model, 0, &[(1, G, &[s(1), s(2)])]);
    hear(&mut model, 1_000, &[(6, G, &[s(1)])]);
    model.take_told();
    run_until(&mut model, 3_001);
    assert_eq!(model.take_told(), [ModelEvent::Membership(G)]);
}

#[test]
fn groups_of_one_instant_end_in_ascending_order() {
    let mut model = started(ModelSettings::default());
    hear(&mut model, 0, &[(4, OTHER, &[]), (4, G, &[])]);
    model.take_told();
    run_until(&mut model, 270_001);
    assert_eq!(
        model.take_told(),
        [
            ModelEvent::Timeout(G),
            ModelEvent::Membership(G),
            ModelEvent::Timeout(OTHER),
            ModelEvent::Membership(OTHER),
        ]
    );
}

#[test]
fn forwarding_follows_mode_and_lists() {
    let mut model = started(ModelSettings::default());
    assert!(!model.forwards(G, s(1)));
    hear(&mut model, 0, &[(1, G, &[s(1)])]);
    assert!(model.forwards(G, s(1)) && !model.forwards(G, s(2)));
    hear(&mut model, 0, &[(2, G, &[s(1), s(2)])]);
    assert!(model.forwards(G, s(1)) && !model.forwards(G, s(2)) && model.forwards(G, s(3)));
    // A blocked source is forwarded until its time is over.
    hear(&mut model, 0, &[(6, G, &[s(1)])]);
    assert!(model.forwards(G, s(1)));
    run_until(&mut model, 2_001);
    assert!(!model.forwards(G, s(1)));
    let link_local: Ipv6Addr = "ff02::fb".parse().unwrap();
    hear(&mut model, 3_000, &[(2, link_local, &[])]);
    assert!(model.membership(link_local).is_some() && !model.forwards(link_local, s(1)));
}

#[test]
fn link_local_groups_can_be_left_out() {
    let mut model = started(ModelSettings { ignore_link_local_groups: true, ..ModelSettings::default() });
    let link_local: Ipv6Addr = "ff02::fb".parse().unwrap();
    hear(&mut model, 0, &[(2, link_local, &[])]);
    model.packet(0, &packet(HOST, link_local, short(131, 0, link_local))).unwrap();
    assert!(model.groups().is_empty());
    assert_eq!(model.take_told().len(), 2);
}

#[test]
fn version_2_only_ignores_version_1() {
    let mut model = started(ModelSettings { version_2_only: true, ..ModelSettings::default() });
    for message in [short(130, 1_000, G), short(131, 0, G), short(132, 0, G)] {
        assert_eq!(model.packet(0, &packet(LOWER, G, message)), Err(Reason::WrongVersion));
    }
    assert!(model.groups().is_empty());
    hear(&mut model, 0, &[(4, G, &[])]);
    assert_eq!(model.groups().len(), 1);
}

#[test]
fn the_last_reporter_is_who_wants_traffic() {
    let mut model = started(ModelSettings::default());
    let from = |model: &mut Model, host: u16, kind: u8, sources: &[Ipv6Addr]| {
        let report = packet(local(host), V2_ROUTERS, report(&[(kind, G, sources)]));
        model.packet(0, &report).unwrap();
        model.groups()[&G].last_reporter
    };
    assert_eq!(from(&mut model, 1, 4, &[]), Some(local(1)));
    assert_eq!(from(&mut model, 2, 5, &[s(1)]), Some(local(2)));
    for (kind, sources) in [(3, vec![]), (6, vec![s(1)]), (1, vec![]), (5, vec![])] {
        assert_eq!(from(&mut model, 3, kind, &sources), Some(local(2)));
    }
    assert_eq!(from(&mut model, 4, 3, &[s(1)]), Some(local(4)));
    model.packet(0, &packet(local(5), G, short(131, 0, G))).unwrap();
    assert_eq!(model.groups()[&G].last_reporter, Some(local(5)));
    model.packet(0, &packet(local(6), ALL_ROUTERS, short(132, 0, G))).unwrap();
    assert_eq!(model.groups()[&G].last_reporter, Some(local(5)));
}

#[test]
fn version_1_mode_dies_with_the_record() {
    let mut model = started(ModelSettings::default());
    model.packet(0, &packet(HOST, G, short(131, 0, G))).unwrap();
    assert_eq!(model.groups()[&G].version_1_until, Some(260_000));
    model.packet(10_000, &packet(HOST, ALL_ROUTERS, short(132, 0, G))).unwrap();
    run_until(&mut model, 20_000);
    hear(&mut model, 20_000, &[(4, G, &[]), (6, G, &[s(1)])]);
    assert_eq!(state(model.groups().get(&G)), "EXCLUDE(S1;) FT@290 S1@22");
}

#[test]
fn a_late_call_ends_everything_first_and_sends_once() {
    let mut model = started(ModelSettings::default());
    hear(&mut model, 0, &[(4, G, &[])]);
    hear(&mut model, 10_000, &[(3, G, &[])]);
    hear(&mut model, 10_000, &[(1, OTHER, &[s(1), s(2)])]);
    hear(&mut model, 10_500, &[(6, OTHER, &[s(1)])]);
    model.take_sent();
    model.timeout(12_100);
    let sent = model.take_sent();
    assert_eq!((sent.len(), sent[0].group, sent[0].at), (1, OTHER, 12_100));
    assert_eq!(model.membership(G), None);
    model.timeout(1_000_000);
    assert_eq!(model.take_sent().len(), 1);
    assert_eq!(model.deadline(), Some(1_125_000));
}

#[test]
fn a_source_list_query_of_the_same_packet_is_one_message() {
    let mut model = started(ModelSettings::default());
    hear(&mut model, 0, &[(4, G, &[])]);
    hear(&mut model, 0, &[(6, G, &[s(1)]), (6, G, &[s(2)])]);
    let sent = model.take_sent();
    assert_eq!((sent.len(), sent[0].sources.len()), (1, 2));
}

#[test]
fn a_series_runs_on_unheard_while_there_is_no_address() {
    let mut model = started(ModelSettings { last_listener_count: Some(3), ..ModelSettings::default() });
    hear(&mut model, 0, &[(4, G, &[])]);
    hear(&mut model, 10_000, &[(3, G, &[])]);
    model.take_sent();
    model.set_address(10_500, None);
    model.timeout(11_000);
    assert_eq!(model.take_sent(), []);
    model.set_address(11_500, Some(ME));
    assert_eq!(model.take_sent().len(), 1);
    model.timeout(12_000);
    assert_eq!(model.take_sent()[0].group, G);
    model.timeout(13_000);
    assert_eq!((model.membership(G), model.take_sent()), (None, vec![]));
}

#[test]
fn what_ends_early_is_not_asked_for_again() {
    let settings = ModelSettings { last_listener_count: Some(3), ..ModelSettings::default() };
    // Another router asks with a shorter delay; the source ends within the series.
    let mut model = started(settings.clone());
    hear(&mut model, 0, &[(4, G, &[])]);
    hear(&mut model, 10_000, &[(6, G, &[s(1)])]);
    model.take_sent();
    model.packet(10_100, &packet(HIGHER, G, long(100, G, false, 2, 125, &[s(1)]))).unwrap();
    assert_eq!(model.deadline(), Some(10_400));
    model.timeout(10_400);
    assert_eq!(state(model.groups().get(&G)), "EXCLUDE(;S1) FT@270");
    assert_eq!(model.deadline(), Some(31_250));
    // The same with a group of which a source is left.
    let mut model = started(settings);
    hear(&mut model, 0, &[(4, G, &[])]);
    hear(&mut model, 10_000, &[(3, G, &[s(1)])]);
    model.take_sent();
    model.packet(10_100, &packet(HIGHER, G, long(100, G, false, 2, 125, &[]))).unwrap();
    model.timeout(10_400);
    assert_eq!(state(model.groups().get(&G)), "INCLUDE(S1) S1@280");
    assert_eq!(model.deadline(), Some(31_250));
}

#[test]
fn sums_and_deadlines_stay_right_whatever_is_heard() {
    for (seed, settings) in [
        (
            1,
            ModelSettings { max_groups: 3, max_group_sources: 4, max_sources: 7, ..ModelSettings::default() },
        ),
        (2, ModelSettings { immediate_leave: true, ..ModelSettings::default() }),
        (3, ModelSettings { version: 1, ..ModelSettings::default() }),
    ] {
        let mut model = started(settings.clone());
        let mut state: u64 = seed;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut now = 0;
        for _ in 0..5_000 {
            now += [0, 1, 400, 1_000, 60_000][draw(5) as usize];
            run_until(&mut model, now);
            let group = Ipv6Addr::from_bits(G.to_bits() + u128::from(draw(5)));
            let list: Vec<Ipv6Addr> = (1..=5).filter(|_| draw(3) == 0).map(s).collect();
            let ipv6 = match draw(10) {
                0 => packet(HOST, group, short(131, 0, group)),
                1 => packet(HOST, ALL_ROUTERS, short(132, 0, group)),
                2 => {
                    let from = if draw(4) == 0 { LOWER } else { HIGHER };
                    packet(from, group, long(draw(2_000) as u16, group, draw(2) == 0, 2, 125, &list))
                }
                _ => packet(HOST, V2_ROUTERS, report(&[(1 + draw(6) as u8, group, &list)])),
            };
            let _ = model.packet(now, &ipv6);
            for query in model.take_sent() {
                assert!(query.at <= now);
            }
            model.take_told();
            let groups = model.groups();
            let sources: usize = groups.values().map(|group| group.sources.len()).sum();
            assert_eq!(model.total_sources, sources);
            assert!(groups.len() <= settings.max_groups as usize && sources <= settings.max_sources as usize);
            let next = |group: &ModelGroup| {
                [group.next_expiry(), group.next_transmission].into_iter().flatten().min()
            };
            let deadlines = groups.values().filter_map(next).chain(model.role.deadline());
            assert_eq!(model.deadline(), deadlines.min());
            for group in groups.values() {
                let pending = group.group_queries_left > 0 || !group.source_queries_left.is_empty();
                assert_eq!(pending, group.next_transmission.is_some());
                assert!(group.source_queries_left.keys().all(|source| group.sources[source] != 0));
                assert!(group.exclude || !group.sources.is_empty() && group.excluded().count() == 0);
            }
        }
    }
}
