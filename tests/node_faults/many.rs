//! Several nodes at once.

use super::stage::{Comes, Stage, Timing, reachable};
use crate::common::fake_node::Fault;
use crate::common::served::Served;
use crate::common::sim::Cluster;

/// Polls that are watched while the fault lasts.
const ROUNDS: usize = 3;

/// These nodes fall ill, the others stay fresh, and when all are well again nothing tells of it.
pub(super) fn cost_only_themselves(
    title: &str,
    cluster: Cluster,
    ill: &[&str],
    fault: Fault,
    comes: Comes,
    kinds: &[&str],
) {
    let mut stage = Stage::set(cluster, ill[0]);
    let (mut healthy, mut during) = (Timing::default(), Timing::default());
    let others = stage.others(ill);
    stage.news(&stage.served.names(), &mut healthy, |_| true);

    stage.fall_ill(ill, fault, comes);
    for _ in 0..ROUNDS {
        let samples = stage.news(&others, &mut during, |_| true);
        assert_eq!(samples.value("rediscluster_up", &[]), 1.0);
    }
    let samples = during.until(&stage.exporter, "the ill nodes are named", |s| {
        ill.iter().all(|name| stage.is_out(s, name, kinds)) && others.len() as f64 == reachable(s)
    });
    assert_eq!(samples.value("rediscluster_nodes_known", &[]), (others.len() + ill.len()) as f64);
    let told = |kind: &&str| samples.value("rediscluster_exporter_ask_errors_total", &[("error", *kind)]);
    assert!(kinds.iter().map(told).sum::<f64>() >= ill.len() as f64, "its failures are counted");
    stage.report(title, kinds, &healthy, &during);

    stage.heal(ill, comes);
    stage.no_trace_is_left(&mut Timing::default());
}

#[test]
fn two_hang_at_once() {
    cost_only_themselves(
        "two_of_six_hang",
        Cluster::healthy(3, 1),
        &["m1", "r2"],
        Fault::Hang,
        Comes::Amid,
        &["timeout"],
    );
}

#[test]
fn ten_of_a_hundred_hang() {
    let ill: Vec<String> = (1..=10).map(|number| format!("m{number}")).collect();
    let ill: Vec<&str> = ill.iter().map(String::as_str).collect();
    cost_only_themselves(
        "ten_of_a_hundred_hang",
        Cluster::healthy(50, 1),
        &ill,
        Fault::Hang,
        Comes::Amid,
        &["timeout"],
    );
}

/// More than are asked at a time.
#[test]
fn seventy_of_a_hundred_hang() {
    let ill: Vec<String> = (1..=35).flat_map(|number| [format!("m{number}"), format!("r{number}")]).collect();
    let ill: Vec<&str> = ill.iter().map(String::as_str).collect();
    cost_only_themselves(
        "seventy_of_a_hundred_hang",
        Cluster::healthy(50, 1),
        &ill,
        Fault::Hang,
        Comes::Amid,
        &["timeout"],
    );
}

#[test]
fn all_hang_and_come_back() {
    let mut stage = Stage::set(Cluster::healthy(3, 1), "m1");
    let names = stage.served.names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (mut healthy, mut during) = (Timing::default(), Timing::default());
    stage.news(&stage.served.names(), &mut healthy, |_| true);
    stage.fall_ill(&names, Fault::Hang, Comes::Amid);
    let out = |stage: &Stage, during: &mut Timing, since: f64| {
        during.until(&stage.exporter, "no node answers", |s| {
            stage.verdicts_stand(s);
            s.value("rediscluster_poll_timestamp_seconds", &[]) > since
                && names.iter().all(|name| stage.is_out(s, name, &["timeout"]))
        })
    };
    let mut last = 0.0;
    for _ in 0..ROUNDS {
        let samples = out(&stage, &mut during, last);
        last = samples.value("rediscluster_poll_timestamp_seconds", &[]);
        assert_eq!(samples.value("rediscluster_up", &[]), 0.0);
        assert_eq!(reachable(&samples), 0.0);
        assert_eq!(samples.value("rediscluster_nodes_known", &[]), 6.0);
        assert_eq!(samples.value("rediscluster_slots_covered", &[]), 0.0);
    }
    stage.report("all_hang", &["timeout"], &healthy, &during);
    stage.heal(&names, Comes::Amid);
    stage.no_trace_is_left(&mut Timing::default());
}

#[test]
fn a_cluster_that_hangs_at_the_start_is_found_later() {
    let served = Served::start(Cluster::healthy(3, 1));
    let names = served.names();
    names.iter().for_each(|name| served.node(name).fall_ill(Fault::Hang));
    let mut stage = Stage::set_unseen(served, "m1");
    let samples = stage.exporter.until("the seed is named", |s| {
        let error = [("redis_node", &*stage.served.label("m1")), ("error", "timeout")];
        s.find("rediscluster_node_ask_error", &error) == Some(1.0)
    });
    assert_eq!(samples.value("rediscluster_up", &[]), 0.0);
    assert_eq!(samples.value("rediscluster_slots_covered", &[]), 0.0);
    assert_eq!(samples.value("rediscluster_nodes_known", &[]), 0.0);
    names.iter().for_each(|name| stage.served.node(name).heal());
    let samples = stage.news(&names, &mut Timing::default(), |s| reachable(s) == 6.0);
    assert_eq!(samples.value("rediscluster_slots_covered", &[]), 16384.0);
    assert_eq!(samples.all("rediscluster_node_ask_error", &[]).count(), 0);
    assert_eq!(
        samples.sum("rediscluster_topology_changes_total", &[]),
        0.0,
        "nobody joined: they were there"
    );
}
