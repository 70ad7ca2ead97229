//! What a picture is drawn from, noted while it happens.

use core::net::Ipv6Addr;
use std::collections::BTreeMap;

use mld_proto::router::Item;
use mld_proto::{Discard, FilterMode, Instant, Querier};

use crate::record::words::{Content, Listed, Seconds, Words};
use crate::world::{Call, Change, Faults, Frame, Happening, Input, LinkId, Loss, NodeId, Scene, Told, Turn};

/// What happened, in order, and how things were from when on.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) actors: Vec<Actor>,
    pub(super) links: Vec<String>,
    pub(super) entries: Vec<Entry>,
    /// What each router told of each group.
    pub(super) groups: BTreeMap<(NodeId, Ipv6Addr), Vec<(Spot, Members)>>,
    /// Whether a router is the querier.
    pub(super) queriers: BTreeMap<NodeId, Vec<(Spot, bool)>>,
    /// Whether a node is up. All begin down.
    pub(super) up: BTreeMap<NodeId, Vec<(Spot, bool)>>,
    /// Who is kept apart from the rest of a link.
    pub(super) apart: BTreeMap<LinkId, Vec<(Spot, Vec<NodeId>)>>,
    /// Whether a link has faults.
    pub(super) faults: BTreeMap<LinkId, Vec<(Spot, bool)>>,
    /// Entries of frames that are under way, by number.
    under_way: BTreeMap<u64, usize>,
    /// The last weighty message of each node and kind.
    said: BTreeMap<(NodeId, Kind), usize>,
    /// The frame that reached a router last, whose turn comes next.
    delivered: Option<(usize, NodeId)>,
    pub(super) end_ms: u64,
}

/// What is said again within this time repeats what was said for safety (RFC 9777 sections 6.1, 7.6.3).
const AGAIN_MS: u64 = 15_000;

/// Filter mode and sources; nothing if a group has no listeners.
pub(super) type Members = Option<(FilterMode, Vec<Ipv6Addr>)>;

/// A node.
#[derive(Clone, Debug)]
pub(super) struct Actor {
    pub(super) name: String,
    pub(super) link: LinkId,
    pub(super) is_router: bool,
}

/// A moment, and the entry that caused what begins there; nothing at the very beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) at_ms: u64,
    pub(super) entry: Option<usize>,
}

/// Something that gets a line of the picture, unless it is folded into another.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) at_ms: u64,
    pub(super) kind: Kind,
    /// Who did it; nobody for a change of the world.
    pub(super) who: Option<NodeId>,
    pub(super) text: String,
    /// What it led to, beside what bars and crowns show.
    pub(super) effects: Vec<String>,
    /// Of a message: what became of it.
    pub(super) fates: Vec<(NodeId, Fate)>,
    /// Whether a router knows something else since.
    pub(super) is_news: bool,
    /// Of a message: whether it is more than refreshing what is known.
    pub(super) weight: Weight,
}

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Everybody is asked, or says again what holds.
    Routine,
    /// What the same node said or asked just before.
    Again,
    /// Somebody wants something else, or a router asks for something particular.
    Weighty,
}

/// What sort of thing an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Query,
    Report,
    Done,
    /// A message that cannot be read as MLD.
    Unreadable,
    /// A host's application called.
    Call,
    /// A node starts, stops or crashes, or its address changes.
    Power,
    /// A router's timer ended something.
    Timer,
    /// The world changed.
    Change,
}

/// What became of a message on its way to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    UnderWay,
    Arrived {
        at_ms: u64,
        refused: Option<Discard>,
    },
    Lost,
    /// Nobody was there.
    Down,
}

impl Kind {
    pub(super) const fn is_message(self) -> bool {
        matches!(self, Self::Query | Self::Report | Self::Done | Self::Unreadable)
    }
}

