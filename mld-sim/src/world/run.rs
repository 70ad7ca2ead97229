//! What happens when something is due.

use std::rc::Rc;

use mld_proto::{Instant, Item};

use super::happening::{Call, Frame, Happening, Input, Loss, NodeId, Told, Turn};
use super::queue::Due;
use super::router::Wake;
use super::{Kind, World};
use crate::judge::Violation;

impl World {
    pub(super) fn happen(&mut self, due: Due) -> Result<(), Violation> {
        match due {
            Due::Act(action) => self.act(&action),
            Due::Arrive { frame, to } => {
                for &to in to.iter() {
                    self.deliver(&frame, to, &frame.packet)?;
                }
                Ok(())
            }
            Due::ArriveAt { frame, to, damaged } => {
                self.deliver(&frame, to, damaged.as_deref().unwrap_or(&frame.packet))
            }
            Due::Wake(node) => self.wake(node),
            Due::Behave(node) => self.behave(node),
        }
    }

    fn deliver(&mut self, frame: &Rc<Frame>, to: NodeId, packet: &[u8]) -> Result<(), Violation> {
        let now = self.now;
        let is_watched = !self.observers.is_empty();
        match &mut self.nodes[to.0 as usize].kind {
            Kind::Host(host) if host.is_up => {
                host.station.packet(now, packet, &mut host.outbox);
                self.counts.deliveries += 1;
                if is_watched {
                    self.tell(&Happening::Delivered { frame, to, packet, verdict: None })?;
                }
                self.flush_host(to)
            }
            Kind::Router(router) if router.has_power => {
                let local = router.clock.local(now);
                let mut items: Vec<Item> = Vec::new();
                let (mut sent, mut told) = (Vec::new(), Vec::new());
                let (result, refused) = router.packet(local, packet, &mut items);
                router.drain(local, &mut sent, &mut told)?;
                self.counts.deliveries += 1;
                if is_watched {
                    self.tell(&Happening::Delivered { frame, to, packet, verdict: Some(result) })?;
                }
                self.finish_turn(
                    to,
                    local,
                    &Input::Packet { packet, result, items: &items, refused },
                    sent,
                    &told,
                )
            }
            _ => {
                self.counts.losses += 1;
                self.tell(&Happening::Lost { frame, to, why: Loss::Down })
            }
        }
    }

    fn wake(&mut self, node: NodeId) -> Result<(), Violation> {
        let now = self.now;
        match &mut self.nodes[node.0 as usize].kind {
            Kind::Router(router) => {
                if router.wake.is_none_or(|wake| wake.at != now) || !router.has_power {
                    return Ok(());
                }
                router.wake = None;
                let local = router.clock.local(now);
                if router.engine.poll_timeout().is_none_or(|deadline| deadline > local) {
                    self.schedule(node);
                    return Ok(());
                }
                let (mut sent, mut told) = (Vec::new(), Vec::new());
                router.advance(local, &mut sent, &mut told)?;
                self.finish_turn(node, local, &Input::Timeout, sent, &told)
            }
            Kind::Host(host) => {
                if host.wake_at != Some(now) || !host.is_up {
                    return Ok(());
                }
                host.wake_at = None;
                if host.station.next_timeout().is_some_and(|at| at <= now) {
                    host.station.timeout(now, &mut host.outbox);
                    if host.station.next_timeout().is_some_and(|at| at <= now) {
                        let name = &self.nodes[node.0 as usize].name;
                        return Err(Violation::new(
                            "progress",
                            format!("{name} wants to be called again at once after its timeout"),
                        ));
                    }
                }
                self.flush_host(node)
            }
        }
    }

    fn behave(&mut self, node: NodeId) -> Result<(), Violation> {
        let now = self.now;
        let Kind::Host(host) = &mut self.nodes[node.0 as usize].kind else { return Ok(()) };
        let mut calls = Vec::new();
        for life in &mut host.lives {
            if life.next() == Some(now) {
                calls.extend(life.act(now, host.link_local));
                if let Some(next) = life.next() {
                    self.queue.push(next, Due::Behave(node));
                }
            }
        }
        for call in &calls {
            // Without power no application runs.
            if matches!(call, Call::Listen { .. }) && !self.scene().is_up(node) {
                continue;
            }
            self.call(node, call)?;
        }
        Ok(())
    }

    /// Tells a router's turn, sends what it sent, and sees to its next wake-up.
    pub(super) fn finish_turn(
        &mut self,
        node: NodeId,
        local: Instant,
        input: &Input<'_>,
        sent: Vec<Box<[u8]>>,
        told: &[Told],
    ) -> Result<(), Violation> {
        let link = self.scene().link_of(node);
        let frames: Vec<_> = sent.into_iter().map(|packet| self.frame(node, None, packet)).collect();
        if !self.observers.is_empty() {
            self.tell(&Happening::Turn(&Turn { node, link, local, input: *input, sent: &frames, told }))?;
        }
        self.schedule(node);
        frames.iter().try_for_each(|frame| self.transmit(frame))
    }

    /// Sends what a host has put out, and sees to its next wake-up.
    pub(super) fn flush_host(&mut self, node: NodeId) -> Result<(), Violation> {
        let Kind::Host(host) = &mut self.nodes[node.0 as usize].kind else { return Ok(()) };
        let outgoing = if host.outbox.is_empty() { Vec::new() } else { host.outbox.take() };
        self.schedule(node);
        for outgoing in outgoing {
            let frame = self.frame(node, outgoing.link_layer, outgoing.packet);
            self.transmit(&frame)?;
        }
        Ok(())
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
                let Some(next) = host.station.next_timeout() else { return };
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
