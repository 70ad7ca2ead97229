//! Scenarios that cannot be, or in which an expectation could come out one way only, are refused before they run.

use core::cell::RefCell;
use core::net::Ipv6Addr;
use std::collections::BTreeSet;
use std::rc::Rc;

use mld_proto::Instant;
use mld_sim::judge::Judges;
use mld_sim::scenario::Scenario;
use mld_sim::world::{Happening, Observer, Scene, Violation};

/// A router and two hosts on one link.
const LAN: &str = r#"duration = 400
router = [{ name = "r1", address = "fe80::1" }, { name = "r2", address = "fe80::2" }]
host = [{ name = "h1", address = "fe80::a" }, { name = "h2", address = "fe80::b", start = 50 }]
"#;

/// What is wrong with a scenario that goes on like this, without the line and the column.
fn refusal(rest: &str) -> Option<String> {
    let text = format!("{LAN}{rest}");
    let error = Scenario::parse(&text).err()?;
    let [_, line, column, reason] = error.splitn(4, ':').collect::<Vec<_>>()[..] else { panic!("{error}") };
    assert!(line.parse::<u32>().is_ok() && column.parse::<u32>().is_ok() && !error.contains('\n'), "{error}");
    Some(reason.trim_start().into())
}

fn refused(rest: &str, reason: &str) {
    assert_eq!(refusal(rest).as_deref(), Some(reason), "{rest}");
}

fn accepted(rest: &str) {
    assert_eq!(refusal(rest), None, "{rest}");
}

/// A step at a moment.
fn step(at: &str, action: &str) -> String {
    format!("[[step]]\nat = {at}\n{action}\n")
}

/// An expectation at 200 s.
fn expect(claim: &str) -> String {
    format!("[[expect]]\nat = 200\n{claim}\n")
}

/// Somebody at this address.
fn misbehaviour(address: &str, rest: &str) -> String {
    format!("[[misbehaviour]]\nname = \"m\"\nkind = \"babbler\"\naddress = \"{address}\"\n{rest}\n")
}

