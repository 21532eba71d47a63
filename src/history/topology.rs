//! What changed from view to view: members, addresses, roles, slots, failovers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::address::Address;
use crate::model::node::{NodeId, Role};
use crate::model::past::{Change, Event, Failover, Past, Totals};
use crate::model::slots::SlotSet;
use crate::model::time::Timestamp;
use crate::model::view::{ClusterView, Member};

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
    changed_at: Option<Timestamp>,
    failovers: Vec<Failover>,
    failed_since: BTreeMap<NodeId, Timestamp>,
    uncovered_since: Option<Timestamp>,
}

/// A failover is remembered for so long, in seconds.
const REMEMBERED: f64 = 86_400.0;

impl Topology {
    /// Writes what is remembered into the past of a view.
    pub(super) fn recall(&self, past: &mut Past) {
        past.totals = self.totals;
        past.changed_at = self.changed_at;
        past.failovers.clone_from(&self.failovers);
        past.failed_since.clone_from(&self.failed_since);
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
            events.clear();
        }
        self.count(view, &events);
        self.watch_failures(view);
        events
    }

    fn count(&mut self, view: &ClusterView, events: &[Event]) {
        for event in events {
            self.changed_at = Some(view.at);
            match Change::KINDS.iter().position(|kind| *kind == event.change.kind()) {
                Some(kind) => self.totals.changes[kind] += 1,
                None => self.totals.failovers += 1,
            }
            if let Change::Failover { before } = &event.change {
                self.failovers.push(Failover {
                    at: view.at,
                    shard: view.member(event.id).map_or_else(|| Arc::from(""), |member| member.shard.clone()),
                    before: before.clone(),
                    after: event.node.clone(),
                    uncovered_seconds: self.uncovered_since.map_or(0.0, |since| view.at.seconds_since(since)),
                });
            }
        }
        self.failovers.retain(|failover| view.at.seconds_since(failover.at) < REMEMBERED);
        let surplus = self.failovers.len().saturating_sub(Past::MOST_FAILOVERS);
        self.failovers.drain(..surplus);
    }

    fn watch_failures(&mut self, view: &ClusterView) {
        let failed = view.members.iter().filter(|member| member.failed);
        let since = |id: NodeId| self.failed_since.get(&id).copied().unwrap_or(view.at);
        self.failed_since = failed.map(|member| (member.id, since(member.id))).collect();
        let uncovered = view.coverage.uncovered() > 0;
        self.uncovered_since = uncovered.then(|| self.uncovered_since.unwrap_or(view.at));
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
