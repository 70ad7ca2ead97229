//! One router over one capture, in virtual time.

use core::fmt;
use core::net::Ipv6Addr;
use std::io::Read;

use mld_proto::document::{EventBatch, EventDocument, InterfaceDocument, Order, SourceDocument, tell_items};
use mld_proto::router::{GroupRef, GroupSlot, SPARE_SLOTS, SourceSlot, Tables};
use mld_proto::wire::Packet;
use mld_proto::{Config, Discard, Event, IndexSlot, Instant, Router, TablesError};

use crate::capture::{Capture, CaptureError, Frame};
use crate::time::Seconds;

/// What the interface of a replay is called.
pub const INTERFACE: &str = "replay";
/// Every run hashes alike, so that every run is the same.
const HASH_SEED: u64 = 0x9777_2710_8652_4607;

/// A router whose tables have the size that its configuration asks for.
pub type BoxedRouter = Router<Tables<Box<[GroupSlot]>, Box<[SourceSlot]>, Box<[IndexSlot]>>>;
/// The state of such a router as a document.
pub type State<'r> = InterfaceDocument<'r, Vec<GroupRef<'r>>, Vec<SourceDocument>>;

/// What a replay does.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The router's link-local address.
    pub address: Ipv6Addr,
    /// When the interface comes up, in milliseconds of the capture's clock; with the first frame if not set.
    pub start_ms: Option<u64>,
    /// When the run ends; with the last frame if not set.
    pub until_ms: Option<u64>,
    /// The settings of the interface.
    pub config: Config,
}

/// Is told what happens, in order.
pub trait Observer {
    /// Why it cannot go on.
    type Error;

    /// The router tells something.
    ///
    /// # Errors
    ///
    /// Ends the replay.
    fn event(&mut self, event: EventDocument<'_>) -> Result<(), Self::Error>;

    /// The router sends an IPv6 packet to the group `destination`.
    ///
    /// # Errors
    ///
    /// Ends the replay.
    fn transmit(&mut self, time_ms: u64, destination: Ipv6Addr, packet: &[u8]) -> Result<(), Self::Error>;
}

/// Why a replay ended early.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReplayError<E> {
    /// The capture cannot be used.
    Capture(CaptureError),
    /// The end lies before the start, in milliseconds of the capture's clock.
    EndBeforeStart {
        /// When the interface would have come up.
        start_ms: u64,
        /// When the run would have ended.
        end_ms: u64,
    },
    /// There is no memory for the configured limits.
    Memory,
    /// The observer cannot go on.
    Observer(E),
}

/// Runs a router over `capture` and yields it as it is at the end, still up.
///
/// A packet's time is rounded down to the millisecond; one that is older than its predecessor counts as simultaneous
/// with it. Timers that end at the time of a packet end after it. Frames before the start are only counted. A capture
/// without frames has no first frame: the interface comes up only at a start that is given.
///
/// # Errors
///
/// See [`ReplayError`]; what happened until then has been observed.
pub fn replay<R: Read, O: Observer>(
    capture: &mut Capture<R>,
    options: &Options,
    observer: &mut O,
) -> Result<BoxedRouter, ReplayError<O::Error>> {
    let mut run = Run::new(options, observer)?;
    let mut start_ms = options.start_ms;
    let mut last_ms = None;
    while let Some(frame) = capture.next_frame().map_err(ReplayError::Capture)? {
        let now_ms = frame.time_ms.max(last_ms.unwrap_or(0));
        let start_ms = *start_ms.get_or_insert(now_ms);
        if options.until_ms.is_some_and(|until_ms| until_ms < now_ms.max(start_ms)) {
            break;
        }
        last_ms = Some(now_ms);
        run.frame(start_ms, now_ms, &frame).map_err(ReplayError::Observer)?;
    }
    if let Some(start_ms) = start_ms {
        let end_ms = options.until_ms.or(last_ms).unwrap_or(start_ms);
        if end_ms < start_ms {
            return Err(ReplayError::EndBeforeStart { start_ms, end_ms });
        }
        run.finish(start_ms, end_ms).map_err(ReplayError::Observer)?;
    }
    Ok(run.router)
}

struct Run<'o, O> {
    router: BoxedRouter,
    observer: &'o mut O,
    address: Ipv6Addr,
    batch: EventBatch<Vec<Event>, Vec<Ipv6Addr>>,
    buffer: Box<[u8]>,
}

impl<'o, O: Observer> Run<'o, O> {
    fn new(options: &Options, observer: &'o mut O) -> Result<Self, ReplayError<O::Error>> {
        let tables = tables(&options.config).ok_or(ReplayError::Memory)?;
        Ok(Self {
            router: Router::new(options.config, tables.map_err(|_| ReplayError::Memory)?, HASH_SEED),
            observer,
            address: options.address,
            batch: EventBatch::default(),
            buffer: vec![0; options.config.mtu().into()].into(),
        })
    }

