//! `mld-sim run`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::kept::scenarios;

/// A folder of its own for a test, which goes away with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file can be written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn run(path: &Path, options: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_mld-sim"));
    program.arg("run").arg(path).args(options).output().expect("the program runs")
}

fn text(octets: &[u8]) -> &str {
    core::str::from_utf8(octets).expect("text")
}

fn scenario(name: &str) -> PathBuf {
    let path = scenarios("scenarios").into_iter().find(|path| path.ends_with(name));
    path.expect("the scenario is there")
}

#[test]
fn what_was_expected_is_told_and_kept() {
    let output = run(&scenario("join-and-leave.toml"), &[]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let told = text(&output.stdout);
    assert!(told.starts_with("Join and leave\n1 link, 1 router, 1 host; 300.000 s with seed 0; "), "{told}");
    assert!(told.contains("\n    ok       62.000  r1 knows no group\n"), "{told}");
    assert!(!told.contains("FAILED"), "{told}");
}

#[test]
fn a_broken_expectation_says_what_was_the_case() {
    let folder = Folder::new("broken");
    let path = folder.file(
        "broken.toml",
        r#"duration = 10
router = [{ name = "r1", address = "fe80::1" }]
expect = [{ at = 5, role = { router = "r1", is = "non-querier" } }]
"#,
    );
    let output = run(&path, &[]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    assert!(
        told.contains(
            "FAILED        5.000  r1 is not the querier; but it is querier, the querier is fe80::1\n"
        ),
        "{told}"
    );
    let shown = path.display();
    let error = format!(
        "mld-sim: {shown}: 1 of 1 expectations were not met; seed 0; again: mld-sim run {shown} --seed 0\n"
    );
    assert_eq!(text(&output.stderr), error);
}

#[test]
fn a_broken_rule_ends_the_run() {
    let folder = Folder::new("refused");
    // Nobody may join a source-specific group without a source.
    let path = folder.file(
        "refused.toml",
        r#"duration = 10
host = [{ name = "h1", address = "fe80::a" }]
step = [{ at = 3, listen = { host = "h1", group = "ff3e::8000:1" } }]
"#,
    );
    let output = run(&path, &["--no-judges"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("FAILED        3.000  the rule refused: h1 refuses"));
    assert!(text(&output.stderr).contains("at 3.000 s, rule refused: h1 refuses"));
    assert_eq!(text(&output.stderr).lines().count(), 1);
}

#[test]
fn what_is_broken_is_found_again_by_the_command_of_the_last_line() {
    let folder = Folder::new("again");
    let path = folder.file(
        "a scenario.toml",
        r#"duration = 10
host = [{ name = "h1", address = "fe80::a" }]
step = [{ at = 3, listen = { host = "h1", group = "ff3e::8000:1" } }]
"#,
    );
    for options in [&["--seed", "18446744073709551615"][..], &["--seed", "7", "--no-judges"]] {
        let output = run(&path, options);
        let error = text(&output.stderr);
        let (_, again) = error.split_once("; again: mld-sim run ").expect("a command");
        let options = options.join(" ");
        assert_eq!(again, format!("'{}' {options}\n", path.display()));
        let seed = options.split(' ').nth(1).expect("a seed");
        assert!(error.contains(&format!("; seed {seed}; again: ")), "{error}");
    }
}

#[test]
fn closed_pipe_of_a_record_ends_the_run_quietly() {
    use std::io::Read;
    use std::process::{Command, Stdio};

    let mut program = Command::new(env!("CARGO_BIN_EXE_mld-sim"));
    program.arg("run").arg(scenario("channel-zapping.toml")).args(["--trace", "/dev/stderr"]);
    let mut child = program.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut reader = child.stderr.take().expect("a pipe");
    // More is to come than a pipe holds.
    reader.read_exact(&mut [0; 1]).expect("the trace has begun");
    drop(reader);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_line_and_key() {
    let folder = Folder::new("unusable");
    let path = folder.file("wrong.toml", "duration = 10\nfaults-off = 20\n");
    let output = run(&path, &[]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
    let error = format!("mld-sim: {}:2:14: faults-off: is after the end of the scenario\n", path.display());
    assert_eq!(text(&output.stderr), error);
    let missing = run(&folder.0.join("missing.toml"), &[]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("missing.toml: "));
}

#[test]
fn records_are_written_and_the_same_every_time() {
    let folder = Folder::new("records");
    let written = |number: u32| {
        let paths = ["trace", "pcap", "picture"].map(|kind| folder.0.join(format!("{kind}{number}")));
        let [trace, pcap, picture] = paths.each_ref().map(|path| path.to_str().expect("a plain path"));
        let options = ["--trace", trace, "--pcap", pcap, "--picture", picture];
        let output = run(&scenario("lossy-link-with-robustness-3.toml"), &options);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
        paths.map(|path| std::fs::read(path).expect("it was written"))
    };
    let (first, again) = (written(1), written(2));
    assert!(first == again, "the same seed, the same octets");
    let [trace, pcap, picture] = first;
    assert!(text(&trace).lines().count() > 100);
    assert_eq!(pcap[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
    assert!(text(&picture).contains("<svg"));
}

#[test]
fn another_seed_is_another_run() {
    let folder = Folder::new("seeds");
    let trace = |seed: &str| {
        let path = folder.0.join(seed);
        let shown = path.to_str().expect("a plain path");
        let output = run(&scenario("join-and-leave.toml"), &["--seed", seed, "--trace", shown]);
        assert!(text(&output.stdout).contains(&format!("with seed {seed};")));
        std::fs::read(path).expect("it was written")
    };
    assert!(trace("1") != trace("2"));
}

#[test]
fn the_scenario_is_not_written_over() {
    let folder = Folder::new("overwritten");
    let path = folder.file("scenario.toml", "duration = 1\n");
    let output = run(&path, &["--trace", path.to_str().expect("a plain path")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("must be another file than the scenario"));
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "duration = 1\n");
}
