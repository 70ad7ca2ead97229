//! A packet is read or refused; a refused one changes one counter and nothing else.

use std::net::Ipv6Addr;

use mld_proto::router::{Item, QuerierMode, Storage};
use mld_proto::wire::{Message, Packet};
use mld_proto::{Config, Discard, Instant, MessageMeta, Router, Version, inline_tables};

use crate::snapshot::Snapshot;

/// The router's own address.
const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const START: Instant = Instant::from_millis(1_000);

/// Runs one input, which is the packet.
///
/// # Panics
///
/// If the parsers or the router break a promise.
pub fn run(octets: &[u8]) {
    parse(octets);
    for version in [Version::V1, Version::V2] {
        for querier in [QuerierMode::Auto, QuerierMode::Never] {
            let config = Config::builder().version(version).querier(querier).build().unwrap();
            feed(config, octets);
        }
    }
}

fn parse(octets: &[u8]) {
    let Ok(packet) = Packet::parse(octets) else { return };
    assert!(packet.message.len() <= octets.len());
    for version in [Version::V1, Version::V2] {
        match Message::parse(packet.message, version) {
            Ok(Message::Query(query)) => {
                assert!(query.sources.len() * 16 <= packet.message.len());
                assert!(query.robustness < 8 && (version == Version::V2 || query.version == Version::V1));
            }
            Ok(Message::ReportV2(report)) => {
                let mut len = 8;
                for record in report.records() {
                    len += 20 + record.sources.len() * 16;
                }
                assert!(len <= packet.message.len(), "records stand inside the message");
            }
            Ok(Message::ReportV1(_) | Message::Done(_)) => assert!(packet.message.len() >= 24),
            Err(_) => {}
        }
    }
}

fn feed(config: Config, octets: &[u8]) {
    let mut router = Router::new(config, inline_tables!(groups: 4, sources: 6), 7);
    router.start(START, Some(ROUTER));
    drain(&mut router);
    let verdict = refuse_or_take(&mut router, |router| {
        router.handle_packet(START, octets).map(|accepted| accepted.map(check_item).count())
    });
    // The same packet through the other two doors.
    let mut router = Router::new(config, inline_tables!(groups: 4, sources: 6), 7);
    router.start(START, Some(ROUTER));
    drain(&mut router);
    let verified = refuse_or_take(&mut router, |router| {
        router.handle_verified_packet(START, octets).map(|accepted| accepted.map(check_item).count())
    });
    if verdict.is_ok() {
        assert_eq!(verdict, verified, "what passes with its checksum passes without");
    }
    let Ok(packet) = Packet::parse(octets) else { return };
    if packet.fragment || packet.truncated {
        return;
    }
    let meta = MessageMeta {
        source: packet.source,
        destination: packet.destination,
        hop_limit: packet.hop_limit,
        router_alert: packet.router_alert,
        checksum_verified: false,
        own_host: false,
    };
    let mut router = Router::new(config, inline_tables!(groups: 4, sources: 6), 7);
    router.start(START, Some(ROUTER));
    drain(&mut router);
    let message = refuse_or_take(&mut router, |router| {
        router.handle_message(START, &meta, packet.message).map(|accepted| accepted.map(check_item).count())
    });
    assert_eq!(verdict, message, "a message with its metadata is treated like its packet");
}

fn check_item(item: Item) {
    match item {
        Item::Report { group, .. } | Item::Done { group, .. } | Item::Limit { group, .. } => {
            assert!(group.get().is_multicast());
        }
        _ => panic!("an item without a name"),
    }
}

/// Calls the router and, if it refuses, compares it with what it was.
fn refuse_or_take<T: Storage>(
    router: &mut Router<T>,
    call: impl FnOnce(&mut Router<T>) -> Result<usize, Discard>,
) -> Result<usize, Discard> {
    let before = Snapshot::of(router);
    let verdict = call(router);
    if let Err(reason) = verdict {
        before.assert_refused(router, reason);
    }
    verdict
}

fn drain<T: Storage>(router: &mut Router<T>) {
    let mut buffer = [0; 1500];
    while router.poll_event().is_some() {}
    while router.poll_transmit(START, &mut buffer).unwrap().is_some() {}
}
