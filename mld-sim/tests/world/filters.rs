//! A frame goes to those whose link-layer filter takes it (RFC 2464 section 7).

use mld_sim::packet::write::{self, DONE, IS_EX, Packet, QUERY, Query, REPORT_V1, REPORT_V2};
use mld_sim::world::{Action, Call, NodeId};
use mld_sim::{Host, Link, Router, World};

use crate::support::{GROUP, Log, Speaker, ip, join, leave, report, run_to, type_of, version_1};

/// Two routers, a host that speaks at 1 s, a member of the group, and somebody who listens to nothing.
struct Lan {
    world: World,
    log: Log,
    routers: [NodeId; 2],
    speaker: NodeId,
    member: NodeId,
    other: NodeId,
}

const SPEAKS_MS: u64 = 1000;

impl Lan {
    fn new(link: Link, packet: Vec<u8>) -> Self {
        Self::with(link, Speaker::new([(SPEAKS_MS, packet)]))
    }

    fn with(link: Link, speaker: Speaker) -> Self {
        let mut world = World::new(1);
        let log = Log::of(&mut world);
        let lan = world.link(link);
        let routers = [("r1", "fe80::1"), ("r2", "fe80::2")]
            .map(|(name, at)| world.router(lan, Router::new(name, ip(at))));
        let speaker = world.host(lan, Host::new("speaker", ip("fe80::a"), speaker));
        let member = world.host(lan, Host::new("member", ip("fe80::b"), Speaker::silent()));
        let other = world.host(lan, Host::new("other", ip("fe80::c"), Speaker::silent()));
        // Whoever sends does not hear itself, whatever it listens to.
        join(&mut world, speaker, GROUP);
        join(&mut world, member, GROUP);
        Self { world, log, routers, speaker, member, other }
    }

    /// Whom the speaker's packet reached.
    fn reached(&mut self, kind: u8) -> Vec<NodeId> {
        run_to(&mut self.world, SPEAKS_MS);
        self.log.reached(self.speaker, kind)
    }
}

#[test]
fn version_1_report_goes_to_members_and_routers() {
    let mut lan = Lan::new(Link::ethernet(), version_1("fe80::a", REPORT_V1, GROUP));
    assert_eq!(lan.reached(REPORT_V1), [lan.routers[0], lan.routers[1], lan.member]);
}

#[test]
fn version_2_report_and_done_go_to_routers() {
    let mut lan = Lan::new(Link::ethernet(), report("fe80::a", IS_EX, GROUP));
    assert_eq!(lan.reached(REPORT_V2), lan.routers);
    let mut lan = Lan::new(Link::ethernet(), version_1("fe80::a", DONE, GROUP));
    assert_eq!(lan.reached(DONE), lan.routers);
}

#[test]
fn general_query_goes_to_everybody_else() {
    let mut lan = Lan::new(Link::ethernet(), Vec::new());
    run_to(&mut lan.world, 0);
    let [r1, r2] = lan.routers;
    assert_eq!(lan.log.reached(r1, QUERY), [r2, lan.speaker, lan.member, lan.other]);
    assert_eq!(lan.log.reached(r2, QUERY), [r1, lan.speaker, lan.member, lan.other]);
}

#[test]
fn group_specific_query_goes_to_members_and_routers() {
    let query = Packet::usual(ip("fe80::a"), Query::new(ip(GROUP)).octets()).octets();
    let mut lan = Lan::new(Link::ethernet(), query);
    assert_eq!(lan.reached(QUERY), [lan.routers[0], lan.routers[1], lan.member]);
}

#[test]
fn whoever_has_left_is_no_longer_reached() {
    let mut lan = Lan::new(Link::ethernet(), version_1("fe80::a", REPORT_V1, GROUP));
    leave(&mut lan.world, lan.member, GROUP);
    assert_eq!(lan.reached(REPORT_V1), lan.routers);
}

