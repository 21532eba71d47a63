//! Passwords and rights: a refused required command costs the node, a refused optional one only what it would tell.

use redis_cluster_exporter::probes::PROBES;

use crate::common::exporter::Exporter;
use crate::common::real::{Cluster, available, server};

/// `redis://USER:PASSWORD@HOST:PORT`
fn seed(user: &str, password: &str, address: &str) -> String {
    format!("redis://{user}:{password}@{address}")
}

#[test]
fn a_wrong_password_is_named_and_the_right_one_works() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 0).password("correct-horse").boot();
    let address = cluster.primary(0);

    let wrong = Exporter::start(&[&seed("", "battery-staple", address)]);
    let samples = wrong.fresh();
    assert_eq!(samples.value("rediscluster_up", &[]), 0.0);
    let labels = [("redis_node", address), ("error", "auth")];
    assert_eq!(samples.value("rediscluster_node_ask_error", &labels), 1.0);
    assert!(!wrong.log().contains("battery-staple"), "the password stands in the log:\n{}", wrong.log());

    let right = Exporter::start(&[&seed("", "correct-horse", address)]);
    right.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(3.0));
    assert!(!right.log().contains("correct-horse"), "the password stands in the log:\n{}", right.log());
    assert!(!right.text().contains("correct-horse"), "the password stands in the metrics");
}

#[test]
fn without_the_right_for_config_only_the_settings_are_missing() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 0).boot();
    cluster.all(&[
        "ACL",
        "SETUSER",
        "mon",
        "on",
        ">pw",
        "-@all",
        "+ping",
        "+info",
        "+cluster|info",
        "+cluster|nodes",
    ]);
    let exporter = Exporter::start(&[&seed("mon", "pw", cluster.primary(0))]);
    let samples =
        exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(3.0));
    for node in cluster.nodes() {
        let probe =
            |name| samples.value("rediscluster_node_probe_up", &[("redis_node", node), ("probe", name)]);
        assert_eq!(samples.value("rediscluster_node_up", &[("redis_node", node)]), 1.0);
        assert_eq!(probe("config_get"), 0.0);
        assert_eq!(probe("info"), 1.0);
        assert_eq!(probe("cluster_nodes"), 1.0);
    }
    assert_eq!(samples.value("rediscluster_slots_covered", &[]), 16384.0);
}

#[test]
fn without_the_right_for_cluster_the_node_is_denied() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(1, 0).boot();
    let address = cluster.primary(0);
    cluster.all(&["ACL", "SETUSER", "mon", "on", ">pw", "-@all", "+ping", "+info"]);
    let exporter = Exporter::start(&[&seed("mon", "pw", address)]);
    let samples = exporter.fresh();
    assert_eq!(samples.value("rediscluster_node_up", &[("redis_node", address)]), 0.0);
    let labels = [("redis_node", address), ("error", "denied")];
    assert_eq!(samples.value("rediscluster_node_ask_error", &labels), 1.0);

    cluster.all(&["ACL", "SETUSER", "mon", "+cluster|info", "+cluster|nodes"]);
    let samples = exporter.until("the right is there", |s| s.find("rediscluster_up", &[]) == Some(1.0));
    assert_eq!(samples.value("rediscluster_node_up", &[("redis_node", address)]), 1.0);
    assert_eq!(samples.all("rediscluster_node_ask_error", &[]).count(), 0);
}

#[test]
fn the_user_of_the_readme_may_do_all_that_is_asked() {
    if !available(&server()) {
        return;
    }
    let readme = include_str!("../../README.md");
    let line = readme.lines().find_map(|line| line.strip_prefix("ACL SETUSER ")).expect("a line ACL SETUSER");
    let mut words = vec!["ACL", "SETUSER"];
    words.extend(line.split_whitespace().map(|word| if word.starts_with('>') { ">pw" } else { word }));
    let cluster = Cluster::of(3, 0).boot();
    cluster.all(&words);
    // Rights that only newer servers know: docs/access.md adds them there, an older server refuses the rule.
    let rules = PROBES.iter().map(|probe| probe.acl);
    for newer in rules.filter(|rule| rule.starts_with('+') && !words.contains(rule)) {
        cluster.cli(cluster.primary(0), &["ACL", "SETUSER", words[2], newer]);
    }
    let exporter = Exporter::start(&[&seed(words[2], "pw", cluster.primary(0))]);
    exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(3.0));

    let refused = cluster.cli(cluster.primary(0), &["ACL", "LOG"]);
    // On Redis 8.4 and later the one right that is left out on purpose: it would also allow to move slots.
    let unexpected: Vec<_> = refused
        .lines()
        .zip(refused.lines().skip(1))
        .filter(|(key, command)| *key == "object" && *command != "cluster|migration")
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:?}\n{refused}");
}
