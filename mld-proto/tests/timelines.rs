//! Timelines with absolute times. Those of a single router and group stand in `data/router.timelines`.

mod support;

use core::net::Ipv6Addr;

use mld_proto::wire::{RecordType, encode_response_code};
use mld_proto::{Config, Instant, Querier, Version};
use support::link::Link;
use support::*;

const TIMELINES: &str = include_str!("data/router.timelines");

macro_rules! timelines {
    ($($name:ident: $section:literal;)*) => {
        $(#[test]
        fn $name() {
            Timeline::read($section).run();
        })*

        // A section without a test would never run.
        #[test]
        fn every_timeline_of_the_file_has_a_test() {
            let sections: Vec<&str> = TIMELINES.lines().filter_map(section_of).collect();
            assert_eq!(sections, [$($section),*]);
        }
    };
}

timelines! {
    // R-EXP-1
    t_01_joined_group_ends_after_the_listening_interval: "T-01";
    //
    t_01b_legacy_interval_ends_a_group_ten_seconds_earlier: "T-01b";
    // R-QRY-4
    t_02_left_group_ends_after_the_last_listener_time: "T-02";
    // R-QRY-5
    t_03_answer_keeps_the_group_and_suppresses_the_next_query: "T-03";
    // R-CMP-13
    t_04_done_of_an_mldv1_host_asks_twice: "T-04";
    // R-QRY-6, R-EXP-1
    t_05_blocked_source_ends_and_the_other_stays: "T-05";
    // R-QRY-8
    t_06_source_wanted_by_another_is_asked_for_suppressed: "T-06";
    // R-CMP-11, R-CMP-15
    t_07_mldv1_mode_ignores_block_and_the_list_of_to_ex: "T-07";
    // R-EXP-1
    t_08_blocked_source_of_an_exclude_group_is_excluded_and_allowed_again: "T-08";
    // R-RST-4, R-EXP-1
    t_09_requested_sources_become_the_include_list: "T-09";
    // R-EXP-3
    t_10_refreshed_requested_sources_survive_the_switch: "T-10";
    // R-REC-2
    t_11_switch_to_exclude_asks_for_the_common_source: "T-11";
    // R-TIM-13
    t_12_source_and_filter_timer_of_one_instant_end_together: "T-12";
    // R-QRY-11, R-QRY-12
    t_13_pending_source_queries_merge: "T-13";
    // R-QRY-5
    t_14_third_query_is_suppressed_after_an_answer: "T-14";
    // R-RXQ-4
    t_16_non_querier_does_not_lower_timers_on_a_leave: "T-16";
    // R-QRY-7
    t_17_source_with_little_time_left_is_not_asked_for: "T-17";
    // R-CMP-12
    t_18_mldv1_report_clears_the_exclude_list: "T-18";
    // R-CMP-16
    t_19_mldv1_mode_keeps_the_list_of_is_ex: "T-19";
    // R-CMP-14
    t_20_done_in_version_2_mode_is_ignored: "T-20";
    // R-QRY-14
    t_21_repeated_leave_restarts_queries_and_not_the_deadline: "T-21";
    // R-TIM-13
    t_22_leave_asks_for_group_and_requested_source: "T-22";
    //
    t_36_block_works_after_the_mldv1_mode_ended: "T-36";
    // R-TIM-9
    t_39_robustness_one_asks_once: "T-39";
    // R-RST-6
    t_42_last_source_left_ends_the_group: "T-42";
    // R-QRY-14
    t_43_leave_repeated_by_the_host_adds_a_query: "T-43";
    // R-TIM-9
    t_44_listening_interval_follows_robustness_and_query_interval: "T-44";
    // R-REC-1
    t_45_is_ex_on_exclude_mode_with_overlap: "T-45";
    // R-REC-1, R-REC-8
    t_46_is_ex_on_include_mode_asks_nothing: "T-46";
    // R-REC-2
    t_47_to_in_on_include_mode_asks_for_the_source_left_out: "T-47";
    // R-REC-4
    t_48_to_ex_at_a_non_querier_gives_the_old_filter_timer: "T-48";
    // R-REC-3
    t_49_block_at_a_non_querier_gives_the_filter_timer: "T-49";
    // C1 of the interval: one lost answer does not end a group.
    t_52_group_survives_one_lost_answer: "T-52";
    t_52_group_ends_after_two_lost_answers: "T-52-two-lost";
    t_52_legacy_interval_ends_earlier: "T-52-3810";
    // R-QRY-8
    t_53_traffic_never_stops_while_another_listener_stays: "T-53";
}

