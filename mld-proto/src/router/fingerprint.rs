//! Everything that determines a router's future behaviour, in a form by which two routers can be compared.

#[cfg(test)]
mod tests;

use core::hash::{Hash, Hasher};
use core::net::Ipv6Addr;

use super::check::sources_of;
use super::engine::Core;
use crate::event::Limit;
use crate::store::{GroupId, GroupSlot, Key, Shared, SourceSlot};

impl Core {
    /// See [`hash_situation`](crate::inspect::hash_situation).
    pub(crate) fn hash_situation(&self, tables: Shared<'_>, hasher: &mut impl Hasher) {
        self.config.hash(hasher);
        for word in self.situation(tables) {
            hasher.write_u128(word);
        }
    }

    /// See [`same_situation`](crate::inspect::same_situation).
    pub(crate) fn is_in_situation_of(
        &self,
        tables: Shared<'_>,
        other: &Self,
        other_tables: Shared<'_>,
    ) -> bool {
        self.config == other.config && self.situation(tables).eq(other.situation(other_tables))
    }

    /// Everything but the settings. The length of each list stands before it.
    fn situation<'s>(&'s self, tables: Shared<'s>) -> impl Iterator<Item = u128> + 's {
        let groups = self.groups_ascending(tables);
        let router = [
            self.running.into(),
            self.stop_pending.into(),
            self.sweep.is_some().into(),
            tables.groups.len() as u128,
            tables.sources.len() as u128,
        ];
        let refused = Limit::ALL.map(|limit| self.limits.count(limit) as u128);
        let own = ascending(|| self.own.iter().copied()).map(Ipv6Addr::to_bits);
        router
            .into_iter()
            .chain(refused)
            .chain([self.own.len() as u128])
            .chain(own)
            .chain(self.election.words(self.env(), move |until| self.remaining_or_none(until)))
            .chain([groups.clone().count() as u128])
            .chain(groups.flat_map(move |slot| self.words_of_group(tables, slot)))
            .chain(queue(tables, self.events.first(), |slot| slot.event_next))
            .chain(queue(tables, self.transmits.first(), |slot| slot.transmit_next))
            .chain(self.deleted(tables))
    }

    fn groups_ascending<'s>(
        &'s self,
        tables: Shared<'s>,
    ) -> impl Iterator<Item = &'s GroupSlot> + Clone + 's {
        let used = &tables.groups[..self.group_pool.reach()];
        // A free slot has no address, the lowest there is.
        let next = move |above: Ipv6Addr| {
            used.iter().filter(|slot| slot.address > above).min_by_key(|slot| slot.address)
        };
        core::iter::successors(next(Ipv6Addr::UNSPECIFIED), move |slot| next(slot.address))
    }

    fn words_of_group<'s>(
        &'s self,
        tables: Shared<'s>,
        slot: &'s GroupSlot,
    ) -> impl Iterator<Item = u128> + 's {
        let refused = Limit::ALL.map(|limit| {
            let told = self.limits.is_reported(self.index.hash(Key::Group(slot.address)), limit);
            u128::from(told) << limit as u32
        });
        let group = [
            slot.address.to_bits(),
            self.remaining(slot.filter_deadline),
            self.remaining_or_none(slot.version_1_until),
            // How long a round has been due counts for when the next one is.
            match slot.query_at {
                0 => 0,
                query_at => (1 << 64) + u128::from(query_at) - u128::from(self.clock.now()),
            },
            slot.flags.bits().into(),
            slot.queries_left.into(),
            (slot.generation == self.generation).into(),
            self.is_stale(slot).into(),
            refused.into_iter().sum(),
            sources_of(tables, slot).count() as u128,
        ];
        group.into_iter().chain(self.sources_ascending(tables, slot).flat_map(|source| {
            [
                source.address.to_bits(),
                self.remaining(source.deadline),
                source.flags.bits().into(),
                source.queries_left.into(),
            ]
        }))
    }

    fn sources_ascending<'s>(
        &'s self,
        tables: Shared<'s>,
        group: &'s GroupSlot,
    ) -> impl Iterator<Item = &'s SourceSlot> + 's {
        let next = move |above: Option<Ipv6Addr>| {
            let higher = sources_of(tables, group).filter(move |slot| Some(slot.address) > above);
            higher.min_by_key(|slot| slot.address)
        };
        core::iter::successors(next(None), move |slot| next(Some(slot.address)))
    }

    /// Deleted sources in the order in which their slots are reused.
    fn deleted<'s>(&'s self, tables: Shared<'s>) -> impl Iterator<Item = u128> + 's {
        core::iter::successors(self.tombstones.some(), move |id| tables.sources[id.at()].timer_next.source())
            .flat_map(move |id| {
                let slot = &tables.sources[id.at()];
                [tables.groups[slot.group.at()].address.to_bits(), slot.address.to_bits()]
            })
            .chain([0])
    }

    /// A deadline as seen from the present moment: none, over, or how long it will run.
    fn remaining(&self, deadline: u64) -> u128 {
        match deadline {
            0 => 0,
            deadline => 1 + self.remaining_or_none(deadline),
        }
    }

    /// A moment that makes no difference any more once it is over. One that is now may be over or not, whatever
    /// else the expired-through moment says is told by that.
    pub(super) fn remaining_or_none(&self, until: u64) -> u128 {
        match until {
            u64::MAX => u128::MAX,
            until if until > self.clock.expired_through() => {
                1 + u128::from(until) - u128::from(self.clock.now())
            }
            _ => 0,
        }
    }
}

/// The groups of a queue, by address, in its order.
fn queue<'s>(
    tables: Shared<'s>,
    first: Option<GroupId>,
    next: impl Fn(&GroupSlot) -> GroupId + 's,
) -> impl Iterator<Item = u128> + 's {
    core::iter::successors(first, move |id| next(&tables.groups[id.at()]).some())
        .map(move |id| tables.groups[id.at()].address.to_bits())
        .chain([0])
}

/// Each address once, the lowest first.
fn ascending<I: Iterator<Item = Ipv6Addr>>(
    addresses: impl Fn() -> I + Clone,
) -> impl Iterator<Item = Ipv6Addr> {
    let lowest = addresses().min();
    core::iter::successors(lowest, move |below| addresses().filter(|address| address > below).min())
}
