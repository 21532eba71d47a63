//! Slots on the move. Three mechanisms, three places where they show (ecosystem facts, server by server):
//! `CLUSTER SETSLOT` on the `myself` lines of `CLUSTER NODES`; Valkey 9 `CLUSTER GETSLOTMIGRATIONS`;
//! Redis 8.4 `CLUSTER MIGRATION STATUS`.

use super::node::NodeId;
use super::slots::SlotSet;
use super::time::Timestamp;

/// Which end of an atomic migration speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The node that gives the slots away: operation `EXPORT`, `migrate`.
    Source,
    /// The node that takes them: operation `IMPORT`, `import`.
    Target,
}

/// How far an atomic migration has come. States that no version is known to write count as running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// Not yet at its end.
    Running,
    /// The slots changed hands.
    Succeeded,
    /// It ended without effect.
    Failed,
    /// Somebody called it off.
    Cancelled,
}

/// One entry of a node's log of atomic migrations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// `name` (Valkey) or `id` (Redis): the same at both ends.
    pub name: String,
    /// Which end this node is.
    pub end: End,
    /// The slots that move.
    pub slots: SlotSet,
    /// Who gives them away.
    pub source: Option<NodeId>,
    /// Who takes them.
    pub target: Option<NodeId>,
    /// Where it stands.
    pub progress: Progress,
    /// The server's own word for that.
    pub state: String,
    /// `message` (Valkey) or `last_error` (Redis); empty if the server says nothing.
    pub message: String,
    /// When it was asked for, by the server's clock.
    pub created: Option<Timestamp>,
    /// When it was last heard of, by the server's clock: `last_ack_time` or `last_update_time` (Valkey), `end_time`
    /// (Redis, only once it has ended).
    pub last_heard: Option<Timestamp>,
    /// Whether an end time is set (Redis: `end_time` other than -1; Valkey: a final state).
    pub ended: bool,
}

impl Migration {
    /// Whether slots are still on the move by this entry's word.
    pub fn is_open(&self) -> bool {
        // Redis' target tries again what failed until it sets an end; a source's entry may stay failed for good.
        let tried_again = self.progress == Progress::Failed && self.end == End::Target;
        !self.ended && (self.progress == Progress::Running || tried_again)
    }
}

/// How slots are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mechanism {
    /// `CLUSTER SETSLOT … MIGRATING|IMPORTING`, slot by slot and key by key.
    SetSlot,
    /// Whole ranges at once: `CLUSTER MIGRATESLOTS` (Valkey 9), `CLUSTER MIGRATION` (Redis 8.4).
    Atomic,
}

impl Mechanism {
    /// Both, in the order of their series.
    pub const ALL: [Self; 2] = [Self::SetSlot, Self::Atomic];

    /// Value of the label `mechanism`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SetSlot => "setslot",
            Self::Atomic => "atomic",
        }
    }
}

/// Slots that are on the move now, joined from both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenMigration {
    /// By which mechanism.
    pub mechanism: Mechanism,
    /// One slot with SETSLOT; any number otherwise. Empty where only the number of tasks is known
    /// (`cluster_slot_migration_active_tasks`).
    pub slots: SlotSet,
    /// Who gives them away.
    pub source: Option<NodeId>,
    /// Who takes them.
    pub target: Option<NodeId>,
    /// When it began: by the server's word, else when it was first seen.
    pub since: Option<Timestamp>,
    /// Keys still at the source in those of the slots that were counted.
    pub keys_remaining: Option<u64>,
    /// Bytes that the target of an atomic migration has received since its start (INFO `total_net_repl_input_bytes`):
    /// Redis counts there what a migration brings, and its log tells of no acknowledgement.
    pub received: Option<u64>,
    /// The last poll in which the keys became fewer or bytes had come, or the first that saw the migration.
    pub progressed_at: Option<Timestamp>,
}

impl OpenMigration {
    /// Of which no more is known.
    pub fn of(mechanism: Mechanism, slots: SlotSet) -> Self {
        Self {
            mechanism,
            slots,
            source: None,
            target: None,
            since: None,
            keys_remaining: None,
            received: None,
            progressed_at: None,
        }
    }
}
