//! Colours, letters and small shapes.

use svg::node::element::{Circle, Group, Line, Path, Polygon, Polyline, Rectangle, Text, Title};

use crate::record::picture::notes::Kind;

/// Colours that people who confuse red and green can tell apart (Okabe and Ito), darkened where letters have them.
pub(super) const QUERY: &str = "#0072b2";
pub(super) const REPORT: &str = "#00805d";
pub(super) const DONE: &str = "#b84a00";
pub(super) const INK: &str = "#222222";
pub(super) const GREY: &str = "#767676";
pub(super) const PALE: &str = "#e4e4e4";
pub(super) const GROUND: &str = "#f6f6f3";
pub(super) const SHADE: &str = "#f7f1f5";
pub(super) const PAPER: &str = "#ffffff";
pub(super) const INCLUDE: &str = "#8fd0f5";
pub(super) const EXCLUDE: &str = "#f0b84a";
pub(super) const SHARED: &str = "#c9c9c9";
pub(super) const CROWN: &str = "#f2d024";
pub(super) const CROWN_EDGE: &str = "#6b5900";
pub(super) const FAULTS: &str = "#cc79a7";
const FONTS: &str = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";

/// Half the width of the crown.
const CROWN_HALF: f64 = 7.0;

pub(super) const fn colour(kind: Kind) -> &'static str {
    match kind {
        Kind::Query => QUERY,
        Kind::Report => REPORT,
        Kind::Done => DONE,
        Kind::Unreadable => GREY,
        Kind::Call | Kind::Power | Kind::Timer | Kind::Change => INK,
    }
}

/// Kinds differ by their line too, for whoever sees no colours.
pub(super) fn stroke(line: Line, kind: Kind) -> Line {
    let line = line.set("stroke", colour(kind));
    match kind {
        Kind::Query => line.set("stroke-width", 2.4),
        Kind::Done => line.set("stroke-width", 1.8).set("stroke-dasharray", "6 3"),
        Kind::Unreadable => line.set("stroke-width", 1.4).set("stroke-dasharray", "2 3"),
        _ => line.set("stroke-width", 1.4),
    }
}

pub(super) fn line(from: (f64, f64), to: (f64, f64)) -> Line {
    Line::new()
        .set("x1", round(from.0))
        .set("y1", round(from.1))
        .set("x2", round(to.0))
        .set("y2", round(to.1))
}

pub(super) fn rectangle(left: f64, top: f64, right: f64, bottom: f64) -> Rectangle {
    Rectangle::new()
        .set("x", round(left))
        .set("y", round(top))
        .set("width", round(right - left))
        .set("height", round((bottom - top).max(0.0)))
}

/// Text that stands with the middle of its small letters at `y`.
pub(super) fn text(words: &str, x: f64, y: f64, size: f64) -> Text {
    Text::new(printable(words))
        .set("x", round(x))
        .set("y", round(y + size * 0.35))
        .set("font-size", size)
        .set("fill", INK)
}

/// What is shown where the pointer rests.
pub(super) fn title(words: &str) -> Title {
    Title::new(printable(words))
}

/// Text that is read from bottom to top and begins at `(x, y)`.
pub(super) fn upright(words: &str, x: f64, y: f64, size: f64) -> Text {
    let (x, y) = (round(x + size * 0.35), round(y));
    text(words, x, y - size * 0.35, size).set("transform", format!("rotate(-90 {x} {y})"))
}

/// The whole image, with what everything in it has in common.
pub(super) fn document(width: f64, height: f64) -> svg::Document {
    svg::Document::new()
        .set("viewBox", (0, 0, width.ceil() as i64, height.ceil() as i64))
        .set("width", width.ceil())
        .set("height", height.ceil())
        .set("font-family", FONTS)
        .add(rectangle(0.0, 0.0, width.ceil(), height.ceil()).set("fill", PAPER))
}

/// The head of an arrow from somewhere to its tip; hollow where the message was refused.
pub(super) fn head(from: (f64, f64), tip: (f64, f64), kind: Kind, is_hollow: bool) -> Polygon {
    const LENGTH: f64 = 9.0;
    const HALF: f64 = 4.5;
    let (dx, dy) = (tip.0 - from.0, tip.1 - from.1);
    let length = dx.hypot(dy).max(1.0);
    let (dx, dy) = (dx / length, dy / length);
    let back = (tip.0 - LENGTH * dx, tip.1 - LENGTH * dy);
    let corners = [tip, (back.0 - HALF * dy, back.1 + HALF * dx), (back.0 + HALF * dy, back.1 - HALF * dx)];
    Polygon::new()
        .set("points", points(&corners))
        .set("fill", if is_hollow { PAPER } else { colour(kind) })
        .set("stroke", colour(kind))
        .set("stroke-width", 1.2)
}

