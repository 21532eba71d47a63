//! PLACEHOLDER quorum_lost

use super::{Check, Context, Needs, runbook, seconds};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "quorum_lost",
    severity: Severity::P1,
    hold: seconds(15),
    summary: "Fewer voting primaries hold each other for alive than a majority: no failover can happen.",
    since: "0.1.0",
    explains: &["failover_stalled", "view_incomplete", "partitioned"],
    runbook: runbook!("quorum_lost"),
    needs: Needs::Nothing,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
