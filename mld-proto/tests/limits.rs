//! Bounds on the state that listeners can create: known state is refreshed, new state waits for room, each refusal is
//! counted and reported once.

mod craft;

use core::net::Ipv6Addr;
use std::sync::Mutex;

use craft::*;
use mld_proto::router::{ConfigBuilder, GroupSlot, Item, Limit, SourceSlot, Tables};
use mld_proto::wire::RecordType;
use mld_proto::{Config, IndexSlot, Instant, Router, TablesError, Version, inline_tables};

const ALL: Ipv6Addr = Ipv6Addr::UNSPECIFIED;

/// The group ff0e::1:`number`.
fn name(number: u16) -> String {
    format!("ff0e::1:{number:x}")
}

fn build(builder: ConfigBuilder) -> Config {
    builder.build().unwrap()
}

fn groups_at_most(max: u32) -> Config {
    build(Config::builder().max_groups(max))
}

fn group_sources_at_most(max: u32) -> Config {
    build(Config::builder().max_group_sources(max))
}

fn sources_at_most(max: u32) -> Config {
    build(Config::builder().max_sources(max))
}

fn join(number: u16) -> Craft {
    Craft::report_v2(H1).record(TO_EX, &name(number), &[])
}

fn leave(number: u16) -> Craft {
    Craft::report_v2(H1).record(TO_IN, &name(number), &[])
}

fn record(kind: u8, number: u16, sources: &[u16]) -> Craft {
    and(Craft::report_v2(H1), kind, number, sources)
}

fn and(craft: Craft, kind: u8, number: u16, sources: &[u16]) -> Craft {
    craft.record(kind, &name(number), &list(sources))
}

fn list(sources: &[u16]) -> Vec<Ipv6Addr> {
    sources.iter().map(|number| source(*number)).collect()
}

/// The refusals reported for a packet.
fn limits(items: Vec<Item>) -> Vec<(Ipv6Addr, Limit)> {
    let refused = |item| match item {
        Item::Limit { group, limit } => Some((group.get(), limit)),
        _ => None,
    };
    items.into_iter().filter_map(refused).collect()
}

/// Delivers a packet, polls everything, and returns the refusals that it reported.
fn send(router: &mut BoxRouter, now: u64, craft: &Craft) -> Vec<(Ipv6Addr, Limit)> {
    let refused = limits(accept(router, now, craft));
    drain(router, at(now));
    refused
}

fn told(number: u16, limit: Limit) -> Vec<(Ipv6Addr, Limit)> {
    vec![(ip(&name(number)), limit)]
}

fn expires(router: &BoxRouter, number: u16) -> u64 {
    router.group(group(&name(number))).unwrap().expires().as_millis()
}

fn source_expires(router: &BoxRouter, number: u16, wanted: u16) -> Option<u64> {
    let group = router.group(group(&name(number))).unwrap();
    let found = group.sources().find(|found| found.address() == source(wanted)).unwrap();
    found.expires().map(Instant::as_millis)
}

fn forwards(router: &BoxRouter, number: u16, from: u16) -> bool {
    router.forwards(group(&name(number)), source(from))
}

fn included(router: &BoxRouter, number: u16, sources: &[u16]) {
    assert_eq!(lists(router, &name(number)), include(&list(sources)));
}

fn excluded(router: &BoxRouter, number: u16, requested: &[u16], blocked: &[u16]) {
    assert_eq!(lists(router, &name(number)), exclude(&list(requested), &list(blocked)));
}

/// Routers that can hold `max` groups: by configuration with tables to spare, or by the length of their table.
fn with_groups(max: u32) -> [BoxRouter; 2] {
    [sized_router(groups_at_most(max), 64, 64), sized_router(Config::DEFAULT, max as usize, 64)]
}

/// Routers that can hold `max` sources altogether.
fn with_sources(max: u32) -> [BoxRouter; 2] {
    [sized_router(sources_at_most(max), 64, 64), sized_router(Config::DEFAULT, 64, max as usize)]
}

// R-SEC-7, R-SEC-8
#[test]
fn group_beyond_the_limit_is_refused_counted_and_told() {
    for mut router in with_groups(2) {
        assert_eq!(send(&mut router, 0, &join(1)), []);
        assert_eq!(send(&mut router, 0, &join(2)), []);
        let before = Picture::of(&router);
        assert_eq!(send(&mut router, 0, &join(3)), told(3, Limit::Groups));
        assert_eq!(Picture::of(&router), before, "existing groups are untouched");
        assert_eq!(router.stats().refused(Limit::Groups), 1);
        assert_eq!(router.stats().received.report_v2, 3, "the message itself is accepted");
    }
}

