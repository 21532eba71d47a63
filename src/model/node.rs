//! Nodes as `CLUSTER NODES` shows them: ids, roles, flags, rows, and one node's whole table.

use std::fmt;
use std::sync::Arc;

use super::address::Address;
use super::slots::SlotSet;
use super::time::Timestamp;

/// A node id: 40 hexadecimal digits, first column of `CLUSTER NODES`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; 20]);

impl NodeId {
    /// Reads 40 lower- or upper-case hexadecimal digits.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let digit = |c: u8| (c as char).to_digit(16).map(|d| d as u8);
        if text.len() != 40 {
            return None;
        }
        let mut id = [0; 20];
        for (byte, pair) in id.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(id))
    }

    /// The 40 lower-case hexadecimal digits.
    pub fn digits(&self) -> [u8; 40] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        std::array::from_fn(|at| DIGITS[usize::from(self.0[at / 2] >> (4 * (1 - at % 2)) & 15)])
    }

    /// The 20 bytes, for hashing.
    pub fn bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a node is in its shard. Flags `master` and `slave` of `CLUSTER NODES`, `role` of INFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Serves slots, or may be given some.
    Primary,
    /// Follows a primary.
    Replica,
}

impl Role {
    /// `primary` or `replica`, as in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Replica => "replica",
        }
    }
}

/// How the owner of a table holds a node to be. Flags `fail?` and `fail` of `CLUSTER NODES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// Neither flag.
    Alive,
    /// `fail?` (PFAIL): the owner of the table itself got no answer within the node timeout.
    Suspected,
    /// `fail`: a majority of the primaries agreed.
    Failed,
}

/// One row of `CLUSTER NODES` as far as it is topology: without ping and pong times and link state, which
/// change every second and differ between the viewers of one healthy cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeRow {
    /// Column 1.
    pub id: NodeId,
    /// Announced address, column 2. The host is empty where a lone node does not know its own address yet;
    /// `None` with the flag `noaddr`.
    pub address: Option<Address>,
    /// Cluster bus port, the number behind `@`.
    pub bus_port: u16,
    /// Announced host name (7.0 and later), behind the comma of column 2.
    pub hostname: Option<Arc<str>>,
    /// `None` while the node is in handshake or of unknown role.
    pub role: Option<Role>,
    /// Flags `fail?` and `fail`.
    pub health: Health,
    /// Flag `handshake`: met, not yet a member; the id is a random one.
    pub handshake: bool,
    /// Flag `nofailover`: the replica does not try to take over.
    pub nofailover: bool,
    /// The primary that this replica follows, column 4.
    pub primary: Option<NodeId>,
    /// Configuration epoch, column 7.
    pub config_epoch: u64,
    /// Slots, column 9 and on, without those in brackets.
    pub slots: SlotSet,
}

impl NodeRow {
    /// Whether the row says that the node is a primary that owns slots: one that may vote.
    pub fn is_voter(&self) -> bool {
        self.role == Some(Role::Primary) && !self.slots.is_empty()
    }
}

/// The topology in one node's table: rows in ascending order of id. Equal tables of many viewers are kept once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeTable {
    /// Rows, ascending by id.
    pub rows: Vec<NodeRow>,
    /// Hash over all rows: equal tables have equal fingerprints on every machine.
    pub fingerprint: u64,
    /// Hash over slots and their owners only: equal slot maps have equal hashes.
    pub slot_map: u64,
}

impl NodeTable {
    /// The row of a node.
    pub fn row(&self, id: NodeId) -> Option<&NodeRow> {
        self.rows.binary_search_by_key(&id, |row| row.id).ok().map(|at| &self.rows[at])
    }
}

/// Which way a slot is moving, as the asked node says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// `[slot->-id]`: from this node to `id`.
    Migrating,
    /// `[slot-<-id]`: from `id` to this node.
    Importing,
}

/// A slot opened with `CLUSTER SETSLOT`, on the `myself` line of the asked node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenSlot {
    /// The slot.
    pub slot: u16,
    /// Which way it moves.
    pub direction: Direction,
    /// The node at the other end.
    pub peer: NodeId,
}

/// `CLUSTER NODES` of one node: its table, which node it is in it, and what only it can know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewpoint {
    /// When it was asked. In a large cluster it stands for many polls, as long as nothing else that the node says has
    /// changed.
    pub told_at: Timestamp,
    /// The row flagged `myself`.
    pub myself: NodeId,
    /// The topology it holds.
    pub table: Arc<NodeTable>,
    /// Slots it has open by SETSLOT, ascending.
    pub open_slots: Vec<OpenSlot>,
    /// Peers to which its bus link is down (`disconnected`), ascending. A link may say `connected` long after
    /// a silent partition began.
    pub links_down: Vec<NodeId>,
    /// Peers flagged `fail?` or `fail`, with the last pong that the node got of them (column 6, by the server's
    /// clock), ascending by id.
    pub last_pongs: Vec<(NodeId, Timestamp)>,
}

impl Viewpoint {
    /// Whether it shows anything that only it may show, or that will not last: slots that it has open, peers whose links
    /// are down or that it suspects.
    pub fn is_restless(&self) -> bool {
        !(self.open_slots.is_empty() && self.links_down.is_empty() && self.last_pongs.is_empty())
    }

    /// The node's own row in its own table.
    pub fn own_row(&self) -> Option<&NodeRow> {
        self.table.row(self.myself)
    }
}
