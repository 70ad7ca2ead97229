//! Processing of due events.

use std::rc::Rc;

use mld_proto::Instant;
use mld_proto::router::Item;

use super::observer::{Call, Frame, Happening, Input, Loss, NodeId, Refusal, Told, Turn};
use super::queue::Due;
use super::router::Wake;
use super::violation::Violation;
use super::{Action, Kind, World};

impl World {
    pub(super) fn happen(&mut self, due: Due) {
        match due {
            Due::Act(action) => match &*action {
                // Whoever plans ahead need not know who will be up.
                Action::Host(node, call @ Call::Listen { .. }) if self.is_down(*node) => {
                    self.tell(&Happening::Refused { node: *node, call, why: Refusal::Down });
                }
                action => self.perform(action),
            },
            Due::Arrive { frame, to } => {
                for &to in to.iter() {
                    self.deliver(&frame, to, &frame.packet);
                }
            }
            Due::ArriveAt { frame, to, damaged } => {
                self.deliver(&frame, to, damaged.as_deref().unwrap_or(&frame.packet));
            }
            Due::Wake(node) => self.wake(node),
            Due::Behave(node) => self.behave(node),
            Due::Address { host, stay } => self.confirm_address(host, stay),
        }
    }

    fn is_down(&self, node: NodeId) -> bool {
        matches!(self.nodes.get(node.0 as usize).map(|node| &node.kind), Some(Kind::Host(host)) if !host.is_up)
    }

    fn deliver(&mut self, frame: &Rc<Frame>, to: NodeId, packet: &[u8]) {
        let now = self.now;
        match &mut self.nodes[to.0 as usize].kind {
            Kind::Host(host) if host.is_up => {
                host.stack.packet(now, packet, &mut host.outbox);
                self.counts.deliveries += 1;
                self.tell(&Happening::Delivered { frame, to, packet, verdict: None });
                self.flush_host(to);
            }
            Kind::Router(router) if router.has_power => {
                let local = router.clock.local(now);
                let mut items: Vec<Item> = Vec::new();
                let (mut sent, mut told) = (Vec::new(), Vec::new());
                let (result, refused) = router.packet(local, packet, &mut items);
                let drained = router.drain(local, &mut sent, &mut told);
                self.counts.deliveries += 1;
                self.tell(&Happening::Delivered { frame, to, packet, verdict: Some(result) });
                let input = Input::Packet { packet, result, items: &items, refused };
                self.finish_turn(to, local, &input, sent, &told);
                self.note(drained);
            }
            _ => {
                self.counts.losses += 1;
                self.tell(&Happening::Lost { frame, to, why: Loss::Down });
            }
        }
    }

    fn wake(&mut self, node: NodeId) {
        let now = self.now;
        match &mut self.nodes[node.0 as usize].kind {
            Kind::Router(router) => {
                if router.wake.is_none_or(|wake| wake.at != now) || !router.has_power {
                    return;
                }
                router.wake = None;
                let local = router.clock.local(now);
                if router.engine.poll_timeout().is_none_or(|deadline| deadline > local) {
                    return self.schedule(node);
                }
                let (mut sent, mut told) = (Vec::new(), Vec::new());
                let advanced = router.advance(local, &mut sent, &mut told);
                self.finish_turn(node, local, &Input::Timeout, sent, &told);
                self.note(advanced);
            }
            Kind::Host(host) => {
                if host.wake_at != Some(now) || !host.is_up {
                    return;
                }
                host.wake_at = None;
                if host.stack.next_timeout().is_some_and(|at| at <= now) {
                    host.stack.timeout(now, &mut host.outbox);
                    if host.stack.next_timeout().is_some_and(|at| at <= now) {
                        let name = self.scene().name(node);
                        let text = format!("{name} asks to be called again at once after its timeout");
                        self.fail(Violation::new("progress", text));
                    }
                }
                self.flush_host(node);
            }
        }
    }

