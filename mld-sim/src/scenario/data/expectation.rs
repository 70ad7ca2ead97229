//! What should come of a scenario.

use core::net::Ipv6Addr;

use mld_proto::FilterMode;
use serde::{Deserialize, Serialize};

use super::choice::choice;
use super::forms;
use super::units::{self, is_default};
use crate::world::Refusal;

/// Something that should be so at a moment, when everything of that moment has happened.
///
/// What is counted is counted from the moment `since` on, the beginning if there is none, until this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ExpectationForm", into = "ExpectationForm")]
pub struct Expectation {
    /// When.
    pub at_ms: u64,
    /// What.
    pub claim: Claim,
}

/// What can be expected. Nodes go by their names.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// A router knows listeners of a group.
    Knows(Knows),
    /// A router knows no listeners of a group.
    KnowsNot(KnowsNot),
    /// A router forwards a group's packets.
    Forwards(Forwards),
    /// A router does not forward a group's packets.
    ForwardsNot(Forwards),
    /// A router is the querier, or it is not.
    Role(Role),
    /// So many Queries were sent.
    Queries(Queries),
    /// So many Reports and Done were sent.
    Reports(Reports),
    /// A router told so many events.
    Events(Events),
    /// A router ignored so many packets.
    Discards(Discards),
    /// A router refused state so often because of a limit.
    Refusals(Refusals),
    /// So many calls of applications were in vain.
    RefusedCalls(RefusedCalls),
    /// So many frames did not reach somebody.
    Losses(Losses),
    /// Nobody sent anything.
    Quiet(Quiet),
}

choice! {
    Expectation { at_ms, claim: Claim } as ExpectationForm, "an expectation":
    knows => Knows(Knows),
    knows_not => KnowsNot(KnowsNot),
    forwards => Forwards(Forwards),
    forwards_not => ForwardsNot(Forwards),
    role => Role(Role),
    queries => Queries(Queries),
    reports => Reports(Reports),
    events => Events(Events),
    discards => Discards(Discards),
    refusals => Refusals(Refusals),
    refused_calls => RefusedCalls(RefusedCalls),
    losses => Losses(Losses),
    quiet => Quiet(Quiet),
}

/// What a router knows of a group. What is left out may be anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Knows {
    /// The router.
    pub router: String,
    /// The group.
    pub group: Ipv6Addr,
    /// Its filter mode.
    #[serde(default, with = "forms::maybe_mode", skip_serializing_if = "is_default")]
    pub filter_mode: Option<FilterMode>,
    /// The sources that a membership event names: the included ones, or the blocked ones.
    #[serde(default, with = "units::maybe_addresses", skip_serializing_if = "is_default")]
    pub sources: Option<Vec<Ipv6Addr>>,
    /// In exclude mode, the sources that somebody asked for beside the blocked ones.
    #[serde(default, with = "units::maybe_addresses", skip_serializing_if = "is_default")]
    pub requested: Option<Vec<Ipv6Addr>>,
    /// Whether a Query put the end in sight.
    #[serde(default, skip_serializing_if = "is_default")]
    pub state: Option<StateName>,
    /// 1 while an MLDv1 host counts as present, else 2.
    #[serde(default, skip_serializing_if = "is_default")]
    pub compatibility_mode: Option<u8>,
    /// How long until it ends unless somebody refreshes it, at a router whose clock is exact.
    #[serde(rename = "expire", default, with = "units::maybe_seconds", skip_serializing_if = "is_default")]
    pub expire_ms: Option<u64>,
}

/// The state of a group in the terms of RFC 2710 section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateName {
    /// Somebody wants it.
    ListenersPresent,
    /// A specific Query lowered the timers so that the group ends unless somebody answers.
    CheckingListeners,
}

/// Of which group a router knows no listeners.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KnowsNot {
    /// The router.
    pub router: String,
    /// The group; any at all if there is none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub group: Option<Ipv6Addr>,
}

/// Whose packets a router forwards, or does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Forwards {
    /// The router.
    pub router: String,
    /// The group.
    pub group: Ipv6Addr,
    /// The source.
    pub source: Ipv6Addr,
    /// It was so all the time from this moment on.
    #[serde(rename = "since", default, with = "units::maybe_seconds", skip_serializing_if = "is_default")]
    pub since_ms: Option<u64>,
}

/// Which role a router has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Role {
    /// The router.
    pub router: String,
    /// The role.
    pub is: RoleName,
    /// Who it believes is the querier; `::` for nobody.
    #[serde(default, skip_serializing_if = "is_default")]
    pub querier: Option<Ipv6Addr>,
}

/// A role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleName {
    /// It queries.
    Querier,
    /// Another router queries, or nobody does.
    NonQuerier,
}

