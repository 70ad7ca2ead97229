//! Several routers on one link.

use core::net::Ipv6Addr;
use std::collections::VecDeque;

use mld_proto::{Config, GroupAddr};

use super::packets::{self, Rec};
use super::{Ask, Bench};

/// Routers that hear each other, and hosts that all of them hear.
pub(crate) struct Link {
    routers: Vec<Option<Bench>>,
    /// Arrival, who sent it, the packet; in order of arrival.
    in_flight: VecDeque<(u64, Option<usize>, Vec<u8>)>,
    delay: u64,
}

impl Link {
    /// A link on which a packet takes `delay` milliseconds; messages of hosts arrive at once.
    pub(crate) fn new(delay: u64) -> Self {
        Self { routers: Vec::new(), in_flight: VecDeque::new(), delay }
    }

    /// A router comes up; the number by which it is known.
    pub(crate) fn start(&mut self, at: u64, config: Config, address: Ipv6Addr) -> usize {
        self.run_before(at);
        let mut bench = Bench::stopped(config, 256, 1024);
        bench.start(at, Some(address));
        self.routers.push(Some(bench));
        self.collect();
        self.routers.len() - 1
    }

    /// A router disappears without a word.
    pub(crate) fn kill(&mut self, at: u64, router: usize) {
        self.run_before(at);
        self.routers[router] = None;
    }

    pub(crate) fn router(&mut self, router: usize) -> &mut Bench {
        self.routers[router].as_mut().expect("a living router")
    }

    pub(crate) fn report(&mut self, at: u64, host: Ipv6Addr, records: impl AsRef<[Rec]>) {
        self.host(at, packets::report(host, records.as_ref()));
    }

    pub(crate) fn v1_report(&mut self, at: u64, host: Ipv6Addr, group: GroupAddr) {
        self.host(at, packets::report_v1(host, group));
    }

    pub(crate) fn done(&mut self, at: u64, host: Ipv6Addr, group: GroupAddr) {
        self.host(at, packets::done(host, group));
    }

    /// A Query of a router that is not simulated.
    pub(crate) fn query(&mut self, at: u64, ask: Ask) {
        self.host(at, ask.packet());
    }

    fn host(&mut self, at: u64, packet: Vec<u8>) {
        self.run_before(at);
        self.in_flight.push_front((at, None, packet));
        self.deliver();
    }

    /// Lets time pass up to and with this moment.
    pub(crate) fn run_to(&mut self, at: u64) {
        while let Some(next) = self.next().filter(|next| *next <= at) {
            self.turn(next);
        }
    }

    fn run_before(&mut self, at: u64) {
        while let Some(next) = self.next().filter(|next| *next < at) {
            self.turn(next);
        }
    }

    fn next(&self) -> Option<u64> {
        let arrival = self.in_flight.front().map(|(at, ..)| *at);
        self.routers.iter().flatten().filter_map(Bench::deadline).chain(arrival).min()
    }

    /// The next thing at this moment: packets first (R-TIM-13).
    fn turn(&mut self, at: u64) {
        if self.in_flight.front().is_some_and(|(arrival, ..)| *arrival == at) {
            self.deliver();
            return;
        }
        for bench in self.routers.iter_mut().flatten() {
            if bench.deadline().is_some_and(|deadline| deadline <= at) {
                bench.advance_to(at);
            }
        }
        self.collect();
    }

    fn deliver(&mut self) {
        let (at, sender, packet) = self.in_flight.pop_front().expect("a packet under way");
        for (number, bench) in self.routers.iter_mut().enumerate() {
            if let Some(bench) = bench
                && sender != Some(number)
            {
                bench.accept(at, &packet);
            }
        }
        self.collect();
    }

    fn collect(&mut self) {
        for (number, bench) in self.routers.iter_mut().enumerate() {
            for (at, packet) in bench.iter_mut().flat_map(|bench| bench.outbox.drain(..)) {
                self.in_flight.push_back((at + self.delay, Some(number), packet));
            }
        }
        self.in_flight.make_contiguous().sort_by_key(|(at, ..)| *at);
    }
}
