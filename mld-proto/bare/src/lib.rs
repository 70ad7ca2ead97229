//! An MLD router and an MLD listener for one link in firmware, behind a C interface.
//!
//! It needs neither an allocator nor an operating system: the router with room for 8 groups and 32 sources is a
//! `static`, and so is the listener, which needs no router. `.ci/run bare` builds and links this library; a link
//! fails as soon as anything in it allocates.
//!
//! All functions may be called from one context only, in any order. Moments are milliseconds on a clock that does not
//! go back. A function called while another one runs, from an interrupt for example, does nothing and says so.
#![no_std]

use core::net::Ipv6Addr;
use core::panic::PanicInfo;
use core::time::Duration;

use mld_proto::listener::{self, Socket};
use mld_proto::router::{GroupSlot, Item, SourceSlot, Tables};
use mld_proto::{
    Config, ConfigError, Event, FilterMode, GroupAddr, IndexSlot, Instant, Listener, Router, Version,
    inline_listener_tables, inline_tables,
};
use spin::Mutex;

const GROUPS: usize = 8;
const SOURCES: usize = 32;

type Memory =
    Tables<[GroupSlot; GROUPS], [SourceSlot; SOURCES], [IndexSlot; IndexSlot::count_for(GROUPS, SOURCES)]>;

/// Firmware has a better seed: a device's own random number, drawn once.
const HASH_SEED: u64 = 0x6d6c_642d_6261_7265;

static ROUTER: Mutex<Router<Memory>> =
    Mutex::new(Router::new(Config::DEFAULT, inline_tables!(groups: GROUPS, sources: SOURCES), HASH_SEED));

type ListenerMemory = listener::Tables<
    [listener::GroupSlot; GROUPS],
    [listener::FilterSlot; GROUPS],
    [listener::SourceSlot; SOURCES],
    [IndexSlot; IndexSlot::count_for(GROUPS + GROUPS, SOURCES)],
>;

/// The seed of its random delays must differ from node to node, or all of them answer at the same moment.
static LISTENER: Mutex<Listener<ListenerMemory>> = Mutex::new(Listener::new(
    listener::Config::DEFAULT,
    inline_listener_tables!(groups: GROUPS, sources: SOURCES),
    HASH_SEED,
));

/// Sources that one call of [`mld_listen`] may name.
pub const LISTEN_SOURCES: usize = 16;

/// Octets of the largest frame taken or written.
pub const FRAME_LEN: usize = 1500;

/// Done, or yes.
pub const MLD_OK: i32 = 0;
/// There is nothing, or no.
pub const MLD_NONE: i32 = -1;
/// Another call is under way.
pub const MLD_BUSY: i32 = -2;
/// An argument cannot be used.
pub const MLD_INVALID: i32 = -3;

/// An IPv6 packet, its first octet the one with the version.
#[repr(C)]
pub struct Frame {
    octets: [u8; FRAME_LEN],
}

/// An IPv6 address in network order.
#[repr(C)]
pub struct Address {
    octets: [u8; 16],
}

impl Address {
    fn get(&self) -> Ipv6Addr {
        Ipv6Addr::from(self.octets)
    }
}

/// An event from [`mld_poll_event`].
#[repr(C)]
pub struct Told {
    /// 1: the querier changed; 2: a timer removed the last state of a group; 3: the membership of a group changed;
    /// 4: the router was stopped.
    kind: u32,
    /// The group, or the querier.
    address: Address,
    /// True if the group has listeners, or if this router is the querier.
    present: bool,
    /// Sources that the group's record lists.
    sources: u32,
}

/// Starts the router with its link-local address.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_start(now_ms: u64, link_local: &Address) -> i32 {
    let Some(mut router) = ROUTER.try_lock() else { return MLD_BUSY };
    router.start(Instant::from_millis(now_ms), Some(link_local.get()));
    MLD_OK
}

/// Stops the router. The events of that remain to be polled.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_stop(now_ms: u64) -> i32 {
    let Some(mut router) = ROUTER.try_lock() else { return MLD_BUSY };
    router.stop(Instant::from_millis(now_ms));
    MLD_OK
}

/// The address of the link changed; a null pointer says that there is none now.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_set_address(now_ms: u64, link_local: Option<&Address>) -> i32 {
    let Some(mut router) = ROUTER.try_lock() else { return MLD_BUSY };
    router.set_address(Instant::from_millis(now_ms), link_local.map(Address::get));
    MLD_OK
}

