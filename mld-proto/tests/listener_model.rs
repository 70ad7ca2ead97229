//! Any calls in any order, against tables of sets that are worked out anew each time.

mod craft;
#[path = "support/listening.rs"]
mod listening;

use std::collections::{BTreeMap, BTreeSet};

use craft::{ALLOW, BLOCK, Craft, IS_EX, IS_IN, TO_EX, TO_IN};
use listening::{HOST, Host, OTHER, QUERIER, Sent, SentRecord, group, sources, tables};
use mld_proto::FilterMode;
use mld_proto::listener::{self, Socket};
use proptest::prelude::*;

type Set = BTreeSet<u16>;

const GROUPS: [&str; 3] = ["G", "G2", "ff02::1"];
const ROBUSTNESS: u8 = 3;

/// An interface record: exclude mode or not, and the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Record {
    exclude: bool,
    list: Set,
}

impl Record {
    fn listens(&self) -> bool {
        self.exclude || !self.list.is_empty()
    }

    fn wants(&self, source: u16) -> bool {
        self.list.contains(&source) != self.exclude
    }
}

/// A group in the model.
#[derive(Clone, Debug, Default)]
struct Group {
    /// The filter of each socket.
    sockets: BTreeMap<u32, Record>,
    /// Filter Mode Retransmission Counter and the retransmission list (RFC 9777 section 6.1).
    mode_left: u8,
    left: BTreeMap<u16, u8>,
    /// When the last State-Change Report was sent.
    reported_at: u64,
    /// The belief of a router that received every Report.
    belief: Record,
    /// The answer that specific Queries ask for: the sources, none for the whole group; and until when.
    asked: Option<Set>,
    asked_until: u64,
    asked_at: u64,
    /// Until then rule 1 may have let the answer to a General Query stand for another.
    unsure_until: u64,
}

impl Group {
    /// RFC 9777 section 4.2, in its own words.
    fn merged(&self) -> Record {
        let excluding: Vec<&Record> = self.sockets.values().filter(|record| record.exclude).collect();
        let included: Set = (self.sockets.values())
            .filter(|record| !record.exclude)
            .flat_map(|record| record.list.iter().copied())
            .collect();
        let Some((first, rest)) = excluding.split_first() else {
            return Record { exclude: false, list: included };
        };
        let all = rest.iter().fold(first.list.clone(), |all, record| &all & &record.list);
        Record { exclude: true, list: &all - &included }
    }

    /// The records of the next State-Change Report, and what that leaves.
    fn next_report(&mut self) -> Vec<(u8, Set)> {
        let now = self.merged();
        let mut records = Vec::new();
        if self.mode_left > 0 {
            self.mode_left -= 1;
            let kind = if now.exclude { TO_EX } else { TO_IN };
            records.push((kind, now.list));
        } else {
            let pending = || self.left.keys().copied();
            records.push((ALLOW, pending().filter(|source| now.wants(*source)).collect()));
            records.push((BLOCK, pending().filter(|source| !now.wants(*source)).collect()));
            records.retain(|(_, list): &(u8, Set)| !list.is_empty());
        }
        for source in records.iter().flat_map(|(_, list)| list) {
            if let Some(left) = self.left.get_mut(source) {
                *left -= 1;
            }
        }
        self.left.retain(|_, left| *left > 0);
        records
    }

    /// Returns true if there is nothing to answer.
    fn is_silent(&self, asked: &Set) -> bool {
        let now = self.merged();
        !asked.is_empty() && !asked.iter().any(|source| now.wants(*source))
    }

    fn believe(&mut self, record: &SentRecord) {
        let list: Set = record.sources.iter().map(|source| source.segments()[7]).collect();
        let belief = &mut self.belief;
        match (record.kind, belief.exclude) {
            (TO_IN, _) => *belief = Record { exclude: false, list },
            (TO_EX, _) => *belief = Record { exclude: true, list },
            (ALLOW, false) | (BLOCK, true) => belief.list.extend(list),
            (ALLOW, true) | (BLOCK, false) => belief.list = &belief.list - &list,
            (kind, _) => panic!("record type {kind}"),
        }
    }
}

#[derive(Debug)]
struct Model {
    host: Host,
    groups: [Group; 3],
    /// Since when and until when a General Query may be answered.
    general: Option<(u64, u64)>,
}

