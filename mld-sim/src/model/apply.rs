//! What listeners' messages do to the groups (matrix 4, 5.2), and the limits on state.

use core::net::Ipv6Addr;

use super::group::ModelGroup;
use super::tables::{self, Room};
use super::{Model, ModelEvent};
use crate::packet::Record;
use crate::packet::codes::{RecordKind, is_reportable, scope};

const MAX_GROUPS: &str = "max-groups";
const MAX_GROUP_SOURCES: &str = "max-group-sources";
const MAX_SOURCES: &str = "max-sources";

impl Model {
    /// One record of an MLDv2 Report. Records of one group act in wire order (R-WIRE-75).
    pub(super) fn hear_record(&mut self, now: u64, from: Ipv6Addr, record: &Record) {
        // R-WIRE-63: an unknown type is skipped; R-WIRE-73: so is an address that nobody reports.
        let Some(kind) = RecordKind::of(record.kind) else { return };
        let group = record.group;
        if !is_reportable(group) {
            return;
        }
        let version_1 = self.settings.version == 1;
        // R-SSM-3, R-SSM-4. A-23 reads every record as an MLDv1 message, which R-SSM-5 ignores.
        let asks_for_all = matches!(kind, RecordKind::IsEx | RecordKind::ToEx);
        if self.settings.is_ssm(group) && (asks_for_all || version_1) {
            return;
        }
        // reading: a record that is read as MLDv1 is told under its own name.
        self.told.push(ModelEvent::Report { group, reporter: from, record: kind.name() });
        if self.is_not_kept(group) {
            return;
        }
        self.mention(group);
        if version_1 {
            // interest that is not empty is a Report, TO_IN({}) is a Done, the rest says nothing.
            if kind.wants_traffic(&record.sources) {
                self.report_in_version_1(now, from, group);
            } else if kind == RecordKind::ToIn {
                self.done_in_version_1(now, group);
            }
            return;
        }
        let in_v1_mode = self.groups.get(&group).is_some_and(|known| known.version_1_until.is_some());
        match (in_v1_mode, kind) {
            // 5.2, R-CMP-15: in MLDv1 mode BLOCK is ignored and TO_EX loses its list; IS_EX keeps it (R-CMP-16).
            (true, RecordKind::Block) => {}
            (true, RecordKind::ToEx) => self.apply_record(now, from, group, kind, &[]),
            _ => self.apply_record(now, from, group, kind, &record.sources),
        }
    }

    /// An MLDv1 Report.
    pub(super) fn hear_report_v1(&mut self, now: u64, from: Ipv6Addr, group: Ipv6Addr) {
        // R-SSM-5.
        if self.settings.is_ssm(group) {
            return;
        }
        self.told.push(ModelEvent::Report { group, reporter: from, record: "report" });
        if self.is_not_kept(group) {
            return;
        }
        self.mention(group);
        if self.settings.version == 1 {
            self.report_in_version_1(now, from, group);
            return;
        }
        // R-CMP-12: as IS_EX({}); R-CMP-11: mode and timer start anew with every Report.
        self.apply_record(now, from, group, RecordKind::IsEx, &[]);
        let until = now + self.older_version_host_present_interval();
        if let Some(mut record) = self.groups.remove(&group) {
            record.version_1_until = Some(until);
            self.put_back(group, record);
        }
    }

    /// An MLDv1 Done.
    pub(super) fn hear_done(&mut self, now: u64, from: Ipv6Addr, group: Ipv6Addr) {
        // R-SSM-5.
        if self.settings.is_ssm(group) {
            return;
        }
        self.told.push(ModelEvent::Done { group, reporter: from });
        self.mention(group);
        if self.settings.version == 1 {
            self.done_in_version_1(now, group);
            return;
        }
        // R-CMP-13 in MLDv1 mode, R-CMP-14 otherwise.
        if self.groups.get(&group).is_some_and(|known| known.version_1_until.is_some()) {
            self.apply_record(now, from, group, RecordKind::ToIn, &[]);
        }
    }

