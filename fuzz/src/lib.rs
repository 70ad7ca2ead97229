//! The bodies of the fuzz targets. The targets themselves are one line each, so that the seeds run as ordinary tests
//! too.

mod input;
pub mod listener;
pub mod packet;
pub mod router;
mod snapshot;
mod wire;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    #[test]
    fn seeds_of_packet_pass() {
        each_seed("packet", super::packet::run);
    }

    #[test]
    fn seeds_of_router_pass() {
        each_seed("router", super::router::run);
    }

    #[test]
    fn seeds_of_listener_pass() {
        each_seed("listener", super::listener::run);
    }

    fn each_seed(target: &str, run: impl Fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
        let seeds: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!seeds.is_empty());
        for seed in seeds {
            eprintln!("{}", seed.display());
            run(&fs::read(seed).unwrap());
        }
    }
}
