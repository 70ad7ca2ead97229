//! The contract of the calls: in any order, and with any of them left out, a router ends up with the same knowledge as
//! after the canonical loop, loses nothing, and does bounded work in each call.
//!
//! Two drivers are compared. A driver that is on time and only calls too often, or with small buffers, sends and
//! reports the same at the same moments; only a list of sources may be spread over more packets. A driver that is late
//! or leaves out polls sends and reports later, and fewer messages where the reason for one has gone meanwhile. Once it
//! has polled until nothing is left, it finds the same groups with the same deadlines, the same querier and the same
//! counts of received messages, every difference between the reported and the present state has been reported, and no
//! packet that is due is left unsent.

mod support;

use core::fmt;
use core::net::Ipv6Addr;
use core::time::Duration;
use std::collections::BTreeMap;

use mld_proto::router::Stats;
use mld_proto::wire::RecordType;
use mld_proto::{BufferTooSmall, Config, Discard, Event, GroupAddr, Instant, Router, SsmRange, Version};
use proptest::prelude::*;
use support::packets;
use support::*;

/// Something that happens to a router from outside.
#[derive(Clone)]
enum Input {
    Packet(Vec<u8>),
    Address(Option<Ipv6Addr>),
    Settings(Box<Config>),
    Restart,
}

/// Whatever a careless driver does between two inputs.
#[derive(Clone, Debug)]
enum Call {
    /// `handle_timeout`, this part of the way (in 1/16) to the next input.
    Timeout(u64),
    /// `poll_transmit`, this part of the way to the next input, with a buffer of this length.
    Transmit(u64, usize),
    /// `poll_event`, this often.
    Events(usize),
}

/// Packets as what they say, so that a failing run can be read.
impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packet(packet) => f.write_str(&packets::text(packet)),
            Self::Address(address) => write!(f, "address {address:?}"),
            Self::Settings(config) => write!(
                f,
                "settings: immediate leave {}, robustness {}, SSM {:?}",
                config.immediate_leave(),
                config.robustness_variable(),
                config.ssm_range().prefixes().first(),
            ),
            Self::Restart => f.write_str("restart"),
        }
    }
}

