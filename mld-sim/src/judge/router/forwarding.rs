//! The forwarding decisions of a router.

use core::net::Ipv6Addr;
use std::collections::BTreeMap;

use mld_proto::{FilterMode, GroupAddr};

use crate::world::Engine;

/// The forwarding decisions for a group, also for one that is never forwarded because of its scope.
#[derive(Debug, Default)]
pub(in crate::judge) struct Forwarding {
    pub(in crate::judge) is_known: bool,
    /// The sources that are listed.
    listed: BTreeMap<Ipv6Addr, bool>,
    all_others: bool,
}

impl Forwarding {
    pub(in crate::judge) fn of(engine: &Engine, group: Ipv6Addr) -> Self {
        let known = GroupAddr::new(group).ok().and_then(|group| engine.group(group));
        known.map_or_else(Self::default, |group| Self {
            is_known: true,
            listed: group.sources().map(|source| (source.address(), source.is_forwarding())).collect(),
            all_others: group.filter_mode() == FilterMode::Exclude,
        })
    }

    /// The sources that the router has listed.
    pub(in crate::judge) fn listed(&self) -> impl Iterator<Item = Ipv6Addr> {
        self.listed.keys().copied()
    }

    pub(in crate::judge) fn passes(&self, source: Ipv6Addr) -> bool {
        self.listed.get(&source).copied().unwrap_or(self.all_others)
    }
}
