use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::thread;
use std::time::Instant;

use netlink_packet_core::DefaultNla;
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage, AddressScope};
use netlink_packet_route::link::{
    InfoBridge, InfoData, InfoKind, InfoMacVlan, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
    MacVlanMode,
};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use netlink_packet_route::tc::{TcAttribute, TcHandle, TcMessage, TcOption};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{Host, LabError};
use crate::netlink::{self, Requests};

/// Makes a cable: the interface `name` in the namespace of the calling thread, and its other end `peer` there too or
/// in a host. Both are down.
///
/// # Errors
///
/// What the system says.
pub fn veth(name: &str, peer: &str, peer_host: Option<&Host>) -> Result<(), LabError> {
    let mut other = LinkMessage::default();
    other.attributes.push(LinkAttribute::IfName(peer.to_owned()));
    other.attributes.extend(peer_host.map(|host| LinkAttribute::NetNsFd(host.as_fd().as_raw_fd())));
    create(name, InfoKind::Veth, Some(InfoData::Veth(InfoVeth::Peer(other))))
}

/// Makes a bridge, down and without ports. With `snooping` it sends groups only where it heard listeners or routers.
///
/// # Errors
///
/// What the system says.
pub fn bridge(name: &str, snooping: bool) -> Result<(), LabError> {
    let data = InfoData::Bridge(vec![InfoBridge::MulticastSnooping(snooping)]);
    create(name, InfoKind::Bridge, Some(data))
}

/// Makes an interface with a hardware address of its own on top of `parent`, and moves it into a host. It filters
/// multicast as network cards do: what nobody asked for does not get in.
///
/// # Errors
///
/// What the system says, for example that the kernel has no such interfaces.
pub fn macvlan(name: &str, parent: &str, host: &Host) -> Result<(), LabError> {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.to_owned()));
    message.attributes.push(LinkAttribute::Link(index(parent)?));
    message.attributes.push(LinkAttribute::NetNsFd(host.as_fd().as_raw_fd()));
    let data = InfoData::MacVlan(vec![InfoMacVlan::Mode(MacVlanMode::Bridge)]);
    message
        .attributes
        .push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::MacVlan), LinkInfo::Data(data)]));
    requests()?
        .create(RouteNetlinkMessage::NewLink(message))
        .map_err(|source| LabError::system(format!("make the interface {name}"), source))
}

/// Makes the interface a port of the bridge.
///
/// # Errors
///
/// What the system says.
pub fn set_master(interface: &str, bridge: &str) -> Result<(), LabError> {
    let bridge = index(bridge)?;
    change(interface, |message| message.attributes.push(LinkAttribute::Controller(bridge)))
}

/// Switches the interface on.
///
/// # Errors
///
/// What the system says.
pub fn set_up(interface: &str) -> Result<(), LabError> {
    change(interface, |message| {
        message.header.flags = LinkFlags::Up;
        message.header.change_mask = LinkFlags::Up;
    })
}

/// Switches the interface off.
///
/// # Errors
///
/// What the system says.
pub fn set_down(interface: &str) -> Result<(), LabError> {
    change(interface, |message| message.header.change_mask = LinkFlags::Up)
}

/// Gives the interface a hardware address, from which its link-local address follows when it is switched on.
///
/// # Errors
///
/// What the system says.
pub fn set_mac(interface: &str, address: [u8; 6]) -> Result<(), LabError> {
    change(interface, |message| message.attributes.push(LinkAttribute::Address(address.to_vec())))
}

/// Sets the largest packet of the interface, in octets.
///
/// # Errors
///
/// What the system says.
pub fn set_mtu(interface: &str, mtu: u32) -> Result<(), LabError> {
    change(interface, |message| message.attributes.push(LinkAttribute::Mtu(mtu)))
}

/// Deletes the interface, of a cable both ends.
///
/// # Errors
///
/// What the system says.
pub fn delete(interface: &str) -> Result<(), LabError> {
    let mut message = LinkMessage::default();
    message.header.index = index(interface)?;
    let mut requests = requests()?;
    requests
        .change(RouteNetlinkMessage::DelLink(message))
        .map_err(|source| LabError::system(format!("delete {interface}"), source))
}

/// Adds a link-local address that can be used at once, without duplicate address detection.
///
/// # Errors
///
/// What the system says.
pub fn add_link_local(interface: &str, address: Ipv6Addr) -> Result<(), LabError> {
    let message = link_local(interface, address)?;
    requests()?
        .create(RouteNetlinkMessage::NewAddress(message))
        .map_err(|source| LabError::system(format!("add {address} to {interface}"), source))
}

/// Takes a link-local address away.
///
/// # Errors
///
/// What the system says.
pub fn remove_link_local(interface: &str, address: Ipv6Addr) -> Result<(), LabError> {
    let message = link_local(interface, address)?;
    requests()?
        .change(RouteNetlinkMessage::DelAddress(message))
        .map_err(|source| LabError::system(format!("remove {address} from {interface}"), source))
}

/// Takes the interface's route for multicast away: the kernel refuses to send to groups from here on.
///
/// # Errors
///
/// What the system says.
pub fn cut_multicast(interface: &str) -> Result<(), LabError> {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet6;
    message.header.destination_prefix_length = 8;
    message.header.table = libc::RT_TABLE_LOCAL;
    let groups = RouteAddress::Inet6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0));
    message.attributes.push(RouteAttribute::Destination(groups));
    message.attributes.push(RouteAttribute::Oif(index(interface)?));
    requests()?
        .change(RouteNetlinkMessage::DelRoute(message))
        .map_err(|source| LabError::system(format!("remove the multicast route of {interface}"), source))
}

