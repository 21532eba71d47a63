//! The harness itself: clusters come up, do as they are told, and leave nothing behind.

use std::path::Path;

use crate::common::real::{Cluster, available, await_that, server};

#[test]
fn a_cluster_comes_up_and_goes() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 1).boot();
    assert_eq!(cluster.nodes().len(), 6);
    assert_eq!(cluster.number(cluster.primary(0), &["CLUSTER", "INFO"], "cluster_known_nodes"), 6.0);
    assert_eq!(cluster.myself(cluster.replica(2))[3], cluster.myself(cluster.primary(2))[0]);
    let pids: Vec<_> = cluster.nodes().iter().map(|node| cluster.pid(node)).collect();

    let node = cluster.replica(0);
    cluster.stop(node);
    assert!(cluster.status().lines().any(|line| line.starts_with(node) && line.contains(" stopped")));
    cluster.resume(node);
    assert_eq!(cluster.cli(node, &["PING"]), "PONG");
    cluster.kill(node);
    assert!(cluster.status().lines().any(|line| line.starts_with(node) && line.contains(" dead")));
    cluster.start(node);
    assert_eq!(cluster.cli(node, &["PING"]), "PONG");

    let again = cluster.pid(node);
    cluster.stop(cluster.primary(1));
    drop(cluster);
    for pid in pids.into_iter().chain([again]) {
        await_that("the process is gone", || !Path::new(&format!("/proc/{pid}/exe")).exists());
    }
}

#[test]
fn a_panic_leaves_no_process() {
    if !available(&server()) {
        return;
    }
    let (send, pid) = std::sync::mpsc::channel();
    let panicked = std::panic::catch_unwind(move || {
        let cluster = Cluster::of(1, 0).boot();
        send.send(cluster.pid(cluster.primary(0))).expect("sent");
        panic!("on purpose");
    });
    assert!(panicked.is_err());
    let pid = pid.recv().expect("booted");
    await_that("the process is gone", || !Path::new(&format!("/proc/{pid}/exe")).exists());
}
