//! What the core costs: reading replies, joining them, judging, encoding; in time and in allocations, for clusters of
//! 6, 100 and 1000 nodes. The replies are those of the simulated cluster of the tests.
//!
//! `cargo bench --bench core`; a word behind `--` chooses the benches whose names hold it. Without one, what a series
//! costs to encode is printed last.
#![allow(clippy::unwrap_used, reason = "a bench ends where it meets what it does not expect")]

#[path = "../tests/common"]
mod common {
    pub(crate) mod sim;
}

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::sim::{Cluster, START};
use divan::{AllocProfiler, Bencher};
use redis_cluster_exporter::checks::{self, Context};
use redis_cluster_exporter::frame::{Frame, Setup, analyze};
use redis_cluster_exporter::history::History;
use redis_cluster_exporter::http::gzip;
use redis_cluster_exporter::metrics::{self, Format};
use redis_cluster_exporter::model::address::Naming;
use redis_cluster_exporter::model::snapshot::NodeSnapshot;
use redis_cluster_exporter::model::view::{ClusterView, assemble};
use redis_cluster_exporter::parse::{Tables, snapshot};
use redis_cluster_exporter::probes::{ProbeId, Replies};
use redis_cluster_exporter::status::{self, Polled};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

/// Nodes of the clusters; one replica for each primary.
const NODES: [u16; 3] = [6, 100, 1000];
/// A poll's own duration.
const TOOK: Duration = Duration::from_millis(1);

fn main() {
    divan::main();
    if std::env::args().skip(1).all(|argument| argument.starts_with("--")) {
        NODES.into_iter().for_each(per_series);
    }
}

/// What a series costs: the quickest of many encodings.
#[allow(clippy::print_stdout, reason = "prints what it measured")]
#[allow(clippy::disallowed_methods, reason = "measures by the clock")]
fn per_series(nodes: u16) {
    let frames = [frame(nodes)];
    let series = metrics::encode(&frames, START, Format::OpenMetrics)
        .lines()
        .filter(|line| !line.starts_with('#'))
        .count();
    let once = |_| {
        let begun = Instant::now();
        std::hint::black_box(metrics::encode(&frames, START, Format::OpenMetrics));
        begun.elapsed()
    };
    let quickest = (0..200).map(once).min().unwrap_or_default();
    let each = quickest.as_nanos() as f64 / series as f64;
    println!("{nodes} nodes: {series} series, {each:.0} ns each as OpenMetrics");
}

/// What all nodes reply to one poll.
fn replies(nodes: u16) -> Vec<Replies> {
    Cluster::healthy(nodes / 2, 1).replies()
}

/// The reply of one node to one probe.
fn one(nodes: u16, probe: ProbeId) -> Replies {
    let mut replies = Cluster::healthy(nodes / 2, 1).replies_of("m1");
    replies.answers.retain(|answer| answer.probe == probe);
    replies
}

fn setup() -> Setup {
    let naming = Naming::default();
    Setup { cluster: Arc::from("bench"), naming, interval: Duration::from_secs(5), ..Setup::default() }
}

fn frame(nodes: u16) -> Arc<Frame> {
    Arc::new(analyze(&setup(), &replies(nodes), &mut History::default(), START, TOOK))
}

/// Some shards hold the others for dead, and these them.
fn cut_off(nodes: u16) -> Frame {
    let side: Vec<String> =
        (1..=(nodes / 20).max(1)).flat_map(|n| [format!("m{n}"), format!("r{n}")]).collect();
    let side: Vec<&str> = side.iter().map(String::as_str).collect();
    let replies = Cluster::healthy(nodes / 2, 1).split(&side).replies();
    analyze(&setup(), &replies, &mut History::default(), START, TOOK)
}

fn polled(frame: &Frame) -> Polled<'_> {
    Polled { name: &frame.cluster, frame: Some(frame), now: frame.view.at }
}

/// One node's reply to typed values.
mod parse {
    use super::*;

    #[divan::bench]
    fn info(bencher: Bencher<'_, '_>) {
        let replies = one(6, ProbeId::Info);
        bencher.bench_local(|| snapshot(&replies, &mut Tables::default()));
    }

    /// A table that was met before: hashed only.
    #[divan::bench(args = NODES)]
    fn nodes_known(bencher: Bencher<'_, '_>, nodes: u16) {
        let replies = one(nodes, ProbeId::ClusterNodes);
        let mut tables = Tables::default();
        snapshot(&replies, &mut tables);
        bencher.bench_local(|| snapshot(&replies, &mut tables));
    }

