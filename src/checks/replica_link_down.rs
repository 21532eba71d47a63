//! PLACEHOLDER replica_link_down

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "replica_link_down",
    severity: Severity::P2,
    hold: minutes(2),
    summary: "A replica has lost the link to its primary.",
    since: "0.1.0",
    explains: &["replication_lag", "replication_lag_critical", "replicas_missing", "failover_not_ready"],
    runbook: runbook!("replica_link_down"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
