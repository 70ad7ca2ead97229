//! Records of pcap.

use std::io::Read;

use pcap_parser::nom;
use pcap_parser::{LegacyPcapBlock, PcapError, parse_pcap_frame, parse_pcap_frame_be};

use super::error::CaptureError;
use super::frame::{Frame, LinkType};
use super::input::{Input, RECORD_MAX, Record};

/// Reads until a whole record of a pcap is there.
pub(super) fn next_record<R: Read>(input: &mut Input<R>, big_endian: bool) -> Result<Record, CaptureError> {
    let mut wanted = 1;
    loop {
        let offset = input.offset();
        let octets = input.fill(wanted)?;
        if octets.is_empty() {
            return Ok(Record::End);
        }
        if octets.len() < wanted {
            return Ok(Record::Cut);
        }
        wanted = match parse_record(octets, big_endian) {
            Ok((rest, _)) => return Ok(Record::Found(octets.len() - rest.len())),
            Err(nom::Err::Incomplete(nom::Needed::Size(missing))) => {
                octets.len().saturating_add(missing.get())
            }
            Err(_) => return Err(CaptureError::Broken { offset, what: "a record that cannot be read" }),
        };
        if wanted > RECORD_MAX {
            return Err(CaptureError::Broken { offset, what: "a record of impossible length" });
        }
    }
}

type Parsed<'c> = nom::IResult<&'c [u8], LegacyPcapBlock<'c>, PcapError<&'c [u8]>>;

pub(super) fn parse_record(octets: &[u8], big_endian: bool) -> Parsed<'_> {
    if big_endian { parse_pcap_frame_be(octets) } else { parse_pcap_frame(octets) }
}

pub(super) fn pcap_frame<'c>(record: &LegacyPcapBlock<'c>, link: LinkType, nanoseconds: bool) -> Frame<'c> {
    let fraction_ms = record.ts_usec / if nanoseconds { 1_000_000 } else { 1000 };
    Frame {
        time_ms: u64::from(record.ts_sec) * 1000 + u64::from(fraction_ms),
        link,
        octets: record.data,
        captured_short: record.caplen < record.origlen,
    }
}
