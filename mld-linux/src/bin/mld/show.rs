//! `mld show`: asks a running router.

use core::net::Ipv6Addr;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::control::{DEFAULT_PATH, Refusal, RefusalKind, Request, View};
use crate::failure::Failure;
use crate::text::{Short, list, table};

/// How long the router may take for each part of its reply.
const PATIENCE: Duration = Duration::from_secs(10);
/// Sources in one cell of the table; `--json` has them all.
const SOURCES_SHOWN: usize = 2;

/// Show what a running `mld run` knows: its groups, who asked for them and for how long they last
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// What to show; may be left out
    #[arg(value_name = "groups")]
    first: Option<String>,
    /// Of which interface; all, if none is named
    #[arg(value_name = "INTERFACE")]
    second: Option<String>,
    /// Print the whole state as one JSON document, of one interface if one is named
    #[arg(long)]
    json: bool,
    /// The control socket of the router
    #[arg(long, value_name = "PATH", default_value = DEFAULT_PATH)]
    socket: PathBuf,
}

/// The part of the state document that the table shows.
#[derive(Debug, Deserialize)]
struct Document {
    interfaces: Vec<Interface>,
}

#[derive(Debug, Deserialize)]
struct Interface {
    name: String,
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Group {
    group_address: Ipv6Addr,
    filter_mode: Mode,
    expire: f64,
    up_time: f64,
    compatibility_mode: u8,
    state: String,
    last_reporter: Ipv6Addr,
    sources: Vec<Source>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Include,
    Exclude,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Source {
    source_address: Ipv6Addr,
    forwarding: bool,
}

/// Runs the command.
pub(crate) fn show(options: &Options) -> Result<(), Failure> {
    let request = Request {
        show: View::State,
        interface: interface(options.first.as_deref(), options.second.as_deref())?.map(str::to_owned),
    };
    let reply = ask(&options.socket, &request)?;
    let text = if options.json { reply } else { groups(&document(&options.socket, &reply)?) };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| Failure::output(&error))
}

/// The interface that is named; `groups` in the first place names the view.
fn interface<'a>(first: Option<&'a str>, second: Option<&'a str>) -> Result<Option<&'a str>, Failure> {
    match (first, second) {
        (None | Some("groups"), second) => Ok(second),
        (first, None) => Ok(first),
        (Some(view), Some(_)) => Err(Failure::unusable(format!(
            "show: there is no view {view:?}; usage: mld show [groups] [INTERFACE]"
        ))),
    }
}

fn ask(socket: &Path, request: &Request) -> Result<String, Failure> {
    let reply = exchange(socket, request).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => Failure::privilege(format!(
            "control socket {}: {error}; run as the user that the router runs as, or as root",
            socket.display()
        )),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Failure::failed(format!(
            "control socket {}: no mld run is listening there; start one, or name its socket with --socket",
            socket.display()
        )),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            Failure::failed(format!("control socket {}: mld run does not answer", socket.display()))
        }
        _ => Failure::failed(format!("control socket {}: {error}", socket.display())),
    })?;
    match serde_json::from_str::<Refusal>(&reply) {
        Ok(Refusal { error: RefusalKind::UnknownInterface, message }) => Err(Failure::nothing_found(message)),
        Ok(Refusal { error: RefusalKind::BadRequest, message }) => Err(Failure::failed(format!(
            "control socket {}: the running mld does not know this request: {message}",
            socket.display()
        ))),
        Err(_) => Ok(reply),
    }
}

