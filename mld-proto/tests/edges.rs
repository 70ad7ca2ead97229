//! Edge sequences: state that has expired but was not processed, and state that is gone but was not reported.

mod support;

use mld_proto::router::{GroupSlot, Limit, QuerierMode, SourceSlot, Tables};
use mld_proto::{Config, Discard, Event, GroupAddr, IndexSlot, Instant, Querier, Router, SsmRange, Version};
use support::packets;
use support::*;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

// R-SSM-9
#[test]
fn group_that_fell_into_the_ssm_range_takes_no_record_before_it_is_swept() {
    let wide = config(|c| c.ssm_range(SsmRange::EMPTY).max_sources(1));
    let mut router = Router::new(wide, tables(8, 1), 1);
    let ssm: GroupAddr = "ff3e::8000:1".parse().unwrap();
    router.start(at(0), Some(ROUTER));
    drop(router.handle_packet(at(1), &packets::report(HOST_A, &[to_ex(ssm, [S1])])));
    while router.poll_event().is_some() {}
    router.reconfigure(at(2), wide.to_builder().ssm_range(SsmRange::RFC_4607).build().unwrap());
    assert!(router.group(ssm).is_none(), "no longer shown");
    assert!(!router.forwards(ssm, S2));
    drop(router.handle_packet(at(3), &packets::report(HOST_A, &[allow(ssm, [S2])])));
    assert_eq!(router.group(ssm).map(|group| group.source_count()), Some(1));
    let mut due = router.poll_timeout();
    while let Some(now) = due.filter(|now| *now <= at(400_000)) {
        router.handle_timeout(now);
        while router.poll_event().is_some() {}
        while router.poll_transmit(now, &mut [0; 1500]).unwrap().is_some() {}
        due = router.poll_timeout();
    }
    assert!(router.group(ssm).is_none());
    assert_eq!(router.usage().sources, 0);
}

#[test]
fn one_report_does_bounded_work_however_much_is_over() {
    const GROUPS: u32 = 20_000;
    let mut router = Router::new(config(|c| c.max_groups(GROUPS)), tables(GROUPS as usize + 1, 8), 1);
    router.start(at(0), Some(ROUTER));
    for number in 0..GROUPS {
        let group = group(0xff0e << 112 | 0x5_0000_0000 | u128::from(number));
        drop(router.handle_packet(at(1), &packets::report_v1(HOST_A, group)));
    }
    while router.poll_event().is_some() {}
    // All of them are over; each call ends some, none ends all.
    drop(router.handle_packet(at(300_000), &packets::report_v1(HOST_A, G)));
    let left = router.usage().groups;
    assert!(left > GROUPS - 3_000, "one report ended {} groups", GROUPS - left);
    assert!(router.group(G).is_some(), "and made room for its own");
}

#[test]
fn stop_is_no_more_work_after_other_stops() {
    const GROUPS: usize = 20_000;
    let mut router = Router::new(Config::DEFAULT, tables(GROUPS, 8), 1);
    for round in 0..3 {
        router.start(at(round), Some(ROUTER));
        let group = group(0xff0e << 112 | 0x5_0000_0000 | u128::from(round));
        drop(router.handle_packet(at(round), &packets::report_v1(HOST_A, group)));
        assert_eq!(router.groups().count(), 1, "only the group of this life");
        router.stop(at(round));
        assert_eq!(router.groups().count(), 0);
    }
}

#[test]
fn three_hundred_lives_without_a_poll_leave_nothing_behind() {
    let mut router = Router::new(Config::DEFAULT, tables(8, 8), 1);
    for life in 0..300 {
        router.start(at(life), Some(ROUTER));
        if life == 0 {
            drop(router.handle_packet(at(0), &packets::report(HOST_A, &[to_ex(G, [S1])])));
        }
        assert_eq!(router.group(G).is_some(), life == 0, "life {life}");
        router.stop(at(life));
    }
    while router.poll_event() != Some(Event::Stopped) {}
    assert_eq!((router.usage().groups, router.usage().sources), (0, 0));
}

#[test]
fn sources_of_one_group_that_end_one_by_one_cost_one_each() {
    let mut router = Router::new(Config::DEFAULT, tables(8, 2048), 1);
    router.start(at(0), Some(ROUTER));
    for number in 0..2000_u64 {
        let source = core::net::Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(number));
        drop(router.handle_packet(at(number), &packets::report(HOST_A, &[allow(G, [source])])));
    }
    while router.poll_event().is_some() {}
    let mut calls = 0;
    while router.usage().sources > 0 {
        let before = router.usage().sources;
        router.handle_timeout(at(300_000));
        assert!(before - router.usage().sources <= 256, "one call ends no more than its share");
        calls += 1;
    }
    assert!(calls <= 2000 / 256 + 1, "{calls} calls");
    assert_eq!(router.poll_event(), Some(Event::Timeout(G)));
}

