//! Rules that must hold once the faults have ended for long enough.
//!
//! How long that is follows from the timers. First every querier that has gone is forgotten: the longest
//! other-querier-present interval in force. Then everything ends that was known at that moment: the longest timer. From
//! then on two rounds are waited for, one of the real querier's Queries with their response delays and a listening
//! interval each: in the first, routers adopt its values and receive all Reports of hosts; in the second at the latest, a
//! source that is no longer wanted enters the Requested List and expires.

use core::net::Ipv6Addr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use mld_proto::router::{Limit, QuerierMode};
use mld_proto::{Config, GroupAddr, Querier, Version};

use super::router::Forwarding;
use crate::world::{Engine, LinkId, NodeId, Scene, Violation, Wants, World};

/// Lets time pass in a world whose faults have ended until everything must be settled, and looks whether it is.
///
/// # Errors
///
/// A rule was broken.
pub fn settle(world: &mut World) -> Result<(), Violation> {
    let wait = |world: &mut World, wait_ms: fn(Scene<'_>) -> u64| {
        let wait_ms = wait_ms(world.scene());
        world.run_for(Duration::from_millis(wait_ms))
    };
    wait(world, querier_ms)?;
    wait(world, held_ms)?;
    wait(world, round_ms)?;
    let before = LastRound::begin(world.scene());
    wait(world, round_ms)?;
    settled(world.scene(), &before).map_err(|violation| Violation { at: world.now(), ..violation })
}

/// The state at the beginning of the last round, which may have its effect in it.
struct LastRound {
    /// Hosts that spoke MLDv1.
    version_1: BTreeSet<NodeId>,
    /// How often each router had refused state.
    refused: BTreeMap<NodeId, u64>,
}

impl LastRound {
    fn begin(scene: Scene<'_>) -> Self {
        Self {
            version_1: scene.hosts().filter(|id| scene.speaks_version_1(*id)).collect(),
            refused: scene.routers().map(|id| (id, refused(scene, id))).collect(),
        }
    }
}

fn refused(scene: Scene<'_>, router: NodeId) -> u64 {
    let stats = scene.engine(router).map(|engine| engine.stats());
    stats.map_or(0, |stats| Limit::ALL.into_iter().map(|limit| stats.refused(limit)).sum())
}

/// The longest time for which a querier that is no more is believed in.
fn querier_ms(scene: Scene<'_>) -> u64 {
    longest(scene, |engine| {
        let is_other = matches!(engine.querier(), Querier::Other(_));
        if is_other { millis(engine.other_querier_present_interval()) } else { 0 }
    })
}

/// The longest time for which anything is known that was known at this moment.
fn held_ms(scene: Scene<'_>) -> u64 {
    longest(scene, |engine| {
        let now = engine.now().as_millis();
        let held = engine.groups().map(|group| {
            let sources = group.sources().filter_map(|source| source.expires());
            sources.fold(group.expires(), Ord::max).as_millis().saturating_sub(now)
        });
        held.max().unwrap_or(0)
    })
}

/// The startup series, a round of Queries, and what follows from it.
fn round_ms(scene: Scene<'_>) -> u64 {
    longest(scene, |engine| {
        let config = engine.config();
        let startup = u64::from(config.startup_query_count()) * millis(config.startup_query_interval());
        let configured = u64::from(config.robustness_variable()) * millis(config.query_interval())
            + 2 * millis(config.query_response_interval());
        startup
            + millis(config.query_interval())
            + millis(config.query_response_interval())
            + configured.max(millis(engine.listening_interval()))
    })
}

fn longest(scene: Scene<'_>, of: impl Fn(&Engine) -> u64) -> u64 {
    scene.routers().filter_map(|id| scene.engine(id)).map(of).max().unwrap_or(0)
}

const fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

/// Checks that every router knows exactly what the hosts want, and that each link has one querier, the lowest address.
fn settled(scene: Scene<'_>, before: &LastRound) -> Result<(), Violation> {
    for link in scene.links() {
        election(scene, link)?;
        for router in scene.routers().filter(|id| scene.link_of(*id) == link && scene.is_up(*id)) {
            knowledge(scene, link, router, before)?;
        }
    }
    Ok(())
}

