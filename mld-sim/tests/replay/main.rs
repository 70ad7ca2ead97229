//! `mld-sim replay`, run as a program on captures that are built here octet by octet.

mod bytes;
mod configuration;
mod events;
mod failures;
mod formats;
mod frames;
mod lab;
mod options;
mod transmit;
