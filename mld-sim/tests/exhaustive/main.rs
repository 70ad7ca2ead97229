//! Two real routers and two hosts on one lossy link: everything that can happen, in every order.
//!
//! The routers are [`mld_proto::Router`]s and speak in octets; the hosts do whatever a listener may do at any moment at
//! which it may. A step is a delivery, a loss, a deadline that ends, something that a host does, or the passing of time
//! to the next deadline of anybody; states count as the same if their future is. What must hold in every state is in
//! `property.rs`. Plain `cargo test` goes a few steps deep; with `EXHAUSTIVE=full` the search ends when there is nothing
//! left that can happen, or at the depth that the test names. That takes an optimised build:
//!
//! ```sh
//! EXHAUSTIVE=full cargo test -p mld-sim --profile checked --test exhaustive -- --nocapture
//! ```

mod frame;
mod host;
mod property;
mod router;
mod world;

use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use host::Wants;
use router::ROBUSTNESS;
use world::{Begin, World};

/// How many steps to go. What the last one leads to is counted and not looked at.
struct Depth {
    usual: usize,
    /// With `EXHAUSTIVE=full`; `None` to the end.
    full: Option<usize>,
}

/// Two routers in peace and two hosts that listen, one of which will leave; losses that the robustness variable makes up
/// for.
const PEACE: World = World {
    begin: Begin::Settled { listening: [true, true] },
    hosts: [Wants::Group, Wants::Group],
    changes_max: 1,
    says: 1,
    losses_max: Some(ROBUSTNESS - 1),
    missed_max: None,
    delay: 0,
    in_order: true,
    tick: 0,
    restarts: false,
    frames_max: 2,
};

/// Two routers that come up and go down at any multiple of half a second.
const RESTLESS: World = World {
    begin: Begin::Down,
    changes_max: 0,
    losses_max: None,
    in_order: false,
    tick: 500,
    restarts: true,
    frames_max: 3,
    ..PEACE
};

/// Hosts that come and go, any losses, any order.
const LOSSY: World = World { losses_max: None, in_order: false, says: ROBUSTNESS, changes_max: 2, ..PEACE };

// R-ELE-1 to 5
#[test]
fn routers_that_come_and_go_agree_on_one_querier() {
    explore("restless", RESTLESS, Depth { usual: 200, full: None });
}

// R-ELE-1 to 5
#[test]
fn routers_agree_on_one_querier_although_queries_take_a_second() {
    explore("restless, slow", World { delay: 1_000, ..RESTLESS }, Depth { usual: 200, full: None });
}

// R-QRY-4, R-QRY-5, R-RXQ-1
#[test]
fn listener_of_a_group_that_another_leaves_is_not_cut_off() {
    explore("groups", PEACE, Depth { usual: 15, full: None });
}

// R-QRY-6 to 9, R-RXQ-1
#[test]
fn listener_of_a_source_that_another_leaves_is_not_cut_off() {
    explore("sources", World { hosts: [Wants::Source; 2], ..PEACE }, Depth { usual: 15, full: None });
}

// R-QRY-4 to 9, R-RXQ-1
#[test]
fn listener_of_a_group_and_listener_of_a_source_of_it_are_not_cut_off() {
    let world = World { hosts: [Wants::Group, Wants::Source], missed_max: Some(ROBUSTNESS - 1), ..PEACE };
    explore("group and source", world, Depth { usual: 15, full: None });
}

// R-QRY-4, R-RXQ-1
#[test]
fn group_that_everybody_left_ends_whatever_is_lost() {
    let begin = Begin::Settled { listening: [true, false] };
    let world = World { begin, hosts: [Wants::Group, Wants::Source], ..LOSSY };
    explore("left", world, Depth { usual: 9, full: Some(16) });
}

// R-QRY-6, R-RXQ-1
#[test]
fn source_that_everybody_left_ends_whatever_is_lost() {
    let begin = Begin::Settled { listening: [false, true] };
    let world = World { begin, hosts: [Wants::Group, Wants::Source], ..LOSSY };
    explore("left source", world, Depth { usual: 9, full: Some(16) });
}

// R-QRY-4 to 9
#[test]
fn nothing_that_nobody_wants_stays_however_long_packets_take() {
    let world = World { hosts: [Wants::Group, Wants::Source], delay: 500, ..LOSSY };
    explore("slow", world, Depth { usual: 8, full: Some(13) });
}

fn explore(name: &str, world: World, depth: Depth) {
    let begun = Instant::now();
    let depth = match std::env::var("EXHAUSTIVE") {
        Ok(text) if text == "full" => depth.full,
        Ok(text) => Some(text.parse().expect("EXHAUSTIVE is `full` or a number of steps")),
        Err(_) => Some(depth.usual),
    };
    // With one thread, nothing is skipped up to the depth.
    let checker = world
        .checker()
        .target_max_depth(depth.unwrap_or(usize::MAX))
        .finish_when(HasDiscoveries::AnyFailures)
        .threads(1)
        .spawn_bfs()
        .join();
    let is_over = checker.max_depth() < depth.unwrap_or(usize::MAX) && checker.discoveries().is_empty();
    let all = if is_over { "all of them" } else { "and more" };
    println!(
        "{name}: {} distinct states, {all}, {} steps, depth {}, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        begun.elapsed().as_secs_f64()
    );
    for (property, path) in checker.discoveries() {
        eprintln!("{name}: not so: {property}");
        let path = path.into_vec();
        for (state, action) in &path {
            eprintln!("  {:>6} ms {action:?} with {:?}", state.now, state.under_way());
        }
        let last = path.last().map(|(state, _)| state.text());
        eprintln!("  leads to {}", last.unwrap_or_default());
    }
    assert!(checker.discoveries().is_empty(), "{name}: a property does not hold");
    assert!(checker.unique_state_count() > 1_000, "{name}: hardly anything happens");
}
