//! A real router, and what somebody who sees all that reaches it expects of it.

use core::hash::{Hash, Hasher};
use core::time::Duration;
use std::sync::Arc;

use mld_proto::inspect::{self, Inspect};
use mld_proto::router::{GroupSlot, SourceSlot, Tables};
use mld_proto::{Config, FilterMode, GroupAddr, IndexSlot, Instant, Querier, Router};

use super::frame::{GROUP, Message, Node, SOURCE, STRANGER, address};

pub(crate) const ROBUSTNESS: u8 = 2;
pub(crate) const QUERY_INTERVAL: u64 = 10_000;
const RESPONSE_INTERVAL: u64 = 2_000;
const LAST_LISTENER_INTERVAL: u64 = 1_000;
/// Worked out by hand, not asked of the engine: RFC 9777 sections 9.4, 9.5 and 9.10.
const LISTENING_INTERVAL: u64 = 2 * 10_000 + 2 * 2_000;
const OTHER_QUERIER_INTERVAL: u64 = 2 * 10_000 + 2_000 / 2;
const LAST_LISTENER_COUNT: u64 = 2;
const LAST_LISTENER_TIME: u64 = LAST_LISTENER_COUNT * LAST_LISTENER_INTERVAL;

type Engine = Router<Tables<[GroupSlot; 1], [SourceSlot; 1], [IndexSlot; 4]>>;

/// A router. Copies share the engine until one of them does something.
#[derive(Clone, Debug)]
pub(crate) struct RouterNode {
    engine: Arc<Engine>,
    pub(crate) watch: Watch,
    /// What it did that no router may do.
    pub(crate) fault: Option<&'static str>,
}

/// Deadlines by which something must have happened at a router; 0 if there is none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Watch {
    /// Until when the router that queried last, with a lower address, counts as present.
    pub(crate) other_until: u64,
    /// Until when the last Report that wants something keeps the group.
    pub(crate) wanted_until: u64,
    /// When the group is no longer wanted as a whole unless somebody says so.
    pub(crate) group_ends: u64,
    /// When the source is no longer wanted by name unless somebody says so.
    pub(crate) source_ends: u64,
}

fn config() -> Config {
    Config::builder()
        .robustness_variable(ROBUSTNESS)
        .query_interval(Duration::from_millis(QUERY_INTERVAL))
        .query_response_interval(Duration::from_millis(RESPONSE_INTERVAL))
        .last_listener_query_interval(Duration::from_millis(LAST_LISTENER_INTERVAL))
        .build()
        .expect("valid settings")
}

fn group() -> GroupAddr {
    GroupAddr::new(GROUP).expect("a group that MLD manages")
}

impl RouterNode {
    pub(crate) fn new() -> Self {
        let engine = Router::new(config(), Tables::EMPTY, 0);
        Self { engine: Arc::new(engine), watch: Watch::default(), fault: None }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.engine.is_running()
    }

    pub(crate) fn is_querier(&self) -> bool {
        matches!(self.engine.querier(), Querier::Own(_))
    }

    pub(crate) fn querier(&self) -> Querier {
        self.engine.querier()
    }

    pub(crate) fn knows_group(&self) -> bool {
        self.engine.group(group()).is_some()
    }

    /// Whether it forwards traffic of the source that is asked for, and of another.
    pub(crate) fn forwards(&self) -> (bool, bool) {
        (self.engine.forwards(group(), SOURCE), self.engine.forwards(group(), STRANGER))
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        self.engine.poll_timeout().map(Instant::as_millis)
    }

    pub(crate) fn start(&mut self, now: u64, node: Node) -> Vec<Vec<u8>> {
        let now = Instant::from_millis(now);
        Arc::make_mut(&mut self.engine).start(now, Some(address(node)));
        self.watch = Watch::default();
        self.drain(now)
    }

    pub(crate) fn stop(&mut self, now: u64) {
        let now = Instant::from_millis(now);
        Arc::make_mut(&mut self.engine).stop(now);
        self.watch = Watch::default();
        if !self.drain(now).is_empty() {
            self.fault = Some("a stopped router sends");
        }
        self.settle(now.as_millis());
    }

    /// Receives a packet; returns what it sends.
    pub(crate) fn receive(
        &mut self,
        now: u64,
        from: Node,
        to: Node,
        message: Message,
        packet: &[u8],
    ) -> Vec<Vec<u8>> {
        self.watch(now, from < to, message);
        let now = Instant::from_millis(now);
        if Arc::make_mut(&mut self.engine).handle_packet(now, packet).is_err() {
            self.fault = Some("a valid packet is refused");
        }
        let sent = self.drain(now);
        self.settle(now.as_millis());
        sent
    }

