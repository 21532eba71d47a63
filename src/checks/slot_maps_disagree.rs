//! Reachable nodes hold different slot maps: clients that ask one are sent to another owner than clients that ask
//! the other.
//!
//! Every change of ownership spreads by gossip and shows for a moment; a map that stays behind its hold is a node
//! cut off, a DELSLOTS on one side, or equal epochs. Compared is who owns which slot, nothing else of the tables.

use std::collections::BTreeMap;

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::node::{NodeId, NodeTable};
use crate::model::slots::SlotSet;
use crate::model::view::Member;

pub(super) static CHECK: Check = Check {
    code: "slot_maps_disagree",
    severity: Severity::P2,
    hold: minutes(2),
    summary: "Reachable nodes hold different slot maps.",
    since: "0.1.0",
    explains: &["epoch_collision", "nodes_unexpected"],
    runbook: runbook!("slot_maps_disagree"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let mut maps: BTreeMap<u64, BTreeMap<usize, &NodeTable>> = BTreeMap::new();
    for held in &context.view.tables {
        let viewers = held.viewers.iter().map(|at| (*at, &*held.table));
        maps.entry(held.table.slot_map).or_default().extend(viewers);
    }
    let Some(reference) = context.view.reference.as_ref() else { return context.verdict(Vec::new()) };
    let viewers = |map: BTreeMap<usize, &NodeTable>| map.into_keys().collect::<Vec<_>>();
    let agreeing = maps.remove(&reference.slot_map).map_or_else(Vec::new, viewers);
    let mut others: Vec<(&NodeTable, Vec<usize>)> =
        maps.into_values().filter_map(|map| Some((*map.values().next()?, viewers(map)))).collect();
    others.sort_by(|a, b| a.1.cmp(&b.1));
    let findings =
        others.iter().map(|(table, viewers)| finding(context, reference, &agreeing, table, viewers));
    context.verdict(findings.collect())
}

fn finding(
    context: &Context<'_>,
    reference: &NodeTable,
    agreeing: &[usize],
    table: &NodeTable,
    viewers: &[usize],
) -> Finding {
    let odd: Vec<&Member> = viewers.iter().filter_map(|at| context.view.members.get(*at)).collect();
    let slots = difference(reference, table).union(&difference(table, reference));
    let labels: Vec<&str> = odd.iter().map(|member| &*member.label).collect();
    let (ours, theirs) = (owners(context, reference, &slots), owners(context, table, &slots));
    let summary = format!(
        "{} hold{} another slot map than {} other nodes: slots {slots} belong to {} there, and to {} elsewhere",
        labels.join(", "),
        if labels.len() == 1 { "s" } else { "" },
        agreeing.len(),
        words(&theirs),
        words(&ours)
    );
    let mut finding =
        Finding::new(Subject::slots(slots.clone(), odd.iter().map(|member| member.label.clone())), summary)
            .with("slots", slots)
            .with("owners_by_most", ours)
            .with("owners_by_these", theirs)
            .with("agreeing_nodes", Value::Count(agreeing.len() as u64));
    let most = agreeing.first().and_then(|at| context.view.members.get(*at));
    for member in odd.first().copied().into_iter().chain(most) {
        finding = finding.run(context.cli(member, "CLUSTER NODES"));
    }
    finding
}

/// Slots that `one` gives to another owner than `other` does, or that only `one` gives to somebody.
fn difference(one: &NodeTable, other: &NodeTable) -> SlotSet {
    one.rows.iter().fold(SlotSet::new(), |slots, row| {
        let same = other.row(row.id).map_or_else(SlotSet::new, |theirs| theirs.slots.clone());
        slots.union(&row.slots.difference(&same))
    })
}

/// Who owns some of these slots by a table: label, epoch, which.
fn owners(context: &Context<'_>, table: &NodeTable, slots: &SlotSet) -> Vec<(String, Value)> {
    let mut owned = SlotSet::new();
    let name = |id: NodeId, epoch: u64| format!("{} (epoch {epoch})", context.label(id));
    let mut owners = Vec::new();
    for row in &table.rows {
        let part = row.slots.intersection(slots);
        if !part.is_empty() {
            owned = owned.union(&part);
            owners.push((name(row.id, row.config_epoch), Value::Slots(part)));
        }
    }
    owners.sort_by(|a, b| a.0.cmp(&b.0));
    let nobody = slots.difference(&owned);
    if !nobody.is_empty() {
        owners.push(("nobody".to_owned(), Value::Slots(nobody)));
    }
    owners
}

fn words(owners: &[(String, Value)]) -> String {
    owners.iter().map(|(owner, _)| owner.as_str()).collect::<Vec<_>>().join(", ")
}
