//! Nodes that die, hang and come back: they cost only themselves, and leave no trace once they are well again.

use crate::common::exporter::Exporter;
use crate::common::real::{Cluster, available, server};
use crate::common::samples::Samples;

const NODE_METRICS: [&str; 3] = [
    "rediscluster_node_memory_used_bytes",
    "rediscluster_node_info",
    "rediscluster_node_replication_offset_bytes",
];

#[test]
fn a_failover_is_followed() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 1).node_timeout_ms(2000).boot();
    let (dead, heir) = (cluster.primary(0), cluster.replica(0));
    // The exporter is told of the one that will die: later it must live on what it learnt.
    let exporter = Exporter::start(&[dead]);
    let before =
        exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(6.0));
    assert_eq!(before.value("rediscluster_failovers_total", &[]), 0.0);
    assert_eq!(before.label("rediscluster_node_info", &[("redis_node", heir)], "role"), "replica");

    cluster.kill(dead);
    let down = [("redis_node", dead)];
    let samples =
        exporter.until("the dead node reads 0", |s| s.find("rediscluster_node_up", &down) == Some(0.0));
    assert_eq!(
        samples.value("rediscluster_node_ask_error", &[("redis_node", dead), ("error", "connect")]),
        1.0
    );
    for name in NODE_METRICS {
        assert_eq!(samples.find(name, &down), None, "{name}");
    }

    let promoted = [("redis_node", heir), ("role", "primary")];
    let samples = exporter.until("the replica is primary and owns the slots", |s| {
        s.find("rediscluster_node_info", &promoted).is_some()
            && s.find("rediscluster_slots_covered", &[]) == Some(16384.0)
    });
    assert!(samples.value("rediscluster_failovers_total", &[]) >= 1.0);
    assert_eq!(samples.value("rediscluster_node_slots_owned", &[("redis_node", heir)]), 5461.0);
    assert_eq!(samples.value("rediscluster_slots_contested", &[]), 0.0);
    assert_eq!(samples.value("rediscluster_nodes_reachable", &[]), 5.0);
    assert_eq!(samples.value("rediscluster_nodes_known", &[]), 6.0);
    assert_eq!(samples.value("rediscluster_node_up", &down), 0.0);

    cluster.start(dead);
    let demoted = [("redis_node", dead), ("role", "replica")];
    let samples = exporter.until("the old primary is back as a replica, and nobody doubts it", |s| {
        s.find("rediscluster_node_info", &demoted).is_some()
            && s.find("rediscluster_node_suspected_by", &down) == Some(0.0)
    });
    assert_eq!(samples.value("rediscluster_node_up", &down), 1.0);
    assert_eq!(samples.value("rediscluster_nodes_reachable", &[]), 6.0);
    assert_eq!(samples.all("rediscluster_node_ask_error", &[]).count(), 0);
}

#[test]
fn slots_of_a_dead_primary_without_a_replica_are_uncovered() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 0).node_timeout_ms(2000).boot();
    let exporter = Exporter::start(&[cluster.primary(0)]);
    exporter.until("all nodes answer", |s| s.find("rediscluster_slots_covered", &[]) == Some(16384.0));
    let owned = |s: &Samples, reason| s.value("rediscluster_slots_uncovered", &[("reason", reason)]);
    cluster.kill(cluster.primary(2));
    let samples = exporter.until("peers call it failed", |s| owned(s, "owner_failed") > 0.0);
    assert_eq!(samples.value("rediscluster_slots_covered", &[]), 10922.0);
    assert_eq!(owned(&samples, "owner_failed"), 5462.0);
    assert_eq!(owned(&samples, "unassigned") + owned(&samples, "owner_loading"), 0.0);
    assert_eq!(samples.value("rediscluster_voting_primaries", &[]), 3.0);
    assert_eq!(samples.value("rediscluster_voting_primaries_reachable", &[]), 2.0);
    assert_eq!(samples.value("rediscluster_quorum_size", &[]), 2.0);
    assert_eq!(
        samples.value("rediscluster_node_suspected_by", &[("redis_node", cluster.primary(2))]),
        2.0,
        "both living peers flag it"
    );
}

#[test]
fn a_hung_node_costs_only_itself() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 1).boot();
    let exporter = Exporter::start(&[cluster.primary(0)]);
    exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(6.0));

    let hung = cluster.replica(1);
    let labels = [("redis_node", hung)];
    cluster.stop(hung);
    let timed_out = [("redis_node", hung), ("error", "timeout")];
    let samples = exporter
        .until("the hung node is named", |s| s.find("rediscluster_node_ask_error", &timed_out) == Some(1.0));
    assert_eq!(samples.value("rediscluster_node_up", &labels), 0.0);
    for name in NODE_METRICS {
        assert_eq!(samples.find(name, &labels), None, "{name}");
    }
    let samples = exporter.fresh();
    assert_eq!(samples.value("rediscluster_nodes_reachable", &[]), 5.0);
    for node in cluster.nodes().iter().filter(|node| *node != hung) {
        assert_eq!(samples.value("rediscluster_node_up", &[("redis_node", node)]), 1.0);
    }

    cluster.resume(hung);
    let samples = exporter.until("the node answers and nobody doubts it", |s| {
        s.find("rediscluster_node_up", &labels) == Some(1.0)
            && s.find("rediscluster_node_suspected_by", &labels) == Some(0.0)
    });
    assert_eq!(samples.all("rediscluster_node_ask_error", &[]).count(), 0);
    for name in NODE_METRICS {
        assert!(samples.find(name, &labels).is_some(), "{name}");
    }
}
