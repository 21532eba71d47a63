//! The product is one pure function: what all nodes of a cluster replied, what is remembered of it, and the instant
//! make a [`Frame`]. Everything else brings it bytes or carries its text away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::checks::{self, Context, Judgement, Override};
use crate::history::History;
use crate::model::address::Naming;
use crate::model::limits::{Expect, Limits};
use crate::model::node::NodeId;
use crate::model::past::Past;
use crate::model::snapshot::NodeSnapshot;
use crate::model::time::Timestamp;
use crate::model::view::{ClusterView, assemble};
use crate::parse::{self, Tables};
use crate::probes::{ProbeId, Replies};

/// What the core is told about a cluster.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The configured name.
    pub cluster: Arc<str>,
    /// How announced addresses become what is dialled and shown.
    pub naming: Naming,
    /// From one poll to the next.
    pub interval: Duration,
    /// Thresholds of the checks.
    pub limits: Limits,
    /// What the cluster should look like.
    pub expect: Expect,
    /// What is changed about single checks, by code.
    pub overrides: BTreeMap<String, Override>,
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
    /// What the views before tell.
    pub past: Past,
    /// What every enabled check said, in the order of the table.
    pub judgements: Vec<Judgement>,
}

/// A frame older than this many intervals tells of the past.
const STALE_AFTER: u32 = 3;

impl Frame {
    /// Whether the poll loop stands still and nodes may long have changed.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now.since(self.view.at) > self.interval * STALE_AFTER
    }
}

/// Reads what nodes replied. `tables` and `last` are those of the history; of the probes that are read once, what was not
/// asked this time stands as in `last`.
pub fn read<'a>(
    replies: impl IntoIterator<Item = &'a Replies>,
    tables: &mut Tables,
    last: Option<&ClusterView>,
) -> Vec<Arc<NodeSnapshot>> {
    let mut before = None;
    let mut read = |replies: &Replies| {
        let is_whole =
            replies.failure.is_some() || ProbeId::READ_ONCE.iter().all(|p| replies.answer(*p).is_some());
        let before = match last {
            Some(last) if !is_whole => {
                before.get_or_insert_with(|| last.said_by_target()).get(&replies.target).copied()
            }
            _ => None,
        };
        Arc::new(parse::snapshot_after(replies, tables, before))
    };
    replies.into_iter().map(&mut read).collect()
}

/// Joins what was read of the replies to one poll that began at `at` and took `took`.
pub fn join(
    setup: &Setup,
    snapshots: Vec<Arc<NodeSnapshot>>,
    last: Option<&ClusterView>,
    at: Timestamp,
    took: Duration,
) -> ClusterView {
    assemble(&setup.naming, snapshots, last, at, took)
}

/// Both.
pub fn look(
    setup: &Setup,
    replies: &[Replies],
    tables: &mut Tables,
    last: Option<&ClusterView>,
    at: Timestamp,
    took: Duration,
) -> ClusterView {
    join(setup, read(replies, tables, last), last, at, took)
}

/// Ids of the nodes of other configured clusters, by cluster. Shared: each cluster is judged beside all others.
pub type Others = [(Arc<str>, Arc<BTreeSet<NodeId>>)];

/// Judges a view in the light of those before it.
pub fn judge(setup: &Setup, view: ClusterView, history: &mut History, others: &Others) -> Frame {
    let view = Arc::new(view);
    let (before, mut past) = history.recall(&view);
    let context = Context::new(&view, &before, &past, &setup.limits, &setup.expect, setup.interval, others);
    let mut judgements = checks::look(&context, &setup.overrides);
    past.log = history.date(&mut judgements, &past, view.at);
    Frame { cluster: setup.cluster.clone(), interval: setup.interval, view, past, judgements }
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
    judge(setup, view, history, &[])
}
