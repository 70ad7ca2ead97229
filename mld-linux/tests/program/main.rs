//! The program `mld`, end to end: real processes, real interfaces, the kernel's own hosts.
//!
//! The tests run one after the other in a user and network namespace that the process makes for itself while it
//! still has one thread, as an ordinary user can. That namespace is the router's machine.

mod demo;
mod failures;
mod running;
mod showing;
mod support;

use libtest_mimic::{Arguments, Conclusion, Failed, Trial};
use mld_linux::lab;

type Test = (&'static str, fn() -> Result<(), Failed>);

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let entered = if arguments.list { Ok(()) } else { lab::enter().map_err(|error| error.to_string()) };
    let tests = [demo::TESTS, failures::TESTS, running::TESTS, showing::TESTS].concat();
    let trials = tests
        .into_iter()
        .map(|(name, test)| {
            let entered = entered.clone();
            Trial::test(name, move || entered.map_err(Failed::from).and_then(|()| test()))
        })
        .collect();
    let conclusion: Conclusion = libtest_mimic::run(&arguments, trials);
    conclusion.exit();
}
