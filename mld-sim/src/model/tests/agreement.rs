//! What counts as the same Queries.

use super::*;
use crate::model::agree;

fn query(sources: &[u16], suppress: bool) -> SentQuery {
    SentQuery {
        at: 10_000,
        version: 2,
        group: G,
        sources: sources.iter().copied().map(s).collect(),
        suppress,
        response_code: 1_000,
        qrv: 2,
        qqic: 125,
        destination: G,
        optional: false,
    }
}

#[test]
fn the_order_and_the_division_of_sources_are_free() {
    let wanted = [query(&[], false), query(&[1, 2, 3], false), query(&[4], false)];
    let sent = [query(&[3, 4], false), query(&[], false), query(&[1, 2], false)];
    assert_eq!(agree(&wanted, &sent), Ok(()));
    assert_eq!(agree(&[], &[]), Ok(()));
}

#[test]
fn nothing_may_be_missing_or_too_much() {
    let both = [query(&[1], false), query(&[2], true)];
    assert!(agree(&both, &both[..1]).is_err());
    assert!(agree(&both[..1], &both).is_err());
    assert!(agree(&[], &both[..1]).is_err());
    assert!(agree(&[query(&[], false)], &[query(&[], false), query(&[], false)]).is_err());
    assert!(agree(&[query(&[1, 2], false)], &[query(&[1], false)]).is_err());
    assert!(agree(&[query(&[1, 2], false)], &[query(&[1], false), query(&[2], false)]).is_err());
    assert!(
        agree(&[query(&[1], false), query(&[2], false)], &[query(&[1], false), query(&[1], false)]).is_err()
    );
    assert!(agree(&[query(&[1], false)], &[query(&[], false)]).is_err());
}

#[test]
fn every_field_is_compared() {
    let wanted = query(&[1], false);
    for other in [
        SentQuery { at: 10_001, ..wanted.clone() },
        SentQuery { version: 1, ..wanted.clone() },
        SentQuery { group: OTHER, ..wanted.clone() },
        SentQuery { suppress: true, ..wanted.clone() },
        SentQuery { response_code: 999, ..wanted.clone() },
        SentQuery { qrv: 3, ..wanted.clone() },
        SentQuery { qqic: 124, ..wanted.clone() },
        SentQuery { destination: ALL_NODES, ..wanted.clone() },
    ] {
        let text = agree(core::slice::from_ref(&wanted), &[other]).unwrap_err();
        assert!(text.contains("wanted:") && text.contains("sent:"), "{text}");
    }
}

#[test]
fn optional_messages_may_be_left_out_as_a_whole() {
    let optional = |sources: &[u16]| SentQuery { optional: true, ..query(sources, true) };
    let wanted = [query(&[], false), query(&[3], false), optional(&[1]), optional(&[2])];
    assert_eq!(agree(&wanted, &wanted), Ok(()));
    assert_eq!(agree(&wanted, &[query(&[3], false), query(&[], false)]), Ok(()));
    assert!(agree(&wanted, &[query(&[3], false), query(&[], false), query(&[1], true)]).is_err());
    assert!(agree(&wanted, &[query(&[], false), query(&[1], true), query(&[2], true)]).is_err());
}
