//! The effect of a Report on one group: the tables of RFC 9777 sections 7.4.1, 7.4.2 and 8.3.2, and of RFC 2710 section
//! 6.
//!
//! The functions are named for the rows and headed by them. A is what the record or the group lists in include mode,
//! X are the requested and Y the excluded sources of a group in exclude mode.

use core::net::Ipv6Addr;

use super::engine::Core;
use super::membership::Pending;
use crate::addr::GroupAddr;
use crate::store::{GroupFlags, GroupId, SourceFlags, SourceList, View};
use crate::wire::{RecordType, WireAddr};

/// One record on its way into the tables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming<'p> {
    pub(super) record: RecordType,
    pub(super) group: GroupAddr,
    pub(super) sources: &'p [WireAddr],
    pub(super) reporter: Ipv6Addr,
    /// Which record of the packet it is.
    pub(super) at: u16,
}

impl Core {
    /// An MLDv2 record, or an MLDv1 Report, on an interface of version 2, whatever the role of the router (R-RST-1).
    pub(super) fn apply(&mut self, view: &mut View<'_>, incoming: Incoming<'_>) {
        let Incoming { record, group, sources, .. } = incoming;
        if self.is_ignored(group) {
            return;
        }
        let known = self.find(view, group);
        // R-CMP-10, R-CMP-15: records that an MLDv1 listener cannot express are ignored from others too.
        let version_1 = |view: &mut View<'_>| known.is_some_and(|id| self.is_in_version_1(view.group(id)));
        let changed = match record {
            RecordType::IsIn | RecordType::Allow => self.allow(view, known, incoming),
            // R-CMP-16, A-10: with its list, in whatever mode.
            RecordType::IsEx => self.exclude(view, known, incoming, Ask::Nothing),
            RecordType::ToEx if version_1(view) => {
                self.exclude(view, known, Incoming { sources: &[], ..incoming }, Ask::Unwanted)
            }
            RecordType::ToEx => self.exclude(view, known, incoming, Ask::Unwanted),
            RecordType::ToIn => self.change_to_include(view, known, incoming),
            RecordType::Block if version_1(view) => None,
            RecordType::Block => known.inspect(|id| self.block(view, *id, incoming)),
            // R-CMP-12, R-RST-2
            RecordType::Report => {
                let id = self.exclude(view, known, Incoming { sources: &[], ..incoming }, Ask::Nothing);
                if let Some(id) = id {
                    // R-CMP-11
                    let until = self.clock.now() + self.intervals().older_version_host_present_interval_ms();
                    view.group(id).version_1_until = until;
                }
                id
            }
        };
        let wants = match record {
            RecordType::IsEx | RecordType::ToEx | RecordType::Report => true,
            RecordType::IsIn | RecordType::ToIn | RecordType::Allow => self.usable(sources).next().is_some(),
            RecordType::Block => false,
        };
        if let (Some(id), true) = (changed, wants) {
            view.group(id).reporter = incoming.reporter;
        }
    }

    /// An MLDv1 Done on an interface of version 2 (R-CMP-13, R-CMP-14, A-11).
    pub(super) fn done(&mut self, view: &mut View<'_>, group: GroupAddr, reporter: Ipv6Addr) {
        let Some(id) = self.find(view, group) else { return };
        if self.is_in_version_1(view.group(id)) {
            let leave = Incoming { record: RecordType::ToIn, group, sources: &[], reporter, at: 0 };
            self.change_to_include(view, Some(id), leave);
        }
    }

    /// An MLDv1 Report on an interface of version 1 (RFC 2710 section 6).
    pub(super) fn version_1_report(&mut self, view: &mut View<'_>, incoming: Incoming<'_>) {
        if self.is_ignored(incoming.group) {
            return;
        }
        let known = self.find(view, incoming.group);
        let report = Incoming { sources: &[], ..incoming };
        let Some(id) = self.exclude(view, known, report, Ask::Nothing) else { return };
        let slot = view.group(id);
        slot.reporter = incoming.reporter;
        slot.version_1_until = u64::MAX;
        // An answer ends the series of Queries.
        slot.queries_left = 0;
        slot.query_at = 0;
        slot.flags.remove(GroupFlags::ROUND | GroupFlags::QUERY_DUE);
    }

