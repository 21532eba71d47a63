//! PLACEHOLDER eviction_pressure

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "eviction_pressure",
    severity: Severity::P2,
    hold: minutes(15),
    summary: "Keys are evicted that somebody still needs.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("eviction_pressure"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
