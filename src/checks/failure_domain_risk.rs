//! PLACEHOLDER failure_domain_risk

use super::{Check, Context, Needs, hours, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "failure_domain_risk",
    severity: Severity::P3,
    hold: hours(1),
    summary: "Losing one host or availability zone would uncover slots or lose the quorum.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("failure_domain_risk"),
    needs: Needs::Majority,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