fn election(scene: Scene<'_>, link: LinkId) -> Result<(), Violation> {
    let running: Vec<(NodeId, &Engine)> = scene
        .routers()
        .filter(|id| scene.link_of(*id) == link && scene.is_up(*id))
        .filter_map(|id| scene.engine(id).filter(|engine| engine.is_running()).map(|engine| (id, engine)))
        .collect();
    let lowest = |of: &dyn Fn(&Engine) -> bool| {
        let engines = running.iter().map(|(_, engine)| *engine);
        engines.filter(|engine| takes_part(engine) && of(engine)).min_by_key(|engine| engine.link_local())
    };
    let querier = lowest(&|_| true);
    let is_querier =
        |engine: &Engine| querier.is_some_and(|querier| querier.link_local() == engine.link_local());
    let waits = |engine: &Engine| querier.is_none_or(|querier| waits_for(engine, querier));
    for &(id, engine) in &running {
        // A router that does not yield to MLDv1 routers sees the Queries of MLDv2 alone: the lowest of those.
        let heard = if yields(engine) {
            querier
        } else {
            lowest(&|other| !yields(other) || is_querier(other) && other.config().version() == Version::V2)
        };
        // A router that does not wait for the querier queries at times, and so does one that knows no other router.
        let is_restless = !heard.is_none_or(|heard| waits_for(engine, heard))
            || !yields(engine) && !running.iter().all(|(_, other)| waits(other));
        if is_restless {
            continue;
        }
        let wanted = match heard.and_then(|heard| heard.link_local()) {
            None => Querier::Unknown,
            Some(address) if takes_part(engine) && engine.link_local() == Some(address) => {
                Querier::Own(address)
            }
            Some(address) => Querier::Other(address),
        };
        if engine.querier() != wanted {
            return Err(Violation::new(
                "one-querier",
                format!("{} says {:?}, should be {wanted:?}", scene.name(id), engine.querier()),
            ));
        }
    }
    Ok(())
}

fn takes_part(engine: &Engine) -> bool {
    engine.config().querier() == QuerierMode::Auto
        && engine.link_local().is_some_and(|address| address.segments()[..4] == [0xfe80, 0, 0, 0])
}

/// True if a router yields to MLDv1 routers too (A-5, R-CMP-8).
fn yields(engine: &Engine) -> bool {
    let interpretations = engine.config().interpretations();
    engine.config().version() == Version::V1
        || !(interpretations.ignore_v1_querier || interpretations.version_2_only)
}

/// True if a router keeps a querier from one Query to the next. An MLDv2 router takes the intervals of an MLDv2
/// querier from its Queries; otherwise they have to be configured alike (R-TIM-2, R-TIM-7).
fn waits_for(engine: &Engine, querier: &Engine) -> bool {
    engine.link_local() == querier.link_local()
        || engine.config().version() == Version::V2 && querier.config().version() == Version::V2
        || engine.robustness_variable() as u32 * engine.query_interval()
            + querier.config().query_response_interval() / 2
            > querier.config().query_interval()
}

/// True if two routers use the same intervals: an MLDv2 router takes those of the querier from its Queries, in
/// MLDv1 they have to be configured alike (R-TIM-2, R-TIM-7).
fn understand(one: &Config, other: &Config) -> bool {
    let values = |config: &Config| {
        (config.robustness_variable(), config.query_interval(), config.query_response_interval())
    };
    one.version() == other.version() && (one.version() == Version::V2 || values(one) == values(other))
}

