//! Packets of hosts and routers, typed.

use core::net::Ipv6Addr;

use mld_proto::wire::{self, Message, Packet, QueryFields, QueryFlags, RecordType, Writer, checksum};
use mld_proto::{GroupAddr, Transmit, Version};

use super::name;

/// One record of an MLDv2 Report.
#[derive(Clone, Debug)]
pub(crate) struct Rec {
    pub(crate) record: RecordType,
    pub(crate) group: Ipv6Addr,
    pub(crate) sources: Vec<Ipv6Addr>,
}

macro_rules! records {
    ($($name:ident: $record:ident),*) => {
        $(pub(crate) fn $name<const N: usize>(group: GroupAddr, sources: [Ipv6Addr; N]) -> Rec {
            Rec { record: RecordType::$record, group: group.get(), sources: sources.to_vec() }
        })*
    };
}

records!(is_in: IsIn, is_ex: IsEx, to_in: ToIn, to_ex: ToEx, allow: Allow, block: Block);

impl Rec {
    pub(crate) fn new(record: RecordType, group: GroupAddr, sources: impl Into<Vec<Ipv6Addr>>) -> Self {
        Self { record, group: group.get(), sources: sources.into() }
    }
}

/// An MLDv2 Report.
pub(crate) fn report(host: Ipv6Addr, records: &[Rec]) -> Vec<u8> {
    packet_of(|buffer| {
        let mut writer = Writer::report_v2(buffer).expect("it fits");
        for record in records {
            writer.record(record.record, record.group).expect("it fits");
            for source in &record.sources {
                writer.source(*source).expect("it fits");
            }
        }
        writer.finish(host)
    })
}

/// An MLDv1 Report.
pub(crate) fn report_v1(host: Ipv6Addr, group: GroupAddr) -> Vec<u8> {
    packet_of(|buffer| Writer::report_v1(buffer, group).expect("it fits").finish(host))
}

/// An MLDv1 Done.
pub(crate) fn done(host: Ipv6Addr, group: GroupAddr) -> Vec<u8> {
    packet_of(|buffer| Writer::done(buffer, group).expect("it fits").finish(host))
}

/// A packet in words: `fe80::a: is-in G [S1, S2], to-ex G2 []`.
pub(crate) fn text(packet: &[u8]) -> String {
    let read = Packet::parse(packet).expect("an MLD packet");
    let names = |sources: &[wire::WireAddr]| {
        let names: Vec<_> = sources.iter().map(|source| name(Ipv6Addr::from(*source))).collect();
        names.join(", ")
    };
    let what = match Message::parse(read.message, Version::V2).expect("a whole message") {
        Message::Query(query) => {
            let delay = query.response_delay_ms;
            let flag = if query.flags.contains(QueryFlags::SUPPRESS) { " suppressed" } else { "" };
            format!(
                "{:?} query {} [{}] {delay} ms{flag}",
                query.version,
                name(query.group),
                names(query.sources)
            )
        }
        Message::ReportV1(group) => format!("report {}", name(group.get())),
        Message::Done(group) => format!("done {}", name(group.get())),
        Message::ReportV2(report) => {
            let records = report.records().map(|record| {
                let kind = record.record.map_or("unknown", RecordType::name);
                format!("{kind} {} [{}]", name(record.group), names(record.sources))
            });
            records.collect::<Vec<_>>().join(", ")
        }
    };
    format!("{}: {what}", read.source)
}

/// The octets that a writer puts into a large buffer.
pub(crate) fn packet_of(write: impl FnOnce(&mut [u8]) -> Transmit) -> Vec<u8> {
    let mut buffer = vec![0; usize::from(u16::MAX)];
    let len = write(&mut buffer).len;
    buffer.truncate(len);
    buffer
}

/// A Query that another router sends; default settings unless changed.
#[derive(Clone, Debug)]
#[must_use]
pub(crate) struct Ask {
    router: Ipv6Addr,
    group: Ipv6Addr,
    sources: Vec<Ipv6Addr>,
    version: Version,
    response_code: u16,
    suppress: bool,
    robustness: u8,
    interval_code: u8,
    destination: Option<Ipv6Addr>,
}

impl Ask {
    pub(crate) fn general(router: Ipv6Addr) -> Self {
        Self {
            router,
            group: Ipv6Addr::UNSPECIFIED,
            sources: Vec::new(),
            version: Version::V2,
            response_code: 10_000,
            suppress: false,
            robustness: 2,
            interval_code: 125,
            destination: None,
        }
    }

    pub(crate) fn group(router: Ipv6Addr, group: GroupAddr) -> Self {
        Self { group: group.get(), response_code: 1000, ..Self::general(router) }
    }

