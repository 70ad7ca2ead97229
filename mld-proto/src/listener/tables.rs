//! The memory of a listener.

use core::net::Ipv6Addr;

use crate::store::{
    GroupId, IndexSlot, Linked, NOWHERE, Node, Nodes, SourceId, TablesError, TimerId, TimerOf,
};

/// The memory of a listener: four collections whose lengths are its limits. Each is an array, a mutable slice or a
/// boxed slice.
///
/// - `groups`: one slot for each multicast address that a socket listens to, and for one just left until that has been
///   reported.
/// - `filters`: one slot for what each socket wants of each group.
/// - `sources`: one slot for each source that a socket lists, and one more for each source of a group, whoever lists
///   it: a source that one socket lists takes two, one that ten sockets list takes eleven. A source that was just
///   given up keeps its slot until that has been reported.
/// - `index`: [`IndexSlot::count_for`] groups and filters together, and sources.
///
/// ```
/// use mld_proto::IndexSlot;
/// use mld_proto::listener::{FilterSlot, GroupSlot, SourceSlot, Tables};
///
/// let (groups, filters, sources) = (1000, 2000, 8000);
/// let tables = Tables::new(
///     vec![GroupSlot::EMPTY; groups].into_boxed_slice(),
///     vec![FilterSlot::EMPTY; filters].into_boxed_slice(),
///     vec![SourceSlot::EMPTY; sources].into_boxed_slice(),
///     vec![IndexSlot::EMPTY; IndexSlot::count_for(groups + filters, sources)].into_boxed_slice(),
/// );
/// assert!(tables.is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct Tables<G, F, S, I> {
    groups: G,
    filters: F,
    sources: S,
    index: I,
}

/// Bits 30 and 31 of an identifier in the index distinguish the tables.
const SLOTS_MAX: usize = 1 << 30;

impl<G, F, S, I> Tables<G, F, S, I>
where
    G: AsRef<[GroupSlot]>,
    F: AsRef<[FilterSlot]>,
    S: AsRef<[SourceSlot]>,
    I: AsRef<[IndexSlot]> + AsMut<[IndexSlot]>,
{
    /// Takes tables, whatever they held before.
    ///
    /// # Errors
    ///
    /// [`TablesError`] if the index is shorter than [`IndexSlot::count_for`] says, of groups and filters together and
    /// of sources, or not a power of two, or if a table has more than 2^30 slots.
    pub fn new(groups: G, filters: F, sources: S, mut index: I) -> Result<Self, TablesError> {
        let lens = [groups.as_ref().len(), filters.as_ref().len(), sources.as_ref().len()];
        if lens.iter().any(|len| *len > SLOTS_MAX) {
            return Err(TablesError::TooLong);
        }
        let index_count = index.as_ref().len();
        if index_count < IndexSlot::count_for(lens[0] + lens[1], lens[2]) || !index_count.is_power_of_two() {
            return Err(TablesError::Index);
        }
        // Slots are written whole when they are taken; only the index has to begin empty.
        index.as_mut().fill(IndexSlot::EMPTY);
        Ok(Self { groups, filters, sources, index })
    }
}

impl<const G: usize, const F: usize, const S: usize, const I: usize>
    Tables<[GroupSlot; G], [FilterSlot; F], [SourceSlot; S], [IndexSlot; I]>
{
    /// Empty tables on arrays; [`inline_listener_tables!`](crate::inline_listener_tables) works out the length of the
    /// index. Arrays that do not fit together do not compile.
    pub const EMPTY: Self = {
        assert!(G <= SLOTS_MAX && F <= SLOTS_MAX && S <= SLOTS_MAX, "a table is too long");
        assert!(
            I >= IndexSlot::count_for(G + F, S) && I.is_power_of_two(),
            "the index does not fit the tables"
        );
        Self {
            groups: [GroupSlot::EMPTY; G],
            filters: [FilterSlot::EMPTY; F],
            sources: [SourceSlot::EMPTY; S],
            index: [IndexSlot::EMPTY; I],
        }
    };
}

