//! Worlds to be recorded.

use core::cell::RefCell;
use core::net::Ipv6Addr;
use core::time::Duration;
use std::io;
use std::rc::Rc;
use std::sync::LazyLock;

use mld_proto::{Config, FilterMode, Instant};
use mld_sim::nodes::malformed::Malformed;
use mld_sim::nodes::misbehaviour::{Misbehaviour, Pace, Targets};
use mld_sim::nodes::raw::{RawHost, RawSettings};
use mld_sim::record::{Pcapng, Picture, Trace};
use mld_sim::rng::Rng;
use mld_sim::world::{Action, Behaviour, Call, Change, Command, LinkId, NodeId};
use mld_sim::{Faults, Host, Link, Router, World};

/// All three records of a run.
pub(crate) struct Records {
    pub(crate) trace: String,
    pub(crate) pcapng: Vec<u8>,
    pub(crate) picture: String,
}

/// The records of each scenario, made once.
pub(crate) static EVERYTHING: LazyLock<Records> = LazyLock::new(|| recorded("everything", everything));
pub(crate) static CROWD: LazyLock<Records> = LazyLock::new(|| recorded("crowd", crowd));
pub(crate) static TROUBLE: LazyLock<Records> = LazyLock::new(|| recorded("trouble", trouble));
pub(crate) static BROKEN: LazyLock<Records> = LazyLock::new(|| recorded("broken", broken));

/// Makes a world, which is recorded from its beginning, and takes the records when it is gone.
pub(crate) fn recorded(title: &str, run: impl FnOnce(&mut World)) -> Records {
    let trace = Rc::new(RefCell::new(Trace::new(Vec::new())));
    let pcapng = Rc::new(RefCell::new(Pcapng::new(Vec::new()).expect("memory")));
    let picture = Rc::new(RefCell::new(Picture::new(Vec::new(), title)));
    let mut world = World::new(7);
    world.observe(Rc::clone(&trace));
    world.observe(Rc::clone(&pcapng));
    world.observe(Rc::clone(&picture));
    run(&mut world);
    drop(world);
    let text = |octets: io::Result<Vec<u8>>| String::from_utf8(octets.expect("memory")).expect("UTF-8");
    Records {
        trace: text(alone(trace).finish()),
        pcapng: alone(pcapng).finish().expect("memory"),
        picture: text(alone(picture).finish()),
    }
}

fn alone<T>(shared: Rc<RefCell<T>>) -> T {
    Rc::into_inner(shared).expect("the world is gone").into_inner()
}

/// Everything that a picture shows, in five minutes: include and exclude mode, MLDv1, an election, a partition, losses,
/// a crash.
pub(crate) fn everything(world: &mut World) {
    let mut stage = Stage::new(world, Link::ethernet().name("lan"));
    let second = stage.router_off("r1", "fe80::1");
    let first = stage.router("r2", "fe80::2");
    let desk = stage.host("desk", "fe80::d", RawSettings::DEFAULT);
    let tv = stage.host("tv", "fe80::7", RawSettings::DEFAULT);
    let old = stage.host("old", "fe80::a", RawSettings::VERSION_1);

    stage.listen(2_000, desk, "ff3e::8000:1", FilterMode::Include, &["2001:db8::1"]);
    stage.listen(6_000, tv, "ff0e::4", FilterMode::Exclude, &[]);
    stage.listen(7_500, desk, "ff0e::4", FilterMode::Exclude, &[]);
    stage.power(12_000, second, Command::Start);
    stage.listen(32_000, old, "ff05::9", FilterMode::Exclude, &[]);
    stage.listen(38_000, desk, "ff3e::8000:1", FilterMode::Include, &["2001:db8::1", "2001:db8::2"]);
    stage.listen(60_000, tv, "ff0e::4", FilterMode::Include, &[]);
    stage.listen(70_000, desk, "ff0e::4", FilterMode::Include, &[]);
    stage.listen(90_000, old, "ff05::9", FilterMode::Include, &[]);
    let lan = stage.link;
    stage.change(110_000, Change::Partition { link: lan, apart: vec![second] });
    stage.change(190_000, Change::Heal { link: lan });
    stage.change(
        200_000,
        Change::Faults { link: lan, faults: Faults { delay_ms: (1, 20), loss_ppm: 300_000, ..Faults::NONE } },
    );
    stage.listen(204_000, tv, "ff0e::4", FilterMode::Exclude, &[]);
    stage.change(225_000, Change::FaultsOff);
    stage.power(240_000, first, Command::Crash);
    stage.power(280_000, first, Command::Start);
    world.run_for(Duration::from_secs(300)).expect("nobody judges");
}

/// One router and two hundred hosts, of which most do the same.
fn crowd(world: &mut World) {
    let mut stage = Stage::new(world, Link::ethernet().name("lan"));
    stage.router("r1", "fe80::1");
    let boxes: Vec<_> = (1..=200)
        .map(|number| {
            let address = format!("fe80::b:{number:x}");
            stage.host(&format!("set-top box {number}"), &address, RawSettings::DEFAULT)
        })
        .collect();
    for (node, number) in boxes.iter().zip(0..) {
        stage.listen(3_000 + number * 7, *node, "ff0e::11", FilterMode::Exclude, &[]);
    }
    for node in &boxes[..20] {
        stage.listen(100_000, *node, "ff0e::11", FilterMode::Include, &[]);
        stage.listen(100_000, *node, "ff0e::12", FilterMode::Exclude, &[]);
    }
    world.run_for(Duration::from_secs(900)).expect("nobody judges");
}

