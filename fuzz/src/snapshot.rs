use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use mld_proto::router::{GroupState, Stats, Storage, Usage};
use mld_proto::{Discard, FilterMode, GroupAddr, Instant, Querier, Router, Version};

/// All that a router says of itself, but for what waits to be polled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) view: View,
    poll_timeout: Option<Instant>,
    stats: Stats,
}

/// Knowledge of the link. Does not depend on when its output was polled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) running: bool,
    pub(crate) link_local: Option<Ipv6Addr>,
    pub(crate) querier: Querier,
    pub(crate) groups: BTreeMap<GroupAddr, Group>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) filter_mode: FilterMode,
    pub(crate) compatibility_mode: Version,
    pub(crate) state: GroupState,
    pub(crate) expires: Instant,
    pub(crate) created: Instant,
    pub(crate) last_reporter: Option<Ipv6Addr>,
    pub(crate) sources: BTreeMap<Ipv6Addr, Source>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) expires: Option<Instant>,
    pub(crate) created: Instant,
    pub(crate) is_forwarding: bool,
}

impl Snapshot {
    pub(crate) fn of<T: Storage>(router: &Router<T>) -> Self {
        Self { view: View::of(router), poll_timeout: router.poll_timeout(), stats: *router.stats() }
    }

    /// Fails unless the refused packet changed its counters and nothing else.
    pub(crate) fn assert_refused<T: Storage>(&self, router: &Router<T>, reason: Discard) {
        let after = Self::of(router);
        assert_eq!(self.view, after.view, "a refused packet leaves the state alone");
        assert_eq!(self.poll_timeout, after.poll_timeout, "and the deadline");
        let mut counted = self.stats;
        counted.count_discard(reason);
        counted.dropped = after.stats.dropped;
        assert_eq!(counted, after.stats, "and is counted once, as {reason}");
        let kinds = |stats: &Stats| {
            let dropped = &stats.dropped;
            dropped.query + dropped.report_v1 + dropped.report_v2 + dropped.done
        };
        assert!(kinds(&after.stats) - kinds(&self.stats) <= 1);
    }
}

impl View {
    pub(crate) fn of<T: Storage>(router: &Router<T>) -> Self {
        let view = Self {
            running: router.is_running(),
            link_local: router.link_local(),
            querier: router.querier(),
            groups: router.groups().map(|group| (group.address(), Group::of(group))).collect(),
        };
        assert_eq!(router.groups().count(), view.groups.len(), "each group is listed once");
        view
    }

    /// Fails if the answers of the router contradict each other.
    pub(crate) fn check<T: Storage>(&self, router: &Router<T>) {
        let now = router.now();
        let Usage { groups, sources } = router.usage();
        assert!(groups <= router.config().max_groups() && sources <= router.config().max_sources());
        // Expired state that was not processed yet still counts.
        assert!(groups as usize >= self.groups.len() && sources as usize >= self.sources());
        assert!(self.running || self.groups.is_empty());
        match self.querier {
            Querier::Own(address) => assert_eq!(Some(address), self.link_local),
            Querier::Other(address) => assert!(address.is_unicast_link_local()),
            Querier::Unknown => {}
        }
        for (address, group) in &self.groups {
            let by_address = router.group(*address).expect("a listed group is known");
            assert_eq!(Group::of(by_address), *group);
            assert_eq!(by_address.source_count(), group.sources.len());
            assert_eq!(router.state(*address), group.state);
            assert_ne!(group.state, GroupState::NoListeners);
            group.check(*address, router, now);
        }
    }

    /// Fails unless the router counts what it lists: so it is once nothing is left to be done.
    pub(crate) fn assert_usage<T: Storage>(&self, router: &Router<T>) {
        let Usage { groups, sources } = router.usage();
        assert_eq!((groups as usize, sources as usize), (self.groups.len(), self.sources()));
    }

    fn sources(&self) -> usize {
        self.groups.values().map(|group| group.sources.len()).sum()
    }
}

impl Group {
    fn of(group: mld_proto::router::GroupRef<'_>) -> Self {
        let sources: BTreeMap<_, _> = group
            .sources()
            .map(|source| {
                let (expires, created) = (source.expires(), source.created());
                (source.address(), Source { expires, created, is_forwarding: source.is_forwarding() })
            })
            .collect();
        assert_eq!(group.sources().count(), sources.len(), "each source is listed once");
        Self {
            filter_mode: group.filter_mode(),
            compatibility_mode: group.compatibility_mode(),
            state: group.state(),
            expires: group.expires(),
            created: group.created(),
            last_reporter: group.last_reporter(),
            sources,
        }
    }

    fn check<T: Storage>(&self, address: GroupAddr, router: &Router<T>, now: Instant) {
        assert!(self.created <= now && self.expires >= now, "{address} has begun and not ended");
        assert!(self.sources.len() <= router.config().max_group_sources() as usize);
        let routed = !address.is_link_local();
        let unlisted = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 0xffff);
        if !self.sources.contains_key(&unlisted) {
            let wanted = self.filter_mode == FilterMode::Exclude;
            assert_eq!(router.forwards(address, unlisted), wanted && routed);
        }
        let mut latest = None;
        for (source, timer) in &self.sources {
            assert_eq!(router.forwards(address, *source), timer.is_forwarding && routed);
            assert_eq!(timer.expires.is_some(), timer.is_forwarding);
            assert!(timer.created <= now);
            if let Some(expires) = timer.expires {
                assert!(expires >= now, "the timer of {source} still runs");
            }
            latest = latest.max(timer.expires);
        }
        if self.filter_mode == FilterMode::Include {
            assert!(self.sources.values().all(|source| source.is_forwarding));
            assert_eq!(latest, Some(self.expires), "an include group ends with its last source");
        }
    }
}
