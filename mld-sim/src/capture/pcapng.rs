//! Blocks and interfaces of pcapng.
//!
//! The blocks are read by a library; their framing, and times of any resolution, are handled here: the library takes
//! a packet that overruns its block for an incomplete file, knows few resolutions, and reads time offsets in one
//! byte order only.

use std::io::Read;

use pcap_parser::{
    Block, EPB_MAGIC, IDB_MAGIC, InterfaceDescriptionBlock, OptionCode, SHB_MAGIC, SPB_MAGIC, parse_block_be,
    parse_block_le,
};

use super::error::CaptureError;
use super::frame::{Frame, LinkType};
use super::input::{Input, RECORD_MAX, Record};

/// Type, length, and the byte order of a section or the first octets of another block.
const BLOCK_HEAD_LEN: usize = 12;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// The packet block that early versions of the format had.
const OBSOLETE_PACKET_BLOCK: u32 = 2;
const OBSOLETE_HEAD_LEN: usize = 20;

/// What packets refer to: the present section and its interfaces.
#[derive(Debug)]
pub(super) struct Section {
    big_endian: bool,
    interfaces: Vec<Interface>,
    /// The time of the latest packet, for packets that bear none.
    last_ms: u64,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    snaplen: u32,
    resolution: u8,
    offset_s: i64,
}

/// What a file says that cannot be.
pub(super) struct Contradiction;

/// Reads until a whole block is there, and yields its length; `None` if the file ends before. The byte order is that
/// of the present section; a section header brings its own.
pub(super) fn next_block<R: Read>(
    input: &mut Input<R>,
    big_endian: Option<bool>,
) -> Result<Option<usize>, CaptureError> {
    let offset = input.offset();
    let octets = input.fill(BLOCK_HEAD_LEN)?;
    let [Some(kind), Some(len), Some(magic)] = [0, 4, 8].map(|at| word(octets, at)) else {
        return Ok(None);
    };
    let big_endian = if kind == SHB_MAGIC.to_be_bytes() {
        match u32::from_be_bytes(magic) {
            BYTE_ORDER_MAGIC => true,
            order if order.swap_bytes() == BYTE_ORDER_MAGIC => false,
            _ => return Err(CaptureError::Broken { offset, what: "a section of unknown byte order" }),
        }
    } else {
        big_endian.unwrap_or_default()
    };
    let len = read(len, big_endian) as usize;
    if len < BLOCK_HEAD_LEN || !len.is_multiple_of(4) || len > RECORD_MAX {
        return Err(CaptureError::Broken { offset, what: "a block of impossible length" });
    }
    Ok((input.fill(len)?.len() >= len).then_some(len))
}

impl Section {
    /// The section that the block `octets` begins.
    pub(super) fn new(octets: &[u8]) -> Result<Self, Contradiction> {
        match parse_block_le(octets) {
            Ok((_, Block::SectionHeader(header))) => {
                Ok(Self { big_endian: header.big_endian(), interfaces: Vec::new(), last_ms: 0 })
            }
            _ => Err(Contradiction),
        }
    }

    /// Reads until a whole block with a packet is there; what other blocks say is kept.
    pub(super) fn next_packet<R: Read>(&mut self, input: &mut Input<R>) -> Result<Record, CaptureError> {
        loop {
            let offset = input.offset();
            let broken = |_| CaptureError::Broken { offset, what: "a block that cannot be read" };
            let Some(len) = next_block(input, Some(self.big_endian))? else {
                return Ok(if input.fill(1)?.is_empty() { Record::End } else { Record::Cut });
            };
            let octets = input.octets(len);
            if !self.matters(octets) {
                input.consume(len);
                continue;
            }
            match self.parse(octets).map_err(broken)? {
                Block::SectionHeader(_) => {
                    let last_ms = self.last_ms;
                    *self = Self { last_ms, ..Self::new(octets).map_err(broken)? };
                }
                Block::InterfaceDescription(block) => {
                    let interface = self.interface(&block)?;
                    self.interfaces.push(interface);
                }
                _ => return Ok(Record::Found(len)),
            }
            input.consume(len);
        }
    }

