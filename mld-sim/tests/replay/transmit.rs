//! The packets that the router sends.

use crate::bytes::*;
use crate::lab::{Lab, text};

#[test]
fn sent_packets_are_a_pcap_of_ethernet_frames_on_the_clock_of_the_capture() {
    let lab = Lab::new("sent");
    let capture = pcap(&[(1_700_000_000_123, report_one(TO_EX, "ff05::1:2:3", &[]))]);
    let leave = pcap(&[
        (1_700_000_000_123, report_one(TO_EX, "ff05::1:2:3", &[])),
        (1_700_000_000_456, report_one(TO_IN, "ff05::1:2:3", &[])),
    ]);
    let frame = |group: [u8; 4], packet: Vec<u8>| {
        [&[0x33, 0x33][..], &group, &[2, 0, 0, 0, 0, 1, 0x86, 0xdd], &packet].concat()
    };
    let general = frame([0, 0, 0, 1], mld("fe80::1", "ff02::1", &query_message(10_000, "::", 2, 125, &[])));
    let header = pcap_header(Endian::Little, false, 1);
    let mut expected = header.clone();
    expected.extend(pcap_record(Endian::Little, 1_700_000_000, 123_000, &general, general.len()));
    assert_eq!(lab.replay(&capture, &[]).sent, expected);

    let query = query_message(1000, "ff05::1:2:3", 2, 125, &[]);
    let specific = frame([0, 2, 0, 3], mld("fe80::1", "ff05::1:2:3", &query));
    expected.extend(pcap_record(Endian::Little, 1_700_000_000, 456_000, &specific, specific.len()));
    assert_eq!(lab.replay(&leave, &[]).sent, expected);
    expected.extend(pcap_record(Endian::Little, 1_700_000_001, 456_000, &specific, specific.len()));
    assert_eq!(lab.replay(&leave, &["--until", "1700000002.456"]).sent, expected);
    assert_eq!(expected.len(), header.len() + 16 + general.len() + 2 * (16 + specific.len()));
}

#[test]
fn nothing_sent_is_a_capture_without_packets() {
    let lab = Lab::new("nothing_sent");
    let replayed = lab.configured(&pcap(&[(0, report_one(TO_EX, "ff05::1", &[]))]), "querier = \"never\"");
    assert_eq!(replayed.sent, pcap_header(Endian::Little, false, 1));
    assert_eq!(text(&replayed.events[0], "role"), "non-querier");
}

#[test]
fn another_router_reads_what_was_sent() {
    let lab = Lab::new("read_back");
    let join = report_one(TO_EX, "ff05::1", &[]);
    let sources: Vec<_> = (1..=200).map(|at| format!("2001:db8::{at:x}")).collect();
    let sources: Vec<_> = sources.iter().map(String::as_str).collect();
    let capture = pcap(&[
        (1000, join),
        (2000, report_one(ALLOW, "ff3e::1", &sources[..80])),
        (3000, report_one(BLOCK, "ff3e::1", &sources[..80])),
        (50_000, report_one(TO_IN, "ff05::1", &[])),
    ]);
    let first = lab.replay(&capture, &["--until", "2000"]);
    let sent = first.sent_at().len();
    assert!(sent > 15, "{sent} Queries");

    // One with a higher address hears a querier, and nothing that it cannot read.
    let second = lab.replay(&first.sent, &["--address", "fe80::2"]);
    assert_eq!(second.all_discarded(), []);
    assert_eq!(second.interface()["statistics"]["received"]["query"], sent);
    let queriers: Vec<_> = second.of("querier").iter().map(|event| text(event, "address")).collect();
    assert_eq!(queriers, ["fe80::2", "fe80::1"]);
    assert_eq!(second.sent_at(), [1000], "only the Query of its own start");

    // One with the same address takes it for an echo.
    let echo = lab.replay(&first.sent, &[]);
    assert_eq!(echo.all_discarded(), [("own-address", sent as u64)]);
}
