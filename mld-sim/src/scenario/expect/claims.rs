//! Whether an expectation can be checked: there is what it speaks of, and it could come out either way.

use core::net::Ipv6Addr;

use mld_proto::router::Limit;
use mld_proto::wire::RecordType;
use mld_proto::{Discard, GroupAddr};

use crate::scenario::data::{
    Claim, Counted, Events, Forwards, Place, Queries, QueryKind, ScenarioError, Told, WHY_DOWN, WHY_STACK,
};
use crate::scenario::stage::{Names, NodeKind, is_group};
use crate::world::Loss;

/// An expectation and what it may name.
struct Check<'c> {
    at: usize,
    at_ms: u64,
    names: &'c Names,
}

impl Claim {
    /// Whether it can be checked.
    ///
    /// # Errors
    ///
    /// The key that is wrong.
    pub(in crate::scenario) fn check(
        &self,
        at: usize,
        at_ms: u64,
        names: &Names,
    ) -> Result<(), ScenarioError> {
        let check = Check { at, at_ms, names };
        match self {
            Self::Knows(claim) => {
                check.managed("knows.group", Some(claim.group))?;
                if !matches!(claim.compatibility_mode, None | Some(1 | 2)) {
                    return Err(check.place("knows.compatibility-mode").error("must be 1 or 2"));
                }
                check.router("knows.router", Some(&claim.router))
            }
            Self::KnowsNot(claim) => {
                check.managed("knows-not.group", claim.group)?;
                check.router("knows-not.router", Some(&claim.router))
            }
            Self::Forwards(claim) => {
                let keys = ["forwards.router", "forwards.group", "forwards.source", "forwards.since"];
                check.forwards(keys, claim)
            }
            Self::ForwardsNot(claim) => {
                let keys = [
                    "forwards-not.router",
                    "forwards-not.group",
                    "forwards-not.source",
                    "forwards-not.since",
                ];
                check.forwards(keys, claim)
            }
            Self::Role(claim) => check.router("role.router", Some(&claim.router)),
            Self::Queries(claim) => check.queries(claim),
            Self::Reports(claim) => {
                check.counted("reports", claim)?;
                let records = [
                    RecordType::IsIn,
                    RecordType::IsEx,
                    RecordType::ToIn,
                    RecordType::ToEx,
                    RecordType::Allow,
                    RecordType::Block,
                    RecordType::Report,
                ];
                let mut allowed: Vec<_> = records.map(RecordType::name).into();
                allowed.push("done");
                check.one_of("reports.record", claim.record.as_ref(), &allowed)?;
                check.group("reports.group", claim.group)?;
                check.not_from("reports.from", claim.from.as_ref(), NodeKind::Router, "Reports")
            }
            Self::Events(claim) => check.events(claim),
            Self::Discards(claim) => {
                check.counted("discards", claim)?;
                check.one_of("discards.reason", claim.reason.as_ref(), &Discard::ALL.map(Discard::name))?;
                check.router("discards.router", claim.router.as_ref())
            }
            Self::Refusals(claim) => {
                check.counted("refusals", claim)?;
                check.router("refusals.router", claim.router.as_ref())
            }
            Self::RefusedCalls(claim) => {
                check.counted("refused-calls", claim)?;
                check.one_of("refused-calls.why", claim.why.as_ref(), &[WHY_DOWN, WHY_STACK])?;
                check.group("refused-calls.group", claim.group)?;
                let place = check.place("refused-calls.host");
                claim.host.as_ref().map_or(Ok(()), |name| names.find_hosts(place, name).map(|_| ()))
            }
            Self::Losses(claim) => {
                check.counted("losses", claim)?;
                let allowed = [Loss::Chance, Loss::Partition, Loss::Down].map(Loss::name);
                check.one_of("losses.why", claim.why.as_ref(), &allowed)?;
                check.node("losses.node", claim.node.as_ref())
            }
            Self::Quiet(claim) => {
                check.since("quiet.since", claim.since_ms)?;
                check.node("quiet.node", claim.node.as_ref())
            }
        }
    }
}

