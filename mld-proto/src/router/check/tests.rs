use core::net::Ipv6Addr;
use std::vec::Vec;

use crate::addr::GroupAddr;
use crate::config::Config;
use crate::inspect::Inspect;
use crate::router::Router;
use crate::store::{
    GroupFlags, GroupId, GroupSlot, IndexSlot, NOWHERE, Shared, SourceFlags, SourceId, SourceList,
    SourceSlot, Storage, Tables, TimerId, View,
};
use crate::time::Instant;
use crate::wire::{RecordType, Writer};

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
    let former: Vec<_> = (0x10..0x1c).map(|number| (RecordType::Allow, group(number), &[9][..])).collect();
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
    assert!(router.core.tombstones.some().is_some());
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
        ("pool: a used slot is on the free list", |r| {
            let id = id(r, A);
            let next = r.core.group_pool.give(id.at()).map_or(GroupId::NIL, GroupId::new);
            slot(r, A).event_next = next;
        }),
        ("pool: a free slot is on no list", |r| {
            assert!(free_sources(r).count() > 1);
            free_sources(r).for_each(|slot| slot.next = SourceId::NIL);
        }),
        ("pool: endless list of free slots", |r| {
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
        ("sources: source missing from the list of its group", |r| {
            let (group, tombstone) = (id(r, C), source_id(r, C, 3));
            SourceList::remove(&mut view(&mut r.tables), group, tombstone);
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
        ("group: Queries are left, but none is scheduled", |r| {
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
        ("group: deleted, with state", |r| slot(r, C).flags.insert(GroupFlags::GONE)),
        ("group: marked as timed out, but present", |r| slot(r, C).flags.insert(GroupFlags::TIMED_OUT)),
        ("group: empty and in include mode", |r| slot(r, C).filter_deadline = 0),
        ("group: it is of a former generation", |r| slot(r, C).generation += 1),
        ("source: a mark of a record that is over", |r| {
            source_slot(r, D, 6).flags.insert(SourceFlags::SEEN);
        }),
        ("source: a Query is due, but its group is not scheduled", |r| {
            source_slot(r, D, 6).flags.insert(SourceFlags::DUE);
        }),
        ("source: deleted, with a deadline", |r| source_slot(r, C, 3).deadline = 1),
        ("source: deleted, and on no list that frees it", |r| source_slot(r, C, 3).timer_at = NOWHERE),
        ("source: on the list of deleted sources, but present", |r| {
            source_slot(r, C, 3).flags = SourceFlags::empty()
        }),
        ("source: blocked, with a timer", |r| source_slot(r, D, 6).deadline = 0),
        ("source: blocked in include mode", |r| {
            let id = source_id(r, D, 6);
            r.core.clock.remove(&mut view(&mut r.tables), id.into());
            source_slot(r, D, 6).deadline = 0;
        }),
        ("timer: armed later than the deadline", |r| slot(r, C).filter_deadline -= 200_000),
        ("timer: armed later than the deadline", |r| {
            let id = source_id(r, D, 7);
            r.core.clock.remove(&mut view(&mut r.tables), id.into());
        }),
        ("timer: expired but `backlog` is unset", |r| {
            let (id, over) = (id(r, C), r.core.clock.expired_through());
            r.core.clock.remove(&mut view(&mut r.tables), id.into());
            r.core.clock.insert(&mut view(&mut r.tables), id.into(), over);
            slot(r, C).filter_deadline = over;
        }),
        ("timer: armed later than the next round of Queries", |r| {
            let id = id(r, D);
            r.core.clock.remove(&mut view(&mut r.tables), id.into());
        }),
        ("wheel: timer linked in another slot than it names", |r| slot(r, D).timer_at -= 1),
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
        ("queue: group lacks its queue flag", |r| {
            slot(r, B).flags.remove(GroupFlags::IN_EVENTS);
        }),
        ("queue: endless", |r| {
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
        ("deleted sources: one is missing", |r| r.core.tombstones = SourceId::NIL),
        ("deleted sources: a list that is not linked back", |r| {
            let first = r.core.tombstones;
            view(&mut r.tables).source(first).timer_prev = first.into();
        }),
        ("deleted sources: one that is not deleted", |r| r.core.tombstones = source_id(r, D, 7)),
        ("index: a key is not found", |r| {
            let view = view(&mut r.tables);
            let at = taken_place(&view);
            view.index[at] = IndexSlot::EMPTY;
        }),
        ("index: a key is not found", |r| slot(r, A).address = group(0x99).get()),
        ("index: a key is found with another slot", |r| slot(r, A).address = B.get()),
        ("index: stale entry", |r| {
            let view = view(&mut r.tables);
            view.index[free_place(&view)] = view.index[taken_place(&view)];
        }),
        ("index: full, a search would not end", |r| {
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
