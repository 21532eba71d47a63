//! At least one slot has no live owner: unassigned, owner failed by quorum, owner unreachable and suspected by a peer,
//! or owner loading. Independent of `cluster_state`, which says ok under `cluster-require-full-coverage no` and is one
//! node's verdict anyway.
//!
//! A slot that changes hands while the nodes are asked is claimed by neither: the new owner did not have it yet when it
//! was asked, the old one no longer. So *unassigned* is a slot only if the poll before, where there is one, shows it too.

use super::context::Node;
use super::{Check, Context, Needs, runbook, seconds};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::slots::{SLOT_COUNT, SlotSet};
use crate::model::view::Member;

pub(super) static CHECK: Check = Check {
    code: "slots_uncovered",
    severity: Severity::P1,
    hold: seconds(30),
    summary: "Slots have no live owner.",
    since: "0.1.0",
    explains: &["commands_refused", "node_failed", "replicas_missing", "failover_not_ready"],
    runbook: runbook!("slots_uncovered"),
    needs: Needs::Majority,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let before = context.before.view.as_ref().map(|previous| &previous.coverage.unassigned);
    let lasting = |reason, slots: &SlotSet| match before {
        Some(before) if reason == "unassigned" => slots.intersection(before),
        _ => slots.clone(),
    };
    let reasons = context.view.coverage.reasons().into_iter();
    let found = reasons.map(|(reason, slots)| (reason, lasting(reason, slots)));
    let findings = found.filter(|(_, slots)| !slots.is_empty());
    Outcome::of(findings.map(|(reason, slots)| finding(context, reason, &slots)).collect())
}

fn finding(context: &Context<'_>, reason: &'static str, slots: &SlotSet) -> Finding {
    let owners = owners(context, slots);
    let (count, share) = (slots.len(), f64::from(slots.len()) / f64::from(SLOT_COUNT));
    let noun = if count == 1 { "slot" } else { "slots" };
    let words = match reason {
        "unassigned" => "assigned to no node",
        "owner_failed" => "owned by a node that a majority holds for failed",
        "owner_loading" => "owned by a node that is still loading its dataset",
        _ => "owned by a node that does not answer and is suspected by its peers",
    };
    let heirs = owners.iter().flat_map(|owner| context.heirs(owner)).map(|heir| Value::from(&heir.label));
    let heirs: Vec<Value> = heirs.collect();
    // Whoever holds the keys of a slot that nobody owns was its owner.
    let holders: Vec<(String, Value)> = context.nodes().filter_map(|node| keys_of(node, slots)).collect();
    let labels = owners.iter().map(|owner| owner.label.clone());
    let mut finding = Finding::new(
        Subject::slots(slots.clone(), labels),
        format!("{count} {noun} ({:.1} %) {slots} without a live owner: {words}", share * 100.0),
    )
    .with("reason", reason)
    .with("slots", slots.clone())
    .with("count", Value::Count(count.into()))
    .with("share", Value::Ratio(share))
    .with("replicas_that_could_take_over", heirs)
    .with_some("keys_held_by", (!holders.is_empty()).then_some(holders));
    if let Some(node) = context.any_node() {
        finding = finding.run(context.cli(node, "CLUSTER INFO")).run(context.cli(node, "CLUSTER NODES"));
    }
    for heir in owners.iter().flat_map(|owner| context.heirs(owner)) {
        finding = finding.run(context.cli(heir, "INFO replication"));
    }
    finding
}

/// Keys that a primary told of some of these slots.
fn keys_of(node: Node<'_>, slots: &SlotSet) -> Option<(String, Value)> {
    let counts = node.said.key_counts.iter().filter(|(slot, _)| slots.contains(*slot));
    let keys = counts.map(|(_, keys)| *keys).fold(0, u64::saturating_add);
    (keys > 0 && node.member.is_primary()).then(|| (node.member.label.to_string(), Value::Count(keys)))
}

fn owners<'a>(context: &Context<'a>, slots: &SlotSet) -> Vec<&'a Member> {
    let owns = |member: &&Member| member.is_primary() && !member.slots.intersection(slots).is_empty();
    context.view.members.iter().filter(owns).collect()
}
