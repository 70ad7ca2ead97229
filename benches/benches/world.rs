//! Prints how fast the simulator is: a day on a link with a thousand hosts, and packet deliveries a second.
//!
//! The hosts are this project's listener, and the routers have the settings of RFC 9777. Every host listens to a group all
//! day, every second one changes from channel to channel besides. First it is shown that a frame goes only to those whose
//! link-layer filter takes it; a figure is the best of its rounds, all of them on one thread. Rates and aims are of the
//! processor's time, which is that of the wall where nothing else runs, and is printed beside it. `--quick` measures once,
//! `--test` runs everything for some minutes of the world's time.

use core::cell::Cell;
use core::net::Ipv6Addr;
use core::time::Duration;
use std::rc::Rc;

use mld_proto::{FilterMode, Instant, Version, listener};
use mld_sim::judge::Judges;
use mld_sim::nodes::listener::ListenerHost;
use mld_sim::world::{Action, Behaviour, Call, Happening, NodeId, Observer, Scene, Violation};
use mld_sim::{Faults, Host, Link, Router, World, hunt};
use rustix::time::{ClockId, clock_gettime};

const HOSTS: u16 = 1_000;
const ROUTERS: u16 = 2;
/// Groups that hosts listen to all day, and channels that they change between.
const GROUPS: u16 = 200;
const CHANNELS: u16 = 50;
/// How long a host stays on a channel.
const STAY_MS: (u64, u64) = (600_000, 5_400_000);
const DAY: Duration = Duration::from_secs(86_400);
/// Room for two groups and their sockets.
const HOST_SIZE: (usize, usize, usize) = (4, 4, 4);

/// Aims: seconds of a day, deliveries a second.
const DAY_AIM: f64 = 4.0;
const FREE_AIM: f64 = 700_000.0;
const JUDGED_AIM: f64 = 100_000.0;

/// Ends of the octets of an IPv6 packet: of the destination address, and where an MLD message of this project begins,
/// after the header and the Router Alert option.
const DESTINATION: core::ops::Range<usize> = 24..40;
const TYPE_OFFSET: usize = 48;
const REPORT_V1: u8 = 131;
const REPORT_V2: u8 = 143;

struct Effort {
    rounds: usize,
    day: Duration,
    judged: Duration,
    lossy: Duration,
    /// How many worlds of the hunt.
    worlds: u64,
}

fn main() {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let effort = if has_argument("--test") {
        Effort { rounds: 1, day: minutes(10), judged: minutes(10), lossy: minutes(10), worlds: 2 }
    } else if has_argument("--quick") {
        Effort { rounds: 1, day: DAY, judged: minutes(60), lossy: minutes(120), worlds: 200 }
    } else {
        Effort { rounds: 5, day: DAY, judged: minutes(60), lossy: minutes(120), worlds: 200 }
    };
    filtered();
    println!("\n{HOSTS} hosts, {ROUTERS} routers, one thread\n");
    println!(
        "{:<24}{:>12}{:>10}{:>14}{:>12}{:>15}{:>12}",
        "world", "simulated s", "wall s", "processor s", "deliveries", "deliveries / s", "aim"
    );
    let mut missed = Vec::new();
    let nobody = |_: &mut World| ();
    let day = best(effort.rounds, effort.day, || crowd(Faults::NONE), nobody);
    day.print("a day", &format!("{FREE_AIM:.0}"));
    let lossy = Faults { delay_ms: (1, 20), loss_ppm: 10_000, duplicate_ppm: 1_000, ..Faults::NONE };
    best(effort.rounds, effort.lossy, || crowd(lossy), nobody).print("lossy, unjudged", "");
    let watch = |world: &mut World| Judges::watch(world);
    let judged = best(effort.rounds, effort.judged, || crowd(Faults::NONE), watch);
    judged.print("all judges", &format!("{JUDGED_AIM:.0}"));
    best(effort.rounds, effort.judged, || crowd(lossy), watch).print("lossy, all judges", "");
    hunted(effort.worlds).print("hunted, all judges", &format!("{JUDGED_AIM:.0}"));

    if effort.day == DAY && day.took.processor > DAY_AIM {
        missed.push(format!("a day in {DAY_AIM} s"));
    }
    if day.rate() < FREE_AIM {
        missed.push(format!("{FREE_AIM:.0} deliveries a second"));
    }
    if judged.rate() < JUDGED_AIM {
        missed.push(format!("{JUDGED_AIM:.0} judged deliveries a second"));
    }
    println!();
    if missed.is_empty() {
        println!("every aim is met: a day under {DAY_AIM} s, and the rates above");
    } else {
        println!("missed: {}", missed.join("; "));
    }
}