#[test]
fn group_mentioned_first_is_told_first_though_it_changes_last() {
    let mut bench = Bench::non_querier();
    bench.report(1_000, HOST_A, [to_ex(G, [])]);
    bench.forget();
    bench.report(2_000, HOST_A, [is_ex(G, []), to_in(G3, []), to_ex(G2, []), to_ex(G3, []), to_in(G, [S1])]);
    assert_eq!(bench.changes(), ["2 membership G3 exclude", "2 membership G2 exclude"]);
    bench.advance_to(300_000);
    bench.forget();
    bench.report(
        300_000,
        HOST_A,
        [to_in(SSM, []), to_ex(G, []), allow(SSM, [S1]), to_ex(G2, []), to_ex(G, [])],
    );
    assert_eq!(
        bench.changes(),
        ["300 membership SSM include S1", "300 membership G exclude", "300 membership G2 exclude"]
    );
}

#[test]
fn told_timeout_is_followed_by_a_membership_though_the_group_came_back() {
    let mut router = Router::new(Config::DEFAULT, tables(8, 8), 1);
    router.start(at(0), Some(ROUTER));
    drop(router.handle_packet(at(0), &packets::report_v1(HOST_A, G)));
    while router.poll_event().is_some() {}
    let mut now = at(0);
    while router.group(G).is_some() {
        now = router.poll_timeout().unwrap();
        router.handle_timeout(now);
        while router.poll_transmit(now, &mut [0; 1500]).unwrap().is_some() {}
    }
    assert_eq!(router.poll_event(), Some(Event::Timeout(G)));
    drop(router.handle_packet(now, &packets::report_v1(HOST_A, G)));
    assert_eq!(router.poll_event(), Some(Event::Membership(G)));
    assert!(router.group(G).is_some());
}

#[test]
fn tables_that_were_used_begin_empty() {
    let mut groups = vec![GroupSlot::EMPTY; 4];
    let mut sources = vec![SourceSlot::EMPTY; 4];
    let mut index = vec![IndexSlot::EMPTY; IndexSlot::count_for(4, 4)];
    for round in 0..3 {
        let tables = Tables::new(&mut groups[..], &mut sources[..], &mut index[..]).unwrap();
        let mut router = Router::new(Config::DEFAULT, tables, 1);
        router.start(at(0), Some(ROUTER));
        assert!(router.group(G).is_none(), "round {round}");
        drop(router.handle_packet(at(0), &packets::report(HOST_A, &[to_ex(G, [S1]), allow(G2, [S1])])));
        assert_eq!((router.usage().groups, router.usage().sources), (2, 2));
    }
}

// R-ELE-8
#[test]
fn querier_past_its_deadline_does_not_keep_a_new_address_from_the_role() {
    let mut bench = Bench::started_as(Config::DEFAULT, "fe80::5".parse().unwrap());
    bench.query(1_000, Ask::general("fe80::1".parse().unwrap()));
    bench.query(200_000, Ask::general("fe80::3".parse().unwrap()));
    bench.advance_to(300_000);
    bench.set_address(300_000, Some("fe80::2".parse().unwrap()));
    assert_eq!(bench.router.querier(), Querier::Own("fe80::2".parse().unwrap()));
}

// R-WIRE-5
#[test]
fn address_outside_the_link_local_prefix_is_no_address() {
    for address in ["2001:db8::1", "::", "fe80:0:0:1::1"] {
        let mut router = Router::new(Config::DEFAULT, tables(8, 8), 1);
        router.start(at(0), Some(address.parse().unwrap()));
        assert_eq!(router.querier(), Querier::Unknown, "{address}");
        assert_eq!(router.poll_transmit(at(0), &mut [0; 1500]), Ok(None));
    }
}

// R-WIRE-51, R-WIRE-71, R-WIRE-74, R-SEC-13
#[test]
fn other_addresses_of_the_interface_are_ours() {
    let mut router = Router::new(Config::DEFAULT, tables(8, 8), 1);
    router.start(at(0), Some(ROUTER));
    let global = "2001:db8::ff".parse().unwrap();
    let other = "fe80::ff".parse().unwrap();
    let report = |from| packets::report(from, &[allow(G, [global, S1])]);
    let to_global = Ask::general(HIGHER).to(global).packet();
    assert_eq!(router.handle_packet(at(1), &to_global).err(), Some(Discard::Destination));
    assert_eq!(router.set_other_addresses([global, other]), 2);
    assert!(router.handle_packet(at(1), &to_global).is_ok());
    assert!(router.handle_packet(at(1), &report(HOST_A)).is_ok());
    assert_eq!(router.group(G).map(|group| group.source_count()), Some(1), "our own address is no source");
    assert_eq!(router.handle_packet(at(1), &report(other)).err(), Some(Discard::OwnAddress));
}

