//! Routers whose clocks and schedulers are not perfect.

use mld_proto::Querier;
use mld_sim::packet::write::IS_EX;
use mld_sim::world::{Action, Change, Clock, Command, NodeId, Told};
use mld_sim::{Host, Link, Router, World};

use crate::support::{GROUP, LISTENING, Log, SECOND_QUERY_MS, Speaker, ip, ms, report, run_to};

const REPORT_MS: u64 = 1000;

/// A router with such a clock, and a host that reports a group once.
fn world(seed: u64, clock: Clock) -> (World, Log, NodeId) {
    let mut world = World::new(seed);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    let router = world.router(lan, Router::new("r1", ip("fe80::1")).clock(clock));
    let speaker = Speaker::new([(REPORT_MS, report("fe80::a", IS_EX, GROUP))]);
    world.host(lan, Host::new("h1", ip("fe80::a"), speaker));
    (world, log, router)
}

fn timeouts(log: &Log, router: NodeId) -> Vec<(u64, u64)> {
    let turns = log.turns(router);
    turns.iter().filter(|turn| turn.2 == "timeout").map(|turn| (turn.0, turn.1)).collect()
}

fn listening_ms() -> u64 {
    LISTENING.as_millis() as u64
}

#[test]
fn exact_clock_does_everything_when_it_is_due() {
    let (mut world, log, router) = world(1, Clock::EXACT);
    run_to(&mut world, 300_000);
    let turns = log.turns(router);
    assert!(turns.iter().all(|(at_ms, local_ms, ..)| at_ms == local_ms));
    // A wake-up in between, at which nothing is due, is the engine's business.
    let done = turns.iter().filter(|turn| turn.2 == "timeout" && (turn.3 > 0 || !turn.4.is_empty()));
    let wanted =
        [SECOND_QUERY_MS, SECOND_QUERY_MS + 125_000, REPORT_MS + listening_ms(), SECOND_QUERY_MS + 250_000];
    assert_eq!(done.map(|turn| turn.0).collect::<Vec<_>>(), wanted);
}

#[test]
fn coarse_clock_shows_whole_ticks_only_and_wakes_at_the_next() {
    let (mut world, log, router) = world(1, Clock { tick_ms: 700, late_ms: 0 });
    run_to(&mut world, 300_000);
    for (at_ms, local_ms, ..) in log.turns(router) {
        assert_eq!(local_ms, at_ms - at_ms % 700);
    }
    // 31.25 s lies between the 44th tick and the 45th.
    let timeouts = timeouts(&log, router);
    assert_eq!(timeouts[0], (31_500, 31_500));
    assert!(timeouts.iter().all(|(at_ms, _)| at_ms % 700 == 0), "{timeouts:?}");
    assert!(world.scene().engine(router).expect("a router").groups().next().is_none());
}

#[test]
fn late_wake_ups_come_within_their_bound_and_see_the_true_time() {
    let mut delays = Vec::new();
    for seed in 0..60 {
        let (mut world, log, router) = world(seed, Clock { tick_ms: 1, late_ms: 400 });
        run_to(&mut world, 40_000);
        let [(at_ms, local_ms)] = timeouts(&log, router)[..] else { panic!("one deadline, one wake-up") };
        assert_eq!(at_ms, local_ms);
        assert!((SECOND_QUERY_MS..=SECOND_QUERY_MS + 400).contains(&at_ms), "{at_ms}");
        delays.push(at_ms - SECOND_QUERY_MS);
    }
    delays.sort_unstable();
    assert!(delays[5] < 100 && delays[54] > 300, "{delays:?}");
}

#[test]
fn what_was_due_when_a_clock_jumped_is_done_at_once_and_once() {
    let (mut world, log, router) = world(1, Clock::EXACT);
    run_to(&mut world, 10_000);
    log.clear();
    // Two Queries and the end of the group lie in between.
    let by_ms = 290_000;
    world.act(Action::Change(Change::Jump { node: router, by_ms })).expect("nobody judges");
    run_to(&mut world, 10_000);
    let turns = log.turns(router);
    let [(10_000, 300_000, input, sent, told)] = &turns[..] else { panic!("{turns:?}") };
    assert_eq!((input.as_str(), *sent), ("timeout", 1));
    let group = ip(GROUP).try_into().expect("a group");
    assert_eq!(*told, [Told::Timeout(group), Told::Membership { group, members: None }]);
    run_to(&mut world, 130_000);
    assert_eq!(log.turns(router).len(), 1, "nothing is done twice");
}

#[test]
fn jumped_clock_stays_ahead() {
    let (mut world, log, router) = world(1, Clock::EXACT);
    run_to(&mut world, 10_000);
    world.act(Action::Change(Change::Jump { node: router, by_ms: 500 })).expect("nobody judges");
    run_to(&mut world, 40_000);
    // It believes that it is 31.25 s half a second early.
    assert_eq!(timeouts(&log, router), [(SECOND_QUERY_MS - 500, SECOND_QUERY_MS)]);
}

#[test]
fn jumps_add_up() {
    let (mut world, log, router) = world(1, Clock::EXACT);
    run_to(&mut world, 10_000);
    for by_ms in [500, 200] {
        world.act(Action::Change(Change::Jump { node: router, by_ms })).expect("nobody judges");
    }
    run_to(&mut world, 40_000);
    assert_eq!(timeouts(&log, router), [(SECOND_QUERY_MS - 700, SECOND_QUERY_MS)]);
}

#[test]
fn jump_of_one_clock_leaves_others_alone() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let links = [world.link(Link::ethernet()), world.link(Link::ethernet())];
    let routers = links.map(|link| world.router(link, Router::new(format!("r{}", link.0), ip("fe80::1"))));
    run_to(&mut world, 10_000);
    world.act(Action::Change(Change::Jump { node: routers[0], by_ms: 5000 })).expect("nobody judges");
    run_to(&mut world, 40_000);
    assert_eq!(timeouts(&log, routers[0]), [(SECOND_QUERY_MS - 5000, SECOND_QUERY_MS)]);
    assert_eq!(timeouts(&log, routers[1]), [(SECOND_QUERY_MS, SECOND_QUERY_MS)]);
}

#[test]
fn clock_can_be_changed_while_a_wake_up_is_under_way() {
    let (mut world, log, router) = world(1, Clock { tick_ms: 1000, late_ms: 0 });
    run_to(&mut world, 10_000);
    world.act(Action::Router(router, Command::Clock(Clock::EXACT))).expect("nobody judges");
    run_to(&mut world, 40_000);
    assert_eq!(timeouts(&log, router), [(SECOND_QUERY_MS, SECOND_QUERY_MS)]);
    assert_eq!(world.scene().clock(router), Some(Clock::EXACT));
}

#[test]
fn end_of_faults_makes_clocks_exact_and_does_not_turn_them_back() {
    let (mut world, log, router) = world(1, Clock { tick_ms: 1000, late_ms: 0 });
    world.at(ms(5000), Action::Change(Change::Jump { node: router, by_ms: 250 }));
    world.at(ms(10_000), Action::Change(Change::FaultsOff));
    run_to(&mut world, 40_000);
    assert_eq!(timeouts(&log, router), [(SECOND_QUERY_MS - 250, SECOND_QUERY_MS)]);
    assert_eq!(world.scene().engine(router).expect("a router").querier(), Querier::Own(ip("fe80::1")));
}
