//! A link with a router on it, and what the router told.

use core::net::Ipv6Addr;
use core::time::Duration;
use std::time::Instant;

use mld_linux::lab::{self, Host};
use mld_linux::{Driver, InterfaceRouter, Options, Status, Stop, Told, What};
use mld_proto::router::Item;
use mld_proto::wire::RecordType;
use mld_proto::{Config, Event, FilterMode, GroupAddr, Instant as Moment, Querier, Version};

/// The router's end of every link.
pub(crate) const ROUTER: &str = "router0";
/// The host's end.
pub(crate) const HOST: &str = "eth0";
/// Longer than anything takes that is said to happen at once.
pub(crate) const SOON: Duration = Duration::from_secs(5);

pub(crate) fn group(text: &str) -> GroupAddr {
    text.parse().expect("a group")
}

pub(crate) fn address(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}

/// Settings with which a group without listeners ends within 200 ms of its leave.
pub(crate) fn quick() -> Config {
    quick_version(Version::V2)
}

pub(crate) fn quick_version(version: Version) -> Config {
    Config::builder()
        .version(version)
        .query_interval(Duration::from_secs(1))
        .query_response_interval(Duration::from_millis(400))
        .last_listener_query_interval(Duration::from_millis(100))
        .build()
        .expect("valid settings")
}

/// A cable from the router's interface to a host, both up with addresses that can be used.
pub(crate) fn cable() -> Host {
    let host = Host::new("host").expect("a host");
    lab::veth(ROUTER, HOST, Some(&host)).expect("a cable");
    switch_on(ROUTER);
    host.run(|| switch_on(HOST));
    usable(ROUTER);
    host.run(|| usable(HOST));
    host
}

pub(crate) fn switch_on(interface: &str) {
    lab::no_dad(interface).expect("no detection of duplicates");
    lab::set_up(interface).expect("an interface that is up");
}

pub(crate) fn usable(interface: &str) -> Ipv6Addr {
    lab::wait_link_local(interface, SOON).expect("an address")
}

/// What a driver told, with what could be read then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Report(GroupAddr, Ipv6Addr, RecordType),
    Done(GroupAddr, Ipv6Addr),
    Membership(GroupAddr, Option<(FilterMode, Vec<Ipv6Addr>)>),
    Querier(Querier),
    Timeout(GroupAddr),
    Removed,
    Other(String),
}

impl Seen {
    fn read(told: &Told<'_>) -> Self {
        match told.what {
            What::Item(Item::Report { group, reporter, record }) => Self::Report(group, reporter, record),
            What::Item(Item::Done { group, reporter }) => Self::Done(group, reporter),
            What::Event(Event::Membership(group)) => Self::Membership(group, view(told.router, group)),
            What::Event(Event::Querier) => Self::Querier(told.router.querier()),
            What::Event(Event::Timeout(group)) => Self::Timeout(group),
            What::Removed => Self::Removed,
            What::Notice(notice) => Self::Other(notice.to_string()),
            other => Self::Other(format!("{other:?}")),
        }
    }
}

/// Filter mode and the sources that a membership names, ascending; `None` without listeners.
pub(crate) fn view(router: &InterfaceRouter, group: GroupAddr) -> Option<(FilterMode, Vec<Ipv6Addr>)> {
    let state = router.group(group)?;
    let mode = state.filter_mode();
    let named = state.sources().filter(|source| source.is_forwarding() == (mode == FilterMode::Include));
    let mut sources: Vec<_> = named.map(|source| source.address()).collect();
    sources.sort_unstable();
    Some((mode, sources))
}

/// A driver in a loop of the test's own, and all that it told.
pub(crate) struct Bench {
    pub(crate) driver: Driver,
    pub(crate) seen: Vec<Seen>,
    /// When each happened, as it was told.
    pub(crate) times: Vec<Moment>,
    never: Stop,
}

impl Bench {
    pub(crate) fn open(config: Config) -> Self {
        Self::with(&Options::new(config))
    }

    pub(crate) fn with(options: &Options) -> Self {
        Self::of(Driver::open(ROUTER, options).expect("a driver"))
    }

    pub(crate) fn of(driver: Driver) -> Self {
        Self { driver, seen: Vec::new(), times: Vec::new(), never: Stop::new().expect("a handle") }
    }

    /// Waits for the next turn, no longer than `end`.
    fn wait(&self, end: Instant) {
        let left = end.saturating_duration_since(Instant::now());
        if self.driver.timeout().is_none_or(|timeout| timeout > left) {
            // The loop must come back: a short nap stands for "until readable".
            std::thread::sleep(left.min(Duration::from_millis(2)));
        } else {
            self.driver.wait(&self.never).expect("waiting works");
        }
    }

    pub(crate) fn ready(&mut self) {
        let (seen, times) = (&mut self.seen, &mut self.times);
        let mut sink = |told: Told<'_>| {
            seen.push(Seen::read(&told));
            times.push(told.at);
        };
        self.driver.ready(&mut sink).expect("the driver works");
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.ready();
            self.wait(end);
        }
    }

    /// How often a loop that does as the driver says comes around in half a second.
    pub(crate) fn turns(&mut self) -> u32 {
        let mut turns = 0;
        let (timer, never) = (Duration::from_millis(500), Stop::new().expect("a handle"));
        let stopper = never.clone();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(timer);
            stopper.stop();
        });
        while !never.is_stopped() {
            self.ready();
            self.driver.wait(&never).expect("waiting works");
            turns += 1;
        }
        thread.join().expect("it does not panic");
        turns
    }

    /// Turns until `condition` holds, and says how long that took.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) -> Duration {
        let start = Instant::now();
        loop {
            self.ready();
            if condition(self) {
                return start.elapsed();
            }
            let passed = start.elapsed();
            assert!(passed < 2 * SOON, "not within {passed:?}: {what}; told: {:#?}", self.seen);
            self.wait(start + 2 * SOON);
        }
    }

    #[track_caller]
    pub(crate) fn until_view(
        &mut self,
        group: GroupAddr,
        expected: Option<(FilterMode, Vec<Ipv6Addr>)>,
    ) -> Duration {
        let what = format!("{group} is {expected:?}");
        self.until(&what, |bench| view(bench.driver.router(), group) == expected)
    }

    /// A router that has begun and, unless it is to be silent, queries.
    pub(crate) fn begun(config: Config) -> Self {
        let mut bench = Self::open(config);
        bench.until("the router queries", |bench| bench.driver.router().stats().sent.general > 0);
        bench
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(self.driver.status(), Status::Up { .. })
    }

    pub(crate) fn remove(&mut self) {
        let seen = &mut self.seen;
        self.driver.remove(&mut |told| seen.push(Seen::read(&told)));
    }

    pub(crate) fn reconfigure(&mut self, options: &Options) {
        let seen = &mut self.seen;
        self.driver.reconfigure(options, &mut |told| seen.push(Seen::read(&told))).expect("usable options");
    }

    pub(crate) fn saw(&self, what: &Seen) -> bool {
        self.seen.contains(what)
    }
}

pub(crate) const EXCLUDE_NONE: Option<(FilterMode, Vec<Ipv6Addr>)> = Some((FilterMode::Exclude, Vec::new()));
