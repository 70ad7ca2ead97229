//! A listener in virtual time: what it sends is read octet for octet, without the library's own reader, and shown in
//! words: `to-ex G []`.

#![allow(dead_code, reason = "each test file uses a part")]

use core::net::Ipv6Addr;

use mld_proto::inspect::Inspect;
use mld_proto::listener::{self, ListenError, Socket};
use mld_proto::wire::MessageKind;
use mld_proto::{Discard, FilterMode, IndexSlot, Instant, Listener, Version};

use super::craft::{ALL_MLDV2_ROUTERS, ALL_ROUTERS, Craft, checksum, ip, source};

/// The querier.
pub(crate) const QUERIER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
/// The host under test, and another one.
pub(crate) const HOST: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xa);
pub(crate) const OTHER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xb);

/// Addresses by their names in these tests.
const NAMES: [(&str, &str); 4] =
    [("G", "ff0e::1:1"), ("G2", "ff0e::1:2"), ("SSM", "ff3e::8000:1"), ("SOL", "ff02::1:ff00:a")];

pub(crate) type BoxTables = listener::Tables<
    Box<[listener::GroupSlot]>,
    Box<[listener::FilterSlot]>,
    Box<[listener::SourceSlot]>,
    Box<[IndexSlot]>,
>;

pub(crate) fn tables(groups: usize, filters: usize, sources: usize) -> BoxTables {
    listener::Tables::new(
        vec![listener::GroupSlot::EMPTY; groups].into(),
        vec![listener::FilterSlot::EMPTY; filters].into(),
        vec![listener::SourceSlot::EMPTY; sources].into(),
        vec![IndexSlot::EMPTY; IndexSlot::count_for(groups + filters, sources)].into(),
    )
    .unwrap()
}

/// The group of a name.
pub(crate) fn group(name: &str) -> Ipv6Addr {
    NAMES.iter().find(|(known, _)| *known == name).map_or_else(|| ip(name), |(_, address)| ip(address))
}

fn group_name(address: Ipv6Addr) -> String {
    let known = NAMES.iter().find(|(_, known)| ip(known) == address);
    known.map_or_else(|| address.to_string(), |(name, _)| (*name).to_owned())
}

/// The sources of these numbers.
pub(crate) fn sources(numbers: impl IntoIterator<Item = u16>) -> Vec<Ipv6Addr> {
    numbers.into_iter().map(source).collect()
}

/// A record that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SentRecord {
    pub(crate) kind: u8,
    pub(crate) group: Ipv6Addr,
    /// As written.
    pub(crate) sources: Vec<Ipv6Addr>,
}

impl SentRecord {
    /// `block G [1, 2]`, the sources ascending.
    fn text(&self) -> String {
        let kind = ["is-in", "is-ex", "to-in", "to-ex", "allow", "block"][usize::from(self.kind) - 1];
        let mut numbers: Vec<u16> = self.sources.iter().map(|source| source.segments()[7]).collect();
        numbers.sort_unstable();
        assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]), "a source twice in a record");
        format!("{kind} {} {numbers:?}", group_name(self.group))
    }
}

/// A message that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) at: u64,
    pub(crate) source: Ipv6Addr,
    /// 131, 132 or 143.
    pub(crate) kind: u8,
    pub(crate) records: Vec<SentRecord>,
    /// Octets of the packet.
    pub(crate) len: usize,
}

