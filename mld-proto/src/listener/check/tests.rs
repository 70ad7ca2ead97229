use core::net::Ipv6Addr;
use std::vec::Vec;

use super::*;
use crate::event::FilterMode;
use crate::inspect::Inspect;
use crate::listener::tables::{Storage, View};
use crate::listener::{Config, Listener, Socket, Tables};
use crate::store::{Index, IndexSlot, Ring};
use crate::time::{Instant, LATEST};
use crate::wire::{MessageKind, QueryFields, QueryFlags, Writer};

type Small = Listener<Tables<[GroupSlot; 8], [FilterSlot; 9], [SourceSlot; 32], [IndexSlot; 64]>>;

const A: Ipv6Addr = group(1);
const B: Ipv6Addr = group(2);
const C: Ipv6Addr = group(3);
const D: Ipv6Addr = group(4);
const E: Ipv6Addr = group(5);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

const fn group(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 0, number)
}

fn source(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number)
}

fn link_local(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, number)
}

fn listen(listener: &mut Small, socket: u32, group: Ipv6Addr, mode: FilterMode, numbers: &[u16]) {
    let sources: Vec<Ipv6Addr> = numbers.iter().copied().map(source).collect();
    let now = Instant::from_millis(listener.core.clock.now());
    assert_eq!(listener.listen(now, Socket(socket), group, mode, &sources), Ok(()));
    assert_eq!(listener.check(), Ok(()));
}

fn query(listener: &mut Small, group: Ipv6Addr, millis: u16, numbers: &[u16]) {
    let fields = QueryFields {
        group,
        response_code: millis,
        flags: QueryFlags::empty(),
        robustness: 2,
        interval_code: 125,
    };
    let mut buffer = [0; 200];
    let mut writer = Writer::query_v2(&mut buffer, fields).unwrap();
    for number in numbers {
        writer.source(source(*number)).unwrap();
    }
    let len = writer.finish(link_local(1)).len;
    handle(listener, &buffer[..len]);
}

fn query_v1(listener: &mut Small, millis: u16) {
    let mut buffer = [0; 200];
    let writer = Writer::query_v1(&mut buffer, Ipv6Addr::UNSPECIFIED, millis).unwrap();
    let len = writer.finish(link_local(1)).len;
    handle(listener, &buffer[..len]);
}

fn handle(listener: &mut Small, packet: &[u8]) {
    let now = Instant::from_millis(listener.core.clock.now());
    assert_eq!(listener.handle_packet(now, packet), Ok(MessageKind::Query));
    assert_eq!(listener.check(), Ok(()));
}

fn drain(listener: &mut Small) {
    let now = Instant::from_millis(listener.core.clock.now());
    while listener.poll_transmit(now, &mut [0; 1500]).unwrap().is_some() {
        assert_eq!(listener.check(), Ok(()));
    }
    while listener.poll_event().is_some() {}
    assert_eq!(listener.check(), Ok(()));
}

fn run_to(listener: &mut Small, millis: u64) {
    while let Some(next) = listener.poll_timeout().filter(|next| next.as_millis() <= millis) {
        listener.handle_timeout(next);
        assert_eq!(listener.check(), Ok(()));
        drain(listener);
    }
    listener.handle_timeout(Instant::from_millis(millis));
    assert_eq!(listener.check(), Ok(()));
}

