use core::fmt;
use core::panic::AssertUnwindSafe;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{catch_unwind, resume_unwind};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

use rustix::thread::UnshareFlags;

use super::{LabError, Listener, set_up, write_sysctl};
use crate::sys;

/// A node with interfaces, addresses and a kernel of its own: a thread in a network namespace. It ends when it is
/// dropped, and its interfaces with it.
pub struct Host {
    name: String,
    /// `None` only while it is dropped.
    tasks: Option<Sender<Task>>,
    thread: Option<JoinHandle<()>>,
    namespace: OwnedFd,
}

type Task = Box<dyn FnOnce() + Send>;

impl Host {
    /// Makes a node with nothing but `lo`, which is up.
    ///
    /// # Errors
    ///
    /// What the system says, for example that the process has not called [`enter`](super::enter).
    pub fn new(name: &str) -> Result<Self, LabError> {
        let (tasks, inbox) = channel::<Task>();
        let (answer, result) = channel();
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let entered = enter_namespace();
                let failed = entered.is_err();
                let gone = answer.send(entered).is_err();
                if !failed && !gone {
                    inbox.into_iter().for_each(|task| task());
                }
            })
            .map_err(|source| LabError::system("start a thread", source))?;
        let namespace = result.recv().expect("the thread sends before it ends")?;
        Ok(Self { name: name.to_owned(), tasks: Some(tasks), thread: Some(thread), namespace })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `task` on the node, in its namespace, and waits for the result. Sockets that it opens stay where they
    /// are, whichever thread uses them.
    ///
    /// # Panics
    ///
    /// If `task` panics, with its panic.
    pub fn run<R: Send + 'static>(&self, task: impl FnOnce() -> R + Send + 'static) -> R {
        let (answer, result) = channel();
        let task = Box::new(move || {
            let outcome = catch_unwind(AssertUnwindSafe(task));
            answer.send(outcome).expect("whoever asked waits");
        });
        let tasks = self.tasks.as_ref().expect("a host has its thread until it is dropped");
        tasks.send(task).expect("the thread takes tasks until the host is dropped");
        match result.recv().expect("a task always answers") {
            Ok(result) => result,
            Err(panic) => resume_unwind(panic),
        }
    }

    /// A socket with which the node joins groups on one of its interfaces.
    ///
    /// # Errors
    ///
    /// What the system says, for example that there is no such interface.
    pub fn listener(&self, interface: &str) -> Result<Listener, LabError> {
        let interface = interface.to_owned();
        self.run(move || Listener::open(&interface))
    }

    /// Sets a kernel parameter of the node, for example `net/ipv6/conf/eth0/force_mld_version` to `1`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn sysctl(&self, path: &str, value: &str) -> Result<(), LabError> {
        let (path, value) = (path.to_owned(), value.to_owned());
        self.run(move || write_sysctl(&path, &value))
    }
}

/// The network namespace, to move interfaces into it.
impl AsFd for Host {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.namespace.as_fd()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            // A task cannot end the thread: its panic went to whoever asked.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("name", &self.name).finish_non_exhaustive()
    }
}

fn enter_namespace() -> Result<OwnedFd, LabError> {
    sys::unshare(UnshareFlags::NEWNET)
        .map_err(|source| LabError::Forbidden { doing: "unshare(CLONE_NEWNET)", source })?;
    set_up("lo")?;
    let namespace = File::open("/proc/thread-self/ns/net");
    namespace.map(Into::into).map_err(|source| LabError::system("open the network namespace", source))
}
