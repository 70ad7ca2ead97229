//! Answers to the three kinds of Query (RFC 9777 sections 6.2 and 6.3).

mod craft;
#[path = "support/listening.rs"]
mod listening;

use std::collections::BTreeSet;

use craft::{Checksum, Craft, ROUTER_ALERT, ip};
use listening::{HOST, Host, OTHER, QUERIER, group, sources};
use mld_proto::wire::MessageKind;
use mld_proto::{Discard, FilterMode, MessageMeta, listener};

/// A host with this seed that listens to G and has nothing pending.
fn seeded(seed: u64, mode: FilterMode, numbers: &[u16]) -> Host {
    let mut host = Host::seeded(listener::Config::builder(), seed);
    host.try_listen(1, group("G"), mode, &sources(numbers.iter().copied())).unwrap();
    host.settle();
    host
}

fn include(numbers: &[u16]) -> Host {
    seeded(1, FilterMode::Include, numbers)
}

fn exclude(numbers: &[u16]) -> Host {
    seeded(1, FilterMode::Exclude, numbers)
}

/// The packets sent within 30 s, each with its delay in milliseconds.
fn answers(host: &mut Host) -> Vec<(u64, String)> {
    let start = host.now;
    host.run_for(30_000);
    host.take().iter().map(|sent| (sent.at - start, sent.text())).collect()
}

fn texts(host: &mut Host) -> Vec<String> {
    answers(host).into_iter().map(|(_, text)| text).collect()
}

// R-LSN-41
#[test]
fn answer_comes_after_a_random_time_within_the_delay() {
    let mut times = BTreeSet::new();
    for seed in 0..200 {
        let mut host = seeded(seed, FilterMode::Exclude, &[]);
        for name in ["::", "G"] {
            host.query(name, 1000, []);
            let answers = answers(&mut host);
            assert_eq!(answers.len(), 1);
            assert_eq!(answers[0].1, "is-ex G []");
            assert!((1..=1000).contains(&answers[0].0));
            times.insert(answers[0].0);
        }
    }
    assert!(times.len() > 250, "{} different times", times.len());
    assert!(*times.first().unwrap() < 20 && *times.last().unwrap() > 980);
}

// R-LSN-41
#[test]
fn nothing_to_report_is_no_answer() {
    let mut host = Host::new();
    host.query("::", 1000, []);
    host.query("G", 1000, []);
    assert_eq!(host.listener.poll_timeout(), None);
    host.exclude("G", []);
    host.settle();
    host.query("G2", 1000, []);
    host.query("G2", 1000, [1]);
    assert_eq!(host.listener.poll_timeout(), None, "a group that nobody listens to");
    assert_eq!(texts(&mut host), [""; 0]);
}

// R-LSN-42
#[test]
fn general_answer_that_comes_sooner_answers_every_query() {
    // E-65
    for seed in 0..50 {
        let mut host = seeded(seed, FilterMode::Exclude, &[]);
        host.query("::", 1, []);
        host.query("::", 30_000, []);
        host.query("G", 30_000, []);
        host.query("G", 30_000, [1]);
        assert_eq!(answers(&mut host), [(1, "is-ex G []".to_owned())]);
    }
}

// R-LSN-42
#[test]
fn general_query_with_a_sooner_answer_replaces_the_pending_one() {
    // E-66
    for seed in 0..50 {
        let mut host = seeded(seed, FilterMode::Exclude, &[]);
        host.query("::", 20_000, []);
        host.run_for(1);
        let pending = host.take().is_empty();
        host.query("::", 2, []);
        let answers = answers(&mut host);
        assert_eq!(answers.len(), usize::from(pending));
        assert!(answers.iter().all(|(at, text)| *at <= 2 && text == "is-ex G []"));
    }
}

// R-LSN-42
#[test]
fn specific_query_is_answered_beside_a_later_general_answer() {
    let mut host = seeded(1, FilterMode::Exclude, &[]);
    host.query("::", 30_000, []);
    host.query("G", 1, []);
    let answers = answers(&mut host);
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0], (1, "is-ex G []".to_owned()));
}

