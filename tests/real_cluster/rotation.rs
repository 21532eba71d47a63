//! Certificates and the password change on both sides of a cluster that speaks only TLS, while it is polled.

use std::path::Path;

use crate::common::authority::Authority;
use crate::common::exporter::{CLUSTER, Exporter};
use crate::common::real::{Cluster, available, server};

/// The name in the certificate of every node.
const NAME: &str = "redis.test";

/// A user with the rights that every server since 7.0 knows.
const RIGHTS: [&str; 12] = [
    "resetkeys",
    "resetchannels",
    "-@all",
    "+ping",
    "+info",
    "+cluster|info",
    "+cluster|nodes",
    "+cluster|links",
    "+config|get",
    "+lastsave",
    "+time",
    "+client|setname",
];

/// Takes the place of a file in one step.
fn replace(path: &Path, text: &str) {
    let fresh = path.with_extension("fresh");
    std::fs::write(&fresh, text).expect("written");
    std::fs::rename(fresh, path).expect("renamed");
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a file")
}

/// The cluster, the exporter beside it, and what both read.
struct Scene {
    cluster: Cluster,
    exporter: Exporter,
    home: Authority,
}

impl Scene {
    fn path(&self, file: &str) -> String {
        self.home.path(file).display().to_string()
    }

    /// The nodes read their certificate, key and authorities again.
    fn servers_read_again(&self) {
        let (ca, certificate, key) = (self.path("trust.pem"), self.path("node.pem"), self.path("node.key"));
        self.cluster.all(&[
            "CONFIG",
            "SET",
            "tls-ca-cert-file",
            &ca,
            "tls-cert-file",
            &certificate,
            "tls-key-file",
            &key,
        ]);
    }

    /// Takes certificate and key of `who` from another authority.
    fn take(&self, from: &Authority, who: &str, name: &str) {
        let (certificate, key) = from.issue(who, name);
        replace(&self.home.path(&format!("{who}.key")), &read(&key));
        replace(&self.home.path(&format!("{who}.pem")), &read(&certificate));
    }

    /// Ends all connections of clients. No more than the poll under way may notice: then all nodes answer again, over
    /// new connections.
    fn reconnects(&self, what: &str) {
        let nodes = self.cluster.nodes().len() as f64;
        let count = |family: &str| self.exporter.scrape().sum(family, &[]);
        let connects = "rediscluster_exporter_connects_total";
        let errors = "rediscluster_exporter_ask_errors_total";
        let before = (count(connects), count(errors));
        for node in self.cluster.nodes() {
            self.cluster.cli(node, &["CLIENT", "KILL", "TYPE", "normal"]);
        }
        self.exporter.until(&format!("new connections, {what}"), |samples| {
            samples.sum(connects, &[]) >= before.0 + nodes
                && samples.find("rediscluster_nodes_reachable", &[]) == Some(nodes)
        });
        let missed = count(errors) - before.1;
        assert!(missed <= nodes, "{what}: {missed} failures of {nodes} nodes\n{}", self.exporter.log());
        for _ in 0..3 {
            let samples = self.exporter.fresh();
            assert_eq!(samples.value("rediscluster_nodes_reachable", &[]), nodes, "{what}");
        }
        assert_eq!(count(errors) - before.1, missed, "{what}: failures go on\n{}", self.exporter.log());
    }
}

#[test]
fn certificates_and_the_password_change_while_it_polls() {
    if !available(&server()) {
        return;
    }
    let (home, next) = (Authority::new(), Authority::new());
    home.issue("node", NAME);
    home.issue("client", "monitor");
    let path = |file: &str| home.path(file).display().to_string();
    let (old, new) = (read(&home.path("ca.pem")), read(&next.path("ca.pem")));
    replace(&home.path("trust.pem"), &old);
    replace(&home.path("password"), "first\n");
    let (trust, certificate, key) = (path("trust.pem"), path("client.pem"), path("client.key"));
    let options = format!("--tls --cacert {trust} --cert {certificate} --key {key} --sni {NAME}");
    let cluster = Cluster::of(3, 1)
        .conf("port 0")
        .conf("tls-port {port}")
        .conf("tls-cluster yes")
        .conf("tls-replication yes")
        .conf(&format!("tls-ca-cert-file {trust}"))
        .conf(&format!("tls-cert-file {}", path("node.pem")))
        .conf(&format!("tls-key-file {}", path("node.key")))
        .cli_options(&options)
        .boot();
    cluster.all(&[&["ACL", "SETUSER", "monitor", "on", ">first"], &RIGHTS[..]].concat());
    let exporter = Exporter::with_file(&format!(
        "clusters: [{{name: {CLUSTER}, seeds: [\"rediss://{}\"], username: monitor, password_file: {}, \
         tls: {{ca_file: {trust}, cert_file: {certificate}, key_file: {key}, server_name: {NAME}}}}}]",
        cluster.primary(0),
        path("password"),
    ));
    let nodes = cluster.nodes().len() as f64;
    exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(nodes));
    let scene = Scene { cluster, exporter, home };

    // Both sides trust the old and the new authority, then both take certificates of the new one.
    replace(&scene.home.path("trust.pem"), &format!("{old}{new}"));
    scene.servers_read_again();
    scene.reconnects("with two authorities");
    scene.take(&next, "node", NAME);
    scene.servers_read_again();
    scene.reconnects("with new certificates of the nodes");
    scene.take(&next, "client", "monitor");
    scene.reconnects("with a new certificate of ours");
    replace(&scene.home.path("trust.pem"), &new);
    scene.servers_read_again();
    scene.reconnects("without the old authority");

    // The new password beside the old one, then alone.
    scene.cluster.all(&["ACL", "SETUSER", "monitor", ">second"]);
    replace(&scene.home.path("password"), "second\n");
    scene.reconnects("with two passwords");
    scene.cluster.all(&["ACL", "SETUSER", "monitor", "<first"]);
    scene.reconnects("with the new password alone");
    let log = scene.exporter.log();
    assert!(!log.contains("first") && !log.contains("second"), "a password stands in the log:\n{log}");
}
