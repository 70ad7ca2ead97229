use FilterMode::{Exclude, Include};

use super::*;
use crate::packet::write::{ALL_MLDV2_ROUTERS, ALL_ROUTERS, IS_EX, Query, REPORT_V1, version_1};

const ADDRESS: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xa);
const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const NEIGHBOUR: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xb);
const SSM: Ipv6Addr = Ipv6Addr::new(0xff3e, 0, 0, 0, 0, 0, 0x8000, 1);
const G1: Ipv6Addr = group(1);
const ALL: Ipv6Addr = Ipv6Addr::UNSPECIFIED;
/// The longest delay that a Query can name.
const LONG: u16 = 0xffff;

// State-change Reports.

#[test]
fn single_changes_are_told_at_once_and_once_more_within_a_second() {
    for (old, new, expected) in [
        ((Include, &[][..]), (Exclude, &[][..]), "TO_EX 1 {}"),
        ((Exclude, &[]), (Include, &[]), "TO_IN 1 {}"),
        ((Include, &[]), (Include, &[1, 2]), "ALLOW 1 {1,2}"),
        ((Include, &[1, 2]), (Include, &[]), "BLOCK 1 {1,2}"),
        ((Include, &[1]), (Exclude, &[2]), "TO_EX 1 {2}"),
        ((Exclude, &[1]), (Include, &[1, 2]), "TO_IN 1 {1,2}"),
        ((Exclude, &[1, 2]), (Exclude, &[2, 3]), "ALLOW 1 {1}, BLOCK 1 {3}"),
        ((Include, &[1]), (Include, &[1, 2]), "ALLOW 1 {2}"),
    ] {
        let mut bench = Bench::new(RawSettings::DEFAULT);
        bench.listen(1, old.0, old.1);
        bench.run(10_000);
        bench.log.clear();

        bench.listen(1, new.0, new.1);
        assert_eq!(bench.said(), [expected]);
        bench.run(10_000);
        assert_eq!(bench.said(), [expected, expected]);
        let spacing = bench.log[1].0 - bench.log[0].0;
        assert!((1..=1000).contains(&spacing), "{spacing} ms");
        assert_eq!(bench.host.next_timeout(), None);
    }
}

#[test]
fn change_during_repetitions_is_merged_with_them() {
    let mut bench = Bench::new(RawSettings::DEFAULT);
    bench.listen(1, Include, &[1, 2]);
    bench.listen(1, Include, &[2, 3]);
    bench.run(5000);
    assert_eq!(bench.said(), ["ALLOW 1 {1,2}", "ALLOW 1 {2,3}, BLOCK 1 {1}", "ALLOW 1 {3}, BLOCK 1 {1}"]);
}

#[test]
fn filter_mode_is_told_as_often_as_robustness_says_whatever_happens_to_sources() {
    let mut bench = Bench::new(RawSettings::DEFAULT);
    bench.listen(1, Exclude, &[]);
    bench.listen(1, Exclude, &[1]);
    bench.run(5000);
    assert_eq!(bench.said(), ["TO_EX 1 {}", "TO_EX 1 {1}", "BLOCK 1 {1}"]);
}

#[test]
fn change_of_mode_leaves_nothing_to_tell_of_changes_before_it() {
    let mut bench = Bench::new(RawSettings::DEFAULT);
    bench.listen(1, Include, &[1]);
    bench.listen(1, Exclude, &[2]);
    bench.run(5000);
    assert_eq!(bench.said(), ["ALLOW 1 {1}", "TO_EX 1 {2}", "TO_EX 1 {2}"]);
}

#[test]
fn source_that_comes_and_goes_is_told_as_it_is_now() {
    let mut bench = Bench::new(RawSettings::DEFAULT);
    bench.listen(1, Include, &[2]);
    bench.run(5000);
    bench.log.clear();
    bench.listen(1, Include, &[1, 2]);
    bench.listen(1, Include, &[2]);
    bench.run(5000);
    assert_eq!(bench.said(), ["ALLOW 1 {1}", "BLOCK 1 {1}", "BLOCK 1 {1}"]);
}

#[test]
fn sockets_are_merged_and_only_the_interface_is_told() {
    let mut bench = Bench::new(RawSettings::DEFAULT);
    bench.socket(1, Exclude, &[1, 2, 3]);
    bench.socket(2, Exclude, &[2, 3, 4]);
    bench.socket(3, Include, &[3]);
    assert_eq!(bench.host.wanted(G1), (Exclude, sources(&[2]).into_iter().collect()));
    bench.run(5000);
    bench.log.clear();
    bench.socket(5, Exclude, &[2, 9]);
    bench.socket(6, Include, &[8]);
    assert_eq!(bench.said(), [""; 0]);
    bench.socket(4, Exclude, &[]);
    assert_eq!(bench.host.wanted(G1), (Exclude, BTreeSet::new()));
    assert_eq!(bench.said(), ["ALLOW 1 {2}"]);

    let mut bench = Bench::new(RawSettings::DEFAULT);
    bench.socket(1, Include, &[1, 2]);
    bench.socket(2, Include, &[2, 3]);
    bench.socket(3, Include, &[]);
    assert_eq!(bench.host.wanted(G1), (Include, sources(&[1, 2, 3]).into_iter().collect()));
}

