//! PLACEHOLDER node_suspected

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "node_suspected",
    severity: Severity::P2,
    hold: minutes(2),
    summary: "Peers suspect a node that answers this exporter.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("node_suspected"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
