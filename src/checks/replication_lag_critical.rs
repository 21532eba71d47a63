//! A replica is so far behind that it would need a full synchronisation if its link broke now, or soon will: behind by
//! more than the limit in bytes, than half of what the backlog can hold, or than half of the output buffer that its
//! primary grants it, beyond which the primary cuts the link itself.
//!
//! The backlog counts with its size, not with what is in it: as long as it has not filled up it has lost nothing, and
//! since 7.0 a slow replica makes it longer only until the link breaks. Only lag of a standing link within one history
//! counts, as in `replication_lag`; and that of a replica which neither answers nor has acknowledged anything for
//! some seconds while its primary still feeds it, held against the limit in bytes alone: a frozen process.

use super::context::Said;
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, bytes, seconds};
use crate::model::info::Field;
use crate::model::node::Role;
use crate::model::past::{Basis, Lag};
use crate::model::view::Member;

pub(super) static CHECK: Check = Check {
    code: "replication_lag_critical",
    severity: Severity::P2,
    hold: minutes(1),
    summary: "A replica is so far behind that it will need a full sync.",
    since: "0.1.0",
    explains: &["replication_lag"],
    runbook: runbook!("replication_lag_critical"),
    needs: Needs::Node,
    look,
};

/// Seconds without an acknowledgement, of which there is one a second, after which a replica is held to have got
/// nothing more.
const SILENT: u64 = 3;

fn look(context: &Context<'_>) -> Outcome {
    let members = context.view.members.iter().enumerate();
    let replicas = members.filter(|(_, member)| member.role == Some(Role::Replica) && !member.failed);
    Said::join(replicas.map(|(at, member)| judge(context, at, member)))
}

/// The lag that counts: of a standing link, or of a replica that neither answers us nor acknowledges to its primary.
fn lag(context: &Context<'_>, at: usize, replica: &Member) -> Option<Lag> {
    let is_silent = || context.fed_by_primary(replica).is_some_and(|line| line.ack_age_seconds >= SILENT);
    context.lag(at).filter(|lag| lag.basis == Basis::OwnOffset || is_silent())
}

fn judge(context: &Context<'_>, at: usize, replica: &Member) -> Said {
    let own = replica.said.as_deref().and_then(|said| said.replication.as_ref().ok());
    let is_up = own.map(|own| own.link.as_ref().is_some_and(|link| link.up));
    if is_up == Some(false) {
        return Said::Fine;
    }
    let label = &replica.label;
    let lag = match (lag(context, at, replica), is_up) {
        (Some(lag), _) => lag,
        (None, None) => return Said::Fine,
        (None, Some(_)) => {
            let why = "its primary does not tell its offset";
            return Said::Unknown(format!("the lag of {label} cannot be told: {why}"));
        }
    };
    let primary = replica.primary.and_then(|id| context.node(id));
    let share = |of: Option<u64>, ratio: f64| of.map(|of| (of, (of as f64 * ratio) as u64));
    let limits = context.limits;
    let backlog = primary.and_then(|primary| primary.unsigned(Field::new("repl_backlog_size")));
    let backlog = share(backlog, limits.replication_lag_backlog_ratio);
    let buffer = primary.and_then(|primary| primary.replica_buffer_limit());
    let buffer = share(buffer, limits.replication_lag_output_buffer_ratio);
    let absolute = limits.replication_lag_critical_bytes;
    let passes = |limit: u64| lag.bytes > limit;
    let passed = [
        passes(absolute).then(|| format!("{} at most", bytes(absolute))),
        backlog.filter(|(_, limit)| passes(*limit)).map(|share| part("the backlog", share)),
        buffer.filter(|(_, limit)| passes(*limit)).map(|share| part("the replica output buffer", share)),
    ];
    // What is known of a silent replica is an upper bound: too little for a share of what may be small.
    let known = if lag.basis == Basis::OwnOffset { passed.len() } else { 1 };
    let passed: Vec<String> = passed.into_iter().take(known).flatten().collect();
    if passed.is_empty() {
        return Said::Fine;
    }
    let summary = format!(
        "replica {label} is {} ({}) behind its primary and will need a full sync if the link breaks: more than {}",
        bytes(lag.bytes),
        seconds(lag.seconds),
        passed.join(", ")
    );
    let mut finding = Finding::new(Subject::node(replica), summary)
        .with("lag", Value::Bytes(lag.bytes))
        .with("behind", Value::Seconds(lag.seconds))
        .with("limit", Value::Bytes(absolute))
        .with_some("backlog_size", backlog.map(|(size, _)| Value::Bytes(size)))
        .with_some("backlog_limit", backlog.map(|(_, limit)| Value::Bytes(limit)))
        .with_some("output_buffer", buffer.map(|(size, _)| Value::Bytes(size)))
        .with_some("output_buffer_limit", buffer.map(|(_, limit)| Value::Bytes(limit)))
        .with_some("primary", primary.map(|primary| &primary.member.label))
        .run(context.cli(replica, "INFO replication"));
    if let Some(primary) = primary {
        finding = finding
            .run(context.cli(primary.member, "INFO replication"))
            .run(context.cli(primary.member, "CLIENT LIST TYPE replica"))
            .run(context.cli(primary.member, "CONFIG GET client-output-buffer-limit"));
    }
    Said::Wrong(finding)
}

/// A limit that is a share of something, in words.
fn part(of: &str, (size, limit): (u64, u64)) -> String {
    format!("{} of the {} of {of}", bytes(limit), bytes(size))
}
