//! Behaviours of the applications and people behind hosts.

use core::net::Ipv6Addr;

use mld_proto::{FilterMode, Instant};

use super::observer::Call;
use crate::rng::Rng;

/// A behaviour of a host from the first time that it comes up, beside the actions on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Joins, leaves and changes source lists of its groups at random, on two sockets.
    Churn {
        /// The groups, at least one.
        groups: Vec<Ipv6Addr>,
        /// Sources that its lists are drawn from; without any it only joins and leaves.
        sources: Vec<Ipv6Addr>,
        /// Shortest and longest pause between two calls, in milliseconds.
        every_ms: (u64, u64),
    },
    /// Watches one channel after the other: leaves it and joins the next in the same moment.
    Zapping {
        /// The channels, at least one.
        channels: Vec<Ipv6Addr>,
        /// Shortest and longest stay on a channel, in milliseconds.
        every_ms: (u64, u64),
    },
    /// Loses its power silently, once.
    SilentLeave {
        /// How long after it first came up, in milliseconds.
        after_ms: u64,
    },
    /// Loses its power again and again, and joins these groups when it is back.
    Reboot {
        /// The groups.
        groups: Vec<Ipv6Addr>,
        /// Shortest and longest time up, in milliseconds.
        up_ms: (u64, u64),
        /// Shortest and longest time down, in milliseconds.
        down_ms: (u64, u64),
    },
}

/// The state of a behaviour.
#[derive(Debug)]
pub(super) struct Life {
    behaviour: Behaviour,
    rng: Rng,
    /// From the first moment up to the first action; nothing once it has begun.
    first_ms: Option<u64>,
    next: Option<Instant>,
    phase: Phase,
    channel: Option<Ipv6Addr>,
}

/// The state of a host that reboots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Begins,
    Up,
    Down,
}

impl Life {
    pub(super) fn new(behaviour: Behaviour, key: u64, at: u64) -> Self {
        let mut rng = Rng::keyed(key, &[at]);
        let first_ms = match &behaviour {
            Behaviour::Churn { every_ms, .. } | Behaviour::Zapping { every_ms, .. } => {
                rng.between(0..=every_ms.1)
            }
            Behaviour::SilentLeave { after_ms } => *after_ms,
            Behaviour::Reboot { .. } => 0,
        };
        let phase = Phase::Begins;
        Self { behaviour, rng, first_ms: Some(first_ms), next: None, phase, channel: None }
    }

    /// The host is up. Returns the time of the first action, if it has not begun before.
    pub(super) fn begin(&mut self, now: Instant) -> Option<Instant> {
        let first = later(now, self.first_ms.take()?);
        self.next = Some(first);
        Some(first)
    }

    pub(super) const fn next(&self) -> Option<Instant> {
        self.next
    }

    /// What it does at `now`, its moment. A host that comes back has the address `link_local`; nothing: it is tentative.
    pub(super) fn act(&mut self, now: Instant, link_local: Option<Ipv6Addr>) -> Vec<Call> {
        let rng = &mut self.rng;
        let mut calls = Vec::new();
        let pause = match &self.behaviour {
            Behaviour::Churn { groups, sources, every_ms } => {
                let mode = if rng.below(3) == 0 { FilterMode::Include } else { FilterMode::Exclude };
                let list = sources.iter().filter(|_| rng.below(3) == 0).copied().collect::<Vec<_>>();
                let (mode, list) =
                    if rng.below(3) == 0 { (FilterMode::Include, Vec::new()) } else { (mode, list) };
                let (socket, group) = (rng.below(2) as u32, *rng.pick(groups));
                // An application knows that there is no exclude mode in source-specific multicast (R-LSN-49).
                let mode = if is_ssm(group) { FilterMode::Include } else { mode };
                calls.push(Call::Listen { socket, group, mode, sources: list });
                Some(rng.between(every_ms.0..=every_ms.1))
            }
            Behaviour::Zapping { channels, every_ms } => {
                let next = *rng.pick(channels);
                if let Some(last) = self.channel.replace(next).filter(|last| *last != next) {
                    calls.push(listen(last, FilterMode::Include));
                }
                calls.push(listen(next, FilterMode::Exclude));
                Some(rng.between(every_ms.0..=every_ms.1))
            }
            Behaviour::SilentLeave { .. } => {
                calls.push(Call::Crash);
                None
            }
            Behaviour::Reboot { groups, up_ms, down_ms } => {
                let begins = self.phase == Phase::Begins;
                self.phase = if self.phase == Phase::Up { Phase::Down } else { Phase::Up };
                if self.phase == Phase::Down {
                    calls.push(Call::Crash);
                    Some(rng.between(down_ms.0..=down_ms.1))
                } else {
                    if !begins {
                        calls.push(Call::Up { link_local });
                    }
                    calls.extend(groups.iter().map(|group| listen(*group, FilterMode::Exclude)));
                    Some(rng.between(up_ms.0..=up_ms.1))
                }
            }
        };
        self.next = pause.map(|pause| later(now, pause.max(1)));
        calls
    }

    /// Ends the behaviour.
    pub(super) const fn end(&mut self) {
        (self.first_ms, self.next) = (None, None);
    }
}

impl Behaviour {
    /// True if it has a group to act on.
    pub(super) const fn is_possible(&self) -> bool {
        match self {
            Self::Churn { groups, .. } | Self::Zapping { channels: groups, .. } => !groups.is_empty(),
            Self::SilentLeave { .. } | Self::Reboot { .. } => true,
        }
    }
}

/// In one of the ff3x::/32 (RFC 4607 section 1; R-SSM-1).
const fn is_ssm(group: Ipv6Addr) -> bool {
    matches!(group.segments(), [0xff30..=0xff3f, 0, ..])
}

const fn listen(group: Ipv6Addr, mode: FilterMode) -> Call {
    Call::Listen { socket: 0, group, mode, sources: Vec::new() }
}

fn later(now: Instant, millis: u64) -> Instant {
    now + core::time::Duration::from_millis(millis)
}
