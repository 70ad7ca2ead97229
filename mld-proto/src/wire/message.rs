use core::net::Ipv6Addr;

use zerocopy::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{QUERY_V1_LEN, WireAddr, decode_response_code, kind};
use crate::addr::{ALL_NODES, GroupAddr};
use crate::discard::Discard;
use crate::wire::{MessageKind, RecordType, Version};

bitflags::bitflags! {
    /// The flag bits of octet 24 of an MLDv2 Query; the low three bits are a number, the QRV.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct QueryFlags: u8 {
        /// Extensions follow (RFC 9279). Ignored (R-WIRE-77).
        const EXTENSION = 0x80;
        /// Suppress router-side processing: timers stay as they are (RFC 9777 section 5.1.7).
        const SUPPRESS = 0x08;
    }
}

/// An MLD message, checked as a whole: its lists are complete.
#[derive(Clone, Copy, Debug)]
pub enum Message<'p> {
    /// A Query of either version.
    Query(Query<'p>),
    /// An MLDv1 Report.
    ReportV1(GroupAddr),
    /// An MLDv1 Done.
    Done(GroupAddr),
    /// An MLDv2 Report.
    ReportV2(Report<'p>),
}

/// A Query.
#[derive(Clone, Copy, Debug)]
pub struct Query<'p> {
    /// The version in which it is read.
    pub version: Version,
    /// The version of the message itself, whichever version it is read in.
    pub sent_as: Version,
    /// The queried group; `::` asks for all.
    pub group: Ipv6Addr,
    /// Maximum Response Delay in milliseconds.
    pub response_delay_ms: u32,
    /// Flags; none in version 1.
    pub flags: QueryFlags,
    /// Querier's Robustness Variable, 0 to 7; 0 in version 1.
    pub robustness: u8,
    /// Querier's Query Interval Code; 0 in version 1.
    pub interval_code: u8,
    /// The queried sources (R-WIRE-46); none in version 1.
    pub sources: &'p [WireAddr],
}

impl Query<'_> {
    /// Returns true if it asks for all groups.
    pub const fn is_general(&self) -> bool {
        self.group.is_unspecified()
    }
}

/// An MLDv2 Report.
#[derive(Clone, Copy, Debug)]
pub struct Report<'p> {
    count: u16,
    records: &'p [u8],
}

