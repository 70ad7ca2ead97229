//! Draws what was planned.

mod arrows;
mod header;
mod legend;
mod lines;
mod lives;
mod shapes;

use svg::Document;

use self::header::Header;
use self::shapes::{GREY, document};
use super::notes::Notes;
use super::plan::{Folded, Lanes, Sheet, fold, shortened, text_width};

const MARGIN: f64 = 14.0;
const TITLE_SIZE: f64 = 18.0;
const TITLE_MAX: f64 = 900.0;
const TEXT_SIZE: f64 = 12.5;
const TIME_SIZE: f64 = 11.5;
const LANES_LEFT_MIN: f64 = 82.0;
const TEXT_MAX: f64 = 480.0;
const WIDTH_MIN: f64 = 680.0;

/// Draws everything.
pub(super) fn draw(title: &str, notes: &Notes) -> Document {
    let title = &*shortened(title, TITLE_SIZE, TITLE_MAX);
    let latest = crate::time::Seconds(notes.end_ms).to_string();
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
        .add(lines::guides(&sheet, text_left))
        .add(lives::shades(&sheet))
        .add(lives::lines(&sheet))
        .add(lives::bars(&sheet))
        .add(lines::torn(&sheet))
        .add(arrows::draw(&sheet))
        .add(lives::crowns(&sheet))
        .add(header.draw(&sheet))
        .add(lines::times(&sheet));
    let document = document.add(lines::texts(&sheet, text_left));
    match left_out {
        None => document,
        Some(words) => {
            let words = shapes::text(&words, MARGIN, sheet.bottom + MARGIN + 4.0, TEXT_SIZE);
            document.add(words.set("fill", GREY).set("font-style", "italic"))
        }
    }
}
