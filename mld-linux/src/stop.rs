use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

/// Ends a loop from elsewhere: another thread, a signal handler's thread. Clones are the same handle.
#[derive(Clone, Debug)]
pub struct Stop {
    event: Arc<OwnedFd>,
}

impl Stop {
    /// Makes a handle.
    ///
    /// # Errors
    ///
    /// What the system says, for example that too many descriptors are open.
    pub fn new() -> io::Result<Self> {
        Ok(Self { event: Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?) })
    }

    /// Says to end. It stays said.
    pub fn stop(&self) {
        // It can fail only once 2^64 - 1 calls have been made, all of which said the same.
        let _ = rustix::io::write(&*self.event, &1_u64.to_ne_bytes());
    }

    /// Whether somebody said to end.
    pub fn is_stopped(&self) -> bool {
        let mut fds = [PollFd::new(self, PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&now)).is_ok_and(|ready| ready > 0)
    }
}

/// Readable from the moment of [`Stop::stop`] on.
impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}
