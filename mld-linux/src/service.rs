use core::error;
use core::fmt;
use core::net::Ipv6Addr;
use core::ops::Deref;
use core::time::Duration;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::resume_unwind;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle, ThreadId};

use mld_proto::router::GroupState;
use mld_proto::wire::RecordType;
use mld_proto::{GroupAddr, Querier};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use crate::{Driver, Error, InterfaceRouter, Options, Status};

mod hub;

use hub::{Call, Hub};

/// An interface that is managed by a thread of its own. Dropping it ends that, as [`remove`](Self::remove) does.
///
/// What can be asked, and who is to be told of what, is on its [`Handle`].
///
/// Subscribers are called by that thread, one at a time, in the order in which things happened, and never under a
/// lock: they may ask, subscribe, unsubscribe and remove. Each is told the present state first. While one takes its
/// time the interface waits, its frames are kept by the kernel, and their times hold.
///
/// A subscriber that panics ends the management of the interface.
#[derive(Debug)]
pub struct Interface {
    handle: Handle,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Interface {
    /// Opens an interface by its name and manages it from here on.
    ///
    /// # Errors
    ///
    /// Those of [`Driver::open`], or that no thread can be started.
    pub fn open(name: &str, options: &Options) -> Result<Self, Error> {
        let system = |doing| move |source| Error::system(name, doing, source);
        let driver = Driver::open(name, options)?;
        let readable = driver.as_fd().try_clone_to_owned().map_err(system("copy a descriptor"))?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            state: Mutex::new(State { driver, hub: Hub::default(), remove: false, ended: false }),
            ended: Condvar::new(),
            wake: wake.map_err(io::Error::from).map_err(system("make an event descriptor"))?,
            thread: OnceLock::new(),
        });
        let handle = Handle { shared };
        let shared = handle.shared.clone();
        let thread = thread::Builder::new()
            .name(format!("mld {name}"))
            .spawn(move || shared.manage(&readable))
            .map_err(system("start a thread"))?;
        Ok(Self { handle, thread: Some(thread) })
    }

    /// Another handle of the interface, which does not keep it managed.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Ends the management of the interface: subscribers are told, then the thread ends. Waits for that, unless a
    /// subscriber of the interface calls.
    ///
    /// # Errors
    ///
    /// Why the management had ended before, if it was for a failure of the system.
    ///
    /// # Panics
    ///
    /// If a subscriber panicked, with its panic.
    pub fn remove(mut self) -> Result<(), Error> {
        match self.end() {
            Some(Ok(result)) => result,
            Some(Err(panic)) => resume_unwind(panic),
            None => Ok(()),
        }
    }

    fn end(&mut self) -> Option<thread::Result<Result<(), Error>>> {
        let thread = self.thread.take()?;
        self.handle.shared.ask_to_remove();
        // A thread cannot wait for itself; it ends when the subscriber returns.
        (!self.handle.shared.is_own_thread()).then(|| thread.join())
    }
}

impl Deref for Interface {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Interface {
    fn drop(&mut self) {
        // Whoever wants to know how it ended calls `remove`.
        let _ = self.end();
    }
}

/// Asks an interface and subscribes to it, from any thread. Clones are handles of the same interface.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

/// Names a subscription of one interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(u64);

/// What the subscribers of an interface are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InterfaceEvent {
    /// The role or the elected querier changed.
    Querier(Querier),
    /// What is known of a group changed: whether it has members, its filter mode or its sources.
    Membership {
        /// The group.
        group: GroupAddr,
        /// Whether somebody listens.
        has_members: bool,
    },
    /// A listener reported.
    Report {
        /// The group.
        group: GroupAddr,
        /// Who sent it.
        reporter: Ipv6Addr,
        /// What it says.
        record: RecordType,
    },
    /// An MLDv1 listener left.
    Done {
        /// The group.
        group: GroupAddr,
        /// Who sent it.
        reporter: Ipv6Addr,
    },
    /// A timer ended the last state of a group.
    Timeout {
        /// The group.
        group: GroupAddr,
    },
    /// The interface is no longer managed: it was removed, or it vanished. Nothing follows.
    Removed,
}

/// The interface is no longer managed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed;

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the interface is no longer managed")
    }
}

impl error::Error for Removed {}

impl Handle {
    /// The name of the interface.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Whether the interface is managed, and how it stands.
    pub fn status(&self) -> Status {
        self.shared.lock().driver.status()
    }

    /// Whether somebody listens to the group. Asking makes no state.
    pub fn has_members(&self, group: GroupAddr) -> bool {
        self.with_router(|router| router.group(group).is_some())
    }

    /// The state of the group: no listeners, listeners present, checking listeners. Asking makes no state.
    pub fn state(&self, group: GroupAddr) -> GroupState {
        self.with_router(|router| router.state(group))
    }

    /// Reads anything else from the engine. The interface waits meanwhile: `read` must be brief, and must not use
    /// this handle.
    pub fn with_router<R>(&self, read: impl FnOnce(&InterfaceRouter) -> R) -> R {
        read(self.shared.lock().driver.router())
    }

    /// Has `call` be told whether the group has members: at once, and when it changes.
    ///
    /// # Errors
    ///
    /// [`Removed`] if nobody would call it any more.
    pub fn on_interest(
        &self,
        group: GroupAddr,
        call: impl FnMut(bool) + Send + 'static,
    ) -> Result<SubscriptionId, Removed> {
        self.subscribe(|hub, router| hub.add_interest(group, router, Box::new(call)))
    }

