//! Everything together: poll loops, HTTP server, reload, shutdown.

#![allow(
    clippy::disallowed_methods,
    reason = "part of the shell: stamps reloads and runs the poll loops as tasks"
)]

pub mod capture;
pub mod check;
pub mod healthcheck;
pub mod open_files;

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::clock::now;
use crate::config::{Cluster, Config, ConfigErrors, Poll};
use crate::frame::Frame;
use crate::history::History;
use crate::http::{self, Access, App, Clusters, Published, ReloadRequest};
use crate::poll::{Neighbours, PATIENCE, Poller, Window};
use crate::self_metrics::SelfMetrics;
use crate::service::Service;

type Publisher = Arc<watch::Sender<Option<Arc<Frame>>>>;

/// Clusters that are polled for the first time at a time. Later polls come each at their own moment; were the replies to the
/// first ones of some hundred clusters held at once, their room would never be given back.
const FIRST_AT_ONCE: usize = 16;

/// A poll loop under way.
struct Loop {
    publisher: Publisher,
    stop: watch::Sender<bool>,
    task: JoinHandle<History>,
}

/// Wishes to read the configuration anew: the sender for signal handlers, the receiver for [`run`].
pub struct Reloads {
    /// Where wishes come from.
    pub sender: mpsc::Sender<ReloadRequest>,
    /// Where they go.
    pub receiver: mpsc::Receiver<ReloadRequest>,
}

impl Default for Reloads {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(4);
        Self { sender, receiver }
    }
}

/// Polls the configured clusters and serves them on `listeners` until `shutdown` ends. `load` reads the
/// configuration again when `reloads` asks for it; a bad one changes nothing. `access` says who may ask.
pub async fn run(
    config: Config,
    access: Option<Access>,
    listeners: Vec<TcpListener>,
    load: impl Fn() -> Result<Config, ConfigErrors>,
    mut reloads: Reloads,
    shutdown: impl Future<Output = ()>,
) {
    let exporter = Arc::new(SelfMetrics::new(names(&config), now()));
    let clusters: Clusters = Arc::new(ArcSwap::from_pointee(Vec::new()));
    let limits = (&config.web).into();
    let lifecycle = config.web.enable_lifecycle.then_some(reloads.sender);
    let app = App::new(Arc::clone(&clusters), Arc::clone(&exporter), lifecycle).guarded(access);
    let mut loops = start(&config, BTreeMap::new(), &exporter);
    clusters.store(Arc::new(published(&config, &loops)));
    let (stop, stopped) = watch::channel(false);
    let service = Service::default();
    let server = tokio::spawn(http::serve(listeners, Arc::new(app), limits, raised(stopped.clone())));
    let notify = service.keep(Arc::clone(&clusters), raised(stopped));
    let reload = async {
        while let Some(reply) = reloads.receiver.recv().await {
            service.reloading();
            let outcome = load();
            exporter.reloaded(outcome.is_ok(), now());
            let answer = match outcome {
                Ok(config) => {
                    let before = stop_all(std::mem::take(&mut loops)).await;
                    exporter.set_clusters(names(&config));
                    loops = start(&config, before, &exporter);
                    clusters.store(Arc::new(published(&config, &loops)));
                    tracing::info!(clusters = config.clusters.len(), "configuration reloaded");
                    Ok(())
                }
                Err(errors) => {
                    tracing::error!(%errors, "configuration not reloaded, the running one stays");
                    Err(errors.to_string())
                }
            };
            service.reloaded();
            // Whoever asked may have gone.
            drop(reply.send(answer));
        }
        std::future::pending::<()>().await;
    };
    {
        let end = async {
            shutdown.await;
            stop.send_replace(true);
        };
        tokio::select! {
            ((), ()) = async { tokio::join!(end, notify) } => {}
            () = reload => {}
        }
    }
    stop_all(loops).await;
    if let Err(error) = server.await {
        tracing::error!(%error, "the HTTP server ended badly");
    }
}

fn names(config: &Config) -> impl Iterator<Item = Arc<str>> {
    config.clusters.iter().map(|cluster| Arc::clone(&cluster.name))
}

/// What stays of a cluster while its loop is exchanged: its last frame goes on being served.
type Before = BTreeMap<Arc<str>, (Publisher, History)>;

fn start(config: &Config, mut before: Before, exporter: &SelfMetrics) -> BTreeMap<Arc<str>, Loop> {
    let neighbours = Neighbours::default();
    let first_polls = Window::new(FIRST_AT_ONCE, config.poll.timeout / PATIENCE);
    let begin = |cluster: &Arc<Cluster>, poll: Poll, (publisher, history): (Publisher, History)| {
        let (stop, stopped) = watch::channel(false);
        let poller = Poller::new(cluster, poll, history, exporter.cluster(&cluster.name), neighbours.clone());
        let poller = poller.first_within(first_polls.clone());
        let task = tokio::spawn(poller.run(Arc::clone(&publisher), raised(stopped)));
        Loop { publisher, stop, task }
    };
    let fresh = || (Arc::new(watch::Sender::new(None)), History::default());
    let clusters = config.clusters.iter();
    clusters
        .map(|cluster| {
            let state = before.remove(&cluster.name).unwrap_or_else(fresh);
            (Arc::clone(&cluster.name), begin(cluster, config.poll, state))
        })
        .collect()
}

fn published(config: &Config, loops: &BTreeMap<Arc<str>, Loop>) -> Vec<Published> {
    let publish = |name: Arc<str>| {
        let frames = loops.get(&name)?.publisher.subscribe();
        Some(Published::new(name, config.poll.interval, frames))
    };
    names(config).filter_map(publish).collect()
}

async fn stop_all(loops: BTreeMap<Arc<str>, Loop>) -> Before {
    for running in loops.values() {
        running.stop.send_replace(true);
    }
    let mut before = BTreeMap::new();
    for (name, running) in loops {
        match running.task.await {
            Ok(history) => {
                before.insert(name, (running.publisher, history));
            }
            Err(error) => tracing::error!(cluster = &*name, %error, "the poll loop ended badly"),
        }
    }
    before
}

/// Ends when the flag is raised, or nobody is left to raise it.
async fn raised(mut flag: watch::Receiver<bool>) {
    drop(flag.wait_for(|raised| *raised).await);
}
