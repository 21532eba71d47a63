//! A cluster with the poll loop of the exporter in front of it, and everything that it judged, frame by frame. What is
//! measured is counted in polls, so that a slow machine is a slow test and no failed one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use redis_cluster_exporter::clock::now;
use redis_cluster_exporter::config::{Config, Sources, load};
use redis_cluster_exporter::frame::Frame;
use redis_cluster_exporter::history::History;
use redis_cluster_exporter::model::finding::Finding;
use redis_cluster_exporter::model::time::Timestamp;
use redis_cluster_exporter::poll::{Neighbours, Poller};
use redis_cluster_exporter::self_metrics::SelfMetrics;
use tokio::sync::watch;

use super::act::Act;
use super::table::Table;
use super::truth::{Truth, last_trouble};
use crate::common::real::Cluster;

/// Seconds for which [`LIMITS`] has a failover told.
pub(crate) const FAILOVER_RECENT: u64 = 6;
/// Seconds for which [`LIMITS`] has full resynchronisations count.
pub(crate) const RESYNCS_WINDOW: u64 = 8;
/// Seconds that [`LIMITS`] lets a slot be open before it must get on.
pub(crate) const STALLED_AFTER: u64 = 4;
/// Seconds that [`LIMITS`] lets a migration take.
pub(crate) const MIGRATION_SLOW: u64 = 2;
/// Seconds for which [`LIMITS`] lets an atomic migration be silent, or try again.
pub(crate) const MIGRATION_SILENT: u64 = 5;
/// Seconds for which [`LIMITS`] has a failed atomic migration told.
pub(crate) const MIGRATION_FAILED: u64 = 6;

/// Limits that let what the exporter remembers fade within a scene, and slow trouble show.
pub(crate) const LIMITS: &str = "{ failover_recent_seconds: 6s, full_resyncs_window_seconds: 8s, \
     migration_stalled_seconds: 4s, migration_idle_seconds: 2s, migration_slow_seconds: 2s, \
     migration_silent_seconds: 5s, migration_failed_seconds: 6s }";

/// Limits of an operator, but for how long a failover is told: nobody waits a quarter of an hour in a test.
pub(crate) const DEFAULTS: &str = "{ failover_recent_seconds: 6s }";

/// What never comes is a failure after this; it is no measure of anything.
const PATIENCE: Duration = Duration::from_secs(90);

/// The configuration of an exporter for these clusters: name and seed. Keys are counted on each of three primaries
/// every three seconds, settings asked for with every poll.
pub(crate) fn configuration(clusters: &[(&str, &str)], limits: &str) -> String {
    let mut text =
        "poll: { interval: 500ms, timeout: 400ms, slow_interval: 500ms, sweep_interval: 3s }\nclusters:\n"
            .to_owned();
    for (name, seed) in clusters {
        text += &format!("  - {{ name: {name}, seeds: [\"{seed}\"], limits: {limits} }}\n");
    }
    text
}

/// What a finding is about, as its series says: code, and the labels `redis_cluster`, `redis_shard` and `redis_node`.
pub(crate) type Key = (&'static str, [String; 3]);

/// What one poll of one cluster was judged to be.
pub(crate) struct Note {
    /// Name of the cluster.
    pub(crate) cluster: String,
    /// When the poll began.
    pub(crate) at: Timestamp,
    /// What fires.
    pub(crate) findings: BTreeMap<Key, Finding>,
}

impl Note {
    fn of(frame: &Frame) -> Self {
        let mut findings = BTreeMap::new();
        for judgement in &frame.judgements {
            for finding in judgement.outcome.findings() {
                let subject = &finding.subject;
                let node = if let [node] = &subject.nodes[..] { node.to_string() } else { String::new() };
                let shard = subject.shard.as_deref().unwrap_or_default().to_owned();
                let key = (judgement.check.code, [frame.cluster.to_string(), shard, node]);
                findings.insert(key, finding.clone());
            }
        }
        Self { cluster: frame.cluster.to_string(), at: frame.view.at, findings }
    }
}

/// A watched cluster, or several.
pub(crate) struct Stage<'t> {
    notes: Arc<Mutex<Vec<Note>>>,
    names: Vec<String>,
    end: watch::Sender<bool>,
    watcher: Option<JoinHandle<()>>,
    pub(crate) table: &'t Table,
}

impl<'t> Stage<'t> {
    /// Watches a healthy cluster, of which nothing may fire.
    pub(crate) fn of(cluster: &Cluster, table: &'t Table) -> Self {
        Self::with(cluster, &configuration(&[("e2e", cluster.primary(0))], LIMITS), table)
    }

