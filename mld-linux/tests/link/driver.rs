//! What becomes of a driver when its interface changes, and what it refuses.

use core::time::Duration;
use std::fs;
use std::time::Instant;

use mld_linux::lab::{self, Host};
use mld_linux::{Driver, Error, Options, Receive, Status, Stop, What};
use mld_proto::router::{GroupState, QuerierMode};
use mld_proto::wire::Writer;
use mld_proto::{Config, Querier};

use crate::Test;
use crate::support::{
    Bench, EXCLUDE_NONE, HOST, ROUTER, Seen, address, cable, group, quick, switch_on, usable, view,
};

pub(crate) const TESTS: &[Test] = &[
    ("a_router_waits_for_its_address_and_builds_state_meanwhile", waits),
    ("a_changed_address_is_followed", follows_address),
    ("an_interface_that_goes_down_is_forgotten_and_starts_anew", down_and_up),
    ("an_interface_that_is_down_at_first_is_waited_for", down_at_first),
    ("an_interface_that_vanishes_is_removed", vanishes),
    ("an_interface_that_becomes_a_port_is_told_of", enslaved_later),
    ("a_changed_mtu_is_followed", follows_mtu),
    ("what_cannot_be_managed_is_refused_by_reason", refused),
    ("a_missing_privilege_is_named", unprivileged),
    ("a_passive_router_sends_nothing_and_needs_no_address", passive),
    ("a_passive_router_joins_no_group_and_opens_no_raw_socket", passive_sockets),
    ("queries_pass_the_checks_of_another_router", queries),
    ("the_own_host_part_answers_the_own_queries", own_host),
    ("an_interface_that_filters_multicast_hears_everything", filtering),
    ("events_of_timers_bear_their_deadline_however_late_they_are_told", late),
    ("packets_that_waited_count_from_their_arrival", waited),
    ("changed_timers_count_at_once_and_changed_limits_start_anew", reconfigured),
    ("removing_tells_each_group_and_then_the_interface_once", removed),
    ("a_loop_ends_when_it_is_told_to", run_and_stop),
    ("a_query_that_cannot_be_sent_is_counted_and_told_once", send_failure),
    ("queries_that_find_no_room_wait_without_spinning_and_are_sent_in_the_end", no_room),
];

fn waits() {
    let host = Host::new("host").expect("a host");
    lab::veth(ROUTER, HOST, Some(&host)).expect("a cable");
    host.run(|| switch_on(HOST));
    // Duplicate address detection stays on here: it takes a second or two.
    lab::set_up(ROUTER).expect("up");
    let mut bench = Bench::open(quick());
    bench.ready();
    assert_eq!(bench.driver.status(), Status::Up { address: None });
    assert!(bench.seen.iter().any(|seen| matches!(seen, Seen::Other(text) if text.contains("no usable"))));
    let listener = host.listener(HOST).expect("a listener");
    let wanted = group("ff05::1");
    listener.join(wanted).expect("joined");
    bench.until_view(wanted, EXCLUDE_NONE);
    assert_eq!(bench.driver.router().stats().sent.total(), 0);
    assert_eq!(bench.driver.status(), Status::Up { address: None }, "the test comes too late to see it wait");

    bench.until("it queries", |bench| bench.driver.router().stats().sent.general > 0);
    let own = usable(ROUTER);
    assert_eq!(bench.driver.status(), Status::Up { address: Some(own) });
    assert!(bench.saw(&Seen::Querier(Querier::Own(own))));
    assert_eq!(view(bench.driver.router(), wanted), EXCLUDE_NONE);
    assert_eq!(bench.driver.counters().send_failed, 0);
}

fn follows_address() {
    let _host = cable();
    let mut bench = Bench::begun(quick());
    let first = usable(ROUTER);
    assert_eq!(bench.driver.router().querier(), Querier::Own(first));

    lab::remove_link_local(ROUTER, first).expect("no address");
    bench.until("it has no address", |bench| bench.driver.status() == Status::Up { address: None });
    assert_eq!(bench.driver.router().querier(), Querier::Unknown);
    let sent = bench.driver.router().stats().sent.total();
    bench.run_for(Duration::from_millis(1200));
    assert_eq!(bench.driver.router().stats().sent.total(), sent, "nothing is sent without an address");

    let second = address("fe80::5");
    lab::add_link_local(ROUTER, second).expect("an address");
    bench.until("it queries from the new one", |bench| {
        bench.driver.router().querier() == Querier::Own(second)
            && bench.driver.router().stats().sent.total() > sent
    });
    // A further one changes nothing while the present one can be used.
    lab::add_link_local(ROUTER, address("fe80::2")).expect("an address");
    bench.run_for(Duration::from_millis(300));
    assert_eq!(bench.driver.router().link_local(), Some(second));
    assert_eq!(bench.driver.counters().send_failed, 0);
}

