//! `mld monitor`: who listens to what, without ever sending a packet.

use mld_proto::router::QuerierMode;
use mld_proto::settings::Settings;

use crate::configuration::managed;
use crate::events::Format;
use crate::failure::Failure;
use crate::manage::{Manager, Source};
use crate::signals::{Hangup, Signals};

/// Tell who listens to what on interfaces, without ever sending a packet
///
/// Prints a line for each event until SIGINT or SIGTERM. Needs CAP_NET_RAW and nothing more.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The interfaces to listen on
    #[arg(value_name = "INTERFACE", required = true)]
    interfaces: Vec<String>,
    /// Print the events as JSON, one object a line
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn monitor(options: &Options) -> Result<(), Failure> {
    let mut settings = Settings::default();
    settings.querier = Some(QuerierMode::Never);
    let mut interfaces = Vec::new();
    for name in &options.interfaces {
        let interface = managed(name, settings)
            .map_err(|(name, error)| Failure::unusable(format!("interface {name}: {error}")))?;
        if !interfaces.contains(&interface) {
            interfaces.push(interface);
        }
    }
    let format = if options.json { Format::Json } else { Format::People };
    let signals = Signals::register(Hangup::Ends)?;
    Manager::open(interfaces, format, signals)?.run(&Source::default())
}
