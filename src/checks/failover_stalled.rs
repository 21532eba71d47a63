//! A primary that owns slots is failed by quorum, it has a replica that lives, and none was promoted for factor ×
//! node timeout + grace; at once where it can be seen that every replica is kept from it.
//!
//! How long: since this exporter first saw the primary failed, or since the last pong that a peer got of it, by
//! that peer's own clock, so that an exporter started later tells it too. A primary whose replicas are all dead is
//! no stalled failover: there is nobody to promote, and `slots_uncovered` says so.

use super::context::Promotion;
use super::{Check, Context, Needs, runbook, seconds};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, seconds as in_words};
use crate::model::node::Health;
use crate::model::view::Member;

pub(super) static CHECK: Check = Check {
    code: "failover_stalled",
    severity: Severity::P1,
    hold: seconds(15),
    summary: "A failed primary has a replica, and none was promoted.",
    since: "0.1.0",
    explains: &["node_failed", "failover_not_ready", "replica_orphaned", "replica_link_down"],
    runbook: runbook!("failover_stalled"),
    needs: Needs::Majority,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let owners = context.view.voters().filter_map(|row| context.view.member(row.id));
    Outcome::of(owners.filter(|owner| owner.failed).filter_map(|owner| judge(context, owner)).collect())
}

fn judge(context: &Context<'_>, primary: &Member) -> Option<Finding> {
    let lives = |replica: &&Member| replica.is_up() || !replica.failed;
    let replicas: Vec<&Member> = context.replicas_of(primary).filter(lives).collect();
    let says = |replica: &&Member| (replica.label.to_string(), reason(context, replica));
    let reasons: Vec<(String, Option<String>)> = replicas.iter().map(says).collect();
    let is_blocked = reasons.iter().all(|(_, reason)| reason.is_some());
    let limits = context.limits;
    let patience = limits.failover_timeout_factor * context.node_timeout() + limits.failover_grace_seconds;
    let waited = waited(context, primary);
    if replicas.is_empty() || (!is_blocked && waited.is_none_or(|waited| waited <= patience)) {
        return None;
    }
    let has_quorum = context.view.voters_reachable() >= context.view.quorum();
    let why = match &*reasons {
        _ if !has_quorum => "no majority of the voting primaries is there to elect one".to_owned(),
        [(_, Some(why))] => why.clone(),
        _ if is_blocked => "each of them is kept from it".to_owned(),
        _ => "no reason can be seen from outside: its log tells".to_owned(),
    };
    let for_long = waited.map(|waited| format!(" for {}", in_words(waited))).unwrap_or_default();
    let labels: Vec<&str> = replicas.iter().map(|replica| &*replica.label).collect();
    let summary = format!(
        "primary {} of {} slots is failed{for_long} and {} was not promoted: {why}",
        primary.label,
        slots(context, primary),
        labels.join(", ")
    );
    let told = |(label, reason): (String, Option<String>)| {
        (label, Value::Text(reason.unwrap_or_else(|| "could be promoted as far as can be seen".to_owned())))
    };
    let mut finding = Finding::new(Subject::node(primary), summary)
        .with_some("waited", waited.map(Value::Seconds))
        .with("patience", Value::Seconds(patience))
        .with("quorum", has_quorum)
        .with("replicas", reasons.into_iter().map(told).collect::<Vec<_>>());
    for replica in replicas {
        finding = finding
            .run(context.cli(replica, "INFO replication"))
            .run(context.cli(replica, "CONFIG GET cluster-replica-*"));
    }
    Some(finding)
}

fn slots(context: &Context<'_>, primary: &Member) -> u32 {
    context.view.voters().find(|row| row.id == primary.id).map_or(0, |row| row.slots.len())
}

fn reason(context: &Context<'_>, replica: &Member) -> Option<String> {
    match context.promotion(replica) {
        Promotion::Blocked(why) => Some(why),
        Promotion::Possible | Promotion::Unknown => None,
    }
}

/// Seconds, by whichever witness has watched longest.
fn waited(context: &Context<'_>, primary: &Member) -> Option<f64> {
    let view = context.view;
    let since = context.past.failed_since.get(&primary.id);
    let watched = since.map(|since| view.at.seconds_since(*since));
    let accusers = view.seen_by(primary.id).filter(|(_, row)| row.health == Health::Failed);
    let silent = accusers.filter_map(|(viewer, _)| {
        let (_, pong) = viewer.viewpoint()?.last_pongs.iter().find(|(id, _)| *id == primary.id)?;
        let said = viewer.said.as_deref()?;
        let server_time = said.replication.as_ref().ok().and_then(|replication| replication.server_time);
        // A server that restarted since has had no pong at all.
        (pong.0 > 0).then(|| server_time.unwrap_or(said.asked_at).seconds_since(*pong))
    });
    watched.into_iter().chain(silent.reduce(f64::min)).reduce(f64::max)
}
