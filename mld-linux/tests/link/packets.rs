//! Crafted packets, right and wrong, and floods of them.

use core::net::Ipv6Addr;
use core::time::Duration;
use std::time::Instant;

use mld_linux::lab::{self, Host, Injector};
use mld_linux::{Options, Receive};
use mld_proto::wire::{HEADERS_LEN, RecordType, Writer, checksum};
use mld_proto::{Config, Discard, FilterMode, GroupAddr};

use crate::Test;
use crate::support::{Bench, EXCLUDE_NONE, HOST, ROUTER, SOON, address, cable, group, view};

pub(crate) const TESTS: &[Test] = &[
    ("wrong_packets_are_counted_by_reason_and_change_nothing", || wrong(Receive::Ring)),
    ("wrong_packets_are_counted_by_reason_without_a_ring", || wrong(Receive::Plain)),
    ("unusual_but_right_packets_are_taken", || unusual(Receive::Ring)),
    ("unusual_but_right_packets_are_taken_without_a_ring", || unusual(Receive::Plain)),
    ("a_checksum_that_hardware_should_have_finished_is_trusted", || unfinished(Receive::Ring)),
    ("a_checksum_that_hardware_should_have_finished_is_trusted_without_a_ring", || {
        unfinished(Receive::Plain)
    }),
    ("other_messages_never_get_to_the_engine", others),
    ("a_report_of_9000_octets_is_read_whole", jumbo),
    ("ten_thousand_reports_back_to_back_are_all_known", ten_thousand),
    ("ten_thousand_version_1_reports_back_to_back_are_all_known", ten_thousand_v1),
    ("what_is_lost_without_a_ring_is_counted", lost),
];

const REPORTER: &str = "fe80::77";

fn injector(host: &Host) -> Injector {
    host.run(|| Injector::open(HOST)).expect("an injector")
}

fn report_v1(wanted: GroupAddr) -> Vec<u8> {
    let mut buffer = [0; 128];
    let writer = Writer::report_v1(&mut buffer, wanted).expect("room");
    let len = writer.finish(address(REPORTER)).len;
    buffer[..len].to_vec()
}

fn report_v2(records: &[(RecordType, GroupAddr, &[Ipv6Addr])]) -> Vec<u8> {
    let mut buffer = [0; 9000];
    let mut writer = Writer::report_v2(&mut buffer).expect("room");
    for (record, wanted, sources) in records {
        writer.record(*record, wanted.get()).expect("room");
        sources.iter().for_each(|source| writer.source(*source).expect("room"));
    }
    let len = writer.finish(address(REPORTER)).len;
    buffer[..len].to_vec()
}

/// Writes the checksum anew after the source, the destination or the message was changed.
fn fix_checksum(packet: &mut [u8], message: usize) {
    let octets =
        |from: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&packet[from..from + 16]).expect("16 octets"));
    let (source, destination) = (octets(8), octets(24));
    packet[message + 2..message + 4].fill(0);
    let sum = checksum::compute(source, destination, &packet[message..]);
    packet[message + 2..message + 4].copy_from_slice(&sum.to_be_bytes());
}

fn set_payload_len(packet: &mut [u8]) {
    let len = u16::try_from(packet.len() - 40).expect("a short packet");
    packet[4..6].copy_from_slice(&len.to_be_bytes());
}

fn tagged(packet: &[u8], tag: u16) -> Vec<u8> {
    let mut frame = vec![0x33, 0x33];
    frame.extend(&packet[36..40]);
    frame.extend([2, 0, 0, 0, 0, 9, 0x81, 0x00]);
    frame.extend(tag.to_be_bytes());
    frame.extend([0x86, 0xdd]);
    frame.extend(packet);
    frame
}

fn with_source(source: &str) -> Vec<u8> {
    let mut packet = report_v1(group("ff05::bad"));
    packet[8..24].copy_from_slice(&address(source).octets());
    fix_checksum(&mut packet, HEADERS_LEN);
    packet
}

/// A packet that a router must ignore, and why.
enum Wrong {
    Packet(Vec<u8>, Discard),
    Frame(Vec<u8>, Discard),
}

fn wrong_ones() -> Vec<Wrong> {
    let right = report_v1(group("ff05::bad"));
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut packet = right.clone();
        change(&mut packet);
        packet
    };
    vec![
        Wrong::Packet(changed(&|packet| packet[HEADERS_LEN + 2] ^= 0x5a), Discard::BadChecksum),
        Wrong::Packet(changed(&|packet| packet[7] = 64), Discard::HopLimit),
        Wrong::Packet(changed(&|packet| packet[7] = 255), Discard::HopLimit),
        Wrong::Packet(with_source("::"), Discard::SourceUnspecified),
        Wrong::Packet(with_source("2001:db8::77"), Discard::SourceNotLinkLocal),
        Wrong::Packet(
            // No hop-by-hop header at all.
            changed(&|packet| {
                packet[6] = 58;
                packet.drain(40..HEADERS_LEN);
                set_payload_len(packet);
            }),
            Discard::NoRouterAlert,
        ),
        Wrong::Packet(
            // A hop-by-hop header with an alert for somebody else.
            changed(&|packet| packet[45] = 1),
            Discard::NoRouterAlert,
        ),
        Wrong::Packet(
            // The first and only fragment.
            changed(&|packet| {
                packet[40] = 44;
                packet.splice(HEADERS_LEN..HEADERS_LEN, [58, 0, 0, 0, 0, 0, 0, 1]);
                set_payload_len(packet);
            }),
            Discard::Fragment,
        ),
        Wrong::Packet(changed(&|packet| packet.truncate(HEADERS_LEN + 10)), Discard::Truncated),
        Wrong::Packet(
            changed(&|packet| {
                packet.truncate(HEADERS_LEN + 10);
                set_payload_len(packet);
                fix_checksum(packet, HEADERS_LEN);
            }),
            Discard::BadLength,
        ),
        Wrong::Frame(tagged(&right, 42), Discard::OtherVlan),
        Wrong::Frame(tagged(&right, 0xe00a), Discard::OtherVlan),
    ]
}

