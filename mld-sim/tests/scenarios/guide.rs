//! `scenarios/README.md` names every key that a file may have, and no other.

use std::path::Path;

use mld_proto::settings::KEYS;
use mld_sim::judge::Judges;
use mld_sim::scenario::Scenario;

/// What is counted has these keys beside its own: a `*` in the guide.
const COUNTED: [&str; 5] = ["since", "count", "at-least", "at-most", "times"];

/// A table of the guide: what its heading names, and a row for each key.
struct Section {
    heading: String,
    rows: Vec<Row>,
}

/// The cells of a row, from the key on.
struct Row {
    key: String,
    cells: Vec<String>,
}

fn guide() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/README.md");
    std::fs::read_to_string(path).expect("the guide is there")
}

fn sections(guide: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in guide.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            sections.push(Section { heading: heading.replace('`', ""), rows: Vec::new() });
        } else if let (Some(row), Some(section)) = (line.strip_prefix("| `"), sections.last_mut()) {
            let mut cells = row.trim_end_matches('|').split(" | ").map(|cell| cell.trim().to_owned());
            let key = cells.next().expect("a key").trim_end_matches('`').to_owned();
            section.rows.push(Row { key, cells: cells.collect() });
        }
    }
    sections
}

/// What stands between backquotes, of names alone.
fn quoted(text: &str) -> Vec<String> {
    let parts = text.split('`').skip(1).step_by(2);
    let is_name = |part: &&str| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    parts.filter(is_name).map(Into::into).collect()
}

/// The names that an error offers instead of `zz`.
fn offered(text: &str) -> Vec<String> {
    let error = Scenario::parse(text).expect_err(text);
    if let Some((_, offered)) = error.split_once("must be one of ") {
        let (offered, _) = offered.split_once(", not ").expect("what was given");
        return offered.split(", ").map(Into::into).collect();
    }
    if let Some((_, offered)) = error.split_once("unexpected keys in table: zz, available keys: ") {
        return offered.split(", ").map(Into::into).collect();
    }
    assert!(error.contains("unknown field `zz`") || error.contains("unknown variant `zz`"), "{text}{error}");
    let mut offered = error.split_once("expected").map_or_else(Vec::new, |(_, offered)| quoted(offered));
    offered.retain(|key| !OLD_SPELLINGS.contains(&key.as_str()));
    offered
}

/// Keys that are read and never written, without a row of their own.
const OLD_SPELLINGS: [&str; 3] = ["calm", "mischief", "station"];

/// Tables of a heading, each in a scenario of which everything but `{}` is right.
const TABLES: [(&str, &str); 12] = [
    ("Top level", "duration = 1\n{} = 1"),
    ("[[link]]", "duration = 1\n[[link]]\nname = \"l\"\n{} = 1"),
    ("faults", "duration = 1\n[[link]]\nname = \"l\"\nfaults = { {} = 1 }"),
    ("[[router]]", "duration = 1\n[[router]]\nname = \"r\"\n{} = 1"),
    ("clock", "duration = 1\n[[router]]\nname = \"r\"\nclock = { {} = 1 }"),
    ("[[host]]", "duration = 1\n[[host]]\nname = \"h\"\naddress = \"fe80::1\"\n{} = 1"),
    ("listens", "duration = 1\n[[host]]\nname = \"h\"\naddress = \"fe80::1\"\nlistens = [{ {} = 1 }]"),
    ("behaviours", "duration = 1\n[[host]]\nname = \"h\"\naddress = \"fe80::1\"\nbehaviours = [{ {} = {} }]"),
    ("[[misbehaviour]]", "duration = 1\n[[misbehaviour]]\n{} = 1"),
    ("forgeries", "duration = 1\n[[misbehaviour]]\nforgeries = [{ {} = 1 }]"),
    ("[[step]]", "duration = 1\n[[step]]\n{} = 1"),
    ("[[expect]]", "duration = 1\n[[expect]]\n{} = 1"),
];

