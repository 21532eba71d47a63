//! Slots on the move, views that differ, nodes that join and leave.

use crate::common::exporter::Exporter;
use crate::common::real::{Cluster, available, await_that, server};

fn id(cluster: &Cluster, node: &str) -> String {
    cluster.cli(node, &["CLUSTER", "MYID"])
}

#[test]
fn an_open_slot_is_seen_until_it_is_closed() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 0).boot();
    let (source, target) = (cluster.primary(0), cluster.primary(1));
    // `{06S}` hashes to slot 0, which the first primary owns.
    assert_eq!(cluster.cli(source, &["CLUSTER", "KEYSLOT", "{06S}"]), "0");
    for key in ["{06S}a", "{06S}b", "{06S}c"] {
        assert_eq!(cluster.cli(source, &["SET", key, "1"]), "OK");
    }
    let exporter = Exporter::start(&[source]);
    let open = [("mechanism", "setslot")];
    let samples =
        exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(3.0));
    assert_eq!(samples.value("rediscluster_slots_open", &open), 0.0);
    assert_eq!(samples.value("rediscluster_slots_open", &[("mechanism", "atomic")]), 0.0);

    assert_eq!(cluster.cli(target, &["CLUSTER", "SETSLOT", "0", "IMPORTING", &id(&cluster, source)]), "OK");
    assert_eq!(cluster.cli(source, &["CLUSTER", "SETSLOT", "0", "MIGRATING", &id(&cluster, target)]), "OK");
    let samples = exporter.until("the slot is open and its keys are counted", |s| {
        s.value("rediscluster_slots_open", &open) == 1.0
            && s.find("rediscluster_migration_keys_remaining", &[]) == Some(3.0)
    });
    let started = samples.value("rediscluster_migration_oldest_start_timestamp_seconds", &[]);
    assert!(started <= samples.value("rediscluster_poll_timestamp_seconds", &[]));
    assert_eq!(samples.value("rediscluster_slots_covered", &[]), 16384.0);

    let (host, port) = target.rsplit_once(':').expect("host:port");
    let moved = cluster.cli(source, &["MIGRATE", host, port, "", "0", "5000", "KEYS", "{06S}a", "{06S}b"]);
    assert_eq!(moved, "OK");
    let samples = exporter
        .until("one key is left", |s| s.find("rediscluster_migration_keys_remaining", &[]) == Some(1.0));
    assert_eq!(samples.value("rediscluster_migration_oldest_start_timestamp_seconds", &[]), started);

    assert_eq!(cluster.cli(source, &["MIGRATE", host, port, "", "0", "5000", "KEYS", "{06S}c"]), "OK");
    for node in [target, source, cluster.primary(2)] {
        assert_eq!(cluster.cli(node, &["CLUSTER", "SETSLOT", "0", "NODE", &id(&cluster, target)]), "OK");
    }
    let samples = exporter.until("the slot is closed", |s| {
        s.value("rediscluster_slots_open", &open) == 0.0 && s.find("rediscluster_slot_maps", &[]) == Some(1.0)
    });
    assert_eq!(samples.value("rediscluster_node_slots_owned", &[("redis_node", source)]), 5460.0);
    assert_eq!(samples.value("rediscluster_node_slots_owned", &[("redis_node", target)]), 5462.0);
    assert!(samples.sum("rediscluster_topology_changes_total", &[]) >= 1.0);
}

#[test]
fn nodes_that_disagree_about_a_slot_show() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 0).conf("cluster-require-full-coverage no").boot();
    let exporter = Exporter::start(&[cluster.primary(1)]);
    let samples =
        exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(3.0));
    assert_eq!(samples.value("rediscluster_slot_maps", &[]), 1.0);

    // Only the owner lets go of it: the two others go on naming it as the owner, and every one says ok.
    assert_eq!(cluster.cli(cluster.primary(0), &["CLUSTER", "DELSLOTS", "100"]), "OK");
    let samples = exporter.until("two maps", |s| s.find("rediscluster_slot_maps", &[]) == Some(2.0));
    assert_eq!(samples.value("rediscluster_slots_covered", &[]), 16383.0);
    assert_eq!(samples.value("rediscluster_slots_uncovered", &[("reason", "unassigned")]), 1.0);
    assert_eq!(samples.value("rediscluster_slots_contested", &[]), 0.0);

    assert_eq!(cluster.cli(cluster.primary(0), &["CLUSTER", "ADDSLOTS", "100"]), "OK");
    let samples = exporter.until("one map again", |s| s.find("rediscluster_slot_maps", &[]) == Some(1.0));
    assert_eq!(samples.value("rediscluster_slots_covered", &[]), 16384.0);
}

