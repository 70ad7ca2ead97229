use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::*;

type TestFile = File<String, Vec<InterfaceSettings<String>>>;

/// Every key of the format with a value that is not the default.
const EVERY_KEY: &str = r#"
version = 1
querier = "never"
robustness-variable = 3
query-interval = 60
query-max-response-time = 2.5
last-member-query-interval = 0.5
last-member-query-count = 4
startup-query-interval = 7.125
startup-query-count = 5
immediate-leave = true
require-router-alert = false
max-groups = 8
max-group-sources = 9
max-sources = 10
mtu = 1400
ssm-range = "ff3e::/32"
legacy-mali = true
strict-query-destination = true
ignore-v1-querier = true
version-1-reads-version-2-reports = true
version-2-only = true
ignore-link-local-groups = true
"#;

fn file(text: &str) -> TestFile {
    toml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The message, and the line and column at which it stands.
fn refusal(text: &str) -> (String, Option<(usize, usize)>) {
    let error = toml::from_str::<TestFile>(text).expect_err(text);
    (error.message().to_string(), error.span().map(|span| line_and_column(text, span.start)))
}

#[test]
fn every_key_reaches_the_configuration() {
    let config = file(EVERY_KEY).settings("eth0").config(1500).unwrap();
    let expected = Config::builder()
        .version(Version::V1)
        .querier(QuerierMode::Never)
        .robustness_variable(3)
        .query_interval(Duration::from_secs(60))
        .query_response_interval(Duration::from_millis(2500))
        .last_listener_query_interval(Duration::from_millis(500))
        .last_listener_query_count(4)
        .startup_query_interval(Duration::from_millis(7125))
        .startup_query_count(5)
        .immediate_leave(true)
        .require_router_alert(false)
        .max_groups(8)
        .max_group_sources(9)
        .max_sources(10)
        .mtu(1400)
        .ssm_range(SsmRange::EMPTY.with("ff3e::/32".parse().unwrap()).unwrap())
        .interpretations(Interpretations {
            legacy_mali: true,
            strict_query_destination: true,
            ignore_v1_querier: true,
            version_1_reads_version_2_reports: true,
            version_2_only: true,
            ignore_link_local_groups: true,
        });
    assert_eq!(config, expected.build().unwrap());
    let listed = EVERY_KEY.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key);
    assert!(listed.eq(KEYS.iter().copied()), "the test leaves a key out");
}

#[test]
fn every_key_of_an_interface_goes_before_that_of_the_file() {
    for line in EVERY_KEY.lines().filter(|line| !line.is_empty()) {
        let text = format!("[[interface]]\nname = \"eth0\"\n{line}\n");
        let own = file(&text).interfaces[0].settings;
        assert_ne!(own, Settings::default(), "{line}");
        let other = file(EVERY_KEY).defaults;
        assert_eq!(own.over(other), other, "{line}: the same value over all others");
        assert_eq!(Settings::default().over(own), own, "{line}");
    }
    let text = "query-interval = 60\nmtu = 1300\n[[interface]]\nname = \"eth0\"\nquery-interval = 70\n";
    let read = file(text);
    assert_eq!(read.settings("eth0").query_interval, Some(Duration::from_secs(70)));
    assert_eq!(read.settings("eth0").mtu, Some(1300));
    assert_eq!(read.settings("eth1").query_interval, Some(Duration::from_secs(60)));
}

#[test]
fn an_empty_file_has_the_defaults() {
    let config = file("").settings("eth0").config(1500).unwrap();
    let limits = Config::builder().max_groups(65_536).max_group_sources(1024).max_sources(262_144);
    assert_eq!(config, limits.build().unwrap());
}

#[test]
fn sources_follow_groups_unless_configured() {
    assert_eq!(file("max-groups = 10").defaults.config(1500).unwrap().max_sources(), 40);
    let most = format!("max-groups = {GROUPS_MAX}");
    assert_eq!(file(&most).defaults.config(1500).unwrap().max_sources(), SOURCES_MAX);
}

#[test]
fn mtu_of_a_device_is_brought_into_the_range_of_the_key() {
    for (device, mtu) in [(0, 1280), (1280, 1280), (9000, 9000), (65_536, 65_535)] {
        assert_eq!(Settings::default().config(device).unwrap().mtu(), mtu);
    }
    assert_eq!(file("mtu = 1400").defaults.config(9000).unwrap().mtu(), 1400);
}

