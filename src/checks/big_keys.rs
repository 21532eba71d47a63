//! PLACEHOLDER big_keys

use super::{Check, Context, Needs, hours, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "big_keys",
    severity: Severity::P3,
    hold: hours(1),
    summary: "Keys exist that are too large to migrate well.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("big_keys"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