    /// A table that no node has shown before: hashed, then built.
    #[divan::bench(args = NODES)]
    fn nodes_new(bencher: Bencher<'_, '_>, nodes: u16) {
        let replies = one(nodes, ProbeId::ClusterNodes);
        bencher.bench_local(|| snapshot(&replies, &mut Tables::default()));
    }

    /// All that one node says, slow probes included; its table is known.
    #[divan::bench(args = NODES)]
    fn whole_node(bencher: Bencher<'_, '_>, nodes: u16) {
        let replies = Cluster::healthy(nodes / 2, 1).replies_of("m1");
        let mut tables = Tables::default();
        snapshot(&replies, &mut tables);
        bencher.bench_local(|| snapshot(&replies, &mut tables));
    }
}

/// All nodes' values side by side.
#[divan::bench(args = NODES, max_time = 5)]
fn assembled(bencher: Bencher<'_, '_>, nodes: u16) {
    let mut tables = Tables::default();
    let read = |replies: &Replies| Arc::new(snapshot(replies, &mut tables));
    let snapshots: Vec<Arc<NodeSnapshot>> = replies(nodes).iter().map(read).collect();
    let naming = Naming::default();
    let last = assemble(&naming, snapshots.clone(), None, START, TOOK);
    bencher
        .with_inputs(|| snapshots.clone())
        .bench_local_values(|snapshots| assemble(&naming, snapshots, Some(&last), START, TOOK));
}

/// A whole poll of a cluster in which nothing changed, from replies to frame.
#[divan::bench(args = NODES, max_time = 10)]
fn analyzed(bencher: Bencher<'_, '_>, nodes: u16) {
    let (setup, replies) = (setup(), replies(nodes));
    let mut history = History::default();
    analyze(&setup, &replies, &mut history, START, TOOK);
    bencher.bench_local(|| analyze(&setup, &replies, &mut history, START, TOOK));
}

/// All checks of a cluster in which nothing changed.
#[divan::bench(args = NODES, max_time = 5)]
fn checked(bencher: Bencher<'_, '_>, nodes: u16) {
    check(bencher, &frame(nodes).view);
}

/// All checks of a cluster of which a tenth is cut off.
#[divan::bench(args = NODES, max_time = 5)]
fn checked_in_trouble(bencher: Bencher<'_, '_>, nodes: u16) {
    check(bencher, &cut_off(nodes).view);
}

fn check(bencher: Bencher<'_, '_>, view: &Arc<ClusterView>) {
    let (setup, mut history) = (setup(), History::default());
    history.recall(view);
    let (before, past) = history.recall(view);
    bencher.bench_local(|| {
        let context = Context::new(view, &before, &past, &setup.limits, &setup.expect, setup.interval, &[]);
        checks::look(&context, &setup.overrides)
    });
}

/// A frame as text.
mod encode {
    use super::*;

    #[divan::bench(args = NODES, max_time = 5)]
    fn openmetrics(bencher: Bencher<'_, '_>, nodes: u16) {
        let frames = [frame(nodes)];
        bencher.bench_local(|| metrics::encode(&frames, START, Format::OpenMetrics));
    }

    /// The older text format.
    #[divan::bench(args = NODES, max_time = 5)]
    fn classic(bencher: Bencher<'_, '_>, nodes: u16) {
        let frames = [frame(nodes)];
        bencher.bench_local(|| metrics::encode(&frames, START, Format::Classic));
    }

    /// OpenMetrics for the wire.
    #[divan::bench(args = NODES, max_time = 5)]
    fn gzip(bencher: Bencher<'_, '_>, nodes: u16) {
        let text = metrics::encode(&[frame(nodes)], START, Format::OpenMetrics);
        bencher.bench_local(|| gzip::gzip(text.as_bytes()));
    }

    /// The page of a cluster of which a tenth is cut off: findings, slot map, views, nodes.
    #[divan::bench(args = NODES, max_time = 5)]
    fn page(bencher: Bencher<'_, '_>, nodes: u16) {
        let frame = cut_off(nodes);
        bencher.bench_local(|| status::cluster(&polled(&frame)));
    }

    /// The same as JSON.
    #[divan::bench(args = NODES, max_time = 5)]
    fn json(bencher: Bencher<'_, '_>, nodes: u16) {
        let frame = cut_off(nodes);
        bencher.bench_local(|| status::api::cluster(&polled(&frame)).to_string());
    }
}
