//! Routers in virtual time, with typed packets in and readable facts out.
//!
//! A [`Bench`] steps its router from deadline to deadline as a driver would, and checks invariants after every step:
//! the reported state is the present one, `forwards` follows the state, no state outlives its deadline, and a strict
//! receiver accepts every packet sent.
#![allow(dead_code, unused_imports, reason = "each test program uses a part of the harness")]

pub(crate) mod link;
pub(crate) mod model;
pub(crate) mod packets;

use core::fmt::Write as _;
use core::net::Ipv6Addr;
use core::time::Duration;
use std::collections::BTreeMap;

use mld_proto::inspect::Inspect;
use mld_proto::router::{
    ConfigBuilder, GroupRef, GroupSlot, GroupState, Interpretations, Item, Limit, SourceSlot, Tables,
};
use mld_proto::wire::RecordType;
use mld_proto::{
    Config, Discard, Event, FilterMode, GroupAddr, IndexSlot, Instant, Querier, Router, Version,
};

pub(crate) use packets::{Ask, Rec, Sent, allow, block, is_ex, is_in, to_ex, to_in};

/// Groups of global scope.
pub(crate) const G: GroupAddr = group(0xff0e_0000_0000_0000_0000_0000_0001_0001);
pub(crate) const G2: GroupAddr = group(0xff0e_0000_0000_0000_0000_0000_0001_0002);
pub(crate) const G3: GroupAddr = group(0xff0e_0000_0000_0000_0000_0000_0001_0003);
/// A group of source-specific multicast.
pub(crate) const SSM: GroupAddr = group(0xff3e_0000_0000_0000_0000_0000_8000_0001);
/// A group of link-local scope.
pub(crate) const LOCAL: GroupAddr = group(0xff02_0000_0000_0000_0000_0000_0000_00fb);

/// The router under test, unless a test says otherwise.
pub(crate) const ROUTER: Ipv6Addr = link_local(0x10);
/// Routers that win against [`ROUTER`]; [`LOWEST`] wins against both.
pub(crate) const LOWER: Ipv6Addr = link_local(0x5);
pub(crate) const LOWEST: Ipv6Addr = link_local(0x1);
/// A router that loses against [`ROUTER`].
pub(crate) const HIGHER: Ipv6Addr = link_local(0x20);
pub(crate) const HOST_A: Ipv6Addr = link_local(0xa);
pub(crate) const HOST_B: Ipv6Addr = link_local(0xb);

pub(crate) const S1: Ipv6Addr = source(1);
pub(crate) const S2: Ipv6Addr = source(2);
pub(crate) const S3: Ipv6Addr = source(3);
pub(crate) const S4: Ipv6Addr = source(4);
pub(crate) const S5: Ipv6Addr = source(5);

/// The source that is called `S<number>`.
pub(crate) const fn source(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number)
}

/// fe80:: with this interface identifier.
pub(crate) const fn link_local(identifier: u64) -> Ipv6Addr {
    Ipv6Addr::from_bits(0xfe80 << 112 | identifier as u128)
}

/// The group of these bits.
pub(crate) const fn group(bits: u128) -> GroupAddr {
    match GroupAddr::new(Ipv6Addr::from_bits(bits)) {
        Ok(group) => group,
        Err(_) => panic!("a group that MLD manages"),
    }
}

/// Settings that are known to be valid.
pub(crate) fn config(change: impl FnOnce(ConfigBuilder) -> ConfigBuilder) -> Config {
    change(Config::builder()).build().expect("valid settings")
}

/// Settings with one reading of the standards chosen.
pub(crate) fn reading(choose: impl FnOnce(&mut Interpretations)) -> Config {
    let mut interpretations = Interpretations::default();
    choose(&mut interpretations);
    config(|c| c.interpretations(interpretations))
}

/// The settings of a version 1 interface.
pub(crate) fn version_1() -> Config {
    config(|c| c.version(Version::V1))
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) type BoxedTables = Tables<Box<[GroupSlot]>, Box<[SourceSlot]>, Box<[IndexSlot]>>;

/// Tables on the heap.
pub(crate) fn tables(groups: usize, sources: usize) -> BoxedTables {
    Tables::new(
        vec![GroupSlot::EMPTY; groups].into_boxed_slice(),
        vec![SourceSlot::EMPTY; sources].into_boxed_slice(),
        vec![IndexSlot::EMPTY; IndexSlot::count_for(groups, sources)].into_boxed_slice(),
    )
    .expect("tables that fit together")
}

