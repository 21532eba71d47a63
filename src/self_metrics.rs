//! The exporter's own counters, and its process.
//!
//! Series of a cluster exist from its configuration on, at 0, and go with it. Everything is counted in place and put
//! into text by [`SelfMetrics::encode`]; families are `rediscluster_exporter_*` and `process_*`, which nothing else
//! uses.

mod families;
pub mod process;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::registry::Registry;
use tokio::runtime::Handle;

use crate::model::failure::AskError;
use crate::model::time::Timestamp;
use families::Families;

/// Everything the exporter counts about itself.
#[derive(Debug)]
pub struct SelfMetrics {
    clusters: Mutex<BTreeMap<Arc<str>, Arc<ClusterCounts>>>,
    reload: LastReload,
    web_reload: OnceLock<Arc<LastReload>>,
    requests: Mutex<BTreeMap<(String, u16), u64>>,
    connections: AtomicU64,
    started: Option<Timestamp>,
    proc: process::Files,
}

/// How the last reading of a configuration went. It was read before this is made.
#[derive(Debug)]
pub struct LastReload(Mutex<Reload>);

#[derive(Clone, Copy, Debug)]
struct Reload {
    successful: bool,
    succeeded_at: Timestamp,
}

impl LastReload {
    /// It was read, and taken, at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(Mutex::new(Reload { successful: true, succeeded_at: now }))
    }

    /// It was read again, at `now`, and taken or refused.
    pub fn ended(&self, successful: bool, now: Timestamp) {
        let mut reload = lock(&self.0);
        reload.successful = successful;
        if successful {
            reload.succeeded_at = now;
        }
    }
}

/// What is counted about one cluster. Handed to the cluster's poll loop; all methods are one atomic addition.
#[derive(Debug, Default)]
pub struct ClusterCounts {
    polls: AtomicU64,
    overruns: AtomicU64,
    connects: AtomicU64,
    errors: [AtomicU64; AskError::KINDS.len()],
}

impl ClusterCounts {
    /// A poll ended.
    pub fn polled(&self) {
        self.polls.fetch_add(1, Relaxed);
    }

    /// A poll outlasted the interval.
    pub fn overran(&self) {
        self.overruns.fetch_add(1, Relaxed);
    }

    /// A connection to a node was made.
    pub fn connected(&self) {
        self.connects.fetch_add(1, Relaxed);
    }

    /// Asking a node failed.
    pub fn failed(&self, error: &AskError) {
        let kind = error.kind();
        for (count, _) in self.errors.iter().zip(AskError::KINDS).filter(|(_, known)| *known == kind) {
            count.fetch_add(1, Relaxed);
        }
    }
}

impl SelfMetrics {
    /// Counters at 0 for these clusters. The configuration counts as loaded at `now`.
    pub fn new(clusters: impl IntoIterator<Item = Arc<str>>, now: Timestamp) -> Self {
        let created = Self {
            clusters: Mutex::default(),
            reload: LastReload::new(now),
            web_reload: OnceLock::new(),
            requests: Mutex::default(),
            connections: AtomicU64::new(0),
            started: process::started(),
            proc: process::Files::open(),
        };
        created.set_clusters(clusters);
        created
    }

    /// The configured clusters from now on: counts of those that stay go on, those of others are dropped.
    pub fn set_clusters(&self, clusters: impl IntoIterator<Item = Arc<str>>) {
        let mut known = lock(&self.clusters);
        let mut old = std::mem::take(&mut *known);
        known.extend(clusters.into_iter().map(|name| {
            let counts = old.remove(&name).unwrap_or_default();
            (name, counts)
        }));
    }

    /// The counts of one cluster; made, at 0, where they are not there.
    pub fn cluster(&self, name: &Arc<str>) -> Arc<ClusterCounts> {
        Arc::clone(lock(&self.clusters).entry(Arc::clone(name)).or_default())
    }

    /// The configuration was read again, at `now`, and taken or refused.
    pub fn reloaded(&self, successful: bool, now: Timestamp) {
        self.reload.ended(successful, now);
    }

    /// There is a web configuration, and `reload` tells how its last reading went. A second one is not heard.
    pub fn has_web_config(&self, reload: &Arc<LastReload>) {
        self.web_reload.get_or_init(|| Arc::clone(reload));
    }

    /// A request was answered by the route `handler` with the status `code`.
    pub fn requested(&self, handler: &str, code: u16) {
        *lock(&self.requests).entry((handler.to_owned(), code)).or_default() += 1;
    }

