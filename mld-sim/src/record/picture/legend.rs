//! What the picture's signs mean: those that it has.

use svg::node::element::Group;

use super::notes::{Fate, Kind, Notes};
use super::rows::Row;
use super::shapes::{
    self, CROWN, CROWN_EDGE, EXCLUDE, FAULTS, GREY, INCLUDE, INK, cross, crown, head, line, mark, origin,
    rectangle, stroke, tear, text_width,
};

const SIZE: f64 = 11.5;
const LINE: f64 = 19.0;
const SAMPLE: f64 = 34.0;

/// Draws the legend between `left` and `right` from `top` on, and says how high it is.
pub(super) fn draw(notes: &Notes, rows: &[Row], left: f64, top: f64, right: f64) -> (Group, f64) {
    let mut group = Group::new();
    let (mut x, mut y) = (left, top + LINE / 2.0);
    for (sample, words) in samples(notes, rows) {
        let width = SAMPLE + 6.0 + text_width(words, SIZE) + 8.0;
        if x > left && x + width > right {
            (x, y) = (left, y + LINE);
        }
        let words = shapes::text(words, x + SAMPLE + 6.0, y, SIZE).set("fill", GREY);
        group = group.add(sample(x, y)).add(words);
        x += width;
    }
    (group, y + LINE / 2.0 - top)
}

type Sample = fn(f64, f64) -> Group;

fn samples(notes: &Notes, rows: &[Row]) -> Vec<(Sample, &'static str)> {
    let shown = || {
        let rows = rows.iter().filter(|row| !row.is_cut);
        rows.flat_map(|row| &row.entries).map(|entry| &notes.entries[*entry])
    };
    let kind = |kind: Kind| shown().any(|entry| entry.kind == kind);
    let fate =
        |wanted: fn(&Fate) -> bool| shown().any(|entry| entry.fates.iter().any(|(_, fate)| wanted(fate)));
    let members = |exclude: bool| {
        let told = notes.groups.values().flatten().filter_map(|(_, members)| members.as_ref());
        told.into_iter().any(|(mode, _)| (*mode == mld_proto::FilterMode::Exclude) == exclude)
    };
    let samples: [(bool, Sample, &'static str); 14] = [
        (kind(Kind::Query), |x, y| message(x, y, Kind::Query, false), "Query"),
        (kind(Kind::Report), |x, y| message(x, y, Kind::Report, false), "Report"),
        (kind(Kind::Done), |x, y| message(x, y, Kind::Done, false), "Done"),
        (
            fate(|fate| matches!(fate, Fate::Arrived { refused: Some(_), .. })),
            |x, y| message(x, y, Kind::Report, true),
            "refused",
        ),
        (fate(|fate| *fate == Fate::Lost), |x, y| Group::new().add(cross(x + SAMPLE / 2.0, y)), "lost"),
        (kind(Kind::Call), |x, y| marked(x, y, Kind::Call), "application calls"),
        (kind(Kind::Power), |x, y| marked(x, y, Kind::Power), "starts, stops"),
        (kind(Kind::Timer), |x, y| marked(x, y, Kind::Timer), "timer"),
        (notes.queriers.values().flatten().any(|(_, is_querier)| *is_querier), querier, "querier"),
        (members(true), |x, y| bar(x, y, EXCLUDE), "group in exclude mode"),
        (members(false), |x, y| bar(x, y, INCLUDE), "in include mode"),
        (!notes.apart.is_empty(), |x, y| hatched(x, y, "apart"), "kept apart"),
        (
            notes.up.values().any(|up| up.iter().any(|(_, is_up)| !is_up)),
            |x, y| hatched(x, y, "down"),
            "down",
        ),
        (
            notes.faults.values().flatten().any(|(_, are_on)| *are_on),
            |x, y| {
                let middle = x + SAMPLE / 2.0;
                Group::new().add(rectangle(middle - 2.0, y - 7.0, middle + 2.0, y + 7.0).set("fill", FAULTS))
            },
            "faulty link",
        ),
    ];
    let mut samples: Vec<_> = samples
        .into_iter()
        .filter(|(is_there, ..)| *is_there)
        .map(|(_, sample, words)| (sample, words))
        .collect();
    samples
        .push((|x, y| Group::new().add(tear(x + 2.0, x + SAMPLE - 2.0, y - 5.5, y + 5.5)), "time cut out"));
    samples
}

fn message(x: f64, y: f64, kind: Kind, is_hollow: bool) -> Group {
    Group::new()
        .add(stroke(line((x + 4.0, y), (x + SAMPLE - 2.0, y)), kind))
        .add(head(x + SAMPLE, y, true, kind, is_hollow))
        .add(origin(x + 4.0, y, kind))
}

fn marked(x: f64, y: f64, kind: Kind) -> Group {
    Group::new().add(mark(x + SAMPLE / 2.0, y, kind))
}

fn querier(x: f64, y: f64) -> Group {
    let middle = x + SAMPLE / 2.0;
    let gold = rectangle(middle + 9.5, y - 7.0, middle + 14.5, y + 7.0);
    let gold = gold.set("fill", CROWN).set("stroke", CROWN_EDGE).set("stroke-width", 0.8);
    Group::new().add(crown(middle - 4.0, y + 5.0)).add(gold)
}

fn bar(x: f64, y: f64, fill: &str) -> Group {
    let body = rectangle(x + 6.0, y - 6.5, x + SAMPLE - 2.0, y + 6.5);
    Group::new().add(body.set("fill", fill.to_owned()).set("stroke", INK).set("stroke-width", 0.7))
}

fn hatched(x: f64, y: f64, pattern: &str) -> Group {
    let body = || rectangle(x + 6.0, y - 6.5, x + SAMPLE - 2.0, y + 6.5);
    Group::new()
        .add(body().set("fill", "#f7f1f5"))
        .add(body().set("fill", format!("url(#{pattern})")).set("fill-opacity", 0.45))
}
