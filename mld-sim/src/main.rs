//! The program `mld-sim`.

use std::process::ExitCode;

fn main() -> ExitCode {
    mld_sim::program::main(std::env::args_os())
}
