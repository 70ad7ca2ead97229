//! Routers: the engine on a link, with a clock of its own.

use core::net::Ipv6Addr;

use mld_proto::router::{GroupSlot, SPARE_SLOTS, SourceSlot, Tables};
use mld_proto::{Config, IndexSlot, Instant};

use super::clock::{Clock, LocalClock};
use super::observer::LinkId;

/// A router's engine, its tables as large as its limits.
pub type Engine = mld_proto::Router<Tables<Box<[GroupSlot]>, Box<[SourceSlot]>, Box<[IndexSlot]>>>;

/// A router's interface, to be added to a world.
#[derive(Clone, Debug)]
pub struct Router {
    pub(super) name: String,
    pub(super) link_local: Option<Ipv6Addr>,
    pub(super) config: Config,
    pub(super) clock: Clock,
    pub(super) is_off: bool,
}

/// Groups and sources that a router holds if its configuration sets no limit.
const USUAL_GROUPS: u32 = 1024;
const USUAL_SOURCES: u32 = 4096;
/// A router's buffer holds any packet, so that a packet above its MTU would be seen.
const BUFFER: usize = 0xffff;

impl Router {
    /// A router that starts with this address when it is added to a world.
    pub fn new(name: impl Into<String>, link_local: Ipv6Addr) -> Self {
        Self {
            name: name.into(),
            link_local: Some(link_local),
            config: Config::DEFAULT,
            clock: Clock::EXACT,
            is_off: false,
        }
    }

    /// How it is configured. Limits that are not set are 1024 groups and 4096 sources.
    #[must_use]
    pub const fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// How its clock goes.
    #[must_use]
    pub const fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// It has no address that it could query from, until it is given one.
    #[must_use]
    pub const fn without_address(mut self) -> Self {
        self.link_local = None;
        self
    }

    /// It does not start when it is added.
    #[must_use]
    pub const fn off(mut self) -> Self {
        self.is_off = true;
        self
    }
}

/// A router of a world.
#[derive(Debug)]
pub(super) struct RouterNode {
    pub(super) link: LinkId,
    pub(super) link_local: Option<Ipv6Addr>,
    pub(super) engine: Engine,
    pub(super) clock: LocalClock,
    pub(super) has_power: bool,
    /// The wake-up that is planned; others in the queue are void.
    pub(super) wake: Option<Wake>,
    pub(super) buffer: Box<[u8]>,
    hash_seed: u64,
    /// How many groups and sources its tables hold.
    room: (u32, u32),
}

/// A wake-up of a router.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wake {
    /// The deadline of the engine that it is for, by the router's clock.
    pub(super) deadline: Instant,
    /// When it comes, in the world's time.
    pub(super) at: Instant,
}

impl RouterNode {
    pub(super) fn new(link: LinkId, router: &Router, seed: u64) -> Self {
        let config = with_limits(router.config);
        let room = (config.max_groups(), config.max_sources());
        Self {
            link,
            link_local: router.link_local,
            engine: engine(config, room, seed),
            clock: LocalClock::new(router.clock, seed),
            has_power: false,
            wake: None,
            buffer: vec![0; BUFFER].into(),
            hash_seed: seed,
            room,
        }
    }

    /// Loses everything it knew.
    pub(super) fn crash(&mut self) {
        self.engine = engine(*self.engine.config(), self.room, self.hash_seed);
        self.has_power = false;
        self.wake = None;
    }

    /// Takes new settings. Its tables stay as large as they are.
    pub(super) fn reconfigure(&mut self, local: Instant, config: Config) {
        let (groups, sources) = self.room;
        let limited = config.to_builder().max_groups(groups.min(config.max_groups()));
        let limited = limited.max_sources(sources.min(config.max_sources())).build();
        self.engine.reconfigure(local, limited.unwrap_or(config));
    }
}

/// The limits that the tables set stand in the configuration too, where judges read them.
fn with_limits(config: Config) -> Config {
    let limited = config
        .to_builder()
        .max_groups(if config.max_groups() == u32::MAX { USUAL_GROUPS } else { config.max_groups() })
        .max_sources(if config.max_sources() == u32::MAX { USUAL_SOURCES } else { config.max_sources() });
    limited.build().unwrap_or(config)
}

fn engine(config: Config, (groups, sources): (u32, u32), hash_seed: u64) -> Engine {
    let groups = groups as usize + SPARE_SLOTS;
    let sources = sources as usize + SPARE_SLOTS;
    let index = IndexSlot::count_for(groups, sources);
    let tables = Tables::new(
        vec![GroupSlot::EMPTY; groups].into(),
        vec![SourceSlot::EMPTY; sources].into(),
        vec![IndexSlot::EMPTY; index].into(),
    );
    mld_proto::Router::new(config, tables.expect("the index has the size that the tables need"), hash_seed)
}
