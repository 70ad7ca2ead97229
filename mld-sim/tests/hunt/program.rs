//! `mld-sim hunt`.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Instant;

fn hunt(options: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_mld-sim"));
    // Should a rule be broken, nothing is written beside the sources.
    program.args(["hunt", "--no-shrink"]).args(options).output().expect("the program runs")
}

fn text(octets: &[u8]) -> &str {
    core::str::from_utf8(octets).expect("text")
}

/// What the closing line says: worlds, violations, years, routers, hosts, deliveries, kinds of fault, seconds, and
/// deliveries a second.
fn closing(output: &Output) -> [f64; 9] {
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let line = text(&output.stdout).strip_suffix('\n').expect("a line");
    assert!(!line.contains('\n'), "{line}");
    let is_part = |letter: char| !letter.is_ascii_digit() && letter != '.';
    let numbers: Vec<f64> = line.split(is_part).filter_map(|number| number.parse().ok()).collect();
    let words: String = line.chars().filter(|letter| is_part(*letter)).collect();
    assert_eq!(
        words,
        " worlds,  violations,  simulated years; a world has on average  routers,  hosts,  deliveries,  kinds of \
         fault;  s,  deliveries a second"
    );
    numbers.try_into().expect("nine numbers")
}

#[test]
fn closing_line_tells_what_came_of_all_seeds() {
    let [worlds, violations, years, routers, hosts, deliveries, kinds, seconds, rate] =
        closing(&hunt(&["--seeds", "20"]));
    assert_eq!((worlds, violations), (20.0, 0.0));
    let count = |of: fn(&mld_sim::scenario::Scenario) -> usize| {
        (0..20).map(|seed| of(&mld_sim::hunt::scenario(seed))).sum::<usize>() as f64 / 20.0
    };
    assert!((routers - count(|scenario| scenario.routers.len())).abs() < 0.01, "{routers}");
    assert!((hosts - count(|scenario| scenario.hosts.len())).abs() < 0.01, "{hosts}");
    assert!(
        (kinds - count(|scenario| mld_sim::hunt::fault_kinds(scenario) as usize)).abs() < 0.01,
        "{kinds}"
    );
    assert!(deliveries > 100.0 && (0.0..1.0).contains(&years) && seconds > 0.0 && rate > 0.0);
}

#[test]
fn jobs_do_not_change_what_is_found() {
    let [one, two] =
        ["1", "2"].map(|jobs| closing(&hunt(&["--first", "100", "--seeds", "6", "--jobs", jobs])));
    assert_eq!(one[..7], two[..7]);
    assert_eq!(one[0], 6.0);
}

#[test]
fn first_says_which_seeds_are_taken() {
    let [one, other] = ["3", "4"].map(|first| closing(&hunt(&["--first", first, "--seeds", "1"])));
    assert_ne!(one[..7], other[..7]);
    assert_eq!(closing(&hunt(&["--seeds", "0"]))[0], 0.0);
}

#[test]
fn time_that_is_up_ends_the_hunt() {
    let began = Instant::now();
    let [worlds, violations, ..] = closing(&hunt(&["--for", "1"]));
    let took = began.elapsed().as_secs_f64();
    assert!(worlds >= 1.0 && violations == 0.0);
    // The worlds that are under way are finished, on a machine that does other things too.
    assert!((1.0..30.0).contains(&took), "{took} s");
}

#[test]
fn time_may_have_decimals() {
    let began = Instant::now();
    assert!(closing(&hunt(&["--for", "0.25"]))[0] >= 1.0);
    assert!(began.elapsed().as_secs_f64() >= 0.25);
}

/// A folder of its own for a test, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mld-sim-hunt-{name}-{}", std::process::id()));
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
fn files_that_cannot_be_written_are_told_before_the_hunt() {
    let folder = Folder::new("unwritable");
    let (one, nowhere, here) = (folder.path("one"), folder.path("no/where"), folder.path(""));
    for (options, named) in [
        (["--pcap", &one, "--trace", &one], "must be another file than --pcap"),
        (["--trace", &one, "--scenario", &one], "must be another file than --scenario"),
        (["--pcap", &nowhere, "--trace", &one], "--pcap"),
        (["--scenario", &nowhere, "--trace", &one], "--scenario"),
        (["--picture", &here, "--trace", &one], "--picture"),
    ] {
        let output = hunt(&[&options[..], &["--seeds", "1"]].concat());
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""), "{options:?}");
        let error = text(&output.stderr);
        assert!(error.contains(named) && error.lines().count() == 1, "{options:?}: {error}");
    }
    assert_eq!(std::fs::read_dir(&folder.0).expect("it is there").count(), 0);
}

