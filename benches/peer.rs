//! redis_exporter and this exporter beside the same real clusters of 6, 30 and 100 nodes, in one run: what a pass over
//! the whole cluster costs them and the servers.
//!
//! A pass is one look at every node. redis_exporter: `/scrape?target=` of each node, one after the other on one
//! connection, and afterwards, for its memory, all at the same instant. This exporter: one poll, which it makes by
//! itself every second, and one scrape of `/metrics`. Rounds alternate, each program is started afresh in each, and the
//! medians count. What the servers counted is less what an idle cluster counts in as much time.
//!
//! `cargo bench --bench peer` takes half an hour; with `UPDATE=1` it writes its tables into `docs/performance.md`.
//! `-- --rounds 1` takes a third of that, `-- --short` a minute, on six nodes only. redis_exporter is looked for as `RCE_PEER`, else in the path as
//! `redis_exporter` and `prometheus-redis-exporter`, as Debian calls it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "prints what it measured")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a bench ends where it meets what it does not expect"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "measures by the clock, and chooses the programs by the environment"
)]

#[path = "../tests/common"]
mod common {
    pub(crate) mod process;
    #[allow(dead_code, unreachable_pub, reason = "the tests use more of it")]
    pub(crate) mod real;
}

#[path = "measure"]
#[allow(dead_code, reason = "each bench uses its part")]
mod measure {
    pub(crate) mod daemon;
    pub(crate) mod exporter;
    pub(crate) mod servers;
    pub(crate) mod table;
}

#[path = "peer"]
mod peer {
    pub(crate) mod hang;
    pub(crate) mod load;
    pub(crate) mod pass;
    pub(crate) mod told;
}

use std::thread::sleep;
use std::time::Duration;

use common::real::{Cluster, available, server};
use measure::servers::Servers;
use peer::pass::{Contender, Pass};
use peer::{hang, load, told};
use redis_cluster_exporter::run::open_files::allow_all;

/// Primaries, as many replicas, passes of a round.
const SIZES: [(usize, u32); 3] = [(3, 20), (15, 12), (50, 8)];
const ROUNDS: usize = 3;

/// What was measured at one size: each contender with its rounds.
pub(crate) struct Size {
    nodes: usize,
    contenders: Vec<(Contender, Vec<Pass>)>,
}

fn main() {
    let short = std::env::args().any(|argument| argument == "--short");
    allow_all();
    if !available(&server()) {
        return;
    }
    let program = peer();
    if program.is_none() {
        println!("no redis_exporter in the path and none named by RCE_PEER: this exporter alone is measured");
    }
    let (sizes, rounds) = if short { (&[(3, 3)][..], 1) } else { (&SIZES[..], rounds()) };
    let told = |(primaries, passes): &(usize, u32)| {
        let size = measure(program.as_deref(), *primaries, *passes, rounds);
        told::print(&size);
        size
    };
    let sizes: Vec<Size> = sizes.iter().map(told).collect();
    let hang = hang::measure(short);
    told::tell(&sizes, &hang);
}

/// The number behind `--rounds`.
fn rounds() -> usize {
    let mut words = std::env::args().skip_while(|word| word != "--rounds").skip(1);
    words.next().map_or(ROUNDS, |number| number.parse().expect("--rounds and a number"))
}

/// The other program, if it is there.
fn peer() -> Option<String> {
    let named = std::env::var("RCE_PEER").ok();
    let names = named.into_iter().chain(["redis_exporter", "prometheus-redis-exporter"].map(str::to_owned));
    let runs = |name: &String| {
        let mut command = std::process::Command::new(name);
        command.arg("--version").stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command.status().is_ok()
    };
    names.into_iter().find(runs)
}

fn measure(peer: Option<&str>, primaries: usize, passes: u32, rounds: usize) -> Size {
    // Gossip of many nodes needs a patient cluster.
    let timeout = if primaries > 20 { 15_000 } else { 5_000 };
    let cluster = Cluster::of(primaries, 1).node_timeout_ms(timeout).boot();
    load::load(&cluster);
    let nodes = cluster.nodes().len();
    let mut contenders: Vec<(Contender, Vec<Pass>)> = Vec::new();
    if let Some(program) = peer {
        contenders.push((Contender::peer(program, &[]), Vec::new()));
        contenders.push((Contender::peer(program, &["--exclude-latency-histogram-metrics"]), Vec::new()));
    }
    contenders.push((Contender::Ours, Vec::new()));
    let mut servers = Servers::connect(cluster.nodes());
    for round in 1..=rounds {
        let idle = servers.over(|| sleep(Duration::from_secs(u64::from(passes))));
        for (contender, measured) in &mut contenders {
            println!("{nodes} nodes, round {round} of {rounds}: {}", contender.name());
            measured.push(contender.measure(&cluster, &mut servers, &idle, passes));
        }
    }
    Size { nodes, contenders }
}