/// Something that the router said, with the state that a reader finds at that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Item(Item),
    Querier(Querier),
    Timeout(GroupAddr),
    /// `None`: no listeners.
    Membership(GroupAddr, Option<Membership>),
    Stopped,
}

/// The contents of a membership event: the filter mode, and the sources with a running timer or the blocked ones.
pub(crate) type Membership = (FilterMode, Vec<Ipv6Addr>);

/// One router, its clock, and what it said and sent.
pub(crate) struct Bench {
    pub(crate) router: Router<BoxedTables>,
    sent: Vec<Sent>,
    told: Vec<(u64, Told)>,
    mirror: BTreeMap<GroupAddr, Membership>,
    /// The packets of `sent`, for a [`link::Link`] to carry.
    outbox: Vec<(u64, Vec<u8>)>,
}

impl Bench {
    /// A router of default settings that has just become querier.
    pub(crate) fn querier() -> Self {
        Self::querier_with(Config::DEFAULT)
    }

    /// A router that has just become querier.
    pub(crate) fn querier_with(config: Config) -> Self {
        let mut bench = Self::started(config);
        assert_eq!(bench.router.querier(), Querier::Own(ROUTER));
        bench.forget();
        bench
    }

    /// A router of default settings that knows [`LOWER`] as querier.
    pub(crate) fn non_querier() -> Self {
        Self::non_querier_with(Config::DEFAULT)
    }

    /// A router that knows [`LOWER`] as querier, which announces the defaults.
    pub(crate) fn non_querier_with(config: Config) -> Self {
        let mut bench = Self::started(config);
        let mut query = Ask::general(LOWER);
        if config.version() == Version::V1 {
            query = query.v1();
        }
        bench.query(0, query);
        assert_eq!(bench.router.querier(), Querier::Other(LOWER));
        bench.forget();
        bench
    }

    /// A router started at 0 with the address [`ROUTER`]; what it said and sent can be read.
    pub(crate) fn started(config: Config) -> Self {
        Self::started_as(config, ROUTER)
    }

    /// A router started at 0 with this address.
    pub(crate) fn started_as(config: Config, address: Ipv6Addr) -> Self {
        let mut bench = Self::stopped(config, 256, 1024);
        bench.start(0, Some(address));
        bench
    }

    /// A router that has not been started.
    pub(crate) fn stopped(config: Config, groups: usize, sources: usize) -> Self {
        Self {
            router: Router::new(config, tables(groups, sources), 0x5eed),
            sent: Vec::new(),
            told: Vec::new(),
            mirror: BTreeMap::new(),
            outbox: Vec::new(),
        }
    }

    /// Starts the router.
    pub(crate) fn start(&mut self, at: u64, address: Option<Ipv6Addr>) {
        self.router.start(Instant::from_millis(at), address);
        self.drain(at);
    }

    /// Stops the router; its events name the groups in ascending order.
    pub(crate) fn stop(&mut self, at: u64) {
        self.step_before(at);
        self.router.stop(Instant::from_millis(at));
        self.command_done(at);
    }

    /// Changes the address.
    pub(crate) fn set_address(&mut self, at: u64, address: Option<Ipv6Addr>) {
        self.step_before(at);
        self.router.set_address(Instant::from_millis(at), address);
        self.drain(at);
    }

    /// Changes the settings, and lets the router look at all groups that they may affect.
    pub(crate) fn reconfigure(&mut self, at: u64, config: Config) {
        self.step_before(at);
        self.router.reconfigure(Instant::from_millis(at), config);
        self.command_done(at);
    }

    /// A Report of MLDv2.
    pub(crate) fn report(&mut self, at: u64, host: Ipv6Addr, records: impl AsRef<[Rec]>) {
        self.accept(at, &packets::report(host, records.as_ref()));
    }

    /// A Report of MLDv1.
    pub(crate) fn v1_report(&mut self, at: u64, host: Ipv6Addr, group: GroupAddr) {
        self.accept(at, &packets::report_v1(host, group));
    }

    /// A Done of MLDv1.
    pub(crate) fn done(&mut self, at: u64, host: Ipv6Addr, group: GroupAddr) {
        self.accept(at, &packets::done(host, group));
    }

    /// A Query of another router.
    pub(crate) fn query(&mut self, at: u64, ask: Ask) {
        self.accept(at, &ask.packet());
    }