fn instant(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn apply(router: &mut Router<BoxedTables>, at: u64, input: &Input) {
    let now = instant(at);
    match input {
        Input::Packet(packet) => drop(router.handle_packet(now, packet)),
        Input::Address(address) => router.set_address(now, *address),
        Input::Settings(config) => router.reconfigure(now, **config),
        Input::Restart => {
            router.stop(now);
            router.start(now, Some(ROUTER));
        }
    }
}

/// Everything that a reader can find.
fn snapshot(router: &Router<BoxedTables>) -> (Vec<String>, String, [u64; 4], Vec<u64>) {
    let mut groups: Vec<String> = router
        .groups()
        .map(|group| {
            let mut sources: Vec<_> =
                group.sources().map(|source| (source.address(), source.created())).collect();
            sources.sort();
            format!(
                "{} {} {:?} {:?} {:?} {sources:?}",
                group.address(),
                text_of_group(group),
                group.state(),
                group.last_reporter(),
                group.created(),
            )
        })
        .collect();
    groups.sort();
    let values = format!(
        "{:?} {} {:?} {:?} {:?}",
        router.querier(),
        router.robustness_variable(),
        router.query_interval(),
        router.listening_interval(),
        router.link_local()
    );
    let received = router.stats().received;
    let received = [received.query, received.report_v1, received.report_v2, received.done];
    let stats: &Stats = router.stats();
    (groups, values, received, Discard::ALL.map(|reason| stats.discarded(reason)).to_vec())
}

/// Runs the inputs as the canonical loop does.
fn canonical(config: Config, script: &Script) -> Bench {
    let mut bench = Bench::stopped(config, 64, 64);
    bench.start(script.begin, Some(ROUTER));
    for (at, input) in &script.inputs {
        match input {
            Input::Packet(packet) => drop(bench.receive(*at, packet)),
            Input::Address(address) => bench.set_address(*at, *address),
            Input::Settings(config) => bench.reconfigure(*at, **config),
            Input::Restart => {
                bench.stop(*at);
                bench.start(*at, Some(ROUTER));
            }
        }
    }
    bench.advance_to(script.end());
    bench
}

/// A driver that knows only what the router reported.
struct Driver {
    router: Router<BoxedTables>,
    mirror: BTreeMap<GroupAddr, Membership>,
    /// The group whose timeout was reported and whose membership event must follow.
    ended: Option<GroupAddr>,
    told: Vec<(u64, String)>,
    sent: Vec<Sent>,
}

impl Driver {
    fn start(config: Config, hash_seed: u64) -> Self {
        Self::start_at(0, config, hash_seed)
    }

    fn start_at(begin: u64, config: Config, hash_seed: u64) -> Self {
        let mut router = Router::new(config, tables(64, 64), hash_seed);
        router.start(instant(begin), Some(ROUTER));
        Self { router, mirror: BTreeMap::new(), ended: None, told: Vec::new(), sent: Vec::new() }
    }

    fn poll_event(&mut self, at: u64) -> bool {
        let Some(event) = self.router.poll_event() else { return false };
        if let Event::Membership(group) = event {
            let before = match self.router.group(group).map(membership) {
                Some(now) => self.mirror.insert(group, now),
                None => self.mirror.remove(&group),
            };
            // A timeout is always followed by the present membership, even if that equals the one before.
            let ended = self.ended.take_if(|ended| *ended == group).is_some();
            assert!(ended || before.as_ref() != self.mirror.get(&group), "told without a change");
        }
        if let Event::Timeout(group) = event {
            self.ended = Some(group);
        }
        self.told.push((at, format!("{event:?}")));
        true
    }

    fn poll_transmit(&mut self, at: u64, len: usize) -> Result<bool, BufferTooSmall> {
        let mut buffer = vec![0; len];
        let transmit = self.router.poll_transmit(instant(at), &mut buffer)?;
        self.sent.extend(transmit.map(|transmit| Sent::read(at, &buffer[..transmit.len])));
        Ok(transmit.is_some())
    }

    fn call(&mut self, from: u64, until: u64, call: &Call) {
        // Strictly before the next input, which finds deadlines of its own moment alive.
        let moment = |part: u64| from + (until.saturating_sub(1).saturating_sub(from)) * part / 16;
        match call {
            Call::Timeout(part) => self.router.handle_timeout(instant(moment(*part))),
            Call::Transmit(part, len) => drop(self.poll_transmit(moment(*part), *len)),
            Call::Events(count) => {
                for _ in 0..*count {
                    self.poll_event(until);
                }
            }
        }
    }

    /// Ends all deadlines up to this moment and polls until nothing is left.
    fn finish(&mut self, at: u64) {
        for _ in 0..10_000 {
            self.router.handle_timeout(instant(at));
            while self.poll_transmit(at, 1500).expect("1500 octets are enough") {}
            while self.poll_event(at) {}
            if self.router.poll_timeout().is_none_or(|due| due > instant(at)) {
                return;
            }
        }
        panic!("the router does not get past {at} ms");
    }
}

/// The Queries sent, independent of packet sizes: sources of one instant, group and S flag are merged.
fn asked(sent: &[Sent]) -> Vec<String> {
    let mut merged: BTreeMap<(u64, Ipv6Addr, bool, bool), Vec<Ipv6Addr>> = BTreeMap::new();
    for query in sent {
        let key = (query.at, query.group, query.sources.is_empty(), query.suppress);
        merged.entry(key).or_default().extend(&query.sources);
    }
    merged
        .into_iter()
        .map(|((at, group, _, suppress), mut sources)| {
            sources.sort();
            format!("{at} {group} {suppress} {sources:?}")
        })
        .collect()
}

fn groups() -> impl Strategy<Value = GroupAddr> {
    proptest::sample::select(vec![G, G2, G3, SSM, LOCAL])
}

fn sources() -> impl Strategy<Value = Vec<Ipv6Addr>> {
    proptest::collection::vec((1_u16..=5).prop_map(source), 0..4)
}

fn hosts() -> impl Strategy<Value = Ipv6Addr> {
    proptest::sample::select(vec![HOST_A, HOST_B])
}

fn records() -> impl Strategy<Value = Vec<Rec>> {
    let record = (proptest::sample::select(RECORDS.to_vec()), groups(), sources())
        .prop_map(|(record, group, sources)| Rec::new(record, group, sources));
    proptest::collection::vec(record, 1..4)
}

fn queries() -> impl Strategy<Value = Ask> {
    let routers = proptest::sample::select(vec![LOWEST, LOWER, HIGHER]);
    (routers, groups(), sources(), 0_u8..4, any::<bool>(), 1_u16..3000, 0_u8..4).prop_map(
        |(router, group, mut sources, kind, suppress, code, robustness)| {
            sources.sort();
            sources.dedup();
            let query = match kind {
                0 => Ask::general(router),
                1 => Ask::group(router, group).code(code),
                2 => Ask::sources(router, group, sources).code(code),
                _ => Ask::group(router, group).v1().code(code),
            };
            let query = query.qrv(robustness);
            if suppress { query.suppressed() } else { query }
        },
    )
}

fn settings() -> impl Strategy<Value = Config> {
    (any::<bool>(), any::<bool>(), 1_u8..4).prop_map(|(immediate, ssm, robustness)| {
        let range = SsmRange::EMPTY.with("ff0e::1:2/128".parse().unwrap()).expect("one prefix fits");
        config(|c| {
            let c = c.immediate_leave(immediate).robustness_variable(robustness);
            if ssm { c.ssm_range(range) } else { c }
        })
    })
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        20 => (hosts(), records()).prop_map(|(host, records)| Input::Packet(packets::report(host, &records))),
        3 => (hosts(), groups()).prop_map(|(host, group)| Input::Packet(packets::report_v1(host, group))),
        2 => (hosts(), groups()).prop_map(|(host, group)| Input::Packet(packets::done(host, group))),
        5 => queries().prop_map(|query| Input::Packet(query.packet())),
        1 => proptest::sample::select(vec![None, Some(ROUTER), Some(HIGHER)]).prop_map(Input::Address),
        1 => settings().prop_map(|config| Input::Settings(Box::new(config))),
        1 => Just(Input::Restart),
    ]
}

