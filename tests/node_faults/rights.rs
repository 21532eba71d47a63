//! A node that refuses commands and answers others: only what the refused ones would have told is missing.

use std::collections::BTreeSet;

use super::stage::{Comes, Stage, Timing, reachable};
use crate::common::fake_node::Fault;
use crate::common::samples::Samples;
use crate::common::sim::Cluster;

/// What CLUSTER INFO, CLUSTER NODES and CLUSTER LINKS tell of the node that is asked.
const BY_CLUSTER: [&str; 12] = [
    "rediscluster_node_bus_links",
    "rediscluster_node_bus_links_closed_total",
    "rediscluster_node_bus_links_down",
    "rediscluster_node_bus_messages_received_total",
    "rediscluster_node_bus_messages_sent_total",
    "rediscluster_node_bus_send_buffer_allocated_bytes",
    "rediscluster_node_bus_send_buffer_used_bytes",
    "rediscluster_node_bus_send_buffer_used_max_bytes",
    "rediscluster_node_cluster_state_ok",
    "rediscluster_node_config_epoch",
    "rediscluster_node_known_nodes",
    "rediscluster_node_slots_owned",
];

/// What CONFIG GET tells.
const BY_CONFIG: [&str; 1] = ["rediscluster_node_cluster_node_timeout_seconds"];

#[test]
fn without_the_right_for_config_a_node_is_up() {
    let mut stage = Stage::set(Cluster::healthy(3, 1), "m1");
    let label = stage.served.label("m1");
    let whole = stage.names_of(&stage.exporter.scrape(), "m1");
    let up = |s: &Samples, probe| {
        s.find("rediscluster_node_probe_up", &[("redis_node", &*label), ("probe", probe)])
    };
    let (mut healthy, mut during) = (Timing::default(), Timing::default());
    stage.news(&stage.served.names(), &mut healthy, |_| true);
    stage.fall_ill(&["m1"], Fault::NoPerm(&["CONFIG"]), Comes::Amid);
    // It is asked seldom: wait for its turn, and see that the refusal lasts while everything else goes on.
    for _ in 0..2 {
        let samples = stage.news(&stage.served.names(), &mut during, |s| up(s, "config_get") == Some(0.0));
        assert_eq!(reachable(&samples), 6.0);
        assert_eq!(samples.all("rediscluster_node_ask_error", &[]).count(), 0);
        for probe in ["ping", "info", "cluster_info", "cluster_nodes", "cluster_links", "time"] {
            assert_eq!(up(&samples, probe), Some(1.0), "{probe}");
        }
        assert_eq!(missing(&whole, &stage.names_of(&samples, "m1")), BY_CONFIG);
    }
    stage.report("without_config", &["up"], &healthy, &during);
    stage.heal(&["m1"], Comes::Amid);
    stage.no_trace_is_left(&mut Timing::default());
}

#[test]
fn without_the_right_for_cluster_a_node_is_denied() {
    what_info_tells_stays("without_cluster", Fault::NoPerm(&["CLUSTER"]), Comes::Amid, "denied");
}

#[test]
fn without_cluster_mode_a_node_is_unsupported() {
    what_info_tells_stays("no_cluster_mode", Fault::Lacks("CLUSTER"), Comes::Anew, "unsupported");
}

fn what_info_tells_stays(title: &str, fault: Fault, comes: Comes, kind: &str) {
    let mut stage = Stage::set(Cluster::healthy(3, 1), "m1");
    let whole = stage.names_of(&stage.exporter.scrape(), "m1");
    let others = stage.others(&["m1"]);
    let (mut healthy, mut during) = (Timing::default(), Timing::default());
    stage.news(&stage.served.names(), &mut healthy, |_| true);
    stage.fall_ill(&["m1"], fault, comes);
    for _ in 0..2 {
        stage.news(&others, &mut during, |_| true);
    }
    let samples = during.until(&stage.exporter, "the node is named", |s| {
        stage.is_down(s, "m1", &[kind]) && missing(&whole, &stage.names_of(s, "m1")) == BY_CLUSTER
    });
    assert_eq!(reachable(&samples), 5.0);
    stage.report(title, &[kind], &healthy, &during);
    stage.heal(&["m1"], comes);
    stage.no_trace_is_left(&mut Timing::default());
}

fn missing(whole: &BTreeSet<String>, now: &BTreeSet<String>) -> Vec<String> {
    whole.difference(now).cloned().collect()
}
