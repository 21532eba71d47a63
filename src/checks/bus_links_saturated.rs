//! PLACEHOLDER bus_links_saturated

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "bus_links_saturated",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "Cluster bus links fill their buffers.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("bus_links_saturated"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
