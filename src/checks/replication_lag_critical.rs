//! PLACEHOLDER replication_lag_critical

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "replication_lag_critical",
    severity: Severity::P2,
    hold: minutes(1),
    summary: "A replica is so far behind that it will need a full sync.",
    since: "0.1.0",
    explains: &["replication_lag"],
    runbook: runbook!("replication_lag_critical"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
