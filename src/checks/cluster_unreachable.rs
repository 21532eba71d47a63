//! No node answered the last poll: refused, silent, or all of them loading their datasets. What was known of the cluster
//! stands, and every verdict about it is unknown. A node that answers some of our questions and refuses us the right to
//! others is there: that is for `view_incomplete` to say, and nobody need get up.

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::failure::AskError;
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::snapshot::NodeSnapshot;

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
    let mut said = context.view.members.iter().filter_map(|member| member.said.as_deref());
    let mut strangers = context.view.strangers.iter();
    if said.any(tells_something) || strangers.any(|stranger| matches!(stranger.error, AskError::Denied(_))) {
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

fn tells_something(said: &NodeSnapshot) -> bool {
    let serves = said.info.is_ok() && !said.is_loading();
    serves || said.cluster.is_ok() || said.nodes.is_ok() || matches!(said.outcome, Err(AskError::Denied(_)))
}
