//! Memory, disk, connections, settings and rights.

use std::net::TcpStream;
use std::time::Duration;

use super::load::write;
use super::stage::{About, LIMITS, Stage, Table, configuration, set};
use crate::common::real::Cluster;

pub(crate) fn scene(table: &Table) {
    let cluster = Cluster::of(3, 0).node_timeout_ms(3000).boot();
    let (first, second) = (cluster.primary(0), cluster.primary(1));
    write(first, 30_000_000, 3000);
    let stage = Stage::with(&cluster, &configuration(&[("e2e", first)], LIMITS), table);

    stage.act("empty nodes, whose fragmentation ratio is high").stays_silent_for(Duration::from_secs(3));

    let everywhere = |name: &str, value: &str| {
        for node in cluster.nodes() {
            set(&cluster, node, name, value);
        }
    };
    let used = cluster.number(first, &["INFO", "memory"], "used_memory");
    let mut act = stage.act("memory over 80 % under noeviction");
    everywhere("maxmemory", &format!("{:.0}", used / 0.9));
    act.names("memory_exhaustion", About::Node(first));
    act.may(&["config_drift"]);
    act.heals();
    everywhere("maxmemory-policy", "allkeys-lru");
    act.clears();
    stage.act("memory over 80 % under allkeys-lru").stays_silent_for(Duration::from_secs(3));
    everywhere("maxmemory-policy", "noeviction");
    everywhere("maxmemory", "0");
    stage.settle("memory is unbounded again");

    // A directory stands where the dump should go.
    let mut act = stage.act("bgsave failing");
    let dump = cluster.file(second, "dump.rdb");
    std::fs::create_dir(&dump).expect("a directory");
    cluster.cli(second, &["BGSAVE"]);
    act.names("persistence_failing", About::Node(second));
    act.heals();
    std::fs::remove_dir(&dump).expect("removed");
    cluster.cli(second, &["BGSAVE"]);
    act.clears();

    let mut act = stage.act("maxclients nearly reached");
    set(&cluster, second, "maxclients", "60");
    let clients: Vec<_> = (0..50).map(|_| TcpStream::connect(second).expect("connect")).collect();
    act.names("clients_near_limit", About::Node(second));
    act.may(&["config_drift"]);
    act.heals();
    drop(clients);
    set(&cluster, second, "maxclients", "10000");
    act.clears();

    let mut act = stage.act("a setting differs on one node");
    set(&cluster, second, "stop-writes-on-bgsave-error", "no");
    act.names("config_drift", About::Node(second));
    act.heals();
    set(&cluster, second, "stop-writes-on-bgsave-error", "yes");
    act.clears();
    drop(stage);

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
    let rights = "+config|get +cluster|links +cluster|countkeysinslot +cluster|myshardid +lastsave +time +slowlog|len \
                  +latency|latest +client|setname +cluster|getslotmigrations +cluster|slot-stats +dbsize";
    for_rights(
        &cluster,
        &configuration(&[("e2e", &format!("redis://mon:pw@{first}"))], LIMITS),
        rights,
        table,
    );
}

/// An exporter whose user may see little, and then all.
fn for_rights(cluster: &Cluster, yaml: &str, rights: &str, table: &Table) {
    let stage = Stage::watching(yaml, table);
    let mut act = stage.act("an ACL hides CONFIG and more");
    act.names("view_incomplete", About::Any);
    act.heals();
    for right in rights.split_whitespace() {
        // A server that does not know a command does not know its right.
        for node in cluster.nodes() {
            cluster.cli(node, &["ACL", "SETUSER", "mon", right]);
        }
    }
    act.clears();

    let mut act = stage.act("an ACL hides CLUSTER");
    cluster.all(&["ACL", "SETUSER", "mon", "-cluster"]);
    act.names("view_incomplete", About::Any);
    act.may(&["cluster_unreachable", "node_unreachable"]);
    act.heals();
    cluster.all(&["ACL", "SETUSER", "mon", "+cluster"]);
    act.clears();
}
