//! What the kernel tells of interfaces and addresses, without the types of the libraries that speak to it.

use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressHeader, AddressMessage};
use netlink_packet_route::link::{InfoPortKind, LinkAttribute, LinkFlags, LinkHeader, LinkInfo, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_ROUTE;

/// An interface as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) mtu: u32,
    pub(crate) up: bool,
    pub(crate) multicast: bool,
    /// The interface that takes every frame which arrives on this one.
    pub(crate) master: Option<u32>,
}

/// A unicast address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) address: Ipv6Addr,
    /// It passed duplicate address detection.
    usable: bool,
    /// It is about to be given up.
    deprecated: bool,
}

/// The link-local address that a router should speak from: `current` as long as it can be used, else the lowest of
/// fe80::/64 that can; a deprecated one only if there is no other.
pub(crate) fn link_local(addresses: &[Address], current: Option<Ipv6Addr>) -> Option<Ipv6Addr> {
    let usable =
        addresses.iter().filter(|one| one.usable && one.address.segments()[..4] == [0xfe80, 0, 0, 0]);
    // Deprecated ones are greater than all others, the present one is less.
    let best = usable.min_by_key(|one| (one.deprecated, Some(one.address) != current, one.address));
    best.map(|best| best.address)
}

/// What happened to an interface since it was last asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Something: ask again.
    pub(crate) any: bool,
    /// It was down, perhaps only for a moment.
    pub(crate) down: bool,
    /// It was deleted or moved to another namespace. Another one may bear its number by now.
    pub(crate) gone: bool,
}

/// Hears of changes of interfaces and of their IPv6 addresses.
#[derive(Debug)]
pub(crate) struct Watch {
    socket: Socket,
}

