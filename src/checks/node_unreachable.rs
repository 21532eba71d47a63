//! PLACEHOLDER node_unreachable

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "node_unreachable",
    severity: Severity::P2,
    hold: minutes(1),
    summary: "A node cannot be asked, yet its peers can reach it.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("node_unreachable"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
