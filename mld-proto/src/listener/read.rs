use core::net::Ipv6Addr;

use super::tables::{GroupFlags, GroupSlot, Shared, SourceFlags};
use crate::event::FilterMode;
use crate::store::SourceId;

/// The interface's filter for a group: those of all sockets, merged (RFC 9777 section 4.2).
#[derive(Clone, Copy, Debug)]
pub struct Group<'l> {
    slot: &'l GroupSlot,
    tables: Shared<'l>,
}

impl<'l> Group<'l> {
    /// `None` for a slot without a listening socket.
    pub(super) fn new(tables: Shared<'l>, slot: &'l GroupSlot) -> Option<Self> {
        (slot.excluding > 0 || slot.listed > 0).then_some(Self { slot, tables })
    }

    /// The multicast address.
    pub const fn address(&self) -> Ipv6Addr {
        self.slot.address
    }

    /// The filter mode.
    pub const fn filter_mode(&self) -> FilterMode {
        if self.slot.excluding > 0 { FilterMode::Exclude } else { FilterMode::Include }
    }

    /// Returns true if it is reported to routers: not `ff02::1`, nor of scopes 0 and 1 (R-LSN-8, R-LSN-9).
    pub const fn is_reported(&self) -> bool {
        self.slot.flags.contains(GroupFlags::LISTENING)
    }

    /// How many sources the list has.
    pub const fn source_count(&self) -> u32 {
        self.slot.listed
    }

    /// The sources that are wanted, or in exclude mode those that are not, in no particular order.
    pub fn sources(&self) -> impl Iterator<Item = Ipv6Addr> + use<'l> {
        let (tables, first) = (self.tables, self.slot.sources);
        let ring = core::iter::successors(first.some(), move |id: &SourceId| {
            tables.sources[id.at()].next.some().filter(|next| *next != first)
        });
        ring.map(move |id| &tables.sources[id.at()])
            .filter(|slot| slot.flags.contains(SourceFlags::LISTED))
            .map(|slot| slot.address)
    }
}