    /// The frame in a block that [`next_packet`](Self::next_packet) found.
    pub(super) fn frame<'c>(&mut self, octets: &'c [u8]) -> Option<Frame<'c>> {
        let frame = match self.parse(octets).ok()? {
            Block::EnhancedPacket(block) => {
                let interface = self.interfaces.get(block.if_id as usize)?;
                let data = block.data.get(..block.caplen as usize)?;
                interface.frame(block.ts_high, block.ts_low, data, block.origlen)
            }
            Block::SimplePacket(block) => {
                let interface = self.interfaces.first()?;
                let snaplen = if interface.snaplen == 0 { u32::MAX } else { interface.snaplen };
                let octets = block.data.get(..block.origlen.min(snaplen) as usize)?;
                let captured_short = octets.len() < block.origlen as usize;
                Frame { time_ms: self.last_ms, link: interface.link, octets, captured_short }
            }
            Block::Unknown(block) => self.obsolete_frame(block.data)?,
            _ => return None,
        };
        self.last_ms = frame.time_ms;
        Some(frame)
    }

    fn parse<'c>(&self, octets: &'c [u8]) -> Result<Block<'c>, Contradiction> {
        let parsed = if self.big_endian { parse_block_be(octets) } else { parse_block_le(octets) };
        parsed.map(|(_, block)| block).map_err(|_| Contradiction)
    }

    fn interface(&self, block: &InterfaceDescriptionBlock<'_>) -> Result<Interface, CaptureError> {
        let offset = block.options.iter().find(|option| option.code == OptionCode::IfTsoffset);
        let offset_s = offset.and_then(|option| option.as_bytes().ok()?.try_into().ok());
        let offset_s =
            offset_s.map_or(0, if self.big_endian { i64::from_be_bytes } else { i64::from_le_bytes });
        Ok(Interface {
            link: LinkType::from_number(block.linktype.0 as u16)?,
            snaplen: block.snaplen,
            resolution: block.if_tsresol,
            offset_s,
        })
    }

    /// Whether a block bears a packet or what a packet refers to; what others say, and whether they say it well, is
    /// of no interest.
    fn matters(&self, octets: &[u8]) -> bool {
        let kinds = [SHB_MAGIC, IDB_MAGIC, OBSOLETE_PACKET_BLOCK, SPB_MAGIC, EPB_MAGIC];
        word(octets, 0).is_some_and(|kind| kinds.contains(&read(kind, self.big_endian)))
    }

    fn obsolete_frame<'c>(&self, octets: &'c [u8]) -> Option<Frame<'c>> {
        let (head, rest) = octets.split_first_chunk::<OBSOLETE_HEAD_LEN>()?;
        let number = |at: usize| word(head, at).map(|word| read(word, self.big_endian));
        // The number of the interface takes the first half of the first word.
        let id = if self.big_endian { number(0)? >> 16 } else { number(0)? & 0xffff };
        let data = rest.get(..number(12)? as usize)?;
        Some(self.interfaces.get(id as usize)?.frame(number(4)?, number(8)?, data, number(16)?))
    }
}

impl Interface {
    fn frame<'c>(&self, ts_high: u32, ts_low: u32, octets: &'c [u8], original_len: u32) -> Frame<'c> {
        let units = u64::from(ts_high) << 32 | u64::from(ts_low);
        Frame {
            time_ms: millis(units, self.resolution, self.offset_s),
            link: self.link,
            octets,
            captured_short: octets.len() < original_len as usize,
        }
    }
}

/// Whole milliseconds of a time in units of 10^-n seconds, or of 2^-n where the top bit of `resolution` is set. Times
/// before the epoch count as the epoch.
fn millis(units: u64, resolution: u8, offset_s: i64) -> u64 {
    let exponent = u32::from(resolution & 0x7f);
    let thousandfold = u128::from(units) * 1000;
    let millis = if resolution & 0x80 == 0 {
        10_u128.checked_pow(exponent).map_or(0, |units_per_second| thousandfold / units_per_second)
    } else {
        thousandfold >> exponent
    };
    let millis = i128::try_from(millis).unwrap_or(i128::MAX).saturating_add(i128::from(offset_s) * 1000);
    u64::try_from(millis.max(0)).unwrap_or(u64::MAX)
}

fn word(octets: &[u8], at: usize) -> Option<[u8; 4]> {
    octets.get(at..)?.first_chunk().copied()
}

const fn read(word: [u8; 4], big_endian: bool) -> u32 {
    if big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_any_resolution_are_rounded_down_to_milliseconds() {
        for (units, resolution, offset_s, expected) in [
            (1_500_999, 6, 0, 1500),
            (1_500_999_999, 9, 0, 1500),
            (1500, 3, 0, 1500),
            (15, 1, 0, 1500),
            (2, 0, 0, 2000),
            (15, 1, 100, 101_500),
            (15, 1, -1, 500),
            (15, 1, -2, 0),
            (3 << 31, 0x80 | 32, 0, 1500),
            (u64::MAX, 0x80 | 63, 0, 1999),
            (3, 0x80, 0, 3000),
            (3, 0x81, 0, 1500),
            (u64::MAX, 0x80 | 127, 0, 0),
            (u64::MAX, 19, 0, 1844),
            (u64::MAX, 127, 0, 0),
            (u64::MAX, 0, 0, u64::MAX),
            (0, 6, i64::MIN, 0),
            (0, 6, i64::MAX, u64::MAX),
        ] {
            assert_eq!(millis(units, resolution, offset_s), expected, "{units} {resolution:#x} {offset_s}");
        }
    }
}
