//! What links do to frames, for each receiver on its own.

use std::collections::{BTreeMap, BTreeSet};

use mld_sim::world::{Action, Change, Loss, NodeId};
use mld_sim::{Faults, Host, Link, World};

use crate::support::{Log, Seen, Speaker, ip, mark_of, run_to};

const FRAMES: u16 = 4000;
/// Late enough for everything to have arrived.
const END_MS: u64 = 10_000;

/// A host that sends [`FRAMES`] marked packets, one each millisecond, and others that hear them.
struct Lan {
    log: Log,
    hears: Vec<NodeId>,
}

/// How a frame arrived: its mark as it was sent, when, and with which octets.
type Arrival = (u16, u64, Vec<u8>);

impl Lan {
    fn new(seed: u64, faults: Faults, hears: &[&str]) -> Self {
        Self::beside(seed, faults, hears, false)
    }

    /// With others that come first and speak as well.
    fn beside(seed: u64, faults: Faults, hears: &[&str], with_others: bool) -> Self {
        let mut world = World::new(seed);
        let log = Log::of(&mut world);
        let lan = world.link(Link::ethernet().faults(faults));
        if with_others {
            for name in ["x", "y"] {
                world.host(lan, Host::new(name, ip("fe80::77"), Speaker::counting(FRAMES / 2)));
            }
        }
        world.host(lan, Host::new("speaker", ip("fe80::a"), Speaker::counting(FRAMES)));
        let hears =
            hears.iter().map(|name| world.host(lan, Host::new(*name, ip("fe80::b"), Speaker::silent())));
        let hears = hears.collect();
        run_to(&mut world, END_MS);
        Self { log, hears }
    }

    /// What reached the receiver from the speaker.
    fn arrivals(&self, at: usize) -> Vec<Arrival> {
        let speaker = NodeId(self.hears[0].0 - 1);
        self.log.pick(|(at_ms, seen)| match seen {
            Seen::Delivered { from, to, whole, packet, .. } if (*from, *to) == (speaker, self.hears[at]) => {
                Some((mark_of(whole), *at_ms, packet.clone()))
            }
            _ => None,
        })
    }

    fn marks(&self, at: usize) -> BTreeSet<u16> {
        self.arrivals(at).iter().map(|arrival| arrival.0).collect()
    }
}

fn is_about(count: usize, share: f64) {
    let wanted = share * f64::from(FRAMES);
    let deviation = (wanted * (1.0 - share)).sqrt();
    assert!((count as f64 - wanted).abs() < 5.0 * deviation, "{count} of {FRAMES}, about {wanted} wanted");
}

#[test]
fn without_faults_everything_arrives_once_as_it_was_sent() {
    let lan = Lan::new(1, Faults { delay_ms: (7, 7), ..Faults::NONE }, &["h1", "h2"]);
    for at in 0..2 {
        let arrivals = lan.arrivals(at);
        assert_eq!(arrivals.len(), usize::from(FRAMES));
        for (sent, (mark, at_ms, packet)) in (1..).zip(&arrivals) {
            assert_eq!((*mark, *at_ms, mark_of(packet)), (sent, u64::from(sent) + 7, sent));
        }
    }
    assert!(lan.log.losses().is_empty());
}

#[test]
fn share_of_losses_is_what_was_asked_for_at_each_receiver_on_its_own() {
    let lan = Lan::new(1, Faults { loss_ppm: 200_000, ..Faults::NONE }, &["h1", "h2", "h3"]);
    let [one, two, three] = [0, 1, 2].map(|at| lan.marks(at));
    for marks in [&one, &two, &three] {
        is_about(marks.len(), 0.8);
    }
    is_about((&one & &two).len(), 0.64);
    is_about((&(&one & &two) & &three).len(), 0.512);
    let losses = lan.log.losses();
    assert!(losses.iter().all(|(_, _, why)| *why == Loss::Chance));
    assert_eq!(losses.len() + one.len() + two.len() + three.len(), 3 * usize::from(FRAMES));
}

#[test]
fn certain_loss_loses_everything() {
    let lan = Lan::new(1, Faults { loss_ppm: 1_000_000, ..Faults::NONE }, &["h1"]);
    assert!(lan.arrivals(0).is_empty());
    assert_eq!(lan.log.losses().len(), usize::from(FRAMES));
}

const EVERYTHING: Faults = Faults {
    delay_ms: (1, 40),
    loss_ppm: 100_000,
    duplicate_ppm: 100_000,
    reorder_ppm: 100_000,
    reorder_ms: 200,
    corrupt_ppm: 100_000,
};

