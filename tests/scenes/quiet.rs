//! What an operator does on purpose, and a healthy cluster at work: nobody is woken.

use std::process::Command;
use std::time::Duration;

use super::act::{Moment, evidence};
use super::load::Load;
use super::stage::{DEFAULTS, Stage, configuration};
use super::table::Table;
use super::truth::Truth;
use crate::common::real::id;
use crate::common::real::{Cluster, await_that};

/// What is true for some seconds of a primary that restarts without a handover: clients cannot have its slots until it
/// is back and has loaded them, and then are answered CLUSTERDOWN for the two seconds that a primary waits before it serves again, so
/// that it can hear of a failover. That is shown, and over long before an alert is due.
const WITHOUT_HANDOVER: [Moment; 2] = [
    ("slots_uncovered", |finding| {
        ["owner_loading", "owner_unreachable"].contains(&&*evidence(finding, "reason"))
    }),
    ("commands_refused", |finding| {
        let refused = evidence(finding, "refused");
        refused.contains("CLUSTERDOWN") && !refused.contains(',')
    }),
];

/// Clients write all the time.
pub(crate) fn under_load(table: &Table) {
    let cluster = Cluster::of(3, 1).node_timeout_ms(5000).boot();
    let load = Load::on(cluster.nodes());
    play(cluster, table, "under load");
    drop(load);
}

/// A cluster that never got a key.
pub(crate) fn never_written(table: &Table) {
    play(Cluster::of(3, 1).node_timeout_ms(5000).boot(), table, "never written to");
}

/// Whether the long form is played.
pub(crate) fn full() -> bool {
    std::env::var("CAMPAIGN").is_ok_and(|how| how == "full")
}

fn play(mut cluster: Cluster, table: &Table, how: &str) {
    let yaml = configuration(&[("e2e", cluster.primary(0))], DEFAULTS);
    let stage = Stage::with(&cluster, &yaml, table);
    let truth = Truth::of(&[&cluster]);

    let minutes = if how == "under load" { 10 } else { 1 };
    let time = Duration::from_secs(if full() { 60 * minutes } else { 15 });
    stage.act(&format!("healthy {how}, {} s", time.as_secs())).stays_silent_for(time);

    let act = stage.act(&format!("planned CLUSTER FAILOVER, {how}"));
    fail_over(&cluster, cluster.replica(0));
    act.was_quiet(|| truth.is_well());

    // Replicas first; a primary hands over before it goes.
    let act = stage.act(&format!("rolling restart, {how}"));
    for at in 0..3 {
        let pair = [cluster.primary(at), cluster.replica(at)];
        let (first, then) =
            if is_primary(&cluster, pair[0]) { (pair[1], pair[0]) } else { (pair[0], pair[1]) };
        restart(&cluster, first, &truth);
        fail_over(&cluster, first);
        restart(&cluster, then, &truth);
    }
    act.was_quiet(|| truth.is_well());

    let act = stage.act(&format!("restart of one after the other, primaries too, {how}"));
    for node in cluster.nodes() {
        restart(&cluster, node, &truth);
    }
    act.alerts_nobody_but(&WITHOUT_HANDOVER, || truth.is_well());

    let primaries =
        || -> Vec<&String> { cluster.nodes().iter().filter(|node| is_primary(&cluster, node)).collect() };
    let act = stage.act(&format!("reshard of 1000 slots, {how}"));
    let (from, to) = (id(&cluster, primaries()[0]), id(&cluster, primaries()[1]));
    let ends = ["--cluster-from", &from, "--cluster-to", &to];
    manage(
        &[&["reshard", primaries()[0]], &ends[..], &["--cluster-slots", "1000", "--cluster-yes"]].concat(),
    );
    act.was_quiet(|| truth.is_well());

    let act = stage.act(&format!("rebalance, {how}"));
    manage(&["rebalance", primaries()[0]]);
    act.was_quiet(|| truth.is_well());

    let act = stage.act(&format!("node added and removed, {how}"));
    let first = cluster.nodes()[0].clone();
    let new = cluster.add();
    cluster.meet(&new);
    let with_it = Truth::of(&[&cluster]);
    await_that("all know it", || with_it.is_well());
    manage(&["del-node", &first, &id(&cluster, &new)]);
    cluster.kill(&new);
    act.was_quiet(|| truth.is_well());
}

fn is_primary(cluster: &Cluster, node: &str) -> bool {
    cluster.cli(node, &["INFO", "replication"]).contains("role:master")
}

fn fail_over(cluster: &Cluster, heir: &str) {
    assert_eq!(cluster.cli(heir, &["CLUSTER", "FAILOVER"]), "OK");
    let log = || std::fs::read_to_string(cluster.file(heir, "log")).unwrap_or_default();
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while !is_primary(cluster, heir) {
        assert!(std::time::Instant::now() < end, "no takeover: {}\n{}", log(), cluster.status());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn restart(cluster: &Cluster, node: &str, truth: &Truth) {
    cluster.kill(node);
    cluster.start(node);
    await_that("all is well", || truth.is_well());
}

/// `redis-cli --cluster …`
fn manage(words: &[&str]) {
    let cli = std::env::var("RCE_CLI").unwrap_or_else(|_| "redis-cli".into());
    let output =
        Command::new("timeout").arg("180").arg(cli).arg("--cluster").args(words).output().expect("redis-cli");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stdout));
}
