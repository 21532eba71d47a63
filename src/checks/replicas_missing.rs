//! A primary with slots has fewer connected replicas than it should: than `expect.replicas_per_primary`, or, where
//! nothing is expected, none at all although the tables name replicas somewhere in the cluster. A cluster that has no
//! replica by design is silent.
//!
//! Counted are the nodes that follow the primary by id: with their link up where they answer, else alive in the eyes
//! of their peers. `connected_slaves` would count twice what synchronises over two channels, and replicas that no
//! table names. A primary that is failed or does not answer is itself the trouble, and the lost links of its replicas
//! are what follows: `slots_uncovered`, `node_failed` and `node_unreachable` say so.

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::view::Member;

pub(super) static CHECK: Check = Check {
    code: "replicas_missing",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "A primary has fewer connected replicas than it should.",
    since: "0.1.0",
    explains: &["failover_not_ready"],
    runbook: runbook!("replicas_missing"),
    needs: Needs::Majority,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let members = &context.view.members;
    let by_design = members.iter().all(|member| member.is_primary() || member.primary.is_none());
    let wanted = context.expect.replicas_per_primary.unwrap_or(u32::from(!by_design));
    let has_slots = |member: &&Member| member.is_primary() && !member.slots.is_empty();
    let primaries = members.iter().filter(has_slots).filter(|member| member.is_up() && !member.failed);
    Outcome::of(primaries.filter_map(|primary| judge(context, primary, wanted as usize)).collect())
}

fn judge(context: &Context<'_>, primary: &Member, wanted: usize) -> Option<Finding> {
    let followers = context.view.followers(primary.id).filter(|member| !member.is_primary());
    let (connected, lost): (Vec<&Member>, Vec<&Member>) = followers.partition(|member| is_connected(member));
    if connected.len() >= wanted {
        return None;
    }
    let mut summary = format!(
        "primary {} has {} connected replicas, should have {wanted}{}",
        primary.label,
        connected.len(),
        if context.expect.replicas_per_primary.is_none() { " at least" } else { "" }
    );
    let states: Vec<String> =
        lost.iter().map(|member| format!("{} {}", member.label, state(member))).collect();
    if !states.is_empty() {
        summary.push_str(&format!(": {}", states.join(", ")));
    }
    let lost_states = lost.iter().map(|member| (member.label.to_string(), Value::from(state(member))));
    let mut finding = Finding::new(Subject::node(primary), summary)
        .with("connected", Value::Count(connected.len() as u64))
        .with("wanted", Value::Count(wanted as u64))
        .with("replicas", connected.iter().map(|member| Value::from(&member.label)).collect::<Vec<_>>())
        .with("missing", lost_states.collect::<Vec<_>>())
        .with("slots", primary.slots.clone())
        .run(context.cli(primary, "INFO replication"));
    if let Some(node) = context.any_node() {
        finding = finding.run(context.cli(node, "CLUSTER NODES"));
    }
    for member in lost.iter().filter(|member| member.is_up()) {
        finding = finding.run(context.cli(member, "INFO replication"));
    }
    Some(finding)
}

fn is_connected(member: &Member) -> bool {
    match link_is_up(member) {
        Some(up) => up,
        None => member.announced.is_some() && !member.failed && member.suspected_by == 0,
    }
}

fn link_is_up(member: &Member) -> Option<bool> {
    Some(member.said.as_ref()?.replication.as_ref().ok()?.link.as_ref()?.up)
}

fn state(member: &Member) -> &'static str {
    match link_is_up(member) {
        Some(_) => "has no link to it",
        None if member.failed => "is failed",
        None if member.announced.is_none() => "has no address",
        None => "does not answer and is suspected",
    }
}
