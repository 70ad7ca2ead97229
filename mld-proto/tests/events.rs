//! Events: which are reported, in which order, which are not, and the state that a reader then finds.

mod support;

use core::net::Ipv6Addr;

use mld_proto::router::{Item, Limit, QuerierMode};
use mld_proto::wire::RecordType;
use mld_proto::{Config, Event, GroupAddr, Instant, Version};
use support::packets;
use support::*;

const NOTHING: [&str; 0] = [];

/// Where the router drops what is left at once.
fn immediate_leave() -> Bench {
    Bench::querier_with(config(|c| c.immediate_leave(true)))
}

// Order.

#[test]
fn items_come_in_wire_order_then_groups_by_first_mention() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G2, []), is_in(G3, [S1]), to_ex(G, []), block(G2, [S1]), is_in(G3, [S2])]);
    assert_eq!(
        bench.events(),
        [
            "0 to-ex G2 from fe80::a",
            "0 is-in G3 from fe80::a",
            "0 to-ex G from fe80::a",
            "0 block G2 from fe80::a",
            "0 is-in G3 from fe80::a",
            "0 membership G2 exclude",
            "0 membership G3 include S1 S2",
            "0 membership G exclude",
        ]
    );
}

#[test]
fn groups_are_told_in_order_of_first_mention_even_if_that_changed_nothing() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S1])]);
    bench.forget();
    bench.report(1000, HOST_A, [is_in(G, [S1]), to_ex(G2, []), is_in(G, [S2])]);
    assert_eq!(bench.changes(), ["1 membership G include S1 S2", "1 membership G2 exclude"]);
}

#[test]
fn limit_stands_behind_its_report() {
    let mut bench = Bench::stopped(config(|c| c.max_groups(1)), 16, 16);
    bench.start(0, Some(ROUTER));
    bench.forget();
    bench.report(0, HOST_A, [to_ex(G2, []), to_ex(G, []), is_in(G2, [S1])]);
    assert_eq!(
        bench.events(),
        [
            "0 to-ex G2 from fe80::a",
            "0 to-ex G from fe80::a",
            "0 limit G max-groups",
            "0 is-in G2 from fe80::a",
            "0 membership G2 exclude",
        ]
    );
}

#[test]
fn querier_comes_before_groups() {
    let mut bench = Bench::non_querier();
    // The wait for the other querier ended at 255 s without a call, so this packet ends it.
    let report = packets::report(HOST_A, &[to_ex(G2, []), to_ex(G, [])]);
    drop(bench.router.handle_packet(Instant::from_millis(300_000), &report));
    assert_eq!(bench.router.poll_event(), Some(Event::Querier));
    assert_eq!(bench.router.poll_event(), Some(Event::Membership(G2)));
    assert_eq!(bench.router.poll_event(), Some(Event::Membership(G)));
    assert_eq!(bench.router.poll_event(), None);
}

#[test]
fn many_timers_of_one_instant_give_one_timeout_and_one_membership_each() {
    let groups: Vec<GroupAddr> = (0..1000).map(|n| group(0xff0e << 112 | 0x5_0000 | n)).collect();
    let mut router = mld_proto::Router::new(Config::DEFAULT, tables(1024, 4096), 7);
    router.start(Instant::ZERO, Some(ROUTER));
    for group in &groups {
        let records = [is_ex(*group, [S3]), is_in(*group, [S1, S2])];
        drop(router.handle_packet(Instant::ZERO, &packets::report(HOST_A, &records)));
        while router.poll_event().is_some() {}
    }
    let mut told: Vec<Event> = Vec::new();
    let end = Instant::from_millis(270_000);
    let mut buffer = [0; 1500];
    while let Some(due) = router.poll_timeout().filter(|due| *due <= end) {
        router.handle_timeout(due);
        while router.poll_transmit(due, &mut buffer).expect("1500 octets are enough").is_some() {}
        while let Some(event) = router.poll_event() {
            assert_eq!(due, end);
            told.push(event);
        }
    }
    assert_eq!(told.len(), 2000);
    for group in groups {
        let timeout = told.iter().position(|event| *event == Event::Timeout(group)).expect("told");
        let membership = told.iter().position(|event| *event == Event::Membership(group)).expect("told");
        assert!(timeout < membership);
    }
}

// Level triggers: a poll compares the reported state with the present one.

