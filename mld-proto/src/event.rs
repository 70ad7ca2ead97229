use core::net::Ipv6Addr;

use crate::addr::GroupAddr;
use crate::wire::RecordType;

/// State that differs from what was last reported. Carries no value: read it from the router.
///
/// For one packet the querier comes first, then each changed group in order of first mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// The role or the elected querier changed: see [`Router::querier`](crate::Router::querier).
    Querier,
    /// A timer removed the last state of the group, after Queries or without. Its membership event follows.
    Timeout(GroupAddr),
    /// The membership of the group changed: its first or last listener, its filter mode or its sources. See
    /// [`Router::group`](crate::Router::group), which is `None` for a group without listeners.
    Membership(GroupAddr),
    /// The router has been stopped and every group reported.
    Stopped,
}

/// A fact about one accepted packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Item {
    /// An MLDv1 Report, or one record of an MLDv2 Report.
    Report {
        /// The group.
        group: GroupAddr,
        /// The sender.
        reporter: Ipv6Addr,
        /// The record type.
        record: RecordType,
    },
    /// An MLDv1 Done.
    Done {
        /// The group.
        group: GroupAddr,
        /// The sender.
        reporter: Ipv6Addr,
    },
    /// State was refused. Reported once for each group and limit until usage falls below the limit; a router
    /// remembers [`Limit::REMEMBERED`] such reports, so that those of a flood may be repeated.
    Limit {
        /// The group.
        group: GroupAddr,
        /// The limit.
        limit: Limit,
    },
}

/// A bound on the state that listeners can create (R-SEC-7, R-SEC-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Limit {
    /// Groups of the interface.
    Groups,
    /// Sources of one group.
    GroupSources,
    /// Sources of all groups of the interface.
    Sources,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Self; 3] = [Self::Groups, Self::GroupSources, Self::Sources];
    /// Reported refusals that a router remembers.
    pub const REMEMBERED: usize = 80;

    /// The name in documents, that of the configuration key.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Groups => "max-groups",
            Self::GroupSources => "max-group-sources",
            Self::Sources => "max-sources",
        }
    }
}

/// The router filter mode of a group (RFC 9777 section 7.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FilterMode {
    /// Only the listed sources are wanted.
    Include,
    /// All but the listed sources are wanted.
    Exclude,
}

impl FilterMode {
    /// The name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Include => "include",
            Self::Exclude => "exclude",
        }
    }
}

/// The state of a group in the terms of RFC 2710 section 6, for both versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupState {
    /// It has no listeners.
    NoListeners,
    /// It has listeners.
    ListenersPresent,
    /// A specific Query lowered the timers so that the group expires unless a listener answers.
    CheckingListeners,
}

impl GroupState {
    /// The name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoListeners => "no-listeners",
            Self::ListenersPresent => "listeners-present",
            Self::CheckingListeners => "checking-listeners",
        }
    }
}

/// The querier of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Querier {
    /// This router, with its link-local address.
    Own(Ipv6Addr),
    /// Another router.
    Other(Ipv6Addr),
    /// No querier is known (R-YNG-3, R-ELE-10).
    Unknown,
}

impl Querier {
    /// The querier's address; `::` if none is known.
    pub const fn address(self) -> Ipv6Addr {
        match self {
            Self::Own(address) | Self::Other(address) => address,
            Self::Unknown => Ipv6Addr::UNSPECIFIED,
        }
    }

    /// The role of this router in documents: `querier` or `non-querier`.
    pub const fn role(self) -> &'static str {
        match self {
            Self::Own(_) => "querier",
            Self::Other(_) | Self::Unknown => "non-querier",
        }
    }
}

const _: () = assert!(size_of::<Event>() <= 40);