#[test]
fn groups_of_narrow_scope_and_all_nodes_are_never_named() {
    for (text, is_named) in [
        ("ff01::101", false),
        ("ff00::1", false),
        ("ff02::1", false),
        ("ff31::1", false),
        ("ff02::2", true),
        ("ff02::16", true),
        ("ff02::1:ff00:a", true),
        ("ff05::1:3", true),
        ("ff12::1", true),
    ] {
        for settings in [RawSettings::DEFAULT, RawSettings::VERSION_1] {
            let mut bench = Bench::new(settings);
            let group = text.parse().expect("an address");
            let source = sources(&[1]);
            bench.call(1, group, Include, &source).expect("it may listen");
            bench.query(ALL, 1000);
            bench.query(group, 1000);
            bench.run(60_000);
            bench.call(1, group, Include, &[]).expect("it may stop");
            bench.run(60_000);
            assert_eq!(!bench.log.is_empty(), is_named, "{text}");
        }
    }
}

#[test]
fn robustness_of_the_last_query_is_used() {
    let mut bench = Bench::new(RawSettings::DEFAULT);
    bench.hear(&Query { robustness: 3, ..Query::new(ALL) }.octets());
    bench.hear(&Query { robustness: 0, ..Query::new(ALL) }.octets());
    bench.listen(1, Exclude, &[]);
    bench.run(10_000);
    assert_eq!(bench.said(), ["TO_EX 1 {}"; 3]);
}

#[test]
fn long_lists_are_split_or_cut_to_what_fits() {
    let many: Vec<u16> = (1..=200).collect();
    let mut bench = Bench::new(RawSettings::DEFAULT);
    bench.listen(1, Include, &many);
    assert_eq!(bench.sizes(), [1500, 1500, 76 + 22 * 16]);
    let told: Vec<String> = bench.said();
    assert!(told[0].starts_with("ALLOW 1 {1,2,3,") && told[2].ends_with(",199,200}"), "{told:?}");

    let mut bench = Bench::new(RawSettings::DEFAULT);
    bench.listen(1, Exclude, &many);
    bench.query(ALL, 1000);
    bench.run(5000);
    assert_eq!(bench.sizes(), [1500; 3]);
    let lists: BTreeSet<String> = bench.said().iter().map(|said| said[5..].to_owned()).collect();
    assert_eq!(lists.len(), 1);
    assert!(lists.first().is_some_and(|list| list.ends_with(",88,89}")), "{lists:?}");
}

#[test]
fn sources_that_were_cut_from_the_list_are_told_as_often_as_the_others() {
    let mut bench = Bench::new(RawSettings::DEFAULT);
    bench.listen(1, Exclude, &[]);
    bench.listen(1, Exclude, &(1..=200).collect::<Vec<_>>());
    bench.run(5000);
    let mut told = BTreeMap::new();
    for said in bench.said() {
        let list = said.split(['{', '}']).nth(1).expect("a list").to_owned();
        for source in list.split(',').filter(|source| !source.is_empty()) {
            *told.entry(source.to_owned()).or_insert(0) += 1;
        }
    }
    assert_eq!(told.len(), 200);
    assert!(told.values().all(|count| *count == 2), "{told:?}");
}

#[test]
fn every_group_is_told_again_once_there_is_an_address() {
    let mut bench = Bench::down(RawSettings::DEFAULT);
    bench.host.start(bench.now, None, &mut bench.out);
    let solicited: Ipv6Addr = "ff02::1:ff00:a".parse().expect("an address");
    bench.call(1, solicited, Exclude, &[]).expect("it may listen");
    assert_eq!(bench.said(), [""; 0], "the first packet of all waits");
    bench.run(1000);
    assert_eq!(bench.sent_from(), [ALL]);
    bench.listen(1, Exclude, &[]);
    let other: Ipv6Addr = "ff02::1:ff00:b".parse().expect("an address");
    bench.call(1, other, Exclude, &[]).expect("it may listen");
    assert_eq!(bench.said()[1..], ["TO_EX 1 {}", "TO_EX ff02::1:ff00:b {}"]);
    bench.call(1, other, Include, &[]).expect("it may stop");
    bench.run(5000);
    assert!(bench.sent_from().iter().all(|source| *source == ALL));
    bench.log.clear();

    bench.host.start(bench.now, Some(ADDRESS), &mut bench.out);
    bench.run(5000);
    let said = bench.said();
    assert_eq!(said.len(), 3, "one together, then one for each: {said:?}");
    assert_eq!(said[0], "TO_EX ff02::1:ff00:a {}, TO_EX 1 {}");
    assert_eq!(bench.sent_from(), [ADDRESS; 3]);

    bench.log.clear();
    bench.host.start(bench.now, Some(ADDRESS), &mut bench.out);
    bench.run(5000);
    assert_eq!(bench.said(), [""; 0], "the same address is no news");
}

#[test]
fn interface_that_is_down_says_nothing_until_it_comes_up() {
    let mut bench = Bench::down(RawSettings::DEFAULT);
    bench.listen(1, Exclude, &[]);
    bench.query(ALL, 0);
    bench.run(5000);
    assert_eq!(bench.said(), [""; 0]);
    bench.host.start(bench.now, Some(ADDRESS), &mut bench.out);
    bench.run(5000);
    assert_eq!(bench.said(), ["TO_EX 1 {}"; 2]);
}

