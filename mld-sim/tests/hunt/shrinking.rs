//! Long scenarios that break a rule become short ones.
//!
//! The engine breaks no rule: those that are broken here are made up.

use core::time::Duration;

use mld_proto::settings::Settings;
use mld_proto::{FilterMode, Instant};
use mld_sim::hunt::{self, shrink_with};
use mld_sim::nodes::forger::{Forgery, Name};
use mld_sim::scenario::{
    CrashAction, FaultsAction, ForgeryPart, HostPart, JumpAction, LeaveAction, LinkPart, ListenAction,
    ListenPart, MisbehaviourKind, MisbehaviourPart, PartitionAction, RouterPart, Scenario, Step, StepAction,
    UpAction,
};
use mld_sim::world::{Behaviour, Call, Change, Clock, Faults, Happening, Loss, Observer, Scene, Violation};

use crate::support::{address, ip, judge_by, message};

type Rule = fn(&Scene<'_>, Instant, &Happening<'_>) -> bool;

/// Shrinks a scenario that breaks a made-up rule, and looks at what holds of all that was shrunk.
fn shrunk(long: &Scenario, rule: Rule, tries: u32) -> (Scenario, Violation) {
    let judge = |scenario: &Scenario| judge_by(scenario, rule).violation;
    let violation = judge(long).expect("the scenario breaks the rule");
    assert_eq!(violation.rule, "broken", "{violation}");
    let mut runs = 0;
    let (short, found) = shrink_with(long, &violation, tries, |scenario| {
        runs += 1;
        judge(scenario)
    });
    assert!(runs <= tries, "{runs} runs");
    assert_eq!(judge(&short).as_ref(), Some(&found), "the scenario breaks its rule as it was said");
    assert!(Scenario::parse(&short.to_toml()).expect("a scenario") == short, "it can be kept in a file");
    assert!(short.title.ends_with(", shrunk: broken"), "{}", short.title);
    assert_eq!(short.about, found.to_string());
    assert_eq!(short.seed, long.seed, "draws stay what they were");
    let is_spelled_out = long.hosts.iter().any(|host| !host.behaviours.is_empty());
    for (at, (less, more)) in lengths(&short).into_iter().zip(lengths(long)).enumerate() {
        // What a host did by itself may now stand among the steps.
        assert!(
            less <= more || (at == 4 && is_spelled_out),
            "length {at}: {less} of {more}: {}",
            short.to_toml()
        );
    }
    assert!(short.duration_ms <= long.duration_ms);
    (short, found)
}

/// The lengths of everything that a person has to read.
fn lengths(scenario: &Scenario) -> [usize; 7] {
    let listens = scenario.hosts.iter().map(|host| host.listens.len() + host.behaviours.len()).sum();
    [
        scenario.links.len(),
        scenario.routers.len(),
        scenario.hosts.len(),
        scenario.misbehaviour.len(),
        scenario.steps.len(),
        listens,
        // What it is called and about is told anew.
        Scenario { title: String::new(), about: String::new(), ..scenario.clone() }.to_toml().lines().count(),
    ]
}

fn listen(host: &str, group: &str, sources: &[&str]) -> StepAction {
    let sources = sources.iter().map(|source| ip(source)).collect();
    StepAction::Listen(ListenAction {
        host: host.into(),
        socket: 0,
        group: ip(group),
        mode: FilterMode::Exclude,
        sources,
    })
}

fn step(at_ms: u64, action: StepAction) -> Step {
    Step { at_ms, action }
}

/// Two routers, and hosts of which the first zaps.
fn evening() -> Scenario {
    let mut scenario = Scenario { title: "an evening".into(), duration_ms: 60_000, ..Scenario::default() };
    scenario.faults_off_ms = Some(scenario.duration_ms);
    scenario.links.push(LinkPart::new("lan"));
    for (name, address) in [("r1", "fe80::1"), ("r2", "fe80::2")] {
        scenario.routers.push(RouterPart { link: "lan".into(), ..RouterPart::new(name, ip(address)) });
    }
    let channels = (1..=4).map(|last| ip(&format!("ff05::1:{last}"))).collect();
    for (name, address) in [("h1", "fe80::a"), ("h2", "fe80::b"), ("h3", "fe80::c")] {
        let mut host = HostPart { link: "lan".into(), ..HostPart::new(name, ip(address)) };
        let (group, mode, sources) = (ip("ff05::2:1"), FilterMode::Exclude, Vec::new());
        host.listens.push(ListenPart { socket: 1, group, mode, sources });
        scenario.hosts.push(host);
    }
    scenario.hosts[0].listens.clear();
    scenario.hosts[0].behaviours.push(Behaviour::Zapping { channels, every_ms: (2000, 9000) });
    scenario
}

