//! Whose tables are read when. Each of N nodes tells a table of N rows, and making one costs the server more than all
//! else that it is asked: above [`ALL_UP_TO`] nodes a poll reads the tables of
//!
//! - every node that has told none yet, or whose CLUSTER INFO, role, primary or process changed since the poll before;
//! - every node whose CLUSTER INFO is not that of most, or whose table is not;
//! - both ends of open slots, and every node that sees a peer down;
//! - and those whose tables are the oldest, so many that each is read within [`WITHIN`].
//!
//! Where one of them is not as that node told it before, all tables are read in the same poll. What is left to be seen
//! late is what a single node shows in its table and nowhere else: within [`WITHIN`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::model::address::Target;
use crate::model::info::Field;
use crate::model::node::{NodeId, Role, Viewpoint};
use crate::model::snapshot::NodeSnapshot;
use crate::model::time::Timestamp;
use crate::model::view::ClusterView;
use crate::probes::ProbeId;

/// Up to so many nodes all tables are read with every poll: at 100 nodes one costs the server 0.25 ms.
const ALL_UP_TO: usize = 200;

/// Each table is read anew within this.
const WITHIN: Duration = Duration::from_secs(300);

/// So many at least of the oldest are read with every poll.
const AT_LEAST: usize = 3;

/// Whether a cluster of so many nodes is one whose tables are not all read with every poll.
pub(super) fn is_large(nodes: usize) -> bool {
    nodes > ALL_UP_TO
}

/// What was due and has not been read.
#[derive(Debug, Default)]
pub(super) struct Views {
    owed: BTreeSet<Target>,
}

/// A node whose replies that grow with the cluster are read, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) at: usize,
    pub(super) links: bool,
}

impl Due {
    pub(super) fn probes(self) -> Vec<ProbeId> {
        let also_links = ProbeId::GROWING.into_iter();
        also_links.filter(|probe| self.links || *probe == ProbeId::ClusterNodes).collect()
    }
}

impl Views {
    /// Whose turn it is among nodes that answered, those whose `links` are asked among them. `last` is the view of the poll
    /// before.
    pub(super) fn due(
        &mut self,
        told: &[Arc<NodeSnapshot>],
        last: Option<&ClusterView>,
        interval: Duration,
        links: &BTreeSet<Target>,
    ) -> Vec<Due> {
        let before = last.map(ClusterView::said_by_target).unwrap_or_default();
        let reference = last.and_then(|last| last.reference.as_ref()).map(|table| table.fingerprint);
        let common = most_common(told.iter().filter_map(|said| Word::of(said)));
        let ends = ends_of_open_slots(told);
        let is_due = |said: &NodeSnapshot| {
            let Ok(own) = &said.nodes else { return true };
            let changed = before.get(&said.target).is_none_or(|before| changed(before, said));
            let alone = Word::of(said) != common || Some(own.table.fingerprint) != reference;
            changed || alone || own.is_restless() || ends.contains(&own.myself)
        };
        for said in told.iter().filter(|said| is_asked(said) && is_due(said)) {
            self.owed.insert(said.target.clone());
        }
        let mut oldest: Vec<_> =
            told.iter().enumerate().filter_map(|(at, said)| Some((age(said)?, at))).collect();
        oldest.sort_unstable();
        let turns: BTreeSet<usize> =
            oldest.into_iter().take(turns(told.len(), interval)).map(|(_, at)| at).collect();
        let due = told.iter().enumerate().filter(|(at, said)| {
            let target = &said.target;
            is_asked(said) && (turns.contains(at) || links.contains(target) || self.owed.contains(target))
        });
        due.map(|(at, said)| Due { at, links: links.contains(&said.target) }).collect()
    }

    /// All but those that were read.
    pub(super) fn others(told: &[Arc<NodeSnapshot>], read: &[Due]) -> Vec<Due> {
        let read: BTreeSet<usize> = read.iter().map(|due| due.at).collect();
        let others = (0..told.len()).filter(|at| !read.contains(at) && is_asked(&told[*at]));
        others.map(|at| Due { at, links: false }).collect()
    }

