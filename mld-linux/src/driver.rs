use core::net::Ipv6Addr;
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use mld_proto::router::{Item, QuerierMode};
use mld_proto::{Config, Event, Instant};
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};

use crate::netlink::{Link, Requests, Watch};
use crate::receiver::{Receive, Receiver};
use crate::sender::{self, RouterGroups, Sender};
use crate::tables::{self, InterfaceRouter};
use crate::{Clock, Error, Stop, Told, What};

mod follow;
mod turn;

/// How an interface is to be managed.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// The protocol's settings. A limit of `u32::MAX` means the default: [`DEFAULT_MAX_GROUPS`] groups,
    /// [`DEFAULT_MAX_GROUP_SOURCES`] sources of a group, four times as many sources as groups.
    ///
    /// [`DEFAULT_MAX_GROUPS`]: crate::DEFAULT_MAX_GROUPS
    /// [`DEFAULT_MAX_GROUP_SOURCES`]: crate::DEFAULT_MAX_GROUP_SOURCES
    pub config: Config,
    /// Octets of the largest packet sent; `None`: what the device can send, as it changes.
    pub mtu: Option<u16>,
    /// How frames are read.
    pub receive: Receive,
}

impl Options {
    /// The options for these settings, with the device's MTU and a receive ring.
    pub fn new(config: Config) -> Self {
        Self { config, ..Self::default() }
    }

    /// Sends packets of at most `mtu` octets, and of no more than the device can send.
    #[must_use]
    pub fn with_mtu(self, mtu: u16) -> Self {
        Self { mtu: Some(mtu), ..self }
    }

    /// Reads frames in this way.
    #[must_use]
    pub fn with_receive(self, receive: Receive) -> Self {
        Self { receive, ..self }
    }
}

/// What a [`Driver`] counts beside its engine's [`Stats`](mld_proto::router::Stats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Frames with MLD messages that were read.
    pub frames: u64,
    /// Frames that the kernel dropped because they were not read in time.
    pub frames_lost: u64,
    /// Frames whose checksum was left to hardware that never came by: they are trusted.
    pub checksum_partial: u64,
    /// Frames for another station.
    pub other_host: u64,
    /// Queries that the system refused to send.
    pub send_failed: u64,
    /// Queries that had to wait for room in a queue of the system.
    pub sent_late: u64,
}

/// Whether an interface is managed, and how it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It is up.
    Up {
        /// The link-local address that is spoken from; `None` if there is none that can be used.
        address: Option<Ipv6Addr>,
    },
    /// It is down: nothing is known and nothing sent until it is up.
    Down,
    /// It is no longer managed.
    Removed,
}

/// One interface: its engine, its sockets, its clock. Any event loop can drive it, together with others.
///
/// The loop waits until the driver, which lends a descriptor, is readable or [`timeout`](Self::timeout) has passed,
/// and calls [`ready`](Self::ready), also once at the beginning. [`run`](Self::run) is such a loop for one
/// interface, [`Interface`](crate::Interface) one on a thread of its own.
///
/// It opens sockets as it goes: whoever calls must be in the network namespace in which it was opened.
///
/// With [`QuerierMode::Never`] the driver opens no socket that could send, joins no group and needs no address.
#[derive(Debug)]
pub struct Driver {
    interface: String,
    options: Options,
    /// What the engine was given: limits filled in, the MTU that holds.
    config: Config,
    router: InterfaceRouter,
    clock: Clock,
    link: Link,
    /// The addresses of the interface that are not spoken from.
    other_addresses: Vec<Ipv6Addr>,
    /// Whether the link has been looked at since the driver was opened.
    begun: bool,
    /// `None`: no longer managed.
    sockets: Option<Sockets>,
    epoll: OwnedFd,
    /// Items of one packet; kept for its memory.
    items: Vec<Item>,
    pending: Pending,
    /// Work was left when the last turn ended.
    more: bool,
    /// A packet to send is written here, and waits here when it cannot be sent at once.
    buffer: Box<[u8]>,
    unsent: Option<Unsent>,
    counters: Counters,
    frames_lost_told: u64,
    /// What the last attempt to send said, so that the same is not told again and again.
    send_failure: Option<Option<i32>>,
}

#[derive(Debug)]
struct Sockets {
    receiver: Receiver,
    watch: Watch,
    requests: Requests,
    sender: Option<Sender>,
    groups: Option<RouterGroups>,
}

/// Events of one instant that have not been told.
#[derive(Debug, Default)]
struct Pending {
    at: Instant,
    events: VecDeque<Event>,
    /// All of the instant are there and in order: they can be told.
    whole: bool,
}

