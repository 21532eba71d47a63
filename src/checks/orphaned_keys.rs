//! PLACEHOLDER orphaned_keys

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "orphaned_keys",
    severity: Severity::P2,
    hold: minutes(30),
    summary: "A node holds keys of slots that it does not own.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("orphaned_keys"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
