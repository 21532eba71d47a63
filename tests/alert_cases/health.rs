//! For the alert of every check: what two exporters that watch the same cluster say, and what is then told.

/// One alert, firing.
pub(crate) struct Case {
    /// Code of the check.
    pub(crate) code: &'static str,
    /// Subject of the finding: labels of its series.
    pub(crate) subject: Subject,
    /// What else the exporters say: series and values; `{C` and `{N` stand for the labels of cluster and node.
    pub(crate) series: &'static [(&'static str, &'static str)],
    /// What the description says of it, between where it is and what to do first.
    pub(crate) told: &'static str,
}

/// What a finding is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The cluster, or several nodes.
    Whole,
    /// One shard.
    Shard,
    /// One node.
    Node,
}
use Subject::{Node, Shard, Whole};

const fn case(
    code: &'static str,
    subject: Subject,
    series: &'static [(&'static str, &'static str)],
    told: &'static str,
) -> Case {
    Case { code, subject, series, told }
}

const UNCOVERED: &[(&str, &str)] = &[
    ("rediscluster_slots_uncovered{C,reason=\"owner_failed\"}", "5461"),
    ("rediscluster_slots_uncovered{C,reason=\"unassigned\"}", "0"),
];
const FRAGMENTED: &[(&str, &str)] = &[
    ("rediscluster_node_memory_fragmentation_ratio{N}", "1.8"),
    ("rediscluster_node_memory_fragmentation_bytes{N}", "536870912"),
];
const MIGRATION: &[(&str, &str)] = &[
    ("rediscluster_slots_open{C,mechanism=\"setslot\"}", "2"),
    ("rediscluster_slots_open{C,mechanism=\"atomic\"}", "0"),
    ("rediscluster_migration_keys_remaining{C}", "12345"),
];