    /// A packet that must be accepted.
    pub(crate) fn accept(&mut self, at: u64, packet: &[u8]) {
        self.receive(at, packet).expect("the packet is acceptable");
    }

    /// A packet.
    pub(crate) fn receive(&mut self, at: u64, packet: &[u8]) -> Result<(), Discard> {
        self.step_before(at);
        let items = self.router.handle_packet(Instant::from_millis(at), packet);
        let items: Result<Vec<Item>, Discard> = items.map(Iterator::collect);
        let verdict = match items {
            Ok(items) => {
                self.told.extend(items.into_iter().map(|item| (at, Told::Item(item))));
                Ok(())
            }
            Err(discard) => Err(discard),
        };
        self.drain(at);
        verdict
    }

    /// Lets time pass up to and with this moment.
    pub(crate) fn advance_to(&mut self, at: u64) {
        self.step_while(|deadline| deadline <= at);
        self.step(at);
    }

    /// Lets time pass up to this moment and without it.
    fn step_before(&mut self, at: u64) {
        self.step_while(|deadline| deadline < at);
    }

    fn step_while(&mut self, due: impl Fn(u64) -> bool) {
        while let Some(deadline) = self.deadline().filter(|deadline| due(*deadline)) {
            self.step(deadline);
        }
    }

    /// The next moment at which the router wants to be called.
    pub(crate) fn deadline(&self) -> Option<u64> {
        self.router.poll_timeout().map(Instant::as_millis)
    }

    /// A command may affect every group, which the router looks at bit by bit.
    fn command_done(&mut self, at: u64) {
        self.drain_transmits(at);
        let told = self.drain_events();
        self.end_deadlines(at, told);
    }

    fn step(&mut self, at: u64) {
        self.end_deadlines(at, Vec::new());
    }

    /// Ends all deadlines up to this moment; `told` holds the events polled so far.
    fn end_deadlines(&mut self, at: u64, mut told: Vec<Told>) {
        let mut calls = 0_u32;
        loop {
            self.router.handle_timeout(Instant::from_millis(at));
            self.drain_transmits(at);
            told.append(&mut self.drain_events());
            // The progress rule: what is done does not come up again.
            if self.deadline().is_none_or(|deadline| deadline > at) {
                break;
            }
            calls += 1;
            assert!(calls < 200_000, "the router does not get past {at} ms");
        }
        let rank = |told: &Told| matches!(told, Told::Stopped);
        told.sort_by_key(|told| (rank(told), group_of(told), matches!(told, Told::Membership(..))));
        self.tell(at, told);
        for group in self.router.groups() {
            assert!(group.expires().as_millis() > at, "{} outlived its deadline", group.address());
        }
        self.check();
    }

    /// Takes what the router wants to send and to say without letting time pass.
    fn drain(&mut self, at: u64) {
        self.drain_transmits(at);
        let told = self.drain_events();
        self.tell(at, told);
        self.check();
    }

    fn drain_transmits(&mut self, at: u64) {
        let mut buffer = vec![0; usize::from(u16::MAX)];
        while let Some(transmit) = self
            .router
            .poll_transmit(Instant::from_millis(at), &mut buffer)
            .expect("a large buffer is enough")
        {
            let packet = &buffer[..transmit.len];
            assert!(
                packet.len() <= usize::from(self.router.config().mtu()),
                "a packet longer than the link takes"
            );
            let sent = Sent::read(at, packet);
            assert_eq!(sent.destination, transmit.destination);
            assert_eq!(Some(sent.source), self.router.link_local());
            self.sent.push(sent);
            self.outbox.push((at, packet.to_vec()));
        }
    }

    fn drain_events(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        while let Some(event) = self.router.poll_event() {
            told.push(match event {
                Event::Querier => Told::Querier(self.router.querier()),
                Event::Timeout(group) => Told::Timeout(group),
                Event::Membership(group) => Told::Membership(group, self.router.group(group).map(membership)),
                Event::Stopped => Told::Stopped,
                other => panic!("{other:?} is not known here"),
            });
        }
        told
    }

    fn tell(&mut self, at: u64, told: Vec<Told>) {
        for told in told {
            if let Told::Membership(group, now) = &told {
                let before = match now {
                    Some(now) => self.mirror.insert(*group, now.clone()),
                    None => self.mirror.remove(group),
                };
                assert_ne!(before, *now, "{group} was told again at {at} ms without a change");
            }
            self.told.push((at, told));
        }
    }

