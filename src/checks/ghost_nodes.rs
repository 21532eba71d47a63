//! PLACEHOLDER ghost_nodes

use super::{Check, Context, Needs, hours, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "ghost_nodes",
    severity: Severity::P3,
    hold: hours(1),
    summary: "Entries of dead nodes linger in the tables.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("ghost_nodes"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
