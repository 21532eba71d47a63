//! What happens to each cluster.

use std::thread::sleep;
use std::time::Duration;

use super::incident::{Fault, Watched};
use crate::common::real::{Cluster, await_that};
use crate::scenes::bus::Bus;
use crate::scenes::load::{Load, write};
use crate::scenes::stage::{id, set};

/// Whether `by` suspects or fails the node.
fn suspects(cluster: &Cluster, by: &str, node: &str) -> bool {
    let nodes = cluster.cli(by, &["CLUSTER", "NODES"]);
    let mut columns = nodes.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let prefix = format!("{node}@");
    columns.any(|line| line.len() > 2 && line[1].starts_with(&prefix) && line[2].contains("fail"))
}

fn says(cluster: &Cluster, node: &str, words: &[&str], what: &str) -> bool {
    cluster.cli(node, words).contains(what)
}

fn everywhere(cluster: &Cluster, name: &str, value: &str) {
    for node in cluster.nodes() {
        set(cluster, node, name, value);
    }
}

/// Three primaries without replicas.
pub(crate) fn bare(cluster: &Cluster, watched: Watched<'_>, full: bool) {
    let _load = Load::on(cluster.nodes());
    let (first, second, third) = (cluster.primary(0), cluster.primary(1), cluster.primary(2));
    watched.play(&Fault {
        what: "primary killed, no replica",
        pages: &["slots_uncovered"],
        begin: &|| cluster.kill(third),
        shows: &|| suspects(cluster, first, third),
        heal: &|| cluster.start(third),
    });
    if !full {
        return;
    }
    watched.play(&Fault {
        what: "two of three primaries killed",
        pages: &["quorum_lost"],
        begin: &|| {
            cluster.kill(second);
            cluster.kill(third);
        },
        shows: &|| suspects(cluster, first, third),
        heal: &|| {
            cluster.start(third);
            cluster.start(second);
        },
    });
}

/// Three primaries without replicas, all of which end.
pub(crate) fn gone(cluster: &Cluster, watched: Watched<'_>) {
    watched.play(&Fault {
        what: "all nodes killed",
        pages: &["cluster_unreachable"],
        begin: &|| cluster.nodes().iter().for_each(|node| cluster.kill(node)),
        shows: &|| true,
        heal: &|| cluster.nodes().iter().for_each(|node| cluster.start(node)),
    });
}

/// What happens to the exporters of a chain of their own.
pub(crate) fn exporters(cluster: &Cluster, watched: Watched<'_>) {
    let (first, third) = (cluster.primary(0), cluster.primary(2));
    watched.is_quiet("an exporter of the pair hangs for a minute", &|| {
        watched.chain.signal_exporters(1, "STOP");
        sleep(Duration::from_secs(60));
        watched.chain.signal_exporters(1, "CONT");
    });
    watched.play(&Fault {
        what: "primary killed, no replica; both exporters hang for 40 s while it pages",
        pages: &["slots_uncovered"],
        begin: &|| {
            cluster.kill(third);
            await_that("it is suspected", || suspects(cluster, first, third));
        },
        shows: &|| true,
        heal: &|| {
            watched.chain.signal_exporters(2, "STOP");
            sleep(Duration::from_secs(40));
            watched.chain.signal_exporters(2, "CONT");
            // Now they judge anew, and it still is as it was.
            sleep(Duration::from_secs(20));
            cluster.start(third);
        },
    });
    watched.play(&Fault {
        what: "one cluster configured under two names",
        pages: &["clusters_merged"],
        begin: &|| watched.chain.watch("twin", Some(first)),
        shows: &|| true,
        heal: &|| watched.chain.watch("twin", None),
    });
}