#[test]
fn crash_forgets_everything() {
    let mut bench = Bench::new(RawSettings::DEFAULT);
    bench.hear(&version_1(write::QUERY, 1000, ALL));
    bench.listen(1, Exclude, &[]);
    bench.query(ALL, 5000);
    bench.host.crash();
    assert_eq!(bench.host.next_timeout(), None);
    bench.log.clear();
    bench.run(5000);
    bench.host.start(bench.now, Some(ADDRESS), &mut bench.out);
    bench.query(ALL, 1000);
    bench.run(20_000);
    assert_eq!(bench.said(), [""; 0]);
    assert!(!bench.host.is_version_1());
}

#[test]
fn calls_that_make_no_sense_are_refused_and_change_nothing() {
    let mut bench = Bench::new(RawSettings { sources_max: 3, ..RawSettings::DEFAULT });
    bench.listen(1, Include, &[1]);
    bench.run(5000);
    let many = sources(&[1, 2, 3, 4]);
    for (group, mode, sources) in [
        (SSM, Exclude, &[][..]),
        (SSM, Exclude, &many[..1]),
        (G1, Include, &many[..]),
        (ADDRESS, Exclude, &[]),
        (G1, Include, &[SSM]),
        (G1, Exclude, &[ALL]),
    ] {
        assert!(bench.call(1, group, mode, sources).is_err(), "{group} {mode:?} {sources:?}");
    }
    assert_eq!(bench.host.wanted(G1), (Include, sources(&[1]).into_iter().collect()));
    assert_eq!(bench.said(), ["ALLOW 1 {1}"; 2]);
    assert!(bench.call(1, SSM, Include, &many[..3]).is_ok());
    let mut careless = Bench::new(RawSettings { ssm_aware: false, ..RawSettings::DEFAULT });
    assert!(careless.call(1, SSM, Exclude, &[]).is_ok());
}

// Answers.

#[test]
fn general_query_is_answered_for_all_groups_within_its_delay_and_never_at_once() {
    let mut times = BTreeSet::new();
    for seed in 0..200 {
        let mut bench = Bench::seeded(RawSettings::DEFAULT, seed).settled();
        bench.query(ALL, 10_000);
        assert_eq!(bench.said(), [""; 0]);
        bench.run(60_000);
        assert_eq!(bench.said(), ["IS_EX 1 {}, IS_IN 2 {1,3}"]);
        times.insert(bench.log[0].0);
    }
    let start = 20_000;
    assert!(times.iter().all(|time| (start + 1..=start + 10_000).contains(time)), "{times:?}");
    assert!(times.len() > 150, "{times:?}");

    for code in [0, 1] {
        let mut bench = Bench::new(RawSettings::DEFAULT).settled();
        bench.query(ALL, code);
        assert_eq!(bench.said(), [""; 0]);
        bench.run(1);
        assert_eq!(bench.said().len(), 1);
    }
}

#[test]
fn delay_of_a_query_is_a_code() {
    let mut latest = 0;
    for seed in 0..300 {
        let mut bench = Bench::seeded(RawSettings::DEFAULT, seed).settled();
        bench.query(G1, 0x9000);
        bench.run(100_000);
        latest = latest.max(bench.log[0].0 - 20_000);
    }
    assert!((60_000..=65_536).contains(&latest), "{latest}");
}

#[test]
fn answer_that_is_due_sooner_stands_for_every_later_query() {
    let mut bench = Bench::new(RawSettings::DEFAULT).settled();
    bench.query(ALL, 10);
    bench.query(ALL, LONG);
    bench.query(G1, LONG);
    bench.run(10_000_000);
    assert_eq!(bench.said(), ["IS_EX 1 {}, IS_IN 2 {1,3}"]);
    assert!(bench.log[0].0 <= 20_010);
}

#[test]
fn general_query_with_a_sooner_answer_replaces_the_pending_one() {
    let mut bench = Bench::new(RawSettings::DEFAULT).settled();
    bench.query(ALL, LONG);
    bench.query(ALL, 10);
    bench.run(10_000_000);
    assert_eq!(bench.said(), ["IS_EX 1 {}, IS_IN 2 {1,3}"]);
    assert!(bench.log[0].0 <= 20_010);
}

#[test]
fn specific_queries_for_one_group_share_an_answer() {
    let cases: [(&[&[u16]], &str, &str); 7] = [
        (&[&[]], "IS_IN 1 {1,3}", "IS_EX 1 {1,3}"),
        (&[&[1]], "IS_IN 1 {1}", ""),
        (&[&[2]], "", "IS_IN 1 {2}"),
        (&[&[1], &[]], "IS_IN 1 {1,3}", "IS_EX 1 {1,3}"),
        (&[&[], &[2]], "IS_IN 1 {1,3}", "IS_EX 1 {1,3}"),
        (&[&[1], &[2, 3]], "IS_IN 1 {1,3}", "IS_IN 1 {2}"),
        (&[&[1], &[], &[2]], "IS_IN 1 {1,3}", "IS_EX 1 {1,3}"),
    ];
    for (queries, included, excluded) in cases {
        for (mode, expected) in [(Include, included), (Exclude, excluded)] {
            for delays in [[1000, 10, 500], [10, 1000, 500]] {
                let mut bench = Bench::new(RawSettings::DEFAULT);
                bench.listen(1, mode, &[1, 3]);
                bench.run(20_000);
                bench.log.clear();
                let mut shortest = u16::MAX;
                for (asked, delay) in queries.iter().zip(delays) {
                    bench.specific(asked, delay);
                    shortest = shortest.min(delay);
                }
                bench.run(u64::from(shortest));
                let expected: Vec<&str> = [expected].into_iter().filter(|text| !text.is_empty()).collect();
                assert_eq!(bench.said(), expected, "{mode:?} {queries:?}");
                bench.run(60_000);
                assert_eq!(bench.said().len(), expected.len());
            }
        }
    }
}

