//! PLACEHOLDER gossip_rate_high

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "gossip_rate_high",
    severity: Severity::P3,
    hold: minutes(30),
    summary: "The cluster bus carries more messages than its size explains.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("gossip_rate_high"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
