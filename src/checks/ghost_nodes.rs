//! Entries of nodes that are no more linger in the tables: without an address (`noaddr`), failed primaries without
//! slots, handshakes that lead nowhere, and old ids at an address where another node answers now. They cost gossip,
//! confuse tools and clients, and a failed one may come back with old data.
//!
//! Nothing removes them but CLUSTER FORGET on every node within one minute; handshakes end by themselves. A node
//! that answers is no ghost, and neither is a failed replica: its primary waits for it (`node_failed`).

use super::{Check, Context, Needs, hours, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::node::{NodeId, Role};
use crate::model::view::Member;

pub(super) static CHECK: Check = Check {
    code: "ghost_nodes",
    severity: Severity::P3,
    hold: hours(1),
    summary: "Entries of dead nodes linger in the tables.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("ghost_nodes"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let members = context.view.members.iter();
    let ghosts = members.filter_map(|member| Some(ghost(context, member, haunts(context, member)?)));
    let handshakes = context.nodes().filter_map(|node| handshakes(context, node.member));
    Outcome::of(ghosts.chain(handshakes).collect())
}

/// What makes a member a ghost.
fn haunts(context: &Context<'_>, member: &Member) -> Option<&'static str> {
    let answers = member.said.as_ref().is_some_and(|said| said.id() == Some(member.id));
    if answers {
        return None;
    }
    let another = |other: &Member| other.id != member.id && other.label == member.label && other.is_up();
    if member.announced.is_none() {
        return Some("no address (noaddr)");
    }
    if context.view.members.iter().any(another) {
        return Some("another node answers at its address");
    }
    (member.failed && member.is_primary() && member.slots.is_empty()).then_some("failed and without slots")
}

fn ghost(context: &Context<'_>, member: &Member, why: &'static str) -> Finding {
    let id = member.id;
    let knows = |viewer: &&Member| {
        viewer.is_up()
            && viewer.id != id
            && viewer.viewpoint().is_some_and(|view| view.table.row(id).is_some())
    };
    let viewers: Vec<&Member> = context.view.members.iter().filter(knows).collect();
    // Two ids may share a label: the one that answers has it, the ghost is told by its id.
    let name = if member.owns_label { member.label.to_string() } else { id.to_string() };
    let summary = format!("{name} lingers in the tables of {} nodes: {why}", viewers.len());
    let role = member.role.map(Role::as_str);
    let finding = Finding::new(Subject::nodes([name.into()]), summary)
        .with("id", id.to_string())
        .with("address", &member.label)
        .with("why", why)
        .with_some("role", role)
        .with("known_to", viewers.iter().map(|viewer| Value::from(&viewer.label)).collect::<Vec<_>>());
    viewers.iter().fold(finding, |finding, viewer| finding.run(forget(context, viewer, id)))
}

fn forget(context: &Context<'_>, viewer: &Member, id: NodeId) -> String {
    context.cli(viewer, &format!("CLUSTER FORGET {id}"))
}

fn handshakes(context: &Context<'_>, member: &Member) -> Option<Finding> {
    let rows =
        || member.viewpoint().into_iter().flat_map(|view| &view.table.rows).filter(|row| row.handshake);
    let mut addresses: Vec<String> = rows()
        .map(|row| row.address.as_ref().map_or_else(|| row.id.to_string(), ToString::to_string))
        .collect();
    addresses.sort();
    if addresses.is_empty() {
        return None;
    }
    let summary = format!("{} is in handshake with {}", member.label, addresses.join(", "));
    let addresses: Vec<Value> = addresses.into_iter().map(Value::from).collect();
    Some(
        Finding::new(Subject::node(member), summary)
            .with("why", "handshake")
            .with("addresses", addresses)
            .run(context.cli(member, "CLUSTER NODES")),
    )
}
