//! The filters of sockets, merged into the filters of the interface (RFC 9777 sections 3 and 4.2).

use core::net::Ipv6Addr;

use super::engine::Core;
use super::tables::{
    FILTER_BIT, FilterId, FilterSlot, GroupFlags, GroupSlot, Owner, SOURCE_BIT, SourceFlags, SourceSlot, View,
};
use super::{ListenError, Socket};
use crate::addr::GroupAddr;
use crate::event::FilterMode;
use crate::store::{GroupId, Index, Ring, RingWalk, SourceId};

impl Core {
    /// R-LSN-1, R-LSN-5: all of it or, with an error, nothing.
    pub(super) fn listen(
        &mut self,
        view: &mut View<'_>,
        now: u64,
        socket: Socket,
        address: Ipv6Addr,
        mode: FilterMode,
        sources: &[Ipv6Addr],
    ) -> Result<(), ListenError> {
        self.arrive(now);
        if !address.is_multicast() {
            return Err(ListenError::NotMulticast);
        }
        if let Some(source) = sources.iter().find(|source| !is_source(source)) {
            return Err(ListenError::NotSource(*source));
        }
        let exclude = mode == FilterMode::Exclude;
        // R-LSN-49
        if exclude && self.config.ssm_range.contains(address) {
            return Err(ListenError::SourceSpecific);
        }
        let ends = !exclude && sources.is_empty();
        let known = self.find_group(view.shared(), address);
        let filter = known.and_then(|group| self.find_filter(view.shared(), group, socket.0));
        if ends && filter.is_none() {
            return Ok(());
        }
        let group = match known {
            Some(group) => group,
            None => self.add_group(view, address).ok_or(ListenError::TooManyGroups)?,
        };
        self.cancel_stale(view, group);
        let Some(filter) = filter.or_else(|| self.add_filter(view, group, socket.0)) else {
            self.free_if_idle(view, group);
            return Err(ListenError::TooManyFilters);
        };
        for source in sources {
            let mut named = self.name(view, group, filter, *source);
            if named.is_none() {
                // Sources known only from Queries make room for those of sockets.
                self.forget_all_queried(view);
                named = self.name(view, group, filter, *source);
            }
            if named.is_none() {
                self.undo(view, group, filter);
                return Err(ListenError::TooManySources);
            }
        }
        let before = Merged::of(view.group(group));
        self.apply(view, group, filter, exclude);
        if ends {
            self.free_filter(view, filter);
        }
        self.merge(view, group, before);
        self.free_if_idle(view, group);
        Ok(())
    }

    /// A source that the call names: known to the filter, or new to it.
    fn name(
        &mut self,
        view: &mut View<'_>,
        group: GroupId,
        filter: FilterId,
        address: Ipv6Addr,
    ) -> Option<()> {
        if let Some(known) = self.find_source(view.shared(), filter, address) {
            view.source(known).flags.insert(SourceFlags::NAMED);
            return Some(());
        }
        let of_group = match self.find_source(view.shared(), group, address) {
            Some(known) => known,
            None => self.add_source(view, group, address)?,
        };
        let Some(named) = self.add_filter_source(view, filter, address) else {
            self.free_source_if_idle(view, of_group);
            return None;
        };
        let slot = view.source(named);
        slot.flags = SourceFlags::NAMED | SourceFlags::NEW;
        slot.excluded = of_group.at() as u32;
        // Counted so that it stays; `apply` and `undo` count it right.
        view.source(of_group).included += 1;
        Some(())
    }

    /// Takes back what [`name`](Self::name) did.
    fn undo(&mut self, view: &mut View<'_>, group: GroupId, filter: FilterId) {
        let mut walk = filter_sources(view, filter);
        while let Some(id) = walk.next(view.sources) {
            let slot = view.source(id);
            let (new, of_group) =
                (slot.flags.contains(SourceFlags::NEW), SourceId::new(slot.excluded as usize));
            slot.flags = SourceFlags::empty();
            if new {
                view.source(of_group).included -= 1;
                self.free_filter_source(view, filter, id);
                self.free_source_if_idle(view, of_group);
            }
        }
        let slot = view.filter(filter);
        if slot.sources == SourceId::NIL && !slot.exclude {
            // It was made for this call.
            self.free_filter(view, filter);
        }
        self.free_if_idle(view, group);
    }