/// Checks a router's groups: it must forward each source that is named anywhere, and one that is not named, if and only
/// if a host wants it.
fn knowledge(scene: Scene<'_>, link: LinkId, router: NodeId, before: &LastRound) -> Result<(), Violation> {
    const UNNAMED: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 0xfffe);
    let Some(engine) = scene.engine(router).filter(|engine| engine.is_running()) else { return Ok(()) };
    let config = engine.config();
    let hosts = || scene.hosts().filter(|id| scene.link_of(*id) == link && scene.is_heard(*id));
    let querier = scene.routers().find(|id| {
        scene.link_of(*id) == link
            && scene.is_up(*id)
            && matches!(scene.engine(*id).map(|engine| engine.querier()), Some(Querier::Own(_)))
    });
    // Without a querier, state comes from unsolicited Reports alone. And two versions on one link do not agree.
    let Some(querier) = querier.and_then(|id| scene.engine(id)) else { return Ok(()) };
    if !understand(querier.config(), config) || config.interpretations().version_2_only {
        return Ok(());
    }
    let limits_met = before.refused.get(&router).is_some_and(|before| refused(scene, router) != *before)
        || engine.usage().groups >= config.max_groups()
        || engine.usage().sources >= config.max_sources()
        || engine.groups().any(|group| group.source_count() >= config.max_group_sources() as usize);
    let mut wanted: BTreeMap<Ipv6Addr, Vec<&Wants>> = BTreeMap::new();
    for host in hosts() {
        for (group, wants) in scene.wants(host).into_iter().flatten() {
            wanted.entry(*group).or_default().push(wants);
        }
    }
    let known: BTreeSet<Ipv6Addr> = engine.groups().map(|group| group.address().get()).collect();
    for group in known.iter().chain(wanted.keys()) {
        let is_kept = GroupAddr::new(*group).is_ok_and(|address| {
            !(config.interpretations().ignore_link_local_groups && address.is_link_local())
        });
        if !is_kept {
            continue;
        }
        // MLDv1 knows no sources, routers ignore it for groups of source-specific multicast (R-SSM-5), and a list that a
        // host reports again in MLDv2 takes a listening interval to have its effect (R-CMP-18).
        let speaks_version_1 = |host| scene.speaks_version_1(host) || before.version_1.contains(&host);
        let wants_it = |host| scene.wants(host).is_some_and(|wants| wants.contains_key(group));
        if hosts().any(|host| speaks_version_1(host) && wants_it(host)) {
            continue;
        }
        let wants = wanted.get(group).map_or(&[][..], Vec::as_slice);
        let forwarding = Forwarding::of(engine, *group);
        let named: BTreeSet<Ipv6Addr> = wants
            .iter()
            .flat_map(|wants| wants.sources.iter().copied())
            .chain(forwarding.listed())
            .chain([UNNAMED])
            .collect();
        for source in named {
            // MLDv1 hosts, and MLDv1 routers, know no sources (R-CMP-12, R-CMP-15).
            let in_version_1 = config.version() == Version::V1
                || GroupAddr::new(*group)
                    .ok()
                    .and_then(|address| engine.group(address))
                    .is_some_and(|group| group.compatibility_mode() == Version::V1);
            let is_wanted =
                wants.iter().any(|wants| wants.wants(source)) || (in_version_1 && !wants.is_empty());
            let passes = forwarding.passes(source);
            // A list of exclusions that fits no Report is cut: what is cut off is forwarded (R-LSN-62).
            let may_be_cut = || {
                hosts().any(|host| {
                    let wants = scene.wants(host).and_then(|wants| wants.get(group));
                    wants.is_some_and(|wants| is_cut(scene, host, wants) && wants.sources.contains(&source))
                })
            };
            let is_excused =
                limits_met || (in_version_1 && !wants.is_empty()) || (passes && !is_wanted && may_be_cut());
            if passes != is_wanted && !is_excused {
                let name = scene.name(router);
                let text = if is_wanted {
                    format!("{name} does not forward {group} from {source}, which a host wants")
                } else {
                    format!("{name} forwards {group} from {source}, which no host wants")
                };
                return Err(Violation::new("settled", text));
            }
        }
    }
    Ok(())
}

/// True if a host excludes more sources than one record takes (R-LSN-61, R-LSN-62).
fn is_cut(scene: Scene<'_>, host: NodeId, wants: &Wants) -> bool {
    /// Octets of the headers, and of a record without sources.
    const OVERHEAD: usize = 76;
    let mtu = scene.settings(host).map_or(0, |settings| usize::from(settings.mtu));
    wants.exclude && wants.sources.len() > mtu.saturating_sub(OVERHEAD) / 16
}