#[test]
fn answers_tell_what_holds_when_they_leave() {
    let mut bench = Bench::new(RawSettings::DEFAULT).settled();
    bench.query(ALL, 30_000);
    bench.query(group(2), 30_000);
    bench.listen(2, Include, &[]);
    bench.listen(1, Exclude, &[4]);
    bench.run(30_000);
    let answers = bench.said().into_iter().filter(|said| said.starts_with("IS_")).collect::<Vec<_>>();
    assert_eq!(answers, ["IS_EX 1 {4}"]);
}

#[test]
fn host_without_groups_and_queries_for_other_groups_cause_nothing() {
    let mut bench = Bench::new(RawSettings::DEFAULT);
    bench.query(ALL, 1000);
    assert_eq!(bench.host.next_timeout(), None);
    let mut bench = bench.settled();
    bench.hear_at(Packet::new(ROUTER, write::ALL_NODES, Query::new(group(9)).octets()));
    bench.run(60_000);
    assert_eq!(bench.said(), [""; 0]);
}

#[test]
fn big_answers_are_spread_over_the_delay() {
    for seed in 0..50 {
        let mut bench = Bench::seeded(RawSettings::DEFAULT, seed);
        bench.join_all(100);
        bench.query(ALL, 10_000);
        bench.run(100_000);
        let records: Vec<usize> = bench.said().iter().map(|said| said.split(", ").count()).collect();
        assert_eq!(records, [72, 28]);
        assert_eq!(bench.sizes(), [1496, 616]);
        let (first, second) = (bench.log[0].0, bench.log[1].0);
        assert!(first < second && second <= 30_000, "{first} {second}");
    }
}

#[test]
fn query_during_a_spread_answer_is_answered_for_all_groups() {
    for code in [10_000, LONG] {
        let mut bench = Bench::new(RawSettings::DEFAULT);
        bench.join_all(100);
        bench.query(ALL, 10_000);
        bench.run_to_the_next_packet();
        bench.log.clear();
        bench.query(ALL, code);
        bench.run(60_000);
        let named: BTreeSet<String> =
            bench.said().iter().flat_map(|said| said.split(", ")).map(str::to_owned).collect();
        assert_eq!(named.len(), 100);
    }
}

#[test]
fn groups_that_are_left_during_a_spread_answer_make_it_shorter() {
    let mut bench = Bench::new(RawSettings::DEFAULT);
    bench.join_all(300);
    bench.query(ALL, 30_000);
    bench.run_to_the_next_packet();
    for number in 80..100 {
        bench.listen(number, Include, &[]);
    }
    bench.run(60_000);
    let said = bench.said();
    let named: Vec<&str> =
        said.iter().flat_map(|said| said.split(", ")).filter(|record| record.starts_with("IS_EX")).collect();
    assert_eq!(named.len(), 280);
    assert_eq!(named.iter().collect::<BTreeSet<_>>().len(), 280);
}

#[test]
fn flood_of_general_queries_keeps_no_group_from_being_named() {
    let mut bench = Bench::new(RawSettings::DEFAULT);
    bench.join_all(150);
    for _ in 0..500 {
        bench.query(ALL, 10_000);
        bench.run(50);
    }
    let named: BTreeSet<String> =
        bench.said().iter().flat_map(|said| said.split(", ")).map(str::to_owned).collect();
    assert_eq!(named.len(), 150);
}

#[test]
fn second_general_query_does_not_put_off_the_end_of_the_answer_to_the_first() {
    for seed in 0..50 {
        let mut bench = Bench::seeded(RawSettings::DEFAULT, seed);
        bench.join_all(150);
        let asked_at = bench.now.as_millis();
        bench.query(ALL, 10_000);
        bench.query(ALL, 20_000);
        bench.query(ALL, 10_000);
        bench.run(60_000);
        let last = bench.log.last().map(|(at, ..)| at - asked_at);
        assert!((1..=10_000).contains(&last.expect("an answer")), "seed {seed}: {last:?}");
    }
}

#[test]
fn flood_of_queried_sources_is_answered_for_the_whole_group() {
    let mut bench = Bench::new(RawSettings { remembered_max: 50, ..RawSettings::DEFAULT }).settled();
    for first in (1..1000).step_by(40) {
        bench.specific(&(first..first + 40).collect::<Vec<_>>(), 60_000);
    }
    bench.run(60_000);
    assert_eq!(bench.said(), ["IS_EX 1 {}"]);
}

