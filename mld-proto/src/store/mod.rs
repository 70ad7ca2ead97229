//! Memory of a fixed size: slots, the index that finds them, the lists and the timer wheel that link them.
//!
//! All of it works on [`View`], three mutable slices; where they come from is the caller's choice and known only to
//! [`Tables`]. Identifiers of slots never leave the crate. Nothing here allocates, and every operation is O(1)
//! unless it says otherwise.

mod check;
mod index;
mod list;
mod pool;
mod ring;
mod slot;
mod wheel;

use core::fmt;

pub(crate) use check::{InRing, RingFaults, check_index, check_linked, check_queue, check_ring, ensure};
pub(crate) use index::{Index, Key, Removal, spread};
pub(crate) use list::{GroupQueue, SourceList};
pub(crate) use pool::Pool;
pub(crate) use ring::{Linked, Ring, RingWalk};
pub(crate) use slot::{GroupFlags, GroupId, SourceFlags, SourceId, TimerId, TimerOf};
pub use slot::{GroupSlot, IndexSlot, SourceSlot};
pub(crate) use wheel::{Links, NOWHERE, Node, Nodes, Wheel};

/// The memory of a router: three collections whose lengths are its limits.
///
/// Each is an array, a mutable slice or a boxed slice, so that the same router serves 8 groups in a `static` and a
/// million groups chosen at run time. Sources come from one pool that all groups share.
///
/// ```
/// use mld_proto::router::{GroupSlot, SourceSlot, Tables};
/// use mld_proto::IndexSlot;
///
/// let (groups, sources) = (1000, 4000);
/// let tables = Tables::new(
///     vec![GroupSlot::EMPTY; groups].into_boxed_slice(),
///     vec![SourceSlot::EMPTY; sources].into_boxed_slice(),
///     vec![IndexSlot::EMPTY; IndexSlot::count_for(groups, sources)].into_boxed_slice(),
/// );
/// assert!(tables.is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct Tables<G, S, I> {
    groups: G,
    sources: S,
    index: I,
}

impl<G, S, I> Tables<G, S, I>
where
    G: AsRef<[GroupSlot]>,
    S: AsRef<[SourceSlot]>,
    I: AsRef<[IndexSlot]> + AsMut<[IndexSlot]>,
{
    /// Takes tables, whatever they held before.
    ///
    /// # Errors
    ///
    /// [`TablesError`] if the index is shorter than [`IndexSlot::count_for`] says or not a power of two, or if a
    /// table has more than 2^30 slots.
    pub fn new(groups: G, sources: S, mut index: I) -> Result<Self, TablesError> {
        let (group_count, source_count) = (groups.as_ref().len(), sources.as_ref().len());
        if group_count > SLOTS_MAX || source_count > SLOTS_MAX {
            return Err(TablesError::TooLong);
        }
        let index_count = index.as_ref().len();
        if index_count < IndexSlot::count_for(group_count, source_count) || !index_count.is_power_of_two() {
            return Err(TablesError::Index);
        }
        // Slots are written whole when they are taken; only the index has to begin empty.
        index.as_mut().fill(IndexSlot::EMPTY);
        Ok(Self { groups, sources, index })
    }
}

impl<const G: usize, const S: usize, const I: usize> Tables<[GroupSlot; G], [SourceSlot; S], [IndexSlot; I]> {
    /// Empty tables on arrays; [`inline_tables!`](crate::inline_tables) works out the length of the index. Arrays
    /// that do not fit together do not compile.
    pub const EMPTY: Self = {
        assert!(G <= SLOTS_MAX && S <= SLOTS_MAX, "a table is too long");
        assert!(I >= IndexSlot::count_for(G, S) && I.is_power_of_two(), "the index does not fit the tables");
        Self { groups: [GroupSlot::EMPTY; G], sources: [SourceSlot::EMPTY; S], index: [IndexSlot::EMPTY; I] }
    };
}

const SLOTS_MAX: usize = 1 << 30;

/// How many slots a table should have beyond the limit that [`Config`](crate::Config) sets.
///
/// A group or source that is gone keeps its slot until its last event and Query have been polled. These spare slots let
/// a router at its limits take in what one packet of an Ethernet frame brings in place of what the same packet ends.
/// Without them a group may also be reported again though nothing about it differs: the slot of a source that came and
/// went was needed.
pub const SPARE_SLOTS: usize = 128;

/// Empty [`Tables`] on arrays, as a constant expression.
///
/// ```
/// use mld_proto::{Config, Router};
///
/// let router = Router::new(Config::DEFAULT, mld_proto::inline_tables!(groups: 8, sources: 32), 1);
/// assert_eq!(router.groups().count(), 0);
/// ```
#[macro_export]
macro_rules! inline_tables {
    (groups: $groups:expr, sources: $sources:expr) => {
        $crate::router::Tables::<
            [$crate::router::GroupSlot; $groups],
            [$crate::router::SourceSlot; $sources],
            [$crate::IndexSlot; $crate::IndexSlot::count_for($groups, $sources)],
        >::EMPTY
    };
}

/// Why tables do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TablesError {
    /// The index is too short or its length is no power of two.
    Index,
    /// A table has more than 2^30 slots.
    TooLong,
}

impl fmt::Display for TablesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Index => "the index must have a power of two of slots, at least IndexSlot::count_for",
            Self::TooLong => "a table must have at most 2^30 slots",
        })
    }
}

impl core::error::Error for TablesError {}

/// Memory of a router: some [`Tables`]. Cannot be implemented elsewhere.
pub trait Storage: sealed::Slices {}

impl<T: sealed::Slices> Storage for T {}

mod sealed {
    use super::{GroupSlot, IndexSlot, SourceSlot, Tables};

    #[expect(unnameable_types, reason = "this is what seals the trait")]
    pub trait Slices {
        fn view(&mut self) -> super::View<'_>;
        fn shared(&self) -> super::Shared<'_>;
    }

    impl<G, S, I> Slices for Tables<G, S, I>
    where
        G: AsRef<[GroupSlot]> + AsMut<[GroupSlot]>,
        S: AsRef<[SourceSlot]> + AsMut<[SourceSlot]>,
        I: AsRef<[IndexSlot]> + AsMut<[IndexSlot]>,
    {
        fn view(&mut self) -> super::View<'_> {
            super::View {
                groups: self.groups.as_mut(),
                sources: self.sources.as_mut(),
                index: self.index.as_mut(),
            }
        }

        fn shared(&self) -> super::Shared<'_> {
            super::Shared {
                groups: self.groups.as_ref(),
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
    pub(crate) groups: &'v mut [GroupSlot],
    pub(crate) sources: &'v mut [SourceSlot],
    pub(crate) index: &'v mut [IndexSlot],
}

/// The tables, to be read.
#[derive(Clone, Copy, Debug)]
#[expect(unnameable_types, reason = "named only by the sealed trait")]
pub struct Shared<'v> {
    pub(crate) groups: &'v [GroupSlot],
    pub(crate) sources: &'v [SourceSlot],
    pub(crate) index: &'v [IndexSlot],
}

impl View<'_> {
    pub(crate) fn group(&mut self, id: GroupId) -> &mut GroupSlot {
        &mut self.groups[id.at()]
    }

    pub(crate) fn source(&mut self, id: SourceId) -> &mut SourceSlot {
        &mut self.sources[id.at()]
    }

    pub(crate) fn shared(&self) -> Shared<'_> {
        Shared { groups: self.groups, sources: self.sources, index: self.index }
    }
}
