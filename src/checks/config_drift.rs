//! PLACEHOLDER config_drift

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "config_drift",
    severity: Severity::P2,
    hold: minutes(10),
    summary: "A safety setting differs between the nodes.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("config_drift"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
