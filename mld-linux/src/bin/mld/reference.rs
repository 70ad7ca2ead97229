//! The reference under `doc` says what the code does: its tables are compared with the code's own lists.

use core::net::Ipv6Addr;
use std::collections::BTreeSet;

use mld_proto::document::{EventDocument, EventMembers, InterfaceDocument, SourceDocument, StateDocument};
use mld_proto::router::{GroupRef, Limit};
use mld_proto::settings::{File, InterfaceSettings, KEYS, Settings};
use mld_proto::wire::{RecordType, Writer};
use mld_proto::{Config, Discard, FilterMode, Querier};
use serde_json::{Value, json};

use crate::control::{DEFAULT_PATH, RefusalKind, Request, View};
use crate::failure::Status;

const CONFIGURATION: &str = include_str!("../../../doc/configuration.md");
const EXAMPLE: &str = include_str!("../../../doc/mld.toml");
const EVENTS: &str = include_str!("../../../doc/events.md");
const STATE: &str = include_str!("../../../doc/state.md");
const EXIT_STATUS: &str = include_str!("../../../doc/exit-status.md");
const CONTROL_SOCKET: &str = include_str!("../../../doc/control-socket.md");

/// The text from the heading `## name` to the next heading; all of it without a name.
fn section<'t>(text: &'t str, name: &str) -> &'t str {
    let begin = text.find(&format!("## {name}\n")).expect("the heading");
    let rest = &text[begin + 3..];
    rest.find("\n## ").map_or(rest, |end| &rest[..end])
}

/// The cells of each row of the tables in `text`, headings left out.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with('|')).collect();
    let is_rule = |line: Option<&&str>| line.is_some_and(|line| line.starts_with("| ---"));
    let body = (0..lines.len()).filter(|at| !is_rule(lines.get(*at)) && !is_rule(lines.get(at + 1)));
    let body: Vec<_> = body.map(|at| lines[at]).collect();
    body.into_iter().map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

/// The words in backquotes.
fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn first_column(text: &str) -> BTreeSet<&str> {
    rows(text).map(|row| row[0].trim_matches('`')).collect()
}

fn set<'t>(names: impl IntoIterator<Item = &'t str>) -> BTreeSet<&'t str> {
    names.into_iter().collect()
}