// R-SEC-8: in every shape in which a group can appear.
#[test]
fn no_record_makes_a_group_beyond_the_limit() {
    for (count, craft) in [
        Craft::report_v1(H1, ip(&name(2))),
        record(IS_EX, 2, &[]),
        record(TO_EX, 2, &[1, 2]),
        record(IS_IN, 2, &[1]),
        record(ALLOW, 2, &[1]),
        record(TO_IN, 2, &[1]),
    ]
    .into_iter()
    .enumerate()
    {
        for mut router in with_groups(1) {
            send(&mut router, 0, &join(1));
            assert_eq!(send(&mut router, 0, &craft), told(2, Limit::Groups), "case {count}");
            assert_eq!(router.groups().count(), 1);
            assert_eq!((router.usage().groups, router.usage().sources), (1, 0));
            assert_eq!(router.stats().refused(Limit::Groups), 1, "one group refused, whatever it lists");
            assert_eq!(router.stats().refused(Limit::Sources), 0);
        }
    }
}

// R-SEC-8, R-RST-7: what leaves no state needs no room.
#[test]
fn record_that_leaves_no_state_is_not_refused() {
    for craft in [
        record(IS_IN, 2, &[]),
        record(ALLOW, 2, &[]),
        record(TO_IN, 2, &[]),
        record(BLOCK, 2, &[1]),
        Craft::done(H1, ip(&name(2))),
        Craft::report_v2(H1).record(ALLOW, &name(2), &[ALL]),
        Craft::report_v2(H1).record(TO_EX, "ff3e::1", &[]),
        Craft::report_v2(H1).record(TO_EX, "ff01::1", &[]),
    ] {
        for mut router in with_groups(1) {
            send(&mut router, 0, &join(1));
            assert_eq!(send(&mut router, 0, &craft), [], "{craft:?}");
            assert_eq!(router.stats().refused(Limit::Groups), 0);
        }
    }
}

// R-SEC-8
#[test]
fn known_groups_are_refreshed_at_the_limit() {
    for mut router in with_groups(2) {
        send(&mut router, 0, &join(1));
        send(&mut router, 0, &Craft::report_v1(H1, ip(&name(2))));
        let packet = and(and(join(1), TO_EX, 3, &[]), IS_EX, 2, &[]);
        assert_eq!(send(&mut router, 5000, &packet), told(3, Limit::Groups));
        assert_eq!((expires(&router, 1), expires(&router, 2)), (275_000, 275_000));
        assert_eq!(send(&mut router, 6000, &Craft::report_v1(H1, ip(&name(1)))), []);
        assert_eq!(expires(&router, 1), 276_000);
        assert_eq!(send(&mut router, 7000, &record(ALLOW, 1, &[1])), [], "a source is no group");
        excluded(&router, 1, &[1], &[]);
    }
}

// R-SEC-8
#[test]
fn groups_are_admitted_in_wire_order() {
    for mut router in with_groups(2) {
        let packet = and(and(and(join(4), TO_EX, 3, &[]), TO_EX, 2, &[]), TO_EX, 1, &[]);
        let refused = send(&mut router, 0, &packet);
        assert_eq!(refused, [told(2, Limit::Groups), told(1, Limit::Groups)].concat());
        assert_eq!(router.stats().refused(Limit::Groups), 2);
        excluded(&router, 4, &[], &[]);
        excluded(&router, 3, &[], &[]);
        assert_eq!(router.groups().count(), 2);
    }
}

// R-SEC-8
#[test]
fn refusal_is_told_once_for_each_group_and_counted_each_time() {
    for mut router in with_groups(1) {
        send(&mut router, 0, &join(1));
        assert_eq!(send(&mut router, 1, &join(2)), told(2, Limit::Groups));
        assert_eq!(send(&mut router, 2, &join(2)), []);
        assert_eq!(send(&mut router, 3, &join(3)), told(3, Limit::Groups), "another group");
        assert_eq!(send(&mut router, 4, &and(join(3), TO_EX, 2, &[])), []);
        assert_eq!(router.stats().refused(Limit::Groups), 5);
        let twice = and(join(4), IS_EX, 4, &[]);
        assert_eq!(send(&mut router, 5, &twice), told(4, Limit::Groups), "twice in one packet");
        assert_eq!(router.stats().refused(Limit::Groups), 7);
    }
}

// R-SEC-8
#[test]
fn group_refusal_is_told_again_after_usage_fell_below_the_limit() {
    for mut router in with_groups(2) {
        send(&mut router, 0, &join(1));
        send(&mut router, 0, &join(2));
        assert_eq!(send(&mut router, 0, &join(3)), told(3, Limit::Groups));
        send(&mut router, 1000, &leave(1));
        assert_eq!(send(&mut router, 1500, &join(3)), [], "still there while it is asked for");
        run_to(&mut router, 3000);
        assert_eq!(router.usage().groups, 1);
        assert_eq!(send(&mut router, 4000, &join(4)), [], "there is room");
        assert_eq!(send(&mut router, 4000, &join(3)), told(3, Limit::Groups), "the limit is reached anew");
        assert_eq!(send(&mut router, 4000, &join(3)), []);
        assert_eq!(router.stats().refused(Limit::Groups), 4);
    }
}

