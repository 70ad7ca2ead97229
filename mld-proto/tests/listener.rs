//! Socket state, merged and reported (RFC 9777 sections 3, 4.2, 5.2.14 and 6.1).

mod craft;
#[path = "support/listening.rs"]
mod listening;

use core::net::Ipv6Addr;
use core::time::Duration;

use craft::{ip, source};
use listening::{HOST, Host, OTHER, group, sources, tables};
use mld_proto::listener::{self, ListenError, Socket};
use mld_proto::{FilterMode, Listener, SsmRange, inline_listener_tables};

const NOBODY: Ipv6Addr = Ipv6Addr::UNSPECIFIED;

fn wants(host: &mut Host, socket: u32, name: &str, mode: FilterMode, numbers: &[u16]) {
    host.try_listen(socket, group(name), mode, &sources(numbers.iter().copied())).unwrap();
}

/// Everything that is sent up to 10 s after the change, as `time: what`. Times of repetitions are random: they are
/// shown as their number.
fn series(host: &mut Host) -> Vec<String> {
    let start = host.now;
    host.run_for(10_000);
    let mut number = 0;
    let mut last = start;
    host.take()
        .iter()
        .map(|sent| {
            if sent.at != last {
                // R-LSN-22
                assert!(
                    sent.at > last && sent.at <= last + 1000,
                    "{} ms after the one before",
                    sent.at - last
                );
                number += 1;
                last = sent.at;
            }
            format!("{number}: {}", sent.text())
        })
        .collect()
}

// R-LSN-1
#[test]
fn call_replaces_the_former_entry_of_the_socket_and_include_of_nothing_ends_it() {
    let mut host = Host::new();
    host.include("G", [1, 2]);
    host.include("G2", [5]);
    assert_eq!(host.records(), ["include G [1, 2]", "include G2 [5]"]);
    host.include("G", [2, 3]);
    assert_eq!(host.records(), ["include G [2, 3]", "include G2 [5]"]);
    host.exclude("G", [4]);
    assert_eq!(host.records(), ["exclude G [4]", "include G2 [5]"]);
    host.include("G", []);
    assert_eq!(host.records(), ["include G2 [5]"]);
    assert!(!host.listener.delivers(Socket(1), group("G"), source(9)));
    assert_eq!(
        host.try_listen(7, group("G"), FilterMode::Include, &[]),
        Ok(()),
        "nothing to end is no error"
    );
}

// R-LSN-2
#[test]
fn exclude_lists_are_intersected_and_include_lists_taken_out() {
    let mut host = Host::new();
    // E-60
    wants(&mut host, 1, "G", FilterMode::Exclude, &[1, 2, 3]);
    wants(&mut host, 2, "G", FilterMode::Exclude, &[2, 3, 4]);
    wants(&mut host, 3, "G", FilterMode::Include, &[3]);
    assert_eq!(host.records(), ["exclude G [2]"]);
    wants(&mut host, 4, "G", FilterMode::Exclude, &[]);
    assert_eq!(host.records(), ["exclude G []"]);
    wants(&mut host, 4, "G", FilterMode::Include, &[]);
    wants(&mut host, 3, "G", FilterMode::Include, &[]);
    assert_eq!(host.records(), ["exclude G [2, 3]"]);
    wants(&mut host, 1, "G", FilterMode::Include, &[2]);
    assert_eq!(host.records(), ["exclude G [3, 4]"]);
}

// R-LSN-3
#[test]
fn include_lists_are_united() {
    let mut host = Host::new();
    // E-61
    wants(&mut host, 1, "G", FilterMode::Include, &[1, 2]);
    wants(&mut host, 2, "G", FilterMode::Include, &[2, 3]);
    wants(&mut host, 3, "G", FilterMode::Include, &[]);
    assert_eq!(host.records(), ["include G [1, 2, 3]"]);
    wants(&mut host, 1, "G", FilterMode::Include, &[1]);
    wants(&mut host, 2, "G", FilterMode::Include, &[3]);
    assert_eq!(host.records(), ["include G [1, 3]"], "what nobody lists any longer is gone");
}

