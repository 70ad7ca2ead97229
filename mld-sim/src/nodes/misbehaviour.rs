//! Parts that all nodes that misbehave share.

use core::net::Ipv6Addr;
use core::ops::RangeInclusive;
use core::time::Duration;

use mld_proto::{FilterMode, Instant};

use crate::rng::Rng;
use crate::world::{Node, Outbox};

/// The targets of misbehaviour. All addresses are drawn from here, so that they are those of honest hosts and their
/// groups. An empty list stands for one made-up address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// Groups, as they are asked for and reported.
    pub groups: Vec<Ipv6Addr>,
    /// Sources of those groups.
    pub sources: Vec<Ipv6Addr>,
    /// Link-local addresses of other hosts.
    pub hosts: Vec<Ipv6Addr>,
    /// Link-local addresses of the routers.
    pub routers: Vec<Ipv6Addr>,
}

impl Targets {
    pub(in crate::nodes) fn group(&self, rng: &mut Rng) -> Ipv6Addr {
        any(&self.groups, GROUP, rng)
    }

    pub(in crate::nodes) fn host(&self, rng: &mut Rng) -> Ipv6Addr {
        any(&self.hosts, HOST, rng)
    }

    pub(in crate::nodes) fn router(&self, rng: &mut Rng) -> Ipv6Addr {
        any(&self.routers, ROUTER, rng)
    }

    /// Up to `max` different sources, in a random order.
    pub(in crate::nodes) fn some_sources(&self, max: u64, rng: &mut Rng) -> Vec<Ipv6Addr> {
        let count = rng.between(0..=max) as usize;
        rng.sample(&self.sources, count)
    }
}

/// How often misbehaviour is done, and when it ends by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Milliseconds from one turn to the next, drawn anew each time; at least 1.
    pub every_ms: RangeInclusive<u64>,
    /// Turns in a whole life, crashes included.
    pub turns_max: u64,
}

/// A kind of misbehaviour.
pub trait Trick {
    /// Takes a turn. `own` is the stack's address; nothing: it has none yet.
    ///
    /// Sends at most [`PACKETS_PER_TURN_MAX`] packets.
    fn play(&mut self, own: Option<Ipv6Addr>, rng: &mut Rng, out: &mut Outbox);
}

/// The most packets of one turn.
pub const PACKETS_PER_TURN_MAX: usize = 4;

/// A stack that ignores all packets, wants nothing, and plays its trick from turn to turn.
///
/// Two things silence it: [`crash`](Node::crash) until it is started again, [`silence`](Self::silence) for ever. Calls of
/// [`listen`](Node::listen) are granted and have no effect.
#[derive(Clone, Debug)]
pub struct Misbehaviour<T> {
    trick: T,
    pace: Pace,
    rng: Rng,
    turns_left: u64,
    own: Option<Ipv6Addr>,
    due: Option<Instant>,
}

impl<T: Trick> Misbehaviour<T> {
    /// Misbehaviour that begins when its interface comes up.
    pub const fn new(trick: T, pace: Pace, rng: Rng) -> Self {
        let turns_left = pace.turns_max;
        Self { trick, pace, rng, turns_left, own: None, due: None }
    }

    /// Ends it for ever.
    pub const fn silence(&mut self) {
        self.turns_left = 0;
        self.due = None;
    }

    /// How many turns it still has.
    pub const fn turns_left(&self) -> u64 {
        self.turns_left
    }

    fn plan(&mut self, now: Instant) {
        let pause_ms = self.rng.between(self.pace.every_ms.clone()).max(1);
        self.due = (self.turns_left > 0).then(|| now + Duration::from_millis(pause_ms));
    }
}

impl<T: Trick> Node for Misbehaviour<T> {
    fn start(&mut self, now: Instant, link_local: Option<Ipv6Addr>, _out: &mut Outbox) {
        self.own = link_local;
        if self.due.is_none() {
            self.plan(now);
        }
    }

    fn crash(&mut self) {
        self.own = None;
        self.due = None;
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
        if self.due.is_some_and(|due| due <= now) {
            self.turns_left -= 1;
            self.trick.play(self.own, &mut self.rng, out);
            self.plan(now);
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.due
    }

    fn is_honest(&self) -> bool {
        false
    }
}

const GROUP: Ipv6Addr = Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 0xdb8, 1);
const HOST: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xdb8, 2);
const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xdb8, 1);

fn any(addresses: &[Ipv6Addr], otherwise: Ipv6Addr, rng: &mut Rng) -> Ipv6Addr {
    if addresses.is_empty() { otherwise } else { *rng.pick(addresses) }
}

