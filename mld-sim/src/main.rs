//! The program `mld-sim`.

use std::process::ExitCode;

fn main() -> ExitCode {
    mld_sim::cli::main(std::env::args_os())
}
