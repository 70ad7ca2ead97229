//! The host of MLDv1 (RFC 2710 section 5), alone or as the compatibility mode of a host of MLDv2 (RFC 9777 section 8.2).

use core::net::Ipv6Addr;
use core::time::Duration;

use mld_proto::Instant;

use super::{Filter, Pending, RawHost};
use crate::packet::write::{DONE, REPORT_V1, version_1};
use crate::world::{HostVersion, Outbox};

impl RawHost {
    /// Starts or stops listening (R-LSN-70 to 72): sources do not exist here.
    pub(super) fn changed_version_1(
        &mut self,
        now: Instant,
        group: Ipv6Addr,
        old: &Filter,
        new: &Filter,
        out: &mut Outbox,
    ) {
        match (*old == Filter::NOTHING, *new == Filter::NOTHING) {
            (true, false) => {
                let next = self.soon(now, self.settings.unsolicited_report_interval_ms);
                let repeats_left = match self.settings.version {
                    // Once or twice.
                    HostVersion::One => self.robustness.clamp(2, 3) - 1,
                    _ => self.robustness - 1,
                };
                let pending = self.pending.entry(group).or_default();
                pending.is_spoken_for = false;
                pending.repeats_left = repeats_left;
                pending.version_1_due = (repeats_left > 0).then_some(next);
                self.send(version_1(REPORT_V1, 0, group), out);
            }
            (false, true) => {
                let pending = self.pending.remove(&group).unwrap_or_default();
                if self.settings.always_done || !pending.is_spoken_for {
                    self.send(version_1(DONE, 0, group), out);
                }
            }
            _ => {}
        }
    }

    /// A Query in MLDv1: a delay of plain milliseconds for each group by itself (R-CMP-34).
    pub(super) fn asked_version_1(
        &mut self,
        now: Instant,
        asked: Ipv6Addr,
        delay_max_ms: u16,
        out: &mut Outbox,
    ) {
        let groups = self.groups().into_iter().filter(|group| asked.is_unspecified() || asked == *group);
        for group in groups.collect::<Vec<_>>() {
            let latest = now + Duration::from_millis(u64::from(delay_max_ms));
            let due = now + Duration::from_millis(self.rng.between(0..=u64::from(delay_max_ms)));
            let pending = self.pending.entry(group).or_default();
            if pending.version_1_due.is_none_or(|old| latest < old) {
                pending.version_1_due = Some(due);
            }
        }
        if delay_max_ms == 0 {
            // R-LSN-74.
            self.send_version_1(now, out);
        }
    }

    /// Another host reported the group, so the own Report need not (R-LSN-73).
    pub(super) fn overheard(&mut self, group: Ipv6Addr) {
        let Some(pending) = self.pending.get_mut(&group) else { return };
        if pending.version_1_due.take().is_some() {
            pending.repeats_left = 0;
            pending.is_spoken_for = true;
        }
    }

    /// Sends the Reports that are due.
    pub(super) fn send_version_1(&mut self, now: Instant, out: &mut Outbox) {
        let is_due = |pending: &Pending| pending.version_1_due.is_some_and(|due| due <= now);
        let due: Vec<Ipv6Addr> =
            self.pending.iter().filter(|(_, pending)| is_due(pending)).map(|(group, _)| *group).collect();
        for group in due {
            let next = self.soon(now, self.settings.unsolicited_report_interval_ms);
            let pending = self.pending.entry(group).or_default();
            pending.is_spoken_for = false;
            pending.repeats_left = pending.repeats_left.saturating_sub(1);
            pending.version_1_due = (pending.repeats_left > 0).then_some(next);
            self.send(version_1(REPORT_V1, 0, group), out);
        }
    }
}