    /// The same with a configuration of its own.
    pub(crate) fn with(cluster: &Cluster, yaml: &str, table: &'t Table) -> Self {
        let truth = Truth::of(&[cluster]);
        await_truth("the cluster is well before anything happens", || truth.is_well());
        let stage = Self::watching(yaml, table);
        // The second poll is the first that has one before it.
        stage.await_polls(now(), 2);
        let firing = stage.firing();
        assert!(firing.is_empty(), "of a healthy cluster: {firing:#?}");
        stage
    }

    /// Watches whatever is configured.
    pub(crate) fn watching(yaml: &str, table: &'t Table) -> Self {
        let dir = tempfile::TempDir::with_prefix("rce-stage-").expect("temporary directory");
        let path = dir.path().join("config.yaml");
        std::fs::write(&path, yaml).expect("configuration");
        let sources = Sources { file: Some(path), ..Sources::default() };
        let config = load(&sources).unwrap_or_else(|errors| panic!("{errors}"));
        let names = config.clusters.iter().map(|cluster| cluster.name.to_string()).collect();
        let notes = Arc::<Mutex<Vec<Note>>>::default();
        let (end, ended) = watch::channel(false);
        let watcher = {
            let notes = Arc::clone(&notes);
            spawn(move || poll(&config, &notes, &ended))
        };
        Self { notes, names, end, watcher: Some(watcher), table }
    }

    /// Begins a fault or an operation.
    pub(crate) fn act(&self, what: &str) -> Act<'_> {
        Act::new(self, what)
    }

    /// All that was judged so far.
    pub(crate) fn notes(&self) -> MutexGuard<'_, Vec<Note>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What fires now.
    pub(crate) fn firing(&self) -> BTreeMap<Key, Finding> {
        let notes = self.notes();
        let last = self.names.iter().filter_map(|name| notes.iter().rev().find(|note| note.cluster == *name));
        last.flat_map(|note| note.findings.clone()).collect()
    }

    /// When the poll number `polls` of those that began at `since` or later began, of the cluster that is last to; if
    /// there were as many.
    pub(crate) fn poll_since(&self, since: Timestamp, polls: usize) -> Option<Timestamp> {
        let notes = self.notes();
        let nth = |name: &String| {
            let theirs = notes.iter().filter(|note| note.cluster == *name && note.at >= since);
            theirs.map(|note| note.at).nth(polls.checked_sub(1)?)
        };
        self.names.iter().map(nth).collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// Waits for so many polls of every cluster that begin at `since` or later; returns when the last of them began.
    pub(crate) fn await_polls(&self, since: Timestamp, polls: usize) -> Timestamp {
        let mut at = None;
        await_truth("polls go on", || {
            at = self.poll_since(since, polls);
            at.is_some()
        });
        at.expect("it was awaited")
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        self.end.send_replace(true);
        if let Some(watcher) = self.watcher.take() {
            assert!(watcher.join().is_ok() || std::thread::panicking(), "the watcher failed");
        }
    }
}

/// The poll loops of all clusters, until `ended`.
fn poll(config: &Config, notes: &Mutex<Vec<Note>>, ended: &watch::Receiver<bool>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let names = config.clusters.iter().map(|cluster| Arc::clone(&cluster.name));
    let counts = SelfMetrics::new(names, now());
    let neighbours = Neighbours::default();
    let loops = config.clusters.iter().map(|cluster| {
        let counts = counts.cluster(&cluster.name);
        let poller = Poller::new(cluster, config.poll, History::default(), counts, neighbours.clone());
        let (publish, mut frames) = watch::channel(None::<Arc<Frame>>);
        let publish = Arc::new(publish);
        let mut ended = ended.clone();
        async move {
            let over = async move { drop(ended.wait_for(|ended| *ended).await) };
            let mut run = std::pin::pin!(poller.run(publish, over));
            loop {
                tokio::select! {
                    _ = &mut run => return,
                    changed = frames.changed() => {
                        changed.expect("the loop goes on");
                        let note = frames.borrow_and_update().as_deref().map(Note::of);
                        notes.lock().expect("no panic while it is held").extend(note);
                    }
                }
            }
        }
    });
    runtime.block_on(join_all(loops));
}

/// Waits until `holds`; fails saying what was waited for.
pub(crate) fn await_truth(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "it never came: {what}; {:?}", last_trouble());
        sleep(Duration::from_millis(20));
    }
}
