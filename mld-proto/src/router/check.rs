//! Whether the structures of a router are whole: for tests, fuzzers and simulators.

use super::core::Core;
use super::state::GHOST_LISTED;
use crate::store::{
    GroupFlags, GroupId, GroupSlot, Key, Links, NOWHERE, Shared, SourceFlags, SourceId, SourceSlot, TimerId,
    TimerOf, check_queue, check_ring, ensure,
};

impl Core {
    /// See [`Router::check`](super::Router::check).
    pub(super) fn check_whole(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        self.check_pools(tables)?;
        // What was never used holds anything.
        let used = Shared {
            groups: &tables.groups[..self.group_pool.reach()],
            sources: &tables.sources[..self.source_pool.reach()],
            index: tables.index,
        };
        self.clock.check()?;
        self.election.check(&self.env())?;
        self.check_groups(used)?;
        self.check_wheel(used)?;
        self.check_queues(used)?;
        self.check_ghosts(used)?;
        let groups = groups(used).map(|(id, slot)| (Key::Group(slot.address), id.into()));
        let sources = sources(used).map(|(id, slot)| (Key::Source(slot.group, slot.address), id.into()));
        self.index.check(used, groups.chain(sources))
    }

    fn check_pools(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        self.group_pool.check(
            tables.groups.len(),
            |at| is_free_group(&tables.groups[at]),
            |at| tables.groups[at].event_next.some().map(GroupId::at),
        )?;
        self.source_pool.check(
            tables.sources.len(),
            |at| is_free_source(&tables.sources[at]),
            |at| tables.sources[at].next.some().map(SourceId::at),
        )
    }

    fn check_groups(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        let (mut live_groups, mut live_sources, mut in_rings) = (0, 0, 0);
        for (id, slot) in groups(tables) {
            in_rings += check_ring(tables, id)?;
            let mut live = 0;
            let mut queries_left = slot.queries_left > 0;
            for source in sources_of(tables, slot) {
                self.check_source(slot, source)?;
                live += u32::from(!source.flags.contains(SourceFlags::GHOST));
                queries_left |= source.queries_left > 0;
            }
            ensure(live == slot.source_count, "group: another number of sources than it counts")?;
            let asks = slot.flags.contains(GroupFlags::IN_TRANSMITS) || slot.query_at != 0;
            ensure(asks || !queries_left, "group: Queries are left and nothing has them sent")?;
            self.check_group(slot)?;
            live_groups += u32::from(!slot.flags.contains(GroupFlags::GONE));
            live_sources += live;
        }
        ensure(in_rings == sources(tables).count(), "sources: a source that its group does not know of")?;
        let free_is_bare =
            tables.groups.iter().filter(|slot| is_free_group(slot)).all(|slot| {
                slot.flags.is_empty() && slot.timer_at == NOWHERE && slot.sources == SourceId::NIL
            });
        ensure(free_is_bare, "group: a free slot holds something")?;
        ensure(self.usage.groups == live_groups, "usage: another number of groups than there are")?;
        ensure(self.usage.sources == live_sources, "usage: another number of sources than there are")
    }