/// Changes the Query Interval at run time; milliseconds.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_set_query_interval(now_ms: u64, interval_ms: u64) -> i32 {
    let Some(mut router) = ROUTER.try_lock() else { return MLD_BUSY };
    let config: Result<Config, ConfigError> =
        router.config().to_builder().query_interval(Duration::from_millis(interval_ms)).build();
    match config {
        Ok(config) => {
            router.reconfigure(Instant::from_millis(now_ms), config);
            MLD_OK
        }
        Err(_) => MLD_INVALID,
    }
}

/// Takes a received packet of `len` octets. Returns how many reports and done messages it held, or `MLD_NONE` for a
/// packet that was ignored and counted.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_receive(now_ms: u64, frame: &Frame, len: usize) -> i32 {
    let Some(mut router) = ROUTER.try_lock() else { return MLD_BUSY };
    let Some(packet) = frame.octets.get(..len) else { return MLD_INVALID };
    match router.handle_packet(Instant::from_millis(now_ms), packet) {
        Ok(accepted) => {
            let told =
                accepted.filter(|item| matches!(item, Item::Report { .. } | Item::Done { .. })).count();
            i32::try_from(told).unwrap_or(i32::MAX)
        }
        Err(_) => MLD_NONE,
    }
}

/// Lets time pass.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_timeout(now_ms: u64) -> i32 {
    let Some(mut router) = ROUTER.try_lock() else { return MLD_BUSY };
    router.handle_timeout(Instant::from_millis(now_ms));
    MLD_OK
}

/// Writes the next packet to be sent and returns its length, or `MLD_NONE`.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_poll_transmit(now_ms: u64, frame: &mut Frame) -> i32 {
    let Some(mut router) = ROUTER.try_lock() else { return MLD_BUSY };
    match router.poll_transmit(Instant::from_millis(now_ms), &mut frame.octets) {
        Ok(Some(transmit)) => i32::try_from(transmit.len).unwrap_or(MLD_INVALID),
        Ok(None) => MLD_NONE,
        Err(_) => MLD_INVALID,
    }
}

/// Writes the next event, or returns `MLD_NONE`.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_poll_event(told: &mut Told) -> i32 {
    let Some(mut router) = ROUTER.try_lock() else { return MLD_BUSY };
    let Some(event) = router.poll_event() else { return MLD_NONE };
    let (kind, address) = match event {
        Event::Querier => (1, router.querier().address()),
        Event::Timeout(group) => (2, group.get()),
        Event::Membership(group) => (3, group.get()),
        Event::Stopped => (4, Ipv6Addr::UNSPECIFIED),
        _ => (0, Ipv6Addr::UNSPECIFIED),
    };
    let record = GroupAddr::new(address).ok().and_then(|group| router.group(group));
    *told = Told {
        kind,
        address: Address { octets: address.octets() },
        present: record.is_some() || (kind == 1 && router.link_local() == Some(address)),
        sources: record.map_or(0, |record| u32::try_from(record.source_count()).unwrap_or(u32::MAX)),
    };
    MLD_OK
}

/// Writes the moment at which to call back, or returns `MLD_NONE` if there is nothing to wait for.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_poll_timeout(at_ms: &mut u64) -> i32 {
    let Some(router) = ROUTER.try_lock() else { return MLD_BUSY };
    match router.poll_timeout() {
        Some(at) => {
            *at_ms = at.as_millis();
            MLD_OK
        }
        None => MLD_NONE,
    }
}

/// Returns `MLD_OK` if traffic from `source` to `group` is to be forwarded to the link, else `MLD_NONE`.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_forwards(group: &Address, source: &Address) -> i32 {
    let Some(router) = ROUTER.try_lock() else { return MLD_BUSY };
    match GroupAddr::new(group.get()) {
        Ok(group) if router.forwards(group, source.get()) => MLD_OK,
        Ok(_) => MLD_NONE,
        Err(_) => MLD_INVALID,
    }
}

/// Returns the number of groups with listeners.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_groups() -> i32 {
    let Some(router) = ROUTER.try_lock() else { return MLD_BUSY };
    i32::try_from(router.groups().count()).unwrap_or(i32::MAX)
}

/// Starts the listener; a null pointer says that the address is still tentative.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_listener_start(now_ms: u64, link_local: Option<&Address>) -> i32 {
    let Some(mut listener) = LISTENER.try_lock() else { return MLD_BUSY };
    listener.start(Instant::from_millis(now_ms), link_local.map(Address::get));
    MLD_OK
}

/// Stops the listener, which forgets everything.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_listener_stop(now_ms: u64) -> i32 {
    let Some(mut listener) = LISTENER.try_lock() else { return MLD_BUSY };
    listener.stop(Instant::from_millis(now_ms));
    MLD_OK
}

