//! One shard has more memory, keys or commands than the mean over all primaries with slots, by more than the limit: a hot
//! shard, whose limits are the cluster's.
//!
//! Below a floor for the mean a difference is noise and not judged: an idle or small cluster is silent. Without an answer
//! of every primary with slots there is no mean. Commands are those of the last minute, without what this exporter asked
//! itself (it counts the keys of one primary after the other); memory and keys are judged from the first poll on.

use std::collections::BTreeMap;

use super::context::Node;
use super::shell::shell_word;
use super::{Check, Context, Needs, hours, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::info::{Field, sub_value};
use crate::model::node::NodeId;
use crate::model::past::Counter;

pub(super) static CHECK: Check = Check {
    code: "load_imbalanced",
    severity: Severity::P3,
    hold: hours(6),
    summary: "Load is spread unevenly over the primaries.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("load_imbalanced"),
    needs: Needs::Majority,
    look,
};

const DATASET: Field = Field::new("used_memory_dataset");
const KEYSPACE: Field = Field::new("db0");

/// What is compared.
struct Load {
    name: &'static str,
    /// Means below this are noise.
    floor: f64,
    of: fn(&Context<'_>, Node<'_>) -> Option<f64>,
    show: fn(f64) -> Value,
}

const LOADS: [Load; 3] = [
    Load {
        name: "memory",
        floor: 100e6,
        of: |_, node| node.unsigned(DATASET).map(|bytes| bytes as f64),
        show: |bytes| Value::Bytes(bytes as u64),
    },
    Load {
        name: "keys",
        floor: 100e3,
        // Without a key the line is not there.
        of: |_, node| node.text(KEYSPACE).map_or(Some(0.0), |db| sub_value(db, "keys")?.parse().ok()),
        show: |keys| Value::Count(keys as u64),
    },
    Load {
        name: "commands",
        floor: 1000.0,
        of: |context, node| {
            let own = context.pace(node, Counter::OwnCommands)?;
            Some((context.pace(node, Counter::Commands)? - own).max(0.0))
        },
        show: Value::PerSecond,
    },
];

fn look(context: &Context<'_>) -> Outcome {
    let owns = |node: &Node<'_>| node.member.is_primary() && !node.member.slots.is_empty();
    let owners: Vec<Node<'_>> = context.nodes().filter(owns).collect();
    let all = context.view.members.iter().filter(|member| member.is_primary() && !member.slots.is_empty());
    let all = all.count();
    if owners.is_empty() || owners.len() < all {
        return Outcome::Unknown(format!(
            "only {} of {all} primaries with slots tell their load",
            owners.len()
        ));
    }
    let mut hot: BTreeMap<NodeId, (Node<'_>, Vec<Hot>)> = BTreeMap::new();
    for load in &LOADS {
        let values: Option<Vec<f64>> = owners.iter().map(|node| (load.of)(context, *node)).collect();
        if let Some((node, found)) = values.and_then(|values| judge(context, load, &owners, &values)) {
            hot.entry(node.member.id).or_insert_with(|| (node, Vec::new())).1.push(found);
        }
    }
    Outcome::of(hot.into_values().map(|(node, found)| finding(context, node, &found)).collect())
}

/// One kind of load that is too high on one node.
struct Hot {
    name: &'static str,
    above: f64,
    value: Value,
    mean: Value,
    all: Vec<(String, Value)>,
}

fn judge<'a>(
    context: &Context<'_>,
    load: &Load,
    owners: &[Node<'a>],
    values: &[f64],
) -> Option<(Node<'a>, Hot)> {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (node, most) = owners.iter().zip(values).max_by(|(_, one), (_, other)| one.total_cmp(other))?;
    let above = most / mean - 1.0;
    if mean < load.floor || above <= context.limits.load_imbalance_ratio {
        return None;
    }
    let all =
        owners.iter().zip(values).map(|(node, value)| (node.member.label.to_string(), (load.show)(*value)));
    let (value, mean) = ((load.show)(*most), (load.show)(mean));
    Some((*node, Hot { name: load.name, above, value, mean, all: all.collect() }))
}

fn finding(context: &Context<'_>, node: Node<'_>, found: &[Hot]) -> Finding {
    let words = found.iter().map(|hot| {
        format!("{} {} ({:.0} % above the mean of {})", hot.name, hot.value, hot.above * 100.0, hot.mean)
    });
    let summary = format!(
        "{} carries more than its share: {}",
        node.member.label,
        words.collect::<Vec<_>>().join(", ")
    );
    let loads = found.iter().map(|hot| (hot.name.to_owned(), Value::Map(hot.all.clone())));
    let stats = node.said.slot_stats.iter().flatten().map(|stat| {
        let cpu = stat.cpu_micros.map(|micros| ("cpu".to_owned(), Value::Seconds(micros as f64 / 1e6)));
        let facts = std::iter::once(("keys".to_owned(), Value::Count(stat.keys))).chain(cpu);
        (stat.slot.to_string(), Value::Map(facts.collect()))
    });
    let stats: Vec<_> = stats.collect();
    Finding::new(Subject::node(node.member), summary)
        .with("loads", loads.collect::<Vec<_>>())
        .with("limit", Value::Ratio(context.limits.load_imbalance_ratio))
        .with("slots", node.member.slots.clone())
        .with_some("hottest_slots", (!stats.is_empty()).then_some(stats))
        .run(context.cli(node.member, "INFO commandstats"))
        .run(context.cli(node.member, "CLUSTER SLOT-STATS ORDERBY key-count LIMIT 10 DESC"))
        .run(format!("redis-cli --cluster rebalance {} --cluster-simulate", shell_word(&node.member.label)))
}
