//! The HTTP server: carries frames away, never asks a node, never waits on one.
//!
//! | path | returns |
//! |---|---|
//! | `/`, `/clusters/NAME` | status pages: all clusters; one, with findings, slots, views, nodes and events |
//! | `/metrics` | the exposition of all clusters, or of `?cluster=NAME` (400 where there is none of that name) |
//! | `/-/healthy` | 200 while the poll loops turn, 503 when one has stood still for 3 intervals |
//! | `/-/ready` | 200 after the first frame of every cluster, 503 naming the missing until then |
//! | `/-/reload` | `POST`: reads the configuration anew; 403 unless it was enabled |
//! | `/runbooks`, `/runbooks/CHECK` | all runbooks; that of a check, as a page for browsers and as Markdown for others |
//! | `/assets/page.css`, `/assets/page.js` | style and script of the pages |
//! | `/api/v1/clusters`, `/api/v1/clusters/NAME` | verdict and findings as JSON; of one cluster topology and views too |
//! | `/api/v1/clusters/NAME/events` | what happened, newest first |
//! | `/api/v1/sd` | Prometheus `http_sd`: one target per cluster |
//!
//! Other methods than `GET` and `HEAD` get 405, other paths 404. Nothing in a URL makes the exporter dial an address.
//!
//! `pages` makes pages and JSON, [`negotiate`] reads what the client wants, [`exposition`] holds the encoded bodies (older
//! text of what the exporter says of itself is made by `classic`), packed by `gzip`, [`health`] judges the poll loops,
//! [`server`] accepts connections; [`Access`] says who may ask, by `--web.config.file`.
#![allow(
    clippy::disallowed_methods,
    reason = "the server judges the age of frames and of cached bodies by the clock, and runs a task per connection"
)]

mod access;
mod bucket;
mod classic;
mod delivery;
pub mod exposition;
mod frames;
pub mod gzip;
pub mod health;
mod listen;
mod login;
pub mod negotiate;
mod pages;
mod patient;
mod places;
mod presence;
mod routes;
pub mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot, watch};

use crate::frame::Frame;
use crate::self_metrics::SelfMetrics;
pub use access::Access;
pub use listen::{ListenError, listen};
pub use server::{Limits, serve};

/// One cluster as its poll loop publishes it.
#[derive(Clone, Debug)]
pub struct Published {
    name: Arc<str>,
    interval: Duration,
    frames: watch::Receiver<Option<Arc<Frame>>>,
    since: Instant,
    bodies: Arc<exposition::Slot>,
}

impl Published {
    /// The cluster `name`, polled every `interval` from now on; its frames arrive through `frames`.
    pub fn new(name: Arc<str>, interval: Duration, frames: watch::Receiver<Option<Arc<Frame>>>) -> Self {
        Self { name, interval, frames, since: Instant::now(), bodies: Arc::default() }
    }

    /// The configured name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The newest frame; `None` before the first.
    pub fn frame(&self) -> Option<Arc<Frame>> {
        self.frames.borrow().clone()
    }
}

/// The clusters that are served, in the order of the configuration. A reload stores a new list.
pub type Clusters = Arc<ArcSwap<Vec<Published>>>;

/// A wish to read the configuration anew, with where to say how it went: `Err` is a text for whoever asked.
pub type ReloadRequest = oneshot::Sender<Result<(), String>>;

/// What the routes need.
#[derive(Debug)]
pub struct App {
    clusters: Clusters,
    exporter: Arc<SelfMetrics>,
    reload: Option<mpsc::Sender<ReloadRequest>>,
    bodies: exposition::Slot,
    access: Option<Access>,
}

impl App {
    /// Serves `clusters` and the counters of `exporter`. `POST /-/reload` is enabled by `reload`.
    pub fn new(
        clusters: Clusters,
        exporter: Arc<SelfMetrics>,
        reload: Option<mpsc::Sender<ReloadRequest>>,
    ) -> Self {
        Self { clusters, exporter, reload, bodies: exposition::Slot::default(), access: None }
    }

    /// Lets in only whom `access` lets in; without any, everyone over plain HTTP.
    #[must_use]
    pub fn guarded(self, access: Option<Access>) -> Self {
        if let Some(access) = &access {
            self.exporter.has_web_config(access.reload());
        }
        Self { access, ..self }
    }
}
