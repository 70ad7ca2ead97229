//! The sheet: where each moment stands, and everything that is put on it.

use core::iter;

use svg::Document;
use svg::node::element::{Group, Text};

use super::super::words::Seconds;
use super::lanes::{BAR_NAME_SIZE, Lane, Lanes, NAME_SIZE};
use super::notes::{Notes, Spot};
use super::rows::{Folded, Row, fold};
use super::shapes::{self, GREY, PALE, colour, document, rectangle, shortened, text_width, upright};
use super::{arrows, legend, lives};

const MARGIN: f64 = 14.0;
const TITLE_SIZE: f64 = 18.0;
const TITLE_MAX: f64 = 900.0;
const TEXT_SIZE: f64 = 12.5;
const TIME_SIZE: f64 = 11.5;
const LANES_LEFT_MIN: f64 = 82.0;
const TEXT_MAX: f64 = 480.0;
const WIDTH_MIN: f64 = 680.0;
/// From a line to the next, at least.
const PITCH: f64 = 18.0;
/// What a second adds to that.
const SECOND: f64 = 1.4;
/// A longer gap in time is cut out.
const GAP_MAX_MS: u64 = 10_000;
const TEAR: f64 = 22.0;
const BURST_HEIGHT: f64 = 12.0;
const CUT_HEIGHT: f64 = 16.0;
/// What arrives within this time is drawn as if it arrived at once.
const AT_ONCE_MS: u64 = 100;

/// A picture being drawn.
pub(super) struct Sheet<'n> {
    pub(super) notes: &'n Notes,
    pub(super) lanes: Lanes,
    pub(super) rows: Vec<Row>,
    /// The line of each entry that has one, and its place among those that share it.
    row_of: Vec<Option<(usize, usize)>>,
    /// Where each line begins and ends.
    ys: Vec<(f64, f64)>,
    /// Where gaps in time are cut out, and how long they are.
    tears: Vec<(f64, u64)>,
    /// Where lanes begin and end.
    pub(super) top: f64,
    pub(super) bottom: f64,
}

/// Draws everything.
pub(super) fn draw(title: &str, notes: &Notes) -> Document {
    let title = &*shortened(title, TITLE_SIZE, TITLE_MAX);
    let latest = crate::seconds::Seconds(notes.end_ms).to_string();
    let lanes = Lanes::new(notes, LANES_LEFT_MIN.max(text_width(&latest, TIME_SIZE) + 20.0));
    let Folded { rows, left_out } = fold(notes, &lanes);
    let text_left = lanes.right + 16.0;
    let widest = rows.iter().map(|row| text_width(&row.text, TEXT_SIZE).min(TEXT_MAX)).fold(0.0, f64::max);
    let below = left_out.as_deref().unwrap_or_default();
    let alone = text_width(title, TITLE_SIZE).max(text_width(below, TEXT_SIZE));
    let width = (text_left + widest + MARGIN).max(alone + 2.0 * MARGIN).max(WIDTH_MIN);
    let (legend, legend_height) =
        legend::draw(notes, &rows, MARGIN, MARGIN + TITLE_SIZE + 14.0, width - MARGIN);
    let header_top = MARGIN + TITLE_SIZE + 14.0 + legend_height + 12.0;
    let header = Header::new(&lanes, notes, header_top);
    let sheet = Sheet::new(notes, lanes, rows, header.bottom);

    let document = document(width, sheet.bottom + if left_out.is_some() { 2.0 } else { 1.0 } * MARGIN + 8.0)
        .add(shapes::title(title))
        .add(lives::patterns())
        .add(shapes::text(title, MARGIN, MARGIN + TITLE_SIZE / 2.0, TITLE_SIZE).set("font-weight", "bold"))
        .add(legend)
        .add(lives::grounds(&sheet, header.top))
        .add(sheet.guides(text_left))
        .add(lives::shades(&sheet))
        .add(lives::lines(&sheet))
        .add(lives::bars(&sheet))
        .add(sheet.torn())
        .add(arrows::draw(&sheet))
        .add(lives::crowns(&sheet))
        .add(header.draw(&sheet))
        .add(sheet.times());
    let document = document.add(sheet.texts(text_left));
    match left_out {
        None => document,
        Some(words) => {
            let words = shapes::text(&words, MARGIN, sheet.bottom + MARGIN + 4.0, TEXT_SIZE);
            document.add(words.set("fill", GREY).set("font-style", "italic"))
        }
    }
}

