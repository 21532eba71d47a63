//! PLACEHOLDER failover_not_ready

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "failover_not_ready",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "No replica of a shard could be promoted now.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("failover_not_ready"),
    needs: Needs::Majority,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
