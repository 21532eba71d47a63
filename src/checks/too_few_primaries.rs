//! Fewer primaries vote than the limit: with one or two, the loss of a single one leaves no majority, and no
//! failover can happen. A voter is a primary that owns slots, whether it is alive or not.

use super::{Check, Context, Needs, hours, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};

pub(super) static CHECK: Check = Check {
    code: "too_few_primaries",
    severity: Severity::P3,
    hold: hours(1),
    summary: "Fewer voting primaries than a failover needs to be safe.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("too_few_primaries"),
    needs: Needs::Majority,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let (least, view) = (context.limits.voting_primaries, context.view);
    let mut voters: Vec<_> = view.voters().map(|row| context.label(row.id)).collect();
    voters.sort();
    if voters.len() >= least as usize {
        return Outcome::Clear;
    }
    let bears = voters.len().saturating_sub(view.quorum());
    let summary = format!(
        "{} primaries vote, fewer than {least}: a failover takes {} votes, so {bears} of them may be lost",
        voters.len(),
        view.quorum()
    );
    let mut finding = Finding::new(Subject::cluster(), summary)
        .with("voters", voters.iter().map(Value::from).collect::<Vec<_>>())
        .with("limit", Value::Count(least.into()))
        .with("may_be_lost", Value::Count(bears as u64));
    if let Some(node) = context.any_node() {
        finding = finding.run(context.cli(node, "CLUSTER NODES"));
    }
    Outcome::of(vec![finding])
}
