//! Every key of the configuration file, by what it does.

use crate::bytes::*;
use crate::lab::{Lab, Replayed, text};

const GROUP: &str = "ff05::1";

/// Somebody joins at second 100.
fn join() -> Vec<u8> {
    pcap(&[(100_000, report_one(TO_EX, GROUP, &[]))])
}

/// When the group of [`join`] ends, in milliseconds after the join.
fn lifetime(lab: &Lab, configuration: &str) -> u64 {
    lab.write("configuration", configuration);
    let replayed = lab.replay(&join(), &["--config", "configuration", "--until", "3000"]);
    (crate::lab::seconds(replayed.of("timeout")[0]) * 1000.0).round() as u64 - 100_000
}

/// What the router sends in the first `seconds` when nobody else does, in milliseconds from its start.
fn schedule(lab: &Lab, configuration: &str, seconds: &str) -> Vec<u64> {
    lab.write("configuration", configuration);
    lab.replay(&pcap(&[]), &["--config", "configuration", "--start", "0", "--until", seconds]).sent_at()
}

/// The ICMPv6 message of the first Query.
fn first_query(replayed: &Replayed) -> Vec<u8> {
    replayed.sent()[0].1[48..].to_vec()
}

#[test]
fn version_1_speaks_and_hears_version_1() {
    let lab = Lab::new("key_version");
    let capture = pcap(&[(0, report_one(TO_EX, GROUP, &[])), (0, report_v1(HOST, "ff05::2"))]);
    let replayed = lab.configured(&capture, "version = 1");
    assert_eq!(replayed.groups(), ["ff05::2"]);
    assert_eq!(replayed.discarded("wrong-version"), 1);
    assert_eq!(replayed.interface()["version"], 1);
    assert_eq!(replayed.sent()[0].1, query_v1("fe80::1", "::", 10_000));
    let reading = lab.configured(&capture, "version = 1\nversion-1-reads-version-2-reports = true");
    assert_eq!(reading.groups(), [GROUP, "ff05::2"]);
    assert_eq!(lab.configured(&capture, "version = 2").groups(), [GROUP, "ff05::2"]);
}

#[test]
fn querier_never_listens_and_never_sends() {
    let lab = Lab::new("key_querier");
    let replayed = lab.configured(&join(), "querier = \"never\"");
    assert_eq!((replayed.sent().len(), replayed.groups()), (0, vec![GROUP]));
    assert_eq!(text(replayed.interface(), "role"), "non-querier");
    assert_eq!(text(replayed.interface(), "querier"), "::");
    assert_eq!(lab.configured(&join(), "querier = \"auto\"").sent().len(), 1);
}

#[test]
fn timer_keys_set_lifetimes_and_what_queries_announce() {
    let lab = Lab::new("key_timers");
    assert_eq!(lifetime(&lab, ""), 270_000);
    assert_eq!(lifetime(&lab, "robustness-variable = 3"), 395_000);
    assert_eq!(lifetime(&lab, "query-interval = 60"), 140_000);
    assert_eq!(lifetime(&lab, "query-interval = 60.5"), 141_000);
    assert_eq!(lifetime(&lab, "query-max-response-time = 2.5"), 255_000);
    assert_eq!(lifetime(&lab, "legacy-mali = true"), 260_000);
    let query = |configuration: &str| first_query(&lab.configured(&join(), configuration));
    let [code, announced] = [4..6, 24..26];
    assert_eq!((&query("")[code.clone()], &query("")[announced.clone()]), (&[0x27, 0x10][..], &[2, 125][..]));
    assert_eq!(query("robustness-variable = 7")[24], 7);
    assert_eq!(query("robustness-variable = 8")[24], 0);
    assert_eq!(query("query-interval = 60")[25], 60);
    assert_eq!(query("query-interval = 31744")[25], 0xff);
    assert_eq!(query("query-max-response-time = 0.001")[code.clone()], [0, 1]);
    assert_eq!(query("query-interval = 9000\nquery-max-response-time = 8387.584")[code], [0xff, 0xff]);
}

#[test]
fn startup_keys_set_the_first_queries() {
    let lab = Lab::new("key_startup");
    assert_eq!(schedule(&lab, "", "200"), [0, 31_250, 156_250]);
    assert_eq!(schedule(&lab, "query-interval = 60", "80"), [0, 15_000, 75_000]);
    assert_eq!(schedule(&lab, "startup-query-interval = 7.125", "140"), [0, 7125, 132_125]);
    assert_eq!(schedule(&lab, "startup-query-count = 4", "220"), [0, 31_250, 62_500, 93_750, 218_750]);
    assert_eq!(schedule(&lab, "robustness-variable = 3", "200"), [0, 31_250, 62_500, 187_500]);
}