/// In the order of the table of checks.
pub(crate) static CASES: [Case; 51] = [
    case("slots_uncovered", Node, UNCOVERED, ", 5461 slots: owner_failed"),
    case(
        "split_brain",
        Whole,
        &[("rediscluster_slots_contested{C}", "5461")],
        ", 5461 slots have two owners",
    ),
    case(
        "quorum_lost",
        Whole,
        &[("rediscluster_voting_primaries_reachable{C}", "1"), ("rediscluster_quorum_size{C}", "2")],
        ", 1 voting primaries reach each other, 2 votes are needed",
    ),
    case("failover_stalled", Node, UNCOVERED, ", 10.0.0.1:6379 is failed, 5461 slots: owner_failed"),
    case(
        "commands_refused",
        Node,
        &[
            ("rediscluster_node_errors_total{N,error=\"CLUSTERDOWN\"}", "0+120x200"),
            ("rediscluster_node_errors_total{N,error=\"OOM\"}", "7"),
            ("rediscluster_node_errors_total{N,error=\"MOVED\"}", "0+240x200"),
        ],
        ", 10.0.0.1:6379 answers CLUSTERDOWN 2/s",
    ),
    case(
        "memory_exhaustion",
        Node,
        &[
            ("rediscluster_node_memory_used_bytes{N}", "9e8"),
            ("rediscluster_node_memory_limit_bytes{N}", "1e9"),
            ("rediscluster_node_memory_used_bytes{C,redis_node=\"10.0.0.2:6379\"}", "1e8"),
            ("rediscluster_node_memory_limit_bytes{C,redis_node=\"10.0.0.2:6379\"}", "1e9"),
        ],
        ", 10.0.0.1:6379 uses 90%",
    ),
    case(
        "cluster_unreachable",
        Whole,
        &[
            ("rediscluster_node_ask_error{N,error=\"connect\"}", "1"),
            ("rediscluster_node_ask_error{C,redis_node=\"10.0.0.2:6379\",error=\"connect\"}", "1"),
        ],
        ", 2 nodes: connect",
    ),
    case("clusters_merged", Whole, &[("rediscluster_nodes_known{C}", "12")], ", 12 nodes known"),
    case(
        "replication_lag",
        Node,
        &[
            ("rediscluster_node_replication_lag_bytes{N}", "12582912"),
            ("rediscluster_node_replication_lag_seconds{N}", "4"),
        ],
        ", 12MiB behind its primary, its data is 4s old",
    ),
    case(
        "replication_lag_critical",
        Node,
        &[("rediscluster_node_replication_lag_bytes{N}", "67108864")],
        ", 64MiB behind its primary",
    ),
    case(
        "replica_link_down",
        Node,
        &[("rediscluster_node_replication_link_down_seconds{N}", "150")],
        ", down for 2m 30s",
    ),
    case(
        "resync_loop",
        Shard,
        &[
            ("rediscluster_node_resyncs_full_total{N}", "0+1x200"),
            ("rediscluster_node_info{N,redis_shard=\"s1\"}", "1"),
            ("rediscluster_node_resyncs_full_total{C,redis_node=\"10.0.0.2:6379\"}", "0+1x200"),
            ("rediscluster_node_info{C,redis_node=\"10.0.0.2:6379\",redis_shard=\"s2\"}", "1"),
        ],
        ", 10.0.0.1:6379 gave 15 full resyncs in 15 minutes",
    ),
    case(
        "replicas_missing",
        Node,
        &[("rediscluster_node_connected_replicas{N}", "0")],
        ", 0 replicas connected",
    ),
    case("replica_orphaned", Node, &[], ""),
    case(
        "failover_not_ready",
        Node,
        &[("rediscluster_node_connected_replicas{N}", "1")],
        ", 1 replicas connected",
    ),
    case(
        "nodes_unexpected",
        Whole,
        &[
            ("rediscluster_nodes_known{C}", "5"),
            ("rediscluster_primaries{C}", "3"),
            ("rediscluster_shards{C}", "3"),
        ],
        ", 5 nodes known, 3 of them primaries, 3 shards",
    ),
    case("node_failed", Node, &[("rediscluster_node_suspected_by{N}", "5")], ", 5 peers hold it for dead"),
    case(
        "node_unreachable",
        Node,
        &[("rediscluster_node_ask_error{N,error=\"timeout\"}", "1")],
        ", error timeout",
    ),
    case("node_suspected", Node, &[("rediscluster_node_suspected_by{N}", "2")], ", 2 peers hold it for dead"),
    case("partitioned", Whole, &[("rediscluster_partitions{C}", "2")], ", 2 groups"),
    case("slot_maps_disagree", Node, &[("rediscluster_slot_maps{C}", "2")], ", 2 different slot maps"),
    case("membership_disagrees", Node, &[("rediscluster_nodes_known{C}", "6")], ", 6 nodes known"),
    case("epoch_collision", Whole, &[("rediscluster_current_epoch{C}", "9")], ", current epoch 9"),
    case("node_slow", Node, &[("rediscluster_node_response_seconds{N}", "1.5")], ", answers after 1.5s"),
    case("fragmentation_high", Node, FRAGMENTED, ", ratio 1.80, 512MiB lost"),
    case(
        "memory_swapping",
        Node,
        &[("rediscluster_node_memory_fragmentation_ratio{N}", "0.7")],
        ", resident over allocated 0.70",
    ),
    case(
        "eviction_pressure",
        Node,
        &[("rediscluster_node_keys_evicted_total{N}", "0+1800x200")],
        ", evicts keys 30/s",
    ),
    case("migration_stalled", Whole, MIGRATION, ", 2 slots open (setslot), 12345 keys left to move"),
    case(
        "migration_unsafe",
        Node,
        &[
            ("rediscluster_node_memory_used_bytes{N}", "85"),
            ("rediscluster_node_memory_limit_bytes{N}", "100"),
        ],
        ", 85% of its memory used",
    ),
    case("orphaned_keys", Node, &[], ""),
    case(
        "redirect_storm",
        Node,
        &[("rediscluster_node_errors_total{N,error=\"MOVED\"}", "0+12000x200")],
        ", MOVED 200/s",
    ),
    case("persistence_failing", Node, &[], ""),
    case(
        "clients_near_limit",
        Node,
        &[("rediscluster_node_clients_connected{N}", "9000"), ("rediscluster_node_clients_max{N}", "10000")],
        ", 90% of maxclients",
    ),
    case(
        "bus_links_saturated",
        Node,
        &[("rediscluster_node_bus_send_buffer_used_max_bytes{N}", "67108864")],
        ", 64MiB wait for one peer",
    ),
    case("config_drift", Whole, &[], ""),
    case(
        "view_incomplete",
        Whole,
        &[("rediscluster_nodes_reachable{C}", "2"), ("rediscluster_nodes_known{C}", "6")],
        ", 2 nodes answer, 6 are known",
    ),
    case("fragmentation_elevated", Node, FRAGMENTED, ", ratio 1.80, 512MiB lost"),
    case(
        "gossip_rate_high",
        Node,
        &[
            ("rediscluster_node_bus_messages_sent_total{N,type=\"ping\"}", "0+12000x200"),
            ("rediscluster_node_bus_messages_sent_total{N,type=\"pong\"}", "0+12000x200"),
            ("rediscluster_node_bus_messages_sent_total{N,type=\"publish\"}", "0+90000x200"),
            ("rediscluster_bus_messages_expected_per_second{C}", "3.5"),
        ],
        ", sends 400/s, expected at most 3.5/s",
    ),
    case("migration_slow", Whole, MIGRATION, ", 2 slots open (setslot), 12345 keys left to move"),
    case(
        "slots_imbalanced",
        Whole,
        &[
            ("rediscluster_node_slots_owned{N}", "9000"),
            ("rediscluster_node_slots_owned{C,redis_node=\"10.0.0.2:6379\"}", "7384"),
        ],
        ", the largest primary has 9000",
    ),
    case(
        "load_imbalanced",
        Node,
        &[
            ("rediscluster_node_commands_processed_total{N}", "0+60000x400"),
            ("rediscluster_node_memory_used_bytes{N}", "1073741824"),
        ],
        ", commands 1k/s, 1GiB used",
    ),
    case("config_risky", Whole, &[], ""),
    case("failure_domain_risk", Whole, &[], ""),
    case("too_few_primaries", Whole, &[("rediscluster_voting_primaries{C}", "2")], ", 2 voting primaries"),
    case("ghost_nodes", Node, &[], ""),
    case(
        "lua_memory_high",
        Node,
        &[
            ("rediscluster_node_memory_lua_bytes{N}", "6291456"),
            ("rediscluster_node_memory_scripts_bytes{N}", "1048576"),
        ],
        ", engine 6MiB, scripts 1MiB",
    ),
    case("big_keys", Node, &[], ""),
    case(
        "versions_mixed",
        Whole,
        &[
            ("rediscluster_node_info{N,version=\"7.0.15\"}", "1"),
            ("rediscluster_node_info{C,redis_node=\"10.0.0.2:6379\",version=\"7.2.6\"}", "1"),
        ],
        ", 1 nodes run 7.0.15, 1 nodes run 7.2.6",
    ),
    case("failover_happened", Shard, &[], ""),
    case(
        "clock_skew",
        Whole,
        &[
            ("rediscluster_node_clock_offset_seconds{N}", "-1"),
            ("rediscluster_node_clock_offset_seconds{C,redis_node=\"10.0.0.2:6379\"}", "2"),
        ],
        ", 3s apart",
    ),
    case("cert_expiring", Node, &[], ""),
];
