//! Packets to send, computed when they are polled (RFC 9777 sections 5.2.16, 6.1 and 6.3).

use core::net::Ipv6Addr;

use super::engine::{BATCH, Core, SweepKind};
use super::listen::group_sources;
use super::tables::{GroupFlags, GroupSlot, SourceFlags, SourceSlot, View};
use crate::addr::GroupAddr;
use crate::io::{BufferTooSmall, Transmit};
use crate::store::GroupId;
use crate::wire::{HEADERS_LEN, QUERY_V1_LEN, RecordType, SOURCE_LEN, Writer};

/// Octets of a Report before its records.
const REPORT_LEN: usize = HEADERS_LEN + 8;
/// Octets of a record before its sources.
const RECORD_LEN: usize = 20;

/// The result of writing a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It is written.
    Written,
    /// It is written, and the Report is to hold nothing else behind it.
    Last,
    /// It does not fit, or not all of it did.
    Full,
}

/// A Report in the making.
#[derive(Debug)]
struct Packet<'b> {
    writer: Writer<'b>,
    limit: usize,
}

impl Packet<'_> {
    fn is_empty(&self) -> bool {
        self.writer.len() == REPORT_LEN
    }

    /// How many sources one more record may have; what has no room here goes into the next Report (R-LSN-60).
    fn room(&self) -> Option<u32> {
        let octets = (self.limit - self.writer.len()).checked_sub(RECORD_LEN)?;
        Some((octets / SOURCE_LEN) as u32)
    }

    /// How many sources the only record of a Report may have (R-LSN-61, R-LSN-62).
    const fn most(&self) -> u32 {
        ((self.limit - REPORT_LEN - RECORD_LEN) / SOURCE_LEN) as u32
    }

    fn holds(&self, sources: u32) -> bool {
        self.room().is_some_and(|room| sources <= room)
    }
}

impl Core {
    /// Writes the next packet that is due.
    pub(super) fn poll_transmit(
        &mut self,
        view: &mut View<'_>,
        now: u64,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        self.arrive(now);
        let limit = buffer.len().min(self.config.mtu.into());
        let queued = self.due.first().is_some() || self.sweeps[SweepKind::Announce as usize].running;
        if !self.running || !queued && !self.round_due {
            return Ok(None);
        }
        if self.is_version_1() {
            return self.transmit_version_1(view, &mut buffer[..limit]);
        }
        let needed = REPORT_LEN + RECORD_LEN + SOURCE_LEN;
        if limit < needed {
            return Err(BufferTooSmall { needed });
        }
        let mut packet = Packet { writer: Writer::report_v2(&mut buffer[..limit])?, limit };
        self.fill_with_due(view, &mut packet)?;
        if packet.is_empty() && self.due.first().is_none() && self.round_due {
            self.fill_with_round(view, &mut packet)?;
        }
        if packet.is_empty() {
            return Ok(None);
        }
        self.stats.sent.report_v2 += 1;
        Ok(Some(packet.writer.finish(self.source_address())))
    }

    /// R-WIRE-6: `::` while there is no link-local address.
    fn source_address(&self) -> Ipv6Addr {
        self.link_local.unwrap_or(Ipv6Addr::UNSPECIFIED)
    }

    /// The first group with something to send.
    fn next_due(&mut self, view: &mut View<'_>) -> Option<GroupId> {
        while self.due.first().is_none() {
            let id = self.swept(view, SweepKind::Announce)?;
            self.announce(view, id);
            self.sweep_on(view, SweepKind::Announce);
        }
        self.due.first()
    }

