//! `mld run` and `mld monitor`.

use core::net::Ipv6Addr;
use core::time::Duration;
use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use libtest_mimic::Failed;
use mld_linux::lab;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::Test;
use crate::support::{Directory, Link, Running, end_of, group, mld, until, until_served, wait};

pub(crate) const TESTS: &[Test] = &[
    ("run_prints_the_events_of_a_kernel_host_as_json", prints_the_events_of_a_kernel_host_as_json),
    ("run_prints_readable_lines_for_people", prints_readable_lines_for_people),
    ("run_manages_several_interfaces_and_removes_them_at_the_end", manages_several_interfaces),
    ("run_goes_on_when_an_interface_vanishes_and_ends_with_the_last", goes_on_when_an_interface_vanishes),
    ("sighup_reads_the_file_again_and_a_bad_file_changes_nothing", reloads),
    ("sighup_adds_and_removes_interfaces", reload_adds_and_removes_interfaces),
    ("run_ends_quietly_when_its_output_is_closed", ends_quietly_when_its_output_is_closed),
    ("run_replaces_a_stale_socket_and_refuses_a_live_one", sockets),
    ("a_default_socket_that_cannot_be_made_is_a_warning", default_socket_is_a_warning),
    ("an_mldv1_querier_is_logged_once_a_minute", other_version_is_logged),
    ("monitor_tells_what_happens_and_sends_nothing", monitor_sends_nothing),
    ("monitor_ends_with_its_terminal", monitor_ends_with_its_terminal),
];

const SHARED: &str = "ff05::1:1";
const CHANNEL: &str = "ff3e::8000:1";
const SOURCE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10);

/// Leaves are known after 0.4 s.
const QUICK: &str = "last-member-query-interval = 0.2\n";

fn membership<'a>(group: &'a str, has_members: bool) -> impl Fn(&Value) -> bool + 'a {
    move |event| {
        event["event"] == "membership" && event["group"] == group && event["has-members"] == has_members
    }
}

fn querier(interface: &str) -> impl Fn(&Value) -> bool + '_ {
    move |event| event["event"] == "querier" && event["interface"] == interface
}

fn prints_the_events_of_a_kernel_host_as_json() -> Result<(), Failed> {
    let link = Link::new("lan0");
    let directory = Directory::new("events");
    let (file, socket) = (directory.write("mld.toml", QUICK), directory.text("mld.sock"));
    let router =
        Running::start(&["run", link.name, "--config", &file, "--events", "json", "--socket", &socket]);
    let address = link.address().to_string();
    let first = router.event(|event| event["event"] == "querier" && event["role"] == "querier");
    assert_eq!((&first["interface"], &first["address"]), (&json!("lan0"), &json!(address)));

    let listener = link.listener();
    let before = unix_now();
    listener.join_source(group(CHANNEL), SOURCE)?;
    let report = router.event(|event| event["event"] == "report" && event["group"] == "ff3e::8000:1");
    assert_eq!(report["record"], "allow");
    let joined = router.event(membership("ff3e::8000:1", true));
    assert_eq!((&joined["filter-mode"], &joined["sources"]), (&json!("include"), &json!(["2001:db8::10"])));
    let time = joined["time"].as_f64().expect("a number");
    assert!((before - 0.01..unix_now() + 0.01).contains(&time), "{before} <= {time}");
    assert_eq!((time * 1000.0).round() / 1000.0, time, "whole milliseconds");

    listener.leave_source(group(CHANNEL), SOURCE)?;
    router.event(|event| event["event"] == "report" && event["record"] == "block");
    let timeout = router.event(|event| event["event"] == "timeout");
    assert_eq!(timeout["group"], "ff3e::8000:1");
    let left = router.event(membership("ff3e::8000:1", false));
    assert_eq!((&left["filter-mode"], &left["sources"]), (&json!("include"), &json!([])));
    assert_eq!(left["time"], timeout["time"], "of one instant");
    let took = left["time"].as_f64().expect("a number") - time;
    assert!(took >= 0.4, "{took} s is less than the last-listener time");

    link.host.sysctl("net/ipv6/conf/eth0/force_mld_version", "1")?;
    listener.join(group(SHARED))?;
    let report = router.event(|event| event["event"] == "report" && event["group"] == "ff05::1:1");
    assert_eq!(report["record"], "report");
    router.event(membership("ff05::1:1", true));
    listener.leave(group(SHARED))?;
    let done = router.event(|event| event["event"] == "done");
    assert_eq!((&done["group"], &done["record"]), (&json!("ff05::1:1"), &json!("done")));
    router.event(membership("ff05::1:1", false));

    router.signal(Signal::INT);
    let (status, rest, _) = router.end();
    assert_eq!(status.code(), Some(0));
    let last: Value = serde_json::from_str(rest.last().expect("a last line"))?;
    assert_eq!((&last["event"], &last["interface"]), (&json!("removed"), &json!("lan0")));
    assert_eq!(last.as_object().expect("an object").len(), 3);
    Ok(())
}

