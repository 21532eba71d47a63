//! Who gives way where all places are taken: first connections whose client has asked nothing yet, then those that have
//! been idle for longest. One whose request is being answered stays.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::presence::Presence;

/// The connections of a server that could go.
#[derive(Default)]
pub(super) struct Places(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    next: u64,
    /// In the order in which they go.
    waiting: BTreeMap<Rank, Weak<Presence>>,
    /// Somebody wants a place, and nobody could go so far.
    wanted: bool,
}

/// When a connection goes: strangers before idle ones, of each kind who has waited longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(Kind, u64);

/// Why a connection could go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Its client has asked nothing yet.
    Stranger,
    /// Its client has asked before, and asks nothing now.
    Idle,
}

impl Places {
    /// Somebody wants a place: the first that can go does, now or as soon as there is one.
    pub(super) fn make_room(&self) {
        loop {
            let first = {
                let mut queue = self.lock();
                let first = queue.waiting.pop_first();
                queue.wanted = first.is_none();
                first
            };
            let Some((_, presence)) = first else { return };
            if let Some(presence) = presence.upgrade() {
                return presence.give_way();
            }
        }
    }

    /// Whoever wanted a place has one.
    pub(super) fn taken(&self) {
        self.lock().wanted = false;
    }

    /// A connection could go from now on; `None` if it has to at once.
    pub(super) fn enter(&self, kind: Kind, presence: &Arc<Presence>) -> Option<Rank> {
        let mut queue = self.lock();
        if std::mem::take(&mut queue.wanted) {
            return None;
        }
        let rank = Rank(kind, queue.next);
        queue.next += 1;
        queue.waiting.insert(rank, Arc::downgrade(presence));
        Some(rank)
    }

    /// It could not any more, or has gone.
    pub(super) fn leave(&self, rank: Rank) {
        self.lock().waiting.remove(&rank);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rank {
    pub(super) fn kind(self) -> Kind {
        self.0
    }
}
