//! A node answers more commands per second with MOVED or ASK than the limit, and no change of the topology explains
//! it: clients that do not refresh their slot map, or that read from replicas without READONLY.
//!
//! Held against the limit is the rate over the last minute. Silent for as long as the hold after the topology was last seen to change. While slots are open ASK is how the
//! cluster works: then MOVED alone counts.

use super::context::{Node, Said};
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::past::Counter;

pub(super) static CHECK: Check = Check {
    code: "redirect_storm",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "A node redirects many commands, and no change of the topology explains it.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("redirect_storm"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    context.each_node(|node| judge(context, node))
}

fn judge(context: &Context<'_>, node: Node<'_>) -> Said {
    let label = &node.member.label;
    let rates = context.pace(node, Counter::Moved).zip(context.pace(node, Counter::Ask));
    let Some((moved, ask)) = rates else {
        return Said::Unknown(format!("{label} was not watched for long enough to tell a rate of redirects"));
    };
    let slots_are_open = !context.past.migrations.is_empty();
    let redirects = if slots_are_open { moved } else { moved + ask };
    let limit = context.limits.redirects_per_second;
    let unchanged = context.past.changed_at.map(|changed| context.view.at.seconds_since(changed));
    let settles = unchanged.is_some_and(|unchanged| unchanged < CHECK.hold.as_secs_f64());
    if redirects <= limit || settles {
        return Said::Fine;
    }
    let role = node.member.role.map_or("node", |role| role.as_str());
    let summary = format!("{role} {label} redirects {redirects:.0} commands/s, more than {limit:.0}/s");
    let finding = Finding::new(Subject::node(node.member), summary)
        .with("moved", Value::PerSecond(moved))
        .with("ask", Value::PerSecond(ask))
        .with("limit", Value::PerSecond(limit))
        .with("role", role)
        .with("slots_open", slots_are_open)
        .with_some("topology_unchanged", unchanged.map(Value::Seconds))
        .run(context.cli(node.member, "INFO errorstats"))
        .run(context.cli(node.member, "CLIENT LIST"));
    Said::Wrong(finding)
}
