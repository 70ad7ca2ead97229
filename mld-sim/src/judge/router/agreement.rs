//! The rule that the engine does what the model does.
//!
//! Model and engine get the same calls at the same moments of the router's own clock. After each call they must agree on
//! the result of the packet, on the state (groups, filter modes, sources, timers to the millisecond, compatibility mode,
//! querier), on what was sent and on what was reported.
//!
//! Queries and events are compared only while the router is on time: a clock that is coarse, wakes late or jumps ends
//! several deadlines in one call, and no text defines the events of that. From then on it also queries by another
//! schedule than the model, so that its Queries are not compared until it starts again; its state is.
//!
//! Where the texts leave a choice both are right:
//!
//! | case | accepted | why it hides nothing |
//! | --- | --- | --- |
//! | Queries of one instant | what [`agree`] accepts (L-1 to L-4 of the [model](crate::model)) | see there |
//! | events of the timers of one instant | any order, each once (L-5) | their kinds and values are compared |
//! | a later fragment | no MLD, or a fragment | it is ignored and counted |
//! | a fragment, or a packet cut off, in front of its message | either reason | it is ignored and counted |
//! | a packet before the start | any reason | it is ignored |
//! | a refusal that was reported before | reported again once there are more than a router remembers ([`Limit::REMEMBERED`]) | each must be reported at first |
//! | the one Query of an immediate leave, if the same Report names the group again | any | nothing is lowered or repeated because of it; the state is compared |
//! | compatibility mode at the very moment at which it ends | either | it is compared at the next call |

use core::net::Ipv6Addr;
use std::collections::{BTreeMap, BTreeSet};

use mld_proto::router::{GroupRef, Item, Limit, QuerierMode};
use mld_proto::wire::{MessageKind, RecordType};
use mld_proto::{Config, FilterMode, GroupAddr, Querier, Version};

use crate::model::{Heard, Model, ModelEvent, ModelGroup, ModelQuerier, ModelSettings, agree};
use crate::packet::{Sent, SentQuery, strict};
use crate::world::{Engine, Input, Told, Turn, Violation};

const RULE: &str = "agreement";
/// From so many groups on, only those that a Report names are compared after it, and some of the others in turn; all of
/// them are after each deadline and each Query.
const MANY: usize = 64;
const IN_TURN: usize = 8;

/// The model beside one router.
#[derive(Debug)]
pub(in crate::judge) struct ModelAgreement {
    pub(in crate::judge) model: Model,
    settings: ModelSettings,
    is_running: bool,
    /// The router was never late since it started.
    is_on_schedule: bool,
    /// More refusals stood since it started than it remembers as reported.
    forgets_limits: bool,
    /// The group whose turn it is to be compared although nothing happened to it.
    next: Ipv6Addr,
}

impl ModelAgreement {
    pub(in crate::judge) fn new(config: &Config) -> Self {
        let settings = settings(config);
        Self {
            model: Model::new(settings.clone()),
            settings,
            is_running: false,
            is_on_schedule: true,
            forgets_limits: false,
            next: Ipv6Addr::UNSPECIFIED,
        }
    }

    pub(in crate::judge) const fn settings(&self) -> &ModelSettings {
        &self.settings
    }

    /// Makes the same call as the router's and compares the effects.
    pub(in crate::judge) fn turn(&mut self, turn: &Turn<'_>, engine: &Engine) -> Result<(), Violation> {
        let now = turn.local.as_millis();
        if let Input::Crash = turn.input {
            self.model = Model::new(self.settings.clone());
            (self.is_running, self.is_on_schedule, self.forgets_limits) = (false, true, false);
            return Ok(());
        }
        let is_late = self.model.deadline().is_some_and(|deadline| deadline < now);
        if is_late {
            self.is_on_schedule = false;
            self.model.timeout(now - 1);
        }
        let mut heard = None;
        match turn.input {
            Input::Start(link_local) if !self.is_running => {
                (self.is_running, self.is_on_schedule, self.forgets_limits) = (true, true, false);
                self.model.start(now, link_local);
                self.model.timeout(now);
            }
            Input::Start(link_local) | Input::Address(link_local) => {
                self.model.set_address(now, link_local);
                self.model.timeout(now);
            }
            Input::Stop => {
                self.is_running = false;
                self.model.stop(now);
                self.model.timeout(now);
            }
            Input::Packet { packet, .. } => heard = Some(self.model.packet(now, packet)),
            Input::Timeout => self.model.timeout(now),
            Input::Crash | Input::Reconfigure => {}
        }
        let (sent, told) = (self.model.take_sent(), self.model.take_told());
        let (facts, told): (Vec<_>, Vec<_>) = told.into_iter().partition(is_fact);
        if let (Input::Packet { packet, result, items, .. }, Some(heard)) = (turn.input, heard) {
            compare_result(
                packet,
                result.map(heard_as).map_err(|reason| reason.name()),
                heard.map_err(reason_name),
            )?;
            self.forgets_limits |= self.model.limits_told() > Limit::REMEMBERED;
            self.compare_facts(items, &facts)?;
        }
        let frames = turn.sent.iter().map(|frame| parse(now, &frame.packet, self.settings.mtu));
        let frames = frames.collect::<Result<Vec<_>, _>>()?;
        if self.is_on_schedule {
            if !(self.settings.immediate_leave && names_a_group_twice(&turn.input)) {
                agree(&sent, &frames).map_err(|text| violation(format!("queries sent: {text}")))?;
            }
            let is_packet = matches!(turn.input, Input::Packet { .. });
            self.compare_told(&told, turn.told, is_packet)?;
        }
        self.compare_state(turn, told.iter().filter_map(named), engine, now)
    }

