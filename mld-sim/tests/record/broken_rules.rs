//! What is written down of a run that a broken rule ends.

use core::cell::RefCell;
use std::rc::Rc;

use mld_proto::Instant;
use mld_sim::record::{Pcapng, Picture, Trace};
use mld_sim::world::{Happening, Observer, Scene, Violation};
use mld_sim::{Link, Router, World};
use pcap_file::pcapng::{Block, PcapNgReader};

/// Objects to the turn in which a router queries for the second time.
struct Objector;

impl Observer for Objector {
    fn observe(&mut self, _: &Scene<'_>, at: Instant, happening: &Happening<'_>) -> Result<(), Violation> {
        match happening {
            Happening::Turn(turn) if at > Instant::ZERO && !turn.sent.is_empty() => {
                Err(Violation::new("test", "it speaks"))
            }
            _ => Ok(()),
        }
    }
}

/// The record of a run that ends with the second Query, and how many frames the world counted.
fn record<O: Observer + 'static>(record: O, judge_first: bool) -> (O, u64) {
    let record = Rc::new(RefCell::new(record));
    let mut world = World::new(7);
    if judge_first {
        world.observe(Objector);
    }
    world.observe(Rc::clone(&record));
    world.observe(Objector);
    let lan = world.link(Link::ethernet().name("lan"));
    world.router(lan, Router::new("r1", "fe80::1".parse().expect("an address")));
    let violation = world.run_until(Instant::from_millis(100_000)).expect_err("it queries again");
    assert_eq!(violation.at, Instant::from_millis(31_250));
    let frames = world.counts().frames;
    drop(world);
    (Rc::into_inner(record).expect("the world is gone").into_inner(), frames)
}

#[test]
fn trace_ends_with_the_packet_that_broke_the_rule() {
    for judge_first in [false, true] {
        let (trace, _) = record(Trace::new(Vec::new()), judge_first);
        let trace = String::from_utf8(trace.finish().expect("memory")).expect("text");
        let last = trace.lines().last().expect("a line");
        assert!(
            last.starts_with(r#"{"time":31.25,"event":"sent","link":"lan","frame":1,"from":"r1""#),
            "{last}"
        );
    }
}

#[test]
fn capture_holds_every_frame_that_the_world_counted() {
    for judge_first in [false, true] {
        let (pcapng, frames) = record(Pcapng::new(Vec::new()).expect("memory"), judge_first);
        let octets = pcapng.finish().expect("memory");
        let mut reader = PcapNgReader::new(&*octets).expect("a capture");
        let mut times = Vec::new();
        while let Some(block) = reader.next_block() {
            if let Block::EnhancedPacket(packet) = block.expect("a block") {
                times.push(packet.timestamp.as_millis());
            }
        }
        assert_eq!((times, frames), (vec![0, 31_250], 2));
    }
}

#[test]
fn picture_shows_the_packet_that_broke_the_rule() {
    for judge_first in [false, true] {
        let (picture, _) = record(Picture::new(Vec::new(), "A rule is broken"), judge_first);
        let picture = String::from_utf8(picture.finish().expect("memory")).expect("text");
        assert_eq!(picture.matches("r1: General Query").count(), 2, "{picture}");
        assert!(picture.contains("31.25"), "{picture}");
    }
}
