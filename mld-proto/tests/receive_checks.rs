//! The checks of a received message before it is used: the reason given, the one counter that moves, and no other
//! effect.

mod craft;

use core::net::Ipv6Addr;
use core::time::Duration;

use craft::*;
use mld_proto::router::{Accepted, ConfigBuilder, Interpretations, Item};
use mld_proto::wire::{MessageKind, RecordType};
use mld_proto::{Config, Discard, MessageMeta, Prefix, Querier, Router, SsmRange, Version};

const GROUP: &str = "ff0e::1:1";
/// A group in version 1 mode.
const OLD: &str = "ff0e::1:3";
const SSM: &str = "ff3e::8000:1";
/// A group without listeners so far.
const NEW: &str = "ff0e::2:1";
const STRANGER: &str = "fe80::99";
/// The moment of the packet under test.
const NOW: u64 = 5000;

fn config(builder: ConfigBuilder) -> Config {
    builder.build().unwrap()
}

fn version_1() -> Config {
    config(Config::builder().version(Version::V1))
}

fn reading(interpretations: Interpretations) -> Config {
    config(Config::builder().interpretations(interpretations))
}

fn interpretations(change: impl FnOnce(&mut Interpretations)) -> Interpretations {
    let mut interpretations = Interpretations::default();
    change(&mut interpretations);
    interpretations
}

fn version_2_only() -> Config {
    reading(interpretations(|interpretations| interpretations.version_2_only = true))
}

/// A querier that knows a group in exclude mode, one in include mode and one in version 1 mode, as far as its
/// configuration lets it.
fn populated(config: Config) -> BoxRouter {
    let mut router = router(config);
    for craft in [
        Craft::report_v1(H1, ip(GROUP)),
        Craft::report_v2(H1)
            .record(TO_EX, "ff0e::1:2", &[source(3)])
            .record(ALLOW, "ff0e::1:2", &[source(1)])
            .record(ALLOW, SSM, &[source(1), source(2)])
            .record(TO_EX, GROUP, &[]),
        Craft::report_v1(H1, ip(OLD)),
    ] {
        let _ = router.handle_packet(at(1000), &craft.bytes()).map(Accepted::count);
        drain(&mut router, at(1000));
    }
    router.handle_timeout(at(NOW));
    assert_eq!(drain(&mut router, at(NOW)), (vec![], vec![]));
    assert!(router.groups().count() >= 2);
    router
}

/// Shows the packet to a populated router through every call: each gives `reason`, counts it, and changes nothing.
fn refuse(config: Config, craft: &Craft, reason: Discard) {
    for entrance in Entrance::ALL.into_iter().filter(|entrance| entrance.sees(reason)) {
        let mut router = populated(config);
        let (picture, stats) = (Picture::of(&router), *router.stats());
        assert_eq!(entrance.deliver(&mut router, at(NOW), craft), Err(reason), "{entrance:?} {craft:?}");
        assert_unchanged(&mut router, &picture, counted(stats, reason, craft.kind()), entrance);
    }
}

fn assert_unchanged(
    router: &mut BoxRouter,
    picture: &Picture,
    stats: mld_proto::router::Stats,
    entrance: Entrance,
) {
    assert_eq!(*router.stats(), stats, "{entrance:?}: one counter");
    assert_eq!(Picture::of(router), *picture, "{entrance:?}");
    assert_eq!(drain(router, at(NOW)), (vec![], vec![]), "{entrance:?}: nothing to send or tell");
    assert_eq!(Picture::of(router), *picture, "{entrance:?}: after polling");
    assert_eq!(*router.stats(), stats, "{entrance:?}: after polling");
}

/// Shows the packet to a populated router through every call: all accept it alike, count it, and one of them is
/// returned.
fn accept_everywhere(config: Config, craft: &Craft) -> (BoxRouter, Vec<Item>) {
    let mut seen: Option<(BoxRouter, Vec<Item>)> = None;
    for entrance in Entrance::ALL {
        if craft.checksum == Checksum::Wrong && entrance.sees(Discard::BadChecksum) {
            continue;
        }
        let mut router = populated(config);
        let before = *router.stats();
        let items = entrance
            .deliver(&mut router, at(NOW), craft)
            .unwrap_or_else(|reason| panic!("{entrance:?} {craft:?}: {reason}"));
        let mut received = before.received;
        match craft.kind().unwrap() {
            MessageKind::Query => received.query += 1,
            MessageKind::ReportV1 => received.report_v1 += 1,
            MessageKind::ReportV2 => received.report_v2 += 1,
            MessageKind::Done => received.done += 1,
        }
        let stats = *router.stats();
        assert_eq!((stats.received, stats.dropped), (received, before.dropped), "{entrance:?}");
        for reason in Discard::ALL {
            assert_eq!(stats.discarded(reason), before.discarded(reason), "{entrance:?} {reason}");
        }
        if let Some((first, told)) = &seen {
            assert_eq!((Picture::of(&router), &items), (Picture::of(first), told), "{entrance:?}");
        }
        seen = Some((router, items));
    }
    seen.unwrap()
}

/// Accepted by every call, with an effect.
fn effective(config: Config, craft: &Craft) -> BoxRouter {
    let before = Picture::of(&populated(config));
    let (router, _) = accept_everywhere(config, craft);
    assert_ne!(Picture::of(&router), before, "{craft:?}");
    router
}

/// Accepted by every call, without effect.
fn without_effect(config: Config, craft: &Craft) -> Vec<Item> {
    let before = Picture::of(&populated(config));
    let (mut router, items) = accept_everywhere(config, craft);
    assert_eq!(Picture::of(&router), before, "{craft:?}");
    assert_eq!(drain(&mut router, at(NOW)), (vec![], vec![]), "{craft:?}");
    items
}

fn query_v1() -> Craft {
    Craft::query_v1(LOWER, ip(GROUP), 1000)
}

fn query_v2() -> Craft {
    Craft::query_v2(LOWER, ip(GROUP), 1000, &[])
}

fn report_v1() -> Craft {
    Craft::report_v1(H2, ip(NEW))
}

fn done() -> Craft {
    Craft::done(H1, ip(OLD))
}

fn report_v2() -> Craft {
    Craft::report_v2(H2).record(TO_EX, NEW, &[])
}

const KINDS: [fn() -> Craft; 5] = [query_v1, query_v2, report_v1, done, report_v2];