// R-LSN-42
#[test]
fn query_for_the_group_empties_the_list_of_sources() {
    // E-67
    for (mut host, answer) in [(include(&[1, 3]), "is-in G [1, 3]"), (exclude(&[1]), "is-ex G [1]")] {
        host.query("G", 1500, [1]);
        host.query("G", 2, []);
        // It stays an answer for the whole group.
        host.query("G", 30_000, [2]);
        let answers = answers(&mut host);
        assert_eq!(answers.len(), 1);
        assert!(answers[0].0 <= 2 && answers[0].1 == answer, "{answers:?}");
    }
}

// R-LSN-42
#[test]
fn query_for_more_sources_adds_them_and_never_postpones() {
    // E-68
    for (mut host, answer) in [
        (include(&[1, 3]), Some("is-in G [1, 3]")),
        (exclude(&[1]), Some("is-in G [2, 3]")),
        (include(&[4]), None),
    ] {
        host.query("G", 2, [1]);
        host.query("G", 30_000, [2, 3]);
        let answers = answers(&mut host);
        assert_eq!(answers.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), answer.as_slice());
        assert!(answers.iter().all(|(at, _)| *at <= 2));
    }
}

// R-LSN-42
#[test]
fn query_for_sources_hastens_a_pending_answer_for_the_group() {
    let mut host = exclude(&[1]);
    host.query("G", 30_000, []);
    host.query("G", 2, [5]);
    let answers = answers(&mut host);
    assert!(answers.len() == 1 && answers[0].0 <= 2, "{answers:?}");
    assert_eq!(answers[0].1, "is-ex G [1]");
}

// R-LSN-43, R-LSN-60
#[test]
fn general_answer_packs_as_many_groups_as_fit() {
    // E-53
    let mut host = Host::new();
    for number in 1..=100 {
        host.exclude(&format!("ff0e::2:{number:x}"), []);
    }
    host.settle();
    let start = host.now;
    host.query("::", 10_000, []);
    host.run_for(30_000);
    let sent = host.take();
    assert_eq!(
        sent.iter().map(|sent| (sent.records.len(), sent.len)).collect::<Vec<_>>(),
        [(72, 1496), (28, 616)]
    );
    let groups: BTreeSet<_> = sent.iter().flat_map(|sent| &sent.records).map(|record| record.group).collect();
    assert_eq!(groups.len(), 100, "each group once");
    assert!(sent.iter().all(|sent| sent.at <= start + 10_000));
}

/// A host that listens to so many groups, which it has reported.
fn with_groups(seed: u64, count: u32) -> Host {
    let mut host = Host::seeded(listener::Config::builder(), seed);
    for number in 0..count {
        host.exclude(&format!("ff0e::2:{number:x}"), []);
    }
    host.settle();
    host
}

// R-LSN-44
#[test]
fn big_answer_is_spread_over_the_delay() {
    let mut gaps = BTreeSet::new();
    for seed in 0..20 {
        let mut host = with_groups(seed, 1000);
        let start = host.now;
        host.query("::", 10_000, []);
        host.run_for(30_000);
        let sent = host.take();
        assert_eq!(sent.len(), 1000_usize.div_ceil(72));
        let times: Vec<u64> = sent.iter().map(|sent| sent.at - start).collect();
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "never two in one millisecond: {times:?}");
        assert!((1..=10_000).contains(&times[0]) && *times.last().unwrap() <= 10_000, "{times:?}");
        gaps.extend(times.windows(2).map(|pair| pair[1] - pair[0]));
    }
    assert!(gaps.len() > 100, "the gaps are random");
}

// R-LSN-44, R-LSN-42
#[test]
fn query_with_a_shorter_delay_ends_the_spread_sooner() {
    for seed in 0..50 {
        let mut host = with_groups(seed, 500);
        let start = host.now;
        host.query("::", 30_000, []);
        host.query("::", 500, []);
        host.query("ff0e::2:1f3", 400, []);
        host.run_for(400);
        let mut reported: BTreeSet<_> =
            host.take().iter().flat_map(|sent| sent.records.clone()).map(|record| record.group).collect();
        assert!(reported.contains(&ip("ff0e::2:1f3")), "the specific Query is answered in time");
        host.run_to(start + 500);
        reported.extend(host.take().iter().flat_map(|sent| sent.records.clone()).map(|record| record.group));
        assert_eq!(reported.len(), 500, "all groups by the end of the shorter delay");
    }
}

