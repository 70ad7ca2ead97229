use crate::discard::Discard;
use crate::event::Limit;
use crate::wire::MessageKind;

/// Counters of received, sent and ignored packets, from the creation of the router on. Nothing resets them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Accepted messages.
    pub received: MessageCounts,
    /// Ignored messages whose kind could be read (R-YNG-1).
    pub dropped: MessageCounts,
    /// Queries sent.
    pub sent: SentCounts,
    /// MLDv1 Queries received by an MLDv2 router: hosts may fall back to MLDv1 (R-CMP-7).
    pub version_1_queries: u64,
    /// MLDv2 Queries received by an MLDv1 router (R-CMP-6).
    pub version_2_queries: u64,
    /// Elections lost to an MLDv1 router while running MLDv2 (R-ELE-11).
    pub lost_to_version_1: u64,
    discarded: [u64; Discard::ALL.len()],
    refused: [u64; Limit::ALL.len()],
}

/// Messages by kind. `report` of RFC 8652 is the sum of both versions, its `leave` is `done` (R-YNG-1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageCounts {
    /// Queries of either version.
    pub query: u64,
    /// MLDv1 Reports.
    pub report_v1: u64,
    /// MLDv2 Reports.
    pub report_v2: u64,
    /// MLDv1 Done messages.
    pub done: u64,
}

/// Queries sent, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentCounts {
    /// General Queries.
    pub general: u64,
    /// Multicast Address Specific Queries.
    pub group: u64,
    /// Multicast Address and Source Specific Queries.
    pub group_and_source: u64,
}

impl Stats {
    pub(crate) const NEW: Self = Self {
        received: MessageCounts::NEW,
        dropped: MessageCounts::NEW,
        sent: SentCounts { general: 0, group: 0, group_and_source: 0 },
        version_1_queries: 0,
        version_2_queries: 0,
        lost_to_version_1: 0,
        discarded: [0; Discard::ALL.len()],
        refused: [0; Limit::ALL.len()],
    };

    /// Packets ignored for this reason.
    pub const fn discarded(&self, reason: Discard) -> u64 {
        self.discarded[reason as usize]
    }

    /// How often state was refused because of this limit (R-SEC-8).
    pub const fn refused(&self, limit: Limit) -> u64 {
        self.refused[limit as usize]
    }

    /// Counts a packet that a driver ignored before the engine saw it, a frame of another VLAN for example.
    pub fn count_discard(&mut self, reason: Discard) {
        self.discarded[reason as usize] += 1;
    }

    pub(crate) fn count_refused(&mut self, limit: Limit) {
        self.refused[limit as usize] += 1;
    }
}

impl MessageCounts {
    pub(crate) const NEW: Self = Self { query: 0, report_v1: 0, report_v2: 0, done: 0 };

    pub(crate) fn count(&mut self, kind: MessageKind) {
        *match kind {
            MessageKind::Query => &mut self.query,
            MessageKind::ReportV1 => &mut self.report_v1,
            MessageKind::ReportV2 => &mut self.report_v2,
            MessageKind::Done => &mut self.done,
        } += 1;
    }
}

impl SentCounts {
    /// All Queries.
    pub const fn total(&self) -> u64 {
        self.general + self.group + self.group_and_source
    }
}