// T-15, R-RXQ-1, R-RXQ-4
#[test]
fn t_15_non_querier_follows_the_queries_of_the_querier() {
    let mut link = Link::new(1);
    let r1 = link.start(0, Config::DEFAULT, LOWEST);
    let r2 = link.start(0, Config::DEFAULT, ROUTER);
    link.report(1, HOST_A, [to_ex(G, [])]);
    link.run_to(9_999);
    for router in [r1, r2] {
        assert_eq!(link.router(router).state(G), "exclude@270.001");
        link.router(router).forget();
    }
    assert_eq!(link.router(r2).router.querier(), Querier::Other(LOWEST));

    link.report(10_000, HOST_A, [to_in(G, [])]);
    assert_eq!(link.router(r1).state(G), "exclude@12");
    assert_eq!(link.router(r2).state(G), "exclude@270.001");
    link.run_to(10_001);
    assert_eq!(link.router(r2).state(G), "exclude@12.001");
    link.report(10_600, HOST_B, [is_ex(G, [])]);
    link.run_to(12_001);
    for router in [r1, r2] {
        assert_eq!(link.router(router).state(G), "exclude@280.6");
    }
    assert_eq!(link.router(r1).asked(), ["10 G", "11 G suppressed"]);
    assert_eq!(link.router(r2).sent(), []);
}

// T-30, R-ELE-1, R-ELE-2, R-ELE-4
#[test]
fn t_30_lower_address_queries_and_the_other_takes_over() {
    let mut link = Link::new(0);
    let r1 = link.start(0, Config::DEFAULT, LOWEST);
    let r2 = link.start(0, Config::DEFAULT, link_local(2));
    link.run_to(199_999);
    assert_eq!(link.router(r1).generals(), [0, 31_250, 156_250]);
    assert_eq!(link.router(r1).changes(), ["0 querier fe80::1"]);
    assert_eq!(link.router(r2).generals(), [0]);
    assert_eq!(link.router(r2).changes(), ["0 querier fe80::2", "0 non-querier fe80::1"]);
    link.kill(200_000, r1);

    link.run_to(411_249);
    assert_eq!(link.router(r2).changes(), [""; 0]);
    link.run_to(411_250);
    assert_eq!(link.router(r2).changes(), ["411.25 querier fe80::2"]);
    link.run_to(499_999);
    assert_eq!(link.router(r2).generals(), [411_250]);

    let r1 = link.start(500_000, Config::DEFAULT, LOWEST);
    link.run_to(500_000);
    assert_eq!(link.router(r2).changes(), ["500 non-querier fe80::1"]);
    link.kill(500_001, r1);
    link.run_to(755_000);
    assert_eq!(link.router(r2).changes(), ["755 querier fe80::2"]);
    assert_eq!(link.router(r2).generals(), [755_000]);
}

// T-30, R-ELE-4: after the takeover the next General Query follows a Query Interval later.
#[test]
fn t_30_new_querier_has_no_startup_series() {
    let mut link = Link::new(0);
    let r1 = link.start(0, Config::DEFAULT, LOWEST);
    let r2 = link.start(0, Config::DEFAULT, link_local(2));
    link.kill(200_000, r1);
    link.run_to(700_000);
    assert_eq!(link.router(r2).generals(), [0, 411_250, 536_250, 661_250]);
}