impl Pending {
    /// Puts the events of timers of one instant in order: the querier, then groups ascending, each once, a timeout
    /// before its membership.
    fn sort(&mut self) {
        let events = self.events.make_contiguous();
        events.sort_unstable_by_key(|event| match *event {
            Event::Querier => (0, None, 0),
            Event::Timeout(group) => (1, Some(group), 0),
            Event::Membership(group) => (1, Some(group), 1),
            _ => (2, None, 0),
        });
        let mut last = None;
        self.events.retain(|event| last.replace(*event) != Some(*event));
    }
}

/// A message that must be offered to the system again.
#[derive(Debug)]
struct Unsent {
    message: core::ops::Range<usize>,
    destination: Ipv6Addr,
}

/// Takes what a driver tells.
type Sink<'s> = dyn FnMut(Told<'_>) + 's;

impl Driver {
    /// Opens an interface by its name. Nothing is told or sent before the first call of [`ready`](Self::ready).
    ///
    /// # Errors
    ///
    /// That there is no such interface, a privilege is missing, the interface is a port of another one or cannot
    /// carry multicast, or what the system says.
    pub fn open(interface: &str, options: &Options) -> Result<Self, Error> {
        let system = |doing| move |source| Error::system(interface, doing, source);
        // The watch comes first: what changes while the rest is asked for will be heard.
        let watch = Watch::new().map_err(system("watch interfaces"))?;
        let mut requests = Requests::new().map_err(system("ask for interfaces"))?;
        let link = requests.link_by_name(interface).map_err(system("ask for the interface"))?;
        let Some(link) = link else {
            return Err(Error::NoSuchInterface { interface: interface.to_owned() });
        };
        if let Some(master) = link.master {
            return Err(Error::Enslaved {
                interface: interface.to_owned(),
                master: master_name(&mut requests, master),
            });
        }
        if !link.multicast {
            return Err(Error::NoMulticast { interface: interface.to_owned() });
        }
        let receiver =
            Receiver::open(link.index, link.mtu, options.receive).map_err(system("open a packet socket"))?;
        if options.config.querier() == QuerierMode::Auto {
            sender::check_permission().map_err(system("open a raw ICMPv6 socket"))?;
        }
        let config = in_force(options, link.mtu);
        let router = tables::router(config).map_err(system("make the tables"))?;
        let epoll = watching(&receiver, &watch).map_err(system("make an epoll descriptor"))?;
        let sockets = Sockets { receiver, watch, requests, sender: None, groups: None };
        Ok(Self {
            interface: interface.to_owned(),
            options: options.clone(),
            config,
            router,
            clock: Clock::new(),
            link: Link { up: false, master: None, ..link },
            other_addresses: Vec::new(),
            begun: false,
            sockets: Some(sockets),
            epoll,
            items: Vec::new(),
            pending: Pending::default(),
            more: true,
            buffer: vec![0; usize::from(config.mtu())].into(),
            unsent: None,
            counters: Counters::default(),
            frames_lost_told: 0,
            send_failure: None,
        })
    }

    /// The name by which the interface was opened.
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// The number of the interface.
    pub const fn index(&self) -> u32 {
        self.link.index
    }

    /// The engine, as of the last call of [`ready`](Self::ready).
    pub const fn router(&self) -> &InterfaceRouter {
        &self.router
    }

    /// The clock that the engine's time is read from.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The present moment in the engine's time.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// What has been counted since the driver was opened.
    pub fn counters(&self) -> Counters {
        let lost = self.sockets.as_ref().map(|sockets| sockets.receiver.lost());
        Counters { frames_lost: lost.unwrap_or(self.counters.frames_lost), ..self.counters }
    }

    /// Whether the interface is managed, and how it stands.
    pub const fn status(&self) -> Status {
        match &self.sockets {
            None => Status::Removed,
            Some(_) if self.link.up => Status::Up { address: self.router.link_local() },
            Some(_) => Status::Down,
        }
    }

    /// How long a loop may wait before it calls [`ready`](Self::ready) although the driver is not readable. `None`:
    /// for ever.
    pub fn timeout(&self) -> Option<Duration> {
        self.sockets.as_ref()?;
        if self.more {
            return Some(Duration::ZERO);
        }
        let left = self.router.poll_timeout().map(|deadline| self.clock.until(deadline));
        match &self.unsent {
            // Output waits, so the engine says "now"; it is room in the system's queue that is waited for.
            Some(_) => left.map(|left| left.max(BLOCKED_TURN)),
            None => left,
        }
    }

