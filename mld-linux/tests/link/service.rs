//! An interface on a thread of its own, and those who subscribed to it.

use core::time::Duration;
use std::fs;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use mld_linux::lab::{self, Listener};
use mld_linux::{Interface, InterfaceEvent, Options, Removed, Status};
use mld_proto::Querier;
use mld_proto::router::GroupState;

use crate::Test;
use crate::support::{HOST, ROUTER, SOON, cable, group, quick, usable};

pub(crate) const TESTS: &[Test] = &[
    ("a_group_can_be_asked_for_without_making_state", asked),
    ("subscribers_hear_the_present_state_first_and_then_each_change", present_first),
    ("subscribers_may_ask_subscribe_and_unsubscribe_from_inside", from_inside),
    ("the_same_closure_twice_is_two_subscriptions", twice),
    ("an_interface_tells_of_report_done_timeout_and_its_removal", events),
    ("removing_ends_the_thread_promptly", ends_promptly),
    ("a_subscriber_may_remove_the_interface", removed_from_inside),
    ("dropping_an_interface_removes_it", dropped),
    ("subscribers_hear_that_the_interface_vanished", vanished),
    ("a_subscriber_that_panics_ends_the_interface_and_nobody_waits_for_it", panics),
    ("settings_can_be_changed_while_subscribers_listen", reconfigured),
];

fn open() -> Interface {
    Interface::open(ROUTER, &Options::new(quick())).expect("an interface")
}

fn hear<T>(news: &Receiver<T>) -> T {
    news.recv_timeout(SOON).expect("news in time")
}

/// Nothing is heard for as long as a change would take.
fn silence<T: core::fmt::Debug>(news: &Receiver<T>) {
    let heard = news.recv_timeout(Duration::from_millis(600));
    assert!(heard.is_err(), "{heard:?}");
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < SOON, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").expect("the threads").count()
}

fn asked() {
    let host = cable();
    let interface = open();
    let listener = host.listener(HOST).expect("a listener");
    let wanted = group("ff05::1");
    assert!(!interface.has_members(wanted));
    assert_eq!(interface.state(wanted), GroupState::NoListeners);
    // However it is written.
    let same = group("FF05:0:0::0001");
    assert_eq!(
        interface.with_router(|router| router.groups().filter(|known| known.address() == wanted).count()),
        0
    );

    listener.join(wanted).expect("joined");
    until("it has members", || interface.has_members(same));
    assert_eq!(interface.state(same), GroupState::ListenersPresent);
    listener.leave(wanted).expect("left");
    until("it is checked", || interface.state(wanted) == GroupState::CheckingListeners);
    until("it has none", || !interface.has_members(wanted));
    assert_eq!(interface.state(wanted), GroupState::NoListeners);
    assert_eq!(interface.name(), ROUTER);
    assert_eq!(interface.status(), Status::Up { address: Some(usable(ROUTER)) });
    interface.remove().expect("no failure");
}

fn present_first() {
    let host = cable();
    let interface = open();
    let listener = host.listener(HOST).expect("a listener");
    let (one, other) = (group("ff05::1"), group("ff05::2"));
    let (tell, news) = channel();
    let first = tell.clone();
    interface
        .on_interest(one, move |has_members| first.send(("early", has_members)).unwrap())
        .expect("managed");
    assert_eq!(hear(&news), ("early", false));

    listener.join(one).expect("joined");
    assert_eq!(hear(&news), ("early", true));
    let second = interface.on_interest(one, move |has_members| tell.send(("late", has_members)).unwrap());
    assert_eq!(hear(&news), ("late", true));
    // Another group, and a source of this one, are nobody's interest here.
    listener.join(other).expect("joined");
    listener.block_source(one, "2001:db8::1".parse().unwrap()).expect("blocked");
    silence(&news);

    listener.leave(one).expect("left");
    let mut both = [hear(&news), hear(&news)];
    both.sort_unstable();
    assert_eq!(both, [("early", false), ("late", false)]);
    let second = second.expect("managed");
    assert!(interface.unsubscribe(second));
    assert!(!interface.unsubscribe(second), "it is over");
    listener.join(one).expect("joined");
    assert_eq!(hear(&news), ("early", true));
    silence(&news);
    interface.remove().expect("no failure");
    assert_eq!(hear(&news), ("early", false), "who is removed has no members");
}

