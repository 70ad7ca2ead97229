//! Judges that are shown something else than what happens, as if the engine had done it.

use core::cell::Cell;
use std::rc::Rc;

use mld_proto::router::{Item, Limit};
use mld_proto::wire::MessageKind;
use mld_proto::{Config, Discard, Instant};
use mld_sim::judge::Judges;
use mld_sim::nodes::listener::ListenerHost;
use mld_sim::packet::write::{self, IS_EX, Packet, QUERY, TO_IN};
use mld_sim::world::{
    Action, Change, Clock, Command, Frame, Happening, Input, NodeId, Observer, Scene, Told, Turn, Violation,
};
use mld_sim::{Host, Link, Router, World};

use crate::support::{GROUP, HOST, ROUTER, Speaker, broken, idle_judges, ip, join, message, ms, report};

type Lie = dyn FnMut(&mut Judges, &Scene<'_>, Instant, &Happening<'_>) -> Result<(), Violation>;

/// Stands between a world and its judges.
struct Liar {
    judges: Judges,
    lie: Box<Lie>,
}

impl Observer for Liar {
    fn observe(
        &mut self,
        scene: &Scene<'_>,
        at: Instant,
        happening: &Happening<'_>,
    ) -> Result<(), Violation> {
        (self.lie)(&mut self.judges, scene, at, happening)
    }
}

/// A router, a host that joins at 2 s, and a speaker that reports another group at 1 s and leaves both at 60 s; what
/// the judges say when they are lied to.
fn judged(
    clock: Clock,
    lie: impl FnMut(&mut Judges, &Scene<'_>, Instant, &Happening<'_>) -> Result<(), Violation> + 'static,
) -> Result<(), Violation> {
    let mut world = World::new(1);
    let judges = idle_judges();
    world.observe(Liar { judges: judges.clone(), lie: Box::new(lie) });
    let lan = world.link(Link::ethernet());
    let router = world.router(lan, Router::new("r1", ip(ROUTER)).clock(clock));
    let host = world.host(lan, Host::new("h1", ip(HOST), ListenerHost::new()));
    let plan = vec![
        (1000, report(SPEAKER, IS_EX, SPEAKERS, &[])),
        (60_000, report(SPEAKER, TO_IN, SPEAKERS, &[])),
        (60_000, report(SPEAKER, TO_IN, GROUP, &[])),
    ];
    world.host(lan, Host::new("m1", ip(SPEAKER), Speaker::new(plan)));
    world.run_until(ms(2000))?;
    join(&mut world, host, GROUP)?;
    // It is not asked when the speaker leaves in its place.
    world.at(ms(50_000), Action::Change(Change::Partition { link: lan, apart: vec![host] }));
    world.run_until(ms(500_000))?;
    world.act(Action::Router(router, Command::Stop))?;
    judges.finish(&world)
}

const SPEAKER: &str = "fe80::b";
const SPEAKERS: &str = "ff05::1:2";
const TICKING: Clock = Clock { tick_ms: 400, late_ms: 0 };

/// The same, of turns alone.
fn judged_by_turns(
    clock: Clock,
    mut lie: impl FnMut(&Turn<'_>, &mut dyn FnMut(&Turn<'_>) -> Result<(), Violation>) -> Result<(), Violation>
    + 'static,
) -> Result<(), Violation> {
    judged(clock, move |judges, scene, at, happening| match happening {
        Happening::Turn(turn) => lie(turn, &mut |turn| judges.observe(scene, at, &Happening::Turn(turn))),
        _ => judges.observe(scene, at, happening),
    })
}

fn is_report(turn: &Turn<'_>) -> bool {
    matches!(turn.input, Input::Packet { result: Ok(MessageKind::ReportV2), .. })
}

#[test]
fn truth_breaks_no_rule() {
    for clock in [Clock::EXACT, TICKING] {
        judged(clock, |judges, scene, at, happening| judges.observe(scene, at, happening))
            .expect("nothing is wrong");
    }
}

#[test]
fn query_that_is_not_sent_breaks_agreement() {
    let without = |turn: &Turn<'_>, tell: &mut dyn FnMut(&Turn<'_>) -> _| tell(&Turn { sent: &[], ..*turn });
    let (rule, at, text) = broken(judged_by_turns(Clock::EXACT, without));
    assert_eq!((rule, at), ("agreement", 0));
    assert!(text.starts_with("r1: queries sent: "), "{text}");
}