impl Watch {
    /// Begins to hear.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn new() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.set_non_blocking(true)?;
        for group in [libc::RTNLGRP_LINK, libc::RTNLGRP_IPV6_IFADDR] {
            socket.add_membership(group)?;
        }
        Ok(Self { socket })
    }

    /// What happened to the interface `index`. Reads a bounded number of messages; more keep the socket readable.
    pub(crate) fn changes(&self, index: u32) -> Changes {
        let mut changes = Changes::default();
        for _ in 0..MESSAGES_MAX {
            match self.socket.recv_from_full() {
                Ok((octets, _)) => {
                    for message in messages(&octets) {
                        changes.add(message, index);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // Messages were lost (ENOBUFS): whatever they said shows in what the interface is now.
                Err(_) => changes.any = true,
            }
        }
        changes
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Changes {
    fn add(&mut self, message: NetlinkBuffer<&[u8]>, index: u32) {
        match message.message_type() {
            libc::RTM_NEWLINK | libc::RTM_DELLINK => {
                let Ok(header) = LinkHeader::parse(message.payload()) else { return };
                // Bridges tell of their ports in the same messages of another family.
                if header.index != index || header.interface_family != AddressFamily::Unspec {
                    return;
                }
                self.any = true;
                self.down |= !header.flags.contains(LinkFlags::Up);
                self.gone |= message.message_type() == libc::RTM_DELLINK;
            }
            libc::RTM_NEWADDR | libc::RTM_DELADDR => {
                self.any |= AddressHeader::parse(message.payload()).is_ok_and(|header| header.index == index);
            }
            _ => {}
        }
    }
}

/// Asks the kernel, and waits for its answer, which it has at once.
#[derive(Debug)]
pub(crate) struct Requests {
    socket: Socket,
    sequence: u32,
}

impl Requests {
    /// Opens a socket in the network namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn new() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        // The kernel always answers; were it not to, a stuck router would be worse than an error.
        let socket_ref = socket2::SockRef::from(&socket);
        socket_ref.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Self { socket, sequence: 0 })
    }

    /// The interface of that name; `None` if there is none.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn link_by_name(&mut self, name: &str) -> io::Result<Option<Link>> {
        let mut request = LinkMessage::default();
        request.attributes.push(LinkAttribute::IfName(name.to_owned()));
        self.link(request)
    }

    /// The interface of that number; `None` if there is none.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn link_by_index(&mut self, index: u32) -> io::Result<Option<Link>> {
        let mut request = LinkMessage::default();
        request.header.index = index;
        self.link(request)
    }

    fn link(&mut self, request: LinkMessage) -> io::Result<Option<Link>> {
        let answers = match self.ask(RouteNetlinkMessage::GetLink(request), NLM_F_ACK) {
            Ok(answers) => answers,
            // ERANGE and EINVAL: a name that no interface can have.
            Err(error)
                if matches!(error.raw_os_error(), Some(libc::ENODEV | libc::ERANGE | libc::EINVAL)) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        Ok(answers.into_iter().find_map(|answer| match answer {
            RouteNetlinkMessage::NewLink(message) => Some(read_link(message)),
            _ => None,
        }))
    }

    /// The IPv6 addresses of the interface `index`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn addresses(&mut self, index: u32) -> io::Result<Vec<Address>> {
        let mut request = AddressMessage::default();
        request.header.family = AddressFamily::Inet6;
        let answers = self.ask(RouteNetlinkMessage::GetAddress(request), NLM_F_DUMP)?;
        let of_interface = |answer| match answer {
            RouteNetlinkMessage::NewAddress(message) if message.header.index == index => {
                read_address(&message)
            }
            _ => None,
        };
        Ok(answers.into_iter().filter_map(of_interface).collect())
    }

    /// Creates something; it is an error if it exists.
    #[cfg(feature = "lab")]
    pub(crate) fn create(&mut self, message: RouteNetlinkMessage) -> io::Result<()> {
        use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
        self.ask(message, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL).map(drop)
    }

    /// Changes or deletes something.
    #[cfg(feature = "lab")]
    pub(crate) fn change(&mut self, message: RouteNetlinkMessage) -> io::Result<()> {
        self.ask(message, NLM_F_ACK).map(drop)
    }

    /// Sends a request and collects its answers to the end that its flags bring about: an acknowledgement, or the
    /// end of a list. A list that changed while it was told is asked for again.
    fn ask(&mut self, message: RouteNetlinkMessage, flags: u16) -> io::Result<Vec<RouteNetlinkMessage>> {
        for _ in 0..LISTS_MAX {
            if let Some(answers) = self.ask_once(message.clone(), flags)? {
                return Ok(answers);
            }
        }
        Err(io::Error::other("the list of addresses does not hold still"))
    }

    fn ask_once(
        &mut self,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> io::Result<Option<Vec<RouteNetlinkMessage>>> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut request = NetlinkMessage::new(header, NetlinkPayload::from(message));
        request.finalize();
        let mut octets = vec![0; request.buffer_len()];
        request.serialize(&mut octets);
        self.socket.send(&octets, 0)?;

        let mut answers = Vec::new();
        let mut whole = true;
        loop {
            let (octets, _) = self.socket.recv_from_full()?;
            for message in messages(&octets).filter(|message| message.sequence_number() == self.sequence) {
                whole &= message.flags() & NLM_F_DUMP_INTR == 0;
                let parsed = NetlinkMessage::<RouteNetlinkMessage>::deserialize(message.into_inner())
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
                match parsed.payload {
                    NetlinkPayload::InnerMessage(answer) => answers.push(answer),
                    NetlinkPayload::Error(error) if error.code.is_some() => return Err(error.to_io()),
                    NetlinkPayload::Error(_) | NetlinkPayload::Done(_) => {
                        return Ok(whole.then_some(answers));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// The messages of one read. What is cut off or says an impossible length ends them.
fn messages(mut octets: &[u8]) -> impl Iterator<Item = NetlinkBuffer<&[u8]>> {
    core::iter::from_fn(move || {
        let message = NetlinkBuffer::new_checked(octets).ok()?;
        let len = message.length() as usize;
        let message = NetlinkBuffer::new_checked(&octets[..len]).ok()?;
        octets = octets.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}

fn read_link(message: LinkMessage) -> Link {
    let flags = message.header.flags;
    let mut link = Link {
        index: message.header.index,
        up: flags.contains(LinkFlags::Up),
        multicast: flags.contains(LinkFlags::Multicast),
        ..Link::default()
    };
    let mut routed = false;
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::Controller(0) => {}
            LinkAttribute::Controller(master) => link.master = Some(master),
            // A VRF is a table of routes: its members receive what arrives on them.
            LinkAttribute::LinkInfo(infos) => {
                routed = infos.iter().any(|info| matches!(info, LinkInfo::PortKind(InfoPortKind::Vrf)));
            }
            _ => {}
        }
    }
    if routed {
        link.master = None;
    }
    link
}

fn read_address(message: &AddressMessage) -> Option<Address> {
    let mut flags = AddressFlags::from_bits_retain(message.header.flags.bits().into());
    let mut address = None;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(IpAddr::V6(local)) => address = Some(*local),
            // Between two ends it names the other one, and Local this one.
            AddressAttribute::Address(IpAddr::V6(either)) => address = address.or(Some(*either)),
            AddressAttribute::Flags(all) => flags = *all,
            _ => {}
        }
    }
    Some(Address {
        address: address?,
        usable: !flags.intersects(AddressFlags::Tentative | AddressFlags::Dadfailed),
        deprecated: flags.contains(AddressFlags::Deprecated),
    })
}

const MESSAGES_MAX: usize = 64;
const LISTS_MAX: usize = 8;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
const NLM_F_DUMP_INTR: u16 = 0x10;