/// Relays on the bus.
pub(crate) fn split(cluster: &Cluster, watched: Watched<'_>, full: bool) {
    let bus = Bus::around(cluster);
    let (cut, heir) = (cluster.primary(0), cluster.replica(0));
    watched.play(&Fault {
        what: "split brain: a primary cut off on the bus, its replica promoted",
        pages: &["split_brain", "failover_happened"],
        begin: &|| {
            // The one that is cut off does not notice: a majority has failed it and promoted its replica by then.
            set(cluster, cut, "cluster-node-timeout", "600000");
            bus.cut_off(&[cut]);
        },
        shows: &|| says(cluster, heir, &["INFO", "replication"], "role:master"),
        heal: &|| {
            set(cluster, cut, "cluster-node-timeout", "2000");
            bus.join();
        },
    });
    if full {
        stalled(cluster, watched);
    }
}

/// A replica for each primary: what dies, and what an operator does.
pub(crate) fn replicated(cluster: &Cluster, watched: Watched<'_>, full: bool) {
    let _load = Load::on(cluster.nodes());
    let (primary, heir, replica) = (cluster.primary(0), cluster.replica(0), cluster.replica(1));
    watched.is_quiet("CLUSTER FAILOVER", &|| {
        assert_eq!(cluster.cli(heir, &["CLUSTER", "FAILOVER"]), "OK");
        await_that("it is promoted", || says(cluster, heir, &["INFO", "replication"], "role:master"));
    });
    if !full {
        return;
    }
    watched.is_quiet("rolling restart", &|| {
        for node in cluster.nodes() {
            cluster.kill(node);
            cluster.start(node);
            await_that("the node is in sync", || {
                let info = cluster.cli(node, &["INFO", "replication"]);
                says(cluster, node, &["CLUSTER", "INFO"], "cluster_state:ok")
                    && (info.contains("role:master") || info.contains("link_status:up"))
            });
            sleep(Duration::from_secs(1));
        }
    });
    watched.play(&Fault {
        what: "replica killed",
        pages: &["node_failed"],
        begin: &|| cluster.kill(replica),
        shows: &|| suspects(cluster, primary, replica),
        heal: &|| cluster.start(replica),
    });
    let owner = owner(cluster);
    let voter = cluster.primary(2);
    watched.play(&Fault {
        what: "primary killed, its replica promoted",
        pages: &["node_failed", "failover_happened"],
        begin: &|| cluster.kill(&owner),
        shows: &|| suspects(cluster, voter, &owner),
        heal: &|| cluster.start(&owner),
    });
}

/// A failover that is wanted and does not come.
fn stalled(cluster: &Cluster, watched: Watched<'_>) {
    let (owner, voter) = (owner(cluster), cluster.primary(2));
    watched.play(&Fault {
        what: "primary killed, its replica must not take over",
        pages: &["slots_uncovered", "failover_stalled"],
        begin: &|| {
            everywhere(cluster, "cluster-replica-no-failover", "yes");
            cluster.kill(&owner);
        },
        shows: &|| suspects(cluster, voter, &owner),
        heal: &|| {
            cluster.start(&owner);
            everywhere(cluster, "cluster-replica-no-failover", "no");
        },
    });
}

/// Who owns slot 0 now.
fn owner(cluster: &Cluster) -> String {
    let nodes = cluster.cli(cluster.primary(2), &["CLUSTER", "NODES"]);
    let owns = |line: &&str| line.split(' ').skip(8).any(|slots| slots.starts_with("0-"));
    let line = nodes.lines().find(owns).expect("an owner of slot 0");
    line.split([' ', '@']).nth(1).expect("an address").to_owned()
}