/// The checks that all kinds share, a test for each.
macro_rules! common_checks {
    ($($kind:ident),*) => {$(mod $kind {
        use super::*;

        fn valid() -> Craft {
            super::$kind()
        }

        // The packet that the other tests spoil is one that has an effect.
        #[test]
        fn valid_message_is_used() {
            effective(Config::DEFAULT, &valid());
        }

        // R-WIRE-53, R-WIRE-65, R-SEC-1
        #[test]
        fn hop_limit_other_than_one_is_refused() {
            for hop_limit in [0, 2, 64, 255] {
                refuse(Config::DEFAULT, &Craft { hop_limit, ..valid() }, Discard::HopLimit);
            }
        }

        // R-WIRE-53, R-WIRE-65, R-SEC-1
        #[test]
        fn missing_router_alert_is_refused() {
            refuse(Config::DEFAULT, &Craft { hop_by_hop: None, ..valid() }, Discard::NoRouterAlert);
            let padding = Some(vec![1, 4, 0, 0, 0, 0]);
            refuse(Config::DEFAULT, &Craft { hop_by_hop: padding, ..valid() }, Discard::NoRouterAlert);
        }

        // R-WIRE-3: another value is another protocol's.
        #[test]
        fn router_alert_of_another_value_is_refused() {
            let other = Some(vec![5, 2, 0, 1, 1, 0]);
            refuse(Config::DEFAULT, &Craft { hop_by_hop: other, ..valid() }, Discard::NoRouterAlert);
        }

        // R-SEC-2
        #[test]
        fn missing_router_alert_is_accepted_where_not_required() {
            let lax = config(Config::builder().require_router_alert(false));
            effective(lax, &Craft { hop_by_hop: None, ..valid() });
            effective(lax, &Craft { hop_by_hop: Some(vec![5, 2, 0, 1, 1, 0]), ..valid() });
            refuse(lax, &Craft { hop_by_hop: None, hop_limit: 2, ..valid() }, Discard::HopLimit);
        }

        // R-WIRE-52, R-WIRE-66, R-ELE-9
        #[test]
        fn unspecified_source_is_refused() {
            refuse(Config::DEFAULT, &Craft { source: NOBODY, ..valid() }, Discard::SourceUnspecified);
        }

        // R-WIRE-52, R-WIRE-65, R-WIRE-67
        #[test]
        fn source_beyond_the_link_is_refused() {
            for source in ["2001:db8::1", "fec0::1", "fd00::1", "::1", "ff02::1", "::ffff:1.2.3.4"] {
                refuse(Config::DEFAULT, &Craft { source: ip(source), ..valid() }, Discard::SourceNotLinkLocal);
            }
        }

        // all of fe80::/10.
        #[test]
        fn source_of_the_link_local_block_outside_of_its_first_prefix_is_accepted() {
            for source in ["fe80::1:0:0:0:1", "febf:ffff::1"] {
                accept_everywhere(Config::DEFAULT, &Craft { source: ip(source), ..valid() });
            }
        }

        // R-SEC-13, R-ELE-7, A-32
        #[test]
        fn own_source_address_is_refused() {
            refuse(Config::DEFAULT, &Craft { source: ME, ..valid() }, Discard::OwnAddress);
        }

        // R-WIRE-8, R-WIRE-9
        #[test]
        fn wrong_checksum_is_refused() {
            refuse(Config::DEFAULT, &Craft { checksum: Checksum::Wrong, ..valid() }, Discard::BadChecksum);
        }

        // R-WIRE-8: the addresses are part of the sum, and so are octets behind the message.
        #[test]
        fn checksum_covers_addresses_and_trailing_octets() {
            let mut forged = valid();
            forged.message = forged.icmpv6();
            forged.checksum = Checksum::AsWritten;
            effective(Config::DEFAULT, &forged);
            let moved = Craft { source: ip("fe80::2"), ..forged.clone() };
            refuse(Config::DEFAULT, &moved, Discard::BadChecksum);
            refuse(Config::DEFAULT, &moved.to(ALL_ROUTERS), Discard::BadChecksum);
            refuse(Config::DEFAULT, &forged.and(&[0, 1, 0, 0]), Discard::BadChecksum);
        }

        // R-WIRE-8: a packet passed as verified is not verified again.
        #[test]
        fn checksum_verified_before_is_not_looked_at() {
            effective(Config::DEFAULT, &Craft { checksum: Checksum::Wrong, ..valid() });
        }

        // R-WIRE-10
        #[test]
        fn both_encodings_of_a_zero_checksum_are_accepted() {
            // Octets behind the message bring the sum to 0xffff without any checksum.
            let mut craft = valid();
            if craft.message.len() < 28 {
                // A length of its own; a field that is never read serves as well.
                let rest = u16::from_be_bytes([craft.icmpv6()[2], craft.icmpv6()[3]]);
                craft = craft.with(6, &rest.to_be_bytes());
            } else {
                craft = craft.and(&[0, 0]);
                let rest = u16::from_be_bytes([craft.icmpv6()[2], craft.icmpv6()[3]]);
                let end = craft.message.len() - 2;
                craft = craft.with(end, &rest.to_be_bytes());
            }
            craft.checksum = Checksum::AsWritten;
            for zero in [[0, 0], [0xff, 0xff]] {
                effective(Config::DEFAULT, &craft.clone().with(2, &zero));
            }
        }

        // R-WIRE-31, R-WIRE-56, R-WIRE-72, R-V1R-9
        #[test]
        fn short_message_is_refused() {
            for len in [4, 7, 8, 23] {
                refuse(Config::DEFAULT, &valid().cut_to(len), Discard::BadLength);
            }
        }

        // R-WIRE-11: what the link adds does not exist.
        #[test]
        fn octets_behind_the_payload_do_not_exist() {
            for padding in [1, 4, 20] {
                effective(Config::DEFAULT, &Craft { padding: vec![0xee; padding], ..valid() });
            }
            let mut padded = populated(Config::DEFAULT);
            let mut plain = populated(Config::DEFAULT);
            let craft = Craft { padding: vec![0; 4], ..valid() };
            padded.handle_packet(at(NOW), &craft.bytes()).unwrap().count();
            plain.handle_packet(at(NOW), &valid().bytes()).unwrap().count();
            assert_eq!(Picture::of(&padded), Picture::of(&plain));
            assert_eq!(padded.stats(), plain.stats());
        }

        // R-WIRE-78
        #[test]
        fn fragments_are_refused() {
            for fragment in [(0, false), (0, true)] {
                refuse(Config::DEFAULT, &Craft { fragment: Some(fragment), ..valid() }, Discard::Fragment);
            }
            let mut router = populated(Config::DEFAULT);
            let picture = Picture::of(&router);
            let later = Craft { fragment: Some((3, false)), ..valid() };
            assert_eq!(router.handle_packet(at(NOW), &later.bytes()).map(|_| ()), Err(Discard::Fragment));
            assert_eq!(router.stats().discarded(Discard::Fragment), 1);
            assert_eq!(Picture::of(&router), picture);
        }

        // R-SEC-12
        #[test]
        fn packet_without_its_end_is_refused() {
            let whole = valid().bytes().len();
            for lost in [1, 2, 8, whole - 48, whole - 40, whole - 39, whole] {
                let mut router = populated(Config::DEFAULT);
                let (picture, stats) = (Picture::of(&router), *router.stats());
                let craft = Craft { lost, ..valid() };
                assert_eq!(
                    Entrance::Packet.deliver(&mut router, at(NOW), &craft),
                    Err(Discard::Truncated),
                    "{lost} octets lost"
                );
                let counts = *router.stats();
                assert_eq!(counts.discarded(Discard::Truncated), 1);
                let mut rest = counts;
                rest.dropped = stats.dropped;
                assert_unchanged(&mut router, &picture, counts, Entrance::Packet);
                assert_eq!(rest, counted(stats, Discard::Truncated, None));
            }
        }

        // R-WIRE-51, R-WIRE-70, R-WIRE-71, A-20
        #[test]
        fn every_destination_of_the_interface_is_accepted() {
            for destination in [ALL_NODES, ALL_ROUTERS, ALL_MLDV2_ROUTERS, ME] {
                effective(Config::DEFAULT, &valid().to(destination));
            }
        }

        // R-WIRE-51, R-WIRE-71
        #[test]
        fn destination_of_another_node_is_refused() {
            for destination in [STRANGER, "2001:db8::99", "fe80::1"] {
                refuse(Config::DEFAULT, &valid().to(ip(destination)), Discard::Destination);
            }
        }

        #[test]
        fn router_that_is_not_started_refuses() {
            for entrance in Entrance::ALL {
                let mut router = Router::new(Config::DEFAULT, tables(4, 4), 1);
                let picture = Picture::of(&router);
                assert_eq!(entrance.deliver(&mut router, at(0), &valid()), Err(Discard::BeforeStart));
                assert_eq!(router.stats().discarded(Discard::BeforeStart), 1);
                assert_eq!(Picture::of(&router), picture);
                assert_eq!(drain(&mut router, at(0)), (vec![], vec![]));
            }
        }
    })*};
}

