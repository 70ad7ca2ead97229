//! Routers and hosts that go up, down, and elsewhere.

use mld_proto::{Discard, Querier};
use mld_sim::nodes::listener::ListenerHost;
use mld_sim::packet::write::{IS_EX, QUERY, REPORT_V2};
use mld_sim::world::{Action, Behaviour, Call, Command, Loss, NodeId, Told};
use mld_sim::{Host, Link, Router, World};

use crate::support::{
    Called, GROUP, Log, SECOND_QUERY_MS, Seen, Speaker, ip, join, leave, ms, report, run_to, source_of,
    type_of,
};

/// A router, and a host that reports a group at 1 s.
fn lan(router: Router) -> (World, Log, NodeId, NodeId) {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    let router = world.router(lan, router);
    let speaker = Speaker::new([(1000, report("fe80::a", IS_EX, GROUP))]);
    let host = world.host(lan, Host::new("h1", ip("fe80::a"), speaker));
    (world, log, router, host)
}

fn r1() -> Router {
    Router::new("r1", ip("fe80::1"))
}

fn groups(world: &World, router: NodeId) -> usize {
    world.scene().engine(router).expect("a router").groups().count()
}

/// When a node sent Queries.
fn queries(log: &Log, node: NodeId) -> Vec<u64> {
    log.sent_by(node).iter().filter(|(_, packet)| type_of(packet) == QUERY).map(|sent| sent.0).collect()
}

#[test]
fn crashed_router_has_forgotten_everything_and_told_nothing() {
    let (mut world, log, router, _) = lan(r1());
    run_to(&mut world, 5000);
    assert_eq!(groups(&world, router), 1);
    log.clear();
    world.act(Action::Router(router, Command::Crash)).expect("nobody judges");
    assert_eq!(groups(&world, router), 0);
    assert!(!world.scene().is_up(router));
    run_to(&mut world, 500_000);
    assert_eq!(log.turns(router), [(5000, 5000, "crash".into(), 0, vec![])]);
    assert!(queries(&log, router).is_empty());
}

#[test]
fn frames_to_a_crashed_node_are_lost_when_they_would_have_arrived() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let faults = mld_sim::Faults { delay_ms: (10, 10), ..mld_sim::Faults::NONE };
    let lan = world.link(Link::ethernet().faults(faults));
    let router = world.router(lan, r1());
    let speaker = Speaker::new([(1000, report("fe80::a", IS_EX, GROUP))]);
    world.host(lan, Host::new("h1", ip("fe80::a"), speaker));
    world.at(ms(1005), Action::Router(router, Command::Crash));
    run_to(&mut world, 2000);
    assert_eq!(log.losses(), [(1010, router, Loss::Down)]);
}

#[test]
fn crashed_router_that_starts_again_asks_at_once_and_knows_nothing() {
    let (mut world, log, router, _) = lan(r1());
    world.at(ms(5000), Action::Router(router, Command::Crash));
    world.at(ms(7000), Action::Router(router, Command::Start));
    run_to(&mut world, 10_000);
    assert_eq!(queries(&log, router), [0, 7000]);
    assert_eq!(groups(&world, router), 0);
    assert!(world.scene().is_up(router));
}

#[test]
fn stopped_router_tells_so_and_is_silent_but_has_power() {
    let (mut world, log, router, _) = lan(r1());
    run_to(&mut world, 5000);
    log.clear();
    world.act(Action::Router(router, Command::Stop)).expect("nobody judges");
    run_to(&mut world, 500_000);
    let [(5000, 5000, input, 0, told)] = &log.turns(router)[..] else { panic!("{:?}", log.turns(router)) };
    assert_eq!(input, "stop");
    assert!(told.contains(&Told::Stopped), "{told:?}");
    assert!(queries(&log, router).is_empty());
    assert!(world.scene().is_up(router) && !world.scene().engine(router).expect("a router").is_running());
}