/// A frame from one router to another is lost in a partition.
fn routers_apart(scene: &Scene<'_>, _: Instant, happening: &Happening<'_>) -> bool {
    matches!(*happening, Happening::Lost { frame, to, why: Loss::Partition }
        if scene.is_router(frame.from) && scene.is_router(to))
}

#[test]
fn world_of_the_hunt_shrinks_to_two_routers_and_a_partition() {
    let breaks = |scenario: &Scenario| {
        judge_by(scenario, routers_apart).violation.is_some_and(|violation| violation.rule == "broken")
    };
    let long = (0..).map(hunt::scenario).find(breaks).expect("there is such a seed");
    assert!(long.hosts.len() > 3 && long.links[0].name == "lan");
    let (short, found) = shrunk(&long, routers_apart, 1500);
    assert_eq!(lengths(&short)[..6], [0, 2, 0, 0, 1, 0], "{}", short.to_toml());
    assert!(matches!(&short.steps[0].action, StepAction::Partition(action) if action.apart.len() == 1));
    assert!(short.routers.iter().all(|router| router.settings == Settings::default()), "{}", short.to_toml());
    assert_eq!(short.duration_ms, found.at.as_millis() + 1);
}

#[test]
fn what_a_host_does_by_itself_is_spelled_out_as_steps() {
    fn third_channel(_: &Scene<'_>, _: Instant, happening: &Happening<'_>) -> bool {
        matches!(happening, Happening::Host { call: Call::Listen { group, mode: FilterMode::Exclude, .. }, .. }
            if *group == ip("ff05::1:3"))
    }
    let (short, _) = shrunk(&evening(), third_channel, 400);
    // All but one of the calls of a minute of zapping can be left out, and that one need not wait.
    assert_eq!(lengths(&short)[..6], [0, 0, 1, 0, 1, 0], "{}", short.to_toml());
    assert_eq!(short.steps[0], step(0, listen("h1", "ff05::1:3", &[])));
}

#[test]
fn scenario_ends_when_its_rule_is_broken() {
    /// The Startup Query Interval has passed.
    fn second_query(_: &Scene<'_>, at: Instant, happening: &Happening<'_>) -> bool {
        matches!(happening, Happening::Sent { frame } if message(&frame.packet)[0] == 130 && at > Instant::ZERO)
    }
    let (short, found) = shrunk(&evening(), second_query, 400);
    assert_eq!(lengths(&short)[..6], [0, 1, 0, 0, 0, 0], "{}", short.to_toml());
    assert_eq!((found.at.as_millis(), short.duration_ms), (31_250, 31_251));
}

/// Breaks one rule where a host that has crashed listens to a group, and another one where it has not.
struct Crashes(bool);

impl Observer for Crashes {
    fn observe(&mut self, _: &Scene<'_>, _: Instant, happening: &Happening<'_>) -> Result<(), Violation> {
        match happening {
            Happening::Host { call: Call::Crash, .. } => self.0 = true,
            Happening::Host { call: Call::Listen { group, .. }, .. } if *group == ip("ff05::1:2") => {
                return Err(Violation::new(if self.0 { "broken" } else { "another" }, "as was asked for"));
            }
            _ => {}
        }
        Ok(())
    }
}

#[test]
fn another_rule_is_not_taken_for_the_one_that_was_broken() {
    let mut long = evening();
    long.hosts.truncate(1);
    long.hosts[0].behaviours.clear();
    let actions = [
        (1000, listen("h1", "ff05::1:1", &[])),
        (3000, StepAction::Crash(CrashAction { node: "h1".into() })),
        (5000, StepAction::Up(UpAction { host: "h1".into(), address: None, tentative: false })),
        (6000, listen("h1", "ff05::1:2", &[])),
    ];
    long.steps = actions.map(|(at_ms, action)| step(at_ms, action)).into();
    let judge =
        |scenario: &Scenario| hunt::judge_with(scenario, |world| world.observe(Crashes(false))).violation;
    let violation = judge(&long).expect("a rule is broken");
    assert_eq!(violation.rule, "broken");
    let (short, found) = shrink_with(&long, &violation, 400, judge);
    assert_eq!((found.rule, short.steps.len()), ("broken", 3), "{}", short.to_toml());
    assert!(matches!(short.steps[0].action, StepAction::Crash(_)));
}

