//! Arguments, and the state at the end.

use serde_json::json;

use crate::bytes::*;
use crate::lab::{Lab, text};

fn two_joins() -> Vec<u8> {
    pcap(&[(10_000, report_one(TO_EX, "ff05::1", &[])), (20_500, report_one(TO_EX, "ff05::2", &[]))])
}

#[test]
fn the_address_takes_part_in_the_election_and_sends() {
    let lab = Lab::new("address");
    let replayed = lab.replay(&two_joins(), &["--address", "FE80:0::00ab"]);
    assert_eq!(text(&replayed.events[0], "address"), "fe80::ab");
    assert_eq!(text(replayed.interface(), "address"), "fe80::ab");
    assert_eq!(replayed.sent()[0].1[8..24], address("fe80::ab"));
    let by_default = lab.replay(&two_joins(), &[]);
    assert_eq!(text(by_default.interface(), "address"), "fe80::1");
}

#[test]
fn the_interface_comes_up_with_the_first_frame_whatever_it_carries() {
    let lab = Lab::new("first_frame");
    let other = ethernet(&ipv6(HOST, "ff02::fb", 17, &[0; 8]));
    let capture = pcap_of_frames(&[(3000, other), (9000, ethernet(&report_one(TO_EX, "ff05::1", &[])))]);
    let replayed = lab.replay(&capture, &[]);
    assert_eq!(replayed.events[0]["time"], 3);
    assert_eq!(replayed.sent_at(), [3000]);
}

#[test]
fn start_sees_the_packets_of_its_instant_and_counts_those_before() {
    let lab = Lab::new("start");
    for (start, groups, before) in [
        ("9.5", &["ff05::1", "ff05::2"][..], &[][..]),
        ("10", &["ff05::1", "ff05::2"], &[]),
        ("10.0009", &["ff05::1", "ff05::2"], &[]),
        ("10.001", &["ff05::2"], &[("before-start", 1)]),
        ("20.5", &["ff05::2"], &[("before-start", 1)]),
    ] {
        let replayed = lab.replay(&two_joins(), &["--start", start]);
        assert_eq!(replayed.groups(), groups, "{start}");
        assert_eq!(replayed.all_discarded(), before, "{start}");
        let cut_off: f64 = start.parse::<f64>().expect(start);
        assert_eq!(replayed.events[0]["time"].as_f64(), Some((cut_off * 1000.0).floor() / 1000.0));
        assert_eq!(replayed.of("querier").len(), 1, "{start}");
    }
}

#[test]
fn a_start_after_the_last_frame_needs_an_end_of_its_own() {
    let lab = Lab::new("late_start");
    lab.write("capture", two_joins());
    let line = lab.fails(2, &["replay", "capture", "--start", "20.501"]);
    assert!(line.contains("--start") && line.contains("20.501") && line.contains("20.500"), "{line}");
    let replayed = lab.replay(&two_joins(), &["--start", "30", "--until", "61.25"]);
    assert_eq!(replayed.sent_at(), [30_000, 61_250]);
    assert_eq!(replayed.all_discarded(), [("before-start", 2)]);
    assert_eq!(replayed.groups(), [""; 0]);
}

#[test]
fn what_happens_in_the_instant_of_the_end_still_happens() {
    let lab = Lab::new("until");
    // A packet of the instant.
    assert_eq!(lab.replay(&two_joins(), &["--until", "20.499"]).groups(), ["ff05::1"]);
    assert_eq!(lab.replay(&two_joins(), &["--until", "20.5"]).groups(), ["ff05::1", "ff05::2"]);
    assert_eq!(lab.replay(&two_joins(), &["--until", "10"]).groups(), ["ff05::1"]);
    // A timer of the instant.
    let early = lab.replay(&two_joins(), &["--until", "279.999"]);
    assert_eq!((early.groups(), early.of("timeout").len()), (vec!["ff05::1", "ff05::2"], 0));
    assert_eq!(early.interface()["groups"][0]["expire"], 0.001);
    let ended = lab.replay(&two_joins(), &["--until", "280"]);
    assert_eq!((ended.groups(), ended.of("timeout").len()), (vec!["ff05::2"], 1));
    // A transmission of the instant.
    assert_eq!(lab.replay(&two_joins(), &["--until", "41.249"]).sent_at(), [10_000]);
    assert_eq!(lab.replay(&two_joins(), &["--until", "41.25"]).sent_at(), [10_000, 41_250]);
    // Nothing is removed.
    assert_eq!(ended.of("removed").len(), 0);
    let state = lab.replay(&two_joins(), &["--until", "100"]);
    assert_eq!(state.interface()["groups"][0]["up-time"], 90, "the state is that of the last moment");
}