    fn check_group(&self, slot: &GroupSlot) -> Result<(), &'static str> {
        let flags = slot.flags;
        ensure(
            !flags.intersects(GroupFlags::FRESH | GroupFlags::MENTIONED),
            "group: a mark of a packet that is over",
        )?;
        ensure(
            flags.contains(GroupFlags::IN_TRANSMITS)
                || !flags.intersects(GroupFlags::ROUND | GroupFlags::QUERY_DUE),
            "group: a Query is due and the group is not on its queue",
        )?;
        ensure(
            slot.queries_left > 0 || !flags.contains(GroupFlags::QUERY_DUE),
            "group: a Query is due and none is left",
        )?;
        ensure(
            flags.contains(GroupFlags::LOWERED) || !flags.contains(GroupFlags::ASKED),
            "group: asked, and the filter timer was not lowered",
        )?;
        if flags.contains(GroupFlags::GONE) {
            ensure(
                slot.source_count == 0 && slot.filter_deadline == 0 && slot.query_at == 0,
                "group: it is gone and has state",
            )?;
            ensure(slot.timer_at == NOWHERE, "group: it is gone and has a timer")?;
            return ensure(
                flags.intersects(GroupFlags::IN_EVENTS | GroupFlags::IN_TRANSMITS),
                "group: it is gone and nothing will free it",
            );
        }
        ensure(!flags.contains(GroupFlags::TIMED_OUT), "group: it timed out and is there")?;
        ensure(slot.source_count > 0 || slot.filter_deadline != 0, "group: it is kept for nobody")?;
        ensure(self.sweep.is_some() || slot.life == self.life, "group: it is of a former life")?;
        self.check_deadline(slot.filter_deadline, slot.timer_at)?;
        // A round that has begun is not waited for.
        let waits = slot.query_at != 0 && !flags.contains(GroupFlags::IN_TRANSMITS);
        ensure(
            !waits || self.clock.wheel().serves(slot.timer_at, slot.query_at),
            "timer: the next round of Queries comes late",
        )
    }

    fn check_source(&self, group: &GroupSlot, slot: &SourceSlot) -> Result<(), &'static str> {
        let flags = slot.flags;
        ensure(!flags.contains(SourceFlags::SEEN), "source: a mark of a record that is over")?;
        ensure(
            !flags.contains(SourceFlags::DUE)
                || slot.queries_left > 0 && group.flags.contains(GroupFlags::IN_TRANSMITS),
            "source: a Query is due that will not be sent",
        )?;
        if flags.contains(SourceFlags::GHOST) {
            ensure(slot.deadline == 0, "source: it is deleted and has a deadline")?;
            return ensure(
                slot.timer_at == GHOST_LISTED || slot.timer_at == NOWHERE && slot.queries_left > 0,
                "source: it is deleted and nothing will free it",
            );
        }
        ensure(slot.timer_at != GHOST_LISTED, "source: it is listed as deleted")?;
        if slot.deadline == 0 {
            ensure(slot.timer_at == NOWHERE, "source: it is blocked and has a timer")?;
            return ensure(group.filter_deadline != 0, "source: it is blocked in include mode");
        }
        self.check_deadline(slot.deadline, slot.timer_at)
    }

    /// A deadline, or 0, and where the timer stands that looks after it.
    fn check_deadline(&self, deadline: u64, timer_at: u16) -> Result<(), &'static str> {
        ensure(
            deadline == 0 || self.clock.wheel().serves(timer_at, deadline),
            "timer: a deadline is missed",
        )?;
        ensure(
            deadline == 0 || deadline > self.clock.expired_through() || self.clock.has_backlog(),
            "timer: a deadline is over and nobody knows",
        )
    }

    fn check_wheel(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        let on_wheel = self.clock.wheel().check(|id| links(tables, id))?;
        let armed = |at: u16| at != NOWHERE && at != GHOST_LISTED;
        let groups = tables.groups.iter().filter(|slot| armed(slot.timer_at)).count();
        let sources = tables.sources.iter().filter(|slot| armed(slot.timer_at)).count();
        ensure(on_wheel == groups + sources, "wheel: a timer is armed and on no list")
    }

    fn check_queues(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        let says = |flag: GroupFlags| move |slot: &GroupSlot| slot.flags.contains(flag);
        check_queue(&self.events, tables.groups, |slot| slot.event_next, says(GroupFlags::IN_EVENTS))?;
        check_queue(&self.transmits, tables.groups, |slot| slot.transmit_next, says(GroupFlags::IN_TRANSMITS))
    }

    fn check_ghosts(&self, tables: Shared<'_>) -> Result<(), &'static str> {
        let listed = tables.sources.iter().filter(|slot| slot.timer_at == GHOST_LISTED).count();
        let (mut next, mut prev, mut count) = (self.ghosts.some(), None, 0);
        while let Some(id) = next {
            let slot = tables.sources.get(id.at()).ok_or("deleted sources: one that does not exist")?;
            ensure(
                slot.flags.contains(SourceFlags::GHOST) && slot.timer_at == GHOST_LISTED,
                "deleted sources: one that is not deleted",
            )?;
            // This also finds lists without end.
            ensure(slot.timer_prev.source() == prev, "deleted sources: a list that is not linked back")?;
            count += 1;
            (prev, next) = (Some(id), slot.timer_next.source());
        }
        ensure(count == listed, "deleted sources: one is missing")
    }
}