/// Lets the interface send no faster than so many octets a second: what is more waits in its queue, and fills the
/// buffers of those who sent it.
///
/// # Errors
///
/// What the system says, for example that the kernel has no token bucket filter.
pub fn limit_rate(interface: &str, octets_per_second: u32) -> Result<(), LabError> {
    const ATTRIBUTE_PARAMETERS: u16 = 1;
    const ATTRIBUTE_BURST: u16 = 6;
    const LAYER_ETHERNET: u8 = 1;
    // Two rate specifications, the second unused, then the length of the queue in octets, and times that the burst
    // stands in for (linux/pkt_sched.h).
    let mut parameters = [0_u8; 36];
    parameters[1] = LAYER_ETHERNET;
    parameters[8..12].copy_from_slice(&octets_per_second.to_ne_bytes());
    parameters[24..28].copy_from_slice(&(64_u32 << 20).to_ne_bytes());
    let options = [
        DefaultNla::new(ATTRIBUTE_PARAMETERS, parameters.to_vec()),
        DefaultNla::new(ATTRIBUTE_BURST, 2000_u32.to_ne_bytes().to_vec()),
    ];
    let mut message = queue(interface)?;
    message.attributes.push(TcAttribute::Kind("tbf".to_owned()));
    message.attributes.push(TcAttribute::Options(options.map(TcOption::Other).to_vec()));
    requests()?
        .create(RouteNetlinkMessage::NewQueueDiscipline(message))
        .map_err(|source| LabError::system(format!("limit the rate of {interface}"), source))
}

/// Ends [`limit_rate`]. What waited is dropped.
///
/// # Errors
///
/// What the system says.
pub fn unlimit_rate(interface: &str) -> Result<(), LabError> {
    let message = queue(interface)?;
    requests()?
        .change(RouteNetlinkMessage::DelQueueDiscipline(message))
        .map_err(|source| LabError::system(format!("free the rate of {interface}"), source))
}

/// Has the addresses of the interface be usable as soon as it is switched on.
///
/// # Errors
///
/// What the system says.
pub fn no_dad(interface: &str) -> Result<(), LabError> {
    write_sysctl(&format!("net/ipv6/conf/{interface}/accept_dad"), "0")?;
    write_sysctl(&format!("net/ipv6/conf/{interface}/dad_transmits"), "0")
}

/// Waits until the interface has a link-local address that passed duplicate address detection.
///
/// # Errors
///
/// [`LabError::NoLinkLocal`] if it takes longer than `within`, or what the system says.
pub fn wait_link_local(interface: &str, within: Duration) -> Result<Ipv6Addr, LabError> {
    let index = index(interface)?;
    let mut requests = requests()?;
    let end = Instant::now() + within;
    loop {
        let addresses = requests
            .addresses(index)
            .map_err(|source| LabError::system(format!("ask for the addresses of {interface}"), source))?;
        if let Some(address) = netlink::link_local(&addresses, None) {
            return Ok(address);
        }
        if Instant::now() >= end {
            return Err(LabError::NoLinkLocal { interface: interface.to_owned(), within });
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Sets a kernel parameter in the namespace of the calling thread, for example
/// `net/ipv6/conf/eth0/force_mld_version` to `1`.
///
/// # Errors
///
/// What the system says.
pub fn write_sysctl(path: &str, value: &str) -> Result<(), LabError> {
    fs::write(Path::new("/proc/sys").join(path), value)
        .map_err(|source| LabError::system(format!("set the sysctl {path}"), source))
}

/// The number of an interface in the namespace of the calling thread.
pub(super) fn index(interface: &str) -> Result<u32, LabError> {
    let link = requests()?
        .link_by_name(interface)
        .map_err(|source| LabError::system(format!("ask for {interface}"), source))?;
    let missing = || LabError::system(format!("use {interface}"), io::Error::from_raw_os_error(libc::ENODEV));
    link.map(|link| link.index).ok_or_else(missing)
}

fn create(name: &str, kind: InfoKind, data: Option<InfoData>) -> Result<(), LabError> {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.to_owned()));
    let info = core::iter::once(LinkInfo::Kind(kind)).chain(data.map(LinkInfo::Data)).collect();
    message.attributes.push(LinkAttribute::LinkInfo(info));
    requests()?
        .create(RouteNetlinkMessage::NewLink(message))
        .map_err(|source| LabError::system(format!("make the interface {name}"), source))
}

fn change(interface: &str, edit: impl FnOnce(&mut LinkMessage)) -> Result<(), LabError> {
    let mut message = LinkMessage::default();
    message.header.index = index(interface)?;
    edit(&mut message);
    requests()?
        .change(RouteNetlinkMessage::SetLink(message))
        .map_err(|source| LabError::system(format!("change {interface}"), source))
}

fn link_local(interface: &str, address: Ipv6Addr) -> Result<AddressMessage, LabError> {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet6;
    message.header.prefix_len = 64;
    message.header.flags = AddressHeaderFlags::Nodad;
    message.header.scope = AddressScope::Link;
    message.header.index = index(interface)?;
    message.attributes.push(AddressAttribute::Address(IpAddr::V6(address)));
    Ok(message)
}

/// The queue of an interface that everything sent goes through.
fn queue(interface: &str) -> Result<TcMessage, LabError> {
    let mut message = TcMessage::default();
    message.header.index = index(interface)?.cast_signed();
    message.header.parent = TcHandle::ROOT;
    Ok(message)
}

fn requests() -> Result<Requests, LabError> {
    Requests::new().map_err(|source| LabError::system("open a netlink socket", source))
}