#[test]
fn no_fault_begins_when_the_faults_have_ended() {
    let faults_off =
        |rest: &str| format!("faults-off = 100\n{rest}{}", misbehaviour("fe80::66", "start = 100\n"));
    for (action, key) in [
        (r#"partition = { apart = ["h1"] }"#, "partition"),
        ("faults = { now = { loss = 0.5 } }", "faults"),
        (r#"clock = { router = "r1", clock = { late = 1 } }"#, "clock"),
        (r#"jump = { router = "r1", by = 1 }"#, "jump"),
        (r#"crash = { node = "m" }"#, "crash.node"),
        (r#"address = { node = "m", address = "fe80::67" }"#, "address.node"),
    ] {
        refused(
            &faults_off(&step("100.001", action)),
            &format!("step 1: {key}: comes after the faults ended at 100 s"),
        );
        accepted(&faults_off(&step("100", action)));
        accepted(&format!("{}{}", step("100.001", action), misbehaviour("fe80::66", "")));
    }
    let late = misbehaviour("fe80::66", "start = 100.001\n");
    refused(
        &format!("faults-off = 100\n{late}"),
        "misbehaviour 1: start: is after the faults ended at 100 s",
    );
    let host = "[[host]]\nname = \"late\"\naddress = \"fe80::c\"\nstart = 101\n";
    let text = format!(
        "duration = 400\nfaults-off = 100\n{host}behaviours = [{{ silent-leave = {{ after = 1 }} }}]\n"
    );
    let error = Scenario::parse(&text).expect_err("it goes down when the faults end");
    assert!(error.ends_with("host 1: behaviours: begin after the faults ended at 100 s"), "{error}");
    Scenario::parse(&format!("duration = 400\nfaults-off = 100\n{host}")).expect("it only comes up");
}

/// Everything else may be done until the end of the scenario: the judges wait for what comes of it.
#[test]
fn what_is_no_fault_is_settled_also_after_the_faults_ended() {
    let actions = [
        r#"listen = { host = "h1", group = "ff05::1" }"#,
        r#"leave = { host = "h2", group = "ff05::2" }"#,
        r#"up = { host = "h1", address = "fe80::1a" }"#,
        r#"up = { host = "h1", tentative = true }"#,
        r#"crash = { node = "h2" }"#,
        r#"crash = { node = "r1" }"#,
        r#"stop = { router = "r1" }"#,
        r#"restart = { router = "r1" }"#,
        r#"address = { node = "r1", address = "fe80::3" }"#,
        r#"address = { node = "r1" }"#,
        r#"address = { node = "h2", address = "fe80::1b" }"#,
        "heal = {}",
        "faults-off = {}",
    ];
    for action in actions {
        let join = step("60", r#"listen = { host = "h2", group = "ff05::2" }"#);
        let text = format!("{LAN}faults-off = 100\n{join}{}", step("400", action));
        let scenario = Scenario::parse(&text).unwrap_or_else(|error| panic!("{action}{error}"));
        let mut staged = scenario.stage().expect("what was read can be staged");
        let judges = Judges::watch(&mut staged.world);
        let result = staged.run().and_then(|()| judges.finish(&staged.world));
        assert_eq!(result, Ok(()), "{action}");
    }
}

#[test]
fn addresses_are_those_of_interfaces() {
    for address in ["2001:db8::1", "ff02::1", "::", "::1", "fe80::", "fe80:0:0:1::1", "fec0::1"] {
        let must = format!("must be the link-local address of an interface, in fe80::/64, not {address}");
        for table in ["router", "host"] {
            let text = format!("duration = 1\n[[{table}]]\nname = \"x\"\naddress = \"{address}\"\n");
            let error = Scenario::parse(&text).expect_err("it is refused");
            assert_eq!(error, format!(":4:11: {table} 1: address: {must}"));
        }
        refused(&misbehaviour(address, ""), &format!("misbehaviour 1: address: {must}"));
        for (node, key) in [("r1", "address"), ("h1", "address"), ("h1", "up")] {
            let name = if key == "up" { "host" } else { "node" };
            let action = format!(r#"{key} = {{ {name} = "{node}", address = "{address}" }}"#);
            refused(&step("1", &action), &format!("step 1: {key}.address: {must}"));
        }
    }
    accepted(&misbehaviour("fe80::ffff:ffff:ffff:ffff", ""));
}

#[test]
fn an_address_belongs_to_one_node_of_a_link() {
    let host = |address: &str, count: u32| {
        format!("[[host]]\nname = \"x\"\naddress = \"{address}\"\ncount = {count}\n")
    };
    let two = "duration = 1\n[[router]]\nname = \"r\"\naddress = \"fe80::a\"\n";
    let taken = "host 1: address: fe80::a is the address of r";
    let refused_host = |host: String| {
        let error = Scenario::parse(&format!("{two}{host}")).expect_err("it is refused");
        assert!(error.ends_with(taken), "{error}");
    };
    refused_host(host("fe80::a", 1));
    refused_host(host("fe80::9", 2));
    Scenario::parse(&format!("{two}{}", host("fe80::8", 2))).expect("they end before it");
    Scenario::parse(&format!("{two}{}", host("fe80::b", 2))).expect("they begin behind it");
    refused(&misbehaviour("fe80::1", ""), "misbehaviour 1: address: fe80::1 is the address of r1");
    // On another link it is another address.
    let links = "link = [{ name = \"a\" }, { name = \"b\" }]\n";
    let on =
        |link: &str| format!("[[router]]\nname = \"{link}\"\nlink = \"{link}\"\naddress = \"fe80::1\"\n");
    Scenario::parse(&format!("duration = 1\n{links}{}{}", on("a"), on("b"))).expect("two links");
    // Whoever has left an address leaves it to others.
    let moves = |at: &str, node: &str, address: &str| {
        step(at, &format!(r#"address = {{ node = "{node}", address = "{address}" }}"#))
    };
    let taken = "step 1: address.address: fe80::1 is the address of r1";
    refused(&moves("10", "r2", "fe80::1"), taken);
    refused(&format!("{}{}", moves("10", "r2", "fe80::1"), moves("11", "r1", "fe80::3")), taken);
    accepted(&format!("{}{}", moves("11", "r2", "fe80::1"), moves("10", "r1", "fe80::3")));
    accepted(&format!("{}{}", moves("10", "r1", "fe80::3"), moves("10", "r2", "fe80::1")));
    accepted(&moves("10", "r1", "fe80::1"));
    let up = step("60", r#"up = { host = "h2", address = "fe80::a" }"#);
    refused(&up, "step 1: up.address: fe80::a is the address of h1");
    // It is still its address when it is down.
    let crash = step("5", r#"crash = { node = "r1" }"#);
    let late = taken.replace("step 1", "step 2");
    refused(&format!("{crash}{}", moves("10", "r2", "fe80::1")), &late);
}

#[test]
fn a_point_to_point_link_has_two_ends() {
    let link = "duration = 1\nlink = [{ name = \"l\", medium = \"point-to-point\" }]\n";
    let node = |table: &str, name: &str, last: u32, rest: &str| {
        format!("[[{table}]]\nname = \"{name}\"\naddress = \"fe80::{last}\"\n{rest}\n")
    };
    let both = format!("{link}{}{}", node("router", "r1", 1, ""), node("host", "h1", 2, ""));
    Scenario::parse(&both).expect("two ends");
    for third in [
        node("router", "x", 3, ""),
        node("host", "x", 3, ""),
        node("misbehaviour", "x", 3, "kind = \"switch\""),
    ] {
        let error = Scenario::parse(&format!("{both}{third}")).expect_err("a third");
        assert!(error.ends_with(": link: l is a point-to-point link and has two ends"), "{error}");
    }
    let many = format!("{link}{}", node("host", "h", 3, "count = 3"));
    assert!(Scenario::parse(&many).expect_err("three").contains("host 1: link: l is a point-to-point link"));
}

#[test]
fn a_partition_parts_nodes_of_its_link() {
    let links = "duration = 10\nlink = [{ name = \"a\" }, { name = \"b\" }]\n";
    let router = "router = [{ name = \"r\", link = \"a\", address = \"fe80::1\" }]\n";
    let part = |link: &str| step("1", &format!(r#"partition = {{ link = "{link}", apart = ["r"] }}"#));
    let error =
        Scenario::parse(&format!("{links}{router}{}", part("b"))).expect_err("it is on the other link");
    assert_eq!(error, ":6:35: step 1: partition.apart: r is not on b");
    Scenario::parse(&format!("{links}{router}{}", part("a"))).expect("it is there");
}

#[test]
fn nobody_listens_on_a_host_that_is_down() {
    let listen =
        |at: &str, host: &str| step(at, &format!(r#"listen = {{ host = "{host}", group = "ff05::1" }}"#));
    let leave =
        |at: &str, host: &str| step(at, &format!(r#"leave = {{ host = "{host}", group = "ff05::1" }}"#));
    let crash = |at: &str| step(at, r#"crash = { node = "h1" }"#);
    let up = |at: &str| step(at, r#"up = { host = "h1" }"#);
    // Not up yet.
    refused(&listen("49.999", "h2"), "step 1: listen.host: h2 is down at 49.999 s");
    refused(&leave("49.999", "h2"), "step 1: leave.host: h2 is down at 49.999 s");
    let address = step("49", r#"address = { node = "h2", address = "fe80::c" }"#);
    refused(&address, "step 1: address.node: h2 is down at 49 s");
    accepted(&listen("50", "h2"));
    // Not up any more, and up again; what is written first need not be first.
    let down = |number: u32| format!("step {number}: listen.host: h1 is down at 6 s");
    refused(&format!("{}{}", crash("2"), listen("6", "h1")), &down(2));
    refused(&format!("{}{}", listen("6", "h1"), crash("2")), &down(1));
    refused(&format!("{}{}", crash("6"), listen("6", "h1")), &down(2));
    accepted(&format!("{}{}", listen("6", "h1"), crash("6")));
    accepted(&format!("{}{}{}", crash("2"), up("5"), listen("6", "h1")));
    refused(&format!("{}{}{}", crash("2"), up("6.001"), listen("6", "h1")), &down(3));
}

#[test]
fn a_host_that_goes_and_comes_by_itself_may_be_up() {
    let host = |behaviour: &str, rest: &str| {
        let host = "[[host]]\nname = \"x\"\naddress = \"fe80::c\"\nstart = 5\n";
        let text = format!("duration = 100\n{host}behaviours = [{behaviour}]\n{rest}");
        Scenario::parse(&text).err()
    };
    let listen = |at: &str| step(at, r#"listen = { host = "x", group = "ff05::1" }"#);
    let crash = step("7", r#"crash = { node = "x" }"#);
    let leaves = "{ silent-leave = { after = 1 } }";
    let reboots = r#"{ reboot = { groups = ["ff05::1"], up = 1, down = 1 } }"#;
    for behaviour in [leaves, reboots] {
        assert_eq!(host(behaviour, &listen("50")), None, "{behaviour}");
        assert!(host(behaviour, &listen("4")).is_some(), "{behaviour}");
    }
    assert_eq!(host(reboots, &format!("{crash}{}", listen("50"))), None);
    assert!(host(leaves, &format!("{crash}{}", listen("50"))).is_some());
}

#[test]
fn off_and_a_start_exclude_each_other() {
    let router =
        |rest: &str| Scenario::parse(&format!("duration = 10\n[[router]]\nname = \"r\"\n{rest}\n")).err();
    let both = router("off = true\nstart = 5");
    assert_eq!(both.as_deref(), Some(":5:9: router 1: start: does not go together with `off`"));
    assert_eq!((router("off = true"), router("start = 5")), (None, None));
}

#[test]
fn expectations_that_come_out_one_way_only_are_refused() {
    let wrong = [
        (r#"queries = { group = "fe80::1", count = 0 }"#, "queries.group: fe80::1 is no multicast address"),
        (r#"queries = { group = "::", count = 0 }"#, "queries.group: :: is no multicast address"),
        (
            r#"queries = { kind = "general", group = "ff05::1", count = 0 }"#,
            "queries.group: a General Query names no group",
        ),
        (r#"queries = { from = "h1", count = 0 }"#, "queries.from: h1 never sends Queries"),
        (r#"reports = { from = "r1", count = 0 }"#, "reports.from: r1 never sends Reports"),
        (r#"reports = { group = "fe80::1", count = 0 }"#, "reports.group: fe80::1 is no multicast address"),
        (
            r#"events = { event = "timeout", has-members = true, count = 0 }"#,
            "events.has-members: only membership events have it",
        ),
        (
            r#"events = { event = "membership", limit = "max-groups", count = 0 }"#,
            "events.limit: only limit events have it",
        ),
        (
            r#"events = { has-members = true, limit = "max-groups", count = 0 }"#,
            "events.limit: no event has it together with has-members",
        ),
        (
            r#"events = { event = "querier", group = "ff05::1", count = 0 }"#,
            "events.group: querier events have none",
        ),
        (r#"events = { group = "fe80::1", count = 0 }"#, "events.group: fe80::1 is no multicast address"),
        (
            r#"events = { group = "ff02::1", count = 0 }"#,
            "events.group: no router keeps groups of scope 0 or 1, nor ff02::1",
        ),
        (
            r#"knows-not = { router = "r1", group = "ff01::5" }"#,
            "knows-not.group: no router keeps groups of scope 0 or 1, nor ff02::1",
        ),
        (
            r#"knows = { router = "r1", group = "ff02::1" }"#,
            "knows.group: no router keeps groups of scope 0 or 1, nor ff02::1",
        ),
        (
            r#"forwards-not = { router = "r1", group = "ff05::1", source = "ff05::2" }"#,
            "forwards-not.source: ff05::2 cannot be a source",
        ),
        (
            r#"forwards-not = { router = "r1", group = "ff02::1", source = "2001:db8::1" }"#,
            "forwards-not.group: no router keeps groups of scope 0 or 1, nor ff02::1",
        ),
        (
            r#"forwards = { router = "r1", group = "ff05::1", source = "2001:db8::1", since = 201 }"#,
            "forwards.since: must not be after `at`",
        ),
        (r#"refused-calls = { host = "r1", count = 0 }"#, "refused-calls.host: r1 is no host"),
        (
            r#"refused-calls = { why = "no", count = 0 }"#,
            "refused-calls.why: must be one of down, stack, not \"no\"",
        ),
        (
            r#"refused-calls = { group = "::1", count = 0 }"#,
            "refused-calls.group: ::1 is no multicast address",
        ),
        ("losses = { at-least = 0 }", "losses: at-least must be 1 or more, there are never fewer than 0"),
        ("losses = { at-least = 3, at-most = 2 }", "losses: at-least must not be more than at-most"),
        (
            "losses = { count = 3, at-most = 4 }",
            "losses: count, times, and at-least with at-most exclude each other",
        ),
        (
            "losses = { count = 1, times = [4] }",
            "losses: count, times, and at-least with at-most exclude each other",
        ),
        ("losses = { times = [4, 201] }", "losses: times must be from `since` to `at`"),
        ("losses = { since = 5, times = [4] }", "losses: times must be from `since` to `at`"),
    ];
    for (claim, reason) in wrong {
        refused(&expect(claim), &format!("expect 1: {reason}"));
    }
    for claim in [
        r#"queries = { kind = "group", group = "ff05::1", from = "r1", count = 0 }"#,
        r#"queries = { from = "m", count = 0 }"#,
        r#"reports = { from = "m", count = 0 }"#,
        r#"reports = { from = "h1", group = "ff02::1", count = 0 }"#,
        r#"events = { has-members = true, count = 0 }"#,
        r#"events = { event = "timeout", group = "ff05::1", count = 0 }"#,
        r#"events = { event = "limit", limit = "max-groups", group = "ff05::1", count = 0 }"#,
        "losses = { at-least = 1, at-most = 1 }",
        "losses = { since = 5, times = [5, 200] }",
    ] {
        accepted(&format!("{}{}", expect(claim), misbehaviour("fe80::66", "")));
    }
}

/// Whose address Reports carry.
#[derive(Default)]
struct Sources(BTreeSet<Ipv6Addr>);

impl Observer for Sources {
    fn observe(&mut self, scene: &Scene<'_>, _: Instant, happening: &Happening<'_>) -> Result<(), Violation> {
        if let Happening::Sent { frame } = happening
            && scene.name(frame.from) == "m"
        {
            let octets: [u8; 16] = frame.packet[8..24].try_into().expect("an IPv6 header");
            self.0.insert(octets.into());
        }
        Ok(())
    }
}

#[test]
fn a_forger_knows_the_nodes_of_its_link_however_the_link_is_named() {
    let forged = |links: &str, own: &str, others: &str, name: &str| {
        let link = |name: &str| if name.is_empty() { String::new() } else { format!("link = \"{name}\"\n") };
        let text = format!(
            "duration = 60\n{links}\n[[router]]\nname = \"r\"\naddress = \"fe80::7\"\n{others}[[host]]\nname = \"h\"\naddress = \"fe80::a\"\ncount = 3\n{others}[[misbehaviour]]\nname = \"m\"\naddress = \"fe80::66\"\nkind = \"forger\"\nforgeries = [{{ message = \"report\", name = \"{name}\" }}]\n{own}",
            own = link(own),
            others = link(others),
        );
        let mut staged = Scenario::parse(&text)
            .unwrap_or_else(|error| panic!("{text}{error}"))
            .stage()
            .expect("a scenario");
        let sources = Rc::new(RefCell::new(Sources::default()));
        staged.world.observe(Rc::clone(&sources));
        staged.run().expect("nobody judges");
        sources.borrow().0.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let lan = "link = [{ name = \"lan\" }]";
    for (links, own, others) in
        [("", "", ""), ("", "lan", ""), ("", "", "lan"), (lan, "lan", ""), (lan, "", "lan")]
    {
        let hosts = forged(links, own, others, "host");
        assert_eq!(hosts, ["fe80::a", "fe80::b", "fe80::c"], "{own:?} {others:?}");
        assert_eq!(forged(links, own, others, "router"), ["fe80::7"], "{own:?} {others:?}");
    }
    let two = "link = [{ name = \"lan\" }, { name = \"other\" }]";
    let strangers = forged(two, "other", "lan", "host");
    assert!(!strangers.contains(&"fe80::a".to_owned()), "{strangers:?}");
}
