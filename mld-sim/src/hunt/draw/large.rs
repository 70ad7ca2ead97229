//! What few worlds have: lists and groups that no packet holds as a whole, values that no field holds as they are.
//!
//! All of it is drawn by generators of its own, so that the other worlds stay as they are.

use core::net::Ipv6Addr;
use core::time::Duration;

use mld_proto::FilterMode;

use super::room::{HUNDRED, ROOM_GROUPS, ROOM_SOURCES, is_ssm};
use crate::rng::Rng;
use crate::scenario::{HostPart, LeaveAction, ListenAction, RouterPart, Scenario, Step, StepAction};
use crate::world::{Behaviour, HostVersion};

/// The smallest MTU of IPv6: a Query takes 75 sources instead of 89 (R-WIRE-47), a record as many (R-LSN-61).
const MTU_MIN: u16 = 1280;
/// Room for what is added here.
const MANY_GROUPS: u32 = 256;
const MANY_SOURCES: u32 = 2048;
/// The socket that asks for what is added here.
const SOCKET: u32 = 2;

/// Makes a few scenarios larger than the others, what happens on the link `name` at least.
pub(super) fn enlarge(scenario: &mut Scenario, name: &str) {
    let seed = scenario.seed;
    let draw = |what: &str, chance: u64| {
        let mut rng = Rng::named(seed, what);
        (rng.below(HUNDRED) < chance).then_some(rng)
    };
    if let Some(mut rng) = draw("long lists", 4) {
        long_lists(scenario, &mut rng, name);
    }
    if let Some(mut rng) = draw("many groups", 3) {
        many_groups(scenario, &mut rng, name);
    }
    if let Some(mut rng) = draw("small packets", 4) {
        small_packets(scenario, &mut rng);
    }
    if let Some(mut rng) = draw("long response interval", 3) {
        long_response_interval(scenario, &mut rng, name);
    }
    if let Some(mut rng) = draw("large robustness", 3) {
        large_robustness(scenario, &mut rng, name);
    }
}

/// Hosts that want, or do not want, more sources than a Report or a Query takes, and change their minds about many of
/// them at once.
fn long_lists(scenario: &mut Scenario, rng: &mut Rng, link: &str) {
    let sources: Vec<Ipv6Addr> = (1..=rng.between(70..=200))
        .map(|last| Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last as u16))
        .collect();
    // One in which everything can be said, and one that others may talk about too.
    let mut groups = vec![Ipv6Addr::new(*rng.pick(&[0xff0e, 0xff0e, 0xff3e]), 0, 0, 0, 0, 0, 0x8001, 1)];
    let known: Vec<Ipv6Addr> =
        scenario.hosts.iter().flat_map(|host| &host.listens).map(|listen| listen.group).collect();
    if rng.below(3) == 0 && !known.is_empty() {
        groups.push(*rng.pick(&known));
    }
    make_room(scenario);
    if rng.below(2) == 0 {
        small_packets(scenario, rng);
    }
    for host in hosts(scenario, rng, link, 3) {
        if rng.below(4) == 0 {
            let shortest = *rng.pick(&[2_000, 20_000]);
            let (every_ms, sources) = ((shortest, shortest + 100_000), sources.clone());
            let groups = groups.clone();
            part(scenario, &host).behaviours.push(Behaviour::Churn { groups, sources, every_ms });
            continue;
        }
        let group = *rng.pick(&groups);
        let mut at_ms = rng.below(scenario.duration_ms / 2);
        for _ in 0..rng.between(2..=5) {
            let most = *rng.pick(&[sources.len(), sources.len() / 2, 10, 1]);
            let sources = rng.sample(&sources, most);
            let is_include = is_ssm(group) || rng.below(3) > 0;
            let mode = if is_include { FilterMode::Include } else { FilterMode::Exclude };
            let action = ListenAction { host: host.clone(), socket: SOCKET, group, mode, sources };
            scenario.steps.push(Step { at_ms, action: StepAction::Listen(action) });
            at_ms += rng.between(100..=200_000);
        }
        if rng.below(2) == 0 {
            let action = LeaveAction { host, socket: SOCKET, group };
            scenario.steps.push(Step { at_ms, action: StepAction::Leave(action) });
        }
    }
}