// R-SEC-8: below the limit and at it again within one packet.
#[test]
fn group_that_ends_at_once_gives_its_room_to_the_next_record() {
    let config = build(Config::builder().max_groups(2).immediate_leave(true));
    let mut router = sized_router(config, 64, 64);
    send(&mut router, 0, &join(1));
    send(&mut router, 0, &join(2));
    assert_eq!(send(&mut router, 0, &join(3)), told(3, Limit::Groups));
    let swap = and(and(leave(1), TO_EX, 3, &[]), TO_EX, 4, &[]);
    assert_eq!(send(&mut router, 1000, &swap), told(4, Limit::Groups));
    assert_eq!(lists(&router, &name(1)), None);
    excluded(&router, 3, &[], &[]);
    let back = and(and(join(1), TO_IN, 3, &[]), TO_EX, 1, &[]);
    assert_eq!(send(&mut router, 2000, &back), told(1, Limit::Groups), "refused, then admitted");
    excluded(&router, 1, &[], &[]);
    assert_eq!(lists(&router, &name(3)), None);
    assert_eq!(router.usage().groups, 2);
}

// R-SEC-7: the same with the tables full.
#[test]
fn flood_of_groups_leaves_existing_ones_untouched() {
    let mut router = sized_router(Config::DEFAULT, 8, 32);
    for number in 1..=8 {
        send(&mut router, 0, &record(ALLOW, number, &[1, 2, 3, 4]));
    }
    let before = Picture::of(&router).groups;
    for number in 100..5100_u16 {
        let craft = if number % 2 == 0 { join(number) } else { Craft::report_v1(H2, ip(&name(number))) };
        assert_eq!(send(&mut router, 10, &craft), told(number, Limit::Groups));
    }
    assert_eq!(router.stats().refused(Limit::Groups), 5000);
    assert_eq!(Picture::of(&router).groups, before);
    for number in 5020..5100 {
        assert_eq!(send(&mut router, 20, &join(number)), [], "the latest are remembered as told");
    }
    assert_eq!(Limit::REMEMBERED, 80);
    assert_eq!(router.stats().refused(Limit::Groups), 5080);
}

// R-SEC-8: a refusal is reported for every group that a packet of an Ethernet link can name.
#[test]
fn every_refusal_of_a_full_packet_is_told() {
    let mut router = sized_router(groups_at_most(1), 4, 4);
    send(&mut router, 0, &join(1));
    let mut packet = Craft::report_v2(H1);
    for number in 100..172 {
        packet = and(packet, IS_EX, number, &[]);
    }
    assert!(packet.bytes().len() <= 1500);
    let expected: Vec<_> = (100..172).flat_map(|number| told(number, Limit::Groups)).collect();
    assert_eq!(send(&mut router, 0, &packet), expected);
    assert_eq!(send(&mut router, 0, &packet), []);
    assert_eq!(router.stats().refused(Limit::Groups), 144);
}

// A packet's facts stand in the order of its records.
#[test]
fn refusals_stand_behind_the_record_that_caused_them() {
    let mut router = sized_router(build(Config::builder().max_groups(2).max_group_sources(1)), 64, 64);
    let packet = and(and(and(join(1), ALLOW, 2, &[1, 2]), TO_EX, 3, &[]), IS_EX, 1, &[]);
    let report = |number: u16, record| Item::Report { group: group(&name(number)), reporter: H1, record };
    let limit = |number: u16, limit| Item::Limit { group: group(&name(number)), limit };
    assert_eq!(
        accept(&mut router, 0, &packet),
        [
            report(1, RecordType::ToEx),
            report(2, RecordType::Allow),
            limit(2, Limit::GroupSources),
            report(3, RecordType::ToEx),
            limit(3, Limit::Groups),
            report(1, RecordType::IsEx),
        ]
    );
    let old = Craft::report_v1(H2, ip(&name(9)));
    let items = accept(&mut router, 0, &old);
    assert_eq!(
        items,
        [
            Item::Report { group: group(&name(9)), reporter: H2, record: RecordType::Report },
            limit(9, Limit::Groups)
        ]
    );
}

// Dropping the facts of a packet unread changes nothing: it has been applied, and its refusals count as reported.
#[test]
fn facts_of_a_packet_need_not_be_read() {
    let mut router = sized_router(groups_at_most(1), 4, 4);
    assert!(router.handle_packet(at(0), &and(join(1), TO_EX, 2, &[]).bytes()).is_ok());
    excluded(&router, 1, &[], &[]);
    assert_eq!(router.stats().refused(Limit::Groups), 1);
    assert_eq!(send(&mut router, 0, &join(2)), []);
}

// R-SEC-8: in include mode the rest is not forwarded.
#[test]
fn include_mode_fails_closed() {
    for kind in [ALLOW, IS_IN, TO_IN] {
        let mut router = sized_router(group_sources_at_most(2), 4, 64);
        assert_eq!(send(&mut router, 0, &record(kind, 1, &[4, 3, 2, 1])), told(1, Limit::GroupSources));
        included(&router, 1, &[4, 3]);
        assert_eq!([1, 2, 3, 4].map(|from| forwards(&router, 1, from)), [false, false, true, true]);

        for mut router in with_sources(2) {
            assert_eq!(send(&mut router, 0, &record(kind, 1, &[4, 3, 2, 1])), told(1, Limit::Sources));
            included(&router, 1, &[4, 3]);
        }
    }
}