#[test]
fn misbehaviour_does_what_it_must_and_nothing_else() {
    /// Somebody says Done of a group in the name of a host.
    fn forged(scene: &Scene<'_>, _: Instant, happening: &Happening<'_>) -> bool {
        matches!(happening, Happening::Sent { frame }
            if scene.name(frame.from) == "mallory"
                && message(&frame.packet)[0] == 132
                && address(message(&frame.packet), 8) == ip("ff05::3")
                && address(&frame.packet, 8) == ip("fe80::b"))
    }
    let mut long = evening();
    long.misbehaviour.push(MisbehaviourPart {
        name: "mallory".into(),
        link: "lan".into(),
        address: ip("fe80::bad"),
        kind: MisbehaviourKind::Forger,
        groups: (1..=5).map(|last| ip(&format!("ff05::{last}"))).collect(),
        sources: (1..=5).map(|last| ip(&format!("2001:db8::{last}"))).collect(),
        every_ms: Some((1, 30)),
        turns: None,
        forgeries: Vec::new(),
        version: Default::default(),
        start_ms: 20_000,
        until_ms: Some(50_000),
    });
    let (short, _) = shrunk(&long, forged, 1000);
    assert_eq!(lengths(&short)[..6], [0, 0, 1, 1, 0, 0], "{}", short.to_toml());
    let part = &short.misbehaviour[0];
    assert_eq!(part.forgeries, [ForgeryPart { message: Forgery::Done, name: Name::Host }]);
    assert_eq!((&part.groups[..], &part.sources[..]), (&[ip("ff05::3")][..], &[][..]));
    assert_eq!((part.start_ms, part.until_ms, part.every_ms), (0, None, None));
    assert_eq!(part.turns, Some(1), "{}", short.to_toml());
}

#[test]
fn steps_are_brought_forward_as_far_as_the_rule_allows() {
    /// A second group is asked for at least a minute after a first one.
    fn a_minute_later(scene: &Scene<'_>, at: Instant, happening: &Happening<'_>) -> bool {
        let Happening::Host { node, call: Call::Listen { group, .. } } = happening else { return false };
        // The first one has been wanted for a minute: somebody has been asked about it since.
        let is_meant = *group == ip("ff05::b") && scene.name(*node) == "h2";
        is_meant
            && scene.wants(*node).is_some_and(|wants| wants.contains_key(&ip("ff05::a")))
            && at >= Instant::from_millis(60_000)
    }
    let mut long = evening();
    long.duration_ms = 900_000;
    long.faults_off_ms = Some(900_000);
    long.hosts[1].start_ms = Some(70_000);
    long.routers[0].start_ms = Some(33_333);
    long.steps = vec![
        step(100_000, listen("h2", "ff05::a", &[])),
        step(200_000, listen("h3", "ff05::a", &[])),
        step(654_321, listen("h2", "ff05::b", &[])),
    ];
    let (short, found) = shrunk(&long, a_minute_later, 400);
    let wanted = [step(0, listen("h2", "ff05::a", &[])), step(60_000, listen("h2", "ff05::b", &[]))];
    assert_eq!(short.steps, wanted);
    assert_eq!((short.hosts[0].start_ms, found.at.as_millis()), (None, 60_000));
}

/// Breaks its rule where a host asks for one group after a minute, and for another one at any time.
struct Late(bool);

impl Observer for Late {
    fn observe(
        &mut self,
        scene: &Scene<'_>,
        at: Instant,
        happening: &Happening<'_>,
    ) -> Result<(), Violation> {
        let Happening::Host { node, call: Call::Listen { group, .. } } = happening else { return Ok(()) };
        self.0 |= *group == ip("ff05::a") && at >= Instant::from_millis(60_000);
        let wants = |group| scene.wants(*node).is_some_and(|wants| wants.contains_key(&ip(group)));
        if self.0 && wants("ff05::b") { Err(Violation::new("broken", "as was asked for")) } else { Ok(()) }
    }
}