#[test]
fn each_value_out_of_its_range_is_refused_with_key_range_and_place() {
    for (line, allowed) in [
        ("version = 0", "1 or 2"),
        ("version = 3", "1 or 2"),
        ("version = -1", "1 or 2"),
        ("querier = \"always\"", "\"auto\" or \"never\""),
        ("robustness-variable = 0", "1 to 255"),
        ("robustness-variable = 256", "1 to 255"),
        ("robustness-variable = -1", "1 to 255"),
        ("query-interval = 0.999", "1 to 31744 seconds"),
        ("query-interval = 0.9996", "1 to 31744 seconds"),
        ("query-interval = 31745", "1 to 31744 seconds"),
        ("query-interval = 31744.0001", "1 to 31744 seconds"),
        ("query-interval = nan", "1 to 31744 seconds"),
        ("query-interval = inf", "1 to 31744 seconds"),
        ("query-interval = -inf", "1 to 31744 seconds"),
        ("query-interval = 9223372036854775807", "1 to 31744 seconds"),
        ("query-max-response-time = 0", "0.001 to 8387.584 seconds"),
        ("query-max-response-time = 0.0009", "0.001 to 8387.584 seconds"),
        ("query-max-response-time = 8387.585", "0.001 to 8387.584 seconds"),
        ("query-max-response-time = -1", "0.001 to 8387.584 seconds"),
        ("last-member-query-interval = 0", "0.001 to 8387.584 seconds"),
        ("last-member-query-interval = 8388", "0.001 to 8387.584 seconds"),
        ("last-member-query-count = 0", "1 to 255"),
        ("last-member-query-count = 256", "1 to 255"),
        ("startup-query-interval = 0", "0.001 to 31744 seconds"),
        ("startup-query-interval = 31744.001", "0.001 to 31744 seconds"),
        ("startup-query-count = 0", "1 to 255"),
        ("startup-query-count = 256", "1 to 255"),
        ("max-groups = 0", "1 to 4194304"),
        ("max-groups = 4194305", "1 to 4194304"),
        ("max-groups = 4294967295", "1 to 4194304"),
        ("max-group-sources = 0", "1 to 16777216"),
        ("max-group-sources = 16777217", "1 to 16777216"),
        ("max-sources = 0", "1 to 16777216"),
        ("max-sources = 4294967296", "1 to 16777216"),
        ("mtu = 1279", "1280 to 65535"),
        ("mtu = 65536", "1280 to 65535"),
    ] {
        let key = line.split_once(" =").unwrap().0;
        for head in ["# first\n", "# first\n[[interface]]\nname = \"eth0\"\n"] {
            let text = format!("{head}{line}\n");
            let (message, place) = refusal(&text);
            assert!(message.starts_with(&format!("{key} must be {allowed}, not ")), "{line}: {message}");
            let value_at = (head.lines().count() + 1, key.len() + 4);
            assert_eq!(place, Some(value_at), "{line}");
        }
    }
}

#[test]
fn the_ends_of_each_range_are_accepted() {
    for (line, value) in [
        ("query-interval = 1", 1000),
        ("query-interval = 1.0", 1000),
        ("query-interval = 31744", 31_744_000),
        ("query-interval = 31744.0", 31_744_000),
        ("query-interval = 99.9996", 100_000),
        ("query-interval = 1.0014", 1001),
        ("query-interval = 1.2e2", 120_000),
    ] {
        assert_eq!(file(line).defaults.query_interval, Some(Duration::from_millis(value)), "{line}");
    }
    for (line, value) in [("0.001", 1), ("8387.584", 8_387_584), ("65.535", 65_535), ("0.1", 100)] {
        let text = format!("query-max-response-time = {line}\nlast-member-query-interval = {line}\n");
        let value = Some(Duration::from_millis(value));
        assert_eq!(file(&text).defaults.query_max_response_time, value);
        assert_eq!(file(&text).defaults.last_member_query_interval, value);
    }
    for value in [1, 255] {
        let text = format!("robustness-variable = {value}\nstartup-query-count = {value}");
        assert_eq!(file(&text).defaults.robustness_variable, Some(value));
    }
    for value in [1280, 65_535] {
        assert_eq!(file(&format!("mtu = {value}")).defaults.mtu, Some(value));
    }
}

#[test]
fn every_millisecond_below_a_minute_is_read_exactly() {
    for millis in 1..60_000_u64 {
        let text = format!("startup-query-interval = {}.{:03}", millis / 1000, millis % 1000);
        let read: Settings = toml::from_str(&text).unwrap();
        assert_eq!(read.startup_query_interval, Some(Duration::from_millis(millis)), "{text}");
    }
}

#[test]
fn each_key_refuses_another_type_and_says_what_is_allowed() {
    for line in EVERY_KEY.lines().filter(|line| !line.is_empty()) {
        let key = line.split_once(" =").unwrap().0;
        let right = if line.ends_with("true") || line.ends_with("false") { "1" } else { "true" };
        for wrong in [right, "1979-05-27", "{}", "[1]"] {
            let (message, place) = refusal(&format!("{key} = {wrong}\n"));
            assert!(message.contains(key) && message.contains("expected"), "{key} = {wrong}: {message}");
            assert!(place.is_some_and(|(line, _)| line == 1), "{key} = {wrong}");
        }
    }
    for line in ["version = \"2\"", "robustness-variable = 2.0", "mtu = \"1500\"", "query-interval = \"60\""]
    {
        refusal(line);
    }
}