// R-LSN-4, R-LSN-5
#[test]
fn list_without_room_is_an_error_and_never_an_exclude_record() {
    let mut host = Host::down(listener::Config::builder(), tables(2, 3, 6), 1);
    host.up(Some(HOST));
    wants(&mut host, 1, "G", FilterMode::Include, &[1, 2]);
    let before = (host.records(), host.texts());
    let refused = host.try_listen(2, group("G"), FilterMode::Include, &sources(1..5));
    assert_eq!(refused, Err(ListenError::TooManySources));
    assert_eq!((host.records(), host.texts()), (before.0, Vec::new()), "an error changes nothing");
    // A refused call gives its slots back: two sources of a group that has two take two slots.
    wants(&mut host, 2, "G", FilterMode::Include, &[1, 2]);
    assert_eq!(
        host.try_listen(1, group("G2"), FilterMode::Include, &sources([1])),
        Err(ListenError::TooManySources)
    );
    wants(&mut host, 1, "G2", FilterMode::Exclude, &[]);
    assert_eq!(host.try_listen(2, group("G2"), FilterMode::Exclude, &[]), Err(ListenError::TooManyFilters));
    assert_eq!(host.try_listen(3, ip("ff0e::9"), FilterMode::Exclude, &[]), Err(ListenError::TooManyGroups));
    assert_eq!(host.records(), ["exclude G2 []", "include G [1, 2]"]);
}

// R-LSN-5
#[test]
fn room_is_given_back_round_after_round() {
    let mut host = Host::down(listener::Config::builder(), tables(3, 3, 8), 1);
    host.up(Some(HOST));
    for round in 0..200 {
        let name = ["G", "G2", "ff0e::1:3"][round % 3];
        wants(&mut host, 1, name, FilterMode::Include, &[1, 2, 3, 4]);
        host.settle();
        if round % 2 == 0 {
            wants(&mut host, 1, name, FilterMode::Exclude, &[1, 3]);
            host.settle();
        }
        wants(&mut host, 1, name, FilterMode::Include, &[]);
        host.settle();
        assert_eq!(host.records(), [""; 0]);
        assert_eq!(host.listener.poll_timeout(), None, "nothing is left to wait for");
    }
}

// R-LSN-1, R-LSN-5
#[test]
fn what_is_no_group_or_no_source_is_refused() {
    let mut host = Host::new();
    let refused = |host: &mut Host, group: &str, sources: &[Ipv6Addr]| {
        host.try_listen(1, ip(group), FilterMode::Include, sources)
    };
    assert_eq!(refused(&mut host, "2001:db8::1", &[source(1)]), Err(ListenError::NotMulticast));
    for address in ["::", "::1", "ff02::5"] {
        assert_eq!(
            refused(&mut host, "ff0e::1:1", &[source(1), ip(address)]),
            Err(ListenError::NotSource(ip(address)))
        );
    }
    assert_eq!((host.records(), host.texts()), (Vec::new(), Vec::new()));
    wants(&mut host, 1, "G", FilterMode::Include, &[1, 1, 2, 1]);
    assert_eq!(host.records(), ["include G [1, 2]"], "a source named twice is one source");
    wants(&mut host, 1, "G", FilterMode::Include, &[2]);
    assert_eq!(host.records(), ["include G [2]"]);
}

// R-LSN-6
#[test]
fn delivery_follows_the_filter_of_the_socket_itself() {
    let mut host = Host::new();
    wants(&mut host, 1, "G", FilterMode::Include, &[1]);
    wants(&mut host, 2, "G", FilterMode::Exclude, &[2]);
    let delivered = |socket: u32, name: &str, number: u16| {
        host.listener.delivers(Socket(socket), group(name), source(number))
    };
    assert_eq!([1, 2, 3].map(|number| delivered(1, "G", number)), [true, false, false]);
    assert_eq!([1, 2, 3].map(|number| delivered(2, "G", number)), [true, false, true]);
    assert!(!delivered(3, "G", 1) && !delivered(1, "G2", 1), "who did not ask gets nothing");
}

