//! Replicas that lose their link, fall behind, or load everything anew for ever.

use std::thread::sleep;
use std::time::Duration;

use super::act::{About, evidence};
use super::load::write;
use super::stage::Stage;
use super::table::Table;
use super::truth::Truth;
use crate::common::real::set;
use crate::common::real::{Cluster, await_that};

/// Bytes of the backlog; they are taken from memory only as they are needed.
const BACKLOG: &str = "4294967296";
/// Limits of a replica's output buffer.
const BUFFER: &str = "8589934592 4294967296 60";

pub(crate) fn scene(table: &Table) {
    // Backlog and buffer hold a minute of what is written here: too little of them is another act.
    let shape = Cluster::of(3, 1).node_timeout_ms(15_000).conf(&format!("repl-backlog-size {BACKLOG}"));
    let cluster = shape.conf(&format!("client-output-buffer-limit replica {BUFFER}")).boot();
    let truth = Truth::of(&[&cluster]);
    let (primary, replica) = (cluster.primary(0), cluster.replica(0));
    write(primary, 5_000_000, 100);
    let stage = Stage::of(&cluster, table);

    let mut act = stage.act("replica link down");
    assert_eq!(cluster.cli(primary, &["ACL", "SETUSER", "default", "-psync", "-sync"]), "OK");
    assert_eq!(cluster.cli(primary, &["CLIENT", "KILL", "TYPE", "replica"]), "1");
    act.shows(|| truth.link_is_down(replica));
    let finding = act.names("replica_link_down", About::Node(replica));
    assert_eq!(evidence(&finding, "primary"), primary);
    act.names("replicas_missing", About::Node(primary));
    act.names("failover_not_ready", About::Node(primary));
    act.heals();
    // A replica whose PSYNC is refused falls back to SYNC. Were both allowed between the two, it would follow by the old
    // protocol, which has no offsets, for good.
    assert_eq!(cluster.cli(primary, &["ACL", "SETUSER", "default", "+psync"]), "OK");
    act.clears(|| truth.is_well());
    assert_eq!(cluster.cli(primary, &["ACL", "SETUSER", "default", "+sync"]), "OK");

    let buffers = |value: &str| {
        for node in cluster.nodes() {
            set(&cluster, node, "client-output-buffer-limit", &format!("replica {value}"));
        }
    };
    let backlogs = |value: &str| {
        for node in cluster.nodes() {
            set(&cluster, node, "repl-backlog-size", value);
        }
    };
    let mut act = stage.act("full-resync loop by a tiny output buffer");
    act.may("config_drift", "the settings change on one node after the other");
    backlogs("16384");
    buffers("20000 0 0");
    let synced = || cluster.number(primary, &["INFO", "stats"], "sync_full");
    let before = synced();
    await_that("three full resyncs", || {
        write(primary, 2_000_000, 100);
        sleep(Duration::from_millis(200));
        synced() >= before + 3.0
    });
    act.shows(|| true);
    let finding = act.names("resync_loop", About::Shard);
    assert_eq!(evidence(&finding, "primary"), primary);
    act.may("replica_link_down", "the replica is cut off again and again");
    act.may("replicas_missing", "while it is, the primary has none");
    act.may("failover_not_ready", "and nobody could take over");
    act.may("config_risky", "the backlog holds less than a second of what is written");
    act.may("replication_lag_critical", "what it lacks is more than the backlog holds");
    act.heals();
    buffers(BUFFER);
    backlogs(BACKLOG);
    act.clears(|| truth.is_well());

    lags(&stage, &cluster, &truth, "replica more than 10 MB behind", 20_000_000);
    lags(&stage, &cluster, &truth, "replica more than 50 MB behind", 60_000_000);
}

/// A replica that is frozen while its primary takes so many bytes.
fn lags(stage: &Stage<'_>, cluster: &Cluster, truth: &Truth, what: &str, bytes: usize) {
    let (primary, replica) = (cluster.primary(0), cluster.replica(0));
    let mut act = stage.act(what);
    cluster.stop(replica);
    act.shows(|| !truth.answers(replica));
    act.names("node_unreachable", About::Node(replica));
    write(primary, bytes, 100);
    let line = || truth.info(primary, "slave0").unwrap_or_default();
    let field = |key: &str| {
        let line = line();
        let value = line.split(',').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        value.and_then(|value| value.parse::<u64>().ok())
    };
    let offset = || truth.info(primary, "master_repl_offset").and_then(|offset| offset.parse::<u64>().ok());
    let is_behind = || offset().zip(field("offset")).is_some_and(|(all, acked)| all - acked >= bytes as u64);
    act.shows(is_behind);
    let finding = act.names("replication_lag", About::Node(replica));
    assert_eq!(evidence(&finding, "basis"), "what it last acknowledged");
    if bytes > 50_000_000 {
        act.shows(|| field("lag").is_some_and(|silent| silent >= 3));
        act.names("replication_lag_critical", About::Node(replica));
    }
    act.heals();
    cluster.resume(replica);
    act.may("fragmentation_high", "the memory of what was kept for it is freed and not yet given back");
    act.may("fragmentation_elevated", "the memory of what was kept for it is freed and not yet given back");
    let wasted = |node: &String| truth.info(node, "mem_fragmentation_bytes")?.parse::<i64>().ok();
    let given_back =
        || cluster.nodes().iter().all(|node| wasted(node).is_some_and(|bytes| bytes < 90_000_000));
    act.clears(|| truth.is_well() && given_back());
}
