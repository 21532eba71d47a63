//! PLACEHOLDER commands_refused

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "commands_refused",
    severity: Severity::P1,
    hold: minutes(1),
    summary: "Clients are being refused: CLUSTERDOWN, OOM, MISCONF or NOREPLICAS.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("commands_refused"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
