//! Scripts and functions hold more memory than the limit: most often an application that writes values into the text of
//! its scripts, each of which is kept.
//!
//! The virtual machines (`used_memory_vm_total`; `used_memory_lua` before 7.0) and the scripts' own text
//! (`used_memory_scripts`). Both are outside of what eviction can free.

use super::context::{Node, Said};
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, bytes};
use crate::model::info::Field;

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

const MACHINES: Field = Field::new("used_memory_vm_total");
const LUA: Field = Field::new("used_memory_lua");
const SCRIPTS: Field = Field::new("used_memory_scripts");
const CACHED: Field = Field::new("number_of_cached_scripts");

fn look(context: &Context<'_>) -> Outcome {
    context.each_node(|node| judge(context, node))
}

fn judge(context: &Context<'_>, node: Node<'_>) -> Said {
    let Some(machines) = node.unsigned(MACHINES).or_else(|| node.unsigned(LUA)) else {
        return Said::Unknown(format!("{} does not tell the memory of its scripts", node.member.label));
    };
    let scripts = node.unsigned(SCRIPTS).unwrap_or(0);
    let (total, limit) = (machines.saturating_add(scripts), context.limits.lua_memory_bytes);
    if total <= limit {
        return Said::Fine;
    }
    let cached = node.unsigned(CACHED);
    let count = cached.map_or(String::new(), |cached| format!(" ({cached} cached)"));
    let summary =
        format!("scripts{count} hold {} on {}, more than {}", bytes(total), node.member.label, bytes(limit));
    Said::Wrong(
        Finding::new(Subject::node(node.member), summary)
            .with("memory", Value::Bytes(total))
            .with("limit", Value::Bytes(limit))
            .with("virtual_machines", Value::Bytes(machines))
            .with("scripts", Value::Bytes(scripts))
            .with_some("cached_scripts", cached.map(Value::Count))
            .run(context.cli(node.member, "INFO memory")),
    )
}
