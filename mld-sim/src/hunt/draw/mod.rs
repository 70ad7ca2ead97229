//! Random scenarios.
//!
//! A seed draws not only what happens but also which kinds of fault there are at all, so that rare ones meet alone and
//! together (swarm testing).

mod large;
mod room;

use core::net::Ipv6Addr;
use core::time::Duration;
use std::collections::BTreeMap;

use mld_proto::router::QuerierMode;
use mld_proto::settings::Settings;
use mld_proto::{FilterMode, Version};

use self::room::{HUNDRED, ROOM_GROUPS, ROOM_SOURCES, is_ssm};
use crate::rng::Rng;
use crate::scenario::{
    AddressAction, CrashAction, FaultsAction, HostPart, JumpAction, LeaveAction, LinkAction, LinkPart,
    ListenAction, ListenPart, MisbehaviourKind, MisbehaviourPart, PartitionAction, RouterAction, RouterPart,
    Scenario, StackKind, Step, StepAction,
};
use crate::world::{Behaviour, Clock, Faults, HostVersion, Medium};

/// What the nodes of a scenario talk about.
struct Topics {
    groups: Vec<Ipv6Addr>,
    sources: Vec<Ipv6Addr>,
}

/// The scenario of a seed.
pub fn scenario(seed: u64) -> Scenario {
    // Another text would change every run.
    let mut rng = Rng::named(seed, "story");
    let duration_ms = 1000 * rng.between(100..=1200);
    let faults_off_ms = Some(duration_ms);
    let mut scenario =
        Scenario { title: format!("seed {seed}"), seed, duration_ms, faults_off_ms, ..Scenario::default() };
    let topics = topics(&mut rng);
    lan(&mut scenario, &mut Rng::named(seed, "lan"), "lan", &topics);
    if rng.below(HUNDRED) < 12 {
        other_link(&mut scenario, &mut Rng::named(seed, "other"), &topics);
    }
    large::enlarge(&mut scenario, "lan");
    let is_early = early(&scenario);
    scenario.steps.retain(|step| step.at_ms <= duration_ms && !is_early(step));
    scenario.steps.sort_by_key(|step| step.at_ms);
    scenario
}

/// Tells the calls of applications on hosts that have not started: nothing would come of them.
fn early(scenario: &Scenario) -> impl Fn(&Step) -> bool + use<> {
    let starts: BTreeMap<String, u64> =
        scenario.hosts.iter().filter_map(|host| Some((host.name.clone(), host.start_ms?))).collect();
    move |step| {
        let (StepAction::Listen(ListenAction { host, .. }) | StepAction::Leave(LeaveAction { host, .. })) =
            &step.action
        else {
            return false;
        };
        starts.get(host).is_some_and(|start_ms| step.at_ms < *start_ms)
    }
}

/// How many kinds of fault a scenario has: of its links, its clocks, its hosts and routers, its limits, and of misbehaviour.
pub fn fault_kinds(scenario: &Scenario) -> u32 {
    let links: u32 = scenario.links.iter().map(|link| link.faults.kinds()).max().unwrap_or(0);
    let steps =
        |wanted: fn(&StepAction) -> bool| u32::from(scenario.steps.iter().any(|step| wanted(&step.action)));
    let behaviours = || scenario.hosts.iter().flat_map(|host| &host.behaviours);
    let misbehaviour = |kind| u32::from(scenario.misbehaviour.iter().any(|part| part.kind == kind));
    let routers = |wanted: fn(&RouterPart) -> bool| u32::from(scenario.routers.iter().any(wanted));
    links
        + steps(|action| matches!(action, StepAction::Partition(_)))
        + steps(|action| matches!(action, StepAction::Crash(_)))
        + steps(|action| matches!(action, StepAction::Stop(_) | StepAction::Restart(_)))
        + steps(|action| matches!(action, StepAction::Address(_)))
        + steps(|action| matches!(action, StepAction::Jump(_)))
        + steps(|action| matches!(action, StepAction::Faults(_)))
        + u32::from(behaviours().any(|behaviour| matches!(behaviour, Behaviour::SilentLeave { .. })))
        + u32::from(behaviours().any(|behaviour| matches!(behaviour, Behaviour::Reboot { .. })))
        + u32::from(scenario.hosts.iter().any(|host| host.tentative_ms > 0))
        + routers(|router| router.clock.tick_ms > 1)
        + routers(|router| router.clock.late_ms > 0)
        + routers(|router| {
            let Settings { max_groups, max_sources, max_group_sources, .. } = router.settings;
            // What is not set is not short.
            max_groups.is_some_and(|max| max < ROOM_GROUPS)
                || max_sources.is_some_and(|max| max < ROOM_SOURCES)
                || max_group_sources.is_some()
        })
        + [
            MisbehaviourKind::Flood,
            MisbehaviourKind::Malformed,
            MisbehaviourKind::Forger,
            MisbehaviourKind::Switch,
        ]
        .into_iter()
        .map(misbehaviour)
        .sum::<u32>()
}