impl Notes {
    pub(super) fn note(&mut self, scene: Scene<'_>, at: Instant, happening: &Happening<'_>) {
        let at_ms = at.as_millis();
        self.end_ms = self.end_ms.max(at_ms);
        for link in scene.links().skip(self.links.len()) {
            self.links.push(scene.link_name(link).to_owned());
            let faults = scene.faults(link);
            if faults.kinds() > 0 {
                self.change(scene, at_ms, &Change::Faults { link, faults });
            }
        }
        self.actors.extend(scene.nodes().skip(self.actors.len()).map(|node| Actor {
            name: scene.name(node).to_owned(),
            link: scene.link_of(node),
            is_router: scene.is_router(node),
        }));
        let delivered = self.delivered.take();
        match *happening {
            Happening::Sent { frame } => self.sent(at_ms, frame),
            Happening::UnderWay { frame, to } => drop(self.fate(frame, to, Fate::UnderWay)),
            Happening::Lost { frame, to, why } => self.lost(frame, to, why),
            Happening::Delivered { frame, to, verdict, .. } => {
                let refused = verdict.and_then(Result::err);
                let entry = self.fate(frame, to, Fate::Arrived { at_ms, refused });
                self.delivered = entry.map(|entry| (entry, to));
            }
            Happening::Turn(turn) => self.turn(scene, at_ms, turn, delivered),
            Happening::Host { node, call } => self.host(at_ms, node, call),
            Happening::Refused { .. } => {}
            Happening::Change { what } => self.change(scene, at_ms, what),
        }
    }

    fn push(&mut self, at_ms: u64, kind: Kind, who: Option<NodeId>, text: String) -> usize {
        let is_news = !kind.is_message();
        let (effects, fates, weight) = (Vec::new(), Vec::new(), Weight::Weighty);
        self.entries.push(Entry { at_ms, kind, who, text, effects, fates, is_news, weight });
        self.entries.len() - 1
    }

    fn sent(&mut self, at_ms: u64, frame: &Frame) {
        let words = Words::of(&frame.packet);
        let kind = match words.content {
            Content::Query { .. } => Kind::Query,
            Content::ReportV1 { .. } | Content::ReportV2 { .. } => Kind::Report,
            Content::Done { .. } => Kind::Done,
            Content::Unreadable { .. } => Kind::Unreadable,
        };
        let entry = self.push(at_ms, kind, Some(frame.from), words.content.to_string());
        self.under_way.insert(frame.number, entry);
        if !words.content.is_change() {
            self.entries[entry].weight = Weight::Routine;
        } else if let Some(last) = self.said.insert((frame.from, kind), entry) {
            let last = &self.entries[last];
            if last.text == self.entries[entry].text && at_ms - last.at_ms <= AGAIN_MS {
                self.entries[entry].weight = Weight::Again;
            }
        }
    }

    /// What became of a message takes the place of its being under way. Yields its entry.
    fn fate(&mut self, frame: &Frame, to: NodeId, fate: Fate) -> Option<usize> {
        let entry = *self.under_way.get(&frame.number)?;
        let fates = &mut self.entries[entry].fates;
        if fate == Fate::UnderWay {
            fates.push((to, fate));
            return Some(entry);
        }
        match fates.iter_mut().find(|known| **known == (to, Fate::UnderWay)) {
            Some(known) => known.1 = fate,
            None => fates.push((to, fate)),
        }
        if fates.iter().all(|(_, fate)| *fate != Fate::UnderWay) {
            self.under_way.remove(&frame.number);
        }
        Some(entry)
    }

    fn lost(&mut self, frame: &Frame, to: NodeId, why: Loss) {
        match why {
            Loss::Chance => {
                if let Some(entry) = self.under_way.get(&frame.number) {
                    self.entries[*entry].fates.push((to, Fate::Lost));
                }
            }
            // Shaded, and needs no cross.
            Loss::Partition => {}
            Loss::Down => drop(self.fate(frame, to, Fate::Down)),
        }
    }