// R-LSN-43
#[test]
fn general_query_during_an_answer_is_answered_by_all_groups() {
    for seed in 0..20 {
        let mut host = with_groups(seed, 500);
        host.query("::", 10_000, []);
        while host.sent.len() < 3 {
            host.run_for(1);
        }
        let again = host.now;
        host.take();
        host.query("::", 5000, []);
        host.run_for(30_000);
        let sent = host.take();
        let in_time = sent.iter().filter(|sent| sent.at > again && sent.at <= again + 5000);
        let groups: BTreeSet<_> = in_time.flat_map(|sent| &sent.records).map(|record| record.group).collect();
        assert_eq!(groups.len(), 500);
    }
}

// R-LSN-44, R-LSN-8
#[test]
fn sources_that_are_not_reported_do_not_hasten_the_answer() {
    let answers = |unreported: &[u16]| {
        let mut host = Host::new();
        for number in 0..200_u32 {
            host.exclude(&format!("ff0e::2:{number:x}"), []);
        }
        host.include("ff02::1", unreported.iter().copied());
        host.settle();
        host.query("::", 10_000, []);
        host.run_for(30_000);
        host.take()
    };
    let sent = answers(&(1..1000).collect::<Vec<_>>());
    assert_eq!(sent.len(), 3);
    assert_eq!(sent, answers(&[]));
}

// R-LSN-42, R-LSN-44
#[test]
fn query_for_a_group_does_not_hasten_the_answer_for_all() {
    for seed in 0..10 {
        let mut host = with_groups(seed, 200);
        host.query("::", 30_000, []);
        host.query("ff0e::2:1", 1, []);
        host.run_for(40_000);
        let times: Vec<u64> = host.take().iter().map(|sent| sent.at).collect();
        assert_eq!(times.len(), 4, "one for the group, three for all");
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "never two in one millisecond: {times:?}");
    }
}

// R-LSN-43
#[test]
fn group_that_comes_during_an_answer_that_began_anew_does_not_cut_it_short() {
    for seed in 0..10 {
        let mut host = with_groups(seed, 300);
        host.query("::", 10_000, []);
        while host.sent.is_empty() {
            host.run_for(1);
        }
        let again = host.now;
        host.take();
        host.query("::", 5000, []);
        host.run_for(2500);
        host.exclude("G", []);
        host.run_for(30_000);
        let sent = host.take();
        let in_time = sent.iter().filter(|sent| sent.at <= again + 5000).flat_map(|sent| &sent.records);
        let answered: BTreeSet<_> =
            in_time.filter(|record| record.kind == craft::IS_EX).map(|record| record.group).collect();
        let missing = (0..300_u32).find(|number| !answered.contains(&ip(&format!("ff0e::2:{number:x}"))));
        assert_eq!(missing, None, "seed {seed}");
    }
}

// R-LSN-43, R-LSN-44
#[test]
fn answer_that_is_being_given_ends_in_time_whatever_is_asked_meanwhile() {
    for seed in 0..30 {
        let mut host = with_groups(seed, 500);
        let until = host.now + 10_000;
        host.query("::", 10_000, []);
        while host.sent.is_empty() {
            host.run_for(1);
        }
        host.query("::", 30_000, []);
        host.run_to(until);
        let sent = host.take();
        let groups: BTreeSet<_> =
            sent.iter().flat_map(|sent| &sent.records).map(|record| record.group).collect();
        assert_eq!(groups.len(), 500, "all that the first Query asked for");
    }
}

// R-LSN-43, R-LSN-61
#[test]
fn query_in_the_middle_of_a_divided_list_is_answered_by_the_whole_list() {
    for seed in 0..30 {
        let mut host = Host::seeded(listener::Config::builder(), seed);
        host.include("G", 1..201);
        host.settle();
        host.query("::", 10_000, []);
        while host.sent.is_empty() {
            host.run_for(1);
        }
        host.take();
        host.query("::", 5000, []);
        host.run_for(5000);
        let sent = host.take();
        let sources: BTreeSet<_> =
            sent.iter().flat_map(|sent| &sent.records).flat_map(|record| &record.sources).collect();
        assert_eq!(sources.len(), 200);
        host.run_for(20_000);
        assert_eq!(host.take(), [], "and no more");
    }
}

