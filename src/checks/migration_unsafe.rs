//! PLACEHOLDER migration_unsafe

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "migration_unsafe",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "A slot migration runs into a node without the memory for it.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("migration_unsafe"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