#[test]
fn what_becomes_of_a_frame_does_not_depend_on_other_nodes() {
    let alone = Lan::new(1, EVERYTHING, &["h1", "h2"]);
    let beside = Lan::beside(1, EVERYTHING, &["h1", "h2", "h3"], true);
    for at in 0..2 {
        let sorted = |lan: &Lan| {
            let mut arrivals = lan.arrivals(at);
            // What arrives in the same instant has no order of its own.
            arrivals.sort_unstable();
            arrivals
        };
        assert!(sorted(&alone).len() > usize::from(FRAMES / 2));
        assert!(sorted(&alone) == sorted(&beside), "receiver {at} fares otherwise in company");
    }
    assert!(beside.arrivals(2) != beside.arrivals(1), "receivers fare alike");
}

#[test]
fn another_seed_gives_another_fate() {
    let [one, again, other] = [1, 1, 2].map(|seed| Lan::new(seed, EVERYTHING, &["h1"]).arrivals(0));
    assert!(one == again);
    assert!(one != other);
}

#[test]
fn one_fault_does_not_change_the_draws_of_another() {
    let lost = Faults { loss_ppm: 200_000, ..Faults::NONE };
    let also_doubled = Faults { duplicate_ppm: 300_000, ..lost };
    let [one, other] = [lost, also_doubled].map(|faults| Lan::new(1, faults, &["h1"]).marks(0));
    assert_eq!(one, other);
}

#[test]
fn duplicates_arrive_twice_and_never_more_often() {
    let lan = Lan::new(1, Faults { duplicate_ppm: 300_000, delay_ms: (2, 2), ..Faults::NONE }, &["h1"]);
    let mut copies: BTreeMap<u16, usize> = BTreeMap::new();
    lan.arrivals(0).iter().for_each(|arrival| *copies.entry(arrival.0).or_default() += 1);
    assert_eq!(copies.len(), usize::from(FRAMES));
    assert!(copies.values().all(|count| (1..=2).contains(count)));
    is_about(copies.values().filter(|count| **count == 2).count(), 0.3);
    let under_way = lan.log.pick(|(_, seen)| matches!(seen, Seen::UnderWay { .. }).then_some(()));
    assert_eq!(under_way.len(), lan.arrivals(0).len());
}

#[test]
fn delays_keep_within_their_bounds_and_reach_them() {
    let lan = Lan::new(1, Faults { delay_ms: (20, 50), ..Faults::NONE }, &["h1"]);
    let delays: BTreeSet<u64> =
        lan.arrivals(0).iter().map(|(mark, at_ms, _)| at_ms - u64::from(*mark)).collect();
    assert_eq!(delays, (20..=50).collect());
}

#[test]
fn frames_that_are_held_back_are_overtaken() {
    let held = Faults { reorder_ppm: 250_000, reorder_ms: 100, delay_ms: (3, 3), ..Faults::NONE };
    let arrivals = Lan::new(1, held, &["h1"]).arrivals(0);
    assert_eq!(arrivals.len(), usize::from(FRAMES));
    let delays: Vec<u64> = arrivals.iter().map(|(mark, at_ms, _)| at_ms - u64::from(*mark)).collect();
    assert!(delays.iter().all(|delay| (3..=held.longest_ms()).contains(delay)));
    assert!(delays.iter().any(|delay| *delay > 95), "nothing is held back for long");
    // One of 101 is held back for no time at all.
    is_about(delays.iter().filter(|delay| **delay > 3).count(), 0.25 * 100.0 / 101.0);
    assert!(!arrivals.is_sorted_by_key(|arrival| arrival.0));
    let steady = Lan::new(1, Faults { reorder_ppm: 0, ..held }, &["h1"]).arrivals(0);
    assert!(steady.is_sorted_by_key(|arrival| arrival.0));
    assert_eq!((held.longest_ms(), Faults { reorder_ppm: 0, ..held }.longest_ms()), (103, 3));
}

#[test]
fn corruption_flips_up_to_three_bits_and_leaves_the_original_alone() {
    let lan = Lan::new(1, Faults { corrupt_ppm: 400_000, ..Faults::NONE }, &["h1", "h2"]);
    let flipped = |at: usize| -> Vec<u32> {
        let arrivals = lan.arrivals(at);
        let whole = arrivals.iter().map(|(mark, _, packet)| (crate::support::marked(*mark), packet));
        whole
            .map(|(whole, packet)| {
                assert_eq!(whole.len(), packet.len());
                whole.iter().zip(packet).map(|(one, other)| (one ^ other).count_ones()).sum()
            })
            .collect()
    };
    let [one, two] = [flipped(0), flipped(1)];
    assert!(one.iter().all(|bits| *bits <= 3));
    for bits in 1..=3 {
        let count = one.iter().filter(|flipped| **flipped == bits).count();
        assert!((400..=700).contains(&count), "{bits} bits are flipped {count} times");
    }
    assert!(one != two, "receivers get the same damage");
    // Speakers mark a frame when they send it, and a mark is read from what was sent: none is missing.
    assert_eq!(lan.marks(0).len(), usize::from(FRAMES));
}

