use core::mem::size_of;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering, fence};
use std::io;
use std::os::fd::AsRawFd;

use socket2::Socket;

use super::{FrameInfo, set_option};

/// A receive ring of version 3: the kernel fills blocks with frames and hands them over whole, when they are full
/// or a few milliseconds after their first frame. Reading it takes no call of the system.
#[derive(Debug)]
pub(crate) struct Ring {
    memory: NonNull<u8>,
    block_len: usize,
    blocks: usize,
    /// The block that is read, or the next one that the kernel will hand over.
    block: usize,
    /// The frame that is read.
    at: Option<Cursor>,
    /// Whether a block said that frames had been dropped before it.
    losing: bool,
}

#[derive(Clone, Copy, Debug)]
struct Cursor {
    /// Where the frame's header stands in its block.
    offset: usize,
    /// Frames from this one to the end of the block.
    left: u32,
}

// SAFETY: the memory belongs to this value alone; nothing in it is bound to a thread.
unsafe impl Send for Ring {}

impl Ring {
    /// Sets up a ring of about `len` octets whose blocks hold a frame of `frame_max` octets.
    ///
    /// # Errors
    ///
    /// What the system says; the socket can be read plainly then.
    pub(crate) fn new(socket: &Socket, len: usize, frame_max: usize, block_ms: u32) -> io::Result<Self> {
        let block_len = (frame_max + HEADROOM).next_power_of_two().max(rustix::param::page_size());
        let blocks = (len / block_len).max(2);
        let version = libc::tpacket_versions::TPACKET_V3 as i32;
        set_option(socket, libc::SOL_PACKET, libc::PACKET_VERSION, &version)?;
        let request = libc::tpacket_req3 {
            tp_block_size: block_len as u32,
            tp_block_nr: blocks as u32,
            tp_frame_size: block_len as u32,
            tp_frame_nr: blocks as u32,
            tp_retire_blk_tov: block_ms,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        set_option(socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
        // SAFETY: a new mapping at an address of the kernel's choice, as long as the ring that was just made.
        let memory = unsafe {
            libc::mmap(
                core::ptr::null_mut(),
                block_len * blocks,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                socket.as_raw_fd(),
                0,
            )
        };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let memory = NonNull::new(memory.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { memory, block_len, blocks, block: 0, at: None, losing: false })
    }

    /// The largest frame that a block holds whole.
    pub(crate) const fn frame_max(&self) -> usize {
        self.block_len - HEADROOM
    }

    /// The frame that stands next; the same one until [`Ring::consume`].
    pub(crate) fn peek(&mut self) -> Option<(&[u8], FrameInfo)> {
        while self.at.is_none_or(|at| at.left == 0) {
            if self.at.take().is_some() {
                self.give_back();
            }
            self.at = Some(self.take_block()?);
        }
        let at = self.at?;
        let frame = self.block_start() + at.offset;
        debug_assert!(at.offset + size_of::<libc::tpacket3_hdr>() <= self.block_len);
        // SAFETY: the block is ours until `give_back`, and the kernel wrote a frame's header at that offset.
        let header = unsafe { self.memory.add(frame).cast::<libc::tpacket3_hdr>().as_ref() };
        // SAFETY: the sender's address stands behind the header, at the next multiple of its alignment.
        let sender = unsafe {
            let header_len = libc::TPACKET_ALIGN(size_of::<libc::tpacket3_hdr>());
            self.memory.add(frame + header_len).cast::<libc::sockaddr_ll>().as_ref()
        };
        let octets = usize::from(header.tp_mac);
        let len = (header.tp_snaplen as usize).min(self.block_len - (at.offset + octets));
        // SAFETY: the octets lie in the same block, which the kernel leaves alone while it is ours.
        let packet = unsafe { core::slice::from_raw_parts(self.memory.add(frame + octets).as_ptr(), len) };
        let info = FrameInfo {
            status: header.tp_status,
            vlan_tci: header.hv1.tp_vlan_tci as u16,
            packet_type: sender.sll_pkttype,
            arrival_ns: i128::from(header.tp_sec) * 1_000_000_000 + i128::from(header.tp_nsec),
        };
        Some((packet, info))
    }

    /// Goes on to the next frame.
    pub(crate) fn consume(&mut self) {
        let Some(at) = self.at else { return };
        let frame = self.block_start() + at.offset;
        // SAFETY: as in `peek`.
        let header = unsafe { self.memory.add(frame).cast::<libc::tpacket3_hdr>().as_ref() };
        let offset = at.offset + header.tp_next_offset as usize;
        self.at = Some(Cursor { offset, left: at.left - 1 });
        if at.left == 1 {
            self.at = None;
            self.give_back();
        }
    }

    /// Whether frames were dropped since the last call.
    pub(crate) fn take_losing(&mut self) -> bool {
        core::mem::take(&mut self.losing)
    }

    fn take_block(&mut self) -> Option<Cursor> {
        let status = self.status().load(Ordering::Acquire);
        if status & libc::TP_STATUS_USER == 0 {
            return None;
        }
        self.losing |= status & libc::TP_STATUS_LOSING != 0;
        // SAFETY: the block is ours; every block begins with a descriptor, whose union has one member.
        let header = unsafe {
            let start = self.memory.add(self.block_start());
            start.cast::<libc::tpacket_block_desc>().as_ref().hdr.bh1
        };
        Some(Cursor { offset: header.offset_to_first_pkt as usize, left: header.num_pkts })
    }

    fn give_back(&mut self) {
        // What was read must have been read before the kernel writes again.
        fence(Ordering::SeqCst);
        self.status().store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.block = (self.block + 1) % self.blocks;
    }

    fn status(&self) -> &AtomicU32 {
        let offset = core::mem::offset_of!(libc::tpacket_block_desc, hdr);
        // SAFETY: the status is the first member of the descriptor's header, aligned, and shared with the kernel,
        // which changes it as an atomic does.
        unsafe { self.memory.add(self.block_start() + offset).cast::<AtomicU32>().as_ref() }
    }

    const fn block_start(&self) -> usize {
        self.block * self.block_len
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping that `new` made; nothing borrows from it any more. It cannot fail for a mapping.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), self.block_len * self.blocks) };
    }
}

/// What stands before a packet in a block that it has for itself: descriptor, header, address, alignment.
const HEADROOM: usize = 256;
const _: () = assert!(
    size_of::<libc::tpacket_block_desc>()
        + size_of::<libc::tpacket3_hdr>()
        + size_of::<libc::sockaddr_ll>()
        + 64
        <= HEADROOM
);
