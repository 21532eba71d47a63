//! PLACEHOLDER too_few_primaries

use super::{Check, Context, Needs, hours, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "too_few_primaries",
    severity: Severity::P3,
    hold: hours(1),
    summary: "Fewer voting primaries than a failover needs to be safe.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("too_few_primaries"),
    needs: Needs::Majority,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
