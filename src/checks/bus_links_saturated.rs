//! The send buffer of a cluster bus link is near `cluster-link-sendbuf-limit`, or links were closed since the poll before
//! because theirs passed it: gossip and publish messages are lost, and peers begin to suspect the node.
//!
//! Without a limit (0, the default) no link is ever closed and nothing can be near it: such nodes are fine. Servers without
//! CLUSTER LINKS (6.2) have neither limit nor buffers to tell: unknown.

use super::context::{Node, Said};
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, bytes};
use crate::model::info::Field;

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

const EXCEEDED: Field = Field::new("total_cluster_links_buffer_limit_exceeded");

fn look(context: &Context<'_>) -> Outcome {
    context.each_node(|node| judge(context, node))
}

fn judge(context: &Context<'_>, node: Node<'_>) -> Said {
    let limit = node.said.link_buffer_limit();
    let used = node.said.links.as_ref().ok().map(|links| links.buffer_used_max);
    let closed =
        context.before.rate(node.at, node.said, |said| said.cluster.as_ref().ok()?.fields.unsigned(EXCEEDED));
    let closed = closed.filter(|closed| *closed > 0.0);
    let much = |limit: u64| limit as f64 * context.limits.bus_link_buffer_ratio;
    // Where CLUSTER LINKS was not asked yet, all links together may tell that no single one can be full.
    let full = match (limit, used.or_else(|| node.said.links_memory())) {
        (Some(0), _) => Some(false),
        (Some(limit), Some(bytes)) if used.is_some() || (bytes as f64) < much(limit) => {
            Some(bytes as f64 >= much(limit))
        }
        _ => None,
    };
    match full {
        _ if full == Some(true) || closed.is_some() => {
            Said::Wrong(finding(context, node, used.zip(limit), closed.unwrap_or(0.0)))
        }
        Some(_) => Said::Fine,
        None => Said::Unknown(format!("{} does not tell its bus links and their limit", node.member.label)),
    }
}

fn finding(context: &Context<'_>, node: Node<'_>, buffer: Option<(u64, u64)>, closed: f64) -> Finding {
    let label = &node.member.label;
    let mut words = Vec::new();
    if let Some((used, limit)) = buffer {
        words.push(format!("the fullest link holds {} of {}", bytes(used), bytes(limit)));
    }
    if closed > 0.0 {
        words.push(format!("{closed:.2} links per second are closed over their limit"));
    }
    Finding::new(Subject::node(node.member), format!("cluster bus of {label}: {}", words.join(", ")))
        .with_some("buffer_used", buffer.map(|(used, _)| Value::Bytes(used)))
        .with_some("buffer_limit", buffer.map(|(_, limit)| Value::Bytes(limit)))
        .with("limit_ratio", Value::Ratio(context.limits.bus_link_buffer_ratio))
        .with("closed", Value::PerSecond(closed))
        .run(context.cli(node.member, "CLUSTER LINKS"))
        .run(context.cli(node.member, "CONFIG GET cluster-link-sendbuf-limit"))
}
