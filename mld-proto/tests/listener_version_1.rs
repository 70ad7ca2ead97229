//! The listener in version 1 mode, and one of MLDv1 alone (RFC 9777 section 8.2.1, RFC 2710 section 5).

mod craft;
#[path = "support/listening.rs"]
mod listening;

use core::time::Duration;
use std::collections::BTreeSet;

use craft::{Craft, ip};
use listening::{Host, OTHER, QUERIER, group};
use mld_proto::listener::{self, Socket};
use mld_proto::wire::MessageKind;
use mld_proto::{Discard, FilterMode, Version};

const OLDER_QUERIER_PRESENT_MS: u64 = 260_000;

/// An MLDv2 host that received an MLDv1 General Query at 0, listened to nothing then, and has nothing pending.
fn beside_old_querier() -> Host {
    let mut host = Host::new();
    host.query_v1("::", 10_000);
    host.told.clear();
    host
}

/// A host of MLDv1 alone.
fn old_host(seed: u64) -> Host {
    Host::seeded(listener::Config::builder().version(Version::V1), seed)
}

fn times_and_texts(host: &mut Host, millis: u64) -> Vec<(u64, String)> {
    let start = host.now;
    host.run_for(millis);
    host.take().iter().map(|sent| (sent.at - start, sent.text())).collect()
}

fn texts(host: &mut Host, millis: u64) -> Vec<String> {
    times_and_texts(host, millis).into_iter().map(|(_, text)| text).collect()
}

// R-CMP-30
#[test]
fn mode_starts_as_version_2_and_belongs_to_the_interface() {
    let (mut one, two) = (Host::new(), Host::new());
    assert_eq!(one.mode(), Version::V2);
    one.query_v1("::", 1000);
    assert_eq!((one.mode(), two.mode()), (Version::V1, Version::V2));
    assert_eq!(one.told, [listener::Event::CompatibilityMode]);
}

// R-CMP-31, R-CMP-36
#[test]
fn mldv1_querier_counts_as_present_until_its_interval_is_over() {
    // T-35
    let mut host = Host::new();
    host.exclude("G", []);
    host.settle();
    let start = host.now;
    host.query_v1("::", 10_000);
    host.run_to(start + 125_000);
    host.query_v1("::", 10_000);
    host.run_to(start + 250_000);
    host.query_v1("::", 10_000);
    assert_eq!(host.texts(), ["report G", "report G"]);
    host.run_to(start + 300_000);
    assert_eq!(host.texts(), ["report G"]);
    host.query("::", 10_000, []);
    host.run_to(start + 509_999);
    assert_eq!(host.texts(), ["report G"], "an MLDv2 Query changes nothing");
    assert_eq!(host.mode(), Version::V1);
    host.query("G", 10_000, []);
    host.run_to(start + 510_000);
    assert_eq!(host.mode(), Version::V2);
    host.run_for(30_000);
    let pending = host.texts();
    assert!(pending.is_empty() || pending == ["report G"], "what was pending is cancelled: {pending:?}");
    host.query("::", 10_000, []);
    assert_eq!(texts(&mut host, 30_000), ["is-ex G []"]);
    assert_eq!(host.told, [listener::Event::CompatibilityMode; 2]);
}

// R-CMP-31, R-TIM-13
#[test]
fn version_1_mode_ends_with_its_deadline_though_nobody_called() {
    let mut host = beside_old_querier();
    host.now = OLDER_QUERIER_PRESENT_MS;
    host.exclude("G", []);
    assert_eq!(host.texts(), ["report G"], "a call of that moment comes before the timer");
    host.now += 1;
    host.exclude("G2", []);
    assert_eq!(host.texts(), ["to-ex G2 []"]);
    assert_eq!(host.mode(), Version::V2);
}

