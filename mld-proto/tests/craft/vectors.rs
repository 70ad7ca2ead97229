//! The packets of `tests/data/packets.txt`.

use mld_proto::Discard;

/// A whole packet with what a version 2 router makes of it.
pub(crate) struct Vector {
    pub(crate) name: &'static str,
    /// True if it encodes to the same octets.
    pub(crate) round_trip: bool,
    pub(crate) refused: Option<Discard>,
    pub(crate) octets: Vec<u8>,
}

/// All of them, in the order of the file.
pub(crate) fn all() -> Vec<Vector> {
    let text = include_str!("../data/packets.txt");
    let mut stanzas = text.split("\n[");
    let head = stanzas.next().unwrap();
    assert!(head.lines().all(|line| line.starts_with('#') || line.is_empty()));
    let vectors: Vec<_> = stanzas.map(vector).collect();
    assert_eq!(vectors.len(), 36);
    vectors
}

/// The one called `name`.
pub(crate) fn packet(name: &str) -> Vec<u8> {
    all().into_iter().find(|vector| vector.name == name).expect("a packet of this name").octets
}

fn vector(stanza: &'static str) -> Vector {
    let (name, rest) = stanza.split_once(']').unwrap();
    let mut lines = rest.lines().skip(1);
    let verdict = lines.next().unwrap();
    let refused = verdict.split(' ').find(|word| !["round-trip", "accepted"].contains(word));
    Vector {
        name,
        round_trip: verdict.starts_with("round-trip"),
        refused: refused.map(|word| Discard::ALL.into_iter().find(|reason| reason.name() == word).unwrap()),
        octets: lines.flat_map(octets).collect(),
    }
}

fn octets(line: &str) -> Vec<u8> {
    let digits: Vec<u8> = line.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    assert_eq!(digits.len(), line.replace(' ', "").len(), "{line}");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
