//! The recorded nodes, each beside what the parsers make of it.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::sync::{Arc, LazyLock};

use redis_cluster_exporter::model::snapshot::NodeSnapshot;
use redis_cluster_exporter::parse::{self, Tables};
use redis_cluster_exporter::probes::Replies;

use super::captures::{self, State};
use super::naive::Files;

/// One node of one recorded state.
pub(crate) struct Case {
    pub(crate) state: Arc<State>,
    pub(crate) name: String,
    pub(crate) replies: Replies,
    pub(crate) snapshot: NodeSnapshot,
    pub(crate) files: Files,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.state, self.name)
    }
}

/// Every node of every state; the tables are shared within a state, as in a poll.
static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let mut cases = Vec::new();
    for state in captures::states().into_iter().map(Arc::new) {
        let mut tables = Tables::default();
        for (name, replies) in state.nodes() {
            let snapshot = parse::snapshot(&replies, &mut tables);
            let files = Files::new(state.dir.join(&name));
            cases.push(Case { state: state.clone(), name, replies, snapshot, files });
        }
    }
    assert_eq!(cases.len(), 2316, "nodes recorded");
    cases
});

/// Runs `look` on every node.
pub(crate) fn for_every_node(look: impl FnMut(&Case)) {
    CASES.iter().for_each(look);
}
