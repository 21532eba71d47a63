//! Every metric that `redis-cli` can vouch for says what `redis-cli` says at the same instant: what stands still
//! exactly, what only grows between two readings around the poll, what wavers near them.

use crate::common::exporter::{CLUSTER, Exporter};
use crate::common::real::{Cluster, available, server};
use crate::common::samples::Samples;

/// Metrics of the whole cluster and their value in a healthy one of three primaries with one replica each.
const HEALTHY: [(&str, f64); 22] = [
    ("rediscluster_up", 1.0),
    ("rediscluster_nodes_known", 6.0),
    ("rediscluster_nodes_reachable", 6.0),
    ("rediscluster_primaries", 3.0),
    ("rediscluster_replicas", 3.0),
    ("rediscluster_shards", 3.0),
    ("rediscluster_slots_covered", 16384.0),
    ("rediscluster_slots_uncovered{unassigned}", 0.0),
    ("rediscluster_slots_uncovered{owner_failed}", 0.0),
    ("rediscluster_slots_uncovered{owner_unreachable}", 0.0),
    ("rediscluster_slots_uncovered{owner_loading}", 0.0),
    ("rediscluster_slots_contested", 0.0),
    ("rediscluster_slots_open{setslot}", 0.0),
    ("rediscluster_slots_open{atomic}", 0.0),
    ("rediscluster_slot_maps", 1.0),
    ("rediscluster_partitions", 1.0),
    ("rediscluster_voting_primaries", 3.0),
    ("rediscluster_voting_primaries_reachable", 3.0),
    ("rediscluster_quorum_size", 2.0),
    ("rediscluster_failovers_total", 0.0),
    // 2·(1 + 2(N−1)/T) with six nodes and a node timeout of 5 s
    ("rediscluster_bus_messages_expected_per_second", 6.0),
    ("rediscluster_migration_keys_remaining", 0.0),
];

/// Gauges that stand still in an idle cluster: metric, command, field.
const STILL: [(&str, &[&str], &str); 4] = [
    ("rediscluster_node_memory_max_bytes", &["INFO", "memory"], "maxmemory"),
    ("rediscluster_node_replication_backlog_bytes", &["INFO", "replication"], "repl_backlog_size"),
    ("rediscluster_node_connected_replicas", &["INFO", "replication"], "connected_slaves"),
    ("rediscluster_node_resyncs_full_total", &["INFO", "stats"], "sync_full"),
];

/// Values that only grow.
const GROWING: [(&str, &[&str], &str); 2] = [
    ("rediscluster_node_replication_offset_bytes", &["INFO", "replication"], "OFFSET"),
    ("rediscluster_node_replication_backlog_history_bytes", &["INFO", "replication"], "repl_backlog_histlen"),
];

/// Gauges that waver a little: metric, field of INFO memory.
const WAVERING: [(&str, &str); 6] = [
    ("rediscluster_node_memory_used_bytes", "used_memory"),
    ("rediscluster_node_memory_rss_bytes", "used_memory_rss"),
    ("rediscluster_node_memory_fragmentation_ratio", "mem_fragmentation_ratio"),
    ("rediscluster_node_memory_fragmentation_bytes", "mem_fragmentation_bytes"),
    ("rediscluster_node_memory_lua_bytes", "used_memory_lua"),
    ("rediscluster_node_memory_cluster_links_bytes", "mem_cluster_links"),
];

/// Three primaries with a replica each, that have seen writes, an error and a memory limit; and an exporter.
fn lived_in() -> (Cluster, Exporter) {
    let cluster = Cluster::of(3, 1).boot();
    for n in 0..50 {
        assert_eq!(cluster.cli(cluster.primary(0), &["SET", &format!("{{06S}}{n}"), "value"]), "OK");
    }
    for node in &cluster.nodes()[1..3] {
        assert!(cluster.cli(node, &["GET", "{06S}1"]).starts_with("MOVED 0 "));
    }
    cluster.all(&["CONFIG", "SET", "maxmemory", "104857600"]);
    let exporter = Exporter::start(&[cluster.primary(0)]);
    exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(6.0));
    (cluster, exporter)
}

fn number(cluster: &Cluster, node: &str, words: &[&str], field: &str) -> f64 {
    let is_replica = cluster.myself(node)[2].contains("slave");
    let field = match (field, is_replica) {
        ("OFFSET", true) => "slave_repl_offset",
        ("OFFSET", false) => "master_repl_offset",
        _ => field,
    };
    cluster.number(node, words, field)
}

