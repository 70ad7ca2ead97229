//! Slots of a table linked in both directions, so that any of them can be taken out.

use super::{GroupId, SourceId};

/// The name of a slot in its table.
pub(crate) trait SlotId: Copy + PartialEq {
    /// No slot.
    const NIL: Self;
    fn at(self) -> usize;
}

impl SlotId for GroupId {
    const NIL: Self = Self::NIL;

    fn at(self) -> usize {
        self.at()
    }
}

impl SlotId for SourceId {
    const NIL: Self = Self::NIL;

    fn at(self) -> usize {
        self.at()
    }
}

/// A slot that stands in a ring with others of its table.
pub(crate) trait Linked {
    type Id: SlotId;
    fn prev(&mut self) -> &mut Self::Id;
    fn next(&mut self) -> &mut Self::Id;
}

/// A ring through slots of a table, in order of arrival. Its head is kept elsewhere.
pub(crate) struct Ring;

impl Ring {
    /// Appends a slot.
    pub(crate) fn push<S: Linked>(slots: &mut [S], head: &mut S::Id, id: S::Id) {
        let first = *head;
        let last = if first == S::Id::NIL {
            *head = id;
            id
        } else {
            core::mem::replace(slots[first.at()].prev(), id)
        };
        *slots[last.at()].next() = id;
        *slots[id.at()].prev() = last;
        *slots[id.at()].next() = *head;
    }

    /// Takes a slot out.
    pub(crate) fn remove<S: Linked>(slots: &mut [S], head: &mut S::Id, id: S::Id) {
        let (prev, next) = (*slots[id.at()].prev(), *slots[id.at()].next());
        if next == id {
            *head = S::Id::NIL;
            return;
        }
        *slots[prev.at()].next() = next;
        *slots[next.at()].prev() = prev;
        if *head == id {
            *head = next;
        }
    }

    /// A walk over the ring. What [`RingWalk::next`] has returned may be removed before it is called again.
    pub(crate) fn walk<S: Linked>(slots: &mut [S], head: S::Id) -> RingWalk<S::Id> {
        let last = if head == S::Id::NIL { head } else { *slots[head.at()].prev() };
        RingWalk { next: head, last }
    }
}

/// See [`Ring::walk`].
#[derive(Debug)]
pub(crate) struct RingWalk<I> {
    next: I,
    last: I,
}

impl<I: SlotId> RingWalk<I> {
    pub(crate) fn next<S: Linked<Id = I>>(&mut self, slots: &mut [S]) -> Option<I> {
        let id = self.next;
        if id == I::NIL {
            return None;
        }
        self.next = if id == self.last { I::NIL } else { *slots[id.at()].next() };
        Some(id)
    }
}
