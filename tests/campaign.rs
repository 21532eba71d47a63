//! The fault campaign: on real clusters every fault is named by the right code with the right evidence by the second poll
//! after the servers themselves show it, and is gone by the second poll after they show that all is well; what an operator
//! does on purpose wakes nobody. Every measure is a count of polls, none a time. What fires beside the fault's own name is
//! listed where the fault is played, each with the reason why it is true; anything else is a failure.
//!
//! `RCE_SERVER` and `RCE_CLI` choose another server than the installed one, `CAMPAIGN=full` watches a healthy cluster
//! for ten minutes, `CAMPAIGN_ONLY=WORD` plays only the scenes whose name has the word, and `UPDATE=1` writes what was
//! seen into `docs/campaign.md`.
//!
//! | fault or operation | scene |
//! |---|---|
//! | primary killed with and without a replica; replica killed; replica or primary hung; all nodes gone | `deaths`, `bare` |
//! | two of three voters killed; slot unassigned under full coverage yes and no; one node forgotten by one | `bare` |
//! | true split brain with writes on both sides, healed; partition without overlap | `splits` |
//! | slot opened on one end only, on both ends without progress; keys orphaned | `slots` |
//! | atomic migration running, done, silent, failed (Valkey 9, Redis 8.4) | `migrations` |
//! | two clusters merged by one MEET, what remains, and how they are parted | `merged` |
//! | replica link down; lag over 10 MB and over 50 MB; full-resync loop by a tiny output buffer | `replication` |
//! | memory over 80 % under noeviction and under allkeys-lru; fragmentation on an empty node | `resources` |
//! | bgsave failing; maxclients reached; a setting that differs on one node; an ACL that hides CONFIG | `resources` |
//! | everything that `redis-cli --cluster check` reports, and what only `check` sees | `command` |
//! | the least rights, on a real server | `access` |
//! | healthy for ten minutes, planned failover, rolling restart, reshard of 1000 slots with keys, rebalance, node added and removed | `quiet` |
//! | the same of a cluster that was never written to | `never written` |
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "clippy allows these in test functions, and this is what they call"
)]

/// What the scenes stand on.
pub mod common {
    pub mod exporter;
    pub mod naive;
    pub mod real;
    pub mod samples;
}

mod scenes {
    pub(crate) mod access;
    pub(crate) mod act;
    pub(crate) mod bus;
    pub(crate) mod command;
    pub(crate) mod deaths;
    pub(crate) mod load;
    pub(crate) mod merged;
    pub(crate) mod migrations;
    pub(crate) mod quiet;
    pub(crate) mod replication;
    pub(crate) mod resources;
    pub(crate) mod slots;
    pub(crate) mod splits;
    pub(crate) mod stage;
    pub(crate) mod table;
    pub(crate) mod truth;
}

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use common::real::{available, server};
use scenes::quiet::full;
use scenes::table::{COMPARED_HEAD, HEAD, Table, with_section};

/// Clusters that live at the same time.
const AT_ONCE: usize = 4;

/// Where the tables of real runs stand.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/campaign.md");

type Scene = fn(&Table);

/// What is played, longest first.
const SCENES: [(&str, Scene); 11] = [
    ("quiet", scenes::quiet::under_load),
    ("never written", scenes::quiet::never_written),
    ("deaths", scenes::deaths::with_replicas),
    ("bare", scenes::deaths::without_replicas),
    ("splits", scenes::splits::scene),
    ("replication", scenes::replication::scene),
    ("slots", scenes::slots::scene),
    ("migrations", scenes::migrations::scene),
    ("resources", scenes::resources::scene),
    ("merged", scenes::merged::scene),
    ("command", scenes::command::scene),
];

#[test]
fn every_fault_is_named_and_every_operation_is_quiet() {
    if !available(&server()) {
        return;
    }
    let only = std::env::var("CAMPAIGN_ONLY").unwrap_or_default();
    let scenes: Vec<_> = SCENES.iter().filter(|(name, _)| name.contains(&only)).collect();
    let tables: Vec<Table> = scenes.iter().map(|_| Table::default()).collect();
    let (next, ended) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(at) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|at| *at < scenes.len())
                {
                    let (name, play) = scenes[at];
                    // A scene that fails ends its own cluster; the others go on.
                    if catch_unwind(AssertUnwindSafe(|| play(&tables[at]))).is_err() {
                        ended.lock().expect("no panic while it is held").push(*name);
                    }
                }
            });
        }
    });
    let rows: String = tables.iter().map(Table::text).collect();
    let how = if full() { "full" } else { "short" };
    let took = began.elapsed().as_secs();
    let compared: String = tables.iter().map(Table::compared).collect();
    let section = format!(
        "The {how} form, {} scenes in {took} s.\n\n{HEAD}{rows}\n{COMPARED_HEAD}{compared}",
        scenes.len()
    );
    let version = version();
    std::io::stderr().write_all(format!("\n{version}\n\n{section}\n").as_bytes()).expect("stderr");
    let ended = ended.into_inner().expect("no panic while it was held");
    let failures: Vec<_> = tables.iter().flat_map(Table::failures).collect();
    let all = failures.join("\n");
    assert!(
        failures.is_empty() && ended.is_empty(),
        "{all}\nscenes that did not come to their end: {ended:?}"
    );
    if std::env::var("UPDATE").is_ok() && only.is_empty() {
        let document = std::fs::read_to_string(DOCUMENT).expect("the document");
        std::fs::write(DOCUMENT, with_section(&document, &version, &section)).expect("the document");
    }
}

/// Name and version of the server.
fn version() -> String {
    let output = Command::new(server()).arg("--version").output().expect("the server");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let name = if text.to_lowercase().contains("valkey") { "Valkey" } else { "Redis" };
    let number = text.split_whitespace().find_map(|word| word.strip_prefix("v="));
    format!("{name} {}", number.unwrap_or("of unknown version"))
}