    pub(crate) fn sources(router: Ipv6Addr, group: GroupAddr, sources: impl Into<Vec<Ipv6Addr>>) -> Self {
        Self { sources: sources.into(), ..Self::group(router, group) }
    }

    /// Of MLDv1.
    pub(crate) fn v1(self) -> Self {
        Self { version: Version::V1, ..self }
    }

    /// With the S flag.
    pub(crate) fn suppressed(self) -> Self {
        Self { suppress: true, ..self }
    }

    /// With another Maximum Response Code; below 32768 these are milliseconds.
    pub(crate) fn code(self, response_code: u16) -> Self {
        Self { response_code, ..self }
    }

    /// With another QRV.
    pub(crate) fn qrv(self, robustness: u8) -> Self {
        Self { robustness, ..self }
    }

    /// With another QQIC; below 128 these are seconds.
    pub(crate) fn qqic(self, interval_code: u8) -> Self {
        Self { interval_code, ..self }
    }

    /// To another destination.
    pub(crate) fn to(self, destination: Ipv6Addr) -> Self {
        Self { destination: Some(destination), ..self }
    }

    pub(crate) fn packet(&self) -> Vec<u8> {
        let mut packet = packet_of(|buffer| {
            let mut writer = match self.version {
                Version::V1 => Writer::query_v1(buffer, self.group, self.response_code),
                Version::V2 => Writer::query_v2(
                    buffer,
                    QueryFields {
                        group: self.group,
                        response_code: self.response_code,
                        flags: if self.suppress { QueryFlags::SUPPRESS } else { QueryFlags::empty() },
                        robustness: self.robustness,
                        interval_code: self.interval_code,
                    },
                ),
            }
            .expect("it fits");
            for source in &self.sources {
                writer.source(*source).expect("it fits");
            }
            writer.finish(self.router)
        });
        if let Some(destination) = self.destination {
            packet[24..40].copy_from_slice(&destination.octets());
            let message = &mut packet[wire::HEADERS_LEN..];
            message[2..4].fill(0);
            let sum = checksum::compute(self.router, destination, message);
            message[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        packet
    }
}

/// A Query that the router sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// When, in milliseconds.
    pub(crate) at: u64,
    pub(crate) version: Version,
    pub(crate) source: Ipv6Addr,
    pub(crate) destination: Ipv6Addr,
    /// `::` in a General Query.
    pub(crate) group: Ipv6Addr,
    /// Ascending.
    pub(crate) sources: Vec<Ipv6Addr>,
    pub(crate) suppress: bool,
    pub(crate) response_delay_ms: u32,
    pub(crate) robustness: u8,
    pub(crate) interval_code: u8,
    /// Octets of the MLD message.
    pub(crate) len: usize,
}

impl Sent {
    /// Reads a packet as a strict receiver would.
    pub(crate) fn read(at: u64, packet: &[u8]) -> Self {
        let read = Packet::parse(packet).expect("an MLD packet");
        assert_eq!(read.hop_limit, 1);
        assert!(read.router_alert && !read.fragment);
        assert!(checksum::verify(read.source, read.destination, read.message));
        let Message::Query(query) = Message::parse(read.message, Version::V2).expect("a whole message")
        else {
            panic!("a router sends nothing but Queries");
        };
        let mut sources: Vec<Ipv6Addr> = query.sources.iter().map(|source| Ipv6Addr::from(*source)).collect();
        sources.sort();
        assert!(sources.windows(2).all(|pair| pair[0] != pair[1]), "a source twice in one Query");
        let expected = if query.is_general() { mld_proto::ALL_NODES } else { query.group };
        assert_eq!(read.destination, expected);
        let len = if query.version == Version::V1 { 24 } else { 28 + 16 * sources.len() };
        assert_eq!(read.message.len(), len, "octets behind the Query");
        Self {
            at,
            version: query.version,
            source: read.source,
            destination: read.destination,
            group: query.group,
            sources,
            suppress: query.flags.contains(QueryFlags::SUPPRESS),
            response_delay_ms: query.response_delay_ms,
            robustness: query.robustness,
            interval_code: query.interval_code,
            len,
        }
    }

    pub(crate) fn is_general(&self) -> bool {
        self.group.is_unspecified()
    }

    /// `general`, `G`, `G suppressed`, `G{S1,S2}`.
    pub(crate) fn text(&self) -> String {
        let mut text = if self.is_general() { "general".to_owned() } else { name(self.group) };
        if !self.sources.is_empty() {
            let sources: Vec<_> = self.sources.iter().map(|source| name(*source)).collect();
            text.push_str(&format!("{{{}}}", sources.join(",")));
        }
        if self.suppress {
            text.push_str(" suppressed");
        }
        text
    }
}