    fn compare_facts(&self, items: &[Item], facts: &[ModelEvent]) -> Result<(), Violation> {
        let got: Vec<_> = items.iter().filter_map(fact).collect();
        let mut wanted = facts.iter().peekable();
        let is_fit = |fact: &ModelEvent| match fact {
            fact if wanted.peek() == Some(&fact) => wanted.next().is_some(),
            ModelEvent::Limit { group, limit } => {
                self.forgets_limits && self.model.is_limit_told(*group, limit)
            }
            _ => false,
        };
        if got.iter().all(is_fit) && wanted.next().is_none() {
            Ok(())
        } else {
            Err(violation(format!("facts {got:?}, should be {facts:?}")))
        }
    }

    /// The contract's order for one packet; ascending for timers.
    fn compare_told(&self, model: &[ModelEvent], engine: &[Told], in_order: bool) -> Result<(), Violation> {
        let mut wanted: Vec<Told> = model.iter().filter_map(|event| self.told(event)).collect();
        let mut got = engine.to_vec();
        if !in_order {
            for list in [&mut wanted, &mut got] {
                list.sort_by_key(told_key);
                list.dedup();
            }
        }
        if wanted == got {
            Ok(())
        } else {
            Err(violation(format!("reported {got:?}, should have reported {wanted:?}")))
        }
    }

    /// A model's event as the router would report it, with the present values.
    fn told(&self, event: &ModelEvent) -> Option<Told> {
        Some(match event {
            ModelEvent::Querier => Told::Querier(querier(self.model.querier())),
            ModelEvent::Timeout(group) => Told::Timeout((*group).try_into().ok()?),
            ModelEvent::Membership(group) => Told::Membership {
                group: (*group).try_into().ok()?,
                members: self.model.groups().get(group).map(members),
            },
            ModelEvent::Stopped => Told::Stopped,
            _ => return None,
        })
    }

    fn compare_state(
        &mut self,
        turn: &Turn<'_>,
        told: impl Iterator<Item = Ipv6Addr>,
        engine: &Engine,
        now: u64,
    ) -> Result<(), Violation> {
        let wanted = querier(self.model.querier());
        if engine.querier() != wanted {
            return Err(violation(format!("querier {:?}, should be {wanted:?}", engine.querier())));
        }
        let groups = self.model.groups();
        match turn.input {
            Input::Packet { items, result, .. }
                if groups.len() >= MANY && !matches!(result, Ok(MessageKind::Query)) =>
            {
                let named = items.iter().filter_map(fact).filter_map(|fact| named(&fact));
                named.chain(told).try_for_each(|group| self.compare_one(engine, group, now))?;
                let in_turn: Vec<_> =
                    groups.range(self.next..).map(|(group, _)| *group).take(IN_TURN).collect();
                in_turn.iter().try_for_each(|group| self.compare_one(engine, *group, now))?;
                self.next = match in_turn.last() {
                    Some(last) if in_turn.len() == IN_TURN => Ipv6Addr::from_bits(last.to_bits() + 1),
                    _ => Ipv6Addr::UNSPECIFIED,
                };
                Ok(())
            }
            _ => {
                groups.keys().try_for_each(|group| self.compare_one(engine, *group, now))?;
                if engine.groups().count() == groups.len() {
                    return Ok(());
                }
                let more = engine.groups().find(|group| !groups.contains_key(&group.address().get()));
                let more =
                    more.map_or_else(|| "a group twice".to_owned(), |group| group.address().to_string());
                Err(violation(format!("{more} is known and should not be")))
            }
        }
    }

