//! Checks of queues, rings and the index; see [`Router::check`](crate::Router::check) and
//! [`Listener::check`](crate::Listener::check).

use super::ring::SlotId;
use super::{GroupId, GroupQueue, Index, IndexSlot, Key, Shared, SourceId, TimerId, TimerOf};

/// `otherwise` is wrong unless it `holds`.
pub(crate) const fn ensure(holds: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(otherwise) }
}

/// Checks that a queue holds exactly the groups that are marked as in it, each once, and knows its last.
/// `next` reads the link that the queue goes by.
pub(crate) fn check_queue<S>(
    queue: &GroupQueue<S>,
    groups: &[S],
    next: impl Fn(&S) -> GroupId,
    says_so: impl Fn(&S) -> bool,
) -> Result<(), &'static str> {
    let said = groups.iter().filter(|slot| says_so(slot)).count();
    let (mut at, mut last, mut count) = (queue.first(), None, 0);
    while let Some(id) = at {
        let slot = groups.get(id.at()).ok_or("queue: a group that does not exist")?;
        if !says_so(slot) {
            return Err("queue: group lacks its queue flag");
        }
        count += 1;
        if count > said {
            return Err("queue: endless");
        }
        (at, last) = (next(slot).some(), Some(id));
    }
    if count < said {
        return Err("queue: a group is missing");
    }
    if last == queue.last() { Ok(()) } else { Err("queue: another group counts as the last") }
}

/// A slot as a ring sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InRing<I> {
    /// True if it is marked as in this ring.
    pub(crate) belongs: bool,
    pub(crate) prev: I,
    pub(crate) next: I,
}

/// Messages about a broken ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RingFaults {
    pub(crate) missing: &'static str,
    pub(crate) foreign: &'static str,
    pub(crate) unlinked: &'static str,
}

/// Checks that a ring is linked both ways and holds nothing but slots that belong to it; returns an error, or
/// how many there are. `slot` reads a slot, if there is such a slot.
pub(crate) fn check_linked<I: SlotId>(
    first: I,
    slot: impl Fn(I) -> Option<InRing<I>>,
    faults: RingFaults,
) -> Result<usize, &'static str> {
    if first == I::NIL {
        return Ok(0);
    }
    let (mut id, mut count) = (first, 0);
    loop {
        let here = slot(id).ok_or(faults.missing)?;
        ensure(here.belongs, faults.foreign)?;
        // This also finds rings that close elsewhere.
        ensure(slot(here.next).ok_or(faults.missing)?.prev == id, faults.unlinked)?;
        count += 1;
        id = here.next;
        if id == first {
            return Ok(count);
        }
    }
}

/// [`check_linked`] of the sources of a router's group, deleted ones included.
pub(crate) fn check_ring(tables: Shared<'_>, group: GroupId) -> Result<usize, &'static str> {
    let source = |id: SourceId| {
        let slot = tables.sources.get(id.at())?;
        Some(InRing { belongs: slot.group == group, prev: slot.prev, next: slot.next })
    };
    check_linked(
        tables.groups[group.at()].sources,
        source,
        RingFaults {
            missing: "sources: a source that does not exist",
            foreign: "sources: a source of another group",
            unlinked: "sources: a ring that is not linked back",
        },
    )
}

/// Checks that an index leads to exactly these slots. Of each slot `found` says its own
/// identifier and the one that its key is found with. `exists` returns true if there is a slot of that identifier;
/// nothing is looked up before it was asked about all.
pub(crate) fn check_index(
    index: &[IndexSlot],
    exists: impl Fn(u32) -> bool,
    found: impl Iterator<Item = (u32, Option<u32>)>,
) -> Result<(), &'static str> {
    let taken = || index.iter().filter_map(|place| place.get());
    let taken_count = taken().count();
    ensure(taken_count < index.len() || taken_count == 0, "index: full, a search would not end")?;
    ensure(taken().all(exists), "index: entry for a slot that does not exist")?;
    let mut count = 0;
    for (id, found) in found {
        ensure(found.ok_or("index: a key is not found")? == id, "index: a key is found with another slot")?;
        count += 1;
    }
    ensure(count == taken_count, "index: stale entry")
}

impl Index {
    /// [`check_index`] of a router's index.
    pub(crate) fn check(
        &self,
        tables: Shared<'_>,
        keys: impl Iterator<Item = (Key, TimerId)>,
    ) -> Result<(), &'static str> {
        let exists = |id: u32| match TimerId(id).of() {
            TimerOf::Group(id) => id.at() < tables.groups.len(),
            TimerOf::Source(id) => id.at() < tables.sources.len(),
        };
        let found = |key| match key {
            Key::Group(address) => self.find_group(tables, address).map(TimerId::from),
            Key::Source(group, address) => self.find_source(tables, group, address).map(TimerId::from),
        };
        check_index(tables.index, exists, keys.map(|(key, id)| (id.0, found(key).map(|found| found.0))))
    }
}
