//! Refused state.

use super::*;

fn limit(group: Ipv6Addr, limit: &'static str) -> ModelEvent {
    ModelEvent::Limit { group, limit }
}

/// The `limit` events that are due.
fn limits(model: &mut Model) -> Vec<ModelEvent> {
    let mut told = model.take_told();
    told.retain(|event| matches!(event, ModelEvent::Limit { .. }));
    told
}

#[test]
fn a_full_table_refreshes_what_it_knows_and_makes_nothing_new() {
    let mut model = started(ModelSettings { max_groups: 1, ..ModelSettings::default() });
    hear(&mut model, 0, &[(4, G, &[]), (4, OTHER, &[]), (3, SSM, &[]), (4, G, &[])]);
    assert_eq!(limits(&mut model), [limit(OTHER, "max-groups")]);
    hear(&mut model, 1_000, &[(4, OTHER, &[]), (4, G, &[])]);
    model.packet(1_000, &packet(HOST, OTHER, short(131, 0, OTHER))).unwrap();
    assert_eq!(limits(&mut model), []);
    assert_eq!(state(model.groups().get(&G)), "EXCLUDE(;) FT@271");
    assert_eq!(model.groups().len(), 1);
    // Once there was room the next refusal is told again.
    run_until(&mut model, 272_000);
    hear(&mut model, 272_000, &[(4, G, &[]), (4, OTHER, &[])]);
    assert_eq!(limits(&mut model), [limit(OTHER, "max-groups")]);
}

#[test]
fn sources_are_admitted_in_wire_order() {
    let mut model = started(ModelSettings { max_group_sources: 2, ..ModelSettings::default() });
    hear(&mut model, 0, &[(1, G, &[s(9), s(1), s(2)]), (5, G, &[s(3)])]);
    assert_eq!(state(model.groups().get(&G)), "INCLUDE(S1,S9) S1@270 S9@270");
    assert_eq!(limits(&mut model), [limit(G, "max-group-sources")]);
    hear(&mut model, 1_000, &[(1, G, &[s(3), s(9)])]);
    assert_eq!(state(model.groups().get(&G)), "INCLUDE(S1,S9) S1@270 S9@271");
    assert_eq!(limits(&mut model), []);
    // One of them goes, and its place can be refused again.
    run_until(&mut model, 270_001);
    hear(&mut model, 270_500, &[(5, G, &[s(3), s(4)])]);
    assert_eq!(state(model.groups().get(&G)), "INCLUDE(S3,S9) S3@540.5 S9@271");
    assert_eq!(limits(&mut model), [limit(G, "max-group-sources")]);
}

#[test]
fn the_rest_of_an_exclude_list_is_not_excluded() {
    let mut model = started(ModelSettings { max_group_sources: 1, ..ModelSettings::default() });
    hear(&mut model, 0, &[(4, G, &[s(2), s(1)])]);
    assert_eq!(state(model.groups().get(&G)), "EXCLUDE(;S2) FT@270");
    assert!(model.forwards(G, s(1)) && !model.forwards(G, s(2)));
    // What a record deletes makes room for what it brings.
    hear(&mut model, 1_000, &[(2, G, &[s(3), s(4)])]);
    assert_eq!(state(model.groups().get(&G)), "EXCLUDE(S3;) FT@271 S3@271");
}

#[test]
fn a_list_that_replaces_another_is_refused_anew() {
    for (group, total) in [(2, 9), (9, 2)] {
        let mut model = started(ModelSettings {
            max_group_sources: group,
            max_sources: total,
            ..ModelSettings::default()
        });
        hear(&mut model, 0, &[(4, G, &[s(1), s(2), s(3)])]);
        assert_eq!(limits(&mut model).len(), 1);
        hear(&mut model, 0, &[(4, G, &[s(1), s(2), s(3)])]);
        assert_eq!(limits(&mut model).len(), 0);
        hear(&mut model, 0, &[(2, G, &[s(4), s(5), s(6)])]);
        assert_eq!(limits(&mut model).len(), 1);
        assert_eq!(model.groups()[&G].sources.len(), 2);
    }
}

#[test]
fn sources_of_all_groups_together_are_limited() {
    let mut model = started(ModelSettings { max_sources: 3, ..ModelSettings::default() });
    hear(&mut model, 0, &[(1, G, &[s(1), s(2)]), (2, OTHER, &[s(1), s(2)]), (5, SSM, &[s(1)])]);
    assert_eq!(state(model.groups().get(&OTHER)), "EXCLUDE(;S1) FT@270");
    assert_eq!(limits(&mut model), [limit(OTHER, "max-sources"), limit(SSM, "max-sources")]);
    // A group for which no source is left is not made.
    assert_eq!(model.membership(SSM), None);
    // A group that goes makes room.
    run_until(&mut model, 270_001);
    hear(&mut model, 271_000, &[(5, SSM, &[s(1)])]);
    assert_eq!(state(model.groups().get(&SSM)), "INCLUDE(S1) S1@541");
    hear(&mut model, 271_000, &[(5, OTHER, &[s(1), s(2), s(3)])]);
    assert_eq!(limits(&mut model), [limit(OTHER, "max-sources")]);
}

#[test]
fn what_a_refused_source_asks_for_is_not_queried() {
    let mut model = started(ModelSettings { max_group_sources: 1, ..ModelSettings::default() });
    hear(&mut model, 0, &[(4, G, &[])]);
    hear(&mut model, 0, &[(6, G, &[s(2), s(1)])]);
    let sent = model.take_sent();
    assert_eq!((sent.len(), &sent[0].sources[..]), (1, &[s(2)][..]));
}

#[test]
fn a_long_list_is_asked_for_in_several_messages() {
    for (mtu, sizes) in [(1500, [89, 11]), (1280, [75, 25])] {
        let mut model = started(ModelSettings { mtu, ..ModelSettings::default() });
        let list: Vec<Ipv6Addr> = (1..=100).map(s).collect();
        hear(&mut model, 0, &[(1, G, &list)]);
        hear(&mut model, 0, &[(3, G, &[])]);
        let sent = model.take_sent();
        assert_eq!(sent.iter().map(|query| query.sources.len()).collect::<Vec<_>>(), sizes);
        assert!(sent.iter().all(|query| !query.suppress && query.at == 0));
        model.timeout(1_000);
        assert_eq!(model.take_sent().len(), 2);
    }
}
