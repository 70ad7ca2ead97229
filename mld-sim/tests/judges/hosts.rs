//! What hosts must do.

use mld_proto::FilterMode;
use mld_sim::judge::Judges;
use mld_sim::nodes::listener::ListenerHost;
use mld_sim::packet::write::{self, ALLOW, BLOCK, IS_EX, IS_IN, Packet, QUERY, TO_EX, TO_IN};
use mld_sim::world::{Action, Call, Command, Node, NodeId, Outbox, Violation};
use mld_sim::{Host, Link, Router, World};

use crate::support::{
    Bent, GROUP, HOST, ROUTER, Speaker, broken, ip, join, judged, leave, message, ms, record_type, report,
};

const SECOND_QUERY_MS: u64 = 31_250;

/// A router and a judged host.
fn lan(stack: impl Node + 'static) -> (World, Judges, NodeId) {
    let mut world = World::new(1);
    let judges = Judges::watch(&mut world);
    let lan = world.link(Link::ethernet());
    world.router(lan, Router::new("r1", ip(ROUTER)));
    let host = world.host(lan, Host::new("h1", ip(HOST), stack));
    (world, judges, host)
}

/// Joins at 1 s, leaves at 60 s, and goes on to 200 s.
fn a_life(world: &mut World, judges: &Judges, host: NodeId) -> Result<(), Violation> {
    world.run_until(ms(1000))?;
    join(world, host, GROUP)?;
    world.run_until(ms(60_000))?;
    leave(world, host, GROUP)?;
    judged(world, judges, 200_000)
}

fn broken_in_a_life(stack: impl Node + 'static) -> (&'static str, u64, String) {
    let (mut world, judges, host) = lan(stack);
    broken(a_life(&mut world, &judges, host))
}

#[test]
fn honest_host_breaks_no_rule() {
    let (mut world, judges, host) = lan(Bent::hiding(|_| false));
    a_life(&mut world, &judges, host).expect("nothing is wrong");
    let (mut world, judges, host) = lan(ListenerHost::new());
    a_life(&mut world, &judges, host).expect("nothing is wrong");
}

/// An otherwise silent host that wants GROUP but for one source, and OTHER from that source only, says this at 5 s.
fn said(packet: Vec<u8>) -> Result<(), Violation> {
    let (mut world, _, host) = lan(Speaker::honest(vec![(5000, packet)]));
    // Both calls come before the timeout of the same instant, and the changes are not due yet when it speaks.
    let one = vec![ip(ONE)];
    for (group, mode) in [(GROUP, FilterMode::Exclude), (OTHER, FilterMode::Include)] {
        let listen = Call::Listen { socket: 0, group: ip(group), mode, sources: one.clone() };
        world.at(ms(5000), Action::Host(host, listen));
    }
    world.run_until(ms(5000))
}

const OTHER: &str = "ff05::1:2";
const ONE: &str = "2001:db8::1";
const TWO: &str = "2001:db8::2";

#[test]
fn reports_that_are_not_what_the_sockets_want_break_host_truth() {
    let nobodys = "ff05::1:3";
    for (kind, group, sources) in [
        (IS_EX, GROUP, &[][..]),
        (IS_EX, GROUP, &[TWO]),
        (IS_EX, GROUP, &[ONE, TWO]),
        (IS_EX, OTHER, &[]),
        (IS_EX, nobodys, &[]),
        (TO_EX, OTHER, &[ONE]),
        (TO_EX, nobodys, &[]),
        (TO_IN, GROUP, &[]),
        (TO_IN, GROUP, &[TWO]),
        (TO_IN, OTHER, &[]),
        (TO_IN, OTHER, &[ONE, TWO]),
        (IS_IN, GROUP, &[ONE]),
        (IS_IN, OTHER, &[TWO]),
        (IS_IN, nobodys, &[ONE]),
        (ALLOW, GROUP, &[ONE]),
        (ALLOW, OTHER, &[TWO]),
        (BLOCK, GROUP, &[TWO]),
        (BLOCK, OTHER, &[ONE]),
    ] {
        let (rule, at, text) = broken(said(report(HOST, kind, group, sources)));
        assert_eq!((rule, at), ("host-truth", 5000), "{kind} {group} {sources:?}: {text}");
        assert!(text.starts_with("h1: "), "{text}");
    }
}

