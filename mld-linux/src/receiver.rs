//! The receiving side of an interface: one packet socket, a filter, and a ring or plain reads.

use core::cell::Cell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, SockFilter, Socket, Type};

use crate::sys::{self, Control, FrameInfo, Ring};

/// How an interface reads its frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Receive {
    /// From a ring of 8 MiB shared with the kernel; plain reads where the kernel refuses one.
    #[default]
    Ring,
    /// One call for each frame, with a buffer of 4 MiB or what the system allows.
    Plain,
}

/// A packet socket that yields the IPv6 packets with MLD messages that arrive on one interface, whoever they are
/// for. The kernel hands it no frame that this machine sent.
#[derive(Debug)]
pub(crate) struct Receiver {
    socket: Socket,
    source: Source,
    /// Frames lost before the last question to the kernel, which forgets them as it answers.
    lost: Cell<u64>,
}

#[derive(Debug)]
enum Source {
    Ring(Ring),
    Plain { buffer: Box<[u8]>, control: Control, held: Option<(usize, FrameInfo)> },
}

impl Receiver {
    /// Opens a socket on the interface. Packets of up to `mtu` octets come whole.
    ///
    /// # Errors
    ///
    /// What the system says; `PermissionDenied` without CAP_NET_RAW.
    pub(crate) fn open(index: u32, mtu: u32, receive: Receive) -> io::Result<Self> {
        // Of no protocol until the filter stands, so that no other frame ever gets in.
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        socket.attach_filter(&FILTER)?;
        let frame_max = mtu as usize;
        let ring = match receive {
            Receive::Ring => Ring::new(&socket, RING_LEN, frame_max, BLOCK_MS).ok(),
            Receive::Plain => None,
        };
        let (socket, source) = match ring {
            Some(ring) => (socket, Source::Ring(ring)),
            None => {
                // A socket that failed half-way to a ring would speak the ring's version.
                let socket = Socket::new(Domain::PACKET, Type::DGRAM, None)?;
                socket.set_nonblocking(true)?;
                socket.attach_filter(&FILTER)?;
                if sys::force_receive_buffer(&socket, BUFFER_LEN).is_err() {
                    socket.set_recv_buffer_size(BUFFER_LEN as usize)?;
                }
                sys::receive_frame_info(&socket)?;
                let buffer = vec![0; frame_max.max(PLAIN_FRAME_MAX)].into();
                (socket, Source::Plain { buffer, control: Control::default(), held: None })
            }
        };
        sys::receive_all_multicast(&socket, index)?;
        sys::bind_packet(&socket, index, libc::ETH_P_IPV6 as u16)?;
        Ok(Self { socket, source, lost: Cell::new(0) })
    }

    /// Whether frames come through a ring.
    pub(crate) const fn has_ring(&self) -> bool {
        matches!(self.source, Source::Ring(_))
    }

    /// The largest packet that comes whole.
    pub(crate) fn frame_max(&self) -> usize {
        match &self.source {
            Source::Ring(ring) => ring.frame_max(),
            Source::Plain { buffer, .. } => buffer.len(),
        }
    }

    /// The packet that is next, the same one until [`consume`](Self::consume); `None` if there is none.
    pub(crate) fn peek(&mut self) -> Option<(&[u8], FrameInfo)> {
        match &mut self.source {
            Source::Ring(ring) => ring.peek(),
            Source::Plain { buffer, control, held } => {
                if held.is_none() {
                    // An error is that of a link which went down; netlink tells the same and more.
                    *held = sys::receive(&self.socket, buffer, control).ok().flatten();
                }
                held.map(|(len, info)| (&buffer[..len], info))
            }
        }
    }

    /// Goes on to the next packet.
    pub(crate) fn consume(&mut self) {
        match &mut self.source {
            Source::Ring(ring) => ring.consume(),
            Source::Plain { held, .. } => *held = None,
        }
    }

    /// Takes the error that the socket holds after its link went down: it would stay readable for ever.
    pub(crate) fn clear_error(&self) {
        let _ = self.socket.take_error();
    }

    /// Whether the kernel hinted that frames were lost, so that it is worth asking how many.
    pub(crate) fn take_losing(&mut self) -> bool {
        match &mut self.source {
            Source::Ring(ring) => ring.take_losing(),
            Source::Plain { .. } => false,
        }
    }