#[test]
fn stopped_router_ignores_what_it_hears() {
    let (mut world, log, router, _) = lan(r1());
    world.at(ms(500), Action::Router(router, Command::Stop));
    run_to(&mut world, 5000);
    let verdicts = log.pick(|(at_ms, seen)| match seen {
        Seen::Delivered { to, verdict, .. } if *to == router => Some((*at_ms, *verdict)),
        _ => None,
    });
    let [(1000, Some(Err(reason)))] = verdicts[..] else { panic!("{verdicts:?}") };
    assert_ne!(reason, Discard::BadChecksum);
    assert_eq!(groups(&world, router), 0);
}

#[test]
fn restart_stops_and_starts_in_one_instant() {
    let (mut world, log, router, _) = lan(r1());
    run_to(&mut world, 5000);
    log.clear();
    world.act(Action::Router(router, Command::Restart)).expect("nobody judges");
    let turns = log.turns(router);
    let [(5000, 5000, stop, ..), (5000, 5000, start, ..)] = &turns[..] else { panic!("{turns:?}") };
    assert!(stop == "stop" && start.starts_with("start"), "{turns:?}");
    assert_eq!(queries(&log, router), [5000]);
    assert_eq!(groups(&world, router), 0);
}

#[test]
fn router_queries_from_its_new_address() {
    let (mut world, log, router, _) = lan(r1());
    world.at(ms(5000), Action::Router(router, Command::Address(Some(ip("fe80::99")))));
    run_to(&mut world, SECOND_QUERY_MS + 200_000);
    let sources: Vec<_> =
        log.sent_by(router).iter().map(|(at_ms, packet)| (*at_ms < 5000, source_of(packet))).collect();
    assert!(sources.len() > 2);
    assert!(
        sources.iter().all(|(is_before, from)| *from == ip(if *is_before { "fe80::1" } else { "fe80::99" }))
    );
    assert_eq!(world.scene().link_local(router), Some(ip("fe80::99")));
}

#[test]
fn router_without_address_asks_nothing_until_it_gets_one() {
    let (mut world, log, router, _) = lan(r1().without_address());
    run_to(&mut world, 400_000);
    assert!(queries(&log, router).is_empty());
    world.act(Action::Router(router, Command::Address(Some(ip("fe80::5"))))).expect("nobody judges");
    run_to(&mut world, 1_000_000);
    assert!(queries(&log, router).len() > 3);
    world.act(Action::Router(router, Command::Address(None))).expect("nobody judges");
    log.clear();
    run_to(&mut world, 2_000_000);
    assert!(queries(&log, router).is_empty());
}

#[test]
fn address_that_a_stopped_router_is_given_is_the_one_it_starts_with() {
    let (mut world, log, router, _) = lan(r1().off());
    run_to(&mut world, 2000);
    assert!(log.turns(router).is_empty());
    world.act(Action::Router(router, Command::Address(Some(ip("fe80::42"))))).expect("nobody judges");
    assert!(log.turns(router).is_empty());
    world.act(Action::Router(router, Command::Start)).expect("nobody judges");
    assert_eq!(world.scene().engine(router).expect("a router").querier(), Querier::Own(ip("fe80::42")));
}

#[test]
fn crashed_host_sends_nothing_hears_nothing_and_wants_nothing() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    world.router(lan, r1());
    let host = world.host(lan, Host::new("h1", ip("fe80::a"), ListenerHost::new()));
    join(&mut world, host, GROUP);
    run_to(&mut world, 5000);
    assert!(!log.sent_by(host).is_empty());
    log.clear();
    world.act(Action::Host(host, Call::Crash)).expect("nobody judges");
    run_to(&mut world, 400_000);
    assert!(log.sent_by(host).is_empty());
    assert!(log.losses().iter().all(|(_, to, why)| (*to, *why) == (host, Loss::Down)));
    assert!(world.scene().wants(host).expect("a host").is_empty());
    assert!(world.scene().sockets(host).expect("a host").is_empty());
    assert!(!world.scene().is_up(host) && !world.scene().is_heard(host));
}

