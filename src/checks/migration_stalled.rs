//! PLACEHOLDER migration_stalled

use super::{Check, Context, Needs, runbook, seconds};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "migration_stalled",
    severity: Severity::P2,
    hold: seconds(0),
    summary: "A slot migration makes no progress.",
    since: "0.1.0",
    explains: &["migration_slow"],
    runbook: runbook!("migration_stalled"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
