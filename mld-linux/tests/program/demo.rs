//! `mld demo`.

use std::fs;
use std::process::Stdio;

use libtest_mimic::Failed;

use crate::Test;
use crate::support::{end_of, mld, output, wait};

pub(crate) const TESTS: &[Test] = &[
    ("demo_shows_joins_and_leaves_of_real_hosts_in_time", shows_joins_and_leaves_of_real_hosts_in_time),
    ("demo_without_namespaces_says_so_and_ends_with_4", without_namespaces_says_so_and_ends_with_4),
    ("demo_ends_quietly_when_nobody_reads_it", ends_quietly_when_nobody_reads_it),
];

fn shows_joins_and_leaves_of_real_hosts_in_time() -> Result<(), Failed> {
    let ended = end_of(&["demo", "--seconds", "4"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stderr, "", "{ended:?}");
    let mut lines = ended.stdout.lines();
    // In this order, with anything between.
    for parts in [
        &["router sent General Query"][..],
        &["ann joins ff05::1:1"],
        &["router learnt that ff05::1:1 is wanted from every source"],
        &["old joins ff05::1:2"],
        &["router learnt that ff05::1:2 is wanted from every source"],
        &["ben joins ff3e::8000:1 from source 2001:db8::10"],
        &["router learnt that ff3e::8000:1 is wanted from 2001:db8::10"],
        &["ann leaves ff05::1:1"],
        &["router sent Query for ff05::1:1"],
        &["router heard ff05::1:1 reported by ben"],
        &["ben leaves ff05::1:1"],
        &["router learnt that ff05::1:1 has no listeners"],
        &["old leaves ff05::1:2"],
        &["router heard ff05::1:2 done, says old"],
        &["router sent Query for ff05::1:2"],
        &["router learnt that ff05::1:2 has no listeners"],
        &["ben leaves ff3e::8000:1"],
        &["router sent Query for ff3e::8000:1 from 2001:db8::10"],
        &["router learnt that ff3e::8000:1 has no listeners"],
        &["joins known"],
        &["leaves known"],
    ] {
        let found = lines.any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(found, "{parts:?} in {}", ended.stdout);
    }
    Ok(())
}

fn without_namespaces_says_so_and_ends_with_4() -> Result<(), Failed> {
    // This namespace forbids further ones: its own limit, which nobody outside notices.
    let limits = ["user", "net"].map(|kind| format!("/proc/sys/user/max_{kind}_namespaces"));
    let before = limits.each_ref().map(|limit| fs::read_to_string(limit).expect("a limit"));
    limits.iter().try_for_each(|limit| fs::write(limit, "0"))?;
    let ended = end_of(&["demo"]);
    limits.iter().zip(before).try_for_each(|(limit, before)| fs::write(limit, before))?;
    ended.failed_with(4, &["namespace"]);
    assert_eq!(ended.stdout, "");
    Ok(())
}

fn ends_quietly_when_nobody_reads_it() -> Result<(), Failed> {
    let mut child = mld(&["demo"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    drop(child.stdout.take());
    assert_eq!(wait(&mut child).code(), Some(0));
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().expect("a pipe"), &mut rest)?;
    assert_eq!(rest, "");

    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "\"$0\" demo | head -n 1", env!("CARGO_BIN_EXE_mld")]);
    let ended = output(shell);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    Ok(())
}
