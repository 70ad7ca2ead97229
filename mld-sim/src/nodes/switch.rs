//! The querier inside a snooping switch, which has no address of its own (RFC 4541 section 2.1.1).

use core::net::Ipv6Addr;

use super::misbehaviour::{Pace, Targets, Trick};
use crate::packet::write::{self, IS_EX, Packet, QUERY, Query, REPORT_V1, Record};
use crate::rng::Rng;
use crate::world::Outbox;

/// Sends a General Query from `::` and reports some groups from `::`, two packets a turn. Receivers must ignore
/// both (R-SNP-2, R-SNP-4).
#[derive(Clone, Debug)]
pub struct Switch {
    targets: Targets,
    is_version_1: bool,
}

impl Switch {
    /// A Query about every half minute, for a day.
    pub const PACE: Pace = Pace { every_ms: 10_000..=60_000, turns_max: 2500 };

    /// A switch that knows these groups and speaks MLDv1 or MLDv2.
    pub const fn new(targets: Targets, is_version_1: bool) -> Self {
        Self { targets, is_version_1 }
    }
}

impl Trick for Switch {
    fn play(&mut self, _own: Option<Ipv6Addr>, rng: &mut Rng, out: &mut Outbox) {
        let group = self.targets.group(rng);
        // Most switches ask for everything, some follow a Done with a Query for its group.
        let asked = if rng.chance(800_000) { Ipv6Addr::UNSPECIFIED } else { group };
        let (query, report) = if self.is_version_1 {
            let delay = if asked.is_unspecified() { 10_000 } else { 1000 };
            (write::version_1(QUERY, delay, asked), write::version_1(REPORT_V1, 0, group))
        } else {
            let record = Record::new(IS_EX, group, Vec::new());
            (Query::new(asked).octets(), write::report(&[record]))
        };
        out.send(&Packet::usual(Ipv6Addr::UNSPECIFIED, query).octets());
        out.send(&Packet::usual(Ipv6Addr::UNSPECIFIED, report).octets());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::misbehaviour::tests::{played, targets};
    use crate::nodes::raw;

    /// Makes the unspecified source a link-local one, and keeps the checksum true.
    fn with_an_address(packet: &[u8]) -> Vec<u8> {
        let source = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 5);
        let destination = Ipv6Addr::from(*packet[24..].first_chunk::<16>().expect("an address"));
        Packet::new(source, destination, packet[48..].to_vec()).octets()
    }

    #[test]
    fn switch_lacks_nothing_but_an_address() {
        for is_version_1 in [false, true] {
            let packets = played(Switch::new(targets(), is_version_1), 1, 200);
            let mut general_count = 0;
            for pair in packets.chunks(2) {
                for packet in pair {
                    assert_eq!(packet[8..24], [0; 16]);
                    assert_eq!(raw::envelope(packet), None);
                }
                let [query, report] = [&pair[0], &pair[1]].map(|packet| with_an_address(packet));
                let query = raw::envelope(&query).expect("a right packet");
                let heard = raw::message(&query, false).expect("a right Query");
                let raw::Heard::Query(heard) = heard else { panic!("{heard:?}") };
                assert_eq!(heard.version_2.is_none(), is_version_1);
                general_count += u32::from(heard.group.is_unspecified());
                let report = raw::envelope(&report).expect("a right packet").message.to_vec();
                assert_eq!(report[0], if is_version_1 { REPORT_V1 } else { write::REPORT_V2 });
            }
            assert!((120..200).contains(&general_count), "{general_count}");
        }
    }
}