    /// An MLDv1 Done on an interface of version 1 (RFC 2710 section 6; R-V1R-6, R-V1R-7, R-V1R-11).
    pub(super) fn version_1_done(&mut self, view: &mut View<'_>, group: GroupAddr) {
        let Some(id) = self.find(view, group) else { return };
        if !view.group(id).flags.contains(GroupFlags::LOWERED) {
            self.ask_group(view, id, self.config.immediate_leave);
        }
    }

    // INCLUDE (A)      IS_IN (B), ALLOW (B)   INCLUDE (A+B)        (B)=MALI
    // EXCLUDE (X,Y)    IS_IN (A), ALLOW (A)   EXCLUDE (X+A,Y-A)    (A)=MALI
    // R-REC-1, R-REC-2, A-35
    fn allow(
        &mut self,
        view: &mut View<'_>,
        known: Option<GroupId>,
        incoming: Incoming<'_>,
    ) -> Option<GroupId> {
        let id = self.for_sources(view, known, incoming)?;
        self.want(view, id, incoming);
        self.end_if_empty(view, id)
    }

    // INCLUDE (A)      TO_IN (B)   INCLUDE (A+B)        (B)=MALI, Send Q(MA,A-B)
    // EXCLUDE (X,Y)    TO_IN (A)   EXCLUDE (X+A,Y-A)    (A)=MALI, Send Q(MA,X-A), Send Q(MA)
    // R-REC-2
    fn change_to_include(
        &mut self,
        view: &mut View<'_>,
        known: Option<GroupId>,
        incoming: Incoming<'_>,
    ) -> Option<GroupId> {
        let id = self.for_sources(view, known, incoming)?;
        let at_once = self.config.immediate_leave;
        self.mark_listed(view, id, incoming);
        let mut asked = false;
        let mut walk = SourceList::walk(view, id);
        while let Some(source) = walk.next(view) {
            let slot = view.source(source);
            if slot.flags.contains(SourceFlags::SEEN) {
                slot.flags.remove(SourceFlags::SEEN);
            } else {
                asked |= self.ask_source(view, source, at_once);
            }
        }
        if asked {
            self.begin_round(view, id);
        }
        // After those that end at once, which make room.
        self.want(view, id, incoming);
        if self.is_exclude(view.group(id)) {
            self.ask_group(view, id, at_once);
        } else {
            self.end_if_empty(view, id);
        }
        self.find(view, incoming.group)
    }

    // INCLUDE (A)      IS_EX (B)   EXCLUDE (A*B,B-A)    (B-A)=0, Delete (A-B), Filter Timer=MALI
    // EXCLUDE (X,Y)    IS_EX (A)   EXCLUDE (A-Y,Y*A)    (A-X-Y)=MALI, Delete (X-A), Delete (Y-A), Filter Timer=MALI
    // INCLUDE (A)      TO_EX (B)   EXCLUDE (A*B,B-A)    the same, Send Q(MA,A*B)
    // EXCLUDE (X,Y)    TO_EX (A)   EXCLUDE (A-Y,Y*A)    the same but (A-X-Y)=Filter Timer, Send Q(MA,A-Y)
    // R-REC-1 to 4, A-8
    fn exclude(
        &mut self,
        view: &mut View<'_>,
        known: Option<GroupId>,
        incoming: Incoming<'_>,
        ask: Ask,
    ) -> Option<GroupId> {
        let id = match known {
            Some(id) => id,
            None => self.create(view, incoming.group, incoming.at)?,
        };
        let until = self.clock.now() + self.intervals().listening_interval_ms();
        let slot = view.group(id);
        let added_until = match ask {
            _ if !self.is_exclude(slot) => 0,
            Ask::Nothing => until,
            Ask::Unwanted => slot.filter_deadline,
        };
        if slot.source_count > 0 || !incoming.sources.is_empty() {
            self.list_exactly(view, id, incoming, added_until);
        }
        self.set_filter(view, id, until);
        if ask == Ask::Unwanted {
            self.ask_listed(view, id, incoming, false);
        }
        Some(id)
    }

