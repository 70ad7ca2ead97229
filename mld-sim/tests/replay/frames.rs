//! Which frames reach the router, and how the others are counted.

use crate::bytes::*;
use crate::lab::Lab;

/// A frame that the router answers with an event, first in each capture.
fn join() -> Vec<u8> {
    report_one(TO_EX, "ff05::1", &[])
}

#[test]
fn frames_without_mld_are_counted_and_skipped() {
    let lab = Lab::new("not_mld");
    let udp = ipv6(HOST, "ff02::fb", 17, &[0; 16]);
    let neighbour_solicitation = mld(HOST, "ff02::1:ff00:1", &[135, 0, 0, 0, 0, 0, 0, 0]);
    let ipv4 = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 9, 8, 0], &[0x45; 20]].concat();
    let ieee_802_3 = [&[1, 0x80, 0xc2, 0, 0, 0][..], &[2, 0, 0, 0, 0, 9, 0, 38], &[0x42; 38]].concat();
    let frames = [
        ethernet(&udp),
        ethernet(&neighbour_solicitation),
        ipv4,
        ieee_802_3,
        tagged(&[(0x8100, 7)], &udp),
        vec![],
        vec![0x33; 13],
        ethernet(&[]),
        ethernet(&[0x45; 20]),
    ];
    let mut capture: Vec<_> = frames.iter().map(|frame| (0, frame.clone())).collect();
    capture.push((1, ethernet(&join())));
    let replayed = lab.replay(&pcap_of_frames(&capture), &[]);
    assert_eq!(replayed.all_discarded(), [("not-mld", frames.len() as u64)]);
    assert_eq!(replayed.groups(), ["ff05::1"]);
    let before = lab.replay(&pcap_of_frames(&capture), &["--start", "5", "--until", "6"]);
    assert_eq!(before.all_discarded(), [("before-start", 1), ("not-mld", frames.len() as u64)]);
}

#[test]
fn other_vlans_are_other_links_and_id_0_is_none() {
    let lab = Lab::new("vlans");
    let packet = |group| report_one(TO_EX, group, &[]);
    let capture = pcap_of_frames(&[
        (0, tagged(&[], &packet("ff05::1"))),
        (0, tagged(&[(0x8100, 0)], &packet("ff05::2"))),
        (0, tagged(&[(0x8100, 0xe000)], &packet("ff05::3"))),
        (0, tagged(&[(0x88a8, 0), (0x8100, 0)], &packet("ff05::4"))),
        (0, tagged(&[(0x8100, 1)], &packet("ff05::5"))),
        (0, tagged(&[(0x8100, 0xefff)], &packet("ff05::6"))),
        (0, tagged(&[(0x88a8, 0), (0x8100, 2)], &packet("ff05::7"))),
        (0, tagged(&[(0x88a8, 2), (0x8100, 0)], &packet("ff05::8"))),
        // Of another link, whatever else is wrong with it.
        (0, tagged(&[(0x8100, 1)], &packet("ff05::9")[..60])),
    ]);
    let replayed = lab.replay(&capture, &[]);
    assert_eq!(replayed.groups(), ["ff05::1", "ff05::2", "ff05::3", "ff05::4"]);
    assert_eq!(replayed.all_discarded(), [("other-vlan", 5)]);
    let before = lab.replay(&capture, &["--start", "1", "--until", "2"]);
    assert_eq!(before.all_discarded(), [("before-start", 4), ("other-vlan", 5)]);
}

#[test]
fn frames_captured_short_are_truncated_if_they_may_be_mld() {
    let lab = Lab::new("captured_short");
    let whole = tagged(&[(0x8100, 0)], &join());
    let mut capture = pcap_header(Endian::Little, false, 1);
    let count = whole.len();
    for len in 0..count {
        capture.extend(pcap_record(Endian::Little, 1, 0, &whole[..len], count));
    }
    let replayed = lab.replay(&capture, &[]);
    assert_eq!(replayed.all_discarded(), [("truncated", count as u64)]);
    assert_eq!(replayed.groups(), [""; 0]);

    // From the octet on that says so, it is certain that another protocol follows.
    let other = tagged(&[(0x8100, 0)], &ipv6(HOST, "ff02::fb", 17, &[0; 16]));
    let mut capture = pcap_header(Endian::Little, false, 1);
    for len in 0..other.len() {
        capture.extend(pcap_record(Endian::Little, 1, 0, &other[..len], other.len()));
    }
    let header_end = 18 + 40;
    let replayed = lab.replay(&capture, &[]);
    let certain = (other.len() - header_end) as u64;
    assert_eq!(replayed.all_discarded(), [("not-mld", certain), ("truncated", header_end as u64)]);
}

#[test]
fn padding_and_a_cut_trailer_belong_to_the_frame_and_not_to_the_packet() {
    let lab = Lab::new("padding");
    let frame = ethernet(&join());
    let padded = [&frame[..], &[0xee; 30]].concat();
    let mut capture = pcap_header(Endian::Little, false, 1);
    capture.extend(pcap_record(Endian::Little, 1, 0, &padded, padded.len()));
    assert_eq!(lab.replay(&capture, &[]).groups(), ["ff05::1"]);
    let mut capture = pcap_header(Endian::Little, false, 1);
    capture.extend(pcap_record(Endian::Little, 1, 0, &padded[..frame.len() + 3], padded.len()));
    assert_eq!(lab.replay(&capture, &[]).groups(), ["ff05::1"]);
}

#[test]
fn malformed_packets_are_counted_by_the_first_check_that_fails() {
    let lab = Lab::new("malformed");
    let report = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut packet = join();
        change(&mut packet);
        (1, packet)
    };
    let capture = pcap(&[
        report(&|packet| packet.truncate(60)),
        report(&|packet| packet[7] = 64),
        (1, mld_without_alert(HOST, "ff02::16", &[143, 0, 0, 0, 0, 0, 0, 0])),
        (1, self::report_from("::")),
        (1, self::report_from("2001:db8::1")),
        (1, self::report_from("fe80::1")),
        report(&|packet| packet[51] ^= 1),
        (1, mld(HOST, "ff02::16", &[143, 0, 0, 0, 0, 0, 0, 1])),
        (1, report_v1(HOST, "ff01::1")),
        (1, mld(HOST, "2001:db8::7", &[143, 0, 0, 0, 0, 0, 0, 0])),
    ]);
    let replayed = lab.replay(&capture, &[]);
    let expected = [
        "bad-checksum",
        "bad-length",
        "destination",
        "group-address",
        "hop-limit",
        "no-router-alert",
        "own-address",
        "source-not-link-local",
        "source-unspecified",
        "truncated",
    ];
    assert_eq!(replayed.all_discarded(), expected.map(|reason| (reason, 1)));
    assert_eq!(replayed.events.len(), 1, "only the querier at the start");
}

fn report_from(source: &str) -> Vec<u8> {
    report(source, &[record(TO_EX, "ff05::1", &[])])
}
