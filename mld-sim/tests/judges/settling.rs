//! What must hold once faults have ended.

use core::time::Duration;

use mld_proto::router::{ConfigBuilder, Interpretations};
use mld_proto::{Config, FilterMode, Querier, Version};
use mld_sim::judge::settle;
use mld_sim::nodes::listener::ListenerHost;
use mld_sim::packet::write::{ALLOW, IS_EX, TO_IN};
use mld_sim::world::{Action, Change, NodeId};
use mld_sim::{Faults, Host, Link, Router, World};

use crate::support::{GROUP, HOST, ROUTER, Speaker, broken, ip, join, ms, report};

/// Two routers and a host that wants a group.
fn lan(configs: [Config; 2]) -> (World, [NodeId; 2], NodeId) {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    let mut router =
        |name: &str, address, config| world.router(lan, Router::new(name, ip(address)).config(config));
    let routers = [router("r1", ROUTER, configs[0]), router("r2", "fe80::2", configs[1])];
    let host = world.host(lan, Host::new("h1", ip(HOST), ListenerHost::new()));
    join(&mut world, host, GROUP).expect("the group can be joined");
    world.run_until(ms(60_000)).expect("nobody judges");
    (world, routers, host)
}

/// Goes on for ever, as far as a settled world is concerned.
fn parted(world: &mut World, apart: NodeId) {
    let link = world.scene().link_of(apart);
    world.act(Action::Change(Change::Partition { link, apart: vec![apart] })).expect("nobody judges");
}

#[test]
fn world_without_faults_settles() {
    let (mut world, ..) = lan([Config::DEFAULT; 2]);
    settle(&mut world).expect("everybody knows everything");
}

#[test]
fn two_queriers_break_one_querier() {
    let (mut world, [_, r2], _) = lan([Config::DEFAULT; 2]);
    parted(&mut world, r2);
    let (rule, at, text) = broken(settle(&mut world));
    assert_eq!((rule, at), ("one-querier", world.now().as_millis()));
    assert!(text.contains("r2"), "{text}");
}

#[test]
fn router_that_does_not_know_what_a_host_wants_breaks_settled() {
    let (mut world, [r1, _], host) = lan([Config::DEFAULT; 2]);
    // Both routers hear each other, and nobody hears the host.
    parted(&mut world, host);
    let (rule, _, text) = broken(settle(&mut world));
    assert_eq!(rule, "settled");
    let name = world.scene().name(r1);
    assert!(text.contains(&format!("{name} does not forward {GROUP}")), "{text}");
}

#[test]
fn router_that_knows_what_no_host_wants_breaks_settled() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    world.router(lan, Router::new("r1", ip(ROUTER)));
    let plan = (0..100).map(|at| (100_000 * at, report(HOST, IS_EX, GROUP, &[]))).collect();
    world.host(lan, Host::new("m1", ip(HOST), Speaker::new(plan)));
    world.run_until(ms(1000)).expect("nobody judges");
    let (rule, _, text) = broken(settle(&mut world));
    assert_eq!(rule, "settled");
    assert!(text.contains(&format!("r1 forwards {GROUP}")) && text.contains("no host wants"), "{text}");
}

#[test]
fn one_source_too_many_breaks_settled() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    world.router(lan, Router::new("r1", ip(ROUTER)));
    let host = world.host(lan, Host::new("h1", ip(HOST), ListenerHost::new()));
    let listen = world.listen(host, 0, ip(GROUP), FilterMode::Include, &[ip("2001:db8::1")]);
    listen.expect("the group can be joined");
    let babble = |at: u64| (100_000 * at, report("fe80::b", 5, GROUP, &["2001:db8::2"]));
    world.host(lan, Host::new("m1", ip("fe80::b"), Speaker::new((0..100).map(babble).collect())));
    let (rule, _, text) = broken(settle(&mut world));
    assert_eq!(rule, "settled");
    assert!(text.contains("from 2001:db8::2, which no host wants"), "{text}");
}

#[test]
fn full_tables_are_an_excuse_and_room_is_none() {
    let settled = |max_groups| {
        let config = Config::builder().max_groups(max_groups).build().expect("it can be used");
        let mut world = World::new(1);
        // Nothing of the second group gets through.
        let lan = world.link(Link::ethernet());
        world.router(lan, Router::new("r1", ip(ROUTER)).config(config));
        let one = world.host(lan, Host::new("h1", ip(HOST), ListenerHost::new()));
        let two = world.host(lan, Host::new("h2", ip("fe80::b"), ListenerHost::new()));
        join(&mut world, one, GROUP).expect("the group can be joined");
        world.run_until(ms(5000)).expect("nobody judges");
        if max_groups > 1 {
            parted(&mut world, two);
        }
        join(&mut world, two, "ff05::1:2").expect("the group can be joined");
        settle(&mut world)
    };
    settled(1).expect("the table holds one group");
    assert_eq!(broken(settled(2)).0, "settled");
}

