//! Slots that two primaries claim, from poll to poll: a restarted old primary claims its slots for some milliseconds.

use std::collections::BTreeMap;

use crate::model::node::NodeId;
use crate::model::past::Contests;
use crate::model::slots::SlotSet;
use crate::model::view::ClusterView;

/// Views that are remembered of a contest; more cannot be asked for.
const MOST: usize = 100;

/// The contests that the last view showed.
#[derive(Clone, Debug, Default)]
pub(super) struct Contested {
    views: usize,
    pairs: BTreeMap<(NodeId, NodeId), Vec<SlotSet>>,
}

impl Contested {
    /// Takes in a view, and gives what this one and those before it show in a row.
    pub(super) fn fold(&mut self, view: &ClusterView) -> Contests {
        self.views = (self.views + 1).min(MOST);
        let mut before = std::mem::take(&mut self.pairs);
        for (pair, slots) in contested(view) {
            let mut sets = before.remove(&pair).unwrap_or_default();
            sets.truncate(MOST - 1);
            sets.insert(0, slots);
            self.pairs.insert(pair, sets);
        }
        Contests { views: self.views, pairs: self.pairs.clone() }
    }
}

/// Every two primaries that claim the same slots on their own word.
fn contested(view: &ClusterView) -> Vec<((NodeId, NodeId), SlotSet)> {
    let disputed = &view.coverage.contested;
    let claims = view.members.iter().filter_map(|member| Some((member.id, member.claim()?)));
    let parties: Vec<_> = claims.filter(|(_, claim)| !claim.is_disjoint(disputed)).collect();
    let mut contested = Vec::new();
    for (at, (one, claim)) in parties.iter().enumerate() {
        for (other, theirs) in &parties[at + 1..] {
            let both = claim.intersection(theirs);
            if !both.is_empty() {
                contested.push(((*one, *other), both));
            }
        }
    }
    contested
}
