use core::net::Ipv6Addr;

/// Which slot of the group table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupId(pub(super) u32);

/// Which slot of the source table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceId(pub(super) u32);

/// Whose timer: a group's or a source's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerId(pub(super) u32);

const NIL: u32 = u32::MAX;
const SOURCE_BIT: u32 = 1 << 31;

impl GroupId {
    /// No slot.
    pub(crate) const NIL: Self = Self(NIL);

    pub(crate) const fn new(at: usize) -> Self {
        Self(at as u32)
    }

    pub(crate) const fn at(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn some(self) -> Option<Self> {
        (self != Self::NIL).then_some(self)
    }
}

impl SourceId {
    /// No slot.
    pub(crate) const NIL: Self = Self(NIL);

    pub(crate) const fn new(at: usize) -> Self {
        Self(at as u32)
    }

    pub(crate) const fn at(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn some(self) -> Option<Self> {
        (self != Self::NIL).then_some(self)
    }
}

/// The two kinds of [`TimerId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimerOf {
    Group(GroupId),
    Source(SourceId),
}

impl TimerId {
    /// No timer.
    pub(crate) const NIL: Self = Self(NIL);

    pub(crate) const fn of(self) -> TimerOf {
        if self.0 & SOURCE_BIT == 0 {
            TimerOf::Group(GroupId(self.0))
        } else {
            TimerOf::Source(SourceId(self.0 & !SOURCE_BIT))
        }
    }

    /// The source whose timer it is.
    pub(crate) fn source(self) -> Option<SourceId> {
        match self.of() {
            TimerOf::Source(source) if self != Self::NIL => Some(source),
            _ => None,
        }
    }
}

impl From<GroupId> for TimerId {
    fn from(group: GroupId) -> Self {
        Self(group.0)
    }
}

impl From<SourceId> for TimerId {
    fn from(source: SourceId) -> Self {
        Self(source.0 | SOURCE_BIT)
    }
}

bitflags::bitflags! {
    /// Pending outputs of a group.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct GroupFlags: u16 {
        /// The last membership reported had listeners.
        const REPORTED_MEMBERS = 1 << 0;
        /// The last membership reported was in exclude mode.
        const REPORTED_EXCLUDE = 1 << 1;
        /// Forces a membership event: the source list last reported is stale.
        const REPORTED_STALE = 1 << 2;
        /// On the list of groups with events.
        const IN_EVENTS = 1 << 3;
        /// On the list of groups with queries to send.
        const IN_TRANSMITS = 1 << 4;
        /// Without listeners: kept until what is pending has been polled.
        const GONE = 1 << 5;
        /// Gone because a timer ended.
        const TIMED_OUT = 1 << 6;
        /// The filter timer was lowered by a specific Query and not refreshed since.
        const LOWERED = 1 << 7;
        /// ... and that Query was our own.
        const ASKED = 1 << 8;
        /// A round of specific Queries is due and has not been begun.
        const ROUND = 1 << 9;
        /// The Multicast Address Specific Query of the present round is to be sent.
        const QUERY_DUE = 1 << 10;
        /// Put on the list of groups with events by the packet at hand; clear between packets.
        const FRESH = 1 << 11;
        /// ... which names it; instead of `FRESH`.
        const MENTIONED = 1 << 12;
    }

    /// Pending outputs of a source.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct SourceFlags: u8 {
        /// Named in the last membership reported.
        const REPORTED = 1 << 0;
        /// Named by the record at hand; clear between records.
        const SEEN = 1 << 1;
        /// To be asked for in the present round of Queries.
        const DUE = 1 << 2;
        /// The source timer was lowered by a specific Query and not refreshed since.
        const LOWERED = 1 << 3;
        /// Deleted: kept until what is pending has been polled, or until the slot is needed.
        const TOMBSTONE = 1 << 4;
    }
}