fn down_and_up() {
    let host = cable();
    let mut bench = Bench::begun(quick());
    let listener = host.listener(HOST).expect("a listener");
    let wanted = group("ff05::1");
    listener.join(wanted).expect("joined");
    bench.until_view(wanted, EXCLUDE_NONE);

    lab::set_down(ROUTER).expect("down");
    bench.until("it is down", |bench| bench.driver.status() == Status::Down);
    assert!(bench.saw(&Seen::Membership(wanted, None)), "{:?}", bench.seen);
    assert!(!bench.saw(&Seen::Removed) && !bench.saw(&Seen::Timeout(wanted)));
    assert_eq!(bench.driver.router().state(wanted), GroupState::NoListeners);
    let sent = bench.driver.router().stats().sent.general;
    bench.run_for(Duration::from_millis(1500));
    assert_eq!(bench.driver.router().stats().sent.general, sent);
    assert!(bench.turns() < 10, "an interface that is down keeps nobody busy");

    lab::set_up(ROUTER).expect("up");
    bench.until("it queries again", |bench| bench.driver.router().stats().sent.general > sent);
    // The host answers the first Query.
    bench.until_view(wanted, EXCLUDE_NONE);

    // Down and up again before anybody looks.
    let told = bench.seen.len();
    lab::set_down(ROUTER).expect("down");
    lab::set_up(ROUTER).expect("up");
    bench
        .until("it has been forgotten", |bench| bench.seen[told..].contains(&Seen::Membership(wanted, None)));
    bench.until_view(wanted, EXCLUDE_NONE);
}

fn down_at_first() {
    let host = Host::new("host").expect("a host");
    lab::veth(ROUTER, HOST, Some(&host)).expect("a cable");
    host.run(|| switch_on(HOST));
    let mut bench = Bench::open(quick());
    bench.run_for(Duration::from_millis(100));
    assert_eq!(bench.driver.status(), Status::Down);

    switch_on(ROUTER);
    bench.until("it queries", |bench| bench.driver.router().stats().sent.general > 0);
    assert!(bench.is_up());
}

fn vanishes() {
    let host = cable();
    let mut bench = Bench::begun(quick());
    let listener = host.listener(HOST).expect("a listener");
    let wanted = group("ff05::1");
    listener.join(wanted).expect("joined");
    bench.until_view(wanted, EXCLUDE_NONE);

    lab::delete(ROUTER).expect("deleted");
    bench.until("it is removed", |bench| bench.driver.status() == Status::Removed);
    assert!(bench.saw(&Seen::Membership(wanted, None)));
    assert_eq!(bench.seen.last(), Some(&Seen::Removed));
    assert_eq!(bench.driver.timeout(), None);
    let told = bench.seen.len();
    bench.run_for(Duration::from_millis(100));
    assert_eq!(bench.seen.len(), told, "nothing follows");
    assert!(bench.turns() < 10, "what is removed keeps nobody busy");
}

fn enslaved_later() {
    let _host = cable();
    let mut bench = Bench::begun(quick());
    lab::bridge("br0", true).expect("a bridge");
    lab::set_master(ROUTER, "br0").expect("a port");
    bench.until("it is told", |bench| {
        bench.seen.iter().any(|seen| matches!(seen, Seen::Other(text) if text.contains("port of br0")))
    });
    // What it can do there is the same as before: say so, and go on.
    assert!(bench.is_up());
}