fn topics(rng: &mut Rng) -> Topics {
    let mut groups: Vec<Ipv6Addr> = (1..=rng.between(2..=6))
        .map(|last| {
            Ipv6Addr::new(*rng.pick(&[0xff05, 0xff05, 0xff0e, 0xff08]), 0, 0, 0, 0, 0, 0, last as u16)
        })
        .collect();
    for _ in 0..rng.below(3) {
        groups.push(Ipv6Addr::new(0xff3e, 0, 0, 0, 0, 0, 0x8000, 1 + rng.below(3) as u16));
    }
    if rng.below(HUNDRED) < 15 {
        groups.push(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb));
    }
    if rng.below(HUNDRED) < 5 {
        groups.push(Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 5));
    }
    groups.sort_unstable();
    groups.dedup();
    let sources = (1..=rng.between(1..=5))
        .map(|last| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last as u16))
        .collect();
    Topics { groups, sources }
}

/// A link on which much happens.
fn lan(scenario: &mut Scenario, rng: &mut Rng, name: &str, topics: &Topics) {
    let mut link = LinkPart::new(name);
    link.faults = faults(rng);
    link.snooping = rng.below(HUNDRED) < 10;
    scenario.links.push(link);
    let settings = settings(rng);
    let routers = *rng.pick(&[1, 1, 2, 2, 2, 2, 3, 3, 3, 4]);
    for at in 1..=routers {
        let mut router = RouterPart::new(format!("r{at}"), link_local(at * 0x10));
        router.link = name.into();
        router.settings = if rng.below(HUNDRED) < 15 { self::settings(rng) } else { settings };
        if rng.below(HUNDRED) < 10 {
            router.settings.querier = Some(QuerierMode::Never);
        }
        if rng.below(HUNDRED) < 5 {
            router.address = None;
        }
        if rng.below(HUNDRED) < 40 {
            router.start_ms = Some(rng.below(scenario.duration_ms.min(200_000)));
        }
        router.clock = clock(rng);
        router_steps(scenario, rng, &router);
        scenario.routers.push(router);
    }
    let chatter = rng.below(3);
    for at in 1..=rng.between(4..=18) {
        host(scenario, rng, name, at as u16, topics, chatter);
    }
    for kind in [
        MisbehaviourKind::Flood,
        MisbehaviourKind::Malformed,
        MisbehaviourKind::Forger,
        MisbehaviourKind::Switch,
    ] {
        if rng.below(HUNDRED) < 14 {
            misbehaviour(scenario, rng, name, kind, topics);
        }
    }
    link_steps(scenario, rng, name);
}

/// A second link with few nodes, sometimes with two ends only.
fn other_link(scenario: &mut Scenario, rng: &mut Rng, topics: &Topics) {
    let mut link = LinkPart::new("other");
    link.faults = faults(rng);
    if rng.below(2) == 0 {
        link.medium = Medium::PointToPoint;
    }
    scenario.links.push(link);
    let mut router = RouterPart::new("q1", link_local(0x10));
    router.link = "other".into();
    router.settings = settings(rng);
    scenario.routers.push(router);
    host(scenario, rng, "other", 0x101, topics, 1);
}

