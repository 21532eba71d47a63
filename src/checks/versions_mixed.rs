//! Servers of different versions, or Redis and Valkey, run in one cluster. A rolling upgrade does that for a while, which
//! is what the hold is for; left so, a failover may promote a server that cannot read what its replicas or its primary
//! write, and commands work on some shards only.
//!
//! Valkey tells a `redis_version` of 7.2.4 for old clients; its own version stands beside it and counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::Node;
use super::{Check, Context, Needs, hours, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::info::Field;

pub(super) static CHECK: Check = Check {
    code: "versions_mixed",
    severity: Severity::P3,
    hold: hours(24),
    summary: "Servers of different versions run in one cluster.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("versions_mixed"),
    needs: Needs::Node,
    look,
};

const VALKEY: Field = Field::new("valkey_version");
const REDIS: Field = Field::new("redis_version");

fn look(context: &Context<'_>) -> Outcome {
    let mut versions: BTreeMap<String, Vec<Arc<str>>> = BTreeMap::new();
    for node in context.nodes() {
        if let Some(version) = version(node) {
            versions.entry(version).or_default().push(node.member.label.clone());
        }
    }
    match versions.len() {
        0 => Outcome::Unknown("no node tells its version".to_owned()),
        1 => Outcome::Clear,
        _ => Outcome::Firing(vec![finding(context, &versions)]),
    }
}

fn version(node: Node<'_>) -> Option<String> {
    let valkey = node.text(VALKEY).map(|version| format!("valkey {version}"));
    valkey.or_else(|| Some(format!("redis {}", node.text(REDIS)?)))
}

fn finding(context: &Context<'_>, versions: &BTreeMap<String, Vec<Arc<str>>>) -> Finding {
    let words: Vec<String> = versions
        .iter()
        .map(|(version, nodes)| match nodes.as_slice() {
            [node] => format!("{version} on {node}"),
            nodes => format!("{version} on {} nodes", nodes.len()),
        })
        .collect();
    let evidence = versions
        .iter()
        .map(|(version, nodes)| (version.clone(), Value::List(nodes.iter().map(Value::from).collect())));
    let mut finding = Finding::new(
        Subject::cluster(),
        format!("{} versions run in one cluster: {}", versions.len(), words.join(", ")),
    )
    .with("versions", evidence.collect::<Vec<_>>());
    let first = |nodes: &Vec<Arc<str>>| {
        context.view.members.iter().find(|member| Some(&member.label) == nodes.first())
    };
    for member in versions.values().filter_map(first) {
        finding = finding.run(context.cli(member, "INFO server"));
    }
    finding
}
