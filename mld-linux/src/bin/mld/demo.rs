//! `mld demo`: the router and the kernel's own hosts on a link that exists for nobody else.

use core::fmt;
use core::net::Ipv6Addr;
use core::time::Duration;
use std::io::{self, Write};
use std::time::Instant;

use mld_linux::lab::{self, Host, LabError, Listener};
use mld_linux::{Driver, InterfaceRouter, Told};
use mld_proto::document::EventMembers;
use mld_proto::router::{GroupState, SentCounts};
use mld_proto::{Config, GroupAddr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::events::{members, sentence};
use crate::failure::Failure;
use crate::text::list;

/// A join is known within this time of the host's call.
const JOIN_LIMIT: Duration = Duration::from_millis(100);
/// A leave is known within the last-listener time and this.
const LEAVE_SLACK: Duration = Duration::from_millis(100);
/// How much longer than the limit is waited for something that is late, to say how late.
const LATE: Duration = Duration::from_secs(1);
/// How long a link and its addresses may take to come up.
const STARTUP: Duration = Duration::from_secs(5);

const LAN: &str = "lan";
/// Joined by two hosts.
const SHARED: GroupAddr = group([0xff05, 0, 0, 0, 0, 0, 1, 1]);
/// Joined by the MLDv1 host.
const OLD: GroupAddr = group([0xff05, 0, 0, 0, 0, 0, 1, 2]);
/// Joined from one source.
const CHANNEL: GroupAddr = group([0xff3e, 0, 0, 0, 0, 0, 0x8000, 1]);
const SOURCE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10);

const fn group(segments: [u16; 8]) -> GroupAddr {
    let [a, b, c, d, e, f, g, h] = segments;
    match GroupAddr::new(Ipv6Addr::new(a, b, c, d, e, f, g, h)) {
        Ok(group) => group,
        Err(_) => panic!("a group of the demonstration is managed"),
    }
}

/// Show the router at work with real hosts, without root, interface or configuration
///
/// Makes a link in a network namespace of its own, lets the kernel's IPv6 hosts join and leave groups on it, and
/// shows what the router learns and sends. Fails when it learns something too late.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How long it may take; below 10 the router waits less for last listeners
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=3600))]
    seconds: u16,
}

/// Runs the command. The process must have one thread only.
pub(crate) fn demo(options: &Options) -> Result<(), Failure> {
    let end = Instant::now() + Duration::from_secs(options.seconds.into());
    lab::enter().map_err(|error| Failure::privilege(format!("demo: {error}")))?;
    let mut nodes = build()?;
    let mut show = Show::start(config(options.seconds)?, &nodes)?;
    loop {
        let start = Instant::now();
        show.round(&mut nodes)?;
        // Once more only if it ends in time.
        if Instant::now() + start.elapsed() + LATE > end {
            break;
        }
    }
    show.summary()
}

/// The defaults of the standard, with less time for last listeners where the whole is to take less than usual.
fn config(seconds: u16) -> Result<Config, Failure> {
    // Seven such intervals pass in a round: three leaves of two, and the wait for an answer.
    let interval = Duration::from_millis((u64::from(seconds) * 1000 - 500) / 8).min(Duration::from_secs(1));
    Config::builder()
        .last_listener_query_interval(interval)
        .build()
        .map_err(|error| Failure::failed(format!("demo: {error}")))
}

/// A host of the kernel.
struct Node {
    name: &'static str,
    kind: &'static str,
    address: Ipv6Addr,
    sockets: Listener,
    _host: Host,
}

/// The hosts of the link: two of MLDv2 and one of MLDv1.
fn build() -> Result<[Node; 3], Failure> {
    let failed = |error: LabError| Failure::failed(format!("demo: {error}"));
    lab::bridge(LAN, false).map_err(failed)?;
    lab::no_dad(LAN).map_err(failed)?;
    lab::set_up(LAN).map_err(failed)?;
    let node = |name: &'static str, version: u8| -> Result<Node, LabError> {
        let host = Host::new(name)?;
        lab::veth(name, "eth0", Some(&host))?;
        lab::set_master(name, LAN)?;
        if version == 1 {
            host.sysctl("net/ipv6/conf/eth0/force_mld_version", "1")?;
        }
        host.run(|| lab::no_dad("eth0").and_then(|()| lab::set_up("eth0")))?;
        lab::set_up(name)?;
        let address = host.run(|| lab::wait_link_local("eth0", STARTUP))?;
        let sockets = host.listener("eth0")?;
        Ok(Node { name, kind: if version == 1 { "MLDv1" } else { "MLDv2" }, address, sockets, _host: host })
    };
    let nodes =
        [node("ann", 2).map_err(failed)?, node("ben", 2).map_err(failed)?, node("old", 1).map_err(failed)?];
    lab::wait_link_local(LAN, STARTUP).map_err(failed)?;
    Ok(nodes)
}