// T-31
#[test]
fn t_31_late_router_with_the_higher_address_yields_to_the_next_query() {
    let mut link = Link::new(0);
    let r1 = link.start(0, Config::DEFAULT, LOWEST);
    let r2 = link.start(100_000, Config::DEFAULT, link_local(2));
    link.run_to(300_000);
    assert_eq!(link.router(r1).generals(), [0, 31_250, 156_250, 281_250]);
    assert_eq!(link.router(r1).changes(), ["0 querier fe80::1"]);
    assert_eq!(link.router(r2).generals(), [100_000, 131_250]);
    assert_eq!(link.router(r2).changes(), ["100 querier fe80::2", "156.25 non-querier fe80::1"]);
}

// T-32
#[test]
fn t_32_late_router_with_the_lower_address_takes_over_at_once() {
    let mut link = Link::new(0);
    let r2 = link.start(0, Config::DEFAULT, link_local(2));
    let r1 = link.start(100_000, Config::DEFAULT, LOWEST);
    link.run_to(600_000);
    assert_eq!(link.router(r1).generals(), [100_000, 131_250, 256_250, 381_250, 506_250]);
    assert_eq!(link.router(r2).generals(), [0, 31_250]);
    assert_eq!(link.router(r2).changes(), ["0 querier fe80::2", "100 non-querier fe80::1"]);
}

// T-33, R-TIM-4, R-TIM-5, R-TIM-7, R-TIM-8, A-17, A-18
#[test]
fn t_33_other_querier_present_interval_follows_the_query() {
    let general = || Ask::general(LOWEST);
    for (query, robustness, query_interval, present) in [
        (general(), 2, 125, 255_000),
        (general().code(5000), 2, 125, 252_500),
        (general().code(20_000), 2, 125, 260_000),
        (general().code(0), 2, 125, 255_000),
        (general().qrv(0), 2, 125, 255_000),
        (general().qqic(0), 2, 125, 255_000),
        (general().qrv(7).qqic(60), 7, 60, 425_000),
        (general().qqic(127), 2, 127, 259_000),
        (general().qqic(0x80), 2, 128, 261_000),
        (general().qqic(0x84), 2, 160, 325_000),
        (general().v1(), 2, 125, 255_000),
    ] {
        let mut bench = Bench::querier();
        bench.query(1000, query.clone());
        assert_eq!(bench.router.robustness_variable(), robustness, "{query:?}");
        assert_eq!(bench.router.query_interval(), secs(query_interval), "{query:?}");
        assert_eq!(bench.router.other_querier_present_interval(), millis(present), "{query:?}");
        bench.advance_to(1000 + present - 1);
        assert_eq!(bench.router.querier(), Querier::Other(LOWEST), "{query:?}");
        bench.advance_to(1000 + present);
        assert_eq!(bench.router.querier(), Querier::Own(ROUTER), "{query:?}");
        assert_eq!(bench.generals(), [1000 + present], "{query:?}");
    }
}

// T-34, R-TIM-8, R-TIM-9
#[test]
fn t_34_non_querier_uses_the_announced_values_for_later_refreshes() {
    let mut bench = Bench::non_querier();
    bench.report(0, HOST_A, [is_ex(G, [])]);
    bench.query(1000, Ask::general(LOWER).qrv(3).qqic(60).code(5000));
    assert_eq!(bench.state(G), "exclude@270");
    assert_eq!(bench.router.listening_interval(), secs(190));
    bench.report(2000, HOST_A, [is_ex(G, []), is_in(G2, [S1])]);
    assert_eq!(bench.state(G), "exclude@192");
    assert_eq!(bench.state(G2), "include S1@192");
}

