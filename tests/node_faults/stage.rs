//! A simulated cluster, the exporter that watches it, and what is asked of both while nodes are ill.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::common::exporter::Exporter;
use crate::common::fake_node::Fault;
use crate::common::samples::{Labels, Samples};
use crate::common::served::Served;
use crate::common::sim::Cluster;

/// What the process may need of memory, a debug build, whatever six or a hundred nodes do.
const MEMORY_LIMIT: u64 = 60_000_000;

/// What CLUSTER LINKS tells.
const BY_LINKS: [&str; 4] = [
    "rediscluster_node_bus_links",
    "rediscluster_node_bus_send_buffer_allocated_bytes",
    "rediscluster_node_bus_send_buffer_used_bytes",
    "rediscluster_node_bus_send_buffer_used_max_bytes",
];

const OFFSET: &str = "rediscluster_node_replication_offset_bytes";

/// What a node has while it does not answer.
const LEFT: [&str; 3] =
    ["rediscluster_node_ask_error", "rediscluster_node_suspected_by", "rediscluster_node_up"];

/// What it may have beside that: how long its last wrong answer took, and a replica's lag, which its primary tells.
const MAY_BE_LEFT: [&str; 5] = [
    "rediscluster_finding",
    "rediscluster_node_response_seconds",
    "rediscluster_node_replication_lag_bytes",
    "rediscluster_node_replication_lag_seconds",
    "rediscluster_node_replication_lag_estimated",
];

/// What a node has that answers every command with an error.
const REFUSALS: [&str; 2] = ["rediscluster_node_probe_up", "rediscluster_node_probe_duration_seconds"];

/// Kinds of error that such answers have.
const REFUSING: [&str; 2] = ["loading", "busy"];

/// How a fault comes over a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comes {
    /// Over the connection that stands.
    Amid,
    /// With the next connection; the one that stands is closed.
    Anew,
}

type Series = BTreeSet<(String, Labels)>;

pub(super) struct Stage {
    pub(super) served: Served,
    pub(super) exporter: Exporter,
    /// What there is while all is well.
    pub(super) whole: Series,
    round: u64,
    _dir: TempDir,
}

impl Stage {
    /// An exporter that knows one node of the cluster, after it has found all.
    pub(super) fn set(cluster: Cluster, seed: &str) -> Self {
        let mut this = Self::set_unseen(Served::start(cluster), seed);
        let nodes = this.served.names().len();
        let samples = this.exporter.until("all nodes answer", |s| reachable(s) == nodes as f64);
        this.whole = this.series(&samples);
        this
    }

    /// The same, whatever the nodes do.
    pub(super) fn set_unseen(served: Served, seed: &str) -> Self {
        let dir = TempDir::with_prefix("rce-faults-").expect("temporary directory");
        let file = dir.path().join("config.yaml");
        // A debug build takes its time for many nodes. What is asked seldom is asked at every second poll.
        let few = is_small(&served);
        let [interval, timeout, slow] = if few { ["500ms", "300ms", "1s"] } else { ["2s", "1500ms", "4s"] };
        std::fs::write(&file, format!("poll: {{ slow_interval: {slow} }}\n")).expect("configuration");
        let file = ["--config.file", file.to_str().expect("UTF-8")];
        let pace = ["--poll.interval", interval, "--poll.timeout", timeout];
        let exporter = Exporter::start(&[&file[..], &pace, &[&*served.seed(seed)]].concat());
        Self { served, exporter, whole: Series::new(), round: 0, _dir: dir }
    }

    pub(super) fn fall_ill(&self, names: &[&str], fault: Fault, comes: Comes) {
        for name in names {
            self.served.node(name).fall_ill(fault);
            if comes == Comes::Anew {
                self.served.node(name).hang_up();
            }
        }
    }

    /// All is well again; a node that comes back with new connections closes those that it has.
    pub(super) fn heal(&self, names: &[&str], comes: Comes) {
        for name in names {
            self.served.node(name).heal();
            if comes == Comes::Anew {
                self.served.node(name).hang_up();
            }
        }
    }

    /// The names that are not among these.
    pub(super) fn others(&self, names: &[&str]) -> Vec<String> {
        let mut all = self.served.names();
        all.retain(|name| !names.contains(&name.as_str()));
        all
    }

    /// Lets all nodes tell something new, and scrapes until these tell it and `holds`. What they told before the
    /// call does not count.
    pub(super) fn news(
        &mut self,
        of: &[String],
        timing: &mut Timing,
        holds: impl Fn(&Samples) -> bool,
    ) -> Samples {
        self.round += 1;
        let offset = 1_000_000 + 1000 * self.round;
        self.served.change(|cluster| cluster.names().iter().fold(cluster, |c, name| c.offset(name, offset)));
        let labels: Vec<String> = of.iter().map(|name| self.served.label(name)).collect();
        let begun = Instant::now();
        let tells = |s: &Samples, label: &String| {
            let node = [("redis_node", &**label)];
            s.find(OFFSET, &node) == Some(offset as f64) && s.find("rediscluster_node_up", &node) == Some(1.0)
        };
        let samples = timing.until(&self.exporter, "the sound nodes tell what is new", |s| {
            self.verdicts_stand(s);
            labels.iter().all(|label| tells(s, label)) && holds(s)
        });
        timing.fresh.push(begun.elapsed());
        samples
    }

    /// Series of the whole cluster never vanish.
    pub(super) fn verdicts_stand(&self, samples: &Samples) {
        let now = self.series(samples);
        let gone: Vec<_> = self.whole.difference(&now).filter(|(_, labels)| !is_of_node(labels)).collect();
        assert!(gone.is_empty(), "series of the cluster vanished: {gone:?}");
    }

