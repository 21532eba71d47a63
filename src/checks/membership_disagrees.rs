//! PLACEHOLDER membership_disagrees

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "membership_disagrees",
    severity: Severity::P2,
    hold: minutes(2),
    summary: "Reachable nodes know different sets of nodes.",
    since: "0.1.0",
    explains: &["nodes_unexpected"],
    runbook: runbook!("membership_disagrees"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