fn exchange(socket: &Path, request: &Request) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    // Every reply ends in a line end: without it the router ended in the middle of it.
    if reply.ends_with('\n') { Ok(reply) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn document(socket: &Path, reply: &str) -> Result<Document, Failure> {
    serde_json::from_str(reply).map_err(|error| {
        Failure::failed(format!("control socket {}: no state document: {error}", socket.display()))
    })
}

fn groups(document: &Document) -> String {
    let rows: Vec<_> = document
        .interfaces
        .iter()
        .flat_map(|interface| interface.groups.iter().map(|group| row(&interface.name, group)))
        .collect();
    let head = ["INTERFACE", "GROUP", "MODE", "SOURCES", "EXPIRES", "UPTIME", "STATE", "LAST-REPORTER"];
    table(head, &rows)
}

fn row(interface: &str, group: &Group) -> [String; 8] {
    // As in a membership event: those wanted, or those not wanted.
    let named =
        group.sources.iter().filter(|source| source.forwarding == (group.filter_mode == Mode::Include));
    let sources = list(named.map(|source| source.source_address), ",", SOURCES_SHOWN);
    let mode = match group.filter_mode {
        Mode::Include => "INCLUDE",
        Mode::Exclude => "EXCLUDE",
    };
    [
        interface.to_owned(),
        group.group_address.to_string(),
        if group.compatibility_mode == 1 { format!("{mode}/v1") } else { mode.to_owned() },
        if sources.is_empty() { "-".to_owned() } else { sources },
        seconds(group.expire),
        seconds(group.up_time),
        group.state.clone(),
        if group.last_reporter.is_unspecified() { "-".to_owned() } else { group.last_reporter.to_string() },
    ]
}

fn seconds(seconds: f64) -> String {
    Short(Duration::try_from_secs_f64(seconds).unwrap_or_default()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Status;

    #[test]
    fn the_view_may_be_left_out() {
        assert_eq!(interface(None, None), Ok(None));
        assert_eq!(interface(Some("groups"), None), Ok(None));
        assert_eq!(interface(Some("eth0"), None), Ok(Some("eth0")));
        assert_eq!(interface(Some("groups"), Some("eth0")), Ok(Some("eth0")));
        assert_eq!(interface(Some("groups"), Some("groups")), Ok(Some("groups")));
        assert!(matches!(interface(Some("eth0"), Some("eth1")), Err(Failure::Told(Status::Unusable, _))));
    }

    #[test]
    fn the_table_names_the_sources_that_a_membership_names() {
        let document = r#"{"interfaces":[{"name":"eth0","address":"fe80::1","version":2,"role":"querier","querier":"fe80::1",
            "groups":[
            {"group-address":"ff05::1","filter-mode":"exclude","expire":242.5,"up-time":751,"compatibility-mode":1,
             "state":"listeners-present","last-reporter":"fe80::2","sources":[]},
            {"group-address":"ff05::2","filter-mode":"exclude","expire":1.55,"up-time":3.2,"compatibility-mode":2,
             "state":"checking-listeners","last-reporter":"fe80::3",
             "sources":[{"source-address":"2001:db8::1","expire":0,"up-time":3.2,"forwarding":false},
                        {"source-address":"2001:db8::2","expire":1.55,"up-time":3.2,"forwarding":true}]},
            {"group-address":"ff3e::8000:1","filter-mode":"include","expire":60,"up-time":7200,"compatibility-mode":2,
             "state":"listeners-present","last-reporter":"fe80::3",
             "sources":[{"source-address":"2001:db8::1","expire":60,"up-time":1,"forwarding":true},
                        {"source-address":"2001:db8::2","expire":60,"up-time":1,"forwarding":true},
                        {"source-address":"2001:db8::3","expire":60,"up-time":1,"forwarding":true}]}],
            "statistics":{}},{"name":"eth1","groups":[]}]}"#;
        let document = serde_json::from_str(document).expect("a state document");
        assert_eq!(
            groups(&document),
            "\
INTERFACE  GROUP         MODE        SOURCES                     EXPIRES  UPTIME  STATE               LAST-REPORTER
eth0       ff05::1       EXCLUDE/v1  -                           4m02s    12m31s  listeners-present   fe80::2
eth0       ff05::2       EXCLUDE     2001:db8::1                 1.5s     3.2s    checking-listeners  fe80::3
eth0       ff3e::8000:1  INCLUDE     2001:db8::1,2001:db8::2,+1  1m00s    2h00m   listeners-present   fe80::3
"
        );
    }
}
