//! Documents that derive from the tables say what the tables say, and the tables have every name that others rely
//! on.
#![allow(clippy::unwrap_used, reason = "a test fails where it meets what it does not expect")]

mod common {
    pub(crate) mod golden;
}

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use clap::CommandFactory;
use common::golden::golden;
use redis_cluster_exporter::cli::Cli;
use redis_cluster_exporter::derive;
use redis_cluster_exporter::metrics::{self, Kind, Metric};

#[test]
fn the_reference_of_all_metrics_is_that_of_the_table() {
    golden("docs/metrics.md", &derive::metrics_reference());
}

#[test]
fn the_reference_of_all_checks_is_that_of_the_table() {
    golden("docs/checks.md", &derive::checks_reference());
}

#[test]
fn the_reference_of_what_is_asked_is_that_of_the_table() {
    golden("docs/access.md", &derive::access_reference());
}

#[test]
fn the_manual_pages_are_those_of_the_command_line() {
    let made = tempfile::tempdir().unwrap();
    clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), made.path()).unwrap();
    for name in names_in(made.path()) {
        golden(&format!("{MANUAL}/{name}"), &fs::read_to_string(made.path().join(&name)).unwrap());
    }
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(MANUAL);
    assert_eq!(names_in(&kept), names_in(made.path()), "a page for each command, and no other");
}

/// The package brings them.
const MANUAL: &str = "deploy/debian/man";