#[test]
fn last_member_keys_set_the_specific_queries() {
    let lab = Lab::new("key_last_member");
    let capture = pcap(&[(0, report_one(TO_EX, GROUP, &[])), (5000, report_one(TO_IN, GROUP, &[]))]);
    for (configuration, queries, end) in [
        ("", &[5000, 6000][..], 7.0),
        ("last-member-query-interval = 0.25", &[5000, 5250], 5.5),
        ("last-member-query-count = 3", &[5000, 6000, 7000], 8.0),
        ("last-member-query-count = 1\nlast-member-query-interval = 0.001", &[5000], 5.001),
        ("robustness-variable = 1", &[5000], 6.0),
    ] {
        lab.write("configuration", configuration);
        let replayed = lab.replay(&capture, &["--config", "configuration", "--until", "20"]);
        assert_eq!(replayed.sent_at()[1..], *queries, "{configuration}");
        assert_eq!(crate::lab::seconds(replayed.of("timeout")[0]), end, "{configuration}");
    }
}

#[test]
fn immediate_leave_ends_a_group_without_waiting() {
    let lab = Lab::new("key_immediate_leave");
    let capture = pcap(&[(0, report_one(TO_EX, GROUP, &[])), (5000, report_one(TO_IN, GROUP, &[]))]);
    lab.write("configuration", "immediate-leave = true");
    let replayed = lab.replay(&capture, &["--config", "configuration", "--until", "20"]);
    assert_eq!(replayed.timeline()[2..], [(5.0, "report", GROUP), (5.0, "membership", GROUP)]);
    assert_eq!(replayed.sent_at(), [0, 5000]);
}

#[test]
fn require_router_alert_can_be_waived() {
    let lab = Lab::new("key_router_alert");
    let message = [&[143, 0, 0, 0, 0, 0, 0, 1][..], &record(TO_EX, GROUP, &[])].concat();
    let capture = pcap(&[(0, mld_without_alert(HOST, "ff02::16", &message))]);
    assert_eq!(lab.configured(&capture, "require-router-alert = false").groups(), [GROUP]);
    assert_eq!(lab.configured(&capture, "require-router-alert = true").discarded("no-router-alert"), 1);
}

#[test]
fn mtu_splits_lists_of_sources() {
    let lab = Lab::new("key_mtu");
    let sources: Vec<_> = (1..=100).map(|at| format!("2001:db8::{at:x}")).collect();
    let sources: Vec<_> = sources.iter().map(String::as_str).collect();
    let (one, rest) = sources.split_at(50);
    let record = |kind| [report_one(kind, "ff3e::1", one), report_one(kind, "ff3e::1", rest)];
    let packets = record(ALLOW)
        .into_iter()
        .map(|packet| (0, packet))
        .chain([(5000, report(HOST, &[crate::bytes::record(BLOCK, "ff3e::1", &sources)]))]);
    let capture = pcap(&packets.collect::<Vec<_>>());
    // 40 octets of IPv6, 8 of options, 28 of the Query, then 16 for each source.
    for (configuration, lens) in [
        ("", &[76 + 89 * 16, 76 + 11 * 16][..]),
        ("mtu = 1500", &[76 + 89 * 16, 76 + 11 * 16]),
        ("mtu = 1280", &[76 + 75 * 16, 76 + 25 * 16]),
        ("mtu = 9000", &[76 + 100 * 16]),
    ] {
        let replayed = lab.configured(&capture, configuration);
        let sent: Vec<_> = replayed.sent()[1..].iter().map(|(_, packet)| packet.len()).collect();
        assert_eq!(sent, lens, "{configuration}");
    }
}

#[test]
fn ssm_range_is_where_exclude_records_are_skipped() {
    let lab = Lab::new("key_ssm_range");
    let groups = ["ff3e::1", "ff35::1", GROUP];
    let records = groups.map(|group| record(TO_EX, group, &[]));
    let capture = pcap(&[(0, report(HOST, &records))]);
    for (configuration, stored) in [
        ("", &[GROUP][..]),
        ("ssm-range = []", &[GROUP, "ff35::1", "ff3e::1"]),
        ("ssm-range = \"ff3e::/32\"", &[GROUP, "ff35::1"]),
        ("ssm-range = [\"ff35::/32\", \"ff3e::/32\"]", &[GROUP]),
        ("ssm-range = \"ff05::/16\"", &["ff35::1", "ff3e::1"]),
    ] {
        let replayed = lab.configured(&capture, configuration);
        assert_eq!(replayed.groups(), stored, "{configuration}");
        assert_eq!(replayed.all_discarded(), [], "{configuration}");
    }
}

