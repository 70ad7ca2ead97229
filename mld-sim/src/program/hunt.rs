use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::files;
use super::interrupt::Interrupt;
use super::records::{Outputs, Records};
use crate::error::{Error, Status};
use crate::hunt::{self, Tally};
use crate::judge::Judges;
use crate::scenario::Scenario;
use crate::time::{Seconds, parse_millis};
use crate::world::{Violation, World};

/// How many scenarios are tried to make a broken one shorter.
const SHRINK_TRIES: u32 = 3_000;
const YEAR_S: f64 = 365.25 * 86_400.0;

/// Hunt for a world that breaks a rule: random links, routers, hosts and faults, each fixed by a seed.
///
/// Goes through the seeds until a rule is broken, or to the end. A broken world is shrunk to a short scenario, which
/// --scenario names; --pcap, --trace and --picture show that scenario. Ctrl-C ends the hunt and tells what came of it
/// so far.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The first seed.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    first: u64,
    /// How many seeds [default: as many as there are, or as --for allows].
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,
    /// How long, by the clock on the wall.
    #[arg(long = "for", value_name = "SECONDS", value_parser = parse_millis)]
    millis: Option<u64>,
    /// How many worlds run at the same time [default: as many as there are processors].
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Where the scenario of a broken rule is written [default: violation-SEED.toml].
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Go on after a broken rule, and tell every one; none is shrunk.
    #[arg(long, conflicts_with_all = ["scenario", "pcap", "trace", "picture"])]
    keep_going: bool,
    /// Say which seed breaks a rule, and leave its scenario as long as it is; it is written with --scenario only.
    #[arg(long)]
    no_shrink: bool,
    #[command(flatten)]
    outputs: Outputs,
}

/// What is hunted.
#[derive(Clone, Copy)]
struct Game {
    /// The scenario of a seed.
    scenario: fn(u64) -> Scenario,
    /// Watches beside the judges.
    watch: fn(&mut World),
}

/// What became of all seeds.
struct Bag {
    tally: Tally,
    /// The seeds that broke a rule, ascending.
    broken: BTreeMap<u64, Violation>,
}

/// Hunts, and tells what came of it.
pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let game = Game { scenario: hunt::scenario, watch: |_| {} };
    game.run(arguments, &Interrupt::register()?)
}

impl Game {
    fn run(self, arguments: &Arguments, interrupt: &Interrupt) -> Result<(), Error> {
        let began = Instant::now();
        let written = written(arguments, arguments.scenario.as_deref());
        files::distinct(&[], &written)?;
        files::can_be_written(&written)?;
        let bag = self.hunt(arguments, interrupt);
        let took = began.elapsed();
        tell(&bag, took).map_err(|error| Error::output(&error))?;
        let (count, worlds) = (bag.broken.len(), bag.tally.worlds);
        let has_end = arguments.seeds.is_some() || arguments.millis.is_some();
        match bag.broken.into_iter().next() {
            None if interrupt.has_come() && has_end && arguments.seeds != Some(worlds) => {
                Err(Error::failed(format_args!("interrupted after {worlds} worlds")))
            }
            None => Ok(()),
            Some((seed, _)) if arguments.keep_going => Err(Error::failed(format_args!(
                "{count} seeds break a rule, the first is {seed}; again: {}",
                again(seed)
            ))),
            Some((seed, violation)) => Err(self.show(arguments, interrupt, seed, &violation)),
        }
    }

