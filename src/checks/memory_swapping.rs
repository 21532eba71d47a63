//! Part of a node's memory is swapped out: it uses much more than is resident, the fragmentation ratio is below the
//! limit. Below `swapping_used_bytes` the ratio says nothing; while the node loads, memory is claimed before it is
//! filled, and nothing is judged.

use super::context::{Node, Said};
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, bytes};
use crate::model::info::Field;

pub(super) static CHECK: Check = Check {
    code: "memory_swapping",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "Part of a node's memory is swapped out.",
    since: "0.1.0",
    explains: &["node_slow"],
    runbook: runbook!("memory_swapping"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    context.each_node(|node| judge(context, node))
}

fn judge(context: &Context<'_>, node: Node<'_>) -> Said {
    let label = &node.member.label;
    if node.said.is_loading() {
        return Said::Unknown(format!("{label} is loading"));
    }
    let ratio = node.number(Field::new("mem_fragmentation_ratio"));
    let used = node.unsigned(Field::new("used_memory"));
    let resident = node.unsigned(Field::new("used_memory_rss"));
    let (Some(ratio), Some(used), Some(resident)) = (ratio, used, resident) else {
        return Said::Unknown(format!("{label} does not tell its memory"));
    };
    let (limit, least) = (context.limits.swapping_ratio, context.limits.swapping_used_bytes);
    if ratio >= limit || used <= least {
        return Said::Fine;
    }
    let summary = format!(
        "{label} uses {} and only {} are in memory (ratio {ratio:.2}, less than {limit:.2}): the rest is swapped out",
        bytes(used),
        bytes(resident)
    );
    let finding = Finding::new(Subject::node(node.member), summary)
        .with("ratio", Value::Ratio(ratio))
        .with("limit", Value::Ratio(limit))
        .with("used", Value::Bytes(used))
        .with("resident", Value::Bytes(resident))
        .with_some("host_memory", node.unsigned(Field::new("total_system_memory")).map(Value::Bytes))
        .run(context.cli(node.member, "INFO memory"))
        .run(context.cli(node.member, "LATENCY LATEST"));
    Said::Wrong(finding)
}
