//! Holds `COMPLIANCE.md` to the code and the tests that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The requirements that the list must name, each kind with its ranges of numbers.
const EXPECTED: [(&str, &[(u32, u32)]); 16] = [
    ("R-WIRE", &[(1, 14), (20, 27), (30, 32), (40, 57), (60, 78)]),
    ("R-TIM", &[(1, 14)]),
    ("R-V1R", &[(1, 14)]),
    ("R-RST", &[(1, 9)]),
    ("R-REC", &[(1, 10)]),
    ("R-EXP", &[(1, 3)]),
    ("R-FWD", &[(1, 4)]),
    ("R-QRY", &[(1, 17)]),
    ("R-RXQ", &[(1, 7)]),
    ("R-ELE", &[(1, 12)]),
    ("R-CMP", &[(1, 8), (10, 20), (30, 39)]),
    ("R-LSN", &[(1, 9), (20, 29), (40, 51), (60, 63), (70, 75)]),
    ("R-SSM", &[(1, 10)]),
    ("R-SEC", &[(1, 15)]),
    ("R-YNG", &[(1, 3)]),
    ("A", &[(1, 36)]),
];

/// Where the driver stands beside this crate, if it does. Paths in the list begin with it.
const DRIVER: &str = "mld-linux/";

const REASON: &str = "reason:";

/// Source files by their path as the list writes it.
type Tree = BTreeMap<String, String>;

#[test]
fn every_requirement_has_its_code_and_its_test() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tree = Tree::new();
    for part in ["src", "tests"] {
        read(crate_dir, part, part, &mut tree);
    }
    let driver_dir = crate_dir.join("..").join(DRIVER);
    for part in ["src", "tests"] {
        if driver_dir.join(part).is_dir() {
            read(&driver_dir, part, &format!("{DRIVER}{part}"), &mut tree);
        }
    }
    let faults = faults(include_str!("../COMPLIANCE.md"), &tree, &expected());
    assert!(faults.is_empty(), "COMPLIANCE.md is wrong:\n{}", faults.join("\n"));
}

/// One requirement of the list.
#[derive(Debug)]
struct Row<'l> {
    id: &'l str,
    code: Vec<Place<'l>>,
    tests: Vec<Place<'l>>,
    reason: Option<&'l str>,
}

/// `file::name`
#[derive(Clone, Copy, Debug)]
struct Place<'l> {
    file: &'l str,
    name: &'l str,
}

impl<'l> Row<'l> {
    /// Reads `| id | sections | requirement | code | tests or a reason |`; the id is what begins like one.
    fn read(line: &'l str) -> Option<Result<Self, String>> {
        let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
        let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
        let id = cells[0];
        if !id.starts_with("R-") && !id.starts_with("A-") {
            return None;
        }
        let [_, sections, requirement, code, proof] = cells[..] else {
            return Some(Err(format!("{id}: {} cells instead of 5", cells.len())));
        };
        if ids(id) != BTreeSet::from([id.to_owned()]) {
            return Some(Err(format!("{id}: not an id")));
        }
        if sections.is_empty() || requirement.is_empty() {
            return Some(Err(format!("{id}: an empty cell")));
        }
        let reason = proof.strip_prefix(REASON).map(str::trim);
        let tests = if reason.is_some() { Ok(Vec::new()) } else { places(proof) };
        Some(match (places(code), tests) {
            (Ok(code), Ok(tests)) => Ok(Self { id, code, tests, reason }),
            (Err(entry), _) | (_, Err(entry)) => Err(format!("{id}: {entry:?} is not `file::name`")),
        })
    }
}

/// The places of a cell, apart by spaces; a dash stands for none.
fn places(cell: &str) -> Result<Vec<Place<'_>>, &str> {
    if matches!(cell, "" | "-") {
        return Ok(Vec::new());
    }
    let place = |entry: &'_ str| -> Option<(usize, usize)> {
        let inner = entry.strip_prefix('`')?.strip_suffix('`')?;
        let at = inner.find("::")?;
        (at > 0 && at + 2 < inner.len()).then_some((at, inner.len()))
    };
    cell.split_whitespace()
        .map(|entry| {
            let (at, len) = place(entry).ok_or(entry)?;
            Ok(Place { file: &entry[1..=at], name: &entry[at + 3..=len] })
        })
        .collect()
}

