//! A listener gets calls and packets of any kind in any order. What it sends is held against what sockets want.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;

use mld_proto::inspect::Inspect;
use mld_proto::listener::{self, ListenError, Socket};
use mld_proto::wire::{Message, Packet, RecordRef, RecordType};
use mld_proto::{FilterMode, GroupAddr, IndexSlot, Instant, Listener, MessageMeta, SsmRange, Version};

use crate::input::{Input, beginning};
use crate::wire;

const GROUPS_MAX: usize = 4;
const FILTERS_MAX: usize = 6;
/// Polls that may pass before everything must have been said. Tiny tables have little to say.
const POLLS_MAX: usize = 500;
/// Wake-ups between two calls before time is jumped over.
const WAKEUPS_MAX: usize = 60;
const MTU: u16 = 1280;

type Memory = listener::Tables<
    Box<[listener::GroupSlot]>,
    Box<[listener::FilterSlot]>,
    Box<[listener::SourceSlot]>,
    Box<[IndexSlot]>,
>;

/// Runs one input: settings, then calls.
///
/// # Panics
///
/// If the listener breaks a promise.
pub fn run(octets: &[u8]) {
    let mut input = Input(octets);
    let config = config(&mut input);
    // With room for every source of every group, or with hardly any.
    let setup = input.octet();
    let sources = if setup & 1 == 1 { 400 } else { 12 };
    let mut bench = Bench {
        listener: Listener::new(config, memory(sources), u64::from(input.octet())),
        now: beginning(setup >> 1),
        wants: BTreeMap::new(),
        asked_at: None,
        most: usize::from(MTU - 76) / 16,
    };
    bench.listener.start(bench.now, Some(wire::LINK_LOCALS[0]));
    while !input.is_empty() {
        bench.call(&mut input);
        bench.check_state();
    }
    bench.finish();
}

fn memory(sources: usize) -> Memory {
    listener::Tables::new(
        vec![listener::GroupSlot::EMPTY; GROUPS_MAX].into(),
        vec![listener::FilterSlot::EMPTY; FILTERS_MAX].into(),
        vec![listener::SourceSlot::EMPTY; sources].into(),
        vec![IndexSlot::EMPTY; IndexSlot::count_for(GROUPS_MAX + FILTERS_MAX, sources)].into(),
    )
    .expect("the index fits")
}

fn config(input: &mut Input<'_>) -> listener::Config {
    listener::Config::builder()
        .version(input.pick(&[Version::V2, Version::V2, Version::V1]))
        .robustness_variable(input.pick(&[2, 1, 3, 255]))
        .version_2_only(input.octet() % 8 == 1)
        .always_done(input.flag())
        .mtu(MTU)
        .ssm_range(if input.flag() { SsmRange::EMPTY } else { SsmRange::RFC_4607 })
        .build()
        .expect("settings in range")
}

/// The filter of one socket for a group.
#[derive(Clone, Debug)]
struct Filter {
    exclude: bool,
    sources: BTreeSet<Ipv6Addr>,
}

struct Bench {
    listener: Listener<Memory>,
    now: Instant,
    wants: BTreeMap<(Ipv6Addr, u32), Filter>,
    /// When a General Query came last, nothing else being due.
    asked_at: Option<Instant>,
    /// How many sources the smallest buffer so far had room for.
    most: usize,
}

impl Bench {
    fn call(&mut self, input: &mut Input<'_>) {
        let mut buffer = [0; 1500];
        match input.octet() % 16 {
            0..=4 => self.listen(input),
            5..=7 => {
                let len = wire::build(input, &mut buffer);
                self.packet(&buffer[..len]);
            }
            8 => {
                let len = wire::build(input, &mut buffer);
                let len = wire::damage(input, &mut buffer[..len]);
                self.packet(&buffer[..len]);
            }
            9 => {
                let len = wire::raw(input, &mut buffer);
                self.packet(&buffer[..len]);
            }
            // Time passes without a call of the listener.
            10 => self.now = self.now + input.step(),
            11 | 12 => self.advance(input),
            13 => {
                let len = input.pick(&[0, 47, 71, 72, 91, 92, 108, 1280, 1500]);
                self.transmit(&mut buffer[..len]);
            }
            14 => self.drain(),
            _ => {
                let address = input.pick(&[None, Some(wire::LINK_LOCALS[0]), Some(wire::LINK_LOCALS[1])]);
                match input.octet() % 4 {
                    0 => self.listener.start(self.now, address),
                    1 => {
                        self.listener.stop(self.now);
                        self.wants.clear();
                    }
                    _ => self.listener.set_address(self.now, address),
                }
            }
        }
    }

