//! A replica's link to its primary is down (`master_link_status`), on its own word.
//!
//! The link counts as down during a full synchronisation too. One that gets on, because more bytes have come or more
//! have been loaded since the poll before, is how a replica joins and no finding; whether the replica could be promoted
//! meanwhile is what `failover_not_ready` says. Silent too where the primary is failed or does not answer: no link can
//! stand then, and other checks name the primary.

use super::context::{Node, Said};
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, bytes, seconds};
use crate::model::info::Field;
use crate::model::snapshot::{NodeSnapshot, PrimaryLink};

pub(super) static CHECK: Check = Check {
    code: "replica_link_down",
    severity: Severity::P2,
    hold: minutes(2),
    summary: "A replica has lost the link to its primary.",
    since: "0.1.0",
    explains: &["replication_lag", "replication_lag_critical", "replicas_missing", "failover_not_ready"],
    runbook: runbook!("replica_link_down"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    context.each_node(|node| judge(context, node))
}

fn judge(context: &Context<'_>, node: Node<'_>) -> Said {
    let label = &node.member.label;
    let Ok(replication) = &node.said.replication else {
        return Said::Unknown(format!("{label} does not tell its replication"));
    };
    let Some(link) = replication.link.as_ref().filter(|link| !link.up) else { return Said::Fine };
    let primary = node.member.primary.and_then(|id| context.view.member(id));
    if gets_on(context, node) || primary.is_some_and(|primary| primary.failed || !primary.is_up()) {
        return Said::Fine;
    }
    let whom = primary.map_or("its primary".to_owned(), |primary| primary.label.to_string());
    let summary = format!("replica {label} has no link to {whom}{}{}", down_for(link), state(node, link));
    let mut finding = Finding::new(Subject::node(node.member), summary)
        .with_some("down", link.down_seconds.map(|down| Value::Seconds(down as f64)))
        .with("sync_in_progress", link.sync_in_progress)
        .with("sync_read", Value::Bytes(link.sync_read_bytes))
        .with("loading", node.said.is_loading())
        .with_some("primary", primary.map(|primary| &primary.label))
        .run(context.cli(node.member, "INFO replication"));
    if let Some(primary) = primary {
        finding = finding.run(context.cli(primary, "INFO replication"));
    }
    Said::Wrong(finding)
}

fn down_for(link: &PrimaryLink) -> String {
    link.down_seconds.map_or_else(String::new, |down| format!(" for {}", seconds(down as f64)))
}

fn state(node: Node<'_>, link: &PrimaryLink) -> String {
    if node.said.is_loading() {
        return ": it is loading what it was sent".to_owned();
    }
    match (link.sync_in_progress, link.sync_read_bytes) {
        (true, 0) => ": it asks for a full sync and has got nothing yet".to_owned(),
        (true, read) => format!(": a full sync is in progress, {} read", bytes(read)),
        (false, _) => String::new(),
    }
}

/// Whether more of a full synchronisation has come, or has been loaded, than at the poll before.
fn gets_on(context: &Context<'_>, node: Node<'_>) -> bool {
    let read = |said: &NodeSnapshot| {
        let link = said.replication.as_ref().ok()?.link.as_ref()?;
        link.sync_in_progress.then_some(link.sync_read_bytes)
    };
    let loaded = |said: &NodeSnapshot| said.info.as_ref().ok()?.unsigned(Field::new("loading_loaded_bytes"));
    let grew = |growth: Option<(u64, f64)>| growth.is_some_and(|(grown, _)| grown > 0);
    grew(context.before.growth(node.at, node.said, read))
        || grew(context.before.growth(node.at, node.said, loaded))
}