/// Everything that is wrong with the list, one line each.
fn faults(list: &str, tree: &Tree, expected: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut listed = BTreeSet::new();
    for row in list.lines().filter_map(Row::read) {
        match row {
            Err(fault) => faults.push(fault),
            Ok(row) => {
                if !listed.insert(row.id.to_owned()) {
                    faults.push(format!("{}: listed twice", row.id));
                }
                check_row(&row, tree, &mut faults);
            }
        }
    }
    for id in expected.difference(&listed) {
        faults.push(format!("{id}: not listed"));
    }
    for (file, text) in tree.iter().filter(|(file, _)| !file.starts_with(DRIVER)) {
        for id in ids_in_comments(file, text, named_ids).difference(&listed) {
            faults.push(format!("{id}: mentioned in {file} and not listed"));
        }
    }
    faults
}

fn check_row(row: &Row<'_>, tree: &Tree, faults: &mut Vec<String>) {
    let id = row.id;
    if row.tests.is_empty() && row.reason.is_none_or(str::is_empty) {
        faults.push(format!("{id}: neither test nor reason"));
    }
    let has_driver = tree.keys().any(|file| file.starts_with(DRIVER));
    for (what, places) in [("code", &row.code), ("test", &row.tests)] {
        let places: Vec<_> =
            places.iter().filter(|place| has_driver || !place.file.starts_with(DRIVER)).collect();
        let mut beside = places.is_empty();
        for Place { file, name } in places {
            let Some(text) = tree.get(*file) else {
                faults.push(format!("{id}: there is no {file}"));
                continue;
            };
            let exists = if what == "test" { has_test(text, name) } else { has_item(text, name) };
            if !exists {
                faults.push(format!("{id}: there is no {what} {name} in {file}"));
            }
            beside |= ids_in_comments(file, text, ids).contains(id);
        }
        if !beside {
            faults.push(format!("{id}: stands beside none of its {what}"));
        }
    }
}

/// Returns true if a function, type or constant of this name is defined here.
fn has_item(text: &str, name: &str) -> bool {
    let defined =
        |line: &str| ["fn", "struct", "enum", "const"].iter().any(|keyword| defines(line, keyword, name));
    code_lines(text).any(defined)
}

/// Returns true if there is a test of this name: `#[test]` before `fn name`, or `name:` where a macro makes tests of
/// such.
fn has_test(text: &str, name: &str) -> bool {
    let from_names = text.contains("fn $name()");
    let mut is_test = false;
    for line in code_lines(text) {
        let line = line.trim();
        if line.starts_with("#[") {
            is_test |= line == "#[test]";
            continue;
        }
        let row = line.strip_prefix(name).is_some_and(|rest| rest.starts_with(": "));
        if (is_test && defines(line, "fn", name)) || (from_names && row) {
            return true;
        }
        is_test = false;
    }
    false
}

