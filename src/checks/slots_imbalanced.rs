//! PLACEHOLDER slots_imbalanced

use super::{Check, Context, Needs, hours, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "slots_imbalanced",
    severity: Severity::P3,
    hold: hours(6),
    summary: "Slots are spread unevenly over the primaries.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("slots_imbalanced"),
    needs: Needs::Majority,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