#[cfg(test)]
pub(in crate::nodes) mod tests {
    use super::*;

    pub(in crate::nodes) const OWN: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x66);

    /// Two routers, two hosts, three groups, three sources.
    pub(in crate::nodes) fn targets() -> Targets {
        let all = |list: &[&str]| list.iter().map(|text| text.parse().expect("an address")).collect();
        Targets {
            groups: all(&["ff0e::1:1", "ff0e::1:2", "ff3e::8000:1"]),
            sources: all(&["2001:db8:1::1", "2001:db8:1::2", "2001:db8:1::3"]),
            hosts: all(&["fe80::a", "fe80::b"]),
            routers: all(&["fe80::7", "fe80::9"]),
        }
    }

    /// The packets of that many turns, which have to keep to the limits.
    pub(in crate::nodes) fn played<T: Trick>(trick: T, seed: u64, turns: u64) -> Vec<Vec<u8>> {
        let pace = Pace { every_ms: 1..=50, turns_max: turns };
        let mut misbehaviour = Misbehaviour::new(trick, pace, Rng::named(seed, "mischief"));
        let mut out = Outbox::default();
        let mut packets = Vec::new();
        let mut now = Instant::from_millis(1000);
        misbehaviour.start(now, Some(OWN), &mut out);
        while let Some(due) = misbehaviour.next_timeout() {
            assert!(due > now && due <= now + Duration::from_millis(50));
            now = due;
            misbehaviour.timeout(now, &mut out);
            assert!(out.packets().count() <= PACKETS_PER_TURN_MAX);
            packets.extend(out.packets().map(|(_, packet)| packet.to_vec()));
            out.clear();
        }
        assert_eq!(misbehaviour.turns_left(), 0);
        packets
    }

    struct Count;

    impl Trick for Count {
        fn play(&mut self, own: Option<Ipv6Addr>, _rng: &mut Rng, out: &mut Outbox) {
            out.send(if own.is_some() { b"address" } else { b"none" });
        }
    }

    #[test]
    fn turns_come_at_the_pace_and_end() {
        assert_eq!(played(Count, 1, 100).len(), 100);
        assert_eq!(played(Count, 1, 0).len(), 0);
        let mut still = Misbehaviour::new(Count, Pace { every_ms: 0..=0, turns_max: 2 }, Rng::named(1, ""));
        let mut out = Outbox::default();
        still.start(Instant::ZERO, None, &mut out);
        assert_eq!(still.next_timeout(), Some(Instant::from_millis(1)), "time has to go on");
        still.timeout(Instant::ZERO, &mut out);
        assert_eq!(out.packets().count(), 0);
    }

    #[test]
    fn crash_silences_until_the_start_and_the_end_of_faults_for_ever() {
        let pace = Pace { every_ms: 10..=10, turns_max: 100 };
        let mut misbehaviour = Misbehaviour::new(Count, pace, Rng::named(1, ""));
        let mut out = Outbox::default();
        assert_eq!(misbehaviour.next_timeout(), None);
        misbehaviour.start(Instant::ZERO, None, &mut out);
        misbehaviour.start(Instant::from_millis(5), Some(OWN), &mut out);
        misbehaviour.timeout(Instant::from_millis(10), &mut out);
        assert_eq!(out.packets().map(|(_, packet)| packet).collect::<Vec<_>>(), [b"address"]);
        misbehaviour.crash();
        assert_eq!((misbehaviour.next_timeout(), misbehaviour.turns_left()), (None, 99));
        misbehaviour.start(Instant::from_millis(20), None, &mut out);
        assert_eq!(misbehaviour.next_timeout(), Some(Instant::from_millis(30)));
        misbehaviour.silence();
        assert_eq!(misbehaviour.next_timeout(), None);
        misbehaviour.start(Instant::from_millis(40), None, &mut out);
        assert_eq!(misbehaviour.next_timeout(), None);
    }

    #[test]
    fn listening_is_granted_and_has_no_effect() {
        let mut misbehaviour =
            Misbehaviour::new(Count, Pace { every_ms: 1..=1, turns_max: 1 }, Rng::named(1, ""));
        let mut out = Outbox::default();
        let granted = misbehaviour.listen(Instant::ZERO, 1, GROUP, FilterMode::Exclude, &[], &mut out);
        assert_eq!((granted, out.packets().count(), misbehaviour.is_honest()), (Ok(()), 0, false));
    }
}
