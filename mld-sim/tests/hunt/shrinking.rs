//! Long stories that break a rule become short ones.
//!
//! The engine breaks no rule. What breaks one here is a partition after the moment at which all faults are said to have
//! ended: two routers then query, or a router does not know what a host wants.

use mld_proto::FilterMode;
use mld_sim::hunt::{self, judge, shrink};
use mld_sim::judge::Violation;
use mld_sim::story::{CrashDeed, Deed, HostPart, ListenDeed, PartitionDeed, RouterPart, Step, Story, UpDeed};
use mld_sim::world::Behaviour;

fn ip(text: &str) -> core::net::Ipv6Addr {
    text.parse().expect("an address")
}

/// A story of the hunt and how it breaks a rule.
fn broken(story: &Story) -> Violation {
    judge(story).violation.expect("the story breaks a rule")
}

/// Parts some nodes of the first link from the others, one second after all faults have ended.
fn parted(mut story: Story, apart: &[&str]) -> Story {
    story.duration_ms += 1000;
    let link = story.links[0].name.clone();
    let apart = apart.iter().map(|name| (*name).to_owned()).collect();
    story.steps.push(Step { at_ms: story.duration_ms, deed: Deed::Partition(PartitionDeed { link, apart }) });
    story
}

/// The lengths of everything that a person has to read.
fn lengths(story: &Story) -> [usize; 7] {
    let listens = story.hosts.iter().map(|host| host.listens.len() + host.behaviours.len()).sum();
    [
        story.links.len(),
        story.routers.len(),
        story.hosts.len(),
        story.mischief.len(),
        story.steps.len(),
        listens,
        // What it is called and about is told anew.
        Story { title: String::new(), about: String::new(), ..story.clone() }.to_toml().lines().count(),
    ]
}

fn is_no_longer(shrunk: &Story, story: &Story) {
    for (at, (shrunk, long)) in lengths(shrunk).into_iter().zip(lengths(story)).enumerate() {
        assert!(shrunk <= long, "length {at}: {shrunk} of {long}");
    }
    assert!(shrunk.duration_ms <= story.duration_ms);
}

/// What holds of everything that was shrunk.
fn is_kept(shrunk: &Story, violation: &Violation) {
    assert_eq!(judge(shrunk).violation.as_ref(), Some(violation), "the story breaks its rule as it was said");
    assert!(Story::parse(&shrunk.to_toml()).expect("a story") == *shrunk, "it can be kept in a file");
    assert!(shrunk.title.ends_with(&format!(", shrunk: {}", violation.rule)), "{}", shrunk.title);
    assert_eq!(shrunk.about, violation.to_string());
}

/// The first story of the hunt with two routers of one version that start at once.
fn with_two_routers() -> Story {
    let is_plain = |router: &RouterPart| {
        let settings = &router.settings;
        let is_usual = settings.version.is_none() && settings.querier.is_none();
        is_usual && settings.ignore_v1_querier.is_none() && settings.version_2_only.is_none()
    };
    let is_fit = |story: &Story| {
        let routers = || story.routers.iter().filter(|router| router.link == story.links[0].name);
        routers().count() >= 2 && story.hosts.len() > 5 && !story.steps.is_empty() && routers().all(is_plain)
    };
    let mut story = (0..).map(hunt::story).find(is_fit).expect("there is such a seed");
    for router in &mut story.routers {
        (router.address, router.off) = (router.address.or_else(|| Some(ip("fe80::7777"))), false);
    }
    let names: Vec<String> = story.routers.iter().map(|router| router.name.clone()).collect();
    // Nothing happens to the routers but what is to be found.
    story
        .steps
        .retain(|step| !names.iter().any(|name| format!("{:?}", step.deed).contains(&format!("\"{name}\""))));
    story
}

#[test]
fn shrunk_story_breaks_the_same_rule_with_two_routers_and_a_partition() {
    let long = with_two_routers();
    let apart = long.routers[0].name.clone();
    let long = parted(long, &[&apart]);
    let violation = broken(&long);
    assert_eq!(violation.rule, "one-querier");
    let (short, found) = shrink(&long, &violation, 400);
    assert_eq!(found.rule, "one-querier");
    is_kept(&short, &found);
    is_no_longer(&short, &long);
    let [links, routers, hosts, mischief, steps, ..] = lengths(&short);
    assert_eq!([links, routers, hosts, mischief, steps], [1, 2, 0, 0, 1], "{}", short.to_toml());
    assert!(matches!(short.steps[0].deed, Deed::Partition(_)));
    assert!(short.seed == long.seed, "draws stay what they were");
}

