//! What a file may say: everything that a scenario has, and nothing else.

use core::net::Ipv6Addr;
use core::time::Duration;

use mld_proto::router::QuerierMode;
use mld_proto::settings::{KEYS, Settings};
use mld_proto::{FilterMode, SsmRange, Version};
use mld_sim::nodes::forger::{Forgery, Name};
use mld_sim::scenario::{
    AddressAction, Claim, ClockAction, CrashAction, Discards, Events, Expectation, FaultsAction,
    FaultsOffAction, ForgeryPart, Forwards, HostPart, JumpAction, Knows, KnowsNot, LeaveAction, LinkAction,
    LinkPart, ListenAction, ListenPart, Losses, MisbehaviourKind, MisbehaviourPart, PartitionAction, Queries,
    QueryKind, Quiet, Refusals, RefusedCalls, Reports, Role, RoleName, RouterAction, RouterPart, Scenario,
    StackKind, StateName, Step, StepAction, Told, UpAction,
};
use mld_sim::world::{Behaviour, Clock, Faults, HostVersion, Medium};

use crate::kept::scenarios;

const GROUP: Ipv6Addr = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 1);
const SOURCE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

fn address(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last)
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.version = Some(Version::V2);
    settings.querier = Some(QuerierMode::Auto);
    settings.robustness_variable = Some(3);
    settings.query_interval = Some(Duration::from_millis(60_500));
    settings.query_max_response_time = Some(Duration::from_millis(5001));
    settings.last_member_query_interval = Some(Duration::from_millis(500));
    settings.last_member_query_count = Some(4);
    settings.startup_query_interval = Some(Duration::from_secs(7));
    settings.startup_query_count = Some(5);
    settings.immediate_leave = Some(true);
    settings.require_router_alert = Some(false);
    settings.max_groups = Some(9);
    settings.max_group_sources = Some(8);
    settings.max_sources = Some(70);
    settings.mtu = Some(1400);
    settings.ssm_range = Some(SsmRange::EMPTY);
    settings.legacy_mali = Some(true);
    settings.strict_query_destination = Some(true);
    settings.ignore_v1_querier = Some(true);
    settings.version_1_reads_version_2_reports = Some(true);
    settings.version_2_only = Some(true);
    settings.ignore_link_local_groups = Some(true);
    settings
}

fn actions() -> Vec<StepAction> {
    let router = || RouterAction { router: "r1".into() };
    let faults = Faults { loss_ppm: 123_456, corrupt_ppm: 1, ..Faults::NONE };
    vec![
        StepAction::Listen(ListenAction {
            host: "h-2".into(),
            socket: 7,
            group: GROUP,
            mode: FilterMode::Include,
            sources: vec![SOURCE],
        }),
        StepAction::Leave(LeaveAction { host: "h".into(), socket: 1, group: GROUP }),
        StepAction::Up(UpAction { host: "h-1".into(), address: Some(address(0x99)), tentative: true }),
        StepAction::Crash(CrashAction { node: "evil".into() }),
        StepAction::Start(router()),
        StepAction::Stop(router()),
        StepAction::Restart(router()),
        StepAction::Address(AddressAction { node: "r1".into(), address: Some(address(3)) }),
        StepAction::Address(AddressAction { node: "r1".into(), address: None }),
        StepAction::Clock(ClockAction { router: "r1".into(), clock: Clock { tick_ms: 10, late_ms: 5 } }),
        StepAction::Jump(JumpAction { router: "r1".into(), by_ms: 1234 }),
        StepAction::Partition(PartitionAction { link: "one".into(), apart: vec!["r1".into(), "h".into()] }),
        StepAction::Heal(LinkAction { link: "one".into() }),
        StepAction::Faults(FaultsAction { link: "two".into(), now: faults }),
        StepAction::FaultsOff(FaultsOffAction {}),
    ]
}