#[test]
fn source_that_came_and_went_between_two_polls_is_no_event() {
    let mut bench = immediate_leave();
    bench.report(0, HOST_A, [is_in(G, [S1])]);
    bench.forget();
    let now = Instant::from_millis(1000);
    drop(bench.router.handle_packet(now, &packets::report(HOST_A, &[is_in(G, [S2])])));
    drop(bench.router.handle_packet(now, &packets::report(HOST_A, &[block(G, [S2])])));
    assert_eq!(bench.router.poll_event(), None);
}

#[test]
fn group_that_came_and_went_between_two_polls_is_no_event() {
    let mut bench = immediate_leave();
    let now = Instant::from_millis(1000);
    drop(bench.router.handle_packet(now, &packets::report(HOST_A, &[to_ex(G, [])])));
    drop(bench.router.handle_packet(now, &packets::report(HOST_A, &[to_in(G, [])])));
    assert_eq!(bench.router.poll_event(), None);
    assert!(bench.router.group(G).is_none());
}

#[test]
fn group_that_ended_and_came_back_between_two_polls_is_no_membership_event() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [S1])]);
    bench.forget();
    bench.router.handle_timeout(Instant::from_millis(270_000));
    drop(
        bench
            .router
            .handle_packet(Instant::from_millis(271_000), &packets::report(HOST_B, &[is_ex(G, [S1])])),
    );
    while let Some(event) = bench.router.poll_event() {
        assert_ne!(event, Event::Membership(G));
    }
    assert_eq!(bench.state(G), "exclude@541 -S1");
    // It is a new record all the same.
    assert_eq!(bench.router.group(G).expect("known").created(), Instant::from_millis(271_000));
}

#[test]
fn several_changes_between_two_polls_are_one_event() {
    let mut bench = Bench::querier();
    let now = Instant::from_millis(1000);
    for record in [is_in(G, [S1]), is_in(G, [S2]), is_ex(G, [S3])] {
        drop(bench.router.handle_packet(now, &packets::report(HOST_A, &[record])));
    }
    assert_eq!(bench.router.poll_event(), Some(Event::Membership(G)));
    assert_eq!(bench.router.poll_event(), None);
}

#[test]
fn querier_that_came_and_went_between_two_polls_is_no_event() {
    let mut bench = Bench::querier();
    drop(bench.router.handle_packet(Instant::from_millis(1000), &Ask::general(LOWER).packet()));
    bench.router.handle_timeout(Instant::from_millis(300_000));
    assert_eq!(bench.router.poll_event(), None);
}

// Membership.

#[test]
fn new_group_is_told_with_its_mode_and_sources() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S2, S1])]);
    bench.report(1000, HOST_A, [is_ex(G2, [S4, S3])]);
    bench.v1_report(2000, HOST_A, G3);
    assert_eq!(
        bench.changes(),
        ["0 membership G include S1 S2", "1 membership G2 exclude -S3 -S4", "2 membership G3 exclude"]
    );
}

#[test]
fn refresh_is_no_event() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S1]), is_ex(G2, [S1]), to_ex(G3, [])]);
    bench.forget();
    bench.report(10_000, HOST_B, [is_in(G, [S1]), is_ex(G2, [S1]), to_ex(G3, [])]);
    bench.report(20_000, HOST_B, [allow(G, [S1]), to_in(G, [S1]), block(G2, [S1])]);
    assert_eq!(bench.changes(), NOTHING);
}

#[test]
fn requested_source_of_an_exclude_group_is_no_event() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [S1])]);
    bench.forget();
    bench.report(1000, HOST_B, [is_in(G, [S2])]);
    bench.report(2000, HOST_B, [allow(G, [S3])]);
    bench.report(3000, HOST_B, [block(G, [S4])]);
    assert_eq!(bench.changes(), NOTHING);
    assert_eq!(bench.state(G), "exclude@270 S2@271 S3@272 S4@5 -S1");
    bench.advance_to(5000);
    assert_eq!(bench.changes(), ["5 membership G exclude -S1 -S4"]);
}

#[test]
fn excluded_source_that_is_wanted_again_is_an_event() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [S1, S2])]);
    bench.forget();
    bench.report(1000, HOST_B, [is_in(G, [S1])]);
    assert_eq!(bench.changes(), ["1 membership G exclude -S2"]);
}

#[test]
fn change_of_the_filter_mode_is_an_event() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S1])]);
    bench.forget();
    bench.report(10_000, HOST_A, [is_ex(G, [S1])]);
    bench.report(20_000, HOST_A, [is_in(G, [S1])]);
    bench.advance_to(280_000);
    assert_eq!(bench.changes(), ["10 membership G exclude", "280 membership G include S1"]);
}

