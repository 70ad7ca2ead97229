//! What hosts must say, and when: scripts that are right, and the same with one thing wrong.

use mld_proto::{Config, FilterMode, Version};
use mld_sim::judge::Judges;
use mld_sim::packet::write::{ALLOW, BLOCK, DONE, IS_EX, IS_IN, REPORT_V1, TO_EX, TO_IN};
use mld_sim::world::{Action, Call, Violation};
use mld_sim::{Host, Link, Router, World};

use crate::support::{GROUP, HOST, ROUTER, Speaker, broken, ip, judged, ms, report, said_in_version_1};

const ONE: &str = "2001:db8::1";
const TWO: &str = "2001:db8::2";
const NEIGHBOUR: &str = "fe80::b";
const JOIN: (FilterMode, &[&str]) = (FilterMode::Exclude, &[]);
const LEAVE: (FilterMode, &[&str]) = (FilterMode::Include, &[]);
const FIRST: (FilterMode, &[&str]) = (FilterMode::Include, &[ONE]);
const BOTH: (FilterMode, &[&str]) = (FilterMode::Include, &[ONE, TWO]);
const ALL_BUT_ONE: (FilterMode, &[&str]) = (FilterMode::Exclude, &[ONE]);

/// When a call is made, and what is wanted from then on.
type Wish = (u64, (FilterMode, &'static [&'static str]));
/// When a record is sent: its type and sources.
type Said = (u64, u8, &'static [&'static str]);

/// A link with a querier, which asks at 0 s, at 31.25 s, and every 125 s from there.
struct Script {
    querier: Version,
    tentative_ms: u64,
    neighbour: Vec<(u64, Vec<u8>)>,
    wishes: &'static [Wish],
}

impl Script {
    const fn new(wishes: &'static [Wish]) -> Self {
        Self { querier: Version::V2, tentative_ms: 0, neighbour: Vec::new(), wishes }
    }

    /// What the judges say of a host that says this, and nothing else.
    fn judge(self, host: Speaker) -> Result<(), Violation> {
        let mut world = World::new(1);
        let judges = Judges::watch(&mut world);
        let lan = world.link(Link::ethernet());
        let host = Host::new("h1", ip(HOST), host).tentative_for_ms(self.tentative_ms);
        let host = world.host(lan, host);
        world.host(lan, Host::new("m1", ip(NEIGHBOUR), Speaker::new(self.neighbour)));
        let config = Config::builder().version(self.querier).build().expect("a version alone");
        world.router(lan, Router::new("r1", ip(ROUTER)).config(config));
        for &(at, (mode, sources)) in self.wishes {
            let sources = sources.iter().map(|source| ip(source)).collect();
            world.at(ms(at), Action::Host(host, Call::Listen { socket: 0, group: ip(GROUP), mode, sources }));
        }
        judged(&mut world, &judges, 100_000)
    }

    fn says(self, said: &[Said]) -> Result<(), Violation> {
        let plan = said.iter().map(|&(at, kind, sources)| (at, report(HOST, kind, GROUP, sources)));
        self.judge(Speaker::honest(plan.collect()))
    }
}

fn in_version_1(said: &[(u64, u8)]) -> Vec<(u64, Vec<u8>)> {
    said.iter().map(|&(at, kind)| (at, said_in_version_1(HOST, kind, GROUP))).collect()
}

/// The rule, and that the text has these words.
fn breaks(result: Result<(), Violation>, rule: &str, words: &str) {
    let (broken, at, text) = broken(result);
    assert_eq!(broken, rule, "at {at}: {text}");
    assert!(text.starts_with("h1: ") && text.contains(words), "at {at}: {text}");
}

/// The Query of 31.25 s is answered until 41.25 s.
const ANSWER: Said = (40_000, IS_EX, &[]);