// R-TIM-7
#[test]
fn passive_router_keeps_the_values_in_force_when_a_version_1_router_comes() {
    let passive = config(|c| c.querier(QuerierMode::Never));
    let mut bench = Bench::started_as(passive, "fe80::9".parse().unwrap());
    bench.query(0, Ask::general(LOWER).qrv(3).qqic(60));
    bench.query(1_000, Ask::general(LOWEST).v1());
    assert_eq!(bench.router.querier(), Querier::Other(LOWEST));
    assert_eq!(bench.router.robustness_variable(), 3);
}

#[test]
fn end_of_the_clock_is_survived() {
    let mut router = Router::new(Config::DEFAULT, tables(8, 8), 1);
    router.start(at(u64::MAX), Some(ROUTER));
    drop(router.handle_packet(at(u64::MAX), &packets::report(HOST_A, &[to_ex(G, [S1])])));
    drop(router.handle_packet(at(u64::MAX), &packets::report(HOST_A, &[to_in(G, [])])));
    router.handle_timeout(at(u64::MAX));
    while router.poll_transmit(at(u64::MAX), &mut [0; 1500]).unwrap().is_some() {}
    assert!(router.group(G).is_some());
}

// R-YNG-1
#[test]
fn truncated_message_counts_under_its_kind() {
    let mut router = Router::new(Config::DEFAULT, tables(8, 8), 1);
    router.start(at(0), Some(ROUTER));
    let report = packets::report_v1(HOST_A, G);
    assert_eq!(router.handle_packet(at(0), &report[..report.len() - 1]).err(), Some(Discard::Truncated));
    assert_eq!(router.stats().dropped.report_v1, 1);
}

#[test]
fn sources_that_go_in_a_packet_make_room_for_those_that_come() {
    let mut router = Router::new(config(|c| c.max_sources(2)), tables(8, 2), 1);
    router.start(at(0), Some(ROUTER));
    drop(router.handle_packet(at(1), &packets::report(HOST_A, &[is_ex(G, [S1, S2])])));
    while router.poll_event().is_some() {}
    drop(router.handle_packet(at(2), &packets::report(HOST_A, &[is_ex(G, [S3, S4])])));
    assert_eq!(router.stats().refused(Limit::Sources), 0);
    assert_eq!(router.poll_event(), Some(Event::Membership(G)));
}

// R-ELE-7, R-ELE-10
#[test]
fn querier_past_its_interval_gives_way_as_soon_as_the_address_is_lost() {
    let mut bench = Bench::started_as(Config::DEFAULT, HIGHER);
    bench.query(1_000, Ask::general(LOWEST));
    bench.query(200_000, Ask::general(LOWER));
    bench.advance_to(300_000);
    assert_eq!(bench.router.querier(), Querier::Other(LOWEST), "until another Query comes");
    bench.router.set_address(at(300_000), None);
    assert_eq!(bench.router.querier(), Querier::Other(LOWER), "present until 455 s");
    bench.advance_to(455_000);
    assert_eq!(bench.router.querier(), Querier::Unknown);
}

#[test]
fn source_that_left_at_once_is_not_asked_for_in_version_1() {
    for poll_first in [false, true] {
        let leave = config(|c| c.immediate_leave(true));
        let mut router = Router::new(leave, tables(8, 8), 1);
        router.start(at(0), Some(ROUTER));
        while router.poll_transmit(at(0), &mut [0; 1500]).unwrap().is_some() {}
        drop(router.handle_packet(at(0), &packets::report(HOST_A, &[allow(G, [S1, S2]), allow(G2, [S1])])));
        // One group keeps a source, the other is gone; the Queries are never polled.
        drop(router.handle_packet(at(1), &packets::report(HOST_A, &[block(G, [S1]), block(G2, [S1])])));
        router.reconfigure(
            at(2),
            leave.to_builder().version(Version::V1).immediate_leave(false).build().unwrap(),
        );
        if poll_first {
            router.handle_timeout(at(2));
        }
        for group in [G, G2] {
            drop(router.handle_packet(at(3), &packets::report_v1(HOST_A, group)));
            drop(router.handle_packet(at(3), &packets::done(HOST_A, group)));
        }
        let mut buffer = [0; 1500];
        let mut lengths = Vec::new();
        while let Some(transmit) = router.poll_transmit(at(3), &mut buffer).unwrap() {
            lengths.push(transmit.len);
        }
        assert_eq!(lengths, [72; 3], "a General Query and one for each group");
    }
}

// R-SSM-5, A-23
#[test]
fn record_for_an_ssm_group_that_is_read_as_version_1_is_ignored() {
    let reads = config(|c| {
        c.version(Version::V1).interpretations(
            reading(|interpretations| interpretations.version_1_reads_version_2_reports = true)
                .interpretations()
                .to_owned(),
        )
    });
    let mut bench = Bench::querier_with(reads);
    bench.report(1_000, HOST_A, [is_in(SSM, [S1]), is_in(G, [S1])]);
    assert!(bench.router.group(SSM).is_none());
    assert_eq!(bench.events(), ["1 is-in G from fe80::a", "1 membership G exclude"]);
}