fn names_in(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_readme_shows_the_least_rights() {
    // Servers before 7.0 take rights of subcommands that they do not have.
    let (_, servers) = derive::ACL_SERVERS[1];
    let line = derive::acl_line(servers);
    assert!(include_str!("../README.md").lines().any(|shown| shown == line), "wanted: {line}");
}

/// Names and labels that dashboards, alerts and users' own rules rely on: to rename one is a breaking change.
/// The labels stand beside `redis_cluster`, and for names that begin with `node` beside `redis_node`.
const PROMISED: [(&str, Kind, &[&str]); 71] = [
    ("up", Kind::Gauge, &[]),
    ("poll_timestamp_seconds", Kind::Gauge, &[]),
    ("poll_duration_seconds", Kind::Gauge, &[]),
    ("nodes_known", Kind::Gauge, &[]),
    ("nodes_reachable", Kind::Gauge, &[]),
    ("primaries", Kind::Gauge, &[]),
    ("replicas", Kind::Gauge, &[]),
    ("shards", Kind::Gauge, &[]),
    ("slots_covered", Kind::Gauge, &[]),
    ("slots_uncovered", Kind::Gauge, &["reason"]),
    ("slots_contested", Kind::Gauge, &[]),
    ("slots_open", Kind::Gauge, &["mechanism"]),
    ("slot_maps", Kind::Gauge, &[]),
    ("partitions", Kind::Gauge, &[]),
    ("voting_primaries", Kind::Gauge, &[]),
    ("voting_primaries_reachable", Kind::Gauge, &[]),
    ("quorum_size", Kind::Gauge, &[]),
    ("current_epoch", Kind::Gauge, &[]),
    ("failovers_total", Kind::Counter, &[]),
    ("topology_changes_total", Kind::Counter, &["kind"]),
    ("migration_oldest_start_timestamp_seconds", Kind::Gauge, &[]),
    ("migration_keys_remaining", Kind::Gauge, &[]),
    ("bus_messages_expected_per_second", Kind::Gauge, &[]),
    ("check_firing", Kind::Gauge, &["check", "severity"]),
    ("check_unknown", Kind::Gauge, &["check"]),
    ("finding", Kind::Gauge, &["check", "severity", "redis_shard", "redis_node"]),
    ("findings_dropped", Kind::Gauge, &[]),
    ("node_up", Kind::Gauge, &[]),
    ("node_info", Kind::Gauge, &["node_id", "redis_shard", "role", "server", "version", "availability_zone"]),
    ("node_response_seconds", Kind::Gauge, &[]),
    ("node_cluster_state_ok", Kind::Gauge, &[]),
    ("node_suspected_by", Kind::Gauge, &[]),
    ("node_slots_owned", Kind::Gauge, &[]),
    ("node_config_epoch", Kind::Gauge, &[]),
    ("node_memory_used_bytes", Kind::Gauge, &[]),
    ("node_memory_rss_bytes", Kind::Gauge, &[]),
    ("node_memory_max_bytes", Kind::Gauge, &[]),
    ("node_memory_limit_bytes", Kind::Gauge, &[]),
    ("node_memory_fragmentation_ratio", Kind::Gauge, &[]),
    ("node_memory_fragmentation_bytes", Kind::Gauge, &[]),
    ("node_memory_allocator_allocated_bytes", Kind::Gauge, &[]),
    ("node_memory_allocator_active_bytes", Kind::Gauge, &[]),
    ("node_memory_allocator_resident_bytes", Kind::Gauge, &[]),
    ("node_memory_allocator_fragmentation_ratio", Kind::Gauge, &[]),
    ("node_memory_allocator_fragmentation_bytes", Kind::Gauge, &[]),
    ("node_memory_lua_bytes", Kind::Gauge, &[]),
    ("node_memory_cluster_links_bytes", Kind::Gauge, &[]),
    ("node_memory_replication_backlog_bytes", Kind::Gauge, &[]),
    ("node_memory_replication_buffers_bytes", Kind::Gauge, &[]),
    ("node_replication_offset_bytes", Kind::Gauge, &[]),
    ("node_replication_lag_bytes", Kind::Gauge, &[]),
    ("node_replication_lag_seconds", Kind::Gauge, &[]),
    ("node_replication_link_up", Kind::Gauge, &[]),
    ("node_replication_backlog_bytes", Kind::Gauge, &[]),
    ("node_replication_backlog_history_bytes", Kind::Gauge, &[]),
    ("node_connected_replicas", Kind::Gauge, &[]),
    ("node_resyncs_full_total", Kind::Counter, &[]),
    ("node_resyncs_partial_total", Kind::Counter, &["result"]),
    ("node_bus_messages_sent_total", Kind::Counter, &["type"]),
    ("node_bus_messages_received_total", Kind::Counter, &["type"]),
    ("node_errors_total", Kind::Counter, &["error"]),
    ("node_probe_up", Kind::Gauge, &["probe"]),
    ("node_probe_duration_seconds", Kind::Gauge, &["probe"]),
    ("node_clients_connected", Kind::Gauge, &[]),
    ("node_commands_processed_total", Kind::Counter, &[]),
    ("node_keyspace_hits_total", Kind::Counter, &[]),
    ("node_cpu_user_seconds_total", Kind::Counter, &[]),
    ("node_keys", Kind::Gauge, &["db"]),
    ("node_command_calls_total", Kind::Counter, &["command"]),
    ("node_command_latency_seconds", Kind::Gauge, &["command", "percentile"]),
    ("node_latency_event_latest_seconds", Kind::Gauge, &["event"]),
];

#[test]
fn every_promised_metric_is_in_the_table() {
    let table: BTreeMap<String, &Metric> = metrics::all().map(|row| (row.full_name(), row)).collect();
    for (name, kind, labels) in PROMISED {
        let row = table.get(&format!("rediscluster_{name}")).unwrap_or_else(|| panic!("no metric {name}"));
        assert_eq!(row.kind, kind, "{name}");
        let scope: &[&str] =
            if name.starts_with("node_") { &["redis_cluster", "redis_node"] } else { &["redis_cluster"] };
        assert_eq!(row.labels(), [scope, labels].concat(), "{name}");
    }
}

#[test]
fn promises_are_made_once() {
    let mut names: Vec<_> = PROMISED.iter().map(|(name, ..)| name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), PROMISED.len());
}