    /// The filter becomes what the call named: the counts of the group's sources follow.
    fn apply(&mut self, view: &mut View<'_>, group: GroupId, filter: FilterId, exclude: bool) {
        let excluded = core::mem::replace(&mut view.filter(filter).exclude, exclude);
        let slot = view.group(group);
        slot.excluding = slot.excluding - u32::from(excluded) + u32::from(exclude);
        let mut walk = filter_sources(view, filter);
        while let Some(id) = walk.next(view.sources) {
            let slot = view.source(id);
            let (flags, of_group) = (slot.flags, SourceId::new(slot.excluded as usize));
            slot.flags = SourceFlags::empty();
            let merged = view.source(of_group);
            *merged.count(excluded && !flags.contains(SourceFlags::NEW)) -= 1;
            if flags.contains(SourceFlags::NAMED) {
                *merged.count(exclude) += 1;
            } else {
                self.free_filter_source(view, filter, id);
            }
        }
    }

    /// Works out the interface record (R-LSN-2 to 4) and reports how it differs from what it was (R-LSN-20, R-LSN-21).
    fn merge(&mut self, view: &mut View<'_>, group: GroupId, before: Merged) {
        let slot = view.group(group);
        let (address, excluding) = (slot.address, slot.excluding);
        let exclude = excluding > 0;
        let new_mode = before.exclude != exclude;
        let reported = GroupAddr::new(address).is_ok();
        // The lists of version 1 mode are not reported.
        let robustness = if self.running && reported && !self.is_version_1() { self.robustness() } else { 0 };
        let mut differs = new_mode;
        let mut walk = group_sources(view, group);
        while let Some(id) = walk.next(view.sources) {
            let slot = view.source(id);
            let list =
                if exclude { slot.excluded == excluding && slot.included == 0 } else { slot.included > 0 };
            let listed = slot.flags.contains(SourceFlags::LISTED);
            slot.flags.set(SourceFlags::LISTED, list);
            if list != listed {
                let of_group = view.group(group);
                of_group.listed = of_group.listed + u32::from(list) - u32::from(listed);
                if reported {
                    self.listed = self.listed + u64::from(list) - u64::from(listed);
                }
            }
            if new_mode {
                // Its reports name every source (R-LSN-23).
                self.set_left(view, id, 0);
            } else if list != listed {
                differs = true;
                // R-LSN-24, R-LSN-26
                self.set_left(view, id, robustness);
            }
            self.free_source_if_idle(view, id);
        }
        if !reported {
            // R-LSN-8, R-LSN-9
            return;
        }
        let slot = view.group(group);
        let listens = exclude || slot.listed > 0;
        match (before.listens, listens) {
            (false, true) => self.enlist(view, group),
            (true, false) => {
                self.delist(view, group);
                // R-LSN-47: nothing is left to answer with.
                self.forget_answer(view, group);
            }
            _ => {}
        }
        if !self.running {
            return;
        }
        if self.is_version_1() {
            match (before.listens, listens) {
                (false, true) => self.version_1_join(view, group),
                (true, false) => self.version_1_leave(view, group),
                _ => {}
            }
        } else if differs {
            let slot = view.group(group);
            if new_mode {
                slot.mode_left = robustness;
            }
            self.report_change(view, group);
        }
    }

    /// R-LSN-25: a Report at once, the first of a new series.
    pub(super) fn report_change(&mut self, view: &mut View<'_>, group: GroupId) {
        view.group(group).change_at = 0;
        self.reschedule(view, group);
        self.push_due(view, group, GroupFlags::CHANGE | GroupFlags::CHANGE_FRESH);
    }

