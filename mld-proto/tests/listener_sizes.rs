//! Reports that do not fit, tables that are full, and floods (RFC 9777 sections 5.2.16 and 10.1).

mod craft;
#[path = "support/listening.rs"]
mod listening;

use std::collections::BTreeSet;

use craft::{Craft, ip, source};
use listening::{HOST, Host, QUERIER, Sent, group, sources, tables};
use mld_proto::listener::{self, ListenError, Socket};
use mld_proto::wire::MessageKind;
use mld_proto::{BufferTooSmall, FilterMode, Instant, Listener};

/// How many sources each record of each Report lists.
fn shape(sent: &[Sent]) -> Vec<Vec<usize>> {
    sent.iter().map(|sent| sent.records.iter().map(|record| record.sources.len()).collect()).collect()
}

fn all_sources(sent: &[Sent]) -> BTreeSet<u16> {
    let listed = sent.iter().flat_map(|sent| &sent.records).flat_map(|record| &record.sources);
    let numbers: Vec<u16> = listed.map(|source| source.segments()[7]).collect();
    let set: BTreeSet<u16> = numbers.iter().copied().collect();
    assert_eq!(set.len(), numbers.len(), "disjoint");
    set
}

/// A host on a link of this MTU.
fn on_link(mtu: u16) -> Host {
    Host::with(listener::Config::builder().mtu(mtu))
}

// R-LSN-60
#[test]
fn records_that_do_not_fit_go_into_further_reports() {
    // E-50
    for (mtu, per_report, with_source) in [(1280, 61, 34), (1500, 72, 40), (9000, 447, 248)] {
        let mut host = on_link(mtu);
        for number in 0..1000_u32 {
            host.exclude(&format!("ff0e::2:{number:x}"), []);
        }
        host.settle();
        host.query("::", 1000, []);
        host.run_for(1000);
        let sent = host.take();
        assert_eq!(sent[0].records.len(), per_report);
        assert!(sent.iter().all(|sent| sent.len <= usize::from(mtu)));
        assert_eq!(sent.iter().map(|sent| sent.records.len()).sum::<usize>(), 1000);
        let mut host = on_link(mtu);
        for number in 0..1000_u32 {
            host.include(&format!("ff0e::2:{number:x}"), [1]);
        }
        host.settle();
        host.query("::", 1000, []);
        host.run_for(1000);
        assert_eq!(host.take()[0].records.len(), with_source);
    }
}

// R-LSN-60
#[test]
fn changes_of_many_groups_share_reports() {
    let mut listener = Listener::new(listener::Config::DEFAULT, tables(200, 200, 10), 1);
    let now = Instant::ZERO;
    listener.start(now, Some(HOST));
    for number in 0..100_u32 {
        let group = ip(&format!("ff0e::2:{number:x}"));
        listener.listen(now, Socket(1), group, FilterMode::Exclude, &[]).unwrap();
    }
    let mut buffer = [0; 1500];
    let mut lens = Vec::new();
    while let Some(sent) = listener.poll_transmit(now, &mut buffer).unwrap() {
        lens.push(sent.len);
    }
    assert_eq!(lens, [1496, 616]);
}

// R-LSN-61, R-LSN-63
#[test]
fn long_lists_of_wanted_sources_are_split() {
    for (mtu, parts) in [(1500, [89, 89, 22].as_slice()), (1280, &[75, 75, 50])] {
        let parts: Vec<Vec<usize>> = parts.iter().map(|part| vec![*part]).collect();
        let all: BTreeSet<u16> = (1..=200).collect();
        let mut host = on_link(mtu);
        // E-51
        host.include("G", 1..=200);
        let sent = host.take();
        assert_eq!((shape(&sent), all_sources(&sent)), (parts.clone(), all.clone()));
        assert!(sent.iter().all(|sent| sent.records[0].kind == craft::ALLOW));
        host.run_for(1000);
        assert_eq!(shape(&host.take()), parts, "the repetition too");
        host.query("G", 1000, []);
        host.run_for(1000);
        let sent = host.take();
        assert_eq!((shape(&sent), all_sources(&sent)), (parts.clone(), all.clone()));
        assert!(sent.iter().all(|sent| sent.records[0].kind == craft::IS_IN));
        host.query("::", 1000, []);
        host.run_for(1000);
        let sent = host.take();
        assert_eq!((shape(&sent), all_sources(&sent)), (parts.clone(), all.clone()));
        host.exclude("G", []);
        host.settle();
        host.include("G", 1..=200);
        let sent = host.take();
        assert_eq!((shape(&sent), all_sources(&sent)), (parts.clone(), all.clone()));
        assert!(sent.iter().all(|sent| sent.records[0].kind == craft::TO_IN), "the type is kept");
        host.settle();
        host.include("G", []);
        let sent = host.take();
        assert_eq!((shape(&sent), all_sources(&sent)), (parts, all));
        assert!(sent.iter().all(|sent| sent.records[0].kind == craft::BLOCK));
    }
}