/// A listener with something in each structure: free slots, timers, a queue, sources of all kinds.
fn busy() -> Small {
    let mut l = Listener::new(Config::DEFAULT, Tables::EMPTY, 7);
    l.start(Instant::ZERO, Some(link_local(0xa)));
    for round in [&[9, 10][..], &[]] {
        for number in 0x10..0x18 {
            listen(&mut l, 1, group(number), FilterMode::Include, round);
        }
    }
    drain(&mut l);
    run_to(&mut l, 10_000);
    assert!(shared(&l.tables).groups.iter().all(is_free_group));
    listen(&mut l, 1, A, FilterMode::Exclude, &[5, 6]);
    listen(&mut l, 2, A, FilterMode::Exclude, &[5]);
    listen(&mut l, 3, A, FilterMode::Include, &[7]);
    listen(&mut l, 1, B, FilterMode::Include, &[1, 2, 3]);
    listen(&mut l, 1, D, FilterMode::Include, &[4]);
    listen(&mut l, 1, ALL_NODES, FilterMode::Include, &[1]);
    drain(&mut l);
    listen(&mut l, 1, D, FilterMode::Include, &[]);
    drain(&mut l);
    query(&mut l, B, 5000, &[1, 9]);
    query(&mut l, Ipv6Addr::UNSPECIFIED, 10_000, &[]);
    listen(&mut l, 1, C, FilterMode::Exclude, &[]);
    listen(&mut l, 1, E, FilterMode::Include, &[8]);
    l
}

/// The same beside an MLDv1 querier, with a Report to repeat, one that is due, and a Done.
fn busy_beside_version_1() -> Small {
    let mut l = busy();
    query_v1(&mut l, 9000);
    drain(&mut l);
    for group in [group(6), group(7)] {
        listen(&mut l, 1, group, FilterMode::Exclude, &[]);
        drain(&mut l);
    }
    listen(&mut l, 1, C, FilterMode::Include, &[]);
    listen(&mut l, 1, group(6), FilterMode::Include, &[]);
    listen(&mut l, 1, group(6), FilterMode::Exclude, &[]);
    l
}

fn view<T: Storage>(tables: &mut T) -> View<'_> {
    tables.view()
}

fn shared<T: Storage>(tables: &T) -> Shared<'_> {
    tables.shared()
}

fn id(l: &Small, group: Ipv6Addr) -> GroupId {
    l.core.find_group(shared(&l.tables), group).unwrap()
}

fn slot(l: &mut Small, group: Ipv6Addr) -> &mut GroupSlot {
    let id = id(l, group);
    &mut view(&mut l.tables).groups[id.at()]
}

fn filter(l: &mut Small, group: Ipv6Addr, socket: u32) -> &mut FilterSlot {
    let id = l.core.find_filter(shared(&l.tables), id(l, group), socket).unwrap();
    &mut view(&mut l.tables).filters[id.at()]
}

fn source_slot(l: &mut Small, group: Ipv6Addr, number: u16) -> &mut SourceSlot {
    let id = l.core.find_source(shared(&l.tables), id(l, group), source(number)).unwrap();
    &mut view(&mut l.tables).sources[id.at()]
}

fn filter_source(l: &mut Small, group: Ipv6Addr, socket: u32, number: u16) -> &mut SourceSlot {
    let filter = l.core.find_filter(shared(&l.tables), id(l, group), socket).unwrap();
    let id = l.core.find_source(shared(&l.tables), filter, source(number)).unwrap();
    &mut view(&mut l.tables).sources[id.at()]
}

fn disarm(l: &mut Small, group: Ipv6Addr) {
    let id = id(l, group);
    l.core.clock.remove(&mut view(&mut l.tables), id.into());
}

fn place(l: &mut Small, taken: bool) -> &mut IndexSlot {
    let mut places = view(&mut l.tables).index.iter_mut();
    places.find(|place| place.get().is_some() == taken).unwrap()
}

#[test]
fn a_listener_at_work_is_whole() {
    for mut listener in [busy(), busy_beside_version_1()] {
        let groups = shared(&listener.tables).groups;
        assert!(groups.iter().filter(|slot| slot.timer_at != NOWHERE).count() > 1);
        assert!(groups.iter().filter(|slot| slot.flags.contains(GroupFlags::DUE)).count() > 1);
        drain(&mut listener);
        run_to(&mut listener, 1_000_000);
        assert_eq!(listener.poll_timeout(), None);
        listener.stop(Instant::from_millis(1_000_001));
        assert_eq!(listener.check(), Ok(()));
    }
}

