//! Too little of the cluster can be seen to judge it: fewer than a majority of the voting primaries told their
//! tables, so that verdicts about the cluster are unknown; or nodes refuse a command that this exporter asks, for
//! want of a right (ACL) or because it was renamed, and what it would have told is missing.
//!
//! The evidence holds the missing rights as they stand in the probe table. Commands that the server does not have
//! are no gap, unless they are required. Redis 6 refuses an unknown subcommand like a forbidden one: there only
//! commands that all versions have count.

use std::collections::BTreeMap;

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::failure::{AskError, Read, ReadError};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::snapshot::NodeSnapshot;
use crate::model::view::Member;
use crate::probes::ProbeId;

pub(super) static CHECK: Check = Check {
    code: "view_incomplete",
    severity: Severity::P2,
    hold: minutes(2),
    summary: "Too little of the cluster can be seen to judge it.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("view_incomplete"),
    needs: Needs::Nothing,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let mut findings = Vec::new();
    let is_minority = !context.has_majority();
    if is_minority && !may_yet_answer(context) {
        findings.push(minority(context));
    }
    let mut gaps: BTreeMap<Vec<&'static str>, Vec<&Member>> = BTreeMap::new();
    for member in &context.view.members {
        let missing = member.said.as_deref().map(missing).unwrap_or_default();
        if !missing.is_empty() {
            gaps.entry(missing).or_default().push(member);
        }
    }
    findings.extend(gaps.iter().map(|(rights, members)| denied(context, rights, members)));
    let unsupported = |m: &&Member| matches!(m.error(), Some(AskError::Unsupported(_)));
    findings.extend(context.view.members.iter().filter(unsupported).map(|member| renamed(context, member)));
    if findings.is_empty() && is_minority {
        return Outcome::Unknown(format!("{}, and others were not asked yet", context.minority()));
    }
    Outcome::of(findings)
}

/// Whether the voters that were not asked (only just named, or no part of a capture) could make a majority: then
/// nothing speaks against anybody yet.
fn may_yet_answer(context: &Context<'_>) -> bool {
    let voters = || context.view.voters().filter_map(|row| context.view.member(row.id));
    let hopeful = |m: &&Member| m.viewpoint().is_some() || (m.said.is_none() && m.route.is_some());
    context.view.reachable() > 0 && voters().filter(hopeful).count() * 2 > context.view.voters().count()
}

fn minority(context: &Context<'_>) -> Finding {
    let voters = context.view.voters().filter_map(|row| context.view.member(row.id));
    let silent = voters.filter(|member| member.viewpoint().is_none());
    let error = |m: &Member| m.error().map_or_else(|| "not asked yet".to_owned(), ToString::to_string);
    let silent: Vec<(String, Value)> =
        silent.map(|member| (member.label.to_string(), Value::Text(error(member)))).collect();
    let summary = format!("{}: verdicts about the cluster are unknown", context.minority());
    Finding::new(Subject::cluster(), summary).with("silent_voters", silent)
}

/// The ACL rules for what a node refused.
fn missing(said: &NodeSnapshot) -> Vec<&'static str> {
    let version = said.info.as_ref().ok().and_then(|info| info.get("redis_version"));
    let by_first_word = version.is_some_and(|version| version.starts_with("6."));
    let rows = refusals(said).into_iter().filter(|(_, text)| text.is_some()).map(|(probe, _)| probe.row());
    let counts = |since: &str| !by_first_word || since == "all";
    rows.filter(|row| !row.acl.is_empty() && counts(row.since)).map(|row| row.acl).collect()
}

/// What the server said to each probe that it refused for want of a right.
fn refusals(said: &NodeSnapshot) -> [(ProbeId, Option<&str>); 12] {
    fn text<T>(part: &Read<T>) -> Option<&str> {
        match part {
            Err(ReadError::Failed(AskError::Denied(text))) => Some(text),
            _ => None,
        }
    }
    // Two commands bring this part: only the text tells which one was refused.
    let migrations = text(&said.migrations).filter(|text| text.to_lowercase().contains("getslotmigrations"));
    [
        (ProbeId::Info, text(&said.info)),
        (ProbeId::ClusterInfo, text(&said.cluster)),
        (ProbeId::ClusterNodes, text(&said.nodes)),
        (ProbeId::ShardId, text(&said.shard_id)),
        (ProbeId::SlotMigrations, migrations),
        (ProbeId::ClusterLinks, text(&said.links)),
        (ProbeId::ConfigGet, text(&said.settings)),
        (ProbeId::LastSave, text(&said.last_save)),
        (ProbeId::Time, text(&said.clock)),
        (ProbeId::SlowlogLen, text(&said.slowlog_length)),
        (ProbeId::LatencyLatest, text(&said.latency)),
        (ProbeId::CommandStats, text(&said.command_stats)),
    ]
}

fn denied(context: &Context<'_>, rights: &[&'static str], members: &[&Member]) -> Finding {
    // 7.2 and later name the user in the refusal.
    let said = members.iter().find_map(|member| member.said.as_deref());
    let told = said.and_then(|said| refusals(said).into_iter().find_map(|(_, text)| text));
    let user = told.and_then(|text| text.split_once("User ")?.1.split(' ').next()).unwrap_or("USER");
    let line = format!("ACL SETUSER {user} {}", rights.join(" "));
    let labels: Vec<&str> = members.iter().map(|member| &*member.label).collect();
    let summary =
        format!("{} refuse what this exporter asks: the user lacks {}", labels.join(", "), rights.join(" "));
    let finding = Finding::new(Subject::nodes(members.iter().map(|member| member.label.clone())), summary)
        .with("missing_rights", rights.iter().map(|right| Value::from(*right)).collect::<Vec<_>>())
        .with_some("error", told)
        .with("acl", line.as_str());
    members.iter().fold(finding, |finding, member| finding.run(context.cli(member, &line)))
}

fn renamed(context: &Context<'_>, member: &Member) -> Finding {
    let error = member.error().map(ToString::to_string).unwrap_or_default();
    let summary =
        format!("{} does not have a required command: renamed, or no cluster node ({error})", member.label);
    Finding::new(Subject::node(member), summary).with("error", error).run(context.cli(member, "CLUSTER INFO"))
}
