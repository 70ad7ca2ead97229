//! Nodes that are honest but for one thing.

use core::net::Ipv6Addr;

use mld_proto::{FilterMode, Instant};
use mld_sim::World;
use mld_sim::judge::Judges;
use mld_sim::nodes::listener::ListenerHost;
use mld_sim::packet::write::{self, Packet, Record};
use mld_sim::world::{HostSettings, HostVersion, Node, NodeId, Outbox, Violation};

pub(crate) const GROUP: &str = "ff05::1:1";
pub(crate) const HOST: &str = "fe80::a";
pub(crate) const ROUTER: &str = "fe80::1";

pub(crate) fn ip(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}

pub(crate) const fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// A Report of one record.
pub(crate) fn report(source: &str, kind: u8, group: &str, sources: &[&str]) -> Vec<u8> {
    let sources = sources.iter().map(|source| ip(source)).collect();
    Packet::usual(ip(source), write::report(&[Record::new(kind, ip(group), sources)])).octets()
}

/// An MLDv1 Report or Done, with the destination that it has to have.
pub(crate) fn said_in_version_1(source: &str, kind: u8, group: &str) -> Vec<u8> {
    Packet::usual(ip(source), write::version_1(kind, 0, ip(group))).octets()
}

/// The ICMPv6 message of a packet as hosts and routers here send it.
pub(crate) fn message(packet: &[u8]) -> &[u8] {
    &packet[48..]
}

/// The type of the first record of a Report; nothing of other packets.
pub(crate) fn record_type(packet: &[u8]) -> Option<u8> {
    (message(packet)[0] == write::REPORT_V2).then(|| message(packet)[8])
}

/// What a [`Bent`] host does with each packet that it would send.
pub(crate) type Bend = Box<dyn FnMut(&[u8]) -> Vec<Vec<u8>>>;

/// An honest host whose packets are changed on their way out, and who answers some packets with others at once.
pub(crate) struct Bent {
    inner: ListenerHost,
    bend: Bend,
    /// What it says at once when it hears a packet, beside what it should.
    retort: Bend,
    /// What it finds wrong with itself.
    flaw: Option<&'static str>,
}

impl Bent {
    /// Sends these packets in place of each.
    pub(crate) fn sending(bend: impl FnMut(&[u8]) -> Vec<Vec<u8>> + 'static) -> Self {
        Self {
            inner: ListenerHost::new(),
            bend: Box::new(bend),
            retort: Box::new(|_| Vec::new()),
            flaw: None,
        }
    }

    /// Keeps some packets to itself.
    pub(crate) fn hiding(mut is_hidden: impl FnMut(&[u8]) -> bool + 'static) -> Self {
        Self::sending(move |packet| if is_hidden(packet) { Vec::new() } else { vec![packet.to_vec()] })
    }

    /// Says this at once when it hears a packet.
    pub(crate) fn retorting(retort: impl FnMut(&[u8]) -> Vec<Vec<u8>> + 'static) -> Self {
        Self { retort: Box::new(retort), ..Self::hiding(|_| false) }
    }

    /// Has this wrong inside.
    pub(crate) fn flawed(flaw: &'static str) -> Self {
        Self { flaw: Some(flaw), ..Self::hiding(|_| false) }
    }

    fn with(&mut self, out: &mut Outbox, call: impl FnOnce(&mut ListenerHost, &mut Outbox)) {
        let mut honest = Outbox::default();
        call(&mut self.inner, &mut honest);
        for (_, packet) in honest.packets() {
            (self.bend)(packet).iter().for_each(|packet| out.send(packet));
        }
    }
}

impl Node for Bent {
    fn start(&mut self, now: Instant, link_local: Option<Ipv6Addr>, out: &mut Outbox) {
        self.with(out, |inner, out| inner.start(now, link_local, out));
    }

    fn crash(&mut self) {
        self.inner.crash();
    }