#[test]
fn one_query_of_a_series_that_is_not_sent_breaks_agreement() {
    let without = |turn: &Turn<'_>, tell: &mut dyn FnMut(&Turn<'_>) -> _| {
        let is_series = turn.local == ms(61_000) && !turn.sent.is_empty();
        tell(&Turn { sent: if is_series { &turn.sent[1..] } else { turn.sent }, ..*turn })
    };
    assert_eq!(broken(judged_by_turns(Clock::EXACT, without)).0, "agreement");
}

#[test]
fn query_that_is_sent_twice_breaks_agreement() {
    let twice = |turn: &Turn<'_>, tell: &mut dyn FnMut(&Turn<'_>) -> _| {
        let sent = [turn.sent, turn.sent].concat();
        tell(&Turn { sent: &sent, ..*turn })
    };
    assert_eq!(broken(judged_by_turns(Clock::EXACT, twice)).0, "agreement");
}

#[test]
fn event_that_is_not_told_breaks_agreement() {
    for forgotten in [
        |told: &Told| matches!(told, Told::Querier(_)),
        |told: &Told| matches!(told, Told::Timeout(_)),
        |told: &Told| matches!(told, Told::Membership { members: Some(_), .. }),
        |told: &Told| matches!(told, Told::Membership { members: None, .. }),
        |told: &Told| matches!(told, Told::Stopped),
    ] {
        let without = move |turn: &Turn<'_>, tell: &mut dyn FnMut(&Turn<'_>) -> _| {
            let told: Vec<_> = turn.told.iter().filter(|told| !forgotten(told)).cloned().collect();
            tell(&Turn { told: &told, ..*turn })
        };
        let (rule, _, text) = broken(judged_by_turns(Clock::EXACT, without));
        assert!(rule == "agreement" && text.contains("should have reported"), "{rule}: {text}");
    }
}

#[test]
fn event_that_says_something_else_breaks_agreement() {
    let otherwise = |turn: &Turn<'_>, tell: &mut dyn FnMut(&Turn<'_>) -> _| {
        let mut told = turn.told.to_vec();
        for told in &mut told {
            if let Told::Membership { members: Some((_, sources)), .. } = told {
                sources.push(ip("2001:db8::1"));
            }
        }
        tell(&Turn { told: &told, ..*turn })
    };
    assert_eq!(broken(judged_by_turns(Clock::EXACT, otherwise)).0, "agreement");
}

#[test]
fn other_verdict_on_a_packet_breaks_agreement() {
    for wrong in [Err(Discard::BadChecksum), Ok(MessageKind::ReportV1)] {
        let otherwise = move |turn: &Turn<'_>, tell: &mut dyn FnMut(&Turn<'_>) -> _| match turn.input {
            Input::Packet { packet, items, refused, .. } => {
                tell(&Turn { input: Input::Packet { packet, result: wrong, items, refused }, ..*turn })
            }
            _ => tell(turn),
        };
        let (rule, _, text) = broken(judged_by_turns(Clock::EXACT, otherwise));
        assert!(rule == "agreement" && text.contains("verdict"), "{rule}: {text}");
    }
}

#[test]
fn fact_that_is_kept_back_breaks_agreement() {
    let without = |turn: &Turn<'_>, tell: &mut dyn FnMut(&Turn<'_>) -> _| match turn.input {
        Input::Packet { packet, result, refused, .. } => {
            tell(&Turn { input: Input::Packet { packet, result, items: &[], refused }, ..*turn })
        }
        _ => tell(turn),
    };
    let (rule, _, text) = broken(judged_by_turns(Clock::EXACT, without));
    assert!(rule == "agreement" && text.contains("facts"), "{rule}: {text}");
}