fn claims() -> Vec<Claim> {
    vec![
        Claim::Knows(Knows {
            router: "r1".into(),
            group: GROUP,
            filter_mode: Some(FilterMode::Exclude),
            sources: Some(Vec::new()),
            requested: Some(vec![SOURCE]),
            state: Some(StateName::CheckingListeners),
            compatibility_mode: Some(1),
            expire_ms: Some(1999),
        }),
        Claim::KnowsNot(KnowsNot { router: "r1".into(), group: Some(GROUP) }),
        Claim::Forwards(Forwards { router: "r1".into(), group: GROUP, source: SOURCE, since_ms: Some(0) }),
        Claim::ForwardsNot(Forwards { router: "r1".into(), group: GROUP, source: SOURCE, since_ms: None }),
        Claim::Role(Role {
            router: "r1".into(),
            is: RoleName::NonQuerier,
            querier: Some(Ipv6Addr::UNSPECIFIED),
        }),
        Claim::Queries(Queries {
            from: Some("r1".into()),
            kind: Some(QueryKind::GroupAndSource),
            group: Some(GROUP),
            suppress: Some(false),
            since_ms: 1500,
            times_ms: Some(vec![1501, 2000]),
            ..Queries::default()
        }),
        Claim::Reports(Reports {
            from: Some("h".into()),
            record: Some("done".into()),
            group: Some(GROUP),
            count: Some(0),
            ..Reports::default()
        }),
        Claim::Events(Events {
            router: Some("r1".into()),
            event: Some(Told::Membership),
            group: Some(GROUP),
            has_members: Some(true),
            at_least: Some(1),
            at_most: Some(2),
            ..Events::default()
        }),
        Claim::Events(Events {
            event: Some(Told::Limit),
            limit: Some("max-sources".into()),
            count: Some(1),
            ..Events::default()
        }),
        Claim::Discards(Discards {
            router: Some("r1".into()),
            reason: Some("hop-limit".into()),
            count: Some(3),
            ..Discards::default()
        }),
        Claim::Refusals(Refusals { router: Some("r1".into()), count: Some(3), ..Refusals::default() }),
        Claim::RefusedCalls(RefusedCalls {
            host: Some("h".into()),
            group: Some(GROUP),
            why: Some("down".into()),
            count: Some(0),
            ..RefusedCalls::default()
        }),
        Claim::Losses(Losses {
            node: Some("h-3".into()),
            why: Some("down".into()),
            count: Some(3),
            ..Losses::default()
        }),
        Claim::Quiet(Quiet { node: Some("h".into()), since_ms: 1 }),
    ]
}

/// A scenario in which nothing is left out.
fn everything() -> Scenario {
    let faults = Faults {
        delay_ms: (1, 20),
        loss_ppm: 10_000,
        duplicate_ppm: 333_333,
        reorder_ppm: 1_000_000,
        reorder_ms: 40,
        corrupt_ppm: 7,
    };
    let hosts = HostPart {
        link: "one".into(),
        count: 3,
        version: HostVersion::TwoOnly,
        robustness: Some(3),
        unsolicited_report_interval_ms: Some(250),
        mtu: Some(1280),
        always_done: true,
        tentative_ms: 1200,
        start_ms: Some(1),
        listens: vec![ListenPart {
            socket: 1,
            group: GROUP,
            mode: FilterMode::Include,
            sources: vec![SOURCE],
        }],
        behaviours: vec![
            Behaviour::Churn { groups: vec![GROUP], sources: vec![SOURCE], every_ms: (1, 2) },
            Behaviour::Zapping { channels: vec![GROUP], every_ms: (2500, 2500) },
            Behaviour::SilentLeave { after_ms: 5000 },
            Behaviour::Reboot { groups: vec![GROUP], up_ms: (1, 2), down_ms: (3, 4) },
        ],
        ..HostPart::new("h", address(0x10))
    };
    let old = HostPart {
        link: "two".into(),
        stack: StackKind::Raw,
        version: HostVersion::One,
        ..HostPart::new("old", address(0x20))
    };
    let evil = |last, name: &str, kind| MisbehaviourPart {
        name: name.into(),
        link: "one".into(),
        address: address(last),
        kind,
        groups: vec![GROUP],
        sources: vec![SOURCE],
        every_ms: Some((10, 20)),
        turns: Some(5),
        forgeries: vec![ForgeryPart { message: Forgery::GeneralV1, name: Name::Below }],
        version: HostVersion::One,
        start_ms: 100,
        until_ms: Some(9000),
    };
    Scenario {
        title: "Everything".into(),
        about: "Two lines,\none with \"quotation marks\".\n".into(),
        seed: u64::MAX,
        duration_ms: 10_001,
        faults_off_ms: Some(9999),
        links: vec![
            LinkPart { snooping: true, faults, ..LinkPart::new("one") },
            LinkPart { medium: Medium::PointToPoint, ..LinkPart::new("two") },
        ],
        routers: vec![
            RouterPart {
                link: "one".into(),
                start_ms: Some(3),
                clock: Clock { tick_ms: 7, late_ms: 9 },
                settings: settings(),
                ..RouterPart::new("r1", address(1))
            },
            RouterPart { link: "two".into(), address: None, off: true, ..RouterPart::new("r2", address(2)) },
        ],
        hosts: vec![hosts, old],
        misbehaviour: vec![
            evil(0x66, "evil", MisbehaviourKind::Forger),
            evil(0x67, "babbler", MisbehaviourKind::Flood),
            evil(0x68, "broken", MisbehaviourKind::Malformed),
            evil(0x69, "switch", MisbehaviourKind::Switch),
        ],
        steps: actions().into_iter().map(|action| Step { at_ms: 5000, action }).collect(),
        expectations: claims().into_iter().map(|claim| Expectation { at_ms: 6001, claim }).collect(),
    }
}

