//! Which line shows what: everything, as long as that can be read; then what belongs together shares a line.

use std::collections::BTreeMap;

use super::lanes::Lanes;
use crate::record::picture::notes::{Entry, Fate, Kind, Notes, Weight};
use crate::record::words::Seconds;

/// A picture of more lines is not read.
const ROWS_MAX: usize = 84;
/// Up to so many lines a scenario is told in full although what follows is told in brief.
const ROWS_FILLED: usize = 60;
/// What hosts of one lane do alike within this time shares a line.
const BURST_MS: u64 = 30_000;

/// A line of the picture.
pub(in crate::record::picture) struct Row {
    pub(in crate::record::picture) at_ms: u64,
    pub(in crate::record::picture) until_ms: u64,
    pub(in crate::record::picture) entries: Vec<usize>,
    pub(in crate::record::picture) text: String,
    /// The entries are summed up and not drawn.
    pub(in crate::record::picture) is_cut: bool,
}

/// How much is folded together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    /// What a crowd does alike shares a line.
    Everything,
    /// What changes nothing is summed up.
    WithoutRoutine,
    /// That a message was lost or refused is no reason to show it, nor is what is said again, and what members of a
    /// crowd say about the same time shares a line.
    WithoutLosses,
    /// Nothing but what changes what a router knows, and what is done with nodes and the world.
    News,
}

/// Gives everything that happened a line, or a place in one.
///
/// A scenario that is too long is told in full at its beginning, as far as there is room, and in brief from there on.
pub(in crate::record::picture) fn fold(notes: &Notes, lanes: &Lanes) -> Folded {
    let fold = |full: Level, brief: Level, brief_from: usize| {
        let (rows, routine, left_out) = (Vec::new(), Vec::new(), Vec::new());
        Folding { notes, lanes, full, brief, brief_from, rows, routine, left_out }.fold()
    };
    let everything = fold(Level::Everything, Level::Everything, 0);
    if everything.rows.len() <= ROWS_MAX {
        return everything;
    }
    let levels = [Level::Everything, Level::WithoutRoutine, Level::WithoutLosses, Level::News];
    for (&full, &brief) in levels.iter().zip(&levels[1..]) {
        let mut fitting = fold(full, brief, 0);
        if fitting.rows.len() > ROWS_MAX {
            continue;
        }
        if brief < Level::WithoutLosses {
            return fitting;
        }
        let (mut fits, mut too_much) = (0, notes.entries.len());
        while too_much - fits > 1 {
            let between = usize::midpoint(fits, too_much);
            let folded = fold(full, brief, between);
            if folded.rows.len() <= ROWS_FILLED {
                (fits, fitting) = (between, folded);
            } else {
                too_much = between;
            }
        }
        return fitting;
    }
    let mut folded = fold(Level::News, Level::News, 0);
    leave_out_the_middle(&mut folded.rows);
    folded
}

/// The lines of a picture.
pub(in crate::record::picture) struct Folded {
    /// In order of time.
    pub(in crate::record::picture) rows: Vec<Row>,
    /// That some things have no line at all, in words.
    pub(in crate::record::picture) left_out: Option<String>,
}

struct Folding<'n> {
    notes: &'n Notes,
    lanes: &'n Lanes,
    full: Level,
    brief: Level,
    /// The first entry that is told in brief.
    brief_from: usize,
    rows: Vec<Row>,
    /// Entries that may be summed up.
    routine: Vec<usize>,
    left_out: Vec<usize>,
}