#[test]
fn an_end_before_the_start_is_refused() {
    let lab = Lab::new("end_before_start");
    lab.write("capture", two_joins());
    for arguments in [
        &["--until", "9.999"][..],
        &["--start", "5", "--until", "4.999"],
        &["--start", "5.001", "--until", "5.0009"],
    ] {
        let line = lab.fails(2, &[&["replay", "capture"], arguments].concat());
        assert!(line.contains("--until is before"), "{line}");
    }
    assert_eq!(lab.replay(&two_joins(), &["--start", "5", "--until", "5"]).sent_at(), [5000]);
}

#[test]
fn a_capture_without_packets_runs_only_where_it_is_told_to() {
    let lab = Lab::new("empty_with_options");
    let empty = pcap(&[]);
    assert_eq!(lab.replay(&empty, &["--until", "100"]).stdout, "");
    assert_eq!(lab.replay(&empty, &["--start", "100"]).sent_at(), [100_000]);
    assert_eq!(lab.replay(&empty, &["--start", "100", "--until", "140"]).sent_at(), [100_000, 131_250]);
}

#[test]
fn the_state_holds_groups_sources_and_counts() {
    let lab = Lab::new("state");
    let capture = pcap(&[
        (1000, report("fe80::b", &[record(ALLOW, "ff3e::1", &["2001:db8::2", "2001:db8::1"])])),
        (2000, report_v1("fe80::c", "ff02::fb")),
        (9_688, report("fe80::d", &[record(TO_EX, "ff05::1", &["2001:db8::9"])])),
        (9_700, report("fe80::d", &[record(ALLOW, "ff05::1", &["2001:db8::8"])])),
        (10_000, report("fe80::e", &[record(ALLOW, "ff3e::1", &["2001:db8::1"])])),
        (10_500, report("fe80::f", &[record(BLOCK, "ff3e::1", &["2001:db8::2"])])),
        (11_000, done_v1("fe80::c", "ff02::fb")),
        (11_000, query_v2("fe80::99", "ff02::1", "::")),
        (11_000, mld_without_alert(HOST, "ff02::16", &[143, 0, 0, 0, 0, 0, 0, 0])),
    ]);
    let replayed = lab.replay(&capture, &["--until", "12"]);
    assert_eq!(replayed.all_discarded(), [("no-router-alert", 1)]);
    let interface = replayed.interface();
    let statistics = &interface["statistics"];
    let (received, sent) = (&statistics["received"], &statistics["sent"]);
    assert_eq!(*received, json!({"query": 1, "report-v1": 1, "report-v2": 5, "done": 1}));
    assert_eq!(*sent, json!({"query": replayed.sent_at().len()}));
    assert!(replayed.sent_at().len() >= 3, "the general one, and one for each leave");
    let head = ["name", "address", "version", "role", "querier"].map(|key| interface[key].clone());
    assert_eq!(head, [json!("replay"), json!("fe80::1"), json!(2), json!("querier"), json!("fe80::1")]);
    assert_eq!(
        interface["groups"],
        json!([
            {
                "group-address": "ff02::fb", "filter-mode": "exclude", "expire": 1, "up-time": 10,
                "compatibility-mode": 1, "state": "checking-listeners", "last-reporter": "fe80::c", "sources": [],
            },
            {
                "group-address": "ff05::1", "filter-mode": "exclude", "expire": 267.688, "up-time": 2.312,
                "compatibility-mode": 2, "state": "listeners-present", "last-reporter": "fe80::d",
                "sources": [
                    {"source-address": "2001:db8::8", "expire": 267.7, "up-time": 2.3, "forwarding": true},
                    {"source-address": "2001:db8::9", "expire": 0, "up-time": 2.312, "forwarding": false},
                ],
            },
            {
                "group-address": "ff3e::1", "filter-mode": "include", "expire": 268, "up-time": 11,
                "compatibility-mode": 2, "state": "listeners-present", "last-reporter": "fe80::e",
                "sources": [
                    {"source-address": "2001:db8::1", "expire": 268, "up-time": 11, "forwarding": true},
                    {"source-address": "2001:db8::2", "expire": 0.5, "up-time": 11, "forwarding": true},
                ],
            },
        ])
    );
}

#[test]
fn help_and_version_go_to_standard_output() {
    let lab = Lab::new("help");
    for (arguments, words) in [
        (&["--help"][..], "replay"),
        (&["replay", "--help"], "--transmit"),
        (&["help"], "replay"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
    ] {
        let outcome = lab.run(arguments);
        assert_eq!((outcome.status, &*outcome.stderr), (0, ""), "{arguments:?}");
        assert!(outcome.stdout.contains(words), "{}", outcome.stdout);
    }
}

#[test]
fn versions_are_told_everywhere() {
    let lab = Lab::new("versions");
    for arguments in [&["--version"][..], &["replay", "--version"], &["--help"], &["replay", "--help"]] {
        let outcome = lab.run(arguments);
        assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(outcome.stdout.contains("mld-sim"), "{}", outcome.stdout);
    }
}
