//! Scenarios of which parts were left out.

use crate::scenario::{Scenario, StepAction};

/// Leaves out what is on links, or is done with nodes, that are no longer there, and what comes after the end.
pub(super) fn without_dangling(mut scenario: Scenario) -> Scenario {
    let links: Vec<String> = scenario.links.iter().map(|link| link.name.clone()).collect();
    // The only link may go unnamed.
    let has_link = |link: &String| link.is_empty() || links.is_empty() || links.contains(link);
    let duration_ms = scenario.duration_ms;
    let starts = |start_ms: Option<u64>| start_ms.is_none_or(|start_ms| start_ms <= duration_ms);
    scenario.routers.retain(|part| has_link(&part.link) && starts(part.start_ms));
    scenario.hosts.retain(|part| has_link(&part.link) && starts(part.start_ms));
    scenario.misbehaviour.retain(|part| has_link(&part.link) && part.start_ms <= duration_ms);
    for part in &mut scenario.misbehaviour {
        part.until_ms = part.until_ms.filter(|until_ms| *until_ms < duration_ms);
    }
    let routers = scenario.routers.iter().map(|part| &part.name);
    let hosts = scenario.hosts.iter().map(|part| &part.name);
    let misbehaviour = scenario.misbehaviour.iter().map(|part| &part.name);
    let nodes: Vec<String> = routers.chain(hosts).chain(misbehaviour).cloned().collect();
    // Of several hosts of one part each has a name of its own.
    let is_there = |name: &str| {
        let is_one_of = |node: &String| {
            let number = name.strip_prefix(node.as_str()).and_then(|rest| rest.strip_prefix('-'));
            number.is_some_and(|number| number.parse::<u32>().is_ok())
        };
        nodes.iter().any(|node| node == name || is_one_of(node))
    };
    scenario.steps.retain_mut(|step| {
        if let StepAction::Partition(action) = &mut step.action {
            action.apart.retain(|name| is_there(name));
        }
        let (node, link) = about(&step.action);
        step.at_ms <= duration_ms && node.is_none_or(is_there) && link.is_none_or(has_link)
    });
    scenario
}

/// The scenario ends at this moment, and so do its faults.
pub(super) fn end(scenario: &mut Scenario, end_ms: u64) {
    scenario.duration_ms = end_ms;
    scenario.faults_off_ms = scenario.faults_off_ms.map(|_| end_ms);
}

/// The node and the link that a action names.
pub(super) fn about(action: &StepAction) -> (Option<&str>, Option<&String>) {
    match action {
        StepAction::Listen(action) => (Some(&action.host), None),
        StepAction::Leave(action) => (Some(&action.host), None),
        StepAction::Up(action) => (Some(&action.host), None),
        StepAction::Crash(action) => (Some(&action.node), None),
        StepAction::Start(action) | StepAction::Stop(action) | StepAction::Restart(action) => {
            (Some(&action.router), None)
        }
        StepAction::Address(action) => (Some(&action.node), None),
        StepAction::Clock(action) => (Some(&action.router), None),
        StepAction::Jump(action) => (Some(&action.router), None),
        StepAction::Partition(action) => (None, Some(&action.link)),
        StepAction::Heal(action) => (None, Some(&action.link)),
        StepAction::Faults(action) => (None, Some(&action.link)),
        StepAction::FaultsOff(_) => (None, None),
    }
}