    /// Has `call` be told of everything that happens on the interface: at once of the querier and of each group
    /// that has members, then of what happens.
    ///
    /// # Errors
    ///
    /// [`Removed`] if nobody would call it any more.
    pub fn on_event(
        &self,
        call: impl FnMut(InterfaceEvent) + Send + 'static,
    ) -> Result<SubscriptionId, Removed> {
        self.subscribe(|hub, router| hub.add_events(router, Box::new(call)))
    }

    /// Ends a subscription and drops its closure. A call that is under way on another thread comes to its end; none
    /// begins after this. Returns whether there was such a subscription.
    pub fn unsubscribe(&self, id: SubscriptionId) -> bool {
        // The closure is dropped after the lock: what it owns may use the handle.
        let ended: Option<Option<Call>> = self.shared.lock().hub.take(id);
        ended.is_some()
    }

    /// Applies other settings, as [`Driver::reconfigure`].
    ///
    /// # Errors
    ///
    /// Those of [`Driver::reconfigure`]. Everything is as before then.
    pub fn reconfigure(&self, options: &Options) -> Result<(), Error> {
        let result = {
            let mut state = self.shared.lock();
            let State { driver, hub, .. } = &mut *state;
            driver.reconfigure(options, &mut |told| hub.told(&told))
        };
        self.shared.wake();
        result
    }

    /// Ends the management of the interface: subscribers are told, then the thread ends. Waits until they have been
    /// told, unless a subscriber of the interface calls.
    pub fn remove(&self) {
        self.shared.ask_to_remove();
        if !self.shared.is_own_thread() {
            let state = self.shared.lock();
            let ended = self.shared.ended.wait_while(state, |state| !state.ended);
            drop(ended);
        }
    }

    fn subscribe(
        &self,
        add: impl FnOnce(&mut Hub, &InterfaceRouter) -> SubscriptionId,
    ) -> Result<SubscriptionId, Removed> {
        let id = {
            let mut state = self.shared.lock();
            let State { driver, hub, remove, .. } = &mut *state;
            if *remove || driver.status() == Status::Removed {
                return Err(Removed);
            }
            add(hub, driver.router())
        };
        self.shared.wake();
        Ok(id)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("name", &self.name()).finish_non_exhaustive()
    }
}

struct Shared {
    name: String,
    state: Mutex<State>,
    ended: Condvar,
    /// Wakes the thread because of something that happened on another one.
    wake: OwnedFd,
    thread: OnceLock<ThreadId>,
}

struct State {
    driver: Driver,
    hub: Hub,
    /// Somebody asked to remove the interface.
    remove: bool,
    /// Every subscriber has been told the last.
    ended: bool,
}

impl Shared {
    /// What the thread does.
    fn manage(&self, readable: &OwnedFd) -> Result<(), Error> {
        self.thread.get_or_init(|| thread::current().id());
        // Also if a subscriber panics: nobody is to wait for a thread that is gone.
        let _end = End(self);
        let mut end = Ok(());
        loop {
            let (timeout, removed) = {
                let mut state = self.lock();
                let State { driver, hub, remove, .. } = &mut *state;
                let mut sink = |told: crate::Told<'_>| hub.told(&told);
                if !*remove && let Err(error) = driver.ready(&mut sink) {
                    end = Err(error);
                    *remove = true;
                }
                if *remove {
                    driver.remove(&mut sink);
                }
                (driver.timeout(), driver.status() == Status::Removed)
            };
            self.deliver();
            if removed {
                return end;
            }
            if let Err(source) = self.wait(readable, timeout) {
                end = Err(Error::system(&self.name, "wait", source));
                self.ask_to_remove();
            }
        }
    }

    /// Calls every subscriber that has something to hear.
    fn deliver(&self) {
        loop {
            // Each guard ends with its statement: subscribers are called, and dropped, without the lock.
            let Some(mut delivery) = self.lock().hub.next() else { return };
            delivery.make();
            let unsubscribed = self.lock().hub.put_back(delivery);
            drop(unsubscribed);
        }
    }

    fn wait(&self, readable: &OwnedFd, timeout: Option<Duration>) -> io::Result<()> {
        if self.lock().hub.has_next() {
            return Ok(());
        }
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let mut fds = [PollFd::new(readable, PollFlags::IN), PollFd::new(&self.wake, PollFlags::IN)];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        // Nothing to read is as good as something: it only ends a wait.
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
        Ok(())
    }

    fn ask_to_remove(&self) {
        self.lock().remove = true;
        self.wake();
    }

    fn wake(&self) {
        // It can fail only when the counter is full, and then the thread is awake.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    fn is_own_thread(&self) -> bool {
        self.thread.get() == Some(&thread::current().id())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No subscriber runs under the lock, so a panic under it is one of this crate; what stands is readable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the sockets and lets go those who wait, however the thread ends.
struct End<'s>(&'s Shared);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let subscribers = {
            let mut state = self.0.lock();
            state.driver.remove(&mut |_| {});
            state.remove = true;
            state.ended = true;
            core::mem::take(&mut state.hub)
        };
        self.0.ended.notify_all();
        drop(subscribers);
    }
}
