//! Events as lines: JSON for programs, sentences for people.

use core::net::Ipv6Addr;
use std::io::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use mld_linux::{InterfaceRouter, Told, What};
use mld_proto::document::{EventDocument, EventMembers};
use mld_proto::wire::RecordType;
use mld_proto::{Event, FilterMode, Querier};

use crate::text::list;

/// Sources in one line for people; JSON has them all.
const SOURCES_SHOWN: usize = 8;

/// Who the lines are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// One readable line for each event.
    People,
    /// One JSON object for each event.
    Json,
}

/// Turns what a driver tells into lines.
#[derive(Debug)]
pub(crate) struct Lines {
    format: Format,
    zone: TimeZone,
    sources: Vec<Ipv6Addr>,
}

impl Lines {
    pub(crate) fn new(format: Format) -> Self {
        Self { format, zone: TimeZone::system(), sources: Vec::new() }
    }

    /// Appends the line of an event to `out`. What is no event has no line: it is for the log.
    pub(crate) fn write(&mut self, told: &Told<'_>, out: &mut Vec<u8>) {
        let Some(event) = members(told, &mut self.sources) else { return };
        match self.format {
            Format::Json => {
                let document = EventDocument { time_ms: told.unix_ms, interface: told.interface, event };
                serde_json::to_writer(out, &document).expect("an event can always be written to memory");
            }
            Format::People => {
                let time = Timestamp::from_millisecond(told.unix_ms.cast_signed())
                    .unwrap_or(Timestamp::MAX)
                    .to_zoned(self.zone.clone());
                let text = sentence(&event);
                write!(out, "{} {} {text}", time.strftime("%H:%M:%S%.3f"), told.interface)
                    .expect("memory takes everything");
            }
        }
    }
}

/// Whether what is told is an event of the interface.
pub(crate) fn is_event(what: &What<'_>) -> bool {
    matches!(what, What::Item(_) | What::Event(_) | What::Removed)
}

/// The members of the event that is told; `sources` lends the memory for a list.
pub(crate) fn members<'s>(told: &Told<'_>, sources: &'s mut Vec<Ipv6Addr>) -> Option<EventMembers<'s>> {
    Some(match told.what {
        What::Item(item) => item.into(),
        What::Event(Event::Querier) => EventMembers::Querier(told.router.querier()),
        What::Event(Event::Timeout(group)) => EventMembers::Timeout { group },
        What::Event(Event::Membership(group)) => {
            let (has_members, filter_mode) = named_sources(told.router, group, sources);
            EventMembers::Membership { group, has_members, filter_mode, sources }
        }
        What::Removed => EventMembers::Removed,
        _ => return None,
    })
}

/// Fills `sources` with those that a membership names: include: the wanted ones, exclude: the blocked ones.
fn named_sources(
    router: &InterfaceRouter,
    group: mld_proto::GroupAddr,
    sources: &mut Vec<Ipv6Addr>,
) -> (bool, FilterMode) {
    sources.clear();
    let Some(state) = router.group(group) else { return (false, FilterMode::Include) };
    let mode = state.filter_mode();
    let wanted = mode == FilterMode::Include;
    sources.extend(
        state.sources().filter(|source| source.is_forwarding() == wanted).map(|source| source.address()),
    );
    sources.sort_unstable();
    (true, mode)
}

/// An event for people. The sign in front tells at a glance: `+` somebody listens, `-` nobody does any more,
/// `*` another querier, `!` something is wrong.
pub(crate) fn sentence(event: &EventMembers<'_>) -> String {
    match *event {
        EventMembers::Membership { group, has_members: false, .. } => format!("- {group} has no listeners"),
        EventMembers::Membership { group, filter_mode, sources, .. } => {
            let sources_text = list(sources, ", ", SOURCES_SHOWN);
            match (filter_mode, sources) {
                (FilterMode::Exclude, []) => format!("+ {group} is wanted from every source"),
                (FilterMode::Exclude, _) => {
                    format!("+ {group} is wanted from every source but {sources_text}")
                }
                (FilterMode::Include, _) => format!("+ {group} is wanted from {sources_text}"),
            }
        }
        EventMembers::Querier(Querier::Own(address)) => format!("* querier is this router, {address}"),
        EventMembers::Querier(Querier::Other(address)) => format!("* querier is {address}"),
        EventMembers::Querier(Querier::Unknown) => "* querier is not known".to_owned(),
        EventMembers::Report { group, reporter, record: RecordType::Report } => {
            format!("  {group} reported by {reporter} (MLDv1)")
        }
        EventMembers::Report { group, reporter, record } => {
            format!("  {group} reported by {reporter} ({})", record.name())
        }
        EventMembers::Done { group, reporter } => format!("  {group} done, says {reporter}"),
        EventMembers::Timeout { group } => format!("  {group} timed out"),
        EventMembers::Limit { group, limit } => format!("! {group} has more than {} allows", limit.name()),
        EventMembers::Removed => "- the interface is no longer managed".to_owned(),
        // Events of a later version have their name at least.
        ref other => format!("  {}", other.name()),
    }
}

#[cfg(test)]
mod tests {
    use mld_proto::GroupAddr;
    use mld_proto::router::Limit;

    use super::*;

    #[test]
    fn every_event_has_a_sentence_that_names_what_it_is_about() {
        let group: GroupAddr = "ff05::1".parse().expect("a group");
        let reporter: Ipv6Addr = "fe80::2".parse().expect("an address");
        let sources: Vec<Ipv6Addr> =
            (1..=9).map(|n| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n)).collect();
        let membership = |has_members, filter_mode, sources| EventMembers::Membership {
            group,
            has_members,
            filter_mode,
            sources,
        };
        for (event, text) in [
            (membership(true, FilterMode::Exclude, &[]), "+ ff05::1 is wanted from every source"),
            (
                membership(true, FilterMode::Exclude, &sources[..1]),
                "+ ff05::1 is wanted from every source but 2001:db8::1",
            ),
            (
                membership(true, FilterMode::Include, &sources[..2]),
                "+ ff05::1 is wanted from 2001:db8::1, 2001:db8::2",
            ),
            (membership(false, FilterMode::Include, &[]), "- ff05::1 has no listeners"),
            (EventMembers::Querier(Querier::Own(reporter)), "* querier is this router, fe80::2"),
            (EventMembers::Querier(Querier::Other(reporter)), "* querier is fe80::2"),
            (EventMembers::Querier(Querier::Unknown), "* querier is not known"),
            (
                EventMembers::Report { group, reporter, record: RecordType::ToEx },
                "  ff05::1 reported by fe80::2 (to-ex)",
            ),
            (
                EventMembers::Report { group, reporter, record: RecordType::Report },
                "  ff05::1 reported by fe80::2 (MLDv1)",
            ),
            (EventMembers::Done { group, reporter }, "  ff05::1 done, says fe80::2"),
            (EventMembers::Timeout { group }, "  ff05::1 timed out"),
            (
                EventMembers::Limit { group, limit: Limit::Sources },
                "! ff05::1 has more than max-sources allows",
            ),
            (EventMembers::Removed, "- the interface is no longer managed"),
        ] {
            assert_eq!(sentence(&event), text);
        }
        let many = sentence(&membership(true, FilterMode::Include, &sources));
        assert!(many.ends_with("2001:db8::8, +1"), "{many}");
    }
}
