//! Who stands where: routers with a bar for each group on the left of each link, hosts on the right.

use core::net::Ipv6Addr;
use std::collections::BTreeMap;

use super::letters::{shortened, text_width};
use crate::record::picture::notes::{Actor, Notes};
use crate::world::{LinkId, NodeId};

/// More hosts of a link than this share lanes.
const HOSTS_MAX: usize = 8;
/// So many hosts whose names differ in a number alone then make a crowd.
const CROWD_MIN: usize = 3;
/// More groups than this share a bar.
const GROUPS_MAX: usize = 6;
const NAME_MAX: f64 = 160.0;
const BAR_PITCH: f64 = 19.0;
/// Width of a bar.
pub(in crate::record::picture) const BAR_WIDTH: f64 = 15.0;
pub(in crate::record::picture) const NAME_SIZE: f64 = 13.0;
pub(in crate::record::picture) const BAR_NAME_SIZE: f64 = 11.0;

/// A router, a host, or hosts that share a lane.
pub(in crate::record::picture) struct Lane {
    pub(in crate::record::picture) name: String,
    pub(in crate::record::picture) link: LinkId,
    pub(in crate::record::picture) members: Vec<NodeId>,
    /// Where the life line runs.
    pub(in crate::record::picture) x: f64,
    pub(in crate::record::picture) left: f64,
    pub(in crate::record::picture) right: f64,
    pub(in crate::record::picture) bars: Vec<Bar>,
}

/// Where the life of groups at a router is drawn.
pub(in crate::record::picture) struct Bar {
    pub(in crate::record::picture) name: String,
    /// Several groups share the last bar.
    pub(in crate::record::picture) groups: Vec<Ipv6Addr>,
    /// The middle of it.
    pub(in crate::record::picture) x: f64,
}

pub(in crate::record::picture) struct Lanes {
    pub(in crate::record::picture) lanes: Vec<Lane>,
    /// The lane of each node.
    of: Vec<usize>,
    pub(in crate::record::picture) left: f64,
    pub(in crate::record::picture) right: f64,
}

impl Lane {
    pub(in crate::record::picture) fn is_crowd(&self) -> bool {
        self.members.len() > 1
    }
}

impl Lanes {
    /// Lays the lanes out from `left` on.
    pub(in crate::record::picture) fn new(notes: &Notes, left: f64) -> Self {
        let mut lanes = Vec::new();
        for link in (0..notes.links.len() as u32).map(LinkId) {
            let on_link = |is_router: bool| {
                let actors = notes.actors.iter().zip(0..).map(|(actor, id)| (NodeId(id), actor));
                actors.filter(move |(_, actor)| actor.link == link && actor.is_router == is_router)
            };
            lanes.extend(on_link(true).map(|(id, actor)| Lane::new(&actor.name, link, vec![id])));
            lanes.extend(host_lanes(link, &on_link(false).collect::<Vec<_>>()));
        }
        let mut right = left;
        let mut last_link = None;
        for lane in &mut lanes {
            if last_link.replace(lane.link).is_some_and(|last| last != lane.link) {
                right += 24.0;
            }
            lane.bars = bars(notes, lane);
            right = lane.place(right);
        }
        let mut of = vec![0; notes.actors.len()];
        for (at, lane) in lanes.iter().enumerate() {
            lane.members.iter().for_each(|node| of[node.0 as usize] = at);
        }
        Self { lanes, of, left, right }
    }

    pub(in crate::record::picture) fn index(&self, node: NodeId) -> usize {
        self.of[node.0 as usize]
    }

    pub(in crate::record::picture) fn of(&self, node: NodeId) -> &Lane {
        &self.lanes[self.index(node)]
    }
}

impl Lane {
    fn new(name: &str, link: LinkId, members: Vec<NodeId>) -> Self {
        let name = shortened(name, NAME_SIZE, NAME_MAX);
        Self { name, link, members, x: 0.0, left: 0.0, right: 0.0, bars: Vec::new() }
    }

