//! PLACEHOLDER failover_stalled

use super::{Check, Context, Needs, runbook, seconds};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "failover_stalled",
    severity: Severity::P1,
    hold: seconds(15),
    summary: "A failed primary has a replica, and none was promoted.",
    since: "0.1.0",
    explains: &["node_failed", "failover_not_ready"],
    runbook: runbook!("failover_stalled"),
    needs: Needs::Majority,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
