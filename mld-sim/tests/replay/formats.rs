//! Containers and link types.

use mld_sim::capture::Capture;

use crate::bytes::*;
use crate::lab::Lab;

/// Packets at whole and odd milliseconds, and what they lead to.
fn packets() -> Vec<(u64, Vec<u8>)> {
    vec![
        (1_700_000_000_000, report_one(TO_EX, "ff05::1", &[])),
        (1_700_000_000_123, report_one(ALLOW, "ff3e::1", &["2001:db8::1"])),
        (1_700_000_001_999, report_one(TO_IN, "ff05::1", &[])),
        (1_700_000_009_001, report_v1(HOST, "ff05::3")),
    ]
}

#[test]
fn pcap_reads_alike_in_both_byte_orders_resolutions_and_all_link_types() {
    let lab = Lab::new("pcap_flavours");
    let expected = lab.replay(&pcap(&packets()), &[]);
    assert_eq!(expected.of("membership").len(), 4, "joined, joined, left, joined");
    for endian in ENDIANS {
        for nanoseconds in [false, true] {
            for link in [1, 101, 113, 229, 276] {
                let mut capture = pcap_header(endian, nanoseconds, link);
                for (time_ms, packet) in packets() {
                    // What is below the millisecond is cut off.
                    let fraction = (time_ms % 1000) as u32;
                    let fraction =
                        if nanoseconds { fraction * 1_000_000 + 999_999 } else { fraction * 1000 + 999 };
                    let frame = frame(link as u16, &packet);
                    let seconds = (time_ms / 1000) as u32;
                    capture.extend(pcap_record(endian, seconds, fraction, &frame, frame.len()));
                }
                let replayed = lab.replay(&capture, &[]);
                assert_eq!(replayed.stdout, expected.stdout, "{endian:?} {nanoseconds} {link}");
                assert_eq!(replayed.state, expected.state, "{endian:?} {nanoseconds} {link}");
            }
        }
    }
}

#[test]
fn the_length_of_frame_check_sequences_is_no_part_of_the_link_type() {
    let lab = Lab::new("frame_check_sequence");
    let mut capture = pcap_header(Endian::Little, false, 0x4400_0001);
    let mut frame = ethernet(&report_one(TO_EX, "ff05::1", &[]));
    frame.extend([1, 2, 3, 4]);
    capture.extend(pcap_record(Endian::Little, 1, 0, &frame, frame.len()));
    assert_eq!(lab.replay(&capture, &[]).groups(), ["ff05::1"]);
}

#[test]
fn pcapng_reads_alike_in_both_byte_orders_and_any_resolution() {
    let lab = Lab::new("pcapng_flavours");
    let expected = lab.replay(&pcap(&packets()), &[]);
    let unit = |resolution: u8, time_ms: u64| -> u64 {
        let time_ms = u128::from(time_ms);
        let exponent = u32::from(resolution & 0x7f);
        let units = if resolution & 0x80 == 0 { 10_u128.pow(exponent) } else { 1_u128 << exponent };
        // The last unit that is not after the end of the millisecond.
        u64::try_from(((time_ms + 1) * units - 1) / 1000).expect("fits")
    };
    for endian in ENDIANS {
        for (resolution, offset) in [
            (None, None),
            (Some(3), None),
            (Some(4), Some(0)),
            (Some(6), Some(1_000_000_000)),
            (Some(7), Some(-7)),
            (Some(9), None),
            (Some(10), Some(1_700_000_000)),
            (Some(0x80 | 10), None),
            (Some(0x80 | 20), Some(1)),
            (Some(0x80 | 32), None),
        ] {
            let mut capture = section_header(endian);
            capture.extend(interface(endian, 1, 0, resolution, offset));
            for (time_ms, packet) in packets() {
                let own_ms = time_ms.checked_add_signed(-offset.unwrap_or(0) * 1000).expect("after 1970");
                let frame = ethernet(&packet);
                capture.extend(packet_block(
                    endian,
                    0,
                    unit(resolution.unwrap_or(6), own_ms),
                    &frame,
                    frame.len(),
                ));
            }
            let replayed = lab.replay(&capture, &[]);
            assert_eq!(replayed.stdout, expected.stdout, "{endian:?} {resolution:?} {offset:?}");
            assert_eq!(replayed.state, expected.state, "{endian:?} {resolution:?} {offset:?}");
        }
    }
}

