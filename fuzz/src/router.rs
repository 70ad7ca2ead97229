//! Two routers get the same packets and the same time. One is polled as the documentation says, the other as the input
//! says. Both must keep every promise, and know the same of the link.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;
use std::time::Duration;

use mld_proto::router::{GroupSlot, Interpretations, Item, QuerierMode, SourceSlot, Tables};
use mld_proto::wire::{Message, Packet};
use mld_proto::{
    Config, Discard, Event, FilterMode, GroupAddr, IndexSlot, Instant, MessageMeta, Querier, Router,
    SsmRange, Version, inline_tables,
};

use crate::input::{Input, beginning};
use crate::snapshot::{Snapshot, View};
use crate::wire;

/// Slots beyond the limits of [`Room::Ample`]: a group that is gone keeps its slot until its end was polled, and a
/// router that is not polled may then refuse what another admits.
const SPARE_SLOTS: usize = 100;
/// Groups that packets may name before all that is due in both routers is processed.
const NAMED_MAX: usize = 40;
const GROUPS_MAX: u32 = 4;
const GROUP_SOURCES_MAX: u32 = 4;
const SOURCES_MAX: u32 = 6;
/// Polls that may pass before everything must have been said. Tiny tables have little to say.
const POLLS_MAX: usize = 500;
/// Wake-ups of the well polled router between two calls, before it jumps.
const WAKEUPS_MAX: usize = 60;

type Memory = Tables<Box<[GroupSlot]>, Box<[SourceSlot]>, Box<[IndexSlot]>>;

/// How large the tables are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    /// As large as the limits: the routers need not agree, because one is full earlier.
    Tight,
    /// So large that the limits decide.
    Ample,
}

impl Room {
    fn tables(self) -> Memory {
        let spare = if self == Self::Ample { SPARE_SLOTS } else { 0 };
        let (groups, sources) = (GROUPS_MAX as usize + spare, SOURCES_MAX as usize + spare);
        Tables::new(
            vec![GroupSlot::EMPTY; groups].into(),
            vec![SourceSlot::EMPTY; sources].into(),
            vec![IndexSlot::EMPTY; IndexSlot::count_for(groups, sources)].into(),
        )
        .expect("the index fits")
    }
}

/// Runs one input: settings, then calls.
///
/// # Panics
///
/// If a router breaks a promise.
pub fn run(octets: &[u8]) {
    let mut input = Input(octets);
    let config = config(&mut input);
    let setup = input.octet();
    let room = if setup & 1 == 1 { Room::Tight } else { Room::Ample };
    let mut bench = Bench {
        room,
        prompt: Subject::new(config, room),
        lazy: Subject::new(config, room),
        now: beginning(setup >> 1),
        named: BTreeSet::new(),
    };
    bench.start(Some(wire::LINK_LOCALS[2]));
    while !input.is_empty() {
        bench.call(&mut input);
        bench.check();
    }
    bench.settle();
    bench.check();
}

struct Bench {
    room: Room,
    prompt: Subject,
    lazy: Subject,
    now: Instant,
    /// Groups that packets have named since all that was due in both routers was last processed.
    named: BTreeSet<GroupAddr>,
}

impl Bench {
    fn call(&mut self, input: &mut Input<'_>) {
        let mut buffer = [0; 1500];
        match input.octet() % 16 {
            0..=4 => {
                let len = wire::build(input, &mut buffer);
                self.packet(&buffer[..len], Door::Packet);
            }
            5 => {
                let len = wire::build(input, &mut buffer);
                let len = wire::damage(input, &mut buffer[..len]);
                self.packet(&buffer[..len], Door::Packet);
            }
            6 => {
                let len = wire::raw(input, &mut buffer);
                self.packet(&buffer[..len], Door::Packet);
            }
            7 => {
                let door = input.pick(&[Door::Verified, Door::Message, Door::OwnHost]);
                let len = wire::build(input, &mut buffer);
                self.packet(&buffer[..len], door);
            }
            8 => {
                self.now = self.now + input.step();
                self.timeout();
            }
            // Time passes without a call of the routers.
            9 => self.now = self.now + input.step(),
            10 => {
                let len = input.pick(&[0, 47, 48, 75, 76, 91, 92, 108, 1280, 1500]);
                self.lazy.transmit(self.now, &mut buffer[..len]);
            }
            11 => {
                self.lazy.event();
            }
            12 => self.settle(),
            13 => self.timeout(),
            14 => {
                let config = config(input);
                self.prompt_until(self.now);
                for subject in [&mut self.prompt, &mut self.lazy] {
                    subject.reconfigure(self.now, config);
                    // Groups that the settings no longer admit are forgotten bit by bit.
                    subject.finish_timers(self.now);
                }
                self.prompt.drain(self.now);
            }
            _ => {
                let address = input.pick(&[None, Some(wire::LINK_LOCALS[2]), Some(wire::LINK_LOCALS[4])]);
                match input.octet() % 4 {
                    0 => self.start(address),
                    1 => self.stop(),
                    _ => self.set_address(address),
                }
            }
        }
    }

