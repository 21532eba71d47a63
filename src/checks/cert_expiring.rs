//! PLACEHOLDER cert_expiring

use super::{Check, Context, Needs, hours, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "cert_expiring",
    severity: Severity::P3,
    hold: hours(1),
    summary: "A certificate is about to expire.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("cert_expiring"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