/// Empty [`Tables`] on arrays, as a constant expression. Without `filters` as many as groups: one socket each.
///
/// ```
/// use mld_proto::{Listener, inline_listener_tables, listener};
///
/// let listener = Listener::new(listener::Config::DEFAULT, inline_listener_tables!(groups: 8, sources: 32), 1);
/// assert_eq!(listener.groups().count(), 0);
/// let tables = inline_listener_tables!(groups: 8, filters: 16, sources: 0);
/// let listener = Listener::new(listener::Config::DEFAULT, tables, 1);
/// assert_eq!(listener.groups().count(), 0);
/// ```
#[macro_export]
macro_rules! inline_listener_tables {
    (groups: $groups:expr, sources: $sources:expr) => {
        $crate::inline_listener_tables!(groups: $groups, filters: $groups, sources: $sources)
    };
    (groups: $groups:expr, filters: $filters:expr, sources: $sources:expr) => {
        $crate::listener::Tables::<
            [$crate::listener::GroupSlot; $groups],
            [$crate::listener::FilterSlot; $filters],
            [$crate::listener::SourceSlot; $sources],
            [$crate::IndexSlot; $crate::IndexSlot::count_for($groups + $filters, $sources)],
        >::EMPTY
    };
}

/// Memory of a listener: some [`Tables`]. Cannot be implemented elsewhere.
pub trait Storage: sealed::Slices {}

impl<T: sealed::Slices> Storage for T {}

mod sealed {
    use super::{FilterSlot, GroupSlot, IndexSlot, SourceSlot, Tables};

    #[expect(unnameable_types, reason = "this is what seals the trait")]
    pub trait Slices {
        fn view(&mut self) -> super::View<'_>;
        fn shared(&self) -> super::Shared<'_>;
    }

    impl<G, F, S, I> Slices for Tables<G, F, S, I>
    where
        G: AsRef<[GroupSlot]> + AsMut<[GroupSlot]>,
        F: AsRef<[FilterSlot]> + AsMut<[FilterSlot]>,
        S: AsRef<[SourceSlot]> + AsMut<[SourceSlot]>,
        I: AsRef<[IndexSlot]> + AsMut<[IndexSlot]>,
    {
        fn view(&mut self) -> super::View<'_> {
            super::View {
                groups: self.groups.as_mut(),
                filters: self.filters.as_mut(),
                sources: self.sources.as_mut(),
                index: self.index.as_mut(),
            }
        }

        fn shared(&self) -> super::Shared<'_> {
            super::Shared {
                groups: self.groups.as_ref(),
                filters: self.filters.as_ref(),
                sources: self.sources.as_ref(),
                index: self.index.as_ref(),
            }
        }
    }
}

/// The tables, to be changed.
#[derive(Debug)]
#[expect(unnameable_types, reason = "named only by the sealed trait")]
pub struct View<'v> {
    pub(super) groups: &'v mut [GroupSlot],
    pub(super) filters: &'v mut [FilterSlot],
    pub(super) sources: &'v mut [SourceSlot],
    pub(super) index: &'v mut [IndexSlot],
}

/// The tables, to be read.
#[derive(Clone, Copy, Debug)]
#[expect(unnameable_types, reason = "named only by the sealed trait")]
pub struct Shared<'v> {
    pub(super) groups: &'v [GroupSlot],
    pub(super) filters: &'v [FilterSlot],
    pub(super) sources: &'v [SourceSlot],
    pub(super) index: &'v [IndexSlot],
}