    /// State-Change Reports, or answers to specific Queries: of as many groups as fit.
    fn fill_with_due(&mut self, view: &mut View<'_>, packet: &mut Packet<'_>) -> Result<(), BufferTooSmall> {
        let mut kind = None;
        for _ in 0..BATCH {
            let Some(id) = self.next_due(view) else { return Ok(()) };
            self.cancel_stale(view, id);
            let flags = view.group(id).flags;
            let next = if flags.contains(GroupFlags::CHANGE) {
                GroupFlags::CHANGE
            } else if flags.contains(GroupFlags::ANSWER) {
                GroupFlags::ANSWER
            } else {
                self.pop_due(view);
                continue;
            };
            if *kind.get_or_insert(next) != next && !packet.is_empty() {
                return Ok(());
            }
            kind = Some(next);
            let step = if next == GroupFlags::CHANGE {
                self.write_change(view, id, packet)?
            } else {
                self.write_answer(view, id, packet)?
            };
            if step != Step::Written {
                return Ok(());
            }
        }
        Ok(())
    }

    /// One group of a State-Change Report (R-LSN-23 to 27).
    fn write_change(
        &mut self,
        view: &mut View<'_>,
        id: GroupId,
        packet: &mut Packet<'_>,
    ) -> Result<Step, BufferTooSmall> {
        let slot = view.group(id);
        let (exclude, new_mode) = (slot.excluding > 0, slot.mode_left > 0);
        if slot.flags.contains(GroupFlags::CHANGE_FRESH) {
            slot.flags.remove(GroupFlags::CHANGE_FRESH | GroupFlags::SPLIT);
            slot.flags.set(GroupFlags::CHANGE_BARE, new_mode);
            mark(view, id, SourceFlags::CHANGE, |slot| {
                if new_mode { slot.flags.contains(SourceFlags::LISTED) } else { slot.left > 0 }
            });
        }
        let listed = |slot: &SourceSlot| slot.flags.contains(SourceFlags::LISTED);
        let marked = |slot: &SourceSlot| slot.flags.contains(SourceFlags::CHANGE);
        let mut step = Step::Written;
        if new_mode && exclude {
            step = self.write_exclude(view, id, packet, RecordType::ToEx)?;
        } else if new_mode {
            let named = |slot: &SourceSlot| marked(slot) && listed(slot);
            let bare = view.group(id).flags.contains(GroupFlags::CHANGE_BARE);
            step = self.write_list(view, id, packet, RecordType::ToIn, SourceFlags::CHANGE, bare, named)?;
        } else {
            for (record, wanted) in [(RecordType::Allow, true), (RecordType::Block, false)] {
                // R-LSN-26
                let named = |slot: &SourceSlot| marked(slot) && (listed(slot) != exclude) == wanted;
                let next = self.write_list(view, id, packet, record, SourceFlags::CHANGE, false, named)?;
                if next != Step::Written {
                    step = next;
                }
                if next == Step::Full {
                    break;
                }
            }
        }
        if step == Step::Full {
            return Ok(step);
        }
        let slot = view.group(id);
        slot.flags.remove(GroupFlags::CHANGE | GroupFlags::CHANGE_BARE);
        slot.mode_left = slot.mode_left.saturating_sub(1);
        if slot.mode_left > 0 || slot.changing > 0 {
            // R-LSN-22
            let delay = self.random.delay(self.config.unsolicited_report_interval_ms());
            view.group(id).change_at = self.clock.now() + delay;
            self.reschedule(view, id);
        }
        Ok(step)
    }

    /// One group of an answer to a specific Query (R-LSN-46, R-LSN-47).
    fn write_answer(
        &mut self,
        view: &mut View<'_>,
        id: GroupId,
        packet: &mut Packet<'_>,
    ) -> Result<Step, BufferTooSmall> {
        let slot = view.group(id);
        let (exclude, queried) = (slot.excluding > 0, slot.queried > 0);
        let step = if exclude && !queried {
            self.write_exclude(view, id, packet, RecordType::IsEx)?
        } else {
            if !queried {
                // As if every source were asked for.
                let listed = slot.listed;
                mark(view, id, SourceFlags::QUERIED, |slot| slot.flags.contains(SourceFlags::LISTED));
                view.group(id).queried = listed;
            }
            let named = |slot: &SourceSlot| {
                slot.flags.contains(SourceFlags::QUERIED)
                    && slot.flags.contains(SourceFlags::LISTED) != exclude
            };
            self.write_list(view, id, packet, RecordType::IsIn, SourceFlags::QUERIED, false, named)?
        };
        if step != Step::Full {
            view.group(id).flags.remove(GroupFlags::ANSWER);
            self.forget_queried(view, id);
        }
        Ok(step)
    }

