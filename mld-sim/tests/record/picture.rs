//! The picture: what a person must find in it, and that nothing hides anything else.

use core::time::Duration;

use mld_sim::{Link, Router};
use roxmltree::{Document, Node};

use crate::scenarios::{self, BROKEN, CROWD, EVERYTHING, TROUBLE, recorded};

const SVG: &str = "http://www.w3.org/2000/svg";

#[test]
fn a_picture_is_well_formed_and_says_whom_it_shows() {
    let picture = recorded("A <scenario> & more", scenarios::everything).picture;
    let document = Document::parse(&picture).expect("XML");
    assert_eq!(document.root_element().tag_name().name(), "svg");
    let texts = texts(&document);
    for words in
        ["A <scenario> & more", "r1", "r2", "desk", "tv", "old", "ff3e::8000:1", "ff05::9", "time (s)"]
    {
        assert!(texts.iter().any(|text| text.words == words), "{words}");
    }
}

#[test]
fn lines_of_words_do_not_overlap_and_stay_on_the_sheet() {
    for records in [&EVERYTHING, &CROWD, &TROUBLE, &BROKEN] {
        let picture = &records.picture;
        let document = Document::parse(picture).expect("XML");
        let size = |name: &str| number(document.root_element(), name);
        let (width, height) = (size("width"), size("height"));
        let texts = texts(&document);
        for text in &texts {
            assert!(text.x >= 0.0 && text.x < width && text.y > 0.0 && text.y < height, "{}", text.words);
        }
        // What stands in one column, as lines below each other.
        let upright = |text: &&Text| !text.is_turned && text.anchor.is_empty();
        for one in texts.iter().filter(upright) {
            for other in texts.iter().filter(upright).filter(|other| other.x == one.x) {
                let gap = (one.y - other.y).abs();
                assert!(one.words == other.words || gap >= 14.0, "{} and {}: {gap}", one.words, other.words);
            }
        }
    }
}

#[test]
fn a_long_scenario_stays_readable() {
    for records in [&EVERYTHING, &CROWD, &TROUBLE, &BROKEN] {
        let picture = &records.picture;
        let document = Document::parse(picture).expect("XML");
        let height = number(document.root_element(), "height");
        assert!(height < 4_000.0, "{height}");
        assert!(picture.len() < 500_000, "{}", picture.len());
    }
    let trouble = &TROUBLE.picture;
    assert!(trouble.contains("Only what changed something is shown"));
    assert!(trouble.contains("happenings are left out here"));
}

#[test]
fn a_crowd_shares_a_lane_and_a_line() {
    let document = Document::parse(&CROWD.picture).expect("XML");
    let words: Vec<_> = texts(&document).into_iter().map(|text| text.words).collect();
    assert!(words.iter().any(|words| words == "200 × set-top box"), "{words:?}");
    assert!(words.iter().any(|words| words.starts_with("200 × wants ff0e::11")), "{words:?}");
    assert!(words.iter().any(|words| words.starts_with("40 × TO_IN ff0e::11 {}")), "{words:?}");
    assert!(!words.iter().any(|words| words == "set-top box 1"), "{words:?}");
}

#[test]
fn what_happened_is_told_in_words_with_its_time() {
    let document = Document::parse(&EVERYTHING.picture).expect("XML");
    let texts = texts(&document);
    let time_of = |words: &str| {
        let text = texts.iter().find(|text| text.words == words).unwrap_or_else(|| panic!("{words}"));
        let times = texts.iter().filter(|time| time.anchor == "end" && time.words.parse::<f64>().is_ok());
        // The time stands at the same height, or higher where several things happen at once.
        let times = times.filter(|time| time.y <= text.y + 2.0);
        times.max_by(|one, other| one.y.total_cmp(&other.y)).map(|time| time.words.clone())
    };
    for (words, time) in [
        ("r2 starts; r2 becomes querier", "0"),
        ("tv wants ff0e::4", "6"),
        ("tv: TO_EX ff0e::4 {}", "6"),
        ("r1: General Query; r2: r1 is querier", "12"),
        ("old: v1 Done ff05::9", "90"),
        ("r1: Query ff05::9", "90"),
        ("r1: ff05::9 timed out", "92"),
        ("partition: r1 apart", "110"),
        ("faults: loss 30 %, delay 1 to 20 ms", "200"),
        ("r2 crashes", "240"),
    ] {
        assert_eq!(time_of(words).as_deref(), Some(time), "{words}");
    }
}