/// What the judges say of a router with room for one group that hears of so many others, twice; how often refusals were
/// told in the second round. It tells each again if `tells_again`, as the judges are told.
fn refusing(others: u16, tells_again: bool) -> (Result<(), Violation>, u32) {
    let mut world = World::new(1);
    let told = Rc::new(Cell::new(0));
    let (mut judges, count) = (idle_judges(), Rc::clone(&told));
    let second_ms = 10_000;
    let lie = move |_: &mut Judges, scene: &Scene<'_>, at: Instant, happening: &Happening<'_>| match happening
    {
        Happening::Turn(turn) if at >= ms(second_ms) => {
            let Input::Packet { packet, result, items, refused } = turn.input else {
                return judges.observe(scene, at, happening);
            };
            let mut items = items.to_vec();
            let limits = items.iter().filter(|item| matches!(item, Item::Limit { .. })).count() as u32;
            count.set(count.get() + limits);
            if let (Some(Item::Report { group, .. }), 0, true) = (items.first(), limits, tells_again) {
                items.push(Item::Limit { group: *group, limit: Limit::Groups });
            }
            let input = Input::Packet { packet, result, items: &items, refused };
            judges.observe(scene, at, &Happening::Turn(&Turn { input, ..**turn }))
        }
        _ => judges.observe(scene, at, happening),
    };
    world.observe(Liar { judges: idle_judges(), lie: Box::new(lie) });
    let lan = world.link(Link::ethernet());
    let config = Config::builder().max_groups(1).build().expect("it can be used");
    world.router(lan, Router::new("r1", ip(ROUTER)).config(config));
    let mut plan = vec![(100, report(SPEAKER, IS_EX, SPEAKERS, &[]))];
    for round_ms in [1000, second_ms] {
        plan.extend((1..=others).map(|other| {
            (round_ms + u64::from(other), report(SPEAKER, IS_EX, &format!("ff05::2:{other:x}"), &[]))
        }));
    }
    world.host(lan, Host::new("m1", ip(SPEAKER), Speaker::new(plan)));
    (world.run_until(ms(20_000)), told.get())
}

#[test]
fn refusal_that_is_told_again_breaks_agreement_unless_the_router_cannot_remember_it() {
    let remembered = Limit::REMEMBERED as u16;
    let (truth, told) = refusing(remembered, false);
    truth.expect("each was told once");
    assert_eq!(told, 0);
    let (rule, _, text) = broken(refusing(remembered, true).0);
    assert!(rule == "agreement" && text.contains("facts"), "{rule}: {text}");

    let (truth, told) = refusing(remembered + 1, false);
    truth.expect("each was told at least once");
    assert!(told > 0);
}

#[test]
fn state_that_comes_from_nothing_breaks_agreement() {
    // As if the router had never heard the Report.
    let without = |turn: &Turn<'_>, tell: &mut dyn FnMut(&Turn<'_>) -> _| {
        if is_report(turn) { Ok(()) } else { tell(turn) }
    };
    let (rule, _, text) = broken(judged_by_turns(Clock::EXACT, without));
    assert!(rule == "agreement" && text.contains("is known and should not be"), "{rule}: {text}");
}

#[test]
fn report_that_changes_nothing_breaks_agreement() {
    // As if it had heard a Report for another group and done nothing.
    let invented = |turn: &Turn<'_>, tell: &mut dyn FnMut(&Turn<'_>) -> _| {
        tell(turn)?;
        if !is_report(turn) {
            return Ok(());
        }
        let packet = report(SPEAKER, IS_EX, "ff05::1:9", &[]);
        let group = ip("ff05::1:9").try_into().expect("a group");
        let items =
            [Item::Report { group, reporter: ip(SPEAKER), record: mld_proto::wire::RecordType::IsEx }];
        let result = Ok(MessageKind::ReportV2);
        let input = Input::Packet { packet: &packet, result, items: &items, refused: 0 };
        let told = [Told::Membership { group, members: Some((mld_proto::FilterMode::Exclude, Vec::new())) }];
        tell(&Turn { input, sent: &[], told: &told, ..*turn })
    };
    let (rule, at, text) = broken(judged_by_turns(Clock::EXACT, invented));
    assert_eq!((rule, at), ("agreement", 1000), "{text}");
    assert!(text.contains("ff05::1:9 is not known"), "{text}");
}

#[test]
fn timer_that_is_a_millisecond_off_breaks_agreement() {
    let later = |turn: &Turn<'_>, tell: &mut dyn FnMut(&Turn<'_>) -> _| {
        let by = core::time::Duration::from_millis(u64::from(is_report(turn)));
        tell(&Turn { local: turn.local + by, ..*turn })
    };
    let (rule, at, text) = broken(judged_by_turns(Clock::EXACT, later));
    assert_eq!((rule, at), ("agreement", 1000), "{text}");
    assert!(text.contains("filter timer"), "{text}");
}

