use std::io;

use socket2::{Domain, SockAddr, Socket, Type};

use super::LabError;
use super::link::index;
use crate::sys;

/// Puts crafted packets on a link, right and wrong ones.
#[derive(Debug)]
pub struct Injector {
    socket: Socket,
    /// Takes a header before each frame that says what the hardware is to do.
    unfinished: Socket,
    index: u32,
}

impl Injector {
    /// A socket on an interface of the node whose thread calls.
    ///
    /// # Errors
    ///
    /// What the system says, for example that there is no such interface.
    pub fn open(interface: &str) -> Result<Self, LabError> {
        let index = index(interface)?;
        // Of no protocol: it receives nothing.
        let open = || Socket::new(Domain::PACKET, Type::RAW, None);
        let system = |source| LabError::system("open a packet socket", source);
        let (socket, unfinished) = (open().map_err(system)?, open().map_err(system)?);
        sys::send_unfinished(&unfinished).map_err(system)?;
        Ok(Self { socket, unfinished, index })
    }

    /// Sends an IPv6 packet to a multicast address in an Ethernet frame.
    ///
    /// # Errors
    ///
    /// What the system says; `InvalidInput` if it is too short to have a destination.
    pub fn packet(&self, packet: &[u8]) -> io::Result<()> {
        self.frame(&ethernet(packet)?)
    }

    /// Sends an IPv6 packet whose ICMPv6 message begins at `message` and bears no checksum yet: that is left to
    /// hardware, of which a virtual link has none.
    ///
    /// # Errors
    ///
    /// What the system says; `InvalidInput` if the packet is too short.
    pub fn unfinished_packet(&self, packet: &[u8], message: u16) -> io::Result<()> {
        let mut frame = sys::unfinished_checksum(ETHERNET_LEN + message, 2).to_vec();
        frame.extend(ethernet(packet)?);
        self.unfinished.send_to(&frame, &self.address(&frame[10..])?).map(drop)
    }

    /// Sends an Ethernet frame as it is.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn frame(&self, frame: &[u8]) -> io::Result<()> {
        self.socket.send_to(frame, &self.address(frame)?).map(drop)
    }

    fn address(&self, frame: &[u8]) -> io::Result<SockAddr> {
        let station = frame.get(..6).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(sys::packet_address(self.index, libc::ETH_P_IPV6 as u16, station))
    }
}

/// The frame of a packet to a multicast address.
fn ethernet(packet: &[u8]) -> io::Result<Vec<u8>> {
    let group = packet.get(36..40).ok_or(io::ErrorKind::InvalidInput)?;
    Ok([&[0x33, 0x33], group, &STATION, &(libc::ETH_P_IPV6 as u16).to_be_bytes(), packet].concat())
}

const ETHERNET_LEN: u16 = 14;
/// A locally administered address.
const STATION: [u8; 6] = [2, 0, 0, 0, 0, 2];
