//! Reasons why a capture cannot be read.

use core::fmt;
use std::io;

use super::frame::UnknownLinkType;

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