    /// The next Report of the answer to a General Query (R-LSN-43), and when the one after it is due (R-LSN-44).
    fn fill_with_round(
        &mut self,
        view: &mut View<'_>,
        packet: &mut Packet<'_>,
    ) -> Result<(), BufferTooSmall> {
        if self.round_reports == 0 {
            let octets =
                u64::from(self.listening_count) * RECORD_LEN as u64 + self.listed * SOURCE_LEN as u64;
            self.round_reports = octets.div_ceil((packet.limit - REPORT_LEN) as u64);
        }
        while let Some(id) = self.swept(view, SweepKind::Answer) {
            self.cancel_stale(view, id);
            let slot = view.group(id);
            let step = if slot.excluding > 0 {
                self.write_exclude(view, id, packet, RecordType::IsEx)?
            } else {
                if !slot.flags.contains(GroupFlags::ROUND_SPLIT) {
                    slot.flags.insert(GroupFlags::ROUND_SPLIT);
                    mark(view, id, SourceFlags::ROUND, |slot| slot.flags.contains(SourceFlags::LISTED));
                }
                let named = |slot: &SourceSlot| slot.flags.contains(SourceFlags::ROUND | SourceFlags::LISTED);
                self.write_list(view, id, packet, RecordType::IsIn, SourceFlags::ROUND, false, named)?
            };
            if step != Step::Full {
                let slot = view.group(id);
                let again = slot.flags.contains(GroupFlags::ROUND_AGAIN);
                slot.flags.remove(GroupFlags::ROUND_SPLIT | GroupFlags::ROUND_AGAIN);
                if again {
                    self.sweep_past(view, SweepKind::Answer);
                } else {
                    self.sweep_on(view, SweepKind::Answer);
                }
            }
            if step != Step::Written {
                break;
            }
        }
        self.round_due = self.swept(view, SweepKind::Answer).is_some();
        let window = self.round_until.saturating_sub(self.clock.now());
        if self.round_due && window > 0 {
            self.round_reports = self.round_reports.saturating_sub(1).max(1);
            self.round_due = false;
            self.round_at = self.clock.now() + self.random.delay(window / self.round_reports);
        }
        Ok(())
    }

    /// A record of exclude mode: of a list that does not fit, always the same part (R-LSN-62).
    fn write_exclude(
        &mut self,
        view: &mut View<'_>,
        id: GroupId,
        packet: &mut Packet<'_>,
        record: RecordType,
    ) -> Result<Step, BufferTooSmall> {
        let slot = view.group(id);
        let mut left = slot.listed.min(packet.most());
        if !packet.holds(left) {
            return Ok(Step::Full);
        }
        packet.writer.record(record, slot.address)?;
        let mut walk = group_sources(view, id);
        while left > 0
            && let Some(source) = walk.next(view.sources)
        {
            let slot = view.source(source);
            if !slot.flags.contains(SourceFlags::LISTED) {
                continue;
            }
            packet.writer.source(slot.address)?;
            left -= 1;
            if record == RecordType::ToEx {
                // R-LSN-27
                let next = slot.left.saturating_sub(1);
                self.set_left(view, source, next);
            }
        }
        Ok(Step::Written)
    }