/// What a host asks its kernel for.
#[derive(Clone, Copy)]
struct Wish {
    group: GroupAddr,
    source: Option<Ipv6Addr>,
    join: bool,
}

/// The router, and what is told of it.
struct Show {
    driver: Driver,
    config: Config,
    begin: Instant,
    /// The host's call that what follows is measured from.
    call: Option<Instant>,
    hosts: Vec<(Ipv6Addr, &'static str)>,
    joins: Vec<Duration>,
    leaves: Vec<Duration>,
    misses: Vec<String>,
}

/// Something that the router told of a group of the demonstration.
struct Seen {
    at: Instant,
    /// `None` for what is about no group.
    group: Option<GroupAddr>,
    /// Whether the group has listeners, if that is what was told.
    has_members: Option<bool>,
    /// Who reported, if that is what was told.
    reporter: Option<Ipv6Addr>,
    /// Queries for groups that the router had sent by then.
    asked: u64,
    text: String,
}

impl Show {
    /// Starts the router and waits for its first Query.
    fn start(config: Config, nodes: &[Node]) -> Result<Self, Failure> {
        let driver = Driver::open(LAN, &mld_linux::Options::new(config)).map_err(router_failed)?;
        let mut show = Self {
            driver,
            config,
            begin: Instant::now(),
            call: None,
            hosts: nodes.iter().map(|node| (node.address, node.name)).collect(),
            joins: Vec::new(),
            leaves: Vec::new(),
            misses: Vec::new(),
        };
        line(format_args!("{:>8}  {:>11}  what happens", "seconds", "since call"))?;
        for node in nodes {
            let text = format!("{} is on the link: a host of {}, {}", node.name, node.kind, node.address);
            show.say(Instant::now(), &text)?;
        }
        let deadline = show.begin + STARTUP;
        while show.driver.router().stats().sent.general == 0 {
            if Instant::now() >= deadline {
                return Err(Failure::failed(format!("demo: the router sent no Query within {STARTUP:?}")));
            }
            show.turn(deadline, None)?;
        }
        Ok(show)
    }

    /// Joins and leaves of every kind.
    fn round(&mut self, nodes: &mut [Node; 3]) -> Result<(), Failure> {
        let [ann, ben, old] = nodes;
        let shared = Wish { group: SHARED, source: None, join: true };
        let plain = Wish { group: OLD, source: None, join: true };
        let channel = Wish { group: CHANNEL, source: Some(SOURCE), join: true };
        self.join(ann, shared)?;
        self.join(old, plain)?;
        self.join(ben, channel)?;
        self.join_too(ben, shared)?;
        self.leave_to_other(ann, shared, ben)?;
        self.leave(ben, shared)?;
        self.leave(old, plain)?;
        self.leave(ben, channel)
    }

    /// A host joins what nobody listens to yet.
    fn join(&mut self, node: &mut Node, wish: Wish) -> Result<(), Failure> {
        let call = self.call(node, wish)?;
        let known = self.watch(call + JOIN_LIMIT + LATE, wish, |_, seen| seen.has_members == Some(true))?;
        let what = format!("{}'s join of {}", node.name, wish.group);
        let took = self.judge(what, call, known, JOIN_LIMIT);
        self.joins.extend(took);
        Ok(())
    }

    /// A host joins what another one listens to already: its report is heard, and nothing changes.
    fn join_too(&mut self, node: &mut Node, wish: Wish) -> Result<(), Failure> {
        let call = self.call(node, wish)?;
        let reporter = Some(node.address);
        let known = self.watch(call + JOIN_LIMIT + LATE, wish, |_, seen| seen.reporter == reporter)?;
        if let Some(took) =
            self.judge(format!("{}'s join of {}", node.name, wish.group), call, known, JOIN_LIMIT)
        {
            self.joins.push(took);
        }
        Ok(())
    }

