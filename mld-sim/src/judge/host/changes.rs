//! State-Change Reports of one group (RFC 9777 section 6.1; R-LSN-20 to 27).

use core::net::Ipv6Addr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use mld_proto::Instant;

use super::count::Count;
use crate::packet::SentRecord;
use crate::packet::write::{TO_EX, TO_IN};
use crate::world::Wants;

/// Pending reports of a group's changes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Filter Mode Retransmission Counter: Reports that still carry the filter mode.
    mode: Count,
    /// Source Retransmission Counters: Reports that still carry the source.
    sources: BTreeMap<Ipv6Addr, Count>,
    /// Until when the next Report has to leave.
    due: Option<Instant>,
    /// Reports since the last change.
    reports: u32,
    /// The Report of an instant, which may take several packets.
    said: Option<Said>,
}

/// The records of one instant.
#[derive(Debug)]
struct Said {
    at: Instant,
    /// The list of TO_IN or TO_EX, if there was one.
    whole: Option<BTreeSet<Ipv6Addr>>,
    /// The sources of ALLOW and BLOCK.
    each: BTreeSet<Ipv6Addr>,
}

impl Changes {
    /// The interface's interest in the group changed.
    pub(super) fn changed(&mut self, at: Instant, before: &Wants, now: &Wants, robustness: Count) {
        if before.exclude == now.exclude {
            let changed = before.sources.symmetric_difference(&now.sources);
            self.sources.extend(changed.map(|source| (*source, robustness)));
        } else {
            // The whole list is reported, so that no earlier change is pending.
            self.sources.clear();
            self.mode = robustness;
        }
        self.due = Some(at);
        self.reports = 0;
    }

    /// A record of a change was sent.
    pub(super) fn said(&mut self, at: Instant, record: &SentRecord) {
        let said = self.said.get_or_insert(Said { at, whole: None, each: BTreeSet::new() });
        if matches!(record.kind, TO_IN | TO_EX) {
            said.whole.get_or_insert_default().extend(&record.sources);
        } else {
            said.each.extend(&record.sources);
        }
    }

    /// The records of an instant are complete once something else happens.
    ///
    /// `has_strays`: there may be Reports of changes that were not tracked.
    ///
    /// # Errors
    ///
    /// The fault in them.
    pub(super) fn conclude(
        &mut self,
        wants: &Wants,
        interval: Duration,
        has_strays: bool,
    ) -> Result<(), String> {
        let Some(Said { at, whole, each }) = self.said.take() else { return Ok(()) };
        if whole.is_some() && self.mode.high == 0 && !has_strays {
            return Err(String::from("reports the filter mode more often than it should"));
        }
        if whole.is_none() && self.mode.low > 0 {
            return Err(String::from("does not repeat the filter mode"));
        }
        if let Some(whole) = whole.as_ref().filter(|whole| !wants.exclude && **whole != wants.sources) {
            return Err(format!("reports TO_IN {whole:?} but wants {wants:?}"));
        }
        let is_booked = |source: &&Ipv6Addr| self.sources.contains_key(*source);
        if let Some(source) = each.iter().find(|source| !is_booked(source) && !has_strays) {
            return Err(format!("reports {source} more often than it should"));
        }

        self.mode = if whole.is_some() { self.mode.done() } else { Count::default() };
        for (source, count) in &mut self.sources {
            *count = match &whole {
                _ if each.contains(source) => count.done(),
                Some(whole) if whole.contains(source) => count.done(),
                // R-LSN-27
                Some(_) => count.perhaps_done(),
                None if count.low > 0 => {
                    return Err(format!("does not repeat {source}"));
                }
                None => *count,
            };
        }
        self.sources.retain(|_, count| count.high > 0);
        self.reports += 1;
        self.due = (!self.is_over()).then(|| at + interval);
        Ok(())
    }

    /// Checks that the reports due before `at` were sent.
    ///
    /// # Errors
    ///
    /// The missing report.
    pub(super) fn check(&self, at: Instant) -> Result<(), String> {
        let owes = self.mode.low > 0 || self.sources.values().any(|count| count.low > 0);
        match self.due {
            Some(due) if due < at && owes && self.reports == 0 => {
                Err(String::from("did not report its change at once"))
            }
            Some(due) if due < at && owes => {
                Err(format!("reported its change {} times only until {} ms", self.reports, due.as_millis()))
            }
            _ => Ok(()),
        }
    }

    /// When the records that wait for their conclusion were sent.
    pub(super) fn said_at(&self) -> Option<Instant> {
        self.said.as_ref().map(|said| said.at)
    }

    /// Nothing is left to be said.
    pub(super) fn is_over(&self) -> bool {
        self.said.is_none() && self.mode.high == 0 && self.sources.is_empty()
    }
}
