//! The names above the lanes.

use svg::node::element::Group;

use super::TIME_SIZE;
use super::shapes::{self, GREY, rectangle, upright};
use crate::record::picture::notes::Notes;
use crate::record::picture::plan::{BAR_NAME_SIZE, Lane, Lanes, NAME_SIZE, Sheet, text_width};

/// The names above the lanes.
pub(super) struct Header {
    links: bool,
    pub(super) top: f64,
    names: f64,
    pub(super) bottom: f64,
}

impl Header {
    pub(super) fn new(lanes: &Lanes, notes: &Notes, top: f64) -> Self {
        let links = notes.links.len() > 1;
        let names = top + if links { 20.0 } else { 0.0 } + NAME_SIZE / 2.0;
        let bars = lanes.lanes.iter().flat_map(|lane| &lane.bars);
        let longest = bars.map(|bar| text_width(&bar.name, BAR_NAME_SIZE)).fold(0.0, f64::max);
        Self { links, top, names, bottom: names + NAME_SIZE / 2.0 + 8.0 + longest }
    }

    pub(super) fn draw(&self, sheet: &Sheet<'_>) -> Group {
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