#[test]
fn node_learns_of_its_life_in_order() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    let stack = Speaker::silent();
    let calls = stack.calls();
    let host = world.host(lan, Host::new("h1", ip("fe80::a"), stack));
    join(&mut world, host, GROUP);
    run_to(&mut world, 10);
    world.act(Action::Host(host, Call::Up { link_local: Some(ip("fe80::b")) })).expect("nobody judges");
    assert_eq!(world.scene().link_local(host), Some(ip("fe80::b")));
    world.act(Action::Host(host, Call::Crash)).expect("nobody judges");
    // Nobody listens on a host that is down.
    let listens = world.listen(host, 0, ip("ff05::2"), mld_proto::FilterMode::Exclude, &[]);
    let violation = listens.expect_err("it is down");
    assert_eq!((violation.rule, violation.at), ("refused", ms(10)));
    assert!(violation.text.starts_with("h1 is down"), "{violation}");
    assert!(world.scene().wants(host).expect("a host").is_empty());
    world.act(Action::Host(host, Call::Up { link_local: Some(ip("fe80::b")) })).expect("nobody judges");
    let wanted = [
        (0, Called::Start(Some(ip("fe80::a")))),
        (0, Called::Listen(ip(GROUP))),
        (10, Called::Start(Some(ip("fe80::b")))),
        (10, Called::Crash),
        (10, Called::Start(Some(ip("fe80::b")))),
    ];
    assert_eq!(*calls.borrow(), wanted);
}

#[test]
fn tentative_host_reports_from_the_unspecified_address_first() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    world.router(lan, Router::new("r1", ip("fe80::1")));
    let host = Host::new("h1", ip("fe80::a"), ListenerHost::new()).tentative_for_ms(500);
    let host = world.host(lan, host);
    join(&mut world, host, GROUP);
    assert!(!world.scene().is_heard(host) && world.scene().is_up(host));
    run_to(&mut world, SECOND_QUERY_MS + 10_000);
    assert!(world.scene().is_heard(host));
    let sources: Vec<_> = log
        .sent_by(host)
        .iter()
        .map(|(at_ms, packet)| {
            assert_eq!(type_of(packet), REPORT_V2);
            (*at_ms < 500, source_of(packet))
        })
        .collect();
    assert!(sources.contains(&(true, ip("::"))) && sources.contains(&(false, ip("fe80::a"))), "{sources:?}");
    assert!(sources.iter().all(|(is_before, from)| *is_before == from.is_unspecified()), "{sources:?}");
}

#[test]
fn node_is_given_its_address_when_it_is_no_longer_tentative() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    let stack = Speaker::silent();
    let calls = stack.calls();
    world.host(lan, Host::new("h1", ip("fe80::a"), stack).tentative_for_ms(1500));
    run_to(&mut world, 5000);
    assert_eq!(*calls.borrow(), [(0, Called::Start(None)), (1500, Called::Start(Some(ip("fe80::a"))))]);
}

#[test]
fn host_that_crashes_while_its_address_is_tentative_stays_down() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    world.router(lan, r1());
    let host = Host::new("h1", ip("fe80::a"), ListenerHost::new()).tentative_for_ms(5000);
    let host = world.host(lan, host);
    join(&mut world, host, GROUP);
    run_to(&mut world, 2000);
    world.crash(host).expect("nobody judges");
    log.clear();
    run_to(&mut world, 100_000);
    assert!(!world.scene().is_up(host) && log.sent_by(host).is_empty());
}

#[test]
fn address_is_tentative_as_long_as_ever_after_each_coming_up() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    let stack = Speaker::silent();
    let calls = stack.calls();
    let host = world.host(lan, Host::new("h1", ip("fe80::a"), stack).tentative_for_ms(5000));
    run_to(&mut world, 2000);
    world.crash(host).expect("nobody judges");
    run_to(&mut world, 3000);
    world.start(host).expect("nobody judges");
    run_to(&mut world, 20_000);
    let wanted = [
        (0, Called::Start(None)),
        (0, Called::Crash),
        (3000, Called::Start(None)),
        (8000, Called::Start(Some(ip("fe80::a")))),
    ];
    assert_eq!(*calls.borrow(), wanted);
}

