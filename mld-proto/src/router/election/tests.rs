//! Every transition of the election, cell by cell: role by sender, by what the sender is, and by command.

use std::vec::Vec;

use super::*;
use crate::wire::QueryFlags;

const CONFIG: Config = Config::DEFAULT;
/// Of the router under test.
const OWN: u16 = 0x10;
/// Other Querier Present Interval with default values, in milliseconds.
const PRESENT: u64 = 255_000;

fn address(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last)
}

fn env(now: u64, config: &Config) -> Env<'_> {
    Env { now, expired_through: now.saturating_sub(1), running: true, config }
}

fn passive_config() -> Config {
    CONFIG.to_builder().querier(QuerierMode::Never).build().expect("a configuration")
}

/// A Query as it is received; the values that differ from case to case are set by the test.
fn query() -> Query<'static> {
    Query {
        version: Version::V2,
        sent_as: Version::V2,
        group: Ipv6Addr::UNSPECIFIED,
        response_delay_ms: 10_000,
        flags: QueryFlags::empty(),
        robustness: 2,
        interval_code: 125,
        sources: &[],
    }
}

fn version_1_query() -> Query<'static> {
    Query { version: Version::V1, sent_as: Version::V1, robustness: 0, interval_code: 0, ..query() }
}

fn specific_query() -> Query<'static> {
    Query { group: "ff05::1".parse().expect("a group"), response_delay_ms: 1000, ..query() }
}

fn started(config: &Config, own: Option<u16>) -> Election {
    let mut election = Election::NEW;
    election.start(&env(0, config), own.map(address));
    election.general_sent();
    election
}

/// Processes everything up to `now`, then delivers a Query.
fn deliver(election: &mut Election, config: &Config, now: u64, from: u16, query: &Query<'_>) -> Outcome {
    election.advance(&env(now, config));
    let outcome = election.handle_query(&env(now, config), address(from), query);
    assert_eq!(election.check(&env(now, config)), Ok(()));
    outcome
}

fn at_deadline(now: u64, config: &Config) -> Env<'_> {
    Env { expired_through: now, ..env(now, config) }
}

fn others(election: &Election) -> Vec<(u16, u64)> {
    election.others.iter().map(|other| (other.address.segments()[7], other.until)).collect()
}

/// The roles that a router may have when something happens at 100 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Querier,
    /// fe80::5 is querier until 255 s.
    NonQuerier,
    /// Configured never to send; fe80::5 counts until 255 s.
    Passive,
    /// Has no address; fe80::5 counts until 255 s.
    Unaddressed,
}

const ROLES: [Role; 4] = [Role::Querier, Role::NonQuerier, Role::Passive, Role::Unaddressed];

fn in_role(role: Role) -> (Election, Config) {
    let config = if role == Role::Passive { passive_config() } else { CONFIG };
    let mut election = started(&config, (role != Role::Unaddressed).then_some(OWN));
    if role != Role::Querier {
        deliver(&mut election, &config, 0, 5, &query());
    }
    (election, config)
}

#[test]
fn start_is_as_querier_if_the_router_takes_part() {
    for (config, own, querier) in [
        (CONFIG, Some(OWN), Querier::Own(address(OWN))),
        (CONFIG, None, Querier::Unknown),
        (passive_config(), Some(OWN), Querier::Unknown),
        (passive_config(), None, Querier::Unknown),
    ] {
        let mut election = Election::NEW;
        election.start(&env(7, &config), own.map(address));
        let is_querier = matches!(querier, Querier::Own(_));
        assert_eq!(election.querier(&env(7, &config)), querier);
        assert_eq!(election.is_general_due(), is_querier);
        assert_eq!(election.deadline(&env(7, &config)), is_querier.then_some(31_257));
        assert_eq!(election.check(&env(7, &config)), Ok(()));
    }
}

#[test]
fn address_outside_the_link_local_prefix_takes_no_part() {
    let mut election = Election::NEW;
    election.start(&env(0, &CONFIG), Some("2001:db8::1".parse().expect("an address")));
    assert_eq!((election.link_local(), election.querier(&env(0, &CONFIG))), (None, Querier::Unknown));
}

