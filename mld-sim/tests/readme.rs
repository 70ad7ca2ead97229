//! What the README shows of the simulator is what there is.
//!
//! After a change of the picture that is meant:
//!
//! ```sh
//! BLESS=1 cargo test -p mld-sim --test readme
//! ```

use core::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use mld_sim::record::Picture;
use mld_sim::scenario::Scenario;

const PICTURE: &str = "mld-sim/scenarios/election-and-takeover.svg";

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn readme() -> String {
    std::fs::read_to_string(repository("README.md")).expect("the README is there")
}

#[test]
fn picture_is_the_one_that_the_program_draws() {
    let path = repository(PICTURE);
    let scenario = Scenario::read(&path.with_extension("toml")).expect("a scenario");
    let mut staged = scenario.stage().expect("it can be staged");
    let picture = Rc::new(RefCell::new(Picture::new(Vec::new(), &scenario.title)));
    staged.world.observe(Rc::clone(&picture));
    staged.run().expect("everything is settled in the end");
    drop(staged);
    let drawn = Rc::into_inner(picture).expect("the world is gone").into_inner().finish().expect("memory");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &drawn).expect("the picture can be written");
    }
    let kept = std::fs::read(&path).expect("the picture is there");
    assert!(
        drawn == kept,
        "{PICTURE} is another picture; if that is meant: BLESS=1 cargo test -p mld-sim --test readme"
    );
    assert!(readme().contains(&format!("({PICTURE})")));
}

#[test]
fn every_scenario_is_listed_with_its_title() {
    let readme = readme();
    let folder = "mld-sim/scenarios";
    let files = std::fs::read_dir(repository(folder)).expect("the folder is there");
    let mut paths: Vec<_> = files.map(|file| file.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    assert_eq!(paths.len(), 10);
    for path in paths {
        let title = Scenario::read(&path).expect("a scenario").title;
        let name = path.file_name().expect("a file").to_string_lossy();
        let line = format!("| [{title}]({folder}/{name}) | ");
        assert!(readme.contains(&line), "{line}");
    }
}
