//! Memory, disk, connections, settings and rights.

use std::net::TcpStream;
use std::time::Duration;

use super::act::{About, evidence};
use super::load::write;
use super::stage::{LIMITS, Stage, configuration};
use super::table::Table;
use super::truth::Truth;
use crate::common::real::Cluster;
use crate::common::real::set;

pub(crate) fn scene(table: &Table) {
    let cluster = Cluster::of(3, 0).node_timeout_ms(3000).boot();
    let truth = Truth::of(&[&cluster]);
    let (first, second) = (cluster.primary(0), cluster.primary(1));
    write(first, 30_000_000, 3000);
    let stage = Stage::of(&cluster, table);

    stage.act("empty nodes, whose fragmentation ratio is high").stays_silent_for(Duration::from_secs(3));

    let everywhere = |name: &str, value: &str| {
        for node in cluster.nodes() {
            set(&cluster, node, name, value);
        }
    };
    let is_set = |node: &str, name: &str, value: &str| {
        cluster.cli(node, &["CONFIG", "GET", name]).lines().nth(1) == Some(value)
    };
    let used = cluster.number(first, &["INFO", "memory"], "used_memory");
    let limit = format!("{:.0}", used / 0.9);
    let mut act = stage.act("memory over 80 % under noeviction");
    everywhere("maxmemory", &limit);
    act.shows(|| is_set(first, "maxmemory", &limit));
    let finding = act.names("memory_exhaustion", About::Node(first));
    assert_eq!(
        (evidence(&finding, "policy"), evidence(&finding, "maxmemory")),
        ("noeviction".into(), mb(&limit))
    );
    act.may("config_drift", "settings change on one node after the other");
    act.heals();
    everywhere("maxmemory-policy", "allkeys-lru");
    act.clears(|| truth.is_well());

    stage.act("memory over 80 % under allkeys-lru").stays_silent_for(Duration::from_secs(3));

    let mut act = stage.act("memory unbounded again");
    everywhere("maxmemory-policy", "noeviction");
    everywhere("maxmemory", "0");
    act.may("memory_exhaustion", "the policy is back before the limit is gone");
    act.may("config_drift", "settings change on one node after the other");
    act.heals();
    act.clears(|| truth.is_well());

    // A directory stands where the dump should go.
    let mut act = stage.act("bgsave failing");
    let dump = cluster.file(second, "dump.rdb");
    std::fs::create_dir(&dump).expect("a directory");
    cluster.cli(second, &["BGSAVE"]);
    let saved = || truth.info(second, "rdb_last_bgsave_status");
    act.shows(|| saved().as_deref() == Some("err"));
    let finding = act.names("persistence_failing", About::Node(second));
    assert_eq!(evidence(&finding, "failed"), "RDB save");
    act.heals();
    std::fs::remove_dir(&dump).expect("removed");
    cluster.cli(second, &["BGSAVE"]);
    act.clears(|| saved().as_deref() == Some("ok"));

    let mut act = stage.act("maxclients nearly reached");
    set(&cluster, second, "maxclients", "60");
    let clients: Vec<_> = (0..50).map(|_| TcpStream::connect(second).expect("connect")).collect();
    let connected = || truth.info(second, "connected_clients").and_then(|count| count.parse::<u32>().ok());
    act.shows(|| connected() >= Some(50));
    let finding = act.names("clients_near_limit", About::Node(second));
    assert_eq!(evidence(&finding, "maxclients"), "60");
    act.heals();
    drop(clients);
    set(&cluster, second, "maxclients", "10000");
    act.clears(|| connected() < Some(20));

    let mut act = stage.act("a setting differs on one node");
    set(&cluster, second, "stop-writes-on-bgsave-error", "no");
    act.shows(|| is_set(second, "stop-writes-on-bgsave-error", "no"));
    let finding = act.names("config_drift", About::Node(second));
    assert!(evidence(&finding, "settings").contains("stop-writes-on-bgsave-error"), "{finding:#?}");
    act.heals();
    set(&cluster, second, "stop-writes-on-bgsave-error", "yes");
    act.clears(|| is_set(second, "stop-writes-on-bgsave-error", "yes"));
    drop(stage);

    let few =
        ["ACL", "SETUSER", "mon", "on", ">pw", "-@all", "+ping", "+info", "+cluster|info", "+cluster|nodes"];
    cluster.all(&few);
    let yaml = configuration(&[("e2e", &format!("redis://mon:pw@{first}"))], LIMITS);
    for_rights(&cluster, &truth, &yaml, table);
}

/// As evidence writes it.
fn mb(bytes: &str) -> String {
    format!("{:.1} MB", bytes.parse::<f64>().expect("a number") / 1e6)
}

/// An exporter whose user may see little, and then all.
fn for_rights(cluster: &Cluster, truth: &Truth, yaml: &str, table: &Table) {
    let rights = "+config|get +cluster|links +cluster|countkeysinslot +cluster|myshardid +lastsave +time +slowlog|len \
                  +latency|latest +client|setname +cluster|getslotmigrations +cluster|slot-stats +dbsize";
    let stage = Stage::watching(yaml, table);
    let mut act = stage.act("an ACL hides CONFIG and more");
    act.shows(|| true);
    let finding = act.names("view_incomplete", About::Whole);
    assert!(evidence(&finding, "missing_rights").contains("+config|get"), "{finding:#?}");
    act.heals();
    for right in rights.split_whitespace() {
        // A server that does not know a command does not know its right.
        for node in cluster.nodes() {
            cluster.cli(node, &["ACL", "SETUSER", "mon", right]);
        }
    }
    act.clears(|| truth.is_well());

    let mut act = stage.act("an ACL hides CLUSTER");
    cluster.all(&["ACL", "SETUSER", "mon", "-cluster"]);
    act.shows(|| true);
    act.names("view_incomplete", About::Whole);
    act.heals();
    cluster.all(&["ACL", "SETUSER", "mon", "+cluster"]);
    act.clears(|| truth.is_well());
}