/// Declares something that is counted: its own fields, then how often and when.
macro_rules! counted {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_meta])* #[serde(default, skip_serializing_if = "is_default")] pub $field: $type,)*
            /// From when on they count.
            #[serde(rename = "since", default, with = "units::seconds", skip_serializing_if = "is_default")]
            pub since_ms: u64,
            /// Exactly so many.
            #[serde(default, skip_serializing_if = "is_default")]
            pub count: Option<u64>,
            /// So many or more.
            #[serde(default, skip_serializing_if = "is_default")]
            pub at_least: Option<u64>,
            /// So many or fewer.
            #[serde(default, skip_serializing_if = "is_default")]
            pub at_most: Option<u64>,
            /// At exactly these moments; of several at one moment it stands several times.
            #[serde(
                rename = "times",
                default,
                with = "units::maybe_moments",
                skip_serializing_if = "is_default"
            )]
            pub times_ms: Option<Vec<u64>>,
        }

        impl Counted for $name {
            fn demand(&self) -> Demand<'_> {
                Demand {
                    since_ms: self.since_ms,
                    count: self.count,
                    at_least: self.at_least,
                    at_most: self.at_most,
                    times_ms: self.times_ms.as_deref(),
                }
            }
        }
    };
}

/// How often and when something should have happened.
#[derive(Clone, Copy, Debug)]
pub(in crate::scenario) struct Demand<'e> {
    pub(in crate::scenario) since_ms: u64,
    pub(in crate::scenario) count: Option<u64>,
    pub(in crate::scenario) at_least: Option<u64>,
    pub(in crate::scenario) at_most: Option<u64>,
    pub(in crate::scenario) times_ms: Option<&'e [u64]>,
}

/// Something that is counted.
pub(in crate::scenario) trait Counted {
    fn demand(&self) -> Demand<'_>;
}

counted! {
    /// Queries that were sent.
    Queries {
        /// Who sent them; anybody if nobody is named.
        from: Option<String>,
        /// What they ask for; anything if nothing is named.
        kind: Option<QueryKind>,
        /// The group that they ask for; any if none is named.
        group: Option<Ipv6Addr>,
        /// Whether they tell routers to leave their timers alone (the S flag).
        suppress: Option<bool>,
    }
}

/// What a Query asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueryKind {
    /// Everything.
    General,
    /// One group.
    Group,
    /// Some sources of one group.
    GroupAndSource,
}

counted! {
    /// Reports and Done that were sent. A Report of MLDv2 counts once for each of its records that is meant.
    Reports {
        /// Who sent them; anybody if nobody is named. The name of several hosts means any of them.
        from: Option<String>,
        /// `is-in`, `is-ex`, `to-in`, `to-ex`, `allow`, `block`, or of MLDv1 `report`, `done`; any if none is named.
        record: Option<String>,
        /// The group; any if none is named.
        group: Option<Ipv6Addr>,
    }
}

counted! {
    /// Events that a router told.
    Events {
        /// The router; any if none is named.
        router: Option<String>,
        /// Which event; any if none is named.
        event: Option<Told>,
        /// The group; any if none is named.
        group: Option<Ipv6Addr>,
        /// Of a membership: whether there are listeners.
        has_members: Option<bool>,
        /// Of a limit: which one.
        limit: Option<String>,
    }
}

/// What a router tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// A group's listeners changed.
    Membership,
    /// The role or the elected querier changed.
    Querier,
    /// A timer ended the last state of a group.
    Timeout,
    /// State was refused.
    Limit,
}

counted! {
    /// Packets that a router ignored.
    Discards {
        /// The router; any if none is named.
        router: Option<String>,
        /// Why, by the name in the statistics; for whatever reason if none is named.
        reason: Option<String>,
    }
}

counted! {
    /// State that a router refused.
    Refusals {
        /// The router; any if none is named.
        router: Option<String>,
    }
}

/// Why calls are in vain: the host is down.
pub(in crate::scenario) const WHY_DOWN: &str = Refusal::Down.name();
/// Why calls are in vain: the protocol stack of the host grants no such call.
pub(in crate::scenario) const WHY_STACK: &str = Refusal::Stack("").name();

counted! {
    /// Calls of applications, to listen or to leave, of which nothing came. One that the protocol stack of a host refuses
    /// breaks a scenario that has no such expectation.
    RefusedCalls {
        /// The host; any if none is named. The name of several hosts means any of them.
        host: Option<String>,
        /// The group; any if none is named.
        group: Option<Ipv6Addr>,
        /// `stack`: the protocol stack grants no such call (R-LSN-5, R-LSN-49); `down`: the host is down; either if none is
        /// named.
        why: Option<String>,
    }
}

counted! {
    /// Frames that did not reach somebody.
    Losses {
        /// Whom they did not reach; anybody if nobody is named.
        node: Option<String>,
        /// `chance`, `partition` or `down`; for whatever reason if none is named.
        why: Option<String>,
    }
}

/// Who sent nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Quiet {
    /// The node; nobody at all sent anything if none is named.
    #[serde(default, skip_serializing_if = "is_default")]
    pub node: Option<String>,
    /// From when on.
    #[serde(rename = "since", with = "units::seconds")]
    pub since_ms: u64,
}
