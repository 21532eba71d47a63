//! Addresses that are not what they seem: NAT, announced host names, a load balancer for a seed.

use std::net::TcpListener;

use crate::common::exporter::{CLUSTER, Exporter};
use crate::common::real::{Cluster, available, await_that, free_port, server, skip};
use crate::common::relay::Relay;

fn host_and_port(address: &str) -> (&str, u16) {
    let (host, port) = address.rsplit_once(':').expect("host:port");
    (host, port.parse().expect("a port"))
}

#[test]
fn behind_a_nat_nodes_are_reached_and_named_as_mapped() {
    if !available(&server()) {
        return;
    }
    // Nodes reach each other there, by way of relays to their buses. Clients do not: nothing else listens there.
    const INSIDE: &str = "127.0.0.77";
    if TcpListener::bind((INSIDE, 0)).is_err() {
        skip("this machine has no loopback address but 127.0.0.1");
        return;
    }
    let cluster = Cluster::of(3, 0).boot();
    let (mut relays, mut announced) = (Vec::new(), Vec::new());
    for node in cluster.nodes() {
        let config = cluster.cli(node, &["CONFIG", "GET", "cluster-port"]);
        let bus: u16 = config.lines().nth(1).expect("a value").parse().expect("a port");
        let relay = TcpListener::bind((INSIDE, 0)).expect("bind");
        let (_, outside) = host_and_port(node);
        let inside_bus = relay.local_addr().expect("address").port().to_string();
        relays.push(Relay::new(relay, &format!("127.0.0.1:{bus}")));
        let inside = outside + 30_000;
        for (key, value) in [
            ("cluster-announce-bus-port", inside_bus.as_str()),
            ("cluster-announce-port", &inside.to_string()),
            ("cluster-announce-ip", INSIDE),
        ] {
            assert_eq!(cluster.cli(node, &["CONFIG", "SET", key, value]), "OK", "{key}");
        }
        announced.push(format!("{INSIDE}:{inside}"));
    }
    await_that("every node names every other by its new address", || {
        cluster.nodes().iter().all(|viewer| {
            let nodes = cluster.cli(viewer, &["CLUSTER", "NODES"]);
            let connected = nodes.lines().filter(|line| line.contains(" connected")).count();
            connected == 3 && announced.iter().all(|address| nodes.contains(&format!(" {address}@")))
        })
    });
    let map: Vec<_> =
        announced.iter().zip(cluster.nodes()).map(|(a, b)| format!("\"{a}\": \"{b}\"")).collect();
    let yaml = |map: &str| {
        format!(
            "clusters: [{{name: {CLUSTER}, seeds: [\"{}\"], address_map: {{{map}}}}}]",
            cluster.primary(1)
        )
    };

    let exporter = Exporter::with_file(&yaml(&map.join(", ")));
    let samples =
        exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(3.0));
    assert_eq!(samples.value("rediscluster_nodes_known", &[]), 3.0);
    assert_eq!(samples.value("rediscluster_slots_covered", &[]), 16384.0);
    assert_eq!(samples.all("rediscluster_node_ask_error", &[]).count(), 0);
    for node in cluster.nodes() {
        assert_eq!(samples.value("rediscluster_node_up", &[("redis_node", node)]), 1.0);
    }
    assert!(!exporter.text().contains(INSIDE), "an address that nobody can dial is shown");

    // Without the map only the seed is reached, by the address it was given; the others are named as they announce.
    exporter.reload(&yaml(""));
    let samples = exporter.until("the others cannot be reached", |s| {
        s.find("rediscluster_node_up", &[("redis_node", &announced[0])]) == Some(0.0)
    });
    assert_eq!(samples.value("rediscluster_node_up", &[("redis_node", &announced[1])]), 1.0);
    assert_eq!(samples.value("rediscluster_node_up", &[("redis_node", &announced[2])]), 0.0);
    assert_eq!(samples.value("rediscluster_nodes_known", &[]), 3.0);
    let labels = [("redis_node", announced[2].as_str()), ("error", "connect")];
    assert_eq!(samples.value("rediscluster_node_ask_error", &labels), 1.0);
}

#[test]
fn announced_host_names_are_dialled_and_shown() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 0).conf("cluster-announce-hostname localhost").boot();
    let yaml = |prefer: bool| {
        let seed = cluster.primary(2);
        format!("clusters: [{{name: {CLUSTER}, seeds: [\"{seed}\"], prefer_hostnames: {prefer}}}]")
    };
    await_that("every node names every other by its host name", || {
        cluster.nodes().iter().all(|node| {
            cluster.cli(node, &["CLUSTER", "NODES"]).lines().all(|line| line.contains(",localhost"))
        })
    });
    let exporter = Exporter::with_file(&yaml(true));
    let samples =
        exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(3.0));
    assert_eq!(samples.value("rediscluster_nodes_known", &[]), 3.0);
    for node in cluster.nodes() {
        let label = format!("localhost:{}", host_and_port(node).1);
        assert_eq!(samples.value("rediscluster_node_up", &[("redis_node", &label)]), 1.0);
        assert_eq!(samples.all("rediscluster_node_up", &[("redis_node", node)]).count(), 0);
    }

    exporter.reload(&yaml(false));
    let samples = exporter.until("addresses are shown again", |s| {
        cluster
            .nodes()
            .iter()
            .all(|node| s.find("rediscluster_node_up", &[("redis_node", node)]) == Some(1.0))
    });
    assert!(!exporter.text().contains("localhost:"));
    assert_eq!(samples.value("rediscluster_nodes_reachable", &[]), 3.0);
}

/// The whole cluster is found through a relay, and the relay is let go.
fn found_through(cluster: &Cluster, relay: &Relay) {
    let exporter = Exporter::start(&[&relay.address]);
    exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(3.0));
    await_that(&format!("nothing goes through {} any more", relay.address), || relay.open() == 0);
    let (taken, before) = (relay.taken(), exporter.fresh());
    exporter.fresh();
    let samples = exporter.fresh();
    assert_eq!(relay.taken(), taken, "it was dialled again");
    for samples in [&before, &samples] {
        assert_eq!(samples.value("rediscluster_nodes_known", &[]), 3.0);
        assert_eq!(samples.value("rediscluster_nodes_reachable", &[]), 3.0);
        assert_eq!(samples.all("rediscluster_node_up", &[]).count(), 3);
        for node in cluster.nodes() {
            assert_eq!(samples.value("rediscluster_node_up", &[("redis_node", node)]), 1.0);
        }
    }
    let connects = |s: &crate::common::samples::Samples| s.value("rediscluster_exporter_connects_total", &[]);
    assert_eq!(connects(&samples), connects(&before));
}

#[test]
fn a_load_balancer_as_seed_is_let_go_once_the_nodes_answer() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 0).boot();
    // In the order of addresses before all nodes, and after them: what is asked first must not decide.
    for low in [true, false] {
        let listener =
            if low { bind_below_the_nodes() } else { TcpListener::bind("127.0.0.1:0").expect("bind") };
        let relay = Relay::new(listener, cluster.primary(1));
        assert_eq!(low, relay.address.as_str() < cluster.primary(0), "{}", relay.address);
        found_through(&cluster, &relay);
    }
}

/// Nodes have ports from 20000.
fn bind_below_the_nodes() -> TcpListener {
    let first = 10_000 + free_port() % 9_000;
    (first..20_000).find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok()).expect("a free port")
}
