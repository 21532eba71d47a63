//! PLACEHOLDER resync_loop

use super::{Check, Context, Needs, runbook, seconds};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "resync_loop",
    severity: Severity::P2,
    hold: seconds(0),
    summary: "A shard resynchronises its replicas from scratch again and again.",
    since: "0.1.0",
    explains: &["replication_lag", "replication_lag_critical"],
    runbook: runbook!("resync_loop"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