// R-QRY-2, A-2, R-ELE-4: the startup series, then one Query each interval; late Queries are not made up for.
#[test]
fn general_queries_follow_the_startup_series_and_then_the_interval() {
    let config = CONFIG.to_builder().startup_query_count(3).build().expect("a configuration");
    let mut election = started(&config, Some(OWN));
    for due in [31_250, 62_500, 187_500, 312_500] {
        assert_eq!(election.deadline(&env(0, &config)), Some(due));
        election.advance(&env(due, &config));
        assert!(!election.is_general_due(), "due before its deadline");
        election.advance(&at_deadline(due, &config));
        assert!(election.is_general_due());
        election.general_sent();
    }
    election.advance(&at_deadline(1_000_000, &config));
    assert_eq!(election.deadline(&env(1_000_000, &config)), Some(1_125_000));
}

// R-ELE-2 to R-ELE-7: role by sender's address, for every kind of Query.
#[test]
fn query_of_each_kind_elects_a_lower_router_in_each_role() {
    for role in ROLES {
        for query in [query(), specific_query(), version_1_query()] {
            for from in [1, 5, 7, 0x10, 0x20] {
                let (mut election, config) = in_role(role);
                let now = 100_000;
                let outcome = deliver(&mut election, &config, now, from, &query);
                let ignored = from >= OWN && matches!(role, Role::Querier | Role::NonQuerier);
                let expected = match role {
                    _ if ignored => Outcome::Ignored,
                    Role::Querier => Outcome::Lost(query.sent_as),
                    _ => Outcome::Noted,
                };
                assert_eq!(outcome, expected, "{role:?} {from:x} {query:?}");
                let mut present = Vec::new();
                if role != Role::Querier && from != 5 {
                    present.push((5, PRESENT));
                }
                if !ignored {
                    // Of a specific Query the delay says nothing about the Query Response Interval.
                    present.push((from, now + PRESENT));
                }
                present.sort_unstable();
                assert_eq!(others(&election), present, "{role:?} {from:x} {query:?}");
                let querier = present.first().map_or_else(
                    || Querier::Own(address(OWN)),
                    |(lowest, _)| Querier::Other(address(*lowest)),
                );
                assert_eq!(election.querier(&env(now, &config)), querier, "{role:?} {from:x}");
                assert!(!election.is_general_due() || election.is_querier(&env(now, &config)));
            }
        }
    }
}

//
#[test]
fn version_1_query_is_ignored_if_the_settings_say_so() {
    let interpretations =
        crate::config::Interpretations { ignore_v1_querier: true, ..CONFIG.interpretations };
    let config = Config { interpretations, ..CONFIG };
    let mut election = started(&config, Some(OWN));
    assert_eq!(deliver(&mut election, &config, 1, 5, &version_1_query()), Outcome::Ignored);
    assert_eq!(deliver(&mut election, &config, 1, 5, &query()), Outcome::Lost(Version::V2));
    // An interface of version 1 knows no other routers.
    let config = Config { version: Version::V1, ..config };
    let mut election = started(&config, Some(OWN));
    assert_eq!(deliver(&mut election, &config, 1, 5, &version_1_query()), Outcome::Lost(Version::V1));
}

