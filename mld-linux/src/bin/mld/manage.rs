//! The loop of `mld run` and `mld monitor`: any number of interfaces, signals, the control socket and the output.

use core::mem;
use core::time::Duration;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use mld_linux::{Driver, Error, Notice, Status, Told, What};
use mld_proto::document::{InterfaceDocument, SourceDocument, StateDocument};
use mld_proto::router::GroupRef;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::configuration::{Configuration, Managed, load, warn};
use crate::control::{Control, DEFAULT_PATH, Refusal, RefusalKind, Request, View};
use crate::events::{Format, Lines, is_event};
use crate::failure::Failure;
use crate::log;
use crate::output::Output;
use crate::signals::Signals;

/// How long the last lines may take to be read at the end.
const LAST_LINES: Duration = Duration::from_secs(5);

/// Where the control socket is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Socket {
    /// Somebody named it: the program cannot do without.
    Named(PathBuf),
    /// Nobody did.
    Default,
}

/// Where the configuration comes from, to read it again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    pub(crate) names: Vec<String>,
    pub(crate) file: Option<PathBuf>,
    pub(crate) socket: Option<PathBuf>,
}

/// Interfaces that are managed, and what their events go to.
pub(crate) struct Manager {
    interfaces: Vec<Interface>,
    control: Option<Control>,
    signals: Signals,
    tell: Tell,
}

struct Interface {
    managed: Managed,
    driver: Driver,
}

/// Takes what drivers tell.
struct Tell {
    lines: Lines,
    output: Output,
    counters: log::Counters,
}

/// What is ready.
#[derive(Default)]
struct Ready {
    output: bool,
    control: bool,
    interfaces: Vec<bool>,
}

impl Manager {
    /// Opens every interface.
    pub(crate) fn open(interfaces: Vec<Managed>, format: Format, signals: Signals) -> Result<Self, Failure> {
        let interfaces =
            interfaces.into_iter().map(Interface::open).collect::<Result<_, _>>().map_err(failure)?;
        let output = Output::start(io::stdout())
            .map_err(|error| Failure::failed(format!("standard output: {error}")))?;
        let tell = Tell { lines: Lines::new(format), output, counters: log::Counters::default() };
        Ok(Self { interfaces, control: None, signals, tell })
    }

    /// Listens for requests. A default socket that cannot be made is a warning.
    pub(crate) fn serve(&mut self, source: &Source, configuration: &Configuration) -> Result<(), Failure> {
        let socket = socket(source, configuration);
        match (Control::open(socket.path()), &socket) {
            (Ok(control), _) => self.control = Some(control),
            (Err(error), Socket::Default) => log::line(&format!("{error}; mld show cannot ask this router")),
            (Err(error), Socket::Named(_)) => return Err(Failure::failed(error)),
        }
        Ok(())
    }

    /// Manages the interfaces until a signal, then removes them. SIGHUP reads `source` again.
    pub(crate) fn run(mut self, source: &Source) -> Result<(), Failure> {
        let end = self.turn_until_end(source);
        for interface in &mut self.interfaces {
            interface.driver.remove(&mut |told| self.tell.told(&told));
        }
        // The socket goes first: nobody is to wait for an answer while the last lines are written.
        self.control = None;
        match end {
            Ok(()) => self.tell.output.finish(LAST_LINES),
            Err(Failure::ClosedPipe) => Err(Failure::ClosedPipe),
            Err(failure) => self.tell.output.finish(LAST_LINES).and(Err(failure)),
        }
    }

    fn turn_until_end(&mut self, source: &Source) -> Result<(), Failure> {
        // A new driver wants to be called once before anything is ready.
        let mut ready = Ready { interfaces: vec![true; self.interfaces.len()], ..Ready::default() };
        loop {
            if ready.output {
                // Without an error of a write, it is the reader who closed the pipe.
                return Err(self.tell.output.failure().unwrap_or(Failure::ClosedPipe));
            }
            self.signals.drain();
            if self.signals.end() {
                return Ok(());
            }
            self.turn_interfaces(&ready.interfaces);
            if self.interfaces.is_empty() {
                return Err(Failure::failed("no interface is left to manage"));
            }
            if ready.control {
                self.turn_control();
            }
            if self.signals.take_reload() {
                self.reload(source);
            }
            ready = self.wait()?;
        }
    }

