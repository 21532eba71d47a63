//! What an operator does on purpose, and a healthy cluster at work: nobody is woken.

use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use super::load::Load;
use super::stage::{Stage, Table, id};
use crate::common::real::{Cluster, await_that};

pub(crate) fn scene(table: &Table) {
    let mut cluster = Cluster::of(3, 1).node_timeout_ms(3000).boot();
    let load = Load::on(cluster.nodes());
    let stage = Stage::of(&cluster, table);

    let full = std::env::var("CAMPAIGN").is_ok_and(|how| how == "full");
    let time = Duration::from_secs(if full { 600 } else { 30 });
    stage.act("healthy under load").stays_silent_for(time);

    let act = stage.act("planned CLUSTER FAILOVER");
    let heir = cluster.replica(0);
    assert_eq!(cluster.cli(heir, &["CLUSTER", "FAILOVER"]), "OK");
    await_role(&cluster, heir, "role:master");
    sleep(Duration::from_secs(2));
    act.was_quiet();

    let act = stage.act("rolling restart");
    for node in cluster.nodes() {
        cluster.kill(node);
        cluster.start(node);
        await_that("the node is in sync", || {
            let info = cluster.cli(node, &["INFO", "replication"]);
            let state = cluster.cli(node, &["CLUSTER", "INFO"]);
            state.contains("cluster_state:ok")
                && (info.contains("role:master") || info.contains("link_status:up"))
        });
        sleep(Duration::from_secs(1));
    }
    act.was_quiet();

    let slots = if full { "1000" } else { "100" };
    let act = stage.act("reshard of slots with keys");
    let primary = |n: usize| {
        let nodes = cluster.cli(cluster.primary(1), &["CLUSTER", "NODES"]);
        let mut lines: Vec<_> = nodes.lines().filter(|l| l.contains("master")).map(str::to_owned).collect();
        lines.sort();
        lines[n].split(' ').next().expect("an id").to_owned()
    };
    let words = ["--cluster-from", &primary(0), "--cluster-to", &primary(1), "--cluster-slots", slots];
    manage(&[&["reshard", cluster.primary(1)], &words[..], &["--cluster-yes"]].concat());
    act.was_quiet();

    let act = stage.act("node added and removed");
    let first = cluster.nodes()[0].clone();
    let new = cluster.add();
    cluster.meet(&new);
    await_that("all know it", || {
        let knows = |n: &String| cluster.number(n, &["CLUSTER", "INFO"], "cluster_known_nodes") == 7.0;
        cluster.nodes().iter().all(knows)
    });
    sleep(Duration::from_secs(2));
    manage(&["del-node", &first, &id(&cluster, &new)]);
    act.was_quiet();
    drop(load);
}

fn await_role(cluster: &Cluster, node: &str, role: &str) {
    await_that(role, || cluster.cli(node, &["INFO", "replication"]).contains(role));
}

/// `redis-cli --cluster …`
fn manage(words: &[&str]) {
    let cli = std::env::var("RCE_CLI").unwrap_or_else(|_| "redis-cli".into());
    let output =
        Command::new("timeout").arg("60").arg(cli).arg("--cluster").args(words).output().expect("redis-cli");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stdout));
}