    /// The table of this node was read.
    pub(super) fn done(&mut self, said: &NodeSnapshot) {
        self.owed.remove(&said.target);
    }

    /// These are due at the next poll.
    pub(super) fn owe(&mut self, targets: impl IntoIterator<Item = Target>) {
        self.owed.extend(targets);
    }

    /// Forgets nodes that are not dialled any more.
    pub(super) fn retain(&mut self, is_known: impl Fn(&Target) -> bool) {
        self.owed.retain(is_known);
    }
}

/// How many of the oldest tables are read with a poll.
fn turns(nodes: usize, interval: Duration) -> usize {
    let share = nodes as f64 * interval.as_secs_f64() / WITHIN.as_secs_f64();
    (share.ceil() as usize).max(AT_LEAST)
}

/// It answers CLUSTER INFO; whether it also tells its table is another matter.
fn is_asked(said: &NodeSnapshot) -> bool {
    said.cluster.is_ok()
}

/// When its table was told; the id, which is random, spreads those of one poll over the shards.
fn age(said: &NodeSnapshot) -> Option<(Timestamp, NodeId)> {
    said.nodes.as_ref().ok().map(|own| (own.told_at, own.myself))
}

/// What a node tells of the cluster without its table, the same for all nodes that agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Word {
    state_ok: bool,
    known_nodes: u64,
    size: u64,
    current_epoch: u64,
    /// Assigned, ok, suspected, failed.
    slots: [Option<u64>; 4],
}

impl Word {
    fn of(said: &NodeSnapshot) -> Option<Self> {
        const SLOTS: [Field; 4] = [
            Field::new("cluster_slots_assigned"),
            Field::new("cluster_slots_ok"),
            Field::new("cluster_slots_pfail"),
            Field::new("cluster_slots_fail"),
        ];
        let cluster = said.cluster.as_ref().ok()?;
        Some(Self {
            state_ok: cluster.state_ok,
            known_nodes: cluster.known_nodes,
            size: cluster.size,
            current_epoch: cluster.current_epoch,
            slots: SLOTS.map(|field| cluster.fields.unsigned(field)),
        })
    }
}

fn most_common(words: impl Iterator<Item = Word>) -> Option<Word> {
    let mut counts: BTreeMap<Word, usize> = BTreeMap::new();
    words.for_each(|word| *counts.entry(word).or_default() += 1);
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(word, _)| word)
}

/// Whether anything else that a node says lets another table be expected.
fn changed(before: &NodeSnapshot, now: &NodeSnapshot) -> bool {
    Word::of(before) != Word::of(now) || own(before) != own(now)
}

/// Its configuration epoch, its role, its primary, its process.
fn own(said: &NodeSnapshot) -> Option<(u64, Role, [Option<&str>; 3])> {
    const TEXTS: [Field; 3] = [Field::new("master_host"), Field::new("master_port"), Field::new("run_id")];
    let info = said.info.as_ref().ok()?;
    let epoch = said.cluster.as_ref().ok()?.my_epoch;
    Some((epoch, said.replication.as_ref().ok()?.role, TEXTS.map(|field| info.text(field))))
}

fn ends_of_open_slots(told: &[Arc<NodeSnapshot>]) -> BTreeSet<NodeId> {
    let tables = told.iter().filter_map(|said| said.nodes.as_ref().ok());
    let open = |own: &Viewpoint| own.open_slots.iter().map(|open| open.peer).collect::<Vec<_>>();
    tables.flat_map(open).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told to people elsewhere, where these numbers cannot be written in.
    #[test]
    fn texts_name_the_bounds() {
        let help =
            |name| crate::metrics::all().find(|row| row.name == name).map(|row| row.help).unwrap_or_default();
        let (nodes, minutes) = (format!("{ALL_UP_TO} nodes"), format!("{} minutes", WITHIN.as_secs() / 60));
        let scaling = include_str!("../../docs/scaling.md");
        for (text, wanted) in [
            (help("poll_duration"), [&*nodes; 2]),
            (help("view_age"), [&*nodes, &*minutes]),
            (scaling, [&*nodes, &*minutes]),
        ] {
            assert!(wanted.iter().all(|words| text.contains(words)), "{text}");
        }
    }
}
