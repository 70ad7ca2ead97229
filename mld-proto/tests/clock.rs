//! A clock may begin at any moment: a router or listener that starts late does no more work than one that starts at 0.

mod support;

use core::net::Ipv6Addr;

use mld_proto::listener::{self, Socket};
use mld_proto::router::QuerierMode;
use mld_proto::{Config, FilterMode, GroupAddr, Instant, Listener, Router, inline_listener_tables};
use support::*;

/// Moments at which the caller's clock begins: 0, a year of uptime, and Unix time in milliseconds as of 2039.
const BEGINNINGS: [u64; 3] = [0, 365 * 24 * 3_600_000, 1 << 41];
const GROUPS: u16 = 1000;

fn group(number: u16) -> GroupAddr {
    GroupAddr::new(Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, number + 1)).expect("a group")
}

fn poll_all(router: &mut Router<BoxedTables>, now: Instant) {
    while router.poll_transmit(now, &mut [0; 1500]).expect("room").is_some() {}
    while router.poll_event().is_some() {}
}

/// Calls of `handle_timeout` until `poll_timeout` names a later moment.
fn calls_until_later(router: &mut Router<BoxedTables>, now: Instant) -> u32 {
    let mut calls = 0;
    while router.poll_timeout().is_some_and(|next| next <= now) {
        router.handle_timeout(now);
        poll_all(router, now);
        calls += 1;
        assert!(calls < 2_000_000, "never done");
    }
    calls
}

/// Calls that a router needs after the first Reports, `idle` milliseconds after a start at `begin`.
fn calls_after_reports(config: Config, begin: u64, idle: u64) -> u32 {
    let mut router = Router::new(config, tables(2048, 16), 1);
    let start = Instant::from_millis(begin);
    router.start(start, Some(ROUTER));
    poll_all(&mut router, start);
    let now = Instant::from_millis(begin + idle);
    for number in 0..GROUPS {
        let report = packets::report(HOST_A, &[to_ex(group(number), [])]);
        assert!(router.handle_packet(now, &report).is_ok());
    }
    poll_all(&mut router, now);
    assert_eq!(router.usage().groups, u32::from(GROUPS));
    calls_until_later(&mut router, now)
}

#[test]
fn router_that_starts_late_needs_no_more_calls() {
    for begin in BEGINNINGS {
        assert_eq!(calls_after_reports(Config::DEFAULT, begin, 10), 0, "clock begins at {begin}");
    }
}

// Nothing calls a passive router that is alone: `poll_timeout` is `None`.
#[test]
fn passive_router_that_was_alone_for_long_needs_no_more_calls() {
    let passive = config(|c| c.querier(QuerierMode::Never));
    for begin in BEGINNINGS {
        for idle in BEGINNINGS {
            assert_eq!(calls_after_reports(passive, begin, idle), 0, "clock begins at {begin}, idle {idle}");
        }
    }
}

/// Calls of a listener until all its Reports are out, of a host that joins 64 groups `idle` milliseconds after a start.
fn calls_of_a_listener(begin: u64, idle: u64) -> u32 {
    let tables = inline_listener_tables!(groups: 64, sources: 16);
    let mut listener = Listener::new(listener::Config::DEFAULT, tables, 1);
    listener.start(Instant::from_millis(begin), Some(HOST_A));
    let mut now = Instant::from_millis(begin + idle);
    for number in 0..64 {
        let group = group(number).get();
        listener.listen(now, Socket(1), group, FilterMode::Exclude, &[]).expect("room");
    }
    let mut calls = 0;
    loop {
        while listener.poll_transmit(now, &mut [0; 1500]).expect("room").is_some() {}
        while listener.poll_event().is_some() {}
        let Some(next) = listener.poll_timeout() else { return calls };
        now = next;
        listener.handle_timeout(now);
        calls += 1;
        assert!(calls < 10_000, "never done");
    }
}

#[test]
fn listener_that_starts_late_needs_no_more_calls() {
    // The moments of the repetitions are random, and a call serves all that are due: one for each group at most, and
    // one to cascade each level of the wheel.
    for begin in BEGINNINGS {
        for idle in BEGINNINGS {
            let calls = calls_of_a_listener(begin, idle);
            assert!(calls <= 4 * 64, "{calls} calls; clock begins at {begin}, idle {idle}");
        }
    }
}
