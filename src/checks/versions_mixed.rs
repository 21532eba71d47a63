//! PLACEHOLDER versions_mixed

use super::{Check, Context, Needs, hours, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "versions_mixed",
    severity: Severity::P3,
    hold: hours(24),
    summary: "Servers of different versions run in one cluster.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("versions_mixed"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
