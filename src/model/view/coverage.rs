//! Which slots have a live owner, independent of what any node calls `cluster_state`, and why the others have none.

use super::{ClusterView, Member};
use crate::model::node::Health;
use crate::model::slots::SlotSet;

/// The 16384 slots by what became of them. `covered` and the four reasons share out all slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Slots with a live owner.
    pub covered: SlotSet,
    /// No node owns them.
    pub unassigned: SlotSet,
    /// The owner is failed by quorum.
    pub owner_failed: SlotSet,
    /// The owner does not answer, and a peer suspects it or none vouches for it.
    pub owner_unreachable: SlotSet,
    /// The owner is reading its dataset.
    pub owner_loading: SlotSet,
    /// Claimed by two or more primaries, each on its own word; these count as covered if a claimant is live.
    pub contested: SlotSet,
}

/// What an owner is worth.
enum Owner {
    Live,
    Failed,
    Unreachable,
    Loading,
}

impl Coverage {
    /// Before any node has said anything: nobody can be reached.
    pub(super) fn unknown() -> Self {
        let none = SlotSet::new;
        Self {
            covered: none(),
            unassigned: none(),
            owner_failed: none(),
            owner_unreachable: SlotSet::all(),
            owner_loading: none(),
            contested: none(),
        }
    }

    /// Slots without a live owner.
    pub fn uncovered(&self) -> u32 {
        u32::from(crate::model::slots::SLOT_COUNT) - self.covered.len()
    }

    /// The reasons, by the value of their label.
    pub fn reasons(&self) -> [(&'static str, &SlotSet); 4] {
        [
            ("unassigned", &self.unassigned),
            ("owner_failed", &self.owner_failed),
            ("owner_unreachable", &self.owner_unreachable),
            ("owner_loading", &self.owner_loading),
        ]
    }

    /// Judges the slots of a view whose members and tables stand.
    pub(super) fn of(view: &ClusterView) -> Self {
        if view.tables.is_empty() && view.members.is_empty() {
            return Self::unknown();
        }
        let [mut live, mut failed, mut unreachable, mut loading] = [(); 4].map(|()| SlotSet::new());
        let (mut claimed, mut contested) = (SlotSet::new(), SlotSet::new());
        for member in &view.members {
            if let Some(claim) = member.claim() {
                if !claimed.is_disjoint(claim) {
                    contested = contested.union(&claimed.intersection(claim));
                }
                claimed = claimed.union(claim);
            }
            // A node that told its table owns what it claims; for one that did not, its peers' word stands.
            if !member.is_primary() || member.slots.is_empty() {
                continue;
            }
            let into = match judge(view, member) {
                Owner::Live => &mut live,
                Owner::Failed => &mut failed,
                Owner::Unreachable => &mut unreachable,
                Owner::Loading => &mut loading,
            };
            *into = into.union(&member.slots);
        }
        let owner_loading = loading.difference(&live);
        let owner_failed = failed.difference(&live).difference(&owner_loading);
        let known = live.union(&owner_loading).union(&owner_failed);
        let owner_unreachable = unreachable.difference(&known);
        let unassigned = SlotSet::all().difference(&known.union(&owner_unreachable));
        Self { covered: live, unassigned, owner_failed, owner_unreachable, owner_loading, contested }
    }
}

fn judge(view: &ClusterView, member: &Member) -> Owner {
    let loading = member.said.as_ref().is_some_and(|said| said.is_loading());
    // Either will do: a user may be refused one of them, and the server serves all the same.
    let answered = member.said.as_ref().is_some_and(|said| said.info.is_ok() || said.nodes.is_ok());
    if loading {
        return Owner::Loading;
    }
    if member.failed {
        return Owner::Failed;
    }
    // Where we cannot ask it, but its peers hold it for alive and none suspects it, the fault is on our side.
    let vouched = || view.seen_by(member.id).any(|(_, row)| row.health == Health::Alive);
    if answered || (member.suspected_by == 0 && vouched()) { Owner::Live } else { Owner::Unreachable }
}