    /// A record of the sources that `named` picks, without the `mark` once written; none without sources, unless
    /// `empty`. What does not fit one Report is split over several (R-LSN-61), each with a record of the same type
    /// (R-LSN-63).
    #[expect(clippy::too_many_arguments, reason = "one record")]
    fn write_list(
        &mut self,
        view: &mut View<'_>,
        id: GroupId,
        packet: &mut Packet<'_>,
        record: RecordType,
        mark: SourceFlags,
        bare: bool,
        named: impl Fn(&SourceSlot) -> bool,
    ) -> Result<Step, BufferTooSmall> {
        let count = count(view, id, &named);
        // R-LSN-21, R-LSN-48
        if count == 0 && !bare {
            return Ok(Step::Written);
        }
        let whole = packet.holds(count);
        if !whole && !packet.is_empty() {
            return Ok(Step::Full);
        }
        let mut left = if whole { count } else { packet.most() };
        let was_split = view.group(id).flags.contains(GroupFlags::SPLIT);
        let slot = view.group(id);
        slot.flags.set(GroupFlags::SPLIT, !whole);
        if bare {
            slot.flags.remove(GroupFlags::CHANGE_BARE);
        }
        packet.writer.record(record, view.group(id).address)?;
        let mut walk = group_sources(view, id);
        while left > 0
            && let Some(source) = walk.next(view.sources)
        {
            let slot = view.source(source);
            if !named(slot) {
                continue;
            }
            packet.writer.source(slot.address)?;
            left -= 1;
            slot.flags.remove(mark);
            if mark == SourceFlags::CHANGE {
                // R-LSN-24, R-LSN-27
                let next = slot.left.saturating_sub(1);
                self.set_left(view, source, next);
            }
            if mark == SourceFlags::QUERIED {
                view.group(id).queried -= 1;
            }
            self.free_source_if_idle(view, source);
        }
        Ok(match (whole, was_split) {
            (false, _) => Step::Full,
            (true, true) => Step::Last,
            (true, false) => Step::Written,
        })
    }

    /// The next message of version 1 mode (R-CMP-33).
    fn transmit_version_1(
        &mut self,
        view: &mut View<'_>,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        let needed = HEADERS_LEN + QUERY_V1_LEN;
        for _ in 0..BATCH {
            let Some(id) = self.next_due(view) else { return Ok(None) };
            self.cancel_stale(view, id);
            let slot = view.group(id);
            let what = slot.flags & (GroupFlags::DONE | GroupFlags::CHANGE);
            let Some(group) = GroupAddr::new(slot.address).ok().filter(|_| !what.is_empty()) else {
                self.pop_due(view);
                continue;
            };
            if buffer.len() < needed {
                return Err(BufferTooSmall { needed });
            }
            if what.contains(GroupFlags::DONE) {
                slot.flags.remove(GroupFlags::DONE);
                self.stats.sent.done += 1;
                return Ok(Some(Writer::done(buffer, group)?.finish(self.source_address())));
            }
            self.reported_as_version_1(view, id);
            self.stats.sent.report_v1 += 1;
            return Ok(Some(Writer::report_v1(buffer, group)?.finish(self.source_address())));
        }
        Ok(None)
    }

    /// A Report of version 1 mode leaves: perhaps another one follows (R-LSN-72).
    fn reported_as_version_1(&mut self, view: &mut View<'_>, id: GroupId) {
        let slot: &mut GroupSlot = view.group(id);
        slot.flags.remove(GroupFlags::CHANGE | GroupFlags::OVERHEARD);
        slot.mode_left = slot.mode_left.saturating_sub(1);
        if slot.mode_left > 0 {
            slot.answer_at =
                self.clock.now() + self.random.delay(self.config.unsolicited_report_interval_ms());
            self.reschedule(view, id);
        }
    }
}

/// Sets or clears the mark of each source of a group.
fn mark(view: &mut View<'_>, id: GroupId, mark: SourceFlags, marks: impl Fn(&SourceSlot) -> bool) {
    let mut walk = group_sources(view, id);
    while let Some(source) = walk.next(view.sources) {
        let slot = view.source(source);
        let set = marks(slot);
        slot.flags.set(mark, set);
    }
}

/// How many sources of a group are picked.
fn count(view: &mut View<'_>, id: GroupId, named: impl Fn(&SourceSlot) -> bool) -> u32 {
    let (mut walk, mut count) = (group_sources(view, id), 0);
    while let Some(source) = walk.next(view.sources) {
        count += u32::from(named(view.source(source)));
    }
    count
}