#[test]
fn a_node_that_leaves_takes_its_series_along() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 1).boot();
    let (gone, stays) = (cluster.replica(2), cluster.primary(0));
    let exporter = Exporter::start(&[stays]);
    exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(6.0));

    let gone_id = id(&cluster, gone);
    assert_eq!(cluster.cli(gone, &["CLUSTER", "RESET", "HARD"]), "OK");
    for node in cluster.nodes().iter().filter(|node| *node != gone) {
        assert_eq!(cluster.cli(node, &["CLUSTER", "FORGET", &gone_id]), "OK");
    }
    let samples =
        exporter.until("five nodes are known", |s| s.find("rediscluster_nodes_known", &[]) == Some(5.0));
    assert_eq!(samples.find("rediscluster_node_up", &[("redis_node", gone)]), None);
    assert_eq!(samples.value("rediscluster_replicas", &[]), 2.0);

    cluster.meet(gone);
    let samples = exporter
        .until("it is back", |s| s.find("rediscluster_node_up", &[("redis_node", gone)]) == Some(1.0));
    assert!(samples.sum("rediscluster_topology_changes_total", &[]) >= 2.0);
}

#[test]
fn a_node_that_joins_is_followed_to_its_role() {
    if !available(&server()) {
        return;
    }
    let mut cluster = Cluster::of(3, 0).boot();
    let exporter = Exporter::start(&[cluster.primary(0)]);
    exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(3.0));

    let new = cluster.add();
    cluster.meet(&new);
    let labels = [("redis_node", new.as_str())];
    let samples = exporter.until("it is there", |s| s.find("rediscluster_node_up", &labels) == Some(1.0));
    assert_eq!(samples.value("rediscluster_primaries", &[]), 4.0);
    assert_eq!(samples.value("rediscluster_shards", &[]), 3.0, "a primary without slots is no shard");

    let primary = id(&cluster, cluster.primary(1));
    await_that("the primary is known to it", || {
        cluster.cli(&new, &["CLUSTER", "REPLICATE", &primary]) == "OK"
    });
    let samples = exporter.until("it replicates", |s| {
        s.find("rediscluster_node_replication_link_up", &labels) == Some(1.0)
            && s.find("rediscluster_replicas", &[]) == Some(1.0)
    });
    assert_eq!(samples.value("rediscluster_nodes_known", &[]), 4.0);
    assert_eq!(samples.value("rediscluster_primaries", &[]), 3.0);
    let shard = |node: &str| samples.label("rediscluster_node_info", &[("redis_node", node)], "redis_shard");
    assert_eq!(shard(&new), shard(cluster.primary(1)));
    let changes = |kind| samples.value("rediscluster_topology_changes_total", &[("kind", kind)]);
    assert_eq!((changes("joined"), changes("role_changed"), changes("left")), (1.0, 1.0, 0.0));
    assert_eq!(samples.value("rediscluster_failovers_total", &[]), 0.0);
}

#[test]
fn a_node_that_comes_back_at_another_address_is_the_same_node() {
    if !available(&server()) {
        return;
    }
    let mut cluster = Cluster::of(3, 1).node_timeout_ms(30_000).boot();
    let old = cluster.replica(2).to_owned();
    let node = id(&cluster, &old);
    let exporter = Exporter::start(&[cluster.primary(0)]);
    exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(6.0));

    cluster.kill(&old);
    exporter.until("it is down", |s| s.find("rediscluster_node_up", &[("redis_node", &old)]) == Some(0.0));
    let new = cluster.start_elsewhere(&old);
    let samples = exporter.until("it is up at its new address", |s| {
        s.find("rediscluster_node_up", &[("redis_node", &new)]) == Some(1.0)
    });
    assert_eq!(samples.label("rediscluster_node_info", &[("redis_node", &new)], "node_id"), node);
    await_that("every node knows", || {
        cluster.nodes().iter().all(|viewer| cluster.cli(viewer, &["CLUSTER", "NODES"]).contains(&new))
    });
    let samples = exporter.fresh();
    assert!(!exporter.text().contains(&old), "the old address has a series");
    assert_eq!(samples.value("rediscluster_nodes_known", &[]), 6.0);
    assert_eq!(samples.value("rediscluster_nodes_reachable", &[]), 6.0);
    let changes = |kind| samples.value("rediscluster_topology_changes_total", &[("kind", kind)]);
    assert_eq!((changes("address_changed"), changes("joined"), changes("left")), (1.0, 0.0, 0.0));
}
