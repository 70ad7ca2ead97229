use core::mem::{MaybeUninit, size_of};
use std::io;
use std::os::fd::AsRawFd;

use socket2::Socket;

use super::FrameInfo;

/// Room for the control messages of one frame, aligned as they must be.
#[derive(Debug, Default)]
pub(crate) struct Control(Box<[u64; 32]>);

/// Reads one frame into `buffer` without waiting; `None` if none is there.
///
/// # Errors
///
/// What the system says, a link that went down among it.
pub(crate) fn receive(
    socket: &Socket,
    buffer: &mut [u8],
    control: &mut Control,
) -> io::Result<Option<(usize, FrameInfo)>> {
    let mut sender = MaybeUninit::<libc::sockaddr_ll>::zeroed();
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut header = MaybeUninit::<libc::msghdr>::zeroed();
    // SAFETY: a message header of zeros is one without address, parts and control.
    let header = unsafe { header.assume_init_mut() };
    header.msg_name = sender.as_mut_ptr().cast();
    header.msg_namelen = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&*control.0) as _;
    // SAFETY: every pointer of the header points to memory of the stated length that outlives the call.
    let len = unsafe { libc::recvmsg(socket.as_raw_fd(), header, libc::MSG_DONTWAIT) };
    if len < 0 {
        let error = io::Error::last_os_error();
        return match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
            _ => Err(error),
        };
    }
    // SAFETY: it was zeroed, and the kernel wrote an address of its kind or nothing.
    let sender = unsafe { sender.assume_init() };
    let mut info = FrameInfo { packet_type: sender.sll_pkttype, ..FrameInfo::default() };
    // SAFETY: the kernel filled the control buffer in and set its length; the buffer is aligned for its headers.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR return null or a header inside the buffer.
    while let Some(known) = unsafe { message.as_ref() } {
        match (known.cmsg_level, known.cmsg_type) {
            (libc::SOL_PACKET, libc::PACKET_AUXDATA) => {
                // SAFETY: the data of a message of this type is one of this structure, perhaps not aligned.
                let auxdata =
                    unsafe { libc::CMSG_DATA(message).cast::<libc::tpacket_auxdata>().read_unaligned() };
                info.status = auxdata.tp_status;
                info.vlan_tci = auxdata.tp_vlan_tci;
            }
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                // SAFETY: as above.
                let time = unsafe { libc::CMSG_DATA(message).cast::<libc::timespec>().read_unaligned() };
                info.arrival_ns = i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec);
            }
            _ => {}
        }
        // SAFETY: `message` came from this header.
        message = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
    Ok(Some((len as usize, info)))
}
