//! PLACEHOLDER memory_exhaustion

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "memory_exhaustion",
    severity: Severity::P1,
    hold: minutes(5),
    summary: "A node has used more of its memory than the limit.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("memory_exhaustion"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