// R-LSN-43, R-LSN-47
#[test]
fn groups_that_come_and_go_during_an_answer_do_not_break_it() {
    let mut host = Host::new();
    let name = |number: usize| format!("ff0e::2:{number:x}");
    for number in 0..200 {
        host.exclude(&name(number), []);
    }
    host.settle();
    host.query("::", 10_000, []);
    while host.sent.is_empty() {
        host.run_for(1);
    }
    // 72 are answered for. The next ones go, one of them comes back, and so does one that was answered for.
    for number in 72..80 {
        host.include(&name(number), []);
    }
    for number in [75, 3] {
        host.include(&name(number), []);
        host.exclude(&name(number), []);
    }
    host.run_for(30_000);
    let answers =
        host.take().into_iter().flat_map(|sent| sent.records).filter(|record| record.kind == craft::IS_EX);
    let mut answered: Vec<_> = answers.map(|record| record.group).collect();
    answered.sort();
    let expected: Vec<_> = (0..72).chain(80..200).map(|number| ip(&name(number))).collect();
    assert_eq!(answered, expected, "each that stayed once");
}

// R-LSN-45, A-19
#[test]
fn general_query_without_delay_is_not_answered_at_once() {
    // E-69
    let mut host = exclude(&[]);
    let start = host.now;
    for name in ["::", "G"] {
        host.query(name, 0, []);
        assert_eq!(host.take(), [], "not in the call");
        host.listener.handle_timeout(mld_proto::Instant::from_millis(host.now));
        let mut buffer = [0; 1500];
        let sent = host.listener.poll_transmit(mld_proto::Instant::from_millis(host.now), &mut buffer);
        assert_eq!(sent, Ok(None), "not in the same millisecond");
        host.run_for(10);
        assert_eq!(host.texts(), ["is-ex G []"]);
    }
    assert_eq!(host.now, start + 20);
}

// R-LSN-46
#[test]
fn answer_says_what_the_table_says() {
    for (mut host, asked, answer) in [
        (include(&[1, 2]), &[][..], Some("is-in G [1, 2]")),
        (exclude(&[]), &[], Some("is-ex G []")),
        (exclude(&[1, 2]), &[], Some("is-ex G [1, 2]")),
        (include(&[1, 2]), &[2, 3], Some("is-in G [2]")),
        (exclude(&[1, 2]), &[2, 3], Some("is-in G [3]")),
        (include(&[1]), &[2], None),
        (exclude(&[1]), &[1], None),
    ] {
        host.query("G", 1000, asked.iter().copied());
        assert_eq!(texts(&mut host), answer.as_slice());
        // The list is cleared.
        host.query("G", 1000, [1]);
        let again = texts(&mut host);
        assert!(again.iter().all(|text| text == "is-in G [1]"), "{again:?}");
    }
}

// R-LSN-47
#[test]
fn state_counts_when_the_timer_ends_and_not_when_the_query_came() {
    let mut host = exclude(&[]);
    for name in ["::", "G"] {
        host.query(name, 10_000, []);
        host.include("G", []);
        host.settle();
        assert_eq!(texts(&mut host), [""; 0], "left before the answer");
        host.exclude("G", []);
        host.settle();
    }
    let mut host = include(&[1]);
    host.query("G", 20_000, [1, 2, 3]);
    host.include("G", [2]);
    let before_the_change = host.texts();
    assert_eq!(before_the_change, ["allow G [2], block G [1]"]);
    assert!(texts(&mut host).contains(&"is-in G [2]".to_owned()));
}

// R-LSN-47
#[test]
fn answer_is_given_up_with_the_group() {
    for seed in 0..20 {
        let mut host = seeded(seed, FilterMode::Exclude, &[]);
        host.query("G", 30_000, []);
        host.include("G", []);
        host.exclude("G", []);
        host.take();
        assert!(texts(&mut host).iter().all(|text| text == "to-ex G []"), "a new group owes no answer");
    }
}

