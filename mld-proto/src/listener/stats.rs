use crate::discard::Discard;
use crate::stats::MessageCounts;
use crate::wire::MessageKind;

/// Counters of a listener: messages received, sent, and discarded with the reason. They start at 0 and are never reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Accepted messages.
    pub received: MessageCounts,
    /// Ignored messages whose kind could be read.
    pub dropped: MessageCounts,
    /// Messages sent.
    pub sent: MessageCounts,
    /// MLDv1 Queries received by an MLDv2 listener (R-CMP-38).
    pub version_1_queries: u64,
    /// Answers for a whole group in place of one for sources, of which too many were asked for (R-SEC-5).
    pub sources_forgotten: u64,
    discarded: [u64; Discard::ALL.len()],
}

impl Stats {
    pub(super) const NEW: Self = Self {
        received: MessageCounts::NEW,
        dropped: MessageCounts::NEW,
        sent: MessageCounts::NEW,
        version_1_queries: 0,
        sources_forgotten: 0,
        discarded: [0; Discard::ALL.len()],
    };

    /// Packets ignored for this reason.
    pub const fn discarded(&self, reason: Discard) -> u64 {
        self.discarded[reason as usize]
    }

    /// Counts a packet that is ignored, of this kind if that could be read.
    pub(super) fn count_discard(&mut self, reason: Discard, kind: Option<MessageKind>) {
        self.discarded[reason as usize] += 1;
        if let Some(kind) = kind {
            self.dropped.count(kind);
        }
    }
}
