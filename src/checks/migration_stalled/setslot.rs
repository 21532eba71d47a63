//! Slots that `CLUSTER SETSLOT` opened, by the markers of both ends and by how long they have been open.

use std::collections::{BTreeMap, BTreeSet};

use super::Ends;
use crate::checks::Context;
use crate::model::node::{Direction, OpenSlot};
use crate::model::slots::SlotSet;
use crate::model::view::ClusterView;

/// One slot that is open the wrong way, with the reason.
type Marker = (Ends, &'static str, u16);

/// Slots that one end alone shows, and markers on former owners; and whether an end that could tell is silent.
pub(super) fn markers(view: &ClusterView) -> (BTreeSet<Marker>, bool) {
    let (mut found, mut unanswered) = (BTreeSet::new(), false);
    for member in view.members.iter().filter(|member| member.is_primary()) {
        let Some(said) = member.viewpoint() else { continue };
        for open in &said.open_slots {
            let owned = said.own_row().is_some_and(|own| own.slots.contains(open.slot));
            let (ends, reason) = match open.direction {
                Direction::Migrating if !owned => ((member.id, open.peer), "left_on_former_owner"),
                Direction::Migrating => ((member.id, open.peer), "only_source_open"),
                Direction::Importing => ((open.peer, member.id), "only_target_open"),
            };
            let other = other_end_open(view, open);
            unanswered |= other.is_none();
            if reason == "left_on_former_owner" || other == Some(false) {
                found.insert(((Some(ends.0), Some(ends.1)), reason, open.slot));
            }
        }
    }
    (found, unanswered)
}

/// Whether the peer of a marker shows the slot too; `None` if it does not answer. One that no table holds does not.
fn other_end_open(view: &ClusterView, open: &OpenSlot) -> Option<bool> {
    let Some(peer) = view.member(open.peer) else { return Some(false) };
    let there = peer.viewpoint()?.open_slots.iter();
    Some(there.filter(|other| other.slot == open.slot).any(|other| other.direction != open.direction))
}

/// Slots open too long without progress, by their ends, with the longest time.
pub(super) fn idle(context: &Context<'_>) -> Vec<(Ends, SlotSet, f64)> {
    let mut idle: BTreeMap<Ends, (SlotSet, f64)> = BTreeMap::new();
    for migration in &context.past.migrations {
        if let (open, true) = context.open_for(migration) {
            let entry = idle.entry((migration.source, migration.target)).or_default();
            *entry = (entry.0.union(&migration.slots), entry.1.max(open));
        }
    }
    idle.into_iter().map(|(ends, (slots, open))| (ends, slots, open)).collect()
}