    /// A record of tables 4.2 and 4.3 with `list` in wire order.
    fn apply_record(
        &mut self,
        now: u64,
        from: Ipv6Addr,
        group: Ipv6Addr,
        kind: RecordKind,
        list: &[Ipv6Addr],
    ) {
        let mut record = match self.groups.remove(&group) {
            Some(record) => record,
            // R-RST-7: nothing comes of a record that leaves no state, and nothing is refused.
            None if !kind.wants_traffic(list) => return,
            None => match self.make_group(now, group) {
                Some(record) => record,
                None => return,
            },
        };
        let leaves_at_once = self.role.is_querier() && self.settings.immediate_leave;
        // reading: what an immediate leave deletes makes room for what the same TO_IN brings. In EXCLUDE the sources go by
        // way of the Exclude List, behind what the record brings.
        let deletes = leaves_at_once && kind == RecordKind::ToIn && !record.exclude;
        let last_listener = now + self.last_listener_time_ms();
        let ends =
            |&(source, &deadline): &(&Ipv6Addr, &u64)| !list.contains(source) && deadline > last_listener;
        let ending = if deletes { record.sources.iter().filter(ends).count() } else { 0 };
        let room = Room {
            group: (self.settings.max_group_sources as usize).saturating_sub(record.sources.len() - ending),
            total: (self.settings.max_sources as usize).saturating_sub(self.total_sources - ending),
        };
        let outcome = tables::apply(&mut record, kind, list, now, self.listening_interval_ms(), room);
        if outcome.deleted || ending > 0 {
            // The usage fell below both limits before anything was refused.
            self.told_limits.remove(&(MAX_GROUP_SOURCES, group));
            self.told_limits.retain(|&(limit, _)| limit != MAX_SOURCES);
        }
        // reading: with both limits reached the group's own is the one that is told.
        if outcome.refused_by_group {
            self.refuse(group, MAX_GROUP_SOURCES);
        }
        if outcome.refused_by_total {
            self.refuse(group, MAX_SOURCES);
        }
        if kind.wants_traffic(list) {
            record.last_reporter = Some(from);
        }
        // R-REC-7: only the querier asks; R-RXQ-4: and only it lowers timers because of a record.
        if self.role.is_querier() {
            if leaves_at_once && matches!(kind, RecordKind::ToIn | RecordKind::Block) {
                self.leave_at_once(now, group, &mut record, &outcome);
            } else {
                self.trigger(now, &mut record, &outcome);
            }
        }
        self.put_back(group, record);
    }

    /// A record for an unknown group, unless there are too many (R-SEC-8).
    pub(super) fn make_group(&mut self, now: u64, group: Ipv6Addr) -> Option<ModelGroup> {
        if self.groups.len() >= self.settings.max_groups as usize {
            self.refuse(group, MAX_GROUPS);
            return None;
        }
        Some(ModelGroup::new(now))
    }

    /// Puts a record where it belongs: among the groups, or away when it has no listeners (R-RST-6; what is pending goes
    /// with it, R-QRY-17). Brings the sums and the index of deadlines up to date.
    pub(super) fn put_back(&mut self, group: Ipv6Addr, mut record: ModelGroup) {
        if let Some(at) = record.indexed.take() {
            self.index.remove(&(at, group));
        }
        self.total_sources -= record.counted;
        if !record.is_without_listeners() {
            record.counted = record.sources.len();
            self.total_sources += record.counted;
            if record.group_queries_left == 0 && record.source_queries_left.is_empty() {
                record.next_transmission = None;
            }
            record.indexed = [record.next_expiry(), record.next_transmission].into_iter().flatten().min();
            if let Some(at) = record.indexed {
                self.index.insert((at, group));
            }
            self.groups.insert(group, record);
        }
        self.forget_told_limits(group);
    }

    /// Groups that the packet at hand is about, in order of first mention.
    pub(super) fn mention(&mut self, group: Ipv6Addr) {
        if !self.mentioned.contains(&group) {
            self.mentioned.push(group);
        }
    }

    /// reading: link-local groups are those of scope 2, whatever their flags; their messages are told.
    fn is_not_kept(&self, group: Ipv6Addr) -> bool {
        self.settings.ignore_link_local_groups && scope(group) == 2
    }

    /// Whether it was told that this limit refused state of the group, and the usage has not fallen below it since.
    pub fn is_limit_told(&self, group: Ipv6Addr, limit: &'static str) -> bool {
        self.told_limits.contains(&(limit, group))
    }

    /// How many refusals were told and need not be told again yet.
    pub fn limits_told(&self) -> usize {
        self.told_limits.len()
    }

    /// State was refused: told once for each group and limit until the usage falls below it.
    fn refuse(&mut self, group: Ipv6Addr, limit: &'static str) {
        if self.told_limits.insert((limit, group)) {
            self.told.push(ModelEvent::Limit { group, limit });
        }
    }

    /// Refusals may be told again where the usage has fallen below the limit.
    fn forget_told_limits(&mut self, group: Ipv6Addr) {
        if self.told_limits.is_empty() {
            return;
        }
        let of_group = self.groups.get(&group).map_or(0, |record| record.sources.len());
        if of_group < self.settings.max_group_sources as usize {
            self.told_limits.remove(&(MAX_GROUP_SOURCES, group));
        }
        let groups_fell = self.groups.len() < self.settings.max_groups as usize;
        let sources_fell = self.total_sources < self.settings.max_sources as usize;
        self.told_limits.retain(|&(limit, _)| match limit {
            MAX_GROUPS => !groups_fell,
            MAX_SOURCES => !sources_fell,
            _ => true,
        });
    }
}
