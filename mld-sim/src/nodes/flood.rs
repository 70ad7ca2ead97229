//! A host that changes its interest all the time.

use core::net::Ipv6Addr;

use super::misbehaviour::{Pace, Targets, Trick};
use crate::packet::write::{self, DONE, IS_EX, Packet, REPORT_V1, Record, TO_EX, TO_IN};
use crate::rng::Rng;
use crate::world::Outbox;

/// Sends Reports that are right in form and mean nothing: records of all types, for some of the groups, with some of
/// the sources, and now and then a Report or Done of MLDv1. One packet a turn.
#[derive(Clone, Debug)]
pub struct Flood {
    targets: Targets,
}

impl Flood {
    /// About 100 packets in a second, 30,000 in all: five minutes.
    pub const PACE: Pace = Pace { every_ms: 1..=19, turns_max: 30_000 };

    /// A node that reports these groups and sources from its own address.
    pub const fn new(targets: Targets) -> Self {
        Self { targets }
    }
}

impl Trick for Flood {
    fn play(&mut self, own: Option<Ipv6Addr>, rng: &mut Rng, out: &mut Outbox) {
        let message = if rng.chance(100_000) {
            write::version_1(*rng.pick(&[REPORT_V1, DONE]), 0, self.targets.group(rng))
        } else {
            let count = rng.between(1..=RECORDS_MAX);
            let records: Vec<Record> = (0..count).map(|_| record(&self.targets, rng)).collect();
            write::report(&records)
        };
        out.send(&Packet::usual(own.unwrap_or(Ipv6Addr::UNSPECIFIED), message).octets());
    }
}

const RECORDS_MAX: u64 = 4;
const SOURCES_MAX: u64 = 5;

/// A record as a host could send it: those types that mean nothing without sources have some (R-LSN-21, R-LSN-48).
pub(in crate::nodes) fn record(targets: &Targets, rng: &mut Rng) -> Record {
    let sources = targets.some_sources(SOURCES_MAX, rng);
    let kind = if sources.is_empty() { *rng.pick(&[IS_EX, TO_IN, TO_EX]) } else { rng.between(1..=6) as u8 };
    Record::new(kind, targets.group(rng), sources)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::nodes::misbehaviour::tests::{OWN, played, targets};
    use crate::nodes::raw;

    #[test]
    fn every_record_type_and_group_is_babbled_about_in_right_form() {
        let mut seen = BTreeSet::new();
        for packet in played(Flood::new(targets()), 1, 3000) {
            let envelope = raw::envelope(&packet).expect("a right packet");
            assert_eq!(envelope.source, OWN);
            let message = envelope.message;
            if message[0] != write::REPORT_V2 {
                assert!(matches!(message[0], REPORT_V1 | DONE) && message.len() == 24);
                seen.insert((message[0], write::group_of(message).expect("an address"), false));
                continue;
            }
            let mut rest = &message[8..];
            for _ in 0..message[7] {
                let (kind, count) = (rest[0], usize::from(rest[3]));
                assert!(count > 0 || matches!(kind, IS_EX | TO_IN | TO_EX));
                let (group, after) = rest[4..].split_first_chunk::<16>().expect("an address");
                let sources: BTreeSet<&[u8; 16]> = after[..16 * count].as_chunks().0.iter().collect();
                assert_eq!(sources.len(), count, "no source twice");
                seen.insert((kind, Ipv6Addr::from(*group), count > 0));
                rest = &after[16 * count..];
            }
            assert!(rest.is_empty());
        }
        // Three groups: two kinds of MLDv1, six types with sources, three without.
        assert_eq!(seen.len(), 3 * (2 + 6 + 3));
    }

    #[test]
    fn nothing_to_talk_about_is_no_obstacle() {
        assert_eq!(played(Flood::new(Targets::default()), 1, 100).len(), 100);
    }
}
