//! Events and state as documents, for any format that serde writes. Needs no allocator.
//!
//! A driver polls a router's events into an [`EventBatch`] and has it told, one [`EventDocument`] each; what
//! `handle_packet` accepted goes through [`tell_items`]. [`StateDocument`] is the state of interfaces. Where things
//! must be put in order, the caller lends a collection: a `Vec`, or one of fixed capacity that holds all groups, or
//! all sources of a group; one that is too small panics in its own `extend`.
//!
//! Times are seconds with at most three decimals, exact to the millisecond until the clock has run for 270,000 years.

use core::cmp::Ordering;
use core::net::Ipv6Addr;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::addr::GroupAddr;
use crate::event::{Event, FilterMode, Item, Limit, Querier};
use crate::router::{GroupRef, Router, SourceRef};
use crate::store::Storage;
use crate::wire::RecordType;

mod state;

pub use state::{InterfaceDocument, SourceDocument, StateDocument};

/// One event, complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventDocument<'a> {
    /// When it happened, in milliseconds of the clock that the reader knows.
    pub time_ms: u64,
    /// The name of the interface.
    pub interface: &'a str,
    /// The event.
    pub event: EventMembers<'a>,
}

/// A kind of event with its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventMembers<'a> {
    /// The membership of the group differs from the one last reported.
    Membership {
        /// The group.
        group: GroupAddr,
        /// True if the group has listeners.
        has_members: bool,
        /// Its filter mode; include if it has no listeners.
        filter_mode: FilterMode,
        /// Include: the wanted sources; exclude: the blocked ones. They ascend.
        sources: &'a [Ipv6Addr],
    },
    /// The role or the elected querier changed.
    Querier(Querier),
    /// A listener's report was accepted.
    Report {
        /// The group.
        group: GroupAddr,
        /// The sender.
        reporter: Ipv6Addr,
        /// The record type.
        record: RecordType,
    },
    /// A listener's Done was accepted.
    Done {
        /// The group.
        group: GroupAddr,
        /// The sender.
        reporter: Ipv6Addr,
    },
    /// A timer ended the last state of the group.
    Timeout {
        /// The group.
        group: GroupAddr,
    },
    /// The interface is no longer managed.
    Removed,
    /// State was refused.
    Limit {
        /// The group.
        group: GroupAddr,
        /// Which limit.
        limit: Limit,
    },
}

impl EventMembers<'_> {
    /// The name of the event.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Membership { .. } => "membership",
            Self::Querier(_) => "querier",
            Self::Report { .. } => "report",
            Self::Done { .. } => "done",
            Self::Timeout { .. } => "timeout",
            Self::Removed => "removed",
            Self::Limit { .. } => "limit",
        }
    }
}

impl From<Item> for EventMembers<'static> {
    fn from(item: Item) -> Self {
        match item {
            Item::Report { group, reporter, record } => Self::Report { group, reporter, record },
            Item::Done { group, reporter } => Self::Done { group, reporter },
            Item::Limit { group, limit } => Self::Limit { group, limit },
        }
    }
}

/// Tells what the router accepted of one packet, in wire order: the items of
/// [`Router::handle_packet`](crate::Router::handle_packet).
///
/// # Errors
///
/// The first error of `tell`.
pub fn tell_items<X>(
    items: impl IntoIterator<Item = Item>,
    time_ms: u64,
    interface: &str,
    mut tell: impl FnMut(EventDocument<'_>) -> Result<(), X>,
) -> Result<(), X> {
    items.into_iter().try_for_each(|item| tell(EventDocument { time_ms, interface, event: item.into() }))
}

/// The order in which the events of a batch are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As the router named them: for one packet, or a command.
    Polled,
    /// The querier, then groups ascending, each once and a timeout before its membership, then the removal of the
    /// interface: for the timers of one instant, and after [`Router::stop`](crate::Router::stop).
    Ascending,
}

/// Events of one instant, with the memory to put them and their sources in order: `E` holds [`Event`]s, `S`
/// addresses.
///
/// All timers of an instant belong into one batch, and a router may need several calls of
/// [`handle_timeout`](crate::Router::handle_timeout) for them: poll after each, tell when
/// [`poll_timeout`](crate::Router::poll_timeout) has left the instant.
#[derive(Clone, Debug, Default)]
pub struct EventBatch<E, S> {
    events: E,
    sources: S,
}

