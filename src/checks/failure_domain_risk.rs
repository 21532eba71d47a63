//! Losing one host or one availability zone would uncover slots, since a primary and all of its replicas are there, or
//! would lose the quorum, since half of the voting primaries or more are there: then no replica anywhere takes over.
//!
//! Hosts are announced addresses, zones what Valkey tells in INFO (`availability_zone`). Not judged: a place of one node
//! (a primary without any replica is `replicas_missing`, fewer than three voters are `too_few_primaries`); a cluster whose
//! hosts are all loopback addresses, which is a set-up for tests; and zones, where fewer than two are told: there is nothing
//! to spread over.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Check, Context, Needs, hours, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::node::{NodeId, NodeRow};
use crate::model::slots::SlotSet;
use crate::model::view::Member;

pub(super) static CHECK: Check = Check {
    code: "failure_domain_risk",
    severity: Severity::P3,
    hold: hours(1),
    summary: "Losing one host or availability zone would uncover slots or lose the quorum.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("failure_domain_risk"),
    needs: Needs::Majority,
    look,
};

/// Members by the place that would be lost with them.
type Places<'a> = BTreeMap<&'a str, Vec<&'a Member>>;

fn look(context: &Context<'_>) -> Outcome {
    // What is gone already cannot be lost, nor take over.
    let alive = || context.view.members.iter().filter(|member| !member.failed && member.role.is_some());
    let (mut hosts, mut zones) = (Places::new(), Places::new());
    for member in alive() {
        if let Some(address) = &member.announced {
            hosts.entry(&address.host).or_default().push(member);
        }
        if let Some(zone) = zone(member) {
            zones.entry(zone).or_default().push(member);
        }
    }
    if hosts.is_empty() {
        return Outcome::Unknown("no node announces an address".to_owned());
    }
    if hosts.keys().all(|host| is_loopback(host)) {
        return Outcome::Clear;
    }
    if zones.len() < 2 {
        zones.clear();
    }
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for (kind, places) in [("host", hosts), ("zone", zones)] {
        for (place, members) in places.into_iter().filter(|(_, members)| members.len() > 1) {
            // A zone of one host is that host.
            let ids: Vec<NodeId> = members.iter().map(|member| member.id).collect();
            if seen.insert(ids) {
                findings.extend(judge(context, kind, place, &members));
            }
        }
    }
    Outcome::of(findings)
}

fn zone(member: &Member) -> Option<&str> {
    let info = member.said.as_ref()?.info.as_ref().ok()?;
    info.get("availability_zone").filter(|zone| !zone.is_empty())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn judge(context: &Context<'_>, kind: &'static str, place: &str, members: &[&Member]) -> Option<Finding> {
    let here = |id: NodeId| members.iter().any(|member| member.id == id);
    let (all, lost): (Vec<&NodeRow>, Vec<&NodeRow>) = {
        let all: Vec<_> = context.view.voters().collect();
        let lost = all.iter().copied().filter(|row| here(row.id)).collect();
        (all, lost)
    };
    let quorum_lost = lost.len() > 1 && all.len() - lost.len() < context.view.quorum();
    let replicas = |primary: &Member| context.view.followers(primary.id).filter(|member| !member.failed);
    let only_here = |primary: &&&Member| {
        let mut replicas = replicas(primary).peekable();
        primary.is_primary() && replicas.peek().is_some() && replicas.all(|replica| here(replica.id))
    };
    let uncovered: Vec<&&Member> = members.iter().filter(only_here).filter(|p| !p.slots.is_empty()).collect();
    if !quorum_lost && uncovered.is_empty() {
        return None;
    }
    let mut slots = uncovered.iter().fold(SlotSet::new(), |all, primary| all.union(&primary.slots));
    let mut words = Vec::new();
    if quorum_lost {
        // Nobody can take over for any primary that goes with it.
        slots =
            members.iter().filter(|m| m.is_primary()).fold(slots, |all, primary| all.union(&primary.slots));
        words.push(format!("the quorum ({} of {} voting primaries are there)", lost.len(), all.len()));
    }
    words.push(format!("slots {slots}"));
    let summary =
        format!("losing {kind} {place} with {} nodes would lose {}", members.len(), words.join(" and "));
    let labels = members.iter().map(|member| member.label.clone());
    let finding = Finding::new(Subject::slots(slots.clone(), labels), summary)
        .with("kind", kind)
        .with("place", place)
        .with("voters_there", Value::Count(lost.len() as u64))
        .with("voters", Value::Count(all.len() as u64))
        .with("quorum_lost", quorum_lost)
        .with("slots_lost", slots)
        .with("shards_only_there", uncovered.iter().map(|p| Value::from(&p.label)).collect::<Vec<_>>());
    Some(match context.any_node() {
        Some(node) => finding.run(context.cli(node, "CLUSTER NODES")),
        None => finding,
    })
}
