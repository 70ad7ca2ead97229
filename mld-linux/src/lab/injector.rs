use std::io;

use socket2::{Domain, Socket, Type};

use super::LabError;
use super::link::index;
use crate::sys;

/// Puts crafted packets on a link, right and wrong ones.
#[derive(Debug)]
pub struct Injector {
    socket: Socket,
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
        let socket = Socket::new(Domain::PACKET, Type::RAW, None)
            .map_err(|source| LabError::system("open a packet socket", source))?;
        Ok(Self { socket, index })
    }

    /// Sends an IPv6 packet to a multicast address in an Ethernet frame.
    ///
    /// # Errors
    ///
    /// What the system says; `InvalidInput` if it is too short to have a destination.
    pub fn packet(&self, packet: &[u8]) -> io::Result<()> {
        let group = packet.get(36..40).ok_or(io::ErrorKind::InvalidInput)?;
        let mut frame = Vec::with_capacity(14 + packet.len());
        frame.extend([0x33, 0x33]);
        frame.extend(group);
        frame.extend(STATION);
        frame.extend(libc::ETH_P_IPV6.to_be_bytes().last_chunk::<2>().ok_or(io::ErrorKind::InvalidInput)?);
        frame.extend(packet);
        self.frame(&frame)
    }

    /// Sends an Ethernet frame as it is.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn frame(&self, frame: &[u8]) -> io::Result<()> {
        let station = frame.get(..6).ok_or(io::ErrorKind::InvalidInput)?;
        let to = sys::packet_address(self.index, libc::ETH_P_IPV6 as u16, station);
        self.socket.send_to(frame, &to).map(drop)
    }
}

/// A locally administered address.
const STATION: [u8; 6] = [2, 0, 0, 0, 0, 2];
