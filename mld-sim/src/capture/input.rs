//! A stream of records.

use std::io::{self, Read};

/// How much is read at once at least.
const CHUNK: usize = 1 << 16;

/// No record is longer: what claims to be comes from a broken file.
pub(super) const RECORD_MAX: usize = 1 << 26;

/// What comes next in a file.
pub(super) enum Record {
    /// So many octets that hold a packet.
    Found(usize),
    /// Nothing.
    End,
    /// The file ends inside a record.
    Cut,
}

/// A stream of which any number of octets can be looked at before they are consumed.
#[derive(Debug)]
pub(super) struct Input<R> {
    reader: R,
    /// What was read; what stands before `start` is consumed.
    buffer: Vec<u8>,
    start: usize,
    consumed: u64,
}

impl<R: Read> Input<R> {
    pub(super) const fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), start: 0, consumed: 0 }
    }

    /// Octets consumed so far.
    pub(super) const fn offset(&self) -> u64 {
        self.consumed
    }

    /// All octets that are there, at least `count` unless the stream ends before.
    pub(super) fn fill(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.buffer.len() - self.start < count {
            self.buffer.drain(..self.start);
            self.start = 0;
            let missing = count.saturating_sub(self.buffer.len()).max(CHUNK);
            self.reader.by_ref().take(missing as u64).read_to_end(&mut self.buffer)?;
        }
        Ok(&self.buffer[self.start..])
    }

    /// The first `count` octets, which [`fill`](Self::fill) has shown.
    pub(super) fn octets(&self, count: usize) -> &[u8] {
        &self.buffer[self.start..self.start + count]
    }

    /// Consumes `count` octets, which [`fill`](Self::fill) has shown.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        self.consumed += count as u64;
    }

    /// Consumes `count` octets, which [`fill`](Self::fill) has shown, and yields them.
    pub(super) fn take(&mut self, count: usize) -> &[u8] {
        self.consume(count);
        &self.buffer[self.start - count..self.start]
    }
}