/// The start of a router, and inputs with their moments.
#[derive(Clone, Debug)]
struct Script {
    begin: u64,
    inputs: Vec<(u64, Input)>,
}

impl Script {
    fn end(&self) -> u64 {
        self.inputs.last().expect("an input").0 + 1500
    }
}

fn script() -> impl Strategy<Value = Script> {
    // A clock may begin anywhere: at 0, after a year of uptime, or far in Unix time.
    let begin = proptest::sample::select(vec![0, 365 * 24 * 3_600_000, 1 << 41]);
    let after = prop_oneof![
        2 => Just(0_u64),
        4 => (0_u64..25).prop_map(|n| n * 100),
        2 => 0_u64..3000,
        1 => (0_u64..30).prop_map(|n| n * 10_000),
    ];
    (begin, proptest::collection::vec((after, input()), 1..30)).prop_map(|(begin, steps)| {
        let mut now = begin;
        let moments = steps.into_iter().map(|(after, input)| {
            now += after;
            let at = now;
            // The canonical loop ends the deadlines of a command's moment before it reads on.
            if matches!(input, Input::Settings(_) | Input::Restart) {
                now += 1;
            }
            (at, input)
        });
        Script { begin, inputs: moments.collect() }
    })
}

fn calls() -> impl Strategy<Value = Vec<Vec<Call>>> {
    let call = prop_oneof![
        3 => (0_u64..=16).prop_map(Call::Timeout),
        3 => (0_u64..=16, proptest::sample::select(vec![0, 47, 72, 76, 92, 124, 1500]))
            .prop_map(|(part, len)| Call::Transmit(part, len)),
        3 => (0_usize..6).prop_map(Call::Events),
    ];
    proptest::collection::vec(proptest::collection::vec(call, 0..5), 30)
}