/// An hour on two links: hosts that change their minds, packets that are broken, late, doubled and damaged.
fn trouble(world: &mut World) {
    let addresses = |prefix: &str| (1..=9).map(|number| address(&format!("{prefix}{number}"))).collect();
    let groups: Vec<_> = addresses("ff0e::");
    let faults = Faults {
        delay_ms: (1, 20),
        loss_ppm: 20_000,
        duplicate_ppm: 20_000,
        reorder_ppm: 20_000,
        reorder_ms: 500,
        corrupt_ppm: 20_000,
    };
    let mut stage = Stage::new(world, Link::ethernet().name("upstairs").faults(faults));
    stage.router("kitchen router", "fe80::1");
    for name in ["ann", "bob", "cid"] {
        let stack = RawHost::new(RawSettings::DEFAULT);
        let churn = Behaviour::Churn {
            groups: groups.clone(),
            sources: addresses("2001:db8::"),
            every_ms: (5_000, 90_000),
        };
        let link_local = format!("fe80::a{}", name.len() + usize::from(name.as_bytes()[0]));
        let host = Host::new(name, address(&link_local), stack).behaves(churn);
        stage.world.host(stage.link, host);
    }
    let targets = Targets { groups, ..Targets::default() };
    let pace = Pace { every_ms: 20_000..=60_000, turns_max: 100 };
    let broken = Misbehaviour::new(Malformed::new(targets), pace, Rng::named(7, "broken"));
    stage.world.host(stage.link, Host::new("broken", address("fe80::bad"), broken));

    let slow = Faults { delay_ms: (900, 1_500), ..Faults::NONE };
    let mut stage = Stage::new(world, Link::point_to_point().name("uplink").faults(slow));
    stage.router("r2", "fe80::1");
    let far = stage.host("far", "fe80::2", RawSettings::DEFAULT);
    stage.listen(10_000, far, "ff0e::1", FilterMode::Exclude, &["2001:db8::66"]);
    stage.listen(40_000, far, "ff0e::1", FilterMode::Include, &[]);
    world.run_for(Duration::from_secs(3_600)).expect("nobody judges");
}

/// A host whose packets are broken, between two that are in order.
pub(crate) fn broken(world: &mut World) {
    let faults = Faults { delay_ms: (1, 300), duplicate_ppm: 200_000, ..Faults::NONE };
    let mut stage = Stage::new(world, Link::ethernet().name("lan").faults(faults));
    stage.router("r1", "fe80::1");
    let tv = stage.host("tv", "fe80::7", RawSettings::DEFAULT);
    let pace = Pace { every_ms: 1_000..=4_000, turns_max: 15 };
    let broken = Malformed::new(Targets { groups: vec![address("ff0e::4")], ..Targets::default() });
    let broken = Misbehaviour::new(broken, pace, Rng::named(7, "broken"));
    stage.world.host(stage.link, Host::new("broken", address("fe80::bad"), broken));
    stage.listen(6_000, tv, "ff0e::4", FilterMode::Exclude, &["2001:db8::bad"]);
    world.run_for(Duration::from_secs(40)).expect("nobody judges");
}

/// A link on which things are put.
struct Stage<'w> {
    world: &'w mut World,
    link: LinkId,
}

impl<'w> Stage<'w> {
    fn new(world: &'w mut World, link: Link) -> Self {
        let link = world.link(link);
        Self { world, link }
    }

    fn router(&mut self, name: &str, link_local: &str) -> NodeId {
        self.world.router(self.link, router(name, link_local))
    }

    fn router_off(&mut self, name: &str, link_local: &str) -> NodeId {
        self.world.router(self.link, router(name, link_local).off())
    }

    fn host(&mut self, name: &str, link_local: &str, settings: RawSettings) -> NodeId {
        let stack = RawHost::new(settings);
        self.world.host(self.link, Host::new(name, address(link_local), stack))
    }

    fn listen(&mut self, at_ms: u64, host: NodeId, group: &str, mode: FilterMode, sources: &[&str]) {
        let sources = sources.iter().map(|source| address(source)).collect();
        let call = Call::Listen { socket: 0, group: address(group), mode, sources };
        self.world.at(Instant::from_millis(at_ms), Action::Host(host, call));
    }

    fn power(&mut self, at_ms: u64, router: NodeId, command: Command) {
        self.world.at(Instant::from_millis(at_ms), Action::Router(router, command));
    }

    fn change(&mut self, at_ms: u64, change: Change) {
        self.world.at(Instant::from_millis(at_ms), Action::Change(change));
    }
}

/// Queries every 20 seconds, so that scenarios are short.
fn router(name: &str, link_local: &str) -> Router {
    let config = Config::builder().query_interval(Duration::from_secs(20));
    let config = config.query_response_interval(Duration::from_secs(4)).build().expect("in range");
    Router::new(name, address(link_local)).config(config)
}

fn address(text: &str) -> Ipv6Addr {
    text.parse().expect(text)
}
