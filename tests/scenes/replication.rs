//! Replicas that lose their link, fall behind, or load everything anew for ever.

use std::thread::sleep;
use std::time::Duration;

use super::load::write;
use super::stage::{About, Stage, Table, set};
use crate::common::real::{Cluster, await_that};

pub(crate) fn scene(table: &Table) {
    let cluster = Cluster::of(3, 1).node_timeout_ms(15_000).boot();
    let (primary, replica) = (cluster.primary(0), cluster.replica(0));
    write(primary, 5_000_000, 100);
    let stage = Stage::of(&cluster, table);

    let mut act = stage.act("replica link down");
    assert_eq!(cluster.cli(primary, &["ACL", "SETUSER", "default", "-psync", "-sync"]), "OK");
    assert_eq!(cluster.cli(primary, &["CLIENT", "KILL", "TYPE", "replica"]), "1");
    act.names("replica_link_down", About::Node(replica));
    act.names("replicas_missing", About::Node(primary));
    act.may(&["failover_not_ready"]);
    act.heals();
    assert_eq!(cluster.cli(primary, &["ACL", "SETUSER", "default", "+psync", "+sync"]), "OK");
    act.clears();

    // How far a replica is behind that does not answer is known as an upper bound only: not critical.
    let mut act = stage.act("replica more than 10 MB behind");
    cluster.stop(replica);
    write(primary, 20_000_000, 100);
    act.names("replication_lag", About::Node(replica));
    act.may(&[
        "node_unreachable",
        "failover_not_ready",
        "replication_lag_critical",
        "config_risky",
        "replicas_missing",
    ]);
    act.heals();
    cluster.resume(replica);
    act.may(&["replica_link_down"]);
    act.clears();

    let buffers = |value: &str| {
        for node in cluster.nodes() {
            set(&cluster, node, "client-output-buffer-limit", &format!("replica {value}"));
        }
    };
    let mut act = stage.act("full-resync loop by a tiny output buffer");
    for node in cluster.nodes() {
        set(&cluster, node, "repl-backlog-size", "16384");
    }
    buffers("20000 0 0");
    let synced = || cluster.number(primary, &["INFO", "stats"], "sync_full");
    let before = synced();
    await_that("three full resyncs", || {
        write(primary, 2_000_000, 100);
        sleep(Duration::from_millis(200));
        synced() >= before + 3.0
    });
    act.names("resync_loop", About::Shard);
    act.may(&["replica_link_down", "replicas_missing", "failover_not_ready", "config_risky"]);
    act.may(&["replication_lag_critical", "load_imbalanced", "replication_lag", "config_drift"]);
    act.heals();
    buffers("268435456 67108864 60");
    for node in cluster.nodes() {
        set(&cluster, node, "repl-backlog-size", "1048576");
    }
    act.clears();
}