impl Sent {
    /// Reads a packet as a strict receiver would (R-WIRE-1 to 4, R-WIRE-8, R-WIRE-25, R-WIRE-27, R-WIRE-60 to 62).
    fn read(at: u64, packet: &[u8]) -> Self {
        let address = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&packet[at..at + 16]).unwrap());
        let number = |at: usize| usize::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
        assert_eq!(packet[..4], [0x60, 0, 0, 0]);
        assert_eq!(number(4) + 40, packet.len(), "payload length");
        assert_eq!(packet[6..8], [0, 1], "hop-by-hop header and hop limit 1");
        assert_eq!(packet[40..48], [58, 0, 5, 2, 0, 0, 1, 0], "one Router Alert of value 0");
        let (source, destination, message) = (address(8), address(24), &packet[48..]);
        let mut zeroed = message.to_vec();
        zeroed[2..4].fill(0);
        assert_eq!(checksum(source, destination, &zeroed).to_be_bytes(), message[2..4], "checksum");
        assert_eq!(message[1], 0, "code or reserved");
        let mut records = Vec::new();
        let kind = message[0];
        if kind == 143 {
            assert_eq!(destination, ALL_MLDV2_ROUTERS);
            assert_eq!(message[4..6], [0, 0], "flags");
            let mut rest = 56;
            for _ in 0..number(54) {
                assert_eq!(packet[rest + 1], 0, "no auxiliary data");
                let sources =
                    (0..number(rest + 2)).map(|at| address(rest + 20 + at * 16)).collect::<Vec<_>>();
                let len = 20 + 16 * sources.len();
                records.push(SentRecord { kind: packet[rest], group: address(rest + 4), sources });
                rest += len;
            }
            assert_eq!(rest, packet.len(), "nothing behind the last record");
            assert!(!records.is_empty(), "a Report says something");
        } else {
            assert_eq!(message.len(), 24);
            assert_eq!(message[4..8], [0; 4], "delay and reserved");
            let group = address(56);
            assert_eq!(destination, if kind == 131 { group } else { ALL_ROUTERS });
            records.push(SentRecord { kind: 0, group, sources: Vec::new() });
        }
        Self { at, source, kind, records, len: packet.len() }
    }

    /// The records in wire order, or `report G`, `done G`.
    pub(crate) fn text(&self) -> String {
        let name = || group_name(self.records[0].group);
        match self.kind {
            131 => format!("report {}", name()),
            132 => format!("done {}", name()),
            _ => self.records.iter().map(SentRecord::text).collect::<Vec<_>>().join(", "),
        }
    }
}

/// The host under test with its clock.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) listener: Listener<BoxTables>,
    pub(crate) now: u64,
    /// Packets sent and not taken yet.
    pub(crate) sent: Vec<Sent>,
    pub(crate) told: Vec<listener::Event>,
    /// Octets of the buffer that packets are written into.
    pub(crate) buffer: usize,
    /// Calls before the next [`check`](Self::check) looks again.
    unchecked: usize,
}

impl Host {
    /// Up since 0 with default settings and [`HOST`] as its address.
    pub(crate) fn new() -> Self {
        Self::with(listener::Config::builder())
    }

    pub(crate) fn with(config: listener::ConfigBuilder) -> Self {
        Self::seeded(config, 1)
    }

    pub(crate) fn seeded(config: listener::ConfigBuilder, seed: u64) -> Self {
        let mut host = Self::down(config, tables(2000, 2000, 8000), seed);
        host.up(Some(HOST));
        host
    }

    pub(crate) fn down(config: listener::ConfigBuilder, tables: BoxTables, seed: u64) -> Self {
        let listener = Listener::new(config.build().unwrap(), tables, seed);
        Self { listener, now: 0, sent: Vec::new(), told: Vec::new(), buffer: 65_535, unchecked: 0 }
    }

    pub(crate) fn up(&mut self, address: Option<Ipv6Addr>) {
        self.listener.start(self.instant(), address);
        self.drain();
    }

    pub(crate) fn address(&mut self, address: Option<Ipv6Addr>) {
        self.listener.set_address(self.instant(), address);
        self.drain();
    }

    pub(crate) fn try_listen(
        &mut self,
        socket: u32,
        group: Ipv6Addr,
        mode: FilterMode,
        sources: &[Ipv6Addr],
    ) -> Result<(), ListenError> {
        let result = self.listener.listen(self.instant(), Socket(socket), group, mode, sources);
        self.drain();
        result
    }

    /// Socket 1 wants only these sources.
    pub(crate) fn include(&mut self, name: &str, numbers: impl IntoIterator<Item = u16>) {
        self.try_listen(1, group(name), FilterMode::Include, &sources(numbers)).unwrap();
    }

    /// Socket 1 wants all but these sources.
    pub(crate) fn exclude(&mut self, name: &str, numbers: impl IntoIterator<Item = u16>) {
        self.try_listen(1, group(name), FilterMode::Exclude, &sources(numbers)).unwrap();
    }

    pub(crate) fn hear(&mut self, craft: &Craft) -> Result<MessageKind, Discard> {
        let verdict = self.listener.handle_packet(self.instant(), &craft.bytes());
        self.drain();
        verdict
    }

