//! Scenarios of seeds.

use core::time::Duration;
use std::collections::BTreeSet;

use mld_proto::FilterMode;
use mld_proto::settings::Settings;
use mld_sim::hunt::{self, fault_kinds, scenario};
use mld_sim::scenario::{
    AddressAction, CrashAction, FaultsAction, HostPart, JumpAction, LinkPart, ListenAction, MisbehaviourKind,
    PartitionAction, RouterAction, RouterPart, Scenario, Step, StepAction,
};
use mld_sim::world::{Behaviour, Clock, Faults};

const SEEDS: core::ops::Range<u64> = 0..300;

fn ip(text: &str) -> core::net::Ipv6Addr {
    text.parse().expect("an address")
}

#[test]
fn scenario_of_a_seed_is_always_the_same() {
    for seed in SEEDS {
        assert!(scenario(seed) == scenario(seed), "{seed}");
    }
    let different: BTreeSet<String> = SEEDS
        .map(|seed| format!("{:?}", Scenario { seed: 0, title: String::new(), ..scenario(seed) }))
        .collect();
    assert_eq!(different.len(), 300);
}

#[test]
fn every_scenario_can_be_staged_and_ends_without_faults() {
    for seed in SEEDS {
        let scenario = scenario(seed);
        assert!(scenario.stage().is_ok(), "{seed}: {}", scenario.stage().err().expect("an error"));
        assert_eq!((scenario.seed, scenario.faults_off_ms), (seed, Some(scenario.duration_ms)));
        assert!(scenario.steps.is_sorted_by_key(|step| step.at_ms), "{seed}");
    }
}

#[test]
fn every_scenario_is_the_same_when_it_is_written_and_read() {
    for seed in SEEDS {
        let scenario = scenario(seed);
        let text = scenario.to_toml();
        let read = Scenario::parse(&text).unwrap_or_else(|error| panic!("{seed}: {error}\n{text}"));
        assert!(read == scenario, "{seed}:\n{text}");
    }
}

#[test]
fn worlds_are_as_large_and_as_faulty_as_the_hunt_promises() {
    let scenarios: Vec<Scenario> = SEEDS.map(scenario).collect();
    let average = |count: fn(&Scenario) -> u64| {
        scenarios.iter().map(count).sum::<u64>() as f64 / scenarios.len() as f64
    };
    let routers = average(|scenario| scenario.routers.len() as u64);
    let hosts = average(|scenario| scenario.hosts.iter().map(|host| u64::from(host.count)).sum());
    let kinds = average(|scenario| fault_kinds(scenario).into());
    assert!(routers >= 2.0, "{routers} routers");
    assert!(hosts >= 10.0, "{hosts} hosts");
    assert!(kinds >= 3.0, "{kinds} kinds of fault");
}

/// Whether a kind of fault is in a scenario.
type IsIn<'a> = &'a dyn Fn(&Scenario) -> bool;