fn faults(rng: &mut Rng) -> Faults {
    let mut faults = Faults::NONE;
    let mut maybe = |chance: u64, choices: &[u32]| {
        let choice = *rng.pick(choices);
        if rng.below(HUNDRED) < chance { choice } else { 0 }
    };
    faults.loss_ppm = maybe(45, &[1_000, 10_000, 50_000, 200_000, 500_000]);
    faults.duplicate_ppm = maybe(30, &[1_000, 50_000, 300_000]);
    faults.reorder_ppm = maybe(30, &[10_000, 100_000, 500_000]);
    faults.corrupt_ppm = maybe(25, &[1_000, 20_000, 100_000]);
    faults.reorder_ms = u64::from(maybe(100, &[5, 50, 800, 3_000]));
    let shortest = u64::from(maybe(60, &[1, 3, 20, 150]));
    let jitter = u64::from(maybe(50, &[1, 10, 100, 700]));
    faults.delay_ms = (shortest, shortest + jitter);
    faults
}

fn clock(rng: &mut Rng) -> Clock {
    let (tick_ms, late_ms) = (*rng.pick(&[2, 10, 100, 1000]), *rng.pick(&[1, 20, 500, 4000]));
    Clock {
        tick_ms: if rng.below(HUNDRED) < 12 { tick_ms } else { 1 },
        late_ms: if rng.below(HUNDRED) < 12 { late_ms } else { 0 },
    }
}

/// A configuration with some keys set, always one that can be used.
fn settings(rng: &mut Rng) -> Settings {
    let mut settings = Settings::default();
    let millis = |millis: u64| Some(Duration::from_millis(millis));
    if rng.below(HUNDRED) < 12 {
        settings.version = Some(Version::V1);
    }
    if rng.below(HUNDRED) < 45 {
        settings.robustness_variable = Some(*rng.pick(&[1, 2, 2, 3, 3, 3, 4, 8]));
    }
    let interval_ms = *rng.pick(&[125_000, 125_000, 125_000, 100_000, 60_000, 30_000, 164_000]);
    // Announced as 160 s (R-WIRE-43): without robustness the others would not wait long enough for the next Query.
    let interval_ms =
        if settings.robustness_variable == Some(1) && interval_ms == 164_000 { 160_000 } else { interval_ms };
    settings.query_interval = millis(interval_ms);
    if rng.below(HUNDRED) < 40 {
        settings.query_max_response_time = millis(*rng.pick(&[1_000, 3_000, 5_500, 10_000, 20_000, 29_999]));
    }
    if rng.below(HUNDRED) < 40 {
        settings.last_member_query_interval = millis(*rng.pick(&[300, 500, 1_000, 1_500, 2_000, 5_000]));
    }
    if rng.below(HUNDRED) < 10 {
        settings.last_member_query_count = Some(*rng.pick(&[1, 2, 3, 5]));
    }
    if rng.below(HUNDRED) < 10 {
        settings.startup_query_interval = millis(*rng.pick(&[1_000, 7_500, 31_250]));
    }
    if rng.below(HUNDRED) < 10 {
        settings.startup_query_count = Some(*rng.pick(&[1, 2, 4]));
    }
    if rng.below(HUNDRED) < 8 {
        settings.immediate_leave = Some(true);
    }
    settings.max_groups = Some(if rng.below(HUNDRED) < 15 { *rng.pick(&[1, 2, 3, 5]) } else { ROOM_GROUPS });
    settings.max_sources =
        Some(if rng.below(HUNDRED) < 10 { *rng.pick(&[1, 2, 4, 8]) } else { ROOM_SOURCES });
    if rng.below(HUNDRED) < 10 {
        settings.max_group_sources = Some(*rng.pick(&[1, 2, 3]));
    }
    let mut switch = |chance: u64| (rng.below(HUNDRED) < chance).then_some(true);
    settings.legacy_mali = switch(6);
    settings.strict_query_destination = switch(6);
    settings.ignore_v1_querier = switch(5);
    settings.version_1_reads_version_2_reports = switch(20);
    settings.version_2_only = switch(5);
    settings.ignore_link_local_groups = switch(8);
    if rng.below(HUNDRED) < 6 {
        settings.require_router_alert = Some(false);
    }
    if settings.version == Some(Version::V1) {
        settings.version_2_only = None;
    }
    settings
}

