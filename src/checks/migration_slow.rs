//! PLACEHOLDER migration_slow

use super::{Check, Context, Needs, runbook, seconds};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "migration_slow",
    severity: Severity::P3,
    hold: seconds(0),
    summary: "A slot migration is slow.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("migration_slow"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
