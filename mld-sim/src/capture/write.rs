//! Captures of what the router sends.

use core::net::Ipv6Addr;
use core::time::Duration;
use std::io::{self, Write};

use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::{DataLink, Endianness, PcapError, TsResolution};

/// The Ethernet address of the router.
pub const ROUTER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
const ETHERTYPE_IPV6: [u8; 2] = [0x86, 0xdd];
/// Longer than any Ethernet frame around an IPv6 packet of 65535 octets.
const SNAPLEN: u32 = 262_144;

/// Writes IPv6 packets to multicast groups as a pcap of Ethernet frames: microseconds, little endian.
#[derive(Debug)]
pub struct TransmitCapture<W: Write> {
    pcap: PcapWriter<W>,
    frame: Vec<u8>,
}

impl<W: Write> TransmitCapture<W> {
    /// Begins a capture.
    ///
    /// # Errors
    ///
    /// Those of `writer`.
    pub fn new(writer: W) -> io::Result<Self> {
        let header = PcapHeader {
            snaplen: SNAPLEN,
            datalink: DataLink::ETHERNET,
            ts_resolution: TsResolution::MicroSecond,
            endianness: Endianness::Little,
            ..PcapHeader::default()
        };
        let pcap = PcapWriter::with_header(writer, header).map_err(into_io)?;
        Ok(Self { pcap, frame: Vec::new() })
    }

    /// Adds a packet to the group `destination`, sent at `time_ms` of the capture's clock. It goes to the Ethernet
    /// address of the group (RFC 2464 section 7).
    ///
    /// # Errors
    ///
    /// Those of the writer; a time after the year 2106, which a pcap cannot express.
    pub fn write(&mut self, time_ms: u64, destination: Ipv6Addr, packet: &[u8]) -> io::Result<()> {
        let [.., a, b, c, d] = destination.octets();
        self.frame.clear();
        self.frame.extend([0x33, 0x33, a, b, c, d]);
        self.frame.extend(ROUTER_MAC);
        self.frame.extend(ETHERTYPE_IPV6);
        self.frame.extend(packet);
        let len = u32::try_from(self.frame.len()).map_err(io::Error::other)?;
        let packet = PcapPacket::new(Duration::from_millis(time_ms), len, &self.frame);
        self.pcap.write_packet(&packet).map_err(into_io)?;
        Ok(())
    }

    /// Ends the capture.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn finish(self) -> io::Result<()> {
        self.pcap.into_writer().flush()
    }
}

fn into_io(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        error => io::Error::other(error),
    }
}
