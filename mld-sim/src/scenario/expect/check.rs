//! Whether an expectation is met.

use core::net::Ipv6Addr;

use mld_proto::router::{GroupState, SourceRef};
use mld_proto::{FilterMode, GroupAddr, Instant, Version};

use super::log::{Entry, Log, RefusedCall, Said, Watched};
use super::words::{list, moments};
use crate::scenario::data::{
    Claim, Counted, Demand, Forwards, Knows, KnowsNot, RefusedCalls, Role, RoleName, StateName,
};
use crate::scenario::stage::Names;
use crate::time::short;
use crate::world::{Clock, Engine, NodeId, Scene};

/// Where everything is that claims are about.
pub(in crate::scenario) struct Evidence<'e> {
    pub(in crate::scenario) scene: Scene<'e>,
    pub(in crate::scenario) names: &'e Names,
    pub(in crate::scenario) log: &'e Log,
    pub(in crate::scenario) at: Instant,
}

impl Claim {
    /// What a log must watch for it all the time.
    pub(in crate::scenario) fn watched(&self, names: &Names) -> Option<Watched> {
        let (Self::Forwards(claim) | Self::ForwardsNot(claim)) = self else { return None };
        claim.since_ms?;
        let router = *names.known(&claim.router).first()?;
        Some(Watched { router, group: claim.group, source: claim.source, changes: Vec::new() })
    }

    /// Whether it is so at this moment.
    ///
    /// # Errors
    ///
    /// What is the case instead.
    pub(in crate::scenario) fn hold(&self, evidence: &Evidence<'_>) -> Result<(), String> {
        let Evidence { names, log, .. } = evidence;
        let at_ms = evidence.at.as_millis();
        let is = |name: &Option<String>, node: NodeId| {
            name.as_ref().is_none_or(|name| names.known(name).contains(&node))
        };
        let within = |since_ms: u64, moment: u64| (since_ms..=at_ms).contains(&moment);
        match self {
            Self::Knows(claim) => evidence.knows(claim),
            Self::KnowsNot(claim) => evidence.knows_not(claim),
            Self::Forwards(claim) => evidence.forwards(claim, true),
            Self::ForwardsNot(claim) => evidence.forwards(claim, false),
            Self::Role(claim) => evidence.role(claim),
            Self::Queries(claim) => {
                let sent = log.sent.iter().filter(|sent| is(&claim.from, sent.node));
                let meant = sent.filter(|sent| match &sent.what {
                    Said::Query { kind, group, suppress } => {
                        claim.kind.is_none_or(|asked| asked == *kind)
                            && claim.group.is_none_or(|asked| asked == *group)
                            && claim.suppress.is_none_or(|asked| asked == *suppress)
                    }
                    _ => false,
                });
                claim.demand().meet(at_ms, meant.map(|sent| sent.at_ms))
            }
            Self::Reports(claim) => {
                let sent = log.sent.iter().filter(|sent| is(&claim.from, sent.node));
                let meant = sent.flat_map(|sent| {
                    let records = match &sent.what {
                        Said::Reports(records) => records.as_slice(),
                        _ => &[],
                    };
                    let meant = records.iter().filter(|(record, group)| {
                        claim.record.as_ref().is_none_or(|asked| asked == record)
                            && claim.group.is_none_or(|asked| asked == *group)
                    });
                    meant.map(|_| sent.at_ms)
                });
                claim.demand().meet(at_ms, meant)
            }
            Self::Events(claim) => {
                let meant = log.told.iter().filter(|told| {
                    let event = &told.what;
                    is(&claim.router, told.node)
                        && claim.event.is_none_or(|asked| asked == event.kind)
                        && (claim.group.is_none() || claim.group == event.group)
                        && (claim.has_members.is_none() || claim.has_members == event.has_members)
                        && claim
                            .limit
                            .as_ref()
                            .is_none_or(|asked| event.limit.is_some_and(|limit| limit.name() == asked))
                });
                claim.demand().meet(at_ms, meant.map(|told| told.at_ms))
            }
            Self::Discards(claim) => {
                let meant = log.discards.iter().filter(|discard| {
                    is(&claim.router, discard.node)
                        && claim.reason.as_ref().is_none_or(|asked| asked == discard.what)
                });
                claim.demand().meet(at_ms, meant.map(|discard| discard.at_ms))
            }
            Self::Refusals(claim) => {
                let meant = log.refusals.iter().filter(|refusal| is(&claim.router, refusal.node));
                let each = meant.flat_map(|refusal| (0..refusal.what).map(|_| refusal.at_ms));
                claim.demand().meet(at_ms, each)
            }
            Self::RefusedCalls(claim) => {
                let meant = log.refused_calls.iter().filter(|call| claim.means(names, call));
                claim.demand().meet(at_ms, meant.map(|call| call.at_ms))
            }
            Self::Losses(claim) => {
                let meant = log.losses.iter().filter(|loss| {
                    is(&claim.node, loss.node) && claim.why.as_ref().is_none_or(|asked| asked == loss.what)
                });
                claim.demand().meet(at_ms, meant.map(|loss| loss.at_ms))
            }
            Self::Quiet(claim) => {
                let heard = log.sent.iter().filter(|sent| is(&claim.node, sent.node));
                let times: Vec<u64> =
                    heard.map(|sent| sent.at_ms).filter(|moment| within(claim.since_ms, *moment)).collect();
                if times.is_empty() { Ok(()) } else { Err(format!("something was sent {}", moments(&times))) }
            }
        }
    }
}