#[test]
fn a_node_is_given_the_packet_as_the_link_left_it() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet().faults(Faults { corrupt_ppm: 500_000, ..Faults::NONE }));
    world.host(lan, Host::new("speaker", ip("fe80::a"), Speaker::counting(100)));
    let stack = Speaker::silent();
    let calls = stack.calls();
    world.host(lan, Host::new("h1", ip("fe80::b"), stack));
    run_to(&mut world, 100);
    let delivered = log.pick(|(_, seen)| match seen {
        Seen::Delivered { packet, .. } => Some(packet.clone()),
        _ => None,
    });
    let got: Vec<_> = calls
        .borrow()
        .iter()
        .filter_map(|(_, call)| match call {
            crate::support::Called::Packet(packet) => Some(packet.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(got.len(), 100);
    assert!(got == delivered);
}

#[test]
fn faults_begin_and_end_when_they_are_said_to() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet());
    world.host(lan, Host::new("speaker", ip("fe80::a"), Speaker::counting(300)));
    let h1 = world.host(lan, Host::new("h1", ip("fe80::b"), Speaker::silent()));
    let faults = |loss_ppm| Faults { loss_ppm, ..Faults::NONE };
    for (at_ms, loss_ppm) in [(101, 1_000_000), (201, 0)] {
        let change = Change::Faults { link: lan, faults: faults(loss_ppm) };
        world.at(crate::support::ms(at_ms), Action::Change(change));
    }
    run_to(&mut world, 300);
    let heard: Vec<u64> = log.deliveries(|_| true).iter().map(|(at_ms, _, _)| *at_ms).collect();
    assert_eq!(heard, (1..=100).chain(201..=300).collect::<Vec<u64>>());
    assert!(log.losses().iter().all(|(_, to, why)| (*to, *why) == (h1, Loss::Chance)));
}

#[test]
fn counts_are_those_of_the_happenings() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet().faults(EVERYTHING));
    world.host(lan, Host::new("speaker", ip("fe80::a"), Speaker::counting(500)));
    world.host(lan, Host::new("h1", ip("fe80::b"), Speaker::silent()));
    world.host(lan, Host::new("down", ip("fe80::c"), Speaker::silent()).off());
    run_to(&mut world, END_MS);
    let counts = world.counts();
    let [mut frames, mut deliveries, mut losses] = [0; 3];
    for (_, seen) in log.all() {
        match seen {
            Seen::Sent { number, .. } => {
                assert_eq!(number, frames);
                frames += 1;
            }
            Seen::Delivered { .. } => deliveries += 1,
            Seen::Lost { .. } => losses += 1,
            _ => {}
        }
    }
    assert_eq!((counts.frames, counts.deliveries, counts.losses), (frames, deliveries, losses));
    assert!(frames == 500 && deliveries > 400 && losses > 400);
}

#[test]
fn a_world_that_nobody_watches_runs_alike() {
    let run = |is_watched: bool| {
        let mut world = World::new(1);
        let lan = world.link(Link::ethernet().faults(EVERYTHING));
        let stack = Speaker::silent();
        let calls = stack.calls();
        world.host(lan, Host::new("speaker", ip("fe80::a"), Speaker::counting(500)));
        world.host(lan, Host::new("h1", ip("fe80::b"), stack));
        if is_watched {
            Log::of(&mut world);
        }
        run_to(&mut world, END_MS);
        (world.counts(), calls.take())
    };
    assert!(run(false) == run(true));
}

#[test]
fn empty_packet_survives_corruption() {
    let mut world = World::new(1);
    let log = Log::of(&mut world);
    let lan = world.link(Link::ethernet().faults(Faults { corrupt_ppm: 1_000_000, ..Faults::NONE }));
    world.host(lan, Host::new("speaker", ip("fe80::a"), Speaker::new([(1, Vec::new())])));
    world.host(lan, Host::new("h1", ip("fe80::b"), Speaker::silent()));
    run_to(&mut world, 1);
    assert_eq!(log.deliveries(<[u8]>::is_empty).len(), 1);
}