impl Check<'_> {
    const fn place(&self, key: &'static str) -> Place {
        Place::new("expect", self.at, key)
    }

    fn router(&self, key: &'static str, name: Option<&String>) -> Result<(), ScenarioError> {
        name.map_or(Ok(()), |name| self.names.find_router(self.place(key), name).map(|_| ()))
    }

    fn node(&self, key: &'static str, name: Option<&String>) -> Result<(), ScenarioError> {
        name.map_or(Ok(()), |name| self.names.find(self.place(key), name).map(|_| ()))
    }

    /// Somebody who may send such messages.
    fn not_from(
        &self,
        key: &'static str,
        name: Option<&String>,
        kind: NodeKind,
        what: &str,
    ) -> Result<(), ScenarioError> {
        let Some(name) = name else { return Ok(()) };
        let nodes = self.names.find(self.place(key), name)?;
        if nodes.iter().any(|id| self.names.kind(*id) == kind) {
            return Err(self.place(key).error(format_args!("{name} never sends {what}")));
        }
        Ok(())
    }

    fn group(&self, key: &'static str, group: Option<Ipv6Addr>) -> Result<(), ScenarioError> {
        group.map_or(Ok(()), |group| is_group(self.place(key), group))
    }

    /// A group that a router may know (R-SEC-14).
    fn managed(&self, key: &'static str, group: Option<Ipv6Addr>) -> Result<(), ScenarioError> {
        self.group(key, group)?;
        match group.map(GroupAddr::new) {
            Some(Err(_)) => Err(self.place(key).error("no router keeps groups of scope 0 or 1, nor ff02::1")),
            _ => Ok(()),
        }
    }

    fn one_of(
        &self,
        key: &'static str,
        given: Option<&String>,
        allowed: &[&str],
    ) -> Result<(), ScenarioError> {
        match given {
            Some(given) if !allowed.contains(&given.as_str()) => Err(self
                .place(key)
                .error(format_args!("must be one of {}, not {given:?}", allowed.join(", ")))),
            _ => Ok(()),
        }
    }

    fn since(&self, key: &'static str, since_ms: u64) -> Result<(), ScenarioError> {
        if since_ms > self.at_ms { Err(self.place(key).error("must not be after `at`")) } else { Ok(()) }
    }

    fn counted(&self, key: &'static str, counted: &dyn Counted) -> Result<(), ScenarioError> {
        let demand = counted.demand();
        let error = |text: &str| Err(self.place(key).error(text));
        if demand.since_ms > self.at_ms {
            return error("`since` must not be after `at`");
        }
        let ways = [
            demand.count.is_some(),
            demand.at_least.is_some() || demand.at_most.is_some(),
            demand.times_ms.is_some(),
        ];
        match ways.into_iter().filter(|is_given| *is_given).count() {
            0 => return error("says how often: one of count, at-least, at-most, times"),
            1 => {}
            _ => return error("count, times, and at-least with at-most exclude each other"),
        }
        if demand.at_least == Some(0) {
            return error("at-least must be 1 or more, there are never fewer than 0");
        }
        if demand.at_most.is_some_and(|most| demand.at_least.is_some_and(|least| least > most)) {
            return error("at-least must not be more than at-most");
        }
        let counted = demand.since_ms..=self.at_ms;
        if demand.times_ms.is_some_and(|times| times.iter().any(|time| !counted.contains(time))) {
            return error("times must be from `since` to `at`");
        }
        Ok(())
    }

    fn forwards(
        &self,
        [router, group, source, since]: [&'static str; 4],
        claim: &Forwards,
    ) -> Result<(), ScenarioError> {
        self.managed(group, Some(claim.group))?;
        if claim.source.is_multicast() || claim.source.is_unspecified() {
            return Err(self.place(source).error(format_args!("{} cannot be a source", claim.source)));
        }
        self.since(since, claim.since_ms.unwrap_or_default())?;
        self.router(router, Some(&claim.router))
    }

    fn queries(&self, claim: &Queries) -> Result<(), ScenarioError> {
        self.counted("queries", claim)?;
        self.group("queries.group", claim.group)?;
        if claim.kind == Some(QueryKind::General) && claim.group.is_some() {
            return Err(self.place("queries.group").error("a General Query names no group"));
        }
        self.not_from("queries.from", claim.from.as_ref(), NodeKind::Host, "Queries")
    }

    fn events(&self, claim: &Events) -> Result<(), ScenarioError> {
        self.counted("events", claim)?;
        let only = |key, event, name| match claim.event {
            None => Ok(()),
            Some(given) if given == event => Ok(()),
            Some(_) => Err(self.place(key).error(format_args!("only {name} events have it"))),
        };
        if claim.has_members.is_some() {
            only("events.has-members", Told::Membership, "membership")?;
        }
        if claim.limit.is_some() {
            only("events.limit", Told::Limit, "limit")?;
        }
        if claim.limit.is_some() && claim.has_members.is_some() {
            return Err(self.place("events.limit").error("no event has it together with has-members"));
        }
        if claim.event == Some(Told::Querier) && claim.group.is_some() {
            return Err(self.place("events.group").error("querier events have none"));
        }
        self.managed("events.group", claim.group)?;
        self.one_of("events.limit", claim.limit.as_ref(), &Limit::ALL.map(Limit::name))?;
        self.router("events.router", claim.router.as_ref())
    }
}