#[test]
fn queries_that_fail_the_receive_checks_are_ignored() {
    let right = Packet::usual(ROUTER, Query::new(ALL).octets());
    let message = |message: Vec<u8>| Packet { message, ..right.clone() };
    let global: Ipv6Addr = "2001:db8::1".parse().expect("an address");
    let options =
        |options: [u8; 6]| Packet { extensions: [&[58, 0][..], &options].concat(), ..right.clone() };
    for (packet, is_used) in [
        (right.clone(), true),
        (Packet { destination: ADDRESS, ..right.clone() }, true),
        (Packet { destination: G1, ..right.clone() }, true),
        (Packet { destination: group(9), ..right.clone() }, false),
        (Packet { destination: NEIGHBOUR, ..right.clone() }, false),
        (Packet { source: global, ..right.clone() }, false),
        (Packet { source: ALL, ..right.clone() }, false),
        (Packet { hop_limit: 255, ..right.clone() }, false),
        (Packet { hop_limit: 0, ..right.clone() }, false),
        (Packet { checksum_error: 1, ..right.clone() }, false),
        (Packet { first_octet: 0x40, ..right.clone() }, false),
        (Packet { payload_length: Some(37), ..right.clone() }, false),
        (Packet { payload_length: Some(35), ..right.clone() }, false),
        (Packet { trailer: vec![7; 9], ..right.clone() }, true),
        (Packet { extensions: vec![], next_header: write::ICMPV6, ..right.clone() }, false),
        (options([1, 0, 5, 2, 0, 0]), true),
        (options([5, 2, 0, 0, 0, 0]), true),
        (options([5, 2, 0, 1, 1, 0]), false),
        (options([1, 4, 0, 0, 0, 0]), false),
        (options([0x1e, 0, 5, 2, 0, 0]), true),
        (options([0xde, 0, 5, 2, 0, 0]), false),
        (options([5, 2, 0, 0, 1, 9]), false),
        (message([Query::new(ALL).octets(), vec![1, 2, 3, 4]].concat()), true),
        (message(Query { flags: 15, code: 0x2711, ..Query::new(ALL) }.octets()), true),
        (message(Query::new(ALL).octets()[..27].to_vec()), false),
        (message(Query::new(ALL).octets()[..25].to_vec()), false),
        (message(Query::new(ALL).octets()[..23].to_vec()), false),
        (message(Query { sources: sources(&[1]), ..Query::new(ALL) }.octets()), false),
        (message(Query { count: Some(1), ..Query::new(G1) }.octets()), false),
        (message(Query { sources: sources(&[1]), count: Some(0), ..Query::new(G1) }.octets()), true),
        (message(Query::new(global).octets()), false),
        (message(Query::new(write::ALL_NODES).octets()), false),
    ] {
        let mut bench = Bench::new(RawSettings::DEFAULT).settled();
        bench.hear_at(packet.clone());
        bench.run(60_000);
        assert_eq!(!bench.log.is_empty(), is_used, "{packet:?}");
    }
}

// MLDv1.

#[test]
fn version_1_general_query_brings_version_1_until_it_is_long_ago() {
    let mut bench = Bench::new(RawSettings::DEFAULT).settled();
    bench.query(ALL, 10_000);
    for _ in 0..3 {
        bench.hear(&version_1(write::QUERY, 10_000, ALL));
        bench.run(50_000);
        assert_eq!(bench.said_sorted(), ["Report 1", "Report 2"], "and no answer of version 2");
        bench.log.clear();
        bench.run(75_000);
    }
    // The last one was 125 s ago, so 135 s are left.
    bench.query(ALL, 10_000);
    bench.run(134_999);
    assert_eq!(bench.said_sorted(), ["Report 1", "Report 2"]);
    bench.hear(&Query { code: LONG, ..Query::new(G1) }.octets());
    assert!(bench.host.is_version_1());
    bench.run(1);
    assert!(!bench.host.is_version_1());
    assert_eq!(bench.host.next_timeout(), None, "what was pending is forgotten");
    bench.log.clear();
    bench.query(ALL, 10_000);
    bench.run(10_000);
    assert_eq!(bench.said(), ["IS_EX 1 {}, IS_IN 2 {1,3}"]);
}

#[test]
fn time_in_version_1_follows_the_last_queries() {
    for (before, delay, expected) in [
        (None, 20_000, 270_000),
        (Some((3, 60)), 10_000, 190_000),
        (Some((0, 0)), 10_000, 260_000),
        (Some((7, 0x90)), 0, 1_792_000),
    ] {
        let mut bench = Bench::new(RawSettings::DEFAULT);
        if let Some((robustness, interval_code)) = before {
            bench.hear(&Query { robustness, interval_code, ..Query::new(ALL) }.octets());
        }
        bench.hear(&version_1(write::QUERY, delay, ALL));
        assert_eq!(bench.host.next_timeout().map(Instant::as_millis), Some(10_000 + expected));
    }
}

#[test]
fn specific_query_of_version_1_does_not_bring_version_1() {
    let mut bench = Bench::new(RawSettings::DEFAULT).settled();
    bench.hear(&version_1(write::QUERY, 1000, G1));
    bench.run(1000);
    assert_eq!(bench.said(), ["IS_EX 1 {}"]);
    assert!(!bench.host.is_version_1());
}

#[test]
fn host_of_version_2_alone_ignores_version_1() {
    let settings = RawSettings { version: HostVersion::TwoOnly, ..RawSettings::DEFAULT };
    let mut bench = Bench::new(settings).settled();
    bench.hear(&version_1(write::QUERY, 1000, ALL));
    bench.hear(&version_1(write::QUERY, 1000, G1));
    bench.run(60_000);
    assert_eq!(bench.said(), [""; 0]);
}