#[test]
fn reports_that_are_what_the_sockets_want_break_nothing() {
    for (kind, group, sources) in [
        (IS_EX, GROUP, &[ONE][..]),
        (TO_EX, GROUP, &[ONE]),
        (TO_IN, OTHER, &[ONE]),
        (TO_IN, "ff05::1:3", &[]),
        (IS_IN, GROUP, &[TWO]),
        (IS_IN, OTHER, &[ONE]),
        (ALLOW, GROUP, &[TWO]),
        (BLOCK, GROUP, &[ONE]),
        (BLOCK, OTHER, &[TWO]),
    ] {
        said(report(HOST, kind, group, sources)).expect("it is true");
    }
}

#[test]
fn host_that_does_not_answer_breaks_host_answer() {
    let (rule, at, text) =
        broken_in_a_life(Bent::hiding(|packet| matches!(record_type(packet), Some(IS_IN | IS_EX))));
    // It is noticed when something next happens to the host.
    assert_eq!((rule, at), ("host-answer", 60_000), "{text}");
    assert!(text.contains("h1") && text.contains(GROUP) && text.contains("41250"), "{text}");
}

#[test]
fn missing_answer_is_noticed_at_the_end_at_the_latest() {
    let (mut world, judges, host) = lan(Bent::hiding(|packet| matches!(record_type(packet), Some(IS_EX))));
    join(&mut world, host, GROUP).expect("nothing is wrong yet");
    world.run_until(ms(SECOND_QUERY_MS + 10_000)).expect("there is time yet");
    judges.finish(&world).expect("there is time yet");
    world.run_until(ms(SECOND_QUERY_MS + 10_001)).expect("nothing happens to the host");
    assert_eq!(broken(judges.finish(&world)).0, "host-answer");
}

#[test]
fn host_that_does_not_answer_a_specific_query_breaks_host_answer() {
    let mut world = World::new(1);
    let judges = Judges::watch(&mut world);
    let lan = world.link(Link::ethernet());
    world.router(lan, Router::new("r1", ip(ROUTER)));
    let answers = Bent::hiding(|packet| matches!(record_type(packet), Some(IS_EX)));
    let host = world.host(lan, Host::new("h1", ip(HOST), answers));
    let leaves = report("fe80::b", TO_IN, GROUP, &[]);
    world.host(lan, Host::new("m1", ip("fe80::b"), Speaker::new(vec![(12_000, leaves)])));
    world.run_until(ms(1000)).expect("nothing is wrong yet");
    join(&mut world, host, GROUP).expect("nothing is wrong yet");
    let (rule, at, _) = broken(judged(&mut world, &judges, 20_000));
    assert!(rule == "host-answer" && (13_000..=20_000).contains(&at), "{rule} at {at}");
}

#[test]
fn host_that_answers_a_general_query_at_once_breaks_host_implosion() {
    let at_once = |heard: &[u8]| {
        let is_query = message(heard)[0] == QUERY;
        if is_query { vec![report(HOST, IS_EX, GROUP, &[])] } else { Vec::new() }
    };
    let mut world = World::new(1);
    let judges = Judges::watch(&mut world);
    let lan = world.link(Link::ethernet());
    let router = world.router(lan, Router::new("r1", ip(ROUTER)).off());
    world.at(ms(5000), Action::Router(router, Command::Start));
    let host = world.host(lan, Host::new("h1", ip(HOST), Bent::retorting(at_once)));
    join(&mut world, host, GROUP).expect("nothing is wrong yet");
    let (rule, at, text) = broken(judged(&mut world, &judges, 10_000));
    assert_eq!((rule, at), ("host-implosion", 5000), "{text}");
}