#[test]
fn a_group_is_left_when_its_last_socket_has_left() {
    for (leaving, is_reached) in [(&[7][..], true), (&[0, 7], false)] {
        let mut lan = Lan::new(Link::ethernet(), version_1("fe80::a", REPORT_V1, GROUP));
        let listen = |socket, mode| Call::Listen { socket, group: ip(GROUP), mode, sources: Vec::new() };
        let second = Action::Host(lan.member, listen(7, mld_proto::FilterMode::Exclude));
        lan.world.act(second).expect("nobody judges");
        for socket in leaving {
            let gone = Action::Host(lan.member, listen(*socket, mld_proto::FilterMode::Include));
            lan.world.act(gone).expect("nobody judges");
        }
        assert_eq!(lan.reached(REPORT_V1).contains(&lan.member), is_reached, "{leaving:?}");
    }
}

#[test]
fn whoever_lost_power_listens_to_nothing_when_it_is_back() {
    let mut lan = Lan::new(Link::ethernet(), version_1("fe80::a", REPORT_V1, GROUP));
    let back = Call::Up { link_local: Some(ip("fe80::b")) };
    for call in [Call::Crash, back] {
        lan.world.act(Action::Host(lan.member, call)).expect("nobody judges");
    }
    assert_eq!(lan.reached(REPORT_V1), lan.routers);
}

#[test]
fn groups_with_the_same_ethernet_address_are_not_told_apart() {
    let mut lan = Lan::new(Link::ethernet(), version_1("fe80::a", REPORT_V1, "ff0e::99:1:1"));
    assert_eq!(lan.reached(REPORT_V1), [lan.routers[0], lan.routers[1], lan.member]);
}

#[test]
fn unicast_goes_to_who_has_the_address() {
    let to = |address: &str| {
        Packet::new(ip("fe80::a"), ip(address), write::version_1(REPORT_V1, 0, ip(GROUP))).octets()
    };
    let mut lan = Lan::new(Link::ethernet(), to("fe80::c"));
    assert_eq!(lan.reached(REPORT_V1), [lan.other]);
    let mut lan = Lan::new(Link::ethernet(), to("fe80::2"));
    assert_eq!(lan.reached(REPORT_V1), [lan.routers[1]]);
}

#[test]
fn unicast_follows_an_address_that_moves() {
    let packet = Packet::new(ip("fe80::a"), ip("fe80::77"), write::version_1(REPORT_V1, 0, ip(GROUP)));
    let mut lan = Lan::new(Link::ethernet(), packet.octets());
    let moved = Action::Host(lan.other, Call::Up { link_local: Some(ip("fe80::77")) });
    lan.world.act(moved).expect("nobody judges");
    assert_eq!(lan.reached(REPORT_V1), [lan.other]);
}

#[test]
fn a_link_layer_address_that_is_named_is_where_the_packet_goes() {
    let mut lan = Lan::new(Link::ethernet(), Vec::new());
    run_to(&mut lan.world, 0);
    // The sender's own address shows in its frames: the third of the world's nodes has the third address.
    let second = [0x02, 0, 0, 0, 0, 2];
    let mut lan =
        Lan::with(Link::ethernet(), Speaker::to(second, SPEAKS_MS, report("fe80::a", IS_EX, GROUP)));
    assert_eq!(lan.reached(REPORT_V2), [lan.routers[1]]);
    let nobody = [0x02, 0, 0, 0, 0, 99];
    let mut lan =
        Lan::with(Link::ethernet(), Speaker::to(nobody, SPEAKS_MS, report("fe80::a", IS_EX, GROUP)));
    assert_eq!(lan.reached(REPORT_V2), []);
}

#[test]
fn snooping_switch_lets_reports_through_to_routers_only() {
    for (kind, packet) in [
        (REPORT_V1, version_1("fe80::a", REPORT_V1, GROUP)),
        (DONE, version_1("fe80::a", DONE, GROUP)),
        (REPORT_V2, report("fe80::a", IS_EX, GROUP)),
    ] {
        let mut lan = Lan::new(Link::ethernet().snooping(), packet);
        assert_eq!(lan.reached(kind), lan.routers, "{kind}");
    }
}

#[test]
fn snooping_switch_lets_queries_through() {
    let query = Packet::usual(ip("fe80::a"), Query::new(ip(GROUP)).octets()).octets();
    let mut lan = Lan::new(Link::ethernet().snooping(), query);
    assert_eq!(lan.reached(QUERY), [lan.routers[0], lan.routers[1], lan.member]);
    let [r1, r2] = lan.routers;
    assert_eq!(lan.log.reached(r1, QUERY), [r2, lan.speaker, lan.member, lan.other]);
}

