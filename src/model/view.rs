//! All snapshots of one poll side by side: what each node said of itself beside what each peer says of it.
//! Everything stands in a fixed order, so that the same replies always make the same view.

mod assemble;
mod coverage;
mod groups;
mod migrations;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use assemble::assemble;
pub use coverage::Coverage;

use super::address::{Address, Target};
use super::failure::AskError;
use super::node::{NodeId, NodeRow, NodeTable, Role, Viewpoint};
use super::slots::SlotSet;
use super::snapshot::NodeSnapshot;
use super::time::Timestamp;

/// One cluster at one instant, as all of its nodes see it.
#[derive(Clone, Debug)]
pub struct ClusterView {
    /// The instant of the poll.
    pub at: Timestamp,
    /// From the first question to the last answer.
    pub took: Duration,
    /// Every node that any node names, ascending by label.
    pub members: Vec<Member>,
    /// What was dialled in vain while no node of the cluster is known: the seeds.
    pub strangers: Vec<Stranger>,
    /// The table that most answering voters hold; the last one there was, while no node answers.
    pub reference: Option<Arc<NodeTable>>,
    /// The distinct tables of this poll and who holds them; the reference comes first.
    pub tables: Vec<HeldTable>,
    /// The slots by what became of them.
    pub coverage: Coverage,
    /// Groups of answering members that hold each other for alive, as indices into `members`; largest first.
    pub groups: Vec<Vec<usize>>,
    /// How each attempt to ask somebody failed: nodes, and seeds beside them.
    pub failures: Vec<AskError>,
    /// Highest `cluster_current_epoch` that any node told; the last one there was, while no node tells it.
    pub current_epoch: Option<u64>,
    /// Indices into `members`, ascending by id.
    by_id: Vec<usize>,
    /// Indices into `members` of those that follow somebody, ascending by whom.
    by_primary: Vec<usize>,
}

/// One node.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its id.
    pub id: NodeId,
    /// Value of the label `redis_node`: the announced `host:port` after `address_map`, or the id where no
    /// address is known (flag `noaddr`).
    pub label: Arc<str>,
    /// Whether the series of this label are this member's. Two ids may share an address (a node replaced in
    /// place leaves its old id behind): the one that answers has the label.
    pub owns_label: bool,
    /// What is dialled to reach it; `None` where no address is known.
    pub route: Option<Target>,
    /// The address it announces.
    pub announced: Option<Address>,
    /// What it said in this poll, or how the attempt ended. `None` if it was not asked: it has no address, or was
    /// only just named.
    pub said: Option<Arc<NodeSnapshot>>,
    /// On its own word, else on the reference table's.
    pub role: Option<Role>,
    /// The primary that it follows; as `role`.
    pub primary: Option<NodeId>,
    /// Configuration epoch; as `role`.
    pub config_epoch: u64,
    /// Slots it owns; as `role`.
    pub slots: SlotSet,
    /// Shard id where the server has one, else the id of the shard's primary.
    pub shard: Arc<str>,
    /// How many answering peers flag it `fail?` or `fail`.
    pub suspected_by: u32,
    /// Whether a majority of the other answering voters flag it `fail`.
    pub failed: bool,
}

/// Something dialled that no node has named.
#[derive(Clone, Debug, PartialEq)]
pub struct Stranger {
    /// What was dialled.
    pub target: Target,
    /// How it ended.
    pub error: AskError,
}

/// A table and who holds it.
#[derive(Clone, Debug)]
pub struct HeldTable {
    /// The table.
    pub table: Arc<NodeTable>,
    /// Indices into `members`, ascending.
    pub viewers: Vec<usize>,
}

impl Member {
    /// Whether it answered every required probe.
    pub fn is_up(&self) -> bool {
        self.error().is_none() && self.said.is_some()
    }

    /// Why it did not, if it was asked.
    pub fn error(&self) -> Option<&AskError> {
        self.said.as_ref()?.outcome.as_ref().err()
    }

    /// Its own CLUSTER NODES.
    pub fn viewpoint(&self) -> Option<&Viewpoint> {
        self.said.as_ref()?.nodes.as_ref().ok()
    }

    /// Slots that it claims as a primary on its own word; `None` if it did not say.
    pub fn claim(&self) -> Option<&SlotSet> {
        let own = self.viewpoint()?.own_row()?;
        (own.role == Some(Role::Primary)).then_some(&own.slots)
    }

    /// Whether it serves slots, or would.
    pub fn is_primary(&self) -> bool {
        self.role == Some(Role::Primary)
    }
}

impl ClusterView {
    /// A view of nothing: before any poll.
    pub fn empty(at: Timestamp) -> Self {
        Self {
            at,
            took: Duration::ZERO,
            members: Vec::new(),
            strangers: Vec::new(),
            reference: None,
            tables: Vec::new(),
            coverage: Coverage::unknown(),
            groups: Vec::new(),
            failures: Vec::new(),
            current_epoch: None,
            by_id: Vec::new(),
            by_primary: Vec::new(),
        }
    }