// R-SEC-8: of an exclude list the rest is not blocked.
#[test]
fn exclude_list_fails_open() {
    for kind in [IS_EX, TO_EX] {
        let mut router = sized_router(group_sources_at_most(2), 4, 64);
        assert_eq!(send(&mut router, 0, &record(kind, 1, &[4, 3, 2, 1])), told(1, Limit::GroupSources));
        excluded(&router, 1, &[], &[4, 3]);
        assert_eq!([1, 2, 3, 4].map(|from| forwards(&router, 1, from)), [true, true, false, false]);
        assert!(forwards(&router, 1, 9));

        for mut router in with_sources(2) {
            assert_eq!(send(&mut router, 0, &record(kind, 1, &[4, 3, 2, 1])), told(1, Limit::Sources));
            excluded(&router, 1, &[], &[4, 3]);
            assert!(forwards(&router, 1, 1));
        }
    }
}

// R-SEC-8: a group without an admitted source has no record; one in exclude mode has.
#[test]
fn without_room_for_a_source_only_exclude_mode_makes_a_group() {
    for mut router in with_sources(1) {
        send(&mut router, 0, &record(ALLOW, 1, &[1]));
        assert_eq!(send(&mut router, 0, &record(ALLOW, 2, &[1])), told(2, Limit::Sources));
        assert_eq!(lists(&router, &name(2)), None);
        assert_eq!((router.usage().groups, router.usage().sources), (1, 1));
        assert_eq!(send(&mut router, 0, &record(TO_EX, 3, &[1])), told(3, Limit::Sources));
        excluded(&router, 3, &[], &[]);
        assert!(forwards(&router, 3, 1));
        assert_eq!(router.usage().groups, 2);
    }
}

// R-SEC-8
#[test]
fn refused_source_of_an_exclude_group_stays_forwarded_and_is_not_asked_for() {
    let mut router = sized_router(group_sources_at_most(2), 4, 64);
    send(&mut router, 0, &record(TO_EX, 1, &[1, 2]));
    for kind in [BLOCK, ALLOW, IS_IN] {
        let items = accept(&mut router, 1000, &record(kind, 1, &[3]));
        assert_eq!(items.len(), if kind == BLOCK { 2 } else { 1 }, "told once");
        assert_eq!(drain(&mut router, at(1000)), (vec![], vec![]), "nothing to ask, nothing to tell");
        excluded(&router, 1, &[], &[1, 2]);
        assert!(forwards(&router, 1, 3));
    }
    assert_eq!(router.stats().refused(Limit::GroupSources), 3);
}

// R-SEC-8
#[test]
fn known_sources_are_refreshed_beside_refused_ones() {
    let mut routers = vec![sized_router(group_sources_at_most(2), 4, 64)];
    routers.extend(with_sources(2));
    for mut router in routers {
        send(&mut router, 0, &record(ALLOW, 1, &[1, 2]));
        assert_eq!(send(&mut router, 5000, &record(IS_IN, 1, &[3, 2, 4, 1])).len(), 1);
        included(&router, 1, &[1, 2]);
        assert_eq!([1, 2].map(|number| source_expires(&router, 1, number)), [Some(275_000); 2]);
        assert_eq!(send(&mut router, 6000, &record(ALLOW, 1, &[1, 2])), []);
        assert_eq!([1, 2].map(|number| source_expires(&router, 1, number)), [Some(276_000); 2]);
    }
}

// R-SEC-8: in exclude mode a refresh moves a known source from one list to the other.
#[test]
fn known_sources_change_lists_at_the_limit() {
    let mut router = sized_router(group_sources_at_most(2), 4, 64);
    send(&mut router, 0, &record(TO_EX, 1, &[1, 2]));
    assert_eq!(send(&mut router, 5000, &record(ALLOW, 1, &[3, 1])), told(1, Limit::GroupSources));
    excluded(&router, 1, &[1], &[2]);
    assert_eq!(source_expires(&router, 1, 1), Some(275_000));
    assert_eq!(send(&mut router, 6000, &record(IS_EX, 1, &[1, 2])), []);
    excluded(&router, 1, &[1], &[2]);
}

// R-SEC-8, R-REC-1, R-REC-2: what a record deletes makes room for what it brings.
#[test]
fn list_that_replaces_another_fits_where_the_other_was() {
    let mut routers = vec![sized_router(group_sources_at_most(2), 4, 64)];
    routers.extend(with_sources(2));
    for (index, limited) in routers.into_iter().enumerate() {
        let mut router = limited;
        send(&mut router, 0, &record(ALLOW, 1, &[1, 2]));
        assert_eq!(send(&mut router, 1000, &record(IS_EX, 1, &[3, 4])), [], "router {index}");
        excluded(&router, 1, &[], &[3, 4]);
        assert_eq!(send(&mut router, 2000, &record(IS_EX, 1, &[5, 6])), [], "router {index}");
        excluded(&router, 1, &[5, 6], &[]);
        assert_eq!(send(&mut router, 3000, &record(IS_EX, 1, &[7, 5])), [], "router {index}");
        excluded(&router, 1, &[7, 5], &[]);
        assert_eq!(send(&mut router, 4000, &record(TO_EX, 1, &[8, 9])), [], "router {index}");
        excluded(&router, 1, &[8, 9], &[]);
        assert_eq!(send(&mut router, 5000, &record(TO_EX, 1, &[])), [], "router {index}");
        excluded(&router, 1, &[], &[]);
        let refused = send(&mut router, 6000, &record(IS_EX, 1, &[1, 2, 3]));
        assert_eq!(refused.len(), 1, "router {index}");
        excluded(&router, 1, &[1, 2], &[]);
        assert_eq!(router.usage().sources, 2);
    }
}

