//! Everything that needs `unsafe`: socket options that no library offers, packet addresses, control messages, the
//! receive ring, and the namespaces of the lab.

#[cfg(feature = "lab")]
mod lab;
mod receive;
mod ring;

use core::ffi::c_int;
use core::mem::size_of;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use socket2::{SockAddr, SockAddrStorage, Socket};

#[cfg(feature = "lab")]
pub(crate) use lab::{
    Membership, change_membership, die_with_parent, send_unfinished, unfinished_checksum, unshare,
};
pub(crate) use receive::{Control, receive};
pub(crate) use ring::Ring;

/// What the kernel says of one received frame beside its octets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FrameInfo {
    /// `TP_STATUS_*`.
    pub(crate) status: u32,
    /// Priority and id of a VLAN tag; of meaning only with `TP_STATUS_VLAN_VALID`.
    pub(crate) vlan_tci: u16,
    /// `PACKET_HOST`, `PACKET_MULTICAST`, `PACKET_OTHERHOST`, ...
    pub(crate) packet_type: u8,
    /// Arrival on the real-time clock, nanoseconds; zero if unknown.
    pub(crate) arrival_ns: i128,
}

/// A type of which the kernel may read or write every octet.
///
/// # Safety
///
/// Each pattern of octets must be a value of the type.
unsafe trait Plain: Copy {}

// SAFETY: integers and structures of integers.
unsafe impl Plain for c_int {}
// SAFETY: as above.
unsafe impl<const N: usize> Plain for [u32; N] {}
// SAFETY: as above.
unsafe impl<const N: usize> Plain for [u8; N] {}
// SAFETY: as above.
unsafe impl Plain for libc::packet_mreq {}
// SAFETY: as above.
unsafe impl Plain for libc::tpacket_stats_v3 {}
// SAFETY: as above.
unsafe impl Plain for libc::tpacket_req3 {}
// SAFETY: as above.
unsafe impl Plain for libc::group_req {}
// SAFETY: as above.
unsafe impl Plain for libc::group_source_req {}

/// Receives every multicast frame of the link, not only those of joined groups (R-WIRE-12).
pub(crate) fn receive_all_multicast(socket: &Socket, index: u32) -> io::Result<()> {
    let request = libc::packet_mreq {
        mr_ifindex: index as c_int,
        mr_type: libc::PACKET_MR_ALLMULTI as u16,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    set_option(socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &request)
}

/// Asks for a control message with `TP_STATUS_*` and the VLAN tag, and for one with the time of arrival.
pub(crate) fn receive_frame_info(socket: &Socket) -> io::Result<()> {
    set_option(socket, libc::SOL_PACKET, libc::PACKET_AUXDATA, &1)?;
    set_option(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &1)
}

/// A receive buffer larger than the system's bound; refused without CAP_NET_ADMIN in the first user namespace.
pub(crate) fn force_receive_buffer(socket: &Socket, octets: c_int) -> io::Result<()> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &octets)
}

/// Frames that the kernel dropped since the last call because the socket was full.
pub(crate) fn take_drops(socket: &Socket) -> io::Result<u32> {
    let zero = libc::tpacket_stats_v3 { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
    let statistics = read_option(socket, libc::SOL_PACKET, libc::PACKET_STATISTICS, zero)?;
    Ok(statistics.tp_drops)
}

/// Binds a packet socket to one interface and protocol. From here on it receives.
pub(crate) fn bind_packet(socket: &Socket, index: u32, protocol: u16) -> io::Result<()> {
    socket.bind(&packet_address(index, protocol, &[]))
}

/// The address of a link-layer station on an interface.
pub(crate) fn packet_address(index: u32, protocol: u16, station: &[u8]) -> SockAddr {
    let mut octets = [0; 8];
    let len = station.len().min(octets.len());
    octets[..len].copy_from_slice(&station[..len]);
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as libc::sa_family_t,
        sll_protocol: protocol.to_be(),
        sll_ifindex: index as c_int,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: len as u8,
        sll_addr: octets,
    };
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: sockaddr_ll is one of the addresses that a storage is made to hold, and is no longer than it.
    unsafe { *storage.view_as::<libc::sockaddr_ll>() = address };
    // SAFETY: the storage holds an address of that length, with its family set.
    unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_ll>() as libc::socklen_t) }
}

/// Puts a Router Alert for MLD into a hop-by-hop header of everything sent (R-WIRE-3).
pub(crate) fn send_router_alert(socket: &Socket) -> io::Result<()> {
    // The kernel writes the next header; zero length stands for eight octets; the rest is PadN.
    let hop_by_hop: [u8; 8] = [0, 0, 5, 2, 0, 0, 1, 0];
    set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_HOPOPTS, &hop_by_hop)
}

/// Refuses to send what does not fit the link: hosts ignore fragments of MLD (R-WIRE-78).
pub(crate) fn never_fragment(socket: &Socket) -> io::Result<()> {
    set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, &1)
}

/// Receives no ICMPv6 message at all on a socket that only sends.
pub(crate) fn block_icmpv6(socket: &Socket) -> io::Result<()> {
    // Not in libc: linux/icmpv6.h.
    const ICMPV6_FILTER: c_int = 1;
    set_option(socket, libc::IPPROTO_ICMPV6, ICMPV6_FILTER, &[u32::MAX; 8])
}

fn set_option<T: Plain>(socket: &impl AsFd, level: c_int, name: c_int, value: &T) -> io::Result<()> {
    // SAFETY: the pointer and the length are those of a value that outlives the call.
    let status = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            core::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn read_option<T: Plain>(socket: &impl AsFd, level: c_int, name: c_int, mut value: T) -> io::Result<T> {
    let mut len = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` octets into a value of that size, and each pattern is a value.
    let status = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            core::ptr::from_mut(&mut value).cast(),
            &raw mut len,
        )
    };
    if status == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}
