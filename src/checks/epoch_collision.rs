//! Two primaries that own slots share a configuration epoch, so neither wins where they claim the same slot.
//!
//! The servers settle it within seconds by raising one of the two; it lasts where the two cannot talk. Only
//! primaries of one table are compared: two clusters count their epochs apart.

use std::collections::BTreeMap;

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::view::{ClusterView, Member};

pub(super) static CHECK: Check = Check {
    code: "epoch_collision",
    severity: Severity::P2,
    hold: minutes(2),
    summary: "Two primaries share a configuration epoch.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("epoch_collision"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let mut by_epoch: BTreeMap<u64, Vec<&Member>> = BTreeMap::new();
    for member in context.view.members.iter().filter(|m| m.is_primary() && !m.slots.is_empty()) {
        by_epoch.entry(member.config_epoch).or_default().push(member);
    }
    let shared = by_epoch.into_iter().filter(|(_, members)| members.len() > 1);
    let findings = shared.filter_map(|(epoch, members)| {
        let of_one_table = |member: &&Member| members.iter().any(|other| know(context.view, member, other));
        let members: Vec<&Member> = members.iter().copied().filter(of_one_table).collect();
        (members.len() > 1).then(|| finding(context, epoch, &members))
    });
    context.verdict(findings.collect())
}

fn know(view: &ClusterView, one: &Member, other: &Member) -> bool {
    let names = |id| move |table: &crate::model::node::NodeTable| table.row(id).is_some();
    let (one_id, other_id) = (one.id, other.id);
    one_id != other_id
        && view.tables.iter().any(|held| names(one_id)(&held.table) && names(other_id)(&held.table))
}

fn finding(context: &Context<'_>, epoch: u64, members: &[&Member]) -> Finding {
    let labels: Vec<&str> = members.iter().map(|member| &*member.label).collect();
    let slots = members.iter().map(|member| (member.label.to_string(), Value::Slots(member.slots.clone())));
    let summary = format!("primaries {} share configuration epoch {epoch}", labels.join(", "));
    let mut finding =
        Finding::new(Subject::nodes(members.iter().map(|member| member.label.clone())), summary)
            .with("epoch", Value::Count(epoch))
            .with_some("current_epoch", context.view.current_epoch.map(Value::Count))
            .with("primaries", slots.collect::<Vec<_>>());
    for member in members {
        finding = finding.run(context.cli(member, "CLUSTER INFO"));
    }
    finding
}
