//! A failover took place within the window, planned or not: a replica became the primary of slots that its primary
//! had.
//!
//! Told are those that this exporter saw happen; on its first poll it has seen none.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Check, Context, Needs, runbook, seconds};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, seconds as in_words};
use crate::model::past::Failover;

pub(super) static CHECK: Check = Check {
    code: "failover_happened",
    severity: Severity::P3,
    hold: seconds(0),
    summary: "A failover happened.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("failover_happened"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let (past, now) = (context.past, context.view.at);
    if context.before.view.is_none() {
        return Outcome::Unknown("the first poll shows no change".to_owned());
    }
    let mut by_shard: BTreeMap<&Arc<str>, Vec<&Failover>> = BTreeMap::new();
    let window = context.limits.failover_recent_seconds;
    for failover in past.failovers.iter().filter(|failover| now.seconds_since(failover.at) <= window) {
        by_shard.entry(&failover.shard).or_default().push(failover);
    }
    Outcome::of(by_shard.into_iter().filter_map(|(shard, all)| finding(context, shard, &all)).collect())
}

/// One finding per shard, about its last failover: a shard may fail over to and fro.
fn finding(context: &Context<'_>, shard: &Arc<str>, all: &[&Failover]) -> Option<Finding> {
    let last = all.last()?;
    let ago = context.view.at.seconds_since(last.at);
    let gap = last.uncovered_seconds;
    let cost = if gap > 0.0 {
        format!("its slots had been without a live owner for {}", in_words(gap))
    } else {
        "no poll saw its slots without a live owner".to_owned()
    };
    let summary = format!("{} took over from {} {} ago; {cost}", last.after, last.before, in_words(ago));
    let mut finding = Finding::new(Subject::shard(shard), summary)
        .with("before", &last.before)
        .with("after", &last.after)
        .with("at", Value::Time(last.at.as_seconds()))
        .with("uncovered", Value::Seconds(gap))
        .with("failovers", Value::Count(all.len() as u64));
    for label in [&last.after, &last.before] {
        if let Some(member) = context.view.members.iter().find(|member| member.label == *label) {
            finding = finding.run(context.cli(member, "INFO replication"));
        }
    }
    Some(finding)
}
