//! The control socket of a running router: a Unix stream on which a client sends one line, a JSON object such as
//! `{"show":"state"}` or `{"show":"state","interface":"eth0"}`, and receives one: the state document, or
//! `{"error":"unknown-interface","message":"…"}`. Then the router closes the connection.

use core::time::Duration;
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::event::PollFlags;
use serde::{Deserialize, Serialize};

/// Where the socket is unless somebody names another place.
pub(crate) const DEFAULT_PATH: &str = "/run/mld/mld.sock";
/// Connections served at the same time; further ones wait to be accepted.
const CLIENTS_MAX: usize = 16;
/// Octets of a request.
const REQUEST_MAX: usize = 4096;
/// A client that neither sends nor reads for so long is dropped.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) show: View,
    /// Only this interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) interface: Option<String>,
}

/// Which document a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum View {
    /// Interfaces, groups and statistics.
    State,
}

/// Why a request cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) error: RefusalKind,
    pub(crate) message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RefusalKind {
    /// The request is none that this version knows.
    BadRequest,
    /// The router does not manage the interface.
    UnknownInterface,
}

/// The serving end. It never blocks: whoever holds it polls its descriptors and calls [`serve`](Self::serve).
#[derive(Debug)]
pub(crate) struct Control {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode of the socket file, to remove no other one at the end.
    identity: (u64, u64),
    clients: Vec<Client>,
}

#[derive(Debug)]
struct Client {
    stream: UnixStream,
    request: Vec<u8>,
    reply: Option<Vec<u8>>,
    written: usize,
    /// When it last sent or took something.
    active: Instant,
}

impl Control {
    /// Listens at `path`. A socket file that nobody serves any more is replaced; a missing directory is made.
    ///
    /// # Errors
    ///
    /// One line that names the path: another program serves it, something else is there, or it cannot be made.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let told = |error: io::Error| format!("control socket {}: {error}", path.display());
        match UnixStream::connect(path) {
            Ok(_) => {
                return Err(format!(
                    "control socket {}: another program serves it; name another",
                    path.display()
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                // Also what connecting to a file of another kind yields.
                if !fs::symlink_metadata(path).map_err(told)?.file_type().is_socket() {
                    return Err(format!("control socket {}: the file there is no socket", path.display()));
                }
                fs::remove_file(path).map_err(told)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
                    fs::create_dir_all(directory).map_err(told)?;
                }
            }
            Err(error) => return Err(told(error)),
        }
        let listener = UnixListener::bind(path).map_err(told)?;
        let made = fs::symlink_metadata(path).map_err(told)?;
        listener.set_nonblocking(true).map_err(told)?;
        Ok(Self { listener, path: path.to_owned(), identity: (made.dev(), made.ino()), clients: Vec::new() })
    }

    /// Where it listens.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What to wait for before the next [`serve`](Self::serve).
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let accepts = self.clients.len() < CLIENTS_MAX;
        let listener = accepts.then(|| (self.listener.as_fd(), PollFlags::IN));
        let clients = self.clients.iter().map(|client| {
            let flags = if client.reply.is_some() { PollFlags::OUT } else { PollFlags::IN };
            (client.stream.as_fd(), flags)
        });
        listener.into_iter().chain(clients)
    }

    /// When to call [`serve`](Self::serve) even if no descriptor is ready.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.clients.iter().map(|client| client.active + PATIENCE).min()
    }

    /// Goes on with every client as far as that is possible at once. `answer` makes the line for a request.
    pub(crate) fn serve(
        &mut self,
        now: Instant,
        mut answer: impl FnMut(&Request) -> Result<Vec<u8>, Refusal>,
    ) {
        while self.clients.len() < CLIENTS_MAX {
            // A client that is gone already, or no descriptor left: the others are served all the same.
            let Ok((stream, _)) = self.listener.accept() else { break };
            if stream.set_nonblocking(true).is_ok() {
                self.clients.push(Client {
                    stream,
                    request: Vec::new(),
                    reply: None,
                    written: 0,
                    active: now,
                });
            }
        }
        self.clients.retain_mut(|client| {
            let goes_on = client.go_on(now, &mut answer).unwrap_or(false);
            goes_on && now < client.active + PATIENCE
        });
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let ours =
            fs::symlink_metadata(&self.path).is_ok_and(|there| (there.dev(), there.ino()) == self.identity);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            crate::log::line(&format!("control socket {}: {error}", self.path.display()));
        }
    }
}

