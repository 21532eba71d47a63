//! What an alert tells beside the summary of its check: values of the moment it fires, and what to do first.
//!
//! The exporter's own findings carry more than labels can; these are the values that Prometheus can look up itself.

use super::live::Unit::{Bytes, Count, Nothing, Rate, Ratio, Seconds, Share};
use super::live::{Live, live};

/// What is told of a check.
#[derive(Debug)]
pub(super) struct Telling {
    /// Code of the check.
    pub(super) code: &'static str,
    /// Values of the moment.
    pub(super) live: &'static [Live],
    /// What to do first.
    pub(super) first: &'static str,
}

const fn tell(code: &'static str, live: &'static [Live], first: &'static str) -> Telling {
    Telling { code, live, first }
}

const UNCOVERED: Live =
    live("{} slots: {reason}", Count, "max by (reason) (rediscluster_slots_uncovered{CLUSTER}) > 0");
const LAG: Live = live("{} behind its primary", Bytes, "max(rediscluster_node_replication_lag_bytes{NODE})");
const SUSPECTED_BY: Live =
    live("{} peers hold it for dead", Count, "max(rediscluster_node_suspected_by{NODE})");
const REPLICAS: Live =
    live("{} replicas connected", Count, "max(rediscluster_node_connected_replicas{NODE})");
const KNOWN: Live = live("{} nodes known", Count, "max(rediscluster_nodes_known{CLUSTER})");
const FRAGMENTATION: [Live; 2] = [
    live("ratio {}", Ratio, "max(rediscluster_node_memory_fragmentation_ratio{NODE})"),
    live("{} lost", Bytes, "max(rediscluster_node_memory_fragmentation_bytes{NODE})"),
];
const MIGRATION: [Live; 2] = [
    live("{} slots open ({mechanism})", Count, "max by (mechanism) (rediscluster_slots_open{CLUSTER}) > 0"),
    live("{} keys left to move", Count, "max(rediscluster_migration_keys_remaining{CLUSTER})"),
];
const MEMORY_USED: Live = live(
    "{} of its memory used",
    Share,
    "max(rediscluster_node_memory_used_bytes{NODE} / rediscluster_node_memory_limit_bytes{NODE})",
);