    /// Whether this node reads as not answering, for one of these reasons, and has no series but those that say so.
    pub(super) fn is_out(&self, samples: &Samples, name: &str, kinds: &[&str]) -> bool {
        let names = self.names_of(samples, name);
        let refuses = kinds.iter().any(|kind| REFUSING.contains(kind));
        let may_be = |name: &str| {
            LEFT.contains(&name) || MAY_BE_LEFT.contains(&name) || refuses && REFUSALS.contains(&name)
        };
        self.is_down(samples, name, kinds)
            && LEFT.iter().all(|left| names.contains(*left))
            && names.iter().all(|name| may_be(name))
    }

    /// Whether this node reads as not answering, for one of these reasons.
    pub(super) fn is_down(&self, samples: &Samples, name: &str, kinds: &[&str]) -> bool {
        let label = self.served.label(name);
        let node = [("redis_node", &*label)];
        let has = |kind: &&str| {
            let error = [("redis_node", &*label), ("error", *kind)];
            samples.find("rediscluster_node_ask_error", &error) == Some(1.0)
        };
        samples.find("rediscluster_node_up", &node) == Some(0.0)
            && samples.all("rediscluster_node_ask_error", &node).count() == 1
            && kinds.iter().any(has)
    }

    /// All series that tell of clusters and nodes.
    pub(super) fn series(&self, samples: &Samples) -> Series {
        series(samples, is_small(&self.served))
    }

    /// The metrics that a node has.
    pub(super) fn names_of(&self, samples: &Samples, name: &str) -> BTreeSet<String> {
        let label = self.served.label(name);
        let of_node = |labels: &Labels| labels.get("redis_node") == Some(&label);
        samples.iter().filter(|(_, labels, _)| of_node(labels)).map(|(name, ..)| name.to_owned()).collect()
    }

    /// After the fault: every series of before is back, no other is there, and the cluster never changed.
    pub(super) fn no_trace_is_left(&mut self, timing: &mut Timing) {
        let whole = self.whole.clone();
        let small = is_small(&self.served);
        let samples = self.news(&self.served.names(), timing, |s| series(s, small) == whole);
        assert_eq!(samples.all("rediscluster_node_ask_error", &[]).count(), 0);
        assert_eq!(samples.value("rediscluster_slots_covered", &[]), 16384.0);
        assert_eq!(samples.value("rediscluster_failovers_total", &[]), 0.0);
        assert_eq!(samples.sum("rediscluster_topology_changes_total", &[]), 0.0, "a fault is no change");
        assert_eq!(samples.value("rediscluster_slot_maps", &[]), 1.0);
        assert_eq!(samples.value("rediscluster_partitions", &[]), 1.0);
    }

    /// One line for the report, and the bound on memory.
    pub(super) fn report(&self, fault: &str, kinds: &[&str], healthy: &Timing, ill: &Timing) {
        let memory = self.exporter.peak_memory();
        // Not by a macro: the test runner would keep that to itself.
        writeln!(
            std::io::stderr(),
            "{fault:<30} {:<17} scrape p50 {:>6.1} ms, p99 {:>6.1} ms (all well: {:>6.1}, {:>6.1}); others fresh within \
             {:>4} ms; peak RSS {:>5.1} MB",
            kinds.join("|"),
            ill.quantile(0.5),
            ill.quantile(0.99),
            healthy.quantile(0.5),
            healthy.quantile(0.99),
            ill.fresh.iter().max().map_or(0, Duration::as_millis),
            memory as f64 / 1e6
        )
        .expect("stderr");
        assert!(memory < MEMORY_LIMIT, "{fault}: {memory} bytes of memory");
    }
}

/// How long scrapes took, and how long it was until the nodes told what was new.
#[derive(Default)]
pub(super) struct Timing {
    scrapes: Vec<Duration>,
    fresh: Vec<Duration>,
}

impl Timing {
    /// Scrapes until `holds`.
    pub(super) fn until(
        &mut self,
        exporter: &Exporter,
        what: &str,
        mut holds: impl FnMut(&Samples) -> bool,
    ) -> Samples {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let begun = Instant::now();
            let text = exporter.text();
            self.scrapes.push(begun.elapsed());
            let samples = Samples::parse(&text).expect("a sound exposition");
            if holds(&samples) {
                return samples;
            }
            assert!(Instant::now() < until, "not within 60 s: {what}\n{text}\n{}", exporter.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// In milliseconds.
    fn quantile(&self, of: f64) -> f64 {
        let mut sorted = self.scrapes.clone();
        sorted.sort_unstable();
        let at = (sorted.len().saturating_sub(1) as f64 * of).round() as usize;
        sorted.get(at).map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
    }
}

fn is_small(served: &Served) -> bool {
    served.names().len() <= 10
}

pub(super) fn reachable(samples: &Samples) -> f64 {
    samples.value("rediscluster_nodes_reachable", &[])
}

/// All series that tell of clusters and nodes, without those of the exporter itself; of many nodes also without what
/// CLUSTER LINKS tells, which is asked of them in turn and not back at once.
fn series(samples: &Samples, small: bool) -> Series {
    let tells = |name: &str| name.starts_with("rediscluster_") && !name.starts_with("rediscluster_exporter_");
    let in_turn = |name: &str, labels: &Labels| {
        BY_LINKS.contains(&name) || labels.get("probe").is_some_and(|probe| probe == "cluster_links")
    };
    let of_cluster =
        samples.iter().filter(|(name, labels, _)| tells(name) && (small || !in_turn(name, labels)));
    of_cluster.map(|(name, labels, _)| (name.to_owned(), labels.clone())).collect()
}

fn is_of_node(labels: &Labels) -> bool {
    labels.contains_key("redis_node")
}