proptest! {
    #[test]
    fn careless_driver_ends_up_knowing_the_same(script in script(), calls in calls()) {
        let bench = canonical(Config::DEFAULT, &script);
        let mut driver = Driver::start_at(script.begin, Config::DEFAULT, 0x5eed);
        let mut from = script.begin;
        for ((at, input), calls) in script.inputs.iter().zip(&calls) {
            if from < *at {
                for call in calls {
                    driver.call(from, *at, call);
                }
            }
            apply(&mut driver.router, *at, input);
            from = *at;
        }
        driver.finish(script.end());
        prop_assert_eq!(snapshot(&driver.router), snapshot(&bench.router));
        let is: BTreeMap<_, _> =
            driver.router.groups().map(|group| (group.address(), membership(group))).collect();
        prop_assert_eq!(driver.mirror, is);
    }

    #[test]
    fn punctual_driver_with_needless_calls_sends_and_tells_the_same(script in script(), noise in noise()) {
        let mut bench = canonical(Config::DEFAULT, &script);
        let mut noise = noise.into_iter().cycle();
        let mut driver = Driver::start_at(script.begin, Config::DEFAULT, 0x5eed);
        noisy_drain(&mut driver, script.begin, &mut noise);
        for (at, input) in &script.inputs {
            noisy_steps(&mut driver, *at, &mut noise);
            match input {
                // Events of a stop are polled before the start.
                Input::Restart => {
                    driver.router.stop(instant(*at));
                    driver.finish(*at);
                    driver.router.start(instant(*at), Some(ROUTER));
                }
                input => apply(&mut driver.router, *at, input),
            }
            if matches!(input, Input::Settings(_)) {
                driver.finish(*at);
            }
            noisy_drain(&mut driver, *at, &mut noise);
        }
        noisy_steps(&mut driver, script.end() + 1, &mut noise);
        driver.finish(script.end());
        prop_assert_eq!(asked(&driver.sent), asked(&bench.sent()));
        prop_assert_eq!(snapshot(&driver.router), snapshot(&bench.router));
        let mut told = driver.told;
        told.retain(|(_, event)| event != "Querier");
        told.sort();
        let mut expected: Vec<_> = bench.told().into_iter().filter_map(|(at, told)| Some((at, event_of(&told)?))).collect();
        expected.sort();
        prop_assert_eq!(told, expected);
    }

    #[test]
    fn same_inputs_give_the_same_outputs(script in script(), hash_seed in any::<u64>()) {
        let mut first = punctual(&script, hash_seed);
        let second = punctual(&script, hash_seed);
        prop_assert_eq!(&first.told, &second.told);
        prop_assert_eq!(&first.sent, &second.sent);
        // The position of a group in its table is not part of the result.
        let mut other = punctual(&script, !hash_seed);
        for driver in [&mut first, &mut other] {
            driver.told.sort();
            driver.sent.sort_by_key(|query| (query.at, query.text()));
        }
        prop_assert_eq!(first.told, other.told);
        prop_assert_eq!(first.sent, other.sent);
    }
}

/// The superfluous calls of a busy driver in one of its turns.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 1..64)
}

/// Steps through all deadlines before `until`, with calls that are early, repeated or hopeless.
fn noisy_steps(driver: &mut Driver, until: u64, noise: &mut impl Iterator<Item = u8>) {
    while let Some(due) = driver.router.poll_timeout().map(Instant::as_millis).filter(|due| *due < until) {
        let mut choice = noise.next().expect("endless");
        let now = driver.router.now().as_millis();
        if choice & 1 == 1 && now < due {
            driver.router.handle_timeout(instant(now + (due - now - 1) * u64::from(choice >> 4) / 16));
            noisy_drain(driver, driver.router.now().as_millis(), noise);
        }
        for _ in 0..=(choice >> 1 & 3) {
            driver.router.handle_timeout(instant(due));
        }
        choice = noise.next().expect("endless");
        if choice & 1 == 1 {
            driver.router.handle_timeout(instant(due / 2));
        }
        noisy_drain(driver, due, noise);
    }
}

fn noisy_drain(driver: &mut Driver, at: u64, noise: &mut impl Iterator<Item = u8>) {
    let choice = noise.next().expect("endless");
    if choice & 1 == 1 {
        while driver.poll_event(at) {}
    }
    let len = usize::from(choice >> 1);
    loop {
        match driver.poll_transmit(at, len) {
            Ok(true) => {}
            Ok(false) => break,
            Err(BufferTooSmall { needed }) => {
                assert!(needed > len);
                assert_eq!(
                    driver.poll_transmit(at, needed),
                    Ok(true),
                    "what was said to be needed is enough"
                );
            }
        }
    }
    while driver.poll_event(at) {}
}