#[derive(Clone, Debug)]
enum Step {
    Listen { socket: u32, group: usize, exclude: bool, list: Set },
    Wait(u64),
    General(u16),
    Specific { group: usize, delay: u16, list: Set },
    Suppress(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let list = || prop::collection::btree_set(1_u16..6, 0..4);
    prop_oneof![
        6 => (1_u32..4, 0_usize..3, any::<bool>(), list())
            .prop_map(|(socket, group, exclude, list)| Step::Listen { socket, group, exclude, list }),
        6 => prop_oneof![0_u64..5, 0_u64..1200, 0_u64..12_000].prop_map(Step::Wait),
        1 => prop_oneof![Just(0), 1_u16..5, Just(10_000)].prop_map(Step::General),
        2 => (0_usize..2, prop_oneof![Just(0), 1_u16..5, Just(1000)], list())
            .prop_map(|(group, delay, list)| Step::Specific { group, delay, list }),
        1 => (0_usize..2).prop_map(Step::Suppress),
    ]
}

impl Model {
    fn new(seed: u64) -> Self {
        let config = listener::Config::builder().robustness_variable(ROBUSTNESS);
        let mut host = Host::down(config, tables(3, 9, 60), seed);
        host.up(Some(HOST));
        Self { host, groups: Default::default(), general: None }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Listen { socket, group, exclude, list } => self.listen(socket, group, exclude, list),
            Step::Wait(millis) => {
                self.host.run_for(millis);
                self.check_sent();
            }
            Step::General(delay) => {
                self.host.hear(&query("::", delay, &Set::new())).unwrap();
                assert_eq!(self.host.take(), [], "never at once");
                let (now, until) = (self.host.now, self.host.now + u64::from(delay).max(1));
                if self.groups[..2].iter().any(|model| model.merged().listens()) {
                    let pending = self.general.filter(|(_, until)| now <= *until);
                    self.general = Some(pending.map_or((now, until), |(at, first)| (at, first.max(until))));
                }
            }
            Step::Specific { group, delay, list } => {
                self.host.hear(&query(GROUPS[group], delay, &list)).unwrap();
                assert_eq!(self.host.take(), [], "never at once");
                self.ask(group, delay, list);
            }
            Step::Suppress(group_at) => {
                self.host.hear(&Craft::report_v1(OTHER, group(GROUPS[group_at]))).unwrap();
                assert_eq!(self.host.take(), []);
            }
        }
        self.check_state();
    }

    fn listen(&mut self, socket: u32, at: usize, exclude: bool, list: Set) {
        let mode = if exclude { FilterMode::Exclude } else { FilterMode::Include };
        self.host.try_listen(socket, group(GROUPS[at]), mode, &sources(list.iter().copied())).unwrap();
        let now = self.host.now;
        let model = &mut self.groups[at];
        let before = model.merged();
        model.sockets.insert(socket, Record { exclude, list });
        model.sockets.retain(|_, record| record.listens());
        let after = model.merged();
        let sent = self.host.take();
        if GROUPS[at] == "ff02::1" || before == after {
            assert_eq!(sent, [], "nothing to report");
            return;
        }
        if before.exclude == after.exclude {
            model.left.extend((&before.list ^ &after.list).into_iter().map(|source| (source, ROBUSTNESS)));
        } else {
            model.left.clear();
            model.mode_left = ROBUSTNESS;
        }
        if !after.listens() {
            model.asked = None;
        } else if model.asked.as_ref().is_some_and(|asked| !asked.is_empty()) {
            // An answer may or may not have been sent, depending on when the timer ended.
            model.unsure_until = model.unsure_until.max(model.asked_until);
            model.asked = None;
        }
        assert_eq!(sent.len(), 1);
        self.check_change(&sent[0], now);
        assert_eq!(self.groups[at].belief, after, "the routers know it at once");
    }

    /// A State-Change Report: of each group what the tables say.
    fn check_change(&mut self, sent: &Sent, now: u64) {
        for (model, name) in self.groups.iter_mut().zip(GROUPS) {
            let of_group: Vec<&SentRecord> =
                sent.records.iter().filter(|record| record.group == group(name)).collect();
            if of_group.is_empty() {
                continue;
            }
            let expected = model.next_report();
            let said: Vec<(u8, Set)> = of_group
                .iter()
                .map(|record| {
                    (record.kind, record.sources.iter().map(|source| source.segments()[7]).collect())
                })
                .collect();
            assert_eq!(said, expected, "{name}");
            for record in of_group {
                model.believe(record);
            }
            model.reported_at = now;
        }
    }

    /// Packets that timers had sent.
    fn check_sent(&mut self) {
        for sent in self.host.take() {
            if sent.records.iter().all(|record| matches!(record.kind, IS_IN | IS_EX)) {
                self.check_answer(&sent);
                continue;
            }
            for record in &sent.records {
                let at =
                    GROUPS.iter().position(|name| group(name) == record.group).expect("a group of the model");
                let since = sent.at - self.groups[at].reported_at;
                assert!((1..=1000).contains(&since), "repeated after {since} ms");
            }
            self.check_change(&sent, sent.at);
        }
        for model in &self.groups {
            let pending = model.mode_left > 0 || !model.left.is_empty();
            assert!(!pending || self.host.now - model.reported_at < 1000, "a repetition is missing");
        }
    }

