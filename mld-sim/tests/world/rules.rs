//! What becomes of a run in which a rule is broken, and what a world refuses.

use core::cell::RefCell;
use std::rc::Rc;

use mld_proto::{FilterMode, Instant};
use mld_sim::judge::Judges;
use mld_sim::nodes::listener::ListenerHost;
use mld_sim::world::{
    Action, Behaviour, Call, Change, Clock, Command, Happening, LinkId, NodeId, Observer, Scene, Violation,
};
use mld_sim::{Faults, Host, Link, Router, World};

use crate::support::{GROUP, Log, SECOND_QUERY_MS, Seen, Speaker, ip, join, ms, run_to};

/// Objects to whatever is sent in a turn of a router from some moment on.
struct Objector {
    from_ms: u64,
}

impl Observer for Objector {
    fn observe(&mut self, _: &Scene<'_>, at: Instant, happening: &Happening<'_>) -> Result<(), Violation> {
        match happening {
            Happening::Turn(turn) if at >= ms(self.from_ms) && !turn.sent.is_empty() => {
                Err(Violation::new("test", "it speaks"))
            }
            _ => Ok(()),
        }
    }
}

fn r1() -> Router {
    Router::new("r1", ip("fe80::1"))
}

fn h1() -> Host {
    Host::new("h1", ip("fe80::a"), ListenerHost::new())
}

#[test]
fn packet_that_broke_a_rule_is_told_to_those_before_and_behind_the_judge() {
    let mut world = World::new(1);
    let before = Log::of(&mut world);
    world.observe(Objector { from_ms: 1 });
    let behind = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    let router = world.router(lan, r1());
    let host = world.host(lan, Host::new("h1", ip("fe80::a"), Speaker::silent()));
    let violation = world.run_until(ms(100_000)).expect_err("it queries again");
    assert_eq!((violation.rule, violation.at), ("test", ms(SECOND_QUERY_MS)));
    assert_eq!(world.now(), ms(SECOND_QUERY_MS));
    for log in [before, behind] {
        let queried: Vec<u64> = log.sent_by(router).iter().map(|(at_ms, _)| *at_ms).collect();
        assert_eq!(queried, [0, SECOND_QUERY_MS]);
        assert_eq!(log.turns(router).len(), 2);
        let all = log.all();
        assert!(matches!(all.last(), Some((_, Seen::UnderWay { to, .. })) if *to == host), "{all:?}");
    }
}

#[test]
fn world_goes_on_behind_a_broken_rule_as_if_nobody_had_judged() {
    let run = |judged: bool| {
        let mut world = World::new(1);
        let log = Log::of(&mut world);
        if judged {
            world.observe(Objector { from_ms: 0 });
        }
        let lan = world.link(Link::ethernet());
        world.router(lan, r1());
        world.router(lan, Router::new("r2", ip("fe80::2")));
        let host = h1().behaves(Behaviour::Zapping { channels: vec![ip(GROUP)], every_ms: (100, 9000) });
        world.host(lan, host);
        let mut broken = 0;
        while world.run_until(ms(100_000)).is_err() {
            broken += 1;
        }
        assert_eq!(broken > 2, judged);
        log.all()
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn first_of_several_violations_is_the_one_that_is_returned() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    world.router(lan, r1());
    for rule in ["first", "second"] {
        world.observe(move |_: &Scene<'_>, _: Instant, _: &Happening<'_>| Err(Violation::new(rule, "no")));
    }
    assert_eq!(world.run_until(ms(0)).expect_err("everybody objects").rule, "first");
}

#[test]
fn listening_on_a_host_that_is_down_is_an_error_unless_it_was_planned_ahead() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    let host = world.host(lan, h1().off());
    let call = Call::Listen { socket: 0, group: ip(GROUP), mode: FilterMode::Exclude, sources: Vec::new() };
    world.at(ms(5), Action::Host(host, call.clone()));
    run_to(&mut world, 10);
    let errors = [
        world.listen(host, 0, ip(GROUP), FilterMode::Exclude, &[]),
        world.leave(host, 0, ip(GROUP)),
        world.act(Action::Host(host, call)),
    ];
    for error in errors {
        let violation = error.expect_err("it is down");
        assert_eq!((violation.rule, violation.at), ("refused", ms(10)));
        assert!(violation.text.starts_with("h1 is down and cannot"), "{violation}");
    }
    let told = log.pick(|(at_ms, seen)| matches!(seen, Seen::Refused { .. }).then_some(*at_ms));
    assert_eq!(told, [5, 10, 10, 10]);
}