// T-37, R-V1R-7, R-V1R-8
#[test]
fn t_37_version_1_non_querier_follows_specific_queries_only() {
    let mut bench = Bench::non_querier_with(version_1());
    bench.v1_report(0, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@260 v1");
    bench.done(10_000, HOST_A, G);
    assert_eq!(bench.state(G), "exclude@260 v1");
    bench.query(10_000, Ask::group(LOWER, G).v1());
    assert_eq!(bench.state(G), "exclude@12 v1");
    bench.query(11_000, Ask::group(LOWER, G).v1());
    assert_eq!(bench.state(G), "exclude@12 v1");
    bench.advance_to(11_999);
    assert_eq!(bench.state(G), "exclude@12 v1");
    bench.advance_to(12_000);
    assert_eq!(bench.state(G), "none");
}

// T-37, R-V1R-8: the delay of the Query counts, not the own setting.
#[test]
fn t_37_shorter_delay_of_a_specific_query_ends_the_group_earlier() {
    let mut bench = Bench::non_querier_with(version_1());
    bench.v1_report(0, HOST_A, G);
    bench.query(10_000, Ask::group(LOWER, G).v1().code(500));
    assert_eq!(bench.state(G), "exclude@11 v1");
    bench.advance_to(11_000);
    assert_eq!(bench.state(G), "none");
}

// T-38, R-V1R-10
#[test]
fn t_38_version_1_router_that_loses_the_election_finishes_its_queries() {
    let mut bench = Bench::querier_with(version_1());
    bench.v1_report(0, HOST_A, G);
    bench.done(10_000, HOST_A, G);
    bench.query(10_300, Ask::general(LOWER).v1());
    assert_eq!(bench.router.querier(), Querier::Other(LOWER));
    bench.advance_to(12_000);
    assert_eq!(bench.state(G), "none");
    bench.advance_to(100_000);
    let sent: Vec<_> = bench.sent().iter().map(|query| (query.at, query.text())).collect();
    assert_eq!(sent, [(10_000, "G".to_owned()), (11_000, "G".to_owned())]);
}

// T-50, R-QRY-2, A-2
#[test]
fn t_50_lone_querier_asks_startup_count_times_and_then_every_interval() {
    let mut bench = Bench::started(Config::DEFAULT);
    bench.advance_to(410_000);
    assert_eq!(bench.generals(), [0, 31_250, 156_250, 281_250, 406_250]);

    let mut bench = Bench::started(config(|c| c.robustness_variable(3)));
    bench.advance_to(400_000);
    assert_eq!(bench.generals(), [0, 31_250, 62_500, 187_500, 312_500]);

    let mut bench = Bench::started(config(|c| c.query_interval(secs(60))));
    bench.advance_to(140_000);
    assert_eq!(bench.generals(), [0, 15_000, 75_000, 135_000]);
}

// T-51, R-QRY-4, R-QRY-13
#[test]
fn t_51_leave_latency_is_interval_times_count() {
    for (interval, count, queries) in [
        (1000, 2, vec![0, 1000]),
        (1000, 1, vec![0]),
        (500, 2, vec![0, 500]),
        (100, 3, vec![0, 100, 200]),
        (40_000, 2, vec![0, 40_000]),
    ] {
        let config =
            config(|c| c.last_listener_query_interval(millis(interval)).last_listener_query_count(count));
        for version in [Version::V1, Version::V2] {
            let mut bench = Bench::querier_with(config.to_builder().version(version).build().expect("valid"));
            bench.v1_report(0, HOST_A, G);
            bench.forget();
            let leave = 100_000;
            let end = leave + interval * u64::from(count);
            bench.done(leave, HOST_A, G);
            bench.advance_to(end - 1);
            assert!(bench.router.group(G).is_some(), "before {interval} ms times {count}");
            bench.advance_to(end);
            assert!(bench.router.group(G).is_none(), "after {interval} ms times {count}");
            bench.advance_to(end + 100_000);
            let asked: Vec<_> = bench.sent().into_iter().filter(|query| !query.is_general()).collect();
            assert_eq!(asked.iter().map(|query| query.at - leave).collect::<Vec<_>>(), queries);
            for query in asked {
                // The code of a version 2 Query cannot carry every delay; 40 s it can.
                assert_eq!(u64::from(query.response_delay_ms), interval);
                assert_eq!(query.version, version);
            }
        }
    }
    assert_eq!(encode_response_code(40_000), 0x8388);
}

// T-54, R-WIRE-66: messages that a host sends before its address is valid are ignored.
#[test]
fn t_54_report_from_the_unspecified_address_is_not_heard_and_the_later_one_is() {
    let group = group(0xff02_0000_0000_0000_0000_0001_ff00_000a);
    let mut bench = Bench::querier();
    let unspecified = support::packets::report(Ipv6Addr::UNSPECIFIED, &[to_ex(group, [])]);
    for at in [400, 900] {
        assert_eq!(bench.receive(at, &unspecified), Err(mld_proto::Discard::SourceUnspecified));
        assert_eq!(bench.state(group), "none");
    }
    bench.report(1400, HOST_A, [to_ex(group, [])]);
    assert_eq!(bench.state(group), "exclude@271.4");
}

// T-55, R-ELE-3
#[test]
fn t_55_addresses_compare_as_unsigned_numbers() {
    for (lower, higher) in [
        ("fe80::1", "fe80::2"),
        ("fe80::7fff:ffff:ffff:ffff", "fe80::8000:0:0:0"),
        ("fe80::ff", "fe80::100"),
        ("fe80::200:ff:fe00:1", "fe80::fefc:fcff:fefc:fcfc"),
    ] {
        let lower: Ipv6Addr = lower.parse().unwrap();
        let higher: Ipv6Addr = higher.parse().unwrap();
        let mut bench = Bench::started_as(Config::DEFAULT, higher);
        bench.query(1000, Ask::general(lower));
        assert_eq!(bench.router.querier(), Querier::Other(lower));
        let mut bench = Bench::started_as(Config::DEFAULT, lower);
        bench.query(1000, Ask::general(higher));
        assert_eq!(bench.router.querier(), Querier::Own(lower));
    }
}

// T-55, R-ELE-7, A-32
#[test]
fn t_55_query_from_the_own_address_changes_nothing() {
    let mut bench = Bench::querier();
    let verdict = bench.receive(1000, &Ask::general(ROUTER).packet());
    assert_eq!(verdict, Err(mld_proto::Discard::OwnAddress));
    assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
    assert_eq!(bench.events(), [""; 0]);
}

/// A section of the file.
struct Timeline {
    config: Config,
    non_querier: bool,
    lines: Vec<Line>,
}

struct Line {
    at: u64,
    event: Event,
    state: Option<&'static str>,
}

enum Event {
    Report(Ipv6Addr, Rec),
    V1Report(Ipv6Addr),
    Done(Ipv6Addr),
    Asks(&'static str),
    Ends,
}

fn section_of(line: &'static str) -> Option<&'static str> {
    Some(line.strip_prefix('[')?.split_once(']')?.0)
}

impl Timeline {
    fn read(section: &str) -> Self {
        let lines = TIMELINES.lines().skip_while(|line| section_of(line) != Some(section)).skip(1);
        let lines = lines.take_while(|line| section_of(line).is_none());
        let mut timeline = Self { config: Config::DEFAULT, non_querier: false, lines: Vec::new() };
        for line in lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if line == "non-querier" {
                timeline.non_querier = true;
            } else if let Some(setting) = line.strip_prefix("set ") {
                timeline.set(setting);
            } else {
                timeline.lines.push(Line::read(line));
            }
        }
        assert!(!timeline.lines.is_empty(), "no timeline {section}");
        timeline
    }

    fn set(&mut self, setting: &str) {
        let (key, value) = setting.split_once(' ').expect("a key and a value");
        let builder = self.config.to_builder();
        let builder = match key {
            "robustness" => builder.robustness_variable(value.parse().unwrap()),
            "query-interval" => builder.query_interval(millis(read_time(value))),
            "last-member-query-interval" => builder.last_listener_query_interval(millis(read_time(value))),
            "legacy-mali" => {
                let mut interpretations = *self.config.interpretations();
                interpretations.legacy_mali = true;
                builder.interpretations(interpretations)
            }
            other => panic!("{other} cannot be set"),
        };
        self.config = builder.build().unwrap();
    }

    fn run(&self) {
        let mut bench = if self.non_querier {
            Bench::non_querier_with(self.config)
        } else {
            Bench::querier_with(self.config)
        };
        let mut state = "none";
        let mut asked = Vec::new();
        let mut next_general = 125_000;
        for line in &self.lines {
            while self.non_querier && next_general <= line.at {
                bench.query(next_general, Ask::general(LOWER));
                next_general += 125_000;
            }
            // Nothing changed meanwhile.
            if line.at > bench.router.now().as_millis() {
                bench.advance_to(line.at - 1);
                assert_eq!(bench.state(G), state, "before {}", seconds(line.at));
            }
            match &line.event {
                Event::Report(host, record) => bench.report(line.at, *host, [record.clone()]),
                Event::V1Report(host) => bench.v1_report(line.at, *host, G),
                Event::Done(host) => bench.done(line.at, *host, G),
                Event::Asks(query) => asked.push(format!("{} {query}", seconds(line.at))),
                Event::Ends => bench.advance_to(line.at),
            }
            if let Some(known) = line.state {
                state = known;
            }
            if !matches!(line.event, Event::Asks(_)) {
                assert_eq!(bench.state(G), state, "at {}", seconds(line.at));
            }
            let ended = matches!(line.event, Event::Ends) && state == "none";
            let timeout = format!("{} timeout G", seconds(line.at));
            assert_eq!(bench.events().contains(&timeout), ended, "at {}", seconds(line.at));
        }
        let end = self.lines.last().expect("a line").at + 5000;
        bench.advance_to(end);
        assert_eq!(bench.state(G), state, "at the end");
        assert_eq!(bench.router.now(), Instant::from_millis(end));
        assert_eq!(bench.asked(), asked);
    }
}

impl Line {
    fn read(line: &'static str) -> Self {
        let (event, state) = match line.split_once("=>") {
            Some((event, state)) => (event.trim(), Some(state.trim())),
            None => (line, None),
        };
        let (at, event) = event.split_once(char::is_whitespace).expect("a time and an event");
        let event = event.trim();
        let event = if event == "ends" {
            Event::Ends
        } else if let Some(query) = event.strip_prefix("asks ") {
            Event::Asks(query)
        } else {
            read_message(event)
        };
        Self { at: read_time(at), event, state }
    }
}

fn read_message(text: &str) -> Event {
    let mut words = text.split_whitespace();
    let host = match words.next() {
        Some("A") => HOST_A,
        Some("B") => HOST_B,
        other => panic!("{other:?} is no host"),
    };
    let kind = words.next().expect("a kind of message");
    let sources: Vec<Ipv6Addr> =
        words.map(|word| source(word.strip_prefix('S').expect("a source").parse().unwrap())).collect();
    match kind {
        "v1-report" => Event::V1Report(host),
        "done" => Event::Done(host),
        kind => {
            let record = RECORDS
                .into_iter()
                .find(|record: &RecordType| record.name() == kind)
                .expect("a kind of record");
            Event::Report(host, Rec::new(record, G, sources))
        }
    }
}

/// Seconds with at most three decimals, in milliseconds.
fn read_time(text: &str) -> u64 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{decimals:0<3}").parse().expect("a time")
}