    fn hunt(self, arguments: &Arguments, interrupt: &Interrupt) -> Bag {
        let end = arguments.seeds.map_or(u64::MAX, |seeds| arguments.first.saturating_add(seeds));
        let deadline = arguments.millis.map(|millis| Instant::now() + Duration::from_millis(millis));
        let jobs =
            arguments.jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
        let (next, is_broken) = (AtomicU64::new(arguments.first), AtomicBool::new(false));
        let (results, verdicts) = mpsc::channel();
        let mut bag = Bag { tally: Tally::default(), broken: BTreeMap::new() };
        let progress = progress(arguments.seeds);
        thread::scope(|scope| {
            for _ in 0..jobs {
                let results = results.clone();
                scope.spawn(|| {
                    let results = results;
                    while !is_broken.load(Ordering::Relaxed)
                        && !interrupt.has_come()
                        && deadline.is_none_or(|deadline| Instant::now() < deadline)
                    {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= end {
                            break;
                        }
                        let verdict = hunt::judge_with(&(self.scenario)(seed), self.watch);
                        if verdict.violation.is_some() && !arguments.keep_going {
                            is_broken.store(true, Ordering::Relaxed);
                        }
                        // Nobody listens only when the hunt is over.
                        let _ = results.send((seed, verdict));
                    }
                });
            }
            drop(results);
            for (seed, verdict) in verdicts {
                bag.tally += verdict.tally;
                progress.inc(1);
                if let Some(violation) = verdict.violation {
                    bag.broken.insert(seed, violation);
                }
            }
        });
        progress.finish_and_clear();
        bag
    }

    /// Tells a broken rule, shrinks its scenario and writes it down.
    fn show(self, arguments: &Arguments, interrupt: &Interrupt, seed: u64, violation: &Violation) -> Error {
        let mut found = format!("seed {seed}, {violation}; again: {}", again(seed));
        let mut scenario = (self.scenario)(seed);
        let mut path = arguments.scenario.clone();
        if arguments.no_shrink {
            found += " --no-shrink";
        } else {
            let shrunk = self.shrink(interrupt, &scenario, violation);
            found += &format!("; shrunk to {} s, {}", Seconds(shrunk.0.duration_ms), shrunk.1.rule);
            scenario = shrunk.0;
            path = path.or_else(|| Some(format!("violation-{seed}.toml").into()));
        }
        let kept = path.as_deref().map_or(Ok(()), |path| {
            files::distinct(&[], &written(arguments, Some(path)))?;
            let kept = std::fs::write(path, scenario.to_toml());
            kept.map_err(|error| Error::writing(path, &error))
        });
        if let (Ok(()), Some(path)) = (&kept, &path) {
            let its = if arguments.no_shrink { "; its scenario" } else { "" };
            found += &format!("{its}: mld-sim run {}", files::word(path));
        }
        match kept.and_then(|()| self.record(arguments, &scenario)) {
            Err(error) if error.status() != Status::ClosedPipe => {
                Error::failed(format_args!("{found}; {error}"))
            }
            _ => Error::failed(found),
        }
    }

    /// As short as it gets, or as it got until somebody lost his patience.
    fn shrink(
        self,
        interrupt: &Interrupt,
        scenario: &Scenario,
        violation: &Violation,
    ) -> (Scenario, Violation) {
        let progress = shrinking();
        let shrunk = hunt::shrink_with(scenario, violation, SHRINK_TRIES, |scenario| {
            progress.inc(1);
            if interrupt.has_come() {
                return None;
            }
            hunt::judge_with(scenario, self.watch).violation
        });
        progress.finish_and_clear();
        shrunk
    }

    /// Runs the scenario once more for those who want to see it.
    fn record(self, arguments: &Arguments, scenario: &Scenario) -> Result<(), Error> {
        if arguments.outputs.are_none() {
            return Ok(());
        }
        let mut staged = hunt::stage(scenario).map_err(Error::failed)?;
        let records = Records::attach(&arguments.outputs, &scenario.title, &mut staged.world)?;
        (self.watch)(&mut staged.world);
        let judges = Judges::watch(&mut staged.world);
        // It breaks its rule: that is what it is for.
        let ran = hunt::run(&mut staged, Some(&judges));
        drop((staged, judges));
        records.finish()?;
        if ran.is_ok() { Err(Error::failed("what was recorded broke no rule")) } else { Ok(()) }
    }
}

