//! PLACEHOLDER epoch_collision

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "epoch_collision",
    severity: Severity::P2,
    hold: minutes(2),
    summary: "Two primaries share a configuration epoch.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("epoch_collision"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
