use core::net::Ipv6Addr;
use std::io::{self, Write};

use mld_proto::document::{EventDocument, EventMembers, tell_items};
use mld_proto::{Discard, FilterMode, Instant};
use serde::Serialize;

use super::words::{Seconds, Words, kind_name};
use crate::world::{Call, Change, Happening, Input, NodeId, Observer, Refusal, Scene, Told, Turn, Violation};

/// Writes what happens as NDJSON: one JSON object a line, in order, each with `time` (decimal seconds of the world's
/// clock) and `event`.
///
/// What routers tell has the event names and members of `mld run --events json`, with the router's name as
/// `interface`. Beside it stand `sent`, `lost` and `delivered` for frames (by number; `delivered` to a router says
/// what it `accepted`, or why it `discarded` it; `arrived` is there if the link damaged the packet, and says what came
/// out), `call` for what is done with a node, `refused` for a call of which nothing came (`why`: the host is `down`, or
/// the reason that its stack gives), `change` for what is done with the world.
#[derive(Debug)]
pub struct Trace<W> {
    output: W,
    error: Option<io::Error>,
}

impl<W: Write> Trace<W> {
    /// A trace that goes to `output`, which should be buffered.
    pub const fn new(output: W) -> Self {
        Self { output, error: None }
    }

    /// Ends the trace and gives the output back, flushed.
    ///
    /// # Errors
    ///
    /// The first error of writing; the trace ends there.
    pub fn finish(mut self) -> io::Result<W> {
        match self.error.take() {
            Some(error) => Err(error),
            None => self.output.flush().map(|()| self.output),
        }
    }

    fn tell(&mut self, scene: Scene<'_>, time_ms: u64, happening: &Happening<'_>) -> io::Result<()> {
        let event = match *happening {
            Happening::Sent { frame } => Event::Sent {
                link: scene.link_name(frame.link),
                frame: frame.number,
                from: scene.name(frame.from),
                message: Words::of(&frame.packet),
            },
            Happening::Lost { frame, to, why } => Event::Lost {
                frame: frame.number,
                from: scene.name(frame.from),
                to: scene.name(to),
                why: why.name(),
            },
            // Told when it ends.
            Happening::UnderWay { .. } => return Ok(()),
            Happening::Delivered { frame, to, packet, verdict } => Event::Delivered {
                frame: frame.number,
                from: scene.name(frame.from),
                to: scene.name(to),
                accepted: verdict.and_then(Result::ok).map(kind_name),
                discarded: verdict.and_then(Result::err).map(Discard::name),
                arrived: (packet != &*frame.packet).then(|| Words::of(packet)),
            },
            Happening::Turn(turn) => return self.turn(scene, time_ms, turn),
            Happening::Host { node, call } => Event::Call { node: scene.name(node), call: call.into() },
            Happening::Refused { node, call, why } => {
                let why = match why {
                    Refusal::Down => why.name(),
                    Refusal::Stack(reason) => reason,
                };
                Event::Refused { node: scene.name(node), call: call.into(), why }
            }
            Happening::Change { what } => Event::Change { what: ChangeWords::new(scene, what) },
        };
        self.line(&Line { time: Seconds(time_ms), event })
    }

    fn turn(&mut self, scene: Scene<'_>, time_ms: u64, turn: &Turn<'_>) -> io::Result<()> {
        let node = scene.name(turn.node);
        let call = match turn.input {
            Input::Start(address) => Some(CallWords::Start { address }),
            Input::Address(address) => Some(CallWords::Address { address }),
            Input::Stop => Some(CallWords::Stop),
            Input::Reconfigure => Some(CallWords::Reconfigure),
            Input::Crash => Some(CallWords::Crash),
            Input::Packet { .. } | Input::Timeout => None,
        };
        if let Some(call) = call {
            self.line(&Line { time: Seconds(time_ms), event: Event::Call { node, call } })?;
        }
        if let Input::Packet { items, .. } = turn.input {
            tell_items(items.iter().copied(), time_ms, node, |event| self.line(&event))?;
        }
        turn.told
            .iter()
            .try_for_each(|told| self.line(&EventDocument { time_ms, interface: node, event: members(told) }))
    }

    fn line(&mut self, document: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.output, document)?;
        self.output.write_all(b"\n")
    }
}