    fn start(&mut self, address: Option<Ipv6Addr>) {
        self.prompt_until(self.now);
        for subject in [&mut self.prompt, &mut self.lazy] {
            subject.ended = None;
            subject.router.start(self.now, address);
        }
        self.prompt.drain(self.now);
    }

    fn stop(&mut self) {
        self.prompt_until(self.now);
        for subject in [&mut self.prompt, &mut self.lazy] {
            subject.ended = None;
            subject.router.stop(self.now);
            // A start reports the querier again.
            subject.querier = None;
            assert!(!subject.router.is_running());
            assert_eq!(subject.router.groups().count(), 0);
        }
        self.prompt.drain(self.now);
    }

    fn set_address(&mut self, address: Option<Ipv6Addr>) {
        self.prompt_until(self.now);
        for subject in [&mut self.prompt, &mut self.lazy] {
            subject.ended = None;
            subject.router.set_address(self.now, address);
        }
        self.prompt.drain(self.now);
    }

    fn packet(&mut self, octets: &[u8], door: Door) {
        self.prompt_until(self.now);
        let prompt = self.prompt.packet(self.now, octets, door);
        let lazy = self.lazy.packet(self.now, octets, door);
        if self.room == Room::Ample {
            assert_eq!(prompt, lazy, "what a packet is does not depend on earlier polls");
        }
        self.prompt.drain(self.now);
        for item in prompt.into_iter().flatten() {
            if let Item::Report { group, .. } | Item::Done { group, .. } | Item::Limit { group, .. } = item {
                self.named.insert(group);
            }
        }
        if self.named.len() > NAMED_MAX {
            self.settle();
        }
    }

    fn timeout(&mut self) {
        self.prompt_until(self.now);
        for subject in [&mut self.prompt, &mut self.lazy] {
            subject.finish_timers(self.now);
        }
        self.prompt.drain(self.now);
    }

    /// Both routers have ended, said and sent everything of this moment.
    fn settle(&mut self) {
        self.prompt_until(self.now);
        for subject in [&mut self.prompt, &mut self.lazy] {
            subject.settle(self.now);
        }
        self.named.clear();
    }

    /// Steps the well polled router through everything before `until`.
    fn prompt_until(&mut self, until: Instant) {
        for _ in 0..WAKEUPS_MAX {
            match self.prompt.router.poll_timeout() {
                Some(at) if at < until => {
                    self.prompt.router.handle_timeout(at);
                    self.prompt.drain(at);
                }
                _ => return,
            }
        }
    }

    fn check(&self) {
        let prompt = View::of(&self.prompt.router);
        let lazy = View::of(&self.lazy.router);
        prompt.check(&self.prompt.router);
        lazy.check(&self.lazy.router);
        if self.room == Room::Ample && self.prompt.router.now() == self.lazy.router.now() {
            assert_eq!(prompt, lazy, "what is known of the link does not depend on polls");
        }
    }
}

/// Through which call a packet comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Packet,
    Verified,
    Message,
    OwnHost,
}

/// A router, and the state that it has reported.
struct Subject {
    room: Room,
    router: Router<Memory>,
    told: BTreeMap<GroupAddr, (FilterMode, BTreeSet<Ipv6Addr>)>,
    querier: Option<Querier>,
    /// A group whose timeout was just reported: its membership event comes next.
    ended: Option<GroupAddr>,
    /// Groups whose timeout was reported and whose membership was not: it is reported even if they are back meanwhile.
    awaited: BTreeSet<GroupAddr>,
}

