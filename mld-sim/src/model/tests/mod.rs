//! The model against timelines, rows and packets that were worked out by hand.

mod agreement;
mod election;
mod limits;
mod packets;
mod readings;
mod rows;
mod strictness;
mod timelines;
mod version1;

use core::net::Ipv6Addr;

use super::{Heard, Model, ModelEvent, ModelGroup, ModelSettings};
use crate::packet::codes::folded_sum;
use crate::packet::{Reason, SentQuery};

/// The group of every timeline, one that is none of its business, and one of the source-specific range.
pub(super) const G: Ipv6Addr = Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 1, 1);
pub(super) const OTHER: Ipv6Addr = Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 1, 2);
pub(super) const SSM: Ipv6Addr = Ipv6Addr::new(0xff3e, 0, 0, 0, 0, 0, 0x8000, 1);
pub(super) const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
pub(super) const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
pub(super) const V2_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);
/// The router itself, a lower and a higher router, a host.
pub(super) const ME: Ipv6Addr = local(0x10);
pub(super) const LOWER: Ipv6Addr = local(0x1);
pub(super) const HIGHER: Ipv6Addr = local(0x99);
pub(super) const HOST: Ipv6Addr = local(0xa);

pub(super) const fn local(interface: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, interface)
}

/// Source number `number`.
pub(super) fn s(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, number)
}

/// A whole packet around a message whose checksum octets are still zero.
pub(super) fn packet(source: Ipv6Addr, destination: Ipv6Addr, mut message: Vec<u8>) -> Vec<u8> {
    let checksum = !folded_sum(source, destination, &message);
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    let mut ipv6 = vec![0x60, 0, 0, 0];
    ipv6.extend((message.len() as u16 + 8).to_be_bytes());
    ipv6.extend([0, 1]);
    ipv6.extend(source.octets());
    ipv6.extend(destination.octets());
    ipv6.extend([58, 0, 5, 2, 0, 0, 1, 0]);
    ipv6.extend(message);
    ipv6
}

/// A 24-octet message.
pub(super) fn short(kind: u8, delay: u16, group: Ipv6Addr) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0];
    message.extend(delay.to_be_bytes());
    message.extend([0, 0]);
    message.extend(group.octets());
    message
}

/// An MLDv2 Query.
pub(super) fn long(
    code: u16,
    group: Ipv6Addr,
    suppress: bool,
    qrv: u8,
    qqic: u8,
    sources: &[Ipv6Addr],
) -> Vec<u8> {
    let mut message = short(130, code, group);
    message.extend([u8::from(suppress) << 3 | qrv, qqic]);
    message.extend((sources.len() as u16).to_be_bytes());
    message.extend(sources.iter().flat_map(Ipv6Addr::octets));
    message
}

/// An MLDv2 Report.
pub(super) fn report(records: &[(u8, Ipv6Addr, &[Ipv6Addr])]) -> Vec<u8> {
    let mut message = vec![143, 0, 0, 0, 0, 0];
    message.extend((records.len() as u16).to_be_bytes());
    for (kind, group, sources) in records {
        message.extend([*kind, 0]);
        message.extend((sources.len() as u16).to_be_bytes());
        message.extend(group.octets());
        message.extend(sources.iter().flat_map(Ipv6Addr::octets));
    }
    message
}

/// A started router.
pub(super) fn started(settings: ModelSettings) -> Model {
    let mut model = Model::new(settings);
    model.start(0, Some(ME));
    model.take_sent();
    model.take_told();
    model
}

/// Hears an MLDv2 Report of the host.
pub(super) fn hear(model: &mut Model, at: u64, records: &[(u8, Ipv6Addr, &[Ipv6Addr])]) {
    assert_eq!(model.packet(at, &packet(HOST, V2_ROUTERS, report(records))), Ok(Heard::ReportV2));
}

/// Runs everything that ends or is due before `at`.
pub(super) fn run_until(model: &mut Model, at: u64) {
    while let Some(next) = model.deadline().filter(|&next| next < at) {
        model.timeout(next);
    }
}

/// Seconds, with a point where needed.
fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn milliseconds(text: &str) -> u64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    whole.parse::<u64>().unwrap() * 1000 + format!("{part:0<3}").parse::<u64>().unwrap()
}

fn names(sources: impl IntoIterator<Item = Ipv6Addr>) -> String {
    let names: Vec<String> = sources.into_iter().map(|source| format!("S{}", source.segments()[7])).collect();
    names.join(",")
}