    /// Counts an HTTP connection as open until the guard is dropped.
    pub fn connection(self: &Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// The OpenMetrics text of all families, without `# EOF`; of the cluster-wise ones only `cluster`, where given,
    /// so that targets for different clusters never hold the same series. Reads `/proc/self`.
    pub fn encode(&self, cluster: Option<&str>) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.families(cluster)));
        let mut text = String::with_capacity(8 << 10);
        if let Err(error) = encode_registry(&mut text, &registry) {
            tracing::error!(%error, "cannot encode the exporter's own metrics");
            text.clear();
        }
        text
    }

    fn families(&self, cluster: Option<&str>) -> Families {
        let clusters = lock(&self.clusters)
            .iter()
            .filter(|(name, _)| cluster.is_none_or(|wanted| wanted == &***name))
            .map(|(name, counts)| (name.to_string(), Arc::clone(counts)))
            .collect();
        Families {
            clusters,
            reload: *lock(&self.reload.0),
            web_reload: self.web_reload.get().map(|reload| *lock(&reload.0)),
            requests: lock(&self.requests).iter().map(|((h, code), n)| (h.clone(), *code, *n)).collect(),
            connections: self.connections.load(Relaxed),
            tasks: Handle::try_current().ok().map(|runtime| runtime.metrics().num_alive_tasks() as u64),
            process: self.proc.read(),
            started: self.started,
        }
    }
}

/// An HTTP connection that is counted as open while this lives.
#[derive(Debug)]
pub struct OpenConnection(Arc<SelfMetrics>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}

/// Counters stay countable after a panic elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test counts the tasks that it starts")]
mod tests {
    use super::*;

    fn two() -> Arc<SelfMetrics> {
        Arc::new(SelfMetrics::new(["a".into(), "b".into()], Timestamp::from_seconds(7.5)))
    }

    #[test]
    fn every_series_of_a_cluster_exists_before_its_first_event() {
        let text = two().encode(None);
        for cluster in ["a", "b"] {
            for family in ["polls", "polls_overrun", "connects"] {
                let line = format!("rediscluster_exporter_{family}_total{{redis_cluster=\"{cluster}\"}} 0\n");
                assert!(text.contains(&line), "{line}{text}");
            }
            for kind in AskError::KINDS {
                let labels = format!("{{redis_cluster=\"{cluster}\",error=\"{kind}\"}} 0\n");
                assert!(
                    text.contains(&format!("rediscluster_exporter_ask_errors_total{labels}")),
                    "{labels}"
                );
            }
        }
        assert!(text.contains("rediscluster_exporter_config_last_reload_successful 1\n"));
        assert!(text.contains("rediscluster_exporter_config_last_reload_success_timestamp_seconds 7.5\n"));
        assert!(!text.contains("web_config"), "there is none");
    }

    #[test]
    fn events_are_counted_where_they_belong() {
        let metrics = two();
        let a = metrics.cluster(&"a".into());
        a.polled();
        a.polled();
        a.overran();
        a.connected();
        a.failed(&AskError::Tls("x".into()));
        metrics.requested("/metrics", 200);
        metrics.reloaded(false, Timestamp::from_seconds(9.0));
        let open = metrics.connection();
        let text = metrics.encode(None);
        for line in [
            "rediscluster_exporter_polls_total{redis_cluster=\"a\"} 2",
            "rediscluster_exporter_polls_total{redis_cluster=\"b\"} 0",
            "rediscluster_exporter_polls_overrun_total{redis_cluster=\"a\"} 1",
            "rediscluster_exporter_connects_total{redis_cluster=\"a\"} 1",
            "rediscluster_exporter_ask_errors_total{redis_cluster=\"a\",error=\"tls\"} 1",
            "rediscluster_exporter_ask_errors_total{redis_cluster=\"a\",error=\"auth\"} 0",
            "rediscluster_exporter_ask_errors_total{redis_cluster=\"b\",error=\"tls\"} 0",
            "rediscluster_exporter_http_requests_total{handler=\"/metrics\",code=\"200\"} 1",
            "rediscluster_exporter_http_connections 1",
            "rediscluster_exporter_config_last_reload_successful 0",
            "rediscluster_exporter_config_last_reload_success_timestamp_seconds 7.5",
        ] {
            assert!(text.lines().any(|have| have == line), "{line}\n{text}");
        }
        drop(open);
        assert!(metrics.encode(None).contains("rediscluster_exporter_http_connections 0\n"));
    }

    #[test]
    fn a_reload_keeps_counts_of_clusters_that_stay() {
        let metrics = two();
        metrics.cluster(&"a".into()).polled();
        metrics.set_clusters(["a".into(), "c".into()]);
        let text = metrics.encode(None);
        assert!(text.contains("polls_total{redis_cluster=\"a\"} 1\n"));
        assert!(text.contains("polls_total{redis_cluster=\"c\"} 0\n"));
        assert!(!text.contains("redis_cluster=\"b\""));
    }

    #[tokio::test]
    async fn the_tasks_are_those_of_the_runtime() {
        let metrics = two();
        assert!(metrics.encode(None).contains("rediscluster_exporter_tasks 0\n"));
        let task = tokio::spawn(std::future::pending::<()>());
        assert!(metrics.encode(None).contains("rediscluster_exporter_tasks 1\n"));
        task.abort();
        assert!(task.await.is_err());
        assert!(metrics.encode(None).contains("rediscluster_exporter_tasks 0\n"));
    }

    #[test]
    fn the_scope_of_one_cluster_leaves_the_others_out() {
        let text = two().encode(Some("b"));
        assert!(text.contains("polls_total{redis_cluster=\"b\"} 0\n"));
        assert!(!text.contains("redis_cluster=\"a\""));
        assert!(text.contains("rediscluster_exporter_build_info{version="));
    }
}
