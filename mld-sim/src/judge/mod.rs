//! Rules for routers and hosts, checked while a world runs.
//!
//! [`Judges`] watch a world and end its run at the first rule that is broken:
//!
//! - `agreement`: the engine does what the [model](crate::model) does.
//! - `cut-off`, `stale-state`, `specific-queries`: what a router must never do.
//! - `host-truth`, `host-version`, `host-answer`, `host-implosion`, `host-change`: what a host must do.
//! - `strict`: every packet is as the standards demand.
//! - `self-check`: the tables, lists and timers of a node are consistent.
//! - `one-querier`, `settled`: once the faults have ended, [`settle`] checks who queries, and that routers know what hosts
//!   want.

mod host;
mod reading;
mod router;
mod settle;

use core::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use mld_proto::Instant;

pub use settle::settle;

use self::host::HostReports;
use self::router::{ForwardingSafety, ModelAgreement};
use crate::world::{Engine, Happening, Input, NodeId, Observer, Scene, Turn, Violation, World};

/// The judges that watch a world.
#[derive(Clone, Debug)]
pub struct Judges(Rc<RefCell<State>>);

impl Judges {
    /// Lets judges watch a world from now on.
    ///
    /// # Panics
    ///
    /// If a node is up already: judges that missed how it learned what it knows would take that for wrong.
    pub fn watch(world: &mut World) -> Self {
        let scene = world.scene();
        if let Some(node) = scene.nodes().find(|node| scene.is_up(*node)) {
            panic!(
                "judges must watch from the beginning, before the world runs or anything is done in it: {} is up already",
                scene.name(node)
            );
        }
        let judges = Self(Rc::default());
        world.observe(judges.clone());
        judges
    }

    /// Judges what can be judged only at the end of a run.
    ///
    /// # Errors
    ///
    /// A rule was broken.
    pub fn finish(&self, world: &World) -> Result<(), Violation> {
        let scene = world.scene();
        let done = scene
            .hosts()
            .try_for_each(|node| self.0.borrow_mut().host(&scene, world.now(), node).map(|_| ()));
        let checked = done.and_then(|()| scene.nodes().try_for_each(|node| self_check(&scene, node)));
        checked.map_err(|violation| Violation { at: world.now(), ..violation })
    }
}

impl Observer for Judges {
    fn observe(
        &mut self,
        scene: &Scene<'_>,
        at: Instant,
        happening: &Happening<'_>,
    ) -> Result<(), Violation> {
        let mut judges = self.0.borrow_mut();
        match *happening {
            Happening::Turn(turn) => judges.turn(scene, turn),
            Happening::Sent { frame } => {
                let name = scene.name(frame.from);
                judges.host(scene, at, frame.from)?.map_or(Ok(()), |reports| {
                    reports.sent(at, frame).map_err(|violation| violation.about(name))
                })
            }
            Happening::Delivered { frame, to, packet, .. } => {
                let is_whole = *packet == *frame.packet && scene.is_honest_host(frame.from);
                judges.reporter = is_whole.then_some(frame.from);
                if let Some(reports) = judges.host(scene, at, to)? {
                    reports.heard(at, packet);
                }
                Ok(())
            }
            Happening::Host { node, call } => {
                let wants = scene.wants(node);
                let (Some(reports), Some(wants)) = (judges.host(scene, at, node)?, wants) else {
                    return Ok(());
                };
                let name = scene.name(node);
                reports.called(at, call, wants).map_err(|violation| violation.about(name))
            }
            _ => Ok(()),
        }
    }
}

/// The judge of each node.
#[derive(Debug, Default)]
struct State {
    agreement: BTreeMap<NodeId, ModelAgreement>,
    safety: BTreeMap<NodeId, ForwardingSafety>,
    /// Routers that run with other settings than those that they started with.
    reconfigured: BTreeSet<NodeId>,
    hosts: BTreeMap<NodeId, HostReports>,
    /// The sender of the frame that arrived last, if it arrived unchanged.
    reporter: Option<NodeId>,
    turns: u64,
}

impl State {
    /// One of so many turns of routers and events at hosts is followed by a check of the node's structures.
    const SELF_CHECK: u64 = 16;

    fn turn(&mut self, scene: &Scene<'_>, turn: &Turn<'_>) -> Result<(), Violation> {
        let Some(engine) = scene.engine(turn.node) else { return Ok(()) };
        if self.leaves_alone(turn, engine) {
            return Ok(());
        }
        let name = scene.name(turn.node);
        let agreement =
            self.agreement.entry(turn.node).or_insert_with(|| ModelAgreement::new(engine.config()));
        agreement.turn(turn, engine).map_err(|violation| violation.about(name))?;
        let reporter = self.reporter.take().filter(|_| matches!(turn.input, Input::Packet { .. }));
        let safety = self.safety.entry(turn.node).or_default();
        safety.turn(turn, reporter, scene, engine, agreement).map_err(|violation| violation.about(name))?;
        self.self_check(scene, turn.node)
    }

    /// Checks the structures of a node now and then.
    fn self_check(&mut self, scene: &Scene<'_>, node: NodeId) -> Result<(), Violation> {
        self.turns += 1;
        if self.turns.is_multiple_of(Self::SELF_CHECK) { self_check(scene, node) } else { Ok(()) }
    }

    /// True if a router runs with other settings than those that it started with, which the model does not know.
    fn leaves_alone(&mut self, turn: &Turn<'_>, engine: &Engine) -> bool {
        if let Input::Reconfigure = turn.input {
            self.agreement.remove(&turn.node);
            self.safety.remove(&turn.node);
            self.reconfigured.insert(turn.node);
        }
        let is_left_alone = self.reconfigured.contains(&turn.node);
        if !engine.is_running() {
            self.reconfigured.remove(&turn.node);
        }
        is_left_alone
    }

    fn host(
        &mut self,
        scene: &Scene<'_>,
        at: Instant,
        node: NodeId,
    ) -> Result<Option<&mut HostReports>, Violation> {
        if !scene.is_honest_host(node) {
            return Ok(None);
        }
        let Some(settings) = scene.settings(node) else { return Ok(None) };
        self.self_check(scene, node)?;
        let reports = self.hosts.entry(node).or_insert_with(|| HostReports::new(settings));
        reports.check(at).map_err(|violation| violation.about(scene.name(node)))?;
        Ok(Some(reports))
    }
}

fn self_check(scene: &Scene<'_>, node: NodeId) -> Result<(), Violation> {
    let checked = scene.check(node);
    checked.map_err(|text| Violation::new("self-check", format!("{}: {text}", scene.name(node))))
}
