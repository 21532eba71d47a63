//! What the exporter costs beside clusters that no test machine holds of real servers: a simulated cluster of up to a
//! thousand nodes, and up to three hundred clusters of twenty, each node a socket of its own in this process. The built
//! exporter runs beside it as a process, with a poll every ten seconds; its CPU, kernel included, and memory are what
//! Linux says of that process alone.
//!
//! `cargo bench --bench scale` takes a quarter of an hour; with `UPDATE=1` it writes its tables and plots into `docs/`.
//! `-- --short` takes a minute and shows that the measurement works; `-- --nodes 100,1000 --clusters 300` measures only
//! these. `-- serve CLUSTERS PRIMARIES REPLICAS PORT` measures nothing: it plays the servers for whoever wants to look at
//! them, and takes orders from its standard input.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "prints what it measured")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a bench ends where it meets what it does not expect"
)]
#![allow(clippy::disallowed_methods, reason = "measures by the clock")]

#[path = "../tests/common"]
mod common {
    pub(crate) mod fleet;
    pub(crate) mod process;
    #[allow(dead_code, unreachable_pub, reason = "the tests use more of it")]
    pub(crate) mod real;
}

#[path = "measure"]
#[allow(dead_code, reason = "each bench uses its part")]
mod measure {
    pub(crate) mod daemon;
    pub(crate) mod exporter;
    pub(crate) mod plot;
    pub(crate) mod table;
}

#[path = "scale"]
mod scale {
    pub(crate) mod run;
    pub(crate) mod serve;
    pub(crate) mod told;
}

use std::time::Duration;

use common::fleet::Shape;
use measure::exporter::Pace;
use redis_cluster_exporter::run::open_files::allow_all;
use scale::run::{Run, run};
use scale::{serve, told};

/// As the servers would be polled; a slow poll is every third.
const PACE: Pace = Pace {
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(5),
    slow_interval: Duration::from_secs(30),
};
/// For a look whether all works.
const SHORT: Pace = Pace {
    interval: Duration::from_secs(1),
    timeout: Duration::from_millis(800),
    slow_interval: Duration::from_secs(3),
};

/// Nodes of one cluster.
const NODES: [usize; 4] = [10, 100, 300, 1000];
/// Clusters of twenty.
const CLUSTERS: [usize; 3] = [30, 100, 300];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    allow_all();
    if arguments.first().is_some_and(|word| word == "serve") {
        return serve::serve(&arguments[1..]);
    }
    let pace = if arguments.iter().any(|word| word == "--short") { SHORT } else { PACE };
    let (nodes, clusters) = match (list(&arguments, "--nodes"), list(&arguments, "--clusters")) {
        (None, None) if pace.interval < PACE.interval => (NODES[..2].to_vec(), CLUSTERS[..1].to_vec()),
        (None, None) => (NODES.to_vec(), CLUSTERS.to_vec()),
        (nodes, clusters) => (nodes.unwrap_or_default(), clusters.unwrap_or_default()),
    };
    let one = |nodes: &usize| Shape { clusters: 1, primaries: nodes / 2, replicas: 1 };
    let many = |clusters: &usize| Shape { clusters: *clusters, primaries: 10, replicas: 1 };
    let measured = |shape: Shape| -> Run {
        println!("clusters: {}, nodes of each: {} …", shape.clusters, shape.nodes());
        run(shape, pace)
    };
    let growing: Vec<Run> = nodes.iter().map(one).map(measured).collect();
    let many: Vec<Run> = clusters.iter().map(many).map(measured).collect();
    told::tell(&growing, &many, pace);
}

/// The numbers behind a flag, as in `--nodes 100,1000`; ascending.
fn list(arguments: &[String], flag: &str) -> Option<Vec<usize>> {
    let at = arguments.iter().position(|word| word == flag)?;
    let numbers = arguments.get(at + 1).expect("numbers with commas").split(',');
    let mut numbers: Vec<usize> = numbers.map(|number| number.parse().expect("a number")).collect();
    numbers.sort_unstable();
    Some(numbers)
}
