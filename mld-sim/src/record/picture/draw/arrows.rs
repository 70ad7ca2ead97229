//! What happens at a moment: messages across the lanes, and marks where somebody did something.

use std::collections::BTreeMap;

use svg::node::element::Group;

use super::shapes::{colour, cross, head, line, mark, origin, rectangle, stroke};
use crate::record::picture::notes::{Entry, Fate, Kind, Spot};
use crate::record::picture::plan::Sheet;
use crate::world::NodeId;

/// What a message that nobody heard is drawn with.
const STUB: f64 = 16.0;
/// How near to a life line an arrow ends.
const NEAR: f64 = 2.0;

/// Messages and marks, line after line.
pub(super) fn draw(sheet: &Sheet<'_>) -> Group {
    let mut group = Group::new();
    for (row, number) in sheet.rows.iter().zip(0..).filter(|(row, _)| !row.is_cut) {
        let entries = row.entries.iter().map(|at| &sheet.notes.entries[*at]);
        let first = &sheet.notes.entries[row.entries[0]];
        let Some(who) = first.who else { continue };
        let y = sheet.middle(number);
        if !first.kind.is_message() {
            group = group.add(mark(sheet.lanes.of(who).x, y, first.kind));
            continue;
        }
        let reached = reached(sheet, entries);
        if row.entries.len() == 1 {
            let spot = |at_ms| Spot { at_ms, entry: row.entries.first().copied() };
            group = group.add(arrow(sheet, who, first.kind, &reached, |at_ms| sheet.y_at(spot(at_ms)), y));
        } else {
            group = group.add(band(sheet, who, first.kind, &reached, number));
            group = group.add(arrow(sheet, who, first.kind, &reached, |_| y, y));
        }
    }
    group
}

/// What came to a lane.
#[derive(Clone, Copy, Default)]
struct Reached {
    /// When, and whether it was refused.
    arrived: Option<(u64, bool)>,
    is_lost: bool,
}

/// What came to each lane of what was sent.
fn reached<'e>(sheet: &Sheet<'_>, entries: impl Iterator<Item = &'e Entry>) -> BTreeMap<usize, Reached> {
    let mut lanes: BTreeMap<usize, Reached> = BTreeMap::new();
    for (node, fate) in entries.flat_map(|entry| &entry.fates) {
        let lane = lanes.entry(sheet.lanes.index(*node)).or_default();
        match *fate {
            Fate::Lost => lane.is_lost = true,
            Fate::Arrived { at_ms, refused } => {
                let new = (at_ms, refused.is_some());
                let (first_ms, is_refused) = lane.arrived.unwrap_or(new);
                lane.arrived = Some((first_ms.min(at_ms), is_refused && new.1));
            }
            Fate::UnderWay | Fate::Down => {}
        }
    }
    lanes
}

fn arrow(
    sheet: &Sheet<'_>,
    who: NodeId,
    kind: Kind,
    reached: &BTreeMap<usize, Reached>,
    y_at: impl Fn(u64) -> f64,
    y: f64,
) -> Group {
    let from_lane = sheet.lanes.index(who);
    let from = sheet.lanes.lanes[from_lane].x;
    let mut lines = Group::new();
    let mut ends = Group::new();
    // Along the line of the sender: as far as the farthest on either side.
    let (mut left, mut right) = (from, from);
    for (lane, reached) in reached.iter().filter(|(lane, _)| **lane != from_lane) {
        let x = sheet.lanes.lanes[*lane].x;
        let to_the_right = x > from;
        let tip = if to_the_right { x - NEAR } else { x + NEAR };
        if let Some((at_ms, is_refused)) = reached.arrived {
            let arrival = y_at(at_ms);
            if (arrival - y).abs() < 1.0 {
                (left, right) = (left.min(tip), right.max(tip));
            } else {
                lines = lines.add(stroke(line((from, y), (tip, arrival)), kind));
            }
            ends = ends.add(head((from, y), (tip, arrival), kind, is_refused));
        }
        if reached.is_lost {
            let is_mixed = reached.arrived.is_some();
            // Where some got it and some did not, the cross stands in front of the arrow.
            let x = match (is_mixed, to_the_right) {
                (false, _) => x,
                (true, true) => x - 18.0,
                (true, false) => x + 18.0,
            };
            (left, right) = (left.min(x), right.max(x));
            ends = ends.add(cross(x, y));
        }
    }
    if !reached.values().any(|reached| reached.is_lost || reached.arrived.is_some()) {
        (left, right) = (from - STUB, from + STUB);
    }
    if left < right {
        lines = lines.add(stroke(line((left, y), (right, y)), kind));
    }
    lines.add(ends).add(origin(from, y, kind))
}

/// Behind the arrow of many: as high as their line is.
fn band(
    sheet: &Sheet<'_>,
    who: NodeId,
    kind: Kind,
    reached: &BTreeMap<usize, Reached>,
    row: usize,
) -> svg::node::element::Rectangle {
    let from = sheet.lanes.of(who).x;
    let xs = reached.keys().map(|lane| sheet.lanes.lanes[*lane].x);
    let (left, right) = xs.fold((from, from), |(left, right), x| (left.min(x), right.max(x)));
    let (top, bottom) = sheet.extent(row);
    rectangle(left, top, right, bottom).set("fill", colour(kind)).set("fill-opacity", 0.25)
}
