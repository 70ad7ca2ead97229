//! Reading groups and sources, as of the latest moment given.

use core::net::Ipv6Addr;

use super::engine::Core;
use crate::addr::GroupAddr;
use crate::event::{FilterMode, GroupState};
use crate::store::{GroupFlags, GroupId, GroupSlot, Shared, SourceFlags, SourceId, SourceSlot};
use crate::time::Instant;
use crate::wire::Version;

/// A group with listeners. All it says holds at the latest moment that the router was given.
#[derive(Clone, Copy, Debug)]
pub struct GroupRef<'r> {
    tables: Shared<'r>,
    slot: &'r GroupSlot,
    address: GroupAddr,
    expired_through: u64,
    compatibility_mode: Version,
}

impl<'r> GroupRef<'r> {
    /// `None` if the group has no listeners, whatever the slot still holds.
    pub(super) fn new(core: &Core, tables: Shared<'r>, id: GroupId) -> Option<Self> {
        let slot = tables.groups.get(id.at())?;
        if slot.flags.contains(GroupFlags::GONE) || core.is_stale(slot) {
            return None;
        }
        let group = Self {
            tables,
            slot,
            // A free slot has no address.
            address: GroupAddr::new(slot.address).ok()?,
            expired_through: core.clock.expired_through(),
            compatibility_mode: if core.is_in_version_1(slot) { Version::V1 } else { Version::V2 },
        };
        let exists = group.filter_mode() == FilterMode::Exclude || group.sources().next().is_some();
        exists.then_some(group)
    }

    /// The group.
    pub const fn address(&self) -> GroupAddr {
        self.address
    }

    /// The router filter mode (RFC 9777 section 7.2.1).
    pub const fn filter_mode(&self) -> FilterMode {
        if self.slot.filter_deadline > self.expired_through {
            FilterMode::Exclude
        } else {
            FilterMode::Include
        }
    }

    /// Version 1 while an MLDv1 host counts as present (RFC 9777 section 8.3.2; R-CMP-18).
    pub const fn compatibility_mode(&self) -> Version {
        self.compatibility_mode
    }

    /// Returns true if a specific Query put the group's end in sight: the timer that ends last is one that such a Query
    /// lowered and no Report refreshed.
    pub fn state(&self) -> GroupState {
        let filter = (self.slot.filter_deadline, self.slot.flags.contains(GroupFlags::LOWERED));
        let sources = self.slots().map(|slot| (slot.deadline, slot.flags.contains(SourceFlags::LOWERED)));
        let last = sources.chain([filter]).filter(|(deadline, _)| *deadline > self.expired_through).max();
        match last {
            None => GroupState::NoListeners,
            Some((_, true)) => GroupState::CheckingListeners,
            Some((_, false)) => GroupState::ListenersPresent,
        }
    }

    /// When the group ends unless a Report refreshes it: in exclude mode the filter timer, in include mode the
    /// longest source timer (R-YNG-2).
    pub fn expires(&self) -> Instant {
        let millis = match self.filter_mode() {
            FilterMode::Exclude => self.slot.filter_deadline,
            FilterMode::Include => self.slots().map(|slot| slot.deadline).max().unwrap_or_default(),
        };
        Instant::from_millis(millis)
    }

    /// When the first Report for it was received.
    pub const fn created(&self) -> Instant {
        Instant::from_millis(self.slot.created)
    }

    /// The sender of the last record that asks for traffic.
    pub fn last_reporter(&self) -> Option<Ipv6Addr> {
        (!self.slot.reporter.is_unspecified()).then_some(self.slot.reporter)
    }

    /// The sources, in no particular order: in include mode those that are wanted, in exclude mode those that are
    /// blocked and the requested ones beside them (RFC 9777 section 7.2.3; R-RST-4).
    pub fn sources(&self) -> impl Iterator<Item = SourceRef<'r>> + use<'r> {
        let expired_through = self.expired_through;
        let include = self.filter_mode() == FilterMode::Include;
        self.slots()
            .filter(move |slot| !include || slot.deadline > expired_through)
            .map(move |slot| SourceRef { slot, expired_through })
    }

    /// How many sources there are.
    pub fn source_count(&self) -> usize {
        self.sources().count()
    }

    fn slots(&self) -> impl Iterator<Item = &'r SourceSlot> + use<'r> {
        let sources = self.tables.sources;
        let first = self.slot.sources;
        let mut next = first.some();
        core::iter::from_fn(move || {
            let slot: &SourceSlot = &sources[next?.at()];
            next = slot.next.some().filter(|next: &SourceId| *next != first);
            Some(slot)
        })
        .filter(|slot| !slot.flags.contains(SourceFlags::TOMBSTONE))
    }
}

/// A source of a group.
#[derive(Clone, Copy, Debug)]
pub struct SourceRef<'r> {
    slot: &'r SourceSlot,
    expired_through: u64,
}

impl SourceRef<'_> {
    /// The source.
    pub const fn address(&self) -> Ipv6Addr {
        self.slot.address
    }

    /// When its timer ends; `None` if it does not run: the source is blocked.
    pub const fn expires(&self) -> Option<Instant> {
        if self.is_forwarding() { Some(Instant::from_millis(self.slot.deadline)) } else { None }
    }

    /// Returns true if its timer runs, so that its traffic is wanted.
    pub const fn is_forwarding(&self) -> bool {
        self.slot.deadline > self.expired_through
    }

    /// When it was first reported.
    pub const fn created(&self) -> Instant {
        Instant::from_millis(self.slot.created)
    }
}
