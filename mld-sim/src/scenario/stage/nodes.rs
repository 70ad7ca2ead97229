//! The stacks of a scenario's hosts.

use core::net::Ipv6Addr;
use core::time::Duration;
use std::collections::BTreeSet;

use mld_proto::{ConfigError, listener};

use crate::nodes::flood::Flood;
use crate::nodes::forger::Forger;
use crate::nodes::listener::ListenerHost;
use crate::nodes::malformed::Malformed;
use crate::nodes::misbehaviour::{Misbehaviour, Pace, Targets, Trick};
use crate::nodes::raw::{RawHost, RawSettings};
use crate::nodes::switch::Switch;
use crate::rng::Rng;
use crate::scenario::data::{
    HostPart, MisbehaviourKind, MisbehaviourPart, Place, Scenario, ScenarioError, StackKind, StepAction,
};
use crate::world::{Behaviour, Host, HostVersion};

/// Octets of the smallest largest packet that IPv6 allows.
const MTU_MIN: u16 = 1280;

/// Groups, sockets of groups, and sources that a listener has room for.
pub(in crate::scenario) type Size = (usize, usize, usize);

/// The room that the hosts of a part need for all that a scenario ever asks of them, and at least the usual.
pub(in crate::scenario) fn size(part: &HostPart, scenario: &Scenario) -> Size {
    let mut groups = BTreeSet::new();
    let mut sockets = BTreeSet::new();
    let mut listed = BTreeSet::new();
    let mut longest_list = 0;
    let mut meet = |group: Ipv6Addr, socket: u32, sources: &[Ipv6Addr]| {
        groups.insert(group);
        sockets.insert((group, socket));
        listed.extend(sources.iter().copied());
        longest_list = longest_list.max(sources.len());
    };
    for listen in &part.listens {
        meet(listen.group, listen.socket, &listen.sources);
    }
    for step in &scenario.steps {
        if let StepAction::Listen(action) = &step.action
            && action.host.starts_with(&part.name)
        {
            meet(action.group, action.socket, &action.sources);
        }
    }
    for behaviour in &part.behaviours {
        match behaviour {
            Behaviour::Churn { groups, sources, .. } => {
                for group in groups {
                    meet(*group, 0, sources);
                    meet(*group, 1, sources);
                }
            }
            Behaviour::Zapping { channels: groups, .. } | Behaviour::Reboot { groups, .. } => {
                groups.iter().for_each(|group| meet(*group, 0, &[]));
            }
            Behaviour::SilentLeave { .. } => {}
        }
    }
    let (groups, sockets) = (groups.len(), sockets.len());
    // Each list for its socket, one more while it takes the place of another, and for the interface all that was ever
    // listed: what was given up takes room until it has been reported.
    (groups.max(32), sockets.max(64), (longest_list * (sockets + 1) + listed.len() * groups).max(256))
}

/// A host that is up with its stack.
pub(in crate::scenario) fn host(
    at: usize,
    part: &HostPart,
    name: String,
    address: Ipv6Addr,
    size: Size,
) -> Result<Host, ScenarioError> {
    let place = |key| Place::new("host", at, key);
    if part.mtu.is_some_and(|mtu| mtu < MTU_MIN) {
        return Err(place("mtu").error(format_args!("must be {MTU_MIN} to {}", u16::MAX)));
    }
    if part.robustness == Some(0) {
        return Err(place("robustness").error("must be 1 to 255"));
    }
    if part.unsolicited_report_interval_ms == Some(0) {
        return Err(place("unsolicited-report-interval").error("must be at least 0.001 seconds"));
    }
    Ok(match part.stack {
        StackKind::Listener => {
            let config = config(part).map_err(|error| place("version").error(error))?;
            let (groups, sockets, sources) = size;
            let stack = ListenerHost::new().config(config).size(groups, sockets, sources);
            Host::new(name, address, stack)
        }
        StackKind::Raw => Host::new(name, address, raw(part)),
    })
}

/// Somebody who means no good, to those whose link is `here`.
pub(in crate::scenario) fn misbehaviour(
    part: &MisbehaviourPart,
    scenario: &Scenario,
    here: impl Fn(&str) -> bool,
) -> Host {
    let addresses = |host: &HostPart| {
        let first = host.address.to_bits();
        (0..u128::from(host.count)).map(move |number| Ipv6Addr::from_bits(first + number))
    };
    let targets = Targets {
        groups: part.groups.clone(),
        sources: part.sources.clone(),
        hosts: scenario.hosts.iter().filter(|host| here(&host.link)).flat_map(addresses).collect(),
        routers: scenario
            .routers
            .iter()
            .filter(|router| here(&router.link))
            .filter_map(|router| router.address)
            .collect(),
    };
    let is_version_1 = part.version == HostVersion::One;
    match part.kind {
        MisbehaviourKind::Flood => playing(Flood::new(targets), Flood::PACE, part, scenario.seed),
        MisbehaviourKind::Malformed => playing(Malformed::new(targets), Malformed::PACE, part, scenario.seed),
        MisbehaviourKind::Forger if part.forgeries.is_empty() => {
            playing(Forger::new(targets), Forger::PACE, part, scenario.seed)
        }
        MisbehaviourKind::Forger => {
            let forgeries = part.forgeries.iter().map(|forgery| (forgery.message, forgery.name)).collect();
            playing(Forger::only(targets, forgeries), Forger::PACE, part, scenario.seed)
        }
        MisbehaviourKind::Switch => {
            playing(Switch::new(targets, is_version_1), Switch::PACE, part, scenario.seed)
        }
    }
}

fn playing(trick: impl Trick + 'static, usual: Pace, part: &MisbehaviourPart, seed: u64) -> Host {
    let every_ms = part.every_ms.map_or(usual.every_ms, |(shortest, longest)| shortest..=longest);
    let pace = Pace { every_ms, turns_max: part.turns.unwrap_or(usual.turns_max) };
    let rng = Rng::named(seed, &format!("station {}", part.name));
    Host::new(&part.name, part.address, Misbehaviour::new(trick, pace, rng))
}

/// How the listener of a host is configured.
fn config(part: &HostPart) -> Result<listener::Config, ConfigError> {
    let mut builder = listener::Config::builder()
        .version(if part.version == HostVersion::One {
            mld_proto::Version::V1
        } else {
            mld_proto::Version::V2
        })
        .version_2_only(part.version == HostVersion::TwoOnly)
        .always_done(part.always_done);
    if let Some(robustness) = part.robustness {
        builder = builder.robustness_variable(robustness);
    }
    if let Some(interval_ms) = part.unsolicited_report_interval_ms {
        builder = builder.unsolicited_report_interval(Duration::from_millis(interval_ms));
    }
    if let Some(mtu) = part.mtu {
        builder = builder.mtu(mtu);
    }
    builder.build()
}

fn raw(part: &HostPart) -> RawHost {
    let usual = match part.version {
        HostVersion::One => RawSettings::VERSION_1,
        version => RawSettings { version, ..RawSettings::DEFAULT },
    };
    let settings = RawSettings {
        robustness: part.robustness.unwrap_or(usual.robustness),
        unsolicited_report_interval_ms: part
            .unsolicited_report_interval_ms
            .unwrap_or(usual.unsolicited_report_interval_ms),
        mtu: part.mtu.unwrap_or(usual.mtu),
        always_done: part.always_done,
        ..usual
    };
    RawHost::new(settings)
}
