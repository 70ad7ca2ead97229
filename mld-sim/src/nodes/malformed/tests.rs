use std::collections::BTreeSet;

use super::*;
use crate::nodes::misbehaviour::tests::{OWN, played, targets};
use crate::nodes::raw;

/// True if a receiver at another address would accept any of it.
fn is_heeded(packet: &[u8]) -> bool {
    let Some(envelope) = raw::envelope(packet) else { return false };
    let message = envelope.message;
    let is_ours = envelope.destination.is_multicast();
    let is_whole = match message.first() {
        Some(&(QUERY | REPORT_V1)) => raw::message(&envelope, false).is_some_and(|heard| match heard {
            raw::Heard::Query(_) => true,
            raw::Heard::Report { group, .. } => group != ALL_NODES,
        }),
        Some(&DONE) => {
            let group = write::group_of(message);
            group.is_some_and(|group| group.is_multicast() && group != ALL_NODES)
        }
        Some(&REPORT_V2) => Shape::of(message).is_some(),
        _ => false,
    };
    is_ours && is_whole
}

#[test]
fn defects_that_spoil_a_packet_leave_nothing_to_heed() {
    let targets = targets();
    let mut applied = BTreeSet::new();
    for seed in 0..400 {
        let mut rng = Rng::named(seed, "defects");
        let right = Packet::usual(OWN, message(&targets, &mut rng));
        assert!(is_heeded(&right.octets()), "{right:?}");
        for (number, defect) in Defect::ALL.into_iter().enumerate() {
            if !defect.fits(&right.message) {
                continue;
            }
            let mut broken = right.clone();
            defect.apply(&mut broken, &targets, &mut rng);
            applied.insert((number, right.message[0]));
            if defect.spoils(right.message[0]) {
                assert!(!is_heeded(&broken.octets()), "{defect:?} of {broken:?}");
            }
            let is_harmless = matches!(
                defect,
                Defect::Auxiliary | Defect::Surplus | Defect::Reserved | Defect::SourceTwice
            );
            // Four octets make a Query of MLDv1 one of MLDv2, fewer make it nothing.
            let is_longer_query = right.message.len() == 24 && right.message[0] == QUERY;
            if is_harmless && !(defect == Defect::Surplus && is_longer_query) {
                assert!(is_heeded(&broken.octets()), "{defect:?} of {broken:?}");
            }
        }
    }
    // Every defect was seen, most of them in all four types.
    let defects: BTreeSet<usize> = applied.iter().map(|(number, _)| *number).collect();
    assert_eq!(defects.len(), Defect::ALL.len());
    assert_eq!(applied.len(), 4 * (Defect::ALL.len() - 8) + 2 + 2 + 1 + 1 + 1 + 1 + 1 + 2);
}

#[test]
fn defects_change_the_packet() {
    for seed in 0..100 {
        let mut rng = Rng::named(seed, "defects");
        let right = Packet::usual(OWN, message(&targets(), &mut rng));
        for defect in Defect::ALL.into_iter().filter(|defect| defect.fits(&right.message)) {
            let change = |rng: &mut Rng| {
                let mut broken = right.clone();
                defect.apply(&mut broken, &targets(), rng);
                broken.octets() != right.octets()
            };
            assert!((0..5).any(|_| change(&mut rng)), "{defect:?} of {right:?}");
        }
    }
}

#[test]
fn most_of_what_is_sent_is_refused_and_some_is_not() {
    let packets = played(Malformed::new(targets()), 1, 5000);
    assert_eq!(packets.len(), 5000);
    let heeded = packets.iter().filter(|packet| is_heeded(packet)).count();
    assert!((100..1500).contains(&heeded), "{heeded}");
    let lengths: BTreeSet<usize> = packets.iter().map(Vec::len).collect();
    assert!(lengths.first().is_some_and(|shortest| *shortest < 40));
    assert!(lengths.len() > 150, "{}", lengths.len());
}

#[test]
fn nothing_to_talk_about_is_no_obstacle() {
    assert_eq!(played(Malformed::new(Targets::default()), 1, 1000).len(), 1000);
}
