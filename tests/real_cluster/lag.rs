//! Replication lag: nothing where there is nothing, the true difference where a replica stands still. Printed beside
//! the acknowledged offset that the primary reports of its replicas, which is up to one second old.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::exporter::Exporter;
use crate::common::real::{Cluster, available, await_that, field, server};

const MB: f64 = 1e6;

/// Writes to slot 0 of this node, 10 kB at a time in pipelines of 100, until told to end or `limit` bytes are written.
fn write(address: &str, end: &AtomicBool, limit: usize) -> usize {
    write_over(&mut TcpStream::connect(address).expect("connect"), end, limit)
}

/// The same, no faster than the replica follows: every 4 MB it has to have them all.
fn write_in_step(address: &str, end: &AtomicBool) -> usize {
    let mut stream = TcpStream::connect(address).expect("connect");
    let mut written = 0;
    while !end.load(Ordering::Relaxed) {
        written += write_over(&mut stream, end, 4_000_000);
        stream.write_all(b"WAIT 1 5000\r\n").expect("write");
        let mut reply = [0; 4];
        stream.read_exact(&mut reply).expect("how many have it");
        assert_eq!(&reply, b":1\r\n");
    }
    written
}

fn write_over(stream: &mut TcpStream, end: &AtomicBool, limit: usize) -> usize {
    let value = "x".repeat(10_000);
    let batch = format!("*3\r\n$3\r\nSET\r\n$5\r\n{{06S}}\r\n$10000\r\n{value}\r\n").repeat(100);
    let mut replies = [0; 500];
    let mut written = 0;
    while !end.load(Ordering::Relaxed) && written < limit {
        stream.write_all(batch.as_bytes()).expect("write");
        stream.read_exact(&mut replies).expect("100 times +OK");
        assert!(replies.starts_with(b"+OK\r\n"), "{}", String::from_utf8_lossy(&replies));
        written += batch.len();
    }
    written
}

/// `master_repl_offset` less the offset that the first replica last acknowledged, from one INFO of the primary.
fn acknowledged_lag(info: &str) -> Option<f64> {
    let own: f64 = field(info, "master_repl_offset")?.parse().ok()?;
    let slave = field(info, "slave0")?;
    let offset: f64 = slave.split(',').find_map(|pair| pair.strip_prefix("offset="))?.parse().ok()?;
    Some(own - offset)
}

#[test]
fn a_replica_in_sync_under_writes_is_not_behind() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 1).boot();
    let exporter = Exporter::start(&[cluster.primary(0)]);
    exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(6.0));

    let in_step = while_writing(&cluster, &exporter, write_in_step);
    let free = while_writing(&cluster, &exporter, |address, end| write(address, end, usize::MAX));
    for (how, Worst { written, lag, acknowledged }) in [("in step", &in_step), ("freely", &free)] {
        println!(
            "{:.0} MB written {how}; worst lag {:.2} MB, by acknowledged offset {:.2} MB",
            written / MB,
            lag / MB,
            acknowledged / MB
        );
        assert!(*written > MB, "nothing was written, so nothing is shown");
    }
    assert!(in_step.lag < 10.0 * MB, "a replica in sync reads {} bytes behind", in_step.lag);
    // How far it then really is behind depends on how busy the machine is. Acknowledgements are a second old.
    let bound = (0.25 * free.acknowledged).max(10.0 * MB);
    assert!(free.lag < bound, "a replica that follows reads {} bytes behind", free.lag);
}

/// Bytes written meanwhile, and the largest lags that were read of the first replica.
struct Worst {
    written: f64,
    lag: f64,
    acknowledged: f64,
}

