//! A hierarchical timer wheel: when is the next deadline, and whose?
//!
//! Four levels of 64 slots; a slot spans 1 ms, 64 ms, 4.1 s and 4.4 min. A timer stands at the level at which its
//! deadline first differs from the present, and is moved down as time passes. What lies beyond the last level waits
//! at its end. Each slot is a list through the timers' own memory.
//!
//! Deadlines live with the timers. Postponing one need not touch the wheel: the timer is then taken out early, seen to
//! be alive and put in again. Only bringing a deadline forward must.

use super::TimerId;

const LEVELS: usize = 4;
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;

/// A timer that is not on the wheel.
pub(crate) const NOWHERE: u16 = u16::MAX;

/// The links of a timer, wherever they are kept.
#[derive(Debug)]
pub(crate) struct Node<'n> {
    pub(crate) prev: &'n mut TimerId,
    pub(crate) next: &'n mut TimerId,
    pub(crate) at: &'n mut u16,
}

/// The links of a timer, to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links {
    pub(crate) prev: TimerId,
    pub(crate) next: TimerId,
    pub(crate) at: u16,
}

/// Where timers are kept.
pub(crate) trait Nodes {
    fn node(&mut self, id: TimerId) -> Node<'_>;
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Wheel {
    /// No timer stands in a slot that ended before this.
    present: u64,
    /// Lower bound for the start of the first occupied slot.
    earliest: u64,
    occupied: [u64; LEVELS],
    heads: [[TimerId; SLOTS]; LEVELS],
}

impl Wheel {
    pub(crate) const NEW: Self =
        Self { present: 0, earliest: 0, occupied: [0; LEVELS], heads: [[TimerId::NIL; SLOTS]; LEVELS] };

    /// Puts a timer on the wheel that is not on it. A deadline in the past counts as the present.
    pub(crate) fn insert(&mut self, nodes: &mut impl Nodes, id: TimerId, deadline: u64) {
        let (level, turn) = self.place(deadline);
        let slot = turn as usize % SLOTS;
        let head = self.heads[level][slot];
        let node = nodes.node(id);
        debug_assert_eq!(*node.at, NOWHERE);
        *node.at = (level * SLOTS + slot) as u16;
        *node.prev = TimerId::NIL;
        *node.next = head;
        if head != TimerId::NIL {
            *nodes.node(head).prev = id;
        }
        self.heads[level][slot] = id;
        self.occupied[level] |= 1 << slot;
        self.earliest = self.earliest.min(turn << (BITS * level as u32));
    }

    /// Returns true if [`pop`](Self::pop) has something by `until`. Cheap while the answer is no.
    fn is_due(&mut self, until: u64) -> bool {
        if until < self.earliest {
            return false;
        }
        self.earliest = self.next().unwrap_or(u64::MAX);
        self.earliest <= until
    }

    /// Moves the present to `until` unless something is due by then; returns true if something is. Timers that are put
    /// in later then stand where they belong, though nothing was popped for long.
    pub(crate) fn advance(&mut self, until: u64) -> bool {
        let is_due = self.is_due(until);
        if !is_due {
            self.present = self.present.max(until);
        }
        is_due
    }

    /// Takes a timer off the wheel, if it is on it.
    pub(crate) fn remove(&mut self, nodes: &mut impl Nodes, id: TimerId) {
        let Node { prev, next, at } = nodes.node(id);
        let (prev, next, at) = (*prev, *next, core::mem::replace(at, NOWHERE));
        if at == NOWHERE {
            return;
        }
        let (level, slot) = (usize::from(at) / SLOTS, usize::from(at) % SLOTS);
        if next != TimerId::NIL {
            *nodes.node(next).prev = prev;
        }
        if prev == TimerId::NIL {
            self.heads[level][slot] = next;
            if next == TimerId::NIL {
                self.occupied[level] &= !(1 << slot);
            }
        } else {
            *nodes.node(prev).next = next;
        }
    }

    /// Takes off one timer whose slot begins at `until` or earlier. Its deadline may lie later: then it has to be
    /// put in again. `None` once there is none; the present is then `until`.
    pub(crate) fn pop(&mut self, nodes: &mut impl Nodes, until: u64) -> Option<TimerId> {
        match self.first() {
            Some((begin, level, slot)) if begin <= until => {
                self.present = self.present.max(begin);
                let id = self.heads[level][slot];
                self.remove(nodes, id);
                Some(id)
            }
            _ => {
                self.present = self.present.max(until);
                None
            }
        }
    }

    /// The earliest moment at which [`pop`](Self::pop) has something: no later than the first deadline.
    pub(crate) fn next(&self) -> Option<u64> {
        self.first().map(|(begin, ..)| begin)
    }

    /// Checks that every list is linked both ways, every timer knows its slot, and no slot with timers is overlooked;
    /// names what is wrong otherwise, or how many timers there are. `links` reads a timer, if there is such a timer.
    pub(crate) fn check(&self, links: impl Fn(TimerId) -> Option<Links>) -> Result<usize, &'static str> {
        let mut count = 0;
        for (level, heads) in self.heads.iter().enumerate() {
            for (slot, head) in heads.iter().enumerate() {
                if (self.occupied[level] >> slot & 1 == 1) != (*head != TimerId::NIL) {
                    return Err("wheel: a slot is occupied by nothing, or unoccupied with timers");
                }
                let (mut prev, mut id) = (TimerId::NIL, *head);
                while id != TimerId::NIL {
                    let node = links(id).ok_or("wheel: a timer that does not exist")?;
                    if usize::from(node.at) != level * SLOTS + slot {
                        return Err("wheel: timer linked in another slot than it names");
                    }
                    // This also finds lists without end.
                    if node.prev != prev {
                        return Err("wheel: a list that is not linked back");
                    }
                    count += 1;
                    (prev, id) = (id, node.next);
                }
            }
        }
        if self.next().is_some_and(|next| next < self.earliest) {
            return Err("wheel: an occupied slot begins before the lower bound");
        }
        Ok(count)
    }