#[test]
fn host_of_version_1_joins_with_two_reports_and_leaves_with_one_done() {
    let mut bench = Bench::new(RawSettings::VERSION_1);
    bench.listen(1, Exclude, &[]);
    bench.listen(1, Include, &[1]);
    bench.run(60_000);
    assert_eq!(bench.said(), ["Report 1"; 2]);
    let spacing = bench.log[1].0 - bench.log[0].0;
    assert!((1..=10_000).contains(&spacing), "{spacing} ms");
    bench.log.clear();
    bench.listen(1, Include, &[]);
    bench.run(60_000);
    assert_eq!(bench.said(), ["Done 1"]);
    bench.query(ALL, 0);
    bench.run(60_000);
    assert_eq!(bench.said(), ["Done 1"]);
}

#[test]
fn version_1_reads_queries_of_version_2_as_its_own() {
    // 0x9000 is 65.536 s in version 2, and 36.864 s in version 1.
    let mut latest = 0;
    for seed in 0..300 {
        let mut bench = Bench::seeded(RawSettings::VERSION_1, seed).settled();
        bench.query(G1, 0x9000);
        bench.run(100_000);
        assert_eq!(bench.said(), ["Report 1"]);
        latest = latest.max(bench.log[0].0 - 20_000);
    }
    assert!((33_000..=36_864).contains(&latest), "{latest}");
}

#[test]
fn version_1_query_without_delay_is_answered_at_once() {
    let mut bench = Bench::new(RawSettings::VERSION_1).settled();
    bench.hear(&version_1(write::QUERY, 0, ALL));
    assert_eq!(bench.said(), ["Report 1", "Report 2"]);
    assert_eq!(bench.host.next_timeout(), None);
}

#[test]
fn running_delay_is_drawn_again_only_for_a_shorter_one() {
    for seed in 0..50 {
        let mut bench = Bench::seeded(RawSettings::VERSION_1, seed).settled();
        bench.query(G1, 10_000);
        let due = bench.host.next_timeout();
        bench.query(G1, 10_000);
        assert_eq!(bench.host.next_timeout(), due);
        bench.query(ALL, 0);
        assert_eq!(bench.said(), ["Report 1", "Report 2"]);
    }
}

#[test]
fn host_that_spoke_again_says_done() {
    let mut bench = Bench::new(RawSettings { robustness: 3, ..RawSettings::VERSION_1 });
    bench.listen(1, Exclude, &[]);
    bench.hear_at(Packet::usual(NEIGHBOUR, version_1(REPORT_V1, 0, G1)));
    bench.run(60_000);
    assert_eq!(bench.said(), ["Report 1"], "the repetitions are the other host's");
    bench.query(ALL, 10_000);
    bench.run(60_000);
    bench.listen(1, Include, &[]);
    assert_eq!(bench.said(), ["Report 1", "Report 1", "Done 1"]);
}

#[test]
fn report_of_another_host_takes_the_place_of_the_own() {
    let report = |source, group| Packet::usual(source, version_1(REPORT_V1, 0, group));
    for (heard, said, on_leaving) in [
        (Some(report(NEIGHBOUR, G1)), &["Report 2"][..], &[][..]),
        (Some(Packet { destination: ADDRESS, ..report(NEIGHBOUR, G1) }), &["Report 2"], &[]),
        (None, &["Report 1", "Report 2"], &["Done 1"]),
        (Some(report(ALL, G1)), &["Report 1", "Report 2"], &["Done 1"]),
        (Some(report(ADDRESS, G1)), &["Report 1", "Report 2"], &["Done 1"]),
        (Some(Packet { checksum_error: 1, ..report(NEIGHBOUR, G1) }), &["Report 1", "Report 2"], &["Done 1"]),
        (Some(report(NEIGHBOUR, group(9))), &["Report 1", "Report 2"], &["Done 1"]),
    ] {
        for always_done in [false, true] {
            let settings = RawSettings { always_done, ..RawSettings::VERSION_1 };
            let mut bench = Bench::new(settings).settled();
            bench.query(ALL, 10_000);
            if let Some(packet) = &heard {
                bench.hear_at(packet.clone());
            }
            bench.run(10_000);
            assert_eq!(bench.said_sorted(), said, "{heard:?}");
            bench.log.clear();
            bench.listen(1, Include, &[]);
            assert_eq!(bench.said(), if always_done { &["Done 1"] } else { on_leaving }, "{heard:?}");
        }
    }
}

#[test]
fn reports_of_other_hosts_suppress_nothing_in_version_2() {
    let mut bench = Bench::new(RawSettings::DEFAULT).settled();
    bench.query(ALL, 1000);
    bench.hear_at(Packet::usual(NEIGHBOUR, version_1(REPORT_V1, 0, G1)));
    let record = Record::new(IS_EX, G1, vec![]);
    bench.hear_at(Packet::new(NEIGHBOUR, write::ALL_NODES, write::report(&[record])));
    bench.run(1000);
    assert_eq!(bench.said(), ["IS_EX 1 {}, IS_IN 2 {1,3}"]);
}

