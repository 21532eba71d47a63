//! What `make fuzz` begins with, and all that it ever found, given to the functions that it calls.
//!
//! With `FUZZ_CORPUS=DIR` all of it is written into `DIR` instead, a folder for each target.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails where it meets what it does not expect; the environment says where seeds go"
)]

mod common {
    pub(crate) mod captures;
    pub(crate) mod seeds;
}

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "a crate of its own elsewhere")]
mod fuzz;

use std::fs;
use std::path::Path;

use common::seeds::{self, Seed};
use fuzz::{files, mutate, nodes, polls};
use redis_cluster_exporter::resp;

/// Gives a target all its seeds, and every input that was found for it before; or writes them where they are wanted.
fn replay(target: &str, mut seeds: Vec<Seed>, run: fn(&[u8])) {
    assert!(seeds.len() > 5, "{} seeds", seeds.len());
    seeds.extend(seeds::kept("found", target));
    if let Ok(corpus) = std::env::var("FUZZ_CORPUS") {
        let dir = Path::new(&corpus).join(target);
        fs::create_dir_all(&dir).unwrap();
        seeds.iter().for_each(|seed| fs::write(dir.join(&seed.name), &seed.bytes).unwrap());
        return;
    }
    for Seed { name, bytes } in &seeds {
        // Said of a test that fails, and only then.
        println!("{target}: {name}");
        run(bytes);
    }
}

#[test]
fn info_is_read() {
    replay("info", seeds::info(), nodes::info);
}

#[test]
fn cluster_nodes_is_read() {
    replay("cluster_nodes", seeds::cluster_nodes(), nodes::cluster_nodes);
}

#[test]
fn arrays_are_read() {
    replay("arrays", seeds::arrays(), nodes::arrays);
}

#[test]
fn polls_are_judged_and_shown() {
    replay("polls", seeds::polls(), polls::polls);
}

#[test]
fn configurations_are_read() {
    replay("config", seeds::config(), files::config);
}

#[test]
fn web_configurations_are_read() {
    replay("web_config", seeds::web_config(), files::web_config);
}

/// Else nothing that is fuzzed as RESP would ever be read.
#[test]
fn what_is_changed_stays_resp() {
    let reverse: mutate::Bytes = |bytes, size, _| {
        bytes[..size].reverse();
        size
    };
    let seed = seeds::arrays().swap_remove(0).bytes;
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..500 {
        let mut data = seed.clone();
        data.resize(seed.len() * 2, 0);
        let most = data.len();
        let size = mutate::resp(&mut data, seed.len(), most, number, reverse);
        resp::parse(&data[..size]).unwrap();
        seen.insert(data[..size].to_vec());
    }
    assert!(seen.len() > 250, "{} of 500 differ", seen.len());
}
