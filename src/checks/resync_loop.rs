//! A shard resynchronises its replicas from scratch again and again: full resynchronisations within the window reach
//! the limit, or the primary cut a client off for its output buffer and gave a full resynchronisation in the same poll
//! or the one after. Usual cause: an output-buffer limit or a backlog too small for the rate of writes.
//!
//! A full resynchronisation for a replica that has just joined, restarted or changed its primary does not count, once
//! per replica and hour: a rolling restart is no loop, a replica that crashes every minute is one. Disconnections for
//! an output buffer are counted for clients of any kind, so alone they prove nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Check, Context, Needs, runbook, seconds};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, bytes, seconds as duration};
use crate::model::info::Field;
use crate::model::past::Resync;

pub(super) static CHECK: Check = Check {
    code: "resync_loop",
    severity: Severity::P2,
    hold: seconds(0),
    summary: "A shard resynchronises its replicas from scratch again and again.",
    since: "0.1.0",
    explains: &["replication_lag", "replication_lag_critical"],
    runbook: runbook!("resync_loop"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    if context.before.view.is_none() {
        return Outcome::Unknown("resynchronisations are counted from the second poll on".to_owned());
    }
    let window = context.limits.full_resyncs_window_seconds;
    let recent = context.past.resyncs.iter();
    let recent = recent.filter(|resync| context.view.at.seconds_since(resync.at) < window);
    let recent: Vec<&Resync> = recent.collect();
    let shards: BTreeSet<&Arc<str>> = recent.iter().map(|resync| &resync.shard).collect();
    Outcome::of(shards.into_iter().filter_map(|shard| judge(context, shard, &recent)).collect())
}

fn judge(context: &Context<'_>, shard: &Arc<str>, recent: &[&Resync]) -> Option<Finding> {
    let of_shard = || recent.iter().filter(|resync| resync.shard == *shard);
    let unexplained: u64 =
        of_shard().map(|resync| resync.count.saturating_sub(resync.explained)).fold(0, u64::saturating_add);
    let cut_off: u64 = of_shard()
        .filter(|cut| of_shard().any(|back| follows(context, cut, back)))
        .map(|cut| cut.cut_off)
        .fold(0, u64::saturating_add);
    let limit = u64::from(context.limits.full_resyncs);
    if unexplained < limit && cut_off == 0 {
        return None;
    }
    let window = context.limits.full_resyncs_window_seconds;
    let mut summary = format!("{unexplained} full resyncs of shard {shard} within {}", duration(window));
    if cut_off > 0 {
        summary.push_str(&format!(
            ", and {cut_off} clients cut off for their output buffer: replicas among them"
        ));
    }
    let all: u64 = of_shard().map(|resync| resync.count).fold(0, u64::saturating_add);
    let primary = context.nodes().find(|node| node.member.is_primary() && node.member.shard == *shard);
    let mut finding = Finding::new(Subject::shard(shard), summary)
        .with("full_resyncs", Value::Count(unexplained))
        .with("limit", Value::Count(limit))
        .with("window", Value::Seconds(window))
        .with("full_resyncs_of_any_cause", Value::Count(all))
        .with("cut_off_for_output_buffer", Value::Count(cut_off));
    let Some(primary) = primary else { return Some(finding) };
    let rate = context.past.write_rates.get(primary.at).copied().flatten();
    let backlog = primary.unsigned(Field::new("repl_backlog_size"));
    let holds = backlog.zip(rate.filter(|rate| *rate > 0.0)).map(|(size, rate)| size as f64 / rate);
    if let (Some(size), Some(holds)) = (backlog, holds) {
        finding.summary.push_str(&format!(
            "; the backlog of {} holds {} of its writes",
            bytes(size),
            duration(holds)
        ));
    }
    finding = finding
        .with("primary", &primary.member.label)
        .with_some("writes", rate.map(|rate| Value::Text(format!("{}/s", bytes(rate as u64)))))
        .with_some("backlog_size", backlog.map(Value::Bytes))
        .with_some("backlog_holds", holds.map(Value::Seconds))
        .with_some("output_buffer_limit", primary.setting("client-output-buffer-limit"))
        .run(context.cli(primary.member, "INFO replication"))
        .run(context.cli(primary.member, "CLIENT LIST TYPE replica"))
        .run(context.cli(primary.member, "CONFIG GET client-output-buffer-limit"))
        .run(context.cli(primary.member, "CONFIG GET repl-backlog-size"));
    Some(finding)
}

/// Whether one that was cut off came back for a full resynchronisation, in the same poll or the one after.
fn follows(context: &Context<'_>, cut: &Resync, back: &Resync) -> bool {
    let polls = back.at.seconds_since(cut.at) / context.interval.as_secs_f64().max(f64::MIN_POSITIVE);
    cut.cut_off > 0 && back.count > back.explained && (0.0..2.0).contains(&polls)
}
