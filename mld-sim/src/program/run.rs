use core::fmt;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;

use super::files;
use super::records::{Outputs, Records};
use crate::error::Error;
use crate::hunt;
use crate::judge::Judges;
use crate::scenario::{Scenario, Staged};
use crate::time::Seconds;
use crate::world::{Violation, World};

/// Run a scenario: hosts, routers and faults on links in virtual time, and what should come of it.
///
/// Prints what was expected and whether it came so. While the scenario runs, judges compare the routers with a model of
/// the standards, and end it where a rule is broken: then the last line says by which command it is found again.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A scenario, in TOML; mld-sim/scenarios/README.md tells how one is written.
    scenario: PathBuf,
    #[command(flatten)]
    outputs: Outputs,
    /// Draw everything random from this seed instead of the scenario's.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Look at what is expected only.
    #[arg(long)]
    no_judges: bool,
}

/// Runs the scenario and tells what came of it.
pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    run_watched(arguments, |_| {})
}

/// The same with somebody who watches beside the judges.
fn run_watched(arguments: &Arguments, watch: fn(&mut World)) -> Result<(), Error> {
    let mut scenario = Scenario::read(&arguments.scenario)?;
    scenario.seed = arguments.seed.unwrap_or(scenario.seed);
    let shown = arguments.scenario.display();
    let again = again(arguments, scenario.seed);
    files::distinct(&[("the scenario", Some(&arguments.scenario))], &arguments.outputs.written())?;
    let staged = hunt::caught(|| scenario.stage());
    let staged = staged.map_err(|panic| Error::failed(format_args!("{shown}: {panic}; {again}")))?;
    let mut staged = staged.map_err(|error| Error::unusable(format_args!("{shown}: {error}")))?;
    let records = Records::attach(&arguments.outputs, &scenario.title, &mut staged.world)?;
    watch(&mut staged.world);
    let judges = (!arguments.no_judges).then(|| Judges::watch(&mut staged.world));

    let result = hunt::run(&mut staged, judges.as_ref());
    tell(&scenario, &staged, result.as_ref().err()).map_err(|error| Error::output(&error))?;
    let unmet = staged.verdicts().iter().filter(|verdict| verdict.unmet.is_some()).count();
    drop((staged, judges));
    records.finish()?;
    match (result, unmet) {
        (Err(violation), _) => Err(Error::failed(format_args!("{shown}: {violation}; {again}"))),
        (Ok(()), 0) => Ok(()),
        (Ok(()), unmet) => {
            let of = scenario.expectations.len();
            Err(Error::failed(format_args!("{shown}: {unmet} of {of} expectations were not met; {again}")))
        }
    }
}

/// How to see the same again.
fn again(arguments: &Arguments, seed: u64) -> String {
    let judges = if arguments.no_judges { " --no-judges" } else { "" };
    format!("seed {seed}; again: mld-sim run {} --seed {seed}{judges}", files::word(&arguments.scenario))
}

fn tell(scenario: &Scenario, staged: &Staged, violation: Option<&Violation>) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    if !scenario.title.is_empty() {
        writeln!(out, "{}", scenario.title)?;
    }
    let scene = staged.world.scene();
    let counts = staged.world.counts();
    writeln!(
        out,
        "{}, {}, {}; {} s with seed {}; {}, {}, {}",
        Number(scene.links().count() as u64, "link"),
        Number(scene.routers().count() as u64, "router"),
        Number(scene.hosts().count() as u64, "host"),
        Seconds(staged.elapsed().as_millis() as u64),
        scenario.seed,
        Number(counts.frames, "frame"),
        Number(counts.deliveries, "delivery"),
        Number(counts.losses, "loss"),
    )?;
    for verdict in staged.verdicts() {
        let (at, expected) = (Seconds(verdict.at_ms).to_string(), &verdict.expected);
        match &verdict.unmet {
            None => writeln!(out, "    ok {at:>12}  {expected}")?,
            Some(instead) => writeln!(out, "FAILED {at:>12}  {expected}; but {instead}")?,
        }
    }
    if let Some(Violation { at, rule, text }) = violation {
        writeln!(out, "FAILED {:>12}  the rule {rule}: {text}", Seconds(at.as_millis()).to_string())?;
    }
    out.flush()
}

/// A number of things.
struct Number(u64, &'static str);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, thing) = *self;
        match (number, thing.strip_suffix('y'), thing.ends_with('s')) {
            (1, ..) => write!(f, "1 {thing}"),
            (_, Some(stem), _) => write!(f, "{number} {stem}ies"),
            (_, None, true) => write!(f, "{number} {thing}es"),
            (_, None, false) => write!(f, "{number} {thing}s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use mld_proto::Instant;

    use super::*;
    use crate::Status;
    use crate::world::{Happening, Observer, Scene};

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        arguments: Arguments,
    }

    /// Panics after five seconds.
    struct Panics;

    impl Observer for Panics {
        fn observe(&mut self, _: &Scene<'_>, at: Instant, _: &Happening<'_>) -> Result<(), Violation> {
            assert!(at < Instant::from_millis(5000), "it is late");
            Ok(())
        }
    }

    #[test]
    fn panic_is_told_and_recorded_like_any_broken_rule() {
        hunt::hush();
        let folder = std::env::temp_dir().join(format!("mld-sim-run-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let [scenario, trace] = ["scenario.toml", "trace"].map(|name| folder.join(name));
        let text = "duration = 60\nseed = 9\nrouter = [{ name = \"r1\", address = \"fe80::1\" }]\n";
        std::fs::write(&scenario, text).expect("it can be written");
        let [scenario, trace] = [&scenario, &trace].map(|path| path.to_str().expect("a plain path"));
        let program = Program::parse_from(["run", scenario, "--trace", trace]);
        let error = run_watched(&program.arguments, |world| world.observe(Panics)).expect_err("it panics");
        let trace = std::fs::read_to_string(trace).expect("a trace");
        std::fs::remove_dir_all(&folder).expect("it is there");
        assert_eq!(error.status(), Status::Failed);
        let error = error.to_string();
        let begin = format!("{scenario}: at 31.250 s, rule panic: mld-sim/src/program/run.rs:");
        assert!(error.starts_with(&begin), "{error}");
        let end = format!(": it is late; seed 9; again: mld-sim run {scenario} --seed 9");
        assert!(error.ends_with(&end), "{error}");
        assert!(trace.starts_with(r#"{"time":0,"#) && trace.lines().count() > 1, "{trace}");
    }
}