fn follows_mtu() {
    let _host = cable();
    let mut bench = Bench::begun(quick());
    assert_eq!(bench.driver.router().config().mtu(), 1500);
    lab::set_mtu(ROUTER, 1400).expect("an MTU");
    bench.until("it is followed", |bench| bench.driver.router().config().mtu() == 1400);
    assert!(!bench.saw(&Seen::Removed));

    // A configured one holds as long as the device can.
    bench.reconfigure(&Options::new(quick()).with_mtu(1300));
    assert_eq!(bench.driver.router().config().mtu(), 1300);
    bench.reconfigure(&Options::new(quick()).with_mtu(9000));
    assert_eq!(bench.driver.router().config().mtu(), 1400);
}

fn refused() {
    let open = |name: &str| Driver::open(name, &Options::default()).expect_err("refused");
    let error = open("no-such-0");
    assert!(matches!(&error, Error::NoSuchInterface { interface } if interface == "no-such-0"), "{error}");
    let error = open("a-name-that-is-too-long-for-an-interface");
    assert!(matches!(error, Error::NoSuchInterface { .. }), "{error}");
    let error = open("");
    assert!(matches!(error, Error::NoSuchInterface { .. }), "{error}");
    let error = open("lo");
    assert!(matches!(error, Error::NoMulticast { .. }), "{error}");

    lab::bridge("br0", true).expect("a bridge");
    lab::veth("port0", "port1", None).expect("a cable");
    lab::set_master("port0", "br0").expect("a port");
    let error = open("port0");
    assert!(matches!(&error, Error::Enslaved { master, .. } if master == "br0"), "{error}");
    assert_eq!(error.to_string(), "port0: nothing can be received on a port of br0: use br0 instead");
    Driver::open("br0", &Options::default()).expect("a bridge is managed itself");
}

fn unprivileged() {
    lab::veth(ROUTER, "other0", None).expect("a cable");
    rustix::thread::set_capabilities(None, no_capabilities()).expect("fewer capabilities");
    let error = Driver::open(ROUTER, &Options::default()).expect_err("refused");
    assert!(error.is_permission(), "{error}");
    let line = error.to_string();
    assert!(
        line.starts_with("router0: CAP_NET_RAW is missing: ") && line.contains("setcap cap_net_raw+ep"),
        "{line}"
    );
    assert!(!line.contains('\n'));
}

fn no_capabilities() -> rustix::thread::CapabilitySets {
    let none = rustix::thread::CapabilitySet::empty();
    rustix::thread::CapabilitySets { effective: none, permitted: none, inheritable: none }
}

fn silent() -> Config {
    quick().to_builder().querier(QuerierMode::Never).build().expect("valid settings")
}

fn passive() {
    let host = Host::new("host").expect("a host");
    lab::veth(ROUTER, HOST, Some(&host)).expect("a cable");
    lab::write_sysctl(&format!("net/ipv6/conf/{ROUTER}/disable_ipv6"), "1").expect("no IPv6");
    lab::set_up(ROUTER).expect("up");
    host.run(|| {
        switch_on(HOST);
        usable(HOST);
    });
    let mut bench = Bench::open(silent());
    let listener = host.listener(HOST).expect("a listener");
    let wanted = group("ff05::1");
    listener.join(wanted).expect("joined");
    bench.until_view(wanted, EXCLUDE_NONE);
    listener.leave(wanted).expect("left");
    bench.run_for(Duration::from_secs(2));

    assert_eq!(bench.driver.router().stats().sent.total(), 0);
    assert_eq!(transmitted(ROUTER), 0, "not one frame left the interface");
    assert_eq!(bench.driver.status(), Status::Up { address: None });
    assert!(!bench.seen.iter().any(|seen| matches!(seen, Seen::Other(_))), "{:?}", bench.seen);
}

/// Frames that an interface sent, from the kernel's own count.
fn transmitted(interface: &str) -> u64 {
    let table = fs::read_to_string("/proc/thread-self/net/dev").expect("a table");
    let line = table.lines().find_map(|line| line.trim().strip_prefix(&format!("{interface}:")));
    let field = line.and_then(|line| line.split_whitespace().nth(9)).expect("a counter");
    field.parse().expect("a number")
}

fn lines_of(file: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/thread-self/net/{file}")).expect("a table");
    text.lines().map(str::to_owned).collect()
}

fn joined(interface: &str, wanted: &str) -> bool {
    lines_of("igmp6").iter().any(|line| line.contains(interface) && line.contains(wanted))
}