#[test]
fn whoever_is_off_comes_up_when_it_is_told_to() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    let router = world.router(lan, r1().off());
    let host = world.host(lan, Host::new("h1", ip("fe80::a"), Speaker::counting(100)).off());
    run_to(&mut world, 50);
    assert_eq!(log.all(), []);
    world.at(ms(60), Action::Router(router, Command::Start));
    world.at(ms(90), Action::Host(host, Call::Up { link_local: Some(ip("fe80::a")) }));
    run_to(&mut world, 100);
    assert_eq!(queries(&log, router), [60]);
    let spoke: Vec<u64> = log.sent_by(host).iter().map(|sent| sent.0).collect();
    assert_eq!(spoke, [&[90; 90][..], &(91..=100).collect::<Vec<u64>>()].concat());
}

#[test]
fn wants_are_those_of_all_sockets_together() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    let host = world.host(lan, Host::new("h1", ip("fe80::a"), ListenerHost::new()));
    let [one, two] = [ip("2001:db8::1"), ip("2001:db8::2")];
    let group = ip(GROUP);
    let listen = |world: &mut World, socket, mode, sources: &[_]| {
        world.listen(host, socket, group, mode, sources).expect("it can be listened to");
    };
    listen(&mut world, 1, mld_proto::FilterMode::Exclude, &[one, two]);
    listen(&mut world, 2, mld_proto::FilterMode::Include, &[two]);
    let scene = world.scene();
    let wants = &scene.wants(host).expect("a host")[&group];
    assert!(wants.exclude && !wants.wants(one) && wants.wants(two) && wants.wants(ip("2001:db8::3")));
    leave_socket(&mut world, host, 1);
    let scene = world.scene();
    let wants = &scene.wants(host).expect("a host")[&group];
    assert!(!wants.exclude && !wants.wants(one) && wants.wants(two));
    leave_socket(&mut world, host, 2);
    assert!(world.scene().wants(host).expect("a host").is_empty());
}

fn leave_socket(world: &mut World, host: NodeId, socket: u32) {
    let mode = mld_proto::FilterMode::Include;
    world.listen(host, socket, ip(GROUP), mode, &[]).expect("every group can be left");
}

#[test]
fn calls_that_a_node_refuses_break_the_run() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    let host = world.host(lan, Host::new("h1", ip("fe80::a"), Speaker::silent()));
    run_to(&mut world, 7);
    let refusal = world.listen(host, 0, ip("ff05::dead"), mld_proto::FilterMode::Exclude, &[]);
    let violation = refusal.expect_err("this group is refused");
    assert_eq!((violation.rule, violation.at), ("refused", ms(7)));
    assert!(violation.text.contains("h1") && violation.text.contains("not this one"), "{violation}");
    assert!(world.scene().wants(host).expect("a host").is_empty());
}

#[test]
fn calls_in_vain_are_told_with_the_reason() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    let host = world.host(lan, Host::new("h1", ip("fe80::a"), Speaker::silent()));
    run_to(&mut world, 7);
    log.clear();
    let call = |group: &str| Call::Listen {
        socket: 3,
        group: ip(group),
        mode: mld_proto::FilterMode::Include,
        sources: (1..=6).map(|last| ip(&format!("2001:db8::{last}"))).collect(),
    };
    world.at(ms(10), Action::Host(host, call("ff05::dead")));
    let violation = world.run_until(ms(10)).expect_err("this group is refused");
    let text = "h1 refuses to listen to ff05::dead, only from 2001:db8::1, 2001:db8::2, 2001:db8::3, 2001:db8::4 and 2 more (socket 3): not this one";
    assert_eq!(violation.text, text);
    world.at(ms(20), Action::Host(host, Call::Crash));
    world.at(ms(21), Action::Host(host, call(GROUP)));
    run_to(&mut world, 30);
    let refused = |group, why: &str| Seen::Refused { node: host, call: call(group), why: why.into() };
    let crash = Seen::Host { node: host, call: Call::Crash };
    let expected =
        [(10, refused("ff05::dead", "not this one")), (20, crash), (21, refused(GROUP, "it is down"))];
    assert_eq!(log.all(), expected);
}

/// A host with a behaviour, and what was called on it until `end_ms`.
fn behaving(behaviour: Behaviour, end_ms: u64) -> Vec<(u64, Called)> {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    let stack = Speaker::silent();
    let calls = stack.calls();
    world.host(lan, Host::new("h1", ip("fe80::a"), stack).behaves(behaviour));
    run_to(&mut world, end_ms);
    calls.take()
}

