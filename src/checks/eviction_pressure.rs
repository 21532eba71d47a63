//! Keys are evicted that somebody still needs: while keys are evicted, fewer reads find their key than the node's
//! reads did before, or the policy (`allkeys-*`) evicts although keys without a TTL are there, which nobody meant to
//! lose.
//!
//! A cache that evicts and keeps its hit rate is as it should be. Hit rates go up and down: only one that stays below
//! what it was for the whole hold tells. A node that can evict nothing (`maxmemory 0`, `noeviction`) is fine without a
//! second poll.

use super::context::{Node, Said};
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, bytes};
use crate::model::info::Field;

pub(super) static CHECK: Check = Check {
    code: "eviction_pressure",
    severity: Severity::P2,
    hold: minutes(15),
    summary: "Keys are evicted that somebody still needs.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("eviction_pressure"),
    needs: Needs::Node,
    look,
};

const HITS: Field = Field::new("keyspace_hits");
const MISSES: Field = Field::new("keyspace_misses");

fn look(context: &Context<'_>) -> Outcome {
    context.each_node(|node| judge(context, node))
}

fn judge(context: &Context<'_>, node: Node<'_>) -> Said {
    let label = &node.member.label;
    let maxmemory = node.unsigned(Field::new("maxmemory"));
    let policy = node.text(Field::new("maxmemory_policy"));
    let (Some(maxmemory), Some(policy)) = (maxmemory, policy) else {
        return Said::Unknown(format!("{label} does not tell its memory policy"));
    };
    if maxmemory == 0 || policy == "noeviction" {
        return Said::Fine;
    }
    let Some(evicted) = context.rate(node, Field::new("evicted_keys")) else {
        return Said::Unknown(format!("evictions of {label} cannot be compared with an earlier poll"));
    };
    if evicted <= 0.0 {
        return Said::Fine;
    }
    let (keys, mortal) = node.keys();
    let without_ttl = keys.saturating_sub(mortal);
    let lasting = if policy.starts_with("allkeys-") { without_ttl } else { 0 };
    let hit_rate = hit_rates(context, node);
    let falls = hit_rate.filter(|(now, before)| now < before);
    if lasting == 0 && falls.is_none() {
        return Said::Fine;
    }
    let mut reasons = Vec::new();
    if let Some((now, before)) = falls {
        reasons.push(format!(
            "{:.1} % of reads find their key, {:.1} % did before",
            now * 100.0,
            before * 100.0
        ));
    }
    if lasting > 0 {
        reasons.push(format!("{policy} evicts also from {lasting} keys without a TTL"));
    }
    let summary = format!(
        "{label} evicts {evicted:.1} keys/s at its maxmemory of {}: {}",
        bytes(maxmemory),
        reasons.join("; ")
    );
    let finding = Finding::new(Subject::node(node.member), summary)
        .with("evicted", Value::PerSecond(evicted))
        .with("policy", policy)
        .with("maxmemory", Value::Bytes(maxmemory))
        .with_some("used", node.unsigned(Field::new("used_memory")).map(Value::Bytes))
        .with_some("hit_rate", hit_rate.map(|(now, _)| Value::Ratio(now)))
        .with_some("hit_rate_before", hit_rate.map(|(_, before)| Value::Ratio(before)))
        .with("keys_without_ttl", Value::Count(without_ttl))
        .run(context.cli(node.member, "INFO stats"))
        .run(context.cli(node.member, "INFO memory"))
        .run(context.cli(node.member, "CONFIG GET 'maxmemory*'"));
    Said::Wrong(finding)
}

/// Share of reads that found their key since the poll before, and until then; `None` without reads.
fn hit_rates(context: &Context<'_>, node: Node<'_>) -> Option<(f64, f64)> {
    let grown = |field: Field| {
        let count =
            context.before.growth(node.at, node.said, |said| said.info.as_ref().ok()?.unsigned(field));
        Some((count?.0, node.unsigned(field)?))
    };
    let ((hits, all_hits), (misses, all_misses)) = (grown(HITS)?, grown(MISSES)?);
    let share = |hits: u64, misses: u64| {
        let reads = hits.saturating_add(misses);
        (reads > 0).then(|| hits as f64 / reads as f64)
    };
    let before = share(all_hits.saturating_sub(hits), all_misses.saturating_sub(misses));
    Some((share(hits, misses)?, before?))
}
