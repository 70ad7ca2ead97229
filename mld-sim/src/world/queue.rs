//! The ordered queue of all that is to happen.

use core::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

use mld_proto::Instant;

use super::Action;
use super::observer::{Frame, NodeId};

/// An event in the queue.
#[derive(Debug)]
pub(super) enum Due {
    /// An action on the world.
    Act(Box<Action>),
    /// A frame arrives at some nodes, one after the other.
    Arrive { frame: Rc<Frame>, to: Rc<[NodeId]> },
    /// A frame arrives at one node, perhaps damaged.
    ArriveAt { frame: Rc<Frame>, to: NodeId, damaged: Option<Box<[u8]>> },
    /// A node asked to be woken.
    Wake(NodeId),
    /// The behaviour of a host goes on.
    Behave(NodeId),
    /// The address of a host is no longer tentative, if it is still that time up.
    Address { host: NodeId, stay: u64 },
}

/// The queue, ordered by time; at one instant wake-ups come last (R-TIM-13), all else in the order of pushing.
#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    pushed: u64,
}

#[derive(Debug)]
struct Entry {
    at: Instant,
    is_wake: bool,
    number: u64,
    due: Due,
}

impl Queue {
    pub(super) fn push(&mut self, at: Instant, due: Due) {
        let number = self.pushed;
        self.pushed += 1;
        self.heap.push(Reverse(Entry { at, is_wake: matches!(due, Due::Wake(_)), number, due }));
    }

    /// The next event that is due until `end`.
    pub(super) fn pop_until(&mut self, end: Instant) -> Option<(Instant, Due)> {
        if self.heap.peek()?.0.at > end {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.due))
    }
}

impl Entry {
    const fn key(&self) -> (Instant, bool, u64) {
        (self.at, self.is_wake, self.number)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use crate::world::{Link, Router, World};

    #[test]
    fn router_has_one_wake_up_under_way_whatever_its_deadlines_do() {
        let mut world = World::new(1);
        let lan = world.link(Link::ethernet());
        world.router(lan, Router::new("r1", "fe80::1".parse().expect("an address")));
        world.run_for(Duration::from_secs(86_400)).expect("nobody judges");
        assert_eq!(world.queue.heap.len(), 1);
    }
}