impl<'n> Sheet<'n> {
    fn new(notes: &'n Notes, lanes: Lanes, rows: Vec<Row>, top: f64) -> Self {
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
    pub(super) fn y_of(&self, entry: usize) -> f64 {
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
    pub(super) fn y_at(&self, spot: Spot) -> f64 {
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
    pub(super) fn middle(&self, row: usize) -> f64 {
        let (begin, end) = self.ys[row];
        (begin + end) / 2.0
    }

    pub(super) fn extent(&self, row: usize) -> (f64, f64) {
        self.ys[row]
    }

    /// Faint lines that lead the eye from the time to the words.
    fn guides(&self, right: f64) -> Group {
        let guide = |row: usize| {
            let y = self.middle(row);
            shapes::line((self.lanes.left - 8.0, y), (right - 4.0, y))
                .set("stroke", PALE)
                .set("stroke-width", 0.8)
        };
        (0..self.rows.len()).fold(Group::new(), |group, row| group.add(guide(row)))
    }

    /// Where time is cut out.
    fn tears(&self) -> impl Iterator<Item = (f64, f64)> {
        let gaps = self.tears.iter().map(|(y, _)| (y - 5.5, y + 5.5));
        let cuts = self.rows.iter().zip(&self.ys).filter(|(row, _)| row.is_cut).map(|(_, extent)| *extent);
        gaps.chain(cuts)
    }

    /// The stretches between two heights that are not cut out.
    pub(super) fn shown(&self, from: f64, to: f64) -> Vec<(f64, f64)> {
        let mut tears: Vec<_> = self.tears().filter(|(top, bottom)| *bottom > from && *top < to).collect();
        tears.sort_by(|one, other| one.0.total_cmp(&other.0));
        let begins = iter::once(from).chain(tears.iter().map(|(_, bottom)| *bottom));
        let ends = tears.iter().map(|(top, _)| *top).chain(iter::once(to));
        begins.zip(ends).collect()
    }

    /// Stretches of time that are not shown.
    fn torn(&self) -> Group {
        let (left, right) = (self.lanes.left - 4.0, self.lanes.right);
        let gaps = self.tears.iter().map(|(y, _)| (y - 5.5, y + 5.5));
        let cuts = self.rows.iter().zip(&self.ys).filter(|(row, _)| row.is_cut).map(|(_, extent)| *extent);
        gaps.chain(cuts)
            .fold(Group::new(), |group, (top, bottom)| group.add(shapes::tear(left, right, top, bottom)))
    }

    /// The axis: the time of each line, and how long what is cut out is.
    fn times(&self) -> Group {
        let x = self.lanes.left - 12.0;
        let at = |words: String, y: f64, size: f64, fill: &str| -> Text {
            shapes::text(&words, x, y, size).set("text-anchor", "end").set("fill", fill.to_owned())
        };
        let mut group = Group::new();
        let mut last = None;
        for (row, number) in self.rows.iter().zip(0..) {
            if last.replace(row.at_ms) != Some(row.at_ms) {
                group = group.add(at(
                    Seconds(row.at_ms).to_string(),
                    self.middle(number),
                    TIME_SIZE,
                    shapes::INK,
                ));
            }
        }
        let last_y = self.ys.last().map_or(self.top, |(_, end)| *end);
        if last != Some(self.notes.end_ms) && self.bottom - last_y > TIME_SIZE {
            group = group.add(at(
                Seconds(self.notes.end_ms).to_string(),
                self.bottom - 2.0,
                TIME_SIZE,
                shapes::INK,
            ));
        }
        for (y, gap_ms) in &self.tears {
            // Where there are many seconds, their parts do not matter.
            let gap_ms = if *gap_ms < 100_000 { *gap_ms } else { *gap_ms / 1000 * 1000 };
            let words = format!("{} s cut", Seconds(gap_ms));
            group = group.add(at(words, *y, TIME_SIZE - 2.0, GREY).set("font-style", "italic"));
        }
        group
    }

    /// What happened, in words; in full where the pointer rests on it.
    fn texts(&self, left: f64) -> Group {
        let mut group = Group::new();
        for (row, number) in self.rows.iter().zip(0..) {
            let fill = if row.is_cut { GREY } else { colour(self.notes.entries[row.entries[0]].kind) };
            let words = shortened(&row.text, TEXT_SIZE, TEXT_MAX);
            let mut text = shapes::text(&words, left, self.middle(number), TEXT_SIZE).set("fill", fill);
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

/// The names above the lanes.
struct Header {
    links: bool,
    top: f64,
    names: f64,
    bottom: f64,
}

impl Header {
    fn new(lanes: &Lanes, notes: &Notes, top: f64) -> Self {
        let links = notes.links.len() > 1;
        let names = top + if links { 20.0 } else { 0.0 } + NAME_SIZE / 2.0;
        let bars = lanes.lanes.iter().flat_map(|lane| &lane.bars);
        let longest = bars.map(|bar| text_width(&bar.name, BAR_NAME_SIZE)).fold(0.0, f64::max);
        Self { links, top, names, bottom: names + NAME_SIZE / 2.0 + 8.0 + longest }
    }

    fn draw(&self, sheet: &Sheet<'_>) -> Group {
        let mut group = Group::new().add(
            shapes::text("time (s)", sheet.lanes.left - 12.0, self.names, TIME_SIZE)
                .set("text-anchor", "end")
                .set("fill", GREY),
        );
        let lanes = &sheet.lanes.lanes;
        for lane in lanes {
            let name = shapes::text(&lane.name, lane.x, self.names, NAME_SIZE);
            group = group.add(name.set("text-anchor", "middle").set("font-weight", "bold"));
            for bar in &lane.bars {
                group = group.add(upright(&bar.name, bar.x, self.bottom - 5.0, BAR_NAME_SIZE));
            }
        }
        for (name, link) in sheet.notes.links.iter().zip(0..).filter(|_| self.links) {
            let on_link: Vec<&Lane> = lanes.iter().filter(|lane| lane.link.0 == link).collect();
            if let [first, .., last] | [first @ last] = on_link[..] {
                let (left, right, y) = (first.left + 4.0, last.right - 4.0, self.top);
                let name =
                    shapes::text(name, (left + right) / 2.0, y, NAME_SIZE).set("text-anchor", "middle");
                group = group
                    .add(name.set("fill", GREY))
                    .add(rectangle(left, y + 8.0, right, y + 9.5).set("fill", GREY));
            }
        }
        group
    }
}