impl<W: Write> Observer for Trace<W> {
    fn observe(
        &mut self,
        scene: &Scene<'_>,
        at: Instant,
        happening: &Happening<'_>,
    ) -> Result<(), Violation> {
        if self.error.is_none() {
            self.error = self.tell(*scene, at.as_millis(), happening).err();
        }
        Ok(())
    }
}

/// One line, but for what a router told.
#[derive(Serialize)]
struct Line<'a> {
    time: Seconds,
    #[serde(flatten)]
    event: Event<'a>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Event<'a> {
    Sent {
        link: &'a str,
        frame: u64,
        from: &'a str,
        message: Words,
    },
    Lost {
        frame: u64,
        from: &'a str,
        to: &'a str,
        why: &'static str,
    },
    Delivered {
        frame: u64,
        from: &'a str,
        to: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        accepted: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        discarded: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        arrived: Option<Words>,
    },
    Call {
        node: &'a str,
        #[serde(flatten)]
        call: CallWords<'a>,
    },
    Refused {
        node: &'a str,
        #[serde(flatten)]
        call: CallWords<'a>,
        why: &'a str,
    },
    Change {
        #[serde(flatten)]
        what: ChangeWords<'a>,
    },
}

/// What is done with a node. An address of `null` is one that is still tentative.
#[derive(Serialize)]
#[serde(tag = "call", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
enum CallWords<'a> {
    Start { address: Option<Ipv6Addr> },
    Address { address: Option<Ipv6Addr> },
    Up { address: Option<Ipv6Addr> },
    Stop,
    Reconfigure,
    Crash,
    Listen { socket: u32, group: Ipv6Addr, filter_mode: &'static str, sources: &'a [Ipv6Addr] },
}

/// What is done with the world. Probabilities are between 0 and 1, times in seconds.
#[derive(Serialize)]
#[serde(tag = "change", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
enum ChangeWords<'a> {
    Partition {
        link: &'a str,
        apart: Vec<&'a str>,
    },
    Heal {
        link: &'a str,
    },
    Faults {
        link: &'a str,
        delay: [Seconds; 2],
        loss: f64,
        duplicate: f64,
        reorder: f64,
        reorder_delay: Seconds,
        corrupt: f64,
    },
    Jump {
        node: &'a str,
        by: Seconds,
    },
    FaultsOff,
}

impl<'a> From<&'a Call> for CallWords<'a> {
    fn from(call: &'a Call) -> Self {
        match call {
            Call::Up { link_local } => Self::Up { address: *link_local },
            Call::Crash => Self::Crash,
            Call::Listen { socket, group, mode, sources } => {
                Self::Listen { socket: *socket, group: *group, filter_mode: mode.name(), sources }
            }
        }
    }
}

impl<'a> ChangeWords<'a> {
    fn new(scene: Scene<'a>, change: &Change) -> Self {
        let share = |ppm: u32| f64::from(ppm) / 1e6;
        let names = |nodes: &[NodeId]| nodes.iter().map(|node| scene.name(*node)).collect();
        match change {
            Change::Partition { link, apart } => {
                Self::Partition { link: scene.link_name(*link), apart: names(apart) }
            }
            Change::Heal { link } => Self::Heal { link: scene.link_name(*link) },
            Change::Faults { link, faults } => Self::Faults {
                link: scene.link_name(*link),
                delay: [Seconds(faults.delay_ms.0), Seconds(faults.delay_ms.1)],
                loss: share(faults.loss_ppm),
                duplicate: share(faults.duplicate_ppm),
                reorder: share(faults.reorder_ppm),
                reorder_delay: Seconds(faults.reorder_ms),
                corrupt: share(faults.corrupt_ppm),
            },
            Change::Jump { node, by_ms } => Self::Jump { node: scene.name(*node), by: Seconds(*by_ms) },
            Change::FaultsOff => Self::FaultsOff,
        }
    }
}

fn members(told: &Told) -> EventMembers<'_> {
    match told {
        Told::Querier(querier) => EventMembers::Querier(*querier),
        Told::Timeout(group) => EventMembers::Timeout { group: *group },
        Told::Membership { group, members } => {
            let (filter_mode, sources) = match members {
                Some((mode, sources)) => (*mode, &**sources),
                None => (FilterMode::Include, &[][..]),
            };
            EventMembers::Membership { group: *group, has_members: members.is_some(), filter_mode, sources }
        }
        Told::Stopped => EventMembers::Removed,
    }
}
