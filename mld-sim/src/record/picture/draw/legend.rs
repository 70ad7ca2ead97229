//! What the picture's signs mean: those that it has.

use mld_proto::FilterMode;
use svg::node::element::Group;

use super::lives::hatched;
use super::shapes::{
    self, CROWN, CROWN_EDGE, EXCLUDE, FAULTS, GREY, INCLUDE, INK, cross, crown, head, line, mark, origin,
    rectangle, stroke, tear,
};
use crate::record::picture::notes::{Fate, Kind, Notes};
use crate::record::picture::plan::{Row, text_width};

const SIZE: f64 = 11.5;
const LINE: f64 = 19.0;
/// Half the height of a sign.
const HALF: f64 = 6.5;

/// Draws the legend between `left` and `right` from `top` on, and says how high it is.
pub(super) fn draw(notes: &Notes, rows: &[Row], left: f64, top: f64, right: f64) -> (Group, f64) {
    let mut group = Group::new();
    let (mut x, mut y) = (left, top + LINE / 2.0);
    for (sign, words) in signs(notes, rows) {
        let words_at = sign.width() + 6.0;
        let width = words_at + text_width(words, SIZE) + 12.0;
        if x > left && x + width > right {
            (x, y) = (left, y + LINE);
        }
        let words = shapes::text(words, x + words_at, y, SIZE).set("fill", GREY);
        group = group.add(sign.draw(x, y)).add(words);
        x += width;
    }
    (group, y + LINE / 2.0 - top)
}

/// Something that needs an explanation.
enum Sign {
    Message(Kind),
    Refused,
    Lost,
    Mark(Kind),
    Querier,
    Bar(FilterMode),
    Hatched(&'static str),
    Faults,
    Tear,
}

fn signs(notes: &Notes, rows: &[Row]) -> Vec<(Sign, &'static str)> {
    let shown = || {
        let rows = rows.iter().filter(|row| !row.is_cut);
        rows.flat_map(|row| &row.entries).map(|entry| &notes.entries[*entry])
    };
    let kind = |kind: Kind| shown().any(|entry| entry.kind == kind);
    let fate =
        |wanted: fn(&Fate) -> bool| shown().any(|entry| entry.fates.iter().any(|(_, fate)| wanted(fate)));
    let mode = |mode: FilterMode| {
        let mut told = notes.groups.values().flatten().filter_map(|(_, members)| members.as_ref());
        told.any(|(told, _)| *told == mode)
    };
    let is_refused = |fate: &Fate| matches!(fate, Fate::Arrived { refused: Some(_), .. });
    let signs = [
        (kind(Kind::Query), Sign::Message(Kind::Query), "Query"),
        (kind(Kind::Report), Sign::Message(Kind::Report), "Report"),
        (kind(Kind::Done), Sign::Message(Kind::Done), "Done"),
        (kind(Kind::Unreadable), Sign::Message(Kind::Unreadable), "not readable"),
        (fate(is_refused), Sign::Refused, "refused"),
        (fate(|fate| *fate == Fate::Lost), Sign::Lost, "lost"),
        (kind(Kind::Call), Sign::Mark(Kind::Call), "application"),
        (kind(Kind::Power), Sign::Mark(Kind::Power), "start, stop"),
        (kind(Kind::Timer), Sign::Mark(Kind::Timer), "timer"),
        (notes.queriers.values().flatten().any(|(_, is_it)| *is_it), Sign::Querier, "querier"),
        (mode(FilterMode::Exclude), Sign::Bar(FilterMode::Exclude), "group in exclude mode"),
        (mode(FilterMode::Include), Sign::Bar(FilterMode::Include), "group in include mode"),
        (!notes.apart.is_empty(), Sign::Hatched("apart"), "kept apart"),
        (notes.up.values().flatten().any(|(_, is_up)| !is_up), Sign::Hatched("down"), "down"),
        (notes.faults.values().flatten().any(|(_, are_on)| *are_on), Sign::Faults, "link with faults"),
        (true, Sign::Tear, "time skipped"),
    ];
    signs.into_iter().filter(|(is_there, ..)| *is_there).map(|(_, sign, words)| (sign, words)).collect()
}

impl Sign {
    const fn width(&self) -> f64 {
        match self {
            Self::Message(_) | Self::Refused | Self::Tear => 32.0,
            Self::Querier | Self::Bar(_) | Self::Hatched(_) => 24.0,
            Self::Lost | Self::Mark(_) => 12.0,
            Self::Faults => 4.0,
        }
    }

    /// Draws it with its left edge at `x` and its middle at the height `y`.
    fn draw(&self, x: f64, y: f64) -> Group {
        let group = Group::new();
        let (right, middle) = (x + self.width(), x + self.width() / 2.0);
        let area = || rectangle(x, y - HALF, right, y + HALF);
        match self {
            Self::Message(kind) => message(x, right, y, *kind, false),
            Self::Refused => message(x, right, y, Kind::Report, true),
            Self::Lost => group.add(cross(middle, y)),
            Self::Mark(kind) => group.add(mark(middle, y, *kind)),
            Self::Querier => {
                let role = rectangle(right - 5.0, y - HALF, right, y + HALF).set("fill", CROWN);
                group
                    .add(crown(x + 8.0, y + 5.0))
                    .add(role.set("stroke", CROWN_EDGE).set("stroke-width", 0.8))
            }
            Self::Bar(mode) => {
                let fill = if *mode == FilterMode::Include { INCLUDE } else { EXCLUDE };
                group.add(area().set("fill", fill).set("stroke", INK).set("stroke-width", 0.7))
            }
            Self::Hatched(pattern) => hatched(area, pattern),
            Self::Faults => group.add(area().set("fill", FAULTS)),
            Self::Tear => group.add(tear(x, right, y - 5.5, y + 5.5)),
        }
    }
}

fn message(left: f64, right: f64, y: f64, kind: Kind, is_hollow: bool) -> Group {
    Group::new()
        .add(stroke(line((left + 4.0, y), (right - 4.0, y)), kind))
        .add(head((left, y), (right, y), kind, is_hollow))
        .add(origin(left + 4.0, y, kind))
}