fn punctual(script: &Script, hash_seed: u64) -> Driver {
    let mut driver = Driver::start_at(script.begin, Config::DEFAULT, hash_seed);
    for (at, input) in &script.inputs {
        while let Some(due) = driver.router.poll_timeout().map(Instant::as_millis).filter(|due| due < at) {
            driver.finish(due);
        }
        apply(&mut driver.router, *at, input);
        while driver.poll_transmit(*at, 1500).expect("1500 octets are enough") {}
        while driver.poll_event(*at) {}
    }
    driver.finish(script.end());
    driver
}

/// The event behind what a bench noted; facts about packets are none.
fn event_of(told: &Told) -> Option<String> {
    let event = match told {
        Told::Timeout(group) => Event::Timeout(*group),
        Told::Membership(group, _) => Event::Membership(*group),
        Told::Stopped => Event::Stopped,
        Told::Item(_) | Told::Querier(_) => return None,
    };
    Some(format!("{event:?}"))
}

// Time.

#[test]
fn early_call_ends_nothing() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, [])]);
    for at in (0..270_000).step_by(1000) {
        bench.router.handle_timeout(instant(at));
    }
    bench.router.handle_timeout(instant(269_999));
    assert_eq!(bench.state(G), "exclude@270");
}

#[test]
fn earlier_moment_counts_as_the_latest_one() {
    let mut bench = Bench::querier();
    bench.report(50_000, HOST_A, [to_ex(G, [])]);
    drop(bench.router.handle_packet(instant(1000), &packets::report(HOST_A, &[to_ex(G2, [])])));
    bench.router.handle_timeout(instant(10));
    assert_eq!(bench.router.now(), instant(50_000));
    assert_eq!(bench.state(G2), "exclude@320");
}

// A packet ends what should have ended before it, also for groups that it does not mention.
#[test]
fn packet_makes_everything_before_it_be_over() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, []), is_in(G2, [S1]), is_ex(G3, [S1])]);
    bench.report(10_000, HOST_A, [is_in(G3, [S2])]);
    drop(bench.router.handle_packet(instant(271_000), &packets::report(HOST_A, &[block(G, [S1])])));
    assert_eq!((bench.state(G).as_str(), bench.state(G2).as_str()), ("none", "none"));
    assert_eq!(bench.state(G3), "include S2@280");
    assert!(!bench.forwards(G2, S1) && !bench.forwards(G3, S3) && bench.forwards(G3, S2));
}

// The record of a late packet meets what is left after all that is over.
#[test]
fn late_packet_finds_groups_as_their_deadlines_left_them() {
    let mut driver = driver_with_group();
    apply(
        &mut driver.router,
        0,
        &Input::Packet(packets::report(HOST_A, &[is_ex(G2, [S1]), is_in(G3, [S1])])),
    );
    apply(&mut driver.router, 10_000, &Input::Packet(packets::report(HOST_A, &[is_in(G2, [S2])])));
    let late = [is_in(G, [S1]), block(G2, [S3]), is_in(G2, [S1]), block(G3, [S1])];
    apply(&mut driver.router, 271_000, &Input::Packet(packets::report(HOST_B, &late)));
    let groups = text_of_groups(driver.router.groups());
    assert_eq!(groups, ["G include S1@541", "G2 include S1@541 S2@280"]);
    assert_eq!(driver.router.group(G).expect("known").created(), instant(271_000));
}

// A filter timer that was ended by an immediate leave and begins anew, shorter, while the Query is still to be polled.
#[test]
fn filter_timer_that_begins_anew_and_shorter_ends_on_time() {
    let settings = |robustness| config(|c| c.immediate_leave(true).robustness_variable(robustness));
    let mut driver = Driver::start(settings(2), 1);
    apply(&mut driver.router, 0, &Input::Packet(packets::report(HOST_A, &[is_ex(G, [])])));
    driver.finish(0);
    driver.router.reconfigure(instant(1000), settings(1));
    for at in [2000, 150_000] {
        let records = [to_in(G, [S1]), is_ex(G, [])];
        apply(&mut driver.router, at, &Input::Packet(packets::report(HOST_A, &records)));
    }
    // The first one ended at 147 s, so the second made a new group.
    assert_eq!(driver.router.group(G).expect("known").created(), instant(150_000));
}