/// One row per check, in the order of the table of checks.
pub(super) static TELLINGS: [Telling; 51] = [
    tell(
        "slots_uncovered",
        &[UNCOVERED],
        "start the owner with its own data directory if that takes a minute; else CLUSTER FAILOVER FORCE on its \
         replica.",
    ),
    tell(
        "split_brain",
        &[live("{} slots have two owners", Count, "max(rediscluster_slots_contested{CLUSTER}) > 0")],
        "before the network heals, BGSAVE on the losing side and copy its RDB away; the status page names that side.",
    ),
    tell(
        "quorum_lost",
        &[
            live(
                "{} voting primaries reach each other",
                Count,
                "max(rediscluster_voting_primaries_reachable{CLUSTER})",
            ),
            live("{} votes are needed", Count, "max(rediscluster_quorum_size{CLUSTER})"),
        ],
        "bring the missing primaries back, or the network between them; TAKEOVER only once the other side is off for \
         good.",
    ),
    tell(
        "failover_stalled",
        &[
            live(
                "{redis_node} is failed",
                Nothing,
                "max by (redis_node) (rediscluster_finding{CLUSTER,check=\"failover_stalled\"})",
            ),
            UNCOVERED,
        ],
        "start the failed primary with its data, or CLUSTER FAILOVER FORCE on its replica with the highest offset.",
    ),
    tell(
        "commands_refused",
        &[live(
            "{redis_node} answers {error} {}",
            Rate,
            "max by (redis_node, error) (rate(rediscluster_node_errors_total{CLUSTER,\
             error=~\"CLUSTERDOWN|OOM|MISCONF|NOREPLICAS\"}[2m])) > 0",
        )],
        "CLUSTERDOWN: find the slots without owner or the lost quorum; OOM: make room; MISCONF: mend the disk; \
         NOREPLICAS: bring the replicas back.",
    ),
    tell(
        "memory_exhaustion",
        &[live(
            "{redis_node} uses {}",
            Share,
            "max by (redis_node) (rediscluster_node_memory_used_bytes{CLUSTER} / \
             rediscluster_node_memory_limit_bytes{CLUSTER} and on (redis_cluster, redis_node) \
             rediscluster_finding{CLUSTER,check=\"memory_exhaustion\"})",
        )],
        "raise maxmemory where the host has room; else find what grows: buffers of clients, big keys.",
    ),
    tell(
        "cluster_unreachable",
        &[live(
            "{} nodes: {error}",
            Count,
            "count by (error) (max by (redis_node, error) (rediscluster_node_ask_error{CLUSTER}))",
        )],
        "see whether the processes run; then whether the exporter can get there: firewall, DNS, password.",
    ),
    tell(
        "clusters_merged",
        &[KNOWN],
        "cut the bus ports between the two clusters, and save every primary before anything else.",
    ),
    tell(
        "replication_lag",
        &[LAG, live("its data is {} old", Seconds, "max(rediscluster_node_replication_lag_seconds{NODE})")],
        "take heavy reads off the replica, and look at its host: CPU, swap, disk, network.",
    ),
    tell(
        "replication_lag_critical",
        &[LAG],
        "raise the output-buffer limit for replicas on its primary now, above what waits there.",
    ),
    tell(
        "replica_link_down",
        &[live("down for {}", Seconds, "max(rediscluster_node_replication_link_down_seconds{NODE})")],
        "open the way from the replica's host to its primary's client port; its log says why the link fails.",
    ),
    tell(
        "resync_loop",
        &[live(
            "{redis_node} gave {} full resyncs in 15 minutes",
            Count,
            "max by (redis_node) (increase(rediscluster_node_resyncs_full_total{CLUSTER}[15m]) and on \
             (redis_cluster, redis_node) rediscluster_node_info{SHARD}) > 0",
        )],
        "raise the output-buffer limit for replicas and repl-backlog-size above what is written during one full sync.",
    ),
    tell(
        "replicas_missing",
        &[REPLICAS],
        "start the missing replica with its own data directory; if it runs, mend its link.",
    ),
    tell(
        "replica_orphaned",
        &[],
        "if its slots have no owner, promote it; else CLUSTER REPLICATE it to their new owner.",
    ),
    tell(
        "failover_not_ready",
        &[REPLICAS],
        "mend the links of its replicas; while they load, leave the primary alone.",
    ),
    tell(
        "nodes_unexpected",
        &[
            KNOWN,
            live("{} of them primaries", Count, "max(rediscluster_primaries{CLUSTER})"),
            live("{} shards", Count, "max(rediscluster_shards{CLUSTER})"),
        ],
        "if it was planned, put the new numbers under expect: and reload; else find the node that is missing or new.",
    ),
    tell(
        "node_failed",
        &[SUSPECTED_BY],
        "start its process with its own data directory; if it runs, open its bus port.",
    ),
    tell(
        "node_unreachable",
        &[live("error {error}", Nothing, "max by (error) (rediscluster_node_ask_error{NODE})")],
        "look at the node from the exporter's host: firewall, DNS, password, ACL.",
    ),
    tell(
        "node_suspected",
        &[SUSPECTED_BY],
        "open the cluster bus port between all nodes, both ways; else look for a blocked main thread.",
    ),
    tell(
        "partitioned",
        &[live("{} groups", Count, "max(rediscluster_partitions{CLUSTER})")],
        "restore the network between the bus ports, and send clients to the side with the quorum.",
    ),
    tell(
        "slot_maps_disagree",
        &[live("{} different slot maps", Count, "max(rediscluster_slot_maps{CLUSTER})")],
        "restore the bus of the node that differs; it then corrects itself within the node timeout.",
    ),
    tell(
        "membership_disagrees",
        &[KNOWN],
        "decide whether the node belongs here: forget it on all nodes within 60 s, or MEET it again.",
    ),
    tell(
        "epoch_collision",
        &[live("current epoch {}", Count, "max(rediscluster_current_epoch{CLUSTER})")],
        "restore the bus between the two primaries; the collision ends with their next ping.",
    ),
    tell(
        "node_slow",
        &[live("answers after {}", Seconds, "max(rediscluster_node_response_seconds{NODE})")],
        "SLOWLOG GET 10 on the node, and stop what it shows; if most nodes are slow, look at the exporter's network.",
    ),
    tell(
        "fragmentation_high",
        &FRAGMENTATION,
        "wait if the host has room; else MEMORY PURGE or active defragmentation, as the runbook says.",
    ),
    tell(
        "memory_swapping",
        &[live(
            "resident over allocated {}",
            Ratio,
            "max(rediscluster_node_memory_fragmentation_ratio{NODE})",
        )],
        "stop what else eats the host's memory, or fail over to a replica elsewhere.",
    ),
    tell(
        "eviction_pressure",
        &[live("evicts keys {}", Rate, "max(rate(rediscluster_node_keys_evicted_total{NODE}[5m]))")],
        "find what fills it (buffers of clients, big keys), or raise maxmemory.",
    ),
    tell(
        "migration_stalled",
        &MIGRATION,
        "end any resharding tool that still runs, then close the slots with redis-cli --cluster fix.",
    ),
    tell(
        "migration_unsafe",
        &[MEMORY_USED],
        "raise maxmemory on the target and its replicas, or stop the migration.",
    ),
    tell(
        "orphaned_keys",
        &[],
        "ask the application which copy is true before any of them is moved or deleted.",
    ),
    tell(
        "redirect_storm",
        &[live(
            "{error} {}",
            Rate,
            "max by (error) (rate(rediscluster_node_errors_total{NODE,error=~\"MOVED|ASK\"}[5m])) > 0",
        )],
        "find the client: without cluster mode, with a stale map, or on a replica without READONLY.",
    ),
    tell("persistence_failing", &[], "look for a full disk under its directory; its log says what failed."),
    tell(
        "clients_near_limit",
        &[live(
            "{} of maxclients",
            Share,
            "max(rediscluster_node_clients_connected{NODE} / rediscluster_node_clients_max{NODE})",
        )],
        "CLIENT LIST shows who opens so many; raise maxclients where the process may open the files.",
    ),
    tell(
        "bus_links_saturated",
        &[live("{} wait for one peer", Bytes, "max(rediscluster_node_bus_send_buffer_used_max_bytes{NODE})")],
        "look at the peer that does not drain: slow, swapping, or behind a bad network.",
    ),
    tell(
        "config_drift",
        &[],
        "take the value from your configuration management and set it on the nodes that differ.",
    ),
    tell(
        "view_incomplete",
        &[
            live("{} nodes answer", Count, "max(rediscluster_nodes_reachable{CLUSTER})"),
            live("{} are known", Count, "max(rediscluster_nodes_known{CLUSTER})"),
        ],
        "repair the exporter's way to the silent nodes, or grant the rights that the finding lists.",
    ),
    tell("fragmentation_elevated", &FRAGMENTATION, "leave it while the host has memory for it."),
    tell(
        "gossip_rate_high",
        &[
            live(
                "sends {}",
                Rate,
                "sum(max by (type) (rate(rediscluster_node_bus_messages_sent_total{NODE,type!~\"publish.*\"}[5m])))",
            ),
            live("expected at most {}", Rate, "max(rediscluster_bus_messages_expected_per_second{CLUSTER})"),
        ],
        "see which type grows: fail and update mean a flapping node, meet an address that nobody answers at.",
    ),
    tell("migration_slow", &MIGRATION, "let it run while the keys get fewer."),
    tell(
        "slots_imbalanced",
        &[live("the largest primary has {}", Count, "max(rediscluster_node_slots_owned{CLUSTER})")],
        "leave it if memory and commands are even; else rebalance off-peak.",
    ),
    tell(
        "load_imbalanced",
        &[
            live("commands {}", Rate, "max(rate(rediscluster_node_commands_processed_total{NODE}[5m]))"),
            live("{} used", Bytes, "max(rediscluster_node_memory_used_bytes{NODE})"),
        ],
        "look for a hot key, a huge one, or one hash tag for all: only the application can split those.",
    ),
    tell(
        "config_risky",
        &[],
        "the status page has a line per setting: its value, why it hurts, what to set.",
    ),
    tell(
        "failure_domain_risk",
        &[],
        "move primaries and replicas apart, so that no host or zone holds too much.",
    ),
    tell(
        "too_few_primaries",
        &[live("{} voting primaries", Count, "max(rediscluster_voting_primaries{CLUSTER})")],
        "add primaries and give them slots: with fewer than three a failover is not safe.",
    ),
    tell(
        "ghost_nodes",
        &[],
        "CLUSTER FORGET on all nodes within 60 s, or start the node if it is to come back.",
    ),
    tell(
        "lua_memory_high",
        &[
            live("engine {}", Bytes, "max(rediscluster_node_memory_lua_bytes{NODE})"),
            live("scripts {}", Bytes, "max(rediscluster_node_memory_scripts_bytes{NODE})"),
        ],
        "pass values as KEYS and ARGV, so that every call has the same script text.",
    ),
    tell("big_keys", &[], "split them in the application before slots are to move."),
    tell(
        "versions_mixed",
        &[live(
            "{} nodes run {version}",
            Count,
            "count by (version) (max by (redis_node, version) (rediscluster_node_info{CLUSTER}))",
        )],
        "upgrade the rest: in each shard the replicas first.",
    ),
    tell("failover_happened", &[], "if it was not planned, start the old primary and find what stopped it."),
    tell(
        "clock_skew",
        &[live(
            "{} apart",
            Seconds,
            "max(max without (redis_node) (rediscluster_node_clock_offset_seconds{CLUSTER}) - min without \
             (redis_node) (rediscluster_node_clock_offset_seconds{CLUSTER}))",
        )],
        "bring back the time service of the node that differs.",
    ),
    tell(
        "cert_expiring",
        &[],
        "replace certificate and key at the same paths and let the node read them again, a replica first.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::CHECKS;
    use crate::metrics;

    #[test]
    fn every_check_is_told_of_in_the_order_of_the_table() {
        let told: Vec<_> = TELLINGS.iter().map(|telling| telling.code).collect();
        assert_eq!(told, CHECKS.map(|check| check.code));
    }

    #[test]
    fn values_are_of_metrics_that_exist_and_the_sentences_end() {
        for telling in &TELLINGS {
            assert!(telling.first.ends_with('.'), "{}", telling.code);
            for live in telling.live {
                assert_eq!(live.says.contains("{}"), live.unit != Nothing, "{}", live.says);
                let words = live.query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                for name in words.filter(|word| word.starts_with("rediscluster_")) {
                    assert!(metrics::all().any(|row| row.full_name() == name), "{}: no {name}", telling.code);
                }
            }
        }
    }
}