fn prints_readable_lines_for_people() -> Result<(), Failed> {
    let link = Link::new("lan0");
    let directory = Directory::new("people");
    let router = Running::start(&["run", link.name, "--socket", &directory.text("mld.sock")]);
    router.line(|line| line.contains(&format!("lan0 * querier is this router, {}", link.address())));
    let listener = link.listener();
    listener.join(group(SHARED))?;
    router.line(|line| line.contains("lan0   ff05::1:1 reported by fe80::") && line.ends_with("(to-ex)"));
    let line = router.line(|line| line.ends_with("lan0 + ff05::1:1 is wanted from every source"));
    let time = line.split(' ').next().expect("a time");
    assert!(time.len() == 12 && time.as_bytes()[2] == b':' && time.as_bytes()[8] == b'.', "{line}");
    let (status, rest, _) = router.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(
        rest.last().expect("a last line").ends_with("lan0 - the interface is no longer managed"),
        "{rest:?}"
    );
    Ok(())
}

fn manages_several_interfaces() -> Result<(), Failed> {
    let links = [Link::new("lan0"), Link::new("lan1")];
    let directory = Directory::new("several");
    let file = directory.write("mld.toml", "[[interface]]\nname = \"lan1\"\nquery-interval = 60\n");
    let socket = directory.text("mld.sock");
    let router = Running::start(&["run", "lan0", "--config", &file, "--events", "json", "--socket", &socket]);
    let listeners = links.each_ref().map(Link::listener);
    router.events(links.each_ref().map(|link| querier(link.name)));
    for (link, listener) in links.iter().zip(&listeners) {
        // Not in ascending order.
        for last in [3, 1, 2] {
            let text = format!("ff05::1:{last}");
            listener.join(group(&text))?;
            router.event(|event| membership(&text, true)(event) && event["interface"] == link.name);
        }
    }
    let (status, rest, _) = router.terminate();
    assert_eq!(status.code(), Some(0));
    let rest: Vec<Value> = rest.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for link in &links {
        let own: Vec<&Value> = rest.iter().filter(|event| event["interface"] == link.name).collect();
        assert_eq!(own.last().expect("a last event")["event"], "removed", "{own:?}");
        let removed: Vec<Ipv6Addr> = own
            .iter()
            .filter(|event| event["event"] == "membership" && event["has-members"] == false)
            .map(|event| event["group"].as_str().expect("text").parse().expect("an address"))
            .collect();
        assert!(removed.is_sorted(), "{removed:?}");
        for last in 1..=3 {
            assert!(removed.contains(&Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 1, last)), "{removed:?}");
        }
    }
    Ok(())
}

fn goes_on_when_an_interface_vanishes() -> Result<(), Failed> {
    let (gone, stays) = (Link::new("lan0"), Link::new("lan1"));
    let directory = Directory::new("vanish");
    let socket = directory.text("mld.sock");
    let router = Running::start(&["run", "lan0", "lan1", "--events", "json", "--socket", &socket]);
    router.events(["lan0", "lan1"].map(querier));
    let listener = gone.listener();
    listener.join(group(SHARED))?;
    router.event(membership("ff05::1:1", true));

    lab::delete("lan0")?;
    router.event(|event| membership("ff05::1:1", false)(event) && event["interface"] == "lan0");
    router.event(|event| event["event"] == "removed" && event["interface"] == "lan0");
    router.log(|line| line.starts_with("mld: lan0: "));
    let other = stays.listener();
    other.join(group(SHARED))?;
    router.event(|event| membership("ff05::1:1", true)(event) && event["interface"] == "lan1");

    lab::delete("lan1")?;
    router.event(|event| event["event"] == "removed" && event["interface"] == "lan1");
    let (status, _, log) = router.end();
    assert_eq!(status.code(), Some(1));
    assert!(log.last().expect("a reason").contains("no interface is left"), "{log:?}");
    Ok(())
}

