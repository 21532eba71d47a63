//! A cluster with an exporter in front of it, and a watcher that writes down what fires when.

use std::collections::BTreeSet;
use std::fmt::{Debug, Formatter};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use redis_cluster_exporter::checks::{CHECKS, Check};
use redis_cluster_exporter::model::finding::Severity;

use crate::common::exporter::Exporter;
use crate::common::real::Cluster;
use crate::common::samples::Samples;

/// Limits that let what the exporter remembers fade within a scene, and slow trouble show. That it counts the keys of
/// one primary after the other, which at two polls a second is thousands of commands a second, is not to count as load.
pub(crate) const LIMITS: &str = "{ failover_recent_seconds: 6s, full_resyncs_window_seconds: 8s, \
     migration_stalled_seconds: 4s, migration_idle_seconds: 2s, migration_slow_seconds: 3s, \
     load_imbalance_ratio: 100 }";

/// How long a fault may take to be named, node timeout and election included.
const NAMED_WITHIN: Duration = Duration::from_secs(30);

/// How long it may take to clear after the heal, the windows of [`LIMITS`] included.
const CLEARED_WITHIN: Duration = Duration::from_secs(45);

/// A poll may pass before a change shows, and the watcher looks five times a second.
const SLACK: Duration = Duration::from_millis(1500);

/// The configuration of an exporter for these clusters: name and seed.
pub(crate) fn configuration(clusters: &[(&str, &str)], limits: &str) -> String {
    let mut text =
        "poll: { interval: 500ms, timeout: 400ms, slow_interval: 1s, sweep_interval: 1h }\nclusters:\n"
            .to_owned();
    for (name, seed) in clusters {
        text += &format!("  - {{ name: {name}, seeds: [\"{seed}\"], limits: {limits} }}\n");
    }
    text
}

/// What was seen of one subject of one check.
#[derive(Clone)]
pub(crate) struct Sighting {
    /// The check.
    pub check: &'static Check,
    /// Labels `redis_cluster`, `redis_shard` and `redis_node` of the finding.
    pub subject: [String; 3],
    first: Instant,
    last: Option<Instant>,
}

impl Debug for Sighting {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let (code, subject, lasted) = (self.check.code, &self.subject, self.lasted().as_secs_f64());
        write!(f, "{code} {subject:?} for {lasted:.1} s")
    }
}

impl Sighting {
    fn lasted(&self) -> Duration {
        self.last.unwrap_or_else(Instant::now).duration_since(self.first)
    }
}

/// Whom a finding is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum About<'a> {
    /// One node.
    Node(&'a str),
    /// A shard, whichever its name.
    Shard,
    /// Several nodes, slots, or the cluster.
    Whole,
    /// Whoever it is.
    Any,
}

impl About<'_> {
    fn is(self, [_, shard, node]: &[String; 3]) -> bool {
        match self {
            Self::Node(label) => node == label,
            Self::Shard => !shard.is_empty(),
            Self::Whole => node.is_empty() && shard.is_empty(),
            Self::Any => true,
        }
    }
}

/// Rows of all scenes.
#[derive(Default)]
pub(crate) struct Table(Mutex<Vec<String>>);

impl Table {
    /// All rows under their heads.
    pub(crate) fn text(&self) -> String {
        let rows = self.0.lock().expect("no panic while it is held");
        let head = row("fault or operation", "check", "first seen after s", "cleared after s");
        format!("\n{head}\n{}", rows.concat())
    }
}

fn row(what: &str, check: &str, seen: &str, cleared: &str) -> String {
    format!("{what:<58} {check:<36} {seen:>18} {cleared:>16}")
}

/// A watched cluster.
pub(crate) struct Stage<'t> {
    exporter: Arc<Exporter>,
    seen: Arc<Mutex<Vec<Sighting>>>,
    end: Arc<AtomicBool>,
    watcher: Option<JoinHandle<()>>,
    table: &'t Table,
}

impl<'t> Stage<'t> {
    /// Watches a cluster, once all of its nodes answer and nothing fires.
    pub(crate) fn of(cluster: &Cluster, table: &'t Table) -> Self {
        Self::with(cluster, &configuration(&[("e2e", cluster.primary(0))], LIMITS), table)
    }

