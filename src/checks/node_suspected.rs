//! Peers flag a node `fail?` or `fail`, yet it answers this exporter: a partition, or a bus port that is blocked
//! while the client port is open.
//!
//! A restarted node is still flagged for some seconds, and a primary that was failed and that nobody replaced for
//! twice the node timeout: that is what the hold is for.

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::node::{Health, NodeRow};
use crate::model::view::Member;

pub(super) static CHECK: Check = Check {
    code: "node_suspected",
    severity: Severity::P2,
    hold: minutes(2),
    summary: "Peers suspect a node that answers this exporter.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("node_suspected"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let suspects = context.view.members.iter().filter(|m| m.is_up() && m.suspected_by > 0);
    context.verdict(suspects.map(|member| finding(context, member)).collect())
}

fn finding(context: &Context<'_>, member: &Member) -> Finding {
    let view = context.view;
    let accusers = context.accusers(member.id, |health| health != Health::Alive);
    let health = |row: &NodeRow| if row.health == Health::Failed { "fail" } else { "fail?" };
    let words = |(viewer, row): &(&Member, &NodeRow)| (viewer.label.to_string(), Value::from(health(row)));
    let mut labels: Vec<String> = accusers.named.iter().map(|(viewer, _)| viewer.label.to_string()).collect();
    labels.extend(accusers.unnamed().map(|more| format!("and {more} more")));
    let peers = view.tables.iter().map(|held| held.viewers.len()).sum::<usize>().saturating_sub(1);
    let bus_port = accusers.named.first().map(|(_, row)| row.bus_port);
    let summary = format!(
        "{} answers this exporter, and {} of {peers} peers hold it for dead: {}; is its bus port {} open to them?",
        member.label,
        accusers.count,
        labels.join(", "),
        bus_port.map_or_else(|| "(unknown)".to_owned(), |port| port.to_string())
    );
    let is_announced =
        |bus: u16| member.announced.as_ref().is_some_and(|a| u32::from(a.port) + 10_000 != u32::from(bus));
    let mut finding = Finding::new(Subject::node(member), summary)
        .with("suspected_by", accusers.named.iter().map(words).collect::<Vec<_>>())
        .with_some("and_more", accusers.unnamed())
        .with("answering_peers", Value::Count(peers as u64))
        .with_some("bus_port", bus_port.map(|port| Value::Count(port.into())))
        .with_some("bus_port_is_port_plus_10000", bus_port.map(|port| !is_announced(port)))
        .with("failed_by_quorum", member.failed)
        .run(context.cli(member, "CLUSTER NODES"));
    if let Some((viewer, _)) = accusers.named.first() {
        finding = finding.run(context.cli(viewer, "CLUSTER NODES")).run(context.cli(viewer, "CLUSTER LINKS"));
    }
    finding
}