// R-TIM-4 to R-TIM-8, A-16 to A-18: values and their source.
#[test]
fn values_in_force_are_those_of_the_elected_querier() {
    let own = (2, 125_000, 10_000);
    let told = Query { robustness: 3, interval_code: 60, response_delay_ms: 4000, ..query() };
    for (query, expected) in [
        (told, (3, 60_000, 4000)),
        (Query { robustness: 0, ..told }, (2, 60_000, 4000)),
        (Query { interval_code: 0, ..told }, (3, 125_000, 4000)),
        (Query { response_delay_ms: 0, ..told }, (3, 60_000, 10_000)),
        (Query { group: specific_query().group, ..told }, (3, 60_000, 10_000)),
        (Query { response_delay_ms: 4000, ..version_1_query() }, (2, 125_000, 4000)),
    ] {
        let mut election = started(&CONFIG, Some(OWN));
        let values = |election: &Election| {
            let intervals = election.intervals(&CONFIG);
            (intervals.robustness, intervals.query_interval_ms, intervals.response_interval_ms)
        };
        assert_eq!(values(&election), own);
        deliver(&mut election, &CONFIG, 0, 5, &query);
        assert_eq!(values(&election), expected, "{query:?}");
        let until = u64::from(expected.0) * expected.1 + expected.2 / 2;
        assert_eq!(others(&election), [(5, until)], "{query:?}");
        // A router above the querier changes nothing but its own deadline.
        deliver(&mut election, &CONFIG, 0, 7, &Query { robustness: 7, interval_code: 1, ..told });
        assert_eq!(values(&election), expected);
        assert_eq!(others(&election), [(5, until), (7, until)]);
        election.advance(&at_deadline(until, &CONFIG));
        assert_eq!(values(&election), own);
    }
}

// R-ELE-4, R-ELE-5, R-ELE-7: the querier keeps its role past its own deadline until another sends or none is left.
#[test]
fn querier_past_its_deadline_is_replaced_by_the_next_sender() {
    let mut election = started(&CONFIG, Some(OWN));
    deliver(&mut election, &CONFIG, 0, 5, &query());
    deliver(&mut election, &CONFIG, 200_000, 7, &query());
    election.advance(&at_deadline(300_000, &CONFIG));
    assert_eq!(election.querier(&env(300_000, &CONFIG)), Querier::Other(address(5)));
    assert_eq!(election.deadline(&env(300_000, &CONFIG)), Some(455_000));
    deliver(&mut election, &CONFIG, 310_000, 9, &query());
    assert_eq!(others(&election), [(7, 455_000), (9, 565_000)]);
    election.advance(&env(565_000, &CONFIG));
    assert_eq!(election.querier(&env(565_000, &CONFIG)), Querier::Other(address(7)));
    election.advance(&at_deadline(565_000, &CONFIG));
    assert_eq!(election.querier(&env(565_000, &CONFIG)), Querier::Own(address(OWN)));
    assert!(election.is_general_due());
    assert_eq!(election.deadline(&env(565_000, &CONFIG)), Some(690_000));
}

// R-ELE-5: the other-querier-present timer starts again with the values in force, also if these are shorter than
// before.
#[test]
fn query_with_a_shorter_interval_shortens_the_wait() {
    let mut election = started(&CONFIG, Some(OWN));
    deliver(&mut election, &CONFIG, 0, 5, &Query { robustness: 7, ..query() });
    deliver(&mut election, &CONFIG, 1000, 7, &query());
    assert_eq!(election.deadline(&env(1000, &CONFIG)), Some(881_000));
    deliver(&mut election, &CONFIG, 2000, 5, &query());
    assert_eq!(election.deadline(&env(2000, &CONFIG)), Some(257_000));
}

// R-ELE-10: without a part in the election every router counts for its own interval alone.
#[test]
fn passive_router_forgets_each_router_at_its_own_deadline() {
    let config = passive_config();
    let mut election = started(&config, Some(OWN));
    deliver(&mut election, &config, 0, 7, &query());
    deliver(&mut election, &config, 100_000, 0x20, &Query { interval_code: 60, ..query() });
    assert_eq!(others(&election), [(7, 255_000), (0x20, 225_000)]);
    assert_eq!(election.deadline(&env(100_000, &config)), Some(225_000));
    election.advance(&at_deadline(225_000, &config));
    assert_eq!(others(&election), [(7, 255_000)]);
    election.advance(&at_deadline(255_000, &config));
    assert_eq!(election.querier(&env(255_000, &config)), Querier::Unknown);
    assert_eq!(election.deadline(&env(255_000, &config)), None);
}