// R-CMP-32
#[test]
fn interval_of_the_older_querier_follows_what_queries_said() {
    let until = |host: &mut Host| {
        host.query_v1("::", 20_000);
        let start = host.now;
        host.run_for(1);
        while host.mode() == Version::V1 {
            host.run_for(1000);
        }
        (host.now - start) / 1000
    };
    let mut host = Host::new();
    assert_eq!(until(&mut host), 270, "2 x 125 s and the delay of the Query");
    let announcing = Craft::query_v2(QUERIER, ip("::"), 1000, &[]).with(24, &[3, 60]);
    assert_eq!(host.hear(&announcing), Ok(MessageKind::Query));
    assert_eq!(until(&mut host), 200, "3 x 60 s");
    assert_eq!(host.hear(&announcing.with(24, &[0, 0])), Ok(MessageKind::Query));
    assert_eq!(until(&mut host), 270, "unannounced values are the defaults");
    let mut host = Host::with(
        listener::Config::builder()
            .query_interval(Duration::from_secs(30))
            .query_response_interval(Duration::from_secs(5)),
    );
    host.query_v1("::", 0);
    host.run_to(64_999);
    assert_eq!(host.mode(), Version::V1);
    host.run_to(65_000);
    assert_eq!(host.mode(), Version::V2, "2 x 30 s and the configured 5 s");
}

//
#[test]
fn specific_mldv1_query_does_not_switch_and_is_answered_in_version_2() {
    let mut host = Host::new();
    host.exclude("G", []);
    host.settle();
    host.query_v1("G", 1000);
    assert_eq!((host.mode(), texts(&mut host, 5000)), (Version::V2, vec!["is-ex G []".to_owned()]));
    host.query_v1("G", 0);
    assert_eq!(host.texts(), [""; 0], "no answer at once in version 2");
    assert_eq!(texts(&mut host, 5000), ["is-ex G []"]);
}

// R-CMP-33
#[test]
fn version_1_mode_sends_version_1_messages_only() {
    let mut host = beside_old_querier();
    host.include("G", [1, 2]);
    host.include("G", [2, 3]);
    host.exclude("G", [1]);
    host.include("SSM", [1]);
    host.query_v1("::", 1000);
    host.query("G", 1000, [1]);
    host.run_for(5000);
    host.include("G", []);
    host.run_for(5000);
    let kinds: BTreeSet<u8> = host.sent.iter().map(|sent| sent.kind).collect();
    assert_eq!(kinds, BTreeSet::from([131, 132]));
    assert_eq!(host.texts().last().unwrap(), "done G");
}

// R-CMP-34
#[test]
fn mldv2_queries_are_answered_with_mldv1_reports() {
    let mut host = beside_old_querier();
    host.exclude("G", []);
    host.include("G2", [1]);
    host.settle();
    // E-01
    assert_eq!(
        host.listener
            .handle_packet(mld_proto::Instant::from_millis(host.now), &craft::vectors::packet("E-01")),
        Ok(MessageKind::Query)
    );
    let mut answers = texts(&mut host, 10_000);
    answers.sort();
    assert_eq!(answers, ["report G", "report G2"]);
    host.query("G", 1000, [5]);
    assert_eq!(texts(&mut host, 1000), ["report G"], "the list is not looked at");
}

// R-CMP-35, A-24
#[test]
fn delay_is_linear_in_version_1_mode() {
    for query in [
        Craft::query_v1(QUERIER, group("G"), 0x9000),
        // 65536 ms for an MLDv2 listener.
        Craft::query_v2(QUERIER, group("G"), 0x9000, &[]),
    ] {
        let mut latest = 0;
        for seed in 0..100 {
            let mut host = Host::seeded(listener::Config::builder(), seed);
            host.query_v1("::", 10_000);
            host.exclude("G", []);
            host.settle();
            host.hear(&query).unwrap();
            let answers = times_and_texts(&mut host, 70_000);
            assert_eq!(answers.len(), 1);
            latest = latest.max(answers[0].0);
        }
        assert!((30_000..=0x9000).contains(&latest), "{latest}");
    }
}