    /// The same with a configuration of its own.
    pub(crate) fn with(cluster: &Cluster, yaml: &str, table: &'t Table) -> Self {
        // A primary that was never written to has nothing that a replica could have.
        for node in cluster.nodes().iter().take(3) {
            let taken = (0..200).any(|n| cluster.cli(node, &["SET", &format!("key:{n}"), "1"]) == "OK");
            assert!(taken, "{node} takes no write");
        }
        let stage = Self::watching(yaml, table);
        let nodes = cluster.nodes().len() as f64;
        stage
            .exporter
            .until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(nodes));
        stage.settle("the healthy cluster");
        stage
    }

    /// Watches whatever is configured.
    pub(crate) fn watching(yaml: &str, table: &'t Table) -> Self {
        let exporter = Arc::new(Exporter::with_file(yaml));
        let (seen, end) = (Arc::<Mutex<Vec<Sighting>>>::default(), Arc::<AtomicBool>::default());
        let watcher = {
            let (exporter, seen, end) = (Arc::clone(&exporter), Arc::clone(&seen), Arc::clone(&end));
            spawn(move || {
                while !end.load(Ordering::Relaxed) {
                    note(&exporter.scrape(), &mut seen.lock().expect("no panic while it is held"));
                    sleep(Duration::from_millis(200));
                }
            })
        };
        Self { exporter, seen, end, watcher: Some(watcher), table }
    }

    /// Waits until nothing fires.
    pub(crate) fn settle(&self, what: &str) {
        let until = Instant::now() + CLEARED_WITHIN;
        loop {
            let firing = self.firing();
            if firing.is_empty() && self.polled() {
                return;
            }
            assert!(Instant::now() < until, "{what}: {firing:?} will not clear\n{}", self.exporter.log());
            sleep(Duration::from_millis(100));
        }
    }

    fn polled(&self) -> bool {
        self.exporter.scrape().all("rediscluster_check_firing", &[]).next().is_some()
    }

    fn firing(&self) -> Vec<(&'static str, [String; 3])> {
        let seen = self.seen.lock().expect("no panic while it is held");
        seen.iter()
            .filter(|one| one.last.is_none())
            .map(|one| (one.check.code, one.subject.clone()))
            .collect()
    }

    /// Begins a fault or an operation.
    pub(crate) fn act(&self, what: &'static str) -> Act<'_> {
        Act { stage: self, what, began: Instant::now(), healed: None, expected: BTreeSet::new() }
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(watcher) = self.watcher.take() {
            assert!(watcher.join().is_ok() || std::thread::panicking(), "the watcher failed");
        }
    }
}

/// Holds a scrape against what was seen before it.
fn note(samples: &Samples, seen: &mut Vec<Sighting>) {
    let now = Instant::now();
    let mut firing = BTreeSet::new();
    for (labels, _) in samples.all("rediscluster_finding", &[]) {
        let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
        firing.insert((label("check"), ["redis_cluster", "redis_shard", "redis_node"].map(label)));
    }
    for (labels, value) in samples.all("rediscluster_check_firing", &[]) {
        let named = firing.iter().any(|(code, subject)| {
            labels.get("check") == Some(code) && labels.get("redis_cluster") == Some(&subject[0])
        });
        assert_eq!(named, value == 1.0, "firing and findings differ: {labels:?}");
    }
    for one in seen.iter_mut().filter(|one| one.last.is_none()) {
        if !firing.remove(&(one.check.code.to_owned(), one.subject.clone())) {
            one.last = Some(now);
        }
    }
    for (code, subject) in firing {
        let check = CHECKS.into_iter().find(|check| check.code == code).expect("a known check");
        seen.push(Sighting { check, subject, first: now, last: None });
    }
}

/// A fault or an operation under way. Dropped, it becomes rows of the table.
pub(crate) struct Act<'s> {
    stage: &'s Stage<'s>,
    what: &'static str,
    began: Instant,
    healed: Option<Instant>,
    expected: BTreeSet<&'static str>,
}

