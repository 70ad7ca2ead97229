//! MLD messages in words: what is in them, for documents and for labels.

use core::fmt::{self, Write as _};
use core::net::Ipv6Addr;

use mld_proto::wire::{self, Message, MessageKind, Packet, QueryFlags, RecordType, WireAddr, checksum};
use mld_proto::{Discard, Version};
use serde::{Serialize, Serializer};

/// Milliseconds, written as decimal seconds with at most three decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seconds(pub(super) u64);

/// A packet in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Words {
    #[serde(flatten)]
    pub(super) content: Content,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Ipv6Addr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<Ipv6Addr>,
    /// What the receive checks of RFC 9777 section 6.2 object to, whoever receives it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<&'static str>,
}

/// What a packet says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub(super) enum Content {
    /// A Query; what an MLDv1 Query does not say is left out.
    Query {
        version: u8,
        group: Ipv6Addr,
        #[serde(skip_serializing_if = "Option::is_none")]
        sources: Option<Vec<Ipv6Addr>>,
        #[serde(rename = "s-flag", skip_serializing_if = "Option::is_none")]
        suppress: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        qrv: Option<u8>,
        /// In seconds, decoded.
        #[serde(skip_serializing_if = "Option::is_none")]
        qqic: Option<u32>,
        max_response_delay: Seconds,
    },
    /// An MLDv2 Report.
    ReportV2 { records: Vec<RecordWords> },
    /// An MLDv1 Report.
    ReportV1 { group: Ipv6Addr },
    /// An MLDv1 Done.
    Done { group: Ipv6Addr },
    /// Something that cannot be read as MLD, and why.
    Unreadable { why: &'static str },
}

/// One record of a Report in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RecordWords {
    record: &'static str,
    group: Ipv6Addr,
    sources: Vec<Ipv6Addr>,
}

impl Words {
    /// Reads an IPv6 packet. There is always something to be said of it.
    pub(super) fn of(packet: &[u8]) -> Self {
        let packet = match Packet::parse(packet) {
            Ok(packet) => packet,
            Err(why) => {
                let content = Content::Unreadable { why: why.name() };
                return Self { content, source: None, destination: None, faults: Vec::new() };
            }
        };
        let content = match Message::parse(packet.message, Version::V2) {
            Ok(message) => message.into(),
            Err(why) => Content::Unreadable { why: why.name() },
        };
        let checks = [
            (packet.truncated, Discard::Truncated),
            (packet.fragment, Discard::Fragment),
            (packet.hop_limit != 1, Discard::HopLimit),
            (!packet.router_alert, Discard::NoRouterAlert),
            (!checksum::verify(packet.source, packet.destination, packet.message), Discard::BadChecksum),
        ];
        Self {
            content,
            source: Some(packet.source),
            destination: Some(packet.destination),
            faults: checks.iter().filter(|(failed, _)| *failed).map(|(_, why)| why.name()).collect(),
        }
    }
}

impl Content {
    /// Whether it asks for something particular, or says that something is no longer as it was; an MLDv1 Report may be
    /// either and counts as no change.
    pub(super) fn is_change(&self) -> bool {
        match self {
            Self::Query { group, .. } => !group.is_unspecified(),
            Self::ReportV2 { records } => records.iter().any(|record| !record.record.starts_with("is-")),
            Self::ReportV1 { .. } => false,
            Self::Done { .. } | Self::Unreadable { .. } => true,
        }
    }
}

