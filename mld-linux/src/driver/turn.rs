//! One turn of a driver: packets, timers, transmissions and events, each within bounds.

use core::mem::take;
use core::net::Ipv6Addr;
use std::io;
use std::os::fd::AsFd;

use mld_proto::{Discard, Event, Instant, Transmit};
use rustix::event::{Timespec, epoll};

use super::{Driver, Sink, Unsent};
use crate::sender::Sender;
use crate::sys::FrameInfo;
use crate::{Error, Notice, Told, What};

/// What may still be done in a turn.
#[derive(Debug)]
pub(super) struct Budget {
    packets: u32,
    steps: u32,
    events: u32,
}

/// Which descriptors have something.
#[derive(Debug, Default)]
struct Readable {
    receiver_failed: bool,
    watch: bool,
}

impl Driver {
    /// Does what is to be done now, and no more than a bounded amount of it: follows the interface, reads packets,
    /// ends timers, sends, and tells what happened. A call without need does no harm. At the end the engine's
    /// [`now`](mld_proto::Router::now) is the present moment, unless work is left.
    ///
    /// Timers are ended one deadline after the other and packets handled by their time of arrival, so that each
    /// event bears the moment at which it happened, however late the call.
    ///
    /// # Errors
    ///
    /// What the system refused that the driver cannot do without. The driver is to be removed then. That a message
    /// cannot be sent is no error: it is counted.
    pub fn ready(&mut self, sink: &mut Sink<'_>) -> Result<(), Error> {
        if self.sockets.is_none() {
            return Ok(());
        }
        let now = self.moment();
        self.more = false;
        let readable = self.readable().map_err(|source| Error::system(&self.interface, "wait", source))?;
        if readable.watch || !self.begun {
            self.follow(now, sink)?;
        }
        self.offer_again(now, sink);
        let mut budget = Budget::TURN;
        let done = self.packets(now, &mut budget, sink) && self.advance(now, &mut budget, sink);
        self.more = !done;
        if done && self.router.is_running() {
            // Nothing is due: it only lets those who read the engine read it as of now.
            self.router.handle_timeout(now);
        }
        if readable.receiver_failed
            && let Some(sockets) = &self.sockets
        {
            sockets.receiver.clear_error();
        }
        self.tell_lost(now, sink);
        Ok(())
    }

    /// The present moment, not before any that the engine knows.
    pub(super) fn moment(&mut self) -> Instant {
        self.clock.refresh();
        self.clock.now().max(self.router.now())
    }

    /// Does everything that is due, whatever it takes.
    pub(super) fn settle(&mut self, now: Instant, sink: &mut Sink<'_>) {
        let mut budget = Budget::UNBOUNDED;
        self.advance(now, &mut budget, sink);
    }

    /// Stops the engine and tells that each group has no members (R-ELE-12).
    pub(super) fn forget(&mut self, now: Instant, sink: &mut Sink<'_>) {
        self.drop_unsent();
        self.router.stop(now);
        self.settle(now, sink);
    }

    /// Closes what can send.
    pub(super) fn silence(&mut self) {
        self.drop_unsent();
        if let Some(sockets) = &mut self.sockets {
            sockets.sender = None;
            sockets.groups = None;
        }
    }

    pub(super) fn tell(&self, at: Instant, what: What<'_>, sink: &mut Sink<'_>) {
        let unix_ms = self.clock.unix_ms(at);
        sink(Told { interface: &self.interface, router: &self.router, at, unix_ms, what });
    }

    /// Handles what has arrived, up to the budget (R-SEC-10). Returns whether nothing is left to read.
    fn packets(&mut self, now: Instant, budget: &mut Budget, sink: &mut Sink<'_>) -> bool {
        loop {
            let Some(sockets) = &mut self.sockets else { return true };
            let Some((_, info)) = sockets.receiver.peek() else { return true };
            if budget.packets == 0 {
                return false;
            }
            budget.packets -= 1;
            let at = match info.arrival_ns {
                0 => now,
                arrival_ns => self.clock.instant_of_unix_ns(arrival_ns).max(self.router.now()).min(now),
            };
            // A deadline of the very moment is alive while the packet is handled.
            let before = Instant::from_millis(at.as_millis().saturating_sub(1));
            if !self.advance(before, budget, sink) {
                return false;
            }
            self.packet(at, info, sink);
        }
    }