fn passive_sockets() {
    const ALL_MLDV2_ROUTERS: &str = "ff020000000000000000000000000016";
    let _host = cable();
    let mut passive = Bench::open(silent());
    passive.run_for(Duration::from_millis(200));
    assert_eq!(lines_of("raw6").len(), 1, "the heading alone");
    assert!(!joined(ROUTER, ALL_MLDV2_ROUTERS));
    passive.reconfigure(&Options::new(quick()));
    passive.until("it queries", |bench| bench.driver.router().stats().sent.general > 0);
    assert_eq!(lines_of("raw6").len(), 2);
    passive.run_for(Duration::from_millis(100));

    passive.reconfigure(&Options::new(silent()));
    assert_eq!(lines_of("raw6").len(), 1);
    assert!(!joined(ROUTER, ALL_MLDV2_ROUTERS));
    drop(passive);
    let active = Bench::begun(quick());
    assert!(joined(ROUTER, ALL_MLDV2_ROUTERS));
    drop(active);
    assert!(!joined(ROUTER, ALL_MLDV2_ROUTERS));
}

fn queries() {
    let host = cable();
    let mut router = Bench::begun(quick());
    let own = usable(ROUTER);
    let listener = host.listener(HOST).expect("a listener");
    // A router at the host's end checks what it hears: hop limit, Router Alert, source, checksum, length.
    let mut other = host.run(|| {
        let mut other = Bench::of(Driver::open(HOST, &Options::new(silent())).expect("a driver"));
        other.ready();
        other
    });
    let wanted = group("ff05::1");
    listener.join_source(wanted, address("2001:db8::1")).expect("joined");
    router.until("the source is known", |router| view(router.driver.router(), wanted).is_some());
    listener.leave_source(wanted, address("2001:db8::1")).expect("left");
    router.until_view(wanted, None);
    listener.join(wanted).expect("joined");
    router.until_view(wanted, EXCLUDE_NONE);
    listener.leave(wanted).expect("left");
    router.until_view(wanted, None);

    let sent = router.driver.router().stats().sent;
    assert!(sent.general > 0 && sent.group >= 2 && sent.group_and_source >= 2, "{sent:?}");
    other.run_for(Duration::from_millis(200));
    let stats = other.driver.router().stats();
    assert!(stats.received.query >= sent.group + sent.group_and_source, "{stats:?}");
    let wrong: Vec<_> =
        mld_proto::Discard::ALL.into_iter().filter(|reason| stats.discarded(*reason) > 0).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(other.driver.router().querier(), Querier::Other(own));
}

fn own_host() {
    let host = cable();
    let mut other = host.run(|| Bench::of(Driver::open(HOST, &Options::new(silent())).expect("a driver")));
    other.ready();
    // A program on the router's own machine joins a group.
    let listener = lab::Listener::open(ROUTER).expect("a listener");
    let wanted = group("ff05::1");
    listener.join(wanted).expect("joined");
    let own = usable(ROUTER);
    let mut router = Bench::begun(quick());
    let reports = |bench: &Bench| {
        let of = |seen: &&Seen| matches!(seen, Seen::Report(known, reporter, _) if *known == wanted && *reporter == own);
        bench.seen.iter().filter(of).count()
    };
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        router.run_for(Duration::from_millis(20));
        other.run_for(Duration::from_millis(20));
    }
    // Two for the join, then one for each Query that the kernel heard from its own machine.
    assert!(reports(&other) >= 4, "{} reports", reports(&other));
    assert_eq!(view(router.driver.router(), wanted), None, "what the kernel does not show is not listed");
}

fn filtering() {
    let host = cable();
    let nested = Host::new("nested").expect("a host");
    lab::macvlan("mv0", ROUTER, &nested).expect("an interface that filters");
    nested.run(|| {
        switch_on("mv0");
        usable("mv0");
    });
    let config = quick();
    let listener = host.listener(HOST).expect("a listener");
    host.sysctl(&format!("net/ipv6/conf/{HOST}/force_mld_version"), "1").expect("a version");
    // Nobody on the machine joined the group that the Report is for.
    let known = nested.run(move || {
        let mut bench = Bench::of(Driver::open("mv0", &Options::new(config)).expect("a driver"));
        bench.ready();
        listener.join(group("ff05::1234")).expect("joined");
        bench.until_view(group("ff05::1234"), EXCLUDE_NONE);
        view(bench.driver.router(), group("ff05::1234"))
    });
    assert_eq!(known, EXCLUDE_NONE);
}