/// A router, and a host that zaps until calm comes and is apart from then on, among others.
fn zapping() -> Story {
    let mut story =
        Story { title: "zapping".into(), duration_ms: 60_000, calm_ms: Some(60_000), ..Story::default() };
    story.links.push(mld_sim::story::LinkPart::new("lan"));
    story.routers.push(RouterPart { link: "lan".into(), ..RouterPart::new("r1", ip("fe80::1")) });
    let channels = (1..=4).map(|last| ip(&format!("ff05::1:{last}"))).collect();
    for (name, address) in [("h1", "fe80::a"), ("h2", "fe80::b"), ("h3", "fe80::c")] {
        let mut host = HostPart { link: "lan".into(), ..HostPart::new(name, ip(address)) };
        host.listens.push(mld_sim::story::ListenPart {
            socket: 1,
            group: ip("ff05::2:1"),
            mode: FilterMode::Exclude,
            sources: Vec::new(),
        });
        story.hosts.push(host);
    }
    story.hosts[0].listens.clear();
    story.hosts[0].behaviours.push(Behaviour::Zapping { channels, every_ms: (2000, 9000) });
    parted(story, &["h1"])
}

#[test]
fn what_a_host_does_by_itself_is_spelled_out_as_steps() {
    let long = zapping();
    let violation = broken(&long);
    assert_eq!(violation.rule, "settled");
    let (short, found) = shrink(&long, &violation, 400);
    is_kept(&short, &found);
    assert_eq!((found.rule, short.hosts.len()), ("settled", 1), "{}", short.to_toml());
    assert!(short.hosts[0].behaviours.is_empty(), "{}", short.to_toml());
    // All but one of the calls of a minute of zapping can be left out.
    let listens = short.steps.iter().filter(|step| matches!(step.deed, Deed::Listen(_)));
    assert_eq!((listens.count(), short.steps.len()), (1, 2), "{}", short.to_toml());
}

#[test]
fn story_ends_when_its_rule_is_broken() {
    let mut long = zapping();
    // Nobody may join a group of source-specific multicast without a source.
    let refused = ListenDeed {
        host: "h2".into(),
        socket: 0,
        group: ip("ff3e::8000:1"),
        mode: FilterMode::Exclude,
        sources: Vec::new(),
    };
    long.steps.insert(0, Step { at_ms: 20_000, deed: Deed::Listen(refused) });
    let violation = broken(&long);
    assert_eq!((violation.rule, violation.at.as_millis()), ("refused", 20_000));
    let (short, found) = shrink(&long, &violation, 400);
    is_kept(&short, &found);
    is_no_longer(&short, &long);
    assert_eq!((found.rule, found.at.as_millis(), short.duration_ms), ("refused", 20_000, 20_001));
    assert_eq!(lengths(&short)[..6], [1, 0, 1, 0, 1, 0], "{}", short.to_toml());
}

#[test]
fn another_rule_is_not_taken_for_the_one_that_was_broken() {
    let mut long = zapping();
    long.hosts.truncate(1);
    long.hosts[0].behaviours.clear();
    let listen = |group| {
        let (host, group) = ("h1".into(), ip(group));
        Deed::Listen(ListenDeed { host, socket: 0, group, mode: FilterMode::Exclude, sources: Vec::new() })
    };
    // While the host is down it refuses nothing: leave the crash out, and another rule is broken.
    let deeds = [
        (1000, listen("ff05::1:1")),
        (2000, listen("ff05::1:2")),
        (3000, Deed::Crash(CrashDeed { node: "h1".into() })),
        (4000, listen("ff3e::8000:1")),
        (5000, Deed::Up(UpDeed { host: "h1".into(), address: None, tentative: false })),
        (6000, listen("ff05::1:1")),
    ];
    long.steps.splice(0..0, deeds.map(|(at_ms, deed)| Step { at_ms, deed }));
    let mut without = long.clone();
    without.steps.drain(..3);
    assert_eq!(broken(&without).rule, "refused");
    let violation = broken(&long);
    assert_eq!(violation.rule, "settled");
    let (short, found) = shrink(&long, &violation, 400);
    is_kept(&short, &found);
    assert_eq!((found.rule, short.steps.len()), ("settled", 2), "{}", short.to_toml());
}

#[test]
fn without_tries_a_story_stays_as_it_is() {
    let long = zapping();
    let violation = broken(&long);
    let (same, found) = shrink(&long, &violation, 0);
    assert_eq!(found, violation);
    let named = Story { title: same.title.clone(), about: same.about.clone(), ..long };
    assert!(same == named);
}

#[test]
fn same_story_shrinks_to_the_same() {
    let long = zapping();
    let violation = broken(&long);
    assert!(shrink(&long, &violation, 60) == shrink(&long, &violation, 60));
}