// R-SEC-8: what stays takes its room first, wherever it stands in the list.
#[test]
fn list_that_keeps_a_part_admits_the_rest_in_wire_order() {
    let mut router = sized_router(group_sources_at_most(3), 4, 64);
    send(&mut router, 0, &record(ALLOW, 1, &[1, 2, 3]));
    assert_eq!(send(&mut router, 1000, &record(IS_EX, 1, &[7, 6, 5, 1])), told(1, Limit::GroupSources));
    excluded(&router, 1, &[1], &[7, 6]);
    assert_eq!(router.stats().refused(Limit::GroupSources), 1);
}

// R-SEC-8: a source that is blocked is there until its time is over, and then its room is free.
#[test]
fn blocked_source_keeps_its_room_until_it_ends() {
    let mut routers = vec![sized_router(group_sources_at_most(2), 4, 64)];
    routers.extend(with_sources(2));
    for mut router in routers {
        send(&mut router, 0, &record(ALLOW, 1, &[1, 2]));
        let change = and(record(ALLOW, 1, &[3]), BLOCK, 1, &[1]);
        assert_eq!(send(&mut router, 1000, &change).len(), 1);
        let change = and(record(BLOCK, 1, &[1]), ALLOW, 1, &[3]);
        assert_eq!(send(&mut router, 1500, &change).len(), 0, "told already");
        included(&router, 1, &[1, 2]);
        run_to(&mut router, 3500);
        included(&router, 1, &[2]);
        assert_eq!(send(&mut router, 4000, &record(ALLOW, 1, &[3])), []);
        included(&router, 1, &[2, 3]);
        assert_eq!(send(&mut router, 4000, &record(ALLOW, 1, &[4])).len(), 1, "told anew");
    }
}

// R-SEC-8, R-SEC-15: with a slot to spare, since the source is still to be named in a Query.
#[test]
fn source_that_ends_at_once_gives_its_room_to_the_next_record() {
    for (builder, sources) in [
        (Config::builder().max_group_sources(2), 64),
        (Config::builder().max_sources(2), 64),
        (Config::builder().max_sources(2), 3),
    ] {
        let mut router = sized_router(build(builder.immediate_leave(true)), 4, sources);
        send(&mut router, 0, &record(ALLOW, 1, &[1, 2]));
        let change = and(record(BLOCK, 1, &[1]), ALLOW, 1, &[3]);
        assert_eq!(send(&mut router, 1000, &change), []);
        included(&router, 1, &[2, 3]);
        let change = and(record(ALLOW, 1, &[4]), BLOCK, 1, &[3]);
        assert_eq!(send(&mut router, 1000, &change).len(), 1, "in wire order");
        included(&router, 1, &[2]);
    }
}

// R-SEC-8
#[test]
fn limits_of_sources_do_not_mix() {
    let config = build(Config::builder().max_group_sources(2).max_sources(3));
    let mut router = sized_router(config, 8, 64);
    assert_eq!(send(&mut router, 0, &record(ALLOW, 1, &[1, 2, 3])), told(1, Limit::GroupSources));
    assert_eq!(send(&mut router, 0, &record(ALLOW, 2, &[1, 2])), told(2, Limit::Sources));
    included(&router, 1, &[1, 2]);
    included(&router, 2, &[1]);
    assert_eq!(send(&mut router, 0, &record(TO_EX, 3, &[1])), told(3, Limit::Sources));
    let stats = router.stats();
    assert_eq!((stats.refused(Limit::GroupSources), stats.refused(Limit::Sources)), (1, 2));
    assert_eq!((router.usage().groups, router.usage().sources), (3, 3));
}

