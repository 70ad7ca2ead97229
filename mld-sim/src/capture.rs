//! Captures: pcap with microseconds or nanoseconds in either byte order, and pcapng with any resolution.
//!
//! A capture is read as a stream, one record in memory at a time.

use core::fmt;
use std::io::{self, Read};

use pcap_parser::nom;
use pcap_parser::{
    LegacyPcapBlock, PcapError, PcapHeader, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_header,
};

use crate::link::{Frame, LinkType, UnknownLinkType};
use crate::seconds::LATEST_MS;
use input::Input;
use pcapng::Section;

mod input;
mod pcapng;

/// No record is longer: what claims to be comes from a broken file.
const RECORD_MAX: usize = 1 << 26;
const PCAPNG_MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const PCAP_HEADER_LEN: usize = 24;

/// A capture that is being read.
#[derive(Debug)]
pub struct Capture<R> {
    input: Input<R>,
    format: Format,
    is_cut: bool,
}

#[derive(Debug)]
enum Format {
    Pcap { link: LinkType, big_endian: bool, nanoseconds: bool },
    Pcapng(Section),
}

impl<R: Read> Capture<R> {
    /// Begins to read a capture.
    ///
    /// # Errors
    ///
    /// [`CaptureError::NotACapture`] if it does not begin as one, [`CaptureError::LinkType`] if its frames cannot be
    /// read, [`CaptureError::Io`].
    pub fn new(input: R) -> Result<Self, CaptureError> {
        let mut input = Input::new(input);
        let format = if input.fill(PCAPNG_MAGIC.len())?.starts_with(&PCAPNG_MAGIC) {
            match pcapng::next_block(&mut input, None)? {
                Some(len) => {
                    let section = Section::new(input.octets(len)).map_err(|_| CaptureError::NotACapture)?;
                    input.consume(len);
                    Format::Pcapng(section)
                }
                None => return Err(CaptureError::NotACapture),
            }
        } else {
            let (_, header) =
                parse_pcap_header(input.fill(PCAP_HEADER_LEN)?).map_err(|_| CaptureError::NotACapture)?;
            input.consume(PCAP_HEADER_LEN);
            Format::pcap(&header)?
        };
        Ok(Self { input, format, is_cut: false })
    }

    /// The next frame; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`CaptureError::Broken`] if the file contradicts itself, [`CaptureError::LinkType`] if the frames of a further
    /// interface cannot be read, [`CaptureError::Io`].
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        let found = match &mut self.format {
            Format::Pcap { big_endian, .. } => next_record(&mut self.input, *big_endian)?,
            Format::Pcapng(section) => section.next_packet(&mut self.input)?,
        };
        let offset = self.input.offset();
        let octets = match found {
            Record::Found(len) => self.input.take(len),
            Record::End => return Ok(None),
            Record::Cut => {
                self.is_cut = true;
                return Ok(None);
            }
        };
        let frame = match &mut self.format {
            Format::Pcap { link, big_endian, nanoseconds } => parse_record(octets, *big_endian)
                .ok()
                .map(|(_, record)| pcap_frame(&record, *link, *nanoseconds)),
            Format::Pcapng(section) => section.frame(octets),
        };
        match frame {
            Some(frame) if frame.time_ms <= LATEST_MS => Ok(Some(frame)),
            Some(_) => Err(CaptureError::Broken { offset, what: "a time after the year 9999" }),
            None => Err(CaptureError::Broken { offset, what: "a record that cannot be read" }),
        }
    }

    /// Whether the file ended inside a record.
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }
}

impl Format {
    fn pcap(header: &PcapHeader) -> Result<Self, CaptureError> {
        if header.is_modified_format() {
            return Err(CaptureError::NotACapture);
        }
        // The upper half says how long a frame check sequence is; it lies behind the packet and is ignored.
        let link = LinkType::from_number(header.network.0 as u16)?;
        Ok(Self::Pcap {
            link,
            big_endian: header.is_bigendian(),
            nanoseconds: header.is_nanosecond_precision(),
        })
    }
}

/// What comes next in a file.
enum Record {
    /// So many octets that hold a packet.
    Found(usize),
    /// Nothing.
    End,
    /// The file ends inside a record.
    Cut,
}

/// Reads until a whole record of a pcap is there.
fn next_record<R: Read>(input: &mut Input<R>, big_endian: bool) -> Result<Record, CaptureError> {
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

fn parse_record(octets: &[u8], big_endian: bool) -> Parsed<'_> {
    if big_endian { parse_pcap_frame_be(octets) } else { parse_pcap_frame(octets) }
}

fn pcap_frame<'c>(record: &LegacyPcapBlock<'c>, link: LinkType, nanoseconds: bool) -> Frame<'c> {
    let fraction_ms = record.ts_usec / if nanoseconds { 1_000_000 } else { 1000 };
    Frame {
        time_ms: u64::from(record.ts_sec) * 1000 + u64::from(fraction_ms),
        link,
        octets: record.data,
        captured_short: record.caplen < record.origlen,
    }
}

/// Why a capture cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum CaptureError {
    /// It cannot be read at all.
    Io(io::Error),
    /// It is no capture.
    NotACapture,
    /// Its frames cannot be read.
    LinkType(UnknownLinkType),
    /// It contradicts itself.
    Broken {
        /// Where: octets from the beginning.
        offset: u64,
        /// What stands there.
        what: &'static str,
    },
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::NotACapture => f.write_str("must be a pcap or pcapng capture, and does not begin as one"),
            Self::LinkType(error) => error.fmt(f),
            Self::Broken { offset, what } => write!(f, "broken at octet {offset}: {what}"),
        }
    }
}

impl core::error::Error for CaptureError {}

impl From<io::Error> for CaptureError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<UnknownLinkType> for CaptureError {
    fn from(error: UnknownLinkType) -> Self {
        Self::LinkType(error)
    }
}