#[test]
fn what_there_is_not_is_no_scenario() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    let [router, host] = [world.router(lan, r1()), world.host(lan, h1())];
    let (nobody, nowhere) = (NodeId(9), LinkId(7));
    let still = Clock { tick_ms: 0, late_ms: 0 };
    let actions = [
        (Action::Host(nobody, Call::Crash), "there is no node 9"),
        (Action::Router(nobody, Command::Crash), "there is no node 9"),
        (Action::Host(router, Call::Crash), "r1 is no host"),
        (Action::Router(host, Command::Start), "h1 is no router"),
        (Action::Router(host, Command::Clock(still)), "h1 is no router"),
        (Action::Router(router, Command::Clock(still)), "a clock must advance in steps of 1 ms or more"),
        (Action::Change(Change::Jump { node: host, by_ms: 5 }), "h1 is no router"),
        (Action::Change(Change::Jump { node: nobody, by_ms: 5 }), "there is no node 9"),
        (Action::Change(Change::Partition { link: nowhere, apart: vec![] }), "there is no link 7"),
        (Action::Change(Change::Partition { link: lan, apart: vec![nobody] }), "node 9 is not on link link0"),
        (Action::Change(Change::Heal { link: nowhere }), "there is no link 7"),
        (Action::Change(Change::Faults { link: nowhere, faults: Faults::NONE }), "there is no link 7"),
    ];
    for (action, text) in actions {
        let violation = world.act(action.clone()).expect_err(text);
        assert_eq!((violation.rule, &*violation.text), ("scenario", text), "{action:?}");
        world.at(world.now(), action);
        let planned = world.run_until(world.now()).expect_err(text);
        assert_eq!(planned, violation);
    }
    for (node, text) in [(nobody, "there is no node 9"), (host, "h1 is down and sends nothing")] {
        if node == host {
            world.crash(host).expect("nobody judges");
        }
        let violation = world.inject(node, &[0x60]).expect_err(text);
        assert_eq!((violation.rule, &*violation.text), ("scenario", text));
    }
}

#[test]
#[should_panic(expected = "two nodes are called h1")]
fn two_nodes_of_one_name_are_refused() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    world.host(lan, h1());
    world.router(lan, Router::new("h1", ip("fe80::1")));
}

#[test]
#[should_panic(expected = "two links are called b")]
fn two_links_of_one_name_are_refused() {
    let mut world = World::new(1);
    world.link(Link::ethernet().name("b"));
    world.link(Link::point_to_point().name("b"));
}

#[test]
#[should_panic(expected = "there is no link 3 for r1")]
fn node_on_a_link_that_is_not_there_is_refused() {
    World::new(1).router(LinkId(3), r1());
}

#[test]
#[should_panic(expected = "there is no room for r2 on ppp, which has two ends")]
fn third_node_on_a_point_to_point_link_is_refused() {
    let mut world = World::new(1);
    let ppp = world.link(Link::point_to_point().name("ppp"));
    world.router(ppp, r1());
    world.host(ppp, h1());
    world.router(ppp, Router::new("r2", ip("fe80::2")));
}

#[test]
#[should_panic(expected = "the clock of r1 stands still: tick_ms is 0")]
fn clock_that_stands_still_is_refused() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    world.router(lan, r1().clock(Clock { tick_ms: 0, late_ms: 0 }));
}

#[test]
#[should_panic(expected = "a behaviour of h1 has no group to go to")]
fn zapping_between_no_channels_is_refused() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    world.host(lan, h1().behaves(Behaviour::Zapping { channels: Vec::new(), every_ms: (1, 2) }));
}

#[test]
#[should_panic(expected = "judges must watch from the beginning")]
fn judges_that_come_late_are_refused() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    world.router(lan, r1());
    let host = world.host(lan, h1());
    join(&mut world, host, GROUP);
    Judges::watch(&mut world);
}

#[test]
fn node_shared_with_a_world_can_be_looked_into() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    let probe = Rc::new(RefCell::new(mld_sim::nodes::probe::Probe::new()));
    world.host(lan, Host::new("probe", ip("fe80::f"), Rc::clone(&probe)));
    world.router(lan, r1());
    run_to(&mut world, 10);
    let heard: Vec<Instant> = probe.borrow().heard().iter().map(|(at, _)| *at).collect();
    assert_eq!(heard, [ms(0)]);
}