    fn turn(&mut self, scene: Scene<'_>, at_ms: u64, turn: &Turn<'_>, delivered: Option<(usize, NodeId)>) {
        let node = turn.node;
        let name = scene.name(node);
        let power = |text: &str| Some((Kind::Power, text.to_owned()));
        let entry = match turn.input {
            Input::Start(_) => power("starts"),
            Input::Address(Some(address)) => power(&format!("has the address {address}")),
            Input::Address(None) => power("has no address"),
            Input::Stop => power("stops"),
            Input::Reconfigure => power("has another configuration"),
            Input::Crash => power("crashes"),
            Input::Packet { .. } => None,
            Input::Timeout => timer_text(scene, node, turn.told).map(|text| (Kind::Timer, text)),
        };
        let entry = match (entry, delivered) {
            (Some((kind, text)), _) => self.push(at_ms, kind, Some(node), text),
            (None, Some((entry, to))) if to == node => entry,
            // Nothing was told, or by a packet that is not known here.
            (None, _) => return,
        };
        let spot = Spot { at_ms, entry: Some(entry) };
        match turn.input {
            Input::Start(_) => self.up.entry(node).or_default().push((spot, true)),
            Input::Stop => self.up.entry(node).or_default().push((spot, false)),
            Input::Crash => {
                self.up.entry(node).or_default().push((spot, false));
                self.forget(node, spot);
            }
            Input::Packet { items, .. } => {
                for item in items {
                    if let Item::Limit { group, limit } = item {
                        self.effect(entry, format!("{name} refuses {group}: {}", limit.name()));
                    }
                }
            }
            Input::Address(_) | Input::Reconfigure | Input::Timeout => {}
        }
        for told in turn.told {
            self.entries[entry].is_news = true;
            match told {
                Told::Querier(querier) => {
                    let is_me = matches!(querier, Querier::Own(_));
                    if !matches!(turn.input, Input::Timeout) {
                        self.effect(entry, querier_text(scene, node, *querier));
                    }
                    self.queriers.entry(node).or_default().push((spot, is_me));
                }
                Told::Membership { group, members } => {
                    let bar = self.groups.entry((node, group.get())).or_default();
                    bar.push((spot, members.clone()));
                }
                Told::Timeout(_) => {}
                Told::Stopped => self.forget(node, spot),
            }
        }
    }

    fn effect(&mut self, entry: usize, text: String) {
        let entry = &mut self.entries[entry];
        entry.is_news = true;
        entry.effects.push(text);
    }

    /// A router knows nothing any more.
    fn forget(&mut self, node: NodeId, spot: Spot) {
        self.queriers.entry(node).or_default().push((spot, false));
        for (_, bar) in
            self.groups.range_mut((node, Ipv6Addr::UNSPECIFIED)..=(node, Ipv6Addr::from_bits(u128::MAX)))
        {
            bar.push((spot, None));
        }
    }

    fn host(&mut self, at_ms: u64, node: NodeId, call: &Call) {
        let is_up = self.up.get(&node).and_then(|up| up.last()).is_some_and(|(_, is_up)| *is_up);
        match call {
            // That all hosts are up at the start needs no line each.
            Call::Up { .. } if at_ms == 0 => {
                self.up.entry(node).or_default().push((Spot { at_ms, entry: None }, true));
            }
            Call::Up { link_local } => {
                let text = match (is_up, link_local) {
                    (false, None) => "comes up without an address".into(),
                    (false, Some(_)) => "comes up".into(),
                    (true, None) => "has no address".into(),
                    (true, Some(address)) => format!("has the address {address}"),
                };
                let entry = Some(self.push(at_ms, Kind::Power, Some(node), text));
                self.up.entry(node).or_default().push((Spot { at_ms, entry }, true));
            }
            Call::Crash => {
                let entry = Some(self.push(at_ms, Kind::Power, Some(node), "loses its power".into()));
                self.up.entry(node).or_default().push((Spot { at_ms, entry }, false));
            }
            Call::Listen { group, mode, sources, .. } => {
                let text = match (mode, &**sources) {
                    (FilterMode::Include, []) => format!("leaves {group}"),
                    (FilterMode::Include, sources) => format!("wants {group} from {}", Listed(sources)),
                    (FilterMode::Exclude, []) => format!("wants {group}"),
                    (FilterMode::Exclude, sources) => format!("wants {group} but {}", Listed(sources)),
                };
                self.push(at_ms, Kind::Call, Some(node), text);
            }
        }
    }