// R-SEC-8
#[test]
fn source_refusals_are_told_again_after_usage_fell_below_the_limit() {
    let mut router = sized_router(group_sources_at_most(1), 8, 64);
    send(&mut router, 0, &record(ALLOW, 1, &[1]));
    send(&mut router, 0, &record(ALLOW, 2, &[1]));
    assert_eq!(send(&mut router, 0, &record(ALLOW, 1, &[2])), told(1, Limit::GroupSources));
    assert_eq!(send(&mut router, 0, &record(ALLOW, 2, &[2])), told(2, Limit::GroupSources));
    assert_eq!(send(&mut router, 0, &and(record(ALLOW, 1, &[2]), ALLOW, 2, &[2])), []);
    // The first group ends and comes back; the second has been at its limit all along.
    send(&mut router, 1000, &record(BLOCK, 1, &[1]));
    run_to(&mut router, 3000);
    send(&mut router, 4000, &record(ALLOW, 1, &[1]));
    assert_eq!(send(&mut router, 4000, &record(ALLOW, 1, &[2])), told(1, Limit::GroupSources));
    assert_eq!(send(&mut router, 4000, &record(ALLOW, 2, &[2])), []);

    for mut router in with_sources(2) {
        send(&mut router, 0, &record(ALLOW, 1, &[1, 2]));
        assert_eq!(send(&mut router, 0, &record(ALLOW, 2, &[2])), told(2, Limit::Sources));
        send(&mut router, 1000, &record(BLOCK, 1, &[1]));
        run_to(&mut router, 3000);
        send(&mut router, 4000, &record(ALLOW, 3, &[1]));
        assert_eq!(send(&mut router, 4000, &record(ALLOW, 2, &[2])), told(2, Limit::Sources));
        assert_eq!(send(&mut router, 4000, &record(ALLOW, 2, &[2])), []);
    }
}

// R-SEC-8: one refusal for each source that is not kept.
#[test]
fn every_refused_source_is_counted() {
    let mut router = sized_router(group_sources_at_most(2), 8, 64);
    send(&mut router, 0, &record(ALLOW, 1, &[1, 2, 3, 4, 5]));
    assert_eq!(router.stats().refused(Limit::GroupSources), 3);
    send(&mut router, 0, &record(ALLOW, 1, &[1, 3]));
    assert_eq!(router.stats().refused(Limit::GroupSources), 4);
    assert_eq!(router.stats().refused(Limit::Groups) + router.stats().refused(Limit::Sources), 0);
}

// R-WIRE-74
#[test]
fn sources_that_are_skipped_or_repeated_need_no_room() {
    let mut router = sized_router(group_sources_at_most(2), 8, 64);
    let listed = [ALL, source(1), source(1), ip("ff0e::1"), ME, source(2), source(1), ip("::1")];
    assert_eq!(send(&mut router, 0, &Craft::report_v2(H1).record(ALLOW, &name(1), &listed)), []);
    included(&router, 1, &[1, 2]);
    assert_eq!(router.stats().refused(Limit::GroupSources), 0);
}

// R-SEC-7: room is given back whole, however often it was used.
#[test]
fn room_is_given_back_round_after_round() {
    let mut router = sized_router(Config::DEFAULT, 4, 8);
    for round in 0..50_u64 {
        let now = round * 600_000;
        run_to(&mut router, now);
        assert_eq!((router.usage().groups, router.usage().sources), (0, 0), "round {round}");
        for number in 1..=4 {
            let kind = [ALLOW, TO_EX][(round as usize + usize::from(number)) % 2];
            let first = (round as u16 * 31 + number) * 8;
            assert_eq!(
                send(&mut router, now, &record(kind, number, &[first, first + 1])),
                [],
                "round {round}"
            );
        }
        assert_eq!((router.usage().groups, router.usage().sources), (4, 8), "round {round}");
        assert_eq!(send(&mut router, now, &join(99)), told(99, Limit::Groups), "told in every round");
        assert_eq!(send(&mut router, now, &record(ALLOW, 1, &[9999])), told(1, Limit::Sources));
    }
}

// R-SEC-7: the smaller of configuration and table counts.
#[test]
fn tables_limit_beside_the_configuration() {
    let config = build(Config::builder().max_groups(100).max_sources(100));
    let mut router = sized_router(config, 2, 3);
    send(&mut router, 0, &record(ALLOW, 1, &[1, 2]));
    assert_eq!(send(&mut router, 0, &record(ALLOW, 2, &[1, 2])), told(2, Limit::Sources));
    assert_eq!(send(&mut router, 0, &join(3)), told(3, Limit::Groups));
    assert_eq!((router.usage().groups, router.usage().sources), (2, 3));
}

#[test]
fn tables_without_sources_still_serve_groups() {
    let mut router = sized_router(Config::DEFAULT, 2, 0);
    assert_eq!(send(&mut router, 0, &record(TO_EX, 1, &[1])), told(1, Limit::Sources));
    excluded(&router, 1, &[], &[]);
    assert_eq!(send(&mut router, 0, &record(ALLOW, 2, &[1])), told(2, Limit::Sources));
    assert_eq!(router.groups().count(), 1);
    let mut router = sized_router(Config::DEFAULT, 0, 0);
    assert_eq!(send(&mut router, 0, &join(1)), told(1, Limit::Groups));
}

// R-SEC-8 with the states of version 1.
#[test]
fn version_1_interface_keeps_to_the_limit_of_groups() {
    let config = build(Config::builder().version(Version::V1).max_groups(1));
    let mut router = sized_router(config, 8, 8);
    let report = |number| Craft::report_v1(H1, ip(&name(number)));
    assert_eq!(send(&mut router, 0, &report(1)), []);
    assert_eq!(send(&mut router, 0, &report(2)), told(2, Limit::Groups));
    assert_eq!(send(&mut router, 5000, &report(1)), []);
    assert_eq!(expires(&router, 1), 265_000);
    assert_eq!(router.stats().refused(Limit::Groups), 1);
}

