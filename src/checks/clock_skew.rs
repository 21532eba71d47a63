//! PLACEHOLDER clock_skew

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "clock_skew",
    severity: Severity::P3,
    hold: minutes(10),
    summary: "The clocks of the nodes differ.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("clock_skew"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