#[test]
fn exclusions_that_fit_no_report_are_an_excuse_and_others_are_none() {
    let settled = |excluded: u16| {
        let mut world = World::new(1);
        let lan = world.link(Link::ethernet());
        world.router(lan, Router::new("r1", ip(ROUTER)));
        let stack = ListenerHost::new().size(1, 1, 1000);
        let host = world.host(lan, Host::new("h1", ip(HOST), stack));
        let sources: Vec<_> = (1..=excluded).map(|last| ip(&format!("2001:db8::{last:x}"))).collect();
        let listen = world.listen(host, 0, ip(GROUP), FilterMode::Exclude, &sources);
        listen.expect("the group can be joined");
        let babble = |at: u64| (100_000 * at, report("fe80::b", ALLOW, GROUP, &["2001:db8::1"]));
        world.host(lan, Host::new("m1", ip("fe80::b"), Speaker::new((0..100).map(babble).collect())));
        settle(&mut world)
    };
    settled(90).expect("one of them is not reported");
    let (rule, _, text) = broken(settled(89));
    assert_eq!(rule, "settled");
    assert!(text.contains("from 2001:db8::1, which no host wants"), "{text}");
}

#[test]
fn immediate_leave_of_one_of_two_listeners_is_mended_by_the_next_query() {
    let config = Config::builder().immediate_leave(true).build().expect("it can be used");
    let (mut world, [r1, _], _) = lan([config; 2]);
    let lan = world.scene().link_of(r1);
    let speaker = Speaker::new(vec![(61_000, report("fe80::b", TO_IN, GROUP, &[]))]);
    world.host(lan, Host::new("m1", ip("fe80::b"), speaker));
    world.run_until(ms(61_000)).expect("nobody judges");
    let passes = |world: &World| {
        world
            .scene()
            .engine(r1)
            .expect("a router")
            .forwards(ip(GROUP).try_into().expect("a group"), ip("2001:db8::1"))
    };
    assert!(!passes(&world), "the group is left at once");
    settle(&mut world).expect("the host is asked again");
    assert!(passes(&world));
}

fn version_1() -> ConfigBuilder {
    Config::builder().version(Version::V1)
}

fn queriers(world: &World, routers: [NodeId; 2]) -> [Querier; 2] {
    routers.map(|id| world.scene().engine(id).expect("a router").querier())
}

#[test]
fn routers_of_two_versions_elect_one_querier() {
    let configs = [Config::DEFAULT, version_1().build().expect("it can be used")];
    let (mut world, routers, _) = lan(configs);
    settle(&mut world).expect("the lowest address queries");
    assert_eq!(queriers(&world, routers), [Querier::Own(ip(ROUTER)), Querier::Other(ip(ROUTER))]);
    let (mut world, [_, r2], _) = lan(configs);
    parted(&mut world, r2);
    assert_eq!(broken(settle(&mut world)).0, "one-querier");
}

#[test]
fn only_routers_that_do_not_wait_for_the_querier_may_query_beside_it() {
    let slow = version_1().query_interval(Duration::from_secs(600)).build().expect("it can be used");
    for (config, is_excused) in [(Config::DEFAULT, true), (slow, false)] {
        let (mut world, [_, r2], _) = lan([slow, config]);
        parted(&mut world, r2);
        assert_eq!(settle(&mut world).is_ok(), is_excused);
    }
}

#[test]
fn router_that_ignores_version_1_has_to_query_beside_it() {
    let mut interpretations = Interpretations::default();
    interpretations.ignore_v1_querier = true;
    let ignoring = Config::builder().interpretations(interpretations).build().expect("it can be used");
    let (mut world, routers, _) = lan([version_1().build().expect("it can be used"), ignoring]);
    settle(&mut world).expect("each queries for its own version");
    assert_eq!(queriers(&world, routers), [Querier::Own(ip(ROUTER)), Querier::Own(ip("fe80::2"))]);
    // Beside another router of MLDv2 it yields.
    let (mut world, routers, _) = lan([Config::DEFAULT, ignoring]);
    settle(&mut world).expect("the lowest address queries");
    assert_eq!(queriers(&world, routers)[1], Querier::Other(ip(ROUTER)));
    parted(&mut world, routers[1]);
    assert_eq!(broken(settle(&mut world)).0, "one-querier");
}

#[test]
fn settling_waits_for_what_is_known_to_end() {
    let (mut world, [r1, _], host) = lan([Config::DEFAULT; 2]);
    // The host leaves without a word: its group ends by itself.
    world.act(Action::Host(host, mld_sim::world::Call::Crash)).expect("nobody judges");
    settle(&mut world).expect("the group has ended");
    assert!(world.scene().engine(r1).expect("a router").groups().next().is_none());
    assert!(world.now() >= ms(60_000 + 270_000));
}

#[test]
fn loss_that_never_ends_breaks_settled_or_one_querier() {
    let (mut world, [r1, _], _) = lan([Config::DEFAULT; 2]);
    let link = world.scene().link_of(r1);
    let faults = Faults { loss_ppm: 1_000_000, ..Faults::NONE };
    world.act(Action::Change(Change::Faults { link, faults })).expect("nobody judges");
    assert_eq!(broken(settle(&mut world)).0, "one-querier");
}