impl Subject {
    fn new(config: Config, room: Room) -> Self {
        let tables = room.tables();
        Self {
            room,
            router: Router::new(config, tables, 7),
            told: BTreeMap::new(),
            querier: None,
            ended: None,
            awaited: BTreeSet::new(),
        }
    }

    fn packet(&mut self, now: Instant, octets: &[u8], door: Door) -> Result<Vec<Item>, Discard> {
        self.ended = None;
        // A packet brings time with it, and time may end things: only then may a refused packet change anything.
        let before = (self.router.now() == now).then(|| Snapshot::of(&self.router));
        let taken = match door {
            Door::Packet => self.router.handle_packet(now, octets).map(Iterator::collect),
            Door::Verified => self.router.handle_verified_packet(now, octets).map(Iterator::collect),
            Door::Message | Door::OwnHost => {
                let packet = Packet::parse(octets).expect("a packet that was built");
                let meta = MessageMeta {
                    source: packet.source,
                    destination: packet.destination,
                    hop_limit: packet.hop_limit,
                    router_alert: packet.router_alert,
                    checksum_verified: false,
                    own_host: door == Door::OwnHost,
                };
                self.router.handle_message(now, &meta, packet.message).map(Iterator::collect)
            }
        };
        if let (Err(reason), Some(before)) = (&taken, before) {
            before.assert_refused(&self.router, *reason);
        }
        taken
    }

    fn reconfigure(&mut self, now: Instant, config: Config) {
        self.ended = None;
        self.router.reconfigure(now, config);
    }

    fn finish_timers(&mut self, now: Instant) {
        self.ended = None;
        for _ in 0..POLLS_MAX {
            let before = self.router.poll_timeout();
            self.router.handle_timeout(now);
            if before == self.router.poll_timeout() {
                return;
            }
        }
    }

    /// Everything of this moment, until there is nothing left.
    fn settle(&mut self, now: Instant) {
        for _ in 0..POLLS_MAX {
            self.router.handle_timeout(now);
            self.drain(now);
            if self.router.poll_timeout().is_none_or(|at| at > now) {
                View::of(&self.router).assert_usage(&self.router);
                return;
            }
        }
        panic!("no progress: {:?} at {now:?}", self.router.poll_timeout());
    }

    fn drain(&mut self, now: Instant) {
        let mut buffer = [0; 1500];
        for _ in 0..POLLS_MAX {
            let sent = self.transmit(now, &mut buffer);
            let told = self.event();
            if !sent && !told {
                if self.router.poll_timeout().is_none_or(|at| at > now) {
                    self.assert_all_told();
                }
                return;
            }
        }
        panic!("output without end");
    }

    fn transmit(&mut self, now: Instant, buffer: &mut [u8]) -> bool {
        self.ended = None;
        let now = now.max(self.router.now());
        let due = self.router.poll_timeout();
        let len = buffer.len();
        let transmit = match self.router.poll_transmit(now, buffer) {
            Ok(None) => return false,
            Ok(Some(transmit)) => transmit,
            Err(small) => {
                assert!(small.needed > len && small.needed <= 1280, "{small}");
                let mut buffer = vec![0; small.needed];
                let again = self.router.poll_transmit(now, &mut buffer);
                assert!(
                    matches!(again, Ok(Some(_))),
                    "a buffer of {} octets would do: {again:?}",
                    small.needed
                );
                return true;
            }
        };
        assert!(due.is_some_and(|at| at <= now), "a packet was due and {due:?} did not say so at {now:?}");
        assert_eq!(self.router.config().querier(), QuerierMode::Auto, "a passive router never sends");
        assert!(transmit.len <= usize::from(self.router.config().mtu()));
        let octets = &buffer[..transmit.len];
        let packet = Packet::parse(octets).expect("what is sent can be read");
        assert_eq!(packet.destination, transmit.destination);
        assert_eq!(Some(packet.source), self.router.link_local());
        let version = self.router.config().version();
        let Ok(Message::Query(query)) = Message::parse(packet.message, Version::V2) else {
            panic!("only Queries are sent");
        };
        assert_eq!(query.version, version);
        if query.is_general() {
            assert!(matches!(self.router.querier(), Querier::Own(_)), "only the querier asks for all groups");
        }
        accepted_elsewhere(now, octets, packet.source);
        true
    }

