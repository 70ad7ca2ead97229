//! SIGINT, SIGTERM and SIGHUP as a file descriptor to wait for and two flags.

use core::sync::atomic::{AtomicBool, Ordering};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

use crate::failure::Failure;

/// What SIGHUP, also the loss of the terminal, means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hangup {
    /// The configuration is to be read again.
    Reloads,
    /// The program is to end.
    Ends,
}

/// The signals that have arrived.
#[derive(Debug)]
pub(crate) struct Signals {
    wake: UnixStream,
    end: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

impl Signals {
    /// Takes the signals over from their default actions.
    pub(crate) fn register(hangup: Hangup) -> Result<Self, Failure> {
        Self::try_register(hangup).map_err(|error| Failure::failed(format!("signal handlers: {error}")))
    }

    fn try_register(hangup: Hangup) -> io::Result<Self> {
        let (wake, write) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let signals = Self { wake, end: Arc::default(), reload: Arc::default() };
        let hangup_ends = (hangup == Hangup::Ends).then_some(SIGHUP);
        for signal in [SIGINT, SIGTERM].into_iter().chain(hangup_ends) {
            // A second one ends the program at once, in case the orderly end takes too long.
            flag::register_conditional_default(signal, Arc::clone(&signals.end))?;
            flag::register(signal, Arc::clone(&signals.end))?;
            pipe::register(signal, write.try_clone()?)?;
        }
        if hangup == Hangup::Reloads {
            flag::register(SIGHUP, Arc::clone(&signals.reload))?;
            pipe::register(SIGHUP, write)?;
        }
        Ok(signals)
    }

    /// Makes the descriptor quiet again. Call it before asking for the flags.
    pub(crate) fn drain(&mut self) {
        let mut buffer = [0; 64];
        while matches!(self.wake.read(&mut buffer), Ok(read) if read > 0) {}
    }

    /// Whether the program is to end.
    pub(crate) fn end(&self) -> bool {
        self.end.load(Ordering::Relaxed)
    }

    /// Whether the configuration is to be read again; asking clears it.
    pub(crate) fn take_reload(&self) -> bool {
        self.reload.swap(false, Ordering::Relaxed)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
