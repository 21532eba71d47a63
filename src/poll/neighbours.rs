//! Which nodes the other configured clusters have: a node in two of them means that they have merged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::address::Target;
use crate::model::node::NodeId;
use crate::model::view::{ClusterView, Member};

type Ids = BTreeSet<NodeId>;

/// The ids of every cluster, shared by all poll loops.
#[derive(Clone, Debug, Default)]
pub struct Neighbours(Arc<Mutex<BTreeMap<Arc<str>, Ids>>>);

impl Neighbours {
    /// Routes of nodes that none of the answering seeds leads to any more and that another cluster has: once two clusters
    /// that had merged are apart again, each goes on with its own. Without a seed that answers nobody can be told apart.
    pub(super) fn strays(
        &self,
        cluster: &Arc<str>,
        view: &ClusterView,
        seeds: &[&Target],
    ) -> BTreeSet<Target> {
        if seeds.is_empty() {
            return BTreeSet::new();
        }
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs: Vec<&Ids> = all.iter().filter(|(name, _)| *name != cluster).map(|(_, ids)| ids).collect();
        // A seed that was reset leads to nobody: it is alone in its table, and no member.
        let led = led_to(view, seeds);
        let is_stray = |id: NodeId| !led.contains(&id) && theirs.iter().any(|ids| ids.contains(&id));
        let strays = view.members.iter().filter(|member| is_stray(member.id));
        strays.filter_map(|member| member.route.clone()).collect()
    }

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

/// The nodes that answer at a seed, those that they name, those that these name, and so on.
fn led_to(view: &ClusterView, seeds: &[&Target]) -> Ids {
    let is_seed = |member: &&Member| member.said.as_ref().is_some_and(|said| seeds.contains(&&said.target));
    let begins = view.members.iter().filter(is_seed);
    let mut next: Vec<NodeId> = begins.map(|member| member.id).collect();
    let mut led = Ids::new();
    while let Some(id) = next.pop() {
        let table = view.member(id).filter(|_| led.insert(id)).and_then(Member::viewpoint);
        next.extend(table.into_iter().flat_map(|own| &own.table.rows).map(|row| row.id));
    }
    led
}
