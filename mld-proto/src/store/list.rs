use super::{GroupId, GroupSlot, SourceId, View};

/// A queue of groups, linked through a field of their slots.
#[derive(Debug)]
pub(crate) struct GroupQueue<S = GroupSlot> {
    head: GroupId,
    tail: GroupId,
    link: fn(&mut S) -> &mut GroupId,
}

// By hand, as slots need not be `Copy`.
impl<S> Clone for GroupQueue<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for GroupQueue<S> {}

impl<S> GroupQueue<S> {
    pub(crate) const fn new(link: fn(&mut S) -> &mut GroupId) -> Self {
        Self { head: GroupId::NIL, tail: GroupId::NIL, link }
    }

    pub(crate) fn first(&self) -> Option<GroupId> {
        self.head.some()
    }

    pub(crate) fn last(&self) -> Option<GroupId> {
        self.tail.some()
    }

    /// The group behind `id`, which is on this queue or was cut off it.
    pub(crate) fn after(&self, groups: &mut [S], id: GroupId) -> Option<GroupId> {
        (self.link)(&mut groups[id.at()]).some()
    }

    /// Cuts off all that was pushed after `last` had been the last; returns the first of it.
    pub(crate) fn cut_after(&mut self, groups: &mut [S], last: Option<GroupId>) -> Option<GroupId> {
        let link = match last {
            Some(last) => (self.link)(&mut groups[last.at()]),
            None => &mut self.head,
        };
        let cut = core::mem::replace(link, GroupId::NIL).some();
        self.tail = last.unwrap_or(GroupId::NIL);
        cut
    }

    /// Appends a group that is not on the queue.
    pub(crate) fn push(&mut self, groups: &mut [S], id: GroupId) {
        *(self.link)(&mut groups[id.at()]) = GroupId::NIL;
        match self.tail.some() {
            Some(tail) => *(self.link)(&mut groups[tail.at()]) = id,
            None => self.head = id,
        }
        self.tail = id;
    }

    /// Takes the first group off.
    pub(crate) fn pop(&mut self, groups: &mut [S]) -> Option<GroupId> {
        let id = self.head.some()?;
        self.head = *(self.link)(&mut groups[id.at()]);
        if self.head == GroupId::NIL {
            self.tail = GroupId::NIL;
        }
        Some(id)
    }
}

/// The sources of a group: a ring through their slots, in order of arrival.
pub(crate) struct SourceList;

impl SourceList {
    /// Appends a source.
    pub(crate) fn push(view: &mut View<'_>, group: GroupId, id: SourceId) {
        let head = view.group(group).sources;
        if head == SourceId::NIL {
            let slot = view.source(id);
            (slot.prev, slot.next) = (id, id);
            view.group(group).sources = id;
            return;
        }
        let tail = view.source(head).prev;
        view.source(tail).next = id;
        view.source(head).prev = id;
        let slot = view.source(id);
        (slot.prev, slot.next) = (tail, head);
    }

    /// Takes a source out.
    pub(crate) fn remove(view: &mut View<'_>, group: GroupId, id: SourceId) {
        let (prev, next) = (view.source(id).prev, view.source(id).next);
        if next == id {
            view.group(group).sources = SourceId::NIL;
            return;
        }
        view.source(prev).next = next;
        view.source(next).prev = prev;
        if view.group(group).sources == id {
            view.group(group).sources = next;
        }
    }

    /// A walk over the sources of `group`, deleted ones included. What [`Walk::next`] has returned may be removed
    /// before it is called again.
    pub(crate) fn walk(view: &mut View<'_>, group: GroupId) -> Walk {
        let head = view.group(group).sources;
        let last = head.some().map_or(SourceId::NIL, |head| view.source(head).prev);
        Walk { next: head, last }
    }
}

/// See [`SourceList::walk`].
#[derive(Debug)]
pub(crate) struct Walk {
    next: SourceId,
    last: SourceId,
}

impl Walk {
    pub(crate) fn next(&mut self, view: &mut View<'_>) -> Option<SourceId> {
        let id = self.next.some()?;
        self.next = if id == self.last { SourceId::NIL } else { view.source(id).next };
        Some(id)
    }
}
