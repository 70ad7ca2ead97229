//! Actions on hosts, routers and the world around them.

use core::net::Ipv6Addr;
use core::time::Duration;

use super::observer::{Call, Change, Happening, Input, LinkId, NodeId, Refusal};
use super::queue::Due;
use super::violation::Violation;
use super::{Action, Clock, Command, Faults, Kind, NodeState, World};

/// The rule that applications call only for interest that the stack of their host grants.
pub(crate) const REFUSED: &str = "refused";
/// The rule that the subject of an action exists.
const SCENARIO: &str = "scenario";

impl World {
    /// Performs an action and records what is wrong with it.
    pub(super) fn perform(&mut self, action: &Action) {
        if let Err(violation) = self.is_possible(action) {
            return self.fail(violation);
        }
        match action {
            Action::Host(host, call) => self.call(*host, call),
            Action::Router(router, command) => self.command(*router, command),
            Action::Change(what) => self.change(what),
        }
    }

    /// Errors unless the subject of an action exists.
    fn is_possible(&self, action: &Action) -> Result<(), Violation> {
        match action {
            Action::Host(node, _) => self.is_host(*node),
            Action::Router(node, command) => {
                self.is_router(*node)?;
                match command {
                    Command::Clock(clock) if !clock.ticks() => {
                        scenario("a clock must advance in steps of 1 ms or more")
                    }
                    _ => Ok(()),
                }
            }
            Action::Change(Change::Jump { node, .. }) => self.is_router(*node),
            Action::Change(Change::Partition { link, apart }) => {
                self.is_link(*link)?;
                let scene = self.scene();
                match apart.iter().find(|node| self.node(**node).is_err() || scene.link_of(**node) != *link) {
                    Some(node) => {
                        scenario(format!("node {} is not on link {}", node.0, scene.link_name(*link)))
                    }
                    None => Ok(()),
                }
            }
            Action::Change(Change::Heal { link } | Change::Faults { link, .. }) => self.is_link(*link),
            Action::Change(Change::FaultsOff) => Ok(()),
        }
    }

    pub(super) fn node(&self, node: NodeId) -> Result<&NodeState, Violation> {
        let found = self.nodes.get(node.0 as usize);
        found.ok_or_else(|| Violation::new(SCENARIO, format!("there is no node {}", node.0)))
    }

    fn is_host(&self, node: NodeId) -> Result<(), Violation> {
        match self.node(node)? {
            NodeState { kind: Kind::Host(_), .. } => Ok(()),
            NodeState { name, .. } => scenario(format!("{name} is no host")),
        }
    }

    fn is_router(&self, node: NodeId) -> Result<(), Violation> {
        match self.node(node)? {
            NodeState { kind: Kind::Router(_), .. } => Ok(()),
            NodeState { name, .. } => scenario(format!("{name} is no router")),
        }
    }

    fn is_link(&self, link: LinkId) -> Result<(), Violation> {
        let is_there = (link.0 as usize) < self.links.len();
        if is_there { Ok(()) } else { scenario(format!("there is no link {}", link.0)) }
    }

    /// Calls on a host. A call on a host that is down is reported to observers and is a violation.
    pub(super) fn call(&mut self, node: NodeId, call: &Call) {
        let now = self.now;
        let Kind::Host(host) = &mut self.nodes[node.0 as usize].kind else { return };
        let link = &mut self.links[host.link.0 as usize];
        if *call == Call::Crash {
            for group in host.wants().keys() {
                link.set_filter(node, *group, false);
            }
        }
        if matches!(call, Call::Listen { .. }) && !host.is_up {
            self.tell(&Happening::Refused { node, call, why: Refusal::Down });
            let text = format!("{} is down and cannot {call}", self.scene().name(node));
            return self.fail(Violation::new(REFUSED, text));
        }
        let group = match host.call(now, call) {
            Ok(group) => group,
            Err(refusal) => {
                self.tell(&Happening::Refused { node, call, why: Refusal::Stack(&refusal) });
                let text = format!("{} refuses to {call}: {refusal}", self.scene().name(node));
                return self.fail(Violation::new(REFUSED, text));
            }
        };
        if let Some(group) = group {
            // Groups with the same last 32 bits share an Ethernet address (RFC 2464 section 7).
            let shares = |wanted: &Ipv6Addr| wanted.to_bits() as u32 == group.to_bits() as u32;
            link.set_filter(node, group, host.wants().keys().any(shares));
        }
        if let Call::Up { link_local } = call {
            if link_local.is_none() && host.tentative_ms > 0 {
                let at = now + Duration::from_millis(host.tentative_ms);
                self.queue.push(at, Due::Address { host: node, stay: host.stay });
            }
            for first in host.lives.iter_mut().filter_map(|life| life.begin(now)) {
                self.queue.push(first, Due::Behave(node));
            }
        }
        self.tell(&Happening::Host { node, call });
        self.flush_host(node);
    }

    /// Ends the time in which an address was tentative.
    pub(super) fn confirm_address(&mut self, node: NodeId, stay: u64) {
        let Kind::Host(host) = &self.nodes[node.0 as usize].kind else { return };
        if host.is_up && host.stay == stay {
            let link_local = Some(host.link_local);
            self.call(node, &Call::Up { link_local });
        }
    }

    pub(super) fn command(&mut self, node: NodeId, command: &Command) {
        let now = self.now;
        let Kind::Router(router) = &mut self.nodes[node.0 as usize].kind else { return };
        let local = router.clock.local(now);
        let (mut sent, mut told) = (Vec::new(), Vec::new());
        let input = match command {
            Command::Start => {
                router.has_power = true;
                router.engine.start(local, router.link_local);
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
                router.link_local = *link_local;
                if !router.engine.is_running() {
                    return;
                }
                router.engine.set_address(local, *link_local);
                Input::Address(*link_local)
            }
            Command::Reconfigure(config) => {
                router.reconfigure(local, **config);
                Input::Reconfigure
            }
            Command::Clock(clock) => {
                router.clock.clock = *clock;
                router.wake = None;
                return self.schedule(node);
            }
        };
        let advanced = match command {
            Command::Crash => Ok(()),
            _ => router.advance(local, &mut sent, &mut told),
        };
        self.finish_turn(node, local, &input, sent, &told);
        self.note(advanced);
        if *command == Command::Restart {
            self.command(node, &Command::Start);
        }
    }

    fn change(&mut self, what: &Change) {
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
            Change::FaultsOff => self.end_faults(),
        }
        self.tell(&Happening::Change { what });
    }

    fn end_faults(&mut self) {
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
                    if host.stack.is_misbehaving() {
                        host.crash();
                    }
                }
            }
        }
    }
}

pub(super) fn scenario(text: impl Into<String>) -> Result<(), Violation> {
    Err(Violation::new(SCENARIO, text))
}