// R-CMP-36
#[test]
fn change_of_the_mode_cancels_what_is_pending() {
    let mut host = Host::with(listener::Config::builder().robustness_variable(7));
    host.exclude("G", []);
    host.include("G2", [1, 2]);
    host.include("G2", [2]);
    host.exclude("ff0e::1:3", []);
    host.include("ff0e::1:3", []);
    host.query("::", 10_000, []);
    host.query("G2", 9000, [2]);
    host.take();
    host.query_v1("::", 20_000);
    let mut sent = texts(&mut host, 30_000);
    sent.sort();
    assert_eq!(sent, ["report G", "report G2"], "an answer each, and no State-Change Report of before");
    assert_eq!(host.records(), ["exclude G []", "include G2 [2]"]);
    // And back: nothing of version 1 mode is left.
    host.run_to(259_000);
    host.exclude("ff0e::1:4", []);
    host.query("::", 65_000, []);
    host.take();
    host.run_to(OLDER_QUERIER_PRESENT_MS + 20_000 * 2);
    host.take();
    assert_eq!(host.mode(), Version::V2);
    assert_eq!(texts(&mut host, 100_000), [""; 0]);
    host.exclude("G", [7]);
    assert!(host.texts() == ["block G [7]"], "version 2 goes on where it stands");
}

// R-CMP-36, R-LSN-5
#[test]
fn groups_kept_for_a_cancelled_report_are_given_back() {
    let mut host =
        Host::down(listener::Config::builder().robustness_variable(7), listening::tables(2, 2, 4), 1);
    host.up(Some(listening::HOST));
    host.include("G", [1]);
    host.exclude("G2", []);
    host.include("G", []);
    host.include("G2", []);
    host.query_v1("::", 10_000);
    host.run_for(10_000);
    assert_eq!(host.listener.poll_timeout().map(|at| at.as_millis()), Some(885_000));
    host.exclude("ff0e::1:3", []);
    host.include("ff0e::1:4", [1, 2]);
}

// R-CMP-37
#[test]
fn report_of_another_never_stands_for_an_ssm_group() {
    let mut host = beside_old_querier();
    host.include("SSM", [1]);
    host.settle();
    host.query_v1("SSM", 1000);
    assert_eq!(host.hear(&Craft::report_v1(OTHER, group("SSM"))), Ok(MessageKind::ReportV1));
    assert_eq!(texts(&mut host, 2000), ["report SSM"]);
}

// R-CMP-38
#[test]
fn mldv1_queries_that_ssm_cannot_bear_are_told() {
    let mut host = Host::new();
    host.query_v1("SSM", 1000);
    assert_eq!(host.told, [listener::Event::OlderQuery("ff3e::8000:1".parse().unwrap())]);
    host.told.clear();
    host.query_v1("G", 1000);
    assert_eq!(host.told, []);
    host.query_v1("::", 1000);
    assert_eq!(host.told, [listener::Event::CompatibilityMode]);
    assert_eq!(host.listener.stats().version_1_queries, 3);
}

// R-CMP-39, R-SEC-4
#[test]
fn version_2_only_ignores_mldv1_queries() {
    let mut host = Host::with(listener::Config::builder().version_2_only(true));
    host.exclude("G", []);
    host.settle();
    for name in ["::", "G"] {
        let query = Craft::query_v1(QUERIER, group(name), 1000);
        assert_eq!(host.hear(&query), Err(Discard::WrongVersion));
    }
    assert_eq!((host.mode(), texts(&mut host, 5000)), (Version::V2, Vec::new()));
    host.query("::", 1000, []);
    assert_eq!(texts(&mut host, 5000), ["is-ex G []"]);
}

// R-LSN-70
#[test]
fn first_report_leaves_at_once_and_is_repeated() {
    let mut delays = BTreeSet::new();
    for seed in 0..100 {
        let mut host = old_host(seed);
        host.exclude("G", []);
        let sent = times_and_texts(&mut host, 60_000);
        assert_eq!(sent.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["report G"; 2]);
        assert_eq!(sent[0].0, 0);
        assert!((1..=10_000).contains(&sent[1].0));
        delays.insert(sent[1].0 / 1000);
    }
    assert!(delays.len() >= 9, "{delays:?}");
}

// R-LSN-72, A-36
#[test]
fn first_report_is_repeated_once_or_twice() {
    for (robustness, reports) in [(1, 2), (2, 2), (3, 3), (7, 3)] {
        let mut host =
            Host::with(listener::Config::builder().version(Version::V1).robustness_variable(robustness));
        host.exclude("G", []);
        assert_eq!(texts(&mut host, 60_000).len(), reports);
    }
    // In version 1 mode a second apart, as often as in version 2.
    let mut host = Host::with(listener::Config::builder().robustness_variable(4));
    host.query_v1("::", 1000);
    host.exclude("G", []);
    assert_eq!(texts(&mut host, 3000), ["report G"; 4]);
}

