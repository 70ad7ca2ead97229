//! Prints the table of floors, figures and ratios.
//!
//! Floor and figure are measured in turn in the same run and each is the median of its rounds, so that a slow machine
//! slows both. `--quick` measures less, for a look; `--test` runs everything once.

use core::hint::black_box;
use core::time::Duration;
use std::time::Instant;

use mld_benches::{Floor, Kind, Load, SIZES};
use mld_proto::IndexSlot;
use mld_proto::router::{GroupSlot, SourceSlot};

/// Aims, as multiples of the floor.
const REFRESH_AIM: f64 = 1.5;
const INSERT_AIM: f64 = 2.5;
const EXPIRY_AIM: f64 = 2.5;
/// Aim for a group with its share of the index.
const GROUP_OCTETS_AIM: f64 = 128.0;

/// Packets in one measurement of a load that is smaller: so few that it is over before another program gets the processor.
const BATCH: usize = 4_096;

struct Effort {
    time: Duration,
    rounds_min: usize,
    batch: usize,
}

fn main() {
    let effort = if has_argument("--test") {
        Effort { time: Duration::ZERO, rounds_min: 1, batch: 1 }
    } else if has_argument("--quick") {
        Effort { time: Duration::from_millis(150), rounds_min: 3, batch: BATCH }
    } else {
        Effort { time: Duration::from_secs(3), rounds_min: 9, batch: BATCH }
    };
    println!(
        "nanoseconds a packet or group; the floor is the checksum of the packet and two dependent reads for each key\n"
    );
    println!(
        "{:<19}{:>9}{:>8}{:>9}{:>7}{:>9}{:>7}{:>9}{:>7}{:>9}{:>7}{:>8}",
        "load",
        "groups",
        "floor",
        "refresh",
        "ratio",
        "insert",
        "ratio",
        "expiry",
        "ratio",
        "upkeep",
        "idle",
        "octets"
    );
    let mut missed = Vec::new();
    for kind in Kind::ALL {
        for groups in SIZES {
            let row = measure(kind, groups, &effort);
            row.print(kind, groups);
            row.missed(kind, groups, &mut missed);
        }
    }
    println!(
        "
refresh: a report of what is known, in random order. insert: a report of what is new. expiry: from the deadline until
the end is told. upkeep: timer work of a router whose groups all answer one General Query every 125 s, for each group and
interval. idle: one round of polls with nothing to say. octets: a group with its share of the index, {} of them its slot;
a source has {}.",
        size_of::<GroupSlot>(),
        size_of::<SourceSlot>()
    );
    if missed.is_empty() {
        println!("\nevery aim is met");
    } else {
        println!("\nmissed:\n  {}", missed.join("\n  "));
    }
}

/// `cargo bench` adds arguments of its own, and other benchmarks have more.
fn has_argument(name: &str) -> bool {
    std::env::args().any(|argument| argument == name)
}

/// Medians, in nanoseconds for each packet or group.
struct Row {
    floor: f64,
    refresh: f64,
    insert: f64,
    expiry: f64,
    upkeep: f64,
    idle: f64,
}

impl Row {
    fn print(&self, kind: Kind, groups: usize) {
        println!(
            "{:<19}{groups:>9}{:>8.1}{:>9.1}{:>7.2}{:>9.1}{:>7.2}{:>9.1}{:>7.2}{:>9.1}{:>7.1}{:>8.1}",
            kind.name(),
            self.floor,
            self.refresh,
            self.refresh / self.floor,
            self.insert,
            self.insert / self.floor,
            self.expiry,
            self.expiry / self.floor,
            self.upkeep,
            self.idle,
            group_octets(kind, groups),
        );
    }

    fn missed(&self, kind: Kind, groups: usize, missed: &mut Vec<String>) {
        for (name, figure, aim) in [
            ("refresh", self.refresh, REFRESH_AIM),
            ("insert", self.insert, INSERT_AIM),
            ("expiry", self.expiry, EXPIRY_AIM),
        ] {
            let ratio = figure / self.floor;
            if ratio > aim {
                missed.push(format!("{name} {} {groups} ({ratio:.2} > {aim})", kind.name()));
            }
        }
        let octets = group_octets(kind, groups);
        if octets > GROUP_OCTETS_AIM {
            missed.push(format!("octets {} {groups} ({octets:.1} > {GROUP_OCTETS_AIM})", kind.name()));
        }
    }
}

fn measure(kind: Kind, groups: usize, effort: &Effort) -> Row {
    let mut load = Load::new(kind, groups);
    let floor = Floor::new(kind, groups);
    let passes = (effort.batch / groups).max(1);
    let overhead = clock_overhead();
    let [mut floors, mut refreshes, mut inserts, mut expiries] = [const { Vec::new() }; 4];

    let begin = Instant::now();
    while floors.len() < effort.rounds_min || begin.elapsed() < effort.time {
        // An insert and an expiry cannot be repeated in place: small loads go round several times.
        let (mut insert, mut expiry) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..passes {
            insert += timed(overhead, || load.insert());
            load.assert_full();
            load.settle();
            expiry += timed(overhead, || load.expire());
        }
        inserts.push(insert);
        expiries.push(expiry);

        // The pass before each measured one brings its tables back into the caches, as far as they fit.
        floor.with_checksums(load.packets());
        floors.push(timed(overhead, || {
            for _ in 0..passes {
                floor.with_checksums(load.packets());
            }
        }));
        load.insert();
        load.settle();
        load.refresh();
        refreshes.push(timed(overhead, || {
            for _ in 0..passes {
                load.refresh();
            }
        }));
        load.assert_full();
        load.expire();
    }
    let elements = (groups * passes) as f64;
    let each = |times: Vec<Duration>| median(times).as_nanos() as f64 / elements;
    Row {
        floor: each(floors),
        refresh: each(refreshes),
        insert: each(inserts),
        expiry: each(expiries),
        upkeep: upkeep(&mut load, groups, passes),
        idle: idle(&mut load, overhead, effort.batch),
    }
}

/// Timer work between General Queries, none of it due to an end.
fn upkeep(load: &mut Load, groups: usize, passes: usize) -> f64 {
    load.insert();
    load.settle();
    let mut work = Duration::ZERO;
    let intervals = passes.clamp(5, 50);
    for _ in 0..intervals {
        load.refresh();
        let begin = Instant::now();
        black_box(load.run_for(Duration::from_secs(125)));
        work += begin.elapsed();
    }
    load.assert_full();
    work.as_nanos() as f64 / (groups * intervals) as f64
}

fn idle(load: &mut Load, overhead: Duration, polls: usize) -> f64 {
    let time = timed(overhead, || {
        for _ in 0..polls {
            load.idle();
        }
    });
    time.as_nanos() as f64 / polls as f64
}

/// Octets of a group with its share of the index: each slot, whatever it holds, has the same.
fn group_octets(kind: Kind, groups: usize) -> f64 {
    let sources = groups * kind.sources();
    let index = IndexSlot::count_for(groups, sources) * size_of::<IndexSlot>();
    size_of::<GroupSlot>() as f64 + index as f64 / (groups + sources) as f64
}

/// The time that reading the clock adds to every measurement.
fn clock_overhead() -> Duration {
    median((0..1000).map(|_| timed(Duration::ZERO, || ())).collect())
}

fn timed(overhead: Duration, pass: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    pass();
    begin.elapsed().saturating_sub(overhead)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
