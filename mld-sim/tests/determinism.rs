//! The same seed gives the same octets of trace, on two runs, and with and without optimisation.
//!
//! The digests of the traces of the ten scenarios and of a few worlds of the hunt, which are kept as files, stand in
//! `determinism/digests.txt`; `cargo test` and `cargo test --release` compare with the same ones. After a change of
//! behaviour that is meant they are written anew:
//!
//! ```sh
//! BLESS=1 cargo test -p mld-sim --test determinism
//! ```

use core::cell::RefCell;
use core::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use mld_sim::hunt;
use mld_sim::record::Trace;
use mld_sim::scenario::Scenario;
use siphasher::sip::SipHasher13;

/// Seeds of the hunt whose worlds, as they are drawn now, run twice.
const SEEDS: core::ops::Range<u64> = 0..6;

/// The trace of a scenario, to its end.
fn trace(scenario: &Scenario) -> Vec<u8> {
    let mut staged = scenario.stage().expect("the scenario can be staged");
    let trace = Rc::new(RefCell::new(Trace::new(Vec::new())));
    staged.world.observe(Rc::clone(&trace));
    staged.run().expect("everything is settled in the end");
    drop(staged);
    Rc::into_inner(trace).expect("the world is gone").into_inner().finish().expect("memory")
}

/// The scenarios of a folder, in order of their names.
fn scenarios(folder: &str) -> Vec<(String, Scenario)> {
    let files = std::fs::read_dir(package(folder)).expect("the folder is there");
    let mut paths: Vec<_> = files.map(|file| file.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort_unstable();
    let named = paths.iter().map(|path| {
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        (name, Scenario::read(path).expect("a scenario"))
    });
    named.collect()
}

fn package(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn same_scenario_gives_same_trace_in_every_build() {
    let mut digests = String::new();
    for (name, scenario) in scenarios("scenarios").into_iter().chain(scenarios("tests/determinism")) {
        let trace = trace(&scenario);
        let lines = trace.iter().filter(|octet| **octet == b'\n').count();
        assert!(lines > 20, "{name}: hardly anything happens");
        let digest = SipHasher13::new().hash(&trace);
        writeln!(digests, "{digest:016x} {lines:>6} {name}").expect("memory");
    }
    let path = package("tests/determinism/digests.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &digests).expect("the digests can be written");
    }
    let pinned = std::fs::read_to_string(&path).expect("the digests are there");
    let differing: Vec<_> =
        digests.lines().filter(|line| !pinned.lines().any(|other| other == *line)).collect();
    assert!(
        digests == pinned,
        "other traces than in {}: {differing:#?}; if that is meant: BLESS=1 cargo test -p mld-sim --test determinism",
        path.display()
    );
}

#[test]
fn same_seed_gives_same_trace_on_two_runs() {
    for seed in SEEDS {
        assert!(trace(&hunt::scenario(seed)) == trace(&hunt::scenario(seed)), "seed {seed}: two runs differ");
    }
}

#[test]
fn another_seed_gives_another_trace() {
    let mut scenario =
        Scenario::read(&package("scenarios/lossy-link-with-robustness-3.toml")).expect("a scenario");
    let first = trace(&scenario);
    scenario.seed += 1;
    assert!(first != trace(&scenario));
}
