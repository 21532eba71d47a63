//! A replica is further behind its primary than the limit. Both offsets are the nodes' own and carried to one
//! instant, so that a quick writer does not look like a slow replica; during a full sync the difference means nothing
//! and the sync is named instead.

use super::context::{Node, Said};
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, bytes, seconds};
use crate::model::past::Basis;

pub(super) static CHECK: Check = Check {
    code: "replication_lag",
    severity: Severity::P2,
    hold: minutes(1),
    summary: "A replica is behind its primary.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("replication_lag"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    context.each_node(|node| judge(context, node))
}

fn judge(context: &Context<'_>, node: Node<'_>) -> Said {
    let limit = context.limits.replication_lag_bytes;
    let link_is_up =
        node.said.replication.as_ref().is_ok_and(|r| r.link.as_ref().is_some_and(|link| link.up));
    let Some(lag) = context.lag(node.at).filter(|lag| link_is_up && lag.basis == Basis::OwnOffset) else {
        return Said::Fine;
    };
    if lag.bytes <= limit {
        return Said::Fine;
    }
    let primary = node.member.primary.and_then(|id| context.view.member(id));
    let summary = format!(
        "replica {} is {} ({}) behind its primary, more than {}",
        node.member.label,
        bytes(lag.bytes),
        seconds(lag.seconds),
        bytes(limit)
    );
    let mut finding = Finding::new(Subject::node(node.member), summary)
        .with("lag", Value::Bytes(lag.bytes))
        .with("behind", Value::Seconds(lag.seconds))
        .with("limit", Value::Bytes(limit))
        .with_some("primary", primary.map(|primary| &primary.label))
        .run(context.cli(node.member, "INFO replication"));
    if let Some(primary) = primary {
        finding = finding
            .run(context.cli(primary, "INFO replication"))
            .run(context.cli(primary, "CLIENT LIST TYPE replica"));
    }
    Said::Wrong(finding)
}
