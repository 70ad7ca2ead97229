//! A host without a will: it does what a listener may do, at any moment at which it may do it.

use std::sync::Arc;

use mld_proto::wire::RecordType;

use super::frame::{Message, Node, report};
use super::router::left;

/// How long after a change it is said again, at most.
const UNSOLICITED_INTERVAL: u64 = 1_000;
/// Random delays end before the time that they may take is over.
const EARLY: u64 = 1;

/// What a host listens to when it listens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wants {
    /// The whole group.
    #[default]
    Group,
    /// One source of it.
    Source,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Host {
    pub(crate) wants: Wants,
    pub(crate) listens: bool,
    /// By when a Query is answered; 0 if there is none to answer.
    pub(crate) answer_by: u64,
    /// Only a Query for the source is to be answered.
    source_only: bool,
    /// By when the latest change is said again; 0 if it was said often enough.
    pub(crate) repeat_by: u64,
    repeats_left: u8,
    /// Routers that have heard that it listens, a bit for each.
    pub(crate) heard: u8,
    /// Packets lost between it and the routers since it said what has reached all of them since.
    pub(crate) losses: u8,
}

impl Host {
    pub(crate) fn new(wants: Wants) -> Self {
        Self { wants, ..Self::default() }
    }

    /// Begins or ends to listen; returns what it says, for the first of so many times.
    pub(crate) fn change(&mut self, now: u64, node: Node, times: u8) -> (Message, Arc<[u8]>) {
        *self = Self { listens: !self.listens, losses: self.losses, ..Self::new(self.wants) };
        self.repeats_left = times;
        self.say_change(now, node)
    }

    /// Says the latest change once more.
    pub(crate) fn say_change(&mut self, now: u64, node: Node) -> (Message, Arc<[u8]>) {
        self.repeats_left -= 1;
        self.repeat_by = if self.repeats_left > 0 { now + UNSOLICITED_INTERVAL - EARLY } else { 0 };
        let source = self.wants == Wants::Source;
        let record = match (source, self.listens) {
            (false, true) => RecordType::ToEx,
            (false, false) => RecordType::ToIn,
            (true, true) => RecordType::Allow,
            (true, false) => RecordType::Block,
        };
        let message = if self.listens { Message::Wants { source } } else { Message::Leaves { source } };
        (message, report(node, record, source))
    }

    /// Answers what it was asked.
    pub(crate) fn answer(&mut self, node: Node) -> (Message, Arc<[u8]>) {
        self.answer_by = 0;
        let source = self.wants == Wants::Source || self.source_only;
        let record = if source { RecordType::IsIn } else { RecordType::IsEx };
        (Message::Wants { source }, report(node, record, source))
    }

    /// Hears a Query. An answer that is on its way already comes no later.
    pub(crate) fn hear(&mut self, now: u64, message: Message) {
        let (delay, source) = match message {
            Message::General => (2_000, false),
            Message::Specific { source, delay_ms, .. } => (delay_ms, source),
            Message::Wants { .. } | Message::Leaves { .. } => return,
        };
        if !self.listens {
            return;
        }
        let by = now + delay - EARLY;
        if self.answer_by == 0 {
            (self.answer_by, self.source_only) = (by, source);
        } else {
            self.answer_by = self.answer_by.min(by);
            self.source_only &= source;
        }
    }

    pub(crate) fn deadlines(&self) -> impl Iterator<Item = u64> + use<> {
        [self.answer_by, self.repeat_by].into_iter().filter(|by| *by != 0)
    }

    pub(crate) fn words(&self, now: u64) -> [u64; 7] {
        [
            self.listens.into(),
            left(self.answer_by, now),
            (self.source_only && self.answer_by != 0).into(),
            left(self.repeat_by, now),
            self.repeats_left.into(),
            self.heard.into(),
            self.losses.into(),
        ]
    }
}
