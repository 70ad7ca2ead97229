//! Stories of seeds.

use core::time::Duration;
use std::collections::BTreeSet;

use mld_proto::FilterMode;
use mld_proto::settings::Settings;
use mld_sim::hunt::{self, fault_kinds, story};
use mld_sim::scenario::{
    AddressDeed, CrashDeed, Deed, FaultsDeed, HostPart, JumpDeed, LinkPart, ListenDeed, MischiefKind,
    PartitionDeed, RouterDeed, RouterPart, Step, Story,
};
use mld_sim::world::{Behaviour, Clock, Faults};

const SEEDS: core::ops::Range<u64> = 0..300;

fn ip(text: &str) -> core::net::Ipv6Addr {
    text.parse().expect("an address")
}

#[test]
fn story_of_a_seed_is_always_the_same() {
    for seed in SEEDS {
        assert!(story(seed) == story(seed), "{seed}");
    }
    let different: BTreeSet<String> =
        SEEDS.map(|seed| format!("{:?}", Story { seed: 0, title: String::new(), ..story(seed) })).collect();
    assert_eq!(different.len(), 300);
}

#[test]
fn every_story_can_be_staged_and_ends_in_calm() {
    for seed in SEEDS {
        let story = story(seed);
        assert!(story.stage().is_ok(), "{seed}: {}", story.stage().err().expect("an error"));
        assert_eq!((story.seed, story.calm_ms), (seed, Some(story.duration_ms)));
        assert!(story.steps.is_sorted_by_key(|step| step.at_ms), "{seed}");
    }
}

#[test]
fn every_story_is_the_same_when_it_is_written_and_read() {
    for seed in SEEDS {
        let story = story(seed);
        let text = story.to_toml();
        let read = Story::parse(&text).unwrap_or_else(|error| panic!("{seed}: {error}\n{text}"));
        assert!(read == story, "{seed}:\n{text}");
    }
}

#[test]
fn worlds_are_as_large_and_as_faulty_as_the_hunt_promises() {
    let stories: Vec<Story> = SEEDS.map(story).collect();
    let average =
        |count: fn(&Story) -> u64| stories.iter().map(count).sum::<u64>() as f64 / stories.len() as f64;
    let routers = average(|story| story.routers.len() as u64);
    let hosts = average(|story| story.hosts.iter().map(|host| u64::from(host.count)).sum());
    let kinds = average(|story| fault_kinds(story).into());
    assert!(routers >= 2.0, "{routers} routers");
    assert!(hosts >= 10.0, "{hosts} hosts");
    assert!(kinds >= 3.0, "{kinds} kinds of fault");
}

/// Whether a kind of fault is in a story.
type IsIn<'a> = &'a dyn Fn(&Story) -> bool;

