//! What happened, as far as expectations ask for it.

use core::net::Ipv6Addr;

use mld_proto::router::{Item, Limit};
use mld_proto::wire::{Message, Packet, QueryFlags, RecordType};
use mld_proto::{GroupAddr, Instant, Version};

use crate::scenario::data::{QueryKind, Told};
use crate::world::{self, Call, Happening, Input, NodeId, Observer, Scene, Violation};

/// Everything that is counted, in order of time.
#[derive(Debug, Default)]
pub(in crate::scenario) struct Log {
    pub(in crate::scenario) sent: Vec<Entry<Said>>,
    pub(in crate::scenario) told: Vec<Entry<Event>>,
    pub(in crate::scenario) discards: Vec<Entry<&'static str>>,
    pub(in crate::scenario) refusals: Vec<Entry<u64>>,
    pub(in crate::scenario) refused_calls: Vec<Entry<RefusedCall>>,
    pub(in crate::scenario) losses: Vec<Entry<&'static str>>,
    /// For each thing that should be so all the time, when it began to be so and when it ceased.
    pub(in crate::scenario) watched: Vec<Watched>,
}

/// Something that happened at, or to, a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::scenario) struct Entry<T> {
    pub(in crate::scenario) at_ms: u64,
    pub(in crate::scenario) node: NodeId,
    pub(in crate::scenario) what: T,
}

/// What somebody sent.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::scenario) enum Said {
    Query {
        kind: QueryKind,
        group: Ipv6Addr,
        suppress: bool,
    },
    /// The records; one of MLDv1.
    Reports(Vec<(&'static str, Ipv6Addr)>),
    /// Nothing that can be read.
    Noise,
}

/// A call of which nothing came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::scenario) struct RefusedCall {
    pub(in crate::scenario) group: Option<Ipv6Addr>,
    pub(in crate::scenario) why: &'static str,
}

/// What a router told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::scenario) struct Event {
    pub(in crate::scenario) kind: Told,
    pub(in crate::scenario) group: Option<Ipv6Addr>,
    pub(in crate::scenario) has_members: Option<bool>,
    pub(in crate::scenario) limit: Option<Limit>,
}

/// Whether a router forwards a group's packets from a source, over time.
#[derive(Debug)]
pub(in crate::scenario) struct Watched {
    pub(in crate::scenario) router: NodeId,
    pub(in crate::scenario) group: Ipv6Addr,
    pub(in crate::scenario) source: Ipv6Addr,
    /// From when on it was so, and was not so.
    pub(in crate::scenario) changes: Vec<(u64, bool)>,
}

impl Watched {
    /// How it is now.
    pub(in crate::scenario) fn look(&mut self, scene: &Scene<'_>, at_ms: u64) {
        let Ok(group) = GroupAddr::new(self.group) else { return };
        let forwards = scene.engine(self.router).is_some_and(|engine| engine.forwards(group, self.source));
        if self.changes.last().is_none_or(|(_, last)| *last != forwards) {
            self.changes.push((at_ms, forwards));
        }
    }
}

impl Log {
    fn turn(&mut self, scene: &Scene<'_>, at_ms: u64, turn: &world::Turn<'_>) {
        let node = turn.node;
        let nothing = Event { kind: Told::Querier, group: None, has_members: None, limit: None };
        let mut tell = |what| self.told.push(Entry { at_ms, node, what });
        if let Input::Packet { result, items, refused, .. } = turn.input {
            for item in items {
                if let Item::Limit { group, limit } = item {
                    let (group, limit) = (Some(group.get()), Some(*limit));
                    tell(Event { kind: Told::Limit, group, limit, ..nothing });
                }
            }
            if let Err(why) = result {
                self.discards.push(Entry { at_ms, node, what: why.name() });
            }
            if refused > 0 {
                self.refusals.push(Entry { at_ms, node, what: refused });
            }
        }
        for told in turn.told {
            match told {
                world::Told::Querier(_) => tell(nothing),
                world::Told::Timeout(group) => {
                    tell(Event { kind: Told::Timeout, group: Some(group.get()), ..nothing });
                }
                world::Told::Membership { group, members } => tell(Event {
                    kind: Told::Membership,
                    group: Some(group.get()),
                    has_members: Some(members.is_some()),
                    limit: None,
                }),
                world::Told::Stopped => {}
            }
        }
        for watched in self.watched.iter_mut().filter(|watched| watched.router == node) {
            watched.look(scene, at_ms);
        }
    }
}

impl Observer for Log {
    fn observe(
        &mut self,
        scene: &Scene<'_>,
        at: Instant,
        happening: &Happening<'_>,
    ) -> Result<(), Violation> {
        let at_ms = at.as_millis();
        match *happening {
            Happening::Sent { frame } => {
                self.sent.push(Entry { at_ms, node: frame.from, what: Said::of(&frame.packet) });
            }
            Happening::Lost { to, why, .. } => {
                self.losses.push(Entry { at_ms, node: to, what: why.name() });
            }
            Happening::Turn(turn) => self.turn(scene, at_ms, turn),
            Happening::Refused { node, call, why } => {
                let group = match call {
                    Call::Listen { group, .. } => Some(*group),
                    Call::Up { .. } | Call::Crash => None,
                };
                self.refused_calls.push(Entry { at_ms, node, what: RefusedCall { group, why: why.name() } });
            }
            _ => {}
        }
        Ok(())
    }
}

impl Said {
    fn of(packet: &[u8]) -> Self {
        let message = Packet::parse(packet)
            .and_then(|packet| Message::parse(packet.message, Version::V2).map(Self::from));
        message.unwrap_or(Self::Noise)
    }
}

impl From<Message<'_>> for Said {
    fn from(message: Message<'_>) -> Self {
        match message {
            Message::Query(query) => Self::Query {
                kind: match (query.is_general(), query.sources.is_empty()) {
                    (true, _) => QueryKind::General,
                    (false, true) => QueryKind::Group,
                    (false, false) => QueryKind::GroupAndSource,
                },
                group: query.group,
                suppress: query.flags.contains(QueryFlags::SUPPRESS),
            },
            Message::ReportV1(group) => Self::Reports(vec![(RecordType::Report.name(), group.get())]),
            Message::Done(group) => Self::Reports(vec![("done", group.get())]),
            Message::ReportV2(report) => Self::Reports(
                report.records().filter_map(|record| Some((record.record?.name(), record.group))).collect(),
            ),
        }
    }
}
