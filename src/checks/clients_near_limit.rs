//! PLACEHOLDER clients_near_limit

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "clients_near_limit",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "A node is close to its limit of client connections.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("clients_near_limit"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
