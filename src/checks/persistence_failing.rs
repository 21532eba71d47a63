//! PLACEHOLDER persistence_failing

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "persistence_failing",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "A node cannot save its data.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("persistence_failing"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
