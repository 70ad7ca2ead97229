//! Hosts: a stack on a link, what its applications asked for, and how they behave.

use core::net::Ipv6Addr;
use std::collections::{BTreeMap, BTreeSet};

use mld_proto::{FilterMode, Instant};

use super::behaviour::{Behaviour, Life};
use super::node::{Node, Outbox};
use super::observer::{Call, LinkId};

/// A host's interface, to be added to a world.
pub struct Host {
    pub(super) name: String,
    pub(super) link_local: Ipv6Addr,
    pub(super) stack: Box<dyn Node>,
    pub(super) behaviours: Vec<Behaviour>,
    pub(super) is_off: bool,
    pub(super) tentative_ms: u64,
    pub(super) all_multicast: bool,
}

impl Host {
    /// A host that comes up with this address when it is added to a world.
    pub fn new(name: impl Into<String>, link_local: Ipv6Addr, stack: impl Node + 'static) -> Self {
        Self {
            name: name.into(),
            link_local,
            stack: Box::new(stack),
            behaviours: Vec::new(),
            is_off: false,
            tentative_ms: 0,
            all_multicast: false,
        }
    }

    /// Adds a behaviour of its applications; several behaviours run beside each other.
    #[must_use]
    pub fn behaves(mut self, behaviour: Behaviour) -> Self {
        self.behaviours.push(behaviour);
        self
    }

    /// Its address is tentative for so long after it came up (RFC 4862 section 5.4): it sends from `::`.
    #[must_use]
    pub const fn tentative_for_ms(mut self, millis: u64) -> Self {
        self.tentative_ms = millis;
        self
    }

    /// It is not up when it is added.
    #[must_use]
    pub const fn off(mut self) -> Self {
        self.is_off = true;
        self
    }

    /// Its link-layer filter takes every multicast frame, and a switch that snoops sends it Reports: what a router's
    /// interface does (R-WIRE-12, R-SNP-3). For a stack that is a router, and for a [probe](crate::nodes::probe).
    #[must_use]
    pub const fn all_multicast(mut self) -> Self {
        self.all_multicast = true;
        self
    }
}

/// The interest of a host's sockets in a group: all but these sources, or only these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Everything but `sources`; otherwise only `sources`.
    pub exclude: bool,
    /// The sources.
    pub sources: BTreeSet<Ipv6Addr>,
}

impl Wants {
    /// True if no socket listens.
    pub fn is_nothing(&self) -> bool {
        !self.exclude && self.sources.is_empty()
    }

    /// True if packets of this source are wanted.
    pub fn wants(&self, source: Ipv6Addr) -> bool {
        self.exclude != self.sources.contains(&source)
    }
}

/// A host of a world.
pub(super) struct HostNode {
    pub(super) link: LinkId,
    pub(super) link_local: Ipv6Addr,
    pub(super) stack: Box<dyn Node>,
    pub(super) is_up: bool,
    /// Up, with an address that is no longer tentative.
    pub(super) has_address: bool,
    pub(super) tentative_ms: u64,
    /// Counts how often it came up or its address changed: what was begun in one stay does not happen in another.
    pub(super) stay: u64,
    pub(super) wake_at: Option<Instant>,
    pub(super) lives: Vec<Life>,
    pub(super) outbox: Outbox,
    /// The request of each socket.
    sockets: BTreeMap<(Ipv6Addr, u32), Wants>,
    /// The combined interest of the sockets (RFC 9777 section 4.2; R-LSN-2, R-LSN-3).
    wants: BTreeMap<Ipv6Addr, Wants>,
}

impl HostNode {
    pub(super) fn new(link: LinkId, host: Host, key: u64) -> Self {
        let lives = host.behaviours.into_iter().zip(0..).map(|(behaviour, at)| Life::new(behaviour, key, at));
        Self {
            link,
            link_local: host.link_local,
            stack: host.stack,
            is_up: false,
            has_address: false,
            tentative_ms: host.tentative_ms,
            stay: 0,
            wake_at: None,
            lives: lives.collect(),
            outbox: Outbox::default(),
            sockets: BTreeMap::new(),
            wants: BTreeMap::new(),
        }
    }