#[test]
fn late_call_ends_all_that_is_due() {
    let mut bench = Bench::querier();
    bench.report(0, HOST_A, [to_ex(G, []), is_in(G2, [S1])]);
    bench.report(10_000, HOST_B, [is_in(G, [S1])]);
    bench.router.handle_timeout(instant(5_000_000));
    assert_eq!(bench.router.usage().groups, 0);
    assert!(bench.router.group(G).is_none());
}

#[test]
fn quiet_router_wants_to_be_called_seldom() {
    let mut router = Router::new(Config::DEFAULT, tables(16, 16), 1);
    router.start(instant(0), Some(ROUTER));
    drop(router.handle_packet(instant(0), &packets::report(HOST_A, &[to_ex(G, []), is_in(G2, [S1, S2])])));
    let mut buffer = [0; 1500];
    let mut calls = 0;
    while let Some(due) = router.poll_timeout().filter(|due| *due <= instant(100_000_000)) {
        router.handle_timeout(due);
        while router.poll_transmit(due, &mut buffer).expect("enough").is_some() {}
        while router.poll_event().is_some() {}
        calls += 1;
    }
    // 800 General Queries, and a few turns of the wheel for the timers that ended.
    assert!((800..900).contains(&calls), "{calls} calls");
}

#[test]
fn end_of_the_clock_is_no_panic() {
    for at in [u64::MAX, u64::MAX - 1, u64::MAX - 1000, 1 << 63] {
        let mut driver = Driver {
            router: Router::new(Config::DEFAULT, tables(16, 16), 1),
            ..Driver::start(Config::DEFAULT, 1)
        };
        driver.router.start(instant(at), Some(ROUTER));
        for record in [to_ex(G, []), is_in(G2, [S1]), to_in(G, []), block(G2, [S1])] {
            apply(&mut driver.router, at, &Input::Packet(packets::report(HOST_A, &[record])));
        }
        apply(&mut driver.router, at, &Input::Packet(Ask::general(LOWER).packet()));
        while driver.poll_event(at) {}
        for _ in 0..100 {
            driver.router.handle_timeout(instant(u64::MAX));
            while driver.poll_event(u64::MAX) {}
            while driver.poll_transmit(u64::MAX, 1500).expect("enough") {}
        }
    }
}

// Transmissions.

/// A driver that has polled everything about a group created at 0 s.
fn driver_with_group() -> Driver {
    let mut driver = Driver::start(Config::DEFAULT, 1);
    apply(&mut driver.router, 0, &Input::Packet(packets::report(HOST_A, &[to_ex(G, [])])));
    driver.finish(0);
    driver.sent.clear();
    driver
}

#[test]
fn skipped_poll_delays_a_query_and_loses_none() {
    let mut driver = driver_with_group();
    apply(&mut driver.router, 10_000, &Input::Packet(packets::report(HOST_A, &[to_in(G, [])])));
    assert_eq!(driver.router.poll_timeout(), Some(instant(10_000)));
    driver.finish(10_700);
    assert_eq!(driver.sent.iter().map(|query| query.at).collect::<Vec<_>>(), [10_700]);
    for at in 10_701..12_000 {
        driver.finish(at);
    }
    assert_eq!(driver.sent.len(), 2);
    assert!(driver.sent.iter().all(|query| query.group == G.get() && !query.suppress));
    driver.finish(12_000);
    assert!(driver.router.group(G).is_none());
    driver.finish(20_000);
    assert_eq!(driver.sent.len(), 2);
}

// R-QRY-5
#[test]
fn s_flag_is_decided_when_the_query_is_polled() {
    let mut driver = driver_with_group();
    for (at, record) in [(10_000, to_in(G, [])), (10_500, is_ex(G, []))] {
        apply(&mut driver.router, at, &Input::Packet(packets::report(HOST_A, &[record])));
    }
    driver.finish(10_700);
    let sent: Vec<_> = driver.sent.iter().map(|query| (query.at, query.group, query.suppress)).collect();
    assert_eq!(sent, [(10_700, G.get(), true)]);
}

#[test]
fn query_for_a_group_that_ended_before_the_poll_is_not_sent() {
    let mut driver = driver_with_group();
    apply(&mut driver.router, 10_000, &Input::Packet(packets::report(HOST_A, &[to_in(G, [])])));
    driver.router.handle_timeout(instant(12_000));
    assert_eq!(driver.poll_transmit(12_000, 1500), Ok(false));
}