#[test]
fn specific_query_alone_is_no_event() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S1]), to_ex(G2, [])]);
    bench.forget();
    bench.report(1000, HOST_A, [block(G, [S1]), to_in(G2, [])]);
    assert_eq!(bench.changes(), NOTHING);
    bench.advance_to(3000);
    assert_eq!(
        bench.changes(),
        ["3 timeout G", "3 membership G none", "3 timeout G2", "3 membership G2 none"]
    );
}

// Timeout.

#[test]
fn timeout_tells_only_the_end_of_the_last_state() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(G, [])]);
    bench.report(1000, HOST_B, [is_in(G, [S1])]);
    bench.report(2000, HOST_B, [is_in(G, [S2])]);
    bench.forget();
    bench.advance_to(300_000);
    assert_eq!(
        bench.changes(),
        [
            "270 membership G include S1 S2",
            "271 membership G include S2",
            "272 timeout G",
            "272 membership G none"
        ]
    );
}

#[test]
fn timeout_follows_heard_queries_at_a_non_querier() {
    let mut bench = Bench::non_querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.forget();
    bench.query(10_000, Ask::group(LOWER, G));
    bench.advance_to(12_000);
    assert_eq!(bench.changes(), ["12 timeout G", "12 membership G none"]);
}

#[test]
fn immediate_leave_is_no_timeout() {
    let mut bench = immediate_leave();
    bench.report(0, HOST_A, [to_ex(G, []), is_in(G2, [S1])]);
    bench.forget();
    bench.report(1000, HOST_A, [to_in(G, []), block(G2, [S1])]);
    assert_eq!(bench.changes(), ["1 membership G none", "1 membership G2 none"]);
}

#[test]
fn stop_is_no_timeout() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, []), is_in(G2, [S1])]);
    bench.report(269_000, HOST_A, [to_in(G, [])]);
    bench.forget();
    bench.stop(269_500);
    assert_eq!(bench.changes(), ["269.5 membership G none", "269.5 membership G2 none", "269.5 stopped"]);
}

// Querier.

#[test]
fn querier_is_told_at_the_start() {
    for (config, address, told) in [
        (Config::DEFAULT, Some(ROUTER), "5 querier fe80::10"),
        (version_1(), Some(ROUTER), "5 querier fe80::10"),
        (Config::DEFAULT, None, "5 non-querier ::"),
        (config(|c| c.querier(QuerierMode::Never)), Some(ROUTER), "5 non-querier ::"),
    ] {
        let mut bench = Bench::stopped(config, 16, 16);
        bench.start(5000, address);
        assert_eq!(bench.events(), [told]);
    }
}

#[test]
fn querier_is_told_when_role_or_address_changes_and_only_then() {
    let mut bench = Bench::querier();
    bench.query(1000, Ask::general(HIGHER));
    bench.query(2000, Ask::general(LOWER));
    bench.query(3000, Ask::general(LOWER).qrv(3));
    bench.query(4000, Ask::group(LOWER, G));
    bench.query(5000, Ask::general(LOWEST));
    bench.query(6000, Ask::general(LOWER));
    bench.advance_to(1_000_000);
    assert_eq!(bench.changes(), ["2 non-querier fe80::5", "5 non-querier fe80::1", "261 querier fe80::10"]);
}

// Reports and dones.

#[test]
fn each_record_is_told_even_if_it_changes_nothing() {
    let mut bench = Bench::querier();
    for record in RECORDS {
        bench.report(1000, HOST_A, [Rec::new(record, G, [])]);
        bench.report(1000, HOST_B, [Rec::new(record, G, [S1])]);
        let name = record.name();
        let told: Vec<_> = bench.events().into_iter().filter(|event| !event.contains("membership")).collect();
        assert_eq!(told, [format!("1 {name} G from fe80::a"), format!("1 {name} G from fe80::b")]);
    }
}

#[test]
fn done_is_told_in_every_mode_and_role() {
    for mut bench in [Bench::querier(), Bench::non_querier(), passive()] {
        bench.forget();
        bench.done(1000, HOST_A, G);
        bench.report(1000, HOST_B, [to_ex(G, [])]);
        bench.forget();
        bench.done(2000, HOST_A, G);
        bench.v1_report(3000, HOST_A, G);
        bench.done(4000, HOST_A, G);
        assert_eq!(
            bench.events(),
            ["2 done G from fe80::a", "3 report G from fe80::a", "4 done G from fe80::a"]
        );
    }
}

fn passive() -> Bench {
    Bench::started(config(|c| c.querier(QuerierMode::Never)))
}

