//! Everything that can be wrong: one line that names it, and the exit status.

use std::process::Stdio;

use crate::bytes::*;
use crate::lab::Lab;

fn capture() -> Vec<u8> {
    pcap(&[(0, report_one(TO_EX, "ff05::1", &[]))])
}

#[test]
fn arguments_that_cannot_be_used_are_named() {
    let lab = Lab::new("wrong_arguments");
    lab.write("capture", capture());
    for (arguments, words) in [
        (&[][..], "subcommand"),
        (&["play"], "play"),
        (&["replay"], "<CAPTURE>"),
        (&["replay", "capture", "more"], "more"),
        (&["replay", "capture", "--speed", "2"], "--speed"),
        (&["replay", "capture", "--address", "fe80:0:0:1::1"], "must be an IPv6 address in fe80::/64"),
        (&["replay", "capture", "--address", "fe81::1"], "must be an IPv6 address in fe80::/64"),
        (&["replay", "capture", "--address", "2001:db8::1"], "--address"),
        (&["replay", "capture", "--address", "::"], "--address"),
        (&["replay", "capture", "--address", "fe80::1%eth0"], "--address"),
        (&["replay", "capture", "--address"], "--address"),
        (&["replay", "capture", "--start", "soon"], "must be 0 to 253402300799.999 seconds"),
        (&["replay", "capture", "--start", "-1"], "-1"),
        (&["replay", "capture", "--start=-1"], "--start"),
        (&["replay", "capture", "--until", "1e9"], "--until"),
        (&["replay", "capture", "--until", "nan"], "--until"),
        (&["replay", "capture", "--until", "253402300800"], "--until"),
        (&["replay", "capture", "--start", "1", "--start", "2"], "--start"),
    ] {
        let line = lab.fails(2, arguments);
        assert!(line.starts_with("mld-sim: ") && line.contains(words), "{line}");
        assert!(!line.contains("Usage:"), "{line}");
    }
}

#[test]
fn files_that_are_no_captures_are_named() {
    let lab = Lab::new("no_captures");
    let (pcap, section) = (capture(), section_header(Endian::Big));
    let mut modified = pcap.clone();
    modified[..4].copy_from_slice(&0xa1b2_cd34_u32.to_le_bytes());
    for (content, words) in [
        (&b""[..], "must be a pcap or pcapng capture"),
        (b"\0", "must be a pcap or pcapng capture"),
        (b"time,packet\n1,2\n", "must be a pcap or pcapng capture"),
        (&[0xff; 1000], "must be a pcap or pcapng capture"),
        (&pcap[..4], "must be a pcap or pcapng capture"),
        (&pcap[..23], "must be a pcap or pcapng capture"),
        (&section[..11], "must be a pcap or pcapng capture"),
        (&section[..27], "must be a pcap or pcapng capture"),
        (&modified, "must be a pcap or pcapng capture"),
        (
            &[0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 28, 1, 2, 3, 4],
            "broken at octet 0: a section of unknown byte order",
        ),
    ] {
        lab.write("capture", content);
        let line = lab.fails(2, &["replay", "capture", "--state", "state", "--transmit", "sent"]);
        assert!(line.starts_with("mld-sim: capture: ") && line.contains(words), "{line}");
        assert!(!lab.path("state").exists() && !lab.path("sent").exists(), "nothing is written");
    }
    let line = lab.fails(2, &["replay", "missing"]);
    assert!(line.starts_with("mld-sim: missing: No such file"), "{line}");
    let line = lab.fails(2, &["replay", "."]);
    assert!(line.starts_with("mld-sim: .: "), "{line}");
}

#[test]
fn other_link_types_are_refused_and_named() {
    let lab = Lab::new("link_types");
    for link in [0, 2, 12, 105, 127, 0xffff] {
        let mut blocks = section_header(Endian::Little);
        blocks.extend(interface(Endian::Little, link, 0, None, None));
        for content in [pcap_header(Endian::Big, false, link.into()), blocks] {
            lab.write("capture", content);
            let line = lab.fails(2, &["replay", "capture"]);
            assert!(
                line.starts_with(&format!("mld-sim: capture: link type {link} must be Ethernet (1),")),
                "{line}"
            );
        }
    }
}

#[test]
fn captures_that_contradict_themselves_end_where_they_do() {
    let lab = Lab::new("broken");
    let endian = Endian::Big;
    let frame = ethernet(&report_one(TO_EX, "ff05::1", &[]));
    let mut good = section_header(endian);
    good.extend(interface(endian, 1, 0, None, None));
    good.extend(packet_block(endian, 0, 0, &frame, frame.len()));
    let block = packet_block(endian, 0, 0, &frame, frame.len());
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = block.clone();
        change(&mut changed);
        changed
    };
    let mut late = section_header(endian);
    late.extend(interface(endian, 1, 0, Some(0), None));
    late.extend(packet_block(endian, 0, 253_402_300_800, &frame, frame.len()));
    for broken in [
        // The length is none, or none of a block.
        with(&|block| block[4..8].fill(0)),
        with(&|block| block[7] += 1),
        with(&|block| block[4] = 0x7f),
        // The lengths at both ends differ.
        with(&|block| *block.last_mut().expect("octets") += 4),
        // A packet that overruns its block.
        with(&|block| block[22] = 0x7f),
        with(&|block| block[20..24].fill(0xff)),
        // An interface that nobody described.
        packet_block(endian, 1, 0, &frame, frame.len()),
        // A section of unknown byte order.
        crate::bytes::block(endian, 0x0a0d_0d0a, &[0; 16]),
    ] {
        // More follows, so it is not the end of the file that is at fault.
        lab.write("capture", [&good[..], &broken, &block].concat());
        let outcome = lab.run(&["replay", "capture"]);
        assert_eq!(outcome.status, 2, "{broken:x?}");
        let place = format!("mld-sim: capture: broken at octet {}: ", good.len());
        assert!(outcome.stderr.starts_with(&place), "{}", outcome.stderr);
        assert_eq!(outcome.events().len(), 3, "what stands before is told");
    }
    lab.write("capture", late);
    assert!(lab.fails(2, &["replay", "capture"]).contains("a time after the year 9999"));
    let mut huge = capture();
    let offset = huge.len();
    huge.extend(pcap_record(Endian::Little, 1, 0, &[], 0));
    huge[offset + 8..offset + 12].fill(0xee);
    lab.write("capture", huge);
    let line = lab.fails(2, &["replay", "capture"]);
    assert!(line.contains(&format!("broken at octet {offset}: a record of impossible length")), "{line}");
}

