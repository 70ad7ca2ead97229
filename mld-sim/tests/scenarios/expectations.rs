//! Every kind of expectation can be met, and can fail.

use mld_sim::scenario::Scenario;

/// A host joins at 10 s and leaves at 60 s; another one listens to a source of another group. A third is refused. At
/// 100 s the router's own packets no longer reach the first.
const SCENARIO: &str = r#"
duration = 200
router = [{ name = "r1", address = "fe80::1", config = { max-groups = 2 } }, { name = "r2", address = "fe80::2" }]

[[host]]
name = "h1"
address = "fe80::a"

[[host]]
name = "h2"
address = "fe80::b"
listens = [{ group = "ff05::2", mode = "include", sources = ["2001:db8::1"] }]

[[misbehaviour]]
name = "switch"
address = "fe80::c"
kind = "switch"
every = 10
turns = 1

[[step]]
at = 10
listen = { host = "h1", group = "ff05::1" }

[[step]]
at = 20
listen = { host = "h2", group = "ff05::3", mode = "exclude", sources = ["2001:db8::9"] }

[[step]]
at = 60
leave = { host = "h1", group = "ff05::1" }

[[step]]
at = 100
partition = { apart = ["h2"] }
"#;

/// What was the case instead of this expectation at this moment; nothing if it was met.
fn instead(at: &str, claim: &str) -> Option<String> {
    let text = format!("{SCENARIO}\n[[expect]]\nat = {at}\n{claim}\n");
    let scenario = Scenario::parse(&text).unwrap_or_else(|error| panic!("{claim}{error}"));
    let mut staged = scenario.stage().expect("what was read can be staged");
    staged.run().expect("nobody judges");
    let [verdict] = staged.verdicts() else { panic!("one expectation, one verdict") };
    assert_eq!(verdict.at_ms, scenario.expectations[0].at_ms);
    verdict.unmet.clone()
}

fn met(at: &str, claim: &str) {
    assert_eq!(instead(at, claim), None, "{claim}");
}

fn unmet(at: &str, claim: &str, why: &str) {
    assert_eq!(instead(at, claim).as_deref(), Some(why), "{claim}");
}

