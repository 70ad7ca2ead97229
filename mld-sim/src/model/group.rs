//! The record of one group on the link (matrix 4.1) and what time does to it (4.4).

use core::net::Ipv6Addr;
use std::collections::BTreeMap;

/// One group with listeners. All deadlines are milliseconds of the router's own clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelGroup {
    /// Router Filter Mode: EXCLUDE(X,Y) or INCLUDE(A).
    pub exclude: bool,
    /// Deadline of the Filter Timer; meaningless in INCLUDE mode.
    pub filter_timer: u64,
    /// Deadline of each source: of A in INCLUDE mode, of X in EXCLUDE mode; 0 for the sources of Y, whose timer stands
    /// at zero (R-TIM-11).
    pub sources: BTreeMap<Ipv6Addr, u64>,
    /// Deadline of the Older-Version-Host-Present Timer, in MLDv1 compatibility mode (R-CMP-10). Never set on an
    /// interface of version 1, where no other mode exists.
    pub version_1_until: Option<u64>,
    /// Who last sent a record that wants traffic of this group.
    pub last_reporter: Option<Ipv6Addr>,
    /// When the record was made.
    pub created: u64,
    /// Transmissions of Q(MA) that are left (R-QRY-4).
    pub group_queries_left: u8,
    /// Transmissions that are left of each source on the retransmission list (R-QRY-6).
    pub source_queries_left: BTreeMap<Ipv6Addr, u8>,
    /// The one transmission clock of the group (R-QRY-12); `None` with nothing left to send.
    pub next_transmission: Option<u64>,
    /// State of an interface of version 1 (matrix 3.2, 3.3).
    pub(super) checking: Checking,
    /// A trigger queued something during the packet at hand.
    pub(super) triggered: bool,
    /// The moment that stands in the model's index of deadlines.
    pub(super) indexed: Option<u64>,
    /// Sources that the model's total counts for this group.
    pub(super) counted: usize,
}

/// Which table of MLDv1 the group is in, and whether it checks for listeners (R-V1R-10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checking {
    /// Listeners Present.
    No,
    /// Checking Listeners of the table for the querier (3.2).
    AsQuerier,
    /// Checking Listeners of the table for the others (3.3).
    AsNonQuerier,
}

impl ModelGroup {
    /// INCLUDE({}), which every unknown group is in (R-RST-7).
    pub(super) fn new(now: u64) -> Self {
        Self {
            exclude: false,
            filter_timer: 0,
            sources: BTreeMap::new(),
            version_1_until: None,
            last_reporter: None,
            created: now,
            group_queries_left: 0,
            source_queries_left: BTreeMap::new(),
            next_transmission: None,
            checking: Checking::No,
            triggered: false,
            indexed: None,
            counted: 0,
        }
    }

    /// X in EXCLUDE mode, A in INCLUDE mode: sources whose timer runs.
    pub fn running(&self) -> impl Iterator<Item = Ipv6Addr> + '_ {
        self.sources.iter().filter(|&(_, &deadline)| deadline != 0).map(|(&source, _)| source)
    }

    /// Y: sources whose timer stands at zero.
    pub fn excluded(&self) -> impl Iterator<Item = Ipv6Addr> + '_ {
        self.sources.iter().filter(|&(_, &deadline)| deadline == 0).map(|(&source, _)| source)
    }

    /// What a `membership` event says: whether EXCLUDE, and the sources it lists, ascending.
    pub fn told(&self) -> (bool, Vec<Ipv6Addr>) {
        let sources = if self.exclude { self.excluded().collect() } else { self.running().collect() };
        (self.exclude, sources)
    }

    /// INCLUDE with no source left is no record (R-RST-6).
    pub(super) fn is_without_listeners(&self) -> bool {
        !self.exclude && self.sources.is_empty()
    }

    /// Deletes a source; what is pending for it goes too (R-REC-9).
    pub(super) fn delete(&mut self, source: Ipv6Addr) {
        self.sources.remove(&source);
        self.source_queries_left.remove(&source);
    }

    /// Moves a source of X to Y; what is pending for it goes (R-REC-9).
    pub(super) fn exclude_source(&mut self, source: Ipv6Addr) {
        self.sources.insert(source, 0);
        self.source_queries_left.remove(&source);
    }

    /// The Filter Timer ends (4.4): INCLUDE(X), Y is deleted; with X empty nothing is left. A pending Q(MA) ends with it
    /// (R-QRY-17).
    pub(super) fn end_filter_timer(&mut self) {
        self.exclude = false;
        self.filter_timer = 0;
        self.sources.retain(|_, deadline| *deadline != 0);
        self.group_queries_left = 0;
    }

    /// The next moment at which a timer of the record ends.
    pub(super) fn next_expiry(&self) -> Option<u64> {
        let filter = self.exclude.then_some(self.filter_timer);
        let sources = self.sources.values().copied().filter(|&deadline| deadline != 0).min();
        [filter, sources, self.version_1_until].into_iter().flatten().min()
    }

    /// Ends the timers that have come to zero at `at`, in the order of R-TIM-13.
    pub(super) fn expire(&mut self, at: u64) {
        let ended: Vec<Ipv6Addr> = self
            .sources
            .iter()
            .filter(|&(_, &deadline)| deadline != 0 && deadline <= at)
            .map(|(&source, _)| source)
            .collect();
        for source in ended {
            // R-EXP-1: INCLUDE deletes the source, EXCLUDE keeps it as one that is not forwarded (R-EXP-2).
            if self.exclude { self.exclude_source(source) } else { self.delete(source) }
        }
        if self.exclude && self.filter_timer <= at {
            self.end_filter_timer();
        }
        // 4.4, last row: the mode goes back to version 2, nothing else happens (R-CMP-18).
        if self.version_1_until.is_some_and(|until| until <= at) {
            self.version_1_until = None;
        }
    }

    /// Lowers the Filter Timer; never extends it (R-TIM-12).
    pub(super) fn lower_filter_timer(&mut self, deadline: u64) {
        self.filter_timer = self.filter_timer.min(deadline);
    }

    /// Lowers the timer of a source of A or X that ends after `deadline`, and says whether there was one. Sources of Y
    /// and unknown ones are left alone.
    pub(super) fn lower_source_timer(&mut self, source: Ipv6Addr, deadline: u64) -> bool {
        match self.sources.get_mut(&source) {
            Some(timer) if *timer > deadline => {
                *timer = deadline;
                true
            }
            _ => false,
        }
    }
}
