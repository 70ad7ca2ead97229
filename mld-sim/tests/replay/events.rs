//! What is told, when, and in which order.

use serde_json::{Value, json};

use crate::bytes::*;
use crate::lab::Lab;

const SOURCE_1: &str = "2001:db8::1";
const SOURCE_2: &str = "2001:db8::2";

#[test]
fn events_are_one_object_a_line_with_their_members() {
    let lab = Lab::new("event_lines");
    let capture = pcap(&[
        (10_050, report_one(TO_EX, "ff05::1", &[SOURCE_2, SOURCE_1])),
        (11_000, report_one(TO_IN, "ff05::1", &[])),
        (12_500, done_v1("fe80::b", "ff05::2")),
    ]);
    let expected = r#"{"time":10.05,"interface":"replay","event":"querier","role":"querier","address":"fe80::1"}
{"time":10.05,"interface":"replay","event":"report","group":"ff05::1","reporter":"fe80::a","record":"to-ex"}
{"time":10.05,"interface":"replay","event":"membership","group":"ff05::1","has-members":true,"filter-mode":"exclude","sources":["2001:db8::1","2001:db8::2"]}
{"time":11,"interface":"replay","event":"report","group":"ff05::1","reporter":"fe80::a","record":"to-in"}
{"time":12.5,"interface":"replay","event":"done","group":"ff05::2","reporter":"fe80::b","record":"done"}
{"time":13,"interface":"replay","event":"timeout","group":"ff05::1"}
{"time":13,"interface":"replay","event":"membership","group":"ff05::1","has-members":false,"filter-mode":"include","sources":[]}
"#;
    assert_eq!(lab.replay(&capture, &["--until", "100"]).stdout, expected);
}

#[test]
fn one_packet_tells_records_in_wire_order_then_groups_in_order_of_first_mention() {
    let lab = Lab::new("packet_order");
    let records = [
        record(TO_EX, "ff05::9", &[]),
        record(ALLOW, "ff3e::1", &[SOURCE_2, SOURCE_1]),
        record(TO_EX, "ff05::1", &[]),
        record(IS_EX, "ff05::9", &[SOURCE_1]),
        record(BLOCK, "ff05::4", &[SOURCE_1]),
    ];
    let replayed = lab.configured(&pcap(&[(0, report(HOST, &records))]), "max-group-sources = 1");
    let told: Vec<_> = replayed.timeline().into_iter().map(|(_, event, group)| (event, group)).collect();
    assert_eq!(
        told,
        [
            ("report", "ff05::9"),
            ("report", "ff3e::1"),
            ("limit", "ff3e::1"),
            ("report", "ff05::1"),
            ("report", "ff05::9"),
            ("report", "ff05::4"),
            ("membership", "ff05::9"),
            ("membership", "ff3e::1"),
            ("membership", "ff05::1"),
        ]
    );
    let records: Vec<_> = replayed.of("report").iter().map(|event| event["record"].clone()).collect();
    assert_eq!(records, ["to-ex", "allow", "to-ex", "is-ex", "block"]);
}

#[test]
fn timers_of_one_instant_tell_groups_ascending_and_each_timeout_before_its_membership() {
    let lab = Lab::new("timer_order");
    let groups = ["ff05::9", "ff02::fb", "ff3e::1", "ff05::1:0", "ff05::2"];
    let records = groups.iter().map(|group| match *group {
        "ff3e::1" => record(ALLOW, group, &[SOURCE_1, SOURCE_2]),
        _ => record(TO_EX, group, &[]),
    });
    let records: Vec<_> = records.collect();
    let replayed = lab.replay(&pcap(&[(7, report(HOST, &records))]), &["--until", "300"]);
    let ended: Vec<_> = replayed.timeline().into_iter().filter(|(time, ..)| *time > 1.0).collect();
    let mut expected = Vec::new();
    for group in ["ff02::fb", "ff05::2", "ff05::9", "ff05::1:0", "ff3e::1"] {
        expected.extend([(270.007, "timeout", group), (270.007, "membership", group)]);
    }
    assert_eq!(ended, expected);
    assert_eq!(replayed.groups(), [""; 0]);
}