#[test]
fn all_interfaces_and_sections_of_a_pcapng_are_one_link() {
    let lab = Lab::new("pcapng_interfaces");
    let expected = lab.replay(&pcap(&packets()), &[]);
    let packets = packets();
    let (one, other) = (Endian::Little, Endian::Big);
    let mut capture = section_header(one);
    capture.extend(interface(one, 1, 0, Some(6), None));
    capture.extend(interface(one, 276, 65_535, Some(9), None));
    // Statistics and a block of nobody's stand between.
    capture.extend(block(one, 5, &[0; 12]));
    capture.extend(block(one, 0x0bad_cafe, &[1, 2, 3, 4, 5]));
    // Names and secrets in disorder are nobody's concern.
    capture.extend(block(one, 4, &[0xff; 9]));
    capture.extend(block(one, 10, &[0xff; 1]));
    for (at, (time_ms, packet)) in packets.iter().enumerate() {
        if at == 2 {
            capture.extend(section_header(other));
            capture.extend(interface(other, 229, 0, None, Some(-100)));
            capture.extend(interface(other, 113, 0, Some(3), None));
        }
        let (endian, id, link, units) = match at {
            0 => (one, 0, 1, time_ms * 1000),
            1 => (one, 1, 276, time_ms * 1_000_000),
            2 => (other, 0, 229, (time_ms + 100_000) * 1000),
            _ => (other, 1, 113, *time_ms),
        };
        let frame = frame(link, packet);
        capture.extend(packet_block(endian, id, units, &frame, frame.len()));
    }
    let replayed = lab.replay(&capture, &[]);
    assert_eq!(replayed.stdout, expected.stdout);
    assert_eq!(replayed.state, expected.state);
}

#[test]
fn obsolete_packet_blocks_are_read() {
    let lab = Lab::new("obsolete_blocks");
    let expected = lab.replay(&pcap(&packets()), &[]);
    for endian in ENDIANS {
        let mut capture = section_header(endian);
        capture.extend(interface(endian, 113, 0, None, None));
        capture.extend(interface(endian, 1, 0, None, None));
        for (time_ms, packet) in packets() {
            let frame = ethernet(&packet);
            let units = time_ms * 1000;
            let mut body = [endian.u16(1), endian.u16(7)].concat();
            for number in [(units >> 32) as u32, units as u32, frame.len() as u32, frame.len() as u32] {
                body.extend(endian.u32(number));
            }
            body.extend(frame);
            capture.extend(block(endian, 2, &body));
        }
        assert_eq!(lab.replay(&capture, &[]).stdout, expected.stdout, "{endian:?}");
    }
}

#[test]
fn simple_packet_blocks_have_the_time_of_the_packet_before() {
    let lab = Lab::new("simple_blocks");
    for endian in ENDIANS {
        let mut capture = section_header(endian);
        // The snap length is all that tells how much of a simple packet was captured.
        capture.extend(interface(endian, 1, 90, None, None));
        let first = ethernet(&report_one(TO_EX, "ff05::1", &[]));
        capture.extend(packet_block(endian, 0, 5_250_000, &first, first.len()));
        for packet in [report_v1(HOST, "ff05::2"), report_one(ALLOW, "ff05::3", &["2001:db8::1"])] {
            let frame = ethernet(&packet);
            let captured = frame.len().min(90);
            capture.extend(block(
                endian,
                3,
                &[&endian.u32(frame.len() as u32)[..], &frame[..captured]].concat(),
            ));
        }
        let replayed = lab.replay(&capture, &[]);
        let joined: Vec<_> =
            replayed.timeline().into_iter().filter(|event| event.1 == "membership").collect();
        assert_eq!(joined, [(5.25, "membership", "ff05::1"), (5.25, "membership", "ff05::2")]);
        assert_eq!(replayed.all_discarded(), [("truncated", 1)]);
    }
}

#[test]
fn captures_without_packets_end_well_and_leave_no_groups() {
    let lab = Lab::new("no_packets");
    for endian in ENDIANS {
        let mut with_interface = section_header(endian);
        with_interface.extend(interface(endian, 1, 0, None, None));
        for capture in [pcap_header(endian, false, 1), section_header(endian), with_interface] {
            let replayed = lab.replay(&capture, &[]);
            assert_eq!(replayed.stdout, "");
            assert_eq!(replayed.groups(), [""; 0]);
            assert_eq!(replayed.sent(), []);
        }
    }
}

