//! Settings that are inadvisable, and those that are refused.

use core::fmt;

/// Settings that are valid but inadvisable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigWarning {
    /// The Robustness Variable is 1: one lost packet ends a membership (R-TIM-1, RFC 9777 section 9.1).
    NoRobustness,
    /// MLDv1 hosts misread a Query Response Interval above 32.767 s (R-CMP-20).
    MisreadResponseInterval,
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRobustness => "robustness-variable is 1: one lost packet ends a membership",
            Self::MisreadResponseInterval => {
                "query-max-response-time is above 32.767 seconds: MLDv1 hosts answer at other times"
            }
        })
    }
}

/// Settings that are refused. Keys are those of the configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value is out of its range.
    OutOfRange {
        /// The key.
        key: &'static str,
        /// The values that are allowed.
        allowed: &'static str,
    },
    /// The Query Response Interval is not below the Query Interval (RFC 9777 section 9.3).
    ResponseNotBelowInterval,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { key, allowed } => write!(f, "{key} must be {allowed}"),
            Self::ResponseNotBelowInterval => {
                f.write_str("query-max-response-time must be below query-interval")
            }
        }
    }
}

impl core::error::Error for ConfigError {}
