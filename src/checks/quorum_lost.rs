//! Fewer voting primaries are alive and within reach of each other than a majority: a failover needs that many
//! votes, so none can happen, and the next failure stays.
//!
//! Who can reach whom is the nodes' own word. A voter that this exporter cannot ask counts where a voter of the
//! group vouches for it: then only our own network is at fault. The loss is told also by a minority, since a
//! minority is what is left; that nothing is lost needs the word of a majority.

use super::{Check, Context, Needs, runbook, seconds};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::node::{Health, NodeId, NodeRow};
use crate::model::view::Member;

pub(super) static CHECK: Check = Check {
    code: "quorum_lost",
    severity: Severity::P1,
    hold: seconds(15),
    summary: "Fewer voting primaries hold each other for alive than a majority: no failover can happen.",
    since: "0.1.0",
    explains: &["failover_stalled", "view_incomplete", "partitioned", "commands_refused", "node_unreachable"],
    runbook: runbook!("quorum_lost"),
    needs: Needs::Nothing,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let view = context.view;
    let voters = view.voters().count();
    if view.groups.is_empty() {
        return Outcome::Unknown("no node told whom it can reach".to_owned());
    }
    if voters == 0 {
        return Outcome::Unknown("no primary owns slots, so nobody votes".to_owned());
    }
    let present = view.groups.iter().map(|group| present(context, group)).max_by_key(Vec::len);
    let present = present.unwrap_or_default();
    let quorum = view.quorum();
    let lost = (present.len() < quorum).then(|| finding(context, &present, voters, quorum));
    context.verdict(lost.into_iter().collect())
}

/// The voters, ascending by label.
fn voters<'a>(context: &Context<'a>) -> Vec<&'a NodeRow> {
    let mut voters: Vec<&NodeRow> = context.view.voters().collect();
    voters.sort_by_cached_key(|row| context.label(row.id));
    voters
}

/// The voters of a group: those that answer, and those that one of them vouches for.
fn present(context: &Context<'_>, group: &[usize]) -> Vec<NodeId> {
    let view = context.view;
    let members: Vec<&Member> = group.iter().filter_map(|at| view.members.get(*at)).collect();
    let votes = |member: &&Member| view.votes(member.id);
    let mut witnesses: Vec<&Member> = members.iter().copied().filter(votes).collect();
    if witnesses.is_empty() {
        witnesses = members;
    }
    let vouches = |witness: &&Member, id: NodeId| {
        let row = witness.viewpoint().and_then(|view| view.table.row(id));
        row.is_some_and(|row| row.health == Health::Alive)
    };
    let is_here = |row: &&NodeRow| match view.member(row.id) {
        Some(member) if member.viewpoint().is_some() => witnesses.iter().any(|w| w.id == row.id),
        _ => witnesses.iter().any(|witness| vouches(witness, row.id)),
    };
    voters(context).into_iter().filter(is_here).map(|row| row.id).collect()
}

fn finding(context: &Context<'_>, present: &[NodeId], voters: usize, quorum: usize) -> Finding {
    let all = self::voters(context);
    let missing = || all.iter().copied().filter(|row| !present.contains(&row.id));
    let state = |row: &NodeRow| {
        let member = context.view.member(row.id);
        let answers = member.is_some_and(Member::is_up);
        let suspects = member.map_or(0, |member| member.suspected_by);
        let words = if answers { "answers" } else { "does not answer" };
        (context.label(row.id).to_string(), Value::Text(format!("{words}, suspected by {suspects} peers")))
    };
    let labels: Vec<_> = missing().map(|row| context.label(row.id)).collect();
    let summary = format!(
        "{} of {voters} voting primaries hold each other for alive and a failover takes {quorum} votes: without {}",
        present.len(),
        labels.join(", ")
    );
    let mut finding = Finding::new(Subject::cluster(), summary)
        .with("voters", Value::Count(voters as u64))
        .with("quorum", Value::Count(quorum as u64))
        .with("present", present.iter().map(|id| Value::from(&context.label(*id))).collect::<Vec<_>>())
        .with("missing", missing().map(state).collect::<Vec<_>>());
    if let Some(node) = context.any_node() {
        finding = finding.run(context.cli(node, "CLUSTER NODES"));
    }
    for member in missing().filter_map(|row| context.view.member(row.id)) {
        finding = finding.run(context.cli(member, "PING"));
    }
    finding
}
