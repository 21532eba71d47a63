//! No node answered the last poll in full: refused, silent, or all of them loading their datasets. What was known of
//! the cluster stands, and every verdict about it is unknown.

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};

pub(super) static CHECK: Check = Check {
    code: "cluster_unreachable",
    severity: Severity::P1,
    hold: minutes(1),
    summary: "No node of the cluster answers.",
    since: "0.1.0",
    explains: &["view_incomplete", "node_unreachable", "quorum_lost", "slots_uncovered"],
    runbook: runbook!("cluster_unreachable"),
    needs: Needs::Nothing,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    if context.view.reachable() > 0 {
        return Outcome::Clear;
    }
    let members = context.view.members.iter().filter_map(|m| Some((m.label.to_string(), m.error()?)));
    let strangers = context.view.strangers.iter().map(|s| (s.target.to_string(), &s.error));
    let errors: Vec<_> =
        members.chain(strangers).map(|(node, error)| (node, Value::Text(error.to_string()))).collect();
    let summary = format!("none of {} known nodes answers", errors.len());
    let finding = Finding::new(Subject::cluster(), summary).with("errors", Value::Map(errors));
    let asked = context.view.members.iter().filter(|member| member.error().is_some());
    Outcome::of(vec![asked.fold(finding, |finding, member| finding.run(context.cli(member, "PING")))])
}