    /// Reports the whole group anew: the interface or its address is new (R-LSN-28).
    pub(super) fn announce(&mut self, view: &mut View<'_>, group: GroupId) {
        self.cancel_stale(view, group);
        if self.is_version_1() {
            return self.version_1_join(view, group);
        }
        let robustness = self.robustness();
        let slot = view.group(group);
        let exclude = slot.excluding > 0;
        if exclude {
            slot.mode_left = robustness;
        }
        let mut walk = group_sources(view, group);
        while let Some(id) = walk.next(view.sources) {
            let slot = view.source(id);
            if exclude {
                self.set_left(view, id, 0);
            } else if slot.flags.contains(SourceFlags::LISTED) {
                self.set_left(view, id, robustness);
            }
            self.free_source_if_idle(view, id);
        }
        self.report_change(view, group);
    }

    /// Source Retransmission Counter of a source of a group.
    pub(super) fn set_left(&mut self, view: &mut View<'_>, id: SourceId, left: u8) {
        let slot = view.source(id);
        let before = core::mem::replace(&mut slot.left, left);
        let owner = slot.owner;
        let group = &mut view.groups[owner.0 as usize];
        group.changing = group.changing + u32::from(left > 0) - u32::from(before > 0);
    }

    /// Cancels the State-Change Reports of sources.
    pub(super) fn forget_changes(&mut self, view: &mut View<'_>, group: GroupId) {
        if view.group(group).changing == 0 {
            return;
        }
        let mut walk = group_sources(view, group);
        while let Some(id) = walk.next(view.sources) {
            self.set_left(view, id, 0);
            self.free_source_if_idle(view, id);
        }
    }

    /// Forgets which sources Queries asked for.
    pub(super) fn forget_queried(&mut self, view: &mut View<'_>, group: GroupId) {
        if view.group(group).queried == 0 {
            return;
        }
        view.group(group).queried = 0;
        let mut walk = group_sources(view, group);
        while let Some(id) = walk.next(view.sources) {
            view.source(id).flags.remove(SourceFlags::QUERIED);
            self.free_source_if_idle(view, id);
        }
    }

    /// The same for all groups. Looks at each, and is called only when the table is full.
    fn forget_all_queried(&mut self, view: &mut View<'_>) {
        for at in 0..self.group_pool.reach() {
            self.forget_queried(view, GroupId::new(at));
        }
    }

    /// Cancels the answer to a specific Query.
    fn forget_answer(&mut self, view: &mut View<'_>, group: GroupId) {
        let slot = view.group(group);
        slot.flags.remove(GroupFlags::ANSWER | GroupFlags::ROUND_SPLIT | GroupFlags::ROUND_AGAIN);
        slot.answer_at = 0;
        self.reschedule(view, group);
        self.forget_queried(view, group);
    }

    fn add_group(&mut self, view: &mut View<'_>, address: Ipv6Addr) -> Option<GroupId> {
        let groups = &*view.groups;
        let at = self.group_pool.take(groups.len(), |at| groups[at].next.some().map(GroupId::at))?;
        view.groups[at] = GroupSlot { address, epoch: self.epoch, ..GroupSlot::EMPTY };
        Index::put(view.index, self.index.hash_of(address, 0), at as u32);
        Some(GroupId::new(at))
    }

    fn add_filter(&mut self, view: &mut View<'_>, group: GroupId, socket: u32) -> Option<FilterId> {
        let filters = &*view.filters;
        let at = self.filter_pool.take(filters.len(), |at| filters[at].sources.some().map(SourceId::at))?;
        view.filters[at] = FilterSlot { group, socket, ..FilterSlot::EMPTY };
        Index::put(view.index, self.hash_of_filter(group, socket), at as u32 | FILTER_BIT);
        view.group(group).filters += 1;
        Some(FilterId(at as u32))
    }

    /// A source of a group.
    pub(super) fn add_source(
        &mut self,
        view: &mut View<'_>,
        group: GroupId,
        address: Ipv6Addr,
    ) -> Option<SourceId> {
        let id = self.take_source(view, group.into(), address)?;
        Ring::push(view.sources, &mut view.groups[group.at()].sources, id);
        Some(id)
    }

    fn add_filter_source(
        &mut self,
        view: &mut View<'_>,
        filter: FilterId,
        address: Ipv6Addr,
    ) -> Option<SourceId> {
        let id = self.take_source(view, filter.into(), address)?;
        Ring::push(view.sources, &mut view.filters[filter.at()].sources, id);
        Some(id)
    }

