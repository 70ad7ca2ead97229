//! Queries are answered after a random delay (RFC 9777 section 6.2).

use core::net::Ipv6Addr;

use super::engine::Core;
use super::tables::{GroupFlags, SourceFlags, View};
use crate::store::GroupId;
use crate::wire::{Query, WireAddr};

/// How many sources of a group are remembered that Queries ask for; asked for more, the whole group answers (R-SEC-5).
/// More than one Query of an Ethernet frame asks for.
const QUERIED_MAX: u32 = 128;

impl Core {
    /// A Query in version 2 mode: the five rules (R-LSN-42). The S flag and the interval code mean nothing here
    /// (R-LSN-51).
    pub(super) fn apply_query(&mut self, view: &mut View<'_>, query: &Query<'_>) {
        // R-LSN-41: only with something to report.
        let group = if query.is_general() {
            if self.listening_count == 0 {
                return;
            }
            None
        } else {
            let Some(group) = self.listening_group(view, query.group) else { return };
            Some(group)
        };
        let window = u64::from(query.response_delay_ms);
        // R-LSN-45, A-19: never at once.
        let due = self.clock.now() + self.random.delay(window);
        let until = self.clock.now() + window.max(1);
        if self.general_at != 0 && self.general_at <= due {
            // Rule 1: the answer that is pending is also the answer to this Query.
            self.general_until = self.general_until.min(until);
            return;
        }
        let Some(group) = group else {
            // Rule 2: it becomes the answer to this one as well.
            self.general_until = if self.general_at == 0 { until } else { self.general_until.min(until) };
            self.general_at = due;
            return;
        };
        self.apply_specific_query(view, group, due, query.sources);
    }

    /// Rules 3 to 5, for groups of source-specific multicast too (R-SSM-8).
    fn apply_specific_query(&mut self, view: &mut View<'_>, group: GroupId, due: u64, sources: &[WireAddr]) {
        let slot = view.group(group);
        // A response that is about to be sent is as pending as one that waits.
        let at_once = slot.flags.contains(GroupFlags::ANSWER);
        let pending = at_once || slot.answer_at != 0;
        if !at_once && (slot.answer_at == 0 || due < slot.answer_at) {
            slot.answer_at = due;
            self.reschedule(view, group);
        }
        // Rule 4. An answer without sources to it is one for the whole group.
        if sources.is_empty() || pending && view.group(group).queried == 0 {
            return self.forget_queried(view, group);
        }
        for source in sources {
            if self.remember(view, group, Ipv6Addr::from(*source)).is_none() {
                // R-SEC-5
                self.stats.sources_forgotten += 1;
                return self.forget_queried(view, group);
            }
        }
    }

    /// Remembers a source that a Query asks for; `None` if there is no room.
    fn remember(&mut self, view: &mut View<'_>, group: GroupId, address: Ipv6Addr) -> Option<()> {
        let known = self.find_source(view.shared(), group, address);
        let full = view.group(group).queried >= QUERIED_MAX;
        let id = match known {
            Some(id) if view.source(id).flags.contains(SourceFlags::QUERIED) => return Some(()),
            _ if full => return None,
            Some(id) => id,
            None => self.add_source(view, group, address)?,
        };
        view.source(id).flags.insert(SourceFlags::QUERIED);
        view.group(group).queried += 1;
        Some(())
    }

    /// A group that is reported, in a state that can be read.
    pub(super) fn listening_group(&mut self, view: &mut View<'_>, address: Ipv6Addr) -> Option<GroupId> {
        let group = self.find_group(view.shared(), address)?;
        if !view.group(group).flags.contains(GroupFlags::LISTENING) {
            return None;
        }
        self.cancel_stale(view, group);
        Some(group)
    }
}