#[test]
fn change_of_mode_is_said_robustness_times_within_an_interval_each() {
    let joins = || Script::new(&[(5000, JOIN)]);
    for second in [5001, 6000] {
        let said = [(5000, TO_EX, &[][..]), (second, TO_EX, &[]), ANSWER];
        joins().says(&said).expect("all is said");
    }
    breaks(joins().says(&[(5001, TO_EX, &[]), (5002, TO_EX, &[]), ANSWER]), "host-change", "at once");
    breaks(joins().says(&[(5000, TO_EX, &[]), (6001, TO_EX, &[]), ANSWER]), "host-change", "1 times only");
    let thrice = [(5000, TO_EX, &[][..]), (5500, TO_EX, &[]), (5600, TO_EX, &[]), ANSWER];
    breaks(joins().says(&thrice), "host-change", "more often");
}

#[test]
fn sources_are_said_robustness_times_each() {
    let grows = || Script::new(&[(5000, FIRST), (5400, BOTH)]);
    let answer = (40_000, IS_IN, &[ONE, TWO][..]);
    let right = [(5000, ALLOW, &[ONE][..]), (5400, ALLOW, &[ONE, TWO]), (6000, ALLOW, &[TWO]), answer];
    grows().says(&right).expect("all is said");
    let [first, second, third, _] = right;
    let left_out = [first, (5400, ALLOW, &[TWO][..]), third, answer];
    breaks(grows().says(&left_out), "host-change", "does not repeat 2001:db8::1");
    let too_often = [first, second, (6000, ALLOW, &[ONE, TWO]), answer];
    breaks(grows().says(&too_often), "host-change", "reports 2001:db8::1 more often");
    breaks(grows().says(&[first, second, answer]), "host-change", "1 times only");
}

#[test]
fn filter_mode_stays_in_reports_until_it_was_said_often_enough() {
    let blocks = || Script::new(&[(5000, JOIN), (5400, ALL_BUT_ONE)]);
    let (first, answer) = ((5000, TO_EX, &[][..]), (40_000, IS_EX, &[ONE][..]));
    // The source was said once beside the mode, and is said once more without it.
    blocks().says(&[first, (5400, TO_EX, &[ONE]), (6000, BLOCK, &[ONE]), answer]).expect("all is said");
    let too_early = [first, (5400, BLOCK, &[ONE]), (6000, BLOCK, &[ONE]), answer];
    breaks(blocks().says(&too_early), "host-change", "does not repeat the filter mode");
}

#[test]
fn leaving_is_said_as_often_as_joining() {
    let leaves = || Script::new(&[(5000, JOIN), (20_000, LEAVE)]);
    let joined = [(5000, TO_EX, &[][..]), (6000, TO_EX, &[])];
    let [first, second] = joined;
    leaves().says(&[first, second, (20_000, TO_IN, &[]), (20_500, TO_IN, &[])]).expect("all is said");
    breaks(leaves().says(&[first, second, (20_000, TO_IN, &[])]), "host-change", "1 times only");
    breaks(leaves().says(&[first, second]), "host-change", "at once");
}

#[test]
fn groups_are_reported_when_the_address_is_no_longer_tentative() {
    let tentative = || Script { tentative_ms: 3000, ..Script::new(&[(1000, JOIN)]) };
    let said = [(1000, TO_EX, &[][..]), (3000, TO_EX, &[]), (3900, TO_EX, &[]), ANSWER];
    let plan = |said: &[Said]| -> Vec<_> {
        let source = |at| if at < 3000 { "::" } else { HOST };
        said.iter().map(|&(at, kind, sources)| (at, report(source(at), kind, GROUP, sources))).collect()
    };
    tentative().judge(Speaker::honest(plan(&said))).expect("all is said");
    breaks(tentative().judge(Speaker::honest(plan(&[said[0], ANSWER]))), "host-change", "at once");
}

