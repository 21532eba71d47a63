//! The product is one pure function: what all nodes of a cluster replied, what is remembered of it, and the instant
//! make a [`Frame`]. Everything else brings it bytes or carries its text away.

use std::sync::Arc;
use std::time::Duration;

use crate::history::{Hindsight, History};
use crate::model::address::Naming;
use crate::model::time::Timestamp;
use crate::model::view::{ClusterView, assemble};
use crate::parse::{self, Tables};
use crate::probes::Replies;

/// What the core is told about a cluster.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The configured name.
    pub cluster: Arc<str>,
    /// How announced addresses become what is dialled and shown.
    pub naming: Naming,
    /// From one poll to the next.
    pub interval: Duration,
}

/// One poll of one cluster, judged: immutable, published whole, read by every reader at its own pace.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The configured name.
    pub cluster: Arc<str>,
    /// The configured interval: a frame older than three of them is stale.
    pub interval: Duration,
    /// All nodes side by side; holds the instant and the duration of the poll.
    pub view: Arc<ClusterView>,
    /// What it means in the light of the views before.
    pub hindsight: Hindsight,
}

/// A frame older than this many intervals tells of the past.
const STALE_AFTER: u32 = 3;

impl Frame {
    /// Whether the poll loop stands still and nodes may long have changed.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now.since(self.view.at) > self.interval * STALE_AFTER
    }
}

/// Reads and joins what all nodes replied to one poll that began at `at` and took `took`. `tables` and `last` are
/// those of the history.
pub fn look(
    setup: &Setup,
    replies: &[Replies],
    tables: &mut Tables,
    last: Option<&ClusterView>,
    at: Timestamp,
    took: Duration,
) -> ClusterView {
    let snapshots = replies.iter().map(|replies| parse::snapshot(replies, tables)).collect();
    assemble(&setup.naming, snapshots, last, at, took)
}

/// Judges a view in the light of those before it.
pub fn judge(setup: &Setup, view: ClusterView, history: &mut History) -> Frame {
    let view = Arc::new(view);
    let hindsight = history.fold(&view);
    Frame { cluster: setup.cluster.clone(), interval: setup.interval, view, hindsight }
}

/// Both: one poll from replies to frame.
pub fn analyze(
    setup: &Setup,
    replies: &[Replies],
    history: &mut History,
    at: Timestamp,
    took: Duration,
) -> Frame {
    let view = look(setup, replies, &mut history.tables, history.last.as_deref(), at, took);
    judge(setup, view, history)
}