fn from_inside() {
    let host = cable();
    let interface = open();
    let listener = host.listener(HOST).expect("a listener");
    let wanted = group("ff05::1");
    let (tell, news) = channel();
    let own_id = Arc::new(Mutex::new(None));
    let (handle, id, inner) = (interface.handle(), own_id.clone(), tell.clone());
    let subscribed = interface.on_interest(wanted, move |has_members| {
        // What it asks for is what it is told.
        assert_eq!(handle.has_members(wanted), has_members);
        tell.send(format!("outer {has_members} {}", handle.state(wanted).name())).unwrap();
        if has_members {
            let id = id.lock().unwrap().take().expect("an id");
            assert!(handle.unsubscribe(id));
            let inner = inner.clone();
            let new = handle.on_interest(wanted, move |has_members| {
                inner.send(format!("inner {has_members}")).unwrap();
            });
            assert!(new.is_ok());
        }
    });
    *own_id.lock().unwrap() = Some(subscribed.expect("managed"));
    assert_eq!(hear(&news), "outer false no-listeners");
    listener.join(wanted).expect("joined");
    assert_eq!(hear(&news), "outer true listeners-present");
    assert_eq!(hear(&news), "inner true");
    listener.leave(wanted).expect("left");
    assert_eq!(hear(&news), "inner false");
    silence(&news);
    interface.remove().expect("no failure");
}

fn twice() {
    let host = cable();
    let interface = open();
    let listener = host.listener(HOST).expect("a listener");
    let wanted = group("ff05::1");
    let (tell, news) = channel();
    let call = move |has_members: bool| tell.send(has_members).unwrap();
    let one = interface.on_interest(wanted, call.clone()).expect("managed");
    let two = interface.on_interest(wanted, call).expect("managed");
    assert_ne!(one, two);
    assert_eq!([hear(&news), hear(&news)], [false, false]);

    listener.join(wanted).expect("joined");
    assert_eq!([hear(&news), hear(&news)], [true, true]);
    assert!(interface.unsubscribe(one));
    listener.leave(wanted).expect("left");
    assert!(!hear(&news));
    silence(&news);
    interface.remove().expect("no failure");
}

fn events() {
    let host = cable();
    host.sysctl(&format!("net/ipv6/conf/{HOST}/force_mld_version"), "1").expect("a version");
    let reporter = host.run(|| usable(HOST));
    let interface = open();
    let listener = host.listener(HOST).expect("a listener");
    let (early, wanted) = (group("ff05::2"), group("ff05::1"));
    listener.join(early).expect("joined");
    until("it has members", || interface.has_members(early));

    let (tell, news) = channel();
    let id = interface.on_event(move |event| tell.send(event).unwrap()).expect("managed");
    let me = usable(ROUTER);
    assert_eq!(hear(&news), InterfaceEvent::Querier(Querier::Own(me)));
    let until_event = |expected: InterfaceEvent| {
        let mut before = Vec::new();
        loop {
            match news.recv_timeout(SOON) {
                Ok(event) if event == expected => return before,
                Ok(event) => before.push(event),
                Err(_) => panic!("{expected:?} is missing behind {before:?}"),
            }
        }
    };
    let before = until_event(InterfaceEvent::Membership { group: early, has_members: true });
    assert!(before.iter().all(|event| matches!(event, InterfaceEvent::Membership { .. })), "{before:?}");

    listener.join(wanted).expect("joined");
    let record = mld_proto::wire::RecordType::Report;
    until_event(InterfaceEvent::Report { group: wanted, reporter, record });
    until_event(InterfaceEvent::Membership { group: wanted, has_members: true });
    listener.leave(wanted).expect("left");
    until_event(InterfaceEvent::Done { group: wanted, reporter });
    until_event(InterfaceEvent::Timeout { group: wanted });
    assert_eq!(hear(&news), InterfaceEvent::Membership { group: wanted, has_members: false });

    interface.handle().remove();
    until_event(InterfaceEvent::Membership { group: early, has_members: false });
    until_event(InterfaceEvent::Removed);
    assert!(news.recv().is_err(), "nothing follows, and the closure is gone");
    assert!(!interface.unsubscribe(id));
    assert_eq!(interface.on_event(|_| {}).err(), Some(Removed));
    assert_eq!(interface.status(), Status::Removed);
    assert!(!interface.has_members(early));
    interface.remove().expect("no failure");
}