#[test]
fn every_kind_of_fault_is_met_and_every_kind_is_missing_somewhere() {
    let scenarios: Vec<Scenario> = SEEDS.map(scenario).collect();
    let behaviour = |scenario: &Scenario, wanted: fn(&Behaviour) -> bool| {
        scenario.hosts.iter().flat_map(|host| &host.behaviours).any(wanted)
    };
    let link = |scenario: &Scenario, wanted: fn(&Faults) -> bool| {
        scenario.links.iter().any(|link| wanted(&link.faults))
    };
    let misbehaviour = |scenario: &Scenario, kind| scenario.misbehaviour.iter().any(|part| part.kind == kind);
    let action = |scenario: &Scenario, wanted: fn(&StepAction) -> bool| {
        scenario.steps.iter().any(|step| wanted(&step.action))
    };
    let kinds: [(&str, IsIn<'_>); 20] = [
        ("loss", &|scenario| link(scenario, |faults| faults.loss_ppm > 0)),
        ("duplicates", &|scenario| link(scenario, |faults| faults.duplicate_ppm > 0)),
        ("reordering", &|scenario| link(scenario, |faults| faults.reorder_ppm > 0)),
        ("corruption", &|scenario| link(scenario, |faults| faults.corrupt_ppm > 0)),
        ("jitter", &|scenario| link(scenario, |faults| faults.delay_ms.0 < faults.delay_ms.1)),
        ("partition", &|scenario| action(scenario, |action| matches!(action, StepAction::Partition(_)))),
        ("crash", &|scenario| action(scenario, |action| matches!(action, StepAction::Crash(_)))),
        ("restart", &|scenario| action(scenario, |action| matches!(action, StepAction::Restart(_)))),
        ("stop", &|scenario| action(scenario, |action| matches!(action, StepAction::Stop(_)))),
        ("address", &|scenario| action(scenario, |action| matches!(action, StepAction::Address(_)))),
        ("jump", &|scenario| action(scenario, |action| matches!(action, StepAction::Jump(_)))),
        ("faults", &|scenario| action(scenario, |action| matches!(action, StepAction::Faults(_)))),
        ("silent leave", &|scenario| behaviour(scenario, |one| matches!(one, Behaviour::SilentLeave { .. }))),
        ("reboot", &|scenario| behaviour(scenario, |one| matches!(one, Behaviour::Reboot { .. }))),
        ("tick", &|scenario| scenario.routers.iter().any(|router| router.clock.tick_ms > 1)),
        ("late", &|scenario| scenario.routers.iter().any(|router| router.clock.late_ms > 0)),
        ("babbler", &|scenario| misbehaviour(scenario, MisbehaviourKind::Flood)),
        ("malformed", &|scenario| misbehaviour(scenario, MisbehaviourKind::Malformed)),
        ("forger", &|scenario| misbehaviour(scenario, MisbehaviourKind::Forger)),
        ("switch", &|scenario| misbehaviour(scenario, MisbehaviourKind::Switch)),
    ];
    for (name, is_in) in kinds {
        let count = scenarios.iter().filter(|scenario| is_in(scenario)).count();
        assert!((6..=270).contains(&count), "{name} is in {count} scenarios");
    }
}

#[test]
fn few_worlds_have_what_no_packet_or_field_holds() {
    let scenarios: Vec<Scenario> = (0..1000).map(scenario).collect();
    let router = |scenario: &Scenario, wanted: fn(&Settings) -> bool| {
        scenario.routers.iter().any(|router| wanted(&router.settings))
    };
    let listens = |scenario: &Scenario, wanted: fn(&ListenAction) -> bool| {
        let is_wanted = |step: &Step| matches!(&step.action, StepAction::Listen(action) if wanted(action));
        scenario.steps.iter().filter(|step| is_wanted(step)).count()
    };
    let list = |scenario: &Scenario, wanted| {
        let limits = |settings: &Settings| settings.max_sources.is_some_and(|max| max >= 1000);
        listens(scenario, wanted) > 0 && scenario.routers.iter().any(|router| limits(&router.settings))
    };
    let kinds: [(&str, IsIn<'_>); 7] = [
        ("included list of two Queries", &|scenario| {
            list(scenario, |action| action.mode == FilterMode::Include && action.sources.len() > 89)
        }),
        ("excluded list of two Reports", &|scenario| {
            list(scenario, |action| action.mode == FilterMode::Exclude && action.sources.len() > 89)
        }),
        ("groups of two Reports", &|scenario| listens(scenario, |action| action.sources.is_empty()) > 72),
        ("small packets", &|scenario| router(scenario, |settings| settings.mtu == Some(1280))),
        ("small packets of hosts", &|scenario| scenario.hosts.iter().any(|host| host.mtu == Some(1280))),
        ("code for a response interval", &|scenario| {
            router(scenario, |settings| {
                settings.query_max_response_time >= Some(Duration::from_millis(0x8000))
            })
        }),
        ("robustness above 7 and 8", &|scenario| {
            router(scenario, |settings| settings.robustness_variable.is_some_and(|robustness| robustness > 8))
        }),
    ];
    for (name, is_in) in kinds {
        let count = scenarios.iter().filter(|scenario| is_in(scenario)).count();
        assert!((10..=100).contains(&count), "{name} is in {count} scenarios");
    }
}

/// A scenario with one router and one host and this change.
fn with(change: impl FnOnce(&mut Scenario)) -> Scenario {
    let mut scenario = Scenario {
        duration_ms: 10_000,
        links: vec![LinkPart::new("lan")],
        routers: vec![RouterPart::new("r1", ip("fe80::1"))],
        hosts: vec![HostPart::new("h1", ip("fe80::a"))],
        ..Scenario::default()
    };
    // Room enough.
    (scenario.routers[0].settings.max_groups, scenario.routers[0].settings.max_sources) =
        (Some(64), Some(256));
    change(&mut scenario);
    scenario
}

fn doing(action: StepAction) -> Scenario {
    with(|scenario| scenario.steps.push(Step { at_ms: 0, action }))
}

#[test]
fn each_kind_of_fault_counts_once() {
    let router = || RouterAction { router: "r1".into() };
    let on_link = |faults| with(|scenario| scenario.links[0].faults = faults);
    let none = Faults::NONE;
    let behaving = |behaviour| with(|scenario| scenario.hosts[0].behaviours.push(behaviour));
    let clock = |tick_ms, late_ms| with(|scenario| scenario.routers[0].clock = Clock { tick_ms, late_ms });
    let limited = |groups, sources| {
        with(|scenario| {
            (scenario.routers[0].settings.max_groups, scenario.routers[0].settings.max_sources) =
                (Some(groups), Some(sources));
        })
    };
    let partition = || PartitionAction { link: "lan".into(), apart: vec!["h1".into()] };
    let reboot = Behaviour::Reboot { groups: vec![ip("ff05::1")], up_ms: (1, 2), down_ms: (1, 2) };
    let churn = Behaviour::Churn { groups: vec![ip("ff05::1")], sources: vec![], every_ms: (1, 2) };
    for (wanted, scenario) in [
        (0, with(|_| ())),
        (0, on_link(Faults { delay_ms: (5, 5), ..none })),
        (1, on_link(Faults { delay_ms: (5, 6), ..none })),
        (1, on_link(Faults { loss_ppm: 1, ..none })),
        (1, on_link(Faults { duplicate_ppm: 1, ..none })),
        (1, on_link(Faults { reorder_ppm: 1, ..none })),
        (1, on_link(Faults { corrupt_ppm: 1, ..none })),
        (3, on_link(Faults { loss_ppm: 1, duplicate_ppm: 1, corrupt_ppm: 1, ..none })),
        (1, doing(StepAction::Partition(partition()))),
        (1, doing(StepAction::Crash(CrashAction { node: "r1".into() }))),
        (1, doing(StepAction::Stop(router()))),
        (1, doing(StepAction::Restart(router()))),
        (1, doing(StepAction::Address(AddressAction { node: "r1".into(), address: None }))),
        (1, doing(StepAction::Jump(JumpAction { router: "r1".into(), by_ms: 1 }))),
        (1, doing(StepAction::Faults(FaultsAction { link: "lan".into(), now: none }))),
        (0, doing(StepAction::Start(router()))),
        (1, behaving(Behaviour::SilentLeave { after_ms: 1 })),
        (1, behaving(reboot)),
        (0, behaving(churn)),
        (1, with(|scenario| scenario.hosts[0].tentative_ms = 1)),
        (1, clock(2, 0)),
        (1, clock(1, 1)),
        (2, clock(2, 1)),
        (0, limited(65, 257)),
        (1, limited(5, 256)),
        (1, limited(64, 8)),
        (1, limited(5, 8)),
    ] {
        assert_eq!(fault_kinds(&scenario), wanted, "{}", scenario.to_toml());
    }
    let unlimited = with(|scenario| {
        let settings = &mut scenario.routers[0].settings;
        (settings.max_groups, settings.max_sources) = (None, None);
    });
    assert_eq!(fault_kinds(&unlimited), 0, "a limit that is not set is no fault");
    let both = with(|scenario| {
        for at_ms in [1, 2] {
            scenario.steps.push(Step { at_ms, action: StepAction::Crash(CrashAction { node: "r1".into() }) });
        }
        scenario.links.push(LinkPart { faults: Faults { loss_ppm: 1, ..none }, ..LinkPart::new("other") });
    });
    assert_eq!(fault_kinds(&both), 2, "crashes are one kind, and the worst link counts");
}

#[test]
fn misbehaviour_counts_by_its_kind() {
    let kinds = [
        MisbehaviourKind::Flood,
        MisbehaviourKind::Malformed,
        MisbehaviourKind::Forger,
        MisbehaviourKind::Switch,
    ];
    let seeds: Vec<Scenario> =
        SEEDS.map(scenario).filter(|scenario| scenario.misbehaviour.len() > 1).collect();
    assert!(!seeds.is_empty());
    for scenario in seeds {
        let without = Scenario { misbehaviour: Vec::new(), ..scenario.clone() };
        let present =
            kinds.iter().filter(|kind| scenario.misbehaviour.iter().any(|part| part.kind == **kind)).count();
        assert_eq!(fault_kinds(&scenario), fault_kinds(&without) + present as u32);
    }
}

#[test]
fn verdict_counts_what_happened() {
    let scenario = scenario(0);
    let verdict = hunt::judge(&scenario);
    assert_eq!(verdict, hunt::judge(&scenario), "the same scenario gives the same verdict");
    assert_eq!(verdict.violation, None);
    let tally = verdict.tally;
    assert_eq!((tally.worlds, tally.routers), (1, scenario.routers.len() as u64));
    assert_eq!(
        (tally.hosts, tally.fault_kinds),
        (scenario.hosts.len() as u64, fault_kinds(&scenario).into())
    );
    assert!(tally.deliveries > 100 && tally.simulated_ms > scenario.duration_ms);
    let mut sum = tally;
    sum += tally;
    assert_eq!(
        (sum.worlds, sum.deliveries, sum.simulated_ms),
        (2, 2 * tally.deliveries, 2 * tally.simulated_ms)
    );
}

#[test]
fn scenario_that_cannot_be_staged_breaks_a_rule() {
    let scenario = with(|scenario| scenario.routers[0].link = "nowhere".into());
    let violation = hunt::judge(&scenario).violation.expect("there is no such link");
    assert_eq!(violation.rule, "scenario");
    assert!(violation.text.contains("nowhere"), "{violation}");
}