    /// The member with this id.
    pub fn member(&self, id: NodeId) -> Option<&Member> {
        self.members.get(self.position(id)?)
    }

    /// The index of the member with this id.
    pub fn position(&self, id: NodeId) -> Option<usize> {
        let found = self.by_id.binary_search_by_key(&id, |at| self.members[*at].id).ok()?;
        Some(self.by_id[found])
    }

    /// The members that follow this one, whatever their role.
    pub fn followers(&self, id: NodeId) -> impl Iterator<Item = &Member> + Clone {
        let primary = |at: &usize| self.members[*at].primary;
        let from = self.by_primary.partition_point(|at| primary(at) < Some(id));
        let theirs = self.by_primary[from..].iter().take_while(move |at| primary(at) == Some(id));
        theirs.map(|at| &self.members[*at])
    }

    /// What each answering peer's table says of a node.
    pub fn seen_by(&self, id: NodeId) -> impl Iterator<Item = (&Member, &NodeRow)> {
        let rows = self.tables.iter().filter_map(move |held| Some((held, held.table.row(id)?)));
        rows.flat_map(move |(held, row)| {
            let viewers = held.viewers.iter().map(|at| &self.members[*at]);
            viewers.filter(move |viewer| viewer.id != id).map(move |viewer| (viewer, row))
        })
    }

    /// Members that answered every required probe.
    pub fn reachable(&self) -> usize {
        self.members.iter().filter(|member| member.is_up()).count()
    }

    /// Members of this role.
    pub fn count(&self, role: Role) -> usize {
        self.members.iter().filter(|member| member.role == Some(role)).count()
    }

    /// Shards that own slots.
    pub fn shards(&self) -> usize {
        let owners = self.members.iter().filter(|m| m.is_primary() && !m.slots.is_empty());
        let mut shards: Vec<&str> = owners.map(|member| &*member.shard).collect();
        shards.sort_unstable();
        shards.dedup();
        shards.len()
    }

    /// Distinct slot maps among the members that told theirs.
    pub fn slot_maps(&self) -> usize {
        let mut maps: Vec<u64> = self.tables.iter().map(|held| held.table.slot_map).collect();
        maps.sort_unstable();
        maps.dedup();
        maps.len()
    }

    /// What each member said, by what was dialled.
    pub fn said_by_target(&self) -> BTreeMap<&Target, &NodeSnapshot> {
        let said = self.members.iter().filter_map(|member| member.said.as_deref());
        said.map(|said| (&said.target, said)).collect()
    }

    /// The age of the oldest table in use, CLUSTER NODES of a node that answers; zero where all are of this poll.
    pub fn oldest_table(&self) -> Duration {
        let told = self.members.iter().filter_map(|member| Some(self.at.since(member.viewpoint()?.told_at)));
        told.max().unwrap_or_default()
    }

    /// Primaries that own slots by the reference table: those who vote on a failover.
    pub fn voters(&self) -> impl Iterator<Item = &NodeRow> {
        self.reference.iter().flat_map(|table| table.rows.iter().filter(|row| row.is_voter()))
    }

    /// Whether a node is one of them.
    pub fn votes(&self, id: NodeId) -> bool {
        self.reference.as_ref().and_then(|table| table.row(id)).is_some_and(NodeRow::is_voter)
    }

    /// How many voters the largest group has that hold each other for alive and answer.
    pub fn voters_reachable(&self) -> usize {
        let votes = |at: &usize| self.votes(self.members[*at].id);
        self.groups.iter().map(|group| group.iter().filter(|at| votes(at)).count()).max().unwrap_or(0)
    }

    /// Votes that a failover takes: a majority of the voters.
    pub fn quorum(&self) -> usize {
        self.voters().count() / 2 + 1
    }

    /// `cluster-node-timeout`, seconds: the shortest that a node tells; the default of 15 where none does.
    pub fn node_timeout(&self) -> f64 {
        let said = self.members.iter().filter_map(|member| member.said.as_ref());
        let timeouts = said.filter_map(|said| said.settings.as_ref().ok()?.unsigned("cluster-node-timeout"));
        timeouts.min().map_or(15.0, |millis| millis as f64 / 1e3)
    }

    /// Upper bound of bus messages per second that a healthy node sends at this size and `timeout` (the node timeout,
    /// seconds): each node pings one random peer a second, and each peer whose last pong is older than half of it; every
    /// ping is answered. Gossip makes the real number smaller.
    pub fn bus_bound(&self, timeout: f64) -> f64 {
        let peers = self.members.len().saturating_sub(1) as f64;
        2.0 * (1.0 + 2.0 * peers / timeout.max(0.001))
    }
}
