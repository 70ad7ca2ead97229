//! Stories as files.

use core::fmt::Write as _;
use core::ops::Range;
use std::path::Path;

use mld_proto::settings::Place;
use toml::Value;
use toml::de::{DeTable, DeValue};

use super::{Story, StoryError, error};
use crate::Error;

impl Story {
    /// Reads a story and makes sure that it can be staged.
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

    /// Reads a story from the text of a file and makes sure that it can be staged.
    ///
    /// # Errors
    ///
    /// What is wrong, with the place in front if it has one, as `:LINE:COLUMN: KEY: `; to be put behind the name of the file.
    pub fn parse(text: &str) -> Result<Self, String> {
        let story: Self =
            toml::from_str(text).map_err(|error| at_place(text, error.span(), error.message()))?;
        match story.stage() {
            Ok(_) => Ok(story),
            Err(error) => Err(error.in_file(text)),
        }
    }

    /// The text of a file that says this story.
    ///
    /// # Panics
    ///
    /// Never: there is nothing in a story that TOML cannot say.
    pub fn to_toml(&self) -> String {
        let table = toml::Table::try_from(self).expect("a story is a table");
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

impl StoryError {
    /// The error with its place in the text that the story was read from.
    fn in_file(&self, text: &str) -> String {
        let Ok(document) = DeTable::parse(text) else { return format!(": {self}") };
        at_place(text, span(document.get_ref(), self.place), &self.to_string())
    }
}

fn line(text: &mut String, key: &str, value: &Value) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{key} = {value}");
}

fn at_place(text: &str, span: Option<Range<usize>>, message: &str) -> String {
    match span.and_then(|span| Place::of(text, span)) {
        Some(Place { line, column, key }) if message.contains(key) => format!(":{line}:{column}: {message}"),
        Some(Place { line, column, key }) => format!(":{line}:{column}: {key}: {message}"),
        None => format!(": {message}"),
    }
}

/// Where the thing is, or the innermost thing around it that the text names.
fn span(document: &DeTable<'_>, place: error::Place) -> Option<Range<usize>> {
    let mut table = document;
    let mut found = None;
    if !place.table.is_empty() {
        let part = table.get(place.table)?.get_ref().as_array()?.get(place.at)?;
        found = Some(part.span());
        table = part.get_ref().as_table()?;
    }
    for key in place.key.split('.') {
        let Some(value) = table.get(key) else { break };
        found = Some(value.span());
        match value.get_ref() {
            DeValue::Table(inside) => table = inside,
            _ => break,
        }
    }
    found
}
