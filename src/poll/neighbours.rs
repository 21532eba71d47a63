//! Which nodes the other configured clusters have: a node in two of them means that they have merged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::node::NodeId;
use crate::model::view::ClusterView;

type Ids = BTreeSet<NodeId>;

/// The ids of every cluster, shared by all poll loops.
#[derive(Clone, Debug, Default)]
pub struct Neighbours(Arc<Mutex<BTreeMap<Arc<str>, Ids>>>);

impl Neighbours {
    /// Tells the others of this cluster's nodes, and gives theirs.
    pub(super) fn exchange(&self, cluster: &Arc<str>, view: &ClusterView) -> Vec<(Arc<str>, Ids)> {
        let ids = view.members.iter().map(|member| member.id).collect();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(Arc::clone(cluster), ids);
        all.iter()
            .filter(|(name, _)| *name != cluster)
            .map(|(name, ids)| (name.clone(), ids.clone()))
            .collect()
    }
}
