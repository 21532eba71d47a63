//! The fault campaign: on real clusters every fault is named by the right code and clears after the heal, and what an
//! operator does on purpose stays quiet. Prints one table of what was seen, and after how long.
//!
//! `RCE_SERVER` and `RCE_CLI` choose another server than the installed one, `CAMPAIGN=full` watches a healthy cluster
//! for ten minutes, `CAMPAIGN_ONLY=WORD` plays only the scenes whose name has the word.
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
    pub mod real;
    pub mod relay;
    pub mod samples;
}

mod scenes {
    pub(crate) mod access;
    pub(crate) mod bus;
    pub(crate) mod command;
    pub(crate) mod deaths;
    pub(crate) mod load;
    pub(crate) mod merged;
    pub(crate) mod quiet;
    pub(crate) mod replication;
    pub(crate) mod resources;
    pub(crate) mod slots;
    pub(crate) mod splits;
    pub(crate) mod stage;
}

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use common::real::{available, server};
use scenes::stage::Table;

/// Clusters that live at the same time.
const AT_ONCE: usize = 4;

type Scene = fn(&Table);

/// What is played, longest first.
const SCENES: [(&str, Scene); 9] = [
    ("quiet", scenes::quiet::scene),
    ("deaths", scenes::deaths::with_replicas),
    ("splits", scenes::splits::scene),
    ("bare", scenes::deaths::without_replicas),
    ("replication", scenes::replication::scene),
    ("slots", scenes::slots::scene),
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
    let (table, next, failed) = (Table::default(), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((name, play)) = scenes.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // A scene that fails ends its own cluster; the others go on.
                    if catch_unwind(AssertUnwindSafe(|| play(&table))).is_err() {
                        failed.lock().expect("no panic while it is held").push(*name);
                    }
                }
            });
        }
    });
    let text = format!("{}\n{:.0} s of wall time\n", table.text(), began.elapsed().as_secs_f64());
    std::io::stderr().write_all(text.as_bytes()).expect("stderr");
    let failed = failed.into_inner().expect("no panic while it was held");
    assert!(failed.is_empty(), "failed: {failed:?}");
}