fn late() {
    let host = cable();
    let mut bench = Bench::begun(quick());
    let listener = host.listener(HOST).expect("a listener");
    let wanted = group("ff05::1");
    listener.join(wanted).expect("joined");
    bench.until_view(wanted, EXCLUDE_NONE);
    // The kernel repeats its Report within a second.
    bench.run_for(Duration::from_millis(1200));
    // The cable is cut: nobody will answer.
    host.run(|| lab::set_down(HOST)).expect("down");
    bench.run_for(Duration::from_millis(50));
    let last = bench.driver.router().group(wanted).map(|state| state.expires()).expect("it is known");

    let told = bench.seen.len();
    std::thread::sleep(last.saturating_since(bench.driver.now()) + Duration::from_secs(1));
    bench.until_view(wanted, None);
    let at = bench.seen[told..].iter().position(|seen| *seen == Seen::Timeout(wanted)).expect("a timeout");
    assert_eq!(bench.times[told + at], last);
    let at =
        bench.seen[told..].iter().position(|seen| *seen == Seen::Membership(wanted, None)).expect("its end");
    assert_eq!(bench.times[told + at], last);
    assert!(bench.times[told..].is_sorted(), "{:?}", bench.times);
}

fn waited() {
    for receive in [Receive::Ring, Receive::Plain] {
        let host = cable();
        let mut bench = Bench::with(&Options::new(quick()).with_receive(receive));
        bench.until("it queries", |bench| bench.driver.router().stats().sent.general > 0);
        let listener = host.listener(HOST).expect("a listener");
        let wanted = group("ff05::1");
        let before = bench.driver.now();
        listener.join(wanted).expect("joined");
        // The first Report comes at once; then nobody looks for a while.
        std::thread::sleep(Duration::from_millis(700));
        let after = bench.driver.now();
        bench.until_view(wanted, EXCLUDE_NONE);
        let told =
            bench.seen.iter().position(|seen| matches!(seen, Seen::Report(known, ..) if *known == wanted));
        let at = bench.times[told.expect("a report")];
        assert!(
            at >= before && at.saturating_since(before) < Duration::from_millis(400),
            "{before:?} {at:?}"
        );
        assert!(after > at);
        drop(bench);
        lab::delete(ROUTER).expect("deleted");
    }
}

fn reconfigured() {
    let host = cable();
    let mut bench = Bench::begun(quick());
    let listener = host.listener(HOST).expect("a listener");
    let (one, two) = (group("ff05::1"), group("ff05::2"));
    for wanted in [one, two] {
        listener.join(wanted).expect("joined");
        bench.until_view(wanted, EXCLUDE_NONE);
    }
    let told = bench.seen.len();
    let slower = quick().to_builder().query_interval(Duration::from_secs(3)).build().expect("valid settings");
    bench.reconfigure(&Options::new(slower));
    assert_eq!(bench.driver.router().query_interval(), Duration::from_secs(3));
    assert_eq!(bench.seen.len(), told, "nothing changed for the groups");

    let limited = slower.to_builder().max_groups(500).build().expect("valid settings");
    bench.reconfigure(&Options::new(limited));
    let ends: Vec<_> =
        bench.seen[told..].iter().filter(|seen| matches!(seen, Seen::Membership(_, None))).collect();
    assert!(ends.contains(&&Seen::Membership(one, None)) && ends.contains(&&Seen::Membership(two, None)));
    assert!(!bench.saw(&Seen::Removed) && !bench.saw(&Seen::Timeout(one)));
    assert_eq!(bench.driver.router().config().max_groups(), 500);
    // It starts with a Query, and the host answers.
    for wanted in [one, two] {
        bench.until_view(wanted, EXCLUDE_NONE);
    }

    let older = limited.to_builder().version(mld_proto::Version::V1).build().expect("valid settings");
    let told = bench.seen.len();
    bench.reconfigure(&Options::new(older));
    assert!(bench.seen[told..].contains(&Seen::Membership(one, None)));
    bench.until_view(one, EXCLUDE_NONE);
    assert!(!bench.saw(&Seen::Removed));
}