    fn event(&mut self) -> bool {
        let due = self.router.poll_timeout();
        let Some(event) = self.router.poll_event() else { return false };
        let now = self.router.now();
        assert!(due.is_some_and(|at| at <= now), "{event:?} waited and {due:?} did not say so at {now:?}");
        if let Some(group) = self.ended.take() {
            assert_eq!(event, Event::Membership(group), "a membership follows the end");
        }
        match event {
            Event::Querier => {
                let querier = Some(self.router.querier());
                assert_ne!(querier, self.querier, "the querier was told again");
                self.querier = querier;
            }
            Event::Timeout(group) => {
                assert!(self.told.contains_key(&group), "what ends had been told");
                assert!(self.router.group(group).is_none());
                self.ended = Some(group);
                self.awaited.insert(group);
            }
            Event::Membership(group) => {
                let before = self.told.remove(&group);
                let after = self.router.group(group).map(membership);
                // A full table reuses the slot of a deleted source, and then knows only that something changed.
                let certain = self.room == Room::Ample && !self.awaited.contains(&group);
                assert!(before != after || !certain, "{group} was told again: {after:?}");
                self.awaited.remove(&group);
                if let Some(after) = after {
                    self.told.insert(group, after);
                }
            }
            Event::Stopped => {
                assert!(self.told.is_empty(), "groups are told before the stop");
                self.querier = None;
            }
            _ => panic!("an event without a name"),
        }
        true
    }

    fn assert_all_told(&self) {
        let present: BTreeMap<_, _> =
            self.router.groups().map(|group| (group.address(), membership(group))).collect();
        assert_eq!(self.told, present, "what was last told is so");
        assert!(self.awaited.is_empty(), "a membership follows each end");
        if self.router.is_running() {
            assert_eq!(self.querier, Some(self.router.querier()));
        }
    }
}

/// The sources of a membership event: the wanted ones in include mode, the blocked ones in exclude mode.
fn membership(group: mld_proto::router::GroupRef<'_>) -> (FilterMode, BTreeSet<Ipv6Addr>) {
    let wanted = group.filter_mode() == FilterMode::Include;
    let sources = group.sources().filter(|source| source.is_forwarding() == wanted);
    (group.filter_mode(), sources.map(|source| source.address()).collect())
}

/// Another router of either version reads what this one sends.
fn accepted_elsewhere(now: Instant, octets: &[u8], sender: Ipv6Addr) {
    for version in [Version::V1, Version::V2] {
        let config = Config::builder().version(version).querier(QuerierMode::Never).build().unwrap();
        let mut other = Router::new(config, inline_tables!(groups: 1, sources: 1), 7);
        other.start(now, Some(wire::LINK_LOCALS[5]));
        assert!(other.handle_packet(now, octets).is_ok(), "a version {} router reads it", version.number());
        assert_eq!(other.querier(), Querier::Other(sender));
    }
}

fn config(input: &mut Input<'_>) -> Config {
    let (flags, interpretations) = (input.octet(), input.octet());
    let flag = |bit: u8| flags >> bit & 1 != 0;
    let reading = |bit: u8| interpretations >> bit & 1 != 0;
    let mut chosen = Interpretations::default();
    chosen.legacy_mali = reading(0);
    chosen.strict_query_destination = reading(1);
    chosen.ignore_v1_querier = reading(2);
    chosen.version_1_reads_version_2_reports = reading(3);
    chosen.version_2_only = reading(4);
    chosen.ignore_link_local_groups = reading(5);
    Config::builder()
        .version(if flag(0) { Version::V1 } else { Version::V2 })
        .querier(if flag(1) { QuerierMode::Never } else { QuerierMode::Auto })
        .immediate_leave(flag(2))
        .require_router_alert(!flag(3))
        .ssm_range(if flag(4) { SsmRange::EMPTY } else { SsmRange::RFC_4607 })
        .robustness_variable(1 + (flags >> 5 & 3))
        .query_interval(Duration::from_secs(if flag(7) { 20 } else { 125 }))
        .max_groups(GROUPS_MAX)
        .max_group_sources(GROUP_SOURCES_MAX)
        .max_sources(SOURCES_MAX)
        .mtu(1280)
        .interpretations(chosen)
        .build()
        .expect("the settings are allowed")
}