#[test]
fn files_are_left_alone_where_nothing_is_found() {
    let folder = Folder::new("sound");
    let (kept, none) = (folder.path("kept"), folder.path("none"));
    std::fs::write(&kept, "mine").expect("it can be written");
    let options = ["--seeds", "1", "--scenario", &kept, "--trace", &none, "--pcap", "/dev/null"];
    assert_eq!(closing(&hunt(&options))[1], 0.0);
    assert_eq!(std::fs::read_to_string(&kept).expect("it is there"), "mine");
    assert!(!std::path::Path::new(&none).exists());
}

#[test]
fn nothing_is_shown_of_a_hunt_that_goes_on() {
    for option in ["--scenario", "--pcap", "--trace", "--picture"] {
        let output = hunt(&["--seeds", "1", "--keep-going", option, "x"]);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""), "{option}");
        assert!(text(&output.stderr).contains(option), "{}", text(&output.stderr));
    }
}

/// Begins a hunt and interrupts it once it can be.
#[cfg(target_os = "linux")]
fn interrupted(options: &[&str]) -> Output {
    use std::process::Stdio;

    let mut program = Command::new(env!("CARGO_BIN_EXE_mld-sim"));
    let program = program.args(["hunt", "--no-shrink"]).args(options);
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    let began = Instant::now();
    let id = child.id();
    let has_handler = || {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it lives");
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("a mask");
        // SIGINT is the second signal.
        u64::from_str_radix(mask.trim(), 16).expect("a number") & 2 != 0
    };
    while !has_handler() {
        if began.elapsed().as_secs() > 60 {
            child.kill().expect("it lives");
            panic!("it takes no interrupt");
        }
        std::thread::sleep(core::time::Duration::from_millis(5));
    }
    let killed = Command::new("kill").args(["-INT", &id.to_string()]).status();
    assert!(killed.expect("a command").success());
    child.wait_with_output().expect("it ends")
}

#[cfg(target_os = "linux")]
#[test]
fn interrupted_hunt_tells_what_came_of_it() {
    let output = interrupted(&[]);
    assert_eq!(closing(&output)[1], 0.0);
    // Where an end was named it did not do what it was asked for.
    for options in [["--seeds", "1000000"], ["--for", "3600"]] {
        let output = interrupted(&options);
        assert_eq!(output.status.code(), Some(1));
        let (told, error) = (text(&output.stdout), text(&output.stderr));
        let worlds = told.split(' ').next().expect("a number");
        assert!(told.contains(" worlds, 0 violations, ") && told.lines().count() == 1, "{told}");
        assert_eq!(error, format!("mld-sim: interrupted after {worlds} worlds\n"));
    }
}

#[test]
fn arguments_that_cannot_be_used_are_told() {
    for (options, named) in [
        (&["--seeds", "many"][..], "many"),
        (&["--seeds", "-1"], "-1"),
        (&["--for", "x"], "x"),
        (&["--for", "-1"], "-1"),
        (&["--jobs", "0"], "0"),
        (&["--first"], "--first"),
        (&["--colour", "red"], "--colour"),
        (&["5"], "5"),
    ] {
        let output = hunt(options);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""), "{options:?}");
        let error = text(&output.stderr);
        assert!(error.starts_with("mld-sim: ") && error.contains(named), "{options:?}: {error}");
        assert!(error.ends_with("(see --help)\n"), "{options:?}: {error}");
    }
}

#[test]
fn help_names_every_option() {
    let output = hunt(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    for option in [
        "--first",
        "--seeds",
        "--for",
        "--jobs",
        "--scenario",
        "--no-shrink",
        "--pcap",
        "--trace",
        "--picture",
    ] {
        assert!(text(&output.stdout).contains(option), "{option}");
    }
}