impl RefusedCalls {
    /// Whether the call is one of those that it counts, whenever it was.
    pub(in crate::scenario) fn means(&self, names: &Names, call: &Entry<RefusedCall>) -> bool {
        self.host.as_ref().is_none_or(|name| names.known(name).contains(&call.node))
            && (self.group.is_none() || self.group == call.what.group)
            && self.why.as_ref().is_none_or(|asked| asked == call.what.why)
    }
}

impl Demand<'_> {
    fn meet(&self, at_ms: u64, moments_ms: impl Iterator<Item = u64>) -> Result<(), String> {
        let times: Vec<u64> = moments_ms.filter(|moment| (self.since_ms..=at_ms).contains(moment)).collect();
        let count = times.len() as u64;
        let is_met = self.count.is_none_or(|asked| count == asked)
            && self.at_least.is_none_or(|asked| count >= asked)
            && self.at_most.is_none_or(|asked| count <= asked)
            && self.times_ms.is_none_or(|asked| times == asked);
        match (is_met, count) {
            (true, _) => Ok(()),
            (false, 0) => Err("there were none".into()),
            (false, _) => Err(format!("there were {count}, {}", moments(&times))),
        }
    }
}

impl Evidence<'_> {
    fn knows(&self, claim: &Knows) -> Result<(), String> {
        let Some(engine) = self.engine(&claim.router) else { return Err("there is no such router".into()) };
        let Some(group) = GroupAddr::new(claim.group).ok().and_then(|group| engine.group(group)) else {
            return Err("it knows no listeners".into());
        };
        let mode = group.filter_mode();
        let sorted = |forwarding: bool| {
            let meant = group.sources().filter(|source: &SourceRef<'_>| source.is_forwarding() == forwarding);
            let mut addresses: Vec<Ipv6Addr> = meant.map(|source| source.address()).collect();
            addresses.sort_unstable();
            addresses
        };
        let told = sorted(mode == FilterMode::Include);
        let requested = if mode == FilterMode::Exclude { sorted(true) } else { Vec::new() };
        let state = match group.state() {
            GroupState::CheckingListeners => StateName::CheckingListeners,
            GroupState::NoListeners | GroupState::ListenersPresent => StateName::ListenersPresent,
        };
        let version = match group.compatibility_mode() {
            Version::V1 => 1,
            Version::V2 => 2,
        };
        let expire_ms = group.expires().as_millis().saturating_sub(self.at.as_millis());
        let is_met = claim.filter_mode.is_none_or(|asked| asked == mode)
            && claim.sources.as_ref().is_none_or(|asked| same(asked, &told))
            && claim.requested.as_ref().is_none_or(|asked| same(asked, &requested))
            && claim.state.is_none_or(|asked| asked == state)
            && claim.compatibility_mode.is_none_or(|asked| asked == version)
            && claim.expire_ms.is_none_or(|asked| asked == expire_ms);
        if is_met {
            return Ok(());
        }
        let requested =
            if requested.is_empty() { String::new() } else { format!(", requested {}", list(&requested)) };
        Err(format!(
            "it is {} {}{requested}, {}, version {version}, ends in {}",
            mode.name(),
            list(&told),
            group.state().name(),
            short(expire_ms)
        ))
    }

    fn knows_not(&self, claim: &KnowsNot) -> Result<(), String> {
        let Some(engine) = self.engine(&claim.router) else { return Err("there is no such router".into()) };
        let mut known: Vec<Ipv6Addr> = engine
            .groups()
            .map(|group| group.address().get())
            .filter(|group| claim.group.is_none_or(|asked| asked == *group))
            .collect();
        known.sort_unstable();
        if known.is_empty() { Ok(()) } else { Err(format!("it knows {}", list(&known))) }
    }

    fn forwards(&self, claim: &Forwards, wanted: bool) -> Result<(), String> {
        let not = |is: bool| if is { "" } else { "not " };
        let Some(since_ms) = claim.since_ms else {
            let group = GroupAddr::new(claim.group);
            let forwards = group.is_ok_and(|group| {
                self.engine(&claim.router).is_some_and(|engine| engine.forwards(group, claim.source))
            });
            return if forwards == wanted { Ok(()) } else { Err(format!("it does {}so", not(forwards))) };
        };
        let router = self.names.known(&claim.router).first();
        let watched = self.log.watched.iter().find(|watched| {
            Some(&watched.router) == router && watched.group == claim.group && watched.source == claim.source
        });
        let changes = watched.map_or(&[][..], |watched| watched.changes.as_slice());
        let at_first = changes.iter().rev().find(|(at, _)| *at <= since_ms).is_some_and(|(_, is)| *is);
        let later = changes.iter().find(|(at, _)| (since_ms + 1..=self.at.as_millis()).contains(at));
        match later {
            _ if at_first != wanted => Err(format!("it did {}so at {}", not(at_first), short(since_ms))),
            Some((at, is)) => Err(format!("from {} on it did {}so", short(*at), not(*is))),
            None => Ok(()),
        }
    }

    fn role(&self, claim: &Role) -> Result<(), String> {
        let Some(engine) = self.engine(&claim.router) else { return Err("there is no such router".into()) };
        let querier = engine.querier();
        let role = match claim.is {
            RoleName::Querier => "querier",
            RoleName::NonQuerier => "non-querier",
        };
        if querier.role() == role && claim.querier.is_none_or(|asked| asked == querier.address()) {
            return Ok(());
        }
        Err(format!("it is {}, the querier is {}", querier.role(), querier.address()))
    }

    /// The router as it is now. One with an exact clock that had nothing to do lately is asked what time it is.
    fn engine(&self, router: &str) -> Option<Engine> {
        let id = *self.names.known(router).first()?;
        let mut engine = self.scene.engine(id)?.clone();
        if self.scene.clock(id) == Some(Clock::EXACT) && self.at > engine.now() {
            engine.handle_timeout(self.at);
        }
        Some(engine)
    }
}

/// Whether both name the same addresses, in whatever order.
fn same(asked: &[Ipv6Addr], ascending: &[Ipv6Addr]) -> bool {
    let mut asked = asked.to_vec();
    asked.sort_unstable();
    asked == ascending
}
