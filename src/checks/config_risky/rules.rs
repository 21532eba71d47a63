//! The settings that are judged, one row each.

use crate::checks::Context;
use crate::checks::context::Node;
use crate::model::finding::bytes;

/// One setting.
pub(super) struct Rule {
    /// Its name.
    pub(super) setting: &'static str,
    /// What to set.
    pub(super) set: &'static str,
    /// What that costs.
    pub(super) costs: &'static str,
    /// Why its value hurts this node, if it does.
    pub(super) judge: fn(&Context<'_>, Node<'_>) -> Option<String>,
}

pub(super) static RULES: [Rule; 5] = [
    Rule {
        setting: "maxmemory",
        set: "a limit that all nodes of the host can reach together, with room for forks and buffers",
        costs: "at the limit writes are refused or keys evicted, by maxmemory-policy",
        judge: maxmemory,
    },
    Rule {
        setting: "repl-backlog-size",
        set: "the bytes that the shard is written in the longest break that should not cost a full sync",
        costs: "that much memory on every node",
        judge: backlog,
    },
    Rule {
        setting: "client-output-buffer-limit",
        set: "for replicas the bytes that the shard is written while a full sync runs, at least the backlog",
        costs: "up to that much memory per replica while it syncs",
        judge: output_buffer,
    },
    Rule {
        setting: "cluster-node-timeout",
        set: "5000 to 15000, the same on all nodes",
        costs: "longer: failovers begin later; shorter: more gossip and more failovers without need",
        judge: node_timeout,
    },
    Rule {
        setting: "cluster-replica-validity-factor",
        set: "10, the default",
        costs: "a shard whose replicas are all older than that stays without a primary until somebody decides",
        judge: validity_factor,
    },
];

/// Share of the host's memory below which there is nothing to limit yet.
const HOST_SHARE: f64 = 0.5;
/// Node timeouts that are neither hasty nor sleepy, milliseconds.
const TIMEOUTS: std::ops::RangeInclusive<u64> = 2_000..=60_000;

fn number(node: Node<'_>, setting: &str) -> Option<u64> {
    node.setting(setting)?.parse().ok()
}

fn maxmemory(context: &Context<'_>, node: Node<'_>) -> Option<String> {
    if number(node, "maxmemory") != Some(0) {
        return None;
    }
    let (used, total) = context.host_memory(node.member)?;
    let share = used as f64 / total.max(1) as f64;
    let why = || format!("no limit, and the nodes of its host hold {} of {}", bytes(used), bytes(total));
    (share > HOST_SHARE).then(why)
}

/// Bytes that the shard of this primary is written within the configured seconds.
fn written(context: &Context<'_>, node: Node<'_>) -> Option<u64> {
    let rate = (*context.past.write_rates.get(node.at)?).filter(|_| node.member.is_primary())?;
    Some((rate * context.limits.backlog_write_seconds) as u64)
}

fn backlog(context: &Context<'_>, node: Node<'_>) -> Option<String> {
    let (size, written) = (number(node, "repl-backlog-size")?, written(context, node)?);
    let seconds = context.limits.backlog_write_seconds;
    let why = || format!("{} hold less than {seconds:.0} s of writes, {}", bytes(size), bytes(written));
    (size < written).then(why)
}

fn output_buffer(context: &Context<'_>, node: Node<'_>) -> Option<String> {
    let mut words = node.setting("client-output-buffer-limit")?.split_whitespace();
    words.find(|word| matches!(*word, "slave" | "replica"))?;
    let limit = words.next()?.parse::<u64>().ok().filter(|limit| *limit > 0)?;
    let (what, needed) = match (number(node, "repl-backlog-size"), written(context, node)) {
        (backlog, Some(written)) if backlog.unwrap_or(0) < written => ("a minute's full sync", written),
        (backlog, _) => ("the backlog", backlog?),
    };
    let why = || format!("replicas are cut off at {}, {what} takes {}", bytes(limit), bytes(needed));
    (limit < needed).then(why)
}

fn node_timeout(_: &Context<'_>, node: Node<'_>) -> Option<String> {
    let timeout = number(node, "cluster-node-timeout").filter(|timeout| !TIMEOUTS.contains(timeout))?;
    Some(if timeout < *TIMEOUTS.start() {
        format!("{timeout} ms: a fork or a slow script looks like a failure")
    } else {
        format!("{timeout} ms: as long no failover, and a cut-off primary takes writes that will be lost")
    })
}

fn validity_factor(_: &Context<'_>, node: Node<'_>) -> Option<String> {
    let any_age = number(node, "cluster-replica-validity-factor") == Some(0);
    any_age.then(|| "0: a replica of any age may take over, and loses what it has not".to_owned())
}