impl Act<'_> {
    /// Waits until the check names this subject.
    pub(crate) fn names(&mut self, code: &'static str, about: About<'_>) {
        self.expected.insert(code);
        let until = Instant::now() + NAMED_WITHIN;
        let is = |one: &Sighting| one.check.code == code && about.is(&one.subject);
        while !self.sightings().iter().any(is) {
            let firing = self.stage.firing();
            let (what, log) = (self.what, self.stage.exporter.log());
            assert!(Instant::now() < until, "{what}: {code} does not name {about:?}, only {firing:?}\n{log}");
            sleep(Duration::from_millis(50));
        }
    }

    /// What may be seen beside it.
    pub(crate) fn may(&mut self, codes: &[&'static str]) {
        self.expected.extend(codes);
    }

    /// From now on it is as it was.
    pub(crate) fn heals(&mut self) {
        self.healed = Some(Instant::now());
    }

    /// Waits until nothing fires; fails if anything fired that was not to be expected.
    pub(crate) fn clears(self) {
        self.stage.settle(self.what);
        let unexpected: Vec<_> =
            self.notable().into_iter().filter(|one| !self.expected.contains(one.check.code)).collect();
        assert!(unexpected.is_empty(), "{}: {unexpected:#?}", self.what);
    }

    /// Waits until nothing that wakes anybody fires; fails if anything did for longer than it may.
    pub(crate) fn was_quiet(mut self) {
        self.heals();
        self.stage.settle(self.what);
        let wakes = |one: &Sighting| one.check.severity < Severity::P3;
        let loud = |one: &Sighting| one.check.hold.is_zero() || one.lasted() > one.check.hold + SLACK;
        let seen = self.sightings();
        let loud: Vec<_> = seen.into_iter().filter(|one| wakes(one) && loud(one)).collect();
        assert!(loud.is_empty(), "{}: {loud:#?}", self.what);
    }

    /// A watched stretch of time in which nothing at all may fire.
    pub(crate) fn stays_silent_for(self, time: Duration) {
        sleep(time);
        let seen = self.notable();
        assert!(seen.is_empty(), "{}: {seen:#?}", self.what);
    }

    fn sightings(&self) -> Vec<Sighting> {
        let seen = self.stage.seen.lock().expect("no panic while it is held");
        seen.iter().filter(|one| one.first >= self.began).cloned().collect()
    }

    /// Those that count against it. What nobody hears of for many minutes may be there for a moment: at two polls a
    /// second a rate is one of half a second.
    fn notable(&self) -> Vec<Sighting> {
        let fleeting = |one: &Sighting| {
            let patient = one.check.severity == Severity::P3 && one.check.hold >= Duration::from_secs(600);
            patient && one.lasted() < Duration::from_secs(3)
        };
        self.sightings().into_iter().filter(|one| !fleeting(one)).collect()
    }
}

impl Drop for Act<'_> {
    fn drop(&mut self) {
        let mut what = self.what.to_owned();
        let healed = self.healed.unwrap_or(self.began);
        let mut rows = String::new();
        let seen = self.sightings();
        let mut codes: Vec<_> = seen.iter().map(|one| one.check.code).collect();
        codes.sort_by_key(|code| {
            (seen.iter().filter(|one| one.check.code == *code).map(|one| one.first).min(), *code)
        });
        codes.dedup();
        for code in codes {
            let of = || seen.iter().filter(|one| one.check.code == code);
            let first = of().map(|one| one.first).min().unwrap_or(self.began);
            let times = of().count();
            let name = if times > 1 { format!("{code} ({times})") } else { code.to_owned() };
            let cleared = of().map(|one| one.last).collect::<Option<Vec<_>>>();
            let cleared = cleared.and_then(|all| all.into_iter().max());
            let cleared = cleared.map_or("fires".to_owned(), |at| {
                let after = at.saturating_duration_since(healed).as_secs_f64();
                if at < healed { "before".to_owned() } else { format!("{after:.1}") }
            });
            let after = first.duration_since(self.began).as_secs_f64();
            rows += &(row(&what, &name, &format!("{after:.1}"), &cleared) + "\n");
            what.clear();
        }
        if rows.is_empty() {
            rows = row(&what, "nothing", "-", "-") + "\n";
        }
        if let Ok(mut table) = self.stage.table.0.lock() {
            table.push(rows);
        }
    }
}

/// A setting changed on one node.
pub(crate) fn set(cluster: &Cluster, node: &str, name: &str, value: &str) {
    assert_eq!(cluster.cli(node, &["CONFIG", "SET", name, value]), "OK", "{node}: {name} {value}");
}

/// The node's id.
pub(crate) fn id(cluster: &Cluster, node: &str) -> String {
    cluster.cli(node, &["CLUSTER", "MYID"])
}
