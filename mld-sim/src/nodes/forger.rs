//! A node that sends messages in the name of others.

use core::net::Ipv6Addr;

use super::flood;
use super::misbehaviour::{Pace, Targets, Trick};
use crate::packet::write::{
    self, ALL_MLDV2_ROUTERS, ALL_NODES, ALL_ROUTERS, DONE, Packet, QUERY, Query, REPORT_V1,
};
use crate::rng::Rng;
use crate::world::Outbox;

/// Sends well-formed messages with a forged sender (R-SEC-3 to 7). One packet a turn.
///
/// Queries carry every kind of robustness, interval and delay that the fields can: 0, usual, largest. One packet in
/// eight goes to an unusual address: a unicast address, or another group of routers or nodes.
#[derive(Clone, Debug)]
pub struct Forger {
    targets: Targets,
    forgeries: Vec<(Forgery, Name)>,
}

/// The message that is forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// A General Query of MLDv2.
    General,
    /// A Query of MLDv2 for a group or for sources of it, with and without S.
    Specific,
    /// A General Query of MLDv1, which puts hosts back to that version (R-SEC-4).
    GeneralV1,
    /// A Query of MLDv1 for a group.
    SpecificV1,
    /// A Report of MLDv2.
    Report,
    /// A Report of MLDv1, which puts a group back to that version (R-SEC-6).
    ReportV1,
    /// A Done.
    Done,
}

impl Forgery {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::General,
        Self::Specific,
        Self::GeneralV1,
        Self::SpecificV1,
        Self::Report,
        Self::ReportV1,
        Self::Done,
    ];
}

/// The sender that is forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// A router that does not exist, below all routers: it wins every election.
    Below,
    /// A router that does not exist, above all routers.
    Above,
    /// One of the routers, which receives a message from itself (R-SEC-13).
    Router,
    /// One of the hosts.
    Host,
    /// Its own.
    Own,
}

impl Name {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Below, Self::Above, Self::Router, Self::Host, Self::Own];
}

impl Forger {
    /// About 10 packets in a second, 3000 in all: five minutes.
    pub const PACE: Pace = Pace { every_ms: 1..=199, turns_max: 3000 };

    /// Every forgery in every name.
    pub fn new(targets: Targets) -> Self {
        let names = |forgery| Name::ALL.map(|name| (forgery, name));
        Self { targets, forgeries: Forgery::ALL.into_iter().flat_map(names).collect() }
    }

    /// These alone, each as often as the others. Without any it sends nothing.
    pub const fn only(targets: Targets, forgeries: Vec<(Forgery, Name)>) -> Self {
        Self { targets, forgeries }
    }

    fn source(&self, name: Name, own: Option<Ipv6Addr>, rng: &mut Rng) -> Ipv6Addr {
        let routers = || self.targets.routers.iter().copied();
        match name {
            Name::Below => {
                let lowest = routers().min().unwrap_or(HIGHEST).to_bits();
                let gap = rng.between(1..=1000).into();
                lowest.saturating_sub(gap).max(LOWEST.to_bits()).into()
            }
            Name::Above => {
                let highest = routers().max().unwrap_or(LOWEST).to_bits();
                let gap = rng.between(1..=1000).into();
                highest.saturating_add(gap).min(HIGHEST.to_bits()).into()
            }
            Name::Router => self.targets.router(rng),
            Name::Host => self.targets.host(rng),
            Name::Own => own.unwrap_or(Ipv6Addr::UNSPECIFIED),
        }
    }

    fn message(&self, forgery: Forgery, rng: &mut Rng) -> Vec<u8> {
        let general = Ipv6Addr::UNSPECIFIED;
        let group = self.targets.group(rng);
        let delay = *rng.pick(&DELAYS);
        match forgery {
            Forgery::General => query(general, delay, Vec::new(), rng),
            Forgery::Specific => query(group, delay, self.targets.some_sources(3, rng), rng),
            Forgery::GeneralV1 => write::version_1(QUERY, delay, general),
            Forgery::SpecificV1 => write::version_1(QUERY, delay, group),
            Forgery::Report => {
                let count = rng.between(1..=4);
                let records: Vec<_> = (0..count).map(|_| flood::record(&self.targets, rng)).collect();
                write::report(&records)
            }
            Forgery::ReportV1 => write::version_1(REPORT_V1, 0, group),
            Forgery::Done => write::version_1(DONE, 0, group),
        }
    }
}

