//! A node holds more memory than it uses, above the lower ratio: time to look before it becomes `fragmentation_high`.
//! The same guards: bytes lost beside the ratio, and no judgement while the node loads or a child process saves.

use super::{Check, Context, Needs, fragmentation_high, hours, runbook};
use crate::model::finding::{Outcome, Severity};

pub(super) static CHECK: Check = Check {
    code: "fragmentation_elevated",
    severity: Severity::P3,
    hold: hours(1),
    summary: "Memory fragmentation is above its comfortable range.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("fragmentation_elevated"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let limit = context.limits.fragmentation_elevated_ratio;
    context.each_node(|node| fragmentation_high::judge(context, node, limit))
}
