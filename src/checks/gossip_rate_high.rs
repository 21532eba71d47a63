//! A node sends more cluster bus messages than the size of the cluster and its node timeout explain, or more than an
//! absolute limit.
//!
//! The bound for N nodes and a timeout of T seconds is 2·(1 + 2(N−1)/T) messages per second and node; a healthy cluster
//! sends 0.4 to 0.8 of it. Publish messages are users' work and do not count; they are told apart, and so are the kinds
//! that show instability: fail, failover authorisations, updates. Rates are those of the last minute: an election or a
//! MEET is a burst of a moment.

use super::context::{Node, Said};
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::past::Counter;

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

fn look(context: &Context<'_>) -> Outcome {
    context.each_node(|node| judge(context, node))
}

fn judge(context: &Context<'_>, node: Node<'_>) -> Said {
    let pace = |counter| context.pace(node, counter).map(Value::PerSecond);
    let Some(rate) = context.pace(node, Counter::Bus) else {
        let label = &node.member.label;
        return Said::Unknown(format!(
            "{label} was not watched for long enough to tell a rate of bus messages"
        ));
    };
    let limits = context.limits;
    let (nodes, timeout) = (context.view.members.len(), context.node_timeout());
    let bound = context.view.bus_bound(timeout);
    let limit = (bound * limits.gossip_factor).min(limits.gossip_messages_per_second);
    if rate <= limit {
        return Said::Fine;
    }
    let critical = rate > limits.gossip_messages_critical_per_second;
    let summary = format!(
        "{} sends {rate:.1} bus messages per second{}, more than {limit:.1}; {nodes} nodes with a timeout of \
         {timeout:.0} s explain {bound:.1}",
        node.member.label,
        if critical { " (critical)" } else { "" },
    );
    Said::Wrong(
        Finding::new(Subject::node(node.member), summary)
            .with("rate", Value::PerSecond(rate))
            .with("limit", Value::PerSecond(limit))
            .with("bound", Value::PerSecond(bound))
            .with("critical", critical)
            .with("nodes", Value::Count(nodes as u64))
            .with("node_timeout", Value::Seconds(timeout))
            .with_some("publish", pace(Counter::Publish))
            .with_some("unrest", pace(Counter::Unrest))
            .run(context.cli(node.member, "CLUSTER INFO"))
            .run(context.cli(node.member, "CONFIG GET cluster-node-timeout")),
    )
}