#[test]
fn a_scenario_is_the_same_after_it_was_written_and_read() {
    let scenario = everything();
    let text = scenario.to_toml();
    assert_eq!(Scenario::parse(&text), Ok(scenario), "{text}");
    for path in scenarios("scenarios").into_iter().chain(scenarios("regressions")) {
        let scenario = Scenario::read(&path).expect("it can be used");
        assert_eq!(Scenario::parse(&scenario.to_toml()), Ok(scenario), "{}", path.display());
    }
}

#[test]
fn old_spellings_are_read_and_new_ones_written() {
    let old = |first: &str| {
        format!(
            "duration = 10\ncalm = {first}\n[[host]]\nname = \"h\"\naddress = \"fe80::a\"\nstation = \"raw\"\n\
             [[mischief]]\nname = \"m\"\naddress = \"fe80::66\"\nkind = \"babbler\"\n[[step]]\nat = 1\ncalm = {{}}\n"
        )
    };
    let new = old("5")
        .replace("calm", "faults-off")
        .replace("station", "stack")
        .replace("mischief", "misbehaviour");
    let scenario = Scenario::parse(&old("5")).expect("it can be used");
    assert_eq!(Scenario::parse(&new), Ok(scenario.clone()));
    let text = scenario.to_toml();
    for spelling in ["calm", "station", "mischief"] {
        assert!(!text.contains(spelling), "{text}");
    }
    let error = Scenario::parse(&old("11")).expect_err("it is after the end");
    assert_eq!(error, ":2:8: faults-off: is after the end of the scenario");
}

#[test]
fn every_key_of_a_configuration_is_written() {
    let text = everything().to_toml();
    let table: toml::Table = text.parse().expect("TOML");
    let router = table["router"][0]["config"].as_table().expect("the configuration");
    assert!(router.keys().eq(KEYS), "{router:?}");
}

#[test]
fn what_is_usual_is_not_written() {
    let scenario = Scenario {
        duration_ms: 1500,
        routers: vec![RouterPart::new("r1", address(1))],
        hosts: vec![HostPart::new("h1", address(0xa))],
        steps: vec![Step {
            at_ms: 1000,
            action: StepAction::Leave(LeaveAction { host: "h1".into(), socket: 0, group: GROUP }),
        }],
        ..Scenario::default()
    };
    let expected = r#"duration = 1.5

[[router]]
name = "r1"
address = "fe80::1"

[[host]]
name = "h1"
address = "fe80::a"

[[step]]
at = 1
leave = { host = "h1", group = "ff05::1" }
"#;
    assert_eq!(scenario.to_toml(), expected);
}

#[test]
fn a_range_stands_for_all_its_addresses() {
    let text = r#"
duration = 1
[[host]]
name = "h"
address = "fe80::a"
behaviours = [{ zapping = { channels = ["ff05::1..ff05::12", "ff05::ff"], every = 1 } }]
"#;
    let scenario = Scenario::parse(text).expect("it can be used");
    let [Behaviour::Zapping { channels, every_ms: (1000, 1000) }] = &scenario.hosts[0].behaviours[..] else {
        panic!("{:?}", scenario.hosts[0].behaviours);
    };
    assert_eq!(channels.len(), 0x12 + 1);
    assert_eq!(channels[0x11], "ff05::12".parse::<Ipv6Addr>().expect("an address"));
}

