//! Nodes that do not hear each other for a while.

use mld_sim::world::{Action, Change, LinkId, Loss, NodeId};
use mld_sim::{Faults, Host, Link, World};

use crate::support::{Log, Speaker, ip, ms, run_to};

/// Four hosts, each of which sends a packet every millisecond up to 30; the first two are apart from 11 to 20.
fn parted(delay_ms: u64) -> (Log, [NodeId; 4]) {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet().faults(Faults { delay_ms: (delay_ms, delay_ms), ..Faults::NONE }));
    let hosts = [0, 1, 2, 3]
        .map(|at| world.host(lan, Host::new(format!("h{at}"), ip("fe80::a"), Speaker::counting(30))));
    let apart = hosts[..2].to_vec();
    world.at(ms(11), Action::Change(Change::Partition { link: lan, apart }));
    world.at(ms(21), Action::Change(Change::Heal { link: LinkId(0) }));
    run_to(&mut world, 100);
    (log, hosts)
}

fn heard(log: &Log, from: NodeId, to: NodeId) -> Vec<u64> {
    let between = |delivery: &&(u64, NodeId, NodeId)| (delivery.1, delivery.2) == (from, to);
    log.deliveries(|_| true).iter().filter(between).map(|delivery| delivery.0).collect()
}

#[test]
fn partition_cuts_both_ways_until_it_heals_and_nothing_else() {
    let (log, hosts) = parted(0);
    let whole: Vec<u64> = (1..=30).collect();
    let parted: Vec<u64> = (1..=10).chain(21..=30).collect();
    for (from, one) in hosts.iter().enumerate() {
        for (to, other) in hosts.iter().enumerate().filter(|(to, _)| *to != from) {
            let is_apart = (from < 2) != (to < 2);
            let wanted = if is_apart { &parted } else { &whole };
            assert_eq!(heard(&log, *one, *other), *wanted, "from {from} to {to}");
        }
    }
    let losses = log.losses();
    assert_eq!(losses.len(), 10 * 8);
    assert!(losses.iter().all(|(at_ms, _, why)| (11..=20).contains(at_ms) && *why == Loss::Partition));
}

#[test]
fn what_is_under_way_when_the_link_parts_still_arrives() {
    let (log, hosts) = parted(5);
    assert_eq!(heard(&log, hosts[0], hosts[3]), (6..=15).chain(26..=35).collect::<Vec<u64>>());
}

#[test]
fn a_new_partition_takes_the_place_of_the_old() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    let hosts = [0, 1, 2]
        .map(|at| world.host(lan, Host::new(format!("h{at}"), ip("fe80::a"), Speaker::counting(30))));
    for (at_ms, apart) in [(11, hosts[0]), (21, hosts[1])] {
        world.at(ms(at_ms), Action::Change(Change::Partition { link: lan, apart: vec![apart] }));
    }
    run_to(&mut world, 100);
    assert_eq!(heard(&log, hosts[0], hosts[2]), (1..=10).chain(21..=30).collect::<Vec<u64>>());
    assert_eq!(heard(&log, hosts[1], hosts[2]), (1..=20).collect::<Vec<u64>>());
    assert_eq!(heard(&log, hosts[0], hosts[1]), (1..=10).collect::<Vec<u64>>());
}

#[test]
fn partition_of_one_link_leaves_others_whole() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let links = [world.link(Link::ethernet()), world.link(Link::ethernet())];
    let pairs = links.map(|link| {
        [0, 1].map(|at| {
            world.host(link, Host::new(format!("h{}{at}", link.0), ip("fe80::a"), Speaker::counting(10)))
        })
    });
    world.partition(links[0], &[pairs[0][0]]).expect("nobody judges");
    run_to(&mut world, 10);
    assert!(heard(&log, pairs[0][0], pairs[0][1]).is_empty());
    assert_eq!(heard(&log, pairs[1][0], pairs[1][1]).len(), 10);
    let violation = world.partition(links[0], &[pairs[0][0], pairs[1][0]]).expect_err("it is elsewhere");
    assert_eq!((violation.rule, &*violation.text), ("scenario", "node 2 is not on link link0"));
}