    /// A host leaves, and another one keeps listening: the router asks, is answered, and the group stays.
    fn leave_to_other(&mut self, node: &mut Node, wish: Wish, other: &Node) -> Result<(), Failure> {
        let leave = Wish { join: false, ..wish };
        let asked = self.driver.router().stats().sent.group;
        let call = self.call(node, leave)?;
        let limit = self.config.last_listener_query_time() + LEAVE_SLACK;
        let reporter = Some(other.address);
        let mut ended = false;
        let answered = self.watch(call + limit, leave, |router, seen| {
            ended |= seen.has_members == Some(false);
            // Its join may still be repeated: only what follows a Query is an answer.
            let answers = seen.reporter == reporter && seen.asked > asked;
            ended || (answers && router.state(wish.group) == GroupState::ListenersPresent)
        })?;
        if ended || answered.is_none() {
            self.misses.push(format!(
                "{} did not outlast {}'s leave, though {} listens",
                wish.group, node.name, other.name
            ));
            return Ok(());
        }
        self.say(Instant::now(), &format!("{} stays: {} still listens", wish.group, other.name))
    }

    /// The last listener leaves.
    fn leave(&mut self, node: &mut Node, wish: Wish) -> Result<(), Failure> {
        let leave = Wish { join: false, ..wish };
        let call = self.call(node, leave)?;
        let limit = self.config.last_listener_query_time() + LEAVE_SLACK;
        let known = self.watch(call + limit + LATE, leave, |_, seen| seen.has_members == Some(false))?;
        if let Some(took) = self.judge(format!("{}'s leave of {}", node.name, wish.group), call, known, limit)
        {
            self.leaves.push(took);
        }
        Ok(())
    }

    /// Makes the host's call.
    fn call(&mut self, node: &mut Node, wish: Wish) -> Result<Instant, Failure> {
        let verb = if wish.join { "joins" } else { "leaves" };
        let from = wish.source.map_or_else(String::new, |source| format!(" from source {source}"));
        self.call = None;
        self.say(Instant::now(), &format!("{} {verb} {}{from}", node.name, wish.group))?;
        let call = Instant::now();
        self.call = Some(call);
        let sockets = &mut node.sockets;
        match (wish.join, wish.source) {
            (true, None) => sockets.join(wish.group),
            (true, Some(source)) => sockets.join_source(wish.group, source),
            (false, None) => sockets.leave(wish.group),
            (false, Some(source)) => sockets.leave_source(wish.group, source),
        }
        .map_err(|error| Failure::failed(format!("demo: {} {verb} {}: {error}", node.name, wish.group)))?;
        Ok(call)
    }

    /// Lets the router work until `found` is true of something it tells of the group, or until `deadline`. When
    /// that was.
    fn watch(
        &mut self,
        deadline: Instant,
        wish: Wish,
        mut found: impl FnMut(&InterfaceRouter, &Seen) -> bool,
    ) -> Result<Option<Instant>, Failure> {
        while Instant::now() < deadline {
            let seen = self.turn(deadline, Some(wish))?;
            let mut of_group = seen.iter().filter(|seen| seen.group == Some(wish.group));
            if let Some(seen) = of_group.find(|seen| found(self.driver.router(), seen)) {
                return Ok(Some(seen.at));
            }
        }
        Ok(None)
    }

    /// Waits for the router to have something to do, lets it do that, and shows it.
    fn turn(&mut self, deadline: Instant, wish: Option<Wish>) -> Result<Vec<Seen>, Failure> {
        let patience = deadline.saturating_duration_since(Instant::now());
        let timeout = self.driver.timeout().map_or(patience, |timeout| timeout.min(patience));
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        match poll(&mut [PollFd::new(&self.driver, PollFlags::IN)], Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Failure::failed(format!("demo: poll: {error}"))),
        }
        let before = self.driver.router().stats().sent;
        let mut seen = Vec::new();
        let hosts = &self.hosts;
        self.driver.ready(&mut |told| seen.extend(look(&told, hosts))).map_err(router_failed)?;
        for seen in &seen {
            self.say(seen.at, &seen.text)?;
        }
        for query in queries(before, self.driver.router().stats().sent, wish) {
            self.say(Instant::now(), &query)?;
        }
        Ok(seen)
    }

