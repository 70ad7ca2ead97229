//! The command line of `mld-sim`.

mod configuration;
mod files;
mod hunt;
mod interrupt;
mod records;
mod replay;
mod run;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::{Error, Status};

/// The MLD router engine in virtual time.
#[derive(Debug, Parser)]
#[command(
    name = "mld-sim",
    version,
    about,
    propagate_version = true,
    max_term_width = 100,
    arg_required_else_help = false
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Hunt(hunt::Arguments),
    Replay(replay::Arguments),
    Run(run::Arguments),
}

/// Runs the program with `arguments`, of which the first is its name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) if !error.use_stderr() => return end(help(&error)),
        Err(error) => return end(Err(Error::unusable(usage_error(&error)))),
    };
    // A panic of the engine is told as the rule that it breaks.
    crate::hunt::hush();
    end(match arguments.command {
        Command::Hunt(arguments) => hunt::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
    })
}

fn end(result: Result<(), Error>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    if error.status() != Status::ClosedPipe {
        say(format_args!("{error}"));
    }
    error.status().into()
}

/// Says something to the person at the terminal; where nobody listens, nothing is lost.
fn say(message: core::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "mld-sim: {message}");
}

fn help(text: &clap::Error) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    write!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(|error| Error::output(&error))
}

/// What is wrong with the arguments, without the synopsis that follows it.
fn usage_error(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let end = ["\nUsage:", "\nFor more information"].into_iter().filter_map(|begin| text.find(begin)).min();
    format!("{} (see --help)", text[..end.unwrap_or(text.len())].trim_end())
}