#[test]
fn silent_leaver_loses_its_power_once() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    let host = Host::new("h1", ip("fe80::a"), ListenerHost::new());
    let host = world.host(lan, host.behaves(Behaviour::SilentLeave { after_ms: 3000 }));
    join(&mut world, host, GROUP);
    run_to(&mut world, 100_000);
    let crashes =
        log.pick(|(at_ms, seen)| matches!(seen, Seen::Host { call: Call::Crash, .. }).then_some(*at_ms));
    assert_eq!(crashes, [3000]);
    assert!(log.sent_by(host).iter().all(|(at_ms, _)| *at_ms < 3000));
}

#[test]
fn rebooting_host_joins_its_groups_each_time_it_is_back() {
    let groups = vec![ip("ff05::1"), ip("ff05::2")];
    let calls = behaving(Behaviour::Reboot { groups, up_ms: (100, 200), down_ms: (10, 20) }, 10_000);
    let mut at = 0;
    for life in calls.chunks(4) {
        assert_eq!(life[0].1, Called::Start(Some(ip("fe80::a"))));
        assert!(at == 0 || (at + 110..=at + 220).contains(&life[0].0), "{life:?} after {at}");
        at = life[0].0;
        if let [_, one, two, crash] = life {
            assert_eq!([&one.1, &two.1], [&Called::Listen(ip("ff05::1")), &Called::Listen(ip("ff05::2"))]);
            assert_eq!(crash.1, Called::Crash);
        }
    }
    assert!(calls.len() > 4 * 40);
}

#[test]
fn behaviours_count_from_when_their_host_first_comes_up() {
    let behaviours = [
        Behaviour::Reboot { groups: vec![ip(GROUP)], up_ms: (5000, 5000), down_ms: (5000, 5000) },
        Behaviour::SilentLeave { after_ms: 5000 },
        Behaviour::Zapping { channels: vec![ip(GROUP)], every_ms: (5000, 5000) },
    ];
    for behaviour in behaviours {
        let mut world = World::new(1);
        let lan = world.link(Link::ethernet());
        let stack = Speaker::silent();
        let calls = stack.calls();
        let host = Host::new("h1", ip("fe80::a"), stack).behaves(behaviour.clone()).off();
        let host = world.host(lan, host);
        run_to(&mut world, 50_000);
        assert!(calls.borrow().is_empty(), "{behaviour:?}");
        world.start(host).expect("nobody judges");
        run_to(&mut world, 57_000);
        let seen: Vec<Called> = calls.borrow().iter().map(|(_, called)| called.clone()).collect();
        assert_eq!(seen[0], Called::Start(Some(ip("fe80::a"))));
        let wanted = match behaviour {
            Behaviour::Reboot { .. } => &[Called::Listen(ip(GROUP)), Called::Crash][..],
            Behaviour::SilentLeave { .. } => &[Called::Crash],
            _ => &[Called::Listen(ip(GROUP)), Called::Listen(ip(GROUP))],
        };
        assert!(seen.len() > 1 && wanted.starts_with(&seen[1..]), "{behaviour:?}: {seen:?}");
        run_to(&mut world, 61_000);
        assert_eq!(world.scene().is_up(host), !matches!(behaviour, Behaviour::SilentLeave { .. }));
    }
}

#[test]
fn host_that_comes_up_after_the_faults_ended_does_nothing_by_itself() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    let stack = Speaker::silent();
    let calls = stack.calls();
    let zapping = Behaviour::Zapping { channels: vec![ip(GROUP)], every_ms: (10, 20) };
    let host = world.host(lan, Host::new("h1", ip("fe80::a"), stack).behaves(zapping).off());
    world.faults_off().expect("nobody judges");
    world.start(host).expect("nobody judges");
    run_to(&mut world, 10_000);
    assert_eq!(calls.borrow().len(), 1);
}

