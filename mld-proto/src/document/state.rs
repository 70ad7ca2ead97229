use core::marker::PhantomData;
use core::net::Ipv6Addr;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::Seconds;
use crate::discard::Discard;
use crate::event::{Limit, Querier};
use crate::router::{GroupRef, Router};
use crate::stats::{MessageCounts, Stats};
use crate::store::Storage;
use crate::time::Instant;

/// The state of interfaces, in the order in which they stand here.
#[derive(Clone, Copy, Debug)]
pub struct StateDocument<'a, I> {
    /// An [`InterfaceDocument`] each, or another document of the same shape.
    pub interfaces: &'a [I],
}

/// The state of one interface, as of the latest moment that its router was given. `G` holds [`GroupRef`]s, `S`
/// [`SourceDocument`]s.
#[derive(Clone, Debug)]
pub struct InterfaceDocument<'r, G, S> {
    name: &'r str,
    address: Ipv6Addr,
    version: u8,
    querier: Querier,
    now: Instant,
    groups: G,
    stats: &'r Stats,
    sources: PhantomData<fn() -> S>,
}

impl<'r, G, S> InterfaceDocument<'r, G, S>
where
    G: Default + Extend<GroupRef<'r>> + AsMut<[GroupRef<'r>]>,
{
    /// The state of the interface `name`, which `router` serves. An interface without an address has `::`.
    pub fn new<T: Storage>(name: &'r str, router: &'r Router<T>) -> Self {
        let mut groups = G::default();
        groups.extend(router.groups());
        groups.as_mut().sort_unstable_by_key(GroupRef::address);
        Self {
            name,
            address: router.link_local().unwrap_or(Ipv6Addr::UNSPECIFIED),
            version: router.config().version().number(),
            querier: router.querier(),
            now: router.now(),
            groups,
            stats: router.stats(),
            sources: PhantomData,
        }
    }
}

/// The state of one source of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceDocument {
    address: Ipv6Addr,
    expire_ms: u64,
    up_ms: u64,
    forwarding: bool,
}

impl<I: Serialize> Serialize for StateDocument<'_, I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_struct("state", 1)?;
        document.serialize_field("interfaces", self.interfaces)?;
        document.end()
    }
}

impl<'r, G, S> Serialize for InterfaceDocument<'r, G, S>
where
    G: AsRef<[GroupRef<'r>]>,
    S: Default + Extend<SourceDocument> + AsMut<[SourceDocument]>,
{
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let mut document = serializer.serialize_struct("interface", 7)?;
        document.serialize_field("name", self.name)?;
        document.serialize_field("address", &self.address)?;
        document.serialize_field("version", &self.version)?;
        document.serialize_field("role", self.querier.role())?;
        document.serialize_field("querier", &self.querier.address())?;
        let groups = Groups { groups: self.groups.as_ref(), now: self.now, sources: self.sources };
        document.serialize_field("groups", &groups)?;
        document.serialize_field("statistics", &Statistics(self.stats))?;
        document.end()
    }
}

struct Groups<'d, 'r, S> {
    groups: &'d [GroupRef<'r>],
    now: Instant,
    sources: PhantomData<fn() -> S>,
}

impl<S> Serialize for Groups<'_, '_, S>
where
    S: Default + Extend<SourceDocument> + AsMut<[SourceDocument]>,
{
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let sources = self.sources;
        serializer.collect_seq(self.groups.iter().map(|&group| Group { group, now: self.now, sources }))
    }
}

struct Group<'r, S> {
    group: GroupRef<'r>,
    now: Instant,
    sources: PhantomData<fn() -> S>,
}

impl<S> Serialize for Group<'_, S>
where
    S: Default + Extend<SourceDocument> + AsMut<[SourceDocument]>,
{
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let (group, now) = (self.group, self.now);
        let mut sources = S::default();
        sources.extend(group.sources().map(|source| SourceDocument {
            address: source.address(),
            expire_ms: source.expires().map_or(0, |expires| millis_between(now, expires)),
            up_ms: millis_between(source.created(), now),
            forwarding: source.is_forwarding(),
        }));
        let sources = sources.as_mut();
        sources.sort_unstable_by_key(|source| source.address);
        let mut document = serializer.serialize_struct("group", 8)?;
        document.serialize_field("group-address", &group.address().get())?;
        document.serialize_field("filter-mode", group.filter_mode().name())?;
        document.serialize_field("expire", &Seconds(millis_between(now, group.expires())))?;
        document.serialize_field("up-time", &Seconds(millis_between(group.created(), now)))?;
        document.serialize_field("compatibility-mode", &group.compatibility_mode().number())?;
        document.serialize_field("state", group.state().name())?;
        document.serialize_field("last-reporter", &group.last_reporter().unwrap_or(Ipv6Addr::UNSPECIFIED))?;
        document.serialize_field("sources", &*sources)?;
        document.end()
    }
}

impl Serialize for SourceDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_struct("source", 4)?;
        document.serialize_field("source-address", &self.address)?;
        document.serialize_field("expire", &Seconds(self.expire_ms))?;
        document.serialize_field("up-time", &Seconds(self.up_ms))?;
        document.serialize_field("forwarding", &self.forwarding)?;
        document.end()
    }
}

struct Statistics<'r>(&'r Stats);

impl Serialize for Statistics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_struct("statistics", 4)?;
        document.serialize_field("received", &Received(&self.0.received))?;
        document.serialize_field("sent", &Sent(self.0.sent.total()))?;
        document.serialize_field("discarded", &Discarded(self.0))?;
        document.serialize_field("refused", &Refused(self.0))?;
        document.end()
    }
}

struct Received<'r>(&'r MessageCounts);

impl Serialize for Received<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_struct("received", 4)?;
        document.serialize_field("query", &self.0.query)?;
        document.serialize_field("report-v1", &self.0.report_v1)?;
        document.serialize_field("report-v2", &self.0.report_v2)?;
        document.serialize_field("done", &self.0.done)?;
        document.end()
    }
}

struct Sent(u64);

impl Serialize for Sent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_struct("sent", 1)?;
        document.serialize_field("query", &self.0)?;
        document.end()
    }
}

struct Discarded<'r>(&'r Stats);

impl Serialize for Discarded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Discard::ALL.map(|reason| (reason.name(), self.0.discarded(reason))))
    }
}

struct Refused<'r>(&'r Stats);

impl Serialize for Refused<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Limit::ALL.map(|limit| (limit.name(), self.0.refused(limit))))
    }
}

fn millis_between(earlier: Instant, later: Instant) -> u64 {
    later.as_millis().saturating_sub(earlier.as_millis())
}
