//! What lasts: life lines, groups as bars, the querier's role, faults.

use core::iter;
use core::net::Ipv6Addr;

use mld_proto::FilterMode;
use svg::node::element::{Definitions, Group, Line, Pattern, Rectangle};

use super::shapes::{
    self, CROWN, CROWN_EDGE, EXCLUDE, FAULTS, GREY, GROUND, INCLUDE, INK, PALE, SHADE, SHARED, crown, line,
    rectangle, upright,
};
use crate::record::picture::notes::Spot;
use crate::record::picture::plan::{BAR_WIDTH, Bar, Lane, Sheet, text_width};
use crate::world::NodeId;

const BAR_TEXT_SIZE: f64 = 10.5;
/// From what causes a bar to where it begins.
const BELOW: f64 = 3.0;

/// Fills of what is kept apart and of what is down.
pub(super) fn patterns() -> Definitions {
    let hatch = |id: &str, angle: u32, colour: &str, width: f64| {
        let stripe = Line::new().set("x1", 0).set("y1", 0).set("x2", 0).set("y2", 7);
        Pattern::new()
            .set("id", id)
            .set("width", 7)
            .set("height", 7)
            .set("patternUnits", "userSpaceOnUse")
            .set("patternTransform", format!("rotate({angle})"))
            .add(stripe.set("stroke", colour).set("stroke-width", width))
    };
    Definitions::new().add(hatch("apart", 45, FAULTS, 4.0)).add(hatch("down", 135, "#9a9a9a", 2.5))
}

/// A tint that keeps a router's bars and life line together.
pub(super) fn grounds(sheet: &Sheet<'_>, top: f64) -> Group {
    let with_bars = sheet.lanes.lanes.iter().filter(|lane| !lane.bars.is_empty());
    with_bars.fold(Group::new(), |group, lane| {
        let ground = rectangle(lane.left + 1.0, top - 2.0, lane.right - 1.0, sheet.bottom);
        group.add(ground.set("fill", GROUND).set("rx", 4))
    })
}

/// Times of partitions, of nodes that are down, and of faulty links.
pub(super) fn shades(sheet: &Sheet<'_>) -> Group {
    let mut group = Group::new();
    for apart in sheet.notes.apart.values() {
        for (nodes, from, to) in spans(sheet, apart).filter(|(nodes, ..)| !nodes.is_empty()) {
            for lane in
                sheet.lanes.lanes.iter().filter(|lane| lane.members.iter().any(|node| nodes.contains(node)))
            {
                group = group.add(shade(lane, from, to, "apart"));
            }
        }
    }
    for (lane, up) in single_lives(sheet) {
        // Before its first start a node is not down, it is not there yet.
        for (_, from, to) in spans(sheet, up).filter(|(is_up, ..)| !**is_up) {
            group = group.add(shade(lane, from, to, "down"));
        }
    }
    for faults in sheet.notes.faults.values() {
        for (_, from, to) in spans(sheet, faults).filter(|(are_on, ..)| **are_on) {
            let left = sheet.lanes.left - 5.0;
            group = group.add(rectangle(left, from, left + 4.0, to).set("fill", FAULTS));
        }
    }
    group
}

/// A life line for each lane: thick and golden for the querier, dotted while there is nobody.
pub(super) fn lines(sheet: &Sheet<'_>) -> Group {
    let mut group = Group::new();
    for lane in &sheet.lanes.lanes {
        let thin = line((lane.x, sheet.top), (lane.x, sheet.bottom)).set("stroke", GREY);
        if lane.is_crowd() {
            for x in [lane.x - 3.0, lane.x, lane.x + 3.0] {
                group = group.add(line((x, sheet.top), (x, sheet.bottom)).set("stroke", GREY));
            }
        } else {
            group = group.add(thin.set("stroke-width", 1.0).set("stroke-dasharray", "1 4"));
        }
    }
    for (lane, up) in single_lives(sheet) {
        for (_, from, to) in spans(sheet, up).filter(|(is_up, ..)| **is_up) {
            group = group.add(line((lane.x, from), (lane.x, to)).set("stroke", INK).set("stroke-width", 1.3));
        }
    }
    for (node, roles) in &sheet.notes.queriers {
        let x = sheet.lanes.of(*node).x;
        for (_, from, to) in spans(sheet, roles).filter(|(is_querier, ..)| **is_querier) {
            let gold = rectangle(x - 2.5, from, x + 2.5, to).set("fill", CROWN);
            group = group.add(gold.set("stroke", CROWN_EDGE).set("stroke-width", 0.8));
        }
    }
    group
}

/// A crown where a router becomes querier.
pub(super) fn crowns(sheet: &Sheet<'_>) -> Group {
    let mut group = Group::new();
    for (node, roles) in &sheet.notes.queriers {
        let x = sheet.lanes.of(*node).x;
        let mut was_querier = false;
        for (is_querier, from, _) in spans(sheet, roles) {
            if *is_querier && !was_querier {
                group = group.add(crown(x, from - 5.0));
            }
            was_querier = *is_querier;
        }
    }
    group
}

/// The life of each group at each router.
pub(super) fn bars(sheet: &Sheet<'_>) -> Group {
    let mut group = Group::new();
    for lane in &sheet.lanes.lanes {
        for bar in &lane.bars {
            for node in &lane.members {
                group = match &bar.groups[..] {
                    [_] => group.add(own_bar(sheet, *node, bar)),
                    _ => group.add(shared_bar(sheet, *node, bar)),
                };
            }
        }
    }
    group
}

