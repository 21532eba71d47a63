//! PLACEHOLDER failover_happened

use super::{Check, Context, Needs, runbook, seconds};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "failover_happened",
    severity: Severity::P3,
    hold: seconds(0),
    summary: "A failover happened.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("failover_happened"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
