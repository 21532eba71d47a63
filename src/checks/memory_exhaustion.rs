//! A node has used more than the limit's share of what it may have.
//!
//! What a primary may have is its `maxmemory`, where nothing can be evicted: under `noeviction`, or under `volatile-*`
//! while no key has a TTL. Compared is what the server itself compares: used memory less what it does not count
//! (replica buffers, AOF buffer). Then writes are refused at 100 %.
//!
//! Nodes without such a bound, with `maxmemory 0` or an evicting policy, have the memory of their host together:
//! RSS of all nodes that announce its address over `host_memory_bytes` or the memory that INFO tells. A cache that sits
//! at its `maxmemory` and evicts is as it should be. Containers tell their host's memory: there `host_memory_bytes`
//! says what a pod may have.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::context::{Node, Said};
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, bytes};
use crate::model::info::Field;

pub(super) static CHECK: Check = Check {
    code: "memory_exhaustion",
    severity: Severity::P1,
    hold: minutes(5),
    summary: "A node has used more of its memory than the limit.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("memory_exhaustion"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let mut hosts: BTreeMap<&str, Vec<Node<'_>>> = BTreeMap::new();
    for node in context.nodes() {
        hosts.entry(host(node)).or_default().push(node);
    }
    let primaries = context.nodes().filter(|node| node.member.is_primary() && bound(*node).is_some());
    let alone = primaries.map(|node| judge(context, node));
    let unbounded = hosts.into_iter().filter(|(_, nodes)| nodes.iter().any(|node| bound(*node).is_none()));
    let together = unbounded.map(|(host, nodes)| judge_host(context, host, &nodes));
    Said::join(alone.chain(together))
}

fn judge(context: &Context<'_>, node: Node<'_>) -> Said {
    let label = &node.member.label;
    let (Some(limit), Some(used)) = (bound(node), node.unsigned(Field::new("used_memory"))) else {
        return Said::Unknown(format!("{label} does not tell its memory"));
    };
    let used = used.saturating_sub(node.unsigned(Field::new("mem_not_counted_for_evict")).unwrap_or(0));
    let (share, allowed) = (used as f64 / limit as f64, context.limits.memory_used_ratio);
    if share <= allowed {
        return Said::Fine;
    }
    let policy = node.text(Field::new("maxmemory_policy")).unwrap_or_default();
    let summary = format!(
        "{label} uses {} of its maxmemory of {} ({:.0} %, more than {:.0} %) and may evict nothing ({policy}): at 100 % \
         it refuses writes",
        bytes(used),
        bytes(limit),
        share * 100.0,
        allowed * 100.0
    );
    let finding = Finding::new(Subject::node(node.member), summary)
        .with("used", Value::Bytes(used))
        .with("maxmemory", Value::Bytes(limit))
        .with("share", Value::Ratio(share))
        .with("limit", Value::Ratio(allowed))
        .with("policy", policy)
        .run(context.cli(node.member, "INFO memory"))
        .run(context.cli(node.member, "MEMORY DOCTOR"));
    Said::Wrong(finding)
}

fn judge_host(context: &Context<'_>, host: &str, nodes: &[Node<'_>]) -> Said {
    let told = nodes.iter().filter_map(|node| node.unsigned(Field::new("total_system_memory"))).max();
    let memory = context.limits.host_memory_bytes.or(told).filter(|memory| *memory > 0);
    let used: Vec<(Node<'_>, u64)> = nodes
        .iter()
        .filter_map(|node| Some((*node, node.unsigned(Field::new("used_memory_rss"))?)))
        .collect();
    let Some(memory) = memory.filter(|_| !used.is_empty()) else {
        return Said::Unknown(format!("the memory of {host} is not told"));
    };
    let rss: u64 = used.iter().map(|(_, rss)| *rss).fold(0, u64::saturating_add);
    let (share, allowed) = (rss as f64 / memory as f64, context.limits.memory_used_ratio);
    if share <= allowed {
        return Said::Fine;
    }
    let summary = format!(
        "{} nodes on {host} hold {} of its memory of {} ({:.0} %, more than {:.0} %)",
        used.len(),
        bytes(rss),
        bytes(memory),
        share * 100.0,
        allowed * 100.0
    );
    let each = used.iter().map(|(node, rss)| (node.member.label.to_string(), Value::Bytes(*rss)));
    let mut finding =
        Finding::new(Subject::nodes(used.iter().map(|(node, _)| node.member.label.clone())), summary)
            .with("host", host)
            .with("rss", Value::Bytes(rss))
            .with("host_memory", Value::Bytes(memory))
            .with("share", Value::Ratio(share))
            .with("limit", Value::Ratio(allowed))
            .with("nodes", each.collect::<Vec<_>>());
    if let Some((largest, _)) = used.iter().max_by_key(|(_, rss)| rss) {
        finding = finding.run(context.cli(largest.member, "INFO memory"));
    }
    Said::Wrong(finding)
}

/// What a node may hold, if reaching it means that writes are refused.
fn bound(node: Node<'_>) -> Option<u64> {
    let policy = node.text(Field::new("maxmemory_policy"))?;
    let evicts = match policy {
        "noeviction" => false,
        volatile if volatile.starts_with("volatile-") => node.keys().1 > 0,
        _ => true,
    };
    node.unsigned(Field::new("maxmemory")).filter(|limit| *limit > 0 && !evicts)
}

/// Where a node lives: all loopback addresses are one place.
fn host<'a>(node: Node<'a>) -> &'a str {
    let Some(announced) = &node.member.announced else { return &node.member.label };
    let is_loopback = announced.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_loopback { "localhost" } else { &announced.host }
}
