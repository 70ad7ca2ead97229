//! Two routers on one link, each in a namespace and a thread of its own.

use core::net::Ipv6Addr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use mld_linux::lab::{self, Host};
use mld_linux::{Driver, Options};
use mld_proto::router::QuerierMode;
use mld_proto::{Config, GroupAddr, Querier};

use crate::Test;
use crate::support::{Bench, EXCLUDE_NONE, HOST, SOON, Seen, address, group, quick, switch_on, usable, view};

pub(crate) const TESTS: &[Test] = &[
    ("the_lower_address_queries_and_the_other_takes_over_when_it_is_killed", election),
    ("a_lower_address_that_appears_later_is_given_way_to", later),
    ("a_passive_router_knows_the_querier_and_never_is_one", passive),
];

/// Interface of a router.
const PORT: &str = "eth0";

fn link() {
    lab::bridge("link", false).expect("a bridge");
    switch_on("link");
}

/// A node on the link; with an address of its own choice, if it is given one.
fn node(name: &str, own: Option<&str>) -> Host {
    let host = Host::new(name).expect("a host");
    lab::veth(name, PORT, Some(&host)).expect("a cable");
    lab::set_master(name, "link").expect("a port");
    lab::set_up(name).expect("up");
    let own = own.map(address);
    host.run(move || {
        if own.is_some() {
            lab::write_sysctl(&format!("net/ipv6/conf/{PORT}/addr_gen_mode"), "1").expect("no own address");
        }
        switch_on(PORT);
        if let Some(own) = own {
            lab::add_link_local(PORT, own).expect("an address");
        }
        usable(PORT);
    });
    host
}

/// A router that runs on a node until it is killed: it has no chance to say anything then.
struct Running {
    seen: Receiver<Seen>,
    told: Vec<Seen>,
    asks: Sender<GroupAddr>,
    answers: Receiver<bool>,
    kill: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(host: &Host, config: Config) -> Self {
        let kill = Arc::new(AtomicBool::new(false));
        let ((tell, seen), (asks, asked), (answer, answers)) = (channel(), channel(), channel());
        let killed = kill.clone();
        // A thread begins in the namespace of the one that starts it.
        let thread = host.run(move || {
            std::thread::spawn(move || {
                let mut bench = Bench::of(Driver::open(PORT, &Options::new(config)).expect("a driver"));
                while !killed.load(Ordering::Relaxed) {
                    bench.run_for(Duration::from_millis(5));
                    for one in bench.seen.drain(..) {
                        // Nobody may want to know it any more.
                        let _ = tell.send(one);
                    }
                    for wanted in asked.try_iter() {
                        let _ = answer.send(view(bench.driver.router(), wanted) == EXCLUDE_NONE);
                    }
                }
            })
        });
        Self { seen, told: Vec::new(), asks, answers, kill, thread: Some(thread) }
    }

    #[track_caller]
    fn until(&mut self, expected: &Seen, within: Duration) -> Duration {
        let start = Instant::now();
        loop {
            let left = within.checked_sub(start.elapsed()).unwrap_or_default();
            match self.seen.recv_timeout(left) {
                Ok(one) if one == *expected => return start.elapsed(),
                Ok(one) => self.told.push(one),
                Err(_) => panic!("not within {within:?}: {expected:?}; before it: {:#?}", self.told),
            }
        }
    }

    fn knows(&self, wanted: GroupAddr) -> bool {
        self.asks.send(wanted).expect("it runs");
        self.answers.recv().expect("it answers")
    }

    fn kill(&mut self) {
        self.kill.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it did not panic");
        }
    }
}

fn me(own: &str) -> Seen {
    Seen::Querier(Querier::Own(address(own)))
}

fn other(its: &str) -> Seen {
    Seen::Querier(Querier::Other(address(its)))
}

fn until_known(routers: &[&Running], wanted: GroupAddr) {
    let start = Instant::now();
    while !routers.iter().all(|router| router.knows(wanted)) {
        assert!(start.elapsed() < SOON, "{wanted} is not known to both");
    }
}

fn election() {
    link();
    let (low, high, host) = (node("low", Some("fe80::1")), node("high", Some("fe80::2")), node("host", None));
    let mut higher = Running::start(&high, quick());
    higher.until(&me("fe80::2"), SOON);
    let mut lower = Running::start(&low, quick());
    lower.until(&me("fe80::1"), SOON);
    higher.until(&other("fe80::1"), SOON);

    let listener = host.listener(HOST).expect("a listener");
    let wanted = group("ff05::1234");
    listener.join(wanted).expect("joined");
    until_known(&[&lower, &higher], wanted);
    // Nobody else takes the role.
    std::thread::sleep(Duration::from_secs(3));
    assert!(!lower.seen.try_iter().any(|seen| matches!(seen, Seen::Querier(_))));
    assert!(!higher.seen.try_iter().any(|seen| matches!(seen, Seen::Querier(_))));

    lower.kill();
    // Other Querier Present Interval: 2 x 1 s + 0.4 s / 2.
    let took = higher.until(&me("fe80::2"), Duration::from_millis(2200 + 800));
    println!("    the other router took over {took:?} after the querier was killed");
    assert!(took > Duration::from_millis(1000), "{took:?}: a Query is never older than the interval");
    assert!(higher.knows(wanted), "what it has learnt as a non-querier stands");

    listener.leave(wanted).expect("left");
    higher.until(&Seen::Membership(wanted, None), SOON);
    higher.kill();
}

fn later() {
    link();
    let (one, two) = (node("one", Some("fe80::10")), node("two", Some("fe80::20")));
    let mut first = Running::start(&one, quick());
    first.until(&me("fe80::10"), SOON);
    let mut second = Running::start(&two, quick());
    second.until(&other("fe80::10"), SOON);

    // The second one gets a lower address, and speaks from it as soon as the other is gone.
    two.run(|| {
        lab::add_link_local(PORT, address("fe80::3")).expect("an address");
        lab::remove_link_local(PORT, address("fe80::20")).expect("no address");
    });
    second.until(&me("fe80::3"), SOON);
    first.until(&other("fe80::3"), SOON);
    first.kill();
    second.kill();
}

fn passive() {
    link();
    let (router, watcher) = (node("router", Some("fe80::9")), node("watcher", Some("fe80::1")));
    let silent = quick().to_builder().querier(QuerierMode::Never).build().expect("valid settings");
    let mut watching = Running::start(&watcher, silent);
    let mut querying = Running::start(&router, quick());
    querying.until(&me("fe80::9"), SOON);
    watching.until(&other("fe80::9"), SOON);

    querying.kill();
    watching.until(&Seen::Querier(Querier::Unknown), SOON);
    watching.kill();
    assert!(!watching.told.iter().any(|seen| *seen == me("fe80::1")));
    let unused: Ipv6Addr = address("fe80::1");
    assert!(!watching.told.contains(&Seen::Querier(Querier::Other(unused))));
}