common_checks!(query_v1, query_v2, report_v1, done, report_v2);

/// A flaw and how a packet gets it; `false` where a message of this kind cannot have it.
type Flaw = (Discard, fn(&mut Craft) -> bool);

const FLAWS: [Flaw; 12] = [
    (Discard::Truncated, |craft| {
        craft.lost = 1;
        true
    }),
    (Discard::Fragment, |craft| {
        craft.fragment = Some((0, true));
        true
    }),
    (Discard::HopLimit, |craft| {
        craft.hop_limit = 255;
        true
    }),
    (Discard::NoRouterAlert, |craft| {
        craft.hop_by_hop = None;
        true
    }),
    (Discard::SourceUnspecified, |craft| {
        craft.source = NOBODY;
        true
    }),
    (Discard::SourceNotLinkLocal, |craft| {
        craft.source = ip("2001:db8::1");
        true
    }),
    (Discard::OwnAddress, |craft| {
        craft.source = ME;
        true
    }),
    (Discard::BadChecksum, |craft| {
        craft.checksum = Checksum::Wrong;
        true
    }),
    (Discard::BadLength, |craft| {
        craft.message.pop();
        true
    }),
    (Discard::GroupAddress, |craft| {
        let managed = craft.kind() != Some(MessageKind::ReportV2);
        if managed {
            craft.message[8..24].copy_from_slice(&source(1).octets());
        }
        managed
    }),
    (Discard::Destination, |craft| {
        craft.destination = ip(STRANGER);
        true
    }),
    // Made by the configuration.
    (Discard::WrongVersion, |craft| craft.kind() != Some(MessageKind::Query) || craft.message.len() <= 24),
];

// The order of checks: of two flaws the earlier one is named.
#[test]
fn of_two_flaws_the_one_checked_first_is_named() {
    let mut pairs = 0;
    for kind in KINDS {
        for (later, (second, spoil)) in FLAWS.into_iter().enumerate() {
            for (first, spoil_more) in FLAWS.into_iter().take(later + 1) {
                let mut craft = kind();
                let addresses =
                    [Discard::SourceUnspecified, Discard::SourceNotLinkLocal, Discard::OwnAddress];
                if first != second && addresses.contains(&first) && addresses.contains(&second) {
                    continue;
                }
                if !spoil(&mut craft) || !spoil_more(&mut craft) {
                    continue;
                }
                let config = match (second, craft.kind()) {
                    (Discard::WrongVersion, Some(MessageKind::ReportV2)) => version_1(),
                    (Discard::WrongVersion, _) => version_2_only(),
                    _ => Config::DEFAULT,
                };
                for entrance in Entrance::ALL {
                    let named = if entrance.sees(first) { first } else { second };
                    if !entrance.sees(named) {
                        continue;
                    }
                    let mut router = populated(config);
                    let (picture, stats) = (Picture::of(&router), *router.stats());
                    assert_eq!(
                        entrance.deliver(&mut router, at(NOW), &craft),
                        Err(named),
                        "{first} and {second} through {entrance:?}: {craft:?}"
                    );
                    assert_eq!(router.stats().discarded(named), stats.discarded(named) + 1);
                    assert_eq!(Picture::of(&router), picture);
                    pairs += 1;
                }
            }
        }
    }
    assert!(pairs > 900, "{pairs}");
}

// R-WIRE-68, R-SEC-12: whatever else is wrong with it.
#[test]
fn packets_of_other_protocols_are_no_mld() {
    for kind in [0, 1, 128, 133, 136, 142, 144, 200, 255] {
        for flawed in [query_v2(), Craft { hop_limit: 255, hop_by_hop: None, ..query_v2() }] {
            refuse(Config::DEFAULT, &flawed.with(0, &[kind]), Discard::NotMld);
        }
    }
    let mut udp = query_v2().bytes();
    udp[40] = 17;
    let mut version_4 = query_v2().bytes();
    version_4[0] = 0x45;
    for octets in [udp, version_4] {
        let mut router = populated(Config::DEFAULT);
        let (picture, stats) = (Picture::of(&router), *router.stats());
        assert_eq!(router.handle_packet(at(NOW), &octets).map(|_| ()), Err(Discard::NotMld));
        assert_unchanged(&mut router, &picture, counted(stats, Discard::NotMld, None), Entrance::Packet);
    }
}

// R-WIRE-3: an option is found by walking the list; nothing is found inside of another option or another header.
#[test]
fn router_alert_counts_wherever_it_stands_among_the_options() {
    for options in [
        vec![1, 0, 5, 2, 0, 0],
        vec![0, 0, 5, 2, 0, 0],
        vec![5, 2, 0, 0, 0, 0],
        vec![0, 5, 2, 0, 0, 0],
        vec![0, 1, 1, 0, 5, 2, 0, 0, 0, 0, 0, 0, 0, 0],
        vec![0x1e, 2, 9, 9, 5, 2, 0, 0, 1, 4, 0, 0, 0, 0],
        vec![1, 6, 0, 0, 0, 0, 0, 0, 5, 2, 0, 0, 1, 0],
    ] {
        let mut router = populated(Config::DEFAULT);
        let craft = Craft { hop_by_hop: Some(options), ..report_v2() };
        accept(&mut router, NOW, &craft);
        assert_eq!(lists(&router, NEW), exclude(&[], &[]), "{craft:?}");
    }
    for options in
        [vec![1, 4, 5, 2, 0, 0], vec![0x1e, 4, 5, 2, 0, 0], vec![1, 5, 5, 2, 0, 0], vec![1, 1, 5, 2, 0, 0]]
    {
        let mut router = populated(Config::DEFAULT);
        let craft = Craft { hop_by_hop: Some(options), ..report_v2() };
        let result = router.handle_packet(at(NOW), &craft.bytes()).map(|_| ());
        assert_eq!(result, Err(Discard::NoRouterAlert), "{craft:?}");
    }
    // A destination options header is not a hop-by-hop header.
    let mut octets = report_v2().bytes();
    octets[6] = 60;
    let result = populated(Config::DEFAULT).handle_packet(at(NOW), &octets).map(|_| ());
    assert_eq!(result, Err(Discard::NoRouterAlert));
}