impl From<Message<'_>> for Content {
    fn from(message: Message<'_>) -> Self {
        match message {
            Message::Query(query) => {
                let is_v2 = query.sent_as == Version::V2;
                Self::Query {
                    version: if is_v2 { 2 } else { 1 },
                    group: query.group,
                    sources: is_v2.then(|| addresses(query.sources)),
                    suppress: is_v2.then_some(query.flags.contains(QueryFlags::SUPPRESS)),
                    qrv: is_v2.then_some(query.robustness),
                    qqic: is_v2.then(|| wire::decode_interval_code(query.interval_code)),
                    max_response_delay: Seconds(query.response_delay_ms.into()),
                }
            }
            Message::ReportV1(group) => Self::ReportV1 { group: group.get() },
            Message::Done(group) => Self::Done { group: group.get() },
            Message::ReportV2(report) => Self::ReportV2 {
                records: report
                    .records()
                    .map(|record| RecordWords {
                        record: record.record.map_or("unknown", RecordType::name),
                        group: record.group,
                        sources: addresses(record.sources),
                    })
                    .collect(),
            },
        }
    }
}

/// A label: what is asked or reported, in the notation of RFC 9777 section 7.4. Long lists are cut short.
impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query { version, group, sources, suppress, .. } => {
                f.write_str(if *version == 1 { "v1 " } else { "" })?;
                if group.is_unspecified() {
                    f.write_str("General Query")?;
                } else {
                    write!(f, "Query {group}")?;
                }
                if let Some(sources) = sources.as_deref().filter(|sources| !sources.is_empty()) {
                    write!(f, " {}", Listed(sources))?;
                }
                f.write_str(if *suppress == Some(true) { ", S set" } else { "" })
            }
            Self::ReportV1 { group } => write!(f, "v1 Report {group}"),
            Self::Done { group } => write!(f, "v1 Done {group}"),
            Self::ReportV2 { records } => {
                let shown = if records.len() > 3 { 2 } else { records.len() };
                for (number, record) in records[..shown].iter().enumerate() {
                    f.write_str(if number == 0 { "" } else { "; " })?;
                    for letter in record.record.chars() {
                        f.write_char(if letter == '-' { '_' } else { letter.to_ascii_uppercase() })?;
                    }
                    write!(f, " {} {}", record.group, Listed(&record.sources))?;
                }
                match records.len() - shown {
                    0 if records.is_empty() => f.write_str("Report without records"),
                    0 => Ok(()),
                    more => write!(f, "; {more} more records"),
                }
            }
            Self::Unreadable { why } => write!(f, "unreadable: {why}"),
        }
    }
}

/// Sources in braces; of many only the first two and how many more.
pub(super) struct Listed<'a>(pub(super) &'a [Ipv6Addr]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = if self.0.len() > 3 { 2 } else { self.0.len() };
        f.write_char('{')?;
        for (number, source) in self.0[..shown].iter().enumerate() {
            write!(f, "{}{source}", if number == 0 { "" } else { ", " })?;
        }
        match self.0.len() - shown {
            0 => f.write_char('}'),
            more => write!(f, ", {more} more}}"),
        }
    }
}

/// The name of a kind of message.
pub(super) const fn kind_name(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Query => "query",
        MessageKind::ReportV1 => "report-v1",
        MessageKind::Done => "done",
        MessageKind::ReportV2 => "report-v2",
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1000) {
            serializer.serialize_u64(self.0 / 1000)
        } else {
            // The nearest number to a decimal of three places, so its shortest form is that decimal.
            serializer.serialize_f64(self.0 as f64 / 1000.0)
        }
    }
}

/// As short as it can be without losing a millisecond.
impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = crate::time::Seconds(self.0).to_string();
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

fn addresses(sources: &[WireAddr]) -> Vec<Ipv6Addr> {
    sources.iter().copied().map(Ipv6Addr::from).collect()
}

#[cfg(test)]
mod tests {
    use mld_proto::BufferTooSmall;
    use mld_proto::wire::{QueryFields, Writer};

    use super::*;

    /// What a message is in words, as JSON and as a label.
    fn words(write: impl FnOnce(&mut [u8]) -> Result<Writer<'_>, BufferTooSmall>) -> (String, String) {
        let mut buffer = [0; 1500];
        let written = write(&mut buffer).expect("room").finish(address("fe80::1"));
        let words = Words::of(&buffer[..written.len]);
        (serde_json::to_string(&words).expect("a document"), words.content.to_string())
    }