fn ends_promptly() {
    let host = cable();
    let before = threads();
    let interface = Interface::open(ROUTER, &Options::default()).expect("an interface");
    assert_eq!(threads(), before + 1);
    // It waits for frames, of which there are none, and for a timer that is minutes away.
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    interface.remove().expect("no failure");
    let took = start.elapsed();
    assert!(took < Duration::from_millis(500), "{took:?}");
    assert_eq!(threads(), before);
    drop(host);
}

fn removed_from_inside() {
    let host = cable();
    let interface = open();
    let listener = host.listener(HOST).expect("a listener");
    let wanted = group("ff05::1");
    let (tell, news) = channel();
    let (handle, last) = (interface.handle(), tell.clone());
    interface
        .on_interest(wanted, move |has_members| {
            tell.send(format!("{has_members}")).unwrap();
            if has_members {
                handle.remove();
            }
        })
        .expect("managed");
    interface
        .on_event(move |event| {
            if event == InterfaceEvent::Removed {
                last.send("removed".to_owned()).unwrap();
            }
        })
        .expect("managed");
    assert_eq!(hear(&news), "false");
    listener.join(wanted).expect("joined");
    assert_eq!(hear(&news), "true");
    assert_eq!(hear(&news), "false");
    assert_eq!(hear(&news), "removed");
    interface.remove().expect("no failure");
}

fn dropped() {
    let _host = cable();
    let before = threads();
    let interface = open();
    let (tell, news) = channel();
    interface.on_event(move |event| tell.send(event).unwrap()).expect("managed");
    let handle = interface.handle();
    drop(interface);
    assert_eq!(threads(), before);
    assert_eq!(news.iter().last(), Some(InterfaceEvent::Removed));
    assert_eq!(handle.status(), Status::Removed);
    handle.remove();
}

fn vanished() {
    let _host = cable();
    let before = threads();
    let interface = open();
    let (tell, news) = channel();
    interface.on_event(move |event| tell.send(event).unwrap()).expect("managed");
    lab::delete(ROUTER).expect("deleted");
    until("it is over", || interface.status() == Status::Removed);
    assert_eq!(news.iter().last(), Some(InterfaceEvent::Removed));
    until("the thread ends", || threads() == before);
    interface.remove().expect("that is no failure");
}

fn panics() {
    let host = cable();
    let interface = open();
    let listener: Listener = host.listener(HOST).expect("a listener");
    let wanted = group("ff05::1");
    interface.on_interest(wanted, |has_members| assert!(!has_members, "on purpose")).expect("managed");
    listener.join(wanted).expect("joined");
    let handle = interface.handle();
    until("it is over", || handle.status() == Status::Removed);
    handle.remove();
    assert_eq!(handle.on_interest(wanted, |_| {}).err(), Some(Removed));
    let outcome = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| interface.remove()));
    assert!(outcome.is_err(), "the panic is passed on");
}

fn reconfigured() {
    let host = cable();
    let interface = open();
    let listener = host.listener(HOST).expect("a listener");
    let wanted = group("ff05::1");
    let (tell, news) = channel();
    interface.on_interest(wanted, move |has_members| tell.send(has_members).unwrap()).expect("managed");
    listener.join(wanted).expect("joined");
    assert_eq!([hear(&news), hear(&news)], [false, true]);
    let limited = quick().to_builder().max_groups(100).build().expect("valid settings");
    interface.reconfigure(&Options::new(limited)).expect("usable");
    // The interface starts anew, and the host answers its Query.
    assert_eq!([hear(&news), hear(&news)], [false, true]);
    interface.remove().expect("no failure");
}
