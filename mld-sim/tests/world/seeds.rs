//! What hosts draw comes from the world's seed and their names.

use mld_sim::nodes::listener::ListenerHost;
use mld_sim::nodes::probe::Probe;
use mld_sim::nodes::raw::{RawHost, RawSettings};
use mld_sim::packet::write::{Packet, Query};
use mld_sim::rng::Rng;
use mld_sim::world::{Behaviour, Node};
use mld_sim::{Host, Link, World};

use crate::support::{GROUP, Log, ip, join, run_to};

/// When three hosts of a world answer a General Query.
fn answers<S: Node + 'static>(seed: u64, stack: impl Fn() -> S) -> Vec<u64> {
    let mut world = World::new(seed);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    let asker = world.host(lan, Host::new("asker", ip("fe80::1"), Probe::new()));
    let hosts = ["a", "b", "c"]
        .map(|name| world.host(lan, Host::new(format!("h{name}"), ip(&format!("fe80::{name}")), stack())));
    for host in hosts {
        join(&mut world, host, GROUP);
    }
    run_to(&mut world, 10_000);
    log.clear();
    let query = Query { code: 10_000, ..Query::new(ip("::")) };
    world.inject(asker, &Packet::usual(ip("fe80::1"), query.octets()).octets()).expect("nobody judges");
    run_to(&mut world, 30_000);
    hosts.iter().flat_map(|host| log.sent_by(*host)).map(|(at_ms, _)| at_ms).collect()
}

fn raw() -> RawHost {
    RawHost::new(RawSettings::DEFAULT)
}

#[test]
fn hosts_of_one_world_answer_each_at_a_moment_of_its_own() {
    for mut moments in [answers(7, ListenerHost::new), answers(7, raw)] {
        assert_eq!(moments.len(), 3);
        moments.sort_unstable();
        moments.dedup();
        assert_eq!(moments.len(), 3, "{moments:?}");
    }
}

#[test]
fn another_seed_of_the_world_gives_other_delays_and_the_same_one_the_same() {
    assert_ne!(answers(7, ListenerHost::new), answers(8, ListenerHost::new));
    assert_ne!(answers(7, raw), answers(8, raw));
    assert_eq!(answers(7, ListenerHost::new), answers(7, ListenerHost::new));
    assert_eq!(answers(7, raw), answers(7, raw));
}

#[test]
fn seed_that_was_chosen_holds_in_every_world() {
    let listener = |seed| move || ListenerHost::new().seed(seed).size(4, 4, 4);
    assert_eq!(answers(7, listener(5)), answers(8, listener(5)));
    assert_ne!(answers(7, listener(5)), answers(7, listener(6)));
    let raw = |seed| move || raw().seed(seed);
    assert_eq!(answers(7, raw(5)), answers(8, raw(5)));
    assert_ne!(answers(7, raw(5)), answers(7, raw(6)));
}

#[test]
fn stations_own_draws_are_given_to_it_when_it_is_added() {
    #[derive(Default)]
    struct Drawn(Vec<Rng>);
    impl Node for Drawn {
        fn draw_from(&mut self, rng: Rng) {
            self.0.push(rng);
        }
        fn start(
            &mut self,
            _: mld_proto::Instant,
            _: Option<core::net::Ipv6Addr>,
            _: &mut mld_sim::world::Outbox,
        ) {
        }
        fn crash(&mut self) {}
        fn listen(
            &mut self,
            _: mld_proto::Instant,
            _: u32,
            _: core::net::Ipv6Addr,
            _: mld_proto::FilterMode,
            _: &[core::net::Ipv6Addr],
            _: &mut mld_sim::world::Outbox,
        ) -> Result<(), String> {
            Ok(())
        }
        fn packet(&mut self, _: mld_proto::Instant, _: &[u8], _: &mut mld_sim::world::Outbox) {}
        fn timeout(&mut self, _: mld_proto::Instant, _: &mut mld_sim::world::Outbox) {}
        fn next_timeout(&self) -> Option<mld_proto::Instant> {
            None
        }
    }
    let drawn = |seed, name: &str| {
        let stack = std::rc::Rc::new(core::cell::RefCell::new(Drawn::default()));
        let mut world = World::new(seed);
        let lan = world.link(Link::ethernet());
        world.host(lan, Host::new(name, ip("fe80::a"), std::rc::Rc::clone(&stack)));
        run_to(&mut world, 10);
        let [rng] = &stack.borrow().0[..] else { panic!("it is given one generator") };
        rng.clone()
    };
    assert_eq!(drawn(1, "h1"), drawn(1, "h1"));
    assert_ne!(drawn(1, "h1"), drawn(2, "h1"));
    assert_ne!(drawn(1, "h1"), drawn(1, "h2"));
}

#[test]
fn hosts_of_one_world_do_not_churn_alike() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    let groups: Vec<_> = (1..=16).map(|last| ip(&format!("ff05::{last}"))).collect();
    let hosts = ["h1", "h2"].map(|name| {
        let churn = Behaviour::Churn { groups: groups.clone(), sources: Vec::new(), every_ms: (1000, 5000) };
        let address = if name == "h1" { "fe80::a" } else { "fe80::b" };
        world.host(lan, Host::new(name, ip(address), ListenerHost::new()).behaves(churn))
    });
    run_to(&mut world, 300_000);
    let scene = world.scene();
    let [one, two] = hosts.map(|host| scene.wants(host).expect("a host").keys().collect::<Vec<_>>());
    assert_ne!(one, two);
}