    fn packet(&mut self, at: Instant, info: FrameInfo, sink: &mut Sink<'_>) {
        let Some(sockets) = &mut self.sockets else { return };
        let Some((packet, _)) = sockets.receiver.peek() else { return };
        self.counters.frames += 1;
        match Origin::of(packet, info) {
            Origin::OtherVlan => self.router.stats_mut().count_discard(Discard::OtherVlan),
            Origin::OtherHost => self.counters.other_host += 1,
            Origin::Link => {
                let partial = info.status & libc::TP_STATUS_CSUMNOTREADY != 0;
                self.counters.checksum_partial += u64::from(partial);
                let verified = partial || info.status & libc::TP_STATUS_CSUM_VALID != 0;
                let accepted = match verified {
                    true => self.router.handle_verified_packet(at, packet),
                    false => self.router.handle_packet(at, packet),
                };
                // A packet that was not accepted has been counted.
                if let Ok(items) = accepted {
                    self.items.extend(items);
                }
            }
        }
        sockets.receiver.consume();
        let mut items = take(&mut self.items);
        for item in items.drain(..) {
            self.tell(at, What::Item(item), sink);
        }
        self.items = items;
        self.transmit(at, sink);
        while let Some(event) = self.router.poll_event() {
            self.tell(at, What::Event(event), sink);
        }
    }

    /// Ends the timers up to `last`, each instant apart: sends what is due at it and tells its events in order.
    /// Returns whether nothing is left.
    fn advance(&mut self, last: Instant, budget: &mut Budget, sink: &mut Sink<'_>) -> bool {
        loop {
            if !self.tell_pending(budget, sink) {
                return false;
            }
            let Some(deadline) = self.router.poll_timeout().filter(|deadline| *deadline <= last) else {
                return true;
            };
            if budget.steps == 0 {
                return false;
            }
            budget.steps -= 1;
            let blocked = self.unsent.is_some();
            // While output waits for room in a queue, the engine does not say what is due next: end all of it.
            let at = if blocked { last } else { deadline.max(self.pending.at) };
            self.router.handle_timeout(at);
            self.transmit(at, sink);
            self.pending.at = at;
            while let Some(event) = self.router.poll_event() {
                if event != Event::Stopped {
                    self.pending.events.push_back(event);
                }
            }
            self.pending.whole = blocked || self.router.poll_timeout().is_none_or(|next| next > at);
            if self.pending.whole {
                self.pending.sort();
            }
            if blocked {
                return self.tell_pending(budget, sink);
            }
        }
    }

    /// Tells the events of an instant once they are all known. Returns whether it told all that it may.
    fn tell_pending(&mut self, budget: &mut Budget, sink: &mut Sink<'_>) -> bool {
        while self.pending.whole
            && let Some(event) = self.pending.events.pop_front()
        {
            self.tell(self.pending.at, What::Event(event), sink);
            budget.events = budget.events.saturating_sub(1);
            if budget.events == 0 {
                return self.pending.events.is_empty();
            }
        }
        true
    }

    /// Sends what the engine has to send, until there is no room for more.
    fn transmit(&mut self, at: Instant, sink: &mut Sink<'_>) {
        for _ in 0..TRANSMITS_PER_STEP {
            if self.unsent.is_some() {
                return;
            }
            match self.router.poll_transmit(at, &mut self.buffer) {
                Ok(Some(transmit)) => self.send(transmit, sink),
                Ok(None) => return,
                Err(small) => self.buffer = vec![0; small.needed].into(),
            }
        }
    }

