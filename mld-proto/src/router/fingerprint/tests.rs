use core::hash::Hasher;
use core::net::Ipv6Addr;
use core::time::Duration;
use std::hash::DefaultHasher;
use std::vec::Vec;

use crate::config::Config;
use crate::inspect::{Inspect, hash_situation, same_situation};
use crate::router::Router;
use crate::store::{GroupSlot, IndexSlot, SourceSlot, Tables};
use crate::time::Instant;
use crate::wire::{QueryFields, QueryFlags, RecordType, Writer};

type Small = Router<Tables<[GroupSlot; 4], [SourceSlot; 8], [IndexSlot; 16]>>;

const GROUP: Ipv6Addr = Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 0, 1);
const OTHER: Ipv6Addr = Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 0, 2);

/// Something that happens, at a second after the start.
#[derive(Clone, Copy)]
enum Act {
    Says(RecordType, Ipv6Addr, &'static [u16]),
    SaysInVersion1(Ipv6Addr),
    Asks(u16, Ipv6Addr),
    Polled,
    Passes,
}
use Act::{Asks, Passes, Polled, Says, SaysInVersion1};

fn source(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number)
}

fn link_local(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, number)
}

fn act(router: &mut Small, now: Instant, act: Act) {
    let mut buffer = [0; 1500];
    let sent = match act {
        Says(record, group, sources) => {
            let mut writer = Writer::report_v2(&mut buffer).unwrap();
            writer.record(record, group).unwrap();
            for number in sources {
                writer.source(source(*number)).unwrap();
            }
            writer.finish(link_local(0xa))
        }
        SaysInVersion1(group) => {
            Writer::report_v1(&mut buffer, group.try_into().unwrap()).unwrap().finish(link_local(0xa))
        }
        Asks(from, group) => {
            let fields = QueryFields {
                group,
                response_code: 1000,
                flags: QueryFlags::empty(),
                robustness: 2,
                interval_code: 125,
            };
            Writer::query_v2(&mut buffer, fields).unwrap().finish(link_local(from))
        }
        Polled => {
            while router.poll_transmit(now, &mut buffer).unwrap().is_some() {}
            while router.poll_event().is_some() {}
            return;
        }
        Passes => return router.handle_timeout(now),
    };
    router.handle_packet(now, &buffer[..sent.len]).unwrap();
}

fn story(begin: u64, seed: u64, acts: &[(u64, Act)]) -> Small {
    let at = |second: u64| Instant::from_millis(begin + second * 1000);
    let mut router = Router::new(Config::DEFAULT, Tables::EMPTY, seed);
    router.start(at(0), Some(link_local(0x10)));
    act(&mut router, at(0), Polled);
    for (second, what) in acts {
        act(&mut router, at(*second), *what);
        assert_eq!(router.check(), Ok(()));
    }
    router
}

fn hash(router: &Small) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash_situation(router, &mut hasher);
    hasher.finish()
}

fn assert_same(one: &Small, other: &Small) {
    assert!(same_situation(one, other) && same_situation(other, one));
    assert_eq!(hash(one), hash(other));
}

fn assert_different(one: &Small, other: &Small) {
    assert!(!same_situation(one, other) && !same_situation(other, one));
    assert_ne!(hash(one), hash(other));
}

const ACTS: &[(u64, Act)] = &[
    (1, Says(RecordType::Allow, GROUP, &[1, 2])),
    (1, Says(RecordType::IsEx, OTHER, &[3])),
    (2, Polled),
    (3, Says(RecordType::Block, GROUP, &[1])),
    (3, Says(RecordType::ToIn, OTHER, &[])),
    (3, Polled),
    (4, Passes),
];

#[test]
fn the_same_story_at_another_time_and_with_another_seed_is_the_same_situation() {
    for until in 0..=ACTS.len() {
        let acts = &ACTS[..until];
        let one = story(0, 1, acts);
        for (begin, seed) in [(1, 1), (4_095, 2), (1_000_003, 3), (1 << 40, 4)] {
            assert_same(&one, &story(begin, seed, acts));
        }
    }
}