    /// Each record answers the General Query, or what was asked of the group.
    fn check_answer(&mut self, sent: &Sent) {
        for record in &sent.records {
            let at =
                GROUPS.iter().position(|name| group(name) == record.group).expect("a group of the model");
            let model = &mut self.groups[at];
            let now = model.merged();
            let list: Set = record.sources.iter().map(|source| source.segments()[7]).collect();
            let whole = (if now.exclude { IS_EX } else { IS_IN }, now.list.clone());
            let asked = model.asked.as_ref().map(|asked| match asked.is_empty() {
                true => whole.clone(),
                false => (IS_IN, asked.iter().copied().filter(|source| now.wants(*source)).collect()),
            });
            let said = (record.kind, list);
            assert!(record.kind == IS_EX || !said.1.is_empty(), "IS_IN of nothing");
            if sent.at <= model.unsure_until {
                let is_true =
                    said == whole || said.0 == IS_IN && said.1.iter().all(|source| now.wants(*source));
                assert!(is_true, "{record:?} but {now:?}");
                continue;
            }
            let answers_general =
                said == whole && self.general.is_some_and(|(at, until)| at < sent.at && sent.at <= until);
            let answers_asked = asked.as_ref() == Some(&said) && model.asked_at < sent.at;
            assert!(answers_general || answers_asked, "{record:?} answers neither {whole:?} nor {asked:?}");
            if answers_asked {
                assert!(
                    answers_general || sent.at <= model.asked_until,
                    "{} after {}",
                    sent.at,
                    model.asked_until
                );
                if answers_general {
                    // Either of the two may be the one that is still to be sent.
                    model.unsure_until = model.unsure_until.max(model.asked_until);
                }
                model.asked = None;
            }
        }
    }

    /// RFC 9777 section 6.2, rules 3 to 5, unless an answer to a General Query may come sooner (rule 1).
    fn ask(&mut self, at: usize, delay: u16, list: Set) {
        let now = self.host.now;
        let until = now + u64::from(delay).max(1);
        let model = &mut self.groups[at];
        if !model.merged().listens() {
            return;
        }
        if let Some((_, general_until)) = self.general.filter(|(_, until)| now <= *until) {
            model.unsure_until = model.unsure_until.max(general_until).max(until).max(model.asked_until);
        }
        if now <= model.unsure_until {
            model.unsure_until = model.unsure_until.max(until);
            model.asked = None;
            return;
        }
        if model.asked.as_ref().is_some_and(|asked| model.is_silent(asked)) {
            // The timer may or may not have ended already.
            model.unsure_until = model.asked_until.max(until);
            model.asked = None;
            return;
        }
        match &mut model.asked {
            Some(asked) if now < model.asked_until => {
                if list.is_empty() || asked.is_empty() {
                    asked.clear();
                } else {
                    asked.extend(list);
                }
                model.asked_until = model.asked_until.min(until);
            }
            _ => {
                model.asked = Some(list);
                (model.asked_at, model.asked_until) = (now, until);
            }
        }
    }

    fn check_state(&self) {
        let mut expected: Vec<String> = GROUPS
            .iter()
            .zip(&self.groups)
            .map(|(name, model)| (name, model.merged()))
            .filter(|(_, record)| record.listens())
            .map(|(name, record)| {
                let mode = if record.exclude { "exclude" } else { "include" };
                format!("{mode} {name} {:?}", record.list.iter().collect::<Vec<_>>())
            })
            .collect();
        expected.sort();
        assert_eq!(self.host.records(), expected);
        for (name, model) in GROUPS.iter().zip(&self.groups) {
            for (socket, source) in (1..4).flat_map(|socket| (1..7).map(move |source| (socket, source))) {
                let wants = model.sockets.get(&socket).is_some_and(|record| record.wants(source));
                let delivers =
                    self.host.listener.delivers(Socket(socket), group(name), craft::source(source));
                assert_eq!(delivers, wants, "{name} {socket} {source}");
            }
        }
    }
}

fn query(name: &str, delay: u16, list: &Set) -> Craft {
    // A QRV of 0 leaves the Robustness Variable as it is configured.
    Craft::query_v2(QUERIER, group(name), delay, &sources(list.iter().copied())).with(24, &[0])
}

proptest! {
    // R-LSN-1 to 4, R-LSN-20 to 27, R-LSN-41, R-LSN-45 to 48, R-CMP-37
    #[test]
    fn listener_agrees_with_tables_of_sets(seed: u64, steps in prop::collection::vec(step(), 1..60)) {
        let mut model = Model::new(seed);
        for step in steps {
            model.apply(step);
        }
        // In the end nothing is left of it.
        model.apply(Step::Wait(12_000));
        for at in 0..3 {
            for socket in 1..4 {
                model.apply(Step::Listen { socket, group: at, exclude: false, list: Set::new() });
            }
        }
        model.apply(Step::Wait(12_000));
        prop_assert_eq!(model.host.listener.poll_timeout(), None);
        prop_assert!(model.groups.iter().all(|group| group.left.is_empty() && group.mode_left == 0));
    }
}