/// Watches over eight polls.
fn while_writing(
    cluster: &Cluster,
    exporter: &Exporter,
    write: impl Fn(&str, &AtomicBool) -> usize + Sync,
) -> Worst {
    let (primary, replica) = (cluster.primary(0), cluster.replica(0));
    let end = AtomicBool::new(false);
    let (mut lag, mut acknowledged) = (0_f64, 0_f64);
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(primary, &end));
        for _ in 0..8 {
            let samples = exporter.fresh();
            let read = samples.find("rediscluster_node_replication_lag_bytes", &[("redis_node", replica)]);
            lag = lag.max(read.unwrap_or(0.0));
            let info = cluster.cli(primary, &["INFO", "replication"]);
            acknowledged = acknowledged.max(acknowledged_lag(&info).unwrap_or(0.0));
        }
        end.store(true, Ordering::Relaxed);
        writer.join().expect("writer")
    });
    Worst { written: written as f64, lag, acknowledged }
}

#[test]
fn a_replica_that_stands_still_is_as_far_behind_as_the_offsets_say() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 1).boot();
    let (primary, replica) = (cluster.primary(0), cluster.replica(0));
    let exporter = Exporter::start(&[primary]);
    exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(6.0));
    write(primary, &AtomicBool::new(false), 1_000_000);

    // The replica loses its link and is not let in again; both nodes go on answering.
    assert_eq!(cluster.cli(primary, &["ACL", "SETUSER", "default", "-psync", "-sync"]), "OK");
    assert_eq!(cluster.cli(primary, &["CLIENT", "KILL", "TYPE", "replica"]), "1");
    let labels = [("redis_node", replica)];
    exporter
        .until("the link is down", |s| s.find("rediscluster_node_replication_link_up", &labels) == Some(0.0));
    write(primary, &AtomicBool::new(false), 20_000_000);

    let samples = exporter.fresh();
    let own = cluster.number(primary, &["INFO", "replication"], "master_repl_offset");
    let truth = own - cluster.number(replica, &["INFO", "replication"], "slave_repl_offset");
    let lag = samples.value("rediscluster_node_replication_lag_bytes", &labels);
    let acknowledged = acknowledged_lag(&cluster.cli(primary, &["INFO", "replication"]));
    println!("true difference {truth} bytes, lag {lag}, by acknowledged offset {acknowledged:?}");
    assert!(truth > 20.0 * MB);
    assert!((lag - truth).abs() <= 0.05 * truth, "true difference {truth}, lag {lag}");
}

#[test]
fn a_replica_that_is_frozen_is_behind_by_all_that_is_written_since() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 1).node_timeout_ms(30_000).boot();
    let (primary, replica) = (cluster.primary(0), cluster.replica(0));
    let exporter = Exporter::start(&[primary]);
    exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(6.0));
    write(primary, &AtomicBool::new(false), 1_000_000);
    let offset = |node, key| cluster.number(node, &["INFO", "replication"], key);
    await_that("the replica has it all", || {
        offset(primary, "master_repl_offset") == offset(replica, "slave_repl_offset")
    });
    exporter.fresh();
    let stood_at = offset(replica, "slave_repl_offset");
    cluster.stop(replica);
    write(primary, &AtomicBool::new(false), 20_000_000);

    let labels = [("redis_node", replica)];
    exporter.until("the replica is silent", |s| s.find("rediscluster_node_up", &labels) == Some(0.0));
    let samples = exporter.fresh();
    let info = cluster.cli(primary, &["INFO", "replication"]);
    let truth = offset(primary, "master_repl_offset") - stood_at;
    let lag = samples.value("rediscluster_node_replication_lag_bytes", &labels);
    let acknowledged = acknowledged_lag(&info);
    println!("true difference {truth} bytes, lag {lag}, by acknowledged offset {acknowledged:?}");
    assert!(truth > 20.0 * MB);
    assert!((lag - truth).abs() <= 0.05 * truth, "true difference {truth}, lag {lag}");
    assert_eq!(samples.value("rediscluster_node_replication_lag_estimated", &labels), 1.0);

    cluster.resume(replica);
    let samples = exporter.until("it has caught up", |s| {
        s.find("rediscluster_node_replication_lag_estimated", &labels) == Some(0.0)
            && s.find("rediscluster_node_replication_lag_bytes", &labels) < Some(MB)
    });
    assert_eq!(samples.value("rediscluster_node_up", &labels), 1.0);
}