// R-ELE-8, R-ELE-10: role by new address.
#[test]
fn new_address_decides_by_the_lower_routers_that_are_present() {
    let now = 100_000;
    for role in ROLES {
        for own in [None, Some(1), Some(5), Some(8), Some(0x20)] {
            let (mut election, config) = in_role(role);
            election.set_address(&env(now, &config), own.map(address));
            let knows_5 = role != Role::Querier;
            let expected = match (role, own) {
                (Role::Passive, Some(5)) => Querier::Unknown,
                (Role::Passive, _) => Querier::Other(address(5)),
                (_, None) if knows_5 => Querier::Other(address(5)),
                (_, None) => Querier::Unknown,
                (_, Some(own)) if knows_5 && own > 5 => Querier::Other(address(5)),
                (_, Some(own)) => Querier::Own(address(own)),
            };
            assert_eq!(election.querier(&env(now, &config)), expected, "{role:?} {own:?}");
            let is_querier = matches!(expected, Querier::Own(_));
            assert_eq!(election.is_general_due(), is_querier, "{role:?} {own:?}");
            if is_querier {
                // An address that appears begins the startup series, one that changes does not.
                let wait = if role == Role::Unaddressed { 31_250 } else { 125_000 };
                assert_eq!(election.deadline(&env(now, &config)), Some(now + wait), "{role:?} {own:?}");
            }
            assert_eq!(election.check(&env(now, &config)), Ok(()), "{role:?} {own:?}");
        }
    }
}

#[test]
fn same_address_or_one_set_while_stopped_changes_nothing() {
    for role in ROLES {
        let (mut election, config) = in_role(role);
        let before = others(&election);
        let own = election.link_local();
        election.set_address(&env(100_000, &config), own);
        assert_eq!(others(&election), before);
        assert!(!election.is_general_due(), "{role:?}");
    }
    let mut election = Election::NEW;
    let stopped = Env { running: false, ..env(0, &CONFIG) };
    election.set_address(&stopped, Some(address(OWN)));
    assert_eq!((election.querier(&stopped), election.deadline(&stopped)), (Querier::Unknown, None));
    assert!(!election.is_report_pending(&stopped));
}

// R-ELE-8: routers that are not lower than the new address no longer keep this one silent; a lower one whose
// interval has not expired does, although the elected one has lapsed.
#[test]
fn new_address_counts_every_lower_router_and_no_other() {
    for (now, own, expected) in [
        (201_000, 6, [(5, 255_000)].as_slice()),
        (201_000, 8, &[(5, 255_000), (7, 455_000)]),
        (300_000, 9, &[(7, 455_000)]),
        (300_000, 6, &[]),
    ] {
        let mut election = started(&CONFIG, Some(OWN));
        deliver(&mut election, &CONFIG, 0, 5, &query());
        deliver(&mut election, &CONFIG, 200_000, 7, &query());
        election.advance(&env(now, &CONFIG));
        election.set_address(&env(now, &CONFIG), Some(address(own)));
        assert_eq!(others(&election), expected, "at {now} as {own}");
        assert_eq!(election.is_querier(&env(now, &CONFIG)), expected.is_empty());
        assert_eq!(election.check(&env(now, &CONFIG)), Ok(()));
    }
}

#[test]
fn new_querier_mode_begins_again_with_the_routers_known() {
    for (from, to) in [(CONFIG, passive_config()), (passive_config(), CONFIG)] {
        for other in [None, Some(5), Some(0x20)] {
            let mut election = started(&from, Some(OWN));
            if let Some(other) = other {
                deliver(&mut election, &from, 0, other, &query());
            }
            let now = 100_000;
            election.begin(&env(now, &to));
            let expected = match (to.querier, other) {
                (QuerierMode::Auto, Some(5)) => Querier::Other(address(5)),
                (QuerierMode::Auto, _) => Querier::Own(address(OWN)),
                (QuerierMode::Never, Some(5)) => Querier::Other(address(5)),
                (QuerierMode::Never, _) => Querier::Unknown,
            };
            assert_eq!(election.querier(&env(now, &to)), expected, "{other:?}");
            assert_eq!(election.check(&env(now, &to)), Ok(()));
        }
    }
}

