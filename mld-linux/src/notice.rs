use core::fmt;
use core::net::Ipv6Addr;
use std::io;

use mld_proto::router::Item;
use mld_proto::{Event, Instant};

use crate::InterfaceRouter;

/// One thing that a [`Driver`](crate::Driver) tells.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Told<'a> {
    /// The name of the interface.
    pub interface: &'a str,
    /// The engine as it is now: what an event is about is read here, while it is told.
    pub router: &'a InterfaceRouter,
    /// When it happened: the arrival of a packet, the deadline of a timer.
    pub at: Instant,
    /// The same moment in milliseconds of Unix time.
    pub unix_ms: u64,
    /// What happened.
    pub what: What<'a>,
}

/// What a [`Driver`](crate::Driver) tells.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum What<'a> {
    /// A fact about a packet: a report, a done, a limit.
    Item(Item),
    /// The querier, a timeout, a membership. [`Event::Stopped`] is never told.
    Event(Event),
    /// The interface is no longer managed. Nothing follows.
    Removed,
    /// Something for the log.
    Notice(&'a Notice),
}

/// What an operator wants to know and no protocol event says. Shown, it is one line without the interface's name.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice {
    /// The interface is up: the router runs.
    Up,
    /// The interface is down: everything is forgotten (R-ELE-12).
    Down,
    /// The interface was deleted or moved to another network namespace.
    Vanished,
    /// This link-local address is spoken from.
    Address(Ipv6Addr),
    /// There is no usable link-local address, perhaps not yet: nothing can be sent (R-ELE-10).
    NoAddress,
    /// The interface became a port of another one, which takes every frame.
    Enslaved {
        /// The name of the other one.
        master: String,
    },
    /// The interface is no port any more.
    Released,
    /// The largest packet is of so many octets now.
    Mtu(u16),
    /// So many frames were lost since the last such notice, because they were not read in time.
    FramesLost(u64),
    /// A Query could not be sent. Told again only when the reason changes or after a success.
    SendFailed(io::Error),
    /// The kernel refused a receive ring: frames are read one by one, from a smaller buffer.
    NoRing,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up => f.write_str("the interface is up"),
            Self::Down => f.write_str("the interface is down"),
            Self::Vanished => f.write_str("the interface is gone"),
            Self::Address(address) => write!(f, "the link-local address is {address}"),
            Self::NoAddress => {
                f.write_str("no usable link-local address: nothing is sent until there is one")
            }
            Self::Enslaved { master } => {
                write!(f, "the interface became a port of {master} and receives nothing any more")
            }
            Self::Released => f.write_str("the interface is no port any more and receives again"),
            Self::Mtu(mtu) => write!(f, "packets of up to {mtu} octets are sent"),
            Self::FramesLost(frames) => write!(f, "{frames} frames were lost: they were not read in time"),
            Self::SendFailed(error) => write!(f, "a Query could not be sent: {error}"),
            Self::NoRing => f.write_str("the kernel refused a receive ring: frames are read one by one"),
        }
    }
}
