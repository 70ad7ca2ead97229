//! The command line of `mld-sim`.

use core::net::Ipv6Addr;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use mld_proto::document::{EventDocument, StateDocument};
use mld_proto::settings::Settings;

use crate::capture::Capture;
use crate::replay::{self, DEVICE_MTU, INTERFACE, Observer, Options, ReplayError, State};
use crate::seconds::parse_millis;
use crate::transmit::TransmitCapture;
use crate::{Error, Status, configuration};

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
    Replay(ReplayArguments),
}

/// Run a router over a capture: what would it have known, sent and told at each moment?
///
/// Prints the events, one JSON object a line. Times are those of the capture's clock, in seconds.
#[derive(Args, Debug)]
struct ReplayArguments {
    /// A pcap or pcapng of Ethernet, Linux cooked, raw or IPv6 packets.
    capture: PathBuf,
    /// Link-local address of the router's interface.
    #[arg(long, value_name = "ADDR", default_value = "fe80::1", value_parser = parse_address)]
    address: Ipv6Addr,
    /// When the interface comes up [default: with the first frame].
    #[arg(long, value_name = "SECONDS", value_parser = parse_millis)]
    start: Option<u64>,
    /// When the run ends [default: with the last frame].
    #[arg(long, value_name = "SECONDS", value_parser = parse_millis)]
    until: Option<u64>,
    /// Settings, in TOML; the interface is called "replay".
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write every packet that the router sends to a pcap.
    #[arg(long, value_name = "FILE")]
    transmit: Option<PathBuf>,
    /// Write the state at the end, in JSON.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

/// Runs the program with `arguments`, of which the first is its name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) if !error.use_stderr() => return end(help(&error)),
        Err(error) => return end(Err(Error::unusable(usage_error(&error)))),
    };
    let Command::Replay(arguments) = arguments.command;
    end(run_replay(&arguments))
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

/// An address in fe80::/64: what an interface on a link is given (RFC 4291 section 2.5.6).
fn parse_address(text: &str) -> Result<Ipv6Addr, &'static str> {
    let address = text.parse::<Ipv6Addr>().ok();
    address
        .filter(|address| address.to_bits() >> 64 == 0xfe80 << 48)
        .ok_or("must be an IPv6 address in fe80::/64")
}

fn run_replay(arguments: &ReplayArguments) -> Result<(), Error> {
    let options = Options {
        address: arguments.address,
        start_ms: arguments.start,
        until_ms: arguments.until,
        config: match &arguments.config {
            Some(path) => {
                let settings = configuration::read(path)?.settings(INTERFACE);
                let config = settings.config(DEVICE_MTU);
                config.map_err(|error| Error::unusable(format_args!("{}: {error}", path.display())))?
            }
            None => Settings::default().config(DEVICE_MTU).map_err(Error::unusable)?,
        },
    };
    if let (Some(start_ms), Some(end_ms)) = (options.start_ms, options.until_ms)
        && end_ms < start_ms
    {
        return Err(end_before_start(arguments, &ReplayError::EndBeforeStart { start_ms, end_ms }));
    }
    let unusable = |error: &dyn core::fmt::Display| {
        Error::unusable(format_args!("{}: {error}", arguments.capture.display()))
    };
    let file = File::open(&arguments.capture).map_err(|error| unusable(&error))?;
    let mut capture = Capture::new(file).map_err(|error| unusable(&error))?;
    distinct_files(arguments)?;
    let mut output = Output {
        events: BufWriter::with_capacity(1 << 16, io::stdout().lock()),
        transmit: match &arguments.transmit {
            Some(path) => Some(Transmit::new(path)?),
            None => None,
        },
    };
    let result = replay::replay(&mut capture, &options, &mut output);
    // What happened before an error is told all the same.
    let told = output.events.flush().map_err(|error| Error::output(&error));
    let router = result.map_err(|error| match error {
        ReplayError::Capture(error) => unusable(&error),
        ReplayError::EndBeforeStart { .. } => end_before_start(arguments, &error),
        ReplayError::Memory => Error::failed(&error),
        ReplayError::Observer(error) => error,
    })?;
    told?;
    if let Some(transmit) = output.transmit {
        transmit.finish()?;
    }
    if let Some(path) = &arguments.state {
        write_state(path, &State::new(INTERFACE, &router)).map_err(|error| Error::writing(path, error))?;
    }
    if capture.is_cut() {
        let shown = arguments.capture.display();
        say(format_args!("warning: {shown}: ends inside a record; what stands before it was replayed"));
    }
    Ok(())
}