#[test]
fn host_that_does_not_report_a_change_breaks_host_change() {
    let (rule, at, text) = broken_in_a_life(Bent::hiding(|packet| record_type(packet) == Some(TO_EX)));
    assert_eq!(rule, "host-change", "{text}");
    assert!(at > 1000 && text.contains("at once"), "{at}: {text}");
}

#[test]
fn host_that_reports_a_change_once_breaks_host_change() {
    for kind in [TO_EX, TO_IN] {
        let mut count = 0;
        let only_once = move |packet: &[u8]| {
            count += u32::from(record_type(packet) == Some(kind));
            record_type(packet) == Some(kind) && count > 1
        };
        let (rule, _, text) = broken_in_a_life(Bent::hiding(only_once));
        assert_eq!(rule, "host-change", "{text}");
        assert!(text.contains("1 times only"), "{text}");
    }
}

#[test]
fn host_with_something_wrong_inside_breaks_self_check() {
    let (rule, _, text) = broken_in_a_life(Bent::flawed("a list has no end"));
    assert_eq!((rule, &*text), ("self-check", "h1: a list has no end"));
}

#[test]
fn packets_that_are_not_as_they_should_be_break_strict() {
    let wrong: [fn(&mut Packet); 5] = [
        // Two reserved octets.
        |right| right.message[4] = 1,
        |right| right.message[1] = 1,
        |right| right.hop_limit = 2,
        |right| right.checksum_error = 1,
        |right| right.destination = ip("ff02::1"),
    ];
    for (number, wrong) in wrong.into_iter().enumerate() {
        let (rule, at, text) = broken_in_a_life(Bent::sending(move |packet| vec![rebuilt(packet, wrong)]));
        assert_eq!((rule, at), ("strict", 1000), "{number}: {text}");
    }
    let (mut world, judges, host) = lan(Bent::sending(|packet| vec![rebuilt(packet, |_| ())]));
    a_life(&mut world, &judges, host).expect("nothing is wrong");
}

/// The same packet, built anew with one thing changed.
fn rebuilt(packet: &[u8], change: impl FnOnce(&mut Packet)) -> Vec<u8> {
    let address = |at: usize| (*packet[at..].first_chunk::<16>().expect("an address")).into();
    let mut right = Packet::new(address(8), address(24), message(packet).to_vec());
    change(&mut right);
    right.octets()
}

#[test]
fn host_that_queries_breaks_strict() {
    let query =
        Packet::usual(ip(HOST), write::Query::new("::".parse().expect("an address")).octets()).octets();
    let (rule, at, text) = broken(said(query));
    assert_eq!((rule, at), ("strict", 5000));
    assert!(text.contains("Query"), "{text}");
}

/// Wants to be called again at once, from its third timeout on.
struct Restless(u32);

impl Node for Restless {
    fn start(
        &mut self,
        _now: mld_proto::Instant,
        _link_local: Option<core::net::Ipv6Addr>,
        _out: &mut Outbox,
    ) {
    }

    fn crash(&mut self) {}

    fn listen(
        &mut self,
        _now: mld_proto::Instant,
        _socket: u32,
        _group: core::net::Ipv6Addr,
        _mode: FilterMode,
        _sources: &[core::net::Ipv6Addr],
        _out: &mut Outbox,
    ) -> Result<(), String> {
        Ok(())
    }

    fn packet(&mut self, _now: mld_proto::Instant, _packet: &[u8], _out: &mut Outbox) {}

    fn timeout(&mut self, _now: mld_proto::Instant, _out: &mut Outbox) {
        self.0 += 1;
    }

    fn next_timeout(&self) -> Option<mld_proto::Instant> {
        Some(ms(100 * u64::from(self.0.min(3))))
    }
}

#[test]
fn node_that_wants_to_be_called_again_at_once_breaks_progress() {
    let (mut world, judges, _) = lan(Restless(1));
    let (rule, at, text) = broken(judged(&mut world, &judges, 10_000));
    assert_eq!((rule, at), ("progress", 300));
    assert!(text.contains("h1"), "{text}");
}
