//! Who judges what happens in a world.
//!
//! [`Judges`] watch a world and end its run at the first rule that is broken. Each rule stands beside the code that judges
//! it: whether the engine does what the [model](crate::model) does (`agreement`), what a router must never do (`cut-off`,
//! `ghost`, `specific-queries`), what a host must do (`host-truth`, `host-version`, `host-answer`,
//! `host-implosion`, `host-change`), that
//! every packet is as the standards want it (`strict`), that tables, lists and wheel are in order (`self-check`). Once
//! faults have ended, [`settle`] tells whether routers know what hosts want, and who queries (`one-querier`, `settled`).

mod host;
mod reading;
mod router;
mod settle;

use core::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use mld_proto::Instant;

pub use settle::settle;

use self::host::Duties;
use self::router::{Books, Twin};
use crate::world::{Engine, Happening, Input, NodeId, Observer, Scene, Turn, Violation, World};

/// Every judge of a world.
#[derive(Debug, Default)]
pub struct Judges {
    twins: BTreeMap<NodeId, Twin>,
    books: BTreeMap<NodeId, Books>,
    /// Routers that run under other settings than those that they started with.
    reconfigured: BTreeSet<NodeId>,
    hosts: BTreeMap<NodeId, Duties>,
    /// Whose frame arrived last, if it arrived as it was sent.
    reporter: Option<NodeId>,
    turns: u64,
}

/// Judges that watch a world.
#[derive(Clone, Debug)]
pub struct Bench(Rc<RefCell<Judges>>);

impl Judges {
    /// Every how many turns of routers and events at hosts one is checked from the inside.
    const SELF_CHECK: u64 = 16;

    /// Lets judges watch a world from now on.
    ///
    /// # Panics
    ///
    /// If a node is up already: judges that missed how a router or host came to what it knows would take that for wrong.
    pub fn watch(world: &mut World) -> Bench {
        let scene = world.scene();
        if let Some(node) = scene.nodes().find(|node| scene.is_up(*node)) {
            panic!(
                "judges must watch from the beginning, before the world runs or anything is done in it: {} is up already",
                scene.name(node)
            );
        }
        let judges = Rc::new(RefCell::new(Self::default()));
        world.observe(Bench(Rc::clone(&judges)));
        Bench(judges)
    }

    fn turn(&mut self, scene: &Scene<'_>, turn: &Turn<'_>) -> Result<(), Violation> {
        let Some(engine) = scene.engine(turn.node) else { return Ok(()) };
        if self.leaves_alone(turn, engine) {
            return Ok(());
        }
        let name = scene.name(turn.node);
        let twin = self.twins.entry(turn.node).or_insert_with(|| Twin::new(engine.config()));
        twin.turn(turn, engine).map_err(|violation| violation.about(name))?;
        let reporter = self.reporter.take().filter(|_| matches!(turn.input, Input::Packet { .. }));
        let books = self.books.entry(turn.node).or_default();
        books.turn(turn, reporter, scene, engine, twin).map_err(|violation| violation.about(name))?;
        self.self_check(scene, turn.node)
    }

    /// Looks into a node now and then.
    fn self_check(&mut self, scene: &Scene<'_>, node: NodeId) -> Result<(), Violation> {
        self.turns += 1;
        if self.turns.is_multiple_of(Self::SELF_CHECK) { self_check(scene, node) } else { Ok(()) }
    }

    /// Whether a router runs under other settings than those that it started with, of which the model knows nothing.
    fn leaves_alone(&mut self, turn: &Turn<'_>, engine: &Engine) -> bool {
        if let Input::Reconfigure = turn.input {
            self.twins.remove(&turn.node);
            self.books.remove(&turn.node);
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
    ) -> Result<Option<&mut Duties>, Violation> {
        if !scene.is_honest_host(node) {
            return Ok(None);
        }
        let Some(settings) = scene.settings(node) else { return Ok(None) };
        self.self_check(scene, node)?;
        let duties = self.hosts.entry(node).or_insert_with(|| Duties::new(settings));
        duties.check(at).map_err(|violation| violation.about(scene.name(node)))?;
        Ok(Some(duties))
    }
}

fn self_check(scene: &Scene<'_>, node: NodeId) -> Result<(), Violation> {
    let checked = scene.check(node);
    checked.map_err(|text| Violation::new("self-check", format!("{}: {text}", scene.name(node))))
}

impl Bench {
    /// What is left to be judged at the end of a run.
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

impl Observer for Bench {
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
                judges.host(scene, at, frame.from)?.map_or(Ok(()), |duties| {
                    duties.sent(at, frame).map_err(|violation| violation.about(name))
                })
            }
            Happening::Delivered { frame, to, packet, .. } => {
                let is_whole = *packet == *frame.packet && scene.is_honest_host(frame.from);
                judges.reporter = is_whole.then_some(frame.from);
                if let Some(duties) = judges.host(scene, at, to)? {
                    duties.heard(at, packet);
                }
                Ok(())
            }
            Happening::Host { node, call } => {
                let wants = scene.wants(node);
                let (Some(duties), Some(wants)) = (judges.host(scene, at, node)?, wants) else {
                    return Ok(());
                };
                let name = scene.name(node);
                duties.called(at, call, wants).map_err(|violation| violation.about(name))
            }
            _ => Ok(()),
        }
    }
}