// R-LSN-70
#[test]
fn query_in_idle_listener_starts_a_timer_for_each_group() {
    let mut host = old_host(3);
    for number in 0..400_u32 {
        host.exclude(&format!("ff0e::2:{number:x}"), []);
    }
    host.exclude("ff02::1", []);
    host.settle();
    let start = host.now;
    host.query_v1("::", 10_000);
    host.run_for(20_000);
    let sent = host.take();
    let groups: BTreeSet<_> = sent.iter().map(|sent| sent.records[0].group).collect();
    assert_eq!((sent.len(), groups.len()), (400, 400), "each once, and ff02::1 never");
    let times: BTreeSet<_> = sent.iter().map(|sent| sent.at - start).collect();
    assert!(times.len() > 350 && *times.last().unwrap() <= 10_000, "at times of their own");
}

// R-LSN-70
#[test]
fn query_in_delaying_listener_only_ever_shortens() {
    for seed in 0..50 {
        let mut host = old_host(seed);
        host.exclude("G", []);
        host.settle();
        host.query_v1("G", 2);
        host.query_v1("G", 60_000);
        host.query_v1("::", 60_000);
        let answers = times_and_texts(&mut host, 70_000);
        assert!(answers.len() == 1 && answers[0].0 <= 2, "{answers:?}");
        host.query_v1("::", 60_000);
        host.query_v1("G", 2);
        let answers = times_and_texts(&mut host, 70_000);
        assert!(answers.len() == 1 && answers[0].0 <= 2, "{answers:?}");
    }
}

// R-LSN-71
#[test]
fn done_is_sent_once_on_leaving() {
    let mut host = old_host(1);
    host.exclude("G", []);
    host.run_for(1);
    host.include("G", []);
    assert_eq!(host.texts(), ["report G", "done G"]);
    assert_eq!(texts(&mut host, 60_000), [""; 0], "the repetition is cancelled");
    host.exclude("G", []);
    host.settle();
    host.include("G", []);
    assert_eq!(texts(&mut host, 60_000), ["done G"]);
    assert_eq!(host.listener.poll_timeout(), None);
}

// R-LSN-71
#[test]
fn done_is_left_out_where_another_listener_reported_last() {
    for (always, expected) in [(false, &[][..]), (true, &["done G"])] {
        let mut host = Host::with(listener::Config::builder().version(Version::V1).always_done(always));
        host.exclude("G", []);
        host.settle();
        host.query_v1("G", 1000);
        assert_eq!(host.hear(&Craft::report_v1(OTHER, group("G"))), Ok(MessageKind::ReportV1));
        host.include("G", []);
        assert_eq!(texts(&mut host, 60_000), expected);
    }
    let mut host = old_host(1);
    host.exclude("G", []);
    host.settle();
    host.query_v1("G", 1000);
    host.hear(&Craft::report_v1(OTHER, group("G"))).unwrap();
    host.query_v1("G", 1000);
    host.run_for(1000);
    host.include("G", []);
    assert_eq!(host.texts(), ["report G", "done G"], "this host reported last again");
}

// R-LSN-71
#[test]
fn join_again_before_the_done_was_polled_sends_no_done() {
    let mut listener = mld_proto::Listener::new(
        listener::Config::builder().version(Version::V1).build().unwrap(),
        listening::tables(4, 4, 4),
        1,
    );
    let now = mld_proto::Instant::ZERO;
    listener.start(now, Some(listening::HOST));
    for mode in [FilterMode::Exclude, FilterMode::Include, FilterMode::Exclude] {
        listener.listen(now, Socket(1), group("G"), mode, &[]).unwrap();
    }
    let mut buffer = [0; 1500];
    let sent = listener.poll_transmit(now, &mut buffer).unwrap().unwrap();
    assert_eq!((sent.len, buffer[48], sent.destination), (72, 131, group("G")));
    assert_eq!(listener.poll_transmit(now, &mut buffer), Ok(None));
}

