//! A node is slow to answer: from sending PING on the standing connection to the first byte of the reply. The main
//! thread serves the bus too: a node that is slow beyond half of `cluster-node-timeout` is soon suspected by its peers.
//!
//! Where all nodes are slow at once the way to them, or this exporter's own host, is the likelier cause: the evidence
//! says how many are.

use std::time::Duration;

use super::context::{Node, Said};
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, seconds};

pub(super) static CHECK: Check = Check {
    code: "node_slow",
    severity: Severity::P2,
    hold: minutes(1),
    summary: "A node is slow to answer PING on a warm connection.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("node_slow"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let slow = context.nodes().filter(|node| is_slow(context, node.said.response)).count();
    context.each_node(|node| judge(context, node, slow))
}

fn is_slow(context: &Context<'_>, response: Option<Duration>) -> bool {
    response.is_some_and(|response| response.as_secs_f64() > context.limits.node_response_seconds)
}

fn judge(context: &Context<'_>, node: Node<'_>, slow: usize) -> Said {
    let label = &node.member.label;
    let Some(response) = node.said.response else {
        return Said::Unknown(format!("the response time of {label} is not known"));
    };
    if !is_slow(context, Some(response)) {
        return Said::Fine;
    }
    let (took, limit) = (response.as_secs_f64(), context.limits.node_response_seconds);
    let critical = context.limits.node_response_critical_seconds;
    let mut summary = format!("{label} took {} to answer PING, more than {}", seconds(took), seconds(limit));
    if took > critical {
        summary.push_str(&format!(", even more than {}", seconds(critical)));
    }
    let finding = Finding::new(Subject::node(node.member), summary)
        .with("response", Value::Seconds(took))
        .with("limit", Value::Seconds(limit))
        .with("critical", took > critical)
        .with("node_timeout", Value::Seconds(context.node_timeout()))
        .with("nodes_slow", Value::Count(slow as u64))
        .with("nodes_answering", Value::Count(context.nodes().count() as u64))
        .run(context.cli(node.member, "SLOWLOG GET 10"))
        .run(context.cli(node.member, "LATENCY LATEST"))
        .run(context.cli(node.member, "INFO commandstats"));
    Said::Wrong(finding)
}