fn members(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn every_key_has_its_row() {
    assert_eq!(
        first_column(section(CONFIGURATION, "Of an interface, or the defaults of all")),
        set(KEYS.iter().copied())
    );
    assert_eq!(first_column(section(CONFIGURATION, "Of the process")), set(["control-socket", "interface"]));
    assert_eq!(first_column(section(CONFIGURATION, "Of an `[[interface]]` alone")), set(["name"]));
    assert!(section(CONFIGURATION, "Of the process").contains(DEFAULT_PATH));
}

#[test]
fn example_holds_every_key_with_its_default() {
    let file: File<String, Vec<InterfaceSettings<String>>> = toml::from_str(EXAMPLE).expect("it can be read");
    file.check().expect("it can be used");
    let table: toml::Table = EXAMPLE.parse().expect("TOML");
    let mut keys = set(KEYS.iter().copied());
    keys.extend(["control-socket", "interface"]);
    assert_eq!(table.keys().map(String::as_str).collect::<BTreeSet<_>>(), keys);
    let mut settings = file.settings("eth0");
    // The one value that is not the default: a list is shorter to show than the default range.
    settings.ssm_range = None;
    let (given, default) = (settings.config(1500), Settings::default().config(1500));
    let default: Config = default.expect("the defaults go together");
    let counts = default.to_builder().last_listener_query_count(2).startup_query_count(2);
    let spelled = counts.startup_query_interval(core::time::Duration::from_millis(31_250)).build();
    assert_eq!(given.expect("the example goes together"), spelled.expect("so do the defaults"));
}

/// One event of each kind.
fn events() -> [EventMembers<'static>; 7] {
    let group = "ff05::1".parse().expect("a group");
    let reporter = "fe80::a".parse().expect("an address");
    [
        EventMembers::Membership { group, has_members: true, filter_mode: FilterMode::Exclude, sources: &[] },
        EventMembers::Querier(Querier::Unknown),
        EventMembers::Report { group, reporter, record: RecordType::ToEx },
        EventMembers::Done { group, reporter },
        EventMembers::Timeout { group },
        EventMembers::Removed,
        EventMembers::Limit { group, limit: Limit::Groups },
    ]
}

#[test]
fn every_event_has_its_row_with_its_members() {
    assert_eq!(first_column(EVENTS), set(events().iter().map(EventMembers::name)));
    for event in events() {
        let document = EventDocument { time_ms: 1_764_576_000_004, interface: "eth0", event };
        let written = serde_json::to_value(document).expect("JSON");
        let row = rows(EVENTS).find(|row| row[0].trim_matches('`') == event.name()).expect("a row");
        let mut expected = quoted(row[1]);
        expected.extend(["time", "interface", "event"]);
        assert_eq!(members(&written), expected, "{}", event.name());
    }
    for limit in Limit::ALL {
        assert!(EVENTS.contains(&format!("`{}`", limit.name())), "{limit:?}");
    }
    for line in EVENTS.lines().filter(|line| line.starts_with('{')) {
        let shown: Value = serde_json::from_str(line).expect("JSON");
        let row = rows(EVENTS).find(|row| row[0].trim_matches('`') == shown["event"]).expect("a row");
        let mut expected = quoted(row[1]);
        expected.extend(["time", "interface", "event"]);
        assert_eq!(members(&shown), expected);
    }
}

#[test]
fn every_member_of_the_state_has_its_row() {
    let mut router =
        mld_proto::Router::new(Config::DEFAULT, mld_proto::inline_tables!(groups: 2, sources: 2), 1);
    router.start(mld_proto::Instant::ZERO, Some("fe80::1".parse().expect("an address")));
    let mut buffer = [0; 1500];
    let mut report = Writer::report_v2(&mut buffer).expect("room");
    report.record(RecordType::ToEx, "ff05::1".parse().expect("a group")).expect("room");
    report.source("2001:db8::1".parse::<Ipv6Addr>().expect("a source")).expect("room");
    let len = report.finish("fe80::a".parse().expect("an address")).len;
    assert!(router.handle_packet(mld_proto::Instant::ZERO, &buffer[..len]).is_ok());
    let document = InterfaceDocument::<Vec<GroupRef<'_>>, Vec<SourceDocument>>::new("eth0", &router);
    let written = serde_json::to_value(StateDocument { interfaces: &[document] }).expect("JSON");
    let interface = &written["interfaces"][0];
    let group = &interface["groups"][0];
    for (heading, value) in
        [("An interface", interface), ("A group", group), ("A source", &group["sources"][0])]
    {
        assert_eq!(first_column(section(STATE, heading)), members(value), "{heading}");
    }
    let statistics = section(STATE, "Statistics");
    let counters = &statistics[..statistics.find("Reasons of").expect("the other table")];
    assert_eq!(first_column(counters), members(&interface["statistics"]));
    for counter in ["received", "sent", "refused"] {
        let kinds = &interface["statistics"][counter];
        let row = rows(counters).find(|row| row[0].trim_matches('`') == counter).expect("a row");
        assert_eq!(members(kinds), quoted(row[1]), "{counter}");
    }
}

#[test]
fn every_discard_reason_has_its_row() {
    let statistics = section(STATE, "Statistics");
    let reasons = &statistics[statistics.find("Reasons of").expect("the table")..];
    assert_eq!(first_column(reasons), set(Discard::ALL.into_iter().map(Discard::name)));
}

#[test]
fn every_exit_status_has_its_row() {
    let statuses = [Status::Failed, Status::Unusable, Status::NothingFound, Status::Privilege];
    let numbers: BTreeSet<_> = statuses.into_iter().map(|status| (status as u8).to_string()).collect();
    let mut shown: BTreeSet<_> = rows(EXIT_STATUS).map(|row| row[0].to_owned()).collect();
    assert!(shown.remove("0"));
    assert_eq!(shown, numbers);
}

#[test]
fn every_request_and_refusal_has_its_row() {
    let shown: Vec<_> = rows(CONTROL_SOCKET).map(|row| row[0].trim_matches('`').to_owned()).collect();
    let requests: Vec<_> = [None, Some("eth0".to_owned())]
        .into_iter()
        .map(|interface| serde_json::to_string(&Request { show: View::State, interface }).expect("JSON"))
        .collect();
    assert_eq!(shown[..2], requests[..]);
    let refusals = [RefusalKind::BadRequest, RefusalKind::UnknownInterface];
    let names: Vec<_> =
        refusals.into_iter().map(|kind| json!(kind).as_str().expect("a name").to_owned()).collect();
    assert_eq!(shown[2..], names[..]);
    assert!(CONTROL_SOCKET.contains(DEFAULT_PATH));
}
