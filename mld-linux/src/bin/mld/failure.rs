//! How the program ends when it cannot do what was asked.

use std::borrow::Cow;
use std::io;

/// The exit status of a failure. Scripts rely on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It ran and failed.
    Failed = 1,
    /// The arguments, the configuration or an input file cannot be used.
    Unusable = 2,
    /// Nothing was found.
    NothingFound = 3,
    /// A privilege is missing.
    Privilege = 4,
}

/// Why the program ends early.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nobody reads the results any more: a quiet end with status 0.
    ClosedPipe,
    /// An end with a status and one line on standard error.
    Told(Status, String),
}

impl Failure {
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Told(Status::Failed, message.into())
    }

    pub(crate) fn unusable(message: impl Into<String>) -> Self {
        Self::Told(Status::Unusable, message.into())
    }

    pub(crate) fn nothing_found(message: impl Into<String>) -> Self {
        Self::Told(Status::NothingFound, message.into())
    }

    pub(crate) fn privilege(message: impl Into<String>) -> Self {
        Self::Told(Status::Privilege, message.into())
    }

    /// A result could not be written to standard output.
    pub(crate) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::failed(format!("standard output: {error}")),
        }
    }
}

/// Makes one line of what a library reports in several: paragraphs become clauses.
pub(crate) fn fold(text: &str) -> Cow<'_, str> {
    if !text.contains('\n') {
        return Cow::Borrowed(text);
    }
    let mut folded = String::with_capacity(text.len());
    let mut paragraph_ended = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() {
            paragraph_ended = true;
            continue;
        }
        if !folded.is_empty() {
            folded.push_str(if paragraph_ended { "; " } else { " " });
        }
        paragraph_ended = false;
        folded.push_str(line);
    }
    Cow::Owned(folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_lines_become_one() {
        assert_eq!(fold("one line"), "one line");
        assert_eq!(fold("found a\n  and b\n\n  tip: use c\n\n"), "found a and b; tip: use c");
    }

    #[test]
    fn a_closed_pipe_is_no_failure_but_a_full_disk_is() {
        assert_eq!(Failure::output(&io::ErrorKind::BrokenPipe.into()), Failure::ClosedPipe);
        let full = Failure::output(&io::ErrorKind::StorageFull.into());
        assert!(matches!(full, Failure::Told(Status::Failed, _)), "{full:?}");
    }
}