// R-LSN-42
#[test]
fn answer_that_is_due_and_was_not_polled_counts_as_pending() {
    let mut host = exclude(&[1]);
    host.query("G", 1, []);
    host.now += 1;
    let now = mld_proto::Instant::from_millis(host.now);
    host.listener.handle_timeout(now);
    let query = Craft::query_v2(QUERIER, group("G"), 30_000, &sources([5]));
    assert_eq!(host.listener.handle_packet(now, &query.bytes()), Ok(MessageKind::Query));
    assert_eq!(answers(&mut host), [(0, "is-ex G [1]".to_owned())], "one answer, for the whole group");
}

// R-LSN-48
#[test]
fn include_record_of_nothing_is_never_sent() {
    let mut host = include(&[1]);
    host.query("G", 1000, [2]);
    host.query("::", 1000, []);
    assert_eq!(texts(&mut host), ["is-in G [1]"]);
}

// R-LSN-51
#[test]
fn s_flag_and_interval_code_do_not_matter() {
    let mut host = exclude(&[]);
    let flagged = Craft::query_v2(QUERIER, group("G"), 1000, &[]).with(24, &[0x0a, 0xff]);
    assert_eq!(host.hear(&flagged), Ok(MessageKind::Query));
    assert_eq!(texts(&mut host), ["is-ex G []"]);
}

// R-LSN-50
#[test]
fn robustness_of_the_last_query_counts_unless_it_is_zero() {
    let mut host = Host::with(listener::Config::builder().robustness_variable(4));
    let mut sent_after = |octet: u8| {
        let query = Craft::query_v2(QUERIER, ip("::"), 1000, &[]).with(24, &[octet]);
        assert_eq!(host.hear(&query), Ok(MessageKind::Query));
        host.settle();
        host.exclude("G", []);
        let sent = texts(&mut host).len();
        host.include("G", []);
        host.settle();
        (sent, host.listener.robustness_variable())
    };
    assert_eq!(sent_after(3), (3, 3));
    assert_eq!(sent_after(0), (4, 4));
    assert_eq!(sent_after(1), (1, 1));
}

// R-SSM-8
#[test]
fn queries_for_ssm_groups_are_answered() {
    let mut host = Host::new();
    host.include("SSM", [1, 2]);
    host.settle();
    for (asked, answer) in [(&[][..], "is-in SSM [1, 2]"), (&[2, 3], "is-in SSM [2]")] {
        host.query("SSM", 1000, asked.iter().copied());
        assert_eq!(texts(&mut host), [answer]);
    }
}

// R-WIRE-69, R-CMP-37
#[test]
fn reports_of_others_never_cancel_an_answer_in_version_2() {
    let mut host = exclude(&[]);
    host.query("G", 1000, []);
    assert_eq!(host.hear(&Craft::report_v1(OTHER, group("G"))), Ok(MessageKind::ReportV1));
    let report = Craft::report_v2(OTHER).record(craft::IS_EX, "ff0e::1:1", &[]);
    assert_eq!(host.hear(&report), Ok(MessageKind::ReportV2));
    assert_eq!(host.hear(&Craft::done(OTHER, group("G"))), Ok(MessageKind::Done));
    assert_eq!(texts(&mut host), ["is-ex G []"]);
}

