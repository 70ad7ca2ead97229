//! Kernel hosts of both versions, and what the router makes of their calls.

use core::time::Duration;

use mld_linux::lab::{self, Host};
use mld_proto::router::GroupState;
use mld_proto::{FilterMode, Version};

use crate::Test;
use crate::support::{
    Bench, EXCLUDE_NONE, HOST, ROUTER, Seen, address, cable, group, quick, switch_on, usable,
};

pub(crate) const TESTS: &[Test] = &[
    ("host_of_version_2_joins_and_leaves", || joins_and_leaves(2)),
    ("host_of_version_1_joins_and_leaves", || joins_and_leaves(1)),
    ("link_local_groups_of_a_version_2_host_are_known", || link_local_group(2)),
    ("link_local_groups_of_a_version_1_host_are_known", || link_local_group(1)),
    ("a_joined_source_is_wanted_alone_and_left_alone", joined_source),
    ("a_blocked_source_is_the_only_one_excluded", blocked_source),
    ("a_source_that_is_blocked_last_ends_an_include_group", last_source),
    ("a_group_lives_on_while_its_host_answers_general_queries", answers),
    ("a_bridge_with_snooping_lets_version_2_reports_and_queries_through", || snooping(2)),
    ("a_bridge_with_snooping_lets_version_1_reports_and_queries_through", || snooping(1)),
];

fn speak(host: &Host, version: u8) {
    host.sysctl(&format!("net/ipv6/conf/{HOST}/force_mld_version"), &version.to_string()).expect("a version");
}

/// Last Listener Query Time of the quick settings, and what a busy machine adds.
const LEAVE: Duration = Duration::from_millis(200 + 400);
const JOIN: Duration = Duration::from_millis(400);

fn joins_and_leaves(version: u8) {
    let host = cable();
    speak(&host, version);
    let mut bench = Bench::begun(quick());
    let listener = host.listener(HOST).expect("a listener");
    let (one, two) = (group("ff05::1234"), group("ff15::5"));

    listener.join(one).expect("joined");
    let took = bench.until_view(one, EXCLUDE_NONE);
    assert!(took < JOIN, "{took:?}");
    listener.join(two).expect("joined");
    bench.until_view(two, EXCLUDE_NONE);
    let mode = bench.driver.router().group(one).map(|state| state.compatibility_mode());
    assert_eq!(mode, Some(if version == 1 { Version::V1 } else { Version::V2 }));
    let reporter = host.run(|| usable(HOST));
    assert_eq!(bench.driver.router().group(one).and_then(|state| state.last_reporter()), Some(reporter));
    assert_eq!(bench.driver.router().state(one), GroupState::ListenersPresent);

    listener.leave(one).expect("left");
    bench.until("the group is checked", |bench| {
        bench.driver.router().state(one) == GroupState::CheckingListeners
    });
    let took = bench.until_view(one, None);
    assert!(took < LEAVE, "{took:?}");
    assert!(bench.saw(&Seen::Timeout(one)));
    assert_eq!(bench.seen.last(), Some(&Seen::Membership(one, None)));
    assert!(bench.driver.router().group(two).is_some(), "the other group is as it was");
    if version == 1 {
        assert!(bench.saw(&Seen::Done(one, reporter)));
    }
}

fn link_local_group(version: u8) {
    let host = cable();
    speak(&host, version);
    let mut bench = Bench::begun(quick());
    let listener = host.listener(HOST).expect("a listener");
    let wanted = group("ff02::1234");

    listener.join(wanted).expect("joined");
    bench.until_view(wanted, EXCLUDE_NONE);
    let any = address("2001:db8::1");
    assert!(!bench.driver.router().forwards(wanted, any), "what is of the link stays on it");

    listener.leave(wanted).expect("left");
    bench.until_view(wanted, None);
}

