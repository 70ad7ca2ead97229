use core::net::Ipv6Addr;

use zerocopy::IntoBytes;
use zerocopy::network_endian::U16;

use super::message::{MessageHead, QueryTail, RecordHead};
use super::{HEADERS_LEN, NEXT_HEADER_HOP_BY_HOP, NEXT_HEADER_ICMPV6, WireAddr, checksum};
use crate::addr::{ALL_MLDV2_ROUTERS, ALL_NODES, ALL_ROUTERS, GroupAddr};
use crate::io::BufferTooSmall;
use crate::wire::RecordType;

use super::QueryFlags;

/// Builds one packet in a caller's buffer: IPv6 header, hop-by-hop header with Router Alert, MLD message.
///
/// The constructors begin a message, [`record`](Self::record) and [`source`](Self::source) lengthen it, and
/// [`finish`](Self::finish) fills in lengths and checksum. A buffer that is too small is an error and costs what
/// was being added, no more. R-WIRE-1 to 4, R-WIRE-20 to 25, R-WIRE-27, R-WIRE-45, R-WIRE-49, R-WIRE-50,
/// R-WIRE-60 to 62, R-WIRE-64.
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut [u8],
    len: usize,
    destination: Ipv6Addr,
    /// Where the count of sources of the message or of its last record stands.
    sources_at: usize,
}

/// The fields of an MLDv2 Query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryFields {
    /// The queried group; `::` asks for all.
    pub group: Ipv6Addr,
    /// Maximum Response Code.
    pub response_code: u16,
    /// Flags.
    pub flags: QueryFlags,
    /// Querier's Robustness Variable; announced as 0 above 7 (R-WIRE-44).
    pub robustness: u8,
    /// Querier's Query Interval Code.
    pub interval_code: u8,
}

impl<'b> Writer<'b> {
    /// A Query of MLDv1, to `ff02::1` or the group.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`], as for every method here.
    pub fn query_v1(
        buffer: &'b mut [u8],
        group: Ipv6Addr,
        response_delay_ms: u16,
    ) -> Result<Self, BufferTooSmall> {
        let mut writer = Self::begin(buffer, query_destination(group), 130, response_delay_ms)?;
        writer.put(&group.octets())?;
        Ok(writer)
    }

    /// A Query of MLDv2, to `ff02::1` or the group; add sources with [`source`](Self::source).
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`].
    pub fn query_v2(buffer: &'b mut [u8], fields: QueryFields) -> Result<Self, BufferTooSmall> {
        let destination = query_destination(fields.group);
        let mut writer = Self::begin(buffer, destination, 130, fields.response_code)?;
        writer.put(&fields.group.octets())?;
        let robustness = if fields.robustness > 7 { 0 } else { fields.robustness };
        let tail = QueryTail {
            flags: fields.flags.bits() | robustness,
            interval_code: fields.interval_code,
            count: U16::ZERO,
        };
        writer.put(tail.as_bytes())?;
        writer.sources_at = writer.len - 2;
        Ok(writer)
    }

    /// A Report of MLDv1, to the group.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`].
    pub fn report_v1(buffer: &'b mut [u8], group: GroupAddr) -> Result<Self, BufferTooSmall> {
        let mut writer = Self::begin(buffer, group.get(), 131, 0)?;
        writer.put(&group.get().octets())?;
        Ok(writer)
    }

    /// A Done of MLDv1, to `ff02::2`.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`].
    pub fn done(buffer: &'b mut [u8], group: GroupAddr) -> Result<Self, BufferTooSmall> {
        let mut writer = Self::begin(buffer, ALL_ROUTERS, 132, 0)?;
        writer.put(&group.get().octets())?;
        Ok(writer)
    }

    /// A Report of MLDv2, to `ff02::16`; add records with [`record`](Self::record).
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`].
    pub fn report_v2(buffer: &'b mut [u8]) -> Result<Self, BufferTooSmall> {
        Self::begin(buffer, ALL_MLDV2_ROUTERS, 143, 0)
    }

    /// Adds a record to a Report of MLDv2; [`RecordType::Report`] is written as MODE_IS_EXCLUDE, which it means.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`].
    pub fn record(&mut self, record: RecordType, group: Ipv6Addr) -> Result<(), BufferTooSmall> {
        let kind = match record {
            RecordType::IsIn => 1,
            RecordType::IsEx | RecordType::Report => 2,
            RecordType::ToIn => 3,
            RecordType::ToEx => 4,
            RecordType::Allow => 5,
            RecordType::Block => 6,
        };
        let head = RecordHead { kind, aux_words: 0, count: U16::ZERO, group: group.into() };
        self.put(head.as_bytes())?;
        self.sources_at = self.len - 18;
        self.count_up(HEADERS_LEN + 6);
        Ok(())
    }

    /// Adds a source to an MLDv2 Query, or to the last record of a Report.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`].
    pub fn source(&mut self, source: impl Into<WireAddr>) -> Result<(), BufferTooSmall> {
        self.put(source.into().as_bytes())?;
        self.count_up(self.sources_at);
        Ok(())
    }

    /// Octets written so far.
    #[expect(clippy::len_without_is_empty, reason = "a packet is never empty")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Ends the packet, with `source` as source address, and says how long it is and where it goes.
    pub fn finish(self, source: Ipv6Addr) -> crate::io::Transmit {
        let (headers, rest) = self.buffer.split_at_mut(HEADERS_LEN);
        let message = &mut rest[..self.len - HEADERS_LEN];
        let payload_len = (self.len - 40) as u16;
        headers[..8].copy_from_slice(&[0x60, 0, 0, 0, 0, 0, NEXT_HEADER_HOP_BY_HOP, 1]);
        headers[4..6].copy_from_slice(&payload_len.to_be_bytes());
        headers[8..24].copy_from_slice(&source.octets());
        headers[24..40].copy_from_slice(&self.destination.octets());
        // Router Alert of value 0, then an empty PadN.
        headers[40..].copy_from_slice(&[NEXT_HEADER_ICMPV6, 0, 5, 2, 0, 0, 1, 0]);
        let checksum = checksum::compute(source, self.destination, message);
        message[2..4].copy_from_slice(&checksum.to_be_bytes());
        crate::io::Transmit { len: self.len, destination: self.destination }
    }

    fn begin(
        buffer: &'b mut [u8],
        destination: Ipv6Addr,
        kind: u8,
        response: u16,
    ) -> Result<Self, BufferTooSmall> {
        let mut writer = Self { buffer, len: HEADERS_LEN, destination, sources_at: 0 };
        let head =
            MessageHead { kind, code: 0, checksum: U16::ZERO, response: response.into(), count: U16::ZERO };
        writer.put(head.as_bytes())?;
        Ok(writer)
    }

    fn put(&mut self, octets: &[u8]) -> Result<(), BufferTooSmall> {
        let end = self.len + octets.len();
        let place = self.buffer.get_mut(self.len..end).ok_or(BufferTooSmall { needed: end })?;
        place.copy_from_slice(octets);
        self.len = end;
        Ok(())
    }

    /// Adds one to the 16-bit number at `offset`.
    fn count_up(&mut self, offset: usize) {
        if let Some(field) = self.buffer.get_mut(offset..).and_then(|rest| rest.first_chunk_mut::<2>()) {
            *field = (u16::from_be_bytes(*field).wrapping_add(1)).to_be_bytes();
        }
    }
}

const fn query_destination(group: Ipv6Addr) -> Ipv6Addr {
    if group.is_unspecified() { ALL_NODES } else { group }
}