    /// Puts the lane's left edge there and yields its right edge: first the bars, then the life line.
    fn place(&mut self, left: f64) -> f64 {
        let half_name = (text_width(&self.name, NAME_SIZE) / 2.0 + 5.0).max(22.0);
        let bars_width = self.bars.len() as f64 * BAR_PITCH;
        let before_line = if self.bars.is_empty() { half_name } else { (bars_width + 12.0).max(half_name) };
        self.left = left;
        self.x = (left + before_line).round();
        self.right = self.x + half_name;
        let first = self.x - 12.0 - bars_width + BAR_PITCH / 2.0;
        for (bar, number) in self.bars.iter_mut().zip(0u8..) {
            bar.x = (first + f64::from(number) * BAR_PITCH).round();
        }
        self.right
    }
}

/// A lane for each host; of many, those whose names differ in a number alone share one, and then all the others.
fn host_lanes(link: LinkId, hosts: &[(NodeId, &Actor)]) -> Vec<Lane> {
    let mut stems: BTreeMap<&str, Vec<NodeId>> = BTreeMap::new();
    for (id, actor) in hosts {
        stems.entry(stem(&actor.name)).or_default().push(*id);
    }
    let is_crowded = hosts.len() > HOSTS_MAX;
    let crowd = |actor: &Actor| {
        let members = &stems[stem(&actor.name)];
        (is_crowded && members.len() >= CROWD_MIN).then_some(members)
    };
    let mut lanes: Vec<Lane> = Vec::new();
    for (id, actor) in hosts {
        match crowd(actor) {
            None => lanes.push(Lane::new(&actor.name, link, vec![*id])),
            Some(members) if members.first() == Some(id) => {
                let name = match stem(&actor.name) {
                    "" => format!("{} hosts", members.len()),
                    stem => format!("{} × {stem}", members.len()),
                };
                lanes.push(Lane::new(&name, link, members.clone()));
            }
            Some(_) => {}
        }
    }
    if lanes.len() > HOSTS_MAX {
        let (kept, others) = lanes.split_at(HOSTS_MAX - 1);
        let members: Vec<_> = others.iter().flat_map(|lane| lane.members.iter().copied()).collect();
        let others = Lane::new(&format!("{} other hosts", members.len()), link, members);
        let kept = kept.len();
        lanes.truncate(kept);
        lanes.push(others);
    }
    lanes
}

/// A name without the number at its end.
fn stem(name: &str) -> &str {
    let stem = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    stem.trim_end_matches(['-', '_', ' ', '.', '#'])
}

/// A bar for each group that the router told of, in the order in which groups were first told of on the link.
fn bars(notes: &Notes, lane: &Lane) -> Vec<Bar> {
    let mut first_told: BTreeMap<Ipv6Addr, Option<usize>> = BTreeMap::new();
    for ((node, group), told) in &notes.groups {
        if notes.actors[node.0 as usize].link == lane.link {
            let first = told.first().and_then(|(spot, _)| spot.entry);
            let known = first_told.entry(*group).or_insert(first);
            *known = (*known).min(first);
        }
    }
    let knows =
        |group: &Ipv6Addr| lane.members.iter().any(|node| notes.groups.contains_key(&(*node, *group)));
    let mut groups: Vec<_> =
        first_told.iter().filter(|(group, _)| knows(group)).map(|(group, first)| (*first, *group)).collect();
    groups.sort_unstable();
    let shown = if groups.len() > GROUPS_MAX { GROUPS_MAX - 1 } else { groups.len() };
    let (own, shared) = groups.split_at(shown);
    let mut bars: Vec<_> = own
        .iter()
        .map(|(_, group)| {
            let name = shortened(&group.to_string(), BAR_NAME_SIZE, NAME_MAX);
            Bar { name, groups: vec![*group], x: 0.0 }
        })
        .collect();
    if !shared.is_empty() {
        let groups = shared.iter().map(|(_, group)| *group).collect();
        bars.push(Bar { name: format!("{} more groups", shared.len()), groups, x: 0.0 });
    }
    bars
}