#[test]
fn general_query_that_is_due_is_not_sent_once_the_role_is_lost() {
    let mut driver = Driver::start(Config::DEFAULT, 1);
    driver.finish(0);
    driver.sent.clear();
    driver.router.handle_timeout(instant(31_250));
    apply(&mut driver.router, 31_250, &Input::Packet(Ask::general(LOWER).packet()));
    driver.finish(31_250);
    assert_eq!(driver.sent, []);
}

#[test]
fn missed_general_queries_are_made_up_for_by_one() {
    let mut driver = Driver::start(Config::DEFAULT, 1);
    driver.finish(0);
    driver.finish(1_000_000);
    driver.finish(1_000_100);
    let sent: Vec<_> = driver.sent.iter().map(|query| query.at).collect();
    assert_eq!(sent, [0, 1_000_000]);
}

#[test]
fn missed_queries_of_a_series_are_made_up_for_by_one() {
    let mut driver = driver_with_group();
    apply(&mut driver.router, 10_000, &Input::Packet(packets::report(HOST_A, &[to_in(G, [])])));
    driver.finish(11_500);
    let sent: Vec<_> = driver.sent.iter().map(|query| query.at).collect();
    assert_eq!(sent, [11_500]);
}

#[test]
fn buffer_too_small_costs_nothing_and_names_what_is_needed() {
    let mut driver = Driver::start(Config::DEFAULT, 1);
    let sources: Vec<_> = (1..=5).map(source).collect();
    driver.finish(0);
    for record in
        [Rec::new(RecordType::IsIn, G, sources.clone()), Rec::new(RecordType::Block, G, sources.clone())]
    {
        apply(&mut driver.router, 0, &Input::Packet(packets::report(HOST_A, &[record])));
    }
    driver.sent.clear();
    for len in 0..92 {
        let refused = driver.poll_transmit(0, len).expect_err("a Query for one source has 92 octets");
        assert_eq!(refused, BufferTooSmall { needed: 92 });
        assert_eq!(driver.router.poll_timeout(), Some(instant(0)));
    }
    assert_eq!(driver.router.stats().sent.group_and_source, 0);
    while driver.poll_transmit(0, 92).expect("enough for one") {}
    assert_eq!(driver.sent.len(), 5);
    let mut asked: Vec<_> = driver.sent.iter().flat_map(|query| query.sources.clone()).collect();
    asked.sort();
    assert_eq!(asked, sources);
}

#[test]
fn general_query_needs_its_own_length() {
    for (version, needed) in [(Version::V1, 72), (Version::V2, 76)] {
        let mut driver = Driver::start(config(|c| c.version(version)), 1);
        assert_eq!(driver.poll_transmit(0, needed - 1), Err(BufferTooSmall { needed }));
        assert_eq!(driver.poll_transmit(0, needed), Ok(true));
        assert_eq!(driver.poll_transmit(0, needed), Ok(false));
    }
}

// poll_timeout.

#[test]
fn waiting_output_asks_to_come_at_once() {
    let mut router = Router::new(Config::DEFAULT, tables(16, 16), 1);
    assert_eq!(router.poll_timeout(), None);
    router.start(instant(7000), Some(ROUTER));
    assert_eq!(router.poll_timeout(), Some(instant(7000)));
    let mut buffer = [0; 1500];
    while router.poll_transmit(instant(7000), &mut buffer).expect("enough").is_some() {}
    assert_eq!(router.poll_timeout(), Some(instant(7000)), "the querier is still to be told");
    while router.poll_event().is_some() {}
    assert_eq!(router.poll_timeout(), Some(instant(38_250)));
    drop(router.handle_packet(instant(8000), &packets::report(HOST_A, &[to_ex(G, [])])));
    assert_eq!(router.poll_timeout(), Some(instant(8000)));
    while router.poll_event().is_some() {}
    assert!(router.poll_timeout() > Some(instant(8000)));
    router.stop(instant(9000));
    assert_eq!(router.poll_timeout(), Some(instant(9000)));
    while router.poll_event().is_some() {}
    assert_eq!(router.poll_timeout(), None);
}

// Bounded work.

const MANY: usize = 100_000;
/// More than any single call may do.
const BOUND: u32 = 1000;

