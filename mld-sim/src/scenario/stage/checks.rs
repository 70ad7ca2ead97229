//! Checks of single values of a scenario.

use core::net::Ipv6Addr;

use crate::scenario::data::{Place, ScenarioError};
use crate::world::{Behaviour, Clock};

pub(super) fn is_name(place: Place, name: &str) -> Result<(), ScenarioError> {
    if name.is_empty() { Err(place.error("must not be empty")) } else { Ok(()) }
}

pub(in crate::scenario) fn is_group(place: Place, group: Ipv6Addr) -> Result<(), ScenarioError> {
    if group.is_multicast() {
        Ok(())
    } else {
        Err(place.error(format_args!("{group} is no multicast address")))
    }
}

pub(super) fn is_clock(place: Place, clock: Clock) -> Result<(), ScenarioError> {
    if clock.tick_ms > 0 { Ok(()) } else { Err(place.error("must be at least 0.001 seconds")) }
}

pub(super) fn is_behaviour(place: Place, behaviour: &Behaviour) -> Result<(), ScenarioError> {
    let groups = match behaviour {
        Behaviour::Churn { groups, .. } | Behaviour::Zapping { channels: groups, .. } => groups,
        Behaviour::Reboot { groups, .. } => {
            return groups.iter().try_for_each(|group| is_group(place, *group));
        }
        Behaviour::SilentLeave { .. } => return Ok(()),
    };
    if groups.is_empty() {
        return Err(place.error("must have a group to go to"));
    }
    groups.iter().try_for_each(|group| is_group(place, *group))
}

/// Whether an address can be that of an interface: link-local (R-WIRE-5, R-WIRE-6), and of one interface alone.
pub(super) fn is_link_local(place: Place, address: Ipv6Addr) -> Result<(), ScenarioError> {
    let [a, b, c, d, interface @ ..] = address.segments();
    if [a, b, c, d] == [0xfe80, 0, 0, 0] && interface != [0; 4] {
        return Ok(());
    }
    Err(place
        .error(format_args!("must be the link-local address of an interface, in fe80::/64, not {address}")))
}
