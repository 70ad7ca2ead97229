use core::convert::Infallible;
use std::string::String;
use std::vec::Vec;

use serde_json::{Value, json};

use super::*;
use crate::config::Config;
use crate::store::Tables;
use crate::time::Instant;
use crate::wire::Writer;

const HOST: &str = "fe80::a";

type TestRouter = Router<
    Tables<[crate::store::GroupSlot; 8], [crate::store::SourceSlot; 32], [crate::store::IndexSlot; 128]>,
>;
type Batch = EventBatch<Vec<Event>, Vec<Ipv6Addr>>;

fn address(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

fn group(text: &str) -> GroupAddr {
    text.parse().unwrap()
}

/// A router that has told about its start, at second 10.
fn started() -> TestRouter {
    let mut router = Router::new(Config::DEFAULT, Tables::EMPTY, 1);
    router.start(Instant::from_millis(10_000), Some(address("fe80::1")));
    while router.poll_event().is_some() {}
    router
}

/// Hands the router a report of these records at `now_ms` and yields what is told of it.
fn report(router: &mut TestRouter, now_ms: u64, records: &[(RecordType, &str, &[&str])]) -> Vec<Value> {
    let mut buffer = [0; 1500];
    let mut writer = Writer::report_v2(&mut buffer).unwrap();
    for (record, group, sources) in records {
        writer.record(*record, address(group)).unwrap();
        sources.iter().for_each(|source| writer.source(address(source)).unwrap());
    }
    let len = writer.finish(address(HOST)).len;
    let mut told = Vec::new();
    let items = router.handle_packet(Instant::from_millis(now_ms), &buffer[..len]).unwrap();
    let Ok(()) = tell_items(items, now_ms, "eth0", |document| keep(&mut told, document));
    told
}

fn keep(told: &mut Vec<Value>, document: EventDocument<'_>) -> Result<(), Infallible> {
    told.push(serde_json::to_value(document).unwrap());
    Ok(())
}

fn tell(router: &mut TestRouter, time_ms: u64, order: Order) -> Vec<Value> {
    let mut batch = Batch::default();
    batch.poll(router);
    let mut told = Vec::new();
    let Ok(()) = batch.tell(router, time_ms, "eth0", order, |document| keep(&mut told, document));
    let Ok(()) =
        batch.tell(router, time_ms, "eth0", order, |_| -> Result<(), Infallible> { panic!("told twice") });
    told
}

fn names(told: &[Value]) -> Vec<(&str, &str)> {
    told.iter()
        .map(|event| (event["event"].as_str().unwrap(), event["group"].as_str().unwrap_or("")))
        .collect()
}

#[test]
fn times_are_exact_to_the_millisecond() {
    let text = |millis: u64| serde_json::to_string(&Seconds(millis)).unwrap();
    for (millis, expected) in [
        (0, "0"),
        (1, "0.001"),
        (10, "0.01"),
        (1000, "1"),
        (261_312, "261.312"),
        (1_763_827_200_123, "1763827200.123"),
        (253_402_300_799_999, "253402300799.999"),
        (u64::MAX / 1000 * 1000, "18446744073709551"),
    ] {
        assert_eq!(text(millis), expected);
    }
    // Unix times of this century and of the last one that the text promises.
    for start in [1_700_000_000_000, 8_500_000_000_000_000] {
        for millis in start..start + 5000 {
            let exact = std::format!("{}.{:03}", millis / 1000, millis % 1000);
            let exact = exact.trim_end_matches('0').trim_end_matches('.');
            assert_eq!(text(millis), exact);
        }
    }
}

#[test]
fn every_event_has_its_members() {
    let (group, reporter) = (group("ff05::1"), address(HOST));
    let sources = [address("2001:db8::1"), address("::ffff:1.2.3.4")];
    let filter_mode = FilterMode::Exclude;
    for (event, members) in [
        (
            EventMembers::Membership { group, has_members: true, filter_mode, sources: &sources },
            json!({"event": "membership", "group": "ff05::1", "has-members": true, "filter-mode": "exclude",
                   "sources": ["2001:db8::1", "::ffff:1.2.3.4"]}),
        ),
        (
            EventMembers::Querier(Querier::Other(reporter)),
            json!({"event": "querier", "role": "non-querier", "address": "fe80::a"}),
        ),
        (
            EventMembers::Querier(Querier::Unknown),
            json!({"event": "querier", "role": "non-querier", "address": "::"}),
        ),
        (
            EventMembers::Report { group, reporter, record: RecordType::IsIn },
            json!({"event": "report", "group": "ff05::1", "reporter": "fe80::a", "record": "is-in"}),
        ),
        (
            Item::Done { group, reporter }.into(),
            json!({"event": "done", "group": "ff05::1", "reporter": "fe80::a", "record": "done"}),
        ),
        (EventMembers::Timeout { group }, json!({"event": "timeout", "group": "ff05::1"})),
        (EventMembers::Removed, json!({"event": "removed"})),
        (
            Item::Limit { group, limit: Limit::GroupSources }.into(),
            json!({"event": "limit", "group": "ff05::1", "limit": "max-group-sources"}),
        ),
    ] {
        let mut expected = members;
        expected["time"] = json!(1.5);
        expected["interface"] = json!("eth0");
        assert_eq!(expected["event"], event.name());
        assert_eq!(
            serde_json::to_value(EventDocument { time_ms: 1500, interface: "eth0", event }).unwrap(),
            expected
        );
    }
}

#[test]
fn memberships_name_the_wanted_sources_or_the_blocked_ones_ascending() {
    let mut router = started();
    let told = report(
        &mut router,
        11_000,
        &[
            (RecordType::Allow, "ff3e::1", &["2001:db8::3", "2001:db8::1", "2001:db8::2"]),
            (RecordType::ToEx, "ff05::1", &["2001:db8::3", "2001:db8::1"]),
            (RecordType::Allow, "ff05::1", &["2001:db8::1", "2001:db8::2"]),
        ],
    );
    assert_eq!(names(&told), [("report", "ff3e::1"), ("report", "ff05::1"), ("report", "ff05::1")]);
    let told = tell(&mut router, 11_000, Order::Polled);
    assert_eq!(names(&told), [("membership", "ff3e::1"), ("membership", "ff05::1")]);
    assert_eq!(told[0]["filter-mode"], "include");
    assert_eq!(told[0]["sources"], json!(["2001:db8::1", "2001:db8::2", "2001:db8::3"]));
    assert_eq!(told[1]["filter-mode"], "exclude");
    assert_eq!(told[1]["sources"], json!(["2001:db8::3"]), "a requested source is not named");
}

#[test]
fn groups_ascend_after_a_stop_and_the_removal_comes_last() {
    let mut router = started();
    let groups = ["ff05::9", "ff05::1", "ff05::5"].map(|group| (RecordType::ToEx, group, &[][..]));
    report(&mut router, 11_000, &groups);
    let polled = tell(&mut router, 11_000, Order::Polled);
    assert_eq!(names(&polled), groups.map(|(_, group, _)| ("membership", group)));
    router.stop(Instant::from_millis(12_000));
    let told = tell(&mut router, 12_000, Order::Ascending);
    let told: Vec<_> = told.into_iter().filter(|event| event["event"] != "querier").collect();
    let expected = ["ff05::1", "ff05::5", "ff05::9"].map(|group| ("membership", group));
    assert_eq!(names(&told[..3]), expected);
    assert_eq!(names(&told[3..]), [("removed", "")]);
    assert!(told[..3].iter().all(|event| event["has-members"] == false && event["sources"] == json!([])));
}

#[test]
fn batches_of_one_instant_become_one_event_for_each_group() {
    let router = started();
    let (one, other) = (group("ff05::1"), group("ff05::2"));
    let mut batch = Batch::default();
    batch.events.extend([
        Event::Membership(other),
        Event::Stopped,
        Event::Timeout(other),
        Event::Membership(other),
    ]);
    batch.events.extend([Event::Membership(one), Event::Querier, Event::Timeout(other), Event::Querier]);
    let mut told = Vec::new();
    let Ok(()) = batch.tell(&router, 0, "eth0", Order::Ascending, |document| keep(&mut told, document));
    let expected = [
        ("querier", ""),
        ("membership", "ff05::1"),
        ("timeout", "ff05::2"),
        ("membership", "ff05::2"),
        ("removed", ""),
    ];
    assert_eq!(names(&told), expected);
}

#[test]
fn an_error_of_the_teller_ends_the_batch() {
    let mut router = started();
    report(&mut router, 11_000, &[(RecordType::ToEx, "ff05::1", &[]), (RecordType::ToEx, "ff05::2", &[])]);
    let mut batch = Batch::default();
    batch.poll(&mut router);
    let mut count = 0;
    let result = batch.tell(&router, 0, "eth0", Order::Polled, |_| {
        count += 1;
        Err("full")
    });
    assert_eq!((result, count), (Err("full"), 1));
    let Ok(()) =
        batch.tell(&router, 0, "eth0", Order::Polled, |_| -> Result<(), Infallible> { panic!("forgotten") });
}

#[test]
fn collections_of_fixed_capacity_do_as_well() {
    let mut router = started();
    report(&mut router, 11_000, &[(RecordType::ToEx, "ff05::1", &["2001:db8::1"])]);
    let mut batch = EventBatch::<heapless::Vec<Event, 16>, heapless::Vec<Ipv6Addr, 32>>::default();
    batch.poll(&mut router);
    let mut told = Vec::new();
    let Ok(()) = batch.tell(&router, 0, "eth0", Order::Ascending, |document| keep(&mut told, document));
    assert_eq!(names(&told), [("membership", "ff05::1")]);
    let fixed = InterfaceDocument::<heapless::Vec<_, 8>, heapless::Vec<_, 32>>::new("eth0", &router);
    let growing = InterfaceDocument::<Vec<_>, Vec<_>>::new("eth0", &router);
    assert_eq!(serde_json::to_string(&fixed).unwrap(), serde_json::to_string(&growing).unwrap());
}

#[test]
fn the_state_is_that_of_the_latest_moment_in_ascending_order() {
    let mut router = started();
    report(&mut router, 20_000, &[(RecordType::Allow, "ff3e::1", &["2001:db8::2", "2001:db8::1"])]);
    report(&mut router, 30_250, &[(RecordType::ToEx, "ff05::1", &["2001:db8::9"])]);
    router.handle_timeout(Instant::from_millis(40_000));
    assert!(router.handle_packet(Instant::from_millis(40_000), &[0x45; 20]).is_err());
    let interface = InterfaceDocument::<Vec<_>, Vec<_>>::new("eth0", &router);
    let document: Value = serde_json::to_value(StateDocument { interfaces: &[interface] }).unwrap();
    let source = |address: &str, expire: f64, up: f64| json!({"source-address": address, "expire": expire as u64, "up-time": up as u64, "forwarding": true});
    let mut discarded = serde_json::Map::new();
    for reason in crate::discard::Discard::ALL {
        let count = u64::from(reason == crate::discard::Discard::NotMld);
        discarded.insert(String::from(reason.name()), count.into());
    }
    assert_eq!(
        document,
        json!({"interfaces": [{
            "name": "eth0", "address": "fe80::1", "version": 2, "role": "querier", "querier": "fe80::1",
            "groups": [
                {
                    "group-address": "ff05::1", "filter-mode": "exclude", "expire": 260.25, "up-time": 9.75,
                    "compatibility-mode": 2, "state": "listeners-present", "last-reporter": "fe80::a",
                    "sources": [{
                        "source-address": "2001:db8::9", "expire": 0, "up-time": 9.75, "forwarding": false,
                    }],
                },
                {
                    "group-address": "ff3e::1", "filter-mode": "include", "expire": 250, "up-time": 20,
                    "compatibility-mode": 2, "state": "listeners-present", "last-reporter": "fe80::a",
                    "sources": [source("2001:db8::1", 250.0, 20.0), source("2001:db8::2", 250.0, 20.0)],
                },
            ],
            "statistics": {
                "received": {"query": 0, "report-v1": 0, "report-v2": 2, "done": 0},
                "sent": {"query": 0},
                "discarded": discarded,
                "refused": {"max-groups": 0, "max-group-sources": 0, "max-sources": 0},
            },
        }]})
    );
}

#[test]
fn an_interface_without_an_address_has_the_unspecified_one() {
    let router: TestRouter = Router::new(Config::DEFAULT, Tables::EMPTY, 1);
    let interface = InterfaceDocument::<Vec<_>, Vec<_>>::new("eth0", &router);
    let document = serde_json::to_value(interface).unwrap();
    assert_eq!((&document["address"], &document["querier"]), (&json!("::"), &json!("::")));
    assert_eq!((&document["role"], &document["groups"]), (&json!("non-querier"), &json!([])));
}
