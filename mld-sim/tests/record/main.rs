//! What is written down of a run.

mod failures;
mod pcapng;
mod picture;
mod stories;
mod trace;
