//! Slots are on the move and do not get on. Any of:
//!
//! - opened by SETSLOT for longer than the limit while no key left the source (`no_progress`);
//! - opened by SETSLOT at one end only, while the other end answers and shows nothing (`only_source_open`,
//!   `only_target_open`): keys of the slot can be asked for and not be found, or be written to both ends;
//! - a marker on a node that does not own the slot it is said to give away (`left_on_former_owner`): no more than a
//!   nuisance, until the next migration of the slot is refused;
//! - an atomic migration that failed or went silent (`failed`, `silent`; see the module `atomic`).
//!
//! A resharding opens and closes the two ends within milliseconds of each other: where there is a poll before, the same
//! slot must have stood open at one end in it too. A node's replicas repeat its markers from Valkey 8 on; they do not
//! count. How long slots have been open is known from the second poll on.

mod atomic;
mod setslot;

use std::collections::BTreeMap;

use super::{Check, Context, Needs, runbook, seconds};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, seconds as span};
use crate::model::migration::Mechanism;
use crate::model::node::NodeId;
use crate::model::slots::SlotSet;

pub(super) static CHECK: Check = Check {
    code: "migration_stalled",
    severity: Severity::P2,
    hold: seconds(0),
    summary: "A slot migration makes no progress.",
    since: "0.1.0",
    explains: &["migration_slow"],
    runbook: runbook!("migration_stalled"),
    needs: Needs::Node,
    look,
};

/// Who gives slots away and who takes them.
type Ends = (Option<NodeId>, Option<NodeId>);

/// What is wrong with some slots of a pair of nodes.
struct Trouble {
    reason: &'static str,
    slots: SlotSet,
    words: String,
}

fn look(context: &Context<'_>) -> Outcome {
    let mut troubles: BTreeMap<Ends, Vec<Trouble>> = BTreeMap::new();
    let mut add = |ends: Ends, trouble| troubles.entry(ends).or_default().push(trouble);
    let (now, unanswered) = setslot::markers(context.view);
    let before = context.before.view.as_ref().map(|previous| setslot::markers(previous).0);
    let lasting = now.iter().filter(|marker| before.as_ref().is_none_or(|before| before.contains(marker)));
    let mut by_reason: BTreeMap<(Ends, &'static str), SlotSet> = BTreeMap::new();
    for (ends, reason, slot) in lasting {
        by_reason.entry((*ends, reason)).or_default().insert(*slot);
    }
    for ((ends, reason), slots) in by_reason {
        let words = match reason {
            "only_source_open" => format!("only {} has them open", context.end_label(ends.0)),
            "only_target_open" => format!("only {} has them open", context.end_label(ends.1)),
            _ => format!("{} shows a marker and does not own them", context.end_label(ends.0)),
        };
        add(ends, Trouble { reason, slots, words });
    }
    for (ends, slots, open) in setslot::idle(context) {
        let words = format!("open for {} and no key moves", span(open));
        add(ends, Trouble { reason: "no_progress", slots, words });
    }
    for (ends, trouble) in atomic::troubles(context) {
        add(ends, trouble);
    }
    let by_setslot = || context.past.migrations.iter().any(|open| open.mechanism == Mechanism::SetSlot);
    if troubles.is_empty() && unanswered {
        return Outcome::Unknown("slots are open and the node at their other end does not answer".to_owned());
    }
    if troubles.is_empty() && by_setslot() && context.before.view.is_none() {
        return Outcome::Unknown("how long slots have been open is not known on the first poll".to_owned());
    }
    Outcome::of(troubles.iter().map(|(ends, troubles)| finding(context, *ends, troubles)).collect())
}

fn finding(context: &Context<'_>, ends: Ends, troubles: &[Trouble]) -> Finding {
    let (source, target) = (context.end_label(ends.0), context.end_label(ends.1));
    let slots = troubles.iter().fold(SlotSet::new(), |all, trouble| all.union(&trouble.slots));
    let words: Vec<String> = troubles.iter().map(|t| format!("{} ({})", t.words, t.slots)).collect();
    let reasons = troubles.iter().map(|t| (t.reason.to_owned(), Value::Slots(t.slots.clone())));
    let mut finding = Finding::new(
        Subject::slots(slots.clone(), [source.clone(), target.clone()]),
        format!("slots {slots} from {source} to {target} do not get on: {}", words.join("; ")),
    )
    .with("slots", slots.clone())
    .with("source", &source)
    .with("target", &target)
    .with("reasons", reasons.collect::<Vec<_>>())
    .with_some("keys_at_source", keys(context, ends.0, &slots).map(Value::Count))
    .with_some("keys_at_target", keys(context, ends.1, &slots).map(Value::Count));
    for member in [ends.0, ends.1].into_iter().flatten().filter_map(|id| context.view.member(id)) {
        finding = finding.run(context.cli(member, "CLUSTER NODES"));
        if troubles.iter().any(|trouble| matches!(trouble.reason, "failed" | "silent")) {
            finding = finding.run(context.cli(member, atomic::log_command(member)));
        } else if let Some(slot) = slots.iter().next() {
            finding = finding.run(context.cli(member, &format!("CLUSTER COUNTKEYSINSLOT {slot}")));
        }
    }
    finding
}

/// Keys of the slots at one end, as far as they were counted there.
fn keys(context: &Context<'_>, end: Option<NodeId>, slots: &SlotSet) -> Option<u64> {
    let counts = &context.view.member(end?)?.said.as_ref()?.key_counts;
    let mut counted = counts.iter().filter(|(slot, _)| slots.contains(*slot)).peekable();
    counted.peek()?;
    Some(counted.map(|(_, keys)| *keys).fold(0, u64::saturating_add))
}