    fn listen(
        &mut self,
        now: Instant,
        socket: u32,
        group: Ipv6Addr,
        mode: FilterMode,
        sources: &[Ipv6Addr],
        out: &mut Outbox,
    ) -> Result<(), String> {
        let mut done = Ok(());
        self.with(out, |inner, out| done = inner.listen(now, socket, group, mode, sources, out));
        done
    }

    fn packet(&mut self, now: Instant, packet: &[u8], out: &mut Outbox) {
        self.with(out, |inner, out| inner.packet(now, packet, out));
        (self.retort)(packet).iter().for_each(|packet| out.send(packet));
    }

    fn timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.with(out, |inner, out| inner.timeout(now, out));
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.inner.next_timeout()
    }

    fn check(&self) -> Result<(), String> {
        self.flaw.map_or(Ok(()), |flaw| Err(flaw.into()))
    }
}

/// Says what it was given at the moments that it was given, whether it wants anything or not.
pub(crate) struct Speaker {
    plan: Vec<(u64, Vec<u8>)>,
    is_up: bool,
    is_honest: bool,
    settings: HostSettings,
}

impl Speaker {
    /// Somebody who is believed by routers, and not held to anything.
    pub(crate) fn new(mut plan: Vec<(u64, Vec<u8>)>) -> Self {
        plan.reverse();
        Self { plan, is_up: false, is_honest: false, settings: HostSettings::DEFAULT }
    }

    /// Somebody who is held to what its sockets want.
    pub(crate) fn honest(plan: Vec<(u64, Vec<u8>)>) -> Self {
        Self { is_honest: true, ..Self::new(plan) }
    }

    /// Somebody who is held to what its sockets want, as a host of MLDv1 alone.
    pub(crate) fn honest_in_version_1(plan: Vec<(u64, Vec<u8>)>) -> Self {
        let settings = HostSettings {
            version: HostVersion::One,
            unsolicited_report_interval_ms: 10_000,
            ..HostSettings::DEFAULT
        };
        Self { settings, ..Self::honest(plan) }
    }
}

impl Node for Speaker {
    fn start(&mut self, _now: Instant, _link_local: Option<Ipv6Addr>, _out: &mut Outbox) {
        self.is_up = true;
    }

    fn crash(&mut self) {
        self.is_up = false;
    }

    fn listen(
        &mut self,
        _now: Instant,
        _socket: u32,
        _group: Ipv6Addr,
        _mode: FilterMode,
        _sources: &[Ipv6Addr],
        _out: &mut Outbox,
    ) -> Result<(), String> {
        Ok(())
    }

    fn packet(&mut self, _now: Instant, _packet: &[u8], _out: &mut Outbox) {}

    fn timeout(&mut self, now: Instant, out: &mut Outbox) {
        while self.plan.last().is_some_and(|next| next.0 <= now.as_millis()) {
            self.plan.pop().iter().for_each(|(_, packet)| out.send(packet));
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.plan.last().filter(|_| self.is_up).map(|next| ms(next.0))
    }

    fn is_honest(&self) -> bool {
        self.is_honest
    }

    fn settings(&self) -> HostSettings {
        self.settings
    }
}

pub(crate) fn join(world: &mut World, host: NodeId, group: &str) -> Result<(), Violation> {
    world.listen(host, 0, ip(group), FilterMode::Exclude, &[])
}

pub(crate) fn leave(world: &mut World, host: NodeId, group: &str) -> Result<(), Violation> {
    world.listen(host, 0, ip(group), FilterMode::Include, &[])
}

/// Runs the world up to there, then asks the judges for what is left.
pub(crate) fn judged(world: &mut World, judges: &Judges, until_ms: u64) -> Result<(), Violation> {
    world.run_until(ms(until_ms))?;
    judges.finish(world)
}

/// Judges that do not watch the world that they will be shown.
pub(crate) fn idle_judges() -> Judges {
    Judges::watch(&mut World::new(0))
}

/// The rule that was broken, and when.
pub(crate) fn broken(result: Result<(), Violation>) -> (&'static str, u64, String) {
    let violation = result.expect_err("a rule should be broken");
    (violation.rule, violation.at.as_millis(), violation.text)
}
