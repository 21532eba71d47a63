//! The same slot is claimed by two nodes, each as primary on its own word, in two polls in a row: a restarted old
//! primary claims its slots for some milliseconds, and that must not page. A single poll (the first one, or a look
//! from the command line) has nothing before it: its claims are told, and marked as seen once.
//!
//! No single node's view can show this: a table has one owner per slot. The claims come from the `myself` lines of
//! different nodes. A claim counts whoever makes it, and also where only a minority answers; that there is none
//! needs the word of a majority.

use super::{Check, Context, Needs, runbook, seconds};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, bytes};
use crate::model::slots::SlotSet;
use crate::model::snapshot::Replication;
use crate::model::view::Member;

pub(super) static CHECK: Check = Check {
    code: "split_brain",
    severity: Severity::P1,
    hold: seconds(10),
    summary: "Two primaries claim the same slots, each on its own word.",
    since: "0.1.0",
    explains: &["partitioned", "slot_maps_disagree", "node_suspected", "node_failed", "membership_disagrees"],
    runbook: runbook!("split_brain"),
    needs: Needs::Nothing,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let members = &context.view.members;
    if !members.iter().any(|member| member.claim().is_some()) {
        return Outcome::Unknown("no primary told which slots it claims".to_owned());
    }
    let lasting = context.past.contests.lasting(context.limits.split_brain_polls as usize);
    let findings = lasting.filter_map(|((one, other), slots, polls)| {
        let (one, other) = (context.view.member(one)?, context.view.member(other)?);
        Some(finding(context, one, other, &slots, polls))
    });
    context.verdict(findings.collect())
}

fn finding(context: &Context<'_>, one: &Member, other: &Member, slots: &SlotSet, polls: usize) -> Finding {
    let (winner, loser) = if one.config_epoch >= other.config_epoch { (one, other) } else { (other, one) };
    let lost = lost_bytes(winner, loser);
    let fate = match lost {
        Some(lost) => format!("{} of writes", bytes(lost)),
        None => "the writes it took since the split".to_owned(),
    };
    let summary = format!(
        "slots {slots} are claimed by {} (epoch {}) and {} (epoch {}): at heal {} wins and {} loses {fate}; save \
         the RDB of {} before you heal",
        winner.label,
        winner.config_epoch,
        loser.label,
        loser.config_epoch,
        winner.label,
        loser.label,
        loser.label
    );
    Finding::new(Subject::slots(slots.clone(), [winner.label.clone(), loser.label.clone()]), summary)
        .with("slots", slots.clone())
        .with("seen_in_polls_at_least", Value::Count(polls as u64))
        .with("winner", &winner.label)
        .with("loser", &loser.label)
        .with_some("bytes_lost", lost.map(Value::Bytes))
        .with("claimants", Value::Map(vec![claimant(context, winner), claimant(context, loser)]))
        .run(context.cli(loser, "BGSAVE"))
        .run(context.cli(loser, "LASTSAVE"))
        .run(context.cli(loser, "CONFIG GET dir"))
        .run(context.cli(winner, "CLUSTER NODES"))
        .run(context.cli(loser, "CLUSTER NODES"))
}

fn claimant(context: &Context<'_>, member: &Member) -> (String, Value) {
    let said = member.said.as_deref();
    let cluster = said.and_then(|said| said.cluster.as_ref().ok());
    let replication = said.and_then(|said| said.replication.as_ref().ok());
    let info = said.and_then(|said| said.info.as_ref().ok());
    let mut facts = vec![
        ("epoch".to_owned(), Value::Count(member.config_epoch)),
        ("on_quorum_side".to_owned(), Value::Flag(is_on_quorum_side(context, member))),
    ];
    if let Some(cluster) = cluster {
        facts.push(("writable".to_owned(), Value::Flag(cluster.state_ok)));
    }
    if let Some(offset) = replication.and_then(|replication| replication.offset) {
        facts.push(("offset".to_owned(), Value::Count(offset)));
    }
    if let Some(Ok(saved)) = said.map(|said| &said.last_save) {
        facts.push(("last_save".to_owned(), Value::Time(saved.as_seconds())));
    }
    if let Some(uptime) = info.and_then(|info| info.get("uptime_in_seconds")?.parse().ok()) {
        facts.push(("uptime".to_owned(), Value::Seconds(uptime)));
    }
    (member.label.to_string(), Value::Map(facts))
}

/// Whether the nodes that the member holds for alive, and that hold it for alive, have a majority of the votes.
fn is_on_quorum_side(context: &Context<'_>, member: &Member) -> bool {
    let view = context.view;
    let group = |group: &&Vec<usize>| {
        group.iter().filter_map(|at| view.members.get(*at)).any(|other| other.id == member.id)
    };
    let Some(group) = view.groups.iter().find(group) else { return false };
    let members = group.iter().filter_map(|at| view.members.get(*at));
    let voters = members.filter(|other| view.voters().any(|row| row.id == other.id));
    voters.count() >= view.quorum()
}

/// The winner's history forked from the loser's at `second_repl_offset`: what the loser wrote behind it is lost.
fn lost_bytes(winner: &Member, loser: &Member) -> Option<u64> {
    let (winner, loser) = (replication(winner)?, replication(loser)?);
    if winner.replid2 != loser.replid {
        return None;
    }
    loser.offset?.checked_sub(winner.second_offset?.checked_sub(1)?)
}

fn replication(member: &Member) -> Option<&Replication> {
    member.said.as_ref()?.replication.as_ref().ok()
}