/// One Multicast Address Record of a Report.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'p> {
    /// The record type; `None` if it is unknown (R-WIRE-63).
    pub record: Option<RecordType>,
    /// The group, as written.
    pub group: Ipv6Addr,
    /// The sources, as written.
    pub sources: &'p [WireAddr],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct MessageHead {
    pub(super) kind: u8,
    pub(super) code: u8,
    pub(super) checksum: U16,
    /// Maximum Response Code in a Query, flags in an MLDv2 Report.
    pub(super) response: U16,
    /// The number of records in an MLDv2 Report.
    pub(super) count: U16,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct QueryTail {
    pub(super) flags: u8,
    pub(super) interval_code: u8,
    pub(super) count: U16,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct RecordHead {
    pub(super) kind: u8,
    pub(super) aux_words: u8,
    pub(super) count: U16,
    pub(super) group: WireAddr,
}

impl<'p> Message<'p> {
    /// Reads an ICMPv6 message on an interface of `version`. The checksum is not looked at, nor are code, reserved
    /// fields and unknown flags (R-WIRE-21, R-WIRE-23, R-WIRE-45, R-WIRE-60).
    ///
    /// # Errors
    ///
    /// [`Discard::NotMld`] for another type, [`Discard::BadLength`] if the message is too short for its kind or for
    /// what it counts, [`Discard::GroupAddress`] if it names an address that cannot be asked for or reported.
    /// Section 1.4 and 1.5 of the layouts: RFC 9777 sections 5.1 and 5.2, RFC 2710 section 3.
    pub fn parse(message: &'p [u8], version: Version) -> Result<Self, Discard> {
        let Some(kind) = message.first().and_then(|octet| kind(*octet)) else {
            return Err(Discard::NotMld);
        };
        match kind {
            MessageKind::Query => Query::parse(message, version).map(Self::Query),
            MessageKind::ReportV1 => version_1_group(message).map(Self::ReportV1),
            MessageKind::Done => version_1_group(message).map(Self::Done),
            MessageKind::ReportV2 => Report::parse(message).map(Self::ReportV2),
        }
    }
}

#[inline]
fn split_head(message: &[u8]) -> Result<(&MessageHead, &[u8]), Discard> {
    MessageHead::ref_from_prefix(message).map_err(|_| Discard::BadLength)
}

/// The group of an MLDv1 Report or Done; what follows it is ignored (R-WIRE-26).
#[inline]
pub(crate) fn version_1_group(message: &[u8]) -> Result<GroupAddr, Discard> {
    let (_, body) = split_head(message)?;
    let Ok((group, _)) = WireAddr::read_from_prefix(body) else {
        return Err(Discard::BadLength);
    };
    GroupAddr::new(group.into()).map_err(|_| Discard::GroupAddress)
}

impl<'p> Query<'p> {
    /// R-WIRE-30 to 32: on an interface of version 2 the length alone decides the version.
    pub(crate) fn parse(message: &'p [u8], interface: Version) -> Result<Self, Discard> {
        let (head, body) = split_head(message)?;
        let Ok((group, behind)) = WireAddr::read_from_prefix(body) else {
            return Err(Discard::BadLength);
        };
        let group = Ipv6Addr::from(group);
        let tail = QueryTail::ref_from_prefix(behind).ok();
        let query = match (interface, tail) {
            (Version::V1, _) => Self {
                version: Version::V1,
                sent_as: if message.len() == QUERY_V1_LEN { Version::V1 } else { Version::V2 },
                group,
                // R-WIRE-22: linear, whoever sent it.
                response_delay_ms: head.response.get().into(),
                flags: QueryFlags::empty(),
                robustness: 0,
                interval_code: 0,
                sources: &[],
            },
            (Version::V2, None) if message.len() == QUERY_V1_LEN => return Self::parse(message, Version::V1),
            (Version::V2, None) => return Err(Discard::BadLength),
            (Version::V2, Some((tail, behind))) => {
                // R-WIRE-48, R-WIRE-57: octets behind the counted sources are ignored.
                let (sources, _additional) =
                    <[WireAddr]>::ref_from_prefix_with_elems(behind, usize::from(tail.count.get()))
                        .map_err(|_| Discard::BadLength)?;
                Self {
                    version: Version::V2,
                    sent_as: Version::V2,
                    group,
                    response_delay_ms: decode_response_code(head.response.get()),
                    flags: QueryFlags::from_bits_truncate(tail.flags),
                    robustness: tail.flags & 0x07,
                    interval_code: tail.interval_code,
                    sources,
                }
            }
        };
        // R-WIRE-54, R-WIRE-55
        let askable = if group.is_unspecified() {
            query.sources.is_empty()
        } else {
            group.is_multicast() && group != ALL_NODES
        };
        if askable { Ok(query) } else { Err(Discard::GroupAddress) }
    }
}

impl<'p> Report<'p> {
    /// R-WIRE-72, R-SEC-12, A-21: every record is bounded before any is used. The count says what is a record; the
    /// rest is not looked at (R-WIRE-64, R-WIRE-76).
    #[inline]
    pub(crate) fn parse(message: &'p [u8]) -> Result<Self, Discard> {
        let (head, records) = split_head(message)?;
        let count = head.count.get();
        let mut rest = records;
        for _ in 0..count {
            rest = split_record(rest).ok_or(Discard::BadLength)?.1;
        }
        Ok(Self { count, records })
    }

    /// How many records there are.
    #[expect(clippy::len_without_is_empty, reason = "records() tells")]
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// The records in wire order.
    pub const fn records(&self) -> Records<'p> {
        Records { left: self.count, rest: self.records }
    }
}

/// The records of a Report, in wire order.
#[derive(Clone, Debug)]
pub struct Records<'p> {
    left: u16,
    rest: &'p [u8],
}

impl<'p> Iterator for Records<'p> {
    type Item = RecordRef<'p>;

    fn next(&mut self) -> Option<RecordRef<'p>> {
        self.left = self.left.checked_sub(1)?;
        let (record, rest) = split_record(self.rest)?;
        self.rest = rest;
        Some(record)
    }
}

#[inline]
fn split_record(octets: &[u8]) -> Option<(RecordRef<'_>, &[u8])> {
    let (head, behind) = RecordHead::ref_from_prefix(octets).ok()?;
    let (sources, behind) =
        <[WireAddr]>::ref_from_prefix_with_elems(behind, usize::from(head.count.get())).ok()?;
    // R-WIRE-62, A-29: auxiliary data counts words of four octets.
    let rest = behind.get(usize::from(head.aux_words) * 4..)?;
    let record = match head.kind {
        1 => Some(RecordType::IsIn),
        2 => Some(RecordType::IsEx),
        3 => Some(RecordType::ToIn),
        4 => Some(RecordType::ToEx),
        5 => Some(RecordType::Allow),
        6 => Some(RecordType::Block),
        _ => None,
    };
    Some((RecordRef { record, group: head.group.into(), sources }, rest))
}
