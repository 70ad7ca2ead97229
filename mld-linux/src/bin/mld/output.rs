//! Standard output as a stream of lines that never holds the router up.

use core::mem;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use crate::failure::Failure;

/// Octets that wait for a reader at most. A reader who stops for longer misses lines, and is told how many.
const WAITING_MAX: usize = 64 << 20;

/// Lines on their way to standard output. A thread writes them, so that a terminal that is held or a reader that
/// is slow delays lines and no query.
#[derive(Debug)]
pub(crate) struct Output {
    shared: Arc<Shared>,
    wake: UnixStream,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    writing: bool,
    lost: u64,
    error: Option<io::Error>,
}

impl Output {
    /// Begins to write to `sink`.
    ///
    /// # Errors
    ///
    /// The system has no descriptor or thread left.
    pub(crate) fn start(sink: impl Write + Send + 'static) -> io::Result<Self> {
        let (wake, notify) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let writer = Arc::clone(&shared);
        thread::Builder::new().name("output".into()).spawn(move || writer.write(sink, notify))?;
        Ok(Self { shared, wake })
    }

    /// Adds one line, made by `write` without its end.
    pub(crate) fn line(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.shared.lock();
        if state.error.is_some() {
            return;
        }
        if state.waiting.len() >= WAITING_MAX {
            state.lost += 1;
            return;
        }
        write(&mut state.waiting);
        state.waiting.push(b'\n');
        self.shared.changed.notify_all();
    }

    /// Lines that were dropped because nobody read them, since the start.
    pub(crate) fn lost(&self) -> u64 {
        self.shared.lock().lost
    }

    /// Why nothing can be written any more. The descriptor becomes ready when that happens.
    pub(crate) fn failure(&mut self) -> Option<Failure> {
        let mut buffer = [0; 8];
        while matches!(self.wake.read(&mut buffer), Ok(read) if read > 0) {}
        self.shared.lock().error.as_ref().map(Failure::output)
    }

    /// Waits until everything is written, but no longer than `patience`.
    pub(crate) fn finish(self, patience: Duration) -> Result<(), Failure> {
        let end = Instant::now() + patience;
        let mut state = self.shared.lock();
        while state.error.is_none() && (state.writing || !state.waiting.is_empty()) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failure::failed("standard output: nobody reads it; the last lines are lost"));
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.error.as_ref().map_or(Ok(()), |error| Err(Failure::output(error)))
    }
}

impl AsFd for Output {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, mut sink: impl Write, mut notify: UnixStream) {
        let mut batch = Vec::new();
        loop {
            let mut state = self.lock();
            while state.waiting.is_empty() {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            mem::swap(&mut batch, &mut state.waiting);
            state.writing = true;
            drop(state);

            let result = sink.write_all(&batch).and_then(|()| sink.flush());
            batch.clear();
            let mut state = self.lock();
            state.writing = false;
            let failed = result.is_err();
            state.error = result.err();
            self.changed.notify_all();
            drop(state);
            if failed {
                // The other end is gone only when the program ends anyway.
                let _ = notify.write_all(&[0]);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Holds each write until it is let through.
    struct Gate(mpsc::Receiver<()>, mpsc::Sender<Vec<u8>>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            self.1.send(bytes.to_vec()).expect("the test listens");
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated() -> (Output, mpsc::Sender<()>, mpsc::Receiver<Vec<u8>>) {
        let (open, gate) = mpsc::channel();
        let (written, read) = mpsc::channel();
        (Output::start(Gate(gate, written)).expect("thread"), open, read)
    }

    #[test]
    fn lines_arrive_in_order_and_are_finished_before_the_end() {
        let (output, open, read) = gated();
        for number in 0..3 {
            output.line(|line| write!(line, "line {number}").expect("memory"));
        }
        for _ in 0..3 {
            open.send(()).expect("the gate waits");
        }
        output.finish(Duration::from_secs(10)).expect("written");
        let written: Vec<u8> = read.try_iter().flatten().collect();
        assert_eq!(written, b"line 0\nline 1\nline 2\n");
    }

    #[test]
    fn a_reader_who_stops_holds_nobody_up() {
        let (output, open, _read) = gated();
        output.line(|line| line.extend_from_slice(b"held"));
        let big = vec![b'.'; WAITING_MAX];
        // The first may be on its way already; the buffer is full after the second at the latest.
        output.line(|line| line.extend_from_slice(&big));
        output.line(|line| line.extend_from_slice(&big));
        output.line(|line| line.extend_from_slice(b"lost"));
        assert!(output.lost() >= 1);
        let failure = output.finish(Duration::from_millis(20)).expect_err("nobody reads");
        assert!(matches!(failure, Failure::Told(..)), "{failure:?}");
        drop(open);
    }

    #[test]
    fn a_closed_pipe_wakes_whoever_waits() {
        let (mut output, open, _read) = gated();
        assert_eq!(output.failure(), None);
        drop(open);
        output.line(|line| line.extend_from_slice(b"nobody"));
        let mut fds = [rustix::event::PollFd::new(&output, rustix::event::PollFlags::IN)];
        let patience = rustix::event::Timespec { tv_sec: 10, tv_nsec: 0 };
        assert_eq!(rustix::event::poll(&mut fds, Some(&patience)).expect("poll"), 1);
        assert_eq!(output.failure(), Some(Failure::ClosedPipe));
        assert_eq!(output.finish(Duration::ZERO), Err(Failure::ClosedPipe));
    }
}
