//! What changed from view to view: members, addresses, roles, slots, failovers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::address::Address;
use crate::model::node::{NodeId, Role};
use crate::model::slots::SlotSet;
use crate::model::view::{ClusterView, Member};

/// What happened. The kinds of `rediscluster_topology_changes_total`, and failovers.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A node is named that was not before.
    Joined,
    /// No node names it any more.
    Left,
    /// It announces another address than before.
    AddressChanged {
        /// The label it had.
        before: Arc<str>,
    },
    /// Primary became replica, or replica primary.
    RoleChanged {
        /// What it is now.
        now: Role,
    },
    /// It owns other slots than before, on its own word.
    SlotsMoved {
        /// Slots that it has now and had not.
        gained: u32,
        /// Slots that it had and has no more.
        lost: u32,
    },
    /// A replica became the primary of slots that its primary had.
    Failover {
        /// Label of the primary before.
        before: Arc<str>,
    },
}

impl Change {
    /// Values of the label `kind`; failovers have a metric of their own.
    pub const KINDS: [&str; 5] = ["joined", "left", "address_changed", "role_changed", "slots_moved"];

    /// Stable short name.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Left => "left",
            Self::AddressChanged { .. } => "address_changed",
            Self::RoleChanged { .. } => "role_changed",
            Self::SlotsMoved { .. } => "slots_moved",
            Self::Failover { .. } => "failover",
        }
    }
}

/// A change and the node it befell.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Label of the node.
    pub node: Arc<str>,
    /// Its id.
    pub id: NodeId,
    /// What happened.
    pub change: Change,
}

/// Counts since the exporter started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Failovers, planned or not.
    pub failovers: u64,
    /// By kind, in the order of [`Change::KINDS`].
    pub changes: [u64; Change::KINDS.len()],
}

/// What was last known of a node.
#[derive(Clone, Debug)]
struct Known {
    label: Arc<str>,
    /// Where it was when an address of it was last known.
    announced: Option<Address>,
    role: Option<Role>,
    primary: Option<NodeId>,
    slots: SlotSet,
}

/// The members as last known.
#[derive(Clone, Debug, Default)]
pub(super) struct Topology {
    known: BTreeMap<NodeId, Known>,
    totals: Totals,
}

impl Topology {
    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// Takes in a view. The first one that names anybody is where everything begins: nothing changed yet.
    pub(super) fn fold(&mut self, view: &ClusterView) -> Vec<Event> {
        if view.tables.is_empty() {
            return Vec::new();
        }
        let is_first = self.known.is_empty();
        let mut events = Vec::new();
        for member in &view.members {
            self.compare(member, &mut events);
        }
        let gone = |id: &NodeId| view.member(*id).is_none();
        for (id, known) in self.known.iter().filter(|(id, _)| gone(id)) {
            events.push(Event { node: known.label.clone(), id: *id, change: Change::Left });
        }
        self.known.retain(|id, _| !gone(id));
        for member in &view.members {
            self.remember(member);
        }
        if is_first {
            return Vec::new();
        }
        for event in &events {
            match Change::KINDS.iter().position(|kind| *kind == event.change.kind()) {
                Some(kind) => self.totals.changes[kind] += 1,
                None => self.totals.failovers += 1,
            }
        }
        events
    }

    fn compare(&self, member: &Member, events: &mut Vec<Event>) {
        let mut push = |change| events.push(Event { node: member.label.clone(), id: member.id, change });
        let Some(known) = self.known.get(&member.id) else { return push(Change::Joined) };
        // A node that lost its address (noaddr) did not move, nor did one that the configuration names otherwise.
        if let (Some(before), Some(now)) = (&known.announced, &member.announced)
            && before != now
        {
            push(Change::AddressChanged { before: known.label.clone() });
        }
        // Roles and slots change on the node's own word: what others hold of it trails behind.
        let Some(claim) = member.viewpoint().and_then(|view| view.own_row()) else { return };
        let (Some(before), Some(now)) = (known.role, claim.role) else { return };
        if before != now {
            push(Change::RoleChanged { now });
        }
        if known.slots != claim.slots {
            let gained = claim.slots.difference(&known.slots).len();
            push(Change::SlotsMoved { gained, lost: known.slots.difference(&claim.slots).len() });
        }
        let followed = known.primary.and_then(|id| self.known.get(&id));
        if let (Role::Replica, Role::Primary, Some(primary)) = (before, now, followed)
            && !claim.slots.intersection(&primary.slots).is_empty()
        {
            push(Change::Failover { before: primary.label.clone() });
        }
    }

    fn remember(&mut self, member: &Member) {
        let own = member.viewpoint().and_then(|view| view.own_row());
        let before = self.known.get(&member.id);
        let announced = member.announced.clone().or_else(|| before?.announced.clone());
        let label = member.label.clone();
        let known = match (own, before) {
            (Some(own), _) => {
                Known { label, announced, role: own.role, primary: own.primary, slots: own.slots.clone() }
            }
            (None, Some(before)) => Known { label, announced, ..before.clone() },
            (None, None) => Known {
                label,
                announced,
                role: member.role,
                primary: member.primary,
                slots: member.slots.clone(),
            },
        };
        self.known.insert(member.id, known);
    }
}
