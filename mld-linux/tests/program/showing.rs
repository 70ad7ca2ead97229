//! `mld show`.

use core::net::Ipv6Addr;
use std::io::Write;
use std::os::unix::net::UnixStream;

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::Test;
use crate::support::{Directory, Link, Running, end_of, group};

pub(crate) const TESTS: &[Test] = &[
    ("show_prints_a_table_and_the_state_document", prints_a_table_and_the_state_document),
    ("show_of_one_interface_and_of_an_unknown_one", one_interface_and_an_unknown_one),
    ("a_client_that_never_reads_holds_neither_router_nor_others_up", slow_client),
];

const SHARED: &str = "ff05::1:1";
const CHANNEL: &str = "ff3e::8000:1";
const SOURCE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10);

fn prints_a_table_and_the_state_document() -> Result<(), Failed> {
    let link = Link::new("lan0");
    let directory = Directory::new("table");
    // Only groups that the test makes.
    let file = directory.write("mld.toml", "ignore-link-local-groups = true\n");
    let socket = directory.text("mld.sock");
    let router =
        Running::start(&["run", link.name, "--config", &file, "--events", "json", "--socket", &socket]);
    router.event(|event| event["event"] == "querier" && event["role"] == "querier");

    let empty = end_of(&["show", "--socket", &socket]);
    assert_eq!((empty.code, empty.stderr.as_str()), (Some(0), ""), "no groups are no failure");
    let head = ["INTERFACE", "GROUP", "MODE", "SOURCES", "EXPIRES", "UPTIME", "STATE", "LAST-REPORTER"];
    assert_eq!(empty.stdout.split_whitespace().collect::<Vec<_>>(), head);

    let listener = link.listener();
    listener.join_source(group(CHANNEL), SOURCE)?;
    listener.join(group(SHARED))?;
    router.events(
        [CHANNEL, SHARED]
            .map(|text| move |event: &Value| event["event"] == "membership" && event["group"] == text),
    );
    let host =
        link.host.run(|| mld_linux::lab::wait_link_local("eth0", crate::support::PATIENCE))?.to_string();
    let table = end_of(&["show", "groups", "lan0", "--socket", &socket]);
    assert_eq!(table.code, Some(0), "{table:?}");
    let rows: Vec<Vec<&str>> =
        table.stdout.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 2, "{table:?}");
    for (row, group, mode, sources) in
        [(&rows[0], "ff05::1:1", "EXCLUDE", "-"), (&rows[1], "ff3e::8000:1", "INCLUDE", "2001:db8::10")]
    {
        assert_eq!(row[..4], ["lan0", group, mode, sources], "{table:?}");
        assert!(row[4].starts_with("4m"), "{row:?} expires in 270 s");
        assert_eq!(row[6..], ["listeners-present", &host], "{table:?}");
    }

    let document = end_of(&["show", "--json", "--socket", &socket]);
    assert_eq!(document.code, Some(0), "{document:?}");
    let document: Value = serde_json::from_str(&document.stdout)?;
    let interface = &document["interfaces"][0];
    let address = link.address().to_string();
    for (key, value) in [
        ("name", json!("lan0")),
        ("address", json!(address)),
        ("version", json!(2)),
        ("role", json!("querier")),
        ("querier", json!(address)),
    ] {
        assert_eq!(interface[key], value, "{key}");
    }
    let channel = &interface["groups"][1];
    assert_eq!(channel["group-address"], "ff3e::8000:1");
    assert_eq!(channel["compatibility-mode"], 2);
    assert_eq!(channel["last-reporter"], host);
    let (expire, up) =
        (channel["expire"].as_f64().expect("a number"), channel["up-time"].as_f64().expect("a number"));
    assert!((255.0..=270.0).contains(&expire) && (0.0..15.0).contains(&up), "{channel}");
    let source = &channel["sources"][0];
    assert_eq!((&source["source-address"], &source["forwarding"]), (&json!("2001:db8::10"), &json!(true)));
    assert!(interface["statistics"]["received"]["report-v2"].as_u64().expect("a number") >= 1);
    assert!(interface["statistics"]["sent"]["query"].as_u64().expect("a number") >= 1);

    // The clock goes on although nothing happens on the link.
    std::thread::sleep(core::time::Duration::from_millis(1500));
    let later: Value = serde_json::from_str(&end_of(&["show", "--json", "--socket", &socket]).stdout)?;
    let later = later["interfaces"][0]["groups"][1]["up-time"].as_f64().expect("a number");
    assert!(later >= up + 1.5, "{up} {later}");
    Ok(())
}

fn one_interface_and_an_unknown_one() -> Result<(), Failed> {
    let _links = [Link::new("lan0"), Link::new("lan1")];
    let directory = Directory::new("one");
    let socket = directory.text("mld.sock");
    let router = Running::start(&["run", "lan1", "lan0", "--events", "json", "--socket", &socket]);
    router.events(
        ["lan0", "lan1"]
            .map(|name| move |event: &Value| event["event"] == "querier" && event["interface"] == name),
    );
    let names = |arguments: &[&str]| -> Vec<String> {
        let ended = end_of(&[arguments, &["--json", "--socket", &socket]].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let document: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let interfaces = document["interfaces"].as_array().expect("interfaces");
        interfaces.iter().map(|interface| interface["name"].as_str().expect("text").to_owned()).collect()
    };
    assert_eq!(names(&["show"]), ["lan1", "lan0"], "in order of configuration");
    assert_eq!(names(&["show", "lan0"]), ["lan0"]);
    assert_eq!(names(&["show", "groups", "lan1"]), ["lan1"]);
    for json in [&[][..], &["--json"]] {
        end_of(&[&["show", "absent0", "--socket", &socket], json].concat()).failed_with(3, &["absent0"]);
    }
    Ok(())
}

fn slow_client() -> Result<(), Failed> {
    let link = Link::new("lan0");
    let directory = Directory::new("slow");
    let socket = directory.text("mld.sock");
    let router = Running::start(&["run", link.name, "--events", "json", "--socket", &socket]);
    router.event(|event| event["event"] == "querier");
    // Fewer than are served at once: one that says nothing, the others never read.
    let silent = UnixStream::connect(&socket)?;
    let clients: Vec<UnixStream> = (0..8)
        .map(|_| {
            let mut client = UnixStream::connect(&socket)?;
            client.write_all(b"{\"show\":\"state\"}\n")?;
            Ok(client)
        })
        .collect::<std::io::Result<_>>()?;
    assert_eq!(end_of(&["show", "--socket", &socket]).code, Some(0));
    let listener = link.listener();
    listener.join(group(SHARED))?;
    router.event(|event| event["event"] == "membership" && event["group"] == "ff05::1:1");
    drop((silent, clients));
    Ok(())
}