#[test]
fn every_error_names_line_and_key() {
    const WORLD: &str = "duration = 10\nrouter = [{ name = \"r1\", address = \"fe80::1\" }]\nhost = [{ name = \"h1\", address = \"fe80::a\" }]\n";
    let mut wrong = Vec::new();
    for (text, error) in [
        ("", ": missing field `duration`"),
        ("duration = -1", ":1:12: duration: must be 0 to 1000000000 seconds, not -1"),
        ("duration = 10\ncalm = 11", ":2:8: faults-off: is after the end of the scenario"),
        ("duration = 1\ncolour = 3", ":2:1: colour: unknown field `colour`, expected one of"),
        ("duration = 1\nseed = -1", ":2:8: seed: must be a whole number"),
        (
            "{W}[[link]]\nname = \"a\"\nfaults = { loss = 1.5 }",
            ":6:19: link 1: faults.loss: must be a probability from 0 to 1, not 1.5",
        ),
        (
            "{W}[[link]]\nname = \"a\"\nfaults = { delay = [2, 1] }",
            ":6:20: link 1: faults.delay: must be two times, the longer one last",
        ),
        (
            "{W}[[link]]\nname = \"a\"\n[[link]]\nname = \"a\"",
            ":7:8: link 2: name: a is the name of another link",
        ),
        (
            "{W}[[link]]\nname = \"a\"\n[[link]]\nname = \"b\"",
            ":2:11: router 1: link: must be named, there are several",
        ),
        (
            "{W}[[misbehaviour]]\nname = \"x\"\naddress = \"fe80::2\"\nkind = \"bore\"",
            ":7:8: misbehaviour 1: kind: unknown variant `bore`",
        ),
        (
            "{W}[[misbehaviour]]\nname = \"r1\"\naddress = \"fe80::2\"\nkind = \"babbler\"",
            ":5:8: misbehaviour 1: name: r1 is the name of another node",
        ),
        ("{W}[[step]]\nat = 1", ":4:1: step 1: a step says one of listen, leave, up,"),
        (
            "{W}[[step]]\nat = 1\ncalm = {}\nheal = {}",
            ":4:1: step 1: a step says one thing beside `at`, not faults-off as well",
        ),
        ("{W}[[step]]\nat = 11\ncalm = {}", ":5:6: step 1: at: is after the end of the scenario"),
        (
            "{W}[[step]]\nat = 1\nheal = { link = \"x\" }",
            ":6:17: step 1: heal.link: no link is called \"x\"; there are lan",
        ),
        ("{W}[[step]]\nat = 1\nstart = { router = \"h1\" }", ":6:20: step 1: start.router: h1 is no router"),
        ("{W}[[step]]\nat = 1\nup = { host = \"r1\" }", ":6:15: step 1: up.host: r1 is no host"),
        (
            "{W}[[step]]\nat = 1\ncrash = { node = \"zz\" }",
            ":6:18: step 1: crash.node: no node is called \"zz\"",
        ),
        (
            "{W}[[step]]\nat = 1\nleave = { host = \"h1\", group = \"fe80::1\" }",
            ":6:32: step 1: leave.group: fe80::1 is no multicast address",
        ),
        (
            "{W}[[step]]\nat = 1\nlisten = { host = \"h1\", group = \"x\" }",
            ":6:33: step 1: listen.group: invalid IPv6 address syntax",
        ),
        (
            "{W}[[expect]]\nat = 1\nqueries = { from = \"r1\" }",
            ":6:11: expect 1: queries: says how often: one of count, at-least, at-most, times",
        ),
        (
            "{W}[[expect]]\nat = 1\ndiscards = { reason = \"boredom\", count = 1 }",
            ":6:23: expect 1: discards.reason: must be one of truncated,",
        ),
        (
            "{W}[[expect]]\nat = 1\nknows = { router = \"h1\", group = \"ff05::1\" }",
            ":6:20: expect 1: knows.router: h1 is no router",
        ),
        (
            "{W}[[expect]]\nat = 1\nquiet = { since = 2 }",
            ":6:19: expect 1: quiet.since: must not be after `at`",
        ),
        (
            "duration = 1\n[[router]]\nname = \"r1\"\nconfig = { query-interval = 5 }",
            ":4:10: router 1: config:",
        ),
        (
            "duration = 1\n[[router]]\nname = \"r1\"\nconfig = { mtu = 5 }",
            ":4:18: router 1: config.mtu: mtu must be 1280 to 65535, not 5",
        ),
        ("duration = 1\n[[router]]\nname = \"\"", ":3:8: router 1: name: must not be empty"),
        (
            "duration = 1\n[[router]]\nname = \"r1\"\nclock = { tick = 0 }",
            ":4:18: router 1: clock.tick: must be at least 0.001 seconds",
        ),
        (
            "duration = 1\n[[host]]\nname = \"h\"\naddress = \"fe80::1\"\ncount = 0",
            ":5:9: host 1: count: must be 1 to 100000",
        ),
        (
            "duration = 1\n[[host]]\nname = \"h\"\naddress = \"fe80::1\"\nversion = 3",
            ":5:11: host 1: version: invalid value: integer `3`, expected 1, 2 or \"2-only\"",
        ),
        (
            "duration = 1\n[[host]]\nname = \"h\"\naddress = \"fe80::1\"\nbehaviours = [{ zapping = { channels = [], every = 1 } }]",
            ":5:14: host 1: behaviours: must have a group to go to",
        ),
    ] {
        let text = text.replace("{W}", WORLD);
        let given = Scenario::parse(&text).err().unwrap_or_default();
        if !given.starts_with(error) || given.contains('\n') {
            wrong.push((text, given, error));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