    /// Invariants between any two calls.
    fn check(&self) {
        assert_eq!(self.router.check(), Ok(()));
        let is: BTreeMap<_, _> =
            self.router.groups().map(|group| (group.address(), membership(group))).collect();
        assert_eq!(self.mirror, is, "what was told is not what is");
        assert_eq!(self.router.usage().groups as usize, is.len());
        let sources: usize = self.router.groups().map(|group| group.source_count()).sum();
        assert_eq!(self.router.usage().sources as usize, sources);
        for group in self.router.groups() {
            self.check_forwarding(group);
        }
    }

    /// R-FWD-1, R-FWD-4
    fn check_forwarding(&self, group: GroupRef<'_>) {
        let address = group.address();
        let leaves_the_link = !address.is_link_local();
        let exclude = group.filter_mode() == FilterMode::Exclude;
        assert!(exclude || group.source_count() > 0, "{address} is kept for nobody");
        assert_eq!(group.sources().count(), group.source_count());
        for source in group.sources() {
            let running = source.expires().is_some();
            assert!(running || exclude, "an excluded source in include mode");
            assert_eq!(source.is_forwarding(), running);
            assert_eq!(self.router.forwards(address, source.address()), running && leaves_the_link);
        }
        let stranger = source(0xffff);
        assert_eq!(self.router.forwards(address, stranger), exclude && leaves_the_link);
    }

    /// Drops the packets and events so far.
    pub(crate) fn forget(&mut self) {
        self.sent.clear();
        self.told.clear();
    }

    /// Everything sent since the last question.
    pub(crate) fn sent(&mut self) -> Vec<Sent> {
        core::mem::take(&mut self.sent)
    }

    /// The specific Queries sent since the last question: `10 G`, `11 G suppressed`, `20 G{S1,S2}`.
    ///
    /// Those of one instant are in alphabetical order. A suppressed Query for sources beside one for the whole group
    /// is optional, so it is left out (R-QRY-10).
    pub(crate) fn asked(&mut self) -> Vec<String> {
        let sent = self.sent();
        let optional = |query: &Sent| {
            let whole =
                |other: &Sent| other.at == query.at && other.group == query.group && other.sources.is_empty();
            query.suppress && !query.sources.is_empty() && sent.iter().any(whole)
        };
        let mut asked: Vec<&Sent> =
            sent.iter().filter(|query| !query.is_general() && !optional(query)).collect();
        asked.sort_by_key(|query| (query.at, query.text()));
        asked.iter().map(|query| format!("{} {}", seconds(query.at), query.text())).collect()
    }

    /// When General Queries were sent since the last question, in milliseconds. Specific ones are dropped.
    pub(crate) fn generals(&mut self) -> Vec<u64> {
        self.sent().iter().filter(|query| query.is_general()).map(|query| query.at).collect()
    }

    /// The events since the last call, each with its time.
    pub(crate) fn told(&mut self) -> Vec<(u64, Told)> {
        core::mem::take(&mut self.told)
    }

    /// The events since the last call as text: `10 membership G exclude -S1`, `12 timeout G`, `0 querier fe80::1`.
    pub(crate) fn events(&mut self) -> Vec<String> {
        let told = self.told();
        told.iter().map(|(at, told)| format!("{} {}", seconds(*at), text_of_told(told))).collect()
    }

    /// [`events`](Self::events) without reports and dones.
    pub(crate) fn changes(&mut self) -> Vec<String> {
        let mut told = self.told();
        told.retain(|(_, told)| !matches!(told, Told::Item(Item::Report { .. } | Item::Done { .. })));
        told.iter().map(|(at, told)| format!("{} {}", seconds(*at), text_of_told(told))).collect()
    }

    /// The record of a group: `none`, `include S1@270`, `exclude@270 S1@275 -S2`, with ` v1` behind it in
    /// compatibility mode 1. Times are moments of expiry; a source with `-` is excluded.
    pub(crate) fn state(&self, group: GroupAddr) -> String {
        self.router.group(group).map_or_else(|| "none".to_owned(), |group| text_of_group(group))
    }

    /// The MLDv1 name of the state of a group.
    pub(crate) fn checking(&self, group: GroupAddr) -> bool {
        match self.router.state(group) {
            GroupState::CheckingListeners => true,
            GroupState::ListenersPresent => false,
            GroupState::NoListeners => panic!("nobody listens to {group}"),
        }
    }