#[test]
fn guide_names_the_keys_of_every_table() {
    let sections = sections(&guide());
    let headings = TABLES.iter().map(|(heading, _)| *heading).chain(["config"]);
    let mut headings: Vec<_> = headings.collect();
    headings.sort_unstable();
    let mut found: Vec<_> = sections.iter().map(|section| section.heading.as_str()).collect();
    found.sort_unstable();
    assert_eq!(found, headings);
    for section in &sections {
        let keys: Vec<_> = section.rows.iter().map(|row| row.key.as_str()).collect();
        match TABLES.iter().find(|(heading, _)| *heading == section.heading) {
            Some((heading, text)) => assert_eq!(keys, offered(&text.replacen("{}", "zz", 1)), "{heading}"),
            None => assert_eq!(keys, KEYS),
        }
    }
}

#[test]
fn guide_names_the_keys_of_everything_that_is_one_key_itself() {
    for section in sections(&guide()) {
        let before = match section.heading.as_str() {
            "behaviours" => "[[host]]\nname = \"h\"\naddress = \"fe80::1\"\nbehaviours = [{ ",
            "[[step]]" => "[[step]]\nat = 1\n",
            "[[expect]]" => "[[expect]]\nat = 1\n",
            _ => continue,
        };
        let after = if section.heading == "behaviours" { " }]" } else { "" };
        for Row { key, cells } in section.rows.iter().filter(|row| row.key != "at") {
            let mut named = quoted(&cells[0]);
            if cells[0].ends_with(", *") {
                named.extend(COUNTED.map(Into::into));
            }
            let text = format!("duration = 1\n{before}{key} = {{ zz = 1 }}{after}");
            assert_eq!(named, offered(&text), "{key} of {}", section.heading);
        }
    }
}

#[test]
fn guide_names_every_word_that_a_value_may_be() {
    let sections = sections(&guide());
    let host = "[[host]]\nname = \"h\"\naddress = \"fe80::1\"\n";
    let router = "[[router]]\nname = \"r\"\n";
    for (heading, key, text) in [
        ("[[link]]", "medium", "[[link]]\nmedium = \"zz\"".into()),
        ("[[host]]", "stack", format!("{host}stack = \"zz\"")),
        ("listens", "mode", format!("{host}listens = [{{ group = \"ff05::1\", mode = \"zz\" }}]")),
        ("[[misbehaviour]]", "kind", "[[misbehaviour]]\nkind = \"zz\"".into()),
        ("forgeries", "message", "[[misbehaviour]]\nforgeries = [{ message = \"zz\" }]".into()),
        ("forgeries", "name", "[[misbehaviour]]\nforgeries = [{ name = \"zz\" }]".into()),
        ("[[expect]]", "knows", "[[expect]]\nknows = { filter-mode = \"zz\" }".into()),
        ("[[expect]]", "knows", "[[expect]]\nknows = { state = \"zz\" }".into()),
        ("[[expect]]", "role", "[[expect]]\nrole = { is = \"zz\" }".into()),
        ("[[expect]]", "queries", "[[expect]]\nqueries = { kind = \"zz\" }".into()),
        ("[[expect]]", "events", "[[expect]]\nevents = { event = \"zz\" }".into()),
        (
            "[[expect]]",
            "events",
            format!("{router}[[expect]]\nat = 1\nevents = {{ limit = \"zz\", count = 1 }}"),
        ),
        (
            "[[expect]]",
            "reports",
            format!("{router}[[expect]]\nat = 1\nreports = {{ record = \"zz\", count = 1 }}"),
        ),
        (
            "[[expect]]",
            "losses",
            format!("{router}[[expect]]\nat = 1\nlosses = {{ why = \"zz\", count = 1 }}"),
        ),
        (
            "[[expect]]",
            "refused-calls",
            format!("{router}[[expect]]\nat = 1\nrefused-calls = {{ why = \"zz\", count = 1 }}"),
        ),
    ] {
        let section = sections.iter().find(|section| section.heading == heading).expect(heading);
        let row = section.rows.iter().find(|row| row.key == key).expect(key);
        let named = quoted(&row.cells.join(" "));
        for word in offered(&format!("duration = 1\n{text}\n")) {
            assert!(named.contains(&word), "{key} of {heading}: {word} is not in {named:?}");
        }
    }
}