#[test]
fn thousands_of_timers_of_one_instant_are_told_in_order_too() {
    let lab = Lab::new("many_timers");
    let reports = (0..50).map(|high: u32| {
        // Descending, and spread over packets of one instant.
        let group = |low: u32| format!("ff05::{:x}:{:x}", 50 - high, 60 - low);
        (0, report(HOST, &(0..60).map(|low| record(TO_EX, &group(low), &[])).collect::<Vec<_>>()))
    });
    let replayed = lab.replay(&pcap(&reports.collect::<Vec<_>>()), &["--until", "270"]);
    let ended: Vec<_> = replayed.timeline().into_iter().filter(|(time, ..)| *time > 0.0).collect();
    assert_eq!(ended.len(), 2 * 3000);
    assert!(ended.iter().all(|(time, ..)| *time == 270.0));
    let address = |text: &str| text.parse::<core::net::Ipv6Addr>().expect(text);
    for (one, next) in ended.chunks(2).zip(ended.chunks(2).skip(1)) {
        assert!(address(one[0].2) < address(next[0].2));
        assert_eq!((one[0].1, one[1].1, one[0].2), ("timeout", "membership", one[1].2));
    }
}

#[test]
fn a_packet_of_the_instant_of_a_deadline_still_refreshes() {
    let lab = Lab::new("deadline_alive");
    let capture =
        pcap(&[(0, report_one(TO_EX, "ff05::1", &[])), (270_000, report_one(IS_EX, "ff05::1", &[]))]);
    assert_eq!(lab.replay(&capture, &[]).of("timeout"), [&Value::Null; 0]);
    let capture =
        pcap(&[(0, report_one(TO_EX, "ff05::1", &[])), (270_001, report_one(IS_EX, "ff05::1", &[]))]);
    let told: Vec<_> = lab.replay(&capture, &[]).events[3..].to_vec();
    assert_eq!(told[0]["event"], "timeout");
    assert_eq!(told[0]["time"], 270);
    assert_eq!(told.len(), 4, "timeout, its membership, the report, the new membership");
}

#[test]
fn packets_older_than_their_predecessor_are_simultaneous_with_it() {
    let lab = Lab::new("older_packets");
    let capture = pcap(&[
        (5000, report_one(TO_EX, "ff05::1", &[])),
        (1000, report_one(TO_EX, "ff05::2", &[])),
        (6000, report_one(TO_EX, "ff05::3", &[])),
        (0, report_one(TO_EX, "ff05::4", &[])),
    ]);
    let replayed = lab.replay(&capture, &[]);
    let joined = replayed.timeline().into_iter().filter(|event| event.1 == "membership");
    assert!(joined.eq([5.0, 5.0, 6.0, 6.0].into_iter().zip(1..).map(|(time, group)| {
        (time, "membership", ["ff05::1", "ff05::2", "ff05::3", "ff05::4"][group - 1])
    })));
}

#[test]
fn the_elected_querier_is_told_and_replaced_when_it_falls_silent() {
    let lab = Lab::new("election");
    let capture = pcap(&[
        (1000, query_v2("fe80::7", "ff02::1", "::")),
        (2000, query_v2("fe80::5", "ff02::1", "::")),
        (3000, query_v2("fe80::7", "ff02::1", "::")),
    ]);
    let replayed = lab.replay(&capture, &["--address", "fe80::9", "--start", "0.5", "--until", "1000"]);
    let told = replayed.events.iter().map(|event| {
        assert_eq!(event["event"], "querier");
        (event["time"].as_f64().expect("a time"), event["role"].clone(), event["address"].clone())
    });
    let told: Vec<_> = told.collect();
    let querier = |time, role: &str, address: &str| (time, json!(role), json!(address));
    assert_eq!(
        told,
        [
            querier(0.5, "querier", "fe80::9"),
            querier(1.0, "non-querier", "fe80::7"),
            querier(2.0, "non-querier", "fe80::5"),
            // Each of the three kept the other one waiting.
            querier(258.0, "querier", "fe80::9"),
        ]
    );
    assert_eq!(replayed.interface()["statistics"]["received"]["query"], 3);
}

#[test]
fn version_1_reports_and_done_have_their_names_and_end_after_queries() {
    let lab = Lab::new("version_1");
    let capture = pcap(&[(0, report_v1(HOST, "ff05::1")), (20_000, done_v1(HOST, "ff05::1"))]);
    let replayed = lab.replay(&capture, &["--until", "30"]);
    let told: Vec<_> = replayed.timeline();
    assert_eq!(
        told,
        [
            (0.0, "report", "ff05::1"),
            (0.0, "membership", "ff05::1"),
            (20.0, "done", "ff05::1"),
            (22.0, "timeout", "ff05::1"),
            (22.0, "membership", "ff05::1"),
        ]
    );
    assert_eq!(replayed.of("report")[0]["record"], "report");
    assert_eq!(replayed.of("done")[0]["record"], "done");
}

#[test]
fn a_mere_refresh_is_a_report_and_no_membership() {
    let lab = Lab::new("refresh");
    let reports = (0..20).map(|at| (at * 100_000, report_one(IS_EX, "ff05::1", &[])));
    let replayed = lab.replay(&pcap(&reports.collect::<Vec<_>>()), &[]);
    assert_eq!((replayed.of("report").len(), replayed.of("membership").len()), (20, 1));
}

