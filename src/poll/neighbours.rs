//! Which nodes the other configured clusters have: a node in two of them means that they have merged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::address::Target;
use crate::model::node::NodeId;
use crate::model::view::{ClusterView, Member};

type Ids = BTreeSet<NodeId>;
type ByCluster = BTreeMap<Arc<str>, Arc<Ids>>;

/// The ids of every cluster, shared by all poll loops.
#[derive(Clone, Debug, Default)]
pub struct Neighbours(Arc<Mutex<ByCluster>>);

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
        let theirs: Vec<&Arc<Ids>> =
            all.iter().filter(|(name, _)| *name != cluster).map(|(_, ids)| ids).collect();
        let is_theirs = |member: &&Member| theirs.iter().any(|ids| ids.contains(&member.id));
        let shared: Vec<&Member> = view.members.iter().filter(is_theirs).collect();
        // To be led to all of N nodes takes all lines of N tables: only where clusters have merged.
        if shared.is_empty() {
            return BTreeSet::new();
        }
        // A seed that was reset leads to nobody: it is alone in its table, and no member.
        let led = led_to(view, seeds);
        let strays = shared.into_iter().filter(|member| !led.contains(&member.id));
        strays.filter_map(|member| member.route.clone()).collect()
    }

    /// Tells the others of this cluster's nodes, and gives theirs.
    pub(super) fn exchange(&self, cluster: &Arc<str>, view: &ClusterView) -> Vec<(Arc<str>, Arc<Ids>)> {
        let ids = Arc::new(view.members.iter().map(|member| member.id).collect());
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::address::{Address, Naming};
    use crate::model::failure::AskError;
    use crate::model::reply::Reply;
    use crate::model::time::Timestamp;
    use crate::model::view::assemble;
    use crate::parse::{Tables, snapshot};
    use crate::probes::{Answer, ProbeId, Replies};

    const TOOK: Duration = Duration::from_millis(1);

    fn route(node: u8) -> Target {
        Target::Tcp(Address::new(&format!("10.0.0.{node}"), 6379))
    }

    /// What these nodes tell of each other: each names those that stand beside it.
    fn view(tables: &[(u8, &[u8])]) -> ClusterView {
        let row = |viewer: u8, node: u8| {
            let flags = if viewer == node { "myself,master" } else { "master" };
            format!("{node:040x} 10.0.0.{node}:6379@16379 {flags} - 0 0 {node} connected {node}\n")
        };
        let said = tables.iter().map(|(viewer, known)| {
            let text: String = known.iter().map(|node| row(*viewer, *node)).collect();
            let reply = Arc::new(Reply::Bulk(text.into_bytes()));
            let probe = ProbeId::ClusterNodes;
            let answers = vec![Answer { probe, asked_at: Timestamp(0), took: TOOK, reply }];
            let none = AskError::Connect(String::new());
            let replies = Replies::failed(route(*viewer), Timestamp(0), TOOK, none);
            Arc::new(snapshot(&Replies { failure: None, answers, ..replies }, &mut Tables::default()))
        });
        assemble(&Naming::default(), said.collect(), None, Timestamp(0), TOOK)
    }

    #[test]
    fn clusters_that_are_apart_again_are_told_apart_by_their_seeds() {
        let (ours, theirs): (Arc<str>, Arc<str>) = ("ours".into(), "theirs".into());
        let neighbours = Neighbours::default();
        let merged = view(&[(1, &[1, 2]), (2, &[1, 2])]);
        neighbours.exchange(&theirs, &merged);
        let strays = |view: &ClusterView, seeds: &[&Target]| neighbours.strays(&ours, view, seeds);
        assert!(strays(&merged, &[&route(1)]).is_empty(), "its seed still leads to all");
        let apart = view(&[(1, &[1]), (2, &[2])]);
        assert_eq!(strays(&apart, &[&route(1)]), BTreeSet::from([route(2)]));
        assert!(strays(&apart, &[]).is_empty(), "no seed answers");
        let alone = Neighbours::default();
        assert!(alone.strays(&ours, &apart, &[&route(1)]).is_empty(), "a split for good: nobody else has it");
    }
}
