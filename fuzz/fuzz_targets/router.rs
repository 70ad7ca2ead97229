//! Any calls in any order to a router with tiny tables.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| mld_fuzz::router::run(octets));