impl Folding<'_> {
    fn fold(mut self) -> Folded {
        for (at, entry) in self.notes.entries.iter().enumerate() {
            if self.join(at) {
                continue;
            }
            if self.is_routine(at, entry) {
                self.routine.push(at);
            } else {
                self.end_routine();
                self.rows.push(self.row(vec![at], false));
            }
        }
        self.end_routine();
        for at in 0..self.rows.len() {
            self.rows[at].text = self.text(&self.rows[at]);
        }
        let left_out = self.left_out.first().map(|first| {
            let since = match self.brief_from {
                0 => "Only what changed something is shown".into(),
                _ => {
                    let first = Seconds(self.notes.entries[*first].at_ms);
                    format!("From {first} s on only what changed something is shown")
                }
            };
            format!("{since}, and not {}.", self.counted(&self.left_out))
        });
        Folded { rows: self.rows, left_out }
    }

    fn level(&self, at: usize) -> Level {
        if at < self.brief_from { self.full } else { self.brief }
    }

    fn is_routine(&self, at: usize, entry: &Entry) -> bool {
        let is_smooth = entry.fates.iter().all(|(_, fate)| {
            matches!(fate, Fate::UnderWay | Fate::Down | Fate::Arrived { refused: None, .. })
        });
        match self.level(at) {
            Level::Everything => false,
            Level::WithoutRoutine => !entry.is_news && entry.weight < Weight::Weighty && is_smooth,
            Level::WithoutLosses => !entry.is_news && entry.weight < Weight::Weighty,
            Level::News => !entry.is_news || entry.kind == Kind::Call,
        }
    }

    fn end_routine(&mut self) {
        let mut routine = core::mem::take(&mut self.routine);
        let Some(&last) = routine.last() else { return };
        let level = self.level(last);
        if level == Level::News {
            let first_left_out = routine.partition_point(|at| self.level(*at) < Level::News);
            self.left_out.extend(routine.drain(first_left_out..));
        }
        // A line that says how many there are is no shorter than one or two of them.
        let cut_min = if level < Level::WithoutLosses { 3 } else { 2 };
        if routine.len() >= cut_min {
            self.rows.push(self.row(routine, true));
        } else {
            self.rows.extend(routine.iter().map(|at| self.row(vec![*at], false)).collect::<Vec<_>>());
        }
    }

    /// Gives an entry a place in the line of others that its crowd did alike a little before.
    fn join(&mut self, at: usize) -> bool {
        let entry = &self.notes.entries[at];
        let Some(own) = self.crowd_key(at) else { return false };
        for number in (0..self.rows.len()).rev() {
            let row = &self.rows[number];
            let first = &self.notes.entries[row.entries[0]];
            let is_bound = matches!(first.kind, Kind::Power | Kind::Change);
            if row.is_cut || is_bound || entry.at_ms - row.at_ms > BURST_MS {
                return false;
            }
            match self.crowd_key(row.entries[0]) {
                Some(other) if other == own => {
                    self.rows[number].entries.push(at);
                    self.rows[number].until_ms = entry.at_ms;
                    return true;
                }
                None if self.level(at) == Level::Everything => return false,
                _ => {}
            }
        }
        false
    }

    /// What entries of one crowd have in common when they share a line.
    fn crowd_key(&self, at: usize) -> Option<(usize, Kind, &str)> {
        let entry = &self.notes.entries[at];
        let lane = self.lanes.index(entry.who?);
        let text = if self.level(at) < Level::WithoutLosses { &*entry.text } else { "" };
        self.lanes.lanes[lane].is_crowd().then_some((lane, entry.kind, text))
    }

    fn row(&self, entries: Vec<usize>, is_cut: bool) -> Row {
        let time = |at: Option<&usize>| at.map_or(0, |at| self.notes.entries[*at].at_ms);
        let (at_ms, until_ms) = (time(entries.first()), time(entries.last()));
        Row { at_ms, until_ms, entries, text: String::new(), is_cut }
    }

    fn text(&self, row: &Row) -> String {
        match &row.entries[..] {
            entries if row.is_cut => format!("{}; nothing new", self.counted(entries)),
            [entry] => self.entry_text(&self.notes.entries[*entry]),
            entries => self.burst_text(row, entries),
        }
    }

    fn entry_text(&self, entry: &Entry) -> String {
        let name = entry.who.map_or("", |who| &self.notes.actors[who.0 as usize].name);
        let mut text = match entry.kind {
            kind if kind.is_message() => format!("{name}: {}", entry.text),
            Kind::Change | Kind::Timer => entry.text.clone(),
            _ => format!("{name} {}", entry.text),
        };
        for effect in &entry.effects {
            text += "; ";
            text += effect;
        }
        let mut refused: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (node, fate) in &entry.fates {
            if let Fate::Arrived { refused: Some(why), .. } = fate {
                let names = refused.entry(why.name()).or_default();
                let name = &*self.notes.actors[node.0 as usize].name;
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        for (why, names) in refused {
            text += &format!("; {}: {why}", names.join(", "));
        }
        text
    }

    fn burst_text(&self, row: &Row, entries: &[usize]) -> String {
        let first = &self.notes.entries[entries[0]];
        let is_alike = entries.iter().all(|at| self.notes.entries[*at].text == first.text);
        let until = if row.until_ms == row.at_ms {
            String::new()
        } else {
            format!(" until {} s", Seconds(row.until_ms))
        };
        if is_alike {
            format!("{} × {}{until}", entries.len(), first.text)
        } else {
            format!("{}{until}", self.counted(entries))
        }
    }

    /// How many of each kind there are.
    fn counted(&self, entries: &[usize]) -> String {
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        for at in entries {
            *counts.entry(self.notes.entries[*at].kind).or_default() += 1;
        }
        let texts: Vec<_> = counts
            .into_iter()
            .map(|(kind, count)| {
                let name = match kind {
                    Kind::Query if count == 1 => "Query",
                    Kind::Query => "Queries",
                    Kind::Report if count == 1 => "Report",
                    Kind::Report => "Reports",
                    Kind::Done => "Done",
                    Kind::Unreadable => "unreadable",
                    Kind::Call if count == 1 => "call",
                    Kind::Call => "calls",
                    Kind::Power => "starts and stops",
                    Kind::Timer if count == 1 => "timeout",
                    Kind::Timer => "timeouts",
                    Kind::Change if count == 1 => "change",
                    Kind::Change => "changes",
                };
                format!("{count} {name}")
            })
            .collect();
        texts.join(", ")
    }
}

/// Keeps the beginning and the end.
fn leave_out_the_middle(rows: &mut Vec<Row>) {
    let (first, last) = (ROWS_MAX / 2, rows.len() - ROWS_MAX / 2);
    let entries: Vec<_> = rows[first..last].iter().flat_map(|row| row.entries.iter().copied()).collect();
    let cut = Row {
        at_ms: rows[first].at_ms,
        until_ms: rows[last - 1].until_ms,
        text: format!("{} happenings are left out here", entries.len()),
        entries,
        is_cut: true,
    };
    rows.splice(first..last, [cut]);
}