    /// Returns true if a timer in slot `at` comes off by its deadline, or at once if that has expired.
    pub(crate) fn serves(&self, at: u16, deadline: u64) -> bool {
        let (level, slot) = (usize::from(at) / SLOTS, usize::from(at) % SLOTS);
        level < LEVELS && self.begin(level, slot) <= deadline.max(self.present)
    }

    /// Up to when timers have come off.
    pub(crate) const fn present(&self) -> u64 {
        self.present
    }

    /// When a slot begins, its present turn or the next.
    fn begin(&self, level: usize, slot: usize) -> u64 {
        let shift = BITS * level as u32;
        let turn = self.present >> shift;
        let ahead = (slot as u64).wrapping_sub(turn) % SLOTS as u64;
        (turn + ahead) << shift
    }

    /// The slot that begins first; of those that begin together the coarser, which may hold earlier deadlines.
    fn first(&self) -> Option<(u64, usize, usize)> {
        let mut first: Option<(u64, usize, usize)> = None;
        for (level, occupied) in self.occupied.iter().enumerate() {
            if *occupied == 0 {
                continue;
            }
            let shift = BITS * level as u32;
            let turn = self.present >> shift;
            let ahead = u64::from(occupied.rotate_right(turn as u32 % SLOTS as u32).trailing_zeros());
            let begin = (turn + ahead) << shift;
            if first.is_none_or(|(earliest, ..)| begin <= earliest) {
                first = Some((begin, level, (turn + ahead) as usize % SLOTS));
            }
        }
        first
    }

    /// The level for a deadline, and which of its slots, counted from the beginning of the clock.
    fn place(&self, deadline: u64) -> (usize, u64) {
        let deadline = deadline.max(self.present);
        let differing = u64::BITS - (deadline ^ self.present).leading_zeros();
        let level = (differing.saturating_sub(1) / BITS) as usize;
        if level < LEVELS - 1 {
            return (level, deadline >> (BITS * level as u32));
        }
        let shift = BITS * (LEVELS as u32 - 1);
        let end = (self.present >> shift) + SLOTS as u64 - 1;
        (LEVELS - 1, (deadline >> shift).min(end))
    }
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::store::GroupId;

    struct Slots(Vec<(TimerId, TimerId, u16, u64)>);

    impl Nodes for Slots {
        fn node(&mut self, id: TimerId) -> Node<'_> {
            let (prev, next, at, _) = &mut self.0[id.0 as usize];
            Node { prev, next, at }
        }
    }

    fn id(at: usize) -> TimerId {
        GroupId::new(at).into()
    }

    proptest! {
        #[test]
        fn timers_end_in_order_and_on_their_millisecond(
            steps in prop::collection::vec((0usize..12, 0u64..4, prop_oneof![
                0u64..70, 0u64..5_000, 0u64..300_000, 0u64..100_000_000,
            ]), 1..120),
        ) {
            let mut wheel = Wheel::NEW;
            let mut slots = Slots(vec![(TimerId::NIL, TimerId::NIL, NOWHERE, 0); 12]);
            let mut alive: Vec<Option<u64>> = vec![None; 12];
            let mut now = 0;
            for (at, action, amount) in steps {
                match action {
                    0 => {
                        wheel.remove(&mut slots, id(at));
                        slots.0[at].3 = now + amount;
                        wheel.insert(&mut slots, id(at), now + amount);
                        alive[at] = Some(now + amount);
                    }
                    1 => {
                        wheel.remove(&mut slots, id(at));
                        alive[at] = None;
                    }
                    // Postponed without telling the wheel.
                    2 => if let Some(deadline) = &mut alive[at] {
                        *deadline += amount;
                        slots.0[at].3 = *deadline;
                    },
                    _ => {
                        let until = now + amount;
                        while let Some(next) = wheel.next().filter(|next| *next <= until) {
                            now = now.max(next);
                            while let Some(popped) = wheel.pop(&mut slots, now) {
                                let deadline = slots.0[popped.0 as usize].3;
                                if deadline <= now {
                                    prop_assert_eq!(alive[popped.0 as usize].take(), Some(now), "late or twice");
                                } else {
                                    wheel.insert(&mut slots, popped, deadline);
                                }
                            }
                        }
                        now = until;
                        prop_assert_eq!(wheel.pop(&mut slots, now), None);
                    }
                }
                let first = alive.iter().flatten().min().copied();
                prop_assert!(first.is_none_or(|first| first >= now));
                prop_assert!(wheel.next().is_some() == first.is_some());
                prop_assert!(wheel.next() <= first.or(Some(u64::MAX)));
                prop_assert!(wheel.is_due(now) == wheel.next().is_some_and(|next| next <= now));
                wheel.advance(now + amount);
                prop_assert!(wheel.next() <= first.or(Some(u64::MAX)));
                if first.is_none_or(|first| first > now + amount) && !wheel.is_due(now + amount) {
                    now += amount;
                    prop_assert_eq!(wheel.present, now);
                }
            }
        }
    }
}
