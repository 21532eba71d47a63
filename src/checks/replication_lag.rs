//! A replica is further behind its primary than the limit. Both offsets are the nodes' own and carried to one
//! instant, so that a quick writer does not look like a slow replica.
//!
//! While the link is down or the replication ids differ the difference means nothing: that is a full sync or a dead
//! link, and `replica_link_down` tells it. A replica that does not answer while its primary still feeds it is
//! judged by what it last acknowledged, and the evidence says so; one that is failed is the business of
//! `node_failed`.

use super::context::Said;
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, bytes, seconds};
use crate::model::node::Role;
use crate::model::past::{Basis, Lag};
use crate::model::view::Member;

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
    let members = context.view.members.iter().enumerate();
    let replicas = members.filter(|(_, member)| member.role == Some(Role::Replica) && !member.failed);
    Said::join(replicas.map(|(at, member)| judge(context, at, member)))
}

fn judge(context: &Context<'_>, at: usize, replica: &Member) -> Said {
    let replication = replica.said.as_ref().and_then(|said| said.replication.as_ref().ok());
    let link = replication.and_then(|replication| replication.link.as_ref());
    if link.is_some_and(|link| !link.up) {
        return Said::Fine;
    }
    let limit = context.limits.replication_lag_bytes;
    match context
        .lag(at)
        .filter(|lag| lag.basis == Basis::OwnOffset || context.fed_by_primary(replica).is_some())
    {
        Some(lag) if lag.bytes > limit => Said::Wrong(finding(context, replica, lag, limit)),
        Some(_) => Said::Fine,
        None => Said::Unknown(format!("the offsets of {} and its primary cannot be compared", replica.label)),
    }
}

fn finding(context: &Context<'_>, replica: &Member, lag: Lag, limit: u64) -> Finding {
    let primary = replica.primary.and_then(|id| context.view.member(id));
    let (basis, most) = match lag.basis {
        Basis::OwnOffset => ("its own offset", ""),
        Basis::LastKnown => ("what it last acknowledged", "at most "),
    };
    // On the first poll nothing tells when the primary was where the replica is.
    let behind = (lag.seconds > 0.0).then_some(lag.seconds);
    let age = behind.map(|behind| format!(" ({})", seconds(behind))).unwrap_or_default();
    let summary = format!(
        "replica {} is {most}{}{age} behind its primary, more than {}",
        replica.label,
        bytes(lag.bytes),
        bytes(limit)
    );
    let mut finding = Finding::new(Subject::node(replica), summary)
        .with("lag", Value::Bytes(lag.bytes))
        .with_some("behind", behind.map(Value::Seconds))
        .with("limit", Value::Bytes(limit))
        .with("basis", basis)
        .with_some("primary", primary.map(|primary| &primary.label))
        .run(context.cli(replica, "INFO replication"));
    if let Some(primary) = primary {
        finding = finding
            .run(context.cli(primary, "INFO replication"))
            .run(context.cli(primary, "CLIENT LIST TYPE replica"));
    }
    finding
}