/// `cargo bench` adds arguments of its own.
fn has_argument(name: &str) -> bool {
    std::env::args().any(|argument| argument == name)
}

/// The cost of one run.
struct Row {
    simulated: Duration,
    took: Took,
    deliveries: u64,
}

/// Seconds, from whenever they are counted.
#[derive(Clone, Copy)]
struct Took {
    wall: f64,
    processor: f64,
}

impl Took {
    fn now() -> Self {
        let seconds = |clock| {
            let time = clock_gettime(clock);
            time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
        };
        Self { wall: seconds(ClockId::Monotonic), processor: seconds(ClockId::ProcessCPUTime) }
    }

    fn since(begun: Self) -> Self {
        let now = Self::now();
        Self { wall: now.wall - begun.wall, processor: now.processor - begun.processor }
    }
}

impl Row {
    fn rate(&self) -> f64 {
        self.deliveries as f64 / self.took.processor
    }

    fn print(&self, name: &str, aim: &str) {
        let (simulated, Took { wall, processor }) = (self.simulated.as_secs(), &self.took);
        println!(
            "{name:<24}{simulated:>12}{wall:>10.3}{processor:>14.3}{:>12}{:>15.0}{aim:>12}",
            self.deliveries,
            self.rate()
        );
    }
}

/// The fastest of some runs of the same world.
fn best<B>(
    rounds: usize,
    simulated: Duration,
    stage: impl Fn() -> World,
    watch: impl Fn(&mut World) -> B,
) -> Row {
    let runs = (0..rounds).map(|_| {
        let mut world = stage();
        let watcher = watch(&mut world);
        let begun = Took::now();
        world.run_for(simulated).expect("no rule is broken");
        let took = Took::since(begun);
        drop(watcher);
        Row { simulated, took, deliveries: world.counts().deliveries }
    });
    runs.min_by(|one, other| one.took.processor.total_cmp(&other.took.processor)).expect("there is a round")
}

/// The worlds of the hunt's first seeds, one after the other.
fn hunted(worlds: u64) -> Row {
    let begun = Took::now();
    let mut tally = hunt::Tally::default();
    for seed in 0..worlds {
        tally += hunt::judge(&hunt::scenario(seed)).tally;
    }
    let took = Took::since(begun);
    Row { simulated: Duration::from_millis(tally.simulated_ms), took, deliveries: tally.deliveries }
}

/// The hosts and routers on one link.
fn crowd(faults: Faults) -> World {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet().faults(faults));
    for number in 1..=ROUTERS {
        world.router(lan, Router::new(format!("r{number}"), link_local(0, number)));
    }
    for number in 1..=HOSTS {
        let (groups, sockets, sources) = HOST_SIZE;
        let stack = ListenerHost::new().size(groups, sockets, sources);
        let mut host = Host::new(format!("h{number}"), link_local(1, number), stack);
        if number.is_multiple_of(2) {
            let channels = (0..CHANNELS).map(|channel| group(2, channel)).collect();
            host = host.behaves(Behaviour::Zapping { channels, every_ms: STAY_MS });
        }
        let host = world.host(lan, host);
        listen(&mut world, host, group(1, number % GROUPS), Duration::from_millis(7 * u64::from(number)));
    }
    world
}