/// Where a message began.
pub(super) fn origin(x: f64, y: f64, kind: Kind) -> Circle {
    Circle::new().set("cx", round(x)).set("cy", round(y)).set("r", 3.6).set("fill", colour(kind))
}

/// Where a message was lost.
pub(super) fn cross(x: f64, y: f64) -> Group {
    let stroke = |line: Line, colour: &str, width: f64| {
        line.set("stroke", colour).set("stroke-width", width).set("stroke-linecap", "round")
    };
    let lines = [line((x - 4.5, y - 4.5), (x + 4.5, y + 4.5)), line((x - 4.5, y + 4.5), (x + 4.5, y - 4.5))];
    let halo = lines.iter().fold(Group::new(), |group, line| group.add(stroke(line.clone(), PAPER, 5.0)));
    lines.into_iter().fold(halo, |group, line| group.add(stroke(line, INK, 2.2)))
}

/// What is no message: a square where an application called, a diamond where power comes or goes, a clock where a timer
/// ended.
pub(super) fn mark(x: f64, y: f64, kind: Kind) -> Group {
    let group = Group::new();
    match kind {
        Kind::Timer => {
            let hand = |to| line((x, y), to).set("stroke", INK).set("stroke-width", 1.3);
            let face = Circle::new().set("cx", round(x)).set("cy", round(y)).set("r", 5.2);
            group
                .add(face.set("fill", PAPER).set("stroke", INK).set("stroke-width", 1.3))
                .add(hand((x, y - 3.6)))
                .add(hand((x + 2.6, y)))
        }
        Kind::Power => {
            let corners = [(x, y - 5.5), (x + 5.5, y), (x, y + 5.5), (x - 5.5, y)];
            group.add(Polygon::new().set("points", points(&corners)).set("fill", INK))
        }
        _ => group.add(rectangle(x - 4.0, y - 4.0, x + 4.0, y + 4.0).set("fill", INK)),
    }
}

/// The querier's crown, with its foot at `y`.
pub(super) fn crown(x: f64, y: f64) -> Path {
    let (left, right, top) = (x - CROWN_HALF, x + CROWN_HALF, y - 10.0);
    let outline = [
        (left, y),
        (left, top + 2.0),
        (x - 3.5, top + 5.5),
        (x, top),
        (x + 3.5, top + 5.5),
        (right, top + 2.0),
        (right, y),
    ];
    Path::new()
        .set("d", format!("M{}Z", points(&outline)))
        .set("fill", CROWN)
        .set("stroke", CROWN_EDGE)
        .set("stroke-width", 1.1)
        .set("stroke-linejoin", "round")
}

/// The two torn edges of a stretch of time that is skipped.
pub(super) fn tear(left: f64, right: f64, top: f64, bottom: f64) -> Group {
    let edge = |y: f64| -> Vec<(f64, f64)> {
        let count = ((right - left) / 7.0).ceil().max(1.0) as u32;
        let x = |number: u32| (left + 7.0 * f64::from(number)).min(right);
        (0..=count).map(|number| (x(number), if number % 2 == 0 { y } else { y + 3.5 })).collect()
    };
    let (upper, lower) = (edge(top), edge(bottom - 3.5));
    let area: Vec<_> = upper.iter().chain(lower.iter().rev()).copied().collect();
    let stroke = |corners: &[(f64, f64)]| {
        Polyline::new()
            .set("points", points(corners))
            .set("fill", "none")
            .set("stroke", GREY)
            .set("stroke-width", 0.9)
    };
    Group::new()
        .add(Polygon::new().set("points", points(&area)).set("fill", PAPER))
        .add(stroke(&upper))
        .add(stroke(&lower))
}

/// XML has no place for control characters, and a name may have them.
fn printable(words: &str) -> String {
    words.replace(char::is_control, "\u{fffd}")
}

/// One decimal is enough for a picture.
pub(super) fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn points(points: &[(f64, f64)]) -> String {
    let texts: Vec<_> = points.iter().map(|(x, y)| format!("{},{}", round(*x), round(*y))).collect();
    texts.join(" ")
}