    /// How long it took, if it was known at all. What came too late is kept for the end.
    fn judge(
        &mut self,
        what: String,
        call: Instant,
        known: Option<Instant>,
        limit: Duration,
    ) -> Option<Duration> {
        let took = known.map(|known| known.duration_since(call));
        match took {
            Some(took) if took <= limit => {}
            Some(took) => {
                self.misses.push(format!("{what} was known after {}, not within {}", Took(took), Took(limit)))
            }
            None => self.misses.push(format!("{what} was not known within {}", Took(limit + LATE))),
        }
        took
    }

    fn say(&self, at: Instant, text: &str) -> Result<(), Failure> {
        let time = at.saturating_duration_since(self.begin).as_secs_f64();
        let since = self
            .call
            .map_or_else(String::new, |call| format!("+{}", Took(at.saturating_duration_since(call))));
        line(format_args!("{time:>8.3}  {since:>11}  {text}"))
    }

    fn summary(self) -> Result<(), Failure> {
        let leave_limit = self.config.last_listener_query_time() + LEAVE_SLACK;
        for (what, times, limit) in
            [("joins", &self.joins, JOIN_LIMIT), ("leaves", &self.leaves, leave_limit)]
        {
            if let (Some(&least), Some(&most)) = (times.iter().min(), times.iter().max()) {
                let (count, least, most, limit) = (times.len(), Took(least), Took(most), Took(limit));
                line(format_args!("{count} {what} known after {least} to {most}; the limit is {limit}"))?;
            }
        }
        match &self.misses[..] {
            [] => Ok(()),
            misses => Err(Failure::failed(format!("demo: {}", list(misses, "; ", 3)))),
        }
    }
}

/// What is to be shown of what the router told: who queries, and everything about groups wider than the link.
fn look(told: &Told<'_>, hosts: &[(Ipv6Addr, &'static str)]) -> Option<Seen> {
    let mut sources = Vec::new();
    let event = members(told, &mut sources)?;
    let (verb, group, has_members, reporter) = match event {
        EventMembers::Membership { group, has_members, .. } => {
            ("learnt that", Some(group), Some(has_members), None)
        }
        EventMembers::Report { group, reporter, .. } | EventMembers::Done { group, reporter } => {
            ("heard", Some(group), None, Some(reporter))
        }
        EventMembers::Querier(_) => ("learnt that", None, None, None),
        // The membership that follows says as much.
        _ => return None,
    };
    if group.is_some_and(GroupAddr::is_link_local) {
        return None;
    }
    let text = sentence(&event);
    let mut text = format!("router {verb} {}", text.trim_start_matches(['+', '-', '*', ' ']));
    for (address, name) in hosts {
        text = text.replace(&address.to_string(), name);
    }
    let asked = told.router.stats().sent.group;
    Some(Seen { at: Instant::now(), group, has_members, reporter, asked, text })
}

/// A line for each Query that the router sent meanwhile. Specific ones are about what a host has just left: one
/// thing at a time.
fn queries(before: SentCounts, now: SentCounts, wish: Option<Wish>) -> Vec<String> {
    let group = wish.map(|wish| format!(" for {}", wish.group)).unwrap_or_default();
    let source =
        wish.and_then(|wish| wish.source).map(|source| format!(" from {source}")).unwrap_or_default();
    let mut lines = Vec::new();
    for (count, text) in [
        (now.general - before.general, "router sent General Query".to_owned()),
        (now.group - before.group, format!("router sent Query{group}")),
        (now.group_and_source - before.group_and_source, format!("router sent Query{group}{source}")),
    ] {
        lines.extend((0..count).map(|_| text.clone()));
    }
    lines
}

/// A time that something took.
struct Took(Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_secs_f64() * 1000.0;
        if millis < 1000.0 { write!(f, "{millis:.1} ms") } else { write!(f, "{:.3} s", millis / 1000.0) }
    }
}

fn line(text: fmt::Arguments<'_>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| Failure::output(&error))
}

fn router_failed(error: mld_linux::Error) -> Failure {
    let line = format!("demo: {error}");
    if error.is_permission() { Failure::privilege(line) } else { Failure::failed(line) }
}
