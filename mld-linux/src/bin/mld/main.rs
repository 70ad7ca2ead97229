//! `mld`: an MLD router on real interfaces, and everything a person does with it.

mod configuration;
mod control;
mod demo;
mod events;
mod failure;
mod log;
mod manage;
mod monitor;
mod output;
#[cfg(test)]
mod reference;
mod run;
mod show;
mod signals;
mod text;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::failure::{Failure, fold};

/// The router side of Multicast Listener Discovery, MLDv1 and MLDv2, on the interfaces of this machine
#[derive(Debug, Parser)]
#[command(name = "mld", version, propagate_version = true, arg_required_else_help = false)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Options),
    Run(run::Options),
    Monitor(monitor::Options),
    Show(show::Options),
}

fn main() -> ExitCode {
    match parse().and_then(|command| match command {
        Some(Command::Demo(options)) => demo::demo(&options),
        Some(Command::Run(options)) => run::run(&options),
        Some(Command::Monitor(options)) => monitor::monitor(&options),
        Some(Command::Show(options)) => show::show(&options),
        None => Ok(()),
    }) {
        Ok(()) | Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Err(Failure::Told(status, message)) => {
            log::line(&message);
            ExitCode::from(status as u8)
        }
    }
}

/// The command, or `None` if the help or version that was asked for has been printed.
fn parse() -> Result<Option<Command>, Failure> {
    match Cli::try_parse() {
        Ok(cli) => Ok(Some(cli.command)),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            let mut out = io::stdout().lock();
            write!(out, "{}", error.render())
                .and_then(|()| out.flush())
                .map_err(|error| Failure::output(&error))?;
            Ok(None)
        }
        Err(error) => Err(Failure::unusable(usage_error(&error.render().to_string()))),
    }
}

/// One line of a usage error that stands in paragraphs: what is wrong, tips, how to call it.
fn usage_error(rendered: &str) -> String {
    let text = rendered.strip_prefix("error: ").unwrap_or(rendered);
    let text = text.split("\n\nFor more information").next().unwrap_or(text);
    fold(&text.replace("\n\nUsage:", "\n\nusage:")).into_owned()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_usage_error_is_one_line_that_names_the_argument_and_the_usage() {
        for (arguments, part) in [
            (&["mld"][..], "subcommand"),
            (&["mld", "run", "--colour"], "--colour"),
            (&["mld", "run", "--events", "xml", "eth0"], "xml"),
            (&["mld", "demo", "--seconds", "soon"], "soon"),
            (&["mld", "demo", "--seconds", "0"], "0"),
            (&["mld", "monitor"], "INTERFACE"),
            (&["mld", "check", "mld.toml"], "check"),
        ] {
            let error = Cli::try_parse_from(arguments).expect_err("refused");
            let line = usage_error(&error.render().to_string());
            assert!(!line.contains('\n'), "{line}");
            assert!(line.contains(part), "{line}");
            let says_what_is_right = line.contains("usage: mld")
                || line.contains("possible values")
                || part == "0"
                || part == "soon";
            assert!(says_what_is_right, "{line}");
            assert!(!line.starts_with("error"), "{line}");
        }
    }
}