// A reconfiguration to a smaller limit takes nothing away; it refuses what is new.
#[test]
fn smaller_limit_keeps_what_is_known() {
    let mut router = sized_router(Config::DEFAULT, 8, 8);
    for number in 1..=3 {
        send(&mut router, 0, &join(number));
    }
    router.reconfigure(at(1000), groups_at_most(2));
    drain(&mut router, at(1000));
    assert_eq!(router.usage().groups, 3);
    assert_eq!(send(&mut router, 2000, &join(1)), []);
    assert_eq!(expires(&router, 1), 272_000);
    assert_eq!(send(&mut router, 2000, &join(4)), told(4, Limit::Groups));
    assert_eq!(router.usage().groups, 3);
}

// R-SEC-8: expired state does not count, even before a call removes it; at its deadline it has not expired (R-TIM-13).
#[test]
fn what_is_over_makes_room_before_any_timer_is_handled() {
    let mut router = sized_router(groups_at_most(1), 8, 8);
    send(&mut router, 0, &join(1));
    assert_eq!(limits(accept(&mut router, 270_000, &join(2))), told(2, Limit::Groups));
    assert_eq!(limits(accept(&mut router, 270_001, &join(2))), []);
    assert_eq!((lists(&router, &name(1)), lists(&router, &name(2))), (None, exclude(&[], &[])));

    for config in [sources_at_most(2), group_sources_at_most(2)] {
        let mut router = sized_router(config, 8, 8);
        send(&mut router, 0, &record(ALLOW, 1, &[1]));
        send(&mut router, 5000, &record(ALLOW, 1, &[2]));
        assert_eq!(limits(accept(&mut router, 270_000, &record(ALLOW, 1, &[3]))).len(), 1);
        assert_eq!(limits(accept(&mut router, 270_001, &record(ALLOW, 1, &[3]))), []);
        included(&router, 1, &[2, 3]);
    }
    let mut router = sized_router(sources_at_most(2), 8, 8);
    send(&mut router, 0, &record(ALLOW, 1, &[1, 2]));
    assert_eq!(limits(accept(&mut router, 270_000, &record(ALLOW, 2, &[3]))).len(), 1);
    assert_eq!(limits(accept(&mut router, 270_001, &record(ALLOW, 2, &[3]))), []);
    included(&router, 2, &[3]);
    assert_eq!(lists(&router, &name(1)), None);
}

// R-SEC-8: and it counts as having fallen below the limit.
#[test]
fn what_is_over_lets_refusals_be_told_again() {
    for (config, first, second) in [
        (groups_at_most(1), join(1), join(2)),
        (sources_at_most(1), record(ALLOW, 1, &[1]), record(ALLOW, 2, &[1])),
        (group_sources_at_most(1), record(TO_EX, 1, &[1]), record(TO_EX, 1, &[1, 2])),
    ] {
        let mut router = sized_router(config, 8, 8);
        send(&mut router, 0, &first);
        assert_eq!(send(&mut router, 1, &second).len(), 1);
        assert_eq!(send(&mut router, 2, &second), []);
        run_to(&mut router, 600_000);
        assert_eq!(router.groups().count(), 0);
        send(&mut router, 600_000, &first);
        assert_eq!(send(&mut router, 600_001, &second).len(), 1);
    }
}

// R-SEC-7: after stop and start the tables are empty and no refusal counts as reported.
#[test]
fn stop_gives_all_room_back() {
    let config = build(Config::builder().max_groups(2).max_sources(2));
    let mut router = sized_router(config, 2, 2);
    for life in 0..5 {
        let now = life * 1000;
        send(&mut router, now, &record(ALLOW, 1, &[1, 2]));
        assert_eq!(send(&mut router, now, &record(ALLOW, 2, &[1])), told(2, Limit::Sources), "life {life}");
        send(&mut router, now, &join(3));
        assert_eq!(send(&mut router, now, &join(4)), told(4, Limit::Groups), "life {life}");
        router.stop(at(now));
        drain(&mut router, at(now));
        assert_eq!((router.usage().groups, router.usage().sources), (0, 0));
        router.start(at(now), Some(ME));
        drain(&mut router, at(now));
    }
}

const SMALL: usize = 6 * 1024;

#[test]
fn eight_groups_and_32_sources_fit_in_6_kib() {
    let router = Router::new(Config::DEFAULT, inline_tables!(groups: 8, sources: 32), 1);
    assert!(size_of_val(&router) < SMALL, "{} octets", size_of_val(&router));
}

type Small = Router<Tables<[GroupSlot; 8], [SourceSlot; 32], [IndexSlot; IndexSlot::count_for(8, 32)]>>;

static ROUTER: Mutex<Small> =
    Mutex::new(Router::new(Config::DEFAULT, inline_tables!(groups: 8, sources: 32), 7));

