//! Slots have been on the move for longer than the limit, and still get on: those that do not are `migration_stalled`.
//!
//! A resharding moves slot after slot, each for a moment: many slots in turn never make one slow. Atomic migrations of
//! which only the number is known (Redis 8.4 and later without the right for the log) cannot be told apart from one poll
//! to the next, so that they are not judged; they are unknown while they run.

use std::collections::BTreeMap;

use super::{Check, Context, Needs, runbook, seconds};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, seconds as span};
use crate::model::migration::{Mechanism, OpenMigration};

pub(super) static CHECK: Check = Check {
    code: "migration_slow",
    severity: Severity::P3,
    hold: seconds(0),
    summary: "A slot migration is slow.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("migration_slow"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let limit = context.limits.migration_slow_seconds;
    let mut slow: BTreeMap<_, Vec<&OpenMigration>> = BTreeMap::new();
    for migration in context.past.migrations.iter().filter(|migration| !migration.slots.is_empty()) {
        let (open, stalled) = context.open_for(migration);
        if open > limit && !stalled {
            slow.entry((migration.source, migration.target)).or_default().push(migration);
        }
    }
    let findings: Vec<_> = slow.into_values().map(|open| finding(context, &open)).collect();
    let undated = |open: &OpenMigration| open.mechanism == Mechanism::SetSlot;
    let mut open = context.past.migrations.iter();
    if findings.is_empty() && context.past.migrations.iter().any(|open| open.slots.is_empty()) {
        return Outcome::Unknown("an atomic migration runs, and its log may not be read".to_owned());
    }
    if findings.is_empty() && context.before.view.is_none() && open.any(undated) {
        return Outcome::Unknown("how long slots have been open is not known on the first poll".to_owned());
    }
    Outcome::of(findings)
}

/// About the migrations between two nodes.
fn finding(context: &Context<'_>, open: &[&OpenMigration]) -> Finding {
    let (source, target) = open.first().map_or((None, None), |open| (open.source, open.target));
    let ends = [context.end_label(source), context.end_label(target)];
    let slots = open.iter().fold(Default::default(), |all, open| open.slots.union(&all));
    let longest = open.iter().map(|open| context.open_for(open).0).fold(0.0, f64::max);
    let keys: Option<u64> = open.iter().filter_map(|open| open.keys_remaining).reduce(u64::saturating_add);
    let left = keys.map_or(String::new(), |keys| format!(", {keys} keys are left"));
    let summary = format!(
        "slots {slots} have been on the move from {} to {} for {}, more than {}{left}",
        ends[0],
        ends[1],
        span(longest),
        span(context.limits.migration_slow_seconds)
    );
    let mechanism = open.first().map_or("", |open| open.mechanism.as_str());
    let mut finding = Finding::new(Subject::slots(slots.clone(), ends.clone()), summary)
        .with("slots", slots)
        .with("source", &ends[0])
        .with("target", &ends[1])
        .with("mechanism", mechanism)
        .with("open_for", Value::Seconds(longest))
        .with("limit", Value::Seconds(context.limits.migration_slow_seconds))
        .with_some("keys_remaining", keys.map(Value::Count));
    for member in [source, target].into_iter().flatten().filter_map(|id| context.view.member(id)) {
        finding = finding.run(context.cli(member, "CLUSTER NODES"));
    }
    finding
}
