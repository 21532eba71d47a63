//! `check` on live clusters: what it exits with, what it prints, and that it tells all that `redis-cli` tells.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use serde_json::Value;

use super::stage::{Table, id};
use crate::common::real::{Cluster, await_that};

fn check(words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redis-cluster-exporter"));
    command.arg("check").args(["--poll.interval", "600ms", "--poll.timeout", "500ms"]).args(words);
    let Output { status, stdout, .. } = command.output().expect("the program");
    (status.code(), String::from_utf8(stdout).expect("UTF-8"))
}

/// Exit code, verdict and codes.
fn judged(seed: &str) -> (Option<i32>, String, BTreeSet<String>) {
    let (code, text) = check(&["--format", "json", seed]);
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let cluster = &report["clusters"][0];
    let findings = cluster["findings"].as_array().expect("findings");
    let codes = findings.iter().map(|one| one["check"].as_str().expect("a code").to_owned()).collect();
    (code, cluster["verdict"].as_str().expect("a verdict").to_owned(), codes)
}

/// What `redis-cli --cluster check` complains of.
fn complaints(seed: &str) -> String {
    let cli = std::env::var("RCE_CLI").unwrap_or_else(|_| "redis-cli".into());
    let output =
        Command::new("timeout").args(["20", &cli, "--cluster", "check", seed]).output().expect("redis-cli");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn scene(_: &Table) {
    let cluster = Cluster::of(3, 0).node_timeout_ms(2000).boot();
    let (first, second, third) = (cluster.primary(0), cluster.primary(1), cluster.primary(2));
    let (code, text) = check(&[first]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(": ok "), "{text}");
    assert!(complaints(first).contains("[OK] All 16384 slots covered"));

    let words = ["CLUSTER", "SETSLOT", "0", "MIGRATING"];
    assert_eq!(cluster.cli(first, &[&words[..], &[&id(&cluster, second)]].concat()), "OK");
    let (code, verdict, codes) = judged(first);
    assert!(complaints(first).contains("migrating state"));
    assert_eq!((code, &*verdict), (Some(1), "P2"), "{codes:?}");
    assert!(codes.contains("migration_stalled"), "{codes:?}");
    assert_eq!(cluster.cli(first, &["CLUSTER", "SETSLOT", "0", "STABLE"]), "OK");

    assert_eq!(cluster.cli(first, &["CLUSTER", "DELSLOTS", "7"]), "OK");
    let (code, verdict, codes) = judged(second);
    let said = complaints(first);
    assert!(said.contains("don't agree"), "{said}");
    assert_eq!((code, &*verdict), (Some(2), "P1"), "{codes:?}");
    assert!(codes.contains("slots_uncovered") && codes.contains("slot_maps_disagree"), "{codes:?}");
    assert_eq!(cluster.cli(first, &["CLUSTER", "ADDSLOTS", "7"]), "OK");

    cluster.kill(third);
    await_that("it is failed", || cluster.cli(first, &["CLUSTER", "NODES"]).contains("master,fail "));
    let (code, verdict, codes) = judged(first);
    let said = complaints(first);
    assert!(said.contains("Not all 16384 slots are covered"), "{said}");
    assert_eq!((code, &*verdict), (Some(2), "P1"), "{codes:?}");
    assert!(codes.contains("slots_uncovered") && codes.contains("node_failed"), "{codes:?}");
    let (code, text) = check(&[first]);
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("P1 slots_uncovered") && text.contains("runbook: /runbooks/slots_uncovered"),
        "{text}"
    );

    cluster.start(third);
    await_that("all is well", || judged(first).0 == Some(0));
    // Two that hang and that nobody has missed yet: the one that answers cannot speak for the cluster.
    cluster.stop(second);
    cluster.stop(third);
    let (code, verdict, codes) = judged(first);
    cluster.resume(second);
    cluster.resume(third);
    assert_eq!((code, &*verdict), (Some(3), "unknown"), "{codes:?}");
    assert!(codes.contains("view_incomplete"), "{codes:?}");

    for node in cluster.nodes() {
        cluster.kill(node);
    }
    let (code, verdict, codes) = judged(first);
    assert_eq!((code, &*verdict), (Some(2), "P1"), "{codes:?}");
    assert!(codes.contains("cluster_unreachable"), "{codes:?}");
}
