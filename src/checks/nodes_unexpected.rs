//! The cluster has another number of nodes, of primaries with slots or of shards than `expect:` says, or its nodes
//! count different numbers of assigned slots.
//!
//! Counted are the nodes that the reference table names with an address, without handshakes and without nodes that
//! are failed by quorum: `cluster_known_nodes` counts those too and so does not show a loss. Without `expect:` only
//! the slot counts are compared.

use std::collections::BTreeMap;

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};

pub(super) static CHECK: Check = Check {
    code: "nodes_unexpected",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "The cluster is not as large as expected.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("nodes_unexpected"),
    needs: Needs::Majority,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let mut findings = Vec::new();
    let (expect, view) = (context.expect, context.view);
    let owners = view.voters().count();
    let counts = [
        ("nodes", expect.nodes, nodes(context)),
        ("primaries", expect.primaries, owners),
        ("shards", expect.primaries, view.shards()),
    ];
    for (what, expected, seen) in counts {
        let Some(expected) = expected.filter(|expected| *expected as usize != seen) else { continue };
        // More primaries with slots than shards, or as many: the second count says nothing new.
        if what == "shards" && seen == owners {
            continue;
        }
        let words = if what == "nodes" { "live nodes" } else { what };
        let mut finding =
            Finding::new(Subject::cluster(), format!("{seen} {words} where {expected} are expected"))
                .with("what", what)
                .with("expected", Value::Count(expected.into()))
                .with("seen", Value::Count(seen as u64));
        if let Some(node) = context.any_node() {
            finding = finding.run(context.cli(node, "CLUSTER NODES"));
        }
        findings.push(finding);
    }
    // One finding: the cluster as a whole is its subject.
    let mut findings = findings.into_iter().reduce(joined).into_iter().collect::<Vec<_>>();
    findings.extend(slot_counts(context));
    Outcome::of(findings)
}

fn joined(mut one: Finding, other: Finding) -> Finding {
    one.summary = format!("{}; {}", one.summary, other.summary);
    one.evidence.extend(other.evidence);
    one
}

fn nodes(context: &Context<'_>) -> usize {
    let rows = context.view.reference.iter().flat_map(|table| &table.rows);
    let lives = |id| !context.view.member(id).is_some_and(|member| member.failed);
    rows.filter(|row| !row.handshake && row.address.is_some() && lives(row.id)).count()
}

/// Nodes by how many slots their table gives to somebody.
fn slot_counts(context: &Context<'_>) -> Option<Finding> {
    let mut viewers: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for held in &context.view.tables {
        let assigned = held.table.rows.iter().map(|row| row.slots.len()).sum();
        viewers.entry(assigned).or_default().extend(&held.viewers);
    }
    if viewers.len() < 2 {
        return None;
    }
    let label = |at: &usize| context.view.members.get(*at).map(|member| member.label.clone());
    let fewest = viewers.values().min_by_key(|viewers| viewers.len())?;
    let odd = fewest.iter().filter_map(label);
    let words: Vec<String> =
        viewers.iter().map(|(assigned, viewers)| format!("{assigned} by {} nodes", viewers.len())).collect();
    let map = viewers.iter().map(|(assigned, viewers)| {
        let labels = viewers.iter().filter_map(label).map(|label| Value::from(&label)).collect();
        (assigned.to_string(), Value::List(labels))
    });
    let mut finding = Finding::new(
        Subject::nodes(odd),
        format!("the nodes count assigned slots differently: {}", words.join(", ")),
    )
    .with("assigned_slots", map.collect::<Vec<_>>());
    for at in fewest {
        let Some(member) = context.view.members.get(*at) else { continue };
        finding = finding.run(context.cli(member, "CLUSTER INFO"));
    }
    Some(finding)
}