    // INCLUDE (A)      BLOCK (B)   INCLUDE (A)          Send Q(MA,A*B)
    // EXCLUDE (X,Y)    BLOCK (A)   EXCLUDE (X+(A-Y),Y)  (A-X-Y)=Filter Timer, Send Q(MA,A-Y)
    // R-REC-2, R-REC-3, R-REC-10, A-9
    fn block(&mut self, view: &mut View<'_>, id: GroupId, incoming: Incoming<'_>) {
        if self.is_exclude(view.group(id)) {
            let until = view.group(id).filter_deadline;
            for address in self.usable(incoming.sources) {
                if self.find_source(view, id, address).is_none()
                    && let Some(source) = self.add_source(view, id, address, incoming.at)
                {
                    self.set_source(view, source, until);
                }
            }
        }
        self.ask_listed(view, id, incoming, self.config.immediate_leave);
        self.end_if_empty(view, id);
    }

    /// The group for a record that lists wanted sources: made if it lists any, R-RST-7.
    fn for_sources(
        &mut self,
        view: &mut View<'_>,
        known: Option<GroupId>,
        incoming: Incoming<'_>,
    ) -> Option<GroupId> {
        if known.is_none() && self.usable(incoming.sources).next().is_some() {
            return self.create(view, incoming.group, incoming.at);
        }
        known
    }

    /// Adds or refreshes each listed source.
    fn want(&mut self, view: &mut View<'_>, id: GroupId, incoming: Incoming<'_>) {
        let until = self.clock.now() + self.intervals().listening_interval_ms();
        for address in self.usable(incoming.sources) {
            let source = self
                .find_source(view, id, address)
                .or_else(|| self.add_source(view, id, address, incoming.at));
            if let Some(source) = source {
                self.set_source(view, source, until);
            }
        }
    }

    /// Marks each listed source that is there.
    fn mark_listed(&self, view: &mut View<'_>, id: GroupId, incoming: Incoming<'_>) {
        for address in self.usable(incoming.sources) {
            if let Some(source) = self.find_source(view, id, address) {
                view.source(source).flags.insert(SourceFlags::SEEN);
            }
        }
    }

    /// Deletes the sources that are not listed and then adds those that are not there; 0 means no timer.
    fn list_exactly(&mut self, view: &mut View<'_>, id: GroupId, incoming: Incoming<'_>, added_until: u64) {
        self.mark_listed(view, id, incoming);
        let mut walk = SourceList::walk(view, id);
        while let Some(source) = walk.next(view) {
            let flags = &mut view.source(source).flags;
            if flags.contains(SourceFlags::SEEN) {
                flags.remove(SourceFlags::SEEN);
            } else if !flags.contains(SourceFlags::TOMBSTONE) {
                self.delete_source(view, source, Pending::Dropped);
            }
        }
        for address in self.usable(incoming.sources) {
            if self.find_source(view, id, address).is_none()
                && let Some(source) = self.add_source(view, id, address, incoming.at)
                && added_until != 0
            {
                self.set_source(view, source, added_until);
            }
        }
    }

    /// Asks for the listed sources whose timers run.
    fn ask_listed(&mut self, view: &mut View<'_>, id: GroupId, incoming: Incoming<'_>, at_once: bool) {
        let mut asked = false;
        for address in self.usable(incoming.sources) {
            if let Some(source) = self.find_source(view, id, address) {
                asked |= self.ask_source(view, source, at_once);
            }
        }
        if asked {
            self.begin_round(view, id);
        }
    }

    /// R-RST-6: a group in include mode without sources does not exist. No timer ended it.
    fn end_if_empty(&mut self, view: &mut View<'_>, id: GroupId) -> Option<GroupId> {
        let slot = view.group(id);
        if slot.source_count > 0 || self.is_exclude(slot) {
            return Some(id);
        }
        self.end_group(view, id, Pending::Kept);
        None
    }

    /// The sources of a record that can be sources (R-WIRE-74).
    pub(super) fn usable<'p>(&self, sources: &'p [WireAddr]) -> impl Iterator<Item = Ipv6Addr> + use<'p> {
        let (link_local, own) = (self.election.link_local(), self.own.clone());
        sources.iter().map(|address| Ipv6Addr::from(*address)).filter(move |address| {
            let unusable = address.is_unspecified() || address.is_multicast() || address.is_loopback();
            !unusable && Some(*address) != link_local && !own.contains(address)
        })
    }

    fn is_ignored(&self, group: GroupAddr) -> bool {
        self.config.interpretations.ignore_link_local_groups && group.is_link_local()
    }
}

/// The Queries that a record calls for which sets the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    /// A current-state record (R-REC-8).
    Nothing,
    /// A change of the filter mode.
    Unwanted,
}