// R-WIRE-21, R-WIRE-23, R-WIRE-45, R-WIRE-60, R-WIRE-77: what a message does not use is not looked at.
#[test]
fn code_reserved_fields_and_flags_are_ignored() {
    for kind in KINDS {
        let plain = Picture::of(&accept_everywhere(Config::DEFAULT, &kind()).0);
        let is = |wanted| kind().kind() == Some(wanted);
        let mut variants = vec![kind().with(1, &[0x55]), kind().with(1, &[0xff])];
        if is(MessageKind::ReportV2) {
            variants.push(kind().with(4, &[0xff, 0xff]));
            variants.push(kind().with(4, &[0x80, 0x00]));
        } else {
            variants.push(kind().with(6, &[0xff, 0xff]));
        }
        if is(MessageKind::ReportV1) || is(MessageKind::Done) {
            variants.push(kind().with(4, &[0x12, 0x34]));
        }
        if kind().message.len() == 28 && is(MessageKind::Query) {
            variants.extend([0x10, 0x20, 0x40, 0x80, 0xf0].map(|flags| kind().with(24, &[flags | 2])));
        }
        for craft in variants {
            assert_eq!(Picture::of(&accept_everywhere(Config::DEFAULT, &craft).0), plain, "{craft:?}");
        }
    }
}

// R-WIRE-26, R-WIRE-48, R-WIRE-64, R-WIRE-77: whether extensions are announced or not.
#[test]
fn octets_behind_a_message_are_ignored() {
    for kind in [query_v2, report_v1, done, report_v2] {
        let plain = Picture::of(&accept_everywhere(Config::DEFAULT, &kind()).0);
        for tail in [&[0xff][..], &[1, 2, 3, 4], &[0, 0, 0, 0], &[0xff; 40]] {
            let craft = kind().and(tail);
            assert_eq!(Picture::of(&accept_everywhere(Config::DEFAULT, &craft).0), plain, "{craft:?}");
        }
    }
    let announced = query_v2().with(24, &[0x82]).and(&[0xff, 0xff, 0xff]);
    let plain = Picture::of(&accept_everywhere(Config::DEFAULT, &query_v2()).0);
    assert_eq!(Picture::of(&accept_everywhere(Config::DEFAULT, &announced).0), plain, "a malformed list");
}

// R-WIRE-22, R-TIM-8: half of the delay counts for the presence of the querier.
#[test]
fn delay_of_a_general_query_is_linear_in_version_1_and_a_code_in_version_2() {
    for (craft, millis) in [
        (Craft::query_v1(LOWER, NOBODY, 0x9000), 36_864),
        (Craft::query_v2(LOWER, NOBODY, 0x9000, &[]), 65_536),
    ] {
        let router = effective(Config::DEFAULT, &craft);
        assert_eq!(router.other_querier_present_interval(), Duration::from_millis(250_000 + millis / 2));
    }
}

// R-WIRE-30
#[test]
fn queries_are_counted_by_the_version_of_their_length() {
    for (craft, old) in [
        (Craft::query_v1(LOWER, NOBODY, 1000), 1),
        (Craft::query_v2(LOWER, NOBODY, 1000, &[]), 0),
        (Craft::query_v2(LOWER, NOBODY, 1000, &[]).and(&[0; 4]), 0),
    ] {
        assert_eq!(effective(Config::DEFAULT, &craft).stats().version_1_queries, old);
    }
}

// R-WIRE-32, R-V1R-14, R-CMP-6: the first 24 octets, whatever follows.
#[test]
fn version_1_interface_reads_longer_queries_as_its_own() {
    let general = Craft::query_v2(LOWER, NOBODY, 0x9000, &[]);
    let router = effective(version_1(), &general);
    assert_eq!(router.querier(), Querier::Other(LOWER));
    assert_eq!(router.other_querier_present_interval(), Duration::from_millis(250_000 + 36_864 / 2));
    assert_eq!(router.robustness_variable(), 2, "nothing is adopted");
    assert_eq!((router.stats().version_2_queries, router.stats().version_1_queries), (1, 0));

    let foreign = Craft::query_v2(LOWER, NOBODY, 1000, &[]).with(24, &[0x0f, 60, 0xff, 0xff]);
    let router = effective(version_1(), &foreign);
    assert_eq!((router.robustness_variable(), router.query_interval()), (2, Duration::from_secs(125)));

    for len in [25, 26, 27, 28] {
        let craft = Craft::query_v2(LOWER, NOBODY, 1000, &[]).cut_to(len);
        assert_eq!(effective(version_1(), &craft).querier(), Querier::Other(LOWER), "{len} octets");
    }
    refuse(version_1(), &Craft::query_v2(LOWER, NOBODY, 1000, &[]).cut_to(23), Discard::BadLength);
}

// R-WIRE-32: sources and flag of a longer Query are not read either.
#[test]
fn version_1_interface_lowers_the_group_for_a_longer_specific_query() {
    let mut router = populated(version_1());
    accept(&mut router, NOW, &Craft::query_v1(LOWER, NOBODY, 1000));
    drain(&mut router, at(NOW));
    let specific = Craft::query_v2(LOWER, ip(GROUP), 1000, &[source(1)]).with(24, &[0x0a]);
    accept(&mut router, NOW, &specific);
    assert_eq!(router.group(group(GROUP)).unwrap().expires(), at(NOW + 2000));
}

/// A Query and where such a one is usually sent.
type UsualDestination = (fn() -> Craft, Ipv6Addr);

// R-WIRE-51, A-3
#[test]
fn queries_to_unusual_destinations_count_unless_the_reading_is_strict() {
    let strict = reading(interpretations(|interpretations| interpretations.strict_query_destination = true));
    let queries: [UsualDestination; 4] = [
        (|| Craft::query_v1(LOWER, NOBODY, 1000), ALL_NODES),
        (|| Craft::query_v2(LOWER, NOBODY, 1000, &[]), ALL_NODES),
        (query_v1, ip_const(0xe, 1)),
        (query_v2, ip_const(0xe, 1)),
    ];
    for (query, usual) in queries {
        for destination in [ALL_NODES, ALL_ROUTERS, ALL_MLDV2_ROUTERS, ip(GROUP), ME] {
            let craft = query().to(destination);
            effective(Config::DEFAULT, &craft);
            if usual == destination {
                effective(strict, &craft);
            } else {
                refuse(strict, &craft, Discard::Destination);
            }
        }
        for config in [Config::DEFAULT, strict] {
            refuse(config, &query().to(ip(STRANGER)), Discard::Destination);
        }
    }
    for report in [report_v1, done, report_v2] {
        effective(strict, &report().to(ALL_NODES));
        effective(strict, &report().to(ME));
    }
}

/// ff0`scope`::1:`last`
const fn ip_const(scope: u16, last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xff00 | scope, 0, 0, 0, 0, 0, 1, last)
}

// R-WIRE-51, R-ELE-10: without an address no unicast destination is one's own.
#[test]
fn router_without_an_address_takes_multicast_destinations_only() {
    for kind in KINDS {
        let mut router = Router::new(Config::DEFAULT, tables(4, 4), 1);
        router.start(at(0), None);
        drain(&mut router, at(0));
        let craft = kind().to(ip(STRANGER));
        assert_eq!(Entrance::Packet.deliver(&mut router, at(0), &craft), Err(Discard::Destination));
        assert!(Entrance::Packet.deliver(&mut router, at(0), &kind()).is_ok());
    }
}

