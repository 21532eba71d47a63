//! One node id is in two configured clusters: a CLUSTER MEET (or an address that was given to another cluster's
//! node) has joined them, and they will hand each other slots and epochs; or one cluster is configured twice, which
//! cannot be told from two that have become one.
//!
//! With no other cluster configured there is nothing to compare. Handshakes do not count: their ids are random.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::node::NodeId;

pub(super) static CHECK: Check = Check {
    code: "clusters_merged",
    severity: Severity::P1,
    hold: minutes(1),
    summary: "Two clusters have become one, or share a node.",
    since: "0.1.0",
    explains: &["membership_disagrees", "nodes_unexpected", "replica_orphaned"],
    runbook: runbook!("clusters_merged"),
    needs: Needs::Nothing,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let here = known(context);
    if here.is_empty() && !context.others.is_empty() {
        return Outcome::Unknown("no node told its table".to_owned());
    }
    let findings = context.others.iter().filter_map(|(cluster, there)| judge(context, &here, cluster, there));
    Outcome::of(findings.collect())
}

/// Every id that this cluster's tables name, with how to call it.
fn known(context: &Context<'_>) -> BTreeMap<NodeId, Arc<str>> {
    let rows = context.view.tables.iter().flat_map(|held| &held.table.rows).filter(|row| !row.handshake);
    let members = context.view.members.iter().map(|member| member.id);
    members.chain(rows.map(|row| row.id)).map(|id| (id, context.label(id))).collect()
}

fn judge(
    context: &Context<'_>,
    here: &BTreeMap<NodeId, Arc<str>>,
    cluster: &Arc<str>,
    there: &BTreeSet<NodeId>,
) -> Option<Finding> {
    let labels = |shared: bool| {
        let side = here.iter().filter(move |(id, _)| there.contains(id) == shared);
        let mut labels: Vec<Arc<str>> = side.map(|(_, label)| label.clone()).collect();
        labels.sort();
        labels
    };
    let shared = labels(true);
    if shared.is_empty() {
        return None;
    }
    let values = |labels: Vec<Arc<str>>| labels.iter().map(Value::from).collect::<Vec<_>>();
    let only_there = there.iter().filter(|id| !here.contains_key(id));
    let only_there: Vec<Value> = only_there.map(|id| Value::Text(id.to_string())).collect();
    let same = shared.len() == here.len() && only_there.is_empty();
    let summary = format!(
        "{} of {} nodes are also in cluster {cluster}, which has {}{}",
        shared.len(),
        here.len(),
        there.len(),
        if same { ": the two have become one, or one cluster is configured twice" } else { "" }
    );
    let mut finding = Finding::new(Subject::nodes(shared.iter().cloned()), summary)
        .with("other_cluster", cluster)
        .with("in_both", values(shared))
        .with("only_here", values(labels(false)))
        .with("only_there", only_there);
    if let Some(node) = context.any_node() {
        finding = finding.run(context.cli(node, "CLUSTER NODES"));
    }
    Some(finding)
}