    /// Frames that the kernel dropped because nobody read in time, since the socket was opened.
    pub(crate) fn lost(&self) -> u64 {
        let lost = self.lost.get() + u64::from(sys::take_drops(&self.socket).unwrap_or_default());
        self.lost.set(lost);
        lost
    }

    /// Goes on with another socket. What this one holds unread is lost, what it has lost stays counted.
    pub(crate) fn replace(&mut self, other: Self) {
        other.lost.set(other.lost.get() + self.lost());
        *self = other;
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

const RING_LEN: usize = 8 << 20;
const BUFFER_LEN: i32 = 4 << 20;
const PLAIN_FRAME_MAX: usize = 9216;
/// How long the kernel keeps a block with frames to itself. A lone report is known that much later.
const BLOCK_MS: u32 = 4;

/// Accepts, counted from the IPv6 header: ICMPv6 of type 130 to 132 or 143, behind nothing, a hop-by-hop header of
/// any length, the header of a first fragment, or both. What lacks the Router Alert or is a fragment passes, so
/// that the engine can count it.
const FILTER: [SockFilter; 23] = {
    const IPV6_NEXT: u32 = 6;
    const AFTER_IPV6: u32 = 40;
    const ACCEPT: u8 = 21;
    const REJECT: u8 = 22;
    const CHECK: u8 = 8;
    const FRAGMENT: u8 = 10;
    const ICMPV6: u8 = 17;
    [
        /* 0 */ load_byte(IPV6_NEXT),
        /* 1 */ load_index(0),
        /* 2 */ jump_if(libc::BPF_JEQ, 0, 2, 3, CHECK),
        // X = length of the hop-by-hop header, A = what follows it
        /* 3 */
        load_byte(AFTER_IPV6 + 1),
        /* 4 */ operate(libc::BPF_ADD, 1),
        /* 5 */ operate(libc::BPF_LSH, 3),
        /* 6 */ statement(libc::BPF_MISC | libc::BPF_TAX, 0),
        /* 7 */ load_byte(AFTER_IPV6),
        /* 8 */ jump_if(libc::BPF_JEQ, 58, 8, ICMPV6, 9),
        /* 9 */ jump_if(libc::BPF_JEQ, 44, 9, FRAGMENT, REJECT),
        /* 10 */ load_byte_at_index(AFTER_IPV6),
        /* 11 */ jump_if(libc::BPF_JEQ, 58, 11, 12, REJECT),
        /* 12 */ statement(libc::BPF_LD | libc::BPF_H | libc::BPF_IND, AFTER_IPV6 + 2),
        /* 13 */ jump_if(libc::BPF_JSET, 0xfff8, 13, REJECT, 14),
        /* 14 */ statement(libc::BPF_MISC | libc::BPF_TXA, 0),
        /* 15 */ operate(libc::BPF_ADD, 8),
        /* 16 */ statement(libc::BPF_MISC | libc::BPF_TAX, 0),
        /* 17 */ load_byte_at_index(AFTER_IPV6),
        /* 18 */ jump_if(libc::BPF_JEQ, 143, 18, ACCEPT, 19),
        /* 19 */ jump_if(libc::BPF_JGE, 130, 19, 20, REJECT),
        /* 20 */ jump_if(libc::BPF_JGT, 132, 20, REJECT, ACCEPT),
        /* 21 */ statement(libc::BPF_RET, u32::MAX),
        /* 22 */ statement(libc::BPF_RET, 0),
    ]
};

const fn statement(code: u32, value: u32) -> SockFilter {
    SockFilter::new(code as u16, 0, 0, value)
}

const fn load_byte(offset: u32) -> SockFilter {
    statement(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, offset)
}

const fn load_byte_at_index(offset: u32) -> SockFilter {
    statement(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, offset)
}

const fn load_index(value: u32) -> SockFilter {
    statement(libc::BPF_LDX | libc::BPF_IMM, value)
}

const fn operate(operation: u32, value: u32) -> SockFilter {
    statement(libc::BPF_ALU | operation | libc::BPF_K, value)
}

/// Compares A; the targets are numbers of instructions, of which a jump stores the distance.
const fn jump_if(comparison: u32, value: u32, here: u8, then: u8, otherwise: u8) -> SockFilter {
    let code = libc::BPF_JMP | comparison | libc::BPF_K;
    SockFilter::new(code as u16, then - here - 1, otherwise - here - 1, value)
}
