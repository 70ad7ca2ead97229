use std::collections::TryReserveError;
use std::io;

use mld_proto::router::{GroupSlot, SPARE_SLOTS, SourceSlot, Tables};
use mld_proto::{Config, IndexSlot, Router};

/// Tables whose lengths are chosen at run time.
pub type BoxedTables = Tables<Box<[GroupSlot]>, Box<[SourceSlot]>, Box<[IndexSlot]>>;

/// The engine of one interface.
pub type InterfaceRouter = Router<BoxedTables>;

/// Groups of an interface whose configuration names no limit.
pub const DEFAULT_MAX_GROUPS: u32 = 65_536;
/// Sources of one group where the configuration names no limit.
pub const DEFAULT_MAX_GROUP_SOURCES: u32 = 1_024;

/// A router for as many groups and sources as `config`, whose limits are set, allows.
///
/// # Errors
///
/// `OutOfMemory`, or `InvalidInput` if the engine cannot number so many.
pub(crate) fn router(config: Config) -> io::Result<InterfaceRouter> {
    let groups = config.max_groups() as usize + SPARE_SLOTS;
    let sources = config.max_sources() as usize + SPARE_SLOTS;
    let tables = Tables::new(
        filled(GroupSlot::EMPTY, groups)?,
        filled(SourceSlot::EMPTY, sources)?,
        filled(IndexSlot::EMPTY, IndexSlot::count_for(groups, sources))?,
    )
    .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?;
    Ok(Router::new(config, tables, hash_seed()?))
}

/// `config` with this MTU, at least 1280, and a number for each limit that is left open.
pub(crate) fn with_limits(config: Config, mtu: u16) -> Config {
    let or = |limit, default| if limit == u32::MAX { default } else { limit };
    let groups = or(config.max_groups(), DEFAULT_MAX_GROUPS);
    let limits = config
        .to_builder()
        .mtu(mtu)
        .max_groups(groups)
        .max_group_sources(or(config.max_group_sources(), DEFAULT_MAX_GROUP_SOURCES))
        .max_sources(or(config.max_sources(), groups.saturating_mul(4)));
    limits.build().expect("settings that were checked stay valid with other limits")
}

fn filled<T: Clone>(slot: T, len: usize) -> Result<Box<[T]>, io::Error> {
    let mut slots = Vec::new();
    slots.try_reserve_exact(len).map_err(|_: TryReserveError| io::ErrorKind::OutOfMemory)?;
    slots.resize(len, slot);
    Ok(slots.into())
}

fn hash_seed() -> io::Result<u64> {
    let mut octets = [0; 8];
    rustix::rand::getrandom(&mut octets, rustix::rand::GetRandomFlags::empty())?;
    Ok(u64::from_ne_bytes(octets))
}
