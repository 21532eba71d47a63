//! PLACEHOLDER node_slow

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "node_slow",
    severity: Severity::P2,
    hold: minutes(1),
    summary: "A node is slow to answer PING on a warm connection.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("node_slow"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
