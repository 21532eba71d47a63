//! Where the exporter begins: one seed is enough, a dead one does no harm, any address family will do.

use crate::common::exporter::Exporter;
use crate::common::real::{Cluster, Standalone, available, free_port, server, skip};

#[test]
fn one_seed_of_two_is_dead() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 0).boot();
    let dead = format!("127.0.0.1:{}", free_port());
    let exporter = Exporter::start(&[&dead, cluster.primary(1)]);
    let samples =
        exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(3.0));
    assert_eq!(samples.value("rediscluster_up", &[]), 1.0);
    assert_eq!(samples.value("rediscluster_slots_covered", &[]), 16384.0);
    for node in cluster.nodes() {
        assert_eq!(samples.value("rediscluster_node_up", &[("redis_node", node)]), 1.0);
    }
}

#[test]
fn all_seeds_dead_at_start() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 0).boot();
    for node in cluster.nodes() {
        cluster.kill(node);
    }
    let mut exporter = Exporter::start(&[cluster.primary(0), cluster.primary(1)]);
    let samples = exporter.fresh();
    assert_eq!(samples.value("rediscluster_up", &[]), 0.0);
    assert_eq!(samples.value("rediscluster_slots_covered", &[]), 0.0);
    for seed in [cluster.primary(0), cluster.primary(1)] {
        let labels = [("redis_node", seed), ("error", "connect")];
        assert_eq!(samples.value("rediscluster_node_ask_error", &labels), 1.0);
    }
    assert!(exporter.lives());

    for node in cluster.nodes() {
        cluster.start(node);
    }
    let samples =
        exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(3.0));
    assert_eq!(samples.value("rediscluster_slots_covered", &[]), 16384.0);
    assert_eq!(samples.value("rediscluster_up", &[]), 1.0);
    assert_eq!(samples.all("rediscluster_node_ask_error", &[]).count(), 0);
}

#[test]
fn ipv6() {
    if !available(&server()) {
        return;
    }
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        skip("this machine has no IPv6 loopback");
        return;
    }
    let cluster = Cluster::of(3, 0).host("::1").boot();
    assert!(cluster.primary(0).starts_with("[::1]:"));
    let exporter = Exporter::start(&[cluster.primary(0)]);
    let samples =
        exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(3.0));
    for node in cluster.nodes() {
        assert_eq!(samples.value("rediscluster_node_up", &[("redis_node", node)]), 1.0);
    }
}

#[test]
fn a_unix_socket_leads_to_the_whole_cluster() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 0).conf("unixsocket redis.sock").boot();
    let seed = format!("unix://{}", cluster.file(cluster.primary(2), "redis.sock"));
    let exporter = Exporter::start(&[&seed]);
    let samples =
        exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(3.0));
    assert_eq!(samples.value("rediscluster_nodes_known", &[]), 3.0);
    for node in cluster.nodes() {
        assert_eq!(samples.value("rediscluster_node_up", &[("redis_node", node)]), 1.0);
    }
}

#[test]
fn a_server_outside_cluster_mode_is_named() {
    if !available(&server()) {
        return;
    }
    let standalone = Standalone::start();
    let mut exporter = Exporter::start(&[&standalone.address]);
    let samples = exporter.fresh();
    let labels = [("redis_node", standalone.address.as_str()), ("error", "unsupported")];
    assert_eq!(samples.value("rediscluster_node_ask_error", &labels), 1.0);
    assert_eq!(samples.value("rediscluster_node_up", &labels[..1]), 0.0);
    assert!(exporter.log().contains("cluster support disabled"), "{}", exporter.log());
    assert!(exporter.lives());
}

#[test]
fn sigterm_ends_it_in_good_order() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(1, 0).boot();
    let exporter = Exporter::start(&[cluster.primary(0)]);
    assert!(exporter.terminate().success());
}