#[test]
fn unknown_keys_are_named_at_every_level() {
    for text in ["query-intervall = 1", "name = \"eth0\"", "[interface]\nname = \"eth0\""] {
        refusal(text);
    }
    let (message, place) = refusal("version = 2\nquery_interval = 60\n");
    assert!(
        message.starts_with("unknown key query_interval; allowed are control-socket, interface, version,")
    );
    assert_eq!(place, Some((2, 1)));
    let (message, place) = refusal("[[interface]]\nname = \"eth0\"\ncontrol-socket = \"x\"\n");
    assert!(message.starts_with("unknown key control-socket; allowed are name, version,"), "{message}");
    assert_eq!(place, Some((3, 1)));
}

#[test]
fn max_sources_per_group_is_another_name() {
    assert_eq!(file("max-sources-per-group = 7").defaults.max_group_sources, Some(7));
    let (message, _) = refusal("max-sources-per-group = 7\nmax-group-sources = 7\n");
    assert!(message.contains("max-group-sources"), "{message}");
}

#[test]
fn ssm_range_is_a_prefix_a_list_or_empty() {
    let groups = |text: &str| {
        let range = file(text).defaults.ssm_range.unwrap();
        range.prefixes().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(groups("ssm-range = \"ff3e::/32\""), ["ff3e::/32"]);
    assert_eq!(groups("ssm-range = [\"ff35::/32\", \"ff3e::/32\"]"), ["ff35::/32", "ff3e::/32"]);
    assert_eq!(groups("ssm-range = []"), [""; 0]);
    let many = |count: usize| format!("ssm-range = [{}]", "\"ff3e::/32\",".repeat(count));
    assert_eq!(groups(&many(16)).len(), 16);
    assert_eq!(refusal(&many(17)).0, "ssm-range must be at most 16 prefixes");
    for wrong in ["ff3e::", "ff3e::1/32", "ff3e::/129", "2001:db8::/32", "::/0", "", "232.0.0.0/8"] {
        for value in [format!("\"{wrong}\""), format!("[\"ff35::/32\", \"{wrong}\"]")] {
            let (message, place) = refusal(&format!("\nssm-range = {value}"));
            assert!(message.starts_with(&format!("ssm-range {wrong:?} is not a")), "{message}");
            assert_eq!(place.unwrap().0, 2);
        }
    }
}

#[test]
fn forbidden_combinations_name_the_key() {
    let error =
        |text: &str| file(text).check().map_err(|(name, error)| (name.map(String::from), error.to_string()));
    let below = "query-max-response-time must be below query-interval";
    let allowed = "query-max-response-time must be 0.001 to 65.535 seconds with version 1";
    assert_eq!(error("query-interval = 10"), Err((None, below.into())));
    assert_eq!(error("query-max-response-time = 125.0"), Err((None, below.into())));
    assert_eq!(error("query-max-response-time = 124.999"), Ok(()));
    assert_eq!(error("version = 1\nquery-max-response-time = 65.536"), Err((None, allowed.into())));
    assert_eq!(error("version = 1\nquery-max-response-time = 65.535"), Ok(()));
    let interface = "[[interface]]\nname = \"eth0\"\nquery-interval = 5\n";
    assert_eq!(error(interface), Err((Some("eth0".into()), below.into())));
    assert_eq!(error(&format!("query-max-response-time = 4.9\n{interface}")), Ok(()));
}

#[test]
fn interfaces_have_names_and_each_only_once() {
    assert!(refusal("[[interface]]\nmtu = 1280\n").0.contains("missing field `name`"));
    assert!(refusal("[[interface]]\nname = \"\"\n").0.contains("name must be"));
    let twice = "[[interface]]\nname = \"eth0\"\n[[interface]]\nname = \"eth0\"\n";
    assert!(refusal(twice).0.contains("interface eth0 must be named once"));
    let read =
        file("control-socket = \"/run/x\"\n[[interface]]\nname = \"b\"\n[[interface]]\nname = \"a\"\n");
    assert_eq!(read.control_socket.as_deref(), Some("/run/x"));
    assert!(read.interfaces.iter().map(|interface| &*interface.name).eq(["b", "a"]));
    assert!(refusal("control-socket = \"\"").0.contains("control-socket must be"));
}

#[test]
fn place_names_what_its_line_sets_and_the_whole_is_no_place() {
    let text = "version = 2\n[interface]\nmtu=1\n";
    assert_eq!(Place::of(text, 10..11), Some(Place { line: 1, column: 11, key: "version" }));
    assert_eq!(Place::of(text, 12..23), Some(Place { line: 2, column: 1, key: "[interface]" }));
    assert_eq!(Place::of(text, 0..text.len() - 1), None);
    assert_eq!(Place::of("mtu", 0..3), Some(Place { line: 1, column: 1, key: "mtu" }));
    assert_eq!(Place::of(text, 0..0), None);
}

#[test]
fn places_count_lines_and_characters_from_one() {
    assert_eq!(line_and_column("", 0), (1, 1));
    assert_eq!(line_and_column("a\nbc", 3), (2, 2));
    assert_eq!(line_and_column("ä = 1", 2), (1, 2));
    assert_eq!(line_and_column("ab", 9), (1, 3));
}
