//! Counts of keys outside their node's slots, from poll to poll: one count may be wrong by what was written or
//! expired while it ran, so that only counts in a row mean something.

use std::collections::BTreeMap;

use crate::model::node::{Direction, NodeId, Viewpoint};
use crate::model::past::Orphans;
use crate::model::slots::SlotSet;
use crate::model::snapshot::KeySweep;
use crate::model::view::ClusterView;

/// The counts so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    nodes: BTreeMap<NodeId, Orphans>,
}

impl Counted {
    /// Takes in the counts that this poll brought; most polls bring none.
    pub(super) fn fold(&mut self, view: &ClusterView) -> BTreeMap<NodeId, Orphans> {
        self.nodes.retain(|id, _| view.member(*id).is_some());
        for member in &view.members {
            let Some(said) = &member.said else { continue };
            let (Some(sweep), Ok(own)) = (&said.key_sweep, &said.nodes) else { continue };
            let Some(keys) = orphans(sweep, own) else { continue };
            let before = self.nodes.get(&member.id).filter(|before| before.keys > 0);
            let counted = Orphans {
                keys: before.map_or(keys, |before| before.keys.min(keys)),
                confirmed: if keys == 0 { 0 } else { before.map_or(0, |before| before.confirmed) + 1 },
                at: view.at,
            };
            self.nodes.insert(member.id, counted);
        }
        self.nodes.clone()
    }
}

/// Keys of the node that no slot accounts for which it owns or imports. `None` where slots have come or gone since they
/// were counted: their keys are in one of the two numbers only.
fn orphans(sweep: &KeySweep, own: &Viewpoint) -> Option<u64> {
    let importing = own.open_slots.iter().filter(|open| open.direction == Direction::Importing);
    let importing: SlotSet = importing.map(|open| (open.slot, open.slot)).collect();
    let own = own.own_row().map_or_else(SlotSet::new, |row| row.slots.clone()).union(&importing);
    if sweep.of != own && sweep.of != SlotSet::all() {
        return None;
    }
    let counted = sweep.counts.iter().filter(|(slot, _)| own.contains(*slot)).map(|(_, keys)| *keys);
    Some(sweep.keys.saturating_sub(counted.fold(0, u64::saturating_add)))
}