#[test]
fn each_limit_is_told_once_for_each_group_and_every_refusal_counted() {
    let lab = Lab::new("limits");
    let allow = |group: &str, sources: &[&str]| record(ALLOW, group, sources);
    let sources = [SOURCE_1, SOURCE_2, "2001:db8::3"];
    for (key, reports, refused) in [
        (
            "max-groups = 1",
            [allow("ff05::1", &sources[..1]), allow("ff05::2", &sources[..1])],
            ("max-groups", 3),
        ),
        (
            "max-group-sources = 2",
            [allow("ff05::1", &sources[..1]), allow("ff05::2", &sources)],
            ("max-group-sources", 3),
        ),
        (
            "max-sources-per-group = 2",
            [allow("ff05::1", &sources[..1]), allow("ff05::2", &sources)],
            ("max-group-sources", 3),
        ),
        (
            "max-sources = 2",
            [allow("ff05::1", &sources[..1]), allow("ff05::2", &sources[..2])],
            ("max-sources", 3),
        ),
    ] {
        let packets: Vec<_> = (0..3).map(|at| (at * 1000, report(HOST, &reports))).collect();
        let replayed = lab.configured(&pcap(&packets), key);
        let limits = replayed.of("limit");
        assert_eq!(limits.len(), 1, "{key}");
        assert_eq!(
            *limits[0],
            json!({"time": 0, "interface": "replay", "event": "limit", "group": "ff05::2", "limit": refused.0})
        );
        assert_eq!(replayed.interface()["statistics"]["refused"][refused.0], refused.1, "{key}");
    }
}

#[test]
fn a_week_passes_in_a_moment() {
    let lab = Lab::new("week");
    let week_ms = 7 * 24 * 3_600_000;
    let capture =
        pcap(&[(0, report_one(TO_EX, "ff05::1", &[])), (week_ms, report_one(TO_EX, "ff05::2", &[]))]);
    let began = std::time::Instant::now();
    let replayed = lab.replay(&capture, &[]);
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    // The startup series, then one every 125 s.
    let mut expected = vec![0, 31_250];
    expected.extend((1..).map(|at| 31_250 + at * 125_000).take_while(|time_ms| *time_ms <= week_ms));
    assert_eq!(replayed.sent_at(), expected);
    assert_eq!(replayed.groups(), ["ff05::2"]);
    assert_eq!(replayed.timeline()[2], (270.0, "timeout", "ff05::1"));
}

#[test]
fn every_run_is_the_same_to_the_octet() {
    let lab = Lab::new("determinism");
    let packets = (0..400_u64).map(|at| {
        let group = format!("ff05::{:x}", at * 7919 % 61);
        let kind = [TO_EX, ALLOW, BLOCK, TO_IN, IS_EX, IS_IN][(at % 6) as usize];
        let source = format!("2001:db8::{:x}", at * 31 % 17);
        (at * 731, report(HOST, &[record(kind, &group, &[&source])]))
    });
    let capture = pcap(&packets.collect::<Vec<_>>());
    let results = [(), (), ()].map(|()| {
        let replayed = lab.configured(&capture, "max-groups = 40");
        (replayed.stdout, lab.read("state"), replayed.sent)
    });
    assert!(
        results[0].0.lines().count() > 500 && results[0].2.len() > 10_000,
        "there is something to compare"
    );
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
}

#[test]
fn a_hundred_thousand_reports_replay_in_a_moment() {
    let lab = Lab::new("hundred_thousand");
    // Half of them join, half refresh; a tenth of the joined leave.
    let reports = (0..100_000_u64).map(|at| {
        let group = format!("ff05::{:x}:{:x}", (at / 2) >> 16, (at / 2) & 0xffff);
        let kind = if at % 20 == 19 { TO_IN } else { TO_EX };
        (at * 2, report_one(kind, &group, &[]))
    });
    lab.write("capture", pcap(&reports.collect::<Vec<_>>()));
    let began = std::time::Instant::now();
    let outcome = lab.run(&["replay", "capture"]);
    let took = began.elapsed();
    println!("100000 reports in {took:?}");
    assert_eq!((outcome.status, &*outcome.stderr), (0, ""));
    let count = |event: &str| outcome.stdout.matches(&format!("\"event\":\"{event}\"")).count();
    assert_eq!(count("report"), 100_000);
    // All but those who left in the last two seconds.
    assert_eq!((count("membership"), count("timeout")), (50_000 + 4950, 4950));
    // What is built to be debugged may take its time.
    assert!(cfg!(debug_assertions) || took.as_secs() < 2, "{took:?}");
}