#[test]
fn query_with_a_wrong_octet_breaks_strict() {
    let wrong = |turn: &Turn<'_>, tell: &mut dyn FnMut(&Turn<'_>) -> _| {
        let sent: Vec<_> = turn
            .sent
            .iter()
            .map(|frame| {
                let mut message = message(&frame.packet).to_vec();
                // A reserved bit beside S.
                message[24] |= if turn.local > ms(10_000) { 0x80 } else { 0 };
                let packet = Packet::usual(ip(ROUTER), message).octets().into();
                Rc::new(Frame { packet, ..Frame::clone(frame) })
            })
            .collect();
        tell(&Turn { sent: &sent, ..*turn })
    };
    // With a coarse clock what is sent comes late, but it is right.
    for (clock, when) in [(Clock::EXACT, 31_250), (TICKING, 31_600)] {
        let (rule, at, text) = broken(judged_by_turns(clock, wrong));
        assert_eq!((rule, at), ("strict", when), "{text}");
        assert!(text.contains("a router sent"), "{text}");
    }
}

#[test]
fn router_that_reports_breaks_strict() {
    let wrong = |turn: &Turn<'_>, tell: &mut dyn FnMut(&Turn<'_>) -> _| {
        let packet = || report(ROUTER, IS_EX, GROUP, &[]).into();
        let sent: Vec<_> = turn
            .sent
            .iter()
            .map(|frame| Rc::new(Frame { packet: packet(), ..Frame::clone(frame) }))
            .collect();
        tell(&Turn { sent: &sent, ..*turn })
    };
    assert_eq!(broken(judged_by_turns(Clock::EXACT, wrong)).0, "strict");
}

/// Whether a packet is a Query for a group.
fn is_specific(packet: &[u8]) -> bool {
    message(packet)[0] == QUERY && message(packet)[8] != 0
}

#[test]
fn too_many_specific_queries_break_their_rule() {
    // What a late router sends is not compared with the model.
    let repeated = |turn: &Turn<'_>, tell: &mut dyn FnMut(&Turn<'_>) -> _| {
        let specific: Vec<_> = turn.sent.iter().filter(|frame| is_specific(&frame.packet)).cloned().collect();
        let sent = [turn.sent, &specific, &specific].concat();
        tell(&Turn { sent: &sent, ..*turn })
    };
    let (rule, at, text) = broken(judged_by_turns(TICKING, repeated));
    assert_eq!((rule, at), ("specific-queries", 60_000), "{text}");
    assert!(text.contains("more than 2 times"), "{text}");
}

#[test]
fn listener_whose_end_no_query_announced_is_cut_off() {
    // As if the router had lowered its timers and asked nobody.
    let without = |turn: &Turn<'_>, tell: &mut dyn FnMut(&Turn<'_>) -> _| {
        let sent: Vec<_> = turn.sent.iter().filter(|frame| !is_specific(&frame.packet)).cloned().collect();
        tell(&Turn { sent: &sent, ..*turn })
    };
    let (rule, at, text) = broken(judged_by_turns(TICKING, without));
    assert_eq!(rule, "cut-off", "{text}");
    assert!((62_000..=62_400).contains(&at) && text.contains("h1 wants ff05::1:1"), "{at}: {text}");
}

#[test]
fn query_that_a_host_never_heard_breaks_host_answer() {
    let claimed = |judges: &mut Judges, scene: &Scene<'_>, at: Instant, happening: &Happening<'_>| {
        judges.observe(scene, at, happening)?;
        if !matches!(happening, Happening::Change { .. }) {
            return Ok(());
        }
        let query = Packet::usual(ip(ROUTER), write::Query::new(ip("::")).octets()).octets();
        let (router, to) = (NodeId(0), NodeId(1));
        let (source_mac, destination_mac) = ([0; 6], [0; 6]);
        let link = scene.link_of(router);
        let frame =
            &Frame { number: 0, link, from: router, source_mac, destination_mac, packet: query.into() };
        judges.observe(scene, at, &Happening::Delivered { frame, to, packet: &frame.packet, verdict: None })
    };
    let (rule, at, text) = broken(judged(Clock::EXACT, claimed));
    // Nothing more happens to the host, so that it is noticed at the end.
    assert_eq!((rule, at), ("host-answer", 500_000), "{text}");
    assert!(text.contains("60000"), "{text}");
}

#[test]
fn report_that_a_host_never_sent_breaks_host_truth() {
    let claimed =
        |judges: &mut Judges, scene: &Scene<'_>, at: Instant, happening: &Happening<'_>| match *happening {
            Happening::Sent { frame } if scene.name(frame.from) == "m1" => {
                let frame = &Frame { from: NodeId(1), ..frame.clone() };
                judges.observe(scene, at, &Happening::Sent { frame })
            }
            _ => judges.observe(scene, at, happening),
        };
    let (rule, at, text) = broken(judged(Clock::EXACT, claimed));
    assert_eq!((rule, at), ("host-truth", 1000), "{text}");
}