impl View<'_> {
    pub(super) fn group(&mut self, id: GroupId) -> &mut GroupSlot {
        &mut self.groups[id.at()]
    }

    pub(super) fn filter(&mut self, id: FilterId) -> &mut FilterSlot {
        &mut self.filters[id.at()]
    }

    pub(super) fn source(&mut self, id: SourceId) -> &mut SourceSlot {
        &mut self.sources[id.at()]
    }

    pub(super) fn shared(&self) -> Shared<'_> {
        Shared { groups: self.groups, filters: self.filters, sources: self.sources, index: self.index }
    }
}

impl Nodes for View<'_> {
    fn node(&mut self, id: TimerId) -> Node<'_> {
        // Only groups have timers.
        let at = match id.of() {
            TimerOf::Group(id) => id.at(),
            TimerOf::Source(id) => id.at(),
        };
        let slot = &mut self.groups[at];
        Node { prev: &mut slot.timer_prev, next: &mut slot.timer_next, at: &mut slot.timer_at }
    }
}

/// Which slot of the filter table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FilterId(pub(super) u32);

impl FilterId {
    pub(super) const fn at(self) -> usize {
        self.0 as usize
    }
}

/// Whose source: a group's or a filter's; as in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner(pub(super) u32);

pub(super) const FILTER_BIT: u32 = 1 << 30;
pub(super) const SOURCE_BIT: u32 = 1 << 31;

impl From<GroupId> for Owner {
    fn from(id: GroupId) -> Self {
        Self(id.at() as u32)
    }
}

impl From<FilterId> for Owner {
    fn from(id: FilterId) -> Self {
        Self(id.0 | FILTER_BIT)
    }
}

bitflags::bitflags! {
    /// Pending outputs of a group.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct GroupFlags: u16 {
        /// On the list of groups with something to send.
        const DUE = 1 << 0;
        /// Its State-Change Report is to be sent; in version 1 mode its Report.
        const CHANGE = 1 << 1;
        /// ... and its sources have not been marked for that.
        const CHANGE_FRESH = 1 << 2;
        /// ... and its record is to be written even without sources.
        const CHANGE_BARE = 1 << 3;
        /// Its answer to a specific Query is to be sent.
        const ANSWER = 1 << 4;
        /// The record at hand did not fit one Report.
        const SPLIT = 1 << 5;
        /// Its record in the answer to a General Query did not fit one Report, and its sources are marked.
        const ROUND_SPLIT = 1 << 6;
        /// ... and a part of it left before the last Query came, which the whole record has to answer.
        const ROUND_AGAIN = 1 << 10;
        /// A Done is to be sent.
        const DONE = 1 << 7;
        /// Another listener reported the group after this one (RFC 2710 section 5, flag clear).
        const OVERHEARD = 1 << 8;
        /// In the ring of groups to be reported.
        const LISTENING = 1 << 9;
    }

    /// Pending outputs of a source.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct SourceFlags: u8 {
        /// In the list of the interface record.
        const LISTED = 1 << 0;
        /// To be named in the present State-Change Report.
        const CHANGE = 1 << 1;
        /// A Query asked for it.
        const QUERIED = 1 << 2;
        /// To be named in the present answer to a General Query.
        const ROUND = 1 << 3;
        /// Of a filter: named by the call at hand.
        const NAMED = 1 << 4;
        /// Of a filter: new with the call at hand.
        const NEW = 1 << 5;
    }
}

