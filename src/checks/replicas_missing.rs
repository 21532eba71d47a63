//! PLACEHOLDER replicas_missing

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "replicas_missing",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "A primary has fewer connected replicas than it should.",
    since: "0.1.0",
    explains: &["failover_not_ready"],
    runbook: runbook!("replicas_missing"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
