//! PLACEHOLDER redirect_storm

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "redirect_storm",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "A node redirects many commands, and no change of the topology explains it.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("redirect_storm"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