/// Memory for one group. Opaque; begin with [`GroupSlot::EMPTY`].
#[derive(Clone, Debug)]
pub struct GroupSlot {
    /// `::` in a free slot.
    pub(super) address: Ipv6Addr,
    /// When the State-Change Report is sent again; 0 if it is not.
    pub(super) change_at: u64,
    /// When a Query is answered, in version 1 mode when the Report is sent; 0 if none is.
    pub(super) answer_at: u64,
    /// The compatibility mode, counted up with each change, in which all that is pending began.
    pub(super) epoch: u32,
    /// The sweeps that have reached this group.
    pub(super) swept: [u32; 3],
    /// Filters, and those in exclude mode.
    pub(super) filters: u32,
    pub(super) excluding: u32,
    /// Sources in the list of the interface record.
    pub(super) listed: u32,
    /// Sources still to be named in State-Change Reports.
    pub(super) changing: u32,
    /// Sources that Queries asked for. Without any the whole group is asked for.
    pub(super) queried: u32,
    /// First of the group's sources, or the next free slot.
    pub(super) sources: SourceId,
    pub(super) prev: GroupId,
    /// Next of the groups to be reported, or the next free slot.
    pub(super) next: GroupId,
    pub(super) due_next: GroupId,
    pub(super) timer_prev: TimerId,
    pub(super) timer_next: TimerId,
    pub(super) timer_at: u16,
    pub(super) flags: GroupFlags,
    /// Filter Mode Retransmission Counter; in version 1 mode Reports left of the first series.
    pub(super) mode_left: u8,
}

impl GroupSlot {
    /// A slot that holds nothing.
    pub const EMPTY: Self = Self {
        address: Ipv6Addr::UNSPECIFIED,
        change_at: 0,
        answer_at: 0,
        epoch: 0,
        swept: [0; 3],
        filters: 0,
        excluding: 0,
        listed: 0,
        changing: 0,
        queried: 0,
        sources: SourceId::NIL,
        prev: GroupId::NIL,
        next: GroupId::NIL,
        due_next: GroupId::NIL,
        timer_prev: TimerId::NIL,
        timer_next: TimerId::NIL,
        timer_at: NOWHERE,
        flags: GroupFlags::empty(),
        mode_left: 0,
    };
}

impl Linked for GroupSlot {
    type Id = GroupId;

    fn prev(&mut self) -> &mut GroupId {
        &mut self.prev
    }

    fn next(&mut self) -> &mut GroupId {
        &mut self.next
    }
}

/// Memory for what one socket wants of one group. Opaque; begin with [`FilterSlot::EMPTY`].
#[derive(Clone, Debug)]
pub struct FilterSlot {
    /// [`GroupId::NIL`] in a free slot.
    pub(super) group: GroupId,
    pub(super) socket: u32,
    /// First of the filter's sources, or the next free slot.
    pub(super) sources: SourceId,
    pub(super) exclude: bool,
}

impl FilterSlot {
    /// A slot that holds nothing.
    pub const EMPTY: Self = Self { group: GroupId::NIL, socket: 0, sources: SourceId::NIL, exclude: false };
}

/// Memory for one source of a group, or of a socket's filter. Opaque; begin with [`SourceSlot::EMPTY`].
#[derive(Clone, Debug)]
pub struct SourceSlot {
    pub(super) address: Ipv6Addr,
    pub(super) owner: Owner,
    pub(super) prev: SourceId,
    /// Next of the owner's sources, or the next free slot.
    pub(super) next: SourceId,
    /// Of a group: filters in include mode that list it.
    pub(super) included: u32,
    /// ... filters in exclude mode that do; of a filter: which source of the group it is.
    pub(super) excluded: u32,
    pub(super) flags: SourceFlags,
    /// State-Change Reports still to name it.
    pub(super) left: u8,
}

impl SourceSlot {
    /// A slot that holds nothing.
    pub const EMPTY: Self = Self {
        address: Ipv6Addr::UNSPECIFIED,
        owner: Owner(u32::MAX),
        prev: SourceId::NIL,
        next: SourceId::NIL,
        included: 0,
        excluded: 0,
        flags: SourceFlags::empty(),
        left: 0,
    };
}

impl Linked for SourceSlot {
    type Id = SourceId;

    fn prev(&mut self) -> &mut SourceId {
        &mut self.prev
    }

    fn next(&mut self) -> &mut SourceId {
        &mut self.next
    }
}

const _: () = assert!(size_of::<GroupSlot>() <= 120);
const _: () = assert!(size_of::<SourceSlot>() <= 40);
