//! A primary holds keys in slots that it neither owns nor imports: no client can reach them, they cost memory, and they
//! come back to life when the slot does. What a migration leaves behind that was broken off, or `SETSLOT NODE` set too
//! early.
//!
//! Counted by a slow sweep: DBSIZE less the keys of the node's own and importing slots, which works on every version.
//! What expires while it runs makes single counts wrong, so several in a row must find some; a look without any poll
//! before it has but one and takes it. Redis deletes the keys of slots that it gave away in the background: that takes
//! less than the hold. Replicas own no slot and repeat their primary's keys; they are not judged. Where the keys of a slot
//! are counted that nobody owns, they are found at once, without a sweep.

use super::context::Node;
use super::shell::shell_word;
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::past::Orphans;
use crate::model::slots::SlotSet;
use crate::model::view::Member;

pub(super) static CHECK: Check = Check {
    code: "orphaned_keys",
    severity: Severity::P2,
    hold: minutes(30),
    summary: "A node holds keys of slots that it does not own.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("orphaned_keys"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let enough = if context.before.view.is_none() { 1 } else { context.limits.orphaned_keys_confirmations };
    let counted = context.past.orphans.iter().filter_map(|(id, orphans)| {
        let member = context.view.member(*id)?;
        member.is_primary().then_some((member, orphans))
    });
    let mut findings: Vec<Finding> = context.nodes().filter_map(|node| stray(context, node)).collect();
    let (mut unconfirmed, mut told) = (None, !findings.is_empty());
    for (member, orphans) in counted {
        told = true;
        match orphans {
            _ if findings.iter().any(|finding| finding.subject.nodes == [member.label.clone()]) => {}
            Orphans { keys: 1.., confirmed, .. } if *confirmed >= enough => {
                findings.push(finding(context, member, orphans));
            }
            Orphans { keys: 1.., .. } => unconfirmed = Some(&member.label),
            _ => {}
        }
    }
    match unconfirmed {
        _ if !told => Outcome::Unknown("no node's keys have been counted yet".to_owned()),
        Some(label) if findings.is_empty() => {
            Outcome::Unknown(format!("another count must confirm the keys found on {label}"))
        }
        _ => Outcome::of(findings),
    }
}

/// Keys that a primary told of slots that no node owns.
fn stray(context: &Context<'_>, node: Node<'_>) -> Option<Finding> {
    let unassigned = &context.view.coverage.unassigned;
    let counts =
        || node.said.key_counts.iter().filter(|(slot, keys)| *keys > 0 && unassigned.contains(*slot));
    let slots: SlotSet = counts().map(|(slot, _)| (*slot, *slot)).collect();
    if slots.is_empty() || !node.member.is_primary() {
        return None;
    }
    let (label, keys) = (&node.member.label, counts().map(|(_, keys)| *keys).fold(0, u64::saturating_add));
    let first = slots.iter().next().unwrap_or_default();
    Some(
        Finding::new(
            Subject::node(node.member),
            format!("{label} holds {keys} keys of slots {slots}, which no node owns"),
        )
        .with("keys", Value::Count(keys))
        .with("found_in", slots)
        .run(context.cli(node.member, &format!("CLUSTER GETKEYSINSLOT {first} 10")))
        .run(context.cli(node.member, &format!("CLUSTER ADDSLOTS {first}"))),
    )
}

fn finding(context: &Context<'_>, member: &Member, orphans: &Orphans) -> Finding {
    let (keys, confirmed) = (orphans.keys, orphans.confirmed);
    let sweep = member.said.as_ref().and_then(|said| said.key_sweep.as_ref());
    let elsewhere = sweep.map(|sweep| {
        let own = |slot: u16| member.slots.contains(slot);
        sweep
            .counts
            .iter()
            .filter(|(slot, keys)| *keys > 0 && !own(*slot))
            .map(|(slot, _)| (*slot, *slot))
            .collect()
    });
    // Redis 8.4 and later counts no keys in slots that the node does not own.
    let elsewhere = elsewhere.filter(|slots: &SlotSet| !slots.is_empty());
    let summary = format!("{} holds {keys} keys of slots that it neither owns nor imports", member.label);
    Finding::new(Subject::node(member), summary)
        .with("keys", Value::Count(keys))
        .with("counts_in_a_row", Value::Count(confirmed.into()))
        .with("last_counted", Value::Time(orphans.at.as_seconds()))
        .with("owned", member.slots.clone())
        .with_some("found_in", elsewhere)
        .run(context.cli(member, "DBSIZE"))
        .run(format!("redis-cli --cluster check {}", shell_word(&member.label)))
        .run(context.cli(member, "CLUSTER GETKEYSINSLOT SLOT 10"))
}