#[test]
fn changes_in_version_1_are_reports_and_done_even_for_sources() {
    let mut bench = Bench::new(RawSettings::DEFAULT);
    bench.listen(1, Include, &[1]);
    bench.hear(&version_1(write::QUERY, 10_000, ALL));
    bench.run(20_000);
    assert_eq!(bench.said(), ["ALLOW 1 {1}", "Report 1"], "the repetition is cancelled");
    bench.log.clear();
    bench.listen(1, Exclude, &[2]);
    bench.listen(2, Exclude, &[]);
    bench.run(20_000);
    bench.listen(1, Include, &[]);
    bench.run(20_000);
    assert_eq!(bench.said(), ["Report 2", "Report 2", "Done 1"]);
    assert!(bench.log[1].0 - bench.log[0].0 <= 1000);
}

// All together.

/// Whoever hears every Report knows what the host wants, whatever happened in between.
#[test]
fn reports_add_up_to_what_is_wanted() {
    for seed in 0..200 {
        let mut dice = Rng::named(seed, "dice");
        let mut bench = Bench::seeded(RawSettings::DEFAULT, seed);
        for _ in 0..60 {
            let wanted: Vec<u16> = (1..=4).filter(|_| dice.chance(400_000)).collect();
            let mode = *dice.pick(&[Include, Exclude]);
            let asked: Vec<u16> = (1..=4).filter(|_| dice.chance(300_000)).collect();
            match dice.below(6) {
                0..3 => {
                    let group = group(*dice.pick(&[1, 2]));
                    let socket = *dice.pick(&[1, 2, 3]);
                    bench.call(socket, group, mode, &sources(&wanted)).expect("it may listen");
                }
                3 => bench.query(ALL, *dice.pick(&[0, 700, 10_000])),
                4 => bench.specific(&asked, *dice.pick(&[0, 300, 1000])),
                _ => {
                    let robustness = dice.between(1..=7) as u8;
                    bench.hear(&Query { robustness, ..Query::new(G1) }.octets());
                }
            }
            let pause = *dice.pick(&[0, 1, 200, 3000]);
            bench.run(pause);
        }
        bench.run(60_000);
        assert_eq!(bench.host.next_timeout(), None, "seed {seed}");
        for number in [1, 2] {
            let heard = bench.heard_by_a_neighbour(&number.to_string());
            let (mode, wanted) = bench.host.wanted(group(number));
            let wanted: BTreeSet<u16> = wanted.iter().map(|source| source.segments()[7]).collect();
            assert_eq!(heard, (mode, wanted), "seed {seed}, group {number}");
        }
    }
}

#[test]
fn same_seed_says_the_same_to_the_octet() {
    let run = |seed| {
        let mut bench = Bench::seeded(RawSettings::DEFAULT, seed).settled();
        bench.query(ALL, 10_000);
        bench.run(60_000);
        bench.log
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

/// A host alone with the test, and what it sent.
struct Bench {
    host: RawHost,
    now: Instant,
    out: Outbox,
    /// When, from where, how many octets, and what.
    log: Vec<(u64, Ipv6Addr, usize, String)>,
}

impl Bench {
    /// A host whose interface is up, at second 10.
    fn new(settings: RawSettings) -> Self {
        Self::seeded(settings, 1)
    }

    fn seeded(settings: RawSettings, seed: u64) -> Self {
        let mut bench = Self::down(settings);
        bench.host.rng = Rng::named(seed, "host");
        bench.host.start(bench.now, Some(ADDRESS), &mut bench.out);
        bench
    }

    fn down(settings: RawSettings) -> Self {
        let host = RawHost { rng: Rng::named(1, "host"), ..RawHost::new(settings) };
        Self { host, now: Instant::from_millis(10_000), out: Outbox::default(), log: Vec::new() }
    }

    /// Wants group 1 from everybody and group 2 from the sources 1 and 3, and has told so; second 20.
    fn settled(mut self) -> Self {
        self.listen(1, Exclude, &[]);
        self.listen(2, Include, &[1, 3]);
        self.run(10_000);
        while self.host.next_timeout().is_some() {
            // Two repetitions of version 1 can take longer.
            self.run(1000);
        }
        self.now = Instant::from_millis(20_000);
        self.log.clear();
        self
    }

    /// Wants as many groups, and has told so; second 20.
    fn join_all(&mut self, count: u16) {
        for number in 1..=count {
            self.listen(number, Exclude, &[]);
        }
        self.run(10_000);
        self.log.clear();
    }

    fn listen(&mut self, number: u16, mode: FilterMode, wanted: &[u16]) {
        self.call(1, group(number), mode, &sources(wanted)).expect("it may listen");
    }

    /// Another socket, on group 1.
    fn socket(&mut self, socket: u32, mode: FilterMode, wanted: &[u16]) {
        self.call(socket, G1, mode, &sources(wanted)).expect("it may listen");
    }

    fn call(
        &mut self,
        socket: u32,
        group: Ipv6Addr,
        mode: FilterMode,
        sources: &[Ipv6Addr],
    ) -> Result<(), String> {
        let result = self.host.listen(self.now, socket, group, mode, sources, &mut self.out);
        self.collect();
        result
    }

    /// A Query of MLDv2.
    fn query(&mut self, group: Ipv6Addr, code: u16) {
        self.hear(&Query { code, ..Query::new(group) }.octets());
    }

    /// A Query for sources of group 1.
    fn specific(&mut self, asked: &[u16], code: u16) {
        self.hear(&Query { code, sources: sources(asked), ..Query::new(G1) }.octets());
    }

    fn hear(&mut self, message: &[u8]) {
        self.hear_at(Packet::usual(ROUTER, message.to_vec()));
    }

    fn hear_at(&mut self, packet: Packet) {
        self.host.packet(self.now, &packet.octets(), &mut self.out);
        self.collect();
    }

    /// Lets milliseconds pass.
    fn run(&mut self, millis: u64) {
        self.collect();
        let end = self.now + Duration::from_millis(millis);
        while let Some(due) = self.host.next_timeout().filter(|due| *due <= end) {
            assert!(due >= self.now, "{due:?} is past");
            self.now = due;
            self.host.timeout(due, &mut self.out);
            assert!(self.host.next_timeout().is_none_or(|next| next > due), "no progress at {due:?}");
            self.collect();
        }
        self.now = end;
    }

    fn run_to_the_next_packet(&mut self) {
        let before = self.log.len();
        while self.log.len() == before {
            let due = self.host.next_timeout().expect("something is pending");
            self.run(due.saturating_since(self.now).as_millis() as u64);
        }
    }

    fn collect(&mut self) {
        for (link_layer, packet) in self.out.packets() {
            assert_eq!(link_layer, None);
            let (source, said) = read(packet);
            self.log.push((self.now.as_millis(), source, packet.len(), said));
        }
        self.out.clear();
    }

    fn said(&self) -> Vec<String> {
        self.log.iter().map(|(.., said)| said.clone()).collect()
    }

    fn said_sorted(&self) -> Vec<String> {
        let mut said = self.said();
        said.sort();
        said
    }

    fn sizes(&self) -> Vec<usize> {
        self.log.iter().map(|(_, _, size, _)| *size).collect()
    }

    fn sent_from(&self) -> Vec<Ipv6Addr> {
        self.log.iter().map(|(_, source, ..)| *source).collect()
    }

    /// What all state-change records for the group together say.
    fn heard_by_a_neighbour(&self, group: &str) -> (FilterMode, BTreeSet<u16>) {
        let mut heard = (Include, BTreeSet::new());
        for record in self.log.iter().flat_map(|(.., said)| said.split(", ")) {
            let words: Vec<&str> = record.split(' ').collect();
            let [kind, named, list] = words[..] else { panic!("{record}") };
            if named != group {
                continue;
            }
            let list = list.trim_matches(['{', '}']).split(',').filter(|source| !source.is_empty());
            let list: BTreeSet<u16> = list.map(|source| source.parse().expect("a number")).collect();
            let (mode, known) = &mut heard;
            match (kind, *mode) {
                ("TO_IN", _) => heard = (Include, list),
                ("TO_EX", _) => heard = (Exclude, list),
                ("ALLOW", Include) | ("BLOCK", Exclude) => known.extend(list),
                ("ALLOW", Exclude) | ("BLOCK", Include) => known.retain(|source| !list.contains(source)),
                _ => {}
            }
        }
        heard
    }
}

const fn group(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 1, number)
}

fn sources(numbers: &[u16]) -> Vec<Ipv6Addr> {
    numbers.iter().map(|number| Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, *number)).collect()
}