#[test]
fn a_world_in_which_nothing_happens_has_a_picture() {
    let picture = recorded("nothing", |_| {}).picture;
    assert!(Document::parse(&picture).is_ok());
}

#[test]
fn losses_crowns_bars_and_faults_are_drawn() {
    let document = Document::parse(&EVERYTHING.picture).expect("XML");
    let count = |tag: &str, name: &str, value: &str| {
        let nodes = document.descendants().filter(|node| node.has_tag_name((SVG, tag)));
        nodes.filter(|node| node.attribute(name) == Some(value)).count()
    };
    // Each sign stands once in the legend too.
    let lost = EVERYTHING.trace.matches(r#""event":"lost""#).count();
    let kept_apart_or_down =
        EVERYTHING.trace.matches("partition\"}").count() + EVERYTHING.trace.matches("down\"}").count();
    assert!(lost > kept_apart_or_down);
    // A cross is two strokes, each with a halo.
    assert_eq!(count("line", "stroke-linecap", "round"), 4 * (lost - kept_apart_or_down + 1));
    let became_querier = EVERYTHING.trace.matches(r#""role":"querier""#).count();
    assert_eq!(count("path", "fill", "#f2d024"), became_querier + 1);
    assert_eq!(count("rect", "fill", "url(#apart)"), 1 + 1);
    assert_eq!(count("rect", "fill", "url(#down)"), 1 + 1);
    let bars: Vec<_> = document
        .descendants()
        .filter(|node| node.has_tag_name((SVG, "rect")))
        .filter_map(|bar| Some(bar.first_element_child()?.text()?.trim()))
        .filter(|bar| !bar.is_empty())
        .collect();
    let of = |words: &str| bars.iter().filter(|bar| **bar == words).count();
    // r2 learns the first source alone, r1 starts with it; then both learn the second, each twice.
    assert_eq!(of("include 2001:db8::1"), 2, "{bars:?}");
    assert_eq!(of("include 2001:db8::1, 2001:db8::2"), 4, "{bars:?}");
    // ff0e::4 twice at each router and once more after the crash, ff05::9 once at each.
    assert_eq!(of("exclude all sources"), 7, "{bars:?}");
}

#[test]
fn odd_names_do_not_break_a_picture() {
    let name = "a\u{7}b<&>\"\n".repeat(40);
    let picture = recorded(&name, |world| {
        let lan = world.link(Link::ethernet().name(name.as_str()));
        world.link(Link::ethernet().name("other"));
        world.router(lan, Router::new(name.as_str(), "fe80::1".parse().expect("an address")));
        world.run_for(Duration::from_secs(1_000_000)).expect("nobody judges");
    });
    let document = Document::parse(&picture.picture).expect("XML");
    assert!(number(document.root_element(), "width") < 1_500.0);
    assert!(texts(&document).iter().any(|text| text.words.starts_with("a\u{fffd}b<&>")));
}

struct Text {
    words: String,
    x: f64,
    y: f64,
    anchor: String,
    is_turned: bool,
}

fn texts(document: &Document<'_>) -> Vec<Text> {
    let texts = document.descendants().filter(|node| node.has_tag_name((SVG, "text")));
    texts
        .map(|node| Text {
            words: node.text().expect("words").trim().to_owned(),
            x: number(node, "x"),
            y: number(node, "y"),
            anchor: node.attribute("text-anchor").unwrap_or_default().to_owned(),
            is_turned: node.has_attribute("transform"),
        })
        .collect()
}

fn number(node: Node<'_, '_>, name: &str) -> f64 {
    node.attribute(name).and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name}"))
}