#[test]
fn the_cluster_as_a_whole() {
    if !available(&server()) {
        return;
    }
    let (cluster, exporter) = lived_in();
    let samples = exporter.fresh();
    for (row, wanted) in HEALTHY {
        let (name, value) = row.trim_end_matches('}').split_once('{').unwrap_or((row, ""));
        let label = [("rediscluster_slots_uncovered", "reason"), ("rediscluster_slots_open", "mechanism")];
        let label = label.iter().find(|(metric, _)| *metric == name).map(|(_, label)| (*label, value));
        let labels: Vec<_> = [("redis_cluster", CLUSTER)].into_iter().chain(label).collect();
        if row == "rediscluster_migration_keys_remaining" {
            assert!(samples.find(name, &labels).is_none_or(|value| value == wanted), "{row}");
            continue;
        }
        assert_eq!(samples.value(name, &labels), wanted, "{row}");
    }
    let epoch = cluster.number(cluster.primary(0), &["CLUSTER", "INFO"], "cluster_current_epoch");
    assert_eq!(samples.value("rediscluster_current_epoch", &[]), epoch);
    let took = samples.value("rediscluster_poll_duration_seconds", &[]);
    assert!(took > 0.0 && took < 0.5, "{took}");
    for name in ["rediscluster_failovers_total", "rediscluster_topology_changes_total"] {
        assert_eq!(samples.kind(name), Some("counter"), "{name}");
    }
    assert!(samples.series() < 1500, "{} series for six nodes", samples.series());
}

#[test]
fn every_node_is_who_it_says() {
    if !available(&server()) {
        return;
    }
    let (cluster, exporter) = lived_in();
    let samples = exporter.fresh();
    for (at, node) in cluster.nodes().iter().enumerate() {
        let own = [("redis_cluster", CLUSTER), ("redis_node", node.as_str())];
        let myself = cluster.myself(node);
        let label = |name| samples.label("rediscluster_node_info", &own, name);
        assert_eq!(label("node_id"), myself[0]);
        assert_eq!(label("role"), if at < 3 { "primary" } else { "replica" });
        let info = cluster.cli(node, &["INFO", "server"]);
        let version = |field| crate::common::real::field(&info, field);
        let is_valkey = version("valkey_version").is_some();
        assert_eq!(
            label("version"),
            version("valkey_version").or(version("redis_version")).expect("a version")
        );
        assert_eq!(label("server"), if is_valkey { "valkey" } else { "redis" });
        assert_eq!(
            label("redis_shard"),
            samples.label("rediscluster_node_info", &peer(&cluster, at), "redis_shard")
        );

        assert_eq!(samples.value("rediscluster_node_up", &own), 1.0);
        assert_eq!(samples.value("rediscluster_node_cluster_state_ok", &own), 1.0);
        assert_eq!(samples.value("rediscluster_node_suspected_by", &own), 0.0);
        assert_eq!(
            samples.value("rediscluster_node_slots_owned", &own),
            [5461.0, 5461.0, 5462.0, 0.0, 0.0, 0.0][at]
        );
        let epoch: f64 = myself[6].parse().expect("config epoch");
        assert_eq!(samples.value("rediscluster_node_config_epoch", &own), epoch);
        let response = samples.value("rediscluster_node_response_seconds", &own);
        assert!(response > 0.0 && response < 0.4, "{node} answered in {response} s");
        for probe in ["ping", "info", "cluster_info", "cluster_nodes", "config_get", "cluster_links", "time"]
        {
            let labels = [("redis_node", node.as_str()), ("probe", probe)];
            assert_eq!(samples.value("rediscluster_node_probe_up", &labels), 1.0, "{labels:?}");
        }
    }
    let shards: std::collections::BTreeSet<_> =
        samples.all("rediscluster_node_info", &[]).map(|(labels, _)| labels["redis_shard"].clone()).collect();
    assert_eq!(shards.len(), 3);
    assert!(!shards.contains(""));
}

/// The labels of the other node of the same shard.
fn peer(cluster: &Cluster, at: usize) -> [(&str, &str); 1] {
    [("redis_node", &cluster.nodes()[(at + 3) % 6])]
}

