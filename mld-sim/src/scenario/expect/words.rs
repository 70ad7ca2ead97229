//! Expectations in words.

use core::fmt;
use core::net::Ipv6Addr;

use crate::scenario::data::{Claim, Counted, Demand, QueryKind, RoleName, StateName, Told};
use crate::time::short;

/// How many moments are told of many.
const MOMENTS_MAX: usize = 12;

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Knows(claim) => {
                write!(f, "{} knows {}", claim.router, claim.group)?;
                if let Some(mode) = claim.filter_mode {
                    write!(f, ", {}", mode.name())?;
                }
                if let Some(sources) = &claim.sources {
                    write!(f, " {}", list(sources))?;
                }
                if let Some(sources) = &claim.requested {
                    write!(f, ", requested {}", list(sources))?;
                }
                match claim.state {
                    Some(StateName::CheckingListeners) => f.write_str(", checking listeners")?,
                    Some(StateName::ListenersPresent) => f.write_str(", listeners present")?,
                    None => {}
                }
                if let Some(version) = claim.compatibility_mode {
                    write!(f, ", version {version}")?;
                }
                claim.expire_ms.map_or(Ok(()), |expire_ms| write!(f, ", ends in {}", short(expire_ms)))
            }
            Self::KnowsNot(claim) => match claim.group {
                Some(group) => write!(f, "{} does not know {group}", claim.router),
                None => write!(f, "{} knows no group", claim.router),
            },
            Self::Forwards(claim) | Self::ForwardsNot(claim) => {
                let does = if matches!(self, Self::Forwards(_)) { "forwards" } else { "does not forward" };
                write!(f, "{} {does} {} from {}", claim.router, claim.group, claim.source)?;
                claim.since_ms.map_or(Ok(()), |since_ms| write!(f, ", since {}", short(since_ms)))
            }
            Self::Role(claim) => {
                let role = match claim.is {
                    RoleName::Querier => "the querier",
                    RoleName::NonQuerier => "not the querier",
                };
                write!(f, "{} is {role}", claim.router)?;
                claim.querier.map_or(Ok(()), |querier| write!(f, ", {querier} is"))
            }
            Self::Queries(claim) => {
                let kind = match claim.kind {
                    Some(QueryKind::General) => "General Queries",
                    Some(QueryKind::Group) => "Multicast Address Specific Queries",
                    Some(QueryKind::GroupAndSource) => "Multicast Address and Source Specific Queries",
                    None => "Queries",
                };
                f.write_str(kind)?;
                about(f, " with S ", &claim.suppress.map(|set| if set { "set" } else { "clear" }))?;
                about(f, " for ", &claim.group)?;
                about(f, " from ", &claim.from)?;
                claim.demand().fmt(f)
            }
            Self::Reports(claim) => {
                f.write_str("reports")?;
                about(f, " ", &claim.record)?;
                about(f, " of ", &claim.group)?;
                about(f, " from ", &claim.from)?;
                claim.demand().fmt(f)
            }
            Self::Events(claim) => {
                let event = claim.event.map(|event| match event {
                    Told::Membership => "membership ",
                    Told::Querier => "querier ",
                    Told::Timeout => "timeout ",
                    Told::Limit => "limit ",
                });
                write!(f, "{}events", event.unwrap_or_default())?;
                about(f, " of ", &claim.group)?;
                about(f, " of ", &claim.limit)?;
                match claim.has_members {
                    Some(true) => f.write_str(" with members")?,
                    Some(false) => f.write_str(" without members")?,
                    None => {}
                }
                about(f, " from ", &claim.router)?;
                claim.demand().fmt(f)
            }
            Self::Discards(claim) => {
                f.write_str("packets ignored")?;
                about(f, " by ", &claim.router)?;
                about(f, ", ", &claim.reason)?;
                claim.demand().fmt(f)
            }
            Self::Refusals(claim) => {
                f.write_str("refusals of state")?;
                about(f, " by ", &claim.router)?;
                claim.demand().fmt(f)
            }
            Self::RefusedCalls(claim) => {
                f.write_str("calls in vain")?;
                about(f, " of ", &claim.host)?;
                about(f, " for ", &claim.group)?;
                about(f, ", ", &claim.why)?;
                claim.demand().fmt(f)
            }
            Self::Losses(claim) => {
                f.write_str("frames lost")?;
                about(f, " to ", &claim.node)?;
                about(f, " by ", &claim.why)?;
                claim.demand().fmt(f)
            }
            Self::Quiet(claim) => {
                f.write_str(claim.node.as_deref().unwrap_or("everybody"))?;
                write!(f, " sends nothing since {}", short(claim.since_ms))
            }
        }
    }
}

impl fmt::Display for Demand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.since_ms > 0 {
            write!(f, " since {}", short(self.since_ms))?;
        }
        f.write_str(":")?;
        about(f, " ", &self.count)?;
        about(f, " at least ", &self.at_least)?;
        about(f, " at most ", &self.at_most)?;
        self.times_ms.map_or(Ok(()), |times| write!(f, " {}", moments(times)))
    }
}

/// Moments, of many the first.
pub(in crate::scenario) fn moments(times_ms: &[u64]) -> String {
    if times_ms.is_empty() {
        return "never".into();
    }
    let mut told: Vec<_> = times_ms.iter().take(MOMENTS_MAX).map(|at| short(*at)).collect();
    if times_ms.len() > MOMENTS_MAX {
        told.push("…".into());
    }
    format!("at {}", told.join(", "))
}

/// Addresses as a set.
pub(in crate::scenario) fn list(addresses: &[Ipv6Addr]) -> String {
    let texts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    format!("{{{}}}", texts.join(", "))
}

fn about(f: &mut fmt::Formatter<'_>, before: &str, what: &Option<impl fmt::Display>) -> fmt::Result {
    what.as_ref().map_or(Ok(()), |what| write!(f, "{before}{what}"))
}
