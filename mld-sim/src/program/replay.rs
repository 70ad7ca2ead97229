use core::net::Ipv6Addr;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use mld_proto::document::{EventDocument, StateDocument};
use mld_proto::settings::Settings;

use super::{configuration, files, say};
use crate::Error;
use crate::capture::{Capture, TransmitCapture};
use crate::replay::{self, INTERFACE, Observer, Options, ReplayError, State};
use crate::time::parse_millis;
use crate::world::ETHERNET_MTU;

/// Run a router over a capture: what would it have known, sent and told at each moment?
///
/// Prints the events, one JSON object a line. Times are those of the capture's clock, in seconds.
#[derive(Args, Debug)]
pub(super) struct Arguments {
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

/// An address in fe80::/64: what an interface on a link is given (RFC 4291 section 2.5.6).
fn parse_address(text: &str) -> Result<Ipv6Addr, &'static str> {
    let address = text.parse::<Ipv6Addr>().ok();
    address
        .filter(|address| address.to_bits() >> 64 == 0xfe80 << 48)
        .ok_or("must be an IPv6 address in fe80::/64")
}

/// Replays a capture and prints the events.
pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let options = Options {
        address: arguments.address,
        start_ms: arguments.start,
        until_ms: arguments.until,
        config: match &arguments.config {
            Some(path) => {
                let settings = configuration::read(path)?.settings(INTERFACE);
                let config = settings.config(ETHERNET_MTU);
                config.map_err(|error| Error::unusable(format_args!("{}: {error}", path.display())))?
            }
            None => Settings::default().config(ETHERNET_MTU).map_err(Error::unusable)?,
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
    let read = [("the capture", Some(&*arguments.capture)), ("--config", arguments.config.as_deref())];
    let written = [("--transmit", arguments.transmit.as_deref()), ("--state", arguments.state.as_deref())];
    files::distinct(&read, &written)?;
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
        write_state(path, &State::new(INTERFACE, &router)).map_err(|error| Error::writing(path, &error))?;
    }
    if capture.is_cut() {
        let shown = arguments.capture.display();
        say(format_args!("warning: {shown}: ends inside a record; what stands before it was replayed"));
    }
    Ok(())
}

/// Names the argument that lies where the run cannot be.
fn end_before_start(arguments: &Arguments, error: &ReplayError<Error>) -> Error {
    match (arguments.start, arguments.until) {
        (Some(_), None) => {
            Error::unusable(format_args!("--start is after the last frame and --until is not given: {error}"))
        }
        (None, _) => Error::unusable(format_args!("--until is before the first frame: {error}")),
        (Some(_), Some(_)) => Error::unusable(format_args!("--until is before --start: {error}")),
    }
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
        Ok(Self { path, capture: capture.map_err(|error| Error::writing(path, &error))? })
    }

    fn finish(self) -> Result<(), Error> {
        self.capture.finish().map_err(|error| Error::writing(self.path, &error))
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
        written.map_err(|error| Error::writing(transmit.path, &error))
    }
}