#[test]
fn host_that_reboots_finds_out_about_its_address_each_time() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    let stack = Speaker::silent();
    let calls = stack.calls();
    let reboot = Behaviour::Reboot { groups: Vec::new(), up_ms: (3000, 3000), down_ms: (1000, 1000) };
    world.host(lan, Host::new("h1", ip("fe80::a"), stack).behaves(reboot).tentative_for_ms(2000));
    run_to(&mut world, 8500);
    let own = Some(ip("fe80::a"));
    let starts: Vec<_> = calls.borrow().iter().filter(|call| call.1 != Called::Crash).cloned().collect();
    let wanted = [(0, None), (2000, own), (4000, None), (6000, own), (8000, None)];
    assert_eq!(starts, wanted.map(|(at_ms, address)| (at_ms, Called::Start(address))));
}

#[test]
fn behaviour_of_a_host_without_power_waits_for_it() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    let stack = Speaker::silent();
    let calls = stack.calls();
    let zapping = Behaviour::Zapping { channels: vec![ip(GROUP)], every_ms: (100, 100) };
    let host = world.host(lan, Host::new("h1", ip("fe80::a"), stack).behaves(zapping));
    run_to(&mut world, 1000);
    world.crash(host).expect("nobody judges");
    calls.borrow_mut().clear();
    run_to(&mut world, 2000);
    assert!(calls.borrow().is_empty());
    assert!(log.pick(|(_, seen)| matches!(seen, Seen::Refused { .. }).then_some(())).is_empty());
    world.start(host).expect("nobody judges");
    run_to(&mut world, 3000);
    assert!(calls.borrow().len() >= 10);
}

#[test]
fn zapping_host_watches_one_channel_at_a_time() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    let channels: Vec<_> = (1..=5).map(|last| ip(&format!("ff05::{last}"))).collect();
    let zapping = Behaviour::Zapping { channels, every_ms: (50, 100) };
    let host = Host::new("h1", ip("fe80::a"), Speaker::silent()).behaves(zapping);
    let host = world.host(lan, host);
    let mut seen = std::collections::BTreeSet::new();
    for at_ms in (100..20_000).step_by(37) {
        run_to(&mut world, at_ms);
        let scene = world.scene();
        let wants = scene.wants(host).expect("a host");
        assert_eq!(wants.len(), 1, "at {at_ms}");
        seen.extend(wants.keys().copied());
    }
    assert_eq!(seen.len(), 5);
}

#[test]
fn churning_host_calls_within_its_pauses_and_keeps_to_its_groups() {
    let groups = vec![ip("ff05::1"), ip("ff3e::8000:1")];
    let churn =
        Behaviour::Churn { groups: groups.clone(), sources: vec![ip("2001:db8::1")], every_ms: (100, 300) };
    let calls = behaving(churn, 60_000);
    let listens: Vec<_> = calls.iter().filter(|call| matches!(call.1, Called::Listen(_))).collect();
    assert!(listens.len() > 200);
    for pair in listens.windows(2) {
        assert!((100..=300).contains(&(pair[1].0 - pair[0].0)), "{pair:?}");
    }
    for group in groups {
        assert!(listens.iter().any(|call| call.1 == Called::Listen(group)));
    }
}

#[test]
fn leaving_ends_what_was_wanted() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    let host = world.host(lan, Host::new("h1", ip("fe80::a"), ListenerHost::new()));
    join(&mut world, host, GROUP);
    assert!(world.scene().wants(host).expect("a host").contains_key(&ip(GROUP)));
    leave(&mut world, host, GROUP);
    assert!(world.scene().wants(host).expect("a host").is_empty());
}

#[test]
fn misbehaviour_wants_nothing_whatever_is_called() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    let babbler = mld_sim::nodes::misbehaviour::Misbehaviour::new(
        mld_sim::nodes::flood::Flood::new(mld_sim::nodes::misbehaviour::Targets::default()),
        mld_sim::nodes::flood::Flood::PACE,
        mld_sim::rng::Rng::named(1, "babbler"),
    );
    let host = world.host(lan, Host::new("m1", ip("fe80::a"), babbler));
    join(&mut world, host, GROUP);
    assert!(world.scene().wants(host).expect("a host").is_empty());
    assert!(!world.scene().is_honest_host(host) && !world.scene().is_heard(host));
}
