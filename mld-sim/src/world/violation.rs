//! A broken rule.

use core::fmt;

use mld_proto::Instant;

use crate::time::Seconds;

/// A rule was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When, in the world's time.
    pub at: Instant,
    /// Which rule.
    pub rule: &'static str,
    /// The fault and the demand, in one line.
    pub text: String,
}

impl Violation {
    /// A violation of `rule` at a moment that the world fills in.
    pub fn new(rule: &'static str, text: impl Into<String>) -> Self {
        Self { at: Instant::ZERO, rule, text: text.into() }
    }

    /// The same violation, attributed to a node.
    pub(crate) fn about(self, name: &str) -> Self {
        Self { text: format!("{name}: {}", self.text), ..self }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} s, rule {}: {}", Seconds(self.at.as_millis()), self.rule, self.text)
    }
}

impl core::error::Error for Violation {}
