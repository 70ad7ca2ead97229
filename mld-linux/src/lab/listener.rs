use core::net::Ipv6Addr;
use std::io;

use mld_proto::GroupAddr;
use socket2::{Domain, Protocol, Socket, Type};

use super::LabError;
use super::link::index;
use crate::sys::{self, Membership};

/// A socket that joins and leaves groups: the kernel of its node reports them. When it is dropped, it leaves all.
///
/// Of one group either all sources but blocked ones ([`join`](Self::join), [`block_source`](Self::block_source)) or
/// single sources ([`join_source`](Self::join_source)) are wanted by one socket.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    index: u32,
}

impl Listener {
    /// A socket on an interface of the node whose thread calls.
    ///
    /// # Errors
    ///
    /// What the system says, for example that there is no such interface.
    pub fn open(interface: &str) -> Result<Self, LabError> {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))
            .map_err(|source| LabError::system("open a socket", source))?;
        Ok(Self { socket, index: index(interface)? })
    }

    /// Wants the group from every source.
    ///
    /// # Errors
    ///
    /// What the system says, for example that the socket wants it already.
    pub fn join(&self, group: GroupAddr) -> io::Result<()> {
        self.change(Membership::JoinGroup, group, None)
    }

    /// Wants the group no more.
    ///
    /// # Errors
    ///
    /// What the system says, for example that the socket did not want it.
    pub fn leave(&self, group: GroupAddr) -> io::Result<()> {
        self.change(Membership::LeaveGroup, group, None)
    }

    /// Wants the group from this source too.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn join_source(&self, group: GroupAddr, source: Ipv6Addr) -> io::Result<()> {
        self.change(Membership::JoinSource, group, Some(source))
    }

    /// Wants the group from this source no more.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn leave_source(&self, group: GroupAddr, source: Ipv6Addr) -> io::Result<()> {
        self.change(Membership::LeaveSource, group, Some(source))
    }

    /// Wants the joined group from every source but this one.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn block_source(&self, group: GroupAddr, source: Ipv6Addr) -> io::Result<()> {
        self.change(Membership::BlockSource, group, Some(source))
    }

    /// Wants the joined group from this source again.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn unblock_source(&self, group: GroupAddr, source: Ipv6Addr) -> io::Result<()> {
        self.change(Membership::UnblockSource, group, Some(source))
    }

    fn change(&self, what: Membership, group: GroupAddr, source: Option<Ipv6Addr>) -> io::Result<()> {
        sys::change_membership(&self.socket, self.index, what, group.get(), source)
    }
}