fn own_bar(sheet: &Sheet<'_>, node: NodeId, bar: &Bar) -> Group {
    let mut drawn = Group::new();
    let told = bar.groups.iter().filter_map(|group| sheet.notes.groups.get(&(node, *group)));
    for (members, from, to) in told.flat_map(|told| spans(sheet, told)) {
        let Some((mode, sources)) = members else { continue };
        let fill = match mode {
            FilterMode::Include => INCLUDE,
            FilterMode::Exclude => EXCLUDE,
        };
        let (from, to) = (from + BELOW, (to + BELOW).min(sheet.bottom));
        let labels = labels(*mode, sources);
        let body = rectangle(bar.x - BAR_WIDTH / 2.0, from, bar.x + BAR_WIDTH / 2.0, to.max(from + 2.0));
        let body = body.set("fill", fill).set("stroke", INK).set("stroke-width", 0.7);
        drawn = drawn.add(body.add(shapes::title(&format!("{} {}", mode.name(), labels[0]))));
        let stretches = sheet.shown(from, to);
        let place = labels.iter().find_map(|label| {
            let width = text_width(label, BAR_TEXT_SIZE);
            let stretch = stretches.iter().find(|(top, bottom)| width + 6.0 <= bottom - top)?;
            Some((label, stretch.0 + 3.0 + width))
        });
        if let Some((label, y)) = place {
            drawn = drawn.add(upright(label, bar.x, y, BAR_TEXT_SIZE));
        }
    }
    drawn
}

/// What a bar says of sources, the longest first.
fn labels(mode: FilterMode, sources: &[Ipv6Addr]) -> Vec<String> {
    let all: Vec<_> = sources.iter().map(ToString::to_string).collect();
    match (mode, all.len()) {
        (FilterMode::Exclude, 0) => vec!["all sources".into(), "all".into()],
        (FilterMode::Exclude, count) => vec![format!("not {}", all.join(", ")), format!("not {count}")],
        (FilterMode::Include, 1) => vec![all.join(", "), "1 source".into(), "1".into()],
        (FilterMode::Include, count) => {
            vec![all.join(", "), format!("{count} sources"), count.to_string()]
        }
    }
}

/// Several groups in one bar: there as long as one of them is.
fn shared_bar(sheet: &Sheet<'_>, node: NodeId, bar: &Bar) -> Group {
    let mut changes: Vec<(Spot, i32)> = Vec::new();
    for group in &bar.groups {
        let mut was_there = false;
        for (spot, members) in sheet.notes.groups.get(&(node, *group)).into_iter().flatten() {
            match (was_there, members) {
                (false, Some(_)) => changes.push((*spot, 1)),
                (true, None) => changes.push((*spot, -1)),
                _ => {}
            }
            was_there = members.is_some();
        }
    }
    changes.sort_by_key(|(spot, _)| (spot.at_ms, spot.entry));
    let mut count = 0;
    let counts: Vec<_> = changes
        .into_iter()
        .map(|(spot, change)| {
            count += change;
            (spot, count)
        })
        .collect();
    spans(sheet, &counts).filter(|(count, ..)| **count > 0).fold(Group::new(), |group, (count, from, to)| {
        let to = (to + BELOW).min(sheet.bottom);
        let body = rectangle(bar.x - BAR_WIDTH / 2.0, from + BELOW, bar.x + BAR_WIDTH / 2.0, to);
        let group = group.add(body.set("fill", SHARED).set("stroke", PALE).set("stroke-width", 0.5));
        let label = count.to_string();
        if to - from < BAR_TEXT_SIZE + 8.0 {
            return group;
        }
        let text = shapes::text(&label, bar.x, from + BELOW + 8.0, BAR_TEXT_SIZE - 1.0);
        group.add(text.set("text-anchor", "middle"))
    })
}

/// From when to when something was so: until the next change, or the end.
fn spans<'s, T>(sheet: &'s Sheet<'_>, changes: &'s [(Spot, T)]) -> impl Iterator<Item = (&'s T, f64, f64)> {
    let ends = changes.iter().skip(1).map(|(spot, _)| sheet.y_at(*spot)).chain(iter::once(sheet.bottom));
    changes.iter().zip(ends).map(|((spot, what), to)| {
        let from = sheet.y_at(*spot);
        (what, from, to.max(from))
    })
}

/// The lanes of one node, with when it was up.
fn single_lives<'s>(sheet: &'s Sheet<'_>) -> impl Iterator<Item = (&'s Lane, &'s [(Spot, bool)])> {
    let single = sheet.lanes.lanes.iter().filter(|lane| !lane.is_crowd());
    single.filter_map(|lane| Some((lane, &**sheet.notes.up.get(lane.members.first()?)?)))
}

fn shade(lane: &Lane, from: f64, to: f64, pattern: &str) -> Group {
    hatched(|| rectangle(lane.left + 1.0, from, lane.right - 1.0, to), pattern)
}

/// An area filled with one of the [`patterns`].
pub(super) fn hatched(area: impl Fn() -> Rectangle, pattern: &str) -> Group {
    let stripes = area().set("fill", format!("url(#{pattern})")).set("fill-opacity", 0.45);
    Group::new().add(area().set("fill", SHADE)).add(stripes)
}
