//! In which order things happen, and that they always happen in the same.

use mld_proto::{FilterMode, Instant};
use mld_sim::nodes::listener::ListenerHost;
use mld_sim::packet::write::IS_EX;
use mld_sim::world::{
    Action, Behaviour, Call, Change, Clock, Command, Happening, NodeId, Scene, Told, Violation,
};
use mld_sim::{Faults, Host, Link, Router, World, hunt};

use crate::support::{Called, GROUP, LISTENING, Log, Seen, Speaker, ip, ms, report, run_to};

/// A group is reported, and again so that the Report arrives `late_ms` after the moment at which the group ends.
fn reported_again(late_ms: u64) -> Vec<(u64, Told)> {
    const DELAY_MS: u64 = 5;
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet().faults(Faults { delay_ms: (DELAY_MS, DELAY_MS), ..Faults::NONE }));
    let router = world.router(lan, Router::new("r1", ip("fe80::1")));
    let again_ms = 1000 + LISTENING.as_millis() as u64 + late_ms;
    let reports = [1000, again_ms].map(|at_ms| (at_ms, report("fe80::a", IS_EX, GROUP)));
    world.host(lan, Host::new("h1", ip("fe80::a"), Speaker::new(reports)));
    run_to(&mut world, again_ms + DELAY_MS);
    let told =
        log.turns(router).into_iter().flat_map(|turn| turn.4.into_iter().map(move |told| (turn.0, told)));
    told.filter(|(_, told)| !matches!(told, Told::Querier(_))).collect()
}

#[test]
fn packets_of_an_instant_come_before_wake_ups() {
    let group = ip(GROUP).try_into().expect("a group");
    let joined =
        |at_ms| (at_ms, Told::Membership { group, members: Some((FilterMode::Exclude, Vec::new())) });
    assert_eq!(reported_again(0), [joined(1005)]);
    let ended = [(271_005, Told::Timeout(group)), (271_005, Told::Membership { group, members: None })];
    assert_eq!(reported_again(1), [&[joined(1005)][..], &ended, &[joined(271_006)]].concat());
}

#[test]
fn actions_of_an_instant_come_before_wake_ups() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    let router = world.router(lan, Router::new("r1", ip("fe80::1")));
    run_to(&mut world, 1000);
    // Its wake-up has been in the queue for long.
    world.at(ms(31_250), Action::Router(router, Command::Crash));
    run_to(&mut world, 40_000);
    let inputs: Vec<_> = log.turns(router).iter().map(|turn| (turn.0, turn.2[..5].to_owned())).collect();
    assert_eq!(inputs, [(0, "start".into()), (31_250, "crash".into())]);
}

#[test]
fn actions_of_an_instant_happen_in_the_order_in_which_they_were_asked_for() {
    let wanted_in_the_end = |modes: [FilterMode; 2]| {
        let mut world = World::new(1);
        let lan = world.link(Link::ethernet());
        let host = world.host(lan, Host::new("h1", ip("fe80::a"), Speaker::silent()));
        for mode in modes {
            let listen = Call::Listen { socket: 0, group: ip(GROUP), mode, sources: Vec::new() };
            world.at(ms(10), Action::Host(host, listen));
        }
        run_to(&mut world, 10);
        world.scene().wants(host).expect("a host").len()
    };
    assert_eq!(wanted_in_the_end([FilterMode::Exclude, FilterMode::Include]), 0);
    assert_eq!(wanted_in_the_end([FilterMode::Include, FilterMode::Exclude]), 1);
}

#[test]
fn packets_of_an_instant_arrive_in_the_order_in_which_they_were_sent() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    let packets: Vec<_> = (0..50).map(|mark| (10, crate::support::marked(mark))).collect();
    world.host(lan, Host::new("speaker", ip("fe80::a"), Speaker::new(packets.clone())));
    let stack = Speaker::silent();
    let calls = stack.calls();
    world.host(lan, Host::new("h1", ip("fe80::b"), stack));
    run_to(&mut world, 10);
    let heard = calls.borrow()[1..].to_vec();
    assert_eq!(
        heard,
        packets.into_iter().map(|(at, packet)| (at, Called::Packet(packet))).collect::<Vec<_>>()
    );
}

#[test]
fn what_lies_in_the_past_is_done_at_once() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    let router = world.router(lan, Router::new("r1", ip("fe80::1")));
    run_to(&mut world, 5000);
    world.at(ms(10), Action::Router(router, Command::Crash));
    assert!(world.scene().is_up(router));
    run_to(&mut world, 5000);
    assert!(!world.scene().is_up(router));
    assert_eq!(world.now(), ms(5000));
}

#[test]
fn time_stands_still_or_goes_on() {
    let mut world = World::new(1);
    run_to(&mut world, 100);
    run_to(&mut world, 50);
    assert_eq!(world.now(), ms(100));
    world.run_for(core::time::Duration::from_millis(7)).expect("nothing happens");
    assert_eq!(world.now(), ms(107));
}

#[test]
fn moments_of_happenings_never_go_back() {
    let mut staged = hunt::scenario(3).stage().expect("a scenario");
    let log = Log::of(&mut staged.world);
    staged.run().expect("nobody judges");
    let all = log.all();
    assert!(all.len() > 100 && all.is_sorted_by_key(|(at_ms, _)| *at_ms));
}