/// Who sent the packet and what it says. It has to be one that MLD allows.
fn read(packet: &[u8]) -> (Ipv6Addr, String) {
    let address = |at: usize| Ipv6Addr::from(*packet[at..].first_chunk::<16>().expect("16 octets"));
    let name = |group: Ipv6Addr| match group.segments() {
        [0xff0e, 0, 0, 0, 0, 0, 1, number] => number.to_string(),
        _ => group.to_string(),
    };
    let number = |at: usize| usize::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
    let (source, destination, message) = (address(8), address(24), &packet[48..]);
    assert_eq!(packet[..4], [0x60, 0, 0, 0]);
    assert_eq!(number(4), packet.len() - 40);
    assert_eq!(packet[6..8], [0, 1]);
    assert_eq!(packet[40..48], write::ROUTER_ALERT);
    assert_eq!(write::checksum(source, destination, message), 0);
    assert!(packet.len() <= 1500);
    if message[0] != write::REPORT_V2 {
        assert_eq!((message.len(), message[1], &message[4..8]), (24, 0, &[0; 4][..]));
        let group = address(56);
        let (kind, usual) = match message[0] {
            REPORT_V1 => ("Report", group),
            write::DONE => ("Done", ALL_ROUTERS),
            other => panic!("message of type {other}"),
        };
        assert_eq!(destination, usual);
        return (source, format!("{kind} {}", name(group)));
    }
    assert_eq!((destination, message[1], number(52)), (ALL_MLDV2_ROUTERS, 0, 0));
    let mut at = 56;
    let mut records = Vec::new();
    for _ in 0..number(54) {
        let kind = ["", "IS_IN", "IS_EX", "TO_IN", "TO_EX", "ALLOW", "BLOCK"][usize::from(packet[at])];
        let count = number(at + 2);
        assert_eq!(packet[at + 1], 0);
        assert!(count > 0 || matches!(kind, "IS_EX" | "TO_IN" | "TO_EX"), "empty {kind}");
        let numbers = (0..count).map(|index| address(at + 20 + 16 * index).segments()[7].to_string());
        let list = numbers.collect::<Vec<_>>().join(",");
        records.push(format!("{kind} {} {{{list}}}", name(address(at + 4))));
        at += 20 + 16 * count;
    }
    assert_eq!(at, packet.len());
    assert!(!records.is_empty());
    (source, records.join(", "))
}