/// What is wrong, and how it comes about.
type Fault = (&'static str, fn(&mut Small));

const FAULTS: &[Fault] = &[
    ("pool: a used slot is on the free list", |l| {
        let at = id(l, A).at();
        let next = l.core.group_pool.give(at).map_or(GroupId::NIL, GroupId::new);
        assert!(next != GroupId::NIL);
    }),
    ("pool: a free slot is on no list", |l| {
        let free = view(&mut l.tables).sources.iter_mut().filter(|slot| is_free_source(slot));
        free.for_each(|slot| slot.next = SourceId::NIL);
    }),
    ("pool: endless list of free slots", |l| {
        let sources = view(&mut l.tables).sources;
        for (at, slot) in sources.iter_mut().enumerate().filter(|(_, slot)| is_free_source(slot)) {
            slot.next = SourceId::new(at);
        }
    }),
    ("interface: an address that Reports are not sent from", |l| {
        l.core.link_local = Some(Ipv6Addr::LOCALHOST);
    }),
    ("interface: stopped, with work pending", |l| l.core.running = false),
    ("mode: an MLDv1 querier is waited for in the wrong epoch", |l| l.core.epoch += 1),
    ("mode: an MLDv1 querier counts as present past its interval", |l| {
        (l.core.epoch, l.core.older_until) = (1, l.core.clock.expired_through());
    }),
    ("mode: an MLDv1 host changed it", |l| {
        (l.core.epoch, l.core.older_until) = (1, LATEST);
        l.core.config.version = Version::V1;
    }),
    ("answer: begins at or after its end", |l| l.core.general_until = l.core.general_at - 1),
    ("answer: continues past its end", |l| l.core.round_at = 10_001),
    ("answer: its next Report is due twice", |l| {
        (l.core.round_at, l.core.round_until, l.core.round_due) = (10_001, 10_001, true);
    }),
    ("answer: its next Report and its sweep do not agree", |l| l.core.round_due = true),
    ("answer: one of version 2 in version 1 mode", |l| {
        (l.core.epoch, l.core.older_until) = (1, LATEST);
    }),
    ("answer: one of version 1 in version 2 mode", |l| l.core.begin_sweep(SweepKind::Older)),
    ("sources: a source that does not exist", |l| source_slot(l, B, 1).next = SourceId::new(99)),
    ("sources: a source of another owner", |l| source_slot(l, B, 1).owner = id(l, A).into()),
    ("sources: a ring that is not linked back", |l| source_slot(l, B, 1).prev = SourceId::NIL),
    ("sources: source missing from the list of its owner", |l| slot(l, B).sources = SourceId::NIL),
    ("listening: a group that does not exist", |l| slot(l, B).next = GroupId::new(99)),
    ("listening: a group that is not to be reported", |l| {
        slot(l, B).flags.remove(GroupFlags::LISTENING);
    }),
    ("listening: a ring that is not linked back", |l| slot(l, B).prev = GroupId::NIL),
    ("listening: a group is missing", |l| l.core.listening = GroupId::NIL),
    ("listening: another number of groups than it counts", |l| l.core.listening_count += 1),
    ("listening: another number of sources than it counts", |l| l.core.listed += 1),
    ("sweep: it is nowhere and has groups left", |l| {
        l.core.begin_sweep(SweepKind::Announce);
        l.core.sweeps[SweepKind::Announce as usize].at = GroupId::NIL;
    }),
    ("sweep: it is at a group that is not to be reported", |l| {
        l.core.sweeps[SweepKind::Announce as usize].at = id(l, D);
    }),
    ("sweep: it does not come to a group that is left", |l| {
        l.core.begin_sweep(SweepKind::Announce);
        let number = l.core.sweeps[SweepKind::Announce as usize].number;
        slot(l, B).swept[SweepKind::Announce as usize] = number;
    }),
    ("filter: its group does not exist", |l| {
        let free = shared(&l.tables).groups.iter().position(is_free_group).unwrap();
        filter(l, C, 1).group = GroupId::new(free);
    }),
    ("filter: empty and in include mode", |l| filter(l, C, 1).exclude = false),
    ("filter: a mark of a call that is over", |l| {
        filter_source(l, A, 1, 6).flags.insert(SourceFlags::NAMED);
    }),
    ("filter: a source that counts", |l| filter_source(l, A, 1, 6).left = 1),
    ("filter: a source that is another one of the group", |l| {
        let other = filter_source(l, A, 1, 5).excluded;
        filter_source(l, A, 1, 6).excluded = other;
    }),
    ("filter: a group counts another number of them", |l| slot(l, A).filters -= 1),
    ("filter: a group counts another number of them", |l| {
        slot(l, A).filters -= 1;
        slot(l, B).filters += 1;
    }),
    ("filter: a group counts another number in exclude mode", |l| slot(l, A).excluding = 3),
    ("filter: a source counts another number that list it", |l| source_slot(l, A, 7).included += 1),
    ("filter: a source counts another number that list it", |l| {
        source_slot(l, A, 5).excluded -= 1;
        source_slot(l, A, 6).excluded += 1;
    }),
    ("source: a mark of a call that is over", |l| source_slot(l, B, 1).flags.insert(SourceFlags::NEW)),
    ("source: the list is not the merge of the filters", |l| {
        source_slot(l, A, 6).flags.insert(SourceFlags::LISTED);
    }),
    ("source: the list is not the merge of the filters", |l| {
        source_slot(l, B, 1).flags.remove(SourceFlags::LISTED);
    }),
    ("source: neither wanted nor pending", |l| source_slot(l, D, 4).left = 0),
    ("group: another number of sources than it lists", |l| {
        slot(l, ALL_NODES).listed += 1;
    }),
    ("group: another number of sources than change", |l| slot(l, B).changing += 1),
    ("group: another number of sources than Queries asked for", |l| slot(l, B).queried -= 1),
    ("group: neither wanted nor pending", |l| {
        source_slot(l, D, 4).flags.insert(SourceFlags::QUERIED);
        source_slot(l, D, 4).left = 0;
        (slot(l, D).changing, slot(l, D).queried) = (0, 1);
    }),
    ("group: its address is not multicast", |l| slot(l, A).address = Ipv6Addr::LOCALHOST),
    ("group: its flag for reporting is wrong", |l| {
        let id = id(l, B);
        Ring::remove(view(&mut l.tables).groups, &mut l.core.listening, id);
        slot(l, B).flags.remove(GroupFlags::LISTENING);
        l.core.listening_count -= 1;
        l.core.listed -= 3;
        l.core.sweeps = [Sweep::NEW; 3];
    }),
    ("group: one of source-specific multicast in exclude mode", |l| {
        slot(l, A).address = Ipv6Addr::new(0xff3e, 0, 0, 0, 0, 0, 0x8000, 1);
    }),
    ("group: a message is pending for a group that is not reported", |l| {
        slot(l, ALL_NODES).flags.insert(GroupFlags::CHANGE | GroupFlags::DUE);
    }),
    ("group: a message is due and the group is not on the queue", |l| {
        slot(l, B).flags.insert(GroupFlags::CHANGE);
    }),
    ("group: an answer is pending for an unwanted group", |l| {
        slot(l, D).flags.insert(GroupFlags::ANSWER | GroupFlags::DUE);
    }),
    ("group: something of version 1 is pending in version 2 mode", |l| {
        slot(l, B).flags.insert(GroupFlags::OVERHEARD);
    }),
    ("group: Reports are left, but none is scheduled", |l| slot(l, C).flags = LISTENING_DUE),
    ("group: a Report is repeated and none is left", |l| {
        for number in [5, 6, 7] {
            source_slot(l, A, number).left = 0;
        }
        (slot(l, A).changing, slot(l, A).mode_left) = (0, 0);
    }),
    ("group: a mark of a Report that is over", |l| slot(l, A).flags.insert(GroupFlags::CHANGE_BARE)),
    ("group: sources were queried, but no answer is scheduled", |l| {
        slot(l, B).answer_at = 0;
    }),
    ("group: a mark of a record that is over", |l| slot(l, A).flags.insert(GroupFlags::SPLIT)),
    ("group: a mark of an answer that is over", |l| slot(l, A).flags.insert(GroupFlags::ROUND_SPLIT)),
    ("group: a free slot holds something", |l| {
        let mut groups = view(&mut l.tables).groups.iter_mut();
        groups.find(|slot| is_free_group(slot)).unwrap().flags = GroupFlags::SPLIT;
    }),
    ("timer: armed without a deadline", |l| {
        slot(l, A).change_at = 0;
    }),
    ("timer: armed later than the deadline", |l| disarm(l, B)),
    ("timer: armed later than the deadline", |l| {
        disarm(l, A);
        let id = id(l, A);
        l.core.clock.insert(&mut view(&mut l.tables), id.into(), 500_000);
    }),
    ("wheel: timer linked in another slot than it names", |l| slot(l, D).timer_at -= 1),
    ("wheel: a timer is armed and on no list", |l| {
        let at = slot(l, D).timer_at;
        disarm(l, D);
        slot(l, D).timer_at = at;
    }),
    ("wheel: a list that is not linked back", |l| slot(l, D).timer_prev = id(l, D).into()),
    ("queue: a group is missing", |l| {
        l.core.due.pop(view(&mut l.tables).groups);
    }),
    ("queue: group lacks its queue flag", |l| {
        slot(l, C).flags = GroupFlags::LISTENING;
        slot(l, C).mode_left = 0;
    }),
    ("queue: endless", |l| slot(l, C).due_next = id(l, C)),
    ("queue: another group counts as the last", |l| {
        let first = l.core.due.first().unwrap();
        let mut view = view(&mut l.tables);
        let second = core::mem::replace(&mut view.group(first).due_next, GroupId::NIL);
        let slot = view.group(second);
        slot.flags = GroupFlags::LISTENING;
        for source in view.sources.iter_mut().filter(|slot| slot.owner == second.into()) {
            source.left = 0;
        }
        view.group(second).changing = 0;
    }),
    ("index: a key is not found", |l| *place(l, true) = IndexSlot::EMPTY),
    ("index: a key is not found", |l| slot(l, A).address = group(0x99)),
    ("index: a key is found with another slot", |l| slot(l, A).address = B),
    ("index: stale entry", |l| {
        let taken = *place(l, true);
        *place(l, false) = taken;
    }),
    ("index: full, a search would not end", |l| {
        let taken = *place(l, true);
        view(&mut l.tables).index.fill(taken);
    }),
    ("index: entry for a slot that does not exist", |l| {
        Index::put(view(&mut l.tables).index, 0, SOURCE_BIT | 99);
    }),
];

const LISTENING_DUE: GroupFlags = GroupFlags::LISTENING.union(GroupFlags::DUE);

const FAULTS_BESIDE_VERSION_1: &[Fault] = &[
    ("group: something of version 2 is pending in version 1 mode", |l| {
        slot(l, A).flags.insert(GroupFlags::CHANGE_FRESH);
    }),
    ("group: a Done while it is wanted", |l| slot(l, group(6)).flags.insert(GroupFlags::DONE)),
    ("group: its Report is due, and its timer runs", |l| {
        slot(l, group(7)).flags.insert(GroupFlags::CHANGE | GroupFlags::DUE);
    }),
    ("group: repeats a Report that another listener sent", |l| {
        slot(l, group(7)).flags.insert(GroupFlags::OVERHEARD);
    }),
    ("group: Reports are left, but none is scheduled", |l| {
        slot(l, group(6)).flags.remove(GroupFlags::CHANGE);
    }),
];

#[test]
fn every_fault_is_noticed() {
    for (faults, whole) in [(FAULTS, busy()), (FAULTS_BESIDE_VERSION_1, busy_beside_version_1())] {
        for (what, fault) in faults {
            let mut listener = whole.clone();
            fault(&mut listener);
            assert_eq!(listener.check(), Err(*what));
        }
    }
}