/// The address of the link changed; a null pointer says that there is none now.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_listener_set_address(now_ms: u64, link_local: Option<&Address>) -> i32 {
    let Some(mut listener) = LISTENER.try_lock() else { return MLD_BUSY };
    listener.set_address(Instant::from_millis(now_ms), link_local.map(Address::get));
    MLD_OK
}

/// From now on `socket` wants of `group` the first `count` of these sources, or all but those. None of none ends it.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_listen(
    now_ms: u64,
    socket: u32,
    group: &Address,
    exclude: bool,
    sources: &[Address; LISTEN_SOURCES],
    count: usize,
) -> i32 {
    let Some(mut listener) = LISTENER.try_lock() else { return MLD_BUSY };
    let Some(sources) = sources.get(..count) else { return MLD_INVALID };
    let mut listed = [Ipv6Addr::UNSPECIFIED; LISTEN_SOURCES];
    for (listed, source) in listed.iter_mut().zip(sources) {
        *listed = source.get();
    }
    let mode = if exclude { FilterMode::Exclude } else { FilterMode::Include };
    match listener.listen(Instant::from_millis(now_ms), Socket(socket), group.get(), mode, &listed[..count]) {
        Ok(()) => MLD_OK,
        Err(_) => MLD_INVALID,
    }
}

/// Takes a received packet of `len` octets: `MLD_OK`, or `MLD_NONE` for one that was ignored and counted.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_listener_receive(now_ms: u64, frame: &Frame, len: usize) -> i32 {
    let Some(mut listener) = LISTENER.try_lock() else { return MLD_BUSY };
    let Some(packet) = frame.octets.get(..len) else { return MLD_INVALID };
    match listener.handle_packet(Instant::from_millis(now_ms), packet) {
        Ok(_) => MLD_OK,
        Err(_) => MLD_NONE,
    }
}

/// Lets time pass for the listener.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_listener_timeout(now_ms: u64) -> i32 {
    let Some(mut listener) = LISTENER.try_lock() else { return MLD_BUSY };
    listener.handle_timeout(Instant::from_millis(now_ms));
    MLD_OK
}

/// Writes the listener's next packet and returns its length, or `MLD_NONE`.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_listener_poll_transmit(now_ms: u64, frame: &mut Frame) -> i32 {
    let Some(mut listener) = LISTENER.try_lock() else { return MLD_BUSY };
    match listener.poll_transmit(Instant::from_millis(now_ms), &mut frame.octets) {
        Ok(Some(transmit)) => i32::try_from(transmit.len).unwrap_or(MLD_INVALID),
        Ok(None) => MLD_NONE,
        Err(_) => MLD_INVALID,
    }
}

/// The version that the listener speaks since its compatibility mode changed, 0 if it only received an MLDv1 Query
/// for a group of source-specific multicast, or `MLD_NONE`.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_listener_poll_event() -> i32 {
    let Some(mut listener) = LISTENER.try_lock() else { return MLD_BUSY };
    match (listener.poll_event(), listener.compatibility_mode()) {
        (Some(listener::Event::CompatibilityMode), Version::V1) => 1,
        (Some(listener::Event::CompatibilityMode), Version::V2) => 2,
        (Some(_), _) => 0,
        (None, _) => MLD_NONE,
    }
}

/// Writes the moment at which to call the listener back, or returns `MLD_NONE` if there is nothing to wait for.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_listener_poll_timeout(at_ms: &mut u64) -> i32 {
    let Some(listener) = LISTENER.try_lock() else { return MLD_BUSY };
    match listener.poll_timeout() {
        Some(at) => {
            *at_ms = at.as_millis();
            MLD_OK
        }
        None => MLD_NONE,
    }
}

/// Returns `MLD_OK` if a packet from `source` to `group` is to be delivered to `socket`, else `MLD_NONE`.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "an exported name")]
pub extern "C" fn mld_delivers(socket: u32, group: &Address, source: &Address) -> i32 {
    let Some(listener) = LISTENER.try_lock() else { return MLD_BUSY };
    if listener.delivers(Socket(socket), group.get(), source.get()) { MLD_OK } else { MLD_NONE }
}

#[cfg(feature = "alloc-probe")]
mod alloc_probe {
    extern crate alloc;

    /// Needs an allocator, which is not there.
    #[unsafe(no_mangle)]
    #[expect(unsafe_code, reason = "an exported name")]
    pub extern "C" fn mld_alloc_probe(len: usize) -> usize {
        let octets: alloc::vec::Vec<u8> = (0..len).map(|octet| octet as u8).collect();
        octets.iter().map(|octet| usize::from(*octet)).sum()
    }
}

#[panic_handler]
fn panic(_info: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
