//! Namespaces and hosts of the lab.

use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::net::Ipv6Addr;
use std::io;

use rustix::thread::UnshareFlags;
use socket2::Socket;

use super::set_option;

/// Takes an [`unfinished_checksum`] or another such header before each frame that a packet socket sends.
pub(crate) fn send_unfinished(socket: &Socket) -> io::Result<()> {
    set_option(socket, libc::SOL_PACKET, libc::PACKET_VNET_HDR, &1)
}

/// The header that leaves a checksum to hardware: over everything from `start` on, to be put at `offset` from there.
pub(crate) fn unfinished_checksum(start: u16, offset: u16) -> [u8; 10] {
    // struct virtio_net_hdr: flags, kind of segmentation, length of headers and segments, start, offset.
    const NEEDS_CHECKSUM: u8 = 1;
    let ([s0, s1], [o0, o1]) = (start.to_ne_bytes(), offset.to_ne_bytes());
    [NEEDS_CHECKSUM, 0, 0, 0, 0, 0, s0, s1, o0, o1]
}

/// The request of a host to its kernel, beside the group or the group and source.
#[derive(Clone, Copy, Debug)]
#[repr(i32)]
pub(crate) enum Membership {
    JoinGroup = libc::MCAST_JOIN_GROUP,
    LeaveGroup = libc::MCAST_LEAVE_GROUP,
    JoinSource = libc::MCAST_JOIN_SOURCE_GROUP,
    LeaveSource = libc::MCAST_LEAVE_SOURCE_GROUP,
    BlockSource = libc::MCAST_BLOCK_SOURCE,
    UnblockSource = libc::MCAST_UNBLOCK_SOURCE,
}

/// Changes the memberships of a host's socket.
pub(crate) fn change_membership(
    socket: &Socket,
    index: u32,
    what: Membership,
    group: Ipv6Addr,
    source: Option<Ipv6Addr>,
) -> io::Result<()> {
    let group = storage_of(group);
    match source {
        None => {
            let request = libc::group_req { gr_interface: index, gr_group: group };
            set_option(socket, libc::IPPROTO_IPV6, what as c_int, &request)
        }
        Some(source) => {
            let request = libc::group_source_req {
                gsr_interface: index,
                gsr_group: group,
                gsr_source: storage_of(source),
            };
            set_option(socket, libc::IPPROTO_IPV6, what as c_int, &request)
        }
    }
}

/// Moves the calling thread into new namespaces. A new user namespace is refused where other threads exist.
pub(crate) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: the flags that the lab gives separate neither the table of descriptors nor the memory of threads;
    // descriptors that are open stay what they are.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

/// Has the kernel kill the calling process when the thread that started it ends.
pub(crate) fn die_with_parent() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?)
}

fn storage_of(address: Ipv6Addr) -> libc::sockaddr_storage {
    let plain = libc::sockaddr_in6 {
        sin6_family: libc::AF_INET6 as libc::sa_family_t,
        sin6_port: 0,
        sin6_flowinfo: 0,
        sin6_addr: libc::in6_addr { s6_addr: address.octets() },
        sin6_scope_id: 0,
    };
    let mut storage = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    // SAFETY: a sockaddr_storage is at least as large and as aligned as each address of the system.
    unsafe { storage.as_mut_ptr().cast::<libc::sockaddr_in6>().write(plain) };
    // SAFETY: all of it was zeroed or written.
    unsafe { storage.assume_init() }
}
