//! Packets to send, computed when they are polled.

use core::net::Ipv6Addr;

use super::engine::{BATCH, Core};
use crate::io::{BufferTooSmall, Transmit};
use crate::store::{GroupFlags, GroupId, SourceFlags, SourceList, View};
use crate::wire::{
    HEADERS_LEN, QUERY_LEN, QUERY_V1_LEN, QueryFields, QueryFlags, SOURCE_LEN, Writer, encode_interval_code,
    encode_response_code,
};

impl Core {
    /// Writes the next packet that is due.
    pub(super) fn poll_transmit(
        &mut self,
        view: &mut View<'_>,
        now: u64,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        self.arrive(now);
        // R-WIRE-47
        let len = buffer.len().min(self.config.mtu.into());
        let buffer = &mut buffer[..len];
        let own = self.can_send();
        // R-QRY-3: once, and with S clear.
        if let (Some(own), true) = (own, self.election.is_general_due()) {
            let query = self.query(
                buffer,
                Ipv6Addr::UNSPECIFIED,
                QueryFlags::empty(),
                self.config.query_response_interval_ms,
            )?;
            self.election.general_sent();
            self.stats.sent.general += 1;
            return Ok(Some(query.finish(own)));
        }
        for _ in 0..BATCH {
            let Some(id) = self.transmits.first() else { return Ok(None) };
            match own {
                Some(own) if !self.is_stale(view.group(id)) => {
                    if let Some(transmit) = self.transmit_group(view, id, own, buffer)? {
                        return Ok(Some(transmit));
                    }
                }
                _ => self.drop_queries(view, id),
            }
            self.transmits.pop(view.groups);
            view.group(id).flags.remove(GroupFlags::IN_TRANSMITS);
            self.free_if_idle(view, id);
        }
        Ok(None)
    }

    /// The next packet of the group's round; `None` once the round is over. A router that lost the election meanwhile
    /// finishes what it began (R-QRY-16, A-26).
    fn transmit_group(
        &mut self,
        view: &mut View<'_>,
        id: GroupId,
        own: Ipv6Addr,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        if self.clock.has_backlog() && !view.group(id).flags.contains(GroupFlags::GONE) {
            self.expire_overdue(view, id);
        }
        if view.group(id).flags.contains(GroupFlags::ROUND) {
            mark_due(view, id);
        }
        let settled_at = self.clock.now() + self.intervals().last_listener_query_time_ms();
        let interval = self.config.last_listener_query_interval_ms;
        let slot = view.group(id);
        let address = slot.address;
        if slot.flags.contains(GroupFlags::QUERY_DUE) {
            // R-QRY-5: decided when it is sent.
            let flags = suppress_if(slot.filter_deadline > settled_at);
            let query = self.query(buffer, address, flags, interval)?;
            slot.flags.remove(GroupFlags::QUERY_DUE);
            slot.queries_left = slot.queries_left.saturating_sub(1);
            self.stats.sent.group += 1;
            return Ok(Some(query.finish(own)));
        }
        // R-QRY-8, R-QRY-10: those whose timers are down first, then those that were refreshed meanwhile.
        for suppress in [false, true] {
            let mut query = None;
            let mut walk = SourceList::walk(view, id);
            while let Some(source) = walk.next(view) {
                let slot = view.source(source);
                if !slot.flags.contains(SourceFlags::DUE) || (slot.deadline > settled_at) != suppress {
                    continue;
                }
                if query.is_none() {
                    let needed = HEADERS_LEN + QUERY_LEN + SOURCE_LEN;
                    if buffer.len() < needed {
                        return Err(BufferTooSmall { needed });
                    }
                    query = Some(self.query(buffer, address, suppress_if(suppress), interval)?);
                }
                // R-QRY-15: what does not fit goes into the next packet.
                if query.as_mut().is_none_or(|query| query.source(slot.address).is_err()) {
                    // The walk for that begins here.
                    view.group(id).sources = source;
                    break;
                }
                // R-QRY-9
                slot.flags.remove(SourceFlags::DUE);
                slot.queries_left = slot.queries_left.saturating_sub(1);
                if slot.flags.contains(SourceFlags::TOMBSTONE) {
                    self.file_tombstone(view, source);
                }
            }
            if let Some(query) = query {
                self.stats.sent.group_and_source += 1;
                return Ok(Some(query.finish(own)));
            }
        }
        let mut sources_left = false;
        let mut walk = SourceList::walk(view, id);
        while let Some(source) = walk.next(view) {
            sources_left |= view.source(source).queries_left > 0;
        }
        self.end_round(view, id, sources_left);
        Ok(None)
    }

    /// Begins a Query in the version of the interface, whatever the modes of groups (R-QRY-13, R-V1R-5, R-CMP-3 to 5,
    /// R-CMP-17).
    fn query<'b>(
        &self,
        buffer: &'b mut [u8],
        group: Ipv6Addr,
        flags: QueryFlags,
        response_ms: u64,
    ) -> Result<Writer<'b>, BufferTooSmall> {
        let needed = HEADERS_LEN + if self.is_version_1() { QUERY_V1_LEN } else { QUERY_LEN };
        if buffer.len() < needed {
            return Err(BufferTooSmall { needed });
        }
        if self.is_version_1() {
            return Writer::query_v1(buffer, group, response_ms.min(u16::MAX.into()) as u16);
        }
        Writer::query_v2(
            buffer,
            QueryFields {
                group,
                response_code: encode_response_code(response_ms),
                flags,
                robustness: self.intervals().robustness,
                interval_code: encode_interval_code(self.intervals().query_interval_ms / 1000),
            },
        )
    }
}

const fn suppress_if(suppress: bool) -> QueryFlags {
    if suppress { QueryFlags::SUPPRESS } else { QueryFlags::empty() }
}

/// Begins a round: everything with Queries left is due.
fn mark_due(view: &mut View<'_>, id: GroupId) {
    let slot = view.group(id);
    slot.flags.remove(GroupFlags::ROUND);
    let due = slot.queries_left > 0;
    slot.flags.set(GroupFlags::QUERY_DUE, due);
    let mut walk = SourceList::walk(view, id);
    while let Some(source) = walk.next(view) {
        let slot = view.source(source);
        let due = slot.queries_left > 0;
        slot.flags.set(SourceFlags::DUE, due);
    }
}