    fn send(&mut self, transmit: Transmit, sink: &mut Sink<'_>) {
        let message = &self.buffer[transmit.message()];
        let address = self.router.link_local();
        let sent = match &mut self.sockets {
            Some(sockets) => sender(&mut sockets.sender, self.link.index, address)
                .and_then(|sender| sender.send(message, transmit.destination)),
            None => Err(io::ErrorKind::NotConnected.into()),
        };
        match sent {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let unsent = Unsent { message: transmit.message(), destination: transmit.destination };
                self.unsent = Some(unsent);
                self.watch_sender(true);
            }
            sent => self.count_sent(sent, sink),
        }
    }

    /// Offers the message that waits once more.
    fn offer_again(&mut self, now: Instant, sink: &mut Sink<'_>) {
        let (Some(unsent), Some(sockets)) = (&self.unsent, &self.sockets) else { return };
        let sent = match &sockets.sender {
            Some(sender) => sender.send(&self.buffer[unsent.message.clone()], unsent.destination),
            None => Err(io::ErrorKind::NotConnected.into()),
        };
        if !sent.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            self.drop_unsent();
            self.counters.sent_late += u64::from(sent.is_ok());
            self.count_sent(sent, sink);
            self.transmit(now, sink);
        }
    }

    fn count_sent(&mut self, sent: io::Result<()>, sink: &mut Sink<'_>) {
        let Err(error) = sent else {
            self.send_failure = None;
            return;
        };
        self.counters.send_failed += 1;
        // A socket that failed may be bound to what is gone: the next message gets a new one.
        if let Some(sockets) = &mut self.sockets {
            sockets.sender = None;
        }
        let reason = error.raw_os_error();
        if self.send_failure.replace(reason) != Some(reason) {
            let notice = Notice::SendFailed(error);
            self.tell(self.router.now(), What::Notice(&notice), sink);
        }
    }

    pub(super) fn drop_unsent(&mut self) {
        if self.unsent.take().is_some() {
            self.watch_sender(false);
        }
    }

    fn watch_sender(&self, watch: bool) {
        let Some(sender) = self.sockets.as_ref().and_then(|sockets| sockets.sender.as_ref()) else { return };
        // Were it to fail, the message would be offered again when the driver is called next.
        let _ = match watch {
            true => epoll::add(
                &self.epoll,
                sender.as_fd(),
                epoll::EventData::new_u64(SENDER),
                epoll::EventFlags::OUT,
            ),
            false => epoll::delete(&self.epoll, sender.as_fd()),
        };
    }

    fn readable(&self) -> io::Result<Readable> {
        let none = epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) };
        let mut events = [none; 3];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let count = match epoll::wait(&self.epoll, &mut events[..], Some(&now)) {
            Ok(count) => count,
            Err(rustix::io::Errno::INTR) => 0,
            Err(error) => return Err(error.into()),
        };
        let mut readable = Readable::default();
        for event in &events[..count] {
            let flags = event.flags;
            match event.data.u64() {
                super::RECEIVER => readable.receiver_failed = flags.contains(epoll::EventFlags::ERR),
                super::WATCH => readable.watch = true,
                _ => {}
            }
        }
        Ok(readable)
    }

    fn tell_lost(&mut self, now: Instant, sink: &mut Sink<'_>) {
        let Some(sockets) = &mut self.sockets else { return };
        if !sockets.receiver.take_losing() {
            return;
        }
        let lost = sockets.receiver.lost();
        let since = lost - self.frames_lost_told;
        self.frames_lost_told = lost;
        if since > 0 {
            self.tell(now, What::Notice(&Notice::FramesLost(since)), sink);
        }
    }
}

impl Budget {
    const TURN: Self = Self { packets: 256, steps: 64, events: 1024 };
    const UNBOUNDED: Self = Self { packets: u32::MAX, steps: u32::MAX, events: u32::MAX };
}

/// Where a frame belongs.
enum Origin {
    Link,
    OtherVlan,
    OtherHost,
}

impl Origin {
    fn of(packet: &[u8], info: FrameInfo) -> Self {
        let tagged = info.status & libc::TP_STATUS_VLAN_VALID != 0;
        if tagged && info.vlan_tci & VLAN_ID != 0 {
            return Self::OtherVlan;
        }
        if info.packet_type != libc::PACKET_OTHERHOST {
            return Self::Link;
        }
        // The kernel calls a frame so that bears a VLAN which nobody here has, and has taken the tag off; or one
        // for another station's address, which a multicast packet never is.
        match packet.get(DESTINATION) {
            Some(0xff) => Self::OtherVlan,
            _ => Self::OtherHost,
        }
    }
}

/// The socket to send from `address`, opened if need be.
fn sender(slot: &mut Option<Sender>, index: u32, address: Option<Ipv6Addr>) -> io::Result<&Sender> {
    let address = address.ok_or(io::ErrorKind::AddrNotAvailable)?;
    let open = match slot.take() {
        Some(sender) if sender.address() == address => sender,
        _ => Sender::open(index, address)?,
    };
    Ok(slot.insert(open))
}

const TRANSMITS_PER_STEP: usize = 64;
const SENDER: u64 = 2;
const VLAN_ID: u16 = 0x0fff;
/// Where the destination begins in an IPv6 header.
const DESTINATION: usize = 24;
