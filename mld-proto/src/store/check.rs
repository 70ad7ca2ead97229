//! Whether queues, rings and the index are whole; see [`Router::check`](crate::Router::check).

use super::{GroupId, GroupQueue, GroupSlot, Index, Key, Shared, SourceId, TimerId, TimerOf};

/// Whether a queue holds exactly the groups that say so, each once, and knows its last; says what is wrong otherwise.
/// `next` reads the link that the queue goes by.
pub(crate) fn check_queue(
    queue: &GroupQueue,
    groups: &[GroupSlot],
    next: impl Fn(&GroupSlot) -> GroupId,
    says_so: impl Fn(&GroupSlot) -> bool,
) -> Result<(), &'static str> {
    let said = groups.iter().filter(|slot| says_so(slot)).count();
    let (mut at, mut last, mut count) = (queue.first(), None, 0);
    while let Some(id) = at {
        let slot = groups.get(id.at()).ok_or("queue: a group that does not exist")?;
        if !says_so(slot) {
            return Err("queue: a group that does not know of it");
        }
        count += 1;
        if count > said {
            return Err("queue: it does not end");
        }
        (at, last) = (next(slot).some(), Some(id));
    }
    if count < said {
        return Err("queue: a group is missing");
    }
    if last == queue.last() { Ok(()) } else { Err("queue: another group counts as the last") }
}

/// Whether the ring of a group's sources is linked both ways and holds nothing but sources of this group; says what is
/// wrong otherwise, or how many there are, deleted ones included.
pub(crate) fn check_ring(tables: Shared<'_>, group: GroupId) -> Result<usize, &'static str> {
    let Some(first) = tables.groups[group.at()].sources.some() else { return Ok(0) };
    let source = |id: SourceId| tables.sources.get(id.at()).ok_or("sources: a source that does not exist");
    let (mut id, mut count) = (first, 0);
    loop {
        let slot = source(id)?;
        if slot.group != group {
            return Err("sources: a source of another group");
        }
        // This also finds rings that close elsewhere.
        if source(slot.next)?.prev != id {
            return Err("sources: a ring that is not linked back");
        }
        count += 1;
        id = slot.next;
        if id == first {
            return Ok(count);
        }
    }
}

impl Index {
    /// Whether exactly these keys are found, each with its slot; says what is wrong otherwise.
    pub(crate) fn check(
        &self,
        tables: Shared<'_>,
        keys: impl Iterator<Item = (Key, TimerId)>,
    ) -> Result<(), &'static str> {
        let taken = || tables.index.iter().filter(|place| place.id != 0);
        let taken_count = taken().count();
        if taken_count == tables.index.len() && taken_count > 0 {
            return Err("index: no place is free, so that a search does not end");
        }
        let stands_for_a_slot = taken().all(|place| match TimerId(place.id - 1).of() {
            TimerOf::Group(id) => id.at() < tables.groups.len(),
            TimerOf::Source(id) => id.at() < tables.sources.len(),
        });
        if !stands_for_a_slot {
            return Err("index: a place stands for a slot that does not exist");
        }
        let mut count = 0;
        for (key, id) in keys {
            let found: Option<TimerId> = match key {
                Key::Group(address) => self.find_group(tables, address).map(TimerId::from),
                Key::Source(group, address) => self.find_source(tables, group, address).map(TimerId::from),
            };
            let found = found.ok_or("index: a key is not found")?;
            if found != id {
                return Err("index: a key is found with another slot");
            }
            count += 1;
        }
        if count == taken_count { Ok(()) } else { Err("index: a place is left over") }
    }
}