    /// Calls the stack and records what is wanted. Returns the group whose interest changed.
    ///
    /// # Errors
    ///
    /// The stack refused the call.
    pub(super) fn call(&mut self, now: Instant, call: &Call) -> Result<Option<Ipv6Addr>, String> {
        match call {
            Call::Up { link_local } => {
                self.is_up = true;
                self.stay += 1;
                self.has_address = link_local.is_some();
                if let Some(link_local) = *link_local {
                    self.link_local = link_local;
                }
                self.stack.start(now, *link_local, &mut self.outbox);
                Ok(None)
            }
            Call::Crash => {
                self.crash();
                Ok(None)
            }
            Call::Listen { socket, group, mode, sources } => {
                self.stack.listen(now, *socket, *group, *mode, sources, &mut self.outbox)?;
                self.want(*socket, *group, *mode, sources);
                Ok(Some(*group))
            }
        }
    }

    /// It has no power and knows nothing.
    pub(super) fn crash(&mut self) {
        self.is_up = false;
        self.has_address = false;
        self.wake_at = None;
        self.stack.crash();
        self.outbox.clear();
        self.sockets.clear();
        self.wants.clear();
    }

    /// The address that it comes up with by itself; nothing: it is tentative at first.
    pub(super) fn own_address(&self) -> Option<Ipv6Addr> {
        (self.tentative_ms == 0).then_some(self.link_local)
    }

    fn want(&mut self, socket: u32, group: Ipv6Addr, mode: FilterMode, sources: &[Ipv6Addr]) {
        let wants =
            Wants { exclude: mode == FilterMode::Exclude, sources: sources.iter().copied().collect() };
        if wants.is_nothing() {
            self.sockets.remove(&(group, socket));
        } else {
            self.sockets.insert((group, socket), wants);
        }
        let merged = merge(self.sockets.range((group, 0)..=(group, u32::MAX)).map(|(_, wants)| wants));
        if merged.is_nothing() {
            self.wants.remove(&group);
        } else {
            self.wants.insert(group, merged);
        }
    }

    /// The groups that its link-layer filter takes.
    pub(super) const fn wants(&self) -> &BTreeMap<Ipv6Addr, Wants> {
        &self.wants
    }

    /// The requests of the sockets, by group and socket.
    pub(super) const fn sockets(&self) -> &BTreeMap<(Ipv6Addr, u32), Wants> {
        &self.sockets
    }
}

/// Any socket in EXCLUDE mode: the intersection of the exclude lists without the included sources (R-LSN-2); otherwise
/// the union of the include lists (R-LSN-3).
fn merge<'a>(sockets: impl Iterator<Item = &'a Wants>) -> Wants {
    let mut excluded: Option<BTreeSet<Ipv6Addr>> = None;
    let mut included = BTreeSet::new();
    for socket in sockets {
        if socket.exclude {
            excluded = Some(excluded.map_or_else(|| socket.sources.clone(), |set| &set & &socket.sources));
        } else {
            included.extend(&socket.sources);
        }
    }
    match excluded {
        Some(excluded) => Wants { exclude: true, sources: &excluded - &included },
        None => Wants { exclude: false, sources: included },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclude_lists_meet_and_included_sources_are_taken_off() {
        let source = |last: u16| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last);
        let wants = |exclude, list: &[u16]| Wants {
            exclude,
            sources: list.iter().map(|last| source(*last)).collect(),
        };
        let merged = merge([wants(true, &[1, 2, 3]), wants(true, &[2, 3, 4]), wants(false, &[3])].iter());
        assert_eq!(merged, wants(true, &[2]));
        assert_eq!(merge([wants(false, &[1, 2]), wants(false, &[2, 3])].iter()), wants(false, &[1, 2, 3]));
    }
}
