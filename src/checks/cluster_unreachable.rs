//! No node answered the last poll.

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
    Outcome::of(vec![Finding::new(Subject::cluster(), summary).with("errors", Value::Map(errors))])
}