    fn change(&mut self, scene: Scene<'_>, at_ms: u64, what: &Change) {
        let on = |link: LinkId| {
            if scene.links().count() > 1 { format!(" on {}", scene.link_name(link)) } else { String::new() }
        };
        let text = match what {
            Change::Partition { link, apart } => {
                format!("partition{}: {} apart", on(*link), some_names(scene, apart))
            }
            Change::Heal { link } => format!("the partition{} ends", on(*link)),
            Change::Faults { link, faults } => format!("faults{}: {}", on(*link), faults_text(faults)),
            Change::Jump { node, by_ms } => {
                format!("the clock of {} jumps by {} s", scene.name(*node), Seconds(*by_ms))
            }
            Change::FaultsOff => "all faults end".into(),
        };
        let spot = Spot { at_ms, entry: Some(self.push(at_ms, Kind::Change, None, text)) };
        match what {
            Change::Partition { link, apart } => {
                self.apart.entry(*link).or_default().push((spot, apart.clone()));
            }
            Change::Heal { link } => self.apart.entry(*link).or_default().push((spot, Vec::new())),
            Change::Faults { link, faults } => {
                self.faults.entry(*link).or_default().push((spot, faults.kinds() > 0));
            }
            Change::Jump { .. } => {}
            Change::FaultsOff => {
                self.apart.values_mut().for_each(|apart| apart.push((spot, Vec::new())));
                self.faults.values_mut().for_each(|faults| faults.push((spot, false)));
            }
        }
    }
}

/// What a router's timers ended, in a line; nothing if nothing was told.
fn timer_text(scene: Scene<'_>, node: NodeId, told: &[Told]) -> Option<String> {
    let mut texts = Vec::new();
    let mut timed_out = None;
    for told in told {
        match told {
            Told::Querier(querier) => texts.push(querier_text(scene, node, *querier)),
            Told::Timeout(group) => {
                timed_out = Some(*group);
                texts.push(format!("{}: {group} timed out", scene.name(node)));
            }
            Told::Membership { group, .. } if timed_out == Some(*group) => {}
            Told::Membership { group, members } => {
                let now = match members {
                    None => "without listeners".into(),
                    Some((mode, sources)) => format!("{} {}", mode.name(), Listed(sources)),
                };
                texts.push(format!("{}: {group} {now}", scene.name(node)));
            }
            Told::Stopped => {}
        }
    }
    match &mut texts[..] {
        [] => None,
        [text] => Some(core::mem::take(text)),
        [text, others @ ..] => Some(format!("{text}, and {} more", others.len())),
    }
}

fn querier_text(scene: Scene<'_>, node: NodeId, querier: Querier) -> String {
    let name = scene.name(node);
    match querier {
        Querier::Own(_) => format!("{name} becomes querier"),
        Querier::Unknown => format!("{name} knows no querier"),
        Querier::Other(address) => {
            let other = scene.routers().find(|other| scene.link_local(*other) == Some(address));
            match other {
                Some(other) => format!("{name}: {} is querier", scene.name(other)),
                None => format!("{name}: {address} is querier"),
            }
        }
    }
}

fn some_names(scene: Scene<'_>, nodes: &[NodeId]) -> String {
    let shown = if nodes.len() > 4 { 3 } else { nodes.len() };
    let names: Vec<_> = nodes[..shown].iter().map(|node| scene.name(*node)).collect();
    let names = names.join(", ");
    if nodes.len() > shown { format!("{names} and {} others", nodes.len() - shown) } else { names }
}

fn faults_text(faults: &Faults) -> String {
    let percent = |ppm: u32| f64::from(ppm) / 1e4;
    let mut texts = Vec::new();
    let shares = [
        ("loss", faults.loss_ppm),
        ("duplicates", faults.duplicate_ppm),
        ("reordering", faults.reorder_ppm),
        ("damage", faults.corrupt_ppm),
    ];
    for (name, ppm) in shares.into_iter().filter(|(_, ppm)| *ppm > 0) {
        texts.push(format!("{name} {} %", percent(ppm)));
    }
    let (shortest, longest) = faults.delay_ms;
    if shortest != longest {
        texts.push(format!("delay {shortest} to {longest} ms"));
    }
    if texts.is_empty() { "none".into() } else { texts.join(", ") }
}