#[test]
fn what_was_asked_is_answered_as_a_whole_and_nothing_else_is() {
    let joined = [(5000, ALLOW, &[ONE, TWO][..]), (5900, ALLOW, &[ONE, TWO])];
    let [first, second] = joined;
    let wants = || Script::new(&[(5000, BOTH)]);
    let (all, part) = ((41_250, IS_IN, &[ONE, TWO][..]), (41_000, IS_IN, &[ONE][..]));
    wants().says(&[first, second, all]).expect("all is said");
    wants().says(&[first, second, part, (41_250, IS_IN, &[TWO])]).expect("all is said, in two parts");
    breaks(wants().says(&[first, second, part]), "host-answer", "did not answer until 41250");
    let late = [first, second, (41_251, IS_IN, &[ONE, TWO][..])];
    breaks(wants().says(&late), "host-answer", "did not answer until 41250");
    let unasked = [first, second, (20_000, IS_IN, &[ONE, TWO][..]), all];
    breaks(wants().says(&unasked), "host-answer", "without a Query");
}

#[test]
fn one_version_is_spoken_at_a_time() {
    let joins = || Script::new(&[(5000, JOIN)]);
    let old = || Script { querier: Version::V1, ..joins() };
    let in_2 = [(5000, report(HOST, TO_EX, GROUP, &[]))].to_vec();
    let in_1 = in_version_1(&[(5000, REPORT_V1), (6000, REPORT_V1), (40_000, REPORT_V1)]);
    old().judge(Speaker::honest(in_1.clone())).expect("all is said");
    breaks(old().judge(Speaker::honest(in_2)), "host-version", "MLDv2 Report in MLDv1 mode");
    breaks(joins().judge(Speaker::honest(in_1)), "host-version", "MLDv1 message in MLDv2 mode");
}

#[test]
fn host_of_version_1_reports_repeats_answers_and_is_done() {
    let stays = || Script::new(&[(5000, JOIN), (60_000, LEAVE)]);
    let said = [(5000, REPORT_V1), (15_000, REPORT_V1), (41_250, REPORT_V1), (60_000, DONE)];
    let judge =
        |script: Script, said: &[(u64, u8)]| script.judge(Speaker::honest_in_version_1(in_version_1(said)));
    let [first, again, answer, done] = said;
    judge(stays(), &said).expect("all is said");
    judge(stays(), &[first, again, (20_000, REPORT_V1), answer, done]).expect("it may be repeated twice");
    breaks(judge(stays(), &[again, answer, done]), "host-answer", "until 5000");
    breaks(judge(stays(), &[first, answer, done]), "host-answer", "until 15000");
    breaks(judge(stays(), &[first, again, done]), "host-answer", "until 41250");
    breaks(judge(stays(), &[first, again, (41_251, REPORT_V1), done]), "host-answer", "until 41250");
    breaks(judge(stays(), &[first, again, answer]), "host-answer", "no Done");
    breaks(judge(stays(), &[first, again, answer, done, (61_000, DONE)]), "host-change", "did not just stop");
    breaks(judge(stays(), &[first, again, answer, (50_000, REPORT_V1), done]), "host-answer", "not due");
    breaks(
        judge(stays(), &[first, again, answer, done, (61_000, REPORT_V1)]),
        "host-truth",
        "no socket wants",
    );
    breaks(judge(stays(), &[first, again, answer, (50_000, DONE), done]), "host-truth", "a socket wants");
}

#[test]
fn report_of_another_stands_for_the_own_one_only_while_that_is_pending() {
    let other = |at| vec![(at, said_in_version_1(NEIGHBOUR, REPORT_V1, GROUP))];
    let stays = |at| Script { neighbour: other(at), ..Script::new(&[(5000, JOIN), (60_000, LEAVE)]) };
    let judge =
        |script: Script, said: &[(u64, u8)]| script.judge(Speaker::honest_in_version_1(in_version_1(said)));
    let (first, again, answer, done) =
        ((5000, REPORT_V1), (15_000, REPORT_V1), (41_250, REPORT_V1), (60_000, DONE));
    judge(stays(35_000), &[first, again]).expect("the other one reported last");
    judge(stays(35_000), &[first, again, done]).expect("it may say Done nevertheless");
    breaks(judge(stays(35_000), &[first, again, answer, done]), "host-answer", "not due");
    breaks(judge(stays(50_000), &[first, again, answer]), "host-answer", "no Done");
    breaks(judge(stays(30_000), &[first, again, done]), "host-answer", "until 41250");
}