#[test]
fn tables_in_another_order_are_the_same_situation() {
    let group = (1, Says(RecordType::Allow, GROUP, &[1, 2]));
    let other = (1, Says(RecordType::IsEx, OTHER, &[3]));
    let turned = (1, Says(RecordType::Allow, GROUP, &[2, 1]));
    let one = story(0, 1, &[group, other, (1, Polled)]);
    assert_same(&one, &story(0, 1, &[other, turned, (1, Polled)]));
    // What is still to be told has an order.
    assert_different(&story(0, 1, &[group, other]), &story(0, 1, &[other, group]));
}

#[test]
fn statistics_and_what_is_only_shown_make_no_difference() {
    let one = story(0, 1, &[(5, Says(RecordType::IsEx, GROUP, &[])), (5, Polled)]);
    let mut other =
        story(0, 1, &[(4, Says(RecordType::IsEx, GROUP, &[])), (5, Says(RecordType::IsEx, GROUP, &[]))]);
    act(&mut other, Instant::from_millis(5000), Polled);
    assert_same(&one, &other);
    assert_ne!(one.stats(), other.stats());
    let created = |router: &Small| router.groups().next().map(|group| group.created());
    assert_ne!(created(&one), created(&other));
}

#[test]
fn a_deadline_that_is_over_makes_the_difference_of_none() {
    // The MLDv1 host counts as present until 261 s or 262 s; the group is refreshed later.
    let seen = |second, until| {
        let refreshed = [(second, SaysInVersion1(GROUP)), (200, Says(RecordType::IsEx, GROUP, &[]))];
        story(0, 1, &[&refreshed[..], &[(200, Polled), (until, Passes), (until, Polled)]].concat())
    };
    assert_different(&seen(1, 260), &seen(2, 260));
    assert_same(&seen(1, 262), &seen(2, 262));
}

#[test]
fn every_difference_of_state_is_another_situation() {
    let ends: &[&[(u64, Act)]] = &[
        &[],
        &[(5, Passes)],
        &[(6, Passes)],
        &[(6, Passes), (6, Polled)],
        &[(5, Says(RecordType::IsEx, GROUP, &[1]))],
        &[(5, Says(RecordType::Allow, GROUP, &[1]))],
        &[(5, Says(RecordType::Allow, GROUP, &[3]))],
        &[(5, Says(RecordType::Block, GROUP, &[2]))],
        &[(5, Says(RecordType::Block, GROUP, &[2])), (5, Polled)],
        &[(5, Says(RecordType::ToIn, GROUP, &[1]))],
        &[(5, Says(RecordType::IsEx, OTHER, &[]))],
        &[(5, Says(RecordType::ToEx, OTHER, &[4]))],
        &[(5, Asks(5, Ipv6Addr::UNSPECIFIED))],
        &[(5, Asks(6, Ipv6Addr::UNSPECIFIED))],
        &[(5, Asks(6, Ipv6Addr::UNSPECIFIED)), (5, Polled)],
        &[(5, Asks(6, Ipv6Addr::UNSPECIFIED)), (6, Asks(7, Ipv6Addr::UNSPECIFIED))],
        &[(5, Asks(0x20, OTHER))],
        &[(126, Passes)],
        &[(126, Passes), (126, Polled)],
    ];
    let routers: Vec<Small> = ends.iter().map(|end| story(0, 1, &[ACTS, end].concat())).collect();
    for (at, one) in routers.iter().enumerate() {
        assert_same(one, one);
        for (than, other) in routers.iter().enumerate().skip(at + 1) {
            assert!(!same_situation(one, other), "{at} is like {than}");
            assert_different(one, other);
        }
    }
    let mut other = routers[0].clone();
    let seconds = Duration::from_secs(124);
    let config = Config::builder().query_interval(seconds).build().unwrap();
    other.reconfigure(other.now(), config);
    assert_different(&routers[0], &other);
    let mut other = routers[0].clone();
    other.set_other_addresses([source(1)]);
    assert_different(&routers[0], &other);
    let mut other = routers[0].clone();
    other.stop(other.now());
    assert_different(&routers[0], &other);
}

#[test]
fn a_copy_goes_its_own_way() {
    let one = story(0, 1, ACTS);
    let mut copy = one.clone();
    assert_same(&one, &copy);
    act(&mut copy, Instant::from_millis(5000), Says(RecordType::Allow, GROUP, &[7]));
    assert_different(&one, &copy);
    assert_same(&one, &story(0, 1, ACTS));
}
