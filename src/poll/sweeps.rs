//! Whose keys are counted when. Keys in slots that a node does not own can only be seen as the difference of DBSIZE and
//! the keys of its own slots, and that takes a count of all of them: rarely, one node at a time, between two polls.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::model::address::Target;
use crate::model::node::{Direction, Viewpoint};
use crate::model::view::ClusterView;
use crate::probes::Sweep;

/// The turns of the nodes, and what was counted since the last poll.
pub(super) struct Sweeps {
    interval: Duration,
    last: BTreeMap<Target, Instant>,
    done: BTreeMap<Target, Sweep>,
}

impl Sweeps {
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, last: BTreeMap::new(), done: BTreeMap::new() }
    }

    /// The primary that was counted longest ago, if that is an interval or more, and its slots.
    pub(super) fn due(&mut self, view: &ClusterView, now: Instant) -> Option<(Target, Vec<u16>)> {
        let primaries = view.members.iter().filter(|member| member.is_up() && member.is_primary());
        let routes =
            primaries.filter_map(|member| Some((member.said.as_ref()?.target.clone(), member.viewpoint()?)));
        let oldest = routes.min_by_key(|(target, _)| self.last.get(target).copied());
        let (target, own) = oldest?;
        let recent = |at: &Instant| now.duration_since(*at) < self.interval;
        if self.last.get(&target).is_some_and(recent) {
            return None;
        }
        self.last.retain(|known, _| view.members.iter().any(|member| member.route.as_ref() == Some(known)));
        self.last.insert(target.clone(), now);
        Some((target, slots(own)))
    }

    /// Keeps what was counted for the next poll.
    pub(super) fn keep(&mut self, target: Target, swept: Option<Sweep>) {
        if let Some(swept) = swept {
            self.done.insert(target, swept);
        }
    }

    /// What was counted on a node since the last poll.
    pub(super) fn take(&mut self, target: &Target) -> Option<Sweep> {
        self.done.remove(target)
    }
}

/// Slots that the node owns or imports.
fn slots(own: &Viewpoint) -> Vec<u16> {
    let importing = own.open_slots.iter().filter(|open| open.direction == Direction::Importing);
    let owned = own.own_row().into_iter().flat_map(|row| row.slots.iter());
    let mut slots: Vec<u16> = owned.chain(importing.map(|open| open.slot)).collect();
    slots.sort_unstable();
    slots.dedup();
    slots
}
