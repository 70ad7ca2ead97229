//! Captures: pcap with microseconds or nanoseconds in either byte order, and pcapng with any resolution.
//!
//! A capture is read as a stream, one record in memory at a time.

mod error;
mod frame;
mod input;
mod pcap;
mod pcapng;
mod write;

use std::io::Read;

use pcap_parser::{PcapHeader, parse_pcap_header};

pub use self::error::CaptureError;
pub use self::frame::{Frame, LinkType, Payload, UnknownLinkType};
pub use self::write::{ROUTER_MAC, TransmitCapture};

use self::input::{Input, Record};
use self::pcap::{next_record, parse_record, pcap_frame};
use self::pcapng::Section;
use crate::time::LATEST_MS;

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
