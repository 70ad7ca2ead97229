//! Any calls in any order to a listener with tiny tables.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| mld_fuzz::listener::run(octets));
