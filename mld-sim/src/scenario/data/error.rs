use core::fmt;

/// Why a scenario cannot be staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    pub(in crate::scenario) place: Place,
    pub(in crate::scenario) text: String,
}

/// Where in a scenario something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario) struct Place {
    /// The table, by its name in the file: `router`, `step`. Empty: the top level.
    pub(in crate::scenario) table: &'static str,
    /// Which of them, from 0.
    pub(in crate::scenario) at: usize,
    /// The key, with those of the tables inside before it.
    pub(in crate::scenario) key: &'static str,
}

impl Place {
    /// A key of the top level.
    pub(in crate::scenario) const fn top(key: &'static str) -> Self {
        Self { table: "", at: 0, key }
    }

    /// A key of a table.
    pub(in crate::scenario) const fn new(table: &'static str, at: usize, key: &'static str) -> Self {
        Self { table, at, key }
    }

    /// Something is wrong here.
    pub(in crate::scenario) fn error(self, text: impl fmt::Display) -> ScenarioError {
        ScenarioError { place: self, text: text.to_string() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.table {
            "" => f.write_str(self.key),
            table => write!(f, "{table} {}: {}", self.at + 1, self.key),
        }
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

impl core::error::Error for ScenarioError {}