    /// Ends what is over at `now`; returns what it sends.
    pub(crate) fn fire(&mut self, now: u64) -> Vec<Vec<u8>> {
        let at = Instant::from_millis(now);
        let mut sent = Vec::new();
        for _ in 0..4 {
            Arc::make_mut(&mut self.engine).handle_timeout(at);
            sent.append(&mut self.drain(at));
            if self.deadline().is_none_or(|deadline| deadline > now) {
                return sent;
            }
        }
        self.fault = Some("it asks to come back again and again");
        sent
    }

    /// Sets its clock without ending what is over at that moment.
    pub(crate) fn arrive(&mut self, now: u64) {
        if !self.drain(Instant::from_millis(now)).is_empty() {
            self.fault = Some("a packet of its own accord");
        }
        self.settle(now);
    }

    /// Whether something is over and not come to.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// It may ask to be called earlier than need be: then that is done, and nothing differs but the time for which
    /// it asks next.
    fn settle(&mut self, now: u64) {
        if self.fault.is_some() || !self.is_due(now) {
            return;
        }
        let mut later = self.clone();
        let silent = later.fire(now).is_empty();
        if later.fault.is_some() || silent && inspect::same_situation(&later.engine, &self.engine) {
            *self = later;
        }
    }

    /// Polls everything.
    fn drain(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let engine = Arc::make_mut(&mut self.engine);
        let mut sent = Vec::new();
        let mut buffer = [0; 1500];
        while let Some(transmit) = engine.poll_transmit(now, &mut buffer).expect("a large buffer is enough") {
            sent.push(buffer[..transmit.len].to_vec());
        }
        while engine.poll_event().is_some() {}
        if let Err(fault) = engine.check() {
            self.fault = Some(fault);
        }
        sent
    }

    fn watch(&mut self, now: u64, from_lower: bool, message: Message) {
        let asks = self.is_querier();
        let watch = &mut self.watch;
        let sooner = |ends: &mut u64, deadline: u64| {
            *ends = if *ends == 0 { deadline } else { deadline.min(*ends) };
        };
        match message {
            Message::General => {}
            Message::Specific { suppress: true, .. } => {}
            Message::Specific { source, suppress: false, delay_ms } => {
                let ends = if source { &mut watch.source_ends } else { &mut watch.group_ends };
                sooner(ends, now + LAST_LISTENER_COUNT * delay_ms);
            }
            Message::Wants { source } => {
                watch.wanted_until = now + LISTENING_INTERVAL;
                watch.source_ends = 0;
                if !source {
                    watch.group_ends = 0;
                }
            }
            Message::Leaves { source } if asks => {
                sooner(&mut watch.source_ends, now + LAST_LISTENER_TIME);
                if !source {
                    sooner(&mut watch.group_ends, now + LAST_LISTENER_TIME);
                }
            }
            Message::Leaves { .. } => {}
        }
        if from_lower && matches!(message, Message::General | Message::Specific { .. }) {
            watch.other_until = now + OTHER_QUERIER_INTERVAL;
        }
    }

    /// The filter mode, for people.
    pub(crate) fn text(&self) -> String {
        let group = self.engine.group(group()).map_or_else(
            || "-".to_owned(),
            |group| {
                let sources: Vec<_> =
                    group.sources().map(|source| source.expires().map(Instant::as_millis)).collect();
                match group.filter_mode() {
                    FilterMode::Include => format!("include {sources:?}"),
                    FilterMode::Exclude => format!("exclude@{} {sources:?}", group.expires().as_millis()),
                }
            },
        );
        let role = if self.is_up() { self.engine.querier().role() } else { "down" };
        format!("{role} {group} {}", self.fault.unwrap_or_default())
    }

    pub(crate) fn hash(&self, now: u64, hasher: &mut impl Hasher) {
        inspect::hash_situation(&self.engine, hasher);
        self.watch.words(now).hash(hasher);
        self.fault.hash(hasher);
    }

    pub(crate) fn is_like(&self, now: u64, other: &Self, other_now: u64) -> bool {
        self.fault == other.fault
            && self.watch.words(now) == other.watch.words(other_now)
            && inspect::same_situation(&self.engine, &other.engine)
    }
}

impl Watch {
    fn words(&self, now: u64) -> [u64; 4] {
        [self.other_until, self.wanted_until, self.group_ends, self.source_ends].map(|at| left(at, now))
    }
}

/// How long it is to a deadline; those that are over are alike.
pub(crate) const fn left(deadline: u64, now: u64) -> u64 {
    match deadline {
        0 => 0,
        _ if deadline < now => 1,
        _ => 2 + deadline - now,
    }
}
