//! Stories of which parts were left out.

use crate::scenario::{Deed, Story};

/// Leaves out what is on links, or is done with nodes, that are no longer there, and what comes after the end.
pub(super) fn without_dangling(mut story: Story) -> Story {
    let links: Vec<String> = story.links.iter().map(|link| link.name.clone()).collect();
    // The only link may go unnamed.
    let has_link = |link: &String| link.is_empty() || links.is_empty() || links.contains(link);
    let duration_ms = story.duration_ms;
    let starts = |start_ms: Option<u64>| start_ms.is_none_or(|start_ms| start_ms <= duration_ms);
    story.routers.retain(|part| has_link(&part.link) && starts(part.start_ms));
    story.hosts.retain(|part| has_link(&part.link) && starts(part.start_ms));
    story.mischief.retain(|part| has_link(&part.link) && part.start_ms <= duration_ms);
    for part in &mut story.mischief {
        part.until_ms = part.until_ms.filter(|until_ms| *until_ms < duration_ms);
    }
    let routers = story.routers.iter().map(|part| &part.name);
    let hosts = story.hosts.iter().map(|part| &part.name);
    let mischief = story.mischief.iter().map(|part| &part.name);
    let nodes: Vec<String> = routers.chain(hosts).chain(mischief).cloned().collect();
    // Of several hosts of one part each has a name of its own.
    let is_there = |name: &str| {
        let is_one_of = |node: &String| {
            let number = name.strip_prefix(node.as_str()).and_then(|rest| rest.strip_prefix('-'));
            number.is_some_and(|number| number.parse::<u32>().is_ok())
        };
        nodes.iter().any(|node| node == name || is_one_of(node))
    };
    story.steps.retain_mut(|step| {
        if let Deed::Partition(deed) = &mut step.deed {
            deed.apart.retain(|name| is_there(name));
        }
        let (node, link) = about(&step.deed);
        step.at_ms <= duration_ms && node.is_none_or(is_there) && link.is_none_or(has_link)
    });
    story
}

/// The story ends at this moment, and so do its faults.
pub(super) fn end(story: &mut Story, end_ms: u64) {
    story.duration_ms = end_ms;
    story.calm_ms = story.calm_ms.map(|_| end_ms);
}

/// The node and the link that a deed names.
pub(super) fn about(deed: &Deed) -> (Option<&str>, Option<&String>) {
    match deed {
        Deed::Listen(deed) => (Some(&deed.host), None),
        Deed::Leave(deed) => (Some(&deed.host), None),
        Deed::Up(deed) => (Some(&deed.host), None),
        Deed::Crash(deed) => (Some(&deed.node), None),
        Deed::Start(deed) | Deed::Stop(deed) | Deed::Restart(deed) => (Some(&deed.router), None),
        Deed::Address(deed) => (Some(&deed.node), None),
        Deed::Clock(deed) => (Some(&deed.router), None),
        Deed::Jump(deed) => (Some(&deed.router), None),
        Deed::Partition(deed) => (None, Some(&deed.link)),
        Deed::Heal(deed) => (None, Some(&deed.link)),
        Deed::Faults(deed) => (None, Some(&deed.link)),
        Deed::Calm(_) => (None, None),
    }
}