impl Trick for Forger {
    fn play(&mut self, own: Option<Ipv6Addr>, rng: &mut Rng, out: &mut Outbox) {
        if self.forgeries.is_empty() {
            return;
        }
        let (forgery, name) = *rng.pick(&self.forgeries);
        let mut packet = Packet::usual(self.source(name, own, rng), self.message(forgery, rng));
        if rng.chance(125_000) {
            let somebody = [self.targets.router(rng), self.targets.host(rng), self.targets.group(rng)];
            let everybody = [ALL_NODES, ALL_ROUTERS, ALL_MLDV2_ROUTERS];
            packet.destination = *rng.pick(&[somebody, everybody].concat());
        }
        out.send(&packet.octets());
    }
}

/// Delays and response codes: none, short, usual, and the edges of code and field.
const DELAYS: [u16; 9] = [0, 1, 100, 1000, 10_000, 0x7fff, 0x8000, 0x9000, 0xffff];
/// Interval codes: default, short, usual, and the edges of code and field.
const INTERVALS: [u8; 6] = [0, 1, 125, 0x7f, 0x80, 0xff];

/// The addresses of a link end here; fe80:: itself is every router's.
const LOWEST: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const HIGHEST: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0xffff, 0xffff, 0xffff, 0xffff);

fn query(group: Ipv6Addr, code: u16, sources: Vec<Ipv6Addr>, rng: &mut Rng) -> Vec<u8> {
    let query = Query {
        code,
        suppress: rng.chance(500_000),
        robustness: rng.below(8) as u8,
        interval_code: *rng.pick(&INTERVALS),
        sources,
        ..Query::new(group)
    };
    query.octets()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::nodes::misbehaviour::tests::{OWN, played, targets};
    use crate::nodes::raw;

    #[test]
    fn everything_is_forged_in_every_name_and_in_right_form() {
        let targets = targets();
        let mut seen = BTreeSet::new();
        let mut fields = BTreeSet::new();
        for packet in played(Forger::new(targets.clone()), 1, 20_000) {
            let envelope = raw::envelope(&packet).expect("a right packet");
            let (source, message) = (envelope.source, envelope.message);
            let name = match source {
                OWN => "own",
                _ if targets.hosts.contains(&source) => "host",
                _ if targets.routers.contains(&source) => "router",
                _ if source < targets.routers[0] => "below",
                _ if source > targets.routers[1] => "above",
                _ => panic!("{source}"),
            };
            let group = write::group_of(message).filter(|_| message[0] != write::REPORT_V2);
            let is_general = group.is_some_and(|group| group.is_unspecified());
            seen.insert((name, message[0], message.len() == 24, is_general));
            if message[0] == QUERY {
                assert!(raw::message(&envelope, false).is_some(), "{message:?}");
                if message.len() == 24 {
                    continue;
                }
                fields.insert(("flags", message[24]));
                fields.insert(("interval", message[25]));
                fields.insert(("sources", message[27]));
            }
        }
        // Own and host lie above the routers, so five names are told apart; seven forgeries.
        assert_eq!(seen.len(), 5 * 7, "{seen:?}");
        assert_eq!(fields.len(), 16 + INTERVALS.len() + 4, "{fields:?}");
    }

    #[test]
    fn names_stay_on_the_link_however_low_the_routers_are() {
        let routers = vec![LOWEST, HIGHEST];
        let targets = Targets { routers, ..targets() };
        let forgeries = vec![(Forgery::General, Name::Below), (Forgery::General, Name::Above)];
        for packet in played(Forger::only(targets, forgeries), 1, 100) {
            let source = raw::envelope(&packet).expect("a right packet").source;
            assert!((LOWEST..=HIGHEST).contains(&source), "{source}");
        }
    }

    #[test]
    fn only_what_was_chosen_is_forged() {
        let packets = played(Forger::only(targets(), vec![(Forgery::Done, Name::Host)]), 1, 200);
        assert_eq!(packets.len(), 200);
        for packet in packets {
            let envelope = raw::envelope(&packet).expect("a right packet");
            assert!(targets().hosts.contains(&envelope.source));
            assert_eq!(envelope.message[0], DONE);
        }
        assert_eq!(played(Forger::only(targets(), Vec::new()), 1, 200).len(), 0);
        assert_eq!(played(Forger::new(Targets::default()), 1, 200).len(), 200);
    }
}
