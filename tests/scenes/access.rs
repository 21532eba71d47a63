//! The least rights as they derive from the tables: a server takes the line, every probe may be sent, no key be read.

use redis_cluster_exporter::derive::{ACL_SERVERS, acl_line};

use crate::common::exporter::Exporter;
use crate::common::real::{Cluster, available, cli, server};

#[test]
fn the_least_rights_are_enough_and_no_more() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 0).boot();
    let first = cluster.primary(0);
    // The last line that the server takes is the one of its version: an older one does not know the newer commands.
    let mut taken = None;
    for (servers, since) in ACL_SERVERS {
        let line = acl_line(since).replace(">PASSWORD", ">pw");
        let words: Vec<_> = line.split_whitespace().collect();
        if cluster.nodes().iter().all(|node| cluster.cli(node, &words) == "OK") {
            taken = Some(servers);
        }
    }
    assert!(taken.is_some(), "no line is taken");

    let file = format!(
        "poll: {{ slow_interval: 1s, sweep_interval: 1s }}\nclusters: [{{ name: e2e, seeds: [\"redis://monitor:pw@{first}\"] }}]\n"
    );
    let exporter = Exporter::with_file(&file);
    exporter.until("all nodes answer and were swept", |s| {
        s.find("rediscluster_nodes_reachable", &[]) == Some(3.0)
            && s.find("rediscluster_check_unknown", &[("check", "orphaned_keys")]) == Some(0.0)
    });
    // An open slot has its keys counted.
    let to = cluster.cli(cluster.primary(1), &["CLUSTER", "MYID"]);
    assert_eq!(cluster.cli(first, &["CLUSTER", "SETSLOT", "0", "MIGRATING", &to]), "OK");
    exporter.until("the open slot is seen", |s| {
        s.find("rediscluster_check_firing", &[("check", "migration_stalled")]) == Some(1.0)
    });
    exporter.fresh();
    let log = cluster.cli(first, &["ACL", "LOG"]);
    let refused: Vec<_> = log
        .lines()
        .zip(log.lines().skip(1))
        .filter(|(key, command)| *key == "object" && *command != "cluster|migration")
        .collect();
    assert!(refused.is_empty(), "{taken:?}: {refused:?}");

    for words in [
        &["GET", "{06S}"][..],
        &["SET", "{06S}", "1"],
        &["CONFIG", "SET", "maxmemory", "1"],
        &["CLUSTER", "RESET"],
    ] {
        let login = ["--user", "monitor", "--pass", "pw", "--no-auth-warning"];
        let reply = cli(first, None, &[&login[..], words].concat());
        assert!(reply.starts_with("NOPERM"), "{words:?}: {reply}");
    }
}
