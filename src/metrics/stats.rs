//! INFO clients, stats, cpu, errorstats and keyspace; SLOWLOG LEN, LATENCY LATEST.

use super::Read::{Node, NodeBy};
use super::{EmitLabels, Metric, Num, info, info_micro, info_milli};
use crate::model::info::sub_value;
use crate::model::snapshot::NodeSnapshot;

pub(super) static ROWS: &[Metric] = &[
    Metric::gauge(
        "node_clients_connected",
        "Client connections, without replicas",
        info("connected_clients"),
    ),
    Metric::gauge("node_clients_max", "Limit of client connections", info("maxclients")),
    Metric::gauge("node_clients_blocked", "Clients waiting in a blocking command", info("blocked_clients")),
    Metric::gauge(
        "node_clients_pubsub",
        "Clients in pub/sub mode, Redis 7.4, Valkey 8.0 and later",
        info("pubsub_clients"),
    ),
    Metric::gauge("node_cluster_connections", "Sockets of the cluster bus", info("cluster_connections")),
    Metric::counter("node_connections_received", "Connections accepted", info("total_connections_received")),
    Metric::counter(
        "node_connections_rejected",
        "Connections refused at maxclients",
        info("rejected_connections"),
    ),
    Metric::counter("node_commands_processed", "Commands run", info("total_commands_processed")),
    Metric::counter("node_net_received", "Bytes read from the network", info("total_net_input_bytes"))
        .bytes(),
    Metric::counter("node_net_sent", "Bytes written to the network", info("total_net_output_bytes")).bytes(),
    Metric::counter("node_keyspace_hits", "Look-ups that found a key", info("keyspace_hits")),
    Metric::counter("node_keyspace_misses", "Look-ups that found none", info("keyspace_misses")),
    Metric::counter("node_keys_expired", "Keys that expired", info("expired_keys")),
    Metric::counter("node_keys_evicted", "Keys evicted at maxmemory", info("evicted_keys")),
    Metric::counter(
        "node_clients_evicted",
        "Clients evicted at maxmemory-clients, 7.0 and later",
        info("evicted_clients"),
    ),
    Metric::counter(
        "node_eviction_exceeded",
        "Time spent over maxmemory, 7.0 and later",
        info_milli("total_eviction_exceeded_time"),
    )
    .seconds(),
    Metric::counter(
        "node_client_output_buffer_disconnections",
        "Clients cut off at their output buffer limit, replicas too, Redis 7.4, Valkey \
         8.0 and later",
        info("client_output_buffer_limit_disconnections"),
    ),
    Metric::counter(
        "node_client_query_buffer_disconnections",
        "Clients cut off at their query buffer limit, Redis 7.4, Valkey 8.0 and later",
        info("client_query_buffer_limit_disconnections"),
    ),
    Metric::counter("node_forks", "Forks of the server", info("total_forks")),
    Metric::gauge(
        "node_last_fork",
        "How long the last fork stopped the server",
        info_micro("latest_fork_usec"),
    )
    .seconds(),
    Metric::counter(
        "node_active_defrag",
        "Time spent in active defragmentation, 7.0 and later",
        info_milli("total_active_defrag_time"),
    )
    .seconds(),
    Metric::counter(
        "node_expire_cycle_cpu",
        "CPU time of the expire cycle",
        info_milli("expire_cycle_cpu_milliseconds"),
    )
    .seconds(),
    Metric::counter(
        "node_acl_denied_auth",
        "Refused authentications, 7.2 and later",
        info("acl_access_denied_auth"),
    ),
    Metric::counter(
        "node_acl_denied_commands",
        "Commands refused by ACL, 7.2 and later",
        info("acl_access_denied_cmd"),
    ),
    Metric::gauge("node_pubsub_channels", "Channels with subscribers", info("pubsub_channels")),
    Metric::gauge(
        "node_pubsub_shard_channels",
        "Shard channels with subscribers, 7.0 and later",
        info("pubsubshard_channels"),
    ),
    Metric::counter("node_error_replies", "Error replies", info("total_error_replies")),
    Metric::counter(
        "node_errors",
        "Error replies by their first word; words that are not the server's own stand \
         under other (INFO errorstat_*)",
        NodeBy(&["error"], errors),
    ),
    Metric::counter("node_cpu_user", "User CPU time of the server", info("used_cpu_user")).seconds(),
    Metric::counter("node_cpu_system", "System CPU time of the server", info("used_cpu_sys")).seconds(),
    Metric::counter(
        "node_cpu_user_main_thread",
        "User CPU time of the main thread",
        info("used_cpu_user_main_thread"),
    )
    .seconds(),
    Metric::counter(
        "node_cpu_system_main_thread",
        "System CPU time of the main thread",
        info("used_cpu_sys_main_thread"),
    )
    .seconds(),
    Metric::gauge(
        "node_keys",
        "Keys, by database (INFO keyspace)",
        NodeBy(&["db"], |said, emit| keyspace(said, "keys", emit)),
    ),
    Metric::gauge(
        "node_keys_expiring",
        "Keys with a time to live, by database (INFO keyspace)",
        NodeBy(&["db"], |said, emit| keyspace(said, "expires", emit)),
    ),
    Metric::gauge(
        "node_slowlog_length",
        "Entries in the slow log (SLOWLOG LEN)",
        Node(|said| said.slowlog_length.as_ref().ok().map(|n| Num::U(*n))),
    ),
    Metric::gauge(
        "node_latency_event_latest",
        "Latest spike of an event of the latency monitor (LATENCY LATEST)",
        NodeBy(&["event"], |said, emit| {
            for event in said.latency.iter().flatten() {
                emit(&[("event", &event.event)], Num::F(event.latest_ms as f64 / 1e3));
            }
        }),
    )
    .seconds(),
    Metric::gauge(
        "node_latency_event_max",
        "Longest spike of an event since the latency monitor was reset (LATENCY LATEST)",
        NodeBy(&["event"], |said, emit| {
            for event in said.latency.iter().flatten() {
                emit(&[("event", &event.event)], Num::F(event.max_ms as f64 / 1e3));
            }
        }),
    )
    .seconds(),
];