#[test]
fn restart_forgets_the_routers_known() {
    for role in ROLES {
        let (mut election, config) = in_role(role);
        election.restart(&env(100_000, &config));
        assert_eq!(others(&election), []);
        assert_eq!(election.is_general_due(), election.is_querier(&env(100_000, &config)), "{role:?}");
    }
}

// A full list keeps the querier and the deadlines that matter: a router that takes part waits for the latest one.
#[test]
fn full_list_keeps_the_querier_and_the_latest_deadlines() {
    let mut election = started(&CONFIG, Some(OWN));
    for (at, from) in [(0, 5), (3000, 6), (1000, 7), (2000, 8)] {
        deliver(&mut election, &CONFIG, 10_000 + at, from, &query());
    }
    deliver(&mut election, &CONFIG, 20_000, 9, &query());
    let present: Vec<_> = others(&election).into_iter().map(|(address, _)| address).collect();
    assert_eq!(present, [5, 6, 8, 9]);
    assert_eq!(election.deadline(&env(20_000, &CONFIG)), Some(20_000 + PRESENT));
    // A lower one is elected and stays.
    deliver(&mut election, &CONFIG, 21_000, 1, &query());
    let present: Vec<_> = others(&election).into_iter().map(|(address, _)| address).collect();
    assert_eq!(present, [1, 6, 8, 9]);
}

#[test]
fn full_list_of_a_passive_router_keeps_the_lowest_addresses() {
    let config = passive_config();
    let mut election = started(&config, Some(OWN));
    for from in [9, 5, 8, 6, 7, 0x20] {
        deliver(&mut election, &config, 0, from, &query());
    }
    let present: Vec<_> = others(&election).into_iter().map(|(address, _)| address).collect();
    assert_eq!(present, [5, 6, 7, 8]);
}

#[test]
fn querier_is_reported_once_for_each_change() {
    let mut election = started(&CONFIG, Some(OWN));
    let at = |now| env(now, &CONFIG);
    assert!(election.report_querier(&at(0)));
    assert!(!election.report_querier(&at(0)));
    deliver(&mut election, &CONFIG, 1000, 5, &query());
    assert!(election.is_report_pending(&at(1000)) && election.report_querier(&at(1000)));
    deliver(&mut election, &CONFIG, 2000, 7, &query());
    assert!(!election.is_report_pending(&at(2000)));
}

#[test]
fn check_names_each_thing_that_is_wrong() {
    type Damage = fn(&mut Election);
    let broken: [(&str, Damage); 7] = [
        ("election: own address is not link-local", |e| e.link_local = Some(Ipv6Addr::LOCALHOST)),
        ("election: Query due at a non-querier", |e| e.general_due = true),
        ("election: routers out of order", |e| e.others.reverse()),
        ("election: router not lower than this one", |e| e.others[1].address = address(0x20)),
        ("election: no querier is present", |e| e.others.iter_mut().for_each(|other| other.until = 1)),
        ("election: General Query overdue", |e| {
            e.others.clear();
            e.general_at = 1;
        }),
        ("election: too many routers", |e| {
            let other = e.others[1];
            for last in 8..11 {
                let _ = e.others.push(OtherRouter { address: address(last), ..other });
            }
        }),
    ];
    let mut whole = started(&CONFIG, Some(OWN));
    deliver(&mut whole, &CONFIG, 0, 5, &query());
    deliver(&mut whole, &CONFIG, 0, 7, &query());
    for (complaint, damage) in broken {
        let mut election = whole.clone();
        damage(&mut election);
        assert_eq!(election.check(&env(100_000, &CONFIG)), Err(complaint));
    }
    let config = passive_config();
    let mut election = started(&config, Some(OWN));
    deliver(&mut election, &config, 0, 5, &query());
    let late = env(300_000, &config);
    assert_eq!(election.check(&late), Err("election: router present past its interval"));
}
