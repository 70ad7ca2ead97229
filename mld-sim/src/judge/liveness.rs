//! What must hold once the faults have ended for long enough.
//!
//! How long that is follows from the timers: nothing that a fault left behind outlives the longest deadline that a
//! router had when it ended, or, for what it then adopts or keeps because of a querier that is no more, the
//! other-querier-present interval; what hosts want is known after the next General Query and its response delay; what
//! they do not want ends a listening interval later.

use core::net::Ipv6Addr;
use std::collections::{BTreeMap, BTreeSet};

use mld_proto::{GroupAddr, Querier, QuerierMode, Version};

use super::Violation;
use super::safety::passes;
use crate::world::{LinkId, NodeId, Scene, Wants};

/// How long after the end of all faults everything must be settled, in milliseconds.
pub fn settling_ms(scene: Scene<'_>) -> u64 {
    let routers = scene.routers().filter_map(|id| scene.engine(id));
    let mut longest = 0;
    for engine in routers {
        let config = engine.config();
        let millis = |duration: core::time::Duration| duration.as_millis() as u64;
        let now = engine.now().as_millis();
        let held = engine.groups().map(|group| {
            let sources = group.sources().filter_map(|source| source.expires()).max();
            sources.unwrap_or(group.expires()).max(group.expires()).as_millis().saturating_sub(now)
        });
        let held = held.max().unwrap_or(0);
        let configured = u64::from(config.robustness_variable()) * millis(config.query_interval())
            + 2 * millis(config.query_response_interval());
        let adopted =
            millis(engine.listening_interval()).max(millis(engine.other_querier_present_interval()));
        let startup = u64::from(config.startup_query_count()) * millis(config.startup_query_interval());
        // The rivals heard last, then a round of Queries, then what nobody wants.
        longest = longest.max(held.max(adopted) + 2 * (configured.max(adopted)) + configured + startup);
    }
    longest
}

/// Whether every router knows exactly what the hosts want, and each link has one querier, the lowest address.
///
/// # Errors
///
/// What is not as it should be.
pub fn settled(scene: Scene<'_>) -> Result<(), Violation> {
    for link in scene.links() {
        election(scene, link)?;
        for router in scene.routers().filter(|id| scene.link_of(*id) == link && scene.is_up(*id)) {
            knowledge(scene, link, router)?;
        }
    }
    Ok(())
}

fn election(scene: Scene<'_>, link: LinkId) -> Result<(), Violation> {
    let up = || scene.routers().filter(|id| scene.link_of(*id) == link && scene.is_up(*id));
    let takes_part = |id: &NodeId| {
        scene.engine(*id).is_some_and(|engine| {
            engine.is_running()
                && engine.config().querier() == QuerierMode::Auto
                && engine.link_local().is_some_and(|address| address.segments()[..4] == [0xfe80, 0, 0, 0])
        })
    };
    // Who does not yield to MLDv1 routers queries beside them.
    if up().any(|id| scene.engine(id).is_some_and(|engine| engine.config().readings().ignore_v1_querier)) {
        return Ok(());
    }
    let lowest = up().filter(takes_part).filter_map(|id| scene.engine(id)?.link_local()).min();
    for id in up() {
        let Some(engine) = scene.engine(id).filter(|engine| engine.is_running()) else { continue };
        let wanted = match lowest {
            None => Querier::Unknown,
            Some(address) if takes_part(&id) && engine.link_local() == Some(address) => Querier::Me(address),
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

/// A router knows a group as it should if for each source that anybody names, and for one that nobody names, it forwards
/// if and only if a host wants it.
fn knowledge(scene: Scene<'_>, link: LinkId, router: NodeId) -> Result<(), Violation> {
    const UNNAMED: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 0xfffe);
    let Some(engine) = scene.engine(router).filter(|engine| engine.is_running()) else { return Ok(()) };
    let config = engine.config();
    let hosts = || scene.hosts().filter(|id| scene.link_of(*id) == link && scene.is_heard(*id));
    let querier = scene.routers().find(|id| {
        scene.link_of(*id) == link
            && scene.is_up(*id)
            && matches!(scene.engine(*id).map(|engine| engine.querier()), Some(Querier::Me(_)))
    });
    // Nobody asks: state comes from what hosts report by themselves. And two versions on one link do not agree.
    let Some(querier) = querier.and_then(|id| scene.engine(id)) else { return Ok(()) };
    if querier.config().version() != config.version() || config.readings().version_2_only {
        return Ok(());
    }
    let limits_met = engine.usage().groups >= config.max_groups()
        || engine.usage().sources >= config.max_sources()
        || engine.groups().any(|group| group.source_count() >= config.max_group_sources() as usize);
    let mut wanted: BTreeMap<Ipv6Addr, Vec<&Wants>> = BTreeMap::new();
    for wants in hosts().filter_map(|id| scene.wants(id)) {
        for (group, wants) in wants {
            wanted.entry(*group).or_default().push(wants);
        }
    }
    let known: BTreeSet<Ipv6Addr> = engine.groups().map(|group| group.address().get()).collect();
    for group in known.iter().chain(wanted.keys()) {
        let is_kept = GroupAddr::new(*group)
            .is_ok_and(|address| !(config.readings().ignore_link_local_groups && address.is_link_local()));
        if !is_kept {
            continue;
        }
        let wants = wanted.get(group).map_or(&[][..], Vec::as_slice);
        let listed = GroupAddr::new(*group).ok().and_then(|address| engine.group(address));
        let listed = listed.into_iter().flat_map(|group| group.sources().map(|source| source.address()));
        let named: BTreeSet<Ipv6Addr> = wants
            .iter()
            .flat_map(|wants| wants.sources.iter().copied())
            .chain(listed)
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
            let passes = passes(engine, *group, source);
            let is_excused = limits_met || (in_version_1 && !wants.is_empty());
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