// R-LSN-61
#[test]
fn part_of_a_split_record_is_alone_in_its_report() {
    let mut host = Host::new();
    host.include("G", 1..=100);
    host.exclude("G2", []);
    host.settle();
    host.query("::", 5000, []);
    host.run_for(5000);
    let sent = host.take();
    assert!(
        sent.iter().filter(|sent| sent.records.iter().any(|record| record.group == group("G"))).count() == 2
    );
    assert!(shape(&sent).contains(&vec![89]) && shape(&sent).contains(&vec![11]), "{:?}", shape(&sent));
}

// R-LSN-62
#[test]
fn long_lists_of_unwanted_sources_are_cut_and_the_cut_is_stable() {
    // E-52
    let mut host = Host::new();
    host.exclude("G", 1..=200);
    let first = host.take();
    assert_eq!((shape(&first), first[0].len), (vec![vec![89]], 1500));
    host.run_for(1000);
    let mut later = host.take();
    for name in ["G", "::"] {
        host.query(name, 1000, []);
        host.run_for(1000);
        later.extend(host.take());
    }
    assert_eq!(later.len(), 3);
    for sent in &later {
        assert_eq!(sent.records[0].sources, first[0].records[0].sources, "the same ones");
    }
    // A change among those that are not named is reported as a change.
    host.exclude("G", 1..=201);
    assert_eq!(host.texts(), ["block G [201]"]);
    host.settle();
    host.query("G", 1000, []);
    host.run_for(1000);
    assert_eq!(host.take()[0].records[0].sources, first[0].records[0].sources);
}

// R-LSN-60
#[test]
fn record_that_does_not_fit_behind_others_waits_for_the_next_report() {
    let mut host = Host::new();
    for number in 0..60_u32 {
        host.exclude(&format!("ff0e::2:{number:x}"), []);
    }
    host.include("G", 1..=40);
    host.exclude("G2", 1..=40);
    host.settle();
    host.query("::", 1000, []);
    host.run_for(1000);
    let sent = host.take();
    assert_eq!(shape(&sent), [vec![0; 60], vec![40; 2]], "each record whole");
}

// R-LSN-60
#[test]
fn changes_of_both_kinds_are_split_apart_if_need_be() {
    let mut host = Host::new();
    host.include("G", 1..=50);
    host.settle();
    host.include("G", 51..=100);
    let sent = host.take();
    assert_eq!(shape(&sent), [[50], [50]]);
    assert_eq!((sent[0].records[0].kind, sent[1].records[0].kind), (craft::ALLOW, craft::BLOCK));
    host.run_for(1000);
    assert_eq!(shape(&host.take()), [[50], [50]]);
    host.run_for(10_000);
    assert_eq!(host.texts(), [""; 0]);
}

#[test]
fn buffer_that_is_too_small_is_an_error_and_costs_nothing() {
    let mut listener = Listener::new(listener::Config::DEFAULT, tables(4, 4, 64), 1);
    let now = Instant::ZERO;
    listener.start(now, Some(HOST));
    assert_eq!(listener.poll_transmit(now, &mut []), Ok(None), "nothing to send needs no room");
    listener.listen(now, Socket(1), group("G"), FilterMode::Include, &sources(1..=3)).unwrap();
    for len in [0, 56, 91] {
        assert_eq!(listener.poll_transmit(now, &mut vec![0; len]), Err(BufferTooSmall { needed: 92 }));
    }
    let mut buffer = [0; 92];
    for _ in 0..3 {
        assert_eq!(listener.poll_transmit(now, &mut buffer).unwrap().map(|sent| sent.len), Some(92));
    }
    assert_eq!(listener.poll_transmit(now, &mut buffer), Ok(None));
}