#[test]
fn every_node_says_what_redis_cli_says() {
    if !available(&server()) {
        return;
    }
    let (cluster, exporter) = lived_in();
    let read_all = |rows: &[(&str, &[&str], &str)]| -> Vec<Vec<f64>> {
        let of = |node: &String| rows.iter().map(|row| number(&cluster, node, row.1, row.2)).collect();
        cluster.nodes().iter().map(of).collect()
    };
    let wavering: Vec<_> =
        WAVERING.iter().map(|(metric, field)| (*metric, &["INFO", "memory"][..], *field)).collect();
    let read = || (read_all(&GROWING), read_all(&wavering));
    let measure = || (read(), exporter.fresh(), read());
    let astray = |(before, samples, after): &(Reading, Samples, Reading)| {
        wavered(&cluster, &before.1, samples, &after.1)
    };
    // A packet under way on the bus may count as memory at one instant and not at the next.
    let calm = (0..4).map(|_| measure()).find(|measured| astray(measured).is_none());
    let measured = calm.unwrap_or_else(measure);
    assert_eq!(astray(&measured), None);
    let (before, samples, after) = measured;

    for (at, node) in cluster.nodes().iter().enumerate() {
        let own = [("redis_node", node.as_str())];
        for (metric, words, field) in STILL {
            assert_eq!(
                samples.value(metric, &own),
                number(&cluster, node, words, field),
                "{metric} of {node}"
            );
        }
        for (row, (metric, ..)) in GROWING.iter().enumerate() {
            let (low, high) = (before.0[at][row], after.0[at][row]);
            let value = samples.value(metric, &own);
            assert!(low <= value && value <= high, "{metric} of {node}: {value} is not within {low}..{high}");
        }
        assert_eq!(samples.value("rediscluster_node_memory_limit_bytes", &own), 104_857_600.0);
        let partial = number(&cluster, node, &["INFO", "stats"], "sync_partial_ok")
            + number(&cluster, node, &["INFO", "stats"], "sync_partial_err");
        assert_eq!(samples.sum("rediscluster_node_resyncs_partial_total", &own), partial);
        replication(&samples, node, at < 3);
    }
}

/// The growing and the wavering values as `redis-cli` reads them, by node.
type Reading = (Vec<Vec<f64>>, Vec<Vec<f64>>);

/// The first value that is not near what was read before and after it.
fn wavered(cluster: &Cluster, before: &[Vec<f64>], samples: &Samples, after: &[Vec<f64>]) -> Option<String> {
    for (at, node) in cluster.nodes().iter().enumerate() {
        for (row, (metric, _)) in WAVERING.iter().enumerate() {
            let (one, other) = (before[at][row], after[at][row]);
            let (low, high) = (one.min(other), one.max(other));
            let (value, slack) = (samples.value(metric, &[("redis_node", node)]), 0.25 * high.abs());
            if value < low - slack || value > high + slack {
                return Some(format!("{metric} of {node}: {value} is not near {low}..{high}"));
            }
        }
    }
    None
}

/// What an idle shard in good order reads.
fn replication(samples: &Samples, node: &str, is_primary: bool) {
    let own = [("redis_node", node)];
    for metric in ["rediscluster_node_replication_lag_bytes", "rediscluster_node_replication_lag_seconds"] {
        let lag = samples.find(metric, &own);
        if is_primary {
            assert_eq!(lag, None, "{metric} of the primary {node}");
        } else {
            assert!(lag.is_some_and(|lag| (0.0..=100.0).contains(&lag)), "{metric} of {node}: {lag:?}");
        }
    }
    let link = samples.find("rediscluster_node_replication_link_up", &own);
    assert_eq!(link, (!is_primary).then_some(1.0), "link of {node}");
}

#[test]
fn bus_messages_and_errors_are_counted_by_kind() {
    if !available(&server()) {
        return;
    }
    let (cluster, exporter) = lived_in();
    let read_all = || -> Vec<_> { cluster.nodes().iter().map(|node| messages(&cluster, node)).collect() };
    let before = read_all();
    let samples = exporter.fresh();
    let after = read_all();
    for (at, node) in cluster.nodes().iter().enumerate() {
        assert!(!before[at].is_empty(), "{node} has sent nothing");
        for (kind, direction, low) in &before[at] {
            let of_kind = |row: &&(String, &str, f64)| row.0 == *kind && row.1 == *direction;
            let high = after[at].iter().find(of_kind).map(|row| row.2).expect("a counter does not vanish");
            let metric = format!("rediscluster_node_bus_messages_{direction}_total");
            let value = samples.value(&metric, &[("redis_node", node), ("type", kind)]);
            assert!(
                *low <= value && value <= high,
                "{metric} {kind} of {node}: {value} not in {low}..{high}"
            );
        }
    }
    for node in &cluster.nodes()[1..3] {
        let labels = [("redis_node", node.as_str()), ("error", "MOVED")];
        assert_eq!(samples.value("rediscluster_node_errors_total", &labels), 1.0);
        let errors = cluster.cli(node, &["INFO", "errorstats"]);
        assert!(errors.contains("errorstat_MOVED:count=1"), "{errors}");
    }
}

/// `cluster_stats_messages_TYPE_sent` and `…_received` of one node: type, direction, count.
fn messages(cluster: &Cluster, node: &str) -> Vec<(String, &'static str, f64)> {
    let reply = cluster.cli(node, &["CLUSTER", "INFO"]);
    let row = |line: &str| {
        let (name, count) = line.strip_prefix("cluster_stats_messages_")?.split_once(':')?;
        let (kind, direction) = name.rsplit_once('_')?;
        let direction = if direction == "sent" { "sent" } else { "received" };
        Some((kind.to_owned(), direction, count.parse().expect("a count")))
    };
    reply.lines().filter_map(row).collect()
}