fn code_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// Returns true if `keyword name` stands in the line, as whole words.
fn defines(line: &str, keyword: &str, name: &str) -> bool {
    let mut words = line.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    words.any(|word| word == keyword)
        && line.split(&format!("{keyword} ")).skip(1).any(|rest| {
            rest.trim_start()
                .strip_prefix(name)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
}

/// The ids that a file mentions: in comments of Rust, anywhere in other files. `read` reads those of a line.
fn ids_in_comments(file: &str, text: &str, read: fn(&str) -> BTreeSet<String>) -> BTreeSet<String> {
    let comment = |line: &str| if file.ends_with(".rs") { line.find("//") } else { Some(0) };
    text.lines().filter_map(|line| Some(read(&line[comment(line)?..]))).flatten().collect()
}

/// The ids that stand in a text. What is only inside of a range need not exist.
fn named_ids(text: &str) -> BTreeSet<String> {
    words(text).filter_map(split_id).map(|(kind, number)| format!("{kind}-{number}")).collect()
}

/// The ids that a text is about; `R-X-1 to 3` is three.
fn ids(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut words = words(text);
    let mut last: Option<(&str, u32)> = None;
    while let Some(word) = words.next() {
        if word == "to"
            && let Some((kind, from)) = last.take()
        {
            let Some(end) = words.next() else { break };
            let until = split_id(end).map_or_else(|| end.parse().ok(), |(_, number)| Some(number));
            found.extend((from..=until.unwrap_or(from)).map(|number| format!("{kind}-{number}")));
            continue;
        }
        last = split_id(word);
        found.extend(last.map(|(kind, number)| format!("{kind}-{number}")));
    }
    found
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).filter(|word| !word.is_empty())
}

fn split_id(word: &str) -> Option<(&str, u32)> {
    let (kind, number) = word.rsplit_once('-')?;
    let known = kind == "A"
        || kind.strip_prefix("R-").is_some_and(|kind| {
            !kind.is_empty() && kind.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        });
    Some((kind, number.parse().ok()?)).filter(|_| known)
}

fn expected() -> BTreeSet<String> {
    let one = |kind: &str, from, to| -> Vec<String> {
        (from..=to).map(|number| format!("{kind}-{number}")).collect()
    };
    EXPECTED
        .iter()
        .flat_map(|(kind, ranges)| ranges.iter().flat_map(|(from, to)| one(kind, *from, *to)))
        .collect()
}

/// Reads the files below `dir/part` into the tree, with `name` in front of their paths.
fn read(dir: &Path, part: &str, name: &str, tree: &mut Tree) {
    let dir = dir.join(part);
    for entry in std::fs::read_dir(&dir).expect("a readable directory") {
        let entry = entry.expect("a readable entry");
        let file = entry.file_name().into_string().expect("a name in UTF-8");
        let path = format!("{name}/{file}");
        if entry.path().is_dir() {
            read(&dir, &file, &path, tree);
        } else if [".rs", ".txt", ".timelines"].iter().any(|end| file.ends_with(end))
            && path != "tests/compliance.rs"
        {
            tree.insert(path, std::fs::read_to_string(entry.path()).expect("text"));
        }
    }
}

/// The complaints about a list with one row for `X-1`, beside a small crate without faults.
fn said_of(row: &str, change: impl FnOnce(&mut Tree)) -> Vec<String> {
    let mut tree = Tree::from([
        (
            "src/a.rs".to_owned(),
            "/// R-X-1\nfn code() {}\nconst CODE: u8 = 0;\n// no id: fn gone()\n".to_owned(),
        ),
        ("tests/t.rs".to_owned(), "// R-X-1\n#[test]\nfn proof() {}\nfn helper() {}\n".to_owned()),
        ("mld-linux/src/d.rs".to_owned(), "/// R-X-1\nfn drive() {}\n".to_owned()),
    ]);
    change(&mut tree);
    faults(row, &tree, &BTreeSet::from(["R-X-1".to_owned()]))
}

fn says(row: &str, fault: &str) {
    assert_eq!(said_of(row, |_| ()), [fault], "{row}");
}

const RIGHT: &str = "| R-X-1 | 9777:1 | words | `src/a.rs::code` | `tests/t.rs::proof` |";

#[test]
fn right_list_has_no_faults() {
    for row in [
        RIGHT,
        "| R-X-1 | 9777:1 | words | `src/a.rs::CODE` `mld-linux/src/d.rs::drive` | `tests/t.rs::proof` |",
        "| R-X-1 | 9777:1 | words | - | reason: nobody can test it |",
    ] {
        assert_eq!(said_of(row, |_| ()), [""; 0], "{row}");
    }
}

#[test]
fn row_without_test_or_reason_is_a_fault() {
    says("| R-X-1 | 9777:1 | words | `src/a.rs::code` | |", "R-X-1: neither test nor reason");
    says("| R-X-1 | 9777:1 | words | `src/a.rs::code` | - |", "R-X-1: neither test nor reason");
    says("| R-X-1 | 9777:1 | words | `src/a.rs::code` | reason: |", "R-X-1: neither test nor reason");
}

#[test]
fn code_that_does_not_exist_is_a_fault() {
    let row = |code| format!("| R-X-1 | 9777:1 | words | `{code}` | `tests/t.rs::proof` |");
    for name in ["gone", "cod", "codes"] {
        says(
            &row(format!("src/a.rs::{name}")).replace("` | `tests", "` `src/a.rs::code` | `tests"),
            &format!("R-X-1: there is no code {name} in src/a.rs"),
        );
    }
    says(
        &row("src/b.rs::code".to_owned()).replace("` | `tests", "` `src/a.rs::code` | `tests"),
        "R-X-1: there is no src/b.rs",
    );
}

#[test]
fn test_that_does_not_exist_is_a_fault() {
    let row = |test| format!("| R-X-1 | 9777:1 | words | `src/a.rs::code` | `{test}` |");
    for name in ["gone", "helper", "proo"] {
        says(&row(format!("tests/t.rs::{name}")), &format!("R-X-1: there is no test {name} in tests/t.rs"));
    }
}

#[test]
fn test_made_by_a_macro_counts() {
    let with_macro = |tree: &mut Tree| {
        let text =
            "// R-X-1\nmacro_rules! m { () => { #[test] fn $name() {} } }\nm! { proof: 1; }\n proof: 2;\n";
        tree.insert("tests/t.rs".to_owned(), text.to_owned());
    };
    assert_eq!(said_of(RIGHT, with_macro), [""; 0]);
    assert_eq!(
        said_of(&RIGHT.replace("proof", "proofs"), with_macro),
        ["R-X-1: there is no test proofs in tests/t.rs"]
    );
}

#[test]
fn id_that_stands_beside_nothing_is_a_fault() {
    let strip = |file: &'static str| {
        move |tree: &mut Tree| {
            let text = tree[file].replace("R-X-1", "");
            tree.insert(file.to_owned(), text);
        }
    };
    assert_eq!(said_of(RIGHT, strip("src/a.rs")), ["R-X-1: stands beside none of its code"]);
    assert_eq!(said_of(RIGHT, strip("tests/t.rs")), ["R-X-1: stands beside none of its test"]);
}

