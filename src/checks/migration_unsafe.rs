//! A migration runs into a node that has not the memory for it: the target uses more of what it may have than the limit,
//! or what is still to come is more than the limit's share of what it has free. Under `noeviction` the import then fails
//! half way.
//!
//! What a node may have is its `maxmemory`, less what the server itself does not count; without one, the configured or
//! told memory of its host, shared by all nodes there. What is to come is the source's dataset by the share of its keys
//! that are left in the open slots, or by the share of its slots where keys were not counted. A target that may evict any
//! key (`allkeys-*`) stands at `maxmemory` by design and makes room: it is passed over.

use std::collections::BTreeMap;

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, bytes};
use crate::model::info::{Field, sub_value};
use crate::model::migration::{Mechanism, OpenMigration};
use crate::model::node::NodeId;

pub(super) static CHECK: Check = Check {
    code: "migration_unsafe",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "A slot migration runs into a node without the memory for it.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("migration_unsafe"),
    needs: Needs::Node,
    look,
};

const USED: Field = Field::new("used_memory");
const NOT_COUNTED: Field = Field::new("mem_not_counted_for_evict");
const MAXMEMORY: Field = Field::new("maxmemory");
const POLICY: Field = Field::new("maxmemory_policy");
const DATASET: Field = Field::new("used_memory_dataset");
const KEYSPACE: Field = Field::new("db0");

fn look(context: &Context<'_>) -> Outcome {
    let mut targets: BTreeMap<NodeId, Vec<&OpenMigration>> = BTreeMap::new();
    let mut unknown = None;
    for migration in &context.past.migrations {
        match migration.target {
            Some(target) => targets.entry(target).or_default().push(migration),
            None => unknown = Some("a migration runs whose target is not known".to_owned()),
        }
    }
    let mut findings = Vec::new();
    for (target, open) in targets {
        match judge(context, target, &open) {
            Ok(finding) => findings.extend(finding),
            Err(why) => unknown = Some(why),
        }
    }
    match unknown {
        Some(why) if findings.is_empty() => Outcome::Unknown(why),
        _ => Outcome::of(findings),
    }
}

fn judge(context: &Context<'_>, target: NodeId, open: &[&OpenMigration]) -> Result<Option<Finding>, String> {
    let silent = || format!("the target {} does not tell its memory", context.label(target));
    let node = context.nodes().find(|node| node.member.id == target).ok_or_else(silent)?;
    let maxmemory = node.unsigned(MAXMEMORY).unwrap_or(0);
    if maxmemory > 0 && node.text(POLICY).is_some_and(|policy| policy.starts_with("allkeys-")) {
        return Ok(None);
    }
    let (used, may_use) = if maxmemory > 0 {
        let used = node.unsigned(USED).ok_or_else(silent)?;
        (used.saturating_sub(node.unsigned(NOT_COUNTED).unwrap_or(0)), maxmemory)
    } else {
        context.host_memory(node.member).ok_or_else(silent)?
    };
    let share = used as f64 / may_use.max(1) as f64;
    let free = may_use.saturating_sub(used);
    let incoming = open.iter().filter_map(|open| incoming(context, open)).reduce(u64::saturating_add);
    let limits = context.limits;
    let too_full = share > limits.migration_target_memory_ratio;
    let too_much =
        incoming.is_some_and(|incoming| incoming as f64 > free as f64 * limits.migration_incoming_ratio);
    if !too_full && !too_much {
        return Ok(None);
    }
    let sources = open.iter().filter_map(|open| Some(context.label(open.source?)));
    let mut sources: Vec<_> = sources.collect();
    sources.sort_unstable();
    sources.dedup();
    let slots = open.iter().fold(Default::default(), |all, open| open.slots.union(&all));
    let to_come = incoming.map_or("an unknown amount".to_owned(), bytes);
    let summary = format!(
        "slots {slots} move to {}, which uses {} of {} ({:.0} %), and {to_come} is still to come",
        node.member.label,
        bytes(used),
        bytes(may_use),
        share * 100.0
    );
    let finding = Finding::new(Subject { slots: Some(slots.clone()), ..Subject::node(node.member) }, summary)
        .with("slots", slots)
        .with("target", &node.member.label)
        .with("sources", sources.iter().map(Value::from).collect::<Vec<_>>())
        .with("used", Value::Bytes(used))
        .with("may_use", Value::Bytes(may_use))
        .with("basis", if maxmemory > 0 { "maxmemory" } else { "host" })
        .with("used_ratio", Value::Ratio(share))
        .with("used_limit", Value::Ratio(limits.migration_target_memory_ratio))
        .with("free", Value::Bytes(free))
        .with_some("incoming", incoming.map(Value::Bytes))
        .with("incoming_limit", Value::Ratio(limits.migration_incoming_ratio))
        .run(context.cli(node.member, "INFO memory"))
        .run(context.cli(node.member, "CONFIG GET maxmemory*"));
    Ok(Some(finding))
}

/// Bytes that are still to come, by the source's dataset.
fn incoming(context: &Context<'_>, open: &OpenMigration) -> Option<u64> {
    let source = context.nodes().find(|node| Some(node.member.id) == open.source)?;
    let dataset = source.unsigned(DATASET)? as f64;
    let keys: Option<f64> = source.text(KEYSPACE).and_then(|db| sub_value(db, "keys")?.parse().ok());
    // The keys of an atomic migration are not all counted.
    let counted = open.keys_remaining.filter(|_| open.mechanism == Mechanism::SetSlot);
    let share = match (counted, keys) {
        (Some(left), Some(keys)) => left as f64 / keys.max(1.0),
        _ => f64::from(open.slots.len()) / f64::from(source.member.slots.len().max(1)),
    };
    Some((dataset * share.min(1.0)) as u64)
}