// R-SEC-5
#[test]
fn flood_of_sources_is_answered_for_the_whole_group() {
    for (mode, answer) in [(FilterMode::Include, "is-in G [1, 2]"), (FilterMode::Exclude, "is-ex G [1, 2]")] {
        let mut host = Host::new();
        host.try_listen(1, group("G"), mode, &sources([1, 2])).unwrap();
        host.settle();
        for first in (0..10_000).step_by(80) {
            host.query("G", 30_000, first..first + 80);
            // The second Query is one too many, and from then on the whole group is asked for.
            assert_eq!(host.listener.stats().sources_forgotten, u64::from(first > 0));
        }
        host.run_for(30_000);
        assert_eq!(host.texts(), [answer]);
    }
}

// R-SEC-5, R-LSN-5
#[test]
fn what_queries_ask_for_takes_no_room_from_sockets() {
    let mut host = Host::down(listener::Config::builder(), tables(3, 3, 20), 1);
    host.up(Some(HOST));
    host.exclude("G", []);
    host.exclude("G2", []);
    host.settle();
    host.query("G", 30_000, 1..=9);
    host.query("G2", 30_000, 1..=9);
    assert_eq!(host.listener.stats().sources_forgotten, 0);
    // Ten sources take all twenty slots.
    host.include("ff0e::1:3", 1..=10);
    host.take();
    host.query("G", 30_000, 20..=21);
    host.run_for(40_000);
    let sent = host.texts();
    assert!(sent.contains(&"is-ex G []".to_owned()) && sent.contains(&"is-ex G2 []".to_owned()), "{sent:?}");
    // And again the table is free for Queries once the sockets are done with it.
    host.include("ff0e::1:3", []);
    host.settle();
    host.query("G", 1000, 1..=9);
    host.run_for(1000);
    assert_eq!(host.texts(), ["is-in G [1, 2, 3, 4, 5, 6, 7, 8, 9]"]);
}

// R-SEC-5
#[test]
fn query_with_more_sources_than_the_table_holds_is_answered_for_the_group() {
    let mut host = Host::down(listener::Config::builder(), tables(2, 2, 4), 1);
    host.up(Some(HOST));
    host.include("G", [1, 2]);
    host.settle();
    host.query("G", 1000, 5..=9);
    host.run_for(1000);
    assert_eq!(host.texts(), ["is-in G [1, 2]"]);
}

// R-SEC-5
#[test]
fn flood_of_queries_causes_no_more_answers_than_one() {
    let mut host = Host::new();
    host.exclude("G", []);
    host.settle();
    for _ in 0..1000 {
        host.query("::", 10_000, []);
        host.query("G", 10_000, []);
        host.query("G", 10_000, [1]);
    }
    host.run_for(30_000);
    let sent = host.texts();
    assert!(sent.len() <= 2, "{sent:?}");
}

#[test]
fn many_listeners_cost_a_general_query_nothing() {
    // Shown by what the call leaves to be done, not by the clock: one timer, whatever the number of groups.
    let mut host = Host::new();
    for number in 0..2000_u32 {
        host.exclude(&format!("ff0e::2:{number:x}"), []);
    }
    host.settle();
    let query = Craft::query_v2(QUERIER, ip("::"), 10_000, &[]).bytes();
    let mut copy = host.listener.clone();
    let now = Instant::from_millis(host.now);
    assert_eq!(copy.handle_packet(now, &query), Ok(MessageKind::Query));
    let due = copy.poll_timeout().unwrap();
    assert!(due > now && due.as_millis() <= host.now + 10_000);
    let mut buffer = [0; 1500];
    assert_eq!(copy.poll_transmit(now, &mut buffer), Ok(None));
}

// R-LSN-5
#[test]
fn undone_call_leaves_the_other_sockets_sources_alone() {
    let mut host = Host::down(listener::Config::builder(), tables(1, 3, 9), 1);
    host.up(Some(HOST));
    host.try_listen(1, group("G"), FilterMode::Include, &sources([1, 2])).unwrap();
    host.try_listen(2, group("G"), FilterMode::Include, &sources([2])).unwrap();
    host.settle();
    for _ in 0..3 {
        let refused = host.try_listen(2, group("G"), FilterMode::Exclude, &sources([1, 2, 3, 4]));
        assert_eq!(refused, Err(ListenError::TooManySources));
        assert_eq!(host.records(), ["include G [1, 2]"]);
        assert!(host.listener.delivers(Socket(2), group("G"), source(2)));
        assert!(!host.listener.delivers(Socket(2), group("G"), source(1)));
    }
    assert_eq!(host.texts(), [""; 0]);
    host.try_listen(2, group("G"), FilterMode::Exclude, &sources([1, 3])).unwrap();
    assert_eq!(host.records(), ["exclude G [3]"]);
}
