//! The sending side of an interface: a raw ICMPv6 socket bound to the link-local address that the router speaks
//! from, and the memberships that let switches send MLD messages this way.

use core::net::{Ipv6Addr, SocketAddrV6};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use mld_proto::{ALL_MLDV2_ROUTERS, ALL_ROUTERS};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, Protocol, Socket, Type};

use crate::sys;

/// Sends MLD messages with hop limit 1 and a Router Alert; the kernel writes the headers and the checksum, and
/// lets this machine's own host part hear them (R-WIRE-2, R-WIRE-3).
#[derive(Debug)]
pub(crate) struct Sender {
    socket: Socket,
    address: Ipv6Addr,
    index: u32,
}

impl Sender {
    /// Opens a socket that sends from `address`, with the kernel as a listener of what it sends (R-RXQ-7).
    ///
    /// # Errors
    ///
    /// What the system says; `AddrNotAvailable` while duplicate address detection is under way.
    pub(crate) fn open(index: u32, address: Ipv6Addr) -> io::Result<Self> {
        let socket = raw()?;
        socket.set_nonblocking(true)?;
        // What finds no room waits in the engine, where it stays up to date, rather than in a queue.
        socket.set_send_buffer_size(BUFFER_LEN)?;
        socket.set_multicast_if_v6(index)?;
        socket.set_multicast_hops_v6(1)?;
        socket.set_unicast_hops_v6(1)?;
        socket.set_multicast_loop_v6(true)?;
        sys::send_router_alert(&socket)?;
        sys::never_fragment(&socket)?;
        socket.bind(&SocketAddrV6::new(address, 0, 0, index).into())?;
        Ok(Self { socket, address, index })
    }

    /// The address that it sends from.
    pub(crate) const fn address(&self) -> Ipv6Addr {
        self.address
    }

    /// Sends one ICMPv6 message, whose checksum the kernel fills in.
    ///
    /// # Errors
    ///
    /// What the system says; `WouldBlock` if it must be offered again later.
    pub(crate) fn send(&self, message: &[u8], destination: Ipv6Addr) -> io::Result<()> {
        match self.socket.send_to(message, &SocketAddrV6::new(destination, 0, 0, self.index).into()) {
            // A raw IPv6 socket says so too when its own buffer is full. Then it gets writable some day; another
            // lack of memory is a failure.
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) && !self.is_writable() => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            sent => sent.map(drop),
        }
    }

    fn is_writable(&self) -> bool {
        let mut fds = [PollFd::new(&self.socket, PollFlags::OUT)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&now)).is_ok_and(|ready| ready > 0)
    }
}

impl AsFd for Sender {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Asks for the privilege to send, and keeps nothing of it.
///
/// # Errors
///
/// `PermissionDenied` without CAP_NET_RAW.
pub(crate) fn check_permission() -> io::Result<()> {
    raw().map(drop)
}

/// Membership of `ff02::16` and `ff02::2`, where listeners send what this router must hear. The packet socket
/// hears it anyway; switches that snoop learn from the memberships where to send it.
#[derive(Debug)]
pub(crate) struct RouterGroups {
    _socket: Socket,
}

impl RouterGroups {
    /// Joins both on the interface, until the value is dropped (R-WIRE-13).
    ///
    /// # Errors
    ///
    /// What the system says, for example where IPv6 is switched off.
    pub(crate) fn join(index: u32) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
        for group in [ALL_MLDV2_ROUTERS, ALL_ROUTERS] {
            socket.join_multicast_v6(&group, index)?;
        }
        Ok(Self { _socket: socket })
    }
}

/// Some hundred Queries.
const BUFFER_LEN: usize = 128 << 10;

fn raw() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6))?;
    sys::block_icmpv6(&socket)?;
    Ok(socket)
}
