//! PLACEHOLDER slot_maps_disagree

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "slot_maps_disagree",
    severity: Severity::P2,
    hold: minutes(2),
    summary: "Reachable nodes hold different slot maps.",
    since: "0.1.0",
    explains: &["epoch_collision"],
    runbook: runbook!("slot_maps_disagree"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