fn state(socket: &str) -> Value {
    let ended = end_of(&["show", "--json", "--socket", socket]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).expect("a state document")
}

fn reloads() -> Result<(), Failed> {
    let link = Link::new("lan0");
    let directory = Directory::new("reload");
    let socket = directory.text("mld.sock");
    let named = format!("control-socket = {socket:?}\n");
    let file = directory.write("mld.toml", &format!("{named}{QUICK}"));
    let router = Running::start(&["run", link.name, "--config", &file, "--events", "json"]);
    router.event(|event| event["event"] == "querier");
    let listener = link.listener();
    listener.join(group(SHARED))?;
    router.event(membership("ff05::1:1", true));
    assert_eq!(state(&socket)["interfaces"][0]["version"], 2);

    directory.write("mld.toml", "version = 3\n");
    router.signal(Signal::HUP);
    router.log(|line| line.contains("mld.toml:1:") && line.contains("version") && line.contains("stays"));
    let after = state(&socket);
    assert_eq!(after["interfaces"][0]["version"], 2);
    assert_eq!(
        after["interfaces"][0]["groups"]
            .as_array()
            .expect("groups")
            .iter()
            .filter(|group| group["group-address"] == "ff05::1:1")
            .count(),
        1
    );

    // Other timers leave the group alone: its leave takes longer than it would have.
    directory.write("mld.toml", &format!("{named}last-member-query-interval = 1\n"));
    router.signal(Signal::HUP);
    thread::sleep(Duration::from_millis(300));
    listener.leave(group(SHARED))?;
    let heard = router.event(|event| event["event"] == "report" && event["record"] == "to-in");
    let left = router.event(membership("ff05::1:1", false));
    let took = left["time"].as_f64().expect("a number") - heard["time"].as_f64().expect("a number");
    assert!((1.999..2.001).contains(&took), "{took} s");

    // Another version starts the interface anew, and it is not removed.
    listener.join(group(SHARED))?;
    router.event(membership("ff05::1:1", true));
    directory.write("mld.toml", &format!("{named}version = 1\n"));
    router.signal(Signal::HUP);
    router.event(membership("ff05::1:1", false));
    until("version 1 is in force", || state(&socket)["interfaces"][0]["version"] == 1);
    let (status, rest, _) = router.terminate();
    assert_eq!(status.code(), Some(0));
    assert_eq!(rest.iter().filter(|line| line.contains("\"removed\"")).count(), 1);
    Ok(())
}

fn reload_adds_and_removes_interfaces() -> Result<(), Failed> {
    let _links = [Link::new("lan0"), Link::new("lan1")];
    let directory = Directory::new("names");
    let socket = directory.text("mld.sock");
    let file = directory.write("mld.toml", "[[interface]]\nname = \"lan0\"\n");
    let router = Running::start(&["run", "--config", &file, "--events", "json", "--socket", &socket]);
    router.event(|event| event["event"] == "querier" && event["interface"] == "lan0");

    directory.write("mld.toml", "[[interface]]\nname = \"lan1\"\n[[interface]]\nname = \"absent\"\n");
    router.signal(Signal::HUP);
    router.log(|line| line.contains("absent"));
    router.event(|event| event["event"] == "removed" && event["interface"] == "lan0");
    router.event(|event| event["event"] == "querier" && event["interface"] == "lan1");
    let names: Vec<Value> = state(&socket)["interfaces"]
        .as_array()
        .expect("interfaces")
        .iter()
        .map(|interface| interface["name"].clone())
        .collect();
    assert_eq!(names, ["lan1"]);

    directory.write("mld.toml", "[[interface]]\nname = \"absent\"\n");
    router.signal(Signal::HUP);
    router.log(|line| line.contains("stays"));
    assert_eq!(state(&socket)["interfaces"][0]["name"], "lan1");
    assert_eq!(router.terminate().0.code(), Some(0));
    Ok(())
}

fn ends_quietly_when_its_output_is_closed() -> Result<(), Failed> {
    let link = Link::new("lan0");
    let directory = Directory::new("closed");
    let socket = directory.path("mld.sock");
    for command in
        [&["run", "lan0", "--socket", &directory.text("mld.sock")][..], &["monitor", "lan0", "--json"]]
    {
        let mut child = mld(command).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        thread::sleep(Duration::from_millis(300));
        assert!(child.try_wait()?.is_none(), "it runs while somebody reads");
        drop(child.stdout.take());
        assert_eq!(wait(&mut child).code(), Some(0));
        assert!(!socket.exists(), "the socket is removed");
    }
    drop(link);
    Ok(())
}