/// A host that listens to more groups than a Report takes records, for a while.
fn many_groups(scenario: &mut Scenario, rng: &mut Rng, link: &str) {
    let groups: Vec<Ipv6Addr> = (1..=rng.between(80..=150))
        .map(|last| Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 2, last as u16))
        .collect();
    make_room(scenario);
    for host in hosts(scenario, rng, link, 1) {
        let begins_ms = rng.below(scenario.duration_ms / 2);
        let ends_ms = begins_ms + rng.between(1_000..=scenario.duration_ms);
        let apart_ms = *rng.pick(&[0, 1, 30]);
        for (number, group) in (0..).zip(&groups) {
            let (host, socket, group) = (host.clone(), SOCKET, *group);
            let (mode, sources) = (FilterMode::Exclude, Vec::new());
            let action = ListenAction { host: host.clone(), socket, group, mode, sources };
            scenario
                .steps
                .push(Step { at_ms: begins_ms + number * apart_ms, action: StepAction::Listen(action) });
            let action = LeaveAction { host, socket, group };
            scenario
                .steps
                .push(Step { at_ms: ends_ms + number * apart_ms, action: StepAction::Leave(action) });
        }
    }
}

/// Nodes whose packets are no larger than they must be able to be.
fn small_packets(scenario: &mut Scenario, rng: &mut Rng) {
    for router in &mut scenario.routers {
        if rng.below(3) > 0 {
            router.settings.mtu = Some(MTU_MIN);
        }
    }
    for host in &mut scenario.hosts {
        if rng.below(3) == 0 {
            host.mtu = Some(MTU_MIN);
        }
    }
}

/// A Query Response Interval that no number of 16 bits below 0x8000 stands for; of most there is no code at all
/// (R-WIRE-41).
fn long_response_interval(scenario: &mut Scenario, rng: &mut Rng, link: &str) {
    let response_ms = *rng.pick(&[32_768, 33_001, 40_007, 50_000, 65_535]);
    let interval_ms = *rng.pick(&[66_000, 100_000, 125_000]);
    for router in routers(scenario, link) {
        router.settings.query_max_response_time = Some(Duration::from_millis(response_ms));
        let is_short = |interval: Duration| interval <= Duration::from_millis(response_ms);
        if router.settings.query_interval.is_some_and(is_short) {
            router.settings.query_interval = Some(Duration::from_millis(interval_ms));
        }
    }
}

/// A Robustness Variable that no Query can announce (R-WIRE-44).
fn large_robustness(scenario: &mut Scenario, rng: &mut Rng, link: &str) {
    let robustness = *rng.pick(&[9, 9, 10, 15]);
    for router in routers(scenario, link) {
        router.settings.robustness_variable = Some(robustness);
    }
}

/// Gives the routers the room that they need here, but for those that are to be short of it.
fn make_room(scenario: &mut Scenario) {
    for router in &mut scenario.routers {
        let settings = &mut router.settings;
        if settings.max_groups == Some(ROOM_GROUPS) {
            settings.max_groups = Some(MANY_GROUPS);
        }
        if settings.max_sources == Some(ROOM_SOURCES) {
            settings.max_sources = Some(MANY_SOURCES);
        }
    }
}

fn routers<'s>(scenario: &'s mut Scenario, link: &str) -> impl Iterator<Item = &'s mut RouterPart> {
    scenario.routers.iter_mut().filter(move |router| router.link == link)
}

/// The names of some hosts of MLDv2.
fn hosts(scenario: &Scenario, rng: &mut Rng, link: &str, max: usize) -> Vec<String> {
    let is_fit = |host: &&HostPart| host.link == link && host.version != HostVersion::One;
    let names: Vec<String> = scenario.hosts.iter().filter(is_fit).map(|host| host.name.clone()).collect();
    rng.sample(&names, max)
}

fn part<'s>(scenario: &'s mut Scenario, name: &str) -> &'s mut HostPart {
    let host = scenario.hosts.iter_mut().find(|host| host.name == name);
    host.expect("it was found by its name")
}
