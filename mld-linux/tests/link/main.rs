//! Real links: kernel hosts, bridges and routers in network namespaces, made as an ordinary user.
//!
//! A user namespace can only be entered by a process with one thread, so each test runs in a process of its own: this
//! program, started once more with the test's name in the environment.

mod driver;
mod hosts;
mod packets;
mod routers;
mod service;
mod support;

use core::time::Duration;
use std::env;
use std::io::Read;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::Instant;

use libtest_mimic::{Arguments, Failed, Trial};
use mld_linux::lab;

type Test = (&'static str, fn());

fn tests() -> impl Iterator<Item = &'static Test> {
    [hosts::TESTS, routers::TESTS, packets::TESTS, driver::TESTS, service::TESTS].into_iter().flatten()
}

fn main() -> ExitCode {
    match env::var(NAME) {
        Ok(name) => run_here(&name),
        Err(_) => run_all(),
    }
}

/// The part of the process that a test has for itself.
fn run_here(name: &str) -> ExitCode {
    if let Err(error) = lab::end_with_parent().and_then(|()| lab::enter()) {
        eprintln!("{error}");
        return ExitCode::from(NO_NAMESPACES);
    }
    if let Some((_, test)) = tests().find(|(known, _)| *known == name) {
        test();
    }
    ExitCode::SUCCESS
}

fn run_all() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Each process measures time: more of them than processors disturb each other.
    arguments.test_threads.get_or_insert(2);
    let impossible = run_apart("").err();
    if let Some(Failed { .. }) = &impossible {
        let reason = impossible.as_ref().and_then(Failed::message).unwrap_or_default();
        eprintln!("SKIPPED: every test of real links: {reason}");
        if env::var("CI").is_ok_and(|value| value == "true") {
            eprintln!("error: CI must be able to make network namespaces");
            return ExitCode::FAILURE;
        }
    }
    let trials = tests()
        .map(|&(name, _)| Trial::test(name, move || run_apart(name)).with_ignored_flag(impossible.is_some()))
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Runs one test in a process of its own, and ends it when it takes too long.
fn run_apart(name: &str) -> Result<(), Failed> {
    let program = env::current_exe()?;
    let mut child = Command::new(program)
        .env(NAME, name)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let readers = [
        child.stdout.take().map(|pipe| thread::spawn(move || read(pipe))),
        child.stderr.take().map(|pipe| thread::spawn(move || read(pipe))),
    ];
    let end = Instant::now() + TIME_LIMIT;
    let status = loop {
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if Instant::now() >= end => {
                child.kill()?;
                child.wait()?;
                break None;
            }
            None => thread::sleep(Duration::from_millis(10)),
        }
    };
    let mut texts = readers.into_iter().flatten().map(|reader| reader.join().unwrap_or_default());
    let (output, errors) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
    print!("{output}");
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) if status.code() == Some(NO_NAMESPACES.into()) => Err(errors.trim().into()),
        Some(status) => Err(format!("{status}\n{errors}").into()),
        None => Err(format!("not done after {TIME_LIMIT:?}\n{errors}").into()),
    }
}

fn read(mut pipe: impl Read) -> String {
    let mut octets = Vec::new();
    // What could be read before an error is worth showing.
    let _ = pipe.read_to_end(&mut octets);
    String::from_utf8_lossy(&octets).into_owned()
}

const NAME: &str = "MLD_LINK_TEST";
const NO_NAMESPACES: u8 = 77;
const TIME_LIMIT: Duration = Duration::from_secs(30);
