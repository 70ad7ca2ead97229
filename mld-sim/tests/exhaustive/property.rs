//! What must hold in every state.

use stateright::Property;

use super::frame::{Node, ROUTERS, address};
use super::host::Wants;
use super::router::RouterNode;
use super::world::{State, World};

/// `answered`: of what is between a host and the routers, no more is lost than the robustness variable makes up for.
/// `alike`: both hosts listen to the same.
pub(crate) fn properties(answered: bool, alike: bool) -> Vec<Property<World>> {
    let mut properties = vec![
        Property::always("every router is whole, takes what is valid, and gets on", no_fault),
        Property::always("the lowest router that is up is the querier", lowest_is_querier),
        Property::always("another router yields while it hears a lower one, and no longer", yields_to_lower),
        Property::always("a group without a Report ends with the listening interval", silent_group_ends),
        Property::always("a group that was left ends with the last listener query time", left_group_ends),
    ];
    if answered {
        properties.push(Property::always("nobody who answers is cut off by the querier", querier_serves));
    }
    // Otherwise one lost Report is too much for a router that does not ask itself: a host that listens to the group
    // may answer both a Query for the source and one for everything with one Report, which ends the series for the
    // source at the querier (R-REC-9). Who missed that Report blocks the source until the next General Query.
    if answered && alike {
        properties.push(Property::always("nobody who answers is cut off by the other router", others_serve));
    }
    properties
}

fn no_fault(_: &World, state: &State) -> bool {
    state.routers.iter().all(|router| router.fault.is_none())
}

/// R-ELE-1, R-ELE-2: nobody can make it yield.
fn lowest_is_querier(_: &World, state: &State) -> bool {
    state.routers.iter().find(|router| router.is_up()).is_none_or(|lowest| {
        // The second may have heard the first before that went down.
        lowest.is_querier() || lowest.watch.other_until >= state.now
    })
}

/// R-ELE-2, R-ELE-4, R-ELE-5: so never are there two queriers within the interval after an undisturbed exchange.
fn yields_to_lower(_: &World, state: &State) -> bool {
    let agrees = |(node, router): (Node, &RouterNode)| {
        let until = router.watch.other_until;
        let names_lower = router.querier().address() < address(node);
        match until.cmp(&state.now) {
            _ if !router.is_up() => true,
            core::cmp::Ordering::Less => router.is_querier(),
            // It ends at this moment: before or after.
            core::cmp::Ordering::Equal => router.is_querier() || names_lower,
            core::cmp::Ordering::Greater => !router.is_querier() && names_lower,
        }
    };
    state.routers.iter().enumerate().all(agrees)
}

/// RFC 9777 section 9.4.
fn silent_group_ends(_: &World, state: &State) -> bool {
    let ended = |router: &RouterNode| {
        router.watch.wanted_until >= state.now || !router.knows_group() && router.forwards() == (false, false)
    };
    state.routers.iter().all(ended)
}

/// R-QRY-4, R-QRY-6, R-RXQ-1: who was told so, or heard the Query, has ended it unless somebody answered.
fn left_group_ends(_: &World, state: &State) -> bool {
    state.routers.iter().all(|router| {
        let (source, stranger) = router.forwards();
        let is_over = |ends: u64| ends != 0 && ends < state.now;
        let group_ended = !is_over(router.watch.group_ends) || !stranger;
        // As part of the whole group it is still wanted.
        let source_ended = !is_over(router.watch.source_ends) || !source || stranger;
        group_ended && source_ended
    })
}

fn querier_serves(_: &World, state: &State) -> bool {
    (0..ROUTERS).filter(|node| state.routers[*node].is_querier()).all(|node| serves(state, node))
}

fn others_serve(_: &World, state: &State) -> bool {
    (0..ROUTERS).filter(|node| !state.routers[*node].is_querier()).all(|node| serves(state, node))
}

/// Whoever listens and has been heard by the router gets from it what it listens to.
fn serves(state: &State, node: Node) -> bool {
    let (source, stranger) = state.routers[node].forwards();
    state.hosts.iter().all(|host| {
        let served = source && (stranger || host.wants == Wants::Source);
        !host.listens || host.heard >> node & 1 == 0 || served
    })
}