/// A querier that knows [`MANY`] groups, all made at one moment, with everything polled.
fn crowd() -> Router<BoxedTables> {
    let mut router = Router::new(Config::DEFAULT, tables(MANY + 128, 128), 0x5eed);
    router.start(instant(0), Some(ROUTER));
    let groups: Vec<GroupAddr> =
        (0..MANY as u128).map(|n| group(0xff0e << 112 | 0x7_0000_0000 | n)).collect();
    for groups in groups.chunks(1000) {
        let records: Vec<_> = groups.iter().map(|group| is_ex(*group, [])).collect();
        drop(router.handle_packet(instant(0), &packets::report(HOST_A, &records)));
    }
    assert_eq!(router.usage().groups as usize, MANY);
    let told = poll_all(&mut router, 0);
    assert_eq!(told.len(), MANY + 1);
    router
}

/// Polls until nothing waits, as the canonical loop does for one moment.
fn poll_all(router: &mut Router<BoxedTables>, at: u64) -> Vec<Event> {
    let mut told = Vec::new();
    let mut buffer = [0; 1500];
    for _ in 0..10 * MANY {
        while router.poll_transmit(instant(at), &mut buffer).expect("enough").is_some() {}
        told.extend(core::iter::from_fn(|| router.poll_event()));
        if router.poll_timeout().is_none_or(|due| due > instant(at)) {
            return told;
        }
        let before = router.usage().groups;
        router.handle_timeout(instant(at));
        let ended = before - router.usage().groups;
        assert!(ended <= BOUND, "one call ended {ended} groups");
    }
    panic!("the router does not get past {at} ms");
}

#[test]
fn a_hundred_thousand_due_groups_end_bit_by_bit() {
    let mut router = crowd();
    assert!(poll_all(&mut router, 269_999).iter().all(|event| !matches!(event, Event::Timeout(_))));
    assert_eq!(router.usage().groups as usize, MANY);
    let told = poll_all(&mut router, 270_000);
    assert_eq!(router.usage().groups, 0);
    let timeouts = told.iter().filter(|event| matches!(event, Event::Timeout(_))).count();
    let memberships = told.iter().filter(|event| matches!(event, Event::Membership(_))).count();
    assert_eq!((timeouts, memberships), (MANY, MANY));
}

#[test]
fn a_hundred_thousand_ended_groups_wait_to_be_told() {
    let mut router = crowd();
    // Ends everything before anything is polled.
    for _ in 0..10 * MANY / 1000 {
        let before = router.usage().groups;
        router.handle_timeout(instant(270_000));
        assert!(before - router.usage().groups <= BOUND);
    }
    assert_eq!(router.groups().count(), 0);
    let told = poll_all(&mut router, 270_000);
    assert_eq!(told.iter().filter(|event| matches!(event, Event::Membership(_))).count(), MANY);
}

#[test]
fn a_hundred_thousand_left_groups_are_all_asked_for() {
    let mut router = crowd();
    let groups: Vec<GroupAddr> = router.groups().map(|group| group.address()).collect();
    for groups in groups.chunks(1000) {
        let records: Vec<_> = groups.iter().map(|group| to_in(*group, [])).collect();
        drop(router.handle_packet(instant(10_000), &packets::report(HOST_A, &records)));
    }
    for at in [10_000, 11_000, 12_000] {
        poll_all(&mut router, at);
    }
    assert_eq!(router.stats().sent.group as usize, 2 * MANY);
    assert_eq!(router.usage().groups, 0);
}

#[test]
fn stop_of_a_hundred_thousand_groups_is_told_bit_by_bit() {
    let mut router = crowd();
    router.stop(instant(1000));
    assert_eq!(router.groups().count(), 0);
    let told = poll_all(&mut router, 1000);
    assert_eq!(router.usage().groups, 0);
    assert_eq!(told.len(), MANY + 1);
    assert_eq!(told.last(), Some(&Event::Stopped));
}

#[test]
fn idle_router_has_nothing_to_say() {
    let mut bench = Bench::querier();
    for at in (0..31_000).step_by(500) {
        bench.advance_to(at);
    }
    assert_eq!(bench.sent(), []);
    assert_eq!(bench.events(), [""; 0]);
    assert_eq!(Duration::from_millis(bench.deadline().expect("the next Query")), millis(31_250));
}