fn listen(world: &mut World, host: NodeId, group: Ipv6Addr, after: Duration) {
    let call = Call::Listen { socket: 1, group, mode: FilterMode::Exclude, sources: Vec::new() };
    world.at(Instant::ZERO + after, Action::Host(host, call));
}

const fn link_local(kind: u16, number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, kind, number)
}

const fn group(kind: u16, number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, kind, number)
}

/// Shows on hosts of both versions who gets what.
fn filtered() {
    let mut world = World::new(1);
    let lan = world.link(Link::ethernet());
    for number in 1..=ROUTERS {
        world.router(lan, Router::new(format!("r{number}"), link_local(0, number)));
    }
    let version_1 =
        listener::Config::builder().version(Version::V1).build().expect("a listener can be of version 1");
    for number in 1..=60_u16 {
        let mut stack = ListenerHost::new();
        if number.is_multiple_of(3) {
            stack = stack.config(version_1);
        }
        let host = world.host(lan, Host::new(format!("h{number}"), link_local(1, number), stack));
        listen(&mut world, host, group(1, number % 7), Duration::from_secs(number.into()));
        if number > 30 {
            let (group, mode) = (group(1, number % 7), FilterMode::Include);
            let call = Call::Listen { socket: 1, group, mode, sources: Vec::new() };
            world.at(Instant::ZERO + Duration::from_secs(300), Action::Host(host, call));
        }
    }
    let counts = Rc::new(Counts::default());
    world.observe(Filters(Rc::clone(&counts)));
    world.run_for(Duration::from_secs(600)).expect("no filter lets a frame through that it does not take");
    let Counts { queries, specific, reports_v1, reports_v2 } = &*counts;
    for count in [queries, specific, reports_v1, reports_v2] {
        assert!(count.get() > 0, "every kind of message was seen");
    }
    println!(
        "deliveries to those whose link-layer filter takes the frame, and to nobody else:\n\
         {} of General Queries, to everybody; {} of Queries of a group and {} of Reports of MLDv1, to routers and members;\n\
         {} of Reports of MLDv2, to routers",
        queries.get(),
        specific.get(),
        reports_v1.get(),
        reports_v2.get()
    );
}

/// Deliveries by the message.
#[derive(Default)]
struct Counts {
    queries: Cell<u64>,
    specific: Cell<u64>,
    reports_v1: Cell<u64>,
    reports_v2: Cell<u64>,
}

/// Sees to it that hosts get what is for all nodes or for a group of theirs.
struct Filters(Rc<Counts>);

impl Observer for Filters {
    fn observe(
        &mut self,
        scene: &Scene<'_>,
        at: Instant,
        happening: &Happening<'_>,
    ) -> Result<(), Violation> {
        let Happening::Delivered { frame, to, packet, .. } = *happening else { return Ok(()) };
        let octets: [u8; 16] = packet[DESTINATION].try_into().expect("the packet has a header");
        let destination = Ipv6Addr::from(octets);
        let is_for_all = destination == Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
        let takes = |wanted: bool| scene.is_router(to) || wanted;
        let is_member = scene.wants(to).is_some_and(|wants| wants.contains_key(&destination));
        let counts = &self.0;
        let (count, is_right) = match packet[TYPE_OFFSET] {
            REPORT_V2 => (&counts.reports_v2, takes(false)),
            REPORT_V1 => (&counts.reports_v1, takes(is_member)),
            _ if is_for_all => (&counts.queries, true),
            _ => (&counts.specific, takes(is_member)),
        };
        count.set(count.get() + 1);
        if is_right && frame.from != to {
            Ok(())
        } else {
            let text = format!("{} got what goes to {destination}", scene.name(to));
            Err(Violation { at, ..Violation::new("filter", text) })
        }
    }
}
