//! Any octets as a packet, to the parsers and to a fresh router.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| mld_fuzz::packet::run(octets));
