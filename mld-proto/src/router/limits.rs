use crate::event::Limit;
use crate::stats::Stats;

/// Refusals of state that have been reported (R-SEC-8).
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// Group and limit of each refusal that was reported, as a hash; a ring.
    marks: [u32; Limit::REMEMBERED],
    len: u8,
    next: u8,
    /// Those reported by the latest packet: which record, which limit.
    told: heapless::Vec<Refusal, { Limit::REMEMBERED }>,
}

/// A refusal that the latest packet caused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    pub(super) record: u16,
    pub(super) limit: Limit,
}

impl Limits {
    pub(super) const NEW: Self =
        Self { marks: [0; Limit::REMEMBERED], len: 0, next: 0, told: heapless::Vec::new() };

    pub(super) fn begin_packet(&mut self) {
        self.told.clear();
    }

    /// The refusals of the latest packet in order of its records.
    pub(super) fn told(&self) -> &[Refusal] {
        &self.told
    }

    /// Counts a refusal, and reports it unless that was done before. `group` is the hash of the group's address.
    pub(super) fn refuse(&mut self, stats: &mut Stats, group: u32, limit: Limit, record: u16) {
        stats.count_refused(limit);
        let mark = mark(group, limit);
        // A refusal that does not fit is reported when it happens again.
        if self.marks().contains(&mark) || self.told.push(Refusal { record, limit }).is_err() {
            return;
        }
        self.marks[usize::from(self.next)] = mark;
        self.next = (self.next + 1) % Limit::REMEMBERED as u8;
        self.len = (self.len + 1).min(Limit::REMEMBERED as u8);
    }

    /// Usage fell below a limit of the whole interface.
    pub(super) fn relieve(&mut self, limit: Limit) {
        self.retain(|mark| mark & 3 != limit as u32);
    }

    /// The group has fewer sources than it may have.
    pub(super) fn relieve_group(&mut self, group: u32) {
        let gone = mark(group, Limit::GroupSources);
        self.retain(|mark| mark != gone);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of refusals because of this limit that are remembered as reported.
    pub(super) fn count(&self, limit: Limit) -> usize {
        self.marks().iter().filter(|mark| *mark & 3 == limit as u32).count()
    }

    /// Returns true if a refusal is remembered as reported.
    pub(super) fn is_reported(&self, group: u32, limit: Limit) -> bool {
        self.marks().contains(&mark(group, limit))
    }

    fn marks(&self) -> &[u32] {
        &self.marks[..usize::from(self.len)]
    }

    fn retain(&mut self, keep: impl Fn(u32) -> bool) {
        let mut kept = 0;
        for at in 0..usize::from(self.len) {
            if keep(self.marks[at]) {
                self.marks[kept] = self.marks[at];
                kept += 1;
            }
        }
        self.len = kept as u8;
        self.next = self.len % Limit::REMEMBERED as u8;
    }
}

const fn mark(group: u32, limit: Limit) -> u32 {
    group & !3 | limit as u32
}