fn joined_source() {
    let host = cable();
    let mut bench = Bench::begun(quick());
    let listener = host.listener(HOST).expect("a listener");
    let (wanted, one, two) = (group("ff3e::8000:1"), address("2001:db8::1"), address("2001:db8::2"));

    listener.join_source(wanted, one).expect("joined");
    bench.until_view(wanted, Some((FilterMode::Include, vec![one])));
    listener.join_source(wanted, two).expect("joined");
    bench.until_view(wanted, Some((FilterMode::Include, vec![one, two])));
    assert!(bench.driver.router().forwards(wanted, two));
    assert!(!bench.driver.router().forwards(wanted, address("2001:db8::3")));

    listener.leave_source(wanted, one).expect("left");
    bench.until_view(wanted, Some((FilterMode::Include, vec![two])));
    listener.leave_source(wanted, two).expect("left");
    bench.until_view(wanted, None);
}

fn blocked_source() {
    let host = cable();
    let mut bench = Bench::begun(quick());
    let listener = host.listener(HOST).expect("a listener");
    let (wanted, blocked) = (group("ff05::77"), address("2001:db8::bad"));

    listener.join(wanted).expect("joined");
    bench.until_view(wanted, EXCLUDE_NONE);
    listener.block_source(wanted, blocked).expect("blocked");
    bench.until_view(wanted, Some((FilterMode::Exclude, vec![blocked])));
    assert!(!bench.driver.router().forwards(wanted, blocked));
    assert!(bench.driver.router().forwards(wanted, address("2001:db8::600d")));

    listener.unblock_source(wanted, blocked).expect("unblocked");
    bench.until_view(wanted, EXCLUDE_NONE);
}

fn last_source() {
    let host = cable();
    let mut bench = Bench::begun(quick());
    let listener = host.listener(HOST).expect("a listener");
    let (wanted, only) = (group("ff3e::8000:2"), address("2001:db8::1"));

    listener.join_source(wanted, only).expect("joined");
    bench.until_view(wanted, Some((FilterMode::Include, vec![only])));
    drop(listener);
    bench.until_view(wanted, None);
    assert!(bench.saw(&Seen::Timeout(wanted)));
}

fn answers() {
    let host = cable();
    let mut bench = Bench::begun(quick());
    let listener = host.listener(HOST).expect("a listener");
    let wanted = group("ff05::42");

    listener.join(wanted).expect("joined");
    bench.until_view(wanted, EXCLUDE_NONE);
    let interval = bench.driver.router().listening_interval();
    assert!(interval < Duration::from_secs(3), "the test waits for it: {interval:?}");
    bench.run_for(interval + Duration::from_secs(1));
    assert_eq!(bench.driver.router().state(wanted), GroupState::ListenersPresent);
    assert!(!bench.saw(&Seen::Membership(wanted, None)));
}

fn snooping(version: u8) {
    let host = Host::new("host").expect("a host");
    lab::bridge("switch", true).expect("a bridge");
    lab::veth(ROUTER, "port-r", None).expect("a cable");
    lab::veth("port-h", HOST, Some(&host)).expect("a cable");
    for port in ["port-r", "port-h"] {
        lab::set_master(port, "switch").expect("a port");
    }
    for interface in ["switch", "port-r", "port-h", ROUTER] {
        switch_on(interface);
    }
    host.run(|| switch_on(HOST));
    usable(ROUTER);
    host.run(|| usable(HOST));
    speak(&host, version);
    let mut bench = Bench::begun(quick());
    let listener = host.listener(HOST).expect("a listener");
    let wanted = group("ff05::1234");

    listener.join(wanted).expect("joined");
    bench.until_view(wanted, EXCLUDE_NONE);
    // The host answers Queries that came through the bridge, and its answers come back.
    bench.run_for(bench.driver.router().listening_interval() + Duration::from_secs(1));
    assert_eq!(bench.driver.router().state(wanted), GroupState::ListenersPresent);
    listener.leave(wanted).expect("left");
    bench.until_view(wanted, None);
}
