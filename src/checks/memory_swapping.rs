//! PLACEHOLDER memory_swapping

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "memory_swapping",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "Part of a node's memory is swapped out.",
    since: "0.1.0",
    explains: &["node_slow"],
    runbook: runbook!("memory_swapping"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