    fn take_source(&mut self, view: &mut View<'_>, owner: Owner, address: Ipv6Addr) -> Option<SourceId> {
        let sources = &*view.sources;
        let at = self.source_pool.take(sources.len(), |at| sources[at].next.some().map(SourceId::at))?;
        view.sources[at] = SourceSlot { address, owner, ..SourceSlot::EMPTY };
        Index::put(view.index, self.hash_of_source(owner, address), at as u32 | SOURCE_BIT);
        Some(SourceId::new(at))
    }

    /// Frees a group that no socket listens to and that has nothing left to report.
    pub(super) fn free_if_idle(&mut self, view: &mut View<'_>, id: GroupId) {
        let slot = view.group(id);
        let pending = slot.mode_left > 0 || slot.changing > 0 || slot.flags.contains(GroupFlags::DUE);
        if slot.filters > 0 || pending {
            return;
        }
        self.clock.remove(view, id.into());
        self.forget_queried(view, id);
        let address = view.group(id).address;
        self.unindex_group(view, address);
        let next = self.group_pool.give(id.at()).map_or(GroupId::NIL, GroupId::new);
        *view.group(id) = GroupSlot { next, ..GroupSlot::EMPTY };
    }

    fn free_filter(&mut self, view: &mut View<'_>, id: FilterId) {
        let slot = view.filter(id);
        let (group, socket) = (slot.group, slot.socket);
        self.unindex_filter(view, group, socket);
        view.group(group).filters -= 1;
        let sources = self.filter_pool.give(id.at()).map_or(SourceId::NIL, SourceId::new);
        *view.filter(id) = FilterSlot { sources, ..FilterSlot::EMPTY };
    }

    /// Frees a source of a group that no filter lists, of which nothing is left to be said, and for which no Query
    /// asked.
    pub(super) fn free_source_if_idle(&mut self, view: &mut View<'_>, id: SourceId) {
        let slot = view.source(id);
        let used = slot.included > 0 || slot.excluded > 0 || slot.left > 0;
        if used || slot.flags.contains(SourceFlags::QUERIED) {
            return;
        }
        let at = slot.owner.0 as usize;
        Ring::remove(view.sources, &mut view.groups[at].sources, id);
        self.give_source(view, id);
    }

    fn free_filter_source(&mut self, view: &mut View<'_>, filter: FilterId, id: SourceId) {
        Ring::remove(view.sources, &mut view.filters[filter.at()].sources, id);
        self.give_source(view, id);
    }

    fn give_source(&mut self, view: &mut View<'_>, id: SourceId) {
        let slot = view.source(id);
        let (owner, address) = (slot.owner, slot.address);
        self.unindex_source(view, owner, address);
        let next = self.source_pool.give(id.at()).map_or(SourceId::NIL, SourceId::new);
        *view.source(id) = SourceSlot { next, ..SourceSlot::EMPTY };
    }
}

/// The part of an interface record that decides how a change is reported.
#[derive(Clone, Copy, Debug)]
struct Merged {
    exclude: bool,
    listens: bool,
}

impl Merged {
    const fn of(slot: &GroupSlot) -> Self {
        Self { exclude: slot.excluding > 0, listens: slot.flags.contains(GroupFlags::LISTENING) }
    }
}

impl SourceSlot {
    const fn count(&mut self, exclude: bool) -> &mut u32 {
        if exclude { &mut self.excluded } else { &mut self.included }
    }
}

/// A walk over the sources of a group.
pub(super) fn group_sources(view: &mut View<'_>, group: GroupId) -> RingWalk<SourceId> {
    let head = view.group(group).sources;
    Ring::walk(view.sources, head)
}

fn filter_sources(view: &mut View<'_>, filter: FilterId) -> RingWalk<SourceId> {
    let head = view.filter(filter).sources;
    Ring::walk(view.sources, head)
}

/// Returns true if routers accept the address as a source (R-WIRE-74).
const fn is_source(address: &Ipv6Addr) -> bool {
    !(address.is_unspecified() || address.is_multicast() || address.is_loopback())
}
