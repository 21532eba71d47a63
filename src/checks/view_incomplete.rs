//! PLACEHOLDER view_incomplete

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "view_incomplete",
    severity: Severity::P2,
    hold: minutes(2),
    summary: "Too little of the cluster can be seen to judge it.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("view_incomplete"),
    needs: Needs::Nothing,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