fn wrong(receive: Receive) {
    let host = cable();
    let injector = injector(&host);
    let mut bench = Bench::with(&Options::new(Config::DEFAULT).with_receive(receive));
    bench.ready();
    let own = bench.driver.router().link_local().expect("an address");

    for wrong in wrong_ones() {
        let (reason, sent) = match &wrong {
            Wrong::Packet(packet, reason) => (*reason, injector.packet(packet)),
            Wrong::Frame(frame, reason) => (*reason, injector.frame(frame)),
        };
        let before = bench.driver.router().stats().discarded(reason);
        sent.expect("sent");
        bench.until(&format!("{reason} is counted"), |bench| {
            bench.driver.router().stats().discarded(reason) == before + 1
        });
    }
    injector.packet(&with_source(&own.to_string())).expect("sent");
    bench.until("the own address is counted", |bench| {
        bench.driver.router().stats().discarded(Discard::OwnAddress) == 1
    });

    // Another address of the same interface is no listener's either.
    lab::add_link_local(ROUTER, address("fe80::5:5")).expect("an address");
    bench.run_for(Duration::from_millis(100));
    injector.packet(&with_source("fe80::5:5")).expect("sent");
    bench.until("the other own address is counted", |bench| {
        bench.driver.router().stats().discarded(Discard::OwnAddress) == 2
    });

    assert_eq!(view(bench.driver.router(), group("ff05::bad")), None);
    let sum: u64 = Discard::ALL.iter().map(|reason| bench.driver.router().stats().discarded(*reason)).sum();
    assert_eq!(sum, wrong_ones().len() as u64 + 2, "each was counted once");
    assert_eq!(bench.driver.counters().frames_lost, 0);
}

fn unusual(receive: Receive) {
    let host = cable();
    let injector = injector(&host);
    let mut bench = Bench::with(&Options::new(Config::DEFAULT).with_receive(receive));
    bench.ready();

    // A hop-by-hop header of 16 octets, with the alert behind padding.
    let long = group("ff05::16");
    let mut packet = report_v1(long);
    packet.splice(40..48, [58, 1, 1, 6, 0, 0, 0, 0, 0, 0, 5, 2, 0, 0, 1, 0]);
    set_payload_len(&mut packet);
    injector.packet(&packet).expect("sent");
    bench.until_view(long, EXCLUDE_NONE);

    // VLAN id 0 is a priority and no VLAN.
    let priority = group("ff05::802:1");
    injector.frame(&tagged(&report_v1(priority), 0xe000)).expect("sent");
    bench.until_view(priority, EXCLUDE_NONE);

    // Octets behind the packet, as short Ethernet frames have.
    let padded = group("ff05::60");
    let mut packet = report_v1(padded);
    packet.extend([0; 32]);
    injector.packet(&packet).expect("sent");
    bench.until_view(padded, EXCLUDE_NONE);

    let counters = bench.driver.counters();
    assert!(counters.frames >= 3 && counters.frames_lost == 0, "{counters:?}");
}

fn unfinished(receive: Receive) {
    let host = cable();
    let injector = injector(&host);
    let mut bench = Bench::with(&Options::new(Config::DEFAULT).with_receive(receive));
    bench.ready();
    let wanted = group("ff05::1");
    let mut packet = report_v1(wanted);
    packet[HEADERS_LEN + 2..HEADERS_LEN + 4].copy_from_slice(&[0x12, 0x34]);

    injector.unfinished_packet(&packet, HEADERS_LEN as u16).expect("sent");
    bench.until_view(wanted, EXCLUDE_NONE);
    assert_eq!(bench.driver.counters().checksum_partial, 1);
    assert_eq!(bench.driver.router().stats().discarded(Discard::BadChecksum), 0);

    injector.packet(&packet).expect("sent");
    bench.until("the finished but wrong one is counted", |bench| {
        bench.driver.router().stats().discarded(Discard::BadChecksum) == 1
    });
}