    /// Applies other settings. Timers change at once, those that run keep their deadline (R-TIM-9). A changed
    /// version or limit starts the interface anew: each group is told to be without members, and learnt again.
    ///
    /// # Errors
    ///
    /// That the tables cannot be made or a privilege is missing. Everything is as before then.
    pub fn reconfigure(&mut self, options: &Options, sink: &mut Sink<'_>) -> Result<(), Error> {
        let config = in_force(options, self.link.mtu);
        let interface = self.interface.as_str();
        let system = |doing| move |source| Error::system(interface, doing, source);
        let anew = match needs_other_tables(&self.config, &config) {
            true => Some(tables::router(config).map_err(system("make the tables"))?),
            false => None,
        };
        if config.querier() == QuerierMode::Auto && self.config.querier() == QuerierMode::Never {
            sender::check_permission().map_err(system("open a raw ICMPv6 socket"))?;
        }
        if self.sockets.is_none() {
            return Ok(());
        }
        let now = self.moment();
        self.settle(now, sink);
        self.options = options.clone();
        self.config = config;
        if config.querier() == QuerierMode::Never {
            self.silence();
        }
        match anew {
            Some(router) => {
                let was_running = self.router.is_running();
                let address = self.router.link_local();
                self.forget(now, sink);
                self.router = router;
                self.router.set_other_addresses(self.other_addresses.iter().copied());
                if was_running {
                    self.router.start(now, address);
                }
            }
            None => self.router.reconfigure(now, config),
        }
        self.settle(now, sink);
        Ok(())
    }

    /// Ends the management of the interface: each group that has members is told to have none, then
    /// [`What::Removed`] is told. The sockets are closed. A second call does nothing.
    pub fn remove(&mut self, sink: &mut Sink<'_>) {
        if self.sockets.is_none() {
            return;
        }
        let now = self.moment();
        self.settle(now, sink);
        self.forget(now, sink);
        self.counters = self.counters();
        self.sockets = None;
        self.unsent = None;
        self.more = false;
        self.tell(now, What::Removed, sink);
    }

    /// Manages the interface until `stop` says so or the interface vanishes, and removes it then.
    ///
    /// # Errors
    ///
    /// What [`ready`](Self::ready) says, or that the system refuses to wait.
    pub fn run(&mut self, stop: &Stop, sink: &mut Sink<'_>) -> Result<(), Error> {
        let mut end = Ok(());
        while end.is_ok() && !stop.is_stopped() && self.sockets.is_some() {
            end = self.ready(sink).and_then(|()| {
                self.wait(stop).map_err(|source| Error::system(&self.interface, "wait", source))
            });
        }
        self.remove(sink);
        end
    }

    /// Waits until [`ready`](Self::ready) has something to do or `stop` says to end.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn wait(&self, stop: &Stop) -> io::Result<()> {
        let timeout = self.timeout().map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let mut fds = [PollFd::new(self, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// An epoll descriptor, readable when [`Driver::ready`] has something to do.
impl AsFd for Driver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

/// How often timers are looked at while a message waits to be sent.
const BLOCKED_TURN: Duration = Duration::from_millis(10);

/// The settings with every limit a number, and the MTU that holds on a device of `device_mtu`.
fn in_force(options: &Options, device_mtu: u32) -> Config {
    let device_mtu = u16::try_from(device_mtu).unwrap_or(u16::MAX);
    // IPv6 has no smaller link than 1280; on one that is, nothing can be sent whatever the engine thinks.
    let mtu = options.mtu.unwrap_or(u16::MAX).min(device_mtu).max(IPV6_MTU_MIN);
    tables::with_limits(options.config, mtu)
}

const IPV6_MTU_MIN: u16 = 1280;

/// Whether the interface has to start anew rather than to adapt.
fn needs_other_tables(old: &Config, new: &Config) -> bool {
    let decisive = |config: &Config| {
        (config.version(), config.max_groups(), config.max_group_sources(), config.max_sources())
    };
    decisive(old) != decisive(new)
}

fn watching(receiver: &Receiver, watch: &Watch) -> io::Result<OwnedFd> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    watch_receiver(&epoll, receiver)?;
    epoll::add(&epoll, watch.as_fd(), epoll::EventData::new_u64(WATCH), epoll::EventFlags::IN)?;
    Ok(epoll)
}

fn watch_receiver(epoll: &OwnedFd, receiver: &Receiver) -> io::Result<()> {
    let data = epoll::EventData::new_u64(RECEIVER);
    Ok(epoll::add(epoll, receiver.as_fd(), data, epoll::EventFlags::IN)?)
}

const RECEIVER: u64 = 0;
const WATCH: u64 = 1;

fn master_name(requests: &mut Requests, index: u32) -> String {
    let master = requests.link_by_index(index).ok().flatten();
    master.map_or_else(|| format!("interface {index}"), |link| link.name)
}
