//! PLACEHOLDER partitioned

use super::{Check, Context, Needs, runbook, seconds};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "partitioned",
    severity: Severity::P2,
    hold: seconds(30),
    summary: "The nodes fall into groups that hold each other for dead.",
    since: "0.1.0",
    explains: &["node_suspected", "slot_maps_disagree"],
    runbook: runbook!("partitioned"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