// R-LSN-7
#[test]
fn two_listeners_on_one_link_report_both() {
    let mut hosts =
        [Host::seeded(listener::Config::builder(), 1), Host::seeded(listener::Config::builder(), 2)];
    for host in &mut hosts {
        host.exclude("G", []);
        assert_eq!(host.texts(), ["to-ex G []"]);
    }
}

// R-LSN-8, R-LSN-9
#[test]
fn all_nodes_and_scopes_below_the_link_are_never_reported() {
    let mut host = Host::new();
    // E-70
    for silent in ["ff01::101", "ff00::1", "ff02::1", "ff31::1"] {
        host.include(silent, [1]);
        host.run_for(5000);
        if silent != "ff31::1" {
            host.exclude(silent, []);
        }
        host.query("::", 1000, []);
        host.query_quietly(silent);
        host.run_for(5000);
        assert_eq!(host.texts(), [""; 0], "{silent}");
        assert!(
            host.listener.delivers(Socket(1), ip(silent), source(1)),
            "{silent} is received all the same"
        );
        assert!(!host.listener.group(ip(silent)).unwrap().is_reported());
        host.include(silent, []);
    }
    for reported in ["ff02::2", "ff02::16", "ff02::1:ff00:a", "ff05::1:3", "ff12::1"] {
        host.exclude(reported, []);
        assert_eq!(host.take()[0].records[0].group, ip(reported));
        assert!(host.listener.group(ip(reported)).unwrap().is_reported());
    }
}