    fn address(text: &str) -> Ipv6Addr {
        text.parse().expect(text)
    }

    #[test]
    fn a_query_is_told_with_everything_it_says() {
        let fields = QueryFields {
            group: address("ff05::1"),
            response_code: 0x8abc,
            flags: QueryFlags::SUPPRESS,
            robustness: 3,
            interval_code: 0x8d,
        };
        let (json, label) = words(|buffer| {
            let mut writer = Writer::query_v2(buffer, fields)?;
            writer.source(address("2001:db8::1"))?;
            writer.source(address("2001:db8::2"))?;
            Ok(writer)
        });
        assert_eq!(
            json,
            r#"{"kind":"query","version":2,"group":"ff05::1","sources":["2001:db8::1","2001:db8::2"],"s-flag":true,"qrv":3,"qqic":232,"max-response-delay":54.752,"source":"fe80::1","destination":"ff05::1"}"#
        );
        assert_eq!(label, "Query ff05::1 {2001:db8::1, 2001:db8::2}, S set");
        let (json, label) = words(|buffer| Writer::query_v1(buffer, Ipv6Addr::UNSPECIFIED, 10_000));
        assert_eq!(
            json,
            r#"{"kind":"query","version":1,"group":"::","max-response-delay":10,"source":"fe80::1","destination":"ff02::1"}"#
        );
        assert_eq!(label, "v1 General Query");
    }

    #[test]
    fn a_report_is_told_record_for_record_and_cut_short_in_a_label() {
        let (json, label) = words(|buffer| {
            let mut writer = Writer::report_v2(buffer)?;
            writer.record(RecordType::ToEx, address("ff05::1"))?;
            writer.record(RecordType::Allow, address("ff05::2"))?;
            for number in 1..=4 {
                writer.source(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number))?;
            }
            Ok(writer)
        });
        assert_eq!(
            json,
            r#"{"kind":"report-v2","records":[{"record":"to-ex","group":"ff05::1","sources":[]},{"record":"allow","group":"ff05::2","sources":["2001:db8::1","2001:db8::2","2001:db8::3","2001:db8::4"]}],"source":"fe80::1","destination":"ff02::16"}"#
        );
        assert_eq!(label, "TO_EX ff05::1 {}; ALLOW ff05::2 {2001:db8::1, 2001:db8::2, 2 more}");
        let (_, label) = words(|buffer| {
            let mut writer = Writer::report_v2(buffer)?;
            for number in 1..=5 {
                writer.record(RecordType::IsEx, Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, number))?;
            }
            Ok(writer)
        });
        assert_eq!(label, "IS_EX ff05::1 {}; IS_EX ff05::2 {}; 3 more records");
    }

    #[test]
    fn what_receivers_object_to_is_named() {
        let mut buffer = [0; 100];
        let group = "ff05::1".parse().expect("a group");
        let written = Writer::done(&mut buffer, group).expect("room").finish(address("fe80::1"));
        let packet = &mut buffer[..written.len];
        assert_eq!(Words::of(packet).faults, [""; 0]);
        packet[7] = 64;
        packet[42] = 30;
        packet[70] ^= 1;
        assert_eq!(Words::of(packet).faults, ["hop-limit", "no-router-alert", "bad-checksum"]);
        let json = serde_json::to_string(&Words::of(&packet[..30])).expect("a document");
        assert_eq!(json, r#"{"kind":"unreadable","why":"truncated"}"#);
        assert_eq!(Words::of(&packet[..30]).content.to_string(), "unreadable: truncated");
    }

    #[test]
    fn seconds_lose_no_millisecond_and_show_no_needless_zero() {
        for (millis, json, text) in
            [(0, "0", "0"), (10_000, "10", "10"), (10_500, "10.5", "10.5"), (1, "0.001", "0.001")]
        {
            assert_eq!(serde_json::to_string(&Seconds(millis)).expect("a number"), json);
            assert_eq!(Seconds(millis).to_string(), text);
        }
    }
}
