//! A node is FAIL by quorum and still in the tables: a majority of the other answering voters flag it `fail`.
//!
//! Without an address (`noaddr`) an entry is no node but a ghost; some servers keep the flag `fail` on it and
//! others do not, so it is left to `ghost_nodes` everywhere. A failed node that answers this exporter is named too:
//! it is cut off from its peers.

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject};
use crate::model::node::Health;
use crate::model::view::Member;

pub(super) static CHECK: Check = Check {
    code: "node_failed",
    severity: Severity::P2,
    hold: minutes(1),
    summary: "A node is failed by quorum and still in the tables.",
    since: "0.1.0",
    explains: &["node_unreachable", "replicas_missing", "ghost_nodes", "nodes_unexpected"],
    runbook: runbook!("node_failed"),
    needs: Needs::Majority,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let failed = context.view.members.iter().filter(|member| member.failed && member.announced.is_some());
    Outcome::of(failed.map(|member| finding(context, member)).collect())
}

fn finding(context: &Context<'_>, member: &Member) -> Finding {
    let accusers = context.accusers(member.id, |health| health == Health::Failed);
    let role = member.role.map_or("node", |role| role.as_str());
    let summary = format!(
        "{role} {} is failed by quorum: {} peers say so, {}",
        member.label,
        accusers.count,
        if member.is_up() { "yet it answers this exporter" } else { "and it does not answer" }
    );
    let mut finding = Finding::new(Subject::node(member), summary)
        .with("role", role)
        .with("slots", member.slots.clone())
        .with("failed_for", accusers.labels())
        .with_some("and_more", accusers.unnamed())
        .with("answers", member.is_up())
        .with_some("error", member.error().map(ToString::to_string));
    if let Some(node) = context.any_node() {
        finding = finding.run(context.cli(node, "CLUSTER NODES"));
    }
    finding
}