    /// An MLDv2 Query that must be accepted; `::` asks for all groups.
    pub(crate) fn query(&mut self, name: &str, delay_ms: u16, numbers: impl IntoIterator<Item = u16>) {
        let query = Craft::query_v2(QUERIER, group(name), delay_ms, &sources(numbers));
        assert_eq!(self.hear(&query), Ok(MessageKind::Query));
    }

    /// An MLDv2 Query for a group that may not be asked for.
    pub(crate) fn query_quietly(&mut self, name: &str) {
        let query = Craft::query_v2(QUERIER, group(name), 1000, &[]);
        let expected = if name == "ff02::1" { Err(Discard::GroupAddress) } else { Ok(MessageKind::Query) };
        assert_eq!(self.hear(&query), expected);
    }

    /// An MLDv1 Query that must be accepted.
    pub(crate) fn query_v1(&mut self, name: &str, delay_ms: u16) {
        let query = Craft::query_v1(QUERIER, group(name), delay_ms);
        assert_eq!(self.hear(&query), Ok(MessageKind::Query));
    }

    /// Lets time pass up to `until`, each timer in its turn. Timers make progress.
    pub(crate) fn run_to(&mut self, until: u64) {
        assert!(until >= self.now);
        let mut steps = 0;
        while let Some(next) = self.listener.poll_timeout().filter(|next| next.as_millis() <= until) {
            assert!(next.as_millis() >= self.now, "never in the past");
            let again = next.as_millis() == self.now;
            steps = if again { steps + 1 } else { 0 };
            assert!(steps < 100, "time goes on");
            self.now = next.as_millis();
            self.listener.handle_timeout(next);
            self.drain();
        }
        self.now = until;
        self.listener.handle_timeout(self.instant());
        self.drain();
    }

    pub(crate) fn run_for(&mut self, millis: u64) {
        self.run_to(self.now + millis);
    }

    /// Sees that the listener is whole, as it has to be between any two calls. A large one is looked at less often.
    #[track_caller]
    pub(crate) fn check(&mut self) {
        if self.unchecked > 0 {
            self.unchecked -= 1;
            return;
        }
        assert_eq!(self.listener.check(), Ok(()), "at {}", self.now);
        let sizes = self.listener.groups().map(|group| 1 + group.source_count() as usize);
        self.unchecked = sizes.sum::<usize>() / 50 * 50;
    }

    fn drain(&mut self) {
        self.check();
        let mut buffer = vec![0; self.buffer];
        while let Some(transmit) = self.listener.poll_transmit(self.instant(), &mut buffer).unwrap() {
            self.check();
            let sent = Sent::read(self.now, &buffer[..transmit.len]);
            assert_eq!(transmit.destination, Ipv6Addr::from(<[u8; 16]>::try_from(&buffer[24..40]).unwrap()));
            self.sent.push(sent);
        }
        while let Some(event) = self.listener.poll_event() {
            self.told.push(event);
        }
        self.check();
    }

    /// Packets sent since the last call.
    pub(crate) fn take(&mut self) -> Vec<Sent> {
        core::mem::take(&mut self.sent)
    }

    /// The same in words.
    pub(crate) fn texts(&mut self) -> Vec<String> {
        self.take().iter().map(Sent::text).collect()
    }

    /// Everything that is pending is sent and forgotten.
    pub(crate) fn settle(&mut self) {
        self.run_for(30_000);
        self.sent.clear();
    }

    /// `exclude G [1, 2]` for each interface record, ascending.
    pub(crate) fn records(&self) -> Vec<String> {
        let mut records: Vec<String> = self
            .listener
            .groups()
            .map(|record| {
                let mut numbers: Vec<u16> = record.sources().map(|source| source.segments()[7]).collect();
                numbers.sort_unstable();
                assert_eq!(numbers.len(), record.source_count() as usize);
                format!("{} {} {numbers:?}", record.filter_mode().name(), group_name(record.address()))
            })
            .collect();
        records.sort();
        records
    }

    pub(crate) fn mode(&self) -> Version {
        self.listener.compatibility_mode()
    }

    fn instant(&self) -> Instant {
        Instant::from_millis(self.now)
    }
}
