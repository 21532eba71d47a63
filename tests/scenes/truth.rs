//! What the servers themselves say: the measure of when a fault can be seen, and of when all is well again. Read from
//! `CLUSTER NODES`, `CLUSTER INFO` and `INFO` without a line of the exporter.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::common::naive::NaiveRow;
use crate::common::real::{Cluster, field};

/// How long a node that hangs may hold up a look.
const PATIENCE: Duration = Duration::from_millis(300);

/// A replica so close to its primary, in bytes, has caught up: a busy primary writes on between two questions.
const CAUGHT_UP: u64 = 1_000_000;

/// The nodes of a cluster, to be asked.
#[derive(Clone, Default)]
pub(crate) struct Truth {
    nodes: Vec<String>,
}

impl Truth {
    /// Of these clusters, as they are now.
    pub(crate) fn of(clusters: &[&Cluster]) -> Self {
        Self { nodes: clusters.iter().flat_map(|cluster| cluster.nodes()).cloned().collect() }
    }

    /// The table of a node; empty if it does not tell.
    pub(crate) fn rows(&self, node: &str) -> Vec<NaiveRow> {
        ask(node, "CLUSTER NODES").unwrap_or_default().lines().map(NaiveRow::read).collect()
    }

    /// The node's line about itself.
    fn own(&self, node: &str) -> Option<NaiveRow> {
        self.rows(node).into_iter().find(|row| has(row, "myself"))
    }

    /// Whether the node, on its own word, is the primary of a slot.
    pub(crate) fn owns(&self, node: &str, slot: u16) -> bool {
        self.own(node).is_some_and(|row| has(&row, "master") && row.slots.contains(&slot))
    }

    /// Whether most of the other primaries that answer hold it for failed.
    pub(crate) fn is_failed(&self, node: &str) -> bool {
        let views = self.nodes.iter().filter(|viewer| *viewer != node).map(|viewer| self.rows(viewer));
        let votes = |rows: &Vec<NaiveRow>| {
            rows.iter().any(|row| has(row, "myself") && has(row, "master") && !row.slots.is_empty())
        };
        let views: Vec<_> = views.filter(votes).collect();
        let accusing = views.iter().filter(|rows| flagged(rows, node, &["fail"])).count();
        accusing * 2 > views.len()
    }

    /// Whether `viewer` holds the node for dead, `fail?` or `fail`.
    pub(crate) fn suspects(&self, viewer: &str, node: &str) -> bool {
        flagged(&self.rows(viewer), node, &["fail", "fail?"])
    }

    /// Whether any node at all holds this one for dead.
    pub(crate) fn is_suspected(&self, node: &str) -> bool {
        self.nodes.iter().any(|viewer| self.suspects(viewer, node))
    }

    /// Whether the node answers.
    pub(crate) fn answers(&self, node: &str) -> bool {
        ask(node, "INFO server").is_some()
    }

    /// One field of the node's INFO.
    pub(crate) fn info(&self, node: &str, key: &str) -> Option<String> {
        field(&ask(node, "INFO")?.replace('\r', ""), key)
    }

    /// Whether a replica says that its link is down.
    pub(crate) fn link_is_down(&self, replica: &str) -> bool {
        self.info(replica, "master_link_status").as_deref() == Some("down")
    }

    /// Whether all is well, by the word of every node: each answers and says ok, all have the same table with all slots
    /// and no flag that means trouble, every link of the bus stands (a failover that is asked for before gets no votes), no
    /// slot is open, and every replica follows a primary and has caught up.
    pub(crate) fn is_well(&self) -> bool {
        let trouble = self.trouble();
        LAST_TROUBLE.set(trouble.clone());
        trouble.is_none()
    }

