//! What is written down of a run.

mod broken_rules;
mod failures;
mod pcapng;
mod picture;
mod scenarios;
mod trace;
