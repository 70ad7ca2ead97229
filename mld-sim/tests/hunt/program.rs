//! `mld-sim hunt`.

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
    let count = |of: fn(&mld_sim::story::Story) -> usize| {
        (0..20).map(|seed| of(&mld_sim::hunt::story(seed))).sum::<usize>() as f64 / 20.0
    };
    assert!((routers - count(|story| story.routers.len())).abs() < 0.01, "{routers}");
    assert!((hosts - count(|story| story.hosts.len())).abs() < 0.01, "{hosts}");
    assert!((kinds - count(|story| mld_sim::hunt::fault_kinds(story) as usize)).abs() < 0.01, "{kinds}");
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
fn arguments_that_cannot_be_used_are_told() {
    for (options, named) in [
        (&["--seeds", "many"][..], "many"),
        (&["--seeds", "-1"], "-1"),
        (&["--for", "x"], "x"),
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