    fn frame(&mut self, start_ms: u64, now_ms: u64, frame: &Frame<'_>) -> Result<(), O::Error> {
        let Some(payload) = frame.payload() else {
            self.router.stats_mut().count_discard(Discard::NotMld);
            return Ok(());
        };
        if payload.other_vlan || now_ms < start_ms {
            let reason = match Packet::parse(payload.packet) {
                Err(Discard::NotMld) => Discard::NotMld,
                _ if payload.other_vlan => Discard::OtherVlan,
                _ => Discard::BeforeStart,
            };
            self.router.stats_mut().count_discard(reason);
            return Ok(());
        }
        self.start(start_ms)?;
        self.end_timers(|deadline| deadline < Instant::from_millis(now_ms))?;
        let observer = &mut *self.observer;
        // A packet that is ignored has been counted.
        if let Ok(items) = self.router.handle_packet(Instant::from_millis(now_ms), payload.packet) {
            tell_items(items, now_ms, INTERFACE, |event| observer.event(event))?;
        }
        self.drain(now_ms, Order::Polled)
    }

    /// Brings the interface up unless it is.
    fn start(&mut self, start_ms: u64) -> Result<(), O::Error> {
        if self.router.is_running() {
            return Ok(());
        }
        self.router.start(Instant::from_millis(start_ms), Some(self.address));
        self.drain(start_ms, Order::Polled)
    }

    fn finish(&mut self, start_ms: u64, end_ms: u64) -> Result<(), O::Error> {
        self.start(start_ms)?;
        let end = Instant::from_millis(end_ms);
        self.end_timers(|deadline| deadline <= end)?;
        // The state is that of the last moment, even if nothing happened in it.
        self.router.handle_timeout(end);
        self.drain(end_ms, Order::Ascending)
    }

    /// Ends the timers that are `due`, each at its own time.
    fn end_timers(&mut self, due: impl Fn(Instant) -> bool) -> Result<(), O::Error> {
        while let Some(now) = self.router.poll_timeout().filter(|deadline| due(*deadline)) {
            // All timers of the instant belong together, and one call does bounded work.
            while self.router.poll_timeout().is_some_and(|deadline| deadline <= now) {
                self.router.handle_timeout(now);
                self.transmit(now.as_millis())?;
                self.batch.poll(&mut self.router);
            }
            self.drain(now.as_millis(), Order::Ascending)?;
        }
        Ok(())
    }

    fn drain(&mut self, now_ms: u64, order: Order) -> Result<(), O::Error> {
        self.transmit(now_ms)?;
        self.batch.poll(&mut self.router);
        let observer = &mut *self.observer;
        self.batch.tell(&self.router, now_ms, INTERFACE, order, |event| observer.event(event))
    }

    fn transmit(&mut self, now_ms: u64) -> Result<(), O::Error> {
        // The buffer holds a packet of the MTU, and the router sends none that is larger.
        while let Ok(Some(packet)) = self.router.poll_transmit(Instant::from_millis(now_ms), &mut self.buffer)
        {
            self.observer.transmit(now_ms, packet.destination, &self.buffer[..packet.len])?;
        }
        Ok(())
    }
}

type BoxedTables = Tables<Box<[GroupSlot]>, Box<[SourceSlot]>, Box<[IndexSlot]>>;

/// Tables for the configured limits; `None` if there is no memory for them.
fn tables(config: &Config) -> Option<Result<BoxedTables, TablesError>> {
    let groups = config.max_groups() as usize + SPARE_SLOTS;
    let sources = config.max_sources() as usize + SPARE_SLOTS;
    let index = IndexSlot::count_for(groups, sources);
    Some(Tables::new(
        slots(GroupSlot::EMPTY, groups)?,
        slots(SourceSlot::EMPTY, sources)?,
        slots(IndexSlot::EMPTY, index)?,
    ))
}

fn slots<T: Clone>(empty: T, count: usize) -> Option<Box<[T]>> {
    let mut slots = Vec::new();
    slots.try_reserve_exact(count).ok()?;
    slots.resize(count, empty);
    Some(slots.into())
}

impl<E: fmt::Display> fmt::Display for ReplayError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capture(error) => error.fmt(f),
            Self::EndBeforeStart { start_ms, end_ms } => {
                write!(
                    f,
                    "the end, {}, must not be before the start, {}",
                    Seconds(*end_ms),
                    Seconds(*start_ms)
                )
            }
            Self::Memory => f.write_str("no memory for so many groups and sources: max-groups, max-sources"),
            Self::Observer(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for ReplayError<E> {}
