//! A safety setting differs between nodes of the cluster: what holds before a failover no longer holds after it.
//!
//! Safety settings are those that decide when a node is held for failed, what is served while slots are not, how much
//! memory there is and what goes when it is full, and what becomes of writes. What is rightly set per node is none:
//! `replica-priority`, `cluster-replica-no-failover`, `save` (replicas may save for their primaries), addresses. A setting
//! that a node does not tell or does not have is not compared; while the sizes of nodes differ on purpose `maxmemory` is
//! better judged off for this cluster than equal by force.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};

pub(super) static CHECK: Check = Check {
    code: "config_drift",
    severity: Severity::P2,
    hold: minutes(10),
    summary: "A safety setting differs between the nodes.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("config_drift"),
    needs: Needs::Node,
    look,
};

/// By name, with the others that CONFIG GET tells left out on purpose.
const SAFETY: [&str; 13] = [
    "appendonly",
    "client-output-buffer-limit",
    "cluster-allow-reads-when-down",
    "cluster-node-timeout",
    "cluster-replica-validity-factor",
    "cluster-require-full-coverage",
    "maxmemory",
    "maxmemory-policy",
    "min-replicas-max-lag",
    "min-replicas-to-write",
    "repl-backlog-size",
    "repl-timeout",
    "stop-writes-on-bgsave-error",
];

/// Labels of nodes by the value that they have.
type Values = BTreeMap<String, Vec<Arc<str>>>;

fn look(context: &Context<'_>) -> Outcome {
    let told = context.nodes().filter(|node| node.said.settings.is_ok()).count();
    if told < 2 {
        return Outcome::Unknown(format!("{told} nodes tell their settings, and it takes two to compare"));
    }
    let differing = SAFETY.iter().filter(|name| differs(context, name));
    let settings = differing.map(|name| (*name, values(context, name)));
    let drifted: Vec<_> = settings.filter(|(_, values)| values.len() > 1).collect();
    if drifted.is_empty() { Outcome::Clear } else { Outcome::Firing(vec![finding(context, &drifted)]) }
}

/// Whether two nodes write it differently: then it is worth a closer look.
fn differs(context: &Context<'_>, name: &str) -> bool {
    let mut told = context.nodes().filter_map(|node| node.said.settings.as_ref().ok()?.get(name));
    let first = told.next();
    told.any(|value| Some(value) != first)
}

fn values(context: &Context<'_>, name: &str) -> Values {
    let mut values = Values::new();
    for node in context.nodes() {
        if let Some(value) = node.setting(name) {
            // One class of clients has two names.
            let value = value.replace("replica ", "slave ");
            values.entry(value).or_default().push(node.member.label.clone());
        }
    }
    values
}

/// The nodes that do not have the most common value.
fn deviating(values: &Values) -> Vec<Arc<str>> {
    let most = values.values().map(Vec::len).max().unwrap_or(0);
    let usual = values.iter().find(|(_, nodes)| nodes.len() == most).map(|(value, _)| value);
    values.iter().filter(|(value, _)| Some(*value) != usual).flat_map(|(_, nodes)| nodes.clone()).collect()
}

fn finding(context: &Context<'_>, drifted: &[(&'static str, Values)]) -> Finding {
    let mut nodes: Vec<Arc<str>> = drifted.iter().flat_map(|(_, values)| deviating(values)).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let words = |(name, values): &(&'static str, Values)| {
        let one = |(value, nodes): (&String, &Vec<Arc<str>>)| match nodes.as_slice() {
            [node] => format!("{} on {node}", shown(value)),
            nodes => format!("{} on {} nodes", shown(value), nodes.len()),
        };
        format!("{name} ({})", values.iter().map(one).collect::<Vec<_>>().join(", "))
    };
    let words: Vec<String> = drifted.iter().map(words).collect();
    let evidence = drifted.iter().map(|(name, values)| {
        let by_value = values.iter().map(|(value, nodes)| {
            (shown(value).to_owned(), Value::List(nodes.iter().map(Value::from).collect()))
        });
        ((*name).to_owned(), Value::Map(by_value.collect()))
    });
    let names: Vec<&str> = drifted.iter().map(|(name, _)| *name).collect();
    let mut finding =
        Finding::new(Subject::nodes(nodes.iter().cloned()), format!("settings differ: {}", words.join("; ")))
            .with("settings", evidence.collect::<Vec<_>>());
    for node in context.nodes().filter(|node| nodes.contains(&node.member.label)) {
        for name in &names {
            finding = finding.run(context.cli(node.member, &format!("CONFIG GET {name}")));
        }
    }
    finding
}

fn shown(value: &str) -> &str {
    if value.is_empty() { "nothing" } else { value }
}
