//! Names of a scenario and the nodes and links that they stand for.

use std::collections::BTreeMap;

use super::checks::is_name;
use crate::scenario::data::{LinkPart, Place, ScenarioError};
use crate::world::{Link, LinkId, Medium, NodeId, World};

/// The nodes and links of a scenario by their names.
#[derive(Clone, Debug, Default)]
pub(in crate::scenario) struct Names {
    nodes: BTreeMap<String, Vec<NodeId>>,
    links: BTreeMap<String, LinkId>,
    kinds: Vec<NodeKind>,
}

/// What a name may stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario) enum NodeKind {
    Router,
    Host,
    Misbehaviour,
}

impl Names {
    pub(super) fn link(
        &mut self,
        place: Place,
        part: &LinkPart,
        world: &mut World,
    ) -> Result<(), ScenarioError> {
        let mut link = match part.medium {
            Medium::Ethernet => Link::ethernet(),
            Medium::PointToPoint => Link::point_to_point(),
        };
        link = link.name(&part.name).faults(part.faults);
        if part.snooping {
            link = link.snooping();
        }
        is_name(place, &part.name)?;
        if self.links.contains_key(&part.name) {
            return Err(place.error(format_args!("{} is the name of another link", part.name)));
        }
        self.links.insert(part.name.clone(), world.link(link));
        Ok(())
    }

    /// Whether a node may be added to the link under this name.
    pub(super) fn has_place(
        &self,
        place: impl Fn(&'static str) -> Place,
        name: &str,
        link: LinkId,
        world: &World,
    ) -> Result<(), ScenarioError> {
        self.is_free(place("name"), name)?;
        let scene = world.scene();
        let is_there = |node: &NodeId| scene.link_of(*node) == link;
        if scene.medium(link) == Medium::PointToPoint && scene.nodes().filter(is_there).count() > 1 {
            let link = scene.link_name(link);
            return Err(place("link").error(format_args!("{link} is a point-to-point link and has two ends")));
        }
        Ok(())
    }

    fn is_free(&self, place: Place, name: &str) -> Result<(), ScenarioError> {
        is_name(place, name)?;
        if self.nodes.contains_key(name) {
            return Err(place.error(format_args!("{name} is the name of another node")));
        }
        Ok(())
    }

    pub(super) fn node(
        &mut self,
        place: Place,
        name: &str,
        ids: &[NodeId],
        kind: NodeKind,
    ) -> Result<(), ScenarioError> {
        self.is_free(place, name)?;
        self.nodes.insert(name.into(), ids.into());
        for id in ids {
            let at = id.0 as usize;
            self.kinds.resize(self.kinds.len().max(at + 1), kind);
        }
        Ok(())
    }

    /// The link of this name; without one the only link.
    pub(in crate::scenario) fn find_link(&self, place: Place, name: &str) -> Result<LinkId, ScenarioError> {
        if name.is_empty() {
            let mut links = self.links.values();
            return match (links.next(), links.next()) {
                (Some(link), None) => Ok(*link),
                _ => Err(place.error("must be named, there are several")),
            };
        }
        let known = || self.links.keys().cloned().collect::<Vec<_>>().join(", ");
        let found = self.links.get(name).copied();
        found.ok_or_else(|| place.error(format_args!("no link is called {name:?}; there are {}", known())))
    }

    /// The nodes of this name.
    pub(in crate::scenario) fn find(&self, place: Place, name: &str) -> Result<&[NodeId], ScenarioError> {
        let found = self.nodes.get(name).map(Vec::as_slice);
        found.ok_or_else(|| place.error(format_args!("no node is called {name:?}")))
    }

    /// The router of this name.
    pub(in crate::scenario) fn find_router(&self, place: Place, name: &str) -> Result<NodeId, ScenarioError> {
        match self.find(place, name)? {
            [id] if self.kind(*id) == NodeKind::Router => Ok(*id),
            _ => Err(place.error(format_args!("{name} is no router"))),
        }
    }

    /// The hosts of this name.
    pub(in crate::scenario) fn find_hosts(
        &self,
        place: Place,
        name: &str,
    ) -> Result<&[NodeId], ScenarioError> {
        let found = self.find(place, name)?;
        if found.iter().any(|id| self.kind(*id) != NodeKind::Host) {
            return Err(place.error(format_args!("{name} is no host")));
        }
        Ok(found)
    }

    /// The nodes of a name that is known to be there.
    pub(in crate::scenario) fn known(&self, name: &str) -> &[NodeId] {
        self.nodes.get(name).map_or(&[], Vec::as_slice)
    }

    pub(in crate::scenario) fn kind(&self, id: NodeId) -> NodeKind {
        self.kinds[id.0 as usize]
    }

    /// The link of this name, if there is one.
    pub(in crate::scenario) fn link_id(&self, name: &str) -> Option<LinkId> {
        self.links.get(name).copied()
    }
}
