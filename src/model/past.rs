//! What the polls before this one tell: the part of a judgement that no single view can give.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::clock::ClockOffset;
use super::event::EventLog;
use super::migration::OpenMigration;
use super::node::{NodeId, Role};
use super::slots::SlotSet;
use super::time::Timestamp;

/// The past of one cluster, as far as it matters to one view.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Slots that two primaries claim, in this view and in those before it.
    pub contests: Contests,
    /// Replication lag, by index of the member.
    pub lags: Vec<Option<Lag>>,
    /// How far the clock of each member that answers is from ours, by index of the member; `None` where it did not tell
    /// the time.
    pub clocks: Vec<Option<ClockOffset>>,
    /// Counts since the exporter started.
    pub totals: Totals,
    /// What happened between the last view and this one.
    pub events: Vec<Event>,
    /// What happened since the exporter started, this poll included.
    pub log: Arc<EventLog>,
    /// When the topology last changed, as far as it was seen.
    pub changed_at: Option<Timestamp>,
    /// Failovers of the last day, oldest first, at most [`Past::MOST_FAILOVERS`].
    pub failovers: Vec<Failover>,
    /// Migrations that are open now, with first sight and last progress.
    pub migrations: Vec<OpenMigration>,
    /// Since when members have been failed by quorum.
    pub failed_since: BTreeMap<NodeId, Timestamp>,
    /// Full resynchronisations that primaries gave within the last hour, and replicas that they cut off; oldest
    /// first.
    pub resyncs: Vec<Resync>,
    /// Keys outside the slots of their node, as last counted.
    pub orphans: BTreeMap<NodeId, Orphans>,
    /// Bytes per second of each node's replication stream, over the last minute; by index of the member.
    pub write_rates: Vec<Option<f64>>,
    /// How fast the counters of each node grew over the last minute; by index of the member.
    pub rates: Vec<Rates>,
}

impl Past {
    /// Failovers that are remembered.
    pub const MOST_FAILOVERS: usize = 64;
}

/// Slots that two primaries claim, each on its own word, view after view.
#[derive(Clone, Debug, Default)]
pub struct Contests {
    /// Views that there were, this one included, up to a hundred.
    pub views: usize,
    /// By claimants, in the order of the view: what each view in a row showed, this one first.
    pub pairs: BTreeMap<(NodeId, NodeId), Vec<SlotSet>>,
}

impl Contests {
    /// The slots of each contest that the last `polls` views all show, or all there were if they are fewer; and how many
    /// views have shown it in a row.
    pub fn lasting(&self, polls: usize) -> impl Iterator<Item = ((NodeId, NodeId), SlotSet, usize)> {
        let needed = polls.clamp(1, self.views.max(1));
        let long = self.pairs.iter().filter(move |(_, sets)| sets.len() >= needed);
        let lasting = long.map(move |(pair, sets)| {
            let all = sets[1..needed].iter().fold(sets[0].clone(), |all, set| all.intersection(set));
            (*pair, all, sets.len())
        });
        lasting.filter(|(_, slots, _)| !slots.is_empty())
    }
}

/// A counter of a node whose rate has a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Cluster bus messages sent (CLUSTER INFO), those that applications publish left out.
    Bus,
    /// Cluster bus messages sent that applications published.
    Publish,
    /// Cluster bus messages sent that stand for a change of who serves what: fail, failover authorisations, updates.
    Unrest,
    /// Commands processed (INFO `total_commands_processed`).
    Commands,
    /// Commands of this exporter that it answered.
    OwnCommands,
    /// MOVED replies (INFO errorstats).
    Moved,
    /// ASK replies (INFO errorstats).
    Ask,
}

impl Counter {
    /// All, in their order.
    pub const ALL: [Self; 7] =
        [Self::Bus, Self::Publish, Self::Unrest, Self::Commands, Self::OwnCommands, Self::Moved, Self::Ask];
}

/// How fast the counters of a node grow, per second: over the last minute, or since they began anew (a restart, a
/// reset), but over no less than some seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates([Option<f64>; Counter::ALL.len()]);

