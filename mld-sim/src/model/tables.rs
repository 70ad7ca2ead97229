//! The record tables of matrix 4.2 and 4.3, row by row.
//!
//! Names as in the rows: INCLUDE(A) or EXCLUDE(X,Y) is the old state, `list` the sources of the record.

use core::net::Ipv6Addr;
use std::collections::BTreeSet;

use super::group::ModelGroup;
use crate::packet::codes::RecordKind;

/// Places for new sources (R-SEC-8).
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) group: usize,
    pub(super) total: usize,
}

/// What a record asks of the caller.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The Queries column: Q(MA).
    pub(super) query_group: bool,
    /// The Queries column: the sources of Q(MA, ...).
    pub(super) query_sources: BTreeSet<Ipv6Addr>,
    /// Sources were deleted, before any was admitted.
    pub(super) deleted: bool,
    /// A source found no place in its group.
    pub(super) refused_by_group: bool,
    /// A source found no place among those of all groups.
    pub(super) refused_by_total: bool,
}

/// One application of a row.
struct Row<'a> {
    group: &'a mut ModelGroup,
    room: Room,
    outcome: Outcome,
}

impl Row<'_> {
    /// "timer = deadline" for a source that is known, or for a new one while there is room (R-SEC-8). The lists come in
    /// wire order.
    fn set(&mut self, source: Ipv6Addr, deadline: u64) {
        if let Some(timer) = self.group.sources.get_mut(&source) {
            *timer = deadline;
        } else if self.room.group == 0 {
            self.outcome.refused_by_group = true;
        } else if self.room.total == 0 {
            self.outcome.refused_by_total = true;
        } else {
            self.group.sources.insert(source, deadline);
            self.room.group -= 1;
            self.room.total -= 1;
        }
    }

    /// Deletes every source that the record does not list.
    // reading: deletions of a row come before its additions, so that their places can be used by the sources of the same
    // record: what counts is the room in the new state.
    fn keep_only(&mut self, list: &BTreeSet<Ipv6Addr>) {
        let gone: Vec<Ipv6Addr> =
            self.group.sources.keys().filter(|source| !list.contains(source)).copied().collect();
        for source in gone {
            self.group.delete(source);
            self.room.group += 1;
            self.room.total += 1;
            self.outcome.deleted = true;
        }
    }
}

/// Applies a record: `list` in wire order, `listening` the Multicast Address Listening Interval.
///
/// Timers are not lowered and nothing is queued here: that is the querier's part and follows from the outcome.
pub(super) fn apply(
    group: &mut ModelGroup,
    kind: RecordKind,
    list: &[Ipv6Addr],
    now: u64,
    listening: u64,
    room: Room,
) -> Outcome {
    let set: BTreeSet<Ipv6Addr> = list.iter().copied().collect();
    // A, or X: the sources whose timer runs; Y: those whose timer stands at zero. As of before the record.
    let running: BTreeSet<Ipv6Addr> = group.running().collect();
    let excluded: BTreeSet<Ipv6Addr> = group.excluded().collect();
    let exclude = group.exclude;
    let refreshed = now + listening;
    // R-REC-4: the value from before this record.
    let old_filter_timer = group.filter_timer;
    let mut row = Row { group, room, outcome: Outcome::default() };

    match (exclude, kind) {
        // INCLUDE(A) IS_IN(B), ALLOW(B): INCLUDE(A+B); B = MALI (R-REC-1, R-REC-2).
        // EXCLUDE(X,Y) IS_IN(A), ALLOW(A): EXCLUDE(X+A, Y-A); A = MALI.
        (_, RecordKind::IsIn | RecordKind::Allow) => {
            for &source in list {
                row.set(source, refreshed);
            }
        }
        // INCLUDE(A) IS_EX(B): EXCLUDE(A*B, B-A); B-A = 0; delete A-B; Filter Timer = MALI.
        // INCLUDE(A) TO_EX(B): the same, and Q(MA, A*B).
        (false, RecordKind::IsEx | RecordKind::ToEx) => {
            row.keep_only(&set);
            row.group.exclude = true;
            row.group.filter_timer = refreshed;
            for &source in list {
                if !running.contains(&source) {
                    row.set(source, 0);
                }
            }
            if kind == RecordKind::ToEx {
                row.outcome.query_sources = &running & &set;
            }
        }
        // EXCLUDE(X,Y) IS_EX(A): EXCLUDE(A-Y, Y*A); A-X-Y = MALI; delete X-A, Y-A; Filter Timer = MALI (R-REC-3).
        // EXCLUDE(X,Y) TO_EX(A): EXCLUDE(A-Y, Y*A); A-X-Y = old Filter Timer; the same deletions; Filter Timer = MALI;
        // Q(MA, A-Y).
        (true, RecordKind::IsEx | RecordKind::ToEx) => {
            let new_timer = if kind == RecordKind::IsEx { refreshed } else { old_filter_timer };
            row.keep_only(&set);
            row.group.filter_timer = refreshed;
            for &source in list {
                if !running.contains(&source) && !excluded.contains(&source) {
                    row.set(source, new_timer);
                }
            }
            if kind == RecordKind::ToEx {
                row.outcome.query_sources = &set - &excluded;
            }
        }
        // INCLUDE(A) BLOCK(B): INCLUDE(A); Q(MA, A*B).
        (false, RecordKind::Block) => row.outcome.query_sources = &running & &set,
        // EXCLUDE(X,Y) BLOCK(A): EXCLUDE(X+(A-Y), Y); A-X-Y = Filter Timer; Q(MA, A-Y) (R-REC-10).
        (true, RecordKind::Block) => {
            for &source in list {
                if !running.contains(&source) && !excluded.contains(&source) {
                    row.set(source, old_filter_timer);
                }
            }
            row.outcome.query_sources = &set - &excluded;
        }
        // INCLUDE(A) TO_IN(B): INCLUDE(A+B); B = MALI; Q(MA, A-B).
        // EXCLUDE(X,Y) TO_IN(A): EXCLUDE(X+A, Y-A); A = MALI; Q(MA, X-A) and Q(MA).
        (_, RecordKind::ToIn) => {
            for &source in list {
                row.set(source, refreshed);
            }
            row.outcome.query_sources = &running - &set;
            row.outcome.query_group = exclude;
        }
    }
    row.outcome
}
