//! The exposition of recorded states as text in `tests/golden`.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use redis_cluster_exporter::frame::Frame;

use crate::common::captures::{State, state, states};
use crate::common::golden::golden;
use crate::common::judged::{CLUSTER, exposition};
use crate::judged;

/// Faults whose text shows all nodes, with what is joined from several nodes' replies.
const FAULTS: [(&str, &str); 12] = [
    ("redis-8.6.3", "split_brain_active"),
    ("valkey-9.1.2", "split_brain_permanent"),
    ("redis-7.0.15", "quorum_lost"),
    ("redis-7.0.15", "partition_masters_2_1"),
    ("valkey-8.0.1", "master_failed_over"),
    ("valkey-9.1.2", "mig_open"),
    ("valkey-9.1.2", "asm_in_progress"),
    ("redis-8.6.3", "asm_two_jobs"),
    ("redis-8.0.6", "replica_full_sync_loading"),
    ("valkey-9.1.2", "replica_full_sync_dual"),
    ("redis-8.6.3", "replica_lag_sigstop"),
    ("redis-7.0.15", "replica_lag_bandwidth_later"),
];

/// Names that begin with one of these are joined from several nodes' replies, or tell what a node is.
const JOINED: [&str; 10] = [
    "node_ask_error",
    "node_bus_links_down",
    "node_cluster_state_ok",
    "node_config_epoch",
    "node_info",
    "node_known_nodes",
    "node_replication_",
    "node_slots_owned",
    "node_suspected_by",
    "node_up",
];

/// The healthy state of every server version.
fn healthy() -> Vec<State> {
    let healthy: Vec<_> = states().into_iter().filter(|state| state.name == "healthy").collect();
    assert!(healthy.len() >= 11, "{} versions", healthy.len());
    healthy
}

/// The text without HELP (docs/metrics.md has it) and with those samples only that are wanted; families without
/// any leave no TYPE behind.
fn shortened(frame: &Arc<Frame>, wanted: impl Fn(&str, Option<&str>) -> bool) -> String {
    let (mut text, mut head) = (String::new(), "");
    let full = exposition(frame);
    for line in full.lines().filter(|line| !line.starts_with("# HELP ")) {
        if line.starts_with("# TYPE ") {
            head = line;
            continue;
        }
        let name = line.split(['{', ' ']).next().unwrap().strip_prefix("rediscluster_").unwrap();
        let node = line.split_once(",redis_node=\"").map(|(_, rest)| rest.split('"').next().unwrap());
        if wanted(name, node) {
            for line in [head, line].iter().filter(|line| !line.is_empty()) {
                text.push_str(line);
                text.push('\n');
            }
            head = "";
        }
    }
    text.replace(&format!("redis_cluster=\"{CLUSTER}\""), "").replace("{,", "{").replace("{}", "")
}

/// One shard of a healthy cluster with all it says, for every version.
#[test]
fn everything_of_a_healthy_shard() {
    for state in healthy() {
        let frame = judged(&state);
        let first = state.truth["nodes"]["m1"]["id"].as_str().unwrap();
        let shard: Vec<&str> = frame
            .view
            .members
            .iter()
            .filter(|member| member.primary.unwrap_or(member.id).to_string() == first)
            .map(|member| &*member.label)
            .collect();
        assert_eq!(shard.len(), 2, "{state}");
        let text = shortened(&frame, |_, node| node.is_none_or(|node| shard.contains(&node)));
        let one_command = |line: &&str| !line.contains(",command=\"") || line.contains(",command=\"info\"");
        let text: String = text.lines().filter(one_command).map(|line| format!("{line}\n")).collect();
        golden(&format!("tests/golden/{}.{}.txt", state.server, state.name), &text);
    }
}

#[test]
fn what_faults_look_like_from_all_nodes() {
    for (server, name) in FAULTS {
        let frame = judged(&state(server, name));
        let joined = |name: &str| JOINED.iter().any(|wanted| name.starts_with(wanted));
        let text = shortened(&frame, |name, node| node.is_none() || joined(name));
        golden(&format!("tests/golden/{server}.{name}.txt"), &text);
    }
}

#[test]
fn promtool_finds_nothing() {
    for state in healthy() {
        let text = exposition(&judged(&state));
        let started = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut promtool) = started else {
            assert!(std::env::var_os("CI").is_none(), "promtool is not on PATH, and CI must have it");
            println!("skipped: promtool is not on PATH");
            return;
        };
        promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = promtool.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success() && said.is_empty(), "{state}:\n{}", String::from_utf8_lossy(&said));
    }
}