/// `INCLUDE(A) S1@..` or `EXCLUDE(X;Y) FT@.. S1@..`, the deadlines in seconds; `v1` behind it in MLDv1 mode.
pub(super) fn state(group: Option<&ModelGroup>) -> String {
    let Some(group) = group else { return "none".to_owned() };
    let mut text = if group.exclude {
        let sets = (names(group.running()), names(group.excluded()));
        format!("EXCLUDE({};{}) FT@{}", sets.0, sets.1, seconds(group.filter_timer))
    } else {
        format!("INCLUDE({})", names(group.running()))
    };
    for (source, &deadline) in group.sources.iter().filter(|&(_, &deadline)| deadline != 0) {
        text += &format!(" {}@{}", names([*source]), seconds(deadline));
    }
    if group.version_1_until.is_some() {
        text += " v1";
    }
    text
}

fn sent(query: &SentQuery) -> String {
    let optional = if query.optional { " optional" } else { "" };
    let suppress = u8::from(query.suppress);
    format!("{} Q({}) S={suppress}{optional}", seconds(query.at), names(query.sources.iter().copied()))
}

/// One line of a script, without `>`: `SECONDS WHAT(LIST)`.
fn act(model: &mut Model, at: u64, what: &str) -> Result<Heard, Reason> {
    let (verb, list) = what.trim_end_matches(')').split_once('(').unwrap_or((what, ""));
    let sources: Vec<Ipv6Addr> = list
        .split(',')
        .filter(|name| !name.is_empty())
        .map(|name| s(name.strip_prefix('S').unwrap().parse().unwrap()))
        .collect();
    let record = |kind| packet(HOST, V2_ROUTERS, report(&[(kind, G, &sources)]));
    let query = |from, suppress| packet(from, G, long(1000, G, suppress, 2, 125, &sources));
    let ipv6 = match verb {
        "IS_IN" => record(1),
        "IS_EX" => record(2),
        "TO_IN" => record(3),
        "TO_EX" => record(4),
        "ALLOW" => record(5),
        "BLOCK" => record(6),
        "REPORT" => packet(HOST, G, short(131, 0, G)),
        "DONE" => packet(HOST, ALL_ROUTERS, short(132, 0, G)),
        // From a lower router.
        "GENERAL" => {
            packet(LOWER, ALL_NODES, long(10_000, Ipv6Addr::UNSPECIFIED, false, model.robustness(), 125, &[]))
        }
        "GENERAL_V1" => packet(LOWER, ALL_NODES, short(130, 10_000, Ipv6Addr::UNSPECIFIED)),
        "QUERY" => query(LOWER, false),
        "QUERY_S" => query(LOWER, true),
        // From a higher router.
        "QUERY_OF_HIGHER" => query(HIGHER, false),
        "QUERY_V1" => packet(LOWER, G, short(130, 1000, G)),
        "QUERY_V1_0MS" => packet(LOWER, G, short(130, 0, G)),
        "QUERY_V1_500MS" => packet(LOWER, G, short(130, 500, G)),
        "QUERY_V1_OF_HIGHER" => packet(HIGHER, G, short(130, 1000, G)),
        "QUERY_V1_1MS_OF_HIGHER" => packet(HIGHER, G, short(130, 1, G)),
        _ => panic!("{what}"),
    };
    model.packet(at, &ipv6)
}

/// Runs a script: lines with `>` are what the router hears, the others what follows, each with its time in seconds.
/// Everything up to the last time of the script has to be in it: each state that is new in mode, lists or, when something
/// was heard, timers; and each specific Query.
pub(super) fn script(settings: ModelSettings, text: &str) {
    let mut model = started(settings);
    let (mut expected, mut seen, mut end) = (Vec::new(), Vec::new(), 0);
    let note =
        |seen: &mut Vec<String>, model: &mut Model, at: u64, before: &Option<(bool, Vec<_>, Vec<_>)>| {
            if lists(model) != *before {
                seen.push(format!("{} {}", seconds(at), state(model.groups().get(&G))));
            }
            seen.extend(model.take_sent().iter().filter(|query| query.group == G).map(sent));
        };
    let advance = |model: &mut Model, seen: &mut Vec<String>, limit: u64| {
        while let Some(at) = model.deadline().filter(|&at| at < limit) {
            let before = lists(model);
            model.timeout(at);
            note(seen, model, at, &before);
        }
    };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (heard, line) = line.strip_prefix("> ").map_or((false, line), |heard| (true, heard));
        let (at, what) = line.split_once(' ').unwrap();
        let at = milliseconds(at);
        end = end.max(at);
        if !heard {
            expected.push(line.to_owned());
            continue;
        }
        advance(&mut model, &mut seen, at);
        act(&mut model, at, what).unwrap();
        seen.push(format!("{} {}", seconds(at), state(model.groups().get(&G))));
        seen.extend(model.take_sent().iter().filter(|query| query.group == G).map(sent));
    }
    advance(&mut model, &mut seen, end + 1);
    assert_eq!(seen, expected);
}

/// Mode and lists, without deadlines.
fn lists(model: &Model) -> Option<(bool, Vec<Ipv6Addr>, Vec<Ipv6Addr>)> {
    let group = model.groups().get(&G)?;
    Some((group.exclude, group.running().collect(), group.excluded().collect()))
}