    pub(crate) fn forwards(&self, group: GroupAddr, source: Ipv6Addr) -> bool {
        self.router.forwards(group, source)
    }
}

/// The contents of a membership event.
pub(crate) fn membership(group: GroupRef<'_>) -> Membership {
    let include = group.filter_mode() == FilterMode::Include;
    let mut sources: Vec<_> = group
        .sources()
        .filter(|source| source.is_forwarding() == include)
        .map(|source| source.address())
        .collect();
    sources.sort();
    (group.filter_mode(), sources)
}

fn group_of(told: &Told) -> Option<GroupAddr> {
    match told {
        Told::Timeout(group) | Told::Membership(group, _) => Some(*group),
        _ => None,
    }
}

/// Every group of a router in the notation of [`Bench::state`], ascending.
pub(crate) fn text_of_groups<'r>(groups: impl Iterator<Item = GroupRef<'r>>) -> Vec<String> {
    let mut groups: Vec<_> = groups.collect();
    groups.sort_by_key(|group| group.address());
    groups
        .into_iter()
        .map(|group| format!("{} {}", name(group.address().get()), text_of_group(group)))
        .collect()
}

pub(crate) fn text_of_group(group: GroupRef<'_>) -> String {
    let mut sources: Vec<_> = group.sources().map(|source| (source.address(), source.expires())).collect();
    sources.sort();
    let running: Vec<_> =
        sources.iter().filter_map(|(source, expires)| Some((*source, (*expires)?))).collect();
    let mut text = String::new();
    match group.filter_mode() {
        FilterMode::Include => {
            let longest = running.iter().map(|(_, expires)| *expires).max();
            assert_eq!(Some(group.expires()), longest, "an include group ends with its last source");
            text.push_str("include");
        }
        FilterMode::Exclude => write!(text, "exclude@{}", seconds(group.expires().as_millis())).unwrap(),
    }
    for (source, expires) in running {
        write!(text, " {}@{}", name(source), seconds(expires.as_millis())).unwrap();
    }
    for (source, _) in sources.iter().filter(|(_, expires)| expires.is_none()) {
        write!(text, " -{}", name(*source)).unwrap();
    }
    if group.compatibility_mode() == Version::V1 {
        text.push_str(" v1");
    }
    text
}

pub(crate) fn text_of_told(told: &Told) -> String {
    match told {
        Told::Item(Item::Report { group, reporter, record }) => {
            format!("{} {} from {reporter}", record.name(), name(group.get()))
        }
        Told::Item(Item::Done { group, reporter }) => format!("done {} from {reporter}", name(group.get())),
        Told::Item(Item::Limit { group, limit }) => format!("limit {} {}", name(group.get()), limit.name()),
        Told::Item(other) => panic!("{other:?} is not known here"),
        Told::Querier(querier) => format!("{} {}", querier.role(), querier.address()),
        Told::Timeout(group) => format!("timeout {}", name(group.get())),
        Told::Membership(group, None) => format!("membership {} none", name(group.get())),
        Told::Membership(group, Some((mode, sources))) => {
            let mut text = format!("membership {} {}", name(group.get()), mode.name());
            let sign = if *mode == FilterMode::Exclude { "-" } else { "" };
            for source in sources {
                write!(text, " {sign}{}", name(*source)).unwrap();
            }
            text
        }
        Told::Stopped => "stopped".to_owned(),
    }
}

/// The constant of an address, if it has one.
pub(crate) fn name(address: Ipv6Addr) -> String {
    for (group, name) in [(G, "G"), (G2, "G2"), (G3, "G3"), (SSM, "SSM"), (LOCAL, "LOCAL")] {
        if group.get() == address {
            return name.to_owned();
        }
    }
    let number = address.segments()[7];
    if address == source(number) { format!("S{number}") } else { address.to_string() }
}

/// Milliseconds as seconds, without trailing zeros.
pub(crate) fn seconds(millis: u64) -> String {
    let text = format!("{}.{:03}", millis / 1000, millis % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Kinds of record for tests that take each in turn.
pub(crate) const RECORDS: [RecordType; 6] = [
    RecordType::IsIn,
    RecordType::IsEx,
    RecordType::ToIn,
    RecordType::ToEx,
    RecordType::Allow,
    RecordType::Block,
];

/// A limit in the notation of [`Bench::events`].
pub(crate) fn limit_text(at: u64, group: GroupAddr, limit: Limit) -> String {
    format!("{} limit {} {}", seconds(at), name(group.get()), limit.name())
}