/// Names the argument that lies where the run cannot be.
fn end_before_start(arguments: &ReplayArguments, error: &ReplayError<Error>) -> Error {
    match (arguments.start, arguments.until) {
        (Some(_), None) => {
            Error::unusable(format_args!("--start is after the last frame and --until is not given: {error}"))
        }
        (None, _) => Error::unusable(format_args!("--until is before the first frame: {error}")),
        (Some(_), Some(_)) => Error::unusable(format_args!("--until is before --start: {error}")),
    }
}

/// A file that is written must not be one that is read, nor be written twice.
fn distinct_files(arguments: &ReplayArguments) -> Result<(), Error> {
    let written = [("--transmit", &arguments.transmit), ("--state", &arguments.state)];
    let read = [("the capture", Some(&arguments.capture)), ("--config", arguments.config.as_ref())];
    let named = read.into_iter().chain(written.map(|(name, path)| (name, path.as_ref())));
    let mut seen: Vec<(&str, PathBuf)> = Vec::new();
    for (name, path) in named.filter_map(|(name, path)| Some((name, path?))) {
        // A device or pipe cannot be overwritten.
        let Some(file) = real_path(path).filter(|path| path.is_file() || !path.exists()) else { continue };
        let same = seen.iter().find(|(_, other)| *other == file);
        if let Some((other, _)) = same.filter(|_| name.starts_with("--") && name != "--config") {
            return Err(Error::unusable(format_args!(
                "{name} {} must be another file than {other}",
                path.display()
            )));
        }
        seen.push((name, file));
    }
    Ok(())
}

/// The path of a file without links, also of one that is still to be made.
fn real_path(path: &Path) -> Option<PathBuf> {
    let folder =
        path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let made = || Some(folder?.canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(made)
}

fn write_state(path: &Path, state: &State<'_>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    serde_json::to_writer(&mut file, &StateDocument { interfaces: core::slice::from_ref(state) })?;
    file.write_all(b"\n")?;
    file.flush()
}

/// Where the results of a replay go.
struct Output<'a, W: Write> {
    events: W,
    transmit: Option<Transmit<'a>>,
}

struct Transmit<'a> {
    path: &'a Path,
    capture: TransmitCapture<BufWriter<File>>,
}

impl<'a> Transmit<'a> {
    fn new(path: &'a Path) -> Result<Self, Error> {
        let capture = File::create(path).and_then(|file| TransmitCapture::new(BufWriter::new(file)));
        Ok(Self { path, capture: capture.map_err(|error| Error::writing(path, error))? })
    }

    fn finish(self) -> Result<(), Error> {
        self.capture.finish().map_err(|error| Error::writing(self.path, error))
    }
}

impl<W: Write> Observer for Output<'_, W> {
    type Error = Error;

    fn event(&mut self, event: EventDocument<'_>) -> Result<(), Error> {
        let written = serde_json::to_writer(&mut self.events, &event).map_err(io::Error::from);
        written.and_then(|()| self.events.write_all(b"\n")).map_err(|error| Error::output(&error))
    }

    fn transmit(&mut self, time_ms: u64, destination: Ipv6Addr, packet: &[u8]) -> Result<(), Error> {
        let Some(transmit) = &mut self.transmit else { return Ok(()) };
        let written = transmit.capture.write(time_ms, destination, packet);
        written.map_err(|error| Error::writing(transmit.path, error))
    }
}