    fn listen(&mut self, input: &mut Input<'_>) {
        let group = wire::group(input);
        let socket = u32::from(input.octet() % 3);
        let exclude = input.flag();
        // Sometimes more than one Report holds.
        let many = if input.octet() % 16 == 15 { 90 } else { 0 };
        let mut sources: Vec<Ipv6Addr> = (0..input.octet() % 5).map(|_| wire::source(input)).collect();
        sources.extend((0..many).map(|number| Ipv6Addr::from_bits(0x2001_0db8 << 96 | 0x2_0000 | number)));
        let mode = if exclude { FilterMode::Exclude } else { FilterMode::Include };
        let result = self.listener.listen(self.now, Socket(socket), group, mode, &sources);
        match result {
            Ok(()) if !exclude && sources.is_empty() => {
                self.wants.remove(&(group, socket));
            }
            Ok(()) => {
                let sources = sources.into_iter().collect();
                self.wants.insert((group, socket), Filter { exclude, sources });
            }
            Err(ListenError::NotMulticast) => assert!(!group.is_multicast()),
            Err(ListenError::NotSource(source)) => assert!(source.is_unspecified()),
            Err(ListenError::SourceSpecific) => {
                assert!(exclude && self.listener.config().ssm_range().contains(group));
            }
            Err(ListenError::TooManySources) => assert!(!sources.is_empty()),
            Err(ListenError::TooManyGroups) => {
                assert!(!self.wants.keys().any(|(known, _)| *known == group));
            }
            Err(ListenError::TooManyFilters) => assert_eq!(self.wants.len(), FILTERS_MAX),
            Err(other) => panic!("{other:?} has no name"),
        }
    }

    fn packet(&mut self, packet: &[u8]) {
        let now = self.now;
        let mut through_message = self.listener.clone();
        let before = self.listener.poll_timeout();
        let verdict = self.listener.handle_packet(now, packet);
        if verdict.is_err() {
            assert_eq!(self.listener.poll_timeout(), before, "what is refused changes nothing");
        }
        let Ok(read) = Packet::parse(packet) else {
            assert!(verdict.is_err());
            return;
        };
        if !read.fragment && !read.truncated {
            let meta = MessageMeta {
                source: read.source,
                destination: read.destination,
                hop_limit: read.hop_limit,
                router_alert: read.router_alert,
                checksum_verified: false,
                own_host: false,
            };
            assert_eq!(through_message.handle_message(now, &meta, read.message), verdict);
        }
        let general = Message::parse(read.message, Version::V2);
        if verdict.is_ok() && matches!(general, Ok(Message::Query(query)) if query.is_general()) {
            self.asked_at = before.is_none_or(|before| before > now).then_some(now);
        }
    }

    /// Lets time pass, timer by timer.
    fn advance(&mut self, input: &mut Input<'_>) {
        let until = self.now + input.step();
        for _ in 0..WAKEUPS_MAX {
            let Some(next) = self.listener.poll_timeout().filter(|next| *next <= until) else { break };
            self.now = self.now.max(next);
            // After months without a call the timers take some rounds to find their places.
            let done = (0..100).any(|_| {
                self.listener.handle_timeout(self.now);
                self.check_whole();
                self.drain();
                self.listener.poll_timeout().is_none_or(|next| next > self.now)
            });
            assert!(done, "time goes on");
        }
        self.now = self.now.max(until);
        self.listener.handle_timeout(self.now);
    }

    fn drain(&mut self) {
        let mut buffer = [0; 1500];
        for _ in 0..POLLS_MAX {
            let told = self.listener.poll_event().is_some();
            if !self.transmit(&mut buffer) && !told {
                return;
            }
        }
        panic!("it does not end");
    }

    /// Polls once; whether there was a packet.
    fn transmit(&mut self, buffer: &mut [u8]) -> bool {
        let len = buffer.len();
        let polled = self.listener.poll_transmit(self.now, buffer);
        self.check_whole();
        match polled {
            Ok(None) => false,
            Ok(Some(transmit)) => {
                assert!(transmit.len <= len && transmit.len <= usize::from(MTU));
                // Version 1 mode needs less.
                self.most = self.most.min(len.saturating_sub(76) / 16);
                self.check_packet(&buffer[..transmit.len]);
                true
            }
            Err(error) => {
                assert!(len < error.needed && error.needed <= 92);
                false
            }
        }
    }

    fn check_packet(&self, packet: &[u8]) {
        let read = Packet::parse(packet).expect("an MLD packet");
        assert!(read.hop_limit == 1 && read.router_alert && !read.truncated && !read.fragment);
        let source = self.listener.link_local().unwrap_or(Ipv6Addr::UNSPECIFIED);
        assert_eq!(read.source, source);
        let version = self.listener.compatibility_mode();
        match Message::parse(read.message, Version::V2).expect("a whole message") {
            Message::Query(_) => panic!("a listener asks nothing"),
            Message::ReportV1(group) => {
                assert_eq!(version, Version::V1);
                assert!(self.merged(group.get()).is_some(), "{group} is wanted");
            }
            Message::Done(group) => {
                assert_eq!(version, Version::V1);
                assert!(self.merged(group.get()).is_none(), "{group} is not wanted");
            }
            Message::ReportV2(report) => {
                assert_eq!(version, Version::V2);
                assert!(report.len() > 0);
                let mut answers = true;
                for record in report.records() {
                    self.check_record(&record);
                    answers &= matches!(record.record, Some(RecordType::IsIn | RecordType::IsEx));
                }
                assert!(!answers || self.asked_at != Some(self.now), "a General Query is answered at once");
            }
        }
    }