const fn is_free_group(slot: &GroupSlot) -> bool {
    slot.address.is_unspecified()
}

fn is_free_source(slot: &SourceSlot) -> bool {
    slot.group == GroupId::NIL
}

fn groups(tables: Shared<'_>) -> impl Iterator<Item = (GroupId, &GroupSlot)> {
    let slots = tables.groups.iter().enumerate().filter(|(_, slot)| !is_free_group(slot));
    slots.map(|(at, slot)| (GroupId::new(at), slot))
}

fn sources(tables: Shared<'_>) -> impl Iterator<Item = (SourceId, &SourceSlot)> {
    let slots = tables.sources.iter().enumerate().filter(|(_, slot)| !is_free_source(slot));
    slots.map(|(at, slot)| (SourceId::new(at), slot))
}

/// The sources of a group whose ring is whole, deleted ones included.
pub(super) fn sources_of<'t>(
    tables: Shared<'t>,
    group: &GroupSlot,
) -> impl Iterator<Item = &'t SourceSlot> + use<'t> {
    let first = group.sources;
    core::iter::successors(first.some(), move |id| {
        tables.sources[id.at()].next.some().filter(|next| *next != first)
    })
    .map(move |id| &tables.sources[id.at()])
}

fn links(tables: Shared<'_>, id: TimerId) -> Option<Links> {
    match id.of() {
        TimerOf::Group(id) => tables.groups.get(id.at()).map(|slot| Links {
            prev: slot.timer_prev,
            next: slot.timer_next,
            at: slot.timer_at,
        }),
        TimerOf::Source(id) => tables.sources.get(id.at()).map(|slot| Links {
            prev: slot.timer_prev,
            next: slot.timer_next,
            at: slot.timer_at,
        }),
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv6Addr;
    use std::vec::Vec;

    use crate::addr::GroupAddr;
    use crate::config::Config;
    use crate::router::Router;
    use crate::store::{
        GroupFlags, GroupId, NOWHERE, Shared, SourceFlags, SourceId, SourceList, TimerId, View,
    };
    use crate::store::{GroupSlot, IndexSlot, SourceSlot, Storage, Tables};
    use crate::time::Instant;
    use crate::wire::RecordType;
    use crate::wire::Writer;

    type Small = Router<Tables<[GroupSlot; 12], [SourceSlot; 16], [IndexSlot; 64]>>;

    const A: GroupAddr = group(1);
    const B: GroupAddr = group(2);
    const C: GroupAddr = group(3);
    const D: GroupAddr = group(4);

    const fn group(number: u16) -> GroupAddr {
        match GroupAddr::new(Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 0, number)) {
            Ok(group) => group,
            Err(_) => panic!("a group that MLD manages"),
        }
    }

    fn source(number: u16) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number)
    }

    fn link_local(number: u16) -> Ipv6Addr {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, number)
    }

    fn report(router: &mut Small, seconds: u64, records: &[(RecordType, GroupAddr, &[u16])]) {
        let mut buffer = [0; 1500];
        let mut writer = Writer::report_v2(&mut buffer).unwrap();
        for (record, group, sources) in records {
            writer.record(*record, group.get()).unwrap();
            for number in *sources {
                writer.source(source(*number)).unwrap();
            }
        }
        let len = writer.finish(link_local(0xa)).len;
        router.handle_packet(Instant::from_millis(seconds * 1000), &buffer[..len]).unwrap();
        assert_eq!(router.check(), Ok(()));
    }

    fn drain(router: &mut Small) {
        let now = router.now();
        while router.poll_transmit(now, &mut [0; 1500]).unwrap().is_some() {}
        while router.poll_event().is_some() {}
        assert_eq!(router.check(), Ok(()));
    }

    /// A querier with something in each structure: free slots, deleted sources, timers, all queues.
    fn busy() -> Small {
        let mut router = Router::new(Config::DEFAULT, Tables::EMPTY, 7);
        router.start(Instant::ZERO, Some(link_local(0x10)));
        drain(&mut router);
        let former: Vec<_> =
            (0x10..0x1c).map(|number| (RecordType::Allow, group(number), &[9][..])).collect();
        report(&mut router, 1, &former);
        drain(&mut router);
        for second in [399, 400] {
            router.handle_timeout(Instant::from_millis(second * 1000));
            drain(&mut router);
        }
        assert_eq!(router.usage().groups, 0);
        report(
            &mut router,
            400,
            &[
                (RecordType::IsEx, A, &[5]),
                (RecordType::Allow, B, &[1, 2]),
                (RecordType::Allow, C, &[3, 4]),
                (RecordType::Allow, D, &[6, 7, 10]),
            ],
        );
        drain(&mut router);
        report(&mut router, 401, &[(RecordType::Block, D, &[6])]);
        drain(&mut router);
        report(
            &mut router,
            401,
            &[
                (RecordType::ToIn, A, &[]),
                (RecordType::Block, B, &[1]),
                (RecordType::IsEx, C, &[]),
                (RecordType::IsEx, B, &[8]),
            ],
        );
        router
    }

    fn id(router: &Small, group: GroupAddr) -> GroupId {
        router.core.index.find_group(shared(&router.tables), group.get()).unwrap()
    }

    fn slot(router: &mut Small, group: GroupAddr) -> &mut GroupSlot {
        let id = id(router, group);
        &mut view(&mut router.tables).groups[id.at()]
    }

    fn source_id(router: &Small, group: GroupAddr, number: u16) -> SourceId {
        let group = id(router, group);
        router.core.index.find_source(shared(&router.tables), group, source(number)).unwrap()
    }

    fn source_slot(router: &mut Small, group: GroupAddr, number: u16) -> &mut SourceSlot {
        let id = source_id(router, group, number);
        &mut view(&mut router.tables).sources[id.at()]
    }

    fn view<T: Storage>(tables: &mut T) -> View<'_> {
        tables.view()
    }

    fn shared<T: Storage>(tables: &T) -> Shared<'_> {
        tables.shared()
    }

    fn free_sources(router: &mut Small) -> impl Iterator<Item = &mut SourceSlot> {
        let reach = router.core.source_pool.reach();
        view(&mut router.tables).sources[..reach].iter_mut().filter(|slot| super::is_free_source(slot))
    }

    fn is_taken(place: &IndexSlot) -> bool {
        std::format!("{place:?}") != std::format!("{:?}", IndexSlot::EMPTY)
    }

    fn free_place(view: &View<'_>) -> usize {
        view.index.iter().position(|place| !is_taken(place)).unwrap()
    }

    fn taken_place(view: &View<'_>) -> usize {
        view.index.iter().position(is_taken).unwrap()
    }

    #[test]
    fn a_router_at_work_is_whole() {
        let mut router = busy();
        assert!(router.core.ghosts.some().is_some());
        assert!(router.core.events.first().is_some() && router.core.transmits.first().is_some());
        drain(&mut router);
        for second in 401..900 {
            router.handle_timeout(Instant::from_millis(second * 1000));
            assert_eq!(router.check(), Ok(()));
        }
    }

    /// What is wrong, and how it comes about.
    type Fault = (&'static str, fn(&mut Small));

    #[test]
    fn every_fault_is_noticed() {
        let faults: &[Fault] = &[
            ("pool: a slot that is in use is free to be taken", |r| {
                let id = id(r, A);
                let next = r.core.group_pool.give(id.at()).map_or(GroupId::NIL, GroupId::new);
                slot(r, A).event_next = next;
            }),
            ("pool: a free slot is lost", |r| {
                assert!(free_sources(r).count() > 1);
                free_sources(r).for_each(|slot| slot.next = SourceId::NIL);
            }),
            ("pool: the free slots do not end", |r| {
                for (at, slot) in view(&mut r.tables).sources.iter_mut().enumerate() {
                    if super::is_free_source(slot) {
                        slot.next = SourceId::new(at);
                    }
                }
            }),
            ("election: General Query overdue", |r| r.core.clock.advance(700_000)),
            ("sources: a ring that is not linked back", |r| {
                let id = source_id(r, D, 6);
                source_slot(r, D, 6).prev = id;
            }),
            ("sources: a source that does not exist", |r| {
                source_slot(r, D, 6).next = SourceId::new(99);
            }),
            ("sources: a source of another group", |r| source_slot(r, D, 6).group = GroupId::new(0)),
            ("sources: a source that its group does not know of", |r| {
                let (group, ghost) = (id(r, C), source_id(r, C, 3));
                SourceList::remove(&mut view(&mut r.tables), group, ghost);
            }),
            ("group: another number of sources than it counts", |r| slot(r, D).source_count += 1),
            ("usage: another number of groups than there are", |r| r.core.usage.groups += 1),
            ("usage: another number of sources than there are", |r| r.core.usage.sources -= 1),
            ("group: a free slot holds something", |r| {
                let mut groups = view(&mut r.tables).groups.iter_mut();
                groups.find(|slot| super::is_free_group(slot)).unwrap().flags = GroupFlags::LOWERED;
            }),
            ("group: a mark of a packet that is over", |r| slot(r, A).flags.insert(GroupFlags::FRESH)),
            ("group: a Query is due and the group is not on its queue", |r| {
                slot(r, A).flags.remove(GroupFlags::IN_TRANSMITS);
            }),
            ("group: Queries are left and nothing has them sent", |r| {
                slot(r, A).flags.remove(GroupFlags::IN_TRANSMITS);
                slot(r, A).query_at = 0;
            }),
            ("group: a Query is due and none is left", |r| {
                slot(r, A).queries_left = 0;
                slot(r, A).flags.insert(GroupFlags::QUERY_DUE);
            }),
            ("group: asked, and the filter timer was not lowered", |r| {
                slot(r, A).flags.remove(GroupFlags::LOWERED);
            }),
            ("group: it is gone and has state", |r| slot(r, C).flags.insert(GroupFlags::GONE)),
            ("group: it timed out and is there", |r| slot(r, C).flags.insert(GroupFlags::TIMED_OUT)),
            ("group: it is kept for nobody", |r| slot(r, C).filter_deadline = 0),
            ("group: it is of a former life", |r| slot(r, C).life += 1),
            ("source: a mark of a record that is over", |r| {
                source_slot(r, D, 6).flags.insert(SourceFlags::SEEN);
            }),
            ("source: a Query is due that will not be sent", |r| {
                source_slot(r, D, 6).flags.insert(SourceFlags::DUE);
            }),
            ("source: it is deleted and has a deadline", |r| source_slot(r, C, 3).deadline = 1),
            ("source: it is deleted and nothing will free it", |r| source_slot(r, C, 3).timer_at = NOWHERE),
            ("source: it is listed as deleted", |r| source_slot(r, C, 3).flags = SourceFlags::empty()),
            ("source: it is blocked and has a timer", |r| source_slot(r, D, 6).deadline = 0),
            ("source: it is blocked in include mode", |r| {
                let id = source_id(r, D, 6);
                r.core.clock.remove(&mut view(&mut r.tables), id.into());
                source_slot(r, D, 6).deadline = 0;
            }),
            ("timer: a deadline is missed", |r| slot(r, C).filter_deadline -= 200_000),
            ("timer: a deadline is missed", |r| {
                let id = source_id(r, D, 7);
                r.core.clock.remove(&mut view(&mut r.tables), id.into());
            }),
            ("timer: a deadline is over and nobody knows", |r| {
                let (id, over) = (id(r, C), r.core.clock.expired_through());
                r.core.clock.remove(&mut view(&mut r.tables), id.into());
                r.core.clock.insert(&mut view(&mut r.tables), id.into(), over);
                slot(r, C).filter_deadline = over;
            }),
            ("timer: the next round of Queries comes late", |r| {
                let id = id(r, D);
                r.core.clock.remove(&mut view(&mut r.tables), id.into());
            }),
            ("wheel: a timer in a slot that it does not know of", |r| slot(r, D).timer_at -= 1),
            ("wheel: a timer is armed and on no list", |r| {
                let view = view(&mut r.tables);
                let id = last_of_a_list(&view);
                let prev = view.sources[id.at()].timer_prev;
                let before = prev.source().unwrap();
                view.sources[before.at()].timer_next = TimerId::NIL;
            }),
            ("wheel: a list that is not linked back", |r| {
                let id = source_id(r, D, 7);
                source_slot(r, D, 7).timer_prev = id.into();
            }),
            ("queue: a group is missing", |r| {
                r.core.events.pop(view(&mut r.tables).groups);
            }),
            ("queue: a group that does not know of it", |r| {
                slot(r, B).flags.remove(GroupFlags::IN_EVENTS);
            }),
            ("queue: it does not end", |r| {
                let first = r.core.events.first().unwrap();
                view(&mut r.tables).group(first).event_next = first;
            }),
            ("queue: another group counts as the last", |r| {
                let mut view = view(&mut r.tables);
                let first = r.core.events.first().unwrap();
                let mut next = view.group(first).event_next.some();
                while let Some(id) = next {
                    view.group(id).flags.remove(GroupFlags::IN_EVENTS);
                    next = view.group(id).event_next.some();
                }
                view.group(first).event_next = GroupId::NIL;
            }),
            ("deleted sources: one is missing", |r| r.core.ghosts = SourceId::NIL),
            ("deleted sources: a list that is not linked back", |r| {
                let first = r.core.ghosts;
                view(&mut r.tables).source(first).timer_prev = first.into();
            }),
            ("deleted sources: one that is not deleted", |r| r.core.ghosts = source_id(r, D, 7)),
            ("index: a key is not found", |r| {
                let view = view(&mut r.tables);
                let at = taken_place(&view);
                view.index[at] = IndexSlot::EMPTY;
            }),
            ("index: a key is not found", |r| slot(r, A).address = group(0x99).get()),
            ("index: a key is found with another slot", |r| slot(r, A).address = B.get()),
            ("index: a place is left over", |r| {
                let view = view(&mut r.tables);
                view.index[free_place(&view)] = view.index[taken_place(&view)];
            }),
            ("index: no place is free, so that a search does not end", |r| {
                let view = view(&mut r.tables);
                let taken = view.index[taken_place(&view)];
                view.index.fill(taken);
            }),
        ];
        for (what, fault) in faults {
            let mut router = busy();
            fault(&mut router);
            assert_eq!(router.check(), Err(*what));
        }
    }

    /// A source whose timer stands behind that of another source.
    fn last_of_a_list(view: &View<'_>) -> SourceId {
        let behind = |slot: &SourceSlot| {
            slot.timer_prev.source().is_some() && slot.timer_next == TimerId::NIL && slot.timer_at < 256
        };
        SourceId::new(view.sources.iter().position(behind).unwrap())
    }
}