// R-LSN-20
#[test]
fn change_of_the_interface_record_is_reported_at_once() {
    // E-63, and each row repeated once: R-LSN-22.
    type Change = (FilterMode, &'static [u16]);
    const NONE: Change = (FilterMode::Include, &[]);
    let rows: [(Change, Change, &str); 7] = [
        (NONE, (FilterMode::Exclude, &[]), "to-ex G []"),
        ((FilterMode::Exclude, &[]), NONE, "to-in G []"),
        (NONE, (FilterMode::Include, &[1, 2]), "allow G [1, 2]"),
        ((FilterMode::Include, &[1, 2]), NONE, "block G [1, 2]"),
        ((FilterMode::Include, &[1]), (FilterMode::Exclude, &[2]), "to-ex G [2]"),
        ((FilterMode::Exclude, &[2]), (FilterMode::Include, &[1]), "to-in G [1]"),
        ((FilterMode::Exclude, &[1, 2]), (FilterMode::Exclude, &[2, 3]), "allow G [1], block G [3]"),
    ];
    for (old, new, report) in rows {
        let mut host = Host::new();
        wants(&mut host, 1, "G", old.0, old.1);
        host.settle();
        wants(&mut host, 1, "G", new.0, new.1);
        assert_eq!(series(&mut host), [format!("0: {report}"), format!("1: {report}")]);
    }
}

// R-LSN-20
#[test]
fn change_of_a_socket_that_does_not_show_is_not_reported() {
    let mut host = Host::new();
    wants(&mut host, 1, "G", FilterMode::Exclude, &[]);
    host.settle();
    wants(&mut host, 2, "G", FilterMode::Exclude, &[1]);
    wants(&mut host, 3, "G", FilterMode::Include, &[2]);
    wants(&mut host, 2, "G", FilterMode::Include, &[]);
    assert_eq!(series(&mut host), [""; 0]);
}

// R-LSN-21
#[test]
fn empty_allow_and_block_are_left_out() {
    let mut host = Host::new();
    host.include("G", [1]);
    host.settle();
    host.include("G", [1, 2]);
    assert_eq!(series(&mut host), ["0: allow G [2]", "1: allow G [2]"]);
    host.include("G", [2]);
    assert_eq!(series(&mut host), ["0: block G [1]", "1: block G [1]"]);
    host.include("G", [2]);
    assert_eq!(series(&mut host), [""; 0]);
}

// R-LSN-22, R-LSN-50
#[test]
fn reports_are_sent_as_often_as_the_robustness_variable_says() {
    for robustness in [1, 2, 3, 7] {
        let mut host = Host::with(listener::Config::builder().robustness_variable(robustness));
        host.exclude("G", []);
        assert_eq!(series(&mut host).len(), usize::from(robustness));
        host.include("G", []);
        assert_eq!(series(&mut host).len(), usize::from(robustness));
    }
    let mut host = Host::with(
        listener::Config::builder()
            .unsolicited_report_interval(Duration::from_millis(50))
            .robustness_variable(200),
    );
    host.include("G", [1]);
    host.run_for(200 * 50);
    let times: Vec<u64> = host.take().iter().map(|sent| sent.at).collect();
    assert_eq!(times.len(), 200);
    assert!(times.windows(2).all(|pair| (1..=50).contains(&(pair[1] - pair[0]))), "{times:?}");
    let distinct: std::collections::BTreeSet<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(distinct.len() > 20, "the delays are random");
}

// R-LSN-23
#[test]
fn filter_mode_change_is_reported_as_often_as_needed_whatever_the_sources_do() {
    let mut host = Host::new();
    host.exclude("G", []);
    host.exclude("G", [1]);
    assert_eq!(series(&mut host), ["0: to-ex G []", "0: to-ex G [1]", "1: block G [1]"]);
    let mut host = Host::with(listener::Config::builder().robustness_variable(3));
    host.exclude("G", [1]);
    host.include("G", [2, 3]);
    host.include("G", [3]);
    assert_eq!(
        series(&mut host),
        [
            "0: to-ex G [1]",
            "0: to-in G [2, 3]",
            "0: to-in G [3]",
            "1: to-in G [3]",
            "2: block G [2]",
            "3: block G [2]",
            "4: block G [2]"
        ]
    );
}

// R-LSN-23
#[test]
fn leave_before_the_repetition_of_the_join_begins_anew() {
    let mut host = Host::new();
    host.exclude("G", []);
    host.include("G", []);
    host.exclude("G", []);
    assert_eq!(series(&mut host), ["0: to-ex G []", "0: to-in G []", "0: to-ex G []", "1: to-ex G []"]);
}

// R-LSN-24, R-LSN-25
#[test]
fn second_change_before_the_repetition_is_merged_into_it() {
    // E-64
    let mut host = Host::new();
    host.include("G", [1, 2]);
    assert_eq!(host.texts(), ["allow G [1, 2]"]);
    // The repetition may not have come: the first millisecond at most.
    host.include("G", [2, 3]);
    assert_eq!(series(&mut host), ["0: allow G [2, 3], block G [1]", "1: allow G [3], block G [1]"]);
}

// R-LSN-26
#[test]
fn source_goes_where_the_present_state_puts_it() {
    let mut host = Host::with(listener::Config::builder().robustness_variable(3));
    host.include("G", [9]);
    host.settle();
    host.include("G", [1, 9]);
    host.include("G", [9]);
    assert_eq!(series(&mut host), ["0: allow G [1]", "0: block G [1]", "1: block G [1]", "2: block G [1]"]);
    let mut host = Host::with(listener::Config::builder().robustness_variable(2));
    host.exclude("G", []);
    host.settle();
    host.exclude("G", [1]);
    host.exclude("G", []);
    assert_eq!(series(&mut host), ["0: block G [1]", "0: allow G [1]", "1: allow G [1]"]);
}

// R-LSN-27
#[test]
fn source_that_the_mode_change_did_not_name_is_reported_after_it() {
    let mut host = Host::new();
    host.exclude("G", [1, 2]);
    // While TO_EX is still to be repeated, 1 is let in: no TO_EX names it.
    host.exclude("G", [2]);
    assert_eq!(
        series(&mut host),
        ["0: to-ex G [1, 2]", "0: to-ex G [2]", "1: allow G [1]", "2: allow G [1]"]
    );
}

// R-LSN-25
#[test]
fn changes_that_were_not_polled_between_are_one_report() {
    let mut listener = Listener::new(listener::Config::DEFAULT, tables(8, 8, 64), 1);
    let now = mld_proto::Instant::ZERO;
    listener.start(now, Some(HOST));
    for number in 1..=3 {
        listener.listen(now, Socket(1), group("G"), FilterMode::Include, &sources(1..=number)).unwrap();
        listener.listen(now, Socket(1), group("G2"), FilterMode::Exclude, &sources(1..=number)).unwrap();
    }
    let mut buffer = [0; 1500];
    let sent = listener.poll_transmit(now, &mut buffer).unwrap().unwrap();
    assert_eq!(sent.len, 56 + 20 + 48 + 20 + 48, "both groups, three sources each, in one Report");
    assert_eq!(listener.poll_transmit(now, &mut buffer), Ok(None));
}

// R-LSN-28, R-WIRE-6
#[test]
fn report_from_the_unspecified_address_is_repeated_once_there_is_a_link_local_one() {
    // T-54
    let mut host = Host::down(listener::Config::builder(), tables(8, 8, 64), 1);
    host.up(None);
    host.exclude("SOL", []);
    host.include("G", [1, 2]);
    host.run_for(2000);
    let from_nobody = host.take();
    assert_eq!(from_nobody.len(), 4);
    assert!(from_nobody.iter().all(|sent| sent.source == NOBODY));
    host.address(Some(HOST));
    let anew = host.take();
    assert_eq!(anew.len(), 1);
    assert_eq!((anew[0].source, anew[0].at), (HOST, 2000));
    assert_eq!(anew[0].text(), "to-ex SOL [], allow G [1, 2]");
    assert_eq!(series(&mut host).len(), 2, "each group is repeated");
    host.address(Some(HOST));
    assert_eq!(series(&mut host), [""; 0], "the same address is no news");
    host.address(Some(OTHER));
    assert_eq!(host.take()[0].source, OTHER, "another address is");
    host.settle();
    host.address(Some(ip("2001:db8::1")));
    host.exclude("G2", []);
    assert_eq!(host.take()[0].source, NOBODY, "an address that is not link-local counts as none");
}

// R-LSN-29
#[test]
fn solicited_node_group_is_reported_before_the_address_is_valid() {
    // The random delay before it is that of the call.
    let mut host = Host::down(listener::Config::builder(), tables(8, 8, 8), 1);
    host.up(None);
    host.run_for(400);
    host.exclude("SOL", []);
    let sent = host.take();
    assert_eq!((sent[0].at, sent[0].source, sent[0].len), (400, NOBODY, 76));
    let mut expected = craft::vectors::packet("E-17");
    expected.truncate(sent[0].len);
    let mut again = Listener::new(listener::Config::DEFAULT, tables(8, 8, 8), 1);
    let mut buffer = [0; 1500];
    let now = mld_proto::Instant::ZERO;
    again.start(now, None);
    again.listen(now, Socket(1), group("SOL"), FilterMode::Exclude, &[]).unwrap();
    let transmit = again.poll_transmit(now, &mut buffer).unwrap().unwrap();
    assert_eq!(buffer[..transmit.len], expected);
}

// R-LSN-28
#[test]
fn what_sockets_wanted_before_the_start_is_reported_at_the_start() {
    let mut host = Host::down(listener::Config::builder(), tables(8, 8, 64), 1);
    host.exclude("G", [1]);
    host.include("G2", [2]);
    assert_eq!((host.texts(), host.listener.poll_timeout()), (Vec::new(), None));
    host.up(Some(HOST));
    assert_eq!(host.texts(), ["to-ex G [1], allow G2 [2]"]);
    assert_eq!(series(&mut host).len(), 2);
}

#[test]
fn stop_forgets_everything_and_says_nothing() {
    let mut host = Host::new();
    host.exclude("G", [1]);
    host.query("::", 1000, []);
    host.take();
    host.listener.stop(mld_proto::Instant::from_millis(host.now));
    host.run_for(10_000);
    assert_eq!((host.texts(), host.records()), (Vec::new(), Vec::new()));
    assert!(!host.listener.delivers(Socket(1), group("G"), source(2)));
    host.up(Some(HOST));
    host.run_for(10_000);
    assert_eq!(host.texts(), [""; 0]);
    host.include("G", [1]);
    assert_eq!(host.texts(), ["allow G [1]"]);
}

// R-LSN-49, R-SSM-2
#[test]
fn join_without_sources_in_the_ssm_range_is_refused() {
    let mut host = Host::new();
    for numbers in [&[][..], &[1]] {
        let refused =
            host.try_listen(1, group("SSM"), FilterMode::Exclude, &sources(numbers.iter().copied()));
        assert_eq!(refused, Err(ListenError::SourceSpecific));
    }
    // E-71
    assert!(host.try_listen(1, ip("ff3e:20:2001:db8::1"), FilterMode::Exclude, &[]).is_ok());
    assert!(host.try_listen(1, ip("ff32::1"), FilterMode::Exclude, &[]).is_err());
    host.take();
    host.include("SSM", [1, 2]);
    assert_eq!(host.texts(), ["allow SSM [1, 2]"]);
    host.include("SSM", []);
    assert_eq!(host.texts(), ["block SSM [1, 2]"]);
    let mut host = Host::with(listener::Config::builder().ssm_range(SsmRange::EMPTY));
    host.exclude("SSM", []);
    assert_eq!(host.texts(), ["to-ex SSM []"]);
}

#[test]
fn listener_fits_in_a_constant() {
    type Memory = mld_proto::listener::Tables<
        [mld_proto::listener::GroupSlot; 4],
        [mld_proto::listener::FilterSlot; 4],
        [mld_proto::listener::SourceSlot; 8],
        [mld_proto::IndexSlot; 32],
    >;
    const LISTENER: Listener<Memory> =
        Listener::new(listener::Config::DEFAULT, inline_listener_tables!(groups: 4, sources: 8), 1);
    let mut listener = LISTENER;
    listener.start(mld_proto::Instant::ZERO, Some(HOST));
    assert!(size_of_val(&listener) < 4096, "{}", size_of_val(&listener));
}

// R-TIM-1, R-TIM-3
#[test]
fn settings_out_of_range_are_refused() {
    let builder = listener::Config::builder;
    for wrong in [
        builder().robustness_variable(0),
        builder().unsolicited_report_interval(Duration::ZERO),
        builder().unsolicited_report_interval(Duration::from_secs(31_745)),
        builder().query_interval(Duration::from_millis(999)),
        builder().query_response_interval(Duration::from_secs(125)),
        builder().query_response_interval(Duration::ZERO),
        builder().mtu(1279),
    ] {
        assert!(wrong.build().is_err(), "{wrong:?}");
    }
    assert_eq!(builder().build().unwrap(), listener::Config::default());
    assert_eq!(listener::Config::DEFAULT.unsolicited_report_interval(), Duration::from_secs(1));
}

#[test]
fn timer_that_is_set_after_a_long_silence_is_waited_for() {
    let mut host = Host::new();
    for silence in [3_600_000, 86_400_000, 1 << 34] {
        // No call was made meanwhile.
        host.now += silence;
        host.exclude("G", []);
        let next = host.listener.poll_timeout().expect("a repetition").as_millis();
        assert!(next > host.now && next <= host.now + 1000, "{next} after {}", host.now);
        host.settle();
        host.include("G", []);
        host.settle();
    }
}