    /// A record says what sockets want at this moment. A list that does not fit is cut or split.
    fn check_record(&self, record: &RecordRef<'_>) {
        assert!(GroupAddr::new(record.group).is_ok(), "{} is not reported", record.group);
        let sources: BTreeSet<Ipv6Addr> =
            record.sources.iter().map(|source| Ipv6Addr::from(*source)).collect();
        assert_eq!(sources.len(), record.sources.len(), "no source twice");
        let (exclude, list) = self.merged(record.group).unwrap_or_default();
        let wanted = |source: &Ipv6Addr| list.contains(source) != exclude;
        let right = match record.record.expect("a known type") {
            RecordType::IsEx | RecordType::ToEx => {
                exclude && sources.is_subset(&list) && (list.len() > self.most || sources == list)
            }
            RecordType::ToIn => {
                !exclude && sources.is_subset(&list) && (list.len() > self.most || sources == list)
            }
            RecordType::IsIn | RecordType::Allow => !sources.is_empty() && sources.iter().all(wanted),
            RecordType::Block => !sources.is_empty() && !sources.iter().any(wanted),
            RecordType::Report => false,
        };
        assert!(right, "{record:?} where {exclude} {list:?} is wanted");
    }

    /// Exclude mode or not, and the list, as the sockets have it; `None` if no socket wants the group.
    fn merged(&self, group: Ipv6Addr) -> Option<(bool, BTreeSet<Ipv6Addr>)> {
        let filters = || self.wants.iter().filter(|((of, _), _)| *of == group).map(|(_, filter)| filter);
        let included: BTreeSet<Ipv6Addr> =
            filters().filter(|filter| !filter.exclude).flat_map(|filter| filter.sources.clone()).collect();
        let mut excluding = filters().filter(|filter| filter.exclude);
        match excluding.next() {
            Some(first) => {
                let all = excluding.fold(first.sources.clone(), |all, filter| &all & &filter.sources);
                Some((true, &all - &included))
            }
            None => (!included.is_empty()).then_some((false, included)),
        }
    }

    /// Whatever was called, nothing is left half done.
    fn check_whole(&self) {
        assert_eq!(self.listener.check(), Ok(()));
    }

    fn check_state(&self) {
        self.check_whole();
        let groups: BTreeSet<Ipv6Addr> = self.wants.keys().map(|(group, _)| *group).collect();
        assert_eq!(self.listener.groups().count(), groups.len());
        for group in groups {
            let record = self.listener.group(group).expect("a record");
            let sources: BTreeSet<Ipv6Addr> = record.sources().collect();
            assert_eq!(sources.len(), record.source_count() as usize);
            let exclude = record.filter_mode() == FilterMode::Exclude;
            assert_eq!(Some((exclude, sources)), self.merged(group));
        }
        for ((group, socket), filter) in &self.wants {
            for source in filter.sources.iter().take(4) {
                assert_eq!(self.listener.delivers(Socket(*socket), *group, *source), !filter.exclude);
            }
        }
        if let Some(next) = self.listener.poll_timeout() {
            assert!(self.listener.is_running() && next >= Instant::ZERO);
        }
    }

    /// Everybody leaves; in the end nothing is left to wait for but an MLDv1 querier's silence.
    fn finish(&mut self) {
        for (group, socket) in core::mem::take(&mut self.wants).into_keys() {
            let left = self.listener.listen(self.now, Socket(socket), group, FilterMode::Include, &[]);
            assert_eq!(left, Ok(()));
        }
        self.check_state();
        for _ in 0..20_000 {
            self.drain();
            let Some(next) = self.listener.poll_timeout() else { break };
            self.now = self.now.max(next);
            self.listener.handle_timeout(self.now);
            self.check_whole();
        }
        assert_eq!(self.listener.poll_timeout(), None, "nothing is left");
        // Every slot has come back.
        self.listener.start(self.now, None);
        let sources: Vec<Ipv6Addr> =
            (0..6).map(|number| Ipv6Addr::from_bits(0x2001_0db8 << 96 | 0x3_0000 | number)).collect();
        for number in 0..GROUPS_MAX as u16 {
            let group = Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 7, number);
            let listed = if number == 0 { &sources[..] } else { &[] };
            let mode = if number == 0 { FilterMode::Include } else { FilterMode::Exclude };
            assert_eq!(self.listener.listen(self.now, Socket(1), group, mode, listed), Ok(()));
        }
    }
}
