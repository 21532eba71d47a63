//! A replica that answers follows a primary that no table names any more (gone), that is failed by quorum, or that
//! is a node of another configured cluster alone (foreign): it copies nobody, and no failover counts it.
//!
//! A replica whose link to a failed primary is up is on that primary's side of a partition and no orphan. A replica
//! that does not answer is the business of `node_failed` and `node_unreachable`. In a failover the other replicas
//! follow the dead primary until they learn of the new one: seconds.

use super::context::{Node, Said};
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::node::{NodeId, Role};

pub(super) static CHECK: Check = Check {
    code: "replica_orphaned",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "A replica follows a primary that is gone, failed or foreign.",
    since: "0.1.0",
    explains: &["replica_link_down"],
    runbook: runbook!("replica_orphaned"),
    needs: Needs::Majority,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    context.each_node(|node| judge(context, node))
}

fn judge(context: &Context<'_>, node: Node<'_>) -> Said {
    let Some(own) = node.member.viewpoint().and_then(|view| view.own_row()) else {
        return Said::Unknown(format!("{} did not tell whom it follows", node.member.label));
    };
    if own.role != Some(Role::Replica) {
        return Said::Fine;
    }
    let link = node.said.replication.as_ref().ok().and_then(|replication| replication.link.as_ref());
    let link_up = link.is_some_and(|link| link.up);
    let Some(fate) = fate(context, own.primary, link_up) else { return Said::Fine };
    let primary = own.primary.map(|id| context.label(id));
    let summary = format!(
        "replica {} follows {}, which {fate}",
        node.member.label,
        primary.as_deref().unwrap_or("no primary")
    );
    let mut finding = Finding::new(Subject::node(node.member), summary)
        .with_some("primary", primary.as_ref())
        .with_some("primary_id", own.primary.map(|id| id.to_string()))
        .with("fate", fate)
        .with("link_up", link_up)
        .with_some("link_down_for", link.and_then(|l| l.down_seconds).map(|s| Value::Seconds(s as f64)))
        .run(context.cli(node.member, "INFO replication"))
        .run(context.cli(node.member, "CLUSTER NODES"));
    if let Some(other) = context.any_node() {
        finding = finding.run(context.cli(other, "CLUSTER NODES"));
    }
    Said::Wrong(finding)
}

fn fate(context: &Context<'_>, primary: Option<NodeId>, link_up: bool) -> Option<String> {
    let Some(id) = primary else { return Some("it does not name".to_owned()) };
    let member = context.view.member(id);
    let is_named = context.view.reference.as_ref().is_some_and(|table| table.row(id).is_some());
    match member {
        Some(member) if member.failed && !link_up => Some("is failed by quorum".to_owned()),
        Some(member) if is_named || member.is_up() => None,
        _ => Some(match context.others.iter().find(|(_, there)| there.contains(&id)) {
            Some((cluster, _)) => format!("is a node of cluster {cluster}"),
            None => "the cluster does not know any more".to_owned(),
        }),
    }
}