#[test]
fn other_end_of_a_point_to_point_link_takes_everything() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let line = world.link(Link::point_to_point());
    let packets = [
        version_1("fe80::a", REPORT_V1, GROUP),
        version_1("fe80::a", DONE, GROUP),
        report("fe80::a", IS_EX, GROUP),
        Packet::new(ip("fe80::a"), ip("fe80::dead"), write::version_1(QUERY, 0, ip(GROUP))).octets(),
    ];
    let one =
        world.host(line, Host::new("one", ip("fe80::a"), Speaker::new(packets.map(|packet| (5, packet)))));
    let two = world.host(line, Host::new("two", ip("fe80::b"), Speaker::silent()));
    run_to(&mut world, 5);
    assert_eq!(log.deliveries(|_| true), [(5, one, two); 4]);
    let kinds = log.pick(|(_, seen)| match seen {
        crate::support::Seen::Delivered { packet, .. } => Some(type_of(packet)),
        _ => None,
    });
    assert_eq!(kinds, [REPORT_V1, DONE, REPORT_V2, QUERY]);
}

#[test]
fn several_links_do_not_hear_each_other() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let links =
        [world.link(Link::ethernet()), world.link(Link::ethernet()), world.link(Link::point_to_point())];
    let routers = links.map(|link| world.router(link, Router::new(format!("r{}", link.0), ip("fe80::1"))));
    let hosts = links.map(|link| {
        let speaker = Speaker::new([(SPEAKS_MS, report("fe80::a", IS_EX, GROUP))]);
        world.host(link, Host::new(format!("h{}", link.0), ip("fe80::a"), speaker))
    });
    run_to(&mut world, SPEAKS_MS);
    for at in 0..3 {
        assert_eq!(log.reached(routers[at], QUERY), [hosts[at]]);
        assert_eq!(log.reached(hosts[at], REPORT_V2), [routers[at]]);
    }
}

#[test]
fn a_group_that_is_left_leaves_another_with_its_ethernet_address_open() {
    let mut lan = Lan::new(Link::ethernet(), version_1("fe80::a", REPORT_V1, GROUP));
    join(&mut lan.world, lan.member, "ff0e::99:1:1");
    leave(&mut lan.world, lan.member, "ff0e::99:1:1");
    assert_eq!(lan.reached(REPORT_V1), [lan.routers[0], lan.routers[1], lan.member]);
}

#[test]
fn host_that_takes_all_multicast_hears_what_routers_hear() {
    for link in [Link::ethernet(), Link::ethernet().snooping()] {
        for (packet, kind) in [
            (report("fe80::a", IS_EX, GROUP), REPORT_V2),
            (version_1("fe80::a", REPORT_V1, GROUP), REPORT_V1),
            (version_1("fe80::a", DONE, GROUP), DONE),
        ] {
            let mut lan = Lan::new(link.clone(), packet);
            let all = Host::new("all", ip("fe80::d"), Speaker::silent()).all_multicast();
            let all = lan.world.host(mld_sim::world::LinkId(0), all);
            // Once is enough, also for a group that it listens to.
            join(&mut lan.world, all, GROUP);
            let reached = lan.reached(kind);
            assert_eq!(reached.iter().filter(|node| **node == all).count(), 1, "{kind}");
            assert!(!reached.contains(&lan.other), "{kind}");
        }
    }
}

#[test]
fn node_that_is_no_honest_host_hears_the_groups_that_it_listens_to() {
    let mut lan = Lan::new(Link::ethernet(), version_1("fe80::a", REPORT_V1, GROUP));
    let probe = Host::new("probe", ip("fe80::d"), mld_sim::nodes::probe::Probe::new());
    let probe = lan.world.host(mld_sim::world::LinkId(0), probe);
    join(&mut lan.world, probe, GROUP);
    assert!(lan.reached(REPORT_V1).contains(&probe));
    assert!(lan.world.scene().wants(probe).expect("a host").is_empty());
    assert!(lan.world.scene().sockets(probe).expect("a host").is_empty());
}
