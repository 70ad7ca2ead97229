use core::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// Why a command ended without doing what it should, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    status: Status,
    message: String,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nobody reads the output any more: nothing is wrong, and nothing is said.
    ClosedPipe,
    /// It ran and failed.
    Failed,
    /// The arguments, the configuration or an input file cannot be used.
    Unusable,
}

impl Error {
    /// The arguments, the configuration or an input file cannot be used.
    pub fn unusable(message: impl fmt::Display) -> Self {
        Self { status: Status::Unusable, message: one_line(&message.to_string()) }
    }

    /// It ran and failed.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self { status: Status::Failed, message: one_line(&message.to_string()) }
    }

    /// Standard output cannot be written.
    pub fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self { status: Status::ClosedPipe, message: String::new() },
            _ => Self::failed(format_args!("standard output: {error}")),
        }
    }

    /// The file `path` cannot be written; it may be a pipe that nobody reads any more.
    pub fn writing(path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self { status: Status::ClosedPipe, message: String::new() },
            _ => Self::failed(format_args!("{}: cannot be written: {error}", path.display())),
        }
    }

    /// How the command ended.
    pub const fn status(&self) -> Status {
        self.status
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for Error {}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::ClosedPipe => Self::SUCCESS,
            Status::Failed => Self::from(1),
            Status::Unusable => Self::from(2),
        }
    }
}

/// Folds what a library reports in several lines into one.
fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
