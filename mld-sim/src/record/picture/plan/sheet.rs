//! The height at which each moment stands.

use core::iter;

use super::lanes::Lanes;
use super::rows::Row;
use crate::record::picture::notes::{Notes, Spot};

/// From a line to the next, at least.
const PITCH: f64 = 18.0;
/// What a second adds to that.
const SECOND: f64 = 1.4;
/// A longer gap in time is skipped.
const GAP_MAX_MS: u64 = 10_000;
const TEAR: f64 = 22.0;
const BURST_HEIGHT: f64 = 12.0;
const CUT_HEIGHT: f64 = 16.0;
/// What arrives within this time is drawn as if it arrived at once.
const AT_ONCE_MS: u64 = 100;

/// A picture before it is drawn: what stands where.
pub(in crate::record::picture) struct Sheet<'n> {
    pub(in crate::record::picture) notes: &'n Notes,
    pub(in crate::record::picture) lanes: Lanes,
    pub(in crate::record::picture) rows: Vec<Row>,
    /// The line of each entry that has one, and its place among those that share it.
    row_of: Vec<Option<(usize, usize)>>,
    /// Where each line begins and ends.
    pub(in crate::record::picture) ys: Vec<(f64, f64)>,
    /// Where gaps in time are cut out, and how long they are.
    pub(in crate::record::picture) tears: Vec<(f64, u64)>,
    /// Where lanes begin and end.
    pub(in crate::record::picture) top: f64,
    pub(in crate::record::picture) bottom: f64,
}

impl<'n> Sheet<'n> {
    pub(in crate::record::picture) fn new(notes: &'n Notes, lanes: Lanes, rows: Vec<Row>, top: f64) -> Self {
        let mut row_of = vec![None; notes.entries.len()];
        for (number, row) in rows.iter().enumerate() {
            row.entries.iter().enumerate().for_each(|(place, entry)| row_of[*entry] = Some((number, place)));
        }
        let mut sheet =
            Sheet { notes, lanes, rows, row_of, ys: Vec::new(), tears: Vec::new(), top, bottom: top };
        let mut y = top;
        let (mut now_ms, mut after_cut) = (0, false);
        for row in &sheet.rows {
            // A cut is a gap already.
            let gap_ms = row.at_ms.saturating_sub(now_ms);
            y += if row.is_cut || after_cut { PITCH } else { sheet_gap(&mut sheet.tears, y, gap_ms) };
            after_cut = row.is_cut;
            let height = match (row.is_cut, row.entries.len()) {
                (true, _) => CUT_HEIGHT,
                (false, 1) => 0.0,
                (false, _) => BURST_HEIGHT,
            };
            let begin = if height > 0.0 { y - height / 4.0 } else { y };
            sheet.ys.push((begin, begin + height));
            y = begin + height;
            now_ms = row.until_ms.max(now_ms);
        }
        sheet.bottom = y + sheet_gap(&mut sheet.tears, y, notes.end_ms.saturating_sub(now_ms)) + 4.0;
        sheet
    }

    /// Where an entry stands.
    pub(in crate::record::picture) fn y_of(&self, entry: usize) -> f64 {
        let Some((number, place)) = self.row_of[entry] else {
            return self.y_between(self.notes.entries[entry].at_ms);
        };
        let (row, (begin, end)) = (&self.rows[number], self.ys[number]);
        // What begins in a cut is not seen before its end.
        let (begin, end) = if row.is_cut { (begin + 3.0, end - 8.0) } else { (begin, end) };
        let last = (row.entries.len() - 1).max(1);
        begin + (end - begin) * place as f64 / last as f64
    }

    /// Where something begins: at what caused it, unless it took its time.
    pub(in crate::record::picture) fn y_at(&self, spot: Spot) -> f64 {
        match spot.entry {
            None => self.top,
            Some(entry) => {
                let cause_ms = self.notes.entries[entry].at_ms;
                let y = self.y_of(entry);
                if spot.at_ms <= cause_ms + AT_ONCE_MS { y } else { self.y_between(spot.at_ms).max(y) }
            }
        }
    }

    /// Where a moment stands, between the lines around it.
    fn y_between(&self, at_ms: u64) -> f64 {
        let next = self.rows.partition_point(|row| row.at_ms <= at_ms);
        let Some(before) = next.checked_sub(1) else { return self.top };
        let (from_ms, from) = (self.rows[before].at_ms, self.ys[before].1 + 3.0);
        let (to_ms, to) = match self.rows.get(next) {
            Some(row) => (row.at_ms, self.ys[next].0 - 3.0),
            None => (self.notes.end_ms.max(from_ms), self.bottom),
        };
        let share = (at_ms - from_ms) as f64 / (to_ms - from_ms).max(1) as f64;
        from + (to - from).max(0.0) * share.min(1.0)
    }

    /// The middle of a line.
    pub(in crate::record::picture) fn middle(&self, row: usize) -> f64 {
        let (begin, end) = self.ys[row];
        (begin + end) / 2.0
    }

    pub(in crate::record::picture) fn extent(&self, row: usize) -> (f64, f64) {
        self.ys[row]
    }

    /// Where time is cut out.
    pub(in crate::record::picture) fn tears(&self) -> impl Iterator<Item = (f64, f64)> {
        let gaps = self.tears.iter().map(|(y, _)| (y - 5.5, y + 5.5));
        let cuts = self.rows.iter().zip(&self.ys).filter(|(row, _)| row.is_cut).map(|(_, extent)| *extent);
        gaps.chain(cuts)
    }

    /// The stretches between two heights that are not cut out.
    pub(in crate::record::picture) fn shown(&self, from: f64, to: f64) -> Vec<(f64, f64)> {
        let mut tears: Vec<_> = self.tears().filter(|(top, bottom)| *bottom > from && *top < to).collect();
        tears.sort_by(|one, other| one.0.total_cmp(&other.0));
        let begins = iter::once(from).chain(tears.iter().map(|(_, bottom)| *bottom));
        let ends = tears.iter().map(|(top, _)| *top).chain(iter::once(to));
        begins.zip(ends).collect()
    }
}

/// What a gap in time takes; a long one is cut.
fn sheet_gap(tears: &mut Vec<(f64, u64)>, y: f64, gap_ms: u64) -> f64 {
    if gap_ms > GAP_MAX_MS {
        tears.push((y + (PITCH + TEAR) / 2.0, gap_ms));
        PITCH + TEAR
    } else {
        PITCH + SECOND * gap_ms as f64 / 1000.0
    }
}