#[test]
fn id_that_is_not_listed_is_a_fault() {
    let mention = |tree: &mut Tree| {
        tree.insert("tests/data/x.txt".to_owned(), "R-Y-1 to 3".to_owned());
    };
    assert_eq!(said_of(RIGHT, mention), ["R-Y-1: mentioned in tests/data/x.txt and not listed"]);
}

#[test]
fn missing_or_repeated_row_is_a_fault() {
    assert_eq!(said_of("", |tree| tree.clear()), ["R-X-1: not listed"]);
    says(&format!("{RIGHT}\n{RIGHT}"), "R-X-1: listed twice");
}

#[test]
fn malformed_row_is_a_fault() {
    let said = |row| said_of(row, |tree| tree.clear());
    assert_eq!(said("| R-X-1 | 9777:1 | words | - |"), ["R-X-1: 4 cells instead of 5", "R-X-1: not listed"]);
    assert_eq!(
        said("| R-X-1 | 9777:1 | words | src/a.rs | reason: x |"),
        ["R-X-1: \"src/a.rs\" is not `file::name`", "R-X-1: not listed"]
    );
    assert_eq!(said("| R-X-1 | 9777:1 | | - | reason: x |"), ["R-X-1: an empty cell", "R-X-1: not listed"]);
    assert_eq!(said("| R-X | 9777:1 | words | - | reason: x |"), ["R-X: not an id", "R-X-1: not listed"]);
}

#[test]
fn driver_that_is_not_there_is_not_looked_for() {
    let row = "| R-X-1 | 9777:1 | words | `mld-linux/src/d.rs::drive` | reason: the driver's business |";
    assert_eq!(said_of(row, |_| ()), [""; 0]);
    assert_eq!(
        said_of(&row.replace("drive`", "halt`"), |_| ()),
        ["R-X-1: there is no code halt in mld-linux/src/d.rs"]
    );
    let without = |tree: &mut Tree| tree.retain(|file, _| !file.starts_with(DRIVER));
    assert_eq!(said_of(row, without), [""; 0]);
}

#[test]
fn ids_are_read_with_their_ranges() {
    let read = |text| ids(text).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(
        read("(R-V1R-8, A-7), R-ELE-2 to 4; R-CMP-3 to R-CMP-5."),
        "A-7 R-CMP-3 R-CMP-4 R-CMP-5 R-ELE-2 R-ELE-3 R-ELE-4 R-V1R-8"
    );
    assert_eq!(read("(A-X-Y)=MALI, T-30, HA-1, R-1, from 1 to 2"), "");
}