#[test]
fn every_kind_of_fault_is_met_and_every_kind_is_missing_somewhere() {
    let stories: Vec<Story> = SEEDS.map(story).collect();
    let behaviour = |story: &Story, wanted: fn(&Behaviour) -> bool| {
        story.hosts.iter().flat_map(|host| &host.behaviours).any(wanted)
    };
    let link =
        |story: &Story, wanted: fn(&Faults) -> bool| story.links.iter().any(|link| wanted(&link.faults));
    let mischief = |story: &Story, kind| story.mischief.iter().any(|part| part.kind == kind);
    let deed = |story: &Story, wanted: fn(&Deed) -> bool| story.steps.iter().any(|step| wanted(&step.deed));
    let kinds: [(&str, IsIn<'_>); 20] = [
        ("loss", &|story| link(story, |faults| faults.loss_ppm > 0)),
        ("duplicates", &|story| link(story, |faults| faults.duplicate_ppm > 0)),
        ("reordering", &|story| link(story, |faults| faults.reorder_ppm > 0)),
        ("corruption", &|story| link(story, |faults| faults.corrupt_ppm > 0)),
        ("jitter", &|story| link(story, |faults| faults.delay_ms.0 < faults.delay_ms.1)),
        ("partition", &|story| deed(story, |deed| matches!(deed, Deed::Partition(_)))),
        ("crash", &|story| deed(story, |deed| matches!(deed, Deed::Crash(_)))),
        ("restart", &|story| deed(story, |deed| matches!(deed, Deed::Restart(_)))),
        ("stop", &|story| deed(story, |deed| matches!(deed, Deed::Stop(_)))),
        ("address", &|story| deed(story, |deed| matches!(deed, Deed::Address(_)))),
        ("jump", &|story| deed(story, |deed| matches!(deed, Deed::Jump(_)))),
        ("faults", &|story| deed(story, |deed| matches!(deed, Deed::Faults(_)))),
        ("silent leave", &|story| behaviour(story, |one| matches!(one, Behaviour::SilentLeave { .. }))),
        ("reboot", &|story| behaviour(story, |one| matches!(one, Behaviour::Reboot { .. }))),
        ("tick", &|story| story.routers.iter().any(|router| router.clock.tick_ms > 1)),
        ("late", &|story| story.routers.iter().any(|router| router.clock.late_ms > 0)),
        ("babbler", &|story| mischief(story, MischiefKind::Babbler)),
        ("malformed", &|story| mischief(story, MischiefKind::Malformed)),
        ("forger", &|story| mischief(story, MischiefKind::Forger)),
        ("switch", &|story| mischief(story, MischiefKind::Switch)),
    ];
    for (name, is_in) in kinds {
        let count = stories.iter().filter(|story| is_in(story)).count();
        assert!((6..=270).contains(&count), "{name} is in {count} stories");
    }
}

#[test]
fn few_worlds_have_what_no_packet_or_field_holds() {
    let stories: Vec<Story> = (0..1000).map(story).collect();
    let router = |story: &Story, wanted: fn(&Settings) -> bool| {
        story.routers.iter().any(|router| wanted(&router.settings))
    };
    let listens = |story: &Story, wanted: fn(&ListenDeed) -> bool| {
        let is_wanted = |step: &Step| matches!(&step.deed, Deed::Listen(deed) if wanted(deed));
        story.steps.iter().filter(|step| is_wanted(step)).count()
    };
    let list = |story: &Story, wanted| {
        let limits = |settings: &Settings| settings.max_sources.is_some_and(|max| max >= 1000);
        listens(story, wanted) > 0 && story.routers.iter().any(|router| limits(&router.settings))
    };
    let kinds: [(&str, IsIn<'_>); 7] = [
        ("included list of two Queries", &|story| {
            list(story, |deed| deed.mode == FilterMode::Include && deed.sources.len() > 89)
        }),
        ("excluded list of two Reports", &|story| {
            list(story, |deed| deed.mode == FilterMode::Exclude && deed.sources.len() > 89)
        }),
        ("groups of two Reports", &|story| listens(story, |deed| deed.sources.is_empty()) > 72),
        ("small packets", &|story| router(story, |settings| settings.mtu == Some(1280))),
        ("small packets of hosts", &|story| story.hosts.iter().any(|host| host.mtu == Some(1280))),
        ("code for a response interval", &|story| {
            router(story, |settings| settings.query_max_response_time >= Some(Duration::from_millis(0x8000)))
        }),
        ("robustness above 7 and 8", &|story| {
            router(story, |settings| settings.robustness_variable.is_some_and(|robustness| robustness > 8))
        }),
    ];
    for (name, is_in) in kinds {
        let count = stories.iter().filter(|story| is_in(story)).count();
        assert!((10..=100).contains(&count), "{name} is in {count} stories");
    }
}

/// A story with one router and one host and this change.
fn with(change: impl FnOnce(&mut Story)) -> Story {
    let mut story = Story {
        duration_ms: 10_000,
        links: vec![LinkPart::new("lan")],
        routers: vec![RouterPart::new("r1", ip("fe80::1"))],
        hosts: vec![HostPart::new("h1", ip("fe80::a"))],
        ..Story::default()
    };
    // Room enough.
    (story.routers[0].settings.max_groups, story.routers[0].settings.max_sources) = (Some(64), Some(256));
    change(&mut story);
    story
}

fn doing(deed: Deed) -> Story {
    with(|story| story.steps.push(Step { at_ms: 0, deed }))
}

#[test]
fn each_kind_of_fault_counts_once() {
    let router = || RouterDeed { router: "r1".into() };
    let on_link = |faults| with(|story| story.links[0].faults = faults);
    let none = Faults::NONE;
    let behaving = |behaviour| with(|story| story.hosts[0].behaviours.push(behaviour));
    let clock = |tick_ms, late_ms| with(|story| story.routers[0].clock = Clock { tick_ms, late_ms });
    let limited = |groups, sources| {
        with(|story| {
            (story.routers[0].settings.max_groups, story.routers[0].settings.max_sources) =
                (Some(groups), Some(sources));
        })
    };
    let partition = || PartitionDeed { link: "lan".into(), apart: vec!["h1".into()] };
    let reboot = Behaviour::Reboot { groups: vec![ip("ff05::1")], up_ms: (1, 2), down_ms: (1, 2) };
    let churn = Behaviour::Churn { groups: vec![ip("ff05::1")], sources: vec![], every_ms: (1, 2) };
    for (wanted, story) in [
        (0, with(|_| ())),
        (0, on_link(Faults { delay_ms: (5, 5), ..none })),
        (1, on_link(Faults { delay_ms: (5, 6), ..none })),
        (1, on_link(Faults { loss_ppm: 1, ..none })),
        (1, on_link(Faults { duplicate_ppm: 1, ..none })),
        (1, on_link(Faults { reorder_ppm: 1, ..none })),
        (1, on_link(Faults { corrupt_ppm: 1, ..none })),
        (3, on_link(Faults { loss_ppm: 1, duplicate_ppm: 1, corrupt_ppm: 1, ..none })),
        (1, doing(Deed::Partition(partition()))),
        (1, doing(Deed::Crash(CrashDeed { node: "r1".into() }))),
        (1, doing(Deed::Stop(router()))),
        (1, doing(Deed::Restart(router()))),
        (1, doing(Deed::Address(AddressDeed { node: "r1".into(), address: None }))),
        (1, doing(Deed::Jump(JumpDeed { router: "r1".into(), by_ms: 1 }))),
        (1, doing(Deed::Faults(FaultsDeed { link: "lan".into(), now: none }))),
        (0, doing(Deed::Start(router()))),
        (1, behaving(Behaviour::SilentLeave { after_ms: 1 })),
        (1, behaving(reboot)),
        (0, behaving(churn)),
        (1, with(|story| story.hosts[0].tentative_ms = 1)),
        (1, clock(2, 0)),
        (1, clock(1, 1)),
        (2, clock(2, 1)),
        (0, limited(65, 257)),
        (1, limited(5, 256)),
        (1, limited(64, 8)),
        (1, limited(5, 8)),
    ] {
        assert_eq!(fault_kinds(&story), wanted, "{}", story.to_toml());
    }
    let unlimited = with(|story| {
        let settings = &mut story.routers[0].settings;
        (settings.max_groups, settings.max_sources) = (None, None);
    });
    assert_eq!(fault_kinds(&unlimited), 0, "a limit that is not set is no fault");
    let both = with(|story| {
        for at_ms in [1, 2] {
            story.steps.push(Step { at_ms, deed: Deed::Crash(CrashDeed { node: "r1".into() }) });
        }
        story.links.push(LinkPart { faults: Faults { loss_ppm: 1, ..none }, ..LinkPart::new("other") });
    });
    assert_eq!(fault_kinds(&both), 2, "crashes are one kind, and the worst link counts");
}

#[test]
fn mischief_counts_by_its_kind() {
    let kinds = [MischiefKind::Babbler, MischiefKind::Malformed, MischiefKind::Forger, MischiefKind::Switch];
    let seeds: Vec<Story> = SEEDS.map(story).filter(|story| story.mischief.len() > 1).collect();
    assert!(!seeds.is_empty());
    for story in seeds {
        let without = Story { mischief: Vec::new(), ..story.clone() };
        let present =
            kinds.iter().filter(|kind| story.mischief.iter().any(|part| part.kind == **kind)).count();
        assert_eq!(fault_kinds(&story), fault_kinds(&without) + present as u32);
    }
}

#[test]
fn verdict_counts_what_happened() {
    let story = story(0);
    let verdict = hunt::judge(&story);
    assert_eq!(verdict, hunt::judge(&story), "the same story gives the same verdict");
    assert_eq!(verdict.violation, None);
    let tally = verdict.tally;
    assert_eq!((tally.worlds, tally.routers), (1, story.routers.len() as u64));
    assert_eq!((tally.hosts, tally.fault_kinds), (story.hosts.len() as u64, fault_kinds(&story).into()));
    assert!(tally.deliveries > 100 && tally.simulated_ms > story.duration_ms);
    let mut sum = tally;
    sum += tally;
    assert_eq!(
        (sum.worlds, sum.deliveries, sum.simulated_ms),
        (2, 2 * tally.deliveries, 2 * tally.simulated_ms)
    );
}

#[test]
fn story_that_cannot_be_staged_breaks_a_rule() {
    let story = with(|story| story.routers[0].link = "nowhere".into());
    let violation = hunt::judge(&story).violation.expect("there is no such link");
    assert_eq!(violation.rule, "story");
    assert!(violation.text.contains("nowhere"), "{violation}");
}
