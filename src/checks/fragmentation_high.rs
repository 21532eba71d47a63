//! PLACEHOLDER fragmentation_high

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "fragmentation_high",
    severity: Severity::P2,
    hold: minutes(15),
    summary: "Memory fragmentation is high, in ratio and in bytes.",
    since: "0.1.0",
    explains: &["fragmentation_elevated"],
    runbook: runbook!("fragmentation_high"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
