//! Who is told what, in which order.

use std::collections::{BTreeMap, HashMap, VecDeque};

use mld_proto::router::Item;
use mld_proto::{Event, GroupAddr};

use super::{InterfaceEvent, SubscriptionId};
use crate::{InterfaceRouter, Told, What};

/// The closure of a subscriber.
pub(super) enum Call {
    Interest(Box<dyn FnMut(bool) + Send>),
    Events(Box<dyn FnMut(InterfaceEvent) + Send>),
}

/// The subscribers of an interface, and what they have not heard yet.
#[derive(Default)]
pub(super) struct Hub {
    last_id: u64,
    subscribers: BTreeMap<SubscriptionId, Subscriber>,
    /// Of each group those who want to know whether it has members.
    interested: HashMap<GroupAddr, Vec<SubscriptionId>>,
    waiting: VecDeque<(SubscriptionId, News)>,
}

struct Subscriber {
    about: About,
    /// `None` while it is called.
    call: Option<Call>,
}

#[derive(Clone, Copy)]
enum About {
    /// The group, and what was told last of it.
    Group(GroupAddr, bool),
    Interface,
}

#[derive(Clone, Copy)]
enum News {
    Interest(bool),
    Event(InterfaceEvent),
}

/// A call to be made.
pub(super) struct Delivery {
    id: SubscriptionId,
    news: News,
    call: Call,
}

impl Delivery {
    /// Calls the subscriber.
    pub(super) fn make(&mut self) {
        match (&mut self.call, self.news) {
            (Call::Interest(call), News::Interest(has_members)) => call(has_members),
            (Call::Events(call), News::Event(event)) => call(event),
            _ => unreachable!("news are those that the subscription is about"),
        }
    }
}

impl Hub {
    pub(super) fn add_interest(
        &mut self,
        group: GroupAddr,
        router: &InterfaceRouter,
        call: Box<dyn FnMut(bool) + Send>,
    ) -> SubscriptionId {
        let present = router.group(group).is_some();
        let id = self.add(About::Group(group, present), Call::Interest(call));
        self.interested.entry(group).or_default().push(id);
        self.waiting.push_back((id, News::Interest(present)));
        id
    }

    pub(super) fn add_events(
        &mut self,
        router: &InterfaceRouter,
        call: Box<dyn FnMut(InterfaceEvent) + Send>,
    ) -> SubscriptionId {
        let id = self.add(About::Interface, Call::Events(call));
        let mut groups: Vec<_> = router.groups().map(|group| group.address()).collect();
        groups.sort_unstable();
        let members = groups.into_iter().map(|group| InterfaceEvent::Membership { group, has_members: true });
        let present = core::iter::once(InterfaceEvent::Querier(router.querier())).chain(members);
        self.waiting.extend(present.map(|event| (id, News::Event(event))));
        id
    }

    /// Ends a subscription; the closure is there unless it is being called.
    pub(super) fn take(&mut self, id: SubscriptionId) -> Option<Option<Call>> {
        let subscriber = self.subscribers.remove(&id)?;
        if let About::Group(group, _) = subscriber.about
            && let Some(ids) = self.interested.get_mut(&group)
        {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                self.interested.remove(&group);
            }
        }
        Some(subscriber.call)
    }

    /// Notes what the driver told for all whom it concerns.
    pub(super) fn told(&mut self, told: &Told<'_>) {
        let event = match told.what {
            What::Item(Item::Report { group, reporter, record }) => {
                InterfaceEvent::Report { group, reporter, record }
            }
            What::Item(Item::Done { group, reporter }) => InterfaceEvent::Done { group, reporter },
            What::Event(Event::Querier) => InterfaceEvent::Querier(told.router.querier()),
            What::Event(Event::Timeout(group)) => InterfaceEvent::Timeout { group },
            What::Event(Event::Membership(group)) => {
                let has_members = told.router.group(group).is_some();
                self.note_interest(group, has_members);
                InterfaceEvent::Membership { group, has_members }
            }
            What::Removed => InterfaceEvent::Removed,
            _ => return,
        };
        for (id, subscriber) in &self.subscribers {
            if let About::Interface = subscriber.about {
                self.waiting.push_back((*id, News::Event(event)));
            }
        }
    }

    pub(super) fn has_next(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The next call; those to subscribers that have gone fall away.
    pub(super) fn next(&mut self) -> Option<Delivery> {
        while let Some((id, news)) = self.waiting.pop_front() {
            let subscriber = self.subscribers.get_mut(&id);
            if let Some(call) = subscriber.and_then(|subscriber| subscriber.call.take()) {
                return Some(Delivery { id, news, call });
            }
        }
        None
    }

    /// Takes the closure back after its call, or returns it if it unsubscribed meanwhile.
    pub(super) fn put_back(&mut self, delivery: Delivery) -> Option<Call> {
        match self.subscribers.get_mut(&delivery.id) {
            Some(subscriber) => {
                subscriber.call = Some(delivery.call);
                None
            }
            None => Some(delivery.call),
        }
    }

    fn add(&mut self, about: About, call: Call) -> SubscriptionId {
        self.last_id += 1;
        let id = SubscriptionId(self.last_id);
        self.subscribers.insert(id, Subscriber { about, call: Some(call) });
        id
    }

    fn note_interest(&mut self, group: GroupAddr, has_members: bool) {
        let Some(ids) = self.interested.get(&group) else { return };
        for id in ids {
            // A changed filter mode or source is no change of the interest.
            if let Some(Subscriber { about: About::Group(_, last), .. }) = self.subscribers.get_mut(id)
                && *last != has_members
            {
                *last = has_members;
                self.waiting.push_back((*id, News::Interest(has_members)));
            }
        }
    }
}
