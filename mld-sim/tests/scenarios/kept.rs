//! Every scenario and every scenario of a fault that was found comes out as it should, with all judges watching.

use std::path::{Path, PathBuf};

use mld_sim::judge::Judges;
use mld_sim::scenario::Scenario;

/// The files of a folder of the package, in order of their names.
pub(crate) fn scenarios(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(&folder).expect("the folder is there");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort_unstable();
    paths
}

/// What was not as it should be.
fn run(path: &Path) -> Vec<String> {
    let scenario = Scenario::read(path).unwrap_or_else(|error| panic!("{error}"));
    let mut staged = scenario.stage().expect("a scenario that was read can be staged");
    let judges = Judges::watch(&mut staged.world);
    let result = staged.run().and_then(|()| judges.finish(&staged.world));
    let unmet = staged.verdicts().iter().filter_map(|verdict| {
        let instead = verdict.unmet.as_ref()?;
        Some(format!("at {} ms: {}, but {instead}", verdict.at_ms, verdict.expected))
    });
    let faults = unmet.chain(result.err().map(|violation| violation.to_string()));
    faults.map(|fault| format!("{}: {fault}", path.display())).collect()
}

#[test]
fn ten_scenarios_come_out_as_they_should() {
    let paths = scenarios("scenarios");
    assert_eq!(paths.len(), 10);
    let faults: Vec<_> = paths.iter().flat_map(|path| run(path)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    for path in paths {
        let scenario = Scenario::read(&path).expect("it was read before");
        assert!(!scenario.title.is_empty() && !scenario.about.is_empty(), "{}", path.display());
        assert!(scenario.expectations.len() >= 4, "{}", path.display());
    }
}

#[test]
fn faults_that_were_found_do_not_come_back() {
    let faults: Vec<_> = scenarios("regressions").iter().flat_map(|path| run(path)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}
