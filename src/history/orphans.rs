//! Counts of keys outside their node's slots, from poll to poll: one count may be wrong by what was written or
//! expired while it ran, so that only counts in a row mean something.

use std::collections::BTreeMap;

use crate::model::node::{Direction, NodeId, Viewpoint};
use crate::model::past::Orphans;
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
            let keys = orphans(sweep, own);
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

/// Keys of the node that no slot accounts for which it owns or imports.
fn orphans(sweep: &KeySweep, own: &Viewpoint) -> u64 {
    let owned = own.own_row().map(|row| &row.slots);
    let importing = |slot: u16| {
        own.open_slots.iter().any(|open| open.slot == slot && open.direction == Direction::Importing)
    };
    let is_own = |slot: u16| owned.is_some_and(|owned| owned.contains(slot)) || importing(slot);
    let counted = sweep.counts.iter().filter(|(slot, _)| is_own(*slot)).map(|(_, keys)| keys).sum();
    sweep.keys.saturating_sub(counted)
}
