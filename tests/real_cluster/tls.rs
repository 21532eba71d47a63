//! Clusters behind TLS, with certificates made here.

use crate::common::authority::Authority;
use crate::common::exporter::{CLUSTER, Exporter};
use crate::common::real::{Cluster, Shape, available, server};

/// The name in the certificate of every node: they announce addresses, so a client has to be told this one.
const NAME: &str = "redis.test";

/// Nodes with a certificate of this authority, the bus over TLS too.
fn with_certificates(shape: Shape, authority: &Authority) -> Shape {
    let (certificate, key) = authority.issue("node", NAME);
    shape
        .conf(&format!("tls-ca-cert-file {}", authority.path("ca.pem").display()))
        .conf(&format!("tls-cert-file {}", certificate.display()))
        .conf(&format!("tls-key-file {}", key.display()))
        .conf("tls-cluster yes")
        .conf("tls-replication yes")
}

/// A configuration file with this seed and these lines under `tls`.
fn yaml(seed: &str, tls: &str) -> String {
    format!("clusters: [{{name: {CLUSTER}, seeds: [\"{seed}\"], tls: {{{tls}}}}}]")
}

fn reaches(exporter: &Exporter, nodes: &[String]) {
    let samples = exporter.until("all nodes answer", |s| {
        s.find("rediscluster_nodes_reachable", &[]) == Some(nodes.len() as f64)
    });
    assert_eq!(samples.value("rediscluster_nodes_known", &[]), nodes.len() as f64);
    assert_eq!(samples.value("rediscluster_slots_covered", &[]), 16384.0);
    for node in nodes {
        assert_eq!(samples.value("rediscluster_node_up", &[("redis_node", node)]), 1.0);
    }
}

fn fails(exporter: &Exporter, node: &str, reason: &str) {
    let labels = [("redis_node", node), ("error", "tls")];
    let samples = exporter.until(&format!("a failure of TLS: {reason}"), |s| {
        s.find("rediscluster_node_ask_error", &labels) == Some(1.0)
    });
    assert_eq!(samples.value("rediscluster_up", &[]), 0.0);
    assert!(exporter.log().contains(reason), "not logged: {reason}\n{}", exporter.log());
}

#[test]
fn a_cluster_that_speaks_only_tls() {
    if !available(&server()) {
        return;
    }
    let (authority, stranger) = (Authority::new(), Authority::new());
    let shape = with_certificates(Cluster::of(3, 1), &authority).conf("port 0").conf("tls-port {port}");
    let (certificate, key) = authority.issue("client", "monitor");
    let path = |file: &str| authority.path(file).display().to_string();
    let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
    let ca = path("ca.pem");
    let options = format!("--tls --cacert {ca} --cert {certificate} --key {key} --sni {NAME}");
    let cluster = shape.cli_options(&options).boot();
    let address = cluster.primary(0);
    let seed = format!("rediss://{address}");
    let mutual = format!("cert_file: {certificate}, key_file: {key}");

    // Servers ask for a certificate unless told otherwise.
    let exporter =
        Exporter::with_file(&yaml(&seed, &format!("ca_file: {ca}, server_name: {NAME}, {mutual}")));
    reaches(&exporter, cluster.nodes());

    exporter.reload(&yaml(&seed, &format!("ca_file: {ca}, server_name: {NAME}")));
    let labels = [("redis_node", address), ("error", "tls")];
    exporter.until("a refusal for want of a certificate", |s| {
        s.find("rediscluster_node_ask_error", &labels) == Some(1.0)
    });

    cluster.all(&["CONFIG", "SET", "tls-auth-clients", "no"]);
    reaches(&exporter, cluster.nodes());
    exporter.reload(&yaml(&seed, "insecure_skip_verify: true"));
    reaches(&exporter, cluster.nodes());
    // The scheme says no more than the key; both may say it.
    exporter.reload(&yaml(address, &format!("ca_file: {ca}, server_name: {NAME}")));
    reaches(&exporter, cluster.nodes());

    let other = stranger.path("ca.pem").display().to_string();
    let wrong = Exporter::with_file(&yaml(&seed, &format!("ca_file: {other}, server_name: {NAME}")));
    fails(&wrong, address, "UnknownIssuer");
    let nameless = Exporter::with_file(&yaml(&seed, &format!("ca_file: {ca}")));
    fails(&nameless, address, "not valid for name");
    let plain = Exporter::start(&[address]);
    let samples = plain.fresh();
    assert_eq!(samples.value("rediscluster_up", &[]), 0.0);
    assert_eq!(samples.value("rediscluster_node_up", &[("redis_node", address)]), 0.0);
}

#[test]
fn tls_and_plain_ports_side_by_side() {
    if !available(&server()) {
        return;
    }
    let authority = Authority::new();
    let shape = with_certificates(Cluster::of(3, 0), &authority);
    let cluster = shape.conf("tls-port {spare}").conf("tls-auth-clients no").boot();
    let behind_tls: Vec<_> = cluster
        .nodes()
        .iter()
        .map(|node| {
            let reply = cluster.cli(node, &["CONFIG", "GET", "tls-port"]);
            format!("127.0.0.1:{}", reply.lines().nth(1).expect("a value"))
        })
        .collect();

    let plain = Exporter::start(&[cluster.primary(1)]);
    reaches(&plain, cluster.nodes());

    // Whoever asks over TLS is told the TLS ports.
    let ca = authority.path("ca.pem").display().to_string();
    let tls = format!("ca_file: {ca}, server_name: {NAME}");
    let over_tls = Exporter::with_file(&yaml(&format!("rediss://{}", behind_tls[2]), &tls));
    reaches(&over_tls, &behind_tls);
    assert!(!over_tls.text().contains(cluster.primary(0)), "a plain port is shown");
}
