//! What is done with hosts, routers and the world around them.

use core::net::Ipv6Addr;
use core::time::Duration;

use super::happening::{Call, Change, Happening, Input, NodeId, Refusal};
use super::{Action, Clock, Command, Faults, Kind, World};
use crate::judge::Violation;

/// The rule that applications call only what the stack of their host grants.
pub(crate) const REFUSED: &str = "refused";

impl World {
    pub(super) fn call(&mut self, node: NodeId, call: &Call) -> Result<(), Violation> {
        let now = self.now;
        let name = self.nodes[node.0 as usize].name.clone();
        let Kind::Host(host) = &mut self.nodes[node.0 as usize].kind else {
            return Err(Violation::new("story", format!("{name} is no host")));
        };
        let link = &mut self.links[host.link.0 as usize];
        if *call == Call::Crash {
            for group in host.wants().keys() {
                link.set_filter(node, *group, false);
            }
        }
        if matches!(call, Call::Listen { .. }) && !host.is_up {
            return self.tell(&Happening::Refused { node, call, why: Refusal::Down });
        }
        let group = match host.call(now, call) {
            Ok(group) => group,
            Err(refusal) => {
                self.tell(&Happening::Refused { node, call, why: Refusal::Stack(&refusal) })?;
                return Err(Violation::new(REFUSED, format!("{name} refuses to {call}: {refusal}")));
            }
        };
        if let Some(group) = group {
            // Groups with the same last 32 bits share an Ethernet address (RFC 2464 section 7).
            let shares = |wanted: &Ipv6Addr| wanted.to_bits() as u32 == group.to_bits() as u32;
            link.set_filter(node, group, host.wants().keys().any(shares));
        }
        if let Call::Up { link_local: None } = call {
            let (at, link_local) = (now + Duration::from_millis(host.tentative_ms), Some(host.link_local));
            if host.tentative_ms > 0 {
                self.at(at, Action::Host(node, Call::Up { link_local }));
            }
        }
        self.tell(&Happening::Host { node, call })?;
        self.flush_host(node)
    }

    pub(super) fn command(&mut self, node: NodeId, command: Command) -> Result<(), Violation> {
        let now = self.now;
        let name = &self.nodes[node.0 as usize].name;
        let not_a_router = || Violation::new("story", format!("{name} is no router"));
        let error = not_a_router();
        let Kind::Router(router) = &mut self.nodes[node.0 as usize].kind else { return Err(error) };
        let local = router.clock.local(now);
        let (mut sent, mut told) = (Vec::new(), Vec::new());
        let input = match command {
            Command::Start => {
                router.has_power = true;
                let instant = local;
                router.engine.start(instant, router.link_local);
                Input::Start(router.link_local)
            }
            Command::Stop | Command::Restart => {
                router.engine.stop(local);
                Input::Stop
            }
            Command::Crash => {
                router.crash();
                Input::Crash
            }
            Command::Address(link_local) => {
                router.link_local = link_local;
                if !router.engine.is_running() {
                    return Ok(());
                }
                router.engine.set_address(local, link_local);
                Input::Address(link_local)
            }
            Command::Clock(clock) => {
                router.clock.clock = clock;
                router.wake = None;
                self.schedule(node);
                return Ok(());
            }
        };
        if command == Command::Crash {
            self.finish_turn(node, local, &input, sent, &told)
        } else {
            router.advance(local, &mut sent, &mut told)?;
            self.finish_turn(node, local, &input, sent, &told)?;
            if command == Command::Restart { self.command(node, Command::Start) } else { Ok(()) }
        }
    }

    pub(super) fn change(&mut self, what: &Change) -> Result<(), Violation> {
        match what {
            Change::Partition { link, apart } => self.links[link.0 as usize].part(apart),
            Change::Heal { link } => self.links[link.0 as usize].heal(),
            Change::Faults { link, faults } => self.links[link.0 as usize].faults = *faults,
            Change::Jump { node, by_ms } => {
                if let Kind::Router(router) = &mut self.nodes[node.0 as usize].kind {
                    router.clock.jump(*by_ms);
                    router.wake = None;
                    self.schedule(*node);
                }
            }
            Change::Calm => self.calm(),
        }
        self.tell(&Happening::Change { what })
    }

    fn calm(&mut self) {
        for link in &mut self.links {
            link.heal();
            let shortest = link.faults.delay_ms.0;
            link.faults = Faults { delay_ms: (shortest, shortest), ..Faults::NONE };
        }
        for at in 0..self.nodes.len() {
            match &mut self.nodes[at].kind {
                Kind::Router(router) => {
                    router.clock.clock = Clock::EXACT;
                    router.wake = None;
                    self.schedule(NodeId(at as u32));
                }
                Kind::Host(host) => {
                    for life in &mut host.lives {
                        life.end();
                    }
                    if !host.station.is_honest() {
                        host.is_up = false;
                        host.wake_at = None;
                        host.station.crash();
                    }
                }
            }
        }
    }
}
