//! A world that is told what to do, in words.

use core::time::Duration;

use mld_proto::{Config, FilterMode, Instant, Querier};
use mld_sim::judge::{Judges, settle};
use mld_sim::nodes::flood::Flood;
use mld_sim::nodes::listener::ListenerHost;
use mld_sim::nodes::misbehaviour::{Misbehaviour, Targets};
use mld_sim::nodes::probe::Probe;
use mld_sim::packet::write::{IS_EX, QUERY};
use mld_sim::world::{Call, Happening, NodeId, Observer, Scene, Turn, Violation};
use mld_sim::{Host, Link, Router, World};

use crate::support::{GROUP, Log, Seen, ip, join, ms, report, run_to, type_of};

fn r1() -> Router {
    Router::new("r1", ip("fe80::1"))
}

fn h1() -> Host {
    Host::new("h1", ip("fe80::a"), ListenerHost::new())
}

fn forwards(world: &World, router: NodeId) -> bool {
    let engine = world.scene().engine(router).expect("a router");
    engine.forwards(GROUP.parse().expect("a group"), ip("2001:db8::1"))
}

#[test]
fn scenario_can_be_told_with_a_judge_watching() {
    let mut world = World::new(3);
    let lan = world.link(Link::ethernet());
    let [low, high] = [("low", "fe80::1"), ("high", "fe80::2")]
        .map(|(name, at)| world.router(lan, Router::new(name, ip(at))));
    let host = world.host(lan, h1());
    let judges = Judges::watch(&mut world);
    let mut scenario = || -> Result<(), Violation> {
        let second = Duration::from_secs(1);
        world.listen(host, 0, ip(GROUP), FilterMode::Exclude, &[])?;
        world.run_for(5 * second)?;
        assert!(forwards(&world, low) && forwards(&world, high));
        world.crash(low)?;
        world.run_for(300 * second)?;
        assert_eq!(world.scene().engine(high).expect("a router").querier(), Querier::Own(ip("fe80::2")));
        world.start(low)?;
        world.run_for(10 * second)?;
        assert_eq!(world.scene().engine(high).expect("a router").querier(), Querier::Other(ip("fe80::1")));
        world.stop(low)?;
        assert!(world.scene().is_up(low) && !world.scene().engine(low).expect("a router").is_running());
        world.start(low)?;
        world.restart(high)?;
        world.partition(lan, &[host])?;
        world.leave(host, 0, ip(GROUP))?;
        world.run_for(300 * second)?;
        world.heal(lan)?;
        world.crash(host)?;
        assert!(!world.scene().is_up(host));
        world.start(host)?;
        world.listen(host, 0, ip(GROUP), FilterMode::Exclude, &[])?;
        world.faults_off()?;
        settle(&mut world)?;
        assert!(forwards(&world, low) && forwards(&world, high));
        judges.finish(&world)
    };
    scenario().expect("every rule is kept");
}

#[test]
fn settling_fails_where_somebody_is_kept_apart() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    world.router(lan, r1());
    let host = world.host(lan, h1());
    world.partition(lan, &[host]).expect("nobody judges");
    join(&mut world, host, GROUP);
    assert_eq!(settle(&mut world).expect_err("the router cannot know").rule, "settled");
    world.faults_off().expect("nobody judges");
    settle(&mut world).expect("the host was asked again");
}

#[test]
fn what_is_done_at_once_comes_after_what_is_due() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    let [router, host] = [world.router(lan, r1()), world.host(lan, h1())];
    world.crash(router).expect("nobody judges");
    world.crash(host).expect("nobody judges");
    run_to(&mut world, 1000);
    assert!(!world.scene().is_up(router) && !world.scene().is_up(host));
}

#[test]
fn host_that_starts_has_a_tentative_address_if_it_was_added_so() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    let host = world.host(lan, h1().off().tentative_for_ms(700));
    run_to(&mut world, 100);
    world.start(host).expect("nobody judges");
    run_to(&mut world, 5000);
    let ups = log.pick(|(at_ms, seen)| match seen {
        Seen::Host { call: Call::Up { link_local }, .. } => Some((*at_ms, *link_local)),
        _ => None,
    });
    assert_eq!(ups, [(100, None), (800, Some(ip("fe80::a")))]);
}

