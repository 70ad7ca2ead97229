//! The lines of a picture: their times and words, and the gaps between them.

use svg::node::element::{Group, Text};

use super::shapes::{self, GREY, PALE, colour};
use super::{TEXT_MAX, TEXT_SIZE, TIME_SIZE};
use crate::record::picture::plan::{Sheet, shortened};
use crate::record::words::Seconds;

/// Faint lines that lead the eye from the time to the words.
pub(super) fn guides(sheet: &Sheet<'_>, right: f64) -> Group {
    let guide = |row: usize| {
        let y = sheet.middle(row);
        shapes::line((sheet.lanes.left - 8.0, y), (right - 4.0, y))
            .set("stroke", PALE)
            .set("stroke-width", 0.8)
    };
    (0..sheet.rows.len()).fold(Group::new(), |group, row| group.add(guide(row)))
}

/// Stretches of time that are not shown.
pub(super) fn torn(sheet: &Sheet<'_>) -> Group {
    let (left, right) = (sheet.lanes.left - 4.0, sheet.lanes.right);
    let gaps = sheet.tears.iter().map(|(y, _)| (y - 5.5, y + 5.5));
    let cuts = sheet.rows.iter().zip(&sheet.ys).filter(|(row, _)| row.is_cut).map(|(_, extent)| *extent);
    gaps.chain(cuts)
        .fold(Group::new(), |group, (top, bottom)| group.add(shapes::tear(left, right, top, bottom)))
}

/// The axis: the time of each line, and the length of each gap that is skipped.
pub(super) fn times(sheet: &Sheet<'_>) -> Group {
    let x = sheet.lanes.left - 12.0;
    let at = |words: String, y: f64, size: f64, fill: &str| -> Text {
        shapes::text(&words, x, y, size).set("text-anchor", "end").set("fill", fill.to_owned())
    };
    let mut group = Group::new();
    let mut last = None;
    for (row, number) in sheet.rows.iter().zip(0..) {
        if last.replace(row.at_ms) != Some(row.at_ms) {
            group =
                group.add(at(Seconds(row.at_ms).to_string(), sheet.middle(number), TIME_SIZE, shapes::INK));
        }
    }
    let last_y = sheet.ys.last().map_or(sheet.top, |(_, end)| *end);
    if last != Some(sheet.notes.end_ms) && sheet.bottom - last_y > TIME_SIZE {
        group = group.add(at(
            Seconds(sheet.notes.end_ms).to_string(),
            sheet.bottom - 2.0,
            TIME_SIZE,
            shapes::INK,
        ));
    }
    for (y, gap_ms) in &sheet.tears {
        // Where there are many seconds, their parts do not matter.
        let gap_ms = if *gap_ms < 100_000 { *gap_ms } else { *gap_ms / 1000 * 1000 };
        // One decimal is enough for a gap; the times beside it are exact.
        let words = format!("{} s skipped", Seconds((gap_ms + 50) / 100 * 100));
        group = group.add(at(words, *y, TIME_SIZE - 2.0, GREY).set("font-style", "italic"));
    }
    group
}

/// What happened, in words; in full where the pointer rests on it.
pub(super) fn texts(sheet: &Sheet<'_>, left: f64) -> Group {
    let mut group = Group::new();
    for (row, number) in sheet.rows.iter().zip(0..) {
        let fill = if row.is_cut { GREY } else { colour(sheet.notes.entries[row.entries[0]].kind) };
        let words = shortened(&row.text, TEXT_SIZE, TEXT_MAX);
        let mut text = shapes::text(&words, left, sheet.middle(number), TEXT_SIZE).set("fill", fill);
        if row.is_cut {
            text = text.set("font-style", "italic");
        }
        if words != row.text {
            text = text.add(shapes::title(&row.text));
        }
        group = group.add(text);
    }
    group
}