#[test]
fn configurations_that_cannot_be_used_are_named_with_line_and_key() {
    let lab = Lab::new("wrong_configurations");
    lab.write("capture", capture());
    for (content, words) in [
        (&b"query-intervall = 60"[..], "configuration:1:1: unknown key query-intervall; allowed are "),
        (b"\n\nrobustness-variable = 0", "configuration:3:23: robustness-variable must be 1 to 255, not 0"),
        (b"query-interval = nan", "configuration:1:18: query-interval must be 1 to 31744 seconds, not "),
        (b"max-groups = 4294967295", "max-groups must be 1 to 4194304, not 4294967295"),
        (b"mtu = \"big\"", "a whole number, 1280 to 65535, for mtu"),
        (b"querier = 1", "\"auto\" or \"never\""),
        (b"query-interval = 10", "configuration: query-max-response-time must be below query-interval"),
        (b"version = 1\nquery-max-response-time = 66", "0.001 to 65.535 seconds with version 1"),
        (b"version = 2\nversion = 2", "configuration:2:1: version: duplicate key"),
        (b"[interface]\nname = \"a\"", "configuration:1:1: [interface]: "),
        (
            b"[[interface]]\nname = \"a\"\n[[interface]]\nname = \"a\"",
            "configuration: interface a must be named once",
        ),
        (b"version = ", "configuration:1:"),
        (b"[[interface]]\nmtu = 1500", "missing field `name`"),
        (b"[[interface]]\nname = \"x\"\nmtu = 1", "configuration:3:7: mtu must be 1280 to 65535, not 1"),
        (b"\xff", "configuration: "),
    ] {
        lab.write("configuration", content);
        let line = lab.fails(2, &["replay", "capture", "--config", "configuration", "--transmit", "sent"]);
        assert!(line.starts_with("mld-sim: configuration:") && line.contains(words), "{line}");
        assert!(!lab.path("sent").exists(), "nothing is written");
    }
    let line = lab.fails(2, &["replay", "capture", "--config", "missing"]);
    assert!(line.starts_with("mld-sim: missing: No such file"), "{line}");
}

#[test]
fn files_that_cannot_be_written_are_named() {
    let lab = Lab::new("unwritable");
    lab.write("capture", capture());
    for option in ["--state", "--transmit"] {
        for path in ["missing/file", ".", "/dev/full"] {
            let line = lab.fails(1, &["replay", "capture", option, path]);
            assert!(line.starts_with(&format!("mld-sim: {path}: cannot be written: ")), "{line}");
        }
    }
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a full device");
    let output = lab.command(&["replay", "capture"]).stdout(full).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("mld-sim: standard output: No space"));
}

#[test]
fn no_file_is_overwritten_that_is_read_or_written_already() {
    let lab = Lab::new("same_file");
    lab.write("capture", capture());
    lab.write("configuration", "");
    lab.write("other", "");
    for arguments in [
        &["--transmit", "capture"][..],
        &["--state", "./capture"],
        &["--config", "configuration", "--state", "configuration"],
        &["--transmit", "other", "--state", "other"],
        &["--transmit", "new", "--state", "./new"],
    ] {
        let line = lab.fails(2, &[&["replay", "capture"], arguments].concat());
        assert!(line.contains("must be another file than"), "{line}");
    }
    assert_eq!(lab.read("capture"), capture());
    let outcome = lab.run(&["replay", "capture", "--transmit", "/dev/null", "--state", "/dev/null"]);
    assert_eq!(outcome.status, 0);
}

#[test]
fn a_time_that_a_pcap_cannot_express_ends_the_run() {
    let lab = Lab::new("late_transmit");
    let mut content = section_header(Endian::Little);
    content.extend(interface(Endian::Little, 1, 0, Some(0), None));
    let frame = ethernet(&report_one(TO_EX, "ff05::1", &[]));
    content.extend(packet_block(Endian::Little, 0, 1 << 32, &frame, frame.len()));
    lab.write("capture", content);
    let outcome = lab.run(&["replay", "capture"]);
    assert_eq!((outcome.status, outcome.events()[0]["time"].as_u64()), (0, Some(1 << 32)));
    let line = lab.fails(1, &["replay", "capture", "--transmit", "sent"]);
    assert!(line.starts_with("mld-sim: sent: cannot be written: "), "{line}");
}

#[test]
fn a_closed_pipe_ends_the_program_quietly() {
    let lab = Lab::new("closed_pipe");
    let reports = (0..5000_u64).map(|at| (at, report_one(TO_EX, &format!("ff05::{at:x}"), &[])));
    lab.write("capture", pcap(&reports.collect::<Vec<_>>()));
    for arguments in [&["replay", "capture"][..], &["--help"], &["--version"]] {
        let mut child = lab
            .command(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{arguments:?}");
    }
}
