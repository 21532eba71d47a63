//! PLACEHOLDER fragmentation_elevated

use super::{Check, Context, Needs, hours, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "fragmentation_elevated",
    severity: Severity::P3,
    hold: hours(1),
    summary: "Memory fragmentation is above its comfortable range.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("fragmentation_elevated"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