    /// Checks that the router knows the same of a group as the model.
    fn compare_one(&self, engine: &Engine, address: Ipv6Addr, now: u64) -> Result<(), Violation> {
        let group = GroupAddr::new(address).ok().and_then(|group| engine.group(group));
        match (group, self.model.groups().get(&address)) {
            (Some(group), Some(wanted)) => compare_group(&group, wanted, now, self.settings.version)
                .map_err(|text| violation(format!("{address}: {text}"))),
            (None, Some(wanted)) => {
                Err(violation(format!("{address} is not known, should be {}", show(wanted))))
            }
            (Some(_), None) => Err(violation(format!("{address} is known and should not be"))),
            (None, None) => Ok(()),
        }
    }
}

/// The group that a fact is about.
const fn named(fact: &ModelEvent) -> Option<Ipv6Addr> {
    match fact {
        ModelEvent::Report { group, .. }
        | ModelEvent::Done { group, .. }
        | ModelEvent::Limit { group, .. }
        | ModelEvent::Timeout(group)
        | ModelEvent::Membership(group) => Some(*group),
        _ => None,
    }
}

fn compare_group(group: &GroupRef<'_>, wanted: &ModelGroup, now: u64, configured: u8) -> Result<(), String> {
    let mut sources: BTreeMap<Ipv6Addr, u64> = BTreeMap::new();
    for source in group.sources() {
        sources.insert(source.address(), source.expires().map_or(0, |expires| expires.as_millis()));
    }
    let is_exclude = group.filter_mode() == FilterMode::Exclude;
    if is_exclude != wanted.exclude || sources != wanted.sources {
        return Err(format!("{} {sources:?}, should be {}", group.filter_mode().name(), show(wanted)));
    }
    if is_exclude && group.expires().as_millis() != wanted.filter_timer {
        let expires = group.expires().as_millis();
        return Err(format!("filter timer ends at {expires}, should end at {}", wanted.filter_timer));
    }
    let in_version_1 = configured == 1 || wanted.version_1_until.is_some_and(|until| until >= now);
    let version = if in_version_1 { Version::V1 } else { Version::V2 };
    if wanted.version_1_until != Some(now) && group.compatibility_mode() != version {
        return Err(format!("compatibility mode {:?}, should be {version:?}", group.compatibility_mode()));
    }
    if group.last_reporter() != wanted.last_reporter {
        return Err(format!(
            "last reporter {:?}, should be {:?}",
            group.last_reporter(),
            wanted.last_reporter
        ));
    }
    if group.created().as_millis() != wanted.created {
        return Err(format!("created at {}, should be {}", group.created().as_millis(), wanted.created));
    }
    Ok(())
}

fn compare_result(
    packet: &[u8],
    engine: Result<Heard, &'static str>,
    model: Result<Heard, String>,
) -> Result<(), Violation> {
    let same = match (&engine, &model) {
        (Ok(engine), Ok(model)) => engine == model,
        // Of a packet before the start only that it is ignored is compared.
        (Err(engine), Err(model)) => {
            let is_later_fragment = *engine == "fragment" && model == "not-mld";
            let has_no_message = |reason: &str| matches!(reason, "truncated" | "fragment");
            engine == model
                || model == "before-start"
                || is_later_fragment
                || (has_no_message(engine) && has_no_message(model))
        }
        _ => false,
    };
    if same {
        Ok(())
    } else {
        Err(violation(format!("verdict {engine:?}, should be {model:?}, of {packet:02x?}")))
    }
}

/// True if a Report has several records of one group.
fn names_a_group_twice(input: &Input<'_>) -> bool {
    let Input::Packet { items, .. } = input else { return false };
    let mut groups = BTreeSet::new();
    items.iter().any(|item| matches!(item, Item::Report { group, .. } if !groups.insert(group.get())))
}

fn fact(item: &Item) -> Option<ModelEvent> {
    Some(match *item {
        Item::Report { group, reporter, record } => {
            ModelEvent::Report { group: group.get(), reporter, record: record_name(record) }
        }
        Item::Done { group, reporter } => ModelEvent::Done { group: group.get(), reporter },
        Item::Limit { group, limit } => ModelEvent::Limit { group: group.get(), limit: limit.name() },
        _ => return None,
    })
}

const fn record_name(record: RecordType) -> &'static str {
    record.name()
}