// R-WIRE-54
#[test]
fn query_for_what_is_no_group_is_refused() {
    for address in ["2001:db8::1", "fe80::1", "::1", "ff02::1", "fe00::1"] {
        for query in [
            Craft::query_v1(LOWER, ip(address), 1000),
            Craft::query_v2(LOWER, ip(address), 1000, &[]),
            Craft::query_v2(LOWER, ip(address), 1000, &[source(1)]),
        ] {
            refuse(Config::DEFAULT, &query.to(ALL_NODES), Discard::GroupAddress);
        }
        refuse(
            version_1(),
            &Craft::query_v2(LOWER, ip(address), 1000, &[]).to(ALL_NODES),
            Discard::GroupAddress,
        );
    }
}

// R-WIRE-54, R-ELE-6: of any other multicast address it is a Query, known or not.
#[test]
fn query_for_any_other_group_counts_for_the_election() {
    for address in ["ff01::1", "ff0e::99", "ff02::2", "ff02::16", SSM] {
        for query in [
            Craft::query_v1(LOWER, ip(address), 1000),
            Craft::query_v2(LOWER, ip(address), 1000, &[]),
            Craft::query_v2(LOWER, ip(address), 1000, &[source(9)]),
        ] {
            assert_eq!(effective(Config::DEFAULT, &query).querier(), Querier::Other(LOWER), "{address}");
        }
    }
}

// R-WIRE-55
#[test]
fn general_query_with_sources_is_refused() {
    refuse(Config::DEFAULT, &Craft::query_v2(LOWER, NOBODY, 1000, &[source(1)]), Discard::GroupAddress);
}

// R-WIRE-56
#[test]
fn query_shorter_than_its_sources_is_refused() {
    let two = Craft::query_v2(LOWER, ip(GROUP), 1000, &[source(1), source(2)]);
    for len in [28, 29, 43, 44, 59] {
        refuse(Config::DEFAULT, &two.clone().cut_to(len), Discard::BadLength);
    }
    for count in [[0, 3], [1, 0], [0xff, 0xff]] {
        refuse(Config::DEFAULT, &two.clone().with(26, &count), Discard::BadLength);
    }
}

// R-WIRE-57
#[test]
fn count_of_a_query_wins_over_its_length() {
    let config = Config::DEFAULT;
    let (listed, group_address) = ([source(1), source(2)], group("ff0e::1:2"));
    let query = Craft::query_v2(LOWER, group_address.get(), 1000, &listed);
    let before = populated(config).group(group_address).unwrap().expires();
    let router = effective(config, &query.clone().with(26, &[0, 0]));
    let lowered = router.group(group_address).unwrap();
    assert_eq!(lowered.expires(), at(NOW + 2000), "without sources it asks for the group");
    assert!(lowered.sources().filter_map(|source| source.expires()).all(|expires| expires > at(NOW + 2000)));
    let router = effective(config, &query.with(26, &[0, 1]));
    let lowered = router.group(group_address).unwrap();
    assert_eq!(lowered.expires(), before);
    let first = lowered.sources().find(|found| found.address() == source(1)).unwrap();
    assert_eq!(first.expires(), Some(at(NOW + 2000)));
}

// R-WIRE-73, R-SEC-14
#[test]
fn version_1_messages_for_what_is_never_reported_are_refused() {
    for address in ["::", "2001:db8::1", "ff02::1", "ff01::101", "ff00::1", "ff11::1", "ff31::1", "fe80::1"] {
        for craft in [Craft::report_v1(H1, ip(address)), Craft::done(H1, ip(address))] {
            refuse(Config::DEFAULT, &craft.clone().to(ALL_ROUTERS), Discard::GroupAddress);
            refuse(version_1(), &craft.to(ALL_ROUTERS), Discard::GroupAddress);
        }
    }
}

// R-WIRE-73, R-SEC-14
#[test]
fn record_for_what_is_never_reported_is_skipped() {
    for address in ["::", "2001:db8::1", "ff02::1", "ff01::101", "ff00::1", "ff11::1", "ff31::1", "fe80::1"] {
        for kind in [IS_EX, TO_EX, IS_IN, ALLOW] {
            let craft = Craft::report_v2(H2).record(kind, address, &[source(1)]);
            assert_eq!(without_effect(Config::DEFAULT, &craft), []);
            let (router, items) = accept_everywhere(Config::DEFAULT, &craft.record(TO_EX, NEW, &[]));
            assert_eq!(items, [Item::Report { group: group(NEW), reporter: H2, record: RecordType::ToEx }]);
            assert_eq!(lists(&router, NEW), exclude(&[], &[]));
            assert_eq!(router.groups().count(), 5);
        }
    }
}

// R-WIRE-73, R-SEC-14, A-31
#[test]
fn groups_of_link_local_scope_are_kept_and_never_forwarded() {
    for address in ["ff02::2", "ff02::16", "ff02::fb", "ff02::1:ff00:a", "ff12::1"] {
        for craft in [Craft::report_v1(H2, ip(address)), Craft::report_v2(H2).record(IS_EX, address, &[])] {
            let router = effective(Config::DEFAULT, &craft);
            assert_eq!(lists(&router, address), exclude(&[], &[]), "{address}");
            assert!(!router.forwards(group(address), source(1)), "{address}");
        }
    }
}

// A-31, R-SEC-14
#[test]
fn groups_of_link_local_scope_are_not_kept_where_ignored() {
    let ignoring =
        reading(interpretations(|interpretations| interpretations.ignore_link_local_groups = true));
    for address in ["ff02::2", "ff02::16", "ff02::1:ff00:a", "ff12::1"] {
        for craft in [Craft::report_v1(H2, ip(address)), Craft::report_v2(H2).record(IS_EX, address, &[])] {
            without_effect(ignoring, &craft);
        }
        let both = Craft::report_v2(H2).record(TO_EX, address, &[]).record(TO_EX, NEW, &[]);
        let router = effective(ignoring, &both);
        assert_eq!((lists(&router, address), lists(&router, NEW)), (None, exclude(&[], &[])));
    }
    assert_eq!(
        lists(&effective(ignoring, &Craft::report_v1(H2, ip("ff03::1"))), "ff03::1"),
        exclude(&[], &[])
    );
}

// R-WIRE-62
#[test]
fn auxiliary_data_is_skipped_in_units_of_four_octets() {
    for (words, octets) in [(1, 4), (2, 8), (255, 1020)] {
        let mut craft = Craft::report_v2(H2).record(ALLOW, NEW, &[source(1)]).with(9, &[words]);
        craft.message.extend(vec![0xee; octets]);
        let router = effective(Config::DEFAULT, &craft.record(TO_EX, "ff0e::2:2", &[]));
        assert_eq!(lists(&router, NEW), include(&[source(1)]), "{words} words");
        assert_eq!(lists(&router, "ff0e::2:2"), exclude(&[], &[]), "{words} words");
        assert_eq!(router.groups().count(), 6);
    }
}

