use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::records::{Outputs, Records};
use crate::Error;
use crate::hunt::{self, Tally};
use crate::judge::Violation;
use crate::seconds::Seconds;
use crate::story::Story;

/// How many stories are tried to make a broken one shorter.
const SHRINK_TRIES: u32 = 3_000;
const YEAR_S: f64 = 365.25 * 86_400.0;

/// Hunt for a world that breaks a rule: random links, routers, hosts and faults, each fixed by a seed.
///
/// Goes through the seeds until a rule is broken, or to the end. A broken world is shrunk to a short story, which is
/// written as a scenario; --pcap, --trace and --picture show that story.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The first seed.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    first: u64,
    /// How many seeds [default: as many as there are, or as --for allows].
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,
    /// How long, by the clock on the wall.
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
    /// How many worlds run at the same time [default: as many as there are processors].
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Where the scenario of a broken rule is written [default: violation-SEED.toml].
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Go on after a broken rule, and tell every one; none is shrunk.
    #[arg(long)]
    keep_going: bool,
    /// Say which seed breaks a rule, and leave its story as long as it is.
    #[arg(long)]
    no_shrink: bool,
    #[command(flatten)]
    outputs: Outputs,
}

/// What became of all seeds.
struct Bag {
    tally: Tally,
    /// The seeds that broke a rule, ascending.
    broken: BTreeMap<u64, Violation>,
}

/// Hunts, and tells what came of it.
pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let began = Instant::now();
    // A panic of the engine is told as the rule that it breaks.
    std::panic::set_hook(Box::new(|_| {}));
    let bag = hunt(arguments);
    drop(std::panic::take_hook());
    let took = began.elapsed();
    tell(&bag, took).map_err(|error| Error::output(&error))?;
    let count = bag.broken.len();
    match bag.broken.into_iter().next() {
        None => Ok(()),
        Some((seed, _)) if arguments.keep_going => {
            Err(Error::failed(format_args!("{count} seeds break a rule, the first is {seed}")))
        }
        Some((seed, violation)) => Err(show(arguments, seed, &violation)),
    }
}

fn hunt(arguments: &Arguments) -> Bag {
    let end = arguments.seeds.map_or(u64::MAX, |seeds| arguments.first.saturating_add(seeds));
    let deadline = arguments.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let jobs = arguments.jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
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
                    && deadline.is_none_or(|deadline| Instant::now() < deadline)
                {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    let verdict = hunt::judge(&hunt::story(seed));
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

fn progress(seeds: Option<u64>) -> ProgressBar {
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr_with_hz(4)
    } else {
        ProgressDrawTarget::hidden()
    };
    let template = match seeds {
        Some(_) => "{bar:30} {human_pos} of {human_len} worlds, {per_sec}, {eta} left",
        None => "{human_pos} worlds, {per_sec}, for {elapsed}",
    };
    let style = ProgressStyle::with_template(template).expect("the template is well formed");
    ProgressBar::with_draw_target(seeds, target).with_style(style)
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

/// Tells a broken rule, shrinks its story and writes it down.
fn show(arguments: &Arguments, seed: u64, violation: &Violation) -> Error {
    let again = format!("mld-sim hunt --first {seed} --seeds 1");
    let found = format!("seed {seed}, {violation}; again: {again}");
    if arguments.no_shrink {
        return Error::failed(format_args!("{found} --no-shrink"));
    }
    std::panic::set_hook(Box::new(|_| {}));
    let (story, violation) = hunt::shrink(&hunt::story(seed), violation, SHRINK_TRIES);
    drop(std::panic::take_hook());
    let path = arguments.scenario.clone().unwrap_or_else(|| format!("violation-{seed}.toml").into());
    if let Err(error) = std::fs::write(&path, story.to_toml()) {
        return Error::failed(format_args!("{found}; {}: cannot be written: {error}", path.display()));
    }
    match record(arguments, &story) {
        Ok(()) => Error::failed(format_args!(
            "{found}; shrunk to {} s, {}: mld-sim run {}",
            Seconds(story.duration_ms),
            violation.rule,
            path.display()
        )),
        Err(error) => Error::failed(format_args!("{found}; {error}")),
    }
}

/// Runs the story once more for those who want to see it.
fn record(arguments: &Arguments, story: &Story) -> Result<(), Error> {
    if arguments.outputs.written().iter().all(|(_, path)| path.is_none()) {
        return Ok(());
    }
    let mut staged = story.stage().map_err(Error::failed)?;
    let records = Records::attach(&arguments.outputs, &story.title, &mut staged.world)?;
    let bench = crate::judge::Judges::watch(&mut staged.world);
    // It breaks its rule: that is what it is for.
    let _ = staged.run();
    drop((staged, bench));
    records.finish()
}
