//! PLACEHOLDER replica_orphaned

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "replica_orphaned",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "A replica follows a primary that is gone, failed or foreign.",
    since: "0.1.0",
    explains: &["replica_link_down"],
    runbook: runbook!("replica_orphaned"),
    needs: Needs::Majority,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