// R-WIRE-63
#[test]
fn records_of_unknown_types_are_skipped() {
    for kind in [0, 7, 8, 100, 255] {
        let craft = Craft::report_v2(H2).record(kind, "ff0e::2:2", &[source(1)]);
        assert_eq!(without_effect(Config::DEFAULT, &craft), []);
        let (router, items) = accept_everywhere(Config::DEFAULT, &craft.record(TO_EX, NEW, &[]));
        assert_eq!(items, [Item::Report { group: group(NEW), reporter: H2, record: RecordType::ToEx }]);
        assert_eq!(router.groups().count(), 5);
    }
}

// R-WIRE-72: checked as a whole before any of it is used.
#[test]
fn report_broken_anywhere_is_refused_as_a_whole() {
    let whole =
        Craft::report_v2(H2).record(TO_EX, NEW, &[]).record(ALLOW, "ff0e::2:2", &[source(1), source(2)]);
    assert_eq!(whole.message.len(), 80);
    for len in 1..80 {
        if len < 4 {
            continue; // no room for a checksum: see the tests of malformed packets
        }
        refuse(Config::DEFAULT, &whole.clone().cut_to(len), Discard::BadLength);
    }
    for (what, offset, octets) in [
        ("number of records", 6, &[0, 3][..]),
        ("number of records", 6, &[0xff, 0xff]),
        ("sources of the first record", 10, &[0, 4]),
        ("sources of the last record", 30, &[0, 3]),
        ("sources of the last record", 30, &[0xff, 0xff]),
        ("auxiliary data of the last record", 29, &[1]),
        ("auxiliary data of the first record", 9, &[255]),
    ] {
        let craft = whole.clone().with(offset, octets);
        assert_ne!(craft.message, whole.message, "{what}");
        refuse(Config::DEFAULT, &craft, Discard::BadLength);
    }
    let short_tail = whole.and(&[0; 3]).with(29, &[1]);
    refuse(Config::DEFAULT, &short_tail, Discard::BadLength);
}

// R-WIRE-74
#[test]
fn sources_that_no_packet_can_have_are_skipped() {
    let impossible = [NOBODY, ip("ff0e::1"), ip("ff02::1"), ip("::1"), ME];
    for bad in impossible {
        for (kind, expected) in [
            (IS_IN, include(&[source(2)])),
            (ALLOW, include(&[source(2)])),
            (TO_IN, include(&[source(2)])),
            (IS_EX, exclude(&[], &[source(2)])),
            (TO_EX, exclude(&[], &[source(2)])),
        ] {
            for list in [[bad, source(2)], [source(2), bad]] {
                let router = effective(Config::DEFAULT, &Craft::report_v2(H2).record(kind, NEW, &list));
                assert_eq!(lists(&router, NEW), expected, "record {kind} of {list:?}");
            }
        }
        for kind in [IS_IN, ALLOW, TO_IN] {
            without_effect(Config::DEFAULT, &Craft::report_v2(H2).record(kind, NEW, &[bad]));
        }
        let router = effective(Config::DEFAULT, &Craft::report_v2(H2).record(TO_EX, NEW, &[bad]));
        assert_eq!(lists(&router, NEW), exclude(&[], &[]), "{bad}");
    }
    // Other unicast addresses are as good as any.
    let usual = [ip("fe80::77"), ip("fd00::1"), ip("::ffff:192.0.2.1"), ip("2002::1")];
    let router = effective(Config::DEFAULT, &Craft::report_v2(H2).record(ALLOW, NEW, &usual));
    assert_eq!(lists(&router, NEW), include(&usual));
}

// R-WIRE-74
#[test]
fn source_listed_twice_counts_once() {
    let twice = [source(1), source(2), source(1), source(1), source(2)];
    for (kind, expected) in [
        (IS_IN, include(&[source(1), source(2)])),
        (ALLOW, include(&[source(1), source(2)])),
        (TO_IN, include(&[source(1), source(2)])),
        (IS_EX, exclude(&[], &[source(1), source(2)])),
        (TO_EX, exclude(&[], &[source(1), source(2)])),
    ] {
        let before = populated(Config::DEFAULT).usage().sources;
        let router = effective(Config::DEFAULT, &Craft::report_v2(H2).record(kind, NEW, &twice));
        assert_eq!(lists(&router, NEW), expected, "record {kind}");
        assert_eq!(router.group(group(NEW)).unwrap().source_count(), 2, "record {kind}");
        assert_eq!(router.usage().sources, before + 2, "record {kind}");
    }
    for (kind, expected) in [
        (BLOCK, exclude(&[source(1), source(2)], &[])),
        (TO_EX, exclude(&[source(1), source(2)], &[])),
        (IS_EX, exclude(&[source(1), source(2)], &[])),
        (IS_IN, exclude(&[source(1), source(2)], &[])),
    ] {
        let mut router = populated(Config::DEFAULT);
        accept(&mut router, NOW, &Craft::report_v2(H2).record(TO_EX, NEW, &[]));
        let before = router.usage().sources;
        accept(&mut router, NOW, &Craft::report_v2(H2).record(kind, NEW, &twice));
        assert_eq!(lists(&router, NEW), expected, "record {kind} in exclude mode");
        assert_eq!(router.group(group(NEW)).unwrap().source_count(), 2, "record {kind} in exclude mode");
        assert_eq!(router.usage().sources, before + 2, "record {kind} in exclude mode");
    }
    let mut router = effective(Config::DEFAULT, &Craft::report_v2(H2).record(ALLOW, NEW, &twice));
    drain(&mut router, at(NOW));
    accept(&mut router, NOW, &Craft::report_v2(H2).record(BLOCK, NEW, &twice));
    let (sent, _) = drain(&mut router, at(NOW));
    assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), [76 + 2 * 16], "asked for once");
}

// R-WIRE-75
#[test]
fn records_for_one_group_are_applied_in_wire_order() {
    let craft = Craft::report_v2(H2).record(TO_EX, NEW, &[source(1)]).record(ALLOW, NEW, &[source(1)]);
    assert_eq!(lists(&effective(Config::DEFAULT, &craft), NEW), exclude(&[source(1)], &[]));
    let craft = Craft::report_v2(H2).record(ALLOW, NEW, &[source(1)]).record(TO_EX, NEW, &[source(2)]);
    assert_eq!(lists(&effective(Config::DEFAULT, &craft), NEW), exclude(&[], &[source(2)]));
    let craft = Craft::report_v2(H2).record(ALLOW, NEW, &[source(1)]).record(TO_EX, NEW, &[source(1)]);
    assert_eq!(lists(&effective(Config::DEFAULT, &craft), NEW), exclude(&[source(1)], &[]));
    let (_, items) = accept_everywhere(
        Config::DEFAULT,
        &Craft::report_v2(H2).record(IS_IN, NEW, &[source(1)]).record(TO_EX, GROUP, &[]).record(
            TO_IN,
            NEW,
            &[],
        ),
    );
    let told = |group, record| Item::Report { group, reporter: H2, record };
    assert_eq!(
        items,
        [
            told(group(NEW), RecordType::IsIn),
            told(group(GROUP), RecordType::ToEx),
            told(group(NEW), RecordType::ToIn)
        ]
    );
}

