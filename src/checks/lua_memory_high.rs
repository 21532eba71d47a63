//! PLACEHOLDER lua_memory_high

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "lua_memory_high",
    severity: Severity::P3,
    hold: minutes(15),
    summary: "Scripts hold much memory.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("lua_memory_high"),
    needs: Needs::Node,
    look,
};

fn look(_context: &Context<'_>) -> Outcome {
    Outcome::Clear
}
