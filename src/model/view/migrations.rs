//! Slots on the move, joined from both ends and all three mechanisms.

use std::collections::BTreeMap;

use super::{ClusterView, Member};
use crate::model::info::Field;
use crate::model::migration::{Mechanism, OpenMigration};
use crate::model::node::{Direction, NodeId};
use crate::model::slots::SlotSet;

impl ClusterView {
    /// Everything that is open: SETSLOT by slot, then atomic migrations by name.
    pub fn open_migrations(&self) -> Vec<OpenMigration> {
        let mut open = self.opened_by_setslot();
        open.extend(self.atomic());
        for migration in &mut open {
            migration.keys_remaining = self.keys_remaining(migration);
            migration.received = self.received(migration);
        }
        open
    }

    /// Both ends show the slot, and from Valkey 8 on their replicas too.
    fn opened_by_setslot(&self) -> Vec<OpenMigration> {
        let mut slots: BTreeMap<u16, (Option<NodeId>, Option<NodeId>)> = BTreeMap::new();
        for member in &self.members {
            let Some(view) = member.viewpoint() else { continue };
            // A replica's marker speaks of its primary.
            let this = if member.is_primary() { Some(member.id) } else { member.primary };
            for open in &view.open_slots {
                let ends = slots.entry(open.slot).or_default();
                let (source, target) = match open.direction {
                    Direction::Migrating => (this, Some(open.peer)),
                    Direction::Importing => (Some(open.peer), this),
                };
                ends.0 = ends.0.or(source);
                ends.1 = ends.1.or(target);
            }
        }
        let migration = |(slot, (source, target))| OpenMigration {
            source,
            target,
            ..OpenMigration::of(Mechanism::SetSlot, [(slot, slot)].into_iter().collect())
        };
        slots.into_iter().map(migration).collect()
    }

    fn atomic(&self) -> Vec<OpenMigration> {
        let mut by_name: BTreeMap<&str, OpenMigration> = BTreeMap::new();
        let mut tasks = 0;
        for said in self.members.iter().filter_map(|member| member.said.as_ref()) {
            for entry in said.migrations.iter().flatten().filter(|entry| entry.is_open()) {
                let open = by_name.entry(&entry.name).or_insert_with(|| OpenMigration {
                    since: entry.created,
                    ..OpenMigration::of(Mechanism::Atomic, entry.slots.clone())
                });
                // A replica of Valkey lists its primary's migrations without the two ends.
                open.source = open.source.or(entry.source);
                open.target = open.target.or(entry.target);
            }
            let active = said.cluster.as_ref().ok().and_then(|cluster| cluster.active_migrations);
            tasks = tasks.max(active.unwrap_or(0));
        }
        // Without the right for the log only the number of a node's tasks is known.
        let nameless = (tasks as usize).saturating_sub(by_name.len());
        let unknown = OpenMigration::of(Mechanism::Atomic, SlotSet::new());
        by_name.into_values().chain(std::iter::repeat_n(unknown, nameless)).collect()
    }

    fn received(&self, migration: &OpenMigration) -> Option<u64> {
        const RECEIVED: Field = Field::new("total_net_repl_input_bytes");
        let target = migration.target.filter(|_| migration.mechanism == Mechanism::Atomic)?;
        self.member(target)?.said.as_ref()?.info.as_ref().ok()?.unsigned(RECEIVED)
    }

    fn keys_remaining(&self, migration: &OpenMigration) -> Option<u64> {
        let counts = &self.member(migration.source?)?.said.as_ref()?.key_counts;
        let mut counted = counts.iter().filter(|(slot, _)| migration.slots.contains(*slot)).peekable();
        counted.peek()?;
        Some(counted.map(|(_, keys)| keys).sum())
    }

    /// Slots whose keys are to be counted on a node with the next poll, up to `most`: those that it is giving away, and on
    /// every primary those that no node owns, since whoever holds their keys should be given them.
    pub fn slots_to_count(&self, open: &[OpenMigration], member: &Member, most: usize) -> Vec<u16> {
        let given = open.iter().filter(|migration| migration.source == Some(member.id));
        let lost = member.is_primary().then_some(&self.coverage.unassigned);
        let lost = lost.into_iter().flat_map(SlotSet::iter);
        given.flat_map(|migration| migration.slots.iter()).chain(lost).take(most).collect()
    }
}