// R-WIRE-76
#[test]
fn number_of_records_decides_what_is_read() {
    assert_eq!(without_effect(Config::DEFAULT, &Craft::report_v2(H2)), []);
    assert_eq!(without_effect(Config::DEFAULT, &report_v2().with(6, &[0, 0])), []);
    let two = Craft::report_v2(H2).record(TO_EX, NEW, &[]).record(TO_EX, "ff0e::2:2", &[]);
    let (router, items) = accept_everywhere(Config::DEFAULT, &two.clone().with(6, &[0, 1]));
    assert_eq!(items.len(), 1);
    assert_eq!((lists(&router, NEW), lists(&router, "ff0e::2:2")), (exclude(&[], &[]), None));
    refuse(Config::DEFAULT, &two.with(6, &[0, 3]), Discard::BadLength);
}

// R-WIRE-78: a packet is not put together again, wherever it says that it is a part of one.
#[test]
fn fragment_header_is_refused_wherever_it_stands() {
    let report = report_v2();
    let mut payload = vec![58, 0, 0, 0, 0, 0, 0, 9];
    payload.extend(report.icmpv6());
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([44, 1]);
    packet.extend(report.source.octets());
    packet.extend(report.destination.octets());
    packet.extend(payload);
    let result = populated(Config::DEFAULT).handle_packet(at(NOW), &packet).map(|_| ());
    assert_eq!(result, Err(Discard::Fragment), "before the missing Router Alert");
}

// R-WIRE-3: routers look for the alert right behind the IPv6 header; a second hop-by-hop header, or one behind another
// extension header, is none (RFC 8200 section 4.3).
#[test]
fn hop_by_hop_header_elsewhere_than_first_is_no_mld() {
    let report = report_v2().bytes();
    let padding = [0, 0, 1, 4, 0, 0, 0, 0];
    for first in [0, 43, 60] {
        let mut packet = report.clone();
        packet[6] = first;
        packet[5] += 8;
        packet.splice(40..40, padding);
        let mut router = populated(Config::DEFAULT);
        let (picture, stats) = (Picture::of(&router), *router.stats());
        assert_eq!(
            router.handle_packet(at(NOW), &packet).map(|_| ()),
            Err(Discard::NotMld),
            "behind {first}"
        );
        assert_unchanged(&mut router, &picture, counted(stats, Discard::NotMld, None), Entrance::Packet);
    }
}

// R-WIRE-78: what follows the header of a later fragment is the middle of something.
#[test]
fn later_fragment_is_judged_by_its_header_alone() {
    for (next_header, reason) in [(58, Discard::Fragment), (17, Discard::NotMld), (43, Discard::NotMld)] {
        for first_octet in [143, 130, 0, 200] {
            let mut octets = Craft { fragment: Some((3, false)), ..report_v2() }.bytes();
            octets[48] = next_header;
            octets[56] = first_octet;
            let mut router = populated(Config::DEFAULT);
            let (picture, stats) = (Picture::of(&router), *router.stats());
            assert_eq!(router.handle_packet(at(NOW), &octets).map(|_| ()), Err(reason));
            assert_unchanged(&mut router, &picture, counted(stats, reason, None), Entrance::Packet);
        }
    }
}

// R-SEC-13, R-RST-9
#[test]
fn own_host_part_is_a_listener_like_any_other() {
    for craft in [report_v1(), report_v2(), done()] {
        let craft = Craft { source: ME, ..craft };
        let mut router = populated(Config::DEFAULT);
        let before = Picture::of(&router);
        let meta = MessageMeta { own_host: true, ..craft.meta() };
        assert!(router.handle_message(at(NOW), &meta, &craft.icmpv6()).is_ok(), "{craft:?}");
        assert_ne!(Picture::of(&router), before, "{craft:?}");
    }
}

// R-ELE-7, A-32: an echo elects no querier.
#[test]
fn query_of_the_own_address_is_refused_even_from_the_own_host() {
    for craft in [query_v1(), query_v2()] {
        let craft = Craft { source: ME, ..craft };
        let mut router = populated(Config::DEFAULT);
        let (picture, stats) = (Picture::of(&router), *router.stats());
        let meta = MessageMeta { own_host: true, ..craft.meta() };
        let result = router.handle_message(at(NOW), &meta, &craft.icmpv6()).map(|_| ());
        assert_eq!(result, Err(Discard::OwnAddress));
        let counts = counted(stats, Discard::OwnAddress, craft.kind());
        assert_unchanged(&mut router, &picture, counts, Entrance::Message);
    }
}

// R-SEC-13: the own address is the one of the moment.
#[test]
fn own_address_follows_a_change() {
    let mut router = populated(Config::DEFAULT);
    router.set_address(at(NOW), Some(ip(STRANGER)));
    drain(&mut router, at(NOW));
    let mine = |source| Craft { source, ..report_v2() };
    assert_eq!(Entrance::Packet.deliver(&mut router, at(NOW), &mine(ip(STRANGER))), Err(Discard::OwnAddress));
    assert!(Entrance::Packet.deliver(&mut router, at(NOW), &mine(ME)).is_ok());
    assert_eq!(
        Entrance::Packet.deliver(&mut router, at(NOW), &report_v2().to(ME)),
        Err(Discard::Destination)
    );
    assert!(Entrance::Packet.deliver(&mut router, at(NOW), &report_v2().to(ip(STRANGER))).is_ok());
}

// R-V1R-14, A-23
#[test]
fn version_1_interface_refuses_version_2_reports() {
    refuse(version_1(), &report_v2(), Discard::WrongVersion);
    refuse(version_1(), &Craft::report_v2(H2), Discard::WrongVersion);
    for craft in [query_v1(), report_v1(), done()] {
        effective(version_1(), &craft);
    }
}

//
#[test]
fn version_1_interface_reads_version_2_reports_where_told_to() {
    let interpretations =
        interpretations(|interpretations| interpretations.version_1_reads_version_2_reports = true);
    let reads = config(Config::builder().version(Version::V1).interpretations(interpretations));
    for (kind, sources, joins) in [
        (IS_EX, &[][..], true),
        (TO_EX, &[], true),
        (IS_EX, &[source(1)], true),
        (TO_EX, &[source(1)], true),
        (IS_IN, &[source(1)], true),
        (TO_IN, &[source(1)], true),
        (ALLOW, &[source(1)], true),
        (IS_IN, &[], false),
        (TO_IN, &[], false),
        (ALLOW, &[], false),
        (BLOCK, &[source(1)], false),
        (BLOCK, &[], false),
    ] {
        let craft = Craft::report_v2(H2).record(kind, NEW, sources);
        if joins {
            let router = effective(reads, &craft);
            assert_eq!(
                lists(&router, NEW),
                exclude(&[], &[]),
                "record {kind}: sources are nothing to version 1"
            );
            assert_eq!(router.group(group(NEW)).unwrap().expires(), at(NOW + 260_000));
        } else {
            without_effect(reads, &craft);
        }
    }
    let mut router = effective(reads, &Craft::report_v2(H2).record(TO_IN, GROUP, &[]));
    assert_eq!(router.group(group(GROUP)).unwrap().expires(), at(NOW + 2000), "a Done");
    assert_eq!(drain(&mut router, at(NOW)).0, [Craft::query_v1(ME, ip(GROUP), 1000).bytes()]);
    refuse(reads, &report_v2().with(6, &[0, 2]), Discard::BadLength);
}