#[test]
fn what_is_under_way_arrives_or_is_lost_once() {
    let mut staged = hunt::scenario(5).stage().expect("a scenario");
    let log = Log::of(&mut staged.world);
    staged.run().expect("nobody judges");
    let mut under_way = std::collections::BTreeMap::<(u64, NodeId), i32>::new();
    for (_, seen) in log.all() {
        match seen {
            Seen::UnderWay { number, to } => *under_way.entry((number, to)).or_default() += 1,
            Seen::Delivered { number, to, .. }
            | Seen::Lost { number, to, why: mld_sim::world::Loss::Down } => {
                let left = under_way.get_mut(&(number, to)).expect("it was under way");
                *left -= 1;
                assert!(*left >= 0, "{number} arrived more often than it was sent");
            }
            _ => {}
        }
    }
    assert!(under_way.len() > 100);
}

#[test]
fn same_seed_gives_the_same_happenings_and_another_gives_others() {
    let run = |scenario_seed, seed| {
        let mut scenario = hunt::scenario(scenario_seed);
        scenario.seed = seed;
        let mut staged = scenario.stage().expect("a scenario");
        let log = Log::of(&mut staged.world);
        staged.run().expect("nobody judges");
        log.all()
    };
    let first = run(7, 7);
    assert!(first.len() > 500, "{}", first.len());
    assert!(first == run(7, 7));
    assert!(first != run(7, 8));
}

#[test]
fn end_of_faults_ends_every_fault() {
    const END_MS: u64 = 20_000;
    let faults = Faults {
        delay_ms: (3, 90),
        loss_ppm: 300_000,
        duplicate_ppm: 300_000,
        reorder_ppm: 300_000,
        reorder_ms: 100,
        corrupt_ppm: 300_000,
    };
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet().faults(faults));
    let clock = Clock { tick_ms: 100, late_ms: 1000 };
    let routers = [0x10, 0x20].map(|last| {
        world.router(lan, Router::new(format!("r{last}"), ip(&format!("fe80::{last}"))).clock(clock))
    });
    let zapping = Behaviour::Zapping { channels: vec![ip("ff05::1"), ip("ff05::2")], every_ms: (100, 900) };
    let churn = Behaviour::Churn { groups: vec![ip("ff05::3")], sources: vec![], every_ms: (100, 900) };
    let host = Host::new("h1", ip("fe80::a"), ListenerHost::new()).behaves(zapping).behaves(churn);
    let host = world.host(lan, host);
    let babbler = mld_sim::nodes::misbehaviour::Misbehaviour::new(
        mld_sim::nodes::flood::Flood::new(mld_sim::nodes::misbehaviour::Targets::default()),
        mld_sim::nodes::flood::Flood::PACE,
        mld_sim::rng::Rng::named(1, "babbler"),
    );
    let misbehaviour = world.host(lan, Host::new("m1", ip("fe80::b"), babbler));
    world
        .act(Action::Change(Change::Partition { link: lan, apart: vec![routers[0]] }))
        .expect("nobody judges");
    world.at(ms(END_MS), Action::Change(Change::FaultsOff));
    run_to(&mut world, END_MS);
    assert!(log.sent_by(misbehaviour).len() > 1000);
    assert!(log.losses().len() > 1000);
    // What was under way still arrives.
    run_to(&mut world, END_MS + faults.longest_ms());
    let calls = |log: &Log| log.pick(|(at_ms, seen)| matches!(seen, Seen::Host { .. }).then_some(*at_ms));
    assert!(calls(&log).len() > 20);
    log.clear();
    run_to(&mut world, END_MS + 600_000);
    assert!(calls(&log).is_empty());
    assert!(log.sent_by(misbehaviour).is_empty());
    assert!(!world.scene().is_up(misbehaviour));
    assert_eq!(world.scene().faults(lan), Faults { delay_ms: (3, 3), ..Faults::NONE });
    assert!(log.losses().iter().all(|(_, to, _)| *to == misbehaviour));
    assert!(routers.iter().all(|router| world.scene().clock(*router) == Some(Clock::EXACT)));
    // Each frame reaches each of the others once, undamaged, after the shortest time.
    let mut sent = std::collections::BTreeMap::new();
    let mut copies = std::collections::BTreeMap::new();
    for (at_ms, seen) in log.all() {
        match seen {
            Seen::Sent { number, .. } => drop(sent.insert(number, at_ms)),
            Seen::Delivered { number, to, whole, packet, .. } => {
                assert_eq!((at_ms, &packet), (sent[&number] + 3, &whole));
                *copies.entry((number, to)).or_insert(0) += 1;
            }
            _ => {}
        }
    }
    assert!(copies.len() > 20 && copies.values().all(|count| *count == 1), "{copies:?}");
    for node in [routers[0], routers[1], host] {
        assert!(copies.keys().any(|(_, to)| *to == node));
    }
}

#[test]
fn violation_of_an_observer_ends_the_run_at_its_moment() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    world.router(lan, Router::new("r1", ip("fe80::1")));
    world.observe(
        |_: &Scene<'_>, at: Instant, _: &Happening<'_>| {
            if at > ms(5000) { Err(Violation::new("patience", "too long")) } else { Ok(()) }
        },
    );
    let violation = world.run_until(ms(100_000)).expect_err("something happens after 5 s");
    assert_eq!((violation.rule, violation.at, world.now()), ("patience", ms(31_250), ms(31_250)));
    assert_eq!(violation.to_string(), "at 31.250 s, rule patience: too long");
}
