//! Scenarios as files.

use core::fmt::Write as _;
use core::ops::Range;
use std::path::Path;

use mld_proto::settings::Place;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Value};

use super::data::{self, Scenario, ScenarioError};
use crate::Error;

impl Scenario {
    /// Reads a scenario and makes sure that it can be staged.
    ///
    /// # Errors
    ///
    /// [`Status::Unusable`](crate::Status::Unusable) with the file, the line and the key.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::unusable(format_args!("{shown}: {error}")))?;
        Self::parse(&text).map_err(|error| Error::unusable(format_args!("{shown}{error}")))
    }

    /// Reads a scenario from the text of a file and makes sure that it can be staged.
    ///
    /// # Errors
    ///
    /// What is wrong, in one line that is to be put behind the name of the file: `:LINE:COLUMN: KEY: ` and the reason, or
    /// only the reason if it is about the file as a whole.
    pub fn parse(text: &str) -> Result<Self, String> {
        let scenario: Self =
            toml::from_str(text).map_err(|error| at_place(text, error.span(), error.message()))?;
        match scenario.stage() {
            Ok(_) => Ok(scenario),
            Err(error) => Err(error.in_file(text)),
        }
    }

    /// The text of a file that says this scenario.
    ///
    /// # Panics
    ///
    /// Never: there is nothing in a scenario that TOML cannot say.
    pub fn to_toml(&self) -> String {
        let table = toml::Table::try_from(self).expect("a scenario is a table");
        let mut text = String::new();
        let is_list = |value: &Value| matches!(value, Value::Array(parts) if parts.first().is_some_and(Value::is_table));
        for (key, value) in table.iter().filter(|(_, value)| !is_list(value)) {
            line(&mut text, key, value);
        }
        for (key, parts) in table.iter().filter(|(_, value)| is_list(value)) {
            for part in parts.as_array().into_iter().flatten() {
                text.push_str("\n[[");
                text.push_str(key);
                text.push_str("]]\n");
                for (key, value) in part.as_table().into_iter().flatten() {
                    line(&mut text, key, value);
                }
            }
        }
        text
    }
}

impl ScenarioError {
    /// The error with its place in the text that the scenario was read from.
    fn in_file(&self, text: &str) -> String {
        let span = DeTable::parse(text).ok().and_then(|document| span(document.get_ref(), self.place));
        match span.and_then(|span| Place::of(text, span)) {
            Some(Place { line, column, .. }) => format!(":{line}:{column}: {self}"),
            None => format!(": {self}"),
        }
    }
}

fn line(text: &mut String, key: &str, value: &Value) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{key} = {value}");
}

/// The message with the line, the column and the key before it, if it is not about the file as a whole.
fn at_place(text: &str, span: Option<Range<usize>>, message: &str) -> String {
    let Some((at, Place { line, column, .. })) =
        span.and_then(|span| Some((span.start, Place::of(text, span)?)))
    else {
        return format!(": {message}");
    };
    let document = DeTable::parse(text).ok();
    match document.and_then(|document| key_at(document.get_ref(), at)) {
        Some(key) => format!(":{line}:{column}: {key}: {message}"),
        None => format!(":{line}:{column}: {message}"),
    }
}

/// What stands at this octet, as `host 2: version`.
fn key_at(document: &DeTable<'_>, at: usize) -> Option<String> {
    let mut path = String::new();
    let mut table = Some(document);
    while let Some((name, value)) = table.and_then(|table| last_before(table, at)) {
        if !path.is_empty() {
            path.push_str(if path.ends_with(|last: char| last.is_ascii_digit()) { ": " } else { "." });
        }
        path.push_str(&name);
        table = value.as_table();
    }
    (!path.is_empty()).then_some(path)
}

/// What begins last before this octet; of a list of tables each begins by itself.
fn last_before<'t, 'i>(table: &'t DeTable<'i>, at: usize) -> Option<(String, &'t DeValue<'i>)> {
    let mut last: Option<(usize, String, &DeValue<'_>)> = None;
    let mut meet = |start: usize, name: String, value: &'t DeValue<'i>| {
        if start <= at && last.as_ref().is_none_or(|(before, ..)| start > *before) {
            last = Some((start, name, value));
        }
    };
    for (key, value) in table {
        let list =
            value.get_ref().as_array().filter(|list| list.iter().any(|part| part.get_ref().is_table()));
        match list {
            Some(list) => {
                // Otherwise each has a header of its own.
                let is_inline = list.iter().all(|part| part.span().start > key.span().start);
                if is_inline {
                    meet(key.span().start, key.get_ref().to_string(), value.get_ref());
                }
                for (number, part) in (1..).zip(list.iter()) {
                    meet(part.span().start, format!("{} {number}", key.get_ref()), part.get_ref());
                }
            }
            None => meet(key.span().start, key.get_ref().to_string(), value.get_ref()),
        }
    }
    last.map(|(_, name, value)| (name, value))
}

/// Where the thing is, or the innermost thing around it that the text names.
fn span(document: &DeTable<'_>, place: data::Place) -> Option<Range<usize>> {
    let mut table = document;
    let mut found = None;
    if !place.table.is_empty() {
        let part = get(table, place.table)?.get_ref().as_array()?.get(place.at)?;
        found = Some(part.span());
        table = part.get_ref().as_table()?;
    }
    for key in place.key.split('.') {
        let Some(value) = get(table, key) else { break };
        found = Some(value.span());
        match value.get_ref() {
            DeValue::Table(inside) => table = inside,
            _ => break,
        }
    }
    found
}

/// The value of a key, which may stand in its old spelling.
fn get<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> Option<&'t Spanned<DeValue<'i>>> {
    let old = match key {
        "faults-off" => "calm",
        "misbehaviour" => "mischief",
        "stack" => "station",
        _ => return table.get(key),
    };
    table.get(key).or_else(|| table.get(old))
}
