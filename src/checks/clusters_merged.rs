//! PLACEHOLDER clusters_merged

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "clusters_merged",
    severity: Severity::P1,
    hold: minutes(1),
    summary: "Two clusters have become one, or share a node.",
    since: "0.1.0",
    explains: &["membership_disagrees", "nodes_unexpected"],
    runbook: runbook!("clusters_merged"),
    needs: Needs::Nothing,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
