//! PLACEHOLDER config_risky

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "config_risky",
    severity: Severity::P3,
    hold: minutes(10),
    summary: "A setting is known to hurt.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("config_risky"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
