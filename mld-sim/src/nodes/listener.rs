//! The project's own listener as the stack of a host.

use core::net::Ipv6Addr;

use mld_proto::inspect::Inspect;
use mld_proto::listener::{self, Socket};
use mld_proto::{FilterMode, IndexSlot, Instant, Listener, Version};

use crate::rng::Rng;
use crate::world::{HostSettings, HostVersion, Node, Outbox};

type Engine = Listener<
    listener::Tables<
        Box<[listener::GroupSlot]>,
        Box<[listener::FilterSlot]>,
        Box<[listener::SourceSlot]>,
        Box<[IndexSlot]>,
    >,
>;

/// The default limits of groups, sockets of groups, and sources that a host listens to.
const USUAL_SIZE: (usize, usize, usize) = (32, 64, 256);

/// [`mld_proto::Listener`] on a host.
#[derive(Debug)]
pub struct ListenerHost {
    config: listener::Config,
    seed: u64,
    /// The seed was chosen, so that no world gives it another.
    has_seed: bool,
    size: (usize, usize, usize),
    engine: Engine,
    buffer: Box<[u8]>,
}

impl ListenerHost {
    /// A listener with all defaults. Its delays follow from the world's seed and the name of its host.
    pub fn new() -> Self {
        let (config, seed, size) = (listener::Config::DEFAULT, 0, USUAL_SIZE);
        let buffer = vec![0; config.mtu().into()].into();
        Self { config, seed, has_seed: false, size, engine: engine(config, seed, size), buffer }
    }

    /// A listener that draws its delays from this seed, whatever the world's is.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        (self.seed, self.has_seed) = (seed, true);
        self.anew()
    }

    /// A listener that is configured otherwise.
    #[must_use]
    pub fn config(mut self, config: listener::Config) -> Self {
        self.config = config;
        self.buffer = vec![0; config.mtu().into()].into();
        self.anew()
    }

    /// A listener with room for so many groups, sockets of groups, and sources.
    #[must_use]
    pub fn size(mut self, groups: usize, sockets: usize, sources: usize) -> Self {
        self.size = (groups, sockets, sources);
        self.anew()
    }

    fn anew(mut self) -> Self {
        self.engine = engine(self.config, self.seed, self.size);
        self
    }

    /// Sends what is due and discards the events.
    fn drain(&mut self, now: Instant, out: &mut Outbox) {
        // The buffer holds a packet of the MTU, and the listener sends none that is larger.
        while let Ok(Some(transmit)) = self.engine.poll_transmit(now, &mut self.buffer) {
            out.send(&self.buffer[..transmit.len]);
        }
        while self.engine.poll_event().is_some() {}
    }
}

impl Default for ListenerHost {
    fn default() -> Self {
        Self::new()
    }
}

impl Node for ListenerHost {
    fn draw_from(&mut self, mut rng: Rng) {
        if !self.has_seed {
            self.seed = rng.next_u64();
            self.engine = engine(self.config, self.seed, self.size);
        }
    }

    fn start(&mut self, now: Instant, link_local: Option<Ipv6Addr>, out: &mut Outbox) {
        if self.engine.is_running() {
            self.engine.set_address(now, link_local);
        } else {
            self.engine.start(now, link_local);
        }
        self.drain(now, out);
    }

    fn crash(&mut self) {
        // After a reboot it draws other delays.
        self.seed = self.seed.wrapping_add(1);
        self.engine = engine(self.config, self.seed, self.size);
    }

    fn listen(
        &mut self,
        now: Instant,
        socket: u32,
        group: Ipv6Addr,
        mode: FilterMode,
        sources: &[Ipv6Addr],
        out: &mut Outbox,
    ) -> Result<(), String> {
        let done = self.engine.listen(now, Socket(socket), group, mode, sources);
        done.map_err(|error| error.to_string())?;
        self.drain(now, out);
        Ok(())
    }

    fn packet(&mut self, now: Instant, packet: &[u8], out: &mut Outbox) {
        // The engine counts discarded packets.
        let _ = self.engine.handle_packet(now, packet);
        self.drain(now, out);
    }

    fn timeout(&mut self, now: Instant, out: &mut Outbox) {
        // A call does bounded work; the number of calls is bounded by what can be due.
        for _ in 0..=self.size.0 + self.size.1 + self.size.2 {
            self.engine.handle_timeout(now);
            self.drain(now, out);
            if self.engine.poll_timeout().is_none_or(|deadline| deadline > now) {
                break;
            }
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.engine.poll_timeout()
    }

    fn check(&self) -> Result<(), String> {
        self.engine.check().map_err(String::from)
    }

    fn settings(&self) -> HostSettings {
        let version = match (self.config.version(), self.config.version_2_only()) {
            (Version::V1, _) => HostVersion::One,
            (Version::V2, false) => HostVersion::Two,
            (Version::V2, true) => HostVersion::TwoOnly,
        };
        HostSettings {
            version,
            robustness: self.config.robustness_variable(),
            unsolicited_report_interval_ms: self.config.unsolicited_report_interval().as_millis() as u64,
            mtu: self.config.mtu(),
        }
    }

    fn speaks_version_1(&self) -> bool {
        self.engine.compatibility_mode() == Version::V1
    }
}

fn engine(config: listener::Config, seed: u64, (groups, filters, sources): (usize, usize, usize)) -> Engine {
    let tables = listener::Tables::new(
        vec![listener::GroupSlot::EMPTY; groups].into(),
        vec![listener::FilterSlot::EMPTY; filters].into(),
        vec![listener::SourceSlot::EMPTY; sources].into(),
        vec![IndexSlot::EMPTY; IndexSlot::count_for(groups + filters, sources)].into(),
    );
    Listener::new(config, tables.expect("the index has the size that the tables need"), seed)
}