impl Rates {
    /// What `rate` tells of each counter.
    pub fn of(rate: impl Fn(Counter) -> Option<f64>) -> Self {
        Self(Counter::ALL.map(rate))
    }

    /// The rate of one; `None` where it is not told, or was not watched for long enough.
    pub fn get(&self, counter: Counter) -> Option<f64> {
        self.0[counter as usize]
    }
}

/// How far a replica is behind its primary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lag {
    /// Bytes of the replication stream.
    pub bytes: u64,
    /// Age of what the replica has: how long ago the primary's offset was the replica's. At least this, where the
    /// exporter has not watched for so long.
    pub seconds: f64,
    /// What it was computed from.
    pub basis: Basis,
}

/// What a lag was computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The replica's own offset of this poll.
    OwnOffset,
    /// The replica does not answer: the highest offset it is known to have reached, from its own last word or from
    /// the primary's `slaveN` line. It may have gone on since: the lag is an upper bound.
    LastKnown,
}

/// What happened. The kinds of `rediscluster_topology_changes_total`, and failovers.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A node is named that was not before.
    Joined,
    /// No node names it any more.
    Left,
    /// It announces another address than before.
    AddressChanged {
        /// The label it had.
        before: Arc<str>,
    },
    /// Primary became replica, or replica primary.
    RoleChanged {
        /// What it is now.
        now: Role,
    },
    /// It owns other slots than before, on its own word.
    SlotsMoved {
        /// Slots that it has now and had not.
        gained: u32,
        /// Slots that it had and has no more.
        lost: u32,
    },
    /// A replica became the primary of slots that its primary had.
    Failover {
        /// Label of the primary before.
        before: Arc<str>,
    },
}

impl Change {
    /// Values of the label `kind`; failovers have a metric of their own.
    pub const KINDS: [&str; 5] = ["joined", "left", "address_changed", "role_changed", "slots_moved"];

    /// Stable short name.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Left => "left",
            Self::AddressChanged { .. } => "address_changed",
            Self::RoleChanged { .. } => "role_changed",
            Self::SlotsMoved { .. } => "slots_moved",
            Self::Failover { .. } => "failover",
        }
    }
}

/// A change and the node it befell.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Label of the node.
    pub node: Arc<str>,
    /// Its id.
    pub id: NodeId,
    /// What happened.
    pub change: Change,
}

/// Counts since the exporter started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Failovers, planned or not.
    pub failovers: u64,
    /// By kind, in the order of [`Change::KINDS`].
    pub changes: [u64; Change::KINDS.len()],
}

/// A failover that was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Failover {
    /// The first view that showed the new primary.
    pub at: Timestamp,
    /// Shard, as the new primary names it.
    pub shard: Arc<str>,
    /// Label of the primary before.
    pub before: Arc<str>,
    /// Label of the new primary.
    pub after: Arc<str>,
    /// How long slots had been without a live owner when it was seen; 0 if no view showed any.
    pub uncovered_seconds: f64,
}

/// Full resynchronisations that a primary gave between two polls, and replicas that it cut off.
#[derive(Clone, Debug, PartialEq)]
pub struct Resync {
    /// The view that showed them.
    pub at: Timestamp,
    /// Shard of the primary.
    pub shard: Arc<str>,
    /// How many: INFO `sync_full` grew by so much.
    pub count: u64,
    /// How many of these a replica explains that had just joined, restarted or changed its primary: a rolling
    /// restart is no loop. A replica explains one within the hour.
    pub explained: u64,
    /// INFO `client_output_buffer_limit_disconnections` grew by so much: clients of any kind, of which the replicas
    /// come back for a full resynchronisation.
    pub cut_off: u64,
}

/// Keys in slots that their node neither owns nor imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orphans {
    /// DBSIZE less the keys in the node's own and importing slots, the least of the last counts in a row that found
    /// any; 0 if the last count found none.
    pub keys: u64,
    /// Counts in a row that found some.
    pub confirmed: u32,
    /// The last count.
    pub at: Timestamp,
}