/// A router from its start to the end of its groups, as packets and snapshots.
fn life<T: mld_proto::router::Storage>(router: &mut Router<T>) -> Vec<String> {
    let mut told = Vec::new();
    router.start(at(0), Some(ME));
    let mut say = |router: &mut Router<T>, now| {
        let said = drain(router, at(now));
        told.push(format!("{now} {said:02x?} {:?}", Picture::of(router)));
    };
    say(router, 0);
    for number in 1..=9 {
        let _ = accept(router, 10, &record(ALLOW, number, &[1, 2, 3, 4]));
        say(router, 10);
    }
    let _ = accept(router, 20, &and(record(TO_EX, 1, &[1, 5]), BLOCK, 2, &[1]));
    say(router, 20);
    for now in [1020, 2020, 2021, 31_250, 270_020, 300_000] {
        router.handle_timeout(at(now));
        say(router, now);
    }
    router.stop(at(300_001));
    say(router, 300_001);
    told
}

#[test]
fn storage_is_the_callers_choice_and_makes_no_difference() {
    let expected = life(&mut Router::new(Config::DEFAULT, tables(8, 32), 7));
    assert!(expected.iter().any(|said| said.contains("ff0e::1:8")), "the last group was there");

    assert_eq!(life(&mut ROUTER.lock().unwrap()), expected, "static");

    let mut index = vec![IndexSlot::EMPTY; IndexSlot::count_for(8, 32)];
    let (mut groups, mut sources) = ([const { GroupSlot::EMPTY }; 8], [const { SourceSlot::EMPTY }; 32]);
    let slices = Tables::new(&mut groups[..], &mut sources[..], &mut index[..]).unwrap();
    assert_eq!(life(&mut Router::new(Config::DEFAULT, slices, 7)), expected, "slices");

    let boxed: Box<[SourceSlot]> = vec![SourceSlot::EMPTY; 32].into();
    let mut slots = [const { GroupSlot::EMPTY }; 8];
    let mixed = Tables::new(&mut slots[..], boxed, [const { IndexSlot::EMPTY }; IndexSlot::count_for(8, 32)]);
    assert_eq!(life(&mut Router::new(Config::DEFAULT, mixed.unwrap(), 7)), expected, "one of each");

    assert_eq!(life(&mut Router::new(Config::DEFAULT, tables(8, 32), 8)), expected, "another seed");
}

#[test]
fn tables_that_do_not_fit_together_are_refused() {
    let of = |index: usize| {
        let (groups, sources) = ([const { GroupSlot::EMPTY }; 8], [const { SourceSlot::EMPTY }; 32]);
        Tables::new(groups, sources, vec![IndexSlot::EMPTY; index].into_boxed_slice()).map(drop)
    };
    let enough = IndexSlot::count_for(8, 32);
    assert!(enough.is_power_of_two() && enough >= 40);
    assert_eq!(of(enough), Ok(()));
    assert_eq!(of(2 * enough), Ok(()));
    for index in [0, 1, enough / 2, enough - 1, enough + 1, 3 * enough] {
        assert_eq!(of(index), Err(TablesError::Index), "{index} slots");
    }
}

fn refused(items: &[Item]) -> usize {
    items.iter().filter(|item| matches!(item, Item::Limit { .. })).count()
}

// The limit was lowered below the usage: usage goes from 3 to 2, which is not below 2, and is reported again all the
// same. R-SEC-8: "once for each group and limit until usage falls below it".
#[test]
fn refusal_is_not_told_again_while_usage_is_not_below_the_limit() {
    let mut router = sized_router(Config::DEFAULT, 8, 8);
    for number in ["ff0e::1", "ff0e::2", "ff0e::3"] {
        accept(&mut router, 0, &Craft::report_v2(H1).record(TO_EX, number, &[]));
    }
    drain(&mut router, at(0));
    router.reconfigure(at(0), Config::builder().max_groups(2).build().unwrap());
    drain(&mut router, at(0));
    let fourth = Craft::report_v2(H1).record(TO_EX, "ff0e::4", &[]);
    assert_eq!(refused(&accept(&mut router, 0, &fourth)), 1);
    accept(&mut router, 1000, &Craft::report_v2(H1).record(TO_IN, "ff0e::1", &[]));
    run_to(&mut router, 3000);
    assert_eq!(router.usage().groups, 2);
    assert_eq!(refused(&accept(&mut router, 4000, &fourth)), 0);
}

// Immediate leave at the limit: after the record there would be room for the one source that is wanted.
#[test]
fn change_to_include_with_immediate_leave_keeps_what_is_wanted_at_the_limit() {
    let config = Config::builder().max_group_sources(2).immediate_leave(true).build().unwrap();
    let mut router = sized_router(config, 8, 64);
    accept(&mut router, 0, &Craft::report_v2(H1).record(ALLOW, "ff0e::1", &[source(1), source(2)]));
    drain(&mut router, at(0));
    accept(&mut router, 0, &Craft::report_v2(H1).record(TO_IN, "ff0e::1", &[source(3)]));
    assert_eq!(lists(&router, "ff0e::1"), include(&[source(3)]));
}
