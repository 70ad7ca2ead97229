//! Processes of the program, and links for them.

use core::net::Ipv6Addr;
use core::time::Duration;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use mld_linux::lab::{self, Host, Listener};
use mld_proto::GroupAddr;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long anything may take that is to happen at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A link between this namespace and a host of its own.
pub(crate) struct Link {
    pub(crate) name: &'static str,
    pub(crate) host: Host,
}

impl Link {
    /// A link that is up at both ends, with addresses that can be used. The kernel at this end is quiet.
    pub(crate) fn new(name: &'static str) -> Self {
        let host = Host::new(name).expect("a host");
        lab::veth(name, "eth0", Some(&host)).expect("a veth link");
        lab::write_sysctl(&format!("net/ipv6/conf/{name}/router_solicitations"), "0").expect("a sysctl");
        lab::no_dad(name).expect("no duplicate address detection");
        lab::set_up(name).expect("up");
        host.run(|| lab::no_dad("eth0").and_then(|()| lab::set_up("eth0"))).expect("up");
        lab::wait_link_local(name, PATIENCE).expect("an address");
        host.run(|| lab::wait_link_local("eth0", PATIENCE)).expect("an address");
        Self { name, host }
    }

    pub(crate) fn listener(&self) -> Listener {
        self.host.listener("eth0").expect("a socket of the host")
    }

    /// The link-local address of this end.
    pub(crate) fn address(&self) -> Ipv6Addr {
        lab::wait_link_local(self.name, PATIENCE).expect("an address")
    }

    /// Packets that this end has sent so far, whoever made them.
    pub(crate) fn sent(&self) -> u64 {
        let name = self.name;
        let table = fs::read_to_string("/proc/thread-self/net/dev").expect("the table of devices");
        let line = table
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("{name}:")))
            .expect("the device");
        let numbers = line.split(':').nth(1).expect("numbers");
        numbers.split_whitespace().nth(9).expect("a column").parse().expect("a number")
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // A test may have deleted it already.
        let _ = lab::delete(self.name);
    }
}

/// A directory for sockets and files.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mld-program-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("a path in UTF-8").to_owned()
    }

    /// Writes a file and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).expect("written");
        self.text(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The program, not yet started.
pub(crate) fn mld(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mld"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// What a process that ended left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Checks that it failed with this status and one line on standard error, which has all `parts`.
    #[track_caller]
    pub(crate) fn failed_with(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert!(self.stderr.starts_with("mld: "), "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} in {self:?}");
        }
    }
}

impl Ended {
    /// The same of a router, which may have told of its interfaces before.
    #[track_caller]
    pub(crate) fn failed_with_after_logs(&self, code: i32, parts: &[&str]) {
        let last = self.stderr.lines().last().unwrap_or_default();
        let last = Self { code: self.code, stdout: String::new(), stderr: format!("{last}\n") };
        last.failed_with(code, parts);
    }
}

/// Runs a command to its end.
pub(crate) fn output(mut command: Command) -> Ended {
    let output = command.output().expect("the command starts");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// Runs the program to its end.
pub(crate) fn end_of(arguments: &[&str]) -> Ended {
    output(mld(arguments))
}

/// A process of the program that runs beside the test.
pub(crate) struct Running {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Running {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child =
            mld(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let stdout = lines(child.stdout.take().expect("a pipe"));
        let stderr = lines(child.stderr.take().expect("a pipe"));
        Self { child, stdout, stderr }
    }

    /// The next line of standard output for which `wanted` is true.
    #[track_caller]
    pub(crate) fn line(&self, wanted: impl Fn(&str) -> bool) -> String {
        await_line(&self.stdout, wanted)
    }

    /// The next line of the log for which `wanted` is true.
    #[track_caller]
    pub(crate) fn log(&self, wanted: impl Fn(&str) -> bool) -> String {
        await_line(&self.stderr, wanted)
    }

    /// The next event for which `wanted` is true, from lines of JSON.
    #[track_caller]
    pub(crate) fn event(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let line = self.line(|line| wanted(&serde_json::from_str(line).expect("a JSON object")));
        serde_json::from_str(&line).expect("a JSON object")
    }

    /// Waits until there has been an event for each of `wanted`, in any order.
    #[track_caller]
    pub(crate) fn events<F: Fn(&Value) -> bool>(&self, wanted: impl IntoIterator<Item = F>) {
        let mut wanted: Vec<F> = wanted.into_iter().collect();
        while !wanted.is_empty() {
            let event = self.event(|event| wanted.iter().any(|wanted| wanted(event)));
            wanted.retain(|wanted| !wanted(&event));
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(id, signal).expect("the process is ours");
    }

    /// Waits for the end: its status and the lines that nobody read.
    #[track_caller]
    pub(crate) fn end(mut self) -> (ExitStatus, Vec<String>, Vec<String>) {
        let status = wait(&mut self.child);
        (status, self.stdout.iter().collect(), self.stderr.iter().collect())
    }

    /// Ends it with SIGTERM.
    #[track_caller]
    pub(crate) fn terminate(self) -> (ExitStatus, Vec<String>, Vec<String>) {
        self.signal(Signal::TERM);
        self.end()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed leaves it running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a child, not for ever.
#[track_caller]
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("the child is ours") {
            return status;
        }
        assert!(Instant::now() < end, "the program does not end");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until `done`.
#[track_caller]
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "not in time: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until something is listening at `path`.
#[track_caller]
pub(crate) fn until_served(path: &Path) {
    until("the control socket is served", || std::os::unix::net::UnixStream::connect(path).is_ok());
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}

#[track_caller]
fn await_line(lines: &Receiver<String>, wanted: impl Fn(&str) -> bool) -> String {
    let end = Instant::now() + PATIENCE;
    let mut passed = Vec::new();
    loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) if wanted(&line) => return line,
            Ok(line) => passed.push(line),
            Err(RecvTimeoutError::Timeout) => panic!("the line does not come; there came {passed:#?}"),
            Err(RecvTimeoutError::Disconnected) => panic!("the output ended; there came {passed:#?}"),
        }
    }
}

/// The group of this address.
#[track_caller]
pub(crate) fn group(address: &str) -> GroupAddr {
    address.parse().expect("a managed group")
}