fn router_steps(scenario: &mut Scenario, rng: &mut Rng, router: &RouterPart) {
    let end_ms = scenario.duration_ms;
    let name = router.name.clone();
    let at =
        |scenario: &mut Scenario, at_ms: u64, action: StepAction| scenario.steps.push(Step { at_ms, action });
    let action = RouterAction { router: name.clone() };
    if rng.below(HUNDRED) < 18 {
        let at_ms = rng.below(end_ms);
        at(scenario, at_ms, StepAction::Crash(CrashAction { node: name.clone() }));
        if rng.below(4) > 0 {
            at(scenario, at_ms + 1 + rng.below(400_000), StepAction::Start(action.clone()));
        }
    }
    if rng.below(HUNDRED) < 12 {
        at(scenario, rng.below(end_ms), StepAction::Restart(action.clone()));
    }
    if rng.below(HUNDRED) < 8 {
        let at_ms = rng.below(end_ms);
        at(scenario, at_ms, StepAction::Stop(action.clone()));
        at(scenario, at_ms + rng.below(400_000), StepAction::Start(action));
    }
    if rng.below(HUNDRED) < 12 {
        for _ in 0..rng.between(1..=3) {
            // An address of its own: what two routers with one address do is nobody's business.
            let own = 0x10 * rng.below(5) as u16 + scenario.routers.len() as u16 + 1;
            let address = (rng.below(4) > 0).then(|| link_local(own));
            at(
                scenario,
                rng.below(end_ms),
                StepAction::Address(AddressAction { node: name.clone(), address }),
            );
        }
    }
    if rng.below(HUNDRED) < 10 {
        let by_ms = *rng.pick(&[1, 500, 10_000, 130_000, 400_000]);
        at(scenario, rng.below(end_ms), StepAction::Jump(JumpAction { router: name, by_ms }));
    }
}

fn link_steps(scenario: &mut Scenario, rng: &mut Rng, link: &str) {
    let end_ms = scenario.duration_ms;
    if rng.below(HUNDRED) < 25 {
        let routers = scenario.routers.iter().filter(|part| part.link == link).map(|part| part.name.clone());
        let hosts = scenario.hosts.iter().filter(|part| part.link == link).map(|part| part.name.clone());
        let nodes: Vec<String> = routers.chain(hosts).collect();
        for _ in 0..rng.between(1..=3) {
            let apart = rng.sample(&nodes, nodes.len() / 2 + 1);
            let at_ms = rng.below(end_ms);
            let action = StepAction::Partition(PartitionAction { link: link.into(), apart });
            scenario.steps.push(Step { at_ms, action });
            let at_ms = at_ms + rng.between(1..=600_000);
            scenario.steps.push(Step { at_ms, action: StepAction::Heal(LinkAction { link: link.into() }) });
        }
    }
    if rng.below(HUNDRED) < 10 {
        let action = StepAction::Faults(FaultsAction { link: link.into(), now: faults(rng) });
        scenario.steps.push(Step { at_ms: rng.below(end_ms), action });
    }
}