    fn turn_interfaces(&mut self, ready: &[bool]) {
        let now = Instant::now();
        let Self { interfaces, tell, .. } = self;
        for (at, interface) in interfaces.iter_mut().enumerate() {
            let due = interface.driver.timeout().is_some_and(|timeout| timeout.is_zero());
            if !due && !ready.get(at).is_none_or(|&ready| ready) {
                continue;
            }
            interface.turn(tell);
            tell.count(&interface.driver, now);
        }
        interfaces.retain(|interface| {
            let stays = !matches!(interface.driver.status(), Status::Removed);
            if !stays {
                tell.counters.forget(&interface.managed.name);
            }
            stays
        });
        tell.count_lost(now);
    }

    fn turn_control(&mut self) {
        let Self { interfaces, control, tell, .. } = self;
        let Some(control) = control else { return };
        control.serve(Instant::now(), |request| answer(request, interfaces, tell));
    }

    /// Waits until something can be done.
    fn wait(&self) -> Result<Ready, Failure> {
        let stdout = io::stdout();
        // Of standard output only the end is asked for: nobody reads it any more.
        let mut fds = vec![
            PollFd::new(&self.signals, PollFlags::IN),
            PollFd::new(&self.tell.output, PollFlags::IN),
            PollFd::new(&stdout, PollFlags::empty()),
        ];
        let first = fds.len();
        fds.extend(self.interfaces.iter().map(|interface| PollFd::new(&interface.driver, PollFlags::IN)));
        let last = fds.len();
        let control = self.control.as_ref();
        fds.extend(
            control
                .into_iter()
                .flat_map(Control::descriptors)
                .map(|(fd, flags)| PollFd::from_borrowed_fd(fd, flags)),
        );

        let drivers = self.interfaces.iter().filter_map(|interface| interface.driver.timeout());
        let deadline = control.and_then(Control::deadline);
        let clients = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        // Poll counts milliseconds or finer, deadlines are whole milliseconds: no wake-up comes too early.
        let timeout = drivers.chain(clients).min().map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Failure::failed(format!("poll: {error}"))),
        }
        let is_ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
        Ok(Ready {
            output: fds[1..first].iter().any(is_ready),
            interfaces: fds[first..last].iter().map(is_ready).collect(),
            control: fds[last..].iter().any(is_ready)
                || deadline.is_some_and(|deadline| deadline <= Instant::now()),
        })
    }

    /// Reads the configuration again and applies it. What cannot be used is one line in the log; a file that
    /// cannot be used leaves everything as it was.
    fn reload(&mut self, source: &Source) {
        let Some(file) = &source.file else {
            log::line("SIGHUP: there is no configuration file to read again");
            return;
        };
        match load(Some(file), &source.names) {
            Ok(configuration) => {
                warn(&configuration);
                self.apply(source, configuration);
            }
            Err(error) => log::line(&format!("{error}; the configuration stays as it was")),
        }
    }

    fn apply(&mut self, source: &Source, configuration: Configuration) {
        let mut before = mem::take(&mut self.interfaces);
        let mut after = Vec::new();
        for managed in &configuration.interfaces {
            match before.iter().position(|interface| interface.managed.name == managed.name) {
                Some(at) => after.push(before.swap_remove(at)),
                None => match Interface::open(managed.clone()) {
                    Ok(interface) => after.push(interface),
                    Err(error) => log::line(&error.to_string()),
                },
            }
        }
        if after.is_empty() {
            log::line("none of the configured interfaces can be used; the configuration stays as it was");
            self.interfaces = before;
            return;
        }
        for mut interface in before {
            interface.driver.remove(&mut |told| self.tell.told(&told));
            self.tell.counters.forget(&interface.managed.name);
        }
        for interface in &mut after {
            let wanted = configuration.interfaces.iter().find(|wanted| wanted.name == interface.managed.name);
            if let Some(wanted) = wanted {
                interface.change(wanted, &mut self.tell);
            }
            interface.turn(&mut self.tell);
        }
        self.interfaces = after;

        let wanted = socket(source, &configuration);
        if self.control.as_ref().is_none_or(|control| control.path() != wanted.path()) {
            match Control::open(wanted.path()) {
                Ok(control) => self.control = Some(control),
                Err(error) => log::line(&error),
            }
        }
    }
}

impl Interface {
    fn open(managed: Managed) -> Result<Self, Error> {
        let driver = Driver::open(&managed.name, &managed.options())?;
        Ok(Self { managed, driver })
    }

