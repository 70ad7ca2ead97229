//! The hunt: its scenarios, its shrinking, its program.

mod program;
mod scenarios;
mod shrinking;
mod support;