/// Present from the start: a rate must see the first of them.
const ALWAYS: [&str; 8] =
    ["ASK", "CLUSTERDOWN", "LOADING", "MISCONF", "MOVED", "NOREPLICAS", "OOM", "TRYAGAIN"];

/// The servers' own words. Scripts and modules may answer with any word: those are counted together.
const KNOWN: [&str; 20] = [
    "BUSY",
    "BUSYGROUP",
    "BUSYKEY",
    "CROSSSLOT",
    "DENIED",
    "ERR",
    "EXECABORT",
    "INPROG",
    "IOERR",
    "MASTERDOWN",
    "NOAUTH",
    "NOGROUP",
    "NOPERM",
    "NOPROTO",
    "NOSCRIPT",
    "NOTBUSY",
    "READONLY",
    "UNKILLABLE",
    "WRONGPASS",
    "WRONGTYPE",
];

fn errors(said: &NodeSnapshot, emit: &mut EmitLabels<'_>) {
    let Ok(info) = &said.info else { return };
    let mut other = 0;
    let mut always = [0u64; ALWAYS.len()];
    for (error, value) in info.with_prefix("errorstat_") {
        let Some(count) = sub_value(value, "count").and_then(|count| count.parse::<u64>().ok()) else {
            continue;
        };
        if let Ok(at) = ALWAYS.binary_search(&error) {
            always[at] = count;
        } else if KNOWN.binary_search(&error).is_ok() {
            emit(&[("error", error)], Num::U(count));
        } else {
            other = u64::saturating_add(other, count);
        }
    }
    for (error, count) in ALWAYS.iter().zip(always) {
        emit(&[("error", error)], Num::U(count));
    }
    if other > 0 {
        emit(&[("error", "other")], Num::U(other));
    }
}

/// `db0:keys=…,expires=…`. Redis 8 has lines that begin with `db0_` and mean something else.
fn keyspace(said: &NodeSnapshot, key: &str, emit: &mut EmitLabels<'_>) {
    let Ok(info) = &said.info else { return };
    let mut empty = true;
    for (db, value) in info.with_prefix("db").filter(|(db, _)| db.bytes().all(|c| c.is_ascii_digit())) {
        if let Some(count) = sub_value(value, key).and_then(|count| count.parse().ok()) {
            emit(&[("db", db)], Num::U(count));
            empty = false;
        }
    }
    // A database without keys has no line.
    if empty {
        emit(&[("db", "0")], Num::U(0));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_are_sorted_for_the_search() {
        assert!(super::ALWAYS.is_sorted() && super::KNOWN.is_sorted());
    }
}