/// A default of the guide as a value of TOML; nothing where it is in words.
fn value(default: &str) -> Option<String> {
    let bare = match default.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
        Some(word) => return Some(format!("\"{word}\"")),
        None => default,
    };
    match bare {
        "true" | "false" => Some(bare.into()),
        "empty" => Some("\"\"".into()),
        _ if bare.parse::<f64>().is_ok() => Some(bare.into()),
        _ => None,
    }
}

#[test]
fn defaults_are_those_of_the_guide() {
    let mut checked = Vec::new();
    for section in sections(&guide()) {
        let host = "duration = 1\n[[host]]\nname = \"x\"\naddress = \"fe80::1\"\n";
        let router = "duration = 1\n[[router]]\nname = \"x\"\n";
        let misbehaviour =
            "duration = 1\n[[misbehaviour]]\nname = \"x\"\naddress = \"fe80::1\"\nkind = \"switch\"\n";
        let (before, after) = match section.heading.as_str() {
            "Top level" => ("duration = 1\n".into(), ""),
            "[[link]]" => ("duration = 1\n[[link]]\nname = \"x\"\n".into(), ""),
            "faults" => ("duration = 1\n[[link]]\nname = \"x\"\nfaults = { ".into(), " }"),
            "[[router]]" => (router.into(), ""),
            "clock" => (format!("{router}clock = {{ "), " }"),
            "config" => (format!("{router}config = {{ "), " }"),
            "[[host]]" => (host.into(), ""),
            "listens" => (format!("{host}listens = [{{ group = \"ff05::1\", "), " }]"),
            "[[misbehaviour]]" => (misbehaviour.into(), ""),
            _ => continue,
        };
        for Row { key, cells } in &section.rows {
            let Some(value) = value(&cells[1]) else { continue };
            let read = |text: String| Scenario::parse(&text).unwrap_or_else(|error| panic!("{text}{error}"));
            let usual = read(format!("{before}{after}").replace(",  }", " }"));
            let told = read(format!("{before}{key} = {value}{after}"));
            // What is configured counts; that it was written down does not.
            let configured = |scenario: &Scenario| {
                let staged = scenario.stage().expect("what was read can be staged");
                let scene = staged.world.scene();
                let node = staged.nodes("x").first().copied();
                node.map(|node| (scene.engine(node).map(|engine| *engine.config()), scene.settings(node)))
            };
            assert_eq!(configured(&usual), configured(&told), "{key} of {}", section.heading);
            let is_optional =
                matches!(key.as_str(), "robustness" | "mtu" | "start") || section.heading == "config";
            assert!(is_optional || usual == told, "{key} of {}: {value}", section.heading);
            checked.push(format!("{}.{key}", section.heading));
        }
    }
    assert!(checked.len() > 40, "{checked:?}");
}

#[test]
fn example_of_the_guide_comes_out_as_it_should() {
    let guide = guide();
    let (_, example) = guide.split_once("```toml\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    let scenario = Scenario::parse(example).unwrap_or_else(|error| panic!("{error}"));
    let mut staged = scenario.stage().expect("what was read can be staged");
    let judges = Judges::watch(&mut staged.world);
    staged.run().expect("no rule is broken");
    judges.finish(&staged.world).expect("no rule is broken");
    assert_eq!(staged.verdicts().len(), 2);
    assert!(staged.verdicts().iter().all(|verdict| verdict.unmet.is_none()), "{:?}", staged.verdicts());
}

#[test]
fn readme_shows_the_way_to_the_guide() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(readme).expect("the README is there");
    assert!(readme.contains("(mld-sim/scenarios/README.md)"));
}