#[test]
fn knowledge_of_a_group_is_held_to_each_detail() {
    let knows = |rest: &str| format!(r#"knows = {{ router = "r1", group = "ff05::1"{rest} }}"#);
    met(
        "10",
        &knows(r#", filter-mode = "exclude", sources = [], requested = [], state = "listeners-present""#),
    );
    met("10", &knows(", compatibility-mode = 2, expire = 270"));
    met("60", &knows(r#", state = "checking-listeners", expire = 2"#));
    let is = "it is exclude {}, listeners-present, version 2, ends in 270 s";
    for wrong in [
        r#", filter-mode = "include""#,
        r#", sources = ["2001:db8::1"]"#,
        r#", requested = ["2001:db8::1"]"#,
        r#", state = "checking-listeners""#,
        ", compatibility-mode = 1",
        ", expire = 269.999",
    ] {
        unmet("10", &knows(wrong), is);
    }
    unmet("9.999", &knows(""), "it knows no listeners");
    let source = |address: &str| {
        format!(
            r#"knows = {{ router = "r1", group = "ff05::2", filter-mode = "include", sources = ["{address}"] }}"#
        )
    };
    met("5", &source("2001:db8::1"));
    assert!(
        instead("5", &source("2001:db8::2")).expect("it fails").starts_with("it is include {2001:db8::1}")
    );
    let blocked =
        |list: &str| format!(r#"knows = {{ router = "r2", group = "ff05::3", sources = [{list}] }}"#);
    met("25", &blocked(r#""2001:db8::9""#));
    assert!(instead("25", &blocked("")).expect("it fails").starts_with("it is exclude {2001:db8::9}"));
}

#[test]
fn ignorance_of_a_group_can_fail() {
    met("9.999", r#"knows-not = { router = "r1", group = "ff05::1" }"#);
    unmet("10", r#"knows-not = { router = "r1", group = "ff05::1" }"#, "it knows {ff05::1}");
    unmet("62", r#"knows-not = { router = "r1" }"#, "it knows {ff05::2}");
}

#[test]
fn forwarding_is_held_to_at_a_moment_and_all_the_time() {
    let forwards = |kind: &str, source: &str, since: &str| {
        format!(r#"{kind} = {{ router = "r1", group = "ff05::2", source = "{source}"{since} }}"#)
    };
    met("5", &forwards("forwards", "2001:db8::1", ""));
    met("5", &forwards("forwards-not", "2001:db8::2", ""));
    unmet("5", &forwards("forwards", "2001:db8::2", ""), "it does not so");
    unmet("5", &forwards("forwards-not", "2001:db8::1", ""), "it does so");
    let whole = |kind: &str, since: &str| {
        format!(r#"{kind} = {{ router = "r1", group = "ff05::1", source = "2001:db8::1", since = {since} }}"#)
    };
    met("61.999", &whole("forwards", "10"));
    unmet("61.999", &whole("forwards", "9.999"), "it did not so at 9.999 s");
    unmet("70", &whole("forwards", "10"), "from 62 s on it did not so");
    met("70", &whole("forwards-not", "62"));
    unmet("70", &whole("forwards-not", "61.999"), "it did so at 61.999 s");
    unmet("10", &whole("forwards-not", "5"), "from 10 s on it did so");
}

#[test]
fn roles_can_be_others() {
    met("0", r#"role = { router = "r1", is = "querier", querier = "fe80::1" }"#);
    met("0", r#"role = { router = "r2", is = "non-querier", querier = "fe80::1" }"#);
    unmet("0", r#"role = { router = "r2", is = "querier" }"#, "it is non-querier, the querier is fe80::1");
    unmet(
        "0",
        r#"role = { router = "r1", is = "querier", querier = "fe80::2" }"#,
        "it is querier, the querier is fe80::1",
    );
}

#[test]
fn queries_are_counted_by_what_they_ask_for() {
    met("160", r#"queries = { from = "r1", kind = "general", times = [0, 31.25, 156.25] }"#);
    met("160", r#"queries = { from = "r1", kind = "general", suppress = false, since = 0.001, count = 2 }"#);
    met("60", r#"queries = { kind = "group", group = "ff05::1", times = [60] }"#);
    let times = "there were 2, at 31.25 s, 156.25 s";
    for wrong in ["count = 3", "at-least = 3", "at-most = 1", "times = [31.25]"] {
        unmet("160", &format!(r#"queries = {{ from = "r1", kind = "general", since = 1, {wrong} }}"#), times);
    }
    for wrong in [
        r#"kind = "group-and-source""#,
        r#"kind = "group", group = "ff05::2""#,
        r#"kind = "group", suppress = true"#,
        r#"kind = "group", from = "r2""#,
    ] {
        unmet("60", &format!("queries = {{ {wrong}, at-least = 1 }}"), "there were none");
    }
}

#[test]
fn reports_are_counted_by_record() {
    met("11", r#"reports = { from = "h1", record = "to-ex", group = "ff05::1", count = 2 }"#);
    met("61", r#"reports = { from = "h1", record = "to-in", since = 60, count = 2 }"#);
    met("0", r#"reports = { from = "h2", record = "allow", group = "ff05::2", times = [0] }"#);
    unmet("10", r#"reports = { from = "h1", count = 2 }"#, "there were 1, at 10 s");
    for wrong in [r#"from = "h2""#, r#"record = "is-in""#, r#"group = "ff05::9""#] {
        unmet("10", &format!("reports = {{ {wrong}, since = 10, at-least = 1 }}"), "there were none");
    }
}

#[test]
fn events_are_counted_by_what_they_tell() {
    met("200", r#"events = { router = "r1", event = "timeout", group = "ff05::1", times = [62] }"#);
    met("62", r#"events = { router = "r1", event = "membership", has-members = false, times = [62] }"#);
    met(
        "62",
        r#"events = { router = "r1", event = "limit", limit = "max-groups", group = "ff05::3", times = [20] }"#,
    );
    met("0", r#"events = { router = "r2", event = "querier", at-least = 1 }"#);
    for wrong in [
        r#"event = "timeout", group = "ff05::2""#,
        r#"event = "membership", has-members = true, since = 62"#,
        r#"event = "limit", limit = "max-sources""#,
        r#"router = "r2", event = "limit""#,
    ] {
        unmet("62", &format!("events = {{ {wrong}, at-least = 1 }}"), "there were none");
    }
}

#[test]
fn discards_refusals_and_losses_are_counted() {
    // The switch asks and reports, two routers ignore both.
    met("200", r#"discards = { reason = "source-unspecified", times = [10, 10, 10, 10] }"#);
    met("200", r#"discards = { router = "r1", count = 2 }"#);
    unmet("200", r#"discards = { reason = "bad-checksum", count = 1 }"#, "there were none");
    unmet("200", r#"discards = { router = "r1", count = 0 }"#, "there were 2, at 10 s, 10 s");
    met("20", r#"refusals = { router = "r1", times = [20] }"#);
    unmet("20", r#"refusals = { router = "r2", at-least = 1 }"#, "there were none");
    met("200", r#"losses = { node = "h2", why = "partition", times = [156.25] }"#);
    unmet("200", r#"losses = { why = "chance", at-least = 1 }"#, "there were none");
    unmet("200", r#"losses = { node = "h2", count = 0 }"#, "there were 1, at 156.25 s");
}

#[test]
fn quiet_ends_with_the_first_packet() {
    met("156.249", "quiet = { since = 62 }");
    unmet("156.25", "quiet = { since = 62 }", "something was sent at 156.25 s");
    met("200", r#"quiet = { node = "h1", since = 62 }"#);
    unmet("60", r#"quiet = { node = "h1", since = 60 }"#, "something was sent at 60 s");
}

/// A host asks for what no host grants, once before and once after another that is down.
const IN_VAIN: &str = r#"
duration = 100

[[host]]
name = "h"
address = "fe80::a"
count = 2

[[host]]
name = "gone"
address = "fe80::c"
behaviours = [{ silent-leave = { after = 5 } }]

[[step]]
at = 10
listen = { host = "h", group = "ff3e::8000:1" }

[[step]]
at = 20
leave = { host = "gone", group = "ff05::1" }

[[step]]
at = 30
listen = { host = "h-2", group = "ff05::1", mode = "include", sources = ["ff05::2"] }
"#;

/// The verdicts on these expectations, and what ended the run.
fn in_vain(claims: &[(&str, &str)]) -> (Vec<Option<String>>, Option<String>) {
    let claims = claims.iter().map(|(at, claim)| format!("\n[[expect]]\nat = {at}\n{claim}\n"));
    let text = format!("{IN_VAIN}{}", claims.collect::<String>());
    let scenario = Scenario::parse(&text).unwrap_or_else(|error| panic!("{text}{error}"));
    let mut staged = scenario.stage().expect("what was read can be staged");
    let ended = staged.run().err().map(|violation| violation.to_string());
    (staged.verdicts().iter().map(|verdict| verdict.unmet.clone()).collect(), ended)
}

#[test]
fn calls_in_vain_are_counted_and_end_no_run_that_expects_them() {
    let all = r#"refused-calls = { times = [10, 10, 20, 30] }"#;
    assert_eq!(in_vain(&[("100", all)]), (vec![None], None));
    let expected = [
        ("100", r#"refused-calls = { host = "h", why = "stack", count = 3 }"#),
        ("100", r#"refused-calls = { host = "h-1", count = 1 }"#),
        ("100", r#"refused-calls = { group = "ff05::1", times = [20, 30] }"#),
        ("100", r#"refused-calls = { why = "down", times = [20] }"#),
        ("100", r#"refused-calls = { host = "h-1", since = 11, count = 0 }"#),
    ];
    assert_eq!(in_vain(&expected), (vec![None; 5], None));
    let unmet = [
        ("100", r#"refused-calls = { count = 0 }"#, "there were 4, at 10 s, 10 s, 20 s, 30 s"),
        ("100", r#"refused-calls = { host = "h-1", at-least = 2 }"#, "there were 1, at 10 s"),
        ("100", r#"refused-calls = { group = "ff05::2", at-least = 1 }"#, "there were none"),
        ("100", r#"refused-calls = { host = "h", why = "down", at-least = 1 }"#, "there were none"),
    ];
    for (at, claim, why) in unmet {
        assert_eq!(in_vain(&[("100", all), (at, claim)]), (vec![None, Some(why.into())], None), "{claim}");
    }
}

#[test]
fn a_refused_call_that_nobody_expects_ends_the_run_in_plain_words() {
    let ssm = "at 10.000 s, rule refused: h-1 refuses to listen to ff3e::8000:1, from any source: a group of source-specific multicast needs sources";
    assert_eq!(in_vain(&[]), (vec![], Some(ssm.into())));
    // Another host's, another group's, or too early.
    for claim in [
        r#"refused-calls = { host = "gone", at-least = 1 }"#,
        r#"refused-calls = { group = "ff05::1", at-least = 1 }"#,
        r#"refused-calls = { why = "down", at-least = 1 }"#,
        r#"refused-calls = { since = 11, at-least = 1 }"#,
    ] {
        assert_eq!(in_vain(&[("100", claim)]), (vec![], Some(ssm.into())), "{claim}");
    }
    let source = "at 30.000 s, rule refused: h-2 refuses to listen to ff05::1, only from ff05::2: ff05::2 cannot be a source";
    let until_29 = r#"refused-calls = { count = 3 }"#;
    assert_eq!(in_vain(&[("29", until_29)]), (vec![None], Some(source.into())));
}

#[test]
fn hosts_have_room_for_every_list_that_a_scenario_gives_them() {
    // What is given up takes room until it has been reported, and one list takes the place of another.
    let listens = (0..6).map(|at| {
        let sources = (100 * at..100 * at + 100).map(|last| format!("\"2001:db8::{last:x}\""));
        let sources = sources.collect::<Vec<_>>().join(", ");
        format!("{{ group = \"ff05::1\", mode = \"include\", sources = [{sources}] }}")
    });
    let listens = listens.collect::<Vec<_>>().join(", ");
    let text =
        format!("duration = 20\n[[host]]\nname = \"h\"\naddress = \"fe80::a\"\nlistens = [{listens}]\n");
    let scenario = Scenario::parse(&text).expect("it can be used");
    scenario.stage().expect("it can be staged").run().expect("nothing is refused");
}