#[test]
fn a_capture_cut_anywhere_in_its_last_record_yields_what_stands_before() {
    let lab = Lab::new("cut");
    let packets = packets();
    let whole = pcap(&packets);
    let (frames, last) = (pcap(&packets[..3]), ethernet(&packets[3].1));
    let mut blocks = section_header(Endian::Big);
    blocks.extend(interface(Endian::Big, 1, 0, None, None));
    let mut whole_blocks = Vec::new();
    for (at, (time_ms, packet)) in packets.iter().enumerate() {
        let frame = ethernet(packet);
        let block = packet_block(Endian::Big, 0, time_ms * 1000, &frame, frame.len());
        if at == 3 {
            whole_blocks = [&blocks[..], &block].concat();
        } else {
            blocks.extend(block);
        }
    }
    assert_eq!(whole.len(), frames.len() + 16 + last.len());
    for (before, whole) in [(frames, whole), (blocks, whole_blocks)] {
        for len in before.len() + 1..whole.len() {
            let mut capture = Capture::new(&whole[..len]).expect("it begins well");
            for at in 0..3 {
                assert!(capture.next_frame().expect("it goes on").is_some(), "frame {at} of {len} octets");
                assert!(!capture.is_cut());
            }
            assert!(capture.next_frame().expect("it ends").is_none());
            assert!(capture.is_cut(), "{len} of {} octets", whole.len());
        }
        let expected = lab.replay(&before, &[]).stdout;
        for len in [before.len() + 1, before.len() + 15, before.len() + 40, whole.len() - 1] {
            lab.write("cut", &whole[..len]);
            let outcome = lab.run(&["replay", "cut"]);
            assert_eq!((outcome.status, &outcome.stdout), (0, &expected), "{len} of {} octets", whole.len());
            assert_eq!(
                outcome.stderr,
                "mld-sim: warning: cut: ends inside a record; what stands before it was replayed\n"
            );
        }
        assert_ne!(lab.replay(&whole, &[]).stdout, expected);
    }
}

#[test]
fn a_capture_can_come_through_a_pipe() {
    let lab = Lab::new("pipe");
    let expected = lab.replay(&pcap(&packets()), &[]);
    let mut child = lab
        .command(&["replay", "/dev/stdin"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    for octets in pcap(&packets()).chunks(7) {
        std::io::Write::write_all(&mut stdin, octets).expect("it reads");
    }
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).expect("text"), expected.stdout);
}

#[test]
fn octets_changed_at_random_never_upset_the_reader() {
    let mut blocks = section_header(Endian::Little);
    blocks.extend(interface(Endian::Little, 1, 65_535, Some(9), Some(1)));
    blocks.extend(packet_block(Endian::Little, 0, 1, &[0; 40], 40));
    blocks.extend(block(Endian::Little, 3, &[&Endian::Little.u32(40)[..], &[0; 40]].concat()));
    blocks.extend(block(Endian::Little, 2, &[0; 60]));
    blocks.extend(section_header(Endian::Big));
    let records = pcap(&packets());
    // A generator of Marsaglia's, so that every run does the same.
    let mut seed = 0x9777_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let (mut read_well, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let mut octets = if random(2) == 0 { blocks.clone() } else { records.clone() };
        for _ in 0..random(4) {
            let at = random(octets.len());
            octets[at] = [0, 1, 0x7f, 0x80, 0xff, random(256) as u8][random(6)];
        }
        octets.truncate(octets.len() - random(octets.len() / 8));
        let Ok(mut capture) = Capture::new(&octets[..]) else {
            refused += 1;
            continue;
        };
        loop {
            match capture.next_frame() {
                Ok(Some(frame)) => {
                    let payload = frame.payload();
                    assert!(payload.is_none_or(|payload| payload.packet.len() <= frame.octets.len()));
                }
                Ok(None) => {
                    read_well += 1;
                    break;
                }
                Err(_) => {
                    refused += 1;
                    break;
                }
            }
        }
    }
    assert!(read_well > 1000 && refused > 1000, "{read_well} read well, {refused} refused");
}