fn others() {
    let host = cable();
    let injector = injector(&host);
    let mut bench = Bench::open(Config::DEFAULT);
    bench.run_for(Duration::from_millis(500));
    let before = bench.driver.counters().frames;

    // Neighbour solicitation, echo request, MLD types that do not exist; TCP and UDP.
    for kind in [128, 129, 133, 135, 142, 144, 200] {
        let mut packet = report_v1(group("ff05::bad"));
        packet[HEADERS_LEN] = kind;
        fix_checksum(&mut packet, HEADERS_LEN);
        injector.packet(&packet).expect("sent");
    }
    for protocol in [6, 17, 59] {
        let mut packet = report_v1(group("ff05::bad"));
        packet[40] = protocol;
        injector.packet(&packet).expect("sent");
    }
    // The kernel keeps the order, so what comes after shows that they came.
    let last = group("ff05::1a57");
    injector.packet(&report_v1(last)).expect("sent");
    bench.until_view(last, EXCLUDE_NONE);
    let frames = bench.driver.counters().frames - before;
    let stats = bench.driver.router().stats();
    assert_eq!(stats.discarded(Discard::NotMld), 0);
    assert!(frames <= 1 + stats.received.report_v2, "{frames} frames, {stats:?}");

    // A packet for another station, whose type is right.
    let mut packet = report_v1(group("ff05::bad"));
    packet[24..40].copy_from_slice(&address("fe80::1234").octets());
    fix_checksum(&mut packet, HEADERS_LEN);
    let mut frame = vec![2, 0, 0, 0, 0x12, 0x34, 2, 0, 0, 0, 0, 9, 0x86, 0xdd];
    frame.extend(packet);
    injector.frame(&frame).expect("sent");
    bench.until("the frame for somebody else is counted", |bench| bench.driver.counters().other_host == 1);
}

fn jumbo() {
    let host = cable();
    lab::set_mtu(ROUTER, 9000).expect("an MTU");
    host.run(|| lab::set_mtu(HOST, 9000)).expect("an MTU");
    let injector = injector(&host);
    let mut bench = Bench::open(Config::DEFAULT);
    bench.ready();
    assert_eq!(bench.driver.router().config().mtu(), 9000);
    let wanted = group("ff05::9000");
    let sources: Vec<Ipv6Addr> =
        (1..=550).map(|number: u16| format!("2001:db8::{number:x}").parse().unwrap()).collect();

    let packet = report_v2(&[(RecordType::Allow, wanted, &sources)]);
    assert!(packet.len() > 8800);
    injector.packet(&packet).expect("sent");
    bench.until_view(wanted, Some((FilterMode::Include, sources)));
}

fn number_to_group(number: u32) -> GroupAddr {
    GroupAddr::new(Ipv6Addr::from_bits(address("ff05::").to_bits() | u128::from(number + 1)))
        .expect("a group")
}

fn flood(what: &str, packets: &[Vec<u8>]) {
    let host = cable();
    let injector = injector(&host);
    let mut bench = Bench::open(Config::DEFAULT);
    bench.ready();
    let before = bench.driver.router().usage().groups;

    // The reader is held still: it is this very thread.
    let start = Instant::now();
    packets.iter().for_each(|packet| injector.packet(packet).expect("sent"));
    let sent = start.elapsed();
    let start = Instant::now();
    let all = |bench: &Bench| {
        (0..packets.len() as u32).all(|number| bench.driver.router().group(number_to_group(number)).is_some())
    };
    let counted = |bench: &Bench| bench.driver.router().usage().groups as usize >= packets.len();
    bench.until("all groups are known", counted);
    let known = start.elapsed();
    println!(
        "    {} {what} sent back to back in {sent:?} with the reader held still: {} groups known {known:?} later, {} frames lost",
        packets.len(),
        bench.driver.router().usage().groups - before,
        bench.driver.counters().frames_lost,
    );
    assert!(all(&bench));
    assert_eq!(bench.driver.counters().frames_lost, 0);
    assert!(known < SOON, "{known:?}");
}

fn ten_thousand() {
    let packet = |number| report_v2(&[(RecordType::ToEx, number_to_group(number), &[])]);
    flood("MLDv2 Reports", &(0..10_000).map(packet).collect::<Vec<_>>());
}

fn ten_thousand_v1() {
    flood("MLDv1 Reports", &(0..10_000).map(|number| report_v1(number_to_group(number))).collect::<Vec<_>>());
}

fn lost() {
    let host = cable();
    let injector = injector(&host);
    let mut bench = Bench::with(&Options::new(Config::DEFAULT).with_receive(Receive::Plain));
    bench.ready();

    let packets: Vec<_> = (0..30_000).map(|number| report_v1(number_to_group(number))).collect();
    packets.iter().for_each(|packet| injector.packet(packet).expect("sent"));
    let last = group("ff05::ffff:1");
    // There is room again once what is there has been read.
    bench.run_for(Duration::from_millis(1500));
    injector.packet(&report_v1(last)).expect("sent");
    bench.until_view(last, EXCLUDE_NONE);
    let (known, lost) =
        (bench.driver.router().stats().received.report_v1 - 1, bench.driver.counters().frames_lost);
    assert!(lost > 0, "30,000 frames do not fit into 4 MiB");
    assert!((30_000..30_000 + 50).contains(&(known + lost)), "{known} known and {lost} lost");
}
