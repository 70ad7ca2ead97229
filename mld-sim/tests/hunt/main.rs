//! The hunt: its stories, its shrinking, its program.

mod program;
mod shrinking;
mod stories;
mod support;