/// Replication and refusals.
pub(crate) fn refused(cluster: &Cluster, watched: Watched<'_>, full: bool) {
    let load = Load::on(cluster.nodes());
    watched.play(&Fault {
        what: "writes refused for want of replicas",
        pages: &["commands_refused"],
        begin: &|| everywhere(cluster, "min-replicas-to-write", "2"),
        shows: &|| says(cluster, cluster.primary(0), &["INFO", "errorstats"], "NOREPLICAS"),
        heal: &|| everywhere(cluster, "min-replicas-to-write", "0"),
    });
    if !full {
        return;
    }
    let (primary, replica) = (cluster.primary(0), cluster.replica(0));
    watched.play(&Fault {
        what: "a replica loses its link",
        pages: &["replica_link_down"],
        begin: &|| {
            assert_eq!(cluster.cli(primary, &["ACL", "SETUSER", "default", "-psync", "-sync"]), "OK");
            assert_eq!(cluster.cli(primary, &["CLIENT", "KILL", "TYPE", "replica"]), "1");
        },
        shows: &|| says(cluster, replica, &["INFO", "replication"], "master_link_status:down"),
        heal: &|| {
            assert_eq!(cluster.cli(primary, &["ACL", "SETUSER", "default", "+psync", "+sync"]), "OK");
        },
    });
    drop(load);
    watched.play(&Fault {
        what: "memory over 80 % where nothing may be evicted",
        pages: &["memory_exhaustion"],
        begin: &|| {
            write(primary, 30_000_000, 3000);
            let used = cluster.number(primary, &["INFO", "memory"], "used_memory");
            everywhere(cluster, "maxmemory", &format!("{:.0}", used / 0.9));
        },
        shows: &|| true,
        heal: &|| everywhere(cluster, "maxmemory", "0"),
    });
}

/// What goes wrong on a node without anybody else noticing, and what an operator moves about.
pub(crate) fn operated(cluster: &mut Cluster, watched: Watched<'_>) {
    let load = Load::on(cluster.nodes());
    let (first, second) = (cluster.primary(0).to_owned(), cluster.primary(1).to_owned());
    let manage = |words: &[&str]| {
        let cli = std::env::var("RCE_CLI").unwrap_or_else(|_| "redis-cli".into());
        let mut command = std::process::Command::new("timeout");
        let output = command.arg("120").arg(cli).arg("--cluster").args(words).output().expect("redis-cli");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stdout));
    };
    watched.is_quiet("reshard of 500 slots", &|| {
        let (from, to) = (id(cluster, &first), id(cluster, &second));
        let words = ["--cluster-from", &from, "--cluster-to", &to, "--cluster-slots", "500"];
        manage(&[&["reshard", &first], &words[..], &["--cluster-yes"]].concat());
    });
    watched.is_quiet("rebalance", &|| manage(&["rebalance", &first]));
    let new = cluster.add();
    watched.is_quiet("node added and removed", &|| {
        cluster.meet(&new);
        let nodes = cluster.nodes();
        await_that("all know it", || {
            nodes.iter().all(|n| says(cluster, n, &["CLUSTER", "INFO"], "cluster_known_nodes:7"))
        });
        sleep(Duration::from_secs(10));
        manage(&["del-node", &first, &id(cluster, &new)]);
    });
    drop(load);
    let cluster = &*cluster;
    watched.play(&Fault {
        what: "a slot left open on one end",
        pages: &["migration_stalled"],
        begin: &|| {
            let to = id(cluster, &second);
            assert_eq!(cluster.cli(&first, &["CLUSTER", "SETSLOT", "600", "MIGRATING", &to]), "OK");
        },
        shows: &|| says(cluster, &first, &["CLUSTER", "NODES"], "[600->-"),
        heal: &|| assert_eq!(cluster.cli(&first, &["CLUSTER", "SETSLOT", "600", "STABLE"]), "OK"),
    });
    watched.play(&Fault {
        what: "a dump that cannot be written",
        pages: &["persistence_failing"],
        begin: &|| {
            // A directory stands where the dump should go.
            std::fs::create_dir(cluster.file(&second, "dump.rdb")).expect("a directory");
            cluster.cli(&second, &["BGSAVE"]);
        },
        shows: &|| says(cluster, &second, &["INFO", "persistence"], "rdb_last_bgsave_status:err"),
        heal: &|| {
            std::fs::remove_dir(cluster.file(&second, "dump.rdb")).expect("removed");
            cluster.cli(&second, &["BGSAVE"]);
        },
    });
}
