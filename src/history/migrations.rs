//! First sight and progress of open migrations.

use std::collections::BTreeMap;

use crate::model::migration::{Mechanism, OpenMigration};
use crate::model::node::NodeId;
use crate::model::time::Timestamp;
use crate::model::view::ClusterView;

/// One migration: mechanism, first slot, source. SETSLOT has no name to go by.
type Key = (Mechanism, Option<u16>, Option<NodeId>);

#[derive(Clone, Copy, Debug)]
struct Seen {
    first: Timestamp,
    keys: Option<u64>,
    received: Option<u64>,
    progressed: Timestamp,
}

/// The migrations that were open in the last view.
#[derive(Clone, Debug, Default)]
pub(super) struct Migrations {
    seen: BTreeMap<Key, Seen>,
}

impl Migrations {
    /// The open migrations of a view: dated by the server's word, else by first sight; with the last poll in which
    /// the keys at the source became fewer, or bytes had come to the target.
    pub(super) fn fold(&mut self, view: &ClusterView) -> Vec<OpenMigration> {
        let mut open = view.open_migrations();
        let before = std::mem::take(&mut self.seen);
        for migration in &mut open {
            let key = (migration.mechanism, migration.slots.iter().next(), migration.source);
            let (keys, received) = (migration.keys_remaining, migration.received);
            let fresh = Seen { first: view.at, keys, received, progressed: view.at };
            let mut seen = before.get(&key).copied().unwrap_or(fresh);
            if moved(seen.keys, keys) || moved(received, seen.received) {
                seen.progressed = view.at;
            }
            seen.keys = keys.or(seen.keys);
            seen.received = received.or(seen.received);
            migration.since = migration.since.or(Some(seen.first));
            migration.progressed_at = Some(seen.progressed);
            self.seen.insert(key, seen);
        }
        open
    }
}

/// Whether keys left the source between two counts, or bytes came to the target, seen from the later one. New writes may
/// hide a slow move of keys; a longer look then shows it.
fn moved(from: Option<u64>, to: Option<u64>) -> bool {
    matches!((from, to), (Some(from), Some(to)) if to < from)
}