const fn is_fact(event: &ModelEvent) -> bool {
    matches!(event, ModelEvent::Report { .. } | ModelEvent::Done { .. } | ModelEvent::Limit { .. })
}

const fn heard_as(kind: MessageKind) -> Heard {
    match kind {
        MessageKind::Query => Heard::Query,
        MessageKind::ReportV1 => Heard::ReportV1,
        MessageKind::Done => Heard::Done,
        MessageKind::ReportV2 => Heard::ReportV2,
    }
}

/// The model's reason in the words of the contract's counters.
fn reason_name(reason: crate::packet::Reason) -> String {
    let mut name = String::new();
    for letter in format!("{reason:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

fn parse(at: u64, packet: &[u8], mtu: u16) -> Result<SentQuery, Violation> {
    match strict(packet, mtu) {
        Ok(Sent::Query { query, .. }) => Ok(SentQuery { at, ..query }),
        Ok(other) => Err(Violation::new("strict", format!("a router sent {other:?}"))),
        Err(text) => Err(Violation::new("strict", format!("a router sent a packet that is wrong: {text}"))),
    }
}

const fn querier(querier: ModelQuerier) -> Querier {
    match querier {
        ModelQuerier::Me(address) => Querier::Own(address),
        ModelQuerier::Other(address) => Querier::Other(address),
        ModelQuerier::Unknown => Querier::Unknown,
    }
}

fn members(group: &ModelGroup) -> (FilterMode, Vec<Ipv6Addr>) {
    let (is_exclude, sources) = group.told();
    (if is_exclude { FilterMode::Exclude } else { FilterMode::Include }, sources)
}

/// The querier first, then groups ascending, a timeout before its membership.
fn told_key(told: &Told) -> (u8, Option<Ipv6Addr>, u8) {
    match told {
        Told::Querier(_) => (0, None, 0),
        Told::Timeout(group) => (1, Some(group.get()), 0),
        Told::Membership { group, .. } => (1, Some(group.get()), 1),
        Told::Stopped => (2, None, 0),
    }
}

fn show(group: &ModelGroup) -> String {
    let mode = if group.exclude { "exclude" } else { "include" };
    format!("{mode} {:?}", group.sources)
}

fn violation(text: String) -> Violation {
    Violation::new(RULE, text)
}

/// The settings of the model for a router's configuration. Changing one value shows which others were derived from it.
fn settings(config: &Config) -> ModelSettings {
    let other = |builder: mld_proto::router::ConfigBuilder| builder.build().unwrap_or(*config);
    let robustness = config.robustness_variable();
    let changed = if robustness == 1 { 2 } else { robustness - 1 };
    let with_robustness = other(config.to_builder().robustness_variable(changed));
    let doubled = config.query_interval() + core::time::Duration::from_secs(4);
    let with_interval = other(config.to_builder().query_interval(doubled));
    let millis = |duration: core::time::Duration| duration.as_millis() as u64;
    let count = config.last_listener_query_count();
    let startup = config.startup_query_count();
    let startup_interval = config.startup_query_interval();
    let interpretations = config.interpretations();
    ModelSettings {
        version: config.version().number(),
        querier_never: config.querier() == QuerierMode::Never,
        robustness,
        query_interval_ms: millis(config.query_interval()),
        response_interval_ms: millis(config.query_response_interval()),
        last_listener_interval_ms: millis(config.last_listener_query_interval()),
        last_listener_count: (with_robustness.last_listener_query_count() == count).then_some(count),
        startup_interval_ms: (with_interval.startup_query_interval() == startup_interval)
            .then_some(millis(startup_interval)),
        startup_count: (with_robustness.startup_query_count() == startup).then_some(startup),
        immediate_leave: config.immediate_leave(),
        require_router_alert: config.require_router_alert(),
        max_groups: config.max_groups(),
        max_group_sources: config.max_group_sources(),
        max_sources: config.max_sources(),
        mtu: config.mtu(),
        ssm_ranges: config
            .ssm_range()
            .prefixes()
            .iter()
            .map(|prefix| (prefix.address(), prefix.length()))
            .collect(),
        legacy_mali: interpretations.legacy_mali,
        strict_query_destination: interpretations.strict_query_destination,
        ignore_v1_querier: interpretations.ignore_v1_querier,
        version_1_reads_version_2_reports: interpretations.version_1_reads_version_2_reports,
        version_2_only: interpretations.version_2_only,
        ignore_link_local_groups: interpretations.ignore_link_local_groups,
    }
}