#[test]
fn reconfigured_router_asks_by_its_new_interval_and_judges_bear_with_it() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    let router = world.router(lan, r1());
    let host = world.host(lan, h1());
    let judges = Judges::watch(&mut world);
    join(&mut world, host, GROUP);
    run_to(&mut world, 100_000);
    let config = Config::builder().query_interval(Duration::from_secs(20)).max_groups(4_000_000);
    let config = config.robustness_variable(3).build().expect("it can be used");
    world.reconfigure(router, config).expect("the judges leave it alone");
    let now = *world.scene().engine(router).expect("a router").config();
    assert_eq!((now.query_interval(), now.max_groups()), (Duration::from_secs(20), 1024));
    log.clear();
    run_to(&mut world, 1_000_000);
    let queries = log.sent_by(router).iter().filter(|(_, packet)| type_of(packet) == QUERY).count();
    assert!((40..=46).contains(&queries), "{queries}");
    assert!(forwards(&world, router));
    world.restart(router).expect("the judges know its settings now");
    run_to(&mut world, 2_000_000);
    assert!(forwards(&world, router));
    world.crash(router).expect("every rule is kept");
    assert_eq!(*world.scene().engine(router).expect("a router").config(), now);
    world.start(router).expect("every rule is kept");
    settle(&mut world).expect("every rule is kept");
    judges.finish(&world).expect("every rule is kept");
}

/// Shows the judges a router that sends nothing from 10 s on.
struct Hiding(Judges);

impl Observer for Hiding {
    fn observe(
        &mut self,
        scene: &Scene<'_>,
        at: Instant,
        happening: &Happening<'_>,
    ) -> Result<(), Violation> {
        match happening {
            Happening::Turn(turn) if at >= ms(10_000) => {
                self.0.observe(scene, at, &Happening::Turn(&Turn { sent: &[], ..**turn }))
            }
            _ => self.0.observe(scene, at, happening),
        }
    }
}

#[test]
fn judges_look_at_a_reconfigured_router_again_when_it_has_started_anew() {
    let silent = |restarts: bool| {
        let mut world = World::new(1);
        let lan = world.link(Link::ethernet());
        let router = world.router(lan, r1());
        world.observe(Hiding(Judges::watch(&mut World::new(0))));
        run_to(&mut world, 1000);
        world.reconfigure(router, Config::DEFAULT).expect("the judges leave it alone");
        if restarts {
            world.restart(router).expect("every rule is kept");
        }
        world.run_until(ms(100_000))
    };
    silent(false).expect("the judges leave it alone");
    assert_eq!(silent(true).expect_err("the judges look").rule, "agreement");
}

#[test]
fn injected_packet_is_taken_as_the_probes() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    let router = world.router(lan, r1());
    let probe = world.host(lan, Host::new("probe", ip("fe80::f"), Probe::new()));
    let judges = Judges::watch(&mut world);
    run_to(&mut world, 1000);
    world.inject(probe, &report("fe80::f", IS_EX, GROUP)).expect("nobody objects");
    run_to(&mut world, 1010);
    assert!(forwards(&world, router));
    let reports: Vec<u64> = log.sent_by(probe).iter().map(|(at_ms, _)| *at_ms).collect();
    assert_eq!(reports, [1000]);
    judges.finish(&world).expect("every rule is kept");
    world.faults_off().expect("every rule is kept");
    assert!(world.scene().is_up(probe));
}

#[test]
fn misbehaviour_that_was_silenced_before_it_had_an_address_stays_silent() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    world.router(lan, r1());
    let rng = mld_sim::rng::Rng::named(1, "babbler");
    let babbler = Misbehaviour::new(Flood::new(Targets::default()), Flood::PACE, rng);
    let host = world.host(lan, Host::new("m1", ip("fe80::a"), babbler).tentative_for_ms(5000));
    run_to(&mut world, 1);
    world.faults_off().expect("nobody judges");
    log.clear();
    run_to(&mut world, 600_000);
    assert!(!world.scene().is_up(host) && log.sent_by(host).is_empty());
}
