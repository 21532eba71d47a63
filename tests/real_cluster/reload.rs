//! What changes while the exporter runs: its configuration, and the password.

use crate::common::exporter::{CLUSTER, Exporter};
use crate::common::real::{Cluster, Shape, available, server};
use crate::common::samples::Samples;

/// Clusters of these names and seeds.
fn yaml(clusters: &[(&str, &str)]) -> String {
    let one = |(name, seed): &(&str, &str)| format!("  - {{name: {name}, seeds: [\"{seed}\"]}}\n");
    format!("clusters:\n{}", clusters.iter().map(one).collect::<String>())
}

fn reachable(samples: &Samples, cluster: &str) -> Option<f64> {
    samples.find("rediscluster_nodes_reachable", &[("redis_cluster", cluster)])
}

const SUCCESSFUL: &str = "rediscluster_exporter_config_last_reload_successful";

#[test]
fn clusters_come_and_go_with_the_file_and_the_others_go_on() {
    if !available(&server()) {
        return;
    }
    let (first, second) = (Cluster::of(3, 1).boot(), Cluster::of(1, 0).boot());
    let (a, b) = (("first", first.primary(0)), ("second", second.primary(0)));
    let mut exporter = Exporter::with_file(&yaml(&[a]));
    exporter.until("all nodes answer", |s| reachable(s, "first") == Some(6.0));
    assert_eq!(first.cli(first.replica(0), &["CLUSTER", "FAILOVER"]), "OK");
    let of_first = [("redis_cluster", "first")];
    exporter.until("a failover and the change of both roles are counted", |s| {
        s.value("rediscluster_failovers_total", &of_first) == 1.0 && changes(s, "role_changed") == 2.0
    });
    let before = exporter.fresh();

    exporter.reload(&yaml(&[a, b]));
    let samples = exporter.until("the second is there", |s| reachable(s, "second") == Some(1.0));
    assert_eq!(reachable(&samples, "first"), Some(6.0));
    assert_eq!(samples.value(SUCCESSFUL, &[]), 1.0);
    goes_on(&before, &samples);

    exporter.reload("clusters: [{name: first, seedz: []}]");
    let samples = exporter.until("the bad file is told of", |s| s.value(SUCCESSFUL, &[]) == 0.0);
    assert_eq!((reachable(&samples, "first"), reachable(&samples, "second")), (Some(6.0), Some(1.0)));
    let log = exporter.log();
    assert!(log.contains("configuration not reloaded") && log.contains("seedz"), "{log}");

    exporter.reload(&yaml(&[b]));
    let samples = exporter.until("the first is gone", |s| reachable(s, "first").is_none());
    assert_eq!(samples.value(SUCCESSFUL, &[]), 1.0);
    assert_eq!(reachable(&samples, "second"), Some(1.0));
    let text = exporter.text();
    assert!(!text.contains("redis_cluster=\"first\""), "it has left series behind:\n{text}");
    assert!(exporter.lives());
}

#[test]
fn what_was_said_is_not_said_again_after_a_reload() {
    if !available(&server()) {
        return;
    }
    let (cluster, other) = (Cluster::of(3, 0).boot(), Cluster::of(1, 0).boot());
    let (a, b) = (("first", cluster.primary(0)), ("second", other.primary(0)));
    let exporter = Exporter::with_file(&yaml(&[a]));
    exporter.until("all nodes answer", |s| reachable(s, "first") == Some(3.0));
    cluster.kill(cluster.primary(2));
    exporter.until("one is missed", |s| reachable(s, "first") == Some(2.0));
    exporter.reload(&yaml(&[a, b]));
    let polls = |s: &Samples| s.value("rediscluster_exporter_polls_total", &[("redis_cluster", "first")]);
    let reloaded = exporter.until("the second is there", |s| reachable(s, "second") == Some(1.0));
    exporter.until("two more polls", |s| polls(s) >= polls(&reloaded) + 2.0);
    let log = exporter.log();
    let lines = |words: &str| log.lines().filter(|line| line.contains(words)).count();
    assert_eq!(lines("node does not answer"), 1, "{log}");
    assert_eq!(lines("cluster answers"), 2, "one for each cluster:\n{log}");
}

fn changes(samples: &Samples, kind: &str) -> f64 {
    let labels = [("redis_cluster", "first"), ("kind", kind)];
    samples.value("rediscluster_topology_changes_total", &labels)
}

/// No counter of the first cluster has gone back.
fn goes_on(before: &Samples, after: &Samples) {
    let of_first = [("redis_cluster", "first")];
    for kind in ["joined", "left", "address_changed", "role_changed", "slots_moved"] {
        assert_eq!(changes(after, kind), changes(before, kind), "{kind}");
    }
    for counter in [
        "rediscluster_failovers_total",
        "rediscluster_exporter_polls_total",
        "rediscluster_exporter_connects_total",
    ] {
        let (was, is) = (before.value(counter, &of_first), after.value(counter, &of_first));
        assert!(is >= was, "{counter} went from {was} to {is}");
    }
}

fn with_password(shape: Shape) -> Cluster {
    shape.password("old-secret").boot()
}

#[test]
fn a_password_is_changed_under_way() {
    if !available(&server()) {
        return;
    }
    let cluster = with_password(Cluster::of(3, 0));
    let file = cluster.file(cluster.primary(0), "password");
    std::fs::write(&file, "old-secret\n").expect("written");
    let seed = cluster.primary(0);
    let exporter = Exporter::with_file(&format!(
        "clusters: [{{name: {CLUSTER}, seeds: [\"{seed}\"], password_file: \"{file}\"}}]"
    ));
    exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(3.0));
    let before = exporter.fresh();

    // Who is logged in stays so; the file changes before the first who has to log in again.
    cluster.all(&["CONFIG", "SET", "requirepass", "new-secret"]);
    std::fs::write(&file, "new-secret\n").expect("written");
    for node in cluster.nodes() {
        let killed = crate::common::real::cli(
            node,
            Some("new-secret"),
            &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"],
        );
        assert_eq!(killed, "1", "{node}");
    }
    let after = exporter.fresh();
    assert_eq!(after.value("rediscluster_nodes_reachable", &[]), 3.0);
    let errors = |s: &Samples| {
        s.all("rediscluster_exporter_ask_errors_total", &[]).map(|(_, value)| value).sum::<f64>()
    };
    assert_eq!(errors(&after), errors(&before), "{}", exporter.log());
    let connects = |s: &Samples| s.value("rediscluster_exporter_connects_total", &[]);
    assert_eq!(connects(&after) - connects(&before), 3.0);
    for text in [exporter.log(), exporter.text()] {
        assert!(!text.contains("-secret"), "a password is shown:\n{text}");
    }
}