#[test]
fn step_is_brought_forward_past_one_that_must_wait() {
    let mut long = evening();
    (long.duration_ms, long.faults_off_ms) = (300_000, Some(300_000));
    long.steps =
        vec![step(100_000, listen("h3", "ff05::a", &[])), step(200_000, listen("h3", "ff05::b", &[]))];
    let judge =
        |scenario: &Scenario| hunt::judge_with(scenario, |world| world.observe(Late(false))).violation;
    let violation = judge(&long).expect("a rule is broken");
    let (short, found) = shrink_with(&long, &violation, 400, judge);
    let wanted = [step(0, listen("h3", "ff05::b", &[])), step(60_000, listen("h3", "ff05::a", &[]))];
    assert_eq!(short.steps, wanted);
    assert_eq!((found.at.as_millis(), short.duration_ms), (60_000, 60_001));
}

#[test]
fn lists_keep_only_the_sources_that_matter() {
    /// One source is kept out of two groups.
    fn kept_out(scene: &Scene<'_>, _: Instant, happening: &Happening<'_>) -> bool {
        let Happening::Host { node, .. } = happening else { return false };
        let keeps_out = |group: &str| {
            let wants = scene.wants(*node).and_then(|wants| wants.get(&ip(group)));
            wants.is_some_and(|wants| wants.exclude && wants.sources.contains(&ip("2001:db8::3")))
        };
        keeps_out("ff05::a") && keeps_out("ff05::b")
    }
    // More than fit into a Report.
    let many: Vec<String> = (1..=150).map(|last| format!("2001:db8::{last:x}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut long = evening();
    long.hosts[1].mtu = Some(1280);
    long.hosts[1].listens.push(ListenPart {
        socket: 0,
        group: ip("ff05::a"),
        mode: FilterMode::Exclude,
        sources: many.iter().map(|source| ip(source)).collect(),
    });
    long.steps.push(step(5000, listen("h2", "ff05::b", &many)));
    let (short, _) = shrunk(&long, kept_out, 400);
    assert_eq!(short.hosts[0].listens[0].sources, [ip("2001:db8::3")]);
    assert_eq!(short.hosts[0].mtu, None);
    assert_eq!(short.steps, [step(0, listen("h2", "ff05::b", &["2001:db8::3"]))]);
}

#[test]
fn settings_that_do_not_matter_are_the_default_again() {
    /// A Query that announces a robustness of 4 is sent.
    fn robust(_: &Scene<'_>, _: Instant, happening: &Happening<'_>) -> bool {
        matches!(happening, Happening::Sent { frame }
            if message(&frame.packet)[0] == 130 && message(&frame.packet)[24] & 7 == 4)
    }
    let mut long = evening();
    for router in &mut long.routers {
        let settings = &mut router.settings;
        settings.robustness_variable = Some(4);
        settings.query_interval = Some(Duration::from_secs(60));
        settings.query_max_response_time = Some(Duration::from_secs(50));
        settings.max_groups = Some(64);
        settings.legacy_mali = Some(true);
        router.clock = Clock { tick_ms: 100, late_ms: 20 };
    }
    let (short, _) = shrunk(&long, robust, 400);
    assert_eq!(short.routers.len(), 1);
    let mut wanted = Settings::default();
    wanted.robustness_variable = Some(4);
    assert_eq!((short.routers[0].settings, short.routers[0].clock), (wanted, Clock::EXACT));
}

#[test]
fn settings_of_all_routers_are_the_default_again_together() {
    /// A router hears a Query with its own interval from another one.
    fn agreed(scene: &Scene<'_>, _: Instant, happening: &Happening<'_>) -> bool {
        let Happening::Delivered { to, packet, .. } = *happening else { return false };
        let engine = scene.engine(to).filter(|_| message(packet)[0] == 130);
        engine.is_some_and(|engine| {
            engine.config().query_interval() == Duration::from_secs(message(packet)[25].into())
        })
    }
    let mut long = evening();
    for router in &mut long.routers {
        router.settings.query_interval = Some(Duration::from_secs(60));
    }
    let (short, _) = shrunk(&long, agreed, 400);
    assert_eq!(short.routers.len(), 2);
    assert!(short.routers.iter().all(|router| router.settings == Settings::default()), "{}", short.to_toml());
}

#[test]
fn link_has_only_the_faults_that_matter() {
    fn lost(_: &Scene<'_>, _: Instant, happening: &Happening<'_>) -> bool {
        matches!(happening, Happening::Lost { why: Loss::Chance, .. })
    }
    let rough = Faults {
        loss_ppm: 500_000,
        duplicate_ppm: 100_000,
        reorder_ppm: 100_000,
        reorder_ms: 50,
        corrupt_ppm: 100_000,
        delay_ms: (3, 30),
    };
    let only_loss = Faults { loss_ppm: 500_000, ..Faults::NONE };
    let mut long = evening();
    long.links[0].faults = rough;
    long.links[0].snooping = true;
    let (short, _) = shrunk(&long, lost, 400);
    assert_eq!((short.links[0].faults, short.links[0].snooping), (only_loss, false));
    // Nor has it if they come later.
    let mut long = evening();
    long.steps = vec![step(10_000, StepAction::Faults(FaultsAction { link: "lan".into(), now: rough }))];
    let (short, _) = shrunk(&long, lost, 400);
    assert!(
        matches!(&short.steps[..], [Step { action: StepAction::Faults(action), .. }, ..] if action.now == only_loss),
        "{}",
        short.to_toml()
    );
}

#[test]
fn clock_jumps_no_further_than_it_must() {
    fn far(_: &Scene<'_>, _: Instant, happening: &Happening<'_>) -> bool {
        matches!(happening, Happening::Change { what: Change::Jump { by_ms, .. } } if *by_ms >= 2000)
    }
    let mut long = evening();
    long.steps = vec![step(20_000, StepAction::Jump(JumpAction { router: "r1".into(), by_ms: 300_000 }))];
    let (short, _) = shrunk(&long, far, 400);
    assert_eq!(short.steps, [step(0, StepAction::Jump(JumpAction { router: "r1".into(), by_ms: 2000 }))]);
}

#[test]
fn partition_names_only_who_must_be_apart() {
    let mut long = evening();
    let apart = ["r1", "h1", "h3"].map(str::to_owned).into();
    long.steps = vec![step(1, StepAction::Partition(PartitionAction { link: "lan".into(), apart }))];
    let (short, _) = shrunk(&long, routers_apart, 400);
    assert!(
        matches!(&short.steps[..], [Step { action: StepAction::Partition(action), .. }]
            if action.apart == ["r1"] && action.link.is_empty()),
        "{}",
        short.to_toml()
    );
}

#[test]
fn panic_is_a_broken_rule_with_its_moment_and_shrinks() {
    let mut long = evening();
    let leave = LeaveAction { host: "h2".into(), socket: 1, group: ip("ff05::2:1") };
    long.steps.push(step(40_000, StepAction::Leave(leave)));
    let panics = |scenario: &Scenario| {
        judge_by(scenario, |_, _, happening| {
            let is_leave = matches!(happening, Happening::Host { call: Call::Listen { group, mode, .. }, .. }
                if *group == ip("ff05::2:1") && *mode == FilterMode::Include);
            assert!(!is_leave, "nobody leaves");
            false
        })
    };
    let verdict = panics(&long);
    let violation = verdict.violation.expect("it panics");
    assert_eq!((violation.rule, violation.at.as_millis()), ("panic", 40_000));
    assert!(violation.text.ends_with("nobody leaves"), "{}", violation.text);
    assert!(verdict.tally.deliveries > 0 && verdict.tally.simulated_ms == 40_000, "{:?}", verdict.tally);
    let (short, found) = shrink_with(&long, &violation, 400, |scenario| panics(scenario).violation);
    assert_eq!((found.rule, found.at.as_millis(), short.duration_ms), ("panic", 0, 1));
    assert_eq!(lengths(&short)[..6], [0, 0, 1, 0, 1, 0], "{}", short.to_toml());
}

#[test]
fn without_tries_a_scenario_stays_as_it_is() {
    let long = evening();
    let violation = Violation::new("broken", "long ago");
    let (same, found) = hunt::shrink(&long, &violation, 0);
    assert_eq!(found, violation);
    let named = Scenario { title: same.title.clone(), about: same.about.clone(), ..long };
    assert!(same == named);
}

#[test]
fn sound_scenario_is_not_shortened() {
    let long = evening();
    let (same, _) = hunt::shrink(&long, &Violation::new("settled", "it was not"), 50);
    let named = Scenario { title: same.title.clone(), about: same.about.clone(), ..long };
    assert!(same == named);
}

#[test]
fn same_scenario_shrinks_to_the_same() {
    let long = evening();
    let again = || shrunk(&long, |_, at, _| at > Instant::from_millis(30_000), 60);
    assert!(again() == again());
}
