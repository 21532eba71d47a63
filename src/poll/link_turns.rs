//! Whose CLUSTER LINKS are asked when. A reply has two rows for each peer, and making and reading those of N nodes would
//! cost more than all else that is asked of them: with each poll some nodes have their turn, so few that their rows are
//! at most those of a cluster of [`TOGETHER`], but two nodes at least. First come
//!
//! - nodes whose links may be news: INFO `mem_cluster_links`, which tells of all of them together with every poll, has
//!   moved, or is so much that one may be full; up to eight of these;
//! - then those that answer and have told none, as after a restart;
//! - then those that were asked longest ago, and not since the last slow poll.

use std::collections::{BTreeMap, BTreeSet};

use super::views::is_large;
use crate::model::address::Target;
use crate::model::failure::{AskError, ReadError};
use crate::model::snapshot::NodeSnapshot;

/// Up to so many nodes all are asked with every slow poll.
const TOGETHER: usize = 8;

/// Rows that are asked for with one poll: two for each peer of each of so many nodes.
const ROWS: usize = TOGETHER * 2 * (TOGETHER - 1);

/// So many nodes at least have their turn with each poll, however many rows they have.
const AT_LEAST: usize = 2;

/// So many nodes are asked at most because their links may be news.
const NEWS_AT_ONCE: usize = 8;

/// Where the memory of a node's links differs by this from what it was when they were told, they may be news.
const CHANGE: u64 = 1 << 20;

/// Who was asked when.
#[derive(Debug)]
pub(super) struct LinkTurns {
    asked: BTreeMap<Target, Asked>,
    /// Counts polls.
    poll: u64,
    /// The last slow poll: who was not asked since then is due.
    slow: u64,
    /// The check's: a link that has this share of its limit is full.
    full: f64,
    all_at_once: bool,
}

/// When a node was last asked, and INFO `mem_cluster_links` then.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    poll: u64,
    memory: Option<u64>,
}

/// Why a node is due; those that come first are asked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    News,
    Missing,
    Turn,
}

impl LinkTurns {
    /// Where a link is full that has this share of its limit.
    pub(super) fn new(full: f64) -> Self {
        Self { asked: BTreeMap::new(), poll: 0, slow: 0, full, all_at_once: false }
    }

    /// From now on all nodes have their turn with each slow poll.
    pub(super) fn all_at_once(&mut self) {
        self.all_at_once = true;
    }

    /// A poll begins.
    pub(super) fn begin(&mut self, slow: bool) {
        self.poll += 1;
        if slow {
            self.slow = self.poll;
        }
    }

    /// Which of these targets have their turn now, in a cluster of so many nodes. `before` is what each said in the poll
    /// before.
    pub(super) fn due<'a>(
        &self,
        of: impl IntoIterator<Item = &'a Target>,
        nodes: usize,
        before: &BTreeMap<&Target, &NodeSnapshot>,
    ) -> BTreeSet<Target> {
        let due = |target: &'a Target| {
            let asked = self.asked.get(target).copied().unwrap_or_default();
            Some((self.why(asked, before.get(target).copied())?, asked.poll, target))
        };
        let mut due: Vec<_> = of.into_iter().filter_map(due).collect();
        due.sort_unstable();
        let room = if self.all_at_once && !is_large(nodes) { due.len() } else { at_once(nodes) };
        let has_turn = |at: usize, why: Due| at < room || why == Due::News && at < NEWS_AT_ONCE;
        let turns = due.into_iter().enumerate().filter(|(at, (why, ..))| has_turn(*at, *why));
        turns.map(|(_, (.., target))| target.clone()).collect()
    }

    /// This node was asked, whatever it said.
    pub(super) fn done(&mut self, said: &NodeSnapshot) {
        let asked = Asked { poll: self.poll, memory: said.links_memory() };
        self.asked.insert(said.target.clone(), asked);
    }

    /// Forgets nodes that are not dialled any more.
    pub(super) fn retain(&mut self, is_known: impl Fn(&Target) -> bool) {
        self.asked.retain(|target, _| is_known(target));
    }

    fn why(&self, asked: Asked, said: Option<&NodeSnapshot>) -> Option<Due> {
        let in_turn = (asked.poll < self.slow).then_some(Due::Turn);
        let Some(said) = said else { return in_turn };
        match &said.links {
            Ok(_) if self.may_be_news(asked, said) => Some(Due::News),
            Ok(_) | Err(ReadError::Unsupported | ReadError::Malformed(_)) => in_turn,
            Err(ReadError::Failed(AskError::Denied(_))) => in_turn,
            // Of those that do not answer nobody knows when they will: they wait behind all others.
            Err(_) if said.outcome.is_err() => Some(Due::Turn),
            Err(_) => Some(Due::Missing),
        }
    }

    fn may_be_news(&self, asked: Asked, said: &NodeSnapshot) -> bool {
        let Some(memory) = said.links_memory() else { return false };
        let limit = said.link_buffer_limit().filter(|limit| *limit > 0);
        let one_may_be_full = limit.is_some_and(|limit| memory as f64 >= limit as f64 * self.full);
        one_may_be_full || asked.memory.is_some_and(|then| then.abs_diff(memory) >= CHANGE)
    }
}

/// How many nodes have their turn with a poll.
fn at_once(nodes: usize) -> usize {
    let rows = 2 * nodes.saturating_sub(1).max(1);
    (ROWS / rows).max(AT_LEAST)
}

#[cfg(test)]
mod tests;