fn sockets() -> Result<(), Failed> {
    let link = Link::new("lan0");
    let directory = Directory::new("sockets");
    let (path, socket) = (directory.path("mld.sock"), directory.text("mld.sock"));
    let killed = Running::start(&["run", link.name, "--socket", &socket]);
    until_served(&path);
    killed.signal(Signal::KILL);
    killed.end();
    assert!(path.exists(), "left behind");

    let router = Running::start(&["run", link.name, "--socket", &socket]);
    until_served(&path);
    end_of(&["run", link.name, "--socket", &socket]).failed_with_after_logs(1, &["mld.sock", "another"]);
    until_served(&path);
    assert_eq!(router.terminate().0.code(), Some(0));
    assert!(!path.exists(), "removed at the end");

    fs::write(&path, "")?;
    end_of(&["run", link.name, "--socket", &socket]).failed_with_after_logs(1, &["mld.sock", "no socket"]);
    Ok(())
}

fn default_socket_is_a_warning() -> Result<(), Failed> {
    let link = Link::new("lan0");
    // The first may or may not be allowed to make it; the second cannot in either case.
    let _first = Running::start(&["run", link.name]);
    thread::sleep(Duration::from_millis(300));
    let second = Running::start(&["run", link.name, "--events", "json"]);
    second.log(|line| line.contains("/run/mld/mld.sock") && line.contains("mld show"));
    second.event(|event| event["event"] == "querier");
    assert_eq!(second.terminate().0.code(), Some(0));
    Ok(())
}

fn other_version_is_logged() -> Result<(), Failed> {
    let link = Link::new("lan0");
    let directory = Directory::new("version");
    let file = directory.write("v1.toml", "version = 1\nquery-interval = 1\nquery-max-response-time = 0.5\n");
    let old = link.host.run({
        let arguments =
            ["run", "eth0", "--config", &file, "--socket", &directory.text("old.sock")].map(str::to_owned);
        move || Running::start(&arguments.each_ref().map(String::as_str))
    });
    let router = Running::start(&["run", link.name, "--socket", &directory.text("mld.sock")]);
    router.log(|line| line.contains("lan0") && line.contains("MLDv1 Queries"));
    thread::sleep(Duration::from_secs(3));
    let (_, _, log) = router.terminate();
    assert_eq!(log.iter().filter(|line| line.contains("MLDv1 Queries")).count(), 0, "{log:?}");
    drop(old);
    Ok(())
}

fn monitor_sends_nothing() -> Result<(), Failed> {
    let link = Link::new("lan0");
    let listener = link.listener();
    // The kernel's own reports about its address are repeated within a second.
    thread::sleep(Duration::from_secs(2));
    let before = link.sent();
    let monitor = Running::start(&["monitor", link.name, "--json"]);
    thread::sleep(Duration::from_millis(200));
    listener.join(group(SHARED))?;
    monitor.event(membership("ff05::1:1", true));
    listener.leave(group(SHARED))?;
    monitor.event(|event| event["event"] == "report" && event["record"] == "to-in");
    thread::sleep(Duration::from_secs(2));
    let (status, rest, _) = monitor.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(rest.last().expect("a last event").contains("\"removed\""), "{rest:?}");
    assert_eq!(link.sent(), before, "nobody sent anything");

    // The same count notices a router.
    let directory = Directory::new("silence");
    let router = Running::start(&["run", link.name, "--socket", &directory.text("mld.sock")]);
    until("the router has sent something", || link.sent() > before);
    router.terminate();
    Ok(())
}

fn monitor_ends_with_its_terminal() -> Result<(), Failed> {
    let link = Link::new("lan0");
    let monitor = Running::start(&["monitor", link.name]);
    monitor.line(|line| line.ends_with("* querier is not known"));
    monitor.signal(Signal::HUP);
    let (status, rest, _) = monitor.end();
    assert_eq!(status.code(), Some(0));
    assert!(rest.last().expect("a last line").ends_with("no longer managed"), "{rest:?}");
    Ok(())
}

fn unix_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64()
}