impl Client {
    /// Whether there is more to do for this client.
    fn go_on(
        &mut self,
        now: Instant,
        answer: &mut impl FnMut(&Request) -> Result<Vec<u8>, Refusal>,
    ) -> io::Result<bool> {
        let reply = match &mut self.reply {
            Some(reply) => reply,
            none => {
                let Some(line) = read_line(&mut self.stream, &mut self.request, &mut self.active, now)?
                else {
                    return Ok(true);
                };
                none.insert(answer_line(line, answer))
            }
        };
        while self.written < reply.len() {
            match self.stream.write(&reply[self.written..]) {
                Ok(count) => {
                    self.written += count;
                    self.active = now;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

/// The request once it is complete, at its line end or at the end of what the client sends.
fn read_line<'a>(
    stream: &mut UnixStream,
    request: &'a mut Vec<u8>,
    active: &mut Instant,
    now: Instant,
) -> io::Result<Option<&'a [u8]>> {
    let mut buffer = [0; 512];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) if request.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(0) => return Ok(Some(request)),
            Ok(count) => {
                *active = now;
                request.extend_from_slice(&buffer[..count]);
                if let Some(end) = request.iter().position(|&octet| octet == b'\n') {
                    return Ok(Some(&request[..end]));
                }
                if request.len() > REQUEST_MAX {
                    return Err(io::ErrorKind::InvalidData.into());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn answer_line(line: &[u8], answer: &mut impl FnMut(&Request) -> Result<Vec<u8>, Refusal>) -> Vec<u8> {
    let answered = serde_json::from_slice(line)
        .map_err(|error| Refusal { error: RefusalKind::BadRequest, message: error.to_string() })
        .and_then(|request| answer(&request));
    let mut reply = answered
        .unwrap_or_else(|refusal| serde_json::to_vec(&refusal).expect("two strings can always be written"));
    reply.push(b'\n');
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let directory = std::env::temp_dir().join(format!("mld-control-{name}-{}", std::process::id()));
            fs::create_dir_all(&directory).expect("a directory");
            Self(directory)
        }

        fn socket(&self) -> PathBuf {
            self.0.join("mld.sock")
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).expect("the directory is ours");
        }
    }

    fn echo(request: &Request) -> Result<Vec<u8>, Refusal> {
        match request.interface.as_deref() {
            Some("eth9") => {
                Err(Refusal { error: RefusalKind::UnknownInterface, message: "eth9 is not managed".into() })
            }
            _ => Ok(b"{\"interfaces\":[]}".to_vec()),
        }
    }

    fn ask(control: &mut Control, client: &mut UnixStream, line: &[u8]) -> String {
        client.write_all(line).expect("sent");
        control.serve(Instant::now(), echo);
        let mut reply = String::new();
        client.read_to_string(&mut reply).expect("reply");
        reply
    }

    #[test]
    fn a_request_is_answered_by_one_line_and_the_end() {
        let place = Place::new("answer");
        let mut control = Control::open(&place.socket()).expect("listens");
        for (line, reply) in [
            ("{\"show\":\"state\"}\n", "{\"interfaces\":[]}\n"),
            (
                "{\"show\":\"state\",\"interface\":\"eth9\"}\n",
                "{\"error\":\"unknown-interface\",\"message\":\"eth9 is not managed\"}\n",
            ),
        ] {
            let mut client = UnixStream::connect(place.socket()).expect("connects");
            assert_eq!(ask(&mut control, &mut client, line.as_bytes()), reply);
        }
        let mut client = UnixStream::connect(place.socket()).expect("connects");
        let reply = ask(&mut control, &mut client, b"{\"show\":\"weather\"}\n");
        assert!(reply.starts_with("{\"error\":\"bad-request\""), "{reply}");
        assert_eq!(control.clients.len(), 0);
    }

    #[test]
    fn a_client_who_does_not_read_is_dropped_and_holds_nobody_up() {
        let place = Place::new("slow");
        let mut control = Control::open(&place.socket()).expect("listens");
        let mut slow = UnixStream::connect(place.socket()).expect("connects");
        slow.write_all(b"{\"show\":\"state\"}\n").expect("sent");
        let start = Instant::now();
        control.serve(start, |_| Ok(vec![b' '; 64 << 20]));
        assert_eq!(control.clients.len(), 1, "the reply does not fit into the socket");

        let mut quick = UnixStream::connect(place.socket()).expect("connects");
        assert_eq!(ask(&mut control, &mut quick, b"{\"show\":\"state\"}\n"), "{\"interfaces\":[]}\n");

        let deadline = control.deadline().expect("a client waits");
        control.serve(deadline, echo);
        assert_eq!(control.clients.len(), 0);
    }

    #[test]
    fn clients_are_bounded_and_the_next_one_waits() {
        let place = Place::new("many");
        let mut control = Control::open(&place.socket()).expect("listens");
        let mut silent: Vec<_> =
            (0..=CLIENTS_MAX).map(|_| UnixStream::connect(place.socket()).expect("connects")).collect();
        control.serve(Instant::now(), echo);
        assert_eq!(control.clients.len(), CLIENTS_MAX);
        assert_eq!(control.descriptors().count(), CLIENTS_MAX, "the listener is not polled");

        drop(silent.remove(0));
        control.serve(Instant::now(), echo);
        let mut last = silent.pop().expect("the one that waited");
        assert_eq!(ask(&mut control, &mut last, b"{\"show\":\"state\"}\n"), "{\"interfaces\":[]}\n");
    }

    #[test]
    fn a_request_without_end_is_refused() {
        let place = Place::new("endless");
        let mut control = Control::open(&place.socket()).expect("listens");
        let mut client = UnixStream::connect(place.socket()).expect("connects");
        client.write_all(&[b' '; REQUEST_MAX + 1]).expect("sent");
        control.serve(Instant::now(), echo);
        assert_eq!(control.clients.len(), 0);
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_or_a_file_is_not() {
        let place = Place::new("stale");
        drop(UnixListener::bind(place.socket()).expect("a socket file that stays behind"));
        assert!(place.socket().exists());

        let control = Control::open(&place.socket()).expect("replaces it");
        let refused = Control::open(&place.socket()).expect_err("it is served");
        assert!(refused.contains("another program"), "{refused}");
        drop(control);
        assert!(!place.socket().exists(), "removed at the end");

        fs::write(place.socket(), "somebody's work").expect("a file");
        let refused = Control::open(&place.socket()).expect_err("a file");
        assert!(refused.contains("no socket"), "{refused}");
        assert!(place.socket().exists(), "left alone");
    }

    #[test]
    fn the_end_leaves_the_socket_of_a_successor() {
        let place = Place::new("successor");
        let control = Control::open(&place.socket()).expect("listens");
        fs::remove_file(place.socket()).expect("somebody removes it");
        let successor = UnixListener::bind(place.socket()).expect("somebody else listens");
        drop(control);
        assert!(place.socket().exists());
        drop(successor);
    }
}
