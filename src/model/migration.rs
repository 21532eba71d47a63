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
    /// When it was last heard of: `last_ack_time` or `last_update_time` (Valkey only), by the server's clock.
    pub last_heard: Option<Timestamp>,
    /// Whether an end time is set (Redis: `end_time` other than -1; Valkey: a final state).
    pub ended: bool,
}

impl Migration {
    /// Whether slots are still on the move by this entry's word.
    pub fn is_open(&self) -> bool {
        self.progress == Progress::Running && !self.ended
    }
}