#[test]
fn queries_to_unusual_destinations_count_unless_refused() {
    let lab = Lab::new("key_strict_destination");
    let capture = pcap(&[(0, query_v2("fe80::0", "fe80::1", "::"))]);
    let lenient = lab.configured(&capture, "strict-query-destination = false");
    assert_eq!(text(lenient.interface(), "role"), "non-querier");
    let strict = lab.configured(&capture, "strict-query-destination = true");
    assert_eq!(text(strict.interface(), "role"), "querier");
    assert_eq!(strict.all_discarded(), [("destination", 1)]);
}

#[test]
fn version_1_queriers_can_be_ignored_in_the_election() {
    let lab = Lab::new("key_ignore_v1_querier");
    let capture = pcap(&[(0, query_v1("fe80::0", "::", 10_000))]);
    assert_eq!(text(lab.configured(&capture, "").interface(), "role"), "non-querier");
    let ignoring = lab.configured(&capture, "ignore-v1-querier = true");
    assert_eq!(text(ignoring.interface(), "role"), "querier");
}

#[test]
fn version_2_only_ignores_version_1() {
    let lab = Lab::new("key_version_2_only");
    let capture = pcap(&[(0, report_v1(HOST, GROUP))]);
    assert_eq!(lab.configured(&capture, "version-2-only = false").groups(), [GROUP]);
    let replayed = lab.configured(&capture, "version-2-only = true");
    assert_eq!((replayed.groups(), replayed.discarded("wrong-version")), (vec![], 1));
}

#[test]
fn link_local_groups_are_stored_unless_ignored() {
    let lab = Lab::new("key_link_local");
    let capture = pcap(&[(0, report_v1(HOST, "ff02::fb"))]);
    assert_eq!(lab.configured(&capture, "").groups(), ["ff02::fb"]);
    assert_eq!(lab.configured(&capture, "ignore-link-local-groups = true").groups(), [""; 0]);
}

#[test]
fn the_interface_replay_goes_before_the_defaults_and_others_are_only_checked() {
    let lab = Lab::new("interfaces");
    let configuration =
        |settings: &str| format!("control-socket = \"/run/x\"\nquery-interval = 60\n{settings}");
    let other = "[[interface]]\nname = \"eth0\"\nquerier = \"never\"\nquery-interval = 70\n";
    let own = "[[interface]]\nname = \"replay\"\nquery-interval = 80\n";
    let announced = |settings: &str| first_query(&lab.configured(&join(), &configuration(settings)))[25];
    assert_eq!(announced(""), 60);
    assert_eq!(announced(other), 60);
    assert_eq!(announced(&format!("{other}{own}")), 80);
    lab.write("capture", join());
    lab.write("configuration", configuration("[[interface]]\nname = \"eth0\"\nquery-interval = 5\n"));
    let line = lab.fails(2, &["replay", "capture", "--config", "configuration"]);
    assert!(line.contains("interface eth0: query-max-response-time must be below query-interval"), "{line}");
}

#[test]
fn the_file_of_the_manual_can_be_used() {
    let lab = Lab::new("manual");
    let file = r#"
control-socket = "/run/mld/mld.sock"
version = 2                        # 1: RFC 2710 alone
querier = "auto"
robustness-variable = 2
query-interval = 125
query-max-response-time = 10
last-member-query-interval = 1
last-member-query-count = 2
startup-query-interval = 31.25
startup-query-count = 2
immediate-leave = false
require-router-alert = true
max-groups = 65536
max-group-sources = 1024
max-sources = 262144
mtu = 1500
ssm-range = ["ff35::/32", "ff3e::/32"]
legacy-mali = false
strict-query-destination = false
ignore-v1-querier = false
version-1-reads-version-2-reports = false
version-2-only = false
ignore-link-local-groups = false

[[interface]]
name = "eth0"
query-interval = 60
"#;
    let (configured, default) = (lab.configured(&join(), file), lab.replay(&join(), &[]));
    assert_eq!((configured.stdout, configured.sent), (default.stdout, default.sent));
}

#[test]
fn source_that_leaves_at_once_makes_room_for_the_next_of_its_packet() {
    let lab = Lab::new("leave_and_room");
    let packets = [
        (0, report_one(ALLOW, GROUP, &["2001:db8::1"])),
        (
            1_000,
            report(HOST, &[record(BLOCK, GROUP, &["2001:db8::1"]), record(ALLOW, GROUP, &["2001:db8::2"])]),
        ),
    ];
    let replayed = lab.configured(&pcap(&packets), "immediate-leave = true\nmax-sources = 1\n");
    assert_eq!(replayed.groups(), [GROUP]);
    assert!(replayed.of("limit").is_empty());
}