// R-CMP-8
#[test]
fn version_2_only_refuses_every_message_of_version_1() {
    for craft in [query_v1(), Craft::query_v1(LOWER, NOBODY, 1000), report_v1(), done()] {
        refuse(version_2_only(), &craft, Discard::WrongVersion);
    }
    for craft in [query_v2(), report_v2()] {
        effective(version_2_only(), &craft);
    }
}

// R-CMP-8, R-SEC-6: sources of a group can be blocked although a host claims to speak MLDv1.
#[test]
fn version_2_only_keeps_groups_in_version_2_mode() {
    let mut router = populated(version_2_only());
    let result = Entrance::Packet.deliver(&mut router, at(NOW), &Craft::report_v1(H2, ip(GROUP)));
    assert_eq!(result, Err(Discard::WrongVersion));
    accept(&mut router, NOW, &Craft::report_v2(H2).record(TO_EX, GROUP, &[source(1)]));
    assert_eq!(router.group(group(GROUP)).unwrap().compatibility_mode(), Version::V2);
    assert_eq!(lists(&router, GROUP), exclude(&[source(1)], &[]));
}

// R-SSM-1
#[test]
fn ssm_range_is_every_scope_of_ff3x_with_a_zero_prefix_length() {
    for (address, ssm) in [
        ("ff3e::8000:2", true),
        ("ff32::1", true),
        ("ff35::1", true),
        ("ff3f::1", true),
        ("ff3e:0:1::1", true),
        ("ff3e:20::1", false),
        ("ff3e:20:2001:db8::1", false),
        ("ff1e::1", false),
        ("ff2e::1", false),
        ("ff4e::1", false),
        ("ff7e::1", false),
        ("ff0e::1", false),
    ] {
        for craft in [
            Craft::report_v2(H2).record(IS_EX, address, &[]),
            Craft::report_v2(H2).record(TO_EX, address, &[source(1)]),
            Craft::report_v1(H2, ip(address)),
        ] {
            if ssm {
                assert_eq!(without_effect(Config::DEFAULT, &craft), [], "{address}");
            } else {
                effective(Config::DEFAULT, &craft);
            }
        }
        let included = Craft::report_v2(H2).record(ALLOW, address, &[source(7)]);
        assert_eq!(lists(&effective(Config::DEFAULT, &included), address), include(&[source(7)]));
    }
}

// R-SSM-2
#[test]
fn ssm_range_is_configurable() {
    let prefix: Prefix = "ff1e:1::/32".parse().unwrap();
    let other = config(Config::builder().ssm_range(SsmRange::EMPTY.with(prefix).unwrap()));
    let none = config(Config::builder().ssm_range(SsmRange::EMPTY));
    let join = |address| Craft::report_v2(H2).record(IS_EX, address, &[]);
    assert_eq!(without_effect(other, &join("ff1e:1::5")), []);
    effective(other, &join("ff3e::5"));
    effective(other, &join("ff1e:2::5"));
    effective(none, &join("ff3e::5"));
    effective(none, &Craft::report_v1(H2, ip("ff3e::5")));
}

// R-SSM-3, R-SSM-4
#[test]
fn exclude_records_of_ssm_groups_are_skipped_and_the_rest_is_used() {
    for kind in [IS_EX, TO_EX] {
        let craft = Craft::report_v2(H2)
            .record(kind, SSM, &[source(1)])
            .record(ALLOW, SSM, &[source(5)])
            .record(kind, NEW, &[]);
        let (router, items) = accept_everywhere(Config::DEFAULT, &craft);
        assert_eq!(lists(&router, SSM), include(&[source(1), source(2), source(5)]));
        assert_eq!(lists(&router, NEW), exclude(&[], &[]));
        assert_eq!(items.len(), 2, "no word of what was skipped");
    }
}

// R-SSM-5
#[test]
fn version_1_messages_for_ssm_groups_are_skipped() {
    for craft in
        [Craft::report_v1(H2, ip(SSM)), Craft::done(H2, ip(SSM)), Craft::report_v1(H2, ip("ff35::9"))]
    {
        assert_eq!(without_effect(Config::DEFAULT, &craft), []);
    }
    let (router, _) = accept_everywhere(Config::DEFAULT, &Craft::report_v1(H2, ip(SSM)));
    assert_eq!(router.group(group(SSM)).unwrap().compatibility_mode(), Version::V2);
}

// R-SSM-6, R-SSM-7
#[test]
fn ssm_group_is_left_with_a_query_for_its_sources_only() {
    let leave = Craft::report_v2(H2).record(TO_IN, SSM, &[]);
    let (mut router, items) = accept_everywhere(Config::DEFAULT, &leave);
    assert_eq!(items, [Item::Report { group: group(SSM), reporter: H2, record: RecordType::ToIn }]);
    let (sent, _) = drain(&mut router, at(NOW));
    assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), [76 + 2 * 16]);
    assert_eq!(router.group(group(SSM)).unwrap().expires(), at(NOW + 2000));

    let change = Craft::report_v2(H2).record(TO_IN, SSM, &[source(2), source(3)]);
    let (mut router, _) = accept_everywhere(Config::DEFAULT, &change);
    assert_eq!(lists(&router, SSM), include(&[source(1), source(2), source(3)]));
    let (sent, _) = drain(&mut router, at(NOW));
    assert_eq!(sent.iter().map(|packet| &packet[76..]).collect::<Vec<_>>(), [source(1).octets()]);
}

//
#[test]
fn version_1_query_takes_no_part_in_the_election_where_ignored() {
    let ignoring = reading(interpretations(|interpretations| interpretations.ignore_v1_querier = true));
    let general = Craft::query_v1(LOWER, NOBODY, 1000);
    assert_eq!(accept_everywhere(ignoring, &general).0.querier(), Querier::Own(ME));
    assert_eq!(accept_everywhere(Config::DEFAULT, &general).0.querier(), Querier::Other(LOWER));
    let newer = Craft::query_v2(LOWER, NOBODY, 1000, &[]);
    assert_eq!(accept_everywhere(ignoring, &newer).0.querier(), Querier::Other(LOWER));
}

// R-SEC-12: a message may be as long as IPv6 lets it.
#[test]
fn longest_messages_are_read() {
    let mut craft = Craft::report_v2(H2);
    for number in 0..3200_u16 {
        craft = craft.record_of(IS_IN, Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 9, number), &[]);
    }
    craft = craft.record(TO_EX, NEW, &[]);
    let (router, items) = accept_everywhere(Config::DEFAULT, &craft);
    assert_eq!(items.len(), 3201);
    assert_eq!(lists(&router, NEW), exclude(&[], &[]));
}

// Discard order: truncated before fragment.
#[test]
fn truncated_later_fragment_is_truncated() {
    let mut router = sized_router(Config::DEFAULT, 8, 64);
    let craft = Craft { fragment: Some((3, false)), lost: 1, ..Craft::report_v1(H1, ip("ff0e::1")) };
    assert_eq!(router.handle_packet(at(0), &craft.bytes()).map(|_| ()), Err(Discard::Truncated));
}