// R-LSN-73
#[test]
fn report_of_another_cancels_the_pending_one() {
    for mut host in [old_host(1), beside_old_querier()] {
        host.exclude("G", []);
        host.exclude("G2", []);
        host.settle();
        host.query_v1("::", 1000);
        assert_eq!(host.hear(&Craft::report_v1(OTHER, group("G"))), Ok(MessageKind::ReportV1));
        assert_eq!(texts(&mut host, 5000), ["report G2"]);
        // In Idle Listener it means nothing: the next leave says Done.
        host.query_v1("::", 1000);
        host.run_for(5000);
        host.take();
        host.hear(&Craft::report_v1(OTHER, group("G2"))).unwrap();
        host.include("G2", []);
        assert_eq!(host.texts(), ["done G2"]);
    }
    // Also the repetition of the first Report.
    let mut host = old_host(1);
    host.exclude("G", []);
    host.hear(&Craft::report_v1(OTHER, group("G"))).unwrap();
    assert_eq!(texts(&mut host, 60_000), ["report G"]);
}

// R-LSN-74
#[test]
fn query_without_delay_is_answered_at_once_in_version_1() {
    for mut host in [old_host(1), beside_old_querier()] {
        host.exclude("G", []);
        host.settle();
        for name in ["G", "::"] {
            // E-69
            host.query_v1(name, 0);
            assert_eq!(host.texts(), ["report G"]);
        }
        assert_eq!(texts(&mut host, 60_000), [""; 0]);
    }
}

// R-LSN-75
#[test]
fn only_a_valid_report_suppresses() {
    let report = || Craft::report_v1(OTHER, group("G"));
    for (wrong, reason) in [
        (Craft { source: ip("::"), ..report() }, Discard::SourceUnspecified),
        (Craft { source: ip("2001:db8::1"), ..report() }, Discard::SourceNotLinkLocal),
        (Craft { checksum: craft::Checksum::Wrong, ..report() }, Discard::BadChecksum),
        (report().cut_to(23), Discard::BadLength),
        (report().with(8, &ip("2001:db8::1").octets()), Discard::GroupAddress),
        (report().to(ip("fe80::77")), Discard::Destination),
    ] {
        let mut host = old_host(1);
        host.exclude("G", []);
        host.settle();
        host.query_v1("G", 1000);
        assert_eq!(host.hear(&wrong), Err(reason));
        assert_eq!(texts(&mut host, 2000), ["report G"], "{reason}");
    }
    let mut host = old_host(1);
    host.exclude("G", []);
    host.settle();
    host.query_v1("G", 1000);
    assert_eq!(host.hear(&report().and(&[1, 2, 3, 4])), Ok(MessageKind::ReportV1), "more octets do no harm");
    assert_eq!(texts(&mut host, 2000), [""; 0]);
}

// R-CMP-34, R-WIRE-32
#[test]
fn mldv1_host_reads_longer_queries_as_its_own_and_never_changes() {
    let mut host = old_host(1);
    host.exclude("G", []);
    host.settle();
    host.query("::", 1000, []);
    assert_eq!(texts(&mut host, 1000), ["report G"]);
    let odd = Craft::query_v1(QUERIER, group("G"), 1000).and(&[0, 0]);
    assert_eq!(host.hear(&odd), Ok(MessageKind::Query), "26 octets");
    assert_eq!(texts(&mut host, 1000), ["report G"]);
    host.run_for(1_000_000);
    assert_eq!((host.mode(), host.told.len()), (Version::V1, 0));
    assert_eq!(host.listener.robustness_variable(), 2, "an MLDv1 host adopts nothing");
    assert_eq!(
        listener::Config::builder().version(Version::V1).build().unwrap().unsolicited_report_interval(),
        Duration::from_secs(10)
    );
}

// R-LSN-28
#[test]
fn new_address_is_announced_in_version_1_too() {
    let mut host =
        Host::down(listener::Config::builder().version(Version::V1), listening::tables(4, 4, 4), 1);
    host.up(None);
    host.exclude("SOL", []);
    assert_eq!(host.take()[0].source, ip("::"));
    host.settle();
    host.address(Some(listening::HOST));
    let sent = host.take();
    assert_eq!((sent.len(), sent[0].source, sent[0].text()), (1, listening::HOST, "report SOL".to_owned()));
}
