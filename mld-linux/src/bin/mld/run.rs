//! `mld run`: the router.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::configuration::{load, warn};
use crate::events::Format;
use crate::failure::Failure;
use crate::manage::{Manager, Source};
use crate::signals::{Hangup, Signals};

/// Run the router on interfaces, in the foreground until SIGINT or SIGTERM
///
/// Prints a line for each event. SIGHUP reads the configuration file again. Needs CAP_NET_RAW and nothing more.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The interfaces to run on, beside those that the configuration file names
    #[arg(value_name = "INTERFACE")]
    interfaces: Vec<String>,
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the events as JSON, one object a line
    #[arg(long, value_name = "FORMAT")]
    events: Option<EventFormat>,
    /// Where to make the control socket [default: the file's control-socket, else /run/mld/mld.sock]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EventFormat {
    /// One JSON object a line
    Json,
}

/// Runs the command.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let source = Source {
        names: options.interfaces.clone(),
        file: options.config.clone(),
        socket: options.socket.clone(),
    };
    let configuration = load(source.file.as_deref(), &source.names).map_err(Failure::unusable)?;
    warn(&configuration);
    let format = match options.events {
        Some(EventFormat::Json) => Format::Json,
        None => Format::People,
    };
    // Before anything that a signal must not leave behind.
    let signals = Signals::register(Hangup::Reloads)?;
    let mut manager = Manager::open(configuration.interfaces.clone(), format, signals)?;
    manager.serve(&source, &configuration)?;
    manager.run(&source)
}
