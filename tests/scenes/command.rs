//! `check` on live clusters: what it exits with, what it prints, and that it tells all that `redis-cli --cluster check`
//! tells, and what beside.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use serde_json::Value;

use super::stage::await_truth;
use super::table::Table;
use super::truth::Truth;
use crate::common::real::{Cluster, await_that};
use crate::common::real::{id, set};

/// What `redis-cli` complains of, and what of ours says the same: a code, or the list of what is on the move.
const SAME: [(&str, &[&str]); 8] = [
    ("has slots in migrating state", &["migration_stalled", MOVING]),
    ("has slots in importing state", &["migration_stalled", MOVING]),
    ("The following slots are open", &["migration_stalled", MOVING]),
    ("Nodes don't agree about configuration", &["slot_maps_disagree", "membership_disagrees", "split_brain"]),
    // It counts a node out that it cannot connect to; whether its slots are lost only its peers can tell.
    ("Not all 16384 slots are covered", &["slots_uncovered", "node_unreachable"]),
    ("Could not connect to", &["node_unreachable", "node_failed", "cluster_unreachable"]),
    ("Multiple slots owners", &["split_brain"]),
    ("There are open slots", &["migration_stalled", MOVING]),
];

/// The list of what is on the move, in the text.
const MOVING: &str = "on the move";

/// The judgement of one run of `check`.
struct Judged {
    exit: Option<i32>,
    verdict: String,
    /// Codes that fire, and [`MOVING`] where slots are.
    said: BTreeSet<String>,
}

fn check(words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redis-cluster-exporter"));
    command.arg("check").args(["--poll.interval", "600ms", "--poll.timeout", "500ms"]).args(words);
    let Output { status, stdout, .. } = command.output().expect("the program");
    (status.code(), String::from_utf8(stdout).expect("UTF-8"))
}

fn judged(seed: &str) -> Judged {
    let (exit, text) = check(&["--format", "json", seed]);
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let cluster = &report["clusters"][0];
    let findings = cluster["findings"].as_array().expect("findings");
    let codes = findings.iter().map(|one| one["check"].as_str().expect("a code").to_owned());
    let moving = check(&[seed]).1.contains("\non the move:\n");
    let said = codes.chain(moving.then(|| MOVING.to_owned())).collect();
    Judged { exit, verdict: cluster["verdict"].as_str().expect("a verdict").to_owned(), said }
}

/// What `redis-cli --cluster check` prints.
fn complaints(seed: &str) -> String {
    let cli = std::env::var("RCE_CLI").unwrap_or_else(|_| "redis-cli".into());
    let words = ["20", &cli, "--cluster", "check", seed, "--cluster-search-multiple-owners"];
    let output = Command::new("timeout").args(words).output().expect("redis-cli");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Both on the same cluster: everything that the one complains of the other says. Adds what only ours says to the table.
fn compared(table: &Table, what: &str, seed: &str) -> Judged {
    let theirs = complaints(seed);
    let ours = judged(seed);
    let mut same: BTreeSet<&str> = BTreeSet::new();
    for line in theirs.lines().filter(|line| line.contains("[ERR]") || line.contains("[WARNING]")) {
        let known = SAME.iter().find(|(words, _)| line.contains(words));
        let (_, codes) =
            known.unwrap_or_else(|| panic!("{what}: redis-cli complains of what nobody knows: {line}"));
        let said = || codes.iter().filter(|code| ours.said.contains(**code));
        assert!(said().next().is_some(), "{what}: {line}\nours: {:?}", ours.said);
        same.extend(said());
    }
    let only: Vec<&str> = ours.said.iter().map(|code| &**code).filter(|code| !same.contains(code)).collect();
    table.compare(what, &same.into_iter().collect::<Vec<_>>(), &only);
    ours
}

pub(crate) fn scene(table: &Table) {
    let cluster = Cluster::of(3, 0).node_timeout_ms(2000).boot();
    let truth = Truth::of(&[&cluster]);
    let (first, second, third) = (cluster.primary(0), cluster.primary(1), cluster.primary(2));
    await_truth("it is well", || truth.is_well());
    let (code, text) = check(&[first]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(": ok "), "{text}");
    assert!(complaints(first).contains("[OK] All 16384 slots covered"));
    let healthy = compared(table, "healthy", first);
    assert!(healthy.said.is_empty(), "{:?}", healthy.said);

    let slot = |node: &str, words: &[&str]| {
        assert_eq!(cluster.cli(node, &[&["CLUSTER", "SETSLOT", "0"], words].concat()), "OK");
    };
    slot(first, &["MIGRATING", &id(&cluster, second)]);
    let judged_now = compared(table, "slot open at the source only", first);
    assert_eq!((judged_now.exit, &*judged_now.verdict), (Some(1), "P2"));
    slot(second, &["IMPORTING", &id(&cluster, first)]);
    let both = compared(table, "slot open at both ends", first);
    assert_eq!(
        (both.exit, &*both.verdict),
        (Some(0), "ok"),
        "a migration that has only begun: {:?}",
        both.said
    );
    slot(first, &["STABLE"]);
    compared(table, "slot open at the target only", first);
    slot(second, &["STABLE"]);

    assert_eq!(cluster.cli(first, &["CLUSTER", "DELSLOTS", "7"]), "OK");
    let odd = compared(table, "slot let go by its owner", second);
    assert_eq!((odd.exit, &*odd.verdict), (Some(2), "P1"), "{:?}", odd.said);
    for node in [second, third] {
        assert_eq!(cluster.cli(node, &["CLUSTER", "DELSLOTS", "7"]), "OK");
    }
    compared(table, "slot unassigned everywhere", second);
    assert_eq!(cluster.cli(first, &["CLUSTER", "ADDSLOTS", "7"]), "OK");
    await_truth("all is well", || truth.is_well());

    set(&cluster, second, "cluster-require-full-coverage", "no");
    let drift = compared(table, "a setting differs", first);
    assert!(drift.said.contains("config_drift"), "{:?}", drift.said);
    set(&cluster, second, "cluster-require-full-coverage", "yes");

    cluster.kill(third);
    compared(table, "primary killed a moment ago", first);
    await_that("it is failed", || truth.is_failed(third));
    let dead = compared(table, "primary failed", first);
    assert_eq!((dead.exit, &*dead.verdict), (Some(2), "P1"), "{:?}", dead.said);
    let (code, text) = check(&[first]);
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("P1 slots_uncovered") && text.contains("runbook: /runbooks/slots_uncovered"),
        "{text}"
    );
    cluster.start(third);
    await_truth("all is well", || truth.is_well());

    // Two that hang and that nobody has missed yet: the one that answers cannot speak for the cluster.
    cluster.stop(second);
    cluster.stop(third);
    let blind = judged(first);
    cluster.resume(second);
    cluster.resume(third);
    assert_eq!((blind.exit, &*blind.verdict), (Some(3), "unknown"), "{:?}", blind.said);
    assert!(blind.said.contains("view_incomplete"), "{:?}", blind.said);

    for node in cluster.nodes() {
        cluster.kill(node);
    }
    let gone = compared(table, "all nodes gone", first);
    assert_eq!((gone.exit, &*gone.verdict), (Some(2), "P1"), "{:?}", gone.said);
    assert!(gone.said.contains("cluster_unreachable"), "{:?}", gone.said);
}
