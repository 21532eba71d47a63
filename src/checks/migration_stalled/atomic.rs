//! Atomic migrations that failed or went silent, by the logs of both ends.
//!
//! The importer's entry counts where it answers: on Redis the importer tries again by itself, and an entry at the source
//! may read *failed* for good. One that either end calls cancelled was called off, even if the other end then reads
//! *failed*. A failure is no longer told once the same slots were tried again, once the source does not own them any
//! more, or after `migration_failed_seconds`. Silence is judged by the source's entry: on Valkey only there the time of the
//! last acknowledgement moves on. Redis tells of none: there a migration is silent while nothing comes to the target,
//! or the target does not answer.

use std::collections::BTreeMap;

use super::{Ends, Trouble};
use crate::checks::Context;
use crate::model::finding::seconds;
use crate::model::migration::{End, Mechanism, Migration, Progress};
use crate::model::time::Timestamp;
use crate::model::view::Member;

type Entry<'a> = (&'a Member, &'a Migration);

pub(super) fn troubles(context: &Context<'_>) -> Vec<(Ends, Trouble)> {
    let mut logs: BTreeMap<&str, Vec<Entry<'_>>> = BTreeMap::new();
    // A replica of Valkey repeats its primary's log without the two ends.
    for member in context.view.members.iter().filter(|member| member.is_primary()) {
        let log = member.said.as_ref().and_then(|said| said.migrations.as_ref().ok());
        for entry in log.into_iter().flatten() {
            logs.entry(&entry.name).or_default().push((member, entry));
        }
    }
    let judged = logs.iter().filter_map(|(name, entries)| {
        let (ends, trouble) = judge(context, entries)?;
        let later = |(other, entries): (&&str, &Vec<Entry<'_>>)| {
            other != name && created(entries) > created(&logs[name]) && covers(entries, &trouble)
        };
        let superseded = trouble.reason == "failed" && logs.iter().any(later);
        (!superseded).then_some((ends, trouble))
    });
    judged.collect()
}

fn created(entries: &[Entry<'_>]) -> Option<Timestamp> {
    entries.iter().filter_map(|(_, entry)| entry.created).min()
}

fn covers(entries: &[Entry<'_>], trouble: &Trouble) -> bool {
    entries.iter().any(|(_, entry)| trouble.slots.difference(&entry.slots).is_empty())
}

fn judge(context: &Context<'_>, entries: &[Entry<'_>]) -> Option<(Ends, Trouble)> {
    let done = |(_, entry): &Entry<'_>| matches!(entry.progress, Progress::Succeeded | Progress::Cancelled);
    if entries.iter().any(done) {
        return None;
    }
    let at = |end| entries.iter().find(|(_, entry)| entry.end == end);
    let (member, entry) = at(End::Target).or_else(|| at(End::Source))?;
    let ends = (
        entries.iter().find_map(|(_, entry)| entry.source),
        entries.iter().find_map(|(_, entry)| entry.target),
    );
    let trouble = |reason, words| Some((ends, Trouble { reason, slots: entry.slots.clone(), words }));
    if entry.progress == Progress::Failed {
        let source = ends.0.and_then(|id| context.view.member(id));
        let moot = source.is_some_and(|source| source.slots.intersection(&entry.slots).is_empty());
        let retrying = !entry.ended && entry.end == End::Target;
        let tried = entry.created.map_or(0.0, |created| clock(context, member).seconds_since(created));
        let old = entry.last_heard.is_some_and(|heard| {
            clock(context, member).seconds_since(heard) > context.limits.migration_failed_seconds
        });
        if moot || old || (retrying && tried <= context.limits.migration_silent_seconds) {
            return None;
        }
        let why = if entry.message.is_empty() { "no reason told" } else { &entry.message };
        return trouble("failed", format!("{} says failed: {why}", member.label));
    }
    let (member, entry) = at(End::Source).filter(|(_, entry)| entry.is_open())?;
    let silent = match entry.last_heard {
        Some(heard) => clock(context, member).seconds_since(heard),
        None => nothing_came_for(context, entry)?,
    };
    if silent <= context.limits.migration_silent_seconds {
        return None;
    }
    trouble("silent", format!("{}, nothing heard of for {}", entry.state, seconds(silent)))
}

/// Seconds for which nothing has come to the target, as far as it was watched. `None` where it answers and does not count.
fn nothing_came_for(context: &Context<'_>, entry: &Migration) -> Option<f64> {
    let open = context.past.migrations.iter().find(|open| {
        open.mechanism == Mechanism::Atomic && open.source == entry.source && open.slots == entry.slots
    })?;
    let counts = open.received.is_some() || !context.view.member(open.target?)?.is_up();
    counts.then_some(context.view.at.seconds_since(open.progressed_at?))
}

/// The instant of the poll by the server's clock, as its log is.
fn clock(context: &Context<'_>, member: &Member) -> Timestamp {
    let said = member.said.as_ref();
    let told = said.and_then(|said| said.replication.as_ref().ok()?.server_time);
    told.unwrap_or(context.view.at)
}

/// The command that shows the log.
pub(super) fn log_command(member: &Member) -> &'static str {
    let info = member.said.as_ref().and_then(|said| said.info.as_ref().ok());
    match info.and_then(|info| info.get("valkey_version")) {
        Some(_) => "CLUSTER GETSLOTMIGRATIONS",
        None => "CLUSTER MIGRATION STATUS ALL",
    }
}
