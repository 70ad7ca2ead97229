//! The capture, as other programs read it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use pcap_file::DataLink;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
use pcap_file::pcapng::{Block, PcapNgReader};
use serde_json::Value;

use crate::scenarios::{BROKEN, CROWD, EVERYTHING, TROUBLE};

#[test]
fn every_frame_stands_once_in_order_of_sending() {
    for records in [&EVERYTHING, &CROWD, &TROUBLE, &BROKEN] {
        let sent: Vec<_> = records
            .trace
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect(line))
            .filter(|document| document["event"] == "sent")
            .map(|document| (millis(&document["time"]), document["from"].as_str().map(str::to_owned)))
            .collect();
        assert!(sent.len() > 20);
        let packets = packets(&records.pcapng);
        assert_eq!(packets.len(), sent.len());
        for (packet, (time_ms, from)) in packets.iter().zip(sent) {
            assert_eq!(packet.time_ms, time_ms);
            let from = from.expect("a sender");
            assert!(packet.comment.starts_with(&format!("from {from}")), "{}", packet.comment);
        }
    }
}

#[test]
fn comments_say_what_became_of_a_packet() {
    let comments =
        |capture| -> Vec<String> { packets(capture).into_iter().map(|packet| packet.comment).collect() };
    let everything = comments(&EVERYTHING.pcapng);
    for comment in [
        "from r2; r1: not reached (down); desk, tv, old: received",
        "from desk; r1, r2: accepted report-v2",
        "from r1; r2, desk, tv, old: not reached (partition)",
    ] {
        assert!(everything.iter().any(|known| known == comment), "{comment}");
    }
    assert!(everything.iter().any(|comment| comment.contains(": lost")));
    let trouble = comments(&TROUBLE.pcapng);
    assert!(trouble.iter().any(|comment| comment.contains("discarded bad-checksum (damaged on the way)")));
    assert!(trouble.iter().any(|comment| comment.contains("(twice)")));
    let is_open = |comment: &&String| comment.contains("still under way");
    assert!(everything.iter().chain(&trouble).filter(is_open).count() < 5);
    let crowd = comments(&CROWD.pcapng);
    assert!(crowd.iter().any(|comment| comment.ends_with(" and 184 others: received")), "{}", crowd[0]);
}

#[test]
fn every_link_is_an_interface_of_its_own() {
    let mut reader = PcapNgReader::new(&*TROUBLE.pcapng).expect("a capture");
    while let Some(block) = reader.next_block() {
        block.expect("a block");
    }
    let interfaces: Vec<_> = reader
        .interfaces()
        .iter()
        .map(|interface| {
            let name = interface.options.iter().find_map(|option| match option {
                InterfaceDescriptionOption::IfName(name) => Some(name.to_string()),
                _ => None,
            });
            (name.expect("a name"), interface.linktype)
        })
        .collect();
    assert_eq!(interfaces, [("upstairs".into(), DataLink::ETHERNET), ("uplink".into(), DataLink::IPV6)]);
}

#[test]
fn a_replay_reads_the_capture() {
    let path = file("replayed.pcapng", &CROWD.pcapng);
    let outcome = Command::new(env!("CARGO_BIN_EXE_mld-sim")).arg("replay").arg(&path).output();
    let outcome = outcome.expect("the program starts");
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
    let events = String::from_utf8(outcome.stdout).expect("text");
    assert!(events.contains(r#""event":"membership","group":"ff0e::12","has-members":true"#));
}

#[test]
fn wireshark_reads_times_messages_and_comments() {
    let Some(packets) = tshark(&file("everything.pcapng", &EVERYTHING.pcapng)) else {
        return;
    };
    let fields = [
        "0.000000000|lan|fe80::2|ff02::1|130|4000|2|20||1||from r2; r1: not reached (down); desk, tv, old: received",
        "6.000000000|lan|fe80::7|ff02::16|143||||ff0e::4|1||from tv; r1: not reached (down); r2: accepted report-v2",
        "32.000000000|lan|fe80::a|ff05::9|131|||||1||from old; r1, r2: accepted report-v1",
        "90.000000000|lan|fe80::a|ff02::2|132|||||1||from old; r1, r2: accepted done",
    ];
    for expected in fields {
        assert!(packets.iter().any(|packet| packet == expected), "{expected} in {:#?}", &packets[..5]);
    }
    // Each checksum is right, and nothing is malformed.
    let wrong = packets.iter().find(|packet| !packet.contains("|1||from "));
    assert_eq!(wrong, None);
}

#[test]
fn wireshark_reads_a_link_without_ethernet() {
    let Some(packets) = tshark(&file("trouble.pcapng", &TROUBLE.pcapng)) else {
        return;
    };
    let expected = "10.000000000|uplink|fe80::2|ff02::16|143||||ff0e::1|1||from far; r2: accepted report-v2";
    assert!(packets.iter().any(|packet| packet == expected), "{expected} in {:#?}", &packets[..9]);
}

struct Read {
    time_ms: u64,
    comment: String,
}

fn packets(capture: &[u8]) -> Vec<Read> {
    let mut reader = PcapNgReader::new(capture).expect("a capture");
    let mut packets = Vec::new();
    while let Some(block) = reader.next_block() {
        let Block::EnhancedPacket(packet) = block.expect("a block") else { continue };
        let [EnhancedPacketOption::Comment(comment)] = &packet.options[..] else {
            panic!("{:?}", packet.options);
        };
        let time_ms = packet.timestamp.as_millis() as u64;
        assert_eq!(packet.timestamp.subsec_nanos() % 1_000_000, 0);
        packets.push(Read { time_ms, comment: comment.to_string() });
    }
    packets
}

fn millis(time: &Value) -> u64 {
    (time.as_f64().expect("a time") * 1000.0).round() as u64
}

fn file(name: &str, octets: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("record-{name}"));
    fs::write(&path, octets).expect("a file for the test");
    path
}

/// What tshark says of each packet: time, interface, addresses, MLD fields, checksum (1: right), what is malformed, comment. Without tshark, nothing,
/// which is a failure where everything must be there.
fn tshark(capture: &Path) -> Option<Vec<String>> {
    let fields = [
        "frame.time_epoch",
        "frame.interface_name",
        "ipv6.src",
        "ipv6.dst",
        "icmpv6.type",
        "icmpv6.mld.maximum_response_code",
        "icmpv6.mld.flag.qrv",
        "icmpv6.mld.qqi",
        "icmpv6.mldr.mar.multicast_address",
        "icmpv6.checksum.status",
        "_ws.malformed",
        "frame.comment",
    ];
    let mut command = Command::new("tshark");
    command.arg("-r").arg(capture).args(["-n", "-T", "fields", "-E", "separator=|", "-E", "occurrence=f"]);
    command.args(fields.iter().flat_map(|field| ["-e", *field]));
    let outcome = match command.output() {
        Ok(outcome) => outcome,
        Err(error) => {
            let words = format!("SKIPPED: tshark cannot be run ({error}): apt-get install tshark");
            assert!(env::var_os("CI").is_none_or(|value| value != "true"), "{words}");
            eprintln!("{words}");
            return None;
        }
    };
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
    let lines = String::from_utf8(outcome.stdout).expect("text");
    Some(lines.lines().map(str::to_owned).collect())
}