/// The command that shows the world of a seed.
fn again(seed: u64) -> String {
    format!("mld-sim hunt --first {seed} --seeds 1")
}

/// The arguments that name files which are written, and the files.
fn written<'a>(
    arguments: &'a Arguments,
    scenario: Option<&'a Path>,
) -> [(&'static str, Option<&'a Path>); 4] {
    let [pcap, trace, picture] = arguments.outputs.written();
    [("--scenario", scenario), pcap, trace, picture]
}

fn progress(seeds: Option<u64>) -> ProgressBar {
    bar(
        seeds,
        match seeds {
            Some(_) => "{bar:30} {human_pos} of {human_len} worlds, {per_sec}, {eta} left",
            None => "{human_pos} worlds, {per_sec}, for {elapsed}",
        },
    )
}

fn shrinking() -> ProgressBar {
    bar(Some(SHRINK_TRIES.into()), "shrinking: {human_pos} scenarios tried, {human_len} at most")
}

fn bar(length: Option<u64>, template: &str) -> ProgressBar {
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr_with_hz(4)
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template(template).expect("the template is well formed");
    ProgressBar::with_draw_target(length, target).with_style(style)
}

/// The closing line.
fn tell(bag: &Bag, took: Duration) -> io::Result<()> {
    let Tally { worlds, routers, hosts, deliveries, fault_kinds, simulated_ms } = bag.tally;
    let each = |count: u64| count as f64 / worlds.max(1) as f64;
    let mut out = io::stdout().lock();
    for (seed, violation) in &bag.broken {
        writeln!(out, "seed {seed}, {violation}")?;
    }
    writeln!(
        out,
        "{worlds} worlds, {} violations, {:.2} simulated years; a world has on average {:.2} routers, {:.2} hosts, \
         {:.0} deliveries, {:.2} kinds of fault; {:.1} s, {:.0} deliveries a second",
        bag.broken.len(),
        simulated_ms as f64 / 1000.0 / YEAR_S,
        each(routers),
        each(hosts),
        each(deliveries),
        each(fault_kinds),
        took.as_secs_f64(),
        deliveries as f64 / took.as_secs_f64().max(0.001),
    )?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use mld_proto::Instant as Moment;

    use super::*;
    use crate::scenario::{HostPart, ListenAction, RouterPart, Step, StepAction};
    use crate::world::{Happening, Observer, Scene};

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn arguments(options: &[&str]) -> Arguments {
        Program::parse_from([&["hunt"][..], options].concat()).arguments
    }

    /// A router; and in seeds from 5 on two hosts, which listen to something now and then.
    fn scenario(seed: u64) -> Scenario {
        let ip = |text: &str| text.parse().expect("an address");
        let mut scenario =
            Scenario { title: format!("seed {seed}"), seed, duration_ms: 60_000, ..Scenario::default() };
        scenario.faults_off_ms = Some(60_000);
        scenario.routers.push(RouterPart::new("r1", ip("fe80::1")));
        if seed >= 5 {
            scenario.hosts = [("h1", "fe80::a"), ("h2", "fe80::b")]
                .map(|(name, address)| HostPart::new(name, ip(address)))
                .into();
            for at_ms in (10_000..60_000).step_by(10_000) {
                let (mode, sources) = (mld_proto::FilterMode::Exclude, Vec::new());
                let (host, group) = ("h1".into(), format!("ff05::{}", at_ms / 1000).parse());
                let group = group.expect("an address");
                let action = StepAction::Listen(ListenAction { host, socket: 0, group, mode, sources });
                scenario.steps.push(Step { at_ms, action });
            }
        }
        scenario
    }

    /// Panics where somebody listens to ff05::40.
    struct Panics;

    impl Observer for Panics {
        fn observe(
            &mut self,
            scene: &Scene<'_>,
            _: Moment,
            happening: &Happening<'_>,
        ) -> Result<(), Violation> {
            let Happening::Host { node, .. } = happening else { return Ok(()) };
            let group = "ff05::40".parse().expect("an address");
            assert!(!scene.wants(*node).is_some_and(|wants| wants.contains_key(&group)), "what is\nthis");
            Ok(())
        }
    }

    const GAME: Game = Game { scenario, watch: |world| world.observe(Panics) };

    /// A folder of its own for a test, removed with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("mld-sim-game-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).expect("a folder");
            Self(path)
        }

        fn path(&self, name: &str) -> String {
            self.0.join(name).to_str().expect("a plain path").to_owned()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).expect("it is there");
        }
    }

    #[test]
    fn panic_is_told_shrunk_and_recorded_like_any_broken_rule() {
        hunt::hush();
        let folder = Folder::new("shrunk");
        let [scenario, trace, pcap] = ["scenario.toml", "trace", "pcap"].map(|name| folder.path(name));
        let options =
            ["--seeds", "9", "--jobs", "1", "--scenario", &scenario, "--trace", &trace, "--pcap", &pcap];
        let error = GAME.run(&arguments(&options), &Interrupt::default()).expect_err("it panics");
        assert_eq!(error.status(), Status::Failed);
        let error = error.to_string();
        assert!(
            error.starts_with("seed 5, at 40.000 s, rule panic: mld-sim/src/program/hunt.rs:"),
            "{error}"
        );
        let end = format!(
            ": what is this; again: mld-sim hunt --first 5 --seeds 1; shrunk to 0.001 s, panic: mld-sim run {scenario}"
        );
        assert!(error.ends_with(&end), "{error}");
        let short = Scenario::read(std::path::Path::new(&scenario)).expect("a scenario");
        assert_eq!((short.hosts.len(), short.steps.len(), short.routers.len()), (1, 1, 0));
        let trace = std::fs::read_to_string(trace).expect("a trace");
        assert!(trace.contains(r#""call":"listen""#) || trace.contains(r#""call":"up""#), "{trace}");
        assert!(std::fs::metadata(pcap).expect("a capture").len() > 20);
    }

    #[test]
    fn scenario_that_is_not_shrunk_is_written_and_recorded_as_it_is() {
        hunt::hush();
        let folder = Folder::new("as-it-is");
        let [path, trace] = ["scenario.toml", "trace"].map(|name| folder.path(name));
        let options = ["--first", "7", "--seeds", "1", "--no-shrink", "--scenario", &path, "--trace", &trace];
        let error = GAME.run(&arguments(&options), &Interrupt::default()).expect_err("it panics").to_string();
        let end = format!(
            "; again: mld-sim hunt --first 7 --seeds 1 --no-shrink; its scenario: mld-sim run {path}"
        );
        assert!(error.ends_with(&end), "{error}");
        assert!(Scenario::read(std::path::Path::new(&path)).expect("a scenario") == scenario(7));
        let trace = std::fs::read_to_string(trace).expect("a trace");
        assert!(trace.contains("ff05::30") && !trace.contains("ff05::50"), "{trace}");
    }

    #[test]
    fn every_panic_of_a_hunt_that_goes_on_is_counted() {
        hunt::hush();
        let arguments = arguments(&["--seeds", "9", "--jobs", "2", "--keep-going"]);
        let bag = GAME.hunt(&arguments, &Interrupt::default());
        assert_eq!(bag.broken.keys().copied().collect::<Vec<_>>(), [5, 6, 7, 8]);
        assert!(bag.broken.values().all(|violation| violation.at == Moment::from_millis(40_000)));
        let error = GAME.run(&arguments, &Interrupt::default()).expect_err("it panics").to_string();
        assert_eq!(error, "4 seeds break a rule, the first is 5; again: mld-sim hunt --first 5 --seeds 1");
    }
}
