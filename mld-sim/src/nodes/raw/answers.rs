//! Answers to Queries in MLDv2 (RFC 9777 sections 6.2 and 6.3).

use core::net::Ipv6Addr;
use core::time::Duration;
use std::collections::BTreeSet;

use mld_proto::{FilterMode, Instant};

use super::{Filter, RawHost, changes};
use crate::packet::write::{IS_EX, IS_IN, Record};
use crate::world::Outbox;

/// The pending answer to a General Query.
#[derive(Clone, Debug)]
pub(super) struct General {
    /// When the next Report of it leaves.
    pub(super) due: Instant,
    /// When the last one has to have left.
    until: Instant,
    /// The groups that are still to be named. Nothing: no Report has left, and all groups are.
    left: Option<Vec<Ipv6Addr>>,
}

/// The pending answer to specific Queries for a group.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) due: Instant,
    /// The sources that were asked for. Empty: the whole group was.
    sources: BTreeSet<Ipv6Addr>,
}

impl RawHost {
    /// Plans the answer to a Query (R-LSN-41, R-LSN-42): the first of five rules that fits.
    pub(super) fn asked(&mut self, now: Instant, group: Ipv6Addr, sources: &[Ipv6Addr], delay_max_ms: u64) {
        // Never at once, whatever the Query says (R-LSN-45).
        let due = self.soon(now, delay_max_ms);
        // An answer of which a part has left cannot stand for the next one.
        if self.general.as_ref().is_some_and(|general| general.left.is_none() && general.due <= due) {
            return;
        }
        if group.is_unspecified() {
            //
            if !self.groups().is_empty() {
                let until = now + Duration::from_millis(delay_max_ms.max(1));
                self.general = Some(self.general_answer(due, until));
            }
            return;
        }
        if !super::is_reported(group) || self.filter(group) == Filter::NOTHING {
            return;
        }
        let remembered_max = self.settings.remembered_max;
        let asked = &mut self.pending.entry(group).or_default().asked;
        let asked = match asked {
            //
            None => asked.insert(Asked { due, sources: sources.iter().copied().collect() }),
            Some(asked) => {
                if sources.is_empty() || asked.sources.is_empty() {
                    //
                    asked.sources.clear();
                } else {
                    //
                    asked.sources.extend(sources);
                }
                asked.due = asked.due.min(due);
                asked
            }
        };
        if asked.sources.len() > remembered_max {
            asked.sources.clear();
        }
    }

    /// Sends the answers that are due.
    pub(super) fn send_answers(&mut self, now: Instant, out: &mut Outbox) {
        let mut records = Vec::new();
        for group in self.pending.keys().copied().collect::<Vec<_>>() {
            let Some(pending) = self.pending.get_mut(&group) else { continue };
            if let Some(asked) = pending.asked.take_if(|asked| asked.due <= now) {
                records.extend(self.answer(group, &asked.sources));
            }
        }
        self.send_records(records, out);
        if let Some(general) = self.general.take_if(|general| general.due <= now) {
            self.send_general(now, general, out);
        }
    }

    /// The pending answer after one more General Query. When a part of the last answer has left, the groups of that
    /// part come last, so that no flood of Queries keeps the others from ever being named.
    fn general_answer(&self, due: Instant, until: Instant) -> General {
        let Some(General { due: old_due, until: old_until, left }) = &self.general else {
            return General { due, until, left: None };
        };
        // An earlier Query is not answered later because of a further one.
        let until = until.min(*old_until);
        let Some(mut left) = left.clone() else { return General { due, until, left: None } };
        let rest: Vec<Ipv6Addr> = self.groups().into_iter().filter(|group| !left.contains(group)).collect();
        left.extend(rest);
        General { due: due.min(*old_due), until, left: Some(left) }
    }

    /// Sends one Report of the answer to a General Query and spreads the others over the time that is left (R-LSN-43,
    /// R-LSN-44). Each reports the interest at the moment of sending (R-LSN-47).
    fn send_general(&mut self, now: Instant, general: General, out: &mut Outbox) {
        let mut groups = general.left.unwrap_or_else(|| self.groups());
        groups.retain(|group| self.filter(*group) != Filter::NOTHING);
        let records: Vec<Record> =
            groups.iter().filter_map(|group| self.answer(*group, &BTreeSet::new())).collect();

        let room = changes::room(self.settings.mtu);
        let mut used = 0;
        let fitting = records.iter().take_while(|record| {
            used += record.size();
            used <= room
        });
        // A record that fits no Report is split or cut, and leaves alone.
        let mut now_count = fitting.count().max(1);
        if general.until <= now {
            now_count = records.len();
        }
        let size_left: usize = records.iter().skip(now_count).map(Record::size).sum();
        if size_left > 0 {
            let reports_left = size_left.div_ceil(room) as u64;
            let step_ms = general.until.saturating_since(now).as_millis() as u64 / reports_left;
            let due = now + Duration::from_millis(step_ms.max(1));
            self.general =
                Some(General { due, until: general.until, left: Some(groups.split_off(now_count)) });
        }
        self.send_records(records.into_iter().take(now_count).collect(), out);
    }

    /// The current-state record of a group for these sources, all of them when there are none; `None` when there is
    /// nothing to report (R-LSN-46, R-LSN-48).
    fn answer(&self, group: Ipv6Addr, asked: &BTreeSet<Ipv6Addr>) -> Option<Record> {
        let filter = self.filter(group);
        let (kind, sources) = match (filter.mode, asked.is_empty()) {
            (FilterMode::Include, true) => (IS_IN, filter.sources),
            (FilterMode::Exclude, true) => (IS_EX, filter.sources),
            (FilterMode::Include, false) => (IS_IN, &filter.sources & asked),
            (FilterMode::Exclude, false) => (IS_IN, asked - &filter.sources),
        };
        let says_something = kind == IS_EX || !sources.is_empty();
        says_something.then(|| Record::new(kind, group, sources.into_iter().collect()))
    }
}
