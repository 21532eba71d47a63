//! PLACEHOLDER nodes_unexpected

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "nodes_unexpected",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "The cluster is not as large as expected.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("nodes_unexpected"),
    needs: Needs::Majority,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