impl<E, S> EventBatch<E, S>
where
    E: Default + Extend<Event> + AsMut<[Event]>,
    S: Default + Extend<Ipv6Addr> + AsMut<[Ipv6Addr]>,
{
    /// Takes every pending event of the router.
    pub fn poll<T: Storage>(&mut self, router: &mut Router<T>) {
        self.events.extend(core::iter::from_fn(|| router.poll_event()));
    }

    /// Reports the events with the present state of the router, and clears the batch.
    ///
    /// # Errors
    ///
    /// The first error of `tell`; the events after it are lost, too.
    pub fn tell<T: Storage, X>(
        &mut self,
        router: &Router<T>,
        time_ms: u64,
        interface: &str,
        order: Order,
        mut tell: impl FnMut(EventDocument<'_>) -> Result<(), X>,
    ) -> Result<(), X> {
        let mut events = core::mem::take(&mut self.events);
        let events = events.as_mut();
        if order == Order::Ascending {
            events.sort_unstable_by(ascending);
        }
        let mut last = None;
        for &event in events.iter() {
            if order == Order::Ascending && last.replace(event) == Some(event) {
                continue;
            }
            let event = match event {
                Event::Querier => EventMembers::Querier(router.querier()),
                Event::Timeout(group) => EventMembers::Timeout { group },
                Event::Membership(group) => self.membership(group, router.group(group)),
                Event::Stopped => EventMembers::Removed,
            };
            tell(EventDocument { time_ms, interface, event })?;
        }
        Ok(())
    }

    fn membership(&mut self, group: GroupAddr, state: Option<GroupRef<'_>>) -> EventMembers<'_> {
        self.sources = S::default();
        let Some(state) = state else {
            return EventMembers::Membership {
                group,
                has_members: false,
                filter_mode: FilterMode::Include,
                sources: &[],
            };
        };
        let filter_mode = state.filter_mode();
        let named = |source: &SourceRef<'_>| source.is_forwarding() == (filter_mode == FilterMode::Include);
        self.sources.extend(state.sources().filter(named).map(|source| source.address()));
        let sources = self.sources.as_mut();
        sources.sort_unstable();
        EventMembers::Membership { group, has_members: true, filter_mode, sources }
    }
}

fn ascending(one: &Event, other: &Event) -> Ordering {
    let place = |event: &Event| match *event {
        Event::Querier => (0, None, 0),
        Event::Timeout(group) => (1, Some(group), 0),
        Event::Membership(group) => (1, Some(group), 1),
        Event::Stopped => (2, None, 0),
    };
    place(one).cmp(&place(other))
}

impl Serialize for EventDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = match self.event {
            EventMembers::Membership { .. } => 4,
            EventMembers::Report { .. } | EventMembers::Done { .. } => 3,
            EventMembers::Querier(_) | EventMembers::Limit { .. } => 2,
            EventMembers::Timeout { .. } => 1,
            EventMembers::Removed => 0,
        };
        let mut document = serializer.serialize_struct("event", 3 + members)?;
        document.serialize_field("time", &Seconds(self.time_ms))?;
        document.serialize_field("interface", self.interface)?;
        document.serialize_field("event", self.event.name())?;
        match self.event {
            EventMembers::Membership { group, has_members, filter_mode, sources } => {
                document.serialize_field("group", &group.get())?;
                document.serialize_field("has-members", &has_members)?;
                document.serialize_field("filter-mode", filter_mode.name())?;
                document.serialize_field("sources", sources)?;
            }
            EventMembers::Querier(querier) => {
                document.serialize_field("role", querier.role())?;
                document.serialize_field("address", &querier.address())?;
            }
            EventMembers::Report { group, reporter, record } => {
                document.serialize_field("group", &group.get())?;
                document.serialize_field("reporter", &reporter)?;
                document.serialize_field("record", record.name())?;
            }
            EventMembers::Done { group, reporter } => {
                document.serialize_field("group", &group.get())?;
                document.serialize_field("reporter", &reporter)?;
                document.serialize_field("record", "done")?;
            }
            EventMembers::Timeout { group } => document.serialize_field("group", &group.get())?,
            EventMembers::Removed => {}
            EventMembers::Limit { group, limit } => {
                document.serialize_field("group", &group.get())?;
                document.serialize_field("limit", limit.name())?;
            }
        }
        document.end()
    }
}

/// Milliseconds, written as seconds: whole ones as an integer.
struct Seconds(pub(super) u64);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1000) {
            serializer.serialize_u64(self.0 / 1000)
        } else {
            // The nearest number to a decimal of three places, so its shortest form is that decimal.
            serializer.serialize_f64(self.0 as f64 / 1000.0)
        }
    }
}

#[cfg(test)]
mod tests;