// R-LSN-40, R-WIRE-52, R-WIRE-53, R-SEC-1
#[test]
fn query_that_fails_a_check_is_counted_and_nothing_else() {
    let good = || Craft::query_v2(QUERIER, group("G"), 1000, &sources([1]));
    let cases = [
        (Craft { lost: 3, ..good() }, Discard::Truncated),
        (Craft { fragment: Some((0, false)), ..good() }, Discard::Fragment),
        (Craft { hop_limit: 255, ..good() }, Discard::HopLimit),
        (Craft { hop_by_hop: None, ..good() }, Discard::NoRouterAlert),
        (Craft { source: ip("::"), ..good() }, Discard::SourceUnspecified),
        (Craft { source: ip("2001:db8::1"), ..good() }, Discard::SourceNotLinkLocal),
        (Craft { source: HOST, ..good() }, Discard::OwnAddress),
        (Craft { checksum: Checksum::Wrong, ..good() }, Discard::BadChecksum),
        (good().cut_to(26), Discard::BadLength),
        (good().cut_to(40), Discard::BadLength),
        (good().with(8, &ip("2001:db8::5").octets()), Discard::GroupAddress),
        (good().with(8, &ip("::").octets()), Discard::GroupAddress),
        (good().to(ip("fe80::99")), Discard::Destination),
        (good().with(0, &[200]), Discard::NotMld),
    ];
    let mut host = exclude(&[]);
    for (craft, reason) in cases {
        let mut expected = *host.listener.stats();
        let before = host.listener.poll_timeout();
        assert_eq!(host.hear(&craft), Err(reason), "{craft:?}");
        let after = *host.listener.stats();
        assert_eq!(after.discarded(reason), expected.discarded(reason) + 1);
        let kind_was_read = reason != Discard::NotMld;
        expected.dropped.query += u64::from(kind_was_read);
        assert_eq!((after.dropped, after.received), (expected.dropped, expected.received));
        assert_eq!(host.listener.poll_timeout(), before);
        assert_eq!(texts(&mut host), [""; 0], "{reason}");
    }
    assert_eq!(host.hear(&good()), Ok(MessageKind::Query));
    assert_eq!(texts(&mut host), ["is-in G [1]"]);
}

// R-WIRE-51
#[test]
fn query_to_an_address_of_the_interface_is_answered() {
    let mut host = exclude(&[]);
    assert_eq!(host.listener.set_other_addresses([ip("2001:db8::a")]), 1);
    for destination in ["ff02::1", "ff02::16", "ff0e::1:1", "fe80::a", "2001:db8::a"] {
        let query = Craft::query_v2(QUERIER, ip("::"), 1000, &[]).to(ip(destination));
        assert_eq!(host.hear(&query), Ok(MessageKind::Query), "{destination}");
        assert_eq!(texts(&mut host), ["is-ex G []"]);
    }
}

// R-WIRE-13
#[test]
fn query_of_the_router_on_the_same_node_is_answered() {
    let mut host = exclude(&[]);
    let query = Craft::query_v2(HOST, ip("::"), 1000, &[]);
    let meta = MessageMeta { own_host: true, ..query.meta() };
    let now = mld_proto::Instant::from_millis(host.now);
    assert_eq!(host.listener.handle_message(now, &meta, &query.icmpv6()), Ok(MessageKind::Query));
    assert_eq!(texts(&mut host), ["is-ex G []"]);
}

// R-SEC-2
#[test]
fn router_alert_need_not_be_required() {
    let mut host = Host::with(listener::Config::builder().require_router_alert(false));
    host.exclude("G", []);
    host.settle();
    let bare = Craft { hop_by_hop: None, ..Craft::query_v2(QUERIER, ip("::"), 1000, &[]) };
    assert_eq!(host.hear(&bare), Ok(MessageKind::Query));
    assert_eq!(texts(&mut host), ["is-ex G []"]);
    let verified = Craft { checksum: Checksum::Wrong, hop_by_hop: Some(ROUTER_ALERT.to_vec()), ..bare };
    let now = mld_proto::Instant::from_millis(host.now);
    assert_eq!(host.listener.handle_verified_packet(now, &verified.bytes()), Ok(MessageKind::Query));
}

#[test]
fn packet_before_the_start_is_refused() {
    let mut host = Host::down(listener::Config::builder(), listening::tables(4, 4, 4), 1);
    assert_eq!(host.hear(&Craft::query_v2(QUERIER, ip("::"), 1, &[])), Err(Discard::BeforeStart));
}

// R-TIM-13
#[test]
fn packet_of_an_instant_comes_before_its_timers() {
    let mut host = exclude(&[]);
    host.query("G", 1, [1]);
    host.now += 1;
    // The answer is due at this very moment and was not sent yet: the Query is merged into it.
    host.query("G", 1000, [2]);
    host.run_for(0);
    assert_eq!(host.texts(), ["is-in G [1, 2]"]);
}
