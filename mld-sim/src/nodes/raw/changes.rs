//! State-change Reports of MLDv2 (RFC 9777 section 6.1), and how records fill Reports (section 5.2.16).

use core::net::Ipv6Addr;
use std::collections::BTreeMap;

use mld_proto::{FilterMode, Instant};

use super::{Filter, RawHost};
use crate::packet::write::{ALLOW, BLOCK, IS_EX, Record, TO_EX, TO_IN};
use crate::world::Outbox;

/// MAX_RTR_SOLICITATION_DELAY of RFC 4861 in milliseconds.
const FIRST_PACKET_DELAY_MS: u64 = 1000;
/// Octets of IPv6 header, hop-by-hop header and the Report's own header.
const REPORT_OVERHEAD: usize = 56;
/// The same, and a record without sources.
const RECORD_OVERHEAD: usize = 76;

impl RawHost {
    /// Plans the Reports for a change (R-LSN-20 to 25); the first one is due now.
    pub(super) fn note_change(&mut self, now: Instant, group: Ipv6Addr, old: &Filter, new: &Filter) {
        let due = if self.is_first_of_detection(group) { self.soon(now, FIRST_PACKET_DELAY_MS) } else { now };
        let robustness = self.robustness;
        let pending = self.pending.entry(group).or_default();
        if old.mode == new.mode {
            let changed = old.sources.symmetric_difference(&new.sources);
            pending.sources_left.extend(changed.map(|source| (*source, robustness)));
        } else {
            // A change of mode reports the whole list, so that no earlier change is pending.
            pending.sources_left.clear();
            pending.mode_left = robustness;
        }
        pending.change_due = Some(due);
    }

    /// Sends the changes that are due.
    pub(super) fn send_changes(&mut self, now: Instant, out: &mut Outbox) {
        let due: Vec<Ipv6Addr> = self
            .pending
            .iter()
            .filter(|(_, pending)| pending.change_due.is_some_and(|due| due <= now))
            .map(|(group, _)| *group)
            .collect();
        let records = due.into_iter().flat_map(|group| self.change(now, group)).collect();
        self.send_records(records, out);
    }

    /// The records of one state-change Report, and when the next one is due (R-LSN-22, R-LSN-24).
    fn change(&mut self, now: Instant, group: Ipv6Addr) -> Vec<Record> {
        let filter = self.filter(group);
        let next = self.soon(now, self.settings.unsolicited_report_interval_ms);
        let sources_max = sources_max(self.settings.mtu);
        let Some(pending) = self.pending.get_mut(&group) else { return Vec::new() };

        let records = if pending.mode_left > 0 {
            pending.mode_left -= 1;
            let (kind, told_max) = match filter.mode {
                FilterMode::Include => (TO_IN, usize::MAX),
                FilterMode::Exclude => (TO_EX, sources_max),
            };
            // R-LSN-27: changes that the list does not show are still pending.
            for source in filter.sources.iter().take(told_max) {
                count_down(&mut pending.sources_left, *source);
            }
            vec![Record::new(kind, group, filter.sources.into_iter().collect())]
        } else {
            // R-LSN-26: which of the two is decided by what is wanted now.
            let (wanted, unwanted): (Vec<_>, Vec<_>) =
                pending.sources_left.keys().copied().partition(|source| filter.wants(source));
            for source in wanted.iter().chain(&unwanted) {
                count_down(&mut pending.sources_left, *source);
            }
            [(ALLOW, wanted), (BLOCK, unwanted)]
                .into_iter()
                .filter(|(_, sources)| !sources.is_empty())
                .map(|(kind, sources)| Record::new(kind, group, sources))
                .collect()
        };

        let is_told = pending.mode_left == 0 && pending.sources_left.is_empty();
        pending.change_due = (!is_told).then_some(next);
        if is_told && self.filter(group) == Filter::NOTHING {
            self.pending.remove(&group);
        }
        records
    }

    /// True for the Report for the solicited-node group before address detection, and the first packet of all:
    /// neighbours that come up together must not all speak at once (R-LSN-29).
    fn is_first_of_detection(&self, group: Ipv6Addr) -> bool {
        let is_solicited_node = group.octets().starts_with(&SOLICITED_NODE);
        self.address.is_none() && !self.has_sent && is_solicited_node
    }
}

/// Fills Reports with records (R-LSN-60). A list that is too long for one is split into several records, or, where a
/// record must be whole, cut: always the same sources are left out (R-LSN-61, R-LSN-62).
pub(super) fn pack(records: Vec<Record>, mtu: u16) -> Vec<Vec<Record>> {
    let room = room(mtu);
    let sources_max = sources_max(mtu);
    let mut reports: Vec<Vec<Record>> = Vec::new();
    let mut used = 0;
    for record in records {
        let pieces: Vec<Record> = if record.sources.is_empty() {
            vec![record]
        } else {
            let whole = matches!(record.kind, IS_EX | TO_EX);
            let pieces = record.sources.chunks(sources_max).take(if whole { 1 } else { usize::MAX });
            pieces.map(|sources| Record::new(record.kind, record.group, sources.to_vec())).collect()
        };
        for piece in pieces {
            let size = piece.size();
            match reports.last_mut() {
                Some(report) if used + size <= room => {
                    used += size;
                    report.push(piece);
                }
                _ => {
                    used = size;
                    reports.push(vec![piece]);
                }
            }
        }
    }
    reports
}

/// Octets for records in one Report.
pub(super) fn room(mtu: u16) -> usize {
    usize::from(mtu.max(1280)) - REPORT_OVERHEAD
}

fn sources_max(mtu: u16) -> usize {
    (usize::from(mtu.max(1280)) - RECORD_OVERHEAD) / 16
}

/// ff02::1:ff00:0/104.
const SOLICITED_NODE: [u8; 13] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff];

fn count_down(left: &mut BTreeMap<Ipv6Addr, u8>, source: Ipv6Addr) {
    if let Some(count) = left.get_mut(&source) {
        *count -= 1;
        if *count == 0 {
            left.remove(&source);
        }
    }
}