fn removed() {
    let host = cable();
    let mut bench = Bench::begun(quick());
    let listener = host.listener(HOST).expect("a listener");
    let groups = [group("ff05::3"), group("ff05::1"), group("ff05::2")];
    for wanted in groups {
        listener.join(wanted).expect("joined");
        bench.until_view(wanted, EXCLUDE_NONE);
    }
    let told = bench.seen.len();
    bench.remove();
    let ends: Vec<_> = bench.seen[told..]
        .iter()
        .filter_map(|seen| match seen {
            Seen::Membership(known, None) => Some(*known),
            _ => None,
        })
        .collect();
    assert!(ends.is_sorted() && groups.iter().all(|wanted| ends.contains(wanted)), "{ends:?}");
    assert_eq!(bench.seen.iter().filter(|seen| **seen == Seen::Removed).count(), 1);
    assert_eq!(bench.seen.last(), Some(&Seen::Removed));
    assert_eq!(bench.driver.status(), Status::Removed);
    bench.remove();
    bench.ready();
    assert_eq!(bench.seen.last(), Some(&Seen::Removed));
    assert_eq!(bench.seen.iter().filter(|seen| **seen == Seen::Removed).count(), 1);
}

fn run_and_stop() {
    let _host = cable();
    let mut driver = Driver::open(ROUTER, &Options::new(quick())).expect("a driver");
    let stop = Stop::new().expect("a handle");
    let stopper = stop.clone();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        stopper.stop();
        Instant::now()
    });
    let mut removed = 0;
    driver.run(&stop, &mut |told| removed += u32::from(matches!(told.what, What::Removed))).expect("it runs");
    let asked = thread.join().expect("it does not panic");
    assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    assert_eq!(removed, 1);
    assert!(driver.router().stats().sent.general > 0);
}

fn send_failure() {
    let _host = cable();
    let mut bench = Bench::begun(quick());
    let sent = bench.driver.router().stats().sent.general;
    // Without a route for multicast the kernel refuses to send (ENETUNREACH).
    lab::cut_multicast(ROUTER).expect("no route");
    bench.until("it is counted", |bench| bench.driver.counters().send_failed >= 2);
    let told = bench
        .seen
        .iter()
        .filter(|seen| matches!(seen, Seen::Other(text) if text.contains("could not be sent")));
    assert_eq!(told.count(), 1);
    assert!(bench.driver.router().stats().sent.general > sent, "the engine goes on");
    assert!(bench.is_up());
}

fn no_room() {
    let host = cable();
    let config = quick().to_builder().last_listener_query_interval(Duration::from_secs(2)).build();
    let mut bench = Bench::begun(config.expect("valid settings"));
    let groups: Vec<_> = (1..=3000).map(|number| group(&format!("ff05::1:{number:x}"))).collect();
    let injector = host.run(|| lab::Injector::open(HOST)).expect("an injector");
    let send = |leave: bool| {
        for wanted in &groups {
            let mut buffer = [0; 128];
            let writer = if leave {
                Writer::done(&mut buffer, *wanted)
            } else {
                Writer::report_v1(&mut buffer, *wanted)
            };
            let len = writer.expect("room").finish(address("fe80::77")).len;
            injector.packet(&buffer[..len]).expect("sent");
        }
    };
    send(false);
    bench.until("all are known", |bench| {
        groups.iter().all(|wanted| view(bench.driver.router(), *wanted).is_some())
    });

    if let Err(error) = lab::limit_rate(ROUTER, 10) {
        println!("    SKIPPED: {error}");
        assert!(!std::env::var("CI").is_ok_and(|value| value == "true"), "CI must be able to");
        return;
    }
    // Three thousand Queries do not fit into the buffer of one socket.
    send(true);
    bench.run_for(Duration::from_millis(300));
    let waiting = bench.driver.router().stats().sent.group;
    assert!((50..2900).contains(&waiting), "{waiting} Queries found room");
    let turns = bench.turns();
    assert!(turns < 100, "{turns} turns in half a second");
    assert_eq!(bench.driver.counters().send_failed, 0);

    // What is in the queue is dropped with it, and there is room again.
    lab::unlimit_rate(ROUTER).expect("no limit");
    bench.until("the others are sent", |bench| bench.driver.router().stats().sent.group >= 3000);
    assert!(bench.driver.counters().sent_late >= 1);
    assert_eq!(bench.driver.counters().send_failed, 0);
}
