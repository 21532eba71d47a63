//! Every query of every dashboard, asked of a real Prometheus that scrapes a pair of exporters of a real cluster: it is
//! PromQL, it has an answer, and two exporters answer with the series of one.

#![allow(clippy::disallowed_methods, reason = "tests wait by the clock")]

use std::collections::{BTreeMap, BTreeSet};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::file::{all, list, text};
use crate::common::exporter::{CLUSTER, Exporter};
use crate::common::prometheus::Prometheus;
use crate::common::real::{Cluster, available, await_that, server};

/// What has an answer only in trouble.
const OF_TROUBLE: [&str; 5] = [
    "rediscluster_finding{",
    "rediscluster_node_ask_error{",
    "\"} == 1)",
    "ALERTS{",
    "[$__rate_interval])) > 0",
];

const RULES: &str = "groups:\n  - name: test\n    rules:\n      - alert: NodeDown\n        \
     expr: max by (redis_cluster) (rediscluster_node_up == 0) + 1\n        labels: {severity: warning}\n";

/// The pair, and one of the pair as a job of its own.
const PAIR: &str = "redis-cluster";
const ONE: &str = "one";

/// A query as Grafana sends it.
fn filled(expr: &str, job: &str, node: &str) -> String {
    expr.replace("$__rate_interval", "8s")
        .replace("$__range", "5m")
        .replace("$job", job)
        .replace("$redis_cluster", CLUSTER)
        .replace("$redis_node", node)
}

/// The labels of each series of the answer; an error of the query is a failure of the test.
fn answer(prometheus: &Prometheus, expr: &str) -> BTreeSet<BTreeMap<String, String>> {
    let reply = prometheus.query(expr);
    let body = reply.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let json: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {reply}\n{expr}"));
    assert_eq!(json["status"], "success", "{expr}: {json}");
    let series = list(&json["data"]["result"]).iter().map(|series| {
        let labels = series["metric"].as_object().expect("labels").iter();
        labels.map(|(label, value)| (label.clone(), text(value).to_owned())).collect()
    });
    series.collect()
}

/// Waits until each query has an answer for whichever of the nodes; fails with those that have none.
fn all_are_answered(prometheus: &Prometheus, queries: &[(String, String)], nodes: &[String]) {
    let answered =
        |expr: &str| nodes.iter().any(|node| !answer(prometheus, &filled(expr, PAIR, node)).is_empty());
    let mut left = queries.to_vec();
    for _ in 0..60 {
        left.retain(|(_, expr)| !answered(expr));
        if left.is_empty() {
            return;
        }
        sleep(Duration::from_millis(500));
    }
    panic!("no answer to: {left:#?}");
}

#[test]
fn every_query_has_an_answer_of_a_real_cluster() {
    if !available(&server()) || !available("prometheus") {
        return;
    }
    let cluster = Cluster::of(3, 1).conf("maxmemory 256mb").node_timeout_ms(2000).boot();
    for node in cluster.nodes() {
        // A third of these keys is theirs; the others they refuse.
        (0..20).for_each(|key| drop(cluster.cli(node, &["SET", &format!("key:{key}"), "1"])));
    }
    let pair = [0, 1].map(|seed| Exporter::start(&[cluster.primary(seed)]));
    for exporter in &pair {
        exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(6.0));
    }
    let [first, second] = pair.each_ref().map(|exporter| &*exporter.address);
    let prometheus = Prometheus::with_rules(&[(PAIR, first), (PAIR, second), (ONE, first)], RULES);
    await_that("all targets are up", || prometheus.is_one("min(up) and count(up) == 3"));

    let queries: Vec<_> = all().iter().flat_map(super::file::Dashboard::queries).collect();
    let in_trouble = |expr: &str| OF_TROUBLE.iter().any(|word| expr.contains(word));
    let calm: Vec<_> = queries.iter().filter(|(_, expr)| !in_trouble(expr)).cloned().collect();
    assert!(calm.len() > 150, "only {} queries", calm.len());
    all_are_answered(&prometheus, &calm, cluster.nodes());
    a_pair_is_like_one(&prometheus, &calm, cluster.replica(0));

    assert_eq!(cluster.cli(cluster.replica(0), &["CLUSTER", "FAILOVER"]), "OK");
    cluster.kill(cluster.replica(1));
    all_are_answered(&prometheus, &queries, cluster.nodes());
}

/// Two exporters of one cluster answer with the series of one.
fn a_pair_is_like_one(prometheus: &Prometheus, queries: &[(String, String)], node: &str) {
    for (at, expr) in queries.iter().filter(|(_, expr)| !expr.contains("by (instance)")) {
        let ask = |job| answer(prometheus, &filled(expr, job, node));
        await_that(&format!("{at}: a pair is like one"), || ask(PAIR) == ask(ONE));
    }
}