// R-SSM-3, R-SSM-5, R-WIRE-73
#[test]
fn skipped_records_are_not_told() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_ex(SSM, []), to_ex(SSM, [S1]), to_in(SSM, [])]);
    bench.v1_report(0, HOST_A, SSM);
    bench.done(0, HOST_A, SSM);
    let unmanaged =
        |address: &str| Rec { record: RecordType::ToEx, group: address.parse().unwrap(), sources: vec![] };
    bench.report(0, HOST_A, [unmanaged("ff02::1"), unmanaged("ff01::5"), unmanaged("::"), to_ex(G, [])]);
    bench.report(0, HOST_A, []);
    assert_eq!(
        bench.events(),
        ["0 to-in SSM from fe80::a", "0 to-ex G from fe80::a", "0 membership G exclude"]
    );
}

// The packet has been applied even if the facts about it are never read.
#[test]
fn items_may_be_dropped_unread() {
    let mut bench = Bench::querier();
    drop(
        bench.router.handle_packet(Instant::ZERO, &packets::report(HOST_A, &[to_ex(G, []), is_in(G2, [S1])])),
    );
    assert_eq!((bench.state(G).as_str(), bench.state(G2).as_str()), ("exclude@270", "include S1@270"));
}

#[test]
fn link_local_groups_have_events_like_any_other() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(LOCAL, [])]);
    bench.advance_to(270_000);
    assert_eq!(
        bench.events(),
        [
            "0 to-ex LOCAL from fe80::a",
            "0 membership LOCAL exclude",
            "270 timeout LOCAL",
            "270 membership LOCAL none"
        ]
    );
}

// Limits, R-SEC-7, R-SEC-8.

/// The `limit` items reported, and the number of refusals.
fn refusals(bench: &mut Bench, limit: Limit) -> (Vec<String>, u64) {
    let told = bench.told().into_iter();
    let limits = told.filter(|(_, told)| matches!(told, Told::Item(Item::Limit { .. })));
    let texts = limits.map(|(at, told)| format!("{} {}", seconds(at), text_of_told(&told))).collect();
    (texts, bench.router.stats().refused(limit))
}

fn limited(
    change: impl FnOnce(mld_proto::router::ConfigBuilder) -> mld_proto::router::ConfigBuilder,
) -> Bench {
    Bench::querier_with(config(change))
}

#[test]
fn refused_group_is_told_once_and_counted_each_time() {
    let mut bench = limited(|c| c.max_groups(1));
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.report(1000, HOST_A, [to_ex(G2, []), is_in(G2, [S1])]);
    bench.v1_report(2000, HOST_A, G2);
    bench.report(3000, HOST_A, [to_ex(G3, [])]);
    assert_eq!((bench.state(G2).as_str(), bench.state(G3).as_str()), ("none", "none"));
    let told = vec![limit_text(1000, G2, Limit::Groups), limit_text(3000, G3, Limit::Groups)];
    assert_eq!(refusals(&mut bench, Limit::Groups), (told, 4));
}

#[test]
fn refused_group_is_told_again_after_usage_fell() {
    let mut bench = limited(|c| c.max_groups(1));
    bench.report(0, HOST_A, [to_ex(G, []), to_ex(G2, [])]);
    bench.report(1000, HOST_A, [to_in(G, [])]);
    bench.advance_to(3000);
    assert_eq!(bench.router.usage().groups, 0);
    bench.report(4000, HOST_A, [to_ex(G, []), to_ex(G2, [])]);
    let told = vec![limit_text(0, G2, Limit::Groups), limit_text(4000, G2, Limit::Groups)];
    assert_eq!(refusals(&mut bench, Limit::Groups), (told, 2));
}

#[test]
fn known_group_is_refreshed_at_the_limit() {
    let mut bench = limited(|c| c.max_groups(1));
    bench.report(0, HOST_A, [to_ex(G, [])]);
    bench.report(1000, HOST_A, [to_ex(G2, []), is_ex(G, [])]);
    assert_eq!(bench.state(G), "exclude@271");
}

#[test]
fn sources_are_admitted_in_wire_order_while_there_is_room() {
    let mut bench = limited(|c| c.max_group_sources(2));
    bench.report(0, HOST_A, [is_in(G, [S3, S1, S2]), is_ex(G2, [S5, S4, S1])]);
    assert_eq!(bench.state(G), "include S1@270 S3@270");
    assert_eq!(bench.state(G2), "exclude@270 -S4 -S5");
    // The rest of an include list is not forwarded, the rest of an exclude list not blocked.
    assert!(!bench.forwards(G, S2) && bench.forwards(G2, S1));
    bench.report(1000, HOST_A, [is_in(G, [S2, S3])]);
    assert_eq!(bench.state(G), "include S1@270 S3@271");
    let told = vec![limit_text(0, G, Limit::GroupSources), limit_text(0, G2, Limit::GroupSources)];
    assert_eq!(refusals(&mut bench, Limit::GroupSources), (told, 3));
}