    /// Does what is to be done now. An interface that cannot go on is removed.
    fn turn(&mut self, tell: &mut Tell) {
        if let Err(error) = self.driver.ready(&mut |told| tell.told(&told)) {
            log::line(&error.to_string());
            self.driver.remove(&mut |told| tell.told(&told));
        }
    }

    /// Applies a changed configuration.
    fn change(&mut self, managed: &Managed, tell: &mut Tell) {
        if *managed == self.managed {
            return;
        }
        match self.driver.reconfigure(&managed.options(), &mut |told| tell.told(&told)) {
            Ok(()) => self.managed = managed.clone(),
            Err(error) => log::line(&format!("{error}; its configuration stays as it was")),
        }
    }
}

impl Tell {
    fn told(&mut self, told: &Told<'_>) {
        match &told.what {
            // Counted, and told of once a minute.
            What::Notice(Notice::FramesLost(_)) => {}
            What::Notice(Notice::SendFailed(_))
                if !self.counters.allow(told.interface, "send-failed", Instant::now()) => {}
            What::Notice(notice) => log::line(&format!("{}: {notice}", told.interface)),
            what if is_event(what) => self.output.line(|line| self.lines.write(told, line)),
            _ => {}
        }
    }

    /// Tells the operator of what has been counted and should not happen.
    fn count(&mut self, driver: &Driver, now: Instant) {
        let (stats, counters) = (driver.router().stats(), driver.counters());
        let kinds: [(&str, u64, &str); 4] = [
            (
                "version-1-queries",
                stats.version_1_queries,
                "MLDv1 Queries were heard: hosts may fall back to MLDv1",
            ),
            (
                "version-2-queries",
                stats.version_2_queries,
                "MLDv2 Queries were heard, and version 1 is configured",
            ),
            (
                "lost-to-version-1",
                stats.lost_to_version_1,
                "elections were lost to an MLDv1 router: set version 1 here or 2 there",
            ),
            (
                "frames-lost",
                counters.frames_lost,
                "frames were lost: they came faster than they could be read",
            ),
        ];
        for (kind, count, text) in kinds {
            if let Some(growth) = self.counters.growth(driver.interface(), kind, count, now) {
                log::line(&format!("{}: {growth} {text}", driver.interface()));
            }
        }
    }

    fn count_lost(&mut self, now: Instant) {
        let lost = self.output.lost();
        if let Some(growth) = self.counters.growth("", "output", lost, now) {
            log::line(&format!("standard output: {growth} events were dropped because nobody reads them"));
        }
    }
}

impl Socket {
    fn path(&self) -> &Path {
        match self {
            Self::Named(path) => path,
            Self::Default => Path::new(DEFAULT_PATH),
        }
    }
}

fn socket(source: &Source, configuration: &Configuration) -> Socket {
    match source.socket.as_ref().or(configuration.control_socket.as_ref()) {
        Some(path) => Socket::Named(path.clone()),
        None => Socket::Default,
    }
}

/// The state document of all interfaces, or of the one that is asked for.
fn answer(request: &Request, interfaces: &mut [Interface], tell: &mut Tell) -> Result<Vec<u8>, Refusal> {
    let View::State = request.show;
    let asked = |interface: &&mut Interface| {
        request.interface.as_ref().is_none_or(|name| *name == interface.managed.name)
    };
    // Timers that have run out meanwhile belong into the answer.
    interfaces.iter_mut().filter(asked).for_each(|interface| interface.turn(tell));
    let interfaces: Vec<&Interface> =
        interfaces.iter_mut().filter(asked).map(|interface| &*interface).collect();
    if let (Some(name), []) = (&request.interface, &interfaces[..]) {
        return Err(Refusal {
            error: RefusalKind::UnknownInterface,
            message: format!("interface {name}: mld run does not manage it"),
        });
    }
    let documents: Vec<InterfaceDocument<'_, Vec<GroupRef<'_>>, Vec<SourceDocument>>> = interfaces
        .iter()
        .map(|interface| InterfaceDocument::new(interface.driver.interface(), interface.driver.router()))
        .collect();
    Ok(serde_json::to_vec(&StateDocument { interfaces: &documents })
        .expect("a state can always be written to memory"))
}

fn failure(error: Error) -> Failure {
    let line = error.to_string();
    if error.is_permission() { Failure::privilege(line) } else { Failure::failed(line) }
}