    fn trouble(&self) -> Option<String> {
        let mut tables = BTreeMap::new();
        for node in &self.nodes {
            let rows = self.rows(node);
            let state = ask(node, "CLUSTER INFO").unwrap_or_default();
            if !state.contains("cluster_state:ok") {
                return Some(format!("{node} does not say ok: {state:?}"));
            }
            let flags = ["fail", "fail?", "handshake", "noaddr"];
            let is_bad = |row: &&NaiveRow| {
                flags.iter().any(|flag| has(row, flag)) || !row.open.is_empty() || !row.connected
            };
            if let Some(bad) = rows.iter().find(is_bad) {
                return Some(format!("{node} has {bad:?}"));
            }
            let slots: usize = rows.iter().map(|row| row.slots.len()).sum();
            if slots != 16384 {
                return Some(format!("{node} knows of {slots} slots"));
            }
            let mut table: Vec<_> = rows.iter().map(NaiveRow::topology).collect();
            table.sort();
            tables.insert(table.concat(), node);
        }
        let same = tables.len() == 1;
        (!same).then(|| format!("the tables differ: {tables:#?}")).or_else(|| self.trouble_of_replicas())
    }

    fn trouble_of_replicas(&self) -> Option<String> {
        let rows = self.rows(self.nodes.first()?);
        let mut offsets = BTreeMap::new();
        for row in &rows {
            let Some(offset) = offset(row) else { return Some(format!("no link, or no answer: {row:?}")) };
            offsets.insert(row.id.clone(), offset);
        }
        let (primaries, replicas): (Vec<_>, Vec<_>) = rows.iter().partition(|row| has(row, "master"));
        let is_behind = |row: &&&NaiveRow| {
            let primary = row.primary.as_ref().and_then(|id| offsets.get(id));
            primary.is_none_or(|theirs| theirs.saturating_sub(offsets[&row.id]) >= CAUGHT_UP)
        };
        let is_alone = |row: &&&NaiveRow| {
            let follows = |it: &&NaiveRow| it.primary.as_ref() == Some(&row.id);
            !row.slots.is_empty() && !replicas.is_empty() && !replicas.iter().any(follows)
        };
        let epochs: BTreeSet<u64> = primaries.iter().map(|row| row.epoch).collect();
        let wrong = replicas.iter().find(is_behind).or_else(|| primaries.iter().find(is_alone));
        let collide = epochs.len() != primaries.len();
        wrong.map(|row| format!("{row:?}: {offsets:?}")).or(collide.then(|| "epochs collide".to_owned()))
    }
}

thread_local! {
    static LAST_TROUBLE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What stood against it when this thread last asked whether all is well.
pub(crate) fn last_trouble() -> Option<String> {
    LAST_TROUBLE.take()
}

/// Replication offset of a node that is in sync.
fn offset(row: &NaiveRow) -> Option<u64> {
    let (host, port) = row.address.as_ref()?;
    let info = ask(&format!("{host}:{port}"), "INFO replication")?.replace('\r', "");
    let is_primary = field(&info, "role").as_deref() == Some("master");
    let is_up = field(&info, "master_link_status").as_deref() == Some("up");
    let key = if is_primary { "master_repl_offset" } else { "slave_repl_offset" };
    let offset = field(&info, key)?.parse().ok()?;
    (is_primary || is_up).then_some(offset)
}

fn has(row: &NaiveRow, flag: &str) -> bool {
    row.flags.iter().any(|have| have == flag)
}

/// Whether a table gives the node one of these flags.
fn flagged(rows: &[NaiveRow], node: &str, flags: &[&str]) -> bool {
    let (host, port) = node.rsplit_once(':').expect("host:port");
    let is_it =
        |row: &&NaiveRow| row.address.as_ref().is_some_and(|(h, p)| h == host && p.to_string() == port);
    rows.iter().find(is_it).is_some_and(|row| flags.iter().any(|flag| has(row, flag)))
}

/// The text that a command brings; `None` if none comes, or an error.
pub(crate) fn ask(node: &str, command: &str) -> Option<String> {
    let address: SocketAddr = node.parse().expect("host:port");
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let length = std::str::from_utf8(&head).ok()?.strip_prefix('$')?.trim().parse().ok()?;
    let mut text = vec![0; length];
    stream.read_exact(&mut text).ok()?;
    String::from_utf8(text).ok()
}
