//! The trace: one JSON object a line.

use serde_json::Value;

use crate::scenarios::{self, BROKEN, EVERYTHING, TROUBLE, recorded};

#[test]
fn every_line_is_an_object_with_time_and_event() {
    let trace = &EVERYTHING.trace;
    let mut last = 0.0;
    for line in trace.lines() {
        let document: Value = serde_json::from_str(line).expect(line);
        let time = document["time"].as_f64().expect(line);
        assert!(time >= last, "{line}");
        last = time;
        assert!(document["event"].is_string(), "{line}");
        assert_kebab_case(&document, line);
        let time = line.strip_prefix(r#"{"time":"#).and_then(|rest| rest.split(',').next()).expect(line);
        let decimals = time.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        assert!(decimals <= 3 && !time.contains('e'), "{line}");
    }
    assert!(trace.ends_with('\n'));
    assert!(last > 290.0, "{last}");
}

#[test]
fn a_join_is_told_from_the_call_to_the_routers_membership() {
    let trace = &EVERYTHING.trace;
    let lines: Vec<_> = trace.lines().filter(|line| line.starts_with(r#"{"time":6,"#)).collect();
    assert_eq!(
        lines,
        [
            r#"{"time":6,"event":"call","node":"tv","call":"listen","socket":0,"group":"ff0e::4","filter-mode":"exclude","sources":[]}"#,
            r#"{"time":6,"event":"sent","link":"lan","frame":4,"from":"tv","message":{"kind":"report-v2","records":[{"record":"to-ex","group":"ff0e::4","sources":[]}],"source":"fe80::7","destination":"ff02::16"}}"#,
            r#"{"time":6,"event":"lost","frame":4,"from":"tv","to":"r1","why":"down"}"#,
            r#"{"time":6,"event":"delivered","frame":4,"from":"tv","to":"r2","accepted":"report-v2"}"#,
            r#"{"time":6,"interface":"r2","event":"report","group":"ff0e::4","reporter":"fe80::7","record":"to-ex"}"#,
            r#"{"time":6,"interface":"r2","event":"membership","group":"ff0e::4","has-members":true,"filter-mode":"exclude","sources":[]}"#,
        ]
    );
}

#[test]
fn changes_of_the_world_and_what_is_done_with_routers_are_told() {
    let trace = &EVERYTHING.trace;
    for line in [
        r#"{"time":12,"event":"call","node":"r1","call":"start","address":"fe80::1"}"#,
        r#"{"time":110,"event":"change","change":"partition","link":"lan","apart":["r1"]}"#,
        r#"{"time":190,"event":"change","change":"heal","link":"lan"}"#,
        r#"{"time":200,"event":"change","change":"faults","link":"lan","delay":[0.001,0.02],"loss":0.3,"duplicate":0.0,"reorder":0.0,"reorder-delay":0,"corrupt":0.0}"#,
        r#"{"time":225,"event":"change","change":"faults-off"}"#,
        r#"{"time":240,"event":"call","node":"r2","call":"crash"}"#,
    ] {
        assert!(trace.lines().any(|known| known == line), "{line}");
    }
}

#[test]
fn what_routers_tell_has_the_names_of_their_events() {
    let trace = &EVERYTHING.trace;
    let told = documents(trace).filter(|document| document["interface"].is_string());
    let mut names: Vec<_> = told.map(|document| document["event"].as_str().map(str::to_owned)).collect();
    names.sort_unstable();
    names.dedup();
    let expected = ["done", "membership", "querier", "report", "timeout"];
    assert_eq!(names.iter().flatten().collect::<Vec<_>>(), expected);
}

#[test]
fn a_refused_packet_is_told_with_the_reason_and_a_damaged_one_as_it_arrived() {
    let trace = &TROUBLE.trace;
    let delivered = || documents(trace).filter(|document| document["event"] == "delivered");
    assert!(delivered().any(|document| document["discarded"] == "no-router-alert"));
    let damaged: Vec<_> = delivered().filter(|document| !document["arrived"].is_null()).collect();
    assert!(damaged.len() > 10, "{}", damaged.len());
    let with_wrong_sum = |document: &&Value| document["discarded"] == "bad-checksum";
    for document in damaged.iter().filter(with_wrong_sum) {
        let faults = document["arrived"]["faults"].as_array().expect("faults");
        assert!(faults.iter().any(|fault| fault == "bad-checksum"), "{document}");
    }
    assert!(damaged.iter().any(|document| with_wrong_sum(&document)));
}

#[test]
fn the_same_run_gives_the_same_records() {
    let again = recorded("everything", scenarios::everything);
    assert_eq!(again.trace, EVERYTHING.trace);
    assert_eq!(again.pcapng, EVERYTHING.pcapng);
    assert_eq!(again.picture, EVERYTHING.picture);
    let again = recorded("broken", scenarios::broken);
    assert_eq!(again.trace, BROKEN.trace);
    assert_eq!(again.pcapng, BROKEN.pcapng);
    assert_eq!(again.picture, BROKEN.picture);
}

fn documents(trace: &str) -> impl Iterator<Item = Value> {
    trace.lines().map(|line| serde_json::from_str(line).expect(line))
}

fn assert_kebab_case(value: &Value, line: &str) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let is_kebab = key.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-');
                assert!(is_kebab, "{key} in {line}");
                assert_kebab_case(value, line);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| assert_kebab_case(value, line)),
        _ => {}
    }
}