#[test]
fn sources_of_all_groups_have_a_limit_too() {
    let mut bench = limited(|c| c.max_sources(3));
    bench.report(0, HOST_A, [is_in(G, [S1, S2]), is_in(G2, [S1, S2])]);
    assert_eq!(
        (bench.state(G).as_str(), bench.state(G2).as_str()),
        ("include S1@270 S2@270", "include S1@270")
    );
    bench.report(1000, HOST_A, [is_in(G2, [S3])]);
    assert_eq!(refusals(&mut bench, Limit::Sources), (vec![limit_text(0, G2, Limit::Sources)], 2));
}

// R-RST-6: a group of which no source was admitted has no listener.
#[test]
fn include_group_without_room_for_a_source_is_not_made() {
    let mut bench = limited(|c| c.max_sources(1));
    bench.report(0, HOST_A, [is_in(G, [S1]), is_in(G2, [S1]), is_ex(G3, [S1])]);
    assert_eq!(bench.state(G2), "none");
    assert_eq!(bench.state(G3), "exclude@270");
    assert_eq!(bench.changes().len(), 4, "two limits, two memberships");
}

// State as a reader finds it.

#[test]
fn last_reporter_is_who_last_wanted_traffic() {
    let mut bench = Bench::querier();
    let hosts: Vec<Ipv6Addr> = (0x100..).map(link_local).take(20).collect();
    let mut last = None;
    for (n, (record, wants)) in [
        (to_ex(G, []), true),
        (block(G, [S1]), false),
        (is_in(G, [S1]), true),
        (to_in(G, []), false),
        (allow(G, [S2]), true),
        (block(G, [S2]), false),
        (to_in(G, [S2]), true),
        (is_ex(G, []), true),
        (to_ex(G, [S3]), true),
    ]
    .into_iter()
    .enumerate()
    {
        bench.report(1000 + n as u64, hosts[n], [record.clone()]);
        if wants {
            last = Some(hosts[n]);
        }
        assert_eq!(bench.router.group(G).expect("known").last_reporter(), last, "{record:?}");
    }
    bench.v1_report(3000, hosts[10], G);
    assert_eq!(bench.router.group(G).expect("known").last_reporter(), Some(hosts[10]));
    bench.done(4000, hosts[11], G);
    assert_eq!(bench.router.group(G).expect("known").last_reporter(), Some(hosts[10]));
}

#[test]
fn age_counts_from_the_making_of_a_record() {
    let mut bench = Bench::querier();
    bench.report(1000, HOST_A, [is_in(G, [S1])]);
    bench.report(2000, HOST_A, [is_in(G, [S1, S2])]);
    bench.report(3000, HOST_A, [is_ex(G, [S1])]);
    let group = bench.router.group(G).expect("known");
    assert_eq!(group.created(), Instant::from_millis(1000));
    let source = group.sources().next().expect("one source");
    assert_eq!((source.address(), source.created()), (S1, Instant::from_millis(1000)));
    bench.report(4000, HOST_A, [is_in(G, [S2])]);
    let group = bench.router.group(G).expect("known");
    let second = group.sources().find(|source| source.address() == S2).expect("listed");
    assert_eq!(second.created(), Instant::from_millis(4000));
}

// R-YNG-2
#[test]
fn group_expires_with_its_filter_timer_or_its_longest_source_timer() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [is_in(G, [S1])]);
    bench.report(5000, HOST_A, [is_in(G, [S2])]);
    assert_eq!(bench.router.group(G).expect("known").expires(), Instant::from_millis(275_000));
    bench.report(6000, HOST_A, [is_ex(G, [S1, S3])]);
    bench.report(9000, HOST_B, [is_in(G, [S1])]);
    let group = bench.router.group(G).expect("known");
    assert_eq!(group.expires(), Instant::from_millis(276_000));
    let mut sources: Vec<_> = group.sources().map(|source| (source.address(), source.expires())).collect();
    sources.sort();
    assert_eq!(sources, [(S1, Some(Instant::from_millis(279_000))), (S3, None)]);
}

#[test]
fn version_1_interface_lists_its_groups_in_mode_1() {
    let mut bench = Bench::querier_with(version_1());
    bench.v1_report(0, HOST_A, G);
    assert_eq!(bench.router.group(G).expect("known").compatibility_mode(), Version::V1);
}