fn host(scenario: &mut Scenario, rng: &mut Rng, link: &str, at: u16, topics: &Topics, chatter: u64) {
    let mut host = HostPart::new(format!("h{at}"), link_local(0x100 + at));
    host.link = link.into();
    host.stack = if rng.below(5) < 2 { StackKind::Raw } else { StackKind::Listener };
    host.version = match rng.below(HUNDRED) {
        0..14 => HostVersion::One,
        14..18 => HostVersion::TwoOnly,
        _ => HostVersion::Two,
    };
    if rng.below(HUNDRED) < 8 {
        host.tentative_ms = rng.between(1..=3_000);
    }
    if rng.below(HUNDRED) < 20 {
        host.start_ms = Some(rng.below(scenario.duration_ms / 2));
    }
    for _ in 0..rng.below(4) {
        host.listens.push(listen(rng, topics));
    }
    let groups = rng.sample(&topics.groups, 4);
    let open: Vec<Ipv6Addr> = groups.iter().copied().filter(|group| !is_ssm(*group)).collect();
    match rng.below(10) {
        0..3 if chatter > 0 && !groups.is_empty() => {
            let most = rng.below(4) as usize;
            let sources = rng.sample(&topics.sources, most);
            let shortest = *rng.pick(&[10, 2_000, 30_000]);
            let every_ms = (shortest, shortest + *rng.pick(&[60_000, 200_000, 800_000]));
            host.behaviours.push(Behaviour::Churn { groups, sources, every_ms });
        }
        3 if chatter > 1 && !open.is_empty() => {
            host.behaviours.push(Behaviour::Zapping { channels: open.clone(), every_ms: (500, 300_000) });
        }
        4 => host.behaviours.push(Behaviour::SilentLeave { after_ms: rng.below(scenario.duration_ms) }),
        5 if !open.is_empty() => {
            let (up_ms, down_ms) = ((1_000, 600_000), (1, 300_000));
            host.behaviours.push(Behaviour::Reboot { groups: open, up_ms, down_ms });
        }
        _ => {}
    }
    for _ in 0..rng.below(1 + 2 * chatter) {
        let at_ms = rng.below(scenario.duration_ms);
        let ListenPart { socket, group, mode, sources } = listen(rng, topics);
        let action = if rng.below(3) == 0 {
            StepAction::Leave(LeaveAction { host: host.name.clone(), socket, group })
        } else {
            StepAction::Listen(ListenAction { host: host.name.clone(), socket, group, mode, sources })
        };
        scenario.steps.push(Step { at_ms, action });
    }
    scenario.hosts.push(host);
}

fn listen(rng: &mut Rng, topics: &Topics) -> ListenPart {
    let group = *rng.pick(&topics.groups);
    let most = rng.below(4) as usize;
    let sources = rng.sample(&topics.sources, most);
    let is_include = is_ssm(group) || (!sources.is_empty() && rng.below(3) == 0);
    let mode = if is_include { FilterMode::Include } else { FilterMode::Exclude };
    let sources = if mode == FilterMode::Exclude && rng.below(2) == 0 { Vec::new() } else { sources };
    ListenPart { socket: rng.below(2) as u32, group, mode, sources }
}

fn misbehaviour(scenario: &mut Scenario, rng: &mut Rng, link: &str, kind: MisbehaviourKind, topics: &Topics) {
    let start_ms = rng.below(scenario.duration_ms);
    let shortest = *rng.pick(&[20, 500, 5_000]);
    scenario.misbehaviour.push(MisbehaviourPart {
        name: format!("m{}", scenario.misbehaviour.len() + 1),
        link: link.into(),
        // Below or above all others, and nobody else's, whatever addresses routers move to.
        address: link_local(if rng.below(2) == 0 { 5 } else { 0xf000 } + scenario.misbehaviour.len() as u16),
        kind,
        groups: topics.groups.clone(),
        sources: topics.sources.clone(),
        every_ms: Some((shortest, 10 * shortest)),
        turns: Some(40),
        forgeries: Vec::new(),
        version: if rng.below(3) == 0 { HostVersion::One } else { HostVersion::Two },
        start_ms,
        until_ms: Some((start_ms + rng.between(1_000..=200_000)).min(scenario.duration_ms)),
    });
}

fn link_local(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last)
}