    fn behave(&mut self, node: NodeId) {
        let now = self.now;
        let Kind::Host(host) = &mut self.nodes[node.0 as usize].kind else { return };
        let mut calls = Vec::new();
        for at in 0..host.lives.len() {
            if host.lives[at].next() == Some(now) {
                let address = host.own_address();
                calls.extend(host.lives[at].act(now, address));
                if let Some(next) = host.lives[at].next() {
                    self.queue.push(next, Due::Behave(node));
                }
            }
        }
        for call in &calls {
            // Without power no application runs, and there is none to lose; with it there is none to be given.
            if self.is_down(node) == matches!(call, Call::Up { .. }) {
                self.call(node, call);
            }
        }
    }

    /// Shows a router's turn to observers, sends its packets, and plans its next wake-up.
    pub(super) fn finish_turn(
        &mut self,
        node: NodeId,
        local: Instant,
        input: &Input<'_>,
        sent: Vec<Box<[u8]>>,
        told: &[Told],
    ) {
        let link = self.scene().link_of(node);
        let frames: Vec<_> = sent.into_iter().map(|packet| self.frame(node, None, packet)).collect();
        self.tell(&Happening::Turn(&Turn { node, link, local, input: *input, sent: &frames, told }));
        self.schedule(node);
        for frame in &frames {
            self.transmit(frame);
        }
    }

    /// Sends what a host has put out, and sees to its next wake-up.
    pub(super) fn flush_host(&mut self, node: NodeId) {
        let Kind::Host(host) = &mut self.nodes[node.0 as usize].kind else { return };
        let outgoing = if host.outbox.is_empty() { Vec::new() } else { host.outbox.take() };
        self.schedule(node);
        for outgoing in outgoing {
            let frame = self.frame(node, outgoing.link_layer, outgoing.packet);
            self.transmit(&frame);
        }
    }

    /// Calls every observer, even if an earlier one returns a violation.
    pub(super) fn tell(&mut self, happening: &Happening<'_>) {
        if self.observers.is_empty() {
            return;
        }
        let mut observers = core::mem::take(&mut self.observers);
        let scene = self.scene();
        let mut broken = None;
        for observer in &mut observers {
            if let Err(violation) = observer.observe(&scene, self.now, happening) {
                broken.get_or_insert(violation);
            }
        }
        self.observers = observers;
        if let Some(violation) = broken {
            self.fail(violation);
        }
    }

    /// Records a violation. The current event is completed; then the run ends with the first violation.
    pub(super) fn fail(&mut self, violation: Violation) {
        self.broken.get_or_insert(Violation { at: self.now, ..violation });
    }

    /// The same of what may have gone wrong.
    pub(super) fn note(&mut self, done: Result<(), Violation>) {
        if let Err(violation) = done {
            self.fail(violation);
        }
    }

    /// Wakes the node when it next asks for it.
    pub(super) fn schedule(&mut self, node: NodeId) {
        let now = self.now;
        match &mut self.nodes[node.0 as usize].kind {
            Kind::Router(router) if router.has_power => {
                let Some(deadline) = router.engine.poll_timeout() else { return };
                if router.wake.is_some_and(|wake| wake.deadline <= deadline) {
                    return;
                }
                let at = router.clock.wake_at(now, deadline);
                match &mut router.wake {
                    // A late wake-up for this deadline would come after that for a later one.
                    Some(wake) if wake.at <= at => wake.deadline = deadline,
                    wake => {
                        *wake = Some(Wake { deadline, at });
                        self.queue.push(at, Due::Wake(node));
                    }
                }
            }
            Kind::Host(host) if host.is_up => {
                let Some(next) = host.stack.next_timeout() else { return };
                let next = next.max(now);
                if host.wake_at.is_none_or(|wake_at| next < wake_at) {
                    host.wake_at = Some(next);
                    self.queue.push(next, Due::Wake(node));
                }
            }
            _ => {}
        }
    }
}