/// Memory for one group. Opaque; begin with [`GroupSlot::EMPTY`].
// The fields that a refresh touches stand first and next to each other.
#[derive(Clone, Debug)]
#[repr(C, align(32))]
pub struct GroupSlot {
    pub(crate) address: Ipv6Addr,
    /// When the filter timer ends; 0 in include mode. Exclude mode is nothing but a filter timer that runs.
    pub(crate) filter_deadline: u64,
    pub(crate) flags: GroupFlags,
    /// Multicast Address Specific Queries still to be sent.
    pub(crate) queries_left: u8,
    /// The generation of the router in which the group was made.
    pub(crate) generation: u8,
    pub(crate) source_count: u32,
    pub(crate) reporter: Ipv6Addr,
    /// Until when an MLDv1 host counts as present.
    pub(crate) version_1_until: u64,
    pub(crate) timer_prev: TimerId,
    pub(crate) timer_next: TimerId,
    pub(crate) created: u64,
    /// When the present or next round of specific Queries is due; 0 if there is none.
    pub(crate) query_at: u64,
    /// First of the group's sources, or of the next free slots.
    pub(crate) sources: SourceId,
    pub(crate) event_next: GroupId,
    pub(crate) transmit_next: GroupId,
    pub(crate) timer_at: u16,
}

impl GroupSlot {
    /// A slot that holds nothing.
    pub const EMPTY: Self = Self {
        address: Ipv6Addr::UNSPECIFIED,
        filter_deadline: 0,
        flags: GroupFlags::empty(),
        queries_left: 0,
        generation: 0,
        source_count: 0,
        reporter: Ipv6Addr::UNSPECIFIED,
        version_1_until: 0,
        timer_prev: TimerId::NIL,
        timer_next: TimerId::NIL,
        created: 0,
        query_at: 0,
        sources: SourceId::NIL,
        event_next: GroupId::NIL,
        transmit_next: GroupId::NIL,
        timer_at: super::wheel::NOWHERE,
    };
}

/// Memory for one source of one group. Opaque; begin with [`SourceSlot::EMPTY`].
#[derive(Clone, Debug)]
#[repr(C)]
pub struct SourceSlot {
    pub(crate) address: Ipv6Addr,
    /// When the source timer ends; past or 0 if it does not run.
    pub(crate) deadline: u64,
    pub(crate) created: u64,
    pub(crate) group: GroupId,
    pub(crate) prev: SourceId,
    /// Next of the group's sources, or next free slot.
    pub(crate) next: SourceId,
    pub(crate) timer_prev: TimerId,
    pub(crate) timer_next: TimerId,
    pub(crate) timer_at: u16,
    pub(crate) flags: SourceFlags,
    /// Specific Queries still to be sent for it.
    pub(crate) queries_left: u8,
}

impl SourceSlot {
    /// A slot that holds nothing.
    pub const EMPTY: Self = Self {
        address: Ipv6Addr::UNSPECIFIED,
        deadline: 0,
        created: 0,
        group: GroupId::NIL,
        prev: SourceId::NIL,
        next: SourceId::NIL,
        timer_prev: TimerId::NIL,
        timer_next: TimerId::NIL,
        timer_at: super::wheel::NOWHERE,
        flags: SourceFlags::empty(),
        queries_left: 0,
    };
}

/// One place of the index. Opaque; begin with [`IndexSlot::EMPTY`].
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub struct IndexSlot {
    /// The low bits of the key's hash: where it belongs, and most of whether it is the one looked for.
    pub(super) tag: u32,
    /// The slot it stands for plus one; 0 if the place is free. As in [`TimerId`].
    pub(super) id: u32,
}

impl IndexSlot {
    /// A place that holds nothing.
    pub const EMPTY: Self = Self { tag: 0, id: 0 };

    /// The entry, if there is one.
    pub(crate) const fn get(self) -> Option<u32> {
        self.id.checked_sub(1)
    }

    /// How long an index must be for tables of these lengths: a power of two, at most four fifths full.
    pub const fn count_for(groups: usize, sources: usize) -> usize {
        let slots = groups + sources;
        (slots + slots / 4 + 1).next_power_of_two()
    }
}

const _: () = assert!(size_of::<GroupSlot>() <= 96);
const _: () = assert!(size_of::<SourceSlot>() <= 56);
